//! The student's answers through training: when it answered, whether it was
//! right about the selected image, and how far it was from its teacher; on the
//! mean of all images where none is shown.
//!
//! ```text
//! ┌ step 1200 · epoch 4 · evaluation 3 of 6 ─────────────────┐
//! │ KL          █▇▅▅▅▃▃▃▂▂▂▂▁▁▁▁▁            1.234 │
//! │ student     ✗────✗──────[✓]──────✓───✓         │
//! └────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;
use ratatui::widgets::Block;

use super::comparison::{Reading, whose};
use super::layout::{NAMES, VALUE, column, track};
use super::sample_result::{broken_words, nats};
use super::{Compare, View};
use crate::event::inspection::Probe;
use crate::format::{count, short, shorten, width_of};
use crate::ui::theme::Theme;
use crate::ui::widget::answers::{mark, verdict};
use crate::ui::widget::gallery::inside;
use crate::ui::widget::{Cells, bars};

pub(super) fn draw(compare: &Compare, probe: &Probe, theme: &Theme, frame: &mut Frame, area: Rect) {
    let Some(answers) = probe.students.get(compare.at) else {
        return;
    };
    let number = match probe.students.len() {
        1 => "one evaluation".to_owned(),
        all => format!("evaluation {} of {all}", compare.at + 1),
    };
    let mut title = format!(
        " step {} · epoch {} · {number} ",
        count(answers.step),
        short(answers.epoch),
    );
    // Where no image is shown, the curve is of all.
    if compare.view != View::Images {
        let mean = format!(
            "{title}· mean of {} {} ",
            count(probe.images.len()),
            whose(&compare.comparison.source)
        );
        if width_of(&mean) + 2 <= usize::from(area.width) {
            title = mean;
        }
    }
    let mut block = Block::bordered()
        .title(title)
        .border_style(theme.border(false));
    // A second run without answers to these images is no use, and why is wanted
    // for longer than a message stays.
    if let Some(second) = &compare.comparison.second
        && let Reading::Failed(why) = &second.reading
    {
        let why = format!("not comparable: {why}");
        let why = shorten(&why, area.width.saturating_sub(4));
        block = block.title_bottom(Line::styled(format!(" {why} "), theme.warn()));
    }
    let second = compare.second_name().unwrap_or_default();
    if let Some(broken) = broken_words(&compare.results, second) {
        let broken = shorten(&broken, area.width.saturating_sub(4));
        block = block.title_bottom(Line::styled(format!(" {broken} "), theme.warn()));
    }
    frame.render_widget(block, area);
    draw_curve(compare, probe, theme, frame, area);
    draw_track(compare, theme, frame, area);
}

fn draw_curve(compare: &Compare, probe: &Probe, theme: &Theme, frame: &mut Frame, area: Rect) {
    let width = usize::from(track(area).width);
    let most = compare
        .history
        .iter()
        .map(|moment| moment.kl)
        .filter(|kl| kl.is_finite())
        .fold(0.0, f32::max);
    // What was answered holds until the next answer.
    let mut curve = vec![' '; width];
    for (at, moment) in compare.history.iter().enumerate() {
        let from = usize::from(column(&compare.steps, at, width as u16));
        let share = if most > 0.0 {
            moment.kl / most
        } else {
            moment.kl
        };
        curve[from.min(width)..].fill(bars::standing(f64::from(share)));
    }
    if compare.history.len() < 2 {
        curve.fill(' ');
    }
    let curve: String = curve.into_iter().collect();
    let name = if probe.teacher.is_some() {
        "KL"
    } else {
        "loss"
    };
    let now = compare
        .history
        .get(compare.at)
        .map_or(f32::NAN, |moment| moment.kl);
    let mut cells = Cells::line(frame.buffer_mut(), inside(area), 0);
    cells.text(NAMES, name, theme.muted()).skip(1);
    cells.text(width as u16, &curve, theme.series(1)).skip(1);
    cells.right(VALUE, &nats(now), theme.text());
}

fn draw_track(compare: &Compare, theme: &Theme, frame: &mut Frame, area: Rect) {
    let track = track(area);
    let mut cells = Cells::line(frame.buffer_mut(), inside(area), 1);
    cells.text(NAMES, "student", theme.muted()).skip(1);
    let is_line = compare.steps.len() > 1;
    let line = if is_line { "─" } else { " " }.repeat(usize::from(track.width));
    cells.text(track.width, &line, theme.muted()).skip(1);
    let last = compare.steps.last().filter(|_| is_line);
    let last = last.map_or(String::new(), |step| count(*step));
    cells.right(VALUE, &last, theme.muted());
    // The selected one is drawn last, over those that share its cell.
    let others = (0..compare.steps.len()).filter(|at| *at != compare.at);
    for at in others.chain([compare.at]) {
        let right = compare.history.get(at).and_then(|moment| moment.right);
        let style = verdict(right, theme);
        let selected = at == compare.at;
        let style = if selected {
            style.add_modifier(Modifier::REVERSED | Modifier::BOLD)
        } else {
            style
        };
        // The brackets may stand in the cells that are free at the ends.
        let wide = Rect {
            x: track.x.saturating_sub(1),
            width: track.width + 2,
            ..track
        };
        let place = column(&compare.steps, at, track.width);
        let mut cells = Cells::line(frame.buffer_mut(), wide, 1);
        if selected {
            cells.skip(place).text(1, "[", theme.accent());
            cells
                .text(1, mark(right), style)
                .text(1, "]", theme.accent());
        } else {
            cells.skip(place + 1).text(1, mark(right), style);
        }
    }
}
