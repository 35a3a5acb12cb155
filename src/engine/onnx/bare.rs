//! A file that is run on made-up images, to be timed: of its answers nothing is taken
//! but whether they are numbers.

use std::path::{Path, PathBuf};

use super::{CHUNK, Engine, OnnxModelError, refused};
use crate::event::{PixelFormat, Variant};
use crate::experiment::spec::OnnxEngine;
use crate::onnx::{OnnxFile, PixelOrder};

/// Images of a batch of any size are this large where the file does not say, pixels.
const SIDE: u32 = 224;

/// Operations of 8-bit integers.
const INT8: [&str; 6] = [
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "QLinearConv",
    "ConvInteger",
    "MatMulInteger",
];

/// A file in an engine, with images for it.
pub struct BareModel {
    path: PathBuf,
    engine: Engine,
    name: String,
    images: MadeUp,
    /// Of what the engine is given at once.
    shape: [usize; 4],
    /// How often it is.
    times: usize,
    macs: Option<u64>,
}

/// Images as the file takes them.
enum MadeUp {
    Floats(Vec<f32>),
    Bytes(Vec<u8>),
}

/// What is known of a file before it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BareFacts {
    /// Height and width of its images in pixels.
    pub size: (u32, u32),
    /// How it takes them.
    pub input: PixelFormat,
    /// What it computes with.
    pub variant: Variant,
}

impl BareModel {
    /// Hands a file over to an engine, for batches of images of this size.
    ///
    /// # Errors
    /// The file takes no images, or the engine refuses it.
    pub fn open(
        path: &Path,
        engine: OnnxEngine,
        size: (u32, u32),
        batch: usize,
    ) -> Result<Self, OnnxModelError> {
        let mut file = OnnxFile::open(path)?;
        let input = file.image_input()?;
        let output = file.score_output(None)?;
        file.keep_only(&[&output.name]);
        // More images than these are the measurement's own: what they take grows with them.
        let demand = file.demand(&input, &output, size, batch.min(CHUNK))?;
        let at_once = input.batch.unwrap_or(batch).max(1);
        let (engine, name) = Engine::open(engine, file, &input.name, &[&output.name])?;
        let (height, width) = (size.0 as usize, size.1 as usize);
        let shape = match input.order {
            PixelOrder::ChannelsFirst => [at_once, 3, height, width],
            PixelOrder::ChannelsLast => [at_once, height, width, 3],
        };
        let values = (0..shape.iter().product()).map(|at| (at * 37 % 251) as u8);
        let images = if input.takes_bytes {
            MadeUp::Bytes(values.collect())
        } else {
            MadeUp::Floats(values.map(|value| f32::from(value) / 125.0 - 1.0).collect())
        };
        Ok(Self {
            path: path.to_owned(),
            engine,
            name,
            images,
            shape,
            times: batch.div_ceil(at_once),
            macs: demand.macs,
        })
    }

    /// What a file says of itself.
    ///
    /// # Errors
    /// The file cannot be used, or takes no images.
    pub fn facts(path: &Path) -> Result<BareFacts, OnnxModelError> {
        let file = OnnxFile::open(path)?;
        let input = file.image_input()?;
        let is_int8 = |operation: &str| INT8.contains(&operation);
        let is_int8 = file.nodes().iter().any(|node| is_int8(&node.op_type));
        let variant = if is_int8 {
            Variant::Int8
        } else if file.has_half_weights() {
            Variant::Fp16
        } else {
            Variant::Fp32
        };
        Ok(BareFacts {
            size: input.size.unwrap_or((SIDE, SIDE)),
            input: if input.takes_bytes {
                PixelFormat::Uint8
            } else {
                PixelFormat::Float
            },
            variant,
        })
    }

    /// The engine and its version.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.name
    }

    /// The scores of a batch; of a file that takes fewer images, those of the last of
    /// them, which are all the same.
    ///
    /// # Errors
    /// The engine failed.
    pub fn scores(&self) -> Result<Vec<f32>, OnnxModelError> {
        let mut all = Vec::new();
        for _ in 0..self.times {
            let scores = match &self.images {
                MadeUp::Floats(values) => self.engine.run(values.clone(), self.shape),
                MadeUp::Bytes(values) => self.engine.run(values.clone(), self.shape),
            };
            all = scores.map_err(|reason| refused(&self.path, &self.name, reason))?;
        }
        Ok(all)
    }

    /// Multiply-accumulates of one image, where they are known.
    #[must_use]
    pub fn macs(&self) -> Option<u64> {
        self.macs
    }
}
