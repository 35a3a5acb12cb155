//! How numbers, shares, durations, sizes and long texts are written for people:
//! one format of each, on every screen, in every report and every message.
//!
//! Nothing here is read back by a program; JSON and CSV have their own, exact
//! form.

mod axis;
mod length;
pub mod lookalike;
mod png;
pub mod symbols;

use std::path::Path;

pub use axis::Axis;
pub use length::{head, shorten, shorten_middle, shorten_path, shorten_words, width_of};
pub use png::png;
pub use symbols::Symbols;

/// What stands where there is no value.
pub const MISSING: &str = "–";

/// Significant digits of a loss, a knob, a learning rate.
const DIGITS: usize = 4;

/// Least size of a number that is written without a power of ten.
const SMALLEST: f64 = 1e-3;

/// Least size of a number that is too long to be written out.
const LARGEST: f64 = 1e6;

/// A share in [0, 1] as a percentage with one digit: `92.7 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    if share.is_nan() {
        return MISSING.to_owned();
    }
    format!("{:.1} %", share * 100.0)
}

/// How much of something is done, as whole percent: `42 %`, and `100 %` at its end
/// only.
#[must_use]
pub fn progress(share: f64) -> String {
    format!("{:.0} %", (share * 100.0).floor())
}

/// A share where it is chosen round, as on an axis: `90 %`, `92.5 %`.
#[must_use]
pub fn round_percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// A loss or another measured number: four significant digits, `0.2614`, `12.31`,
/// `2.614e-4`.
#[must_use]
pub fn loss(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || value == 0.0 {
        return plain(value);
    }
    if !(SMALLEST..LARGEST).contains(&size) {
        return format!("{value:.*e}", DIGITS - 1);
    }
    format!("{value:.*}", decimals(size))
}

/// A knob, a learning rate or another number that somebody chose: four significant
/// digits at most, and none that says nothing: `0.05`, `5e-4`, `30`.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || value == 0.0 {
        return plain(value);
    }
    if (SMALLEST..LARGEST).contains(&size) {
        return trimmed(&format!("{value:.*}", decimals(size)));
    }
    let text = format!("{value:.*e}", DIGITS - 1);
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", trimmed(digits))
}

/// A number in at most seven letters, for axes and narrow columns: `0.0123`, `5e-5`,
/// `12.3k`.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return plain(value);
    }
    let decimals = match size {
        _ if !(SMALLEST..1e10).contains(&size) => return number(rounded(value)),
        _ if size < 0.1 => 4,
        _ if size < 10.0 => 3,
        _ if size < 100.0 => 2,
        _ if size < 1000.0 => 1,
        _ if size < 1e4 => 0,
        _ => {
            let (unit, letter) = match size {
                _ if size < 1e6 => (1e3, 'k'),
                _ if size < 1e9 => (1e6, 'M'),
                _ => (1e9, 'G'),
            };
            let scaled = value / unit;
            let decimals = usize::from(scaled.abs() < 100.0);
            return trimmed(&format!("{scaled:.decimals$}")) + &letter.to_string();
        }
    };
    trimmed(&format!("{value:.decimals$}"))
}

/// To two digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

/// A number with every digit that it has: `0.0005` as `5e-4`.
#[must_use]
pub fn exact(value: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(SMALLEST..1e9).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// A number as it would be written in a file, without the noise of a computation:
/// seven significant digits, which is what 32 bits hold.
#[must_use]
pub fn precise(value: f64) -> String {
    exact(format!("{value:.6e}").parse().unwrap_or(value))
}

/// A count, with thin spaces from ten thousand on: `1350`, `50 000`.
#[must_use]
pub fn count(number: impl TryInto<u64>) -> String {
    /// A narrow space at which no line is broken.
    const THIN: char = '\u{202f}';
    let Ok(number) = number.try_into() else {
        return MISSING.to_owned();
    };
    let digits = number.to_string();
    if number < 10_000 {
        return digits;
    }
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(THIN);
        }
        text.push(digit);
    }
    text
}

/// How many images a second: `0.4 images/s`, `12 345 images/s`.
#[must_use]
pub fn speed(images: f64) -> String {
    match images {
        images if !images.is_finite() => format!("{MISSING} images/s"),
        images if images < 9.95 => format!("{} images/s", trimmed(&format!("{images:.1}"))),
        images => format!("{} images/s", count(images.round() as u64)),
    }
}

/// A large number by its size, in three digits: `999`, `78.0 k`, `1.27 M`.
#[must_use]
pub fn scaled(value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let unit = UNITS.iter().find(|(size, _)| value >= *size);
    match unit {
        _ if value.is_nan() => MISSING.to_owned(),
        Some((size, unit)) => format!("{} {unit}", three(value / size)),
        None => format!("{value:.0}"),
    }
}

/// Bytes: `660 B`, `1.88 kB`, `44.8 MB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    match number {
        0..1000 => format!("{number} B"),
        _ => format!("{}B", scaled(number as f64)),
    }
}

/// Bytes where powers of two are meant, as of memory and limits: `256 MiB`.
#[must_use]
pub fn binary(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// How many times as much: `14.2x`.
#[must_use]
pub fn times(ratio: f64) -> String {
    if ratio.is_finite() {
        format!("{}x", three(ratio))
    } else {
        MISSING.to_owned()
    }
}

/// How many times fewer there are of something, or more: `14.2x fewer MACs`, `3x more MACs`.
#[must_use]
pub fn times_fewer(ratio: f64, what: &str) -> String {
    if ratio < 1.0 {
        format!("{} more {what}", times(1.0 / ratio))
    } else {
        format!("{} fewer {what}", times(ratio))
    }
}

/// A duration of so many seconds: `10 ms`, `8.4 s`, `42 s`, `2 m 13 s`, `1 h 04 m`,
/// `2 d 03 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return MISSING.to_owned();
    }
    if seconds > 0.0 && seconds < 0.095 {
        return format!("{:.0} ms", (1e3 * seconds).max(1.0));
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} m {seconds:02} s"),
        (0, ..) => format!("{hours} h {minutes:02} m"),
        _ => format!("{days} d {hours:02} h"),
    }
}

/// A time of so many milliseconds, in three digits: `0.412 ms`, `1.23 ms`, `124 ms`.
#[must_use]
pub fn milliseconds(time: f64) -> String {
    match time {
        time if !time.is_finite() => MISSING.to_owned(),
        time if time.abs() < 0.9995 => format!("{time:.3} ms"),
        time => format!("{} ms", three(time)),
    }
}

/// How long ago something was: `12 s ago`, `2 h ago`, `3 d ago`.
#[must_use]
pub fn ago(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return MISSING.to_owned();
    }
    let whole = seconds as u64;
    let (number, unit) = match whole {
        0..60 => (whole, "s"),
        60..3600 => (whole / 60, "m"),
        3600..86_400 => (whole / 3600, "h"),
        _ => (whole / 86_400, "d"),
    };
    format!("{number} {unit} ago")
}

/// `1 class`, `2 classes`, `50 000 images`.
#[must_use]
pub fn plural(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", count(number as u64))
}

/// A path as it is typed into a shell: in quotes where it has other characters than
/// letters, digits and a few signs; in `$'…'`, as bash and zsh read it, with those that
/// a terminal would act on.
#[must_use]
pub fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=~".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('~') {
        return text.into_owned();
    }
    if text.contains(char::is_control) {
        let visible = |c: char| match c {
            '\'' | '\\' => format!("\\{c}"),
            '\n' => "\\n".to_owned(),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        return format!("$'{}'", text.chars().map(visible).collect::<String>());
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Digits after the point that make four significant ones.
fn decimals(size: f64) -> usize {
    // Of the rounded number: 9.9996 has five digits before it is rounded to four.
    let rounded = format!("{size:.*e}", DIGITS - 1);
    let power = rounded
        .split_once('e')
        .and_then(|(_, power)| power.parse::<isize>().ok());
    (DIGITS - 1).saturating_add_signed(-power.unwrap_or(0))
}

/// Three digits that count: `1.23`, `12.3`, `123`.
fn three(value: f64) -> String {
    let digits = match value {
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text.to_owned()
}

/// What is zero or no finite number.
fn plain(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else {
        value.to_string()
    }
}

/// What a training took: `trained in 2 m 13 s`.
#[must_use]
pub fn trained_in(seconds: f64) -> String {
    format!("trained in {}", duration(seconds))
}

/// A training's new length: `train to epoch 30, schedules held from epoch 20`. One that
/// ended early may follow schedules that end later.
#[must_use]
pub fn extension(epochs: u32, schedules_end: Option<u32>) -> String {
    match schedules_end {
        Some(end) if end > epochs => {
            format!("train to epoch {epochs}, schedules end at epoch {end}")
        }
        Some(end) => format!("train to epoch {epochs}, schedules held from epoch {end}"),
        None => format!("train to epoch {epochs}, schedules stretched"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_fewer_is_more() {
        assert_eq!(times_fewer(14.2, "MACs"), "14.2x fewer MACs");
        assert_eq!(times_fewer(0.25, "MACs"), "4.00x more MACs");
        assert_eq!(times_fewer(f64::NAN, "MACs"), "– fewer MACs");
    }

    #[test]
    fn a_share_has_one_digit() {
        assert_eq!(
            [0.9274, 1.0, 0.0, 0.999_96, f64::NAN].map(percent),
            ["92.7 %", "100.0 %", "0.0 %", "100.0 %", MISSING]
        );
        assert_eq!([0.0, 0.999, 1.0].map(progress), ["0 %", "99 %", "100 %"]);
    }

    #[test]
    fn a_loss_has_four_significant_digits() {
        let values = [
            0.261_43, 1.637_64, 12.309, 9.999_96, 0.001, 2.614e-4, 1234.56, 511.778, 0.0,
        ];
        assert_eq!(
            values.map(loss),
            [
                "0.2614", "1.638", "12.31", "10.00", "0.001000", "2.614e-4", "1235", "511.8", "0"
            ]
        );
        assert_eq!([f64::NAN, f64::INFINITY].map(loss), ["NaN", "inf"]);
    }

    #[test]
    fn a_short_number_shows_its_size_in_seven_letters() {
        for (value, text) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (0.012_345, "0.0123"),
            (1.23456, "1.235"),
            (123.456, "123.5"),
            (1234.5, "1234"),
            (12_345.0, "12.3k"),
            (2_000_000.0, "2M"),
            (0.000_1, "1e-4"),
            (0.000_052, "5.2e-5"),
            (-0.5, "-0.5"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(
            [0.9, 0.925, 0.55].map(round_percent),
            ["90 %", "92.5 %", "55 %"]
        );
    }

    #[test]
    fn a_number_that_somebody_chose_has_no_digit_that_says_nothing() {
        let values = [
            0.05, 5e-4, 30.0, 0.1, 0.041_666, 8.52e-4, 1e7, 1.0, -0.5, 0.0,
        ];
        assert_eq!(
            values.map(number),
            [
                "0.05", "5e-4", "30", "0.1", "0.04167", "8.52e-4", "1e7", "1", "-0.5", "0"
            ]
        );
    }

    #[test]
    fn exact_numbers_keep_what_they_have_and_precise_ones_lose_the_noise() {
        assert_eq!(
            [1.000_000_01, 1e-8, 0.0005].map(exact),
            ["1.00000001", "1e-8", "5e-4"]
        );
        assert_eq!(
            [0.1 + 0.2, f64::from(0.485_f32)].map(precise),
            ["0.3", "0.485"]
        );
    }

    #[test]
    fn counts_are_grouped_from_ten_thousand_on() {
        assert_eq!(count(9999_u64), "9999");
        assert_eq!(count(50_000_u64), "50\u{202f}000");
        assert_eq!(count(1_234_567_u64), "1\u{202f}234\u{202f}567");
        assert_eq!(plural(1, "class", "classes"), "1 class");
        assert_eq!(
            [0.42, 4.0, 812.4, 12_345.0, f64::NAN].map(speed),
            [
                "0.4 images/s",
                "4 images/s",
                "812 images/s",
                "12\u{202f}345 images/s",
                "– images/s"
            ]
        );
    }

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        let values = [
            0.0,
            999.0,
            1000.0,
            78_000.0,
            272_474.0,
            23_456_789.0,
            2e9,
            4e12,
        ];
        assert_eq!(
            values.map(scaled),
            [
                "0", "999", "1.00 k", "78.0 k", "272 k", "23.5 M", "2.00 G", "4.00 T"
            ]
        );
        assert_eq!(
            [660, 1880, 44_800_000].map(bytes),
            ["660 B", "1.88 kB", "44.8 MB"]
        );
        assert_eq!(
            [14.26, 1.0, f64::INFINITY].map(times),
            ["14.3x", "1.00x", MISSING]
        );
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let seconds = [
            0.04,
            8.44,
            9.97,
            41.6,
            133.0,
            3840.0,
            183_840.0,
            -1.0,
            f64::NAN,
        ];
        assert_eq!(
            seconds.map(duration),
            [
                "40 ms", "8.4 s", "10 s", "42 s", "2 m 13 s", "1 h 04 m", "2 d 03 h", MISSING,
                MISSING
            ]
        );
        assert_eq!(
            [0.0412, 0.9996, 1.2345, 12.345, 123.45, f64::NAN].map(milliseconds),
            [
                "0.041 ms", "1.00 ms", "1.23 ms", "12.3 ms", "123 ms", MISSING
            ]
        );
        assert_eq!(
            [12.9, 7300.0, 1e6].map(ago),
            ["12 s ago", "2 h ago", "11 d ago"]
        );
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in [
            ("checkpoints/a-1", "checkpoints/a-1"),
            ("my runs/a", "'my runs/a'"),
            ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"),
            ("~x", "'~x'"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }
}
