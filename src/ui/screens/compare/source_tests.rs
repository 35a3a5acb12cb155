//! Whose images the models answer on, and what is said where they did not.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::Event;

use super::testing::{logits, probe, with_runs, with_runs_named, with_sisters};
use super::tests::{answered, answered_on, asks, full};
use crate::event::inspection::{Answerer, MatrixCell, ProbeSource, Weights};
use crate::event::{Outcome, Phase, RunEvent};
use crate::ui::Effect;
use crate::ui::testing::Harness;

/// There is nothing where the run's models were to classify images.
fn no_folder(harness: &mut Harness, run: &str) {
    let source = ProbeSource::Folder("/data/newer".into());
    answered_on(harness, run, source, Err("there is no folder /data/newer"));
}

#[test]
fn a_folder_is_asked_for_and_its_answers_replace_the_probe() {
    let (mut harness, names) = full(80, 24);
    harness.keys(&["o"]).text("/data/new\n");
    let folder = PathBuf::from("/data/new");
    let asked = Effect::ReadProbe {
        run: names[0].clone(),
        source: ProbeSource::Folder(folder.clone()),
    };
    assert_eq!(harness.take(), [asked]);
    let mut other = probe();
    other.images.iter_mut().for_each(|image| image.label = None);
    other.students.truncate(1);
    answered_on(
        &mut harness,
        &names[0],
        ProbeSource::Folder(folder),
        Ok(other),
    );
    insta::assert_snapshot!("folder_80", harness.screen());
    harness.take();
    harness.keys(&["O"]);
    assert_eq!(harness.take(), asks(&names[0]));
}

#[test]
fn a_folder_that_cannot_be_answered_on_is_reported_and_what_is_shown_stays() {
    let (mut harness, names) = full(80, 24);
    harness.keys(&["f"]);
    let before = harness.screen();
    assert!(before.contains("4 of 12 · only teacher"), "{before}");
    harness.keys(&["o"]).text("/data/newer\n");
    assert!(harness.screen().contains(" · loading"));
    no_folder(&mut harness, &names[0]);
    insta::assert_snapshot!("no_such_folder", harness.screen());
    assert_eq!(harness.at(Duration::from_mins(1)).screen(), before);
    // An answer that comes after one thought better of it.
    harness.keys(&["o"]).text("/data/newer\n").keys(&["O"]);
    no_folder(&mut harness, &names[0]);
    assert_eq!(harness.at(Duration::from_mins(2)).screen(), before);
}

#[test]
fn a_first_folder_that_is_wrong_says_so_where_there_is_nothing_else() {
    let (mut harness, names) = with_runs(80, 24);
    harness.keys(&["4"]);
    answered(
        &mut harness,
        &names[0],
        Err("a run records them whenever it is evaluated"),
    );
    harness.keys(&["o"]).text("/data/newer\n");
    no_folder(&mut harness, &names[0]);
    insta::assert_snapshot!("wrong_first_folder", harness.screen());
    harness.take();
    harness.keys(&["O"]);
    assert_eq!(harness.take(), asks(&names[0]));
}

#[test]
fn a_run_without_answers_says_when_it_will_have_some() {
    for (state, outcome, expected) in [
        (
            "stopped",
            Outcome::Failed {
                message: "a disk".to_owned(),
            },
            "Resume it with r in the runs table (2)",
        ),
        (
            "complete",
            Outcome::Completed,
            "completed before runs recorded results",
        ),
    ] {
        let (mut harness, names) = with_runs(80, 24);
        harness.runs.apply(&names[0], &RunEvent::RunEnded(outcome));
        harness.keys(&["4"]);
        answered(
            &mut harness,
            &names[0],
            Err("a run records them whenever it is evaluated"),
        );
        let screen = harness.screen();
        let flowing: String = screen.replace(['\n', '"'], " ");
        let flowing: Vec<&str> = flowing.split_whitespace().collect();
        assert!(flowing.join(" ").contains(expected), "{screen}");
        insta::assert_snapshot!(format!("without_answers_{state}"), screen);
    }
}

#[test]
fn a_second_student_answers_on_the_images_of_the_first_ones_cell() {
    let (mut harness, names) = full(120, 30);
    harness.keys(&["a"]);
    answered(&mut harness, &names[1], Ok(probe()));
    assert!(harness.screen().contains(" ↔ wide"), "{}", harness.screen());
    harness.take();
    harness.keys(&["v", "v", "down", "right", "right"]);
    let both = "label cat, student dog: 18 of 50, 36.0 % ↔ wide 18 of 50, 36.0 %";
    assert!(harness.screen().contains(both), "{}", harness.screen());
    harness.keys(&["enter"]);
    let asked = harness.take();
    let [Effect::ReadProbe { source, .. }] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let mut cell = probe();
    cell.images.truncate(3);
    let on_the_same = Effect::ReadProbe {
        run: names[1].clone(),
        source: ProbeSource::Named {
            images: cell.images.iter().map(|it| it.source.clone()).collect(),
            weights: Weights::Latest,
        },
    };
    answered_on(&mut harness, &names[0], source.clone(), Ok(cell));
    assert_eq!(harness.take(), std::slice::from_ref(&on_the_same));
    let Effect::ReadProbe { source: theirs, .. } = on_the_same else {
        unreachable!()
    };
    answered_on(&mut harness, &names[1], theirs, Ok(probe()));
    let screen = harness.screen();
    assert!(
        screen.contains(" ↔ wide · label cat") && screen.contains("3 images"),
        "{screen}"
    );
    harness.keys(&["esc"]);
    answered(&mut harness, &names[0], Ok(probe()));
    answered(&mut harness, &names[1], Ok(probe()));
    assert!(harness.screen().contains(" ↔ wide"), "{}", harness.screen());
}

#[test]
fn what_a_verdict_has_no_room_for_is_marked_and_names_are_whole_where_they_can_be() {
    let (mut harness, names) = full(80, 24);
    let verdict = |harness: &mut Harness| -> Vec<String> {
        harness
            .screen()
            .lines()
            .skip(1)
            .take(4)
            .map(str::to_owned)
            .collect()
    };
    assert!(!verdict(&mut harness).concat().contains('…'));
    harness.keys(&["a"]);
    answered(&mut harness, &names[1], Ok(probe()));
    let lines = verdict(&mut harness);
    assert!(
        lines[3].trim_end_matches('"').trim_end().ends_with('…'),
        "{lines:?}"
    );
    harness.input(Event::Resize(200, 60));
    let screen = harness.screen();
    assert!(!verdict(&mut harness).concat().contains('…'), "{screen}");
    let long = "onnx-teacher-20260102-120000-ab12cd";
    let (mut harness, names) = with_runs_named(["quick-20260102-120000-ab12cd", long], 200, 60);
    harness.keys(&["4"]);
    answered(&mut harness, &names[0], Ok(probe()));
    harness.keys(&["a"]);
    answered(&mut harness, &names[1], Ok(probe()));
    for view in ["images", "agreement", "student", "teacher", "classes"] {
        let screen = harness.screen();
        assert!(
            !screen.contains("onnx-…") && !screen.contains("onnx-t…"),
            "{view} {screen}"
        );
        harness.keys(&["v"]);
    }
}

#[test]
fn two_runs_of_one_experiment_are_named_by_what_distinguishes_them() {
    let (mut harness, names) = with_sisters(80, 24);
    harness.keys(&["4"]);
    answered(&mut harness, &names[0], Ok(probe()));
    harness.keys(&["a"]);
    answered(&mut harness, &names[1], Ok(probe()));
    let screen = harness.screen();
    assert!(screen.contains(" ab12cd ↔ ef34ab "), "{screen}");
    assert!(screen.contains("student  ef34ab"), "{screen}");
}

#[test]
fn recall_is_of_the_whole_set_where_teacher_and_student_are_counted_on_it() {
    let (mut harness, names) = full(120, 30);
    let run = harness.runs.get_mut(&names[0]).unwrap();
    let mut teacher = run.store.evaluations[0].clone();
    teacher.phase = Phase::Teacher;
    teacher.confusion = vec![
        vec![45, 5, 0, 0],
        vec![0, 45, 5, 0],
        vec![0, 10, 40, 0],
        vec![0, 0, 0, 50],
    ];
    run.store.apply(&RunEvent::Evaluated(teacher));
    harness.keys(&["V"]);
    let screen = harness.screen();
    assert!(
        screen.contains("Recall of 4 classes · 200 validation images"),
        "{screen}"
    );
    let row = |screen: &str, class: &str| {
        let row = screen.lines().find(|line| line.contains(class));
        row.map(str::to_owned).unwrap_or_default()
    };
    let cat = row(&screen, "│cat ");
    let [teacher, student] = ["90.0 %", "60.0 %"].map(|share| cat.find(share));
    assert!(
        cat.contains(" 50 ") && teacher < student && cat.contains("-30.0"),
        "{cat}"
    );
    // Of the probe there is a KL for every class.
    assert!(!row(&screen, "│class ").contains("KL"), "{screen}");
    let screen = harness.keys(&["w"]).screen();
    assert!(
        screen.contains("Recall of 4 classes · 12 probe images"),
        "{screen}"
    );
    assert!(row(&screen, "│class ").contains("KL"), "{screen}");
}

#[test]
fn a_matrix_that_is_not_counted_of_the_whole_set_offers_no_other() {
    let (mut harness, names) = full(120, 30);
    harness.keys(&["v"]);
    let screen = harness.screen();
    assert!(
        screen.contains("200 validation images") && screen.contains(" w full set"),
        "{screen}"
    );
    // Programs that were older did not count the teacher against the student.
    let run = harness.runs.get_mut(&names[0]).unwrap();
    run.store.evaluations[0].predictions.clear();
    harness.keys(&["down", "right"]);
    let screen = harness.screen();
    assert!(
        screen.contains("12 probe images") && !screen.contains(" w full set"),
        "{screen}"
    );
    harness.keys(&["enter"]);
    assert!(harness.take().is_empty());
    assert!(
        harness
            .screen()
            .contains("of 12 probe images · teacher cat, student cat")
    );
}

#[test]
fn a_cell_of_the_whole_set_opens_all_its_images_and_esc_goes_back() {
    let (mut harness, names) = full(120, 30);
    harness.keys(&["v", "v", "down", "right", "right", "enter"]);
    let source = ProbeSource::Cell {
        cell: MatrixCell {
            rows: (Answerer::Label, 1),
            columns: (Answerer::Student, 2),
        },
        step: 1200,
    };
    let read = |source: &ProbeSource| Effect::ReadProbe {
        run: names[0].clone(),
        source: source.clone(),
    };
    assert_eq!(harness.take(), [read(&source)]);
    assert!(
        harness
            .screen()
            .contains("loading the validation images of this cell")
    );
    let mut probe = probe();
    probe.students.drain(..2);
    for image in 0..12 {
        probe.images[image].label = Some(1);
        probe.students[0].logits[image] = logits(2, 3.0);
    }
    answered_on(&mut harness, &names[0], source.clone(), Ok(probe));
    insta::assert_snapshot!("cell_120", harness.screen());
    let foot = harness.screen().lines().last().unwrap().to_owned();
    assert!(foot.contains("esc back"), "{foot}");
    let cell = |harness: &mut Harness| {
        let screen = harness.screen();
        assert!(
            screen.contains("200 validation images · step 1200"),
            "{screen}"
        );
        assert!(screen.contains("[18]"), "{screen}");
    };
    harness.keys(&["esc"]);
    assert_eq!(harness.take(), [read(&ProbeSource::Recorded)]);
    cell(&mut harness);
    answered(&mut harness, &names[0], Ok(super::testing::probe()));
    cell(&mut harness);
    harness.keys(&["esc"]);
    assert!(harness.take().is_empty());
    assert!(
        harness.screen().contains("12 probe images · "),
        "{}",
        harness.screen()
    );
}
