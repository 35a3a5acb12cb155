//! Runs from disk: finished ones, and those that another process is writing.
//!
//! Whoever follows a run keeps its fold; a [`RunTail`] only knows how far its
//! files were read.

use super::journal::{JournalError, JournalReader};
use super::run_store::RunStore;
use super::series::{SeriesError, SeriesReader};
use crate::event::RunEvent;
use crate::run::RunFolder;

/// How far a run's folder was read, to follow it as it grows.
#[derive(Debug)]
pub struct RunTail {
    journal: JournalReader,
    series: SeriesReader,
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

impl RunTail {
    /// A tail that has read nothing yet. Neither file need exist.
    #[must_use]
    pub fn new(folder: &RunFolder) -> Self {
        Self {
            journal: JournalReader::new(&folder.journal()),
            series: SeriesReader::new(&folder.series()),
        }
    }

    /// Folds what was appended since the last call into `store`, always the
    /// same one. Returns whether anything was.
    pub fn refresh(&mut self, store: &mut RunStore) -> Result<bool, OpenError> {
        let mut changed = self.series.read_into(&mut store.tables)?;
        while let Some(event) = self.journal.next_event()? {
            store.apply_journalled(&event);
            changed = true;
        }
        Ok(changed)
    }
}

impl RunStore {
    /// The run in `folder` as it stands, finished or not.
    pub fn open(folder: &RunFolder) -> Result<Self, OpenError> {
        let mut store = Self::new();
        RunTail::new(folder).refresh(&mut store)?;
        Ok(store)
    }

    /// The same, with what its journal says, which was read already.
    pub fn of(folder: &RunFolder, journal: &[RunEvent]) -> Result<Self, SeriesError> {
        let mut store = Self::new();
        SeriesReader::new(&folder.series()).read_into(&mut store.tables)?;
        for event in journal {
            store.apply_journalled(event);
        }
        Ok(store)
    }
}
