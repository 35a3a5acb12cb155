//! How far a classification is.

use std::time::Duration;

use crate::event::inspection::InferenceRequest;

/// Where a classification stands.
#[derive(Debug, Default)]
pub(super) enum Stage {
    /// Nothing was asked.
    #[default]
    Idle,
    /// It was requested; nobody knows yet how many images there are.
    Asked,
    /// Images are classified.
    Running {
        /// How many there are.
        images: usize,
        /// When it began, on the screen's clock.
        began: Duration,
    },
    /// It is over.
    Ended { cancelled: bool, seconds: f64 },
    /// It could not be done, and why.
    Failed(String),
}

/// What was asked last, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) asked: Option<InferenceRequest>,
    /// After how many steps the student's weights that answer were saved.
    pub(super) weights_at: Option<u64>,
    pub(super) stage: Stage,
    /// Whether it was asked to end.
    pub(super) cancelling: bool,
}

/// Numbers of a classification that is under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Progress {
    /// Share that is done, from 0 to 1.
    pub(super) share: f64,
    /// Images a second so far; NaN at first.
    pub(super) rate: f64,
    /// Seconds that are left at this rate; NaN at first.
    pub(super) left: f64,
}

impl Job {
    /// Whether it was requested and has not ended.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Asked | Stage::Running { .. })
    }
}

/// How far `done` of `images` are, `elapsed` after the beginning.
pub(super) fn progress(done: usize, images: usize, elapsed: Duration) -> Progress {
    let rate = if done == 0 || elapsed.is_zero() {
        f64::NAN
    } else {
        done as f64 / elapsed.as_secs_f64()
    };
    Progress {
        share: (done as f64 / images.max(1) as f64).min(1.0),
        rate,
        left: images.saturating_sub(done) as f64 / rate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        let progress = progress(25, 100, Duration::from_secs(5));
        assert_eq!(
            (progress.share, progress.rate, progress.left),
            (0.25, 5.0, 15.0)
        );
    }

    #[test]
    fn at_the_beginning_nobody_knows() {
        for (done, images, seconds) in [(0, 10, 3), (3, 10, 0), (0, 0, 0)] {
            let progress = progress(done, images, Duration::from_secs(seconds));
            assert!(progress.rate.is_nan() && progress.left.is_nan());
            assert!((0.0..=1.0).contains(&progress.share));
        }
    }
}
