//! One writer at a time.
//!
//! The lock is the operating system's on `lock` in the run's folder, so it is
//! released however the process ends, `kill -9` included. Who holds it stands
//! beside it in `lock.json`, for the error message only: a holder that died
//! leaves that file, and the lock free.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::atomic::write_file;
use super::when;

const LOCK: &str = "lock";
const HOLDER: &str = "lock.json";

/// A reader that asks whether a run is alive holds the lock for an instant;
/// trying again keeps it from looking like a writer.
const ATTEMPTS: u32 = 5;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// The right to write to a run's folder, until it is dropped.
#[derive(Debug)]
pub struct RunLock {
    /// Closing it releases the lock.
    _file: File,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process.
    pub pid: u32,
    /// Machine.
    pub host: String,
    /// UTC, `YYYYMMDD-HHMMSS`.
    pub since: String,
}

/// A run's folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else writes to it.
    #[error(
        "the run {} is being written by {}; wait for it, or stop it first",
        folder.display(),
        holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
    )]
    Held {
        /// The run's folder.
        folder: PathBuf,
        /// Who, if it could be read.
        holder: Option<Holder>,
    },
    /// The file system refuses.
    #[error("could not lock the run {}: {source}", folder.display())]
    Io {
        /// The run's folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "process {} on {} since {} UTC",
            self.pid, self.host, self.since
        )
    }
}

impl RunLock {
    /// Takes the lock of a run's folder.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io {
            folder: folder.to_owned(),
            source,
        };
        let file = open(folder).map_err(io)?;
        for attempt in 1..=ATTEMPTS {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt == ATTEMPTS => {
                    return Err(LockError::Held {
                        folder: folder.to_owned(),
                        holder: read_holder(folder),
                    });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_ATTEMPTS),
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        let text = serde_json::to_vec(&Holder::this_process()).map_err(|e| io(e.into()))?;
        write_file(&folder.join(HOLDER), &text).map_err(io)?;
        Ok(Self { _file: file })
    }

    /// Who is writing to a run's folder right now, if anybody is. Never waits.
    pub fn holder(folder: &Path) -> Result<Option<Holder>, LockError> {
        let io = |source| LockError::Io {
            folder: folder.to_owned(),
            source,
        };
        let file = match File::open(folder.join(LOCK)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                Ok(Some(read_holder(folder).unwrap_or_else(Holder::unknown)))
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

impl Holder {
    fn this_process() -> Self {
        Self {
            pid: std::process::id(),
            host: host(),
            since: when::stamp(SystemTime::now()),
        }
    }

    /// A holder that has not written down who it is yet.
    fn unknown() -> Self {
        Self {
            pid: 0,
            host: "an unknown machine".to_owned(),
            since: "just now".to_owned(),
        }
    }
}

fn open(folder: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(LOCK))
}

fn read_holder(folder: &Path) -> Option<Holder> {
    serde_json::from_slice(&fs::read(folder.join(HOLDER)).ok()?).ok()
}

/// This machine's name. It is only shown, so a guess is good enough.
fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::acquire(folder.path()).unwrap();
        let error = std::thread::scope(|scope| {
            scope
                .spawn(|| RunLock::acquire(folder.path()).unwrap_err())
                .join()
                .unwrap()
        });
        let text = error.to_string();
        assert!(
            text.contains(&format!("process {} on ", std::process::id())),
            "{text}"
        );
        drop(first);
        RunLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_holder_that_died_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        drop(RunLock::acquire(folder.path()).unwrap());
        assert!(folder.path().join(HOLDER).exists());
        assert_eq!(RunLock::holder(folder.path()).unwrap(), None);
        RunLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_reader_sees_whether_a_run_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(RunLock::holder(folder.path()).unwrap(), None);
        let lock = RunLock::acquire(folder.path()).unwrap();
        let holder = RunLock::holder(folder.path()).unwrap().unwrap();
        assert_eq!(holder.pid, std::process::id());
        drop(lock);
    }
}
