//! The outlines of the ten classes.

use std::f32::consts::{PI, TAU};

/// A class of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Square,
    Triangle,
    Cross,
    Ring,
    Star,
    Crescent,
    Heart,
    Arrow,
    Hourglass,
}

/// Points of the star.
const POINTS: f32 = 5.0;
/// Distance of the star's inner corners from its centre.
const STAR_WAIST: f32 = 0.42;

impl Shape {
    /// All, in the order of the labels.
    pub(super) const ALL: [Self; 10] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Cross,
        Self::Ring,
        Self::Star,
        Self::Crescent,
        Self::Heart,
        Self::Arrow,
        Self::Hourglass,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Circle => "circle",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::Cross => "cross",
            Self::Ring => "ring",
            Self::Star => "star",
            Self::Crescent => "crescent",
            Self::Heart => "heart",
            Self::Arrow => "arrow",
            Self::Hourglass => "hourglass",
        }
    }

    /// Whether the point belongs to the shape. Every shape lies in the unit
    /// circle; y points down.
    pub(super) fn contains(self, x: f32, y: f32) -> bool {
        let radius = squared(x, y).sqrt();
        match self {
            Self::Circle => radius <= 0.85,
            Self::Square => x.abs().max(y.abs()) <= 0.7,
            Self::Triangle => in_polygon(x, y, 3.0, 0.5),
            Self::Cross => x.abs().min(y.abs()) <= 0.24 && x.abs().max(y.abs()) <= 0.95,
            Self::Ring => (0.55..=0.95).contains(&radius),
            Self::Star => in_polygon(x, y, POINTS, STAR_WAIST),
            Self::Crescent => radius <= 0.95 && squared(x - 0.42, y) > 0.72 * 0.72,
            Self::Heart => in_heart(x, y),
            Self::Arrow => {
                let shaft = (-0.95..=0.2).contains(&x) && y.abs() <= 0.17;
                let head = x >= 0.05 && y.abs() <= 0.75 * (0.95 - x);
                shaft || head
            }
            Self::Hourglass => y.abs() <= 0.75 && x.abs() <= 0.06 + 0.75 * y.abs(),
        }
    }
}

/// Whether the point lies in the star whose outer corners are on the unit
/// circle and whose inner corners are `waist` from the centre. A waist of
/// cos(π / points) is a regular polygon: half for a triangle.
fn in_polygon(x: f32, y: f32, points: f32, waist: f32) -> bool {
    // Folded into half a wedge, where one straight edge is left.
    let wedge = TAU / points;
    let angle = x.atan2(-y).rem_euclid(wedge);
    let angle = angle.min(wedge - angle);
    let radius = squared(x, y).sqrt();
    let (along, across) = (radius * angle.cos(), radius * angle.sin());
    let (sine, cosine) = (PI / points).sin_cos();
    let (inner_along, inner_across) = (waist * cosine, waist * sine);
    (1.0 - along) * inner_across >= (1.0 - inner_along) * across
}

/// Two round lobes, and the tangents from them to the tip.
fn in_heart(x: f32, y: f32) -> bool {
    const TIP: f32 = 0.95;
    const LOBE: (f32, f32) = (0.42, -0.3);
    const RADIUS: f32 = 0.48;
    /// Tangent of the angle between the axis and the outer tangent:
    /// atan(0.42 / 1.25) + asin(0.48 / |tip − lobe|), 39.9°.
    const SLOPE: f32 = 0.837;
    /// Square of the tangents' length: 0.42² + 1.25² − 0.48².
    const REACH: f32 = 1.5085;
    let x = x.abs();
    let above_tip = TIP - y;
    let lobe = squared(x - LOBE.0, y - LOBE.1) <= RADIUS * RADIUS;
    lobe || (x <= SLOPE * above_tip && squared(x, above_tip) <= REACH)
}

/// The square of the distance, which costs no root.
fn squared(x: f32, y: f32) -> f32 {
    x * x + y * y
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of a grid over [−1.2, 1.2]²; 2827 of them are in the unit circle.
    fn grid() -> impl Iterator<Item = (f32, f32)> {
        let place = |step: u16| f32::from(step) / 30.0 - 1.2;
        (0..=72).flat_map(move |row| (0..=72).map(move |column| (place(column), place(row))))
    }

    #[test]
    fn every_shape_lies_in_the_unit_circle_and_fills_a_fair_part_of_it() {
        for shape in Shape::ALL {
            let inside: Vec<(f32, f32)> = grid().filter(|&(x, y)| shape.contains(x, y)).collect();
            assert!(
                inside.iter().all(|(x, y)| x.hypot(*y) <= 1.001),
                "{shape:?}"
            );
            assert!(
                (560..2_200).contains(&inside.len()),
                "{shape:?}: {}",
                inside.len()
            );
        }
    }

    #[test]
    fn no_two_shapes_are_alike_at_any_angle() {
        for (index, first) in Shape::ALL.iter().enumerate() {
            for second in &Shape::ALL[index + 1..] {
                for turn in 0_u8..16 {
                    let (sine, cosine) = (TAU * f32::from(turn) / 16.0).sin_cos();
                    let differing = grid()
                        .filter(|&(x, y)| {
                            first.contains(x, y)
                                != second.contains(cosine * x - sine * y, sine * x + cosine * y)
                        })
                        .count();
                    // A sixteenth of the unit circle.
                    assert!(differing > 176, "{first:?} and {second:?}: {differing}");
                }
            }
        }
    }
}
