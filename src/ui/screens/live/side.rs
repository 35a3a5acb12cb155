//! The column beside the charts of a wide terminal: knobs at a glance, as high as
//! there is room, alerts, the newest evaluations where that leaves room, the run's
//! exports, the newest runs, the machine.
//!
//! ```text
//! ─ knobs ──────────────────────
//!  lr        0.094  ⠉⠒⠤⣀
//!                       ⠉⠒⠤⣀
//! ─ alerts ─────────────────────
//!  none
//! ─ evaluations ────────────────
//!   epoch    top-1    loss
//!       6   92.7 %  0.3047 ★
//! ─ exports ────────────────────
//!  · a.onnx, 317 kB, verified
//! ─ runs ───────────────────────
//! ▸quickstart-2026…8e9912 ● 84.3 %
//!  vanilla-2026…5fa661    ✓ 90.7 %
//! ─ machine ────────────────────
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::ptr;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::alerts::{self, Alert};
use super::{machine, rule};
use crate::event::{Evaluation, Phase, Split};
use crate::format::{MISSING, loss, percent, short, shorten_middle, width_of};
use crate::listing::export_words;
use crate::store::{RunEntry, RunStore, Runs};
use crate::ui::news::MachineSample;
use crate::ui::screens::series::Summaries;
use crate::ui::theme::Theme;
use crate::ui::widget::chart::{Axis, Canvas, Curve, XValues};

/// Knobs that are shown.
const MOST_KNOBS: usize = 20;

/// Runs that are shown at most.
const MOST_RUNS: u16 = 12;

/// Rows of a knob's curve at most.
const HIGHEST_KNOB: u16 = 4;

/// Evaluations that are shown at most.
const MOST_EVALUATIONS: usize = 40;

/// Names of the columns of evaluations.
const EPOCH: &str = "epoch";
const TOP1: &str = "top-1";
const LOSS: &str = "loss";
const AGREEMENT: &str = "agreement";

/// Cells of a run's pointer, state and accuracy.
const BESIDE_NAME: usize = 13;

/// Columns of a knob's name and value.
const LABEL: u16 = 22;

/// Rows that the contents of the panes take.
struct Rows {
    knobs: u16,
    alerts: u16,
    evaluations: u16,
    exports: u16,
    runs: u16,
    machine: u16,
}

impl Rows {
    /// Heights of the panes, titles included: the exports, the runs, the curves of the
    /// knobs, then the evaluations take what knobs, alerts and the machine leave.
    fn within(&self, height: u16) -> [Constraint; 6] {
        let used = self.knobs + self.alerts.min(height) + self.machine + 3;
        let mut left = height.saturating_sub(used);
        // A title alone says nothing.
        let titled = |rows: u16, left: u16| match left.min(rows + 1) {
            0..=1 => 0,
            rows => rows,
        };
        let exports = titled(self.exports, left);
        left -= exports;
        let runs = titled(self.runs.min(MOST_RUNS), left);
        left -= runs;
        let higher = (left / self.knobs.max(1) + 1).min(HIGHEST_KNOB);
        left -= self.knobs * (higher - 1);
        // A title and the names of the columns alone say nothing.
        let has_evaluations = self.evaluations > 0 && left > 2;
        let (alerts, evaluations) = if has_evaluations {
            (Constraint::Length(1 + self.alerts), Constraint::Fill(1))
        } else {
            // Alerts stay to be seen where the others have to give way.
            (Constraint::Min(2), Constraint::Length(0))
        };
        [
            Constraint::Length(1 + self.knobs * higher),
            alerts,
            evaluations,
            Constraint::Length(exports),
            Constraint::Length(runs),
            Constraint::Length(1 + self.machine),
        ]
    }
}

/// What is shown beside the charts.
pub(super) struct Side<'a> {
    /// The folder's name of the run that is shown.
    pub(super) name: &'a str,
    pub(super) runs: &'a Runs,
    pub(super) store: &'a RunStore,
    pub(super) phase: Phase,
    /// Knobs as they stand.
    pub(super) knobs: &'a BTreeMap<String, f64>,
    pub(super) summaries: &'a Summaries,
    pub(super) alerts: &'a [Alert],
    pub(super) machine: &'a VecDeque<MachineSample>,
}

impl Side<'_> {
    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let bar = Rect {
            width: 1.min(area.width),
            ..area
        };
        for y in bar.y..bar.bottom() {
            frame.render_widget(
                Span::styled("│", theme.muted()),
                Rect {
                    y,
                    height: 1,
                    ..bar
                },
            );
        }
        let inside = Rect {
            x: area.x + bar.width,
            width: area.width - bar.width,
            ..area
        };
        let knobs = self.knobs.len().min(MOST_KNOBS) as u16;
        let gpus = self.machine.back().map_or(0, |sample| sample.gpus.len());
        let exports = self.exports(theme, inside.width);
        let evaluations = self.evaluations(theme);
        let places = Rows {
            knobs,
            alerts: alerts::rows(self.alerts, inside.width),
            evaluations: evaluations.len() as u16,
            exports: exports.len() as u16,
            runs: self.runs.len() as u16,
            machine: 4 + 2 * gpus.min(8) as u16,
        };
        let [top, middle, table, files, below, bottom] =
            Layout::vertical(places.within(inside.height)).areas(inside);
        let titled = |title: &str, frame: &mut Frame, area: Rect| {
            if area.height > 0 {
                rule(title, "", false, theme, frame, area);
            }
            Rect {
                y: area.y + 1.min(area.height),
                height: area.height.saturating_sub(1),
                ..area
            }
        };
        let place = titled("knobs", frame, top);
        let height = (place.height / knobs.max(1)).max(1);
        let shown = usize::from(place.height / height);
        for (row, (name, value)) in self.knobs.iter().take(shown).enumerate() {
            let place = Rect {
                y: place.y + row as u16 * height,
                height,
                ..place
            };
            self.draw_knob(name, *value, theme, frame, place);
        }
        let place = titled("alerts", frame, middle);
        alerts::draw(self.alerts, theme, frame, place);
        let place = titled("evaluations", frame, table);
        let names = format!(" {EPOCH:>7} {TOP1:>9} {LOSS:>9} {AGREEMENT:>10}");
        let names =
            if self.phase == Phase::Student && self.store.models.contains_key(&Phase::Teacher) {
                names
            } else {
                names.trim_end_matches(AGREEMENT).trim_end().to_owned()
            };
        let lines = std::iter::once(Line::styled(names, theme.muted())).chain(evaluations);
        let lines: Vec<Line> = lines.take(place.height.into()).collect();
        frame.render_widget(Paragraph::new(lines), place);
        let place = titled("exports", frame, files);
        frame.render_widget(Paragraph::new(exports), place);
        let place = titled("runs", frame, below);
        self.draw_runs(theme, frame, place);
        let place = titled("machine", frame, bottom);
        machine::draw(self.machine, theme, frame, place);
    }

    /// The evaluations on the validation images, the newest first, the best one marked.
    fn evaluations(&self, theme: &Theme) -> Vec<Line<'static>> {
        let best = self.store.best_evaluation(self.phase);
        let all = self.store.evaluations_of(self.phase, Split::Valid).rev();
        let line = |each: &Evaluation| {
            let (epoch, top1) = (short(each.epoch), percent(each.top1));
            let text = format!(" {epoch:>7} {top1:>9} {:>9}", loss(each.loss));
            let agreement = each
                .teacher
                .map(|it| format!(" {:>10}", percent(it.agreement)));
            let is_best = best.is_some_and(|best| ptr::eq(best, each));
            let mark = if is_best { " ★" } else { "" };
            Line::from(vec![
                Span::raw(text + &agreement.unwrap_or_default()),
                Span::styled(mark, theme.good()),
            ])
        };
        all.take(MOST_EVALUATIONS).map(line).collect()
    }

    /// The files that were exported of the run, each in as many lines as it needs.
    fn exports(&self, theme: &Theme, width: u16) -> Vec<Line<'static>> {
        let run = self.runs.get(self.name).into_iter();
        let files = run.flat_map(|run| &run.exports);
        let lines = files.flat_map(|(name, export)| {
            // With the comma behind it.
            // The end is what differs between the files of a run.
            let own = name.strip_prefix(self.name);
            let name = own.map_or_else(|| name.clone(), |end| format!("…{end}"));
            let name = shorten_middle(&name, width.saturating_sub(5));
            alerts::marked(" · ", &export_words(&name, export), width, theme.text())
        });
        lines.collect()
    }

    /// The newest runs, the shown one among them if it is one of them.
    fn draw_runs(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        if area.is_empty() {
            return;
        }
        let mut runs: Vec<(&str, &RunEntry)> = self.runs.iter().collect();
        runs.sort_unstable_by_key(|(name, run)| Reverse((run.started, *name)));
        let lines: Vec<Line> = runs
            .into_iter()
            .take(area.height.into())
            .map(|(name, run)| {
                let (pointer, style) = if name == self.name {
                    ("▸", theme.accent())
                } else {
                    (" ", theme.text())
                };
                let best = run.store.best_evaluation(Phase::Student);
                let best = best.map_or_else(|| MISSING.to_owned(), |best| percent(best.top1));
                let (symbol, state) = theme.state(run.state());
                let room = usize::from(area.width).saturating_sub(BESIDE_NAME);
                let name = shorten_middle(name, room);
                let gap = " ".repeat(room.saturating_sub(width_of(&name)));
                Line::from(vec![
                    Span::styled(format!("{pointer}{name}{gap} "), style),
                    Span::styled(symbol, state),
                    Span::raw(format!(" {best:>8}")),
                ])
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn draw_knob(&self, name: &str, value: f64, theme: &Theme, frame: &mut Frame, area: Rect) {
        let shown: String = name.chars().take(13).collect();
        let line = Line::from(vec![
            Span::styled(format!(" {shown:<13} "), theme.muted()),
            Span::raw(format!("{:>6}", short(value))),
        ]);
        frame.render_widget(line, Rect { height: 1, ..area });
        let metric = format!("knob/{name}");
        let Some(series) = self.store.table(self.phase).series(&metric) else {
            return;
        };
        let place = Rect {
            x: area.x + LABEL.min(area.width),
            width: area.width.saturating_sub(LABEL + 1),
            ..area
        };
        let curve = Curve {
            summary: self.summaries.of(&metric).map(|(summary, _)| summary),
            ..Curve::new(XValues::Steps(series.steps), series.values)
        };
        let last = series.steps.last().copied().unwrap_or(0) as f64;
        let extent = curve.extent((0.0, last));
        let axes = (
            Axis::new(0.0, last, false),
            Axis::new(extent.min, extent.max, false),
        );
        let mut canvas = Canvas::new(place.width, place.height);
        curve.draw(&mut canvas, axes, (theme.series(0), theme.series(0)));
        canvas.draw(frame.buffer_mut(), place);
    }
}
