//! The one place that resolves paths.

use std::path::{Path, PathBuf};

use crate::experiment::problem::Problem;
use crate::experiment::spec::Spec;
use crate::untrusted::Show as _;

/// Resolves what is written against the folder of the experiment file.
pub(in crate::experiment) struct Paths {
    base: PathBuf,
}

impl Paths {
    /// Paths in the file `origin`.
    pub fn beside(origin: &Path) -> Self {
        Self {
            base: folder_of(origin),
        }
    }

    /// The absolute path of what is written, without `..` where it exists.
    pub fn resolve(&self, written: &Path) -> PathBuf {
        let joined = self.base.join(written);
        joined
            .canonicalize()
            .or_else(|_| std::path::absolute(&joined))
            .unwrap_or(joined)
    }

    /// A file that must exist.
    pub fn file(
        &self,
        written: &Path,
        place: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<PathBuf> {
        self.existing(written, place, problems, "file", Path::is_file)
    }

    /// A folder that must exist.
    pub fn folder(
        &self,
        written: &Path,
        place: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<PathBuf> {
        self.existing(written, place, problems, "folder", Path::is_dir)
    }

    /// A folder of a run that must exist.
    pub fn run_folder(
        &self,
        written: &Path,
        place: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<PathBuf> {
        let folder = self.folder(written, place, problems)?;
        if folder.join("journal.jsonl").is_file() {
            return Some(folder);
        }
        problems.push(
            Problem::new(
                place,
                format!(
                    "`{}` is not a run: it has no journal.jsonl",
                    written.shown()
                ),
            )
            .help("name a folder that a run made, such as checkpoints/<run>"),
        );
        None
    }

    fn existing(
        &self,
        written: &Path,
        place: &str,
        problems: &mut Vec<Problem>,
        what: &str,
        fits: fn(&Path) -> bool,
    ) -> Option<PathBuf> {
        if written.as_os_str().is_empty() {
            problems.push(Problem::new(
                place,
                format!("the path of the {what} is empty"),
            ));
            return None;
        }
        let joined = self.base.join(written);
        if fits(&joined) {
            return Some(self.resolve(written));
        }
        let problem = if joined.exists() {
            Problem::new(place, format!("`{}` is not a {what}", written.shown()))
        } else {
            Problem::new(place, format!("there is no {what} `{}`", written.shown())).missing()
        };
        let help = if written.is_relative() {
            format!(
                "relative paths start at the experiment's folder; looked for {}",
                joined.shown()
            )
        } else {
            "check the path, or write one relative to the experiment's folder".to_owned()
        };
        problems.push(problem.help(help));
        None
    }
}

/// The name of the runs of a spec in the file `origin`.
pub(in crate::experiment) fn run_name(spec: &Spec, origin: &Path) -> String {
    spec.name.clone().unwrap_or_else(|| {
        origin.file_stem().map_or_else(
            || "experiment".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        )
    })
}

/// The folder an experiment file's relative paths start at.
#[must_use]
pub(in crate::experiment) fn folder_of(origin: &Path) -> PathBuf {
    origin
        .parent()
        .map(Path::to_path_buf)
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| PathBuf::from("."))
}
