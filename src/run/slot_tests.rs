use super::*;

fn put(slot: &AtomicDir, text: &str, last: Option<Stage>) {
    slot.replace_in_stages::<SealError>(
        |folder| {
            fs::write(folder.join("weights"), text).unwrap();
            fs::create_dir(folder.join("state")).unwrap();
            fs::write(folder.join("state/optimizer"), text).unwrap();
            Ok(())
        },
        &mut |stage| Some(stage) != last,
    )
    .unwrap();
}

fn found(slot: &AtomicDir) -> Option<String> {
    read(&slot.find().unwrap()?)
}

fn read(folder: &Sealed) -> Option<String> {
    let weights = folder.read("weights").unwrap();
    assert_eq!(folder.read("state/optimizer").unwrap(), weights);
    String::from_utf8(weights).ok()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const STAGES: [Stage; 5] = [
    Stage::Written,
    Stage::Completed,
    Stage::OldMovedAway,
    Stage::NewMovedIn,
    Stage::OldRemoved,
];

#[test]
fn a_swap_killed_after_any_stage_leaves_a_complete_folder_to_be_found() {
    for stage in STAGES {
        let parent = tempfile::tempdir().unwrap();
        let slot = AtomicDir::new(parent.path(), "latest");
        put(&slot, "old", None);
        put(&slot, "new", Some(stage));
        let expected = if stage == Stage::Written {
            "old"
        } else {
            "new"
        };
        assert_eq!(found(&slot).as_deref(), Some(expected), "after {stage:?}");
    }
}

#[test]
fn the_swap_after_a_killed_one_tidies_up() {
    for stage in STAGES {
        let parent = tempfile::tempdir().unwrap();
        let slot = AtomicDir::new(parent.path(), "latest");
        put(&slot, "old", None);
        put(&slot, "new", Some(stage));
        put(&slot, "newer", None);
        assert_eq!(found(&slot).as_deref(), Some("newer"), "after {stage:?}");
        assert_eq!(names(parent.path()), ["latest"], "after {stage:?}");
    }
}

#[test]
fn two_swaps_killed_in_a_row_lose_nothing() {
    for first in STAGES {
        for second in STAGES {
            let parent = tempfile::tempdir().unwrap();
            let slot = AtomicDir::new(parent.path(), "best");
            put(&slot, "1", None);
            put(&slot, "2", Some(first));
            put(&slot, "3", Some(second));
            let expected = match (first, second) {
                (Stage::Written, Stage::Written) => "1",
                (_, Stage::Written) => "2",
                _ => "3",
            };
            assert_eq!(found(&slot).as_deref(), Some(expected));
        }
    }
}

#[test]
fn a_first_folder_that_was_never_completed_is_not_found() {
    let parent = tempfile::tempdir().unwrap();
    let slot = AtomicDir::new(parent.path(), "latest");
    put(&slot, "half", Some(Stage::Written));
    assert_eq!(found(&slot), None);
}

#[test]
fn a_folder_in_its_place_that_is_damaged_is_an_error_and_not_an_older_one() {
    let parent = tempfile::tempdir().unwrap();
    let slot = AtomicDir::new(parent.path(), "latest");
    put(&slot, "old", None);
    put(&slot, "new", Some(Stage::NewMovedIn));
    fs::write(slot.path().join("weights"), "n").unwrap();
    let error = slot.find().unwrap_err().to_string();
    assert!(error.contains("latest/weights is damaged"), "{error}");
    fs::remove_file(slot.path().join(MANIFEST)).unwrap();
    let error = slot.find().unwrap_err().to_string();
    assert!(error.contains("latest/manifest.json is missing"), "{error}");
    assert!(slot.commit().is_err());
    assert_eq!(
        names(parent.path()),
        ["latest", "latest.old-1"],
        "nothing is lost"
    );
}

#[test]
fn a_folder_half_removed_by_a_killed_process_is_passed_over() {
    let parent = tempfile::tempdir().unwrap();
    let slot = AtomicDir::new(parent.path(), "latest");
    put(&slot, "old", None);
    put(&slot, "new", Some(Stage::NewMovedIn));
    fs::remove_file(parent.path().join("latest.old-1/weights")).unwrap();
    assert_eq!(found(&slot).as_deref(), Some("new"));
}

#[test]
fn a_folder_that_was_put_and_not_committed_can_be_taken_back() {
    let parent = tempfile::tempdir().unwrap();
    let slot = AtomicDir::new(parent.path(), "best");
    put(&slot, "24", None);
    put(&slot, "48", Some(Stage::NewMovedIn));
    let is =
        |text: &'static str| move |sealed: &Sealed| Ok(sealed.read("weights")? == text.as_bytes());
    let older = slot.find_where(is("24")).unwrap().unwrap();
    assert_eq!(read(&older).as_deref(), Some("24"));
    assert!(slot.settle_on(is("24")).unwrap());
    assert_eq!(found(&slot).as_deref(), Some("24"));
    assert_eq!(names(parent.path()), ["best"]);
    assert!(!slot.settle_on(is("48")).unwrap());
    assert!(names(parent.path()).is_empty());
}

#[test]
fn a_folder_whose_parent_is_missing_is_not_made_again() {
    let parent = tempfile::tempdir().unwrap();
    let slot = AtomicDir::new(parent.path().join("run"), "latest");
    assert!(slot.replace::<SealError>(|_| Ok(())).is_err());
    assert!(names(parent.path()).is_empty());
}

#[test]
fn a_writer_that_fails_leaves_the_old_folder() {
    let parent = tempfile::tempdir().unwrap();
    let slot = AtomicDir::new(parent.path(), "latest");
    put(&slot, "old", None);
    let result = slot.replace(|folder| {
        fs::write(folder.join("weights"), "half").unwrap();
        Err(failed("write", folder, io::Error::other("disk full")))
    });
    assert!(result.unwrap_err().to_string().ends_with("disk full"));
    assert_eq!(found(&slot).as_deref(), Some("old"));
}

#[test]
fn slots_with_a_common_prefix_do_not_see_each_other() {
    let parent = tempfile::tempdir().unwrap();
    let latest = AtomicDir::new(parent.path(), "latest");
    let other = AtomicDir::new(parent.path(), "latest.newest");
    put(&other, "other", None);
    put(&latest, "own", None);
    assert_eq!(found(&latest).as_deref(), Some("own"));
    assert_eq!(found(&other).as_deref(), Some("other"));
}

#[test]
#[cfg(unix)]
fn a_link_in_its_place_is_read_and_neither_replaced_nor_emptied() {
    let parent = tempfile::tempdir().unwrap();
    let other = AtomicDir::new(parent.path().join("other"), "latest");
    fs::create_dir(parent.path().join("other")).unwrap();
    put(&other, "theirs", None);
    let slot = AtomicDir::new(parent.path(), "latest");
    std::os::unix::fs::symlink(other.path(), slot.path()).unwrap();
    assert_eq!(found(&slot).as_deref(), Some("theirs"));
    let refusals = [
        slot.replace(|_| Ok::<_, SealError>(())).map(|_| ()),
        slot.commit(),
        slot.remove(),
    ];
    for refused in refusals {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("latest is a symbolic link"), "{error}");
    }
    assert_eq!(found(&other).as_deref(), Some("theirs"));
    assert_eq!(names(parent.path()), ["latest", "other"]);
}
