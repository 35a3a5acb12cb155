//! Files of named arrays: safetensors, written and read, and PyTorch's own,
//! read without running any code.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use burn_store::pytorch_reader::{DType, PytorchReader};
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors, View};

use super::WeightsError;
use super::array::{Array, Values};
use super::element::Element;

/// Length of the number that a safetensors file starts with, bytes.
const HEADER_LENGTH: usize = 8;

/// A file of named arrays, which are read one by one.
pub struct ArrayFile {
    path: PathBuf,
    content: Content,
}

enum Content {
    SafeTensors {
        bytes: Vec<u8>,
        /// Where the arrays' bytes start.
        start: usize,
        metadata: Metadata,
    },
    PyTorch(PytorchReader),
}

impl ArrayFile {
    /// Opens a safetensors or PyTorch file; the content tells which.
    ///
    /// # Errors
    /// The file cannot be read or is neither.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let unreadable = |source| WeightsError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let malformed = |reason: String| WeightsError::Malformed {
            path: path.to_owned(),
            reason,
        };
        if is_safetensors(path).map_err(unreadable)? {
            return Self::of_bytes(fs::read(path).map_err(unreadable)?, path);
        }
        let reader = PytorchReader::new(path)
            .map_err(|error| malformed(error.to_string().trim_end().to_owned()))?;
        Ok(Self {
            path: path.to_owned(),
            content: Content::PyTorch(reader),
        })
    }

    /// A safetensors file that was read already, from `path`.
    ///
    /// # Errors
    /// It is none.
    pub fn of_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, WeightsError> {
        let (header, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| WeightsError::Malformed {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            path: path.to_owned(),
            content: Content::SafeTensors {
                start: HEADER_LENGTH + header,
                bytes,
                metadata,
            },
        })
    }

    /// Names of all arrays, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = match &self.content {
            Content::SafeTensors { metadata, .. } => metadata.offset_keys(),
            Content::PyTorch(reader) => reader.keys(),
        };
        names.sort();
        names
    }

    /// The array of this name, as 32-bit floats or 64-bit integers.
    ///
    /// # Errors
    /// There is none, its elements are neither floats nor integers, or its
    /// bytes cannot be read.
    pub fn array(&self, name: &str) -> Result<Array, WeightsError> {
        let (shape, element, bytes) = match &self.content {
            Content::SafeTensors {
                bytes,
                start,
                metadata,
            } => {
                let info = metadata.info(name).ok_or_else(|| self.absent(name))?;
                let (from, to) = info.data_offsets;
                let data = bytes
                    .get(start + from..start + to)
                    .ok_or_else(|| self.malformed(name, "its bytes are beyond the end"))?;
                let element = safetensors_element(info.dtype)
                    .ok_or_else(|| self.malformed(name, &format!("{:?} elements", info.dtype)))?;
                (info.shape.clone(), element, Cow::Borrowed(data))
            }
            Content::PyTorch(reader) => {
                let tensor = reader.get(name).ok_or_else(|| self.absent(name))?;
                let element = pytorch_element(tensor.dtype()).ok_or_else(|| {
                    self.malformed(name, &format!("{:?} elements", tensor.dtype()))
                })?;
                let data = tensor
                    .read()
                    .map_err(|error| self.malformed(name, &error.to_string()))?;
                (tensor.shape().to_vec(), element, Cow::Owned(data))
            }
        };
        Ok(Array {
            name: name.to_owned(),
            shape,
            values: element.decode(&bytes),
        })
    }

    /// Every array, in the order of names.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn arrays(&self) -> Result<Vec<Array>, WeightsError> {
        self.names().iter().map(|name| self.array(name)).collect()
    }

    fn absent(&self, name: &str) -> WeightsError {
        self.malformed(name, "there is no such array")
    }

    fn malformed(&self, name: &str, reason: &str) -> WeightsError {
        WeightsError::Malformed {
            path: self.path.clone(),
            reason: format!("`{name}`: {reason}"),
        }
    }
}

/// Writes arrays as a safetensors file beside `path`, then renames it, so that
/// no reader ever sees half a file.
///
/// # Errors
/// The file cannot be written; what was at `path` is untouched.
pub fn write(path: &Path, arrays: &[Array]) -> Result<(), WeightsError> {
    let unwritable = |source| WeightsError::Unwritable {
        path: path.to_owned(),
        source,
    };
    // Readers of the format's first users look for this entry.
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let views = arrays.iter().map(|array| (&array.name, array));
    let bytes = safetensors::serialize(views, Some(about))
        .map_err(|error| unwritable(std::io::Error::other(error.to_string())))?;
    let name = path
        .file_name()
        .ok_or_else(|| unwritable(std::io::ErrorKind::InvalidFilename.into()))?;
    let beside = path.with_file_name(format!(
        ".{}.{}.part",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = File::create(&beside)
        .and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| {
        // The first failure is the one to tell; a leftover is harmless.
        let _ = fs::remove_file(&beside);
        unwritable(source)
    })
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::F32(_) => Dtype::F32,
            Values::I64(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(match &self.values {
            Values::F32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::I64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        match &self.values {
            Values::F32(values) => 4 * values.len(),
            Values::I64(values) => 8 * values.len(),
        }
    }
}

/// Whether the header after the length is JSON; no PyTorch file has a brace
/// there.
fn is_safetensors(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?
        .take(HEADER_LENGTH as u64 + 1)
        .read_to_end(&mut start)?;
    Ok(start.get(HEADER_LENGTH) == Some(&b'{'))
}

fn safetensors_element(kind: Dtype) -> Option<Element> {
    Some(match kind {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::I64 => Element::I64,
        Dtype::I32 => Element::I32,
        _ => return None,
    })
}

fn pytorch_element(kind: DType) -> Option<Element> {
    Some(match kind {
        DType::F64 => Element::F64,
        DType::F32 => Element::F32,
        DType::F16 => Element::F16,
        DType::BF16 => Element::BF16,
        DType::I64 => Element::I64,
        DType::I32 => Element::I32,
        _ => return None,
    })
}
