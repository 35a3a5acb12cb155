//! Opening everything that an experiment trains and evaluates on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{DataError, Part};
use super::evaluation::EvaluationBatches;
use super::normalize::Normalization;
use super::sampler::Sampler;
use super::set::{ImageSet, Pool, Rules};
use super::source::{self, Found, Labels};
use super::split;
use super::workers::Workers;
use crate::event::{DataSummary, Dataset, SkippedImage};
use crate::experiment::plan::{DataFacts, DataPlan, Plan, ValidPlan};
use crate::experiment::spec::Source;

/// Greatest side that is taken over from the first image. A photograph is no
/// statement of the size to train at, and would exhaust memory.
const MAX_INFERRED: u32 = 512;

/// The images of an experiment.
#[derive(Debug, Clone)]
pub struct Images {
    /// Names of the classes; a label is an index into them.
    pub classes: Vec<String>,
    /// Height and width of every image, pixels.
    pub size: (u32, u32),
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
    pub(super) workers: Workers,
}

/// A source that has been listed, with where it is.
struct Listed {
    part: Part,
    place: String,
    found: Found,
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
        let workers = Workers::new(plan.threads())?;
        let rules = Rules {
            max_bad: plan.max_bad,
            max_pixels: plan.max_pixels,
        };
        let list = |part, source| list(part, source, rules);
        let train = list(Part::Train, &plan.train)?;
        let mut valid = match &plan.valid {
            ValidPlan::Holdout(_) => None,
            ValidPlan::Set(source) => Some(list(Part::Valid, source)?),
        };
        let mut test = plan
            .test
            .as_ref()
            .map(|source| list(Part::Test, source))
            .transpose()?;
        let unlabelled = plan
            .unlabelled
            .as_ref()
            .map(|(source, _)| list(Part::Unlabelled, source))
            .transpose()?;

        let classes = agree_on_classes(&train, &mut valid, &mut test)?;
        let size = match plan.size {
            Some(size) => size,
            None => first_size(&train, rules)?,
        };
        let mut memory = plan.memory;
        let mut load = |listed: Listed| {
            let set = listed.load(size, &classes, memory, rules, &workers)?;
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
            mean,
            std,
            train,
            valid,
            test,
            unlabelled,
            skipped: Vec::new(),
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
            notes: Vec::new(),
        }
    }

    /// What these images decide of a plan.
    #[must_use]
    pub fn facts(&self, plan: &Plan) -> DataFacts {
        let steps = |ratio| u64::from(self.batches_per_epoch(plan.training.batch, ratio));
        DataFacts {
            train: self.train.len(),
            labelled: self.train.is_labelled(),
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

    /// Images that went bad since the last call, after they had been indexed.
    /// Each is told once. While training, the next good image of the same class
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
    pub(super) fn datasets(&self) -> impl Iterator<Item = (Dataset, &ImageSet)> {
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
    fn pools(&self) -> Vec<&Arc<Pool>> {
        let mut pools: Vec<&Arc<Pool>> = Vec::new();
        for set in self.sets() {
            if !pools.iter().any(|pool| Arc::ptr_eq(pool, set.pool())) {
                pools.push(set.pool());
            }
        }
        pools
    }
}

impl Listed {
    fn load(
        self,
        size: (u32, u32),
        classes: &[String],
        memory: u64,
        rules: Rules,
        workers: &Workers,
    ) -> Result<ImageSet, DataError> {
        let Self { part, place, found } = self;
        let labelled = !found.classes.is_empty();
        let pool = Pool::load(part, place.clone(), found, size, memory, rules, workers)?;
        if labelled {
            check_classes(part, &place, classes, pool.labels())?;
        }
        Ok(ImageSet::whole(Arc::new(pool)))
    }
}

fn list(part: Part, source: &Source, rules: Rules) -> Result<Listed, DataError> {
    let labels = match part {
        Part::Unlabelled | Part::Inference => Labels::Ignored,
        Part::Train | Part::Valid | Part::Test => Labels::Wanted,
    };
    Ok(Listed {
        part,
        place: source::place(source),
        found: source::find(source, labels, rules.max_pixels).map_err(DataError::at(part))?,
    })
}

/// Checks that all labelled sets have the same classes, renumbers the labels of
/// valid and test to those of training, and returns the classes. They are the
/// training images', or the validation images' if the former have no labels.
fn agree_on_classes(
    train: &Listed,
    valid: &mut Option<Listed>,
    test: &mut Option<Listed>,
) -> Result<Vec<String>, DataError> {
    for listed in [valid.as_ref(), test.as_ref()].into_iter().flatten() {
        if listed.found.classes.is_empty() {
            return Err(no_labels(listed));
        }
    }
    let reference = match valid {
        Some(valid) if train.found.classes.is_empty() => &*valid,
        _ => train,
    };
    let classes = reference.found.classes.clone();
    let place = reference.place.clone();
    match classes.as_slice() {
        [] => return Err(no_labels(train)),
        [class] => {
            return Err(DataError::OneClass {
                part: reference.part,
                place,
                class: class.clone(),
            });
        }
        _ => check_classes(reference.part, &place, &classes, &reference.found.labels)?,
    }
    for listed in [valid, test].into_iter().flatten() {
        renumber(listed, &classes, &place)?;
        check_classes(listed.part, &listed.place, &classes, &listed.found.labels)?;
    }
    Ok(classes)
}

fn no_labels(listed: &Listed) -> DataError {
    DataError::NoLabels {
        part: listed.part,
        place: listed.place.clone(),
    }
}

/// Gives labels the numbers of the training classes of the same names.
fn renumber(listed: &mut Listed, classes: &[String], place: &str) -> Result<(), DataError> {
    let lacks = |these: &[String], name: &String| !these.contains(name);
    let own = &listed.found.classes;
    let missing: Vec<_> = classes.iter().filter(|n| lacks(own, n)).cloned().collect();
    let unexpected: Vec<_> = own.iter().filter(|n| lacks(classes, n)).cloned().collect();
    if !missing.is_empty() || !unexpected.is_empty() {
        return Err(DataError::ClassMismatch {
            part: listed.part,
            place: listed.place.clone(),
            train_place: place.to_owned(),
            missing,
            unexpected,
        });
    }
    let number: Vec<u32> = own
        .iter()
        .filter_map(|name| classes.iter().position(|class| class == name))
        .map(|label| label as u32)
        .collect();
    for label in &mut listed.found.labels {
        *label = number[*label as usize];
    }
    listed.found.classes = classes.to_vec();
    Ok(())
}

/// Checks that every class has an image.
fn check_classes(
    part: Part,
    place: &str,
    classes: &[String],
    labels: &[u32],
) -> Result<(), DataError> {
    let mut present = vec![false; classes.len()];
    for &label in labels {
        present[label as usize] = true;
    }
    let empty: Vec<String> = classes
        .iter()
        .zip(present)
        .filter(|(_, present)| !present)
        .map(|(class, _)| class.clone())
        .collect();
    if empty.is_empty() {
        return Ok(());
    }
    Err(DataError::EmptyClass {
        part,
        place: place.to_owned(),
        classes: empty,
    })
}

/// Size of the first image whose header can be read, height first.
fn first_size(train: &Listed, rules: Rules) -> Result<(u32, u32), DataError> {
    let origin = &train.found.origin;
    let first = (0..origin.len()).find_map(|index| {
        let size = origin.dimensions(index, rules.max_pixels).ok()?;
        Some((index, size))
    });
    match first {
        Some((index, (width, height))) if width.max(height) > MAX_INFERRED => {
            Err(DataError::SizeNotGiven {
                name: origin.name(index).display().to_string(),
                width,
                height,
                limit: MAX_INFERRED,
            })
        }
        Some((_, (width, height))) => Ok((height, width)),
        // No image is good: loading them at any size tells what is wrong.
        None => Ok((1, 1)),
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
