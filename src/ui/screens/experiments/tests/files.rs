//! The list of files, and what others do to them.

use crossterm::event::{Event, MouseButton, MouseEventKind};
use insta::assert_snapshot;

use super::{ADAPTIVE, QUICKSTART, World, path};
use crate::ui::effect::{Effect, Waiting};
use crate::ui::news::News;

fn two() -> World {
    World::new((100, 40), &[("a.ron", QUICKSTART), ("b.ron", ADAPTIVE)])
}

#[test]
fn a_file_changed_elsewhere_is_shown_and_the_cursor_stays() {
    let mut world = two();
    world.keys(&["enter", "down", "down", "right"]);
    world.elsewhere(
        "a.ron",
        &QUICKSTART.replace("// The first", "// Their first"),
    );
    assert!(world.shows("Their first") && world.shows(" 3:2 "));
}

#[test]
fn a_conflict_is_decided_either_way() {
    for (key, kept, left) in [("f2", "mine", "theirs"), ("f3", "theirs", "mine")] {
        let mut world = two();
        world.keys(&["enter"]).text("// mine\n");
        world.elsewhere("a.ron", &format!("// theirs\n{QUICKSTART}"));
        world.keys(&["f4"]);
        assert!(world.shows("- // mine") && world.shows("+ // theirs"));
        world.keys(&[key]);
        assert!(world.shows(&format!("// {kept}")) && !world.shows(&format!("// {left}")));
        world.keys(&["ctrl+s"]);
        assert!(world.files[&path("a.ron")].starts_with(&format!("// {kept}\n")));
    }
}

#[test]
fn a_change_on_disk_is_shown_and_interrupts_nobody_who_types() {
    let mut world = two();
    world.keys(&["enter"]).text("// mi");
    world.elsewhere("a.ron", &format!("// theirs\n{QUICKSTART}"));
    world.text("ne, f2 yn\n");
    assert!(world.shows("// mine, f2 yn"), "{}", world.screen());
    let notice = "! changed on disk: f4 show changes";
    assert!(world.shows(notice) && !world.shows("+ // theirs"));
    world.keys(&["f4"]).text("ynkq \n").keys(&["esc"]);
    assert!(world.shows(notice) && world.shows("// mine, f2 yn"));
    // It is shown until it is decided, wherever one goes meanwhile.
    world.keys(&["esc", "down", "up"]);
    assert!(world.shows(notice));
    world.keys(&["f4", "f3"]);
    assert!(!world.shows("changed on disk") && world.shows("// theirs"));
    world.keys(&["f4"]);
    assert!(world.shows("the file on disk has not changed"));
}

#[test]
fn saving_over_a_changed_file_asks_and_saves_only_when_confirmed() {
    let mut world = two();
    world.keys(&["enter"]).text("// mine\n");
    let theirs = format!("// theirs\n{QUICKSTART}");
    world.elsewhere("a.ron", &theirs);
    world.keys(&["ctrl+s"]);
    assert!(world.shows("+ // theirs"));
    world.keys(&["enter", "space"]).text("y");
    assert!(world.shows("+ // theirs"));
    world.keys(&["esc"]);
    assert_eq!(world.files[&path("a.ron")], theirs);
    world.keys(&["ctrl+s", "f2"]);
    assert!(world.files[&path("a.ron")].starts_with("// mine\n"));
    assert!(!world.shows("changed on disk") && !world.shows("not saved"));
}

/// A file cannot be read from now on.
fn unreadable(world: &mut World, name: &str) {
    world.screen.news(News::ExperimentRead {
        path: path(name),
        text: Err(format!("`{name}` is not text: byte 3 is 0xff")),
    });
    world.answer();
}

#[test]
fn an_open_text_whose_file_became_unreadable_is_marked_and_saved_only_when_confirmed() {
    let mut world = two();
    world.keys(&["enter"]);
    unreadable(&mut world, "a.ron");
    assert!(world.shows("! cannot be read on disk: f4 show why"));
    assert!(world.shows("byte 3 is 0xff") && world.shows("unreadable"));
    world.keys(&["ctrl+s", "enter"]).text("y");
    assert!(world.shows("a cannot be read any more") && !world.shows("take theirs"));
    world.keys(&["f3", "esc"]);
    assert_eq!(world.files[&path("a.ron")], QUICKSTART);
    world.keys(&["f5"]);
    assert_eq!(world.asked, []);
    world.text("// mine\n");
    world.keys(&["esc", "down", "q", "enter"]);
    assert!(world.shows("a cannot be read any more"));
    world.keys(&["f2"]);
    assert!(world.files[&path("a.ron")].starts_with("// mine\n"));
    assert!(!world.shows("cannot be read") && !world.shows("not saved"));
}

#[test]
fn a_text_that_nobody_edits_goes_when_its_file_becomes_unreadable() {
    let mut world = two();
    unreadable(&mut world, "a.ron");
    assert!(world.shows("unreadable") && !world.shows("Experiment("));
    world.keys(&["enter"]).text("x").keys(&["ctrl+s"]);
    assert_eq!(world.files[&path("a.ron")], QUICKSTART);
    world.elsewhere("a.ron", QUICKSTART);
    assert!(!world.shows("unreadable") && world.shows("Experiment("));
}

#[test]
fn a_new_experiment_comes_from_the_template_and_is_opened() {
    let mut world = two();
    world.keys(&["n"]).text("mine\n");
    assert!(world.files[&path("mine.ron")].contains("Experiment("));
    assert!(world.shows(" mine.ron ") && !world.shows("error"));
    world.text("// typed");
    assert!(world.shows("// typed"));
}

#[test]
fn names_that_are_taken_or_no_names_are_refused() {
    let mut world = two();
    world.keys(&["n"]).text("b\n");
    assert!(world.shows("an experiment `b` already exists"));
    world.keys(&["n"]).text("x/b\n");
    assert!(world.shows("cannot contain `/`"));
    assert_eq!(world.files.len(), 2);
}

#[test]
fn a_copy_takes_over_what_is_not_saved_and_its_own_name() {
    let mut world = two();
    world
        .keys(&["enter"])
        .text("// new\n")
        .keys(&["esc", "d", "enter"]);
    let copy = &world.files[&path("a-copy.ron")];
    assert!(copy.starts_with("// new\n") && copy.contains("name: \"a-copy\""));
    assert_eq!(world.files[&path("a.ron")], QUICKSTART);
}

#[test]
fn a_copy_that_is_read_while_it_is_written_is_shown_whole_and_saved() {
    let mut world = two();
    world.screen.keys(&["d", "enter"]);
    let write = world.screen.take();
    let copy = path("a-copy.ron");
    let files = vec![path("a.ron"), copy.clone(), path("b.ron")];
    world.screen.news(News::Experiments(files));
    world.screen.news(News::ExperimentRead {
        path: copy,
        text: Ok(String::new()),
    });
    for effect in write {
        world.execute(effect);
    }
    world.answer();
    let shown = world.screen();
    assert!(
        shown.contains("┌ a-copy.ron ─") && shown.contains("The first experiment"),
        "{shown}"
    );
}

#[test]
fn a_renamed_file_keeps_its_changes_and_stays_selected() {
    let mut world = two();
    world.keys(&["enter"]).text("// new\n").keys(&["esc", "m"]);
    world.keys(&["backspace"]).text("z\n");
    assert!(world.files.contains_key(&path("z.ron")));
    assert!(!world.files.contains_key(&path("a.ron")));
    assert!(world.shows("z.ron * not saved") && world.shows("// new"));
}

#[test]
fn the_filter_narrows_the_list_and_is_left_again() {
    let mut world = two();
    world.keys(&["/"]).text("B.r");
    assert!(world.shows(" b.ron ") && !world.shows("  a "));
    world.keys(&["enter"]);
    assert!(world.shows("/B.r"));
    world.keys(&["esc"]);
    assert!(world.shows("  a "));
    world.keys(&["/"]).text("none");
    assert!(world.shows("No matches for `none`. Press"));
    assert!(!world.shows("An experiment is a text file"));
}

#[test]
fn what_is_edited_outlives_its_file() {
    let mut world = two();
    world.keys(&["enter"]).text("// kept\n").keys(&["esc"]);
    world.files.remove(&path("a.ron"));
    world.files.remove(&path("b.ron"));
    world.list();
    assert!(world.shows("a.ron * not saved") && !world.shows("b.ron"));
    world.keys(&["enter", "ctrl+s"]);
    assert!(world.files.contains_key(&path("a.ron")));
}

#[test]
fn an_experiment_that_waits_is_not_asked_for_twice_and_can_be_taken_out() {
    let mut world = two();
    world.keys(&["r"]);
    assert_eq!(world.asked, [Effect::Launch(path("a.ron"))]);
    world.screen.news(News::Queue {
        preparing: None,
        ahead: Some("quickstart.ron".to_owned()),
        waiting: vec![Waiting::Experiment(path("a.ron"))],
    });
    world.keys(&["r"]);
    assert!(world.shows("a is already queued") && world.shows("queued 1"));
    world.keys(&["x"]);
    assert_eq!(
        world.asked[1..],
        [Effect::Dequeue(Waiting::Experiment(path("a.ron")))]
    );
}

#[test]
fn the_mouse_selects_opens_and_scrolls() {
    let mut world = two();
    let mut mouse = |kind, column, row| {
        world.screen.mouse(kind, column, row);
        world.answer();
        world.screen()
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    assert!(mouse(click, 5, 3).contains(" b.ron "));
    assert!(mouse(click, 45, 4).contains(" 3:"));
    assert!(mouse(MouseEventKind::ScrollDown, 45, 4).contains("Experiment("));
    for column in (0..100).step_by(3) {
        for row in 0..40 {
            mouse(click, column, row);
        }
    }
}

#[test]
fn nothing_panics_at_any_size() {
    let mut world = two();
    world.keys(&["enter", "ctrl+space"]);
    for keys in [&["f8"], &["f6"], &["esc"], &["f6"], &["/"]] {
        world.keys(keys);
        for width in (1..170).step_by(13) {
            for height in (1..30).step_by(3) {
                world.screen.input(Event::Resize(width, height));
                world.screen();
            }
        }
    }
}

#[test]
fn leaving_saves_everything_first_if_that_is_chosen() {
    let mut world = two();
    world.keys(&["enter"]).text("// a\n").keys(&["esc"]);
    world.keys(&["down", "enter"]).text("// b\n");
    world.keys(&["ctrl+c"]);
    assert!(world.shows("2 experiments are not saved: a and b."));
    world.keys(&["enter"]);
    assert_eq!(world.asked, [Effect::Quit]);
    assert!(world.files[&path("a.ron")].starts_with("// a\n"));
    assert!(world.files[&path("b.ron")].starts_with("// b\n"));
}

#[test]
fn a_file_that_cannot_be_saved_or_was_changed_elsewhere_keeps_the_workbench_open() {
    let mut world = two();
    world.keys(&["enter"]).text("// a\n");
    world.screen.keys(&["ctrl+c", "enter"]);
    world.screen.take();
    world.screen.news(News::ExperimentWritten {
        path: path("a.ron"),
        text: Err("the disk is full".to_owned()),
    });
    world.answer();
    assert!(world.shows("the disk is full"));
    // A later success is not taken for the one that was waited for.
    world.keys(&["ctrl+s"]);
    assert_eq!(world.asked, []);
    world.text("// more\n").keys(&["esc", "down"]);
    let theirs = format!("// theirs\n{QUICKSTART}");
    world.elsewhere("a.ron", &theirs);
    world.keys(&["2", "q", "enter"]);
    assert!(world.shows("+ // theirs"), "{}", world.screen());
    assert_eq!(world.asked, []);
    assert_eq!(world.files[&path("a.ron")], theirs);
}

#[test]
fn an_experiment_goes_to_the_trash_once_that_is_agreed_to() {
    let mut world = two();
    world.keys(&["delete"]).text("xX");
    world.keys(&["esc"]);
    assert_eq!(world.files.len(), 2);
    world.keys(&["X"]);
    assert!(world.shows("Move a.ron to .trash?"));
    assert!(!world.shows("continues") && !world.shows("queue") && !world.shows("lost"));
    world.keys(&["enter"]);
    assert_eq!(world.files.keys().collect::<Vec<_>>(), [&path("b.ron")]);
    assert!(world.shows(" b.ron "));
}

#[test]
fn what_went_to_the_trash_last_comes_back_and_is_selected() {
    let mut world = two();
    world.keys(&["X", "enter", "u"]);
    assert!(world.shows("a restored") && world.shows(" a.ron "));
    assert_eq!(world.files[&path("a.ron")], QUICKSTART);
    world.keys(&["u"]);
    assert!(world.shows("the trash is empty"));
}

#[test]
fn what_uses_an_experiment_is_named_before_it_is_removed() {
    let mut world = two();
    world.screen.runs.insert(super::training("quickstart", 20));
    world.screen.news(News::Queue {
        preparing: None,
        ahead: Some("quickstart.ron".to_owned()),
        waiting: vec![Waiting::Experiment(path("a.ron"))],
    });
    world
        .keys(&["enter"])
        .text("// new\n")
        .keys(&["esc", "delete"]);
    let message = world.screen().replace(['│', '"', '\n'], " ");
    let message: Vec<&str> = message.split_whitespace().collect();
    let message = message.join(" ");
    assert!(message.contains("Its training continues"), "{message}");
    assert!(message.contains("removed from the queue") && message.contains("Unsaved changes"));
    world.keys(&["enter"]);
    assert!(!world.files.contains_key(&path("a.ron")));
    assert!(world.shows(" b.ron ") && !world.shows("// new"));
}

#[test]
fn delete_in_a_text_deletes_a_letter_and_no_file() {
    let mut world = two();
    world.keys(&["enter"]).text("ab").keys(&["home", "delete"]);
    assert!(world.shows(" b// The first") && !world.shows("Trash"));
    world
        .keys(&["esc", "/"])
        .text("a")
        .keys(&["home", "delete"]);
    assert!(!world.shows("Trash") && world.shows("  b "));
}

#[test]
fn the_borders_between_the_panes_are_dragged() {
    let mut world = World::new((200, 40), &[("a.ron", QUICKSTART)]);
    let mut drag = |from: u16, to: u16| {
        let left = MouseButton::Left;
        let kinds = [
            (MouseEventKind::Down(left), from),
            (MouseEventKind::Drag(left), to),
            (MouseEventKind::Up(left), to),
        ];
        for (kind, column) in kinds {
            world.screen.mouse(kind, column, 20);
        }
        let screen = world.screen();
        let top: Vec<char> = screen.lines().nth(1).unwrap().chars().collect();
        let corners = top.iter().enumerate().filter(|(_, letter)| **letter == '┐');
        // A line begins with a quote.
        corners.map(|(at, _)| at - 1).collect::<Vec<_>>()
    };
    assert_eq!(drag(100, 110), [39, 141, 199]);
    assert_eq!(drag(39, 60), [59, 141, 199]);
    assert_eq!(drag(142, 120), [59, 119, 199]);
    assert_eq!(drag(60, 2), [19, 119, 199]);
    assert_eq!(drag(120, 199), [19, 179, 199]);
}

/// A world in which the text of `a` was not saved before.
fn cut_off(size: (u16, u16)) -> (World, String) {
    let mut world = World::empty(size);
    let unsaved = format!("// unsaved\n{QUICKSTART}");
    world.files = [(path("a.ron"), QUICKSTART.to_owned())].into();
    world.kept = [(path("a.ron"), unsaved.clone())].into();
    world.list();
    (world, unsaved)
}

#[test]
fn text_that_was_kept_is_offered_with_its_difference_when_its_file_is_opened() {
    for size in [(80, 24), (200, 60)] {
        let (mut world, unsaved) = cut_off(size);
        assert!(world.shows("a has unsaved changes from a previous session"));
        world.keys(&["enter"]);
        let name = format!("unsaved_{}x{}", size.0, size.1);
        assert_snapshot!(name, world.screen());
        // What is restored is not saved, can be undone, and is kept until it is saved.
        world.keys(&["f3"]);
        assert!(world.shows("// unsaved") && world.shows("* not saved"));
        assert_eq!(world.files[&path("a.ron")], QUICKSTART);
        assert_eq!(world.kept.len(), 1);
        world.keys(&["ctrl+u"]);
        assert!(!world.shows("// unsaved"));
        world.keys(&["ctrl+y", "ctrl+s"]);
        assert_eq!(world.files[&path("a.ron")], unsaved);
        assert!(world.kept.is_empty());
    }
}

#[test]
fn text_that_was_kept_is_discarded_or_asked_about_again() {
    let (mut world, _) = cut_off((80, 24));
    world.keys(&["enter", "esc"]);
    assert!(!world.shows("+ // unsaved"));
    world.keys(&["esc"]);
    assert!(world.shows("unsaved changes"), "{}", world.screen());
    world.keys(&["enter"]);
    assert!(world.shows("+ // unsaved"));
    world.keys(&["f2"]);
    assert!(world.kept.is_empty() && !world.shows("unsaved"));
    world.keys(&["esc", "enter"]);
    assert!(!world.shows("+ // unsaved") && !world.shows("not saved"));
}

#[test]
fn text_that_was_kept_and_is_what_the_file_holds_is_passed_over() {
    let (mut world, unsaved) = cut_off((80, 24));
    world.elsewhere("a.ron", &unsaved);
    world.keys(&["enter"]);
    assert!(world.kept.is_empty() && !world.shows("restore"));
}

#[test]
fn a_title_is_cut_in_the_name_and_not_in_what_it_says() {
    let name = "cifar10-adaptive-with-a-rather-long-name-of-an-experiment.ron";
    for width in [60, 80, 100] {
        let mut world = World::new((width, 24), &[(name, QUICKSTART)]);
        world.keys(&["enter"]).text("// mine\n");
        let screen = world.screen();
        assert!(screen.contains(".ron * "), "{screen}");
        assert!(width < 80 || screen.contains(" * not saved "), "{screen}");
    }
}
