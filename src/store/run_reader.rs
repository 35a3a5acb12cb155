//! Runs from disk: finished ones, and those that another process is writing.

use super::journal::{JournalError, JournalReader};
use super::run_store::RunStore;
use super::series::{SeriesError, SeriesReader};
use crate::run::RunFolder;

/// Folds a run's folder and follows it as it grows.
#[derive(Debug)]
pub struct RunReader {
    journal: JournalReader,
    series: SeriesReader,
    store: RunStore,
}

/// A run could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its series.
    #[error(transparent)]
    Series(#[from] SeriesError),
}

impl RunReader {
    /// A reader that has read nothing yet. Neither file need exist.
    #[must_use]
    pub fn new(folder: &RunFolder) -> Self {
        Self {
            journal: JournalReader::new(&folder.journal()),
            series: SeriesReader::new(&folder.series()),
            store: RunStore::new(),
        }
    }

    /// Takes in what was appended since the last call. Returns whether anything
    /// was.
    pub fn refresh(&mut self) -> Result<bool, OpenError> {
        let mut changed = self.series.read_into(&mut self.store.tables)?;
        while let Some(event) = self.journal.next_event()? {
            self.store.apply_journalled(&event);
            changed = true;
        }
        Ok(changed)
    }

    /// The run as far as it was read.
    #[must_use]
    pub fn store(&self) -> &RunStore {
        &self.store
    }
}

impl RunStore {
    /// The run in `folder` as it stands, finished or not.
    pub fn open(folder: &RunFolder) -> Result<Self, OpenError> {
        let mut reader = RunReader::new(folder);
        reader.refresh()?;
        Ok(reader.store)
    }
}
