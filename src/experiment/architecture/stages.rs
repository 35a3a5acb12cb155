//! Stages: the feature maps of a network that have names.
//!
//! A network's layers follow each other in modules: `layer1` of a residual network,
//! `features.3` of one that is a row. Of all modules that give maps of one height and width
//! the last one is a stage, and its map is what the next module takes: the maps that the
//! literature calls those before each halving. What is beside a module counts to it: its
//! normalisation and what follows at once. A pooling is no stage, and neither is a
//! normalisation behind the sum of a residual block, as in `WideResNet`.
//!
//! The features that the classifier takes are a stage, too: [`EMBEDDING`].

use std::fmt;

use serde::Serialize;

use super::graph::{Graph, Layer};
use super::trace::Shape;

/// The stage of the features that the last fully connected layer takes.
pub const EMBEDDING: &str = "embedding";

/// A feature map with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Path of the PyTorch module that gives it, or [`EMBEDDING`].
    pub name: String,
    /// How many of the graph's layers lead to it.
    #[serde(skip)]
    pub layers: usize,
    /// Channels, height and width; features are maps of one pixel.
    pub shape: [usize; 3],
}

/// As `layer2 64 × 16 × 16`.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [channels, height, width] = self.shape;
        write!(f, "{} {channels} × {height} × {width}", self.name)
    }
}

impl Stage {
    /// Height and width.
    #[must_use]
    pub fn sides(&self) -> [usize; 2] {
        let [_, height, width] = self.shape;
        [height, width]
    }
}

/// A module while its layers are gone through.
struct Module<'a> {
    name: &'a str,
    layers: usize,
    shape: [usize; 3],
    convolves: bool,
}

impl Graph {
    /// Its stages in the order of evaluation, the embedding last. A folded graph has the
    /// same ones.
    #[must_use]
    pub fn stages(&self) -> Vec<Stage> {
        let Ok(shapes) = self.shapes() else {
            return Vec::new();
        };
        let modules = self.modules(&shapes);
        let sides = |module: &Module<'_>| [module.shape[1], module.shape[2]];
        let is_last = |at: usize| {
            let mut later = modules[at + 1..].iter();
            later.all(|other| !other.convolves || sides(other) != sides(&modules[at]))
        };
        let maps = modules.iter().enumerate();
        let maps = maps.filter(|(at, module)| module.convolves && is_last(*at));
        let maps = maps.map(|(_, module)| Stage {
            name: module.name.to_owned(),
            layers: module.layers,
            shape: module.shape,
        });
        maps.chain(self.embedding()).collect()
    }

    /// The features that the last fully connected layer takes.
    fn embedding(&self) -> Option<Stage> {
        let mut layers = self.layers.iter().enumerate().rev();
        layers.find_map(|(at, layer)| match layer {
            Layer::Linear(linear) => Some(Stage {
                name: EMBEDDING.to_owned(),
                layers: at,
                shape: [linear.inputs, 1, 1],
            }),
            _ => None,
        })
    }

    /// The modules that give maps, up to where these are pooled to features.
    fn modules(&self, shapes: &[Shape]) -> Vec<Module<'_>> {
        let mut modules: Vec<Module<'_>> = Vec::new();
        let mut before: Option<&Layer> = None;
        for (at, (layer, shape)) in self.layers.iter().zip(shapes).enumerate() {
            let Shape::Map {
                channels,
                height,
                width,
            } = *shape
            else {
                break;
            };
            let name = match (layer, before) {
                (Layer::AveragePool(_), _) => break,
                (Layer::BatchNorm(_), Some(Layer::Conv(_))) => None,
                (Layer::MaxPool(_), _) => Some(""),
                _ => layer.path().map(module_of),
            };
            before = Some(layer);
            let shape = [channels, height, width];
            match (modules.last_mut(), name) {
                (Some(last), name) if name.is_none_or(|name| name == last.name) => {
                    last.layers = at + 1;
                    last.shape = shape;
                    last.convolves |= layer.convolves();
                }
                (_, name) => modules.push(Module {
                    name: name.unwrap_or_default(),
                    layers: at + 1,
                    shape,
                    convolves: layer.convolves(),
                }),
            }
        }
        modules
    }
}

/// The module of a network that a layer is in, by its path: `layer1` of `layer1.0.conv1`, and
/// `features.3` of `features.3.conv.0`, whose first name has no number.
fn module_of(path: &str) -> &str {
    let mut ends = path.match_indices('.').map(|(at, _)| at);
    let first = ends.next().unwrap_or(path.len());
    if path[..first].ends_with(|last: char| last.is_ascii_digit()) {
        &path[..first]
    } else {
        &path[..ends.next().unwrap_or(path.len())]
    }
}

impl Layer {
    /// The path of the first module in it, if it has one.
    fn path(&self) -> Option<&str> {
        match self {
            Self::Conv(conv) => Some(&conv.name),
            Self::BatchNorm(norm) => Some(&norm.name),
            Self::Linear(linear) => Some(&linear.name),
            _ => self.within().find_map(Self::path),
        }
    }

    /// Whether a convolution is in it.
    fn convolves(&self) -> bool {
        matches!(self, Self::Conv(_)) || self.within().any(Self::convolves)
    }

    /// The layers of its branches.
    fn within(&self) -> impl Iterator<Item = &Self> {
        self.branches().into_iter().flatten()
    }
}
