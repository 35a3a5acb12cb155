//! What the loop holds: the screen, the runs, what trains here.

use std::collections::BTreeMap;
use std::path::Path;

use notify::RecommendedWatcher;
use ratatui::Frame;
use ratatui::layout::Size;

use super::carry_out::Hands;
use super::files;
use super::launcher::{self, Wanted};
use super::mail::Sender;
use super::message::Message;
use super::question::Answers;
use super::{catalogue, planner, reload, rescue};
use crate::app::arguments::Arguments;
use crate::app::session::{Session, SessionError};
use crate::event::{Outcome, Phase, RunEvent};
use crate::run::{Exit, RunFolder};
use crate::store::{Life, RunEntry, RunTail, Runs};
use crate::ui::{Effect, Incoming, LogLine, News, Ui};

/// What the loop does next.
pub enum Flow {
    /// Goes on.
    Go,
    /// Goes into the background.
    Suspend,
    /// Hands a text to the terminal's clipboard.
    Copy(String),
    /// Ends.
    Leave(Exit),
}

/// Everything that the loop holds.
pub struct State {
    ui: Ui,
    runs: Runs,
    /// How far the files of runs of other processes were read.
    tails: BTreeMap<String, RunTail>,
    hands: Hands,
    /// Tells of changed experiment files while it is held.
    _watcher: Option<RecommendedWatcher>,
    sender: Sender,
    /// Whether something happened to a run that the screen has not heard of.
    unseen: bool,
    /// How to end as soon as nothing trains, if it was asked to.
    leaving: Option<Exit>,
}

impl State {
    /// The state before anything happened.
    pub fn new(arguments: &Arguments, ui: Ui, sender: Sender) -> Self {
        let planner = planner::start(sender.clone()).ok();
        Self {
            ui,
            runs: Runs::new(),
            tails: BTreeMap::new(),
            hands: Hands::new(arguments, planner, sender.clone()),
            _watcher: files::watch(&arguments.experiments, sender.clone()).ok(),
            sender,
            unseen: false,
            leaving: None,
        }
    }

    /// The first things that the screen hears.
    pub fn begin(&mut self, size: Size) {
        let resized = crossterm::event::Event::Resize(size.width, size.height);
        self.take_in(Message::Incoming(Incoming::Input(resized)));
        self.hands.list();
        if let Some(told) = rescue::told(&self.hands.experiments) {
            self.news(News::Logged(LogLine::warn(told)));
        }
    }

    /// Says what the terminal is like, once it has been asked.
    pub fn hear_terminal(&mut self, answers: &Answers) {
        self.ui.set_graphics(answers.graphics);
        if let Some(ground) = answers.ground {
            self.ui.set_ground(ground);
        }
    }

    /// Says how many pixels a cell has, after the terminal got another size or
    /// font. Returns whether it is to be cleared.
    pub fn set_cell(&mut self, cell: (u16, u16)) -> bool {
        self.ui.set_cell(cell)
    }

    /// Tells the screen, once for all that happened, that runs have changed,
    /// and makes the pictures of the next frame ready.
    pub fn settle(&mut self) {
        if std::mem::take(&mut self.unseen) {
            self.news(News::RunsChanged);
        }
        self.ui.prepare();
    }

    /// Draws everything as it stands.
    pub fn draw(&self, frame: &mut Frame) {
        self.ui.draw(&self.runs, frame);
    }

    /// Takes one message in and carries out what the screen then asks.
    pub fn take_in(&mut self, message: Message) -> Flow {
        match message {
            Message::Incoming(incoming) => {
                self.plan_again(&incoming);
                return self.tell(incoming);
            }
            Message::Happened(name, events) => {
                for event in &events {
                    self.happened(&name, event);
                }
            }
            Message::Replanned(path, plan) => {
                let run = self.hands.reload.run().and_then(|run| self.runs.get(run));
                let reloaded = self
                    .hands
                    .reload
                    .changed(&path, plan, run.map(|run| &run.store));
                self.hands.obey(reloaded, &self.runs);
            }
            Message::Launched(path, result) => return self.launched(&path, result),
            Message::Ended(name, outcome) => return self.ended(name, &outcome),
            Message::Found(entry, tail) => self.found(*entry, tail),
            Message::Grew(name) => self.grew(&name),
            Message::Lives(name, life) => self.lives(&name, life),
            Message::Gone(name) => {
                self.tails.remove(&name);
                self.runs.remove(&name);
            }
            Message::Trash(entries) => self.runs.set_trash(entries),
            Message::Lost if self.leaving.is_some() => {}
            Message::Terminate | Message::Lost => {
                rescue::keep(self.ui.unsaved());
                return self.leave(Exit::Interrupted);
            }
        }
        self.unseen = true;
        Flow::Go
    }

    /// Plans a file again that was saved, here or elsewhere, while something
    /// trains that it could be the experiment of.
    fn plan_again(&self, incoming: &Incoming) {
        let Incoming::News(
            News::ExperimentRead {
                path,
                text: Ok(text),
            }
            | News::ExperimentWritten {
                path,
                text: Ok(text),
            },
        ) = incoming
        else {
            return;
        };
        if self.hands.reload.run().is_some() {
            reload::replan(path.clone(), text.clone(), self.sender.clone());
        }
    }

    fn happened(&mut self, name: &str, event: &RunEvent) {
        self.runs.apply(name, event);
        if let RunEvent::PhaseStarted {
            phase: Phase::Student,
            ..
        } = event
        {
            let reloaded = self.hands.reload.student_began(name);
            self.hands.obey(reloaded, &self.runs);
        }
    }

    fn news(&mut self, news: News) -> Flow {
        self.tell(Incoming::News(news))
    }

    fn tell(&mut self, incoming: Incoming) -> Flow {
        let mut flow = Flow::Go;
        for effect in self.ui.update(incoming, &self.runs) {
            match effect {
                Effect::Quit => flow = self.leave(Exit::Success),
                Effect::Suspend => flow = Flow::Suspend,
                Effect::Copy(text) => flow = Flow::Copy(text),
                // It is followed anyway; whoever opens it sees it as it stands now.
                Effect::OpenRun(name) => self.grew(&name),
                other => self.hands.carry_out(other, &mut self.runs),
            }
        }
        flow
    }

    /// Saves what trains here, then ends; at once if it is asked again.
    fn leave(&mut self, exit: Exit) -> Flow {
        if self.leaving.is_some() {
            return Flow::Leave(Exit::Interrupted);
        }
        if !self.hands.launcher.is_busy() {
            return Flow::Leave(exit);
        }
        self.leaving = Some(exit);
        self.hands.launcher.stop("the workbench was left");
        self.news(News::Logged(LogLine::info(
            "saving; the workbench ends when the training has stopped",
        )))
    }

    fn launched(&mut self, path: &Path, result: Result<Box<Session>, SessionError>) -> Flow {
        match result {
            Ok(mut session) => {
                let name = session.folder.name();
                // Its files grow already; what they gain arrives as events.
                let mut entry = catalogue::unfolded(&session.folder, Life::Here);
                entry.store = std::mem::take(&mut session.before);
                self.tails.remove(&name);
                self.runs.insert(entry);
                self.hands.launcher.began();
                self.follow_file(path, &session.folder);
                if let Err(error) = launcher::follow(*session, self.sender.clone()) {
                    return self.news(News::Logged(LogLine::error(error.to_string())));
                }
                self.news(News::RunBegan(name));
            }
            Err(error) => {
                self.hands.launcher.ended();
                let message = error.to_string();
                let message = message.trim_start_matches("error: ").trim_end();
                let line = LogLine::error(format!("{}: {message}", path.display()));
                self.news(News::Logged(line));
                if let Some(exit) = self.leaving {
                    return Flow::Leave(exit);
                }
            }
        }
        self.queue()
    }

    /// Follows the experiment file of a run that begins: the one that it was
    /// begun from, or, if that was its own folder, the one of its name.
    fn follow_file(&mut self, path: &Path, folder: &RunFolder) {
        if let Ok(frozen) = crate::app::session::frozen(folder) {
            let file = (path != folder.experiment()).then(|| path.to_owned());
            let reload = &mut self.hands.reload;
            reload.follow(folder.name(), file, frozen.plan);
        }
    }

    fn queue(&mut self) -> Flow {
        let queue = self.hands.queue();
        self.news(queue)
    }

    fn ended(&mut self, name: String, outcome: &Outcome) -> Flow {
        if let Some(run) = self.runs.get_mut(&name) {
            run.life = Life::Nobody;
            // From now on it is read like every other run.
            let (entry, tail) = catalogue::read(&run.folder, Life::Nobody);
            *run = entry;
            self.tails.insert(name.clone(), tail);
        }
        self.hands.reload.forget();
        let line = match outcome {
            Outcome::Completed => LogLine::info(format!("{name} is complete")),
            Outcome::Stopped { reason } => LogLine::info(format!("{name} stopped: {reason}")),
            Outcome::Failed { message } => LogLine::error(format!("{name} failed: {message}")),
        };
        self.news(News::Logged(line));
        self.news(News::RunEnded(name));
        if let Some(exit) = self.leaving {
            return Flow::Leave(exit);
        }
        self.hands.launcher.ended();
        self.queue()
    }

    fn found(&mut self, entry: RunEntry, tail: RunTail) {
        let name = entry.folder.name();
        // A run that trains here is folded from its events.
        let here = self
            .runs
            .get(&name)
            .is_some_and(|run| run.life == Life::Here);
        if !here {
            self.runs.insert(entry);
            self.tails.insert(name, tail);
        }
    }

    fn grew(&mut self, name: &str) {
        if let (Some(run), Some(tail)) = (self.runs.get_mut(name), self.tails.get_mut(name))
            && run.life != Life::Here
        {
            tail.refresh(&mut run.store);
        }
    }

    fn lives(&mut self, name: &str, life: Life) {
        if let Some(run) = self.runs.get_mut(name)
            && run.life != Life::Here
            && life != Life::Here
        {
            run.life = life;
        }
    }
}

impl Wanted {
    /// What is to be trained, for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Experiment(path) => path.display().to_string(),
            Self::Run(folder) => folder.name(),
        }
    }
}
