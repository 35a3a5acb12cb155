//! Imports between files: whether they run in a circle, and the picture of them.
//!
//! A name is followed through `pub use` to the file that defines it. A module and
//! its parts may know each other: they are one subject. Two parts of a module
//! may not, directly or by way of others, whatever lies below them.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{Named, Path, names};
use crate::rules::{File, IMPORTS, Violation};

/// What leads from one part of a module to another: a file, a line, a name.
struct Import<'a> {
    file: &'a File,
    line: usize,
    path: Path,
}

/// The files of a crate and what they name.
struct Modules<'a> {
    files: BTreeMap<Path, &'a File>,
    /// What each module passes on under a name.
    passed_on: BTreeMap<(Path, String), Path>,
    named: Vec<(Path, Named)>,
}

impl<'a> Modules<'a> {
    fn of(files: &'a [File]) -> Self {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Path>();
        let files: BTreeMap<Path, &File> = files
            .iter()
            .filter(|file| !file.is_tests())
            .filter_map(|file| Some((owned(file.module()?), file)))
            .filter(|(module, _)| !module.is_empty())
            .collect();
        let mut modules = Self {
            files,
            passed_on: BTreeMap::new(),
            named: Vec::new(),
        };
        for (module, file) in &modules.files {
            for named in names(&file.code()) {
                let Some(path) = modules.rooted(module, &named.path) else {
                    continue;
                };
                match named.passed_on_as {
                    Some(name) => {
                        modules.passed_on.insert((module.clone(), name), path);
                    }
                    None => modules
                        .named
                        .push((module.clone(), Named { path, ..named })),
                }
            }
        }
        modules
    }

    /// A path as it is written in a module, from the root; none if it leaves the
    /// crate.
    fn rooted(&self, module: &[String], path: &[String]) -> Option<Path> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let (start, rest) = match path[0].as_str() {
            "crate" | "workbench" => (&[][..], &path[1..]),
            "self" => (module, &path[1..]),
            "super" => (
                &module[..module.len().checked_sub(supers)?],
                &path[supers..],
            ),
            child => {
                let inside = [module, &[child.to_owned()]].concat();
                self.files.get(&inside)?;
                (module, path)
            }
        };
        Some([start, rest].concat())
    }

    /// The module that defines what a path from the root names.
    fn defining(&self, path: &[String]) -> Option<Path> {
        let length = (1..=path.len())
            .rev()
            .find(|&length| self.files.contains_key(&path[..length]))?;
        let (module, rest) = path.split_at(length);
        let elsewhere = rest
            .first()
            .and_then(|name| self.passed_on.get(&(module.to_vec(), name.clone())));
        match elsewhere {
            Some(elsewhere) => self.defining(&[elsewhere, &rest[1..]].concat()),
            None => Some(module.to_vec()),
        }
    }

    /// The imports between the parts of each module, by the module.
    fn between_parts(&self) -> BTreeMap<Path, BTreeMap<String, BTreeMap<String, Import<'a>>>> {
        let mut found: BTreeMap<Path, BTreeMap<String, BTreeMap<String, Import<'a>>>> =
            BTreeMap::new();
        for (from, named) in &self.named {
            let Some(to) = self.defining(&named.path) else {
                continue;
            };
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(part), Some(other)) = (from.get(common), to.get(common)) {
                let parts = found.entry(from[..common].to_vec()).or_default();
                let others = parts.entry(part.clone()).or_default();
                others.entry(other.clone()).or_insert_with(|| Import {
                    file: self.files[from],
                    line: named.line,
                    path: named.path.clone(),
                });
            }
        }
        found
    }
}

/// No parts of a module import each other in a circle. One is reported for each
/// module.
pub fn cycles(files: &[File]) -> Vec<Violation> {
    let mut found = Vec::new();
    for parts in Modules::of(files).between_parts().values() {
        let circle = circle(parts);
        let Some((first, next)) = circle.first().zip(circle.get(1)) else {
            continue;
        };
        let import = &parts[first][next];
        let message = format!(
            "imports run in a circle: {}; here by `{}`",
            circle.join(" → "),
            import.path.join("::")
        );
        found.push(import.file.violation(import.line, message));
    }
    found
}

/// Parts that lead back to the first; empty if there are none.
fn circle(parts: &BTreeMap<String, BTreeMap<String, Import>>) -> Vec<String> {
    fn onward<'a>(
        parts: &'a BTreeMap<String, BTreeMap<String, Import>>,
        left: &BTreeSet<&str>,
        part: &str,
    ) -> Option<&'a str> {
        let mut imported = parts[part].keys().map(String::as_str);
        imported.find(|next| left.contains(next))
    }
    let mut left: BTreeSet<&str> = parts.keys().map(String::as_str).collect();
    while let Some(end) = left
        .iter()
        .copied()
        .find(|part| onward(parts, &left, part).is_none())
    {
        left.remove(end);
    }
    let mut way: Vec<&str> = left.first().copied().into_iter().collect();
    while let Some(next) = way.last().and_then(|part| onward(parts, &left, part)) {
        let seen = way.iter().position(|part| *part == next);
        way.push(next);
        if let Some(at) = seen {
            return way[at..].iter().map(|part| (*part).to_owned()).collect();
        }
    }
    Vec::new()
}

/// Which module at the top imports which, a line for each, importers above
/// what it imports. What is reached by way of another import is left out.
pub fn picture(files: &[File]) -> String {
    let between = Modules::of(files).between_parts();
    let imports = |part: &String| -> BTreeSet<&String> {
        between
            .get(&Path::new())
            .and_then(|parts| parts.get(part))
            .into_iter()
            .flat_map(BTreeMap::keys)
            .collect()
    };
    let reached = |part: &String| {
        let mut reached = BTreeSet::new();
        let mut ahead: Vec<&String> = imports(part).into_iter().collect();
        while let Some(next) = ahead.pop() {
            if reached.insert(next) {
                ahead.extend(imports(next));
            }
        }
        reached
    };
    let mut left: BTreeSet<String> = IMPORTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut lines = Vec::new();
    while let Some(top) = left
        .iter()
        .find(|part| !left.iter().any(|other| reached(other).contains(part)))
        .cloned()
    {
        let all = imports(&top);
        let direct: Vec<&str> = all
            .iter()
            .filter(|part| !all.iter().any(|other| reached(other).contains(*part)))
            .map(|part| part.as_str())
            .collect();
        let arrow = if direct.is_empty() { "" } else { " → " };
        lines.push(
            format!("{top:<11}{arrow}{}", direct.join(", "))
                .trim_end()
                .to_owned(),
        );
        left.remove(&top);
    }
    lines.join("\n")
}
