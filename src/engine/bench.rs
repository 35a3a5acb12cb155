//! How long a model takes to answer: batches of made-up images, one after another,
//! each timed alone.
//!
//! The process that measures does nothing else: its threads and the most memory that
//! it had are those of the model.

use std::time::{Duration, Instant};

use super::classify::Classify;
use super::evaluate::{host, image_tensor};
use super::failure::Failure;

/// Answers that are not timed, at least, and for how long: caches fill, clocks rise.
const WARM_UP: (usize, Duration) = (10, Duration::from_millis(500));

/// Times of answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    /// Sorted, seconds.
    times: Vec<f64>,
    batch: usize,
}

impl Timings {
    /// Number of answers.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.times.len()
    }

    /// The time that this share of answers takes at most, milliseconds.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.times.len().saturating_sub(1);
        let at = (share * self.times.len() as f64).ceil() as usize;
        1000.0
            * self
                .times
                .get(at.saturating_sub(1).min(last))
                .unwrap_or(&f64::NAN)
    }

    /// Images a second over all answers.
    #[must_use]
    pub fn images_per_second(&self) -> f64 {
        (self.batch * self.times.len()) as f64 / self.times.iter().sum::<f64>()
    }
}

/// Times so many answers of a model to batches of images of this size.
///
/// # Errors
/// The model fails.
pub fn measure(
    model: &dyn Classify,
    size: (u32, u32),
    batch: usize,
    runs: usize,
) -> Result<Timings, Failure> {
    let values = 3 * size.0 as usize * size.1 as usize * batch;
    let pixels: Vec<f32> = (0..values).map(|at| (at as f32 * 0.37).sin()).collect();
    let answer = || -> Result<f64, Failure> {
        let start = Instant::now();
        let images = image_tensor(&pixels, size, model.device());
        // What was not read from the device may not have been computed.
        host(model.logits(images)?)?;
        Ok(start.elapsed().as_secs_f64())
    };
    let start = Instant::now();
    let (least, long) = WARM_UP;
    for done in 1.. {
        answer()?;
        if done >= least && start.elapsed() >= long {
            break;
        }
    }
    let mut times = (0..runs).map(|_| answer()).collect::<Result<Vec<_>, _>>()?;
    times.sort_by(f64::total_cmp);
    Ok(Timings { times, batch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times = (1..=200).map(|at| f64::from(at) / 1000.0).collect();
        let timings = Timings { times, batch: 4 };
        assert_eq!(timings.runs(), 200);
        assert_eq!(timings.quantile_ms(0.5), 100.0);
        assert_eq!(timings.quantile_ms(0.9), 180.0);
        assert_eq!(timings.quantile_ms(0.99), 198.0);
        let speed = timings.images_per_second();
        assert!((speed - 800.0 / 20.1).abs() < 1e-9, "{speed}");
        let one = Timings {
            times: vec![0.5],
            batch: 1,
        };
        assert_eq!(one.quantile_ms(0.99), 500.0);
    }
}
