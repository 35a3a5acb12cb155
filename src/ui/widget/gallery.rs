//! Where the rows of a list of images stand: with a picture each where there is
//! room, else one line each under the names of the columns.
//!
//! ```text
//! ┌ with room ──────────┐  ┌ without ────────────┐
//! │▀▀▀▀▀▀ 0013.png      │  │image    class       │
//! │▀▀▀▀▀▀ cat   81.2 %  │  │0013.png cat  81.2 % │
//! │▀▀▀▀▀▀ dog   12.0 %  │  │0014.png ship 54.0 % │
//! └─────────────────────┘  └─────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Block;

use super::cells::width_of;
use super::picture;
use crate::event::inspection::Picture;
use crate::format::shorten;
use crate::ui::theme::Theme;

/// Lists as wide and high as this have pictures.
pub const ROOMY: (u16, u16) = (58, 24);

/// Rows of the screen that a row with a picture takes.
pub const PICTURE_ROW: u16 = 3;

/// Cells of a row's picture: a square.
pub const PICTURE: u16 = PICTURE_ROW * 2;

/// A list's title with its margins: what [`fitting`] leaves of it.
#[must_use]
pub fn title(text: &str, panel: Rect) -> String {
    // Without room for it, the margin behind it is cut off by the border.
    format!(" {} ", fitting(text, panel.width.saturating_sub(3)))
}

/// As many parts of a text, which ` · ` stands between, as there is room for.
#[must_use]
pub fn fitting(text: &str, width: u16) -> String {
    let mut text = text;
    while width_of(text) > width
        && let Some((before, _)) = text.rsplit_once(" · ")
    {
        text = before;
    }
    shorten(text, width)
}

/// Draws a panel's border, and returns what is inside.
pub fn panel(
    title: impl Into<String>,
    focused: bool,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) -> Rect {
    let block = Block::bordered()
        .title(title.into())
        .border_style(theme.border(focused));
    frame.render_widget(block, area);
    inside(area)
}

/// What is inside a panel's border.
#[must_use]
pub fn inside(panel: Rect) -> Rect {
    Rect {
        x: panel.x.saturating_add(1),
        y: panel.y.saturating_add(1),
        width: panel.width.saturating_sub(2),
        height: panel.height.saturating_sub(2),
    }
}

/// Rows of the screen that a row of the list takes.
#[must_use]
pub fn row_height(list: Rect) -> u16 {
    if list.width >= ROOMY.0 && list.height >= ROOMY.1 {
        PICTURE_ROW
    } else {
        1
    }
}

/// Where the rows stand.
#[must_use]
pub fn rows_of(list: Rect) -> Rect {
    let inside = inside(list);
    let names = u16::from(row_height(list) == 1).min(inside.height);
    Rect {
        y: inside.y + names,
        height: inside.height - names,
        ..inside
    }
}

/// Rows that are in view at once.
#[must_use]
pub fn rows_in(list: Rect) -> usize {
    usize::from(rows_of(list).height / row_height(list))
}

/// Where a row stands, counted from the first in view.
#[must_use]
pub fn row(list: Rect, line: usize) -> Rect {
    let (rows, height) = (rows_of(list), row_height(list));
    let place = Rect {
        y: rows.y.saturating_add(line as u16 * height),
        height,
        ..rows
    };
    place.intersection(rows)
}

/// Draws a row's background and its picture, in half blocks, as there are dozens of
/// them. Returns where the lines beside it stand.
pub fn draw_picture(
    picture: &Picture,
    (theme, background): (&Theme, Style),
    buffer: &mut Buffer,
    place: Rect,
) -> Rect {
    buffer.set_style(place.intersection(buffer.area), background);
    let thumbnail = Rect {
        width: PICTURE.min(place.width),
        ..place
    };
    picture::draw(picture, theme, buffer, thumbnail);
    let left = (PICTURE + 1).min(place.width);
    Rect {
        x: place.x + left,
        width: place.width - left,
        ..place
    }
}

/// The row at a cell, counted from the first in view.
#[must_use]
pub fn row_at(list: Rect, position: Position) -> Option<usize> {
    let rows = rows_of(list);
    rows.contains(position)
        .then(|| usize::from((position.y - rows.y) / row_height(list)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_loses_whole_parts_and_never_half_a_word_of_them() {
        let titled = |width| title("12 images · both ✗ · by class", Rect::new(0, 0, width, 9));
        assert_eq!(titled(32), " 12 images · both ✗ · by class ");
        assert_eq!(titled(31), " 12 images · both ✗ ");
        assert_eq!(titled(20), " 12 images ");
        assert_eq!(titled(0), "  ");
    }

    #[test]
    fn a_click_on_a_row_finds_it_in_lists_of_any_size() {
        for list in [Rect::new(3, 2, 40, 12), Rect::new(0, 0, 100, 50)] {
            for line in 0..rows_in(list) {
                let place = row(list, line);
                assert_eq!(place.height, row_height(list));
                assert_eq!(
                    row_at(list, Position::new(place.x, place.bottom() - 1)),
                    Some(line)
                );
            }
            assert_eq!(row_at(list, Position::new(list.x, list.y)), None);
        }
        assert_eq!(rows_in(Rect::new(5, 5, 1, 1)), 0);
    }
}
