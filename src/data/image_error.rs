//! What can be wrong with one image, and the words that errors of images and of
//! sets share.

use std::io;

use thiserror::Error;

use super::file::OpenError;

/// At most this many names are listed in one message.
pub(super) const LISTED: usize = 5;

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
    #[error("is not an image, whatever its name says")]
    NotAnImage,
    /// A format that is not decoded here.
    #[error("is {0}, which is not read here; convert it to PNG or JPEG")]
    Unsupported(&'static str),
    /// The header promises more pixels than are allowed.
    #[error("has {width}×{height} pixels, more than data.max_pixels = {limit}")]
    TooManyPixels {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// Greatest allowed product.
        limit: u64,
    },
    /// The file is longer than any image of the allowed size.
    #[error("is a file of {bytes} bytes, too long for data.max_pixels = {limit}")]
    TooLong {
        /// Length of the file.
        bytes: u64,
        /// Greatest allowed number of pixels.
        limit: u64,
    },
    /// The file ends before the image does.
    #[error("is cut off")]
    CutOff,
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
        Self::Unreadable(describe_io(error))
    }
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
    let listed: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|n| format!("{n:?}"))
        .collect();
    match names.len().checked_sub(LISTED) {
        None | Some(0) => listed.join(", "),
        Some(more) => format!("{} and {more} more", listed.join(", ")),
    }
}
