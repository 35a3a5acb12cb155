//! Files of named arrays in the safetensors format, with a JSON text that says
//! what they are.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::engine::failure::Failure;
use crate::format;
use crate::run::atomic::write_file;
use crate::run::seal::Owner;
use crate::untrusted::{open_regular, read_limited};

/// Entry of a file's metadata that holds what is no array.
const ABOUT: &str = "probe";

/// Entry of a file's metadata with the BLAKE3 of that and of all arrays, hexadecimal.
/// Files of older programs lack it.
const CHECKSUM: &str = "blake3";

/// Entry of a file's metadata that says whose it is: of a run's folder, as JSON. Files of
/// older programs lack it.
const OWNER: &str = "owner";

/// Bytes of the largest file: 64 images at 512 × 512 pixels with four views each
/// are less.
const LARGEST: u64 = 256 << 20;

/// Bytes of the longest header: names of classes and files.
const LONGEST_HEADER: u64 = 16 << 20;

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

/// Writes a file of arrays, whole or not at all. `owner` is whose it is, where that is
/// known.
pub fn write(
    path: &Path,
    arrays: &[Array],
    about: &impl Serialize,
    owner: Option<&Owner>,
) -> Result<(), Failure> {
    let failed = |error: serde_json::Error| Failure::File {
        path: path.to_owned(),
        error: error.into(),
    };
    let text = serde_json::to_string(about).map_err(failed)?;
    let views = arrays.iter().map(|array| {
        let view = TensorView::new(array.kind, array.shape.clone(), &array.bytes);
        view.map(|view| (array.name, view))
    });
    let views = views.collect::<Result<Vec<_>, _>>();
    let views = views.map_err(|error| unwritten(path, &error))?;
    write_views(path, views, text, owner)
}

/// A whole file that [`write`] wrote, to be given to another owner.
pub struct Whole<'a> {
    about: serde_json::Value,
    arrays: Arrays<'a>,
}

impl<'a> Whole<'a> {
    /// # Errors
    /// As [`read`].
    pub fn read(path: &'a Path, owner: Option<&Owner>) -> Result<Self, Failure> {
        let (about, arrays) = read(path, owner)?;
        Ok(Self { about, arrays })
    }

    /// Writes it in another place, where it is of another owner.
    ///
    /// # Errors
    /// As of the function [`write`].
    pub fn write(&self, path: &Path, owner: Option<&Owner>) -> Result<(), Failure> {
        let all = SafeTensors::deserialize(&self.arrays.bytes);
        let views = all.map_err(|error| self.arrays.unfit(&error.to_string()))?;
        write_views(path, views.tensors(), self.about.to_string(), owner)
    }
}

fn unwritten(path: &Path, error: &impl ToString) -> Failure {
    Failure::File {
        path: path.to_owned(),
        error: io::Error::other(error.to_string()),
    }
}

fn write_views<N: AsRef<str> + Ord + Display>(
    path: &Path,
    views: Vec<(N, TensorView<'_>)>,
    about: String,
    owner: Option<&Owner>,
) -> Result<(), Failure> {
    let failed = |error| Failure::File {
        path: path.to_owned(),
        error,
    };
    let owner = owner.map(serde_json::to_string).transpose();
    let owner = owner.map_err(|error| failed(error.into()))?;
    let all = views.iter();
    let all = all.map(|(name, view)| (name.as_ref(), view.shape(), view.data()));
    let checksum = checksum(&about, owner.as_deref(), all);
    let mut metadata = HashMap::from([(ABOUT.to_owned(), about), (CHECKSUM.to_owned(), checksum)]);
    metadata.extend(owner.map(|owner| (OWNER.to_owned(), owner)));
    let bytes = safetensors::serialize(views, Some(metadata));
    let bytes = bytes.map_err(|error| unwritten(path, &error))?;
    if bytes.len() as u64 > LARGEST {
        let reason = format!(
            "would take {} bytes, and at most {} are read",
            bytes.len(),
            format::binary(LARGEST)
        );
        return Err(failed(io::Error::other(reason)));
    }
    write_file(path, &bytes).map_err(failed)
}

/// Arrays that were read, by name.
pub struct Arrays<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    /// Shape and place of each.
    places: HashMap<String, (Vec<usize>, Range<usize>)>,
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// If the file cannot be read, is none of these, or is known to be of another owner.
pub fn read<'p, T: for<'a> Deserialize<'a>>(
    path: &'p Path,
    owner: Option<&Owner>,
) -> Result<(T, Arrays<'p>), Failure> {
    let bytes = read_limited(path, LARGEST).map_err(|error| Failure::File {
        path: path.to_owned(),
        error,
    })?;
    let mut read = Arrays {
        path,
        bytes,
        places: HashMap::new(),
    };
    let header = read
        .bytes
        .first_chunk()
        .map_or(0, |n| u64::from_le_bytes(*n));
    if header > LONGEST_HEADER {
        return Err(read.unfit("has a damaged header"));
    }
    let (header, metadata) =
        SafeTensors::read_metadata(&read.bytes).map_err(|e| read.unfit(&e.to_string()))?;
    let entry = |name| metadata.metadata().as_ref()?.get(name);
    let text = entry(ABOUT).ok_or_else(|| read.unfit("is not a probe's file"))?;
    let about = serde_json::from_str(text).map_err(|error| read.unfit(&error.to_string()))?;
    // The header's own length comes before it.
    let begin = size_of::<u64>() + header;
    read.places = metadata
        .tensors()
        .into_iter()
        .map(|(name, array)| {
            let (from, to) = array.data_offsets;
            (name, (array.shape.clone(), begin + from..begin + to))
        })
        .collect();
    let all = read.places.iter();
    let all = all.map(|(name, (shape, place))| {
        let bytes = read.bytes.get(place.clone()).unwrap_or_default();
        (name.as_str(), shape.as_slice(), bytes)
    });
    let known = entry(OWNER).map(String::as_str);
    if entry(CHECKSUM).is_some_and(|sum| *sum != checksum(text, known, all)) {
        return Err(read.unfit("is damaged: its content differs from its checksum"));
    }
    let known = known.map(serde_json::from_str::<Owner>).transpose();
    let known = known.map_err(|error| read.unfit(&error.to_string()))?;
    if owner
        .zip(known.as_ref())
        .is_some_and(|(owner, known)| owner != known)
    {
        return Err(read.unfit("was written by another run"));
    }
    Ok((about, read))
}

/// Sees that a file is one that [`write`] wrote, as far as its header and its length
/// show it: of its arrays nothing is read.
///
/// # Errors
/// As [`read`].
pub fn check(path: &Path, owner: Option<&Owner>) -> Result<(), Failure> {
    let failed = |error| Failure::File {
        path: path.to_owned(),
        error,
    };
    let unfit = |what: &str| unfit(path, what);
    let mut file = open_regular(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut begin = [0; size_of::<u64>()];
    let read = file.read_exact(&mut begin);
    read.map_err(|_| unfit("has a damaged header"))?;
    let header = u64::from_le_bytes(begin);
    if header > LONGEST_HEADER || header > length {
        return Err(unfit("has a damaged header"));
    }
    let mut text = vec![0; header as usize];
    file.read_exact(&mut text).map_err(failed)?;
    let metadata: Metadata =
        serde_json::from_slice(&text).map_err(|error| unfit(&error.to_string()))?;
    let ends = metadata.tensors().into_values();
    let data = ends.map(|array| array.data_offsets.1).max().unwrap_or(0);
    let expected = begin.len() as u64 + header + data as u64;
    if length != expected {
        let what = format!("is damaged: it has {length} bytes and was written with {expected}");
        return Err(unfit(&what));
    }
    let entry = |name| metadata.metadata().as_ref()?.get(name);
    if entry(ABOUT).is_none() {
        return Err(unfit("is not a probe's file"));
    }
    let known = entry(OWNER).map(|known| serde_json::from_str::<Owner>(known));
    let known = known
        .transpose()
        .map_err(|error| unfit(&error.to_string()))?;
    match owner.zip(known.as_ref()) {
        Some((owner, known)) if owner != known => Err(unfit("was written by another run")),
        _ => Ok(()),
    }
}

/// What is wrong with a file, and what to do.
fn unfit(path: &Path, what: &str) -> Failure {
    Failure::Checkpoint {
        path: path.to_owned(),
        message: format!("{what}; delete the folder to do without it"),
    }
}

/// BLAKE3 of a file's content, in whatever order it lies.
fn checksum<'a>(
    about: &str,
    owner: Option<&str>,
    arrays: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>,
) -> String {
    let mut arrays: Vec<_> = arrays.collect();
    arrays.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(about.as_bytes());
    if let Some(owner) = owner {
        hasher.update(format!("\n{owner}").as_bytes());
    }
    for (name, shape, bytes) in arrays {
        hasher
            .update(format!("\n{name} {shape:?}\n").as_bytes())
            .update(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

impl Arrays<'_> {
    /// The elements of an array of bytes with `D` dimensions, and their number
    /// along each.
    ///
    /// # Errors
    /// If there is none.
    pub fn bytes<const D: usize>(&self, name: &str) -> Result<([usize; D], &[u8]), Failure> {
        let found = self.places.get(name);
        found
            .and_then(|(shape, place)| {
                let shape: [usize; D] = shape.as_slice().try_into().ok()?;
                let bytes = self.bytes.get(place.clone())?;
                let count = shape.iter().try_fold(1, |n: usize, &d| n.checked_mul(d));
                (count == Some(bytes.len())).then_some((shape, bytes))
            })
            .ok_or_else(|| self.unfit(&format!("has no {name}")))
    }

    /// The rows of an array of floats; none if there is no such array.
    ///
    /// # Errors
    /// If it is something else.
    pub fn floats(&self, name: &str) -> Result<Option<Vec<Vec<f32>>>, Failure> {
        let Some((shape, place)) = self.places.get(name) else {
            return Ok(None);
        };
        let bytes = self.bytes.get(place.clone()).unwrap_or_default();
        let &[count, length] = shape.as_slice() else {
            return Err(self.unfit(&format!("has {name} of an unknown shape")));
        };
        let values: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        if length == 0 || count.checked_mul(length) != Some(values.len()) {
            return Err(self.unfit(&format!("has torn {name}")));
        }
        let rows = values.chunks_exact(length).map(<[f32]>::to_vec);
        Ok(Some(rows.collect()))
    }

    /// The error that says what is wrong with the file.
    pub fn unfit(&self, what: &str) -> Failure {
        unfit(self.path, what)
    }
}
