//! What a person does to a run's folder: names it, throws it away, takes
//! something out of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{EffectError, FileError, RunFileError};
use super::files;
use crate::event::Phase;
use crate::experiment::{self, Override, Report, read_text, with_names_of_today};
use crate::run::atomic::{write_file, write_through};
use crate::store::export::write_csv;
use crate::store::{RunEntry, RunStore, Runs};

/// The run of this name, if it is still there.
pub fn known<'a>(runs: &'a Runs, name: &str) -> Result<&'a RunEntry, EffectError> {
    let run = runs.get(name);
    run.ok_or_else(|| EffectError::RunRemoved(name.to_owned()))
}

/// Writes the numbers of every logged step as CSV into the run's folder, a file
/// for each training that replaces nothing. Returns their paths.
pub fn export(run: &RunEntry) -> Result<Vec<PathBuf>, RunFileError> {
    let mut texts = Vec::new();
    for (phase, name) in [
        (Phase::Teacher, "teacher.csv"),
        (Phase::Student, "student.csv"),
    ] {
        let path = run.folder.path().join(name);
        let text = csv(&run.store, phase);
        if let Some(text) = text.map_err(|error| FileError::of("write", &path, error))? {
            if path.symlink_metadata().is_ok() {
                return Err(RunFileError::Exists(path));
            }
            texts.push((path, text));
        }
    }
    if texts.is_empty() {
        return Err(RunFileError::NoSteps(run.folder.name()));
    }
    for (path, text) in &texts {
        write_file(path, text).map_err(|error| FileError::of("write", path, error))?;
    }
    Ok(texts.into_iter().map(|(path, _)| path).collect())
}

fn csv(store: &RunStore, phase: Phase) -> io::Result<Option<Vec<u8>>> {
    if store.table(phase).is_empty() {
        return Ok(None);
    }
    let mut text = Vec::new();
    write_csv(store, phase, &mut text)?;
    Ok(Some(text))
}

/// Writes an experiment that is a run's, starting from its best weights.
/// Returns the new file.
pub fn branch(run: &RunEntry, experiments: &Path) -> Result<PathBuf, RunFileError> {
    let best = run.folder.best().find()?;
    let best = best.ok_or_else(|| RunFileError::NoWeights(run.folder.name()))?;
    let weights = best.path().join("weights.safetensors");
    let weights = fs::canonicalize(&weights).unwrap_or(weights);
    let name = run
        .store
        .identity
        .as_ref()
        .map_or("run", |known| &known.name);
    let branch = format!("{name}-branch");
    let path = files::free_name(experiments, &branch, '-')?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let changes = [
        format!("name={stem:?}"),
        format!(
            "student.weights={:?}",
            weights.to_string_lossy().into_owned()
        ),
    ];
    let text = changed(
        &with_names_of_today(&run.experiment),
        &run.folder.experiment(),
        &changes,
    )?;
    files::create(&path, &text)?;
    Ok(path)
}

/// Changes settings in the experiment file that a run came from, comments
/// kept. Returns the file and its new text.
pub fn write_back(
    run: &RunEntry,
    settings: &[String],
    experiments: &Path,
) -> Result<(PathBuf, String), RunFileError> {
    let identity = run.store.identity.as_ref();
    let identity = identity.ok_or_else(|| RunFileError::NotStarted(run.folder.name()))?;
    let name = identity.name.as_str();
    let files = files::list(experiments);
    let files = files.map_err(|error| FileError::of("list", experiments, error))?;
    let mut found = files.into_iter().filter(|path| is_of(path, name));
    let path = found.next().ok_or_else(|| RunFileError::NoExperiment {
        name: name.to_owned(),
        folder: experiments.to_owned(),
    })?;
    if let Some(other) = found.next() {
        return Err(RunFileError::SeveralExperiments {
            name: name.to_owned(),
            files: [path, other],
        });
    }
    let text = changed(&read_text(&path)?, &path, settings)?;
    write_through(&path, text.as_bytes()).map_err(|error| FileError::of("write", &path, error))?;
    Ok((path, text))
}

/// Whether a file's experiment has this name.
fn is_of(path: &Path, name: &str) -> bool {
    experiment::load(path, &[]).is_ok_and(|loaded| loaded.plan.name == name)
}

fn changed(text: &str, origin: &Path, changes: &[String]) -> Result<String, Report> {
    let changes = changes.iter().map(|change| Override::parse(change));
    let changes: Vec<Override> = changes.collect::<Result<_, _>>()?;
    experiment::load_text(text, origin, &changes).map(|loaded| loaded.text)
}
