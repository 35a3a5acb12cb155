//! What a person wrote of a run: tags and a note, in `notes.json` of its
//! folder. Nothing that trains reads it.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::atomic::write_file;
use super::folder::{RunError, RunFolder, failed};

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
    /// What is written of a run; nothing if nobody wrote anything, or what was
    /// written cannot be understood.
    pub fn read(folder: &RunFolder) -> Result<Self, RunError> {
        let path = folder.path().join(FILE);
        match fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed("read", &path, error)),
        }
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

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
}
