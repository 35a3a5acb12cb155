//! What a person does to a run's folder: names it, throws it away, takes
//! something out of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::files;
use crate::event::Phase;
use crate::experiment::{self, Override, read_text};
use crate::run::atomic::{write_file, write_through};
use crate::store::export::write_csv;
use crate::store::{RunEntry, RunStore};

/// Writes the numbers of every logged step as CSV into the run's folder, a file
/// for each training. Returns their paths.
pub fn export(run: &RunEntry) -> Result<Vec<PathBuf>, String> {
    let mut written = Vec::new();
    for (phase, name) in [
        (Phase::Teacher, "teacher.csv"),
        (Phase::Student, "student.csv"),
    ] {
        if let Some(text) = csv(&run.store, phase)? {
            let path = run.folder.path().join(name);
            write_file(&path, &text)
                .map_err(|error| format!("could not write {}: {error}", path.display()))?;
            written.push(path);
        }
    }
    if written.is_empty() {
        return Err(format!("{} has logged no step yet", run.folder.name()));
    }
    Ok(written)
}

fn csv(store: &RunStore, phase: Phase) -> Result<Option<Vec<u8>>, String> {
    if store.table(phase).is_empty() {
        return Ok(None);
    }
    let mut text = Vec::new();
    write_csv(store, phase, &mut text).map_err(|error| error.to_string())?;
    Ok(Some(text))
}

/// Writes an experiment that is a run's, starting from its best weights.
/// Returns the new file.
pub fn branch(run: &RunEntry, experiments: &Path) -> Result<PathBuf, String> {
    let weights = run
        .folder
        .best()
        .find()
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("{} has no best weights yet", run.folder.name()))?
        .path()
        .join("weights.safetensors");
    let weights = fs::canonicalize(&weights).unwrap_or(weights);
    let name = run
        .store
        .identity
        .as_ref()
        .map_or("run", |known| &known.name);
    let branch = format!("{name}-branch");
    let path = files::free_name(experiments, &branch, '-')
        .ok_or_else(|| format!("{} is full of branches of {branch}", experiments.display()))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let changes = [
        format!("name={stem:?}"),
        format!("student.weights={:?}", weights.display().to_string()),
    ];
    let text = changed(&run.experiment, &run.folder.experiment(), &changes)?;
    fs::write(&path, text)
        .map_err(|error| format!("could not write {}: {error}", path.display()))?;
    Ok(path)
}

/// Changes settings in the experiment file that a run came from, comments
/// kept. Returns the file and its new text.
pub fn write_back(
    run: &RunEntry,
    settings: &[String],
    experiments: &Path,
) -> Result<(PathBuf, String), String> {
    let name = &run
        .store
        .identity
        .as_ref()
        .ok_or_else(|| format!("{} has not begun", run.folder.name()))?
        .name;
    let files = files::list(experiments).map_err(|error| error.to_string())?;
    let mut found = files.into_iter().filter(|path| is_of(path, name));
    let path = found
        .next()
        .ok_or_else(|| format!("no experiment in {} is named {name}", experiments.display()))?;
    if let Some(other) = found.next() {
        return Err(format!(
            "both {} and {} are named {name}; change the one you mean",
            path.display(),
            other.display()
        ));
    }
    let text = read_text(&path).map_err(|report| report.to_string())?;
    let text = changed(&text, &path, settings)?;
    write_through(&path, text.as_bytes()).map_err(|error| error.to_string())?;
    Ok((path, text))
}

/// Whether a file's experiment has this name.
fn is_of(path: &Path, name: &str) -> bool {
    experiment::load(path, &[]).is_ok_and(|loaded| loaded.plan.name == name)
}

fn changed(text: &str, origin: &Path, changes: &[String]) -> Result<String, String> {
    let changes: Vec<Override> = changes
        .iter()
        .map(|change| Override::parse(change))
        .collect::<Result<_, _>>()
        .map_err(|report| report.to_string())?;
    experiment::load_text(text, origin, &changes)
        .map(|loaded| loaded.text)
        .map_err(|report| report.to_string())
}
