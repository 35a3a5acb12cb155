//! Sets of images that are ready to be read: indexed, labelled, of one size.
//!
//! A set whose decoded images fit in the experiment's memory is decoded once
//! into one buffer; of a larger one only headers are read, and an image is
//! decoded when it is asked for. What is read is the same either way.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use image::RgbImage;
use rayon::prelude::{
    IndexedParallelIterator, IntoParallelIterator, ParallelIterator, ParallelSliceMut,
};

use super::error::{self, DataError, Part};
use super::image_error::ImageError;
use super::resize;
use super::source::{Found, Origin};
use super::workers::Workers;
use crate::event::{SetIdentity, SkippedImage};
use crate::experiment::plan::DataPlan;

/// Images of one size, with labels or without, in a fixed order. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ImageSet {
    pool: Arc<Pool>,
    /// Indices into the pool.
    members: Arc<[u32]>,
    /// What the set holds, once somebody wanted to know.
    pub(super) identity: Arc<OnceLock<SetIdentity>>,
}

/// All usable images of a source; a holdout divides one pool into two sets.
pub(super) struct Pool {
    part: Part,
    place: String,
    origin: Origin,
    /// Which image of the origin each image of the pool is.
    entries: Vec<u32>,
    /// Label of each image of the pool; empty without labels.
    labels: Vec<u32>,
    /// Every image of the pool, `[height, width, 3]`, one after the other.
    kept: Option<Vec<u8>>,
    size: (u32, u32),
    rules: Rules,
    workers: Workers,
    skipped: Vec<SkippedImage>,
    /// Images that went bad after they had been indexed.
    lost: Mutex<Lost>,
}

/// What is demanded of images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub max_bad: f64,
    pub max_pixels: u64,
}

impl Rules {
    /// What an experiment demands.
    pub fn of(plan: &DataPlan) -> Self {
        Self {
            max_bad: plan.max_bad,
            max_pixels: plan.max_pixels,
        }
    }
}

#[derive(Debug, Default)]
struct Lost {
    reasons: BTreeMap<u32, ImageError>,
    /// Not yet told to anyone.
    fresh: Vec<SkippedImage>,
}

/// Says what and how much, not every pixel.
impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("part", &self.part)
            .field("place", &self.place)
            .field("images", &self.entries.len())
            .field("size", &self.size)
            .field("in_memory", &self.kept.is_some())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Decodes a source, or only reads its headers if it does not fit into
    /// `memory` bytes. Bad images are left out.
    ///
    /// # Errors
    /// If there are more bad images than the rules allow.
    pub fn load(
        part: Part,
        place: String,
        found: Found,
        size: (u32, u32),
        memory: u64,
        rules: Rules,
        workers: &Workers,
    ) -> Result<Self, DataError> {
        let Found { labels, origin, .. } = found;
        let total = origin.len();
        let stride = bytes_of(size);
        let keep = (total as u64).saturating_mul(stride as u64) <= memory;
        let mut kept = vec![0; if keep { total * stride } else { 0 }];
        let results: Vec<Result<(), ImageError>> = workers.run(|| {
            if keep {
                kept.par_chunks_exact_mut(stride)
                    .enumerate()
                    .map(|(index, slot)| {
                        let image = resize::cover(origin.read(index, rules.max_pixels)?, size)?;
                        slot.copy_from_slice(image.as_raw());
                        Ok(())
                    })
                    .collect()
            } else {
                (0..total)
                    .into_par_iter()
                    .map(|index| origin.dimensions(index, rules.max_pixels).map(drop))
                    .collect()
            }
        });
        let mut entries = Vec::with_capacity(total);
        let mut skipped = Vec::new();
        for (index, result) in results.iter().enumerate() {
            match result {
                Ok(()) => {
                    let start = index * stride;
                    if keep && entries.len() < index {
                        kept.copy_within(start..start + stride, entries.len() * stride);
                    }
                    entries.push(index as u32);
                }
                Err(reason) => skipped.push(error::skipped(origin.name(index), reason)),
            }
        }
        if error::exceeds(skipped.len(), total, rules.max_bad) {
            return Err(DataError::TooManyBad {
                part,
                place,
                bad: skipped,
                total,
                max_bad: rules.max_bad,
            });
        }
        kept.truncate(entries.len() * stride);
        Ok(Self {
            labels: match labels.as_slice() {
                [] => Vec::new(),
                labels => entries.iter().map(|&e| labels[e as usize]).collect(),
            },
            part,
            place,
            origin,
            entries,
            kept: keep.then_some(kept),
            size,
            rules,
            workers: workers.clone(),
            skipped,
            lost: Mutex::default(),
        })
    }

    /// Number of usable images.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Labels of all images; empty without labels.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Images that were left out.
    pub fn skipped(&self) -> &[SkippedImage] {
        &self.skipped
    }

    /// Bytes that are held in memory.
    pub fn bytes(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.len() as u64)
    }

    /// Hands over what went bad since the last call.
    pub fn drain(&self) -> Vec<SkippedImage> {
        std::mem::take(&mut self.lock().fresh)
    }

    fn lock(&self) -> MutexGuard<'_, Lost> {
        // A panic elsewhere leaves the map whole: each change is one insertion.
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, index: u32) -> PathBuf {
        self.origin.name(self.entries[index as usize] as usize)
    }

    /// Pixels of an image that is kept in memory, `[height, width, 3]`.
    fn kept(&self, index: u32) -> Option<&[u8]> {
        let stride = bytes_of(self.size);
        let start = index as usize * stride;
        self.kept.as_ref().map(|kept| &kept[start..start + stride])
    }

    fn pixels(&self, index: u32) -> Result<RgbImage, ImageError> {
        let (height, width) = self.size;
        if let Some(pixels) = self.kept(index) {
            let bytes = pixels.to_vec();
            return RgbImage::from_raw(width, height, bytes)
                .ok_or_else(|| ImageError::Damaged("has no pixels".to_owned()));
        }
        if let Some(reason) = self.lock().reasons.get(&index) {
            return Err(reason.clone());
        }
        let entry = self.entries[index as usize] as usize;
        resize::cover(self.origin.read(entry, self.rules.max_pixels)?, self.size)
    }

    /// Records that an image went bad.
    ///
    /// # Errors
    /// If that is one too many.
    fn lose(&self, index: u32, reason: ImageError) -> Result<(), DataError> {
        let mut lost = self.lock();
        if !lost.reasons.contains_key(&index) {
            lost.fresh.push(error::skipped(self.name(index), &reason));
            lost.reasons.insert(index, reason.clone());
        }
        let bad = self.skipped.len() + lost.reasons.len();
        if error::exceeds(bad, self.origin.len(), self.rules.max_bad) {
            return Err(self.went_bad(bad, index, reason));
        }
        Ok(())
    }

    fn went_bad(&self, bad: usize, index: u32, reason: ImageError) -> DataError {
        DataError::WentBad {
            part: self.part,
            place: self.place.clone(),
            bad,
            total: self.origin.len(),
            max_bad: self.rules.max_bad,
            name: self.name(index).display().to_string(),
            reason,
        }
    }
}

impl ImageSet {
    /// The given images of a pool.
    pub(super) fn new(pool: Arc<Pool>, members: Vec<u32>) -> Self {
        Self {
            pool,
            members: members.into(),
            identity: Arc::default(),
        }
    }

    /// Every image of a pool.
    pub(super) fn whole(pool: Arc<Pool>) -> Self {
        let members = (0..pool.len() as u32).collect();
        Self::new(pool, members)
    }

    /// The images of these indices, which are below [`Self::len`].
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        let members = indices.iter().map(|&index| self.members[index]).collect();
        Self::new(self.pool.clone(), members)
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether images have labels.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        !self.pool.labels.is_empty()
    }

    /// Whether decoded images are kept in memory.
    #[must_use]
    pub fn in_memory(&self) -> bool {
        self.pool.kept.is_some()
    }

    /// Height and width of every image, pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.pool.size
    }

    /// Class of an image, an index into the classes; none without labels or
    /// beyond the end.
    #[must_use]
    pub fn label(&self, index: usize) -> Option<u32> {
        let member = *self.members.get(index)?;
        self.pool.labels.get(member as usize).copied()
    }

    /// Path of an image, or the path of its file with its number in it, or the
    /// name of a generated one.
    ///
    /// # Panics
    /// If `index` is not below [`Self::len`].
    #[must_use]
    pub fn name(&self, index: usize) -> PathBuf {
        self.pool.name(self.members[index])
    }

    /// Pixels of an image if they are kept in memory.
    pub(super) fn kept(&self, index: usize) -> Option<&[u8]> {
        self.pool.kept(self.members[index])
    }

    /// Hash of what an image is read from: of its file's bytes, not its pixels.
    /// An image that cannot be read counts as one that went bad.
    pub(super) fn raw_hash(&self, index: usize) -> blake3::Hash {
        let (pool, member) = (&self.pool, self.members[index]);
        let entry = pool.entries[member as usize] as usize;
        let mut hasher = blake3::Hasher::new();
        let hashed = pool.origin.hash(entry, pool.rules.max_pixels, &mut hasher);
        if let Err(reason) = hashed {
            hasher.update(reason.to_string().as_bytes());
            // One too many ends the training as soon as it reads this image.
            let _ = pool.lose(member, reason);
        }
        hasher.finalize()
    }

    /// Length and times of change of an image's file, as far as known.
    pub(super) fn stamp(&self, index: usize) -> Vec<u8> {
        let entry = self.pool.entries[self.members[index] as usize];
        self.pool.origin.stamp(entry as usize)
    }

    pub(super) fn workers(&self) -> &Workers {
        &self.pool.workers
    }

    /// Pixels of an image, `[height, width, 3]` at [`Self::size`].
    ///
    /// # Errors
    /// If the image is not kept in memory and cannot be read (any more).
    ///
    /// # Panics
    /// If `index` is not below [`Self::len`].
    pub fn pixels(&self, index: usize) -> Result<RgbImage, ImageError> {
        self.pool.pixels(self.members[index])
    }

    /// Pixels of an image, or of the next good one of the same class if it went
    /// bad after it was indexed. Which one stands in depends on the files alone,
    /// never on timing.
    pub(super) fn usable(&self, index: usize) -> Result<RgbImage, DataError> {
        let label = self.label(index);
        let mut candidates = (index..self.len()).chain(0..index);
        let mut last = None;
        while let Some(candidate) = candidates.find(|&c| self.label(c) == label) {
            match self.pixels(candidate) {
                Ok(image) => return Ok(image),
                Err(reason) => {
                    self.pool.lose(self.members[candidate], reason.clone())?;
                    last = Some((self.members[candidate], reason));
                }
            }
        }
        let (member, reason) = last.unwrap_or((0, ImageError::Empty));
        Err(self.pool.went_bad(self.len(), member, reason))
    }

    /// Pixels of an image, or none if it went bad after it was indexed.
    pub(super) fn present(&self, index: usize) -> Result<Option<RgbImage>, DataError> {
        match self.pixels(index) {
            Ok(image) => Ok(Some(image)),
            Err(reason) => {
                self.pool.lose(self.members[index], reason)?;
                Ok(None)
            }
        }
    }

    /// Number of images of each class.
    pub(super) fn per_class(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for label in (0..self.len()).filter_map(|i| self.label(i)) {
            counts[label as usize] += 1;
        }
        counts
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

/// Bytes of one image of this height and width.
fn bytes_of((height, width): (u32, u32)) -> usize {
    3 * height as usize * width as usize
}
