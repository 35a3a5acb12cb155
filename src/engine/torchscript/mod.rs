//! TorchScript models that answer: a file of layout and weights, run by libtorch's own
//! interpreter in builds that have it.
//!
//! A TorchScript file is a program. It is looked at before libtorch opens it, which tells
//! what it is, but not what it does: it is as trustworthy as its author.

mod archive;
#[cfg(feature = "libtorch")]
mod libtorch;
#[cfg(not(feature = "libtorch"))]
mod without_libtorch;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::weights::Fault;
use crate::experiment::spec::Scores;
use crate::untrusted::Show as _;

pub use self::archive::ScriptFile;
#[cfg(feature = "libtorch")]
pub use self::libtorch::TorchScriptModel;
#[cfg(not(feature = "libtorch"))]
pub use self::without_libtorch::TorchScriptModel;

/// Why a TorchScript file cannot be used.
#[derive(Debug, Error)]
pub enum TorchScriptError {
    /// What the file system says.
    #[error("{} cannot be read: {error}", path.shown())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// It is something else, or cannot be used.
    #[error("{} cannot be used as TorchScript: {problem}", path.shown())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        problem: String,
    },
    /// It is an archive that was cut or damaged.
    #[error("{} cannot be used as TorchScript: {fault}", path.shown())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Fault,
    },
    /// The program was built without libtorch.
    #[error(
        "{} is run by libtorch, which this build of workbench leaves out: run \
         scripts/setup-libtorch, then `cargo build --release --features libtorch`; or export the \
         model as ONNX, which every build runs",
        .0.shown()
    )]
    NoLibTorch(PathBuf),
    /// libtorch refuses it, or fails while it runs.
    #[error("{}: {engine} cannot run it: {reason}", path.shown())]
    Engine {
        /// The file.
        path: PathBuf,
        /// libtorch with its version.
        engine: String,
        /// What it says.
        reason: String,
    },
}

/// What of a file is taken for its answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptAnswers {
    /// Name or place of the output with the scores of the classes.
    pub output: Option<String>,
    /// What the scores are; as they are if absent.
    pub scores: Option<Scores>,
    /// Of the outputs those that are taken, in order; all if absent.
    pub taken: Option<Vec<usize>>,
    /// Images that are given at once, if always as many.
    pub batch: Option<usize>,
    /// Scores of each image, once that is known.
    pub classes: Option<usize>,
}

/// What is found when a file first answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptFacts {
    /// Number of its outputs.
    pub classes: usize,
    /// Whether its scores are probabilities: none is negative and they sum to 1.
    pub probabilities: bool,
    /// Number of its parameters.
    pub parameters: u64,
    /// What a person should know.
    pub notes: Vec<String>,
}

fn unusable(path: &Path, problem: String) -> TorchScriptError {
    TorchScriptError::Unusable {
        path: path.to_owned(),
        problem,
    }
}

#[cfg(test)]
#[cfg(feature = "libtorch")]
mod tests;
