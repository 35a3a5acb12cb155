//! The queue of a folder of runs: what workbenches launch there trains one after
//! the other, whichever process it is launched in.
//!
//! Each launch takes a ticket, `.queue/<number>`, and holds a lock on it until its
//! training is over; it is its turn when no ticket with a smaller number is
//! locked. The system releases the lock however a process ends, so one that
//! crashed is in nobody's way. A ticket gets its name when it is locked already.
//!
//! What is locked is a file, not its name: a ticket whose name was removed is still
//! waited for by those that have seen it, and gets a name again by
//! [`Ticket::renew`], which its holder calls now and then.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic::{WRITING, create_folders};
use super::litter;
use super::lock::Holder;
use crate::untrusted::files::open_unlinked_with;
use crate::untrusted::{FileId, Show as _, is_absent, kind_at, read_limited};

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
    /// The folder of tickets.
    queue: PathBuf,
    /// What trains there, for people.
    what: String,
    place: Place,
    strangers: Vec<PathBuf>,
    /// Those with smaller numbers, with their files: they are locked whatever becomes of
    /// their names.
    before: BTreeMap<(u64, FileId), (File, Ahead)>,
}

/// A locked file and the number that is its name.
#[derive(Debug)]
struct Place {
    number: u64,
    path: PathBuf,
    id: FileId,
    /// Closing it releases the lock.
    _file: File,
}

/// What became of a ticket's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It is as it was.
    Kept,
    /// It was removed, and is there again.
    Restored,
    /// It was removed, and another ticket has it: this one is behind that.
    Behind,
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
    /// What the file system says; it may have no locks. What stands in the queue's
    /// place.
    pub fn take(checkpoints: &Path, what: &str) -> io::Result<Self> {
        let queue = checkpoints.join(QUEUE);
        let place = Place::last(&queue, what)?;
        Ok(Self {
            strangers: strangers(&queue)?,
            queue,
            what: what.to_owned(),
            place,
            before: BTreeMap::new(),
        })
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

    /// Gives the ticket a name again where that was removed: those that are launched
    /// later look for it.
    ///
    /// # Errors
    /// What the file system says; what stands in the queue's place.
    pub fn renew(&mut self) -> io::Result<Renewal> {
        if self.place.is_named() {
            return Ok(Renewal::Kept);
        }
        if let Some(place) = Place::new(&self.queue, &self.what, self.place.number)? {
            self.place = place;
            Ok(Renewal::Restored)
        } else {
            self.place = Place::last(&self.queue, &self.what)?;
            Ok(Renewal::Behind)
        }
    }

    /// What is to be waited for; none if it is this one's turn. What a process left
    /// that is gone is removed.
    ///
    /// # Errors
    /// What the file system says, where nothing is known to be ahead.
    pub fn ahead(&mut self) -> io::Result<Option<Ahead>> {
        let seen = self.see();
        while let Some(first) = self.before.first_entry() {
            match first.get().0.try_lock() {
                Ok(()) => {
                    let ((number, _), (file, _)) = first.remove_entry();
                    remove(&self.queue.join(number.to_string()), &file)?;
                }
                Err(TryLockError::WouldBlock) => return Ok(Some(first.get().1.clone())),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        seen.map(|()| None)
    }

    /// Looks for tickets with smaller numbers.
    fn see(&mut self) -> io::Result<()> {
        let own = self.place.number;
        for number in numbers(&self.queue)? {
            let path = self.queue.join(number.to_string());
            if number >= own {
                continue;
            }
            let file = match open_unlinked_with(&path, File::options().read(true).write(true)) {
                Ok(file) => file,
                // One that lies there like a ticket and is none hides no other.
                Err(error) if is_absent(&error) || is_stranger(&path) => continue,
                Err(error) => return Err(error),
            };
            let id = FileId::of(&file.metadata()?);
            if self.before.contains_key(&(number, id)) {
                continue;
            }
            let text = read_limited(&path, LONGEST).unwrap_or_default();
            let ahead = serde_json::from_slice(&text).unwrap_or(Ahead {
                what: "a training".to_owned(),
                holder: Holder::unknown(),
            });
            self.before.insert((number, id), (file, ahead));
        }
        Ok(())
    }
}

impl Place {
    /// A locked file behind all that are in the queue.
    fn last(queue: &Path, what: &str) -> io::Result<Self> {
        make(queue)?;
        litter::sweep_files(queue);
        let mut number = 0;
        for _ in 0..ATTEMPTS {
            number = last(queue)?.max(number) + 1;
            let Some(place) = Self::new(queue, what, number)? else {
                continue;
            };
            // Others may have come and gone since the last number was looked up.
            if last(queue)? == number {
                return Ok(place);
            }
        }
        Err(io::Error::other("no free number in the queue"))
    }

    /// A locked file with this number; none if another has it.
    fn new(queue: &Path, what: &str, number: u64) -> io::Result<Option<Self>> {
        make(queue)?;
        let mut text = serde_json::to_vec(&Ahead {
            what: what.to_owned(),
            holder: Holder::this_process(),
        })?;
        text.push(b'\n');
        let mut file = tempfile::Builder::new()
            .prefix(WRITING)
            .tempfile_in(queue)?;
        file.as_file().lock()?;
        file.write_all(&text)?;
        let path = queue.join(number.to_string());
        let file = match file.persist_noclobber(&path) {
            Ok(file) => file,
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            // Somebody swept it away before it was locked.
            Err(error) if is_absent(&error.error) => return Ok(None),
            Err(error) => return Err(error.error),
        };
        Ok(Some(Self {
            number,
            path,
            id: FileId::of(&file.metadata()?),
            _file: file,
        }))
    }

    /// Whether it still has its name.
    fn is_named(&self) -> bool {
        self.id.is_at(&self.path).unwrap_or(false)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Left behind it would be taken for that of a process that is gone.
        if self.is_named() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the folder of tickets. A link would lead to a queue of others.
fn make(queue: &Path) -> io::Result<()> {
    if queue.is_symlink() {
        let message = format!(
            "{} is a symbolic link, not a folder; remove it",
            queue.shown()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    match kind_at(queue).filter(|_| !queue.is_dir()) {
        Some(what) => {
            let message = format!("{} is {what}, not a folder; remove it", queue.shown());
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
        None => create_folders(queue),
    }
}

/// Removes a ticket that was left, unless its name is another's by now.
fn remove(path: &Path, file: &File) -> io::Result<()> {
    if !FileId::of(&file.metadata()?).is_at(path)? {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => Err(error),
        _ => Ok(()),
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
    use crate::untrusted::testing::make_pipe;

    fn ahead(ticket: &mut Ticket) -> Option<String> {
        ticket.ahead().unwrap().map(|ahead| ahead.what)
    }

    #[test]
    fn what_was_launched_first_comes_first_and_who_leaves_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let take = |what: &str| Ticket::take(place.path(), what).unwrap();
        let (mut a, mut b, mut c) = (take("a"), take("b"), take("c"));
        assert_eq!(ahead(&mut a), None);
        assert_eq!(ahead(&mut b), Some("a".into()));
        assert_eq!(ahead(&mut c), Some("a".into()));
        drop(b);
        assert_eq!(ahead(&mut c), Some("a".into()));
        drop(a);
        assert_eq!(ahead(&mut c), None);
        let mut d = take("d");
        assert_eq!(ahead(&mut c), None);
        assert_eq!(ahead(&mut d), Some("c".into()));
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
        let mut ticket = Ticket::take(place.path(), "b").unwrap();
        assert_eq!(ticket.place.number, 8);
        assert_eq!(ahead(&mut ticket), None);
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
        let (mut a, mut b) = (take("a"), take("b"));
        assert_eq!(ahead(&mut a), None);
        assert_eq!(ahead(&mut b), Some("a".into()));
        let warning = a.warning().unwrap();
        for name in ["1", "2", &u64::MAX.to_string()] {
            let path = queue.join(name).to_string_lossy().into_owned();
            assert!(warning.contains(&path), "{warning}");
        }
        assert!(queue.join("1").is_dir());
    }

    fn clear(place: &Path) {
        for entry in fs::read_dir(place.join(QUEUE)).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }

    #[test]
    fn tickets_whose_names_were_removed_are_waited_for_and_get_them_again() {
        let place = tempfile::tempdir().unwrap();
        let take = |what: &str| Ticket::take(place.path(), what).unwrap();
        let (mut a, mut b) = (take("a"), take("b"));
        assert_eq!(ahead(&mut b), Some("a".into()));
        clear(place.path());
        // Who has seen a ticket waits for it without its name.
        assert_eq!(ahead(&mut b), Some("a".into()));
        assert_eq!(a.renew().unwrap(), Renewal::Restored);
        assert_eq!(b.renew().unwrap(), Renewal::Restored);
        assert_eq!(a.renew().unwrap(), Renewal::Kept);
        let mut c = take("c");
        assert_eq!(ahead(&mut c), Some("a".into()));
        drop(a);
        assert_eq!(ahead(&mut c), Some("b".into()));
        assert_eq!(ahead(&mut b), None);
        // Another has the name by then: it is not taken from it.
        clear(place.path());
        let mut other = take("other");
        assert_eq!(other.place.number, 1);
        let mut d = take("d");
        assert_eq!((other.place.number, b.place.number), (1, 2));
        assert_eq!(b.renew().unwrap(), Renewal::Behind);
        assert_eq!(ahead(&mut b), Some("other".into()));
        drop(c);
        assert_eq!(ahead(&mut d), Some("other".into()));
        fs::remove_dir_all(place.path().join(QUEUE)).unwrap();
        assert_eq!(ahead(&mut d), Some("other".into()));
        assert_eq!(other.renew().unwrap(), Renewal::Restored);
        assert_eq!(ahead(&mut other), None);
        drop((b, d, other));
        let left = fs::read_dir(place.path().join(QUEUE)).unwrap().count();
        assert_eq!(left, 0);
    }

    #[test]
    fn what_stands_in_the_place_of_the_queue_is_named() {
        let place = tempfile::tempdir().unwrap();
        let queue = place.path().join(QUEUE);
        let refused = |why: &str| {
            let error = Ticket::take(place.path(), "a").unwrap_err().to_string();
            let named = error.starts_with(&queue.shown().to_string());
            assert!(named && error.contains(why), "{error}");
            fs::remove_file(&queue).unwrap();
        };
        make_pipe(&queue);
        refused("is a pipe, not a folder; remove it");
        fs::write(&queue, "").unwrap();
        refused("is a file, not a folder; remove it");
        for to in ["nowhere", "."] {
            std::os::unix::fs::symlink(to, &queue).unwrap();
            refused("is a symbolic link, not a folder; remove it");
        }
        let mut ticket = Ticket::take(place.path(), "a").unwrap();
        fs::remove_dir_all(&queue).unwrap();
        fs::write(&queue, "").unwrap();
        assert!(ticket.renew().is_err() && ticket.ahead().is_err());
    }

    #[test]
    fn many_at_once_train_one_after_the_other() {
        let place = tempfile::tempdir().unwrap();
        let busy = std::sync::Mutex::new(());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let mut ticket = Ticket::take(place.path(), "x").unwrap();
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
