use std::fs;
#[cfg(unix)]
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;
use std::time::Instant;

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
fn hidden_folders_of_images_and_names_that_look_alike_are_noted_once() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &["Cat", "cat", "dog", ".cat", ".dog"], 1);
    fs::create_dir(dir.path().join(".git")).unwrap();
    let notes = classes(dir.path()).unwrap().notes;
    let [alike, hidden] = notes.as_slice() else {
        panic!("{notes:?}");
    };
    assert!(alike.contains("\"Cat\" and \"cat\""), "{alike}");
    assert!(hidden.contains("\".cat\" and 1 more"), "{hidden}");
    for name in ["Cat", ".cat", ".dog"] {
        fs::remove_dir_all(dir.path().join(name)).unwrap();
    }
    assert_eq!(classes(dir.path()).unwrap().notes, Vec::<String>::new());
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
fn where_nothing_can_be_read_the_reason_is_reported_and_not_that_nothing_is_there() {
    let dir = tempfile::tempdir().unwrap();
    symlink(".", dir.path().join("again")).unwrap();
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

#[test]
fn a_part_that_holds_images_directly_is_not_proposed_for_training() {
    use crate::data::part::Part;
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &["train", "val"], 1);
    let problem = classes(dir.path()).unwrap_err();
    assert!(matches!(problem, SourceError::PartsNotClasses { .. }));
    assert_eq!(super::super::layout::meant(&problem, Part::Train), None);
    let meant = super::super::layout::meant(&problem, Part::Unlabelled);
    assert!(meant.is_some());
    fs::create_dir_all(dir.path().join("train/a")).unwrap();
    let meant = super::super::layout::meant(&problem, Part::Train);
    assert_eq!(meant, Some(dir.path().join("train")));
}

/// Milliseconds that a listing takes, with what it found.
/// Milliseconds that this thread has computed, where the system counts them: what others
/// do on the same cores has no part in it.
fn computed() -> Option<f64> {
    let counted = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = counted.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}

fn timed(folder: &Path) -> (f64, Found) {
    let (started, before) = (Instant::now(), computed());
    let found = flat(folder).unwrap();
    let took = match (before, computed()) {
        (Some(before), Some(after)) => after - before,
        _ => started.elapsed().as_secs_f64() * 1000.0,
    };
    (took, found)
}

#[test]
fn a_very_deep_tree_is_walked_in_a_moment() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d/".repeat(1900));
    fs::create_dir_all(&deep).unwrap();
    save(&deep.join("1.png"), 0, (2, 2));
    save(&dir.path().join("1.png"), 0, (2, 2));
    let (took, found) = timed(dir.path());
    assert_eq!(found.origin.len(), 2);
    assert!(took < 3000.0, "{took} ms");
    // Nothing that removes a tree by itself should have to recurse so deep.
    for depth in (0..1900).rev().step_by(100) {
        let _ = fs::remove_dir_all(dir.path().join("d/".repeat(depth)));
    }
}

#[cfg(unix)]
#[test]
fn folders_that_lead_to_each_other_by_many_ways_are_entered_once() {
    let dir = tempfile::tempdir().unwrap();
    let at = |number: usize| dir.path().join(format!("{number:02}"));
    for number in 0..20 {
        save(&at(number).join("1.png"), 0, (2, 2));
    }
    for number in 0..19 {
        for link in ["x", "y"] {
            symlink(at(number + 1), at(number).join(link)).unwrap();
        }
    }
    let (took, found) = timed(dir.path());
    assert_eq!(found.origin.len(), 20);
    assert!(took < 3000.0, "{took} ms");
    assert!(
        found.notes[0].starts_with("links lead to 38 folders"),
        "{:?}",
        found.notes
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_above_the_one_that_is_listed_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let root = folder(&dir.path().join("set/train"), &["a", "b"], 1);
    save(&dir.path().join("set/other/1.png"), 0, (2, 2));
    symlink("../../..", root.join("a/up")).unwrap();
    let error = classes(&root).unwrap_err();
    assert!(matches!(error, SourceError::Cycle { path } if path.ends_with("a/up")));
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_the_kernel_makes_up_are_neither_entered_nor_read() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &["a", "b"], 1);
    // Without an ending their content would be looked at.
    for (target, name) in [
        ("/proc/kmsg", "a/1"),
        ("/proc/self/mem", "a/2"),
        ("/dev/zero", "b/1"),
    ] {
        symlink(target, dir.path().join(name)).unwrap();
    }
    assert_eq!(classes(dir.path()).unwrap().origin.len(), 2);
    symlink("/proc/self", dir.path().join("a/system")).unwrap();
    let error = classes(dir.path()).unwrap_err().to_string();
    assert!(error.contains("a/system is a virtual folder"), "{error}");
    let (found, skipped) = flat_as_far_as_possible(dir.path()).unwrap();
    assert_eq!((found.origin.len(), skipped.len()), (2, 1));
}

#[cfg(unix)]
#[test]
fn pipes_among_images_are_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &["a", "b"], 1);
    for name in ["a/pipe", "b/pipe.png"] {
        let made = Command::new("mkfifo").arg(dir.path().join(name)).status();
        assert!(made.unwrap().success());
    }
    let found = classes(dir.path()).unwrap();
    let expected = ["a/000.png", "b/000.png", "b/pipe.png"].map(PathBuf::from);
    assert_eq!(paths(found, dir.path()), expected);
}
