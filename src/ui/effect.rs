//! What the screen asks of the rest of the program. Plain data: the code that drives
//! the screen carries it out, and says with [`News`](super::news::News) what
//! came of it.

use std::fmt;
use std::path::PathBuf;

use super::layout::Layout;
use crate::event::inspection::{InferenceRequest, ProbeSource};
use crate::event::{Command, Position};
use crate::experiment::schedule::Schedule;
use crate::format::plural;
use crate::run::kept::kept_name;
use crate::untrusted::Show as _;

/// What a file that is written may replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverwritePolicy {
    /// Nothing: it is new.
    Nothing,
    /// This text, which was seen on disk; no other that somebody wrote since. Its
    /// lines end with `\n` alone.
    Seen(String),
    /// Whatever is there: a person decided so.
    Anything,
}

/// What waits to be trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// An experiment file.
    Experiment(PathBuf),
    /// A run, to be resumed.
    Resume(String),
    /// A run, to be trained so many epochs further.
    Extension(String, u32),
    /// A new run, from a checkpoint that a run kept.
    Fork(String, Position),
}

impl Waiting {
    /// Whether this run itself will be trained.
    #[must_use]
    pub fn is_of(&self, name: &str) -> bool {
        matches!(self, Self::Resume(run) | Self::Extension(run, _) if run == name)
    }

    /// The kept checkpoint of this run that a new one will start from.
    #[must_use]
    pub fn fork_of(&self, name: &str) -> Option<Position> {
        match self {
            Self::Fork(run, at) if run == name => Some(*at),
            _ => None,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Experiment(path) => path.shown().fmt(f),
            Self::Resume(run) => f.write_str(run),
            Self::Extension(run, epochs) => {
                write!(f, "{run} + {}", plural(*epochs as usize, "epoch", "epochs"))
            }
            Self::Fork(run, at) => write!(f, "{run} from {}", kept_name(*at)),
        }
    }
}

/// What is asked about a study on a cluster. How its tasks stand is always answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterRequest {
    /// Nothing else.
    Tasks,
    /// Submit what is missing and is not in the queue; what failed is moved to the trash and
    /// trained again.
    Submit,
    /// Cancel its tasks.
    Cancel,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Save what trains here, and end.
    Quit,
    /// Go into the background.
    Suspend,
    /// Put a text into the terminal's clipboard.
    Copy(String),
    /// Read an experiment file.
    ReadExperiment(PathBuf),
    /// Write an experiment file.
    WriteExperiment {
        /// Which.
        path: PathBuf,
        /// Its new text.
        text: String,
        /// What it may replace.
        over: OverwritePolicy,
    },
    /// Delete the unsaved text that was kept beside an experiment file.
    DropAutosave(PathBuf),
    /// Give an experiment file another name.
    RenameExperiment {
        /// The file.
        from: PathBuf,
        /// Its new name.
        to: PathBuf,
    },
    /// Move an experiment file into the hidden trash beside it, `.trash/NAME.ron`
    /// for `NAME.ron`, and take it out of the queue. Where it went is written to
    /// the log.
    TrashExperiment(PathBuf),
    /// Bring back the experiment file that was moved to the trash last.
    RestoreExperiment,
    /// Plan a text off this thread. Only the newest of a path counts.
    Plan {
        /// The file that it is the text of.
        path: PathBuf,
        /// The text.
        text: String,
        /// Comes back with the answer.
        version: u64,
    },
    /// Test a range of learning rates on an experiment. Another test ends.
    FindLr {
        /// Comes back with the news.
        test: u64,
        /// The file that it is the text of.
        path: PathBuf,
        /// The text.
        text: String,
    },
    /// End the range test that is running.
    StopLrTest,
    /// Train an experiment, now or after those that wait.
    Launch(PathBuf),
    /// Take something out of the queue.
    Dequeue(Waiting),
    /// Resume a stopped run.
    ResumeRun(String),
    /// Train a run that ended further than it was.
    ExtendRun {
        /// The run's name.
        run: String,
        /// Epochs more.
        epochs: u32,
        /// Whether what ends with the training is stretched to the new end.
        stretches: bool,
        /// New schedules of knobs, from where it stands on.
        set: Vec<(String, Schedule)>,
    },
    /// Train a new run from a checkpoint that a run kept.
    ForkRun {
        /// The run's name.
        run: String,
        /// Where the checkpoint stands.
        at: Position,
    },
    /// Read a run's journal and numbers, and follow it.
    OpenRun(String),
    /// Ask something of a run's training.
    Command {
        /// The run's name.
        run: String,
        /// What is asked.
        command: Command,
    },
    /// Write a knob's schedule into the experiment file that a run came from,
    /// its comments kept. Without knowing the file, that is the one among the
    /// experiments with the name of the run's experiment; none or several are
    /// listed in the log.
    WriteKnob {
        /// The run's name.
        run: String,
        /// The changes, as `--set` takes them: `lr=Constant(0.05)`. They are
        /// made together or not at all.
        settings: Vec<String>,
    },
    /// Change what a person wrote of a run.
    Annotate {
        /// The run's name.
        run: String,
        /// What becomes another.
        change: crate::run::NotesChange,
    },
    /// Give a run another name.
    RenameRun {
        /// The run's name.
        run: String,
        /// The new one.
        to: String,
    },
    /// Move a run to the trash.
    TrashRun(String),
    /// Take a run out of the trash.
    RestoreRun(String),
    /// Write a run's numbers as CSV.
    ExportRun(String),
    /// Write a run's student as an ONNX file into its folder, and verify it.
    ExportModel {
        /// The run's name.
        run: String,
        /// Whether it is written unverified.
        unverified: bool,
    },
    /// Ask a cluster about a study.
    Cluster {
        /// Name of the study.
        study: String,
        /// What is asked.
        request: ClusterRequest,
    },
    /// Write an experiment that starts from a run's best weights.
    BranchRun(String),
    /// Read what a run's models answer on its probe images, or let them answer on
    /// others.
    ReadProbe {
        /// The run's name.
        run: String,
        /// Which images.
        source: ProbeSource,
    },
    /// Complete the name of a folder as it was typed so far, `~` at its beginning
    /// meaning the user's home.
    CompleteFolder(String),
    /// Find out whether there is a folder of this name, as it was typed.
    FindFolder(String),
    /// Classify a folder of images.
    Infer(InferenceRequest),
    /// End the classification that is under way.
    CancelInference,
    /// Keep how charts are laid out, for
    /// [`Ui::with_layout`](super::Ui::with_layout) at the next start. Asked
    /// once after each change, not while a border is being dragged.
    KeepLayout(Layout),
    /// Write a text that a person wants to take away.
    WriteFile {
        /// Where to; not replaced if it is there.
        path: PathBuf,
        /// What.
        text: String,
    },
}
