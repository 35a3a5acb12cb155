//! Generated pictures: one shape on a cluttered, noisy background.
//!
//! A set for trying the workbench without files, and for tests that train. The
//! class is in the outline alone: place, size, angle and colours are drawn
//! without looking at it, and the shape is as often darker than its background
//! as brighter, so that no pixel says anything about the class by itself and a
//! linear model stays near chance. A picture is a function of the seed and its
//! index; nothing is stored, and pictures can be made in any order.

mod outline;
mod scene;

use image::RgbImage;

use self::outline::Shape;
use self::scene::Scene;
use crate::data::stream::keyed;
use crate::experiment::spec::Shapes;

/// Says what a stream of pictures is for.
const PICTURE: &str = "shapes/1";

/// The picture of this index, `size` × `size`, and its label, index modulo
/// classes. Any index can be rendered; a set is those below `count`.
#[must_use]
pub fn render(spec: &Shapes, index: u32) -> (RgbImage, u32) {
    let label = index % spec.classes.max(1);
    let shape = Shape::ALL[label as usize % Shape::ALL.len()];
    let mut key = [0; 12];
    key[..8].copy_from_slice(&spec.seed.to_le_bytes());
    key[8..].copy_from_slice(&index.to_le_bytes());
    let mut rng = keyed(PICTURE, &key);
    let scene = Scene::draw(shape, spec.difficulty, &mut rng);
    (scene.render(spec.size, &mut rng), label)
}

/// Names of the classes, in the order of the labels.
#[must_use]
pub fn class_names(spec: &Shapes) -> Vec<String> {
    Shape::ALL
        .iter()
        .take(spec.classes as usize)
        .map(|shape| shape.name().to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
