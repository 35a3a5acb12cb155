//! Names of classes that a person takes for one name: written in another case, with
//! other spaces, with characters that cannot be seen, with characters that stand for
//! others (Unicode's compatibility characters, as ligatures are), or with letters and
//! their marks put together differently, as two systems do with the same file name.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

/// Groups of names that look alike that a note lists.
const LISTED: usize = 3;

/// What names that look alike have in common.
#[must_use]
pub fn key(name: &str) -> String {
    // Lower case may fall apart again.
    seen(name).to_lowercase().nfc().collect()
}

/// What a person sees of a name: a Kelvin sign is a K, a ligature its letters.
fn seen(name: &str) -> String {
    let letters = name.chars().flat_map(letters);
    let visible: String = letters.filter(|&c| !is_invisible(c)).nfc().collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ")
}

/// The letters and marks that a character looks like.
fn letters(c: char) -> impl Iterator<Item = char> {
    let (raised, plain) = if is_raised(c) {
        (Some(c), None)
    } else {
        (None, Some(c))
    };
    raised.into_iter().chain(plain.into_iter().nfkd())
}

/// Superscripts and subscripts, which nobody takes for letters and digits of a line.
fn is_raised(c: char) -> bool {
    matches!(
        c,
        '\u{aa}' | '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{ba}' | '\u{2070}'..='\u{209f}'
    )
}

/// Whether a character stands for others that look the same.
fn is_stand_in(c: char) -> bool {
    !is_raised(c) && !std::iter::once(c).nfkc().eq([c])
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        // Soft hyphen; joiners, fillers, directions and marks without width; variation
        // selectors; byte order mark; tags.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}'
    )
}

/// A name in quotes, with what cannot be seen, or stands for letters that look the same,
/// as its number.
#[must_use]
pub fn quoted(name: &str) -> String {
    let shown = |c: char| match c {
        '\'' => c.to_string(),
        _ if is_stand_in(c) || is_invisible(c) => c.escape_unicode().to_string(),
        _ => c.escape_debug().to_string(),
    };
    let shown: String = name.chars().map(shown).collect();
    format!("\"{shown}\"")
}

/// What a person should know about classes whose names look alike.
#[must_use]
pub fn note(classes: &[String]) -> Option<String> {
    let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in classes {
        alike.entry(key(class)).or_default().push(quoted(class));
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

/// The first of these names that one of others looks like, and that, both in quotes.
#[must_use]
pub fn pair(names: &[String], others: &[String]) -> Option<(String, String)> {
    let keys: BTreeMap<String, &String> = others.iter().map(|other| (key(other), other)).collect();
    names.iter().find_map(|name| {
        let other = keys.get(&key(name)).filter(|other| **other != name)?;
        Some((quoted(name), quoted(other)))
    })
}

/// A name for a message in which these others stand as well: what distinguishes it from
/// one that looks like it can be seen.
#[must_use]
pub fn distinct<'a>(name: &str, others: impl IntoIterator<Item = &'a String>) -> String {
    let is_alike = |other: &&String| {
        // Another case is seen.
        let differs_in_case =
            other.to_lowercase() == name.to_lowercase() && seen(other) != seen(name);
        *other != name && key(other) == key(name) && !differs_in_case
    };
    if name.contains(char::is_control) || others.into_iter().any(|other| is_alike(&other)) {
        quoted(name)
    } else {
        format!("`{name}`")
    }
}

#[cfg(test)]
mod tests {
    use super::{distinct, note, pair};

    #[test]
    fn a_name_is_written_as_it_is_unless_another_looks_like_it() {
        let others = ["cafe\u{301}".to_owned(), "dog".to_owned()];
        assert_eq!(distinct("dog", &others), "`dog`");
        assert_eq!(distinct("caf\u{e9}", &others), "\"café\"");
        let other = ["caf\u{e9}".to_owned()];
        assert_eq!(distinct("cafe\u{301}", &other), r#""cafe\u{301}""#);
        let kelvin = ["\u{212a}2".to_owned()];
        assert_eq!(distinct("K2", &kelvin), r#""K2""#);
        assert_eq!(distinct(&kelvin[0], &["K2".to_owned()]), r#""\u{212a}2""#);
        assert_eq!(distinct("Cat", &["cat".to_owned()]), "`Cat`");
    }

    #[test]
    fn a_name_and_the_one_that_it_looks_like_are_a_pair() {
        let strings =
            |names: &[&str]| -> Vec<String> { names.iter().map(|&n| n.to_owned()).collect() };
        let others = strings(&["ant", "K2"]);
        let found = pair(&strings(&["ant", "bee", "\u{212a}2"]), &others);
        let expected = (r#""\u{212a}2""#.to_owned(), r#""K2""#.to_owned());
        assert_eq!(found, Some(expected));
        assert_eq!(pair(&strings(&["bee"]), &others), None);
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
            ("cat", "ca\u{2068}t", r#""cat" and "ca\u{2068}t""#),
            ("K2", "\u{212a}2", r#""K2" and "\u{212a}2""#),
            ("fish", "\u{fb01}sh", r#""fish" and "\u{fb01}sh""#),
            ("cat", "\u{ff43}at", r#""cat" and "\u{ff43}at""#),
            ("cat's", "cat's\u{3000}", r#""cat's" and "cat's\u{3000}""#),
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
