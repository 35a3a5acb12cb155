//! A folder that is replaced as a whole, such as a run's `latest/`.
//!
//! A folder of several files can't be renamed over another, so a replacement
//! takes five stages, and a process may be killed after any of them:
//!
//! 1. everything is written to `latest.new-<generation>/`;
//! 2. its manifest, which names every file and its length and carries the
//!    generation, is written last: from now on it is *complete*;
//! 3. `latest/` is renamed to `latest.old-<its generation>/`;
//! 4. `latest.new-<generation>/` is renamed to `latest/`;
//! 5. `latest.old-*` is removed.
//!
//! The rule of recovery: of `latest`, `latest.new-*` and `latest.old-*`, the
//! complete one with the highest generation is the folder. At every instant at
//! least one is complete. The next replacement begins by putting it in its
//! place and removing the others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic::{sync_folder, sync_tree, write_file};

/// Name of the file that completes a folder.
const MANIFEST: &str = "manifest.json";

/// What a folder holds when it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    /// One more than the folder that it replaced.
    generation: u64,
    /// Relative paths and lengths in bytes, sorted.
    files: Vec<(PathBuf, u64)>,
}

/// A place for a folder that is replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSlot {
    parent: PathBuf,
    name: String,
}

/// A folder could not be found or replaced.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {}: {source}", path.display())]
pub struct SlotError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// What has been done of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Written,
    Completed,
    OldMovedAway,
    NewMovedIn,
    OldRemoved,
}

/// Whether a replacement goes on after a stage; tests stop it there, as a
/// killed process would.
type AfterStage<'a> = &'a mut dyn FnMut(Stage) -> bool;

struct Candidate {
    path: PathBuf,
    generation: u64,
}

impl FolderSlot {
    /// The place `parent/name/`.
    #[must_use]
    pub fn new(parent: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self {
            parent: parent.into(),
            name: name.into(),
        }
    }

    /// Where the folder lies when nothing was interrupted. Readers ask
    /// [`find`](Self::find).
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// The newest complete folder, wherever an interruption left it. None if
    /// there never was one.
    ///
    /// # Errors
    /// Also if all that is left is a folder in its place that is damaged, which
    /// no interruption leaves behind.
    pub fn find(&self) -> Result<Option<PathBuf>, SlotError> {
        let newest = self
            .candidates()?
            .into_iter()
            .filter_map(complete)
            .max_by_key(|candidate| candidate.generation);
        if newest.is_none() && self.path().join(MANIFEST).exists() {
            let damaged = "a file in it is missing or has another length than when it was \
                           saved; restore it, or delete the folder to go on without it";
            return Err(failed("use", &self.path(), io::Error::other(damaged)));
        }
        Ok(newest.map(|candidate| candidate.path))
    }

    /// Replaces the folder by what `write` puts into the empty folder that it
    /// is given. If it fails, the old folder stays. One writer at a time: hold
    /// the run's lock.
    ///
    /// # Errors
    /// Those of `write`, and [`SlotError`] converted.
    pub fn replace<E: From<SlotError>>(
        &self,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        self.replace_in_stages(write, &mut |_| true)
    }

    fn replace_in_stages<E: From<SlotError>>(
        &self,
        write: impl FnOnce(&Path) -> Result<(), E>,
        go_on: AfterStage<'_>,
    ) -> Result<PathBuf, E> {
        let generation = self.settle()?.map_or(1, |current| current.generation + 1);
        let new = self.beside("new", generation);
        fs::create_dir_all(&new).map_err(|e| failed("create", &new, e))?;
        write(&new)?;
        if go_on(Stage::Written) {
            seal(&new, generation)?;
            if go_on(Stage::Completed) {
                self.swap(&new, generation, go_on)?;
            }
        }
        Ok(self.path())
    }

    fn swap(&self, new: &Path, generation: u64, go_on: AfterStage<'_>) -> Result<(), SlotError> {
        let current = self.path();
        let old = self.beside("old", generation - 1);
        let had_old = current.exists();
        if had_old {
            rename(&current, &old)?;
        }
        if !go_on(Stage::OldMovedAway) {
            return Ok(());
        }
        rename(new, &current)?;
        sync_folder(&self.parent).map_err(|e| failed("sync", &self.parent, e))?;
        if go_on(Stage::NewMovedIn) && had_old {
            remove(&old)?;
            go_on(Stage::OldRemoved);
        }
        Ok(())
    }

    /// Puts the newest complete folder in its place and removes what
    /// interruptions left. An incomplete `latest/` with nothing better is not
    /// ours to judge: it is moved aside, not removed.
    fn settle(&self) -> Result<Option<Candidate>, SlotError> {
        let place = self.path();
        let mut newest: Option<Candidate> = None;
        let mut rest = Vec::new();
        for path in self.candidates()? {
            match complete(path.clone()) {
                Some(candidate)
                    if newest
                        .as_ref()
                        .is_none_or(|n| candidate.generation > n.generation) =>
                {
                    rest.extend(newest.replace(candidate).map(|older| older.path));
                }
                _ => rest.push(path),
            }
        }
        for path in rest {
            if path == place && newest.is_none() {
                self.move_aside(&path)?;
            } else {
                remove(&path)?;
            }
        }
        if let Some(newest) = &mut newest
            && newest.path != place
        {
            rename(&newest.path, &place)?;
            newest.path = place;
        }
        Ok(newest)
    }

    fn move_aside(&self, path: &Path) -> Result<(), SlotError> {
        let aside = self.parent.join(format!("{}.incomplete", self.name));
        if aside.exists() {
            remove(&aside)?;
        }
        rename(path, &aside)
    }

    fn beside(&self, what: &str, generation: u64) -> PathBuf {
        self.parent
            .join(format!("{}.{what}-{generation}", self.name))
    }

    /// Every folder that may be the one, complete or not.
    fn candidates(&self) -> Result<Vec<PathBuf>, SlotError> {
        let entries = match fs::read_dir(&self.parent) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &self.parent, error)),
        };
        let new = format!("{}.new-", self.name);
        let old = format!("{}.old-", self.name);
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| failed("list", &self.parent, e))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name == self.name || name.starts_with(&new) || name.starts_with(&old) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Writes the manifest, after everything else is on disk.
fn seal(folder: &Path, generation: u64) -> Result<(), SlotError> {
    let mut files = Vec::new();
    list(folder, Path::new(""), &mut files).map_err(|e| failed("list", folder, e))?;
    files.sort();
    sync_tree(folder).map_err(|e| failed("sync", folder, e))?;
    let text = serde_json::to_vec_pretty(&Manifest { generation, files })
        .map_err(|e| failed("describe", folder, e.into()))?;
    write_file(&folder.join(MANIFEST), &text).map_err(|e| failed("complete", folder, e))
}

/// The candidate at `path`, if its manifest is there and every file has its
/// length.
fn complete(path: PathBuf) -> Option<Candidate> {
    let text = fs::read(path.join(MANIFEST)).ok()?;
    let manifest: Manifest = serde_json::from_slice(&text).ok()?;
    let whole = manifest.files.iter().all(|(file, length)| {
        fs::metadata(path.join(file)).is_ok_and(|found| found.len() == *length)
    });
    whole.then_some(Candidate {
        path,
        generation: manifest.generation,
    })
}

fn list(root: &Path, below: &Path, files: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let relative = below.join(entry.file_name());
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            list(root, &relative, files)?;
        } else {
            files.push((relative, metadata.len()));
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), SlotError> {
    fs::rename(from, to).map_err(|e| failed("move", from, e))
}

fn remove(path: &Path) -> Result<(), SlotError> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(|e| failed("remove", path, e))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> SlotError {
    SlotError {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
