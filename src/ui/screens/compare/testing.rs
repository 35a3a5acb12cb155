//! Runs, images and answers for tests.

use std::time::{Duration, UNIX_EPOCH};

use crossterm::event::{Event, MouseButton, MouseEventKind};

use crate::event::inspection::{Picture, Probe, ProbeAnswers, ProbeImage};
use crate::event::{
    EvaluatedWeights, Evaluation, ModelSummary, Phase, Position, RunEvent, Split, TeacherAgreement,
};
use crate::run::RunFolder;
use crate::store::RunEntry;
use crate::ui::action::{ACTIONS, Action, Context};
use crate::ui::testing::Harness;

const CLASSES: [&str; 4] = ["airplane", "cat", "dog", "ship"];

/// A disc on a gradient, another one for every image.
pub(in crate::ui) fn picture(at: usize, size: u32) -> Picture {
    let radius = f64::from(size) * (0.2 + 0.05 * (at % 5) as f64);
    let middle = f64::from(size) / 2.0;
    let mut rgb = Vec::new();
    for y in 0..size {
        for x in 0..size {
            let inside = (f64::from(x) - middle).hypot(f64::from(y) - middle) < radius;
            let background = (x * 120 / size) as u8;
            rgb.extend(if inside {
                [230, 200, 40 * (at % 6) as u8]
            } else {
                [background, 20, 60]
            });
        }
    }
    Picture {
        width: size,
        height: size,
        rgb,
    }
}

/// Logits that are for `class` by `margin`, with something for the next.
pub(in crate::ui) fn logits(class: usize, margin: f32) -> Vec<f32> {
    let mut logits: Vec<f32> = (0..CLASSES.len()).map(|class| class as f32 * 0.1).collect();
    logits[class] += margin;
    logits[(class + 1) % CLASSES.len()] += margin / 3.0;
    logits
}

/// Twelve images of four classes. The teacher errs on every fifth; the student
/// on all at first and on every third at the end.
pub(in crate::ui) fn probe() -> Probe {
    let images = (0..12).map(|at| ProbeImage {
        source: format!("test/{}/{at:04}.png", CLASSES[at % 4]),
        label: Some((at % 4) as u32),
        picture: picture(at, 32),
        views: vec![picture(at + 1, 32), picture(at + 2, 32)],
    });
    let teacher =
        (0..12).map(|at| logits((at + usize::from(at % 5 == 4)) % 4, 4.0 + at as f32 * 0.2));
    let student = |errs: usize, margin: f32| {
        let answers = (0..12).map(|at| {
            logits(
                (at + usize::from(at % errs == errs - 1)) % 4,
                margin + at as f32 * 0.1,
            )
        });
        answers.collect::<Vec<_>>()
    };
    let at = |step: u64, logits| ProbeAnswers {
        step,
        epoch: step as f64 / 300.0,
        logits,
    };
    Probe {
        classes: CLASSES.map(str::to_owned).to_vec(),
        images: images.collect(),
        teacher: Some(teacher.collect()),
        students: vec![
            at(300, student(1, 0.5)),
            at(600, student(2, 1.5)),
            at(1200, student(3, 2.5)),
        ],
    }
}

/// A workbench with two runs that have been evaluated.
pub(in crate::ui) fn with_runs(width: u16, height: u16) -> (Harness, Vec<String>) {
    let names = [
        "quick-20260102-120000-ab12cd",
        "wide-20260102-120000-ab12cd",
    ];
    with_runs_named(names, width, height)
}

/// The same of two runs of one experiment.
pub(in crate::ui) fn with_sisters(width: u16, height: u16) -> (Harness, Vec<String>) {
    let names = [
        "quickstart-20260102-120000-ab12cd",
        "quickstart-20260102-120000-ef34ab",
    ];
    with_runs_named(names, width, height)
}

/// The same of two runs of these names.
pub(in crate::ui) fn with_runs_named(
    called: [&str; 2],
    width: u16,
    height: u16,
) -> (Harness, Vec<String>) {
    let mut harness = Harness::new(width, height);
    let place = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (at, name) in called.into_iter().enumerate() {
        let started = UNIX_EPOCH + Duration::from_secs(1_767_000_000 - at as u64);
        let path = place.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("experiment.ron"), "Experiment()").unwrap();
        let folder = RunFolder::at(path).unwrap();
        names.push(folder.name());
        harness.runs.insert(RunEntry::new(folder, started));
    }
    let confusion = vec![
        vec![40, 5, 5, 0],
        vec![2, 30, 18, 0],
        vec![0, 10, 40, 0],
        vec![1, 0, 0, 49],
    ];
    let predictions = vec![
        vec![43, 5, 5, 0],
        vec![0, 35, 18, 0],
        vec![0, 5, 35, 5],
        vec![0, 0, 0, 49],
    ];
    let evaluated = RunEvent::Evaluated(Evaluation {
        phase: Phase::Student,
        split: Split::Valid,
        weights: EvaluatedWeights::Last,
        step: 1200,
        epoch: 4.0,
        images: 200,
        loss: 0.8,
        top1: 0.795,
        top5: 1.0,
        ece: Some(0.043),
        per_class: vec![0.8, 0.6, 0.8, 0.98],
        confusion,
        predictions,
        right: None,
        teacher: Some(TeacherAgreement {
            agreement: 0.81,
            kl: 0.1234,
            top1: 0.85,
            both_right: Some(0.74),
            ece: Some(0.021),
        }),
        seconds: 1.0,
    });
    let model = |phase, parameters| {
        RunEvent::ModelBuilt(ModelSummary {
            phase,
            name: "Cnn".to_owned(),
            parameters,
            macs: Some(20 * parameters),
            bytes: 4 * parameters,
        })
    };
    let saved = RunEvent::CheckpointSaved {
        at: Position {
            phase: Phase::Student,
            step: 1200,
        },
        folder: "latest".into(),
        best: false,
        weights: None,
    };
    for name in &names {
        harness.runs.apply(name, &model(Phase::Teacher, 1_420_000));
        harness.runs.apply(name, &model(Phase::Student, 100_000));
        harness.runs.apply(name, &evaluated);
        harness.runs.apply(name, &saved);
    }
    (harness, names)
}

/// Presses keys of a screen and the mouse at random, at sizes at random, and
/// looks at every frame. The same every time.
pub(in crate::ui) fn fumble(harness: &mut Harness, context: Context, rounds: u32) {
    let keys: Vec<&str> = ACTIONS
        .iter()
        .filter(|entry| [context, Context::Global].contains(&entry.context))
        .filter(|entry| entry.action.screen().is_none())
        .filter(|entry| !matches!(entry.action, Action::NextScreen | Action::PreviousScreen))
        .flat_map(|entry| entry.keys)
        .copied()
        .collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % limit
    };
    for _ in 0..rounds {
        match below(8) {
            0 => {
                let size = (below(220) as u16 + 1, below(70) as u16 + 1);
                harness.input(Event::Resize(size.0, size.1));
            }
            1 => {
                let kinds = [
                    MouseEventKind::Down(MouseButton::Left),
                    MouseEventKind::Drag(MouseButton::Left),
                    MouseEventKind::ScrollDown,
                    MouseEventKind::ScrollUp,
                ];
                harness.mouse(
                    kinds[below(kinds.len())],
                    below(220) as u16,
                    // Below the tabs, so that the screen stays.
                    1 + below(70) as u16,
                );
            }
            _ => {
                harness.keys(&[keys[below(keys.len())]]);
            }
        }
        harness.screen();
    }
}
