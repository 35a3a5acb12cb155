//! Trainings of this process: several are queued, one is active.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::mail::Sender;
use super::message::{LaunchedRun, Message};
use crate::app::panic::caught;
use crate::app::session::{Job, MoreEpochs, ResumeChanges, Session, SessionError};
use crate::event::Position;
use crate::experiment;
use crate::format::plural;
use crate::run::kept::kept_name;
use crate::run::{RunFolder, StopSignal};

/// How long events are gathered before the loop hears of them. The screen is
/// drawn more seldom than this; to wake the loop for every step would take time
/// from the training.
const GATHERED: Duration = Duration::from_millis(40);

/// Something to train.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueuedJob {
    /// An experiment, from its beginning.
    Experiment(PathBuf),
    /// A run, from where it stopped.
    Run(RunFolder),
    /// A run, further than it was.
    Extension(RunFolder, MoreEpochs),
    /// A new run, from a checkpoint that a run kept.
    Fork(RunFolder, Position),
}

impl QueuedJob {
    /// The experiment file that is trained.
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Experiment(path) => path.clone(),
            Self::Run(folder) | Self::Extension(folder, _) | Self::Fork(folder, _) => {
                folder.experiment()
            }
        }
    }

    /// What is trained, for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Experiment(path) => path.display().to_string(),
            Self::Run(folder) => folder.name(),
            Self::Extension(folder, more) => format!(
                "{} + {}",
                folder.name(),
                plural(more.epochs as usize, "epoch", "epochs")
            ),
            Self::Fork(folder, at) => format!("{} from {}", folder.name(), kept_name(*at)),
        }
    }
}

/// How a job becomes a session.
pub trait OpenSession: Send + Sync {
    /// Opens what the job needs and starts to train. May take minutes.
    ///
    /// # Errors
    /// Why it does not train.
    fn open(&self, job: &QueuedJob, stop: StopSignal) -> Result<Session, SessionError>;
}

/// Opens images and models, and trains with tensors.
pub struct EngineSessions {
    /// The folder of runs.
    pub checkpoints: PathBuf,
}

impl OpenSession for EngineSessions {
    fn open(&self, job: &QueuedJob, stop: StopSignal) -> Result<Session, SessionError> {
        let job = match job {
            QueuedJob::Experiment(path) => Job::New {
                loaded: Box::new(experiment::load(path, &[])?),
                device: None,
            },
            QueuedJob::Run(folder) => Job::Resume {
                run: folder.clone(),
                changes: ResumeChanges::default(),
            },
            QueuedJob::Extension(folder, more) => Job::Resume {
                run: folder.clone(),
                changes: ResumeChanges {
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
        let mut session = Session::begin(job, &self.checkpoints, stop)?;
        // The screen shows the curves of earlier processes as well.
        session.before.read_series(&session.folder);
        Ok(session)
    }
}

/// The queue and the training that is active.
pub struct Launcher {
    sessions: Arc<dyn OpenSession>,
    sender: Sender,
    queue: VecDeque<QueuedJob>,
    active: Option<ActiveJob>,
}

/// What is being prepared or trains.
struct ActiveJob {
    file: PathBuf,
    stop: StopSignal,
    /// Whether it trains.
    trains: bool,
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

    /// Experiments that are queued, in order.
    pub fn queue(&self) -> Vec<PathBuf> {
        self.queue.iter().map(QueuedJob::file).collect()
    }

    /// The experiment that is being prepared.
    pub fn preparing(&self) -> Option<PathBuf> {
        let preparing = self.active.as_ref().filter(|job| !job.trains);
        preparing.map(|job| job.file.clone())
    }

    /// Whether something is being prepared or trains.
    pub fn is_busy(&self) -> bool {
        self.active.is_some()
    }

    /// Trains something, after what is queued already.
    pub fn launch(&mut self, job: QueuedJob) {
        self.queue.push_back(job);
        self.next();
    }

    /// Takes an experiment out of the queue.
    pub fn dequeue(&mut self, file: &Path) {
        self.queue.retain(|job| job.file() != file);
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
            job.trains = true;
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
        let Some(job) = self.queue.pop_front() else {
            return;
        };
        let (file, stop) = (job.file(), StopSignal::new());
        self.active = Some(ActiveJob {
            file: file.clone(),
            stop: stop.clone(),
            trains: false,
        });
        let (sessions, sender) = (Arc::clone(&self.sessions), self.sender.clone());
        let work = move || train(&*sessions, &job, stop, &sender);
        // Opening images takes time, and the screen goes on meanwhile.
        let thread = thread::Builder::new().name("launcher".to_owned());
        if let Err(error) = thread.spawn(work) {
            let refused = Err(SessionError::Thread(error));
            let _ = self.sender.send(Message::Launched(file, refused));
        }
    }
}

/// Tells what becomes of a job until it is over.
fn train(sessions: &dyn OpenSession, job: &QueuedJob, stop: StopSignal, sender: &Sender) {
    let opened = caught(|| sessions.open(job, stop))
        .unwrap_or_else(|reason| Err(SessionError::Panicked(reason)));
    let mut session = match opened {
        Ok(session) => session,
        Err(error) => {
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
    while let Ok(first) = events.recv() {
        thread::sleep(GATHERED);
        let gathered = std::iter::once(first).chain(events.try_iter()).collect();
        let _ = sender.send(Message::Happened(name.clone(), gathered));
    }
    let _ = sender.send(Message::Ended(name, end.join()));
}
