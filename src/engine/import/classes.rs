//! Classes of a model held against those of the data, by name.

use std::collections::BTreeMap;

use super::{Note, TEACHER};
use crate::untrusted::clean_line;

/// Names that a message lists before it counts the rest.
const LISTED: usize = 6;

/// How a model's outputs become the data's classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByName {
    /// The output of every class of the data; none if they are the same in the
    /// same order.
    pub outputs: Option<Vec<usize>>,
    /// Outputs of classes that the data does not have.
    pub left_out: Vec<usize>,
}

/// Finds the output of every class of the data.
///
/// # Errors
/// The classes that `names` lacks.
pub fn by_name(names: &[String], classes: &[String]) -> Result<ByName, Vec<String>> {
    if names == classes {
        return Ok(ByName::default());
    }
    let output: BTreeMap<&String, usize> = names.iter().zip(0..).collect();
    let missing: Vec<String> = classes
        .iter()
        .filter(|class| !output.contains_key(class))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let outputs: Vec<usize> = classes.iter().map(|class| output[class]).collect();
    let left_out = (0..names.len())
        .filter(|at| !classes.contains(&names[*at]))
        .collect();
    Ok(ByName {
        outputs: Some(outputs),
        left_out,
    })
}

impl ByName {
    /// What there is to say of a teacher with these names.
    pub fn notes(&self, names: &[String]) -> Vec<Note> {
        let mut notes = Vec::new();
        let Some(outputs) = &self.outputs else {
            return notes;
        };
        if !outputs.is_sorted() {
            notes.push(TEACHER.note(&format!(
                "its outputs are in another order ({}) and are put in the data's, by name",
                listed(names)
            )));
        }
        if !self.left_out.is_empty() {
            let extra: Vec<String> = self.left_out.iter().map(|&at| names[at].clone()).collect();
            notes.push(TEACHER.note(&format!(
                "outputs for classes that the data does not have are left out: {}",
                listed(&extra)
            )));
        }
        notes
    }
}

/// Names in a sentence, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| format!("`{}`", clean_line(name)))
        .collect();
    match names.len().checked_sub(LISTED + 1) {
        Some(more) => format!("{} and {} more", shown.join(", "), more + 1),
        None => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_names_in_the_same_order_change_nothing() {
        let same = names(&["cat", "dog"]);
        assert_eq!(by_name(&same, &same), Ok(ByName::default()));
    }

    #[test]
    fn outputs_are_found_by_name_and_others_left_out() {
        let found = by_name(
            &names(&["fox", "dog", "elk", "cat"]),
            &names(&["cat", "dog"]),
        );
        let expected = ByName {
            outputs: Some(vec![3, 1]),
            left_out: vec![0, 2],
        };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn classes_without_an_output_are_named() {
        let missing = by_name(&names(&["cat", "fox"]), &names(&["cat", "dog", "elk"]));
        assert_eq!(missing, Err(names(&["dog", "elk"])));
    }

    #[test]
    fn an_order_that_only_lacks_classes_is_no_other_order() {
        let all = names(&["cat", "dog", "elk"]);
        let found = by_name(&all, &names(&["cat", "elk"])).unwrap();
        assert_eq!(
            found.notes(&all),
            [TEACHER.note("outputs for classes that the data does not have are left out: `dog`")]
        );
    }

    #[test]
    fn many_names_are_counted() {
        let many: Vec<String> = (0..9).map(|i| i.to_string()).collect();
        assert_eq!(listed(&many), "`0`, `1`, `2`, `3`, `4`, `5` and 3 more");
    }
}
