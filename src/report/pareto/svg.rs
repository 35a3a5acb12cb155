//! The picture drawn.
//!
//! ```text
//! best validation top-1 against latency p50, ms
//! ● on the front  ○ others  ◆ int8  -- teacher
//! 90 % ┤ - - - - - - - - - - - - - - teacher 93.0 %
//!      ┤ ◆ a int8 ────╮● a
//!      ╰──2─────────4─────────6──
//!                latency p50, ms
//! batch 1, 1 thread, rten 0.27, Xeon
//! not measured: b
//! ```

use std::fmt::Write as _;

use super::labels::{LETTER, Label, Place, names, placed};
use super::table;
use crate::event::Variant;
use crate::format::{Axis, round_percent, short};
use crate::listing::{Pareto, ParetoPoint};
use crate::report::xml::{beginning, escaped, line, text};
use crate::untrusted::clean_line;

/// Width of the picture, pixels.
const WIDTH: f64 = 960.0;

/// The plot: left, top, right, bottom.
const PLOT: Place = Place {
    left: 74.0,
    top: 70.0,
    right: 936.0,
    bottom: 470.0,
};

/// Pixels from one line below the plot to the next.
const LINE: f64 = 19.0;

/// Letters of a line below the plot.
const LETTERS: usize = 116;

/// Half a point's width, pixels.
const RADIUS: f64 = 5.0;

/// Ticks across and up.
const TICKS: (usize, usize) = (9, 7);

/// Colours on light pages and on dark ones.
const STYLE: &str = "\
.page{fill:#ffffff}.text{fill:#24292f}.muted{fill:#57606a}\
.grid{stroke:#d8dee4;fill:none}.axis{stroke:#57606a;fill:none}\
.front{stroke:#1a7f37;stroke-width:2;fill:none}\
.best{fill:#1a7f37;stroke:#1a7f37;stroke-width:1.5}\
.other{fill:#ffffff;stroke:#57606a;stroke-width:1.5}\
.teacher{stroke:#8250df;stroke-dasharray:7 5;fill:none}.teacher-text{fill:#8250df}\
.leader{stroke:#8c959f;fill:none}\
@media (prefers-color-scheme: dark){\
.page{fill:#1e2127}.text{fill:#d7dae0}.muted{fill:#9ea7b3}\
.grid{stroke:#343942}.axis{stroke:#9ea7b3}\
.front{stroke:#56d364}.best{fill:#56d364;stroke:#56d364}\
.other{fill:#1e2127;stroke:#9ea7b3}\
.teacher{stroke:#bc8cff}.teacher-text{fill:#bc8cff}.leader{stroke:#6e7681}}";

/// The picture; it has at least one point.
#[must_use]
pub fn svg(picture: &Pareto) -> String {
    let axes = Axes::of(picture);
    let mut notes: Vec<String> = picture.conditions().into_iter().collect();
    let names = names(&picture.points);
    let (labels, unnamed) = axes.labels(picture, &names);
    if unnamed > 0 {
        notes.push(format!(
            "points without a label, for lack of room: {unnamed}"
        ));
    }
    notes.extend(picture.remarks());
    let notes: Vec<String> = notes.iter().flat_map(|note| wrapped(note)).collect();
    let height = PLOT.bottom + 62.0 + notes.len() as f64 * LINE;

    let title = format!(
        "{} against {}",
        picture.accuracy_title(),
        picture.cost.title()
    );
    let mut out = beginning((WIDTH, height), STYLE, &title, &table(picture));
    text(
        &mut out,
        (PLOT.left, 28.0),
        "text",
        "font-size=\"16\"",
        &title,
    );
    legend(&mut out, picture);
    axes.draw(&mut out, picture);
    for label in &labels {
        if let Some(at) = label.of {
            leader(&mut out, label, at);
        }
    }
    // What is on the front is not hidden.
    let mut points: Vec<(&ParetoPoint, String)> = Vec::new();
    for (equal, names) in spots(&picture.points, &names) {
        points.extend(equal.iter().map(|point| (point, names.join(", "))));
    }
    points.sort_by_key(|(point, _)| point.on_front);
    for (point, names) in points {
        let (top1, cost) = point.facts(&picture.cost);
        let place = axes.place(point.cost, point.top1);
        let about = format!("{names}: {top1}, {cost}");
        let _ = write!(out, "<g><title>{}</title>", escaped(&about));
        mark(&mut out, place, point.variant, point.on_front);
        out += "</g>\n";
    }
    for label in &labels {
        behind(&mut out, &label.place);
        let at = (label.place.left, label.place.bottom - 3.5);
        text(&mut out, at, "text", "", &label.text);
    }
    for (line, note) in notes.iter().enumerate() {
        let y = PLOT.bottom + 62.0 + line as f64 * LINE;
        text(&mut out, (PLOT.left, y), "muted", "", note);
    }
    out + "</svg>\n"
}

/// From costs and accuracies to places.
struct Axes {
    x: Axis,
    y: Axis,
}

impl Axes {
    fn of(picture: &Pareto) -> Self {
        let (least, most) = picture.extent().unwrap_or((0.0, 1.0));
        let top1 = picture.points.iter().map(|point| point.top1);
        let top1 = top1.chain(picture.teachers.iter().map(|teacher| teacher.top1));
        let (low, high) = top1.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), top1| {
            (low.min(top1), high.max(top1))
        });
        Self {
            x: Axis::new(least, most, picture.is_logarithmic()).with_room(),
            y: Axis::new(low, high, false).with_room(),
        }
    }

    fn place(&self, cost: f64, top1: f64) -> (f64, f64) {
        let (width, height) = (PLOT.right - PLOT.left, PLOT.bottom - PLOT.top);
        (
            PLOT.left + self.x.share(cost) * width,
            PLOT.bottom - self.y.share(top1) * height,
        )
    }

    /// Names of teachers and points, and how many points have none.
    fn labels(&self, picture: &Pareto, names: &[String]) -> (Vec<Label>, usize) {
        let mut taken: Vec<Place> = Vec::new();
        let mut lines: Vec<Place> = Vec::new();
        for (teacher, place) in self.teachers(picture) {
            taken.push(place);
            let (_, y) = self.place(self.x.bounds().0, teacher);
            lines.push(thin((PLOT.left, y), (PLOT.right, y)));
        }
        let front: Vec<_> = self.front(picture);
        lines.extend(front.windows(2).map(|ends| thin(ends[0], ends[1])));
        let mut spots: Vec<(&[ParetoPoint], &[String])> = spots(&picture.points, names).collect();
        // Those of the front have the first choice.
        spots.sort_by_key(|(equal, _)| !equal[0].on_front);
        let points = spots.iter().map(|(equal, names)| {
            let place = self.place(equal[0].cost, equal[0].top1);
            (place, names.join(", "))
        });
        let points: Vec<((f64, f64), String)> = points.collect();
        let labels = placed(&points, &PLOT, &taken, &lines);
        let is_named = |text: &String| labels.iter().any(|label| label.text == *text);
        let unnamed = spots.iter().zip(&points);
        let unnamed = unnamed.filter(|(_, (_, text))| !is_named(text));
        let unnamed = unnamed.map(|((equal, _), _)| equal.len()).sum();
        (labels, unnamed)
    }

    /// Accuracies of teachers with the places of their names, at the right above their
    /// lines, or below where another stands.
    fn teachers(&self, picture: &Pareto) -> Vec<(f64, Place)> {
        let mut found: Vec<(f64, Place)> = Vec::new();
        for teacher in &picture.teachers {
            let (_, y) = self.place(self.x.bounds().0, teacher.top1);
            let words = clean_line(&teacher.words()).into_owned();
            let width = Place::of_text(&words, 0.0, 0.0).right;
            let at = |top| Place::of_text(&words, PLOT.right - width - 4.0, top);
            let tried = [y - LETTER.1 - 2.0, y + 3.0].map(at);
            let is_free = |place: &&Place| !found.iter().any(|(_, other)| place.meets(other));
            let place = tried.iter().find(is_free).unwrap_or(&tried[0]);
            found.push((teacher.top1, *place));
        }
        found
    }

    fn front(&self, picture: &Pareto) -> Vec<(f64, f64)> {
        let corners = picture.front().into_iter();
        corners.map(|(cost, top1)| self.place(cost, top1)).collect()
    }

    fn draw(&self, out: &mut String, picture: &Pareto) {
        for tick in self.x.ticks(TICKS.0) {
            let (x, _) = self.place(tick, 0.0);
            if (PLOT.left..=PLOT.right).contains(&x) {
                line(out, "grid", (x, PLOT.top), (x, PLOT.bottom));
                let at = (x, PLOT.bottom + 18.0);
                text(out, at, "muted", "text-anchor=\"middle\"", &short(tick));
            }
        }
        for tick in self.y.ticks(TICKS.1) {
            let (_, y) = self.place(self.x.bounds().0, tick);
            line(out, "grid", (PLOT.left, y), (PLOT.right, y));
            let at = (PLOT.left - 8.0, y + 4.0);
            text(
                out,
                at,
                "muted",
                "text-anchor=\"end\"",
                &round_percent(tick),
            );
        }
        line(
            out,
            "axis",
            (PLOT.left, PLOT.bottom),
            (PLOT.right, PLOT.bottom),
        );
        line(out, "axis", (PLOT.left, PLOT.top), (PLOT.left, PLOT.bottom));
        let middle = PLOT.left.midpoint(PLOT.right);
        let at = (middle, PLOT.bottom + 38.0);
        text(
            out,
            at,
            "text",
            "text-anchor=\"middle\"",
            picture.cost.title(),
        );
        for (teacher, (top1, place)) in picture.teachers.iter().zip(self.teachers(picture)) {
            let (_, y) = self.place(self.x.bounds().0, top1);
            line(out, "teacher", (PLOT.left, y), (PLOT.right, y));
            behind(out, &place);
            let at = (place.left, place.bottom - 3.0);
            text(out, at, "teacher-text", "", &teacher.words());
        }
        let corners = self.front(picture);
        let corners: Vec<String> = corners
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            out,
            "<polyline class=\"front\" points=\"{}\"/>",
            corners.join(" ")
        );
    }
}

/// Points that are drawn in one place, with their names: they have one label.
fn spots<'a>(
    points: &'a [ParetoPoint],
    names: &'a [String],
) -> impl Iterator<Item = (&'a [ParetoPoint], &'a [String])> {
    let mut names = names;
    points.chunk_by(ParetoPoint::is_at).map(move |equal| {
        let (own, others) = names.split_at(equal.len());
        names = others;
        (equal, own)
    })
}

/// What the marks mean.
fn legend(out: &mut String, picture: &Pareto) {
    let has = |variant: &Variant| picture.points.iter().any(|point| point.variant == *variant);
    let mut entries = vec![
        (Some((Variant::Fp32, true)), "on the front"),
        (Some((Variant::Fp32, false)), "others"),
    ];
    for variant in [Variant::Fp16, Variant::Int8].into_iter().filter(has) {
        entries.push((Some((variant, false)), variant.word()));
    }
    if !picture.teachers.is_empty() {
        entries.push((None, "teacher"));
    }
    let mut x = PLOT.left;
    for (look, words) in entries {
        if let Some((variant, on_front)) = look {
            mark(out, (x + RADIUS, 48.0), variant, on_front);
            x += 2.0 * RADIUS + 8.0;
        } else {
            line(out, "teacher", (x, 48.0), (x + 26.0, 48.0));
            x += 34.0;
        }
        text(out, (x, 52.0), "muted", "", words);
        x += words.len() as f64 * LETTER.0 + 22.0;
    }
}

/// A circle, a square for a file of 16-bit floats, or a diamond for one of integers; filled
/// on the front.
fn mark(out: &mut String, (x, y): (f64, f64), variant: Variant, on_front: bool) {
    let class = if on_front { "best" } else { "other" };
    let _ = match variant {
        Variant::Fp32 => write!(
            out,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{RADIUS}\"/>"
        ),
        Variant::Fp16 => write!(
            out,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{side}\" height=\"{side}\"/>",
            x - RADIUS,
            y - RADIUS,
            side = 2.0 * RADIUS
        ),
        Variant::Int8 => {
            let r = RADIUS + 1.5;
            write!(
                out,
                "<path class=\"{class}\" d=\"M{x:.1} {:.1}l{r} {r}l-{r} {r}l-{r} -{r}z\"/>",
                y - r
            )
        }
    };
}

/// What makes a text readable over a line of the grid.
fn behind(out: &mut String, place: &Place) {
    let (width, height) = (place.right - place.left, place.bottom - place.top);
    let _ = writeln!(
        out,
        "<rect class=\"page\" fill-opacity=\"0.75\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\"/>",
        place.left, place.top
    );
}

/// From a point to its name.
fn leader(out: &mut String, label: &Label, (x, y): (f64, f64)) {
    let place = label.place;
    let to = (
        x.clamp(place.left, place.right),
        y.clamp(place.top, place.bottom),
    );
    line(out, "leader", (x, y), to);
}

/// A line as a rectangle.
fn thin((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Place {
    Place {
        left: x1.min(x2) - 1.0,
        top: y1.min(y2) - 1.0,
        right: x1.max(x2) + 1.0,
        bottom: y1.max(y2) + 1.0,
    }
}

/// A note in lines that the picture is wide enough for.
fn wrapped(note: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in clean_line(note).split(' ') {
        match lines.last_mut() {
            Some(last) if last.chars().count() + word.chars().count() < LETTERS => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
