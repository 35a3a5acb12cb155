//! Runs in the folder of runs, whichever process makes them: found, read, followed.
//!
//! Files are looked at again and again instead of being watched: a run may be
//! written by another machine on a shared disk, where the system sends no notifications.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SendError;
use std::thread;
use std::time::{Duration, SystemTime};

use super::mail::Sender;
use super::message::Message;
use crate::app::read_run::read_run;
use crate::run::{Notes, RunFolder};
use crate::store::{Owner, results_of};
use crate::untrusted::FileId;

/// How often files are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// What is known of a run's files.
#[derive(Debug, PartialEq)]
struct Seen {
    /// What distinguishes the run from every other, where it is known.
    id: Option<String>,
    /// Lengths of journal and series, bytes.
    lengths: (u64, u64),
    /// Which files plan, journal and series are.
    files: [Option<FileId>; 3],
    /// Whether they fitted each other when they were read.
    fit: bool,
    owner: Owner,
    /// What a person wrote of it.
    notes: Option<(FileId, SystemTime, u64)>,
    /// When its results changed last.
    results: [Option<SystemTime>; 5],
    /// When the folders of its checkpoints, and of what it was watched by, did.
    saved: [Option<SystemTime>; 4],
}

impl Seen {
    /// Whether these files only continue those that were seen.
    fn continues(&self, before: &Self) -> bool {
        let (journal, series) = self.lengths;
        let mut files = self.files.iter().zip(&before.files);
        // Without a training nothing changes there but by accident.
        let is_left = [self, before].iter().all(|it| it.owner == Owner::None);
        // What did not fit may be whole again.
        !(is_left && self.saved != before.saved)
            && (before.fit || self.lengths == before.lengths)
            && journal >= before.lengths.0
            && series >= before.lengths.1
            && files.all(|(now, then)| then.is_none() || now == then)
    }
}

/// Starts to look.
pub fn watch(checkpoints: PathBuf, sender: Sender) -> io::Result<()> {
    thread::Builder::new()
        .name("catalogue".to_owned())
        .spawn(move || {
            let (mut seen, mut thrown) = (BTreeMap::new(), Vec::new());
            while look(&checkpoints, &mut seen, &sender).is_ok()
                && look_into_trash(&checkpoints, &mut thrown, &sender).is_ok()
            {
                thread::sleep(EVERY);
            }
        })?;
    Ok(())
}

/// Looks once and reports what is new, newest runs first.
fn look(
    checkpoints: &Path,
    seen: &mut BTreeMap<String, Seen>,
    sender: &Sender,
) -> Result<(), SendError<Message>> {
    let names = RunFolder::names(checkpoints).unwrap_or_default();
    let mut missing: Vec<(String, Option<String>)> = seen
        .iter()
        .filter(|(name, _)| !names.contains(name))
        .map(|(name, run)| (name.clone(), run.id.clone()))
        .collect();
    seen.retain(|name, _| names.contains(name));
    let mut folders: Vec<RunFolder> = names
        .iter()
        .filter_map(|name| RunFolder::at(checkpoints.join(name)).ok())
        .collect();
    // Those that are known need no order.
    folders.sort_by_cached_key(|folder| {
        let is_new = !seen.contains_key(&folder.name());
        std::cmp::Reverse(is_new.then(|| folder.started().at))
    });
    for folder in folders {
        let (name, mut now) = (folder.name(), observe(&folder));
        let continued = seen.get(&name).filter(|before| now.continues(before));
        if let Some(before) = continued {
            (now.fit, now.id) = (before.fit, before.id.clone());
            if before.lengths != now.lengths {
                sender.send(Message::Grew(name.clone()))?;
            }
            if before.results != now.results {
                let found = Box::new(results_of(&folder));
                sender.send(Message::Results(name.clone(), found))?;
            }
            if before.notes != now.notes {
                let read = Box::new(Notes::read(&folder));
                sender.send(Message::Notes(name.clone(), read))?;
            }
            if before.owner != now.owner {
                sender.send(Message::Lives(name.clone(), now.owner.clone()))?;
            }
        } else {
            // It is new, or its files were cut, removed or replaced.
            let found = Box::new(read_run(&folder, now.owner.clone()));
            (now.fit, now.id) = (found.0.mismatch.is_none(), found.0.id.clone());
            // A run that is missing and one that is new with its id are one, renamed.
            let former = missing
                .iter()
                .position(|(_, id)| id.is_some() && *id == now.id);
            if let Some(at) = former.filter(|_| !seen.contains_key(&name)) {
                let (from, to) = (missing.remove(at).0, name.clone());
                sender.send(Message::RunRenamed { from, to })?;
            }
            sender.send(Message::Found(found))?;
        }
        seen.insert(name, now);
    }
    for (name, _) in missing {
        sender.send(Message::RunRemoved(name))?;
    }
    Ok(())
}

/// Reports what is in the trash if that changed.
fn look_into_trash(
    checkpoints: &Path,
    thrown: &mut Vec<RunFolder>,
    sender: &Sender,
) -> Result<(), SendError<Message>> {
    let now = RunFolder::trashed(checkpoints).unwrap_or_default();
    if now != *thrown {
        let entries = now.iter().map(|folder| read_run(folder, Owner::None).0);
        sender.send(Message::Trash(entries.collect()))?;
        *thrown = now;
    }
    Ok(())
}

fn observe(folder: &RunFolder) -> Seen {
    let [plan, journal, series] =
        [folder.plan_path(), folder.journal(), folder.series()].map(|path| fs::metadata(path).ok());
    let length = |file: &Option<Metadata>| file.as_ref().map_or(0, Metadata::len);
    Seen {
        id: None,
        lengths: (length(&journal), length(&series)),
        files: [plan, journal, series].map(|file| file.as_ref().map(FileId::of)),
        fit: true,
        owner: Owner::of(folder),
        notes: Notes::version(folder),
        results: folder.results_changed(),
        saved: folder.saved_changed(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::mail::mailbox;
    use super::*;
    use crate::event::bench::testing::{bench_row, measured};
    use crate::event::export::testing::export;
    use crate::event::{Export, RunEvent};
    use crate::run::{BenchResult, NotesChange};
    use crate::store::Journal;
    use crate::store::testing::run_plan;
    use crate::untrusted::testing::make_pipe;

    #[test]
    fn runs_are_reported_once_and_again_when_they_grow_live_and_go() {
        let place = tempfile::tempdir().unwrap();
        let (sender, mailbox) = mailbox().unwrap();
        let mut seen = BTreeMap::new();
        let mut changes = || {
            look(place.path(), &mut seen, &sender).unwrap();
            let names = mailbox.take().map(|message| match message {
                Message::Found(found) => format!("found {}", found.0.store.warnings.len()),
                Message::Grew(_) => "grew".to_owned(),
                Message::Lives(_, owner) => format!("{}", owner == Owner::Here),
                Message::Results(_, found) => {
                    format!("results {} {}", found.bench.len(), found.exports.len())
                }
                Message::Notes(_, read) => match *read {
                    Ok(notes) => format!("note {}", notes.note),
                    Err(_) => "damaged notes".to_owned(),
                },
                Message::RunRemoved(_) => "removed".to_owned(),
                Message::RunRenamed { from, to } => format!("renamed {from} to {to}"),
                _ => "other".to_owned(),
            });
            names.collect::<Vec<_>>()
        };
        assert!(changes().is_empty());
        let folder =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        let warned = RunEvent::Warned {
            message: "m".to_owned(),
        };
        let mut journal = Journal::append_to(&folder.journal()).unwrap();
        journal.append(&warned).unwrap();
        journal.sync().unwrap();
        assert_eq!(changes(), ["found 1"]);
        assert!(changes().is_empty());
        journal.append(&warned).unwrap();
        journal.sync().unwrap();
        let mut lock = folder.lock().unwrap();
        lock.announce().unwrap();
        assert_eq!(changes(), ["grew", "true"]);
        drop(lock);
        assert_eq!(changes(), ["false"]);
        Notes::change(&folder, NotesChange::Note("kept".to_owned())).unwrap();
        assert_eq!(changes(), ["note kept"]);
        fs::write(folder.path().join("notes.json"), "{").unwrap();
        assert_eq!(changes(), ["damaged notes"]);
        let measurement = measured("Xeon", vec![bench_row(None, 2.0)]);
        let mut result = BenchResult::new("a".to_owned(), measurement);
        result.keep(&folder, SystemTime::now()).unwrap();
        assert_eq!(changes(), ["results 1 0"]);
        fs::create_dir_all(folder.exports()).unwrap();
        let file = folder.exports().join("a.onnx");
        fs::write(&file, "model").unwrap();
        let bytes = "model".len() as u64;
        let export = Export { bytes, ..export() };
        folder.record_export(&file, &export).unwrap();
        assert_eq!(changes(), ["results 1 1"]);
        fs::remove_file(&file).unwrap();
        assert_eq!(changes(), ["results 1 0"]);
        // What it saved changes by accident alone.
        fs::create_dir(folder.probe()).unwrap();
        assert_eq!(changes(), ["found 2"]);
        // What does not continue what was read is read anew.
        let whole = fs::read(folder.journal()).unwrap();
        fs::write(folder.journal(), &whole[..10]).unwrap();
        assert_eq!(changes(), ["found 0"]);
        fs::write(folder.path().join("copy"), &whole).unwrap();
        fs::rename(folder.path().join("copy"), folder.journal()).unwrap();
        assert_eq!(changes(), ["found 2"]);
        // One that does not fit is read anew when it grows: it may be whole again.
        fs::write(folder.record_mark_path(), "damaged").unwrap();
        fs::write(folder.journal(), &whole[..10]).unwrap();
        assert_eq!(changes(), ["found 0"]);
        fs::write(folder.journal(), &whole).unwrap();
        assert_eq!(changes(), ["found 2"]);
        fs::remove_file(folder.record_mark_path()).unwrap();
        fs::remove_file(folder.journal()).unwrap();
        assert_eq!(changes(), ["found 0"]);
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(changes(), ["removed"]);
    }

    #[test]
    fn a_run_that_is_renamed_elsewhere_is_the_same_run_and_a_copy_is_another() {
        let place = tempfile::tempdir().unwrap();
        let (sender, mailbox) = mailbox().unwrap();
        let mut seen = BTreeMap::new();
        let mut changes = || {
            look(place.path(), &mut seen, &sender).unwrap();
            let names = mailbox.take().map(|message| match message {
                Message::Found(found) => format!("found {}", found.0.folder.name()),
                Message::RunRemoved(name) => format!("removed {name}"),
                Message::RunRenamed { from, to } => format!("renamed {from} to {to}"),
                _ => "other".to_owned(),
            });
            names.collect::<Vec<_>>()
        };
        let text = "Experiment(name: \"a\", data: (train: Shapes(count: 40, size: 8)), student: \
                    (model: Cnn(channels: [2, 4])), method: Scratch(), epochs: 2)";
        let (plan, now) = (run_plan(text, 10), SystemTime::UNIX_EPOCH);
        let folder = RunFolder::create_planned(place.path(), "a", text, plan, now).unwrap();
        let name = folder.name();
        assert_eq!(changes(), [format!("found {name}")]);
        fs::rename(folder.path(), place.path().join("b")).unwrap();
        assert_eq!(
            changes(),
            [format!("renamed {name} to b"), "found b".to_owned()]
        );
        fs::create_dir(place.path().join("c")).unwrap();
        for file in ["plan.json", "experiment.ron"] {
            fs::copy(
                place.path().join("b").join(file),
                place.path().join("c").join(file),
            )
            .unwrap();
        }
        assert_eq!(changes(), ["found c"]);
        fs::remove_dir_all(place.path().join("b")).unwrap();
        assert_eq!(changes(), ["removed b"]);
    }

    #[test]
    fn a_run_whose_files_are_pipes_and_nonsense_is_shown_with_what_is_wrong() {
        let place = tempfile::tempdir().unwrap();
        let folder =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        for name in ["journal.jsonl", "series.bin", "plan.json", "lock"] {
            make_pipe(&folder.path().join(name));
        }
        fs::write(folder.path().join("notes.json"), "nonsense").unwrap();
        assert_eq!(observe(&folder).owner, Owner::None);
        let (entry, _) = read_run(&folder, Owner::None);
        assert_eq!(entry.experiment, "Experiment()");
        assert_eq!((entry.problems.len(), entry.store.problems.len()), (1, 2));
        let problem = entry.problem().unwrap();
        assert!(problem.contains("plan.json") && problem.ends_with("(and 3 more problems)"));
        assert!(entry.notes_problem.unwrap().contains("notes.json"));
    }
}
