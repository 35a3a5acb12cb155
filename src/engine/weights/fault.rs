//! What is wrong with a file that was meant to hold weights, and what to do.
//!
//! Weights are downloaded, copied and renamed; what arrives is often something
//! else. Each of these is named as what it is, with its remedy.

use thiserror::Error;

use crate::untrusted::{Contents, Show as _, StandIn, clean_line};

/// Why a file cannot be used as weights. Each says what the file is and what to
/// do.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is in it.
    #[error("it is empty; copy or download it again")]
    Empty,
    /// As files are that were made long and never filled.
    #[error("it begins with zeros: it is incomplete; copy or download it again")]
    Zeros,
    /// Something was left in its place.
    #[error("it is {}", .0.describe("weights"))]
    StandIn(StandIn),
    /// What a server answers programs.
    #[error(
        "it is {0} text, such as the answer of a server, saved in place of the weights; \
         download them again"
    )]
    Answer(&'static str),
    /// The table of contents of weights that lie in several files.
    #[error(
        "it is the index of weights that lie in several files; load them in PyTorch and save \
         one state dict"
    )]
    Index,
    /// Some other text.
    #[error("it is a text file, not weights; give the path of a .safetensors, .pt or .pth file")]
    Text,
    /// A format that other programs keep models in.
    #[error("it is {0}; {STATE_DICT}")]
    OtherFormat(&'static str),
    /// Compressed as a whole.
    #[error("it is compressed ({0}); unpack it and give the path of the file within")]
    Compressed(&'static str),
    /// A program for libtorch, with weights in it.
    #[error(
        "it is a TorchScript archive, a program with weights in it; as a teacher: weights: \
         TorchScript(\"…\"); or in PyTorch: torch.save(torch.jit.load(path).state_dict(), \
         \"weights.pt\")"
    )]
    TorchScript,
    /// A graph that `torch.export` wrote, with weights in it.
    #[error(
        "it is a program that torch.export saved, with weights in it; in PyTorch: \
         torch.save(torch.export.load(path).state_dict, \"weights.pt\")"
    )]
    Exported,
    /// A zip archive without its directory, which is its end.
    #[error(
        "it is an archive without its end: it was cut off or has other bytes after it; \
         copy or download it again"
    )]
    CutArchive,
    /// A zip archive that says impossible things of itself.
    #[error("it is a damaged archive: {0}; copy or download it again")]
    DamagedArchive(String),
    /// A zip archive with weights packed into it as a file.
    #[error("it is an archive that holds `{0}`; unpack it and give the path of that file")]
    Packed(String),
    /// A tar archive with a file in it.
    #[error("it is a tar archive that holds `{0}`; unpack it and give the path of the file within")]
    Tar(String),
    /// A zip archive of something else.
    #[error("it is a zip archive without weights of PyTorch in it (it has {0}); {STATE_DICT}")]
    OtherArchive(String),
    /// An object of a class of its own in place of a state dict.
    #[error("it holds a pickled object ({0}), not a state dict; {STATE_DICT}")]
    PickledObject(String),
    /// A pickle that `torch.save` did not write.
    #[error("it is a plain pickle, which holds no tensors of PyTorch; {STATE_DICT}")]
    PlainPickle,
    /// More of something than there is any use for.
    #[error("{what} takes {bytes} bytes, and at most {limit} are read; {STATE_DICT}")]
    TooLong {
        /// Of what.
        what: &'static str,
        /// How many it says or has.
        bytes: u64,
        /// How many are read.
        limit: u64,
    },
    /// A safetensors file that is shorter than it says.
    #[error(
        "it is cut off: it says that it has {expected} bytes and has {found}; \
         copy or download it again"
    )]
    Cut {
        /// By what it says of itself.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// A safetensors file that is longer than it says.
    #[error(
        "it has {found} bytes and says that it has {expected}: something was written after \
         its end; copy or download it again"
    )]
    Longer {
        /// By what it says of itself.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// A safetensors file whose header cannot be read.
    #[error("its header is damaged: {0}; copy or download it again")]
    Header(String),
    /// An array that cannot be used.
    #[error("`{name}`: {reason}; {STATE_DICT}", name = name.shown())]
    Array {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The reader of PyTorch's files gave up.
    #[error("{0}; {STATE_DICT}")]
    PyTorch(String),
    /// None of all that.
    #[error("it is neither a safetensors nor a PyTorch file; {STATE_DICT}")]
    Unknown,
}

impl Fault {
    /// Of a file that holds something else than weights, by its first bytes.
    #[must_use]
    pub fn of(contents: Contents) -> Self {
        match contents {
            Contents::Empty => Self::Empty,
            Contents::Zeros => Self::Zeros,
            Contents::StandIn(stand_in) => Self::StandIn(stand_in),
            Contents::Answer(format) => Self::Answer(format),
            Contents::Index => Self::Index,
            Contents::Text => Self::Text,
            Contents::Onnx => Self::OtherFormat("an ONNX model"),
            Contents::Other(what) => Self::OtherFormat(what),
            Contents::Compressed(how) => Self::Compressed(how),
            Contents::Pickle => Self::PlainPickle,
            Contents::SafeTensors
            | Contents::Zip
            | Contents::Stream
            | Contents::Tar
            | Contents::Unknown => Self::Unknown,
        }
    }

    /// A part of a zip archive whose bytes are not those that were written.
    #[must_use]
    pub fn wrong_checksum(part: &str) -> Self {
        Self::damaged(&format!("`{part}` has a wrong checksum"))
    }

    /// A file of parts that says impossible things of itself.
    #[must_use]
    pub fn damaged(reason: &str) -> Self {
        Self::DamagedArchive(clean_line(reason.trim_end()).into_owned())
    }
}

/// What can always be done.
const STATE_DICT: &str =
    "save a state dict of floats in PyTorch: torch.save(model.state_dict(), \"weights.pt\")";
