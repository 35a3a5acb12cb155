//! Folders as they are typed: completed, and looked for. A thread looks, for a
//! shared disk may take its time.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use thiserror::Error;

use super::files::expanded;
use super::mail::Sender;
use super::message::Message;
use crate::ui::{Completed, News};
use crate::untrusted::Show as _;

/// Why a name leads to no folder.
#[derive(Debug, Error)]
enum FolderError {
    /// There is nothing of that name.
    #[error("no folder {}", .0.shown())]
    Missing(PathBuf),
    /// There is something else.
    #[error("{} is a file, not a folder", .0.shown())]
    File(PathBuf),
    /// Nothing could follow.
    #[error("no folders in {}", .0.shown())]
    Empty(PathBuf),
    /// Nothing there continues like this.
    #[error("no folder in {} starts with {start}", place.shown(), start = start.shown())]
    NoneBegins {
        /// Where.
        place: PathBuf,
        /// What was typed of the name.
        start: String,
    },
    /// The file system refuses.
    #[error("{} cannot be read: {source}", path.shown())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl FolderError {
    fn of(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing(path),
            _ => Self::Io { path, source },
        }
    }
}

/// Completes a folder's name.
pub fn complete(typed: String, sender: Sender) {
    answer(sender, move || {
        let result = completed(&typed).map_err(|error| error.to_string());
        News::FolderCompleted { typed, result }
    });
}

/// Looks whether a folder is there.
pub fn find(typed: String, sender: Sender) {
    answer(sender, move || {
        let result = found(&typed).map_err(|error| error.to_string());
        News::FolderFound { typed, result }
    });
}

fn answer(sender: Sender, work: impl FnOnce() -> News + Send + 'static) {
    // Without a thread nothing is answered, and the prompt waits to be left.
    let _ = thread::Builder::new()
        .name("folders".to_owned())
        .spawn(move || {
            let _ = sender.send(Message::News(work()));
        });
}

fn found(typed: &str) -> Result<(), FolderError> {
    let path = expanded(Path::new(typed.trim()));
    match fs::metadata(&path) {
        Ok(known) if known.is_dir() => Ok(()),
        Ok(_) => Err(FolderError::File(path)),
        Err(error) => Err(FolderError::of(path, error)),
    }
}

/// What was typed, as far as the folders that there are agree how it continues.
fn completed(typed: &str) -> Result<Completed, FolderError> {
    let typed = typed.trim_start();
    if typed == "~" {
        return Ok(Completed {
            text: "~/".to_owned(),
            candidates: Vec::new(),
        });
    }
    let (folder, start) = match typed.rfind('/') {
        Some(at) => typed.split_at(at + 1),
        None => ("", typed),
    };
    let place = match folder {
        "" => PathBuf::from("."),
        _ => expanded(Path::new(folder)),
    };
    let names = match names(&place, start) {
        Ok(names) => names,
        Err(error) => return Err(FolderError::of(place, error)),
    };
    match names.as_slice() {
        [] if start.is_empty() => Err(FolderError::Empty(place)),
        [] => Err(FolderError::NoneBegins {
            place,
            start: start.to_owned(),
        }),
        [only] => Ok(Completed {
            text: format!("{folder}{only}/"),
            candidates: Vec::new(),
        }),
        [first, .., last] => Ok(Completed {
            text: format!("{folder}{}", shared_beginning(first, last)),
            candidates: names,
        }),
    }
}

/// Names of the folders in a place that begin so, sorted. Hidden ones are found
/// by their dot.
fn names(place: &Path, start: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = OsStr::to_str(&name).filter(|name| name.starts_with(start)) else {
            continue;
        };
        let hidden = name.starts_with('.') && !start.starts_with('.');
        // Links are followed.
        if !hidden && entry.path().is_dir() {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What two names have in common at their beginning; of the first and the last
/// of sorted names, that of all.
fn shared_beginning<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.chars().zip(other.chars());
    let length = same
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter.len_utf8())
        .sum();
    &one[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place with folders, and a file.
    fn place() -> (tempfile::TempDir, String) {
        let place = tempfile::tempdir().unwrap();
        for name in ["photos-a", "photos-ä/in", "other", ".hidden"] {
            fs::create_dir_all(place.path().join(name)).unwrap();
        }
        fs::write(place.path().join("photos.txt"), "").unwrap();
        let text = place.path().to_string_lossy().into_owned();
        (place, text)
    }

    fn texts(typed: &str) -> (String, Vec<String>) {
        let completed = completed(typed).unwrap();
        (completed.text, completed.candidates)
    }

    #[test]
    fn a_name_is_completed_as_far_as_the_folders_agree() {
        let (_place, root) = place();
        let (text, candidates) = texts(&format!("{root}/ph"));
        assert_eq!(text, format!("{root}/photos-"));
        assert_eq!(candidates, ["photos-a", "photos-ä"]);
        let only = |typed: &str| texts(&format!("{root}/{typed}"));
        assert_eq!(only("o"), (format!("{root}/other/"), Vec::new()));
        assert_eq!(
            only("photos-ä/"),
            (format!("{root}/photos-ä/in/"), Vec::new())
        );
        assert_eq!(only(".").0, format!("{root}/.hidden/"));
        assert_eq!(only("").1.len(), 3);
        assert_eq!(texts("~").0, "~/");
    }

    #[test]
    fn where_nothing_matches_the_reason_is_given() {
        let (_place, root) = place();
        let reason = |typed: &str| {
            let completed = completed(&format!("{root}/{typed}"));
            completed.unwrap_err().to_string()
        };
        assert!(reason("x").ends_with("starts with x"));
        assert!(reason("other/").starts_with("no folders in"));
        assert!(reason("none/x").starts_with("no folder"));
    }

    #[test]
    fn only_a_folder_is_found_as_one() {
        let (_place, root) = place();
        assert!(found(&format!(" {root}/other/ ")).is_ok());
        let message = |typed: &str| found(&format!("{root}/{typed}")).unwrap_err().to_string();
        assert!(message("photos.txt").ends_with("is a file, not a folder"));
        assert!(message("none").starts_with("no folder /"));
    }
}
