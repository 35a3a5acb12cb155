use crossterm::event::{Event, MouseButton, MouseEventKind};
use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};

use super::testing::{
    ADAPTIVE, CRASHED, PAUSED, STOPPED, TRAINING, VANILLA, apply, entry, evaluated, measured_runs,
    runs, screen,
};
use crate::event::export::testing::{export, proof};
use crate::event::{Evaluation, Export, Phase, Position, RunEvent, Split};
use crate::run::{NotesChange, RunFolder};
use crate::store::Runs;
use crate::ui::effect::Waiting;
use crate::ui::testing::Harness;
use crate::ui::{Effect, ExportRefusal, Layout, News};

/// The rows of the table that are shown, by the beginnings of their names.
fn names(harness: &mut Harness) -> Vec<String> {
    let screen = harness.screen();
    let rows = screen.lines().filter(|line| {
        [
            "✓ completed",
            "✗ crashed",
            "▶ training",
            "■ stopped",
            "! failed",
            "‖ paused",
            "· new",
        ]
        .iter()
        .any(|state| line.contains(state))
    });
    rows.map(|line| {
        let name = line
            .split_whitespace()
            .find(|word| word.chars().filter(|c| c.is_alphanumeric()).count() > 4);
        name.unwrap_or_default()
            .trim_matches('"')
            .trim_matches('│')
            .to_owned()
    })
    .collect()
}

fn select(harness: &mut Harness, name: &str) {
    harness.keys(&["/"]).text(&format!("name={name}\n"));
    harness.take();
}

#[test]
fn the_newest_run_stands_first_until_another_order_is_asked_for() {
    let mut harness = screen(140, 40, runs());
    assert!(names(&mut harness)[0].starts_with("mnist"));
    harness.keys(&["S"]);
    assert!(names(&mut harness)[0].starts_with("quickstart-20251231-220000"));
    // From started on: loss, agreement, and so on round to best.
    for _ in 0..8 {
        harness.keys(&["s"]);
    }
    assert!(harness.screen().contains("best ▼"));
    assert!(names(&mut harness)[0].ends_with("a1b2c3"));
    let last = names(&mut harness).pop().unwrap();
    assert!(
        last.starts_with("mnist"),
        "what has no metric stands last: {last}"
    );
    harness.keys(&["S"]);
    let last = names(&mut harness).pop().unwrap();
    assert!(
        last.starts_with("mnist"),
        "also the other way round: {last}"
    );
}

#[test]
fn the_selected_run_stays_selected_wherever_it_moves() {
    let mut harness = screen(80, 24, runs());
    harness.keys(&["down", "down"]);
    harness.keys(&["y"]);
    let before = harness.take();
    harness.keys(&["s", "S", "y"]);
    assert_eq!(harness.take(), before);
}

#[test]
fn a_teacher_that_is_trained_is_shown_in_whole() {
    let mut runs = runs();
    let paused = runs.get_mut(PAUSED).unwrap();
    let seconds = 400.0;
    let phase = Phase::Teacher;
    apply(paused, &[RunEvent::PhaseEnded { phase, seconds }]);
    let screen = screen(80, 24, runs).screen();
    assert!(screen.contains(" T100 % "), "{screen}");
}

#[test]
fn enter_opens_the_run_in_live() {
    let mut harness = screen(80, 24, runs());
    select(&mut harness, ADAPTIVE);
    harness.keys(&["enter"]);
    assert!(!harness.screen().contains("Runs 1 of"));
}

#[test]
fn a_filter_that_is_wrong_leaves_the_old_one() {
    let mut harness = screen(140, 40, runs());
    harness.keys(&["/"]).text("tag:paper\n");
    assert_eq!(names(&mut harness).len(), 2);
    harness.keys(&["/", "ctrl+u"]).text("best>>1\n");
    assert!(
        harness
            .screen()
            .contains("column 6: `best` is compared with a number")
    );
    harness.keys(&["esc"]);
    assert_eq!(names(&mut harness).len(), 2);
    harness.keys(&["esc"]);
    assert_eq!(names(&mut harness).len(), 8);
}

#[test]
fn runs_are_filtered_while_one_types_and_esc_takes_it_back() {
    let mut harness = screen(140, 40, runs());
    harness.keys(&["down", "down"]);
    let selected = harness.ui.shared.selected.clone();
    harness.keys(&["/"]).text("tag:pap");
    assert!(
        harness.screen().contains("Runs 0 of 8"),
        "{}",
        harness.screen()
    );
    harness.text("er");
    assert!(
        harness.screen().contains("Runs 2 of 8"),
        "{}",
        harness.screen()
    );
    // What is not finished changes nothing.
    harness.text(" best");
    assert!(harness.screen().contains("Runs 0 of 8"));
    harness.text(">");
    assert!(
        harness.screen().contains("Runs 0 of 8"),
        "{}",
        harness.screen()
    );
    harness.keys(&["esc"]);
    assert_eq!(names(&mut harness).len(), 8);
    assert_eq!(harness.ui.shared.selected, selected);
    harness
        .keys(&["/"])
        .text("tag:paper\n")
        .keys(&["/", "x", "esc"]);
    assert_eq!(names(&mut harness).len(), 2);
}

#[test]
fn a_filter_that_nothing_matches_keeps_the_selection_for_when_it_is_taken_back() {
    let mut harness = screen(140, 40, runs());
    let selected = |harness: &mut Harness| {
        harness.keys(&["y"]);
        harness.take()
    };
    harness.keys(&["down", "down"]);
    let before = selected(&mut harness);
    assert_eq!(before.len(), 1);
    harness.keys(&["/"]).text("no such run").keys(&["esc"]);
    assert_eq!(selected(&mut harness), before);
    harness.keys(&["/"]).text("no such run\n");
    assert_eq!(selected(&mut harness), []);
    // Another one that is not accepted loses nothing, either.
    harness
        .keys(&["/", "ctrl+u"])
        .text("adaptive")
        .keys(&["esc"]);
    assert!(
        harness.screen().contains("Runs 0 of 8"),
        "{}",
        harness.screen()
    );
    harness.keys(&["esc"]);
    assert_eq!(selected(&mut harness), before);
}

#[test]
fn a_run_that_is_renamed_stays_selected_also_where_a_filter_hides_it() {
    let mut harness = screen(140, 40, runs());
    harness.keys(&["down", "down"]);
    let from = harness.ui.runs_table.selected_name().unwrap().to_owned();
    harness.keys(&["/"]).text("no such run");
    let run = harness.runs.get(&from).unwrap();
    let folder = run.folder.path().with_file_name("renamed-elsewhere");
    harness.runs.rename(&from, RunFolder::imagined(folder));
    let to = "renamed-elsewhere".to_owned();
    harness.news(News::RunRenamed { from, to });
    harness.keys(&["esc", "y"]);
    let effects = harness.take();
    let [Effect::Copy(path)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert!(path.ends_with("renamed-elsewhere"), "{path}");
}

#[test]
fn what_waits_stands_in_its_row_and_r_takes_out_of_the_queue_only_when_confirmed() {
    let mut all = runs();
    let at = Position {
        phase: Phase::Student,
        step: 812,
    };
    let run = all.get_mut(STOPPED).unwrap();
    apply(
        run,
        &[RunEvent::CheckpointKept {
            at,
            folder: "kept/step-812".into(),
        }],
    );
    let mut harness = screen(200, 40, all);
    let fork = Waiting::Fork(STOPPED.to_owned(), at);
    let resume = Waiting::Resume(CRASHED.to_owned());
    harness.news(News::Queue {
        preparing: None,
        ahead: Some("quickstart.ron".to_owned()),
        waiting: vec![fork.clone(), resume.clone()],
    });
    let shown = harness.screen();
    assert!(
        shown.contains("… fork 1") && shown.contains("… queued 2"),
        "{shown}"
    );
    // A run whose fork waits is resumed like any other.
    select(&mut harness, STOPPED);
    assert!(
        harness
            .screen()
            .contains("; to be forked, 1 in the queue (F: remove)")
    );
    harness.keys(&["r", "y"]);
    assert_eq!(harness.take(), [Effect::ResumeRun(STOPPED.to_owned())]);
    harness.keys(&["F", "end", "enter"]);
    assert_eq!(harness.take(), [Effect::Dequeue(fork)]);
    select(&mut harness, CRASHED);
    harness.keys(&["r"]);
    assert_eq!(harness.take(), []);
    assert!(harness.screen().contains("Remove from the queue"));
    harness.keys(&["y"]);
    assert_eq!(harness.take(), [Effect::Dequeue(resume)]);
}

#[test]
fn a_crashed_run_resumes_and_others_say_why_not() {
    let mut harness = screen(80, 24, runs());
    for name in [CRASHED, STOPPED] {
        select(&mut harness, name);
        harness.keys(&["r"]);
        assert_eq!(harness.take(), [], "it asks first");
        harness.keys(&["y"]);
        assert_eq!(harness.take(), [Effect::ResumeRun(name.to_owned())]);
        harness.keys(&["esc"]);
    }
    for (name, why) in [
        (TRAINING, "is already training"),
        (VANILLA, "is completed; B branches an experiment"),
    ] {
        select(&mut harness, name);
        harness.keys(&["r"]);
        assert_eq!(harness.take(), []);
        let screen = harness.screen();
        assert!(screen.contains(why), "{screen}");
        harness.keys(&["esc"]);
    }
}

#[test]
fn resuming_is_hinted_at_where_the_selected_run_can_be() {
    let mut harness = screen(200, 60, runs());
    for (name, resumes) in [(CRASHED, true), (VANILLA, false), (TRAINING, false)] {
        select(&mut harness, name);
        let screen = harness.screen();
        assert_eq!(screen.contains(" r resume "), resumes, "{name}: {screen}");
    }
}

#[test]
fn tags_and_notes_are_edited_in_place() {
    let mut harness = screen(80, 24, runs());
    select(&mut harness, VANILLA);
    harness.keys(&["t"]).text(" base, best\n");
    let tags = ["paper", "base", "best"].map(str::to_owned).to_vec();
    assert_eq!(
        harness.take(),
        [Effect::Annotate {
            run: VANILLA.to_owned(),
            change: NotesChange::Tags(tags)
        }]
    );
    harness
        .keys(&["n"])
        .text(" what others are held against \n");
    let note = "what others are held against".to_owned();
    assert_eq!(
        harness.take(),
        [Effect::Annotate {
            run: VANILLA.to_owned(),
            change: NotesChange::Note(note)
        }]
    );
}

#[test]
fn a_rename_is_asked_for_unless_it_cannot_be() {
    let mut harness = screen(80, 24, runs());
    select(&mut harness, VANILLA);
    for (name, why) in [
        ("a/b", "is not a valid run name"),
        (ADAPTIVE, "already"),
        ("", "is not a valid"),
    ] {
        harness.keys(&["m", "ctrl+u"]).text(&format!("{name}\n"));
        assert_eq!(harness.take(), []);
        assert!(harness.screen().contains(why), "{name}");
        // What is typed on is typed into the name.
        harness.keys(&["q"]);
        assert!(harness.take().is_empty() && harness.ui.shared.dialog.is_some());
        harness.keys(&["esc"]);
    }
    harness.keys(&["space", "m", "ctrl+u"]).text("baseline\n");
    let (run, to) = (VANILLA.to_owned(), "baseline".to_owned());
    assert_eq!(harness.take(), [Effect::RenameRun { run, to }]);
    harness.keys(&["esc"]);
    let folder = crate::run::RunFolder::imagined("checkpoints/baseline");
    harness.runs.rename(VANILLA, folder);
    let (from, to) = (VANILLA.to_owned(), "baseline".to_owned());
    harness.news(News::RunRenamed { from, to });
    assert!(
        harness.screen().contains("1 marked"),
        "the mark goes with the run"
    );
    select(&mut harness, TRAINING);
    harness.keys(&["m"]);
    assert!(harness.screen().contains("stop it first"));
}

#[test]
fn details_that_cover_the_table_say_how_to_close_them() {
    let mut harness = screen(80, 24, runs());
    let foot = |harness: &mut Harness| harness.screen().lines().last().unwrap().to_owned();
    let before = foot(&mut harness);
    assert!(before.contains("i details"), "{before}");
    for close in ["i", "esc"] {
        harness.keys(&["i"]);
        let foot_of_details = foot(&mut harness);
        assert!(
            foot_of_details.contains("i close  enter open"),
            "{foot_of_details}"
        );
        harness.keys(&[close]);
        assert_eq!(foot(&mut harness), before);
    }
    harness.keys(&["o"]);
    assert!(foot(&mut harness).contains("esc back"));
}

#[test]
fn a_run_goes_to_the_trash_after_a_question_and_comes_back() {
    let mut harness = screen(80, 24, runs());
    select(&mut harness, VANILLA);
    assert!(!harness.keys(&["x"]).screen().contains("to the trash?"));
    harness.keys(&["X", "n"]);
    assert_eq!(harness.take(), []);
    harness.keys(&["X", "enter"]);
    assert_eq!(harness.take(), [Effect::TrashRun(VANILLA.to_owned())]);
    let thrown = harness.runs.remove(VANILLA).unwrap();
    harness.runs.set_trash([thrown]);
    harness.news(News::RunsChanged).keys(&["T", "r"]);
    assert_eq!(
        harness.take(),
        [],
        "nothing but restoring is done in the trash"
    );
    harness.keys(&["u"]);
    assert_eq!(harness.take(), [Effect::RestoreRun(VANILLA.to_owned())]);
    harness.news(News::RunsChanged);
    harness.runs.insert(entry(VANILLA, "", 12));
    harness.keys(&["u"]);
    assert_eq!(harness.take(), []);
    assert!(harness.screen().contains("another run"));
    harness.runs.set_trash([]);
    harness.news(News::RunsChanged).keys(&["esc"]);
    assert_eq!(
        harness.ui.runs_table.selected_name(),
        Some(VANILLA),
        "what was restored is selected"
    );
}

#[test]
fn without_runs_the_trash_is_pointed_to_and_its_names_have_room() {
    let mut runs = Runs::default();
    assert!(!screen(80, 24, Runs::default()).screen().contains("trash"));
    runs.set_trash([entry(VANILLA, "", 12)]);
    let mut harness = screen(80, 24, runs);
    assert!(harness.screen().contains("T shows the trash."));
    assert!(harness.keys(&["T"]).screen().contains("cifar10-vanilla"));
}

#[test]
fn a_student_is_exported_by_one_key_and_the_answer_is_shown() {
    let mut harness = screen(80, 24, runs());
    select(&mut harness, ADAPTIVE);
    let export = |unverified| Effect::ExportModel {
        run: ADAPTIVE.to_owned(),
        unverified,
    };
    harness.keys(&["E"]);
    assert_eq!(harness.take(), [export(false)]);
    let exported = |result: Result<String, ExportRefusal>| News::ModelExported {
        run: ADAPTIVE.to_owned(),
        result,
    };
    harness.news(exported(Ok(
        "wrote export/a.onnx: agreement 100.0 %".to_owned()
    )));
    assert!(harness.screen().contains("agreement 100.0 %"));

    let refused = |reason: &str, can_skip_verification| {
        exported(Err(ExportRefusal {
            reason: reason.to_owned(),
            can_skip_verification,
        }))
    };
    harness.news(refused("the images are not there", true));
    insta::assert_snapshot!(harness.screen());
    harness.keys(&["down", "enter"]);
    assert_eq!(harness.take(), [export(true)]);
    harness.news(refused(
        "the file does not compute what the network does",
        false,
    ));
    assert!(!harness.screen().contains("without a verification"));
    harness.keys(&["esc"]);
    assert_eq!(harness.take(), []);
}

#[test]
fn branches_and_exports_need_something_to_take() {
    let mut harness = screen(80, 24, runs());
    select(&mut harness, ADAPTIVE);
    harness.keys(&["B", "e"]);
    let name = || ADAPTIVE.to_owned();
    assert_eq!(
        harness.take(),
        [Effect::BranchRun(name()), Effect::ExportRun(name())]
    );
    harness
        .keys(&["esc", "/"])
        .text("state:new\n")
        .keys(&["B", "e"]);
    assert_eq!(harness.take(), []);
    assert!(harness.screen().contains("has no logged steps yet"));
}

fn click(harness: &mut Harness, column: u16, row: u16) {
    harness.mouse(MouseEventKind::Down(MouseButton::Left), column, row);
}

#[test]
fn clicks_select_mark_and_sort() {
    let mut harness = screen(80, 24, runs());
    click(&mut harness, 20, 5);
    harness.keys(&["y"]);
    let copied = harness.take();
    assert!(
        matches!(&copied[..], [Effect::Copy(path)] if path.ends_with(TRAINING)),
        "{copied:?}"
    );
    click(&mut harness, 1, 4);
    assert!(harness.screen().contains("1 marked"));
    click(&mut harness, 5, 2);
    assert!(harness.screen().contains("run ▲"));
    click(&mut harness, 5, 2);
    assert!(harness.screen().contains("run ▼"));
}

#[test]
fn the_wheel_scrolls_what_it_is_over_and_the_border_is_dragged() {
    let mut harness = screen(160, 14, runs());
    harness.keys(&["end"]);
    let mut at = |kind, column, row| {
        harness.mouse(kind, column, row);
        harness.screen()
    };
    let border = |screen: &str| {
        let line = screen.lines().nth(1).unwrap();
        line.chars().position(|letter| letter == '┐').unwrap()
    };
    let before = at(MouseEventKind::Moved, 0, 0);
    let scrolled = at(MouseEventKind::ScrollDown, 150, 10);
    assert_ne!(scrolled, before);
    let row = |screen: &str| screen.lines().nth(5).unwrap()[..40].to_owned();
    assert_eq!(row(&scrolled), row(&before));
    // One cell of the border belongs to each pane; a line begins with a quote.
    let edge = border(&before) as u16;
    let left = MouseButton::Left;
    at(MouseEventKind::Down(left), edge, 8);
    let dragged = at(MouseEventKind::Drag(left), edge - 20, 9);
    assert_eq!(border(&dragged) as u16, edge - 20);
    at(MouseEventKind::Up(left), edge - 20, 9);
    let after = at(MouseEventKind::Drag(left), 20, 9);
    assert_eq!(border(&after) as u16, edge - 20);
}

#[test]
fn runs_that_vanish_while_they_are_shown_are_let_go() {
    let mut harness = screen(80, 24, runs());
    harness.keys(&["space", "space", "b", "o"]);
    harness.runs = Runs::new();
    harness.screen();
    harness.keys(&["down", "d", "i", "enter", "2", "esc"]);
    harness.screen();
    harness.news(News::RunsChanged);
    assert!(harness.screen().contains("No runs yet"));
}

/// Keys that mean something here, and some that do not.
fn keys() -> impl Strategy<Value = Vec<&'static str>> {
    let key = prop::sample::select(vec![
        "up", "down", "left", "right", "pageup", "pagedown", "home", "end", "esc", "space", "s",
        "S", "b", "d", "o", "i", "M", "T", "u", "r", "B", "e", "y", "X", "t", "n", "m", "/", "a",
        "enter", "2", "(", "~", "+", "-", ",", ".", "0",
    ]);
    prop::collection::vec(key, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_keys_at_any_size_draw_something(keys in keys(), width in 1_u16..220, height in 1_u16..70) {
        let mut all = runs();
        for number in 0..40 {
            all.insert(entry(&format!("データ-{number}"), "Experiment(", 12));
        }
        let mut harness = screen(width, height, all);
        for key in keys {
            harness.keys(&[key]).take();
            harness.screen();
        }
        harness.input(Event::Resize(height, width)).screen();
    }
}

#[test]
fn a_chosen_column_is_sorted_by_kept_and_left_again() {
    let mut harness = screen(200, 60, runs());
    harness.take();
    harness.keys(&["c"]).text("batch").keys(&["enter", "esc"]);
    let kept = |effects: &[Effect]| {
        effects.iter().rev().find_map(|effect| match effect {
            Effect::KeepLayout(layout) => Some(layout.columns.clone()),
            _ => None,
        })
    };
    assert_eq!(kept(&harness.take()).unwrap(), ["batch"]);
    let heading = harness.screen().lines().nth(2).unwrap().to_owned();
    // Lines are shown in quotes.
    let place = heading[..heading.find("batch").unwrap()].chars().count() - 1;
    harness.mouse(MouseEventKind::Down(MouseButton::Left), place as u16, 2);
    let screen = harness.screen();
    assert!(screen.contains(" sort: batch "), "{screen}");
    let first = screen.lines().nth(3).unwrap();
    assert!(first.contains("quickstart"), "{screen}");
    harness.keys(&["S"]);
    let screen = harness.screen();
    assert!(
        screen.lines().nth(3).unwrap().contains("cifar10"),
        "{screen}"
    );
    // What has no such field stays at the end.
    harness
        .keys(&["end", "c"])
        .text("batch")
        .keys(&["space", "esc"]);
    assert_eq!(kept(&harness.take()).unwrap(), [""; 0]);
    assert!(!harness.screen().lines().nth(2).unwrap().contains("batch"));
}

#[test]
fn chosen_columns_are_there_after_a_start_and_hidden_after_a_reset() {
    let layout = Layout {
        columns: vec!["student.model.depth".to_owned(), "of.another".to_owned()],
        ..Layout::default()
    };
    let mut harness = screen(200, 60, runs());
    harness.ui = std::mem::replace(&mut harness.ui, Harness::new(1, 1).ui).with_layout(&layout);
    harness.news(News::RunsChanged);
    let heading = |harness: &mut Harness| harness.screen().lines().nth(2).unwrap().to_owned();
    for chosen in ["student.model.depth", "of.another"] {
        assert!(heading(&mut harness).contains(chosen));
    }
    harness.keys(&["c"]).text("another");
    assert!(harness.screen().contains("in no run"));
    harness.keys(&["esc", "f10"]);
    assert!(!heading(&mut harness).contains("depth"));
}

#[test]
fn the_selected_point_of_the_pareto_picture_is_the_selected_run() {
    let mut harness = screen(80, 24, measured_runs());
    harness.keys(&["p"]);
    assert!(harness.screen().contains("▸◆ "), "{}", harness.screen());
    harness.keys(&["right"]);
    assert!(harness.screen().contains("▸● "), "{}", harness.screen());
    harness.keys(&["end", "esc"]);
    let shown = harness.screen();
    let line = shown.lines().find(|line| line.contains("▸")).unwrap_or("");
    assert!(!shown.contains("against latency"), "{shown}");
    assert_eq!(
        harness.ui.shared.selected.as_deref(),
        Some(VANILLA),
        "{line}"
    );
    harness.keys(&["p", "home", "enter"]);
    assert_eq!(harness.ui.shared.selected.as_deref(), Some(ADAPTIVE));
    assert!(!harness.screen().contains("against latency"));
}

#[test]
fn only_marked_or_listed_runs_are_in_the_pareto_picture() {
    let mut harness = screen(200, 60, measured_runs());
    harness.keys(&["/"]).text("vanilla\n").keys(&["p"]);
    let shown = harness.screen();
    assert!(
        shown.contains("vanilla") && !shown.contains("int8"),
        "{shown}"
    );
    harness.keys(&["v"]);
    assert!(harness.screen().contains(" test top-1 (best) against"));
}

#[test]
fn what_was_measured_is_a_column_like_any_other() {
    let mut harness = screen(200, 60, measured_runs());
    harness.keys(&["c"]).text("p50").keys(&["enter", "esc"]);
    harness.keys(&["esc"]);
    let shown = harness.screen();
    assert!(shown.contains("bench/p50_ms"), "{shown}");
    assert!(
        shown.contains("4.00 ms") && shown.contains("20.0 ms"),
        "{shown}"
    );
    harness.keys(&["/"]).text("bench/p50_ms<4.5\n");
    let shown = harness.screen();
    assert!(
        shown.contains("1 of 8") && shown.contains("4.00 ms"),
        "{shown}"
    );
}

#[test]
fn exported_files_are_among_the_details_with_what_is_proven() {
    let mut runs = runs();
    let verified = Export {
        proof: Some(proof()),
        ..export()
    };
    let files = [("a.onnx", verified), ("b.onnx", export())];
    let exports = files.map(|(name, export)| (name.to_owned(), export));
    runs.get_mut(ADAPTIVE).unwrap().exports = exports.into();
    let mut harness = screen(200, 60, runs);
    harness.keys(&["/"]).text("tag:seed7\n");
    let shown = harness.screen();
    assert!(
        shown.contains("exports     a.onnx, 8.61 kB, verified, top-1 62.0 %"),
        "{shown}"
    );
    assert!(
        shown.contains("            b.onnx, 8.61 kB, not verified"),
        "{shown}"
    );
}

#[test]
fn classes_that_are_always_recognised_are_not_among_those_of_low_recall() {
    let mut runs = runs();
    let RunEvent::Evaluated(evaluation) = evaluated(Split::Test, 30, 0.95) else {
        panic!("an evaluation");
    };
    let evaluation = Evaluation {
        per_class: vec![1.0, 0.8, 1.0, 1.0],
        ..evaluation
    };
    apply(
        runs.get_mut(ADAPTIVE).unwrap(),
        &[RunEvent::Evaluated(evaluation)],
    );
    let mut harness = screen(200, 60, runs);
    harness.keys(&["/"]).text("tag:seed7\n");
    let shown = harness.screen();
    assert!(
        shown.contains("recall      lowest on test (best): cat 80.0 %   "),
        "{shown}"
    );
}
