//! How long the rest of a study takes, by the runs of it that are complete.

use std::collections::BTreeSet;

use super::cells::{Outlook, Standing, seconds_per_epoch};
use super::read::{Cell, Study};
use super::spread::mean;
use crate::event::Phase;
use crate::run::StudyRole;
use crate::store::metrics::seconds;
use crate::store::{Progress, RunEntry};

/// Epochs of a run by which an epoch is timed.
const TIMED_EPOCHS: f64 = 2.0;

/// Seconds that epochs and teachers took.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate<'a> {
    study: &'a Study,
    runs: &'a [RunEntry],
    outlook: &'a Outlook,
    /// Of an epoch of each variant.
    epoch: Vec<Option<f64>>,
    /// Of a teacher, where a run trained one.
    teacher: Option<f64>,
}

impl<'a> Estimate<'a> {
    /// By the runs of a study.
    #[must_use]
    pub fn of(study: &'a Study, runs: &'a [RunEntry], outlook: &'a Outlook) -> Self {
        let done = |variant: Option<usize>| {
            let cells = outlook.cells.iter();
            cells.filter_map(move |(cell, standing)| match standing {
                Standing::Done(run) if variant.is_none_or(|it| it == cell.variant) => {
                    Some((*cell, &runs[*run]))
                }
                _ => None,
            })
        };
        // Of a variant of which nothing is known an epoch takes as long as its passes do in
        // others.
        let views = |variant: usize| f64::from(study.variants[variant].cost.views.max(1));
        let passes = done(None).filter_map(|(cell, run)| {
            let seconds = seconds_per_epoch(run)?;
            Some(seconds / views(cell.variant))
        });
        let pass = mean(&passes.collect::<Vec<f64>>());
        let epoch = (0..study.variants.len()).map(|variant| {
            let own = done(Some(variant)).filter_map(|(_, run)| seconds_per_epoch(run));
            mean(&own.collect::<Vec<f64>>()).or_else(|| Some(pass? * views(variant)))
        });
        let taught = done(None).filter_map(|(_, run)| seconds(&run.store, Phase::Teacher));
        Self {
            study,
            runs,
            outlook,
            epoch: epoch.collect(),
            teacher: mean(&taught.collect::<Vec<f64>>()),
        }
    }

    /// Seconds that are left of a cell's run, its teacher left out; none where nothing of the
    /// kind is known.
    #[must_use]
    pub fn left(&self, cell: Cell, standing: Standing) -> Option<f64> {
        let epochs = match cell.role {
            StudyRole::Speed => TIMED_EPOCHS,
            StudyRole::Seed(_) => f64::from(self.outlook.epochs[cell.variant]?),
        };
        let whole = epochs * self.epoch[cell.variant]?;
        let share = match standing {
            Standing::Done(_) | Standing::Failed(_) => 1.0,
            Standing::Interrupted(run) | Standing::Training(run) => {
                let progress = Progress::of(&self.runs[run].store);
                let of_student = progress.filter(|it| it.phase == Phase::Student);
                of_student.map_or(0.0, Progress::share)
            }
            Standing::Missing | Standing::Waiting => 0.0,
        };
        Some(whole * (1.0 - share))
    }

    /// Seconds that are left of the study, with a teacher for every seed that has no complete
    /// run; none where those of a cell are not known.
    #[must_use]
    pub fn total(&self) -> Option<f64> {
        let cells = &self.outlook.cells;
        let left = cells.iter().map(|(cell, at)| self.left(*cell, *at));
        let left = left.sum::<Option<f64>>()?;
        let seeds = |done: bool| -> BTreeSet<u64> {
            let of = cells.iter().filter(|(_, at)| {
                let is_done = matches!(at, Standing::Done(_) | Standing::Failed(_));
                is_done == done
            });
            of.filter_map(|(cell, _)| match cell.role {
                StudyRole::Seed(seed) => Some(seed),
                StudyRole::Speed => self.study.seeds.first().copied(),
            })
            .collect()
        };
        let new = seeds(false).difference(&seeds(true)).count();
        Some(left + new as f64 * self.teacher.unwrap_or(0.0))
    }
}
