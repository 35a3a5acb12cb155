//! The usable images of a source, decoded once into memory or read when requested.
//!
//! A pool whose decoded images fit in the experiment's memory is decoded once
//! into one buffer; of a larger one only headers are read, and an image is
//! decoded when it is requested. What is read is the same either way.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use image::RgbImage;
use rayon::prelude::{
    IndexedParallelIterator, IntoParallelIterator, ParallelIterator, ParallelSliceMut,
};

use super::decode::Decoder;
use super::error::{self, DataError};
use super::image_error::{CONTENT_CHANGED, ENTRY_CHANGED, ImageError};
use super::part::Part;
use super::source::{Found, Origin};
use super::workers::Workers;
use crate::event::SkippedImage;
use crate::untrusted::{FileVersion, Show as _};

/// What a file has in place of the start of its hash that was not read for it.
const UNKNOWN: u64 = 0;

/// All usable images of a source; a holdout divides one pool into two sets.
pub(super) struct Pool {
    part: Part,
    place: String,
    origin: Origin,
    /// Which image of the origin each image of the pool is.
    entries: Vec<u32>,
    /// Label of each image of the pool; empty without labels.
    labels: Vec<u32>,
    /// Which version of its own file each image of the pool was indexed from; empty
    /// where it has none of its own, files are not read again, or anything goes.
    versions: Vec<FileVersion>,
    /// The start of the hash of each of these files, once it was read for it;
    /// [`UNKNOWN`] before.
    hashes: Vec<AtomicU64>,
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
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub max_bad: f64,
    pub decoder: Decoder,
}

#[derive(Debug, Default)]
struct Lost {
    reasons: BTreeMap<u32, ImageError>,
    /// Not yet reported.
    fresh: Vec<SkippedImage>,
    /// Files that were written since, and hold what they held.
    touched: BTreeMap<u32, FileVersion>,
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
        let load = |index: usize, slot: &mut [u8]| {
            let image = origin.read(index, &rules.decoder, None)?.cover(size)?;
            slot.copy_from_slice(image.as_raw());
            Ok(())
        };
        let mut versions = Vec::new();
        let bad: Vec<(usize, ImageError)> = if keep {
            workers.run(|| {
                kept.par_chunks_exact_mut(stride)
                    .enumerate()
                    .filter_map(|(index, slot)| Some((index, load(index, slot).err()?)))
                    .collect()
            })
        } else if !matches!(origin, Origin::Files(_)) {
            // Records were counted as they were listed.
            Vec::new()
        } else {
            let version = |at| origin.version(at, &rules.decoder);
            let looked: Vec<_> = workers.run(|| (0..total).into_par_iter().map(version).collect());
            let mut bad = Vec::new();
            for (index, version) in looked.into_iter().enumerate() {
                match version {
                    Ok(version) => versions.extend(version),
                    Err(reason) => bad.push((index, reason)),
                }
            }
            bad
        };
        // What is only classified is what it is when it is read.
        if part == Part::Inference {
            versions.clear();
        }
        let mut entries = Vec::with_capacity(total - bad.len());
        let mut left_out = bad.iter().map(|(index, _)| *index).peekable();
        for index in 0..total {
            if left_out.next_if_eq(&index).is_some() {
                continue;
            }
            if keep && entries.len() < index {
                let start = index * stride;
                kept.copy_within(start..start + stride, entries.len() * stride);
            }
            entries.push(index as u32);
        }
        let skipped: Vec<SkippedImage> = bad
            .iter()
            .map(|(index, reason)| error::skipped(origin.name(*index), reason))
            .collect();
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
        let hashed = match &origin {
            Origin::Records(_) if !keep && part != Part::Inference => entries.len(),
            _ => versions.len(),
        };
        Ok(Self {
            labels: match labels.as_slice() {
                [] => Vec::new(),
                _ if bad.is_empty() => labels,
                labels => entries.iter().map(|&e| labels[e as usize]).collect(),
            },
            part,
            place,
            origin,
            entries,
            hashes: (0..hashed).map(|_| AtomicU64::new(UNKNOWN)).collect(),
            versions,
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

    /// Whether decoded images are kept in memory.
    pub fn in_memory(&self) -> bool {
        self.kept.is_some()
    }

    /// Height and width of every image, pixels.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The threads that read the images.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Hash of the bytes that an image is read from. An image that cannot be read
    /// counts as one that went bad.
    pub fn raw_hash(&self, index: u32) -> blake3::Hash {
        let known = self.version(index);
        let mut hasher = blake3::Hasher::new();
        match self.hash_into(&mut hasher, index, known) {
            Ok(()) => self.remember(index, start_of(&hasher.finalize())),
            Err(mut reason) => {
                if self.is_changed(index, &reason) {
                    reason = self.touch(index).err().unwrap_or(reason);
                }
                hasher.update(reason.to_string().as_bytes());
                // One too many ends the training as soon as it reads this image.
                let _ = self.lose(index, reason);
            }
        }
        hasher.finalize()
    }

    /// Notes the start of an image's hash, by which it is known again.
    pub fn remember(&self, index: u32, start: u64) {
        if let Some(kept) = self.hashes.get(index as usize) {
            kept.store(start, Ordering::Relaxed);
        }
    }

    /// The hash of what an image's file holds now, whichever version of it that is; an
    /// image that cannot be read stays as good as it was.
    pub fn file_hash(&self, index: u32) -> Option<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        let read = self.hash_into(&mut hasher, index, None);
        read.ok().map(|()| hasher.finalize())
    }

    /// The hash that older programs gave an image; see
    /// [`Origin::hash_without_shape`].
    pub fn hash_without_shape(&self, index: u32) -> Option<blake3::Hash> {
        let entry = self.entries[index as usize] as usize;
        self.origin.hash_without_shape(entry)?.ok()
    }

    fn hash_into(
        &self,
        hasher: &mut blake3::Hasher,
        index: u32,
        known: Option<FileVersion>,
    ) -> Result<(), ImageError> {
        let entry = self.entries[index as usize] as usize;
        self.origin.hash(entry, &self.rules.decoder, known, hasher)
    }

    /// Takes a file's version of now for the known one if its content has the hash that
    /// it had: a file may be touched, copied anew or get another owner.
    ///
    /// # Errors
    /// If that is not so; if its hash is not known, what else is other about it.
    fn touch(&self, index: u32) -> Result<(), ImageError> {
        let entry = self.entries[index as usize] as usize;
        let Some((now, known)) = self.origin.version_now(entry).zip(self.version(index)) else {
            return Err(ImageError::Changed("it is no longer there"));
        };
        let kept = self.hashes.get(index as usize);
        let kept = kept.map_or(UNKNOWN, |kept| kept.load(Ordering::Relaxed));
        if kept == UNKNOWN {
            let difference = known.difference(&now).unwrap_or(ENTRY_CHANGED);
            return Err(ImageError::Changed(difference));
        }
        let mut hasher = blake3::Hasher::new();
        let read = self.hash_into(&mut hasher, index, Some(now));
        if read.is_err() || start_of(&hasher.finalize()) != kept {
            return Err(ImageError::Changed(CONTENT_CHANGED));
        }
        self.lock().touched.insert(index, now);
        Ok(())
    }

    /// Whether an image's file is no longer as it is known.
    fn is_changed(&self, index: u32, reason: &ImageError) -> bool {
        let entry = self.entries[index as usize] as usize;
        let known = self.version(index);
        matches!(reason, ImageError::Changed(_)) && known.is_some()
            || known.is_some_and(|known| self.origin.version_now(entry) != Some(known))
    }

    /// Length and times of change of an image's file, as far as known: of the version
    /// that it was indexed from, where it has one, so that no file is asked again.
    pub fn stamp(&self, index: u32) -> Vec<u8> {
        let own = self.versions.get(index as usize);
        match own.and_then(|_| self.version(index)) {
            Some(version) => version.stamp(),
            None => self.origin.stamp(self.entries[index as usize] as usize),
        }
    }

    fn version(&self, index: u32) -> Option<FileVersion> {
        let indexed = match &self.origin {
            // Many share a file, and with it its version.
            Origin::Records(records) if !self.hashes.is_empty() => {
                records.version(self.entries[index as usize] as usize)
            }
            _ => self.versions.get(index as usize).copied(),
        }?;
        let touched = self.lock().touched.get(&index).copied();
        Some(touched.unwrap_or(indexed))
    }

    fn lock(&self) -> MutexGuard<'_, Lost> {
        // A panic elsewhere leaves the map whole: each change is one insertion.
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Path of an image, or what stands for it.
    pub fn name(&self, index: u32) -> PathBuf {
        self.origin.name(self.entries[index as usize] as usize)
    }

    /// Pixels of an image that is kept in memory, `[height, width, 3]`.
    pub fn kept(&self, index: u32) -> Option<&[u8]> {
        let stride = bytes_of(self.size);
        let start = index as usize * stride;
        self.kept.as_ref().map(|kept| &kept[start..start + stride])
    }

    /// Pixels of an image, `[height, width, 3]`.
    pub fn pixels(&self, index: u32) -> Result<RgbImage, ImageError> {
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
        let read = || {
            let known = self.version(index);
            self.origin.read(entry, &self.rules.decoder, known)
        };
        let image = match read() {
            // A file that is gone or cut since is no bad image, but another one.
            Err(reason) if self.is_changed(index, &reason) => {
                self.touch(index)?;
                read()?
            }
            read => read?,
        };
        image.cover(self.size)
    }

    /// Records that an image went bad.
    ///
    /// # Errors
    /// If that is one too many, or if it is another image now or cannot be read
    /// any more, which no share of bad ones excuses: the disk failed, not the image.
    pub fn lose(&self, index: u32, reason: ImageError) -> Result<(), DataError> {
        let part = self.part;
        let name = || self.name(index).shown().to_string();
        match reason {
            ImageError::Changed(what) => {
                let name = name();
                return Err(DataError::Changed { part, name, what });
            }
            ImageError::Unreadable(what) => {
                let name = name();
                return Err(DataError::Unreadable { part, name, what });
            }
            _ => {}
        }
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

    /// Whether an image is known to have gone bad.
    pub fn is_lost(&self, index: u32) -> bool {
        self.lock().reasons.contains_key(&index)
    }

    /// The error of a class without a good image, with the last one.
    pub fn class_went_bad(&self, index: u32, reason: ImageError) -> DataError {
        DataError::ClassWentBad {
            part: self.part,
            place: self.place.clone(),
            name: self.name(index).shown().to_string(),
            reason,
        }
    }

    /// The error of so many bad images, with the last one.
    fn went_bad(&self, bad: usize, index: u32, reason: ImageError) -> DataError {
        DataError::WentBad {
            part: self.part,
            place: self.place.clone(),
            bad,
            total: self.origin.len(),
            max_bad: self.rules.max_bad,
            name: self.name(index).shown().to_string(),
            reason,
        }
    }
}

/// Bytes of one image of this height and width.
fn bytes_of((height, width): (u32, u32)) -> usize {
    3 * height as usize * width as usize
}

/// The first eight bytes of a hash.
pub(super) fn start_of(hash: &blake3::Hash) -> u64 {
    let (start, _) = hash.as_bytes().split_at(8);
    start
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}
