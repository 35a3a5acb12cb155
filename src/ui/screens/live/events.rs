//! What happened in the run, in order: rounds with what their controller
//! decided, evaluations, commands and their fates, checkpoints, warnings.
//!
//! ```text
//! ─ events · 2 new ↓ f ── k knob changed · r round · b best … ─
//!  r student 128  round 2 of 12: p1 0 → 0.042, p2 → 0.083: …
//!  e student 128  valid top-1 78.7 %, loss 0.61, agreement …
//!  k student 140  lr 0.1 → 0.05, applied at step 140
//! ```
//!
//! It follows the newest until a person moves to older ones; then its title says
//! how many came since.

use std::collections::HashSet;
use std::ptr;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::marks;
use crate::event::{Command, EvaluatedWeights, Evaluation, Phase, Position, Split};
use crate::experiment::controller::Decision;
use crate::format::{self, count, percent, short, shorten_words};
use crate::store::{Checkpoint, CommandState, CommandStatus, Round, RunStore};
use crate::ui::keymap::Keymap;
use crate::ui::shared::Shared;
use crate::ui::widget::Selection;
use crate::untrusted::Show as _;

/// One line: which record of the store it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Record {
    Round(usize),
    Evaluation(usize),
    Checkpoint(usize),
    EarlyStop,
    Command(usize),
    Warning(usize),
    Note(usize),
}

/// The list of a run's events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What the list was made from.
    of: Option<(String, [usize; 8])>,
    lines: Vec<(Option<Position>, Record)>,
    selection: Selection,
    /// What was there when a person moved to an older line; none while the newest
    /// are followed.
    seen: Option<HashSet<Record>>,
    /// Lines that came since.
    unseen: usize,
}

impl Events {
    /// Brings the list up to date.
    pub(super) fn update(&mut self, run: &str, store: &RunStore) {
        let applied = store
            .commands
            .iter()
            .filter(|c| c.state != CommandState::Requested);
        let counts = [
            store.rounds.len(),
            store.evaluations.len(),
            store.checkpoints.len(),
            store.commands.len(),
            applied.count(),
            store.notes.len(),
            usize::from(store.stopped_early.is_some()),
            store.warnings.len() + (store.processes as usize).wrapping_mul(1 << 20),
        ];
        if self
            .of
            .as_ref()
            .is_some_and(|(name, old)| name == run && *old == counts)
        {
            return;
        }
        if self.of.as_ref().is_none_or(|(name, _)| name != run) {
            self.follow();
        }
        self.of = Some((run.to_owned(), counts));
        let selected = self.selected().map(|at| self.lines[at].1);
        self.lines = lines(store);
        if let Some(seen) = &self.seen {
            let records = || self.lines.iter().map(|(_, record)| *record);
            self.unseen = records().filter(|record| !seen.contains(record)).count();
            // Lines before it may have gone: only the last checkpoint is listed.
            if let Some(at) = records().position(|record| Some(record) == selected) {
                self.selection.set(at);
            }
        }
    }

    /// Whether the newest is shown.
    pub(super) fn follows(&self) -> bool {
        self.seen.is_none()
    }

    /// Shows the newest from now on.
    pub(super) fn follow(&mut self) {
        (self.seen, self.unseen) = (None, 0);
    }

    pub(super) fn select(&mut self, at: usize) {
        self.selection.set(at);
        if at + 1 >= self.lines.len() {
            self.follow();
        } else if self.seen.is_none() {
            self.seen = Some(self.lines.iter().map(|(_, record)| *record).collect());
        }
    }

    /// Moves the selection. Returns whether the action does.
    pub(super) fn act(&mut self, action: crate::ui::Action) -> bool {
        let Some(at) = self.selected() else {
            return false;
        };
        self.selection.set(at);
        let acted = self.selection.act(action, self.lines.len());
        if acted && let Some(at) = self.selection.get(self.lines.len()) {
            self.select(at);
        }
        acted
    }

    fn selected(&self) -> Option<usize> {
        if self.seen.is_some() {
            self.selection.get(self.lines.len())
        } else {
            self.lines.len().checked_sub(1)
        }
    }

    /// The pane's name, and where it does not follow, what that hides and the key
    /// that follows again.
    fn title(&self, keymap: &Keymap) -> String {
        if self.seen.is_none() {
            return "events".to_owned();
        }
        let key = keymap
            .key(crate::ui::Action::FollowEvents)
            .unwrap_or_default();
        match self.unseen {
            0 => format!("events · not following ↓ {key}"),
            unseen => format!("events · {unseen} new ↓ {key}"),
        }
    }

    /// Where the selected line happened.
    pub(super) fn position(&self) -> Option<Position> {
        self.lines.get(self.selected()?)?.0
    }

    /// The line at a row of the pane.
    pub(super) fn at_row(&self, area: Rect, focused: bool, row: u16) -> Option<usize> {
        let [area, _] = parts(area, focused);
        let window = self.window(area.height.saturating_sub(1));
        let at = window.start + usize::from(row.checked_sub(area.y + 1)?);
        window.contains(&at).then_some(at)
    }

    fn window(&self, height: u16) -> std::ops::Range<usize> {
        let mut selection = self.selection;
        selection.set(self.selected().unwrap_or(0));
        selection.window(self.lines.len(), height.into())
    }

    pub(super) fn draw(
        &self,
        store: &RunStore,
        focused: bool,
        shared: &Shared,
        frame: &mut Frame,
        area: Rect,
    ) {
        if area.height == 0 {
            return;
        }
        let theme = &shared.theme;
        let title = self.title(&shared.keymap);
        super::rule(&title, marks::LEGEND, focused, theme, frame, area);
        let selected = self.selected().filter(|_| focused);
        let [area, whole] = parts(area, focused);
        if let Some(at) = selected {
            // The selected line is shown in full.
            let (_, text, _) = described(store, self.lines[at].1);
            let text = Paragraph::new(text).wrap(Wrap { trim: true });
            let whole = Rect {
                x: whole.x + 1.min(whole.width),
                width: whole.width.saturating_sub(1),
                ..whole
            };
            frame.render_widget(text.style(theme.muted()), whole);
        }
        let window = self.window(area.height - 1);
        let most = [Phase::Teacher, Phase::Student].map(|phase| store.completed(phase));
        let places = "student ".len() + count(most[0].max(most[1])).chars().count();
        for (row, at) in window.enumerate() {
            let (position, record) = self.lines[at];
            let (letter, text, bad) = described(store, record);
            let place = position.map_or_else(String::new, |at| {
                let phase = at.phase.word();
                format!("{phase} {}", count(at.step))
            });
            let pointer = if Some(at) == selected { "▸" } else { " " };
            let style = if bad { theme.warn() } else { theme.text() };
            let mut line = Line::from(vec![
                Span::styled(format!("{pointer}{letter} "), theme.accent()),
                Span::styled(format!("{place:<places$}  "), theme.muted()),
            ]);
            let room = usize::from(area.width).saturating_sub(line.width());
            line.push_span(Span::styled(shorten_words(&text, room), style));
            if Some(at) == selected {
                line = line.style(theme.selection());
            }
            let place = Rect {
                y: area.y + 1 + row as u16,
                height: 1,
                ..area
            };
            frame.render_widget(line, place.intersection(area));
        }
        if self.lines.is_empty() && area.height > 1 {
            let place = Rect {
                y: area.y + 1,
                height: 1,
                ..area
            };
            frame.render_widget(Line::styled("   no events yet", theme.muted()), place);
        }
    }
}

/// The list, and the place of the selected line's whole text: of a low pane as much as
/// leaves two rows below its title.
fn parts(area: Rect, focused: bool) -> [Rect; 2] {
    const WHOLE: u16 = 3;
    let whole = if focused {
        WHOLE.min(area.height.saturating_sub(3))
    } else {
        0
    };
    Layout::vertical([Constraint::Fill(1), Constraint::Length(whole)]).areas(area)
}

/// Every record in order. What has no place of its own stands where it arrived.
fn lines(store: &RunStore) -> Vec<(Option<Position>, Record)> {
    let mut lines: Vec<(Option<Position>, Record)> = Vec::new();
    lines.extend(
        store
            .rounds
            .iter()
            .enumerate()
            .map(|(at, each)| (Some(each.at), Record::Round(at))),
    );
    let evaluations = store.evaluations.iter().enumerate();
    // At the end of an epoch one may be asked for beside that of the epoch.
    let again = |at: usize, each: &Evaluation| {
        let later = store.evaluations.iter().skip(at + 1);
        let same = |next: &Evaluation| {
            (next.phase, next.step, next.split, next.weights)
                == (each.phase, each.step, each.split, each.weights)
        };
        later.take_while(|next| next.step <= each.step).any(same)
    };
    let evaluations = evaluations.filter(|(at, each)| !again(*at, each));
    lines.extend(evaluations.map(|(at, each)| {
        let position = Position {
            phase: each.phase,
            step: each.step,
        };
        // The test comes last, also that of an earlier checkpoint.
        let end = each.split == Split::Test;
        let reached = Position {
            phase: each.phase,
            step: store.completed(each.phase),
        };
        (
            Some(if end { reached } else { position }),
            Record::Evaluation(at),
        )
    }));
    lines.extend(
        store
            .checkpoints
            .iter()
            .enumerate()
            .filter(|(at, each)| each.best || at + 1 == store.checkpoints.len())
            .map(|(at, each)| (Some(each.at), Record::Checkpoint(at))),
    );
    let mut reached = None;
    for (at, command) in store.commands.iter().enumerate() {
        if let CommandState::Applied(position) = command.state {
            reached = Some(position);
        }
        if answer(store, command).is_some() {
            continue;
        }
        let waits = command.state == CommandState::Requested;
        let now = store.phase.map(|phase| Position {
            phase,
            step: store.completed(phase),
        });
        lines.push((if waits { now } else { reached }, Record::Command(at)));
    }
    lines.extend(
        store
            .warnings
            .iter()
            .enumerate()
            .map(|(at, each)| (each.at, Record::Warning(at))),
    );
    let early = store.stopped_early.as_ref();
    lines.extend(early.map(|(at, _)| (Some(*at), Record::EarlyStop)));
    lines.extend((0..store.notes.len()).map(|at| (None, Record::Note(at))));
    // What was requested stands before what came of it, and a change of what comes next
    // behind all that is of the same step.
    let rank = |record: &Record| match record {
        Record::Round(_) | Record::Evaluation(_) => 0,
        Record::Command(at) => {
            let command = store.commands.get(*at).map(|it| &it.record.command);
            if command == Some(&Command::CheckpointNow) {
                1
            } else {
                3
            }
        }
        Record::EarlyStop => 1,
        Record::Checkpoint(_) => 2,
        Record::Warning(_) | Record::Note(_) => 4,
    };
    lines.sort_by_key(|(position, record)| (*position, rank(record)));
    lines
}

/// The evaluation that a command asked for and got: its line says both.
fn answer<'a>(store: &'a RunStore, command: &CommandStatus) -> Option<&'a Evaluation> {
    let (CommandState::Applied(at), Command::EvaluateNow) =
        (&command.state, &command.record.command)
    else {
        return None;
    };
    let mut all = store.evaluations_of(at.phase, Split::Valid);
    all.rfind(|each| each.step == at.step)
}

/// A record's letter, its sentence, and whether it is to be looked at.
fn described(store: &RunStore, record: Record) -> (char, String, bool) {
    match record {
        Record::Round(at) => store.rounds.get(at).map(|each| ('r', round(each), false)),
        Record::Evaluation(at) => store.evaluations.get(at).map(|each| {
            let asked = |command| answer(store, command).is_some_and(|it| ptr::eq(it, each));
            let is_asked = store.commands.iter().any(asked);
            let head = if is_asked { "evaluate now: " } else { "" };
            ('e', format!("{head}{}", evaluation(each)), false)
        }),
        Record::Checkpoint(at) => store.checkpoints.get(at).map(checkpoint),
        Record::EarlyStop => store
            .stopped_early
            .as_ref()
            .map(|(_, reason)| ('s', format!("stopped early: {reason}"), false)),
        Record::Command(at) => store.commands.get(at).map(|each| command(each, store)),
        Record::Warning(at) => store
            .warnings
            .get(at)
            .map(|each| ('!', each.message.clone(), true)),
        Record::Note(at) => store.notes.get(at).map(|each| ('i', each.clone(), false)),
    }
    .unwrap_or((' ', String::new(), false))
}

fn round(each: &Round) -> String {
    let head = format!("round {} of {}", each.round, each.rounds);
    match &each.decision {
        Some(decision) => format!("{head}: {}", decided(decision)),
        None => head,
    }
}

/// What a controller moved and why.
pub(super) fn decided(decision: &Decision) -> String {
    let moves: Vec<String> = std::iter::once(&decision.moved)
        .chain(&decision.followed)
        .map(|step| step.words(short))
        .collect();
    format!("{}; {}", moves.join(", "), decision.reason)
}

fn evaluation(each: &Evaluation) -> String {
    let split = each.split.word();
    let weights = match (each.split, each.weights) {
        (Split::Valid, EvaluatedWeights::Last) => "",
        (_, EvaluatedWeights::Last) => " (last)",
        (_, EvaluatedWeights::Best) => " (best)",
        (_, EvaluatedWeights::Quantized) => " (quantized)",
    };
    let (top1, loss) = (percent(each.top1), format::loss(each.loss));
    // The loss comes last: where there is no room, it can be spared first.
    let teacher = each.teacher.map_or_else(String::new, |teacher| {
        let (agreement, kl) = (percent(teacher.agreement), format::loss(teacher.kl));
        format!("agreement {agreement}, KL {kl}, ")
    });
    format!("{split} top-1{weights} {top1}, {teacher}loss {loss}")
}

fn checkpoint(each: &Checkpoint) -> (char, String, bool) {
    let what = if each.best {
        ('b', "best checkpoint saved to")
    } else {
        ('c', "checkpoint saved to")
    };
    (
        what.0,
        format!("{} {}/", what.1, each.folder.shown()),
        false,
    )
}

fn command(each: &CommandStatus, store: &RunStore) -> (char, String, bool) {
    let what = &each.record.command;
    let letter = match what {
        Command::EvaluateNow => 'e',
        Command::CheckpointNow => 'c',
        _ if what.changes_training() => 'k',
        _ => ' ',
    };
    let text = format!("{}, {}", store.describe(each), each.state);
    (letter, text, each.state.is_lost())
}
