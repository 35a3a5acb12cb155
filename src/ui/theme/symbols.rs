//! A finished frame in the symbols of the terminal: the screen is drawn once, in
//! Unicode, and written out in others here and nowhere else.

use ratatui::buffer::{Buffer, Cell};

use crate::format::symbols::{Symbols, ascii, pair};

/// Writes a finished frame in these symbols.
pub fn write(symbols: Symbols, buffer: &mut Buffer) {
    if symbols == Symbols::Unicode {
        return;
    }
    let width = usize::from(buffer.area.width).max(1);
    for row in buffer.content.chunks_mut(width) {
        for at in 0..row.len() {
            if let Some(letter) = lone(&row[at]).filter(|letter| !letter.is_ascii()) {
                write_at(row, at, letter);
            }
        }
    }
}

/// The letter of a cell that has but one.
fn lone(cell: &Cell) -> Option<char> {
    let mut letters = cell.symbol().chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// Writes what stands for a sign: two letters where a neighbour leaves room for the
/// second, or gives way to dots.
fn write_at(row: &mut [Cell], at: usize, letter: char) {
    let near = |by: isize| lone(row.get(at.checked_add_signed(by)?)?);
    let is_free = |by| near(by) == Some(' ');
    let is_text = |by| near(by).is_some_and(|near| near.is_ascii_graphic() && near != '|');
    let start = match letter {
        '…' if is_free(1) && is_free(2) => Some(at),
        '…' if is_text(-1) => Some(at - 1),
        '…' if is_text(1) => Some(at),
        '…' => None,
        _ => is_free(1).then_some(at),
    };
    let Some((from, pair)) = start.zip(pair(letter)) else {
        row[at].set_char(ascii(letter));
        return;
    };
    for (cell, letter) in row[from..].iter_mut().zip(pair.chars()) {
        cell.set_char(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_and_dots_take_a_second_cell_where_there_is_one() {
        for (text, expected) in [
            ("4 → 2.5", "4 ->2.5"),
            ("↓ by →|", "v by >|"),
            ("loading…   ", "loading..  "),
            ("airp… 0.5", "air.. 0.5"),
            ("|…/cat.png", "|..cat.png"),
            ("round 6 …", "round 6 ."),
            ("日本…", "日本."),
        ] {
            let mut buffer = Buffer::with_lines([text]);
            write(Symbols::Ascii, &mut buffer);
            let cells = buffer.content.iter().map(Cell::symbol);
            let shown: String = cells.collect();
            assert_eq!(shown.replace(' ', ""), expected.replace(' ', ""), "{text}");
        }
    }
}
