//! Runs by what a person types: a path, a name, or the beginning of a name.

use std::fs;
use std::io;
use std::path::Path;

use super::folder::{EXPERIMENT, RunError, RunFolder, failed};
use crate::experiment::nearest::nearest;

/// Suggestions in an error.
const SUGGESTIONS: usize = 3;

impl RunFolder {
    /// The run that `wanted` means: the path of a run's folder, a run's name under
    /// `checkpoints`, or the beginning of exactly one name.
    ///
    /// # Errors
    /// If nothing or more than one run is meant, with the candidates, and with
    /// the folder of that name that is there and is not a run.
    pub fn open(checkpoints: &Path, wanted: &str) -> Result<Self, RunError> {
        let places = [Path::new(wanted).to_owned(), checkpoints.join(wanted)];
        if !wanted.is_empty() {
            for place in &places {
                match Self::at(place) {
                    Err(RunError::NotARun { .. }) => {}
                    found => return found,
                }
            }
        }
        let names = Self::names(checkpoints)?;
        let begins: Vec<&String> = names.iter().filter(|n| n.starts_with(wanted)).collect();
        match begins.as_slice() {
            [one] if !wanted.is_empty() => Self::at(checkpoints.join(one)),
            [] | [_] => Err(RunError::NotFound {
                wanted: wanted.to_owned(),
                checkpoints: checkpoints.to_owned(),
                not_runs: places
                    .into_iter()
                    .filter(|place| !wanted.is_empty() && place.exists())
                    .collect(),
                nearest: similar(wanted, &names),
            }),
            several => Err(RunError::Ambiguous {
                wanted: wanted.to_owned(),
                candidates: several.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Names of the runs under `checkpoints`, sorted; none if the folder does
    /// not exist.
    pub fn names(checkpoints: &Path) -> Result<Vec<String>, RunError> {
        let entries = match fs::read_dir(checkpoints) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", checkpoints, error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| failed("list", checkpoints, e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && entry.path().join(EXPERIMENT).is_file() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// The newest runs whose name without date and id resembles `wanted`; failing
/// that, the newest runs of all.
fn similar(wanted: &str, names: &[String]) -> Vec<String> {
    let mut newest: Vec<&String> = names.iter().collect();
    newest.sort_by_key(|name| std::cmp::Reverse(dated(name).1));
    let meant = nearest(
        wanted,
        newest
            .iter()
            .flat_map(|name| [name.as_str(), dated(name).0]),
    );
    let resembling = newest
        .iter()
        .filter(|name| meant.is_some_and(|meant| meant == name.as_str() || meant == dated(name).0));
    let mut found: Vec<String> = resembling
        .take(SUGGESTIONS)
        .map(ToString::to_string)
        .collect();
    if found.is_empty() {
        found = newest.into_iter().take(SUGGESTIONS).cloned().collect();
    }
    found
}

/// A run's name as the experiment's name and the date with the id.
fn dated(name: &str) -> (&str, &str) {
    let mut dashes = name.rmatch_indices('-').map(|(at, _)| at);
    match dashes.nth(2) {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoints() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "cifar10-20260101-120000-aaaaaa",
            "cifar10-20260202-120000-bbbbbb",
            "flowers-20260303-120000-cccccc",
        ] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join(EXPERIMENT), "()").unwrap();
        }
        fs::create_dir(folder.path().join("teachers")).unwrap();
        folder
    }

    #[test]
    fn a_run_is_found_by_path_by_name_and_by_the_beginning_of_its_name() {
        let folder = checkpoints();
        let name = "flowers-20260303-120000-cccccc";
        let path = folder.path().join(name);
        for wanted in [path.to_str().unwrap(), name, "flow"] {
            let run = RunFolder::open(folder.path(), wanted).unwrap();
            assert_eq!(run.path(), path, "{wanted}");
        }
    }

    #[test]
    fn a_folder_of_that_name_that_is_not_a_run_does_not_hide_the_run() {
        let folder = checkpoints();
        // The tests' own folder has one called `src`.
        let run = folder.path().join("src");
        fs::create_dir(&run).unwrap();
        let error = RunFolder::open(folder.path(), "src").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("no run `src` in")
                && text.contains(&format!("src and {} exist but are not runs", run.display())),
            "{text}"
        );
        fs::write(run.join(EXPERIMENT), "()").unwrap();
        assert_eq!(RunFolder::open(folder.path(), "src").unwrap().path(), run);
        fs::remove_dir_all(&run).unwrap();
        let named = folder.path().join("src-20260303-120000-cccccc");
        fs::create_dir(&named).unwrap();
        fs::write(named.join(EXPERIMENT), "()").unwrap();
        assert_eq!(RunFolder::open(folder.path(), "src").unwrap().path(), named);
    }

    #[test]
    fn a_beginning_that_fits_several_names_lists_them() {
        let folder = checkpoints();
        let error = RunFolder::open(folder.path(), "cifar10").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`cifar10` matches cifar10-20260101-120000-aaaaaa, \
             cifar10-20260202-120000-bbbbbb; write more of the name"
        );
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_newest_runs_of_the_nearest() {
        let folder = checkpoints();
        let error = RunFolder::open(folder.path(), "cifra10").unwrap_err();
        let text = error.to_string();
        assert!(
            text.ends_with(
                "did you mean cifar10-20260202-120000-bbbbbb or cifar10-20260101-120000-aaaaaa?"
            ),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_found_where_there_are_no_runs() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("checkpoints");
        for wanted in ["", "x"] {
            let error = RunFolder::open(&missing, wanted).unwrap_err();
            assert!(error.to_string().ends_with("it holds no runs"), "{error}");
        }
    }
}
