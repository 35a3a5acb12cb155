//! Shapes and cost: what a graph does to an image, without doing it.

use super::IMAGE_CHANNELS;
use super::graph::{Concat, Conv, Graph, Layer, MaxPool, Residual, Scale, Shuffle, product};
use crate::experiment::problem::Problem;

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

/// What is counted and noted on the way through a graph.
#[derive(Debug, Default)]
struct Totals<'a> {
    /// Multiply-accumulates.
    macs: u64,
    /// Batch normalisations and the height and width that they normalise over.
    norms: Vec<(&'a str, (usize, usize))>,
}

impl Graph {
    /// Multiply-accumulates of convolutions and fully connected layers for one
    /// image. Normalisation, activation, pooling and sums are not counted, as
    /// is usual.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.trace().map_or(0, |(_, totals)| totals.macs)
    }

    /// Whether anything is normalised by the statistics of a batch in training.
    #[must_use]
    pub fn normalizes_by_batch(&self) -> bool {
        self.trace()
            .is_ok_and(|(_, totals)| !totals.norms.is_empty())
    }

    /// Whether it can be trained with batches of `batch` images: a normalisation
    /// needs more than one value per channel. Of a single value the mean is the
    /// value itself and the variance 0, and nothing of the image is left.
    ///
    /// # Errors
    /// The first normalisation that would see one value only. The path is the
    /// model's own.
    pub fn check_batch(&self, batch: usize) -> Result<(), Problem> {
        let Ok((_, totals)) = self.trace() else {
            return Ok(());
        };
        let alone = totals
            .norms
            .iter()
            .find(|(_, (height, width))| batch.saturating_mul(*height).saturating_mul(*width) <= 1);
        let Some((name, (height, width))) = alone else {
            return Ok(());
        };
        let (rows, columns) = self.size;
        Err(Problem::new(
            "",
            format!(
                "the normalisation `{name}` needs more than 1 value per channel when training, and \
                 gets 1: of {rows}×{columns} pixels {height}×{width} are left there, with {batch} \
                 image at a time"
            ),
        )
        .help("write `batch: 2` or more, a smaller `accumulate`, or use larger images (data.size)"))
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

    /// The shape after every layer.
    pub(super) fn shapes(&self) -> Result<Vec<Shape>, String> {
        let mut totals = Totals::default();
        let mut shape = self.image()?;
        let shapes = self.layers.iter().map(|layer| {
            shape = step(layer, shape, &mut totals)?;
            Ok(shape)
        });
        shapes.collect()
    }

    fn trace(&self) -> Result<(Shape, Totals<'_>), String> {
        let mut totals = Totals::default();
        let shape = trace(&self.layers, self.image()?, &mut totals)?;
        Ok((shape, totals))
    }

    fn image(&self) -> Result<Shape, String> {
        let (height, width) = self.size;
        if height == 0 || width == 0 {
            return Err("there are no pixels".to_owned());
        }
        Ok(Shape::Map {
            channels: IMAGE_CHANNELS,
            height: height as usize,
            width: width as usize,
        })
    }
}

fn trace<'a>(layers: &'a [Layer], input: Shape, totals: &mut Totals<'a>) -> Result<Shape, String> {
    layers
        .iter()
        .try_fold(input, |shape, layer| step(layer, shape, totals))
}

fn step<'a>(layer: &'a Layer, input: Shape, totals: &mut Totals<'a>) -> Result<Shape, String> {
    match (layer, input) {
        (Layer::Activation(_), shape) => Ok(shape),
        (Layer::Conv(conv), Shape::Map { .. }) => conv.trace(input, &mut totals.macs),
        (
            Layer::BatchNorm(norm),
            Shape::Map {
                channels,
                height,
                width,
            },
        ) if channels == norm.channels => {
            totals.norms.push((&norm.name, (height, width)));
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
            let macs = product(&[linear.inputs, linear.outputs]);
            totals.macs = totals.macs.saturating_add(macs);
            Ok(Shape::Features(linear.outputs))
        }
        (Layer::Residual(residual), shape) => residual.trace(shape, totals),
        (Layer::Scale(scale), Shape::Map { .. }) => scale.trace(input, totals),
        (Layer::Concat(concat), Shape::Map { .. }) => concat.trace(input, totals),
        (Layer::Shuffle(Shuffle { groups }), Shape::Map { channels, .. })
            if channels.is_multiple_of(*groups) =>
        {
            Ok(input)
        }
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
    fn trace<'a>(&'a self, input: Shape, totals: &mut Totals<'a>) -> Result<Shape, String> {
        let body = trace(&self.body, input, totals)?;
        let shortcut = trace(&self.shortcut, input, totals)?;
        if body == shortcut {
            Ok(body)
        } else {
            Err(format!("a residual adds {body:?} and {shortcut:?}"))
        }
    }
}

impl Scale {
    fn trace<'a>(&'a self, input: Shape, totals: &mut Totals<'a>) -> Result<Shape, String> {
        let factors = trace(&self.factors, input, totals)?;
        match (input, factors) {
            (
                Shape::Map { channels, .. },
                Shape::Map {
                    channels: scaled,
                    height: 1,
                    width: 1,
                },
            ) if channels == scaled => Ok(input),
            _ => Err(format!("{factors:?} cannot scale {input:?}")),
        }
    }
}

impl Concat {
    fn trace<'a>(&'a self, input: Shape, totals: &mut Totals<'a>) -> Result<Shape, String> {
        let input = match input {
            Shape::Map {
                channels,
                height,
                width,
            } if self.halves && channels.is_multiple_of(2) => Shape::Map {
                channels: channels / 2,
                height,
                width,
            },
            _ if self.halves => return Err(format!("{input:?} has no halves")),
            _ => input,
        };
        let first = trace(&self.first, input, totals)?;
        let second = trace(&self.second, input, totals)?;
        match (first, second) {
            (
                Shape::Map {
                    channels,
                    height,
                    width,
                },
                Shape::Map {
                    channels: more,
                    height: as_high,
                    width: as_wide,
                },
            ) if (height, width) == (as_high, as_wide) => Ok(Shape::Map {
                channels: channels + more,
                height,
                width,
            }),
            _ => Err(format!("{first:?} and {second:?} do not lie side by side")),
        }
    }
}

/// Places of a window along one side; none if it is too small for one.
#[must_use]
pub fn windows(side: usize, kernel: usize, stride: usize, padding: usize) -> Option<usize> {
    let room = (side + 2 * padding).checked_sub(kernel)?;
    Some(room / stride + 1)
}
