//! Why there is nothing to compare yet, and what to do.
//!
//! ```text
//!       Nothing to compare yet
//!
//!  quick-2026… has no answers on its
//!  probe images: … Resume it, with r …
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::comparison::Reading;
use super::{Compare, comparison};
use crate::event::inspection::ProbeSource;
use crate::store::{RunEntry, RunState, Runs};
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::notice as centred;

pub(super) fn draw(compare: &Compare, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
    let key = |action: Action| shared.keymap.keys(action);
    let run = compare.comparison.run.as_deref().unwrap_or_default();
    let on = comparison::images_of(&compare.comparison.source);
    let (heading, sentences) = match &compare.comparison.first {
        Reading::Failed(why) => {
            let mut sentences = vec![format!("{run} has no results on {on}: {why}.")];
            sentences.extend(remedies(compare, shared, runs));
            ("Nothing to compare yet".to_owned(), sentences)
        }
        Reading::Asked => (
            "Loading".to_owned(),
            vec![format!("{run} is evaluated on {on}.")],
        ),
        Reading::Nothing | Reading::Read(_) if runs.is_empty() => (
            "No runs yet".to_owned(),
            vec![
                "Compares student and teacher of a run, image by image, over the course of \
                 training."
                    .to_owned(),
                format!(
                    "Press {} for the experiments and train one.",
                    key(Action::ShowExperiments)
                ),
            ],
        ),
        Reading::Nothing | Reading::Read(_) => (
            "No run selected".to_owned(),
            vec![format!(
                "Press {} for the next run.",
                key(Action::NextProbeRun)
            )],
        ),
    };
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    centred::draw(&heading, &sentences, &shared.theme, frame, area);
}

/// What can be done where there are no answers.
fn remedies(compare: &Compare, shared: &Shared, runs: &Runs) -> Vec<String> {
    let key = |action: Action| shared.keymap.keys(action);
    let (other, again, next) = (
        key(Action::CompareFolder),
        key(Action::ReadProbeAgain),
        key(Action::NextProbeRun),
    );
    if compare.comparison.source != ProbeSource::Recorded {
        let own = key(Action::OwnProbe);
        return vec![format!(
            "{other} choose another folder, {own} back to the run's images, {again} try again."
        )];
    }
    let run = compare
        .comparison
        .run
        .as_ref()
        .and_then(|run| runs.get(run));
    let mut sentences: Vec<String> = run.and_then(|run| when(run, shared)).into_iter().collect();
    sentences.push(format!(
        "{other} evaluate on a folder of images now, {next} next run, {again} reload."
    ));
    sentences
}

/// When a run will have recorded what its models answer; nothing of one that has.
fn when(run: &RunEntry, shared: &Shared) -> Option<String> {
    if run.last_probed().is_some() {
        return None;
    }
    Some(match run.state() {
        RunState::New | RunState::Training | RunState::Paused => {
            "It is training: results appear after its next evaluation.".to_owned()
        }
        RunState::Stopped | RunState::Crashed | RunState::Failed => format!(
            "Resume it with {} in the runs table ({}): its next evaluation records results.",
            shared.keymap.keys(Action::ResumeRun),
            shared.keymap.keys(Action::ShowRuns)
        ),
        RunState::Completed => {
            "It completed before runs recorded results and will not be evaluated again.".to_owned()
        }
    })
}
