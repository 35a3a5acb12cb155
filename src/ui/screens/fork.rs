//! Going back: which kept checkpoint of a run a new one starts from.

use crate::event::Position;
use crate::run::kept::kept_name;
use crate::store::{CommandState, RunEntry, RunStore};
use crate::ui::dialog::{Choice, Dialog};
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;

/// Asks which, or says that there is none.
pub(super) fn ask(name: &str, run: &RunEntry, shared: &mut Shared) {
    let store = &run.store;
    if store.kept.is_empty() {
        return shared.notify(LogLine::error(format!(
            "{name} has no kept checkpoint: one is kept before each knob change"
        )));
    }
    let queued = shared.queue.iter().filter_map(|waiting| {
        let at = waiting.fork_of(name)?;
        let text = format!("remove the fork from {} from the queue", kept_name(at));
        Some((text, vec![Effect::Dequeue(waiting.clone())]))
    });
    let queued: Vec<_> = queued.collect();
    let newest_first = store.kept.iter().rev();
    let choices = newest_first.map(|&at| {
        let effect = Effect::ForkRun {
            run: name.to_owned(),
            at,
        };
        (described(at, store), vec![effect])
    });
    let text = format!(
        "Train a new run from a checkpoint of {name}, without the changes after it. {name} stays \
         as it is."
    );
    let choices = Choice::new(
        "Fork from a kept checkpoint",
        vec![text],
        choices.chain(queued).collect(),
    );
    shared.dialog = Some(Dialog::Choose(choices));
}

/// A checkpoint by what was changed after it.
fn described(at: Position, store: &RunStore) -> String {
    let change = store.commands.iter().find_map(|command| {
        let asked = &command.record.command;
        let is_it = asked.changes_training() && command.state == CommandState::Applied(at);
        is_it.then(|| store.describe(command))
    });
    match change {
        Some(change) => format!("{}, before: {change}", kept_name(at)),
        None => kept_name(at),
    }
}
