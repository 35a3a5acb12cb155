//! A knob as it is written back into the experiment file: what it did in this
//! run so far and will do, as one schedule that a next run can follow. A change
//! while it trained is a step: two points, one step of the training apart.

use super::View;
use super::board::{Board, KnobNow, Point, Role};
use super::edit::{Draft, rounded};
use crate::event::Phase;
use crate::experiment::controller::AdaptiveAugmentationRule;
use crate::experiment::method::AdaptiveAugmentation;
use crate::experiment::schedule::Schedule;
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;

/// How far a point may lie from the line that stands for it, as a share of what
/// the knob went through.
const TOLERANCE: f64 = 0.005;

/// What is asked to write a knob into the experiment file: what it did and will
/// do; and what one should know of it.
///
/// # Errors
/// Why there is nothing to write, or no place for it.
pub(super) fn asked(
    knob: &KnobNow<'_>,
    future: &Draft,
    board: Board<'_>,
    view: &View<'_>,
) -> Result<(Effect, Option<String>), LogLine> {
    if matches!(knob.role, Role::Controlled | Role::Follows) {
        return Err(LogLine::error(format!(
            "the controller sets {}; change its initial value in the method",
            knob.name
        )));
    }
    if future.changed() {
        return Err(LogLine::error(format!(
            "send or undo the pending change of {} first: this run has not received it",
            knob.name
        )));
    }
    if !knob.adjusted {
        return Err(LogLine::info(format!(
            "{} equals the experiment's value; change it first",
            knob.name
        )));
    }
    let table = view.entry.store.table(view.phase);
    let series = table.series(&format!("knob/{}", knob.name));
    let logged = series.into_iter().flat_map(|series| {
        let points = series
            .epochs
            .iter()
            .copied()
            .zip(series.values.iter().copied());
        points.filter(|(epoch, value)| epoch.is_finite() && value.is_finite())
    });
    let changes = board.changes(view.phase, knob.name);
    let schedule = schedule(logged, &changes, knob, future.points());
    let end = board.time(view.phase);
    let end = end.map_or(0.0, |time| time.end);
    if let Some(problem) = schedule.problems(knob.name, knob.range, 0.0, end).first() {
        let message = format!("{} cannot be written: {problem}", knob.name);
        return Err(LogLine::error(message));
    }
    let (settings, note) = settings(view.phase, knob, &schedule, board).map_err(LogLine::error)?;
    let run = view.run.to_owned();
    Ok((Effect::WriteKnob { run, settings }, note))
}

/// The changes of an experiment file that let a knob follow a schedule, and
/// what one should know of them.
///
/// # Errors
/// Why the file has no place for it.
fn settings(
    phase: Phase,
    knob: &KnobNow<'_>,
    schedule: &Schedule,
    board: Board<'_>,
) -> Result<(Vec<String>, Option<String>), String> {
    let written = in_ron(schedule)?;
    match (phase, knob.name, knob.role) {
        (Phase::Student, "lr", _) => {
            let mut settings = vec![format!("lr={written}")];
            let note = board.shared_lr().map(|teachers| {
                // Another learning rate would be another teacher, trained anew.
                let teachers = in_ron(teachers)?;
                settings.push(format!("teacher.weights.Train.lr={teachers}"));
                Ok::<_, String>(
                    "the teacher had the same lr and keeps it: its own lr is written too"
                        .to_owned(),
                )
            });
            Ok((settings, note.transpose()?))
        }
        (Phase::Student, name, Role::ByHand) => by_hand(name, schedule, &written, board),
        (Phase::Student, name, _) => Ok((vec![format!("knobs.{name}={written}")], None)),
        (Phase::Teacher, "lr", _) => {
            Ok((vec![format!("teacher.weights.Train.lr={written}")], None))
        }
        (Phase::Teacher, name, _) => Err(format!(
            "an experiment has no schedule for the teacher's {name}; edit teacher.weights"
        )),
    }
}

/// The changes for a knob that was taken from the controller: the method lets
/// one of its knobs follow a schedule instead of the losses.
fn by_hand(
    knob: &str,
    schedule: &Schedule,
    written: &str,
    board: Board<'_>,
) -> Result<(Vec<String>, Option<String>), String> {
    let rule = board.schedulable_rule();
    let follows = |rule: &AdaptiveAugmentationRule| rule.second.iter().any(|name| name == knob);
    let variant = match rule {
        Some(rule) if rule.first == knob => "P1",
        Some(rule) if rule.weight == knob => "W",
        Some(rule) if follows(rule) => {
            let first = &rule.first;
            return Err(format!(
                "{knob} follows {first} in the next run, too; write {first} instead"
            ));
        }
        _ => {
            return Err(format!(
                "the controller sets {knob} again in the next run; remove the controller from the \
                 method, or choose one without, to give {knob} a schedule"
            ));
        }
    };
    let method = format!("method.{}", AdaptiveAugmentation::NAME);
    let settings = vec![
        format!("{method}.{knob}={:?}", schedule.at(0.0, 0.0)),
        format!("{method}.update=Scheduled({variant}({written}))"),
    ];
    let note = format!(
        "in the next run {knob} follows this schedule at the end of each round, and the \
         controller sets nothing else"
    );
    Ok((settings, Some(note)))
}

/// A schedule as people write it.
fn in_ron(schedule: &Schedule) -> Result<String, String> {
    schedule
        .written()
        .map_err(|error| format!("the schedule cannot be written as RON: {error}"))
}

/// A schedule that goes through `logged`, the knob's logged `(epoch, value)`, jumps
/// where `changes` say so, and then does what the knob's own will.
fn schedule(
    logged: impl Iterator<Item = Point>,
    changes: &[[Point; 2]],
    knob: &KnobNow<'_>,
    future: &[Point],
) -> Schedule {
    let all: Vec<Point> = logged.collect();
    let (low, high) = all
        .iter()
        .chain(future)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
            (low.min(point.1), high.max(point.1))
        });
    let mut points = Vec::new();
    let (mut stretch, mut since) = (Vec::new(), f64::NEG_INFINITY);
    for &[before, after] in changes {
        let logged = all.iter().filter(|it| it.0 > since && it.0 < before.0);
        stretch.extend(logged);
        stretch.extend((before.0 > since && before.0 < after.0).then_some(before));
        points.extend(simplified(&stretch, (high - low) * TOLERANCE));
        (stretch, since) = (vec![after], after.0);
    }
    stretch.extend(all.iter().filter(|it| it.0 > since));
    points.extend(simplified(&stretch, (high - low) * TOLERANCE));
    let now = future.first().map_or(f64::INFINITY, |point| point.0);
    points.retain(|point| point.0 < now);
    points.extend(future);
    for point in &mut points {
        *point = (rounded_epoch(point.0), rounded(point.1));
    }
    points.dedup_by(|next, point| next.0 <= point.0);
    let points = without_idle(&points);
    match points.as_slice() {
        [] => Schedule::Constant(knob.value),
        [(_, first), rest @ ..] if rest.iter().all(|point| point.1 == *first) => {
            Schedule::Constant(*first)
        }
        _ => Schedule::Piecewise(points),
    }
}

/// Without the points that change nothing: those on a level stretch, and those
/// after which the value stays as it is anyway.
fn without_idle(points: &[Point]) -> Vec<Point> {
    let needed = |at: usize| {
        let same = |other: Option<&Point>| other.is_none_or(|other| other.1 == points[at].1);
        let after = points.get(at + 1);
        at == 0 || !same(points.get(at - 1)) || !same(after)
    };
    (0..points.len())
        .filter(|&at| needed(at))
        .map(|at| points[at])
        .collect()
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
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::experiment::range::Range;
    use crate::run::RunFolder;
    use crate::store::RunEntry;
    use crate::store::testing::run_plan;
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
        let logged = (0..600).map(|step| (f64::from(step) * 0.01, did(f64::from(step) * 0.01)));
        let knob = KnobNow {
            name: "lr",
            range: Range::LEARNING_RATE,
            value: 0.04,
            schedule: Schedule::Constant(0.04),
            adjusted: true,
            role: Role::Free,
            request: None,
        };
        let written = schedule(logged, &[], &knob, &[(6.0, 0.04), (10.0, 0.0)]);
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
        assert!(
            written
                .problems("lr", Range::LEARNING_RATE, 0.0, 10.0)
                .is_empty()
        );
    }

    #[test]
    fn each_value_is_held_until_the_next_change() {
        let held = |epoch: f64| if epoch <= 29.0 { 4.0 } else { 3.0 };
        let logged = (0..100).map(|log| (f64::from(log) * 0.47619, held(f64::from(log) * 0.47619)));
        let step = 1.0 / 21.0;
        let change = [(29.0 - step, 4.0), (29.0, 3.0)];
        let knob = knob("temperature", Role::Free);
        let written = schedule(logged, &[change], &knob, &[(50.0, 3.0)]);
        let points = vec![(0.0, 4.0), (28.952_381, 4.0), (29.0, 3.0)];
        assert_eq!(written, Schedule::Piecewise(points));
    }

    const EXPERIMENT: &str = r#"Experiment(
        name: "a",
        data: (train: Shapes(count: 5000)),
        teacher: (model: ResNetCifar(depth: 20), weights: Train(epochs: 2)),
        student: (model: ResNetCifar(depth: 8)),
        method: AdaptiveAugmentation(),
        lr: Warmup(epochs: 1, then: Cosine(from: 0.1, to: 0.0)),
        epochs: 12,
    )"#;

    fn knob(name: &'static str, role: Role) -> KnobNow<'static> {
        KnobNow {
            name,
            range: Range::LEARNING_RATE,
            value: 0.5,
            schedule: Schedule::Constant(0.5),
            adjusted: true,
            role,
            request: None,
        }
    }

    #[test]
    fn a_weight_that_the_controller_leaves_alone_is_a_persons_to_change() {
        let roles = |update: &str| {
            let method = format!("AdaptiveAugmentation(update: {update})");
            let text = EXPERIMENT.replace("AdaptiveAugmentation()", &method);
            let folder = RunFolder::imagined("checkpoints/a");
            let mut entry = RunEntry::new(folder, SystemTime::UNIX_EPOCH);
            entry.plan = Some(Arc::new(run_plan(&text, 40)));
            let knobs = Board::of(&entry).knobs(Phase::Student);
            ["p1", "p2", "w"].map(|name| {
                let knob = knobs.iter().find(|knob| knob.name == name);
                knob.unwrap().role
            })
        };
        let all = [Role::Controlled, Role::Follows, Role::Controlled];
        assert_eq!(roles("Feedback()"), all);
        assert_eq!(roles("Gap(when_underfitting: LowerWeight())"), all);
        let own = [Role::Controlled, Role::Follows, Role::Free];
        assert_eq!(roles("Gap()"), own);
    }

    fn placed(phase: Phase, name: &'static str, role: Role) -> Result<Vec<String>, String> {
        let folder = RunFolder::imagined("checkpoints/a");
        let mut entry = RunEntry::new(folder, SystemTime::UNIX_EPOCH);
        entry.plan = Some(Arc::new(run_plan(EXPERIMENT, 40)));
        let schedule = Schedule::Piecewise(vec![(0.0, 0.5), (3.0, 0.25)]);
        let board = Board::of(&entry);
        let (settings, _) = settings(phase, &knob(name, role), &schedule, board)?;
        for setting in &settings {
            crate::experiment::Override::parse(setting).unwrap();
        }
        Ok(settings)
    }

    #[test]
    fn a_knob_is_written_to_the_place_of_its_training() {
        let temperature = placed(Phase::Student, "temperature", Role::Free).unwrap();
        assert_eq!(
            temperature,
            ["knobs.temperature=Piecewise([(0.0, 0.5), (3.0, 0.25)])"]
        );
        let lr = placed(Phase::Teacher, "lr", Role::Free).unwrap();
        assert!(lr[0].starts_with("teacher.weights.Train.lr="), "{lr:?}");
        assert!(placed(Phase::Teacher, "p1", Role::Free).is_err());
    }

    #[test]
    fn the_teacher_keeps_the_schedule_that_it_had_from_the_student() {
        let lr = placed(Phase::Student, "lr", Role::Free).unwrap();
        assert_eq!(lr.len(), 2);
        assert_eq!(
            lr[1],
            "teacher.weights.Train.lr=Warmup(epochs: 1.0, then: Cosine(from: 0.1, to: 0.0))"
        );
    }

    #[test]
    fn a_knob_taken_from_the_controller_becomes_the_methods_schedule() {
        let p1 = placed(Phase::Student, "p1", Role::ByHand).unwrap();
        assert_eq!(
            p1,
            [
                "method.AdaptiveAugmentation.p1=0.5",
                "method.AdaptiveAugmentation.update=Scheduled(P1(Piecewise([(0.0, 0.5), (3.0, \
                 0.25)])))"
            ]
        );
        assert!(placed(Phase::Student, "p2", Role::ByHand).is_err());
        assert!(placed(Phase::Student, "other", Role::ByHand).is_err());
    }
}
