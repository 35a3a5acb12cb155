//! Knobs of the training: drawn as curves, changed, sent, written back.
//!
//! A change stays here until it is sent; sending asks the training, and what
//! becomes of it is read from the run's commands. Nothing here decides what a
//! knob is: the training does.

mod board;
mod draw;
mod edit;
mod scene;
mod written;

use std::collections::BTreeMap;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use self::board::{Board, KnobNow, Role, Time, controller_is_on, requests};
use self::edit::Draft;
use self::scene::{Scene, places};
use crate::event::{Command, Phase};
use crate::experiment::held::Held;
use crate::experiment::knob::KnobRole;
use crate::experiment::schedule::Schedule;
use crate::store::{RunEntry, RunStore};
use crate::ui::action::Action;
use crate::ui::dialog::{Dialog, Prompt, Purpose};
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;
use crate::ui::widget::border::{Border, Side};
use crate::ui::widget::chart::{Axis, cell, point_at};

/// Which training's knobs are shown.
pub(super) struct View<'a> {
    pub(super) run: &'a str,
    pub(super) entry: &'a RunEntry,
    pub(super) phase: Phase,
    /// Why nothing can be sent, if so.
    pub(super) refusal: Option<String>,
}

/// Every knob of a run as it stands, also where nothing has been logged since it
/// was turned; what was logged where the run has no plan.
#[must_use]
pub fn values(entry: &RunEntry, phase: Phase) -> BTreeMap<String, f64> {
    let mut values = entry.store.knobs(phase);
    let known = Board::of(entry).knobs(phase).into_iter();
    values.extend(known.map(|knob| (knob.name.to_owned(), knob.value)));
    values
}

/// What a knob of a run is to its training, where that is known.
pub(super) fn role(entry: &RunEntry, phase: Phase, knob: &str) -> Option<KnobRole> {
    Board::of(entry).role(phase, knob)
}

/// Changes of knobs that have not been sent, and which knob is selected.
#[derive(Debug, Default)]
pub(super) struct Knobs {
    of: Option<(String, Phase)>,
    selected: usize,
    drafts: BTreeMap<String, Draft>,
    /// Number of requests there were when one was sent that has not arrived.
    sent: BTreeMap<String, usize>,
    dragging: bool,
    /// Between the list and the chart.
    pub(super) border: Border,
}

impl Knobs {
    /// Brings what is derived from the run up to date. Changes are kept as long
    /// as the same training is shown: when the teacher is trained, the student's is.
    pub(super) fn update(&mut self, view: &View<'_>, shared: &mut Shared) {
        let of = Some((view.run.to_owned(), view.phase));
        if self.of != of {
            self.of = of;
            let pending = self.drafts.iter().filter(|(_, draft)| draft.changed());
            for (knob, _) in pending {
                shared.notify(LogLine::warn(format!(
                    "the pending change of {knob} is discarded: another training is shown"
                )));
            }
            self.drafts.clear();
            self.sent.clear();
            self.selected = 0;
        }
        let store = &view.entry.store;
        self.sent
            .retain(|knob, before| requests(store, knob).count() <= *before);
        let board = Board::of(view.entry);
        let Some(time) = board.time(view.phase) else {
            return;
        };
        let knobs = board.knobs(view.phase);
        for (name, draft) in self.drafts.iter_mut().filter(|(_, draft)| !draft.changed()) {
            if let Some(knob) = knobs.iter().find(|knob| knob.name == *name) {
                let selected = draft.selected;
                *draft = Draft::new(knob, time);
                draft.selected = selected.filter(|at| *at < draft.points().len());
            }
        }
    }

    /// Carries out an action of the knobs' context.
    pub(super) fn act(&mut self, action: Action, view: &View<'_>, shared: &mut Shared) {
        let store = &view.entry.store;
        let board = Board::of(view.entry);
        if let Some(problem) = board.problem() {
            return shared.notify(LogLine::error(problem));
        }
        let knobs = board.knobs(view.phase);
        let (Some(time), Some(knob)) = (board.time(view.phase), knobs.get(self.at(knobs.len())))
        else {
            return shared.notify(LogLine::error("this training has not started"));
        };
        let changes = matches!(
            action,
            Action::SetKnob
                | Action::RaiseKnob
                | Action::LowerKnob
                | Action::InsertPoint
                | Action::RemovePoint
                | Action::KnobShape
        );
        if let Some(refusal) = view.refusal.as_ref().filter(|_| changes) {
            return shared.notify(LogLine::error(refusal.clone()));
        }
        match action {
            Action::NextKnob => self.selected = (self.at(knobs.len()) + 1) % knobs.len(),
            Action::PreviousKnob => {
                self.selected = (self.at(knobs.len()) + knobs.len() - 1) % knobs.len();
            }
            Action::SetKnob => {
                let title = format!(
                    "{}, from {} to {}",
                    knob.name, knob.range.min, knob.range.max
                );
                let purpose = Purpose::SetKnob(knob.name.to_owned());
                let text = format!("{}", edit::rounded(knob.value));
                shared.dialog = Some(Dialog::Prompt(Prompt::new(title, &text, purpose)));
            }
            Action::UndoKnob => {
                let undone = self.drafts.get_mut(knob.name).is_some_and(Draft::undo);
                if !undone {
                    shared.notify(LogLine::info(format!(
                        "{} has no pending change",
                        knob.name
                    )));
                }
            }
            Action::SendKnob => {
                let (name, before) = (knob.name.to_owned(), requests(store, knob.name).count());
                self.send(&name, before, view, shared);
            }
            Action::ToggleController => toggle_controller(view, shared),
            Action::WriteKnob => {
                let pending = self.drafts.get(knob.name).filter(|draft| draft.changed());
                let future = pending.map_or_else(|| Draft::new(knob, time), Clone::clone);
                match written::asked(knob, &future, board, view) {
                    Ok((effect, note)) => {
                        if let Some(note) = note {
                            shared.notify(LogLine::info(note));
                        }
                        shared.ask(effect);
                    }
                    Err(line) => shared.notify(line),
                }
            }
            _ => {
                let knob = knob.clone();
                let done = edited(&mut self.drafts, &knob, time, action);
                if let Err(message) = done {
                    shared.notify(LogLine::error(message));
                }
            }
        }
    }

    /// Takes the value that was requested.
    pub(super) fn on_submit(
        &mut self,
        name: &str,
        text: &str,
        view: &View<'_>,
        shared: &mut Shared,
    ) {
        let board = Board::of(view.entry);
        let knobs = board.knobs(view.phase);
        let time = board.time(view.phase);
        let (Some(knob), Some(time)) = (knobs.iter().find(|knob| knob.name == name), time) else {
            return shared.notify(LogLine::error(format!("{name} is no longer shown")));
        };
        let done = text
            .trim()
            .parse::<f64>()
            .map_err(|_| format!("`{text}` is not a number; write 0.05 or 5e-2"))
            .and_then(|value| draft(&mut self.drafts, knob, time).set(value));
        if let Err(message) = done {
            shared.notify(LogLine::error(message.clone()));
            // What was typed is there to be corrected.
            let purpose = Purpose::SetKnob(name.to_owned());
            shared.ask_again(message, text, purpose);
        }
    }

    fn send(&mut self, name: &str, before: usize, view: &View<'_>, shared: &mut Shared) {
        if let Some(refusal) = &view.refusal {
            return shared.notify(LogLine::error(refusal.clone()));
        }
        if view.entry.store.phase != Some(view.phase) {
            return shared.notify(LogLine::error(
                "this training is not running; switch to the other one to change its knobs",
            ));
        }
        let Some(draft) = self.drafts.get(name).filter(|draft| draft.changed()) else {
            return shared.notify(LogLine::info(format!("{name} has no pending change")));
        };
        if let Some(problem) = draft.problem() {
            return shared.notify(LogLine::error(format!("cannot change {name}: {problem}")));
        }
        let command = Command::Adjust {
            knob: name.to_owned(),
            schedule: draft.schedule(),
        };
        shared.ask(Effect::Command {
            run: view.run.to_owned(),
            command,
        });
        self.drafts.remove(name);
        self.sent.insert(name.to_owned(), before);
    }

    /// Selects what is clicked, inserts where nothing is, drags points.
    pub(super) fn mouse(&mut self, mouse: MouseEvent, area: Rect, view: &View<'_>) {
        let store = &view.entry.store;
        let board = Board::of(view.entry);
        let knobs = board.knobs(view.phase);
        let (at, parts) = ((mouse.column, mouse.row), places(area, self.border));
        if !self.dragging
            && parts.chart.width > 0
            && self.border.mouse(mouse, parts.list, Side::Left)
        {
            return;
        }
        let time = board.time(view.phase);
        let (Some(knob), Some(time)) = (knobs.get(self.at(knobs.len())), time) else {
            return;
        };
        match mouse.kind {
            MouseEventKind::ScrollDown => {
                self.selected = (self.at(knobs.len()) + 1).min(knobs.len() - 1);
            }
            MouseEventKind::ScrollUp => self.selected = self.at(knobs.len()).saturating_sub(1),
            MouseEventKind::Down(MouseButton::Left) => {
                let listed = self.listed(knobs.len(), parts.list);
                let row = listed.iter().find(|(_, place)| place.contains(at.into()));
                if let Some((row, _)) = row {
                    self.selected = *row;
                } else if view.refusal.is_none() {
                    let metric = format!("knob/{}", knob.name);
                    let logged = store.table(view.phase).series(&metric);
                    let draft = draft(&mut self.drafts, knob, time);
                    let scene = Scene::new(knob, logged, Some(draft), time);
                    let (axes, plot) = scene.axes(&scene.curves(), parts.chart);
                    self.dragging =
                        plot.contains(at.into()) && pressed(draft, (axes, plot), at, time);
                }
            }
            MouseEventKind::Drag(MouseButton::Left) if self.dragging => {
                let series = format!("knob/{}", knob.name);
                let Some(draft) = self.drafts.get_mut(knob.name) else {
                    return;
                };
                let scene = Scene::new(
                    knob,
                    store.table(view.phase).series(&series),
                    Some(draft),
                    time,
                );
                let (axes, plot) = scene.axes(&scene.curves(), parts.chart);
                draft.drag(point_at(axes, plot, at));
            }
            MouseEventKind::Up(_) => self.dragging = false,
            _ => {}
        }
    }

    /// Whether a change waits to be sent.
    pub(super) fn is_pending(&self) -> bool {
        self.drafts.values().any(Draft::changed)
    }

    /// The selected knob of so many.
    fn at(&self, count: usize) -> usize {
        self.selected.min(count.saturating_sub(1))
    }

    /// Whether a request was sent that the training has not taken up.
    fn waits(&self, knob: &KnobNow<'_>, store: &RunStore) -> bool {
        self.sent
            .get(knob.name)
            .is_some_and(|before| requests(store, knob.name).count() <= *before)
    }
}

/// What becomes of a training's knobs where it is extended.
pub(super) struct Ending {
    /// Knobs whose schedules are over then.
    pub(super) held: Vec<Held>,
    /// When they would end that end with the training, epochs.
    pub(super) epochs: u32,
    /// Whether a controller moves knobs until then.
    pub(super) has_rounds: bool,
}

/// What ends with a training, or before its end.
pub(super) fn ending(run: &RunEntry, phase: Phase) -> Ending {
    let board = Board::of(run);
    let end = board.time(phase).map(|time| time.end);
    let epochs = end.unwrap_or_default().round() as u32;
    let held = board.knobs(phase).into_iter().filter_map(|knob| {
        if matches!(knob.role, Role::Controlled | Role::Follows) {
            return None;
        }
        let role = board.role(phase, knob.name)?;
        Held::after(end?, knob.name, role, &knob.schedule)
    });
    Ending {
        held: held.collect(),
        epochs,
        has_rounds: board.has_controller(phase) && controller_is_on(&run.store, phase),
    }
}

/// What a learning rate that is held at 0 could be instead: the value that it started
/// with.
pub(super) fn initial_lr(run: &RunEntry, phase: Phase) -> Option<f64> {
    let board = Board::of(run);
    let knobs = board.knobs(phase);
    let lr = knobs.iter().find(|knob| is_lr(board, phase, knob))?;
    Some(edit::rounded(lr.schedule.start()))
}

/// The learning rate as it is until the training's end, or until it is 0 for good, and
/// from then on this value.
pub(super) fn lr_after_end(
    run: &RunEntry,
    phase: Phase,
    value: f64,
) -> Result<(String, Schedule), String> {
    let board = Board::of(run);
    let knobs = board.knobs(phase);
    let lr = knobs.into_iter().find(|knob| is_lr(board, phase, knob));
    let (Some(lr), Some(time)) = (lr, board.time(phase)) else {
        return Err("the learning rate of this run is not known".to_owned());
    };
    if !lr.range.contains(value) {
        return Err(format!("lr lies from {} to {}", lr.range.min, lr.range.max));
    }
    let then = Schedule::Constant(value);
    let is_over = time.now >= time.end || lr.schedule.settled(time.now).is_some();
    let schedule = if is_over {
        then
    } else {
        Schedule::Until {
            epochs: time.end,
            first: Box::new(lr.schedule),
            then: Box::new(then),
        }
    };
    Ok((lr.name.to_owned(), schedule))
}

fn is_lr(board: Board<'_>, phase: Phase, knob: &KnobNow<'_>) -> bool {
    board.role(phase, knob.name) == Some(KnobRole::LearningRate)
}

/// Asks that the controller lets go of its knobs, or takes them up again.
fn toggle_controller(view: &View<'_>, shared: &mut Shared) {
    let store = &view.entry.store;
    if let Some(refusal) = &view.refusal {
        return shared.notify(LogLine::error(refusal.clone()));
    }
    if !Board::of(view.entry).has_controller(view.phase) {
        return shared.notify(LogLine::error("this training has no controller"));
    }
    shared.ask(Effect::Command {
        run: view.run.to_owned(),
        command: Command::SetController {
            on: !controller_is_on(store, view.phase),
        },
    });
}

fn draft<'a>(
    drafts: &'a mut BTreeMap<String, Draft>,
    knob: &KnobNow<'_>,
    time: Time,
) -> &'a mut Draft {
    drafts
        .entry(knob.name.to_owned())
        .or_insert_with(|| Draft::new(knob, time))
}

/// Takes hold of the point at a cell, or of a new one where there is none and
/// the training has not been yet. Returns whether it holds one.
fn pressed(
    draft: &mut Draft,
    (axes, plot): ((Axis, Axis), Rect),
    at: (u16, u16),
    time: Time,
) -> bool {
    let near = draft.points().iter().position(|point| {
        cell(axes, plot, *point)
            .is_some_and(|(x, y)| x.abs_diff(at.0) <= 1 && y.abs_diff(at.1) <= 1)
    });
    let point = point_at(axes, plot, at);
    if near.is_some() {
        draft.selected = near;
        draft.begin();
    } else if point.0 > time.now {
        draft.insert_at(point);
    } else {
        return false;
    }
    true
}

/// Changes a knob's future as an action says.
fn edited(
    drafts: &mut BTreeMap<String, Draft>,
    knob: &KnobNow<'_>,
    time: Time,
    action: Action,
) -> Result<(), String> {
    let draft = draft(drafts, knob, time);
    match action {
        Action::RaiseKnob => draft.nudge(true)?,
        Action::LowerKnob => draft.nudge(false)?,
        Action::EarlierPoint => draft.select(false),
        Action::LaterPoint => draft.select(true),
        Action::InsertPoint => draft.insert()?,
        Action::RemovePoint => draft.remove()?,
        Action::KnobShape => _ = draft.next_shape(),
        _ => {}
    }
    Ok(())
}
