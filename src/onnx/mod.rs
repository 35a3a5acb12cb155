//! The ONNX file format: files of others read within limits and described, files
//! of our own written.
//!
//! Nothing is computed here and nothing is known of networks, tensors or engines.

mod named;
mod needed;
pub mod proto;
mod read;
mod shape;
mod sizes;
#[cfg(test)]
pub(crate) mod testing;
mod weigh;
mod wire;
pub mod write;

pub use read::{Demand, ImageInput, OnnxError, OnnxFile, OnnxMap, PixelOrder, ScoreOutput};
