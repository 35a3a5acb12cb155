//! The editor from the keyboard.

use crossterm::event::Event;

use super::{QUICKSTART, World};
use crate::ui::effect::Effect;
use crate::ui::news::News;
use crate::ui::settings::EditorKeys;

fn open(text: &str) -> World {
    let mut world = World::new((100, 40), &[("a.ron", text)]);
    world.keys(&["enter"]);
    world
}

#[test]
fn an_error_is_shown_as_it_is_typed_and_hidden_when_it_is_fixed() {
    let mut world = open(QUICKSTART);
    world.keys(&["ctrl+f"]).text("epochs: 12\n").text("x");
    assert!(
        world.shows("`Experiment` has no field `xepochs`"),
        "{}",
        world.screen()
    );
    world.keys(&["backspace"]);
    assert!(!world.shows("1 error"));
}

#[test]
fn what_is_known_of_a_text_before_its_errors_is_marked_as_old() {
    let mut world = World::new((80, 24), &[("a.ron", QUICKSTART)]);
    assert!(world.shows("method AdaptiveAugmentation"));
    assert!(!world.shows("last valid"));
    let scratch = QUICKSTART.replace("method: AdaptiveAugmentation(", "method: Scratch(");
    world.elsewhere("a.ron", &scratch);
    assert!(world.shows("method AdaptiveAugmentation"));
    assert!(world.shows("last valid"));
    world.elsewhere("a.ron", QUICKSTART);
    assert!(!world.shows("last valid"));
}

#[test]
fn an_answer_to_an_older_text_is_ignored() {
    let mut world = open(QUICKSTART);
    world.screen.text("x");
    let old = world.screen.take();
    world.screen.keys(&["backspace"]);
    world.answer();
    for effect in old {
        world.execute(effect);
    }
    assert!(!world.shows("error"));
}

#[test]
fn the_next_error_and_the_list_of_them_lead_to_their_places() {
    let text = QUICKSTART
        .replace("seed: 7", "seet: 7")
        .replace("batch: 64", "batsh: 64");
    let mut world = open(&text);
    world.keys(&["f8"]);
    assert!(world.shows(" 10:5 "), "{}", world.screen());
    world.keys(&["f8"]);
    assert!(world.shows(" 46:5 "), "{}", world.screen());
    world.keys(&["f8"]);
    assert!(world.shows(" 10:5 "));
    world.keys(&["f7", "down", "enter"]);
    assert!(world.shows(" 46:5 "));
    world.keys(&["f7", "esc"]).text("y");
    assert!(world.shows("ybatsh"));
}

#[test]
fn the_list_of_errors_follows_the_one_that_one_goes_to() {
    let mut text = QUICKSTART.to_owned();
    let names = ["name", "seed", "valid", "p_max", "lr", "batch", "gates"];
    for name in names {
        text = text.replacen(&format!(" {name}:"), &format!(" {name}z:"), 1);
    }
    let mut world = World::new((80, 24), &[("a.ron", &text)]);
    world.keys(&["enter", "f8"]);
    assert!(world.shows("── 7 errors, 1 to 4 shown ─"));
    world.keys(&["f8"; 6]);
    assert!(world.shows("── 7 errors, 4 to 7 shown ─"));
    assert!(world.shows("no field `gatesz`"), "{}", world.screen());
    world.keys(&["f7", "home"]);
    assert!(world.shows("── 7 errors, 1 to 4 shown ─"));
    world.screen.input(Event::Resize(100, 50));
    assert!(world.shows("── 7 errors ─"));
}

#[test]
fn a_field_and_its_value_are_completed() {
    let mut world = open("Experiment(\n)\n");
    world.keys(&["end", "enter"]).text("met");
    world.keys(&["ctrl+space", "enter"]).text("mul");
    world.keys(&["enter"]).text("vi");
    world.keys(&["ctrl+space", "tab", "esc"]).text("2");
    assert!(
        world.shows("method: MultiView(views: 2)"),
        "{}",
        world.screen()
    );
    assert!(world.shows("Number of views K."));
}

#[test]
fn the_list_closes_when_nothing_fits_and_on_escape() {
    let mut world = open("Experiment(\n)\n");
    world.keys(&["end", "enter"]).text("e");
    world.keys(&["ctrl+space"]);
    assert!(world.shows("ema"));
    world.text("po");
    assert!(world.shows("epochs  ") && !world.shows("ema"));
    world.text("x");
    assert!(!world.shows("epochs  "));
    world.keys(&["backspace", "ctrl+space", "esc"]);
    assert!(!world.shows("epochs  ") && world.shows("epo"));
    world.keys(&["esc"]).text("q");
    assert_eq!(world.asked, []);
}

#[test]
fn undo_redo_find_and_format_work_from_the_keyboard() {
    let mut world = open(QUICKSTART);
    world.keys(&["ctrl+f"]).text("seed:\n");
    assert!(world.shows("`seed:`: 1 of 3"));
    world.keys(&["f3"]);
    assert!(world.shows("`seed:`: 2 of 3"));
    world.screen.input(shift_f3());
    assert!(world.shows("`seed:`: 1 of 3"));
    world.keys(&["alt+s", "alt+s", "alt+S"]);
    assert!(world.shows("`seed:`: 2 of 3"));
    world.keys(&["alt+S"]);
    world.text("      ");
    world.keys(&["alt+f"]);
    assert!(world.shows("10      seed: 7,"), "{}", world.screen());
    assert!(world.shows("// The first experiment: it needs no files"));
    for _ in 0..9 {
        world.keys(&["ctrl+u"]);
    }
    assert!(world.shows("nothing to undo") && !world.shows("not saved"));
    world.keys(&["ctrl+y"]);
    assert!(world.shows("not saved"));
}

fn shift_f3() -> crossterm::event::Event {
    use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
    Event::Key(KeyEvent::new(KeyCode::F(3), KeyModifiers::SHIFT))
}

#[test]
fn a_text_with_errors_is_not_formatted() {
    let mut world = open("Experiment( epochs:3)");
    world.keys(&["alt+f"]);
    assert!(world.shows("fix the errors before formatting"));
    assert!(world.shows("Experiment( epochs:3)"));
}

#[test]
fn letters_are_typed_and_not_taken_for_actions() {
    let mut world = open("");
    world.text("q 1r?:/`n");
    assert!(world.shows("q 1r?:/`n"));
    assert_eq!(world.asked, []);
    world.keys(&["ctrl+c"]);
    assert!(world.shows("The experiment a is not saved."));
}

#[test]
fn launching_saves_first_refuses_errors_and_waits_for_the_plan() {
    let mut world = open(QUICKSTART);
    world.text("// x\n");
    world.keys(&["f5"]);
    assert_eq!(world.asked, [Effect::Launch(super::path("a.ron"))]);
    assert!(world.files[&super::path("a.ron")].starts_with("// x\n"));
    world.asked.clear();
    world.text("x");
    world.keys(&["f5"]);
    assert!(world.shows("cannot train: line"), "{}", world.screen());
    world.screen.keys(&["backspace", "f5"]);
    assert!(world.shows("a starts when its plan is ready"));
    assert_eq!(world.asked, []);
    world.answer();
    assert_eq!(world.asked, [Effect::Launch(super::path("a.ron"))]);
}

#[test]
fn a_launch_waits_for_its_file_to_be_saved() {
    let mut world = open(QUICKSTART);
    world.text("// x\n");
    world.screen.keys(&["f5"]);
    world.screen.take();
    world.screen.news(News::ExperimentWritten {
        path: super::path("a.ron"),
        text: Err("the disk is full".to_owned()),
    });
    assert!(world.shows("the disk is full") && world.shows("not saved"));
    world.answer();
    assert_eq!(world.asked, []);
}

#[test]
fn a_paste_goes_in_as_one_change() {
    let mut world = open("");
    world
        .screen
        .input(crossterm::event::Event::Paste("a(\r\nb".to_owned()));
    assert!(world.shows("a(") && world.shows(" 2:2 "));
    world.keys(&["ctrl+u"]);
    assert!(!world.shows("a("));
}

/// Keys in an order that is the same in every run (a linear congruential
/// generator after Numerical Recipes).
struct Keys(u32);

impl Iterator for Keys {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        const KEYS: [&str; 44] = [
            "a",
            "(",
            ")",
            "[",
            "\"",
            "/",
            ":",
            ",",
            " ",
            "1",
            "é",
            "日",
            "l",
            "r",
            "enter",
            "enter",
            "tab",
            "backtab",
            "backspace",
            "backspace",
            "delete",
            "up",
            "down",
            "left",
            "right",
            "home",
            "end",
            "pageup",
            "pagedown",
            "ctrl+space",
            "ctrl+space",
            "ctrl+u",
            "ctrl+y",
            "alt+f",
            "f3",
            "f6",
            "f7",
            "f8",
            "esc",
            "ctrl+k",
            "d",
            "d",
            "v",
            "i",
        ];
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(KEYS[(self.0 >> 8) as usize % KEYS.len()])
    }
}

#[test]
fn whatever_is_typed_nothing_panics_and_what_is_shown_is_what_is_saved() {
    for (keys, seed) in [(EditorKeys::Emacs, 1), (EditorKeys::Vim, 2)] {
        let mut world = World::empty((100, 30));
        world.screen.ui.shared.settings.editor = keys;
        world
            .files
            .insert(super::path("a.ron"), QUICKSTART.to_owned());
        world.list();
        for (number, key) in Keys(seed).take(3000).enumerate() {
            world.keys(&[key]);
            if number % 50 == 0 {
                world.screen();
                world.keys(&["esc", "esc", "esc", "home", "enter", "ctrl+s"]);
                assert!(!world.shows("not saved"));
            }
        }
    }
}
