//! `recorded.json`: how far a run was recorded when it last reached the disk.
//!
//! A journal that was cut off between two lines looks like that of a process that
//! was killed there, and one of another run like any other. So the recorder notes
//! beside it whose it is, how long it and the series are, and their checksums,
//! with every command and before every checkpoint. Both only ever grow.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::RunFolder;
use super::append_file::crc_of;
use super::atomic::write_file;
use super::seal::{SealError, checksum_of, damaged, failed};
use crate::event::channel::JournalMark;
use crate::untrusted::{Show as _, is_absent, read_limited};

/// Name of the file.
const FILE: &str = "recorded.json";

/// Its length, at most.
const LONGEST: u64 = 1 << 16;

/// How far a run was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordMark {
    /// What distinguishes the run from every other, as [`RunFolder::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// What journal and series begin with.
    mark: JournalMark,
    /// BLAKE3 of run and mark.
    checksum: String,
}

/// What a checkpoint's state is called.
pub const STATE: &str = "state.json";

/// How far a run was recorded when a checkpoint was written, in its state; older
/// programs did not write all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointMark {
    /// Bytes of the journal: one that is shorter has lost what led here.
    #[serde(default)]
    pub journal: Option<u64>,
    /// CRC-32C of these bytes: the journal of another run has others.
    #[serde(default)]
    pub journal_crc32c: Option<u32>,
    /// Bytes of the series of logged steps.
    #[serde(default)]
    pub series: Option<u64>,
    /// CRC-32C of these bytes.
    #[serde(default)]
    pub series_crc32c: Option<u32>,
}

impl From<Option<JournalMark>> for CheckpointMark {
    fn from(mark: Option<JournalMark>) -> Self {
        Self {
            journal: mark.map(|mark| mark.bytes),
            journal_crc32c: mark.map(|mark| mark.crc32c),
            series: mark.map(|mark| mark.series),
            series_crc32c: mark.map(|mark| mark.series_crc32c),
        }
    }
}

/// What was recorded of a run is not what lies in its folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// All of it is another run's.
    #[error("{} is that of another run; restore it from a copy", .0.shown())]
    OtherRun(PathBuf),
    /// The journal is not there.
    #[error("{} is missing; restore it from a copy", .0.shown())]
    NoJournal(PathBuf),
    /// The journal lost its end.
    #[error(
        "{} has {found} bytes and had {expected}: its end is lost; restore it from a copy",
        path.shown()
    )]
    JournalCut {
        /// The journal.
        path: PathBuf,
        /// Its length, bytes.
        found: u64,
        /// What it had, bytes.
        expected: u64,
    },
    /// The journal has another content.
    #[error("{} is not the journal that was recorded: it is that of another run or was changed; restore it \
         from a copy", .0.shown())]
    OtherJournal(PathBuf),
    /// The series is not there.
    #[error("{} is missing; restore it from a copy", .0.shown())]
    NoSeries(PathBuf),
    /// The series has another content, or lost its end.
    #[error("{} is another series than was recorded; restore it from a copy", .0.shown())]
    OtherSeries(PathBuf),
}

impl RecordMark {
    /// Of the run with this [`RunFolder::id`].
    #[must_use]
    pub fn new(run: Option<String>, mark: JournalMark) -> Self {
        let checksum = checksum_of(&(&run, &mark));
        Self {
            run,
            mark,
            checksum,
        }
    }

    /// Whether it was written of a run that keeps a plan.
    #[must_use]
    pub fn has_plan(&self) -> bool {
        self.run.is_some()
    }

    /// Holds journal and series of the run against it.
    ///
    /// # Errors
    /// The first that is another.
    pub fn check(&self, folder: &RunFolder) -> Result<(), NotRecorded> {
        self.check_of(folder, folder.id().as_deref())
    }

    /// The same where the run's id is known.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_of(&self, folder: &RunFolder, id: Option<&str>) -> Result<(), NotRecorded> {
        if id.is_some() && self.run.as_deref() != id {
            return Err(NotRecorded::OtherRun(place(folder)));
        }
        let recorded = CheckpointMark::from(Some(self.mark));
        recorded.check_journal(folder)?;
        recorded.check_series(folder)
    }
}

impl CheckpointMark {
    /// Holds the run's journal against it, as far as it knows that.
    ///
    /// # Errors
    /// The journal is another, or shorter.
    pub fn check_journal(&self, folder: &RunFolder) -> Result<(), NotRecorded> {
        let Some(expected) = self.journal else {
            return Ok(());
        };
        let path = folder.journal();
        if !path.exists() && expected > 0 {
            return Err(NotRecorded::NoJournal(path));
        }
        let found = length(&path);
        if found < expected {
            return Err(NotRecorded::JournalCut {
                path,
                found,
                expected,
            });
        }
        match self.journal_crc32c {
            Some(saved) if crc_of(&path, expected).ok() != Some(saved) => {
                Err(NotRecorded::OtherJournal(path))
            }
            _ => Ok(()),
        }
    }

    /// Holds the run's series of logged steps against it, as far as it knows that.
    ///
    /// # Errors
    /// The series is another, shorter or missing.
    pub fn check_series(&self, folder: &RunFolder) -> Result<(), NotRecorded> {
        let Some((bytes, saved)) = self.series.zip(self.series_crc32c) else {
            return Ok(());
        };
        let path = folder.series();
        if !path.exists() && bytes > 0 {
            return Err(NotRecorded::NoSeries(path));
        }
        // The CRC is of exactly as many bytes.
        match crc_of(&path, bytes) {
            Ok(found) if found == saved => Ok(()),
            Err(_) if bytes == 0 => Ok(()),
            _ => Err(NotRecorded::OtherSeries(path)),
        }
    }
}

impl RunFolder {
    /// How far the run was recorded; none if there is no such file.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn record_mark(&self) -> Result<Option<RecordMark>, SealError> {
        let path = place(self);
        let text = match read_limited(&path, LONGEST) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed("read", &path, error)),
        };
        let found: RecordMark =
            serde_json::from_slice(&text).map_err(|error| damaged(&path, error.to_string()))?;
        if found.checksum != checksum_of(&(&found.run, &found.mark)) {
            return Err(damaged(&path, "its checksum does not match"));
        }
        Ok(Some(found))
    }

    /// Holds the journal against the latest checkpoint's state, where that is there and
    /// intact.
    ///
    /// # Errors
    /// The journal is another than led to the checkpoint.
    pub fn check_checkpoint_mark(&self) -> Result<(), NotRecorded> {
        let state = self.latest().find().ok().flatten();
        let state = state.and_then(|latest| latest.read(STATE).ok());
        let mark = state.and_then(|text| serde_json::from_slice::<CheckpointMark>(&text).ok());
        mark.unwrap_or_default().check_journal(self)
    }

    /// Where [`record_mark`](Self::record_mark) lies.
    #[must_use]
    pub fn record_mark_path(&self) -> PathBuf {
        place(self)
    }

    /// Notes how far the run is recorded, once that is on the disk. Hold its lock.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_record_mark(&self, mark: &RecordMark) -> Result<(), SealError> {
        let path = place(self);
        serde_json::to_vec_pretty(mark)
            .map_err(std::io::Error::from)
            .and_then(|text| write_file(&path, &text))
            .map_err(|error| failed("write", &path, error))
    }
}

fn place(folder: &RunFolder) -> PathBuf {
    folder.path().join(FILE)
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::UNIX_EPOCH;

    use super::*;

    fn recorded() -> (tempfile::TempDir, RunFolder) {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::create(place.path(), "a", "Experiment()", UNIX_EPOCH).unwrap();
        fs::write(run.journal(), "one\ntwo\n").unwrap();
        fs::write(run.series(), "rows").unwrap();
        let mark = JournalMark {
            bytes: 8,
            crc32c: crc_of(&run.journal(), 8).unwrap(),
            series: 4,
            series_crc32c: crc_of(&run.series(), 4).unwrap(),
        };
        run.write_record_mark(&RecordMark::new(run.id(), mark))
            .unwrap();
        (place, run)
    }

    fn check(run: &RunFolder) -> Result<(), NotRecorded> {
        run.record_mark().unwrap().unwrap().check(run)
    }

    #[test]
    fn what_grew_is_as_it_was_recorded_and_nothing_else_is() {
        let (_place, run) = recorded();
        let (journal, series) = (run.journal(), run.series());
        assert_eq!(check(&run), Ok(()));
        fs::write(&journal, "one\ntwo\nthree\n").unwrap();
        fs::write(&series, "rows and more").unwrap();
        assert_eq!(check(&run), Ok(()));
        fs::write(&journal, "one\n").unwrap();
        let cut = NotRecorded::JournalCut {
            path: journal.clone(),
            found: 4,
            expected: 8,
        };
        assert_eq!(check(&run), Err(cut));
        fs::write(&journal, "one\ntoo\nthree\n").unwrap();
        assert_eq!(check(&run), Err(NotRecorded::OtherJournal(journal.clone())));
        fs::remove_file(&journal).unwrap();
        assert_eq!(check(&run), Err(NotRecorded::NoJournal(journal.clone())));
        fs::write(&journal, "one\ntwo\n").unwrap();
        fs::write(&series, "row").unwrap();
        assert_eq!(check(&run), Err(NotRecorded::OtherSeries(series.clone())));
        fs::remove_file(&series).unwrap();
        assert_eq!(check(&run), Err(NotRecorded::NoSeries(series)));
    }

    #[test]
    fn any_changed_number_of_the_mark_is_found() {
        let (_place, run) = recorded();
        let path = run.record_mark_path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen('8', "7", 1)).unwrap();
        assert!(run.record_mark().is_err());
        fs::write(&path, &text[..20]).unwrap();
        assert!(run.record_mark().is_err());
        fs::remove_file(&path).unwrap();
        assert_eq!(run.record_mark().unwrap(), None);
    }
}
