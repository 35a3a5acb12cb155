use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;

/// Keeps what is emitted.
#[derive(Default)]
struct Kept(Mutex<Vec<RunEvent>>);

impl EventSink for Kept {
    fn emit(&self, event: RunEvent) {
        self.0.lock().unwrap().push(event);
    }

    fn flush(&self) {}
}

/// Commands by the step before which they are due; a waiting call gets the
/// next one in any case.
struct Planned(VecDeque<(u64, Command)>);

impl CommandSource for Planned {
    fn due(&mut self, at: Position, wait: bool) -> Vec<CommandRecord> {
        let due = self
            .0
            .front()
            .is_some_and(|&(step, _)| wait || step <= at.step);
        let next = if due { self.0.pop_front() } else { None };
        next.map(|(step, command)| CommandRecord {
            id: format!("c{step}"),
            origin: Origin::User,
            command,
        })
        .into_iter()
        .collect()
    }
}

fn script(extra: &str) -> Scripted {
    let steps: Vec<String> = (0..4)
        .map(|step| {
            format!(
                "Emit(StepLogged((phase: Student, step: {step}, epoch: {}, seconds: 0, \
                 values: {{\"knob/lr\": 0.1}}))),",
                f64::from(step) / 2.0
            )
        })
        .collect();
    Scripted::from_ron(&format!(
        "[Emit(PhaseStarted(phase: Student, steps: 4, steps_per_epoch: 2, step: 0)), {} {extra}]",
        steps.concat()
    ))
    .unwrap()
}

fn play(mut scripted: Scripted, commands: &[(u64, Command)]) -> (Outcome, Vec<RunEvent>) {
    let kept = Kept::default();
    let mut inbox = Planned(commands.iter().cloned().collect());
    let outcome = scripted.run(&mut inbox, &kept);
    (outcome, kept.0.into_inner().unwrap())
}

fn lr(events: &[RunEvent]) -> Vec<f64> {
    events
        .iter()
        .filter_map(|event| match event {
            RunEvent::StepLogged(row) => Some(row.values["knob/lr"]),
            _ => None,
        })
        .collect()
}

fn adjust(knob: &str) -> Command {
    Command::Adjust {
        knob: knob.to_owned(),
        schedule: Schedule::Linear {
            from: 0.0,
            to: 1.0,
            epochs: None,
        },
    }
}

#[test]
fn a_script_plays_to_its_end() {
    let (outcome, events) = play(script(""), &[]);
    assert_eq!(outcome, Outcome::Completed);
    assert_eq!(lr(&events), [0.1; 4]);
}

#[test]
fn an_adjustment_takes_effect_at_its_step_and_says_so() {
    let (_, events) = play(script(""), &[(2, adjust("lr"))]);
    assert_eq!(lr(&events), [0.1, 0.1, 0.5, 0.75]);
    assert!(events.contains(&RunEvent::CommandApplied {
        id: "c2".to_owned(),
        phase: Phase::Student,
        step: 2,
        from: None,
    }));
}

#[test]
fn an_adjustment_of_an_unknown_knob_is_rejected_and_changes_nothing() {
    let (_, events) = play(script(""), &[(2, adjust("rl"))]);
    assert_eq!(lr(&events), [0.1; 4]);
    assert!(events.contains(&RunEvent::CommandRejected {
        id: "c2".to_owned(),
        reason: "there is no knob `rl`".to_owned(),
    }));
}

#[test]
fn a_paused_script_waits_and_can_be_stopped() {
    let commands = [
        (1, Command::Pause),
        (9, Command::Resume),
        (2, Command::Stop),
    ];
    let (outcome, events) = play(script(""), &commands);
    assert_eq!(
        outcome,
        Outcome::Stopped {
            reason: "requested at the terminal".to_owned()
        }
    );
    assert_eq!(lr(&events).len(), 2);
    let pauses: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, RunEvent::Paused(_)))
        .collect();
    assert_eq!(pauses, [&RunEvent::Paused(true), &RunEvent::Paused(false)]);
}

#[test]
fn a_script_can_fail_and_can_wait_for_a_command() {
    let (outcome, _) = play(script("Fail(\"NaN\")"), &[]);
    let failed = |message: &str| Outcome::Failed {
        message: message.to_owned(),
    };
    assert_eq!(outcome, failed("NaN"));
    let (outcome, _) = play(
        script("WaitForCommand"),
        &[(99, Command::Pause), (99, Command::Resume)],
    );
    assert_eq!(outcome, Outcome::Completed);
    let (outcome, _) = play(script("WaitForCommand"), &[]);
    assert_eq!(
        outcome,
        failed("the script waited for a command and none arrived")
    );
}

#[test]
fn a_script_with_an_error_says_where() {
    let error = Scripted::from_ron("[Emit(Pause(true))]").unwrap_err();
    assert!(error.to_string().contains("1:"), "{error}");
}
