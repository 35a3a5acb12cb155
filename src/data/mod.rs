//! Images: found, decoded, divided, augmented and gathered into batches.
//!
//! [`Images::open`] turns the data part of a plan into sets of one size;
//! [`Loader`] turns them into batches of plain `f32` arrays, which the engine
//! turns into tensors. Nothing here knows tensors or devices, writes a file or
//! draws on a screen. All work happens on threads of its own ([`Workers`]),
//! whose number changes no result.
//!
//! What goes wrong before training is a [`DataError`]. An image that goes bad
//! while training runs is replaced by the next good one of its class and reported
//! through [`Images::warnings`], until there are more than the plan tolerates.

pub mod augment;
pub mod decode;
pub mod error;
pub mod resize;
pub mod shapes;
pub mod stream;

mod evaluation;
mod file;
mod identity;
mod image_error;
mod images;
mod index;
mod inference;
mod listed;
mod loader;
mod normalize;
mod part;
mod pool;
mod sampler;
mod set;
mod size;
mod source;
mod split;
mod workers;

pub use error::DataError;
pub use evaluation::{EvaluationBatch, EvaluationBatches, Pages};
pub use image_error::ImageError;
pub use images::Images;
pub use index::{DataIndex, SetIndex, index};
pub use inference::open_folder;
pub use loader::{Batch, BatchRequest, Loader, MixedLabel};
pub use normalize::Normalization;
pub use part::Part;
pub use sampler::UNLABELLED;
pub use set::ImageSet;
pub use size::{Share, SizeError, SizeReason};
pub use source::SourceError;
pub use workers::Workers;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod images_tests;
#[cfg(test)]
mod index_tests;
