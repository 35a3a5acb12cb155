//! Writing named arrays as safetensors.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use safetensors::{Dtype, View};

use super::WeightsError;
use super::array::{Array, Values};
use crate::untrusted::contents::SAFETENSORS_LENGTH;

/// Writes arrays as a safetensors file beside `path`, then renames it, so that
/// no reader ever sees half a file.
///
/// # Errors
/// The file cannot be written; what was at `path` is untouched.
pub fn write(path: &Path, arrays: &[Array]) -> Result<(), WeightsError> {
    write_described(path, arrays, &BTreeMap::new())
}

/// As [`write()`], with texts that the file says of itself.
///
/// # Errors
/// As [`write()`].
pub fn write_described(
    path: &Path,
    arrays: &[Array],
    about: &BTreeMap<String, String>,
) -> Result<(), WeightsError> {
    let unwritable = |source| WeightsError::Unwritable {
        path: path.to_owned(),
        source,
    };
    let bytes = serialized(arrays, about).map_err(unwritable)?;
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
        // The first failure is the one to report; a leftover is harmless.
        let _ = fs::remove_file(&beside);
        unwritable(source)
    })
}

/// The file's bytes: the same for the same arrays and texts.
///
/// # Errors
/// The format cannot hold them.
pub fn serialized(arrays: &[Array], about: &BTreeMap<String, String>) -> std::io::Result<Vec<u8>> {
    // Readers of the format's first users look for this entry.
    let format = ("format".to_owned(), "pt".to_owned());
    let views = arrays.iter().map(|array| (&array.name, array));
    let plain = safetensors::serialize(views, Some(HashMap::from([format.clone()])))
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    let Some((length, rest)) = plain.split_first_chunk::<SAFETENSORS_LENGTH>() else {
        return Ok(plain);
    };
    if about.is_empty() {
        return Ok(plain);
    }
    // The library writes several texts in an order that differs each time.
    let (header, arrays) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: serde_json::Value = serde_json::from_slice(header)?;
    let texts: BTreeMap<&String, &String> = about.iter().chain([(&format.0, &format.1)]).collect();
    header["__metadata__"] = serde_json::to_value(texts)?;
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(SAFETENSORS_LENGTH), b' ');
    let mut bytes = Vec::with_capacity(SAFETENSORS_LENGTH + header.len() + arrays.len());
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.extend(arrays);
    Ok(bytes)
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
