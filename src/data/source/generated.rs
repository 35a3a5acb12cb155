//! Generated pictures of shapes as a source.

use image::RgbImage;

use super::{Found, Origin};
use crate::data::shapes;
use crate::experiment::spec::Shapes;

/// Lists the pictures without drawing them: a label is the index modulo the
/// number of classes.
pub(super) fn find(spec: &Shapes) -> Found {
    let labels = (0..spec.count).map(|index| index % spec.classes.max(1));
    Found::outside_folders(
        shapes::class_names(spec),
        labels.collect(),
        Origin::Generated(spec.clone()),
    )
}

/// One picture, [size, size], and its label.
pub(super) fn render(spec: &Shapes, index: u32) -> (RgbImage, u32) {
    shapes::render(spec, index)
}

/// All that a picture is a function of.
pub(super) fn recipe(spec: &Shapes, index: u32) -> Vec<u8> {
    // The number of pictures changes none of them.
    let Shapes {
        classes,
        count: _,
        size,
        difficulty,
        seed,
    } = spec;
    let mut recipe = seed.to_le_bytes().to_vec();
    for number in [index, *classes, *size, difficulty.to_bits()] {
        recipe.extend(number.to_le_bytes());
    }
    recipe
}

#[cfg(test)]
mod tests {
    use super::{Shapes, find, render};

    #[test]
    fn labels_that_are_listed_are_those_that_are_drawn() {
        let spec = Shapes {
            classes: 3,
            count: 10,
            size: 8,
            difficulty: 0.5,
            seed: 1,
        };
        let found = find(&spec);
        assert_eq!(found.classes.len(), 3);
        for (index, &label) in (0..).zip(&found.labels) {
            assert_eq!(render(&spec, index).1, label);
        }
    }
}
