//! What was being typed when the workbench was ended from outside: nobody could
//! be asked whether to save it, so it is kept beside its file, and offered when
//! that is opened again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::FileError;
use crate::experiment::read_text;
use crate::run::atomic::write_file;
use crate::untrusted::Show as _;

/// Folder beside the experiments; hidden, so that it is not listed with them.
const FOLDER: &str = ".unsaved";

/// Where the text of a file is kept.
fn place(path: &Path) -> Option<PathBuf> {
    Some(path.parent()?.join(FOLDER).join(path.file_name()?))
}

/// Keeps texts by the paths of their files. One that cannot be kept is lost:
/// there is no screen to show it.
pub fn keep(texts: impl Iterator<Item = (PathBuf, String)>) {
    for (path, text) in texts {
        let Some(place) = place(&path) else {
            continue;
        };
        let _ = place.parent().map(fs::create_dir_all);
        let _ = write_file(&place, text.as_bytes());
    }
}

/// The text that was kept of a file, if it can be read.
pub fn kept(path: &Path) -> Option<String> {
    let place = place(path)?;
    place.is_file().then(|| read_text(&place).ok())?
}

/// Deletes the text that was kept of a file.
pub fn remove(path: &Path) -> Result<(), FileError> {
    let Some(place) = place(path) else {
        return Ok(());
    };
    match fs::remove_file(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FileError::of("delete", &place, error));
        }
        _ => {}
    }
    // Only if it was the last one.
    let _ = place.parent().map(fs::remove_dir);
    Ok(())
}

/// The warning about texts whose files are not there any more: nobody can open
/// them.
pub fn orphans(experiments: &Path) -> Option<String> {
    let folder = experiments.join(FOLDER);
    let entries = fs::read_dir(&folder).ok()?.flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name())
        .filter(|name| !experiments.join(name).exists())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    (!names.is_empty()).then(|| {
        format!(
            "the workbench closed before {} was saved: the text is in {}; move or delete it",
            names.join(", "),
            folder.shown()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_saved_is_kept_beside_its_file_until_it_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let [a, b] = ["a.ron", "b.ron"].map(|name| place.path().join(name));
        assert_eq!((kept(&a), orphans(place.path())), (None, None));
        let texts = [(a.clone(), "one".to_owned()), (b.clone(), "two".to_owned())];
        keep(texts.into_iter());
        fs::write(&a, "").unwrap();
        assert_eq!(kept(&a).as_deref(), Some("one"));
        let message = orphans(place.path()).unwrap();
        assert!(message.contains("before b.ron was saved"), "{message}");
        for path in [&a, &a, &b] {
            remove(path).unwrap();
            assert_eq!(kept(path), None);
        }
        assert!(!place.path().join(FOLDER).exists());
    }
}
