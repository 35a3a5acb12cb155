//! One writer at a time.
//!
//! The lock is the operating system's on `lock` in the run's folder, so it is
//! released however the process ends, `kill -9` included. Taking it writes
//! nothing but that file, where there is none yet, so that a run can be looked at
//! and refused as it was. Who trains writes its name beside it, to `lock.json`,
//! for messages only, and holds a lock on that file as well: one that is not
//! locked was left by an earlier holder and says nothing of this one.
//!
//! It is what [`File::try_lock`] takes, `flock(2)` on Unix: it belongs to the
//! open file, so two handles of one process exclude each other as two processes
//! do, and closing another handle of the file does not release it, as it would
//! with `fcntl(2)`. On NFS Linux turns it into a lock of the whole file on the
//! server (since 2.6.12), so it holds between machines, as long as the mount has
//! a lock service (`lockd`, or `NFSv4`) and not the option `nolock` or
//! `local_lock`. Only handles that may write can be locked exclusively there,
//! which these may. A file system without locks refuses, and nothing is run.
//!
//! A lock is on a file, not on its name: where the name leads to another file,
//! somebody else can hold that. So after locking it is seen that the name still
//! leads to what was locked, and a writer asks [`LockWatch::check`] before
//! each write whether it still does. Until that writer has stopped, `lock.json` is
//! still locked, and nobody else gets the lock.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::atomic::write_file;
use super::{litter, timestamp};
use crate::untrusted::files::open_unlinked_with;
use crate::untrusted::{FileId, Show as _, read_limited};

const LOCK: &str = "lock";
const HOLDER: &str = "lock.json";

/// A holder is a line; a larger file is none.
const LARGEST_HOLDER: u64 = 1 << 12;

/// A reader that asks whether a run is alive holds the lock for an instant;
/// trying again keeps it from looking like a writer. A lock whose file is
/// replaced is tried again as well.
const ATTEMPTS: u32 = 5;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// The right to write to a run's folder, until it is dropped.
#[derive(Debug)]
pub struct RunLock {
    /// Where it is written who holds the lock, once it is. Released before the lock.
    announced: Option<File>,
    /// Closing it releases the lock.
    _file: File,
    watch: LockWatch,
}

/// Sees whether a lock is still where others look for it.
#[derive(Debug, Clone)]
pub struct LockWatch {
    folder: PathBuf,
    id: FileId,
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
        folder.shown(),
        holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
    )]
    Held {
        /// The run's folder.
        folder: PathBuf,
        /// Who, if it could be read.
        holder: Option<Holder>,
    },
    /// The lock's file is gone or another: somebody else may write by now.
    #[error(
        "the lock of the run {} was removed or replaced while it was held; another process may \
         write to the run by now, so nothing more is written",
        folder.shown()
    )]
    Lost {
        /// The run's folder.
        folder: PathBuf,
    },
    /// The lock's file cannot be one.
    #[error(
        "could not lock the run {}: {LOCK}: {source}; delete that file if nothing trains there",
        folder.shown()
    )]
    File {
        /// The run's folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file system refuses.
    #[error("could not lock the run {}: {source}", folder.shown())]
    Io {
        /// The run's folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_unknown() {
            return f.write_str("another process");
        }
        write!(
            f,
            "process {} on {} since {} UTC",
            self.pid,
            self.host,
            timestamp::readable(&self.since)
        )
    }
}

impl RunLock {
    /// Takes the lock of a run's folder. Nothing is written there but the lock's
    /// own file, if there is none.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io {
            folder: folder.to_owned(),
            source,
        };
        let file = hold(folder)?;
        let id = FileId::of(&file.metadata().map_err(io)?);
        let folder = folder.to_owned();
        if let holder @ Some(_) = read_holder(&folder) {
            // Somebody removed the lock under who trains.
            return Err(LockError::Held { folder, holder });
        }
        Ok(Self {
            announced: None,
            _file: file,
            watch: LockWatch { folder, id },
        })
    }

    /// Writes down who holds the lock, and removes what writers left in the
    /// folder that were killed: from now on the run is written to.
    pub fn announce(&mut self) -> Result<(), LockError> {
        let folder = &self.watch.folder;
        litter::sweep_run(folder);
        self.announced = announce_in(folder).map_err(|source| LockError::Io {
            folder: folder.clone(),
            source,
        })?;
        Ok(())
    }

    /// Sees whether this lock is still where others look for it, for a process that
    /// writes on another thread.
    #[must_use]
    pub fn watch(&self) -> LockWatch {
        self.watch.clone()
    }

    /// As [`LockWatch::check`].
    pub fn check(&self) -> Result<(), LockError> {
        self.watch.check()
    }

    /// Who is writing to a run's folder right now, if anybody is. Never waits.
    pub fn holder(folder: &Path) -> Result<Option<Holder>, LockError> {
        let io = |source| LockError::Io {
            folder: folder.to_owned(),
            source,
        };
        let file = match open_unlinked_with(&folder.join(LOCK), File::options().read(true)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(read_holder(folder));
            }
            Err(error) => return Err(unusable(folder, error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(read_holder(folder)),
            Err(TryLockError::WouldBlock) => {
                Ok(Some(read_holder(folder).unwrap_or_else(Holder::unknown)))
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

impl LockWatch {
    /// Sees that the lock's file is still the one that is held.
    ///
    /// # Errors
    /// [`LockError::Lost`] if it is not: from then on nothing may be written.
    pub fn check(&self) -> Result<(), LockError> {
        let folder = || self.folder.clone();
        match self.id.is_at(&self.folder.join(LOCK)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(LockError::Lost { folder: folder() }),
            Err(source) => Err(LockError::Io {
                folder: folder(),
                source,
            }),
        }
    }
}

impl Holder {
    pub(super) fn this_process() -> Self {
        Self {
            pid: std::process::id(),
            host: host(),
            since: timestamp::stamp(SystemTime::now()),
        }
    }

    /// Whether it has not written down who it is.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::unknown()
    }

    /// A holder that has not written down who it is: it may be about to train, or
    /// only look.
    pub(super) fn unknown() -> Self {
        Self {
            pid: 0,
            host: "an unknown machine".to_owned(),
            since: "just now".to_owned(),
        }
    }
}

/// Locks the file of a folder, and nothing else: the lock is released when the
/// file is closed.
pub(super) fn hold(folder: &Path) -> Result<File, LockError> {
    let file = lock_at(&folder.join(LOCK)).map_err(|error| unusable(folder, error))?;
    file.ok_or_else(|| LockError::Held {
        folder: folder.to_owned(),
        holder: read_holder(folder),
    })
}

/// Locks the file at a path, which is made where there is none; none if somebody else has
/// it locked.
///
/// # Errors
/// What the file system says; that there is something that is no file.
pub(super) fn lock_at(path: &Path) -> io::Result<Option<File>> {
    for attempt in 1.. {
        let file = open_unlinked_with(
            path,
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false),
        )?;
        match file.try_lock() {
            Ok(()) => {
                if FileId::of(&file.metadata()?).is_at(path)? {
                    return Ok(Some(file));
                }
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(source),
        }
        if attempt == ATTEMPTS {
            break;
        }
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
    Ok(None)
}

fn unusable(folder: &Path, source: io::Error) -> LockError {
    let folder = folder.to_owned();
    if source.kind() == io::ErrorKind::InvalidInput {
        LockError::File { folder, source }
    } else {
        LockError::Io { folder, source }
    }
}

/// Writes down that this process holds the lock. None if the file could not be
/// locked: then others do not learn who it is.
fn announce_in(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(HOLDER);
    write_file(&path, &serde_json::to_vec(&Holder::this_process())?)?;
    let file = open_unlinked_with(&path, File::options().read(true).write(true))?;
    for _ in 0..ATTEMPTS {
        if file.try_lock().is_ok() {
            return Ok(Some(file));
        }
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
    Ok(None)
}

/// Who wrote down that it holds the lock, unless that was an earlier holder.
fn read_holder(folder: &Path) -> Option<Holder> {
    let file = open_unlinked_with(&folder.join(HOLDER), File::options().read(true)).ok()?;
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let text = read_limited(&folder.join(HOLDER), LARGEST_HOLDER).ok()?;
    serde_json::from_slice(&text).ok()
}

/// This machine's name. It is only shown, so a guess is good enough.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".to_owned())
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
