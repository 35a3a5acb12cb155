//! The mouse on this screen.

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::tests::full;
use crate::ui::testing::Harness;

/// Moves the mouse over a cell and looks at the screen.
fn mouse(harness: &mut Harness, kind: MouseEventKind, (column, row): (u16, u16)) -> String {
    harness.input(Event::Mouse(MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    }));
    harness.screen()
}

fn click(harness: &mut Harness, column: u16, row: u16) -> String {
    mouse(
        harness,
        MouseEventKind::Down(MouseButton::Left),
        (column, row),
    )
}

#[test]
fn the_mouse_selects_images_views_and_points_of_the_training() {
    let (mut harness, _) = full(80, 24);
    let before = click(&mut harness, 5, 5);
    assert_ne!(click(&mut harness, 5, 7), before);
    assert!(click(&mut harness, 11, 21).contains("checkpoint 1 of 3"));
    assert!(click(&mut harness, 12, 2).contains("teacher ↓ by student →"));
}

#[test]
fn a_click_selects_a_cell_of_a_matrix_and_a_row_of_the_classes() {
    let (mut harness, _) = full(80, 24);
    harness.keys(&["v"]);
    let screen = click(&mut harness, 36, 7);
    assert!(
        screen.contains("teacher dog, student dog: 2 of 4"),
        "{screen}"
    );
    // Nothing is beyond the last class.
    assert_eq!(click(&mut harness, 70, 15), screen);
    harness.keys(&["v", "v", "v"]);
    click(&mut harness, 5, 6);
    let screen = harness.keys(&["enter"]).screen();
    assert!(
        screen.contains("only airplane") || screen.contains("only ship"),
        "{screen}"
    );
}

#[test]
fn a_click_on_a_thumbnail_selects_its_image() {
    let (mut harness, _) = full(200, 60);
    let screen = click(&mut harness, 3, 11);
    assert!(
        screen.contains("┌ test/dog/0002.png") || screen.contains("┌ test/cat/0005.png"),
        "{screen}"
    );
    let first = click(&mut harness, 3, 4);
    assert!(first.contains("┌ test/ship/0011.png"), "{first}");
}

#[test]
fn the_wheel_scrolls_the_images_and_over_the_timeline_the_training() {
    let (mut harness, _) = full(80, 24);
    let before = harness.screen();
    let down = mouse(&mut harness, MouseEventKind::ScrollDown, (5, 8));
    assert!(down.contains("┌ test/airplane/0008.png"), "{down}");
    assert_eq!(
        mouse(&mut harness, MouseEventKind::ScrollUp, (5, 8)),
        before
    );
    let earlier = mouse(&mut harness, MouseEventKind::ScrollUp, (30, 20));
    assert!(earlier.contains("checkpoint 2 of 3"), "{earlier}");
    assert_eq!(
        mouse(&mut harness, MouseEventKind::ScrollDown, (30, 20)),
        before
    );
}
