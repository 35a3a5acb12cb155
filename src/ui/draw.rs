//! The frame around the screens: tabs above, keys and messages below, the log
//! and dialogs over them.
//!
//! ```text
//!  1 Experiments  2 Runs  3 Live  4 Compare  5 Inference     training quickstart 41 %
//! ┌──────────────────────────────────────────────────────────────────────────────────┐
//! │                                    the screen                                    │
//! └──────────────────────────────────────────────────────────────────────────────────┘
//!  r launch  enter edit  n new  ? keys
//! ```

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::Ui;
use super::action::{Action, Context};
use super::log;
use super::screen::Screen;
use super::shared::Shared;
use super::theme::symbols;
use super::widget::cells::width_of;
use crate::format::shorten_middle;
use crate::store::{Owner, RunEntry, RunState, Runs};

/// Hints that lead to everything else: they are always there.
pub(super) const ALWAYS: [Action; 3] = [Action::Palette, Action::Help, Action::Quit];

/// Below this nothing is drawn but a request for room.
const SMALLEST: (u16, u16) = (40, 10);

/// Rows that a message takes at most; the log holds all of it.
const MOST_STATUS: usize = 4;

/// Cells below which a run's name says nothing.
const SHORTEST_NAME: usize = 12;

/// Rows of the log pane, its border included.
const LOG_HEIGHT: u16 = 8;

/// Where things stand.
pub(super) struct Areas {
    pub(super) tabs: Rect,
    pub(super) body: Rect,
    log: Option<Rect>,
    foot: Rect,
}

/// The layout of a terminal of the size that is known.
pub(super) fn areas(shared: &Shared) -> Areas {
    let whole = Rect::new(0, 0, shared.size.0, shared.size.1);
    let log = if shared.log.open {
        LOG_HEIGHT.min(whole.height / 3)
    } else {
        0
    };
    let [tabs, body, pane, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(log),
        Constraint::Length(1),
    ])
    .areas(whole);
    Areas {
        tabs,
        body,
        log: (log > 0).then_some(pane),
        foot,
    }
}

/// The screen whose tab is at a cell.
pub(super) fn tab_at(tabs: Rect, current: Screen, column: u16, row: u16) -> Option<Screen> {
    if !tabs.contains(Position::new(column, row)) {
        return None;
    }
    let mut left = tabs.x;
    Screen::ALL.into_iter().find(|screen| {
        let width = tab(*screen, current, tabs.width).len() as u16;
        let inside = (left..left + width).contains(&column);
        left += width;
        inside
    })
}

/// A tab's number and name; the number alone where there is no room for all
/// names and it is not the one that is shown.
fn tab(screen: Screen, current: Screen, width: u16) -> String {
    let number = screen as usize + 1;
    let full = |screen: Screen| format!(" {number} {} ", screen.title());
    let whole: usize = Screen::ALL.iter().map(|screen| full(*screen).len()).sum();
    if screen == current || whole <= usize::from(width) {
        full(screen)
    } else {
        format!(" {number} ")
    }
}

impl Ui {
    /// Draws everything as it stands.
    pub fn draw(&self, runs: &Runs, frame: &mut Frame) {
        self.draw_all(runs, frame);
        symbols::write(self.shared.theme.symbols(), frame.buffer_mut());
    }

    fn draw_all(&self, runs: &Runs, frame: &mut Frame) {
        let whole = frame.area();
        if whole.width < SMALLEST.0 || whole.height < SMALLEST.1 {
            let text = format!("terminal too small: needs {} × {}", SMALLEST.0, SMALLEST.1);
            frame.render_widget(Line::raw(text), whole);
            return;
        }
        let areas = areas(&self.shared);
        self.draw_tabs(runs, frame, areas.tabs);
        let (shared, body) = (&self.shared, areas.body);
        match self.screen {
            Screen::Experiments => self.experiments.draw(shared, runs, frame, body),
            Screen::Runs => self.runs_table.draw(shared, runs, frame, body),
            Screen::Live => self.live.draw(shared, runs, frame, body),
            Screen::Compare => self.compare.draw(shared, runs, frame, body),
            Screen::Inference => self.inference.draw(shared, runs, frame, body),
        }
        if let Some(pane) = areas.log {
            shared.log.draw(&shared.theme, frame, pane);
        }
        self.draw_foot(runs, frame, areas.foot);
        if let Some(dialog) = &shared.dialog {
            dialog.draw(&shared.theme, &shared.keymap, frame, body);
        }
    }

    fn draw_tabs(&self, runs: &Runs, frame: &mut Frame, area: Rect) {
        let theme = &self.shared.theme;
        let tabs: Vec<Span> = Screen::ALL
            .into_iter()
            .map(|screen| {
                let style = if screen == self.screen {
                    theme.accent().patch(theme.selection())
                } else {
                    theme.muted()
                };
                Span::styled(tab(screen, self.screen, area.width), style)
            })
            .collect();
        let tabs = Line::from(tabs);
        let rest = area.width.saturating_sub(tabs.width() as u16);
        frame.render_widget(tabs, area);
        let status = self.status(runs, rest.saturating_sub(1).into());
        if width_of(&status) < rest {
            let line = Line::styled(status, theme.muted()).alignment(Alignment::Right);
            frame.render_widget(line, area);
        }
    }

    /// What trains here, and what waits, in so many cells if it can be.
    fn status(&self, runs: &Runs, room: usize) -> String {
        let training = self.shared.training.as_deref();
        let (word, joint, name) = match (
            training.and_then(|name| runs.get(name)),
            &self.shared.preparing,
        ) {
            (Some(run), _) if run.state() == RunState::Paused => ("paused", " ", run.folder.name()),
            (Some(run), _) => ("training", " ", run.folder.name()),
            (None, Some(path)) => {
                let name = path.file_stem().unwrap_or_default();
                ("preparing", " ", name.to_string_lossy().into_owned())
            }
            (None, None) => match (&self.shared.ahead, trained_elsewhere(runs).as_slice()) {
                (Some(ahead), _) => ("waiting", " for ", ahead.clone()),
                (None, []) => ("idle", " ", String::new()),
                (None, [run]) => ("training elsewhere", " ", run.folder.name()),
                (None, _) => ("training elsewhere", " ", String::new()),
            },
        };
        let waiting = match self.shared.queue.len() {
            0 => " ".to_owned(),
            waiting => format!(", {waiting} queued "),
        };
        let room = room.saturating_sub(word.len() + joint.len() + waiting.len());
        let name = match shorten_middle(&name, room) {
            name if name.is_empty() || room < SHORTEST_NAME => String::new(),
            name => format!("{joint}{name}"),
        };
        format!("{word}{name}{waiting}")
    }

    fn draw_foot(&self, runs: &Runs, frame: &mut Frame, area: Rect) {
        let theme = &self.shared.theme;
        if let Some(status) = self.shared.status() {
            // What needs more than a row takes them from the screen above.
            let mut rows = log::styled(status, area.width, theme);
            rows.truncate(MOST_STATUS);
            let height = rows.len() as u16;
            let place = Rect {
                y: area.bottom().saturating_sub(height),
                height,
                ..area
            };
            frame.render_widget(Clear, place);
            frame.render_widget(Paragraph::new(rows), place);
            return;
        }
        let hint = |key: &str, word: &str| {
            Line::from(vec![
                Span::styled(format!(" {key}"), theme.accent()),
                Span::styled(format!(" {word} "), theme.muted()),
            ])
        };
        if let Some(dialog) = &self.shared.dialog {
            // It takes every key: what the screen's would do is not to be had.
            let hints = dialog.hints(&self.shared.keymap).into_iter();
            let spans = hints.flat_map(|(key, word)| hint(&key, word).spans);
            frame.render_widget(spans.collect::<Line>(), area);
            return;
        }
        let hints = self.hints(runs);
        let named = |action: &Action| {
            let key = self.hint_key(*action)?;
            let applies = self.applies(*action, runs);
            applies.then(|| hint(&key, self.hint_word(*action, runs)))
        };
        let always: Vec<Line> = ALWAYS.iter().filter_map(named).collect();
        let mut room = usize::from(area.width);
        room = room.saturating_sub(always.iter().map(Line::width).sum());
        let own = hints.iter().filter_map(named).take_while(|hint| {
            let fits = hint.width() <= room;
            room = room.saturating_sub(hint.width());
            fits
        });
        let mut line = Line::default();
        for hint in own.chain(always) {
            line.extend(hint.spans);
        }
        frame.render_widget(line, area);
    }

    /// What the screen that is shown finds most worth knowing, in that order.
    pub(super) fn hints(&self, runs: &Runs) -> &'static [Action] {
        match self.screen {
            Screen::Experiments => self.experiments.hints(),
            Screen::Runs => self.runs_table.hints(self.shared.size.0),
            Screen::Live | Screen::Compare | Screen::Inference if runs.is_empty() => {
                &[Action::ShowExperiments]
            }
            Screen::Live => self.live.hints(runs),
            Screen::Compare => self.compare.hints(),
            Screen::Inference => self.inference.hints(&self.shared),
        }
    }

    /// The key of a hint: one that is not typed, where a text is.
    pub(super) fn hint_key(&self, action: Action) -> Option<String> {
        let keymap = &self.shared.keymap;
        if self.takes_text() {
            keymap.key_while_typing(action)
        } else {
            keymap.key(action)
        }
    }

    /// Whether an action would do something with what is selected.
    fn applies(&self, action: Action, runs: &Runs) -> bool {
        let context = self.contexts().first().copied();
        match action {
            Action::ResumeRun => self.runs_table.resumes(&self.shared, runs),
            Action::NextRun
            | Action::NextProbeRun
            | Action::NextInferenceRun
            | Action::SecondRun => runs.len() > 1,
            Action::AnsweringWeights => self.inference.asks_student(),
            Action::SwitchPhase => self.live.has_other_phase(runs),
            Action::SubmitStudy => self.runs_table.may_submit(),
            Action::CancelStudy => self.runs_table.may_cancel(),
            Action::EarlierCheckpoint | Action::LaterCheckpoint => self.compare.scrubs(action),
            Action::Right | Action::Activate if context == Some(Context::Pareto) => {
                self.runs_table.has_points(runs)
            }
            _ => true,
        }
    }

    /// What an action does here, in a word.
    fn hint_word(&self, action: Action, runs: &Runs) -> &'static str {
        let context = self.contexts().first().copied();
        match (action, context) {
            (Action::Activate, _) if self.takes_text() => "accept",
            (Action::Back, _) if self.takes_text() => "clear",
            (Action::Activate, Some(Context::Experiments)) => "edit",
            (Action::Activate, Some(Context::Editor)) => "go to",
            (Action::Maximize, _) if self.live.reads_events() => "jump",
            (Action::PauseRun, _) if !self.live.would_pause(runs) => "resume",
            (Action::Right, Some(Context::Overlay | Context::Pareto)) => "next",
            (Action::Activate, Some(Context::Runs)) if self.runs_table.is_on_study() => "details",
            (Action::RunDetails, _) if self.runs_table.covers(self.shared.size.0) => "close",
            (Action::MaximizeCurves, _) if self.runs_table.draws_one_alone() => "all charts",
            _ => action.entry().hint,
        }
    }
}

/// The runs that other workbenches train.
fn trained_elsewhere(runs: &Runs) -> Vec<&RunEntry> {
    let runs = runs.iter().map(|(_, run)| run);
    let trains = |run: &&RunEntry| {
        matches!(run.owner, Owner::Elsewhere(_)) && matches!(run.state(), RunState::Training)
    };
    runs.filter(trains).collect()
}
