//! Students that leave: one file, for programs that know nothing of this one.

mod files;
mod proof;
mod torch;

use std::collections::BTreeMap;

pub use self::files::{ExportFailure, Student, place, record, script_of};
pub use self::proof::{ProofError, prove};
pub use self::torch::loading_script;
use super::failure::Failure;
use super::metadata::ModelMetadata;
use super::network::{Network, PixelInput, onnx_graph};
use super::weights::{Values, state};
use crate::event::{PixelFormat, RESIZE};

/// The bytes of an ONNX file of a network: the same for the same weights and texts.
/// It holds what must be known to use it, and `about` besides.
///
/// # Errors
/// The device failed.
pub fn onnx_file(
    network: &Network,
    known: &ModelMetadata,
    pixels: PixelFormat,
    about: &BTreeMap<String, String>,
) -> Result<Vec<u8>, Failure> {
    let values = state(network)?.into_iter();
    let values = values.filter_map(|array| match array.values {
        Values::F32(values) => Some((array.name, values)),
        Values::I64(_) => None,
    });
    let input = match pixels {
        PixelFormat::Float => PixelInput::Float,
        PixelFormat::Uint8 => PixelInput::Uint8 {
            mean: known.mean,
            std: known.std,
        },
    };
    let file = onnx_graph(network.graph(), values.collect(), input);
    let mut texts = known.texts();
    texts.insert("resize".to_owned(), RESIZE.to_owned());
    texts.extend(about.clone());
    Ok(file.into_bytes(&texts))
}

#[cfg(test)]
mod tests;
