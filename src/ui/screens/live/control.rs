//! Requests to the shown run's training: pause, stop, evaluate, save. Only
//! where somebody works on it; else it is told why not.

use crate::event::Command;
use crate::store::{Owner, RunEntry, RunState};
use crate::ui::action::Action;
use crate::ui::dialog::{Confirm, Dialog};
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;

/// Why a run takes no commands, if so.
pub(super) fn refusal(run: &RunEntry) -> Option<String> {
    let why = match run.state() {
        RunState::Training | RunState::Paused => return None,
        RunState::Completed => "it is complete",
        RunState::Stopped => "it was stopped; go on with it first",
        RunState::Crashed => "its process died; go on with it first",
        RunState::Failed => "it failed; go on with it first",
        RunState::New if run.owner != Owner::None => return None,
        RunState::New => "nobody trains it",
    };
    Some(format!("this run takes no commands: {why}"))
}

/// Carries out an action of run control. Returns whether it is one.
pub(super) fn act(action: Action, name: &str, run: &RunEntry, shared: &mut Shared) -> bool {
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
    if let Some(refusal) = refusal(run) {
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
            message: format!("Save {name} and stop it? It can go on later."),
            effect,
        }));
        return true;
    }
    let what = match command {
        Command::Pause => "pause",
        Command::Resume => "go on",
        Command::EvaluateNow => "evaluation",
        _ => "checkpoint",
    };
    shared.notify(LogLine::info(format!(
        "{what} requested; it happens at the next step"
    )));
    shared.ask(effect);
    true
}

/// Goes on with a run that ended before its end.
fn resume(name: &str, shared: &mut Shared) {
    if let Some(training) = &shared.training {
        let message = format!("{training} trains here; {name} can go on after it");
        return shared.notify(LogLine::error(message));
    }
    shared.dialog = Some(Dialog::Confirm(Confirm {
        title: "Go on".to_owned(),
        message: format!("Go on with {name} from its last checkpoint?"),
        effect: Effect::ResumeRun(name.to_owned()),
    }));
}
