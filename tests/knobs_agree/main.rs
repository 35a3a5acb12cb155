//! A knob has one value, whichever is asked: `--check`, the Live screen, the journal
//! and the engine agree at every step.
//!
//! Trainings are played with the engine's own knobs and rounds and made-up
//! losses: turned by commands, moved by controllers, killed and resumed. What
//! happens goes through the journal's JSON into the fold that Live shows.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

mod made_up;
mod play;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::test_runner::{Config, TestRunner};
use workbench::event::Phase;
use workbench::experiment::plan::{DataFacts, Plan};
use workbench::experiment::schedule::Schedule;
use workbench::experiment::{Override, explain_resolved, load_text};

use self::made_up::{experiment, facts};
use self::play::{Play, Story, train};

/// The number behind a knob's name on the page of `--check`, where it says one.
fn first_on_page(page: &str, knob: &str) -> Option<f64> {
    let row = page
        .split("\nKnobs\n")
        .nth(1)?
        .lines()
        .find(|line| line.split_whitespace().next() == Some(knob))?;
    let text = row.trim().strip_prefix(knob)?.trim();
    let openings = ["starts at ", "constant "];
    let text = openings
        .iter()
        .find_map(|it| text.strip_prefix(it))
        .unwrap_or(text);
    let number = text.split([' ', ';']).next()?;
    number.parse().ok()
}

fn agree(plan: &Plan, facts: &DataFacts, story: Story) {
    let resolved = plan.clone().resolve(facts).unwrap();
    let page = explain_resolved(&resolved);
    let training = &resolved.plan.training;
    for knob in training.knobs() {
        if let Schedule::Constant(value) = knob.schedule {
            let shown = first_on_page(&page, &knob.name);
            let shown = shown.unwrap_or_else(|| panic!("{} is not on the page: {page}", knob.name));
            // The page rounds to four digits.
            assert!(
                (shown - value).abs() <= 1e-3 * value.abs(),
                "{}: {shown} {value}",
                knob.name
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = Play::new(&resolved, story, folder.path());
    if let Some((teacher, timeline)) = resolved.teacher_training() {
        train(&mut trainer, Phase::Teacher, teacher, timeline);
    }
    train(&mut trainer, Phase::Student, training, resolved.timeline());
}

#[test]
fn everybody_agrees_on_every_knob_of_every_experiment_of_the_repository() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let images = "data=(train: Shapes(count: 5000), test: Shapes(count: 100, seed: 1))";
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for settings in [&[images][..], &[images, "round=Steps(9)"][..]] {
            let settings: Vec<Override> = settings
                .iter()
                .map(|setting| Override::parse(setting).unwrap())
                .collect();
            let loaded = load_text(&text, &path, &settings);
            let plan = loaded.unwrap_or_else(|report| panic!("{report}")).plan;
            let story = Story {
                of: Phase::Student,
                commands: BTreeMap::new(),
                kill: Some((31, 5)),
                losses: vec![1.0, 0.8, 1.2, 0.7, 0.9],
            };
            agree(&plan, &facts(true, 7, 5), story);
        }
        count += 1;
    }
    assert!(count >= 7, "only {count} experiments");
}

#[test]
fn everybody_agrees_on_every_knob_of_two_hundred_made_up_experiments() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("teacher.pt"), "x").unwrap();
    let origin = folder.path().join("made-up.ron");
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(200)
    });
    let done = runner.run(&experiment(), |(text, facts, story)| {
        let loaded = load_text(&text, &origin, &[]);
        let plan = loaded.unwrap_or_else(|report| panic!("{report}")).plan;
        agree(&plan, &facts, story);
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}
