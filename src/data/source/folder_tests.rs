use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Found, Origin};
use super::{SourceError, flat, flat_as_far_as_possible};
use crate::data::fixtures::{folder, save};
use crate::experiment::spec::ClassOrder;

fn classes(folder: &Path) -> Result<Found, SourceError> {
    super::classes(folder, ClassOrder::Bytes)
}

fn paths(found: Found, root: &Path) -> Vec<PathBuf> {
    match found.origin {
        Origin::Files(paths) => paths
            .into_iter()
            .map(|path| path.strip_prefix(root).unwrap().to_owned())
            .collect(),
        _ => panic!("not a folder"),
    }
}

#[test]
fn classes_and_images_are_sorted_and_nested_folders_belong_to_their_class() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "b/2.png",
        "b/10.png",
        "a/z/deep/1.png",
        "a/y.png",
        "B/1.png",
    ] {
        save(&dir.path().join(name), 0, (2, 2));
    }
    let found = classes(dir.path()).unwrap();
    assert_eq!(found.classes, ["B", "a", "b"]);
    assert_eq!(found.labels, [0, 1, 1, 2, 2]);
    let expected = [
        "B/1.png",
        "a/y.png",
        "a/z/deep/1.png",
        "b/10.png",
        "b/2.png",
    ];
    assert_eq!(paths(found, dir.path()), expected.map(PathBuf::from));
}

#[test]
fn litter_is_passed_over_and_images_without_ending_are_found() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &["a", "b"], 1);
    for litter in [
        "a/.DS_Store",
        "a/Thumbs.db",
        "b/notes.txt",
        ".git/x.png",
        "__MACOSX/a/._0.png",
        "README.md",
    ] {
        let path = dir.path().join(litter);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "litter").unwrap();
    }
    fs::copy(dir.path().join("a/000.png"), dir.path().join("a/bare")).unwrap();
    let found = classes(dir.path()).unwrap();
    assert_eq!(found.classes, ["a", "b"]);
    let expected = ["a/000.png", "a/bare", "b/000.png"].map(PathBuf::from);
    assert_eq!(paths(found, dir.path()), expected);
}

#[test]
fn a_folder_of_nothing_but_images_has_no_labels() {
    let dir = tempfile::tempdir().unwrap();
    save(&dir.path().join("1.png"), 0, (2, 2));
    let found = classes(dir.path()).unwrap();
    assert!(found.classes.is_empty() && found.labels.is_empty());
    assert_eq!(found.origin.len(), 1);
}

#[test]
fn without_labels_images_are_found_at_any_depth() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["top.png", "a/1.png", "a/b/2.png"] {
        save(&dir.path().join(name), 0, (2, 2));
    }
    let expected = ["top.png", "a/1.png", "a/b/2.png"].map(PathBuf::from);
    assert_eq!(paths(flat(dir.path()).unwrap(), dir.path()), expected);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    save(&elsewhere.path().join("1.png"), 0, (2, 2));
    folder(dir.path(), &["a"], 1);
    symlink(elsewhere.path(), dir.path().join("b")).unwrap();
    assert_eq!(classes(dir.path()).unwrap().labels, [0, 1]);
    symlink(dir.path(), dir.path().join("a/loop")).unwrap();
    let error = classes(dir.path()).unwrap_err();
    assert!(matches!(error, SourceError::Cycle { path } if path.ends_with("a/loop")));
    assert!(matches!(flat(dir.path()), Err(SourceError::Cycle { .. })));
    let (found, skipped) = flat_as_far_as_possible(dir.path()).unwrap();
    assert_eq!((found.origin.len(), skipped.len()), (2, 1));
    assert!(skipped[0].path.ends_with("a/loop"));
}

#[cfg(unix)]
#[test]
fn where_nothing_can_be_read_the_reason_is_told_and_not_that_nothing_is_there() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(".", dir.path().join("again")).unwrap();
    let error = flat_as_far_as_possible(dir.path()).unwrap_err();
    assert!(matches!(error, SourceError::Cycle { path } if path.ends_with("again")));
    let missing = dir.path().join("missing");
    assert!(flat_as_far_as_possible(&missing).is_err());
}

#[test]
fn a_name_of_a_part_among_true_classes_is_a_class() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &["train", "bus"], 1);
    assert_eq!(classes(dir.path()).unwrap().classes, ["bus", "train"]);
}
