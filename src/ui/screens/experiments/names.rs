//! Names of new files, and the name that stands in a text.

use std::path::{Path, PathBuf};

use super::editor::tokens::{Kind, tokens};

/// The text of a new experiment.
pub const TEMPLATE: &str = include_str!("template.ron");

/// The path of an experiment called so in a folder.
///
/// # Errors
/// Why it cannot be called so.
pub fn path(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let name = name.trim();
    let name = name.strip_suffix(".ron").unwrap_or(name);
    if name.is_empty() {
        return Err("name is required".to_owned());
    }
    if name.starts_with('.') {
        return Err(format!("`{name}` starts with a dot and would be hidden"));
    }
    let wrong = name
        .chars()
        .find(|letter| letter.is_control() || r#"/\:*?"<>|"#.contains(*letter));
    match wrong {
        Some(letter) => Err(format!(
            "a file's name cannot contain `{}`; use letters, digits, `-` and `_`",
            letter.escape_debug()
        )),
        None => Ok(folder.join(format!("{name}.ron"))),
    }
}

/// The text of an experiment with another name in it, where it has one: a copy
/// of the same name would mix its runs with those of the original.
#[must_use]
pub fn renamed(text: &str, name: &str) -> String {
    let tokens = tokens(text);
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Field if depth == 1 && &text[token.span.clone()] == "name" => {
                let value = tokens.get(at + 2).filter(|value| value.kind == Kind::Text);
                let Some(value) = value else {
                    break;
                };
                let mut copy = text.to_owned();
                copy.replace_range(value.span.clone(), &format!("{name:?}"));
                return copy;
            }
            _ => {}
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_no_errors() {
        let path = Path::new("experiments/new.ron");
        let loaded = crate::experiment::load_text(TEMPLATE, path, &[]);
        assert_eq!(loaded.map(|loaded| loaded.plan.name), Ok("new".to_owned()));
    }

    #[test]
    fn names_become_files_or_are_refused() {
        let folder = Path::new("e");
        assert_eq!(path(folder, " a-1 "), Ok(PathBuf::from("e/a-1.ron")));
        assert_eq!(path(folder, "a.ron"), Ok(PathBuf::from("e/a.ron")));
        for bad in ["", "  ", ".ron", "../a", "a\nb", ".x"] {
            assert!(path(folder, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_copy_has_its_own_name() {
        let text = "Experiment(data: (name: \"x\"), // name: \"c\"\n name: \"a\", seed: 1)";
        assert_eq!(renamed(text, "b"), text.replace("\"a\"", "\"b\""));
        assert_eq!(renamed("(seed: 1)", "b"), "(seed: 1)");
    }
}
