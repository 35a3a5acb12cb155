//! Students that were written for other programs, and what proves them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::inspection::Weights;

/// How an image of another size becomes a model's.
pub const RESIZE: &str = "scaled until it covers the size (antialiased bilinear), then cropped at \
                          the centre: torchvision's Resize and CenterCrop";

/// What a student is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One ONNX file.
    Onnx,
    /// Weights, and a script that loads them into PyTorch.
    Torch,
}

/// How an ONNX file takes images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// Normalised floats `[batch, 3, height, width]`.
    #[default]
    Float,
    /// RGB bytes `[batch, height, width, 3]`, as cameras and decoders give them.
    Uint8,
}

/// The files that were written of a run, by name where they lie in its own folder
/// for them, else by path.
pub type Exports = BTreeMap<String, Export>;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// As what.
    pub format: ExportFormat,
    /// Of which weights.
    pub weights: Weights,
    /// Steps that these have behind them.
    pub step: u64,
    /// How it takes images, of an ONNX file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<PixelFormat>,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of it, hexadecimal.
    pub blake3: String,
    /// What proves it; absent where it was not run.
    pub proof: Option<ExportProof>,
}

/// The validation images went through a file, in an engine that did not train it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportProof {
    /// The engine and its version.
    pub engine: String,
    /// Number of images.
    pub images: usize,
    /// Greatest absolute difference between a logit of the file and the network's.
    pub max_difference: f64,
    /// Greatest absolute logit of the network.
    pub max_logit: f64,
    /// Share of images on which both choose the same class.
    pub agreement: f64,
    /// Top-1 of the file; absent without labels.
    pub top1: Option<f64>,
    /// Top-1 of the network; absent without labels.
    pub network_top1: Option<f64>,
}
