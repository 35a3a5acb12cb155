//! Trainings of this process: several wait, one trains.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::mail::Sender;
use super::message::Message;
use crate::app::session::{Job, ResumeChanges, Session, SessionError};
use crate::experiment;
use crate::run::{RunFolder, StopSignal};

/// How long events are gathered before the loop hears of them.
const GATHERED: Duration = Duration::from_millis(40);

/// Something to train.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An experiment, from its beginning.
    Experiment(PathBuf),
    /// A run, from where it stopped.
    Run(RunFolder),
}

impl Wanted {
    /// The experiment file that is trained.
    fn file(&self) -> PathBuf {
        match self {
            Self::Experiment(path) => path.clone(),
            Self::Run(folder) => folder.experiment(),
        }
    }
}

/// The queue and the training that is under way.
pub struct Launcher {
    checkpoints: PathBuf,
    sender: Sender,
    waiting: VecDeque<Wanted>,
    under_way: Option<UnderWay>,
}

/// What is being prepared or trains.
struct UnderWay {
    path: PathBuf,
    stop: StopSignal,
    /// Whether it trains.
    trains: bool,
}

impl Launcher {
    /// Nothing trains and nothing waits.
    pub fn new(checkpoints: &Path, sender: Sender) -> Self {
        Self {
            checkpoints: checkpoints.to_owned(),
            sender,
            waiting: VecDeque::new(),
            under_way: None,
        }
    }

    /// Experiments that wait, in order.
    pub fn queue(&self) -> Vec<PathBuf> {
        self.waiting.iter().map(Wanted::file).collect()
    }

    /// The experiment that is being prepared.
    pub fn preparing(&self) -> Option<PathBuf> {
        let preparing = self.under_way.as_ref().filter(|it| !it.trains);
        preparing.map(|it| it.path.clone())
    }

    /// Whether something is being prepared or trains.
    pub fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Trains something, after what waits already.
    pub fn want(&mut self, wanted: Wanted) {
        self.waiting.push_back(wanted);
        self.next();
    }

    /// Takes an experiment out of the queue.
    pub fn forget(&mut self, path: &Path) {
        self.waiting
            .retain(|wanted| !matches!(wanted, Wanted::Experiment(known) if known == path));
    }

    /// Asks what trains to save and end, and forgets what waits.
    pub fn stop(&mut self, reason: &str) {
        self.waiting.clear();
        if let Some(under_way) = &self.under_way {
            under_way.stop.request(reason);
        }
    }

    /// What was being prepared trains.
    pub fn began(&mut self) {
        if let Some(under_way) = &mut self.under_way {
            under_way.trains = true;
        }
    }

    /// What was under way is over: the next begins.
    pub fn ended(&mut self) {
        self.under_way = None;
        self.next();
    }

    fn next(&mut self) {
        if self.is_busy() {
            return;
        }
        let Some(wanted) = self.waiting.pop_front() else {
            return;
        };
        let stop = StopSignal::new();
        let (sender, checkpoints) = (self.sender.clone(), self.checkpoints.clone());
        let path = wanted.file();
        self.under_way = Some(UnderWay {
            path: path.clone(),
            stop: stop.clone(),
            trains: false,
        });
        let name = path.clone();
        let work = move || {
            let session = begin(&wanted, &checkpoints, stop);
            let _ = sender.send(Message::Launched(name, session.map(Box::new)));
        };
        // Opening images takes time; the screen goes on.
        if let Err(error) = thread::Builder::new()
            .name("launcher".to_owned())
            .spawn(work)
        {
            let failed = Err(SessionError::Thread(error));
            let _ = self.sender.send(Message::Launched(path, failed));
        }
    }
}

fn begin(wanted: &Wanted, checkpoints: &Path, stop: StopSignal) -> Result<Session, SessionError> {
    let job = match wanted {
        Wanted::Experiment(path) => Job::New {
            loaded: Box::new(experiment::load(path, &[])?),
            device: None,
        },
        Wanted::Run(folder) => Job::Resume {
            run: folder.clone(),
            changes: ResumeChanges::default(),
        },
    };
    let mut session = Session::begin(job, checkpoints, stop)?;
    // The screen shows the curves of earlier processes as well.
    session.before.read_series(&session.folder);
    Ok(session)
}

/// Hands on what happens in a session until it is over.
pub fn follow(session: Session, sender: Sender) -> std::io::Result<()> {
    let name = session.folder.name();
    let (events, end) = session.into_parts();
    thread::Builder::new()
        .name("events".to_owned())
        .spawn(move || {
            while let Ok(first) = events.recv() {
                // The screen is drawn more seldom than this; to wake the loop for
                // every step would take time from the training.
                thread::sleep(GATHERED);
                let gathered = std::iter::once(first).chain(events.try_iter()).collect();
                let _ = sender.send(Message::Happened(name.clone(), gathered));
            }
            let _ = sender.send(Message::Ended(name, end.join()));
        })?;
    Ok(())
}
