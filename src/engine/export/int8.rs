//! Students with 8-bit integers: what can be done with weights and activations is
//! tried, and what keeps most of the accuracy is taken.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::calibrate::{Seen, chosen, observe, pixels as pixels_of};
use super::proof::{is_same, measured};
use super::{ProofError, Reference, input, recorded, texts};
use crate::data::Images;
use crate::engine::failure::Failure;
use crate::engine::metadata::ModelMetadata;
use crate::engine::network::{Network, PixelInput, Range};
use crate::event::inspection::metrics::predicted;
use crate::event::{
    ExportProof, FloatLayers, Int8, PixelFormat, PrecisionModel, PrecisionRow, QuantScheme,
    QuantTrial, RangeRule, WeightScales,
};
use crate::experiment::spec::Int8Spec;
use crate::run::TemporaryFile;

/// Top-1 that is less apart, as a share of the images, says nothing of which is better.
const SIGNIFICANT: f64 = 0.005;

/// A student whose scheme was chosen.
#[derive(Debug)]
pub struct Int8Student<'a> {
    network: &'a Network,
    spec: Int8Spec,
    images: usize,
    engine: String,
    scheme: QuantScheme,
    ranges: Vec<Range>,
    trials: Vec<QuantTrial>,
}

impl<'a> Int8Student<'a> {
    /// Calibrates a network on training images, and chooses its scheme on validation
    /// images. If one learned to be rounded, it is tried as it did.
    ///
    /// # Errors
    /// Images cannot be read, values are not finite, or no engine runs the file.
    pub fn choose(
        network: &'a Network,
        rounded: Option<&'a Network>,
        images: &Images,
        reference: &Reference,
        spec: Int8Spec,
    ) -> Result<Self, ProofError> {
        let (about, pixels) = (BTreeMap::new(), PixelFormat::Float);
        let graph = recorded(network, PixelInput::Float)?;
        let calibration = chosen(images, &spec);
        let float = TemporaryFile::new(&graph.float().into_bytes(&about))?;
        let names = graph.rounded_values();
        let seen = observe(
            float.path(),
            &names,
            images.size,
            calibration.len(),
            |part| pixels_of(images, &calibration[part]),
        )?;
        let trained = rounded.and_then(|network| Some((network, network.quantization()?)));
        // What learned to be rounded to so many bits is rounded to these.
        let learned = trained.map(|(_, quantization)| quantization.weight_bits());
        let weight_bits = spec.weight_bits.or(learned).unwrap_or_else(weight_bits);
        let trained = trained.map(|(network, quantization)| {
            Ok::<_, ProofError>((
                network,
                recorded(network, PixelInput::Float)?,
                quantization.ranges().to_vec(),
            ))
        });
        let trained = trained.transpose()?;
        let of_scheme = |scheme: QuantScheme| match (scheme.activations, &trained) {
            (RangeRule::Trained, Some((network, graph, ranges))) => {
                (*network, graph, ranges.clone())
            }
            _ => (network, &graph, ranges(&seen, scheme)),
        };
        let attempt = |scheme: QuantScheme| -> Result<(QuantTrial, String), ProofError> {
            let (_, graph, ranges) = of_scheme(scheme);
            let file = graph.quantized(&scheme, &ranges)?.into_bytes(&about);
            let (proof, _) =
                measured(TemporaryFile::new(&file)?.path(), reference, images, pixels)?;
            let trial = QuantTrial {
                scheme,
                top1: proof.top1,
                agreement: proof.agreement,
                max_difference: proof.max_difference,
            };
            Ok((trial, proof.engine))
        };
        let mut trials = Vec::new();
        let mut engine = String::new();
        for weights in [WeightScales::PerTensor, WeightScales::PerChannel] {
            for activations in [RangeRule::MinMax, RangeRule::Percentile, RangeRule::Entropy] {
                let (trial, by) = attempt(QuantScheme {
                    weights,
                    weight_bits,
                    activations,
                    float_layers: FloatLayers::None,
                })?;
                engine = by;
                trials.push(trial);
            }
        }
        let mut whole = best(&trials).expect("schemes were tried").clone();
        if trained.is_some() {
            let (trial, _) = attempt(QuantScheme {
                weights: WeightScales::PerChannel,
                weight_bits,
                activations: RangeRule::Trained,
                float_layers: FloatLayers::None,
            })?;
            trials.push(trial.clone());
            let most = trials.iter().map(value).fold(0.0, f64::max);
            if value(&trial) > most - SIGNIFICANT {
                whole = trial;
            }
        }
        let mut parts = Vec::new();
        for float_layers in [
            FloatLayers::First,
            FloatLayers::Last,
            FloatLayers::FirstAndLast,
        ] {
            let scheme = QuantScheme {
                float_layers,
                ..whole.scheme
            };
            parts.push(attempt(scheme)?.0);
        }
        trials.extend(parts.clone());
        parts.retain(|part| value(part) >= value(&whole) + SIGNIFICANT);
        let scheme = best(&parts).unwrap_or(&whole).scheme;
        let (network, _, ranges) = of_scheme(scheme);
        Ok(Self {
            network,
            spec,
            images: calibration.len(),
            engine,
            scheme,
            ranges,
            trials,
        })
    }

    /// Whether its weights are those that learned to be rounded.
    pub fn learned(&self) -> bool {
        self.scheme.activations == RangeRule::Trained
    }

    /// The bytes of its file: the same for the same weights, images and choices.
    ///
    /// # Errors
    /// The device failed.
    pub fn file(
        &self,
        known: &ModelMetadata,
        pixels: PixelFormat,
        about: &BTreeMap<String, String>,
    ) -> Result<Vec<u8>, ProofError> {
        let graph = recorded(self.network, input(known, pixels))?;
        let file = graph.quantized(&self.scheme, &self.ranges);
        let file = file?;
        let mut texts = texts(known, about);
        let scheme = serde_json::to_string(&self.scheme);
        let scheme = scheme.map_err(|error| Failure::Export(error.to_string()))?;
        texts.insert("int8".to_owned(), scheme);
        Ok(file.into_bytes(&texts))
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

/// What the teacher, the network and files with these proofs are worth, without what
/// their files and their time cost.
pub(super) fn rows<'a>(
    reference: &Reference,
    images: &Images,
    files: impl Iterator<Item = (PrecisionModel, &'a (ExportProof, Option<f64>))>,
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
        let same = present().filter(|&at| is_same(&teacher[at], &logits[at]));
        share(same.count(), all)
    });
    let labels = || present().filter_map(|at| Some((at, images.valid.label(at)? as usize)));
    let top1 = |answers: &[Vec<f32>]| {
        let right = labels().filter(|(at, label)| predicted(&answers[*at]) == Some(*label));
        share(right.count(), labels().count())
    };
    let teacher = reference.teacher.as_ref();
    let teacher =
        teacher.map(|teacher| row(PrecisionModel::Teacher, top1(teacher), Some(1.0), both));
    let float = row(PrecisionModel::Fp32, top1(logits), both, Some(1.0));
    let files = files.map(|(model, (proof, like_teacher))| {
        row(model, proof.top1, *like_teacher, Some(proof.agreement))
    });
    teacher.into_iter().chain([float]).chain(files).collect()
}

/// By what a trial is chosen: its accuracy, or without labels how often it answers as
/// the network does.
fn value(trial: &QuantTrial) -> f64 {
    trial.top1.unwrap_or(trial.agreement)
}

/// Of the trials with about the greatest value that which answers like the network
/// most often; of these that with the greater value, then with the closer logits.
pub(super) fn best(trials: &[QuantTrial]) -> Option<&QuantTrial> {
    let most = trials.iter().map(value).fold(0.0, f64::max);
    let close = trials
        .iter()
        .filter(|trial| value(trial) > most - SIGNIFICANT);
    let key = |trial: &QuantTrial| [trial.agreement, value(trial), -trial.max_difference];
    close.rev().max_by(|a, b| {
        let sides = key(a).into_iter().zip(key(b));
        sides.fold(Ordering::Equal, |order, (a, b)| order.then(a.total_cmp(&b)))
    })
}

/// The ranges of activations by a scheme.
fn ranges(seen: &[Seen], scheme: QuantScheme) -> Vec<Range> {
    let ranges = seen.iter().map(|seen| seen.range(scheme.activations));
    ranges.collect()
}

/// Bits that a weight may have where engines of this processor compute without
/// overflow. Without VNNI they add two products of 8-bit integers in 16 bits.
#[must_use]
pub fn weight_bits() -> u8 {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if !(is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni")) {
        return 7;
    }
    8
}
