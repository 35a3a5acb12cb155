//! What happened, as letters on every chart: `k` a knob was changed by a person,
//! `r` a round's decision, `b` the best checkpoint so far, `c` a checkpoint
//! that was requested, `e` an evaluation that was requested. Rounds that end with
//! every epoch have no mark: the axis shows them.

use crate::event::{Command, Phase};
use crate::store::{CommandState, Round, RunStore};
use crate::ui::screens::series::XPositions;
use crate::ui::widget::chart::Mark;

/// The meaning of the letters, for the head of the events.
pub(super) const LEGEND: &str = "k knob changed · r round · b best · c checkpoint · e evaluation";

/// The marks of a training. What matters most comes last and is drawn over the
/// rest.
pub(super) fn marks(store: &RunStore, phase: Phase, across: &XPositions<'_>) -> Vec<Mark> {
    let mark = |step: u64, letter: char| Mark {
        x: across.of_step(step),
        letter,
        line: letter == 'k',
    };
    let rounds = store.rounds.iter().filter(|round| round.at.phase == phase);
    let epoch = store.phases.get(&phase).map(|state| state.steps_per_epoch);
    let is_epoch =
        |round: &Round| Some(round.at.step) == epoch.map(|steps| steps * u64::from(round.round));
    let mut marks = Vec::new();
    if !rounds.clone().all(is_epoch) {
        let decided = rounds.filter(|round| round.decision.is_some());
        marks.extend(decided.map(|round| mark(round.at.step, 'r')));
    }
    let best = store
        .checkpoints
        .iter()
        .rfind(|saved| saved.best && saved.at.phase == phase);
    marks.extend(best.map(|saved| mark(saved.at.step, 'b')));
    marks.extend(store.commands.iter().filter_map(|command| {
        let CommandState::Applied(at) = command.state else {
            return None;
        };
        let letter = match command.record.command {
            Command::Adjust { .. } | Command::SetController { .. } => 'k',
            Command::CheckpointNow => 'c',
            Command::EvaluateNow => 'e',
            Command::Extend { .. } | Command::Pause | Command::Resume | Command::Stop => {
                return None;
            }
        };
        (at.phase == phase).then(|| mark(at.step, letter))
    }));
    marks.sort_by_key(|mark| mark.letter == 'k');
    marks
}
