//! Folders of image files: one subfolder per class, or images without labels.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::walk::{Listing, Walk, list};
use super::{Found, Origin, SourceError, file_name, layout, order};
use crate::event::SkippedImage;
use crate::experiment::spec::ClassOrder;
use crate::untrusted::Show as _;

/// Lists a folder with one subfolder per class. A folder of images without any
/// subfolder is listed without labels.
pub(super) fn classes(folder: &Path, order: ClassOrder) -> Result<Found, SourceError> {
    let Listing {
        mut folders,
        images,
        hidden,
    } = list(folder)?;
    let hidden = note_hidden(&hidden);
    if folders.is_empty() {
        let mut found = flat(folder)?;
        found.notes.extend(hidden);
        return Ok(found);
    }
    for class in &folders {
        if class.file_name().and_then(OsStr::to_str).is_none() {
            return Err(SourceError::NameNotUnicode {
                path: class.clone(),
            });
        }
    }
    layout::check_names(folder, &folders)?;
    if let Some(first) = images.first() {
        return Err(SourceError::StrayImages {
            path: folder.to_owned(),
            count: images.len(),
            example: file_name(first),
        });
    }
    order::sort(&mut folders, order);
    let mut walk = Walk::below(folder)?;
    let mut labels = Vec::new();
    let mut tops = Vec::with_capacity(folders.len());
    for (label, class) in (0..).zip(&folders) {
        tops.push(walk.enter(class)?);
        labels.resize(walk.paths.len(), label);
    }
    layout::check_content(folder, &folders, &tops)?;
    let classes: Vec<String> = folders.iter().map(|class| file_name(class)).collect();
    let mut found = found(folder, walk)?;
    found.notes.extend(order::notes(&classes, order));
    found.notes.extend(hidden);
    Ok(Found {
        classes,
        labels,
        ..found
    })
}

/// What a person should know about hidden folders among those of the classes: that
/// there are images in them.
fn note_hidden(folders: &[PathBuf]) -> Option<String> {
    let mut holding = folders
        .iter()
        .filter(|folder| list(folder).is_ok_and(|listing| !listing.images.is_empty()));
    let first = file_name(holding.next()?);
    let more = match holding.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "hidden folders are left out: {first:?}{more} with images; the name of a class has \
         no leading dot"
    ))
}

/// Lists every image below a folder, without labels.
pub(super) fn flat(folder: &Path) -> Result<Found, SourceError> {
    let mut walk = Walk::from(folder)?;
    walk.enter(folder)?;
    found(folder, walk)
}

/// As [`flat`], but passes over subfolders that cannot be read or that lead back
/// to where they are, and returns them.
pub(super) fn flat_as_far_as_possible(
    folder: &Path,
) -> Result<(Found, Vec<SkippedImage>), SourceError> {
    let mut walk = Walk::from(folder)?;
    walk.passed_over = Some(Vec::new());
    walk.enter(folder)?;
    let passed_over = walk.passed_over.take().unwrap_or_default();
    match found(folder, walk) {
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

/// What a walk has gathered, without labels.
fn found(folder: &Path, walk: Walk) -> Result<Found, SourceError> {
    if walk.paths.is_empty() {
        return Err(SourceError::NoImages {
            path: folder.to_owned(),
        });
    }
    let note = walk.repeated.first().map(|first| {
        let count = walk.repeated.len();
        format!(
            "links lead to {count} folder{} a second time, such as {}; images count once",
            if count == 1 { "" } else { "s" },
            first.shown()
        )
    });
    let like_image = walk.like_images.first().map(|first| {
        format!(
            "{} is a folder without images that is named like an image",
            first.shown()
        )
    });
    let origin = Origin::Files(walk.paths);
    Ok(Found {
        folders: walk.folders,
        notes: note.into_iter().chain(like_image).collect(),
        ..Found::outside_folders(Vec::new(), Vec::new(), origin)
    })
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
