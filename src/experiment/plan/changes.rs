//! What changed between two plans of one experiment, while the first is run.

use super::{Plan, Training};
use crate::experiment::controller::Controller;
use crate::experiment::knob::Knob;
use crate::experiment::objective::Loss;
use crate::experiment::schedule::Schedule;

/// What an edited experiment asks of a run that is under way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Knobs of the student's training with another schedule: they can be turned
    /// at once.
    pub knobs: Vec<(String, Schedule)>,
    /// Why knobs of the student's training cannot follow the schedules that they
    /// have now, which were made for another length of training.
    pub refused: Vec<String>,
    /// What only a next run can follow: fields, and first values of knobs that
    /// the controller moves.
    pub later: Vec<String>,
}

impl Changes {
    /// What `edited` has that `running` has not, which stands at the time `now`,
    /// epochs.
    #[must_use]
    pub fn between(running: &Plan, edited: &Plan, now: f64) -> Self {
        let (before, after) = (&running.training, &edited.training);
        let same_method = running.method == edited.method && without_knobs(before, after);
        let fields = [
            ("name", running.name == edited.name),
            ("seed", running.seed == edited.seed),
            ("device", running.device == edited.device),
            ("data", running.data == edited.data),
            ("teacher", running.teacher == edited.teacher),
            (
                "student",
                running.student == edited.student
                    && running.student_weights == edited.student_weights
                    && before.freeze == after.freeze
                    && before.layer_decay == after.layer_decay,
            ),
            ("method", same_method),
            ("augment", before.augment == after.augment),
            ("optimizer", before.optimizer == after.optimizer),
            (
                "epochs",
                before.length().epochs_of_rounds == after.length().epochs_of_rounds,
            ),
            ("metric", before.metric == after.metric),
            ("early_stop", before.early_stop == after.early_stop),
            ("finish", before.finish == after.finish),
            ("batch", before.batch == after.batch),
            ("sampler", before.sampler == after.sampler),
            ("accumulate", before.accumulate == after.accumulate),
            ("precision", before.precision == after.precision),
            ("round", before.round == after.round),
            ("clip", before.clip == after.clip),
            ("ema", before.ema == after.ema),
            (
                "label_smoothing",
                before.label_smoothing == after.label_smoothing,
            ),
            ("class_weights", before.class_weights == after.class_weights),
            ("truth_loss", before.truth_loss == after.truth_loss),
            ("log_every", before.log_every == after.log_every),
            (
                "checkpoint_every",
                before.checkpoint_every == after.checkpoint_every,
            ),
            ("export", running.export == edited.export),
            ("gates", running.gates == edited.gates),
        ];
        let others = fields.into_iter().filter(|(_, same)| !same);
        let mut changes = Self {
            knobs: Vec::new(),
            refused: Vec::new(),
            later: others.map(|(name, _)| name.to_owned()).collect(),
        };
        // Another method has other knobs, save the learning rate.
        let shared = if same_method { usize::MAX } else { 1 };
        let pairs = before.knobs().zip(after.knobs()).take(shared);
        for (_, knob) in pairs.filter(|(old, new)| old.schedule != new.schedule) {
            let controller = after.objective.controller.as_ref();
            changes.knob(knob, controller, (now, f64::from(before.epochs)));
        }
        changes
    }

    fn knob(&mut self, knob: &Knob, controller: Option<&Controller>, (now, end): (f64, f64)) {
        let problems = knob.problems(&knob.schedule, now, end);
        let name = knob.name.as_str();
        if controller.is_some_and(|controller| controller.knobs().contains(&name)) {
            self.later.push(format!("the first {name}"));
        } else if let Some(problem) = problems.first() {
            self.refused.push(format!("{name}: {problem}"));
        } else {
            self.knobs.push((name.to_owned(), knob.schedule.clone()));
        }
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.knobs.is_empty() && self.refused.is_empty() && self.later.is_empty()
    }
}

/// Whether two objectives differ in the schedules of their knobs at most.
fn without_knobs(before: &Training, after: &Training) -> bool {
    let mut objective = after.objective.clone();
    let knobs = &before.objective.knobs;
    let same = objective.knobs.len() == knobs.len();
    // Which stages are compared follows from what is written and from the networks.
    for (new, old) in objective.terms.iter_mut().zip(&before.objective.terms) {
        if let Loss::Features { pairs, .. } = &mut new.loss {
            *pairs = old.loss.pairs().to_vec();
        }
    }
    for (new, old) in objective.knobs.iter_mut().zip(knobs) {
        new.schedule = old.schedule.clone();
    }
    same && objective == before.objective
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::plan::TeacherStages;
    use crate::experiment::{Override, architecture, load_text};

    const TEXT: &str = "(
        data: (train: Shapes(count: 200, size: 16)),
        teacher: (model: Cnn(channels: [8, 16]), weights: Train(epochs: 2, lr: Constant(0.1))),
        student: (model: Cnn(channels: [4, 8])),
        method: AdaptiveAugmentation(update: Feedback()),
        lr: Constant(0.1),
        epochs: 5,
        batch: 32,
    )";

    fn changes(settings: &[&str]) -> Changes {
        let plan = |settings: &[&str]| {
            let settings: Vec<Override> = settings
                .iter()
                .map(|setting| Override::parse(setting).unwrap())
                .collect();
            load_text(TEXT, Path::new("a.ron"), &settings).unwrap().plan
        };
        Changes::between(&plan(&[]), &plan(settings), 0.0)
    }

    #[test]
    fn the_same_experiment_changes_nothing() {
        assert!(changes(&[]).is_empty());
    }

    #[test]
    fn knobs_are_turned_at_once_and_the_rest_waits_for_the_next_run() {
        let changes = changes(&[
            "lr=Constant(0.05)",
            "knobs.temperature=Linear(from: 4.0, to: 1.0)",
            "epochs=6",
            "data.train.count=300",
        ]);
        let knobs: Vec<&str> = changes
            .knobs
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(knobs, ["lr", "temperature"]);
        assert_eq!(changes.knobs[0].1, Schedule::Constant(0.05));
        // p2 comes from the number of rounds by formula.
        assert_eq!(changes.later, ["data", "epochs", "the first p2"]);
    }

    #[test]
    fn what_the_controller_moves_and_its_rule_wait_for_the_next_run() {
        let weight = changes(&["method.w=0.5"]);
        assert_eq!(weight.later, ["the first w"]);
        assert!(weight.knobs.is_empty(), "{weight:?}");
        let rule = changes(&["method.p_max=0.3"]);
        assert_eq!(rule.later, ["method"]);
        assert!(rule.knobs.is_empty(), "{rule:?}");
    }

    #[test]
    fn a_schedule_that_this_run_is_too_short_or_too_long_for_is_refused_with_the_reason() {
        let changes = changes(&["lr=Warmup(epochs: 6, then: Constant(0.1))", "epochs=8"]);
        assert!(changes.knobs.is_empty(), "{changes:?}");
        assert_eq!(changes.later, ["epochs", "the first p2"]);
        assert!(
            changes.refused[0].contains("warmup (6 epochs) covers the whole training (5 epochs)"),
            "{changes:?}"
        );
    }

    #[test]
    fn stages_that_follow_from_the_networks_are_no_change_and_those_that_are_written_are() {
        let plan = |method: &str| {
            let setting = format!("method={method}");
            let settings = [Override::parse(&setting).unwrap()];
            load_text(TEXT, Path::new("a.ron"), &settings).unwrap().plan
        };
        let mut running = plan("Vanilla(features: Hint())");
        let graph = |model| architecture::build(model, (16, 16), 4).unwrap().stages();
        let teacher = running.teacher.as_ref().unwrap().model.as_ref().unwrap();
        let (student, teacher) = (graph(&running.student), graph(teacher));
        let objective = &mut running.training.objective;
        let teacher = TeacherStages::Layout(&teacher);
        objective.settle_stages(&student, teacher).unwrap();
        let changes = |method: &str| Changes::between(&running, &plan(method), 0.0);
        assert!(changes("Vanilla(features: Hint())").is_empty());
        let knob = changes("Vanilla(features: Hint(w_hint: 7))");
        assert_eq!(knob.knobs, [("w_hint".to_owned(), Schedule::Constant(7.0))]);
        let other = changes("Vanilla(features: Hint(stages: [(\"features.0\", \"features.0\")]))");
        assert_eq!(other.later, ["method"]);
    }

    #[test]
    fn another_method_keeps_the_learning_rate_a_knob() {
        let changes = changes(&["method=Vanilla()", "lr=Constant(0.2)"]);
        assert_eq!(changes.later, ["method"]);
        assert_eq!(changes.knobs.len(), 1);
    }

    #[test]
    fn a_teacher_that_is_trained_is_no_knob() {
        let changes = changes(&["teacher.weights.Train.lr=Constant(0.2)"]);
        assert_eq!(changes.later, ["teacher"]);
        assert!(changes.knobs.is_empty());
    }
}
