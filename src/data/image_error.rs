//! What can be wrong with one image, and the words that errors of images and of
//! sets share.

use std::io;

use thiserror::Error;

use super::file::OpenError;
use crate::untrusted::StandIn;

/// At most this many names are listed in one message.
pub(super) const LISTED: usize = 5;

/// What is other about a file that holds something else.
pub(super) const CONTENT_CHANGED: &str = "its content is not what it was";

/// What is other about a file whose owner or links were changed, or whose content
/// under an old time.
pub(super) const ENTRY_CHANGED: &str = "its entry was written since";

/// An image that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageError {
    /// The file could not be opened or read.
    #[error("{0}")]
    Unreadable(String),
    /// A folder, socket or pipe that is named like an image.
    #[error("is not a regular file")]
    NotAFile,
    /// The file has no content.
    #[error("is empty")]
    Empty,
    /// The content is of no known image format.
    #[error("is not a valid image file")]
    NotAnImage,
    /// Something was left in the image's place.
    #[error("is {}", .0.describe("image"))]
    StandIn(StandIn),
    /// A format that is not decoded here.
    #[error("is {0}, which is not supported; convert it to PNG or JPEG")]
    Unsupported(&'static str),
    /// A format that is not decoded here, to go by the name, and unknown content.
    #[error("is named like {0}, which is not supported; convert it to PNG or JPEG")]
    UnsupportedName(&'static str),
    /// The header promises more pixels than are allowed.
    #[error("has {height} × {width} pixels, more than data.max_pixels = {limit}")]
    TooManyPixels {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// Greatest allowed product.
        limit: u64,
    },
    /// Decoding takes more memory than all images together may take.
    #[error(
        "has {height} × {width} pixels and takes {} to decode, more than the {} that images may take; \
         scale it down, or train with a greater data.max_pixels",
        megabytes(*bytes), megabytes(*limit)
    )]
    TooMuchMemory {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// Bytes that decoding takes.
        bytes: u64,
        /// Bytes that it may take.
        limit: u64,
    },
    /// The file is longer than all of the memory that images may take.
    #[error(
        "is a file of {}, more than the {} that images may take; scale it down, or train \
         with a greater data.max_pixels",
        megabytes(*bytes), megabytes(*limit)
    )]
    TooLong {
        /// Length of the file.
        bytes: u64,
        /// Greatest allowed length.
        limit: u64,
    },
    /// The file ends before the image does.
    #[error("is cut off")]
    CutOff,
    /// The file is another one than was indexed.
    #[error("was changed since it was indexed: {0}")]
    Changed(&'static str),
    /// The decoder gave up.
    #[error("is damaged: {0}")]
    Damaged(String),
}

impl ImageError {
    /// The error of opening a file.
    pub(super) fn open(error: OpenError) -> Self {
        match error {
            OpenError::Io(error) => Self::io(&error),
            OpenError::NotAFile => Self::NotAFile,
            OpenError::Empty => Self::Empty,
        }
    }

    /// The error of opening or reading a file, without the system's number.
    pub(super) fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff,
            _ => Self::Unreadable(describe_io(error)),
        }
    }
}

/// Megabytes, rounded up, for people.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// What went wrong, the same words on every system where there is a word.
pub(super) fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read (permission denied)".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        io::ErrorKind::UnexpectedEof => "is cut off".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// A few quoted names and how many more there are.
pub(super) fn names(names: &[String]) -> String {
    names_as(names, |name| format!("{name:?}"))
}

/// The same, quoted in another way.
pub(super) fn names_as(names: &[String], quoted: impl Fn(&str) -> String) -> String {
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| quoted(name)).collect();
    match names.len().checked_sub(LISTED) {
        None | Some(0) => listed.join(", "),
        Some(more) => format!("{} and {more} more", listed.join(", ")),
    }
}
