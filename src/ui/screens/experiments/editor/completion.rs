//! What can be written at the cursor, and the list that offers it.

use super::place::{Expected, Place, choice};
use crate::experiment::catalogue::{Field, Holds, Shape, Value, Variant};
use crate::experiment::metric::Metric;
use crate::ui::widget::Selection;

/// Something that can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is typed to find it.
    pub label: String,
    /// What it holds.
    pub detail: String,
    /// What it means.
    pub help: &'static str,
    /// What is written.
    pub text: String,
    /// Letters that the cursor goes back by from the end of it.
    pub back: usize,
}

/// Metrics of a class, whose name is written in place of the last word.
const OF_A_CLASS: [&str; 4] = [
    "test/recall/CLASS",
    "test/precision/CLASS",
    "valid/recall/CLASS",
    "valid/precision/CLASS",
];

/// The open list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Where the word begins that is being completed, bytes.
    pub start: usize,
    /// What fits what was typed.
    pub found: Vec<Candidate>,
    /// Which of them is selected.
    pub selection: Selection,
}

impl Completion {
    /// The list for a place of `text` with the cursor `at`, if there is
    /// anything to offer.
    #[must_use]
    pub fn at(text: &str, place: &Place, at: usize) -> Option<Self> {
        let start = place.word.start.min(at);
        let typed = &text[start..at];
        let found = fitting(candidates(place), typed);
        (!found.is_empty()).then(|| Self {
            start,
            found,
            selection: Selection::default(),
        })
    }

    /// What is selected.
    #[must_use]
    pub fn selected(&self) -> Option<&Candidate> {
        self.found.get(self.selection.get(self.found.len())?)
    }
}

/// Candidates that hold what was typed; those that begin with it first.
fn fitting(candidates: Vec<Candidate>, typed: &str) -> Vec<Candidate> {
    let typed = typed.to_lowercase();
    let (mut first, rest): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .filter(|candidate| candidate.label.to_lowercase().contains(&typed))
        .partition(|candidate| candidate.label.to_lowercase().starts_with(&typed));
    first.extend(rest);
    first
}

fn candidates(place: &Place) -> Vec<Candidate> {
    match &place.expected {
        Expected::Field(fields, written) => fields
            .iter()
            .filter(|field| !written.contains(&field.name))
            .map(|field| named(field, place.named))
            .collect(),
        Expected::Value(value, field) => {
            let mut found = values(*value, place.opens);
            let default = field.and_then(|field| field.default);
            if let (Some(field), Some(default)) = (field, default)
                && choice(*value).is_none()
                && !found.iter().any(|candidate| candidate.label == default)
            {
                found.insert(0, plain(default, "default", field.help));
            }
            found
        }
        Expected::Unknown => Vec::new(),
    }
}

/// A field's name, with its colon unless that is there.
fn named(field: &'static Field, has_colon: bool) -> Candidate {
    Candidate {
        label: field.name.to_owned(),
        detail: field.summary(),
        help: field.help,
        text: format!("{}{}", field.name, if has_colon { "" } else { ": " }),
        back: 0,
    }
}

fn plain(text: &str, detail: &str, help: &'static str) -> Candidate {
    Candidate {
        label: text.to_owned(),
        detail: detail.to_owned(),
        help,
        text: text.to_owned(),
        back: 0,
    }
}

/// Brackets with the cursor between them.
fn brackets(before: &str, pair: &str, value: Value) -> Candidate {
    Candidate {
        label: format!("{before}{pair}"),
        detail: value.to_string(),
        help: "",
        text: format!("{before}{pair}"),
        back: 1,
    }
}

fn values(value: Value, opens: bool) -> Vec<Candidate> {
    match value {
        Value::Truth => vec![plain("true", "yes", ""), plain("false", "no", "")],
        Value::Metric => Metric::NAMES
            .iter()
            .chain(&OF_A_CLASS)
            .map(|name| {
                plain(
                    &format!("\"{name}\""),
                    "",
                    "A metric of the best checkpoint.",
                )
            })
            .collect(),
        Value::Of(kind) => match kind.shape {
            Shape::Enum(variants) => variants.iter().map(|one| form(one, opens)).collect(),
            Shape::Struct(_) if kind.name == "Experiment" => {
                vec![brackets("Experiment", "()", value)]
            }
            Shape::Struct(_) => vec![brackets("", "()", value)],
        },
        Value::List(_) => vec![brackets("", "[]", value)],
        Value::Tuple(_) => vec![brackets("", "()", value)],
        Value::Map(_) => vec![brackets("", "{}", value)],
        Value::Path(_) => vec![brackets("", "\"\"", value)],
        Value::Optional(inner) => {
            let mut found = values(*inner, opens);
            found.push(plain("None", "same as leaving it out", ""));
            found
        }
        Value::Number(_) | Value::Whole(_) | Value::Text(_) => Vec::new(),
    }
}

/// A variant, with brackets and the cursor between them if it holds something
/// and they are not there.
fn form(variant: &'static Variant, opens: bool) -> Candidate {
    let empty = variant.holds == Holds::Nothing || opens;
    Candidate {
        label: variant.name.to_owned(),
        detail: variant.summary()[variant.name.len()..].to_owned(),
        help: variant.help,
        text: format!("{}{}", variant.name, if empty { "" } else { "()" }),
        back: usize::from(!empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::catalogue::EXPERIMENT;
    use crate::ui::screens::experiments::editor::place::place;
    use crate::ui::screens::experiments::editor::tokens::tokens;

    fn offered(marked: &str) -> Vec<String> {
        let at = marked.find('|').unwrap();
        let text = marked.replace('|', "");
        let place = place(&text, &tokens(&text), at);
        Completion::at(&text, &place, at).map_or(Vec::new(), |list| {
            list.found.into_iter().map(|one| one.text).collect()
        })
    }

    /// Goes on into what can stand behind `before`, each type once, and says how many forms and
    /// fields were offered.
    fn walk(before: &str, value: Value, seen: &mut Vec<&'static str>) -> usize {
        match value {
            Value::Optional(inner) => walk(before, *inner, seen),
            Value::List(inner) => walk(&format!("{before}["), *inner, seen),
            Value::Map(inner) => walk(&format!("{before}{{\"a\": "), *inner, seen),
            Value::Tuple([first, ..]) => walk(&format!("{before}("), *first, seen),
            Value::Of(kind) if !seen.contains(&kind.name) => {
                seen.push(kind.name);
                match kind.shape {
                    Shape::Struct(fields) => walk_fields(&format!("{before}("), fields, seen),
                    Shape::Enum(variants) => walk_variants(before, variants, seen),
                }
            }
            _ => 0,
        }
    }

    fn walk_fields(before: &str, fields: &'static [Field], seen: &mut Vec<&'static str>) -> usize {
        let found = offered(&format!("{before}|"));
        let each = fields.iter().map(|field| {
            let text = format!("{}: ", field.name);
            assert!(found.contains(&text), "{before} does not offer {text}");
            1 + walk(&format!("{before}{text}"), field.value, seen)
        });
        each.sum()
    }

    fn walk_variants(
        before: &str,
        variants: &'static [Variant],
        seen: &mut Vec<&'static str>,
    ) -> usize {
        let found = offered(&format!("{before}|"));
        let each = variants.iter().map(|variant| {
            let text = form(variant, false).text;
            assert!(found.contains(&text), "{before} does not offer {text}");
            let inside = format!("{before}{}(", variant.name);
            1 + match variant.holds {
                Holds::Nothing => 0,
                Holds::Fields(fields) => walk_fields(&inside, fields, seen),
                Holds::Values(values) => values.first().map_or(0, |one| walk(&inside, *one, seen)),
            }
        });
        each.sum()
    }

    #[test]
    fn everything_in_the_catalogue_is_offered_where_it_may_stand() {
        let Shape::Struct(fields) = EXPERIMENT.shape else {
            panic!("an experiment has fields");
        };
        let mut seen = Vec::new();
        let offered = walk_fields("(", fields, &mut seen);
        assert!(offered > 300, "{offered}");
        for kind in [
            "MethodSpec",
            "CustomTerm",
            "Divergence",
            "Operation",
            "Update",
        ] {
            assert!(seen.contains(&kind), "{kind}");
        }
    }

    #[test]
    fn typing_narrows_the_list_and_beginnings_come_first() {
        assert_eq!(
            offered("(lr: C|"),
            ["Constant()", "Cosine()", "Piecewise()"]
        );
        assert_eq!(offered("(lr: cos|"), ["Cosine()"]);
        assert_eq!(offered("(ep|"), ["epochs: "]);
        assert_eq!(offered("(lr: xyz|"), [""; 0]);
    }

    #[test]
    fn brackets_and_colons_that_are_there_are_not_written_again() {
        assert_eq!(offered("(lr: Cos|(from: 1.0))"), ["Cosine"]);
        assert_eq!(offered("(epo|: 3)"), ["epochs"]);
    }

    #[test]
    fn a_value_that_has_a_default_is_offered_it() {
        assert_eq!(offered("(batch: |"), ["128"]);
        assert_eq!(
            offered("(method: Vanilla(divergence: K|"),
            ["Kd", "Dkd()", "SymmetricKl", "Mlkd"]
        );
        assert_eq!(offered("(optimizer: Sgd(nesterov: |"), ["true", "false"]);
        assert_eq!(offered("(teacher: |"), ["()", "None"]);
        assert_eq!(
            offered("(gates: [AtLeast(\"test/top1|\""),
            ["\"test/top1\""]
        );
        assert_eq!(
            offered("(gates: [AtLeast(\"test/rec|\""),
            ["\"test/recall/CLASS\""]
        );
        assert_eq!(offered("(early_stop: (metric: Mac|"), ["MacroF1"]);
        assert_eq!(offered("(class_weights: Bal|"), ["Balanced"]);
        assert_eq!(offered("(sampler: Bal|"), ["Balanced"]);
    }
}
