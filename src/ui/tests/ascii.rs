//! Every screen on a terminal whose locale has no UTF-8.

use crate::event::inspection::ProbeSource;
use crate::format::Symbols;
use crate::ui::action::ACTIONS;
use crate::ui::screens::compare::testing::{probe, with_runs};
use crate::ui::testing::Harness;
use crate::ui::{Action, News};

/// Sees that nothing but ASCII is drawn.
fn see(harness: &mut Harness, what: &str) -> String {
    let screen = harness.screen();
    let other = screen.chars().find(|letter| !letter.is_ascii());
    assert_eq!(other, None, "{what}: {screen}");
    // What has no sign of its own is a question mark in the middle of something.
    let unknown = screen.lines().find(|line| line.contains("??"));
    assert_eq!(unknown, None, "{what}: {screen}");
    screen
}

#[test]
fn without_utf_8_every_screen_and_dialog_is_ascii() {
    for size in [(80, 24), (200, 60)] {
        let (mut harness, names) = with_runs(size.0, size.1);
        let theme = harness.ui.shared.theme.clone();
        harness.ui.shared.theme = theme.with_symbols(Symbols::Ascii);
        harness.news(News::Experiments(vec!["e/quickstart.ron".into()]));
        harness.news(News::ExperimentRead {
            path: "e/quickstart.ron".into(),
            text: Ok(include_str!("../../../experiments/quickstart.ron").to_owned()),
        });
        see(&mut harness, "experiments");
        harness.keys(&["4"]);
        harness.news(News::ProbeRead {
            run: names[0].clone(),
            source: ProbeSource::Recorded,
            probe: Ok(Box::new(probe())),
        });
        let screen = see(&mut harness, "compare");
        if size.0 == 80 {
            insta::assert_snapshot!("ascii_compare_80", screen);
        }
        for _ in 0..4 {
            harness.keys(&["v"]);
            see(&mut harness, "a view of compare");
        }
        // Every key of every screen, with what it opens.
        let stays = |action| !matches!(action, Action::Quit | Action::Suspend);
        let keys: Vec<&str> = ACTIONS
            .iter()
            .filter(|entry| stays(entry.action))
            .filter_map(|entry| entry.keys.first().copied())
            .collect();
        for screen in ["4", "3", "2", "1", "5"] {
            for key in &keys {
                harness.keys(&["esc", "esc", screen, key]);
                see(&mut harness, &format!("{key} on screen {screen}"));
                harness.keys(&["tab"]);
            }
        }
    }
}
