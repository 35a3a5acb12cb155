//! Which images make up which batch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::DataError;
use super::stream::shuffle;
use crate::experiment::plan::portions;

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
type Order = (bool, u32, Arc<[Place]>);

/// An image and the number of the pass over its set, or over its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    index: u32,
    cycle: u32,
}

/// Chooses images by shuffled orders.
#[derive(Debug)]
pub(super) struct Sampler {
    train: usize,
    unlabelled: usize,
    /// Training and unlabelled images of a batch.
    portions: (usize, usize),
    /// Training images of each class, where every class has as many places; none where
    /// every image has one.
    classes: Option<Vec<Vec<u32>>>,
    seed: u64,
    orders: Mutex<VecDeque<Order>>,
}

impl Sampler {
    /// Batches of `batch` images from `train` training images and, given their
    /// number and how many there are per training image, unlabelled ones.
    pub fn new(train: usize, unlabelled: Option<(usize, f64)>, batch: usize, seed: u64) -> Self {
        let batch = batch.max(1);
        let ratio = unlabelled.map_or(0.0, |(count, ratio)| if count > 0 { ratio } else { 0.0 });
        let portions = match portions(batch, ratio) {
            (labelled, rest) if labelled <= train => (labelled, rest),
            (_, 0) => (train, 0),
            (_, rest) => (
                train,
                ((train as f64 * ratio).round() as usize).clamp(1, rest),
            ),
        };
        Self {
            train,
            unlabelled: unlabelled.map_or(0, |(count, _)| count),
            portions,
            classes: None,
            seed,
            orders: Mutex::default(),
        }
    }

    /// The same with as many places in an epoch for every class: `labels` are those of the
    /// training images in order. An epoch has as many batches as before.
    #[must_use]
    pub fn balanced(self, labels: impl Iterator<Item = u32>) -> Self {
        let mut classes: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (index, label) in (0..).zip(labels) {
            classes.entry(label).or_default().push(index);
        }
        Self {
            classes: Some(classes.into_values().collect()),
            ..self
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
            .map(|place| Draw {
                unlabelled: false,
                index: place.index as usize,
                cycle: place.cycle,
            })
            .collect();
        let step = u64::from(epoch) * u64::from(batches) + u64::from(index);
        let first = step * unlabelled as u64;
        for position in first..first + unlabelled as u64 {
            let cycle = (position / self.unlabelled as u64) as u32;
            let place = (position % self.unlabelled as u64) as usize;
            draws.push(Draw {
                unlabelled: true,
                index: self.order(true, cycle)[place].index as usize,
                cycle,
            });
        }
        Ok(draws)
    }

    /// An epoch in which every class has as many places, or one more or less. The images of
    /// a class come in passes over them, each in an order of its own, and a pass goes on
    /// where it stood at the end of the epoch before: that is a function of the epoch.
    fn balanced_order(&self, classes: &[Vec<u32>], epoch: u32) -> Arc<[Place]> {
        let (count, all) = (classes.len() as u64, self.train as u64);
        // Over the classes these add up to the places of so many epochs, by Hermite's identity.
        let places_before =
            |epochs: u32, class: usize| (u64::from(epochs) * all + class as u64) / count;
        let mut places = Vec::with_capacity(self.train);
        for (class, images) in classes.iter().enumerate() {
            let purpose = format!("class {class}");
            let mut pass: Option<(u32, Vec<u32>)> = None;
            for at in places_before(epoch, class)..places_before(epoch + 1, class) {
                let cycle = (at / images.len() as u64) as u32;
                let order = match pass.take() {
                    Some((of, order)) if of == cycle => order,
                    _ => shuffle(self.seed, cycle, &purpose, images.len() as u32),
                };
                let index = images[order[(at % images.len() as u64) as usize] as usize];
                places.push(Place { index, cycle });
                pass = Some((cycle, order));
            }
        }
        let order = shuffle(self.seed, epoch, "balanced", places.len() as u32);
        order.into_iter().map(|at| places[at as usize]).collect()
    }

    /// The order of one pass over a set.
    fn order(&self, unlabelled: bool, cycle: u32) -> Arc<[Place]> {
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
        let order: Arc<[Place]> = match &self.classes {
            Some(classes) if !unlabelled => self.balanced_order(classes, cycle),
            _ => {
                let order = shuffle(self.seed, cycle, purpose, count as u32).into_iter();
                order.map(|index| Place { index, cycle }).collect()
            }
        };
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
    use std::collections::{BTreeMap, BTreeSet};

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

    /// 60 images of the first class, 3 of the third, none of the second.
    fn lopsided() -> Sampler {
        let labels = (0..63).map(|at| if at % 21 == 20 { 2 } else { 0 });
        Sampler::new(63, None, 7, 7).balanced(labels)
    }

    #[test]
    fn balanced_epochs_have_as_many_places_for_every_class_that_has_images() {
        let sampler = lopsided();
        assert_eq!(sampler.batches_per_epoch(), 9);
        for at in 0..5 {
            let drawn = epoch(&sampler, at);
            assert_eq!(drawn.len(), 63);
            let rare = drawn.iter().filter(|d| d.index % 21 == 20).count();
            assert!((31..=32).contains(&rare), "epoch {at}: {rare}");
        }
        let starts = |at| {
            epoch(&sampler, at)
                .iter()
                .map(|d| d.index)
                .collect::<Vec<_>>()
        };
        assert_ne!(starts(0), starts(1));
    }

    #[test]
    fn every_image_of_a_class_comes_once_before_any_comes_again() {
        let sampler = lopsided();
        let mut seen: BTreeMap<(bool, u32), BTreeSet<usize>> = BTreeMap::new();
        for draw in (0..4).flat_map(|at| epoch(&sampler, at)) {
            let images = seen.entry((draw.index % 21 == 20, draw.cycle)).or_default();
            // The pass over its class keys augmentation: no image is augmented twice alike.
            assert!(images.insert(draw.index), "{draw:?}");
        }
        let cycles = |rare: bool| seen.iter().filter(move |((of, _), _)| *of == rare);
        for (rare, images) in [(true, 3), (false, 60)] {
            let whole = cycles(rare)
                .filter(|(_, seen)| seen.len() == images)
                .count();
            assert!(whole + 1 >= cycles(rare).count() && whole > 0, "{seen:?}");
        }
    }

    #[test]
    fn a_balanced_epoch_is_the_same_whatever_was_drawn_before() {
        let later = lopsided();
        epoch(&later, 0);
        assert_eq!(epoch(&later, 3), epoch(&lopsided(), 3));
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
