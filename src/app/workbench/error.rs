//! Why the screen does not open, and why something that it requested was not
//! done.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::config::SettingsError;
use super::layout::LayoutError;
use crate::experiment::Report;
use crate::run::{MoveError, RunError, SealError};
use crate::untrusted::Show as _;

/// Why the screen does not open, or ends.
#[derive(Debug, Error)]
pub enum ScreenError {
    /// What was named is neither a folder nor an experiment.
    #[error(
        "`{}` {}; name a folder or an experiment file: workbench experiments, or workbench \
         experiments/quickstart.ron",
        .0.shown(),
        if .0.exists() { "is neither a folder nor an experiment file" } else { "does not exist" }
    )]
    NoExperiments(PathBuf),
    /// The user's settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system gives no pipe to wake the loop by.
    #[error("could not open a pipe: {0}")]
    Pipe(#[source] io::Error),
    /// There is nothing to draw on.
    #[error("the terminal UI needs a terminal: {0}; without one use `workbench --run FILE`")]
    NoTerminal(#[source] io::Error),
    /// A terminal that only prints lines.
    #[error(
        "TERM is `dumb`: the terminal UI needs a terminal that can move the cursor; set TERM, as in \
         TERM=xterm-256color, or use `workbench --run FILE`"
    )]
    Dumb,
    /// The terminal, or a thread that watches something for the screen.
    #[error("the terminal: {0}")]
    Terminal(#[source] io::Error),
}

/// Why something that the screen requested was not done.
#[derive(Debug, Error)]
pub enum EffectError {
    /// Nobody knows the run any more.
    #[error("the run {0} no longer exists")]
    RunRemoved(String),
    /// The run keeps its name and place.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// What was to be written of the run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file was not written or moved.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing was taken out of the run.
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    /// A command was not sent.
    #[error("could not send the command to {run}: {source}")]
    Command {
        /// The run.
        run: String,
        /// Why not.
        source: io::Error,
    },
    /// The layout was not kept.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A text stays without a plan.
    #[error("could not check {}: the planner thread ended; save, and restart the workbench", .0.shown())]
    NoPlanner(PathBuf),
}

/// A file was not written or moved.
#[derive(Debug, Error)]
pub enum FileError {
    /// Something else has that name.
    #[error("{} already exists", .0.shown())]
    Taken(PathBuf),
    /// Every numbered name is taken, too.
    #[error("{} has too many files named {name}; delete some", folder.shown(), name = name.shown())]
    NoFreeName {
        /// Where.
        folder: PathBuf,
        /// The name that was to be numbered.
        name: String,
    },
    /// Nothing was thrown away.
    #[error("the trash is empty")]
    TrashEmpty,
    /// The file system refuses.
    #[error("could not {action} {}: {source}", path.shown())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl FileError {
    /// What the system says of a file that something was tried with.
    pub fn of(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Taken(path),
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}

/// Why nothing was taken out of a run.
#[derive(Debug, Error)]
pub enum RunFileError {
    /// There are no numbers.
    #[error("{0} has no logged steps yet")]
    NoSteps(String),
    /// Something of that name is there.
    #[error("{} already exists; move or delete it first", .0.shown())]
    Exists(PathBuf),
    /// There are no weights.
    #[error("{0} has no best weights yet")]
    NoWeights(String),
    /// Its weights are damaged.
    #[error(transparent)]
    Weights(#[from] SealError),
    /// Its process has recorded nothing yet.
    #[error("{0} has not started")]
    NotStarted(String),
    /// Nobody knows which file it came from.
    #[error("no experiment in {} is named {name}", folder.shown(), name = name.shown())]
    NoExperiment {
        /// The name of the run's experiment.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// It may have come from any of several files.
    #[error(
        "both {} and {} are named {name}; edit the right one by hand",
        files[0].shown(), files[1].shown(),
        name = name.shown()
    )]
    SeveralExperiments {
        /// The name of the run's experiment.
        name: String,
        /// The first two.
        files: [PathBuf; 2],
    },
    /// The experiment cannot be read, or not be changed so.
    #[error("{}", .0.one_line())]
    Experiment(#[from] Report),
    /// A file was not written.
    #[error(transparent)]
    File(#[from] FileError),
}
