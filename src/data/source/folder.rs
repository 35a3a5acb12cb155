//! Folders of image files.
//!
//! Hidden files and folders are passed over, and so are files that neither
//! look like images nor are named like ones. A file with an image's name is
//! always listed: if it turns out to be no image it counts as a bad one. Links
//! are followed. Names are sorted by their bytes, as torchvision sorts them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Found, Origin, SourceError, file_name};
use crate::data::decode;
use crate::event::SkippedImage;

/// Endings by which a file claims to be an image, decoded here or not.
const ENDINGS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "gif", "tif", "tiff", "heic",
    "heif", "avif", "jxl", "jp2", "ppm",
];

/// Subfolders of these names are parts of a data set.
const PARTS: [&str; 10] = [
    "train",
    "training",
    "test",
    "testing",
    "val",
    "valid",
    "validation",
    "dev",
    "eval",
    "unlabelled",
];

/// Folders that systems and archives leave behind.
const LITTER: [&str; 3] = ["__MACOSX", "@eaDir", "$RECYCLE.BIN"];

/// Lists a folder with one subfolder per class. A folder of images without any
/// subfolder is listed without labels.
pub(super) fn classes(folder: &Path) -> Result<Found, SourceError> {
    let Listing { folders, images } = list(folder)?;
    if folders.is_empty() {
        return unlabelled(folder, images);
    }
    let classes = folders
        .iter()
        .map(|path| match path.file_name().and_then(OsStr::to_str) {
            Some(name) => Ok(name.to_owned()),
            None => Err(SourceError::NameNotUnicode { path: path.clone() }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    if classes
        .iter()
        .all(|name| PARTS.contains(&name.to_lowercase().as_str()))
    {
        return Err(SourceError::PartsNotClasses {
            path: folder.to_owned(),
            subfolders: classes,
        });
    }
    if let Some(first) = images.first() {
        return Err(SourceError::StrayImages {
            path: folder.to_owned(),
            count: images.len(),
            example: file_name(first),
        });
    }
    let mut paths = Vec::new();
    let mut labels = Vec::new();
    for (label, class) in (0..).zip(&folders) {
        let mut walk = Walk::strict(vec![real(folder)?]);
        walk.enter(class)?;
        paths.append(&mut walk.paths);
        labels.resize(paths.len(), label);
    }
    if paths.is_empty() {
        return Err(SourceError::NoImages {
            path: folder.to_owned(),
        });
    }
    Ok(Found {
        classes,
        labels,
        origin: Origin::Files(paths),
    })
}

/// Lists every image below a folder, without labels.
pub(super) fn flat(folder: &Path) -> Result<Found, SourceError> {
    let mut walk = Walk::strict(Vec::new());
    walk.enter(folder)?;
    unlabelled(folder, walk.paths)
}

/// As [`flat`], but passes over subfolders that cannot be read or that lead back
/// to where they are, and returns them.
pub(super) fn flat_as_far_as_possible(
    folder: &Path,
) -> Result<(Found, Vec<SkippedImage>), SourceError> {
    let mut walk = Walk {
        passed_over: Some(Vec::new()),
        ..Walk::strict(Vec::new())
    };
    walk.enter(folder)?;
    let passed_over = walk.passed_over.unwrap_or_default();
    match unlabelled(folder, walk.paths) {
        Ok(found) => Ok((found, passed_over.iter().map(skipped).collect())),
        // Why there are no images says more than that there are none.
        Err(error) => Err(passed_over.into_iter().next().unwrap_or(error)),
    }
}

/// A subfolder that was passed over, among the files that were.
fn skipped(error: &SourceError) -> SkippedImage {
    let (path, reason) = match error {
        SourceError::Cycle { path } => (path.clone(), "leads back to a folder above it".to_owned()),
        SourceError::Unreadable { path, reason } => (path.clone(), reason.clone()),
        other => (PathBuf::new(), other.to_string()),
    };
    SkippedImage { path, reason }
}

fn unlabelled(folder: &Path, paths: Vec<PathBuf>) -> Result<Found, SourceError> {
    if paths.is_empty() {
        return Err(SourceError::NoImages {
            path: folder.to_owned(),
        });
    }
    Ok(Found {
        classes: Vec::new(),
        labels: Vec::new(),
        origin: Origin::Files(paths),
    })
}

/// A way through folders.
struct Walk {
    /// Images so far.
    paths: Vec<PathBuf>,
    /// The folders on the way here, to notice one that contains itself.
    above: Vec<PathBuf>,
    /// What is wrong with subfolders, where that does not end the walk.
    passed_over: Option<Vec<SourceError>>,
}

impl Walk {
    /// One that ends at the first folder that cannot be read.
    fn strict(above: Vec<PathBuf>) -> Self {
        Self {
            paths: Vec::new(),
            above,
            passed_over: None,
        }
    }

    /// Appends the images of a folder, then those of its subfolders, each sorted.
    fn enter(&mut self, folder: &Path) -> Result<(), SourceError> {
        let listing = list(folder)?;
        let here = real(folder)?;
        if self.above.contains(&here) {
            return Err(SourceError::Cycle {
                path: folder.to_owned(),
            });
        }
        self.above.push(here);
        self.paths.extend(listing.images);
        for inner in &listing.folders {
            if let Err(error) = self.enter(inner) {
                match &mut self.passed_over {
                    Some(passed_over) => passed_over.push(error),
                    None => return Err(error),
                }
            }
        }
        self.above.pop();
        Ok(())
    }
}

fn real(folder: &Path) -> Result<PathBuf, SourceError> {
    fs::canonicalize(folder).map_err(SourceError::io(folder))
}

/// What a folder holds, sorted.
struct Listing {
    folders: Vec<PathBuf>,
    images: Vec<PathBuf>,
}

fn list(folder: &Path) -> Result<Listing, SourceError> {
    let metadata = fs::metadata(folder).map_err(SourceError::io(folder))?;
    if !metadata.is_dir() {
        return Err(SourceError::NotAFolder {
            path: folder.to_owned(),
        });
    }
    let mut listing = Listing {
        folders: Vec::new(),
        images: Vec::new(),
    };
    for entry in fs::read_dir(folder).map_err(SourceError::io(folder))? {
        let entry = entry.map_err(SourceError::io(folder))?;
        let path = entry.path();
        if is_passed_over(&entry.file_name()) {
            continue;
        }
        // Follows links; a broken one still counts by its name.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => listing.folders.push(path),
            Ok(metadata) if metadata.is_file() => {
                if claims_to_be_image(&path) || looks_like_image(&path) {
                    listing.images.push(path);
                }
            }
            Ok(_) | Err(_) => {
                if claims_to_be_image(&path) {
                    listing.images.push(path);
                }
            }
        }
    }
    listing.folders.sort();
    listing.images.sort();
    Ok(listing)
}

fn is_passed_over(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || LITTER.iter().any(|litter| name == *litter)
}

fn claims_to_be_image(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|ending| {
            ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        })
}

fn looks_like_image(path: &Path) -> bool {
    let mut start = Vec::with_capacity(16);
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    read.is_ok() && decode::looks_like_image(&start)
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
