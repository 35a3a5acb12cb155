//! What a person should look at: losses that are not numbers or diverge,
//! warnings, refused commands. Found when something changes, not while drawing.
//!
//! ```text
//! ─ alerts ─────────────────────────
//!  ! loss/total is not a number at step 310
//!  ! 3 images could not be read
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

use crate::event::{Outcome, Phase, Position, Split};
use crate::format::{loss, percent};
use crate::store::{CommandState, RunEntry, RunStore, SeriesTable};
use crate::ui::theme::Theme;
use crate::ui::widget::chart::number;

/// Logged rows whose mean stands for the loss as it is.
const RECENT: usize = 8;

/// A loss this many times the least it has been diverges.
const DIVERGED: f64 = 2.0;

/// A loss this many times what it was at first diverges, whatever came between.
const EXPLODED: f64 = 10.0;

/// An accuracy on validation images that fell by this much, with a loss that
/// diverges, is lost.
const FELL: f64 = 0.1;

/// How the alert begins that tells of a run that failed.
const FAILED: &str = "the run failed: ";

/// Something to look at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alert {
    pub(super) message: String,
    pub(super) at: Option<Position>,
}

impl Alert {
    /// Whether it tells no more than how the run ended.
    pub(super) fn is_outcome(&self) -> bool {
        self.message.starts_with(FAILED)
    }
}

/// What has been found of one training.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    of: Option<(String, Phase, u32)>,
    /// Rows that have been looked at.
    looked: usize,
    /// First step and number of rows with a loss that is not a number.
    gaps: Option<(u64, usize)>,
    /// The first loss.
    first: Option<f64>,
    /// The newest loss, and its step.
    newest: Option<(f64, u64)>,
    /// Sum over the rows of the stretch that is under way.
    stretch: (f64, usize),
    /// Least mean of a stretch.
    least: Option<f64>,
    /// Mean of the last whole stretch, and its last step.
    last: Option<(f64, u64)>,
    found: Vec<Alert>,
}

impl Alerts {
    /// Looks at what came since the last call.
    pub(super) fn update(&mut self, name: &str, run: &RunEntry, phase: Phase) {
        let store = &run.store;
        let of = Some((name.to_owned(), phase, store.processes));
        let table = store.table(phase);
        if self.of != of || self.looked > table.len() {
            *self = Self {
                of,
                ..Self::default()
            };
        }
        self.look(table);
        self.found = of_data(store);
        self.found.extend(self.of_series(phase));
        self.found.extend(of_evaluations(store, phase));
        self.found.extend(of_store(store));
        self.found.extend(run.problem().map(|problem| Alert {
            message: format!("the run could only be read in part: {problem}"),
            at: None,
        }));
    }

    /// Everything to look at, oldest first.
    pub(super) fn all(&self) -> &[Alert] {
        &self.found
    }

    fn look(&mut self, table: &SeriesTable) {
        let Some(series) = table.series("loss/total") else {
            return;
        };
        for row in self.looked..series.values.len() {
            let (step, value) = (series.steps[row], series.values[row]);
            if !value.is_finite() {
                let (first, count) = self.gaps.unwrap_or((step, 0));
                self.gaps = Some((first, count + 1));
                continue;
            }
            self.first.get_or_insert(value);
            self.newest = Some((value, step));
            self.stretch = (self.stretch.0 + value, self.stretch.1 + 1);
            if self.stretch.1 == RECENT {
                let mean = self.stretch.0 / RECENT as f64;
                self.least = Some(self.least.map_or(mean, |least| least.min(mean)));
                self.last = Some((mean, step));
                self.stretch = (0.0, 0);
            }
        }
        self.looked = series.values.len();
    }

    fn of_series(&self, phase: Phase) -> Vec<Alert> {
        let mut found = Vec::new();
        if let Some((step, count)) = self.gaps {
            let more = if count > 1 {
                format!(" and {} more", count - 1)
            } else {
                String::new()
            };
            found.push(Alert {
                message: format!("loss/total is not finite at step {step}{more}"),
                at: Some(Position { phase, step }),
            });
        }
        found.extend(self.divergence().map(|(now, before, when, step)| Alert {
            message: format!(
                "loss/total diverges: now {}, was {} {when}; lower lr",
                number(now),
                number(before)
            ),
            at: Some(Position { phase, step }),
        }));
        found
    }

    /// The loss as it is, what it was, when that was, and the step of the former,
    /// if it diverges.
    fn divergence(&self) -> Option<(f64, f64, &'static str, u64)> {
        if let (Some(least), Some((last, step))) = (self.least, self.last)
            && least > 0.0
            && last > DIVERGED * least
        {
            return Some((last, least, "at best", step));
        }
        let (first, (newest, step)) = (self.first?, self.newest?);
        let exploded = first > 0.0 && newest > EXPLODED * first;
        exploded.then_some((newest, first, "at the start", step))
    }
}

/// Images that could not be used.
fn of_data(store: &RunStore) -> Vec<Alert> {
    let skipped = store.data.as_ref().map(|data| data.skipped.as_slice());
    let skipped = skipped.unwrap_or_default();
    let Some(first) = skipped.first() else {
        return Vec::new();
    };
    let (path, reason) = (first.path.display(), &first.reason);
    let message = match skipped.len() {
        1 => format!("an image could not be read: {path}: {reason}"),
        count => format!("{count} images could not be read, the first {path}: {reason}"),
    };
    vec![Alert { message, at: None }]
}

/// What was learnt and lost again.
fn of_evaluations(store: &RunStore, phase: Phase) -> Option<Alert> {
    let valid = store.evaluations_of(phase, Split::Valid);
    let (mut best, mut least, mut newest) = (f64::NEG_INFINITY, f64::INFINITY, None);
    for evaluation in valid {
        best = best.max(evaluation.top1);
        least = least.min(evaluation.loss);
        newest = Some(evaluation);
    }
    let newest = newest?;
    let diverges = !newest.loss.is_finite() || newest.loss > DIVERGED * least;
    (diverges && newest.top1 < best - FELL).then(|| Alert {
        message: format!(
            "valid top-1 fell from {} to {}, its loss is {}; lower lr",
            percent(best),
            percent(newest.top1),
            loss(newest.loss)
        ),
        at: Some(Position {
            phase,
            step: newest.step,
        }),
    })
}

fn of_store(store: &RunStore) -> Vec<Alert> {
    let warnings = store.warnings.iter().map(|warning| Alert {
        message: warning.message.clone(),
        at: warning.at,
    });
    let refused = store
        .commands
        .iter()
        .filter_map(|command| match &command.state {
            CommandState::Rejected(reason) => Some(Alert {
                message: format!("rejected: {reason}"),
                at: None,
            }),
            _ => None,
        });
    let failed = store.outcome().and_then(|outcome| match outcome {
        Outcome::Failed { message } => Some(Alert {
            message: format!("{FAILED}{}", message.lines().next()?),
            at: None,
        }),
        _ => None,
    });
    warnings.chain(refused).chain(failed).collect()
}

/// The newest that have room.
pub(super) fn draw(alerts: &[Alert], theme: &Theme, frame: &mut Frame, area: Rect) {
    let newest = alerts.len().saturating_sub(area.height.into());
    let lines: Vec<Line> = alerts[newest..]
        .iter()
        .map(|alert| Line::styled(format!(" ! {}", alert.message), theme.warn()))
        .collect();
    let text = if lines.is_empty() {
        Paragraph::new(Line::styled(" none", theme.muted()))
    } else {
        Paragraph::new(lines).wrap(Wrap { trim: false })
    };
    frame.render_widget(text, area);
}
