//! What there is of a study, and what comes next: a function of the study and of the runs in
//! a folder.
//!
//! A cell is a variant with a seed. All cells have an order, the same in every process: one
//! seed of all variants before the second seed of any, the baseline first, because that
//! says most the soonest. Where epochs follow from a time, a run that is timed comes before
//! the first cell of its variant.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::fmt;

use super::read::{Cell, Study};
use super::spec::Budget;
use crate::event::{Outcome, Phase};
use crate::experiment::Report;
use crate::run::{StudyRole, StudyRun};
use crate::store::metrics::seconds;
use crate::store::{Owner, RunEntry, RunState};

/// What there is of a cell. Runs are numbered as they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No run.
    Missing,
    /// No run, and how long it is to train is not known yet.
    Waiting,
    /// A run that was stopped or killed.
    Interrupted(usize),
    /// A run that another process trains.
    Training(usize),
    /// A run that failed.
    Failed(usize),
    /// A run that is complete.
    Done(usize),
}

/// A run of the study that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// Its number.
    pub run: usize,
    /// Why not.
    pub reason: String,
}

/// What there is of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Epochs of every variant; none where they follow from a time that was not measured.
    pub epochs: Vec<Option<u32>>,
    /// Every cell, in order.
    pub cells: Vec<(Cell, Standing)>,
    /// Runs that do not count.
    pub unused: Vec<Unused>,
}

impl Standing {
    /// The run, if there is one.
    #[must_use]
    pub fn run(self) -> Option<usize> {
        match self {
            Self::Missing | Self::Waiting => None,
            Self::Interrupted(run) | Self::Training(run) | Self::Failed(run) | Self::Done(run) => {
                Some(run)
            }
        }
    }

    /// The standing in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing | Self::Waiting => "missing",
            Self::Interrupted(_) => "interrupted",
            Self::Training(_) => "training",
            Self::Failed(_) => "failed",
            Self::Done(_) => "done",
        }
    }

    /// Whether a process that has nothing else to do takes it up.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Missing | Self::Interrupted(_))
    }
}

impl Study {
    /// Every cell, in order.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let others = (0..self.variants.len()).filter(|variant| *variant != self.baseline);
        let order: Vec<usize> = std::iter::once(self.baseline).chain(others).collect();
        let is_timed = matches!(self.budget, Budget::Minutes(_));
        let mut cells = Vec::new();
        for (number, &seed) in self.seeds.iter().enumerate() {
            for &variant in &order {
                if is_timed && number == 0 {
                    let role = StudyRole::Speed;
                    cells.push(Cell { variant, role });
                }
                let role = StudyRole::Seed(seed);
                cells.push(Cell { variant, role });
            }
        }
        cells
    }

    /// What there is of it among these runs, those of others included.
    ///
    /// # Errors
    /// As [`Study::run_of`].
    pub fn outlook<R: Borrow<RunEntry>>(&self, runs: &[R]) -> Result<Outlook, Report> {
        let runs: Vec<&RunEntry> = runs.iter().map(Borrow::borrow).collect();
        let mut found = Found {
            study: self,
            runs: &runs,
            taken: vec![false; runs.len()],
            unused: Vec::new(),
        };
        let (timed, cells): (Vec<Cell>, Vec<Cell>) = self
            .cells()
            .into_iter()
            .partition(|cell| cell.role == StudyRole::Speed);
        let timed: Vec<(Cell, Standing)> = timed
            .into_iter()
            .map(|cell| Ok((cell, found.standing(cell, None)?)))
            .collect::<Result<_, Report>>()?;
        let epochs = self.variants.iter().enumerate().map(|(number, variant)| {
            let mut cost = variant.cost;
            let done = timed.iter().find_map(|(cell, standing)| match standing {
                Standing::Done(run) if cell.variant == number => Some(*run),
                _ => None,
            });
            cost.seconds = done.and_then(|run| seconds_per_epoch(runs[run]));
            // What a study was read with fits.
            self.budget.epochs(cost).ok().flatten()
        });
        let epochs: Vec<Option<u32>> = epochs.collect();
        let mut standings = timed;
        for cell in cells {
            let standing = match epochs[cell.variant] {
                Some(epochs) => found.standing(cell, Some(epochs))?,
                None => Standing::Waiting,
            };
            standings.push((cell, standing));
        }
        let order = self.cells();
        standings.sort_by_key(|(cell, _)| order.iter().position(|other| other == cell));
        found.name_the_rest();
        Ok(Outlook {
            epochs,
            cells: standings,
            unused: found.unused,
        })
    }
}

/// How many runs of a study are how far, without those that are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Runs that the study needs; none where its file is not known.
    pub all: Option<usize>,
    /// Those that are complete.
    pub done: usize,
    /// Those that are trained.
    pub training: usize,
    /// Those that were interrupted.
    pub interrupted: usize,
    /// Those that failed.
    pub failed: usize,
}

impl Progress {
    /// Of runs, by what became of each.
    #[must_use]
    pub fn of(all: Option<usize>, standings: impl IntoIterator<Item = Standing>) -> Self {
        let mut progress = Self {
            all,
            ..Self::default()
        };
        for standing in standings {
            match standing {
                Standing::Missing | Standing::Waiting => {}
                Standing::Interrupted(_) => progress.interrupted += 1,
                Standing::Training(_) => progress.training += 1,
                Standing::Failed(_) => progress.failed += 1,
                Standing::Done(_) => progress.done += 1,
            }
        }
        progress
    }
}

/// `7 of 12 done, 1 training, 1 failed`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.done)?;
        if let Some(all) = self.all {
            write!(f, " of {all}")?;
        }
        f.write_str(" done")?;
        let others = [
            (self.training, "training"),
            (self.interrupted, "interrupted"),
            (self.failed, "failed"),
        ];
        for (count, word) in others {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

impl Outlook {
    /// How far the study is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let seeds = self
            .cells
            .iter()
            .filter(|(cell, _)| cell.role != StudyRole::Speed);
        let standings: Vec<Standing> = seeds.map(|(_, standing)| *standing).collect();
        Progress::of(Some(standings.len()), standings)
    }

    /// The cells that are to be trained, or are, in the order in which they are; of those that
    /// `may` be trained.
    pub fn unfinished(&self, may: impl Fn(Cell) -> bool) -> impl Iterator<Item = (Cell, Standing)> {
        let cells = self.cells.iter().copied();
        cells.filter(move |(cell, standing)| {
            may(*cell) && (standing.is_open() || matches!(standing, Standing::Training(_)))
        })
    }

    /// What there is of a cell.
    #[must_use]
    pub fn standing(&self, cell: Cell) -> Standing {
        let found = self.cells.iter().find(|(other, _)| *other == cell);
        found.map_or(Standing::Missing, |(_, standing)| *standing)
    }
}

/// Seconds that an epoch of the student takes, by a run of several.
#[must_use]
pub fn seconds_per_epoch(run: &RunEntry) -> Option<f64> {
    let state = run.store.phases.get(&Phase::Student)?;
    let epochs = state.epochs();
    let seconds = seconds(&run.store, Phase::Student)?;
    (epochs > 0.0 && seconds > 0.0).then(|| seconds / epochs)
}

/// Runs, and what has become of each.
struct Found<'a> {
    study: &'a Study,
    runs: &'a [&'a RunEntry],
    /// Whether a run is a cell's, or named.
    taken: Vec<bool>,
    unused: Vec<Unused>,
}

impl Found<'_> {
    /// What there is of a cell.
    fn standing(&mut self, cell: Cell, epochs: Option<u32>) -> Result<Standing, Report> {
        let wanted = self.study.run_of(cell, epochs)?;
        let mut candidates = Vec::new();
        for (number, run) in self.runs.iter().enumerate() {
            let Some(of) = of_study(run, &self.study.name) else {
                continue;
            };
            if (&of.variant, of.role) != (&wanted.variant, wanted.role) {
                continue;
            }
            self.taken[number] = true;
            if of.experiment == wanted.experiment {
                match unfit(run) {
                    None => candidates.push(number),
                    Some(reason) => self.unused.push(Unused {
                        run: number,
                        reason,
                    }),
                }
            } else {
                self.unused.push(Unused {
                    run: number,
                    reason: "the study, its experiment or a default was changed since".to_owned(),
                });
            }
        }
        let standings = candidates.into_iter().map(|number| {
            let standing = standing_of(self.runs[number], number);
            (standing, self.runs[number].started)
        });
        let mut standings: Vec<_> = standings.collect();
        // What is furthest counts, of several the first.
        standings.sort_by_key(|(standing, started)| (Reverse(rank(*standing)), *started));
        let mut standings = standings.into_iter().map(|(standing, _)| standing);
        let counts = standings.next().unwrap_or(Standing::Missing);
        for other in standings {
            let reason = format!("{}, and another run counts for the same", other.word());
            let run = other.run().unwrap_or_default();
            self.unused.push(Unused { run, reason });
        }
        Ok(counts)
    }

    /// Names runs of the study that belong to no cell.
    fn name_the_rest(&mut self) {
        for (run, entry) in self.runs.iter().enumerate() {
            let Some(of) = of_study(entry, &self.study.name).filter(|_| !self.taken[run]) else {
                continue;
            };
            let is_known = |name: &str| self.study.variants.iter().any(|it| it.name == name);
            let reason = match of.role {
                _ if !is_known(&of.variant) => {
                    format!("the study has no variant \"{}\"", of.variant)
                }
                StudyRole::Seed(seed) => format!("the study has no seed {seed}"),
                StudyRole::Speed => "the study has no time as its budget".to_owned(),
            };
            self.unused.push(Unused { run, reason });
        }
        self.unused.sort_by_key(|unused| unused.run);
    }
}

/// Which run of this study a run is.
fn of_study<'a>(run: &'a RunEntry, study: &str) -> Option<&'a StudyRun> {
    let of = run.plan.as_ref()?.study.as_ref()?;
    (of.study == study).then_some(of)
}

/// Why a run is not what the study made it.
fn unfit(run: &RunEntry) -> Option<String> {
    if let Some(mismatch) = &run.mismatch {
        return Some(mismatch.clone());
    }
    let changed = run.store.adjustments().next().is_some();
    changed.then(|| "a person changed it while it trained".to_owned())
}

/// What became of a run of this number, whatever it is of.
#[must_use]
pub fn standing_of(run: &RunEntry, number: usize) -> Standing {
    match run.state() {
        RunState::Completed => Standing::Done(number),
        _ if run.owner != Owner::None => Standing::Training(number),
        RunState::Failed => Standing::Failed(number),
        _ => Standing::Interrupted(number),
    }
}

fn rank(standing: Standing) -> u8 {
    match standing {
        Standing::Done(_) => 4,
        Standing::Training(_) => 3,
        Standing::Interrupted(_) => 2,
        Standing::Failed(_) => 1,
        Standing::Missing | Standing::Waiting => 0,
    }
}

/// Why a run failed.
#[must_use]
pub fn failure(run: &RunEntry) -> Option<&str> {
    match run.store.outcome() {
        Some(Outcome::Failed { message }) => Some(message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::testing::{STUDY, read, run, study};

    const MULTI_VIEW: usize = 0;
    const VANILLA: usize = 1;

    fn cell(variant: usize, seed: u64) -> Cell {
        let role = StudyRole::Seed(seed);
        Cell { variant, role }
    }

    fn standings(outlook: &Outlook) -> Vec<Standing> {
        let cells = outlook.cells.iter();
        cells.map(|(_, standing)| *standing).collect()
    }

    #[test]
    fn one_seed_of_all_variants_comes_before_the_second_and_the_baseline_is_first() {
        let order = [(VANILLA, 5), (MULTI_VIEW, 5), (VANILLA, 6), (MULTI_VIEW, 6)];
        assert_eq!(study().cells(), order.map(|(of, seed)| cell(of, seed)));
    }

    /// The first cell that nobody trains.
    fn next(outlook: &Outlook, may: impl Fn(Cell) -> bool) -> Option<(Cell, Standing)> {
        let mut unfinished = outlook.unfinished(may);
        unfinished.find(|(_, standing)| standing.is_open())
    }

    #[test]
    fn an_interrupted_run_comes_before_what_is_missing_after_it_and_a_complete_one_never() {
        let study = study();
        let done = run(&study, cell(VANILLA, 5), 4, Some(Outcome::Completed), 0.9);
        let killed = run(&study, cell(MULTI_VIEW, 5), 2, None, 0.9);
        let runs = [killed, done];
        let outlook = study.outlook(&runs).unwrap();
        assert_eq!(outlook.epochs, [Some(2), Some(4)]);
        let expected = [
            Standing::Done(1),
            Standing::Interrupted(0),
            Standing::Missing,
            Standing::Missing,
        ];
        assert_eq!(standings(&outlook), expected);
        let first = (cell(MULTI_VIEW, 5), Standing::Interrupted(0));
        assert_eq!(next(&outlook, |_| true), Some(first));
        let second = (cell(VANILLA, 6), Standing::Missing);
        assert_eq!(next(&outlook, |cell| cell != first.0), Some(second));
        assert!(outlook.unused.is_empty());
    }

    #[test]
    fn a_failed_run_is_not_tried_again_and_one_that_another_process_trains_is_left_alone() {
        let study = study();
        let failed = Outcome::Failed {
            message: "loss is NaN".to_owned(),
        };
        let failed = run(&study, cell(VANILLA, 5), 4, Some(failed), 0.9);
        let mut training = run(&study, cell(MULTI_VIEW, 5), 2, None, 0.9);
        training.owner = Owner::Here;
        let runs = [failed, training];
        let outlook = study.outlook(&runs).unwrap();
        let (next, _) = next(&outlook, |_| true).unwrap();
        assert_eq!(next, cell(VANILLA, 6));
        assert_eq!(outlook.cells[0].1, Standing::Failed(0));
        assert_eq!(failure(&runs[0]), Some("loss is NaN"));
        assert_eq!(outlook.cells[1].1, Standing::Training(1));
    }

    #[test]
    fn runs_of_what_the_study_was_are_named_and_do_not_count() {
        let before = read(&STUDY.replace("views: 2", "views: 4")).unwrap();
        let completed = || Some(Outcome::Completed);
        let longer = run(&study(), cell(VANILLA, 5), 8, completed(), 0.9);
        let other = run(&before, cell(MULTI_VIEW, 5), 2, completed(), 0.9);
        let seed = run(&study(), cell(VANILLA, 7), 4, completed(), 0.9);
        let renamed = read(&STUDY.replace("multi-view", "views")).unwrap();
        let renamed = run(&renamed, cell(MULTI_VIEW, 5), 2, completed(), 0.9);
        let twice = [1, 2].map(|_| run(&study(), cell(VANILLA, 6), 4, completed(), 0.9));
        let [first, second] = twice;
        let runs = [longer, other, seed, renamed, first, second];
        let outlook = study().outlook(&runs).unwrap();
        let expected = [
            Standing::Missing,
            Standing::Missing,
            Standing::Done(4),
            Standing::Missing,
        ];
        assert_eq!(standings(&outlook), expected);
        let changed = "the study, its experiment or a default was changed since";
        let reasons = [
            changed,
            changed,
            "the study has no seed 7",
            "the study has no variant \"views\"",
            "done, and another run counts for the same",
        ];
        let found = outlook.unused.iter();
        let found: Vec<(usize, &str)> = found.map(|it| (it.run, it.reason.as_str())).collect();
        let numbers = [0, 1, 2, 3, 5];
        let expected: Vec<(usize, &str)> = numbers.into_iter().zip(reasons).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn epochs_follow_from_the_time_of_one_where_the_budget_is_a_time() {
        let text = STUDY.replace("StudentPasses(4)", "Minutes(1.0)");
        let study = read(&text).unwrap();
        let speed = Cell {
            variant: VANILLA,
            role: StudyRole::Speed,
        };
        assert_eq!(study.cells()[..2], [speed, cell(VANILLA, 5)]);
        let outlook = study.outlook::<RunEntry>(&[]).unwrap();
        assert_eq!(outlook.cells[1].1, Standing::Waiting);
        let timed = run(&study, speed, 1, Some(Outcome::Completed), 0.9);
        let seconds = seconds_per_epoch(&timed).unwrap();
        let outlook = study.outlook(&[timed]).unwrap();
        assert_eq!(
            outlook.epochs,
            [None, Some((60.0 / seconds).floor() as u32)]
        );
        assert_eq!(outlook.cells[0].1, Standing::Done(0));
        let next = next(&outlook, |_| true).unwrap();
        assert_eq!(next, (cell(VANILLA, 5), Standing::Missing));
    }
}
