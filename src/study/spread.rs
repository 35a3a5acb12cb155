//! Means, standard deviations, and intervals of differences, over seeds.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution as _};

use crate::event::ImageBits;

/// Share of resampled means that an interval holds.
pub const CONFIDENCE: f64 = 0.95;

/// Seeds up to which every resample is counted instead of drawn.
const COUNTED: usize = 10;

/// Resamples that are drawn where there are more seeds.
const DRAWS: usize = 20_000;

/// The same where images are resampled, too.
const DRAWS_OF_IMAGES: usize = 4_000;

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
    /// Images that were resampled as well as seeds.
    pub images: Option<usize>,
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
            images: None,
        })
    }

    /// Of accuracies on the same images, by which of them either of a pair is right about.
    /// Every resample draws seeds, and images that are the same for all of them: both are a
    /// sample, of trainings and of what may be seen. None of no pairs.
    #[must_use]
    pub fn of_images(pairs: &[[&ImageBits; 2]], images: usize) -> Option<Self> {
        let signs = |image: usize| -> Vec<i8> {
            let pairs = pairs.iter();
            let signs = pairs.map(|pair| pair.map(|right| i8::from(right.get(image))));
            signs.map(|[own, other]| own - other).collect()
        };
        // Images that tell the same are alike, and most tell nothing.
        let mut alike: BTreeMap<Vec<i8>, u64> = BTreeMap::new();
        for image in 0..images {
            *alike.entry(signs(image)).or_default() += 1;
        }
        let means = (0..pairs.len()).map(|pair| {
            let sum = |(signs, count): (&Vec<i8>, &u64)| f64::from(signs[pair]) * *count as f64;
            alike.iter().map(sum).sum::<f64>() / images as f64
        });
        let means: Vec<f64> = means.collect();
        Some(Self {
            seeds: pairs.len(),
            mean: mean(&means)?,
            interval: (pairs.len() > 1).then(|| interval_of_images(&alike, pairs.len())),
            images: Some(images),
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

/// The percentile interval over seeds and images, of how many images have which differences.
fn interval_of_images(alike: &BTreeMap<Vec<i8>, u64>, pairs: usize) -> (f64, f64) {
    let images: u64 = alike.values().sum();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut draw = || {
        let mut times = vec![0_i64; pairs];
        for _ in 0..pairs {
            times[rng.random_range(0..pairs)] += 1;
        }
        // With these seeds an image counts from −pairs to pairs: many kinds become few.
        let mut by_sum: BTreeMap<i64, u64> = BTreeMap::new();
        for (signs, count) in alike {
            let of_one = signs.iter().zip(&times);
            let of_one: i64 = of_one.map(|(sign, times)| i64::from(*sign) * times).sum();
            *by_sum.entry(of_one).or_default() += count;
        }
        // So many draws among all images are draws among those that are alike, one kind after
        // another.
        let (mut draws, mut left, mut sum) = (images, images, 0.0);
        for (of_one, count) in by_sum {
            let share = count as f64 / left as f64;
            let kind = Binomial::new(draws, share.min(1.0));
            let of_kind = kind.map_or(0, |it| it.sample(&mut rng));
            sum += of_kind as f64 * of_one as f64;
            (draws, left) = (draws - of_kind, left - count);
        }
        (sum / (images as f64 * pairs as f64), 1.0)
    };
    let means = (0..DRAWS_OF_IMAGES).map(|_| draw()).collect();
    ends(means)
}

/// The percentile interval of the means of all resamples with replacement: Efron, "Bootstrap
/// Methods: Another Look at the Jackknife", 1979.
fn interval(values: &[f64]) -> (f64, f64) {
    ends(if values.len() <= COUNTED {
        counted(values)
    } else {
        drawn(values)
    })
}

/// Between which of these means [`CONFIDENCE`] of them are, each with its weight.
fn ends(mut means: Vec<(f64, f64)>) -> (f64, f64) {
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
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut draw = || {
        let drawn = values
            .iter()
            .map(|_| values[rng.random_range(0..values.len())]);
        (drawn.sum::<f64>() / values.len() as f64, 1.0)
    };
    (0..DRAWS).map(|_| draw()).collect()
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

    /// With numpy 2: 2,000 images, seed 1 right about the first 1,400 and the other about the last
    /// 1,300, seed 2 about the first 1,500 and every third; 10^5 resamples, in which seeds and
    /// images are drawn alike, have their 2.5 and 97.5 % at 0.0265 and 0.1030.
    #[test]
    fn images_are_resampled_with_the_seeds() {
        let bits = |right: &dyn Fn(usize) -> bool| (0..2_000).map(right).collect::<ImageBits>();
        let first = [bits(&|at| at < 1_400), bits(&|at| at >= 700)];
        let second = [bits(&|at| at < 1_500), bits(&|at| at % 3 != 0)];
        let pairs = [&first, &second].map(|[own, other]| [own, other]);
        let found = Difference::of_images(&pairs, 2_000).unwrap();
        assert_eq!((found.seeds, found.images), (2, Some(2_000)));
        let (one, two) = (0.7_f64 - 0.65, 0.75 - 1_333.0 / 2_000.0);
        assert!(close(found.mean, one.midpoint(two)), "{}", found.mean);
        let (low, high) = found.interval.unwrap();
        assert!((low - 0.0265).abs() < 0.002, "{low}");
        assert!((high - 0.1030).abs() < 0.002, "{high}");
        assert_eq!(Some(found), Difference::of_images(&pairs, 2_000));
        // Images add to the spread of seeds.
        let alone = Difference::of(&[one, two]).unwrap().interval.unwrap();
        assert!(low < alone.0 && high > alone.1);
        let single = Difference::of_images(&pairs[..1], 2_000).unwrap();
        assert!(single.interval.is_none());
        assert_eq!(Difference::of_images(&[], 2_000), None);
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
