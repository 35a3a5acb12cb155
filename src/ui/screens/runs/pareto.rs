//! Accuracy of runs against what they cost: the marked ones, or all that are listed.
//!
//! ```text
//! ┌ valid top-1 (best) against latency p50, ms ── ───────────────┐
//! │  90 %┤        ╭──────●                                       │
//! │  80 %┤ ◆──────╯           ○                                  │
//! │    ms╰┬2────────┬4────────┬6                                 │
//! │▸◆ adaptive-a1b2c3 int8  87.1 %  2.2 ms  front                │
//! │not measured: quickstart-2e2e2e                               │
//! └───────────── batch 1, 1 thread, rten 0.27, Xeon ─────────────┘
//! ```

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::RunsTable;
use crate::event::{Split, Variant};
use crate::format::{shorten, shorten_middle, width_of};
use crate::listing::{Pareto, ParetoCost, ParetoPoint, Subject};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::theme::Theme;
use crate::ui::widget::chart::{self, Canvas, Chart, Stroke};
use crate::ui::widget::wrap::wrapped;

/// From this width on the list of points stands beside the picture.
const WIDE: u16 = 120;

/// Cells of the mark, the symbol, accuracy, cost and place on the front.
const FACTS: usize = 30;

/// How the picture is looked at.
#[derive(Debug)]
pub(super) struct ParetoView {
    /// What is drawn across; what most runs have until one is chosen.
    cost: Option<ParetoCost>,
    split: Split,
    /// The selected student.
    selected: Option<(String, Variant)>,
}

impl Default for ParetoView {
    fn default() -> Self {
        Self {
            cost: None,
            split: Split::Valid,
            selected: None,
        }
    }
}

/// Where the parts stand.
struct Areas {
    chart: Rect,
    list: Rect,
    notes: Rect,
}

impl RunsTable {
    /// The runs of the picture: the marked ones, or all that are listed.
    fn shown_runs<'a>(&'a self, runs: &'a Runs) -> Vec<Subject<'a>> {
        let names = self.runs.shown();
        let marked = |name: &&str| self.marks.count() == 0 || self.marks.place(name).is_some();
        let subjects = names
            .filter(marked)
            .filter_map(|name| self.runs.subject(name, runs.get(name)?));
        subjects.collect()
    }

    /// The picture as it is looked at.
    pub(super) fn pictured(&self, runs: &Runs) -> Pareto {
        let subjects = self.shown_runs(runs);
        let mut all = ParetoCost::all(&subjects);
        let chosen = self.pareto.cost.as_ref();
        let at = all.iter().position(|cost| Some(cost) == chosen);
        let cost = all.swap_remove(at.unwrap_or(0));
        Pareto::of(&subjects, cost, self.pareto.split)
    }

    /// Whether the picture has points to choose from.
    pub(in crate::ui) fn has_points(&self, runs: &Runs) -> bool {
        !self.pictured(runs).points.is_empty()
    }

    /// Returns whether the selected run is to be shown.
    pub(super) fn act_on_pareto(&mut self, action: Action, runs: &Runs) -> bool {
        let picture = self.pictured(runs);
        let last = picture.points.len().saturating_sub(1);
        let at = self.pareto.at(&picture).unwrap_or(0);
        let to = match action {
            Action::Left | Action::Up => at.saturating_sub(1),
            Action::Right | Action::Down => (at + 1).min(last),
            Action::First | Action::PageUp => 0,
            Action::Last | Action::PageDown => last,
            Action::Activate => return !picture.points.is_empty() && self.point_at(&picture, at),
            Action::CostPareto => {
                let all = ParetoCost::all(&self.shown_runs(runs));
                let at = all.iter().position(|cost| *cost == picture.cost);
                let next = at.map_or(0, |at| (at + 1) % all.len());
                self.pareto.cost = all.get(next).cloned();
                return false;
            }
            Action::SplitPareto => {
                self.pareto.split = match self.pareto.split {
                    Split::Valid => Split::Test,
                    Split::Test => Split::Valid,
                };
                return false;
            }
            _ => return false,
        };
        self.point_at(&picture, to);
        false
    }

    /// Selects a point, and its run in the table. Returns whether there is one.
    fn point_at(&mut self, picture: &Pareto, at: usize) -> bool {
        let Some(point) = picture.points.get(at) else {
            return false;
        };
        self.pareto.selected = Some((point.run.clone(), point.variant));
        self.runs.select_name(&point.run);
        true
    }

    pub(super) fn mouse_on_pareto(&mut self, mouse: MouseEvent, area: Rect, runs: &Runs) {
        let picture = self.pictured(runs);
        let at = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let cell = Position::new(mouse.column, mouse.row);
                self.pareto.hit(&picture, area, cell)
            }
            MouseEventKind::ScrollUp => self.pareto.at(&picture).map(|at| at.saturating_sub(1)),
            MouseEventKind::ScrollDown => self.pareto.at(&picture).map(|at| at + 1),
            _ => None,
        };
        if let Some(at) = at {
            self.point_at(&picture, at);
        }
    }
}

impl ParetoView {
    /// The place of the selected point: the first of the front until one is chosen.
    fn at(&self, picture: &Pareto) -> Option<usize> {
        let points = &picture.points;
        let selected = self.selected.as_ref();
        let is_selected = |point: &ParetoPoint| {
            Some((&point.run, point.variant)) == selected.map(|(a, b)| (a, *b))
        };
        let at = points.iter().position(is_selected);
        at.or_else(|| points.iter().position(|point| point.on_front))
    }

    /// The point that is drawn in a cell, or listed there.
    fn hit(&self, picture: &Pareto, area: Rect, cell: Position) -> Option<usize> {
        let areas = areas(area, picture);
        if areas.list.contains(cell) {
            let at = self.first(picture, areas.list) + usize::from(cell.y - areas.list.y);
            return (at < picture.points.len()).then_some(at);
        }
        let (axes, plot) = (chart(picture).axes(), chart::plot(areas.chart));
        let near = |(x, y): (u16, u16)| x.abs_diff(cell.x) <= 1 && y == cell.y;
        let place = |point: &ParetoPoint| chart::cell(axes, plot, (point.cost, point.top1));
        picture
            .points
            .iter()
            .position(|point| place(point).is_some_and(near))
    }

    /// The first point that is listed, so that the selected one is.
    fn first(&self, picture: &Pareto, list: Rect) -> usize {
        let rows = usize::from(list.height);
        let at = self.at(picture).unwrap_or(0);
        let most = picture.points.len().saturating_sub(rows);
        at.saturating_sub(rows / 2).min(most)
    }

    pub(super) fn draw(&self, picture: &Pareto, shared: &Shared, frame: &mut Frame, area: Rect) {
        let theme = &shared.theme;
        let title = format!(
            " {} against {} ",
            picture.accuracy_title(),
            picture.cost.title()
        );
        let mut block = Block::bordered()
            .title(title)
            .border_style(theme.border(false));
        if let Some(conditions) = picture.conditions() {
            let room = usize::from(area.width).saturating_sub(6);
            let line = format!(" {} ", shorten(&conditions, room));
            block = block.title_bottom(Line::styled(line, theme.muted()).right_aligned());
        }
        frame.render_widget(block, area);
        let areas = areas(area, picture);
        if picture.points.is_empty() {
            draw_nothing(picture, shared, frame, area);
            return;
        }
        self.draw_chart(picture, theme, frame, areas.chart);
        self.draw_list(picture, theme, frame, areas.list);
        let width = usize::from(areas.notes.width);
        let remarks = picture.remarks().into_iter();
        let lines = remarks.map(|line| Line::styled(shorten(&line, width), theme.warn()));
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), areas.notes);
    }

    fn draw_chart(&self, picture: &Pareto, theme: &Theme, frame: &mut Frame, area: Rect) {
        let Some((plot, axes)) = chart(picture).draw_frame(theme, frame, area) else {
            return;
        };
        let mut canvas = Canvas::new(plot.width, plot.height);
        let (width, height) = (canvas.width() as f64 - 1.0, canvas.height() as f64 - 1.0);
        let dot = |(cost, top1): (f64, f64)| {
            let (x, y) = (axes.0.share(cost), axes.1.share(top1));
            (x * width, (1.0 - y) * height)
        };
        for teacher in &picture.teachers {
            let (left, right) = axes.0.bounds();
            let ends = [left, right].map(|cost| dot((cost, teacher.top1)));
            canvas.line(ends[0], ends[1], Stroke::Dashed, theme.muted());
        }
        for ends in picture.front().windows(2) {
            canvas.line(dot(ends[0]), dot(ends[1]), Stroke::Solid, theme.good());
        }
        canvas.draw(frame.buffer_mut(), plot);
        let teachers = picture.teachers.iter();
        let teachers = teachers.map(|teacher| format!("┄ {}", teacher.words()));
        let title = shorten(&teachers.collect::<Vec<_>>().join("  "), plot.width);
        let place = Rect {
            y: area.y,
            height: 1,
            ..plot
        };
        frame.render_widget(Line::styled(title, theme.muted()), place);
        let selected = self.at(picture);
        // What is on the front, and last of all what is selected, is not hidden.
        let mut order: Vec<usize> = (0..picture.points.len()).collect();
        order.sort_by_key(|&at| (Some(at) == selected, picture.points[at].on_front));
        for at in order {
            let point = &picture.points[at];
            let mut style = look(point, theme);
            if Some(at) == selected {
                style = style.add_modifier(Modifier::REVERSED);
            }
            if let Some(cell) = chart::cell(axes, plot, (point.cost, point.top1))
                && let Some(cell) = frame.buffer_mut().cell_mut(cell)
            {
                cell.set_char(symbol(point)).set_style(style);
            }
        }
    }

    fn draw_list(&self, picture: &Pareto, theme: &Theme, frame: &mut Frame, area: Rect) {
        let (first, selected) = (self.first(picture, area), self.at(picture));
        let room = usize::from(area.width).saturating_sub(FACTS);
        let points = picture.points.iter().enumerate().skip(first);
        let lines = points.take(area.height.into()).map(|(at, point)| {
            let (top1, cost) = point.facts(&picture.cost);
            let is_selected = Some(at) == selected;
            let suffix = point.variant.suffix();
            let name = shorten_middle(&point.run, room.saturating_sub(suffix.len()));
            let name = format!("{name}{suffix}");
            let front = if point.on_front { "front" } else { "" };
            let text = format!("{name:room$} {top1:>7} {cost:>11}  {front:5}");
            let style = if is_selected {
                theme.selection()
            } else {
                theme.text()
            };
            let mark = if is_selected { '▸' } else { ' ' };
            Line::from(vec![
                Span::raw(mark.to_string()),
                Span::styled(format!("{} ", symbol(point)), look(point, theme)),
                Span::styled(text, style),
            ])
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
    }
}

/// What stands where there is no point, and how to come by some.
fn draw_nothing(picture: &Pareto, shared: &Shared, frame: &mut Frame, area: Rect) {
    let theme = &shared.theme;
    let inside = Block::bordered().inner(area);
    let room = usize::from(inside.width);
    let key = shared.key(Action::CostPareto);
    let hint = match picture.cost {
        ParetoCost::Latency(_) => {
            format!("Measure a run with workbench --bench RUN; press {key} for size and MACs.")
        }
        ParetoCost::Size => {
            format!("Export a run with workbench --export RUN; press {key} for MACs.")
        }
        ParetoCost::Macs => format!("Press {key} for latency and size."),
    };
    let mut lines = vec![Line::styled("No runs to plot", theme.accent())];
    let remarks = picture.remarks().into_iter();
    lines.extend(remarks.flat_map(|line| wrapped(&line, room)).map(Line::raw));
    lines.push(Line::styled(hint, theme.muted()));
    frame.render_widget(Paragraph::new(lines), inside);
}

/// What stands for a point: filled on the front.
fn symbol(point: &ParetoPoint) -> char {
    match (point.variant, point.on_front) {
        (Variant::Fp32, true) => '●',
        (Variant::Fp32, false) => '○',
        (Variant::Fp16, true) => '■',
        (Variant::Fp16, false) => '□',
        (Variant::Int8, true) => '◆',
        (Variant::Int8, false) => '◇',
    }
}

fn look(point: &ParetoPoint, theme: &Theme) -> Style {
    if point.on_front {
        theme.good()
    } else {
        theme.text()
    }
}

/// What is shown across: all points, with room beside them.
fn across(picture: &Pareto) -> (f64, f64) {
    const ROOM: f64 = 0.08;
    let (least, most) = picture.extent().unwrap_or((0.0, 1.0));
    if picture.is_logarithmic() {
        return (least / (1.0 + 2.0 * ROOM), most * (1.0 + 2.0 * ROOM));
    }
    let room = ((most - least) * ROOM).max(most * ROOM / 2.0).max(1e-9);
    ((least - room).max(0.0), most + room)
}

fn chart(picture: &Pareto) -> Chart<'static> {
    let top1 = picture.points.iter().map(|point| point.top1);
    let top1 = top1.chain(picture.teachers.iter().map(|teacher| teacher.top1));
    let bounds = top1.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), top1| {
        (low.min(top1), high.max(top1))
    });
    Chart {
        title: "",
        curves: &[],
        x: across(picture),
        unit: picture.cost.unit(),
        y: Some(bounds),
        ceiling: None,
        log: false,
        log_x: picture.is_logarithmic(),
        shares: true,
        marks: &[],
        best: None,
        crosshair: None,
        selected: false,
    }
}

fn areas(area: Rect, picture: &Pareto) -> Areas {
    let inside = Block::bordered().inner(area);
    let absent = (picture.remarks().len() as u16).min(inside.height / 4);
    let parts = [Constraint::Fill(1), Constraint::Length(absent)];
    let [above, notes] = Layout::vertical(parts).areas(inside);
    let [chart, list] = if inside.width >= WIDE {
        let names = picture.points.iter();
        let names = names.map(|point| width_of(&point.run) + point.variant.suffix().len());
        let list = (names.max().unwrap_or(0) + FACTS) as u16;
        let list = list.min(inside.width / 2);
        let parts = [Constraint::Fill(1), Constraint::Length(list)];
        Layout::horizontal(parts).spacing(2).areas(above)
    } else {
        let rows = (picture.points.len() as u16).min(above.height / 3);
        Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(above)
    };
    Areas { chart, list, notes }
}
