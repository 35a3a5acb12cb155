//! Students that leave: one file, for programs that know nothing of this one.

mod files;
mod proof;
mod torch;

use std::collections::BTreeMap;

pub use self::files::{ExportFailure, Student, exports_of, place, record, script_of};
pub use self::proof::{ProofError, prove};
pub use self::torch::loading_script;
use super::failure::Failure;
use super::metadata::ModelMetadata;
use super::network::{Network, PixelInput, onnx_graph};
use super::weights::{Values, state};
use crate::event::{PixelFormat, RESIZE};
use crate::onnx::write::GraphWriter;

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
    let input = match pixels {
        PixelFormat::Float => PixelInput::Float,
        PixelFormat::Uint8 => PixelInput::Uint8 {
            mean: known.mean,
            std: known.std,
        },
    };
    let file = graph_file(network, input)?;
    let mut texts = known.texts();
    texts.insert("resize".to_owned(), RESIZE.to_owned());
    texts.extend(about.clone());
    Ok(file.into_bytes(&texts))
}

/// The bytes of an ONNX file of a network that says nothing of itself, as to be timed.
///
/// # Errors
/// The device failed.
pub fn bare_onnx(network: &Network) -> Result<Vec<u8>, Failure> {
    Ok(graph_file(network, PixelInput::Float)?.into_bytes(&BTreeMap::new()))
}

fn graph_file(network: &Network, input: PixelInput) -> Result<GraphWriter, Failure> {
    let values = state(network)?.into_iter();
    let values = values.filter_map(|array| match array.values {
        Values::F32(values) => Some((array.name, values)),
        Values::I64(_) => None,
    });
    Ok(onnx_graph(network.graph(), values.collect(), input))
}

#[cfg(test)]
mod tests;
