//! Writing named arrays as safetensors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use safetensors::{Dtype, View};

use super::WeightsError;
use super::array::{Array, Values};

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
