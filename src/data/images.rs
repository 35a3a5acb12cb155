//! Opening everything that an experiment trains and evaluates on.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::error::DataError;
use super::evaluation::{EvaluationBatches, Pages, side_by_side};
use super::index::{DataIndex, index};
use super::listed::Listed;
use super::normalize::Normalization;
use super::pool::Pool;
use super::sampler::{Sampler, UNLABELLED};
use super::set::ImageSet;
use super::size::SizeReason;
use super::split;
use super::workers::Workers;
use crate::event::{DataSummary, Dataset, SkippedImage};
use crate::experiment::plan::{DataFacts, DataPlan, Plan, ValidPlan};

/// The images of an experiment.
#[derive(Debug, Clone)]
pub struct Images {
    /// Names of the classes; a label is an index into them.
    pub classes: Vec<String>,
    /// Height and width of every image, pixels.
    pub size: (u32, u32),
    /// Why they have that size.
    pub size_reason: SizeReason,
    /// Per-channel mean of pixels in [0, 1].
    pub mean: [f32; 3],
    /// Per-channel standard deviation, positive.
    pub std: [f32; 3],
    /// Images to learn from; without labels if their folder has no classes.
    pub train: ImageSet,
    /// Images evaluated every epoch.
    pub valid: ImageSet,
    /// Images evaluated at the end.
    pub test: Option<ImageSet>,
    /// Images without labels, mixed into every batch.
    pub unlabelled: Option<ImageSet>,
    /// Images that were left out, and why.
    pub skipped: Vec<SkippedImage>,
    /// What a person should know about the images although nothing is wrong with
    /// them.
    pub notes: Vec<String>,
    pub(super) workers: Workers,
}

impl Images {
    /// Lists, checks, decodes (or prepares to), divides and measures the images
    /// of an experiment. Sets are decoded into memory in the order train, valid,
    /// test, unlabelled, each whole or not at all, while `plan.memory` lasts.
    ///
    /// # Errors
    /// If a source cannot be read, is not what it should be, has too many bad
    /// images, or if the sets do not fit each other. Nothing is written.
    pub fn open(plan: &DataPlan, seed: u64) -> Result<Self, DataError> {
        Self::load(index(plan, seed)?)
    }

    /// Decodes the images that were listed (or prepares to), divides and measures
    /// them.
    ///
    /// # Errors
    /// As [`Self::open`], but for what listing them reported.
    pub fn load(index: DataIndex) -> Result<Self, DataError> {
        let DataIndex {
            classes,
            size,
            size_reason,
            notes,
            train,
            valid,
            test,
            unlabelled,
            plan,
            seed,
            rules,
            workers,
            ..
        } = index;
        let mut memory = plan.memory;
        let mut load = |listed: Listed| {
            let set = listed.load(size, &classes, memory, rules.clone(), &workers)?;
            memory = memory.saturating_sub(set.pool().bytes());
            Ok::<_, DataError>(set)
        };
        let place = train.place.clone();
        let all = load(train)?;
        let set = valid.map(&mut load).transpose()?;
        let test = test.map(&mut load).transpose()?;
        let unlabelled = unlabelled.map(&mut load).transpose()?;
        let (train, valid) = match (&plan.valid, set) {
            (_, Some(valid)) => (all, valid),
            (ValidPlan::Holdout(fraction), None) => {
                hold_out(&all, &classes, *fraction, seed, &place)?
            }
            (ValidPlan::Set(_), None) => unreachable!("a validation set was listed above"),
        };
        let Normalization { mean, std } = Normalization::of(&plan.normalize, &train, &workers)?;
        let mut images = Self {
            classes,
            size,
            size_reason,
            mean,
            std,
            train,
            valid,
            test,
            unlabelled,
            skipped: Vec::new(),
            notes,
            workers,
        };
        images.skipped = images
            .pools()
            .iter()
            .flat_map(|pool| pool.skipped().to_vec())
            .collect();
        Ok(images)
    }

    /// Numbers for the journal and for people, without the identity of the
    /// sets, which [`Self::identity`] gives.
    #[must_use]
    pub fn summary(&self) -> DataSummary {
        DataSummary {
            classes: self.classes.clone(),
            train_per_class: self.train.per_class(self.classes.len()),
            train: self.train.len(),
            valid: self.valid.len(),
            test: self.test.as_ref().map_or(0, ImageSet::len),
            unlabelled: self.unlabelled.as_ref().map_or(0, ImageSet::len),
            size: self.size,
            mean: self.mean,
            std: self.std,
            skipped: self.skipped.clone(),
            in_memory: self.sets().all(ImageSet::in_memory),
            identity: BTreeMap::new(),
            notes: self.notes.clone(),
        }
    }

    /// What these images decide of a plan.
    #[must_use]
    pub fn facts(&self, plan: &Plan) -> DataFacts {
        let steps = |ratio| u64::from(self.batches_per_epoch(plan.training.batch, ratio));
        DataFacts {
            train: self.train.len(),
            unlabelled: self.unlabelled.as_ref().map_or(0, ImageSet::len),
            classes: self.classes.len(),
            labelled: self.train.is_labelled(),
            per_class: self.train.per_class(self.classes.len()),
            size: self.size,
            normalization: Some((self.mean, self.std)),
            steps_per_epoch: steps(plan.data.unlabelled_ratio()),
            teacher_steps_per_epoch: steps(0.0),
        }
    }

    /// Batches of `batch` images in one pass over the training images, of which
    /// `unlabelled_ratio` per labelled one are unlabelled if there are any.
    #[must_use]
    pub fn batches_per_epoch(&self, batch: usize, unlabelled_ratio: f64) -> u32 {
        let unlabelled = self
            .unlabelled
            .as_ref()
            .map(|set| (set.len(), unlabelled_ratio));
        Sampler::new(self.train.len(), unlabelled, batch, 0).batches_per_epoch()
    }

    /// The images of one of the sets in order, un-augmented and normalised, in
    /// batches of `batch`; the last may be smaller.
    #[must_use]
    pub fn in_order(&self, set: &ImageSet, batch: usize) -> EvaluationBatches {
        EvaluationBatches::new(set, &self.normalization(), batch, self.workers.clone())
    }

    /// The same batches, to be read in any order.
    #[must_use]
    pub fn pages(&self, set: &ImageSet, batch: usize) -> Pages {
        Pages::new(set, &self.normalization(), batch, self.workers.clone())
    }

    /// Training images as they are, normalised, `[image, 3, height, width]`: indices
    /// into [`train`](Self::train), or into [`unlabelled`](Self::unlabelled) with
    /// [`super::UNLABELLED`] added. One that went bad is black; the flags mark which
    /// are there.
    ///
    /// # Errors
    /// If more images than are tolerated went bad.
    pub fn originals(&self, samples: &[u64]) -> Result<(Vec<f32>, Vec<bool>), DataError> {
        let wanted = samples.par_iter().map(|&sample| match &self.unlabelled {
            Some(set) if sample >= UNLABELLED => (set, (sample - UNLABELLED) as usize),
            _ => (&self.train, sample as usize),
        });
        let table = self.normalization().table();
        let (values, images) = side_by_side(wanted, self.size, &table, &self.workers)?;
        Ok((values, images.iter().map(Option::is_some).collect()))
    }

    /// Images that went bad since the last call, after they had been indexed.
    /// Each is reported once. While training, the next good image of the same class
    /// stands in for such an image; when evaluating, it is left out.
    #[must_use]
    pub fn warnings(&self) -> Vec<SkippedImage> {
        self.pools().iter().flat_map(|pool| pool.drain()).collect()
    }

    /// Mean and standard deviation together.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        Normalization {
            mean: self.mean,
            std: self.std,
        }
    }

    /// The sets that there are, with what each is for.
    pub fn datasets(&self) -> impl Iterator<Item = (Dataset, &ImageSet)> {
        [
            (Dataset::Train, Some(&self.train)),
            (Dataset::Valid, Some(&self.valid)),
            (Dataset::Test, self.test.as_ref()),
            (Dataset::Unlabelled, self.unlabelled.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, set)| Some((name, set?)))
    }

    fn sets(&self) -> impl Iterator<Item = &ImageSet> {
        self.datasets().map(|(_, set)| set)
    }

    /// Each pool once: a holdout shares one between two sets.
    pub(super) fn pools(&self) -> Vec<&Arc<Pool>> {
        let mut pools: Vec<&Arc<Pool>> = Vec::new();
        for set in self.sets() {
            if !pools.iter().any(|pool| Arc::ptr_eq(pool, set.pool())) {
                pools.push(set.pool());
            }
        }
        pools
    }
}

fn hold_out(
    all: &ImageSet,
    classes: &[String],
    fraction: f64,
    seed: u64,
    place: &str,
) -> Result<(ImageSet, ImageSet), DataError> {
    let (train, valid) = split::holdout(all.pool().labels(), classes, fraction, seed, place)?;
    let set = |members| ImageSet::new(all.pool().clone(), members);
    Ok((set(train), set(valid)))
}
