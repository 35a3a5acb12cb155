//! Numbers for people, short.

/// A count: 1234 is `1.23 k`.
#[must_use]
pub fn count(value: f64) -> String {
    for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        if value >= size {
            return format!("{} {unit}", three(value / size));
        }
    }
    format!("{value:.0}")
}

/// Three digits that matter.
fn three(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// How many times one is of the other.
#[must_use]
pub fn ratio(value: f64) -> String {
    format!("{}×", three(value))
}

/// A value of a knob, without noise.
#[must_use]
pub fn value(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A duration: 75 seconds are `1 min 15 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".to_owned();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(count(12.0), "12");
        assert_eq!(count(1234.0), "1.23 k");
        assert_eq!(count(23_456_789.0), "23.5 M");
        assert_eq!(ratio(14.26), "14.3×");
        assert_eq!(
            [0.1, 0.0, 5e-4, 30.0].map(value),
            ["0.1", "0", "5.0e-4", "30"]
        );
        assert_eq!(
            [0.4, 75.0, 7384.0, 90_000.0].map(duration),
            ["0 s", "1 min 15 s", "2 h 3 min", "1 d 1 h"]
        );
        assert_eq!([f64::NAN, -1.0].map(duration), ["?", "?"]);
    }
}
