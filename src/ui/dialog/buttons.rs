//! Words at the foot of a dialog that can be clicked, each with the key that
//! does the same.
//!
//! ```text
//! y yes   n no
//! ```

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::ui::theme::Theme;
use crate::ui::widget::cells::width_of;

/// Cells between two buttons.
const GAP: u16 = 3;

/// A word and its key.
#[derive(Debug)]
pub(super) struct Button {
    key: String,
    word: &'static str,
}

impl Button {
    /// A button; without a key it can still be clicked.
    pub(super) fn new(key: String, word: &'static str) -> Self {
        Self { key, word }
    }

    /// Its key and word; none where it has no key.
    pub(super) fn hint(self) -> Option<(String, &'static str)> {
        (!self.key.is_empty()).then_some((self.key, self.word))
    }

    fn width(&self) -> u16 {
        let gap = u16::from(!self.key.is_empty());
        width_of(&self.key) + gap + width_of(self.word)
    }
}

/// Where buttons stand: beside one another from the left, on a further line
/// where one is full. What does not fit at all has no cells.
fn places(buttons: &[Button], area: Rect) -> Vec<Rect> {
    let (mut x, mut y) = (0, 0);
    let mut places = Vec::new();
    for button in buttons {
        let width = button.width();
        if x > 0 && x + width > area.width {
            (x, y) = (0, y + 1);
        }
        let place = Rect::new(area.x + x, area.y.saturating_add(y), width, 1);
        places.push(place.intersection(area));
        x += width + GAP;
    }
    places
}

/// Lines that buttons take.
pub(super) fn height(buttons: &[Button], width: u16) -> u16 {
    let endless = Rect::new(0, 0, width, u16::MAX);
    let last = places(buttons, endless).last().map_or(0, |place| place.y);
    last + 1
}

/// The last lines of an area, where its buttons stand, and what is above them
/// and an empty line.
pub(super) fn foot(buttons: &[Button], area: Rect) -> (Rect, Rect) {
    let height = height(buttons, area.width).min(area.height);
    let above = area.height - height;
    let foot = Rect::new(area.x, area.y + above, area.width, height);
    let body = Rect::new(area.x, area.y, area.width, above.saturating_sub(1));
    (body, foot)
}

/// The button at a cell.
pub(super) fn at(buttons: &[Button], area: Rect, cell: Position) -> Option<usize> {
    let places = places(buttons, area);
    places.iter().position(|place| place.contains(cell))
}

/// Draws them.
pub(super) fn draw(buttons: &[Button], theme: &Theme, frame: &mut Frame, area: Rect) {
    for (button, place) in buttons.iter().zip(places(buttons, area)) {
        let gap = if button.key.is_empty() { "" } else { " " };
        let line = Line::from(vec![
            Span::styled(button.key.as_str(), theme.accent()),
            Span::raw(gap),
            Span::raw(button.word),
        ]);
        frame.render_widget(line, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_take_a_further_line_where_one_is_full_and_are_found_there() {
        let button = |key: &str, word| Button::new(key.to_owned(), word);
        let buttons = [button("f2", "keep"), button("f3", "take"), button("", "x")];
        assert_eq!(height(&buttons, 40), 1);
        assert_eq!(height(&buttons, 12), 2);
        assert_eq!(height(&buttons, 0), 3);
        let (body, area) = foot(&buttons, Rect::new(5, 5, 12, 4));
        assert_eq!((body.height, area), (1, Rect::new(5, 7, 12, 2)));
        let at = |x, y| at(&buttons, area, Position::new(x, y));
        assert_eq!((at(5, 7), at(5, 8), at(15, 8)), (Some(0), Some(1), Some(2)));
        assert_eq!((at(12, 7), at(5, 6)), (None, None));
    }
}
