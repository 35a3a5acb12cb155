//! Names of classes that a person takes for one name: written in another case, with
//! other spaces, with characters that cannot be seen, or with letters and their marks
//! put together differently, as two systems do with the same file name.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

/// Groups of names that look alike that a note lists.
const LISTED: usize = 3;

/// What names that look alike have in common.
#[must_use]
pub fn key(name: &str) -> String {
    let seen: String = name.nfc().filter(|&c| !is_invisible(c)).collect();
    let words: Vec<&str> = seen.split_whitespace().collect();
    // Lower case may fall apart again.
    words.join(" ").to_lowercase().nfc().collect()
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        // Soft hyphen; spaces, joiners and marks without width; variation selectors; byte order mark.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// What a person should know about classes whose names look alike.
#[must_use]
pub fn note(classes: &[String]) -> Option<String> {
    let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in classes {
        let quoted = format!("{class:?}");
        alike.entry(key(class)).or_default().push(quoted);
    }
    alike.retain(|_, names| names.len() > 1);
    if alike.is_empty() {
        return None;
    }
    let groups = alike.values().take(LISTED).map(|names| names.join(" and "));
    let mut listed = groups.collect::<Vec<_>>().join(", ");
    if alike.len() > LISTED {
        listed += ", …";
    }
    Some(format!(
        "classes whose names look alike are different classes: {listed}; if they are meant to be \
         one, put their images into one folder"
    ))
}

/// A name for a message in which these others stand as well: what distinguishes it from
/// one that looks like it can be seen.
#[must_use]
pub fn distinct<'a>(name: &str, others: impl IntoIterator<Item = &'a String>) -> String {
    let is_alike =
        |other: &&String| key(other) == key(name) && other.to_lowercase() != name.to_lowercase();
    if name.contains(char::is_control) || others.into_iter().any(|other| is_alike(&other)) {
        format!("{name:?}")
    } else {
        format!("`{name}`")
    }
}

#[cfg(test)]
mod tests {
    use super::{distinct, note};

    #[test]
    fn a_name_is_written_as_it_is_unless_another_looks_like_it() {
        let others = ["cafe\u{301}".to_owned(), "dog".to_owned()];
        assert_eq!(distinct("dog", &others), "`dog`");
        assert_eq!(distinct("caf\u{e9}", &others), "\"café\"");
        let other = ["caf\u{e9}".to_owned()];
        assert_eq!(distinct("cafe\u{301}", &other), r#""cafe\u{301}""#);
    }

    fn noted(names: &[&str]) -> Option<String> {
        note(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_that_only_a_computer_distinguishes_are_noted_with_their_difference_visible() {
        for (one, other, shown) in [
            ("Cat", "cat", r#""Cat" and "cat""#),
            ("caf\u{e9}", "cafe\u{301}", r#""café" and "cafe\u{301}""#),
            ("CAF\u{c9}", "cafe\u{301}", r#""CAFÉ" and "cafe\u{301}""#),
            ("cat", "cat ", r#""cat" and "cat ""#),
            ("big cat", "big\u{a0}cat", r#""big cat" and "big\u{a0}cat""#),
            ("cat", "ca\u{200b}t", r#""cat" and "ca\u{200b}t""#),
        ] {
            let text = noted(&["dog", one, other]).unwrap();
            assert!(text.contains(shown), "{text}");
            assert!(!text.contains("dog"), "{text}");
        }
    }

    #[test]
    fn different_names_are_not_noted() {
        assert_eq!(
            noted(&["cat", "cats", "cät", "c a t", "cat2", "x²", "x2"]),
            None
        );
        assert_eq!(noted(&[]), None);
    }

    #[test]
    fn many_groups_are_not_all_listed() {
        let names: Vec<String> = ('a'..='f')
            .flat_map(|c| [c.into(), c.to_uppercase().to_string()])
            .collect();
        let text = note(&names).unwrap();
        assert!(text.contains(r#""c" and "C", …"#), "{text}");
    }
}
