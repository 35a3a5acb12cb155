//! Files of named arrays, read: safetensors and PyTorch's own, without running
//! any code.
//!
//! Nothing that a file says of itself is believed before it was held against the
//! file's length, and arrays are read one at a time, when they are requested: a
//! file takes no more memory than the network that it is for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use pytorch_reader::{DType, PytorchError, PytorchReader};
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::array::Array;
use super::element::Element;
use super::fault::Fault;
use super::{WeightsError, archive, limit, tar};
use crate::untrusted::contents::{SAFETENSORS_LENGTH, start_of};
use crate::untrusted::{Contents, clean_line, open_regular};

/// Longest header of a safetensors file that is read, bytes. The format allows
/// six times as many; a network of a thousand arrays has a tenth of a megabyte.
const MAX_HEADER: u64 = 16 << 20;

/// How the reader of PyTorch's archives says that bytes were changed.
const WRONG_CHECKSUM: &str = "Invalid checksum";

/// A file of named arrays, which are read one by one.
pub struct ArrayFile {
    path: PathBuf,
    content: Content,
    /// What the file says of itself besides its arrays.
    about: BTreeMap<String, String>,
}

enum Content {
    SafeTensors {
        bytes: Bytes,
        /// Where the arrays' bytes start.
        start: u64,
        metadata: Box<Metadata>,
    },
    PyTorch(PytorchReader),
}

/// Where a safetensors file's bytes are.
enum Bytes {
    /// On disk.
    File(File),
    /// In memory, the whole file.
    Read(Vec<u8>),
}

impl ArrayFile {
    /// Opens a file of any length.
    ///
    /// # Errors
    /// As [`open_for`](Self::open_for).
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        Self::open_for(path, u64::MAX)
    }

    /// Opens a safetensors or PyTorch file that is meant for a network whose
    /// weights take `needed` bytes; the content decides which it is. Never waits.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else, which is named.
    pub fn open_for(path: &Path, needed: u64) -> Result<Self, WeightsError> {
        let unusable = |fault| WeightsError::Unusable {
            path: path.to_owned(),
            fault,
        };
        let unreadable = |source| WeightsError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = open_regular(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let start = start_of(&file).map_err(unreadable)?;
        let content = match Contents::of(&start) {
            Contents::SafeTensors => read_header(Bytes::File(file), length).map_err(unusable)?,
            contents @ (Contents::Zip | Contents::Stream | Contents::Tar) => {
                match contents {
                    Contents::Zip => archive::check(&file, length, needed),
                    Contents::Tar => tar::check(&file, length).and_then(|()| {
                        within("a file in PyTorch's first format", length, limit(needed))
                    }),
                    _ => within("a file in PyTorch's old format", length, limit(needed)),
                }
                .map_err(unusable)?;
                let reader = PytorchReader::new(path).map_err(|error| {
                    // What a damaged part makes of a pickle says nothing.
                    let damaged = (contents == Contents::Zip)
                        .then(|| archive::damaged_part(&file, length))
                        .flatten();
                    match (damaged, error) {
                        (Some(fault), _) => unusable(fault),
                        (None, PytorchError::Io(source)) if is_of_content(&source) => {
                            unusable(Fault::damaged(&source.to_string()))
                        }
                        (None, PytorchError::Io(source)) => unreadable(source),
                        (None, error) => unusable(pytorch_fault(&error)),
                    }
                })?;
                Content::PyTorch(reader)
            }
            other => return Err(unusable(Fault::of(other))),
        };
        Ok(Self::new(path, content))
    }

    /// A safetensors file that was read already, from `path`.
    ///
    /// # Errors
    /// It is none.
    pub fn of_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, WeightsError> {
        let length = bytes.len() as u64;
        match read_header(Bytes::Read(bytes), length) {
            Ok(content) => Ok(Self::new(path, content)),
            Err(fault) => Err(WeightsError::Unusable {
                path: path.to_owned(),
                fault,
            }),
        }
    }

    fn new(path: &Path, content: Content) -> Self {
        let about = match &content {
            Content::SafeTensors { metadata, .. } => metadata.metadata().clone(),
            Content::PyTorch(_) => None,
        };
        Self {
            path: path.to_owned(),
            content,
            about: about.unwrap_or_default().into_iter().collect(),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Texts that a safetensors file says of itself, by name.
    #[must_use]
    pub fn about(&self) -> &BTreeMap<String, String> {
        &self.about
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

    /// The shape of the array of this name, which is not read for it.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match &self.content {
            Content::SafeTensors { metadata, .. } => {
                metadata.info(name).map(|info| info.shape.as_slice())
            }
            Content::PyTorch(reader) => reader.get(name).map(pytorch_reader::Tensor::shape),
        }
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
                let element = safetensors_element(info.dtype)
                    .ok_or_else(|| self.fault(name, &format!("{:?} elements", info.dtype)))?;
                let (from, to) = info.data_offsets;
                let bytes = bytes
                    .read(start + from as u64, to - from)
                    .map_err(|source| WeightsError::Unreadable {
                        path: self.path.clone(),
                        source,
                    })?;
                (info.shape.clone(), element, bytes)
            }
            Content::PyTorch(reader) => {
                let tensor = reader.get(name).ok_or_else(|| self.absent(name))?;
                let element = pytorch_element(tensor.dtype())
                    .ok_or_else(|| self.fault(name, &format!("{:?} elements", tensor.dtype())))?;
                let bytes = tensor.read().map_err(|error| {
                    let reason = error.to_string();
                    if reason.contains(WRONG_CHECKSUM) {
                        self.unusable(Fault::wrong_checksum(name))
                    } else if is_of_content(&error) {
                        self.unusable(Fault::damaged(&reason))
                    } else {
                        self.fault(name, &reason)
                    }
                })?;
                (tensor.shape().to_vec(), element, bytes)
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

    /// Why an array of integers is no use as weights.
    pub(super) fn integers(&self, name: &str) -> WeightsError {
        self.fault(name, "integers, not floats")
    }

    fn absent(&self, name: &str) -> WeightsError {
        self.fault(name, "there is no such array")
    }

    fn fault(&self, name: &str, reason: &str) -> WeightsError {
        self.unusable(Fault::Array {
            name: clean_line(name).into_owned(),
            reason: clean_line(reason).into_owned(),
        })
    }

    fn unusable(&self, fault: Fault) -> WeightsError {
        WeightsError::Unusable {
            path: self.path.clone(),
            fault,
        }
    }
}

/// Whether an error of reading is one of what is read, and not the system's.
fn is_of_content(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error.kind(), InvalidData | UnexpectedEof)
}

fn within(what: &'static str, bytes: u64, limit: u64) -> Result<(), Fault> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Fault::TooLong { what, bytes, limit })
}

impl Bytes {
    /// `length` bytes from `start`, which the file is known to have.
    fn read(&self, start: u64, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        match self {
            Self::File(file) => {
                let mut file = file;
                file.seek(SeekFrom::Start(start))?;
                file.read_exact(&mut bytes)?;
            }
            Self::Read(all) => {
                let mut rest = Cursor::new(all);
                rest.set_position(start);
                rest.read_exact(&mut bytes)?;
            }
        }
        Ok(bytes)
    }
}

/// Reads the header of a safetensors file, and holds its length against what the
/// header says.
fn read_header(bytes: Bytes, length: u64) -> Result<Content, Fault> {
    let damaged = |reason: &dyn std::fmt::Display| Fault::Header(reason.to_string());
    let number = bytes
        .read(0, SAFETENSORS_LENGTH)
        .map_err(|error| damaged(&error))?;
    let number = number.first_chunk().copied().unwrap_or_default();
    let header = u64::from_le_bytes(number);
    let start = header.saturating_add(SAFETENSORS_LENGTH as u64);
    if start > length {
        return Err(Fault::Cut {
            expected: start,
            found: length,
        });
    }
    within("its header", header, MAX_HEADER)?;
    let text = bytes
        .read(SAFETENSORS_LENGTH as u64, header as usize)
        .map_err(|error| damaged(&error))?;
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| damaged(&error))?;
    let expected = start.saturating_add(metadata.data_len() as u64);
    if expected > length {
        let found = length;
        return Err(Fault::Cut { expected, found });
    }
    if expected < length {
        let found = length;
        return Err(Fault::Longer { expected, found });
    }
    Ok(Content::SafeTensors {
        bytes,
        start,
        metadata: Box::new(metadata),
    })
}

fn pytorch_fault(error: &PytorchError) -> Fault {
    /// How the reader says that the file holds one object of some class.
    const OBJECT: &str = "Expected a dictionary at the root of the PyTorch file, found ";
    match error {
        PytorchError::InvalidFormat(text) => match text.strip_prefix(OBJECT) {
            Some(class) => Fault::PickledObject(clean_line(class).into_owned()),
            None => Fault::PyTorch(clean_line(text).into_owned()),
        },
        PytorchError::Zip(error) => Fault::DamagedArchive(error.to_string()),
        error => Fault::PyTorch(clean_line(error.to_string().trim_end()).into_owned()),
    }
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
