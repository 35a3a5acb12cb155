//! The gates of a run's experiment, held against its figures.
//!
//! ```text
//! gate        ✓ valid/top1 ≥ 0.5, is 0.6100
//! gate        ✗ valid/loss ≤ 0.1, is 0.5850
//! ```

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::config::Frozen;
use super::figures::value;
use super::filter::Subject;
use crate::experiment::spec::{Bound, Gate};
use crate::store::RunState;
use crate::ui::theme::Theme;

/// A line for each gate, behind `label`.
pub(super) fn lines(
    run: &Subject,
    frozen: &Frozen,
    label: &Span<'static>,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let gates = frozen.spec.as_ref().map_or(&[][..], |spec| &spec.gates);
    let lines = gates.iter().map(|gate| {
        let (symbol, style) = verdict(run, gate, theme);
        let told = match gate_value(run, gate) {
            Some(value) => format!("{symbol} {}, is {value:.4}", condition(gate)),
            None => format!("{symbol} {}, not measured", condition(gate)),
        };
        Line::from(vec![label.clone(), Span::styled(told, style)])
    });
    lines.collect()
}

/// Whether a gate holds. One that looks at another run is not judged here: that
/// needs the other run's figures.
fn verdict(run: &Subject, gate: &Gate, theme: &Theme) -> (&'static str, Style) {
    let holds = match (gate_value(run, gate), gate) {
        (Some(value), Gate::AtLeast(_, Bound::Value(bound))) => Some(value >= *bound),
        (Some(value), Gate::AtMost(_, Bound::Value(bound))) => Some(value <= *bound),
        (None, _) if run.run.state() == RunState::Completed => Some(false),
        _ => None,
    };
    match holds {
        Some(true) => ("✓", theme.good()),
        Some(false) => ("✗", theme.bad()),
        None => ("·", theme.muted()),
    }
}

fn gate_value(run: &Subject, gate: &Gate) -> Option<f64> {
    let (Gate::AtLeast(name, _) | Gate::AtMost(name, _)) = gate;
    value(&run.run.store, name.parse().ok()?)
}

/// `test/top1 ≥ 0.85`.
fn condition(gate: &Gate) -> String {
    let (name, symbol, bound) = match gate {
        Gate::AtLeast(name, bound) => (name, '≥', bound),
        Gate::AtMost(name, bound) => (name, '≤', bound),
    };
    match bound {
        Bound::Value(value) => format!("{name} {symbol} {value}"),
        Bound::Run { run, tolerance } => {
            let give = if *tolerance == 0.0 {
                String::new()
            } else {
                format!(" ± {tolerance}")
            };
            format!("{name} {symbol} that of {}{give}", run.display())
        }
    }
}
