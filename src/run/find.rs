//! Runs by what a person types: a path, a name, or the beginning of a name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{EXPERIMENT, Instead, RunError, RunFolder, failed};
use super::own_weights::WEIGHTS;
use super::seal::Sealed;
use super::timestamp::dated;
use crate::experiment::nearest::nearest;
use crate::untrusted::{is_absent, not_a_folder};

/// Suggestions in an error.
const SUGGESTIONS: usize = 3;

/// What a run must have to be found.
const RUN: &str = EXPERIMENT;
/// What must be there for models to be found.
const MODELS: &str = "best/, latest/ or teacher/ of a run, nor weights.safetensors with model.json";

/// Files of weights that can be used by themselves, and what says how.
const MODEL: [&str; 2] = [WEIGHTS, "model.json"];

/// Where models lie that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelsFolder {
    /// In a run, or in what is left of one.
    Run(RunFolder),
    /// One model in a folder of its own.
    Weights(PathBuf),
}

impl RunFolder {
    /// The run that `wanted` means: the path of a run's folder, a run's name under
    /// `checkpoints`, or the beginning of exactly one name.
    ///
    /// # Errors
    /// If nothing or more than one run is meant, with the candidates, and with
    /// the folder of that name that is there and is not a run.
    pub fn open(checkpoints: &Path, wanted: &str) -> Result<Self, RunError> {
        for place in places(checkpoints, wanted) {
            match Self::at(place) {
                Err(RunError::NotARun { .. }) => {}
                found => return found,
            }
        }
        let names = Self::names(checkpoints)?;
        Self::at(checkpoints.join(named(checkpoints, wanted, &names, RUN)?))
    }

    /// As [`open`](Self::open), and what is left of a run that has weights and lost
    /// its experiment.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_remains(checkpoints: &Path, wanted: &str) -> Result<Self, RunError> {
        let places = places(checkpoints, wanted);
        let mut places = places.iter();
        if let Some(place) = places.find(|place| is_run(place) || has_weights(place)) {
            return Ok(Self::left_at(place));
        }
        let runs = Self::with_remains(checkpoints)?;
        let names: Vec<String> = runs.iter().map(Self::name).collect();
        let name = named(checkpoints, wanted, &names, RUN)?;
        Ok(Self::left_at(checkpoints.join(name)))
    }

    /// Names of the runs under `checkpoints`, sorted; none if the folder does
    /// not exist.
    pub fn names(checkpoints: &Path) -> Result<Vec<String>, RunError> {
        names_where(checkpoints, is_run)
    }

    /// Runs under `checkpoints`, and what is left of some that have weights and
    /// lost their experiment.
    pub fn with_remains(checkpoints: &Path) -> Result<Vec<Self>, RunError> {
        let names = names_where(checkpoints, |path| is_run(path) || has_weights(path))?;
        let runs = names
            .iter()
            .map(|name| Self::left_at(checkpoints.join(name)));
        Ok(runs.collect())
    }
}

impl ModelsFolder {
    /// The models that `wanted` means: a run as for [`RunFolder::open`], what is
    /// left of one, or a folder with a file of weights and its `model.json`.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn open(checkpoints: &Path, wanted: &str) -> Result<Self, RunError> {
        let places = places(checkpoints, wanted);
        if let Some(run) = places.iter().find(|place| is_run(place)) {
            return Ok(Self::Run(RunFolder::left_at(run)));
        }
        let holds = |place: &&PathBuf| MODEL.iter().all(|name| place.join(name).is_file());
        if let Some(folder) = places.iter().find(holds) {
            return Ok(Self::Weights(folder.clone()));
        }
        if let Some(left) = places.iter().find(|place| has_places_of_weights(place)) {
            return Ok(Self::Run(RunFolder::left_at(left)));
        }
        let names: Vec<String> = RunFolder::with_remains(checkpoints)?
            .iter()
            .map(RunFolder::name)
            .collect();
        let name = named(checkpoints, wanted, &names, MODELS)?;
        Ok(Self::Run(RunFolder::left_at(checkpoints.join(name))))
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Run(run) => run.path(),
            Self::Weights(path) => path,
        }
    }
}

/// Where a run lies whose path or name is `wanted`.
fn places(checkpoints: &Path, wanted: &str) -> Vec<PathBuf> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut places = vec![Path::new(wanted).to_owned(), checkpoints.join(wanted)];
    // An absolute path leads to one place.
    places.dedup();
    places
}

/// The only one of the names that begins with `wanted`, or whose last part it is.
fn named<'a>(
    checkpoints: &Path,
    wanted: &str,
    names: &'a [String],
    lacks: &'static str,
) -> Result<&'a str, RunError> {
    let mut begins: Vec<&String> = names.iter().filter(|n| n.starts_with(wanted)).collect();
    // Lists shorten names to what distinguishes them.
    if begins.is_empty() {
        let end = |name: &&String| name.rsplit('-').next() == Some(wanted);
        begins.extend(names.iter().filter(end));
    }
    match begins.as_slice() {
        [one] if !wanted.is_empty() => Ok(one),
        [] | [_] => Err(RunError::NotFound {
            wanted: wanted.to_owned(),
            checkpoints: checkpoints.to_owned(),
            not_runs: not_runs(checkpoints, wanted),
            lacks,
            instead: instead(checkpoints, wanted, names),
        }),
        several => Err(RunError::Ambiguous {
            wanted: wanted.to_owned(),
            candidates: several.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// What has the name or the path and is no run; a folder of runs is named as what it is.
fn not_runs(checkpoints: &Path, wanted: &str) -> Vec<PathBuf> {
    let places = places(checkpoints, wanted).into_iter();
    places
        .filter(|place| place.symlink_metadata().is_ok() && !holds_runs(place))
        .collect()
}

fn holds_runs(folder: &Path) -> bool {
    RunFolder::names(folder).is_ok_and(|names| !names.is_empty())
}

/// What may have been meant by a name that no run has.
fn instead(checkpoints: &Path, wanted: &str, names: &[String]) -> Instead {
    if let Some(folder) = places(checkpoints, wanted)
        .into_iter()
        .find(|it| holds_runs(it))
    {
        return Instead::FolderOfRuns(folder);
    }
    let name = Path::new(wanted).file_name().unwrap_or_default();
    let trashed = RunFolder::trashed(checkpoints).unwrap_or_default();
    let mut of_name = trashed.into_iter().filter(|run| {
        let start = name.to_string_lossy();
        !start.is_empty() && run.name().starts_with(start.as_ref())
    });
    if let Some(run) = of_name.next_back() {
        return Instead::Trashed(run.path().to_owned());
    }
    if !checkpoints.exists() {
        Instead::NoFolder
    } else if names.is_empty() {
        Instead::NoRuns
    } else {
        Instead::Similar(similar(wanted, names))
    }
}

fn names_where(
    checkpoints: &Path,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<String>, RunError> {
    if checkpoints.join(EXPERIMENT).is_file() {
        let path = checkpoints.to_owned();
        return Err(RunError::IsARun { path });
    }
    let entries = match fs::read_dir(checkpoints) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let error = not_a_folder(checkpoints).unwrap_or(error);
            return Err(failed("list", checkpoints, error));
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| failed("list", checkpoints, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && wanted(&entry.path()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a folder is a run, or may be one: what cannot be looked into is named where
/// it is read, not passed over.
fn is_run(path: &Path) -> bool {
    match fs::metadata(path.join(EXPERIMENT)) {
        Ok(found) => found.is_file(),
        Err(error) => !is_absent(&error),
    }
}

/// Whether a folder has complete weights of a student where a run has them.
fn has_weights(path: &Path) -> bool {
    let left = RunFolder::left_at(path);
    [left.latest(), left.best()]
        .iter()
        .any(|place| matches!(place.find(), Ok(Some(_))))
}

/// Whether a folder has anything where a run has its weights, intact or not.
fn has_places_of_weights(path: &Path) -> bool {
    let left = RunFolder::left_at(path);
    let student = [left.latest(), left.best()];
    student
        .iter()
        .any(|place| !matches!(place.find(), Ok(None)))
        || !matches!(Sealed::open(&left.teacher()), Ok(None))
}

/// The newest runs whose name without date and id resembles `wanted`.
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
    resembling
        .take(SUGGESTIONS)
        .map(ToString::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::untrusted::Show as _;

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
                && text.contains(&format!("src and {} exist but are not runs", run.shown())),
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
    #[cfg(unix)]
    fn a_folder_that_cannot_be_looked_into_is_named_and_not_passed_over() {
        let folder = checkpoints();
        let run = folder.path().join("closed");
        fs::create_dir(&run).unwrap();
        // Refuses everybody, as a folder without permissions does all but root.
        std::os::unix::fs::symlink(EXPERIMENT, run.join(EXPERIMENT)).unwrap();
        let listed = RunFolder::with_remains(folder.path()).unwrap();
        assert!(listed.iter().any(|listed| listed.path() == run));
        let error = RunFolder::open(folder.path(), "closed").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("could not look into") && text.contains("closed"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_of_runs_a_trashed_run_and_a_run_as_the_folder_of_runs_are_named_as_such() {
        let folder = checkpoints();
        let place = folder.path();
        let of = |checkpoints: &Path, wanted: &str| {
            let error = ModelsFolder::open(checkpoints, wanted).unwrap_err();
            error.to_string()
        };
        let text = of(place, place.to_str().unwrap());
        let meant = format!("name one of them, or write --checkpoints {}", place.shown());
        assert!(
            text.contains(&meant) && !text.contains("exists but"),
            "{text}"
        );
        let flowers = RunFolder::open(place, "flow").unwrap();
        let (name, thrown) = (flowers.name(), flowers.trash().unwrap());
        for wanted in ["flow", name.as_str(), flowers.path().to_str().unwrap()] {
            let text = of(place, wanted);
            let back = format!(
                "in the trash: get it back on the Runs screen, or with mv {} {}",
                thrown.path().shown(),
                flowers.path().shown()
            );
            assert!(text.ends_with(&back), "{text}");
        }
        let run = place.join("cifar10-20260101-120000-aaaaaa");
        let text = of(&run, "flow");
        let meant = format!(
            "is a run, and --checkpoints takes the folder that holds runs: write --checkpoints {};",
            place.shown()
        );
        assert!(text.contains(&meant), "{text}");
        let text = of(&place.join("absent"), "flow");
        assert!(
            text.contains("absent; that folder does not exist"),
            "{text}"
        );
        let empty = tempfile::tempdir().unwrap();
        assert!(of(empty.path(), "flow").ends_with("it holds no runs"));
    }

    #[test]
    fn an_absolute_path_that_is_not_a_run_is_named_once() {
        let folder = checkpoints();
        let path = folder.path().join("teachers");
        let wanted = path.to_str().unwrap();
        for (error, lacks) in [
            (RunFolder::open(folder.path(), wanted).unwrap_err(), RUN),
            (
                ModelsFolder::open(folder.path(), wanted).unwrap_err(),
                MODELS,
            ),
        ] {
            let hint = format!(" ({wanted} exists but is not a run: it has no {lacks})");
            assert!(error.to_string().contains(&hint), "{error}");
        }
    }

    #[test]
    fn models_are_found_in_a_run_in_what_is_left_of_one_and_in_a_folder_of_their_own() {
        let folder = checkpoints();
        let open = |wanted: &str| ModelsFolder::open(folder.path(), wanted);
        let run = |name: &str| ModelsFolder::Run(RunFolder::left_at(folder.path().join(name)));
        let name = "flowers-20260303-120000-cccccc";
        assert_eq!(open("flow").unwrap(), run(name));
        fs::remove_file(folder.path().join(name).join(EXPERIMENT)).unwrap();
        assert!(open("flow").is_err() && open(name).is_err());
        let best = folder.path().join(name).join("best");
        fs::create_dir(&best).unwrap();
        for file in MODEL {
            fs::write(best.join(file), "").unwrap();
        }
        super::super::seal::seal(&best, 1, None).unwrap();
        assert_eq!(open("flow").unwrap(), run(name));
        assert_eq!(open(name).unwrap(), run(name));
        assert_eq!(RunFolder::with_remains(folder.path()).unwrap().len(), 3);
        assert_eq!(RunFolder::names(folder.path()).unwrap().len(), 2);
        let path = best.to_str().unwrap();
        assert_eq!(open(path).unwrap(), ModelsFolder::Weights(best.clone()));
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
    fn a_name_that_none_resembles_is_answered_with_where_the_names_are() {
        let folder = checkpoints();
        let error = RunFolder::open(folder.path(), "nope").unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with("; list them with --runs"), "{text}");
    }

    #[test]
    fn nothing_is_found_where_there_are_no_runs() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("checkpoints");
        for wanted in ["", "x"] {
            let error = RunFolder::open(&missing, wanted).unwrap_err();
            assert!(
                error.to_string().contains("that folder does not exist"),
                "{error}"
            );
        }
        fs::create_dir(&missing).unwrap();
        let error = RunFolder::open(&missing, "x").unwrap_err();
        assert!(error.to_string().ends_with("it holds no runs"), "{error}");
    }
}
