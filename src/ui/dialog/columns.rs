//! Fields of the runs' configurations, to choose columns from: type some letters,
//! enter shows or hides the selected one.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::buttons::Button;
use super::picker::{Picked, Picker};
use super::{Answer, Dialog, frame as boxed};
use crate::format::{shorten, shorten_middle, width_of};
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;

/// Width and height of the whole box, where there is room.
const SIZE: (u16, u16) = (90, 24);

/// Cells of a field's name, where there is room.
const NAME: usize = 34;

/// A field that can be a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choosable {
    /// Its path.
    pub path: String,
    /// Its values in the runs that there are.
    pub values: Vec<String>,
}

/// ```text
/// ┌ Columns ─────────────────────────────────┐
/// │ ba█                                      │
/// │ [x] batch           64, 128              │
/// │ [ ] optimizer       Sgd                  │
/// └──────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct ColumnChooser {
    picker: Picker,
    fields: Vec<Choosable>,
    chosen: Vec<String>,
}

/// Where its parts stand.
struct Areas {
    place: Rect,
    input: Rect,
    list: Rect,
}

impl ColumnChooser {
    /// To choose from these. Fields that differ between runs stand first.
    #[must_use]
    pub fn new(mut fields: Vec<Choosable>, chosen: Vec<String>) -> Self {
        let known = |path: &String| fields.iter().any(|field| field.path == *path);
        let unknown: Vec<&String> = chosen.iter().filter(|path| !known(path)).collect();
        let unknown = unknown.into_iter().map(|path| Choosable {
            path: path.clone(),
            values: Vec::new(),
        });
        fields.extend(unknown.collect::<Vec<_>>());
        // Sorting is stable: those of a kind stay by name.
        fields.sort_by_key(|field| field.values.len() < 2);
        Self {
            picker: Picker::default(),
            fields,
            chosen,
        }
    }

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap) -> Answer {
        let rows = self.found().len();
        let meaning = match key.code {
            // No path has a space.
            KeyCode::Char(' ') => Some(Action::Activate),
            _ => boxed::meaning(key, keymap),
        };
        match self.picker.key(key, meaning, rows) {
            Picked::Nothing => Answer::Open(Dialog::Columns(self)),
            Picked::Closed => Answer::Closed,
            Picked::Row(row) => self.toggle(row),
        }
    }

    pub(super) fn mouse(mut self, mouse: MouseEvent, area: Rect) -> Answer {
        let rows = self.found().len();
        let list = Self::areas(area).list;
        match self.picker.mouse(mouse, list, rows) {
            Picked::Nothing | Picked::Closed => Answer::Open(Dialog::Columns(self)),
            Picked::Row(row) => {
                if let Some(at) = row {
                    self.picker.selection.set(at);
                }
                self.toggle(row)
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.picker.paste(text);
    }

    /// Shows or hides a field.
    fn toggle(mut self, at: Option<usize>) -> Answer {
        let Some(path) = at.and_then(|at| Some(self.found().get(at)?.path.clone())) else {
            return Answer::Open(Dialog::Columns(self));
        };
        if self.is_chosen(&path) {
            self.chosen.retain(|chosen| *chosen != path);
        } else {
            self.chosen.push(path);
        }
        let chosen = self.chosen.clone();
        Answer::ColumnsChosen(Dialog::Columns(self), chosen)
    }

    fn is_chosen(&self, path: &str) -> bool {
        self.chosen.iter().any(|chosen| chosen == path)
    }

    /// Fields that match, best first; all of them while nothing is typed.
    fn found(&self) -> Vec<&Choosable> {
        let text = self.picker.text();
        let pattern = Pattern::parse(&text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let mut scored: Vec<(bool, u32, &Choosable)> = self
            .fields
            .iter()
            .filter_map(|field| {
                let path = Utf32Str::new(&field.path, &mut letters);
                let score = pattern.score(path, &mut matcher)?;
                let is_name = field.path.rsplit('.').next() == Some(text.as_str());
                Some((!is_name, score, field))
            })
            .collect();
        scored.sort_by_key(|(other, score, _)| (*other, std::cmp::Reverse(*score)));
        scored.into_iter().map(|(_, _, field)| field).collect()
    }

    fn areas(area: Rect) -> Areas {
        let place = boxed::place(SIZE, area);
        let inside = boxed::inside(place);
        let [input, list] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
        Areas { place, input, list }
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let areas = Self::areas(area);
        boxed::open("Columns", areas.place, theme, frame);
        let found = self.found();
        let none = if self.fields.is_empty() {
            "no runs with a readable experiment"
        } else {
            "no matches"
        };
        self.picker.draw(
            (found.len(), none),
            |at| self.row(found[at], areas.list.width, theme),
            theme,
            frame,
            (areas.input, areas.list),
        );
    }

    fn row(&self, field: &Choosable, width: u16, theme: &Theme) -> Line<'static> {
        let mark = if self.is_chosen(&field.path) {
            "[x] "
        } else {
            "[ ] "
        };
        let room = usize::from(width).saturating_sub(mark.len());
        let most = NAME.min(room);
        let name = shorten_middle(&field.path, most.saturating_sub(1));
        let gap = " ".repeat(most.saturating_sub(width_of(&name)));
        let values = match field.values.as_slice() {
            [] => "in no run".to_owned(),
            values => values.join(", "),
        };
        Line::from(vec![
            Span::styled(mark, theme.accent()),
            Span::raw(name + &gap),
            Span::styled(shorten(&values, room - most), theme.muted()),
        ])
    }
}

/// What its keys do.
pub(super) fn hints(keymap: &Keymap) -> [Button; 2] {
    [
        Button::new(boxed::key(Action::Activate, keymap), "show or hide"),
        Button::new(boxed::key(Action::Back, keymap), "close"),
    ]
}
