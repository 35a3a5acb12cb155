//! Requests to the shown run's training: pause, stop, evaluate, save. Only
//! where somebody works on it; else the reason is shown.

use super::extend;
use crate::event::Command;
use crate::store::{Owner, RunEntry, RunState};
use crate::ui::action::Action;
use crate::ui::dialog::{Confirm, Dialog};
use crate::ui::effect::Effect;
use crate::ui::keymap::Keymap;
use crate::ui::news::LogLine;
use crate::ui::screens::fork;
use crate::ui::shared::Shared;

/// Whether somebody works on a run, who would carry out a command.
pub(super) fn takes_commands(run: &RunEntry) -> bool {
    match run.state() {
        RunState::Training | RunState::Paused => true,
        RunState::New => run.owner != Owner::None,
        _ => false,
    }
}

/// Why a run takes no commands, if so.
pub(super) fn refusal(run: &RunEntry, keymap: &Keymap) -> Option<String> {
    if takes_commands(run) {
        return None;
    }
    let why = match run.state() {
        RunState::Completed => &keymap.with_ways(
            "it has completed",
            &[
                (Action::AddEpochs, "adds epochs"),
                (Action::ForkShownRun, "forks it from a kept checkpoint"),
            ],
        ),
        RunState::Stopped => "it is stopped; resume it first",
        RunState::Crashed => "its process crashed; resume it first",
        RunState::Failed => "it failed; resume it first",
        RunState::New | RunState::Training | RunState::Paused => "it is not training",
    };
    Some(format!("cannot change this run: {why}"))
}

/// Carries out an action of run control. Returns whether it is one.
pub(super) fn act(action: Action, name: &str, run: &RunEntry, shared: &mut Shared) -> bool {
    if action == Action::ForkShownRun {
        fork::ask(name, run, shared);
        return true;
    }
    if action == Action::AddEpochs {
        extend::ask(name, run, shared);
        return true;
    }
    let command = match (action, run.state()) {
        (Action::PauseRun, state) if state.can_resume() => {
            resume(name, shared);
            return true;
        }
        (Action::PauseRun, RunState::Paused) => Command::Resume,
        (Action::PauseRun, _) => Command::Pause,
        (Action::StopRun, _) => Command::Stop,
        (Action::EvaluateNow, _) => Command::EvaluateNow,
        (Action::CheckpointNow, _) => Command::CheckpointNow,
        _ => return false,
    };
    if let Some(refusal) = refusal(run, &shared.keymap) {
        shared.notify(LogLine::error(refusal));
        return true;
    }
    let effect = Effect::Command {
        run: name.to_owned(),
        command: command.clone(),
    };
    if command == Command::Stop {
        shared.dialog = Some(Dialog::Confirm(Confirm {
            title: "Stop".to_owned(),
            message: format!("Save and stop {name}? It can be resumed later."),
            effect,
        }));
        return true;
    }
    let what = match command {
        Command::Pause => "pause",
        Command::Resume => "resume",
        Command::EvaluateNow => "evaluation",
        _ => "checkpoint",
    };
    let when = match run.state() {
        RunState::Paused => "",
        _ => "; takes effect at the next step",
    };
    shared.notify(LogLine::info(format!("{what} requested{when}")));
    shared.ask(effect);
    true
}

/// Continues with a run that ended before its end.
fn resume(name: &str, shared: &mut Shared) {
    if let Some(training) = &shared.training {
        let message = format!("{training} is training; resume {name} after it");
        return shared.notify(LogLine::error(message));
    }
    shared.dialog = Some(Dialog::Confirm(Confirm::resume(name)));
}
