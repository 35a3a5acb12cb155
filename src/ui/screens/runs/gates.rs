//! The gates of a run, evaluated with what was measured until now.
//!
//! ```text
//! gate        ✓ valid/top1@best ≥ 50 %: 61.0 %, passed
//! gate        ✗ valid/loss@best ≤ 0.1: 0.585, failed
//! gate        ✓ test/top1@best ≥ cifar10-…: 88.7 % against 86.4 %, passed
//! ```

use std::borrow::Cow;
use std::path::Path;

use ratatui::text::{Line, Span};

use crate::listing::{GateStatus, Subject, gates};
use crate::store::{Frozen, RunState, Runs};
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
    let find = |folder: &Path| {
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        let name = name.to_string_lossy();
        let entry = runs.get(&name).or_else(|| runs.trashed(&name));
        let entry = entry.ok_or("it is not among these runs")?;
        match &entry.mismatch {
            None => Ok(Cow::Borrowed(&entry.store)),
            Some(mismatch) => Err(mismatch.clone()),
        }
    };
    let verdicts = gates::evaluate(run.gates(frozen.spec.as_ref()), &run.run.store, &find);
    let is_completed = run.run.state() == RunState::Completed;
    let lines = verdicts.into_iter().map(|mut verdict| {
        if verdict.value.is_none() && !is_completed {
            verdict.withdraw();
        }
        // A run that is complete will not be measured any more.
        let is_late = verdict.value.is_none() && is_completed;
        let (symbol, style) = match verdict.status {
            GateStatus::Passed => ("✓", theme.good()),
            GateStatus::NotEvaluated(_) if !is_late => ("·", theme.muted()),
            GateStatus::Failed | GateStatus::NotEvaluated(_) => ("✗", theme.bad()),
        };
        let line = format!("{symbol} {verdict}");
        Line::from(vec![label.clone(), Span::styled(line, style)])
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Dataset, RunEvent, SetIdentity, Split};
    use crate::store::Metrics;
    use crate::store::testing::data_summary;
    use crate::ui::screens::runs::testing::{apply, entry, evaluated};
    use crate::ui::theme::{Background, Depth, Palette};

    /// That a run has test images of this content.
    fn images(content: &str) -> RunEvent {
        let mut data = data_summary(&["cat", "dog"], 10, 10);
        let identity = SetIdentity {
            images: 10,
            content: content.to_owned(),
            trace: content.to_owned(),
        };
        data.identity.insert(Dataset::Test, identity);
        RunEvent::DataIndexed(data)
    }

    /// What is shown of a run with this accuracy and the gate, where another run
    /// has `other`.
    fn shown(gate: &str, own: f64, other: Option<&[f64]>) -> String {
        shown_with(gate, own, other, "a")
    }

    /// The same where the other run has test images of this content, and the run `a`.
    fn shown_with(gate: &str, own: f64, other: Option<&[f64]>, content: &str) -> String {
        let quickstart = include_str!("../../../../experiments/quickstart.ron");
        let text = quickstart.replace("AtLeast(\"test/top1\", 0.75)", gate);
        let mut runs = Runs::new();
        if let Some(other) = other {
            let mut run = entry("other-20260101-000000-aaaaaa", "", 1);
            let events = other.iter().map(|top1| evaluated(Split::Test, 3, *top1));
            apply(&mut run, &[images(content)]);
            apply(&mut run, &events.collect::<Vec<_>>());
            runs.insert(run);
        }
        let mut run = entry("own", &text, 2);
        apply(&mut run, &[images("a"), evaluated(Split::Test, 3, own)]);
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
    fn a_gate_against_another_run_is_evaluated_with_that_runs_metrics() {
        let run = "run: \"checkpoints/other-20260101-000000-aaaaaa\"";
        let least = format!("AtLeast(\"test/top1\", Run({run}, tolerance: 0.01))");
        let shown = |own, other: Option<&[f64]>| shown(&least, own, other);
        assert_eq!(
            shown(0.895, Some(&[0.9])),
            "✓ test/top1@best ≥ other-20260101-000000-aaaaaa ± 1 %: 89.5 % against 90.0 %, passed"
        );
        assert!(shown(0.88, Some(&[0.9])).starts_with("✗ "));
        let unknown = shown(0.88, None);
        assert!(unknown.starts_with("· ") && unknown.ends_with("not among these runs"));
        let unmeasured = shown(0.88, Some(&[]));
        assert!(
            unmeasured.starts_with("· ")
                && unmeasured.ends_with("no evaluation for test/top1@best")
        );
    }

    #[test]
    fn at_most_another_run_may_be_worse_by_the_tolerance() {
        let run = "run: \"checkpoints/other-20260101-000000-aaaaaa\"";
        let most = format!("AtMost(\"test/loss\", Run({run}, tolerance: 0.1))");
        // The loss of these is one and a half times what is wrong.
        assert!(shown(&most, 0.85, Some(&[0.9])).starts_with("✓ "));
        assert!(shown(&most, 0.80, Some(&[0.9])).starts_with("✗ "));
    }

    #[test]
    fn a_run_with_other_test_images_is_no_bound() {
        let run = "run: \"checkpoints/other-20260101-000000-aaaaaa\"";
        let least = format!("AtLeast(\"test/top1\", Run({run}, tolerance: 0.01))");
        let shown = shown_with(&least, 0.895, Some(&[0.9]), "b");
        assert!(shown.starts_with("· "), "{shown}");
        assert!(shown.contains("evaluated on other test images"), "{shown}");
    }
}
