//! Compiles this branch until augmentation and shapes are merged.

pub(super) mod augment {
    use crate::experiment::augment::Operation;
    use image::RgbImage;

    #[derive(Debug, Clone, Copy)]
    pub struct StreamKey {
        pub seed: u64,
        pub epoch: u32,
        pub sample: u64,
        pub view: u32,
    }

    #[derive(Debug, Clone)]
    pub struct Pipeline(usize);

    impl Pipeline {
        pub fn new(operations: &[Operation]) -> Self {
            Self(operations.len())
        }

        pub fn apply(&self, image: &mut RgbImage, probability: f64, key: &StreamKey) {
            let mix = key.seed ^ u64::from(key.epoch) << 8 ^ key.sample << 3 ^ u64::from(key.view);
            if self.0 > 0 && probability > 0.0 {
                for value in image.iter_mut() {
                    *value ^= (mix.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
                }
            }
        }
    }
}

pub(super) mod shapes {
    use crate::experiment::spec::Shapes;
    use image::{Rgb, RgbImage};

    pub fn render(spec: &Shapes, index: u32) -> (RgbImage, u32) {
        let image = RgbImage::from_fn(spec.size, spec.size, |x, y| {
            Rgb([x as u8, y as u8, index as u8])
        });
        (image, index % spec.classes)
    }

    pub fn class_names(spec: &Shapes) -> Vec<String> {
        (0..spec.classes).map(|i| format!("shape{i}")).collect()
    }
}
