//! What a run was before: read from its folder under its lock, and held against
//! what is there now. What does not fit is refused by name.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::SessionError;
use super::{MoreEpochs, Opened, ResumeChanges, create, unless_stopped};
use crate::engine::{Failure, Prepared, Standing, adopt_teacher, standing, verify};
use crate::event::{
    Command, CommandRecord, JOURNAL_VERSION, JOURNAL_VERSION_WITH_MARK, Origin, Phase, Position,
    RunEvent,
};
use crate::experiment::device::DeviceKind;
use crate::experiment::held::Held;
use crate::experiment::plan::{ResolvedPlan, Training};
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::DeviceSpec;
use crate::experiment::{self, Loaded, with_names_of_today};
use crate::run::kept::kept_name;
use crate::run::{NotRecorded, RunFolder, RunLock, RunPlan, StopSignal};
use crate::store::{
    JournalReader, JournalledCheckpoints, ReceivedCommands, RunStore, adjustments,
    adjustments_from, held_after, length_after,
};
use crate::untrusted::Show as _;

/// The first version of journals of runs that keep their plan.
const VERSION_WITH_PLAN: u32 = 2;
const _: () = assert!(JOURNAL_VERSION >= VERSION_WITH_PLAN);

/// What an older process did that this one has to know.
#[derive(Default)]
pub struct ResumeState {
    /// Commands that have been received.
    pub known: ReceivedCommands,
    /// Adjustments to apply again, by the step that first felt them.
    pub adjustments: Vec<(Position, CommandRecord)>,
    /// What a person who resumes may want to know.
    pub notes: Vec<String>,
    /// What a person should know who resumes.
    pub warnings: Vec<String>,
}

/// What was read of a run's journal.
struct Journalled {
    /// Those that decide how it is resumed.
    events: Vec<RunEvent>,
    /// None if there is no journal.
    version: Option<u32>,
}

/// Opens a run to train on in it. Takes its lock first: what is read can no
/// longer change.
pub fn resume(
    run: &RunFolder,
    changes: &ResumeChanges,
    stop: &StopSignal,
) -> Result<(Opened, Prepared), SessionError> {
    let lock = run.lock()?;
    let found = look(run, changes, stop)?;
    if run.plan()?.is_none() {
        adopt_teacher(run, &found.prepared)?;
        run.write_plan(&found.prepared.run_plan(&run.experiment_text()?))?;
    }
    Ok(found.open(run.clone(), lock))
}

/// A run that can be resumed.
pub struct Resumable {
    prepared: Prepared,
    /// What happened in it.
    before: RunStore,
    /// What has to be known of that.
    previous: ResumeState,
}

impl Resumable {
    /// Adds what a person should know.
    pub fn warn(&mut self, messages: impl IntoIterator<Item = String>) {
        self.previous.warnings.extend(messages);
    }

    /// Opens it to be trained, under its lock.
    pub fn open(self, folder: RunFolder, lock: RunLock) -> (Opened, Prepared) {
        let opened = Opened {
            folder,
            lock,
            gates: self.prepared.resolved.plan.gates.clone(),
            before: self.before,
            previous: self.previous,
        };
        (opened, self.prepared)
    }
}

/// Reads a run that is to be resumed with these changes, and holds it against what
/// is there now. Writes nothing. Nobody else may write it meanwhile.
pub fn look(
    run: &RunFolder,
    changes: &ResumeChanges,
    stop: &StopSignal,
) -> Result<Resumable, SessionError> {
    run.check_links().map_err(Failure::from)?;
    let mut before = RunStore::new();
    let journal = journal(run, Some(&mut before))?;
    // First, because checkpoints are those of the plan.
    let plan = plan(run, &journal)?;
    let standing = standing(run)?;
    agree(run, &journal, standing.as_ref())?;
    if finished(&journal.events) && changes.more.is_none() {
        let extends = plan.is_none_or(|plan| plan.resolved.plan.training.finish.is_none());
        let kept = run.kept_positions().unwrap_or_default();
        return Err(SessionError::Complete {
            run: run.path().to_owned(),
            extends,
            kept: kept.into_iter().map(kept_name).collect(),
        });
    }
    let lost = series_of(run, standing.as_ref(), journal.version)?;
    // Before anything is written: what is found damaged later is in the journal.
    verify(run)?;
    let prepared = match &plan {
        Some(plan) => {
            let trained = standing.is_some_and(|it| it.position.phase == Phase::Student);
            let plan = plan.clone();
            unless_stopped(stop, move || Prepared::again(&plan, trained))?
        }
        None => as_journalled(run, &journal.events, stop)?,
    };
    let resolved = &prepared.resolved;
    let position = standing.as_ref().map(|standing| standing.position);
    let mut previous = ResumeState::resumed(
        run,
        &journal.events,
        position,
        changes,
        resolved,
        &prepared.device.kind,
    )?;
    previous.warnings.extend(lost);
    Ok(Resumable {
        prepared,
        before,
        previous,
    })
}

/// The plan of a run that keeps one, which its journal and its experiment agree
/// with.
pub fn plan_of(run: &RunFolder) -> Result<RunPlan, SessionError> {
    let plan = plan(run, &journal(run, None)?)?;
    plan.ok_or_else(|| missing(run, run.plan_path(), "every run has one"))
}

/// Opens a new run that repeats an old one: its plan, on the same images, with
/// the adjustments of its journal.
pub fn replay(
    run: &RunFolder,
    device: Option<DeviceSpec>,
    without_adjustments_after: Option<u64>,
    checkpoints: &Path,
    stop: &StopSignal,
) -> Result<(Opened, Prepared), SessionError> {
    let journal = journal(run, None)?;
    // First, because checkpoints are those of the plan.
    let plan = plan(run, &journal)?;
    let standing = standing(run)?;
    agree(run, &journal, standing.as_ref())?;
    let (prepared, text) = if let Some(mut known) = plan {
        if let Some(device) = device {
            known.resolved.plan.device = device;
        }
        let text = run.experiment_text()?;
        let prepared = unless_stopped(stop, move || Prepared::again(&known, false))?;
        (prepared, with_names_of_today(&text).into_owned())
    } else {
        let mut loaded = frozen(run)?;
        loaded.plan.device = device.unwrap_or(loaded.plan.device);
        let text = loaded.frozen_text().to_owned();
        let prepared = unless_stopped(stop, move || Prepared::new(loaded.plan, &|_| ()))?;
        (prepared, text)
    };
    let mut adjustments = again(adjustments(&journal.events));
    if let Some(last) = without_adjustments_after {
        adjustments.retain(|(at, _)| at.step <= last);
    }
    let previous = ResumeState {
        adjustments,
        ..ResumeState::default()
    };
    create(prepared, &text, None, checkpoints, previous)
}

/// The experiment of a run, as it was run.
fn frozen(run: &RunFolder) -> Result<Loaded, SessionError> {
    let text = run.experiment_text()?;
    Ok(experiment::load_frozen(&text, &run.experiment())?)
}

impl ResumeState {
    /// The run is resumed at `position`, or from its beginning.
    fn resumed(
        run: &RunFolder,
        events: &[RunEvent],
        position: Option<Position>,
        changes: &ResumeChanges,
        resolved: &ResolvedPlan,
        device: &DeviceKind,
    ) -> Result<Self, SessionError> {
        let start = position.unwrap_or(first(resolved));
        let mut pending = again(adjustments_from(events, start));
        if let Some(last) = changes.without_adjustments_after {
            pending.retain(|(at, _)| at.step <= last);
            if let Some(kept) = in_checkpoint(events, start, last) {
                return Err(SessionError::AdjustmentInCheckpoint {
                    run: run.path().to_owned(),
                    step: kept,
                    checkpoint: start.step,
                    last,
                });
            }
        }
        // A process that was killed has not followed what it had before it.
        let mut dropped = Vec::new();
        for (at, record) in due(events, start) {
            match changes.without_adjustments_after {
                Some(last) if record.origin != Origin::Replay || at.step > last => {
                    dropped.push(format!(
                        "{} ({}) was received but not applied before the run was killed; \
                         --without-adjustments-after leaves it out",
                        record.id, record.command
                    ));
                }
                _ => {
                    let after = pending.partition_point(|(other, _)| *other <= at);
                    pending.insert(after, (at, record));
                }
            }
        }
        // What is set holds from now on: no later change of the same knob undoes it.
        let is_set = |record: &CommandRecord| {
            matches!(&record.command, Command::Adjust { knob, .. }
                if changes.set.iter().any(|(set, _)| set == knob))
        };
        let mut warnings: Vec<String> = other_device(events, device).into_iter().collect();
        warnings.extend(dropped);
        for (at, record) in pending.iter().filter(|(_, record)| is_set(record)) {
            if let Command::Adjust { knob, .. } = &record.command {
                warnings.push(format!(
                    "the change of {knob} at step {} is not applied again: --set replaces it",
                    at.step
                ));
            }
        }
        pending.retain(|(at, record)| at.phase != start.phase || !is_set(record));
        // After those that are applied again at the very same step.
        let at = pending.partition_point(|(at, _)| *at <= start);
        let (training, timeline) = match (start.phase, resolved.teacher_training()) {
            (Phase::Teacher, Some(teacher)) => teacher,
            _ => (&resolved.plan.training, resolved.timeline()),
        };
        let held = adjustments(events);
        let held = held.iter().filter(|(at, _)| *at < start);
        let all = held
            .chain(&pending)
            .filter(|(at, _)| at.phase == start.phase);
        let all: Vec<&Command> = all.map(|(_, record)| &record.command).collect();
        let length = length_after(training, all.iter().copied());
        let (mut new, mut notes) = (Vec::new(), Vec::new());
        let mut epochs = length.epochs;
        if let Some(more) = changes.more {
            if training.finish.is_some() {
                return Err(SessionError::Finished(run.experiment()));
            }
            let now = ended_early(events, &pending, start)
                .map_or(length.epochs, |step| timeline.epoch(step) as u32);
            epochs = now.saturating_add(more.epochs);
            warnings.extend(repeated(events, now));
            // One that ended early follows its schedules to their end at first.
            if epochs > length.epochs {
                let held = held_after(training, &all);
                notes.extend(held_of(held, more, changes, length.epochs)?);
            }
            let stretches = more.stretches.unwrap_or_default();
            new.push(Command::Extend {
                epochs,
                schedules_end: (!stretches).then_some(length.epochs),
            });
            // It is the last word on the length.
            let is_other =
                |record: &CommandRecord| !matches!(record.command, Command::Extend { .. });
            pending
                .retain(|(at, record)| at.phase != start.phase || *at <= start || is_other(record));
        }
        let now = timeline.epoch(start.step);
        for (knob, schedule) in &changes.set {
            check(training, knob, schedule, (now, f64::from(epochs)))?;
            new.push(Command::Adjust {
                knob: knob.clone(),
                schedule: schedule.clone(),
            });
        }
        pending.splice(at..at, asked(new, start));
        Ok(Self {
            known: received(events),
            adjustments: pending,
            notes,
            warnings,
        })
    }
}

/// The step at which the training ended early, if it stands there and was not given more
/// epochs since.
fn ended_early(
    events: &[RunEvent],
    pending: &[(Position, CommandRecord)],
    start: Position,
) -> Option<u64> {
    let is_extended = pending.iter().any(|(at, record)| {
        at.phase == start.phase && matches!(record.command, Command::Extend { .. })
    });
    let is_here = |event: &RunEvent| {
        matches!(event, RunEvent::StoppedEarly { phase, step, .. }
            if Position { phase: *phase, step: *step } == start)
    };
    (!is_extended && events.iter().any(is_here)).then_some(start.step)
}

/// Which values knobs are held at while a training gets more epochs than `end`. Where the
/// weights would not change by that, and nobody chose it, it is refused.
fn held_of(
    mut held: Vec<Held>,
    more: MoreEpochs,
    changes: &ResumeChanges,
    end: u32,
) -> Result<Option<String>, SessionError> {
    let stretches = more.stretches.unwrap_or_default();
    held.retain(|held| {
        let is_set = changes.set.iter().any(|(knob, _)| *knob == held.knob);
        !(is_set || held.stretches && stretches)
    });
    let idle = held.iter().find(|held| held.stops_learning());
    if let Some(idle) = idle.filter(|_| more.stretches != Some(false)) {
        return Err(SessionError::NothingLearned {
            end,
            stretches: idle.stretches,
        });
    }
    let values: Vec<String> = held
        .iter()
        .map(|held| {
            let effect = if held.stops_learning() {
                " (the weights will not change)"
            } else {
                ""
            };
            format!("{held}{effect}")
        })
        .collect();
    let text = format!("held from epoch {end}: {}", values.join(", "));
    Ok((!values.is_empty()).then_some(text))
}

/// What a person should know who makes a training longer: a command that is typed again
/// after a kill counts again.
fn repeated(events: &[RunEvent], before: u32) -> Option<String> {
    let mut is_repeated = false;
    for event in events {
        match event {
            RunEvent::RunStarted { pending, .. } => {
                is_repeated = pending.iter().any(|(_, record)| {
                    record.origin == Origin::Launch
                        && matches!(record.command, Command::Extend { .. })
                });
            }
            RunEvent::RunEnded(_) => is_repeated = false,
            _ => {}
        }
    }
    is_repeated.then(|| {
        format!(
            "the process before was killed after its --add-epochs made the training {before} \
             epochs long; these come on top. To train to {before}, resume without --add-epochs"
        )
    })
}

/// The step of the last change after `last` steps that the checkpoint at `start`
/// holds already, if there is one.
pub fn in_checkpoint(events: &[RunEvent], start: Position, last: u64) -> Option<u64> {
    let held = adjustments(events).into_iter().map(|(at, _)| at);
    held.filter(|at| at.phase == start.phase && *at < start && at.step > last)
        .map(|at| at.step)
        .max()
}

/// Commands that the last process had before it or received, and neither followed nor
/// refused, each where it is to take effect if the run continues at `start`. A stop was
/// followed by its end, whatever that was.
fn due(events: &[RunEvent], start: Position) -> Vec<(Position, CommandRecord)> {
    let mut left: Vec<(Position, CommandRecord)> = Vec::new();
    for event in events {
        match event {
            RunEvent::RunStarted { pending, .. } => left.clone_from(pending),
            // It goes back to before the change.
            RunEvent::RunForked { .. } => left.clear(),
            RunEvent::CommandReceived(record) => {
                let is_moot = matches!(
                    record.command,
                    Command::Stop | Command::Pause | Command::Resume
                );
                let is_known = left.iter().any(|(_, other)| other.id == record.id);
                if !is_moot && !is_known && record.origin != Origin::Replay {
                    left.push((start, record.clone()));
                }
            }
            RunEvent::CommandApplied { id, .. } | RunEvent::CommandRejected { id, .. } => {
                left.retain(|(_, record)| record.id != *id);
            }
            _ => {}
        }
    }
    // What was to change a training that has ended changes nothing any more.
    left.retain(|(at, _)| at.phase >= start.phase);
    for (at, _) in &mut left {
        *at = (*at).max(start);
    }
    left
}

/// Commands that the run has received.
pub fn received(events: &[RunEvent]) -> ReceivedCommands {
    let records = events.iter().filter_map(|event| match event {
        RunEvent::CommandReceived(record) => Some(record),
        _ => None,
    });
    records.collect()
}

/// Where a run begins.
fn first(resolved: &ResolvedPlan) -> Position {
    let phase = match resolved.teacher_training() {
        Some(_) => Phase::Teacher,
        None => Phase::Student,
    };
    Position { phase, step: 0 }
}

/// The same adjustments, as ones that are applied again.
fn again(adjustments: Vec<(Position, CommandRecord)>) -> Vec<(Position, CommandRecord)> {
    let replayed = |(at, record)| {
        let origin = Origin::Replay;
        (at, CommandRecord { origin, ..record })
    };
    adjustments.into_iter().map(replayed).collect()
}

/// The changes requested on resuming, as adjustments before the first step.
fn asked(
    commands: Vec<Command>,
    start: Position,
) -> impl Iterator<Item = (Position, CommandRecord)> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let numbered = commands.into_iter().enumerate();
    numbered.map(move |(number, command)| {
        let record = CommandRecord {
            id: format!("resume-{}-{number}", since.as_millis()),
            origin: Origin::Launch,
            command,
        };
        (start, record)
    })
}

fn check(
    training: &Training,
    name: &str,
    schedule: &Schedule,
    (now, epochs): (f64, f64),
) -> Result<(), SessionError> {
    let named = |name: &str| name.to_owned();
    let Some(knob) = training.knobs().find(|knob| knob.name == name) else {
        return Err(SessionError::UnknownKnob {
            knob: named(name),
            known: training.knobs().map(|knob| named(&knob.name)).collect(),
        });
    };
    match knob.problems(schedule, now, epochs).into_iter().next() {
        Some(problem) => Err(SessionError::UnfitSchedule {
            knob: named(name),
            problem,
        }),
        None => Ok(()),
    }
}

/// What the run's journal says.
fn journal(run: &RunFolder, before: Option<&mut RunStore>) -> Result<Journalled, SessionError> {
    let mut reader = JournalReader::new(&run.journal());
    let events = reader.read_decisive(before)?;
    let version = reader.version();
    Ok(Journalled { events, version })
}

/// The run's plan; none if an older program made the run.
fn plan(run: &RunFolder, journal: &Journalled) -> Result<Option<RunPlan>, SessionError> {
    let plan = run.plan()?;
    let began = journal.events.iter().find_map(|event| match event {
        RunEvent::RunStarted { experiment, .. } if !experiment.is_empty() => Some(experiment),
        _ => None,
    });
    match &plan {
        Some(plan) if began.is_some_and(|began| *began != plan.experiment) => {
            Err(SessionError::OtherPlan(run.plan_path()))
        }
        Some(plan) if run.experiment_hash()? != plan.experiment => {
            Err(SessionError::Edited(run.experiment()))
        }
        // A run that was killed before its first event has neither.
        None if journal
            .version
            .is_none_or(|version| version >= VERSION_WITH_PLAN) =>
        {
            Err(missing(run, run.plan_path(), "every run has one"))
        }
        _ => Ok(plan),
    }
}

/// That a file of a run is missing.
pub fn missing(run: &RunFolder, path: std::path::PathBuf, because: &'static str) -> SessionError {
    SessionError::Missing {
        path,
        because,
        experiment: run.experiment(),
    }
}

/// Whether checkpoints and journal agree.
fn agree(
    run: &RunFolder,
    journal: &Journalled,
    standing: Option<&Standing>,
) -> Result<(), SessionError> {
    let mark = run.record_mark().map_err(Failure::from)?;
    let was_recorded = standing.is_some() || mark.is_some() || run.has_results();
    if journal.version.is_none() && was_recorded {
        if !run.journal().exists() {
            return Err(missing(run, run.journal(), "the run was recorded"));
        }
        return Err(SessionError::JournalCut {
            path: run.journal(),
            found: 0,
            expected: standing.and_then(|it| it.mark.journal).unwrap_or_default(),
            experiment: run.experiment(),
        });
    }
    match mark {
        Some(mark) => as_recorded(run, mark.check(run))?,
        // A run that was killed before its first checkpoint may have none.
        None if standing.is_some() && journal.version >= Some(JOURNAL_VERSION_WITH_MARK) => {
            return Err(missing(run, run.record_mark_path(), "every run has one"));
        }
        None => {}
    }
    let found = standing.map(|standing| standing.position);
    let mut checkpoints = JournalledCheckpoints::default();
    for event in &journal.events {
        checkpoints.take_in(event);
    }
    if let Some(journalled) = checkpoints.latest.map(|saved| saved.at)
        && found.is_none_or(|found| found < journalled)
    {
        return Err(SessionError::CheckpointMissing {
            run: run.path().to_owned(),
            journalled,
            experiment: run.experiment(),
        });
    }
    // A checkpoint knows the journal that led to it.
    let led = standing.map_or(Ok(()), |standing| standing.mark.check_journal(run));
    as_recorded(run, led)
}

/// What is refused of that journal and series are those that were recorded, and complete.
fn as_recorded(run: &RunFolder, found: Result<(), NotRecorded>) -> Result<(), SessionError> {
    match found {
        // The metrics are lost, the training is not.
        Ok(()) | Err(NotRecorded::NoSeries(_)) => Ok(()),
        Err(NotRecorded::OtherSeries(path)) => Err(SessionError::OtherSeries(path)),
        Err(NotRecorded::NoJournal(path)) => Err(missing(run, path, "the run was recorded")),
        Err(NotRecorded::OtherJournal(path)) => Err(SessionError::OtherJournal(path)),
        Err(NotRecorded::JournalCut {
            path,
            found,
            expected,
        }) => Err(SessionError::JournalCut {
            path,
            found,
            expected,
            experiment: run.experiment(),
        }),
        Err(other @ NotRecorded::OtherRun(_)) => Err(SessionError::NotRecorded(other)),
    }
}

/// What is to be known of the series of logged steps that a checkpoint was saved
/// with, if it is missing.
fn series_of(
    run: &RunFolder,
    standing: Option<&Standing>,
    version: Option<u32>,
) -> Result<Option<String>, SessionError> {
    let Some(standing) = standing else {
        return Ok(None);
    };
    match standing.mark.check_series(run) {
        Err(NotRecorded::NoSeries(path)) => Ok(Some(format!(
            "{} is missing: the metrics of the steps until {} are lost",
            path.shown(),
            standing.position.step
        ))),
        // Since then it is held against what was recorded last: it may have started over.
        _ if version >= Some(JOURNAL_VERSION_WITH_MARK) => Ok(None),
        found => as_recorded(run, found).map(|()| None),
    }
}

/// Prepares a run of an older program, whose journal says what its images were.
fn as_journalled(
    run: &RunFolder,
    events: &[RunEvent],
    stop: &StopSignal,
) -> Result<Prepared, SessionError> {
    let began = events.iter().find_map(|event| match event {
        RunEvent::RunStarted { experiment, .. } if !experiment.is_empty() => Some(experiment),
        _ => None,
    });
    if began.is_some_and(|began| run.experiment_hash().ok().as_ref() != Some(began)) {
        return Err(SessionError::Edited(run.experiment()));
    }
    let plan = frozen(run)?.plan;
    let prepared = unless_stopped(stop, move || Prepared::new(plan, &|_| ()))?;
    let before = events.iter().find_map(|event| match event {
        RunEvent::DataIndexed(summary) => Some(summary),
        _ => None,
    });
    match before.and_then(|before| before.difference(&prepared.data)) {
        Some(difference) => Err(crate::engine::PrepareError::OtherImages(difference).into()),
        None => Ok(prepared),
    }
}

/// Whether the last process trained to the end.
fn finished(events: &[RunEvent]) -> bool {
    events
        .iter()
        .rev()
        .find_map(|event| match event {
            RunEvent::RunEnded(outcome) => Some(outcome.is_completed()),
            RunEvent::RunStarted { .. } => Some(false),
            _ => None,
        })
        .unwrap_or(false)
}

/// What a person should know who resumes on another device.
fn other_device(events: &[RunEvent], device: &DeviceKind) -> Option<String> {
    let before = events.iter().rev().find_map(|event| match event {
        RunEvent::RunStarted {
            device,
            device_kind,
            ..
        } => device_kind.clone().or_else(|| DeviceKind::of_name(device)),
        _ => None,
    })?;
    before.differs(device).then(|| {
        format!(
            "resumed on {device}, trained on {before}: results will differ from an uninterrupted run; set the device in the experiment to keep it"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;

    fn record(id: &str, origin: Origin, command: Command) -> CommandRecord {
        CommandRecord {
            id: id.to_owned(),
            origin,
            command,
        }
    }

    #[test]
    fn a_command_that_was_received_and_not_answered_is_due_again() {
        let lower = record("lower", Origin::Process, Command::EvaluateNow);
        let received = |record: &CommandRecord| RunEvent::CommandReceived(record.clone());
        let applied = |id: &str| RunEvent::CommandApplied {
            id: id.to_owned(),
            phase: Phase::Student,
            step: 3,
            from: None,
        };
        let rejected = RunEvent::CommandRejected {
            id: "lower".to_owned(),
            reason: "no".to_owned(),
        };
        let start = Position {
            phase: Phase::Student,
            step: 2,
        };
        let left = |events: &[RunEvent]| {
            let due = due(events, start).into_iter();
            due.map(|(_, record)| record).collect::<Vec<_>>()
        };
        assert_eq!(left(&[received(&lower)]), std::slice::from_ref(&lower));
        assert_eq!(left(&[received(&lower), applied("lower")]), []);
        assert_eq!(left(&[received(&lower), rejected]), []);
        let other = received(&lower);
        assert_eq!(
            left(&[other, applied("other")]),
            std::slice::from_ref(&lower)
        );
        for moot in [
            record("stop", Origin::Signal, Command::Stop),
            record("pause", Origin::Process, Command::Pause),
            record("again", Origin::Replay, Command::EvaluateNow),
        ] {
            assert_eq!(left(&[received(&moot)]), [], "{moot:?}");
        }
    }

    #[test]
    fn an_extension_that_is_typed_again_after_a_kill_says_that_it_counts_again() {
        let extend = |origin| {
            let command = Command::Extend {
                epochs: 15,
                schedules_end: None,
            };
            let at = Position {
                phase: Phase::Student,
                step: 60,
            };
            (at, record("resume-1-0", origin, command))
        };
        let started = |origin| RunEvent::RunStarted {
            name: String::new(),
            version: String::new(),
            device: String::new(),
            device_kind: None,
            resumed: None,
            experiment: String::new(),
            pending: vec![extend(origin)],
        };
        let killed = repeated(&[started(Origin::Launch)], 15).unwrap();
        assert!(killed.contains("To train to 15, resume without --add-epochs"));
        let ended = RunEvent::RunEnded(Outcome::Completed);
        assert_eq!(repeated(&[started(Origin::Launch), ended], 15), None);
        assert_eq!(repeated(&[started(Origin::Replay)], 15), None);
    }

    #[test]
    fn what_a_killed_process_had_before_it_is_due_where_it_was_to_take_effect() {
        let at = |step| Position {
            phase: Phase::Student,
            step,
        };
        let turn = |id: &str, origin| {
            let knob = "lr".to_owned();
            let schedule = Schedule::Constant(0.1);
            record(id, origin, Command::Adjust { knob, schedule })
        };
        let pending = vec![
            (at(60), turn("asked", Origin::User)),
            (at(80), turn("again", Origin::Replay)),
        ];
        let started = |pending: &[(Position, CommandRecord)]| RunEvent::RunStarted {
            name: String::new(),
            version: String::new(),
            device: String::new(),
            device_kind: None,
            resumed: Some(at(60)),
            experiment: String::new(),
            pending: pending.to_vec(),
        };
        let mut events = vec![started(&pending)];
        assert_eq!(due(&events, at(60)), pending);
        let asked = pending[0].1.clone();
        events.push(RunEvent::CommandReceived(asked));
        assert_eq!(due(&events, at(60)), pending);
        events.push(RunEvent::CommandApplied {
            id: "asked".to_owned(),
            phase: Phase::Student,
            step: 60,
            from: None,
        });
        assert_eq!(due(&events, at(60)), pending[1..]);
        // The next process has its own.
        events.push(started(&[]));
        assert_eq!(due(&events, at(60)), []);
    }
}
