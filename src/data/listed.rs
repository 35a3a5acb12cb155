//! Sources of images that have been listed, and whether they fit each other: the
//! same classes in every labelled set, and no image that is trained on and
//! evaluated.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::decode::Decoder;
use super::error::DataError;
use super::part::Part;
use super::pool::{Pool, Rules};
use super::set::ImageSet;
use super::source::{self, Found, Labels};
use super::workers::Workers;
use crate::experiment::plan::DataPlan;
use crate::experiment::spec::Source;
use crate::format::plural;
use crate::untrusted::{FileId, Show as _};

/// A source that has been listed, with where it is.
#[derive(Debug)]
pub(super) struct Listed {
    pub part: Part,
    pub place: String,
    /// The folder, where it is one.
    pub folder: Option<PathBuf>,
    /// The list, and which of its splits, where it has some.
    pub list: Option<(PathBuf, String)>,
    pub found: Found,
}

impl Listed {
    /// Lists the images of a source.
    pub fn find(
        part: Part,
        source: &Source,
        plan: &DataPlan,
        decoder: &Decoder,
    ) -> Result<Self, DataError> {
        let labels = match part {
            Part::Unlabelled | Part::Inference => Labels::Ignored,
            Part::Train | Part::Valid | Part::Test => Labels::FromFolders,
        };
        let found = source::find(source, labels, plan.order, decoder);
        Ok(Self {
            part,
            place: source::place(source),
            folder: match source {
                Source::ImageFolder(folder) => Some(folder.clone()),
                _ => None,
            },
            list: match source {
                Source::List(list) => list.split.clone().map(|split| (list.file.clone(), split)),
                _ => None,
            },
            found: found.map_err(DataError::at(part))?,
        })
    }

    /// The folder above, if this one is probably one class of several in it.
    fn above(&self) -> Option<PathBuf> {
        source::classes_above(self.folder.as_deref()?)
    }

    /// An image of a class.
    fn first_of(&self, class: &str) -> Option<PathBuf> {
        let found = &self.found;
        let label = found.classes.iter().position(|name| name == class)?;
        let number = |own: &u32| *own as usize == label;
        Some(found.origin.name(found.labels.iter().position(number)?))
    }

    /// Decodes the images, or prepares to.
    pub fn load(
        self,
        size: (u32, u32),
        classes: &[String],
        memory: u64,
        rules: Rules,
        workers: &Workers,
    ) -> Result<ImageSet, DataError> {
        let Self {
            part, place, found, ..
        } = self;
        let labelled = !found.classes.is_empty();
        let pool = Pool::load(part, place.clone(), found, size, memory, rules, workers)?;
        if labelled {
            check_classes(part, &place, classes, pool.labels())?;
        }
        Ok(ImageSet::whole(Arc::new(pool)))
    }
}

/// Checks that no folder and no file of images is trained on and evaluated. Links
/// can lead to one by two names.
pub(super) fn check_apart(
    train: &Listed,
    evaluated: &Listed,
    workers: &Workers,
) -> Result<(), DataError> {
    let shared = evaluated.found.folders.iter().find_map(|(id, path)| {
        let train_path = train.found.folders.get(id)?;
        Some((path.clone(), train_path.clone()))
    });
    let error = |what, path, train_path| DataError::Shared {
        part: evaluated.part,
        what,
        path,
        train_path,
    };
    if let Some((path, train_path)) = shared {
        return Err(error("folder", path, train_path));
    }
    let learnt: HashMap<FileId, &Path> = ids(train, workers).into_iter().collect();
    let mut files = ids(evaluated, workers).into_iter();
    match files.find_map(|(id, path)| Some((path, learnt.get(&id)?))) {
        None => Ok(()),
        Some((path, train_path)) => Err(error("file", path.to_owned(), train_path.to_path_buf())),
    }
}

/// The files that there are, whatever they are called.
fn ids<'a>(listed: &'a Listed, workers: &Workers) -> Vec<(FileId, &'a Path)> {
    let paths = listed.found.origin.files();
    let id = |path: &&'a Path| Some((FileId::of(&fs::metadata(path).ok()?), *path));
    workers.run(|| paths.par_iter().filter_map(id).collect())
}

/// Splits of lists that no set takes: a row whose split is misspelt is in none.
pub(super) fn unused_splits(all: &[&Listed]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut seen: Vec<&Path> = Vec::new();
    for listed in all {
        let Some((file, _)) = &listed.list else {
            continue;
        };
        if seen.contains(&file.as_path()) {
            continue;
        }
        seen.push(file);
        let taken = |split: &str| {
            let mut lists = all.iter().filter_map(|other| other.list.as_ref());
            lists.any(|(other, own)| other == file && own == split)
        };
        let unused = listed.found.splits.iter();
        for (split, &rows) in unused.filter(|(split, _)| !taken(split)) {
            notes.push(format!(
                "no set takes the split {split:?} of {}, which stands in {}",
                file.shown(),
                plural(rows, "row", "rows")
            ));
        }
    }
    notes
}

/// Checks that all labelled sets have the same classes, renumbers the labels of
/// valid and test to those of training, and returns the classes. They are the
/// training images', or the validation images' if the former have no labels.
pub(super) fn agree_on_classes(
    train: &Listed,
    valid: &mut Option<Listed>,
    test: &mut Option<Listed>,
) -> Result<Vec<String>, DataError> {
    for listed in [valid.as_ref(), test.as_ref()].into_iter().flatten() {
        if listed.found.classes.is_empty() {
            return Err(no_labels(listed));
        }
    }
    let reference = match valid.as_ref() {
        Some(valid) if train.found.classes.is_empty() => valid,
        _ => train,
    };
    let classes = reference.found.classes.clone();
    match classes.as_slice() {
        [] => return Err(no_labels(train)),
        [class] => {
            return Err(DataError::OneClass {
                part: reference.part,
                above: reference.above(),
                place: reference.place.clone(),
                class: class.clone(),
            });
        }
        _ => {
            let labels = &reference.found.labels;
            check_classes(reference.part, &reference.place, &classes, labels)?;
        }
    }
    for listed in [valid.as_ref(), test.as_ref()].into_iter().flatten() {
        check_same_classes(listed, reference)?;
    }
    for listed in [valid, test].into_iter().flatten() {
        renumber(listed, &classes);
        check_classes(listed.part, &listed.place, &classes, &listed.found.labels)?;
    }
    Ok(classes)
}

fn no_labels(listed: &Listed) -> DataError {
    DataError::NoLabels {
        part: listed.part,
        place: listed.place.clone(),
        above: listed.above(),
    }
}

/// Checks that a set has the classes of another, in whatever order.
fn check_same_classes(listed: &Listed, reference: &Listed) -> Result<(), DataError> {
    let beyond = |these: &Listed, others: &Listed| -> Vec<String> {
        let lack = |name: &&String| !others.found.classes.contains(name);
        these.found.classes.iter().filter(lack).cloned().collect()
    };
    let missing = beyond(reference, listed);
    let unexpected = beyond(listed, reference);
    let own = unexpected.first().map(|class| (listed, class));
    let Some((of, class)) = own.or_else(|| Some((reference, missing.first()?))) else {
        return Ok(());
    };
    Err(DataError::ClassMismatch {
        part: listed.part,
        place: listed.place.clone(),
        train_place: reference.place.clone(),
        example: of.first_of(class),
        missing,
        unexpected,
    })
}

/// Gives labels the numbers of these classes, which have the same names.
fn renumber(listed: &mut Listed, classes: &[String]) {
    let own = listed.found.classes.iter();
    let number: Vec<u32> = own
        .filter_map(|name| classes.iter().position(|class| class == name))
        .map(|label| label as u32)
        .collect();
    for label in &mut listed.found.labels {
        *label = number[*label as usize];
    }
    listed.found.classes = classes.to_vec();
}

/// Checks that every class has an image.
fn check_classes(
    part: Part,
    place: &str,
    classes: &[String],
    labels: &[u32],
) -> Result<(), DataError> {
    let mut present = vec![false; classes.len()];
    for &label in labels {
        present[label as usize] = true;
    }
    let empty: Vec<String> = classes
        .iter()
        .zip(present)
        .filter(|(_, present)| !present)
        .map(|(class, _)| class.clone())
        .collect();
    if empty.is_empty() {
        return Ok(());
    }
    Err(DataError::EmptyClass {
        part,
        place: place.to_owned(),
        classes: empty,
    })
}
