//! What can be wrong with a set of images.
//!
//! Every message names the part of the experiment, the place on disk and what
//! to do about it. A single bad image is an [`ImageError`] and is survived; a
//! set that cannot be trained on is a [`DataError`] and is found before
//! training begins wherever that is possible.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::image_error::{ImageError, LISTED, names, names_as};
use super::part::Part;
use super::size::SizeError;
use super::source::{self, SourceError};
use crate::event::SkippedImage;
use crate::format::lookalike;
use crate::untrusted::{Show as _, clean_line};

/// A set of images that cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// A source could not be read or makes no sense by itself.
    #[error(
        "{part}: {problem}{}{}",
        meant(*part, source::meant(.problem, *part).as_deref()), source::otherwise(.problem, *part)
    )]
    Source {
        /// Which set.
        part: Part,
        /// What is wrong.
        problem: Box<SourceError>,
    },
    /// Too many images could not be read.
    #[error(
        "{part}: {}; repair or remove them{}{}",
        share(USABLE, .bad.len(), *.total, place, *.max_bad),
        if .bad.len() == *.total { "" } else { ", or raise data.max_bad" },
        Listed(.bad)
    )]
    TooManyBad {
        /// Which set.
        part: Part,
        /// Where the images are.
        place: String,
        /// The bad ones, in order.
        bad: Vec<SkippedImage>,
        /// Number of all images.
        total: usize,
        /// Greatest tolerated share.
        max_bad: f64,
    },
    /// A class has no image, or none that can be used.
    #[error("{part}: {place} has no usable image of {}; add such images, or take the class \
         out of every set", names(.classes),
        place = place.shown()
    )]
    EmptyClass {
        /// Which set.
        part: Part,
        /// Where the images are.
        place: String,
        /// The classes.
        classes: Vec<String>,
    },
    /// There is nothing to classify.
    #[error(
        "{part}: {place} has only one class, {class:?}; a classifier needs at least two, so add \
         images of another{}",
        or_above(*part, .above.as_deref()),
        place = place.shown()
    )]
    OneClass {
        /// Which set.
        part: Part,
        /// Where the images are.
        place: String,
        /// The class.
        class: String,
        /// The folder above, if it looks like the one with the classes.
        above: Option<PathBuf>,
    },
    /// A set to evaluate on does not have the classes that are trained.
    #[error("{part}: the classes of {place} are not those of {train_place}{}", Mismatch(.missing, .unexpected, .example.as_deref()), place = place.shown(), train_place = train_place.shown())]
    ClassMismatch {
        /// Which set.
        part: Part,
        /// Where its images are.
        place: String,
        /// Where the training images are.
        train_place: String,
        /// Classes of training that the set lacks.
        missing: Vec<String>,
        /// Classes of the set that training lacks.
        unexpected: Vec<String>,
        /// An image of the first of the latter, or else of the former.
        example: Option<PathBuf>,
    },
    /// A class is too small to be divided.
    #[error(
        "data.valid: Holdout needs at least two images of every class, and {place} has {count} of \
         class {class:?}; add images of it or give a validation set with valid: Set(..)",
        place = place.shown()
    )]
    TooFewToHoldOut {
        /// Where the training images are.
        place: String,
        /// The class.
        class: String,
        /// Its number of usable images.
        count: usize,
    },
    /// Images without labels where labels are needed.
    #[error(
        "{part}: {place} holds images but no class folders, so they have no labels; put the images \
         of each class into a folder of its own{}{}",
        or_above(*part, .above.as_deref()),
        if *.part == Part::Train {
            ", or give labelled images with valid: Set(..) to train on unlabelled ones"
        } else {
            ""
        },
        place = place.shown()
    )]
    NoLabels {
        /// Which set.
        part: Part,
        /// Where the images are.
        place: String,
        /// The folder above, if it looks like the one with the classes.
        above: Option<PathBuf>,
    },
    /// Two sets that are to be kept apart share a folder or a file of images.
    #[error(
        "{part}: {path} {}; name images that are not trained on",
        if .path == .train_path {
            "is trained on, too".to_owned()
        } else {
            format!("leads to the same {what} as {}, which is trained on", .train_path.shown())
        },
        path = path.shown()
    )]
    Shared {
        /// The set that is evaluated.
        part: Part,
        /// `folder` or `file`.
        what: &'static str,
        /// Its path in that set.
        path: PathBuf,
        /// Its path among the training images.
        train_path: PathBuf,
    },
    /// No size was given, and the images have none that can be taken over.
    #[error("data.size is not given, and in {place} {problem}", place = place.shown())]
    Size {
        /// Where the images are.
        place: String,
        /// What is wrong with their sizes.
        problem: SizeError,
    },
    /// Images that were good when they were indexed cannot be read any more.
    #[error(
        "{part}: {}; the last was {name}, which {reason}; check that the files are still there and \
         whole",
        share(READABLE, *.bad, *.total, place, *.max_bad),
        name = name.shown()
    )]
    WentBad {
        /// Which set.
        part: Part,
        /// Where the images are.
        place: String,
        /// Number of bad images, those found when indexing included.
        bad: usize,
        /// Number of all images.
        total: usize,
        /// Greatest tolerated share.
        max_bad: f64,
        /// The last bad image.
        name: String,
        /// What is wrong with it.
        reason: ImageError,
    },
    /// Images went bad that may, but no other of their class is left to stand in.
    #[error(
        "{part}: none of the images of the class of {name} in {place} could be read after \
         indexing; the last {reason}; check that the files are still there and whole",
        name = name.shown(), place = place.shown()
    )]
    ClassWentBad {
        /// Which set.
        part: Part,
        /// Where the images are.
        place: String,
        /// The last of the images.
        name: String,
        /// What is wrong with it.
        reason: ImageError,
    },
    /// An image of a set that is streamed is no longer the one that was indexed:
    /// the run would learn from other images than it says.
    #[error(
        "{part}: {name} was changed while the run trains: {what}; restore it and resume, or start a \
         new run",
        name = name.shown()
    )]
    Changed {
        /// Which set.
        part: Part,
        /// The image.
        name: String,
        /// What is other than when the images were indexed.
        what: &'static str,
    },
    /// The system gives out no bytes of an image that it gave out before.
    #[error("{part}: {name} {what}; fix the disk or the connection to it, and resume", name = name.shown())]
    Unreadable {
        /// Which set.
        part: Part,
        /// The image.
        name: String,
        /// What the system said.
        what: String,
    },
    /// A batch was requested that the epoch does not have.
    #[error("batch {index} does not exist: an epoch has {batches}, counted from 0")]
    NoSuchBatch {
        /// Number of the batch in its epoch.
        index: u32,
        /// Batches of an epoch.
        batches: u32,
    },
    /// Threads could not be started.
    #[error("{workers} threads for images could not be started: {reason}; lower data.workers")]
    Workers {
        /// How many were wanted.
        workers: usize,
        /// What the system said.
        reason: String,
    },
}

impl DataError {
    /// Turns a source's error into that of a part.
    pub(super) fn at(part: Part) -> impl Fn(SourceError) -> Self {
        move |problem| Self::Source {
            part,
            problem: Box::new(problem),
        }
    }
}

/// Counts bad images against what is tolerated.
pub(super) fn exceeds(bad: usize, total: usize, max_bad: f64) -> bool {
    bad == total || bad as f64 > max_bad * total as f64
}

/// What images can and cannot be.
type Predicate = [&'static str; 2];
const USABLE: Predicate = ["can be used", "cannot be used"];
const READABLE: Predicate = [
    "could be read after indexing",
    "could not be read after indexing",
];

/// How many images are bad, against what is tolerated. Where all are, nothing would
/// be left to tolerate.
fn share([are, are_not]: Predicate, bad: usize, total: usize, place: &str, max_bad: f64) -> String {
    let place = place.shown();
    if bad == total && total == 1 {
        format!("the only image in {place} {are_not}")
    } else if bad == total {
        format!("none of the {total} images in {place} {are}")
    } else {
        format!(
            "{bad} of {total} images in {place} {are_not}, more than the share data.max_bad = \
             {max_bad} allows"
        )
    }
}

/// What to write where another folder than the named one was meant.
fn meant(part: Part, folder: Option<&Path>) -> String {
    folder.map_or_else(String::new, |folder| {
        format!("; write {}", part.line(folder))
    })
}

/// The same where that is only one of several ways out.
fn or_above(part: Part, above: Option<&Path>) -> String {
    above.map_or_else(String::new, |above| {
        format!(
            ", or, if this folder is one class of several, write {}",
            part.line(above)
        )
    })
}

struct Listed<'a>(&'a [SkippedImage]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for image in self.0.iter().take(LISTED) {
            // A name may hold a line feed, and this is a line of a list.
            let line = format!("{}: {}", image.path.shown(), image.reason);
            write!(f, "\n  {}", clean_line(&line))?;
        }
        match self.0.len().checked_sub(LISTED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "\n  and {more} more"),
        }
    }
}

/// Classes that are missing and that are too many, and an image of one.
struct Mismatch<'a>(&'a [String], &'a [String], Option<&'a Path>);

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(missing, unexpected, example) = self;
        let is_alike = |one: &String| {
            let key = lookalike::key(one);
            unexpected.iter().any(|other| lookalike::key(other) == key)
        };
        let are_alike = missing.iter().any(is_alike);
        let names = |these: &[String]| {
            if are_alike {
                names_as(these, lookalike::quoted)
            } else {
                names(these)
            }
        };
        if !missing.is_empty() {
            write!(f, ": it lacks {}", names(missing))?;
        }
        if !unexpected.is_empty() {
            let joint = if missing.is_empty() { ": it" } else { " and" };
            write!(f, "{joint} has {} besides", names(unexpected))?;
        }
        if let Some((image, class)) = example.zip(unexpected.first().or(missing.first())) {
            let class = names(std::slice::from_ref(class));
            write!(f, "; an image of {class} is {}", image.shown())?;
        }
        f.write_str("; names must agree exactly, ")?;
        f.write_str(if are_alike {
            "and these look alike but differ in case, spaces, invisible characters or the Unicode form \
             of a letter"
        } else {
            "upper and lower case included"
        })
    }
}

/// A skipped image for people and the journal.
pub(super) fn skipped(path: impl AsRef<Path>, reason: &ImageError) -> SkippedImage {
    SkippedImage {
        path: PathBuf::from(path.as_ref()),
        reason: reason.to_string(),
    }
}
