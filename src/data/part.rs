//! The parts of an experiment that sets of images belong to.

use std::fmt;
use std::path::Path;

/// The part of an experiment that a set of images belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Images to learn from.
    Train,
    /// Images evaluated every epoch.
    Valid,
    /// Images evaluated at the end.
    Test,
    /// Images without labels.
    Unlabelled,
    /// Images that are only classified.
    Inference,
}

impl Part {
    /// The line of an experiment that names a folder of images.
    pub(super) fn line(self, folder: &Path) -> String {
        let folder = folder.to_string_lossy().into_owned();
        match self {
            Self::Train | Self::Inference => format!("train: ImageFolder({folder:?})"),
            Self::Valid => format!("valid: Set(ImageFolder({folder:?}))"),
            Self::Test => format!("test: ImageFolder({folder:?})"),
            Self::Unlabelled => format!("unlabelled: (source: ImageFolder({folder:?}))"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "data.train",
            Self::Valid => "data.valid",
            Self::Test => "data.test",
            Self::Unlabelled => "data.unlabelled",
            Self::Inference => "images",
        })
    }
}
