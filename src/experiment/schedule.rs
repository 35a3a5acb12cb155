//! Schedules: a knob's value as a function of training time.
//!
//! Time is measured in epochs from the start of training and may fall between
//! two whole epochs; a schedule is evaluated before every step. The same type
//! serves the file, the live adjustment and the replay.

use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::range::Range;

/// A scalar that changes over training. Times are epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// The same value throughout.
    Constant(f64),
    /// A straight line from the start to the end of training, or over the
    /// first `epochs` epochs and constant after them.
    Linear {
        /// Value at time 0.
        from: f64,
        /// Value at the end.
        to: f64,
        /// Duration; the rest of training if absent.
        #[serde(default)]
        epochs: Option<f64>,
    },
    /// Half a cosine wave from `from` to `to` (Loshchilov and Hutter, 2017).
    Cosine {
        /// Value at time 0.
        from: f64,
        /// Value at the end.
        to: f64,
        /// Duration; the rest of training if absent.
        #[serde(default)]
        epochs: Option<f64>,
    },
    /// Multiplies by `decay` every epoch, continuously.
    Exponential {
        /// Value at time 0.
        from: f64,
        /// Factor per epoch, positive.
        decay: f64,
    },
    /// Multiplies by `factor` at each of the given epochs.
    Steps {
        /// Value at time 0.
        from: f64,
        /// Factor at each milestone.
        factor: f64,
        /// Milestones in epochs, ascending.
        at: Vec<f64>,
    },
    /// Straight lines through `(epoch, value)` points, constant outside them.
    Piecewise(Vec<(f64, f64)>),
    /// Rises linearly from 0 to the start of `then` over `epochs` epochs;
    /// `then` begins at its own time 0 after that and has the rest.
    Warmup {
        /// Duration of the rise.
        epochs: f64,
        /// What follows.
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// The value at `epoch` (fractional, from 0) of a training of `epochs`.
    #[must_use]
    pub fn at(&self, epoch: f64, epochs: f64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Linear {
                from,
                to,
                epochs: own,
            } => from + (to - from) * progress(epoch, own.unwrap_or(epochs)),
            Self::Cosine {
                from,
                to,
                epochs: own,
            } => {
                let t = progress(epoch, own.unwrap_or(epochs));
                to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * t).cos())
            }
            Self::Exponential { from, decay } => from * decay.powf(epoch),
            Self::Steps { from, factor, at } => {
                let passed = at.iter().filter(|&&milestone| epoch >= milestone).count();
                from * factor.powf(passed as f64)
            }
            Self::Piecewise(points) => piecewise(points, epoch),
            Self::Warmup { epochs: rise, then } => {
                let rest = (epochs - rise).max(0.0);
                if epoch < *rise {
                    then.at(0.0, rest) * epoch / rise
                } else {
                    then.at(epoch - rise, rest)
                }
            }
        }
    }
}

impl Schedule {
    /// What is wrong with this schedule for a knob of the given range. Paths
    /// start at the schedule's variant.
    #[must_use]
    pub fn problems(&self, range: Range) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut value = |path: &str, value: f64| {
            if !range.contains(value) {
                problems.push(Problem::new(
                    path,
                    format!("{value} is not between {} and {}", range.min, range.max),
                ));
            }
        };
        match self {
            Self::Constant(constant) => value("Constant", *constant),
            Self::Linear { from, to, .. } => {
                value("Linear.from", *from);
                value("Linear.to", *to);
            }
            Self::Cosine { from, to, .. } => {
                value("Cosine.from", *from);
                value("Cosine.to", *to);
            }
            Self::Exponential { from, .. } => value("Exponential.from", *from),
            Self::Steps { from, .. } => value("Steps.from", *from),
            Self::Piecewise(points) => {
                for (i, (_, y)) in points.iter().enumerate() {
                    value(&format!("Piecewise[{i}]"), *y);
                }
            }
            Self::Warmup { .. } => {}
        }
        problems.extend(self.time_problems(range));
        problems
    }

    /// What is wrong with durations, factors and the order of times.
    fn time_problems(&self, range: Range) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut positive = |path: &str, what: &str, value: f64| {
            if !(value > 0.0 && value.is_finite()) {
                problems.push(Problem::new(
                    path,
                    format!("{what} {value} is not positive"),
                ));
            }
        };
        match self {
            Self::Linear {
                epochs: Some(epochs),
                ..
            } => positive("Linear.epochs", "duration", *epochs),
            Self::Cosine {
                epochs: Some(epochs),
                ..
            } => positive("Cosine.epochs", "duration", *epochs),
            Self::Exponential { decay, .. } => positive("Exponential.decay", "factor", *decay),
            Self::Steps { factor, at, .. } => {
                positive("Steps.factor", "factor", *factor);
                if !at.is_sorted() || at.iter().any(|time| !time.is_finite()) {
                    problems.push(Problem::new(
                        "Steps.at",
                        "milestones are not in ascending order",
                    ));
                }
            }
            Self::Piecewise(points) => {
                let ascending = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
                if points.is_empty()
                    || !ascending
                    || points.iter().any(|(time, _)| !time.is_finite())
                {
                    problems.push(
                        Problem::new(
                            "Piecewise",
                            "needs at least one point, in ascending order of epoch",
                        )
                        .help("write [(0, 0.1), (10, 0.01)]"),
                    );
                }
            }
            Self::Warmup { epochs, then } => {
                positive("Warmup.epochs", "duration", *epochs);
                problems.extend(
                    then.problems(range)
                        .into_iter()
                        .map(|p| p.under("Warmup.then")),
                );
            }
            Self::Constant(_) | Self::Linear { .. } | Self::Cosine { .. } => {}
        }
        problems
    }
}

/// How much of `duration` has passed at `epoch`, in [0, 1].
fn progress(epoch: f64, duration: f64) -> f64 {
    if duration > 0.0 {
        (epoch / duration).clamp(0.0, 1.0)
    } else {
        1.0
    }
}

/// Linear interpolation through ascending `(epoch, value)` points.
fn piecewise(points: &[(f64, f64)], epoch: f64) -> f64 {
    let after = points.partition_point(|&(at, _)| at <= epoch);
    match (after.checked_sub(1).map(|i| points[i]), points.get(after)) {
        (Some((t0, v0)), Some(&(t1, v1))) => v0 + (v1 - v0) * (epoch - t0) / (t1 - t0),
        (Some((_, value)), None) | (None, Some(&(_, value))) => value,
        (None, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests;
