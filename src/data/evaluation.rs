//! Batches to evaluate on: every image once, in order, un-augmented.

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
    next: usize,
    ahead: Option<Started<Result<EvaluationBatch, DataError>>>,
}

/// A set by batches.
#[derive(Debug)]
pub struct Pages {
    set: ImageSet,
    table: Table,
    batch: usize,
    workers: Workers,
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
        let mut batches = Self {
            source: Arc::new(Pages::new(set, normalization, batch, workers)),
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
        let workers = &self.source.workers;
        self.ahead = Some(workers.start(move || source.batch(page)));
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
        Some(ready.unwrap_or_else(|| self.source.batch(page)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.source.count() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for EvaluationBatches {}

impl Pages {
    /// Batches of `batch` images; the last may be smaller.
    pub(super) fn new(
        set: &ImageSet,
        normalization: &Normalization,
        batch: usize,
        workers: Workers,
    ) -> Self {
        Self {
            set: set.clone(),
            table: normalization.table(),
            batch: batch.max(1),
            workers,
        }
    }

    /// Number of batches.
    #[must_use]
    pub fn count(&self) -> usize {
        self.set.len().div_ceil(self.batch)
    }

    /// A batch, and its images as they are.
    ///
    /// # Errors
    /// If more images than are tolerated went bad.
    pub fn read(&self, page: usize) -> Result<(EvaluationBatch, Vec<RgbImage>), DataError> {
        let start = page * self.batch;
        let wanted = start..self.set.len().min(start + self.batch);
        let places = wanted.clone().into_par_iter();
        let places = places.map(|index| (&self.set, index));
        let (mut pixels, images) =
            side_by_side(places, self.set.size(), &self.table, &self.workers)?;
        let length = pixels.len() / images.len().max(1);
        let mut indices = Vec::with_capacity(wanted.len());
        for (at, (index, image)) in wanted.zip(&images).enumerate() {
            if image.is_none() {
                continue;
            }
            if indices.len() < at {
                pixels.copy_within(at * length..(at + 1) * length, indices.len() * length);
            }
            indices.push(index);
        }
        pixels.truncate(indices.len() * length);
        let batch = EvaluationBatch {
            pixels,
            labels: indices.iter().filter_map(|&i| self.set.label(i)).collect(),
            indices,
        };
        Ok((batch, images.into_iter().flatten().collect()))
    }

    fn batch(&self, page: usize) -> Result<EvaluationBatch, DataError> {
        Ok(self.read(page)?.0)
    }
}

/// Images of sets as they are, normalised, `[image, 3, height, width]`; one that went
/// bad is black, and missing among the images.
///
/// # Errors
/// If more images than are tolerated went bad.
pub(super) fn side_by_side<'a>(
    wanted: impl IndexedParallelIterator<Item = (&'a ImageSet, usize)>,
    (height, width): (u32, u32),
    table: &Table,
    workers: &Workers,
) -> Result<(Vec<f32>, Vec<Option<RgbImage>>), DataError> {
    let length = 3 * height as usize * width as usize;
    let mut pixels = vec![0.0; wanted.len() * length];
    let places = pixels.par_chunks_exact_mut(length).zip(wanted);
    let images = places.map(|(place, (set, index))| {
        let image = set.present(index)?;
        if let Some(image) = &image {
            table.write(image, place);
        }
        Ok(image)
    });
    let images = workers.run(|| images.collect::<Result<Vec<_>, DataError>>())?;
    Ok((pixels, images))
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
