//! Folders of images that are laid out in another way than one folder per class.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use workbench::data::{DataError, Images};
use workbench::experiment::plan::ValidPlan;

use crate::{Case, plan};

/// A folder of these images, four of each name, opened to train on.
fn train(folders: &[&str]) -> (Case, Result<Vec<String>, String>) {
    let case = Case::new();
    for folder in folders {
        for number in 0..4 {
            case.image(&format!("set/{folder}/{number}.png"));
        }
    }
    let opened = Images::open(&plan(case.folder("set")), 7);
    let opened = opened.map(|images| images.classes);
    let opened = opened.map_err(|error| case.shown(&error));
    (case, opened)
}

fn refused(folders: &[&str]) -> String {
    train(folders).1.expect_err("was taken for classes")
}

fn classes(folders: &[&str]) -> Vec<String> {
    train(folders).1.unwrap()
}

#[test]
fn parts_beside_a_third_folder() {
    assert_snapshot!(refused(&[
        "train/cat",
        "train/dog",
        "val/cat",
        "val/dog",
        "annotations"
    ]));
}

#[test]
fn parts_with_years_and_other_words_in_their_names() {
    assert_snapshot!(refused(&[
        "train2017/cat",
        "train2017/dog",
        "test_images/cat",
        "Val-Set/dog"
    ]));
}

#[test]
fn parts_with_a_folder_of_images_around_the_classes() {
    assert_snapshot!(refused(&[
        "train/images/cat",
        "train/images/dog",
        "test/images/cat"
    ]));
}

#[test]
fn single_folder_around_the_classes() {
    assert_snapshot!(refused(&["images/cat", "images/dog", "images/owl"]));
}

#[test]
fn several_single_folders_around_the_parts() {
    assert_snapshot!(refused(&[
        "archive/pets/test/cat",
        "archive/pets/train/cat",
        "archive/pets/train/dog"
    ]));
}

#[test]
fn one_part_with_classes_beside_another_folder() {
    assert_snapshot!(refused(&["train/cat", "train/dog", "samples"]));
}

#[test]
fn labelled_images_beside_unlabelled_ones() {
    assert_snapshot!(refused(&["labeled/cat", "labeled/dog", "unlabeled"]));
}

#[test]
fn labelled_and_unlabelled_images_in_class_folders() {
    assert_snapshot!(refused(&[
        "labelled/cat",
        "labelled/dog",
        "unlabelled/cat",
        "unlabelled/dog"
    ]));
}

#[test]
fn classes_beside_a_part_without_class_folders() {
    assert_snapshot!(refused(&["ant", "bee", "test"]));
}

#[test]
fn classes_beside_a_part_with_class_folders() {
    assert_snapshot!(refused(&["ant", "bee", "val/ant", "val/bee"]));
}

#[test]
fn classes_beside_two_parts() {
    assert_snapshot!(refused(&["ant", "bee", "val/ant", "val/bee", "test"]));
}

#[test]
fn parts_of_which_none_is_trained_on() {
    assert_snapshot!(refused(&["test/cat", "test/dog", "val/cat", "val/dog"]));
}

#[test]
fn training_images_are_named_whatever_their_folder_is_called() {
    for (folders, training) in [
        (&["tr/cat", "tr/dog", "te/cat", "te/dog"][..], "tr"),
        (
            &["extra/cat", "extra/dog", "train/cat", "train/dog"],
            "train",
        ),
        (
            &["dev/cat", "dev/dog", "training/cat", "training/dog"],
            "training",
        ),
        (
            &["train_unlabeled", "train_labeled/cat", "train_labeled/dog"],
            "train_labeled",
        ),
        (
            &["eval/cat", "eval/dog", "labeled/cat", "labeled/dog"],
            "labeled",
        ),
    ] {
        let message = refused(folders);
        let line = format!("write train: ImageFolder(\"[dir]/set/{training}\")");
        assert!(message.contains(&line), "{message}");
    }
}

#[test]
fn folds_that_hold_the_same_classes() {
    assert_snapshot!(refused(&[
        "fold1/cat",
        "fold1/dog",
        "fold2/cat",
        "fold2/dog",
        "fold3/cat",
        "fold3/dog"
    ]));
}

#[test]
fn domains_that_hold_the_same_classes() {
    assert_snapshot!(refused(&[
        "photo/cat",
        "photo/dog",
        "photo/owl",
        "sketch/cat",
        "sketch/dog",
        "sketch/owl"
    ]));
}

#[test]
fn classes_that_are_divided_into_parts() {
    assert_snapshot!(refused(&["cat/train", "cat/test", "dog/train", "dog/test"]));
}

#[test]
fn one_class_of_several() {
    let case = Case::new();
    case.classes("set", &[("cat", 4), ("dog", 4)]);
    assert_snapshot!(case.refused(&plan(case.folder("set/cat"))));
}

#[test]
fn one_class_of_several_with_a_folder_in_it() {
    let case = Case::new();
    case.classes("set", &[("cat/2024", 4), ("dog", 4)]);
    assert_snapshot!(case.refused(&plan(case.folder("set/cat"))));
}

#[test]
fn nested_validation_set() {
    let case = Case::new();
    let mut plan = plan(case.classes("train", &[("cat", 4), ("dog", 4)]));
    case.classes("valid/images", &[("cat", 4), ("dog", 4)]);
    plan.valid = ValidPlan::Set(case.folder("valid"));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn what_is_written_as_the_message_says_is_opened() {
    for folders in [
        &["images/cat", "images/dog"][..],
        &[
            "train/images/cat",
            "train/images/dog",
            "test/images/cat",
            "test/images/dog",
        ],
        &[
            "archive/pets/train/cat",
            "archive/pets/train/dog",
            "archive/pets/test/cat",
        ],
        &["train/cat", "train/dog", "samples"],
        &["photo/cat", "photo/dog", "sketch/cat", "sketch/dog"],
    ] {
        let (case, opened) = train(folders);
        let message = opened.unwrap_err();
        let line = message.split("write train: ImageFolder(\"").nth(1);
        let path = line.and_then(|line| line.split('"').next()).unwrap();
        let path = path.replace("[dir]/", "");
        let images = Images::open(&plan(case.folder(&path)), 7);
        assert_eq!(images.unwrap().classes, ["cat", "dog"], "{message}");
    }
}

#[test]
fn folders_that_may_well_be_classes_are() {
    for (folders, expected) in [
        (&["train", "bus"][..], &["bus", "train"][..]),
        (&["train/1", "bus"], &["bus", "train"]),
        (
            &["cat/indoor", "cat/outdoor", "dog", "owl"],
            &["cat", "dog", "owl"],
        ),
        (&["cat/images", "dog/images"], &["cat", "dog"]),
        (
            &["cat/images", "cat/masks", "dog/images", "dog/masks"],
            &["cat", "dog"],
        ),
        (
            &[
                "cat/day",
                "cat/night",
                "dog/day",
                "dog/night",
                "owl/day",
                "owl/night",
            ],
            &["cat", "dog", "owl"],
        ),
        (&["valley", "testament"], &["testament", "valley"]),
        (&["control", "test"], &["control", "test"]),
        (&["bus", "car", "train"], &["bus", "car", "train"]),
        (&["labeled", "unlabeled"], &["labeled", "unlabeled"]),
        (&["en", "te", "tr"], &["en", "te", "tr"]),
        (&["te", "tr"], &["te", "tr"]),
        (&["extra", "plain", "rare"], &["extra", "plain", "rare"]),
    ] {
        assert_eq!(classes(folders), expected, "{folders:?}");
    }
}

#[cfg(unix)]
#[test]
fn validation_images_that_are_the_training_images_by_a_link() {
    use std::os::unix::fs::symlink;
    let case = Case::new();
    let mut plan = plan(case.classes("train", &[("cat", 4), ("dog", 4)]));
    symlink(case.path("train"), case.path("valid")).unwrap();
    plan.valid = ValidPlan::Set(case.folder("valid"));
    let error = Images::open(&plan, 7).unwrap_err();
    assert!(
        matches!(error, DataError::Shared { what: "folder", .. }),
        "{error}"
    );
    let message = case.shown(&error);
    assert!(message.starts_with("data.valid: [dir]/valid/"), "{message}");
}

#[cfg(unix)]
#[test]
fn test_images_that_are_the_files_of_training_images_by_links() {
    use std::os::unix::fs::symlink;
    let symbolic = |from: &Path, to: &Path| symlink(from, to).unwrap();
    let hard = |from: &Path, to: &Path| fs::hard_link(from, to).unwrap();
    for link in [symbolic as fn(&Path, &Path), hard] {
        let case = Case::new();
        let mut plan = plan(case.classes("train", &[("cat", 4), ("dog", 4)]));
        plan.test = Some(case.classes("test", &[("cat", 2), ("dog", 2)]));
        link(&case.path("train/dog/1.png"), &case.path("test/cat/9.png"));
        let error = Images::open(&plan, 7).unwrap_err();
        assert_eq!(
            case.shown(&error),
            "data.test: [dir]/test/cat/9.png leads to the same file as [dir]/train/dog/1.png, which \
             is trained on; name images that are not trained on"
        );
    }
}

#[cfg(unix)]
#[test]
fn two_classes_that_are_one_folder_by_a_link() {
    use std::os::unix::fs::symlink;
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    symlink("cat", case.path("train/tiger")).unwrap();
    assert_snapshot!(case.refused(&plan(source)));
}
