//! Pictures of what is around the screens and over them: at the sizes of a small
//! and a large terminal, and the smallest ones in which it is used.

mod anything;
mod ascii;
mod beginning;
mod selection;

use std::path::PathBuf;

use insta::assert_snapshot;

use super::dialog::{Choice, Confirm, Dialog, Prompt, Purpose};
use super::testing::Harness;
use super::{Effect, LogLine, News};

/// The sizes, by name.
const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];

/// Sizes that are small for everything.
const SMALL: [(u16, u16); 2] = [(60, 15), (40, 10)];

/// Takes a picture of each size after some keys.
fn pictures(name: &str, sizes: &[(u16, u16)], keys: &[&str], over: impl Fn() -> Option<Dialog>) {
    for (width, height) in sizes {
        let mut harness = Harness::new(*width, *height);
        harness.news(News::Experiments(vec![PathBuf::from("e/quickstart.ron")]));
        harness.news(News::ExperimentRead {
            path: PathBuf::from("e/quickstart.ron"),
            text: Ok(include_str!("../../experiments/quickstart.ron").to_owned()),
        });
        harness.keys(keys);
        if let Some(dialog) = over() {
            harness.ui.shared.dialog = Some(dialog);
        }
        assert_snapshot!(format!("{name}_{width}x{height}"), harness.screen());
    }
}

#[test]
fn help_uses_the_width_that_is_there() {
    pictures("help", &SIZES, &["?"], || None);
    pictures("help", &SMALL, &["?"], || None);
    pictures("help_end", &SIZES, &["?", "end"], || None);
    pictures(
        "help_found",
        &SIZES,
        &["?", "t", "h", "e", "m", "e"],
        || None,
    );
}

#[test]
fn the_palette_names_every_action_and_explains_the_selected_one() {
    pictures("palette", &SIZES, &[":"], || None);
    pictures("palette", &SMALL, &[":"], || None);
    pictures("palette_typed", &SIZES, &[":", "m", "i", "n", "e"], || None);
}

#[test]
fn a_prompt_asks_for_a_line() {
    let prompt = || {
        let purpose = Purpose::NewExperiment(None);
        let prompt = Prompt::new("Name of the new experiment", "cifar10-a", purpose);
        Some(Dialog::Prompt(prompt))
    };
    pictures("prompt", &SIZES, &[], prompt);
    pictures("prompt", &SMALL, &[], prompt);
}

#[test]
fn a_question_is_answered_with_yes_or_no() {
    pictures("confirm", &SIZES, &["X"], || None);
    let question = || {
        Some(Dialog::Confirm(Confirm {
            title: "Stop".to_owned(),
            message: "Save quickstart-20260102-120000-abc123 and stop it?".to_owned(),
            effect: Effect::Quit,
        }))
    };
    pictures("confirm", &SMALL, &[], question);
}

#[test]
fn leaving_shows_what_happens_to_running_jobs() {
    let quit = || {
        let reasons = vec![
            "quickstart-20260102-120000-abc123 trains here: it is saved at the next step and can \
             be resumed."
                .to_owned(),
            "2 experiments wait; they will not be trained.".to_owned(),
        ];
        Some(Dialog::Quit(Choice::quit(
            reasons,
            &["cifar10-adaptive", "quickstart"],
        )))
    };
    pictures("quit", &SIZES, &[], quit);
    pictures("quit", &SMALL, &[], quit);
    pictures(
        "quit_unsaved",
        &SIZES,
        &["enter", "x", "ctrl+c", "down"],
        || None,
    );
}

#[test]
fn the_shell_is_usable_on_a_small_terminal() {
    pictures("list", &SMALL, &[], || None);
    pictures("editor", &SMALL, &["enter"], || None);
    pictures("runs", &SMALL, &["2"], || None);
    pictures("live", &SMALL, &["3"], || None);
}

#[test]
fn the_log_stands_below_every_screen() {
    let mut harness = Harness::new(80, 24);
    harness.news(News::Logged(LogLine::info("quickstart is complete")));
    harness.news(News::Logged(LogLine::warn("3 images could not be read")));
    harness.keys(&["`", "2"]);
    assert_snapshot!("log_80x24", harness.screen());
}

#[test]
fn a_message_that_needs_several_rows_has_them() {
    let message = "could not write experiments/a-rather-long-name.ron: the file system is read-only; \
                   choose another folder or mount it again";
    for size in [(60, 15), (80, 24)] {
        let mut harness = Harness::new(size.0, size.1);
        let above = harness.screen();
        harness.ui.shared.notify(LogLine::error(message));
        let shown = harness.screen();
        let rows: Vec<&str> = shown.lines().rev().take(3).collect();
        assert!(rows[0].contains("it again"), "{shown}");
        assert!(shown.contains("! could not write"), "{shown}");
        // The screen does not move for it.
        assert_eq!(shown.lines().next(), above.lines().next());
    }
}
