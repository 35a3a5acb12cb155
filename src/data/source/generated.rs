//! Generated pictures of shapes as a source.

use image::RgbImage;

use super::{Found, Origin};
use crate::data::standin::shapes;
use crate::experiment::spec::Shapes;

/// Lists the pictures. The label of a picture comes with drawing it, so that
/// drawing alone decides it; a picture takes some tens of microseconds.
pub(super) fn find(spec: &Shapes) -> Found {
    Found {
        classes: shapes::class_names(spec),
        labels: (0..spec.count).map(|index| render(spec, index).1).collect(),
        origin: Origin::Generated(spec.clone()),
    }
}

/// One picture, [size, size], and its label.
pub(super) fn render(spec: &Shapes, index: u32) -> (RgbImage, u32) {
    shapes::render(spec, index)
}
