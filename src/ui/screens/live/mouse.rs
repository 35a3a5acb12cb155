//! The mouse on the Live screen: clicks select and set the crosshair, drags
//! move it, the window or borders, the wheel zooms and scrolls.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::grid::Page;
use super::{Focus, Live, Shown, knobs_view};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;

impl Live {
    pub(in crate::ui) fn mouse(
        &mut self,
        mouse: MouseEvent,
        area: Rect,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        let Some(shown) = self.shown_run(runs) else {
            return;
        };
        let parts = self.areas(&shown, shared, area);
        let at = (mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::Up(_) => {
                self.held = None;
                self.view.sight.release();
            }
            MouseEventKind::Drag(_) if let Some(border) = self.held => {
                self.sizes = parts.dragged(border, at, self.sizes);
                return;
            }
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(border) = parts.border_at(at.0, at.1) {
                    self.held = Some(border);
                    return;
                }
            }
            _ => {}
        }
        if parts.events.contains(at.into()) {
            self.mouse_on_events(mouse, parts.events);
        } else if self.focus == Focus::Knobs {
            let view = knobs_view(&shown, &shared.keymap);
            self.knobs.mouse(mouse, parts.main, &view);
        } else if parts.main.contains(at.into()) || self.view.sight.is_held() {
            self.mouse_on_charts(mouse, parts.main, &shown);
        }
        self.changed(shared, runs);
    }

    fn mouse_on_events(&mut self, mouse: MouseEvent, area: Rect) {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.scroll_events(Action::Up),
            MouseEventKind::ScrollDown => self.scroll_events(Action::Down),
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(at) = self
                    .events
                    .at_row(area, self.focus == Focus::Events, mouse.row)
                {
                    self.events.select(at);
                    self.focus = Focus::Events;
                }
            }
            _ => {}
        }
    }

    fn scroll_events(&mut self, action: Action) {
        // What is selected is visible in the focused pane only. Knobs stay open.
        if self.focus == Focus::Charts {
            self.focus = Focus::Events;
        }
        _ = self.events.act(action);
    }

    fn mouse_on_charts(&mut self, mouse: MouseEvent, area: Rect, shown: &Shown<'_>) {
        let all = self.across(shown).all();
        let charts = self.charts(shown);
        let (places, ..) = Page::places(&self.view, &charts, area);
        let at = (mouse.column, mouse.row);
        let chart = places
            .iter()
            .find(|(_, place)| place.contains(at.into()))
            .copied();
        // A drag that leaves its chart continues by the selected one.
        let place = chart.or_else(|| {
            places
                .iter()
                .find(|(at, _)| *at == self.view.selected)
                .copied()
        });
        let Some((number, place)) = place else {
            return;
        };
        if chart.is_some() && matches!(mouse.kind, MouseEventKind::Down(_)) {
            self.focus = Focus::Charts;
            self.view.selected = number;
        }
        self.view.sight.mouse(mouse, place, all);
    }
}
