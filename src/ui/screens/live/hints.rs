//! Which keys are worth knowing here: of a run that trains, how it is paused; of
//! one that ended, how it continues, or how one comes to the others.

use super::{Focus, Live, control};
use crate::store::{RunState, Runs};
use crate::ui::action::Action;

/// Of a run that takes commands.
const TRAINS: &[Action] = &[
    Action::PauseRun,
    Action::EvaluateNow,
    Action::FocusKnobs,
    Action::FocusEvents,
    Action::SwitchPhase,
    Action::Maximize,
    Action::ZoomIn,
];

/// Of one that ended; the first means nothing where it came to its end.
const ENDED: &[Action] = &[
    Action::PauseRun,
    Action::NextRun,
    Action::FocusKnobs,
    Action::FocusEvents,
    Action::SwitchPhase,
    Action::Maximize,
    Action::ZoomIn,
    Action::NextAxis,
];

const KNOBS: &[Action] = &[
    Action::RaiseKnob,
    Action::LaterPoint,
    Action::NextKnob,
    Action::SetKnob,
    Action::KnobShape,
    Action::SendKnob,
    Action::LeaveKnobs,
];

/// While a change waits to be sent.
const KNOBS_PENDING: &[Action] = &[
    Action::SendKnob,
    Action::UndoKnob,
    Action::RaiseKnob,
    Action::LaterPoint,
    Action::SetKnob,
    Action::LeaveKnobs,
];

/// Where no training takes a change, a knob is looked at, or written into the
/// experiment's file.
const KNOBS_OVER: &[Action] = &[Action::NextKnob, Action::WriteKnob, Action::LeaveKnobs];

/// The first means nothing while the newest events are followed.
const EVENTS: &[Action] = &[
    Action::FollowEvents,
    Action::Maximize,
    Action::FocusEvents,
    Action::PauseRun,
];

impl Live {
    pub(in crate::ui) fn hints(&self, runs: &Runs) -> &'static [Action] {
        let run = self.shown_run(runs).map(|shown| shown.entry);
        let trains = run.is_some_and(control::takes_commands);
        let resumes = run.is_some_and(|run| run.state().can_resume());
        match self.focus {
            Focus::Charts if trains => TRAINS,
            Focus::Charts => &ENDED[usize::from(!resumes)..],
            Focus::Events => {
                let last = EVENTS.len() - usize::from(!trains && !resumes);
                &EVENTS[usize::from(self.events.follows())..last]
            }
            Focus::Knobs if trains && self.knobs.is_pending() => KNOBS_PENDING,
            Focus::Knobs if trains => KNOBS,
            Focus::Knobs => KNOBS_OVER,
        }
    }

    /// Whether both teacher and student were trained in the run that is shown, so that one
    /// can be shown after the other.
    pub(in crate::ui) fn has_other_phase(&self, runs: &Runs) -> bool {
        let shown = self.shown_run(runs);
        shown.is_some_and(|shown| shown.entry.store.phases.len() > 1)
    }

    /// Whether the key that pauses would: of a training that waits or ended it
    /// continues with it.
    pub(in crate::ui) fn would_pause(&self, runs: &Runs) -> bool {
        let state = self.shown_run(runs).map(|shown| shown.entry.state());
        state.is_none_or(|state| state != RunState::Paused && !state.can_resume())
    }
}
