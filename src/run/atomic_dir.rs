//! A folder that is replaced as a whole, such as a run's `latest/`.
//!
//! A folder of several files can't be renamed over another, so a replacement
//! takes five stages, and a process may be killed after any of them:
//!
//! 1. everything is written to `latest.new-<generation>/`;
//! 2. its manifest ([`seal`](super::seal)), which carries the generation, is
//!    written last: from now on it is *complete*;
//! 3. `latest/` is renamed to `latest.old-<its generation>/`;
//! 4. `latest.new-<generation>/` is renamed to `latest/`;
//! 5. `latest.old-*` is removed.
//!
//! The rule of recovery: of `latest`, `latest.new-*` and `latest.old-*`, the
//! complete one with the highest generation is the folder. At every instant at
//! least one is complete. The next replacement begins by putting it in its
//! place and removing the others.
//!
//! A folder that belongs to another one, as the best weights belong to the
//! state that calls them the best, is replaced in two parts: [`AtomicDir::put`]
//! stops after the fourth stage and [`AtomicDir::commit`] is the fifth, once
//! the other folder is in its place. The process that comes after a kill in between says
//! by [`AtomicDir::settle_on`] which of the two it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::sync_folder;
use super::seal::{MANIFEST, Owner, SealError, Sealed, failed, missing, seal};

/// A place for a folder that is replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtomicDir {
    parent: PathBuf,
    name: String,
    /// Whose folder it is, where that is known.
    owner: Option<Owner>,
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

/// Whether a replacement continues after a stage; tests stop it there, as a
/// killed process would.
type AfterStage<'a> = &'a mut dyn FnMut(Stage) -> bool;

impl AtomicDir {
    /// The place `parent/name/`.
    #[must_use]
    pub fn new(parent: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self {
            parent: parent.into(),
            name: name.into(),
            owner: None,
        }
    }

    /// The same place, for folders of this owner alone.
    #[must_use]
    pub fn of(self, owner: Option<Owner>) -> Self {
        Self { owner, ..self }
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
    /// Also if what stands in its place is damaged or lacks its manifest, which
    /// no interruption leaves behind.
    pub fn find(&self) -> Result<Option<Sealed>, SealError> {
        self.find_where(|_| Ok(true))
    }

    /// The newest complete folder that `is_it` takes.
    ///
    /// # Errors
    /// As [`find`](Self::find), and those of `is_it`.
    pub fn find_where(
        &self,
        is_it: impl Fn(&Sealed) -> Result<bool, SealError>,
    ) -> Result<Option<Sealed>, SealError> {
        let mut found: Option<Sealed> = None;
        for path in self.candidates()? {
            let in_place = path == self.path();
            let candidate = match Sealed::open_of(&path, self.owner.as_ref()) {
                Ok(Some(candidate)) => candidate,
                Ok(None) if in_place && path.is_dir() => {
                    return Err(missing(
                        &path.join(MANIFEST),
                        "a checkpoint folder always has one",
                    ));
                }
                Err(error) if in_place => return Err(error),
                // Killed while it was written or removed.
                Ok(None) | Err(_) => continue,
            };
            let newer = |known: &Sealed| known.generation() < candidate.generation();
            if found.as_ref().is_none_or(newer) && is_it(&candidate)? {
                found = Some(candidate);
            }
        }
        Ok(found)
    }

    /// Replaces the folder by what `write` puts into the empty folder that it
    /// is given. If it fails, the old folder stays. One writer at a time: hold
    /// the run's lock.
    ///
    /// # Errors
    /// Those of `write`, and [`SealError`] converted. Also if the folder that
    /// holds this one is gone: it is not made again.
    pub fn replace<E: From<SealError>>(
        &self,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        self.replace_in_stages(write, &mut |_| true)
    }

    /// As [`replace`](Self::replace), but keeps the folder before until
    /// [`commit`](Self::commit).
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn put<E: From<SealError>>(
        &self,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        self.replace_in_stages(write, &mut |stage| stage != Stage::NewMovedIn)
    }

    /// Removes the folder that [`put`](Self::put) kept.
    ///
    /// # Errors
    /// What the file system says.
    pub fn commit(&self) -> Result<(), SealError> {
        self.settle(|_| Ok(true)).map(|_| ())
    }

    /// Puts the newest complete folder that `is_it` takes into its place and
    /// removes all others. Returns whether there is one.
    ///
    /// # Errors
    /// As [`find_where`](Self::find_where).
    pub fn settle_on(
        &self,
        is_it: impl Fn(&Sealed) -> Result<bool, SealError>,
    ) -> Result<bool, SealError> {
        Ok(self.settle(is_it)?.is_some())
    }

    /// Removes the folder, wherever an interruption left it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self) -> Result<(), SealError> {
        self.check_links()?;
        self.candidates()?.iter().try_for_each(|path| remove(path))
    }

    /// Refuses links where folders are replaced and removed. Readers may follow
    /// them, for a seal says whose folder it is.
    ///
    /// # Errors
    /// The first link.
    pub fn check_links(&self) -> Result<(), SealError> {
        self.candidates()?.iter().try_for_each(|path| no_link(path))
    }

    fn replace_in_stages<E: From<SealError>>(
        &self,
        write: impl FnOnce(&Path) -> Result<(), E>,
        go_on: AfterStage<'_>,
    ) -> Result<PathBuf, E> {
        let current = self.settle(|_| Ok(true))?;
        let generation = current.map_or(1, |current| current + 1);
        let new = self.beside("new", generation);
        fs::create_dir(&new).map_err(|e| failed("create", &new, e))?;
        write(&new)?;
        if go_on(Stage::Written) {
            seal(&new, generation, self.owner.clone())?;
            if go_on(Stage::Completed) {
                self.swap(&new, generation, go_on)?;
            }
        }
        Ok(self.path())
    }

    fn swap(&self, new: &Path, generation: u64, go_on: AfterStage<'_>) -> Result<(), SealError> {
        let current = self.path();
        let old = self.beside("old", generation - 1);
        let had_old = current.exists();
        if had_old {
            rename(&current, &old)?;
        }
        if !go_on(Stage::OldMovedAway) {
            return Ok(());
        }
        if let Err(error) = rename(new, &current) {
            if had_old {
                rename(&old, &current)?;
            }
            return Err(error);
        }
        sync_folder(&self.parent).map_err(|e| failed("sync", &self.parent, e))?;
        if go_on(Stage::NewMovedIn) && had_old {
            remove(&old)?;
            go_on(Stage::OldRemoved);
        }
        Ok(())
    }

    /// Puts the newest complete folder of those that `is_it` takes in its place
    /// and removes what interruptions left. Returns its generation.
    fn settle(
        &self,
        is_it: impl Fn(&Sealed) -> Result<bool, SealError>,
    ) -> Result<Option<u64>, SealError> {
        self.check_links()?;
        let newest = self.find_where(is_it)?;
        let keep = newest.as_ref().map(|newest| newest.path().to_owned());
        for path in self.candidates()? {
            if keep.as_ref() == Some(&path) {
                continue;
            }
            if path == self.path() {
                // A half in the folder's place would be taken for a damaged one.
                let aside = self.beside("old", 0);
                if aside.exists() {
                    remove(&aside)?;
                }
                rename(&path, &aside)?;
                remove(&aside)?;
            } else if path.exists() {
                remove(&path)?;
            }
        }
        if let Some(keep) = keep.filter(|keep| *keep != self.path()) {
            rename(&keep, &self.path())?;
            sync_folder(&self.parent).map_err(|e| failed("sync", &self.parent, e))?;
        }
        Ok(newest.map(|newest| newest.generation()))
    }

    fn beside(&self, what: &str, generation: u64) -> PathBuf {
        self.parent
            .join(format!("{}.{what}-{generation}", self.name))
    }

    /// Every folder that may be the one, complete or not.
    fn candidates(&self) -> Result<Vec<PathBuf>, SealError> {
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

fn rename(from: &Path, to: &Path) -> Result<(), SealError> {
    fs::rename(from, to).map_err(|e| failed("move", from, e))
}

/// Refuses a link.
pub(super) fn no_link(path: &Path) -> Result<(), SealError> {
    if path.is_symlink() {
        let path = path.to_owned();
        return Err(SealError::Link { path });
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), SealError> {
    let removed = if path.is_dir() && !path.is_symlink() {
        // Without its manifest first, so that a kill leaves no half of a
        // folder that claims to be complete.
        match fs::remove_file(path.join(MANIFEST)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::remove_dir_all(path),
        }
    } else {
        fs::remove_file(path)
    };
    removed.map_err(|e| failed("remove", path, e))
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
