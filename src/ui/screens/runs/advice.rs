//! What a person should know of the selected run, and can do about it.

use ratatui::text::Line;

use crate::event::Outcome;
use crate::format::{count, shorten};
use crate::listing::Subject;
use crate::store::{Owner, RunState};
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::shared::Shared;

/// Where the run stands, if that is not plain from its row, and the key that
/// continues with it: before the reason, which may be long and cut.
pub(super) fn advice(run: &Subject, shared: &Shared) -> Option<String> {
    let entry = run.run;
    let hint = |action, how: &str| match shared.keymap.key(action) {
        Some(key) => format!(" ({key}: {how})"),
        None => String::new(),
    };
    if let Some(place) = shared.place_in_queue(|waiting| waiting.is_of(run.name)) {
        let remove = hint(Action::ResumeRun, "remove");
        return Some(format!("to be resumed, {place} in the queue{remove}"));
    }
    if let Some(place) = shared.place_in_queue(|waiting| waiting.fork_of(run.name).is_some()) {
        let remove = hint(Action::ForkRun, "remove");
        // A fork leaves the run what it is.
        let state = entry.state().word();
        return Some(format!(
            "{state}; to be forked, {place} in the queue{remove}"
        ));
    }
    if let Some(problem) = entry.problem() {
        return Some(format!("problem: {problem}"));
    }
    let resume = |how: &str| hint(Action::ResumeRun, how);
    match (entry.state(), entry.store.outcome()) {
        (RunState::Crashed, _) => Some(format!(
            "crashed{}{}",
            at_step(run),
            resume("resume from the last checkpoint")
        )),
        (_, Some(early @ Outcome::StoppedEarly { .. })) => Some(early.words()),
        (_, Some(stopped @ Outcome::Stopped { .. })) => Some(format!(
            "{}{}{}",
            stopped.words(),
            at_step(run),
            resume("resume")
        )),
        (_, Some(Outcome::Failed { message })) => {
            Some(format!("failed{}: {message}", resume("retry")))
        }
        _ => match &entry.owner {
            Owner::Elsewhere(holder) => Some(format!("{} in {holder}", entry.state().word())),
            Owner::Here | Owner::None => None,
        },
    }
}

/// The advice as the lower edge of a table of `most` cells shows it.
pub(super) fn line(run: &Subject, most: usize, shared: &Shared) -> Line<'static> {
    let theme = &shared.theme;
    match advice(run, shared) {
        Some(advice) => {
            let (symbol, style) = match run.run.problem() {
                Some(_) => ("!", theme.warn()),
                None => theme.state(run.run.state()),
            };
            let advice = shorten(&advice, most.saturating_sub(6));
            Line::styled(format!(" {symbol} {advice} "), style)
        }
        None => Line::default(),
    }
}

fn at_step(run: &Subject) -> String {
    let store = &run.run.store;
    store.phase.map_or(String::new(), |phase| {
        format!(" at step {}", count(store.completed(phase)))
    })
}

/// Why a run cannot continue.
pub(super) fn why_not_resume(run: &Subject, keymap: &Keymap) -> Option<String> {
    let name = run.name;
    let state = run.run.state();
    match (state, &run.run.owner) {
        (RunState::Training | RunState::Paused, _) => {
            Some(format!("{name} is already {}", state.word()))
        }
        (RunState::Completed, _) => Some(keymap.with_ways(
            &format!("{name} is completed"),
            &[
                (Action::BranchRun, "branches an experiment from it"),
                (Action::ForkRun, "forks it from a kept checkpoint"),
                (Action::AddEpochs, "in Live adds epochs"),
            ],
        )),
        (RunState::New, _) => Some(format!("{name} has no steps yet; train its experiment")),
        (_, Owner::Elsewhere(holder)) => Some(format!("{name} is used by {holder}")),
        (_, Owner::Here) => Some(format!("{name} is still being saved here")),
        (RunState::Stopped | RunState::Crashed | RunState::Failed, Owner::None) => None,
    }
}
