//! Folders as they are typed: completed, and looked for. A thread looks, for a
//! shared disk may take its time.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use super::files::expanded;
use super::mail::Sender;
use super::message::Message;
use crate::ui::{Completed, News};

/// Completes a folder's name.
pub fn complete(typed: String, sender: Sender) {
    answer(sender, move || {
        let result = completed(&typed);
        News::FolderCompleted { typed, result }
    });
}

/// Looks whether a folder is there.
pub fn find(typed: String, sender: Sender) {
    answer(sender, move || {
        let result = found(&typed);
        News::FolderFound { typed, result }
    });
}

fn answer(sender: Sender, work: impl FnOnce() -> News + Send + 'static) {
    // Without a thread nothing is answered, and the prompt waits to be left.
    let _ = thread::Builder::new()
        .name("folders".to_owned())
        .spawn(move || {
            let _ = sender.send(Message::news(work()));
        });
}

fn found(typed: &str) -> Result<(), String> {
    let path = expanded(Path::new(typed.trim()));
    match fs::metadata(&path) {
        Ok(known) if known.is_dir() => Ok(()),
        Ok(_) => Err(format!("{} is a file, not a folder", path.display())),
        Err(error) => Err(trouble(&path, &error)),
    }
}

fn trouble(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no folder {}", path.display()),
        _ => format!("{} cannot be read: {error}", path.display()),
    }
}

/// What was typed, as far as the folders that there are agree how it goes on.
fn completed(typed: &str) -> Result<Completed, String> {
    let typed = typed.trim_start();
    if typed == "~" {
        return Ok(Completed {
            text: "~/".to_owned(),
            candidates: Vec::new(),
        });
    }
    let (folder, begun) = match typed.rfind('/') {
        Some(at) => typed.split_at(at + 1),
        None => ("", typed),
    };
    let place = match folder {
        "" => PathBuf::from("."),
        _ => expanded(Path::new(folder)),
    };
    let names = names(&place, begun).map_err(|error| trouble(&place, &error))?;
    match names.as_slice() {
        [] if begun.is_empty() => Err(format!("there is no folder in {}", place.display())),
        [] => Err(format!(
            "no folder in {} begins with {begun}",
            place.display()
        )),
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
fn names(place: &Path, begun: &str) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = OsStr::to_str(&name).filter(|name| name.starts_with(begun)) else {
            continue;
        };
        let hidden = name.starts_with('.') && !begun.starts_with('.');
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
        let text = place.path().display().to_string();
        (place, text)
    }

    fn told(typed: &str) -> (String, Vec<String>) {
        let completed = completed(typed).unwrap();
        (completed.text, completed.candidates)
    }

    #[test]
    fn a_name_is_completed_as_far_as_the_folders_agree() {
        let (_place, root) = place();
        let (text, candidates) = told(&format!("{root}/ph"));
        assert_eq!(text, format!("{root}/photos-"));
        assert_eq!(candidates, ["photos-a", "photos-ä"]);
        let only = |typed: &str| told(&format!("{root}/{typed}"));
        assert_eq!(only("o"), (format!("{root}/other/"), Vec::new()));
        assert_eq!(
            only("photos-ä/"),
            (format!("{root}/photos-ä/in/"), Vec::new())
        );
        assert_eq!(only(".").0, format!("{root}/.hidden/"));
        assert_eq!(only("").1.len(), 3);
        assert_eq!(told("~").0, "~/");
    }

    #[test]
    fn where_nothing_fits_it_is_said_why() {
        let (_place, root) = place();
        let told = |typed: &str| completed(&format!("{root}/{typed}")).unwrap_err();
        assert!(told("x").ends_with("begins with x"));
        assert!(told("other/").starts_with("there is no folder in"));
        assert!(told("none/x").starts_with("there is no folder"));
    }

    #[test]
    fn only_a_folder_is_found_as_one() {
        let (_place, root) = place();
        assert_eq!(found(&format!(" {root}/other/ ")), Ok(()));
        assert!(
            found(&format!("{root}/photos.txt"))
                .unwrap_err()
                .ends_with("is a file, not a folder")
        );
        assert!(
            found(&format!("{root}/none"))
                .unwrap_err()
                .starts_with("there is no folder /")
        );
    }
}
