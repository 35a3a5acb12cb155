//! What must be known of a model to use its weights: `model.json`, beside every
//! file of weights.
//!
//! Classes, size, mean and std belong to the weights. Their users
//! read these and derive none of it again: neither the journal nor the images
//! need be there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::DataSummary;
use crate::experiment::model::Model;
use crate::experiment::plan::SIDES;

/// Name of the file.
pub const METADATA: &str = "model.json";

/// A standard deviation below this is none that images have: dividing by it leaves
/// nothing of them.
const SMALLEST_STD: f32 = 1e-6;

/// A model's layout and what goes into it: RGB values in [0, 1], less `mean`,
/// divided by `std`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// Layout, for people; it names which stem was built.
    pub name: String,
    /// Layout, as an experiment writes it.
    pub model: Model,
    /// Names of the classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// Height and width of its images, pixels.
    pub size: (u32, u32),
    /// Mean of each channel.
    pub mean: [f32; 3],
    /// Standard deviation of each channel.
    pub std: [f32; 3],
    /// How long the weights were trained; absent where they were not trained
    /// here, or by a program that did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained: Option<Trained>,
}

/// How long weights were trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// Steps completed.
    pub step: u64,
    /// Epochs completed.
    pub epoch: f64,
}

impl ModelMetadata {
    /// Of a model with this layout that is trained on these images.
    #[must_use]
    pub fn new(name: &str, model: &Model, data: &DataSummary) -> Self {
        Self {
            name: name.to_owned(),
            model: model.clone(),
            classes: data.classes.clone(),
            size: data.size,
            mean: data.mean,
            std: data.std,
            trained: None,
        }
    }

    /// What `model.json` holds.
    ///
    /// # Errors
    /// Why it cannot be used: it is something else, or no model can be like that.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let known: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        check_size(known.size)?;
        check_classes(&known.classes)?;
        check_normalization(&known.mean, &known.std)?;
        Ok(known)
    }

    /// That weights say the same of themselves, as far as they say anything.
    ///
    /// # Errors
    /// What differs.
    pub fn check_against(&self, stated: &BTreeMap<String, String>) -> Result<(), String> {
        let value = |text: &String| serde_json::from_str::<serde_json::Value>(text).ok();
        for (name, text) in self.texts() {
            let other = stated.get(&name).and_then(value);
            if name != "model" && other.is_some_and(|other| value(&text) != Some(other)) {
                return Err(format!(
                    "its `{name}` is not that in the metadata of the weights beside it; one of the \
                     two was changed: restore both from a copy"
                ));
            }
        }
        Ok(())
    }

    /// Images as the model wants them, of which there are none.
    #[must_use]
    pub fn summary(&self) -> DataSummary {
        DataSummary {
            classes: self.classes.clone(),
            size: self.size,
            mean: self.mean,
            std: self.std,
            ..DataSummary::default()
        }
    }

    /// What a file of weights says of itself, each in JSON: what must be known to
    /// use it where `model.json` is no longer beside it.
    #[must_use]
    pub fn texts(&self) -> BTreeMap<String, String> {
        let known = [
            ("model", serde_json::to_string(&self.model)),
            ("classes", serde_json::to_string(&self.classes)),
            ("size", serde_json::to_string(&self.size)),
            ("mean", serde_json::to_string(&self.mean)),
            ("std", serde_json::to_string(&self.std)),
        ];
        known
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), text.ok()?)))
            .collect()
    }

    /// The same, of weights with this much training behind them.
    #[must_use]
    pub fn after(&self, trained: Trained) -> Self {
        Self {
            trained: Some(trained),
            ..self.clone()
        }
    }
}

/// That images can have this height and width.
///
/// # Errors
/// Why they cannot.
pub(super) fn check_size((height, width): (u32, u32)) -> Result<(), String> {
    if SIDES.contains(&height) && SIDES.contains(&width) {
        return Ok(());
    }
    Err(format!(
        "a size of {height} × {width} is not between {} and {} pixels",
        SIDES.start(),
        SIDES.end()
    ))
}

/// That no class is there twice.
///
/// # Errors
/// The one that is.
pub(super) fn check_classes(classes: &[String]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    match classes.iter().find(|name| !names.insert(*name)) {
        Some(twice) => Err(format!("the class `{twice}` is listed twice")),
        None => Ok(()),
    }
}

/// That images can have this mean and std.
///
/// # Errors
/// Why they cannot.
pub(super) fn check_normalization(mean: &[f32; 3], std: &[f32; 3]) -> Result<(), String> {
    let is_deviation = |value: &f32| value.is_finite() && *value >= SMALLEST_STD;
    if mean.iter().all(|value| value.is_finite()) && std.iter().all(is_deviation) {
        return Ok(());
    }
    Err(format!(
        "mean {mean:?} and std {std:?} are no normalization: each std is at least {SMALLEST_STD}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> ModelMetadata {
        ModelMetadata {
            name: "MLP".to_owned(),
            model: Model::Mlp { hidden: vec![4] },
            classes: vec!["ant".to_owned(), "bee".to_owned()],
            size: (8, 8),
            mean: [0.5; 3],
            std: [0.25; 3],
            trained: None,
        }
    }

    fn read(change: impl FnOnce(&mut ModelMetadata)) -> Result<ModelMetadata, String> {
        let mut known = known();
        change(&mut known);
        ModelMetadata::read(&serde_json::to_vec(&known).unwrap())
    }

    #[test]
    fn what_no_model_can_be_like_is_refused_before_anything_is_built() {
        assert_eq!(read(|_| {}), Ok(known()));
        for (change, reason) in [
            (
                (|it| it.size = (8, 100_000)) as fn(&mut ModelMetadata),
                "a size of 8 × 100000 is not between 4 and 4096 pixels",
            ),
            (|it| it.size = (0, 8), "a size of 0 × 8"),
            (
                |it| it.classes[0] = "bee".to_owned(),
                "the class `bee` is listed twice",
            ),
            (|it| it.std[1] = 0.0, "are no normalization"),
            (|it| it.std[1] = -1.0, "are no normalization"),
            (|it| it.std[2] = 1e-30, "are no normalization"),
        ] {
            let found = read(change).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
    }

    #[test]
    fn metadata_that_contradicts_the_weights_is_reported() {
        let stated = known().texts();
        assert_eq!(known().check_against(&stated), Ok(()));
        assert_eq!(known().check_against(&BTreeMap::new()), Ok(()));
        let mut other = known();
        other.classes.reverse();
        let found = other.check_against(&stated).unwrap_err();
        assert!(found.starts_with("its `classes` is not that"), "{found}");
    }
}
