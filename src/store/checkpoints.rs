//! Where a run's newest checkpoints stand according to its journal: what the weights
//! on disk are compared with.

use crate::event::{Position, RunEvent};

/// The newest checkpoints in a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalledCheckpoints {
    /// The latest.
    pub latest: Option<JournalledCheckpoint>,
    /// The best weights that the latest has taken over.
    pub best: Option<JournalledCheckpoint>,
    /// Best weights that no checkpoint has taken over yet; a kill takes them back.
    coming: Option<JournalledCheckpoint>,
}

/// A checkpoint in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalledCheckpoint {
    /// Where it stands in training.
    pub at: Position,
    /// BLAKE3 of its weights, hexadecimal, where it is known.
    pub weights: Option<String>,
}

impl JournalledCheckpoints {
    /// Takes in the next event.
    pub fn take_in(&mut self, event: &RunEvent) {
        match event {
            RunEvent::CheckpointSaved {
                at, best, weights, ..
            } => {
                let saved = JournalledCheckpoint {
                    at: *at,
                    weights: weights.clone(),
                };
                if *best {
                    self.coming = Some(saved);
                } else {
                    self.latest = Some(saved);
                    self.best = self.coming.take().or(self.best.take());
                }
            }
            // What came later is trained again.
            RunEvent::RunStarted { resumed, .. } => {
                let known = self.latest.take().filter(|it| Some(it.at) == *resumed);
                self.latest = known.or_else(|| {
                    Some(JournalledCheckpoint {
                        at: (*resumed)?,
                        weights: None,
                    })
                });
                self.best = self
                    .best
                    .take()
                    .filter(|best| resumed.is_some_and(|at| best.at <= at));
                self.coming = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Phase;
    use crate::event::testing::run_started;

    fn at(step: u64) -> Position {
        let phase = Phase::Student;
        Position { phase, step }
    }

    fn steps(events: &[RunEvent]) -> (Option<u64>, Option<u64>) {
        let mut newest = JournalledCheckpoints::default();
        for event in events {
            newest.take_in(event);
        }
        let step = |saved: Option<JournalledCheckpoint>| saved.map(|saved| saved.at.step);
        (step(newest.latest), step(newest.best))
    }

    fn saved(step: u64, best: bool) -> RunEvent {
        RunEvent::CheckpointSaved {
            at: at(step),
            folder: "latest".into(),
            best,
            weights: None,
        }
    }

    fn started(resumed: Option<u64>) -> RunEvent {
        run_started("run", resumed.map(at))
    }

    #[test]
    fn best_weights_count_once_a_checkpoint_took_them_over() {
        assert_eq!(steps(&[]), (None, None));
        let first = [started(None), saved(0, false), saved(8, true)];
        assert_eq!(steps(&first), (Some(0), None));
        let then = [&first[..], &[saved(8, false), saved(16, false)]].concat();
        assert_eq!(steps(&then), (Some(16), Some(8)));
    }

    #[test]
    fn what_a_resume_takes_back_does_not_count() {
        let both = [saved(8, true), saved(8, false)];
        let more = [saved(16, true), saved(16, false), saved(24, true)];
        let back = |to| [&both[..], &more, &[started(to)]].concat();
        assert_eq!(steps(&back(Some(16))), (Some(16), Some(16)));
        assert_eq!(steps(&back(Some(12))), (Some(12), None));
        assert_eq!(steps(&back(None)), (None, None));
    }
}
