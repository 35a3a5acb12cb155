//! Figures for people: short, and alike on every screen.

/// Three digits that matter: `1.23`, `12.3`, `123`.
#[must_use]
pub fn three(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// A count by its size: 1234 is `1.23 k`.
#[must_use]
pub fn scaled(value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match UNITS.iter().find(|(size, _)| value >= *size) {
        Some((size, unit)) => format!("{} {unit}", three(value / size)),
        None => format!("{value:.0}"),
    }
}

/// How a duration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationStyle {
    /// In a sentence: `1 min 5 s`, `2 h 3 min`, `1 d 1 h`.
    Words,
    /// Where it changes while one looks, so that what follows stays in place:
    /// `1 min 05 s`, `2 h 03 min`.
    Steady,
    /// In a column: `0:07`, `12:05`, `3:02:01`, `2d 03:04`.
    Clock,
}

/// A duration of so many seconds; what is none is a dash.
#[must_use]
pub fn duration(seconds: f64, manner: DurationStyle) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    let whole = match manner {
        // A clock shows what has passed in full.
        DurationStyle::Clock => seconds as u64,
        DurationStyle::Words | DurationStyle::Steady => seconds.round() as u64,
    };
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    match (manner, days, hours, minutes) {
        (DurationStyle::Clock, 0, 0, _) => format!("{minutes}:{seconds:02}"),
        (DurationStyle::Clock, 0, _, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        (DurationStyle::Clock, ..) => format!("{days}d {hours:02}:{minutes:02}"),
        (_, 0, 0, 0) => format!("{seconds} s"),
        (DurationStyle::Words, 0, 0, _) => format!("{minutes} min {seconds} s"),
        (DurationStyle::Words, 0, ..) => format!("{hours} h {minutes} min"),
        (DurationStyle::Steady, 0, 0, _) => format!("{minutes} min {seconds:02} s"),
        (DurationStyle::Steady, 0, ..) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_three_digits_and_a_unit() {
        assert_eq!(
            [
                0.0,
                999.0,
                1000.0,
                78_000.0,
                272_474.0,
                23_456_789.0,
                2e9,
                4e12
            ]
            .map(scaled),
            [
                "0", "999", "1.00 k", "78.0 k", "272 k", "23.5 M", "2.00 G", "4.00 T"
            ]
        );
    }

    #[test]
    fn durations_are_written_as_their_place_asks() {
        let written = |manner| move |seconds| duration(seconds, manner);
        let seconds = [0.4, 65.0, 7384.0, 90_000.0];
        assert_eq!(
            seconds.map(written(DurationStyle::Words)),
            ["0 s", "1 min 5 s", "2 h 3 min", "1 d 1 h"]
        );
        assert_eq!(
            seconds.map(written(DurationStyle::Steady)),
            ["0 s", "1 min 05 s", "2 h 03 min", "1 d 1 h"]
        );
        assert_eq!(
            [7.9, 725.0, 10_921.0, 183_840.0].map(written(DurationStyle::Clock)),
            ["0:07", "12:05", "3:02:01", "2d 03:04"]
        );
        for manner in [
            DurationStyle::Words,
            DurationStyle::Steady,
            DurationStyle::Clock,
        ] {
            assert_eq!([f64::NAN, -1.0].map(written(manner)), ["–", "–"]);
        }
    }
}
