//! Which images make up which batch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::DataError;
use super::stream::shuffle;

/// Added to the number of an unlabelled image in [`super::Batch::samples`]. No
/// labelled image has so great a number.
pub const UNLABELLED: u64 = 1 << 32;

/// Orders that are remembered of each set: this pass's and the next one's.
const REMEMBERED: usize = 2;

/// One image of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draw {
    /// From the unlabelled set, not from the training images.
    pub unlabelled: bool,
    /// Index into its set.
    pub index: usize,
    /// Number of the pass over its set; the epoch for training images. It keys
    /// augmentation, so that an image that comes twice in an epoch is not
    /// augmented the same way twice.
    pub cycle: u32,
}

impl Draw {
    /// Identifies the image among all.
    pub fn sample(&self) -> u64 {
        let base = if self.unlabelled { UNLABELLED } else { 0 };
        base + self.index as u64
    }
}

/// Whether it is of the unlabelled images, the number of the pass over them,
/// and the order.
type Order = (bool, u32, Arc<[u32]>);

/// Chooses images by shuffled orders.
#[derive(Debug)]
pub(super) struct Sampler {
    train: usize,
    unlabelled: usize,
    /// Training and unlabelled images of a batch.
    portions: (usize, usize),
    seed: u64,
    orders: Mutex<VecDeque<Order>>,
}

impl Sampler {
    /// Batches of `batch` images from `train` training images and, given their
    /// number and how many there are per training image, unlabelled ones.
    pub fn new(train: usize, unlabelled: Option<(usize, f64)>, batch: usize, seed: u64) -> Self {
        let batch = batch.max(1);
        let portions = match unlabelled {
            Some((count, ratio)) if count > 0 && ratio > 0.0 && batch > 1 => {
                let share = (batch as f64 / (1.0 + ratio)).round() as usize;
                let labelled = share.clamp(1, batch - 1);
                if labelled <= train {
                    (labelled, batch - labelled)
                } else {
                    let rest = (train as f64 * ratio).round() as usize;
                    (train, rest.clamp(1, batch - labelled))
                }
            }
            _ => (batch.min(train), 0),
        };
        Self {
            train,
            unlabelled: unlabelled.map_or(0, |(count, _)| count),
            portions,
            seed,
            orders: Mutex::default(),
        }
    }

    /// Batches in one pass over the training images.
    pub fn batches_per_epoch(&self) -> u32 {
        let count = self.train / self.portions.0.max(1);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The images of one batch, training images first.
    pub fn draw(&self, epoch: u32, index: u32) -> Result<Vec<Draw>, DataError> {
        let batches = self.batches_per_epoch();
        if index >= batches {
            return Err(DataError::NoSuchBatch { index, batches });
        }
        let (labelled, unlabelled) = self.portions;
        let order = self.order(false, epoch);
        let start = index as usize * labelled;
        let mut draws: Vec<Draw> = order[start..start + labelled]
            .iter()
            .map(|&index| Draw {
                unlabelled: false,
                index: index as usize,
                cycle: epoch,
            })
            .collect();
        let step = u64::from(epoch) * u64::from(batches) + u64::from(index);
        let first = step * unlabelled as u64;
        for position in first..first + unlabelled as u64 {
            let cycle = (position / self.unlabelled as u64) as u32;
            let place = (position % self.unlabelled as u64) as usize;
            draws.push(Draw {
                unlabelled: true,
                index: self.order(true, cycle)[place] as usize,
                cycle,
            });
        }
        Ok(draws)
    }

    /// The order of one pass over a set.
    fn order(&self, unlabelled: bool, cycle: u32) -> Arc<[u32]> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let known = orders
            .iter()
            .find(|(set, pass, _)| (*set, *pass) == (unlabelled, cycle));
        if let Some((.., order)) = known {
            return order.clone();
        }
        let (count, purpose) = if unlabelled {
            (self.unlabelled, "unlabelled")
        } else {
            (self.train, "train")
        };
        let order: Arc<[u32]> = shuffle(self.seed, cycle, purpose, count as u32).into();
        let is_of_set = |(set, ..): &Order| *set == unlabelled;
        if orders.iter().filter(|it| is_of_set(it)).count() == REMEMBERED
            && let Some(oldest) = orders.iter().position(is_of_set)
        {
            orders.remove(oldest);
        }
        orders.push_back((unlabelled, cycle, order.clone()));
        order
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Draw, Sampler, UNLABELLED};

    fn epoch(sampler: &Sampler, epoch: u32) -> Vec<Draw> {
        (0..sampler.batches_per_epoch())
            .flat_map(|index| sampler.draw(epoch, index).unwrap())
            .collect()
    }

    #[test]
    fn an_epoch_has_only_full_batches_of_different_images() {
        let sampler = Sampler::new(103, None, 10, 7);
        assert_eq!(sampler.batches_per_epoch(), 10);
        let drawn: BTreeSet<usize> = epoch(&sampler, 3).iter().map(|d| d.index).collect();
        assert_eq!(drawn.len(), 100);
        assert!(sampler.draw(3, 10).is_err());
    }

    #[test]
    fn too_few_images_for_a_batch_make_one_small_batch() {
        let sampler = Sampler::new(3, None, 10, 7);
        assert_eq!(sampler.batches_per_epoch(), 1);
        assert_eq!(sampler.draw(0, 0).unwrap().len(), 3);
    }

    #[test]
    fn epochs_differ_in_order() {
        let sampler = Sampler::new(100, None, 10, 7);
        let orders: Vec<_> = [0, 1]
            .map(|e| {
                epoch(&sampler, e)
                    .iter()
                    .map(|d| d.index)
                    .collect::<Vec<_>>()
            })
            .into();
        assert_ne!(orders[0], orders[1]);
    }

    #[test]
    fn unlabelled_images_fill_their_share_and_come_last() {
        let sampler = Sampler::new(100, Some((30, 3.0)), 16, 7);
        assert_eq!(sampler.batches_per_epoch(), 25);
        let batch = sampler.draw(0, 0).unwrap();
        let kinds: Vec<bool> = batch.iter().map(|d| d.unlabelled).collect();
        assert_eq!(kinds, [vec![false; 4], vec![true; 12]].concat());
        assert!(batch[4..].iter().all(|d| d.sample() >= UNLABELLED));
    }

    #[test]
    fn unlabelled_images_all_come_once_before_any_comes_again() {
        let sampler = Sampler::new(100, Some((30, 3.0)), 16, 7);
        let drawn: Vec<Draw> = [epoch(&sampler, 0), epoch(&sampler, 1)]
            .concat()
            .into_iter()
            .filter(|d| d.unlabelled)
            .collect();
        for (cycle, pass) in (0..).zip(drawn.chunks_exact(30)) {
            let seen: BTreeSet<usize> = pass.iter().map(|d| d.index).collect();
            assert_eq!(seen.len(), 30);
            assert!(pass.iter().all(|d| d.cycle == cycle));
        }
    }

    #[test]
    fn both_kinds_are_in_a_batch_however_lopsided_the_ratio() {
        for ratio in [1e-6, 1e6] {
            let batch = Sampler::new(100, Some((30, ratio)), 8, 7)
                .draw(0, 0)
                .unwrap();
            assert_eq!(batch.len(), 8);
            assert!(batch.iter().any(|d| d.unlabelled));
            assert!(batch.iter().any(|d| !d.unlabelled));
        }
    }
}
