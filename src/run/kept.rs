//! Checkpoints that are kept before a person changes a knob, `kept/step-812/` or
//! `kept/teacher-step-812/`: as many as [`MOST_KEPT`], the earliest are removed
//! first. A new run can start from each of them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::atomic::create_folder;
use super::atomic_dir::AtomicDir;
use super::folder::RunFolder;
use super::seal::{SealError, failed};
use crate::event::{Phase, Position};

/// Kept checkpoints of a run, at most.
pub const MOST_KEPT: usize = 8;

const KEPT: &str = "kept";

/// The name of the checkpoint that is kept at a position.
#[must_use]
pub fn kept_name(at: Position) -> String {
    match at.phase {
        Phase::Student => format!("step-{}", at.step),
        Phase::Teacher => format!("teacher-step-{}", at.step),
    }
}

/// The position whose checkpoint has this name.
#[must_use]
pub fn kept_position(name: &str) -> Option<Position> {
    let (phase, name) = match name.strip_prefix("teacher-") {
        Some(rest) => (Phase::Teacher, rest),
        None => (Phase::Student, name),
    };
    let step = name.strip_prefix("step-")?.parse().ok()?;
    Some(Position { phase, step })
}

impl RunFolder {
    /// The checkpoint that is kept at a position, if it is.
    #[must_use]
    pub fn kept(&self, at: Position) -> AtomicDir {
        let name = kept_name(at);
        let [owner] = self.owners([&format!("{KEPT}/{name}")]);
        AtomicDir::new(self.kept_folder(), name).of(owner)
    }

    /// Where they are kept.
    pub(super) fn kept_folder(&self) -> PathBuf {
        self.path().join(KEPT)
    }

    /// Where checkpoints are kept, in order.
    ///
    /// # Errors
    /// What the file system says.
    pub fn kept_positions(&self) -> Result<Vec<Position>, SealError> {
        let all = self.started_positions()?;
        let is_complete = |at: &Position| matches!(self.kept(*at).find(), Ok(Some(_)));
        Ok(all.into_iter().filter(is_complete).collect())
    }

    /// Makes the folder of kept checkpoints in the run's, which is there or was
    /// lost.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make_kept(&self) -> Result<(), SealError> {
        let place = self.kept_folder();
        create_folder(&place).map_err(|error| failed("create", &place, error))
    }

    /// Removes the earliest checkpoints beyond [`MOST_KEPT`], the `newest` last,
    /// and what interruptions left. Hold the run's lock.
    ///
    /// # Errors
    /// What the file system says.
    pub fn prune_kept(&self, newest: Position) -> Result<(), SealError> {
        let mut others = self.started_positions()?;
        others.remove(&newest);
        let mut whole = Vec::new();
        for at in others {
            // One that is damaged counts: a request for it is refused.
            if self.kept(at).settle_on(|_| Ok(true)).unwrap_or(true) {
                whole.push(at);
            }
        }
        let surplus = (whole.len() + 1).saturating_sub(MOST_KEPT);
        for at in &whole[..surplus] {
            self.kept(*at).remove()?;
        }
        Ok(())
    }

    /// Where checkpoints started to be kept.
    pub(super) fn started_positions(&self) -> Result<BTreeSet<Position>, SealError> {
        let place = self.kept_folder();
        let entries = match fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(failed("list", &place, error)),
        };
        let mut positions = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(|e| failed("list", &place, e))?.file_name();
            let name = name.to_string_lossy();
            // As it is called before it is in its place.
            positions.extend(name.split('.').next().and_then(kept_position));
        }
        Ok(positions)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn student(step: u64) -> Position {
        let phase = Phase::Student;
        Position { phase, step }
    }

    #[test]
    fn a_position_is_known_again_by_its_name() {
        let teacher = Position {
            phase: Phase::Teacher,
            step: 7,
        };
        for at in [student(812), teacher] {
            assert_eq!(kept_position(&kept_name(at)), Some(at));
        }
        for other in ["step-", "step-x", "latest", "teacher-latest"] {
            assert_eq!(kept_position(other), None);
        }
    }

    #[test]
    fn the_earliest_go_first_and_what_a_kill_left_goes_too() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::create(place.path(), "a", "()", SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(run.kept_positions().unwrap(), []);
        run.make_kept().unwrap();
        let half = run.path().join("kept/step-3.new-1");
        fs::create_dir(&half).unwrap();
        let most = MOST_KEPT as u64;
        for step in 0..most + 2 {
            let written = |folder: &std::path::Path| {
                fs::write(folder.join("state.json"), "{}").unwrap();
                Ok::<(), SealError>(())
            };
            run.make_kept().unwrap();
            run.kept(student(step)).replace(written).unwrap();
            run.prune_kept(student(step)).unwrap();
        }
        let expected: Vec<Position> = (2..most + 2).map(student).collect();
        assert_eq!(run.kept_positions().unwrap(), expected);
        assert!(!half.exists());
    }
}
