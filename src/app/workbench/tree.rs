//! A folder and what is below it, wherever links lead: every folder once, however
//! many ways lead there, and no further than a person would keep experiments: not
//! into runs, whose frozen experiments nobody edits.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::run::RunFolder;
use crate::untrusted::{FileId, Show as _};

/// Folders in folders; deeper ones are left out, as a link to the root of a disk
/// would bring them.
const DEEPEST: usize = 16;

/// Files and folders that are looked at: a folder with more holds something else
/// than experiments.
const MOST: usize = 100_000;

/// What is below a folder.
#[derive(Debug, Default)]
pub struct Tree {
    /// Regular files.
    pub files: Vec<PathBuf>,
    /// Folders that are behind a link.
    pub linked: Vec<PathBuf>,
}

/// Walks the folders below a folder whose names are wanted, and gathers the files
/// in them whose names are.
///
/// # Errors
/// If a folder cannot be read, or there is far more in it than can be meant.
pub fn walk(root: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Tree> {
    let mut tree = Tree::default();
    let mut seen = BTreeSet::from([FileId::of(&fs::metadata(root)?)]);
    let mut folders = vec![(root.to_owned(), 0)];
    let mut looked_at = 0;
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // It went away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound && depth > 0 => continue,
            Err(error) => {
                let shown = folder.shown();
                return Err(io::Error::new(error.kind(), format!("{shown}: {error}")));
            }
        };
        for entry in entries {
            let entry = entry?;
            if !is_wanted(&entry.file_name()) {
                continue;
            }
            looked_at += 1;
            if looked_at > MOST {
                return Err(io::Error::other(format!(
                    "more than {MOST} files; give a folder of experiments, and check it for \
                     links to larger folders"
                )));
            }
            let path = entry.path();
            // A link that leads nowhere is neither.
            let Ok(known) = fs::metadata(&path) else {
                continue;
            };
            if known.is_file() {
                tree.files.push(path);
            } else if known.is_dir()
                && depth < DEEPEST
                && !RunFolder::is_at(&path)
                && seen.insert(FileId::of(&known))
            {
                if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                    tree.linked.push(path.clone());
                }
                folders.push((path, depth + 1));
            }
        }
    }
    Ok(tree)
}

/// Whether a name says that what it names is not to be shown.
pub fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_folder_is_visited_once_however_many_links_lead_there() {
        let place = tempfile::tempdir().unwrap();
        let at = |number: usize| place.path().join(number.to_string());
        for number in 0..=40 {
            fs::create_dir(at(number)).unwrap();
        }
        // Two ways from each to the next: 2^40 paths.
        for number in 0..40 {
            for link in ["a", "b"] {
                symlink(at(number + 1), at(number).join(link)).unwrap();
            }
        }
        fs::write(at(3).join("x.ron"), "").unwrap();
        let tree = walk(&at(0), |_| true).unwrap();
        assert!(tree.files.len() == 1 && tree.files[0].ends_with("x.ron"));
        assert_eq!(tree.linked.len(), DEEPEST);
    }

    #[test]
    fn a_very_deep_tree_is_left_out_from_some_depth_on() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = place.path().to_owned();
        for _ in 0..1000 {
            folder.push("d");
        }
        fs::create_dir_all(&folder).unwrap();
        fs::write(place.path().join("d/x.ron"), "").unwrap();
        let tree = walk(place.path(), |_| true).unwrap();
        assert_eq!(tree.files, [place.path().join("d/x.ron")]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_passed_over_and_a_folder_that_is_not_there_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let error = walk(&place.path().join("none"), |_| true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        symlink("nowhere", place.path().join("a.ron")).unwrap();
        assert!(walk(place.path(), |_| true).unwrap().files.is_empty());
    }
}
