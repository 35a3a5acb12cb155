//! Files outside of any run that exist while they are used: what an engine is to open,
//! or another process to measure.
//!
//! They lie in a folder of their own where the system has temporary files, which
//! `TMPDIR` names. It is locked while it is used; what a process left that was
//! killed is removed by the next that makes one.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::litter::{self, TEMPORARY};
use super::lock::hold;
use crate::untrusted::files::no_temporary;

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub struct TemporaryFolder {
    folder: TempDir,
    /// Closing it releases the lock.
    _lock: Option<File>,
}

/// A file that is removed when it is dropped.
#[derive(Debug)]
pub struct TemporaryFile {
    path: PathBuf,
    _folder: TemporaryFolder,
}

/// A temporary file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}", no_temporary(.0))]
pub struct TemporaryError(io::Error);

impl TemporaryFolder {
    /// Makes one.
    ///
    /// # Errors
    /// What the file system says, and where.
    pub fn new() -> Result<Self, TemporaryError> {
        Self::new_in(&env::temp_dir())
    }

    fn new_in(place: &Path) -> Result<Self, TemporaryError> {
        litter::sweep_temporary(place, |folder| hold(folder).is_ok());
        let folder = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(place)
            .map_err(TemporaryError)?;
        // Where the file system has no locks, what is left stays.
        let lock = hold(folder.path()).ok();
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into it, and returns its path.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, TemporaryError> {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).map_err(TemporaryError)?;
        Ok(path)
    }
}

impl TemporaryFile {
    /// Writes one with this content.
    ///
    /// # Errors
    /// As [`TemporaryFolder::new`].
    pub fn new(bytes: &[u8]) -> Result<Self, TemporaryError> {
        let folder = TemporaryFolder::new()?;
        Ok(Self {
            path: folder.write("file", bytes)?,
            _folder: folder,
        })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::untrusted::Show as _;

    fn left(place: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(place).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next_and_what_is_used_is_not() {
        let place = tempfile::tempdir().unwrap();
        let used = TemporaryFolder::new_in(place.path()).unwrap();
        let path = used.write("a.onnx", b"model").unwrap();
        let killed = TemporaryFolder::new_in(place.path()).unwrap();
        killed.write("b.onnx", b"model").unwrap();
        // As the system does with a process that ends.
        let TemporaryFolder {
            folder,
            _lock: lock,
        } = killed;
        let abandoned = folder.keep();
        drop(lock);
        let others = place.path().join("a-folder-of-others");
        fs::create_dir(&others).unwrap();
        fs::write(others.join("lock"), "").unwrap();
        std::os::unix::fs::symlink(&others, place.path().join(format!("{TEMPORARY}x"))).unwrap();
        let next = TemporaryFolder::new_in(place.path()).unwrap();
        assert!(!abandoned.exists() && others.join("lock").exists());
        assert_eq!(fs::read(&path).unwrap(), b"model");
        drop((used, next));
        assert_eq!(left(place.path()).len(), 2);
    }

    #[test]
    fn where_nothing_can_be_written_the_folder_and_the_remedy_are_named() {
        let place = tempfile::tempdir().unwrap();
        let error = TemporaryFolder::new_in(&place.path().join("missing")).unwrap_err();
        let error = error.to_string();
        let folder = env::temp_dir();
        let named = format!("no temporary file could be written in {}: ", folder.shown());
        assert!(error.starts_with(&named), "{error}");
        assert!(
            error.ends_with("or name another folder with TMPDIR"),
            "{error}"
        );
    }
}
