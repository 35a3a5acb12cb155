//! A change of a knob that has not been sent: the knob's future as points that
//! straight lines lead through, and every state it had before.

use crate::experiment::problem::Problem;
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;

use super::board::{KnobNow, Point, Time};

/// Points that stand for a curve.
const CURVE_POINTS: usize = 16;

/// States that can be taken back to.
const UNDO: usize = 200;

/// What additive steps are, as a share of a range from 0 to 1.
const NUDGE: f64 = 0.02;

/// What multiplying steps are.
const FACTOR: f64 = 1.1;

/// Shapes that a future can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Constant,
    Linear,
    Cosine,
    Exponential,
}

impl Shape {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Cosine => "cosine",
            Self::Exponential => "exponential",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Constant => Self::Linear,
            Self::Linear => Self::Cosine,
            Self::Cosine => Self::Exponential,
            Self::Exponential => Self::Constant,
        }
    }
}

/// A knob's future that is being changed.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) knob: String,
    range: Range,
    time: Time,
    points: Vec<Point>,
    /// The selected point; the whole future without one.
    pub(super) selected: Option<usize>,
    /// The shape it was given last.
    pub(super) shape: Option<Shape>,
    /// Where shapes lead.
    target: f64,
    undo: Vec<Vec<Point>>,
}

impl Draft {
    /// The future as it is.
    pub(super) fn new(knob: &KnobNow<'_>, time: Time) -> Self {
        let points = future(&knob.schedule, time, knob.value);
        let last = points.last().map_or(knob.value, |point| point.1);
        Self {
            knob: knob.name.to_owned(),
            range: knob.range,
            time,
            target: if last == knob.value {
                resting(knob.range, knob.value)
            } else {
                last
            },
            points,
            selected: None,
            shape: None,
            undo: Vec::new(),
        }
    }

    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    /// Whether it differs from the future as it was.
    pub(super) fn changed(&self) -> bool {
        !self.undo.is_empty()
    }

    /// What is to be sent.
    pub(super) fn schedule(&self) -> Schedule {
        match self.points.as_slice() {
            [(_, value)] => Schedule::Constant(*value),
            points => Schedule::Piecewise(points.to_vec()),
        }
    }

    /// Why the training would refuse it.
    pub(super) fn problem(&self) -> Option<Problem> {
        let Time { now, end, .. } = self.time;
        let found = self.schedule().problems(&self.knob, self.range, now, end);
        found.into_iter().next()
    }

    /// The bound that the selected point, or one of all, has been moved to; it
    /// goes no further.
    pub(super) fn at_bound(&self) -> Option<String> {
        let moved = match self.selected.and_then(|at| self.points.get(at..=at)) {
            Some(selected) => selected,
            None => &self.points,
        };
        let bounds = [("maximum", self.range.max), ("minimum", self.range.min)];
        let held = |bound: f64| moved.iter().any(|point| point.1 == bound);
        let (word, bound) = bounds.into_iter().find(|(_, bound)| held(*bound))?;
        Some(format!("at its {word}, {bound}"))
    }

    /// Remembers the state before a change.
    pub(super) fn begin(&mut self) {
        if self.undo.len() == UNDO {
            self.undo.remove(0);
        }
        self.undo.push(self.points.clone());
    }

    /// Takes back the last change. Returns whether there was one.
    pub(super) fn undo(&mut self) -> bool {
        let Some(points) = self.undo.pop() else {
            return false;
        };
        self.points = points;
        self.shape = None;
        self.selected = self.selected.filter(|at| *at < self.points.len());
        true
    }

    /// Raises or lowers the selected point, or the whole future.
    ///
    /// # Errors
    /// Why nothing could be moved.
    pub(super) fn nudge(&mut self, up: bool) -> Result<(), String> {
        if self.time.end - self.time.now < 0.5 * self.time.step {
            return Err(format!(
                "training has ended: no steps remain for another {}",
                self.knob
            ));
        }
        let mut points = self.points.clone();
        for (at, point) in points.iter_mut().enumerate() {
            if self.selected.is_none_or(|selected| selected == at) {
                point.1 = nudged(point.1, self.range, up);
            }
        }
        if points == self.points {
            let (word, bound) = if up {
                ("maximum", self.range.max)
            } else {
                ("minimum", self.range.min)
            };
            return Err(format!("{} stays at {bound}, its {word}", self.knob));
        }
        self.begin();
        self.points = points;
        Ok(())
    }

    /// Gives the selected point a value, or the knob from now on.
    pub(super) fn set(&mut self, value: f64) -> Result<(), String> {
        if !self.range.contains(value) {
            return Err(format!(
                "{} cannot be {value}; its range is {} to {}",
                self.knob, self.range.min, self.range.max
            ));
        }
        self.begin();
        match self.selected.and_then(|at| self.points.get_mut(at)) {
            Some(point) => point.1 = value,
            None => self.points = vec![(self.time.now, value)],
        }
        Ok(())
    }

    /// Selects a neighbour; before the first and after the last is the whole.
    pub(super) fn select(&mut self, later: bool) {
        let count = self.points.len();
        self.selected = match (self.selected, later) {
            (None, true) => Some(0),
            (None, false) => count.checked_sub(1),
            (Some(at), true) => Some(at + 1).filter(|at| *at < count),
            (Some(at), false) => at.checked_sub(1),
        };
    }

    /// Puts a point into the middle of the stretch after the selected one; of
    /// the first without one.
    pub(super) fn insert(&mut self) -> Result<(), String> {
        let at = self.selected.unwrap_or(0);
        let Some(&(from, value)) = self.points.get(at) else {
            return Err(format!(
                "training has ended: no steps remain for {}",
                self.knob
            ));
        };
        let (to, next) = self
            .points
            .get(at + 1)
            .copied()
            .unwrap_or((self.time.end, value));
        if to - from < 2.0 * self.time.step {
            return Err("there are no steps between these points".to_owned());
        }
        self.insert_at((from.midpoint(to), value.midpoint(next)));
        Ok(())
    }

    /// Puts a point where a person wants it.
    pub(super) fn insert_at(&mut self, (epoch, value): Point) {
        self.begin();
        let epoch = self
            .on_step(epoch)
            .clamp(self.time.now, self.time.end.max(self.time.now));
        let value = value.clamp(self.range.min, self.range.max);
        let at = self.points.partition_point(|point| point.0 < epoch);
        match self.points.get_mut(at) {
            Some(point) if point.0 - epoch < self.time.step * 0.5 => point.1 = value,
            _ => self.points.insert(at, (epoch, value)),
        }
        self.selected = Some(at);
    }

    /// Removes the selected point.
    pub(super) fn remove(&mut self) -> Result<(), String> {
        let Some(at) = self.selected.filter(|_| self.points.len() > 1) else {
            return Err("select one of several points to remove".to_owned());
        };
        self.begin();
        self.points.remove(at);
        self.selected = Some(at.min(self.points.len() - 1));
        Ok(())
    }

    /// Moves the selected point, between its neighbours. The caller has started
    /// the change.
    pub(super) fn drag(&mut self, (epoch, value): Point) {
        let Some(at) = self.selected.filter(|at| *at < self.points.len()) else {
            return;
        };
        let step = self.time.step;
        let low = at
            .checked_sub(1)
            .map_or(self.time.now, |before| self.points[before].0 + step);
        let high = self
            .points
            .get(at + 1)
            .map_or(self.time.end, |after| after.0 - step);
        let epoch = self.on_step(epoch);
        let epoch = if low <= high {
            epoch.clamp(low, high)
        } else {
            self.points[at].0
        };
        self.points[at] = (epoch, value.clamp(self.range.min, self.range.max));
    }

    /// The next shape, from the value now to where the future led.
    pub(super) fn next_shape(&mut self) -> Shape {
        self.begin();
        let shape = self.shape.map_or(Shape::Linear, Shape::next);
        let value = self.points.first().map_or(self.target, |point| point.1);
        self.points = shaped(shape, value, self.target, self.time);
        self.selected = None;
        self.shape = Some(shape);
        shape
    }

    fn on_step(&self, epoch: f64) -> f64 {
        if self.time.step > 0.0 && epoch.is_finite() {
            (epoch / self.time.step).round() * self.time.step
        } else {
            self.time.now
        }
    }
}

/// A value a little higher or lower: by a fixed amount where values lie between
/// 0 and 1, else by a tenth of itself.
fn nudged(value: f64, range: Range, up: bool) -> f64 {
    let next = if range.max <= 1.0 {
        value + if up { NUDGE } else { -NUDGE }
    } else if value == 0.0 && up {
        0.001
    } else {
        value * if up { FACTOR } else { 1.0 / FACTOR }
    };
    rounded(next).clamp(range.min, range.max)
}

/// Four digits that count.
pub(super) fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// Where a shape leads that has nowhere to lead.
fn resting(range: Range, value: f64) -> f64 {
    if value > range.min.max(1.0) {
        1.0
    } else if value > range.min {
        range.min
    } else {
        range.max.min(1.0)
    }
}

/// A schedule from now on as points.
fn future(schedule: &Schedule, time: Time, value: f64) -> Vec<Point> {
    let Time { now, end, step, .. } = time;
    let at = |epoch: f64| (epoch, rounded(schedule.at(epoch, end)));
    let mut points = vec![(now, value)];
    if end - now < 2.0 * step {
        return points;
    }
    match schedule {
        Schedule::Constant(_) => {}
        Schedule::Piecewise(known) => {
            points.extend(
                known
                    .iter()
                    .filter(|(epoch, _)| *epoch > now && *epoch <= end),
            );
        }
        Schedule::Linear { epochs, .. } => {
            let until = epochs.unwrap_or(end).min(end);
            points.extend((until > now).then(|| at(until)));
        }
        Schedule::Steps { at: milestones, .. } => {
            for milestone in milestones.iter().filter(|m| **m > now && **m <= end) {
                // The last step before it, and the first that feels it.
                points.extend((milestone - step > now).then(|| at(milestone - step)));
                points.push(at(*milestone));
            }
        }
        Schedule::Cosine { .. }
        | Schedule::Exponential { .. }
        | Schedule::Warmup { .. }
        | Schedule::Until { .. } => {
            points.extend(
                (1..=CURVE_POINTS)
                    .map(|index| at(now + (end - now) * index as f64 / CURVE_POINTS as f64)),
            );
        }
    }
    points.dedup_by(|next, point| next.0 <= point.0);
    points
}

fn shaped(shape: Shape, from: f64, to: f64, time: Time) -> Vec<Point> {
    let Time { now, end, step, .. } = time;
    if end - now < 2.0 * step || shape == Shape::Constant {
        return vec![(now, from)];
    }
    if shape == Shape::Linear {
        return vec![(now, from), (end, to)];
    }
    // An exponential never reaches 0; a hundredth is near enough to see it.
    let least = |value: f64, other: f64| {
        if value > 0.0 {
            value
        } else {
            (other / 100.0).max(1e-6)
        }
    };
    let (low, high) = (least(from, to), least(to, from));
    (0..=CURVE_POINTS)
        .map(|index| {
            let passed = index as f64 / CURVE_POINTS as f64;
            let value = match shape {
                Shape::Cosine => {
                    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * passed).cos())
                }
                _ => low * (high / low).powf(passed),
            };
            (now + (end - now) * passed, rounded(value))
        })
        .collect()
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
