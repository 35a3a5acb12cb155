//! A line to type in, and below it the list of what matches, from which one is
//! picked.

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::is_click;
use crate::ui::action::Action;
use crate::ui::theme::Theme;
use crate::ui::widget::{Selection, TextLine};

/// What is typed, and which row is selected.
#[derive(Debug, Default)]
pub(super) struct Picker {
    line: TextLine,
    pub selection: Selection,
}

/// What came of a key or of the mouse.
#[derive(Debug, Clone, Copy)]
pub(super) enum Picked {
    /// Nothing was picked yet.
    Nothing,
    /// The dialog is left.
    Closed,
    /// This row was picked; none where there is none.
    Row(Option<usize>),
}

impl Picker {
    /// What is typed.
    pub fn text(&self) -> String {
        self.line.text()
    }

    /// Takes a key that means this, with so many rows.
    pub fn key(&mut self, key: KeyEvent, meaning: Option<Action>, rows: usize) -> Picked {
        match meaning {
            Some(Action::Back) => return Picked::Closed,
            Some(Action::Activate) => return Picked::Row(self.selection.get(rows)),
            // First and last belong to the text.
            Some(action @ (Action::Up | Action::Down | Action::PageUp | Action::PageDown)) => {
                _ = self.selection.act(action, rows);
            }
            _ => {
                if self.line.key(key) {
                    self.selection = Selection::default();
                }
            }
        }
        Picked::Nothing
    }

    /// Takes the mouse, with so many rows, which stand in `list`.
    pub fn mouse(&mut self, mouse: MouseEvent, list: Rect, rows: usize) -> Picked {
        let cell = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::ScrollDown => _ = self.selection.act(Action::Down, rows),
            MouseEventKind::ScrollUp => _ = self.selection.act(Action::Up, rows),
            _ if is_click(mouse) && list.contains(cell) => {
                return Picked::Row(self.selection.row_at(rows, list, cell));
            }
            _ => {}
        }
        Picked::Nothing
    }

    pub fn paste(&mut self, text: &str) {
        self.line.paste(text);
        self.selection = Selection::default();
    }

    /// Draws the line into `input` and the rows in view into `list`, or `none`
    /// where there is no row.
    pub fn draw(
        &self,
        (rows, none): (usize, &str),
        row: impl Fn(usize) -> Line<'static>,
        theme: &Theme,
        frame: &mut Frame,
        (input, list): (Rect, Rect),
    ) {
        frame.render_widget(self.line.line(theme.text()), input);
        if self.line.is_empty() {
            let hint = Rect {
                x: input.x + 2.min(input.width),
                width: input.width.saturating_sub(2),
                ..input
            };
            frame.render_widget(Line::styled("type to filter", theme.muted()), hint);
        }
        let Some(selected) = self.selection.get(rows) else {
            frame.render_widget(Line::styled(none, theme.muted()), list);
            return;
        };
        let window = self.selection.window(rows, usize::from(list.height));
        let lines: Vec<Line> = window
            .map(|at| {
                let line = row(at);
                if at == selected {
                    line.style(theme.selection())
                } else {
                    line
                }
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), list);
    }
}
