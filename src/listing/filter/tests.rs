use proptest::prelude::{Strategy, prop, proptest};

use std::cmp::Ordering;

use super::{Filter, Literal};
use crate::listing::testing::{changed, runs};
use crate::listing::{Fields, RunSummary};
use crate::store::Runs;

fn summaries(runs: &Runs) -> Vec<(&str, RunSummary)> {
    let summaries = runs.iter().map(|(name, run)| (name, RunSummary::of(run)));
    summaries.collect()
}

fn fields(runs: &Runs) -> Fields {
    let mut fields = Fields::default();
    for (name, summary) in summaries(runs) {
        fields.add(&summary.subject(name, runs.get(name).unwrap()));
    }
    fields
}

/// Short ids of the runs that a filter shows.
fn found(text: &str) -> Vec<String> {
    found_in(&runs(), text)
}

fn found_in(runs: &Runs, text: &str) -> Vec<String> {
    let filter = Filter::parse(text, &fields(runs)).unwrap_or_else(|e| panic!("{text}: {e}"));
    let shown = summaries(runs).into_iter().filter(|(name, summary)| {
        let run = runs.get(name).unwrap();
        filter.shows(&summary.subject(name, run))
    });
    let mut ids: Vec<String> = shown
        .map(|(name, _)| name[name.len() - 6..].to_owned())
        .collect();
    ids.sort();
    ids
}

const ADAPTIVE: &str = "a1b2c3";
const VANILLA: &str = "d4e5f6";
const CRASHED: &str = "0badca";
const SCRATCH: &str = "7a7a7a";
const TEACHER: &str = "5c5c5c";

fn message_of(text: &str) -> String {
    let runs = runs();
    let error = Filter::parse(text, &fields(&runs)).unwrap_err();
    error.to_string()
}

#[test]
fn words_find_names_and_tags_and_all_must_match() {
    assert_eq!(found("adaptive"), [TEACHER, ADAPTIVE]);
    assert_eq!(found("PAPER adaptive"), [ADAPTIVE]);
    assert_eq!(found("paper or multiview"), [CRASHED, ADAPTIVE, VANILLA]);
    assert_eq!(found("").len(), 8);
    assert_eq!(found("  \t ").len(), 8);
}

#[test]
fn states_tags_and_methods_are_asked_for() {
    assert_eq!(found("state:crashed"), [CRASHED]);
    assert_eq!(found("tag:paper"), [ADAPTIVE, VANILLA]);
    assert!(found("tag:pape").is_empty(), "a tag is meant whole");
    assert_eq!(found("method:adaptive name:cifar"), [TEACHER, ADAPTIVE]);
    assert_eq!(found("method=AdaptiveAugmentation tag:seed7"), [ADAPTIVE]);
    assert_eq!(found("device:flex note:table"), [ADAPTIVE]);
}

#[test]
fn metrics_are_compared_as_numbers() {
    assert_eq!(found("best>0.88"), [ADAPTIVE]);
    assert_eq!(found("best > 86% test<=0.8641"), [VANILLA]);
    assert_eq!(found("valid/top1@last>=0.8891"), [ADAPTIVE]);
    assert_eq!(found("best > 86 % test<=\"86.41 %\""), [VANILLA]);
    assert_eq!(found("time>1h loss@last<90"), [ADAPTIVE, VANILLA]);
    assert_eq!(found("done=50%"), [SCRATCH]);
    assert_eq!(
        found("started>=2026-01-02 started<\"2026-01-02 10\""),
        [CRASHED]
    );
    assert_eq!(
        found("not best>=0"),
        ["000000", TEACHER],
        "what is not measured is not above"
    );
}

#[test]
fn a_percentage_is_compared_as_tables_show_it() {
    use Ordering::{Equal, Greater, Less};
    for percent in 0..=100_u32 {
        let literal = Literal::read(&format!("{percent}%"));
        assert_eq!(
            literal.compared(f64::from(percent) / 100.0),
            Some(Equal),
            "{percent}"
        );
    }
    let literal = Literal::read("92.7 %");
    let orders = [0.9264, 0.9266, 0.9274, 0.9276].map(|share| literal.compared(share).unwrap());
    assert_eq!(orders, [Less, Equal, Equal, Greater]);
    let fine = Literal::read("92.66%");
    assert_eq!(fine.compared(0.9267), Some(Greater));
    assert_eq!(Literal::read("0.9266").compared(0.926_600_1), Some(Greater));
}

#[test]
fn fields_of_the_experiment_are_asked_for_by_their_paths() {
    assert_eq!(found("batch=128 teacher.weights.epochs>=10").len(), 4);
    assert_eq!(found("student.model~ResNet method.views=3"), [CRASHED]);
    assert_eq!(
        found("augment~cut(out|x) p_max=0.5 epochs=10"),
        [TEACHER, ADAPTIVE]
    );
    assert_eq!(
        found("lr.then.from<0.2 method!=Vanilla best>0.8"),
        [ADAPTIVE]
    );
    assert_eq!(found("name!~cifar").len(), 3);
}

#[test]
fn schedules_are_compared_by_where_they_start_and_changed_fields_by_each_value() {
    assert_eq!(found("lr>0.05 lr:cosine paper"), [ADAPTIVE, VANILLA]);
    let mut runs = runs();
    changed(runs.get_mut(crate::listing::testing::ADAPTIVE).unwrap());
    assert_eq!(found_in(&runs, "temperature=2.5"), [ADAPTIVE]);
    assert_eq!(found_in(&runs, "temperature=4 tag:seed7"), [ADAPTIVE]);
    assert_eq!(found_in(&runs, "lr<0.05 state:completed"), [ADAPTIVE]);
}

#[test]
fn and_binds_tighter_than_or_and_parentheses_tighter_than_both() {
    assert_eq!(
        found("state:crashed or paper and adaptive"),
        [CRASHED, ADAPTIVE]
    );
    assert_eq!(
        found("(state:crashed or paper) and not adaptive"),
        [CRASHED, VANILLA]
    );
    assert_eq!(
        found("! (state:crashed | paper) & cifar10"),
        [TEACHER, SCRATCH]
    );
}

#[test]
fn errors_are_reported_at_their_columns_with_what_was_meant() {
    for (text, message) in [
        (
            "best>0.8 bets<1",
            "column 10: no run has `bets`; did you mean `best`?",
        ),
        (
            "studnet.model~Res",
            "column 1: no run has `studnet.model`; did you mean `student.model`?",
        ),
        (
            "depth=8",
            "column 1: `depth` could be `student.model.depth` or `teacher.model.depth`",
        ),
        (
            "kl<0.1",
            "column 1: `kl` could be `test/kl@best`, `test/kl@last`, `valid/kl@best` or \
             `valid/kl@last`",
        ),
        (
            "macro_f1@last>0.5",
            "column 1: `macro_f1@last` could be `test/macro_f1@last` or `valid/macro_f1@last`",
        ),
        (
            "best>90",
            "column 6: `best` is a share, from 0 to 1; write 0.9 or 90%",
        ),
        (
            "test/top5>150",
            "column 11: `test/top5` is a share, from 0 to 1 (0% to 100%)",
        ),
        (
            "state:crashd",
            "column 7: there is no state `crashd`; did you mean `crashed`?",
        ),
        (
            "best>high",
            "column 6: `best` is compared with a number, such as 0.9, 90% or 10m",
        ),
        ("best>", "column 6: missing value after `best`"),
        ("(a or b", "column 1: unclosed `(`"),
        ("a) b", "column 2: unmatched `)`"),
        ("a or", "column 5: missing condition"),
        ("or a", "column 1: missing condition before this"),
        (">1", "column 1: missing field before this, as in best>0.9"),
        ("größe \"offen", "column 7: unclosed quote; add a `\"`"),
        (
            "name~[a",
            "column 6: `[a` is not a regular expression: unclosed character class",
        ),
    ] {
        assert_eq!(message_of(text), message, "{text}");
    }
    assert!(message_of(&"(".repeat(100_000)).contains("nested too deeply"));
    assert!(message_of(&"not ".repeat(100_000)).contains("nested too deeply"));
}

#[test]
fn a_long_filter_is_no_deep_one() {
    let text = vec!["(cifar10 or quickstart)"; 2000].join(" and ");
    assert_eq!(found(&text).len(), 7);
}

fn pieces() -> impl Strategy<Value = Vec<&'static str>> {
    let piece = prop::sample::select(vec![
        "best",
        "name",
        "tag",
        "state",
        "lr.then",
        "(",
        ")",
        "and",
        "or",
        "not",
        "!",
        ":",
        "=",
        "!=",
        "<",
        ">=",
        "~",
        "!~",
        "\"",
        "0.9",
        "crashed",
        "[a",
        "é",
        "90%",
        "valid/kl@last",
    ]);
    prop::collection::vec(piece, 0..20)
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error_inside_it(text in "(?s).{0,60}") {
        check(&text);
    }

    #[test]
    fn any_mixture_of_the_language_is_too(pieces in pieces()) {
        check(&pieces.concat());
        check(&pieces.join(" "));
    }
}

fn check(text: &str) {
    let runs = runs();
    match Filter::parse(text, &fields(&runs)) {
        Ok(_) => {
            found_in(&runs, text);
        }
        Err(error) => {
            assert!(
                (1..=text.chars().count() + 1).contains(&error.column),
                "{error}"
            );
            assert!(Filter::parse(text, &Fields::default()).is_ok() || !error.message.is_empty());
        }
    }
}
