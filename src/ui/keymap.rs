//! Keys: how they are written, and which action each means where.

mod conflicts;

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use self::conflicts::conflicts;
use super::action::{ACTIONS, Action, Context};
use crate::experiment::nearest::nearest;

/// A key with its modifiers, as a terminal can distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// The key that always quits.
const ALWAYS_QUITS: Chord = Chord {
    code: KeyCode::Char('c'),
    modifiers: KeyModifiers::CONTROL,
};

/// Keys with a name of their own.
const NAMED: [(&str, KeyCode); 16] = [
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift+tab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("space", KeyCode::Char(' ')),
];

impl Chord {
    /// The key of an event. Shift counts with keys that have no letter: with a
    /// letter it is in the letter.
    #[must_use]
    pub fn of(event: KeyEvent) -> Self {
        let mut modifiers =
            event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let mut code = event.code;
        if let KeyCode::Char(letter) = code {
            if modifiers.contains(KeyModifiers::CONTROL) {
                code = KeyCode::Char(letter.to_ascii_lowercase());
            }
            modifiers -= KeyModifiers::SHIFT;
        }
        if code == KeyCode::BackTab {
            modifiers -= KeyModifiers::SHIFT;
        }
        Self { code, modifiers }
    }

    /// The event of its key.
    #[cfg(test)]
    pub(super) fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// Reads `ctrl+s`, `alt+f`, `f5`, `G`, `space`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        while let Some((modifier, after)) = rest
            .split_once('+')
            .filter(|(m, a)| !m.is_empty() && !a.is_empty())
        {
            modifiers |= match modifier {
                "ctrl" => KeyModifiers::CONTROL,
                "alt" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => return None,
            };
            rest = after;
        }
        // Terminals have a key of their own for it.
        if matches!(text, "shift+tab" | "backtab") {
            (modifiers, rest) = (KeyModifiers::NONE, "shift+tab");
        }
        let code = NAMED
            .iter()
            .find(|(name, _)| *name == rest)
            .map(|(_, code)| *code)
            .or_else(|| {
                let mut letters = rest.chars();
                letters
                    .next()
                    .filter(|_| letters.next().is_none())
                    .map(KeyCode::Char)
            })
            .or_else(|| Some(KeyCode::F(rest.strip_prefix('f')?.parse().ok()?)))?;
        Some(Self { code, modifiers })
    }

    /// Whether it moves in a text or changes it without being a letter.
    #[must_use]
    pub fn edits(self) -> bool {
        let code = matches!(
            self.code,
            KeyCode::Up
                | KeyCode::Down
                | KeyCode::Left
                | KeyCode::Right
                | KeyCode::PageUp
                | KeyCode::PageDown
                | KeyCode::Home
                | KeyCode::End
                | KeyCode::Enter
                | KeyCode::Tab
                | KeyCode::BackTab
                | KeyCode::Backspace
                | KeyCode::Delete
        );
        code && self.modifiers.is_empty()
    }

    /// Whether it is a letter that is typed into a text.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in [
            (KeyModifiers::CONTROL, "ctrl+"),
            (KeyModifiers::ALT, "alt+"),
            (KeyModifiers::SHIFT, "shift+"),
        ] {
            if self.modifiers.contains(modifier) {
                write!(f, "{name}")?;
            }
        }
        match (NAMED.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => write!(f, "{name}"),
            (None, KeyCode::Char(letter)) => write!(f, "{letter}"),
            (None, KeyCode::F(number)) => write!(f, "f{number}"),
            (None, other) => write!(f, "{other:?}"),
        }
    }
}

/// Which action a key means where.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// Keys of every action, in the table's order.
    keys: Vec<(Action, Vec<Chord>)>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self {
            keys: ACTIONS
                .iter()
                .map(|entry| {
                    let chords = entry.keys.iter().filter_map(|key| Chord::parse(key));
                    (entry.action, chords.collect())
                })
                .collect(),
        }
    }
}

impl Keymap {
    /// The default keymap with some actions given other keys, by name.
    ///
    /// # Errors
    /// Every name that is no action, every key that is none, and every key that
    /// would mean two actions in one place: the action's name and a message.
    /// Control and c always quit.
    pub fn with(changes: &BTreeMap<String, Vec<String>>) -> Result<Self, Vec<(String, String)>> {
        let mut keymap = Self::default();
        let mut problems = Vec::new();
        for (name, keys) in changes {
            let Some(action) = Action::named(name) else {
                let near = nearest(name, ACTIONS.iter().map(|entry| entry.name));
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                problems.push((name.clone(), format!("there is no action `{name}`{near}")));
                continue;
            };
            let mut chords = Vec::new();
            for key in keys {
                match Chord::parse(key) {
                    Some(chord) => chords.push(chord),
                    None => problems.push((
                        name.clone(),
                        format!(
                            "`{key}` is not a key; write `ctrl+s`, `alt+f`, `f5`, `G` or `space`"
                        ),
                    )),
                }
            }
            for (known, old) in &mut keymap.keys {
                if *known == action {
                    old.clone_from(&chords);
                }
            }
        }
        keymap.keep_quit();
        problems.extend(conflicts(&keymap, changes));
        if problems.is_empty() {
            Ok(keymap)
        } else {
            Err(problems)
        }
    }

    /// A workbench without a key to leave it would hold its terminal.
    fn keep_quit(&mut self) {
        for (action, chords) in &mut self.keys {
            if *action == Action::Quit && !chords.contains(&ALWAYS_QUITS) {
                chords.push(ALWAYS_QUITS);
            }
        }
    }

    /// The action that a key means; contexts are asked in their order.
    #[must_use]
    pub fn action(&self, chord: Chord, contexts: &[Context]) -> Option<Action> {
        contexts.iter().find_map(|context| {
            self.keys
                .iter()
                .find(|(action, chords)| {
                    action.entry().context == *context && chords.contains(&chord)
                })
                .map(|(action, _)| *action)
        })
    }

    /// Keys of an action, for people: `ctrl+s or f2`.
    #[must_use]
    pub fn keys(&self, action: Action) -> String {
        let found = self.keys.iter().find(|(known, _)| *known == action);
        let chords = found.map_or(&[][..], |(_, chords)| chords);
        chords
            .iter()
            .map(Chord::to_string)
            .collect::<Vec<_>>()
            .join(" or ")
    }

    /// The first key of an action, for a line of hints.
    #[must_use]
    pub fn key(&self, action: Action) -> Option<String> {
        let found = self.keys.iter().find(|(known, _)| *known == action);
        found.and_then(|(_, chords)| chords.first().map(Chord::to_string))
    }

    /// A sentence, and behind it what one can do: the actions that have a key, each with
    /// what it does: `it has completed; E adds epochs, F forks it`.
    #[must_use]
    pub fn with_ways(&self, sentence: &str, actions: &[(Action, &str)]) -> String {
        let ways = actions.iter();
        let ways = ways.filter_map(|(action, does)| Some(format!("{} {does}", self.key(*action)?)));
        let ways: Vec<String> = ways.collect();
        if ways.is_empty() {
            return sentence.to_owned();
        }
        format!("{sentence}; {}", ways.join(", "))
    }

    /// The first key of an action that works while a text is typed.
    #[must_use]
    pub fn key_while_typing(&self, action: Action) -> Option<String> {
        let found = self.keys.iter().find(|(known, _)| *known == action);
        let (_, chords) = found?;
        let key = chords.iter().find(|chord| !chord.is_text());
        key.map(Chord::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_key_is_a_key_and_means_one_thing_in_its_place() {
        for entry in ACTIONS {
            for key in entry.keys {
                let chord = Chord::parse(key).unwrap_or_else(|| panic!("{key}"));
                assert_eq!(chord.to_string(), *key, "{}", entry.name);
            }
        }
        assert_eq!(conflicts(&Keymap::default(), &BTreeMap::new()), []);
    }

    /// Whether every terminal sends a key, and sends it like no other, through
    /// tmux and screen too. Lost are: shift, control and alt with a key that has
    /// no letter; control with what is no letter; and letters that are other
    /// keys with control: h is backspace, i tab, j and m enter.
    fn always_arrives(chord: Chord) -> bool {
        match (chord.code, chord.modifiers) {
            (KeyCode::Char(letter), KeyModifiers::CONTROL) => {
                letter.is_ascii_lowercase() && !"hijm".contains(letter)
            }
            (KeyCode::Char(letter), KeyModifiers::ALT) => letter.is_ascii_alphanumeric(),
            // The desktop takes some of the first, and a laptop has no row for
            // them; the others are other keys with another one on a laptop.
            (
                KeyCode::F(_)
                | KeyCode::Delete
                | KeyCode::Insert
                | KeyCode::Home
                | KeyCode::End
                | KeyCode::PageUp
                | KeyCode::PageDown,
                _,
            ) => false,
            (_, modifiers) => modifiers.is_empty(),
        }
    }

    #[test]
    fn every_action_with_a_key_has_one_that_always_arrives() {
        for entry in ACTIONS {
            let mut keys = entry.keys.iter().filter_map(|key| Chord::parse(key));
            let arrives = entry.keys.is_empty() || keys.any(always_arrives);
            // Colours are changed by the palette, too.
            assert!(
                arrives || entry.action == Action::NextTheme,
                "{}",
                entry.name
            );
        }
        let arrives = |key| always_arrives(Chord::parse(key).unwrap());
        assert!(
            ["?", "ctrl+s", "alt+S", "up", "tab"]
                .into_iter()
                .all(arrives)
        );
        let lost = ["shift+f3", "ctrl+space", "ctrl+enter", "alt+up", "ctrl+i"];
        assert!(!lost.into_iter().any(arrives));
    }

    #[test]
    fn an_inner_context_is_asked_before_an_outer_one() {
        let keymap = Keymap::default();
        let up = Chord::parse("up").unwrap();
        let at = |contexts: &[Context]| keymap.action(up, contexts);
        assert_eq!(at(&[Context::Live, Context::Global]), Some(Action::Up));
        assert_eq!(
            at(&[Context::Knobs, Context::Live, Context::Global]),
            Some(Action::RaiseKnob)
        );
    }

    #[test]
    fn shift_is_part_of_a_letter_and_counts_with_other_keys() {
        let event = |code, modifiers| Chord::of(KeyEvent::new(code, modifiers)).to_string();
        assert_eq!(event(KeyCode::Char('G'), KeyModifiers::SHIFT), "G");
        assert_eq!(
            event(
                KeyCode::Char('S'),
                KeyModifiers::SHIFT | KeyModifiers::CONTROL
            ),
            "ctrl+s"
        );
        assert_eq!(event(KeyCode::Up, KeyModifiers::SHIFT), "shift+up");
        assert_eq!(event(KeyCode::Char('+'), KeyModifiers::NONE), "+");
    }

    #[test]
    fn a_wrong_name_and_a_wrong_key_are_reported() {
        let changes =
            |name: &str, key: &str| BTreeMap::from([(name.to_owned(), vec![key.to_owned()])]);
        let message = |name, key| Keymap::with(&changes(name, key)).unwrap_err()[0].1.clone();
        assert_eq!(
            message("pause-rum", "p"),
            "there is no action `pause-rum`; did you mean `pause-run`?"
        );
        assert!(message("pause-run", "control-p").starts_with("`control-p` is not a key"));
        let other = Keymap::with(&changes("pause-run", "f2")).unwrap();
        assert_eq!(other.keys(Action::PauseRun), "f2");
    }
}
