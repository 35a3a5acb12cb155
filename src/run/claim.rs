//! Work that only one process does at a time: a cell of a study, the training of a teacher.
//!
//! A claim is a locked file, as a ticket of the queue is. It is removed when the work is
//! over; of a process that was killed an unlocked file is left, which the next one locks.
//! What the work came to is not written there: who has a claim looks at what there is.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::{create_folders, parent};
use super::lock::lock_at;
use crate::untrusted::files::open_unlinked_with;
use crate::untrusted::{FileId, is_absent};

/// The right to do something, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    id: FileId,
    /// Closing it releases the lock.
    _file: File,
}

impl Claim {
    /// Takes the right that the file at `path` stands for; none if another process has it.
    ///
    /// # Errors
    /// What the file system says; it may have no locks.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        create_folders(parent(path)?)?;
        let Some(file) = lock_at(path)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            path: path.to_owned(),
            id: FileId::of(&file.metadata()?),
            _file: file,
        }))
    }

    /// Whether a process has it. Never waits.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn is_taken(path: &Path) -> io::Result<bool> {
        let file = match open_unlinked_with(path, File::options().read(true)) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Who opened it before locks a file that has no name, and sees that.
        if self.id.is_at(&self.path).unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_claim_is_anothers_until_it_is_dropped_and_what_a_killed_process_left_is_nobodys() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("folder/claim");
        assert!(!Claim::is_taken(&path).unwrap());
        let claim = Claim::take(&path).unwrap().unwrap();
        assert!(Claim::is_taken(&path).unwrap());
        assert!(Claim::take(&path).unwrap().is_none());
        drop(claim);
        assert!(!path.exists());
        fs::write(&path, "").unwrap();
        assert!(!Claim::is_taken(&path).unwrap());
        assert!(Claim::take(&path).unwrap().is_some());
        fs::create_dir(&path).unwrap();
        assert!(Claim::take(&path).is_err());
    }

    #[test]
    fn of_many_at_once_one_has_the_claim() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("claim");
        let (busy, done) = (Mutex::new(()), Mutex::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let claim = loop {
                            if let Some(claim) = Claim::take(&path).unwrap() {
                                break claim;
                            }
                        };
                        let alone = busy.try_lock().expect("two have it");
                        *done.lock().unwrap() += 1;
                        drop(alone);
                        drop(claim);
                    }
                });
            }
        });
        assert_eq!(*done.lock().unwrap(), 40);
        assert!(!path.exists());
    }
}
