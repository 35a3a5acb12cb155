//! Questions to a run's models, off the loop's thread. Every question is
//! answered, if only by why there is no answer: the screen waits for it.

use std::io;
use std::thread;

use thiserror::Error;

use super::error::EffectError;
use super::files;
use super::mail::Sender;
use super::message::Message;
use super::run_files::known;
use crate::app::export::{ExportRequest, export};
use crate::app::models::{self, OpenModelsError};
use crate::app::panic::caught;
use crate::engine::{Failure, ProbeFolder, infer, probe_cell, probe_folder, probe_named};
use crate::event::inspection::{
    Answering, Asked, InferenceEvent, InferenceRequest, Probe, ProbeSource, Weights,
};
use crate::event::{ExportFormat, Floats, Phase, PixelFormat, SkippedImage};
use crate::format::count;
use crate::run::{RunFolder, RunPlan, StopSignal};
use crate::store::{RunEntry, Runs};
use crate::ui::{ExportRefusal, LogLine, News};
use crate::untrusted::Show as _;

/// Why a run's models do not answer.
#[derive(Debug, Error)]
enum InspectError {
    /// The run no longer exists.
    #[error(transparent)]
    Effect(#[from] EffectError),
    /// It was not evaluated yet.
    #[error("a run records them at every evaluation")]
    NoProbe,
    /// What it recorded cannot be read.
    #[error(transparent)]
    Probe(#[from] Failure),
    /// Its models.
    #[error(transparent)]
    Models(#[from] OpenModelsError),
    /// The images.
    #[error("{0}")]
    Images(String),
    /// Nothing says which images they are.
    #[error("its plan.json is missing, so its validation images are not known")]
    NoPlan,
    /// The weights that were evaluated are not there any more.
    #[error("weights are kept of the best and the latest checkpoint, not of step {0}")]
    NoWeights(u64),
    /// The system gives no thread.
    #[error("could not start a thread: {0}")]
    Thread(#[source] io::Error),
    /// Something in this program is wrong.
    #[error("inference failed: {0}; this is a bug, please report it")]
    Panicked(String),
}

/// Whom the answers on probe images are for.
#[derive(Clone)]
struct ProbeQuestion {
    run: String,
    /// As it was requested, by which the screen knows it.
    source: ProbeSource,
    sender: Sender,
}

/// Reads what a run recorded of its probe, or asks its models about other images;
/// what of those is left out is listed in the log.
pub fn read_probe(runs: &Runs, run: String, source: ProbeSource, sender: Sender) {
    let known = known(runs, &run).map(|entry| {
        let recorded = entry.last_probed();
        (entry.folder.clone(), has_teacher(entry), recorded)
    });
    let log = sender.clone();
    let question = ProbeQuestion {
        run,
        source: source.clone(),
        sender,
    };
    question.answer(move || {
        let (folder, has_teacher, recorded) = known?;
        let ask = |weights| Asked {
            answering: if has_teacher {
                Answering::Both
            } else {
                Answering::Student
            },
            weights,
        };
        let warn = |message: Option<String>| {
            if let Some(message) = message {
                let _ = log.send(Message::log(LogLine::warn(message)));
            }
        };
        match source {
            ProbeSource::Recorded => {
                let probe = ProbeFolder::new(&folder).read_until(recorded)?;
                probe.ok_or(InspectError::NoProbe)
            }
            ProbeSource::Folder(images) => {
                let models = models::open(&folder, None, ask(Weights::Best))?;
                let answered = probe_folder(&models, &files::expanded(&images));
                let (probe, skipped) = answered.map_err(InspectError::Images)?;
                warn(left_out(&skipped));
                Ok(probe)
            }
            ProbeSource::Named { images, weights } => {
                let plan = plan_of(&folder)?;
                let models = models::open(&folder, None, ask(weights))?;
                probe_named(&models, &plan, &images).map_err(InspectError::Images)
            }
            ProbeSource::Cell { cell, step } => {
                let plan = plan_of(&folder)?;
                let mut models = models::open(&folder, None, ask(Weights::Latest))?;
                if models.trained.0 != step {
                    models = models::open(&folder, None, ask(Weights::Best))?;
                }
                if models.trained.0 != step {
                    return Err(InspectError::NoWeights(step));
                }
                let answered = probe_cell(&models, &plan, cell);
                let (probe, number) = answered.map_err(InspectError::Images)?;
                let shown = probe.images.len();
                warn(
                    (number > shown)
                        .then(|| format!("the first {} of {} images", count(shown), count(number))),
                );
                Ok(probe)
            }
        }
    });
}

/// The plan of a run, which says which its images are.
fn plan_of(folder: &RunFolder) -> Result<RunPlan, InspectError> {
    let plan = folder.plan();
    let plan = plan.map_err(|error| InspectError::Images(error.to_string()))?;
    plan.ok_or(InspectError::NoPlan)
}

fn has_teacher(run: &RunEntry) -> bool {
    run.store.models.contains_key(&Phase::Teacher)
}

/// The message about files and folders that could not be read: the first, and how
/// many more.
fn left_out(skipped: &[SkippedImage]) -> Option<String> {
    let (first, others) = skipped.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let (path, reason) = (first.path.shown(), &first.reason);
    Some(format!("skipped {path}: {reason}{more}"))
}

impl ProbeQuestion {
    fn answer(self, work: impl FnOnce() -> Result<Probe, InspectError> + Send + 'static) {
        let question = self.clone();
        let started = spawn("probe", move || {
            question.send(caught(work).unwrap_or_else(|panic| Err(InspectError::Panicked(panic))));
        });
        if let Err(error) = started {
            self.send(Err(error));
        }
    }

    fn send(self, answer: Result<Probe, InspectError>) {
        let news = News::ProbeRead {
            run: self.run,
            source: self.source,
            probe: answer.map(Box::new).map_err(|error| error.to_string()),
        };
        let _ = self.sender.send(Message::News(news));
    }
}

/// Writes a run's student as an ONNX file. One that is there is made anew.
pub fn export_model(runs: &Runs, name: &str, unverified: bool, sender: &Sender) {
    let folder = match known(runs, name) {
        Ok(run) => run.folder.clone(),
        Err(error) => {
            let _ = sender.send(Message::log(LogLine::error(error.to_string())));
            return;
        }
    };
    let _ = sender.send(Message::log(LogLine::info(format!("{name}: exporting"))));
    let (run, to) = (name.to_owned(), sender.clone());
    let report = move |result: Result<String, ExportRefusal>| {
        let news = News::ModelExported { run, result };
        let _ = to.send(Message::News(news));
    };
    let refused = |reason: String| ExportRefusal {
        reason,
        can_skip_verification: false,
    };
    let answer = report.clone();
    let started = spawn("export", move || {
        let request = ExportRequest {
            run: folder,
            format: ExportFormat::Onnx,
            weights: Weights::Best,
            pixels: PixelFormat::Float,
            floats: Floats::Fp32,
            int8: None,
            out: None,
            replaces: true,
            unverified,
            device: None,
        };
        let exported = caught(|| export(&request).map_err(|error| error.refusal()));
        let exported = exported.unwrap_or_else(|panic| {
            Err(refused(format!(
                "the export failed: {panic}; this is a bug, please report it"
            )))
        });
        answer(exported.map(|exported| exported.line()));
    });
    if let Err(error) = started {
        report(Err(refused(error.to_string())));
    }
}

/// Classifies a folder of images until it is done or `stop` is given.
pub fn classify(run: &RunEntry, request: InferenceRequest, stop: &StopSignal, sender: &Sender) {
    let (folder, stop, to) = (run.folder.clone(), stop.clone(), sender.clone());
    let started = spawn("inference", move || {
        let classified = caught(|| {
            let models = models::open(&folder, None, request.asked)?;
            infer(&models, &request.folder, &stop, &mut |event| {
                send(&to, event);
            });
            Ok(())
        });
        let classified = classified.unwrap_or_else(|panic| Err(InspectError::Panicked(panic)));
        if let Err(error) = classified {
            send(&to, InferenceEvent::Failed(error.to_string()));
        }
    });
    if let Err(error) = started {
        send(sender, InferenceEvent::Failed(error.to_string()));
    }
}

fn send(sender: &Sender, event: InferenceEvent) {
    let _ = sender.send(Message::News(News::Inference(event)));
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), InspectError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(|_| ()).map_err(InspectError::Thread)
}
