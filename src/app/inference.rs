//! Classifying a folder of images without a screen.

use std::io::{self, Write};
use std::path::Path;

use super::arguments::{Arguments, Model, Weights};
use super::models;
use crate::engine::infer;
use crate::event::inspection::export::{csv_of, json_lines_of};
use crate::event::inspection::{
    Answering, Asked, Classified, InferenceEvent, Picture, Weights as Taken,
};
use crate::run::{Exit, RunFolder, StopSignal};
use crate::untrusted::clean_line;

/// What came of it.
#[derive(Default)]
struct Results {
    classes: Vec<String>,
    rows: Vec<Classified>,
    unreadable: usize,
    cancelled: bool,
    failure: Option<String>,
}

/// Classifies and prints: CSV, or a line of JSON for every image as it is
/// classified. What could not be read is named on standard error.
pub fn run(arguments: &Arguments, folder: &Path) -> Result<Exit, String> {
    if folder.is_file() {
        return Err(format!(
            "error: {} is a file; --infer takes the folder that holds the images",
            folder.display()
        ));
    }
    let run = match &arguments.checkpoint {
        Some(run) => super::find(arguments, run)?,
        None => newest(&arguments.checkpoints)?,
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
    let models =
        models::open(&run, arguments.device, asked).map_err(|error| format!("error: {error}"))?;
    let stop = StopSignal::new();
    let _signals = stop
        .on_signals()
        .map_err(|error| format!("error: {error}"))?;
    let mut results = Results::default();
    let json = arguments.json;
    infer(&models, folder, &stop, &mut |event| {
        results.take_in(event, json, &stop);
    });
    results.finish(json, &run)
}

impl Results {
    fn take_in(&mut self, event: InferenceEvent, json: bool, stop: &StopSignal) {
        match event {
            InferenceEvent::Began { classes, .. } => self.classes = classes,
            InferenceEvent::Classified(row) if json => {
                let line = json_lines_of([&*row], &self.classes).unwrap_or_default();
                if let Err(error) = io::stdout().write_all(line.as_bytes()) {
                    // Whoever reads may have seen enough, as `| head` has.
                    if error.kind() != io::ErrorKind::BrokenPipe {
                        self.failure = Some(format!("standard output: {error}"));
                    }
                    stop.request("nobody reads any more");
                }
                self.rows.push(without_picture(*row));
            }
            InferenceEvent::Classified(row) => self.rows.push(without_picture(*row)),
            InferenceEvent::Unreadable(image) => {
                self.unreadable += 1;
                let warning = format!("warning: {}: {}", image.path.display(), image.reason);
                let _ = writeln!(io::stderr(), "{}", clean_line(&warning));
            }
            InferenceEvent::Ended { cancelled, .. } => self.cancelled = cancelled,
            InferenceEvent::Failed(message) => self.failure = Some(message),
        }
    }

    fn finish(self, json: bool, run: &RunFolder) -> Result<Exit, String> {
        if let Some(message) = self.failure {
            return Err(format!("error: {message}"));
        }
        if !json {
            let text = csv_of(&self.rows, &self.classes).map_err(|e| format!("error: {e}"))?;
            super::print(&text)?;
        }
        let left_out = match self.unreadable {
            0 => String::new(),
            count => format!(", {count} could not be read"),
        };
        let count = self.rows.len();
        let told = format!("{count} images classified by {}{left_out}", run.name());
        let _ = writeln!(io::stderr(), "{}", clean_line(&told));
        Ok(if self.cancelled {
            Exit::Interrupted
        } else {
            Exit::Success
        })
    }
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
/// damaged is no reason to answer with those of another run.
fn newest(checkpoints: &Path) -> Result<RunFolder, String> {
    let names = RunFolder::names(checkpoints).map_err(|error| format!("error: {error}"))?;
    let runs = names
        .iter()
        .filter_map(|name| RunFolder::at(checkpoints.join(name)).ok());
    runs.filter(|run| !matches!(run.latest().find(), Ok(None)))
        .max_by_key(RunFolder::begun)
        .ok_or_else(|| {
            format!(
                "error: no run in {} has weights yet; train one with --run, or name one with --checkpoint",
                checkpoints.display()
            )
        })
}
