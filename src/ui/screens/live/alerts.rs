//! What a person should look at: losses that are not numbers or diverge,
//! warnings, refused commands. Found when something changes, not while drawing.
//!
//! ```text
//! ─ alerts ─────────────────────────
//!  ! loss/total is not a number at step 310
//!  ! 3 images could not be read
//! ```

use std::ops::RangeInclusive;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::trend::{self, Trend};
use crate::event::{Evaluation, Outcome, Phase, Position, Split};
use crate::format::{count, loss, percent};
use crate::store::{CommandState, RunEntry, RunStore, SeriesTable};
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;
use crate::untrusted::Show as _;

/// Losses of terms that are known to rise when a training diverges, the best to
/// look at first: the label never moves, the teacher's answers follow a
/// temperature. They carry no weight; the total does, and controllers move it.
const WATCHED: [&str; 2] = ["loss/truth", "loss/distill"];

/// An accuracy on validation images that fell by this much, with a loss far above
/// its least, is lost.
const FELL: f64 = 0.1;

/// Evaluations in a row that say so.
const CONFIRMED: usize = 2;

/// How the alert begins of a run that failed.
const FAILED: &str = "the run failed: ";

/// Something to look at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alert {
    pub(super) message: String,
    pub(super) at: Option<Position>,
}

impl Alert {
    /// Whether it says no more than how the run ended.
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
    /// How the watched loss moves.
    trend: Trend,
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
        self.found.extend(self.of_series(store, phase));
        self.found.extend(of_evaluations(store, phase));
        self.found.extend(of_store(store));
        self.found.extend(run.problem().map(|problem| Alert {
            message: problem,
            at: None,
        }));
    }

    /// Everything to look at, oldest first.
    pub(super) fn all(&self) -> &[Alert] {
        &self.found
    }

    fn look(&mut self, table: &SeriesTable) {
        let Some(total) = table.series("loss/total") else {
            return;
        };
        let watched = WATCHED.into_iter().find_map(|term| table.series(term));
        for row in self.looked..total.values.len() {
            let step = total.steps[row];
            if !total.values[row].is_finite() {
                let (first, count) = self.gaps.unwrap_or((step, 0));
                self.gaps = Some((first, count + 1));
            } else if let Some(watched) = watched {
                self.trend.add(step, watched.values[row]);
            }
        }
        self.looked = total.values.len();
    }

    fn of_series(&self, store: &RunStore, phase: Phase) -> Vec<Alert> {
        let mut found = Vec::new();
        if let Some((step, gaps)) = self.gaps {
            let more = if gaps > 1 {
                format!(" and {} more", count(gaps - 1))
            } else {
                String::new()
            };
            found.push(Alert {
                message: format!("loss/total is not finite at step {}{more}", count(step)),
                at: Some(Position { phase, step }),
            });
        }
        found.extend(self.trend.divergence().map(|found| Alert {
            message: format!(
                "the loss diverges since step {}: now {}, was {}; {}",
                count(found.since),
                loss(found.now),
                loss(found.before),
                remedy(store, phase, &found.turned)
            ),
            at: Some(Position {
                phase,
                step: found.since,
            }),
        }));
        found
    }
}

/// What to do about a loss that rose: of the last change of a knob in these steps,
/// which was it, otherwise the learning rate.
fn remedy(store: &RunStore, phase: Phase, steps: &RangeInclusive<u64>) -> String {
    let changed = store.commands.iter().rev().find_map(|command| {
        let CommandState::Applied(at) = command.state else {
            return None;
        };
        let counts = command.record.command.changes_training()
            && at.phase == phase
            && steps.contains(&at.step);
        counts.then(|| {
            format!(
                "check {} at step {}",
                store.describe(command),
                count(at.step)
            )
        })
    });
    changed.unwrap_or_else(|| "lower lr".to_owned())
}

/// Images that could not be used.
fn of_data(store: &RunStore) -> Vec<Alert> {
    let skipped = store.data.as_ref().map(|data| data.skipped.as_slice());
    let skipped = skipped.unwrap_or_default();
    let Some(first) = skipped.first() else {
        return Vec::new();
    };
    let (path, reason) = (first.path.shown(), &first.reason);
    let message = match skipped.len() {
        1 => format!("an image could not be read: {path}: {reason}"),
        count => format!("{count} images could not be read, the first {path}: {reason}"),
    };
    vec![Alert { message, at: None }]
}

/// What was learnt and lost again.
fn of_evaluations(store: &RunStore, phase: Phase) -> Option<Alert> {
    let valid = || store.evaluations_of(phase, Split::Valid);
    let least = valid().fold(f64::INFINITY, |least, each| least.min(each.loss));
    let best = valid().max_by(|a, b| a.top1.total_cmp(&b.top1))?;
    let is_lost = |each: &&Evaluation| {
        let high = !each.loss.is_finite() || each.loss > trend::limit(least, least);
        high && each.top1 < best.top1 - FELL
    };
    let lost = valid().rev().take(CONFIRMED).filter(is_lost).count();
    let newest = valid().next_back().filter(|_| lost == CONFIRMED)?;
    Some(Alert {
        message: format!(
            "valid top-1 fell from {} to {}, its loss is {}; {}",
            percent(best.top1),
            percent(newest.top1),
            loss(newest.loss),
            remedy(store, phase, &(best.step..=newest.step))
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
            CommandState::Rejected(_) => Some(Alert {
                message: format!("{}, {}", store.describe(command), command.state),
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

/// What stands before an alert.
const ALERT: &str = " ! ";

/// Rows that all of them take.
pub(super) fn rows(alerts: &[Alert], width: u16) -> u16 {
    let lines = alerts
        .iter()
        .map(|alert| marked(ALERT, &alert.message, width, Style::new()).len());
    u16::try_from(lines.sum::<usize>().max(1)).unwrap_or(u16::MAX)
}

/// A text in lines behind a mark of three cells.
pub(super) fn marked(
    mark: &'static str,
    text: &str,
    width: u16,
    style: Style,
) -> Vec<Line<'static>> {
    let begins = std::iter::once(mark).chain(std::iter::repeat("   "));
    begins
        .zip(wrapped(text, width.saturating_sub(4).into()))
        .map(|(begin, line)| Line::styled(format!("{begin}{line}"), style))
        .collect()
}

/// The newest that have room, each with as many lines as it needs, and how many
/// more there are.
pub(super) fn draw(alerts: &[Alert], theme: &Theme, frame: &mut Frame, area: Rect) {
    if alerts.is_empty() {
        return frame.render_widget(Line::styled(" none", theme.muted()), area);
    }
    let room = usize::from(area.height);
    let mut lines = Vec::new();
    for (more, alert) in alerts.iter().enumerate().rev() {
        let mut next = marked(ALERT, &alert.message, area.width, theme.warn());
        // The last row says what there is no room for.
        if !lines.is_empty() && lines.len() + next.len() + usize::from(more > 0) > room {
            let more = Line::styled(format!("   {} more", more + 1), theme.muted());
            lines.truncate(room.saturating_sub(1));
            lines.push(more);
            break;
        }
        lines.append(&mut next);
    }
    frame.render_widget(Paragraph::new(lines), area);
}
