//! The queue of a folder of runs: what workbenches launch there trains one after
//! the other, whichever process it is launched in.
//!
//! Each launch takes a ticket, `.queue/<number>`, and holds a lock on it until its
//! training is over; it is its turn when no ticket with a smaller number is
//! locked. The system releases the lock however a process ends, so one that
//! crashed is in nobody's way. A ticket gets its name when it is locked already.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic::{WRITING, create_folders};
use super::litter;
use super::lock::Holder;
use crate::untrusted::files::open_regular_with;
use crate::untrusted::{is_absent, read_limited};

const QUEUE: &str = ".queue";

/// A ticket is a line; a larger file is none.
const LONGEST: u64 = 1 << 14;

/// Launches at the same instant in so many processes.
const ATTEMPTS: u32 = 100;

/// A number that no queue comes to: a file of a larger one is no ticket.
const LAST: u64 = 1 << 53;

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    path: PathBuf,
    strangers: Vec<PathBuf>,
    /// Closing it releases the lock.
    _file: File,
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// What trains there, for people.
    pub what: String,
    /// In which process.
    pub holder: Holder,
}

impl std::fmt::Display for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.what, self.holder)
    }
}

impl Ticket {
    /// Queues behind everything that was launched in this folder of runs.
    ///
    /// # Errors
    /// What the file system says; it may have no locks.
    pub fn take(checkpoints: &Path, what: &str) -> io::Result<Self> {
        let queue = checkpoints.join(QUEUE);
        create_folders(&queue)?;
        litter::sweep_files(&queue);
        let mut text = serde_json::to_vec(&Ahead {
            what: what.to_owned(),
            holder: Holder::this_process(),
        })?;
        text.push(b'\n');
        let mut number = 0;
        for _ in 0..ATTEMPTS {
            number = last(&queue)?.max(number) + 1;
            let mut file = tempfile::Builder::new()
                .prefix(WRITING)
                .tempfile_in(&queue)?;
            file.as_file().lock()?;
            file.write_all(&text)?;
            let path = queue.join(number.to_string());
            let file = match file.persist_noclobber(&path) {
                Ok(file) => file,
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => continue,
                // Somebody swept it away before it was locked.
                Err(error) if is_absent(&error.error) => continue,
                Err(error) => return Err(error.error),
            };
            let ticket = Self {
                number,
                path,
                strangers: strangers(&queue)?,
                _file: file,
            };
            // Others may have come and gone since the last number was looked up.
            if last(&queue)? == number {
                return Ok(ticket);
            }
        }
        Err(io::Error::other("no free number in the queue"))
    }

    /// What a person should know of the queue: what lies in it like a ticket and is none.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let strangers: Vec<String> = self
            .strangers
            .iter()
            .map(|p| p.to_string_lossy().into_owned())
            .collect();
        (!strangers.is_empty()).then(|| {
            format!(
                "{} in the queue of trainings: no ticket, not waited for; remove it",
                strangers.join(", ")
            )
        })
    }

    /// What is to be waited for; none if it is this one's turn. What a process left
    /// that is gone is removed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn ahead(&self) -> io::Result<Option<Ahead>> {
        let queue = self.path.parent().unwrap_or(Path::new(QUEUE));
        let mut before = numbers(queue)?;
        before.retain(|number| *number < self.number);
        before.sort_unstable();
        for number in before {
            let path = queue.join(number.to_string());
            let file = match open_regular_with(&path, File::options().read(true).write(true)) {
                Ok(file) => file,
                // One that lies there like a ticket and is none hides no other.
                Err(error) if is_absent(&error) || is_stranger(&path) => continue,
                Err(error) => return Err(error),
            };
            match file.try_lock() {
                Ok(()) => match fs::remove_file(&path) {
                    Err(error) if !is_absent(&error) => return Err(error),
                    _ => {}
                },
                Err(TryLockError::WouldBlock) => {
                    let text = read_limited(&path, LONGEST).unwrap_or_default();
                    return Ok(Some(serde_json::from_slice(&text).unwrap_or(Ahead {
                        what: "a training".to_owned(),
                        holder: Holder::unknown(),
                    })));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Left behind it would be taken for that of a process that is gone.
        let _ = fs::remove_file(&self.path);
    }
}

fn last(queue: &Path) -> io::Result<u64> {
    Ok(numbers(queue)?.into_iter().max().unwrap_or(0))
}

fn numbers(queue: &Path) -> io::Result<Vec<u64>> {
    let numbers = numbered(queue)?
        .into_iter()
        .filter_map(|(number, _)| number);
    Ok(numbers.filter(|number| *number < LAST).collect())
}

/// What is named like a ticket; no number where it is too large for one.
fn numbered(queue: &Path) -> io::Result<Vec<(Option<u64>, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(queue)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            found.push((name.parse().ok(), entry.path()));
        }
    }
    Ok(found)
}

/// What is named like a ticket and can be none.
fn strangers(queue: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = numbered(queue)?;
    found.retain(|(number, path)| number.is_none_or(|number| number >= LAST) || is_stranger(path));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Whether it is there and no regular file.
fn is_stranger(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(ticket: &Ticket) -> Option<String> {
        ticket.ahead().unwrap().map(|ahead| ahead.what)
    }

    #[test]
    fn what_was_launched_first_comes_first_and_who_leaves_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let take = |what: &str| Ticket::take(place.path(), what).unwrap();
        let (a, b, c) = (take("a"), take("b"), take("c"));
        assert_eq!(ahead(&a), None);
        assert_eq!((ahead(&b), ahead(&c)), (Some("a".into()), Some("a".into())));
        drop(b);
        assert_eq!(ahead(&c), Some("a".into()));
        drop(a);
        assert_eq!(ahead(&c), None);
        let d = take("d");
        assert_eq!((ahead(&c), ahead(&d)), (None, Some("c".into())));
        drop((c, d));
        let left = fs::read_dir(place.path().join(QUEUE)).unwrap().count();
        assert_eq!(left, 0);
    }

    #[test]
    fn what_a_crashed_process_left_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let queue = place.path().join(QUEUE);
        fs::create_dir(&queue).unwrap();
        fs::write(queue.join("7"), "{\"what\":\"a\"").unwrap();
        fs::write(queue.join(".writing-x"), "").unwrap();
        fs::write(queue.join("notes"), "").unwrap();
        let ticket = Ticket::take(place.path(), "b").unwrap();
        assert_eq!((ticket.number, ahead(&ticket)), (8, None));
        assert!(!queue.join("7").exists() && !queue.join(".writing-x").exists());
    }

    #[test]
    fn what_is_no_ticket_is_named_and_hides_none() {
        let place = tempfile::tempdir().unwrap();
        let queue = place.path().join(QUEUE);
        fs::create_dir_all(queue.join("1")).unwrap();
        std::os::unix::fs::symlink("nowhere", queue.join("2")).unwrap();
        fs::write(queue.join(u64::MAX.to_string()), "").unwrap();
        let take = |what: &str| Ticket::take(place.path(), what).unwrap();
        let (a, b) = (take("a"), take("b"));
        assert_eq!((ahead(&a), ahead(&b)), (None, Some("a".into())));
        let warning = a.warning().unwrap();
        for name in ["1", "2", &u64::MAX.to_string()] {
            let path = queue.join(name).to_string_lossy().into_owned();
            assert!(warning.contains(&path), "{warning}");
        }
        assert!(queue.join("1").is_dir());
    }

    #[test]
    fn many_at_once_train_one_after_the_other() {
        let place = tempfile::tempdir().unwrap();
        let busy = std::sync::Mutex::new(());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let ticket = Ticket::take(place.path(), "x").unwrap();
                        while ticket.ahead().unwrap().is_some() {
                            std::thread::yield_now();
                        }
                        drop(busy.try_lock().expect("two train at once"));
                    }
                });
            }
        });
    }
}
