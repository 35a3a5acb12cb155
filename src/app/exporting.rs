//! `--export` without a screen.

use std::io;

use serde::Serialize;

use super::arguments::{Arguments, Pixels, To, Weights};
use super::error::AppError;
use super::export::{ExportRequest, export};
use super::tensorboard::{self, TensorBoardError};
use crate::event::inspection::Weights as Taken;
use crate::event::{ExportFormat, Floats, PixelFormat};
use crate::experiment::spec::Int8Spec;
use crate::run::Exit;
use crate::untrusted::json_line;

/// Writes and prints what came of it.
pub fn run(arguments: &Arguments, wanted: &str) -> Result<Exit, AppError> {
    let format = match arguments.to {
        To::Onnx => ExportFormat::Onnx,
        To::Torch => ExportFormat::Torch,
        To::TensorBoard => {
            let exported = tensorboard::export(arguments, &super::find(arguments, wanted)?)?;
            return print(arguments, &exported, &exported.summary());
        }
    };
    if arguments.follow {
        return Err(TensorBoardError::FollowedModel.into());
    }
    let request = ExportRequest {
        run: super::find(arguments, wanted)?,
        format,
        weights: match arguments.weights {
            Weights::Best => Taken::Best,
            Weights::Latest => Taken::Latest,
        },
        pixels: match arguments.input {
            Pixels::Float => PixelFormat::Float,
            Pixels::Uint8 => PixelFormat::Uint8,
        },
        floats: if arguments.fp16 {
            Floats::Fp16
        } else {
            Floats::Fp32
        },
        int8: arguments.int8.then_some(Int8Spec {
            images: arguments.calibration_images,
            seed: arguments.calibration_seed,
            weight_bits: arguments.weight_bits,
            uint8: arguments.input == Pixels::Uint8,
        }),
        out: arguments.out.clone(),
        replaces: arguments.force,
        unverified: arguments.unverified,
        device: arguments.device,
    };
    let exported = export(&request)?;
    print(arguments, &exported, &exported.summary())
}

/// Prints what came of it, for programs or for people.
fn print(arguments: &Arguments, exported: &impl Serialize, text: &str) -> Result<Exit, AppError> {
    if arguments.json {
        let json =
            json_line(exported).map_err(|error| AppError::Output(io::Error::other(error)))?;
        super::print(&json)?;
    } else {
        super::print_text(text)?;
    }
    Ok(Exit::Success)
}
