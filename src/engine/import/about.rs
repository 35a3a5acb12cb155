//! What is known of weights beside their arrays: the metadata of a safetensors
//! file, and the `model.json` that lies beside weights that were trained here.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ImportError;
use crate::engine::metadata::{self, METADATA, ModelMetadata};
use crate::engine::weights::ArrayFile;
use crate::experiment::architecture;
use crate::experiment::model::{Model, Stem};
use crate::experiment::problem::Problem;
use crate::untrusted::{Show as _, is_absent, read_text_limited};

/// Longest text that is read, bytes. The names of a hundred thousand classes take
/// a tenth of it.
const LONGEST: u64 = 16 << 20;

/// What is known of weights.
#[derive(Debug, Default)]
pub struct About {
    /// Names of the classes in the order of the outputs.
    pub classes: Option<Sourced<Vec<String>>>,
    /// Height and width of the images, pixels.
    pub size: Option<Sourced<(u32, u32)>>,
    /// Mean and standard deviation of the images' values in [0, 1].
    pub normalization: Option<Sourced<([f32; 3], [f32; 3])>>,
    /// Whether the file and `model.json` name other classes.
    pub classes_differ: bool,
    /// The first layers that the weights were trained with.
    pub stem: Option<Sourced<Stem>>,
}

/// Something that is known of weights, and who says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// What.
    pub value: T,
    /// Who, for people.
    pub by: &'static str,
}

const IN_FILE: &str = "the file's metadata";
const BESIDE: &str = "model.json beside the weights";

/// What one source says of weights.
#[derive(Default)]
struct Stated {
    classes: Option<Vec<String>>,
    size: Option<(u32, u32)>,
    normalization: Option<([f32; 3], [f32; 3])>,
    model: Option<Model>,
}

impl About {
    /// Of each thing, what the file says of itself, else what `model.json` beside it
    /// says; and what a person should know of it. `model` is the experiment's.
    pub fn of(file: &ArrayFile, model: &Model) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        let own = Stated::in_file(file.about(), Some(model), &mut notes);
        let beside = match beside_of(&file.path().with_file_name(METADATA)) {
            Ok(None) => Stated::default(),
            Ok(Some(metadata)) => Stated::beside(metadata, model, &mut notes),
            Err(reason) => {
                notes.push(format!("{METADATA} beside its weights: {reason}"));
                Stated::default()
            }
        };
        let about = Self::merged(own, beside, &mut notes);
        (about, notes)
    }

    /// What a file's metadata says where nothing lies beside it, and what a person
    /// should know of it.
    pub fn of_metadata(metadata: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        let own = Stated::in_file(metadata, None, &mut notes);
        let about = Self::merged(own, Stated::default(), &mut notes);
        (about, notes)
    }

    fn merged(own: Stated, beside: Stated, notes: &mut Vec<String>) -> Self {
        let mut differing = Vec::new();
        let classes = first(own.classes, beside.classes, "classes", &mut differing);
        let size = first(own.size, beside.size, "size", &mut differing);
        let normalization = first(
            own.normalization,
            beside.normalization,
            "mean and std",
            &mut differing,
        );
        let stem = |model: Option<Model>| {
            let size = size.as_ref()?.value;
            architecture::settled(&model?, size).stem()
        };
        let stem = first(stem(own.model), stem(beside.model), "stem", &mut differing);
        let classes_differ = differing.contains(&"classes");
        // Differing classes are refused where classes are matched.
        for name in differing.iter().filter(|name| **name != "classes") {
            notes.push(format!(
                "`{name}` in its file's metadata is not that in {METADATA} beside it; the file's is \
                 taken"
            ));
        }
        Self {
            classes,
            size,
            normalization,
            classes_differ,
            stem,
        }
    }
}

/// What the file says, else what lies beside it. Where both say something else, the
/// name is added to those that differ.
fn first<T: PartialEq>(
    own: Option<T>,
    beside: Option<T>,
    name: &'static str,
    differing: &mut Vec<&'static str>,
) -> Option<Sourced<T>> {
    if own.is_some() && beside.is_some() && own != beside {
        differing.push(name);
    }
    let own = own.map(|value| Sourced { value, by: IN_FILE });
    own.or_else(|| beside.map(|value| Sourced { value, by: BESIDE }))
}

impl Stated {
    /// What a file's metadata says; of its layout only if `model` is that of the
    /// experiment.
    fn in_file(
        file: &BTreeMap<String, String>,
        model: Option<&Model>,
        notes: &mut Vec<String>,
    ) -> Self {
        let mut entry = Entries { file, notes };
        let normalization: Option<([f32; 3], [f32; 3])> =
            match (entry.read("mean"), entry.read("std")) {
                (Some(mean), Some(std)) => entry.usable("std", (mean, std), |(mean, std)| {
                    metadata::check_normalization(mean, std)
                }),
                (None, None) => None,
                (Some(_), None) => entry.lacks("mean", "std"),
                (None, Some(_)) => entry.lacks("std", "mean"),
            };
        let size = entry.read("size");
        let size = size.and_then(|size| entry.usable("size", size, |it| metadata::check_size(*it)));
        let classes = entry.read("classes");
        let classes = classes.and_then(|classes: Vec<String>| {
            entry.usable("classes", classes, |it| metadata::check_classes(it))
        });
        let known = model.and_then(|model| Some((entry.read::<Model>("model")?, model)));
        let model = known.and_then(|(known, model)| {
            entry.usable("model", known, |known| {
                if same_layout(known, model) {
                    return Ok(());
                }
                let name = architecture::describe(known);
                Err(format!("it is another model ({name})"))
            })
        });
        Self {
            classes,
            size,
            normalization,
            model,
        }
    }

    fn beside(known: ModelMetadata, model: &Model, notes: &mut Vec<String>) -> Self {
        if !same_layout(&known.model, model) {
            notes.push(format!(
                "{METADATA} beside its weights is of another model ({}) and is ignored",
                architecture::describe(&known.model)
            ));
            return Self::default();
        }
        Self {
            model: Some(known.model),
            classes: Some(known.classes),
            size: Some(known.size),
            normalization: Some((known.mean, known.std)),
        }
    }
}

/// Whether two models differ in their first layers at most.
fn same_layout(one: &Model, other: &Model) -> bool {
    one.with_stem(Stem::Auto) == other.with_stem(Stem::Auto)
}

/// The entries of a file's metadata, each of which is JSON in a text. Those that
/// cannot be used are reported.
struct Entries<'a> {
    file: &'a BTreeMap<String, String>,
    notes: &'a mut Vec<String>,
}

impl Entries<'_> {
    fn read<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let text = self.file.get(name)?;
        let read = serde_json::from_str(text);
        read.map_err(|error| self.leave(name, &format!("cannot be read: {error}")))
            .ok()
    }

    fn usable<T>(
        &mut self,
        name: &str,
        value: T,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Option<T> {
        let checked = check(&value);
        checked
            .map_err(|reason| self.leave(name, &format!("cannot be used: {reason}")))
            .ok()?;
        Some(value)
    }

    /// Of two entries that only make sense together, one.
    fn lacks<T>(&mut self, name: &str, other: &str) -> Option<T> {
        // One that is there and cannot be read was reported.
        if !self.file.contains_key(other) {
            self.leave(name, &format!("cannot be used without `{other}`"));
        }
        None
    }

    fn leave(&mut self, name: &str, why: &str) {
        self.notes.push(format!(
            "`{name}` in its file's metadata is ignored; it {why}"
        ));
    }
}

/// What `model.json` says; none if there is none.
fn beside_of(path: &Path) -> Result<Option<ModelMetadata>, String> {
    // A link that leads nowhere is there.
    if let Err(error) = path.symlink_metadata()
        && is_absent(&error)
    {
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
            format!("{}: {reason}", path.shown()),
        )
        .help("write one name a line, in the order of the outputs")
    };
    let text = read_text_limited(path, LONGEST).map_err(|error| problem(error.to_string()))?;
    let text = text.trim_start_matches('\u{feff}');
    let names = if text.trim_start().starts_with(['[', '{']) {
        match serde_json::from_str(text) {
            Ok(Listed::Names(names) | Listed::Metadata { classes: names }) => names,
            Err(_) => {
                let reason = "it is not a JSON list of names, and has no `classes`";
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
