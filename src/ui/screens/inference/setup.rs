//! What would be asked, and how far what was asked is.
//!
//! ```text
//! ┌ Classify a folder of images ──────────────────────────────────────┐
//! │ folder o  /data/new               models  m  both                 │
//! │ run   ][  quickstart-2026…        weights w  best · valid 92.1 %    │
//! │ ██████████▍                 1,234 of 5,000 · 812 images/s · 5 s   │
//! └───────────────────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Inference;
use super::job::{Stage, progress};
use crate::event::inspection::{Answering, Weights};
use crate::event::{EvaluatedWeights, Phase, Split};
use crate::format::{
    MISSING, count, duration, percent, plural, shorten_middle, shorten_path, speed,
};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::gallery::{fitting, panel};
use crate::ui::widget::{Cells, bars};

/// Cells of a field's name and its key.
const NAME: u16 = 11;

pub(super) fn draw(
    screen: &Inference,
    shared: &Shared,
    runs: &Runs,
    frame: &mut Frame,
    area: Rect,
) {
    let theme = &shared.theme;
    let inside = panel(" Classify a folder of images ", false, theme, frame, area);
    let folder = screen
        .folder
        .as_ref()
        .map(|folder| folder.to_string_lossy().into_owned());
    let folder = folder.unwrap_or_else(|| "not chosen".to_owned());
    let run = shared
        .selected
        .clone()
        .unwrap_or_else(|| "not chosen".to_owned());
    let fields = [
        [
            ("folder", Action::ChooseFolder, folder),
            (
                "models",
                Action::AnsweringModel,
                models(screen.asked.answering).to_owned(),
            ),
        ],
        [
            ("run", Action::NextInferenceRun, run),
            (
                "weights",
                Action::AnsweringWeights,
                weights(screen, shared, runs),
            ),
        ],
    ];
    let mut lines = Vec::from(fields);
    if inside.height == 1 {
        // The progress matters more than what is chosen.
        lines.clear();
    }
    for (line, [left, right]) in lines.iter().enumerate() {
        let mut cells = Cells::line(frame.buffer_mut(), inside, line);
        let half = cells.rest() * 11 / 20;
        for ((name, action, value), width) in [(left, half), (right, cells.rest() - half)] {
            let key = shared.key(*action);
            cells.text(NAME - 3, name, theme.muted());
            cells.text(3, &key, theme.accent());
            let room = width.saturating_sub(NAME + 1);
            // Folders and runs differ at their ends.
            let value = match action {
                Action::ChooseFolder => shorten_path(value, room),
                Action::NextInferenceRun => shorten_middle(value, room),
                _ => fitting(value, room),
            };
            cells.text(room, &value, theme.text()).skip(1);
        }
    }
    draw_progress(screen, (shared, runs), frame, inside, lines.len());
}

fn models(answering: Answering) -> &'static str {
    match answering {
        Answering::Student => "student",
        Answering::Teacher => "teacher",
        Answering::Both => "both",
    }
}

/// Which of the student's weights, and how well they do. A teacher has but one.
fn weights(screen: &Inference, shared: &Shared, runs: &Runs) -> String {
    if !screen.asks_student() {
        return MISSING.to_owned();
    }
    let run = shared.selected.as_ref().and_then(|run| runs.get(run));
    let evaluation = run.and_then(|run| match screen.asked.weights {
        Weights::Best => run.store.best_evaluation(Phase::Student),
        Weights::Latest => {
            let last = EvaluatedWeights::Last;
            run.store
                .last_evaluation(Phase::Student, Split::Valid, last)
        }
    });
    let word = screen.asked.weights.word();
    match evaluation {
        Some(evaluation) => {
            let set = evaluation.split.word();
            format!("{word} · {set} {}", percent(evaluation.top1))
        }
        None => word.to_owned(),
    }
}

fn draw_progress(
    screen: &Inference,
    (shared, runs): (&Shared, &Runs),
    frame: &mut Frame,
    inside: Rect,
    line: usize,
) {
    let theme = &shared.theme;
    let done = screen.results.number() + screen.results.unreadable.len();
    let key = shared.keymap.keys(Action::Activate);
    let classify = || format!("press {key} to classify");
    let old = screen.outdated(shared, runs);
    // Where something else was chosen since, the question is about that.
    let is_over = matches!(screen.job.stage, Stage::Ended { .. } | Stage::Failed(_));
    let is_other = is_over && (old.is_some() || screen.request(shared) != screen.job.asked);
    let (share, text) = match &screen.job.stage {
        _ if is_other => {
            let key = shared.key(Action::StartInference);
            let again = || old.map(|old| format!("{old}; press {key} to classify again"));
            let missing = screen.missing(shared, runs).or_else(again);
            (None, missing.unwrap_or_else(classify))
        }
        Stage::Idle => {
            let text = screen.missing(shared, runs).unwrap_or_else(classify);
            (None, text)
        }
        Stage::Asked => (Some(0.0), "looking for images".to_owned()),
        Stage::Running { images, began } => {
            let elapsed = shared.clock.elapsed.saturating_sub(*began);
            let progress = progress(done, *images, elapsed);
            let part = format!("{} of {}", count(done as u64), count(*images as u64));
            let text = if screen.job.cancelling {
                "cancelling".to_owned()
            } else if progress.rate.is_finite() {
                let left = duration(progress.left);
                format!("{part} · {} · {left} left", speed(progress.rate))
            } else {
                part
            };
            (Some(progress.share), text)
        }
        Stage::Ended { cancelled, seconds } => {
            let word = if *cancelled {
                "cancelled after"
            } else {
                "done:"
            };
            let rate = done as f64 / seconds.max(1e-9);
            let scores = screen.results.scores();
            let scores = scores.map(|(model, score)| format!("{model} {}", percent(score.top1())));
            let scores = scores.collect::<Vec<_>>().join(", ");
            let top1 = if scores.is_empty() { "" } else { " · top-1 " };
            let text = format!(
                "{word} {} in {} · {}{top1}{scores}",
                plural(done, "file", "files"),
                duration(*seconds),
                speed(rate)
            );
            (None, text)
        }
        Stage::Failed(why) => (None, format!("failed: {why}")),
    };
    let mut cells = Cells::line(frame.buffer_mut(), inside, line);
    let style = match &screen.job.stage {
        Stage::Failed(_) if !is_other => theme.bad(),
        _ if is_other => theme.warn(),
        _ => theme.text(),
    };
    if let Some(share) = share {
        let width = cells.rest() * 2 / 5;
        let bar = bars::lying(share, width);
        let track = usize::from(width).saturating_sub(bar.chars().count());
        cells
            .word(&bar, theme.good())
            .word(&"░".repeat(track), theme.muted());
        cells.skip(1);
    }
    let rest = cells.rest();
    cells.text(rest, &fitting(&text, rest), style);
}
