//! Schedules: a knob's value as a function of training time.
//!
//! Time is measured in epochs from the start of training and may fall between
//! two whole epochs; a schedule is evaluated before every step. The same type
//! serves the file, the live adjustment and the replay. Whether its values suit
//! a knob is decided in `check`, over the whole time that it is for.

mod check;
mod write;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::format::number;

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
    /// `first` as in a training of `epochs` epochs; `then` begins at its own time 0
    /// after that and has the rest.
    Until {
        /// Duration of the first.
        epochs: f64,
        /// What is followed at first.
        first: Box<Schedule>,
        /// What follows.
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// The value that it starts with, after a warmup.
    #[must_use]
    pub fn start(&self) -> f64 {
        match self {
            Self::Warmup { then, .. } => then.start(),
            Self::Until { first, .. } => first.start(),
            _ => self.at(0.0, 1.0),
        }
    }

    /// The same schedule, which ends at the time `end`, epochs, if it would end with
    /// a training of that length, and holds its last value in a longer one.
    #[must_use]
    pub fn ending_at(&self, end: f64) -> Self {
        match self {
            Self::Linear {
                to, epochs: None, ..
            }
            | Self::Cosine {
                to, epochs: None, ..
            } if end <= 0.0 => Self::Constant(*to),
            Self::Linear {
                from,
                to,
                epochs: None,
            } => Self::Linear {
                from: *from,
                to: *to,
                epochs: Some(end),
            },
            Self::Cosine {
                from,
                to,
                epochs: None,
            } => Self::Cosine {
                from: *from,
                to: *to,
                epochs: Some(end),
            },
            Self::Warmup { epochs, then } => Self::Warmup {
                epochs: *epochs,
                then: Box::new(then.ending_at((end - epochs).max(0.0))),
            },
            Self::Until {
                epochs,
                first,
                then,
            } => Self::Until {
                epochs: *epochs,
                first: first.clone(),
                then: Box::new(then.ending_at((end - epochs).max(0.0))),
            },
            _ => self.clone(),
        }
    }

    /// The same schedule in a training that was to be finished after `planned` epochs, and
    /// ended early: its last epochs, `last` of them, begin at the time `now`. What would
    /// have been held from `planned` on is held at its value now.
    #[must_use]
    pub fn finished_early(&self, planned: f64, now: f64, last: f64) -> Self {
        let Self::Until {
            epochs,
            first,
            then,
        } = self
        else {
            return self.clone();
        };
        if *epochs != planned {
            return self.clone();
        }
        let then = match **then {
            Self::Constant(_) => Self::Constant(first.at(now, planned)),
            _ => then.ending_at(last),
        };
        Self::Until {
            epochs: now,
            first: Box::new(first.ending_at(planned)),
            then: Box::new(then),
        }
    }

    /// The value that it keeps from `epoch` on, however long the training is; none if
    /// it changes after that, or ends with the training.
    #[must_use]
    pub fn settled(&self, epoch: f64) -> Option<f64> {
        let is_settled = match self {
            Self::Constant(_) => true,
            Self::Linear { epochs, .. } | Self::Cosine { epochs, .. } => {
                epochs.is_some_and(|end| end <= epoch)
            }
            Self::Exponential { from, decay } => *from == 0.0 || *decay == 1.0,
            Self::Steps { at, .. } => at.last().is_none_or(|last| *last <= epoch),
            Self::Piecewise(points) => points.last().is_none_or(|last| last.0 <= epoch),
            Self::Warmup { epochs, then } | Self::Until { epochs, then, .. } => {
                let rest = epoch - epochs;
                return then.settled(rest).filter(|_| rest >= 0.0);
            }
        };
        is_settled.then(|| self.at(epoch, epoch))
    }

    /// The value at `epoch` (fractional, from 0) of a training of `epochs`.
    #[must_use]
    pub fn at(&self, epoch: f64, epochs: f64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Linear {
                from,
                to,
                epochs: own,
            } => {
                let t = progress(epoch, own.unwrap_or(epochs));
                between(from + (to - from) * t, *from, *to)
            }
            Self::Cosine {
                from,
                to,
                epochs: own,
            } => {
                let t = progress(epoch, own.unwrap_or(epochs));
                let wave = 0.5 * (1.0 + (std::f64::consts::PI * t).cos());
                between(to + (from - to) * wave, *from, *to)
            }
            Self::Exponential { from, decay } => from * decay.powf(epoch),
            Self::Steps { from, factor, at } => {
                let passed = at.partition_point(|&milestone| milestone <= epoch);
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
            Self::Until {
                epochs: end,
                first,
                then,
            } => {
                if epoch < *end {
                    first.at(epoch, *end)
                } else {
                    then.at(epoch - end, (epochs - end).max(0.0))
                }
            }
        }
    }
}

/// In a few words: `cosine 0.1 to 0 after a warmup of 1 epoch`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Piecewise(points) if points.len() > MOST_POINTS => {
                let ends = [&points[0], &points[points.len() - 1]];
                let [first, last] = ends.map(|(epoch, value)| {
                    format!("{} at epoch {}", number(*value), number(*epoch))
                });
                write!(f, "linear from {first} to {last}, {} points", points.len())
            }
            Self::Warmup { epochs, then } => {
                write!(f, "{then} after a warmup of {}", in_epochs(*epochs, number))
            }
            Self::Until {
                epochs,
                first,
                then,
            } => write!(f, "{first}, from epoch {} on {then}", number(*epochs)),
            _ => f.write_str(&self.describe(number)),
        }
    }
}

fn in_epochs(epochs: f64, number: impl Fn(f64) -> String) -> String {
    let unit = if epochs == 1.0 { "epoch" } else { "epochs" };
    format!("{} {unit}", number(epochs))
}

impl Schedule {
    /// What it does, with all its numbers as `number` writes them.
    #[must_use]
    pub fn describe(&self, number: impl Fn(f64) -> String + Copy) -> String {
        let over = |epochs: &Option<f64>| {
            let over = epochs.map(|epochs| format!(" over {}", in_epochs(epochs, number)));
            over.unwrap_or_default()
        };
        match self {
            Self::Constant(value) => number(*value),
            Self::Linear { from, to, epochs } => {
                format!(
                    "linear {} to {}{}",
                    number(*from),
                    number(*to),
                    over(epochs)
                )
            }
            Self::Cosine { from, to, epochs } => {
                format!(
                    "cosine {} to {}{}",
                    number(*from),
                    number(*to),
                    over(epochs)
                )
            }
            Self::Exponential { from, decay } => {
                format!("{} × {} per epoch", number(*from), number(*decay))
            }
            Self::Steps { from, factor, at } => {
                let at: Vec<String> = at.iter().map(|epoch| number(*epoch)).collect();
                let (from, factor) = (number(*from), number(*factor));
                format!("{from} × {factor} at epoch {}", at.join(", "))
            }
            Self::Piecewise(points) => {
                let points: Vec<String> = points
                    .iter()
                    .map(|(epoch, value)| format!("{} at epoch {}", number(*value), number(*epoch)))
                    .collect();
                format!("linear through {}", points.join(", "))
            }
            Self::Warmup { epochs, then } => format!(
                "{} after a linear warmup from 0 over {}",
                then.describe(number),
                in_epochs(*epochs, number)
            ),
            Self::Until {
                epochs,
                first,
                then,
            } => format!(
                "{}, from epoch {} on {}",
                first.describe(number),
                number(*epochs),
                then.describe(number)
            ),
        }
    }
}

/// Points of a schedule that are listed one by one.
const MOST_POINTS: usize = 4;

/// How much of `duration` has passed at `epoch`, in [0, 1].
fn progress(epoch: f64, duration: f64) -> f64 {
    if duration > 0.0 {
        (epoch / duration).clamp(0.0, 1.0)
    } else {
        1.0
    }
}

/// An interpolated value without the rounding that would lead it past its ends.
/// What is not finite is left as it is.
fn between(value: f64, from: f64, to: f64) -> f64 {
    let (least, most) = (from.min(to), from.max(to));
    if value < least && value.is_finite() {
        least
    } else if value > most && value.is_finite() {
        most
    } else {
        value
    }
}

/// Linear interpolation through ascending `(epoch, value)` points.
fn piecewise(points: &[(f64, f64)], epoch: f64) -> f64 {
    let after = points.partition_point(|&(at, _)| at <= epoch);
    match (after.checked_sub(1).map(|i| points[i]), points.get(after)) {
        (Some((t0, v0)), Some(&(t1, v1))) => {
            between(v0 + (v1 - v0) * (epoch - t0) / (t1 - t0), v0, v1)
        }
        (Some((_, value)), None) | (None, Some(&(_, value))) => value,
        (None, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests;
