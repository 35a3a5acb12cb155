//! Event files of a run that trains, which grow with it.
//!
//! They follow the run's fold, as everybody does who watches it. Of each training there is
//! one file. Where the run goes back (a process resumed it), a new file takes its place: it
//! begins as TensorBoard's own does after a restart, which has it forget what it has read,
//! and with all that the run is by now. So nothing is there twice and nothing is missing,
//! whatever was written or read before.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::event_file::{At, EventFile};
use super::training::Until;
use super::{Moments, PREFIX, STUDENT, SUMMARY, TEACHER, Written, base_name, session};
use crate::event::Phase;
use crate::event::inspection::Probe;
use crate::run::atomic::create_folders;
use crate::store::RunEntry;

/// Files that grow.
pub struct LiveFiles {
    folder: PathBuf,
    trainings: BTreeMap<Phase, Part>,
    summary: Option<Part>,
}

/// The file of a part.
struct Part {
    path: PathBuf,
    file: EventFile<BufWriter<File>>,
    /// Which process of the run it was made for.
    process: u32,
    /// How much of a training it holds.
    until: Until,
}

impl LiveFiles {
    /// Files in this folder, of which none is written yet. What an earlier export left there
    /// is replaced.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            trainings: BTreeMap::new(),
            summary: None,
        }
    }

    /// Writes what is new of a run.
    ///
    /// # Errors
    /// What the file system says; that the files were removed or replaced.
    pub fn update(&mut self, run: &RunEntry) -> io::Result<()> {
        let moments = Moments::of(run);
        for (phase, name) in [(Phase::Teacher, TEACHER), (Phase::Student, STUDENT)] {
            let training = moments.training(run, phase);
            let part = self.trainings.remove(&phase);
            if part.is_none() && training.is_empty() {
                continue;
            }
            let continues = |part: &Part| {
                part.process == run.store.processes && training.continues(&part.until)
            };
            let mut part = match part {
                Some(part) if continues(&part) => part.still_there()?,
                _ => Part::begin(&self.folder.join(name), run, moments.started)?,
            };
            training.write_after(&part.until, &mut part.file)?;
            part.until = training.until();
            part.file.flush()?;
            self.trainings.insert(phase, part);
        }
        let is_known = |part: &Part| part.process == run.store.processes;
        if !self.trainings.is_empty() && !self.summary.as_ref().is_some_and(is_known) {
            let mut part = self.begin_summary(run, &moments)?;
            session::write_start(&mut part.file, run, moments.started)?;
            part.file.flush()?;
            self.summary = Some(part);
        }
        Ok(())
    }

    /// Writes the rest of a run that nobody trains any more, with the images that its student
    /// was watched by.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn end(mut self, run: &RunEntry, probe: Option<&Probe>) -> io::Result<Written> {
        self.update(run)?;
        let moments = Moments::of(run);
        if let (Some(part), Some(probe)) = (self.trainings.get_mut(&Phase::Student), probe) {
            let student = moments.training(run, Phase::Student);
            student.write_probe(&mut part.file, probe)?;
        }
        let mut written = Written {
            files: Vec::new(),
            scalars: 0,
            images: 0,
        };
        // TensorBoard keeps the first configuration of a file, and knobs may have been changed.
        if let Some(part) = self.summary.take() {
            drop(part);
            let mut part = self.begin_summary(run, &moments)?;
            session::write(&mut part.file, run, [moments.started, moments.ended])?;
            self.summary = Some(part);
        }
        for part in self.trainings.into_values().chain(self.summary) {
            let (scalars, images) = part.file.end()?;
            written.scalars += scalars;
            written.images += images;
            written.files.push(part.path);
        }
        Ok(written)
    }

    fn begin_summary(&self, run: &RunEntry, moments: &Moments) -> io::Result<Part> {
        Part::begin(&self.folder.join(SUMMARY), run, moments.started)
    }
}

impl Part {
    /// A new file in a folder, in place of those that are there. These are emptied and stay:
    /// a TensorBoard that reads one does not go to the next once it is removed.
    fn begin(folder: &Path, run: &RunEntry, started: f64) -> io::Result<Self> {
        create_folders(folder)?;
        let mut older = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            older.extend(name.starts_with(PREFIX).then_some(name));
        }
        let base = base_name(run);
        let number = |name: &String| name.strip_prefix(&base)?.strip_prefix('.')?.parse().ok();
        let last: u32 = older.iter().filter_map(number).max().unwrap_or_default();
        for name in older {
            File::create(folder.join(name))?;
        }
        // TensorBoard goes from a file to those that are sorted behind it.
        let path = folder.join(format!("{base}.{:06}", last + 1));
        let mut file = EventFile::create(&path, started)?;
        file.restart(At {
            moment: started,
            step: 0,
        })?;
        file.flush()?;
        Ok(Self {
            path,
            file,
            process: run.store.processes,
            until: Until::default(),
        })
    }

    /// Itself, unless its file is somebody else's by now.
    fn still_there(self) -> io::Result<Self> {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() > 0) {
            return Ok(self);
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let removed = format!("{name} was removed or replaced while it was written");
        Err(io::Error::new(io::ErrorKind::NotFound, removed))
    }
}
