//! Convolutions, dense and in groups, forward and back. A fully connected layer is one
//! over a single pixel.
//!
//! The gradient of the input is a convolution of the output's gradient, one for every
//! remainder that a pixel's place leaves by the stride: its kernel has the taps that meet
//! such pixels.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use rten_simd::SimdOp;

use crate::correlate::{BLOCK, Correlate, Place, Taps, WeightGradient};
use crate::depthwise::{Depthwise, DepthwiseInputGradient, DepthwiseWeightGradient};
use crate::map::{Map, SLACK, Shape, Spread};

/// Pixels of a piece of a forward pass where windows are single pixels.
const PIECE: usize = 24;

/// The same where weight gradients are summed.
const LONG_PIECE: usize = 384;

/// The most pieces of a batch whose weight gradients are summed apart, and then in order.
const CHUNKS: usize = 16;

/// Values of a tap that a thread sums over where a batch is in few chunks.
const ROWS: usize = 96;

/// A convolution's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Zeros on every side.
    pub padding: usize,
    /// Groups of channels that do not mix.
    pub groups: usize,
}

/// A convolution of maps of one shape.
#[derive(Debug)]
pub struct Conv {
    window: Window,
    from: Shape,
    to: Shape,
    forward: Reading,
    back: Vec<Phase>,
}

/// The pixels of a backward pass whose places leave the same remainder by the stride.
#[derive(Debug)]
struct Phase {
    reading: Reading,
    /// For every value of a window of one group, its output channel and tap.
    kernel: Vec<(usize, usize)>,
}

/// How windows are read from maps, and where their results go.
#[derive(Debug)]
struct Reading {
    border: Border,
    /// Those of an image; of a long piece where windows are single pixels, which may be of
    /// several images.
    places: Vec<Place>,
    taps: Taps,
    /// Windows are single pixels, and every pixel has one.
    is_flat: bool,
    /// Channels of the maps read from and written to.
    channels: [usize; 2],
    /// Pixels of the map written to.
    pixels: usize,
}

impl Reading {
    fn forward(window: Window, from: Shape, to: Shape) -> Self {
        let Window {
            kernel,
            stride,
            padding,
            groups,
        } = window;
        let outer = Shape {
            height: from.height + 2 * padding,
            width: from.width + 2 * padding,
            ..from
        };
        let border = Border {
            inner: from,
            before: padding,
            outer,
        };
        if kernel == 1 && stride == 1 && padding == 0 {
            return Self::flat(border, from.channels, to.channels, groups);
        }
        let at = |row: usize, column: usize| (row * outer.width + column) * from.channels;
        let places = (0..to.pixels()).map(|pixel| {
            let (row, column) = (pixel / to.width, pixel % to.width);
            Place::new(at(row * stride, column * stride), pixel * to.channels)
        });
        Self {
            border,
            places: places.collect(),
            taps: taps([kernel; 2], from.channels, groups, at),
            is_flat: false,
            channels: [from.channels, to.channels],
            pixels: to.pixels(),
        }
    }

    fn flat(border: Border, inputs: usize, outputs: usize, groups: usize) -> Self {
        let places = (0..LONG_PIECE).map(|at| Place::new(at * inputs, at * outputs));
        Self {
            border,
            places: places.collect(),
            taps: Taps {
                begins: vec![0],
                run: inputs / groups,
            },
            is_flat: true,
            channels: [inputs, outputs],
            pixels: 1,
        }
    }

    /// Pixels of a piece of work on one thread: an image's but where windows are pixels.
    fn piece(&self, flat: usize) -> usize {
        if self.is_flat { flat } else { self.pixels }
    }

    /// The same of the map read from.
    fn piece_read(&self, flat: usize) -> usize {
        if self.is_flat {
            flat
        } else {
            self.border.inner.pixels()
        }
    }
}

/// Where the runs of a window begin: whole rows of it, or single pixels where channels
/// are in groups.
fn taps(
    [height, width]: [usize; 2],
    channels: usize,
    groups: usize,
    at: impl Fn(usize, usize) -> usize,
) -> Taps {
    if groups == 1 {
        return Taps {
            begins: (0..height).map(|row| at(row, 0)).collect(),
            run: width * channels,
        };
    }
    let pixels = (0..height * width).map(|pixel| at(pixel / width, pixel % width));
    Taps {
        begins: pixels.collect(),
        run: channels / groups,
    }
}

impl Phase {
    /// That of the pixels whose places leave this remainder; none if no window meets them.
    fn new(window: Window, from: Shape, to: Shape, [y, x]: [usize; 2]) -> Option<Self> {
        let Window {
            kernel,
            stride,
            padding,
            groups,
        } = window;
        let count = |first: usize| kernel.saturating_sub(first).div_ceil(stride);
        let (height, width) = (count(y), count(x));
        if height == 0 || width == 0 {
            return None;
        }
        // Windows that meet a pixel are up to so many places before the last that does.
        let most = kernel.div_ceil(stride);
        let last = |side: usize| (side - 1 + padding) / stride;
        let outer = Shape {
            height: last(from.height).max(to.height - 1) + most,
            width: last(from.width).max(to.width - 1) + most,
            ..to
        };
        let border = Border {
            inner: to,
            before: most - 1,
            outer,
        };
        // The place in a kernel of a window's value: reversed, as windows before a pixel meet
        // it with later taps.
        let inputs = to.channels / groups;
        let tap = |row: usize, column: usize| {
            let row = y + stride * (height - 1 - row);
            let column = x + stride * (width - 1 - column);
            row * kernel + column
        };
        let values = (0..height * width)
            .flat_map(|at| (0..inputs).map(move |input| (input, tap(at / width, at % width))));
        let kernel_values = values.collect();
        if kernel == 1 && stride == 1 && padding == 0 {
            return Some(Self {
                reading: Reading::flat(border, to.channels, from.channels, groups),
                kernel: kernel_values,
            });
        }
        let at = |row: usize, column: usize| (row * outer.width + column) * to.channels;
        let rows = met(from.height, padding, stride, y);
        let places = rows.flat_map(|(row, window_row)| {
            met(from.width, padding, stride, x).map(move |(column, window_column)| {
                let window = at(window_row + most - height, window_column + most - width);
                Place::new(window, (row * from.width + column) * from.channels)
            })
        });
        Some(Self {
            reading: Reading {
                border,
                places: places.collect(),
                taps: taps([height, width], to.channels, groups, at),
                is_flat: false,
                channels: [to.channels, from.channels],
                pixels: from.pixels(),
            },
            kernel: kernel_values,
        })
    }
}

/// The places along a side that leave this remainder, each with that of the last window
/// that may meet it.
fn met(
    side: usize,
    padding: usize,
    stride: usize,
    first: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let first = (first + stride - padding % stride) % stride;
    let places = (first..side).step_by(stride);
    places.map(move |place| (place, (place + padding) / stride))
}

/// Zeros around a map.
#[derive(Debug, Clone, Copy)]
struct Border {
    inner: Shape,
    /// Rows above and columns on the left.
    before: usize,
    outer: Shape,
}

impl Border {
    fn is_empty(&self) -> bool {
        self.inner == self.outer
    }

    /// Room for one image, of zeros.
    fn buffer(&self) -> Vec<f32> {
        if self.is_empty() {
            return Vec::new();
        }
        vec![0.0; self.outer.size() + SLACK]
    }

    /// The image within its border, in a buffer of its own; as it is where there is none.
    fn around<'a>(&self, image: &'a [f32], buffer: &'a mut [f32]) -> &'a [f32] {
        if self.is_empty() {
            return image;
        }
        let row = self.inner.width * self.inner.channels;
        let begin = self.before * self.outer.channels;
        let outer = buffer.chunks_exact_mut(self.outer.width * self.outer.channels);
        for (outer, inner) in outer.skip(self.before).zip(image.chunks_exact(row)) {
            outer[begin..][..row].copy_from_slice(inner);
        }
        buffer
    }

    /// The image out of its border.
    fn within(&self, outer: &[f32], image: &mut [f32]) {
        let row = self.inner.width * self.inner.channels;
        let begin = self.before * self.outer.channels;
        let outer = outer.chunks_exact(self.outer.width * self.outer.channels);
        for (outer, inner) in outer.skip(self.before).zip(image.chunks_exact_mut(row)) {
            inner.copy_from_slice(&outer[begin..][..row]);
        }
    }
}

/// Weights as the product reads them: `[group][block of outputs][value of the window][BLOCK]`.
#[derive(Debug)]
pub struct Packed {
    groups: usize,
    weights: Vec<f32>,
    /// The bias of every group, in whole blocks; empty without one.
    bias: Vec<f32>,
}

impl Packed {
    /// Of `outputs` for each group and windows of `size`, given every weight by group, output
    /// and place in the window.
    fn of(
        groups: usize,
        outputs: usize,
        size: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let blocks = outputs.div_ceil(BLOCK);
        let mut weights = vec![0.0; groups * blocks * size * BLOCK];
        for (at, row) in weights.chunks_exact_mut(BLOCK).enumerate() {
            let (block, place) = (at / size, at % size);
            let (group, first) = (block / blocks, block % blocks * BLOCK);
            for (output, value) in (first..outputs).zip(row) {
                *value = weight(group, output, place);
            }
        }
        Self {
            groups,
            weights,
            bias: Vec::new(),
        }
    }

    fn group(&self, group: usize) -> (&[f32], &[f32]) {
        let part = |values: &'_ [f32]| values.len() / self.groups;
        let (weights, bias) = (part(&self.weights), part(&self.bias));
        (
            &self.weights[group * weights..][..weights],
            &self.bias[group * bias..][..bias],
        )
    }
}

impl Conv {
    /// That of maps of one shape, which gives maps of another.
    #[must_use]
    pub fn new(window: Window, from: Shape, to: Shape) -> Self {
        let forward = Reading::forward(window, from, to);
        let stride = window.stride;
        let phases = (0..stride * stride).map(|at| [at / stride, at % stride]);
        let back = phases.filter_map(|phase| Phase::new(window, from, to, phase));
        Self {
            window,
            from,
            to,
            forward,
            back: back.collect(),
        }
    }

    /// Whether every channel is convolved alone.
    fn is_depthwise(&self) -> bool {
        let groups = self.window.groups;
        let is_alone = groups == self.from.channels && groups == self.to.channels;
        is_alone && groups > 1 && !self.forward.is_flat
    }

    /// Input and output channels of a group.
    fn group(&self) -> [usize; 2] {
        [self.from.channels, self.to.channels].map(|channels| channels / self.window.groups)
    }

    /// The place of a weight in PyTorch's `[output][input of the group][row][column]`, given
    /// which of a window's values it is multiplied by.
    fn weight(&self, group: usize, output: usize, place: usize) -> usize {
        let [inputs, outputs] = self.group();
        let (tap, input) = (place / inputs, place % inputs);
        let taps = self.window.kernel * self.window.kernel;
        ((group * outputs + output) * inputs + input) * taps + tap
    }

    /// Weights for forward passes.
    #[must_use]
    pub fn packed(&self, weights: &[f32], bias: Option<&[f32]>) -> Packed {
        let groups = self.window.groups;
        if self.is_depthwise() {
            let taps = self.forward.taps.size();
            let rows = (0..taps).flat_map(|tap| (0..groups).map(move |group| (group, tap)));
            return Packed {
                groups: 1,
                weights: rows
                    .map(|(group, tap)| weights[group * taps + tap])
                    .collect(),
                bias: bias.unwrap_or_default().to_vec(),
            };
        }
        let [_, outputs] = self.group();
        let size = self.forward.taps.size();
        let weight = |group, output, place| weights[self.weight(group, output, place)];
        let mut packed = Packed::of(groups, outputs, size, weight);
        if let Some(bias) = bias {
            let whole = outputs.div_ceil(BLOCK) * BLOCK;
            packed.bias = vec![0.0; groups * whole];
            let rows = packed.bias.chunks_exact_mut(whole);
            for (row, bias) in rows.zip(bias.chunks_exact(outputs)) {
                row[..outputs].copy_from_slice(bias);
            }
        }
        packed
    }

    /// Weights for backward passes, for every phase.
    #[must_use]
    pub fn packed_back(&self, weights: &[f32]) -> Vec<Packed> {
        if self.is_depthwise() {
            return vec![self.packed(weights, None)];
        }
        let [inputs, outputs] = self.group();
        let taps = self.window.kernel * self.window.kernel;
        let phases = self.back.iter();
        let packed = phases.map(|phase| {
            let weight = |group: usize, input: usize, place: usize| {
                let (output, tap) = phase.kernel[place];
                weights[((group * outputs + output) * inputs + input) * taps + tap]
            };
            Packed::of(self.window.groups, inputs, phase.kernel.len(), weight)
        });
        packed.collect()
    }

    /// The result, with what comes after it.
    #[must_use]
    pub fn forward(
        &self,
        input: &Map,
        packed: &Packed,
        bound: Option<f32>,
        added: Option<&Map>,
        spread: Spread,
    ) -> Map {
        let mut output = Map::zeros(input.images, self.to);
        let product = Product {
            reading: &self.forward,
            packed,
            bound,
            added: added.map(Map::values),
            is_depthwise: self.is_depthwise(),
        };
        product.write(input, &mut output, spread);
        output
    }

    /// The input's gradient, given the output's.
    #[must_use]
    pub fn input_gradient(&self, gradient: &Map, packed: &[Packed]) -> Map {
        let mut result = Map::zeros(gradient.images, self.from);
        if self.is_depthwise() {
            self.depthwise_input_gradient(gradient, &packed[0], &mut result);
            return result;
        }
        for (phase, packed) in self.back.iter().zip(packed) {
            let product = Product {
                reading: &phase.reading,
                packed,
                bound: None,
                added: None,
                is_depthwise: false,
            };
            product.write(gradient, &mut result, Spread::Shared);
        }
        result
    }

    /// The weights' gradient in PyTorch's order, given the input and the output's gradient.
    ///
    /// Pieces of the batch are summed apart and then in order. How many there are follows
    /// from the maps' sizes, so that the threads decide nothing.
    #[must_use]
    pub fn weight_gradient(&self, input: &Map, gradient: &Map) -> Vec<f32> {
        if self.is_depthwise() {
            return self.depthwise_weight_gradient(input, gradient);
        }
        let reading = &self.forward;
        let [inputs, outputs] = self.group();
        let taps = &reading.taps;
        let size = self.window.groups * taps.size() * outputs;
        let (read, written) = (reading.piece_read(LONG_PIECE), reading.piece(LONG_PIECE));
        let pixels = gradient.images * self.to.pixels();
        let pieces = pixels.div_ceil(written);
        let chunks = (input.values().len() + gradient.values().len()) / size;
        let chunks = chunks.clamp(1, CHUNKS).min(pieces);
        let rows = if chunks == CHUNKS { taps.run } else { ROWS };
        let mut sums = vec![0.0; chunks * size];
        let mut works = Vec::new();
        let mut rest = sums.as_mut_slice();
        for chunk in 0..chunks {
            for group in 0..self.window.groups {
                for begin in &taps.begins {
                    for first in (0..taps.run).step_by(rows) {
                        let rows = rows.min(taps.run - first);
                        let (sums, others) = rest.split_at_mut(rows * outputs);
                        rest = others;
                        works.push((chunk, group, begin + first, rows, sums));
                    }
                }
            }
        }
        works.into_par_iter().for_each_init(
            || reading.border.buffer(),
            |buffer, (chunk, group, begin, rows, sums)| {
                for piece in chunk * pieces / chunks..(chunk + 1) * pieces / chunks {
                    let (read, first) = (piece * read * self.from.channels, piece * written);
                    let input = if reading.border.is_empty() {
                        input.from(read)
                    } else {
                        let image = &input.values()[read..][..self.from.size()];
                        reading.border.around(image, buffer)
                    };
                    WeightGradient {
                        input: &input[group * inputs..],
                        places: &reading.places[..written.min(pixels - first)],
                        begin,
                        rows,
                        gradient: gradient.from(first * self.to.channels + group * outputs),
                        outputs,
                        sums: &mut *sums,
                    }
                    .dispatch();
                }
            },
        );
        let mut result = vec![0.0; size];
        for (at, value) in in_order(&mut sums, size).iter().enumerate() {
            let (row, output) = (at / outputs, at % outputs);
            let (group, place) = (row / taps.size(), row % taps.size());
            result[self.weight(group, output, place)] = *value;
        }
        result
    }

    fn depthwise_input_gradient(&self, gradient: &Map, packed: &Packed, result: &mut Map) {
        let reading = &self.forward;
        let images = gradient.values().par_chunks(self.to.size());
        let results = result.values_mut().par_chunks_mut(self.from.size());
        results.zip(images).for_each_init(
            || vec![0.0; reading.border.outer.size()],
            |buffer, (result, gradient)| {
                buffer.fill(0.0);
                DepthwiseInputGradient {
                    gradient,
                    places: &reading.places,
                    taps: &reading.taps.begins,
                    weights: &packed.weights,
                    channels: self.to.channels,
                    result: buffer,
                }
                .dispatch();
                reading.border.within(buffer, result);
            },
        );
    }

    fn depthwise_weight_gradient(&self, input: &Map, gradient: &Map) -> Vec<f32> {
        let reading = &self.forward;
        let (channels, taps) = (self.to.channels, reading.taps.size());
        let chunks = input.images.min(CHUNKS);
        let mut sums = vec![0.0; chunks * taps * channels];
        let works = sums.par_chunks_mut(taps * channels).enumerate();
        works.for_each_init(
            || reading.border.buffer(),
            |buffer, (chunk, sums)| {
                for image in chunk * input.images / chunks..(chunk + 1) * input.images / chunks {
                    let read = &input.values()[image * self.from.size()..][..self.from.size()];
                    DepthwiseWeightGradient {
                        input: reading.border.around(read, buffer),
                        places: &reading.places,
                        taps: &reading.taps.begins,
                        gradient: &gradient.values()[image * self.to.size()..],
                        channels,
                        sums: &mut *sums,
                    }
                    .dispatch();
                }
            },
        );
        let sums = in_order(&mut sums, taps * channels);
        let places = (0..channels).flat_map(|channel| (0..taps).map(move |tap| (channel, tap)));
        places
            .map(|(channel, tap)| sums[tap * channels + channel])
            .collect()
    }
}

/// The sum of parts of a size, from the first to the last.
fn in_order(parts: &mut [f32], size: usize) -> &[f32] {
    let (first, others) = parts.split_at_mut(size);
    for other in others.chunks_exact(size) {
        for (sum, other) in first.iter_mut().zip(other) {
            *sum += other;
        }
    }
    first
}

/// The gradient of a bias: the sum over all pixels.
#[must_use]
pub fn bias_gradient(gradient: &Map) -> Vec<f32> {
    let channels = gradient.shape.channels;
    let pieces = gradient.values().par_chunks(LONG_PIECE * channels);
    let pieces: Vec<_> = pieces
        .map(|pixels| {
            let mut sums = vec![0.0_f32; channels];
            for pixel in pixels.chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += value;
                }
            }
            sums
        })
        .collect();
    let total = |channel: usize| {
        let pieces = pieces.iter();
        pieces.map(|piece| f64::from(piece[channel])).sum::<f64>() as f32
    };
    (0..channels).map(total).collect()
}

/// Windows of maps times kernels.
struct Product<'a> {
    reading: &'a Reading,
    packed: &'a Packed,
    bound: Option<f32>,
    added: Option<&'a [f32]>,
    is_depthwise: bool,
}

impl Product<'_> {
    fn write(&self, input: &Map, output: &mut Map, spread: Spread) {
        let reading = self.reading;
        let [inputs, outputs] = reading.channels;
        let read = reading.piece_read(PIECE) * inputs;
        let written = reading.piece(PIECE) * outputs;
        let pieces = input.values().par_chunks(read);
        output
            .values_mut()
            .par_chunks_mut(written)
            .zip(pieces)
            .enumerate()
            .with_min_len(spread.least())
            .for_each_init(
                || reading.border.buffer(),
                |buffer, (at, (output, input))| {
                    let input = reading.border.around(input, buffer);
                    let added = self
                        .added
                        .map(|added| &added[at * written..][..output.len()]);
                    self.piece(input, output, added);
                },
            );
    }

    fn piece(&self, input: &[f32], output: &mut [f32], added: Option<&[f32]>) {
        let reading = self.reading;
        let groups = self.packed.groups;
        let [inputs, outputs] = reading.channels.map(|channels| channels / groups);
        let count = if reading.is_flat {
            output.len() / reading.channels[1]
        } else {
            reading.places.len()
        };
        if self.is_depthwise {
            Depthwise {
                input,
                places: &reading.places[..count],
                taps: &reading.taps.begins,
                weights: &self.packed.weights,
                bias: &self.packed.bias,
                channels: reading.channels[1],
                added,
                bound: self.bound,
                output,
            }
            .dispatch();
            return;
        }
        for group in 0..groups {
            let (weights, bias) = self.packed.group(group);
            Correlate {
                input: &input[group * inputs..],
                places: &reading.places[..count],
                taps: &reading.taps,
                weights,
                bias,
                outputs,
                added: added.map(|added| &added[group * outputs..]),
                bound: self.bound,
                output: &mut output[group * outputs..],
            }
            .dispatch();
        }
    }
}
