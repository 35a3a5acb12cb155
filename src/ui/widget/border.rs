//! A border between two panes that the mouse drags.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

/// Which side of the border the pane stands on whose width is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On its left.
    Left,
    /// On its right.
    Right,
}

/// So many hundredths of a width, to the nearest cell.
#[must_use]
pub fn share_of(width: u16, hundredths: u16) -> u16 {
    ((u32::from(width) * u32::from(hundredths) + 50) / 100) as u16
}

/// Where a border was dragged to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Border {
    /// The width of the pane beside it, once it was dragged.
    width: Option<u16>,
    held: bool,
}

impl Border {
    /// A border whose pane was given this width before, if it was.
    #[must_use]
    pub fn at(width: Option<u16>) -> Self {
        Self { width, held: false }
    }

    /// The width that the pane was given, however much room there is.
    #[must_use]
    pub fn given(self) -> Option<u16> {
        self.width
    }

    /// The width of the pane: as it was dragged, else `usual`; never less than
    /// `least`, never so much that less than that is left of `whole`.
    #[must_use]
    pub fn width(self, usual: u16, least: u16, whole: u16) -> u16 {
        let most = whole.saturating_sub(least).max(least);
        self.width.map_or(usual, |width| width.clamp(least, most))
    }

    /// Takes what the mouse does, if it is about the border of `pane` on this
    /// side of it. Returns whether it was.
    pub fn mouse(&mut self, mouse: MouseEvent, pane: Rect, side: Side) -> bool {
        // The border is two cells wide: one of each pane.
        let edge = match side {
            Side::Left => pane.right(),
            Side::Right => pane.x,
        };
        let on_it = mouse.column == edge || mouse.column + 1 == edge;
        let beside = (pane.y..pane.bottom()).contains(&mouse.row);
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                self.held = on_it && beside;
                self.held
            }
            MouseEventKind::Drag(MouseButton::Left) if self.held => {
                self.width = Some(match side {
                    Side::Left => mouse.column.saturating_sub(pane.x),
                    Side::Right => pane.right().saturating_sub(mouse.column),
                });
                true
            }
            MouseEventKind::Up(_) => std::mem::take(&mut self.held),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    fn mouse(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
        MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }
    }

    #[test]
    fn a_border_follows_the_mouse_that_holds_it_and_leaves_room_on_both_sides() {
        let left = MouseButton::Left;
        let pane = Rect::new(0, 1, 30, 20);
        let mut border = Border::default();
        assert_eq!(border.width(30, 20, 100), 30);
        assert!(!border.mouse(mouse(MouseEventKind::Drag(left), 50, 5), pane, Side::Left));
        assert!(!border.mouse(mouse(MouseEventKind::Down(left), 10, 5), pane, Side::Left));
        assert!(border.mouse(mouse(MouseEventKind::Down(left), 29, 5), pane, Side::Left));
        for (column, width) in [(50, 50), (95, 80), (3, 20)] {
            assert!(border.mouse(
                mouse(MouseEventKind::Drag(left), column, 0),
                pane,
                Side::Left
            ));
            assert_eq!(border.width(30, 20, 100), width);
        }
        assert!(border.mouse(mouse(MouseEventKind::Up(left), 3, 0), pane, Side::Left));
        assert!(!border.mouse(mouse(MouseEventKind::Drag(left), 60, 0), pane, Side::Left));
    }

    #[test]
    fn a_pane_on_the_right_grows_to_the_left() {
        let left = MouseButton::Left;
        let pane = Rect::new(60, 0, 40, 20);
        let mut border = Border::default();
        assert!(border.mouse(mouse(MouseEventKind::Down(left), 60, 5), pane, Side::Right));
        assert!(border.mouse(mouse(MouseEventKind::Drag(left), 50, 5), pane, Side::Right));
        assert_eq!(border.width(40, 20, 100), 50);
    }
}
