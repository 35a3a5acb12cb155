//! The recorder stands between a trainer and everybody who watches.
//!
//! A thread of its own owns journal and series. Every event is written before
//! it is passed on, so what was shown has been saved; only logged steps are
//! gathered into blocks, for at most a second or until a flush. They are passed
//! on through an unbounded channel, so a stalled screen never slows training.
//! Commands reach the disk before the step that feels them is kept: those of one
//! step together, because thousands may arrive at once.
//! When the disk refuses, the run is asked to stop with the reason: nothing that
//! follows could be resumed or believed.

mod frozen;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::frozen::FrozenFiles;
use super::journal::{Journal, JournalError};
use super::run_store::START;
use super::series::{SeriesError, SeriesWriter};
use crate::event::RunEvent;
use crate::event::channel::{EventSink, JournalMark};
use crate::run::{LockError, LockWatch, RecordMark, RunFolder, RunLock, SealError, StopSignal};
use crate::untrusted::{FileId, Show as _, is_absent};

/// Logged steps wait at most this long in memory, so that other processes see
/// them soon and a crash loses little.
const SERIES_DELAY: Duration = Duration::from_secs(1);

/// Events that wait at most for the disk with a command before them.
const MOST_HELD: usize = 1000;

/// The recorder could not begin, or not continue.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The series.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The run's folder or a file of it was removed or replaced.
    #[error(
        "{} was removed, moved or replaced while the run trained; nothing more is written to it",
        path.shown()
    )]
    Removed {
        /// The folder or the file.
        path: PathBuf,
    },
    /// A file of the run is the one that it was, and not as it was written.
    #[error(
        "{} was changed while the run trained: it was truncated or overwritten; nothing more is \
         written to the run",
        path.shown()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be seen whether they are still there.
    #[error("could not look at {}: {source}", path.shown())]
    Look {
        /// The folder or the file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What notes how far the run is recorded.
    #[error(transparent)]
    Mark(#[from] SealError),
    /// The system gives no thread.
    #[error("could not start the recorder's thread: {0}")]
    Thread(#[source] io::Error),
}

/// A recorder that is at work.
#[derive(Debug)]
pub struct Recording {
    /// Where events go. The recorder ends when all clones are dropped.
    pub handle: RecorderHandle,
    /// Events that are on disk, in order; ends when the recorder does.
    pub events: Receiver<RunEvent>,
    /// Its thread.
    pub recorder: Recorder,
}

/// The recorder's thread.
#[derive(Debug)]
pub struct Recorder {
    thread: JoinHandle<()>,
    failure: Failure,
}

/// Where events go.
#[derive(Debug, Clone)]
pub struct RecorderHandle {
    sender: Sender<Message>,
    failure: Failure,
    /// How far the journal was at the last flush.
    recorded: Arc<Mutex<Option<JournalMark>>>,
}

/// Why events can no longer be kept; set once.
type Failure = Arc<OnceLock<String>>;

#[derive(Debug)]
enum Message {
    Event(Box<RunEvent>),
    /// Everything before is to reach the disk; then the sender learns how far the
    /// journal is.
    Flush(SyncSender<JournalMark>),
}

/// Where events are kept. Tests put a disk that fills up in its place.
trait Archive: Send + 'static {
    fn keep(&mut self, event: &RunEvent) -> Result<(), RecorderError>;
    /// Makes the logged steps readable to others.
    fn publish(&mut self) -> Result<(), RecorderError>;
    /// Waits until everything is on the disk.
    fn sync(&mut self) -> Result<(), RecorderError>;
    /// How far the journal is.
    fn mark(&self) -> JournalMark;
}

impl RecorderError {
    /// Whether what was recorded until now is still where it was.
    fn leaves_the_run(&self) -> bool {
        !matches!(
            self,
            Self::Removed { .. } | Self::Changed { .. } | Self::Lock(LockError::Lost { .. })
        )
    }
}

impl Recorder {
    /// Begins to record into a run's folder, whose lock is held. If the disk
    /// fails later, or the folder is no longer there, `stop` is requested.
    pub fn start(
        folder: &RunFolder,
        lock: &RunLock,
        stop: StopSignal,
    ) -> Result<Recording, RecorderError> {
        Self::start_with(Files::open(folder, lock)?, stop)
    }

    fn start_with(archive: impl Archive, stop: StopSignal) -> Result<Recording, RecorderError> {
        let (sender, messages) = channel();
        let (forward, events) = channel();
        let failure = Failure::default();
        let mut work = Work {
            archive,
            forward,
            stop,
            failure: Arc::clone(&failure),
            held: Vec::new(),
            warned: HashSet::new(),
        };
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || work.run(&messages))
            .map_err(RecorderError::Thread)?;
        Ok(Recording {
            handle: RecorderHandle {
                sender,
                failure: Arc::clone(&failure),
                recorded: Arc::default(),
            },
            events,
            recorder: Self { thread, failure },
        })
    }

    /// Waits until everything is on disk. All handles must be dropped, or this
    /// waits for them.
    ///
    /// # Errors
    /// Why events could not be kept, if they could not.
    pub fn join(self) -> Result<(), String> {
        let Self { thread, failure } = self;
        let ended = thread.join();
        match failure.get() {
            Some(reason) => Err(reason.clone()),
            None => ended.map_err(|_| "the recorder ended unexpectedly".to_owned()),
        }
    }
}

impl EventSink for RecorderHandle {
    fn emit(&self, event: RunEvent) {
        if self.sender.send(Message::Event(Box::new(event))).is_err() {
            self.ended();
        }
    }

    fn flush(&self) {
        let (done, wait) = sync_channel(1);
        let sent = self.sender.send(Message::Flush(done)).is_ok();
        match wait.recv() {
            Ok(mark) if sent => {
                *self.recorded.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
            }
            _ => self.ended(),
        }
    }

    fn recorded(&self) -> Option<JournalMark> {
        *self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }
}

impl RecorderHandle {
    fn ended(&self) {
        self.failure
            .get_or_init(|| "the recorder ended unexpectedly".to_owned());
    }
}

/// What the thread does.
struct Work<A> {
    archive: A,
    forward: Sender<RunEvent>,
    stop: StopSignal,
    failure: Failure,
    /// A command and what followed it: written, and not yet known to be on the disk.
    held: Vec<RunEvent>,
    /// Warnings that were given: what fails at every evaluation is said once.
    warned: HashSet<blake3::Hash>,
}

impl<A: Archive> Work<A> {
    fn run(&mut self, messages: &Receiver<Message>) {
        let mut publish_at: Option<Instant> = None;
        loop {
            let wait = publish_at.map_or(Duration::MAX, |at| {
                at.saturating_duration_since(Instant::now())
            });
            let message = if self.held.is_empty() {
                messages.recv_timeout(wait)
            } else {
                match messages.try_recv() {
                    Err(TryRecvError::Empty) => {
                        self.settle();
                        continue;
                    }
                    Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
                    Ok(message) => Ok(message),
                }
            };
            match message {
                Ok(Message::Event(event)) => {
                    if matches!(*event, RunEvent::StepLogged(_)) {
                        publish_at.get_or_insert_with(|| Instant::now() + SERIES_DELAY);
                    }
                    self.record(*event);
                }
                Ok(Message::Flush(done)) => {
                    self.settle();
                    // The sender may be gone, and nobody else asked.
                    let _ = done.send(self.archive.mark());
                }
                Err(RecvTimeoutError::Timeout) => {
                    publish_at = None;
                    self.attempt(A::publish);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.settle();
                    return;
                }
            }
        }
    }

    /// Does something with the archive, unless it failed before: what is written
    /// after that could be in a place that is somebody else's by now.
    fn attempt(&mut self, work: impl FnOnce(&mut A) -> Result<(), RecorderError>) {
        if self.failure.get().is_none() {
            let done = work(&mut self.archive);
            self.check(done);
        }
    }

    /// Waits until everything is on the disk, and passes on what was held for that.
    fn settle(&mut self) {
        self.attempt(A::sync);
        for event in std::mem::take(&mut self.held) {
            self.pass_on(event);
        }
    }

    fn record(&mut self, event: RunEvent) {
        if let RunEvent::Warned { message } = &event
            && !self.warned.insert(blake3::hash(message.as_bytes()))
        {
            return;
        }
        let is_step = matches!(event, RunEvent::StepLogged(_));
        if self.held.len() >= MOST_HELD || is_step && !self.held.is_empty() {
            self.settle();
        }
        if self.failure.get().is_none() {
            match self.archive.keep(&event) {
                Err(RecorderError::Journal(JournalError::Unstorable { reason })) => {
                    let message = format!("an event was not kept: {reason}");
                    return self.record(RunEvent::Warned { message });
                }
                kept => self.check(kept),
            }
        }
        let is_command = matches!(
            event,
            RunEvent::CommandReceived(_)
                | RunEvent::CommandApplied { .. }
                | RunEvent::CommandRejected { .. }
        );
        if is_command || !self.held.is_empty() {
            self.held.push(event);
        } else {
            self.pass_on(event);
        }
    }

    fn check(&mut self, result: Result<(), RecorderError>) {
        let Err(error) = result else { return };
        let message = if error.leaves_the_run() {
            format!(
                "{error}. Nothing that follows is recorded; the run stops and can be resumed from \
                 its last checkpoint"
            )
        } else {
            format!("{error}. The run stops")
        };
        if self.failure.set(message.clone()).is_ok() {
            self.stop.request(message.clone());
            self.pass_on(RunEvent::Warned { message });
        }
    }

    fn pass_on(&self, event: RunEvent) {
        // Nobody watches any more: recording continues all the same.
        let _ = self.forward.send(event);
    }
}

/// A run's files.
struct Files {
    journal: Journal,
    series: SeriesWriter,
    lock: LockWatch,
    /// What is written to or into, and what it was when it was opened.
    places: [(PathBuf, FileId); 3],
    /// What is not written to, and needed afterwards.
    frozen: FrozenFiles,
    /// The run, what distinguishes it, and how far it was recorded when that was noted
    /// last.
    folder: RunFolder,
    id: Option<String>,
    noted: Option<JournalMark>,
}

impl Files {
    fn open(folder: &RunFolder, lock: &RunLock) -> Result<Self, RecorderError> {
        let path = folder.path();
        let about = std::fs::metadata(path).map_err(|source| RecorderError::Look {
            path: path.to_owned(),
            source,
        })?;
        let journal = Journal::append_to(&folder.journal())?;
        let series = SeriesWriter::append_to(&folder.series())?;
        let places = [
            (path.to_owned(), FileId::of(&about)),
            (folder.journal(), journal.id()?),
            (folder.series(), series.id()?),
        ];
        Ok(Self {
            journal,
            series,
            lock: lock.watch(),
            places,
            frozen: FrozenFiles::of(folder)?,
            folder: folder.clone(),
            id: folder.id(),
            noted: None,
        })
    }

    /// Sees that everything is still where it was and as it was left. A file that
    /// is held open can be written to long after nobody will find it again, and
    /// behind whatever somebody else made of it.
    fn check_places(&self) -> Result<(), RecorderError> {
        for (path, id) in &self.places {
            match id.is_at(path) {
                Ok(true) => {}
                Ok(false) => return Err(RecorderError::Removed { path: path.clone() }),
                Err(source) => {
                    let path = path.clone();
                    return Err(RecorderError::Look { path, source });
                }
            }
        }
        let changed =
            |(path, _): &(PathBuf, FileId)| Err(RecorderError::Changed { path: path.clone() });
        let [_, journal, series] = &self.places;
        if !self.journal.is_whole()? {
            return changed(journal);
        }
        if !self.series.is_whole()? {
            return changed(series);
        }
        Ok(self.lock.check()?)
    }

    /// As [`check_places`](Self::check_places), and that nothing was changed that
    /// has its length all the same: what is read for this takes too long to be
    /// read before each write.
    fn check_everything(&mut self) -> Result<(), RecorderError> {
        self.check_places()?;
        self.frozen.check()?;
        let [_, (journal, _), (series, _)] = &self.places;
        let changed = |path: &PathBuf| Err(RecorderError::Changed { path: path.clone() });
        if !self.journal.reads_back()? {
            return changed(journal);
        }
        if !self.series.reads_back()? {
            return changed(series);
        }
        Ok(())
    }
}

impl Files {
    /// Waits until everything is on the disk, and notes that it is.
    fn settle(&mut self) -> Result<(), RecorderError> {
        self.series.sync()?;
        self.journal.sync()?;
        let mark = self.mark();
        if self.noted != Some(mark) {
            if let Err(error) = self
                .folder
                .write_record_mark(&RecordMark::new(self.id.clone(), mark))
            {
                // A folder that is gone is the reason, not the file that it lacks.
                self.check_places()?;
                return Err(match error {
                    SealError::Io { source, .. } if is_absent(&source) => {
                        let path = self.folder.path().to_owned();
                        RecorderError::Removed { path }
                    }
                    error => error.into(),
                });
            }
            self.noted = Some(mark);
        }
        Ok(())
    }
}

impl Archive for Files {
    fn keep(&mut self, event: &RunEvent) -> Result<(), RecorderError> {
        match event {
            // Gathered for a second, and looked after when it is published.
            RunEvent::StepLogged(row) => {
                if self.series.writes_with(row) {
                    self.check_places()?;
                }
                self.series.push(row.clone())?;
            }
            RunEvent::RunEnded(_) => {
                self.check_everything()?;
                self.journal.append(event)?;
            }
            RunEvent::RunStarted { resumed, .. } => {
                self.check_places()?;
                self.series.rewind(resumed.unwrap_or(START))?;
                self.journal.append(event)?;
                self.settle()?;
            }
            _ => {
                self.check_places()?;
                self.journal.append(event)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), RecorderError> {
        self.check_places()?;
        Ok(self.series.flush()?)
    }

    fn sync(&mut self) -> Result<(), RecorderError> {
        self.check_places()?;
        self.frozen.check()?;
        self.settle()
    }

    fn mark(&self) -> JournalMark {
        self.journal.mark(self.series.mark())
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
