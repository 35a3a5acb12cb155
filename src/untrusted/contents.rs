//! What a file is, by its first bytes: models and weights are downloaded, copied and
//! renamed, and what arrives is often something else.

use std::fs::File;
use std::io::{self, Read as _};

use super::StandIn;
use super::pickle::is_pickle;

/// As many bytes as are looked at.
const LOOKED_AT: u64 = 1024;

/// Length of the number that a safetensors file starts with, bytes.
pub const SAFETENSORS_LENGTH: usize = 8;

/// The first bytes of a file that was just opened, as [`Contents::of`] looks at them.
/// What is read of it next is what follows.
///
/// # Errors
/// What the file system says.
pub fn start_of(mut file: &File) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.by_ref().take(LOOKED_AT).read_to_end(&mut start)?;
    Ok(start)
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Nothing.
    Empty,
    /// Zeros, as in a file that was made long and never filled.
    Zeros,
    /// What was left in its place.
    StandIn(StandIn),
    /// safetensors.
    SafeTensors,
    /// A zip archive, as PyTorch writes since 1.6.
    Zip,
    /// PyTorch's format before that, in one stream: pickles, then storages.
    Stream,
    /// A tar archive, as PyTorch's first format is.
    Tar,
    /// An ONNX model.
    Onnx,
    /// What a server answers programs: XML or JSON.
    Answer(&'static str),
    /// The table of contents of weights that lie in several files.
    Index,
    /// Some other text.
    Text,
    /// A format that other programs keep models in.
    Other(&'static str),
    /// Compressed as a whole.
    Compressed(&'static str),
    /// A pickle that PyTorch did not write.
    Pickle,
    /// None of all that.
    Unknown,
}

impl Contents {
    /// Of a file that starts with `start`, as [`start_of`] reads it.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        if start.is_empty() {
            return Self::Empty;
        }
        let is_short = || start[4..SAFETENSORS_LENGTH] == [0; 4];
        if start.get(SAFETENSORS_LENGTH) == Some(&b'{')
            && !is_text(start)
            && (is_short() || !is_onnx(start))
        {
            return Self::SafeTensors;
        }
        if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            return Self::Zip;
        }
        let window = &start[..start.len().min(STREAM_START)];
        let opens_with = |magic: &[u8]| window.windows(magic.len()).any(|bytes| bytes == magic);
        if opens_with(&STREAM_MAGIC) || opens_with(STREAM_MAGIC_TEXT) {
            return Self::Stream;
        }
        if has_at(start, TAR_MAGIC.0, TAR_MAGIC.1) {
            return Self::Tar;
        }
        without_weights(start)
    }

    /// What it is where `wanted` should be, and what to do about it, for people: to get
    /// the file again, or else this `remedy`. None if it is not known.
    #[must_use]
    pub fn describe(self, wanted: &str, remedy: &str) -> Option<String> {
        let what = match self {
            Self::Empty => return Some("empty; copy or download it again".to_owned()),
            Self::Zeros => {
                let text = "incomplete, it begins with zeros; copy or download it again";
                return Some(text.to_owned());
            }
            Self::StandIn(stand_in) => return Some(stand_in.describe(wanted)),
            Self::Answer(format) => {
                return Some(format!(
                    "{format} text, such as the answer of a server, saved in place of the \
                     {wanted}; download it again"
                ));
            }
            Self::Compressed(how) => return Some(format!("compressed ({how}); unpack it")),
            Self::SafeTensors => {
                "a safetensors file, which holds weights without their architecture"
            }
            Self::Zip => "a zip archive, such as PyTorch writes",
            Self::Stream => "a file of PyTorch's old format, which holds weights only",
            Self::Tar => "a tar archive",
            Self::Onnx => "an ONNX model",
            Self::Index => "the index of weights that lie in several files",
            Self::Text => "a text file",
            Self::Other(what) => what,
            Self::Pickle => "a pickle",
            Self::Unknown => return None,
        };
        Some(format!("{what}; {remedy}"))
    }
}

/// The number that opens PyTorch's stream of pickles, as protocols 2 and up
/// write it and as text.
const STREAM_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const STREAM_MAGIC_TEXT: &[u8] = b"119547037146038801333356";
/// That number is within the first bytes, however it is written.
const STREAM_START: usize = 64;

/// Where a TAR archive says so.
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");

/// Formats of others: where, which bytes, what it is.
const OTHERS: [(usize, &[u8], &str); 12] = [
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (0, b"GGUF", "a GGUF file"),
    (0, b"\x93NUMPY", "an array of NumPy"),
    (0, b"ORTM", "a model of ONNX Runtime"),
    (0, b"caffe", "a Caffe model"),
    (0, b"\x7fELF", "a program"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"%PDF-", "a PDF document"),
];

/// Whole files that were made smaller.
const COMPRESSED: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
];

/// What a file is that holds no weights.
fn without_weights(start: &[u8]) -> Contents {
    if start.iter().all(|&byte| byte == 0) {
        return Contents::Zeros;
    }
    if let Some((_, _, what)) = OTHERS
        .iter()
        .find(|(at, magic, _)| has_at(start, *at, magic))
    {
        return Contents::Other(what);
    }
    if let Some((_, what)) = COMPRESSED
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
    {
        return Contents::Compressed(what);
    }
    if is_onnx(start) {
        return Contents::Onnx;
    }
    // The oldest are text, too.
    if is_pickle(start) {
        return Contents::Pickle;
    }
    if is_text(start) {
        return text(&String::from_utf8_lossy(start));
    }
    Contents::Unknown
}

fn has_at(start: &[u8], at: usize, magic: &[u8]) -> bool {
    start.get(at..at + magic.len()) == Some(magic)
}

fn text(text: &str) -> Contents {
    if let Some(stand_in) = StandIn::of(text) {
        return Contents::StandIn(stand_in);
    }
    let lower = text.trim_start_matches('\u{feff}').trim_start();
    let lower = lower.to_ascii_lowercase();
    if lower.starts_with('<') {
        return Contents::Answer("XML");
    }
    if lower.starts_with('{') && lower.contains("\"weight_map\"") {
        return Contents::Index;
    }
    if lower.starts_with('{') || lower.starts_with('[') {
        return Contents::Answer("JSON");
    }
    Contents::Text
}

/// Whether these bytes are written for people; the last character may be cut.
fn is_text(start: &[u8]) -> bool {
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty()
        && valid
            .chars()
            .all(|c| !c.is_control() || c.is_ascii_whitespace())
}

/// Whether this is a message of protocol buffers as ONNX orders it: the version
/// of its format, then one of the fields that follow it.
fn is_onnx(start: &[u8]) -> bool {
    /// Producer's name and version, domain, model's version, documentation,
    /// graph, set of operators, properties.
    const FOLLOW: [u8; 8] = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72];
    /// Newer versions than there will be for long.
    const GREATEST: u8 = 32;
    matches!(start, [0x08, version, next, ..]
        if (1..=GREATEST).contains(version) && FOLLOW.contains(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_left_in_place_of_weights_is_named_as_what_it_is() {
        let pointer = "version https://git-lfs.github.com/spec/v1\n\
                       oid sha256:4d7a2146\nsize 102530333\n";
        let bytes = Some(102_530_333);
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        let cases: [(&[u8], Contents); 24] = [
            (b"", Contents::Empty),
            (
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
                Contents::Other("a PNG image"),
            ),
            (
                b"\xff\xd8\xff\xe0\0\x10JFIF",
                Contents::Other("a JPEG image"),
            ),
            (&[0; 100], Contents::Zeros),
            (
                pointer.as_bytes(),
                Contents::StandIn(StandIn::LfsPointer { bytes }),
            ),
            (
                b"/annex/objects/SHA256E-s1--a.pt\n",
                Contents::StandIn(StandIn::AnnexPointer),
            ),
            (
                b"\xef\xbb\xbf\n <!DOCTYPE html>\n<title>Log in",
                Contents::StandIn(StandIn::Html),
            ),
            (b"<HTML><head></head>", Contents::StandIn(StandIn::Html)),
            (
                b"<?xml version=\"1.0\"?>\n<html lang=\"en\">",
                Contents::StandIn(StandIn::Html),
            ),
            (b"<?xml version=\"1.0\"?><Error/>", Contents::Answer("XML")),
            (b"{\"error\": \"Not found\"}", Contents::Answer("JSON")),
            // Its ninth byte is a brace, as that of a safetensors file is.
            (b"{\"a\":[1,{\"b\": 2}]}", Contents::Answer("JSON")),
            (
                b"{\"weight_map\": {\"a\": \"model-1.st\"}}",
                Contents::Index,
            ),
            (b"hello there", Contents::Text),
            (b"\x08\x08\x12\x07pytorch", Contents::Onnx),
            (
                b"\x89HDF\r\n\x1a\n\0",
                Contents::Other("an HDF5 file, as Keras writes"),
            ),
            (b"\x1f\x8b\x08\0", Contents::Compressed("gzip")),
            (b"\x80\x04\x95\x10", Contents::Pickle),
            (b"cos\nsystem\n(S'ls'\ntR.", Contents::Pickle),
            (b"\xff\xfe\xfd", Contents::Unknown),
            (b"\x10\0\0\0\0\0\0\0{\"a\":", Contents::SafeTensors),
            (b"PK\x03\x04", Contents::Zip),
            (
                b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
                Contents::Stream,
            ),
            (&tar, Contents::Tar),
        ];
        for (start, expected) in cases {
            assert_eq!(Contents::of(start), expected, "{}", start.escape_ascii());
        }
    }

    #[test]
    fn a_character_that_was_cut_off_does_not_make_a_text_something_else() {
        assert_eq!(
            Contents::of("<html>ü".as_bytes()),
            Contents::StandIn(StandIn::Html)
        );
        let cut = "<html>ü".as_bytes();
        assert_eq!(
            Contents::of(&cut[..cut.len() - 1]),
            Contents::StandIn(StandIn::Html)
        );
    }
}
