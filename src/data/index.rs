//! What an experiment's images are, before any of them is decoded: listed,
//! counted, with their classes in order and the size that they will have.
//!
//! [`Images::open`](super::Images::open) continues from here, so that what is shown before a training
//! and what the training uses are the same.

use std::collections::BTreeMap;

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::decode::Decoder;
use super::error::{self, DataError};
use super::listed::{self, Listed};
use super::part::Part;
use super::pool::Rules;
use super::sampler::Sampler;
use super::size::{self, SizeReason};
use super::source::Origin;
use super::split;
use super::workers::Workers;
use crate::event::{Dataset, SkippedImage};
use crate::experiment::plan::{DataFacts, DataPlan, Plan, ValidPlan};
use crate::experiment::spec::Source;

/// The images of an experiment, listed.
#[derive(Debug)]
pub struct DataIndex {
    /// Names of the classes; a label is an index into them.
    pub classes: Vec<String>,
    /// Height and width that every image will have, pixels.
    pub size: (u32, u32),
    /// Why they have that size.
    pub size_reason: SizeReason,
    /// What each set holds, images that turn out to be unreadable included.
    pub sets: BTreeMap<Dataset, SetIndex>,
    /// What a person should know about the images although nothing is wrong with
    /// them.
    pub notes: Vec<String>,
    /// Images that are listed by name and not there.
    pub missing: Vec<SkippedImage>,
    pub(super) train: Listed,
    pub(super) valid: Option<Listed>,
    pub(super) test: Option<Listed>,
    pub(super) unlabelled: Option<Listed>,
    pub(super) plan: DataPlan,
    pub(super) seed: u64,
    pub(super) rules: Rules,
    pub(super) workers: Workers,
}

/// One set of images, listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetIndex {
    /// Where its images are, for people.
    pub place: String,
    /// Number of images.
    pub images: usize,
    /// Number of images of each class; empty without labels.
    pub per_class: Vec<usize>,
}

impl SetIndex {
    /// Whether the images have labels.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        !self.per_class.is_empty()
    }
}

/// Lists the images of an experiment without decoding any. `seed` chooses the
/// images that a [`ValidPlan::Holdout`] holds out. Where the plan gives no size,
/// headers of a sample are read.
///
/// # Errors
/// If a source cannot be read or is not what it should be, if the sets do not
/// fit each other, or if no size is given and none can be taken over.
pub fn index(plan: &DataPlan, seed: u64) -> Result<DataIndex, DataError> {
    let workers = Workers::new(plan.threads(rayon::current_num_threads()))?;
    let rules = Rules {
        max_bad: plan.max_bad,
        decoder: Decoder::new(plan.max_pixels),
    };
    let list = |part, source: &Source| Listed::find(part, source, plan, &rules.decoder);
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
    for evaluated in [&valid, &test].into_iter().flatten() {
        listed::check_apart(&train, evaluated, &workers)?;
    }
    let classes = listed::agree_on_classes(&train, &mut valid, &mut test)?;
    let (size, size_reason) = match plan.size {
        Some(size) => (size, SizeReason::Given),
        None => find_size(&train, &rules, &workers)?,
    };
    let all = [
        Some(&train),
        valid.as_ref(),
        test.as_ref(),
        unlabelled.as_ref(),
    ];
    let all: Vec<&Listed> = all.into_iter().flatten().collect();
    let mut notes: Vec<String> = Vec::new();
    for note in all.iter().flat_map(|listed| &listed.found.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes.extend(listed::unused_splits(&all));
    let missing = missing(&all, plan.max_bad)?;
    let mut index = DataIndex {
        classes,
        size,
        size_reason,
        sets: BTreeMap::new(),
        notes,
        missing,
        train,
        valid,
        test,
        unlabelled,
        plan: plan.clone(),
        seed,
        rules,
        workers,
    };
    index.sets = index.count()?;
    Ok(index)
}

impl DataIndex {
    /// Number of files that each hold one image of a set: only reading them shows
    /// whether they can be read.
    #[must_use]
    pub fn files(&self) -> usize {
        let sets = [&self.valid, &self.test, &self.unlabelled];
        let sets = sets.into_iter().flatten().chain([&self.train]);
        sets.map(|listed| match &listed.found.origin {
            Origin::Files(paths) => paths.len(),
            Origin::Records(_) | Origin::Generated(_) => 0,
        })
        .sum()
    }

    /// Whether the training images have labels.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        self.sets[&Dataset::Train].is_labelled()
    }

    /// Batches of `batch` images in one pass over the training images, of which
    /// `unlabelled_ratio` per labelled one are unlabelled if there are any.
    #[must_use]
    pub fn batches_per_epoch(&self, batch: usize, unlabelled_ratio: f64) -> u32 {
        let unlabelled = self.sets.get(&Dataset::Unlabelled);
        let unlabelled = unlabelled.map(|set| (set.images, unlabelled_ratio));
        Sampler::new(self.sets[&Dataset::Train].images, unlabelled, batch, 0).batches_per_epoch()
    }

    /// What these images decide of a plan, as far as that can be known from a list.
    #[must_use]
    pub fn facts(&self, plan: &Plan) -> DataFacts {
        let steps = |ratio| u64::from(self.batches_per_epoch(plan.training.batch, ratio));
        DataFacts {
            train: self.sets[&Dataset::Train].images,
            unlabelled: self
                .sets
                .get(&Dataset::Unlabelled)
                .map_or(0, |set| set.images),
            classes: self.classes.len(),
            labelled: self.is_labelled(),
            per_class: self.sets[&Dataset::Train].per_class.clone(),
            size: self.size,
            normalization: None,
            steps_per_epoch: steps(plan.data.unlabelled_ratio()),
            teacher_steps_per_epoch: steps(0.0),
        }
    }

    /// What each set holds.
    fn count(&self) -> Result<BTreeMap<Dataset, SetIndex>, DataError> {
        let mut sets = BTreeMap::new();
        let train = &self.train.found;
        let count = |listed: &Listed| {
            let labels = listed.found.labels.iter().copied();
            self.set(listed, listed.found.origin.len(), labels)
        };
        if let ValidPlan::Holdout(fraction) = self.plan.valid {
            let place = &self.train.place;
            let (learnt, held) =
                split::holdout(&train.labels, &self.classes, fraction, self.seed, place)?;
            for (name, members) in [(Dataset::Train, learnt), (Dataset::Valid, held)] {
                let labels = members.iter().map(|&member| train.labels[member as usize]);
                sets.insert(name, self.set(&self.train, members.len(), labels));
            }
        } else {
            sets.insert(Dataset::Train, count(&self.train));
        }
        for (name, listed) in [
            (Dataset::Valid, &self.valid),
            (Dataset::Test, &self.test),
            (Dataset::Unlabelled, &self.unlabelled),
        ] {
            if let Some(listed) = listed {
                sets.insert(name, count(listed));
            }
        }
        Ok(sets)
    }

    fn set(&self, listed: &Listed, images: usize, labels: impl Iterator<Item = u32>) -> SetIndex {
        let mut per_class = if listed.found.labels.is_empty() {
            Vec::new()
        } else {
            vec![0; self.classes.len()]
        };
        for label in labels {
            per_class[label as usize] += 1;
        }
        SetIndex {
            place: listed.place.clone(),
            images,
            per_class,
        }
    }
}

/// Images that are listed and not there; an error where a training would be refused
/// for them.
fn missing(all: &[&Listed], max_bad: f64) -> Result<Vec<SkippedImage>, DataError> {
    let mut missing = Vec::new();
    for listed in all {
        let (bad, total) = (&listed.found.missing, listed.found.origin.len());
        if !bad.is_empty() && error::exceeds(bad.len(), total, max_bad) {
            return Err(DataError::TooManyBad {
                part: listed.part,
                place: listed.place.clone(),
                bad: bad.clone(),
                total,
                max_bad,
            });
        }
        missing.extend(bad.iter().cloned());
    }
    Ok(missing)
}

/// Height and width, where the plan gives none.
fn find_size(
    train: &Listed,
    rules: &Rules,
    workers: &Workers,
) -> Result<((u32, u32), SizeReason), DataError> {
    let origin = &train.found.origin;
    let dimensions = |indices: &[usize]| {
        let read = |&index: &usize| origin.dimensions(index, &rules.decoder);
        workers.run(|| indices.par_iter().map(read).collect::<Vec<_>>())
    };
    let found = size::find(origin, dimensions).map_err(|problem| DataError::Size {
        place: train.place.clone(),
        problem,
    })?;
    if let Some(((width, height), reason)) = found {
        return Ok(((height, width), reason));
    }
    let indices: Vec<usize> = (0..origin.len()).collect();
    let bad = indices.iter().zip(dimensions(&indices));
    let bad =
        bad.filter_map(|(&index, read)| Some(error::skipped(origin.name(index), &read.err()?)));
    Err(DataError::TooManyBad {
        part: train.part,
        place: train.place.clone(),
        bad: bad.collect(),
        total: origin.len(),
        max_bad: rules.max_bad,
    })
}
