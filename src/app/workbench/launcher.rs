//! Trainings of this process: several are queued, one is active, and none while
//! another workbench trains in the same folder of runs what was launched before.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use super::mail::Sender;
use super::message::{LaunchedRun, Message};
use crate::app::panic::caught;
use crate::app::session::{Job, Lines, MoreEpochs, ResumeChanges, Session, SessionError};
use crate::event::Position;
use crate::experiment;
use crate::experiment::schedule::Schedule;
use crate::run::kept::kept_name;
use crate::run::{Ahead, Renewal, RunFolder, StopSignal, Ticket};
use crate::ui::LogLine;
use crate::ui::effect::Waiting;

/// How long events are gathered before the loop hears of them. The screen is
/// drawn more seldom than this; to wake the loop for every step would take time
/// from the training.
const GATHERED: Duration = Duration::from_millis(40);

/// How long what waits for another workbench waits before it looks again.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Something to train.
#[derive(Debug, Clone, PartialEq)]
pub enum QueuedJob {
    /// An experiment, from its beginning.
    Experiment(PathBuf),
    /// A run, from where it stopped.
    Run(RunFolder),
    /// A run, further than it was, with these new schedules of knobs.
    Extension(RunFolder, MoreEpochs, Vec<(String, Schedule)>),
    /// A new run, from a checkpoint that a run kept.
    Fork(RunFolder, Position),
}

impl QueuedJob {
    /// The experiment file that is trained.
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Experiment(path) => path.clone(),
            Self::Run(folder) | Self::Extension(folder, ..) | Self::Fork(folder, _) => {
                folder.experiment()
            }
        }
    }

    /// What is trained, as the screen knows it.
    pub fn waiting(&self) -> Waiting {
        match self {
            Self::Experiment(path) => Waiting::Experiment(path.clone()),
            Self::Run(folder) => Waiting::Resume(folder.name()),
            Self::Extension(folder, more, _) => Waiting::Extension(folder.name(), more.epochs),
            Self::Fork(folder, at) => Waiting::Fork(folder.name(), *at),
        }
    }

    /// What is trained, for people.
    pub fn shown(&self) -> String {
        self.waiting().to_string()
    }
}

/// How a job becomes a session.
pub trait OpenSession: Send + Sync {
    /// Opens what the job needs and starts to train. May take minutes, and says so.
    ///
    /// # Errors
    /// Why it does not train.
    fn open(&self, job: &QueuedJob, stop: StopSignal, say: Lines) -> Result<Session, SessionError>;

    /// The folder of runs, which other workbenches may train in, too.
    fn checkpoints(&self) -> &Path;
}

/// Opens images and models, and trains with tensors.
pub struct EngineSessions {
    /// The folder of runs.
    pub checkpoints: PathBuf,
}

impl OpenSession for EngineSessions {
    fn open(&self, job: &QueuedJob, stop: StopSignal, say: Lines) -> Result<Session, SessionError> {
        let job = match job {
            QueuedJob::Experiment(path) => Job::New {
                loaded: Box::new(experiment::load(path, &[])?),
                device: None,
                study: None,
            },
            QueuedJob::Run(folder) => Job::Resume {
                run: folder.clone(),
                changes: ResumeChanges::default(),
            },
            QueuedJob::Extension(folder, more, set) => Job::Resume {
                run: folder.clone(),
                changes: ResumeChanges {
                    set: set.clone(),
                    more: Some(*more),
                    ..ResumeChanges::default()
                },
            },
            QueuedJob::Fork(folder, at) => Job::Fork {
                run: folder.clone(),
                from: Some(kept_name(*at)),
                changes: ResumeChanges::default(),
            },
        };
        let mut session = Session::begin(job, &self.checkpoints, stop, say)?;
        // The screen shows the curves of earlier processes as well.
        session.before.read_series(&session.folder);
        Ok(session)
    }

    fn checkpoints(&self) -> &Path {
        &self.checkpoints
    }
}

/// The queue and the training that is active.
pub struct Launcher {
    sessions: Arc<dyn OpenSession>,
    sender: Sender,
    queue: VecDeque<Queued>,
    active: Option<ActiveJob>,
}

/// A job and its place among those of all workbenches; none where the file system
/// has no locks.
struct Queued {
    job: QueuedJob,
    ticket: Option<Ticket>,
}

/// What waits for another workbench, is being prepared or trains.
struct ActiveJob {
    job: QueuedJob,
    stop: StopSignal,
    stage: Stage,
}

enum Stage {
    /// Another workbench trains this.
    Waits(Ahead),
    Prepares,
    Trains,
}

impl ActiveJob {
    fn waits_for(&self) -> Option<&Ahead> {
        match &self.stage {
            Stage::Waits(ahead) => Some(ahead),
            Stage::Prepares | Stage::Trains => None,
        }
    }
}

impl Launcher {
    /// Nothing trains and nothing is queued.
    pub fn new(sessions: Arc<dyn OpenSession>, sender: Sender) -> Self {
        Self {
            sessions,
            sender,
            queue: VecDeque::new(),
            active: None,
        }
    }

    /// The folder of runs.
    pub fn checkpoints(&self) -> &Path {
        self.sessions.checkpoints()
    }

    /// What is queued, in order; the first may wait for another workbench.
    pub fn queue(&self) -> Vec<Waiting> {
        let first = self.active.iter().filter(|job| job.waits_for().is_some());
        let first = first.map(|active| &active.job);
        let jobs = first.chain(self.queue.iter().map(|queued| &queued.job));
        jobs.map(QueuedJob::waiting).collect()
    }

    /// The experiment that is being prepared.
    pub fn preparing(&self) -> Option<PathBuf> {
        let preparing = self.active.as_ref();
        let preparing = preparing.filter(|job| matches!(job.stage, Stage::Prepares));
        preparing.map(|active| active.job.file())
    }

    /// Whether a run is being opened here to train on: it is locked, and nothing says by
    /// whom before it trains.
    pub fn opens(&self, name: &str) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let opened = match &active.job {
                QueuedJob::Run(folder) | QueuedJob::Extension(folder, ..) => Some(folder),
                QueuedJob::Experiment(_) | QueuedJob::Fork(..) => None,
            };
            matches!(active.stage, Stage::Prepares)
                && opened.is_some_and(|folder| folder.name() == name)
        })
    }

    /// Whether something is being prepared or trains.
    pub fn is_busy(&self) -> bool {
        self.active.is_some()
    }

    /// Trains something, after what is queued already, here or in another workbench.
    ///
    /// # Errors
    /// Why others are not waited for; it trains all the same.
    pub fn launch(&mut self, job: QueuedJob) -> io::Result<()> {
        let ticket = Ticket::take(self.sessions.checkpoints(), &job.shown());
        let (ticket, result) = match ticket {
            Ok(ticket) => {
                if let Some(warning) = ticket.warning() {
                    let line = LogLine::warn(warning);
                    let _ = self.sender.send(Message::log(line));
                }
                (Some(ticket), Ok(()))
            }
            Err(error) => (None, Err(error)),
        };
        self.queue.push_back(Queued { job, ticket });
        self.next();
        result
    }

    /// Takes something out of the queue.
    pub fn dequeue(&mut self, waiting: &Waiting) {
        self.queue.retain(|queued| queued.job.waiting() != *waiting);
        if let Some(active) = &self.active
            && active.job.waiting() == *waiting
            && active.waits_for().is_some()
        {
            active.stop.request("removed from the queue");
        }
    }

    /// What is active waits for what another workbench trains, or no longer.
    pub fn waits(&mut self, ahead: Option<Ahead>) {
        if let Some(job) = &mut self.active {
            job.stage = ahead.map_or(Stage::Prepares, Stage::Waits);
        }
    }

    /// What another workbench trains before anything does here.
    pub fn ahead(&self) -> Option<&Ahead> {
        self.active.as_ref()?.waits_for()
    }

    /// Asks what trains to save and end, and forgets what is queued.
    pub fn stop(&mut self, reason: &str) {
        self.queue.clear();
        if let Some(job) = &self.active {
            job.stop.request(reason);
        }
    }

    /// What was being prepared trains.
    pub fn started(&mut self) {
        if let Some(job) = &mut self.active {
            job.stage = Stage::Trains;
        }
    }

    /// What was active is over: the next is prepared.
    pub fn ended(&mut self) {
        self.active = None;
        self.next();
    }

    fn next(&mut self) {
        if self.is_busy() {
            return;
        }
        let Some(Queued { job, ticket }) = self.queue.pop_front() else {
            return;
        };
        let (file, stop) = (job.file(), StopSignal::new());
        self.active = Some(ActiveJob {
            job: job.clone(),
            stop: stop.clone(),
            stage: Stage::Prepares,
        });
        let (sessions, sender) = (Arc::clone(&self.sessions), self.sender.clone());
        let mut ticket = HeldTicket {
            ticket,
            is_lost: false,
            sender,
        };
        let work = move || {
            if waits_for_its_turn(&job, &mut ticket, &stop) {
                train(&*sessions, &job, stop, ticket);
            }
        };
        // Opening images takes time, and the screen continues meanwhile.
        let thread = thread::Builder::new().name("launcher".to_owned());
        if let Err(error) = thread.spawn(work) {
            let refused = Err(SessionError::Thread(error));
            let _ = self.sender.send(Message::Launched(file, refused));
        }
    }
}

/// The place of a job that is active, and who hears what becomes of it.
struct HeldTicket {
    ticket: Option<Ticket>,
    /// Whether it was reported that others cannot find it.
    is_lost: bool,
    sender: Sender,
}

impl HeldTicket {
    /// Sees that others still find it; `overtaken` is what it means that one was launched
    /// while they did not.
    fn renew(&mut self, overtaken: &str) {
        let Some(ticket) = &mut self.ticket else {
            return;
        };
        let line = match ticket.renew() {
            Ok(Renewal::Kept) => return,
            Ok(Renewal::Restored) => {
                "the queue of trainings was emptied; this one keeps its place".to_owned()
            }
            Ok(Renewal::Behind) => format!(
                "the queue of trainings was emptied, and another was launched meanwhile: {overtaken}"
            ),
            Err(_) if self.is_lost => return,
            Err(error) => {
                self.is_lost = true;
                return self.warn(format!("other workbenches no longer wait: {error}"));
            }
        };
        self.is_lost = false;
        self.warn(line);
    }

    fn warn(&self, line: String) {
        let _ = self.sender.send(Message::log(LogLine::warn(line)));
    }
}

/// Reports on a job until it is over.
fn train(sessions: &dyn OpenSession, job: &QueuedJob, stop: StopSignal, mut ticket: HeldTicket) {
    let sender = ticket.sender.clone();
    let hears = sender.clone();
    let say: Lines = Box::new(move |line| {
        let _ = hears.send(Message::log(LogLine::info(line)));
    });
    let opened = caught(|| sessions.open(job, stop, say))
        .unwrap_or_else(|reason| Err(SessionError::Panicked(reason)));
    let mut session = match opened {
        Ok(session) => session,
        Err(error) => {
            drop(ticket);
            let _ = sender.send(Message::Launched(job.file(), Err(error)));
            return;
        }
    };
    let run = LaunchedRun {
        folder: session.folder.clone(),
        before: std::mem::take(&mut session.before),
    };
    let name = run.folder.name();
    let _ = sender.send(Message::Launched(job.file(), Ok(Box::new(run))));
    let (events, end) = session.into_parts();
    let mut looked = Instant::now();
    loop {
        match events.recv_timeout(BETWEEN_LOOKS) {
            Ok(first) => {
                thread::sleep(GATHERED);
                let gathered = std::iter::once(first).chain(events.try_iter()).collect();
                let _ = sender.send(Message::Happened(name.clone(), gathered));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if looked.elapsed() >= BETWEEN_LOOKS {
            looked = Instant::now();
            ticket.renew("it may train at the same time");
        }
    }
    let outcome = end.join();
    drop(ticket);
    let _ = sender.send(Message::Ended(name, outcome));
}

/// Waits until no other workbench trains what was launched before. Returns whether
/// it is still wanted then.
fn waits_for_its_turn(job: &QueuedJob, held: &mut HeldTicket, stop: &StopSignal) -> bool {
    let mut reported = None;
    while let Some(ahead) = ahead(held) {
        if stop.reason().is_some() {
            let _ = held.sender.send(Message::Withdrawn(job.shown()));
            return false;
        }
        if reported.as_ref() != Some(&ahead) {
            let waits = (job.shown(), ahead.clone());
            let _ = held.sender.send(Message::Waits(Some(waits)));
            reported = Some(ahead);
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    if reported.is_some() {
        let _ = held.sender.send(Message::Waits(None));
    }
    true
}

/// What is to be waited for. A queue that cannot be read keeps nothing from training.
fn ahead(held: &mut HeldTicket) -> Option<Ahead> {
    held.renew("it comes first");
    let found = held.ticket.as_mut()?.ahead();
    found.unwrap_or_else(|error| {
        held.warn(format!("other workbenches are not waited for: {error}"));
        None
    })
}
