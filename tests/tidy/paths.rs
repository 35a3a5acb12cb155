//! The paths that a file names: in `use`, and where it uses something by its path.

use crate::tokens::Token;

/// Names one inside the other: `["data", "source"]`.
pub type Path = Vec<String>;

/// A path that a file names, and under which name it passes it on.
pub struct Named {
    /// As it is written.
    pub path: Path,
    /// Its line, from 1.
    pub line: usize,
    /// By `pub use`.
    pub passed_on_as: Option<String>,
}

/// Every path of more than one name in a file's tokens.
pub fn names(code: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let begins = at == 0 || code[at - 1].text != "::";
        // `use<'a>` is no import.
        if code[at].text == "use" && code.get(at + 1).is_some_and(|next| next.text != "<") {
            let passes_on = at > 0 && matches!(code[at - 1].text.as_str(), "pub" | ")");
            at += 1;
            tree(code, &mut at, &[], passes_on, &mut found);
        } else if begins && code.get(at + 1).is_some_and(|next| next.text == "::") {
            let mut path = vec![code[at].text.clone()];
            let line = code[at].line;
            while code.get(at + 1).is_some_and(|next| next.text == "::")
                && code.get(at + 2).is_some_and(Token::is_word)
            {
                at += 2;
                path.push(code[at].text.clone());
            }
            at += 1;
            found.push(Named {
                path,
                line,
                passed_on_as: None,
            });
        } else {
            at += 1;
        }
    }
    found
}

/// The paths of a `use` from `at`, which is left at what ends this part of it.
fn tree(code: &[Token], at: &mut usize, before: &[String], pass_on: bool, found: &mut Vec<Named>) {
    let mut path = before.to_vec();
    let mut name = None;
    while let Some(token) = code.get(*at) {
        *at += 1;
        match token.text.as_str() {
            "::" => {}
            "as" => {
                name = code.get(*at).map(|token| token.text.clone());
                *at += 1;
            }
            "{" => {
                while code.get(*at).is_some_and(|token| token.text != "}") {
                    tree(code, at, &path, pass_on, found);
                    if code.get(*at).is_some_and(|token| token.text == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "," | "}" | ";" => {
                *at -= 1;
                break;
            }
            word => path.push(word.to_owned()),
        }
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let line = code.get(*at - 1).map_or(1, |token| token.line);
    let name = name.or_else(|| path.last().cloned());
    if !path.is_empty() {
        found.push(Named {
            path,
            line,
            passed_on_as: name.filter(|_| pass_on),
        });
    }
}
