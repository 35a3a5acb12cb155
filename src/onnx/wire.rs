//! A file as an engine is given it: written anew field by field where engines would take it
//! differently, and everything else as it stands there.
//!
//! onnxruntime runs nodes that no answer is computed from; they are left out. rten wants the place
//! and the length of weights that lie in another file, which the format lets a file leave out, and
//! takes few names for that file; both are written anew. So is the window of a convolution that is
//! only given by its weights. A node without a name gets one that says what it is: engines name
//! nodes in what they say of them. Values that are asked for become outputs.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

use super::named::place;
use super::needed::Kept;
use super::proto::{
    AttributeProto, EXTERNAL, GraphProto, NodeProto, StringStringEntryProto, TensorProto,
    ValueInfoProto,
};
use super::shape::weight_bytes;
use super::write::settings;

/// Messages that weights or nodes lie in.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Model,
    /// The outermost, and those of branches.
    Graph {
        outermost: bool,
    },
    Node,
    Attribute,
    Tensor,
}

/// What a field with this number holds, if weights may lie in it.
fn inside(kind: Kind, tag: u32) -> Option<Kind> {
    match (kind, tag) {
        (Kind::Model, 7) => Some(Kind::Graph { outermost: true }),
        (Kind::Attribute, 6 | 11) => Some(Kind::Graph { outermost: false }),
        (Kind::Graph { .. }, 1) => Some(Kind::Node),
        (Kind::Node, 5) => Some(Kind::Attribute),
        (Kind::Graph { .. }, 5) | (Kind::Attribute, 5 | 10) => Some(Kind::Tensor),
        _ => None,
    }
}

/// Settings of convolutions that name no window, by what they give.
pub type Windows = BTreeMap<String, AttributeProto>;

/// The windows of a graph that follow from weights alone.
pub fn windows(graph: &GraphProto) -> Windows {
    const WINDOW: &str = "kernel_shape";
    let weights = graph.initializer.iter();
    let sides: BTreeMap<&str, &[i64]> = weights
        .map(|tensor| (tensor.name.as_str(), tensor.dims.as_slice()))
        .collect();
    let without = graph.node.iter().filter(|node| {
        matches!(
            node.op_type.as_str(),
            "Conv" | "ConvTranspose" | "ConvInteger"
        ) && !node.attribute.iter().any(|setting| setting.name == WINDOW)
    });
    let windows = without.filter_map(|node| {
        let window = sides.get(node.input.get(1)?.as_str())?.get(2..)?;
        let window = window.iter().map(|side| usize::try_from(*side).ok());
        let window: Vec<usize> = window.collect::<Option<_>>()?;
        Some((node.output.first()?.clone(), settings(WINDOW, &window)))
    });
    windows.collect()
}

/// The bytes of a file that was read, as an engine is given them: what was kept, with further
/// outputs, with other names for files of weights, and with these windows; none where they can
/// stay as they are.
pub fn rewritten(
    file: &Bytes,
    kept: Option<&Kept>,
    outputs: &[String],
    names: &BTreeMap<String, String>,
    windows: &Windows,
) -> Option<Vec<u8>> {
    let rewriter = Rewriter {
        kept,
        outputs,
        names,
        windows,
    };
    let parts = rewriter.message(file, Kind::Model)?;
    let mut bytes = Vec::with_capacity(parts.iter().map(Bytes::len).sum());
    for part in &parts {
        bytes.extend_from_slice(part);
    }
    Some(bytes)
}

struct Rewriter<'a> {
    kept: Option<&'a Kept>,
    /// Values that become outputs.
    outputs: &'a [String],
    /// Other names of files beside it.
    names: &'a BTreeMap<String, String>,
    windows: &'a Windows,
}

impl Rewriter<'_> {
    /// The parts of a message that differs from what is written; none where it does not.
    fn message(&self, message: &Bytes, kind: Kind) -> Option<Vec<Bytes>> {
        if kind == Kind::Tensor {
            return self.placed(message);
        }
        let mut parts = Vec::new();
        // Where what was not copied yet begins.
        let mut from = 0;
        let mut places = [0_usize; 4];
        let mut has_name = false;
        let mut rest = message.clone();
        while rest.has_remaining() {
            let start = message.len() - rest.len();
            let (tag, wire) = decode_key(&mut rest).ok()?;
            if wire != WireType::LengthDelimited {
                skip_field(wire, tag, &mut rest, DecodeContext::default()).ok()?;
                continue;
            }
            let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            let content = rest.split_to(length.min(rest.len()));
            has_name |= kind == Kind::Node && tag == NAME && !content.is_empty();
            let end = message.len() - rest.len();
            let outermost = kind == Kind::Graph { outermost: true };
            if outermost && !self.keeps(tag, &mut places) {
                parts.push(message.slice(from..start));
                from = end;
                continue;
            }
            let changed = inside(kind, tag).and_then(|kind| self.message(&content, kind));
            if let Some(changed) = changed {
                parts.push(message.slice(from..start));
                let mut head = BytesMut::new();
                encode_key(tag, wire, &mut head);
                let length: usize = changed.iter().map(Bytes::len).sum();
                encode_varint(length as u64, &mut head);
                parts.push(head.freeze());
                parts.extend(changed);
                from = end;
            }
        }
        let added: Vec<Bytes> = match kind {
            Kind::Node => {
                let name = (!has_name).then(|| named(message)).flatten();
                self.window(message).into_iter().chain(name).collect()
            }
            Kind::Graph { outermost: true } => {
                let outputs = self.outputs.iter().map(|name| output(name));
                outputs.map(|it| field(12, &it.encode_to_vec())).collect()
            }
            _ => Vec::new(),
        };
        if from == 0 && added.is_empty() {
            return None;
        }
        parts.push(message.slice(from..));
        parts.extend(added);
        Some(parts)
    }

    /// The setting that a node lacks.
    fn window(&self, message: &Bytes) -> Option<Bytes> {
        if self.windows.is_empty() {
            return None;
        }
        let node = NodeProto::decode(message.clone()).ok()?;
        let window = self.windows.get(node.output.first()?)?;
        Some(field(5, &window.encode_to_vec()))
    }

    /// Whether the next field with this number of the outermost graph is needed.
    fn keeps(&self, tag: u32, places: &mut [usize; 4]) -> bool {
        let Some(kept) = self.kept else {
            return true;
        };
        let (list, place) = match tag {
            1 => (&kept.nodes, &mut places[0]),
            5 => (&kept.weights, &mut places[1]),
            11 => (&kept.inputs, &mut places[2]),
            12 => (&kept.outputs, &mut places[3]),
            _ => return true,
        };
        *place += 1;
        list.get(*place - 1).is_none_or(|kept| *kept)
    }

    /// Weights that lie in another file with their place in it written out; none where
    /// it is.
    fn placed(&self, message: &Bytes) -> Option<Vec<Bytes>> {
        let tensor = TensorProto::decode(message.clone()).ok()?;
        if tensor.data_location != EXTERNAL {
            return None;
        }
        let stated = &tensor.external_data;
        let entry = |key: &str| {
            let entry = stated.iter().find(|entry| entry.key == key);
            entry.map(|entry| entry.value.clone())
        };
        let location = entry("location").unwrap_or_default();
        let length = weight_bytes(&tensor).map(|bytes| bytes.to_string());
        let entries = [
            (
                "location",
                self.names.get(&location).cloned().or(Some(location)),
            ),
            ("offset", entry("offset").or_else(|| Some("0".to_owned()))),
            ("length", entry("length").filter(|it| it != "0").or(length)),
        ];
        let entries = entries.into_iter().filter_map(|(key, value)| {
            Some(StringStringEntryProto {
                key: key.to_owned(),
                value: value?,
            })
        });
        let entries: Vec<StringStringEntryProto> = entries.collect();
        if entries == *stated {
            return None;
        }
        let mut parts = without(message, PLACE)?;
        let entries = entries.iter();
        parts.extend(entries.map(|entry| field(PLACE, &entry.encode_to_vec())));
        Some(parts)
    }
}

/// A name for a node that has none: its operator, and what it gives.
fn named(message: &Bytes) -> Option<Bytes> {
    let node = NodeProto::decode(message.clone()).ok()?;
    let output = node.output.iter().find(|name| !name.is_empty())?;
    let name = format!("{} that gives {}", place(&node.op_type), place(output));
    Some(field(NAME, name.as_bytes()))
}

/// A value as an output, whose type engines find by themselves.
pub fn output(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: name.to_owned(),
        ..ValueInfoProto::default()
    }
}

/// A field that holds a message, or a text.
fn field(number: u32, message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(message.len() as u64, &mut bytes);
    bytes.put_slice(message);
    bytes.freeze()
}

/// The field `name` of a node.
const NAME: u32 = 3;

/// The field `external_data`.
const PLACE: u32 = 13;

/// A message without the fields of this number.
fn without(message: &Bytes, number: u32) -> Option<Vec<Bytes>> {
    let mut parts = Vec::new();
    let mut rest = message.clone();
    while rest.has_remaining() {
        let start = message.len() - rest.len();
        let (tag, wire) = decode_key(&mut rest).ok()?;
        skip_field(wire, tag, &mut rest, DecodeContext::default()).ok()?;
        if tag != number {
            parts.push(message.slice(start..message.len() - rest.len()));
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::onnx::needed;
    use crate::onnx::proto::{AttributeProto, ModelProto};
    use crate::onnx::testing::{model, node, value, weights};

    fn again(model: &ModelProto, kept: Option<&Kept>) -> Option<ModelProto> {
        let names = BTreeMap::from([("w.bin".to_owned(), "0.data".to_owned())]);
        let windows = windows(model.graph.as_ref().unwrap());
        let file = Bytes::from(model.encode_to_vec());
        let bytes = rewritten(&file, kept, &[], &names, &windows)?;
        Some(ModelProto::decode(&bytes[..]).unwrap())
    }

    #[test]
    fn a_file_of_which_all_is_needed_stays_as_it_is() {
        let mut model = model(None, None, false);
        assert!(again(&model, None).is_none());
        let kept = needed::keep_only(model.graph.as_mut().unwrap(), &["logits"]);
        assert!(again(&model, Some(&kept)).is_none());
    }

    #[test]
    fn what_no_answer_needs_is_left_out_and_nothing_else_changes() {
        let mut whole = model(None, None, false);
        let graph = whole.graph.as_mut().unwrap();
        graph.initializer.insert(0, weights("unused", &[1], &[0.0]));
        graph.input.push(value("unused", &[Some(1)]));
        graph.output.push(value("spare", &[Some(1)]));
        let spare = node("Add", &["means", "unused"], "spare", Vec::new());
        graph.node.insert(1, spare);
        let file = whole.clone();
        let kept = needed::keep_only(whole.graph.as_mut().unwrap(), &["logits"]);
        assert_eq!(again(&file, Some(&kept)), Some(model(None, None, false)));
    }

    #[test]
    fn a_value_that_is_asked_for_becomes_an_output() {
        let mut whole = model(None, None, false);
        let file = Bytes::from(whole.encode_to_vec());
        let asked = ["means".to_owned()];
        let none = BTreeMap::new();
        let bytes = rewritten(&file, None, &asked, &none, &BTreeMap::new()).unwrap();
        whole.graph.as_mut().unwrap().output.push(output("means"));
        assert_eq!(ModelProto::decode(&bytes[..]).unwrap(), whole);
    }

    #[test]
    fn a_convolution_gets_the_window_of_its_weights() {
        let mut whole = model(None, None, false);
        let graph = whole.graph.as_mut().unwrap();
        graph
            .initializer
            .push(weights("kernel", &[3, 3, 1, 2], &[0.0; 18]));
        let conv = node("Conv", &["images", "kernel"], "made", Vec::new());
        graph.node.insert(0, conv);
        let mut expected = whole.clone();
        let conv = &mut expected.graph.as_mut().unwrap().node[0];
        conv.attribute.push(settings("kernel_shape", &[1, 2]));
        assert_eq!(again(&whole, None), Some(expected.clone()));
        assert!(again(&expected, None).is_none());
    }

    #[test]
    fn a_node_without_a_name_gets_one_that_says_what_it_is() {
        let mut whole = model(None, None, false);
        let expected = whole.clone();
        let first = &mut whole.graph.as_mut().unwrap().node[0];
        first.name.clear();
        let operator = first.op_type.clone();
        let output = first.output[0].clone();
        let named = again(&whole, None).unwrap();
        let name = &named.graph.as_ref().unwrap().node[0].name;
        assert_eq!(*name, format!("{operator} that gives {output}"));
        assert!(again(&named, None).is_none());
        let mut others = named;
        let first = &mut others.graph.as_mut().unwrap().node[0];
        first
            .name
            .clone_from(&expected.graph.as_ref().unwrap().node[0].name);
        assert_eq!(others, expected, "nothing else changes");
        let long = "x".repeat(10_000);
        whole.graph.as_mut().unwrap().node[0].output[0] = long;
        let named = again(&whole, None).unwrap();
        assert!(named.graph.unwrap().node[0].name.len() < 200);
    }

    #[test]
    fn weights_beside_a_file_get_the_place_that_the_format_lets_it_leave_out() {
        let beside = |stated: &[(&str, &str)]| {
            let entry = |(key, value): &(&str, &str)| StringStringEntryProto {
                key: (*key).to_owned(),
                value: (*value).to_owned(),
            };
            TensorProto {
                data_location: EXTERNAL,
                external_data: stated.iter().map(entry).collect(),
                ..weights("fc.weight", &[4, 3], &[])
            }
        };
        let (location, length, offset) = (("location", "w"), ("length", "48"), ("offset", "0"));
        let mut whole = model(None, None, false);
        let put = |model: &mut ModelProto, stated: &[(&str, &str)]| {
            let graph = model.graph.as_mut().unwrap();
            graph.initializer[0] = beside(stated);
            let constant = AttributeProto {
                name: "value".to_owned(),
                t: Some(beside(stated)),
                ..AttributeProto::default()
            };
            graph.node[0].attribute = vec![constant];
        };
        put(&mut whole, &[location]);
        let mut expected = whole.clone();
        put(&mut expected, &[location, offset, length]);
        assert_eq!(again(&whole, None), Some(expected.clone()));
        put(&mut whole, &[location, offset, length]);
        assert!(again(&whole, None).is_none());
        // Engines differ in which of two they take.
        let elsewhere = ("location", "../w");
        put(
            &mut whole,
            &[
                location,
                length,
                elsewhere,
                ("offset", "0"),
                ("basepath", ".."),
            ],
        );
        assert_eq!(again(&whole, None), Some(expected.clone()));
        put(&mut whole, &[("location", "w.bin")]);
        put(&mut expected, &[("location", "0.data"), offset, length]);
        assert_eq!(again(&whole, None), Some(expected));
    }
}
