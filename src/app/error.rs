//! Why the program ends without having done what was asked.
//!
//! Every mode's errors come together here, and here alone they become what a
//! person reads and what the process ends with.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::arguments::ArgumentError;
use super::check::CheckError;
use super::export::ExportError;
use super::models::OpenModelsError;
use super::reporting::ReportingError;
use super::session::SessionError;
use super::tensorboard::TensorBoardError;
use crate::engine::BenchFailure;
use crate::experiment::Report;
use crate::experiment::range::Range;
use crate::listing::FilterError;
use crate::run::{Exit, ForeignResult, MoveError, RunError, TemporaryError};
use crate::untrusted::Show as _;

/// Why a mode could not be carried out.
#[derive(Debug, Error)]
pub enum AppError {
    /// The experiment file has errors, or a change of it that `--set` makes.
    #[error(transparent)]
    Experiment(#[from] Report),
    /// An argument means nothing.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// The run that was named.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The training does not begin.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Nothing could be classified.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// No file was written of a student.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// No event files were written of a run.
    #[error(transparent)]
    TensorBoard(#[from] TensorBoardError),
    /// A report of runs.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The experiment cannot be trained on these images.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// Nothing was measured.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// No learning rates were tested.
    #[error(transparent)]
    FindLr(#[from] FindLrError),
    /// Nothing could be shown of runs.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// A study's results could not be written.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A report would find no place.
    #[error(transparent)]
    Reporting(#[from] ReportingError),
    /// The screen does not open, or was lost.
    #[error("{0}")]
    Screen(Box<dyn std::error::Error + Send + Sync>),
    /// Ctrl+C and SIGTERM would end the program unsaved.
    #[error("could not handle SIGINT and SIGTERM: {0}")]
    Signals(#[source] io::Error),
    /// Nothing says who trains a run of a study.
    #[error("could not claim a run of the study: {0}")]
    Claim(#[source] io::Error),
    /// What was to be printed is lost.
    #[error("standard output: {0}")]
    Output(#[source] io::Error),
}

impl AppError {
    /// The error as it is printed. The report of an experiment's errors says
    /// itself that they are some, before each.
    #[must_use]
    pub fn printed(&self) -> String {
        match self {
            Self::Experiment(report) | Self::Session(SessionError::Report(report)) => {
                report.to_string()
            }
            error => format!("error: {error}"),
        }
    }

    /// The error in one line, for a log.
    #[must_use]
    pub fn one_line(&self) -> String {
        match self {
            Self::Experiment(report) | Self::Session(SessionError::Report(report)) => {
                report.one_line()
            }
            error => error.to_string(),
        }
    }

    /// What the process ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Session(SessionError::Stopped(_)) => Exit::Interrupted,
            Self::FindLr(FindLrError::Failed(_)) => Exit::RunFailed,
            _ => Exit::Usage,
        }
    }

    /// Whether the reader of the output has closed it.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// Another kind of file is meant.
    #[error("--out {}: the report is HTML; name it with the ending .html", .0.shown())]
    NotHtml(PathBuf),
    /// It cannot be written.
    #[error("could not write {}: {error}", path.shown())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// Why there is no curve.
#[derive(Debug, Error)]
pub enum FindLrError {
    /// The range is none.
    #[error(
        "--lr-from {from} and --lr-to {to} are no range of learning rates: 0 < lr-from < lr-to ≤ {}",
        Range::LEARNING_RATE.max
    )]
    Range {
        /// The lowest learning rate.
        from: f64,
        /// The highest.
        to: f64,
    },
    /// There is nowhere to train.
    #[error(transparent)]
    Temporary(#[from] TemporaryError),
    /// The temporary folder could not be made one of a run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The system gives no thread.
    #[error("could not start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The teacher or a step failed.
    #[error("the learning rate could not be tested: {0}")]
    Failed(String),
    /// The curve has no form in JSON.
    #[error("the curve could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Why nothing was shown of runs.
#[derive(Debug, Error)]
pub enum RunsError {
    /// The filter is none.
    #[error("--runs {filter}: {reason}", filter = filter.shown())]
    Filter {
        /// As it was written.
        filter: String,
        /// Where it goes wrong.
        reason: FilterError,
    },
    /// No run has such a column.
    #[error("--columns {column}: {reason}", column = column.shown())]
    Column {
        /// As it was written.
        column: String,
        /// What to write instead.
        reason: String,
    },
    /// A picture has another ending.
    #[error("--pareto {}: the picture is an SVG; name it with the ending .svg", .0.shown())]
    NotSvg(PathBuf),
    /// A processor where no time is drawn.
    #[error("--on names the processor of a latency; leave it out where --x is size or macs")]
    OnWithoutLatency,
    /// No run has what is to be drawn.
    #[error(
        "no run can be plotted: {}; measure runs with --bench for --x latency, export them with \
         --export for --x size, or use --x macs",
        absences(.0)
    )]
    NothingToDraw(Vec<String>),
    /// The filter leaves no run to draw.
    #[error("no run can be plotted: none matches the filter")]
    NoMatches,
    /// A run would be compared with itself.
    #[error("--compare: {name} is given twice; give different runs", name = .0.shown())]
    ComparedTwice(String),
    /// No run was measured on it.
    #[error("--on {wanted}: no run was measured on it{}", those_known(known), wanted = wanted.shown())]
    Processor {
        /// As it was written.
        wanted: String,
        /// Processors that measured some.
        known: Vec<String>,
    },
    /// The picture finds no place.
    #[error("could not write {}: {error}", path.shown())]
    Picture {
        /// Where.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The run stays where it is.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// A value has no form in JSON.
    #[error("the runs could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Why the results of a study were not written.
#[derive(Debug, Error)]
pub enum StudyError {
    /// A value has no form in JSON.
    #[error("the study could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The table has no form as CSV.
    #[error("the table could not be written as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The study has fewer runs.
    #[error("--task {task}: the study has {runs} runs; --dry-run lists them")]
    NoTask {
        /// As it was written.
        task: u32,
        /// How many there are.
        runs: usize,
    },
    /// A program of Slurm is not here.
    #[error(
        "{0} is not in PATH; run this on a machine that submits to the cluster, or load the module \
         that has it"
    )]
    NoSlurm(&'static str),
    /// Slurm refuses.
    #[error("{program} refused: {words}")]
    Slurm {
        /// Its program.
        program: &'static str,
        /// What it printed.
        words: String,
    },
    /// The batch script, or the study that it trains, finds no place.
    #[error("could not write {}, which Slurm is to read: {error}", path.shown())]
    Submission {
        /// Where.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// What the processes of several runs read finds no place.
    #[error(transparent)]
    Temporary(#[from] TemporaryError),
    /// The processes of several runs could not be started.
    #[error("could not start a process of --jobs: {0}")]
    Job(#[source] io::Error),
    /// A picture has another ending.
    #[error("--picture {}: the picture is an SVG; name it with the ending .svg", .0.shown())]
    NotSvg(PathBuf),
    /// The picture finds no place.
    #[error("could not write {}: {error}", path.shown())]
    Picture {
        /// Where.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

fn no_weights(checkpoints: &Path) -> String {
    if checkpoints.exists() {
        format!("no run in {} has weights yet", checkpoints.shown())
    } else {
        format!(
            "there are no runs: the folder {} does not exist",
            checkpoints.shown()
        )
    }
}

fn absences(absences: &[String]) -> String {
    if absences.is_empty() {
        "no run is listed".to_owned()
    } else {
        absences.join("; ")
    }
}

fn those_known(known: &[String]) -> String {
    if known.is_empty() {
        String::new()
    } else {
        format!("; available: {}", known.join(", "))
    }
}

/// Why a folder was not classified.
#[derive(Debug, Error)]
pub enum InferenceError {
    /// A file, or something odder, was named.
    #[error("{} is {what}; --infer takes the folder that holds the images", path.shown())]
    NotAFolder {
        /// What was named.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// No run can answer.
    #[error("{}; train one with --run, or name one with --checkpoint", no_weights(.0))]
    NoWeights(PathBuf),
    /// The run's models.
    #[error(transparent)]
    Models(#[from] OpenModelsError),
    /// The images, or the models at work.
    #[error("{0}")]
    Failed(String),
    /// The system gives no thread.
    #[error("could not start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The answers have no form as a table.
    #[error("the predictions could not be written as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// An answer has no form as a line.
    #[error("a prediction could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::load_text;

    #[test]
    fn every_error_is_marked_as_one_and_none_twice() {
        let report = || load_text("Experiment(", Path::new("a.ron"), &[]).unwrap_err();
        for error in [
            AppError::Experiment(report()),
            AppError::Session(report().into()),
            AppError::Output(io::Error::other("no room")),
        ] {
            let printed = error.printed();
            assert!(printed.starts_with("error: "), "{printed}");
            assert_eq!(printed.matches("error: ").count(), 1, "{printed}");
        }
    }
}

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The run's models cannot be opened.
    #[error(transparent)]
    Models(#[from] OpenModelsError),
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A model cannot be measured.
    #[error(transparent)]
    Failed(#[from] BenchFailure),
    /// A result of another machine.
    #[error("{} cannot be imported: {error}", path.shown())]
    Result {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// It is about something else.
    #[error("{} cannot be imported: it measured {foreign}", path.shown())]
    Foreign {
        /// The result's file.
        path: PathBuf,
        /// What was measured.
        foreign: ForeignResult,
    },
    /// The run's exports are not known.
    #[error("{0}")]
    Exports(String),
    /// A model could not be written as ONNX.
    #[error("the file to benchmark could not be written: {0}")]
    Write(String),
    /// The result finds no place.
    #[error("the result could not be stored in {run}: {error}")]
    Keep {
        /// The run.
        run: String,
        /// Why not.
        error: io::Error,
    },
    /// The result is no JSON.
    #[error(transparent)]
    Json(serde_json::Error),
}
