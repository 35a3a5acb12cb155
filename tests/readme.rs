//! What the README says of the program is made from the program.
//!
//! `UPDATE_README=1 cargo test --test readme` writes it anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and says where"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use workbench::ui::Keymap;
use workbench::ui::action::ACTIONS;

const BEGIN: &str = "<!-- keys: made by tests/readme.rs -->\n";
const END: &str = "<!-- end of keys -->\n";

/// A table of keys for every context.
fn keys() -> String {
    let keymap = Keymap::default();
    let mut text = String::new();
    let mut context = None;
    for entry in ACTIONS {
        if context.replace(entry.context) != Some(entry.context) {
            let title = entry.context.title();
            write!(text, "\n**{title}**\n\n| key | action | |\n|---|---|---|\n").unwrap();
        }
        let keys = keymap.keys(entry.action).replace('|', "\\|");
        let keys = match keys.as_str() {
            "" => keys,
            // A backtick is code only between two of them.
            _ if keys.contains('`') => format!("`` {keys} ``"),
            _ => format!("`{keys}`"),
        };
        writeln!(
            text,
            "| {keys} | `{}` | {} |",
            entry.name, entry.description
        )
        .unwrap();
    }
    text + "\n"
}

#[test]
fn the_readme_lists_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).unwrap() + BEGIN.len();
    let end = text.find(END).unwrap();
    let expected = keys();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(
            &path,
            format!("{}{expected}{}", &text[..begin], &text[end..]),
        )
        .unwrap();
    } else {
        assert_eq!(
            &text[begin..end],
            expected,
            "the keys have changed: UPDATE_README=1 cargo test --test readme"
        );
    }
}
