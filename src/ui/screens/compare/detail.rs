//! The selected image: how it looks, how the student saw it, and what the
//! models say of it.
//!
//! ```text
//! ┌ test/cat/0013.png ─────────────┐
//! │ ▒▒▒▒▒▒▒▒  label    cat         │
//! │ ▒▒▒▒▒▒▒▒  KL       1.234       │
//! │ ▒▒▒▒▒▒▒▒  loss     2.345       │
//! │ ▒▒▒▒▒▒▒▒  views    ▒▒▒▒  ▒▒▒▒  │
//! │                                │
//! │           (the answers)        │
//! └────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::sample_result::{apart, given, is_finite, nats, usable};
use super::{Compare, class_name};
use crate::event::inspection::{Picture, Probe, ProbeImage};
use crate::format::{MISSING, shorten_path};
use crate::ui::graphics::Pictures;
use crate::ui::shared::Shared;
use crate::ui::theme::Theme;
use crate::ui::widget::Cells;
use crate::ui::widget::answers::{self, OTHER, STUDENT, Side, TEACHER};
use crate::ui::widget::gallery::{inside, panel};

/// Lines that the answers get before the picture grows.
const ANSWERS: u16 = 7;
/// Lines that the answers can fill.
const MOST_ANSWERS: u16 = 16;
/// Lines of facts beside the picture.
const FACTS: u16 = 4;
/// Rows of the smallest picture that shows anything.
const SMALLEST: u16 = 3;
/// Rows of the largest picture.
const LARGEST: u16 = 32;

/// Where its parts stand.
struct Places {
    picture: Rect,
    facts: Rect,
    /// The augmented copies in a row, as large as there is room for all of
    /// them.
    views: Vec<Rect>,
    answers: Rect,
}

/// Of an image of so many classes.
fn places(image: &ProbeImage, classes: usize, pictures: &Pictures, area: Rect) -> Places {
    let inside = inside(area);
    let most = if inside.height > 30 {
        MOST_ANSWERS
    } else {
        ANSWERS
    };
    let classes = classes.min(usize::from(MOST_ANSWERS)) as u16;
    // A line of names above, an empty one before it.
    let wanted = most.min(classes + 2);
    let rows = inside.height.saturating_sub(wanted).min(LARGEST);
    let upper = Rect {
        height: if rows < SMALLEST { 0 } else { rows },
        ..inside
    };
    let left = Rect {
        width: inside.width / 5 * 3,
        ..upper
    };
    let picture = pictures.fit(&image.picture, left);
    let beside = Rect {
        x: (picture.right() + 2).min(inside.right()),
        width: inside.right().saturating_sub(picture.right() + 2),
        ..upper
    };
    let below = Rect {
        y: beside.y + FACTS.min(beside.height),
        height: beside.height.saturating_sub(FACTS),
        ..beside
    };
    let rest = inside.height - upper.height;
    let is_parted = upper.height > 0 && rest > most.min(classes + 1);
    let used = upper.height + u16::from(is_parted);
    Places {
        picture,
        facts: beside,
        views: side_by_side(&image.views, pictures, below),
        answers: Rect {
            y: inside.y + used,
            height: inside.height - used,
            ..inside
        },
    }
}

/// In a row or in a column, as makes them larger.
fn side_by_side(views: &[Picture], pictures: &Pictures, area: Rect) -> Vec<Rect> {
    let number = views.len().max(1) as u16;
    let width = ((area.width + 1) / number).saturating_sub(1);
    let height = ((area.height + 1) / number).saturating_sub(1);
    let is_column = height.min(area.width / 2) > area.height.min(width / 2);
    let (mut x, mut y) = (area.x, area.y);
    let place = |view| {
        let cell = if is_column {
            Rect { y, height, ..area }
        } else {
            Rect { x, width, ..area }
        };
        let place = pictures.fit(view, cell.intersection(area));
        if is_column {
            y = y.saturating_add(place.height + 1);
        } else {
            x = x.saturating_add(place.width + 1);
        }
        place
    };
    views.iter().map(place).collect()
}

/// The pictures that are drawn, and where.
pub(super) fn pictures<'a>(
    image: &'a ProbeImage,
    classes: usize,
    pictures: &Pictures,
    area: Rect,
) -> Vec<(&'a Picture, Rect)> {
    let places = places(image, classes, pictures, area);
    let views = image.views.iter().zip(places.views);
    [(&image.picture, places.picture)]
        .into_iter()
        .chain(views)
        .collect()
}

pub(super) fn draw(
    compare: &Compare,
    probe: &Probe,
    shared: &Shared,
    frame: &mut Frame,
    area: Rect,
) {
    let theme = &shared.theme;
    let Some(image) = compare.selected() else {
        panel("", false, theme, frame, area);
        return;
    };
    let source = &probe.images[image].source;
    let title = format!(" {} ", shorten_path(source, area.width.saturating_sub(4)));
    panel(title, false, theme, frame, area);
    let classes = probe.classes.len();
    for (picture, place) in pictures(&probe.images[image], classes, &shared.pictures, area) {
        shared.draw_picture(picture, frame.buffer_mut(), place);
    }
    let places = places(&probe.images[image], classes, &shared.pictures, area);
    draw_facts(compare, (probe, image), theme, frame, places.facts);
    let comparison = comparison(compare, probe, image);
    let label = compare.results[image].label;
    let named = (probe.classes.as_slice(), label);
    answers::draw(
        &comparison,
        named,
        theme,
        frame.buffer_mut(),
        places.answers,
    );
}

/// What the teacher, the student and a second run's student answer.
fn comparison<'a>(compare: &'a Compare, probe: &'a Probe, image: usize) -> Vec<Side<'a>> {
    let temperature = compare.temperature();
    let mut comparison = Vec::new();
    if let Some(teacher) = &probe.teacher {
        let logits = given(probe, teacher, image);
        comparison.push(Side::new(("teacher", TEACHER), logits, temperature));
    }
    let student = probe.students.get(compare.at);
    let logits = student.and_then(|answers| given(probe, &answers.logits, image));
    comparison.push(Side::new(("student", STUDENT), logits, temperature));
    if let Some((run, logits)) = compare.second(image) {
        comparison.push(Side::new((run, OTHER), logits, temperature));
    }
    comparison
}

fn draw_facts(
    compare: &Compare,
    (probe, image): (&Probe, usize),
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let result = &compare.results[image];
    let label = result
        .label
        .map_or(MISSING, |label| class_name(probe, label));
    let mut kl = nats(result.kl);
    if let Some((_, logits)) = compare.second(image) {
        let teacher = probe.teacher.as_ref();
        let teacher = teacher.and_then(|teacher| usable(probe, teacher, image));
        let logits = logits.filter(|logits| is_finite(logits));
        let other = apart(teacher, logits, compare.temperature());
        kl = format!("{kl} ↔ {}", nats(other));
    }
    let loss = nats(result.loss);
    let views = match probe.images[image].views.len() {
        0 => "none saved".to_owned(),
        number => format!("{number} augmented"),
    };
    let facts = [
        Some(("label", label)),
        probe.teacher.is_some().then_some(("KL", kl.as_str())),
        Some(("loss", &loss)),
        Some(("views", &views)),
    ];
    for (line, (name, value)) in facts.into_iter().flatten().enumerate() {
        let mut cells = Cells::line(frame.buffer_mut(), area, line);
        cells.text(7, name, theme.muted());
        let rest = cells.rest();
        cells.text(rest, value, theme.text());
    }
}
