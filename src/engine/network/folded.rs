//! A network's values with normalisations as a part of the convolutions before them.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::{Network, Parameter, RunningStatistics};
use crate::experiment::architecture::Folded;

/// The values that a walk over the folded layers takes.
pub(super) struct FoldedValues {
    pub(super) parameters: Vec<Parameter>,
    pub(super) statistics: Vec<RunningStatistics>,
}

impl FoldedValues {
    /// Those of a network, of whose layers `folded` was made; tracked where its
    /// parameters are.
    pub(super) fn of(network: &Network, Folded { graph, pairs }: &Folded) -> Self {
        let values = network.parameters.iter();
        let mut values: BTreeMap<String, Tensor<1>> = values
            .map(|parameter| (parameter.name.clone(), parameter.value.clone()))
            .collect();
        let known = network.statistics.iter();
        let mut known: BTreeMap<&str, RunningStatistics> = known
            .map(|known| (known.name.as_str(), known.clone()))
            .collect();
        for (conv, norm) in pairs {
            let mut take = |name: &str, part: &str| {
                let value = values.remove(&format!("{name}.{part}"));
                value.expect(IN_GRAPH)
            };
            let seen = known.remove(norm.name.as_str()).expect(IN_GRAPH);
            let factors = take(&norm.name, "weight") / (seen.variance + norm.epsilon).sqrt();
            let weight = rows(take(&conv.name, "weight"), conv.outputs);
            let weight = weight * factors.clone().reshape([conv.outputs, 1]);
            let before = if conv.bias {
                take(&conv.name, "bias") - seen.mean
            } else {
                seen.mean.neg()
            };
            let bias = before * factors + take(&norm.name, "bias");
            values.insert(format!("{}.weight", conv.name), weight.flatten(0, 1));
            values.insert(format!("{}.bias", conv.name), bias);
        }
        let parameters = graph.parameters().into_iter().map(|spec| Parameter {
            value: values.remove(&spec.name).expect(IN_GRAPH),
            name: spec.name,
            shape: spec.shape,
            decays: spec.decays,
            frozen: false,
            lr_factor: 1.0,
        });
        let parameters = parameters.collect();
        let statistics = graph.statistics().into_iter();
        let statistics = statistics.map(|spec| known.remove(spec.name.as_str()).expect(IN_GRAPH));
        Self {
            parameters,
            statistics: statistics.collect(),
        }
    }
}

/// Weights with a row for every output.
pub(super) fn rows(weights: Tensor<1>, outputs: usize) -> Tensor<2> {
    let count = weights.dims()[0];
    weights.reshape([outputs, count / outputs])
}

const IN_GRAPH: &str = "a network has what its graph names";

impl Network {
    /// The same network for answering only: normalisations are a part of the
    /// convolutions before them, so that logits are the same but for rounding.
    ///
    /// A network that rounds stays as it is: it is folded already.
    #[must_use]
    pub fn folded(&self) -> Self {
        if self.quantization.is_some() {
            return self.clone();
        }
        let folded = self.graph.folded();
        let FoldedValues {
            parameters,
            statistics,
        } = FoldedValues::of(self, &folded);
        Self {
            graph: folded.graph,
            device: self.device.clone(),
            parameters,
            statistics,
            quantization: None,
        }
    }
}
