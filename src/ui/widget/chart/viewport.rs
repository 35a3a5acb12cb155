//! What is looked at in charts that stand below one another: the stretch that is
//! shown and the crosshair, and how keys and the mouse move both.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::{Axis, Window, plot, point_at};

/// Steps that a key moves the crosshair by, over what is shown.
const CROSSHAIR_STEPS: f64 = 100.0;

/// How much of the window a key pans by at its edge.
const PAN: f64 = 0.25;

/// How much a turn of the wheel zooms.
const ZOOM: f64 = 0.8;

/// How much of the window a sideways turn of the wheel pans by.
const TURN: f64 = 0.1;

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct ChartViewport {
    /// The stretch that is shown.
    pub window: Window,
    /// Where the crosshair stands, if there is one.
    pub crosshair: Option<f64>,
    held: Option<Held>,
}

/// What a held mouse button moves.
#[derive(Debug, Clone, Copy)]
enum Held {
    Crosshair,
    /// The window, from this column on.
    Window(u16),
}

impl ChartViewport {
    /// Shows `factor` times as much around the crosshair.
    pub fn zoom(&mut self, factor: f64, all: (f64, f64)) {
        self.window = self.window.zoomed(factor, self.crosshair, all);
    }

    /// Moves the crosshair by steps, and at the edge the window with it. One
    /// that was not there begins at the end.
    pub fn step(&mut self, by: f64, all: (f64, f64)) {
        let (low, high) = self.window.bounds(all);
        let Some(at) = self.crosshair else {
            self.crosshair = Some(high);
            return;
        };
        let next = (at + by * (high - low) / CROSSHAIR_STEPS).clamp(all.0, all.1);
        if next < low || next > high {
            self.window = self.window.panned(PAN * by.signum(), all);
        }
        self.crosshair = Some(next);
    }

    /// Shows the beginning, or the end.
    pub fn show_edge(&mut self, beginning: bool, all: (f64, f64)) {
        let (low, high) = self.window.bounds(all);
        let share = (all.1 - all.0) / (high - low).max(f64::MIN_POSITIVE);
        let by = if beginning { -share } else { share };
        self.window = self.window.panned(by, all);
        if self.crosshair.is_some() {
            self.crosshair = Some(if beginning { all.0 } else { all.1 });
        }
    }

    /// Shows everything, without a crosshair.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether a drag is under way, which continues outside of its chart.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The mouse button is let go.
    pub fn release(&mut self) {
        self.held = None;
    }

    /// What the mouse does to a chart in its place: a click sets the crosshair,
    /// a drag moves it or, with another button or a key, the window; the wheel
    /// zooms.
    pub fn mouse(&mut self, mouse: MouseEvent, place: Rect, all: (f64, f64)) {
        let plot = plot(place);
        let at = (mouse.column, mouse.row);
        let (low, high) = self.window.bounds(all);
        let x = Axis::new(low, high, false);
        let under = point_at((x, x), plot, at).0.clamp(low, high);
        let turned = match mouse.kind {
            MouseEventKind::ScrollUp | MouseEventKind::ScrollLeft => -TURN,
            _ => TURN,
        };
        match mouse.kind {
            MouseEventKind::Down(button) if place.contains(at.into()) => {
                let pans = button != MouseButton::Left || !mouse.modifiers.is_empty();
                if pans {
                    self.held = Some(Held::Window(at.0));
                } else if plot.contains(at.into()) {
                    self.crosshair = Some(under);
                    self.held = Some(Held::Crosshair);
                }
            }
            MouseEventKind::Drag(_) => match self.held {
                Some(Held::Crosshair) => self.crosshair = Some(under),
                Some(Held::Window(from)) => {
                    let by = (f64::from(from) - f64::from(at.0)) / f64::from(plot.width.max(1));
                    self.window = self.window.panned(by, all);
                    self.held = Some(Held::Window(at.0));
                }
                None => {}
            },
            MouseEventKind::Up(_) => self.release(),
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown
                if mouse.modifiers.contains(KeyModifiers::SHIFT) =>
            {
                self.window = self.window.panned(turned, all);
            }
            MouseEventKind::ScrollUp => self.window = self.window.zoomed(ZOOM, Some(under), all),
            MouseEventKind::ScrollDown => {
                self.window = self.window.zoomed(1.0 / ZOOM, Some(under), all);
            }
            MouseEventKind::ScrollLeft | MouseEventKind::ScrollRight => {
                self.window = self.window.panned(turned, all);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: (f64, f64) = (0.0, 100.0);

    #[test]
    fn the_crosshair_takes_the_window_along_at_its_edge() {
        let mut sight = ChartViewport::default();
        sight.step(-1.0, ALL);
        assert_eq!(sight.crosshair, Some(100.0));
        sight.zoom(0.1, ALL);
        assert_eq!(sight.window, Window::Tail(10.0));
        for _ in 0..155 {
            sight.step(-1.0, ALL);
        }
        let at = sight.crosshair.unwrap();
        let (low, high) = sight.window.bounds(ALL);
        assert!((at - 84.5).abs() < 1e-9, "{at}");
        assert!(low < at && at < high, "{low} {high}");
        sight.show_edge(true, ALL);
        assert_eq!(sight.window, Window::Fixed(0.0, 10.0));
        assert_eq!(sight.crosshair, Some(0.0));
    }

    #[test]
    fn a_drag_moves_what_it_took_until_it_is_let_go() {
        let mut sight = ChartViewport::default();
        let place = Rect::new(0, 0, 108, 12);
        let mouse = |sight: &mut ChartViewport, kind, column| {
            let (row, modifiers) = (5, KeyModifiers::NONE);
            let event = MouseEvent {
                kind,
                column,
                row,
                modifiers,
            };
            sight.mouse(event, place, ALL);
        };
        let left = MouseButton::Left;
        mouse(&mut sight, MouseEventKind::Down(left), 57);
        assert_eq!(sight.crosshair, Some(50.0));
        mouse(&mut sight, MouseEventKind::Drag(left), 400);
        assert_eq!(sight.crosshair, Some(100.0));
        mouse(&mut sight, MouseEventKind::Up(left), 400);
        mouse(&mut sight, MouseEventKind::Drag(left), 57);
        assert_eq!(sight.crosshair, Some(100.0));
        assert!(!sight.is_held());
    }
}
