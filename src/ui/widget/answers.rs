//! The likeliest classes of several models side by side, one class a line, so
//! that bars can be compared along it.
//!
//! ```text
//!               teacher              student
//!   cat ←  ✓ ████████▏ 81.2 %     ███▏      31.0 %
//!   dog      █▏        12.0 %   ✗ ██████▏   60.1 %
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::cells::width_of;
use super::{Cells, bars};
use crate::event::inspection::{AnswerMetrics, ranked, softmax};
use crate::format::percent;
use crate::ui::theme::Theme;

/// Classes that each model brings in.
const TOP: usize = 5;
/// Cells of a percentage.
const PERCENT: u16 = 7;
/// Cells of a bar that names of classes leave to it.
const LEAST_BAR: u16 = 6;

/// Which of the theme's series a teacher, a student and another student are
/// drawn in, wherever they are.
pub const TEACHER: usize = 0;
/// See [`TEACHER`].
pub const STUDENT: usize = 1;
/// See [`TEACHER`].
pub const OTHER: usize = 2;

/// One model's answer; without probabilities it gave none.
#[derive(Debug)]
pub struct Side<'a> {
    name: &'a str,
    series: usize,
    probabilities: Option<Vec<f32>>,
    /// The most likely class.
    top: Option<usize>,
    /// Whether it answered with what is no number.
    is_broken: bool,
}

impl<'a> Side<'a> {
    /// What the logits of a model, with its name and series, say at a
    /// temperature.
    #[must_use]
    pub fn new((name, series): (&'a str, usize), logits: Option<&[f32]>, temperature: f32) -> Self {
        let given = logits.is_some();
        let logits = logits.filter(|logits| AnswerMetrics::of(logits).is_some());
        let probabilities = logits.map(|logits| softmax(logits, temperature));
        Self {
            name,
            series,
            top: logits.and_then(|logits| ranked(logits, 1).first().copied()),
            is_broken: given && probabilities.is_none(),
            probabilities,
        }
    }

    fn share(&self, class: usize) -> f64 {
        let share = self.probabilities.as_ref().and_then(|all| all.get(class));
        share.map_or(f64::NAN, |share| f64::from(*share))
    }
}

/// Right, wrong, or nobody knows: shown by a sign and not by colour alone.
#[must_use]
pub fn mark(right: Option<bool>) -> &'static str {
    match right {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "·",
    }
}

/// The colour that goes with [`mark`].
#[must_use]
pub fn verdict(right: Option<bool>, theme: &Theme) -> Style {
    match right {
        Some(true) => theme.good(),
        Some(false) => theme.bad(),
        None => theme.muted(),
    }
}

/// Draws the sides' likeliest classes, of which `label` is the right one.
pub fn draw(
    sides: &[Side],
    (names, label): (&[String], Option<usize>),
    theme: &Theme,
    buffer: &mut Buffer,
    area: Rect,
) {
    let name_of = |class: usize| names.get(class).map_or("?", String::as_str);
    let classes = classes(sides, usize::from(area.height.saturating_sub(1)));
    let longest = classes.iter().map(|&class| width_of(name_of(class)));
    let bars = (PERCENT + 3 + LEAST_BAR).saturating_mul(sides.len() as u16);
    let most = (area.width / 4).max(area.width.saturating_sub(bars)).max(6);
    let name = (longest.max().unwrap_or(0) + 3).clamp(6, most);
    let each = area.width.saturating_sub(name) / sides.len().max(1) as u16;
    let bar = each.saturating_sub(PERCENT + 3);

    let mut cells = Cells::line(buffer, area, 0);
    cells.skip(name);
    for side in sides {
        cells.skip(2);
        let room = each.saturating_sub(3);
        if side.is_broken {
            cells.text(room, &format!("NaN {}", side.name), theme.warn());
        } else {
            cells.text(room, side.name, theme.series(side.series));
        }
        cells.skip(1);
    }
    for (line, class) in classes.into_iter().enumerate() {
        let mut cells = Cells::line(buffer, area, line + 1);
        let is_label = label == Some(class);
        let style = if is_label {
            theme.accent()
        } else {
            Style::new()
        };
        cells.text(name - 2, name_of(class), style);
        cells.text(2, if is_label { "←" } else { "" }, theme.accent());
        for side in sides {
            let share = side.share(class);
            if side.top == Some(class) {
                let right = label.map(|label| label == class);
                cells.text(2, mark(right), verdict(right, theme));
            } else {
                cells.skip(2);
            }
            cells.text(bar, &bars::lying(share, bar), theme.series(side.series));
            cells.right(PERCENT, &percent(share), Style::new()).skip(1);
        }
    }
}

/// The union of every side's likeliest classes: the first side's in its order,
/// then what the others add. With too little room those stay that some side
/// finds likeliest.
fn classes(sides: &[Side], room: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = Vec::new();
    for probabilities in sides.iter().filter_map(|side| side.probabilities.as_ref()) {
        for class in ranked(probabilities, TOP) {
            if !classes.contains(&class) {
                classes.push(class);
            }
        }
    }
    let likeliest = |class: usize| {
        let shares = sides.iter().map(|side| side.share(class));
        shares.fold(0.0, f64::max)
    };
    let mut kept = classes.clone();
    kept.sort_by(|&a, &b| likeliest(b).total_cmp(&likeliest(a)));
    kept.truncate(room);
    classes.retain(|class| kept.contains(class));
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(probabilities: &[f32]) -> Side<'_> {
        Side {
            name: "a",
            series: 0,
            probabilities: Some(probabilities.to_vec()),
            top: None,
            is_broken: false,
        }
    }

    #[test]
    fn every_side_brings_its_likeliest_classes_and_the_likeliest_stay() {
        let teacher = [0.5, 0.3, 0.1, 0.06, 0.03, 0.01, 0.0];
        let student = [0.0, 0.01, 0.03, 0.05, 0.01, 0.4, 0.5];
        let sides = [side(&teacher), side(&student)];
        assert_eq!(classes(&sides, 20), [0, 1, 2, 3, 4, 6, 5]);
        assert_eq!(classes(&sides, 3), [0, 6, 5]);
        assert!(classes(&[], 3).is_empty());
    }
}
