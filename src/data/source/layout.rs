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
use crate::data::part::Part;

/// What a part of a data set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Whatever else the name says of them.
    Unlabelled,
    Training,
    Test,
    Validation,
    /// Beside unlabelled ones, what is trained on.
    Labelled,
    /// More of the same.
    Extra,
}

impl Role {
    /// By a word for a part of a data set.
    fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "train" | "training" | "trainset" | "traindata" | "trainval" => Self::Training,
            "test" | "testing" | "testset" | "testdata" => Self::Test,
            "val" | "valid" | "valset" | "validation" | "minival" | "dev" | "eval"
            | "evaluation" | "holdout" => Self::Validation,
            "unlabelled" | "unlabeled" => Self::Unlabelled,
            "labelled" | "labeled" => Self::Labelled,
            _ => return None,
        })
    }

    /// By a word that is one for a part only beside others: it may be a language.
    fn of_short_word(word: &str) -> Option<Self> {
        Some(match word {
            "tr" => Self::Training,
            "te" => Self::Test,
            "extra" => Self::Extra,
            _ => return None,
        })
    }

    fn of(folder: &Path) -> Option<Self> {
        let of = |word: &String| Self::of_word(word).or_else(|| Self::of_short_word(word));
        words(&file_name(folder)).iter().filter_map(of).min()
    }

    /// Whether images of this role are those of a part of the experiment.
    fn is_for(self, part: Part) -> bool {
        match part {
            Part::Train | Part::Inference => matches!(self, Self::Training | Self::Labelled),
            Part::Valid => self == Self::Validation,
            Part::Test => self == Self::Test,
            Part::Unlabelled => self == Self::Unlabelled,
        }
    }
}

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

/// Whether a name is made of such words, fillers and numbers alone.
fn is_made_of(name: &str, is_one: impl Fn(&str) -> bool) -> bool {
    let words = words(name);
    words.iter().any(|word| is_one(word))
        && words
            .iter()
            .all(|word| is_one(word) || is_number(word) || FILLERS.contains(&word.as_str()))
}

/// Whether a folder of this name is a part of a data set.
fn is_part(name: &str) -> bool {
    is_made_of(name, |word| Role::of_word(word).is_some())
}

/// The same where it lies beside nothing but parts.
fn is_part_among_parts(name: &str) -> bool {
    is_part(name) || is_made_of(name, |word| Role::of_short_word(word).is_some())
}

/// Whether a folder of this name is one of several like parts.
fn is_fold(name: &str) -> bool {
    is_made_of(name, |word| FOLDS.contains(&word))
}

fn is_filler(name: &str) -> bool {
    is_made_of(name, |word| FILLERS.contains(&word))
}

fn names(folders: &[PathBuf]) -> Vec<String> {
    folders.iter().map(|folder| file_name(folder)).collect()
}

/// What to do where [`meant`] was not meant, or where there is none.
pub(in crate::data) fn otherwise(problem: &SourceError, part: Part) -> &'static str {
    let is_meant = meant(problem, part).is_some();
    match problem {
        SourceError::PartAmongClasses { .. } if is_meant => ", or rename it if it is a class",
        SourceError::PartAmongClasses { .. } => {
            "; move it out of the folder with the classes, or rename it if it is a class"
        }
        SourceError::PartsNotClasses { .. } if !is_meant => {
            "; move them out of the folder with the classes, or name the folder that holds one \
             subfolder per class"
        }
        SourceError::ClassesInEach { .. } => "; if they are not, move the images out of them",
        _ => "",
    }
}

/// The folder that was probably meant where another one was named.
pub(in crate::data) fn meant(problem: &SourceError, part: Part) -> Option<PathBuf> {
    match problem {
        SourceError::PartAmongClasses { part: folder, .. } => {
            likeliest(std::slice::from_ref(folder), part)?;
            end_of_single_folders(folder, part)
        }
        SourceError::NestedFolder { subfolder, .. } => end_of_single_folders(subfolder, part),
        SourceError::PartsNotClasses { parts, .. } => {
            let likeliest = likeliest(parts, part)?;
            // Images that lie in it directly have no classes.
            let needs_classes = !matches!(part, Part::Unlabelled | Part::Inference);
            let has_none = list(likeliest).is_ok_and(|listing| listing.folders.is_empty());
            end_of_single_folders(likeliest, part)
                .or_else(|| (!needs_classes || !has_none).then(|| likeliest.clone()))
        }
        SourceError::ClassesInEach { subfolders, .. } => likeliest(subfolders, part).cloned(),
        _ => None,
    }
}

/// The folder that was most likely meant for a part of the experiment. Nothing is
/// trained on that is named as something else.
fn likeliest(folders: &[PathBuf], part: Part) -> Option<&PathBuf> {
    let is_for = |part| move |folder: &&PathBuf| Role::of(folder).is_some_and(|r| r.is_for(part));
    let found = folders.iter().find(is_for(part));
    let instead = || match part {
        Part::Train | Part::Inference => folders.iter().find(|folder| Role::of(folder).is_none()),
        Part::Valid => folders.iter().find(is_for(Part::Test)),
        Part::Test => folders.iter().find(is_for(Part::Valid)),
        Part::Unlabelled => None,
    };
    let first = folders
        .first()
        .filter(|_| !matches!(part, Part::Train | Part::Inference));
    found.or_else(instead).or(first)
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

/// Subfolders that are named like parts of a data set.
fn parts_of(folders: &[PathBuf]) -> Vec<PathBuf> {
    let holds_folders = |folder: &PathBuf| list(folder).is_ok_and(|l| !l.folders.is_empty());
    let is_among_parts = |folder: &PathBuf| is_part_among_parts(&file_name(folder));
    let is_doubtful = |folder: &PathBuf| {
        !is_part(&file_name(folder))
            || matches!(Role::of(folder), Some(Role::Labelled | Role::Unlabelled))
    };
    if folders.iter().all(is_among_parts) {
        // Bottles are labelled or not, and languages have two letters.
        let are_classes = folders.len() > 1
            && folders.iter().all(is_doubtful)
            && !folders.iter().any(holds_folders);
        return if are_classes {
            Vec::new()
        } else {
            folders.to_vec()
        };
    }
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
    if let [part] = parts_of(subfolders).as_slice() {
        let holds_folders = end_of_single_folders(part, Part::Train).is_some();
        // Without it the others must be classes, or it is one of two classes.
        let is_beside_classes = subfolders.len() > 2 && !may_be_class(part);
        if holds_folders || is_beside_classes {
            return Err(SourceError::PartAmongClasses {
                path,
                part: part.clone(),
                holds_folders,
            });
        }
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

/// Whether a folder of images that is named like a part may well be a class: trains
/// are a thing that pictures are taken of.
fn may_be_class(folder: &Path) -> bool {
    matches!(
        Role::of(folder),
        Some(Role::Training | Role::Labelled) | None
    )
}

/// The folder that holds several others at the end of a way on which every
/// folder holds one and nothing else. Where they are parts of a data set, the
/// way continues to the likeliest one. None if the way ends at images.
fn end_of_single_folders(folder: &Path, part: Part) -> Option<PathBuf> {
    let mut here = folder.to_owned();
    let mut is_divided = false;
    for _ in 0..DEEPEST {
        let Listing {
            folders, images, ..
        } = list(&here).ok()?;
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
    let Listing {
        folders, images, ..
    } = list(above).ok()?;
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
