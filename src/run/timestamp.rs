//! The UTC date and time, as they stand in the name of a run's folder.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: u64 = 86_400;

/// `YYYYMMDD-HHMMSS` in UTC, which sorts as time does. A clock before 1970
/// counts as 1970.
#[must_use]
pub fn stamp(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / SECONDS_PER_DAY);
    let of_day = seconds % SECONDS_PER_DAY;
    format!(
        "{year:04}{month:02}{day:02}-{:02}{:02}{:02}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

/// The moment of a [`stamp`]; none of anything else.
#[must_use]
pub fn parsed(stamp: &str) -> Option<SystemTime> {
    let part = |range: std::ops::Range<usize>| -> Option<u64> {
        let digits = stamp.get(range)?;
        let are_digits = digits.bytes().all(|digit| digit.is_ascii_digit());
        are_digits.then(|| digits.parse().ok())?
    };
    let year = part(0..4)?;
    let (month, day) = (part(4..6)?, part(6..8)?);
    let (hours, minutes, seconds) = (part(9..11)?, part(11..13)?, part(13..15)?);
    // Within the year there is one day with that month and day, if there is one.
    let first = year.checked_sub(1970)? * 365;
    let days = (first..first + 1_000).find(|&days| civil(days) == (year, month, day))?;
    let of_day = hours * 3600 + minutes * 60 + seconds;
    let time = UNIX_EPOCH + Duration::from_secs(days * SECONDS_PER_DAY + of_day);
    // Nothing longer, and no hour 25.
    (self::stamp(time) == stamp).then_some(time)
}

/// A run's name as the experiment's name and the date with the id.
pub(super) fn dated(name: &str) -> (&str, &str) {
    let mut dashes = name.rmatch_indices('-').map(|(at, _)| at);
    match dashes.nth(2) {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, ""),
    }
}

/// Year, month and day of a number of days since 1970-01-01, after Howard
/// Hinnant's `civil_from_days`: years begin in March, so that the leap day is
/// the last of its year, and 400 years have 146,097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// A moment as people read it: `2026-01-02 12:00`, UTC.
#[must_use]
pub fn moment(time: SystemTime) -> String {
    readable(&stamp(time))
}

/// A stamp as people read it, to the minute; anything else as it is.
#[must_use]
pub fn readable(stamp: &str) -> String {
    if stamp.len() != "YYYYMMDD-HHMMSS".len() {
        return stamp.to_owned();
    }
    let part = |range: std::ops::Range<usize>| stamp.get(range).unwrap_or_default();
    // A year has four digits for the next eight millennia.
    format!(
        "{}-{}-{} {}:{}",
        part(0..4),
        part(4..6),
        part(6..8),
        part(9..11),
        part(11..13)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> String {
        stamp(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn known_moments_have_their_dates() {
        assert_eq!(at(0), "19700101-000000");
        assert_eq!(at(951_782_400), "20000229-000000");
        assert_eq!(at(951_868_799), "20000229-235959");
        assert_eq!(at(1_709_164_800), "20240229-000000");
        assert_eq!(at(1_795_441_128), "20261123-133848");
        assert_eq!(at(4_107_542_400), "21000301-000000");
        assert_eq!(readable("20261123-133848"), "2026-11-23 13:38");
        assert_eq!(readable("just now"), "just now");
        for seconds in [0, 951_782_400, 951_868_799, 1_795_441_128, 4_107_542_400] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(parsed(&stamp(time)), Some(time));
        }
        let none = [
            "",
            "20261123",
            "20261323-000000",
            "20261123-250000",
            "20261123-000000-a",
        ];
        assert!(none.iter().all(|text| parsed(text).is_none()));
    }

    #[test]
    fn a_clock_before_1970_is_1970() {
        assert_eq!(
            stamp(UNIX_EPOCH - Duration::from_secs(5)),
            "19700101-000000"
        );
    }
}
