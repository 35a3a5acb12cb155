//! Means, standard deviations, and intervals of differences, over seeds.

/// Share of resampled means that an interval holds.
pub const CONFIDENCE: f64 = 0.95;

/// Seeds up to which every resample is counted instead of drawn.
const COUNTED: usize = 10;

/// Resamples that are drawn where there are more seeds.
const DRAWS: usize = 20_000;

/// A mean over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Number of values.
    pub seeds: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with n − 1; none of a single one.
    pub std: Option<f64>,
}

/// A mean of differences that are paired by seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Number of pairs.
    pub seeds: usize,
    /// The mean difference.
    pub mean: f64,
    /// Between which values [`CONFIDENCE`] of the means of resampled seeds are (percentile
    /// bootstrap); none of a single pair.
    pub interval: Option<(f64, f64)>,
}

impl Spread {
    /// Of some values; none of no values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mean = mean(values)?;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let std = (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt());
        Some(Self {
            seeds: values.len(),
            mean,
            std,
        })
    }
}

impl Difference {
    /// Of the differences of some pairs; none of no pairs.
    #[must_use]
    pub fn of(differences: &[f64]) -> Option<Self> {
        Some(Self {
            seeds: differences.len(),
            mean: mean(differences)?,
            interval: (differences.len() > 1).then(|| interval(differences)),
        })
    }

    /// Whether the interval leaves no doubt about the sign.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.interval
            .is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// None of no values.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The percentile interval of the means of all resamples with replacement: Efron, "Bootstrap
/// Methods: Another Look at the Jackknife", 1979.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut means = if values.len() <= COUNTED {
        counted(values)
    } else {
        drawn(values)
    };
    means.sort_by(|a, b| a.0.total_cmp(&b.0));
    let tail = (1.0 - CONFIDENCE) / 2.0;
    (quantile(&means, tail), quantile(&means, 1.0 - tail))
}

/// The least mean that at least this share of all is not above.
fn quantile(means: &[(f64, f64)], share: f64) -> f64 {
    let total: f64 = means.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    for (mean, weight) in means {
        below += weight;
        // What is equal may differ in the last bits of its sums.
        if below >= total * share * (1.0 - 1e-12) {
            return *mean;
        }
    }
    means.last().map_or(f64::NAN, |(mean, _)| *mean)
}

/// The mean of every resample, with its probability: how often each value is in it decides
/// both.
fn counted(values: &[f64]) -> Vec<(f64, f64)> {
    let n = values.len();
    // (sum, number of values, ways to draw them) of the resamples of the values so far.
    let mut resamples = vec![(0.0, 0, 1.0)];
    for (at, value) in values.iter().enumerate() {
        let is_last = at + 1 == n;
        let mut longer = Vec::new();
        for (sum, taken, ways) in resamples {
            let mut ways: f64 = ways;
            for times in 0..=n - taken {
                if times > 0 {
                    ways *= (n - taken - times + 1) as f64 / times as f64;
                }
                if !is_last || taken + times == n {
                    longer.push((sum + value * times as f64, taken + times, ways));
                }
            }
        }
        resamples = longer;
    }
    let all = (n as f64).powi(i32::try_from(n).unwrap_or(i32::MAX));
    let means = resamples.into_iter();
    means
        .map(|(sum, _, ways)| (sum / n as f64, ways / all))
        .collect()
}

/// Means of resamples that are drawn, always the same ones.
fn drawn(values: &[f64]) -> Vec<(f64, f64)> {
    let mut state = 0;
    let mut draw = || {
        let mut sum = 0.0;
        for _ in values {
            sum += values[(splitmix(&mut state) % values.len() as u64) as usize];
        }
        (sum / values.len() as f64, 1.0)
    };
    (0..DRAWS).map(|_| draw()).collect()
}

/// The next of a sequence of random numbers: Steele, Lea and Flood, "Fast Splittable
/// Pseudorandom Number Generators", 2014.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    /// `numpy.std([0.91, 0.92, 0.95], ddof=1)` is 0.020816659994661343.
    #[test]
    fn a_spread_is_a_mean_and_a_deviation_with_one_less() {
        let spread = Spread::of(&[0.91, 0.92, 0.95]).unwrap();
        assert!(close(spread.mean, 0.926_666_666_666_666_7));
        assert!(close(spread.std.unwrap(), 0.020_816_659_994_661_343));
        let one = Spread::of(&[0.9]).unwrap();
        assert_eq!((one.seeds, one.std), (1, None));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn an_interval_of_two_or_three_pairs_is_their_extent() {
        let two = Difference::of(&[0.01, 0.03]).unwrap();
        assert!(close(two.mean, 0.02));
        // Each end is one of four resamples.
        assert_eq!(two.interval, Some((0.01, 0.03)));
        // Each end is one of 27, more than a fortieth.
        let three = Difference::of(&[0.03, -0.01, 0.02]).unwrap();
        let (low, high) = three.interval.unwrap();
        assert!(close(low, -0.01) && close(high, 0.03));
        assert!(two.is_clear() && !three.is_clear());
        let one = Difference::of(&[0.01]).unwrap();
        assert!(one.interval.is_none() && !one.is_clear());
    }

    /// With numpy: `m = [mean(x) for x in itertools.product(d, repeat=5)]`,
    /// `quantile(m, [.025, .975], method="inverted_cdf")`.
    #[test]
    fn an_interval_counts_every_resample() {
        let five = Difference::of(&[0.012, -0.004, 0.021, 0.008, 0.015]).unwrap();
        assert!(close(five.mean, 0.0104));
        let (low, high) = five.interval.unwrap();
        assert!(close(low, 0.0024) && close(high, 0.0172), "{low} {high}");
        let all = counted(&[1.0, 2.0, 5.0, 9.0]);
        // As many as there are ways to put 4 draws into 4 values: 7! / (4! 3!).
        assert_eq!(all.len(), 35);
        assert!(close(all.iter().map(|(_, share)| share).sum(), 1.0));
        let mean: f64 = all.iter().map(|(mean, share)| mean * share).sum();
        assert!(close(mean, 4.25));
    }

    #[test]
    fn many_pairs_are_resampled_by_draws_that_are_always_the_same() {
        let values: Vec<f64> = (0..40).map(|at| f64::from(at % 8)).collect();
        let first = Difference::of(&values).unwrap();
        assert_eq!(first, Difference::of(&values).unwrap());
        // A normal interval: 3.5 ± 1.96 · 2.291 / √40.
        let (low, high) = first.interval.unwrap();
        assert!((low - 2.79).abs() < 0.06 && (high - 4.21).abs() < 0.06);
    }
}
