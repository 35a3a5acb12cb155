//! Which symbol is which run, and how good it is.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::column::{Baseline, metric_cell};
use super::super::marks::{BASELINE, look};
use super::LEGEND;
use crate::format::shorten_middle;
use crate::listing::{Column, Subject};
use crate::ui::theme::Theme;

/// Draws it. The first run is the baseline, if there is one.
pub(super) fn draw(
    runs: &[(usize, Subject)],
    baseline: Option<Baseline>,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let beside = area.width <= LEGEND;
    let mut lines = Vec::new();
    for (at, (place, run)) in runs.iter().enumerate() {
        let (symbol, style) = look(*place, theme);
        let base = baseline.filter(|_| at > 0);
        // One that is not marked has no other symbol.
        let is_baseline = at == 0 && baseline.is_some() && symbol != BASELINE;
        let mark = if is_baseline { BASELINE } else { ' ' };
        let room = usize::from(area.width).saturating_sub(if beside { 3 } else { 57 });
        let name = shorten_middle(run.name, room.min(40));
        let mut metrics = vec![Span::styled("best ", theme.muted())];
        metrics.extend(metric_cell(Column::Best, run, base, theme));
        metrics.push(Span::styled("  last ", theme.muted()));
        metrics.extend(metric_cell(Column::Last, run, base, theme));
        let mut named = vec![
            Span::styled(format!("{symbol}{mark} "), style),
            Span::styled(format!("{name:40}"), theme.text()),
        ];
        if beside {
            lines.push(Line::from(named));
            metrics.insert(0, Span::raw("  "));
            lines.push(Line::from(metrics));
        } else {
            named[1] = Span::styled(format!("{name:room$} ", room = room.min(40)), theme.text());
            named.extend(metrics);
            lines.push(Line::from(named));
        }
    }
    let all = lines.len();
    let height = usize::from(area.height);
    if all > height && height > 0 {
        lines.truncate(height - 1);
        let per_run = if beside { 2 } else { 1 };
        let hidden = runs.len() - (height - 1) / per_run;
        lines.push(Line::styled(format!("and {hidden} more"), theme.muted()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}
