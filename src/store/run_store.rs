//! The state of a run, folded from its events.
//!
//! Live and replay go through one fold. Live, [`RunStore::apply`] takes every
//! event; from disk, a [`RunTail`](super::RunTail) gives the journal's
//! events to the same function and the series' blocks to the same tables. What
//! depends on both, such as the current value of a knob, is derived when it is
//! requested, so that the order in which the two files are read doesn't matter.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::record::{
    Checkpoint, CommandState, CommandStatus, Compression, PhaseState, Round, RunIdentity, Status,
    Warning, is_behind,
};
use super::table::{SeriesTable, Tables};
use crate::event::{
    Command, DataSummary, EvaluatedWeights, Evaluation, Export, Measurement, ModelSummary, Outcome,
    Phase, Position, RunEvent, Split,
};
use crate::experiment::metric::ValidMetric;
use crate::experiment::schedule::Schedule;
use crate::format::number;
use crate::run::kept::MOST_KEPT;

/// The state of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunStore {
    /// Where it stands.
    pub status: Status,
    /// What ran where.
    pub identity: Option<RunIdentity>,
    /// Processes that worked on it.
    pub processes: u32,
    /// Images.
    pub data: Option<DataSummary>,
    /// Models.
    pub models: BTreeMap<Phase, ModelSummary>,
    /// Trainings.
    pub phases: BTreeMap<Phase, PhaseState>,
    /// The training that began last.
    pub phase: Option<Phase>,
    /// The files of the teacher's weights, of an ensemble one for each member, and whether it
    /// is the cache of an earlier training.
    pub teacher: Vec<(PathBuf, bool)>,
    /// Rounds that ended, in order.
    pub rounds: Vec<Round>,
    /// Evaluations, in order.
    pub evaluations: Vec<Evaluation>,
    /// Commands and their fates, in order of arrival.
    pub commands: Vec<CommandStatus>,
    /// Checkpoints that were completed, in order.
    pub checkpoints: Vec<Checkpoint>,
    /// Where checkpoints are kept, in order.
    pub kept: Vec<Position>,
    /// By what the best weights of a training are chosen, where that is not top-1.
    pub best_by: BTreeMap<Phase, ValidMetric>,
    /// Where a training ended early, and why.
    pub stopped_early: Option<(Position, String)>,
    /// The step from which on weights and values are rounded.
    pub quantized_from: Option<u64>,
    /// The file that the student was written to at its end.
    pub exported: Option<Export>,
    /// How fast that file was at its end.
    pub measured: Option<Measurement>,
    /// How it does some things, of which a person may want to know.
    pub notes: Vec<String>,
    /// Warnings, in order.
    pub warnings: Vec<Warning>,
    /// Logged steps.
    pub tables: Tables,
    /// What could not be read of it, for people; it may be missing here.
    pub problems: Vec<String>,
    memory: Memory,
}

/// Warnings that are remembered. Something warns again and again where there are
/// as many.
const MOST_WARNINGS: usize = 10_000;

/// How much of what happened is remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Memory {
    /// All of it, to be looked at.
    #[default]
    Whole,
    /// The last of everything and the best evaluation: what results are.
    Latest,
}

impl RunStore {
    /// A run of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same run, of which from now on no more is remembered than its results
    /// need, however long it trains: the last logged step, round and
    /// checkpoint, and the last and the best evaluation. For who reports a run
    /// and shows no curves.
    #[must_use]
    pub fn keeping_latest(self) -> Self {
        Self {
            tables: Tables::default(),
            memory: Memory::Latest,
            ..self
        }
    }

    /// Takes in one event of a live run.
    pub fn apply(&mut self, event: &RunEvent) {
        match event {
            RunEvent::StepLogged(row) => {
                let table = self.tables.of_mut(row.phase);
                if self.memory == Memory::Latest {
                    table.clear();
                }
                table.push(row);
            }
            RunEvent::RunStarted { resumed, .. } => {
                self.tables.rewind(resumed.unwrap_or(START));
                self.apply_journalled(event);
            }
            _ => self.apply_journalled(event),
        }
    }

    /// Takes in one event of the journal. The series has its own record of
    /// steps and rewinds.
    pub(super) fn apply_journalled(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted {
                name,
                version,
                device,
                resumed,
                ..
            } => {
                self.rewind(resumed.unwrap_or(START));
                self.processes += 1;
                (self.exported, self.measured) = (None, None);
                self.teacher.clear();
                self.status = Status::Running;
                self.identity = Some(RunIdentity {
                    name: name.clone(),
                    version: version.clone(),
                    device: device.clone(),
                });
            }
            RunEvent::DataIndexed(summary) => self.data = Some(summary.clone()),
            RunEvent::ModelBuilt(model) => {
                self.models.insert(model.phase, model.clone());
            }
            RunEvent::TeacherLoaded { path, cached, .. } => {
                self.teacher.push((path.clone(), *cached));
            }
            RunEvent::Paused(true) => self.status = Status::Paused,
            RunEvent::Paused(false) => self.status = Status::Running,
            // A run that is resumed says it again.
            RunEvent::Noted { message } if self.notes.contains(message) => {}
            RunEvent::Noted { message } => self.notes.push(message.clone()),
            RunEvent::Warned { message } => self.warn(message),
            RunEvent::RunEnded(outcome) => self.end(outcome),
            RunEvent::CommandReceived(_)
            | RunEvent::CommandApplied { .. }
            | RunEvent::CommandRejected { .. } => self.apply_command(event),
            _ => self.apply_progress(event),
        }
    }

    /// Remembers a warning, unless there are more than anybody reads.
    fn warn(&mut self, message: &str) {
        let message = match self.warnings.len().cmp(&MOST_WARNINGS) {
            Ordering::Less => message.to_owned(),
            Ordering::Equal => "more warnings are in the journal".to_owned(),
            Ordering::Greater => return,
        };
        let at = self.position();
        self.warnings.push(Warning { at, message });
    }

    fn apply_progress(&mut self, event: &RunEvent) {
        match event {
            RunEvent::PhaseStarted {
                phase,
                steps,
                steps_per_epoch,
                step,
            } => {
                self.phase = Some(*phase);
                let state = PhaseState {
                    steps: *steps,
                    steps_per_epoch: *steps_per_epoch,
                    completed: *step,
                    ended: None,
                };
                self.phases.insert(*phase, state);
            }
            RunEvent::BestChosenBy { phase, metric } => {
                self.best_by.insert(*phase, *metric);
            }
            RunEvent::StoppedEarly {
                phase,
                steps,
                step,
                reason,
            } => {
                let at = Position {
                    phase: *phase,
                    step: *step,
                };
                self.stopped_early = Some((at, reason.clone()));
                self.now_ends(at, *steps);
            }
            RunEvent::TrainingExtended { phase, steps, step } => {
                self.stopped_early = None;
                let at = Position {
                    phase: *phase,
                    step: *step,
                };
                self.now_ends(at, *steps);
            }
            RunEvent::RoundEnded {
                round,
                rounds,
                step,
                losses,
                decision,
                knobs,
            } => {
                let phase = self.phase.unwrap_or(Phase::Student);
                self.reached(phase, *step);
                if self.memory == Memory::Latest {
                    self.rounds.clear();
                }
                self.rounds.push(Round {
                    at: Position { phase, step: *step },
                    round: *round,
                    rounds: *rounds,
                    losses: losses.clone(),
                    decision: decision.clone(),
                    knobs: knobs.clone(),
                });
            }
            RunEvent::Evaluated(evaluation) => {
                self.reached(evaluation.phase, evaluation.step);
                self.evaluations.push(evaluation.clone());
                if self.memory == Memory::Latest {
                    self.forget_evaluations();
                }
            }
            RunEvent::CheckpointSaved {
                at, folder, best, ..
            } => {
                self.reached(at.phase, at.step);
                if self.memory == Memory::Latest {
                    self.checkpoints.clear();
                }
                self.checkpoints.push(Checkpoint {
                    at: *at,
                    folder: folder.clone(),
                    best: *best,
                });
            }
            RunEvent::CheckpointKept { at, .. } => {
                self.reached(at.phase, at.step);
                self.keep(*at);
            }
            RunEvent::QuantizationStarted { step, .. } => self.quantized_from = Some(*step),
            RunEvent::StudentExported { export, .. } => self.exported = Some(export.clone()),
            RunEvent::StudentMeasured(measured) => self.measured = Some(measured.clone()),
            // Those are the other run's.
            RunEvent::RunForked { .. } => self.kept.clear(),
            RunEvent::PhaseEnded { phase, seconds } => {
                if let Some(state) = self.phases.get_mut(phase) {
                    state.completed = state.steps;
                    state.ended = Some(*seconds);
                }
            }
            _ => {}
        }
    }

    /// A training has another end from here on.
    fn now_ends(&mut self, at: Position, steps: u64) {
        if let Some(state) = self.phases.get_mut(&at.phase) {
            state.steps = steps;
        }
        self.reached(at.phase, at.step);
    }

    fn apply_command(&mut self, event: &RunEvent) {
        match event {
            RunEvent::CommandReceived(record) => {
                let waits = self.waiting(&record.id).is_some();
                if !waits {
                    self.commands.push(CommandStatus {
                        record: record.clone(),
                        state: CommandState::Requested,
                        from: None,
                    });
                }
            }
            RunEvent::CommandApplied {
                id,
                phase,
                step,
                from,
            } => {
                // Between two logged steps this is all that says how far it is.
                self.reached(*phase, *step);
                if let Some(command) = self.waiting(id) {
                    command.from = *from;
                    command.state = CommandState::Applied(Position {
                        phase: *phase,
                        step: *step,
                    });
                }
            }
            RunEvent::CommandRejected { id, reason } => {
                if let Some(command) = self.waiting(id) {
                    command.state = CommandState::Rejected(reason.clone());
                }
            }
            _ => {}
        }
    }

    /// The command of this id that has no fate yet. A replayed command may
    /// carry the id of an earlier one.
    fn waiting(&mut self, id: &str) -> Option<&mut CommandStatus> {
        self.commands
            .iter_mut()
            .rev()
            .find(|command| command.record.id == id && command.state == CommandState::Requested)
    }

    fn end(&mut self, outcome: &Outcome) {
        self.status = Status::Ended(outcome.clone());
        self.void_commands(|state| *state == CommandState::Requested);
    }

    fn void_commands(&mut self, is_void: impl Fn(&CommandState) -> bool) {
        for command in &mut self.commands {
            if is_void(&command.state) {
                command.state = CommandState::Void;
            }
        }
    }

    /// Forgets evaluations that are neither the best of their model nor the last
    /// of their kind. That the best so far is kept decides which is the best in
    /// the end.
    fn forget_evaluations(&mut self) {
        let kind = |of: &Evaluation| (of.phase, of.split, of.weights);
        let known = &self.evaluations;
        let is_best = |of: &Evaluation| {
            let best = [self.best_evaluation(of.phase), self.best_quantized()];
            best.into_iter()
                .flatten()
                .any(|best| std::ptr::eq(best, of))
        };
        let kept: Vec<bool> = (1..)
            .zip(known)
            .map(|(next, of)| is_best(of) || known[next..].iter().all(|l| kind(l) != kind(of)))
            .collect();
        let mut kept = kept.into_iter();
        self.evaluations.retain(|_| kept.next().unwrap_or(true));
    }

    fn reached(&mut self, phase: Phase, step: u64) {
        if let Some(state) = self.phases.get_mut(&phase) {
            state.completed = state.completed.max(step);
        }
    }

    /// Remembers a kept checkpoint, and forgets the earliest as the run does.
    fn keep(&mut self, at: Position) {
        self.kept.retain(|kept| *kept != at);
        let surplus = (self.kept.len() + 1).saturating_sub(MOST_KEPT);
        self.kept.drain(..surplus);
        self.kept.push(at);
        self.kept.sort_unstable();
    }

    /// Forgets what a run that continues from `position` will make again. Test
    /// images are evaluated at the very end, so they always are.
    fn rewind(&mut self, position: Position) {
        self.rounds.retain(|round| round.at <= position);
        self.evaluations.retain(|evaluation| {
            is_behind(evaluation.phase, evaluation.step, position)
                && (evaluation.split == Split::Valid || evaluation.phase < position.phase)
        });
        self.checkpoints.retain(|saved| saved.at <= position);
        self.stopped_early.take_if(|(at, _)| *at > position);
        self.phases.retain(|phase, _| *phase <= position.phase);
        if let Some(state) = self.phases.get_mut(&position.phase) {
            state.completed = position.step;
            state.ended = None;
        }
        self.void_commands(|state| match state {
            CommandState::Requested => true,
            CommandState::Applied(at) => *at >= position,
            CommandState::Rejected(_) | CommandState::Void => false,
        });
    }
}

/// Where a run begins.
pub(super) const START: Position = Position {
    phase: Phase::Teacher,
    step: 0,
};

/// What is derived.
impl RunStore {
    /// Steps of a training completed so far, logged or reported by an event.
    #[must_use]
    pub fn completed(&self, phase: Phase) -> u64 {
        let reported = self.phases.get(&phase).map_or(0, |state| state.completed);
        let logged = self.table(phase).last_step().map_or(0, |step| step + 1);
        reported.max(logged)
    }

    /// Logged steps of a training.
    #[must_use]
    pub fn table(&self, phase: Phase) -> &SeriesTable {
        self.tables.of(phase)
    }

    /// Every knob of a training as it stands: that of the last logged step, or
    /// what a round that ended later left.
    #[must_use]
    pub fn knobs(&self, phase: Phase) -> BTreeMap<String, f64> {
        let table = self.table(phase);
        let mut knobs: BTreeMap<String, f64> = table
            .metrics()
            .filter_map(|metric| {
                let value = table.last(metric)?;
                let knob = metric.strip_prefix("knob/")?;
                (!value.is_nan()).then(|| (knob.to_owned(), value))
            })
            .collect();
        let ended = self.rounds.iter().rev().find(|i| i.at.phase == phase);
        if let Some(round) = ended
            && table.last_step().is_none_or(|step| step < round.at.step)
        {
            knobs.extend(round.knobs.clone());
        }
        knobs
    }

    /// What a command asks for, and for a knob that it changed, from which value:
    /// `temperature 4 → 2.5`.
    #[must_use]
    pub fn describe(&self, asked: &CommandStatus) -> String {
        let Command::Adjust { knob, schedule } = &asked.record.command else {
            return asked.record.command.to_string();
        };
        let before = match asked.state {
            CommandState::Applied(at) => asked.from.or_else(|| self.knob_before(knob, at, asked)),
            CommandState::Requested => self
                .phase
                .and_then(|phase| self.knobs(phase).remove(knob.as_str())),
            CommandState::Rejected(_) | CommandState::Void => None,
        };
        match before {
            Some(before) => format!("{knob} {} → {schedule}", number(before)),
            None => asked.record.command.to_string(),
        }
    }

    /// A knob's value when a command changed it, where the journal does not have it: that
    /// of the last step logged before, or what a round or another command made of it since.
    fn knob_before(&self, knob: &str, at: Position, changed_by: &CommandStatus) -> Option<f64> {
        let series = self.table(at.phase).series(&format!("knob/{knob}"));
        let logged = series.and_then(|series| {
            let end = series.steps.partition_point(|step| *step < at.step);
            let values = series.values.get(..end)?;
            Some((series.steps[end.checked_sub(1)?], *values.last()?))
        });
        let rounds = self.rounds.iter().filter_map(|round| {
            let is_before = round.at.phase == at.phase && round.at.step <= at.step;
            let value = round.knobs.get(knob).filter(|_| is_before)?;
            Some((round.at.step, *value))
        });
        let earlier = self.commands.iter();
        let earlier = earlier.take_while(|command| !std::ptr::eq(*command, changed_by));
        let commands =
            earlier.filter_map(|command| match (&command.state, &command.record.command) {
                (
                    CommandState::Applied(then),
                    Command::Adjust {
                        knob: name,
                        schedule: Schedule::Constant(value),
                    },
                ) if then.phase == at.phase && name == knob => Some((then.step, *value)),
                _ => None,
            });
        let known = logged.into_iter().chain(rounds).chain(commands);
        // A later one of the same step came after.
        let last = known.max_by_key(|(step, _)| *step);
        last.map(|(_, value)| value).filter(|value| !value.is_nan())
    }

    /// The last evaluation of a model on a set of images, with the given
    /// weights.
    #[must_use]
    pub fn last_evaluation(
        &self,
        phase: Phase,
        split: Split,
        weights: EvaluatedWeights,
    ) -> Option<&Evaluation> {
        self.evaluations_of(phase, split)
            .rfind(|evaluation| evaluation.weights == weights)
    }

    /// Steps of the student at its last evaluation that ended an epoch.
    #[must_use]
    pub fn last_epoch_end(&self) -> Option<u64> {
        let mut all = self.evaluations_of(Phase::Student, Split::Valid);
        let ends_epoch = |it: &&Evaluation| {
            it.weights != EvaluatedWeights::Best && it.epoch.fract() == 0.0 && it.step > 0
        };
        Some(all.rfind(ends_epoch)?.step)
    }

    /// How much smaller the student is than its teacher, once both are known.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        let (teacher, student) = (
            self.models.get(&Phase::Teacher)?,
            self.models.get(&Phase::Student)?,
        );
        let ratio = |teacher: f64, student: f64| teacher / student.max(1.0);
        Some(Compression {
            parameters: ratio(teacher.parameters as f64, student.parameters as f64),
            macs: ratio(teacher.macs_or_nan(), student.macs_or_nan()),
        })
    }

    /// The best evaluation of weights in floats on the validation images, by top-1 or what
    /// the run chooses by: the first of equals, as checkpoints are chosen.
    #[must_use]
    pub fn best_evaluation(&self, phase: Phase) -> Option<&Evaluation> {
        self.best_of(phase, |weights| weights != EvaluatedWeights::Quantized)
    }

    /// Epochs that a training was to have, where it stopped early after fewer.
    #[must_use]
    pub fn planned_epochs(&self, phase: Phase) -> Option<u32> {
        match self.outcome() {
            Some(Outcome::StoppedEarly { planned, .. }) if phase == Phase::Student => *planned,
            _ => None,
        }
    }

    /// The metric by which weights are the best.
    #[must_use]
    pub fn best_metric(&self, phase: Phase) -> ValidMetric {
        self.best_by.get(&phase).copied().unwrap_or_default()
    }

    /// The best of the student's rounded weights, which are chosen among themselves.
    #[must_use]
    pub fn best_quantized(&self) -> Option<&Evaluation> {
        self.best_of(Phase::Student, |weights| {
            weights == EvaluatedWeights::Quantized
        })
    }

    fn best_of(
        &self,
        phase: Phase,
        counts: impl Fn(EvaluatedWeights) -> bool,
    ) -> Option<&Evaluation> {
        let metric = self.best_metric(phase);
        let valued = self.evaluations_of(phase, Split::Valid);
        let valued = valued.filter(|evaluation| counts(evaluation.weights));
        let valued = valued.filter_map(|evaluation| {
            let value = evaluation.value(metric.quantity())?;
            (!value.is_nan()).then_some((value, evaluation))
        });
        let best = valued.reduce(|best, next| {
            if metric.improves(next.0, best.0) {
                next
            } else {
                best
            }
        });
        best.map(|(_, evaluation)| evaluation)
    }

    /// Whether the training stands in a finish that rounds weights and values.
    #[must_use]
    pub fn quantizes(&self) -> bool {
        let reached = self.completed(Phase::Student);
        self.quantized_from.is_some_and(|from| reached >= from)
    }

    /// Every evaluation of a model on a set of images, in order.
    #[must_use]
    pub fn evaluations_of(
        &self,
        phase: Phase,
        split: Split,
    ) -> impl DoubleEndedIterator<Item = &Evaluation> {
        self.evaluations
            .iter()
            .filter(move |evaluation| evaluation.phase == phase && evaluation.split == split)
    }

    /// What was changed while it trained and still counts, in order, with the first
    /// step that felt it.
    pub fn adjustments(&self) -> impl Iterator<Item = (Position, &Command)> {
        self.commands.iter().filter_map(|status| {
            let command = &status.record.command;
            match (&status.state, command) {
                (
                    CommandState::Applied(at),
                    Command::Adjust { .. } | Command::SetController { .. } | Command::Extend { .. },
                ) => Some((*at, command)),
                _ => None,
            }
        })
    }

    /// How the last process ended, if it did.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.status {
            Status::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Where events say that training stands. Logged steps may be ahead.
    fn position(&self) -> Option<Position> {
        let phase = self.phase?;
        let step = self.phases.get(&phase)?.completed;
        Some(Position { phase, step })
    }
}

#[cfg(test)]
#[path = "run_store_tests.rs"]
mod tests;
