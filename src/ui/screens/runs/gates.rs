//! The gates of a run's experiment, held against its metrics.
//!
//! ```text
//! gate        ✓ valid/top1 ≥ 0.5, is 0.6100
//! gate        ✗ valid/loss ≤ 0.1, is 0.5850
//! gate        ✓ test/top1 ≥ that of cifar10-…, is 0.8873 against 0.8641
//! ```

use std::path::Path;

use ratatui::text::{Line, Span};

use crate::experiment::spec::{Bound, Gate};
use crate::listing::Subject;
use crate::store::Frozen;
use crate::store::metrics::value;
use crate::store::{RunState, RunStore, Runs};
use crate::ui::theme::Theme;

/// A line for each gate, behind `label`. Another run that a gate looks at is
/// looked up in `runs`.
pub(super) fn lines(
    run: &Subject,
    frozen: &Frozen,
    runs: &Runs,
    label: &Span<'static>,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let gates = frozen.spec.as_ref().map_or(&[][..], |spec| &spec.gates);
    let lines = gates.iter().map(|gate| {
        let (holds, found) = judge(run, gate, runs);
        let (symbol, style) = match holds {
            Some(true) => ("✓", theme.good()),
            Some(false) => ("✗", theme.bad()),
            None => ("·", theme.muted()),
        };
        let line = format!("{symbol} {}, {found}", condition(gate));
        Line::from(vec![label.clone(), Span::styled(line, style)])
    });
    lines.collect()
}

/// Whether a gate holds, where that can be shown, and what was found.
fn judge(run: &Subject, gate: &Gate, runs: &Runs) -> (Option<bool>, String) {
    let (Gate::AtLeast(name, bound) | Gate::AtMost(name, bound)) = gate;
    let metric = name.parse().ok();
    let measured = |store: &RunStore| value(store, metric?);
    let Some(own) = measured(&run.run.store) else {
        // A run that is complete will not be measured any more.
        let fails = run.run.state() == RunState::Completed;
        return (fails.then_some(false), "not evaluated".to_owned());
    };
    let (limit, give, found) = match bound {
        Bound::Value(limit) => (*limit, 0.0, format!("is {own:.4}")),
        Bound::Run { run, tolerance } => {
            let other = name_of(run);
            let Some(entry) = runs.get(&other).or_else(|| runs.trashed(&other)) else {
                return (None, format!("is {own:.4}; run not found"));
            };
            let Some(limit) = measured(&entry.store) else {
                return (None, format!("is {own:.4}; not evaluated there"));
            };
            let found = format!("is {own:.4}, limit {limit:.4}");
            (limit, *tolerance, found)
        }
    };
    let holds = match gate {
        Gate::AtLeast(..) => own >= limit - give,
        Gate::AtMost(..) => own <= limit + give,
    };
    (Some(holds), found)
}

/// The name of a run in a folder.
fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
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
            format!("{name} {symbol} that of {}{give}", name_of(run))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Split;
    use crate::store::Metrics;
    use crate::ui::screens::runs::testing::{apply, entry, evaluated};
    use crate::ui::theme::{Background, Depth, Palette};

    /// What is shown of a run with this accuracy and the gate, where another run
    /// has `other`.
    fn shown(gate: &str, own: f64, other: Option<&[f64]>) -> String {
        let quickstart = include_str!("../../../../experiments/quickstart.ron");
        let text = quickstart.replace("AtLeast(\"test/top1\", 0.75)", gate);
        let mut runs = Runs::new();
        if let Some(other) = other {
            let mut run = entry("other-20260101-000000-aaaaaa", "", 1);
            let events = other.iter().map(|top1| evaluated(Split::Test, 3, *top1));
            apply(&mut run, &events.collect::<Vec<_>>());
            runs.insert(run);
        }
        let mut run = entry("own", &text, 2);
        apply(&mut run, &[evaluated(Split::Test, 3, own)]);
        let frozen = Frozen::read(&text);
        let metrics = Metrics::of(&run.store);
        let subject = Subject {
            name: "own",
            run: &run,
            metrics: &metrics,
            config: &frozen.config,
        };
        let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
        let lines = lines(&subject, &frozen, &runs, &Span::raw(""), &theme);
        lines.first().map_or_else(String::new, Line::to_string)
    }

    #[test]
    fn a_gate_against_another_run_is_judged_by_that_runs_metrics() {
        let run = "run: \"checkpoints/other-20260101-000000-aaaaaa\"";
        let least = format!("AtLeast(\"test/top1\", Run({run}, tolerance: 0.01))");
        let shown = |own, other: Option<&[f64]>| shown(&least, own, other);
        assert_eq!(
            shown(0.895, Some(&[0.9])),
            "✓ test/top1 ≥ that of other-20260101-000000-aaaaaa ± 0.01, \
             is 0.8950, limit 0.9000"
        );
        assert!(shown(0.88, Some(&[0.9])).starts_with("✗ "));
        let unknown = shown(0.88, None);
        assert!(unknown.starts_with("· ") && unknown.ends_with("run not found"));
        let unmeasured = shown(0.88, Some(&[]));
        assert!(unmeasured.starts_with("· ") && unmeasured.ends_with("not evaluated there"));
    }

    #[test]
    fn at_most_another_run_may_be_worse_by_the_tolerance() {
        let run = "run: \"checkpoints/other-20260101-000000-aaaaaa\"";
        let most = format!("AtMost(\"test/loss\", Run({run}, tolerance: 0.1))");
        // The loss of these is one and a half times what is wrong.
        assert!(shown(&most, 0.85, Some(&[0.9])).starts_with("✓ "));
        assert!(shown(&most, 0.80, Some(&[0.9])).starts_with("✗ "));
    }
}
