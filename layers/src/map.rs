//! Feature maps on the host, and how work on them is divided.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::correlate::rectified;

/// Values behind the last image, which a kernel may read and never uses: it takes a
/// whole block of outputs where fewer are left.
pub(crate) const SLACK: usize = 16;

/// Values that a thread takes at once where each stands alone.
pub(crate) const PIECE: usize = 1 << 14;

/// Height, width and channels of one image's map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

impl Shape {
    /// One pixel: a list of features.
    #[must_use]
    pub fn features(channels: usize) -> Self {
        Self {
            height: 1,
            width: 1,
            channels,
        }
    }

    /// Number of pixels.
    #[must_use]
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Number of values.
    #[must_use]
    pub fn size(self) -> usize {
        self.pixels() * self.channels
    }
}

/// Maps of some images, their channels last: `[image][row][column][channel]`.
#[derive(Debug, Clone)]
pub struct Map {
    /// Of every image.
    pub shape: Shape,
    /// Number of images.
    pub images: usize,
    /// With the slack.
    values: Vec<f32>,
}

impl Map {
    /// Maps of zeros.
    #[must_use]
    pub fn zeros(images: usize, shape: Shape) -> Self {
        Self {
            shape,
            images,
            values: vec![0.0; images * shape.size() + SLACK],
        }
    }

    /// Of a tensor `[batch, channels, height, width]`'s values.
    #[must_use]
    pub fn of_planes(values: &[f32], images: usize, shape: Shape) -> Self {
        let mut map = Self::zeros(images, shape);
        let planes = values.chunks_exact(shape.size());
        for (image, planes) in map.chunks_mut(shape.size()).zip(planes) {
            to_channels_last(planes, image, shape);
        }
        map
    }

    /// All images' values.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values[..self.images * self.shape.size()]
    }

    /// All images' values.
    pub fn values_mut(&mut self) -> &mut [f32] {
        let size = self.images * self.shape.size();
        &mut self.values[..size]
    }

    /// All values from a place on, with the slack.
    pub(crate) fn from(&self, at: usize) -> &[f32] {
        &self.values[at..]
    }

    /// What follows at once: a sum with another map, rectified up to a bound.
    #[must_use]
    pub fn followed(&self, bound: Option<f32>, added: Option<&Self>, spread: Spread) -> Self {
        let mut result = Self::zeros(self.images, self.shape);
        let inputs = self.values().par_chunks(PIECE);
        let outputs = result.values_mut().par_chunks_mut(PIECE);
        let pieces = outputs.zip(inputs).enumerate().with_min_len(spread.least());
        pieces.for_each(|(at, (output, input))| {
            output.copy_from_slice(input);
            if let Some(added) = added {
                add(output, &added.values()[at * PIECE..]);
            }
            if let Some(bound) = bound {
                for value in output {
                    *value = rectified(*value, bound);
                }
            }
        });
        result
    }

    fn chunks_mut(&mut self, size: usize) -> std::slice::ChunksExactMut<'_, f32> {
        self.values_mut().chunks_exact_mut(size)
    }

    /// Adds another map of the same shape.
    pub fn add(&mut self, other: &Self) {
        let others = other.values().par_chunks(PIECE);
        let sums = self.values_mut().par_chunks_mut(PIECE);
        sums.zip(others)
            .for_each(|(sums, values)| add(sums, values));
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// One image's planes as pixels.
pub(crate) fn to_channels_last(planes: &[f32], pixels: &mut [f32], shape: Shape) {
    for (channel, plane) in planes.chunks_exact(shape.pixels()).enumerate() {
        let every = pixels.iter_mut().skip(channel).step_by(shape.channels);
        for (pixel, value) in every.zip(plane) {
            *pixel = *value;
        }
    }
}

/// One image's pixels as planes.
pub(crate) fn to_planes(pixels: &[f32], planes: &mut [f32], shape: Shape) {
    for (channel, plane) in planes.chunks_exact_mut(shape.pixels()).enumerate() {
        let every = pixels.iter().skip(channel).step_by(shape.channels);
        for (value, pixel) in plane.iter_mut().zip(every) {
            *value = *pixel;
        }
    }
}

/// Whether an operation is shared among rayon's threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// It is.
    Shared,
    /// This thread does it: others are busy with other images.
    Alone,
}

impl Spread {
    /// The fewest pieces that a thread takes at once.
    pub(crate) fn least(self) -> usize {
        match self {
            Self::Shared => 1,
            Self::Alone => usize::MAX,
        }
    }
}
