//! The range test of a learning rate, drawn.
//!
//! ```text
//! ┌ Learning rate of quickstart ──────── step 42 of 100 ┐
//! │  loss  smoothed 1.904                               │
//! │   2.3┤⠑⢄                                           │
//! │   1.4┤  ⠈⠑⠒★⠤⣀⡀                                     │
//! │    lr╰┬1e-6───────┬1e-4────────┬0.01                │
//! │                                                     │
//! │  proposed     0.05, where the loss falls fastest    │
//! │  lowest loss  1.402 at lr 0.3                       │
//! │  ended        after 100 steps, at lr 10             │
//! │  experiment   cosine 0.1 to 0                       │
//! └─────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::lr_test::{LrTest, State};
use crate::experiment::lr_range::{LrCurve, LrEnd, LrRange};
use crate::format::{count, shorten_middle};
use crate::ui::shared::Shared;
use crate::ui::widget::chart::{Chart, Curve, XValues};
use crate::ui::widget::wrap::wrapped;

/// Cells of the labels below the curve.
const LABEL: usize = 13;

/// The label of a reason why there is no curve.
const FAILED: &str = "failed";

/// Least rows of the curve, with title and axis.
const CHART: u16 = 6;

impl LrTest {
    /// Draws it.
    pub(super) fn draw(&self, shared: &Shared, frame: &mut Frame, area: Rect) {
        let theme = &shared.theme;
        let words = self.progress();
        let room = usize::from(area.width).saturating_sub(words.len() + 24);
        let title = format!(" Learning rate of {} ", shorten_middle(self.name(), room));
        let block = Block::bordered()
            .title(title)
            .title(Line::from(format!(" {words} ")).right_aligned())
            .border_style(theme.border(true));
        let inside = block.inner(area);
        frame.render_widget(block, area);
        let lines = self.lines(usize::from(inside.width), shared);
        let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let rows = rows.min(inside.height.saturating_sub(CHART));
        let [chart, _, below] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(1),
            Constraint::Length(rows),
        ])
        .areas(inside);
        self.draw_curve(shared, frame, chart);
        frame.render_widget(Paragraph::new(lines), below);
    }

    /// How far it is, for the border.
    fn progress(&self) -> String {
        let steps = LrRange::default().steps;
        match &self.state {
            State::Preparing(_) => "preparing".to_owned(),
            State::Testing => {
                let step = count(self.points.len() as u64);
                format!("step {step} of {steps}")
            }
            State::Stopping => "stopping".to_owned(),
            State::Ended(curve) => match curve.end {
                LrEnd::Completed => "completed",
                LrEnd::Diverged => "diverged",
                LrEnd::Stopped => "stopped",
            }
            .to_owned(),
            State::Failed(_) => "failed".to_owned(),
        }
    }

    fn draw_curve(&self, shared: &Shared, frame: &mut Frame, area: Rect) {
        let theme = &shared.theme;
        let curve = LrCurve {
            points: self.points.clone(),
            end: LrEnd::Stopped,
        };
        let (rates, losses): (Vec<f64>, Vec<f64>) =
            self.points.iter().map(|it| (it.lr, it.loss)).unzip();
        let smoothed = curve.smoothed();
        let xs = XValues::Values(&rates);
        let curves = [
            Curve {
                look: Some(('·', theme.muted())),
                ..Curve::new(xs, &losses)
            },
            Curve {
                name: "smoothed".to_owned(),
                ..Curve::new(xs, &smoothed)
            },
        ];
        let proposed = self.proposed().and_then(|lr| {
            let at = curves[1].xs.nearest(lr)?;
            Some((lr, *smoothed.get(at)?))
        });
        let range = LrRange::default();
        let chart = Chart {
            title: "loss",
            curves: &curves,
            x: (range.from, range.to),
            unit: "lr",
            y: None,
            ceiling: smoothed.iter().copied().reduce(f64::max),
            log: false,
            log_x: true,
            shares: false,
            marks: &[],
            best: proposed,
            crosshair: None,
            selected: false,
        };
        chart.draw(theme, frame, area);
    }

    /// What it does, or what came of it.
    fn lines(&self, width: usize, shared: &Shared) -> Vec<Line<'static>> {
        let theme = &shared.theme;
        let mut lines = Vec::new();
        for (label, text) in self.rows() {
            let style = match &self.state {
                State::Failed(_) if label == FAILED => theme.bad(),
                _ => theme.text(),
            };
            let room = width.saturating_sub(LABEL + 3).max(1);
            let parts = wrapped(&text, room).into_iter().enumerate();
            lines.extend(parts.map(|(at, part)| {
                let label = if at == 0 { label } else { "" };
                Line::from(vec![
                    Span::styled(format!("  {label:LABEL$}"), theme.muted()),
                    Span::styled(part, style),
                ])
            }));
        }
        lines
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let now = |words: &str| vec![("now", words.to_owned())];
        let mut rows = match &self.state {
            State::Preparing(words) => now(words),
            State::Testing => now("training with a learning rate that rises"),
            State::Stopping => now("stopping"),
            State::Failed(reason) => vec![(FAILED, reason.clone())],
            State::Ended(curve) => curve.results(),
        };
        rows.push(("experiment", self.planned.clone()));
        if let State::Ended(curve) = &self.state
            && curve.may_propose_more()
        {
            let options = "workbench --find-lr FILE has --lr-from, --lr-to and --steps";
            rows.push(("options", options.to_owned()));
        }
        rows
    }
}
