//! What runs, how far it is, and how well it does.
//!
//! ```text
//!  quickstart-20261128-202107-8e9912  student  ● training  epoch 3.2 of 12
//!  ━━━━━━━━━━━━━━╸────────────────  26 %  1234 images/s  4 min 12 s left
//!  valid top-1  best 84.3 % epoch 2  last 83.9 %  teacher 91.2 %
//!  ! the loss is not a number; press space to resume from …
//! ```

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::alerts::Alert;
use super::machine;
use super::progress::Progress;
use super::words::{Part, fitted};
use crate::event::{EvaluatedWeights, Outcome, Phase, Split};
use crate::format::{
    self, count, duration, percent, short, shorten_middle, shorten_words, trained_in,
};
use crate::store::{Owner, RunEntry, RunState};
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::news::MachineSample;
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;

/// Cells of the progress bar, by the width that it has them from.
const BARS: [(u16, u16); 3] = [(70, 32), (50, 16), (0, 8)];

/// Cells of a run's name in a narrow terminal: what distinguishes it is in it.
const NAME: u16 = 20;

/// Rows of what went wrong.
const MOST_TROUBLE: usize = 5;

/// Rows of the newest alert where alerts have no pane.
const MOST_ALERT: usize = 2;

/// What the header shows.
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
        let compact = if self.narrow {
            self.alert(width).len().max(1)
        } else {
            0
        };
        (3 + self.trouble(width).len() + compact) as u16
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let progress = Progress::of(&self.entry.store, self.phase);
        let mut lines = vec![
            fitted(self.first(progress.as_ref(), area.width, theme), area.width),
            self.second(progress.as_ref(), area.width, theme),
            fitted(self.third(theme), area.width),
        ];
        if self.narrow {
            lines.extend(self.compact(area.width, theme));
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
        let trouble = self.trouble(area.width).into_iter().map(Line::raw);
        let trouble = Paragraph::new(trouble.collect::<Vec<_>>());
        let style = if self.entry.state() == RunState::Completed {
            theme.muted()
        } else {
            theme.bad()
        };
        frame.render_widget(trouble.style(style), below);
    }

    /// Name, training and state; epoch, step and device where there is room.
    fn first(&self, progress: Option<&Progress>, width: u16, theme: &Theme) -> Vec<Part> {
        let store = &self.entry.store;
        let state = self.entry.state();
        let phase = match self.phase {
            Phase::Student if store.quantizes() => "student, quantized",
            phase => phase.word(),
        };
        let (symbol, style) = theme.state(state);
        // The run continues with the other training; this one is done.
        let over = matches!(state, RunState::Training | RunState::Paused)
            && progress.is_some_and(|progress| progress.ended.is_some());
        let (word, style) = match &self.entry.owner {
            _ if over => ("✓ trained".to_owned(), theme.good()),
            Owner::Elsewhere(holder) => {
                let word = format!("{symbol} {} on {}", state.word(), holder.host);
                (word, style)
            }
            Owner::Here | Owner::None => (format!("{symbol} {}", state.word()), style),
        };
        let word = Span::styled(format!("  {word}"), style);
        // The end distinguishes runs of one experiment.
        let room = width.saturating_sub(word.width() as u16 + 1);
        let room = room.min(NAME.max(width * 3 / 10));
        let name = format!(" {}", shorten_middle(self.name, room));
        let mut parts = vec![
            Part::new(0, [Span::styled(name, theme.accent())]),
            Part::new(1, [Span::raw(format!("  {phase}"))]),
            Part::new(0, [word]),
        ];
        if let Some(progress) = progress {
            let done = short((progress.epochs.0 * 10.0).floor() / 10.0);
            let epochs = match store.planned_epochs(self.phase) {
                Some(planned) => format!("  epoch {done} of {planned}"),
                None => format!("  epoch {done} of {}", short(progress.epochs.1)),
            };
            let steps = [progress.steps.0, progress.steps.1].map(count);
            let steps = format!("  step {} of {}", steps[0], steps[1]);
            parts.push(Part::new(2, [Span::raw(epochs)]));
            parts.push(Part::new(3, [Span::styled(steps, theme.muted())]));
        }
        if let Some(identity) = &store.identity {
            let device = format!("  {}", identity.device);
            parts.push(Part::new(4, [Span::styled(device, theme.muted())]));
        }
        parts
    }

    /// How far it is, and how long it will take.
    fn second(&self, progress: Option<&Progress>, width: u16, theme: &Theme) -> Line<'static> {
        let Some(progress) = progress else {
            let text = match (self.entry.state(), self.phase) {
                (RunState::New, _) => " not started or not loaded yet",
                (_, Phase::Teacher) => " the teacher is not trained in this run",
                (_, Phase::Student) => " the student's training has not started",
            };
            return Line::styled(shorten_words(text, width), theme.muted());
        };
        let bar = BARS.iter().find(|(from, _)| width >= *from);
        let bar = bar.map_or(0, |(_, cells)| *cells);
        let share = progress.share().clamp(0.0, 1.0);
        let done = (share * f64::from(bar)).floor() as usize;
        let rest = usize::from(bar) - done;
        let mut parts = vec![
            Part::new(
                1,
                [
                    Span::styled(format!(" {}", "━".repeat(done)), theme.accent()),
                    Span::styled("┄".repeat(rest), theme.muted()),
                    Span::raw(" "),
                ],
            ),
            Part::new(0, [Span::raw(format!(" {}", format::progress(share)))]),
        ];
        if let Some(ended) = progress.ended {
            parts.push(Part::new(
                0,
                [Span::raw(format!("  {}", trained_in(ended)))],
            ));
            return fitted(parts, width);
        }
        if let Some(speed) = progress.images_per_second {
            let speed = format!("  {}", format::speed(speed));
            parts.push(Part::new(2, [Span::raw(speed)]));
        }
        match (self.entry.state(), progress.left) {
            (RunState::Training, Some(left)) => {
                let left = format!("  {} left", duration(left));
                parts.push(Part::new(0, [Span::raw(left)]));
                if !progress.evaluations_counted {
                    let note = ", without evaluations";
                    parts.push(Part::new(3, [Span::styled(note, theme.muted())]));
                }
            }
            (RunState::Paused, _) => {
                parts.push(Part::new(0, [Span::styled("  paused", theme.warn())]));
            }
            _ => {}
        }
        fitted(parts, width)
    }

    /// How well it does.
    fn third(&self, theme: &Theme) -> Vec<Part> {
        let store = &self.entry.store;
        let last = store.last_evaluation(self.phase, Split::Valid, EvaluatedWeights::Last);
        let (Some(best), Some(last)) = (store.best_evaluation(self.phase), last) else {
            let mut parts = vec![Part::new(
                0,
                [Span::styled(" not evaluated yet", theme.muted())],
            )];
            if let Some(teacher) = store.best_evaluation(Phase::Teacher) {
                let teacher = format!("  teacher {}", percent(teacher.top1));
                parts.push(Part::new(1, [Span::raw(teacher)]));
            }
            return parts;
        };
        let epoch = format!(" epoch {}", short(best.epoch));
        let chosen = store.best_by.get(&self.phase);
        let chosen = chosen.map_or_else(String::new, |metric| format!(" by {metric}"));
        let mut parts = vec![
            Part::new(0, [Span::styled(" valid top-1", theme.muted())]),
            Part::new(
                0,
                [
                    Span::raw("  best "),
                    Span::styled(percent(best.top1), theme.good()),
                ],
            ),
            Part::new(4, [Span::styled(epoch, theme.muted())]),
            Part::new(3, [Span::styled(chosen, theme.muted())]),
            Part::new(2, [Span::raw(format!("  last {}", percent(last.top1)))]),
        ];
        if let Some(teacher) = last.teacher {
            let teacher = format!("  teacher {}", percent(teacher.top1));
            parts.push(Part::new(3, [Span::raw(teacher)]));
        }
        if self.phase == Phase::Student
            && let Some(best) = store.best_quantized()
        {
            let quantized = format!("  quantized {}", percent(best.top1));
            parts.push(Part::new(1, [Span::raw(quantized)]));
        }
        let tested = |weights| store.last_evaluation(self.phase, Split::Test, weights);
        if let Some(best) = tested(EvaluatedWeights::Best) {
            let test = format!("  test (best) {}", percent(best.top1));
            parts.push(Part::new(1, [Span::raw(test)]));
        }
        if let Some(last) = tested(EvaluatedWeights::Last) {
            let of = if tested(EvaluatedWeights::Best).is_none() {
                "  test"
            } else {
                " "
            };
            let test = format!("{of} (last) {}", percent(last.top1));
            parts.push(Part::new(2, [Span::raw(test)]));
        }
        parts
    }

    /// What went wrong, and what to do, or why it ended early, in lines.
    fn trouble(&self, width: u16) -> Vec<String> {
        let text = self.outcome();
        text.map_or_else(Vec::new, |text| at_most(MOST_TROUBLE, &text, width))
    }

    /// How it ended before its end, and what to do where something is left.
    fn outcome(&self) -> Option<String> {
        let key = self.keymap.key(Action::PauseRun).unwrap_or_default();
        let text = match self.entry.state() {
            RunState::Crashed => {
                format!("! its process crashed; press {key} to resume from the last checkpoint")
            }
            RunState::Failed => match self.entry.store.outcome() {
                Some(Outcome::Failed { message }) => {
                    let message = message.lines().next().unwrap_or_default();
                    // Where resuming alone would not do, the message says how.
                    let advised = message.contains("--resume");
                    let message = message.trim_end_matches(['.', ';']);
                    if advised {
                        return Some(format!("! {message}"));
                    }
                    format!("! {message}; press {key} to resume from the last checkpoint")
                }
                _ => return None,
            },
            RunState::Completed => match self.entry.store.outcome() {
                Some(early @ Outcome::StoppedEarly { .. }) => early.words(),
                _ => return None,
            },
            RunState::Stopped => match self.entry.store.outcome() {
                Some(stopped @ Outcome::Stopped { .. }) => {
                    format!("{}; press {key} to resume", stopped.words())
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(text)
    }

    /// The newest alert and how many there are, in lines.
    fn alert(&self, width: u16) -> Vec<String> {
        // How it ended stands above already.
        let alerts = self.alerts.iter().filter(|alert| !alert.is_outcome());
        let Some(last) = alerts.clone().next_back() else {
            return Vec::new();
        };
        let more = match alerts.count() {
            1 => String::new(),
            count => format!("({count} alerts) "),
        };
        at_most(MOST_ALERT, &format!("! {more}{}", last.message), width)
    }

    /// The newest alert, or else the machine in a line.
    fn compact(&self, width: u16, theme: &Theme) -> Vec<Line<'static>> {
        let alert = self.alert(width).into_iter();
        let alert: Vec<Line> = alert
            .map(|line| Line::styled(format!(" {line}"), theme.warn()))
            .collect();
        if !alert.is_empty() {
            return alert;
        }
        let mut parts = machine::summary(self.machine);
        if let Some((_, first)) = parts.first_mut() {
            first.insert(0, ' ');
        }
        for (_, next) in parts.iter_mut().skip(1) {
            next.insert_str(0, "  ");
        }
        let parts = parts
            .into_iter()
            .map(|(rank, text)| Part::new(rank, [Span::styled(text, theme.muted())]));
        vec![fitted(parts.collect(), width)]
    }
}

/// A text in so many lines at most, what is left out said by `…`.
fn at_most(most: usize, text: &str, width: u16) -> Vec<String> {
    let room = usize::from(width.saturating_sub(1));
    let mut lines = wrapped(text, room);
    if lines.len() > most {
        let rest = lines.split_off(most - 1).concat();
        lines.push(shorten_words(&rest, room));
    }
    lines
}
