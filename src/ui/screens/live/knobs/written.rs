//! A knob as it is written back into the experiment file: what it did in this
//! run so far and will do, as one schedule that a next run can follow.

use super::board::KnobNow;
use super::edit::{Point, rounded};
use crate::event::Phase;
use crate::experiment::schedule::Schedule;

/// How far a point may lie from the line that stands for it, as a share of what
/// the knob went through.
const TOLERANCE: f64 = 0.005;

/// The field of a knob in an experiment file.
///
/// # Errors
/// Why it has none.
pub(super) fn field(phase: Phase, knob: &str) -> Result<String, String> {
    match (phase, knob) {
        (Phase::Student, "lr") => Ok("lr".to_owned()),
        (Phase::Student, knob) => Ok(format!("knobs.{knob}")),
        (Phase::Teacher, "lr") => Ok("teacher.weights.Train.lr".to_owned()),
        (Phase::Teacher, knob) => Err(format!(
            "an experiment has no schedule for the teacher's {knob}; change teacher.weights by hand"
        )),
    }
}

/// A schedule that goes through `past`, the knob's logged `(epoch, value)`, and
/// then does what the knob's own will.
pub(super) fn schedule(
    past: impl Iterator<Item = Point>,
    knob: &KnobNow<'_>,
    future: &[Point],
) -> Schedule {
    let all: Vec<Point> = past.collect();
    let (low, high) = all
        .iter()
        .chain(future)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
            (low.min(point.1), high.max(point.1))
        });
    let mut points = simplified(&all, (high - low) * TOLERANCE);
    let now = future.first().map_or(f64::INFINITY, |point| point.0);
    points.retain(|point| point.0 < now);
    points.extend(future);
    for point in &mut points {
        *point = (
            rounded_epoch(point.0),
            rounded(point.1).clamp(knob.range.min, knob.range.max),
        );
    }
    points.dedup_by(|next, point| next.0 <= point.0);
    match points.as_slice() {
        [] => Schedule::Constant(knob.value),
        [(_, first), rest @ ..] if rest.iter().all(|point| point.1 == *first) => {
            Schedule::Constant(*first)
        }
        _ => Schedule::Piecewise(points),
    }
}

/// Six digits behind the point: less than a step of any training.
fn rounded_epoch(epoch: f64) -> f64 {
    (epoch * 1e6).round() / 1e6
}

/// Few of the points, such that lines through them pass all others within the
/// tolerance: from each kept point on, the slopes that pass all points narrow
/// until none is left (swinging door).
fn simplified(points: &[Point], tolerance: f64) -> Vec<Point> {
    let mut kept: Vec<Point> = points.first().copied().into_iter().collect();
    let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
    for pair in points.windows(2) {
        let (before, next) = (pair[0], pair[1]);
        let anchor = kept.last().copied().unwrap_or(before);
        let slope = |from: Point, value: f64| (value - from.1) / (next.0 - from.0);
        let direct = slope(anchor, next.1);
        if direct < least || direct > most {
            kept.push(before);
            (least, most) = (f64::NEG_INFINITY, f64::INFINITY);
        }
        let anchor = kept.last().copied().unwrap_or(before);
        least = least.max(slope(anchor, next.1 - tolerance));
        most = most.min(slope(anchor, next.1 + tolerance));
    }
    kept.extend(points.last().filter(|last| kept.last() != Some(last)));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::knob::Range;
    use crate::ui::screens::live::knobs::board::Role;

    #[test]
    fn what_is_written_does_what_the_run_did_and_will() {
        let did = |epoch: f64| {
            if epoch < 3.0 {
                0.1
            } else {
                0.1 - 0.02 * (epoch - 3.0)
            }
        };
        let past = (0..600).map(|step| (f64::from(step) * 0.01, did(f64::from(step) * 0.01)));
        let knob = KnobNow {
            name: "lr",
            range: Range::LEARNING_RATE,
            value: 0.04,
            schedule: Schedule::Constant(0.04),
            adjusted: true,
            role: Role::Free,
            request: None,
        };
        let written = schedule(past, &knob, &[(6.0, 0.04), (10.0, 0.0)]);
        let Schedule::Piecewise(points) = &written else {
            panic!("{written:?}");
        };
        assert!(points.len() < 8, "{points:?}");
        for step in 0..600 {
            let epoch = f64::from(step) * 0.01;
            assert!(
                (written.at(epoch, 10.0) - did(epoch)).abs() < 0.001,
                "{epoch}"
            );
        }
        assert!((written.at(8.0, 10.0) - 0.02).abs() < 1e-9);
        assert!(written.problems(Range::LEARNING_RATE).is_empty());
    }

    #[test]
    fn the_place_of_a_knob_is_that_of_its_training() {
        assert_eq!(
            field(Phase::Student, "temperature").unwrap(),
            "knobs.temperature"
        );
        assert_eq!(
            field(Phase::Teacher, "lr").unwrap(),
            "teacher.weights.Train.lr"
        );
        assert!(field(Phase::Teacher, "p1").is_err());
    }
}
