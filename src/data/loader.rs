//! Batches to learn from: which images, in which order, augmented how.
//!
//! A batch is a function of the seed, its place in the epoch and the views'
//! augmentation probabilities, and of nothing else: neither the number of
//! threads nor whether it was made ahead of time changes a bit of it. The order
//! is shuffled by (seed, epoch); an image's augmentation draws from a stream
//! keyed by (seed, epoch, sample, view). Images that are mixed are so with the one before
//! them in the view, among those with labels or among those without.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::{
    IndexedParallelIterator, IntoParallelIterator, ParallelIterator, ParallelSliceMut,
};

use super::augment::Pipeline;
use super::augment::mix::{Mixing, partner};
use super::error::DataError;
use super::images::Images;
use super::normalize::Table;
use super::sampler::{Draw, Sampler};
use super::set::ImageSet;
use super::stream::StreamKey;
use super::workers::{Started, Workers};
use crate::experiment::augment::Operation;
use crate::experiment::objective::Part;
use crate::experiment::spec::SamplerSpec;

/// Which batch is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRequest {
    /// Pass over the training images, from 0.
    pub epoch: u32,
    /// Number of the batch in the epoch, from 0.
    pub index: u32,
    /// Augmentation probability of each view, in [0, 1].
    pub probabilities: Vec<f64>,
    /// Which images each view shows; all where it is left out.
    pub parts: Vec<Part>,
}

impl BatchRequest {
    /// The places in the batch that a view shows.
    fn places(&self, view: usize, images: usize) -> Vec<usize> {
        let part = self.parts.get(view).copied().unwrap_or_default();
        part.places(images).collect()
    }
}

/// Images of one step, ready to become tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Number of labelled images, which come first, and of all images.
    pub size: (usize, usize),
    /// Per view, the images that it shows, by their place in the batch, ascending.
    pub places: Vec<Vec<usize>>,
    /// Per view, `[images, 3, height, width]`, row-major, normalised.
    pub views: Vec<Vec<f32>>,
    /// Per view and image of it, whether its pixels are those of the image as it is.
    pub untouched: Vec<Vec<bool>>,
    /// Labels of the labelled images; empty if training has no labels.
    pub labels: Vec<u32>,
    /// Per view, the second label of every labelled image of it; empty for a view that has no
    /// mixed image.
    pub mixed: Vec<Vec<MixedLabel>>,
    /// Which images they are: indices into [`Images::train`], or into
    /// [`Images::unlabelled`] with [`super::UNLABELLED`] added.
    pub samples: Vec<u64>,
}

impl Batch {
    /// Labels of the labelled images of a view, which come first in it.
    #[must_use]
    pub fn labels_of(&self, view: usize) -> Vec<u32> {
        labels_at(&self.labels, &self.places[view])
    }
}

/// Labels of the labelled ones of these places.
fn labels_at(labels: &[u32], places: &[usize]) -> Vec<u32> {
    let labelled = places.iter().map_while(|&place| labels.get(place));
    labelled.copied().collect()
}

/// The label of another image that takes part in an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixedLabel {
    /// Share of the image's own label, 0 to 1; 1 for one that is not mixed.
    pub own: f32,
    /// The other one's label.
    pub other: u32,
}

/// Makes batches, in the background where it can.
#[derive(Debug)]
pub struct Loader {
    recipe: Arc<Recipe>,
    workers: Workers,
    pending: Mutex<Option<Pending>>,
}

/// All that determines a batch besides its request.
#[derive(Debug)]
struct Recipe {
    sampler: Sampler,
    train: ImageSet,
    unlabelled: Option<ImageSet>,
    pipeline: Pipeline,
    table: Table,
    seed: u64,
}

/// Where one view of one image goes.
struct Place<'a> {
    view: usize,
    values: &'a mut [f32],
    untouched: &'a mut bool,
    mixing: &'a mut Vec<Mixing>,
}

/// A batch that is being made.
#[derive(Debug)]
struct Pending {
    request: BatchRequest,
    started: Started<Result<Batch, DataError>>,
    /// Set when nobody wants the batch any more.
    stale: Arc<AtomicBool>,
}

impl Loader {
    /// A loader of batches of `batch` images, of which `unlabelled_ratio` per
    /// labelled one are unlabelled if there are any. If `workers` threads cannot
    /// be started, those that opened the images are used; results are the same. The seed
    /// comes with what it orders.
    #[must_use]
    pub fn new(
        images: &Images,
        operations: &[Operation],
        batch: usize,
        unlabelled_ratio: f64,
        (seed, sampling): (u64, SamplerSpec),
        workers: usize,
    ) -> Self {
        let workers = if workers == images.workers.count() {
            images.workers.clone()
        } else {
            Workers::new(workers).unwrap_or_else(|_| images.workers.clone())
        };
        let unlabelled = images.unlabelled.as_ref();
        let unlabelled = unlabelled.map(|set| (set.len(), unlabelled_ratio));
        let train = &images.train;
        let sampler = Sampler::new(train.len(), unlabelled, batch, seed);
        let labels = (0..train.len()).map_while(|index| train.label(index));
        let recipe = Recipe {
            sampler: match sampling {
                SamplerSpec::Balanced if train.is_labelled() => sampler.balanced(labels),
                SamplerSpec::Balanced | SamplerSpec::Shuffle => sampler,
            },
            train: images.train.clone(),
            unlabelled: images.unlabelled.clone(),
            pipeline: Pipeline::new(operations),
            table: images.normalization().table(),
            seed,
        };
        Self {
            recipe: Arc::new(recipe),
            workers,
            pending: Mutex::new(None),
        }
    }

    /// Full batches in one pass over the training images; one, smaller than
    /// requested, if there are too few for a full one.
    #[must_use]
    pub fn batches_per_epoch(&self) -> u32 {
        self.recipe.sampler.batches_per_epoch()
    }

    /// Share of the images of a view with this probability that stay as they are, on
    /// average.
    #[must_use]
    pub fn untouched_share(&self, probability: f64) -> f64 {
        self.recipe.pipeline.untouched_share(probability)
    }

    /// Begins to make a batch in the background. Whatever else was being made
    /// is given up.
    pub fn prefetch(&self, request: BatchRequest) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.as_ref().is_some_and(|p| p.request == request) {
            return;
        }
        if let Some(old) = pending.take() {
            old.stale.store(true, Ordering::Relaxed);
        }
        let stale = Arc::new(AtomicBool::new(false));
        let started = self.workers.start({
            let (recipe, request, stale) = (self.recipe.clone(), request.clone(), stale.clone());
            move || recipe.make(&request, &stale)
        });
        *pending = Some(Pending {
            request,
            started,
            stale,
        });
    }

    /// The batch that was requested: the one under way if it is the same, else
    /// made now.
    ///
    /// # Errors
    /// If the epoch has no such batch, or if more images than are tolerated
    /// went bad since they were indexed.
    pub fn batch(&self, request: &BatchRequest) -> Result<Batch, DataError> {
        let pending = self
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(pending) = pending {
            if pending.request == *request {
                if let Some(batch) = pending.started.wait() {
                    return batch;
                }
            } else {
                pending.stale.store(true, Ordering::Relaxed);
            }
        }
        let wanted = AtomicBool::new(false);
        self.workers.run(|| self.recipe.make(request, &wanted))
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        let pending = self
            .pending
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = pending.take() {
            pending.stale.store(true, Ordering::Relaxed);
        }
    }
}

impl Recipe {
    /// Makes a batch on the current threads; a useless one if it goes stale.
    fn make(&self, request: &BatchRequest, stale: &AtomicBool) -> Result<Batch, DataError> {
        let draws = self.sampler.draw(request.epoch, request.index)?;
        let (height, width) = self.train.size();
        let length = 3 * height as usize * width as usize;
        let shown: Vec<Vec<usize>> = (0..request.probabilities.len())
            .map(|view| request.places(view, draws.len()))
            .collect();
        let counts = shown.iter().map(Vec::len);
        let mut views: Vec<Vec<f32>> = counts.clone().map(|n| vec![0.0; n * length]).collect();
        let mut untouched: Vec<Vec<bool>> = counts.clone().map(|n| vec![false; n]).collect();
        let mut mixing: Vec<Vec<Vec<Mixing>>> = counts.map(|n| vec![Vec::new(); n]).collect();
        let mut places: Vec<Vec<Place>> = draws.iter().map(|_| Vec::new()).collect();
        let all = views.iter_mut().zip(&mut untouched).zip(&mut mixing);
        for (view, (shown, ((values, flags), mixing))) in shown.iter().zip(all).enumerate() {
            let chunks = values.chunks_exact_mut(length).zip(flags).zip(mixing);
            for (&place, ((values, untouched), mixing)) in shown.iter().zip(chunks) {
                places[place].push(Place {
                    view,
                    values,
                    untouched,
                    mixing,
                });
            }
        }
        places
            .into_par_iter()
            .zip(&draws)
            .try_for_each(|(mut places, draw)| {
                if stale.load(Ordering::Relaxed) {
                    return Ok(());
                }
                self.fill(draw, &request.probabilities, &mut places)
            })?;
        let labels: Vec<u32> = draws
            .iter()
            .filter(|draw| !draw.unlabelled)
            .filter_map(|draw| self.train.label(draw.index))
            .collect();
        let labelled = draws.partition_point(|draw| !draw.unlabelled);
        let mixed = views.iter_mut().zip(&mixing).zip(&shown);
        let mixed = mixed.map(|((view, mixing), shown)| {
            let with_labels = shown.partition_point(|&place| place < labelled);
            let partners = partners(with_labels, shown.len());
            mix(view, mixing, &partners, (width, height));
            let labels = labels_at(&labels, shown);
            mixed_labels(&labels, mixing, &partners, (width, height))
        });
        Ok(Batch {
            size: (labels.len(), draws.len()),
            mixed: mixed.collect(),
            places: shown,
            views,
            untouched,
            labels,
            samples: draws.iter().map(Draw::sample).collect(),
        })
    }

    /// Writes every view of one image.
    fn fill(
        &self,
        draw: &Draw,
        probabilities: &[f64],
        places: &mut [Place],
    ) -> Result<(), DataError> {
        let set = match &self.unlabelled {
            Some(unlabelled) if draw.unlabelled => unlabelled,
            _ => &self.train,
        };
        let (original, stands_in) = set.usable(draw.index)?;
        let key = StreamKey {
            seed: self.seed,
            epoch: draw.cycle,
            sample: draw.sample(),
            view: 0,
        };
        let mut plain: Option<usize> = None;
        for at in 0..places.len() {
            let number = places[at].view;
            let probability = probabilities.get(number).copied().unwrap_or_default();
            let key = StreamKey {
                view: number as u32,
                ..key
            };
            let view = self.pipeline.view(&original, probability, key);
            *places[at].untouched = !view.changed && !stands_in;
            *places[at].mixing = view.mixing;
            match plain {
                // What is equal was normalised a moment ago.
                Some(first) if !view.changed => {
                    let (before, after) = places.split_at_mut(at);
                    after[0].values.copy_from_slice(before[first].values);
                }
                _ => self.table.write(&view.image, places[at].values),
            }
            if !view.changed {
                plain = plain.or(Some(at));
            }
        }
        Ok(())
    }
}

/// The image of a view that each would be mixed with: one of its kind, so that those with
/// labels, which come first, keep to themselves.
fn partners(labelled: usize, images: usize) -> Vec<usize> {
    let of_labelled = (0..labelled).map(|place| partner(place, labelled));
    let rest = images - labelled;
    of_labelled
        .chain((0..rest).map(|place| labelled + partner(place, rest)))
        .collect()
}

/// Mixes the images of a view, of this width and height, with their partners as these are
/// without being mixed.
fn mix(view: &mut [f32], mixing: &[Vec<Mixing>], partners: &[usize], size: (u32, u32)) {
    if mixing.iter().all(Vec::is_empty) {
        return;
    }
    let length = view.len() / mixing.len();
    let unmixed = view.to_vec();
    view.par_chunks_exact_mut(length)
        .zip(mixing)
        .zip(partners)
        .for_each(|((image, mixing), &partner)| {
            let other = &unmixed[partner * length..][..length];
            for one in mixing {
                one.mix_values(image, other, size);
            }
        });
}

/// The second labels of the labelled images; none if no image is mixed.
fn mixed_labels(
    labels: &[u32],
    mixing: &[Vec<Mixing>],
    partners: &[usize],
    size: (u32, u32),
) -> Vec<MixedLabel> {
    if mixing.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let each = (0..labels.len()).map(|image| MixedLabel {
        own: mixing[image]
            .iter()
            .map(|one| one.own_share(size))
            .product(),
        other: labels[partners[image]],
    });
    each.collect()
}

#[cfg(test)]
#[path = "loader_tests.rs"]
mod tests;
