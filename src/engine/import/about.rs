//! What is known of weights beside their arrays: the metadata of a safetensors
//! file, and the `model.json` that lies beside weights that were trained here.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ImportError;
use crate::engine::metadata::{METADATA, ModelMetadata};
use crate::engine::weights::ArrayFile;
use crate::experiment::architecture;
use crate::experiment::model::{Model, Stem};
use crate::experiment::problem::Problem;
use crate::untrusted::read_text_limited;

/// Longest text that is read, bytes. The names of a hundred thousand classes take
/// a tenth of it.
const LONGEST: u64 = 16 << 20;

/// What is known of weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// Names of the classes in the order of the outputs.
    pub classes: Option<Vec<String>>,
    /// Height and width of the images, pixels.
    pub size: Option<(u32, u32)>,
    /// Mean and standard deviation of the images' values in [0, 1].
    pub normalization: Option<([f32; 3], [f32; 3])>,
    /// The layout, with the first layers that were built.
    model: Option<Model>,
    /// Whether the file itself says it, and not `model.json`.
    in_file: bool,
}

impl About {
    /// What the file says of itself, else what `model.json` beside it says; and
    /// what a person should know of it. `model` is the experiment's.
    pub fn of(file: &ArrayFile, model: &Model) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        let own = Self::in_file(file, model, &mut notes);
        if own != Self::default() {
            let in_file = true;
            return (Self { in_file, ..own }, notes);
        }
        let beside = file.path().with_file_name(METADATA);
        let about = match beside_of(&beside) {
            Ok(None) => Self::default(),
            Ok(Some(metadata)) => Self::of_metadata(metadata, model, &mut notes),
            Err(reason) => {
                notes.push(format!(
                    "{METADATA} beside its weights says nothing of them: {reason}"
                ));
                Self::default()
            }
        };
        (about, notes)
    }

    /// What an ONNX file's metadata says, and what a person should know of it.
    pub fn of_onnx(metadata: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        let mean: Option<[f32; 3]> = entry(metadata, "mean", &mut notes);
        let std: Option<[f32; 3]> = entry(metadata, "std", &mut notes);
        let about = Self {
            classes: entry(metadata, "classes", &mut notes),
            size: entry(metadata, "size", &mut notes),
            normalization: mean.zip(std).filter(|(_, std)| usable(std)),
            model: None,
            in_file: true,
        };
        (about, notes)
    }

    fn in_file(file: &ArrayFile, model: &Model, notes: &mut Vec<String>) -> Self {
        let file = file.about();
        let size: Option<(u32, u32)> = entry(file, "size", notes);
        let mean: Option<[f32; 3]> = entry(file, "mean", notes);
        let std: Option<[f32; 3]> = entry(file, "std", notes);
        let known: Option<Model> = entry(file, "model", notes);
        let model = known
            .filter(|known| same_layout(known, model))
            .zip(size)
            .map(|(known, size)| architecture::settled(&known, size));
        Self {
            classes: entry(file, "classes", notes),
            size,
            normalization: mean.zip(std).filter(|(_, std)| usable(std)),
            model,
            in_file: false,
        }
    }

    fn of_metadata(known: ModelMetadata, model: &Model, notes: &mut Vec<String>) -> Self {
        if !same_layout(&known.model, model) {
            notes.push(format!(
                "{METADATA} beside its weights is of another model ({}) and is left aside",
                architecture::describe(&known.model)
            ));
            return Self::default();
        }
        Self {
            model: Some(architecture::settled(&known.model, known.size)),
            classes: Some(known.classes),
            size: Some(known.size),
            normalization: Some((known.mean, known.std)).filter(|(_, std)| usable(std)),
            in_file: false,
        }
    }

    /// The first layers that the weights were trained with, where that is known.
    pub fn stem(&self) -> Option<Stem> {
        self.model.as_ref()?.stem()
    }

    /// Who says it.
    pub fn source(&self) -> &'static str {
        if self.in_file {
            "the file's metadata"
        } else {
            "model.json beside the weights"
        }
    }
}

/// Whether two models differ in their first layers at most.
fn same_layout(one: &Model, other: &Model) -> bool {
    one.with_stem(Stem::Auto) == other.with_stem(Stem::Auto)
}

fn usable(std: &[f32; 3]) -> bool {
    std.iter().all(|value| value.is_finite() && *value > 0.0)
}

/// An entry of a file's metadata, which is JSON in a text.
fn entry<T: DeserializeOwned>(
    metadata: &BTreeMap<String, String>,
    name: &str,
    notes: &mut Vec<String>,
) -> Option<T> {
    let text = metadata.get(name)?;
    serde_json::from_str(text)
        .inspect_err(|error| {
            notes.push(format!(
                "`{name}` in its file's metadata cannot be read and is left aside: {error}"
            ));
        })
        .ok()
}

/// What `model.json` says; none if there is none.
fn beside_of(path: &Path) -> Result<Option<ModelMetadata>, String> {
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text_limited(path, LONGEST).map_err(|error| error.to_string())?;
    ModelMetadata::read(text.as_bytes())
        .map(Some)
        .map_err(|error| format!("it cannot be used ({error})"))
}

/// What a JSON file of class names holds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Names(Vec<String>),
    Metadata { classes: Vec<String> },
}

/// The names in a file that an experiment names.
///
/// # Errors
/// It cannot be read, has no names, or has one twice.
pub fn class_names(path: &Path) -> Result<Vec<String>, ImportError> {
    let problem = |reason: String| {
        Problem::new(
            "teacher.classes.File",
            format!("{}: {reason}", path.display()),
        )
        .help("write one name a line, in the order of the outputs")
    };
    let text = read_text_limited(path, LONGEST).map_err(|error| problem(error.to_string()))?;
    let text = text.trim_start_matches('\u{feff}');
    let names = if text.trim_start().starts_with(['[', '{']) {
        match serde_json::from_str(text) {
            Ok(Listed::Names(names) | Listed::Metadata { classes: names }) => names,
            Err(_) => {
                let reason = "it is no list of names in JSON, and has no `classes`";
                return Err(problem(reason.to_owned()).into());
            }
        }
    } else {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    if names.is_empty() {
        return Err(problem("it has no names".to_owned()).into());
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    if let Some([twice, ..]) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(problem(format!("`{twice}` is in it twice")).into());
    }
    Ok(names)
}
