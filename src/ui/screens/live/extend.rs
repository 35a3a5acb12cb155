//! More epochs for a training, also for a completed one: how many, and what
//! becomes of schedules that end with it.

use super::knobs::ending_with;
use crate::event::{Command, Phase};
use crate::experiment::timeline::NO_EXTENSION;
use crate::store::{Owner, RunEntry, RunState, Runs};
use crate::ui::dialog::{Choice, Dialog, Prompt, Purpose};
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;

/// What stands in the prompt at first.
const SUGGESTED: &str = "10";

/// Asks how many.
pub(super) fn ask(name: &str, run: &RunEntry, shared: &mut Shared) {
    match standing(run) {
        Ok((phase, epochs)) => {
            let title = format!("Epochs to add to the {}'s {epochs}", whose(phase));
            let purpose = Purpose::AddEpochs(name.to_owned());
            shared.dialog = Some(Dialog::Prompt(Prompt::new(title, SUGGESTED, purpose)));
        }
        Err(refusal) => shared.notify(LogLine::error(refusal)),
    }
}

/// Takes the answer, and asks for the schedules if some end with the training.
pub(in crate::ui) fn on_submit(name: String, text: &str, shared: &mut Shared, runs: &Runs) {
    let Some(run) = runs.get(&name) else {
        return;
    };
    let (phase, now) = match standing(run) {
        Ok(standing) => standing,
        Err(refusal) => return shared.notify(LogLine::error(refusal)),
    };
    let more = text.trim().parse::<u32>().ok().filter(|more| *more > 0);
    let Some((more, end)) = more.and_then(|more| Some((more, now.checked_add(more)?))) else {
        let wrong = format!("`{}` is not a number of epochs", text.trim());
        return shared.ask_again(wrong, text, Purpose::AddEpochs(name));
    };
    let effect = |stretches: bool| match run.state() {
        RunState::Training | RunState::Paused => Effect::Command {
            run: name.clone(),
            command: Command::Extend {
                epochs: end,
                schedules_end: (!stretches).then_some(now),
            },
        },
        _ => Effect::ExtendRun {
            run: name.clone(),
            epochs: more,
            stretches,
        },
    };
    let ending = ending_with(run, phase);
    if ending.is_empty() {
        return shared.ask(effect(true));
    }
    let text = format!("Scheduled to the last epoch: {}.", listed(&ending));
    let choices = vec![
        (
            format!("hold the final values from epoch {now}"),
            effect(false),
        ),
        (format!("stretch to epoch {end}"), effect(true)),
    ];
    let title = format!("Train to epoch {end}");
    let choice = Choice::new(title, vec![text], choices).with_letters(['h', 's']);
    shared.dialog = Some(Dialog::Choose(choice));
}

/// Which training would get more epochs, and how many it has.
fn standing(run: &RunEntry) -> Result<(Phase, u32), String> {
    let is_alive = matches!(run.state(), RunState::Training | RunState::Paused);
    if !is_alive && run.owner != Owner::None {
        return Err("the run is being written; try again when it has ended".to_owned());
    }
    let store = &run.store;
    let known = store
        .phase
        .and_then(|phase| store.phases.get_key_value(&phase));
    let (phase, state) = known.ok_or("this run has not started training")?;
    let plan = run.plan.as_deref().map(|plan| &plan.resolved.plan);
    if *phase == Phase::Student && plan.is_some_and(|plan| plan.training.finish.is_some()) {
        return Err(NO_EXTENSION.to_owned());
    }
    Ok((*phase, state.epochs().round() as u32))
}

fn listed(names: &[String]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.concat(),
    }
}

fn whose(phase: Phase) -> &'static str {
    match phase {
        Phase::Teacher => "teacher",
        Phase::Student => "student",
    }
}
