//! The mouse on the Live screen: clicks select and set the crosshair, drags
//! move it, the window or borders, the wheel zooms and scrolls.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::grid::Page;
use super::{Focus, Held, Live, Shown, with_knobs};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::chart::{Axis, plot, point_at};

/// How much a turn of the wheel zooms.
const ZOOM: f64 = 0.8;

/// How much of the window a sideways turn of the wheel pans by.
const PAN: f64 = 0.1;

impl Live {
    pub(in crate::ui) fn mouse(
        &mut self,
        mouse: MouseEvent,
        area: Rect,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        let Some(name) = self.run.clone() else {
            return;
        };
        let Some(entry) = runs.get(&name) else {
            return;
        };
        let shown = Shown {
            name: &name,
            entry,
            phase: self.phase_of(entry),
        };
        let parts = self.areas(&shown, shared, area);
        let at = (mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::Up(_) => self.held = None,
            MouseEventKind::Drag(_) if matches!(self.held, Some(Held::Border(_))) => {
                if let Some(Held::Border(border)) = self.held {
                    self.sizes = parts.dragged(border, at, self.sizes);
                }
                return;
            }
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(border) = parts.border_at(at.0, at.1) {
                    self.held = Some(Held::Border(border));
                    return;
                }
            }
            _ => {}
        }
        if parts.events.contains(at.into()) {
            self.mouse_on_events(mouse, parts.events);
        } else if self.focus == Focus::Knobs {
            with_knobs(shown, |view| self.knobs.mouse(mouse, parts.main, view));
        } else if parts.main.contains(at.into()) || self.held.is_some() {
            self.mouse_on_charts(mouse, parts.main, &shown);
        }
        self.changed(shared, runs);
    }

    fn mouse_on_events(&mut self, mouse: MouseEvent, area: Rect) {
        match mouse.kind {
            MouseEventKind::ScrollUp => _ = self.events.act(Action::Up),
            MouseEventKind::ScrollDown => _ = self.events.act(Action::Down),
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

    fn mouse_on_charts(&mut self, mouse: MouseEvent, area: Rect, shown: &Shown<'_>) {
        let all = self.across(shown).all();
        let charts = self.charts(shown);
        let (places, ..) = Page::places(&self.view, &charts, area);
        let at = (mouse.column, mouse.row);
        let chart = places
            .iter()
            .find(|(_, place)| place.contains(at.into()))
            .copied();
        // A drag that leaves its chart goes on by the selected one.
        let place = chart.or_else(|| {
            places
                .iter()
                .find(|(at, _)| *at == self.view.selected)
                .copied()
        });
        let Some((number, place)) = place else {
            return;
        };
        let plot = plot(place);
        let (low, high) = self.view.window.bounds(all);
        let x = Axis::new(low, high, false);
        let under = point_at((x, x), plot, at).0.clamp(low, high);
        match mouse.kind {
            MouseEventKind::Down(button) if chart.is_some() => {
                self.focus = Focus::Charts;
                self.view.selected = number;
                let pans = button != MouseButton::Left || !mouse.modifiers.is_empty();
                if pans {
                    self.held = Some(Held::Window(at.0));
                } else if plot.contains(at.into()) {
                    self.view.crosshair = Some(under);
                    self.held = Some(Held::Crosshair);
                }
            }
            MouseEventKind::Drag(_) => match self.held {
                Some(Held::Crosshair) => self.view.crosshair = Some(under),
                Some(Held::Window(from)) => {
                    let by = (f64::from(from) - f64::from(at.0)) / f64::from(plot.width.max(1));
                    self.view.window = self.view.window.panned(by, all);
                    self.held = Some(Held::Window(at.0));
                }
                Some(Held::Border(_)) | None => {}
            },
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown
                if mouse.modifiers.contains(KeyModifiers::SHIFT) =>
            {
                let by = if mouse.kind == MouseEventKind::ScrollUp {
                    -PAN
                } else {
                    PAN
                };
                self.view.window = self.view.window.panned(by, all);
            }
            MouseEventKind::ScrollUp => {
                self.view.window = self.view.window.zoomed(ZOOM, Some(under), all);
            }
            MouseEventKind::ScrollDown => {
                self.view.window = self.view.window.zoomed(1.0 / ZOOM, Some(under), all);
            }
            MouseEventKind::ScrollLeft => self.view.window = self.view.window.panned(-PAN, all),
            MouseEventKind::ScrollRight => self.view.window = self.view.window.panned(PAN, all),
            _ => {}
        }
    }
}
