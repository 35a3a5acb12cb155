//! Where the names of points stand, so that none lies on another, on a point or, where
//! that can be, on a line.

use std::collections::BTreeMap;

use crate::format::width_of;
use crate::listing::ParetoPoint;

/// Width and height of a letter, pixels.
pub(super) const LETTER: (f64, f64) = (7.3, 14.0);

/// Pixels that a point takes around its place.
const POINT: f64 = 7.0;

/// How far a label may stand from its point, pixels.
const RADII: [f64; 5] = [11.0, 20.0, 32.0, 48.0, 68.0];

/// Directions in which a label is tried, the best first; up is negative.
const DIRECTIONS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (1.0, -0.8),
    (1.0, 0.8),
    (0.0, -1.0),
    (0.0, 1.0),
    (-1.0, -0.8),
    (-1.0, 0.8),
    (-1.0, 0.0),
];

/// A rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A label and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) place: Place,
    /// The point that it belongs to, if it stands so far from it that a line is wanted.
    pub(super) of: Option<(f64, f64)>,
}

impl Place {
    /// Of a text whose upper left corner is here.
    pub(super) fn of_text(text: &str, left: f64, top: f64) -> Self {
        Self {
            left,
            top,
            right: left + width_of(text) as f64 * LETTER.0,
            bottom: top + LETTER.1,
        }
    }

    fn around((x, y): (f64, f64)) -> Self {
        Self {
            left: x - POINT,
            top: y - POINT,
            right: x + POINT,
            bottom: y + POINT,
        }
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn is_within(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.right <= other.right
            && self.top >= other.top
            && self.bottom <= other.bottom
    }
}

/// Places a label for each point, inside of `within`, beside what is `taken` and off
/// the `lines`, thin rectangles. A point in a crowd may go without.
pub(super) fn placed(
    points: &[((f64, f64), String)],
    within: &Place,
    taken: &[Place],
    lines: &[Place],
) -> Vec<Label> {
    let mut taken = taken.to_vec();
    taken.extend(points.iter().map(|(at, _)| Place::around(*at)));
    let mut labels = Vec::new();
    for (at, text) in points {
        let candidates = candidates(*at, text);
        let is_free = |place: &Place| {
            place.is_within(within) && !taken.iter().any(|other| place.meets(other))
        };
        let is_off = |place: &Place| !lines.iter().any(|line| place.meets(line));
        let free: Vec<&(f64, Place)> = candidates
            .iter()
            .filter(|(_, place)| is_free(place))
            .collect();
        let best = free.iter().find(|(_, place)| is_off(place));
        if let Some((radius, place)) = best.or(free.first()) {
            taken.push(*place);
            labels.push(Label {
                text: text.clone(),
                place: *place,
                of: (*radius > RADII[0]).then_some(*at),
            });
        }
    }
    labels
}

fn candidates((x, y): (f64, f64), text: &str) -> Vec<(f64, Place)> {
    let width = width_of(text) as f64 * LETTER.0;
    let all = RADII.into_iter().flat_map(|radius| {
        DIRECTIONS.into_iter().map(move |(across, down)| {
            let left = match across {
                1.0 => x + radius,
                -1.0 => x - radius - width,
                _ => x - width / 2.0,
            };
            let middle = y + down * radius;
            (radius, left, middle - LETTER.1 / 2.0)
        })
    });
    all.map(|(radius, left, top)| (radius, Place::of_text(text, left, top)))
        .collect()
}

/// Names of points: those of runs without the date, and with the run's last letters
/// where that says of several the same.
pub(super) fn names(points: &[ParetoPoint]) -> Vec<String> {
    let mut runs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for point in points {
        let of_name = runs.entry(short(&point.run).0).or_default();
        if !of_name.contains(&point.run.as_str()) {
            of_name.push(&point.run);
        }
    }
    let name = |point: &ParetoPoint| {
        let (name, id) = short(&point.run);
        let name = match (runs[name].len(), id) {
            (1, _) | (_, None) => name.to_owned(),
            (_, Some(id)) => format!("{name} {id}"),
        };
        ParetoPoint {
            run: name,
            ..point.clone()
        }
        .name()
    };
    points.iter().map(name).collect()
}

/// A run's name without the date, and its last part: `cifar10` and `a1b2c3` of
/// `cifar10-20260102-101500-a1b2c3`.
fn short(run: &str) -> (&str, Option<&str>) {
    let mut parts = run.rsplitn(4, '-');
    let ([Some(id), Some(time), Some(day)], Some(name)) =
        ([parts.next(), parts.next(), parts.next()], parts.next())
    else {
        return (run, None);
    };
    let is_digits = |text: &str, length| {
        text.len() == length && text.bytes().all(|digit| digit.is_ascii_digit())
    };
    if is_digits(day, 8) && is_digits(time, 6) {
        (name, Some(id))
    } else {
        (run, None)
    }
}
