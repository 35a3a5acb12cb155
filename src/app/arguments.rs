//! Command-line arguments: modes are flags, one of them at a time.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgGroup, CommandFactory, FromArgMatches, Parser, ValueEnum};
use clap_complete::Shell;
use thiserror::Error;

use super::session::{MoreEpochs, ResumeChanges};
use crate::experiment::lr_range::LrRange;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::DeviceSpec;
use crate::experiment::{Override, Report, read_schedule};
use crate::run::USUAL_FOLDER;

/// What the program does instead of opening the screen, one at a time.
const MODES: [&str; 19] = [
    "run",
    "study",
    "resume",
    "fork",
    "replay",
    "check",
    "find_lr",
    "infer",
    "export",
    "runs",
    "show",
    "compare",
    "report",
    "trash",
    "bench",
    "bench_into",
    "bench_case",
    "completions",
    "man",
];

/// Options, and the modes that take them; with another one they would be ignored.
const TAKEN_BY: [(&str, &[&str]); 42] = [
    ("from", &["fork"]),
    ("set", &["run", "resume", "fork", "check", "find_lr"]),
    ("without_adjustments_after", &["resume", "replay"]),
    ("add_epochs", &["resume", "fork"]),
    ("schedules", &["resume", "fork"]),
    ("dry_run", &["study"]),
    ("table", &["study"]),
    ("jobs", &["study"]),
    ("task", &["study"]),
    ("slurm", &["study"]),
    ("cancel", &["study"]),
    ("retry", &["study"]),
    ("stop_with_stdin", &["study"]),
    ("format", &["study"]),
    ("picture", &["study"]),
    ("decode", &["check"]),
    ("steps", &["find_lr"]),
    ("lr_from", &["find_lr"]),
    ("lr_to", &["find_lr"]),
    ("checkpoint", &["infer"]),
    ("model", &["infer"]),
    ("weights", &["infer", "export"]),
    ("to", &["export"]),
    ("input", &["export"]),
    ("fp16", &["export"]),
    ("int8", &["export"]),
    ("calibration_images", &["export"]),
    ("calibration_seed", &["export"]),
    ("weight_bits", &["export"]),
    ("out", &["export", "report"]),
    ("force", &["export", "report"]),
    ("unverified", &["export"]),
    ("batch", &["bench"]),
    ("columns", &["runs"]),
    ("pareto", &["runs"]),
    ("x", &["runs"]),
    ("accuracy", &["runs"]),
    ("on", &["runs"]),
    ("junit", &["run", "resume", "fork", "replay"]),
    ("tensorboard", &["run", "study", "resume", "fork", "replay"]),
    ("follow", &["export"]),
    (
        "device",
        &[
            "run", "study", "replay", "check", "find_lr", "infer", "export", "bench",
        ],
    ),
];

/// Modes that report as JSON.
const AS_JSON: [&str; 15] = [
    "run",
    "study",
    "resume",
    "fork",
    "replay",
    "check",
    "find_lr",
    "infer",
    "export",
    "bench",
    "bench_into",
    "runs",
    "show",
    "compare",
    "trash",
];

/// A terminal workbench for knowledge distillation of image classifiers.
///
/// Without a mode it opens the terminal UI: edit, train, watch, compare.
///
/// Exit codes: 0 completed and every gate passed; 1 a gate failed or was not
/// evaluated; 2 the file or the arguments are wrong; 3 the run failed; 130
/// interrupted, saved and resumable. Modes that list, show, compare, export or trash
/// runs exit with 0 or 2, whatever the state of the runs.
#[derive(Debug, Parser)]
#[command(
    version,
    group = ArgGroup::new("mode").args(MODES)
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options of a command line that are there or not"
)]
pub struct Arguments {
    /// Folder of experiments, or one experiment file, to open in the terminal UI.
    #[arg(value_name = "EXPERIMENTS", default_value = "experiments")]
    pub experiments: PathBuf,

    /// Train an experiment and report.
    #[arg(long, value_name = "FILE", help_heading = "Train")]
    pub run: Option<PathBuf>,

    /// Train what is missing of a study: several variants of an experiment with several
    /// seeds at equal cost; then compare them.
    #[arg(long, value_name = "FILE", help_heading = "Compare variants")]
    pub study: Option<PathBuf>,

    /// With --study: train nothing; list the runs, what is done and how long the rest takes.
    #[arg(long, conflicts_with = "table", help_heading = "Compare variants")]
    pub dry_run: bool,

    /// With --study: train nothing; compare the variants by the runs that are complete.
    #[arg(long, help_heading = "Compare variants")]
    pub table: bool,

    /// With --study: train this many runs at a time, each in a process of its own, which
    /// share the cores and the GPUs.
    #[arg(
        long,
        value_name = "RUNS",
        conflicts_with_all = ["dry_run", "table"],
        value_parser = clap::value_parser!(u32).range(1..=1024),
        help_heading = "Compare variants"
    )]
    pub jobs: Option<u32>,

    /// With --study: train only this run of those that --dry-run lists, and print no table.
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["dry_run", "table", "jobs", "json", "format", "picture"],
        help_heading = "Compare variants"
    )]
    pub task: Option<u32>,

    /// With --study: submit what is missing to a Slurm cluster, as an array job with a task
    /// for each run; with --dry-run list what becomes of its tasks.
    #[arg(
        long,
        conflicts_with_all = ["table", "jobs", "task", "format", "picture"],
        help_heading = "Compare variants"
    )]
    pub slurm: bool,

    /// With --slurm: cancel the tasks of the study; runs under way are saved.
    #[arg(
        long,
        requires = "slurm",
        conflicts_with_all = ["dry_run", "retry"],
        help_heading = "Compare variants"
    )]
    pub cancel: bool,

    /// With --study: train failed runs again; what there is of them is moved to the trash.
    #[arg(
        long,
        conflicts_with_all = ["dry_run", "table", "task"],
        help_heading = "Compare variants"
    )]
    pub retry: bool,

    /// With --task: stop when standard input ends.
    #[arg(long, requires = "task", hide = true)]
    pub stop_with_stdin: bool,

    /// With --study: format of the table.
    #[arg(
        long,
        value_enum,
        default_value_t,
        conflicts_with_all = ["json", "dry_run"],
        help_heading = "Compare variants"
    )]
    pub format: TableFormat,

    /// With --study: also plot the variants, each seed as a dot, as an SVG.
    #[arg(
        long,
        value_name = "FILE.svg",
        conflicts_with = "dry_run",
        help_heading = "Compare variants"
    )]
    pub picture: Option<PathBuf>,

    /// Write each run for TensorBoard while it trains, into `export/tensorboard` of its
    /// folder.
    #[arg(long, conflicts_with_all = ["dry_run", "table", "cancel"], help_heading = "Train")]
    pub tensorboard: bool,

    /// Resume a stopped run: its folder, its name or the start of its name.
    #[arg(long, value_name = "RUN", help_heading = "Train")]
    pub resume: Option<String>,

    /// Start a new run from a checkpoint that a run kept before a knob was changed;
    /// the run stays as it is.
    #[arg(long, value_name = "RUN", help_heading = "Train")]
    pub fork: Option<String>,

    /// With --fork: the kept checkpoint to fork from, such as `step-812`.
    #[arg(long, value_name = "CHECKPOINT", help_heading = "Train")]
    pub from: Option<String>,

    /// Repeat a run in a new run, with the knob changes in its journal.
    #[arg(long, value_name = "RUN", help_heading = "Train")]
    pub replay: Option<String>,

    /// Override a value of the experiment: a dotted path and a RON value, as in
    /// `epochs=3`, or `optimizer.momentum=0.8` where the file writes an
    /// optimizer. With --resume or --fork: set a knob to a value or a schedule, as in
    /// `lr=0.01` or `lr=Cosine(from: 0.01, to: 0.0)`. Can be repeated.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Train")]
    pub set: Vec<String>,

    /// With --resume or --replay: leave out knob changes that took effect after
    /// this step.
    #[arg(long, value_name = "STEP", help_heading = "Train")]
    pub without_adjustments_after: Option<u64>,

    /// With --resume or --fork: train this many more epochs, also after a run has
    /// completed.
    #[arg(
        long,
        value_name = "EPOCHS",
        value_parser = clap::value_parser!(u32).range(1..1_000_000),
        help_heading = "Train"
    )]
    pub add_epochs: Option<u32>,

    /// With --add-epochs: what to do with schedules and rounds that end with the
    /// training [default: hold; an error if that holds lr at 0].
    #[arg(long, value_enum, requires = "add_epochs", help_heading = "Train")]
    pub schedules: Option<Schedules>,

    /// Print the resolved experiment: every default, the method's expansion and
    /// the images, without training.
    #[arg(long, value_name = "FILE", help_heading = "Inspect")]
    pub check: Option<PathBuf>,

    /// With --check: prepare the training as a run does. Every image is decoded: those that
    /// cannot be read are counted and named, mean and std computed; and a teacher from a file is
    /// evaluated on the validation images.
    #[arg(long, help_heading = "Inspect")]
    pub decode: bool,

    /// Find a learning rate: train the student for a few steps, with a learning rate that
    /// grows from step to step, print its losses and the value where they fall fastest. No run
    /// is made.
    #[arg(long, value_name = "FILE", help_heading = "Inspect")]
    pub find_lr: Option<PathBuf>,

    /// With --find-lr: number of steps.
    #[arg(
        long,
        value_name = "STEPS",
        default_value_t = LrRange::default().steps,
        value_parser = clap::value_parser!(u32).range(10..=10_000),
        help_heading = "Inspect"
    )]
    pub steps: u32,

    /// With --find-lr: learning rate of the first step.
    #[arg(
        long,
        value_name = "LR",
        default_value_t = LrRange::default().from,
        help_heading = "Inspect"
    )]
    pub lr_from: f64,

    /// With --find-lr: learning rate of the last step.
    #[arg(
        long,
        value_name = "LR",
        default_value_t = LrRange::default().to,
        help_heading = "Inspect"
    )]
    pub lr_to: f64,

    /// Classify every image in a folder and its subfolders with a run's models; print
    /// CSV, or JSON lines with --json.
    #[arg(long, value_name = "DIR", help_heading = "Classify")]
    pub infer: Option<PathBuf>,

    /// Run whose models to use: its folder, its name or the start of its name; or a
    /// folder with weights.safetensors and model.json [default: the newest run that has
    /// weights].
    #[arg(long, value_name = "RUN", help_heading = "Classify")]
    pub checkpoint: Option<String>,

    /// Model to classify with.
    #[arg(long, value_enum, default_value_t, help_heading = "Classify")]
    pub model: Model,

    /// Weights of the student to classify with, or to export.
    #[arg(long, value_enum, default_value_t, help_heading = "Classify")]
    pub weights: Weights,

    /// Export a run's student for other programs, verify the file on the run's
    /// validation images, and write a model card beside it; or the run for TensorBoard.
    #[arg(long, value_name = "RUN", help_heading = "Export")]
    pub export: Option<String>,

    /// Format of the export.
    #[arg(long, value_enum, default_value_t, help_heading = "Export")]
    pub to: To,

    /// With --to onnx: input of the model.
    #[arg(long, value_enum, default_value_t, help_heading = "Export")]
    pub input: Pixels,

    /// Convert the ONNX model to 16-bit floats. Its inputs and outputs stay 32-bit floats.
    #[arg(long, conflicts_with = "int8", help_heading = "Export")]
    pub fp16: bool,

    /// Quantize the ONNX model to 8-bit integers. Several schemes are tried; the one with
    /// the best validation accuracy is exported.
    #[arg(long, conflicts_with = "unverified", help_heading = "Export")]
    pub int8: bool,

    /// With --int8: number of training images to calibrate the ranges of activations on.
    #[arg(
        long,
        value_name = "IMAGES",
        default_value_t = 512,
        requires = "int8",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Export"
    )]
    pub calibration_images: u32,

    /// With --int8: seed for choosing the calibration images.
    #[arg(
        long,
        value_name = "SEED",
        default_value_t = 0,
        requires = "int8",
        help_heading = "Export"
    )]
    pub calibration_seed: u64,

    /// With --int8: bits per weight, 8, or 7 for processors without VNNI [default: those of
    /// the run's finish, else what suits this processor].
    #[arg(
        long,
        value_name = "BITS",
        requires = "int8",
        value_parser = clap::value_parser!(u8).range(7..=8),
        help_heading = "Export"
    )]
    pub weight_bits: Option<u8>,

    /// File to write, or folder with --to tensorboard, instead of one in the run's
    /// `export` folder; with --report instead of report.html.
    #[arg(long, value_name = "PATH", help_heading = "Export")]
    pub out: Option<PathBuf>,

    /// With --to tensorboard: keep writing while another process trains the run.
    #[arg(long, help_heading = "Export")]
    pub follow: bool,

    /// Overwrite existing files, or the folder of an earlier export for TensorBoard.
    #[arg(long, help_heading = "Export")]
    pub force: bool,

    /// Skip the verification, for example where the run's images are missing.
    #[arg(long, alias = "unproven", help_heading = "Export")]
    pub unverified: bool,

    /// Benchmark a run's models, or an ONNX file, on this machine: 200 inferences of a
    /// single image, on one thread and on all, in every available engine. The result is
    /// stored in the run.
    #[arg(long, value_name = "RUN|FILE.onnx", help_heading = "Measure")]
    pub bench: Option<String>,

    /// With --bench: batch size to measure besides a single image.
    #[arg(
        long,
        value_name = "IMAGES",
        default_value_t = 32,
        value_parser = clap::value_parser!(u32).range(1..=4096),
        help_heading = "Measure"
    )]
    pub batch: u32,

    /// Store in a run what --bench --json printed on another machine.
    #[arg(long, value_names = ["RUN", "RESULT"], num_args = 2, help_heading = "Measure")]
    pub bench_into: Option<Vec<String>>,

    /// One measurement, in a process of its own.
    #[arg(long, value_name = "CASE", hide = true)]
    pub bench_case: Option<String>,

    /// List runs, newest first, with a filter as in the Runs screen:
    /// `state:crashed or best>0.9 and method:adaptive`, `batch>64`.
    #[arg(long, value_name = "FILTER", num_args = 0.., help_heading = "Runs")]
    pub runs: Option<Vec<String>>,

    /// With --runs: also show these fields of the experiments or metrics, as in
    /// `lr,batch,temperature` or `valid/kl`.
    #[arg(
        long,
        value_name = "FIELDS",
        value_delimiter = ',',
        help_heading = "Runs"
    )]
    pub columns: Vec<String>,

    /// With --runs: plot accuracy against the cost of an image, as an SVG.
    #[arg(long, value_name = "FILE.svg", help_heading = "Runs")]
    pub pareto: Option<PathBuf>,

    /// With --pareto: cost on the x axis. Latencies are those measured on one processor:
    /// that of --on, or the one with the most runs.
    #[arg(
        long,
        value_enum,
        default_value_t,
        requires = "pareto",
        help_heading = "Runs"
    )]
    pub x: CostAxis,

    /// With --pareto: accuracy on the y axis.
    #[arg(
        long,
        value_enum,
        default_value_t,
        requires = "pareto",
        help_heading = "Runs"
    )]
    pub accuracy: AccuracyAxis,

    /// With --pareto: processor whose latencies are plotted, by a part of its name.
    #[arg(
        long,
        value_name = "PROCESSOR",
        requires = "pareto",
        help_heading = "Runs"
    )]
    pub on: Option<String>,

    /// Show a run: configuration, metrics, gates and what was changed while it trained.
    #[arg(long, value_name = "RUN", help_heading = "Runs")]
    pub show: Option<String>,

    /// Compare runs: metrics side by side, and what differs in their
    /// configurations, changes made while they trained included.
    #[arg(long, value_name = "RUN", num_args = 2.., help_heading = "Runs")]
    pub compare: Option<Vec<String>>,

    /// Write runs as one HTML page: metrics, curves, changes, confusion, images, configuration;
    /// or a study, by its file, with its table and its runs.
    #[arg(long, value_name = "RUN|STUDY.ron", num_args = 1.., help_heading = "Runs")]
    pub report: Option<Vec<String>>,

    /// Move a run to the trash; an error while it is training.
    #[arg(long, value_name = "RUN", help_heading = "Runs")]
    pub trash: Option<String>,

    /// Device to use instead of the experiment's: auto, cpu, libtorch, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceSpec>,

    /// Folder of runs.
    #[arg(long, value_name = "DIR", default_value = USUAL_FOLDER)]
    pub checkpoints: PathBuf,

    /// Print JSON: one event per line while training, the results otherwise.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Write the results of the gates as JUnit XML.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,

    /// Print a shell's completion script.
    #[arg(long, value_name = "SHELL", value_enum, help_heading = "Setup")]
    pub completions: Option<Shell>,

    /// Print the manual page (roff).
    #[arg(long, help_heading = "Setup")]
    pub man: bool,
}

impl Arguments {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// What is wrong with it, or the text that was requested. An option that the mode
    /// does not take is refused: its author wanted something else.
    pub fn read<W>(words: impl IntoIterator<Item = W>) -> Result<Self, clap::Error>
    where
        W: Into<OsString> + Clone,
    {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(words)?;
        let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let mode = MODES.into_iter().find(|mode| is_given(mode));
        if let Some(mode) = mode.filter(|_| is_given("experiments")) {
            let word = matches.get_one::<PathBuf>("experiments");
            let word = word.map_or_else(String::new, |word| {
                format!("`{}`", word.to_string_lossy().escape_debug())
            });
            let way = match mode {
                "runs" => "; words of a filter stand right behind --runs",
                _ => "",
            };
            let flag = flag(mode);
            let message = format!("{word}: {flag} does not open experiments on a screen{way}");
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
        let json = [("json", AS_JSON.as_slice())];
        for (option, modes) in TAKEN_BY.into_iter().chain(json) {
            if is_given(option) && !mode.is_some_and(|mode| modes.contains(&mode)) {
                let flags: Vec<String> = modes.iter().map(|mode| flag(mode)).collect();
                let needed = match flags.as_slice() {
                    [others @ .., last] if !others.is_empty() => {
                        format!("{} or {last}", others.join(", "))
                    }
                    _ => flags.concat(),
                };
                let message = format!("{} needs {needed}", flag(option));
                return Err(command.error(ErrorKind::ArgumentConflict, message));
            }
        }
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// What `--set` changes of an experiment.
    ///
    /// # Errors
    /// The argument that cannot be read.
    pub fn overrides(&self) -> Result<Vec<Override>, Report> {
        if self.resume.is_some() || self.fork.is_some() {
            return Ok(Vec::new());
        }
        let set = self.set.iter();
        let set: Vec<Override> = set
            .map(|argument| Override::parse(argument))
            .collect::<Result<_, _>>()?;
        Override::each_once(&set)?;
        Ok(set)
    }

    /// What is to be different when a run is resumed.
    ///
    /// # Errors
    /// The argument that cannot be read.
    pub fn resume_changes(&self) -> Result<ResumeChanges, ArgumentError> {
        let set = self.set.iter().map(|argument| knob_change(argument));
        let set: Vec<(String, Schedule)> = set.collect::<Result<_, _>>()?;
        let twice = set.iter().enumerate().find(|(at, (knob, _))| {
            let mut before = set.iter().take(*at);
            before.any(|(earlier, _)| earlier == knob)
        });
        if let Some((_, (knob, _))) = twice {
            let knob = knob.clone();
            return Err(ArgumentError::Twice { knob });
        }
        Ok(ResumeChanges {
            set,
            without_adjustments_after: self.without_adjustments_after,
            more: self.add_epochs.map(|epochs| MoreEpochs {
                epochs,
                stretches: self.schedules.map(|it| it == Schedules::Stretch),
            }),
        })
    }
}

/// What a knob is given by.
const KNOB_CHANGE: &str = "with --resume and --fork write a knob and its schedule, as in lr=0.01 or \
                           \"lr=Cosine(from: 0.01, to: 0.0)\"";

/// An argument that means nothing.
#[derive(Debug, Error)]
pub enum ArgumentError {
    /// Nothing says where the knob's name ends.
    #[error("--set {argument}: there is no `=`; {KNOB_CHANGE}")]
    NoValue {
        /// As it was written.
        argument: String,
    },
    /// One knob is given two schedules.
    #[error("--set {knob} is there twice; write it once", knob = knob.escape_debug())]
    Twice {
        /// The knob.
        knob: String,
    },
    /// Neither a number nor a schedule.
    #[error("--set {argument}: {reason}; {KNOB_CHANGE}")]
    NoSchedule {
        /// As it was written.
        argument: String,
        /// What is wrong with the schedule.
        reason: String,
    },
}

/// How an option or a mode is written.
fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

/// A knob and its schedule, as in `lr=0.01` or `knobs.lr=Constant(0.01)`.
fn knob_change(argument: &str) -> Result<(String, Schedule), ArgumentError> {
    let (knob, written) = argument
        .split_once('=')
        .ok_or_else(|| ArgumentError::NoValue {
            argument: argument.to_owned(),
        })?;
    let knob = knob.trim();
    let schedule = match written.trim().parse::<f64>() {
        Ok(value) => Schedule::Constant(value),
        Err(_) => read_schedule(written).map_err(|reason| ArgumentError::NoSchedule {
            argument: argument.to_owned(),
            reason,
        })?,
    };
    let knob = knob.strip_prefix("knobs.").unwrap_or(knob);
    Ok((knob.to_owned(), schedule))
}

/// What becomes of schedules that end with a training that is extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Schedules {
    /// End where planned and hold the final values.
    Hold,
    /// Stretch to the new end.
    Stretch,
}

/// Formats of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TableFormat {
    /// Aligned columns.
    #[default]
    Text,
    /// Markdown.
    Markdown,
    /// Comma-separated values, numbers in full.
    Csv,
}

/// Models of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Model {
    /// The student.
    #[default]
    Student,
    /// The teacher.
    Teacher,
    /// Both, side by side.
    Both,
}

/// Costs that accuracies are plotted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum CostAxis {
    /// Median latency of a single image on one thread.
    #[default]
    Latency,
    /// Size of the ONNX file.
    Size,
    /// Multiply-accumulates per image.
    Macs,
}

/// Accuracies that are plotted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum AccuracyAxis {
    /// Best validation accuracy.
    #[default]
    Valid,
    /// Test accuracy.
    Test,
}

/// Formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum To {
    /// One ONNX file, verified.
    #[default]
    Onnx,
    /// Weights as safetensors, and a script that loads them into PyTorch.
    Torch,
    /// Event files of the training for TensorBoard: scalars, images, hyperparameters.
    #[value(name = "tensorboard")]
    TensorBoard,
}

/// How an ONNX file takes images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Pixels {
    /// Normalised float32, [batch, 3, height, width].
    #[default]
    Float,
    /// RGB bytes, [batch, height, width, 3].
    Uint8,
}

/// Weights of a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Weights {
    /// Those with the best validation accuracy.
    #[default]
    Best,
    /// Those of the last step, in the folder `latest/`; `last` is another word for it.
    #[value(alias = "last")]
    Latest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_a_mode_or_says_which_modes_take_it() {
        let everywhere = ["experiments", "checkpoints", "json", "help", "version"];
        let taken = TAKEN_BY.map(|(option, _)| option);
        for argument in Arguments::command().get_arguments() {
            let id = argument.get_id().as_str();
            let known = MODES.contains(&id) || taken.contains(&id) || everywhere.contains(&id);
            assert!(known, "{id}");
        }
        for (option, modes) in TAKEN_BY {
            assert!(modes.iter().all(|mode| MODES.contains(mode)), "{option}");
        }
    }

    #[test]
    fn an_option_of_another_mode_is_refused_and_names_its_own() {
        let read = |words: &str| {
            let words = words.split(' ').map(str::to_owned);
            Arguments::read(["workbench".to_owned()].into_iter().chain(words))
        };
        for (words, message) in [
            ("--resume a --from step-61", "--from needs --fork"),
            ("--replay a --add-epochs 5", "--add-epochs needs --resume"),
            ("--run a.ron --batch 64", "--batch needs --bench"),
            ("--run a.ron --out b.onnx", "--out needs --export"),
            ("--resume a --decode", "--decode needs --check"),
            ("--run a.ron --lr-to 1", "--lr-to needs --find-lr"),
            ("--trash a --columns b", "--columns needs --runs"),
            (
                "--infer a --set b=1",
                "--set needs --run, --resume, --fork, --check or --find-lr",
            ),
            ("--json", "--json needs --run, --study, --resume"),
            ("--run a.ron --table", "--table needs --study"),
            ("--device cpu", "--device needs --run"),
        ] {
            let error = read(words).unwrap_err().to_string();
            assert!(error.contains(message), "{words}: {error}");
        }
        for words in [
            "--resume a --add-epochs 5 --schedules stretch --set lr=1",
            "--fork a --from step-61 --set lr=1 --junit b.xml",
            "--infer a --checkpoint b --weights latest --device cpu",
            "--export a --int8 --weights latest --json",
            "--export a --unverified",
            // As it was called at first.
            "--export a --unproven",
            "--runs --pareto a.svg --x size",
            "--study a.ron --device cpu --picture a.svg --format csv",
            "--study a.ron --table --json",
            "--find-lr a.ron --steps 200 --lr-from 1e-5 --lr-to 3 --set batch=64 --json",
        ] {
            read(words).unwrap();
        }
    }
}
