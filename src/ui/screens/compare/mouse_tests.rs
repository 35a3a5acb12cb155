//! The mouse on this screen.

use crossterm::event::{MouseButton, MouseEventKind};

use super::tests::full;
use crate::ui::testing::Harness;

/// Moves the mouse over a cell and looks at the screen.
fn mouse(harness: &mut Harness, kind: MouseEventKind, (column, row): (u16, u16)) -> String {
    harness.mouse(kind, column, row);
    harness.screen()
}

/// Rows of the verdict, which stands above all else.
fn verdict(harness: &mut Harness) -> u16 {
    let screen = harness.screen();
    let views = screen.lines().position(|line| line.contains(" Agreement"));
    views.unwrap() as u16 - 2
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
    let below = verdict(&mut harness);
    let before = click(&mut harness, 5, 5 + below);
    assert_ne!(click(&mut harness, 5, 7 + below), before);
    assert!(click(&mut harness, 11, 21).contains("evaluation 1 of 3"));
    let below = verdict(&mut harness);
    let screen = click(&mut harness, 12, 2 + below);
    assert!(
        screen.contains("rows: teacher's, columns: student's prediction · 200 valid"),
        "{screen}"
    );
}

#[test]
fn a_click_selects_a_cell_of_a_matrix_and_a_row_of_the_classes() {
    let (mut harness, _) = full(80, 24);
    let below = verdict(&mut harness);
    harness.keys(&["v"]);
    let screen = click(&mut harness, 36, 7 + below);
    assert!(
        screen.contains("teacher dog, student dog: 35 of 45"),
        "{screen}"
    );
    // Nothing is beyond the last class.
    assert_eq!(click(&mut harness, 70, 15 + below), screen);
    harness.keys(&["v", "v", "v"]);
    click(&mut harness, 5, 6 + below);
    let screen = harness.keys(&["enter"]).screen();
    assert!(
        screen.contains("only airplane") || screen.contains("only ship"),
        "{screen}"
    );
}

#[test]
fn the_temperature_is_dragged_and_clicked() {
    let (mut harness, _) = full(120, 30);
    let row = 1 + verdict(&mut harness);
    let screen = harness.screen();
    let head = screen.lines().nth(row.into()).unwrap().trim_matches('"');
    let cell = |wanted: char| head.chars().position(|letter| letter == wanted).unwrap() as u16;
    assert!(head.contains("temperature 1 "), "{head}");
    let (first, last) = (cell('╶') + 1, cell('╴') - 1);
    assert!(click(&mut harness, last, row).contains("temperature 20 "));
    let drag = MouseEventKind::Drag(MouseButton::Left);
    assert!(mouse(&mut harness, drag, (first, row)).contains("temperature 0.5 "));
    assert!(click(&mut harness, cell('╴') + 2, row).contains("temperature 0.75 "));
    assert!(click(&mut harness, cell('╶') - 2, row).contains("temperature 0.5 "));
    let before = click(&mut harness, cell('╶') - 8, row);
    assert!(before.contains("temperature 0.5 "));
}

#[test]
fn the_border_between_the_list_and_the_image_is_dragged() {
    let (mut harness, _) = full(120, 30);
    let left = MouseButton::Left;
    let below = usize::from(verdict(&mut harness));
    let corner = |screen: &str| {
        let row = screen.lines().nth(3 + below).unwrap().trim_matches('"');
        row.chars().position(|letter| letter == '┐').unwrap() as u16
    };
    let at = corner(&harness.screen());
    mouse(&mut harness, MouseEventKind::Down(left), (at, 10));
    mouse(&mut harness, MouseEventKind::Drag(left), (80, 10));
    let wide = mouse(&mut harness, MouseEventKind::Up(left), (80, 10));
    assert_eq!(corner(&wide), 79);
    assert_eq!(harness.ui.layout().panes.images, Some(80));
    let reset = harness.keys(&["f10"]).screen();
    assert_eq!(corner(&reset), at);
}

#[test]
fn a_click_on_a_thumbnail_selects_its_image() {
    let (mut harness, _) = full(200, 60);
    let below = verdict(&mut harness);
    let screen = click(&mut harness, 3, 11 + below);
    assert!(
        screen.contains("┌ test/dog/0002.png") || screen.contains("┌ test/cat/0005.png"),
        "{screen}"
    );
    let first = click(&mut harness, 3, 4 + below);
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
    assert!(earlier.contains("evaluation 2 of 3"), "{earlier}");
    assert_eq!(
        mouse(&mut harness, MouseEventKind::ScrollDown, (30, 20)),
        before
    );
}
