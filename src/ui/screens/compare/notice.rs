//! Why there is nothing to compare yet, and what to do.
//!
//! ```text
//!        Nothing to compare
//!
//!  The answers of quick-2026… on its
//!     probe images are not there
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Compare;
use super::sides::Reading;
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::notice as centred;

pub(super) fn draw(compare: &Compare, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
    let key = |action: Action| shared.keymap.keys(action);
    let run = compare.sides.run.as_deref().unwrap_or_default();
    let on = match &compare.sides.folder {
        Some(folder) => format!("the images of {}", folder.display()),
        None => "its probe images".to_owned(),
    };
    let (heading, sentences) = match &compare.sides.first {
        Reading::Failed(why) => (
            "Nothing to compare".to_owned(),
            vec![
                format!("The answers of {run} on {on} are not there: {why}."),
                remedy(compare, shared),
            ],
        ),
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
fn remedy(compare: &Compare, shared: &Shared) -> String {
    let key = |action: Action| shared.keymap.keys(action);
    let (other, again, next) = (
        key(Action::CompareFolder),
        key(Action::ReadProbeAgain),
        key(Action::NextProbeRun),
    );
    if compare.sides.folder.is_some() {
        let own = key(Action::OwnProbe);
        format!(
            "{other} asks for another folder, {own} takes the run's own images, {again} tries again."
        )
    } else {
        format!(
            "A run answers on its probe images whenever it saves a checkpoint of its student: \
             {again} reads again. {other} lets its models answer on a folder of images, {next} \
             shows the next run."
        )
    }
}
