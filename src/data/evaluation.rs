//! Batches to evaluate on: every image once, in order, un-augmented.

use std::sync::Arc;

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

#[derive(Debug)]
struct Pages {
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
        let source = Arc::new(Pages {
            set: set.clone(),
            table: normalization.table(),
            batch: batch.max(1),
        });
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
    fn count(&self) -> usize {
        self.set.len().div_ceil(self.batch)
    }

    fn make(&self, page: usize) -> Result<EvaluationBatch, DataError> {
        let start = page * self.batch;
        let wanted = start..self.set.len().min(start + self.batch);
        let (height, width) = self.set.size();
        let length = 3 * height as usize * width as usize;
        let mut pixels = vec![0.0; wanted.len() * length];
        let present = pixels
            .par_chunks_exact_mut(length)
            .zip(wanted.clone().into_par_iter())
            .map(|(place, index)| {
                let image = self.set.present(index)?;
                if let Some(image) = &image {
                    self.table.write(image, place);
                }
                Ok(image.is_some())
            })
            .collect::<Result<Vec<bool>, DataError>>()?;
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
        Ok(EvaluationBatch {
            pixels,
            labels: indices.iter().filter_map(|&i| self.set.label(i)).collect(),
            indices,
        })
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
