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

/// Bytes that a text takes besides its own, and twice what a byte of a message of
/// texts becomes.
const TEXT: u64 = 64;

/// Bytes of memory that any of the large messages takes, with room to spare.
const LARGE: u64 = 512;

/// Times that a number can grow when it is decoded: one byte becomes eight.
const NUMBERS: u64 = 8;

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
}

fn field(kind: Kind, tag: u32) -> Field {
    match (kind, tag) {
        (Kind::Model, 7) | (Kind::Attribute, 6 | 11) => Field::Message(Kind::Graph),
        (Kind::Model, 25) => Field::Message(Kind::Function),
        (Kind::Graph, 1) | (Kind::Function, 7) => Field::Message(Kind::Node),
        (Kind::Graph, 5) | (Kind::Attribute, 5 | 10) => Field::Message(Kind::Tensor),
        (Kind::Node, 5) | (Kind::Function, 11) => Field::Message(Kind::Attribute),
        (Kind::Tensor, 9) | (Kind::Attribute, 4) => Field::Bytes,
        (Kind::Tensor, 1 | 4 | 5 | 7 | 10 | 11) | (Kind::Attribute, 7 | 8) => Field::Numbers,
        _ => Field::Texts,
    }
}

/// Bytes of memory that a file takes, at most; none if it is no ONNX file.
pub fn weight(file: &[u8]) -> Option<u64> {
    message(file, Kind::Model, DEEPEST)
}

/// Whether the outermost fields of a file of this length end where it does. Of one that was
/// cut off or filled up, this is known without reading what is in them.
///
/// # Errors
/// What the file system says.
pub fn reaches_end(mut file: &File, length: u64) -> io::Result<bool> {
    let before = file.stream_position()?;
    file.rewind()?;
    let reaches = Outline {
        left: length,
        reader: BufReader::new(file),
    }
    .reaches_end();
    file.seek(SeekFrom::Start(before))?;
    reaches
}

/// A file whose outermost fields are passed over.
struct Outline<'a> {
    reader: BufReader<&'a File>,
    /// Bytes that follow.
    left: u64,
}

impl Outline<'_> {
    fn reaches_end(&mut self) -> io::Result<bool> {
        while self.left > 0 {
            let Some(key) = self.number()? else {
                return Ok(false);
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
                return Ok(false);
            };
            self.reader.seek_relative(length.cast_signed())?;
            self.left -= length;
        }
        Ok(true)
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

fn message(mut bytes: &[u8], kind: Kind, levels: u32) -> Option<u64> {
    let mut sum = LARGE;
    let levels = levels.checked_sub(1)?;
    while bytes.has_remaining() {
        let (tag, wire) = decode_key(&mut bytes).ok()?;
        if wire != WireType::LengthDelimited {
            skip_field(wire, tag, &mut bytes, DecodeContext::default()).ok()?;
            sum += NUMBERS;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
        let (inside, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        sum = sum.saturating_add(match field(kind, tag) {
            Field::Bytes => TEXT,
            Field::Numbers => NUMBERS * length as u64,
            Field::Texts => TEXT + TEXT / 2 * length as u64,
            Field::Message(kind) => message(inside, kind, levels)?,
        });
    }
    Some(sum)
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
        assert_eq!(weight(&file(graph)), None);
    }

    #[test]
    fn what_is_cut_short_is_none() {
        let bytes = file(GraphProto {
            name: "main".to_owned(),
            ..GraphProto::default()
        });
        assert!(weight(&bytes).is_some());
        assert_eq!(weight(&bytes[..bytes.len() - 1]), None);
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
            let reaches = reaches_end(&file, bytes.len() as u64).unwrap();
            assert_eq!(file.stream_position().unwrap(), 3);
            reaches
        };
        assert!(reaches(&bytes));
        assert!(!reaches(&bytes[..bytes.len() - 1]));
        assert!(!reaches(&[&bytes[..], &[0; 9]].concat()));
        assert!(!reaches(&[0xff; 20]));
    }
}
