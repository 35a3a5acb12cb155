//! The knobs pane.
//!
//! ```text
//! ─ knobs of the student ──────────────────────────────────────
//! ▸lr       0.094 !  │▸lr  0.094  at the end 0  pending 0.05
//!  ⠉⠒⠤⣀              │ 0.1┤⠉⠒⠤⣀ ⠐ ◇ ⠐  ◆
//!  p1       0.2  auto │    │     ⠉ ⠒ ⠤ ⣀
//!  ⣀⣀⠤⠤              │    ╰┬0────┬4────┬8── epoch
//!                     │ pending: 2 changes …
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::board::{Board, KnobNow, Role, Time};
use super::scene::{COLOURS, ROWS, Scene, places};
use super::{Knobs, View};
use crate::event::Phase;
use crate::format::short;
use crate::store::CommandState;
use crate::ui::screens::live::events::decided;
use crate::ui::screens::live::rule;
use crate::ui::shared::Shared;
use crate::ui::widget::Selection;
use crate::ui::widget::chart::{Axis, Canvas, Extent, cell};

impl Knobs {
    /// Rows of the list that are in view, by their knob's number.
    pub(super) fn listed(&self, count: usize, list: Rect) -> Vec<(usize, Rect)> {
        let mut selection = Selection::default();
        selection.set(self.selected);
        let window = selection.window(count, (list.height / ROWS).into());
        window
            .enumerate()
            .map(|(row, at)| {
                let y = list.y + row as u16 * ROWS;
                (
                    at,
                    Rect {
                        y,
                        height: ROWS,
                        ..list
                    },
                )
            })
            .collect()
    }

    pub(in crate::ui::screens::live) fn draw(
        &self,
        view: &View<'_>,
        shared: &Shared,
        frame: &mut Frame,
        area: Rect,
    ) {
        let theme = &shared.theme;
        let title = match view.phase {
            Phase::Teacher => "knobs of the teacher",
            Phase::Student => "knobs of the student",
        };
        rule(title, "", true, theme, frame, area);
        let board = Board::of(view.entry);
        let knobs = board.knobs(view.phase);
        let parts = places(area, self.border);
        let time = board.time(view.phase);
        let (Some(time), Some(knob)) = (time, knobs.get(self.at(knobs.len()))) else {
            let text = board
                .problem()
                .unwrap_or_else(|| "This training has not started.".to_owned());
            let text = Paragraph::new(text)
                .style(theme.muted())
                .wrap(Wrap { trim: true });
            let inside = Rect {
                y: area.y + 1,
                height: area.height.saturating_sub(1),
                ..area
            };
            frame.render_widget(text, inside.intersection(area));
            return;
        };
        for (at, place) in self.listed(knobs.len(), parts.list) {
            self.draw_listed(&knobs[at], at, (view, time), shared, frame, place);
        }
        let draft = self.drafts.get(knob.name);
        let metric = format!("knob/{}", knob.name);
        let logged = view.entry.store.table(view.phase).series(&metric);
        let scene = Scene::new(knob, logged, draft, time);
        let curves = scene.curves();
        let chart = scene.chart(knob.name, &curves);
        chart.draw(theme, frame, parts.chart);
        if let Some(draft) = draft {
            let (axes, plot) = scene.axes(&curves, parts.chart);
            for (at, point) in draft.points().iter().enumerate() {
                let letter = if draft.selected == Some(at) {
                    '◆'
                } else {
                    '◇'
                };
                if let Some(place) = cell(axes, plot, *point)
                    && let Some(cell) = frame.buffer_mut().cell_mut(place)
                {
                    cell.set_char(letter)
                        .set_style(theme.warn().add_modifier(Modifier::BOLD));
                }
            }
        }
        let notes: Vec<Line> = self.notes(knob, (view, time), shared);
        frame.render_widget(Paragraph::new(notes).wrap(Wrap { trim: true }), parts.notes);
    }

    /// A knob of the list: its name, value and state, and its curve.
    fn draw_listed(
        &self,
        knob: &KnobNow<'_>,
        at: usize,
        (view, time): (&View<'_>, Time),
        shared: &Shared,
        frame: &mut Frame,
        area: Rect,
    ) {
        let theme = &shared.theme;
        let selected = at == self.at(usize::MAX);
        let changed = self
            .drafts
            .get(knob.name)
            .is_some_and(super::edit::Draft::changed);
        let state = match (changed, knob.role) {
            (true, _) => "pending",
            _ if self.waits(knob, &view.entry.store) => "sent",
            (_, Role::Controlled) => "auto",
            (_, Role::Follows) => "derived",
            (_, Role::ByHand) => "manual",
            (_, Role::Free) if knob.adjusted => "changed",
            (_, Role::Free) => "",
        };
        let name: String = knob.name.chars().take(11).collect();
        let style = if selected {
            theme.accent()
        } else {
            theme.text()
        };
        let line = Line::from(vec![
            Span::styled(if selected { "▸" } else { " " }, theme.accent()),
            Span::styled(format!("{name:<11} "), style),
            Span::raw(format!("{:>6} ", short(knob.value))),
            Span::styled(state, if changed { theme.warn() } else { theme.muted() }),
        ]);
        frame.render_widget(line, Rect { height: 1, ..area }.intersection(frame.area()));
        let below = Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width.saturating_sub(3),
            height: area.height.saturating_sub(1),
        }
        .intersection(frame.area());
        let metric = format!("knob/{}", knob.name);
        let logged = view.entry.store.table(view.phase).series(&metric);
        let scene = Scene::new(knob, logged, self.drafts.get(knob.name), time);
        let curves = scene.curves();
        let mut extent = Extent::of([0.0]);
        for curve in &curves {
            extent.join(curve.extent((0.0, time.end)));
        }
        let axes = (
            Axis::new(0.0, time.end, false),
            Axis::new(extent.min, extent.max, false),
        );
        let mut canvas = Canvas::new(below.width, below.height);
        for (part, curve) in curves.iter().enumerate() {
            let style = theme.series(COLOURS[part.min(COLOURS.len() - 1)]);
            curve.draw(&mut canvas, axes, (style, style));
        }
        canvas.draw(frame.buffer_mut(), below);
    }

    /// What a change is and does, and what became of the last one.
    fn notes(
        &self,
        knob: &KnobNow<'_>,
        (view, time): (&View<'_>, Time),
        shared: &Shared,
    ) -> Vec<Line<'static>> {
        let theme = &shared.theme;
        let mut lines = Vec::new();
        let draft = self.drafts.get(knob.name).filter(|draft| draft.changed());
        if let Some(draft) = draft {
            let shape = draft
                .shape
                .map_or(String::new(), |shape| format!(" ({})", shape.word()));
            let bound = draft
                .at_bound()
                .map_or(String::new(), |bound| format!("; {bound}"));
            let words = draft.schedule().to_string();
            let text = format!("pending: {words}{shape}{bound}");
            lines.push(Line::styled(text, theme.warn()));
        } else if self.waits(knob, &view.entry.store) {
            lines.push(Line::styled(
                CommandState::Requested.to_string(),
                theme.warn(),
            ));
        } else if let Some(request) = knob.request {
            let style = if request.state.is_lost() {
                theme.bad()
            } else {
                theme.good()
            };
            let text = format!("last change {}", request.state);
            lines.push(Line::styled(text, style));
        }
        if matches!(knob.role, Role::Controlled | Role::Follows)
            && let Some((epoch, decision)) = Board::of(view.entry).last_decision(view.phase)
        {
            let text = format!("epoch {}: {}", short(epoch), decided(decision));
            lines.push(Line::raw(text));
        }
        let end = short(time.round_end);
        let role = match knob.role {
            Role::Free => format!(
                "range {} to {}; schedule: {}",
                short(knob.range.min),
                short(knob.range.max),
                knob.schedule
            ),
            Role::ByHand => format!(
                "manual: {} stays at this value; the controller resumes from it when re-enabled",
                knob.name
            ),
            // After the last round a controller decides nothing.
            Role::Controlled | Role::Follows if time.round_end >= time.end => format!(
                "last round: the controller will not change {} again; a change holds to the end",
                knob.name
            ),
            Role::Controlled => format!(
                "the controller may change {} at epoch {end}; a change holds until then",
                knob.name
            ),
            Role::Follows => format!(
                "the controller sets {} from p1 at epoch {end}; a change holds until then; change p1 instead to keep it",
                knob.name
            ),
        };
        lines.push(Line::styled(role, theme.muted()));
        lines
    }
}
