//! Stopping by value: a request to stop, with its reason, that a training asks
//! about at every step boundary.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};

use super::exit::Exit;

/// A request to stop. Clones share it; once made it can't be taken back, and
/// the first reason is kept.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    reason: Arc<Mutex<Option<String>>>,
    /// Number of the last signal that arrived, 0 before any.
    signal: Arc<AtomicUsize>,
}

/// What came first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited<T> {
    /// A message.
    Message(T),
    /// A request to stop, and why, while no message was there.
    Stopped(String),
    /// The end of the sender.
    Ended,
}

/// How often a request is looked for while nothing comes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Takes the signal handlers back when it is dropped.
#[derive(Debug)]
pub struct SignalGuard {
    handlers: Vec<SigId>,
}

impl StopSignal {
    /// A signal that nobody has given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop. A later request doesn't change the reason.
    pub fn request(&self, reason: impl Into<String>) {
        self.lock().get_or_insert_with(|| reason.into());
    }

    /// Why to stop, if anybody asked.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let mut reason = self.lock();
        if reason.is_none() {
            *reason = describe(self.signal.load(Ordering::Relaxed));
        }
        reason.clone()
    }

    /// Waits for what another thread sends, and for a request to stop.
    #[must_use]
    pub fn wait_for<T>(&self, messages: &Receiver<T>) -> Awaited<T> {
        loop {
            match messages.recv_timeout(BETWEEN_LOOKS) {
                Ok(message) => return Awaited::Message(message),
                Err(RecvTimeoutError::Disconnected) => return Awaited::Ended,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(reason) = self.reason() {
                        return Awaited::Stopped(reason);
                    }
                }
            }
        }
    }

    /// From now on SIGINT (Ctrl+C), SIGTERM and, unless it is ignored as by `nohup`, SIGHUP (a
    /// terminal that was closed) ask to stop, and a file beyond the limit of its size
    /// fails to be written instead of ending the process. The second SIGINT ends
    /// the process at once with exit code 130, even if the training hangs: what
    /// the last checkpoint and the journal hold is safe. SIGTERM is asked as often
    /// as one likes: `timeout` sends it twice, to the process and to its group.
    ///
    /// # Errors
    /// If the system refuses the handlers.
    pub fn on_signals(&self) -> std::io::Result<SignalGuard> {
        let mut guard = SignalGuard {
            handlers: Vec::new(),
        };
        let interrupted = Arc::new(AtomicBool::new(false));
        // In this order: the shutdown looks at the flag before this very signal
        // sets it.
        guard.handlers.push(flag::register_conditional_shutdown(
            SIGINT,
            i32::from(Exit::Interrupted.code()),
            Arc::clone(&interrupted),
        )?);
        guard.handlers.push(flag::register(SIGINT, interrupted)?);
        let nobody = Arc::new(AtomicBool::new(false));
        guard.handlers.push(flag::register(SIGXFSZ, nobody)?);
        let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
            guard.handlers.push(flag::register_usize(
                signal,
                Arc::clone(&self.signal),
                usize::try_from(signal).unwrap_or(usize::MAX),
            )?);
        }
        Ok(guard)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        // The lock is never held over anything that can panic half-way.
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}

/// Whether who started the process had it ignore a signal. Where the system does not say,
/// it counts as ignored.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 << (signal - 1) != 0)
}

fn describe(signal: usize) -> Option<String> {
    match i32::try_from(signal) {
        Ok(0) => None,
        Ok(SIGINT) => Some("interrupted (SIGINT)".to_owned()),
        Ok(SIGTERM) => Some("terminated (SIGTERM)".to_owned()),
        Ok(SIGHUP) => Some("its terminal was closed (SIGHUP)".to_owned()),
        _ => Some(format!("signal {signal}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_is_kept_and_clones_share_it() {
        let stop = StopSignal::new();
        let clone = stop.clone();
        assert_eq!(stop.reason(), None);
        clone.request("disk full");
        stop.request("Ctrl+C");
        assert_eq!(stop.reason().as_deref(), Some("disk full"));
        assert_eq!(clone.reason().as_deref(), Some("disk full"));
    }

    /// SIGTERM only: the flags of two tests that raise would meet.
    #[test]
    fn a_signal_asks_to_stop_and_names_itself() {
        let stop = StopSignal::new();
        let guard = stop.on_signals().unwrap();
        low_level::raise(SIGTERM).unwrap();
        low_level::raise(SIGTERM).unwrap();
        assert_eq!(stop.reason().as_deref(), Some("terminated (SIGTERM)"));
        drop(guard);
    }
}
