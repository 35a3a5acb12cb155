//! Generated pictures of shapes.

use image::RgbImage;

use crate::experiment::spec::Shapes;

/// The picture and label of `index`.
#[must_use]
pub fn render(spec: &Shapes, index: u32) -> (RgbImage, u32) {
    (RgbImage::new(spec.size, spec.size), index % spec.classes)
}

/// Names of the classes, in the order of the labels.
#[must_use]
pub fn class_names(spec: &Shapes) -> Vec<String> {
    (0..spec.classes).map(|class| class.to_string()).collect()
}
