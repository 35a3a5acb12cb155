//! Students with 8-bit integers: what can be done with weights and activations is
//! tried, and what keeps most of the accuracy is taken.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::calibrate::{Seen, calibration_images, observe};
use super::proof::measured;
use super::{ExportFailure, ProofError, Reference, input, recorded, texts};
use crate::data::Images;
use crate::engine::metadata::ModelMetadata;
use crate::engine::network::{Network, PixelInput, Range};
use crate::event::inspection::metrics::argmax;
use crate::event::{
    ExportProof, FloatLayers, Int8, PixelFormat, PrecisionModel, PrecisionRow, QuantScheme,
    QuantTrial, RangeRule, WeightScales,
};
use crate::experiment::spec::Int8Spec;

/// What layers in floats must gain, as a share of the images. They cost time, and
/// less than half a point is hardly told from chance.
const PAYS: f64 = 0.005;

/// A student whose scheme was chosen.
#[derive(Debug)]
pub struct Int8Student {
    spec: Int8Spec,
    images: usize,
    engine: String,
    scheme: QuantScheme,
    ranges: Vec<Range>,
    trials: Vec<QuantTrial>,
}

impl Int8Student {
    /// Calibrates a network on training images, and chooses its scheme on validation
    /// images.
    ///
    /// # Errors
    /// Images cannot be read, values are not finite, or no engine runs the file.
    pub fn choose(
        network: &Network,
        images: &Images,
        reference: &Reference,
        spec: Int8Spec,
    ) -> Result<Self, ExportFailure> {
        let (about, pixels) = (BTreeMap::new(), PixelFormat::Float);
        let graph = recorded(network, PixelInput::Float)?;
        let calibration = calibration_images(images, &spec)?;
        let float = temporary(&graph.float().into_bytes(&about))?;
        let names = graph.rounded_values();
        let seen = observe(float.path(), &names, &calibration, images.size)?;
        let weight_bits = spec.weight_bits.unwrap_or_else(weight_bits);
        let mut engine = String::new();
        let mut trials: Vec<QuantTrial> = Vec::new();
        let mut best: Option<(usize, Vec<Range>)> = None;
        let mut attempt = |scheme: QuantScheme, ranges: &[Range]| {
            let file = graph.quantized(&scheme, ranges).map_err(ProofError::from)?;
            let file = temporary(&file.into_bytes(&about))?;
            let (proof, _) = measured(file.path(), reference, images, pixels)?;
            engine = proof.engine;
            Ok::<_, ExportFailure>(QuantTrial {
                scheme,
                top1: proof.top1,
                agreement: proof.agreement,
                max_difference: proof.max_difference,
            })
        };
        for weights in [WeightScales::PerTensor, WeightScales::PerChannel] {
            for activations in [RangeRule::MinMax, RangeRule::Percentile, RangeRule::Entropy] {
                let ranges = seen.iter().map(|seen: &Seen| seen.range(activations));
                let ranges: Vec<Range> = ranges.collect();
                let scheme = QuantScheme {
                    weights,
                    weight_bits,
                    activations,
                    float_layers: FloatLayers::None,
                };
                let trial = attempt(scheme, &ranges)?;
                let is_better = best
                    .as_ref()
                    .is_none_or(|(best, _)| is_better(&trial, &trials[*best]));
                if is_better {
                    best = Some((trials.len(), ranges));
                }
                trials.push(trial);
            }
        }
        let Some((mut chosen, ranges)) = best else {
            unreachable!("schemes were tried");
        };
        let whole = trials[chosen].clone();
        for float_layers in [
            FloatLayers::First,
            FloatLayers::Last,
            FloatLayers::FirstAndLast,
        ] {
            let scheme = QuantScheme {
                float_layers,
                ..whole.scheme
            };
            let trial = attempt(scheme, &ranges)?;
            if value(&trial) >= value(&whole) + PAYS && is_better(&trial, &trials[chosen]) {
                chosen = trials.len();
            }
            trials.push(trial);
        }
        Ok(Self {
            spec,
            images: calibration.len() / (3 * images.size.0 as usize * images.size.1 as usize),
            engine,
            scheme: trials[chosen].scheme,
            ranges,
            trials,
        })
    }

    /// The bytes of its file: the same for the same weights, images and choices.
    ///
    /// # Errors
    /// The device failed.
    pub fn file(
        &self,
        network: &Network,
        known: &ModelMetadata,
        pixels: PixelFormat,
        about: &BTreeMap<String, String>,
    ) -> Result<Vec<u8>, ExportFailure> {
        let graph = recorded(network, input(known, pixels))?;
        let file = graph.quantized(&self.scheme, &self.ranges);
        let file = file.map_err(ProofError::from)?;
        Ok(file.into_bytes(&texts(known, about)))
    }

    /// What the teacher, the network and the file with this proof are worth, without
    /// what their files and their time cost.
    pub(super) fn rows(
        &self,
        reference: &Reference,
        images: &Images,
        (proof, like_teacher): (&ExportProof, Option<f64>),
    ) -> Vec<PrecisionRow> {
        let row = |model, top1, teacher_agreement, agreement| PrecisionRow {
            model,
            top1,
            teacher_agreement,
            agreement,
            bytes: None,
            p50_ms: None,
            engine: None,
        };
        let logits = &reference.network.logits;
        let present = || (0..logits.len()).filter(|image| reference.network.present[*image]);
        let share = |part: usize, all: usize| (all > 0).then(|| part as f64 / all as f64);
        let all = present().count();
        let both = reference.teacher.as_ref().and_then(|teacher| {
            let same = present().filter(|&at| argmax(&teacher[at]) == argmax(&logits[at]));
            share(same.count(), all)
        });
        let labels = || present().filter_map(|at| Some((at, images.valid.label(at)? as usize)));
        let teacher = reference.teacher.as_ref().map(|teacher| {
            let right = labels().filter(|(at, label)| argmax(&teacher[*at]) == *label);
            let top1 = share(right.count(), labels().count());
            row(PrecisionModel::Teacher, top1, Some(1.0), both)
        });
        let float = row(PrecisionModel::Fp32, proof.network_top1, both, Some(1.0));
        let agreement = Some(proof.agreement);
        let int8 = row(PrecisionModel::Int8, proof.top1, like_teacher, agreement);
        teacher.into_iter().chain([float, int8]).collect()
    }

    /// What is kept of it.
    pub(super) fn result(&self, rows: Vec<PrecisionRow>) -> Int8 {
        Int8 {
            images: self.images,
            seed: self.spec.seed,
            scheme: self.scheme,
            engine: self.engine.clone(),
            trials: self.trials.clone(),
            rows,
        }
    }
}

/// By what a trial is chosen: its accuracy, or without labels how often it answers as
/// the network does.
pub(super) fn value(trial: &QuantTrial) -> f64 {
    trial.top1.unwrap_or(trial.agreement)
}

/// Whether a trial is taken instead of another. Of equal ones it is that which
/// answers like the network more often, then that whose logits are closer.
fn is_better(trial: &QuantTrial, other: &QuantTrial) -> bool {
    let key = |trial: &QuantTrial| (value(trial), trial.agreement, -trial.max_difference);
    key(trial) > key(other)
}

/// Bits that a weight may have where engines of this processor compute without
/// overflow. Without VNNI they add two products of 8-bit integers in 16 bits.
fn weight_bits() -> u8 {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if !(is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni")) {
        return 7;
    }
    8
}

/// A file for an engine, which is gone when it is dropped.
fn temporary(bytes: &[u8]) -> Result<tempfile::NamedTempFile, ProofError> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}
