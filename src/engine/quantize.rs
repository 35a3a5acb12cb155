//! The last epochs of a training that is finished with `Quantize`: weights and values
//! are rounded as 8-bit integers are, and the ranges of values follow what they are.
//!
//! They start from what training images are in the float network, move towards the
//! extremes of every batch by a hundredth (PyTorch's `MovingAverageMinMaxObserver`),
//! and stay in the second half, so that weights settle on them (R. Krishnamoorthi,
//! "Quantizing deep convolutional networks for efficient inference", 2018).

use super::classify::images_per_pass;
use super::evaluate::image_tensor;
use super::export::calibration;
use super::failure::Failure;
use super::network::{FakeQuantization, Network, Range};
use super::weights::read_tensors;
use crate::data::Images;
use crate::experiment::spec::Int8Spec;
use crate::experiment::timeline::Timeline;

/// Share of the newest batch in a range.
const SHARE: f32 = 0.01;

/// Images in a pass. Has no effect on results.
const BATCH: usize = 64;

/// Whether ranges still follow what values are in a step of the finish.
pub fn ranges_follow(timeline: &Timeline, step: u64) -> bool {
    step < timeline.steps_of_rounds + (timeline.steps - timeline.steps_of_rounds) / 2
}

/// The least and the greatest of every value on some training images as they are, and
/// the number of these images.
///
/// # Errors
/// Images cannot be read, or the device failed.
pub fn first_ranges(
    network: &Network,
    quantization: &FakeQuantization,
    images: &Images,
) -> Result<(Vec<Range>, usize), Failure> {
    let chosen = calibration::chosen(images, &Int8Spec::default());
    let mut ranges: Vec<Range> = Vec::new();
    for part in chosen.chunks(images_per_pass(images.size, BATCH)) {
        let pixels = calibration::pixels(images, part)?;
        let input = image_tensor(&pixels, images.size, network.device());
        if input.dims()[0] == 0 {
            continue;
        }
        let (_, observed) = network.forward_quantized(quantization, input);
        let seen = read_tensors(observed.into_iter().flatten()).map_err(Failure::from)?;
        let seen = seen.chunks_exact(2).map(|both| Range {
            low: both[0][0],
            high: both[1][0],
        });
        if ranges.is_empty() {
            ranges = seen.collect();
        } else {
            for (range, seen) in ranges.iter_mut().zip(seen) {
                range.low = range.low.min(seen.low);
                range.high = range.high.max(seen.high);
            }
        }
    }
    Ok((ranges, chosen.len()))
}

/// Moves ranges towards what values were in a step. What was no number moves none:
/// rounding hides it from the losses.
pub fn follow(ranges: &mut [Range], seen: &[Range]) {
    let pairs = ranges.iter_mut().zip(seen);
    for (range, seen) in pairs.filter(|(_, seen)| seen.is_finite()) {
        range.low += SHARE * (seen.low - range.low);
        range.high += SHARE * (seen.high - range.high);
    }
}
