//! Folders that are not what an `ImageFolder` is.

use std::fs;

use insta::assert_snapshot;

use crate::{Case, plan};

#[test]
fn folder_that_does_not_exist() {
    let case = Case::new();
    assert_snapshot!(case.refused(&plan(case.folder("train"))));
}

#[test]
fn file_where_a_folder_should_be() {
    let case = Case::new();
    case.image("train.png");
    assert_snapshot!(case.refused(&plan(case.folder("train.png"))));
}

#[test]
fn folder_with_nothing_in_it() {
    let case = Case::new();
    fs::create_dir(case.path("train")).unwrap();
    assert_snapshot!(case.refused(&plan(case.folder("train"))));
}

#[test]
fn folder_with_nothing_but_text() {
    let case = Case::new();
    case.file("train/README.md", "The images are elsewhere.");
    assert_snapshot!(case.refused(&plan(case.folder("train"))));
}

#[test]
fn folder_with_nothing_but_hidden_images() {
    let case = Case::new();
    case.image("train/cat/.hidden.png");
    case.image("train/.trash/dog.png");
    assert_snapshot!(case.refused(&plan(case.folder("train"))));
}

#[test]
fn class_folders_that_are_all_empty() {
    let case = Case::new();
    for class in ["cat", "dog"] {
        fs::create_dir_all(case.path("train").join(class)).unwrap();
    }
    assert_snapshot!(case.refused(&plan(case.folder("train"))));
}

#[test]
fn class_folder_that_is_empty_among_full_ones() {
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    fs::create_dir(case.path("train/owl")).unwrap();
    assert_snapshot!(case.refused(&plan(source)));
}

#[test]
fn class_folder_with_nothing_but_notes() {
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    case.file("train/owl/labels.csv", "owl,1");
    assert_snapshot!(case.refused(&plan(source)));
}

#[test]
fn folder_with_one_class_only() {
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4)]);
    assert_snapshot!(case.refused(&plan(source)));
}

#[test]
fn images_without_class_folders() {
    let case = Case::new();
    for number in 0..4 {
        case.image(&format!("train/{number}.png"));
    }
    assert_snapshot!(case.refused(&plan(case.folder("train"))));
}

#[test]
fn images_beside_the_class_folders() {
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    case.image("train/unsorted.png");
    case.image("train/unsorted2.png");
    assert_snapshot!(case.refused(&plan(source)));
}

#[test]
fn folder_above_train_and_test() {
    let case = Case::new();
    case.classes("pets/train", &[("cat", 4), ("dog", 4)]);
    case.classes("pets/test", &[("cat", 4), ("dog", 4)]);
    assert_snapshot!(case.refused(&plan(case.folder("pets"))));
}

#[cfg(unix)]
#[test]
fn folder_that_contains_itself_by_a_link() {
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    std::os::unix::fs::symlink(case.path("train"), case.path("train/dog/again")).unwrap();
    assert_snapshot!(case.refused(&plan(source)));
}

#[cfg(unix)]
#[test]
fn link_to_a_missing_folder() {
    let case = Case::new();
    std::os::unix::fs::symlink(case.path("gone"), case.path("train")).unwrap();
    assert_snapshot!(case.refused(&plan(case.folder("train"))));
}

#[cfg(target_os = "linux")]
#[test]
fn class_whose_name_is_not_unicode() {
    use std::os::unix::ffi::OsStrExt;
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    let name = std::ffi::OsStr::from_bytes(b"ch\xE8vre");
    fs::create_dir(case.path("train").join(name)).unwrap();
    assert_snapshot!(case.refused(&plan(source)));
}

#[cfg(unix)]
#[test]
fn class_folder_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    let locked = case.path("train/dog");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&locked).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let message = case.refused(&plan(source));
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    assert_snapshot!(message);
}
