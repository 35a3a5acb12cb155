//! Images made ready for a model that takes others than the data has.
//!
//! A teacher from elsewhere was trained on images of its own size, normalised by
//! its own mean and std. What views hold is brought there on the device:
//! z = (x · std + mean − mean′) / std′ channel by channel, and the size as the
//! data's own images are resized: scaled with the antialiased bilinear filter
//! until they cover the target, what hangs over cut off evenly. Colours are exchanged
//! last.

use burn::tensor::{Device, Tensor, TensorData};

use crate::experiment::architecture::IMAGE_CHANNELS;
use crate::experiment::spec::ChannelOrder;

/// What a model's images are: height and width in pixels, the mean and the
/// deviation by which values in [0, 1] are normalised, and the order of colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Height and width.
    pub size: (u32, u32),
    /// Means of red, green and blue.
    pub mean: [f32; 3],
    /// Standard deviations of red, green and blue.
    pub std: [f32; 3],
    /// Order of the colours.
    pub channels: ChannelOrder,
}

/// What is done to images of one frame to make them those of another.
#[derive(Debug, Clone)]
pub struct Input {
    /// Factor and summand of every channel, `[1, 3, 1, 1]`.
    normalize: Option<[Tensor<4>; 2]>,
    /// Weights of the old rows in the new ones, `[new, old]`, and of the old
    /// columns, `[old, new]`.
    resize: Option<[Tensor<2>; 2]>,
    /// Whether red and blue are exchanged.
    exchanges: bool,
}

impl Input {
    /// From the data's images to a model's own; none if they are the same.
    #[must_use]
    pub fn between(data: &Frame, own: &Frame, device: &Device) -> Option<Self> {
        let normalize = ((data.mean, data.std) != (own.mean, own.std)).then(|| {
            let channels = |of: fn(&Frame, &Frame, usize) -> f64| {
                let values: Vec<f32> = (0..IMAGE_CHANNELS)
                    .map(|channel| of(data, own, channel) as f32)
                    .collect();
                Tensor::from_data(TensorData::new(values, [1, IMAGE_CHANNELS, 1, 1]), device)
            };
            [
                channels(|data, own, c| f64::from(data.std[c]) / f64::from(own.std[c])),
                channels(|data, own, c| {
                    (f64::from(data.mean[c]) - f64::from(own.mean[c])) / f64::from(own.std[c])
                }),
            ]
        });
        let resize = (data.size != own.size).then(|| {
            let [rows, columns] = cover(data.size, own.size);
            let (rows, columns) = (rows.matrix(), columns.matrix());
            [matrix(&rows, device), matrix(&columns, device).transpose()]
        });
        let exchanges = data.channels != own.channels;
        (normalize.is_some() || resize.is_some() || exchanges).then_some(Self {
            normalize,
            resize,
            exchanges,
        })
    }

    /// Height and width that images are resized to, if they are.
    #[must_use]
    pub fn size(&self) -> Option<(u32, u32)> {
        let [rows, columns] = self.resize.as_ref()?;
        Some((rows.dims()[0] as u32, columns.dims()[1] as u32))
    }

    /// Images `[batch, 3, height, width]` as the model wants them.
    #[must_use]
    pub fn apply(&self, mut images: Tensor<4>) -> Tensor<4> {
        if let Some([rows, columns]) = &self.resize {
            let [batch, channels, height, width] = images.dims();
            let [new_height, new_width] = [rows.dims()[0], columns.dims()[1]];
            // Columns first: one product of matrices for all rows of all images.
            let lines = images.reshape([batch * channels * height, width]);
            let narrow = lines.matmul(columns.clone());
            let upright = narrow
                .reshape([batch * channels, height, new_width])
                .swap_dims(1, 2)
                .reshape([batch * channels * new_width, height]);
            images = upright
                .matmul(rows.clone().transpose())
                .reshape([batch * channels, new_width, new_height])
                .swap_dims(1, 2)
                .reshape([batch, channels, new_height, new_width]);
        }
        if let Some([factor, summand]) = &self.normalize {
            images = images * factor.clone() + summand.clone();
        }
        if self.exchanges {
            images = images.flip([1]);
        }
        images
    }
}

fn matrix(rows: &[Vec<f32>], device: &Device) -> Tensor<2> {
    let sizes = [rows.len(), rows.first().map_or(0, Vec::len)];
    Tensor::from_data(TensorData::new(rows.concat(), sizes), device)
}

/// How the pixels along one side become others: `length` of `from` pixels, from
/// `start` on, become `to`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Side {
    from: u32,
    to: u32,
    start: f64,
    length: f64,
}

/// What becomes of rows and columns when an image of one size is scaled until it
/// covers another and what hangs over is cut off.
fn cover(from: (u32, u32), to: (u32, u32)) -> [Side; 2] {
    let scale = |from: u32, to: u32| f64::from(to) / f64::from(from);
    let factor = scale(from.0, to.0).max(scale(from.1, to.1));
    [(from.0, to.0), (from.1, to.1)].map(|(from, to)| {
        let length = f64::from(to) / factor;
        let over = (f64::from(from) - length) / 2.0;
        Side {
            from,
            to,
            // Whole pixels where nothing is scaled, as torchvision's CenterCrop.
            start: if factor == 1.0 {
                over.round_ties_even()
            } else {
                over
            },
            length,
        }
    })
}

impl Side {
    /// Weights of the old pixels in each new one, which sum to 1: those of a
    /// triangle that grows with the scale when pixels become fewer.
    fn matrix(self) -> Vec<Vec<f32>> {
        let scale = self.length / f64::from(self.to);
        let reach = scale.max(1.0);
        (0..self.to)
            .map(|pixel| {
                let centre = self.start + (f64::from(pixel) + 0.5) * scale;
                let weights: Vec<f64> = (0..self.from)
                    .map(|old| {
                        let distance = (f64::from(old) + 0.5 - centre).abs();
                        (1.0 - distance / reach).max(0.0)
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                weights
                    .into_iter()
                    .map(|weight| (weight / sum) as f32)
                    .collect()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::data::resize;

    const DATA: Frame = Frame {
        size: (8, 6),
        mean: [0.5, 0.4, 0.3],
        std: [0.25, 0.2, 0.5],
        channels: ChannelOrder::Rgb,
    };
    const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    fn picture((height, width): (u32, u32)) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([
                (x * 37 + y * 11) as u8,
                (x * x * 5 + y * 23) as u8,
                (y * 91 + x * 7) as u8,
            ])
        })
    }

    /// `[1, 3, height, width]`, as the data path makes it.
    fn normalised(image: &RgbImage, frame: &Frame) -> Vec<f32> {
        let (mean, std) = (frame.mean, frame.std);
        let mut values = Vec::new();
        for channel in 0..3 {
            for pixel in image.pixels() {
                let value = f32::from(pixel.0[channel]) / 255.0;
                values.push((value - mean[channel]) / std[channel]);
            }
        }
        values
    }

    fn applied(image: &RgbImage, data: &Frame, own: &Frame) -> Vec<f32> {
        let device = Device::flex();
        let (height, width) = (data.size.0 as usize, data.size.1 as usize);
        let values = TensorData::new(normalised(image, data), [1, 3, height, width]);
        let images = Tensor::from_data(values, &device);
        let input = Input::between(data, own, &device).unwrap();
        input.apply(images).into_data().try_to_vec().unwrap()
    }

    /// Whether values are the same but for the rounding to 8 bits after rows and
    /// after columns.
    fn agree(found: &[f32], expected: &[f32], own: &Frame) {
        assert_eq!(found.len(), expected.len());
        let step = 1.01 / 255.0 / own.std.iter().copied().fold(f32::INFINITY, f32::min);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() <= step + 1e-4,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn the_same_frame_is_left_alone() {
        assert!(Input::between(&DATA, &DATA, &Device::flex()).is_none());
    }

    #[test]
    fn another_normalisation_gives_what_the_data_path_would_with_it() {
        let own = Frame {
            mean: IMAGENET.0,
            std: IMAGENET.1,
            ..DATA
        };
        let image = picture(DATA.size);
        agree(
            &applied(&image, &DATA, &own),
            &normalised(&image, &own),
            &own,
        );
    }

    #[test]
    fn another_size_gives_what_the_data_path_would_with_it() {
        for size in [
            (16, 12),
            (4, 3),
            (5, 5),
            (13, 4),
            (7, 20),
            (8, 4),
            (4, 6),
            (24, 24),
        ] {
            let own = Frame { size, ..DATA };
            let image = picture(DATA.size);
            let resized = resize::cover(image.clone(), size).unwrap();
            let expected = normalised(&resized, &own);
            agree(&applied(&image, &DATA, &own), &expected, &own);
        }
    }

    #[test]
    fn an_odd_leftover_is_cut_off_in_whole_pixels() {
        let own = Frame {
            size: (8, 3),
            ..DATA
        };
        let image = picture(DATA.size);
        let cut = image::imageops::crop_imm(&image, 2, 0, 3, 8).to_image();
        for (found, expected) in applied(&image, &DATA, &own)
            .iter()
            .zip(normalised(&cut, &own))
        {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn red_and_blue_are_exchanged_after_each_was_normalised_as_itself() {
        let own = Frame {
            mean: IMAGENET.0,
            std: IMAGENET.1,
            channels: ChannelOrder::Bgr,
            ..DATA
        };
        let rgb = Frame {
            channels: ChannelOrder::Rgb,
            ..own
        };
        let image = picture(DATA.size);
        let (found, expected) = (applied(&image, &DATA, &own), applied(&image, &DATA, &rgb));
        let plane = found.len() / 3;
        for (channel, found) in found.chunks(plane).enumerate() {
            assert_eq!(found, &expected[(2 - channel) * plane..][..plane]);
        }
    }

    #[test]
    fn both_together_are_done_to_every_image_of_a_batch_alone() {
        let own = Frame {
            size: (5, 9),
            mean: IMAGENET.0,
            std: IMAGENET.1,
            channels: ChannelOrder::Bgr,
        };
        let device = Device::flex();
        let images = [
            picture(DATA.size),
            RgbImage::from_pixel(6, 8, Rgb([9, 99, 199])),
        ];
        let both: Vec<f32> = images
            .iter()
            .flat_map(|image| normalised(image, &DATA))
            .collect();
        let both = Tensor::from_data(TensorData::new(both, [2, 3, 8, 6]), &device);
        let input = Input::between(&DATA, &own, &device).unwrap();
        let found: Vec<f32> = input.apply(both).into_data().try_to_vec().unwrap();
        let alone: Vec<f32> = images
            .iter()
            .flat_map(|image| applied(image, &DATA, &own))
            .collect();
        for (found, alone) in found.iter().zip(&alone) {
            assert!((found - alone).abs() < 1e-5);
        }
    }
}
