//! Range tests of learning rates as the screen asks for them, off the loop's thread. Each
//! is answered by its end, if only by why there is no curve.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::mail::Sender;
use super::message::Message;
use crate::app::error::AppError;
use crate::app::find_lr::RangeTest;
use crate::app::panic::caught;
use crate::app::session::SessionError;
use crate::event::{Phase, RunEvent, StepRow};
use crate::experiment;
use crate::experiment::lr_range::{LrCurve, LrPoint, LrRange};
use crate::format::count;
use crate::run::StopSignal;
use crate::ui::{LogLine, LrTestNews, News};

/// How often it is reported how far a teacher is that is trained first.
const BETWEEN_WORDS: Duration = Duration::from_millis(200);

/// A test of the screen.
#[derive(Clone)]
pub struct LrTest {
    /// By which the screen knows it.
    pub number: u64,
    /// The experiment file, at whose folder paths start.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The folder of runs.
    pub checkpoints: PathBuf,
}

impl LrTest {
    /// Starts it. It ends by itself, or once it is to stop.
    pub fn start(self, stop: &StopSignal, sender: &Sender) {
        let (test, stop, to) = (self.clone(), stop.clone(), sender.clone());
        let started = thread::Builder::new()
            .name("lr-test".to_owned())
            .spawn(move || {
                let tested = caught(|| test.run(&stop, &to));
                let panicked = |panic| Err(format!("{panic}; this is a bug, please report it"));
                let tested = tested.map(|tested| match tested {
                    Err(AppError::Session(SessionError::Stopped(_))) => {
                        Ok(LrCurve::without_steps())
                    }
                    tested => tested.map_err(|error| error.one_line()),
                });
                test.send(LrTestNews::Ended(tested.unwrap_or_else(panicked)), &to);
            });
        if let Err(error) = started {
            let reason = format!("could not start a thread: {error}");
            self.send(LrTestNews::Ended(Err(reason)), sender);
        }
    }

    fn run(&self, stop: &StopSignal, sender: &Sender) -> Result<LrCurve, AppError> {
        let loaded = experiment::load_text(&self.text, &self.path, &[])?;
        let test = RangeTest {
            loaded: &loaded,
            device: None,
            range: LrRange::default(),
            checkpoints: &self.checkpoints,
        };
        let (of, to) = (self.clone(), sender.clone());
        let say = Box::new(move |line| of.send(LrTestNews::Prepares(line), &to));
        let mut teacher = TeacherWatch::default();
        let tested = test.run(stop, say, |event| match &event {
            RunEvent::Warned { message } => {
                let line = format!("{}: {message}", loaded.plan.name);
                let _ = sender.send(Message::log(LogLine::warn(line)));
            }
            RunEvent::StepLogged(row) if row.phase == Phase::Student => {
                if let Some(point) = point(row) {
                    self.send(LrTestNews::Step(point), sender);
                }
            }
            _ => {
                if let Some(words) = teacher.observe(&event) {
                    self.send(LrTestNews::Prepares(words), sender);
                }
            }
        })?;
        Ok(tested.curve)
    }

    fn send(&self, news: LrTestNews, sender: &Sender) {
        let test = self.number;
        let _ = sender.send(Message::News(News::LrTest { test, news }));
    }
}

/// What a step of a test came to.
fn point(row: &StepRow) -> Option<LrPoint> {
    let mut values = row.values.iter();
    let (_, lr) = values.find(|(name, _)| name.starts_with("knob/"))?;
    Some(LrPoint {
        lr: *lr,
        loss: *row.values.get("loss/total")?,
    })
}

/// Watches a teacher that is trained first.
#[derive(Default)]
struct TeacherWatch {
    steps: u64,
    reported: Option<Instant>,
}

impl TeacherWatch {
    /// How far it is, where that was not reported a moment ago.
    fn observe(&mut self, event: &RunEvent) -> Option<String> {
        match event {
            RunEvent::PhaseStarted {
                phase: Phase::Teacher,
                steps,
                ..
            } => self.steps = *steps,
            RunEvent::StepLogged(row) => {
                let is_news = self.reported.is_none_or(|at| at.elapsed() >= BETWEEN_WORDS);
                if is_news {
                    self.reported = Some(Instant::now());
                    let (step, steps) = (count(row.step + 1), count(self.steps));
                    return Some(format!("training the teacher, step {step} of {steps}"));
                }
            }
            _ => {}
        }
        None
    }
}
