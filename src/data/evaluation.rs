//! Batches to evaluate on: every image once, in order, un-augmented.

use std::ops::Range;
use std::sync::Arc;

use image::RgbImage;
use rayon::prelude::{
    IndexedParallelIterator, IntoParallelIterator, ParallelIterator, ParallelSliceMut,
};

use super::error::DataError;
use super::normalize::{Normalization, Table};
use super::set::ImageSet;
use super::workers::{Started, Workers};

/// Images of a set in order.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationBatch {
    /// `[batch, 3, height, width]`, row-major, normalised.
    pub pixels: Vec<f32>,
    /// Their labels; empty if the set has none.
    pub labels: Vec<u32>,
    /// Their indices in the set. An image that went bad after it was indexed is
    /// left out.
    pub indices: Vec<usize>,
}

/// Goes through a set once, making the next batch while one is being used.
#[derive(Debug)]
pub struct EvaluationBatches {
    source: Arc<Pages>,
    workers: Workers,
    next: usize,
    ahead: Option<Started<Result<EvaluationBatch, DataError>>>,
}

/// A set by batches.
#[derive(Debug)]
pub struct Pages {
    set: ImageSet,
    table: Table,
    batch: usize,
}

impl EvaluationBatches {
    /// Batches of `batch` images; the last may be smaller.
    #[must_use]
    pub fn new(
        set: &ImageSet,
        normalization: &Normalization,
        batch: usize,
        workers: Workers,
    ) -> Self {
        let source = Arc::new(Pages::new(set, normalization, batch));
        let mut batches = Self {
            source,
            workers,
            next: 0,
            ahead: None,
        };
        batches.look_ahead();
        batches
    }

    fn look_ahead(&mut self) {
        if self.next >= self.source.count() {
            return;
        }
        let (source, page) = (self.source.clone(), self.next);
        self.ahead = Some(self.workers.start(move || source.make(page)));
    }
}

impl Iterator for EvaluationBatches {
    type Item = Result<EvaluationBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let page = self.next;
        if page >= self.source.count() {
            return None;
        }
        let ready = self.ahead.take().and_then(Started::wait);
        self.next += 1;
        self.look_ahead();
        Some(ready.unwrap_or_else(|| self.workers.run(|| self.source.make(page))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.source.count() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for EvaluationBatches {}

impl Pages {
    /// Batches of `batch` images; the last may be smaller.
    pub(super) fn new(set: &ImageSet, normalization: &Normalization, batch: usize) -> Self {
        Self {
            set: set.clone(),
            table: normalization.table(),
            batch: batch.max(1),
        }
    }

    /// Number of batches.
    #[must_use]
    pub fn count(&self) -> usize {
        self.set.len().div_ceil(self.batch)
    }

    /// A batch with its images as they are, read on the thread that asks.
    ///
    /// # Errors
    /// If more images than are tolerated went bad.
    pub fn read(&self, page: usize) -> Result<(EvaluationBatch, Vec<RgbImage>), DataError> {
        let (wanted, mut pixels) = self.place(page);
        let mut originals = Vec::with_capacity(wanted.len());
        let mut present = Vec::with_capacity(wanted.len());
        let places = pixels.chunks_exact_mut(self.length());
        for (place, index) in places.zip(wanted.clone()) {
            let image = self.write(index, place)?;
            present.push(image.is_some());
            originals.extend(image);
        }
        Ok((self.batch_of(wanted, pixels, &present), originals))
    }

    /// The same on all threads, without the images.
    fn make(&self, page: usize) -> Result<EvaluationBatch, DataError> {
        let (wanted, mut pixels) = self.place(page);
        let present = pixels
            .par_chunks_exact_mut(self.length())
            .zip(wanted.clone().into_par_iter())
            .map(|(place, index)| Ok(self.write(index, place)?.is_some()))
            .collect::<Result<Vec<bool>, DataError>>()?;
        Ok(self.batch_of(wanted, pixels, &present))
    }

    /// Values of an image.
    fn length(&self) -> usize {
        let (height, width) = self.set.size();
        3 * height as usize * width as usize
    }

    /// The images of a batch, and where their values go.
    fn place(&self, page: usize) -> (Range<usize>, Vec<f32>) {
        let start = page * self.batch;
        let wanted = start..self.set.len().min(start + self.batch);
        let values = wanted.len() * self.length();
        (wanted, vec![0.0; values])
    }

    fn write(&self, index: usize, place: &mut [f32]) -> Result<Option<RgbImage>, DataError> {
        let image = self.set.present(index)?;
        if let Some(image) = &image {
            self.table.write(image, place);
        }
        Ok(image)
    }

    /// What is there of a batch.
    fn batch_of(
        &self,
        wanted: Range<usize>,
        mut pixels: Vec<f32>,
        present: &[bool],
    ) -> EvaluationBatch {
        let length = self.length();
        let mut indices = Vec::with_capacity(wanted.len());
        for (at, (index, present)) in wanted.zip(present).enumerate() {
            if !present {
                continue;
            }
            if indices.len() < at {
                pixels.copy_within(at * length..(at + 1) * length, indices.len() * length);
            }
            indices.push(index);
        }
        pixels.truncate(indices.len() * length);
        EvaluationBatch {
            pixels,
            labels: indices.iter().filter_map(|&i| self.set.label(i)).collect(),
            indices,
        }
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
