//! Sets of images that are ready to be read: indexed, labelled, of one size.
//!
//! A set is a choice from a pool; a holdout divides one pool into two sets.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use image::RgbImage;

use super::error::DataError;
use super::image_error::ImageError;
use super::pool::Pool;
use super::workers::Workers;
use crate::event::SetIdentity;

/// Images of one size, with labels or without, in a fixed order. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ImageSet {
    pool: Arc<Pool>,
    /// Indices into the pool.
    members: Arc<[u32]>,
    /// What the set holds, once somebody wanted to know.
    pub(super) identity: Arc<OnceLock<SetIdentity>>,
    /// The start of each image's hash, once they were read for the identity.
    pub(super) hashes: Arc<OnceLock<Vec<u64>>>,
    /// Whether the set held what its identity says when it was read again because a
    /// file was written.
    pub(super) recalled: Arc<OnceLock<bool>>,
}

impl ImageSet {
    /// The given images of a pool.
    pub(super) fn new(pool: Arc<Pool>, members: Vec<u32>) -> Self {
        Self {
            pool,
            members: members.into(),
            identity: Arc::default(),
            hashes: Arc::default(),
            recalled: Arc::default(),
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
        !self.pool.labels().is_empty()
    }

    /// Whether decoded images are kept in memory.
    #[must_use]
    pub fn in_memory(&self) -> bool {
        self.pool.in_memory()
    }

    /// Height and width of every image, pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.pool.size()
    }

    /// Class of an image, an index into the classes; none without labels or
    /// beyond the end.
    #[must_use]
    pub fn label(&self, index: usize) -> Option<u32> {
        let member = *self.members.get(index)?;
        self.pool.labels().get(member as usize).copied()
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
    #[must_use]
    pub fn raw_hash(&self, index: usize) -> blake3::Hash {
        self.pool.raw_hash(self.members[index])
    }

    /// Hash of what an image's file holds now, changing nothing; none if it cannot be read.
    pub(super) fn file_hash(&self, index: usize) -> Option<blake3::Hash> {
        self.pool.file_hash(self.members[index])
    }

    /// Whether an image went bad since it was indexed.
    pub(super) fn is_lost(&self, index: usize) -> bool {
        self.pool.is_lost(self.members[index])
    }

    /// The hash that older programs gave an image, where it is another one and the
    /// image can be read.
    pub(super) fn hash_without_shape(&self, index: usize) -> Option<blake3::Hash> {
        self.pool.hash_without_shape(self.members[index])
    }

    /// Length and times of change of an image's file, as far as known.
    pub(super) fn stamp(&self, index: usize) -> Vec<u8> {
        self.pool.stamp(self.members[index])
    }

    /// Notes the start of an image's hash, by which its file is known again.
    pub(super) fn remember(&self, index: usize, start: u64) {
        self.pool.remember(self.members[index], start);
    }

    pub(super) fn workers(&self) -> &Workers {
        self.pool.workers()
    }

    /// Pixels of an image, `[height, width, 3]` at [`Self::size`].
    ///
    /// # Errors
    /// If the image is not kept in memory and cannot be read (any more).
    ///
    /// # Panics
    /// If `index` is not below [`Self::len`].
    pub fn pixels(&self, index: usize) -> Result<RgbImage, ImageError> {
        let member = self.members[index];
        match self.pool.pixels(member) {
            Err(ImageError::Changed(_)) if self.recall() => self.pool.pixels(member),
            read => read,
        }
    }

    /// Pixels of an image, or of the next good one of the same class if it went
    /// bad after it was indexed. Which one stands in depends on the files alone,
    /// never on timing. Also returns whether another stands in.
    pub(super) fn usable(&self, index: usize) -> Result<(RgbImage, bool), DataError> {
        let label = self.label(index);
        let mut candidates = (index..self.len()).chain(0..index);
        let mut last = None;
        while let Some(candidate) = candidates.find(|&c| self.label(c) == label) {
            match self.pixels(candidate) {
                Ok(image) => return Ok((image, candidate != index)),
                Err(reason) => {
                    self.pool.lose(self.members[candidate], reason.clone())?;
                    last = Some((self.members[candidate], reason));
                }
            }
        }
        let (member, reason) = last.unwrap_or((0, ImageError::Empty));
        Err(self.pool.class_went_bad(member, reason))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Images;
    use crate::data::fixtures::{folder, plan};
    use crate::experiment::plan::DataPlan;
    use crate::experiment::spec::Source;

    #[test]
    fn a_disk_that_fails_stops_the_training_however_many_images_may_be_bad() {
        let dir = tempfile::tempdir().unwrap();
        let plan = DataPlan {
            memory: 0,
            max_bad: 1.0,
            ..plan(Source::ImageFolder(folder(dir.path(), &["a", "b"], 10)))
        };
        let set = Images::open(&plan, 7).unwrap().train;
        let failing = std::io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error());
        let error = set.pool.lose(set.members[0], ImageError::io(&failing));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("cannot be read: Input/output"), "{error}");
        assert!(error.ends_with("fix the disk or the connection to it, and resume"));
        assert!(!set.pool.is_lost(set.members[0]));
    }
}
