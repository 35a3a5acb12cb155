//! What runs, how far it is, and how well it does.
//!
//! ```text
//!  quickstart  student  ● training  epoch 3.2 of 12  step 70 of 264  flex
//!  ━━━━━━━━━━━━━━╸────────────────  26 %  1234 images/s  4 min 12 s left
//!  top-1 best 84.3 % at epoch 2, last 83.9 %, teacher 91.2 %
//!  ! failed: the loss is not a number; space goes on from …
//! ```

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::alerts::Alert;
use super::machine;
use super::progress::{Progress, duration};
use crate::event::{EvaluatedWeights, Outcome, Phase, Split};
use crate::store::{Life, RunEntry, RunState};
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::news::MachineSample;
use crate::ui::theme::Theme;
use crate::ui::widget::chart::number;

/// Cells of the progress bar.
const BAR: u16 = 32;

/// Rows of what went wrong.
const MOST_TROUBLE: u16 = 3;

/// What the header tells of.
pub(super) struct Header<'a> {
    pub(super) name: &'a str,
    pub(super) entry: &'a RunEntry,
    pub(super) phase: Phase,
    pub(super) alerts: &'a [Alert],
    pub(super) machine: &'a VecDeque<MachineSample>,
    /// Whether alerts and the machine have no pane of their own.
    pub(super) narrow: bool,
    pub(super) keymap: &'a Keymap,
}

impl Header<'_> {
    /// Rows it needs.
    pub(super) fn rows(&self, width: u16) -> u16 {
        let trouble = self.trouble().map_or(0, |text| {
            // Words are not broken, so a line holds a little less.
            let line = width.saturating_sub(8).max(1);
            (text.chars().count() as u16)
                .div_ceil(line)
                .min(MOST_TROUBLE)
        });
        3 + trouble + u16::from(self.narrow)
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let progress = Progress::of(&self.entry.store, self.phase);
        let mut lines = vec![
            self.first(progress.as_ref(), theme),
            self.second(progress.as_ref(), theme),
            self.third(theme),
        ];
        if self.narrow {
            lines.push(self.compact(theme));
        }
        let above = Rect {
            height: (lines.len() as u16).min(area.height),
            ..area
        };
        let below = Rect {
            x: area.x + 1.min(area.width),
            y: above.bottom(),
            width: area.width.saturating_sub(1),
            height: area.height - above.height,
        };
        frame.render_widget(Paragraph::new(lines), above);
        if let Some(text) = self.trouble() {
            let text = Paragraph::new(text).style(theme.bad());
            frame.render_widget(text.wrap(Wrap { trim: true }), below);
        }
    }

    fn first(&self, progress: Option<&Progress>, theme: &Theme) -> Line<'static> {
        let store = &self.entry.store;
        let state = self.entry.state();
        let name = store
            .identity
            .as_ref()
            .map_or(self.name, |known| &known.name);
        let phase = match self.phase {
            Phase::Teacher => "teacher",
            Phase::Student => "student",
        };
        let (symbol, style) = match state {
            RunState::Training => ("●", theme.good()),
            RunState::Paused => ("‖", theme.warn()),
            RunState::Completed => ("✓", theme.good()),
            RunState::Failed | RunState::Crashed => ("!", theme.bad()),
            RunState::Stopped | RunState::New => ("○", theme.muted()),
        };
        // The run goes on with the other training; this one is done.
        let over = matches!(state, RunState::Training | RunState::Paused)
            && progress.is_some_and(|progress| progress.ended.is_some());
        let (word, style) = match &self.entry.life {
            _ if over => ("✓ trained".to_owned(), theme.good()),
            Life::Elsewhere(holder) => {
                let word = format!("{symbol} {} on {}", state.word(), holder.host);
                (word, style)
            }
            Life::Here | Life::Nobody => (format!("{symbol} {}", state.word()), style),
        };
        let mut spans = vec![
            Span::styled(format!(" {name}"), theme.accent()),
            Span::raw(format!("  {phase}  ")),
            Span::styled(word, style),
        ];
        if let Some(progress) = progress {
            spans.push(Span::raw(format!(
                "  epoch {} of {}",
                number((progress.epochs.0 * 10.0).floor() / 10.0),
                number(progress.epochs.1)
            )));
            spans.push(Span::styled(
                format!("  step {} of {}", progress.steps.0, progress.steps.1),
                theme.muted(),
            ));
        }
        if let Some(identity) = &store.identity {
            spans.push(Span::styled(
                format!("  {}", identity.device),
                theme.muted(),
            ));
        }
        Line::from(spans)
    }

    fn second(&self, progress: Option<&Progress>, theme: &Theme) -> Line<'static> {
        let Some(progress) = progress else {
            let text = match (self.entry.state(), self.phase) {
                (RunState::New, _) => " not begun, or not read yet",
                (_, Phase::Teacher) => " the teacher is not trained here",
                (_, Phase::Student) => " the student's training has not begun",
            };
            return Line::styled(text, theme.muted());
        };
        let share = progress.share().clamp(0.0, 1.0);
        let done = (share * f64::from(BAR)).floor() as usize;
        let rest = usize::from(BAR) - done;
        let mut spans = vec![
            Span::styled(format!(" {}", "━".repeat(done)), theme.accent()),
            Span::styled("┄".repeat(rest), theme.muted()),
            Span::raw(format!("  {:.0} %", (share * 100.0).floor())),
        ];
        if let Some(ended) = progress.ended {
            spans.push(Span::raw(format!("  {}", ended.told())));
            return Line::from(spans);
        }
        if let Some(speed) = progress.images_per_second {
            spans.push(Span::raw(format!("  {} images/s", number(speed))));
        }
        match (self.entry.state(), progress.left) {
            (RunState::Training, Some(left)) => {
                spans.push(Span::raw(format!("  {} left", duration(left))));
                if !progress.evaluations_counted {
                    spans.push(Span::styled(", evaluations not counted yet", theme.muted()));
                }
            }
            (RunState::Paused, _) => spans.push(Span::styled("  waits for you", theme.warn())),
            _ => {}
        }
        Line::from(spans)
    }

    fn third(&self, theme: &Theme) -> Line<'static> {
        let store = &self.entry.store;
        let last = store.last_evaluation(self.phase, Split::Valid, EvaluatedWeights::Last);
        let (Some(best), Some(last)) = (store.best_evaluation(self.phase), last) else {
            return Line::styled(" not evaluated yet", theme.muted());
        };
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let mut spans = vec![
            Span::styled(" valid top-1", theme.muted()),
            Span::raw("  best "),
            Span::styled(percent(best.top1), theme.good()),
            Span::styled(format!(" at epoch {}", number(best.epoch)), theme.muted()),
            Span::raw(format!("  last {}", percent(last.top1))),
        ];
        if let Some(teacher) = last.teacher {
            spans.push(Span::raw(format!("  teacher {}", percent(teacher.top1))));
        }
        let tested = store
            .last_evaluation(self.phase, Split::Test, EvaluatedWeights::Best)
            .or_else(|| store.last_evaluation(self.phase, Split::Test, EvaluatedWeights::Last));
        if let Some(test) = tested {
            spans.push(Span::raw(format!("  test {}", percent(test.top1))));
        }
        Line::from(spans)
    }

    /// What went wrong, and what to do.
    fn trouble(&self) -> Option<String> {
        let key = self.keymap.key(Action::PauseRun).unwrap_or_default();
        let text = match self.entry.state() {
            RunState::Crashed => {
                format!("! its process died; {key} goes on from the last checkpoint")
            }
            RunState::Failed => match self.entry.store.outcome() {
                Some(Outcome::Failed { message }) => format!(
                    "! {}; {key} goes on from the last checkpoint",
                    message
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .trim_end_matches(['.', ';'])
                ),
                _ => return None,
            },
            RunState::Stopped => match self.entry.store.outcome() {
                Some(Outcome::Stopped { reason }) => {
                    format!("stopped: {reason}; {key} goes on from there")
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(text)
    }

    /// Alerts and the machine in a line.
    fn compact(&self, theme: &Theme) -> Line<'static> {
        if let Some(last) = self.alerts.last() {
            let more = match self.alerts.len() {
                1 => String::new(),
                count => format!(" ({count} alerts)"),
            };
            return Line::styled(format!(" !{more} {}", last.message), theme.warn());
        }
        let text = machine::summary(self.machine).unwrap_or_default();
        Line::styled(format!(" {text}"), theme.muted())
    }
}
