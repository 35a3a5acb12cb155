//! Real pictures in the terminal, where it can show them: kitty's, iTerm2's
//! and DEC's (sixel) ways, else half blocks.
//!
//! What the terminal can do is asked once ([`question`]), by the code that drives the
//! screen. Encoding a picture takes long, so [`Pictures`] encodes what the next
//! frame shows before it is drawn, once, and drawing only looks it up.

mod pictures;
pub mod question;

use serde::{Deserialize, Serialize};

pub use self::pictures::Pictures;
pub use self::question::{Abilities, GraphicsQuirk};

/// How pictures reach the screen, as a person wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PictureSetting {
    /// As the terminal can, which is asked at the start.
    #[default]
    Auto,
    /// Two pixels a cell, in any terminal; nothing is asked.
    HalfBlocks,
    /// Kitty's protocol, with its placeholders.
    Kitty,
    /// iTerm2's protocol.
    Iterm2,
    /// DEC's sixels.
    Sixel,
}

/// How pictures reach the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// Two pixels a cell.
    #[default]
    HalfBlocks,
    /// Kitty's protocol, with its placeholders.
    Kitty,
    /// iTerm2's protocol.
    Iterm2,
    /// DEC's sixels.
    Sixel,
}

/// How pictures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graphics {
    /// In which way.
    pub protocol: Protocol,
    /// Width and height of a cell, pixels; none is 0.
    pub cell: (u16, u16),
    /// Whether they go through tmux to the terminal around it.
    pub through_tmux: bool,
    /// Whether the terminal inflates what was compressed.
    pub inflates: bool,
}

/// Terminals that show iTerm2's pictures best, whatever else they answer, by
/// what they put into `TERM_PROGRAM`.
const ITERM2: [&str; 4] = ["iTerm.app", "WezTerm", "rio", "mintty"];

/// Terminals whose sixels stay where they were, by a variable that they set.
const UNRELIABLE: [&str; 2] = ["KONSOLE_VERSION", "ALACRITTY_WINDOW_ID"];

impl Default for Graphics {
    /// Two square pixels a cell.
    fn default() -> Self {
        Self {
            protocol: Protocol::HalfBlocks,
            cell: (1, 2),
            through_tmux: false,
            inflates: false,
        }
    }
}

impl PictureSetting {
    /// Whether the terminal has to be asked before one can say what it shows.
    #[must_use]
    pub fn asks(self) -> bool {
        self != Self::HalfBlocks
    }

    /// What the environment and the terminal's answers come to.
    #[must_use]
    pub fn resolve(
        self,
        abilities: &Abilities,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Graphics {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let tmux = is_within_tmux(&variable);
        let program = variable("TERM_PROGRAM").unwrap_or_default();
        let wanted = match self {
            Self::Kitty => Protocol::Kitty,
            Self::Iterm2 => Protocol::Iterm2,
            Self::Sixel => Protocol::Sixel,
            // Within tmux, it is tmux that answers, it says that it shows sixels
            // where the terminal around it does not, and what it shows it loses
            // when something is written beside it.
            Self::Auto if tmux => Protocol::HalfBlocks,
            Self::Auto if ITERM2.contains(&program.as_str()) => Protocol::Iterm2,
            Self::Auto if UNRELIABLE.into_iter().any(is_set) => Protocol::HalfBlocks,
            Self::Auto if abilities.manner == Some(GraphicsQuirk::Iterm2) => Protocol::Iterm2,
            Self::Auto if abilities.manner == Some(GraphicsQuirk::Unreliable) => {
                Protocol::HalfBlocks
            }
            Self::Auto if abilities.kitty => Protocol::Kitty,
            Self::Auto if abilities.sixel => Protocol::Sixel,
            Self::Auto | Self::HalfBlocks => Protocol::HalfBlocks,
        };
        let cell = abilities
            .cell
            .filter(|(width, height)| *width > 0 && *height > 0);
        // Kitty's placeholders say in their colour which picture they stand for.
        let colourless = wanted == Protocol::Kitty && is_set("NO_COLOR");
        match cell {
            Some(cell) if wanted != Protocol::HalfBlocks && !colourless => Graphics {
                protocol: wanted,
                cell,
                through_tmux: tmux && wanted != Protocol::Sixel,
                inflates: abilities.inflates,
            },
            // Nobody knows how many pixels would fill a cell.
            _ => Graphics::default(),
        }
    }
}

/// Whether a terminal can be asked: some cannot answer, and print questions.
#[must_use]
pub fn can_be_asked(variable: impl Fn(&str) -> Option<String>) -> bool {
    let term = variable("TERM").unwrap_or_default();
    !["", "dumb", "linux"].contains(&term.as_str())
}

/// Whether a variable's values show tmux around the workbench.
#[must_use]
pub fn is_within_tmux(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, wanted: fn(&str) -> bool| variable(name).is_some_and(|it| wanted(&it));
    is("TERM_PROGRAM", |program| program == "tmux")
        || is("TERM", |term| {
            term.starts_with("tmux") || term.starts_with("screen")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(setting: PictureSetting, abilities: &str, set: &[(&str, &str)]) -> Graphics {
        let abilities = Abilities {
            kitty: abilities.contains('k'),
            inflates: abilities.contains('z'),
            sixel: abilities.contains('s'),
            cell: abilities.contains('c').then_some((9, 18)),
            manner: match abilities {
                _ if abilities.contains('i') => Some(GraphicsQuirk::Iterm2),
                _ if abilities.contains('!') => Some(GraphicsQuirk::Unreliable),
                _ => None,
            },
            background: None,
        };
        setting.resolve(&abilities, |name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_best_that_the_terminal_can_is_taken() {
        let auto = |abilities, set: &[(&str, &str)]| {
            resolved(PictureSetting::Auto, abilities, set).protocol
        };
        assert_eq!(auto("ksc", &[]), Protocol::Kitty);
        assert_eq!(auto("sc", &[]), Protocol::Sixel);
        assert_eq!(auto("c", &[]), Protocol::HalfBlocks);
        assert_eq!(
            auto("ksc", &[("TERM_PROGRAM", "WezTerm")]),
            Protocol::Iterm2
        );
        assert_eq!(
            auto("sc", &[("KONSOLE_VERSION", "240100")]),
            Protocol::HalfBlocks
        );
        assert_eq!(
            auto("sc", &[("TERM", "tmux-256color")]),
            Protocol::HalfBlocks
        );
        assert_eq!(auto("ksci", &[]), Protocol::Iterm2);
        assert_eq!(auto("ksc!", &[]), Protocol::HalfBlocks);
    }

    #[test]
    fn nothing_real_is_shown_where_it_could_not_be() {
        let kitty = resolved(PictureSetting::Kitty, "kc", &[("NO_COLOR", "1")]);
        assert_eq!(kitty, Graphics::default());
        assert_eq!(
            resolved(PictureSetting::Sixel, "s", &[]),
            Graphics::default()
        );
        assert_eq!(
            resolved(PictureSetting::HalfBlocks, "ksc", &[]),
            Graphics::default()
        );
    }

    #[test]
    fn a_setting_overrules_what_was_found() {
        let sixel = resolved(PictureSetting::Sixel, "kc", &[]);
        assert_eq!((sixel.protocol, sixel.cell), (Protocol::Sixel, (9, 18)));
        let kitty = resolved(PictureSetting::Kitty, "zc", &[("TERM_PROGRAM", "tmux")]);
        assert!(kitty.through_tmux && kitty.inflates);
    }

    #[test]
    fn a_terminal_that_cannot_answer_is_not_asked() {
        let asked = |term: &str| can_be_asked(|name| (name == "TERM").then(|| term.to_owned()));
        assert!(asked("xterm-kitty"));
        assert!(!asked("dumb") && !asked("linux"));
    }
}
