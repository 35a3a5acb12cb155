//! Files of others: read within limits, held against what the format demands, and
//! described as an image classifier.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use prost::Message;
use thiserror::Error;

use super::named::{called, place};
use super::needed;
use super::proto::{
    AttributeProto, EXTERNAL, Extent, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, ValueInfoProto, data_type,
};
use super::shape::{self, elements, weight_bytes, width};
use super::sizes::{self, Fault, MOST_MEMORY as MOST_AT_ONCE, Refusal, Weighed};
use super::weigh::{self, Undecodable};
use super::wire;
use crate::untrusted::contents::start_of;
use crate::untrusted::{Contents, Show as _, open_regular};

/// Longest file: what the format's own encoding can hold, bytes.
const LONGEST: u64 = 2 << 30;

/// Longest files of weights beside it, all of them together, bytes.
const LONGEST_BESIDE: u64 = 8 << 30;

/// Memory for what is not weights, bytes.
const MOST_MEMORY: u64 = 256 << 20;

/// Nodes of a file, at most: the largest classifiers have a few thousand.
const MOST_NODES: usize = 32_000;

/// Versions of the format's own operators that are known here: of older ones some compute otherwise,
/// and engines differ in how they take newer ones.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=27;

/// Newest version of the format that every engine reads.
const NEWEST_FORMAT: i64 = 14;

/// Images that a file may always take at once, at most.
const MOST_IMAGES: usize = 1024;

/// Memory up to which more images are given at once, bytes.
const FAIR_MEMORY: u64 = 1 << 30;

/// Longest name of a file on the usual file systems, bytes.
const LONGEST_NAME: usize = 255;

/// Names of the set of operators that every file uses.
const OWN_NAMES: [&str; 2] = ["", "ai.onnx"];

/// Sets of operators that are the format's own.
const OWN_DOMAINS: [&str; 3] = ["", "ai.onnx", "ai.onnx.ml"];

/// Why an ONNX file cannot be used.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// What the file system says.
    #[error("{} cannot be read: {error}", path.shown())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// It is longer than anything that is read.
    #[error("{} has {bytes} bytes, more than the {limit} that are read", path.shown())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The longest.
        limit: u64,
    },
    /// It is not of the format, or was cut.
    #[error("{} is not an ONNX file, or it is cut off or damaged; export or copy it again", .0.shown())]
    Malformed(PathBuf),
    /// It is something else.
    #[error("{} is not an ONNX file: it is {what}", path.shown())]
    Other {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        what: String,
    },
    /// The file is of the format and cannot be used.
    #[error("{}: {}", path.shown(), problem.shown())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

/// In which order an input holds rows, columns and colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelOrder {
    /// `[batch, 3, height, width]`, as PyTorch has it.
    ChannelsFirst,
    /// `[batch, height, width, 3]`, as Keras has it.
    ChannelsLast,
}

/// The images that a model takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInput {
    /// Name of the input.
    pub name: String,
    /// Images that are taken at once, if always as many.
    pub batch: Option<usize>,
    /// Height and width in pixels, if always the same.
    pub size: Option<(u32, u32)>,
    /// Order of rows, columns and colours.
    pub order: PixelOrder,
    /// Whether it takes bytes from 0 to 255, and not 32-bit floats.
    pub takes_bytes: bool,
}

/// An output that holds a score for every class of every image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreOutput {
    /// Its name.
    pub name: String,
    /// Number of classes, where the file says it.
    pub classes: Option<usize>,
    /// Whether its scores come out of a softmax.
    pub probabilities: bool,
}

/// A file, with what it names beside it.
#[derive(Debug)]
pub struct OnnxFile {
    path: PathBuf,
    bytes: Bytes,
    graph: GraphProto,
    metadata: BTreeMap<String, String>,
    /// Files of weights: the name in the file, and where it is.
    beside: BTreeMap<String, PathBuf>,
    /// Bytes of all weights.
    weights: u64,
    /// Number of weights.
    parameters: u64,
    /// What of the file is handed over, where that is less than all of it.
    kept: Option<needed::Kept>,
    /// Values that become outputs.
    asked: Vec<String>,
}

/// A value that may be compared as a feature map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnnxMap {
    /// Its name.
    pub value: String,
    /// The node that gives it, where that has a name and gives nothing else.
    pub node: Option<String>,
    /// Channels, height and width; features are maps of one pixel.
    pub shape: [usize; 3],
}

/// What a file takes for images of one size, known before anything of it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Images that are given to it at once, at most: a power of two, or as many as it
    /// always takes.
    pub images: usize,
    /// Scores that it gives for an image.
    pub scores: usize,
    /// Multiply-accumulates of an image, where they are known.
    pub macs: Option<u64>,
}

impl OnnxFile {
    /// Reads a file and holds it against what the format demands. Nothing in it
    /// is run.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(path: &Path) -> Result<Self, OnnxError> {
        let bytes = Bytes::from(read(path)?);
        let malformed = || OnnxError::Malformed(path.to_owned());
        let weight = weigh::weight(&bytes).map_err(|reason| undecodable(path, reason))?;
        if weight > MOST_MEMORY.max(bytes.len() as u64) {
            return Err(refuse(
                path,
                format!("it would take {weight} bytes of memory besides its weights"),
            ));
        }
        let model = ModelProto::decode(bytes.clone()).map_err(|_| malformed())?;
        let graph = model.graph.ok_or_else(malformed)?;
        if graph.node.is_empty() || model.opset_import.is_empty() {
            return Err(malformed());
        }
        let problem = |problem: String| refuse(path, problem);
        known_version(model.ir_version, &model.opset_import).map_err(problem)?;
        let nodes = graph.node.len();
        if nodes > MOST_NODES {
            return Err(problem(format!(
                "it has {nodes} nodes, more than the {MOST_NODES} that are run; export it from the \
                 trained model again"
            )));
        }
        if let Some(function) = model.functions.first() {
            let name = place(&function.name);
            return Err(problem(format!(
                "it defines an operator of its own, `{name}`, which is not run here; export it \
                 without functions"
            )));
        }
        known_operators(&graph).map_err(problem)?;
        in_order(&graph, None).map_err(problem)?;
        let mut weights = Weights::default();
        weights.of_graph(&graph).map_err(problem)?;
        let beside = beside(path, &weights.files)?;
        if let Some((node, what)) = shape::excess(&graph) {
            return Err(problem(format!(
                "{} ({}) asks for {}, more than any image classifier needs",
                called(node),
                place(&node.op_type),
                place(&what)
            )));
        }
        let metadata = model.metadata_props.into_iter();
        Ok(Self {
            path: path.to_owned(),
            bytes,
            graph,
            metadata: metadata.map(|entry| (entry.key, entry.value)).collect(),
            beside,
            weights: weights.bytes,
            parameters: weights.parameters,
            kept: None,
            asked: Vec::new(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Files of weights that it names, and their names in it.
    #[must_use]
    pub fn beside(&self) -> &BTreeMap<String, PathBuf> {
        &self.beside
    }

    /// Leaves only what these values are computed from, once: nothing else is weighed, and
    /// nothing else handed over to an engine. They become outputs where they are none.
    pub fn keep_only(&mut self, values: &[&str]) {
        let kept = needed::keep_only(&mut self.graph, values);
        if !kept.is_all() {
            self.kept = Some(kept);
        }
        for name in values {
            if self.graph.output.iter().all(|output| output.name != *name) {
                self.graph.output.push(wire::output(name));
                self.asked.push((*name).to_owned());
            }
        }
    }

    /// The value that a name stands for: its own, or that of the node that gives it first.
    #[must_use]
    pub fn value_named(&self, name: &str) -> Option<&str> {
        let nodes = || self.graph.node.iter();
        let mut values = nodes().flat_map(|node| &node.output);
        let value = values.find(|value| *value == name).or_else(|| {
            let node = nodes().find(|node| node.name == name)?;
            node.output.first()
        });
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What may be compared as feature maps for images of this size, in the order in which it is
    /// computed: values with four sides, or with two, of which the first is the batch. Nothing
    /// is run to know it.
    ///
    /// # Errors
    /// As [`demand`](Self::demand).
    pub fn maps(
        &self,
        input: &ImageInput,
        output: &ScoreOutput,
        size: (u32, u32),
    ) -> Result<Vec<OnnxMap>, OnnxError> {
        let images = input.batch.unwrap_or(1);
        let weighed = self.weigh(input, output, size, images);
        let weighed = weighed
            .map_err(|refusal| refuse(&self.path, unweighed(&refusal, images, false)))?
            .values;
        let nodes: BTreeMap<&str, usize> =
            self.graph
                .node
                .iter()
                .fold(BTreeMap::new(), |mut all: BTreeMap<&str, usize>, node| {
                    *all.entry(&node.name).or_default() += 1;
                    all
                });
        let maps = weighed.into_iter().filter_map(|(node, value, sides)| {
            let length = |at: usize| usize::try_from(*sides.get(at)?).ok();
            let shape = match sides.len() {
                4 => [length(1)?, length(2)?, length(3)?],
                2 => [length(1)?, 1, 1],
                _ => return None,
            };
            let is_one = sides[0] == images as u64 && !shape.contains(&0) && value != output.name;
            let named = !node.name.is_empty() && node.output.len() == 1 && nodes[&*node.name] == 1;
            is_one.then(|| OnnxMap {
                value: value.to_owned(),
                node: named.then(|| node.name.clone()),
                shape,
            })
        });
        Ok(maps.collect())
    }

    /// What it takes for images of this size, up to so many of them at once; only for
    /// an output that alone was kept. Nothing is run to know it.
    ///
    /// # Errors
    /// What it makes of them would take too much memory or time, or cannot be known.
    pub fn demand(
        &self,
        input: &ImageInput,
        output: &ScoreOutput,
        size: (u32, u32),
        wanted: usize,
    ) -> Result<Demand, OnnxError> {
        let problem = |problem: String| refuse(&self.path, problem);
        if let Some(batch) = input.batch {
            if batch > MOST_IMAGES {
                return Err(problem(format!(
                    "its input always takes {batch} images at once, and at most {MOST_IMAGES} are \
                     given; {DYNAMIC}"
                )));
            }
            return self.demand_of(input, output, size, batch);
        }
        let of_one = self.weigh(input, output, size, 1);
        let mut most = 1;
        // Sizes are followed for every number of images that is given.
        while most * 2 <= wanted {
            let images = most * 2;
            let weighed = match self.weigh(input, output, size, images) {
                Ok(weighed) if weighed.bytes > FAIR_MEMORY => break,
                Ok(weighed) => weighed,
                Err(refusal) if matches!(refusal.fault, Fault::Memory(_) | Fault::Work(_)) => break,
                Err(refusal) => {
                    return Err(problem(unweighed(&refusal, images, of_one.is_ok())));
                }
            };
            if let Some(node) = of_one
                .as_ref()
                .ok()
                .and_then(|it| weighed.mixing(it, images))
            {
                return Err(problem(unweighed(&node, images, true)));
            }
            scores(&weighed, output, images).map_err(problem)?;
            most = images;
        }
        let of_one = of_one.map_err(|refusal| problem(unweighed(&refusal, 1, false)))?;
        Ok(Demand {
            images: most,
            scores: scores(&of_one, output, 1).map_err(problem)?,
            macs: of_one.macs,
        })
    }

    /// What it takes for so many images of this size at once.
    fn demand_of(
        &self,
        input: &ImageInput,
        output: &ScoreOutput,
        size: (u32, u32),
        images: usize,
    ) -> Result<Demand, OnnxError> {
        let problem = |problem: String| refuse(&self.path, problem);
        let weighed = self.weigh(input, output, size, images);
        let weighed = weighed.map_err(|refusal| {
            let alone = images > 1 && self.weigh(input, output, size, 1).is_ok();
            problem(unweighed(&refusal, images, alone))
        })?;
        Ok(Demand {
            images,
            scores: scores(&weighed, output, images).map_err(problem)?,
            macs: weighed.macs.map(|macs| macs / images.max(1) as u64),
        })
    }

    fn weigh<'a>(
        &'a self,
        input: &'a ImageInput,
        output: &ScoreOutput,
        size: (u32, u32),
        images: usize,
    ) -> Result<Weighed<'a>, Refusal<'a>> {
        let [height, width] = [size.0, size.1].map(u64::from);
        let images = images as u64;
        let shape = match input.order {
            PixelOrder::ChannelsFirst => [images, 3, height, width],
            PixelOrder::ChannelsLast => [images, height, width, 3],
        };
        sizes::weigh(&self.graph, &input.name, &output.name, shape, self.weights)
    }

    /// Named texts of the file.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Number of its weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// Bytes of its weights.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        self.weights
    }

    /// Whether weights are 16-bit floats.
    #[must_use]
    pub fn has_half_weights(&self) -> bool {
        let mut weights = self.graph.initializer.iter();
        weights.any(|tensor| tensor.data_type == data_type::FLOAT16)
    }

    /// Its nodes, in the order in which they are computed.
    #[must_use]
    pub fn nodes(&self) -> &[NodeProto] {
        &self.graph.node
    }

    /// The file as it is handed over to an engine: as it is on disk, or without what no answer is
    /// computed from; with the place of all weights beside it written out, in files that may have
    /// other names for it.
    #[must_use]
    pub fn into_bytes(self, names: &BTreeMap<String, String>) -> Vec<u8> {
        let Self {
            bytes,
            graph,
            kept,
            asked,
            ..
        } = self;
        let windows = wire::windows(&graph);
        // Its weights are parts of these bytes, which then need no copy.
        drop(graph);
        match wire::rewritten(&bytes, kept.as_ref(), &asked, names, &windows) {
            Some(rewritten) => rewritten,
            None => bytes.into(),
        }
    }

    /// The one input that takes images.
    ///
    /// # Errors
    /// There is none, or more is requested than images.
    pub fn image_input(&self) -> Result<ImageInput, OnnxError> {
        let problem = |problem: String| refuse(&self.path, problem);
        let constants: BTreeSet<&str> = self
            .graph
            .initializer
            .iter()
            .map(|tensor| tensor.name.as_str())
            .collect();
        let inputs: Vec<&ValueInfoProto> = self
            .graph
            .input
            .iter()
            .filter(|input| !constants.contains(input.name.as_str()))
            .collect();
        let [input] = inputs.as_slice() else {
            let names: Vec<String> = inputs.iter().take(4).map(|it| place(&it.name)).collect();
            return Err(problem(format!(
                "it takes {} inputs ({}), and a classifier of images takes one",
                inputs.len(),
                names.join(", ")
            )));
        };
        let name = place(&input.name);
        let takes_bytes = element_type(input) == Some(data_type::UINT8);
        if !takes_bytes && element_type(input) != Some(data_type::FLOAT) {
            return Err(problem(format!(
                "its input `{name}` takes neither 32-bit floats nor bytes; export it with a \
                 float32 input"
            )));
        }
        if has_none(input) {
            return Err(problem(format!(
                "its input `{name}` is declared to hold nothing, with a side of 0; export it again"
            )));
        }
        let sides = sides(input);
        let (order, [height, width]) = match sides.as_slice() {
            [_, Some(3), height, width] => (PixelOrder::ChannelsFirst, [*height, *width]),
            [_, height, width, Some(3)] => (PixelOrder::ChannelsLast, [*height, *width]),
            [_, None, height, width] => (PixelOrder::ChannelsFirst, [*height, *width]),
            _ => {
                return Err(problem(format!(
                    "its input `{name}` is {}, and images are [batch, 3, height, width] or \
                     [batch, height, width, 3]",
                    written(&sides)
                )));
            }
        };
        let pixels = |side: Option<i64>| side.and_then(|side| u32::try_from(side).ok());
        Ok(ImageInput {
            name: input.name.clone(),
            batch: sides[0].and_then(|side| usize::try_from(side).ok()),
            size: pixels(height).zip(pixels(width)),
            order,
            takes_bytes,
        })
    }

    /// The output with the scores of the classes: that of this name, or the only
    /// one that can be it.
    ///
    /// # Errors
    /// There is none of this name, or several and no name.
    pub fn score_output(&self, name: Option<&str>) -> Result<ScoreOutput, OnnxError> {
        let problem = |problem: String| refuse(&self.path, problem);
        let outputs = &self.graph.output;
        let listed = || {
            let first = outputs.iter().take(8).map(|it| place(&it.name));
            first.collect::<Vec<_>>().join(", ")
        };
        let found = if let Some(name) = name {
            let named = outputs.iter().find(|output| output.name == name);
            named.ok_or_else(|| {
                problem(format!(
                    "it has no output `{}`; its outputs are {}",
                    place(name),
                    listed()
                ))
            })?
        } else {
            let mut rows = outputs
                .iter()
                .filter(|output| outputs.len() == 1 || sides(output).len() == 2);
            match (rows.next(), rows.next()) {
                (Some(output), None) => output,
                _ => {
                    return Err(problem(format!(
                        "it has {} outputs ({}); say which are the logits: output: \"…\"",
                        outputs.len(),
                        listed()
                    )));
                }
            }
        };
        let classes = match sides(found).as_slice() {
            [] => None,
            [_, classes] | [_, classes, Some(1), Some(1)] => *classes,
            other => {
                return Err(problem(format!(
                    "its output `{}` is {}, and the scores of classes are [batch, classes]",
                    place(&found.name),
                    written(other)
                )));
            }
        };
        Ok(ScoreOutput {
            name: found.name.clone(),
            classes: classes.and_then(|classes| usize::try_from(classes).ok()),
            probabilities: self
                .made_by(&found.name)
                .is_some_and(|node| node.op_type == "Softmax"),
        })
    }

    /// The node that gives a value.
    fn made_by(&self, value: &str) -> Option<&NodeProto> {
        let mut nodes = self.graph.node.iter();
        nodes.find(|node| node.output.iter().any(|output| output == value))
    }
}

fn refuse(path: &Path, problem: String) -> OnnxError {
    OnnxError::Unusable {
        path: path.to_owned(),
        problem,
    }
}

/// What to do about a file that always takes many images.
const DYNAMIC: &str = "export it with a dynamic batch";

/// What to do about a file that computes what is not known here.
const OTHER_WAYS: &str = "export it with PyTorch's torch.onnx.export, or teach with its TorchScript or its logits \
     (docs/pytorch.md)";

/// Why a node is not run; `alone` if it would be for one image.
fn unweighed(refusal: &Refusal, images: usize, alone: bool) -> String {
    let Refusal { node, fault, given } = refusal;
    let domain = if node.domain.is_empty() {
        "ai.onnx"
    } else {
        &node.domain
    };
    let node = format!("{} ({})", called(node), place(&node.op_type));
    let remedy = if images > 1 {
        format!("; {DYNAMIC}")
    } else {
        String::new()
    };
    match fault {
        Fault::Operator => format!(
            "{} needs the operator {domain}.{}, which is not among those of image classifiers that \
             are run here; {OTHER_WAYS}",
            called(refusal.node),
            place(&refusal.node.op_type)
        ),
        Fault::Form => format!(
            "{node} is used in a way that is not run here, because the sizes of what it gives are \
             not known before; {OTHER_WAYS}"
        ),
        Fault::Loop => format!(
            "{node} repeats others as often as a run decides, and no classifier needs that; export \
             it without loops"
        ),
        Fault::Random => format!(
            "{node} gives other values in every run, and a teacher's logits must not change; export \
             it after model.eval()"
        ),
        Fault::Depends => format!(
            "{node} gives a value whose size depends on what the images show, so that the memory \
             for it is not known before it runs; {OTHER_WAYS}"
        ),
        Fault::SizeMismatch => {
            let given = given.iter().flatten().map(|sides| format!("{sides:?}"));
            let given = place(&given.collect::<Vec<_>>().join(", "));
            let remedy = if alone {
                format!("with one image they do; {DYNAMIC}")
            } else {
                "the file is damaged or for other images; export it again".to_owned()
            };
            format!(
                "{node} is given values whose sizes do not fit together ({given}), with a batch of \
                 {images}; {remedy}"
            )
        }
        Fault::Memory(bytes) => format!(
            "with {node} it would take {bytes} bytes of memory for a batch of {images}, more than \
             the {MOST_AT_ONCE} that are given{remedy}"
        ),
        Fault::Work(products) => format!(
            "with {node} it would take {products} operations for a batch of {images}, more than \
             is given{remedy}"
        ),
        Fault::Mixes => format!(
            "{node} makes more of {images} images together than of each of them alone: what it \
             answers on one depends on the others, and the memory for it grows with their square; \
             export it so that nothing is computed over the batch"
        ),
    }
}

/// Scores that an output gives for an image, by the sides that it will have.
fn scores(weighed: &Weighed, output: &ScoreOutput, images: usize) -> Result<usize, String> {
    let sides = &weighed.output;
    let all = sizes::count(sides);
    let each = usize::try_from(all / images.max(1) as u64).ok();
    each.filter(|each| *each > 0 && all.is_multiple_of(images.max(1) as u64))
        .ok_or_else(|| {
            format!(
                "its output `{}` is {sides:?} for {images} images, and the scores of classes are \
                 [batch, classes]; {DYNAMIC}",
                place(&output.name)
            )
        })
}

/// That the versions of the format and of its operators are known.
fn known_version(format: i64, sets: &[OperatorSetIdProto]) -> Result<(), String> {
    let (oldest, newest) = (OPSETS.start(), OPSETS.end());
    let own = sets
        .iter()
        .filter(|set| OWN_NAMES.contains(&set.domain.as_str()));
    let versions: Vec<i64> = own.map(|set| set.version).collect();
    match versions.as_slice() {
        [] => Err(
            "it does not name the version of ONNX's operators (opset) that it uses; export it \
                   again"
                .to_owned(),
        ),
        [version] if !OPSETS.contains(version) => Err(format!(
            "it uses opset {version} of ONNX, and opsets {oldest} to {newest} are run here; export \
             it with opset_version={}",
            version.clamp(oldest, newest)
        )),
        [_] if format > NEWEST_FORMAT => Err(format!(
            "it is of version {format} of the format (ir_version), and versions up to \
             {NEWEST_FORMAT} are read; export it with an older version of its exporter"
        )),
        [_] => Ok(()),
        _ => Err(
            "it names several versions of ONNX's operators (opset): the file is damaged; \
                  export it again"
                .to_owned(),
        ),
    }
}

fn undecodable(path: &Path, reason: Undecodable) -> OnnxError {
    let problem = match reason {
        Undecodable::Malformed => return OnnxError::Malformed(path.to_owned()),
        Undecodable::Outermost => format!(
            "it has more than {} fields outside its graph, such as entries of metadata",
            weigh::MOST_OUTERMOST
        ),
        Undecodable::Fields => format!(
            "it has more than {} fields in all, such as nodes, weights and their settings",
            weigh::MOST_FIELDS
        ),
    };
    refuse(
        path,
        format!("{problem}; export it from the trained model again"),
    )
}

fn read(path: &Path) -> Result<Vec<u8>, OnnxError> {
    let failed = |error| OnnxError::File {
        path: path.to_owned(),
        error,
    };
    let file = open_regular(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > LONGEST {
        let path = path.to_owned();
        return Err(OnnxError::TooLong {
            path,
            bytes,
            limit: LONGEST,
        });
    }
    // Most of what is none is recognised by its first bytes, however long it is.
    let mut start = start_of(&file).map_err(failed)?;
    let path = path.to_owned();
    match Contents::of(&start) {
        Contents::Onnx => {}
        Contents::Unknown if starts_like_one(&start) => {}
        other => {
            return Err(match other.describe("ONNX file", EXPORT) {
                Some(what) => OnnxError::Other { path, what },
                None => OnnxError::Malformed(path),
            });
        }
    }
    let outline = weigh::check_outline(&file, bytes).map_err(failed)?;
    outline.map_err(|reason| undecodable(&path, reason))?;
    start.reserve_exact((bytes as usize).saturating_sub(start.len()));
    rest(file, bytes, &mut start).map_err(failed)?;
    Ok(start)
}

/// What to do about a file that is none.
const EXPORT: &str = "export the model as ONNX, in PyTorch with torch.onnx.export";

/// A file begins with one of the fields of its outermost message, and the version
/// of the format in nearly all.
fn starts_like_one(start: &[u8]) -> bool {
    /// Keys of the fields 1 to 8, 14, 20 and 25: their number and how they are
    /// written.
    const KEYS: [u8; 9] = [0x08, 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72];
    start.first().is_some_and(|key| KEYS.contains(key))
}

fn rest(file: File, bytes: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let left = bytes.saturating_sub(into.len() as u64);
    file.take(left).read_to_end(into).map(|_| ())
}

/// That every operator is the format's own.
fn known_operators(graph: &GraphProto) -> Result<(), String> {
    for node in &graph.node {
        if !OWN_DOMAINS.contains(&node.domain.as_str()) {
            return Err(format!(
                "{} needs the operator {}.{}, which is not one of ONNX's own; export it without \
                 custom operators",
                called(node),
                place(&node.domain),
                place(&node.op_type)
            ));
        }
        for inside in node.attribute.iter().flat_map(AttributeProto::graphs) {
            known_operators(inside)?;
        }
    }
    Ok(())
}

/// Names that are known in a graph, and those known around it.
struct Scope<'a> {
    names: BTreeSet<&'a str>,
    around: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn knows(&self, name: &str) -> bool {
        self.names.contains(name) || self.around.is_some_and(|around| around.knows(name))
    }
}

fn twice(name: &str) -> String {
    let name = place(name);
    format!("it has two values of the name `{name}`: the file is damaged; export it again")
}

/// That every value is known before it is used, which no circle is, and has a name of
/// its own.
fn in_order(graph: &GraphProto, around: Option<&Scope>) -> Result<(), String> {
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let constants = graph.initializer.iter().map(|it| it.name.as_str());
    let given = |names: &[&str]| -> Result<(), String> {
        let mut seen = BTreeSet::new();
        names.iter().try_for_each(|name| {
            if seen.insert(*name) && !around.is_some_and(|around| around.knows(name)) {
                return Ok(());
            }
            Err(twice(name))
        })
    };
    given(&inputs.clone().collect::<Vec<_>>())?;
    given(&constants.clone().collect::<Vec<_>>())?;
    // Weights may be among the inputs.
    let mut known = Scope {
        names: inputs.chain(constants).collect(),
        around,
    };
    for node in &graph.node {
        let mut inputs = node.input.iter().filter(|name| !name.is_empty());
        if let Some(unknown) = inputs.find(|name| !known.knows(name)) {
            return Err(format!(
                "{} ({}) uses `{}` before anything gives it: a cycle, or a damaged file",
                called(node),
                place(&node.op_type),
                place(unknown)
            ));
        }
        for inside in node.attribute.iter().flat_map(AttributeProto::graphs) {
            in_order(inside, Some(&known))?;
        }
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            if known.knows(output) {
                return Err(twice(output));
            }
            known.names.insert(output);
        }
    }
    let mut outputs = graph.output.iter();
    match outputs.find(|output| !known.knows(&output.name)) {
        Some(output) => Err(format!(
            "nothing gives its output `{}`",
            place(&output.name)
        )),
        None => Ok(()),
    }
}

/// What is known of weights once they were looked through.
#[derive(Default)]
struct Weights {
    bytes: u64,
    parameters: u64,
    /// Length that each file beside must have at least.
    files: BTreeMap<String, u64>,
}

impl Weights {
    fn of_graph(&mut self, graph: &GraphProto) -> Result<(), String> {
        if !graph.sparse_initializer.is_empty() {
            return Err(SPARSE.to_owned());
        }
        for tensor in &graph.initializer {
            self.tensor(tensor)?;
            if tensor.data_type != data_type::INT64 {
                self.parameters += elements(&tensor.dims).unwrap_or(0);
            }
        }
        for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
            if attribute.sparse_tensor.is_some() || !attribute.sparse_tensors.is_empty() {
                return Err(SPARSE.to_owned());
            }
            for tensor in attribute.t.iter().chain(&attribute.tensors) {
                self.tensor(tensor)?;
            }
            for inside in attribute.graphs() {
                self.of_graph(inside)?;
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &TensorProto) -> Result<(), String> {
        let name = place(&tensor.name);
        let dims = place(&format!("{:?}", tensor.dims));
        let too_large = || format!("the weights `{name}` are of {dims}, which no weights are");
        if tensor.dims.iter().any(|side| *side < 0) {
            return Err(too_large());
        }
        let number = if tensor.dims.contains(&0) {
            0
        } else {
            elements(&tensor.dims).ok_or_else(too_large)?
        };
        let width = width(tensor.data_type)
            .ok_or_else(|| format!("the weights `{name}` have elements of an unknown type"))?;
        let bytes = weight_bytes(tensor).ok_or_else(too_large)?;
        self.bytes = self.bytes.saturating_add(bytes);
        if tensor.data_location == EXTERNAL {
            return self.external(tensor, bytes);
        }
        let held = [
            tensor.raw_data.len() as u64 / width.max(1),
            tensor.float_data.len() as u64,
            tensor.int32_data.len() as u64,
            tensor.int64_data.len() as u64,
            tensor.double_data.len() as u64,
        ];
        // Types that are read as numbers of another width hold what they hold.
        let known = matches!(
            tensor.data_type,
            data_type::FLOAT
                | data_type::UINT8
                | data_type::INT8
                | data_type::INT32
                | data_type::INT64
                | data_type::FLOAT16
                | data_type::DOUBLE
                | data_type::BOOL
        );
        if known && !held.contains(&number) {
            return Err(format!(
                "the weights `{name}` are of {dims} and hold another number of values: the file is \
                 damaged"
            ));
        }
        Ok(())
    }

    fn external(&mut self, tensor: &TensorProto, bytes: u64) -> Result<(), String> {
        let entry = |key: &str| {
            let mut entries = tensor.external_data.iter();
            entries
                .find(|entry| entry.key == key)
                .map(|it| it.value.as_str())
        };
        let name = place(&tensor.name);
        let file = entry("location").unwrap_or_default();
        let mut parts = Path::new(file).components();
        let plain = matches!(
            (parts.next(), parts.next()),
            (Some(Component::Normal(_)), None)
        ) && file.len() <= LONGEST_NAME;
        if !plain {
            return Err(format!(
                "the weights `{name}` lie in `{}`, and only files beside it are read",
                place(file)
            ));
        }
        let number = |key: &str| entry(key).map_or(Some(0), |text| text.parse::<u64>().ok());
        let end = number("offset").zip(number("length"));
        let end = end.and_then(|(offset, length)| {
            (length == 0 || length == bytes).then_some(offset.checked_add(bytes))?
        });
        let Some(end) = end else {
            return Err(format!(
                "the weights `{name}` point to an impossible place in `{}`",
                place(file)
            ));
        };
        let needed = self.files.entry(file.to_owned()).or_default();
        *needed = end.max(*needed);
        Ok(())
    }
}

/// Weights that are not held against what they say.
const SPARSE: &str = "it has sparse weights, which are not read here; export it with dense ones";

/// The files beside a file that it names: each a regular one in its folder, long
/// enough.
fn beside(
    path: &Path,
    files: &BTreeMap<String, u64>,
) -> Result<BTreeMap<String, PathBuf>, OnnxError> {
    let mut all = 0_u64;
    let mut found = BTreeMap::new();
    for (name, needed) in files {
        let file = path.with_file_name(name);
        let failed = |error| OnnxError::File {
            path: file.clone(),
            error,
        };
        let metadata = file.symlink_metadata().map_err(failed)?;
        if metadata.is_symlink() {
            return Err(refuse(
                path,
                format!("its weights in `{}` are a link to elsewhere", place(name)),
            ));
        }
        let bytes = open_regular(&file)
            .and_then(|file| file.metadata())
            .map_err(failed)?
            .len();
        if bytes < *needed {
            return Err(refuse(
                path,
                format!(
                    "its weights in `{}` are cut off: {bytes} bytes of at least {needed}; copy \
                     the file again",
                    place(name)
                ),
            ));
        }
        all = all.saturating_add(bytes);
        if all > LONGEST_BESIDE {
            return Err(OnnxError::TooLong {
                path: file,
                bytes: all,
                limit: LONGEST_BESIDE,
            });
        }
        found.insert(name.clone(), file);
    }
    Ok(found)
}

fn element_type(value: &ValueInfoProto) -> Option<i32> {
    Some(value.r#type.as_ref()?.tensor_type.as_ref()?.elem_type)
}

/// Sides of a value, each where it is always as long; none at all where nothing is
/// known.
fn sides(value: &ValueInfoProto) -> Vec<Option<i64>> {
    let tensor = value.r#type.as_ref().and_then(|it| it.tensor_type.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let sides = shape.iter().flat_map(|shape| &shape.dim);
    sides
        .map(|side| match side.value {
            Some(Extent::Value(length)) if length > 0 => Some(length),
            _ => None,
        })
        .collect()
}

/// Whether a value is declared to have a side of no length.
fn has_none(value: &ValueInfoProto) -> bool {
    let tensor = value.r#type.as_ref().and_then(|it| it.tensor_type.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let mut sides = shape.iter().flat_map(|shape| &shape.dim);
    sides.any(|side| side.value == Some(Extent::Value(0)))
}

fn written(sides: &[Option<i64>]) -> String {
    let sides = sides.iter().map(|side| match side {
        Some(length) => length.to_string(),
        None => "?".to_owned(),
    });
    format!("[{}]", sides.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
