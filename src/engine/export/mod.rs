//! Students that leave: one file, for programs that know nothing of this one.

mod calibrate;
mod files;
mod int8;
mod proof;
mod torch;

use std::collections::BTreeMap;

/// The training images that ranges of values are found by.
pub mod calibration {
    pub use super::calibrate::{chosen, pixels};
}

pub use self::files::{ExportFailure, Int8File, Student, place, script_of};
use self::int8::Int8Student;
pub use self::int8::weight_bits;
use self::proof::Reference;
pub use self::proof::{ProofError, prove};
pub use self::torch::loading_script;
use super::failure::Failure;
use super::metadata::ModelMetadata;
use super::network::{Network, OnnxGraph, PixelInput, onnx_graph};
use super::weights::{Values, state};
use crate::event::{Floats, PixelFormat, RESIZE};

/// The bytes of an ONNX file of a network: the same for the same weights and texts.
/// It holds what must be known to use it, and `about` besides.
///
/// # Errors
/// The device failed, or a weight is too large for its floats.
pub fn onnx_file(
    network: &Network,
    known: &ModelMetadata,
    pixels: PixelFormat,
    floats: Floats,
    about: &BTreeMap<String, String>,
) -> Result<Vec<u8>, ProofError> {
    let graph = recorded(network, input(known, pixels))?;
    let file = match floats {
        Floats::Fp32 => graph.float(),
        Floats::Fp16 => graph.half()?,
    };
    Ok(file.into_bytes(&texts(known, about)))
}

/// The bytes of an ONNX file of a network that says nothing of itself, as to be timed.
///
/// # Errors
/// The device failed.
pub fn plain_onnx_file(network: &Network) -> Result<Vec<u8>, Failure> {
    let file = recorded(network, PixelInput::Float)?.float();
    Ok(file.into_bytes(&BTreeMap::new()))
}

/// The nodes of a network.
fn recorded(network: &Network, input: PixelInput) -> Result<OnnxGraph, Failure> {
    let values = state(network)?.into_iter();
    let values = values.filter_map(|array| match array.values {
        Values::F32(values) => Some((array.name, values)),
        Values::I64(_) => None,
    });
    Ok(onnx_graph(network.graph(), values.collect(), input))
}

fn input(known: &ModelMetadata, pixels: PixelFormat) -> PixelInput {
    match pixels {
        PixelFormat::Float => PixelInput::Float,
        PixelFormat::Uint8 => PixelInput::Uint8 {
            mean: known.mean,
            std: known.std,
        },
    }
}

/// What a file says of itself.
fn texts(known: &ModelMetadata, about: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut texts = known.texts();
    texts.insert("resize".to_owned(), RESIZE.to_owned());
    texts.extend(about.clone());
    texts
}

#[cfg(test)]
mod tests;
