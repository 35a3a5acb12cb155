//! What a run knows of the files that were written of it for other programs, and
//! whether they still are these.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::RunFolder;
use super::atomic::{create_folders, parent, write_file};
use super::litter;
use super::own_weights::{Origin, OwnWeights};
use super::seal::{checksum_of, content};
use crate::event::{Export, ExportFormat, Exports, Variant};
use crate::untrusted::{Show as _, is_absent, open_regular, read_limited};

/// What is known of them, in their folder.
const PROOFS: &str = "proof.json";

/// The model card, which is about all of them.
const CARD: &str = "MODEL_CARD.md";

/// Endings of files that hold models.
const MODELS: [&str; 2] = [".onnx", ".safetensors"];

/// No list of exports is this long, bytes.
const LONGEST: u64 = 16 << 20;

/// What a run keeps of its exports.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proofs {
    /// What distinguishes the run from every other, as [`RunFolder::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    files: Exports,
    /// BLAKE3 of run and files.
    checksum: String,
}

/// What became of an export that was recorded.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What is known of all that are still there.
    pub exports: Exports,
    /// What was known before and cannot be read.
    pub damage: Option<String>,
    /// Whether there was a model card, which described other files and was removed.
    pub had_card: bool,
}

/// Exports with the content that was recorded, and the rest.
#[derive(Debug, Default)]
pub struct CheckedExports {
    /// As they were written.
    pub intact: Exports,
    /// A line for each that is not, and for a list that cannot be read.
    pub problems: Vec<String>,
    /// Of these what says why ONNX files are missed that compute with this. Which ones an
    /// unreadable list names is not known: it stands for the usual ones.
    pub missed: BTreeMap<Variant, String>,
}

impl CheckedExports {
    /// Nothing can be said of files that an unreadable list may name.
    fn unreadable(damage: String) -> Self {
        Self {
            missed: BTreeMap::from([(Variant::default(), damage.clone())]),
            problems: vec![damage],
            ..Self::default()
        }
    }
}

impl RunFolder {
    /// What is known of the files that were written of the run.
    ///
    /// # Errors
    /// The list is damaged: which file it is, and why.
    pub fn exported(&self) -> Result<Exports, String> {
        let path = self.exports().join(PROOFS);
        let damaged = |reason: String| {
            format!(
                "{} is damaged: {reason}; restore it from a copy, or delete it and export again",
                path.shown()
            )
        };
        let text = match read_limited(&path, LONGEST) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(Exports::new()),
            Err(error) => return Err(damaged(error.to_string())),
        };
        let proofs: Proofs =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if proofs.checksum != checksum_of(&(&proofs.run, &proofs.files)) {
            return Err(damaged("its checksum does not match".to_owned()));
        }
        if self.id().is_some_and(|id| proofs.run != Some(id)) {
            return Err(damaged("it is that of another run".to_owned()));
        }
        Ok(proofs.files)
    }

    /// What is known of the files that are there, each held against its content.
    #[must_use]
    pub fn checked_exports(&self) -> CheckedExports {
        self.exports_checked_by(&self.own_weights())
    }

    /// The same, where the run's weights are known.
    #[must_use]
    pub fn exports_checked_by(&self, own: &OwnWeights) -> CheckedExports {
        let known = match self.exported() {
            Ok(known) => known,
            Err(damage) => return CheckedExports::unreadable(damage),
        };
        let unknown = self.unknown_exports(&known);
        let other = |path: &Path, export: &Export| {
            let (_, hash) = content(path)?;
            let differs = format!("its content differs from {PROOFS}");
            Ok((hash != export.blake3).then_some(differs))
        };
        let mut checked = self.held_against(known, own, other);
        checked.problems.splice(..0, unknown);
        checked
    }

    /// The same as far as their lengths show it, for who only lists them.
    #[must_use]
    pub fn listed_exports(&self, own: &OwnWeights) -> CheckedExports {
        let other = |path: &Path, export: &Export| {
            let found = open_regular(path)?.metadata()?.len();
            let differs = format!("it has {found} bytes and was written with {}", export.bytes);
            Ok((found != export.bytes).then_some(differs))
        };
        match self.exported() {
            Ok(known) => self.held_against(known, own, other),
            Err(damage) => CheckedExports::unreadable(damage),
        }
    }

    /// Those of the weights that the run has now, each as far as `other` says that its file
    /// is no other one.
    fn held_against(
        &self,
        known: Exports,
        own: &OwnWeights,
        other: impl Fn(&Path, &Export) -> io::Result<Option<String>>,
    ) -> CheckedExports {
        let mut checked = CheckedExports::default();
        let mut is_outdated = false;
        for (name, export) in known {
            let path = self.exports().join(&name);
            let problem = match (other(&path, &export), own.origin(export.made_of.as_ref())) {
                // What was written elsewhere may be wherever it is needed, and what is of
                // other weights was to be deleted.
                (Err(error), origin) if is_absent(&error) => {
                    if origin != Origin::Own || Path::new(&name).is_absolute() {
                        continue;
                    }
                    format!(
                        "{} is missing: {PROOFS} lists it; restore it from a copy, or export it again",
                        path.shown()
                    )
                }
                (Err(error), Origin::Own) => format!("{}: {error}", path.shown()),
                (Ok(Some(reason)), Origin::Own) => format!(
                    "{} is not the file that was exported: {reason}",
                    path.shown()
                ),
                (Ok(None), Origin::Own) => {
                    checked.intact.insert(name, export);
                    continue;
                }
                (_, origin) => {
                    is_outdated |= origin == Origin::Other;
                    let Some((fault, why)) = origin.problem() else {
                        continue;
                    };
                    let remedy = why.unwrap_or("export it again with --force, or delete it");
                    format!("{} {fault}; {remedy}", path.shown())
                }
            };
            if export.format == ExportFormat::Onnx {
                let missed = checked.missed.entry(export.variant());
                let others = missed.or_default();
                if !others.is_empty() {
                    others.push_str("; ");
                }
                others.push_str(&problem);
            }
            checked.problems.push(problem);
        }
        let card = self.model_card();
        if is_outdated && card.exists() {
            checked.problems.push(format!(
                "{} was written before the run had other weights; --export writes it anew",
                card.shown()
            ));
        }
        checked
    }

    /// A line for each model in the folder that nothing is known of.
    fn unknown_exports(&self, known: &Exports) -> Vec<String> {
        let entries = fs::read_dir(self.exports()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('.') && !known.contains_key(name))
            .filter(|name| MODELS.iter().any(|ending| name.ends_with(ending)))
            .collect();
        names.sort();
        let line = |name: String| {
            format!(
                "{} is not among the files that were exported: its export was interrupted, or it \
                 is of another run; export it again with --force, or delete it",
                self.exports().join(name).shown()
            )
        };
        names.into_iter().map(line).collect()
    }

    /// The model card of the run's own exports.
    #[must_use]
    pub fn model_card(&self) -> PathBuf {
        self.exports().join(CARD)
    }

    /// Whether a file of exports is called like one that describes them.
    #[must_use]
    pub fn is_record(path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        let mut records = [PROOFS, CARD].iter();
        records.any(|own| name.eq_ignore_ascii_case(own))
    }

    /// Keeps what is known of a file. A card that does not know it is removed.
    ///
    /// # Errors
    /// The file that cannot be written or removed, and why.
    pub fn record_export(
        &self,
        path: &Path,
        export: &Export,
    ) -> Result<Recorded, (PathBuf, io::Error)> {
        let folder = self.exports();
        let is_own = path.parent() == Some(&folder);
        let name = if is_own {
            path.file_name().unwrap_or_default().to_owned()
        } else {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            path.into_os_string()
        };
        // Two exports at once keep both, where the file system has locks.
        let made = create_folders(&folder).map_err(|error| (folder.clone(), error));
        made?;
        let locked = File::open(&folder).and_then(|place| place.lock().map(|()| place));
        let _locked = locked.ok();
        // Of exports that were killed.
        litter::sweep_files(&folder);
        if let Ok(elsewhere) = parent(path) {
            litter::sweep_files(elsewhere);
        }
        let known = self.exported();
        let damage = known.as_ref().err().cloned();
        let mut exports = known.unwrap_or_default();
        exports.retain(|name, _| folder.join(name).exists());
        exports.insert(name.to_string_lossy().into_owned(), export.clone());
        let card = self.model_card();
        let had_card = is_own
            && match fs::remove_file(&card) {
                Ok(()) => true,
                Err(error) if is_absent(&error) => false,
                Err(error) => return Err((card, error)),
            };
        let proofs = folder.join(PROOFS);
        let run = self.id();
        let kept = Proofs {
            checksum: checksum_of(&(&run, &exports)),
            run,
            files: exports,
        };
        serde_json::to_vec_pretty(&kept)
            .map_err(io::Error::other)
            .and_then(|text| write_file(&proofs, &text))
            .map_err(|error| (proofs, error))?;
        Ok(Recorded {
            exports: kept.files,
            damage,
            had_card,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::event::export::testing;
    use crate::run::own_weights::testing::train_to;
    use crate::store::testing::run_plan;

    const EXPERIMENT: &str = "Experiment(
        data: (train: Shapes(classes: 2, count: 40, size: 8), valid: Holdout(0.25)),
        student: (model: Cnn(channels: [4])),
        method: Scratch(),
        epochs: 1,
        batch: 8,
    )";

    fn export(content: &[u8]) -> Export {
        Export {
            step: 1,
            bytes: content.len() as u64,
            blake3: blake3::hash(content).to_hex().to_string(),
            ..testing::export()
        }
    }

    #[test]
    fn a_file_that_was_replaced_is_named_and_a_card_that_does_not_know_it_goes() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(place.path());
        for name in ["a.onnx", "b.onnx"] {
            let path = run.exports().join(name);
            let recorded = run.record_export(&path, &export(b"old")).unwrap();
            assert!(!recorded.had_card && recorded.damage.is_none());
            fs::write(&path, "old").unwrap();
        }
        assert_eq!(run.checked_exports().intact.len(), 2);
        let listed = || run.listed_exports(&run.own_weights());
        assert_eq!(listed().intact.len(), 2);
        fs::remove_file(run.exports().join("b.onnx")).unwrap();
        let missing = "b.onnx is missing: proof.json lists it; restore it from a copy, or export";
        for checked in [run.checked_exports(), listed()] {
            assert!(checked.problems[0].contains(missing), "{checked:?}");
            let missed = &checked.missed[&Variant::Fp32];
            assert_eq!(*missed, checked.problems[0]);
        }
        fs::remove_file(run.exports().join("a.onnx")).unwrap();
        let missed = &listed().missed[&Variant::Fp32];
        assert!(
            missed.contains("a.onnx is") && missed.contains("; "),
            "{missed}"
        );
        fs::write(run.exports().join("a.onnx"), "old").unwrap();
        fs::write(run.exports().join("b.onnx"), "longer").unwrap();
        let longer = "b.onnx is not the file that was exported: it has 6 bytes and was written";
        assert!(listed().problems[0].contains(longer), "{:?}", listed());
        fs::write(run.exports().join("b.onnx"), "new").unwrap();
        let checked = run.checked_exports();
        let intact: Vec<&str> = checked.intact.keys().map(String::as_str).collect();
        assert_eq!(intact, ["a.onnx"]);
        let [problem] = &checked.problems[..] else {
            panic!("{checked:?}")
        };
        let why = "b.onnx is not the file that was exported";
        assert!(problem.contains(why), "{problem}");
        fs::write(run.model_card(), "# Card").unwrap();
        let elsewhere = place.path().join("c.onnx");
        let recorded = run.record_export(&elsewhere, &export(b"old")).unwrap();
        assert!(!recorded.had_card && run.model_card().exists());
        let path = run.exports().join("b.onnx");
        let recorded = run.record_export(&path, &export(b"new")).unwrap();
        assert!(recorded.had_card && !run.model_card().exists());
    }

    #[test]
    fn an_export_of_other_weights_is_named_and_not_taken_for_the_runs() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(place.path());
        let made_of = Some(train_to(&run, "first"));
        let path = run.exports().join("a.onnx");
        let own = Export {
            made_of,
            ..export(b"old")
        };
        run.record_export(&path, &own).unwrap();
        fs::write(&path, "old").unwrap();
        fs::write(run.model_card(), "# Card").unwrap();
        let checked = run.checked_exports();
        assert!(checked.intact.len() == 1 && checked.problems.is_empty());
        train_to(&run, "second");
        let just_written = run.own_weights().and(own.made_of.as_ref());
        assert_eq!(run.exports_checked_by(&just_written).intact.len(), 1);
        let CheckedExports {
            intact, problems, ..
        } = run.checked_exports();
        let why = "a.onnx is of other weights than the run has now; export it again with --force";
        assert!(
            intact.is_empty() && problems[0].contains(why),
            "{problems:?}"
        );
        let card = "MODEL_CARD.md was written before the run had other weights";
        assert!(problems[1].contains(card), "{problems:?}");
        run.record_export(&path, &export(b"old")).unwrap();
        let problems = run.checked_exports().problems;
        assert!(
            problems[0].contains("does not say of which weights"),
            "{problems:?}"
        );
    }

    #[test]
    fn an_edited_list_and_one_of_another_run_are_named() {
        let place = tempfile::tempdir().unwrap();
        let run = |name: &str| {
            let plan = run_plan(EXPERIMENT, 1);
            RunFolder::create_planned(place.path(), name, "()", plan, UNIX_EPOCH).unwrap()
        };
        let (run, other) = (run("a"), run("b"));
        for run in [&run, &other] {
            run.record_export(&run.exports().join("a.onnx"), &export(b"old"))
                .unwrap();
        }
        assert_eq!(run.exported().unwrap().len(), 1);
        let [own, foreign] = [&run, &other].map(|run| run.exports().join(PROOFS));
        let text = fs::read_to_string(&own).unwrap();
        fs::write(&own, text.replace("\"step\": 1", "\"step\": 2")).unwrap();
        let error = run.exported().unwrap_err();
        assert!(error.contains("its checksum does not match"), "{error}");
        fs::copy(foreign, &own).unwrap();
        let error = run.exported().unwrap_err();
        assert!(error.contains("it is that of another run"), "{error}");
        fs::write(&own, text).unwrap();
        fs::write(run.exports().join("b.onnx"), "left").unwrap();
        let problems = run.checked_exports().problems;
        assert!(
            problems[0].contains("b.onnx is not among the files"),
            "{problems:?}"
        );
    }

    #[test]
    fn a_damaged_list_is_named_and_not_taken_for_an_empty_one() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(place.path());
        assert_eq!(run.exported(), Ok(Exports::new()));
        let path = run.exports().join("a.onnx");
        run.record_export(&path, &export(b"old")).unwrap();
        let proofs = run.exports().join(PROOFS);
        let text = fs::read_to_string(&proofs).unwrap();
        fs::write(&proofs, &text[..text.len() / 2]).unwrap();
        let error = run.exported().unwrap_err();
        assert!(error.contains("proof.json is damaged: "), "{error}");
        assert_eq!(run.checked_exports().problems.first(), Some(&error));
        let recorded = run.record_export(&path, &export(b"old")).unwrap();
        assert_eq!(recorded.damage, Some(error));
        assert_eq!(run.exported().unwrap().len(), 1);
    }
}
