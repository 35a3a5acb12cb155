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
use crate::store::{RunEntry, RunState, Runs};
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::notice as centred;

pub(super) fn draw(compare: &Compare, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
    let key = |action: Action| shared.keymap.keys(action);
    let run = compare.comparison.run.as_deref().unwrap_or_default();
    let on = comparison::images_of(compare.comparison.folder.as_ref());
    let (heading, sentences) = match &compare.comparison.first {
        Reading::Failed(why) => {
            let mut sentences = vec![format!("{run} has no answers on {on}: {why}.")];
            sentences.extend(remedies(compare, shared, runs));
            ("Nothing to compare yet".to_owned(), sentences)
        }
        Reading::Asked => ("Reading".to_owned(), vec![format!("{run} answers on {on}.")]),
        Reading::Nothing | Reading::Read(_) if runs.is_empty() => (
            "No runs yet".to_owned(),
            vec![
                "Student and teacher of a run are compared here, image by image and through its training.".to_owned(),
                format!("{} shows the experiments, to train one.", key(Action::ShowExperiments)),
            ],
        ),
        Reading::Nothing | Reading::Read(_) => (
            "No run is chosen".to_owned(),
            vec![format!("{} takes the next run.", key(Action::NextProbeRun))],
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
    if compare.comparison.folder.is_some() {
        let own = key(Action::OwnProbe);
        return vec![format!(
            "{other} asks for another folder, {own} takes the run's own images, {again} tries again."
        )];
    }
    let run = compare
        .comparison
        .run
        .as_ref()
        .and_then(|run| runs.get(run));
    let mut sentences: Vec<String> = run.map(|run| when(run, shared)).into_iter().collect();
    sentences.push(format!(
        "{other} lets its models answer on a folder of images now, {next} shows the next run, \
         {again} reads again."
    ));
    sentences
}

/// When a run will have recorded what its models answer.
fn when(run: &RunEntry, shared: &Shared) -> String {
    match run.state() {
        RunState::New | RunState::Training | RunState::Paused => {
            "It trains: its next evaluation records them, and they are shown as soon as they are there."
                .to_owned()
        }
        RunState::Stopped | RunState::Crashed | RunState::Failed => format!(
            "Resume it, with {} among the runs ({}): its next evaluation records them.",
            shared.keymap.keys(Action::ResumeRun),
            shared.keymap.keys(Action::ShowRuns)
        ),
        RunState::Completed => {
            "It is complete and was made before runs recorded them: it will not be evaluated again."
                .to_owned()
        }
    }
}
