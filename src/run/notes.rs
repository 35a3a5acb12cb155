//! What a person wrote of a run: tags and a note, in `notes.json` of its
//! folder. Nothing that trains reads it.

use std::io;

use serde::{Deserialize, Serialize};

use super::atomic::write_file;
use super::folder::{RunError, RunFolder, failed};
use crate::untrusted::read_limited;

/// Tags and a note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// Short words to find it by, in the order in which they were given.
    pub tags: Vec<String>,
    /// Anything.
    pub note: String,
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

    /// Replaces what is written of a run.
    pub fn write(&self, folder: &RunFolder) -> Result<(), RunError> {
        let path = folder.path().join(FILE);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| failed("write", &path, error.into()))?;
        write_file(&path, &text).map_err(|error| failed("write", &path, error))
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
    use std::fs;
    use std::time::SystemTime;

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
        notes.write(&folder).unwrap();
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
        }
        make_pipe(&path);
        let error = Notes::read(&folder).unwrap_err().to_string();
        assert!(
            error.ends_with("it is a pipe, not a regular file"),
            "{error}"
        );
    }
}
