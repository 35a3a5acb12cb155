//! Classifying a folder of images without a screen.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc;

use crossterm::terminal;

use super::arguments::{Arguments, Model, Weights};
use super::error::{AppError, InferenceError};
use super::models;
use crate::engine::infer;
use crate::event::inspection::export::{csv_of, json_lines_of};
use crate::event::inspection::score::Confusion;
use crate::event::inspection::{
    Answering, Asked, Classified, InferenceEvent, Picture, Weights as Taken,
};
use crate::run::{Awaited, Exit, ModelsFolder, RunFolder, StopSignal};
use crate::untrusted::{Show as _, kind_at};

/// Events that wait to be printed, at most: each holds a picture.
const MOST_WAITING: usize = 64;

/// What came of it.
#[derive(Default)]
struct Results {
    classes: Vec<String>,
    rows: Vec<Classified>,
    unreadable: usize,
    cancelled: bool,
    failure: Option<AppError>,
}

/// Classifies and prints: CSV, or a line of JSON for every image as it is
/// classified. What could not be read is named on standard error.
pub fn run(arguments: &Arguments, folder: &Path) -> Result<Exit, AppError> {
    if let Some(what) = kind_at(folder).filter(|_| !folder.is_dir()) {
        let path = folder.to_owned();
        return Err(InferenceError::NotAFolder { path, what }.into());
    }
    let source = match &arguments.checkpoint {
        Some(wanted) => ModelsFolder::open(&arguments.checkpoints, wanted)?,
        None => ModelsFolder::Run(newest(&arguments.checkpoints)?),
    };
    let asked = Asked {
        answering: match arguments.model {
            Model::Student => Answering::Student,
            Model::Teacher => Answering::Teacher,
            Model::Both => Answering::Both,
        },
        weights: match arguments.weights {
            Weights::Best => Taken::Best,
            Weights::Latest => Taken::Latest,
        },
    };
    let models = match &source {
        ModelsFolder::Run(run) => models::open(run, arguments.device, asked),
        ModelsFolder::Weights(folder) => models::open_weights(folder, arguments.device, asked),
    };
    let models = models.map_err(InferenceError::Models)?;
    let stop = StopSignal::new();
    let _signals = stop.on_signals().map_err(AppError::Signals)?;
    let mut results = Results::default();
    let json = arguments.json;
    // On a thread that nobody waits for once it is to stop: large images take minutes,
    // and nothing is written.
    let (sender, events) = mpsc::sync_channel(MOST_WAITING);
    let (below, asked_to_stop) = (folder.to_owned(), stop.clone());
    let thread = std::thread::Builder::new()
        .name("infer".to_owned())
        .spawn(move || {
            infer(&models, &below, &asked_to_stop, &mut |event| {
                let _ = sender.send(event);
            });
        })
        .map_err(InferenceError::Thread)?;
    loop {
        match stop.wait_for(&events) {
            Awaited::Message(event) => results.take_in(event, json, &stop),
            Awaited::Stopped(_) => {
                results.cancelled = true;
                break;
            }
            Awaited::Ended => {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
                break;
            }
        }
    }
    results.finish(json, &source)
}

impl Results {
    fn take_in(&mut self, event: InferenceEvent, json: bool, stop: &StopSignal) {
        match event {
            InferenceEvent::Began { classes, .. } => self.classes = classes,
            InferenceEvent::Classified(row) if json => {
                if let Err(error) = self.print_line(&row) {
                    // The reader may have seen enough, as `| head` has.
                    self.failure = Some(error).filter(|error| !error.is_broken_pipe());
                    stop.request("its output was closed");
                }
                self.rows.push(without_picture(*row));
            }
            InferenceEvent::Classified(row) => self.rows.push(without_picture(*row)),
            InferenceEvent::Warned(message) => {
                super::print_error_line(&format!("warning: {message}"));
            }
            InferenceEvent::Unreadable(image) => {
                self.unreadable += 1;
                let path = image.path.shown();
                let warning = format!("warning: {path}: {}", image.reason);
                super::print_error_line(&warning);
            }
            InferenceEvent::Ended { cancelled, .. } => self.cancelled = cancelled,
            InferenceEvent::Failed(message) => {
                self.failure = Some(InferenceError::Failed(message).into());
            }
        }
    }

    fn print_line(&self, row: &Classified) -> Result<(), AppError> {
        let line = json_lines_of([row], &self.classes).map_err(InferenceError::Json)?;
        let printed = io::stdout().write_all(line.as_bytes());
        printed.map_err(AppError::Output)
    }

    fn finish(self, json: bool, source: &ModelsFolder) -> Result<Exit, AppError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if !json {
            let text = csv_of(&self.rows, &self.classes).map_err(InferenceError::Csv)?;
            super::print(&text)?;
        }
        let left_out = match self.unreadable {
            0 => String::new(),
            count => format!(", {count} could not be read"),
        };
        let count = self.rows.len();
        let name = match source {
            ModelsFolder::Run(run) => run.name(),
            ModelsFolder::Weights(folder) => folder.shown().to_string(),
        };
        let summary = format!("{count} images classified by {name}{left_out}");
        super::print_error_line(&summary);
        for line in scores(&self.rows, &self.classes) {
            super::print_error_line(&line);
        }
        Ok(if self.cancelled {
            Exit::Interrupted
        } else {
            Exit::Success
        })
    }
}

/// How right the models are about images whose folder is named like a class.
fn scores(rows: &[Classified], classes: &[String]) -> Vec<String> {
    let of = |answer: fn(&Classified) -> Option<&[f32]>| Confusion::of(rows, classes.len(), answer);
    let models = [
        ("student", of(|row| row.student.as_deref())),
        ("teacher", of(|row| row.teacher.as_deref())),
    ];
    let models = models.into_iter();
    let room = width().unwrap_or(usize::MAX);
    let lines = models.filter_map(|(name, confusion)| Some(confusion?.lines(name, classes, room)));
    lines.flatten().collect()
}

/// Columns of the terminal, if standard error is one.
fn width() -> Option<usize> {
    let (width, _) = terminal::size().ok()?;
    io::stderr().is_terminal().then_some(width.into())
}

/// Rows are kept until the end; their pictures would fill the memory.
fn without_picture(row: Classified) -> Classified {
    Classified {
        picture: Picture {
            width: 0,
            height: 0,
            rgb: Vec::new(),
        },
        ..row
    }
}

/// The run that was started last of those that have weights. That they are
/// damaged or lost is no reason to answer with those of another run.
fn newest(checkpoints: &Path) -> Result<RunFolder, AppError> {
    let runs = RunFolder::with_remains(checkpoints)?;
    runs.into_iter()
        .filter(models::had_student)
        .max_by_key(|run| run.started().at)
        .ok_or_else(|| InferenceError::NoWeights(checkpoints.to_owned()).into())
}
