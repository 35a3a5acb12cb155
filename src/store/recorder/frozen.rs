//! Files of a run that must stay as they were while it trains: its experiment
//! and its plan. Nobody reads them then, and without them nothing can be resumed
//! or replayed afterwards.
//!
//! Content decides: a file that was copied away and back is the same. It is read
//! again only where what the file system says of the file has changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::RecorderError;
use crate::run::RunFolder;
use crate::untrusted::{FileVersion, is_absent, open_regular};

/// Those that were there when the training began.
#[derive(Debug)]
pub struct FrozenFiles(Vec<FrozenFile>);

#[derive(Debug)]
struct FrozenFile {
    path: PathBuf,
    known: FileVersion,
    content: blake3::Hash,
}

impl FrozenFiles {
    /// Looks at a run's files. What is not there is not looked for later: a run
    /// of an older program has no plan.
    ///
    /// # Errors
    /// If one is there and cannot be read.
    pub fn of(folder: &RunFolder) -> Result<Self, RecorderError> {
        let mut files = Vec::new();
        for path in [folder.experiment(), folder.plan_path()] {
            match FrozenFile::at(&path) {
                Ok(file) => files.push(file),
                Err(error) if is_absent(&error) => {}
                Err(source) => return Err(RecorderError::Look { path, source }),
            }
        }
        Ok(Self(files))
    }

    /// Sees that all of them are still what they were.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&mut self) -> Result<(), RecorderError> {
        for file in &mut self.0 {
            let unchanged = file.is_unchanged();
            let path = file.path.clone();
            match unchanged {
                Ok(true) => {}
                Ok(false) => return Err(RecorderError::Changed { path }),
                Err(error) if is_absent(&error) => return Err(RecorderError::Removed { path }),
                Err(source) => return Err(RecorderError::Look { path, source }),
            }
        }
        Ok(())
    }
}

impl FrozenFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            // Before its content: what is written in between is noticed.
            known: FileVersion::of(&fs::metadata(path)?),
            content: content(path)?,
        })
    }

    fn is_unchanged(&mut self) -> io::Result<bool> {
        let now = FileVersion::of(&fs::metadata(&self.path)?);
        if now == self.known {
            return Ok(true);
        }
        if content(&self.path)? != self.content {
            return Ok(false);
        }
        self.known = now;
        Ok(true)
    }
}

fn content(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(open_regular(path)?)?;
    Ok(hasher.finalize())
}
