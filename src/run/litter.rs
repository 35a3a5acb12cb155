//! What processes left behind that were killed while they wrote: files
//! `.writing-*` that were to replace another, folders `.new-run-*` that were to
//! become a run, temporary folders.
//!
//! The process that writes one holds a lock on it, which the system releases when the
//! process ends. So what can be locked belongs to nobody any more, on this
//! machine or another that shares the disk. Failing to remove it harms nobody
//! and is tried again by the next writer.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::atomic::WRITING;
use crate::untrusted::files::open_regular_with;

/// Name of a run's folder before it is moved to its place.
pub(super) const NEW_RUN: &str = ".new-run-";

/// Name of a folder for temporary files.
pub(super) const TEMPORARY: &str = ".workbench-temporary-";

/// What has no lock yet, or lies on a file system without locks, is left alone
/// for as long as anybody might need to write it.
const SURELY_LEFT: Duration = Duration::from_hours(1);

/// Removes what was left in a run's folder and the folders in it. Hold its lock.
pub(super) fn sweep_run(folder: &Path) {
    for entry in entries(folder) {
        if is_named(&entry, WRITING) {
            remove_file(&entry);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep_files(&entry.path());
        }
    }
}

/// Removes what was left of files and folders directly in a folder.
pub(super) fn sweep_files(folder: &Path) {
    for entry in entries(folder) {
        if !is_named(&entry, WRITING) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_folder(&entry, |_| false);
        } else {
            remove_file(&entry);
        }
    }
}

/// Removes what was left of new runs and of files in the folder of runs. A new
/// run whose folder can be locked belongs to nobody.
pub(super) fn sweep_checkpoints(checkpoints: &Path, can_be_locked: impl Fn(&Path) -> bool) {
    for entry in entries(checkpoints) {
        if is_named(&entry, WRITING) {
            remove_file(&entry);
        } else if is_named(&entry, NEW_RUN) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_folder(&entry, &can_be_locked);
        }
    }
}

/// Removes what was left of temporary folders. One that can be locked belongs to nobody.
pub(super) fn sweep_temporary(place: &Path, can_be_locked: impl Fn(&Path) -> bool) {
    for entry in entries(place) {
        if is_named(&entry, TEMPORARY) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_folder(&entry, &can_be_locked);
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

fn is_named(entry: &DirEntry, prefix: &str) -> bool {
    let name = entry.file_name();
    let start = name.as_encoded_bytes().get(..prefix.len());
    start == Some(OsStr::new(prefix).as_encoded_bytes())
}

fn remove_file(entry: &DirEntry) {
    let path = entry.path();
    let Ok(file) = open_regular_with(&path, File::options().read(true).write(true)) else {
        return;
    };
    let is_left = match file.try_lock() {
        Ok(()) => true,
        Err(fs::TryLockError::WouldBlock) => false,
        Err(fs::TryLockError::Error(_)) => is_old(entry),
    };
    if is_left {
        let _ = fs::remove_file(path);
    }
}

fn remove_folder(entry: &DirEntry, can_be_locked: impl Fn(&Path) -> bool) {
    let path = entry.path();
    // Between being made and being locked it looks as if it were left.
    let is_left = if path.join("lock").exists() {
        can_be_locked(&path)
    } else {
        is_old(entry)
    };
    if is_left {
        let _ = fs::remove_dir_all(path);
    }
}

fn is_old(entry: &DirEntry) -> bool {
    let written = entry.metadata().and_then(|known| known.modified());
    written.is_ok_and(|at| {
        SystemTime::now()
            .duration_since(at)
            .is_ok_and(|age| age > SURELY_LEFT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lock::hold;
    use crate::run::{RunFolder, RunLock};
    use crate::untrusted::testing::make_pipe;

    #[test]
    fn what_a_killed_writer_left_is_removed_and_what_is_being_written_is_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let run = RunFolder::create(folder, "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        fs::create_dir(run.probe()).unwrap();
        let left = [
            run.path().join(".writing-abc"),
            run.probe().join(".writing-def"),
        ];
        for path in &left {
            fs::write(path, "half").unwrap();
        }
        let alive = run.path().join(".writing-ghi");
        fs::write(&alive, "half").unwrap();
        let writer = File::options().write(true).open(&alive).unwrap();
        writer.try_lock().unwrap();
        let pipe = run.path().join(".writing-jkl");
        make_pipe(&pipe);
        let sweep = || RunLock::acquire(run.path()).unwrap().announce().unwrap();
        sweep();
        assert!(left.iter().all(|path| !path.exists()));
        assert!(alive.exists() && pipe.exists());
        drop(writer);
        sweep();
        assert!(!alive.exists());
    }

    #[test]
    fn a_run_that_was_never_started_is_removed_by_the_next_that_is() {
        let place = tempfile::tempdir().unwrap();
        let make = || {
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap()
        };
        let (left, alive, young) = (
            place.path().join(".new-run-left"),
            place.path().join(".new-run-alive"),
            place.path().join(".new-run-young"),
        );
        for folder in [&left, &alive, &young] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(left.join("lock"), "").unwrap();
        let lock = hold(&alive).unwrap();
        make();
        assert!(!left.exists() && alive.exists() && young.exists());
        drop(lock);
        let old = SystemTime::now() - 2 * SURELY_LEFT;
        File::open(&young).unwrap().set_modified(old).unwrap();
        make();
        assert!(!alive.exists() && !young.exists());
    }
}
