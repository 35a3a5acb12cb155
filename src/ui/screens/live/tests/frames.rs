//! What the screen looks like.

use super::story::{EPOCHS, PER_EPOCH, add, adjust, events, feed, machine, screen};
use crate::event::export::testing::export;
use crate::event::{Command, CommandRecord, Origin, Outcome, Phase, RunEvent};
use crate::experiment::schedule::Schedule;
use crate::format::Symbols;
use crate::format::shorten_middle;
use crate::run::Holder;
use crate::store::Owner;
use crate::ui::testing::Harness;

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 60);

fn full(size: (u16, u16)) -> Harness {
    let (mut harness, name) = screen(size, Owner::Here, &events(250));
    machine(&mut harness);
    feed(
        &mut harness,
        &name,
        &adjust("a", "lr", Schedule::Constant(0.03), Some(Ok(250))),
    );
    harness
}

#[test]
fn without_a_run_it_says_where_runs_come_from() {
    let mut harness = Harness::new(80, 24);
    insta::assert_snapshot!(harness.keys(&["3"]).screen());
}

#[test]
fn a_run_that_has_just_started_has_no_numbers_yet() {
    let (mut harness, _) = screen(SMALL, Owner::Here, &events(0));
    insta::assert_snapshot!(harness.screen());
}

#[test]
fn a_run_in_full_swing_on_a_small_terminal() {
    insta::assert_snapshot!(full(SMALL).screen());
}

#[test]
fn a_run_in_full_swing_on_a_large_terminal() {
    insta::assert_snapshot!(full(LARGE).screen());
}

#[test]
fn one_chart_alone_smoothed_with_a_crosshair() {
    let mut harness = full(SMALL);
    harness.keys(&["enter", "s", "s", "s", "left", "left", "left"]);
    for _ in 0..40 {
        harness.keys(&["left"]);
    }
    insta::assert_snapshot!(harness.screen());
}

#[test]
fn a_failed_run_says_why_and_what_to_do() {
    let mut events = events(90);
    events.push(RunEvent::Warned {
        message: "1 image could not be read".to_owned(),
    });
    let message = "the loss is not a number at step 90 (epoch 2.25); lower lr";
    events.push(RunEvent::RunEnded(Outcome::Failed {
        message: message.to_owned(),
    }));
    let (mut harness, _) = screen(SMALL, Owner::None, &events);
    insta::assert_snapshot!(harness.screen());
}

#[test]
fn advice_of_a_failed_run_is_shown_whole_or_ends_with_an_ellipsis() {
    let advice = "step 21: `features.5.running_var` is no longer finite; the last checkpoint is \
                  kept. To resume with a lower learning rate: workbench --resume \
                  checkpoints/quickstart-20260102-120000-8e9912 --set lr=0.01.";
    let head = |message: String| {
        let mut events = events(90);
        events.push(RunEvent::RunEnded(Outcome::Failed { message }));
        let (mut harness, _) = screen(SMALL, Owner::None, &events);
        let head = harness.screen().replace(['\n', '"'], " ");
        head.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let whole = head(advice.to_owned());
    assert!(whole.contains("8e9912 --set lr=0.01"), "{whole}");
    assert!(!whole.contains("; press space"), "{whole}");
    let cut = head(advice.repeat(3));
    assert!(cut.contains(" … "), "{cut}");
}

#[test]
fn a_crashed_run_can_be_resumed() {
    let (mut harness, _) = screen(SMALL, Owner::None, &events(90));
    insta::assert_snapshot!(harness.screen());
}

#[test]
fn knobs_on_a_small_terminal() {
    let mut harness = full(SMALL);
    insta::assert_snapshot!(harness.keys(&["K", "n"]).screen());
}

#[test]
fn a_reshaped_knob_on_a_large_terminal() {
    let mut harness = full(LARGE);
    insta::assert_snapshot!(harness.keys(&["K", "s", "s", "right", "right"]).screen());
}

#[test]
fn events_are_read_from_the_newest_back() {
    let mut harness = full(LARGE);
    insta::assert_snapshot!(harness.keys(&["v", "up", "up", "up"]).screen());
    let mut harness = full(SMALL);
    insta::assert_snapshot!(harness.keys(&["v", "up", "up", "up"]).screen());
}

#[test]
fn a_run_on_the_smallest_terminals_says_what_matters_most() {
    for size in [(60, 15), (40, 10)] {
        insta::assert_snapshot!(full(size).screen());
        insta::assert_snapshot!(full(size).keys(&["K"]).screen());
        insta::assert_snapshot!(full(size).keys(&["v", "up"]).screen());
    }
}

#[test]
fn rounds_that_end_with_every_epoch_leave_the_axis_to_what_a_person_did() {
    let (mut harness, name) = screen(SMALL, Owner::Here, &events(PER_EPOCH * EPOCHS));
    let changed = |id: &str, step: u64| {
        let schedule = Schedule::Constant(0.03);
        adjust(id, "lr", schedule, Some(Ok(step)))
    };
    feed(&mut harness, &name, &changed("a", 240));
    feed(&mut harness, &name, &changed("b", 285));
    let shown = harness.screen();
    // The numbers of the axis have no letters, the unit stands left of it.
    let letters = |line: &str| -> String {
        let axis = line.split('╰').skip(1).collect::<String>();
        axis.chars().filter(|c| "krbce".contains(*c)).collect()
    };
    let axes: Vec<String> = shown
        .lines()
        .map(letters)
        .filter(|it| !it.is_empty())
        .collect();
    assert!(axes.len() > 1, "{shown}");
    for marks in axes {
        let marks = marks.replace("epoch", "").replace("ec", "");
        assert!(
            !marks.contains('r') && marks.contains("kk"),
            "{marks}: {shown}"
        );
    }
    harness.keys(&["<", "}", "a", "a"]);
    insta::assert_snapshot!(harness.screen());
}

#[test]
fn rounds_between_epochs_are_marked() {
    let mut events = events(PER_EPOCH * 4);
    for event in &mut events {
        if let RunEvent::RoundEnded { step, .. } = event {
            *step -= 15;
        }
    }
    let (mut harness, _) = screen(LARGE, Owner::Here, &events);
    let shown = harness.screen();
    let row = |line: &&str| line.contains(" r ") && !line.contains("student");
    assert!(shown.lines().any(|line| row(&line)), "{shown}");
}

#[test]
fn the_column_beside_the_charts_lists_the_evaluations_of_the_training_that_is_shown() {
    let evaluations = events(PER_EPOCH * 3).into_iter().filter_map(|event| {
        let RunEvent::Evaluated(mut evaluation) = event else {
            return None;
        };
        (evaluation.phase, evaluation.teacher) = (Phase::Teacher, None);
        Some(RunEvent::Evaluated(evaluation))
    });
    let mut of_teacher = vec![RunEvent::PhaseStarted {
        phase: Phase::Teacher,
        steps: 4 * PER_EPOCH,
        steps_per_epoch: PER_EPOCH,
        step: 0,
    }];
    of_teacher.extend(evaluations);
    let (mut harness, _) = screen(LARGE, Owner::Here, &of_teacher);
    let shown = harness.screen();
    let pane: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.contains("│─ evaluations"))
        .map(|line| {
            line.rsplit('│')
                .next()
                .unwrap_or_default()
                .trim_matches(['"', ' '])
        })
        .collect();
    assert_eq!(pane[1], "epoch     top-1      loss", "{shown}");
    assert!(
        pane[2].starts_with("3    76.8 %") && pane[2].ends_with('★'),
        "{shown}"
    );
    assert!(
        pane[4].starts_with("1    57.7 %") && !pane[4].ends_with('★'),
        "{shown}"
    );
}

#[test]
fn a_run_that_another_workbench_trains_is_not_called_idle() {
    let holder = Holder {
        pid: 1,
        host: "lab".to_owned(),
        since: "20260102-120000".to_owned(),
    };
    let (mut harness, name) = screen(LARGE, Owner::Elsewhere(holder), &events(90));
    let shown = harness.screen();
    let tabs = shown.lines().next().unwrap();
    assert!(
        tabs.contains(&format!("training elsewhere {name}")),
        "{tabs}"
    );
    harness.runs.get_mut(&name).unwrap().owner = Owner::None;
    let shown = harness.screen();
    assert!(shown.lines().next().unwrap().contains(" idle "), "{shown}");
}

#[test]
fn an_evaluation_that_was_asked_for_is_one_line_with_its_result() {
    let mut events = events(PER_EPOCH * 2);
    let step = PER_EPOCH * 2;
    let record = CommandRecord {
        id: "a".to_owned(),
        origin: Origin::User,
        command: Command::EvaluateNow,
    };
    events.push(RunEvent::CommandReceived(record));
    events.push(RunEvent::CommandApplied {
        id: "a".to_owned(),
        phase: Phase::Student,
        step,
        from: None,
    });
    let again = events
        .iter()
        .rfind(|event| matches!(event, RunEvent::Evaluated(_)));
    events.push(again.unwrap().clone());
    let (mut harness, _) = screen(LARGE, Owner::Here, &events);
    let shown = harness.keys(&["v"]).screen();
    let lines = shown.lines().filter(|line| line.contains("e student 80 "));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{shown}");
    assert!(lines[0].contains("evaluate now: valid top-1"), "{shown}");
}

#[test]
fn a_trained_teacher_says_so() {
    let mut events = events(100);
    let started = RunEvent::PhaseStarted {
        phase: Phase::Teacher,
        steps: 80,
        steps_per_epoch: PER_EPOCH,
        step: 0,
    };
    let ended = RunEvent::PhaseEnded {
        phase: Phase::Teacher,
        seconds: 61.0,
    };
    // Before the student began.
    events.splice(2..2, [started, ended]);
    let (mut harness, _) = screen(SMALL, Owner::Here, &events);
    insta::assert_snapshot!(harness.keys(&["t"]).screen());
}

#[test]
fn charts_are_ascii_on_a_terminal_without_utf_8() {
    for size in [SMALL, LARGE] {
        let mut harness = full(size);
        let theme = harness.ui.shared.theme.clone();
        harness.ui.shared.theme = theme.with_symbols(Symbols::Ascii);
        let screen = harness.screen();
        assert!(screen.is_ascii(), "{screen}");
        if size == SMALL {
            insta::assert_snapshot!("ascii_80x24", screen);
        }
        let knobs = harness.keys(&["k"]).screen();
        assert!(knobs.is_ascii(), "{knobs}");
    }
}

#[test]
fn the_column_beside_the_charts_names_the_newest_runs_and_marks_the_shown_one() {
    let (mut harness, first) = screen(LARGE, Owner::None, &events(90));
    let second = add(&mut harness, "vanilla", Owner::None, &events(50));
    let shown = harness.screen();
    let row = |name: &str| {
        let name = shorten_middle(name, 30_usize);
        let row = shown
            .lines()
            .find(|line| line.contains(&format!("{name} ✗")));
        row.unwrap_or_else(|| panic!("{name} in {shown}"))
            .to_owned()
    };
    assert!(row(&first).contains("▸quick"), "{shown}");
    assert!(row(&second).contains("│ vanilla"), "{shown}");
    assert!(!shown.contains("─ exports"), "{shown}");
    let run = harness.runs.get_mut(&second).unwrap();
    run.exports = [("student.onnx".to_owned(), export())].into();
    let shown = harness.screen();
    assert!(!shown.contains("─ exports"), "another run's: {shown}");
    let run = harness.runs.get_mut(&first).unwrap();
    run.exports = [("student.onnx".to_owned(), export())].into();
    let shown = harness.screen();
    assert!(shown.contains("│─ exports"), "{shown}");
    assert!(
        shown.contains("│ · student.onnx, 8.61 kB, not verified"),
        "{shown}"
    );
    // A low one keeps what matters most.
    let mut harness = full((130, 20));
    let low = harness.screen();
    assert!(low.contains("─ knobs") && low.contains("─ alerts"), "{low}");
}
