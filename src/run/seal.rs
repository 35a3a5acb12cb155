//! Folders that account for every byte in them.
//!
//! A folder is *sealed* by its manifest, which names every file with its length
//! and BLAKE3 hash and carries a checksum of itself. It is written last, so a
//! folder without one was never completed. Files are read through
//! [`Sealed::read`], which hands out nothing but what was sealed: a flipped bit
//! is an error that names the file, never another result.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic::{sync_tree, write_file};
use crate::untrusted::{Show as _, is_absent, open_regular, read_limited};

/// Name of the file that completes a folder.
pub const MANIFEST: &str = "manifest.json";

/// A manifest names a handful of files; one this long was not written here.
const LONGEST_MANIFEST: u64 = 1 << 20;

/// How it is known that a file was there.
const SAVED_TOGETHER: &str = "its folder's manifest lists it";

/// What is wrong with a file that was saved otherwise.
const OTHER_CONTENT: &str = "its content differs from what was saved";

/// What a folder holds when it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// One more than that of the folder that it replaced.
    generation: u64,
    /// Sorted by path.
    files: Vec<Entry>,
    /// Whose folder it is; unknown in manifests of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    /// BLAKE3 of generation, files and owner; absent in manifests of programs that
    /// knew lengths only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

/// Whose a sealed folder is: one of another owner is never taken for it, however
/// well it would fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// What distinguishes the owner from every other: the hash of a run's plan, or the key
    /// of a cached teacher.
    pub id: String,
    /// Which of the owner's folders it is, such as `latest`.
    pub place: String,
}

impl Owner {
    /// Of a place in the run, or the cache, with this id.
    #[must_use]
    pub fn new(id: &str, place: &str) -> Self {
        let [id, place] = [id, place].map(str::to_owned);
        Self { id, place }
    }
}

/// One file: relative path, length in bytes, and BLAKE3 of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Entry {
    Sealed(PathBuf, u64, String),
    /// As programs wrote it that knew lengths only.
    Measured(PathBuf, u64),
}

/// A folder of a run could not be read or written as it should be.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file system refuses.
    #[error("could not {action} {}: {source}", path.shown())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is there and is not what was saved.
    #[error("{}; {RESTORE}", damaged_fault(path, reason))]
    Damaged {
        /// The folder or file.
        path: PathBuf,
        /// What does not agree.
        reason: String,
    },
    /// It is intact and belongs to another run, or elsewhere in this one.
    #[error("{}; {RESTORE}", foreign_fault(path))]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// A link stands in its place: what is written there would be written, and what is
    /// removed there removed, in another run.
    #[error(
        "{} is a symbolic link; put the folder itself in its place",
        path.shown()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A running training replaced it while it was read.
    #[error("{} was replaced while it was read; try again", path.shown())]
    Replaced {
        /// The folder.
        path: PathBuf,
    },
    /// It was saved and is no longer there.
    #[error("{}; {RESTORE}", missing_fault(path, reason))]
    Missing {
        /// The folder or file.
        path: PathBuf,
        /// How it is known that it was there.
        reason: String,
    },
}

/// What to do about a folder of a run.
const RESTORE: &str = "restore it from a copy";

fn damaged_fault(path: &Path, reason: &str) -> String {
    format!("{} is damaged: {reason}", path.shown())
}

fn foreign_fault(path: &Path) -> String {
    format!("{} is from another run or recipe", path.shown())
}

fn missing_fault(path: &Path, reason: &str) -> String {
    format!("{} is missing: {reason}", path.shown())
}

impl SealError {
    /// What is wrong, without what to do: for what is made again by itself.
    #[must_use]
    pub fn fault(&self) -> String {
        match self {
            Self::Damaged { path, reason } => damaged_fault(path, reason),
            Self::Foreign { path } => foreign_fault(path),
            Self::Missing { path, reason } => missing_fault(path, reason),
            other => other.to_string(),
        }
    }
}

/// A complete folder.
#[derive(Debug, Clone)]
pub struct Sealed {
    path: PathBuf,
    manifest: Manifest,
}

/// Writes the manifest, after everything else is on disk.
///
/// # Errors
/// What the file system says.
pub fn seal(folder: &Path, generation: u64, owner: Option<Owner>) -> Result<(), SealError> {
    let mut files = Vec::new();
    list(folder, Path::new(""), &mut files)?;
    sync_tree(folder).map_err(|e| failed("sync", folder, e))?;
    write_manifest(folder, generation, files, owner)
}

/// Writes a manifest of the given files alone, for a folder that holds others
/// besides. They are on disk already.
///
/// # Errors
/// What the file system says.
pub fn seal_files(folder: &Path, names: &[&str], owner: Option<Owner>) -> Result<(), SealError> {
    let files = names
        .iter()
        .map(|name| entry(folder, PathBuf::from(name)))
        .collect::<Result<_, _>>()?;
    write_manifest(folder, 1, files, owner)
}

fn write_manifest(
    folder: &Path,
    generation: u64,
    mut files: Vec<Entry>,
    owner: Option<Owner>,
) -> Result<(), SealError> {
    files.sort_by(|a, b| a.path().cmp(b.path()));
    let mut manifest = Manifest {
        generation,
        files,
        owner,
        checksum: None,
    };
    manifest.checksum = Some(manifest.digest());
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| failed("describe", folder, error.into()))?;
    write_file(&folder.join(MANIFEST), &text).map_err(|e| failed("complete", folder, e))
}

fn list(root: &Path, below: &Path, files: &mut Vec<Entry>) -> Result<(), SealError> {
    let folder = root.join(below);
    let refused = |error| failed("list", &folder, error);
    for found in fs::read_dir(&folder).map_err(refused)? {
        let found = found.map_err(refused)?;
        let relative = below.join(found.file_name());
        if found.file_type().map_err(refused)?.is_dir() {
            list(root, &relative, files)?;
        } else {
            files.push(entry(root, relative)?);
        }
    }
    Ok(())
}

fn entry(root: &Path, relative: PathBuf) -> Result<Entry, SealError> {
    let path = root.join(&relative);
    let (length, hash) = content(&path).map_err(|error| failed("read", &path, error))?;
    Ok(Entry::Sealed(relative, length, hash))
}

impl Entry {
    fn path(&self) -> &Path {
        match self {
            Self::Sealed(path, ..) | Self::Measured(path, _) => path,
        }
    }

    /// Whether a file of this length and hash is the one that was saved.
    fn holds(&self, (length, hash): &(u64, String)) -> bool {
        match self {
            Self::Sealed(_, own, sealed) => own == length && sealed == hash,
            Self::Measured(_, own) => own == length,
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Sealed(_, length, _) | Self::Measured(_, length) => *length,
        }
    }
}

impl Manifest {
    fn digest(&self) -> String {
        match &self.owner {
            Some(owner) => checksum_of(&(self.generation, &self.files, owner)),
            None => checksum_of(&(self.generation, &self.files)),
        }
    }

    /// Whether it is as it was written.
    fn is_intact(&self) -> bool {
        match &self.checksum {
            Some(checksum) => *checksum == self.digest(),
            None => self
                .files
                .iter()
                .all(|entry| matches!(entry, Entry::Measured(..))),
        }
    }
}

impl Sealed {
    /// Opens a sealed folder. Every file has its length; contents are compared
    /// when they are read. `None` if the folder was never completed or is not
    /// there.
    ///
    /// # Errors
    /// If there is a manifest that does not agree with itself or the files.
    pub fn open(folder: &Path) -> Result<Option<Self>, SealError> {
        let path = folder.join(MANIFEST);
        let text = manifest_text(&path).map_err(|error| failed("read", &path, error))?;
        let Some(text) = text else { return Ok(None) };
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| damaged(&path, format!("it is not a manifest: {error}")))?;
        if !manifest.is_intact() {
            return Err(damaged(&path, "its checksum does not match"));
        }
        for entry in &manifest.files {
            let file = folder.join(entry.path());
            match fs::metadata(&file) {
                Err(error) if is_absent(&error) => return Err(missing(&file, SAVED_TOGETHER)),
                Err(error) => return Err(failed("look at", &file, error)),
                Ok(found) if !found.is_file() => {
                    return Err(damaged(&file, "it is not a regular file"));
                }
                Ok(found) if found.len() != entry.length() => {
                    let reason = format!(
                        "it has {} bytes and was saved with {}",
                        found.len(),
                        entry.length()
                    );
                    return Err(damaged(&file, reason));
                }
                Ok(_) => {}
            }
        }
        Ok(Some(Self {
            path: folder.to_owned(),
            manifest,
        }))
    }

    /// As [`open`](Self::open), for the folder of an owner, where one is known.
    ///
    /// # Errors
    /// As [`open`](Self::open), and if the folder is another's or names no owner.
    pub fn open_of(folder: &Path, owner: Option<&Owner>) -> Result<Option<Self>, SealError> {
        let found = Self::open(folder)?;
        match (&found, owner) {
            (Some(sealed), Some(_)) if sealed.manifest.owner.as_ref() != owner => {
                Err(SealError::Foreign {
                    path: folder.to_owned(),
                })
            }
            _ => Ok(found),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One more than that of the folder that it replaced.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Whether a file of this name was sealed in it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// BLAKE3, hexadecimal, of a file as it was sealed; none of one that is not there
    /// or was sealed by its length alone.
    #[must_use]
    pub fn hash(&self, name: &str) -> Option<&str> {
        match self.entry(name)? {
            Entry::Sealed(_, _, hash) => Some(hash),
            Entry::Measured(..) => None,
        }
    }

    /// The content of a file, exactly as it was sealed.
    ///
    /// # Errors
    /// If it was never in the folder, cannot be read or has another content;
    /// [`SealError::Replaced`] if a newer folder has taken this one's place
    /// meanwhile.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, SealError> {
        self.read_sealed(name).map_err(|error| {
            let stands = Self::open(&self.path)
                .is_ok_and(|now| now.is_some_and(|now| now.manifest == self.manifest));
            if stands {
                error
            } else {
                SealError::Replaced {
                    path: self.path.clone(),
                }
            }
        })
    }

    /// Compares every file with what was sealed, without keeping any in memory.
    ///
    /// # Errors
    /// The first file that is missing or has another content.
    pub fn verify(&self) -> Result<(), SealError> {
        for entry in &self.manifest.files {
            let path = self.path.join(entry.path());
            let found = content(&path).map_err(|error| unread(&path, error))?;
            if !entry.holds(&found) {
                return Err(damaged(&path, OTHER_CONTENT));
            }
        }
        Ok(())
    }

    /// Copies the files that `place` gives a place, as they were sealed, into a
    /// folder.
    ///
    /// # Errors
    /// As [`read`](Self::read), and what the file system says.
    pub fn copy<'a>(
        &'a self,
        to: &Path,
        place: impl Fn(&'a Path) -> Option<&'a Path>,
    ) -> Result<(), SealError> {
        for name in self.manifest.files.iter().map(Entry::path) {
            let Some(path) = place(name).map(|place| to.join(place)) else {
                continue;
            };
            let bytes = self.read(&name.to_string_lossy())?;
            let folder = path.parent().unwrap_or(to);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, bytes))
                .map_err(|e| failed("write", &path, e))?;
        }
        Ok(())
    }

    fn read_sealed(&self, name: &str) -> Result<Vec<u8>, SealError> {
        let path = self.path.join(name);
        let Some(entry) = self.entry(name) else {
            let reason = "its folder's manifest does not list it";
            return Err(missing(&path, reason));
        };
        let bytes = read_limited(&path, entry.length());
        let bytes = bytes.map_err(|error| unread(&path, error))?;
        let found = (
            bytes.len() as u64,
            blake3::hash(&bytes).to_hex().to_string(),
        );
        if entry.holds(&found) {
            Ok(bytes)
        } else {
            Err(damaged(&path, OTHER_CONTENT))
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        let name = Path::new(name);
        self.manifest
            .files
            .iter()
            .find(|entry| entry.path() == name)
    }
}

/// What stands in the place of a manifest; none if nothing does. A link that leads
/// nowhere is something.
fn manifest_text(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match read_limited(path, LONGEST_MANIFEST) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) && !path.is_symlink() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Checks that a manifest beside a file says nothing else of its content. One that
/// some other program wrote says nothing.
///
/// # Errors
/// What is wrong with the one or the other, and what to do about it.
pub(super) fn check_beside(path: &Path, content: &(u64, String)) -> Result<(), String> {
    let beside = path.with_file_name(MANIFEST);
    let unusable = |reason: String| {
        format!(
            "{} beside it cannot be used: {reason}; restore it from a copy, or move the weights \
             elsewhere without it",
            beside.shown()
        )
    };
    let text = manifest_text(&beside).map_err(|e| unusable(e.to_string()))?;
    let Some(text) = text else { return Ok(()) };
    let value: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|e| unusable(format!("it is not a manifest: {e}")))?;
    let is_ours = ["generation", "files", "owner", "checksum"].map(|name| value.get(name));
    if is_ours.iter().all(Option::is_none) {
        return Ok(());
    }
    let manifest: Manifest = serde_json::from_value(value)
        .map_err(|e| unusable(format!("it is not a manifest: {e}")))?;
    if !manifest.is_intact() {
        return Err(unusable("its checksum does not match".to_owned()));
    }
    let name = path.file_name().map(Path::new);
    let mut entries = manifest.files.iter();
    if entries.any(|entry| Some(entry.path()) == name && !entry.holds(content)) {
        return Err(
            "it is damaged: it is not what manifest.json beside it was written for; restore it \
             from a copy, or move it elsewhere if it was replaced on purpose"
                .to_owned(),
        );
    }
    Ok(())
}

/// BLAKE3, hexadecimal, of a value as JSON: what a file carries of its own.
pub(super) fn checksum_of(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    blake3::hash(&text).to_hex().to_string()
}

/// Length and BLAKE3, hexadecimal, of a file's content.
pub(super) fn content(path: &Path) -> io::Result<(u64, String)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(open_regular(path)?)?;
    Ok((hasher.count(), hasher.finalize().to_hex().to_string()))
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> SealError {
    SealError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> SealError {
    SealError::Damaged {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Why a sealed file could not be read.
fn unread(path: &Path, error: io::Error) -> SealError {
    if is_absent(&error) {
        missing(path, SAVED_TOGETHER)
    } else {
        failed("read", path, error)
    }
}

/// That a file is not there which must be, for a reason that says why.
#[must_use]
pub fn missing(path: &Path, reason: &str) -> SealError {
    SealError::Missing {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("weights"), "0123456789").unwrap();
        fs::create_dir(folder.path().join("more")).unwrap();
        fs::write(folder.path().join("more/state"), "{}").unwrap();
        seal(folder.path(), 3, None).unwrap();
        folder
    }

    #[test]
    fn what_was_sealed_is_read_back() {
        let folder = sealed_folder();
        let sealed = Sealed::open(folder.path()).unwrap().unwrap();
        assert_eq!(sealed.generation(), 3);
        assert_eq!(sealed.read("weights").unwrap(), b"0123456789");
        assert_eq!(sealed.read("more/state").unwrap(), b"{}");
        sealed.verify().unwrap();
        assert!(!sealed.has("other"));
    }

    #[test]
    fn a_folder_without_a_manifest_was_never_completed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("weights"), "0").unwrap();
        assert!(Sealed::open(folder.path()).unwrap().is_none());
        assert!(Sealed::open(&folder.path().join("no")).unwrap().is_none());
    }

    #[test]
    fn any_flipped_bit_of_a_file_or_the_manifest_is_found() {
        for name in ["weights", "more/state", MANIFEST] {
            let folder = sealed_folder();
            let path = folder.path().join(name);
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                for bit in 0..8 {
                    let mut bytes = whole.clone();
                    bytes[at] ^= 1 << bit;
                    fs::write(&path, &bytes).unwrap();
                    let read = Sealed::open(folder.path()).map(|sealed| {
                        let sealed = sealed.unwrap();
                        let all = sealed.read("weights").and(sealed.read("more/state"));
                        assert_eq!(all.is_ok(), sealed.verify().is_ok());
                        (sealed.generation(), all.is_ok())
                    });
                    // White space within the manifest means nothing.
                    let harmless = matches!(read, Ok((3, true)));
                    let space = name == MANIFEST && whole[at].is_ascii_whitespace();
                    assert!(!harmless || space, "{name}, byte {at}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn a_missing_file_and_one_cut_short_are_different_errors() {
        let folder = sealed_folder();
        let path = folder.path().join("weights");
        fs::write(&path, "01234").unwrap();
        let error = Sealed::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("is damaged: it has 5 bytes and was saved with 10"),
            "{error}"
        );
        fs::remove_file(&path).unwrap();
        let error = Sealed::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("weights is missing"), "{error}");
    }

    #[test]
    fn manifests_that_know_lengths_only_are_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("weights"), "0123456789").unwrap();
        let text = r#"{"generation": 2, "files": [["weights", 10]]}"#;
        fs::write(folder.path().join(MANIFEST), text).unwrap();
        let sealed = Sealed::open(folder.path()).unwrap().unwrap();
        assert_eq!(sealed.read("weights").unwrap(), b"0123456789");
    }

    #[test]
    fn a_file_that_is_used_by_its_path_is_held_against_the_manifest_beside_it() {
        let folder = sealed_folder();
        let path = folder.path().join("weights");
        let manifest = folder.path().join(MANIFEST);
        let check = || check_beside(&path, &content(&path).unwrap());
        assert_eq!(check(), Ok(()));
        let intact = fs::read(&manifest).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[3] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(check().unwrap_err().starts_with("it is damaged"));
        bytes[3] ^= 1;
        fs::write(&path, bytes).unwrap();
        // A damaged manifest is not an absent one.
        let text = String::from_utf8(intact.clone()).unwrap();
        for (damaged, reason) in [
            (
                text.replace("\"generation\": 3", "\"generation\": 4"),
                "its checksum does not match",
            ),
            (text[..text.len() / 2].to_owned(), "it is not a manifest"),
            (String::new(), "it is not a manifest"),
        ] {
            fs::write(&manifest, damaged).unwrap();
            let message = check().unwrap_err();
            assert!(
                message.contains("manifest.json beside it cannot be used"),
                "{message}"
            );
            assert!(message.contains(reason), "{message}");
        }
        // A manifest of something else says nothing of it.
        fs::write(&manifest, r#"{"name": "app"}"#).unwrap();
        assert_eq!(check(), Ok(()));
        fs::remove_file(&manifest).unwrap();
        assert_eq!(check(), Ok(()));
        std::os::unix::fs::symlink("nowhere", &manifest).unwrap();
        assert!(check().is_err() && Sealed::open(folder.path()).is_err());
        fs::remove_file(&manifest).unwrap();
        fs::create_dir(&manifest).unwrap();
        assert!(check().is_err());
    }

    #[test]
    fn some_files_of_a_folder_can_be_sealed_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("weights"), "1").unwrap();
        fs::write(folder.path().join("other"), "2").unwrap();
        seal_files(folder.path(), &["weights"], None).unwrap();
        fs::write(folder.path().join("other"), "changed").unwrap();
        let sealed = Sealed::open(folder.path()).unwrap().unwrap();
        assert_eq!(sealed.read("weights").unwrap(), b"1");
        assert!(sealed.read("other").is_err());
    }

    #[test]
    fn a_folder_of_another_owner_is_not_taken_however_intact() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("weights"), b"w").unwrap();
        let owner = |id: &str, place: &str| Owner {
            id: id.to_owned(),
            place: place.to_owned(),
        };
        seal(folder.path(), 1, Some(owner("a", "latest"))).unwrap();
        let open = |owner: Option<Owner>| Sealed::open_of(folder.path(), owner.as_ref());
        assert!(open(Some(owner("a", "latest"))).unwrap().is_some());
        assert!(open(None).unwrap().is_some());
        for other in [owner("b", "latest"), owner("a", "best")] {
            let error = open(Some(other)).unwrap_err();
            assert!(matches!(error, SealError::Foreign { .. }), "{error}");
        }
        // Folders of owners name them.
        fs::remove_file(folder.path().join(MANIFEST)).unwrap();
        seal(folder.path(), 1, None).unwrap();
        assert!(open(Some(owner("a", "latest"))).is_err());
        assert!(open(None).unwrap().is_some());
    }
}
