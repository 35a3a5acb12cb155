//! Questions to a run's models, off the loop's thread.

use std::path::PathBuf;
use std::thread;

use super::files;
use super::mail::Sender;
use super::message::Message;
use crate::app::models;
use crate::engine::{ProbeFolder, infer, probe_folder};
use crate::event::SkippedImage;
use crate::event::inspection::{
    Answering, Asked, InferenceEvent, InferenceRequest, Probe, Weights,
};
use crate::run::{RunFolder, StopSignal};
use crate::store::RunEntry;
use crate::ui::{LogLine, News};

/// A run, and whether it has a teacher.
struct Subject {
    folder: RunFolder,
    has_teacher: bool,
}

impl Subject {
    fn of(run: &RunEntry) -> Self {
        Self {
            folder: run.folder.clone(),
            has_teacher: run.store.models.contains_key(&crate::event::Phase::Teacher),
        }
    }
}

/// Reads what a run recorded of its probe.
pub fn read_probe(run: &RunEntry, sender: Sender) {
    let folder = run.folder.clone();
    let work = move || {
        let probe = match ProbeFolder::new(&folder).read() {
            Ok(Some(probe)) => Ok(Box::new(probe)),
            Ok(None) => Err("a run records them whenever it is evaluated".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        (folder.name(), None, probe)
    };
    answer(work, sender);
}

/// Asks a run's models about the images of a folder; what cannot be read of it
/// is told in the log. The answer names the folder as it was asked for, by which
/// the screen knows it.
pub fn ask_about(run: &RunEntry, images: PathBuf, sender: Sender) {
    let subject = Subject::of(run);
    let log = sender.clone();
    let work = move || {
        let asked = Asked {
            answering: if subject.has_teacher {
                Answering::Both
            } else {
                Answering::Student
            },
            weights: Weights::Best,
        };
        let name = subject.folder.name();
        let answered = models::open(&subject.folder, None, asked)
            .map_err(|error| error.to_string())
            .and_then(|models| probe_folder(&models, &files::expanded(&images)));
        let probe = answered.map(|(probe, skipped)| {
            if let Some(told) = left_out(&skipped) {
                let _ = log.send(Message::news(News::Logged(LogLine::warn(told))));
            }
            Box::new(probe)
        });
        (name, Some(images), probe)
    };
    answer(work, sender);
}

/// What is told of files and folders that could not be read: the first, and how
/// many more.
fn left_out(skipped: &[SkippedImage]) -> Option<String> {
    let (first, others) = skipped.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let (path, reason) = (first.path.display(), &first.reason);
    Some(format!("left out {path}: {reason}{more}"))
}

type ProbeAnswer = (String, Option<PathBuf>, Result<Box<Probe>, String>);

fn answer(work: impl FnOnce() -> ProbeAnswer + Send + 'static, sender: Sender) {
    spawn("probe", move || {
        let (run, folder, probe) = work();
        let news = News::ProbeRead { run, folder, probe };
        let _ = sender.send(Message::news(news));
    });
}

/// Classifies a folder of images until it is done or `stop` is given.
pub fn classify(run: &RunEntry, request: InferenceRequest, stop: StopSignal, sender: Sender) {
    let subject = Subject::of(run);
    spawn("inference", move || {
        let mut tell = |event| {
            let _ = sender.send(Message::news(News::Inference(event)));
        };
        match models::open(&subject.folder, None, request.asked) {
            Ok(models) => infer(&models, &request.folder, &stop, &mut tell),
            Err(error) => tell(InferenceEvent::Failed(error.to_string())),
        }
    });
}

/// Without a thread nothing is answered, and the screen goes on waiting: a
/// system in that state has other troubles.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let _ = thread::Builder::new().name(name.to_owned()).spawn(work);
}
