//! The editor's pane: text, errors and help in a border that names the file
//! and the cursor's place.
//!
//! ```text
//! ┌ quickstart.ron * ──────────────────── 12:5 ┐
//! │ ! changed on disk: f4 shows the difference │
//! │   12   method: Vanilla(                    │
//! │── 1 error ───────────────────────────────│
//! │  13  there is no field `temperatur`        │
//! │                                            │
//! │ method  method, required                   │
//! │ How the student is taught.                 │
//! └────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Padding, Paragraph, Wrap};

use super::buffer::Buffer;
use super::editor::view::{self, View, cell_of};
use super::editor::{help, popup, problems};
use super::{Experiments, Focus, layout};
use crate::format::shorten_middle;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::cells::width_of;

/// Cells of a file's name that are shown before anything stands beside it.
const LEAST_NAME: u16 = 16;

/// What stands where no file is.
fn welcome(shared: &Shared) -> String {
    format!(
        "An experiment is a text file: which images, which teacher, which student, and how to \
         train. Press {} to create one that runs as it is, {} for all keys.",
        shared.key(Action::NewExperiment),
        shared.key(Action::Help)
    )
}

/// What stands above a text that somebody else changed, too, or whose file cannot
/// be read any more, until one decides.
fn changed_elsewhere(buffer: &Buffer, shared: &Shared) -> Line<'static> {
    let theme = &shared.theme;
    let key = shared.keymap.key_while_typing(Action::ShowDifference);
    let (message, more) = match buffer.unreadable() {
        Some(_) => ("! cannot be read on disk", " show why"),
        None => ("! changed on disk", " show changes"),
    };
    let mut line = Line::styled(message, theme.bad());
    if let Some(key) = key {
        line.push_span(Span::styled(": ", theme.bad()));
        line.push_span(Span::styled(key, theme.accent()));
        line.push_span(Span::raw(more));
    }
    line
}

impl Experiments {
    pub(super) fn draw_editor(&self, shared: &Shared, frame: &mut Frame, pane: Rect) {
        let theme = &shared.theme;
        let editing = self.is_editing();
        let mut block = Block::bordered().border_style(theme.border(editing));
        let Some(path) = self.current() else {
            let text = if self.files.is_empty() {
                welcome(shared)
            } else {
                self.emptiness(shared)
            };
            let text = Paragraph::new(text).wrap(Wrap { trim: true });
            let block = block.padding(Padding::uniform(1));
            frame.render_widget(text.style(theme.muted()).block(block), pane);
            return;
        };
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let Some(buffer) = self.buffers.get(path) else {
            let trouble = self.troubles.get(path).map_or("loading…", String::as_str);
            let text = Paragraph::new(trouble).wrap(Wrap { trim: true });
            frame.render_widget(text.block(block.title(format!(" {name} "))), pane);
            return;
        };
        let (line, column) = buffer.document.position();
        let place = format!(" {line}:{column} ");
        let mode = buffer.document.mode().filter(|_| editing);
        let mode = mode.map_or_else(String::new, |mode| format!("{mode} "));
        let marks = if buffer.is_modified() {
            ["* not saved ", "* "]
        } else {
            [""; 2]
        };
        // What is whole matters more than what is there; the name is shortened last.
        let width = pane.width.saturating_sub(2);
        let room = |parts: &[&str]| {
            let taken: u16 = parts.iter().map(|part| width_of(part)).sum();
            width.saturating_sub(taken + 2)
        };
        let least = width_of(&name).min(LEAST_NAME);
        let forms = [
            (marks[0], mode.as_str(), place.as_str()),
            (marks[0], &mode, ""),
            (marks[0], "", ""),
        ];
        let fits = |(mark, mode, place): &(&str, &str, &str)| room(&[mark, mode, place]) >= least;
        let form = forms.into_iter().find(fits);
        let (mark, mode, place) = form.unwrap_or((marks[1], "", ""));
        let name = shorten_middle(&name, usize::from(room(&[mark, mode, place])));
        let title = Line::from(vec![
            Span::raw(format!(" {name} ")),
            Span::styled(mark, theme.warn()),
            Span::styled(mode.to_owned(), theme.muted()),
        ]);
        let place = Line::from(place.to_owned()).right_aligned();
        block = block.title(title).title(place);
        frame.render_widget(block, pane);
        self.draw_inside(buffer, shared, frame, pane);
    }

    fn draw_inside(&self, buffer: &Buffer, shared: &Shared, frame: &mut Frame, pane: Rect) {
        let theme = &shared.theme;
        let document = &buffer.document;
        let areas = buffer.areas(pane);
        if !areas.notice.is_empty() {
            frame.render_widget(changed_elsewhere(buffer, shared), areas.notice);
        }
        let view = View {
            document,
            problems: &buffer.problems,
            find: Some(&buffer.find),
            viewport: buffer.viewport,
            focused: self.focus == Focus::Text,
        };
        view::draw(&view, theme, frame, areas.text);
        let listed = problems::Listed {
            document,
            problems: &buffer.problems,
            total: buffer.error_count(),
            selection: self.problem,
            focused: self.focus == Focus::Problems,
        };
        problems::draw(listed, theme, frame, areas.problems);
        let rule = "─".repeat(areas.rule.width as usize);
        frame.render_widget(Line::styled(rule, theme.muted()), areas.rule);
        if self.is_editing() {
            help::draw(self.topic(buffer), theme, frame, areas.help);
        } else {
            let edit = shared.key(Action::Activate);
            let hint = Line::styled(format!("{edit} edit"), theme.muted());
            frame.render_widget(hint, areas.help);
        }
        if let Some(list) = buffer
            .completion
            .as_ref()
            .filter(|_| self.focus == Focus::Text)
        {
            let viewport = buffer.viewport.around(document, areas.text);
            let cursor = cell_of(document, viewport, areas.text, list.start);
            popup::draw(list, cursor, theme, frame, layout::inside(pane));
        }
    }

    /// What the lines below the text show.
    fn topic<'a>(&self, buffer: &'a Buffer) -> help::Topic<'a> {
        let at = buffer.document.cursor();
        let selected = self.problem.get(buffer.problems.len());
        let listed = selected.filter(|_| self.focus == Focus::Problems);
        let problem = match listed {
            Some(listed) => buffer.problems.get(listed),
            None => buffer.problems.iter().find(|problem| problem.holds(at)),
        };
        if let Some(candidate) = buffer.completion.as_ref().and_then(|list| list.selected()) {
            return help::Topic::Candidate(candidate);
        }
        match (problem, buffer.place().about) {
            (Some(problem), _) => help::Topic::Problem(problem),
            (None, Some(about)) => help::Topic::About(about),
            (None, None) => help::Topic::Nothing,
        }
    }
}
