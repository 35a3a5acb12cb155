//! How the second augmentation probability comes from the first. The published
//! text names what it comes from, `p_max`, E and p1, and leaves the formula open.

use serde::{Deserialize, Serialize};

/// How p2 comes from p1: one step up, of E that lead from 0 to `p_max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SecondProbability {
    /// `p2 = min(p_max, p1 + p_max / E)`: all steps are equal. This project's
    /// choice.
    #[default]
    EqualSteps,
    /// `p2 = min(p_max, max(p_max / E, p1 · r))` with `r = E^(1 / (E − 1))`: the
    /// first step is that of `EqualSteps`, each of the others raises p1 by the same
    /// ratio, so that augmentation grows slowly at first. This project's, too.
    Ratio,
}

/// What sums and differences of steps lose, as a fraction of a step, and more.
const ROUNDING: f64 = 1e-9;

impl SecondProbability {
    /// p2 for the given p1, `p_max` and number of rounds E.
    #[must_use]
    pub fn value(self, p1: f64, p_max: f64, rounds: u32) -> f64 {
        let first = first_step(p_max, rounds);
        p_max.min(match self {
            Self::EqualSteps => p1 + first,
            Self::Ratio => first.max(p1 * ratio(rounds)),
        })
    }

    /// The p1 from which one step leads to the given one; 0 where none does.
    #[must_use]
    pub fn step_back(self, p1: f64, p_max: f64, rounds: u32) -> f64 {
        let first = first_step(p_max, rounds);
        let p1 = p1.min(p_max);
        match self {
            // What rounding leaves of a step is none.
            Self::EqualSteps if p1 <= first * (1.0 + ROUNDING) => 0.0,
            Self::EqualSteps => p1 - first,
            // Half of a step above the first one is nearer to it than to the second.
            Self::Ratio if p1 <= first * ratio(rounds).sqrt() => 0.0,
            Self::Ratio => first.max(p1 / ratio(rounds)),
        }
    }
}

/// The step from 0.
fn first_step(p_max: f64, rounds: u32) -> f64 {
    p_max / f64::from(rounds.max(1))
}

/// E − 1 of which lead from the first step to `p_max`.
fn ratio(rounds: u32) -> f64 {
    let rounds = f64::from(rounds.max(2));
    rounds.powf(1.0 / (rounds - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [SecondProbability; 2] = [SecondProbability::EqualSteps, SecondProbability::Ratio];

    #[test]
    fn both_rules_lead_from_zero_to_p_max_in_e_steps_and_back() {
        for rule in RULES {
            for (p_max, rounds) in [(0.5, 10), (1.0, 30), (0.3, 2), (1.0, 1), (0.0, 4)] {
                let mut p1 = 0.0;
                let mut path = vec![p1];
                for _ in 0..rounds {
                    p1 = rule.value(p1, p_max, rounds);
                    path.push(p1);
                }
                assert!((p1 - p_max).abs() < 1e-12, "{rule:?}: {path:?}");
                for before in path.iter().rev().skip(1) {
                    p1 = rule.step_back(p1, p_max, rounds);
                    assert!((p1 - before).abs() < 1e-12, "{rule:?}: {p1} of {path:?}");
                }
                assert_eq!(rule.step_back(0.0, p_max, rounds), 0.0);
            }
        }
    }

    #[test]
    fn the_ratio_of_two_steps_is_the_same_after_the_first() {
        let p = |from: f64| SecondProbability::Ratio.value(from, 1.0, 30);
        let first = p(0.0);
        assert!((first - 1.0 / 30.0).abs() < 1e-15);
        let (second, third) = (p(first), p(p(first)));
        assert!((second / first - third / second).abs() < 1e-12);
        assert!((second / first - 1.1244).abs() < 1e-4);
        // Slower than equal steps.
        assert!(second < SecondProbability::EqualSteps.value(first, 1.0, 30));
    }

    #[test]
    fn a_probability_that_is_above_p_max_steps_back_below_it() {
        for rule in RULES {
            assert!(rule.step_back(0.9, 0.5, 10) < 0.5);
            assert_eq!(rule.value(0.9, 0.5, 10), 0.5);
        }
    }
}
