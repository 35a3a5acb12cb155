//! Batch normalisations as a part of the convolutions before them.

use super::graph::{BatchNorm, Concat, Conv, Graph, Layer, Residual, Scale};

/// A graph whose convolutions do what the normalisations right behind them did, and
/// which went into which.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// The graph without these normalisations. Each such convolution has a bias.
    pub graph: Graph,
    /// The convolutions as they were, each with what went into it.
    pub pairs: Vec<(Conv, BatchNorm)>,
}

impl Graph {
    /// Puts every normalisation that nothing but a convolution feeds into it.
    #[must_use]
    pub fn folded(&self) -> Folded {
        let mut pairs = Vec::new();
        let layers = layers(&self.layers, &mut pairs);
        Folded {
            graph: Self {
                layers,
                ..self.clone()
            },
            pairs,
        }
    }
}

fn layers(list: &[Layer], pairs: &mut Vec<(Conv, BatchNorm)>) -> Vec<Layer> {
    let mut folded = Vec::with_capacity(list.len());
    for layer in list {
        match (folded.last_mut(), layer) {
            (Some(Layer::Conv(conv)), Layer::BatchNorm(norm)) if is_first(conv, pairs) => {
                pairs.push((conv.clone(), norm.clone()));
                conv.bias = true;
            }
            _ => folded.push(within(layer, pairs)),
        }
    }
    folded
}

/// Whether no normalisation went into a convolution yet.
fn is_first(conv: &Conv, pairs: &[(Conv, BatchNorm)]) -> bool {
    pairs.iter().all(|(folded, _)| folded.name != conv.name)
}

fn within(layer: &Layer, pairs: &mut Vec<(Conv, BatchNorm)>) -> Layer {
    match layer {
        Layer::Residual(residual) => Layer::Residual(Residual {
            body: layers(&residual.body, pairs),
            shortcut: layers(&residual.shortcut, pairs),
        }),
        Layer::Scale(scale) => Layer::Scale(Scale {
            factors: layers(&scale.factors, pairs),
        }),
        Layer::Concat(concat) => Layer::Concat(Concat {
            halves: concat.halves,
            first: layers(&concat.first, pairs),
            second: layers(&concat.second, pairs),
        }),
        Layer::Conv(_)
        | Layer::BatchNorm(_)
        | Layer::Activation(_)
        | Layer::MaxPool(_)
        | Layer::AveragePool(_)
        | Layer::Flatten
        | Layer::Linear(_)
        | Layer::Shuffle(_) => layer.clone(),
    }
}
