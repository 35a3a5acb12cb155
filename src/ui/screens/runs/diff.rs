//! What differs between runs: their metrics, and those fields of their
//! configurations that are not the same in all, with what was changed live.
//!
//! ```text
//! ┌ What differs between 2 runs ─────────────────────────────────┐
//! │                         ⌂ vanilla-a1b2c3    ● adaptive-d4e5f6 │
//! │ valid top-1 (best)      91.10 %             92.31 % ▲  +1.21  │
//! │ method                  Vanilla          AdaptiveAugmentation │
//! │ method.p_max            –                   0.5               │
//! └──────────────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Padding, Paragraph};

use super::column::{Baseline, cell};
use super::marks::look;
use crate::format::{MISSING, shorten, shorten_middle, width_of};
use crate::listing::{COMPARED, Field, Subject};
use crate::store::Config;
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;

/// Least and greatest cells of a run's column: the longest name of a method fits.
const COLUMN: (u16, u16) = (22, 36);

/// Greatest cells of the fields' names.
const NAMES: u16 = 34;

/// Least cells of them: those of `valid agreement (last)`.
const LEAST_NAMES: u16 = 24;

/// Fields of the configurations that are not the same in all runs.
pub(super) fn differing<'a>(runs: &[(usize, Subject<'a>)]) -> Vec<&'a str> {
    Config::differing(runs.iter().map(|(_, run)| run.config))
}

/// Rows of the comparison at most, without its heading.
pub(super) fn rows(runs: &[(usize, Subject)]) -> usize {
    let lines = |field: &str| {
        let values = runs
            .iter()
            .map(|(_, run)| value(run, field, COLUMN.0).len());
        values.max().unwrap_or(1)
    };
    let fields: usize = differing(runs).into_iter().map(lines).sum();
    COMPARED.len() + 1 + fields.max(1)
}

/// A field's value in lines, in a column of so many cells.
fn value(run: &Subject, field: &str, column: u16) -> Vec<String> {
    let text = run.config.get(field).unwrap_or(MISSING);
    wrapped(text, usize::from(column.saturating_sub(1)))
}

/// Draws the comparison. `above` rows and `before` runs after the first are
/// scrolled away; the first run is what others are measured against if
/// `measured`.
pub(super) fn draw(
    runs: &[(usize, Subject)],
    measured: bool,
    (above, before): (usize, usize),
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let fields = differing(runs);
    let what = match runs.len() {
        1 => "Metrics of one run".to_owned(),
        several => format!("Differences between {several} runs"),
    };
    let against = if measured {
        ", ▲ ▼ vs the first"
    } else {
        ""
    };
    let block = Block::bordered()
        .title(format!(" {what}{against} "))
        .padding(Padding::horizontal(1))
        .border_style(theme.border(false));
    let inside = block.inner(area);
    let longest = fields
        .iter()
        .map(|field| width_of(field))
        .max()
        .unwrap_or(0) as u16;
    let names = (longest + 2)
        .clamp(LEAST_NAMES, NAMES)
        .min(inside.width / 2);
    let shown = visible(runs.len(), before, inside.width - names);
    let column = shown_width(shown.len(), inside.width - names);
    let cells = |first: Span<'static>, cell: &dyn Fn(usize) -> Line<'static>| {
        let mut line = Line::from(fitted(Line::from(first), names));
        for &at in &shown {
            line.extend(fitted(cell(at), column));
        }
        line
    };
    let base = measured.then(|| Baseline::from(runs[0].1));
    let mut lines: Vec<Line> = COMPARED
        .iter()
        .map(|metric| {
            cells(Span::styled(metric.title(), theme.muted()), &|at| {
                let base = base.filter(|_| at > 0);
                cell(&Field::Column(*metric), &runs[at].1, base, theme)
            })
        })
        .collect();
    lines.push(Line::default());
    for field in &fields {
        let first = runs[0].1.config.get(field);
        let mut name = shorten_middle(field, usize::from(names.saturating_sub(1)));
        let values: Vec<Vec<String>> = shown
            .iter()
            .map(|&at| value(&runs[at].1, field, column))
            .collect();
        for row in 0..values.iter().map(Vec::len).max().unwrap_or(0) {
            let label = Span::styled(std::mem::take(&mut name), theme.muted());
            let mut line = Line::from(fitted(Line::from(label), names));
            for (&at, value) in shown.iter().zip(&values) {
                let style = if runs[at].1.config.get(field) == first {
                    theme.text()
                } else {
                    theme.text().add_modifier(Modifier::BOLD)
                };
                let part = value.get(row).cloned().unwrap_or_default();
                line.extend(fitted(Line::styled(part, style), column));
            }
            lines.push(line);
        }
    }
    if fields.is_empty() {
        lines.push(Line::styled(nothing_differs(runs), theme.muted()));
    }
    let heading = cells(Span::raw(""), &|at| heading(&runs[at], column, theme));
    let most = lines
        .len()
        .saturating_sub(usize::from(inside.height.saturating_sub(1)));
    let rest = lines.split_off(above.min(most));
    let below = most - above.min(most);
    let more = match below {
        0 => String::new(),
        rows => format!(" ↓ {rows} more "),
    };
    let block = block
        .title_bottom(Line::styled(more, theme.accent()))
        .title_bottom(hidden(runs.len() - shown.len(), theme));
    frame.render_widget(block, area);
    let mut text = vec![heading];
    text.extend(rest);
    frame.render_widget(Paragraph::new(text), inside);
}

fn nothing_differs(runs: &[(usize, Subject)]) -> &'static str {
    if runs.len() < 2 {
        "Mark another run to see the differences."
    } else {
        "The configurations are identical."
    }
}

fn heading((place, run): &(usize, Subject), column: u16, theme: &Theme) -> Line<'static> {
    let (symbol, style) = look(*place, theme);
    let name = shorten_middle(run.name, usize::from(column.saturating_sub(4)));
    Line::from(vec![
        Span::styled(format!("{symbol} "), style),
        Span::styled(name, theme.text().add_modifier(Modifier::BOLD)),
    ])
}

/// How many runs there is no room for.
fn hidden(hidden: usize, theme: &Theme) -> Line<'static> {
    let summary = if hidden == 0 {
        String::new()
    } else {
        format!(" ‹ {hidden} more › ")
    };
    Line::styled(summary, theme.accent()).right_aligned()
}

/// The runs that there is room for: the first always, then those after
/// `before` others.
fn visible(runs: usize, before: usize, room: u16) -> Vec<usize> {
    let fit = usize::from(room / COLUMN.0).max(1);
    let skipped = before.min(runs.saturating_sub(fit));
    let others = (1 + skipped..runs).take(fit - 1);
    std::iter::once(0)
        .filter(|_| runs > 0)
        .chain(others)
        .collect()
}

fn shown_width(shown: usize, room: u16) -> u16 {
    (room / shown.max(1) as u16).min(COLUMN.1)
}

/// A line in exactly `cells` cells, the last of them empty.
fn fitted(line: Line<'static>, cells: u16) -> Vec<Span<'static>> {
    let most = usize::from(cells.saturating_sub(1));
    let line = if line.width() > most {
        Line::styled(shorten(&line.to_string(), most), line.style)
    } else {
        line
    };
    let spare = usize::from(cells).saturating_sub(line.width());
    let style = line.style;
    let mut spans: Vec<Span> = line
        .spans
        .into_iter()
        .map(|span| {
            let own = span.style;
            span.style(style.patch(own))
        })
        .collect();
    spans.push(Span::raw(" ".repeat(spare)));
    spans
}
