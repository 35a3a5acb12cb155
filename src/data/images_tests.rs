use std::fs;
use std::path::{Path, PathBuf};

use super::fixtures::{cut, folder, picture, plan, save, shapes};
use super::{Images, resize};
use crate::experiment::plan::{DataPlan, ValidPlan};
use crate::experiment::spec::{NormalizeSpec, Source};

fn open(plan: &DataPlan) -> Images {
    Images::open(plan, 7).unwrap()
}

#[test]
fn a_folder_is_divided_by_class_and_keeps_names_and_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let images = open(&plan(Source::ImageFolder(folder(
        dir.path(),
        &["cat", "dog"],
        10,
    ))));
    let summary = images.summary();
    assert_eq!((summary.train, summary.valid), (18, 2));
    assert_eq!(summary.train_per_class, [9, 9]);
    assert_eq!(summary.classes, ["cat", "dog"]);
    assert_eq!(summary.size, (6, 8));
    assert!(summary.in_memory && summary.skipped.is_empty());
    for set in [&images.train, &images.valid] {
        for index in 0..set.len() {
            let name = set.name(index);
            let number: u32 = name.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let class = u32::from(!name.starts_with(dir.path().join("cat")));
            assert_eq!(set.label(index), Some(class));
            assert_eq!(
                set.pixels(index).unwrap(),
                picture(class * 10 + number, (6, 8))
            );
        }
    }
}

#[test]
fn validation_and_test_labels_follow_the_names_of_training_classes() {
    let dir = tempfile::tempdir().unwrap();
    let set = |name: &str, classes: &[&str]| {
        Source::ImageFolder(folder(&dir.path().join(name), classes, 2))
    };
    let images = open(&DataPlan {
        valid: ValidPlan::Set(set("valid", &["b", "a"])),
        test: Some(set("test", &["a", "b"])),
        ..plan(set("train", &["a", "b"]))
    });
    assert_eq!(images.train.len(), 4);
    for set in [&images.valid, images.test.as_ref().unwrap()] {
        for index in 0..set.len() {
            let in_a = set.name(index).parent().unwrap().ends_with("a");
            assert_eq!(set.label(index), Some(u32::from(!in_a)));
        }
    }
}

#[test]
fn images_of_any_size_come_at_the_size_of_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    for (number, size) in [(0, (10, 10)), (1, (40, 20)), (2, (7, 31)), (3, (1, 1))] {
        save(&dir.path().join(format!("a/{number}.png")), number, size);
        save(&dir.path().join(format!("b/{number}.bmp")), number, size);
    }
    let images = open(&DataPlan {
        size: Some((12, 9)),
        ..plan(Source::ImageFolder(dir.path().to_owned()))
    });
    for index in 0..images.train.len() {
        assert_eq!(images.train.pixels(index).unwrap().dimensions(), (9, 12));
    }
    let whole = images.train.name(0);
    let original = super::decode::Decoder::new(1_000_000)
        .read(&whole)
        .unwrap()
        .into_image();
    assert_eq!(
        images.train.pixels(0).unwrap(),
        resize::cover(original, (12, 9)).unwrap()
    );
}

/// Two classes of twenty, of which two are cut off.
fn damaged(root: &Path) -> (Source, [PathBuf; 2]) {
    let source = Source::ImageFolder(folder(root, &["a", "b"], 20));
    let bad = [root.join("a/003.png"), root.join("b/019.png")];
    for path in &bad {
        cut(path, 60);
    }
    (source, bad)
}

#[test]
fn tolerated_bad_images_are_left_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (source, bad) = damaged(dir.path());
    let images = open(&DataPlan {
        max_bad: 0.05,
        ..plan(source)
    });
    let skipped: Vec<_> = images.skipped.iter().map(|s| s.path.clone()).collect();
    assert_eq!(skipped, bad);
    assert_eq!(images.train.len() + images.valid.len(), 38);
    for set in [&images.train, &images.valid] {
        for index in 0..set.len() {
            let name = set.name(index);
            assert!(!bad.contains(&name));
            let number: u32 = name.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let class = set.label(index).unwrap();
            assert_eq!(
                set.pixels(index).unwrap(),
                picture(class * 20 + number, (6, 8))
            );
        }
    }
}

#[test]
fn memory_goes_to_the_sets_in_turn_each_whole_or_not_at_all() {
    let mut plan = DataPlan {
        test: Some(shapes(1000, 2)),
        unlabelled: Some((shapes(20, 3), 1.0)),
        ..plan(shapes(40, 1))
    };
    plan.memory = 60 * 16 * 16 * 3;
    let images = open(&plan);
    assert!(images.train.in_memory());
    assert!(!images.test.as_ref().unwrap().in_memory());
    assert!(images.unlabelled.as_ref().unwrap().in_memory());
    assert!(!images.summary().in_memory);
}

#[test]
fn normalisation_is_measured_on_what_is_trained_on_or_given() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a/1.png", "b/1.png"] {
        save(&dir.path().join("train").join(name), 10, (4, 4));
        save(&dir.path().join("valid").join(name), 30, (4, 4));
    }
    let source = |name: &str| Source::ImageFolder(dir.path().join(name));
    let mut plan = plan(source("train"));
    plan.valid = ValidPlan::Set(source("valid"));
    assert_eq!(open(&plan).mean[0], 70.0 / 255.0);
    plan.normalize = NormalizeSpec::Given {
        mean: [0.1, 0.2, 0.3],
        std: [0.4, 0.5, 0.6],
    };
    let images = open(&plan);
    assert_eq!(
        (images.mean, images.std),
        ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    );
}

#[test]
fn opening_gives_the_same_with_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let (source, _) = damaged(dir.path());
    let mut plan = plan(source);
    plan.max_bad = 0.2;
    plan.workers = Some(1);
    let one = open(&plan);
    plan.workers = Some(5);
    let five = open(&plan);
    assert_eq!(one.summary(), five.summary());
    let names = |images: &Images| {
        (0..images.valid.len())
            .map(|i| images.valid.name(i))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&one), names(&five));
}

/// Needs CIFAR-10 as image files: a folder with `train/` and `test/`, each with
/// a folder per class, named by this variable.
#[test]
fn cifar_10_as_files_opens_whole() {
    let Some(root) = std::env::var_os("WORKBENCH_CIFAR10").map(PathBuf::from) else {
        println!("skipped: WORKBENCH_CIFAR10 does not name a folder");
        return;
    };
    let images = open(&DataPlan {
        test: Some(Source::ImageFolder(root.join("test"))),
        ..plan(Source::ImageFolder(root.join("train")))
    });
    let summary = images.summary();
    assert_eq!(summary.classes.len(), 10);
    assert_eq!(summary.size, (32, 32));
    assert!(summary.skipped.is_empty() && summary.in_memory);
    let per_class = summary.train_per_class[0];
    assert!(
        summary
            .train_per_class
            .iter()
            .all(|n| n.abs_diff(per_class) < per_class / 10)
    );
    // The well-known values of the training images, give or take compression
    // and a smaller selection.
    for (found, known) in summary.mean.iter().zip([0.4914, 0.4822, 0.4465]) {
        assert!((found - known).abs() < 0.02, "{:?}", summary.mean);
    }
    for (found, known) in summary.std.iter().zip([0.2470, 0.2435, 0.2616]) {
        assert!((found - known).abs() < 0.02, "{:?}", summary.std);
    }
}

#[test]
fn a_folder_changed_to_one_image_less_keeps_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let source = |name: &str| Source::ImageFolder(folder(&dir.path().join(name), &["a", "b"], 5));
    let mut plan = plan(source("train"));
    plan.valid = ValidPlan::Set(source("valid"));
    fs::remove_file(dir.path().join("train/a/002.png")).unwrap();
    let names: Vec<_> = {
        let images = open(&plan);
        (0..4).map(|i| images.train.name(i)).collect()
    };
    let expected =
        ["000", "001", "003", "004"].map(|n| dir.path().join(format!("train/a/{n}.png")));
    assert_eq!(names, expected);
}
