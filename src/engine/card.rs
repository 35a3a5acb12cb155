//! What must be known of a model to use its weights elsewhere. Written beside
//! them as `model.json`.

use serde::Serialize;

use super::prepare::Prepared;
use crate::event::Phase;
use crate::experiment::model::Model;

/// Name of the file.
pub const CARD: &str = "model.json";

/// A model's layout and what goes into it: RGB values in [0, 1], less `mean`,
/// divided by `std`.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
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
}

impl Card {
    /// The card of the experiment's model of that phase; the student's if there
    /// is no teacher.
    #[must_use]
    pub fn of(prepared: &Prepared, phase: Phase) -> Self {
        let images = prepared.images.summary();
        let teacher = prepared.plan.teacher.as_ref();
        let model = match (phase, teacher) {
            (Phase::Teacher, Some(teacher)) => &teacher.model,
            _ => &prepared.plan.student,
        };
        Self {
            name: prepared.name(phase).to_owned(),
            model: model.clone(),
            classes: images.classes,
            size: images.size,
            mean: images.mean,
            std: images.std,
        }
    }
}
