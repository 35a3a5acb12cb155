//! Runs from disk: finished ones, and those that another process is writing.
//!
//! The follower of a run keeps its fold; a [`RunTail`] only knows how far its
//! files were read. What is damaged in them is named and passed over: who looks
//! at a run is better off with what is left of it.

use super::journal::{JournalError, JournalReader};
use super::run_store::RunStore;
use super::series::SeriesReader;
use crate::run::RunFolder;

/// Damaged lines of a journal that are passed over; one with more is something
/// else by now.
const MOST_DAMAGED: u64 = 1000;

/// How far a run's folder was read, to follow it as it grows.
#[derive(Debug)]
pub struct RunTail {
    journal: JournalReader,
    series: SeriesReader,
    /// What is wrong with the journal first.
    first: Option<String>,
    /// How much is wrong with it.
    damaged: u64,
}

impl RunTail {
    /// A tail that has read nothing yet. Neither file need exist.
    #[must_use]
    pub fn new(folder: &RunFolder) -> Self {
        Self {
            journal: JournalReader::new(&folder.journal()),
            series: SeriesReader::new(&folder.series()),
            first: None,
            damaged: 0,
        }
    }

    /// Folds what was appended since the last call into `store`, always the
    /// same one, with the problems so far. Returns whether anything changed.
    pub fn refresh(&mut self, store: &mut RunStore) -> bool {
        let (read, unread) = match self.series.read_into(&mut store.tables) {
            Ok(read) => (read, None),
            Err(error) => (true, Some(error.to_string())),
        };
        let mut changed = read;
        let mut stopped = None;
        while self.damaged <= MOST_DAMAGED {
            match self.journal.next_event() {
                Ok(None) => break,
                Ok(Some(event)) => store.apply_journalled(&event),
                Err(error) if error.is_damage() => self.pass_over(&error),
                Err(error) => {
                    stopped = Some(error.to_string());
                    break;
                }
            }
            changed = true;
        }
        let problems = [
            self.journal_problem(),
            stopped,
            unread,
            self.series.problem(),
        ];
        store.problems = problems.into_iter().flatten().collect();
        changed
    }

    /// Version of the journal's format, once its first line was read.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.journal.version()
    }

    fn pass_over(&mut self, error: &JournalError) {
        self.damaged += 1;
        self.first.get_or_insert_with(|| error.to_string());
    }

    fn journal_problem(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        Some(match self.damaged {
            1 => first.clone(),
            2 => format!("{first} (and another place)"),
            count if count > MOST_DAMAGED => {
                format!("{first} (and more; the rest was not read)")
            }
            count => format!("{first} (and {} more places)", count - 1),
        })
    }
}

impl RunStore {
    /// The run in `folder` as it stands, finished or not, as far as it can be
    /// read: [`problems`](Self::problems) names the rest.
    #[must_use]
    pub fn open(folder: &RunFolder) -> Self {
        let mut store = Self::new();
        RunTail::new(folder).refresh(&mut store);
        store
    }

    /// Adds the logged steps that are in a run's series. Events that were or
    /// will be taken in live may contain the same steps again.
    pub fn read_series(&mut self, folder: &RunFolder) {
        let mut series = SeriesReader::new(&folder.series());
        let error = series.read_into(&mut self.tables).err();
        let error = error.map(|error| error.to_string());
        self.problems
            .extend(error.into_iter().chain(series.problem()));
    }
}
