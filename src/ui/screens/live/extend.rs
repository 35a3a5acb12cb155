//! More epochs for a training, also for a completed one: how many, and what
//! becomes of schedules that end with it.

use super::knobs::{Ending, ending, initial_lr, lr_after_end};
use crate::event::{Command, Phase};
use crate::experiment::held::Held;
use crate::experiment::schedule::Schedule;
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
            let title = format!("Epochs to add to the {}'s {epochs}", phase.word());
            let purpose = Purpose::AddEpochs(name.to_owned());
            shared.dialog = Some(Dialog::Prompt(Prompt::new(title, SUGGESTED, purpose)));
        }
        Err(refusal) => shared.notify(LogLine::error(refusal)),
    }
}

/// Takes the number of epochs, and asks for what else has to be known: a learning rate
/// where it is 0 whatever becomes of the schedules, then the schedules if some end with
/// the training.
pub(in crate::ui) fn on_submit(name: String, text: &str, shared: &mut Shared, runs: &Runs) {
    let Some(extended) = Extended::of(&name, shared, runs) else {
        return;
    };
    let more = text.trim().parse::<u32>().ok().filter(|more| *more > 0);
    let more = more.filter(|more| extended.now.checked_add(*more).is_some());
    let Some(more) = more else {
        let wrong = format!("`{}` is not a number of epochs", text.trim());
        return shared.ask_again(wrong, text, Purpose::AddEpochs(name));
    };
    let is_longer = extended.now + more > extended.ending.epochs;
    let mut held = extended.ending.held.iter();
    if is_longer && held.any(|held| held.stops_learning() && !held.stretches) {
        let title = "New lr (held at 0: the weights will not change)";
        let initial = initial_lr(extended.run, extended.phase).filter(|lr| *lr > 0.0);
        let initial = initial.map_or_else(String::new, |lr| lr.to_string());
        let purpose = Purpose::AddEpochsAtLr(name, more);
        shared.dialog = Some(Dialog::Prompt(Prompt::new(title, &initial, purpose)));
    } else {
        extended.choose(more, None, shared);
    }
}

/// Takes the learning rate from the end of the training on.
pub(in crate::ui) fn on_lr(
    (name, more): (String, u32),
    text: &str,
    shared: &mut Shared,
    runs: &Runs,
) {
    let Some(extended) = Extended::of(&name, shared, runs) else {
        return;
    };
    let lr = text
        .trim()
        .parse::<f64>()
        .map_err(|_| format!("`{}` is not a number; write 0.05 or 5e-2", text.trim()))
        .and_then(|lr| lr_after_end(extended.run, extended.phase, lr));
    match lr {
        Ok(lr) => extended.choose(more, Some(lr), shared),
        Err(wrong) => shared.ask_again(wrong, text, Purpose::AddEpochsAtLr(name, more)),
    }
}

/// A training that is to be extended.
struct Extended<'a> {
    name: &'a str,
    run: &'a RunEntry,
    phase: Phase,
    /// Epochs that it has.
    now: u32,
    ending: Ending,
}

impl<'a> Extended<'a> {
    /// None, and a message, where it cannot be extended.
    fn of(name: &'a str, shared: &mut Shared, runs: &'a Runs) -> Option<Self> {
        let run = runs.get(name)?;
        match standing(run) {
            Ok((phase, now)) => Some(Self {
                name,
                run,
                phase,
                now,
                ending: ending(run, phase),
            }),
            Err(refusal) => {
                shared.notify(LogLine::error(refusal));
                None
            }
        }
    }

    /// Asks what becomes of the schedules that end with the training, if there are any,
    /// and has it extended. The first choice is to hold them, but where the weights would
    /// no longer change.
    fn choose(&self, more: u32, lr: Option<(String, Schedule)>, shared: &mut Shared) {
        let Ending {
            held,
            has_rounds,
            epochs,
        } = &self.ending;
        let is_set = |held: &&Held| lr.as_ref().is_some_and(|(name, _)| *name == held.knob);
        let held: Vec<&Held> = held.iter().filter(|held| !is_set(held)).collect();
        let ends = held.iter().filter(|held| held.stretches);
        let mut ending: Vec<String> = ends.map(|held| held.knob.clone()).collect();
        if *has_rounds {
            ending.push("the controller's rounds".to_owned());
        }
        if ending.is_empty() {
            return self
                .extend(more, true, lr)
                .into_iter()
                .for_each(|it| shared.ask(it));
        }
        let (epochs, end) = (*epochs, self.now + more);
        // It ended early, and schedules would be followed on.
        let follows = end <= epochs;
        let values = |stretches: bool| {
            let held = held.iter().filter(|held| held.stretches == stretches);
            held.map(ToString::to_string).collect::<Vec<_>>()
        };
        let until = if follows {
            format!("epoch {epochs}")
        } else {
            "the last epoch".to_owned()
        };
        let mut text = vec![format!("Scheduled to {until}: {}.", listed(&ending))];
        let stops_learning = !follows && held.iter().any(|held| held.stops_learning());
        if stops_learning {
            text.push("With lr held at 0 the weights will not change.".to_owned());
        }
        if let fixed @ [_, ..] = values(false).as_slice() {
            text.push(format!("Held in any case: {}.", listed(fixed)));
        }
        let holding = match values(true).as_slice() {
            _ if follows => format!("keep ending at epoch {epochs}"),
            [] => format!("hold from epoch {epochs}"),
            values => format!("hold from epoch {epochs}: {}", values.join(", ")),
        };
        let holding = ('h', holding, self.extend(more, false, lr.clone()));
        let stretch = format!("stretch to epoch {end}");
        let stretch = ('s', stretch, self.extend(more, true, lr));
        let choices = if stops_learning {
            [stretch, holding]
        } else {
            [holding, stretch]
        };
        let letters = choices.each_ref().map(|(letter, ..)| *letter);
        let choices = choices.map(|(_, text, effects)| (text, effects)).into();
        let title = format!("Train to epoch {end}");
        let choice = Choice::new(title, text, choices).with_letters(letters);
        shared.dialog = Some(Dialog::Choose(choice));
    }

    /// What has it trained further, at this learning rate from its end on.
    fn extend(&self, more: u32, stretches: bool, lr: Option<(String, Schedule)>) -> Vec<Effect> {
        let run = || self.name.to_owned();
        if !matches!(self.run.state(), RunState::Training | RunState::Paused) {
            return vec![Effect::ExtendRun {
                run: run(),
                epochs: more,
                stretches,
                set: lr.into_iter().collect(),
            }];
        }
        let extend = Command::Extend {
            epochs: self.now + more,
            schedules_end: (!stretches).then_some(self.ending.epochs),
        };
        let adjust = lr.map(|(knob, schedule)| Command::Adjust { knob, schedule });
        let commands = std::iter::once(extend).chain(adjust);
        let effect = |command| Effect::Command {
            run: run(),
            command,
        };
        commands.map(effect).collect()
    }
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
