//! Wall time of one process's training, for speeds and rows of numbers.

use std::time::Instant;

/// Counts images and seconds.
#[derive(Debug)]
pub struct Throughput {
    start: Instant,
    lap: Instant,
    images: u64,
}

impl Throughput {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            lap: Instant::now(),
            images: 0,
        }
    }

    /// Counts images of a step.
    pub fn count(&mut self, images: usize) {
        self.images += images as u64;
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Images per second since the last lap; begins a new one.
    pub fn lap(&mut self) -> f64 {
        let seconds = self.lap.elapsed().as_secs_f64().max(f64::EPSILON);
        let images = std::mem::take(&mut self.images);
        self.lap = Instant::now();
        images as f64 / seconds
    }
}
