//! Normalisation: measured on the training images or given, and applied.

use image::RgbImage;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::error::DataError;
use super::set::ImageSet;
use super::workers::Workers;
use crate::experiment::spec::NormalizeSpec;

/// Images that are measured when reading all of them would take a pass over
/// the disk. Spread evenly over the set, so all classes are among them; the
/// error of the mean is then far below one step of 8 bits.
const SAMPLE: usize = 4096;

/// One step of 8 bits: a channel that never changes becomes zero, not infinity.
const LEAST_STD: f64 = 1.0 / 255.0;

/// Per-channel mean and standard deviation of pixels in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// Means of red, green and blue.
    pub mean: [f32; 3],
    /// Standard deviations, positive.
    pub std: [f32; 3],
}

impl Normalization {
    /// What the experiment asks for, measured on `train` if it says so: on all
    /// images that are kept in memory, else on a fixed sample.
    pub(super) fn of(
        spec: &NormalizeSpec,
        train: &ImageSet,
        workers: &Workers,
    ) -> Result<Self, DataError> {
        match spec {
            NormalizeSpec::Given { mean, std } => Ok(Self {
                mean: *mean,
                std: *std,
            }),
            NormalizeSpec::Measure => workers.run(|| measure(train)),
        }
    }

    /// The values that a table lookup replaces: `(value / 255 − mean) / std`.
    pub(super) fn table(&self) -> Table {
        let mut table = Table([[0.0; 256]; 3]);
        for (channel, row) in table.0.iter_mut().enumerate() {
            for (value, out) in (0u8..=255).zip(row) {
                *out = (f32::from(value) / 255.0 - self.mean[channel]) / self.std[channel];
            }
        }
        table
    }
}

/// Normalised value of each channel's each 8-bit value.
#[derive(Debug, Clone)]
pub(super) struct Table([[f32; 256]; 3]);

impl Table {
    /// Writes an image as `[3, height, width]`.
    pub fn write(&self, image: &RgbImage, out: &mut [f32]) {
        let area = out.len() / 3;
        for (channel, plane) in out.chunks_exact_mut(area.max(1)).enumerate() {
            let row = &self.0[channel];
            for (out, pixel) in plane.iter_mut().zip(image.pixels()) {
                *out = row[usize::from(pixel.0[channel])];
            }
        }
    }
}

/// Exact sums, so that no order of adding changes a bit.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    pixels: u64,
    values: [u64; 3],
    squares: [u64; 3],
}

impl Sums {
    fn of(image: &RgbImage) -> Self {
        let mut sums = Self {
            pixels: u64::from(image.width()) * u64::from(image.height()),
            ..Self::default()
        };
        for pixel in image.pixels() {
            for (channel, &value) in pixel.0.iter().enumerate() {
                let value = u64::from(value);
                sums.values[channel] += value;
                sums.squares[channel] += value * value;
            }
        }
        sums
    }

    fn add(mut self, other: Self) -> Self {
        self.pixels += other.pixels;
        for channel in 0..3 {
            self.values[channel] += other.values[channel];
            self.squares[channel] += other.squares[channel];
        }
        self
    }

    fn normalization(&self) -> Normalization {
        let n = u128::from(self.pixels.max(1));
        let mut result = Normalization {
            mean: [0.0; 3],
            std: [1.0; 3],
        };
        for channel in 0..3 {
            let sum = u128::from(self.values[channel]);
            let squares = u128::from(self.squares[channel]);
            let variance = (n * squares - sum * sum) as f64 / (n * n) as f64;
            result.mean[channel] = (sum as f64 / n as f64 / 255.0) as f32;
            result.std[channel] = (variance.sqrt() / 255.0).max(LEAST_STD) as f32;
        }
        result
    }
}

fn measure(train: &ImageSet) -> Result<Normalization, DataError> {
    let count = if train.in_memory() {
        train.len()
    } else {
        train.len().min(SAMPLE)
    };
    let sums = (0..count)
        .into_par_iter()
        .map(|k| Ok(Sums::of(&train.usable(k * train.len() / count)?.0)))
        .try_reduce(Sums::default, |a, b| Ok(a.add(b)))?;
    Ok(sums.normalization())
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::{LEAST_STD, Normalization, Sums};

    #[test]
    fn mean_and_deviation_are_those_of_all_pixels_together() {
        let dark = RgbImage::from_pixel(2, 1, Rgb([0, 10, 255]));
        let light = RgbImage::from_pixel(2, 1, Rgb([255, 20, 255]));
        let found = Sums::of(&dark).add(Sums::of(&light)).normalization();
        assert_eq!(found.mean, [0.5, 15.0 / 255.0, 1.0]);
        assert_eq!(found.std[0], 0.5);
        assert!((found.std[1] - 5.0 / 255.0).abs() < 1e-7);
    }

    #[test]
    fn a_channel_that_never_changes_is_not_divided_by_zero() {
        let flat = Sums::of(&RgbImage::from_pixel(3, 3, Rgb([7; 3]))).normalization();
        assert_eq!(flat.std, [LEAST_STD as f32; 3]);
        let mut out = [1.0; 27];
        flat.table()
            .write(&RgbImage::from_pixel(3, 3, Rgb([7; 3])), &mut out);
        assert!(out.iter().all(|v| v.abs() < 1e-5));
    }

    #[test]
    fn pixels_become_planes_of_normalised_channels() {
        let normalization = Normalization {
            mean: [0.0, 0.5, 1.0],
            std: [1.0, 0.5, 2.0],
        };
        let image = RgbImage::from_raw(2, 1, vec![0, 0, 0, 255, 255, 255]).unwrap();
        let mut out = [0.0; 6];
        normalization.table().write(&image, &mut out);
        assert_eq!(out, [0.0, 1.0, -1.0, 1.0, -0.5, 0.0]);
    }
}
