//! One line of cells, filled from left to right: how rows of tables are drawn
//! without making a widget of each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// What is left of a line.
#[derive(Debug)]
pub struct Cells<'a> {
    buffer: &'a mut Buffer,
    x: u16,
    y: u16,
    /// First column behind the line.
    end: u16,
}

impl<'a> Cells<'a> {
    /// A line of an area, the first being 0. One that lies outside has no cells.
    #[must_use]
    pub fn line(buffer: &'a mut Buffer, area: Rect, line: usize) -> Self {
        let area = area.intersection(buffer.area);
        let inside = line < usize::from(area.height);
        Self {
            x: area.x,
            y: if inside { area.y + line as u16 } else { area.y },
            end: if inside { area.right() } else { area.x },
            buffer,
        }
    }

    /// Gives all that is left of the line a style, under what is put there.
    pub fn style(&mut self, style: Style) -> &mut Self {
        let rest = Rect::new(self.x, self.y, self.rest(), 1);
        self.buffer.set_style(rest, style);
        self
    }

    /// Number of cells that are left.
    #[must_use]
    pub fn rest(&self) -> u16 {
        self.end - self.x
    }

    /// Leaves cells as they are.
    pub fn skip(&mut self, width: u16) -> &mut Self {
        self.x += width.min(self.rest());
        self
    }

    /// Puts a text at the left of the next `width` cells, shortened to them.
    pub fn text(&mut self, width: u16, text: &str, style: impl Into<Style>) -> &mut Self {
        let width = width.min(self.rest());
        if width > 0 {
            let text = shorten(text, width);
            self.buffer
                .set_stringn(self.x, self.y, text, usize::from(width), style);
            self.x += width;
        }
        self
    }

    /// Puts a text at the right of the next `width` cells.
    pub fn right(&mut self, width: u16, text: &str, style: impl Into<Style>) -> &mut Self {
        let width = width.min(self.rest());
        let before = width.saturating_sub(width_of(text));
        self.skip(before).text(width - before, text, style)
    }

    /// Puts a text that takes as many cells as it needs.
    pub fn word(&mut self, text: &str, style: impl Into<Style>) -> &mut Self {
        self.text(width_of(text), text, style)
    }
}

/// Cells that a text takes.
#[must_use]
pub fn width_of(text: &str) -> u16 {
    Span::raw(text).width().min(usize::from(u16::MAX)) as u16
}

/// A text of at most `width` cells: a longer one ends with `…`.
#[must_use]
pub fn shorten(text: &str, width: u16) -> std::borrow::Cow<'_, str> {
    if width_of(text) <= width {
        return text.into();
    }
    let mut kept = String::new();
    let mut left = width.saturating_sub(1);
    for letter in text.chars() {
        let needed = width_of(letter.encode_utf8(&mut [0; 4]));
        if needed > left {
            break;
        }
        left -= needed;
        kept.push(letter);
    }
    if width > 0 {
        kept.push('…');
    }
    kept.into()
}

/// A path of at most `width` cells: a longer one begins with `…`, because paths
/// differ at their ends.
#[must_use]
pub fn shorten_path(path: &str, width: u16) -> std::borrow::Cow<'_, str> {
    if width_of(path) <= width {
        return path.into();
    }
    let mut left = width.saturating_sub(1);
    let mut start = path.len();
    for (at, letter) in path.char_indices().rev() {
        let needed = width_of(letter.encode_utf8(&mut [0; 4]));
        if needed > left {
            break;
        }
        left -= needed;
        start = at;
    }
    let mark = if width > 0 { "…" } else { "" };
    format!("{mark}{}", &path[start..]).into()
}

/// A name without the time and the letters that end it.
#[must_use]
pub fn without_time(name: &str) -> &str {
    let mut parts = name.rsplitn(4, '-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(time), Some(day), Some(before))
            if (time.len(), day.len()) == (6, 8)
                && time
                    .bytes()
                    .chain(day.bytes())
                    .all(|byte| byte.is_ascii_digit()) =>
        {
            before
        }
        _ => name,
    }
}

/// A share as a percentage of five letters at most: `9.3 %`, `100 %`. What is no
/// number is a dash.
#[must_use]
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "–".to_owned();
    }
    let value = share * 100.0;
    if value >= 99.95 {
        format!("{value:.0} %")
    } else {
        format!("{value:.1} %")
    }
}

/// A number with three digits behind the point; what is no number is a dash.
#[must_use]
pub fn decimal(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    // What rounds to zero has no sign.
    let value = if value.abs() < 0.0005 { 0.0 } else { value };
    if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// A count with a comma at the thousands.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shortened_at_the_end_and_paths_at_the_beginning() {
        assert_eq!(shorten("airplane", 8), "airplane");
        assert_eq!(shorten("airplane", 5), "airp…");
        assert_eq!(shorten("日本語", 4), "日…");
        assert_eq!(shorten("x", 0), "");
        assert_eq!(shorten_path("a/b/cat.png", 8), "…cat.png");
        assert_eq!(shorten_path("日本語", 4), "…語");
    }

    #[test]
    fn a_line_is_filled_from_left_to_right_and_never_over_its_end() {
        let area = Rect::new(1, 1, 12, 1);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 14, 3));
        let mut cells = Cells::line(&mut buffer, area, 0);
        cells
            .text(4, "cat", Style::new())
            .right(6, "1.5", Style::new());
        cells.text(9, "long", Style::new());
        assert_eq!(cells.rest(), 0);
        let line: String = (0..14).map(|x| buffer[(x, 1)].symbol()).collect();
        assert_eq!(line, " cat    1.5l… ");
        Cells::line(&mut buffer, area, 1).word("nowhere", Style::new());
        Cells::line(&mut buffer, Rect::new(50, 50, 3, 3), 0).word("out", Style::new());
        assert!((0..14).all(|x| buffer[(x, 2)].symbol() == " "));
    }

    #[test]
    fn numbers_are_short_and_dashes_stand_for_what_is_none() {
        assert_eq!(percent(0.1234), "12.3 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!(decimal(-0.0001), "0.000");
        assert_eq!(decimal(f64::INFINITY), "inf");
        assert_eq!(decimal(f64::NAN), "–");
        assert_eq!(
            [count(7), count(1234), count(1_000_000)],
            ["7", "1,234", "1,000,000"]
        );
    }

    #[test]
    fn only_the_time_of_a_run_is_left_out_of_its_name() {
        assert_eq!(without_time("wide-net-20260102-120000-ab12cd"), "wide-net");
        for whole in ["wide", "a-b-c-d", "--", "é-2026010é-120000-x"] {
            assert_eq!(without_time(whole), whole);
        }
    }
}
