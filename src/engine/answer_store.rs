//! What a teacher answers on training images as they are, computed once and kept.
//!
//! Answers are computed for blocks of neighbouring images, always the same ones
//! together: an engine may round an answer otherwise in other company, and a
//! training must not depend on what was kept. So an answer is a function of the
//! teacher and the set of images, and the file that keeps it can be lost, cut or
//! damaged at any time: every block has a checksum, and what is not there is
//! computed again. Several trainings may write it at once, for they write the same.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::classify::{Classify, kept_logits};
use super::evaluate::{host, image_tensor};
use super::failure::Failure;
use super::lanes::each_alone;
use crate::data::{ImageSet, Images, UNLABELLED};
use crate::experiment::device::DeviceKind;
use crate::experiment::plan::TeacherPlan;
use crate::experiment::spec::Precision;
use crate::run::atomic::create_folders;
use crate::untrusted::Show as _;
use crate::untrusted::files::open_unlinked_with;

/// Images whose answers are computed together.
const BLOCK: usize = 8;

/// Raised when a change of the engine changes answers or their file.
const VERSION: u32 = 4;

/// Bytes of a block's checksum.
const CHECKSUM: usize = 4;

/// Bytes that are kept in memory where there is no file.
const MOST_IN_MEMORY: usize = 256 << 20;

/// All that determines a teacher's answers.
#[derive(Serialize)]
pub struct AnswerRecipe<'a> {
    /// The processor.
    pub device: &'a DeviceKind,
    /// The teacher, settled.
    pub teacher: &'a TeacherPlan,
    /// Numbers that it answers with.
    #[serde(skip_serializing_if = "Precision::is_fp32")]
    pub precision: Precision,
    /// Hashes of its files.
    pub weights: Vec<String>,
    /// What the data's images are: their size, mean and std.
    pub data: ((u32, u32), [f32; 3], [f32; 3]),
    /// Content of the sets of training images.
    pub sets: Vec<&'a str>,
}

impl AnswerRecipe<'_> {
    fn key(&self) -> String {
        let text = serde_json::to_string(&(VERSION, BLOCK, self)).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }
}

/// What came of asking about a block.
struct Computed {
    rows: Vec<f32>,
    /// Every image was there, and the answers are in no other file: they are kept.
    is_whole: bool,
}

/// Answers on the training images of one run.
pub struct AnswerStore<'a> {
    teacher: &'a dyn Classify,
    images: &'a Images,
    classes: usize,
    /// Where they are kept; none once the file failed.
    file: Option<(PathBuf, File)>,
    /// What distinguishes these answers from all others: part of every block's checksum, so
    /// that a file of others holds none of them.
    key: String,
    /// Blocks that were used lately.
    memory: HashMap<u64, Vec<f32>>,
    /// What a person should know, reported once.
    warnings: Vec<String>,
    reported: usize,
}

impl<'a> AnswerStore<'a> {
    /// Of a teacher whose answers are kept in the folder `cache`.
    #[must_use]
    pub fn open(
        teacher: &'a dyn Classify,
        images: &'a Images,
        cache: &Path,
        recipe: &AnswerRecipe,
    ) -> Self {
        let key = recipe.key();
        let path = cache.join(format!("logits-{key}.bin"));
        let mut store = Self {
            teacher,
            images,
            classes: images.classes.len(),
            file: None,
            key,
            memory: HashMap::new(),
            warnings: Vec::new(),
            reported: 0,
        };
        if teacher.kept().is_some() {
            // They are in a file already.
            return store;
        }
        let opened = create_folders(cache).and_then(|()| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true);
            open_unlinked_with(&path, &mut options)
        });
        match opened {
            Ok(file) => store.file = Some((path, file)),
            Err(error) => store.lose(&path, &error),
        }
        store
    }

    /// The logits `[class]` of each of these training images as they are, samples of a batch;
    /// none of one that cannot be read any more.
    ///
    /// # Errors
    /// If more images than are tolerated went bad, or the teacher fails.
    pub fn logits(&mut self, samples: &[u64]) -> Result<Vec<Option<&[f32]>>, Failure> {
        self.prepare(samples)?;
        let row = |&sample: &u64| {
            let (_, index) = split(sample);
            let at = (index % BLOCK as u64) as usize * self.classes;
            let row = &self.memory[&block_of(sample)][at..at + self.classes];
            (!row[0].is_nan()).then_some(row)
        };
        Ok(samples.iter().map(row).collect())
    }

    /// Sees to it that the blocks of these samples are in memory. Those that are in no file
    /// are computed, several at once.
    fn prepare(&mut self, samples: &[u64]) -> Result<(), Failure> {
        let blocks: BTreeSet<u64> = samples.iter().copied().map(block_of).collect();
        let is_absent = |block: &u64| !self.memory.contains_key(block);
        let mut absent: Vec<u64> = blocks.iter().copied().filter(is_absent).collect();
        let taken = (self.memory.len() + absent.len()) * BLOCK * self.classes;
        if !absent.is_empty() && taken * size_of::<f32>() > MOST_IN_MEMORY {
            self.memory.clear();
            absent = blocks.into_iter().collect();
        }
        let mut lacking = Vec::new();
        for block in absent {
            match self.read(block) {
                Some(rows) => {
                    self.memory.insert(block, rows);
                }
                None => lacking.push(block),
            }
        }
        let computed = each_alone(self.teacher.device(), lacking, |block| {
            (block, self.compute(block))
        });
        for (block, answer) in computed {
            let Computed { rows, is_whole } = answer?;
            if is_whole {
                self.write(block, &rows);
            }
            self.memory.insert(block, rows);
        }
        Ok(())
    }

    /// What a person should know since the last call; each once.
    pub fn warnings(&mut self) -> Vec<String> {
        let new = self.warnings[self.reported..].to_vec();
        self.reported = self.warnings.len();
        new
    }

    /// Answers of a block that the file has.
    fn read(&mut self, block: u64) -> Option<Vec<f32>> {
        let (path, file) = self.file.as_ref()?;
        let mut bytes = vec![0; self.record()];
        if let Err(error) = file.read_exact_at(&mut bytes, self.place(block)) {
            // It has not been written yet.
            if error.kind() != io::ErrorKind::UnexpectedEof {
                let path = path.clone();
                self.lose(&path, &error);
            }
            return None;
        }
        let (checksum, values) = bytes.split_at(CHECKSUM);
        if self.checksum(block, values) != checksum {
            if bytes.iter().any(|byte| *byte != 0) {
                let path = path.shown();
                self.warn(format!(
                    "{path}: cached logits of the teacher are damaged and are computed again"
                ));
            }
            return None;
        }
        let values = values.as_chunks().0.iter();
        let values: Vec<f32> = values.map(|bytes| f32::from_le_bytes(*bytes)).collect();
        // Nothing that is not a number was written.
        values.iter().all(|value| !value.is_nan()).then_some(values)
    }

    /// Asks the teacher about a block. Rows of images that cannot be read are not numbers.
    fn compute(&self, block: u64) -> Result<Computed, Failure> {
        let (base, number) = split(block);
        let first = number * BLOCK as u64;
        let count = BLOCK.min(self.length(base).saturating_sub(first as usize));
        if let Some(kept) = self.teacher.kept() {
            let set = self.set(base);
            let indices = first as usize..first as usize + count;
            let rows: Result<Vec<_>, _> =
                indices.map(|index| kept_logits(kept, set, index)).collect();
            let mut rows = rows?.concat();
            rows.resize(BLOCK * self.classes, 0.0);
            return Ok(Computed {
                rows,
                is_whole: false,
            });
        }
        let samples: Vec<u64> = (first..first + count as u64)
            .map(|index| base | index)
            .collect();
        let (pixels, present) = self.images.originals(&samples)?;
        let images = image_tensor(&pixels, self.images.size, self.teacher.device());
        let mut rows = host(self.teacher.logits(images)?)?;
        // The last block is as long as any.
        rows.resize(BLOCK * self.classes, 0.0);
        let places = rows.chunks_exact_mut(self.classes).zip(&present);
        for (row, _) in places.filter(|(_, present)| !**present) {
            row.fill(f32::NAN);
        }
        let is_whole = present.iter().all(|present| *present);
        Ok(Computed { rows, is_whole })
    }

    fn write(&mut self, block: u64, rows: &[f32]) {
        let Some((path, file)) = &self.file else {
            return;
        };
        let values: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut record = self.checksum(block, &values).to_vec();
        record.extend(values);
        if let Err(error) = file.write_all_at(&record, self.place(block)) {
            let path = path.clone();
            self.lose(&path, &error);
        }
    }

    fn checksum(&self, block: u64, values: &[u8]) -> [u8; CHECKSUM] {
        let of_key = crc32c::crc32c(self.key.as_bytes());
        let of_block = crc32c::crc32c_append(of_key, &block.to_le_bytes());
        crc32c::crc32c_append(of_block, values).to_le_bytes()
    }

    fn lose(&mut self, path: &Path, error: &io::Error) {
        self.file = None;
        self.warn(format!(
            "{}: {error}; the teacher's logits are not cached for later runs",
            path.shown()
        ));
    }

    fn warn(&mut self, message: String) {
        if !self.warnings.contains(&message) {
            self.warnings.push(message);
        }
    }

    /// Images of the set whose samples begin at `base`.
    fn length(&self, base: u64) -> usize {
        self.set(base).len()
    }

    fn set(&self, base: u64) -> &'a ImageSet {
        match &self.images.unlabelled {
            Some(set) if base == UNLABELLED => set,
            _ => &self.images.train,
        }
    }

    fn record(&self) -> usize {
        CHECKSUM + BLOCK * self.classes * size_of::<f32>()
    }

    /// Where a block lies in the file: those of the unlabelled images behind the
    /// others.
    fn place(&self, block: u64) -> u64 {
        let (base, number) = split(block);
        let before = if base == 0 {
            0
        } else {
            self.images.train.len().div_ceil(BLOCK) as u64
        };
        (before + number) * self.record() as u64
    }
}

/// The block of a sample.
fn block_of(sample: u64) -> u64 {
    let (base, index) = split(sample);
    base | (index / BLOCK as u64)
}

/// The first sample of its set, and the number in it.
fn split(sample: u64) -> (u64, u64) {
    (sample & UNLABELLED, sample & (UNLABELLED - 1))
}
