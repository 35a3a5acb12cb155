//! Weights in files: PyTorch's names, shapes and layouts, so that they go to and
//! come from torchvision without conversion.
//!
//! Saved as safetensors, written beside and renamed. Loaded from safetensors
//! and from PyTorch's own files, whole or not at all: a file that does not fit
//! changes nothing and the error names every difference.

pub(super) mod archive;
mod array;
mod element;
mod fault;
mod file;
#[cfg(test)]
pub(super) mod fixtures;
mod matching;
mod source;
mod tar;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use array::{Array, Values, read_tensors};
pub(super) use element::Element;
pub use fault::Fault;
pub use file::ArrayFile;
pub use matching::{Missing, ShapeMismatch, StateDictMismatch};
use source::SAVE_AVERAGE;
pub use source::find;
pub use write::{write, write_described};

use self::matching::Fitted;
use super::network::Network;
use crate::experiment::plan::Taken;
use crate::untrusted::Show as _;

/// Why weights could not be saved or loaded.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.shown())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path} cannot be used as weights: {fault}", path = path.shown())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What it is and what to do.
        fault: Fault,
    },
    /// The file cannot be written.
    #[error("{path} cannot be written: {source}", path = path.shown())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file's arrays are not the network's.
    #[error("{path} does not fit {network}:{mismatch}", path = path.shown())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Family and size of the network.
        network: String,
        /// Every difference.
        mismatch: StateDictMismatch,
        /// Outputs of the file's classifier, if their number is all that
        /// differs.
        outputs: Option<usize>,
    },
    /// The file holds the network's arrays in several places.
    #[error(
        "{path} holds the network's arrays in several places, {places}; \
         save the state dict that is meant in a file of its own",
        path = path.shown()
    )]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Where they are.
        places: String,
    },
    /// A moving average is requested and there is none.
    #[error(
        "{path} holds no moving average of the weights (`ema: true`), only those {places}; \
         remove `ema` to take them",
        path = path.shown()
    )]
    NoAverage {
        /// The file.
        path: PathBuf,
        /// Where raw weights are.
        places: String,
    },
    /// A moving average is requested, and only a part of it is there.
    #[error(
        "{path}: the moving average of the weights (`ema: true`) {place} {}:{mismatch}\n  save it \
         whole, or remove `ema` to take raw weights",
        if .mismatch.missing.is_empty() { "does not fit" } else { "is incomplete" },
        path = path.shown(), place = place.shown()
    )]
    IncompleteAverage {
        /// The file.
        path: PathBuf,
        /// Where the average is.
        place: String,
        /// What it lacks.
        mismatch: StateDictMismatch,
    },
    /// A moving average is requested, and one seems to be there that is not read.
    #[error(
        "{path}: a moving average of the weights seems to be there {place}, under names that are \
         not the network's, such as `{example}`, and is not read; {SAVE_AVERAGE}",
        path = path.shown(), place = place.shown(), example = example.shown()
    )]
    UnreadAverage {
        /// The file.
        path: PathBuf,
        /// Where the average is.
        place: String,
        /// The name of one of its arrays.
        example: String,
    },
    /// Raw weights are requested and there are none.
    #[error(
        "{path} holds no raw weights (`ema: false`), only their moving average {places}; \
         remove `ema` to take it",
        path = path.shown()
    )]
    OnlyAverage {
        /// The file.
        path: PathBuf,
        /// Where the average is.
        places: String,
    },
    /// A weight is NaN or infinite.
    #[error(
        "{path}: `{name}` holds a value that is not finite; use weights from before training diverged",
        path = path.shown(), name = name.shown()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
    },
    /// A running variance is negative.
    #[error(
        "{path}: `{name}` holds a negative variance, of which there is no root; the file was \
         damaged or is no copy of what a training wrote: take another",
        path = path.shown(), name = name.shown()
    )]
    NegativeVariance {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
    },
    /// What was to be saved is NaN or infinite.
    #[error("`{name}` is no longer finite: the training diverged, and the last checkpoint is kept", name = name.shown())]
    Diverged {
        /// The array.
        name: String,
    },
    /// The device failed.
    #[error("the device failed: {reason}")]
    Device {
        /// What it said.
        reason: String,
    },
}

/// Every parameter and running statistic under PyTorch's names.
///
/// # Errors
/// The device failed.
pub fn state(network: &Network) -> Result<Vec<Array>, WeightsError> {
    let parameters = network.parameters().iter();
    let statistics = network.statistics().iter();
    let tensors = parameters.clone().map(|parameter| parameter.value.clone());
    let running = statistics
        .clone()
        .flat_map(|known| [known.mean.clone(), known.variance.clone()]);
    let mut values = read_tensors(tensors.chain(running))?.into_iter();
    let mut arrays = Vec::new();
    for (parameter, values) in parameters.zip(&mut values) {
        let shape = parameter.shape.clone();
        arrays.push(Array::floats(parameter.name.clone(), shape, values));
    }
    for known in statistics {
        let parts = ["running_mean", "running_var"];
        for (part, values) in parts.into_iter().zip(&mut values) {
            let name = format!("{}.{part}", known.name);
            arrays.push(Array::floats(name, vec![values.len()], values));
        }
        let name = format!("{}.num_batches_tracked", known.name);
        arrays.push(Array::count(name, known.batches));
    }
    Ok(arrays)
}

/// Saves a network's parameters and running statistics as safetensors.
///
/// # Errors
/// The device failed, a value is not finite, or the file cannot be written; what
/// was at `path` is untouched.
pub fn save(network: &Network, path: &Path) -> Result<(), WeightsError> {
    save_described(network, &BTreeMap::new(), path)
}

/// As [`save`], with texts that the file says of itself, so that they go where it
/// goes.
///
/// # Errors
/// As [`save`].
pub fn save_described(
    network: &Network,
    about: &BTreeMap<String, String>,
    path: &Path,
) -> Result<(), WeightsError> {
    write_described(path, &finite(network)?, about)
}

/// What [`save_described`] writes, for who puts it in its place.
///
/// # Errors
/// The device failed, or a value is not finite.
pub fn described_bytes(
    network: &Network,
    about: &BTreeMap<String, String>,
) -> Result<Vec<u8>, WeightsError> {
    let bytes = write::serialized(&finite(network)?, about);
    bytes.map_err(|error| WeightsError::Device {
        reason: error.to_string(),
    })
}

/// Every array of a network, if it can be loaded again.
fn finite(network: &Network) -> Result<Vec<Array>, WeightsError> {
    let arrays = state(network)?;
    // Running statistics may overflow while every loss is finite.
    match arrays.iter().find(|array| !array.is_finite()) {
        Some(array) => Err(WeightsError::Diverged {
            name: array.name.clone(),
        }),
        None => Ok(arrays),
    }
}

/// Loads parameters and running statistics from a safetensors file or a PyTorch
/// state dict, wherever in the file they are.
///
/// # Errors
/// The file cannot be read or does not fit; the network is untouched.
pub fn load(network: &mut Network, path: &Path) -> Result<(), WeightsError> {
    let needed = network.graph().bytes();
    load_all(network, &ArrayFile::open_for(path, needed)?)
}

/// As [`load`], from the bytes of a safetensors file that was read already from
/// `path`.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(network: &mut Network, bytes: Vec<u8>, path: &Path) -> Result<(), WeightsError> {
    load_all(network, &ArrayFile::of_bytes(bytes, path)?)
}

fn load_all(network: &mut Network, file: &ArrayFile) -> Result<(), WeightsError> {
    let graph = network.graph();
    let (place, _) = find(graph, Some(graph.classes), file, None)?;
    let taken = Taken {
        place,
        outputs: None,
    };
    Fitted::read(network, file, &taken)?.apply(network);
    Ok(())
}

/// Loads what was found in a file before.
///
/// # Errors
/// It is no longer there; the network is untouched.
pub fn load_taken(
    network: &mut Network,
    file: &ArrayFile,
    taken: &Taken,
) -> Result<(), WeightsError> {
    source::verify(network.graph(), file, taken)?;
    Fitted::read(network, file, taken)?.apply(network);
    Ok(())
}

/// The most that is read of one thing in a file, for a network whose weights take
/// `needed` bytes. The optimizer's memory, an average and 64-bit floats make
/// weights eight times as long.
fn limit(needed: u64) -> u64 {
    const WITH_ALL_ELSE: u64 = 8;
    const AND_A_LITTLE: u64 = 4 << 20;
    needed
        .saturating_mul(WITH_ALL_ELSE)
        .saturating_add(AND_A_LITTLE)
}

#[cfg(test)]
mod tests;
