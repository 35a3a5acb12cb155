//! Real pictures on this screen.

use super::testing::{probe, with_runs};
use super::tests::answered;
use crate::ui::graphics::{Graphics, Protocol};
use crate::ui::testing::Harness;

/// The words of a real picture on a terminal that shows them, and where its
/// first cell is.
fn real(protocol: Protocol) -> (Harness, (u16, u16), &'static str) {
    let (harness, names) = with_runs(120, 40);
    let graphics = Graphics {
        protocol,
        cell: (10, 20),
        ..Graphics::default()
    };
    let mut harness = harness.with_graphics(graphics);
    harness.keys(&["4"]);
    answered(&mut harness, &names[0], Ok(probe()));
    let words = match protocol {
        Protocol::Kitty => "\x1b_Gq=2,i=",
        Protocol::Iterm2 => "]1337;File=inline=1",
        Protocol::Sixel => "\x1bP",
        Protocol::HalfBlocks => "▀",
    };
    harness.screen();
    // Two rows of verdict stand above.
    (harness, (59, 6), words)
}

#[test]
fn the_selected_image_is_a_real_picture_where_the_terminal_shows_them() {
    for protocol in [Protocol::Kitty, Protocol::Iterm2, Protocol::Sixel] {
        let (mut harness, (x, y), words) = real(protocol);
        assert!(harness.cell(x, y).contains(words), "{protocol:?}");
        let first = harness.cell(x, y).to_owned();
        harness.keys(&["down"]).screen();
        assert!(harness.cell(x, y).contains(words), "{protocol:?}");
        assert_ne!(harness.cell(x, y), first, "{protocol:?}");
    }
}

#[test]
fn a_real_picture_goes_away_under_a_dialog_and_on_another_screen() {
    for protocol in [Protocol::Kitty, Protocol::Iterm2, Protocol::Sixel] {
        let (mut harness, (x, y), _) = real(protocol);
        for keys in [["o", "esc"], ["v", "V"], ["5", "4"]] {
            harness.keys(&keys[..1]).screen();
            for column in x..120 {
                for row in 1..39 {
                    let cell = harness.cell(column, row);
                    assert!(!cell.contains(['\x1b', '\u{10eeee}']), "{protocol:?}");
                }
            }
            harness.keys(&keys[1..]).screen();
            let drawn = harness.cell(x, y);
            assert!(
                drawn.contains(['\x1b', '\u{10eeee}']),
                "{protocol:?}: {keys:?}"
            );
        }
    }
}
