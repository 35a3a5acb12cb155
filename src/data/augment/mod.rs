//! Augmentation of 8-bit RGB images on the CPU.

mod pipeline;

pub use pipeline::Pipeline;
