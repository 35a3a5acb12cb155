//! What can be wrong with a source by itself.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::file_name;
use crate::data::file::OpenError;
use crate::data::image_error::{describe_io, names};
use crate::untrusted::Show as _;

/// A source of images that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// A file or folder could not be read.
    #[error("{path} {reason}; check the path and its permissions", path = path.shown())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why, as a predicate.
        reason: String,
    },
    /// A file where a folder is expected.
    #[error("{path} is not a folder; an ImageFolder is a folder with one subfolder per class", path = path.shown())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// A folder or something odder where a file is expected.
    #[error("{path} is not a regular file; give the file itself", path = path.shown())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// A file of no bytes.
    #[error("{path} is empty; download it again", path = path.shown())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A folder without a single image.
    #[error(
        "{path} holds no images; JPEG, PNG, WebP, BMP and GIF files are looked for, hidden ones left out",
        path = path.shown()
    )]
    NoImages {
        /// The folder.
        path: PathBuf,
    },
    /// Images that belong to no class.
    #[error(
        "{path} holds {count} images beside its class folders, such as {example}; move them into \
         the folder of their class or away",
        path = path.shown(), example = example.shown()
    )]
    StrayImages {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The first.
        example: String,
    },
    /// The folder above the one that was meant.
    #[error(
        "{path} has {}, which {} of a data set and not classes",
        listed(.parts),
        if .parts.len() == 1 { "is a part" } else { "are parts" },
        path = path.shown()
    )]
    PartsNotClasses {
        /// The folder.
        path: PathBuf,
        /// Its subfolders that are parts.
        parts: Vec<PathBuf>,
    },
    /// One subfolder is named like a part of a data set, and laid out like one or
    /// beside classes.
    #[error(
        "{path} has the subfolder {:?}, which {} a part of a data set, not like a class",
        file_name(.part),
        if *.holds_folders {
            "holds folders of its own and looks like"
        } else {
            "lies beside class folders and is named like"
        },
        path = path.shown()
    )]
    PartAmongClasses {
        /// The folder.
        path: PathBuf,
        /// The subfolder.
        part: PathBuf,
        /// Whether the subfolder holds folders, and not only images.
        holds_folders: bool,
    },
    /// A folder around the one that was meant.
    #[error(
        "{path} has a single subfolder, {:?}, and the folders of the classes seem to be one level deeper",
        file_name(.subfolder),
        path = path.shown()
    )]
    NestedFolder {
        /// The folder.
        path: PathBuf,
        /// The subfolder.
        subfolder: PathBuf,
    },
    /// Every class is divided into parts, which would be trained on together.
    #[error(
        "{path} holds parts of a data set inside of its subfolders ({class:?} has {}), so images to \
         train on and to test on would be mixed; move them so that each part holds the classes, as \
         in train/{class}",
        names(.parts),
        path = path.shown(), class = class.shown()
    )]
    PartsInClasses {
        /// The folder.
        path: PathBuf,
        /// Name of a subfolder.
        class: String,
        /// The parts in it.
        parts: Vec<String>,
    },
    /// Every subfolder holds the same folders.
    #[error(
        "{path} has {}, and each of them holds the same folders, {}: those look like the \
         classes",
        listed(.subfolders), names(.classes),
        path = path.shown()
    )]
    ClassesInEach {
        /// The folder.
        path: PathBuf,
        /// Its subfolders.
        subfolders: Vec<PathBuf>,
        /// Names of the folders in each.
        classes: Vec<String>,
    },
    /// A folder that links make belong to two classes.
    #[error(
        "{path} leads to the same folder as {other}, which is of another class; remove one of the two",
        path = path.shown(), other = other.shown()
    )]
    InTwoClasses {
        /// The way to it that was found last.
        path: PathBuf,
        /// The way that was found first.
        other: PathBuf,
    },
    /// The name of a class cannot be shown or stored.
    #[error("the name of the class folder {path:?} is not valid Unicode; rename it")]
    NameNotUnicode {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that contains itself by way of a link.
    #[error("{path} is a link to a folder that contains it; remove the link", path = path.shown())]
    Cycle {
        /// The link.
        path: PathBuf,
    },
    /// More images than there is room for.
    #[error("{count} images in {place} are more than the {limit} that a set can have; divide it", place = place.shown())]
    TooManyImages {
        /// Where.
        place: String,
        /// How many.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A compressed file that holds far more than its length suggests.
    #[error(
        "{path} unpacks to more than {times} times its length, as no images do; download it again, or \
         unpack it",
        path = path.shown()
    )]
    Expands {
        /// The file.
        path: PathBuf,
        /// How many times its length is plausible.
        times: u64,
    },
    /// A compressed file is not what it seems.
    #[error("{path} is not a valid gzip file: {reason}; download it again", path = path.shown())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decompressor says.
        reason: String,
    },
    /// A file of another kind.
    #[error("{path} is not an IDX file of {what}: it begins with {found}, not {expected}{hint}", path = path.shown())]
    IdxMagic {
        /// The file.
        path: PathBuf,
        /// `images` or `labels`.
        what: &'static str,
        /// First four bytes, hexadecimal.
        found: String,
        /// What they should be.
        expected: String,
        /// A guess at the cause, with the remedy.
        hint: &'static str,
    },
    /// A file whose length contradicts its header.
    #[error("{path} has {have} bytes, but its header promises {need}; download it again", path = path.shown())]
    IdxLength {
        /// The file.
        path: PathBuf,
        /// Bytes it has once decompressed; "more than" where counting stopped.
        have: String,
        /// Bytes it should have.
        need: u64,
    },
    /// Images of no size, or of too great a one.
    #[error(
        "{path} says that its images have {height} × {width} pixels, but images of 1 to {limit} pixels \
         are read from such files; download it again, or raise data.max_pixels",
        path = path.shown()
    )]
    IdxSize {
        /// The file.
        path: PathBuf,
        /// Pixels.
        height: u32,
        /// Pixels.
        width: u32,
        /// Greatest allowed product.
        limit: u64,
    },
    /// A file without records.
    #[error("{path} holds no images", path = path.shown())]
    NoRecords {
        /// The file.
        path: PathBuf,
    },
    /// Images and labels that do not belong together.
    #[error(
        "{images} holds {image_count} images and {labels} {label_count} labels; give two files of \
         the same set",
        images = images.shown(), labels = labels.shown()
    )]
    IdxCounts {
        /// File of images.
        images: PathBuf,
        /// Their number.
        image_count: u32,
        /// File of labels.
        labels: PathBuf,
        /// Their number.
        label_count: u32,
    },
    /// A CIFAR file that is not made of whole records.
    #[error(
        "{path} has {bytes} bytes, which is not a whole number of {kind} records of {record} bytes{hint}",
        path = path.shown()
    )]
    CifarLength {
        /// The file.
        path: PathBuf,
        /// Its length, decompressed.
        bytes: u64,
        /// `CIFAR-10` or `CIFAR-100`.
        kind: &'static str,
        /// Length of a record.
        record: u64,
        /// A guess at the cause, with the remedy.
        hint: &'static str,
    },
    /// A label that no class has.
    #[error(
        "{path}: record {record} has label {label}, but {kind} labels are below {classes}{hint}",
        path = path.shown()
    )]
    CifarLabel {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 0.
        record: usize,
        /// Its label.
        label: u8,
        /// `CIFAR-10` or `CIFAR-100`.
        kind: &'static str,
        /// Number of classes.
        classes: u8,
        /// A guess at the cause, with the remedy.
        hint: &'static str,
    },
    /// A file that is longer than any that is meant.
    #[error("{path} holds more than {limit} bytes once decompressed; it is not a {kind} batch", path = path.shown())]
    CifarTooLong {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        limit: u64,
        /// `CIFAR-10` or `CIFAR-100`.
        kind: &'static str,
    },
    /// A list of images without a column that is needed.
    #[error(
        "{path} has no column {missing:?}, only {}; the first line names the columns",
        names(.header),
        path = path.shown()
    )]
    ListColumn {
        /// The list.
        path: PathBuf,
        /// What the column is called.
        missing: &'static str,
        /// Columns that it has.
        header: Vec<String>,
    },
    /// A row of a list that names no image of a class.
    #[error("{path}, line {line}: {why}", path = path.shown())]
    ListRow {
        /// The list.
        path: PathBuf,
        /// Which, from 1.
        line: u64,
        /// Why, as a predicate.
        why: String,
    },
    /// A list without rows of a split.
    #[error(
        "no row of {path} is of the split {split:?}; there {} {}",
        if .splits.len() == 1 { "is" } else { "are" },
        if .splits.is_empty() { "no rows".to_owned() } else { names(.splits) },
        path = path.shown()
    )]
    ListSplit {
        /// The list.
        path: PathBuf,
        /// What was looked for.
        split: String,
        /// What there is, as far as it was gathered.
        splits: Vec<String>,
    },
    /// A split of a list that cannot have any.
    #[error(
        "{path} has no column for splits: lines of a text are a path and a label; write a .csv \
         with the columns path, label and split",
        path = path.shown()
    )]
    ListWithoutSplits {
        /// The list.
        path: PathBuf,
    },
    /// A list without rows.
    #[error("{path} lists no images", path = path.shown())]
    ListEmpty {
        /// The list.
        path: PathBuf,
    },
    /// An image that a list has twice.
    #[error(
        "{path} lists {image} twice, in lines {} and {}; remove one of them",
        .lines.0, .lines.1,
        path = path.shown(), image = image.shown()
    )]
    ListTwice {
        /// The list.
        path: PathBuf,
        /// The image.
        image: PathBuf,
        /// Where it stands.
        lines: (u64, u64),
    },
    /// A list that is longer than any that is meant.
    #[error("{path} has more than {limit} bytes and is not read as a list of images; divide it", path = path.shown())]
    ListTooLong {
        /// The list.
        path: PathBuf,
        /// Most bytes that are read.
        limit: u64,
    },
    /// A list of files with nothing in it.
    #[error("the list of {kind} files is empty; name at least one, as in [\"data_batch_1.bin\"]")]
    NoFiles {
        /// `CIFAR-10` or `CIFAR-100`.
        kind: &'static str,
    },
}

impl SourceError {
    /// The error of opening `path`.
    pub(super) fn open(path: &Path) -> impl Fn(OpenError) -> Self {
        move |error| match error {
            OpenError::Io(error) => Self::io(path)(error),
            OpenError::NotAFile => Self::NotAFile {
                path: path.to_owned(),
            },
            OpenError::Empty => Self::Empty {
                path: path.to_owned(),
            },
        }
    }

    /// The error of opening or reading `path`.
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Unreadable {
            path: path.to_owned(),
            reason: describe_io(&error),
        }
    }
}

/// The subfolders of a folder, for people.
fn listed(folders: &[PathBuf]) -> String {
    let listed: Vec<String> = folders.iter().map(|folder| file_name(folder)).collect();
    match listed.as_slice() {
        [_] => format!("the subfolder {}", names(&listed)),
        _ => format!("the subfolders {}", names(&listed)),
    }
}
