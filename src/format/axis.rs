//! Axes: from values to places, sensible ticks, and numbers as people write
//! them.

/// Values between two bounds, drawn evenly or by their logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// The bounds on the axis' own scale: every point that is drawn asks.
    scaled: (f64, f64),
}

impl Axis {
    /// An axis from `low` to `high`; a logarithmic one only where both are
    /// above 0. Bounds that are none or the same become ones that are.
    #[must_use]
    pub fn new(low: f64, high: f64, log: bool) -> Self {
        let (low, high) = match (low.is_finite() && high.is_finite(), low < high) {
            (true, true) => (low, high),
            (true, false) if low > 0.0 && log => (low / 2.0, low * 2.0),
            (true, false) => {
                let half = (low.abs() * 0.1).max(1e-9);
                (low - half, low + half)
            }
            (false, _) => (0.0, 1.0),
        };
        let log = log && low > 0.0;
        let on_scale = |value: f64| if log { value.log10() } else { value };
        Self {
            low,
            high,
            log,
            scaled: (on_scale(low), on_scale(high)),
        }
    }

    /// The same with a little room above and below.
    #[must_use]
    pub fn with_room(self) -> Self {
        const ROOM: f64 = 0.04;
        let (low, high) = self.scaled;
        let room = (high - low) * ROOM;
        let back = |value: f64| if self.log { 10_f64.powf(value) } else { value };
        Self::new(back(low - room), back(high + room), self.log)
    }

    /// The bounds.
    #[must_use]
    pub fn bounds(self) -> (f64, f64) {
        (self.low, self.high)
    }

    fn on_scale(self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// Where a value lies, 0 at the lower bound and 1 at the upper; NaN if it
    /// has no place.
    #[must_use]
    pub fn share(self, value: f64) -> f64 {
        let (low, high) = self.scaled;
        let share = (self.on_scale(value) - low) / (high - low);
        if share.is_finite() { share } else { f64::NAN }
    }

    /// The value at a place.
    #[must_use]
    pub fn value(self, share: f64) -> f64 {
        let (low, high) = self.scaled;
        let value = low + (high - low) * share;
        if self.log { 10_f64.powf(value) } else { value }
    }

    /// At most about `most` ticks: multiples of 1, 2 or 5 times a power of ten;
    /// powers of ten where a logarithmic axis spans some.
    #[must_use]
    pub fn ticks(self, most: usize) -> Vec<f64> {
        if self.log && self.high / self.low >= 10.0 {
            return self.decades(most.max(1));
        }
        let step = nice_step((self.high - self.low) / most.max(1) as f64);
        if !(step.is_finite() && step > 0.0) {
            return Vec::new();
        }
        let first = (self.low / step).ceil();
        (0..=most)
            .map(|index| (first + index as f64) * step)
            .filter(|tick| *tick <= self.high)
            .map(|tick| if tick.abs() < step * 1e-9 { 0.0 } else { tick })
            .collect()
    }

    /// Powers of ten; with twice and five times each, or three times, where there is room.
    fn decades(self, most: usize) -> Vec<f64> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let ticks = |times: &[f64], every: usize| -> Vec<f64> {
            (first..=last)
                .step_by(every)
                .flat_map(|power| times.iter().map(move |times| times * 10_f64.powi(power)))
                .filter(|tick| (self.low..=self.high).contains(tick))
                .collect()
        };
        for times in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]] {
            let fine = ticks(times, 1);
            if fine.len() <= most {
                return fine;
            }
        }
        let every = ticks(&[1.0], 1).len().div_ceil(most).max(1);
        ticks(&[1.0], every)
    }
}

/// The least of 1, 2, 5, 10 times a power of ten that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|times| times * power >= step * 0.999_999);
    times.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_multiples_of_one_two_or_five() {
        assert_eq!(
            Axis::new(0.0, 10.0, false).ticks(5),
            [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        );
        assert_eq!(Axis::new(-3.0, 11.0, false).ticks(3), [0.0, 5.0, 10.0]);
        assert_eq!(
            Axis::new(0.001, 20.0, true).ticks(5),
            [0.001, 0.01, 0.1, 1.0, 10.0]
        );
        assert_eq!(
            Axis::new(0.1, 3.0, true).ticks(5),
            [0.1, 0.2, 0.5, 1.0, 2.0]
        );
        assert_eq!(
            Axis::new(2000.0, 110_000.0, true).ticks(5),
            [3000.0, 10_000.0, 30_000.0, 100_000.0]
        );
        assert_eq!(Axis::new(1e-9, 1e9, true).ticks(4).len(), 4);
    }

    #[test]
    fn a_value_and_its_place_are_inverse() {
        for axis in [Axis::new(-2.0, 6.0, false), Axis::new(0.01, 100.0, true)] {
            for share in [0.0, 0.25, 1.0] {
                assert!((axis.share(axis.value(share)) - share).abs() < 1e-12);
            }
        }
        assert!(Axis::new(0.01, 1.0, true).share(-1.0).is_nan());
    }

    #[test]
    fn bounds_that_are_none_still_make_an_axis() {
        for (low, high) in [
            (f64::INFINITY, f64::NEG_INFINITY),
            (f64::NAN, 1.0),
            (3.0, 3.0),
            (0.0, 0.0),
        ] {
            for log in [false, true] {
                let axis = Axis::new(low, high, log).with_room();
                let (low, high) = axis.bounds();
                assert!(low < high, "{low} {high}");
                assert!(axis.ticks(4).len() <= 5);
            }
        }
    }
}
