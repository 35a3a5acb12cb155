//! The plan of the selected experiment.
//!
//! ```text
//! ┌ Plan ───────────────────────────────────────┐
//! │ teacher CNN 16-32-64  24.1 k  1.9 M  0.10 MB│
//! │ student CNN 4-8-16    1.73 k  0.2 M  0.01 MB│
//! │ smaller               13.9×   9.4×   13.9×  │
//! │ epochs  12 of 21 steps, 64 images each      │
//! │ lr      ▁▃▆█▇▇▆▅▄▃▂▂▁▁  0 → 0.1 → 0         │
//! └─────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Padding, Paragraph, Wrap};

use super::curve::curve;
use super::outline::{Outline, seconds};
use crate::experiment::controller::{Controller, ScheduledKnob, Update};
use crate::experiment::knob::Knob;
use crate::experiment::plan::{Plan, TeacherSource, Training, ValidPlan};
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::Source;
use crate::format::{count, duration, number, shorten};
use crate::store::RunEntry;
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;
use crate::untrusted::Show as _;

/// Columns of a label.
pub(super) const LABEL: usize = 12;

/// Columns between a curve and its values.
const GAP: usize = 2;

/// Greatest width of a curve.
const CURVE: usize = 24;

/// What is drawn.
pub struct Panel<'a> {
    /// The plan, with what is known beyond it; none while there never was one.
    pub plan: Option<(&'a Plan, &'a Outline)>,
    /// Whether the text has errors now, so that the plan is an older one's.
    pub stale: bool,
    /// Whether there is a text to plan.
    pub is_open: bool,
    /// The experiment's newest run.
    pub previous: Option<&'a RunEntry>,
    /// Lines above the view, where there are more than fit.
    pub above: usize,
    /// Keys that scroll up and down.
    pub keys: [String; 2],
}

impl Panel<'_> {
    /// Draws it.
    pub fn draw(&self, theme: &Theme, frame: &mut Frame, pane: Rect) {
        let title = if self.stale && self.plan.is_some() {
            " Plan (last valid) "
        } else {
            " Plan "
        };
        let block = block(theme).title(title);
        let inside = block.inner(pane);
        let Some((plan, outline)) = self.plan else {
            let text = match (self.stale, self.is_open) {
                (true, _) => "Fix the errors to see the plan.",
                (false, true) => "planning…",
                (false, false) => "",
            };
            let text = Paragraph::new(text).wrap(Wrap { trim: true });
            frame.render_widget(block, pane);
            frame.render_widget(text.style(theme.muted()), inside);
            return;
        };
        let height = inside.height as usize;
        let lines = self.lines(theme, inside, plan, outline);
        let above = self.above.min(lines.len().saturating_sub(height));
        let below = lines.len().saturating_sub(height + above);
        let [up, down] = &self.keys;
        let more = match (above, below) {
            (0, 0) => None,
            (_, 0) => Some(format!(" ↑ {up} ")),
            (_, below) => Some(format!(" {below} more ↓ {down} ")),
        };
        let block = match more {
            Some(more) => block.title_bottom(Line::raw(more).right_aligned()),
            None => block,
        };
        frame.render_widget(block, pane);
        let text = Paragraph::new(lines).scroll((above as u16, 0));
        frame.render_widget(text, inside);
    }

    /// Lines that do not fit.
    pub fn beyond(&self, theme: &Theme, pane: Rect) -> usize {
        let inside = block(theme).inner(pane);
        self.plan.map_or(0, |(plan, outline)| {
            let lines = self.lines(theme, inside, plan, outline).len();
            lines.saturating_sub(inside.height.into())
        })
    }

    fn lines(
        &self,
        theme: &Theme,
        inside: Rect,
        plan: &Plan,
        outline: &Outline,
    ) -> Vec<Line<'static>> {
        let sheet = Page {
            theme,
            width: inside.width as usize,
        };
        let parts = [
            sheet.models(outline),
            sheet.data(plan),
            sheet.training(plan, outline, self.previous),
            sheet.knobs(outline.training.as_ref().unwrap_or(&plan.training)),
        ];
        fitting(parts, inside.height.into())
    }
}

/// The pane's border.
fn block(theme: &Theme) -> Block<'static> {
    Block::bordered()
        .padding(Padding::horizontal(1))
        .border_style(theme.border(false))
}

/// A part of the page: its heading, which can be done without where there is
/// little room, and its rows.
pub(super) struct Part {
    pub heading: Option<Line<'static>>,
    pub rows: Vec<Line<'static>>,
}

/// The parts below one another; close together where they would not fit.
fn fitting(parts: [Part; 4], height: usize) -> Vec<Line<'static>> {
    let all: usize = parts.iter().map(|part| part.rows.len() + 2).sum();
    let roomy = all <= height + 1;
    let mut lines = Vec::new();
    for part in parts {
        if roomy {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.extend(part.heading);
        }
        lines.extend(part.rows);
    }
    lines
}

/// What the page is drawn with: colours, and its width in cells.
pub(super) struct Page<'a> {
    pub theme: &'a Theme,
    pub width: usize,
}

impl Page<'_> {
    pub(super) fn heading(&self, text: &str) -> Line<'static> {
        Line::styled(text.to_owned(), self.theme.accent())
    }

    /// A row of two columns, the text over as many lines as it takes.
    pub(super) fn row(&self, label: &str, text: &str) -> Vec<Line<'static>> {
        let lines = wrapped(text, self.width.saturating_sub(LABEL));
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        let lines = labels.zip(lines);
        lines
            .map(|(label, text)| self.line(label, text.trim_end().to_owned()))
            .collect()
    }

    pub(super) fn line(&self, label: &str, text: String) -> Line<'static> {
        Line::from(vec![
            Span::styled(format!("{label:LABEL$}"), self.theme.muted()),
            Span::raw(text),
        ])
    }

    fn data(&self, plan: &Plan) -> Part {
        let data = &plan.data;
        let valid = match &data.valid {
            ValidPlan::Holdout(share) => {
                format!("{} % of the training images", number(share * 100.0))
            }
            ValidPlan::Set(set) => source(set),
        };
        let mut rows = self.row("train", &source(&data.train));
        rows.extend(self.row("valid", &valid));
        let test = data.test.as_ref().map_or_else(|| "none".to_owned(), source);
        rows.extend(self.row("test", &test));
        if let Some((set, ratio)) = &data.unlabelled {
            let mixed = format!("{}, {} per labelled image", source(set), number(*ratio));
            rows.extend(self.row("unlabelled", &mixed));
        }
        Part {
            heading: Some(self.heading("Data")),
            rows,
        }
    }

    fn training(&self, plan: &Plan, outline: &Outline, previous: Option<&RunEntry>) -> Part {
        let training = &plan.training;
        let epochs = training.epochs;
        let mut rows = self.row("method", &plan.method);
        let terms: Vec<&str> = training
            .objective
            .terms
            .iter()
            .map(|term| term.name.as_str())
            .collect();
        let views = training.objective.views.len();
        let plural = if views == 1 { "" } else { "s" };
        rows.extend(self.row(
            "loss",
            &format!("{} on {views} view{plural}", terms.join(" + ")),
        ));
        rows.extend(self.row("device", &plan.device.to_string()));
        if let Some(teacher) = &plan.teacher {
            let text = match &teacher.weights {
                TeacherSource::File(file) => format!("from {}", file.path().shown()),
                TeacherSource::Ensemble(_) => {
                    let paths = teacher.paths().into_iter();
                    let paths: Vec<String> = paths.map(|it| it.shown().to_string()).collect();
                    format!("ensemble of {}", paths.join(", "))
                }
                TeacherSource::Train(own) => {
                    format!("{} epochs unless cached", own.epochs)
                }
            };
            rows.extend(self.row("teacher", &text));
        }
        let steps = outline
            .steps_per_epoch
            .map(|steps| steps.saturating_mul(u64::from(epochs)));
        let length = match (outline.steps_per_epoch, steps) {
            (Some(each), Some(all)) => {
                let (all, each) = (count(all), count(each));
                format!("{epochs} × {each} = {all} steps, batch {}", training.batch)
            }
            _ => format!(
                "{epochs}, batch {}; steps are known after the first run",
                training.batch
            ),
        };
        rows.extend(self.row("epochs", &length));
        if let Some(quantize) = training.quantize() {
            let (last, bits) = (quantize.epochs, quantize.weight_bits);
            let text = format!("the last {last} quantized, weights of {bits} bits");
            rows.extend(self.row("finish", &text));
        }
        let time = steps
            .zip(previous)
            .and_then(|(steps, previous)| seconds(steps, training.batch, previous))
            .map_or_else(
                || "known after the first run".to_owned(),
                |seconds| format!("~{} (last run)", duration(seconds)),
            );
        rows.extend(self.row("time", &time));
        Part {
            heading: Some(self.heading("Training")),
            rows,
        }
    }

    fn knobs(&self, training: &Training) -> Part {
        let mut rows = Vec::new();
        for (index, knob) in training.knobs().enumerate() {
            let (schedule, moved) = follows(training, knob);
            let width = CURVE.min(self.width.saturating_sub(LABEL) / 3 + 2);
            let (line, turns) = curve(schedule, f64::from(training.epochs), width);
            let turns: Vec<String> = turns.into_iter().map(number).collect();
            let text = match moved {
                Some(moved) => format!("{} {moved}", turns.first().map_or("", String::as_str)),
                None => turns.join(" → "),
            };
            let indent = LABEL + width + GAP;
            let mut lines = wrapped(&text, self.width.saturating_sub(indent)).into_iter();
            rows.push(Line::from(vec![
                Span::styled(
                    format!("{:LABEL$}", shorten(&knob.name, LABEL - 1)),
                    self.theme.muted(),
                ),
                Span::styled(line, self.theme.series(index)),
                Span::raw(format!("{:GAP$}{}", "", lines.next().unwrap_or_default())),
            ]));
            rows.extend(lines.map(|text| Line::raw(format!("{:indent$}{text}", ""))));
        }
        Part {
            heading: Some(self.heading(&format!("Knobs over {} epochs", training.epochs))),
            rows,
        }
    }
}

/// What a knob follows, and how a controller moves it where one does.
fn follows<'a>(training: &'a Training, knob: &'a Knob) -> (&'a Schedule, Option<&'static str>) {
    let Some(Controller::AdaptiveAugmentation(rule)) = &training.objective.controller else {
        return (&knob.schedule, None);
    };
    let is_first = knob.name == rule.first;
    let is_weight = knob.name == rule.weight;
    match &rule.update {
        Update::Scheduled(ScheduledKnob::P1(schedule)) if is_first => (schedule, None),
        Update::Scheduled(ScheduledKnob::W(schedule)) if is_weight => (schedule, None),
        Update::Feedback { .. } if is_first => (&knob.schedule, Some("↑ on improvement")),
        Update::Feedback { .. } if is_weight => (&knob.schedule, Some("↓ otherwise")),
        Update::Gap(_) if is_first && rule.update.moves_weight() => {
            (&knob.schedule, Some("↑ when overfitting"))
        }
        Update::Gap(_) if is_first => (&knob.schedule, Some("↑ overfitting, ↓ underfitting")),
        Update::Gap(_) if is_weight && rule.update.moves_weight() => {
            (&knob.schedule, Some("↓ when underfitting"))
        }
        _ if rule.second.contains(&knob.name) => (&knob.schedule, Some("derived")),
        _ => (&knob.schedule, None),
    }
}

/// Where images come from, in short.
fn source(source: &Source) -> String {
    match source {
        Source::ImageFolder(folder) => format!("folder {}", folder.shown()),
        Source::List(list) => format!("list {}", list.file.shown()),
        Source::Idx(files) => format!("IDX {}", files.images.shown()),
        Source::Cifar10(files) => format!("CIFAR-10, {} files", files.len()),
        Source::Cifar100(files) => format!("CIFAR-100, {} files", files.len()),
        Source::Shapes(shapes) => format!(
            "{} shapes, {} classes, {} px",
            shapes.count, shapes.classes, shapes.size
        ),
    }
}
