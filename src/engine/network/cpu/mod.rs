//! A network's layers on the processor, without burn's operations and autodiff.
//!
//! burn's autodiff sees only the logits and the feature maps that a loss looks at, as leaves:
//! it differentiates the losses down to them, and the passes here go on from there to the
//! parameters. The layers are noted as a list of operations (`program.rs`), each with what
//! follows it at once, and taken through the package `layers/` (`run.rs`).
//!
//! Results do not depend on the number of threads. Without a record an image's logits are
//! those that it has alone, whatever else is in the batch.
//!
//! A network that rounds its values (`fake_quantized.rs`) is computed with burn's operations
//! on this device, several times as slowly: for the few epochs of a finish.

mod program;
mod run;

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;
use workbench_layers::{Map, Moments, Shape, Spread};

use self::program::Program;
use self::run::{Passed, Runner, Source};
use super::walk::Seen;
use super::{Forwarded, Network, RunningStatistics};
use crate::experiment::architecture::{Graph, IMAGE_CHANNELS};

/// Values of the largest map that a thread works on while nothing is recorded: maps of that
/// size stay in a core's own cache.
const CACHED: usize = 1 << 16;

/// The most images that a thread takes at once then.
const TOGETHER: usize = 64;

/// Logits with running statistics, and the maps after so many layers, without a record; none
/// if the network is on another device.
pub(super) fn forward(network: &Network, images: &Tensor<4>, after: &[usize]) -> Option<Forwarded> {
    let device = Device::flex();
    if network.device != device || images.device() != device {
        return None;
    }
    let [count, _, height, width] = images.dims();
    let shape = image_shape(height, width);
    let program = Program::of(&network.graph, shape, after);
    let runner = Runner::new(program, parameters(network));
    let known = network.statistics.iter();
    let known: Vec<_> = known
        .map(|known| Moments {
            mean: host(&known.mean),
            variance: host(&known.variance),
        })
        .collect();
    let images = host(images);
    let each = count.div_ceil(rayon::current_num_threads());
    let together = (CACHED / runner.program.largest())
        .clamp(1, TOGETHER)
        .min(each.max(1));
    let parts = images.par_chunks(together * shape.size());
    let parts: Vec<_> = parts
        .map(|part| {
            let images = Map::of_planes(part, part.len() / shape.size(), shape);
            let passed = runner.forward(images, Source::Known(&known), Spread::Alone);
            let logits = passed.logits(&runner.program).to_vec();
            (logits, passed.taken(&runner.program, Spread::Alone))
        })
        .collect();
    let (logits, taken): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let logits = TensorData::new(logits.concat(), [count, network.graph.classes]);
    let map = |at: usize| {
        let parts: Vec<&[f32]> = taken.iter().map(|maps| maps[at].as_slice()).collect();
        map_tensor(parts.concat(), count, &runner.program, at)
    };
    Some(Forwarded {
        logits: Tensor::from_data(logits, &device),
        maps: (0..after.len()).map(map).collect(),
    })
}

/// One of the values that a program gives besides logits.
fn map_tensor(values: Vec<f32>, images: usize, program: &Program, at: usize) -> Tensor<4> {
    let shape = program.shape(program.taken[at]);
    let sides = [images, shape.channels, shape.height, shape.width];
    Tensor::from_data(TensorData::new(values, sides), &Device::flex())
}

fn image_shape(height: usize, width: usize) -> Shape {
    Shape {
        height,
        width,
        channels: IMAGE_CHANNELS,
    }
}

fn parameters(network: &Network) -> Vec<Vec<f32>> {
    let parameters = network.parameters.iter();
    parameters.map(|parameter| host(&parameter.value)).collect()
}

/// A tensor's values.
fn host<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    let data = tensor.clone().into_data();
    data.try_to_vec()
        .expect("networks compute with 32-bit floats")
}

/// What was recorded of one step's passes.
pub(super) struct Tape {
    parameters: Vec<Vec<f32>>,
    /// For images of the first pass's size.
    runner: Option<Runner>,
    /// After how many layers maps are taken.
    after: Vec<usize>,
    /// Every pass, with its logits and maps as leaves of burn's graph.
    passes: Vec<(Forwarded, Passed)>,
}

impl Tape {
    /// An empty record of a network's passes; none if it is on another device.
    pub(super) fn new(network: &Network, after: &[usize]) -> Option<Self> {
        (network.device == Device::flex()).then(|| Self {
            after: after.to_vec(),
            parameters: parameters(network),
            runner: None,
            passes: Vec::new(),
        })
    }

    /// Logits `[batch, classes]` with the batch's statistics and, where they are wanted, maps:
    /// leaves of burn's autodiff graph. None if the images are on another device.
    pub(super) fn forward(
        &mut self,
        graph: &Graph,
        statistics: &mut [RunningStatistics],
        images: &Tensor<4>,
        wants_maps: bool,
    ) -> Option<Forwarded> {
        let device = Device::flex();
        if images.device() != device {
            return None;
        }
        let [count, _, height, width] = images.dims();
        let shape = image_shape(height, width);
        let runner = self.runner.get_or_insert_with(|| {
            let program = Program::of(graph, shape, &self.after);
            Runner::new(program, self.parameters.clone())
        });
        assert_eq!(
            runner.program.images, shape,
            "a step's images are of one size"
        );
        let images = Map::of_planes(&host(images), count, shape);
        let passed = runner.forward(images, Source::Batch, Spread::Shared);
        for (at, momentum, moments, values) in passed.moments(&runner.program, count) {
            let unbiased = values as f64 / values.saturating_sub(1).max(1) as f64;
            let of = |values: &[f32]| Tensor::from_floats(values, &device);
            statistics[at].move_towards(&Seen {
                mean: of(&moments.mean),
                variance: of(&moments.variance) * unbiased,
                momentum,
            });
        }
        let logits = passed.logits(&runner.program).to_vec();
        let logits = TensorData::new(logits, [count, graph.classes]);
        let taken = if wants_maps {
            passed.taken(&runner.program, Spread::Shared)
        } else {
            Vec::new()
        };
        let maps = taken.into_iter().enumerate();
        let maps = maps.map(|(at, values)| {
            let map = map_tensor(values, count, &runner.program, at);
            map.autodiff().require_grad()
        });
        let leaves = Forwarded {
            logits: Tensor::from_data(logits, &device).autodiff().require_grad(),
            maps: maps.collect(),
        };
        self.passes.push((leaves.clone(), passed));
        Some(leaves)
    }

    /// Gradient of every parameter, `[n]`, given those of the logits and maps.
    pub(super) fn gradients(self, found: &mut Gradients) -> Vec<Tensor<1>> {
        let device = Device::flex();
        let sizes = self.parameters.iter();
        let mut sums: Vec<_> = sizes.map(|parameter| vec![0.0; parameter.len()]).collect();
        if let Some(runner) = self.runner {
            for (Forwarded { logits, maps }, passed) in self.passes {
                let logits = logits.grad_remove(found).map(|gradient| host(&gradient));
                let maps = maps.iter();
                let maps = maps.map(|map| Some(host(&map.grad_remove(found)?)));
                let maps: Vec<Option<Vec<f32>>> = maps.collect();
                if logits.is_some() || maps.iter().any(Option::is_some) {
                    runner.backward(passed, logits.as_deref(), &maps, &mut sums);
                }
            }
        }
        sums.into_iter()
            .map(|sum| Tensor::from_floats(sum.as_slice(), &device))
            .collect()
    }
}

#[cfg(test)]
mod tests;
