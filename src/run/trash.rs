//! Runs that a person threw away, and may want back: `.trash/<name>` beside the
//! other runs, with everything in them.

use std::path::{Path, PathBuf};

use super::atomic::parent;
use super::folder::{RunFolder, failed};
use super::rename::MoveError;

/// Name of the folder. The dot keeps it from being taken for a run.
const TRASH: &str = ".trash";

/// Where runs of `checkpoints` are thrown.
fn trash_of(checkpoints: &Path) -> PathBuf {
    checkpoints.join(TRASH)
}

impl RunFolder {
    /// Moves the run to the trash of its checkpoints.
    ///
    /// # Errors
    /// If somebody writes to it, the trash has one of that name, or the file
    /// system refuses. The run is then where it was.
    pub fn trash(&self) -> Result<Self, MoveError> {
        let run = self.by_its_name()?;
        let checkpoints = parent(run.path()).map_err(|e| failed("move", run.path(), e))?;
        let trash = trash_of(checkpoints);
        run.move_to(&trash.join(run.name()))
    }

    /// Takes a run out of the trash that it is in.
    ///
    /// # Errors
    /// If it is in no trash, somebody writes to it, its name was given away
    /// meanwhile, or the file system refuses. The run is then where it was.
    pub fn restore(&self) -> Result<Self, MoveError> {
        let trash = parent(self.path()).map_err(|e| failed("move", self.path(), e))?;
        if trash.file_name().is_none_or(|name| name != TRASH) {
            return Err(MoveError::NotInTrash {
                path: self.path().to_owned(),
            });
        }
        let checkpoints = parent(trash).map_err(|e| failed("move", self.path(), e))?;
        self.move_to(&checkpoints.join(self.name()))
    }

    /// The runs in the trash of `checkpoints`, by name; none if there is no
    /// trash.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn trashed(checkpoints: &Path) -> Result<Vec<Self>, MoveError> {
        let trash = trash_of(checkpoints);
        let names = Self::names(&trash)?;
        let runs = names.into_iter().map(|name| Self::at(trash.join(name)));
        Ok(runs.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use super::*;

    fn run(checkpoints: &Path, name: &str) -> RunFolder {
        let run =
            RunFolder::create(checkpoints, "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        run.rename(name).unwrap()
    }

    #[test]
    fn a_trashed_run_is_removed_from_the_runs_and_comes_back_whole() {
        let place = tempfile::tempdir().unwrap();
        let first = run(place.path(), "first");
        fs::write(first.series(), "numbers").unwrap();
        assert_eq!(RunFolder::trashed(place.path()).unwrap(), []);
        let thrown = first.trash().unwrap();
        assert_eq!(thrown.path(), place.path().join(".trash").join("first"));
        assert!(RunFolder::names(place.path()).unwrap().is_empty());
        assert_eq!(
            RunFolder::trashed(place.path()).unwrap(),
            std::slice::from_ref(&thrown)
        );
        assert_eq!(thrown.restore().unwrap(), first);
        assert_eq!(fs::read_to_string(first.series()).unwrap(), "numbers");
        assert_eq!(RunFolder::trashed(place.path()).unwrap(), []);
    }

    #[test]
    fn a_run_that_is_written_to_is_not_thrown_away() {
        let place = tempfile::tempdir().unwrap();
        let run = run(place.path(), "busy");
        let writer = run.lock().unwrap();
        assert!(matches!(run.trash(), Err(MoveError::Locked(_))));
        assert!(run.path().exists());
        drop(writer);
        run.trash().unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn what_is_refused_makes_no_trash_and_a_run_named_by_a_dot_is_thrown_away_by_its_name() {
        let place = tempfile::tempdir().unwrap();
        let first = run(place.path(), "first");
        let alias = place.path().join("alias");
        std::os::unix::fs::symlink("first", &alias).unwrap();
        for link in [alias.clone(), place.path().join("alias/")] {
            let error = RunFolder::at(link).unwrap().trash().unwrap_err();
            assert!(matches!(error, MoveError::Link { .. }), "{error}");
        }
        let writer = first.lock().unwrap();
        assert!(matches!(first.trash(), Err(MoveError::Locked(_))));
        drop(writer);
        assert!(alias.is_symlink() && !trash_of(place.path()).exists());
        let dotted = RunFolder::at(first.path().join(".")).unwrap();
        let thrown = dotted.trash().unwrap();
        assert_eq!(thrown.path(), trash_of(place.path()).join("first"));
        assert_eq!(RunFolder::trashed(place.path()).unwrap(), [thrown]);
    }

    #[test]
    fn nothing_is_replaced_on_the_way_in_or_out() {
        let place = tempfile::tempdir().unwrap();
        let thrown = run(place.path(), "twin").trash().unwrap();
        let twin = run(place.path(), "twin");
        assert!(matches!(twin.trash(), Err(MoveError::Taken { .. })));
        assert!(matches!(thrown.restore(), Err(MoveError::Taken { .. })));
        assert!(twin.path().exists() && thrown.path().exists());
    }

    #[test]
    fn a_run_that_was_not_thrown_away_cannot_be_restored() {
        let place = tempfile::tempdir().unwrap();
        let error = run(place.path(), "here").restore().unwrap_err();
        assert!(
            error.to_string().ends_with("is not in the trash"),
            "{error}"
        );
    }
}
