//! What a person wrote of a run: tags and a note, in `notes.json` of its
//! folder. Nothing that trains reads it.

use std::fs::{self, File};
use std::io;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::atomic::write_file;
use super::folder::{RunError, RunFolder, failed};
use crate::untrusted::files::is_replaceable;
use crate::untrusted::{FileId, read_limited};

/// Tags and a note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// Short words to find it by, in the order in which they were given.
    pub tags: Vec<String>,
    /// Anything.
    pub note: String,
}

/// One of them becomes another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotesChange {
    /// The tags.
    Tags(Vec<String>),
    /// The note.
    Note(String),
}

impl Notes {
    /// What is written of a run; nothing if nobody wrote anything.
    ///
    /// # Errors
    /// If the file cannot be read or understood.
    pub fn read(folder: &RunFolder) -> Result<Self, RunError> {
        let path = folder.path().join(FILE);
        let bytes = match read_limited(&path, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed("read", &path, error)),
        };
        serde_json::from_slice(&bytes).map_err(|error| RunError::DamagedNotes {
            path,
            reason: error.to_string(),
        })
    }

    /// Changes what is written of a run, as it is now: others may have written too.
    ///
    /// # Errors
    /// Also if what is there cannot be read or is no file of its own: nothing replaces it.
    pub fn change(folder: &RunFolder, change: NotesChange) -> Result<Self, RunError> {
        let path = folder.path().join(FILE);
        // Two changes at once are both kept, where the file system has locks.
        let locked = File::open(folder.path()).and_then(|place| place.lock().map(|()| place));
        let _locked = locked.ok();
        is_replaceable(&path).map_err(|error| failed("replace", &path, error))?;
        let mut notes = Self::read(folder)?;
        match change {
            NotesChange::Tags(tags) => notes.tags = tags,
            NotesChange::Note(note) => notes.note = note,
        }
        let text = serde_json::to_vec_pretty(&notes)
            .map_err(|error| failed("write", &path, error.into()))?;
        write_file(&path, &text).map_err(|error| failed("write", &path, error))?;
        Ok(notes)
    }

    /// What tells that somebody wrote something of a run.
    #[must_use]
    pub fn version(folder: &RunFolder) -> Option<(FileId, SystemTime, u64)> {
        let found = fs::metadata(folder.path().join(FILE)).ok()?;
        Some((FileId::of(&found), found.modified().ok()?, found.len()))
    }

    /// Tags as a person types them: words with commas or spaces between them.
    #[must_use]
    pub fn tags_of(text: &str) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for tag in text.split([',', ' ']).filter(|tag| !tag.is_empty()) {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags
    }
}

const FILE: &str = "notes.json";

/// A larger file is no note that anybody wrote.
const LARGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::untrusted::testing::make_pipe;

    #[test]
    fn what_was_written_is_read_again_and_nothing_is_no_error() {
        let place = tempfile::tempdir().unwrap();
        let folder =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(Notes::read(&folder).unwrap(), Notes::default());
        let notes = Notes {
            tags: Notes::tags_of("best, paper best  seed7"),
            note: "after the fix".to_owned(),
        };
        assert_eq!(notes.tags, ["best", "paper", "seed7"]);
        // Each change leaves what another process wrote in between.
        Notes::change(&folder, NotesChange::Tags(notes.tags.clone())).unwrap();
        let written = Notes::change(&folder, NotesChange::Note(notes.note.clone())).unwrap();
        assert_eq!(written, notes);
        assert_eq!(Notes::read(&folder).unwrap(), notes);
    }

    #[test]
    fn notes_that_cannot_be_understood_are_reported_and_not_taken_for_none() {
        let place = tempfile::tempdir().unwrap();
        let folder =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        let path = folder.path().join(FILE);
        let deep = "[".repeat(100_000);
        for damaged in ["{\"tags\": 3}", "", &deep] {
            fs::write(&path, damaged).unwrap();
            let error = Notes::read(&folder).unwrap_err().to_string();
            assert!(error.contains("notes.json are damaged"), "{error}");
            let change = NotesChange::Tags(vec!["a".to_owned()]);
            assert_eq!(
                Notes::change(&folder, change).unwrap_err().to_string(),
                error
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "it is kept");
        }
        let elsewhere = place.path().join("mine.json");
        fs::write(&elsewhere, "{}").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let linked = Notes::change(&folder, NotesChange::Note("a".to_owned()));
        assert!(linked.is_err() && path.is_symlink(), "{linked:?}");
        make_pipe(&path);
        let error = Notes::read(&folder).unwrap_err().to_string();
        assert!(
            error.ends_with("it is a pipe, not a regular file"),
            "{error}"
        );
    }
}
