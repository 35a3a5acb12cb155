//! The threads that decode and augment.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::error::DataError;

/// A pool of threads of its own, so that images and tensors don't wait for each
/// other. Cheap to clone; the threads end with the last clone.
#[derive(Debug, Clone)]
pub struct Workers(Arc<ThreadPool>);

/// Work under way in the background.
#[derive(Debug)]
pub(super) struct Started<T>(Receiver<T>);

impl Workers {
    /// Starts threads, at least one.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new(count: usize) -> Result<Self, DataError> {
        ThreadPoolBuilder::new()
            .num_threads(count.max(1))
            .thread_name(|index| format!("images-{index}"))
            // The one who waits notices; ending the process would lose a run.
            .panic_handler(|_| {})
            .build()
            .map(|pool| Self(Arc::new(pool)))
            .map_err(|error| DataError::Workers {
                workers: count,
                reason: error.to_string(),
            })
    }

    /// Number of threads.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Does parallel work on these threads and waits for it.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }

    /// Begins parallel work on these threads and returns at once.
    pub(super) fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Started<T> {
        let (sender, receiver) = sync_channel(1);
        self.0.spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(work());
        });
        Started(receiver)
    }
}

impl<T> Started<T> {
    /// Waits for the result; none if the work panicked.
    pub fn wait(self) -> Option<T> {
        self.0.recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Workers;

    #[test]
    fn work_that_panics_in_the_background_leaves_the_threads_alive() {
        let workers = Workers::new(1).unwrap();
        let lost = workers.start(|| panic!("expected in this test"));
        assert_eq!(lost.wait(), None::<()>);
        assert_eq!(workers.run(|| 2 + 2), 4);
    }

    #[test]
    fn asking_for_no_threads_gives_one() {
        assert_eq!(Workers::new(0).unwrap().count(), 1);
    }
}
