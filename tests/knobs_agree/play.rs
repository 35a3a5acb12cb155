//! A training played with the engine's own knobs and rounds, and everybody
//! asked about them at every step.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use proptest::sample::Index;
use workbench::engine::{KnobState, RoundState};
use workbench::event::{
    Command, CommandRecord, DataSummary, Origin, Phase, Position, RunEvent, StepRow,
};
use workbench::experiment::plan::{ResolvedPlan, Training};
use workbench::experiment::schedule::Schedule;
use workbench::experiment::timeline::Timeline;
use workbench::run::{RunFolder, RunPlan};
use workbench::store::{RunEntry, adjustments_from};
use workbench::ui::knob_values;

/// What happens to a training besides its steps.
#[derive(Debug, Clone)]
pub struct Story {
    /// The training that it happens to.
    pub of: Phase,
    /// Commands by the step that first feels them; the knob is one of so many.
    pub commands: BTreeMap<u64, Vec<Turn>>,
    /// After how many steps the process is killed, and how many of them its latest
    /// checkpoint lacks.
    pub kill: Option<(u64, u64)>,
    /// Losses, again and again.
    pub losses: Vec<f64>,
}

#[derive(Debug, Clone)]
pub enum Turn {
    Adjust(Index, Schedule),
    SetController(bool),
}

/// A run as it is trained and as it is watched.
pub struct Play {
    entry: RunEntry,
    /// The journal.
    events: Vec<RunEvent>,
    story: Story,
    /// Commands so far.
    asked: usize,
}

impl Play {
    pub fn new(resolved: &ResolvedPlan, story: Story, folder: &Path) -> Self {
        std::fs::write(folder.join("experiment.ron"), "").unwrap();
        let folder = RunFolder::at(folder).unwrap();
        let mut entry = RunEntry::new(folder, SystemTime::UNIX_EPOCH);
        entry.plan = Some(Arc::new(RunPlan {
            id: String::new(),
            started: None,
            experiment: String::new(),
            resolved: resolved.clone(),
            data: DataSummary::default(),
            models: Vec::new(),
            weights: Vec::new(),
            forked: None,
            study: None,
        }));
        let mut play = Self {
            entry,
            events: Vec::new(),
            story,
            asked: 0,
        };
        play.start(None);
        play
    }

    fn start(&mut self, resumed: Option<Position>) {
        self.observe(&RunEvent::RunStarted {
            name: "agree".to_owned(),
            version: "0.1.0".to_owned(),
            device: "none".to_owned(),
            device_kind: None,
            resumed,
            experiment: String::new(),
            pending: Vec::new(),
        });
    }

    /// Journals an event and lets the watcher read it from there.
    fn observe(&mut self, event: &RunEvent) {
        let line = serde_json::to_string(event).unwrap();
        let event: RunEvent = serde_json::from_str(&line).unwrap();
        self.entry.store.apply(&event);
        if !matches!(event, RunEvent::StepLogged(_)) {
            self.events.push(event);
        }
    }

    fn command(&mut self, command: Command) -> CommandRecord {
        self.asked += 1;
        CommandRecord {
            id: format!("c{}", self.asked),
            origin: Origin::User,
            command,
        }
    }
}

/// A training under way.
#[derive(Clone)]
struct State {
    step: u64,
    knobs: KnobState,
    round: RoundState,
}

/// Plays one training and compares what everybody says at every step.
pub fn train(play: &mut Play, phase: Phase, training: &Training, timeline: Timeline) {
    let mut state = State {
        step: 0,
        knobs: KnobState::new(training),
        round: RoundState::default(),
    };
    let mut checkpoint = state.clone();
    let mut again: Vec<(Position, CommandRecord)> = Vec::new();
    let started = |step| RunEvent::PhaseStarted {
        phase,
        steps: timeline.steps,
        steps_per_epoch: timeline.steps_per_epoch,
        step,
    };
    play.observe(&started(0));
    while state.step < timeline.steps {
        let at = Position {
            phase,
            step: state.step,
        };
        let kill = play.story.kill.filter(|_| play.story.of == phase);
        if let Some((killed, lost)) = kill
            && killed == state.step
        {
            play.story.kill = None;
            if lost > 0 {
                state = checkpoint.clone();
            }
            let at = Position {
                phase,
                step: state.step,
            };
            again = adjustments_from(&play.events, at);
            again.retain(|(at, _)| at.phase == phase);
            play.start(Some(at));
            play.observe(&started(state.step));
            continue;
        }
        if kill.is_some_and(|(killed, lost)| state.step + lost == killed) {
            checkpoint = state.clone();
        }
        let due = again.iter().take_while(|(due, _)| *due <= at).count();
        let mut records: Vec<CommandRecord> =
            again.drain(..due).map(|(_, record)| record).collect();
        let turns = if play.story.of == phase {
            play.story.commands.remove(&state.step)
        } else {
            None
        };
        for turn in turns.unwrap_or_default() {
            let command = match turn {
                Turn::Adjust(which, schedule) => {
                    let names: Vec<&str> = training.knobs().map(|k| k.name.as_str()).collect();
                    Command::Adjust {
                        knob: (*which.get(&names)).to_owned(),
                        schedule,
                    }
                }
                Turn::SetController(on) => Command::SetController { on },
            };
            records.push(play.command(command));
        }
        for record in records {
            apply(play, &mut state, record, (phase, training), timeline);
        }
        step(play, &mut state, (phase, training), timeline);
    }
    let seconds = 0.0;
    play.observe(&RunEvent::PhaseEnded { phase, seconds });
    let end = timeline.epoch(timeline.steps);
    assert_eq!(knob_values(&play.entry, phase), state.knobs.values(end));
}

fn apply(
    play: &mut Play,
    state: &mut State,
    record: CommandRecord,
    (phase, training): (Phase, &Training),
    timeline: Timeline,
) {
    play.observe(&RunEvent::CommandReceived(record.clone()));
    let now = timeline.epoch(state.step);
    let done = match &record.command {
        Command::Adjust { knob, schedule } => {
            let turned = state.knobs.adjust(knob, schedule.clone(), now);
            turned.map_err(|error| error.to_string())
        }
        Command::SetController { on } => state.round.set_controller(*on, training),
        other => panic!("{other:?} is no change of a knob"),
    };
    play.observe(&match done {
        Ok(()) => RunEvent::CommandApplied {
            id: record.id,
            phase,
            step: state.step,
            from: None,
        },
        Err(reason) => RunEvent::CommandRejected {
            id: record.id,
            reason,
        },
    });
}

fn step(
    play: &mut Play,
    state: &mut State,
    (phase, training): (Phase, &Training),
    timeline: Timeline,
) {
    let epoch = timeline.epoch(state.step);
    let felt = state.knobs.values(epoch);
    // Between logged steps Live receives no progress, and stands where it was.
    if play.entry.store.completed(phase) == state.step {
        let shown = knob_values(&play.entry, phase);
        assert_eq!(shown, felt, "{phase:?} step {}", state.step);
    }
    for knob in training.knobs() {
        let value = felt[&knob.name];
        assert!(knob.range().contains(value), "{} is {value}", knob.name);
    }
    if is_untouched(&play.events, phase) {
        // `--check` prints the schedules, and nothing has come between.
        let planned = training.knobs().map(|knob| {
            (
                knob.name.clone(),
                knob.schedule.at(epoch, training.epochs.into()),
            )
        });
        assert_eq!(planned.collect::<BTreeMap<_, _>>(), felt);
    }
    if state.step.is_multiple_of(u64::from(training.log_every)) {
        let values = felt
            .iter()
            .map(|(knob, value)| (format!("knob/{knob}"), *value));
        play.observe(&RunEvent::StepLogged(StepRow {
            phase,
            step: state.step,
            epoch,
            seconds: 0.0,
            values: values.collect(),
        }));
    }
    state.step += 1;
    let losses = &play.story.losses;
    let loss = losses[state.step as usize % losses.len()];
    let losses: Vec<(String, f64)> = training
        .objective
        .terms
        .iter()
        .map(|term| (term.name.clone(), loss))
        .collect();
    let completed = state.step;
    if state.round.step(&losses, completed, &timeline, training) {
        let target = state.round.compared_target(completed, &timeline, training);
        // Another of the story's losses: at times below the truth loss, at times above.
        let valid_loss = target.map(|_| {
            let losses = &play.story.losses;
            losses[(3 * completed as usize + 1) % losses.len()]
        });
        let event = state
            .round
            .end(completed, valid_loss, &timeline, training, &mut state.knobs);
        if let RunEvent::RoundEnded {
            knobs, decision, ..
        } = &event
        {
            assert_eq!(*knobs, state.knobs.values(timeline.epoch(state.step)));
            let compared = decision.as_ref().and_then(|decision| decision.compared);
            assert_eq!(compared.is_some(), valid_loss.is_some());
        }
        play.observe(&event);
    }
}

/// Whether neither a person nor a controller has moved a knob of this training.
fn is_untouched(events: &[RunEvent], phase: Phase) -> bool {
    !events.iter().any(|event| match event {
        RunEvent::CommandApplied { phase: of, .. } => *of == phase,
        RunEvent::RoundEnded { decision, .. } => decision.is_some() && phase == Phase::Student,
        _ => false,
    })
}
