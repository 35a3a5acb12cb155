//! The order of classes.

use std::cmp::Ordering;
use std::path::PathBuf;

use super::file_name;
use crate::experiment::spec::ClassOrder;
use crate::format::lookalike;

/// Sorts class folders, which are sorted by bytes already.
pub(super) fn sort(folders: &mut [PathBuf], order: ClassOrder) {
    match order {
        ClassOrder::Bytes => {}
        ClassOrder::Natural => {
            folders.sort_by(|one, other| natural(&file_name(one), &file_name(other)));
        }
    }
}

/// Sorts names of classes, which are sorted by bytes already.
pub(super) fn sort_names(classes: &mut [String], order: ClassOrder) {
    if order == ClassOrder::Natural {
        classes.sort_by(|one, other| natural(one, other));
    }
}

/// What a person should know about the names of classes in this order.
pub(super) fn notes(classes: &[String], order: ClassOrder) -> Vec<String> {
    let numbers = match order {
        ClassOrder::Bytes => note(classes),
        ClassOrder::Natural => None,
    };
    numbers
        .into_iter()
        .chain(lookalike::note(classes))
        .collect()
}

/// Of classes in the order of their bytes: that it is not the order of the numbers by
/// which all of them are named.
fn note(classes: &[String]) -> Option<String> {
    let are_numbers = classes
        .iter()
        .all(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()));
    let is_sorted = classes.is_sorted_by(|one, other| natural(one, other).is_le());
    if !are_numbers || is_sorted {
        return None;
    }
    let listed: Vec<&str> = classes.iter().take(4).map(String::as_str).collect();
    Some(format!(
        "the classes are numbers and are sorted as text, as torchvision's \
         ImageFolder sorts them ({}, …); write order: Natural under data for the order of the numbers",
        listed.join(", ")
    ))
}

/// Compares names so that runs of digits count as numbers, all else as bytes.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        let compared = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (number(&mut a), number(&mut b));
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        } else {
            (a, b) = (&a[1..], &b[1..]);
            x.cmp(y)
        };
        if compared.is_ne() {
            return compared;
        }
    }
    a.len().cmp(&b.len()).then_with(|| one.cmp(other))
}

/// Takes the digits at the beginning and returns them without leading zeros.
fn number<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let length = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = bytes.split_at(length);
    *bytes = rest;
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::{natural, note};

    fn sorted(names: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
        names.sort_by(|one, other| natural(one, other));
        names
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        assert_eq!(sorted(&["10", "2", "1"]), ["1", "2", "10"]);
        assert_eq!(
            sorted(&["class10b", "class9", "class10a", "Class11"]),
            ["Class11", "class9", "class10a", "class10b"]
        );
        assert_eq!(sorted(&["7", "007", "07", "6"]), ["6", "007", "07", "7"]);
        let long = ["99999999999999999999999", "100000000000000000000000"];
        assert_eq!(sorted(&long), long);
    }

    #[test]
    fn names_without_numbers_keep_the_order_of_their_bytes() {
        let mut names = ["cat", "Cat", "ca", "dog", "Äsop", "cat ", "cat.x"];
        names.sort_unstable();
        assert_eq!(sorted(&names), names);
    }

    #[test]
    fn only_numbers_whose_order_is_not_theirs_are_noted() {
        let noted = |names: &[&str]| note(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        let text = noted(&["1", "10", "2"]).unwrap();
        assert!(
            text.contains("1, 10, 2") && text.contains("order: Natural"),
            "{text}"
        );
        for fine in [
            &["0", "1", "9"][..],
            &["01", "02", "10"],
            &["1", "10", "2b"],
            &[],
        ] {
            assert_eq!(noted(fine), None, "{fine:?}");
        }
    }
}
