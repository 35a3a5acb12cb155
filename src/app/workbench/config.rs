//! The user's settings, from the XDG configuration folder.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};
use thiserror::Error;

use crate::format::Symbols;
use crate::ui::settings::SettingsProblem;
use crate::ui::theme::Background;
use crate::ui::{Keymap, Settings, Theme};
use crate::untrusted::{Show as _, read_text_limited};

/// Folder under the user's configuration folder.
const FOLDER: &str = "workbench";

/// Settings are a page; a larger file is something else.
const LARGEST: u64 = 1 << 20;

/// The user's settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("could not read the settings {}: {source}", path.shown())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file has errors.
    #[error("the settings have errors\n{}", listed(path, problems))]
    Problems {
        /// The file.
        path: PathBuf,
        /// Every one of them.
        problems: Vec<SettingsProblem>,
    },
}

fn listed(path: &Path, problems: &[SettingsProblem]) -> String {
    let path = path.shown();
    let lines = problems
        .iter()
        .map(|problem| format!("  {path}:{}: {}", problem.line, problem.message));
    lines.collect::<Vec<_>>().join("\n")
}

/// Settings, keys and colours; the defaults if there is no settings file.
pub fn load() -> Result<(Settings, Keymap, Theme), SettingsError> {
    let (settings, keymap) = match choose_base_strategy() {
        Ok(strategy) => read(strategy.config_dir().join(FOLDER).join("settings.ron"))?,
        // Nobody's home, as for some services: nothing to prefer.
        Err(_) => (Settings::default(), Keymap::default()),
    };
    let variable = |name: &str| std::env::var(name).ok();
    let depth = settings.colours.resolve(variable);
    let background = settings.background;
    let background = background.unwrap_or_else(|| Background::of_environment(variable));
    let symbols = Symbols::of_process();
    let theme = Theme::new(background, settings.palette, depth).with_symbols(symbols);
    Ok((settings, keymap, theme))
}

fn read(path: PathBuf) -> Result<(Settings, Keymap), SettingsError> {
    match read_text_limited(&path, LARGEST) {
        Ok(text) => {
            Settings::parse(&text).map_err(|problems| SettingsError::Problems { path, problems })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok((Settings::default(), Keymap::default()))
        }
        Err(source) => Err(SettingsError::Io { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn settings_are_the_defaults_without_a_file_and_every_error_of_one_is_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("settings.ron");
        assert!(read(path.clone()).is_ok());
        fs::write(&path, "(keys: {\n\"quid\": [\"q\"],\n\"noe\": [\"x\"],\n})").unwrap();
        let message = read(path.clone()).unwrap_err().to_string();
        assert!(
            message.starts_with("the settings have errors\n"),
            "{message}"
        );
        for line in [2, 3] {
            let place = format!("{}:{line}: ", path.shown());
            assert!(message.contains(&place), "{message}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let message = read(path).unwrap_err().to_string();
        assert!(
            message.starts_with("could not read the settings "),
            "{message}"
        );
    }
}
