//! Which actions somebody looks for: by key, by name, by what they do.

use crate::ui::action::Entry;
use crate::ui::keymap::Keymap;

/// Whether an action has every word that is sought in its keys, its name or its
/// description, in whatever case. One letter is in nearly every description: it
/// means the key of that letter.
pub(super) fn matches(sought: &str, entry: &Entry, keymap: &Keymap) -> bool {
    let sought = sought.trim();
    let keys = keymap.keys(entry.action);
    if sought.chars().count() == 1 {
        return keys.split(" or ").any(|key| key == sought);
    }
    let text = format!(
        "{keys} {} {} {}",
        entry.name, entry.description, entry.synonyms
    )
    .to_lowercase();
    let sought = sought.to_lowercase();
    sought.split_whitespace().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::action::{ACTIONS, Action};

    fn found(sought: &str) -> Vec<Action> {
        let keymap = Keymap::default();
        let found = ACTIONS.iter();
        found
            .filter(|entry| matches(sought, entry, &keymap))
            .map(|entry| entry.action)
            .collect()
    }

    #[test]
    fn an_action_is_found_by_its_key_its_name_and_its_description() {
        assert_eq!(found("ctrl+z"), [Action::Suspend]);
        assert_eq!(found("next-theme"), [Action::NextTheme]);
        assert_eq!(found("Save checkpoint"), [Action::CheckpointNow]);
        assert_eq!(found("").len(), ACTIONS.len());
        assert!(found("zzzz").is_empty());
    }

    #[test]
    fn one_letter_is_a_key_and_its_case_counts() {
        assert_eq!(found("T"), [Action::ShowTrash]);
        assert!(found("t").contains(&Action::TagRun));
        assert!(!found("t").contains(&Action::ShowTrash));
    }
}
