//! Why the screen does not open, and why something that it asked for was not
//! done.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::config::SettingsError;
use super::layout::LayoutError;
use crate::run::{MoveError, RunError};

/// Why the screen does not open, or ends.
#[derive(Debug, Error)]
pub enum ScreenError {
    /// There are no experiments.
    #[error("there is no folder `{}`; name a folder of experiments: `workbench FOLDER`", .0.display())]
    NoExperiments(PathBuf),
    /// The user's settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system gives no pipe to wake the loop by.
    #[error("could not open a pipe: {0}")]
    Pipe(#[source] io::Error),
    /// There is nothing to draw on.
    #[error("the screen needs a terminal: {0}. Without one, use `workbench --run FILE`")]
    NoTerminal(#[source] io::Error),
    /// The terminal, or a thread that watches something for the screen.
    #[error("the terminal: {0}")]
    Terminal(#[source] io::Error),
}

/// Why something that the screen asked for was not done.
#[derive(Debug, Error)]
pub enum EffectError {
    /// Nobody knows the run any more.
    #[error("the run {0} is gone")]
    RunGone(String),
    /// The run keeps its name and place.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// What was to be written of the run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file was not written, moved or found.
    #[error("{0}")]
    File(String),
    /// A text was not written where a person wanted it.
    #[error("could not write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
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
    #[error("could not check {}: the thread that does so has ended; save, and start the workbench again", .0.display())]
    NoPlanner(PathBuf),
}
