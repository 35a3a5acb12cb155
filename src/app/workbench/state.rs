//! What the loop holds: the screen, the runs, what trains here.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::RecommendedWatcher;
use ratatui::Frame;
use ratatui::layout::Size;

use super::effects::{EffectRunner, LoopEffect};
use super::launcher::OpenSession;
use super::mail::Sender;
use super::message::{LaunchedRun, Message};
use super::question::Answers;
use super::{autosave, files, reload};
use crate::app::read_run::read_run;
use crate::app::session::SessionError;
use crate::event::{Outcome, Phase, RunEvent};
use crate::experiment::Report;
use crate::experiment::plan::Plan;
use crate::run::{Ahead, Exit, RunFolder};
use crate::store::{Owner, RunEntry, RunTail, Runs};
use crate::ui::{Effect, LogLine, News, Ui};
use crate::untrusted::Show as _;

/// What the loop does next.
#[derive(Debug, Default, PartialEq)]
pub enum Flow {
    /// Continues.
    #[default]
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
    effects: EffectRunner,
    /// Reports changed experiment files while it is held.
    watcher: Option<RecommendedWatcher>,
    sender: Sender,
    /// Whether something happened to a run that the screen does not know of.
    unseen: bool,
    /// How to end as soon as nothing trains, if it was asked to.
    leaving: Option<Exit>,
    /// What the loop has to do since it was last asked.
    flow: Flow,
}

impl State {
    /// The state before anything happened. `sessions` trains what is launched of
    /// the folder `experiments`.
    pub fn new(
        experiments: PathBuf,
        sessions: Arc<dyn OpenSession>,
        ui: Ui,
        sender: Sender,
    ) -> Self {
        Self {
            ui,
            runs: Runs::new(),
            tails: BTreeMap::new(),
            watcher: watch(&experiments, &sender),
            effects: EffectRunner::new(experiments, sessions, sender.clone()),
            sender,
            unseen: false,
            leaving: None,
            flow: Flow::Go,
        }
    }

    /// The first things that the screen receives.
    pub fn begin(&mut self, size: Size) {
        let resized = crossterm::event::Event::Resize(size.width, size.height);
        self.take_in(Message::Input(resized));
        self.effects.list();
        if let Some(message) = autosave::orphans(&self.effects.experiments) {
            self.log(LogLine::warn(message));
        }
    }

    /// Says what the terminal is like, once it has been asked.
    pub fn on_terminal(&mut self, answers: &Answers) {
        self.ui.set_graphics(answers.graphics);
        if let Some(background) = answers.background {
            self.ui.set_background(background);
        }
    }

    /// Says how many pixels a cell has, after the terminal got another size or
    /// font. Returns whether it is to be cleared.
    pub fn set_cell(&mut self, cell: (u16, u16)) -> bool {
        self.ui.set_cell(cell)
    }

    /// Notifies the screen, once for all that happened, that runs have changed,
    /// and makes the pictures of the next frame ready.
    pub fn settle(&mut self) {
        if std::mem::take(&mut self.unseen) {
            self.notify(News::RunsChanged);
        }
        self.ui.prepare();
    }

    /// Draws everything as it stands.
    pub fn draw(&self, frame: &mut Frame) {
        self.ui.draw(&self.runs, frame);
    }

    /// Takes one message in and executes what the screen then asks for.
    pub fn take_in(&mut self, message: Message) -> Flow {
        match message {
            Message::Input(event) => {
                let effects = self.ui.on_input(event, &self.runs);
                self.execute_all(effects);
            }
            Message::News(news) => {
                self.watch_new_folder(&news);
                self.plan_again(&news);
                self.notify(news);
            }
            Message::Clock(clock) => {
                let effects = self.ui.on_clock(clock);
                self.execute_all(effects);
            }
            Message::Happened(name, events) => self.happened(&name, &events),
            Message::Replanned(path, plan) => self.replanned(&path, plan),
            Message::Waits(ahead) => self.waits(ahead),
            Message::Withdrawn(what) => {
                self.log(LogLine::info(format!("{what}: removed from the queue")));
                self.over();
            }
            Message::Launched(file, Ok(run)) => self.launched(&file, *run),
            Message::Launched(file, Err(error)) => self.refused(&file, &error),
            Message::Ended(name, outcome) => self.ended(&name, &outcome),
            Message::Found(found) => {
                let (entry, tail) = *found;
                self.found(entry, tail);
            }
            Message::Grew(name) => self.grew(&name),
            Message::Results(name, results) => {
                if let Some(run) = self.runs.get_mut(&name) {
                    run.take_results(*results);
                    self.notify(News::RunsChanged);
                }
            }
            Message::Notes(name, read) => {
                if let Some(run) = self.runs.get_mut(&name) {
                    run.take_notes(*read);
                    self.notify(News::RunsChanged);
                }
            }
            Message::Lives(name, owner) => self.lives(&name, owner),
            Message::RunRenamed { from, to } => self.run_renamed(from, to),
            Message::RunRemoved(name) => self.run_removed(&name),
            Message::Trash(entries) => {
                self.runs.set_trash(entries);
                self.unseen = true;
            }
            // Several threads report it.
            Message::Lost if self.leaving.is_some() => {}
            Message::Terminate | Message::Lost => {
                autosave::keep(self.ui.unsaved());
                self.leave(Exit::Interrupted);
            }
        }
        std::mem::take(&mut self.flow)
    }

    /// Watches the folder of experiments once the first of them has made it.
    fn watch_new_folder(&mut self, news: &News) {
        let is_written = matches!(news, News::ExperimentWritten { text: Ok(_), .. });
        if is_written && self.watcher.is_none() {
            self.watcher = files::watch(&self.effects.experiments, self.sender.clone()).ok();
        }
    }

    /// Plans a file again that was saved, here or elsewhere, while something
    /// trains that it could be the experiment of.
    fn plan_again(&self, news: &News) {
        let (News::ExperimentRead {
            path,
            text: Ok(text),
        }
        | News::ExperimentWritten {
            path,
            text: Ok(text),
        }) = news
        else {
            return;
        };
        if self.effects.reload.run().is_some() {
            reload::replan(path.clone(), text.clone(), self.sender.clone());
        }
    }

    fn replanned(&mut self, file: &Path, plan: Result<Box<Plan>, Report>) {
        let reload = &mut self.effects.reload;
        let run = reload.run().and_then(|run| self.runs.get(run));
        let reloaded = reload.changed(file, plan, run.map(|run| &run.store));
        self.effects.follow_file(reloaded, &self.runs);
    }

    fn happened(&mut self, name: &str, events: &[RunEvent]) {
        for event in events {
            self.runs.apply(name, event);
            if let RunEvent::PhaseStarted {
                phase: Phase::Student,
                ..
            } = event
            {
                let reloaded = self.effects.reload.student_began(name);
                self.effects.follow_file(reloaded, &self.runs);
            }
        }
        self.unseen = true;
    }

    fn log(&mut self, line: LogLine) {
        self.notify(News::Logged(line));
    }

    fn notify(&mut self, news: News) {
        let effects = self.ui.on_news(news, &self.runs);
        self.execute_all(effects);
    }

    fn execute_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.execute(effect);
        }
    }

    fn execute(&mut self, effect: Effect) {
        let queued = |state: &Self| {
            let launcher = &state.effects.launcher;
            (launcher.preparing(), launcher.queue())
        };
        let before = queued(self);
        match self.effects.execute(effect, &mut self.runs) {
            None => {}
            Some(LoopEffect::Quit) => self.leave(Exit::Success),
            Some(LoopEffect::Suspend) => self.ask(Flow::Suspend),
            Some(LoopEffect::Copy(text)) => self.ask(Flow::Copy(text)),
            // It is followed anyway; opening it shows it as it stands now.
            Some(LoopEffect::Refresh(name)) => self.grew(&name),
        }
        if queued(self) != before {
            self.show_queue();
        }
    }

    /// Asks something of the loop. Nothing else counts once it ends.
    fn ask(&mut self, flow: Flow) {
        if !matches!(self.flow, Flow::Leave(_)) {
            self.flow = flow;
        }
    }

    /// What a shell shows when this process is stopped: a training stops with it.
    pub fn note_of_suspension(&self) -> &'static str {
        if self.effects.launcher.is_busy() {
            "training stops until `fg` continues the workbench\n"
        } else {
            ""
        }
    }

    /// Saves what trains here, then ends; at once if it is asked again.
    fn leave(&mut self, exit: Exit) {
        if self.leaving.is_some() {
            return self.ask(Flow::Leave(Exit::Interrupted));
        }
        if !self.effects.launcher.is_busy() {
            return self.ask(Flow::Leave(exit));
        }
        self.leaving = Some(exit);
        self.effects.launcher.stop("workbench closed");
        self.log(LogLine::info(
            "saving; the workbench closes when training has stopped",
        ));
    }

    fn waits(&mut self, waits: Option<(String, Ahead)>) {
        if let Some((job, ahead)) = &waits {
            self.log(LogLine::info(format!("{job}: waiting for {ahead}")));
        }
        self.effects.launcher.waits(waits.map(|(_, ahead)| ahead));
        self.show_queue();
    }

    fn launched(&mut self, file: &Path, run: LaunchedRun) {
        let name = run.folder.name();
        // Its files grow already; what they gain arrives as events.
        let mut entry = RunEntry::unfolded(&run.folder, Owner::Here);
        entry.store = run.before;
        self.tails.remove(&name);
        self.runs.insert(entry);
        self.effects.launcher.started();
        self.follow_file(file, &run.folder);
        self.notify(News::RunBegan(name));
        self.show_queue();
    }

    fn refused(&mut self, file: &Path, error: &SessionError) {
        let message = match error {
            SessionError::Report(report) => report.one_line(),
            error => error.to_string(),
        };
        self.log(LogLine::error(format!("{}: {message}", file.shown())));
        self.over();
    }

    /// Follows the experiment file of a run that begins: the one that it was
    /// started from, or, if that was in a run's folder, the one of its name.
    fn follow_file(&mut self, file: &Path, folder: &RunFolder) {
        let name = folder.name();
        let plan = self.runs.get(&name).and_then(|run| run.plan.clone());
        if let Some(plan) = plan {
            let is_frozen = |run: &RunEntry| run.folder.experiment() == file;
            let is_frozen = self.runs.iter().any(|(_, run)| is_frozen(run));
            let file = (!is_frozen).then(|| file.to_owned());
            self.effects.reload.follow(name, file, &plan);
        } else {
            let line = format!(
                "changes of the experiment file are not applied to {name}: its \
                                plan.json is missing"
            );
            self.log(LogLine::warn(line));
        }
    }

    /// Shows the queue as it is now. It is never sent as a message: one from before
    /// another change would arrive after it.
    fn show_queue(&mut self) {
        let launcher = &self.effects.launcher;
        self.notify(News::Queue {
            preparing: launcher.preparing(),
            ahead: launcher.ahead().map(|ahead| ahead.what.clone()),
            waiting: launcher.queue(),
        });
    }

    fn ended(&mut self, name: &str, outcome: &Outcome) {
        if let Some(run) = self.runs.get_mut(name) {
            // From now on it is read like every other run.
            let (entry, tail) = read_run(&run.folder, Owner::None);
            *run = entry;
            self.tails.insert(name.to_owned(), tail);
        }
        self.effects.reload.forget();
        let line = format!("{name} {}", outcome.words());
        self.log(match outcome {
            Outcome::Failed { .. } => LogLine::error(line),
            _ => LogLine::info(line),
        });
        self.notify(News::RunEnded(name.to_owned()));
        self.over();
    }

    /// What was active is over: the workbench ends if it waited for that, else
    /// the next job is prepared.
    fn over(&mut self) {
        if let Some(exit) = self.leaving {
            return self.ask(Flow::Leave(exit));
        }
        self.effects.launcher.ended();
        self.show_queue();
    }

    fn found(&mut self, mut entry: RunEntry, tail: RunTail) {
        let name = entry.folder.name();
        // A run that trains here is folded from its events.
        let here = self
            .runs
            .get(&name)
            .is_some_and(|run| run.owner == Owner::Here);
        if !here {
            // It was read before it ended here, or before it began.
            if entry.owner == Owner::Here {
                entry.owner = Owner::None;
            }
            self.runs.insert(entry);
            self.tails.insert(name, tail);
        }
        self.unseen = true;
    }

    fn grew(&mut self, name: &str) {
        if let (Some(run), Some(tail)) = (self.runs.get_mut(name), self.tails.get_mut(name))
            && run.owner != Owner::Here
        {
            tail.refresh(&mut run.store);
        }
        self.unseen = true;
    }

    /// A run was renamed by another program, or here, which is known already.
    fn run_renamed(&mut self, from: String, to: String) {
        self.tails.remove(&from);
        let Some(run) = self.runs.get(&from) else {
            return;
        };
        let Ok(folder) = RunFolder::at(run.folder.path().with_file_name(&to)) else {
            return self.run_removed(&from);
        };
        self.runs.rename(&from, folder);
        self.notify(News::RunRenamed { from, to });
    }

    fn run_removed(&mut self, name: &str) {
        self.tails.remove(name);
        self.runs.remove(name);
        self.unseen = true;
    }

    fn lives(&mut self, name: &str, owner: Owner) {
        let is_unknown = matches!(&owner, Owner::Elsewhere(holder) if holder.is_unknown());
        if is_unknown && self.effects.launcher.opens(name) {
            return;
        }
        if let Some(run) = self.runs.get_mut(name)
            && run.owner != Owner::Here
            && owner != Owner::Here
        {
            run.owner = owner;
        }
        self.unseen = true;
    }
}

/// Watches the folder of experiments, or says that nobody does.
fn watch(experiments: &Path, sender: &Sender) -> Option<RecommendedWatcher> {
    if !experiments.exists() {
        return None;
    }
    match files::watch(experiments, sender.clone()) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            let line = format!(
                "{} is not watched, changes there are noticed when a file is opened: {error}",
                experiments.shown()
            );
            let _ = sender.send(Message::log(LogLine::warn(line)));
            None
        }
    }
}
