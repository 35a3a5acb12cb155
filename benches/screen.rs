//! A long run on the screen: how fast its files open, and how fast its charts are drawn.
#![allow(
    missing_docs,
    reason = "criterion's macros make items without documentation"
)]
#![expect(
    clippy::print_stderr,
    reason = "criterion measures times; the memory is printed beside them"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use workbench::event::{Phase, RunEvent, StepRow};
use workbench::run::RunFolder;
use workbench::store::{Journal, Owner, RunEntry, RunStore, Runs, SeriesWriter};
use workbench::ui::theme::{Background, Depth, Palette};
use workbench::ui::{Clock, Keymap, News, Settings, Theme, Ui};

/// Logged steps of the run, each of [`METRICS`].
const STEPS: u64 = 1_000_000;

const PER_EPOCH: u64 = 1000;

const METRICS: [&str; 20] = [
    "grad/norm",
    "knob/lr",
    "knob/p1",
    "knob/p2",
    "knob/temperature",
    "knob/w",
    "knob/w_consistency",
    "knob/w_truth",
    "loss/consistency",
    "loss/distill",
    "loss/extra_1",
    "loss/extra_2",
    "loss/extra_3",
    "loss/extra_4",
    "loss/extra_5",
    "loss/extra_6",
    "loss/total",
    "loss/truth",
    "speed/images_per_second",
    "train/accuracy",
];

const SIZE: (u16, u16) = (200, 60);

/// Numbers without a pattern that a chart could be quick at.
fn noise(step: u64, metric: usize) -> f64 {
    let mixed = (step * 31 + metric as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    1.0 + (mixed >> 40) as f64 / 1e7
}

fn row(step: u64) -> StepRow {
    let values = METRICS.iter().enumerate();
    StepRow {
        phase: Phase::Student,
        step,
        epoch: step as f64 / PER_EPOCH as f64,
        seconds: step as f64 * 0.01,
        values: values
            .map(|(at, metric)| ((*metric).to_owned(), noise(step, at)))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// A run of a million logged steps.
fn long_run(place: &std::path::Path) -> RunFolder {
    let folder =
        RunFolder::create(place, "long", "Experiment()", SystemTime::now()).expect("a new folder");
    let mut journal = Journal::append_to(&folder.journal()).expect("a new journal");
    let began = RunEvent::PhaseStarted {
        phase: Phase::Student,
        steps: STEPS,
        steps_per_epoch: PER_EPOCH,
        step: 0,
    };
    journal.append(&began).expect("room on the disk");
    let mut series = SeriesWriter::append_to(&folder.series()).expect("a new series");
    for step in 0..STEPS {
        series.push(row(step)).expect("room on the disk");
    }
    series.flush().expect("room on the disk");
    folder
}

fn entry(folder: &RunFolder) -> RunEntry {
    RunEntry {
        owner: Owner::Here,
        store: RunStore::open(folder),
        ..RunEntry::new(folder.clone(), SystemTime::now())
    }
}

/// Megabytes of this process in memory, where the system reports it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1000)
}

fn key(ui: &mut Ui, runs: &Runs, code: KeyCode) {
    ui.on_input(Event::Key(KeyEvent::from(code)), runs);
}

fn screen(criterion: &mut Criterion) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = long_run(place.path());
    let mut group = criterion.benchmark_group("screen");
    group.sample_size(20);

    group.throughput(Throughput::Elements(STEPS));
    group.bench_function("open a million steps", |bencher| {
        bencher.iter(|| black_box(RunStore::open(&folder)));
    });

    let before = resident();
    let mut runs = Runs::new();
    runs.insert(entry(&folder));
    if let (Some(before), Some(after)) = (before, resident()) {
        eprintln!(
            "screen/memory of a million steps: {} MB",
            after.saturating_sub(before)
        );
    }
    let theme = Theme::new(Background::Dark, Palette::Standard, Depth::True);
    let mut ui = Ui::new(Settings::default(), Keymap::default(), theme);
    ui.on_input(Event::Resize(SIZE.0, SIZE.1), &runs);
    ui.on_news(News::RunBegan(folder.name()), &runs);
    key(&mut ui, &runs, KeyCode::Char('3'));
    ui.on_news(News::RunsChanged, &runs);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test terminal");
    group.throughput(Throughput::Elements(1));
    group.bench_function("frame over a million steps", |bencher| {
        bencher.iter(|| {
            terminal
                .draw(|frame| ui.draw(&runs, frame))
                .expect("a drawn frame");
        });
    });
    let shown = terminal.backend().to_string();
    assert!(
        shown.contains("augmentation p"),
        "charts are not shown:\n{shown}"
    );

    let mut step = STEPS;
    group.bench_function("step, update and frame", |bencher| {
        bencher.iter(|| {
            let run = runs.get_mut(&folder.name()).expect("the run");
            run.store.apply(&RunEvent::StepLogged(row(step)));
            step += 1;
            let clock = Clock {
                elapsed: Duration::from_millis(step),
                now: SystemTime::now(),
            };
            ui.on_clock(clock);
            ui.on_news(News::RunsChanged, &runs);
            terminal
                .draw(|frame| ui.draw(&runs, frame))
                .expect("a drawn frame");
        });
    });
    group.finish();
}

criterion_group!(benches, screen);
criterion_main!(benches);
