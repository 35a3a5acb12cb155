//! Time of one process's training, for speeds and rows of numbers: wall time without
//! pauses.

use std::time::{Duration, Instant};

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

    /// Leaves out a pause that ends now.
    pub fn skip(&mut self, pause: Duration) {
        self.start += pause;
        self.lap += pause;
    }

    /// Seconds since the start, pauses left out.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_no_time_of_training() {
        let mut clock = Throughput::new();
        let all = Instant::now();
        std::thread::sleep(Duration::from_millis(60));
        clock.count(6);
        clock.skip(Duration::from_millis(50));
        let trained = clock.seconds();
        let limit = all.elapsed().as_secs_f64() - 0.049;
        assert!(trained >= 0.01 && trained < limit, "{trained} of {limit}");
        assert!(clock.lap() > 6.0 / limit);
    }
}
