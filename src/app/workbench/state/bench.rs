//! The workbench without a terminal and without tensors: effects in, messages
//! through, and trainers that play scripts.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::super::launcher::{OpenSession, QueuedJob};
use super::super::mail::{Mailbox, mailbox};
use super::super::message::Message;
use super::{Flow, State};
use crate::app::session::{Lines, Opened, Session, SessionError};
use crate::event::{Command, RunEvent};
use crate::experiment;
use crate::run::{Exit, RunFolder, StopSignal};
use crate::store::testing::run_plan;
use crate::store::{CommandState, JournalReader, RunEntry, RunState};
use crate::trainer::Trainer;
use crate::trainer::scripted::Scripted;
use crate::ui::theme::{Background, Depth, Palette};
use crate::ui::{Effect, Keymap, Settings, Theme, Ui};

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

const EXPERIMENT: &str = "Experiment(
    name: \"NAME\",
    data: (train: Shapes(count: 40, size: 8)),
    student: (model: Cnn(channels: [2, 4])),
    method: Scratch(),
    lr: Constant(0.1),
    epochs: 2,
)
";

/// How the line begins that is said while a session is opened.
pub(super) const ASKS: &str = "teacher check: ";

/// Opens sessions that play, one script after the other.
pub(super) struct Sessions {
    checkpoints: PathBuf,
    trainers: Mutex<VecDeque<Box<dyn Trainer>>>,
    /// What was opened, or tried to be.
    opened: Mutex<Vec<String>>,
    /// Holding it keeps jobs from being opened.
    pub(super) gate: Mutex<()>,
}

impl OpenSession for Sessions {
    fn open(&self, job: &QueuedJob, stop: StopSignal, say: Lines) -> Result<Session, SessionError> {
        let _open = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.opened.lock().unwrap().push(job.shown());
        say(format!("{ASKS}{}", job.shown()));
        let folder = match job {
            QueuedJob::Experiment(path) => {
                let loaded = experiment::load(path, &[])?;
                let (name, text) = (&loaded.plan.name, loaded.frozen_text());
                let plan = run_plan(text, 10);
                RunFolder::create_planned(&self.checkpoints, name, text, plan, SystemTime::now())?
            }
            QueuedJob::Run(folder) | QueuedJob::Extension(folder, ..) => folder.clone(),
            QueuedJob::Fork(folder, _) => {
                let (plan, text) = (folder.plan()?.unwrap(), folder.experiment_text()?);
                let name = plan.resolved.plan.name.clone();
                let now = SystemTime::now();
                RunFolder::create_planned(&self.checkpoints, &name, &text, plan, now)?
            }
        };
        let trainer = self.trainers.lock().unwrap().pop_front();
        let opened = Opened::without_images(folder)?;
        Session::start(opened, trainer.expect("no script is left"), stop)
    }

    fn checkpoints(&self) -> &Path {
        &self.checkpoints
    }
}

pub(super) struct Bench {
    pub(super) state: State,
    pub(super) sessions: Arc<Sessions>,
    mailbox: Mailbox,
    /// How the workbench was left, if it was.
    pub(super) left: Option<Exit>,
    place: tempfile::TempDir,
}

impl Bench {
    /// A workbench with the experiments `a`, `b` and `c`, whose trainings play
    /// `scripts` in their order.
    pub(super) fn new(scripts: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let experiments = place.path().join("experiments");
        fs::create_dir(&experiments).unwrap();
        for name in ["a", "b", "c"] {
            let text = EXPERIMENT.replace("NAME", name);
            fs::write(experiments.join(format!("{name}.ron")), text).unwrap();
        }
        let sessions = Arc::new(Sessions {
            checkpoints: place.path().join("checkpoints"),
            trainers: Mutex::default(),
            opened: Mutex::default(),
            gate: Mutex::default(),
        });
        let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
        let ui = Ui::new(Settings::default(), Keymap::default(), theme);
        let (sender, mailbox) = mailbox().unwrap();
        let opener: Arc<dyn OpenSession> = sessions.clone();
        let mut state = State::new(experiments, opener, ui, sender);
        state.begin(Size::new(80, 24));
        let bench = Self {
            state,
            sessions,
            mailbox,
            left: None,
            place,
        };
        for script in scripts {
            bench.then_plays(script);
        }
        bench
    }

    /// The next training plays this script.
    pub(super) fn then_plays(&self, script: &str) {
        let script = Scripted::from_ron(&format!("[{script}]")).unwrap();
        self.then_trains(Box::new(script));
    }

    pub(super) fn then_trains(&self, trainer: Box<dyn Trainer>) {
        self.sessions.trainers.lock().unwrap().push_back(trainer);
    }

    /// The file of an experiment.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(format!("experiments/{name}.ron"))
    }

    pub(super) fn launch(&mut self, name: &str) {
        self.ask(Effect::Launch(self.file(name)));
    }

    /// Asks something, as the screen does.
    pub(super) fn ask(&mut self, effect: Effect) {
        self.state.execute(effect);
        let flow = std::mem::take(&mut self.state.flow);
        self.went(&flow);
        self.turn();
    }

    /// Presses a key.
    pub(super) fn key(&mut self, code: KeyCode) {
        let event = Event::Key(KeyEvent::from(code));
        let flow = self.state.take_in(Message::Input(event));
        self.went(&flow);
    }

    pub(super) fn command(&mut self, run: &str, command: Command) {
        let run = run.to_owned();
        self.ask(Effect::Command { run, command });
    }

    pub(super) fn went(&mut self, flow: &Flow) {
        if let Flow::Leave(exit) = flow {
            self.left.get_or_insert(*exit);
        }
    }

    /// Takes in what was sent so far.
    fn turn(&mut self) {
        let messages: Vec<_> = self.mailbox.take().collect();
        for message in messages {
            let flow = self.state.take_in(message);
            self.went(&flow);
        }
        self.state.settle();
    }

    /// Turns the loop until something is so.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            let late = started.elapsed() > PATIENCE;
            assert!(!late, "never: {what}; the log: {:#?}", self.log());
            sleep(Duration::from_millis(2));
            self.turn();
        }
    }

    pub(super) fn until_logged(&mut self, text: &str) {
        self.until(text, |bench| bench.log().iter().any(|it| it.contains(text)));
    }

    /// Turns the loop until a run of this experiment is in this state. Returns
    /// its name.
    pub(super) fn until_run(&mut self, experiment: &str, state: RunState) -> String {
        let what = format!("a run of {experiment} is {}", state.word());
        self.until(&what, |bench| {
            let run = bench.run(experiment);
            run.is_some_and(|run| run.state() == state)
        });
        self.run(experiment).unwrap().folder.name()
    }

    /// Turns the loop until a command of a run has met its fate. Returns it.
    pub(super) fn until_fate(&mut self, experiment: &str, number: usize) -> CommandState {
        let fate = |bench: &Self| {
            let run = bench.run(experiment)?;
            let fate = &run.store.commands.get(number)?.state;
            Some(fate.clone()).filter(|fate| *fate != CommandState::Requested)
        };
        let what = format!("command {number} of {experiment} has a fate");
        self.until(&what, |bench| fate(bench).is_some());
        fate(self).unwrap()
    }

    /// The newest run of an experiment.
    pub(super) fn run(&self, experiment: &str) -> Option<&RunEntry> {
        let mut runs = self.state.runs.iter().map(|(_, run)| run);
        let of = |run: &&RunEntry| {
            let identity = run.store.identity.as_ref();
            identity.is_some_and(|identity| identity.name == experiment)
        };
        runs.rfind(of)
    }

    /// What a run's journal says.
    pub(super) fn journal(&self, experiment: &str) -> Vec<RunEvent> {
        let folder = &self.run(experiment).unwrap().folder;
        JournalReader::new(&folder.journal()).read_all().unwrap()
    }

    /// The files of what was opened, or tried to be, without their folders.
    pub(super) fn opened(&self) -> Vec<String> {
        let opened = self.sessions.opened.lock().unwrap();
        let name = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
        opened.iter().map(name).collect()
    }

    pub(super) fn log(&self) -> Vec<String> {
        let lines = self.state.ui.shared().log.lines();
        lines.map(|line| line.message.clone()).collect()
    }

    /// The screen as text.
    pub(super) fn screen(&self) -> String {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| self.state.draw(frame)).unwrap();
        terminal.backend().to_string()
    }
}
