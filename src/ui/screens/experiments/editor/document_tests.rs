//! Typing, taking back and moving in a text.

use super::*;

fn typed(document: &mut Document, text: &str) {
    for letter in text.chars() {
        let code = if letter == '\n' {
            KeyCode::Enter
        } else {
            KeyCode::Char(letter)
        };
        document.key(KeyEvent::from(code));
    }
}

#[test]
fn a_text_comes_out_as_it_went_in() {
    for text in ["", "\n", "a", "a\n", "\n\na\n\n", "日本\n\té"] {
        assert_eq!(Document::new(text, EditorKeys::Emacs).text(), text);
        let mut document = Document::new(text, EditorKeys::Emacs);
        document.key(KeyEvent::from(KeyCode::Right));
        assert_eq!(document.text(), text);
        assert_eq!(document.version(), 0);
    }
}

#[test]
fn typing_indents_and_closes() {
    let mut document = Document::new("", EditorKeys::Emacs);
    typed(&mut document, "a(\nb: [\n1,\n],\n)");
    assert_eq!(document.text(), "a(\n    b: [\n        1,\n    ],\n)");
    assert_eq!(document.position(), (5, 2));
    assert_eq!(document.cursor(), document.text().len());
}

#[test]
fn keys_that_nobody_knows_do_nothing() {
    for keys in [EditorKeys::Emacs, EditorKeys::Vim] {
        let mut document = Document::new("a", keys);
        for code in [
            KeyCode::BackTab,
            KeyCode::Insert,
            KeyCode::F(20),
            KeyCode::Menu,
            KeyCode::Null,
        ] {
            document.key(KeyEvent::from(code));
            document.key(KeyEvent::new(
                code,
                KeyModifiers::CONTROL | KeyModifiers::SHIFT,
            ));
        }
        assert_eq!(document.text(), "a");
    }
}

#[test]
fn tab_goes_to_the_next_step_and_back() {
    let mut document = Document::new("ab", EditorKeys::Emacs);
    document.key(KeyEvent::from(KeyCode::Tab));
    assert_eq!(document.text(), "    ab");
    document.set_cursor(5);
    document.key(KeyEvent::from(KeyCode::BackTab));
    assert_eq!((document.text(), document.cursor()), ("ab", 1));
}

#[test]
fn changes_are_undone_and_redone() {
    let mut document = Document::new("x", EditorKeys::Emacs);
    typed(&mut document, "ab");
    document.insert("1\r\n2");
    assert_eq!(document.text(), "ab1\n2x");
    assert!(document.undo());
    assert_eq!((document.text(), document.cursor()), ("abx", 2));
    assert!(document.undo() && !document.undo());
    assert_eq!(document.text(), "x");
    assert!(document.redo() && document.redo() && !document.redo());
    assert_eq!(document.text(), "ab1\n2x");
}

#[test]
fn an_edit_returns_what_it_changed() {
    let mut document = Document::new("abcd", EditorKeys::Emacs);
    document.replace(1..3, "X", 2);
    let edit = Edit {
        start: 1,
        old_end: 3,
        new_end: 2,
    };
    assert_eq!(document.take_edits(), [edit]);
    assert_eq!(document.take_edits(), []);
}

#[test]
fn vim_has_modes_and_leaves_them() {
    let mut document = Document::new("ab", EditorKeys::Vim);
    assert_eq!(document.mode().as_deref(), Some("normal"));
    assert!(!document.leave_mode());
    typed(&mut document, "ixy");
    assert_eq!(document.text(), "xyab");
    assert!(document.leave_mode());
    typed(&mut document, "dd");
    assert_eq!(document.text(), "");
    assert!(document.undo());
    assert_eq!(document.text(), "xyab");
}

#[test]
fn a_reload_keeps_the_cursor_on_its_line() {
    let mut document = Document::new("a\nbcd\ne", EditorKeys::Emacs);
    document.set_cursor(4);
    document.replace_all("aaa\nbcd\ne");
    assert_eq!(document.position(), (2, 3));
    document.replace_all("");
    assert_eq!((document.position(), document.cursor()), ((1, 1), 0));
}

#[test]
fn a_change_from_outside_is_no_change_to_undo() {
    let mut document = Document::new("", EditorKeys::Emacs);
    // A copy in progress was seen as an empty file.
    document.reload("Experiment()");
    assert!(!document.undo());
    assert_eq!(document.text(), "Experiment()");
    document.insert("x");
    assert!(document.undo());
    assert_eq!(document.text(), "Experiment()");
    assert!(!document.undo());
}
