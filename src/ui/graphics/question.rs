//! What a terminal is asked about pictures and its background, and what its answers
//! mean.
//!
//! The last question is one that every terminal answers, so that one knows when
//! all answers are in. Keys that somebody pressed meanwhile come between them
//! and are kept.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::ui::theme::Background;

/// Kitty's pictures with placeholders, which older ones do not have, then
/// compressed ones: a pixel to look at and throw away.
const KITTY: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24,U=1;AAAA\x1b\\\
                     \x1b_Gi=32,s=1,v=1,a=q,t=d,f=24,o=z;eJxjYGAAAAADAAE=\x1b\\";

/// The colour of its background, its name, attributes, the size of a cell, whether all
/// is well.
const COMMON: &str = "\x1b]11;?\x1b\\\x1b[>q\x1b[c\x1b[16t\x1b[5n";

/// What a terminal is known for, by the beginning of its name.
const NAMES: [(&str, GraphicsQuirk); 5] = [
    ("Konsole", GraphicsQuirk::Unreliable),
    ("WezTerm", GraphicsQuirk::Iterm2),
    ("iTerm2", GraphicsQuirk::Iterm2),
    ("mintty", GraphicsQuirk::Iterm2),
    ("rio", GraphicsQuirk::Iterm2),
];

/// How a terminal is known to show pictures, whatever else it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphicsQuirk {
    /// Best in iTerm2's way.
    Iterm2,
    /// They stay where they were, or have no placeholders although it says so.
    Unreliable,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// Kitty's pictures.
    pub kitty: bool,
    /// Kitty's pictures, compressed.
    pub inflates: bool,
    /// Sixels.
    pub sixel: bool,
    /// Width and height of a cell, pixels.
    pub cell: Option<(u16, u16)>,
    /// What the terminal of this name is known for.
    pub manner: Option<GraphicsQuirk>,
    /// Whether its background is dark or light.
    pub background: Option<Background>,
}

/// What is written to a terminal to ask it. tmux takes Kitty's question for the
/// title of its pane, and is not asked that.
#[must_use]
pub fn text(tmux: bool) -> String {
    let kitty = if tmux { "" } else { KITTY };
    format!("{kitty}{COMMON}")
}

/// Whether what came in holds the answer to the last question.
#[must_use]
pub fn is_answered(bytes: &[u8]) -> bool {
    pieces(bytes).contains(&Piece::Control("0n".to_owned()))
}

/// What the answers say, and the keys that came between them. Only keys that
/// are text are kept.
#[must_use]
pub fn read(bytes: &[u8]) -> (Abilities, Vec<Event>) {
    let mut abilities = Abilities::default();
    let mut typed = Vec::new();
    for piece in pieces(bytes) {
        match piece {
            Piece::Application(text) => {
                abilities.kitty |= text.starts_with("Gi=31") && text.ends_with(";OK");
                abilities.inflates |= text.starts_with("Gi=32") && text.ends_with(";OK");
            }
            Piece::Control(text) => {
                if let Some(attributes) = text
                    .strip_prefix('?')
                    .and_then(|rest| rest.strip_suffix('c'))
                {
                    abilities.sixel |= attributes.split(';').any(|attribute| attribute == "4");
                } else if let Some(size) = cell_of(&text) {
                    abilities.cell = Some(size);
                }
            }
            Piece::Device(text) => {
                let name = text.strip_prefix(">|").unwrap_or_default();
                let known = NAMES.into_iter().find(|(known, _)| name.starts_with(known));
                abilities.manner = abilities.manner.or(known.map(|(_, manner)| manner));
            }
            Piece::System(text) => {
                abilities.background = abilities.background.or(background_of(&text));
            }
            Piece::Typed(letter) => typed.push(key_of(letter)),
        }
    }
    (abilities, typed)
}

/// A piece of what comes in from a terminal.
#[derive(Debug, PartialEq)]
enum Piece {
    /// `ESC _ … ESC \`.
    Application(String),
    /// `ESC ] … ESC \`, or ended by BEL.
    System(String),
    /// `ESC P … ESC \`.
    Device(String),
    /// `ESC [ …`, its last letter included.
    Control(String),
    /// Anything else.
    Typed(char),
}

fn pieces(bytes: &[u8]) -> Vec<Piece> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    let mut pieces = Vec::new();
    while let Some(letter) = rest.chars().next() {
        let device = rest.strip_prefix("\x1bP");
        let end = if let Some(inside) = device.or(rest.strip_prefix("\x1b_")) {
            let length = inside.find("\x1b\\").unwrap_or(inside.len());
            let text = inside[..length].to_owned();
            pieces.push(match device {
                Some(_) => Piece::Device(text),
                None => Piece::Application(text),
            });
            2 + length + 2
        } else if let Some(inside) = rest.strip_prefix("\x1b]") {
            let length = inside.find(['\x1b', '\x07']).unwrap_or(inside.len());
            pieces.push(Piece::System(inside[..length].to_owned()));
            2 + length
                + if inside[length..].starts_with('\x07') {
                    1
                } else {
                    2
                }
        } else if let Some(inside) = rest.strip_prefix("\x1b[") {
            let last = inside.find(|letter: char| ('@'..='~').contains(&letter));
            let length = last.map_or(inside.len(), |at| at + 1);
            pieces.push(Piece::Control(inside[..length].to_owned()));
            2 + length
        } else {
            pieces.push(Piece::Typed(letter));
            letter.len_utf8()
        };
        rest = rest.get(end..).unwrap_or_default();
    }
    pieces
}

/// Dark or light, of `11;rgb:RRRR/GGGG/BBBB`, each of one to four digits.
fn background_of(system: &str) -> Option<Background> {
    let channels = system.strip_prefix("11;rgb:")?.split('/');
    let shares = channels.map(|digits| {
        let most = 16_f64.powi(i32::try_from(digits.len()).ok()?) - 1.0;
        let value = u32::from_str_radix(digits, 16).ok()?;
        Some(f64::from(value) / most)
    });
    let shares: Vec<f64> = shares.collect::<Option<_>>()?;
    let &[red, green, blue] = shares.as_slice() else {
        return None;
    };
    // Luminance after Rec. 709.
    let light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    Some(if light > 0.5 {
        Background::Light
    } else {
        Background::Dark
    })
}

/// Width and height of a cell in `6;HEIGHT;WIDTHt`.
fn cell_of(control: &str) -> Option<(u16, u16)> {
    let (height, width) = control
        .strip_prefix("6;")?
        .strip_suffix('t')?
        .split_once(';')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

fn key_of(letter: char) -> Event {
    let (code, modifiers) = match letter {
        '\r' | '\n' => (KeyCode::Enter, KeyModifiers::NONE),
        '\t' => (KeyCode::Tab, KeyModifiers::NONE),
        '\x1b' => (KeyCode::Esc, KeyModifiers::NONE),
        '\x7f' => (KeyCode::Backspace, KeyModifiers::NONE),
        '\x01'..='\x1a' => {
            let plain = char::from(letter as u8 - 1 + b'a');
            (KeyCode::Char(plain), KeyModifiers::CONTROL)
        }
        _ => (KeyCode::Char(letter), KeyModifiers::NONE),
    };
    Event::Key(KeyEvent::new(code, modifiers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_in_whatever_order() {
        let kitty = b"\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;OK\x1b\\\x1b[?62;4;22c\x1b[6;20;10t\x1b[0n";
        let (abilities, typed) = read(kitty);
        let all = Abilities {
            kitty: true,
            inflates: true,
            sixel: true,
            cell: Some((10, 20)),
            manner: None,
            background: None,
        };
        assert_eq!((abilities, typed.len()), (all, 0));
        let refusal = b"\x1b[?62;22;44c\x1b_Gi=31;EINVAL:no\x1b\\\x1b[0n";
        assert_eq!(read(refusal), (Abilities::default(), Vec::new()));
    }

    #[test]
    fn the_background_is_dark_or_light_however_its_colour_is_written() {
        let background = |answer: &str| read(answer.as_bytes()).0.background;
        let light = Some(Background::Light);
        assert_eq!(background("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[0n"), light);
        assert_eq!(background("\x1b]11;rgb:fd/f6/e3\x07"), light);
        let dark = Some(Background::Dark);
        assert_eq!(background("\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"), dark);
        assert_eq!(background("\x1b]11;rgb:zz/0\x1b\\"), None);
        let (_, typed) = read(b"\x1b]11;rgb:0/0/0\x07q\x1b[0n");
        assert_eq!(typed.len(), 1);
    }

    #[test]
    fn a_terminal_is_known_by_its_name() {
        let named = |answer: &str| read(answer.as_bytes());
        let (konsole, typed) = named("\x1bP>|Konsole 22.12.3\x1b\\\x1b[?62;4c");
        assert_eq!(konsole.manner, Some(GraphicsQuirk::Unreliable));
        assert!(konsole.sixel && typed.is_empty());
        let (wezterm, _) = named("\x1bP>|WezTerm 20240203\x1b\\");
        assert_eq!(wezterm.manner, Some(GraphicsQuirk::Iterm2));
        let (kitty, _) = named("\x1bP>|kitty(0.41.1)\x1b\\");
        assert_eq!(kitty.manner, None);
    }

    #[test]
    fn the_last_answer_is_waited_for() {
        assert!(!is_answered(b"\x1b[?62;4c\x1b[6;20;10t\x1b[0"));
        assert!(is_answered(b"\x1b[?62;4cq\x1b[0n"));
    }

    #[test]
    fn keys_between_the_answers_are_kept_and_what_is_cut_off_is_not_typed() {
        let (_, typed) = read("4\x1b[?62c\x03é\x1b[<35;1;2M\r\x1b_Gi=3".as_bytes());
        let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        assert_eq!(
            typed,
            [
                key(KeyCode::Char('4'), KeyModifiers::NONE),
                key(KeyCode::Char('c'), KeyModifiers::CONTROL),
                key(KeyCode::Char('é'), KeyModifiers::NONE),
                key(KeyCode::Enter, KeyModifiers::NONE),
            ]
        );
    }

    #[test]
    fn tmux_is_not_asked_what_it_would_take_for_a_title() {
        assert!(text(false).contains("_Gi=31") && !text(true).contains("_G"));
        assert!(text(true).ends_with("\x1b[5n"));
    }
}
