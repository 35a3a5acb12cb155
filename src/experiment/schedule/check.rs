//! Whether a schedule suits its knob: over the whole time that it is for, not
//! at its ends alone.
//!
//! Between two corners (its start and end, its milestones and points) a schedule
//! rises, falls or stays, so that what holds at every corner holds at every step,
//! however many steps an epoch has.

use super::Schedule;
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;
use crate::format::exact;

/// A place where a schedule may turn, as far as it lies in the training.
struct Corner {
    /// Time, epochs.
    epoch: f64,
    /// The value there.
    value: f64,
    /// What was written that makes it so, from the schedule's variant on.
    path: String,
}

impl Schedule {
    /// What is wrong with this schedule for `knob`, which lies in `range`, from
    /// the time `now` to the end of a training of `epochs`. Paths start at the
    /// schedule's variant.
    ///
    /// Values past the end of the training are nobody's; they must be numbers in
    /// the right order all the same.
    #[must_use]
    pub fn problems(&self, knob: &str, range: Range, now: f64, epochs: f64) -> Vec<Problem> {
        let problems = self.form_problems();
        if problems.is_empty() {
            self.value_problems(knob, range, now, epochs)
        } else {
            problems
        }
    }

    /// What is wrong with durations, factors, the order of times, and numbers
    /// that are none.
    #[must_use]
    pub fn form_problems(&self) -> Vec<Problem> {
        let mut form = Form::default();
        match self {
            Self::Constant(value) => form.finite("Constant", *value),
            Self::Linear { from, to, epochs } => {
                form.finite("Linear.from", *from);
                form.finite("Linear.to", *to);
                form.duration("Linear.epochs", *epochs);
            }
            Self::Cosine { from, to, epochs } => {
                form.finite("Cosine.from", *from);
                form.finite("Cosine.to", *to);
                form.duration("Cosine.epochs", *epochs);
            }
            Self::Exponential { from, decay } => {
                form.finite("Exponential.from", *from);
                form.positive("Exponential.decay", "factor", *decay);
            }
            Self::Steps { from, factor, at } => {
                form.finite("Steps.from", *from);
                form.positive("Steps.factor", "factor", *factor);
                if !at.is_sorted() || at.iter().any(|time| !time.is_finite()) {
                    form.problems.push(Problem::new(
                        "Steps.at",
                        "milestones are not in ascending order",
                    ));
                }
            }
            Self::Piecewise(points) => form.points(points),
            Self::Warmup { epochs, then } => {
                form.duration("Warmup.epochs", Some(*epochs));
                let below = then.form_problems().into_iter();
                form.problems
                    .extend(below.map(|problem| problem.under("Warmup.then")));
            }
            Self::Until {
                epochs,
                first,
                then,
            } => {
                form.duration("Until.epochs", Some(*epochs));
                for (below, path) in [(first, "Until.first"), (then, "Until.then")] {
                    let below = below.form_problems().into_iter();
                    form.problems
                        .extend(below.map(|problem| problem.under(path)));
                }
            }
        }
        form.problems
    }

    /// The first value of every kind that leaves `range` from `now` to the end of
    /// a training of `epochs`, and warmups that leave nothing of it. The
    /// schedule's form must be right.
    #[must_use]
    pub fn value_problems(&self, knob: &str, range: Range, now: f64, epochs: f64) -> Vec<Problem> {
        // Of no epochs the error is their number.
        if epochs <= 0.0 {
            return Vec::new();
        }
        let mut problems: Vec<Problem> = self.endless_warmup(epochs).into_iter().collect();
        if !problems.is_empty() {
            if let Self::Warmup { epochs: rise, then } = self
                && !matches!(**then, Self::Warmup { .. })
            {
                // What follows, as if it had started.
                problems.extend(self.value_problems(knob, range, now, rise.next_up()));
            }
            return problems;
        }
        let corners = self.corners(epochs);
        // Where it stands now, on its way from the last corner to the next.
        let passed = corners.iter().rev().find(|corner| corner.epoch <= now);
        let here = passed.map(|corner| Corner {
            epoch: now,
            value: self.at(now, epochs),
            path: corner.path.clone(),
        });
        let ahead = corners.iter().filter(|corner| corner.epoch >= now);
        for corner in here.iter().chain(ahead) {
            // A schedule that has left the range stays out of it in most cases.
            let known = problems.last().is_some_and(|last| last.path == corner.path);
            if !known && !range.contains(corner.value) {
                let problem = Problem::new(&*corner.path, self.left(knob, range, corner));
                problems.push(problem.help(self.remedy(range, epochs, &corner.path)));
            }
        }
        problems
    }

    /// The greatest value in a training of `epochs`.
    #[must_use]
    pub fn greatest(&self, epochs: f64) -> f64 {
        let values = self.corners(epochs).into_iter().map(|corner| corner.value);
        values.fold(f64::NEG_INFINITY, f64::max)
    }

    /// `temperature is 0 at epoch 0, below its minimum 0.05`.
    fn left(&self, knob: &str, range: Range, corner: &Corner) -> String {
        let value = corner.value;
        let what = match value {
            _ if value.is_nan() => "not a number".to_owned(),
            _ if value.is_infinite() => "infinite".to_owned(),
            _ => short(value, range),
        };
        let when = match self {
            Self::Constant(_) => String::new(),
            _ => format!(" at epoch {}", shown_time(corner.epoch)),
        };
        let bound = if value < range.min {
            format!(", below its minimum {}", exact(range.min))
        } else if value > range.max {
            format!(", above its maximum {}", exact(range.max))
        } else {
            String::new()
        };
        format!("{knob} is {what}{when}{bound}")
    }

    /// A warmup that takes the whole training, or the whole rest of it.
    fn endless_warmup(&self, epochs: f64) -> Option<Problem> {
        let Self::Warmup { epochs: rise, then } = self else {
            return None;
        };
        if *rise >= epochs {
            let message = format!(
                "warmup ({}) covers the whole training ({})",
                lasting(*rise),
                lasting(epochs)
            );
            return Some(
                Problem::new("Warmup.epochs", message).help("make it shorter than the training"),
            );
        }
        let below = then.endless_warmup(epochs - rise);
        below.map(|problem| problem.under("Warmup.then"))
    }

    /// Every corner of a training of `epochs`, in their order. The last one is
    /// at its end, or nothing changes after it.
    fn corners(&self, epochs: f64) -> Vec<Corner> {
        let corner = |epoch: f64, path: String| {
            let epoch = epoch.clamp(0.0, epochs);
            Corner {
                epoch,
                value: self.at(epoch, epochs),
                path,
            }
        };
        let named = |epoch: f64, path: &str| corner(epoch, path.to_owned());
        match self {
            Self::Constant(_) => vec![named(0.0, "Constant")],
            Self::Linear { epochs: own, .. } => vec![
                named(0.0, "Linear.from"),
                named(own.unwrap_or(epochs), "Linear.to"),
            ],
            Self::Cosine { epochs: own, .. } => vec![
                named(0.0, "Cosine.from"),
                named(own.unwrap_or(epochs), "Cosine.to"),
            ],
            Self::Exponential { .. } => vec![
                named(0.0, "Exponential.from"),
                named(epochs, "Exponential.decay"),
            ],
            Self::Steps { at, .. } => {
                let milestones = at.iter().filter(|at| (0.0..=epochs).contains(*at));
                let after = milestones.map(|at| named(*at, "Steps.factor"));
                std::iter::once(named(0.0, "Steps.from"))
                    .chain(after)
                    .collect()
            }
            Self::Piecewise(points) => {
                // Of the points outside the training the nearest ones count.
                let first = points.partition_point(|(epoch, _)| *epoch <= 0.0);
                let end = points.partition_point(|(epoch, _)| *epoch < epochs);
                let counted = points.iter().enumerate().take(end + 1);
                counted
                    .skip(first.saturating_sub(1))
                    .map(|(index, (epoch, _))| corner(*epoch, format!("Piecewise[{index}]")))
                    .collect()
            }
            Self::Warmup { epochs: rise, then } => {
                let rest = then.corners(epochs - rise).into_iter();
                let after = rest.map(|corner| Corner {
                    epoch: rise + corner.epoch,
                    path: format!("Warmup.then.{}", corner.path),
                    ..corner
                });
                std::iter::once(named(0.0, "Warmup.epochs"))
                    .chain(after)
                    .collect()
            }
            Self::Until {
                epochs: end,
                first,
                then,
            } => {
                let before = first.corners(*end).into_iter().map(|corner| Corner {
                    epoch: corner.epoch.min(epochs),
                    value: match corner.value {
                        value if corner.epoch <= epochs => value,
                        _ => self.at(epochs, epochs),
                    },
                    path: format!("Until.first.{}", corner.path),
                });
                let rest = (*end <= epochs).then(|| then.corners(epochs - end));
                let after = rest.into_iter().flatten().map(|corner| Corner {
                    epoch: end + corner.epoch,
                    path: format!("Until.then.{}", corner.path),
                    ..corner
                });
                before.chain(after).collect()
            }
        }
    }

    /// What to write instead of what stands at `path`.
    fn remedy(&self, range: Range, epochs: f64, path: &str) -> String {
        match self {
            Self::Warmup { epochs: rise, then } => {
                let below = path.strip_prefix("Warmup.then.");
                below.map_or_else(
                    || start_higher(range, *rise, then, epochs),
                    |path| then.remedy(range, epochs - rise, path),
                )
            }
            Self::Until {
                epochs: end,
                first,
                then,
            } => {
                let below = path.strip_prefix("Until.first.");
                let rest = path.strip_prefix("Until.then.").unwrap_or(path);
                below.map_or_else(
                    || then.remedy(range, epochs - end, rest),
                    |path| first.remedy(range, *end, path),
                )
            }
            Self::Exponential { .. } if path == "Exponential.decay" => format!(
                "decay is the factor of every epoch, and there are {}; bring it nearer to 1",
                shown_time(epochs)
            ),
            Self::Steps { .. } if path == "Steps.factor" => {
                "factor is applied at every milestone; bring it nearer to 1, or leave some out"
                    .to_owned()
            }
            _ => {
                let (least, most) = (exact(range.min), exact(range.max));
                format!("write a value from {least} to {most}")
            }
        }
    }
}

/// How a knob that cannot be 0 is warmed up.
fn start_higher(range: Range, rise: f64, then: &Schedule, epochs: f64) -> String {
    let start = exact(range.min);
    let end = exact(then.at(0.0, epochs - rise));
    let rise = exact(rise);
    let line = match then {
        Schedule::Constant(_) => format!("Linear(from: {start}, to: {end}, epochs: {rise})"),
        _ => format!("Piecewise([(0, {start}), ({rise}, {end}), …])"),
    };
    format!("a warmup starts at 0; start higher: {line}")
}

/// A value that left a range, in as many digits as show that it did.
fn short(value: f64, range: Range) -> String {
    let rounded = format!("{value:.5e}").parse().unwrap_or(value);
    exact(if range.contains(rounded) {
        value
    } else {
        rounded
    })
}

/// A time, to a millionth of an epoch.
fn shown_time(epoch: f64) -> String {
    exact((epoch * 1e6).round() / 1e6)
}

fn lasting(epochs: f64) -> String {
    let plural = if epochs == 1.0 { "" } else { "s" };
    format!("{} epoch{plural}", shown_time(epochs))
}

/// What is wrong with what was written, whatever it is for.
#[derive(Default)]
struct Form {
    problems: Vec<Problem>,
}

impl Form {
    fn finite(&mut self, path: &str, value: f64) {
        if !value.is_finite() {
            let message = format!("{value} is not a finite number");
            self.problems.push(Problem::new(path, message));
        }
    }

    fn positive(&mut self, path: &str, what: &str, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            let message = format!("{what} {value} is not positive");
            self.problems.push(Problem::new(path, message));
        }
    }

    fn duration(&mut self, path: &str, epochs: Option<f64>) {
        if let Some(epochs) = epochs {
            self.positive(path, "duration", epochs);
        }
    }

    fn points(&mut self, points: &[(f64, f64)]) {
        let ascending = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if points.is_empty() || !ascending || points.iter().any(|(time, _)| !time.is_finite()) {
            self.problems.push(
                Problem::new(
                    "Piecewise",
                    "needs at least one point, in ascending order of epoch",
                )
                .help("write [(0, 0.1), (10, 0.01)]"),
            );
        }
        for (index, (_, value)) in points.iter().enumerate() {
            self.finite(&format!("Piecewise[{index}]"), *value);
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
