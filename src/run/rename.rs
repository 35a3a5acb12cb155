//! Giving a run's folder another name or place, with everything in it.
//!
//! One rename of the file system, so a run is in the old place or in the new
//! one, whole. Never while somebody writes to it, and never over anything.

use crate::untrusted::Show as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::atomic::{create_folders, parent, sync_folder};
use super::folder::{RunError, RunFolder, failed};
use super::lock::{LockError, RunLock};

/// Bytes of the longest name. File systems take 255; reports and exports add
/// to it.
const LONGEST_NAME: usize = 120;

/// A run's folder could not be moved. It is where it was.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Somebody writes to it.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The file system refuses.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Something else has that name.
    #[error("{} already exists; choose another name, or rename that run", path.shown())]
    Taken {
        /// What is there.
        path: PathBuf,
    },
    /// It would not be a name.
    #[error("`{name}` is not a valid run name: {reason}", name = name.shown())]
    NotAName {
        /// What was requested.
        name: String,
        /// What a name is.
        reason: &'static str,
    },
    /// It is a link to a run.
    #[error(
        "{} is a symbolic link to {}; name the run itself, or remove the link",
        path.shown(), target.shown()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// The run is not in a trash.
    #[error("{} is not in the trash", path.shown())]
    NotInTrash {
        /// The run's folder.
        path: PathBuf,
    },
}

/// Whether a run may be called so: a file name on every system, that hides
/// nothing and reads as no option of a command.
///
/// # Errors
/// What is wrong, and what a name looks like.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if name.is_empty() {
        Err("it is empty")
    } else if !name.starts_with(char::is_alphanumeric) {
        Err("it must start with a letter or digit")
    } else if !name.chars().all(plain) {
        Err("only letters, digits, `.`, `_` and `-` are allowed")
    } else if name.ends_with('.') {
        Err("it must not end with `.`")
    } else if name.len() > LONGEST_NAME {
        Err("it is longer than 120 bytes")
    } else {
        Ok(())
    }
}

impl RunFolder {
    /// Gives the run another name. Its folder stays beside the others.
    ///
    /// # Errors
    /// If somebody writes to it, the name is taken or is none, or the file
    /// system refuses. The run then has its old name.
    pub fn rename(&self, name: &str) -> Result<Self, MoveError> {
        check_name(name).map_err(|reason| MoveError::NotAName {
            name: name.to_owned(),
            reason,
        })?;
        let run = self.by_its_name()?;
        let folder = parent(run.path()).map_err(|e| failed("rename", run.path(), e))?;
        run.move_to(&folder.join(name))
    }

    /// The same run by a path that ends with its name. A link is refused: moved, it
    /// would lead elsewhere.
    pub(super) fn by_its_name(&self) -> Result<Self, MoveError> {
        // Without a `.` at its end.
        let mut path: PathBuf = self.path().components().collect();
        if path.file_name().is_none() {
            path = fs::canonicalize(&path).map_err(|e| failed("find", &path, e))?;
        }
        match fs::read_link(&path) {
            Ok(target) => Err(MoveError::Link { path, target }),
            Err(_) => Ok(Self::at(path)?),
        }
    }

    /// Moves the whole folder to `to`, which must not exist. The folder that is to
    /// hold it is made when nothing else is in the way.
    pub(super) fn move_to(&self, to: &Path) -> Result<Self, MoveError> {
        let from = self.path();
        let _held = hold(from)?;
        if to.symlink_metadata().is_ok() {
            return Err(MoveError::Taken {
                path: to.to_owned(),
            });
        }
        if let Some(folder) = to.parent() {
            create_folders(folder).map_err(|e| failed("create", folder, e))?;
        }
        // If something appears there in this instant, the rename fails: only an
        // empty folder is replaced, and a run's never is empty.
        fs::rename(from, to).map_err(|e| failed("move", from, e))?;
        for changed in [parent(from), parent(to)] {
            changed
                .and_then(sync_folder)
                .map_err(|e| failed("sync", to, e))?;
        }
        Ok(Self::at(to)?)
    }
}

/// Keeps others from beginning to write while the folder moves.
#[cfg(unix)]
fn hold(folder: &Path) -> Result<RunLock, LockError> {
    RunLock::acquire(folder)
}

/// Elsewhere a folder with an open file in it cannot be moved at all, so that
/// it is enough to ask.
#[cfg(not(unix))]
fn hold(folder: &Path) -> Result<(), LockError> {
    match RunLock::holder(folder)? {
        None => Ok(()),
        holder => Err(LockError::Held {
            folder: folder.to_owned(),
            holder,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn run(checkpoints: &Path) -> RunFolder {
        RunFolder::create(checkpoints, "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_renamed_run_has_everything_it_had() {
        let place = tempfile::tempdir().unwrap();
        let old = run(place.path());
        fs::write(old.journal(), "kept").unwrap();
        let new = old.rename("paper.v2").unwrap();
        assert_eq!(new.name(), "paper.v2");
        assert_eq!(fs::read_to_string(new.journal()).unwrap(), "kept");
        assert!(!old.path().exists());
        assert_eq!(RunFolder::names(place.path()).unwrap(), ["paper.v2"]);
        new.lock().unwrap();
    }

    #[test]
    fn a_run_that_is_written_to_keeps_its_name() {
        let place = tempfile::tempdir().unwrap();
        let run = run(place.path());
        let _writer = run.lock().unwrap();
        let error = run.rename("b").unwrap_err();
        assert!(error.to_string().contains("is being written by"), "{error}");
        assert!(run.path().exists() && !place.path().join("b").exists());
    }

    #[test]
    fn a_name_that_is_taken_is_left_to_its_owner() {
        let place = tempfile::tempdir().unwrap();
        let first = run(place.path()).rename("first").unwrap();
        let second = run(place.path()).rename("second").unwrap();
        fs::write(place.path().join("file"), "a file").unwrap();
        fs::create_dir(place.path().join("empty")).unwrap();
        for taken in ["first", "second", "file", "empty"] {
            let error = second.rename(taken).unwrap_err();
            assert!(error.to_string().contains("already exists"), "{error}");
        }
        assert!(first.path().exists() && second.path().exists());
    }

    #[test]
    fn a_name_that_is_none_is_refused_with_the_reason() {
        let place = tempfile::tempdir().unwrap();
        let run = run(place.path());
        let long = "x".repeat(121);
        for name in [
            "", ".", "..", ".x", "-x", "a/b", "a\\b", "a b", "a\n", "a.", &long,
        ] {
            let error = run.rename(name).unwrap_err().to_string();
            assert!(error.contains("is not a valid run name"), "{error}");
        }
        assert!(check_name("größer-2.0_b").is_ok());
    }
}
