//! What the rest of the program reports to the screen.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::event::inspection::{InferenceEvent, Probe, ProbeSource};
use crate::experiment::lr_range::{LrCurve, LrPoint};
use crate::experiment::{Loaded, Report};
use crate::study::Study;
use crate::study::slurm::Tasks;
use crate::ui::effect::Waiting;

/// The time, as the screen knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Since the workbench began.
    pub elapsed: Duration,
    /// By the calendar.
    pub now: SystemTime,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            elapsed: Duration::ZERO,
            now: SystemTime::UNIX_EPOCH,
        }
    }
}

/// A report of the rest of the program.
#[derive(Debug)]
pub enum News {
    /// The experiment files there are, sorted.
    Experiments(Vec<PathBuf>),
    /// The studies that there are files of.
    Studies(Vec<Study>),
    /// What a cluster says of a study's tasks.
    StudyTasks {
        /// Name of the study.
        study: String,
        /// None where nothing of it was submitted; or why it is not known.
        tasks: Result<Option<Tasks>, String>,
    },
    /// An experiment file's text, as requested or because somebody else changed
    /// it.
    ExperimentRead {
        /// Which.
        path: PathBuf,
        /// Its text, or why there is none.
        text: Result<String, String>,
    },
    /// Beside an experiment file that was read stands a text that was not saved when
    /// the workbench was ended from outside.
    AutosaveFound {
        /// The file.
        path: PathBuf,
        /// The text that was not saved.
        text: String,
    },
    /// An experiment file was written, or not.
    ExperimentWritten {
        /// Which.
        path: PathBuf,
        /// What was written, or why it was not.
        text: Result<String, String>,
    },
    /// An experiment file came back from the trash, and is listed; or why it did
    /// not.
    ExperimentRestored(Result<PathBuf, String>),
    /// What a text means.
    Planned {
        /// The file that it is the text of.
        path: PathBuf,
        /// That of the request.
        version: u64,
        /// The plan, or every error.
        result: Box<Result<Loaded, Report>>,
    },
    /// A range test of a learning rate came further.
    LrTest {
        /// That of the request.
        test: u64,
        /// What is new.
        news: LrTestNews,
    },
    /// What is to be trained here next.
    Queue {
        /// The experiment whose images are being opened; it trains when they are.
        preparing: Option<PathBuf>,
        /// What another workbench trains before.
        ahead: Option<String>,
        /// What waits, in order.
        waiting: Vec<Waiting>,
    },
    /// A run began here.
    RunBegan(String),
    /// A run that trained here ended.
    RunEnded(String),
    /// The runs are not what they were.
    RunsChanged,
    /// A run has another name, under which it is known already.
    RunRenamed {
        /// Its name before.
        from: String,
        /// Its name now.
        to: String,
    },
    /// What a run's models answer, or why nobody knows.
    ProbeRead {
        /// The run's name.
        run: String,
        /// On which images.
        source: ProbeSource,
        /// What they answer.
        probe: Result<Box<Probe>, String>,
    },
    /// A run's student was written for other programs, or not.
    ModelExported {
        /// The run's name.
        run: String,
        /// The file and what its verification found, or why there is none.
        result: Result<String, ExportRefusal>,
    },
    /// How the name of a folder continues.
    FolderCompleted {
        /// As it was typed.
        typed: String,
        /// As far as it is known, and the names that it may continue with where
        /// there are several; or why nothing is known.
        result: Result<Completed, String>,
    },
    /// Whether there is a folder.
    FolderFound {
        /// Its name as it was typed.
        typed: String,
        /// Why not, if it is not there.
        result: Result<(), String>,
    },
    /// A folder is being classified.
    Inference(InferenceEvent),
    /// What the machine is doing.
    Machine(MachineSample),
    /// Something for the log.
    Logged(LogLine),
}

/// What is new of a range test.
#[derive(Debug)]
pub enum LrTestNews {
    /// What it does before its first step.
    Prepares(String),
    /// A step was taken.
    Step(LrPoint),
    /// It ended: the whole curve, or why there is none.
    Ended(Result<LrCurve, String>),
}

/// Why a student was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRefusal {
    /// Why.
    pub reason: String,
    /// Whether only what would verify the file is missing.
    pub can_skip_verification: bool,
}

/// The name of a folder, completed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completed {
    /// What was typed, and what is certain to follow.
    pub text: String,
    /// The folders that it may become, by name, sorted; none where there is one.
    pub candidates: Vec<String>,
}

/// How busy the machine is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MachineSample {
    /// Share of every core that is busy, in [0, 1].
    pub cores: Vec<f32>,
    /// Bytes of memory of this process.
    pub process_memory: u64,
    /// Bytes of memory in use, and of all memory.
    pub memory: (u64, u64),
    /// GPUs, where there are any.
    pub gpus: Vec<GpuSample>,
}

/// How busy a GPU is.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuSample {
    /// Its name.
    pub name: String,
    /// Share of time in which it computes, in [0, 1].
    pub busy: f32,
    /// Bytes of memory in use, and of all memory.
    pub memory: (u64, u64),
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the record.
    Info,
    /// To look at.
    Warn,
    /// It went wrong.
    Error,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What.
    pub message: String,
}

impl LogLine {
    /// For the record.
    #[must_use]
    pub fn info(message: impl Into<String>) -> Self {
        Self::new(Level::Info, message)
    }

    /// To look at.
    #[must_use]
    pub fn warn(message: impl Into<String>) -> Self {
        Self::new(Level::Warn, message)
    }

    /// It went wrong.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Level::Error, message)
    }

    fn new(level: Level, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { level, message }
    }
}
