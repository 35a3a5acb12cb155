//! Which knobs a training has, and what each will do: the frozen experiment's
//! schedule, or what came after it, a turn of a person or a move of the
//! controller.

use std::collections::BTreeMap;
use std::path::Path;

use crate::event::{Command, Phase};
use crate::experiment::controller::{AdaptiveAugmentationRule, Controller};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::method::{ExpansionContext, Method, MethodSpec, Scratch};
use crate::experiment::range::Range;
use crate::experiment::read_spec;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{IterationSpec, Spec, TeacherWeights};
use crate::store::{CommandState, CommandStatus, RunStore};

/// The knobs of a run's trainings as its experiment has them.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// The text that it was read from.
    text: String,
    trainings: BTreeMap<Phase, Training>,
    /// The student's learning rate, where the teacher's training has none of
    /// its own and follows it.
    pub(super) inherited_lr: Option<Schedule>,
    /// Whether the method itself can let a knob of its controller follow a
    /// schedule.
    schedules_controller: bool,
    /// Why the text could not be read.
    pub(super) problem: Option<String>,
}

/// The knobs of one training.
#[derive(Debug)]
struct Training {
    knobs: Vec<Knob>,
    controller: Option<Controller>,
    epochs: f64,
    iteration: IterationSpec,
}

/// Who turns a knob besides a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nobody.
    Free,
    /// The controller, at the end of iterations.
    Controlled,
    /// The controller, by formula from another knob, at the end of every
    /// iteration.
    Follows,
    /// Nobody, since a person took it from the controller.
    ByHand,
}

/// A knob as it stands.
#[derive(Debug, Clone)]
pub(super) struct KnobNow<'a> {
    pub(super) name: &'a str,
    pub(super) range: Range,
    pub(super) value: f64,
    /// What it does from now on, unless a controller moves it.
    pub(super) schedule: Schedule,
    /// Whether a person or a file gave it another schedule than the experiment.
    pub(super) adjusted: bool,
    pub(super) role: Role,
    /// The last request to turn it.
    pub(super) request: Option<&'a CommandStatus>,
}

/// Time of a training, epochs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Time {
    /// Where it stands.
    pub(super) now: f64,
    /// Where it ends.
    pub(super) end: f64,
    /// One step.
    pub(super) step: f64,
    /// The end of the iteration that is under way.
    pub(super) iteration_end: f64,
}

impl Board {
    /// Reads the knobs of a run's frozen experiment, unless it has been read.
    pub(super) fn read(&mut self, text: &str) {
        if self.text == text {
            return;
        }
        *self = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        // The spec alone says what is needed: the images may be gone.
        match read_spec(text, Path::new("experiment.ron")) {
            Ok(spec) => {
                self.trainings = trainings(&spec);
                self.inherited_lr = teacher_inherits(&spec).then(|| spec.lr.clone());
                self.schedules_controller =
                    matches!(spec.method, MethodSpec::AdaptiveAugmentation(_));
            }
            Err(report) => {
                let first = report.diagnostics.first();
                self.problem = first.map(|diagnostic| diagnostic.message.clone());
            }
        }
    }

    /// When a training stands where; none before it has begun.
    pub(super) fn time(&self, store: &RunStore, phase: Phase) -> Option<Time> {
        let state = store.phases.get(&phase)?;
        let per_epoch = state.steps_per_epoch.max(1);
        let completed = store.completed(phase).min(state.steps);
        let per_iteration = match self.trainings.get(&phase).map(|each| each.iteration) {
            Some(IterationSpec::Steps(steps)) => u64::from(steps.max(1)),
            _ => per_epoch,
        };
        let ends = (completed / per_iteration + 1).saturating_mul(per_iteration);
        let epoch = |step: u64| step as f64 / per_epoch as f64;
        let planned = self.trainings.get(&phase).map(|training| training.epochs);
        Some(Time {
            now: epoch(completed),
            end: planned.unwrap_or_else(|| epoch(state.steps)),
            step: epoch(1),
            iteration_end: epoch(ends.min(state.steps)),
        })
    }

    /// Whether a rule moves knobs of a training.
    pub(super) fn has_controller(&self, phase: Phase) -> bool {
        let training = self.trainings.get(&phase);
        training.is_some_and(|training| training.controller.is_some())
    }

    /// What a knob of a training is to it, where it is known.
    pub(super) fn role(&self, phase: Phase, knob: &str) -> Option<KnobRole> {
        let mut knobs = self.trainings.get(&phase)?.knobs.iter();
        knobs.find(|known| known.name == knob).map(|knob| knob.role)
    }

    /// The rule that moves knobs of the student, where the method itself could
    /// let one of them follow a schedule.
    pub(super) fn schedulable_rule(&self) -> Option<&AdaptiveAugmentationRule> {
        let training = self.trainings.get(&Phase::Student);
        match training?.controller.as_ref()? {
            Controller::AdaptiveAugmentation(rule) => self.schedules_controller.then_some(rule),
        }
    }

    /// Every knob of a training, as it stands.
    pub(super) fn knobs<'a>(&'a self, store: &'a RunStore, phase: Phase) -> Vec<KnobNow<'a>> {
        let Some(training) = self.trainings.get(&phase) else {
            return Vec::new();
        };
        let now = self.time(store, phase).map_or(0.0, |time| time.now);
        let values = store.knobs(phase);
        let last = store.table(phase).last_step();
        // Between logged steps the last of them says what a knob was.
        let completed = store.completed(phase);
        let recent = last.is_some_and(|last| last + 1 >= completed);
        let steered = controller_is_on(store, phase);
        training
            .knobs
            .iter()
            .map(|knob| {
                let role = match training.role(&knob.name) {
                    Role::Controlled | Role::Follows if !steered => Role::ByHand,
                    role => role,
                };
                let (schedule, turned) = effective(knob, store, phase);
                let planned = schedule.at(now, training.epochs);
                // What was logged before a turn says nothing of it.
                let fresh = turned.is_none_or(|step| last.is_some_and(|last| step <= last));
                let logged = values.get(&knob.name).copied();
                let logged = logged.filter(|value| recent && fresh && value.is_finite());
                // Where nothing has been logged a knob is what was planned.
                let value = logged.unwrap_or(planned);
                let schedule = match (role, &schedule) {
                    // What a controller holds, it holds at the value as it is.
                    (Role::Controlled | Role::Follows, Schedule::Constant(_)) => {
                        Schedule::Constant(value)
                    }
                    _ => schedule,
                };
                KnobNow {
                    name: &knob.name,
                    range: knob.range(),
                    value,
                    schedule,
                    adjusted: turned.is_some(),
                    role,
                    request: requests(store, &knob.name).next_back(),
                }
            })
            .collect()
    }
}

impl Training {
    fn role(&self, knob: &str) -> Role {
        match &self.controller {
            Some(Controller::AdaptiveAugmentation(rule)) => {
                if rule.second.iter().any(|second| second == knob) {
                    Role::Follows
                } else if rule.first == knob || rule.weight == knob {
                    Role::Controlled
                } else {
                    Role::Free
                }
            }
            None => Role::Free,
        }
    }
}

/// Whether the controller of a training moves its knobs, as far as commands have
/// said; it does at first.
pub(super) fn controller_is_on(store: &RunStore, phase: Phase) -> bool {
    let said = store.commands.iter().rev().find_map(|command| {
        match (&command.record.command, &command.state) {
            (Command::SetController { on }, CommandState::Applied(at)) if at.phase == phase => {
                Some(*on)
            }
            _ => None,
        }
    });
    said.unwrap_or(true)
}

/// Requests to turn a knob, in order.
pub(super) fn requests<'a>(
    store: &'a RunStore,
    name: &'a str,
) -> impl DoubleEndedIterator<Item = &'a CommandStatus> {
    store.commands.iter().filter(move |command| {
        matches!(&command.record.command, Command::Adjust { knob, .. } if knob == name)
    })
}

/// A knob's schedule as it stands, that of its last turn or of the controller's
/// last move, whichever came later; and the step of the turn, if it was turned.
fn effective(knob: &Knob, store: &RunStore, phase: Phase) -> (Schedule, Option<u64>) {
    let turned = requests(store, &knob.name).rev().find_map(|command| {
        match (&command.record.command, &command.state) {
            (Command::Adjust { schedule, .. }, CommandState::Applied(at)) if at.phase == phase => {
                Some((at.step, schedule.clone()))
            }
            _ => None,
        }
    });
    let moved = store.iterations.iter().rev().find_map(|iteration| {
        let decision = iteration.decision.as_ref()?;
        let mut moves = std::iter::once(&decision.moved).chain(&decision.followed);
        let step = moves.find(|step| step.knob == knob.name)?;
        (iteration.at.phase == phase).then_some((iteration.at.step, step.to))
    });
    match (turned, moved) {
        // A command at the step that an iteration ended with came after it.
        (Some((at, schedule)), moved) if moved.is_none_or(|(step, _)| step <= at) => {
            (schedule, Some(at))
        }
        (turned, Some((_, value))) => (Schedule::Constant(value), turned.map(|(step, _)| step)),
        (_, None) => (knob.schedule.clone(), None),
    }
}

/// Whether the teacher is trained here with the student's learning rate.
fn teacher_inherits(spec: &Spec) -> bool {
    let weights = spec.teacher.as_ref().map(|teacher| &teacher.weights);
    matches!(weights, Some(TeacherWeights::Train(training)) if training.lr.is_none())
}

fn trainings(spec: &Spec) -> BTreeMap<Phase, Training> {
    let mut trainings = BTreeMap::new();
    let context = |epochs| ExpansionContext {
        iterations: epochs,
        epochs,
        labelled: true,
    };
    if let Ok(objective) = spec.method.method().expand(&context(spec.epochs)) {
        let mut knobs = vec![Knob::lr(spec.lr.clone())];
        knobs.extend(objective.knobs);
        for knob in &mut knobs {
            if let Some(schedule) = spec.knobs.get(&knob.name) {
                knob.schedule = schedule.clone();
            }
        }
        let training = Training {
            knobs,
            controller: objective.controller,
            epochs: spec.epochs.into(),
            iteration: spec.iteration,
        };
        trainings.insert(Phase::Student, training);
    }
    if let Some(TeacherWeights::Train(teacher)) =
        spec.teacher.as_ref().map(|teacher| &teacher.weights)
        && let Ok(objective) = (Scratch { p1: teacher.p1 }).expand(&context(teacher.epochs))
    {
        let mut knobs = vec![Knob::lr(teacher.lr.as_ref().unwrap_or(&spec.lr).clone())];
        knobs.extend(objective.knobs);
        let training = Training {
            knobs,
            controller: None,
            epochs: teacher.epochs.into(),
            iteration: IterationSpec::Epoch,
        };
        trainings.insert(Phase::Teacher, training);
    }
    trainings
}
