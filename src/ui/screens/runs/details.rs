//! Everything that is known of the selected run.
//!
//! ```text
//! ┌ cifar10-adaptive-20260102-120000-a1b2c3 ───────┐
//! │ ✓ completed                                    │
//! │ method      AdaptiveAugmentation               │
//! │ device      CPU (flex)                         │
//! │                                                │
//! │ models      parameters   MACs                  │
//! │ teacher     272 k        40.8 M   resnet20     │
//! └────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Padding, Paragraph};

use super::advice::advice;
use super::gates;
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split, TeacherAgreement};
use crate::format::{MISSING, loss, percent, scaled, short, shorten_middle, times};
use crate::listing::{Subject, export_words, study_words, trained_words};
use crate::run::kept::kept_name;
use crate::run::timestamp::moment;
use crate::store::Frozen;
use crate::store::{CommandState, Runs};
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::shared::Shared;
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;
use crate::untrusted::Show as _;

/// Cells of the words on the left.
const LABEL: usize = 12;

/// Classes that are listed: those that are most often wrong.
const WORST: usize = 3;

/// Draws the particulars of a run, of which `above` lines are scrolled away.
pub(super) fn draw(
    run: &Subject,
    frozen: &Frozen,
    runs: &Runs,
    above: usize,
    shared: &Shared,
    frame: &mut Frame,
    area: Rect,
) {
    let (keymap, theme) = (&shared.keymap, &shared.theme);
    let sheet = Sheet { theme };
    let parts = [
        sheet.standing(run, shared),
        sheet.origin(run, frozen),
        sheet.results(run),
        gates::lines(run, frozen, runs, &sheet.label("gate"), theme),
        sheet.models(run),
        sheet.exports(run),
        sheet.happenings(run),
        sheet.place(run, keymap),
    ];
    let lines = |inside: Rect| {
        let parts = parts.into_iter();
        let parts = parts.map(|part| fitted(part, usize::from(inside.width)));
        let parts: Vec<Vec<Line>> = parts.filter(|part| !part.is_empty()).collect();
        let spaced = parts.iter().map(Vec::len).sum::<usize>() + parts.len() - 1;
        // Air between the parts is the first thing to go where there is no room.
        let has_air = spaced <= usize::from(inside.height);
        let mut lines = Vec::new();
        for part in parts {
            if has_air && !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.extend(part);
        }
        lines
    };
    scrolled(run.name, lines, above, shared, frame, area);
}

/// Draws a pane of the lines that are made for the area inside it, of which `above` are
/// scrolled away.
pub(super) fn scrolled(
    title: &str,
    lines: impl FnOnce(Rect) -> Vec<Line<'static>>,
    above: usize,
    shared: &Shared,
    frame: &mut Frame,
    area: Rect,
) {
    let (keymap, theme) = (&shared.keymap, &shared.theme);
    let most = usize::from(area.width.saturating_sub(4));
    let mut block = Block::bordered()
        .title(format!(" {} ", shorten_middle(title, most)))
        .padding(Padding::horizontal(1))
        .border_style(theme.border(false));
    let inside = block.inner(area);
    let mut lines = lines(inside);
    let hidden = lines.len().saturating_sub(usize::from(inside.height));
    if hidden > 0 {
        lines.drain(..above.min(hidden));
        block = block.title_bottom(scrolling(keymap, theme));
    }
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// Which keys show the rest.
fn scrolling(keymap: &Keymap, theme: &Theme) -> Line<'static> {
    let keys = [Action::Left, Action::Right].map(|action| keymap.key(action).unwrap_or_default());
    Line::styled(format!(" {} {} scroll ", keys[0], keys[1]), theme.accent()).right_aligned()
}

/// Lines of at most `width` cells; what continues in the next line stands below
/// what it belongs to.
pub(super) fn fitted(lines: Vec<Line<'static>>, width: usize) -> Vec<Line<'static>> {
    let mut fitted = Vec::new();
    for line in lines {
        let Some(last) = line.spans.last().filter(|_| line.width() > width) else {
            fitted.push(line);
            continue;
        };
        let (before, text) = (&line.spans[..line.spans.len() - 1], &last.content);
        let indent: usize = before.iter().map(Span::width).sum();
        for (at, part) in wrapped(text, width.saturating_sub(indent))
            .into_iter()
            .enumerate()
        {
            let mut spans = match at {
                0 => before.to_vec(),
                _ => vec![Span::raw(" ".repeat(indent))],
            };
            spans.push(Span::styled(part, last.style));
            fitted.push(Line::from(spans).style(line.style));
        }
    }
    fitted
}

/// What is known of a model on a set.
struct Metrics {
    top1: f64,
    /// Where it says more than top-1.
    top5: Option<f64>,
    loss: Option<f64>,
    agreement: Option<f64>,
}

impl Metrics {
    fn of(evaluation: &Evaluation) -> Self {
        Self {
            top1: evaluation.top1,
            top5: evaluation.informative_top5(),
            loss: Some(evaluation.loss),
            agreement: evaluation.teacher.map(|teacher| teacher.agreement),
        }
    }

    fn of_teacher(teacher: &TeacherAgreement) -> Self {
        Self {
            top1: teacher.top1,
            top5: None,
            loss: None,
            agreement: None,
        }
    }

    fn words(&self, has_top5: bool) -> String {
        let share = |value: Option<f64>| value.filter(|value| !value.is_nan());
        let share = |value| share(value).map_or_else(|| MISSING.to_owned(), percent);
        let top5 = has_top5.then(|| format!("{:>9}", share(self.top5)));
        format!(
            "{:>9}{}{:>9}{:>11}",
            share(Some(self.top1)),
            top5.unwrap_or_default(),
            self.loss.map_or_else(|| MISSING.to_owned(), loss),
            share(self.agreement)
        )
    }
}

struct Sheet<'a> {
    theme: &'a Theme,
}

impl Sheet<'_> {
    fn label(&self, label: &str) -> Span<'static> {
        Span::styled(format!("{label:LABEL$}"), self.theme.muted())
    }

    fn row(&self, label: &str, value: impl Into<String>) -> Line<'static> {
        let value = Span::styled(value.into(), self.theme.text());
        Line::from(vec![self.label(label), value])
    }

    fn head(&self, text: String) -> Line<'static> {
        Line::styled(text, self.theme.muted())
    }

    /// Where it stands, and what to do about it.
    fn standing(&self, run: &Subject, shared: &Shared) -> Vec<Line<'static>> {
        let state = run.run.state();
        let (symbol, style) = self.theme.state(state);
        let mut lines = vec![Line::styled(format!("{symbol} {}", state.word()), style)];
        lines.extend(advice(run, shared).map(|advice| Line::styled(advice, style)));
        if let Some(progress) = run.metrics.progress {
            let whose = progress.phase.word();
            let epoch = short((progress.epoch * 10.0).floor() / 10.0);
            let epoch = match run.run.store.planned_epochs(progress.phase) {
                Some(planned) => format!("epoch {epoch} of {planned}, stopped early"),
                None => format!("epoch {epoch} of {}", short(progress.epochs)),
            };
            lines.push(self.row(whose, epoch));
        }
        lines
    }

    fn origin(&self, run: &Subject, frozen: &Frozen) -> Vec<Line<'static>> {
        let store = &run.run.store;
        let mut lines = Vec::new();
        let mut add = |label: &str, value: Option<String>| {
            lines.extend(value.map(|value| self.row(label, value)));
        };
        add("experiment", run.experiment().map(str::to_owned));
        add("method", run.config.get("method").map(str::to_owned));
        add(
            "device",
            store
                .identity
                .as_ref()
                .map(|identity| format!("{}, workbench {}", identity.device, identity.version)),
        );
        let took = trained_words(run.metrics.seconds, run.metrics.teacher_seconds);
        let took = took.map(|took| match store.processes {
            0 | 1 => took,
            several => format!("{took} in {several} processes"),
        });
        let forked = run.run.plan.as_ref().and_then(|plan| plan.forked.as_ref());
        add(
            "forked",
            forked.map(|fork| format!("from {}, {}", fork.from, kept_name(fork.at))),
        );
        add("study", run.study().map(study_words));
        let kept: Vec<String> = store.kept.iter().map(|at| kept_name(*at)).collect();
        add("kept", (!kept.is_empty()).then(|| kept.join(" ")));
        add("started", Some(format!("{} UTC", moment(run.run.started))));
        add("trained", took);
        let notes = &run.run.notes;
        add(
            "tags",
            (!notes.tags.is_empty()).then(|| notes.tags.join(" ")),
        );
        add("note", (!notes.note.is_empty()).then(|| notes.note.clone()));
        if let Some(problem) = &frozen.problem {
            let text = format!("the experiment cannot be read: {problem}");
            lines.push(Line::styled(text, self.theme.bad()));
        }
        lines
    }

    fn results(&self, run: &Subject) -> Vec<Line<'static>> {
        let store = &run.run.store;
        let tested = |weights| store.last_evaluation(Phase::Student, Split::Test, weights);
        let test_best = tested(EvaluatedWeights::Best);
        let test_last = tested(EvaluatedWeights::Last);
        let best = store.best_evaluation(Phase::Student);
        let last = store.last_evaluation(Phase::Student, Split::Valid, EvaluatedWeights::Last);
        let teacher = store.best_evaluation(Phase::Teacher);
        // On test images the teacher only answers beside the student.
        let beside = test_best.or(test_last).and_then(|test| test.teacher);
        let quantized = tested(EvaluatedWeights::Quantized);
        let sets = [
            (
                "valid",
                [
                    ("best", best.map(Metrics::of)),
                    ("last", last.map(Metrics::of)),
                    ("quantized", store.best_quantized().map(Metrics::of)),
                    ("teacher", teacher.map(Metrics::of)),
                ],
            ),
            (
                "test",
                [
                    ("best", test_best.map(Metrics::of)),
                    ("last", test_last.map(Metrics::of)),
                    ("quantized", quantized.map(Metrics::of)),
                    (
                        "teacher",
                        beside.map(|teacher| Metrics::of_teacher(&teacher)),
                    ),
                ],
            ),
        ];
        let known = sets.iter().flat_map(|(_, rows)| rows);
        let known: Vec<&Metrics> = known.filter_map(|(_, metrics)| metrics.as_ref()).collect();
        if known.is_empty() {
            return vec![self.row("metrics", "not evaluated yet")];
        }
        let has_top5 = known.iter().any(|metrics| metrics.top5.is_some());
        let mut lines = Vec::new();
        for (set, rows) in sets {
            let rows = rows.into_iter();
            let rows = rows.filter_map(|(name, metrics)| Some((name, metrics?)));
            let mut rows = rows.peekable();
            if rows.peek().is_some() {
                let top5 = if has_top5 { "    top-5" } else { "" };
                let head = format!("{set:LABEL$}    top-1{top5}     loss  agreement");
                lines.push(self.head(head));
            }
            lines.extend(rows.map(|(name, metrics)| self.row(name, metrics.words(has_top5))));
        }
        let named = [
            ("test (best)", test_best),
            ("test (last)", test_last),
            ("valid (best)", best),
            ("valid (last)", last),
        ];
        let mut named = named.into_iter();
        let first = named.find_map(|(of, evaluation)| Some((of, evaluation?)));
        let classes = store.data.as_ref().map(|data| data.classes.as_slice());
        let classes = classes.unwrap_or_default();
        lines.extend(first.and_then(|(of, evaluation)| self.worst(of, evaluation, classes)));
        lines
    }

    /// The classes that are most often wrong, in an evaluation of this name.
    fn worst(
        &self,
        of: &str,
        evaluation: &Evaluation,
        classes: &[String],
    ) -> Option<Line<'static>> {
        let shares = evaluation.per_class.iter().copied().enumerate();
        let mut shares: Vec<(usize, f64)> = shares.filter(|(_, share)| *share < 1.0).collect();
        shares.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let worst: Vec<String> = shares
            .iter()
            .take(WORST)
            .map(|(at, share)| {
                let name = classes
                    .get(*at)
                    .map_or_else(|| format!("class {at}"), Clone::clone);
                format!("{name} {}", percent(*share))
            })
            .collect();
        let worst = format!("lowest on {of}: {}", worst.join(", "));
        (!shares.is_empty()).then(|| self.row("recall", worst))
    }

    fn models(&self, run: &Subject) -> Vec<Line<'static>> {
        let models = &run.run.store.models;
        if models.is_empty() {
            return Vec::new();
        }
        let head = format!("{:LABEL$}{:>9}{:>9}", "models", "params", "MACs");
        let mut lines = vec![self.head(head)];
        for (phase, model) in models {
            let whose = phase.word();
            let sizes = format!(
                "{:>9}{:>9}  {}",
                scaled(model.parameters as f64),
                scaled(model.macs_or_nan()),
                model.name
            );
            lines.push(self.row(whose, sizes));
        }
        if let Some(ratio) = run.run.store.compression() {
            let (parameters, macs) = (times(ratio.parameters), times(ratio.macs));
            lines.push(self.row("compression", format!("{parameters:>9}{macs:>9}")));
        }
        lines
    }

    /// The files that were exported, and whether each was run against the network.
    fn exports(&self, run: &Subject) -> Vec<Line<'static>> {
        let files = run.run.exports.iter();
        let lines = files.enumerate().map(|(at, (name, export))| {
            let label = if at == 0 { "exports" } else { "" };
            self.row(label, export_words(name, export))
        });
        lines.collect()
    }

    /// What was changed while it trained, commands in general, and warnings.
    fn happenings(&self, run: &Subject) -> Vec<Line<'static>> {
        let store = &run.run.store;
        let mut lines: Vec<Line> = run
            .config
            .changed()
            .map(|(path, text)| self.row("changed", format!("{path} {text}")))
            .collect();
        if !store.commands.is_empty() {
            let of = |is: fn(&CommandState) -> bool| {
                store
                    .commands
                    .iter()
                    .filter(|command| is(&command.state))
                    .count()
            };
            let counts = [
                (
                    of(|state| matches!(state, CommandState::Applied(_))),
                    "applied",
                ),
                (
                    of(|state| matches!(state, CommandState::Rejected(_))),
                    "rejected",
                ),
                (
                    of(|state| matches!(state, CommandState::Requested)),
                    "pending",
                ),
                (of(|state| matches!(state, CommandState::Void)), "discarded"),
            ];
            let parts = counts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<String> = parts
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            lines.push(self.row("commands", parts.join(", ")));
        }
        if let Some(last) = store.warnings.last() {
            lines.push(Line::from(vec![
                self.label("warnings"),
                Span::styled(
                    format!("{}: {}", store.warnings.len(), last.message),
                    self.theme.warn(),
                ),
            ]));
        }
        lines
    }

    fn place(&self, run: &Subject, keymap: &Keymap) -> Vec<Line<'static>> {
        let hint = keymap
            .key(Action::Copy)
            .map(|key| format!("{key} copy the path"));
        let hint = Span::styled(hint.unwrap_or_default(), self.theme.muted());
        vec![
            Line::from(vec![self.label("folder"), hint]),
            Line::raw(run.run.folder.path().shown().to_string()),
        ]
    }
}
