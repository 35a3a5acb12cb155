//! The text with its colours, line numbers, marks and cursor. Only the lines in
//! view are looked at.
//!
//! ```text
//!   12   method: Vanilla(
//! ! 13       temperatur: 4.0,
//!            ‾‾‾‾‾‾‾‾‾‾
//! ```

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::document::Document;
use super::indent::matching;
use super::problems::Problem;
use super::tokens::{Kind, Token};
use crate::ui::theme::Theme;

/// Lines that stay in view above and below the cursor.
const MARGIN: usize = 2;

/// What is in view: the first line, and the first cell of every line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Viewport {
    /// Line, from 0.
    pub top: usize,
    /// Cell, from 0.
    pub left: usize,
}

/// Everything that is drawn.
pub struct View<'a> {
    /// The text.
    pub document: &'a Document,
    /// What is wrong with it.
    pub problems: &'a [Problem],
    /// What is searched.
    pub find: Option<&'a str>,
    /// What was in view.
    pub viewport: Viewport,
    /// Whether keys go here.
    pub focused: bool,
}

impl Viewport {
    /// The nearest view of an area that holds the cursor.
    #[must_use]
    pub fn around(self, document: &Document, area: Rect) -> Self {
        let at = document.cursor();
        let row = document.row(at);
        let height = area.height as usize;
        let width = area.width.saturating_sub(gutter(document)) as usize;
        let margin = MARGIN.min(height.saturating_sub(1) / 2);
        let lowest = (row + margin + 1).saturating_sub(height);
        let highest = row.saturating_sub(margin);
        let last = document.lines().saturating_sub(height);
        let column = cells(&document.text()[document.line(row).start..at]);
        Self {
            top: self
                .top
                .max(lowest)
                .min(highest.max(lowest))
                .min(last.max(lowest)),
            // Lines are read from their beginning, so the view returns there.
            left: if column < width {
                0
            } else {
                self.left.max(column + 1 - width).min(column)
            },
        }
    }
}

/// Columns of the line numbers and marks.
fn gutter(document: &Document) -> u16 {
    document.lines().to_string().len().max(2) as u16 + 3
}

/// Cells that a letter takes.
fn cell(letter: char) -> usize {
    if letter.is_ascii() {
        1
    } else {
        Span::raw(letter.encode_utf8(&mut [0; 4]).to_owned()).width()
    }
}

fn cells(text: &str) -> usize {
    text.chars().map(cell).sum()
}

/// The place of the text at a cell.
#[must_use]
pub fn place_at(document: &Document, viewport: Viewport, area: Rect, at: Position) -> usize {
    let row = viewport.top + at.y.saturating_sub(area.y) as usize;
    let line = document.line(row.min(document.lines() - 1));
    let wanted = viewport.left + at.x.saturating_sub(area.x + gutter(document)) as usize;
    let mut column = 0;
    for (offset, letter) in document.text()[line.clone()].char_indices() {
        column += cell(letter);
        if column > wanted {
            return line.start + offset;
        }
    }
    line.end
}

/// The cell of a place of the text, if it is in view.
#[must_use]
pub fn cell_of(document: &Document, viewport: Viewport, area: Rect, at: usize) -> Position {
    let row = document.row(at);
    let column = cells(&document.text()[document.line(row).start..at]);
    let x = column.saturating_sub(viewport.left) as u16;
    let y = row.saturating_sub(viewport.top) as u16;
    Position::new(
        (area.x + gutter(document)).saturating_add(x),
        area.y.saturating_add(y),
    )
}

/// Draws the text.
pub fn draw(view: &View, theme: &Theme, frame: &mut Frame, area: Rect) {
    let document = view.document;
    let viewport = view.viewport.around(document, area);
    let cursor = document.cursor();
    let current = document.row(cursor);
    let painter = Painter {
        view,
        theme,
        left: viewport.left,
        right: viewport.left + area.width as usize,
        cursor: view.focused.then_some(cursor),
        brackets: matching(document.text(), document.tokens(), cursor).filter(|_| view.focused),
        selection: document.selection(),
    };
    let digits = gutter(document) as usize - 3;
    for (y, row) in (area.y..area.bottom()).zip(viewport.top..document.lines()) {
        let line = document.line(row);
        let wrong = view.problems.iter().any(|problem| {
            let start = problem.span.as_ref().map(|span| span.start);
            start.is_some_and(|start| document.row(start) == row)
        });
        let number = if row == current {
            theme.accent()
        } else {
            theme.muted()
        };
        let mut spans = vec![
            Span::styled(if wrong { "!" } else { " " }, theme.bad()),
            Span::styled(format!("{:>digits$}  ", row + 1), number),
        ];
        spans.extend(painter.line(line));
        frame.render_widget(Line::from(spans), Rect::new(area.x, y, area.width, 1));
    }
}

/// What the letters of a line look like.
struct Painter<'a> {
    view: &'a View<'a>,
    theme: &'a Theme,
    left: usize,
    /// Nothing from this cell on is in view.
    right: usize,
    cursor: Option<usize>,
    brackets: Option<(usize, usize)>,
    selection: Option<Range<usize>>,
}

impl Painter<'_> {
    fn line(&self, line: Range<usize>) -> Vec<Span<'static>> {
        let document = self.view.document;
        let text = &document.text()[line.clone()];
        let found: Vec<Range<usize>> = match self.view.find.filter(|find| !find.is_empty()) {
            Some(find) => text
                .match_indices(find)
                .map(|(at, hit)| line.start + at..line.start + at + hit.len())
                .collect(),
            None => Vec::new(),
        };
        let tokens = document.tokens();
        let first = tokens.partition_point(|token| token.span.end <= line.start);
        let last = tokens.partition_point(|token| token.span.start < line.end);
        let mut tokens = tokens[first..last.max(first)].iter().peekable();
        let mut spans = Spans::default();
        let mut column = 0;
        for (offset, letter) in text.char_indices() {
            if column >= self.right {
                return spans.done;
            }
            let at = line.start + offset;
            while tokens.next_if(|token| token.span.end <= at).is_some() {}
            let kind = tokens.peek().filter(|token| token.span.start <= at);
            let style = self.letter(at, kind.copied(), &found);
            let width = cell(letter);
            if column >= self.left {
                spans.push(if letter.is_control() { ' ' } else { letter }, style);
            } else if column + width > self.left {
                // Half of a wide letter is cut off.
                spans.push(' ', style);
            }
            column += width;
        }
        let end = self.letter(line.end, None, &[]);
        if end != Style::new() && column >= self.left {
            spans.push(' ', end);
        }
        spans.done
    }

    fn letter(&self, at: usize, token: Option<&Token>, found: &[Range<usize>]) -> Style {
        let mut style = token.map_or(Style::new(), |token| style(token.kind, self.theme));
        let wrong = self.view.problems.iter().any(|problem| {
            let span = problem.span.as_ref();
            span.is_some_and(|span| span.contains(&at) || (span.is_empty() && span.start == at))
        });
        if wrong {
            style = style.patch(underline(self.theme));
        }
        if found.iter().any(|hit| hit.contains(&at)) {
            style = style
                .patch(self.theme.selection())
                .add_modifier(Modifier::BOLD);
        }
        if self
            .brackets
            .is_some_and(|(open, close)| at == open || at == close)
        {
            style = style
                .patch(self.theme.warn())
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        }
        if self
            .selection
            .as_ref()
            .is_some_and(|selection| selection.contains(&at))
        {
            style = style.patch(self.theme.selection());
        }
        if self.cursor == Some(at) {
            style = style.add_modifier(Modifier::REVERSED);
        }
        style
    }
}

fn underline(theme: &Theme) -> Style {
    let style = Style::new().add_modifier(Modifier::UNDERLINED);
    match theme.bad().fg {
        Some(colour) => style.underline_color(colour).fg(colour),
        None => style,
    }
}

fn style(kind: Kind, theme: &Theme) -> Style {
    match kind {
        Kind::Comment => theme.muted(),
        Kind::Text => theme.series(2),
        Kind::Number => theme.series(6),
        Kind::Field => theme.series(0),
        Kind::Name => theme.series(1).add_modifier(Modifier::BOLD),
        Kind::Word => theme.series(3),
        Kind::Other => theme.bad(),
        Kind::Open | Kind::Close | Kind::Colon | Kind::Comma => theme.text(),
    }
}

/// Letters of one style in a row become one span.
#[derive(Default)]
struct Spans {
    done: Vec<Span<'static>>,
}

impl Spans {
    fn push(&mut self, letter: char, style: Style) {
        match self.done.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push(letter),
            _ => self.done.push(Span::styled(letter.to_string(), style)),
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::style::Color;

    use super::*;
    use crate::ui::settings::EditorKeys;
    use crate::ui::theme::{Background, Depth, Palette};

    const AREA: Rect = Rect::new(10, 5, 25, 6);

    fn document(text: &str, cursor: usize) -> Document {
        let mut document = Document::new(text, EditorKeys::Emacs);
        document.set_cursor(cursor);
        document
    }

    #[test]
    fn the_cursor_is_always_in_view() {
        let text = "日本 0123456789 0123456789 0123456789\n".repeat(40);
        for area in [AREA, Rect::new(0, 0, 9, 1), Rect::new(0, 0, 7, 2)] {
            let mut viewport = Viewport::default();
            let places = text.char_indices().map(|(at, _)| at);
            for cursor in places.clone().chain(places.rev()).step_by(11) {
                let document = document(&text, cursor);
                viewport = viewport.around(&document, area);
                let cell = cell_of(&document, viewport, area, cursor);
                assert!(area.contains(cell), "{cursor}: {cell} {viewport:?}");
                assert_eq!(place_at(&document, viewport, area, cell), cursor);
            }
        }
    }

    #[test]
    fn no_area_is_too_small() {
        let document = document("a\nb\n\nc", 3);
        for width in 0..6 {
            for height in 0..3 {
                let area = Rect::new(0, 0, width, height);
                let viewport = Viewport::default().around(&document, area);
                let at = place_at(&document, viewport, area, Position::new(90, 90));
                assert!(at <= document.text().len());
            }
        }
    }

    #[test]
    fn errors_brackets_and_the_cursor_are_distinct_without_colours() {
        let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
        let document = document("(a: Xy)", 0);
        let problem = Problem {
            span: Some(4..6),
            message: String::new(),
            remedy: None,
            is_missing: false,
        };
        let view = View {
            document: &document,
            problems: &[problem],
            find: Some("a"),
            viewport: Viewport::default(),
            focused: true,
        };
        let mut terminal = Terminal::new(TestBackend::new(20, 1)).unwrap();
        terminal
            .draw(|frame| draw(&view, &theme, frame, frame.area()))
            .unwrap();
        let look = |letter: &str| {
            let cells = terminal.backend().buffer().content().iter();
            let cell = cells.clone().find(|cell| cell.symbol() == letter).unwrap();
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            cell.modifier
        };
        assert_eq!(
            look("("),
            Modifier::REVERSED | Modifier::BOLD | Modifier::UNDERLINED
        );
        assert_eq!(look(")"), Modifier::BOLD | Modifier::UNDERLINED);
        assert_eq!(look("a"), Modifier::REVERSED | Modifier::BOLD);
        assert_eq!(look("y"), Modifier::BOLD | Modifier::UNDERLINED);
        assert_eq!(look("!"), Modifier::BOLD);
        assert_eq!(look(":"), Modifier::empty());
    }
}
