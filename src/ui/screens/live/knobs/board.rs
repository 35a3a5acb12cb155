//! Which knobs a training has, and what each will do: the schedule of the run's
//! plan, or what came after it, a turn of a person or a move of the controller.
//!
//! The plan is read from the run as it was resolved when the run began, and what
//! came after it from the journal. Nothing is planned here.

use crate::event::{Command, Phase};
use crate::experiment::controller::{AdaptiveAugmentationRule, Controller, Decision};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::method::AdaptiveAugmentation;
use crate::experiment::plan::{ResolvedPlan, Training};
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;
use crate::experiment::timeline::Timeline;
use crate::store::{CommandState, CommandStatus, RunEntry, RunStore, length_after, schedule_after};

/// `(epoch, value)`, ascending in epochs.
pub(super) type Point = (f64, f64);

/// The knobs of a run's trainings.
#[derive(Clone, Copy)]
pub(super) struct Board<'a> {
    entry: &'a RunEntry,
    /// The run's plan, if it has one.
    resolved: Option<&'a ResolvedPlan>,
}

/// Who turns a knob besides a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nobody.
    Free,
    /// The controller, at the end of rounds.
    Controlled,
    /// The controller, by formula from another knob, at the end of every
    /// round.
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
    /// The end of the round that is under way.
    pub(super) round_end: f64,
}

impl<'a> Board<'a> {
    /// The knobs of a run.
    pub(super) fn of(entry: &'a RunEntry) -> Self {
        Self {
            entry,
            resolved: entry.plan.as_deref().map(|plan| &plan.resolved),
        }
    }

    /// Why the knobs are not known, if they are not.
    pub(super) fn problem(&self) -> Option<String> {
        if self.resolved.is_some() {
            return None;
        }
        Some(match self.entry.problems.first() {
            Some(problem) => format!("The knobs of this run are unknown: {problem}"),
            None => "The knobs of this run are unknown because plan.json is missing: an older \
                     version started the run, or the file was removed. The charts show what was \
                     logged."
                .to_owned(),
        })
    }

    /// A training and its timeline.
    fn training(&self, phase: Phase) -> Option<(&'a Training, Timeline)> {
        let resolved = self.resolved?;
        let (training, timeline) = match phase {
            Phase::Student => (&resolved.plan.training, resolved.timeline()),
            Phase::Teacher => resolved.teacher_training()?,
        };
        let commands = applied(&self.entry.store, phase).map(|(_, command)| command);
        let timeline = timeline.extended(length_after(training, commands));
        let early = self.finished_early(training, phase);
        let timeline = early.map_or(timeline, |(step, last)| timeline.ended_early(step, last));
        Some((training, timeline))
    }

    /// The step at which a training ended early to be finished, and the epochs of that.
    /// Without a finish its schedules stay what they were.
    fn finished_early(&self, training: &Training, phase: Phase) -> Option<(u64, u32)> {
        let (at, _) = self.entry.store.stopped_early.as_ref()?;
        let last = training.finish_epochs();
        (at.phase == phase && last > 0).then_some((at.step, last))
    }

    /// A knob's schedule in [`effective`], as the finish of a training that ended early
    /// has it.
    fn effective(
        &self,
        knob: &Knob,
        (training, timeline): (&Training, Timeline),
        phase: Phase,
        until: u64,
    ) -> (Schedule, Option<u64>) {
        let (schedule, turned) = effective(knob, &self.entry.store, phase, until);
        let Some((step, last)) = self.finished_early(training, phase) else {
            return (schedule, turned);
        };
        let planned = f64::from(training.length().epochs_of_rounds);
        let now = timeline.epoch(step);
        let schedule = schedule.finished_early(planned, now, f64::from(last));
        (schedule, turned)
    }

    /// When a training stands where; none before it has started.
    pub(super) fn time(&self, phase: Phase) -> Option<Time> {
        let store = &self.entry.store;
        store.phases.get(&phase)?;
        let (_, timeline) = self.training(phase)?;
        let completed = store.completed(phase).min(timeline.steps);
        Some(Time {
            now: timeline.epoch(completed),
            end: timeline.epoch(timeline.steps),
            step: timeline.epoch(1),
            round_end: timeline.epoch(timeline.round_end(completed)),
        })
    }

    /// Whether a rule moves knobs of a training.
    pub(super) fn has_controller(&self, phase: Phase) -> bool {
        self.training(phase)
            .is_some_and(|(training, _)| training.objective.controller.is_some())
    }

    /// What a knob of a training is to it, where that is known.
    pub(super) fn role(&self, phase: Phase, knob: &str) -> Option<KnobRole> {
        let (training, _) = self.training(phase)?;
        let mut knobs = training.knobs();
        knobs.find(|known| known.name == knob).map(|knob| knob.role)
    }

    /// The student's learning rate as planned, where the teacher is trained with
    /// the same.
    pub(super) fn shared_lr(&self) -> Option<&'a Schedule> {
        let resolved = self.resolved?;
        let (teacher, _) = resolved.teacher_training()?;
        let students = &resolved.plan.training.lr.schedule;
        (teacher.lr.schedule == *students).then_some(students)
    }

    /// The rule that moves knobs of the student, where the method itself could
    /// let one of them follow a schedule.
    pub(super) fn schedulable_rule(&self) -> Option<&'a AdaptiveAugmentationRule> {
        let plan = &self.resolved?.plan;
        let Controller::AdaptiveAugmentation(rule) = plan.training.objective.controller.as_ref()?;
        (plan.method == AdaptiveAugmentation::NAME).then_some(rule)
    }

    /// What the controller of a training decided last, and at which epoch.
    pub(super) fn last_decision(&self, phase: Phase) -> Option<(f64, &'a Decision)> {
        let (_, timeline) = self.training(phase)?;
        let rounds = self.entry.store.rounds.iter().rev();
        let mut rounds = rounds.filter(|round| round.at.phase == phase);
        rounds.find_map(|round| {
            let decision = round.decision.as_ref()?;
            Some((timeline.epoch(round.at.step), decision))
        })
    }

    /// Where a person or a file changed a knob: the epoch and value of the last step
    /// before, and of the first after.
    pub(super) fn changes(&self, phase: Phase, name: &str) -> Vec<[Point; 2]> {
        let Some((training, timeline)) = self.training(phase) else {
            return Vec::new();
        };
        let mut knobs = training.knobs();
        let Some(knob) = knobs.find(|knob| knob.name == name) else {
            return Vec::new();
        };
        let (store, end) = (&self.entry.store, timeline.epoch(timeline.steps));
        let at = |step: u64, until: u64| {
            let epoch = timeline.epoch(step);
            let (schedule, _) = self.effective(knob, (training, timeline), phase, until);
            (epoch, schedule.at(epoch, end))
        };
        let mut steps: Vec<u64> = applied(store, phase)
            .filter(|(_, command)| matches!(command, Command::Adjust { knob, .. } if knob == name))
            .map(|(step, _)| step)
            .collect();
        steps.sort_unstable();
        steps.dedup();
        let changes = steps
            .into_iter()
            .map(|step| [at(step.saturating_sub(1), step), at(step, step + 1)]);
        changes.collect()
    }

    /// Every knob of a training, as it stands.
    pub(super) fn knobs(&self, phase: Phase) -> Vec<KnobNow<'a>> {
        let Some((training, timeline)) = self.training(phase) else {
            return Vec::new();
        };
        let store = &self.entry.store;
        let now = self.time(phase).map_or(0.0, |time| time.now);
        let end = timeline.epoch(timeline.steps);
        let steered = controller_is_on(store, phase);
        let knobs = training.knobs().map(|knob| {
            let role = match role(training, &knob.name) {
                Role::Controlled | Role::Follows if !steered => Role::ByHand,
                role => role,
            };
            let (schedule, turned) = self.effective(knob, (training, timeline), phase, u64::MAX);
            KnobNow {
                name: &knob.name,
                range: knob.range(),
                value: schedule.at(now, end),
                schedule,
                adjusted: turned.is_some(),
                role,
                request: requests(store, &knob.name).next_back(),
            }
        });
        knobs.collect()
    }
}

fn role(training: &Training, knob: &str) -> Role {
    match &training.objective.controller {
        Some(Controller::AdaptiveAugmentation(rule)) => {
            if rule.second.iter().any(|second| second == knob) {
                Role::Follows
            } else if rule.first == knob || (rule.weight == knob && rule.update.moves_weight()) {
                Role::Controlled
            } else {
                Role::Free
            }
        }
        None => Role::Free,
    }
}

/// Whether the controller of a training moves its knobs, as far as commands have
/// said; it does at first.
pub(super) fn controller_is_on(store: &RunStore, phase: Phase) -> bool {
    let switches = applied(store, phase).filter_map(|(_, command)| match command {
        Command::SetController { on } => Some(*on),
        _ => None,
    });
    switches.last().unwrap_or(true)
}

/// Commands that took effect on a training, each with the step that first felt it.
fn applied(store: &RunStore, phase: Phase) -> impl Iterator<Item = (u64, &Command)> {
    store.commands.iter().filter_map(move |it| match it.state {
        CommandState::Applied(at) if at.phase == phase => Some((at.step, &it.record.command)),
        _ => None,
    })
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
/// What happened at step `until` or later is left out.
fn effective(knob: &Knob, store: &RunStore, phase: Phase, until: u64) -> (Schedule, Option<u64>) {
    let before = || applied(store, phase).filter(|(step, _)| *step < until);
    let schedule = schedule_after(knob, before().map(|(_, command)| command));
    let turns = before().filter(
        |(_, command)| matches!(command, Command::Adjust { knob: name, .. } if *name == knob.name),
    );
    let turned = turns.last().map(|(step, _)| step);
    let moved = store.rounds.iter().rev().find_map(|round| {
        let decision = round.decision.as_ref()?;
        let mut moves = std::iter::once(&decision.moved).chain(&decision.followed);
        let step = moves.find(|step| step.knob == knob.name)?;
        (round.at.phase == phase && round.at.step < until).then_some((round.at.step, step.to))
    });
    match (turned, moved) {
        // A command at the step that a round ended with came after it.
        (Some(at), Some((step, value))) if step > at => (Schedule::Constant(value), turned),
        (None, Some((_, value))) => (Schedule::Constant(value), None),
        (turned, _) => (schedule, turned),
    }
}
