//! The user's settings, from the XDG configuration folder.

use std::io;

use etcetera::{BaseStrategy, choose_base_strategy};

use crate::ui::theme::Ground;
use crate::ui::{Keymap, Settings, Theme};
use crate::untrusted::read_text_limited;

/// Folder under the user's configuration folder.
const FOLDER: &str = "workbench";

/// Larger settings are none that anybody wrote.
const LARGEST: u64 = 1 << 20;

/// Settings, keys and colours; the defaults if there is no settings file. An
/// error names every mistake in the file with its line.
pub fn load() -> Result<(Settings, Keymap, Theme), String> {
    let (settings, keymap) = match choose_base_strategy() {
        Ok(strategy) => {
            let path = strategy.config_dir().join(FOLDER).join("settings.ron");
            match read_text_limited(&path, LARGEST) {
                Ok(text) => Settings::parse(&text).map_err(|problems| {
                    let lines = problems.iter().map(|problem| {
                        format!("{}:{}: {}", path.display(), problem.line, problem.message)
                    });
                    lines.collect::<Vec<_>>().join("\n")
                })?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => defaults(),
                Err(error) => {
                    return Err(format!("error: could not read {}: {error}", path.display()));
                }
            }
        }
        // Nobody's home, as for some services: nothing to prefer.
        Err(_) => defaults(),
    };
    let variable = |name: &str| std::env::var(name).ok();
    let depth = settings.colours.resolve(variable);
    let ground = settings.ground;
    let ground = ground.unwrap_or_else(|| Ground::of_environment(variable));
    let theme = Theme::new(ground, settings.palette, depth);
    Ok((settings, keymap, theme))
}

fn defaults() -> (Settings, Keymap) {
    (Settings::default(), Keymap::default())
}
