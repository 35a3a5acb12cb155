//! How a data set is laid out in folders, and what was probably meant where a
//! folder is not one with a subfolder per class.
//!
//! Data sets come as `train/`, `val/` and `test/` with the classes inside, in
//! folders of folds or years, or with one more folder around everything. Taken
//! at their word such folders train on the wrong classes and say nothing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::walk::{Listing, Top, list};
use super::{SourceError, file_name};
use crate::data::error::Part;

/// Words for a part of a data set.
const PARTS: [&str; 20] = [
    "train",
    "training",
    "trainset",
    "traindata",
    "trainval",
    "test",
    "testing",
    "testset",
    "testdata",
    "val",
    "valid",
    "valset",
    "validation",
    "minival",
    "dev",
    "eval",
    "evaluation",
    "holdout",
    "unlabelled",
    "unlabeled",
];

/// Words for one of several like parts of a data set, with a number.
const FOLDS: [&str; 8] = [
    "fold",
    "split",
    "part",
    "batch",
    "cv",
    "shard",
    "subset",
    "partition",
];

/// Words that say nothing about what is inside.
const FILLERS: [&str; 22] = [
    "set",
    "data",
    "dataset",
    "image",
    "images",
    "img",
    "imgs",
    "picture",
    "pictures",
    "photo",
    "photos",
    "jpg",
    "jpeg",
    "png",
    "jpegimages",
    "raw",
    "mask",
    "masks",
    "label",
    "labels",
    "annotation",
    "annotations",
];

/// Longest way of single folders that is followed to where the classes are.
const DEEPEST: usize = 8;

/// The words and numbers of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for c in name.chars() {
        let kind = if c.is_ascii_digit() {
            Some(true)
        } else if c.is_alphabetic() {
            Some(false)
        } else {
            None
        };
        if kind.is_some() {
            if kind != last {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        last = kind;
    }
    words
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a name is made of the words of a list, fillers and numbers alone.
fn is_made_of(name: &str, list: &[&str]) -> bool {
    let words = words(name);
    let is_one = |word: &String| list.contains(&word.as_str());
    words.iter().any(is_one)
        && words
            .iter()
            .all(|word| is_one(word) || is_number(word) || FILLERS.contains(&word.as_str()))
}

/// Whether a folder of this name is a part of a data set.
fn is_part(name: &str) -> bool {
    is_made_of(name, &PARTS)
}

/// Whether a folder of this name is one of several like parts.
fn is_fold(name: &str) -> bool {
    is_made_of(name, &FOLDS)
}

fn is_filler(name: &str) -> bool {
    is_made_of(name, &FILLERS)
}

fn names(folders: &[PathBuf]) -> Vec<String> {
    folders.iter().map(|folder| file_name(folder)).collect()
}

/// The folder that was most likely meant for a part of the experiment.
pub(super) fn likeliest(folders: &[PathBuf], part: Part) -> Option<&PathBuf> {
    let starts: &[&str] = match part {
        Part::Train | Part::Inference => &["train"],
        Part::Valid => &["val", "dev", "minival", "eval", "holdout"],
        Part::Test => &["test", "eval"],
        Part::Unlabelled => &["unlabel"],
    };
    let found = starts.iter().find_map(|start| {
        folders.iter().find(|folder| {
            words(&file_name(folder))
                .iter()
                .any(|word| word.starts_with(start))
        })
    });
    found.or(folders.first())
}

/// Refuses a folder whose subfolders are named like parts of a data set: one such
/// name among others may be a class, two are none.
pub(super) fn check_names(folder: &Path, subfolders: &[PathBuf]) -> Result<(), SourceError> {
    let parts = parts_of(subfolders);
    if parts.is_empty() || parts.len() == 1 && subfolders.len() > 1 {
        return Ok(());
    }
    Err(SourceError::PartsNotClasses {
        path: folder.to_owned(),
        parts,
    })
}

fn parts_of(folders: &[PathBuf]) -> Vec<PathBuf> {
    let named = |folder: &&PathBuf| is_part(&file_name(folder));
    folders.iter().filter(named).cloned().collect()
}

/// Refuses folders that are laid out so that the classes are elsewhere. `tops`
/// says what each of the subfolders holds itself.
pub(super) fn check_content(
    folder: &Path,
    subfolders: &[PathBuf],
    tops: &[Top],
) -> Result<(), SourceError> {
    let path = folder.to_owned();
    if let [only] = subfolders {
        return match end_of_single_folders(only, Part::Train) {
            Some(_) => Err(SourceError::NestedFolder {
                path,
                subfolder: only.clone(),
            }),
            None => Ok(()),
        };
    }
    if let [part] = parts_of(subfolders).as_slice()
        && end_of_single_folders(part, Part::Train).is_some()
    {
        return Err(SourceError::PartAmongClasses {
            path,
            part: part.clone(),
        });
    }
    if tops
        .iter()
        .any(|top| top.images > 0 || top.folders.is_empty())
    {
        return Ok(());
    }
    let inner: Vec<Vec<String>> = tops.iter().map(|top| names(&top.folders)).collect();
    if inner.iter().flatten().all(|name| is_part(name)) {
        return Err(SourceError::PartsInClasses {
            path,
            class: file_name(&subfolders[0]),
            parts: inner[0].clone(),
        });
    }
    let classes = &inner[0];
    let are_same = inner.iter().all(|names| names == classes);
    if !are_same || classes.len() < 2 || classes.iter().all(|name| is_filler(name)) {
        return Ok(());
    }
    let outer = names(subfolders);
    let are_parts = outer.iter().all(|name| is_part(name) || is_fold(name));
    if are_parts || classes.len() >= outer.len() {
        return Err(SourceError::ClassesInEach {
            path,
            subfolders: subfolders.to_vec(),
            classes: classes.clone(),
        });
    }
    Ok(())
}

/// The folder that holds several others at the end of a way on which every
/// folder holds one and nothing else. Where they are parts of a data set, the
/// way goes on to the likeliest one. None if the way ends at images.
pub(super) fn end_of_single_folders(folder: &Path, part: Part) -> Option<PathBuf> {
    let mut here = folder.to_owned();
    let mut is_divided = false;
    for _ in 0..DEEPEST {
        let Listing { folders, images } = list(&here).ok()?;
        match folders.as_slice() {
            _ if !images.is_empty() => break,
            [] => break,
            [only] => here.clone_from(only),
            several => match likeliest(&parts_of(several), part) {
                Some(likeliest) if parts_of(several).len() > 1 => {
                    here.clone_from(likeliest);
                    is_divided = true;
                }
                _ => return Some(here),
            },
        }
    }
    is_divided.then_some(here)
}

/// The folder above, if it looks like the one with the classes of which `folder`
/// is one.
pub(in crate::data) fn classes_above(folder: &Path) -> Option<PathBuf> {
    let above = folder.parent()?;
    let Listing { folders, images } = list(above).ok()?;
    let beside: Vec<&PathBuf> = folders.iter().filter(|other| *other != folder).collect();
    let fits = images.is_empty()
        && folders.len() < 10_000
        && !folders
            .iter()
            .any(|f| is_part(&file_name(f)) || is_fold(&file_name(f)))
        && !is_filler(&file_name(folder))
        && folder.file_name().and_then(OsStr::to_str).is_some();
    let holds_images = |folder: &&PathBuf| list(folder).is_ok_and(|l| !l.images.is_empty());
    (fits && beside.into_iter().take(100).any(|f| holds_images(&f))).then(|| above.to_owned())
}
