//! The contract between training and everything that watches it.
//!
//! Events and commands are plain owned data: no tensors, no widgets, no
//! handles. The journal stores events as they are here, screens and reports are
//! folds over them, and a command that crosses a process boundary is a line of
//! JSON. A change that an older reader would misread needs a new
//! [`JOURNAL_VERSION`].

pub mod bench;
pub mod channel;
mod data;
pub mod export;
mod image_bits;
pub mod inspection;
pub(crate) mod number;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::experiment::architecture::Graph;
use crate::experiment::controller::Decision;
use crate::experiment::device::DeviceKind;
use crate::experiment::metric::{Quantity, ValidMetric};
use crate::experiment::plan::{Networks, ResolvedPlan, TeacherFile, TeacherPlan};
use crate::experiment::schedule::Schedule;
use crate::format::extension;

pub use bench::{BenchMachine, BenchModel, BenchRow, Measurement, Unmeasured};
pub use data::{DataSummary, Dataset, SetIdentity, SkippedImage};
pub use export::{
    Export, ExportFormat, ExportProof, Exports, FloatLayers, Floats, Int8, PixelFormat,
    PrecisionModel, PrecisionRow, QuantScheme, QuantTrial, RESIZE, RangeRule, Variant,
    WeightScales,
};
pub use image_bits::ImageBits;

/// Version of the journal's format.
///
/// History: 1, the first; 2, its run's plan stands beside it in `plan.json`, and
/// seals stand among its events; 3, `RoundEnded` was `IterationEnded`; 4, commands
/// and evaluations are sealed as they are written; 5, `recorded.json` beside it says
/// how far it is.
pub const JOURNAL_VERSION: u32 = 5;

/// The first version of journals beside which it stands how far they are.
pub const JOURNAL_VERSION_WITH_MARK: u32 = 5;

/// Which of a run's trainings an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// The teacher's.
    Teacher,
    /// The student's.
    Student,
}

impl Phase {
    /// Whose it is.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Student => "student",
        }
    }
}

/// A set of images that is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Split {
    /// Validation images, every epoch.
    Valid,
    /// Test images, at the end.
    Test,
}

impl Split {
    /// Its name, as metrics have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RunEvent {
    /// The run's process began; a run that is resumed has several.
    RunStarted {
        /// Name of the experiment.
        name: String,
        /// Version of the program.
        version: String,
        /// Device that was chosen, for people.
        device: String,
        /// Which device that is; absent in journals of older programs.
        #[serde(default)]
        device_kind: Option<DeviceKind>,
        /// Where it continues, if it was stopped before.
        resumed: Option<Position>,
        /// BLAKE3 of the frozen experiment, hexadecimal; empty in journals of
        /// older programs.
        #[serde(default)]
        experiment: String,
        /// Commands that are still to take effect, each where it is to: what was
        /// asked on resuming and what is applied again. A process that is killed
        /// leaves them to the next.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pending: Vec<(Position, CommandRecord)>,
    },
    /// Images were found and counted.
    DataIndexed(DataSummary),
    /// A model was built.
    ModelBuilt(ModelSummary),
    /// A training started or resumed.
    PhaseStarted {
        /// Which.
        phase: Phase,
        /// Steps of the whole training.
        steps: u64,
        /// Steps of one epoch.
        steps_per_epoch: u64,
        /// Number of the step that comes next, from 0.
        step: u64,
    },
    /// A metric of a training no longer improves: it ends here, but for what finishes it.
    StoppedEarly {
        /// Which.
        phase: Phase,
        /// Steps of the whole training from now on.
        steps: u64,
        /// Steps completed then.
        step: u64,
        /// Why.
        reason: String,
    },
    /// A training got another length than planned.
    TrainingExtended {
        /// Which.
        phase: Phase,
        /// Steps of the whole training.
        steps: u64,
        /// Steps completed then.
        step: u64,
    },
    /// A teacher's weights were read instead of trained.
    TeacherLoaded {
        /// Their file.
        path: PathBuf,
        /// Whether the file is the cache of an earlier training.
        cached: bool,
        /// The engine that runs it, with its version, where that is not this program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        engine: Option<String>,
    },
    /// The best weights of a training are not those of the highest top-1.
    BestChosenBy {
        /// Which.
        phase: Phase,
        /// By what they are chosen.
        metric: ValidMetric,
    },
    /// Numbers of one step. Kept in the run's series, not among its events.
    StepLogged(StepRow),
    /// A round of an adaptive method ended.
    #[serde(alias = "IterationEnded")]
    RoundEnded {
        /// Number of the round, from 1.
        #[serde(alias = "iteration")]
        round: u32,
        /// Number of rounds.
        #[serde(alias = "iterations")]
        rounds: u32,
        /// Steps completed when it ended.
        step: u64,
        /// Mean loss of every term over the round.
        #[serde(with = "number::map")]
        losses: BTreeMap<String, f64>,
        /// What the controller moved and why; none after the last round or
        /// without a controller.
        decision: Option<Decision>,
        /// Every knob after the decision.
        #[serde(with = "number::map")]
        knobs: BTreeMap<String, f64>,
    },
    /// A model was evaluated.
    Evaluated(Evaluation),
    /// The finish of a training began: weights and values are rounded from now on.
    QuantizationStarted {
        /// Steps completed.
        step: u64,
        /// Training images by which ranges of values were found.
        images: usize,
        /// Number of these values.
        values: usize,
    },
    /// A checkpoint is complete on disk.
    CheckpointSaved {
        /// Where it stands in training.
        at: Position,
        /// Folder, relative to the run's.
        folder: PathBuf,
        /// Whether it is the best so far.
        best: bool,
        /// BLAKE3 of its weights, hexadecimal; absent in journals of older programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weights: Option<String>,
    },
    /// A checkpoint is kept as training was before a person changed it.
    CheckpointKept {
        /// Where it stands in training.
        at: Position,
        /// Folder, relative to the run's.
        folder: PathBuf,
    },
    /// The run starts from a kept checkpoint of another; what comes before
    /// happened there.
    RunForked {
        /// Name of the other run.
        from: String,
        /// Where the checkpoint stands in training.
        at: Position,
    },
    /// A command arrived.
    CommandReceived(CommandRecord),
    /// A command took effect before this step.
    CommandApplied {
        /// The command's id.
        id: String,
        /// Which training it applied to.
        phase: Phase,
        /// Step that is the first to feel it.
        step: u64,
        /// The value that the knob had until then, where it changed one; not in
        /// journals of programs that did not write it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<f64>,
    },
    /// A command could not be applied; nothing changed.
    CommandRejected {
        /// The command's id.
        id: String,
        /// Why.
        reason: String,
    },
    /// Training was paused or resumed.
    Paused(bool),
    /// How the training does something, of which a person may want to know.
    Noted {
        /// What.
        message: String,
    },
    /// Something that a person should look at; training continues.
    Warned {
        /// What.
        message: String,
    },
    /// The student was written for other programs, and verified.
    StudentExported {
        /// The file, relative to the run's folder.
        file: PathBuf,
        /// What is known of it.
        export: Export,
    },
    /// The file that the student was written to was timed here.
    StudentMeasured(Measurement),
    /// A training ended by itself.
    PhaseEnded {
        /// Which.
        phase: Phase,
        /// Seconds it took, as a [`StepRow`] counts them.
        seconds: f64,
    },
    /// The run's process is about to end.
    RunEnded(Outcome),
}

/// A place in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Which training.
    pub phase: Phase,
    /// Steps completed.
    pub step: u64,
}

/// Numbers of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// Which training.
    pub phase: Phase,
    /// Number of the step, from 0.
    pub step: u64,
    /// Time at its start, epochs.
    pub epoch: f64,
    /// Seconds that it took to come here, in all processes: evaluations included, pauses
    /// and what a kill lost left out. Older programs counted from 0 in each process.
    pub seconds: f64,
    /// Values by metric: `loss/<term>`, `loss/total`, `knob/<knob>`,
    /// `grad/norm`, `speed/images_per_second`, `train/accuracy`.
    #[serde(with = "number::map")]
    pub values: BTreeMap<String, f64>,
}

/// The size of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Whose.
    pub phase: Phase,
    /// Family and size, for people.
    pub name: String,
    /// Number of trainable parameters.
    pub parameters: u64,
    /// Multiply-accumulates of one image, where they are known.
    pub macs: Option<u64>,
    /// Bytes of its weights and running statistics, in the floats that it trains or
    /// teaches with; no length of a file.
    pub bytes: u64,
}

impl ModelSummary {
    /// Multiply-accumulates of one image as a number to be shown; NaN where they are
    /// not known.
    #[must_use]
    pub fn macs_or_nan(&self) -> f64 {
        self.macs.map_or(f64::NAN, |macs| macs as f64)
    }

    /// Of the models of an experiment, teacher first. A teacher that is not laid
    /// out here is described by its file, an ensemble by all of its members.
    #[must_use]
    pub fn of_plan(plan: &ResolvedPlan, networks: &Networks) -> Vec<Self> {
        let plan = plan.plan.teacher.as_ref();
        let members = plan.map(TeacherPlan::members).unwrap_or_default();
        let teachers = networks.teachers.iter().enumerate();
        let teachers = teachers.map(|(at, graph)| match graph {
            Some(graph) => Some(Self::of(Phase::Teacher, graph)),
            None => Self::of_file(members.get(at)?.file),
        });
        // Without one of its members an ensemble is another.
        let teachers: Option<Vec<Self>> = teachers.collect();
        let teacher = teachers
            .into_iter()
            .flatten()
            .reduce(|all, next| all.beside(&next));
        let student = Self::of(Phase::Student, &networks.student);
        teacher.into_iter().chain([student]).collect()
    }

    /// Of a teacher whose file holds its layout.
    fn of_file(file: &TeacherFile) -> Option<Self> {
        let found = file.program.as_ref()?.found.as_ref()?;
        Some(Self {
            phase: Phase::Teacher,
            name: file.name(),
            parameters: found.parameters,
            macs: found.macs,
            bytes: found.bytes,
        })
    }

    /// Of two that answer an image together.
    fn beside(self, other: &Self) -> Self {
        Self {
            phase: self.phase,
            name: format!("{} + {}", self.name, other.name),
            parameters: self.parameters + other.parameters,
            macs: self.macs.zip(other.macs).map(|(one, more)| one + more),
            bytes: self.bytes + other.bytes,
        }
    }

    /// Of a model with this layout.
    #[must_use]
    pub fn of(phase: Phase, graph: &Graph) -> Self {
        Self {
            phase,
            name: graph.name.clone(),
            parameters: graph.parameter_count(),
            macs: Some(graph.macs()),
            bytes: graph.bytes(),
        }
    }
}

/// How well a model does on a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whose.
    pub phase: Phase,
    /// On which images.
    pub split: Split,
    /// Which weights.
    pub weights: EvaluatedWeights,
    /// Steps completed.
    pub step: u64,
    /// Epochs completed.
    pub epoch: f64,
    /// Number of images.
    pub images: usize,
    /// Mean cross-entropy with the label.
    #[serde(with = "number")]
    pub loss: f64,
    /// Share of images whose most likely class is the label.
    #[serde(with = "number")]
    pub top1: f64,
    /// Share of images whose label is among the five most likely classes.
    #[serde(with = "number")]
    pub top5: f64,
    /// Expected calibration error, in [0, 1]; none in journals of older programs.
    #[serde(default)]
    pub ece: Option<f64>,
    /// Share of each class's images that is right; NaN without images.
    #[serde(with = "number::list")]
    pub per_class: Vec<f64>,
    /// `[label][prediction]`, counts.
    pub confusion: Vec<Vec<u32>>,
    /// `[teacher's prediction][prediction]`, counts; empty without a teacher and in
    /// journals of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictions: Vec<Vec<u32>>,
    /// Which test images the student is right about; none of validation images, where an image
    /// went bad, of a teacher, and in journals of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<ImageBits>,
    /// Against the teacher, where there is one.
    pub teacher: Option<TeacherAgreement>,
    /// Seconds it took.
    pub seconds: f64,
}

impl Evaluation {
    /// One of its numbers, where it has that.
    #[must_use]
    pub fn value(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Top1 => Some(self.top1),
            Quantity::Top5 => self.informative_top5(),
            Quantity::BalancedAccuracy => self.balanced_accuracy(),
            Quantity::MacroF1 => self.macro_f1(),
            Quantity::Loss => Some(self.loss),
            Quantity::Agreement => self.teacher.map(|teacher| teacher.agreement),
            Quantity::Kl => self.teacher.map(|teacher| teacher.kl),
            Quantity::Recall
            | Quantity::Precision
            | Quantity::MaxDifference
            | Quantity::Cost(_) => None,
        }
    }

    /// Shares of the images on which student and teacher are both right, only the teacher
    /// is, only the student, and neither; none without a teacher, or in journals of older
    /// programs.
    #[must_use]
    pub fn who_is_right(&self) -> Option<[f64; 4]> {
        self.teacher?.who_is_right(self.top1)
    }

    /// Recall or precision of a class; none if it has no images, or is never predicted.
    #[must_use]
    pub fn value_of_class(&self, quantity: Quantity, class: usize) -> Option<f64> {
        let value = match quantity {
            Quantity::Recall => self.per_class.get(class).copied(),
            Quantity::Precision => self.precision(class),
            _ => None,
        };
        value.filter(|value| !value.is_nan())
    }

    /// Mean recall over the classes with images (scikit-learn's
    /// `balanced_accuracy_score`).
    fn balanced_accuracy(&self) -> Option<f64> {
        mean(
            self.per_class
                .iter()
                .copied()
                .filter(|recall| !recall.is_nan()),
        )
    }

    /// Mean over classes of F1 = 2 TP / (2 TP + FP + FN), of those with images or
    /// predictions (scikit-learn's `f1_score(average="macro")`).
    fn macro_f1(&self) -> Option<f64> {
        let f1 = self.confusion.iter().enumerate().map(|(class, row)| {
            let images: u64 = row.iter().copied().map(u64::from).sum();
            let right = row.get(class).copied().unwrap_or(0);
            2.0 * f64::from(right) / (images + self.predicted(class)) as f64
        });
        mean(f1.filter(|f1| !f1.is_nan()))
    }

    /// Share of the images predicted as a class that have its label.
    fn precision(&self, class: usize) -> Option<f64> {
        let right = *self.confusion.get(class)?.get(class)?;
        Some(f64::from(right) / self.predicted(class) as f64)
    }

    /// Images that are predicted as a class.
    fn predicted(&self, class: usize) -> u64 {
        let column = self.confusion.iter().filter_map(|row| row.get(class));
        column.copied().map(u64::from).sum()
    }

    /// [`top5`](Self::top5) where it says anything: where there are more than five
    /// classes.
    #[must_use]
    pub fn informative_top5(&self) -> Option<f64> {
        (self.per_class.len() > 5).then_some(self.top5)
    }
}

/// None of no values.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let add = |(sum, count): (f64, u32), value: f64| (sum + value, count + 1);
    let (sum, count) = values.fold((0.0, 0), add);
    (count > 0).then(|| sum / f64::from(count))
}

/// Which weights were evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvaluatedWeights {
    /// Those of the last step.
    Last,
    /// Those of the checkpoint with the best validation accuracy.
    Best,
    /// Those of the finish, rounded as 8-bit integers are: of the last step on
    /// validation images, the best of them on test images.
    Quantized,
}

/// How a student compares with its teacher on the same images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TeacherAgreement {
    /// Share of images on which both have the same most likely class.
    #[serde(with = "number")]
    pub agreement: f64,
    /// Mean KL(teacher ‖ student) at temperature 1, nats.
    #[serde(with = "number")]
    pub kl: f64,
    /// The teacher's own top-1.
    #[serde(with = "number")]
    pub top1: f64,
    /// Share of images on which both are right; none in journals of older programs.
    #[serde(default)]
    pub both_right: Option<f64>,
    /// The teacher's own expected calibration error, likewise.
    #[serde(default)]
    pub ece: Option<f64>,
}

impl TeacherAgreement {
    /// As [`Evaluation::who_is_right`], beside a student of this top-1.
    #[must_use]
    pub fn who_is_right(&self, student: f64) -> Option<[f64; 4]> {
        let both = self.both_right?;
        let neither = 1.0 - self.top1 - student + both;
        // Rounding may leave a little less than nothing.
        Some([both, self.top1 - both, student - both, neither].map(|share| share.max(0.0)))
    }
}

/// How a run's process ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Trained to the end.
    Completed,
    /// Trained until a metric no longer improved, and completed in all else.
    StoppedEarly {
        /// Epochs completed then.
        epoch: u32,
        /// Epochs that it was to have. Not in journals of programs that did not note them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        planned: Option<u32>,
        /// Which metric that was.
        reason: String,
    },
    /// Stopped on request, saved, can be resumed.
    Stopped {
        /// Who or what asked.
        reason: String,
    },
    /// Could not continue. The last good checkpoint is kept.
    Failed {
        /// Why.
        message: String,
    },
}

impl Outcome {
    /// Whether the run has all that it was to have: nothing is left to be resumed.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed | Self::StoppedEarly { .. })
    }

    /// How it ended: `completed`, `stopped early after epoch 13 of 40: …`, `stopped by user`,
    /// `stopped: terminated (SIGTERM)`, `failed: …`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Completed => "completed".to_owned(),
            Self::StoppedEarly {
                epoch,
                planned,
                reason,
            } => {
                let of = planned.map_or_else(String::new, |planned| format!(" of {planned}"));
                format!("stopped early after epoch {epoch}{of}: {reason}")
            }
            Self::Stopped { reason } if reason.starts_with("stopped") => reason.clone(),
            Self::Stopped { reason } => format!("stopped: {reason}"),
            Self::Failed { message } => format!("failed: {message}"),
        }
    }
}

/// A request to a running training, with an id by which its fate is reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Unique in the run.
    pub id: String,
    /// Where it came from.
    pub origin: Origin,
    /// What is asked.
    pub command: Command,
}

impl CommandRecord {
    /// The reason of the outcome where this command stopped the training.
    #[must_use]
    pub fn stopped_by(self) -> String {
        match self.origin {
            Origin::Signal => self.id,
            _ => "stopped by user".to_owned(),
        }
    }
}

/// Where a command came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A person at the screen.
    User,
    /// A change of the experiment file.
    File,
    /// Another process, through the run's commands file.
    Process,
    /// The journal of a run that is replayed or resumed.
    Replay,
    /// What a resume was started with. It is refused with the resume.
    Launch,
    /// The system, or the person who left the program that trains; the command's id says
    /// why.
    Signal,
}

/// A request to a running training, validated at a step boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Waits before the next step.
    Pause,
    /// Continues.
    Resume,
    /// Saves and ends.
    Stop,
    /// Evaluates on the validation images now.
    EvaluateNow,
    /// Saves a checkpoint now.
    CheckpointNow,
    /// Lets the controller of an adaptive method move its knobs, or leaves them to
    /// people: then rounds end without a decision, and the knobs stay as they
    /// are or as they are turned.
    SetController {
        /// Whether it moves them.
        on: bool,
    },
    /// Trains to this many epochs in all, more than the training has.
    Extend {
        /// Epochs of the whole training.
        epochs: u32,
        /// Schedules and rounds that would end with the training end after this
        /// many epochs and hold what they came to; absent, they are stretched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedules_end: Option<u32>,
    },
    /// Gives a knob a new schedule. Times stay those of the whole training.
    Adjust {
        /// Name of the knob.
        knob: String,
        /// Its schedule from now on.
        schedule: Schedule,
    },
}

impl Command {
    /// Whether it changes what the steps after it are, as no plan says.
    #[must_use]
    pub fn changes_training(&self) -> bool {
        matches!(
            self,
            Self::SetController { .. } | Self::Extend { .. } | Self::Adjust { .. }
        )
    }
}

/// By what it asks for.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("pause"),
            Self::Resume => f.write_str("resume"),
            Self::Stop => f.write_str("stop"),
            Self::EvaluateNow => f.write_str("evaluate now"),
            Self::CheckpointNow => f.write_str("checkpoint now"),
            Self::SetController { on: true } => f.write_str("controller on"),
            Self::SetController { on: false } => f.write_str("controller off"),
            Self::Extend {
                epochs,
                schedules_end,
            } => f.write_str(&extension(*epochs, *schedules_end)),
            Self::Adjust { knob, schedule } => write!(f, "{knob} → {schedule}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{Position, RunEvent};

    /// A process of a run began.
    pub(crate) fn run_started(name: &str, resumed: Option<Position>) -> RunEvent {
        RunEvent::RunStarted {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            device: "CPU (flex)".to_owned(),
            device_kind: None,
            resumed,
            experiment: String::new(),
            pending: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes of 6, 3 and 1 images, and one that is nothing and never predicted.
    fn evaluation() -> Evaluation {
        let confusion = vec![
            vec![5, 1, 0, 0],
            vec![1, 2, 0, 0],
            vec![1, 0, 0, 0],
            vec![0, 0, 0, 0],
        ];
        Evaluation {
            phase: Phase::Student,
            split: Split::Valid,
            weights: EvaluatedWeights::Last,
            step: 1,
            epoch: 1.0,
            images: 10,
            loss: 1.0,
            top1: 0.7,
            top5: 1.0,
            ece: None,
            per_class: vec![5.0 / 6.0, 2.0 / 3.0, 0.0, f64::NAN],
            confusion,
            predictions: Vec::new(),
            right: None,
            teacher: None,
            seconds: 0.0,
        }
    }

    /// As scikit-learn has it for the same labels and predictions.
    #[test]
    fn metrics_over_classes_are_those_of_scikit_learn() {
        let found = evaluation();
        let near = |quantity, expected: f64| {
            let value = found.value(quantity).unwrap();
            assert!((value - expected).abs() < 1e-12, "{quantity:?}: {value}");
        };
        near(Quantity::BalancedAccuracy, 0.5);
        near(Quantity::MacroF1, 0.478_632_478_632_478_6);
        let precision = |class| found.value_of_class(Quantity::Precision, class);
        assert_eq!(precision(0), Some(5.0 / 7.0));
        assert_eq!(precision(1), Some(2.0 / 3.0));
        // The third is never predicted, of the fourth there is nothing.
        assert_eq!(
            (precision(2), precision(3), precision(4)),
            (None, None, None)
        );
        let recall = |class| found.value_of_class(Quantity::Recall, class);
        assert_eq!((recall(2), recall(3)), (Some(0.0), None));
    }
}
