//! Time of a training, for speeds and rows of numbers: wall time without pauses, of all
//! processes that led to where it stands.

use std::time::Instant;

/// Counts images and seconds.
#[derive(Debug)]
pub struct Throughput {
    /// Seconds that it had trained when this process began.
    before: f64,
    start: Instant,
    lap: Instant,
    paused: Option<Instant>,
    images: u64,
}

impl Throughput {
    /// A clock that starts now, of a training that has taken so many seconds.
    #[must_use]
    pub fn new(before: f64) -> Self {
        Self {
            before,
            start: Instant::now(),
            lap: Instant::now(),
            paused: None,
            images: 0,
        }
    }

    /// Counts images of a step.
    pub fn count(&mut self, images: usize) {
        self.images += images as u64;
    }

    /// Stands still from now on.
    pub fn pause(&mut self) {
        self.paused.get_or_insert_with(Instant::now);
    }

    /// Goes on, if it stands still.
    pub fn resume(&mut self) {
        if let Some(at) = self.paused.take() {
            let pause = at.elapsed();
            self.start += pause;
            self.lap += pause;
        }
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Seconds that the training has taken.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let now = self.paused.unwrap_or_else(Instant::now);
        self.before + now.duration_since(self.start).as_secs_f64()
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
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pause_is_no_time_of_training() {
        let mut clock = Throughput::new(100.0);
        let all = Instant::now();
        std::thread::sleep(Duration::from_millis(10));
        clock.count(6);
        clock.pause();
        // One that is saved while it stands still has trained no longer.
        let before = clock.seconds();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(clock.seconds(), before);
        clock.resume();
        let trained = clock.seconds() - 100.0;
        let limit = all.elapsed().as_secs_f64() - 0.049;
        assert!(trained >= 0.01 && trained < limit, "{trained} of {limit}");
        assert!(clock.lap() > 6.0 / limit);
    }
}
