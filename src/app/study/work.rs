//! Which cell of a study this process trains next, and the right to train it.
//!
//! Several processes may share a study, on one machine or on several that share the folder
//! of runs. Each claims a cell before it trains it, and looks at what there is of it once
//! it has the claim: a run that another process completed a moment ago is seen then. The
//! claim of a process that is killed is free, and its run is one that was interrupted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::error::AppError;
use crate::app::read_run::read_run;
use crate::run::{Claim, RunFolder, RunLock, StudyRole};
use crate::store::{Owner, RunEntry};
use crate::study::{Cell, Outlook, Standing, Study};

/// How often it is looked whether another process has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// The runs of a study, and what there is of it.
pub struct Seen {
    /// Its runs.
    pub runs: Vec<RunEntry>,
    /// What there is, by these.
    pub outlook: Outlook,
}

/// What this process has to do of a study.
pub struct Work<'a> {
    /// The study.
    pub study: &'a Study,
    checkpoints: &'a Path,
    /// The only cell that is to be trained, if it is one.
    only: Option<Cell>,
    tried: Vec<Cell>,
}

/// What this process does next.
pub enum Next {
    /// It trains a cell.
    Train(Box<Claimed>),
    /// It waits: other processes train what is left.
    Wait(Others),
    /// Nothing.
    Over,
}

/// The cell that comes next.
pub enum Picked {
    /// One that nobody trained a moment ago, and where it is claimed.
    Cell(Cell, PathBuf),
    /// None: other processes train what is left.
    Wait(Others),
    /// None.
    Over,
}

/// A cell that this process alone trains.
pub struct Claimed {
    /// The cell.
    pub cell: Cell,
    /// What there is of it.
    pub standing: Standing,
    /// What there is of the study.
    pub seen: Seen,
    _claim: Claim,
}

/// Cells that other processes train.
pub struct Others(Vec<Other>);

struct Other {
    cell: Cell,
    claim: PathBuf,
    run: Option<PathBuf>,
}

impl Seen {
    /// Reads the runs of a study.
    ///
    /// # Errors
    /// If the folder of runs cannot be read; what is wrong with a variant.
    pub fn of(study: &Study, checkpoints: &Path) -> Result<Self, AppError> {
        let mut runs = Vec::new();
        for name in RunFolder::names(checkpoints)? {
            let folder = RunFolder::at(checkpoints.join(name))?;
            // Whose plan cannot be read is of no study.
            let plan = folder.plan().ok().flatten();
            let of = plan.and_then(|plan| plan.study);
            if of.is_some_and(|of| of.study == study.name) {
                runs.push(read_run(&folder, Owner::of(&folder)).0);
            }
        }
        let outlook = study.outlook(&runs)?;
        Ok(Self { runs, outlook })
    }
}

impl<'a> Work<'a> {
    /// All of a study, or one of its cells.
    pub fn new(study: &'a Study, checkpoints: &'a Path, only: Option<Cell>) -> Self {
        Self {
            study,
            checkpoints,
            only,
            tried: Vec::new(),
        }
    }

    /// Notes that a cell was trained as far as this process does.
    pub fn tried(&mut self, cell: Cell) {
        self.tried.push(cell);
    }

    /// What is to be done, and the right to do it.
    ///
    /// # Errors
    /// As [`pick`](Self::pick).
    pub fn next(&self) -> Result<Next, AppError> {
        loop {
            let (cell, path) = match self.pick(&[])? {
                Picked::Cell(cell, claim) => (cell, claim),
                Picked::Wait(others) => return Ok(Next::Wait(others)),
                Picked::Over => return Ok(Next::Over),
            };
            let Some(claim) = Claim::take(&path).map_err(AppError::Claim)? else {
                continue;
            };
            // Its run may have been completed since.
            let seen = self.see()?;
            let standing = seen.outlook.standing(cell);
            if standing.is_open() {
                return Ok(Next::Train(Box::new(Claimed {
                    cell,
                    standing,
                    seen,
                    _claim: claim,
                })));
            }
        }
    }

    /// The next cell that nobody trains, and that is not one of these.
    ///
    /// # Errors
    /// As [`Seen::of`]; if the file system has no locks.
    pub fn pick(&self, ours: &[Cell]) -> Result<Picked, AppError> {
        let seen = self.see()?;
        let mut others = Vec::new();
        let may = |cell| self.may(cell) && !ours.contains(&cell);
        for (cell, standing) in seen.outlook.unfinished(may) {
            let run = standing.run().map(|run| seen.runs[run].folder.path());
            let other = Other {
                cell,
                claim: self.claim(&seen, cell)?,
                run: run.map(Path::to_owned),
            };
            if standing.is_open() && !other.is_claimed()? {
                return Ok(Picked::Cell(cell, other.claim));
            }
            others.push(other);
        }
        Ok(if others.is_empty() {
            Picked::Over
        } else {
            Picked::Wait(Others(others))
        })
    }

    /// What there is of the study, which can be trained.
    fn see(&self) -> Result<Seen, AppError> {
        let seen = Seen::of(self.study, self.checkpoints)?;
        self.study.check(&seen.outlook.epochs)?;
        Ok(seen)
    }

    /// Whether this process trains a cell if nobody else does.
    fn may(&self, cell: Cell) -> bool {
        let is_wanted = self.only.is_none_or(|only| {
            // A variant is timed before it is trained, by who comes first.
            cell == only || (cell.variant, cell.role) == (only.variant, StudyRole::Speed)
        });
        is_wanted && !self.tried.contains(&cell)
    }

    /// Where a cell is claimed.
    fn claim(&self, seen: &Seen, cell: Cell) -> Result<PathBuf, AppError> {
        let epochs = seen.outlook.epochs[cell.variant];
        Ok(self.study.run_of(cell, epochs)?.claim(self.checkpoints))
    }
}

impl Others {
    /// The cells.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        self.0.iter().map(|other| other.cell)
    }

    /// Waits until one of them is trained no longer, or this one is to stop.
    ///
    /// # Errors
    /// If it is not known who trains a run.
    pub fn wait(&self, is_stopped: impl Fn() -> bool) -> Result<(), AppError> {
        while !is_stopped() && self.are_busy()? {
            std::thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// Whether all of them are still trained.
    ///
    /// # Errors
    /// If it is not known who trains a run.
    pub fn are_busy(&self) -> Result<bool, AppError> {
        for other in &self.0 {
            if !other.is_claimed()? && !other.is_locked() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Other {
    fn is_claimed(&self) -> Result<bool, AppError> {
        Claim::is_taken(&self.claim).map_err(AppError::Claim)
    }

    /// Whether somebody writes to its run, who may have resumed it by its name.
    fn is_locked(&self) -> bool {
        let holder = self.run.as_deref().map(RunLock::holder);
        holder.is_some_and(|holder| matches!(holder, Ok(Some(_))))
    }
}
