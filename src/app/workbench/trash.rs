//! Experiment files that were thrown away: in hidden folders `.trash` beside
//! where they were, until somebody wants them back.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::files::{free_name, is_experiment, rename};
use super::tree;
use crate::run::atomic::create_folders;

/// Folder of experiments that were thrown away, beside them.
const TRASH: &str = ".trash";

/// Stands between a name and a number where the trash has that name already.
const NUMBERED: char = '~';

/// Moves an experiment file into the trash beside it, under a name that is free
/// there. Returns where it is now.
pub fn trash(path: &Path) -> Result<PathBuf, FileError> {
    let folder = path.with_file_name(TRASH);
    create_folders(&folder).map_err(|error| FileError::of("create", &folder, error))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let place = free_name(&folder, &stem, NUMBERED)?;
    rename(path, &place).map(|()| place)
}

/// Brings back the experiment file that was thrown away last, from `experiments`
/// or one of its subfolders. Returns where it is again.
pub fn restore(experiments: &Path) -> Result<PathBuf, FileError> {
    let thrown = newest(experiments)
        .map_err(|error| FileError::of("look for the trash in", experiments, error))?
        .ok_or(FileError::TrashEmpty)?;
    let place = place_before(&thrown).ok_or(FileError::TrashEmpty)?;
    rename(&thrown, &place).map(|()| place)
}

/// Where a file of the trash was before.
fn place_before(thrown: &Path) -> Option<PathBuf> {
    let stem = thrown.file_stem()?.to_str()?;
    let name = match stem.rsplit_once(NUMBERED) {
        Some((name, number)) if number.parse::<u32>().is_ok() => name,
        _ => stem,
    };
    Some(thrown.parent()?.with_file_name(format!("{name}.ron")))
}

/// The file that was thrown away last.
fn newest(experiments: &Path) -> io::Result<Option<PathBuf>> {
    let is_wanted = |name: &OsStr| !tree::is_hidden(name) || name == TRASH;
    let mut newest = None;
    for path in tree::walk(experiments, is_wanted)?.files {
        if is_experiment(&path) && path.parent().is_some_and(is_trash) {
            let found = (thrown_at(&fs::symlink_metadata(&path)?)?, path);
            newest = newest.max(Some(found));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

fn is_trash(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name == TRASH)
}

/// When a file got its name; the system notes it where it is moved.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as elsewhere")]
fn thrown_at(known: &Metadata) -> io::Result<(i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    Ok((known.ctime(), known.ctime_nsec()))
}

/// When a file was written last, where nothing else is known.
#[cfg(not(unix))]
fn thrown_at(known: &Metadata) -> io::Result<std::time::SystemTime> {
    known.modified()
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::super::files::list;
    use super::*;

    /// Throws a file away, and lets the clock of the file system continue.
    fn throw(path: &Path, text: &str) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        sleep(Duration::from_millis(20));
        trash(path).unwrap()
    }

    #[test]
    fn what_is_thrown_away_is_not_listed_and_not_lost() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.ron");
        for text in ["first", "second"] {
            let trashed = throw(&path, text);
            assert_eq!(fs::read_to_string(trashed).unwrap(), text);
            assert!(list(place.path()).unwrap().is_empty());
        }
        assert!(trash(&path).is_err());
    }

    #[test]
    fn the_one_that_was_thrown_away_last_comes_back_first() {
        let place = tempfile::tempdir().unwrap();
        let (a, b) = (place.path().join("in/a.ron"), place.path().join("b.ron"));
        // The newest file is not what was thrown away last.
        fs::write(&b, "b").unwrap();
        throw(&a, "first");
        throw(&a, "second");
        sleep(Duration::from_millis(20));
        trash(&b).unwrap();
        assert_eq!(restore(place.path()).unwrap(), b);
        assert_eq!(restore(place.path()).unwrap(), a);
        assert_eq!(fs::read_to_string(&a).unwrap(), "second");
        let message = restore(place.path()).unwrap_err().to_string();
        assert!(message.ends_with("a.ron already exists"), "{message}");
        fs::remove_file(&a).unwrap();
        assert_eq!(restore(place.path()).unwrap(), a);
        assert_eq!(fs::read_to_string(&a).unwrap(), "first");
        let message = restore(place.path()).unwrap_err().to_string();
        assert_eq!(message, "the trash is empty");
    }
}
