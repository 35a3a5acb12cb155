//! Keys that would mean two actions where both are listened to. An inner context
//! hides an outer one's key by default in some places, on purpose; settings that
//! did it would take an action away without a word.

use std::collections::BTreeMap;

use super::{ALWAYS_QUITS, Chord, Keymap};
use crate::ui::action::{Action, Context};

/// What is wrong with a keymap that was made from the default by these changes:
/// the name of an action that was changed, and a message.
pub(super) fn conflicts(
    keymap: &Keymap,
    changes: &BTreeMap<String, Vec<String>>,
) -> Vec<(String, String)> {
    let default = Keymap::default();
    let mut conflicts = Vec::new();
    for (at, (one, chords)) in keymap.keys.iter().enumerate() {
        for (other, others) in &keymap.keys[at + 1..] {
            if !meet(one.entry().context, other.entry().context) {
                continue;
            }
            for chord in chords.iter().filter(|chord| others.contains(chord)) {
                if hides_by_default(&default, *one, *other, *chord) {
                    continue;
                }
                let named = [one, other]
                    .map(|action| action.entry().name)
                    .into_iter()
                    .find(|name| changes.contains_key(*name));
                let named = named.unwrap_or(other.entry().name);
                conflicts.push((named.to_owned(), message(*one, *other, *chord)));
            }
        }
    }
    conflicts
}

/// Whether there is a place where both contexts are asked.
fn meet(one: Context, other: Context) -> bool {
    one == other || one.outer().contains(&other) || other.outer().contains(&one)
}

/// Whether one of two actions hides the other's key without any settings.
fn hides_by_default(default: &Keymap, one: Action, other: Action, chord: Chord) -> bool {
    let has = |action: Action| {
        let found = default.keys.iter().find(|(known, _)| *known == action);
        found.is_some_and(|(_, chords)| chords.contains(&chord))
    };
    one.entry().context != other.entry().context && has(one) && has(other)
}

fn message(one: Action, other: Action, chord: Chord) -> String {
    let (one, other) = (one.entry(), other.entry());
    if chord == ALWAYS_QUITS {
        let taken = if one.action == Action::Quit {
            other
        } else {
            one
        };
        return format!(
            "`{chord}` always means `quit`; give `{}` another key",
            taken.name
        );
    }
    if one.context == other.context {
        return format!(
            "`{chord}` means both `{}` and `{}` in {}; give one of them another key",
            one.name,
            other.name,
            one.context.title()
        );
    }
    format!(
        "`{chord}` means both `{}` ({}) and `{}` ({}); give one of them another key",
        one.name,
        one.context.title(),
        other.name,
        other.context.title()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages about keys given to actions.
    fn messages(changes: &[(&str, &[&str])]) -> Vec<String> {
        let changes = changes.iter().map(|(name, keys)| {
            let keys = keys.iter().map(|key| (*key).to_owned());
            ((*name).to_owned(), keys.collect())
        });
        let made = Keymap::with(&changes.collect());
        let problems = made.err().unwrap_or_default();
        problems.into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn a_key_that_is_taken_in_the_same_place_is_reported() {
        assert_eq!(
            messages(&[("stop-run", &["e"])]),
            ["`e` means both `stop-run` and `evaluate-now` in Live; give one of them another key"]
        );
    }

    #[test]
    fn a_key_that_is_taken_further_in_or_further_out_is_reported() {
        let everywhere = messages(&[("quit", &["r"])]);
        assert_eq!(everywhere.len(), 4, "{everywhere:?}");
        assert_eq!(
            everywhere[0],
            "`r` means both `quit` (Everywhere) and `launch` (Experiments); \
             give one of them another key"
        );
        assert_eq!(messages(&[("log-scale", &["l"])]).len(), 2);
        // Knobs are inside of the charts, beside the runs.
        assert_eq!(messages(&[("insert-point", &["e"])]).len(), 1);
        assert_eq!(messages(&[("insert-point", &["B"])]).len(), 0);
    }

    #[test]
    fn moving_the_other_action_too_makes_room() {
        let moved: &[(&str, &[&str])] = &[("help", &["q"]), ("quit", &["Q"])];
        assert!(messages(moved).is_empty());
        assert_eq!(messages(&moved[..1]).len(), 1);
    }

    #[test]
    fn what_hides_a_key_by_default_may_be_written_out() {
        assert!(messages(&[("copy", &["y"]), ("log-scale", &["y"])]).is_empty());
    }

    #[test]
    fn control_and_c_always_quit() {
        assert_eq!(
            messages(&[("copy", &["ctrl+c"]), ("quit", &["Q"])]),
            ["`ctrl+c` always means `quit`; give `copy` another key"]
        );
        let none = BTreeMap::from([("quit".to_owned(), Vec::new())]);
        let keymap = Keymap::with(&none).unwrap();
        assert_eq!(
            keymap.action(ALWAYS_QUITS, &[Context::Global]),
            Some(Action::Quit)
        );
    }
}
