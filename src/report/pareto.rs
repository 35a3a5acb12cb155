//! The Pareto picture as an SVG for documents, and as a table.
//!
//! It is read in light and in dark pages alike, by people who see it and by programs
//! that read it aloud: the table is in its description, and each point has a title.

mod labels;
mod svg;
#[cfg(test)]
mod tests;

pub use self::svg::svg;

use super::runs::{grid, text_of};
use crate::event::PixelFormat;
use crate::format::MISSING;
use crate::listing::Pareto;
use crate::listing::pareto::TeacherLine;
use crate::untrusted::clean_line;

/// The points, the cheapest first, their teachers, and what is not shown.
#[must_use]
pub fn table(picture: &Pareto) -> String {
    let titles = [
        "run",
        "as",
        "input",
        picture.accuracy_title(),
        picture.cost.title(),
        "",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(picture.points.iter().map(|point| {
        let (top1, cost) = point.facts(&picture.cost);
        let front = if point.on_front { "front" } else { "" };
        let variant = point.variant.word().to_owned();
        let input = point.input.map_or(MISSING, PixelFormat::word).to_owned();
        let front = front.to_owned();
        vec![point.run.clone(), variant, input, top1, cost, front]
    }));
    let mut lines = grid(&rows, &[false, false, false, true, true, false]);
    let teachers = picture.teachers.iter().map(TeacherLine::words);
    lines.extend(teachers.map(|words| clean_line(&words).into_owned()));
    lines.extend(picture.conditions());
    lines.extend(picture.remarks());
    text_of(lines)
}
