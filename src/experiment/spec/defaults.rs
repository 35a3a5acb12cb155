//! Values of fields that an experiment file leaves out.

use crate::experiment::schedule::Schedule;

pub(super) fn lr() -> Schedule {
    Schedule::Cosine {
        from: 0.1,
        to: 0.0,
        epochs: None,
    }
}

pub(super) fn batch() -> usize {
    128
}

pub(super) fn accumulate() -> usize {
    1
}

pub(super) fn layer_decay() -> f64 {
    1.0
}

pub(super) fn log_every() -> u32 {
    10
}

pub(super) fn max_bad() -> f64 {
    0.01
}

/// As large as a 178-megapixel photograph; more is taken for a bomb.
pub(super) fn max_pixels() -> u64 {
    178_956_970
}

pub(super) fn memory_mb() -> u64 {
    2048
}

pub(super) fn shape_classes() -> u32 {
    4
}

pub(super) fn shape_size() -> u32 {
    32
}

pub(super) fn shape_difficulty() -> f32 {
    0.5
}

pub(super) fn unlabelled_ratio() -> f64 {
    1.0
}

pub(super) fn teacher_p() -> f64 {
    0.5
}

pub(super) fn momentum() -> f64 {
    0.9
}

pub(super) fn betas() -> (f64, f64) {
    (0.9, 0.999)
}

pub(super) fn epsilon() -> f64 {
    1e-8
}

pub(super) fn weight_bits() -> u8 {
    8
}

pub(super) fn calibration_images() -> u32 {
    512
}
