//! The rules, each a function from a file to what is wrong with it.

use std::fmt;

use crate::paths::names;
use crate::tokens::{Token, tokens, without_tests};

/// A file under the project's folder.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the project, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// A rule that a file breaks.
#[derive(Debug)]
pub struct Violation {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Each module of the crate and which others it may import.
pub const IMPORTS: &[(&str, &[&str])] = &[
    ("format", &[]),
    ("untrusted", &["format"]),
    ("onnx", &["format", "untrusted"]),
    ("experiment", &["format", "untrusted"]),
    ("event", &["format", "untrusted", "experiment"]),
    ("run", &["format", "untrusted", "experiment", "event"]),
    ("data", &["format", "untrusted", "experiment", "event"]),
    (
        "store",
        &["format", "untrusted", "experiment", "run", "event"],
    ),
    (
        "trainer",
        &["format", "untrusted", "experiment", "run", "event"],
    ),
    (
        "engine",
        &[
            "format",
            "untrusted",
            "experiment",
            "run",
            "event",
            "data",
            "trainer",
            "onnx",
        ],
    ),
    (
        "listing",
        &["format", "experiment", "run", "event", "store"],
    ),
    ("study", &["format", "experiment", "run", "event", "store"]),
    (
        "ui",
        &[
            "format",
            "untrusted",
            "experiment",
            "run",
            "event",
            "store",
            "listing",
            "study",
        ],
    ),
    (
        "report",
        &[
            "format",
            "untrusted",
            "experiment",
            "run",
            "event",
            "store",
            "listing",
            "study",
        ],
    ),
    (
        "tensorboard",
        &["experiment", "run", "event", "store", "format"],
    ),
    ("terminal", &["untrusted"]),
    (
        "app",
        &[
            "format",
            "untrusted",
            "experiment",
            "event",
            "run",
            "data",
            "store",
            "listing",
            "study",
            "trainer",
            "engine",
            "ui",
            "report",
            "tensorboard",
            "terminal",
        ],
    ),
];

/// External crates that only some places may use.
const KEPT_APART: &[(&[&str], &[&str])] = &[
    (&["burn", "burn_tch"], &["src/engine/"]),
    (
        &["ratatui", "crossterm"],
        &[
            "src/ui/",
            "src/ui.rs",
            "src/terminal.rs",
            "src/app.rs",
            "src/app/",
        ],
    ),
];

const UNTELLING_NAMES: &[&str] = &["imp", "base", "utils", "helpers", "manager"];

impl File {
    /// That a rule is broken in this line.
    pub fn violation(&self, line: usize, message: impl Into<String>) -> Violation {
        Violation {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }

    /// The path of its module: `["engine", "device"]` for `src/engine/device.rs`.
    pub fn module(&self) -> Option<Vec<&str>> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut names: Vec<&str> = inside.split('/').collect();
        if matches!(names.last(), Some(&"mod" | &"lib" | &"main")) {
            names.pop();
        }
        Some(names)
    }

    /// Whether it holds a module's tests, beside the module.
    pub fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs")
    }

    /// Tokens of what is not test code.
    pub fn code(&self) -> Vec<Token> {
        if self.is_tests() {
            return Vec::new();
        }
        without_tests(&tokens(&self.text))
    }
}

/// Modules import what [`IMPORTS`] lets them.
pub fn imports(file: &File) -> Vec<Violation> {
    let Some(module) = file.module() else {
        return Vec::new();
    };
    let code = file.code();
    let (own, allowed): (&str, &[&str]) = match (file.path.as_str(), module.first()) {
        ("src/lib.rs", _) => return Vec::new(),
        ("src/main.rs", _) => ("main", &["app"]),
        (_, Some(&own)) => match IMPORTS.iter().find(|(name, _)| *name == own) {
            Some((own, allowed)) => (own, allowed),
            None => return vec![file.violation(1, format!("module `{own}` is not in the table"))],
        },
        (_, None) => return Vec::new(),
    };
    let mut found = Vec::new();
    for named in names(&code) {
        let Some(name) = root_reached(&named.path, module.len()) else {
            continue;
        };
        if name != own && !allowed.contains(&name) {
            let message = format!("`{own}` may not import `{name}`");
            found.push(file.violation(named.line, message));
        }
    }
    found
}

/// The top-level module that a path names, if it leads to the crate's root:
/// `crate::run`, `workbench::run`, `super::super::run`.
fn root_reached(path: &[String], depth: usize) -> Option<&str> {
    match path[0].as_str() {
        "crate" | "workbench" => path.get(1).map(String::as_str),
        "super" => {
            let supers = path.iter().take_while(|name| *name == "super").count();
            let name = path.get(supers).filter(|_| supers >= depth)?;
            // An inline module's `super` leads to an item of the file.
            let is_module = IMPORTS.iter().any(|(module, _)| module == name);
            is_module.then_some(name)
        }
        _ => None,
    }
}

/// External crates stay where [`KEPT_APART`] puts them.
pub fn kept_apart(file: &File) -> Vec<Violation> {
    if file.module().is_none() {
        return Vec::new();
    }
    // Tests of a module live by the same rule, so they are not left out.
    let code = tokens(&file.text);
    let mut found = Vec::new();
    for (crates, places) in KEPT_APART {
        if places.iter().any(|place| file.path.starts_with(place)) {
            continue;
        }
        for (at, token) in code.iter().enumerate() {
            let before = at.checked_sub(1).map_or("", |at| code[at].text.as_str());
            let after = code.get(at + 1).map_or("", |token| token.text.as_str());
            let is_crate = after == "::" || before == "use" || before == "crate";
            if crates.contains(&token.text.as_str()) && before != "::" && is_crate {
                let message = format!("`{}` stays under {}", token.text, places.join(", "));
                found.push(file.violation(token.line, message));
            }
        }
    }
    found
}

/// What writes JSON with whatever is in its texts.
const SERIALIZERS: [&str; 4] = [
    "to_string",
    "to_string_pretty",
    "to_writer",
    "to_writer_pretty",
];

/// JSON leaves the program through `untrusted::json_line` and `json_page`, which escape
/// what a terminal would act on.
pub fn json_output(file: &File) -> Vec<Violation> {
    let leaves = ["src/app/", "src/report/", "src/event/inspection/"];
    if !leaves.iter().any(|place| file.path.starts_with(place)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for named in names(&file.code()) {
        if let [first, last] = named.path.as_slice()
            && first == "serde_json"
            && SERIALIZERS.contains(&last.as_str())
        {
            let message = format!("`serde_json::{last}`: write it with `untrusted::json_line`");
            found.push(file.violation(named.line, message));
        }
    }
    found
}

/// No glob imports outside tests.
pub fn glob_imports(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut in_use = false;
    let mut before = String::new();
    for token in file.code() {
        match token.text.as_str() {
            "use" => in_use = true,
            ";" => in_use = false,
            "*" if in_use && matches!(before.as_str(), "::" | "{" | ",") => {
                found.push(file.violation(token.line, "glob import: name what is used"));
            }
            _ => {}
        }
        before = token.text;
    }
    found
}

/// Nothing unfinished and no test that is not run.
pub fn unfinished(file: &File) -> Vec<Violation> {
    let code = tokens(&file.text);
    let mut found = Vec::new();
    for (at, token) in code.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |at| code[at].text.as_str());
        let after = code.get(at + 1).map_or("", |token| token.text.as_str());
        match token.text.as_str() {
            "todo" | "unimplemented" if after == "!" => {
                found.push(file.violation(token.line, format!("`{}!` is left over", token.text)));
            }
            "ignore" if before == "[" && matches!(after, "]" | "=") => {
                found.push(file.violation(token.line, "a test that is not run"));
            }
            _ => {}
        }
    }
    found
}

/// Files are named for what they hold, and say what they are for.
pub fn shape(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    if !file.is_tests() && !file.text.starts_with("//! ") {
        found.push(file.violation(1, "begins with a `//!` paragraph that says what it is for"));
    }
    let parts = file.path.trim_end_matches(".rs").split('/');
    for part in parts.filter(|part| UNTELLING_NAMES.contains(part)) {
        found.push(file.violation(1, format!("`{part}` does not say what is inside")));
    }
    found
}

/// No path of one machine and no package registry's host, in any kind of file.
pub fn machine_traces(file: &File) -> Vec<Violation> {
    // Put together here, so that this file does not hold them.
    let folders = ["home", "root", "Users", "work"].map(|folder| format!("/{folder}/"));
    let hosts = [
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["crates", "io"],
        ["download.pytorch", "org"],
    ]
    .map(|parts| parts.join("."));
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for folder in &folders {
            if line
                .match_indices(folder)
                .any(|(at, _)| starts_a_path(&line[..at]))
            {
                found.push(file.violation(number, format!("a path of one machine: {folder}")));
            }
        }
        for host in hosts.iter().filter(|host| line.contains(host.as_str())) {
            found.push(file.violation(number, format!("a registry's host: {host}")));
        }
    }
    found
}

/// Whether a `/` after this text begins an absolute path, rather than going on
/// with a relative one, a URL or a variable.
fn starts_a_path(before: &str) -> bool {
    before
        .chars()
        .last()
        .is_none_or(|c| !c.is_alphanumeric() && !"._-~$})>*".contains(c))
}
