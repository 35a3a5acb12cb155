//! Where images come from: what was found, and how one of them is read.
//!
//! A source lists its images in an order that depends on nothing but their
//! names and content, with a label for each if it has any. Nothing is decoded
//! here before it is requested.

mod binary;
mod cifar;
mod error;
mod folder;
mod generated;
mod idx;
mod layout;
mod list;
mod order;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::decode::{Decoded, Decoder};
use crate::data::image_error::ImageError;
use crate::event::SkippedImage;
use crate::experiment::plan::MAX_RECORDS;
use crate::experiment::spec::{ClassOrder, Shapes, Source};
use crate::untrusted::FileVersion;
use crate::untrusted::{FileId, Show as _};

pub use error::SourceError;
pub(super) use layout::{classes_above, meant, otherwise};

/// What a source holds.
#[derive(Debug)]
pub(super) struct Found {
    /// Names of the classes, in the order of their labels; empty without
    /// labels.
    pub classes: Vec<String>,
    /// A label per image; empty without labels.
    pub labels: Vec<u32>,
    /// The images.
    pub origin: Origin,
    /// Real folders that hold images themselves, whatever they are called.
    pub folders: HashMap<FileId, PathBuf>,
    /// What a person should know although nothing is wrong.
    pub notes: Vec<String>,
    /// Images that are listed by name and not there. They count among the images until
    /// these are opened.
    pub missing: Vec<SkippedImage>,
    /// The splits of a list that has any, with their numbers of rows.
    pub splits: BTreeMap<String, usize>,
}

impl Found {
    /// Images that lie in no folder of their own.
    fn outside_folders(classes: Vec<String>, labels: Vec<u32>, origin: Origin) -> Self {
        Self {
            classes,
            labels,
            origin,
            folders: HashMap::new(),
            notes: Vec::new(),
            missing: Vec::new(),
            splits: BTreeMap::new(),
        }
    }
}

/// Images that can be read one at a time, at their own size.
#[derive(Debug)]
pub(super) enum Origin {
    /// Image files.
    Files(Vec<PathBuf>),
    /// Raw pixels in binary files.
    Records(binary::Records),
    /// Pictures made on demand.
    Generated(Shapes),
}

impl Origin {
    /// Number of images.
    pub fn len(&self) -> usize {
        match self {
            Self::Files(paths) => paths.len(),
            Self::Records(records) => records.len(),
            Self::Generated(spec) => spec.count as usize,
        }
    }

    /// The files that images are read from.
    pub fn files(&self) -> Vec<&Path> {
        match self {
            Self::Files(paths) => paths.iter().map(PathBuf::as_path).collect(),
            Self::Records(records) => records.files.iter().map(|file| &*file.path).collect(),
            Self::Generated(_) => Vec::new(),
        }
    }

    /// Checks one image before it is streamed, without decoding its pixels, and
    /// says which version of its file that was, where the file is its own.
    pub fn version(
        &self,
        index: usize,
        decoder: &Decoder,
    ) -> Result<Option<FileVersion>, ImageError> {
        match self {
            Self::Files(paths) => decoder.version(&paths[index]).map(Some),
            Self::Records(_) | Self::Generated(_) => Ok(None),
        }
    }

    /// Which version of its file stands there now; none if there is no file, or none
    /// of its own.
    pub fn version_now(&self, index: usize) -> Option<FileVersion> {
        match self {
            Self::Files(paths) => FileVersion::at(&paths[index]),
            Self::Records(records) => records.version_now(index),
            Self::Generated(_) => None,
        }
    }

    /// One image at its own size, of the known version of its file.
    pub fn read(
        &self,
        index: usize,
        decoder: &Decoder,
        known: Option<FileVersion>,
    ) -> Result<Decoded, ImageError> {
        match self {
            Self::Files(paths) => decoder.read_known(&paths[index], known),
            Self::Records(records) => {
                let (width, height) = records.dimensions();
                let pixels = u64::from(width) * u64::from(height);
                decoder.raw(pixels, || records.read(index, known))
            }
            Self::Generated(spec) => {
                let (image, _) = generated::render(spec, index as u32);
                Ok(Decoded::made(image))
            }
        }
    }

    /// Width and height of one image, without decoding its pixels.
    pub fn dimensions(&self, index: usize, decoder: &Decoder) -> Result<(u32, u32), ImageError> {
        match self {
            Self::Files(paths) => decoder.dimensions(&paths[index]),
            Self::Records(records) => Ok(records.dimensions()),
            Self::Generated(spec) => Ok((spec.size, spec.size)),
        }
    }

    /// Feeds what one image is read from to a hash: the bytes of its file, its
    /// record with its shape, or what it is made from.
    pub fn hash(
        &self,
        index: usize,
        decoder: &Decoder,
        known: Option<FileVersion>,
        hasher: &mut blake3::Hasher,
    ) -> Result<(), ImageError> {
        match self {
            Self::Files(paths) => decoder.hash(&paths[index], known, hasher),
            Self::Records(records) => {
                hasher.update(&records.shape());
                hasher.update(&records.bytes(index, known)?);
                Ok(())
            }
            Self::Generated(spec) => {
                hasher.update(&generated::recipe(spec, index as u32));
                Ok(())
            }
        }
    }

    /// The same as programs hashed it that left out the shape of records; none where
    /// that makes no difference.
    pub fn hash_without_shape(&self, index: usize) -> Option<Result<blake3::Hash, ImageError>> {
        match self {
            Self::Records(records) if !records.shape().is_empty() => {
                let bytes = records.bytes(index, records.version(index));
                Some(bytes.map(|bytes| blake3::hash(&bytes)))
            }
            Self::Files(_) | Self::Records(_) | Self::Generated(_) => None,
        }
    }

    /// Length and times of change of an image's file; empty if there is none.
    pub fn stamp(&self, index: usize) -> Vec<u8> {
        match self {
            Self::Files(_) => {
                let version = self.version_now(index);
                version.map_or_else(Vec::new, |version| version.stamp())
            }
            Self::Records(records) => records.stamp(index).to_vec(),
            Self::Generated(spec) => generated::recipe(spec, index as u32),
        }
    }

    /// Width and height of every image, where they are the same by their nature.
    pub fn uniform_size(&self) -> Option<(u32, u32)> {
        match self {
            Self::Files(_) => None,
            Self::Records(records) => Some(records.dimensions()),
            Self::Generated(spec) => Some((spec.size, spec.size)),
        }
    }

    /// A path, or a path with the number of the image in it.
    pub fn name(&self, index: usize) -> PathBuf {
        match self {
            Self::Files(paths) => paths[index].clone(),
            Self::Records(records) => records.name(index),
            Self::Generated(spec) => PathBuf::from(format!("shapes-{}#{index}", spec.seed)),
        }
    }
}

/// Whether labels are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    /// A folder has class folders, unless it holds nothing but images; a list has labels.
    FromFolders,
    /// Images anywhere below a folder; labels of other sources are dropped.
    Ignored,
}

/// Lists the images of a source.
pub(super) fn find(
    source: &Source,
    labels: Labels,
    order: ClassOrder,
    decoder: &Decoder,
) -> Result<Found, SourceError> {
    let found = match source {
        Source::ImageFolder(folder) => match labels {
            Labels::FromFolders => folder::classes(folder, order),
            Labels::Ignored => folder::flat(folder),
        },
        Source::List(list) => list::find(list, labels, order),
        Source::Idx(files) => idx::find(files, decoder.max_raw_pixels()),
        Source::Cifar10(files) => cifar::find(files, cifar::Kind::Ten),
        Source::Cifar100(files) => cifar::find(files, cifar::Kind::Hundred),
        Source::Shapes(spec) => {
            check_records(u64::from(spec.count), || place(source))?;
            Ok(generated::find(spec))
        }
    }?;
    countable(&found, || place(source))?;
    Ok(match labels {
        Labels::FromFolders => found,
        Labels::Ignored => Found {
            classes: Vec::new(),
            labels: Vec::new(),
            ..found
        },
    })
}

/// Lists every image below a folder. Subfolders that cannot be read are listed
/// beside it: a person who only looks at images wants the others.
pub(super) fn find_below(folder: &Path) -> Result<(Found, Vec<SkippedImage>), SourceError> {
    let (found, skipped) = folder::flat_as_far_as_possible(folder)?;
    countable(&found, || folder.shown().to_string())?;
    Ok((found, skipped))
}

/// Images are counted in 32 bits.
fn countable(found: &Found, place: impl FnOnce() -> String) -> Result<(), SourceError> {
    within(found.origin.len() as u64, u64::from(u32::MAX), place)
}

/// Images that are no files take memory by the number that a file says.
fn check_records(count: u64, place: impl FnOnce() -> String) -> Result<(), SourceError> {
    within(count, u64::from(MAX_RECORDS), place)
}

fn within(count: u64, limit: u64, place: impl FnOnce() -> String) -> Result<(), SourceError> {
    if count <= limit {
        return Ok(());
    }
    Err(SourceError::TooManyImages {
        place: place(),
        count,
        limit,
    })
}

/// Where a source is, for people.
pub(super) fn place(source: &Source) -> String {
    match source {
        Source::ImageFolder(folder) => folder.shown().to_string(),
        Source::List(list) => match &list.split {
            Some(split) => format!("{} (split {split})", list.file.shown()),
            None => list.file.shown().to_string(),
        },
        Source::Idx(files) => files.images.shown().to_string(),
        Source::Cifar10(files) | Source::Cifar100(files) => match files.as_slice() {
            [] => "an empty list of files".to_owned(),
            [one] => one.shown().to_string(),
            [first, rest @ ..] => format!("{} and {} more files", first.shown(), rest.len()),
        },
        Source::Shapes(_) => "generated shapes".to_owned(),
    }
}

/// The file's name alone, for people.
fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
