//! From a budget to epochs: what an epoch costs a variant decides how many it gets.

use super::spec::Budget;

/// What an epoch of a variant costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Views that the student sees of all images: its passes over the training images in an epoch.
    pub views: u32,
    /// Epochs that finish a training, which are a part of it.
    pub finish: u32,
    /// Seconds of an epoch; none where it was not timed.
    pub seconds: Option<f64>,
}

/// Why a variant cannot have a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// An epoch has more passes than one, and there would be a part of an epoch.
    #[error("{passes} student passes are no whole number of epochs with {views} views")]
    Uneven {
        /// As written.
        passes: u32,
        /// Passes of an epoch.
        views: u32,
    },
    /// The epochs that finish a training take all of it.
    #[error("`finish` takes {finish} of {epochs} epochs: none is left before it")]
    OnlyFinish {
        /// Epochs that the budget comes to.
        epochs: u32,
        /// Those of the finish.
        finish: u32,
    },
}

impl Budget {
    /// Epochs of a whole training at this cost; none where they follow from a time that was
    /// not measured.
    ///
    /// # Errors
    /// Why there is no such training.
    pub fn epochs(self, cost: Cost) -> Result<Option<u32>, BudgetError> {
        let epochs = match self {
            Self::Epochs(epochs) => epochs,
            Self::StudentPasses(passes) => {
                let views = cost.views.max(1);
                if !passes.is_multiple_of(views) {
                    return Err(BudgetError::Uneven { passes, views });
                }
                passes / views
            }
            Self::Minutes(minutes) => {
                let Some(seconds) = cost.seconds else {
                    return Ok(None);
                };
                // As many as fit, and at least what can be trained at all.
                let fit = (60.0 * minutes / seconds).floor() as u32;
                fit.max(cost.finish + 1)
            }
        };
        if epochs <= cost.finish {
            let finish = cost.finish;
            return Err(BudgetError::OnlyFinish { epochs, finish });
        }
        Ok(Some(epochs))
    }
}

/// The numbers of passes nearest to a wished one that all of these numbers of views divide.
#[must_use]
pub fn even_passes(wished: u32, views: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let common = views.into_iter().map(|views| views.max(1)).fold(1, lcm);
    let below = wished / common * common;
    let mut even = vec![below, below.saturating_add(common)];
    even.retain(|passes| *passes > 0);
    even
}

fn lcm(a: u32, b: u32) -> u32 {
    let (mut greater, mut rest) = (a, b);
    while rest > 0 {
        (greater, rest) = (rest, greater % rest);
    }
    (a / greater).saturating_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(views: u32) -> Cost {
        Cost {
            views,
            finish: 0,
            seconds: None,
        }
    }

    #[test]
    fn passes_become_epochs_by_the_views_of_the_student() {
        let passes = Budget::StudentPasses(12);
        for (views, epochs) in [(1, 12), (2, 6), (3, 4)] {
            assert_eq!(passes.epochs(cost(views)), Ok(Some(epochs)));
        }
        let uneven = BudgetError::Uneven {
            passes: 12,
            views: 5,
        };
        assert_eq!(passes.epochs(cost(5)), Err(uneven));
        assert_eq!(Budget::Epochs(12).epochs(cost(5)), Ok(Some(12)));
    }

    #[test]
    fn minutes_become_the_epochs_that_fit_once_one_was_timed() {
        let minutes = Budget::Minutes(1.5);
        assert_eq!(minutes.epochs(cost(1)), Ok(None));
        let timed = |seconds| Cost {
            seconds: Some(seconds),
            ..cost(1)
        };
        assert_eq!(minutes.epochs(timed(4.0)), Ok(Some(22)));
        assert_eq!(minutes.epochs(timed(90.0)), Ok(Some(1)));
        assert_eq!(minutes.epochs(timed(600.0)), Ok(Some(1)));
    }

    #[test]
    fn a_finish_is_a_part_of_the_budget_and_not_all_of_it() {
        let finished = Cost {
            finish: 2,
            ..cost(1)
        };
        assert_eq!(Budget::Epochs(3).epochs(finished), Ok(Some(3)));
        let only = BudgetError::OnlyFinish {
            epochs: 2,
            finish: 2,
        };
        assert_eq!(Budget::Epochs(2).epochs(finished), Err(only));
    }

    #[test]
    fn an_even_budget_is_named_below_and_above_the_wished_one() {
        assert_eq!(even_passes(10, [1, 2, 3]), [6, 12]);
        assert_eq!(even_passes(5, [2, 3]), [6]);
        assert_eq!(even_passes(7, [2]), [6, 8]);
    }
}
