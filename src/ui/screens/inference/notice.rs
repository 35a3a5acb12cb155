//! Why there are no results yet, and what to do.
//!
//! ```text
//!    Choose a folder of images
//!
//!  o asks for it; enter classifies it
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Inference;
use super::job::Stage;
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::notice as centred;

pub(super) fn draw(
    screen: &Inference,
    shared: &Shared,
    runs: &Runs,
    frame: &mut Frame,
    area: Rect,
) {
    let key = |action: Action| shared.keymap.keys(action);
    let unreadable = screen.results.unreadable.len();
    let (heading, sentences) = match &screen.job.stage {
        Stage::Failed(why) => (
            "Failed",
            vec![
                format!("The folder could not be classified: {why}."),
                format!(
                    "{} choose another folder, {} another run, {} try again.",
                    key(Action::ChooseFolder),
                    key(Action::NextInferenceRun),
                    key(Action::StartInference)
                ),
            ],
        ),
        Stage::Asked => ("Looking for images", Vec::new()),
        Stage::Running { .. } => ("Classifying", Vec::new()),
        Stage::Ended { .. } if unreadable > 0 => (
            "No readable images",
            vec![format!("Press {} to see why.", key(Action::ShowUnreadable))],
        ),
        Stage::Ended {
            cancelled: true, ..
        } => ("Cancelled before the first image", Vec::new()),
        Stage::Ended { .. } => (
            "No images",
            vec![format!(
                "No image files in the folder or its subfolders. Press {} to choose another.",
                key(Action::ChooseFolder)
            )],
        ),
        Stage::Idle if runs.is_empty() => (
            "No runs yet",
            vec![format!(
                "Classifies images with a run's models. Press {} for the experiments and train \
                 one.",
                key(Action::ShowExperiments)
            )],
        ),
        Stage::Idle if screen.folder.is_none() => (
            "Choose a folder of images",
            vec![format!(
                "Press {} to choose it (subfolders included), then {} to classify.",
                key(Action::ChooseFolder),
                key(Action::Activate)
            )],
        ),
        Stage::Idle => match screen.missing(shared, runs) {
            Some(missing) => ("Nothing to classify with", vec![format!("{missing}.")]),
            None => (
                "Ready",
                vec![format!("Press {} to classify.", key(Action::Activate))],
            ),
        },
    };
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    centred::draw(heading, &sentences, &shared.theme, frame, area);
}
