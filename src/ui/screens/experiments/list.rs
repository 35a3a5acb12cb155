//! The list of experiments with where each stands, and what is known of the
//! selected one.
//!
//! ```text
//! ┌ Experiments ─ valid top-1 ┐
//! │ * quickstart     training │
//! │   cifar10-adaptive 91.3 % │
//! │ ───────────────────────── │
//! │ method MultiView          │
//! │ run    2 h ago            │
//! │ /cifar                    │
//! └───────────────────────────┘
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use super::buffer::stem;
use super::layout;
use super::status::{self, Latest, Status};
use super::{Experiments, Focus};
use crate::event::Phase;
use crate::format::{MISSING, ago, percent, shorten};
use crate::store::Runs;
use crate::store::metrics::Progress;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::theme::Theme;

/// From this width on the pane says what the numbers of its rows are.
const TITLED: u16 = 28;

/// What stands below what a text meant before it had errors.
const STALE: &str = "last valid";

impl Experiments {
    /// Draws the list.
    pub(super) fn draw_list(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, pane: Rect) {
        let theme = &shared.theme;
        let shown = self.shown();
        let focused = matches!(self.focus, Focus::List | Focus::Filter);
        let mut block = Block::bordered()
            .title(" Experiments ")
            .border_style(theme.border(focused));
        let latest = Latest::of(runs);
        let statuses: BTreeMap<&PathBuf, Status> = shown
            .iter()
            .map(|path| (*path, self.status(path, shared, &latest)))
            .collect();
        let is_result = |status: &Status| matches!(status, Status::Achieved(_));
        if statuses.values().any(is_result) && pane.width >= TITLED {
            block = block.title(Line::styled(" valid top-1 ", theme.muted()).right_aligned());
        }
        if shown.len() > 1 {
            let at = self.at(&shown).map_or(0, |at| at + 1);
            let count = Line::from(format!(" {at}/{} ", shown.len())).right_aligned();
            block = block.title_bottom(count);
        }
        frame.render_widget(block, pane);
        let areas = layout::list(pane, self.is_filtered());
        if self.is_filtered() {
            let mut line = Line::from(Span::styled("/", theme.accent()));
            if self.focus == Focus::Filter {
                line.extend(self.filter.line(theme.text()));
            } else {
                line.push_span(Span::raw(self.filter.text()));
            }
            frame.render_widget(line, areas.filter);
        }
        if shown.is_empty() {
            let text = Paragraph::new(self.emptiness(shared)).wrap(Wrap { trim: true });
            frame.render_widget(text.style(theme.muted()), areas.rows);
            return;
        }
        let selected = self.at(&shown);
        let width = areas.rows.width as usize;
        let lines: Vec<Line> = self
            .window(&shown, areas.rows.height as usize)
            .map(|at| {
                let path = shown[at];
                let line = self.row(path, statuses[path], width, &shared.theme);
                if Some(at) == selected {
                    line.style(theme.selection())
                } else {
                    line
                }
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), areas.rows);
        self.draw_details(shared, &latest, frame, areas.details);
    }

    /// Why the list is empty, and what to do.
    pub(super) fn emptiness(&self, shared: &Shared) -> String {
        if !self.listed {
            "loading experiments…".to_owned()
        } else if self.files.is_empty() {
            format!(
                "No experiments in this folder. Press {} to create one from a template.",
                shared.key(Action::NewExperiment)
            )
        } else {
            format!(
                "No matches for `{}`. Press {} to clear the filter.",
                self.filter.text(),
                shared.key(Action::Back)
            )
        }
    }

    fn status(&self, path: &PathBuf, shared: &Shared, latest: &Latest) -> Status {
        let unreadable = self.troubles.contains_key(path);
        status::status(path, self.buffers.get(path), unreadable, shared, latest)
    }

    fn row(&self, path: &PathBuf, status: Status, width: usize, theme: &Theme) -> Line<'static> {
        let buffer = self.buffers.get(path);
        let (word, style) = word(status, theme);
        let mark = match buffer {
            Some(buffer) if buffer.is_disputed() || self.offered(path).is_some() => "!",
            Some(buffer) if buffer.is_modified() => "*",
            _ => " ",
        };
        let room = width.saturating_sub(word.chars().count() + 4);
        let name = shorten(stem(path), room);
        let gap = width.saturating_sub(Span::raw(&name).width() + word.chars().count() + 3);
        Line::from(vec![
            Span::styled(mark, theme.warn()),
            Span::raw(format!(" {name}{}", " ".repeat(gap))),
            Span::styled(word, style),
            Span::raw(" "),
        ])
    }

    fn draw_details(&self, shared: &Shared, latest: &Latest, frame: &mut Frame, area: Rect) {
        if area.is_empty() {
            return;
        }
        let theme = &shared.theme;
        let rule = "─".repeat(area.width as usize);
        let mut lines = vec![Line::styled(rule, theme.muted())];
        for (label, text) in self.details(shared, latest) {
            let room = (area.width as usize).saturating_sub(7);
            lines.push(Line::from(vec![
                Span::styled(format!("{label:6} "), theme.muted()),
                Span::raw(shorten(&text, room)),
            ]));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }

    /// What is known of the selected experiment.
    fn details(&self, shared: &Shared, latest: &Latest) -> Vec<(&'static str, String)> {
        let Some(path) = self.current() else {
            return Vec::new();
        };
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut rows = vec![("file", name)];
        let Some(buffer) = self.buffers.get(path) else {
            let trouble = self.troubles.get(path);
            let word = trouble.map_or("loading…", String::as_str);
            rows.push(("state", word.to_owned()));
            return rows;
        };
        rows.push((
            "text",
            match (buffer.theirs(), buffer.unreadable(), buffer.is_modified()) {
                (Some(_), ..) => "changed on disk",
                (None, Some(_), _) => "unreadable on disk",
                (None, None, true) => "not saved",
                (None, None, false) => "saved",
            }
            .to_owned(),
        ));
        if self.offered(path).is_some() {
            // One sentence with its label, so that it fits.
            rows.push(("unsaved", "changes recovered".to_owned()));
        }
        if let Some(loaded) = &buffer.loaded {
            rows.push(("method", loaded.plan.method.clone()));
            if buffer.is_stale() {
                rows.push(("", STALE.to_owned()));
            }
        }
        if let Some(run) = latest.run(path, buffer) {
            let now = shared.clock.now;
            let since = now.duration_since(run.started).unwrap_or_default();
            rows.push(("run", run.folder.name()));
            let since = ago(since.as_secs_f64());
            rows.push(("", format!("{}, {since}", run.state().word())));
            rows.extend(status::result_words(run).map(|words| ("valid", words)));
        } else {
            rows.push(("run", MISSING.to_owned()));
        }
        rows
    }
}

/// `3/10`, the epoch that is trained and all of them; of a teacher `T 3/10`. The column
/// has accuracies, so this is no percentage.
fn epoch_of(progress: Progress) -> String {
    let epoch = (progress.epoch.floor() + 1.0).min(progress.epochs.ceil());
    let whose = match progress.phase {
        Phase::Teacher => "T ",
        Phase::Student => "",
    };
    format!("{whose}{epoch:.0}/{:.0}", progress.epochs.ceil())
}

/// Where an experiment stands, in a word.
fn word(status: Status, theme: &Theme) -> (String, Style) {
    match status {
        Status::Unread => ("…".to_owned(), theme.muted()),
        Status::Unreadable => ("unreadable".to_owned(), theme.bad()),
        Status::Training(progress) => {
            let word = progress.map_or_else(|| "training".to_owned(), epoch_of);
            (format!("▶ {word}"), theme.accent())
        }
        Status::Preparing => ("preparing".to_owned(), theme.warn()),
        Status::Waiting(place) => (format!("queued {place}"), theme.warn()),
        Status::Wrong(count) => (format!("✗ {count}"), theme.bad()),
        Status::Missing => ("no data".to_owned(), theme.muted()),
        Status::Achieved(top1) => (percent(top1), theme.good()),
        Status::Ran(state) => (state.word().to_owned(), theme.muted()),
        Status::Ready => ("ready".to_owned(), theme.muted()),
    }
}
