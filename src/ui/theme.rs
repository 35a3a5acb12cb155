//! Colours: what they mean, and how they look in two themes, for people who see
//! red and green alike, and on terminals with few colours or none.

mod indexed;
pub(super) mod symbols;

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

use crate::format::Symbols;
use crate::store::RunState;

/// Light letters on a dark background, or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Background {
    /// For dark terminals.
    #[default]
    Dark,
    /// For light terminals.
    Light,
}

impl Background {
    /// What some terminals say in the environment: the number of their background's
    /// colour, last in `COLORFGBG`. Dark where nothing is said.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = variable("COLORFGBG").unwrap_or_default();
        match value.rsplit(';').next().map(str::parse::<u8>) {
            Some(Ok(7 | 9..=15)) => Self::Light,
            _ => Self::Dark,
        }
    }
}

/// Which colours distinguish curves, and good from bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Palette {
    /// Green is good, red is bad.
    #[default]
    Standard,
    /// Blue is good, orange is bad: the palette of Okabe and Ito (2008), which
    /// people with any colour vision can distinguish.
    ColourBlind,
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Depth {
    /// As the environment says: `NO_COLOR`, `COLORTERM`, `TERM`.
    #[default]
    Auto,
    /// Any colour.
    True,
    /// The 256 of xterm.
    Indexed,
    /// The sixteen that every terminal has.
    Sixteen,
    /// None: emphasis by weight and underlines alone.
    None,
}

impl Depth {
    /// What the environment says, where it is asked.
    #[must_use]
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        if self != Self::Auto {
            return self;
        }
        let term = variable("TERM").unwrap_or_default();
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) || term == "dumb" {
            return Self::None;
        }
        let colours = variable("COLORTERM").unwrap_or_default();
        if colours == "truecolor" || colours == "24bit" || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") || term == "xterm-kitty" || term == "alacritty" {
            Self::Indexed
        } else {
            Self::Sixteen
        }
    }
}

/// Colours by meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    background: Background,
    palette: Palette,
    depth: Depth,
    symbols: Symbols,
}

/// A colour, and the nearest of the sixteen.
type Shade = ((u8, u8, u8), Color);

/// Curves, bars and classes in the standard palette: on dark, on light background.
const SERIES: [[Shade; 2]; 8] = [
    [
        ((97, 175, 239), Color::LightBlue),
        ((20, 90, 170), Color::Blue),
    ],
    [
        ((229, 192, 123), Color::LightYellow),
        ((160, 100, 0), Color::Yellow),
    ],
    [
        ((152, 195, 121), Color::LightGreen),
        ((40, 120, 40), Color::Green),
    ],
    [
        ((198, 120, 221), Color::LightMagenta),
        ((130, 40, 160), Color::Magenta),
    ],
    [
        ((224, 108, 117), Color::LightRed),
        ((180, 30, 40), Color::Red),
    ],
    [
        ((86, 182, 194), Color::LightCyan),
        ((0, 115, 130), Color::Cyan),
    ],
    [
        ((209, 154, 102), Color::Yellow),
        ((150, 80, 20), Color::LightRed),
    ],
    [
        ((171, 178, 191), Color::Gray),
        ((80, 86, 96), Color::DarkGray),
    ],
];

/// The same after Okabe and Ito (2008), darkened on light background.
const SAFE_SERIES: [[Shade; 2]; 8] = [
    [
        ((86, 180, 233), Color::LightBlue),
        ((0, 114, 178), Color::Blue),
    ],
    [
        ((230, 159, 0), Color::LightYellow),
        ((175, 110, 0), Color::Yellow),
    ],
    [
        ((0, 158, 115), Color::LightGreen),
        ((0, 110, 80), Color::Green),
    ],
    [
        ((204, 121, 167), Color::LightMagenta),
        ((150, 65, 115), Color::Magenta),
    ],
    [((213, 94, 0), Color::LightRed), ((175, 75, 0), Color::Red)],
    [
        ((240, 228, 66), Color::Yellow),
        ((120, 110, 0), Color::LightRed),
    ],
    [
        ((0, 114, 178), Color::Blue),
        ((0, 80, 130), Color::LightBlue),
    ],
    [
        ((187, 187, 187), Color::Gray),
        ((90, 90, 90), Color::DarkGray),
    ],
];

/// Places of the good and the bad colour in either list.
const GOOD: [usize; 2] = [2, 0];
const BAD: [usize; 2] = [4, 4];
/// Place of the warning colour in either list.
const WARN: usize = 1;

impl Theme {
    /// A theme for a terminal with `depth` colours, which is not `Auto`.
    #[must_use]
    pub fn new(background: Background, palette: Palette, depth: Depth) -> Self {
        Self {
            background,
            palette,
            depth,
            symbols: Symbols::default(),
        }
    }

    /// The same with other symbols.
    #[must_use]
    pub fn with_symbols(self, symbols: Symbols) -> Self {
        Self { symbols, ..self }
    }

    /// What borders, charts and signs are drawn with.
    #[must_use]
    pub fn symbols(&self) -> Symbols {
        self.symbols
    }

    /// The next of the four combinations of background and palette.
    #[must_use]
    pub fn next(&self) -> Self {
        let (background, palette) = match (self.background, self.palette) {
            (Background::Dark, Palette::Standard) => (Background::Light, Palette::Standard),
            (Background::Light, Palette::Standard) => (Background::Dark, Palette::ColourBlind),
            (Background::Dark, Palette::ColourBlind) => (Background::Light, Palette::ColourBlind),
            (Background::Light, Palette::ColourBlind) => (Background::Dark, Palette::Standard),
        };
        Self::new(background, palette, self.depth).with_symbols(self.symbols)
    }

    /// The same on another background.
    #[must_use]
    pub fn on(&self, background: Background) -> Self {
        Self::new(background, self.palette, self.depth).with_symbols(self.symbols)
    }

    /// The symbol and the look of a run's state.
    #[must_use]
    pub fn state(&self, state: RunState) -> (&'static str, Style) {
        match state {
            RunState::Training => ("▶", self.accent()),
            RunState::Paused => ("‖", self.warn()),
            RunState::Stopped => ("■", self.warn()),
            RunState::Crashed => ("✗", self.bad()),
            RunState::Failed => ("!", self.bad()),
            RunState::Completed => ("✓", self.good()),
            RunState::New => ("·", self.muted()),
        }
    }

    /// Its background and palette, for people.
    #[must_use]
    pub fn name(&self) -> String {
        let background = match self.background {
            Background::Dark => "dark",
            Background::Light => "light",
        };
        match self.palette {
            Palette::Standard => background.to_owned(),
            Palette::ColourBlind => format!("{background}, colour-blind"),
        }
    }

    /// How many colours there are to draw with.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// Whether the terminal is dark or light.
    #[must_use]
    pub fn background(&self) -> Background {
        self.background
    }

    /// Plain text.
    #[must_use]
    pub fn text(&self) -> Style {
        Style::new()
    }

    /// What matters less.
    #[must_use]
    pub fn muted(&self) -> Style {
        match self.depth {
            Depth::None => Style::new().add_modifier(Modifier::DIM),
            _ => Style::new().fg(self.colour(match self.background {
                Background::Dark => ((130, 137, 151), Color::DarkGray),
                Background::Light => ((110, 115, 125), Color::DarkGray),
            })),
        }
    }

    /// Titles and what is active.
    #[must_use]
    pub fn accent(&self) -> Style {
        self.series(0).add_modifier(Modifier::BOLD)
    }

    /// Borders of a pane.
    #[must_use]
    pub fn border(&self, focused: bool) -> Style {
        if focused { self.accent() } else { self.muted() }
    }

    /// The selected row of a list.
    #[must_use]
    pub fn selection(&self) -> Style {
        let colour = self.rgb(match self.background {
            Background::Dark => (50, 56, 68),
            Background::Light => (214, 222, 235),
        });
        match colour {
            Some(colour) => Style::new().bg(colour),
            None => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// What went well.
    #[must_use]
    pub fn good(&self) -> Style {
        self.series(GOOD[self.palette as usize])
    }

    /// What to look at.
    #[must_use]
    pub fn warn(&self) -> Style {
        self.series(WARN)
    }

    /// What went wrong.
    #[must_use]
    pub fn bad(&self) -> Style {
        self.series(BAD[self.palette as usize])
            .add_modifier(Modifier::BOLD)
    }

    /// One of the colours that distinguish curves; they repeat after eight.
    #[must_use]
    pub fn series(&self, index: usize) -> Style {
        if self.depth == Depth::None {
            return Style::new();
        }
        let list = match self.palette {
            Palette::Standard => &SERIES,
            Palette::ColourBlind => &SAFE_SERIES,
        };
        Style::new().fg(self.colour(list[index % list.len()][self.background as usize]))
    }

    /// A cell of a heat map, from 0 to 1.
    #[must_use]
    pub fn heat(&self, share: f64) -> Style {
        let share = share.clamp(0.0, 1.0);
        let (from, to) = match self.background {
            Background::Dark => ((30.0, 34.0, 42.0), (86.0, 180.0, 233.0)),
            Background::Light => ((255.0, 255.0, 255.0), (0.0, 114.0, 178.0)),
        };
        let mix = |a: f64, b: f64| (a + (b - a) * share).round() as u8;
        let background = (mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2));
        let letters = if (share > 0.5) == (self.background == Background::Dark) {
            (10, 10, 10)
        } else {
            (235, 235, 235)
        };
        match (self.rgb(background), self.rgb(letters)) {
            (Some(background), Some(letters)) => Style::new().bg(background).fg(letters),
            _ if share > 0.66 => Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD),
            _ if share > 0.33 => Style::new().add_modifier(Modifier::BOLD),
            _ if share > 0.0 => Style::new(),
            _ => self.muted(),
        }
    }

    /// Any colour, or the nearest of 256; none on a terminal with fewer.
    #[must_use]
    pub fn rgb(&self, rgb: (u8, u8, u8)) -> Option<Color> {
        match self.depth {
            Depth::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
            Depth::Indexed => Some(indexed::nearest(rgb)),
            Depth::Auto | Depth::Sixteen | Depth::None => None,
        }
    }

    fn colour(&self, (rgb, ansi): Shade) -> Color {
        self.rgb(rgb).unwrap_or(ansi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(variables: &[(&str, &str)]) -> Depth {
        Depth::Auto.resolve(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides_how_many_colours_there_are() {
        assert_eq!(depth(&[("COLORTERM", "truecolor")]), Depth::True);
        assert_eq!(depth(&[("TERM", "xterm")]), Depth::Sixteen);
        assert_eq!(depth(&[("TERM", "tmux-256color")]), Depth::Indexed);
        assert_eq!(
            depth(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]),
            Depth::None
        );
        assert_eq!(depth(&[("NO_COLOR", "")]), Depth::Sixteen);
        assert_eq!(depth(&[("TERM", "dumb")]), Depth::None);
    }

    #[test]
    fn the_environment_may_say_that_the_ground_is_light() {
        let background = |value: &str| Background::of_environment(|_| Some(value.to_owned()));
        assert_eq!(background("0;15"), Background::Light);
        assert_eq!(background("0;default;7"), Background::Light);
        assert_eq!(background("15;0"), Background::Dark);
        assert_eq!(background("15;default"), Background::Dark);
        assert_eq!(Background::of_environment(|_| None), Background::Dark);
    }

    #[test]
    fn without_colours_no_style_has_one() {
        let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
        for style in [
            theme.muted(),
            theme.accent(),
            theme.selection(),
            theme.good(),
            theme.bad(),
            theme.heat(0.7),
            theme.series(3),
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn good_and_bad_differ_in_every_theme() {
        for background in [Background::Dark, Background::Light] {
            for palette in [Palette::Standard, Palette::ColourBlind] {
                for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
                    let theme = Theme::new(background, palette, depth);
                    assert_ne!(theme.good().fg, theme.bad().fg);
                }
            }
        }
    }
}
