//! Numbers and events as a person reads them.

use crate::event::{Evaluation, Outcome, Phase};
use crate::experiment::controller::{Decision, KnobMove};

pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Teacher => "teacher",
        Phase::Student => "student",
    }
}

/// A share in [0, 1] as a percentage.
pub(super) fn percent(share: f64) -> String {
    if share.is_nan() {
        "unknown".to_owned()
    } else {
        format!("{:.1} %", share * 100.0)
    }
}

/// A number with as many digits as a person wants: four after the point at
/// most, and powers of ten where those would all be zero.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() || (1e-3..1e6).contains(&size) {
        let text = format!("{value:.4}");
        if text.contains('.') {
            return text.trim_end_matches('0').trim_end_matches('.').to_owned();
        }
        text
    } else {
        format!("{value:.2e}")
    }
}

/// A large count: `999`, `78.0 k`, `1.27 M`.
pub(super) fn count(value: u64) -> String {
    let value = value as f64;
    let scaled = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(scale, _)| value >= *scale);
    match scaled {
        None => format!("{value}"),
        Some((scale, unit)) => {
            let value = value / scale;
            let digits = match value {
                v if v < 10.0 => 2,
                v if v < 100.0 => 1,
                _ => 0,
            };
            format!("{value:.digits$} {unit}")
        }
    }
}

/// A time span in the two largest units that it has.
pub(super) fn span(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown".to_owned();
    }
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// `1 class`, `2 classes`.
pub(super) fn plural(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What an evaluation found, without where.
pub(super) fn evaluation(evaluation: &Evaluation) -> String {
    let mut text = format!(
        "top-1 {}  top-5 {}  loss {}",
        percent(evaluation.top1),
        percent(evaluation.top5),
        short(evaluation.loss)
    );
    if let Some(teacher) = evaluation.teacher {
        let agreement = percent(teacher.agreement);
        text = format!("{text}  agreement {agreement}  KL {}", short(teacher.kl));
    }
    text
}

/// What a controller moved and why.
pub(super) fn decision(decision: &Decision) -> String {
    let moved = |m: &KnobMove| format!("{} {} → {}", m.knob, short(m.from), short(m.to));
    let mut text = moved(&decision.moved);
    if !decision.followed.is_empty() {
        let followed: Vec<String> = decision.followed.iter().map(moved).collect();
        text = format!("{text}, so {}", followed.join(", "));
    }
    format!("{text}: {}", decision.reason)
}

pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed => "trained to the end".to_owned(),
        Outcome::Stopped { reason } => format!("stopped, can be resumed: {reason}"),
        Outcome::Failed { message } => format!("failed: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_a_person_wants_them() {
        for (value, text) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (1.812_53, "1.8125"),
            (100.0, "100"),
            (0.000_05, "5.00e-5"),
            (2e9, "2.00e9"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn counts_and_spans_use_the_unit_that_fits() {
        assert_eq!(count(999), "999");
        assert_eq!(count(78_000), "78.0 k");
        assert_eq!(count(1_270_000), "1.27 M");
        assert_eq!(count(4_100_000_000), "4.10 G");
        assert_eq!(span(0.4), "0 s");
        assert_eq!(span(61.0), "1 min 1 s");
        assert_eq!(span(7325.0), "2 h 2 min");
        assert_eq!(span(f64::NAN), "unknown");
        assert_eq!(percent(f64::NAN), "unknown");
    }
}
