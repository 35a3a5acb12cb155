//! Command-line arguments: modes are flags, one of them at a time.

use std::path::PathBuf;

use clap::{ArgGroup, Parser, ValueEnum};
use thiserror::Error;

use super::session::ResumeChanges;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::DeviceSpec;
use crate::experiment::{Override, Report};

/// Modes that take no trained model.
const TRAINS: [&str; 4] = ["run", "check", "resume", "replay"];

/// A terminal workbench for knowledge distillation of image classifiers.
///
/// Without a mode it opens the screen: edit, launch, watch, turn, compare.
///
/// Exit codes: 0 trained and every gate holds; 1 a gate fails or could not be
/// judged; 2 the file or the arguments are wrong; 3 the run failed; 130
/// interrupted, saved and resumable.
#[derive(Debug, Parser)]
#[command(version, group = ArgGroup::new("mode").args(["run", "check", "resume", "replay", "infer"]))]
pub struct Arguments {
    /// Folder of experiments for the screen, which opens if no other mode is
    /// asked for.
    #[arg(
        value_name = "EXPERIMENTS",
        default_value = "experiments",
        conflicts_with = "mode"
    )]
    pub experiments: PathBuf,

    /// Trains the experiment and reports.
    #[arg(long, value_name = "FILE")]
    pub run: Option<PathBuf>,

    /// Prints the experiment with every default and its method's expansion,
    /// without training.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,

    /// Goes on with a stopped run: its folder, its name or the start of it.
    #[arg(long, value_name = "RUN")]
    pub resume: Option<String>,

    /// Runs a run's experiment again, with the adjustments that its journal
    /// holds, in a new run.
    #[arg(long, value_name = "RUN")]
    pub replay: Option<String>,

    /// Classifies every image below a folder with a run's models and prints CSV,
    /// or lines of JSON.
    #[arg(long, value_name = "DIR")]
    pub infer: Option<PathBuf>,

    /// The run whose models classify: its folder, its name or the start of it;
    /// the newest that has weights without it.
    #[arg(long, value_name = "RUN", requires = "infer", conflicts_with_all = TRAINS)]
    pub checkpoint: Option<String>,

    /// Which of the run's models classify.
    #[arg(long, value_enum, default_value_t, requires = "infer", conflicts_with_all = TRAINS)]
    pub model: Model,

    /// Which of the student's weights classify.
    #[arg(long, value_enum, default_value_t, requires = "infer", conflicts_with_all = TRAINS)]
    pub weights: Weights,

    /// Changes a value of the experiment: a dotted path and a RON value, as in
    /// `epochs=3`, or `optimizer.momentum=0.8` where the file writes an
    /// optimizer. With --resume: gives a knob a new schedule, or a value, as in
    /// `lr=0.01` or `lr=Cosine(from: 0.01, to: 0.0)`. May be given several times.
    #[arg(long, value_name = "KEY=VALUE", conflicts_with_all = ["replay", "infer"])]
    pub set: Vec<String>,

    /// With --resume or --replay: leaves out knob changes that took effect after
    /// this step, instead of applying them again.
    #[arg(long, value_name = "STEP", conflicts_with_all = ["run", "check", "infer"])]
    pub without_adjustments_after: Option<u64>,

    /// Device instead of the experiment's: auto, cpu, libtorch, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", conflicts_with = "resume")]
    pub device: Option<DeviceSpec>,

    /// Prints every event as a line of JSON on standard output.
    #[arg(long, conflicts_with = "check")]
    pub json: bool,

    /// Writes the gates' results in `JUnit`'s format.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "infer"])]
    pub junit: Option<PathBuf>,

    /// Folder of runs.
    #[arg(long, value_name = "DIR", default_value = "checkpoints")]
    pub checkpoints: PathBuf,
}

impl Arguments {
    /// What `--set` changes of an experiment.
    ///
    /// # Errors
    /// The argument that cannot be read.
    pub fn overrides(&self) -> Result<Vec<Override>, Report> {
        if self.resume.is_some() {
            return Ok(Vec::new());
        }
        let set = self.set.iter();
        set.map(|argument| Override::parse(argument)).collect()
    }

    /// What is to be different when a run is resumed.
    ///
    /// # Errors
    /// The argument that cannot be read.
    pub fn resume_changes(&self) -> Result<ResumeChanges, ArgumentError> {
        let set = self.set.iter().map(|argument| knob_change(argument));
        Ok(ResumeChanges {
            set: set.collect::<Result<_, _>>()?,
            without_adjustments_after: self.without_adjustments_after,
        })
    }
}

/// What a knob is given by.
const KNOB_CHANGE: &str = "with --resume write a knob and its schedule, as in lr=0.01 or \
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
    /// Neither a number nor a schedule.
    #[error("--set {argument}: {reason}; {KNOB_CHANGE}")]
    NoSchedule {
        /// As it was written.
        argument: String,
        /// What is wrong with the schedule.
        reason: ron::Error,
    },
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
        Err(_) => ron::from_str(written).map_err(|error| ArgumentError::NoSchedule {
            argument: argument.to_owned(),
            reason: error.code,
        })?,
    };
    let knob = knob.strip_prefix("knobs.").unwrap_or(knob);
    Ok((knob.to_owned(), schedule))
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

/// Weights of a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Weights {
    /// Those with the best validation accuracy.
    #[default]
    Best,
    /// The newest.
    Latest,
}
