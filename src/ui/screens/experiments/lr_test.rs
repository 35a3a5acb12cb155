//! The range test of an experiment's learning rate: one at a time, in the background. What
//! it proposes is written into the text by a key of its own, as one edit that can be
//! undone, and is saved as any edit is.

use std::path::{Path, PathBuf};

use super::buffer::{Buffer, stem};
use super::{Experiments, Focus};
use crate::experiment::lr_range::{LrCurve, LrEnd, LrPoint};
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::TeacherWeights;
use crate::experiment::{Override, Report, SourceText, Written, read_changed};
use crate::format::number;
use crate::ui::action::{Action, Context};
use crate::ui::effect::Effect;
use crate::ui::news::{LogLine, LrTestNews};
use crate::ui::shared::Shared;

/// A range test of a file.
#[derive(Debug)]
pub struct LrTest {
    /// By which its news are known.
    number: u64,
    path: PathBuf,
    /// The text that is tested.
    text: String,
    pub(super) state: State,
    /// The steps so far.
    pub(super) points: Vec<LrPoint>,
    /// The learning rate that the text has.
    pub(super) planned: String,
}

/// How far a test is.
#[derive(Debug)]
pub(super) enum State {
    /// What it does before its first step.
    Preparing(String),
    /// It takes steps.
    Testing,
    /// It is to stop.
    Stopping,
    /// It ended.
    Ended(LrCurve),
    /// There is no curve, for this reason.
    Failed(String),
}

impl LrTest {
    fn is_running(&self) -> bool {
        !matches!(self.state, State::Ended(_) | State::Failed(_))
    }

    /// Name of its file.
    pub(super) fn name(&self) -> &str {
        stem(&self.path)
    }

    /// What it proposes, once it ended.
    pub(super) fn proposed(&self) -> Option<f64> {
        match &self.state {
            State::Ended(curve) => Some(curve.proposal()?.lr),
            _ => None,
        }
    }

    pub(super) fn hints(&self) -> &'static [Action] {
        match self.proposed() {
            Some(_) => &[Action::Back, Action::WriteLr, Action::RepeatLrTest],
            None if self.is_running() => &[Action::Back, Action::StopLrTest],
            None => &[Action::Back, Action::RepeatLrTest],
        }
    }

    /// Its file may have another name now.
    pub(super) fn renamed(&mut self, from: &Path, to: &Path) {
        if self.path == from {
            to.clone_into(&mut self.path);
        }
    }

    /// Takes in what is new. Returns the line for the log, where it ended.
    fn take(&mut self, news: LrTestNews) -> Option<LogLine> {
        match news {
            LrTestNews::Prepares(words) => {
                if let State::Preparing(shown) = &mut self.state {
                    *shown = words;
                }
                None
            }
            LrTestNews::Step(point) => {
                if matches!(self.state, State::Preparing(_)) {
                    self.state = State::Testing;
                }
                self.points.push(point);
                None
            }
            LrTestNews::Ended(Ok(curve)) => {
                let words = match curve.proposal() {
                    Some(proposal) => format!("proposes {}", number(proposal.lr)),
                    None if curve.end == LrEnd::Stopped => "was stopped".to_owned(),
                    None => "proposes nothing".to_owned(),
                };
                self.points.clone_from(&curve.points);
                self.state = State::Ended(curve);
                let line = format!("{}: the learning rate test {words}", self.name());
                Some(LogLine::info(line))
            }
            LrTestNews::Ended(Err(reason)) => {
                let line = format!("{}: no learning rate test: {reason}", self.name());
                self.state = State::Failed(reason);
                Some(LogLine::error(line))
            }
        }
    }
}

impl Experiments {
    /// The test of the selected file, where it is shown.
    pub(super) fn shown_lr_test(&self) -> Option<&LrTest> {
        self.lr_test_of_selected().filter(|_| self.shows_lr_test)
    }

    fn lr_test_of_selected(&self) -> Option<&LrTest> {
        let test = self.lr_test.as_ref();
        test.filter(|test| Some(&test.path) == self.current())
    }

    /// Name of the experiment whose learning rate is being tested.
    pub(in crate::ui) fn tested_lr(&self) -> Option<&str> {
        let test = self.lr_test.as_ref();
        test.filter(|test| test.is_running()).map(LrTest::name)
    }

    /// Carries out what concerns the test. Returns whether it did.
    pub(super) fn act_on_lr_test(&mut self, action: Action, shared: &mut Shared) -> bool {
        match action {
            Action::FindLr => self.find_lr(shared),
            Action::StopLrTest => self.stop_lr_test(shared),
            Action::WriteLr => self.write_lr(shared),
            Action::RepeatLrTest => self.test_lr(shared),
            Action::Back if self.shown_lr_test().is_some() => self.shows_lr_test = false,
            // What the palette asks of the file is seen where it lies.
            _ if !matches!(action.entry().context, Context::Global | Context::LrTest) => {
                self.shows_lr_test = false;
                return false;
            }
            // Of what is behind it nothing moves.
            _ => return self.shown_lr_test().is_some(),
        }
        true
    }

    /// Shows the test of the selected file; starts one where there is none of its text.
    fn find_lr(&mut self, shared: &mut Shared) {
        let is_of = |buffer: &Buffer, test: &LrTest| buffer.document.text() == test.text;
        let shown = self.lr_test_of_selected().filter(|test| {
            test.is_running() || self.buffer().is_some_and(|buffer| is_of(buffer, test))
        });
        if shown.is_some() {
            self.shows_lr_test = true;
        } else {
            self.test_lr(shared);
        }
    }

    /// Tests the selected file, or says why not.
    fn test_lr(&mut self, shared: &mut Shared) {
        if let Some(name) = self.tested_lr() {
            let stop = shared.key(Action::StopLrTest);
            let message =
                format!("the learning rate test of {name} is running; {stop} there stops it");
            return shared.notify(LogLine::info(message));
        }
        let Some(path) = self.selected.clone() else {
            return;
        };
        if let Some(reason) = self.troubles.get(&path) {
            return shared.notify(LogLine::error(reason.as_str()));
        }
        let buffer = self.buffers.get(&path);
        let Some(buffer) = buffer.filter(|buffer| buffer.is_planned()) else {
            let message = format!("{} is being planned", stem(&path));
            return shared.notify(LogLine::info(message));
        };
        if let Some(reason) = buffer.first_error() {
            return shared.notify(LogLine::error(format!("cannot test: {reason}")));
        }
        let number = self.lr_test.as_ref().map_or(0, |test| test.number + 1);
        let text = buffer.document.text().to_owned();
        let loaded = buffer.loaded.as_ref();
        self.lr_test = Some(LrTest {
            number,
            path: path.clone(),
            text: text.clone(),
            state: State::Preparing("preparing".to_owned()),
            points: Vec::new(),
            planned: loaded.map_or_else(String::new, |loaded| loaded.spec.lr.to_string()),
        });
        self.shows_lr_test = true;
        shared.ask(Effect::FindLr {
            test: number,
            path,
            text,
        });
    }

    fn stop_lr_test(&mut self, shared: &mut Shared) {
        match &mut self.lr_test {
            Some(test) if test.is_running() => {
                test.state = State::Stopping;
                shared.ask(Effect::StopLrTest);
            }
            _ => shared.notify(LogLine::info("no learning rate test is running")),
        }
    }

    /// Takes in what is new of a test. `shown` says whether this is the screen that is shown.
    pub(in crate::ui) fn on_lr_test(
        &mut self,
        number: u64,
        news: LrTestNews,
        shown: bool,
        shared: &mut Shared,
    ) {
        let test = self.lr_test.as_mut().filter(|test| test.number == number);
        let Some(line) = test.and_then(|test| test.take(news)) else {
            return;
        };
        if shown && self.shown_lr_test().is_some() {
            shared.note(line);
        } else {
            shared.notify(line);
        }
    }

    /// Ends the test of a file that was removed, and says so where it was running.
    pub(super) fn drop_lr_test(&mut self, shared: &mut Shared) {
        let is_removed = |test: &mut LrTest| !self.files.contains(&test.path);
        if let Some(test) = self.lr_test.take_if(is_removed)
            && test.is_running()
        {
            shared.ask(Effect::StopLrTest);
            let message = format!(
                "{} is no longer there: its learning rate test was stopped",
                test.name()
            );
            shared.notify(LogLine::warn(message));
        }
    }

    /// Writes what is proposed into the text, as an edit.
    fn write_lr(&mut self, shared: &mut Shared) {
        let find = shared.key(Action::FindLr);
        let Some(test) = self.lr_test_of_selected() else {
            let message = format!("no learning rate is proposed here; {find} tests some");
            return shared.notify(LogLine::info(message));
        };
        let (Some(lr), Some(buffer)) = (test.proposed(), self.buffer()) else {
            return shared.notify(LogLine::info("no learning rate is proposed"));
        };
        let before = buffer.document.text();
        let written = match with_greatest_lr(before, &test.path, lr) {
            Ok(written) => written,
            Err(reason) => return shared.notify(LogLine::error(reason)),
        };
        // Another text but for its lr has another proposal.
        let tested = with_greatest_lr(&test.text, &test.path, lr);
        if !tested.is_ok_and(|it| it.text == written.text) {
            let message = format!("the text has changed since the test; {find} tests it");
            return shared.notify(LogLine::info(message));
        }
        if written.text == before {
            return shared.notify(LogLine::info(format!("lr is {} already", written.lr)));
        }
        // The student's begins its line; the teacher's may not.
        let mut places = written.text.match_indices("lr:").map(|(at, _)| at);
        let begins_line = |at: &usize| written.text[..*at].trim_end_matches(' ').ends_with('\n');
        let place = places.find(begins_line).unwrap_or_default();
        self.shows_lr_test = false;
        self.focus = Focus::Text;
        self.edit(shared, |buffer: &mut Buffer| {
            buffer.completion = None;
            buffer.document.replace_all(&written.text);
            buffer.document.set_cursor(place);
        });
        let keys = [Action::SaveText, Action::UndoText];
        let [save, undo] = keys.map(|key| shared.keymap.key_while_typing(key).unwrap_or_default());
        let keeps = if written.keeps_teacher {
            "; the teacher had the same and keeps it"
        } else {
            ""
        };
        let message = format!(
            "lr is {} now{keeps}; {save} saves, {undo} undoes",
            written.lr
        );
        shared.notify(LogLine::info(message));
    }
}

/// A text with another learning rate.
struct WithLr {
    text: String,
    lr: Schedule,
    /// Whether the one before is written for the teacher, which had it, too: with another
    /// it would be another teacher.
    keeps_teacher: bool,
}

/// The text of a file whose learning rate has the same shape and this greatest value.
fn with_greatest_lr(text: &str, path: &Path, greatest: f64) -> Result<WithLr, String> {
    let source = SourceText::new(path, text.to_owned());
    let one_line = |report: Report| report.one_line();
    let spec = read_changed(&source, &[]).map_err(one_line)?.spec;
    let now = spec.lr.greatest(f64::from(spec.epochs));
    if now.is_nan() || now <= 0.0 {
        return Err("the lr of this experiment is never above 0; edit it".to_owned());
    }
    let lr = spec.lr.scaled(greatest / now);
    let in_ron = |schedule: &Schedule| {
        let written = schedule.written();
        written.map_err(|error| format!("the schedule cannot be written as RON: {error}"))
    };
    let teacher = spec.teacher.as_ref().map(|teacher| &teacher.weights);
    let keeps_teacher =
        matches!(teacher, Some(TeacherWeights::Train(training)) if training.lr.is_none());
    let of_teacher = if keeps_teacher {
        vec![format!("teacher.weights.Train.lr={}", in_ron(&spec.lr)?)]
    } else {
        Vec::new()
    };
    let with = |changes: Vec<String>| -> Result<Written, Report> {
        let changes = of_teacher.iter().chain(&changes);
        let changes: Result<Vec<Override>, Report> =
            changes.map(|change| Override::parse(change)).collect();
        read_changed(&source, &changes?)
    };
    // A file may have none, and then the default.
    let whole = vec![format!("lr={}", in_ron(&lr)?)];
    let written = with(lr.values_at("lr")).or_else(|_| with(whole));
    let written = written.map_err(one_line)?;
    Ok(WithLr {
        lr: written.spec.lr,
        text: written.text,
        keeps_teacher,
    })
}
