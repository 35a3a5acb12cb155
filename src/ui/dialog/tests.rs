//! Dialogs by key and by click.

use std::path::PathBuf;

use crossterm::event::{Event, MouseButton, MouseEventKind};

use super::{Choice, Confirm, Conflict, Dialog, Palette, Prompt, Purpose};
use crate::ui::effect::Waiting;
use crate::ui::testing::Harness;
use crate::ui::{Completed, Effect, News};

/// A screen with something over it.
fn over(dialog: Dialog) -> Harness {
    let mut harness = Harness::new(80, 24);
    harness.ui.shared.dialog = Some(dialog);
    harness
}

fn mouse(harness: &mut Harness, kind: MouseEventKind, (column, row): (u16, u16)) {
    harness.mouse(kind, column, row);
}

/// Clicks the first letter of a text that is shown.
fn click(harness: &mut Harness, text: &str) {
    let screen = harness.screen();
    let found = screen.lines().enumerate().find_map(|(row, line)| {
        let at = line.find(text)?;
        // Lines are shown in quotes.
        let column = line[..at].chars().count() - 1;
        Some((column as u16, row as u16))
    });
    let place = found.unwrap_or_else(|| panic!("no `{text}` in\n{screen}"));
    mouse(harness, MouseEventKind::Down(MouseButton::Left), place);
}

fn question() -> Dialog {
    Dialog::Confirm(Confirm {
        title: "Trash".to_owned(),
        message: "It goes to the trash.".to_owned(),
        effect: Effect::TrashRun("a".to_owned()),
    })
}

fn is_open(harness: &Harness) -> bool {
    harness.ui.shared.dialog.is_some()
}

#[test]
fn other_letters_answer_no_question() {
    let mut harness = over(question());
    harness.text("q jk1?:/");
    assert!(is_open(&harness));
    assert_eq!(harness.take(), []);
    harness.keys(&["enter"]);
    assert_eq!(harness.take(), [Effect::TrashRun("a".to_owned())]);
    assert!(!is_open(&harness));
}

#[test]
fn a_question_is_answered_by_clicks() {
    let mut harness = over(question());
    click(&mut harness, "It goes");
    assert!(is_open(&harness));
    click(&mut harness, "yes");
    assert_eq!(harness.take(), [Effect::TrashRun("a".to_owned())]);
    let mut harness = over(question());
    click(&mut harness, "n no");
    assert!(!is_open(&harness));
    assert_eq!(harness.take(), []);
}

#[test]
fn a_question_is_answered_by_y_and_n() {
    let mut harness = over(question());
    harness.keys(&["y"]);
    assert_eq!(harness.take(), [Effect::TrashRun("a".to_owned())]);
    let mut harness = over(question());
    harness.keys(&["n"]);
    assert!(!is_open(&harness));
    assert_eq!(harness.take(), []);
}

#[test]
fn the_keys_at_the_bottom_are_those_of_the_dialog() {
    let foot = |dialog| {
        let shown = over(dialog).screen();
        let foot = shown.lines().last().unwrap().trim_matches('"').trim();
        foot.to_owned()
    };
    assert_eq!(foot(question()), "y yes  n no");
    let prompt = Prompt::new("Name", "", Purpose::FindText);
    assert_eq!(foot(Dialog::Prompt(prompt)), "enter accept  esc cancel");
    let palette = Dialog::Palette(Palette::default());
    assert_eq!(foot(palette), "enter accept  esc cancel");
}

#[test]
fn the_wheel_scrolls_help_and_it_stops_at_its_ends() {
    let mut harness = Harness::new(80, 24);
    let top = harness.keys(&["?"]).screen();
    mouse(&mut harness, MouseEventKind::ScrollDown, (40, 12));
    assert_ne!(harness.screen(), top);
    mouse(&mut harness, MouseEventKind::ScrollUp, (40, 12));
    assert_eq!(harness.screen(), top);
    // One up from the end moves at once.
    let end = harness.keys(&["end", "down", "down"]).screen();
    assert_ne!(harness.keys(&["up"]).screen(), end);
}

#[test]
fn help_shows_what_is_typed_then_all_again_then_closes() {
    let mut harness = Harness::new(80, 24);
    let all = harness.keys(&["?"]).screen();
    let found = harness.keys(&["end", "/"]).text("trash").screen();
    assert!(
        found.contains("│ / trash ") && found.contains("5 of "),
        "{found}"
    );
    assert!(found.contains("Restore the run"));
    assert!(!found.contains("Show runs"));
    // Letters are typed whatever they mean elsewhere.
    let none = harness.text("?q").screen();
    assert!(none.contains("no matches"), "{none}");
    assert_eq!(harness.keys(&["esc"]).screen(), all);
    assert!(harness.text("save checkpoint").screen().contains("1 of "));
    harness.keys(&["esc", "?"]);
    assert!(!is_open(&harness));
}

#[test]
fn a_click_in_the_palette_does_what_stands_there() {
    let mut harness = Harness::new(80, 24);
    harness.keys(&[":"]).text("log");
    click(&mut harness, "toggle-log");
    assert!(!is_open(&harness) && harness.ui.shared.log.open);
}

#[test]
fn a_prompt_is_taken_or_left_by_clicks() {
    let prompt = || {
        let purpose = Purpose::NewExperiment(None);
        Dialog::Prompt(Prompt::new("Name of the new experiment", "mine", purpose))
    };
    let mut harness = over(prompt());
    click(&mut harness, "accept");
    let asked = harness.take();
    assert!(
        matches!(asked[..], [Effect::WriteExperiment { .. }]),
        "{asked:?}"
    );
    let mut harness = over(prompt());
    click(&mut harness, "esc cancel");
    assert!(!is_open(&harness));
    assert_eq!(harness.take(), []);
}

#[test]
fn a_difference_scrolls_to_its_end_and_no_further() {
    let lines: Vec<String> = (0..100).map(|line| line.to_string()).collect();
    let mine = lines.join("\n") + "\n";
    let mut harness = over(Dialog::Conflict(Conflict::new("a", &mine, "", false)));
    assert!(harness.screen().contains("- 0"));
    harness.keys(&["end", "pagedown"]);
    assert!(harness.screen().contains("- 99"));
    let end = harness.screen();
    assert_ne!(harness.keys(&["up"]).screen(), end);
    click(&mut harness, "esc cancel");
    assert!(!is_open(&harness));
}

#[test]
fn the_question_whether_to_leave_takes_letters() {
    let quit = |unsaved: &[&str]| over(Dialog::Quit(Choice::quit(Vec::new(), unsaved)));
    let mut harness = quit(&[]);
    assert!(harness.screen().contains("y quit") && harness.screen().contains("n cancel"));
    harness.keys(&["y"]);
    assert_eq!(harness.take(), [Effect::Quit]);
    let mut harness = quit(&["a"]);
    assert!(harness.screen().contains("d quit without saving"));
    harness.keys(&["n"]);
    assert!(!harness.screen().contains("Quit the workbench?"));
    assert_eq!(harness.take(), []);
}

#[test]
fn the_question_whether_to_leave_says_what_is_so_by_now() {
    let mut harness = Harness::new(80, 24);
    let queue = |waiting: usize| News::Queue {
        preparing: None,
        ahead: None,
        waiting: (0..waiting)
            .map(|at| Waiting::Experiment(PathBuf::from(format!("e/{at}.ron"))))
            .collect(),
    };
    harness.news(queue(2));
    harness.keys(&["q", "down"]);
    assert!(harness.screen().contains("2 experiments are queued"));
    harness.news(queue(1));
    assert!(harness.screen().contains("1 experiment is queued"));
    harness.news(queue(0));
    let screen = harness.screen();
    assert!(
        screen.contains("Quit the workbench?") && !screen.contains("queued"),
        "{screen}"
    );
    // The second choice stays selected.
    harness.keys(&["enter"]);
    assert_eq!(harness.take(), []);
}

#[test]
fn leaving_is_chosen_by_keys_and_by_clicks() {
    let quit = || Dialog::Quit(Choice::quit(Vec::new(), &["a", "b"]));
    let chosen = |keys: &[&str]| {
        let mut harness = over(quit());
        harness.keys(keys);
        assert!(!is_open(&harness));
        harness.take()
    };
    // Nothing is open here that could be saved: all is, and it ends with the
    // next one that is written.
    assert_eq!(chosen(&["enter"]), []);
    assert_eq!(chosen(&["down", "enter"]), [Effect::Quit]);
    assert_eq!(chosen(&["tab", "enter"]), [Effect::Quit]);
    assert_eq!(chosen(&["down", "down", "down", "enter"]), []);
    assert_eq!(chosen(&["esc"]), []);
    let mut harness = over(quit());
    click(&mut harness, "quit without saving");
    assert_eq!(harness.take(), [Effect::Quit]);
}

#[test]
fn unsaved_experiments_are_named_and_many_are_counted() {
    let question = |names: &[&str]| over(Dialog::Quit(Choice::quit(Vec::new(), names))).screen();
    assert!(question(&["a"]).contains("The experiment a is not saved."));
    assert!(question(&["a"]).contains("save and quit"));
    assert!(question(&["a", "b", "c"]).contains("not saved: a, b and c."));
    assert!(question(&["a", "b", "c", "d", "e"]).contains("a, b, c and 2 more."));
}

/// A prompt for a folder, with this typed into it.
fn folder(typed: &str) -> Harness {
    let mut harness = over(Dialog::Prompt(Prompt::new(
        "Folder of images",
        "",
        Purpose::ChooseFolder,
    )));
    harness.has_folders = false;
    harness.text(typed);
    harness
}

fn completed(harness: &mut Harness, typed: &str, text: &str, candidates: &[&str]) {
    harness.news(News::FolderCompleted {
        typed: typed.to_owned(),
        result: Ok(Completed {
            text: text.to_owned(),
            candidates: candidates.iter().copied().map(str::to_owned).collect(),
        }),
    });
}

#[test]
fn a_folder_that_is_dropped_on_the_terminal_is_taken_as_its_path() {
    for (pasted, path) in [
        ("'/data/my photos' ", "/data/my photos"),
        (r"'/data/it'\''s'", "/data/it's"),
        (r"/data/my\ photos\\x", r"/data/my photos\x"),
        ("file:///data/my%20photos%C3%A4%", "/data/my photosä%"),
        ("\"/data/a b\"\n", "/data/a b"),
    ] {
        let mut harness = folder("");
        harness.input(Event::Paste(pasted.to_owned()));
        harness.keys(&["enter"]);
        assert_eq!(harness.take(), [Effect::FindFolder(path.to_owned())]);
    }
    // On a screen of images it opens the question.
    for screen in ["4", "5"] {
        let mut harness = Harness::new(80, 24);
        harness.keys(&[screen]);
        harness.input(Event::Paste("'/data/x'".to_owned()));
        let shown = harness.screen();
        assert!(shown.contains("│ /data/x "), "{shown}");
    }
}

#[test]
fn a_folders_name_is_completed_and_what_it_may_become_is_shown() {
    let mut harness = folder("~/p");
    harness.keys(&["tab"]);
    assert_eq!(harness.take(), [Effect::CompleteFolder("~/p".to_owned())]);
    completed(&mut harness, "~/p", "~/photos-", &["photos-a", "photos-b"]);
    let screen = harness.screen();
    assert!(screen.contains("~/photos-"), "{screen}");
    assert!(screen.contains("photos-a/  photos-b/"), "{screen}");
    harness.text("b");
    assert!(!harness.screen().contains("photos-a/"));
    // What was asked of an earlier text comes too late.
    completed(&mut harness, "~/photos-", "~/photos-a/", &[]);
    assert!(harness.screen().contains("~/photos-b"));
    click(&mut harness, "tab complete");
    completed(&mut harness, "~/photos-b", "~/photos-b/", &[]);
    assert!(harness.screen().contains("~/photos-b/"));
}

#[test]
fn a_folder_that_is_not_there_is_reported_and_what_was_typed_stays() {
    let mut harness = folder("/nowhere");
    harness.keys(&["enter"]);
    let asked = Effect::FindFolder("/nowhere".to_owned());
    assert_eq!(harness.take(), std::slice::from_ref(&asked));
    let found = |harness: &mut Harness, result: Result<(), &str>| {
        harness.news(News::FolderFound {
            typed: "/nowhere".to_owned(),
            result: result.map_err(str::to_owned),
        });
    };
    found(&mut harness, Err("there is no folder /nowhere"));
    let screen = harness.screen();
    assert!(screen.contains("there is no folder /nowhere"), "{screen}");
    assert!(screen.contains("│ /nowhere"), "{screen}");
    harness.text("x").keys(&["backspace"]);
    assert!(!harness.screen().contains("there is no folder"));
    // Nobody asked again: an answer takes nothing.
    found(&mut harness, Ok(()));
    assert!(is_open(&harness));
    harness.keys(&["enter"]);
    assert_eq!(harness.take(), [asked]);
    found(&mut harness, Ok(()));
    assert!(!is_open(&harness));
}

#[test]
fn a_question_longer_than_its_border_stands_inside() {
    let question = "no field `temperatur`; fields are name, state, best, last, method, tags, started, \
                    epochs and whatever the plan holds";
    let prompt = Prompt::new(question, "temperatur>3", Purpose::FilterRuns);
    let shown = over(Dialog::Prompt(prompt)).screen();
    assert!(shown.contains("no field `temperatur`;"), "{shown}");
    assert!(shown.contains("the plan holds"), "{shown}");
    assert!(shown.contains("temperatur>3"), "{shown}");
}

#[test]
fn a_choice_is_as_wide_as_its_longest_answer_where_there_is_room() {
    let longest = format!("step-252, {}", "before a change ".repeat(6));
    let choice = || {
        Choice::new(
            "Fork",
            vec!["Why.".to_owned()],
            vec![(longest.clone(), vec![Effect::Quit])],
        )
    };
    let mut harness = Harness::new(200, 60);
    harness.ui.shared.dialog = Some(Dialog::Choose(choice()));
    assert!(harness.screen().contains(longest.trim_end()));
    assert!(over(Dialog::Choose(choice())).screen().contains('…'));
}
