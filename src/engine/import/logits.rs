//! Teachers whose answers were computed elsewhere: a safetensors file with logits,
//! each beside the hash of the image that it answers.
//!
//! ```text
//! images    u8 [n, 32]            BLAKE3 of the bytes of an image file
//! logits    f32 or f16 [n, class]
//! metadata  classes (JSON), as everywhere; scores: "logits" or "probabilities"
//! ```

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::about::About;
use super::{DataInput, ImportError, Note, TEACHER, matched, named_classes};
use crate::engine::kept_answers::KeptAnswers;
use crate::engine::weights::{Element, Values};
use crate::experiment::plan::{KeptAnswersPart, TeacherFile};
use crate::experiment::problem::Problem;
use crate::experiment::spec::Scores;
use crate::format::count;
use crate::untrusted::{Show as _, read_limited};

/// Bytes of the largest file that is read: it is held in memory.
const LARGEST: u64 = 2 << 30;

/// A probability that is no logarithm's argument is taken for this one.
const SMALLEST: f32 = 1e-12;

/// How far from 1 the probabilities of an image are in all, at most, as half precision
/// rounds them.
const SUM_OF_PROBABILITIES: f32 = 0.02;

/// What a file holds, as it is written.
struct Contents {
    about: BTreeMap<String, String>,
    hashes: Vec<[u8; 32]>,
    logits: Vec<f32>,
    classes: usize,
}

impl Contents {
    fn read(path: &Path) -> Result<Self, ImportError> {
        let unusable = |reason: String| unusable(path, &reason);
        let bytes = read_limited(path, LARGEST).map_err(|error| unusable(error.to_string()))?;
        let arrays = SafeTensors::deserialize(&bytes)
            .map_err(|error| unusable(format!("is not a safetensors file: {error}")))?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| unusable(format!("is not a safetensors file: {error}")))?;
        let about = metadata.metadata().clone().unwrap_or_default();
        let array = |name: &str| {
            let found = arrays.tensor(name);
            found.map_err(|_| unusable(format!("has no array `{name}`; {MADE_BY}")))
        };
        let (images, logits) = (array("images")?, array("logits")?);
        let ([count, 32], Dtype::U8) = (images.shape(), images.dtype()) else {
            let reason = format!("its array `images` is not uint8 [n, 32]; {MADE_BY}");
            return Err(unusable(reason));
        };
        let [rows, classes] = *logits.shape() else {
            return Err(unusable(
                "its array `logits` is not [n, classes]".to_owned(),
            ));
        };
        if rows != *count || classes == 0 {
            return Err(unusable(format!(
                "it has {rows} rows of {classes} logits for {count} images"
            )));
        }
        let values = match logits.dtype() {
            Dtype::F32 => Element::F32.decode(logits.data()),
            Dtype::F16 => Element::F16.decode(logits.data()),
            other => {
                return Err(unusable(format!(
                    "its logits are {other:?}; write them as float32 or float16"
                )));
            }
        };
        let Values::F32(values) = values else {
            return Err(unusable("its logits are not floats".to_owned()));
        };
        Ok(Self {
            about: about.into_iter().collect(),
            hashes: images.data().as_chunks().0.to_vec(),
            logits: values,
            classes,
        })
    }

    fn scores(&self, path: &Path) -> Result<Scores, ImportError> {
        match self.about.get("scores").map(String::as_str) {
            None | Some("logits") => Ok(Scores::Logits),
            Some("probabilities") => Ok(Scores::Probabilities),
            Some(other) => Err(unusable(
                path,
                &format!("its metadata say scores `{other}`; they are logits or probabilities"),
            )),
        }
    }
}

const MADE_BY: &str = "scripts/make-logits writes such files";

fn unusable(path: &Path, reason: &str) -> ImportError {
    Problem::new(
        "teacher.weights",
        format!("{} cannot be used: {reason}", path.shown()),
    )
    .into()
}

/// Writes into a plan what a file of answers decides.
pub fn settle(
    file: &mut TeacherFile,
    data: &DataInput,
    notes: &mut Vec<Note>,
) -> Result<(), ImportError> {
    let contents = Contents::read(file.path())?;
    let (about, remarks) = About::of_metadata(&contents.about);
    notes.extend(TEACHER.warnings(&remarks));
    let classes = named_classes(file, data, &about, notes)?;
    matched(file, classes, contents.classes, data, notes)?;
    notes.push(TEACHER.note(&format!(
        "its logits are in a file, for {} images as they are",
        count(contents.hashes.len())
    )));
    let scores = file.kept.as_ref().and_then(|kept| kept.scores);
    let scores = match scores {
        Some(scores) => scores,
        None => contents.scores(file.path())?,
    };
    file.kept = Some(KeptAnswersPart {
        scores: Some(scores),
        images: contents.hashes.len(),
    });
    Ok(())
}

/// The answers of a settled plan.
pub fn read(file: &TeacherFile) -> Result<KeptAnswers, ImportError> {
    let contents = Contents::read(file.path())?;
    let scores = file.kept.as_ref().and_then(|kept| kept.scores);
    let logit = |score: f32| match scores {
        Some(Scores::Probabilities) => score.max(SMALLEST).ln(),
        Some(Scores::Logits) | None => score,
    };
    let taken = file.weights.taken.as_ref();
    let taken = taken.and_then(|taken| taken.outputs.clone());
    let taken = taken.unwrap_or_else(|| (0..contents.classes).collect());
    if taken.iter().any(|&output| output >= contents.classes) {
        let reason = format!("it has {} logits an image only", contents.classes);
        return Err(unusable(file.path(), &reason));
    }
    let is_probability = |score: &f32| (-0.001..=1.001).contains(score);
    if scores == Some(Scores::Probabilities)
        && let Some(score) = contents.logits.iter().find(|score| !is_probability(score))
    {
        let reason = format!("it gives {score}, which is not a probability; write scores: Logits");
        return Err(unusable(file.path(), &reason));
    }
    let is_distribution =
        |row: &&[f32]| (row.iter().sum::<f32>() - 1.0).abs() <= SUM_OF_PROBABILITIES;
    let mut whole = contents.logits.chunks_exact(contents.classes);
    if scores == Some(Scores::Probabilities)
        && let Some(at) = whole.position(|row| !is_distribution(&row))
    {
        let hash = contents.hashes.get(at).copied().unwrap_or_default();
        let hash = blake3::Hash::from_bytes(hash).to_hex();
        let reason = format!(
            "the probabilities of the image {hash} are not 1 in all; write softmax outputs, or \
             scores: Logits"
        );
        return Err(unusable(file.path(), &reason));
    }
    let mut rows = HashMap::with_capacity(contents.hashes.len());
    let written = contents.logits.chunks_exact(contents.classes);
    for (hash, row) in contents.hashes.iter().zip(written) {
        let row: Vec<f32> = taken.iter().map(|&output| logit(row[output])).collect();
        if rows
            .insert(*hash, row.clone())
            .is_some_and(|before| before != row)
        {
            let hash = blake3::Hash::from_bytes(*hash).to_hex();
            let reason = format!("it has two different rows for the image {hash}");
            return Err(unusable(file.path(), &reason));
        }
    }
    Ok(KeptAnswers::new(file.path(), rows))
}
