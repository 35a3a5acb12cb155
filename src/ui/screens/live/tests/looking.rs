//! Looking at charts: filters, zoom, runs, commands, and any size.

use std::collections::BTreeMap;

use crossterm::event::{Event, MouseButton, MouseEventKind};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use super::story::{EPOCHS, PER_EPOCH, add, adjust, events, feed, machine, screen, step};
use crate::event::{
    Command, CommandRecord, EvaluatedWeights, Evaluation, Origin, Outcome, Phase, Position,
    RunEvent, Split,
};
use crate::experiment::schedule::Schedule;
use crate::format::shorten_middle;
use crate::store::Owner;
use crate::ui::Effect;
use crate::ui::action::ACTIONS;
use crate::ui::layout::Layout;
use crate::ui::testing::Harness;

fn asked(harness: &mut Harness) -> Vec<Command> {
    let commands = harness
        .take()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Command { command, .. } => Some(command),
            _ => None,
        });
    commands.collect()
}

#[test]
fn the_training_is_paused_resumed_evaluated_saved_and_stopped() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(50));
    harness.keys(&["space", "e", "c"]);
    assert_eq!(
        asked(&mut harness),
        [Command::Pause, Command::EvaluateNow, Command::CheckpointNow]
    );
    feed(&mut harness, &name, &[RunEvent::Paused(true)]);
    harness.keys(&["e"]);
    assert_eq!(asked(&mut harness), [Command::EvaluateNow]);
    let shown = harness.screen();
    assert!(shown.contains("evaluation requested "), "at once: {shown}");
    assert!(harness.keys(&["space"]).screen().contains(" paused "));
    assert_eq!(asked(&mut harness), [Command::Resume]);
    harness.keys(&["x", "esc", "x", "enter"]);
    assert_eq!(asked(&mut harness), [Command::Stop]);
}

#[test]
fn hints_say_what_can_be_done_with_the_run() {
    let foot = |owner, outcome: Option<Outcome>| {
        let mut events = events(50);
        events.extend(outcome.map(RunEvent::RunEnded));
        let (mut harness, _) = screen((80, 24), owner, &events);
        let shown = harness.screen();
        shown.lines().last().unwrap().to_owned()
    };
    let reason = "stopped by user".to_owned();
    let message = "the loss is NaN".to_owned();
    assert!(foot(Owner::Here, None).starts_with("\" space pause  e evaluate "));
    for outcome in [Outcome::Stopped { reason }, Outcome::Failed { message }] {
        let foot = foot(Owner::None, Some(outcome));
        assert!(foot.starts_with("\" space resume  K knobs "), "{foot}");
    }
    let complete = foot(Owner::None, Some(Outcome::Completed));
    assert!(complete.starts_with("\" K knobs  v events "), "{complete}");
}

#[test]
fn a_paused_run_shows_where_it_stands_not_what_was_logged_last() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(50));
    let record = CommandRecord {
        id: "p".to_owned(),
        origin: Origin::User,
        command: Command::Pause,
    };
    let applied = RunEvent::CommandApplied {
        id: "p".to_owned(),
        phase: Phase::Student,
        step: 56,
        from: None,
    };
    let events = [
        RunEvent::CommandReceived(record),
        RunEvent::Paused(true),
        applied,
    ];
    feed(&mut harness, &name, &events);
    assert!(harness.screen().contains("step 56 of 480"));
    harness.keys(&["a", "a", "left"]);
    assert!(
        harness.screen().contains("at step 56"),
        "{}",
        harness.screen()
    );
    harness.keys(&["K", "up", "enter"]);
    let asked = asked(&mut harness);
    let [
        Command::Adjust {
            schedule: Schedule::Piecewise(points),
            ..
        },
    ] = asked.as_slice()
    else {
        panic!("{asked:?}");
    };
    assert_eq!(points[0].0, 1.4);
}

#[test]
fn a_training_that_ended_says_what_it_took() {
    let mut events = events(480);
    events.push(RunEvent::PhaseEnded {
        phase: Phase::Student,
        seconds: 250.0,
    });
    let (mut harness, _) = screen((80, 24), Owner::Here, &events);
    let text = harness.screen();
    assert!(text.contains("✓ trained"), "{text}");
    assert!(text.contains("trained in 4 m 10 s"), "{text}");
    assert!(!text.contains("left"), "{text}");
}

#[test]
fn a_finished_run_takes_no_commands_and_a_stopped_one_is_resumed() {
    let mut events = events(50);
    events.push(RunEvent::RunEnded(Outcome::Stopped {
        reason: "asked".to_owned(),
    }));
    let (mut harness, name) = screen((80, 24), Owner::None, &events);
    harness.keys(&["e"]);
    assert_eq!(harness.take(), []);
    assert!(harness.screen().contains("it is stopped; resume it first"));
    harness.keys(&["space", "enter"]);
    assert_eq!(harness.take(), [Effect::ResumeRun(name)]);
}

#[test]
fn going_back_asks_to_which_checkpoint_by_the_change_that_came_after_it() {
    let mut events = events(50);
    let (mut harness, _) = screen((80, 24), Owner::Here, &events);
    harness.keys(&["F"]);
    assert!(harness.screen().contains("has no kept checkpoint"));
    for (step, value) in [(30, 0.05), (40, 0.01)] {
        let at = Position {
            phase: Phase::Student,
            step,
        };
        let folder = format!("kept/step-{step}").into();
        events.push(RunEvent::CheckpointKept { at, folder });
        let schedule = Schedule::Constant(value);
        events.extend(adjust(&step.to_string(), "lr", schedule, Some(Ok(step))));
    }
    let (mut harness, name) = screen((80, 24), Owner::Here, &events);
    harness.keys(&["F"]);
    insta::assert_snapshot!("going_back", harness.screen());
    harness.keys(&["down", "enter"]);
    let at = Position {
        phase: Phase::Student,
        step: 30,
    };
    assert_eq!(harness.take(), [Effect::ForkRun { run: name, at }]);
}

#[test]
fn a_training_that_ended_early_says_so_and_is_extended_within_its_schedules() {
    let step = 2 * PER_EPOCH;
    let mut events = events(step);
    let (phase, seconds) = (Phase::Student, 250.0);
    let reason = "no improvement of valid/top1 in 1 epoch (70 % at epoch 1)".to_owned();
    let early = RunEvent::StoppedEarly {
        phase,
        steps: step,
        step,
        reason: reason.clone(),
    };
    let epoch = 2;
    let planned = Some(9);
    let ended = RunEvent::RunEnded(Outcome::StoppedEarly {
        epoch,
        planned,
        reason,
    });
    events.extend([early, RunEvent::PhaseEnded { phase, seconds }, ended]);
    let (mut harness, name) = screen((100, 30), Owner::None, &events);
    let shown = harness.screen();
    assert!(shown.contains("completed"), "{shown}");
    assert!(
        shown.contains("stopped early after epoch 2 of 9: no improvement"),
        "{shown}"
    );
    assert!(shown.contains("epoch 2 of 9  step 80 of 80"), "{shown}");
    harness.keys(&["E", "backspace", "backspace"]).text("3\n");
    let asked = harness.screen();
    assert!(asked.contains("Train to epoch 5"), "{asked}");
    // The learning rate that the schedule comes to is not there yet.
    assert!(asked.contains("Scheduled to epoch 12: lr"), "{asked}");
    assert!(!asked.contains("will not change"), "{asked}");
    harness.keys(&["enter"]);
    let expected = Effect::ExtendRun {
        run: name,
        epochs: 3,
        stretches: false,
        set: Vec::new(),
    };
    assert_eq!(harness.take(), [expected]);
}

#[test]
fn more_epochs_are_asked_for_with_what_becomes_of_schedules() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(50));
    harness
        .keys(&["E", "backspace", "backspace"])
        .text("none\n");
    assert!(harness.screen().contains("`none` is not a number"));
    harness
        .keys(&["esc", "E", "backspace", "backspace"])
        .text("8\n");
    insta::assert_snapshot!("more_epochs", harness.screen());
    // To hold the learning rate at 0 makes no sense, and is not what `enter` does.
    harness.keys(&["enter"]);
    let extend = |schedules_end| Command::Extend {
        epochs: 20,
        schedules_end,
    };
    assert_eq!(asked(&mut harness), [extend(None)]);
    harness
        .keys(&["E", "backspace", "backspace"])
        .text("8\n")
        .keys(&["h"]);
    assert_eq!(asked(&mut harness), [extend(Some(12))]);
    let record = CommandRecord {
        id: "more".to_owned(),
        origin: Origin::User,
        command: extend(Some(12)),
    };
    let (phase, step) = (Phase::Student, 50);
    let id = "more".to_owned();
    let happened = [
        RunEvent::CommandReceived(record),
        RunEvent::CommandApplied {
            id,
            phase,
            step,
            from: None,
        },
        RunEvent::TrainingExtended {
            phase,
            steps: 800,
            step,
        },
    ];
    feed(&mut harness, &name, &happened);
    let shown = harness.screen();
    assert!(shown.contains("epoch 1.2 of 20"), "{shown}");
    assert!(shown.contains("train to epoch 20"), "{shown}");

    // It is known that it is held, and a learning rate is asked for.
    harness.keys(&["E", "backspace", "backspace"]).text("10\n");
    insta::assert_snapshot!("more_epochs_at_lr_0", harness.screen());
    harness.text("101\n");
    assert!(
        harness.screen().contains("lr lies from 0 to 100"),
        "{}",
        harness.screen()
    );
    harness.keys(&["ctrl+u"]).text("0.02\n").keys(&["h"]);
    let cosine = Schedule::Cosine {
        from: 0.1,
        to: 0.0,
        epochs: Some(11.0),
    };
    let warmup = Schedule::Warmup {
        epochs: 1.0,
        then: Box::new(cosine),
    };
    let set = Command::Adjust {
        knob: "lr".to_owned(),
        schedule: Schedule::Until {
            epochs: 20.0,
            first: Box::new(warmup),
            then: Box::new(Schedule::Constant(0.02)),
        },
    };
    let more = Command::Extend {
        epochs: 30,
        schedules_end: Some(20),
    };
    assert_eq!(asked(&mut harness), [more, set]);

    let mut events = events(480);
    events.push(RunEvent::RunEnded(Outcome::Completed));
    let (mut harness, run) = screen((80, 24), Owner::None, &events);
    harness
        .keys(&["E", "backspace", "backspace"])
        .text("3\n")
        .keys(&["h"]);
    let expected = Effect::ExtendRun {
        run,
        epochs: 3,
        stretches: false,
        set: Vec::new(),
    };
    assert_eq!(harness.take(), [expected]);
}

#[test]
fn charts_are_filtered_by_regular_expression() {
    let (mut harness, _) = screen((80, 24), Owner::Here, &events(50));
    harness.keys(&["/"]).text("^lr$|KL\n");
    let screen = harness.screen();
    assert!(
        screen.contains("▸lr log") && screen.contains("KL from teacher"),
        "{screen}"
    );
    assert!(!screen.contains("accuracy  "), "{screen}");
    harness.keys(&["/", "ctrl+u"]).text("(\n");
    assert!(harness.screen().contains("`(` is not a regular expression"));
    harness.keys(&["/", "ctrl+u"]).text("zzz\n");
    assert!(harness.screen().contains("no chart matches `zzz`"));
    harness.keys(&["0"]);
    assert!(harness.screen().contains("▸loss"));
}

#[test]
fn the_tail_stays_in_view_unless_one_pans_away() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(400));
    harness.keys(&["enter", "a", "a", "+", "+"]);
    assert!(harness.screen().contains("┬400") || harness.screen().contains("┬380"));
    let later: Vec<RunEvent> = events(470).split_off(events(400).len());
    feed(&mut harness, &name, &later);
    assert!(harness.screen().contains("┬460"), "{}", harness.screen());
    harness.keys(&["home"]);
    assert!(harness.screen().contains("scrolled back"));
    harness.keys(&["end"]);
    assert!(!harness.screen().contains("scrolled back"));
}

#[test]
fn runs_are_cycled_through_and_opened() {
    let (mut harness, first) = screen((80, 24), Owner::Here, &events(50));
    let second = add(&mut harness, "zebra", Owner::None, &[]);
    harness.keys(&["]"]);
    assert_eq!(harness.take(), [Effect::OpenRun(second)]);
    harness.keys(&["]"]);
    assert_eq!(harness.take(), [Effect::OpenRun(first)]);
}

#[test]
fn the_header_distinguishes_runs_of_one_experiment_and_labels_what_was_tested() {
    let (mut harness, first) = screen((80, 24), Owner::None, &events(PER_EPOCH * EPOCHS));
    let second = add(&mut harness, "quickstart", Owner::None, &events(50));
    let mut tested = evaluation_of(&harness, &first);
    tested.split = Split::Test;
    tested.top1 = 0.811;
    let last = RunEvent::Evaluated(tested.clone());
    (tested.weights, tested.top1) = (EvaluatedWeights::Best, 0.822);
    feed(&mut harness, &first, &[last, RunEvent::Evaluated(tested)]);
    let shown = harness.screen();
    assert!(shown.contains(&shorten_middle(&first, 24_usize)), "{shown}");
    assert!(
        shown.contains("test (best) 82.2 %  (last) 81.1 %"),
        "{shown}"
    );
    assert!(shown.contains("test top-1 (best) 82.2 %"), "{shown}");
    assert!(shown.contains("test top-1 (last) 81.1 %"), "{shown}");
    // The events are cut where they can be spared.
    let event = shown
        .lines()
        .find(|line| line.contains("test top-1 (best)"))
        .unwrap();
    assert!(event.contains(", KL 0."), "{shown}");
    harness.keys(&["]"]);
    let other = harness.screen();
    let head = |screen: &str| screen.lines().nth(1).unwrap().to_owned();
    assert_ne!(head(&shown)[..28], head(&other)[..28], "{first} {second}");
}

#[test]
fn a_click_selects_a_chart_and_sets_the_crosshair_of_all() {
    let (mut harness, _) = screen((80, 24), Owner::Here, &events(250));
    let kind = MouseEventKind::Down(MouseButton::Left);
    harness.mouse(kind, 60, 8);
    let screen = harness.screen();
    assert!(screen.contains("▸accuracy"), "{screen}");
    assert!(
        screen.contains(" at ") && screen.matches('│').count() > 8,
        "{screen}"
    );
    let kind = MouseEventKind::ScrollUp;
    harness.mouse(kind, 60, 8);
    assert!(harness.screen().contains("scrolled back"));
}

fn kept(harness: &mut Harness) -> Vec<Layout> {
    let effects = harness.take().into_iter();
    let kept = effects.filter_map(|effect| match effect {
        Effect::KeepLayout(layout) => Some(layout),
        _ => None,
    });
    kept.collect()
}

#[test]
fn columns_and_rows_of_charts_are_chosen_as_far_as_there_is_room() {
    let (mut harness, _) = screen((200, 60), Owner::Here, &events(50));
    let titles = |harness: &mut Harness| {
        let text = harness.screen();
        text.matches("epoch╰").count()
    };
    assert_eq!(titles(&mut harness), 6);
    harness.keys(&["<"]);
    assert_eq!(titles(&mut harness), 4);
    assert!(harness.screen().contains("2 × 2 charts per page"));
    harness.keys(&["}", "}", "{", "}"]);
    assert_eq!(titles(&mut harness), 8);
    assert_eq!(kept(&mut harness).last().unwrap().grid, Some((2, 4)));
    for _ in 0..9 {
        harness.keys(&[">"]);
    }
    assert!(harness.screen().contains("no room for more"));
    assert_eq!(kept(&mut harness).last().unwrap().grid, Some((5, 4)));
    harness.keys(&["{"; 6]);
    assert!(harness.screen().contains("already a single row"));
    kept(&mut harness);
    harness.keys(&["0"]);
    assert_eq!(titles(&mut harness), 6);
    assert_eq!(kept(&mut harness), [Layout::default()]);
}

#[test]
fn events_that_are_not_followed_say_so_and_one_key_follows_again() {
    for size in [(80, 24), (200, 60)] {
        let (mut harness, name) = screen(size, Owner::Here, &events(250));
        let mut evaluation = evaluation_of(&harness, &name);
        let title = |harness: &mut Harness| {
            let screen = harness.screen();
            screen
                .lines()
                .find(|l| l.contains("events "))
                .unwrap()
                .to_owned()
        };
        assert!(title(&mut harness).contains("events ── k knob"));
        let foot = |harness: &mut Harness| harness.screen().lines().last().unwrap().to_owned();
        harness.keys(&["v"]);
        assert!(!foot(&mut harness).contains("f follow"));
        harness.keys(&["home"]);
        assert!(title(&mut harness).contains("events · not following ↓ f"));
        assert!(foot(&mut harness).contains("f follow"));
        // What `e` brings is announced, though the list stays where it is, also once
        // the keys are the charts' again.
        harness.keys(&["v"]);
        evaluation.step = 249;
        evaluation.top1 = 0.4321;
        feed(&mut harness, &name, &[RunEvent::Evaluated(evaluation)]);
        assert!(title(&mut harness).contains("events · 1 new ↓ f"));
        assert!(!harness.screen().contains("43.2 %, agreement"));
        harness.keys(&["f"]);
        assert!(title(&mut harness).contains("events ── k knob"));
        assert!(harness.screen().contains("43.2 %, agreement"));
        // The end of the list follows too.
        harness.keys(&["v", "up", "up", "end", "v"]);
        assert!(title(&mut harness).contains("events ── k knob"));
    }
}

#[test]
fn a_selected_event_stays_selected_when_earlier_lines_go() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(250));
    let saved = |step| RunEvent::CheckpointSaved {
        at: Position {
            phase: Phase::Student,
            step,
        },
        folder: "latest".into(),
        best: false,
        weights: None,
    };
    let mut evaluation = evaluation_of(&harness, &name);
    evaluation.step = 246;
    feed(
        &mut harness,
        &name,
        &[saved(245), RunEvent::Evaluated(evaluation)],
    );
    harness.keys(&["v", "up", "down"]);
    let selected = |harness: &mut Harness| {
        let screen = harness.screen();
        screen
            .lines()
            .find(|line| line.contains("▸e student"))
            .map(str::to_owned)
    };
    assert!(selected(&mut harness).unwrap().contains("student 246"));
    // Only the newest checkpoint is listed.
    harness.keys(&["up"]);
    let mut later = evaluation_of(&harness, &name);
    later.step = 247;
    feed(&mut harness, &name, &[RunEvent::Evaluated(later)]);
    harness.keys(&["down"]);
    feed(&mut harness, &name, &[saved(248)]);
    assert!(selected(&mut harness).unwrap().contains("student 246"));
}

fn evaluation_of(harness: &Harness, name: &str) -> Evaluation {
    let store = &harness.runs.get(name).unwrap().store;
    store.evaluations.last().unwrap().clone()
}

#[test]
fn borders_are_dragged_and_kept_when_they_are_let_go() {
    let (mut harness, _) = screen((200, 60), Owner::Here, &events(50));
    let mouse = |harness: &mut Harness, kind, column, row| {
        harness.mouse(kind, column, row);
    };
    let left = MouseButton::Left;
    // The side's first column is the 156th.
    mouse(&mut harness, MouseEventKind::Down(left), 156, 20);
    mouse(&mut harness, MouseEventKind::Drag(left), 130, 20);
    mouse(&mut harness, MouseEventKind::Drag(left), 120, 20);
    assert_eq!(kept(&mut harness), []);
    mouse(&mut harness, MouseEventKind::Up(left), 120, 20);
    let layout = kept(&mut harness).pop().unwrap();
    assert_eq!(layout.side, Some(80));
    // The next session begins with it.
    let (mut next, _) = screen((200, 60), Owner::Here, &events(50));
    next.ui = next.ui.with_layout(&layout);
    assert_eq!(next.ui.layout(), layout);
    assert_eq!(next.screen(), harness.screen());
    next.keys(&["n"]);
    assert_eq!(kept(&mut next), []);
    // Shut, it can be opened again.
    mouse(&mut harness, MouseEventKind::Down(left), 120, 20);
    mouse(&mut harness, MouseEventKind::Drag(left), 198, 20);
    mouse(&mut harness, MouseEventKind::Up(left), 198, 20);
    assert_eq!(kept(&mut harness).pop().unwrap().side, Some(1));
    mouse(&mut harness, MouseEventKind::Down(left), 199, 20);
    mouse(&mut harness, MouseEventKind::Drag(left), 150, 20);
    mouse(&mut harness, MouseEventKind::Up(left), 150, 20);
    assert_eq!(kept(&mut harness).pop().unwrap().side, Some(50));
}

/// Anything that a person can do on this screen, and some things that happen.
#[derive(Debug, Clone)]
enum Input {
    Key(&'static str),
    Mouse(MouseEventKind, u16, u16),
    Resize(u16, u16),
    Logged,
}

fn input() -> impl Strategy<Value = Input> {
    let keys: Vec<&'static str> = ACTIONS
        .iter()
        .filter(|entry| {
            use crate::ui::action::Context;
            matches!(
                entry.context,
                Context::Live | Context::Knobs | Context::Global
            )
        })
        .flat_map(|entry| entry.keys.iter().copied())
        .filter(|key| !matches!(*key, "1" | "2" | "4" | "5" | "tab" | "shift+tab" | "delete"))
        .collect();
    let kinds = prop_oneof![
        Just(MouseEventKind::Down(MouseButton::Left)),
        Just(MouseEventKind::Down(MouseButton::Right)),
        Just(MouseEventKind::Drag(MouseButton::Left)),
        Just(MouseEventKind::Up(MouseButton::Left)),
        Just(MouseEventKind::ScrollUp),
        Just(MouseEventKind::ScrollDown),
    ];
    prop_oneof![
        6 => proptest::sample::select(keys).prop_map(Input::Key),
        3 => (kinds, 0..210_u16, 0..70_u16).prop_map(|(kind, x, y)| Input::Mouse(kind, x, y)),
        1 => (1..210_u16, 1..70_u16).prop_map(|(width, height)| Input::Resize(width, height)),
        1 => Just(Input::Logged),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn nothing_that_one_does_ends_in_a_panic(inputs in proptest::collection::vec(input(), 1..80), strange in any::<f64>()) {
        let (mut harness, name) = screen((100, 30), Owner::Here, &events(130));
        machine(&mut harness);
        let mut at = 130;
        for input in inputs {
            match input {
                Input::Key(key) => _ = harness.keys(&[key]),
                Input::Mouse(kind, column, row) => {
                    harness.mouse(kind, column, row);
                }
                Input::Resize(width, height) => _ = harness.input(Event::Resize(width, height)),
                Input::Logged => {
                    feed(&mut harness, &name, &[step(at, &BTreeMap::from([("w", strange), ("lr", strange)]))]);
                    at += 1;
                }
            }
            harness.screen();
        }
    }
}

#[test]
fn a_student_that_learns_to_be_rounded_is_distinguished_from_the_best_in_floats() {
    let (mut harness, run) = screen((120, 30), Owner::None, &events(PER_EPOCH * EPOCHS));
    let shown = harness.screen();
    assert!(!shown.contains("quantized"), "{shown}");
    assert!(shown.contains("best 84.0 %"), "{shown}");
    let mut rounded = evaluation_of(&harness, &run);
    (rounded.weights, rounded.top1) = (EvaluatedWeights::Quantized, 0.987);
    let started = RunEvent::QuantizationStarted {
        step: rounded.step,
        images: 512,
        values: 12,
    };
    feed(&mut harness, &run, &[started, RunEvent::Evaluated(rounded)]);
    let shown = harness.screen();
    assert!(shown.contains("student, quantized"), "{shown}");
    assert!(shown.contains("best 84.0 %"), "{shown}");
    assert!(shown.contains("quantized 98.7 %"), "{shown}");
    assert!(shown.contains("valid top-1 (quantized) 98.7 %"), "{shown}");
}

#[test]
fn the_wheel_over_the_events_shows_what_it_selects() {
    let (mut harness, _) = screen((80, 24), Owner::Here, &events(250));
    let before = harness.screen();
    harness.mouse(MouseEventKind::ScrollUp, 20, 20);
    let wheel = harness.screen();
    assert_ne!(before, wheel);
    let (mut harness, _) = screen((80, 24), Owner::Here, &events(250));
    assert_eq!(harness.keys(&["v", "up"]).screen(), wheel);
}
