//! Files as PyTorch writes them, made by hand: an archive with a pickle of names
//! and shapes, and a part for every array's bytes.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::{Array, Values};

/// A dictionary of a checkpoint.
#[derive(Clone)]
pub enum Node {
    /// A tensor.
    Tensor(Array),
    /// Values by name.
    Dict(Vec<(String, Node)>),
    /// Values without names.
    List(Vec<Node>),
    /// A number, such as that of the epoch.
    Number(u8),
    /// A module as it is in memory, with its class.
    Module(Vec<Array>),
}

/// A dictionary of arrays under their own names.
pub fn state_dict(arrays: &[Array]) -> Node {
    let named = |array: &Array| (array.name.clone(), Node::Tensor(array.clone()));
    Node::Dict(arrays.iter().map(named).collect())
}

/// A dictionary of these entries.
pub fn dict<const N: usize>(entries: [(&str, Node); N]) -> Node {
    let named = entries.map(|(name, node)| (name.to_owned(), node));
    Node::Dict(named.into())
}

/// The arrays with a prefix before every name.
pub fn prefixed(prefix: &str, arrays: &[Array]) -> Vec<Array> {
    let arrays = arrays.iter().cloned();
    arrays
        .map(|array| Array {
            name: format!("{prefix}{}", array.name),
            ..array
        })
        .collect()
}

/// A file as `torch.save` writes it.
pub fn saved(root: &Node) -> Vec<u8> {
    let mut storages = Vec::new();
    let mut pickle = b"\x80\x02".to_vec();
    value(root, &mut pickle, &mut storages);
    pickle.push(b'.');
    let mut archive = Archive::default();
    archive.stored("archive/data.pkl", &pickle);
    archive.stored("archive/version", b"3\n");
    for (key, bytes) in storages.iter().enumerate() {
        archive.stored(&format!("archive/data/{key}"), bytes);
    }
    archive.finish()
}

fn value(node: &Node, pickle: &mut Vec<u8>, storages: &mut Vec<Vec<u8>>) {
    match node {
        Node::Number(number) => pickle.extend([b'K', *number]),
        Node::Dict(entries) => {
            pickle.push(b'}');
            for (name, node) in entries {
                text(name, pickle);
                value(node, pickle, storages);
                pickle.push(b's');
            }
        }
        Node::List(nodes) => {
            pickle.push(b']');
            for node in nodes {
                value(node, pickle, storages);
                pickle.push(b'a');
            }
        }
        Node::Tensor(array) => tensor(array, pickle, storages),
        Node::Module(arrays) => {
            let parts = [
                ("training", Node::Number(1)),
                ("_parameters", state_dict(&own(arrays))),
                ("_buffers", dict([])),
                ("_modules", Node::Dict(parts(arrays))),
            ];
            pickle.extend(b"cnets\nNet\n)\x81");
            value(&dict(parts), pickle, storages);
            pickle.push(b'b');
        }
    }
}

/// The arrays of a module that are in none of its parts.
fn own(arrays: &[Array]) -> Vec<Array> {
    let arrays = arrays.iter();
    let own = arrays.filter(|array| !array.name.contains('.'));
    own.cloned().collect()
}

/// The modules of a module, by name.
fn parts(arrays: &[Array]) -> Vec<(String, Node)> {
    let mut parts: Vec<(String, Vec<Array>)> = Vec::new();
    for array in arrays {
        let Some((part, name)) = array.name.split_once('.') else {
            continue;
        };
        let array = Array {
            name: name.to_owned(),
            ..array.clone()
        };
        match parts.iter_mut().find(|(known, _)| known == part) {
            Some((_, arrays)) => arrays.push(array),
            None => parts.push((part.to_owned(), vec![array])),
        }
    }
    let modules = parts.into_iter();
    modules
        .map(|(name, arrays)| (name, Node::Module(arrays)))
        .collect()
}

fn tensor(array: &Array, pickle: &mut Vec<u8>, storages: &mut Vec<Vec<u8>>) {
    let (kind, count, bytes): (_, _, Vec<u8>) = match &array.values {
        Values::F32(values) => (
            "FloatStorage",
            values.len(),
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ),
        Values::I64(values) => (
            "LongStorage",
            values.len(),
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ),
    };
    pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text("storage", pickle);
    pickle.extend(format!("ctorch\n{kind}\n").bytes());
    text(&storages.len().to_string(), pickle);
    text("cpu", pickle);
    whole(count, pickle);
    pickle.extend(b"tQK\x00");
    let mut stride = 1;
    let mut strides: Vec<usize> = Vec::new();
    for &size in array.shape.iter().rev() {
        strides.insert(0, stride);
        stride *= size;
    }
    for sizes in [&array.shape, &strides] {
        pickle.push(b'(');
        for &size in sizes {
            whole(size, pickle);
        }
        pickle.push(b't');
    }
    pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    storages.push(bytes);
}

fn text(text: &str, pickle: &mut Vec<u8>) {
    pickle.push(b'X');
    pickle.extend((text.len() as u32).to_le_bytes());
    pickle.extend(text.bytes());
}

fn whole(number: usize, pickle: &mut Vec<u8>) {
    pickle.push(b'J');
    pickle.extend((number as u32).to_le_bytes());
}

/// A zip archive.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

impl Archive {
    /// Adds a part as it is.
    pub fn stored(&mut self, name: &str, content: &[u8]) {
        self.add(name, 0, content, content);
    }

    /// Adds a part that is compressed.
    pub fn packed(&mut self, name: &str, content: &[u8]) {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        self.add(name, 8, content, &packed);
    }

    fn add(&mut self, name: &str, method: u16, content: &[u8], written: &[u8]) {
        let mut crc = Crc::new();
        crc.update(content);
        let start = self.bytes.len() as u32;
        // From the version that is needed to the length of what follows the name.
        let mut common = Vec::new();
        for number in [20, 0, method, 0, 0] {
            common.extend(u16::to_le_bytes(number));
        }
        for number in [crc.sum(), written.len() as u32, content.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        for number in [name.len() as u16, 0] {
            common.extend(number.to_le_bytes());
        }
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&common);
        self.bytes.extend(name.bytes());
        self.bytes.extend(written);
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&common);
        self.directory.extend([0; 10]);
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.bytes());
        self.entries += 1;
    }

    /// The file.
    pub fn finish(self) -> Vec<u8> {
        let start = self.bytes.len() as u32;
        let mut bytes = self.bytes;
        bytes.extend(&self.directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend(self.entries.to_le_bytes());
        bytes.extend(self.entries.to_le_bytes());
        bytes.extend((self.directory.len() as u32).to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }
}
