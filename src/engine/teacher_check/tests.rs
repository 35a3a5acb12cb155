use super::*;

const CLASSES: usize = 10;

fn names() -> Vec<String> {
    (0..CLASSES).map(|class| format!("class {class}")).collect()
}

/// A stream of numbers that looks random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Answers of a teacher that is right on a share of the images, if its outputs
/// are read through `order`.
fn answered(images: usize, share: f64, order: &[usize]) -> Vec<(usize, Answer)> {
    let mut numbers = Numbers(7);
    (0..images)
        .map(|image| {
            let label = image % order.len();
            let right = (numbers.below(1000) as f64) < 1000.0 * share;
            let guess = if right {
                label
            } else {
                numbers.below(order.len())
            };
            let output = order[guess];
            (image, Answer { label, output })
        })
        .collect()
}

/// Outputs of which nothing was said.
fn as_they_are(names: &[String]) -> Outputs<'_> {
    let taken = None;
    Outputs { names, taken }
}

fn in_order() -> Vec<usize> {
    (0..CLASSES).collect()
}

fn plain(answers: &[(usize, Answer)]) -> Vec<Answer> {
    answers.iter().map(|(_, answer)| *answer).collect()
}

#[test]
fn answers_at_random_are_chance_and_better_ones_are_not() {
    let skill = |share| Skill::of(&answered(400, share, &in_order()), CLASSES);
    assert!(skill(0.0).is_chance());
    assert!(!skill(0.3).is_chance());
    assert!(skill(0.2).warning().is_some());
    assert_eq!(skill(0.9).warning(), None);
}

#[test]
fn a_large_class_does_not_make_up_for_the_others() {
    let answers: Vec<(usize, Answer)> = (0..1000)
        .map(|image| {
            let label = if image < 900 { 0 } else { image % 4 };
            (image, Answer { label, output: 0 })
        })
        .collect();
    let skill = Skill::of(&answers, 4);
    assert!(skill.is_chance(), "{skill:?}");
    assert_eq!(order::better(&plain(&answers), 4), None);
}

#[test]
fn on_few_images_only_much_is_more_than_chance() {
    let skill = |share| Skill::of(&answered(20, share, &in_order()), CLASSES);
    assert!(skill(0.1).is_chance());
    assert!(!skill(0.9).is_chance());
    // Nine of twenty, where five would be chance.
    let few = Skill {
        accuracy: 0.45,
        chance: 0.25,
        error: 0.1,
        images: 20,
    };
    let problem = by_chance(&few).problem().to_string();
    for part in [
        "right on 45.0 % of a class's validation images on average (20 in all)",
        "indistinguishable from chance on so few images (25.0 %)",
        "validate on more images",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    let warning = few.warning().unwrap();
    assert!(
        warning.starts_with("the teacher may be weak: it is right on 45.0 %"),
        "{warning}"
    );
}

#[test]
fn two_classes_need_not_be_distinguished_half_as_often_again() {
    let skill = Skill::of(&answered(2000, 0.2, &[0, 1]), 2);
    assert!(!skill.is_chance(), "{skill:?}");
}

#[test]
fn another_order_is_found_and_written_out() {
    let order = [3, 0, 1, 2, 9, 4, 5, 6, 7, 8];
    for share in [0.95, 0.6, 0.3] {
        let answers = answered(300, share, &order);
        let found = order::better(&plain(&answers), CLASSES).unwrap();
        let mut expected = names();
        for (class, output) in order.into_iter().enumerate() {
            expected[output] = format!("class {class}");
        }
        assert_eq!(
            found.names(as_they_are(&names()), &names()),
            expected,
            "{share}"
        );
        assert!(found.gain > share - 0.15, "{share}: {found:?}");
    }
}

#[test]
fn the_names_are_those_of_the_files_outputs_however_they_were_taken() {
    // The file's outputs are c, x, a, b, and were said to be a, x, b, c.
    let strings =
        |names: &[&str]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
    let (outputs, classes) = (strings(&["a", "x", "b", "c"]), strings(&["a", "b", "c"]));
    let outputs = Outputs {
        names: &outputs,
        taken: Some(&[0, 2, 3]),
    };
    // Of the network's outputs the first is c, the second a, the third b.
    let answers = answered(90, 1.0, &[1, 2, 0]);
    let found = order::better(&plain(&answers), 3).unwrap();
    assert_eq!(
        found.names(outputs, &classes),
        strings(&["c", "x", "a", "b"])
    );
}

#[test]
fn two_classes_that_were_exchanged_are_found_among_many() {
    let mut order = in_order();
    order.swap(2, 7);
    let found = order::better(&plain(&answered(300, 0.9, &order)), CLASSES).unwrap();
    assert!(found.gain > 0.1, "{found:?}");
    let message = exchanged(&found, &names());
    assert!(
        message.contains("(`class 2` for `class 7`, `class 7` for `class 2`)"),
        "{message}"
    );
}

#[test]
fn no_order_is_found_in_answers_that_have_none() {
    for share in [0.0, 0.1, 0.5, 0.9] {
        for images in [20, 100, 1000] {
            let answers = plain(&answered(images, share, &in_order()));
            assert_eq!(order::better(&answers, CLASSES), None, "{share} {images}");
        }
    }
    let many: Vec<usize> = (0..100).collect();
    let answers = plain(&answered(500, 0.0, &many));
    assert_eq!(order::better(&answers, 100), None);
}

#[test]
fn the_line_to_write_is_part_of_the_reason() {
    let order = [1, 2, 0];
    let answers = answered(90, 0.9, &order);
    let classes: Vec<String> = ["cat", "dog", "a \"b\""].map(str::to_owned).into();
    let found = order::better(&plain(&answers), 3).unwrap();
    let objection = in_another_order(
        &Skill::of(&answers, 3),
        &found,
        (as_they_are(&classes), "teacher"),
        &classes,
    );
    let problem = objection.clone().problem();
    assert_eq!(
        problem.help.as_deref(),
        Some(
            "write in teacher: classes: Names([\"a \\\"b\\\"\", \"cat\", \"dog\"]), or trusted: \
             true to let it teach as it is"
        )
    );
    let warning = objection.warning();
    assert!(
        warning.starts_with("the teacher is trusted, although it is right on"),
        "{warning}"
    );
}

#[test]
fn a_difference_is_counted_where_the_two_ways_differ() {
    let pairs = [
        (true, true),
        (false, true),
        (false, true),
        (true, false),
        (false, false),
    ];
    let difference = Difference::of(pairs.into_iter());
    assert_eq!(difference.gain, 0.2);
    assert!((difference.errors - 1.0 / 3.0_f64.sqrt()).abs() < 1e-12);
}
