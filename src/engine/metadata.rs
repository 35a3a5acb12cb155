//! What must be known of a model to use its weights: `model.json`, beside every
//! file of weights.
//!
//! Classes, size, mean and deviation belong to the weights. Whoever uses them
//! reads these and derives none of it again: neither the journal nor the images
//! need be there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::DataSummary;
use crate::experiment::model::Model;

/// Name of the file.
pub const METADATA: &str = "model.json";

/// A model's layout and what goes into it: RGB values in [0, 1], less `mean`,
/// divided by `std`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// Layout, for people; it tells which stem was built.
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

    /// Whether images are made ready for both in the same way.
    #[must_use]
    pub fn shares_input_with(&self, other: &Self) -> bool {
        (&self.classes, self.size, self.mean, self.std)
            == (&other.classes, other.size, other.mean, other.std)
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
