//! What was being typed when the workbench was ended from outside: nobody could
//! be asked whether to save it, so it is kept beside, and told of at the next
//! start.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::atomic::write_file;

/// Folder beside the experiments; hidden, so that it is not listed with them.
const FOLDER: &str = ".unsaved";

/// Keeps texts by the paths of their files. One that cannot be kept is lost:
/// nobody is there to be told.
pub fn keep(texts: impl Iterator<Item = (PathBuf, String)>) {
    for (path, text) in texts {
        let (Some(beside), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        let folder = beside.join(FOLDER);
        let _ = fs::create_dir_all(&folder);
        let _ = write_file(&folder.join(name), text.as_bytes());
    }
}

/// What is to be told of texts that were kept, if there are any.
pub fn told(experiments: &Path) -> Option<String> {
    let folder = experiments.join(FOLDER);
    let entries = fs::read_dir(&folder).ok()?.flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    (!names.is_empty()).then(|| {
        format!(
            "the workbench closed before {} was saved: the text is in {}; move or delete it",
            names.join(", "),
            folder.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_saved_is_kept_beside_and_told_of() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(told(place.path()), None);
        let texts = [("a.ron", "one"), ("b.ron", "two")];
        keep(
            texts
                .into_iter()
                .map(|(name, text)| (place.path().join(name), text.to_owned())),
        );
        let told = told(place.path()).unwrap();
        assert!(told.contains("before a.ron, b.ron was saved"), "{told}");
        let kept = fs::read_to_string(place.path().join(".unsaved/b.ron"));
        assert_eq!(kept.unwrap(), "two");
    }
}
