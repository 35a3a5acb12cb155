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
            "It could not be done",
            vec![
                format!("The folder was not classified: {why}."),
                format!(
                    "{} chooses another folder, {} another run, {} tries again.",
                    key(Action::ChooseFolder),
                    key(Action::NextInferenceRun),
                    key(Action::StartInference)
                ),
            ],
        ),
        Stage::Asked => ("Looking for images", Vec::new()),
        Stage::Running { .. } => ("Classifying", Vec::new()),
        Stage::Ended { .. } if unreadable > 0 => (
            "No image could be read",
            vec![format!("{} shows why.", key(Action::ShowUnreadable))],
        ),
        Stage::Ended {
            cancelled: true, ..
        } => ("Cancelled before the first image", Vec::new()),
        Stage::Ended { .. } => (
            "There are no images",
            vec![format!(
                "The folder and those in it hold no file that is an image. {} chooses another.",
                key(Action::ChooseFolder)
            )],
        ),
        Stage::Idle if runs.is_empty() => (
            "No runs yet",
            vec![format!(
                "The models of a run classify images here. {} shows the experiments, to train one.",
                key(Action::ShowExperiments)
            )],
        ),
        Stage::Idle => (
            "Choose a folder of images",
            vec![format!(
                "{} asks for it; images at any depth count. {} then classifies them, while everything else goes on.",
                key(Action::ChooseFolder),
                key(Action::Activate)
            )],
        ),
    };
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    centred::draw(heading, &sentences, &shared.theme, frame, area);
}
