//! Shapes and cost: what a graph does to an image, without doing it.

use super::IMAGE_CHANNELS;
use super::graph::{Conv, Graph, Layer, MaxPool, Residual, product};

/// Shape of one image's activations, without the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Channels, height and width.
    Map {
        /// Channels.
        channels: usize,
        /// Height.
        height: usize,
        /// Width.
        width: usize,
    },
    /// A flat list of features.
    Features(usize),
}

impl Graph {
    /// Multiply-accumulates of convolutions and fully connected layers for one
    /// image. Normalisation, activation, pooling and sums are not counted, as
    /// is usual.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.trace().map_or(0, |(_, macs)| macs)
    }

    /// Checks that every layer fits what it is given, and that logits come out.
    ///
    /// # Errors
    /// A sentence that names the first layer that does not fit.
    pub(super) fn output(&self) -> Result<Shape, String> {
        let (shape, _) = self.trace()?;
        if shape == Shape::Features(self.classes) {
            Ok(shape)
        } else {
            Err(format!("the network gives {shape:?}, not logits"))
        }
    }

    fn trace(&self) -> Result<(Shape, u64), String> {
        let (height, width) = self.size;
        let image = Shape::Map {
            channels: IMAGE_CHANNELS,
            height: height as usize,
            width: width as usize,
        };
        if height == 0 || width == 0 {
            return Err("there are no pixels".to_owned());
        }
        let mut macs = 0;
        let shape = trace(&self.layers, image, &mut macs)?;
        Ok((shape, macs))
    }
}

fn trace(layers: &[Layer], input: Shape, macs: &mut u64) -> Result<Shape, String> {
    layers
        .iter()
        .try_fold(input, |shape, layer| step(layer, shape, macs))
}

fn step(layer: &Layer, input: Shape, macs: &mut u64) -> Result<Shape, String> {
    match (layer, input) {
        (Layer::Relu | Layer::Relu6, shape) => Ok(shape),
        (Layer::Conv(conv), Shape::Map { .. }) => conv.trace(input, macs),
        (Layer::BatchNorm(norm), Shape::Map { channels, .. }) if channels == norm.channels => {
            Ok(input)
        }
        (Layer::MaxPool(pool), Shape::Map { .. }) => pool.trace(input),
        (Layer::AveragePool(pool), Shape::Map { channels, .. }) => Ok(Shape::Map {
            channels,
            height: pool.side,
            width: pool.side,
        }),
        (
            Layer::Flatten,
            Shape::Map {
                channels,
                height,
                width,
            },
        ) => Ok(Shape::Features(
            channels.saturating_mul(height).saturating_mul(width),
        )),
        (Layer::Linear(linear), Shape::Features(features)) if features == linear.inputs => {
            *macs = macs.saturating_add(product(&[linear.inputs, linear.outputs]));
            Ok(Shape::Features(linear.outputs))
        }
        (Layer::Residual(residual), shape) => residual.trace(shape, macs),
        (layer, shape) => Err(format!("{layer:?} cannot take {shape:?}")),
    }
}

impl Conv {
    fn trace(&self, input: Shape, macs: &mut u64) -> Result<Shape, String> {
        match input {
            Shape::Map {
                channels,
                height,
                width,
            } if channels == self.inputs => {
                let side = |side| {
                    windows(side, self.kernel, self.stride, self.padding).ok_or_else(|| {
                        format!(
                            "{height}×{width} is too small for the convolution {}",
                            self.name
                        )
                    })
                };
                let (height, width) = (side(height)?, side(width)?);
                *macs = macs.saturating_add(product(&[
                    self.outputs,
                    self.inputs / self.groups,
                    self.kernel * self.kernel,
                    height,
                    width,
                ]));
                Ok(Shape::Map {
                    channels: self.outputs,
                    height,
                    width,
                })
            }
            other => Err(format!("{} cannot take {other:?}", self.name)),
        }
    }
}

impl MaxPool {
    fn trace(self, input: Shape) -> Result<Shape, String> {
        let Shape::Map {
            channels,
            height,
            width,
        } = input
        else {
            return Err(format!("pooling cannot take {input:?}"));
        };
        let side = |side| {
            windows(side, self.kernel, self.stride, self.padding).ok_or_else(|| {
                format!(
                    "{height}×{width} are left where {0}×{0} are pooled",
                    self.kernel
                )
            })
        };
        Ok(Shape::Map {
            channels,
            height: side(height)?,
            width: side(width)?,
        })
    }
}

impl Residual {
    fn trace(&self, input: Shape, macs: &mut u64) -> Result<Shape, String> {
        let body = trace(&self.body, input, macs)?;
        let shortcut = trace(&self.shortcut, input, macs)?;
        if body == shortcut {
            Ok(body)
        } else {
            Err(format!("a residual adds {body:?} and {shortcut:?}"))
        }
    }
}

/// Places of a window along one side.
fn windows(side: usize, kernel: usize, stride: usize, padding: usize) -> Option<usize> {
    let room = (side + 2 * padding).checked_sub(kernel)?;
    Some(room / stride + 1)
}
