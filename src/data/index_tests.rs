use std::fs;
use std::time::Instant;

use super::fixtures::{folder, plan, save, shapes};
use super::{DataError, Images, SizeReason, index};
use crate::event::Dataset;
use crate::experiment::plan::{DataPlan, ValidPlan};
use crate::experiment::spec::{ClassOrder, NormalizeSpec, Source};

#[test]
fn an_index_says_what_opening_gives() {
    let dir = tempfile::tempdir().unwrap();
    let set =
        |name: &str, count| Source::ImageFolder(folder(&dir.path().join(name), &["a", "b"], count));
    for valid in [ValidPlan::Holdout(0.25), ValidPlan::Set(set("valid", 3))] {
        let plan = DataPlan {
            valid,
            test: Some(set("test", 2)),
            unlabelled: Some((shapes(40, 3), 1.0)),
            ..plan(set("train", 10))
        };
        let index = index(&plan, 7).unwrap();
        let images = Images::open(&plan, 7).unwrap();
        let summary = images.summary();
        assert_eq!(index.classes, summary.classes);
        assert_eq!(index.size, summary.size);
        assert_eq!(
            index.sets[&Dataset::Train].per_class,
            summary.train_per_class
        );
        let counts = index.sets.values().map(|set| set.images);
        let expected = [
            summary.train,
            summary.valid,
            summary.test,
            summary.unlabelled,
        ];
        assert!(counts.eq(expected));
        assert!(index.is_labelled() && summary.labelled());
        for (batch, ratio) in [(4, 1.0), (5, 0.5), (100, 3.0)] {
            let batches = index.batches_per_epoch(batch, ratio);
            assert_eq!(batches, images.batches_per_epoch(batch, ratio));
        }
    }
}

#[test]
fn training_images_without_labels_are_indexed_as_such() {
    let dir = tempfile::tempdir().unwrap();
    save(&dir.path().join("train/1.png"), 1, (6, 8));
    let valid = folder(&dir.path().join("valid"), &["a", "b"], 2);
    let mut plan = plan(Source::ImageFolder(dir.path().join("train")));
    plan.valid = ValidPlan::Set(Source::ImageFolder(valid));
    let index = index(&plan, 7).unwrap();
    assert!(!index.is_labelled() && index.sets[&Dataset::Valid].is_labelled());
    assert_eq!(index.classes, ["a", "b"]);
    assert!(!Images::open(&plan, 7).unwrap().summary().labelled());
}

#[test]
fn an_index_says_why_the_images_have_their_size() {
    let mut plan = plan(shapes(40, 1));
    let reason = |plan: &DataPlan| index(plan, 7).unwrap().size_reason.to_string();
    assert_eq!(reason(&plan), "the size of every image");
    plan.size = Some((9, 9));
    assert_eq!(reason(&plan), "given");
    let dir = tempfile::tempdir().unwrap();
    let root = folder(dir.path(), &["a", "b"], 3);
    plan.size = None;
    plan.train = Source::ImageFolder(root.clone());
    assert_eq!(
        reason(&plan),
        "the size of all 6 images that were looked at"
    );
    save(&root.join("a/odd.png"), 1, (3, 3));
    assert_eq!(
        reason(&plan),
        "the size of 6 of 7 images that were looked at"
    );
}

#[test]
fn no_image_is_decoded_and_only_some_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    save(&dir.path().join("a/0.png"), 1, (32, 32));
    let whole = fs::read(dir.path().join("a/0.png")).unwrap();
    for class in ["a", "b"] {
        fs::create_dir_all(dir.path().join(class)).unwrap();
        for number in 0..2500 {
            let path = dir.path().join(format!("{class}/{number}.png"));
            // Little more than its header.
            fs::write(path, &whole[..60]).unwrap();
        }
    }
    let plan = plan(Source::ImageFolder(dir.path().to_owned()));
    let started = Instant::now();
    let index = index(&plan, 7).unwrap();
    assert_eq!(
        (index.size, index.sets[&Dataset::Train].images),
        ((32, 32), 4500)
    );
    assert!(matches!(index.size_reason, SizeReason::MostCommon(share) if share.of == 512));
    // A tenth of the time in which the fifty thousand of a common set may be indexed.
    assert!(
        started.elapsed().as_secs_f64() < 1.0,
        "{:?}",
        started.elapsed()
    );
    assert!(Images::open(&plan, 7).is_err());
}

#[test]
fn classes_that_are_numbers_are_sorted_as_requested_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["1", "2", "10", "11"];
    let mut plan = plan(Source::ImageFolder(folder(dir.path(), &names, 2)));
    plan.size = Some((6, 8));
    let images = Images::open(&plan, 7).unwrap();
    assert_eq!(images.classes, ["1", "10", "11", "2"]);
    let notes = images.summary().notes;
    assert!(
        notes.len() == 1 && notes[0].contains("(1, 10, 11, 2, …)"),
        "{notes:?}"
    );
    plan.order = ClassOrder::Natural;
    let images = Images::open(&plan, 7).unwrap();
    assert_eq!(images.classes, names);
    assert!(images.summary().notes.is_empty());
    for at in 0..images.train.len() {
        let class = images.train.label(at).unwrap() as usize;
        let path = images.train.name(at);
        assert!(path.parent().unwrap().ends_with(names[class]), "{path:?}");
    }
}

#[test]
fn a_validation_set_follows_the_order_of_the_training_classes() {
    let dir = tempfile::tempdir().unwrap();
    let set = |name: &str| Source::ImageFolder(folder(&dir.path().join(name), &["2", "10"], 2));
    let mut plan = plan(set("train"));
    plan.valid = ValidPlan::Set(set("valid"));
    for (order, classes) in [
        (ClassOrder::Bytes, ["10", "2"]),
        (ClassOrder::Natural, ["2", "10"]),
    ] {
        plan.order = order;
        let images = Images::open(&plan, 7).unwrap();
        assert_eq!(images.classes, classes);
        let class = images.valid.label(0).unwrap() as usize;
        assert!(
            images
                .valid
                .name(0)
                .parent()
                .unwrap()
                .ends_with(classes[class])
        );
    }
}

#[test]
fn what_was_measured_is_taken_back_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(Source::ImageFolder(folder(dir.path(), &["a", "b"], 5)));
    let first = Images::open(&plan, 7).unwrap();
    plan.size = Some(first.size);
    plan.normalize = NormalizeSpec::Given {
        mean: first.mean,
        std: first.std,
    };
    // Other images: they do not change what was measured.
    for number in 0..5 {
        save(
            &dir.path().join(format!("a/{number:03}.png")),
            90 + number,
            (6, 8),
        );
    }
    let again = Images::open(&plan, 7).unwrap();
    assert_eq!(
        (again.mean, again.std, again.size),
        (first.mean, first.std, first.size)
    );
}

#[test]
fn what_was_measured_of_a_channel_that_never_changes_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a/1.png", "a/2.png", "b/1.png", "b/2.png"] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_pixel(8, 8, image::Rgb([7; 3]))
            .save(path)
            .unwrap();
    }
    let mut plan = plan(Source::ImageFolder(dir.path().to_owned()));
    let first = Images::open(&plan, 7).unwrap();
    plan.normalize = NormalizeSpec::Given {
        mean: first.mean,
        std: first.std,
    };
    let again = Images::open(&plan, 7).unwrap();
    assert_eq!((again.mean, again.std), (first.mean, first.std));
}

#[test]
fn a_set_of_which_no_header_is_good_names_its_images() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a/1.png", "a/2.png", "b/1.png", "b/2.png"] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "no picture").unwrap();
    }
    let plan = plan(Source::ImageFolder(dir.path().to_owned()));
    let error = index(&plan, 7).unwrap_err();
    assert!(
        matches!(&error, DataError::TooManyBad { bad, .. } if bad.len() == 4),
        "{error}"
    );
}
