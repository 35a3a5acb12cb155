//! What a file takes in memory once it is decoded, known before it is.
//!
//! Two bytes are enough to say "one more node", and a node takes some hundred
//! bytes of memory. So the fields are walked through first, without keeping any.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};

use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Messages lie in each other at most this deep.
const DEEPEST: u32 = 64;

/// Fields of the outermost message, at most: its graph and its metadata, of which
/// files have some tens.
pub const MOST_OUTERMOST: u32 = 1 << 16;

/// Fields of all messages that are decoded, at most: the largest classifiers have some
/// hundred thousand.
pub const MOST_FIELDS: u32 = 1 << 19;

/// Bytes that a text takes besides its own, and twice what a byte of a message of
/// texts becomes.
const TEXT: u64 = 64;

/// Bytes of memory that any of the large messages takes, with room to spare.
const LARGE: u64 = 512;

/// Times that a number can grow when it is decoded: one byte becomes eight.
const NUMBERS: u64 = 8;

/// Why a file is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecodable {
    /// It is no ONNX file, or is cut off or filled up.
    Malformed,
    /// It has more than [`MOST_OUTERMOST`] fields outside its graph.
    Outermost,
    /// It has more than [`MOST_FIELDS`] fields.
    Fields,
}

#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Function,
}

/// What stands in a field of a message.
enum Field {
    Message(Kind),
    /// Bytes that are kept as they are.
    Bytes,
    /// Numbers, packed.
    Numbers,
    /// A text, or a message of texts.
    Texts,
    /// What is not decoded, such as texts for people.
    Skipped,
}

/// After [`super::proto`].
fn field(kind: Kind, tag: u32) -> Field {
    match (kind, tag) {
        (Kind::Model, 7) | (Kind::Attribute, 6 | 11) => Field::Message(Kind::Graph),
        (Kind::Model, 25) => Field::Message(Kind::Function),
        (Kind::Graph, 1) | (Kind::Function, 7) => Field::Message(Kind::Node),
        (Kind::Graph, 5) | (Kind::Attribute, 5 | 10) => Field::Message(Kind::Tensor),
        (Kind::Node, 5) => Field::Message(Kind::Attribute),
        (Kind::Tensor, 9) | (Kind::Attribute, 4) => Field::Bytes,
        (Kind::Tensor, 1 | 4 | 5 | 7 | 10) | (Kind::Attribute, 7 | 8) => Field::Numbers,
        (Kind::Model, 2 | 3 | 6 | 8 | 14)
        | (Kind::Graph, 2 | 11 | 12 | 15)
        | (Kind::Node, 1..=4 | 7)
        | (Kind::Attribute, 1 | 22 | 23)
        | (Kind::Tensor, 8 | 13)
        | (Kind::Function, 1 | 10) => Field::Texts,
        _ => Field::Skipped,
    }
}

/// Bytes of memory that a file takes, at most.
///
/// # Errors
/// It is no ONNX file, or is made of more fields than any classifier.
pub fn weight(file: &[u8]) -> Result<u64, Undecodable> {
    let mut count = Count {
        left: MOST_FIELDS,
        graphs: 0,
    };
    count.message(file, Kind::Model, DEEPEST)
}

/// That the outermost fields of a file of this length end where it does, and are not more
/// than a file has. Of one that was cut off or filled up, this is known without reading what
/// is in them.
///
/// # Errors
/// What the file system says.
pub fn check_outline(mut file: &File, length: u64) -> io::Result<Result<(), Undecodable>> {
    let before = file.stream_position()?;
    file.rewind()?;
    let checked = Outline {
        left: length,
        reader: BufReader::new(file),
    }
    .check();
    file.seek(SeekFrom::Start(before))?;
    checked
}

/// A file whose outermost fields are passed over.
struct Outline<'a> {
    reader: BufReader<&'a File>,
    /// Bytes that follow.
    left: u64,
}

impl Outline<'_> {
    fn check(&mut self) -> io::Result<Result<(), Undecodable>> {
        for _ in 0..MOST_OUTERMOST {
            if self.left == 0 {
                return Ok(Ok(()));
            }
            let Some(key) = self.number()? else {
                return Ok(Err(Undecodable::Malformed));
            };
            let length = match WireType::try_from(key & 7) {
                Ok(WireType::Varint) => self.number()?.map(|_| 0),
                Ok(WireType::LengthDelimited) => self.number()?,
                Ok(WireType::SixtyFourBit) => Some(8),
                Ok(WireType::ThirtyTwoBit) => Some(4),
                _ => None,
            };
            let length = length.filter(|length| key >> 3 > 0 && *length <= self.left);
            let Some(length) = length else {
                return Ok(Err(Undecodable::Malformed));
            };
            self.reader.seek_relative(length.cast_signed())?;
            self.left -= length;
        }
        Ok(match self.left {
            0 => Ok(()),
            _ => Err(Undecodable::Outermost),
        })
    }

    /// A number as the format writes it; none where it has no end.
    fn number(&mut self) -> io::Result<Option<u64>> {
        let mut number = 0;
        for place in 0..10 {
            if self.left == 0 {
                return Ok(None);
            }
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            self.left -= 1;
            number |= u64::from(byte[0] & 0x7f) << (7 * place);
            if byte[0] & 0x80 == 0 {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}

/// What may still come.
struct Count {
    /// Fields.
    left: u32,
    /// Graphs of the outermost message.
    graphs: u32,
}

impl Count {
    fn message(&mut self, mut bytes: &[u8], kind: Kind, levels: u32) -> Result<u64, Undecodable> {
        let malformed = Undecodable::Malformed;
        let mut sum = LARGE;
        let levels = levels.checked_sub(1).ok_or(malformed)?;
        while bytes.has_remaining() {
            self.left = self.left.checked_sub(1).ok_or(Undecodable::Fields)?;
            let (tag, wire) = decode_key(&mut bytes).map_err(|_| malformed)?;
            if wire != WireType::LengthDelimited {
                let skipped = skip_field(wire, tag, &mut bytes, DecodeContext::default());
                skipped.map_err(|_| malformed)?;
                sum += NUMBERS;
                continue;
            }
            let length = decode_varint(&mut bytes).map_err(|_| malformed)?;
            let length = usize::try_from(length).map_err(|_| malformed)?;
            let (inside, rest) = bytes.split_at_checked(length).ok_or(malformed)?;
            bytes = rest;
            if matches!((kind, tag), (Kind::Model, 7)) {
                // Engines differ in which of several they take.
                self.graphs += 1;
                if self.graphs > 1 {
                    return Err(malformed);
                }
            }
            sum = sum.saturating_add(match field(kind, tag) {
                Field::Bytes => TEXT,
                Field::Numbers => NUMBERS * length as u64,
                Field::Texts => TEXT + TEXT / 2 * length as u64,
                Field::Message(kind) => self.message(inside, kind, levels)?,
                Field::Skipped => 0,
            });
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use prost::Message;

    use super::*;
    use crate::onnx::proto::{AttributeProto, GraphProto, ModelProto, NodeProto};

    fn file(graph: GraphProto) -> Vec<u8> {
        let model = ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    #[test]
    fn many_empty_nodes_are_known_to_be_large_before_they_are_decoded() {
        let bytes = file(GraphProto {
            node: vec![NodeProto::default(); 1000],
            ..GraphProto::default()
        });
        let weight = weight(&bytes).unwrap();
        assert!(weight >= 1000 * size_of::<NodeProto>() as u64, "{weight}");
    }

    #[test]
    fn graphs_in_graphs_have_an_end() {
        let mut graph = GraphProto::default();
        for _ in 0..40 {
            graph = GraphProto {
                node: vec![NodeProto {
                    attribute: vec![AttributeProto {
                        g: Some(graph),
                        ..AttributeProto::default()
                    }],
                    ..NodeProto::default()
                }],
                ..GraphProto::default()
            };
        }
        assert_eq!(weight(&file(graph)), Err(Undecodable::Malformed));
    }

    #[test]
    fn what_is_cut_short_is_none() {
        let bytes = file(GraphProto {
            name: "main".to_owned(),
            ..GraphProto::default()
        });
        assert!(weight(&bytes).is_ok());
        let cut = weight(&bytes[..bytes.len() - 1]);
        assert_eq!(cut, Err(Undecodable::Malformed));
    }

    #[test]
    fn a_file_that_was_cut_off_or_filled_up_does_not_reach_its_end() {
        let bytes = file(GraphProto {
            node: vec![NodeProto::default(); 9000],
            ..GraphProto::default()
        });
        let reaches = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file.seek(SeekFrom::Start(3)).unwrap();
            let reaches = check_outline(&file, bytes.len() as u64).unwrap().is_ok();
            assert_eq!(file.stream_position().unwrap(), 3);
            reaches
        };
        assert!(reaches(&bytes));
        assert!(!reaches(&bytes[..bytes.len() - 1]));
        assert!(!reaches(&[&bytes[..], &[0; 9]].concat()));
        assert!(!reaches(&[0xff; 20]));
    }

    #[test]
    fn files_of_more_fields_than_any_classifier_are_known_by_their_number() {
        let entries = b"\x72\0".repeat(MOST_OUTERMOST as usize + 1);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&entries).unwrap();
        let checked = check_outline(&file, entries.len() as u64).unwrap();
        assert_eq!(checked, Err(Undecodable::Outermost));
        let checked = check_outline(&file, entries.len() as u64 - 2).unwrap();
        assert_eq!(checked, Ok(()));
        let nodes = vec![NodeProto::default(); MOST_FIELDS as usize];
        let bytes = self::file(GraphProto {
            node: nodes,
            ..GraphProto::default()
        });
        assert_eq!(weight(&bytes), Err(Undecodable::Fields));
    }

    #[test]
    fn texts_that_are_not_decoded_weigh_nothing() {
        let bytes = file(GraphProto {
            node: vec![NodeProto::default()],
            ..GraphProto::default()
        });
        // A documentation of a mebibyte beside the graph's own fields, which is field 10.
        let text = vec![b' '; 1 << 20];
        let graph = [&[0x0a, 0, 0x52, 0x80, 0x80, 0x40][..], &text].concat();
        assert_eq!(graph.len(), (1 << 20) + 6);
        let key = [0x3a, 0x86, 0x80, 0x40];
        assert_eq!(weight(&[&key[..], &graph].concat()), weight(&bytes));
    }

    #[test]
    fn two_graphs_are_a_damaged_file() {
        let bytes = file(GraphProto {
            node: vec![NodeProto::default()],
            ..GraphProto::default()
        });
        let twice = [&bytes[..], &bytes].concat();
        assert_eq!(weight(&twice), Err(Undecodable::Malformed));
    }
}
