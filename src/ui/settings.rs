//! What a person prefers: colours, keys, the editor's manner. Read from
//! `settings.ron` in the user's configuration folder, checked when it is read.

use std::collections::BTreeMap;
use std::fmt;

use ron::extensions::Extensions;
use serde::{Deserialize, Serialize};

use super::graphics::PictureSetting;
use super::keymap::Keymap;
use super::theme::{Background, Depth, Palette};

/// The settings file's content; every field may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Dark or light background; as the terminal says if absent.
    #[serde(alias = "ground")]
    pub background: Option<Background>,
    /// Colours that distinguish curves, and good from bad.
    pub palette: Palette,
    /// How many colours the terminal shows.
    pub colours: Depth,
    /// How pictures reach the screen.
    pub pictures: PictureSetting,
    /// Keys of the text editor.
    pub editor: EditorKeys,
    /// Keys by name of action: `{"pause-run": ["f2", "p"]}`.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// Keys of the text editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EditorKeys {
    /// What is typed is inserted; Emacs's keys move.
    #[default]
    Emacs,
    /// Vim's modes.
    Vim,
}

/// Something that is wrong with the settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsProblem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings.ron, line {}: {}", self.line, self.message)
    }
}

impl Settings {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Everything that is wrong with it: its syntax, else every key of it.
    pub fn parse(text: &str) -> Result<(Self, Keymap), Vec<SettingsProblem>> {
        let options = ron::Options::default()
            .with_default_extension(Extensions::UNWRAP_NEWTYPES | Extensions::IMPLICIT_SOME);
        let settings: Self = options.from_str(text).map_err(|error| {
            vec![SettingsProblem {
                line: error.span.start.line,
                message: error.code.to_string(),
            }]
        })?;
        match Keymap::with(&settings.keys) {
            Ok(keymap) => Ok((settings, keymap)),
            Err(problems) => Err(problems
                .into_iter()
                .map(|(name, message)| SettingsProblem {
                    line: line_of(text, &name),
                    message,
                })
                .collect()),
        }
    }
}

/// Line, from 1, of the key that names an action; the first if it is a default
/// that stands in no line.
fn line_of(text: &str, name: &str) -> usize {
    let quoted = format!("\"{name}\"");
    text.lines()
        .position(|line| line.contains(&quoted))
        .map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::action::Action;

    #[test]
    fn an_empty_file_changes_nothing() {
        let (settings, keymap) = Settings::parse("()").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(keymap.keys(Action::Quit), "q or ctrl+c or ctrl+q");
    }

    #[test]
    fn colours_and_keys_are_taken_over() {
        let text =
            "(background: Light, palette: ColourBlind, pictures: Sixel, keys: {\"quit\": [\"Q\"]})";
        let (settings, keymap) = Settings::parse(text).unwrap();
        assert_eq!(settings.background, Some(Background::Light));
        assert_eq!(settings.palette, Palette::ColourBlind);
        assert_eq!(settings.pictures, PictureSetting::Sixel);
        assert_eq!(keymap.keys(Action::Quit), "Q or ctrl+c");
    }

    #[test]
    fn former_names_are_still_read() {
        let text = "(ground: Light, keys: {\"roughen-curves\": [\"ctrl+y\"]})";
        let (settings, keymap) = Settings::parse(text).unwrap();
        assert_eq!(settings.background, Some(Background::Light));
        assert_eq!(keymap.keys(Action::LessSmoothingCurves), "ctrl+y");
    }

    #[test]
    fn errors_are_reported_with_their_lines() {
        let messages = |text: &str| {
            let problems = Settings::parse(text).unwrap_err();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(messages("(\n  grond: Dark,\n)")[0].starts_with("settings.ron, line 2: "));
        assert_eq!(
            messages("(\n  keys: {\n    \"quid\": [\"q\"],\n  },\n)"),
            ["settings.ron, line 3: there is no action `quid`; did you mean `quit`?"]
        );
        let taken = messages("(\n  keys: {\n    \"quit\": [\"r\"],\n  },\n)");
        assert!(taken[0].starts_with("settings.ron, line 3: `r` means both `quit`"));
        assert!(taken[0].contains("`launch`"));
    }
}
