//! Files of named arrays in the safetensors format, with a JSON text that says
//! what they are.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::engine::failure::Failure;
use crate::run::atomic::write_file;

/// Entry of a file's metadata that holds what is no array.
const ABOUT: &str = "probe";

/// An array: its name, type, shape and elements, row by row, little-endian.
pub struct Array {
    name: &'static str,
    kind: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    /// An array of bytes.
    pub fn bytes(name: &'static str, shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        Self {
            name,
            kind: Dtype::U8,
            shape,
            bytes,
        }
    }

    /// Rows of one length, `[row, value]`.
    pub fn floats(name: &'static str, rows: &[Vec<f32>]) -> Self {
        let values = rows.iter().flatten();
        Self {
            name,
            kind: Dtype::F32,
            shape: vec![rows.len(), rows.first().map_or(0, Vec::len)],
            bytes: values.flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// Writes a file of arrays, whole or not at all.
pub fn write(path: &Path, arrays: &[Array], about: &impl Serialize) -> Result<(), Failure> {
    let failed = |error| Failure::File {
        path: path.to_owned(),
        error,
    };
    let text = serde_json::to_string(about).map_err(|error| failed(error.into()))?;
    let metadata = HashMap::from([(ABOUT.to_owned(), text)]);
    let views = arrays.iter().map(|array| {
        TensorView::new(array.kind, array.shape.clone(), &array.bytes)
            .map(|view| (array.name, view))
    });
    let bytes = views
        .collect::<Result<Vec<_>, _>>()
        .and_then(|views| safetensors::serialize(views, Some(metadata)))
        .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    write_file(path, &bytes).map_err(failed)
}

/// Arrays that were read, by name.
pub struct Arrays<'a> {
    path: &'a Path,
    arrays: HashMap<String, (Vec<usize>, Vec<u8>)>,
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// If the file cannot be read or is none of these.
pub fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<(T, Arrays<'_>), Failure> {
    let unfit = |message: String| Failure::Checkpoint {
        path: path.to_owned(),
        message,
    };
    let bytes = fs::read(path).map_err(|error| Failure::File {
        path: path.to_owned(),
        error,
    })?;
    let (_, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| unfit(error.to_string()))?;
    let about = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(ABOUT))
        .ok_or_else(|| unfit("is not a probe's file".to_owned()))?;
    let about = serde_json::from_str(about).map_err(|error| unfit(error.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| unfit(error.to_string()))?;
    let arrays = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.shape().to_vec(), view.data().to_vec())))
        .collect();
    Ok((about, Arrays { path, arrays }))
}

impl Arrays<'_> {
    /// The elements of an array of bytes with `D` dimensions, and their number
    /// along each.
    ///
    /// # Errors
    /// If there is none.
    pub fn bytes<const D: usize>(&self, name: &str) -> Result<([usize; D], &[u8]), Failure> {
        let found = self.arrays.get(name);
        found
            .and_then(|(shape, bytes)| {
                let shape: [usize; D] = shape.as_slice().try_into().ok()?;
                (shape.iter().product::<usize>() == bytes.len())
                    .then_some((shape, bytes.as_slice()))
            })
            .ok_or_else(|| self.unfit(&format!("has no {name}")))
    }

    /// The rows of an array of floats; none if there is no such array.
    ///
    /// # Errors
    /// If it is something else.
    pub fn floats(&self, name: &str) -> Result<Option<Vec<Vec<f32>>>, Failure> {
        let Some((shape, bytes)) = self.arrays.get(name) else {
            return Ok(None);
        };
        let &[count, length] = shape.as_slice() else {
            return Err(self.unfit(&format!("has {name} of an unknown shape")));
        };
        let values: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        if length == 0 || values.len() != count * length {
            return Err(self.unfit(&format!("has torn {name}")));
        }
        let rows = values.chunks_exact(length).map(<[f32]>::to_vec);
        Ok(Some(rows.collect()))
    }

    /// The error that says what is wrong with the file.
    pub fn unfit(&self, what: &str) -> Failure {
        Failure::Checkpoint {
            path: self.path.to_owned(),
            message: format!("{what}; delete the folder to do without it"),
        }
    }
}
