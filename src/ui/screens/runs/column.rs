//! The columns of the table: what stands in them, how wide they are, how they
//! sort.

use std::time::UNIX_EPOCH;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::filter::Subject;
use super::metrics::{Metrics, Progress};
use crate::event::Phase;
use crate::format::{MISSING, duration, loss, percent, shorten};
use crate::run::timestamp::moment;
use crate::store::RunState;
use crate::ui::theme::Theme;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    State,
    Done,
    Best,
    Last,
    Test,
    Time,
    Tags,
    Method,
    Begun,
    Loss,
    Agreement,
    Experiment,
    Note,
}

/// What a column is sorted by.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) enum Key {
    Number(f64),
    Text(String),
    Missing,
}

impl Column {
    /// Every column, what matters most first: the last ones go where there is
    /// no room.
    pub(super) const ALL: [Self; 14] = [
        Self::Name,
        Self::State,
        Self::Done,
        Self::Best,
        Self::Last,
        Self::Test,
        Self::Time,
        Self::Tags,
        Self::Method,
        Self::Begun,
        Self::Loss,
        Self::Agreement,
        Self::Experiment,
        Self::Note,
    ];

    /// Its heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Name => "run",
            Self::State => "state",
            Self::Done => "done",
            Self::Best => "best",
            Self::Last => "last",
            Self::Test => "test",
            Self::Time => "time",
            Self::Tags => "tags",
            Self::Begun => "started, UTC",
            Self::Method => "method",
            Self::Loss => "loss",
            Self::Agreement => "agreement",
            Self::Experiment => "experiment",
            Self::Note => "note",
        }
    }

    /// The next column, or the first.
    pub(super) fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// Cells that it takes; metrics take more where differences are shown.
    pub(super) fn width(self, compared: bool) -> u16 {
        /// Cells of ` ▲+12.34`.
        const DIFFERENCE: u16 = 8;
        let width = match self {
            Self::Name | Self::Begun => 16,
            Self::State | Self::Agreement => 11,
            Self::Done => 6,
            Self::Best | Self::Last | Self::Test => 8,
            Self::Time => 9,
            Self::Loss => 7,
            Self::Tags | Self::Experiment => 18,
            Self::Method => 20,
            Self::Note => 24,
        };
        width
            + if compared && self.is_metric() {
                DIFFERENCE
            } else {
                0
            }
    }

    /// Whether it may be drawn narrower than it is wide.
    pub(super) fn is_text(self) -> bool {
        matches!(
            self,
            Self::Tags | Self::Method | Self::Experiment | Self::Note
        )
    }

    /// Whether its cells end together, as numbers do.
    pub(super) fn is_right(self) -> bool {
        self.is_metric() || matches!(self, Self::Done | Self::Time)
    }

    fn is_metric(self) -> bool {
        matches!(
            self,
            Self::Best | Self::Last | Self::Test | Self::Loss | Self::Agreement
        )
    }

    /// Whether one wants to see its greatest value first.
    pub(super) fn descends(self) -> bool {
        self == Self::Begun || (self.is_right() && self != Self::Loss)
    }

    /// What a run is sorted by.
    pub(super) fn key(self, run: &Subject) -> Key {
        let number = |value: Option<f64>| value.map_or(Key::Missing, Key::Number);
        let text = |value: &str| {
            if value.is_empty() {
                Key::Missing
            } else {
                Key::Text(value.to_lowercase())
            }
        };
        match self {
            Self::Name => text(run.name),
            Self::State => Key::Number(f64::from(run.run.state() as u8)),
            Self::Done => number(run.metrics.progress.map(Progress::share)),
            Self::Best | Self::Last | Self::Test | Self::Loss | Self::Agreement => {
                number(self.metric(run.metrics))
            }
            Self::Time => number(run.metrics.seconds),
            Self::Tags => text(&run.run.notes.tags.join(" ")),
            Self::Begun => {
                let since = run.run.begun.duration_since(UNIX_EPOCH).unwrap_or_default();
                Key::Number(since.as_secs_f64())
            }
            Self::Method => text(run.config.get("method").unwrap_or_default()),
            Self::Experiment => text(run.experiment().unwrap_or_default()),
            Self::Note => text(&run.run.notes.note),
        }
    }

    /// The metric that it shows.
    pub(super) fn metric(self, metrics: &Metrics) -> Option<f64> {
        match self {
            Self::Best => metrics.best,
            Self::Last => metrics.last,
            Self::Test => metrics.test,
            Self::Loss => metrics.loss,
            Self::Agreement => metrics.agreement,
            _ => None,
        }
    }

    /// What stands in a run's row; metrics with their difference to the
    /// baseline's.
    pub(super) fn cell(
        self,
        run: &Subject,
        baseline: Option<&Metrics>,
        theme: &Theme,
    ) -> Line<'static> {
        let plain = |text: Option<String>| match text {
            Some(text) if !text.is_empty() => Line::styled(text, theme.text()),
            _ => Line::styled(MISSING, theme.muted()),
        };
        match self {
            Self::Name => plain(Some(run.name.to_owned())),
            Self::State => {
                let state = run.run.state();
                let (symbol, style) = look(state, theme);
                Line::styled(format!("{symbol} {}", state.word()), style)
            }
            Self::Done => plain(run.metrics.progress.map(|progress| {
                let percent = (progress.share() * 100.0).floor();
                if progress.phase == Phase::Teacher {
                    // As wide whatever it is: `T 23 %` and `T100 %`.
                    format!("T{percent:3.0} %")
                } else {
                    format!("{percent:.0} %")
                }
            })),
            Self::Best | Self::Last | Self::Test | Self::Loss | Self::Agreement => {
                self.metric_cell(run.metrics, baseline, theme)
            }
            Self::Time => {
                let seconds = run.metrics.seconds;
                plain(seconds.map(duration))
            }
            Self::Tags => plain(Some(run.run.notes.tags.join(" "))),
            Self::Begun => plain(Some(moment(run.run.begun))),
            Self::Method => plain(run.config.get("method").map(str::to_owned)),
            Self::Experiment => plain(run.experiment().map(str::to_owned)),
            Self::Note => plain(Some(run.run.notes.note.clone())),
        }
    }

    /// `92.31 % ▲ +1.20`, always as wide.
    pub(super) fn metric_cell(
        self,
        metrics: &Metrics,
        baseline: Option<&Metrics>,
        theme: &Theme,
    ) -> Line<'static> {
        let Some(value) = self.metric(metrics) else {
            return Line::styled(MISSING, theme.muted());
        };
        let is_loss = self == Self::Loss;
        let shown = if is_loss { loss(value) } else { percent(value) };
        let mut line = Line::styled(shown, theme.text());
        if let Some(base) = baseline.and_then(|baseline| self.metric(baseline)) {
            line.push_span(difference(value - base, is_loss, theme));
        }
        line
    }
}

/// How far a metric is from the baseline's: shares in percentage points, losses
/// as they are. Always as wide, so that numbers stay below one another.
fn difference(by: f64, is_loss: bool, theme: &Theme) -> Span<'static> {
    let shown = if is_loss {
        format!("{by:+.3}")
    } else {
        format!("{:+.1}", by * 100.0)
    };
    // What is shown as nothing is no difference.
    let is_zero = shown.chars().all(|letter| !matches!(letter, '1'..='9'));
    let (arrow, style) = if is_zero {
        ("=", theme.muted())
    } else if (by > 0.0) == is_loss {
        (if by > 0.0 { "▲" } else { "▼" }, theme.bad())
    } else {
        (if by > 0.0 { "▲" } else { "▼" }, theme.good())
    };
    let shown = if is_zero {
        String::new()
    } else {
        shorten(&shown, 6_u16)
    };
    Span::styled(format!(" {arrow}{shown:>6}"), style)
}

/// A state's symbol and colour.
pub(super) fn look(state: RunState, theme: &Theme) -> (&'static str, Style) {
    match state {
        RunState::Training => ("▶", theme.accent()),
        RunState::Paused => ("‖", theme.warn()),
        RunState::Stopped => ("■", theme.warn()),
        RunState::Crashed => ("✗", theme.bad()),
        RunState::Failed => ("!", theme.bad()),
        RunState::Completed => ("✓", theme.good()),
        RunState::New => ("·", theme.muted()),
    }
}
