use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use super::*;
use crate::untrusted::testing::make_pipe;

#[test]
fn the_second_writer_learns_who_the_first_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = RunLock::acquire(folder.path()).unwrap();
    first.announce().unwrap();
    let error = std::thread::scope(|scope| {
        scope
            .spawn(|| RunLock::acquire(folder.path()).unwrap_err())
            .join()
            .unwrap()
    });
    let text = error.to_string();
    assert!(
        text.contains(&format!("process {} on ", std::process::id())),
        "{text}"
    );
    drop(first);
    RunLock::acquire(folder.path()).unwrap();
}

#[test]
fn a_holder_that_died_does_not_keep_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    announced(folder.path());
    assert!(folder.path().join(HOLDER).exists());
    assert_eq!(RunLock::holder(folder.path()).unwrap(), None);
    RunLock::acquire(folder.path()).unwrap();
}

#[test]
fn a_reader_sees_whether_a_run_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(RunLock::holder(folder.path()).unwrap(), None);
    let mut lock = RunLock::acquire(folder.path()).unwrap();
    let holder = RunLock::holder(folder.path()).unwrap().unwrap();
    assert_eq!(holder, Holder::unknown());
    lock.announce().unwrap();
    let holder = RunLock::holder(folder.path()).unwrap().unwrap();
    assert_eq!(holder.pid, std::process::id());
    drop(lock);
}

/// Somebody trained in a folder, and ended.
fn announced(folder: &Path) {
    RunLock::acquire(folder).unwrap().announce().unwrap();
}

#[test]
fn taking_the_lock_writes_nothing_but_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let litter = folder.path().join(".writing-abc");
    fs::write(&litter, "half").unwrap();
    drop(RunLock::acquire(folder.path()).unwrap());
    assert!(litter.exists() && !folder.path().join(HOLDER).exists());
    announced(folder.path());
    assert!(!litter.exists());
    let before = fs::read(folder.path().join(HOLDER)).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    drop(RunLock::acquire(folder.path()).unwrap());
    assert_eq!(fs::read(folder.path().join(HOLDER)).unwrap(), before);
}

#[test]
fn who_only_holds_the_lock_is_not_taken_for_an_earlier_holder() {
    let folder = tempfile::tempdir().unwrap();
    announced(folder.path());
    let _lock = RunLock::acquire(folder.path()).unwrap();
    let message = RunLock::acquire(folder.path()).unwrap_err().to_string();
    assert!(
        message.contains("is being written by another process;"),
        "{message}"
    );
    let holder = RunLock::holder(folder.path()).unwrap().unwrap();
    assert_eq!(holder.to_string(), "another process");
}

#[test]
fn a_lock_that_is_a_link_is_refused_by_name_and_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    for target in ["absent", "there"] {
        let target = outside.path().join(target);
        if target.ends_with("there") {
            fs::write(&target, "").unwrap();
        }
        let link = folder.path().join(LOCK);
        symlink(&target, &link).unwrap();
        for error in [
            RunLock::acquire(folder.path()).unwrap_err(),
            RunLock::holder(folder.path()).unwrap_err(),
        ] {
            let expected = format!(
                "could not lock the run {}: lock: it is a symbolic link, not a regular file",
                folder.path().shown()
            );
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
        fs::remove_file(link).unwrap();
    }
    assert!(!outside.path().join("absent").exists());
}

#[test]
fn a_lock_whose_file_is_removed_or_replaced_says_that_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let lock = RunLock::acquire(folder.path()).unwrap();
    lock.check().unwrap();
    fs::remove_file(folder.path().join(LOCK)).unwrap();
    let error = lock.watch().check().unwrap_err();
    assert!(matches!(error, LockError::Lost { .. }), "{error}");
    // Somebody else holds the name now.
    let second = RunLock::acquire(folder.path()).unwrap();
    assert!(matches!(lock.check(), Err(LockError::Lost { .. })));
    second.check().unwrap();
}

#[test]
fn a_lock_of_a_removed_folder_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let (folder, moved) = (place.path().join("a"), place.path().join("b"));
    fs::create_dir(&folder).unwrap();
    let lock = RunLock::acquire(&folder).unwrap();
    fs::rename(&folder, &moved).unwrap();
    assert!(matches!(lock.check(), Err(LockError::Lost { .. })));
    assert!(RunLock::acquire(&folder).is_err() && !folder.exists());
}

#[test]
fn a_lock_that_is_no_file_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LOCK);
    make_pipe(&path);
    for error in [
        RunLock::acquire(folder.path()).unwrap_err(),
        RunLock::holder(folder.path()).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(
            text.contains("lock: it is a pipe, not a regular file;"),
            "{text}"
        );
    }
    fs::remove_file(&path).unwrap();
    let lock = RunLock::acquire(folder.path()).unwrap();
    make_pipe(&folder.path().join(HOLDER));
    let holder = RunLock::holder(folder.path()).unwrap().unwrap();
    assert_eq!(holder, Holder::unknown());
    drop(lock);
}

/// Names the folder that a process of the next test is to contend for.
const CONTENDED: &str = "WORKBENCH_TEST_LOCK";
/// Times that each process tries.
const TURNS: usize = 200;

/// One of the processes: counts up in a file whenever it holds the lock, in two
/// steps between which another holder would be noticed.
#[test]
fn a_process_that_contends() {
    let Some(folder) = std::env::var_os(CONTENDED).map(PathBuf::from) else {
        return;
    };
    let counted = folder.join("count");
    let mut turns = 0;
    while turns < TURNS {
        let Ok(lock) = hold(&folder) else { continue };
        let count: usize = fs::read_to_string(&counted).unwrap().parse().unwrap();
        std::thread::yield_now();
        fs::write(&counted, (count + 1).to_string()).unwrap();
        turns += 1;
        // The name is given away now and then, as a person might.
        if turns.is_multiple_of(50) {
            fs::remove_file(folder.join(LOCK)).unwrap();
        }
        drop(lock);
    }
}

#[test]
fn of_several_processes_one_holds_the_lock_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("count"), "0").unwrap();
    let contend = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["a_process_that_contends", "--nocapture"])
            .env(CONTENDED, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut processes = [contend(), contend(), contend()];
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    let count = fs::read_to_string(folder.path().join("count")).unwrap();
    assert_eq!(count, (3 * TURNS).to_string());
}
