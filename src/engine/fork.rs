//! A new run that starts from a checkpoint that another one kept: its files,
//! sealed anew for the run that they are put into.

use super::checkpoint::{CheckpointFolder, read_state};
use super::failure::Failure;
use super::probe::ProbeFolder;
use super::teacher;
use crate::event::channel::JournalMark;
use crate::event::{Phase, Position};
use crate::run::{RunFolder, Sealed};

/// A checkpoint that a run kept.
pub struct KeptCheckpoint {
    at: Position,
    folder: Sealed,
    /// How far the run was recorded then.
    pub mark: JournalMark,
}

impl KeptCheckpoint {
    /// The checkpoint that a run kept at a position; none if there is no such one.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn find(run: &RunFolder, at: Position) -> Result<Option<Self>, Failure> {
        let Some(folder) = run.kept(at).find()? else {
            return Ok(None);
        };
        folder.verify()?;
        let state = read_state(&folder)?;
        let mark = JournalMark {
            bytes: state.mark.journal.unwrap_or_default(),
            crc32c: state.mark.journal_crc32c.unwrap_or_default(),
            series: state.mark.series.unwrap_or_default(),
            series_crc32c: state.mark.series_crc32c.unwrap_or_default(),
        };
        Ok(Some(Self { at, folder, mark }))
    }

    /// Puts it into the folder of a new run, with what the student needs of its
    /// teacher.
    ///
    /// # Errors
    /// If something of the run is damaged, or what the file system says.
    pub fn copy(&self, from: &RunFolder, to: &RunFolder) -> Result<(), Failure> {
        match self.at.phase {
            Phase::Teacher => teacher::make(&to.teacher())?,
            Phase::Student => teacher::copy(from, to)?,
        }
        CheckpointFolder::new(to, self.at.phase).start_from(&self.folder)
    }

    /// Gives the new run what the student was watched by until then. The answer names what
    /// is damaged of it: the new run does without.
    ///
    /// # Errors
    /// What the file system says of the new run.
    pub fn copy_probe(&self, from: &RunFolder, to: &RunFolder) -> Result<Vec<String>, Failure> {
        match self.at.phase {
            // No student was watched before.
            Phase::Teacher => Ok(Vec::new()),
            Phase::Student => ProbeFolder::new(from).copy(&ProbeFolder::new(to), self.at.step),
        }
    }
}
