//! How fast models are, measured: what `--bench` prints, and a run keeps under
//! `bench/`, a file for every processor.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::own_weights::{Origin, OwnWeights};
use super::seal::checksum_of;
use super::{RunFolder, atomic};
use crate::event::{
    BenchModel, BenchRow, Export, Exports, Measurement, Phase, PixelFormat, Variant,
};
use crate::untrusted::{Show as _, clean_line, read_text_limited};

/// The folder in a run's.
const PLACE: &str = "bench";

const FORMAT: &str = "workbench-bench";

/// Version of the format. History: 1, the first.
const VERSION: u32 = 1;

/// No result is this long, bytes.
const LONGEST: u64 = 16 << 20;

/// Longest name of a file, characters.
const LONGEST_NAME: usize = 80;

/// Longest name of a processor or an engine, characters.
const LONGEST_TEXT: usize = 200;

/// No answer takes longer, milliseconds: a day.
const LONGEST_MS: f64 = 86_400_000.0;

/// No model is faster, images a second.
const FASTEST: f64 = 1e9;

/// No model has or takes more, bytes or operations.
const LARGEST: u64 = 1 << 60;

/// The models of a run, identified by the BLAKE3 of their files, and what it knows of them
/// without measuring anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownModels {
    /// The run's name.
    pub run: String,
    /// Of its student's weights, as they are now.
    pub student: OwnWeights,
    /// Of its teacher's file.
    pub teacher: Vec<String>,
    /// Files that were written of its student.
    pub exports: Exports,
    /// Multiply-accumulates of one image of its models, where they are known.
    pub macs: BTreeMap<Phase, u64>,
    /// Lengths of its files of weights by their BLAKE3, bytes.
    pub weights_bytes: BTreeMap<String, u64>,
    /// Length of its teacher's ONNX file, if it is one, bytes.
    pub onnx_teacher_bytes: Option<u64>,
}

/// What a result measured that is not of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignResult {
    /// A file that the run did not write.
    #[error("{0} (BLAKE3 {1}), which is none of the files that were exported of {2}")]
    File(String, String, String),
    /// A model with other weights.
    #[error("a {0} (BLAKE3 {1}) with other weights than that of {2}")]
    Model(&'static str, String, String),
}

/// Models of one run or file, measured on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchResult {
    format: String,
    version: u32,
    /// Version of the program.
    pub program: String,
    /// The run or the file.
    pub target: String,
    /// The run that keeps it, as [`RunFolder::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// When a run took it in, seconds since 1970: the newest result stands for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// BLAKE3 of all else, in the file that a run keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    /// What was measured, and where.
    #[serde(flatten)]
    pub measurement: Measurement,
}

impl BenchResult {
    /// What was measured of a run or a file here.
    #[must_use]
    pub fn new(target: String, measurement: Measurement) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            target,
            run: None,
            kept: None,
            checksum: None,
            measurement,
        }
    }

    /// What a file says.
    ///
    /// # Errors
    /// It cannot be read, or is something else.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::read_with_checksum(path).map(|(result, _)| result)
    }

    /// The same, and whether its checksum shows that it is as it was written.
    fn read_with_checksum(path: &Path) -> io::Result<(Self, bool)> {
        let text = read_text_limited(path, LONGEST)?;
        let mut result: Self = serde_json::from_str(&text)
            .map_err(|error| invalid(format!("it is not a result of --bench: {error}")))?;
        if result.format != FORMAT || result.version > VERSION {
            return Err(invalid(format!(
                "it has version {} of {}, and this version reads {FORMAT} up to {VERSION}",
                result.version, result.format
            )));
        }
        if let Some(problem) = result.measurement.problem() {
            return Err(invalid(problem));
        }
        let checksum = result.checksum.take();
        if checksum.is_some() && checksum != Some(checksum_of(&result)) {
            return Err(invalid(
                "its checksum does not match: it was changed after it was written".to_owned(),
            ));
        }
        result.target = clean_line(&result.target).into_owned();
        for file in result.measurement.rows.iter_mut().map(|row| &mut row.file) {
            *file = file.as_deref().map(|name| clean_line(name).into_owned());
        }
        for without in &mut result.measurement.unmeasured {
            for text in [&mut without.file, &mut without.engine, &mut without.reason] {
                *text = clean_line(text).into_owned();
            }
        }
        Ok((result, checksum.is_some()))
    }

    /// As the result of a run that has these models, whatever its name was: a file that was measured alone,
    /// as on another machine, is the run's student if the run wrote it. Of a model the result has its
    /// times and its memory; all else is what the run knows. Also returns a line for each row that had
    /// it otherwise.
    ///
    /// # Errors
    /// What it measured that the run does not have.
    pub fn of_run(mut self, run: &KnownModels) -> Result<(Self, Vec<String>), ForeignResult> {
        let name = || run.run.clone();
        let mut notes = Vec::new();
        for (at, row) in self.measurement.rows.iter_mut().enumerate() {
            let mut exports = run.exports.iter();
            let export = exports.find(|(_, it)| it.blake3 == row.weights);
            let is_own = match row.model {
                BenchModel::File => export.is_some(),
                BenchModel::Student => export.is_some() || run.student.contains(&row.weights),
                BenchModel::Teacher => run.teacher.contains(&row.weights),
            };
            if !is_own {
                let hash = row.weights.clone();
                return Err(match row.model {
                    BenchModel::File => {
                        let file = row.file.clone().unwrap_or_else(|| "a file".to_owned());
                        ForeignResult::File(file, hash, name())
                    }
                    BenchModel::Student => ForeignResult::Model("student", hash, name()),
                    BenchModel::Teacher => ForeignResult::Model("teacher", hash, name()),
                });
            }
            let measured = row.clone();
            run.describe(row, export);
            notes.extend(overruled(&measured, row).map(|what| {
                format!(
                    "row {}: {what} are not those of {}; its own are used",
                    at + 1,
                    run.run
                )
            }));
        }
        self.target.clone_from(&run.run);
        Ok((self, notes))
    }

    /// What it says of these weights, and what is wrong with the rest: the speed of other
    /// weights is much the same, but where it is read nothing says whose it is.
    fn made_of(mut self, own: &OwnWeights) -> (Option<Self>, Option<Origin>) {
        let origin = |row: &BenchRow| match row.model {
            BenchModel::Teacher => Origin::Own,
            BenchModel::Student | BenchModel::File => own.origin(row.made_of.as_ref()),
        };
        let rows = &mut self.measurement.rows;
        let origins = rows.iter().map(origin);
        let problem = origins.into_iter().find(|origin| *origin != Origin::Own);
        rows.retain(|row| origin(row) == Origin::Own);
        let has_student = rows.iter().any(|row| row.model != BenchModel::Teacher);
        ((problem.is_none() || has_student).then_some(self), problem)
    }

    /// Keeps it in a run as its newest; one of the same processor is replaced.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep(&mut self, run: &RunFolder, now: SystemTime) -> io::Result<()> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.kept = Some(since.as_secs());
        self.run = run.id();
        let folder = run.path().join(PLACE);
        atomic::create_folders(&folder)?;
        let sealed = Self {
            checksum: Some(checksum_of(self)),
            ..self.clone()
        };
        let text = serde_json::to_vec_pretty(&sealed)?;
        atomic::write_file(&folder.join(self.file_name()), &text)
    }

    /// The processor's name, as a file can have it.
    fn file_name(&self) -> String {
        let words = self.measurement.machine.processor.to_ascii_lowercase();
        let words = words.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let name: String = words.join("-").chars().take(LONGEST_NAME).collect();
        if name.is_empty() {
            // One that is written in other letters.
            let hash = blake3::hash(self.measurement.machine.processor.as_bytes());
            return format!("{}.json", hash.to_hex());
        }
        format!("{name}.json")
    }
}

impl KnownModels {
    /// Writes into a row of the run's what does not depend on who measures it. `export` is
    /// the file that it measured, if the run wrote it.
    fn describe(&self, row: &mut BenchRow, export: Option<(&String, &Export)>) {
        row.top1 = None;
        row.made_of = None;
        let of_weights = self.weights_bytes.get(&row.weights).copied();
        let length = match (&row.file, row.model) {
            (None, _) => of_weights,
            (Some(_), BenchModel::Teacher) => self.onnx_teacher_bytes,
            // One that was written to be measured has the length that was measured.
            (Some(_), _) => None,
        };
        row.file_bytes = length.unwrap_or(row.file_bytes);
        if row.model == BenchModel::Teacher {
            row.macs = self.macs.get(&Phase::Teacher).copied();
            return;
        }
        row.macs = self.macs.get(&Phase::Student).copied();
        row.model = BenchModel::Student;
        row.variant = Variant::Fp32;
        row.input = row.file.is_some().then_some(PixelFormat::Float);
        row.made_of = Some(row.weights.clone());
        if let Some((name, export)) = export {
            let name = Path::new(name).file_name().unwrap_or_default();
            row.file = Some(clean_line(&name.to_string_lossy()).into_owned());
            row.made_of.clone_from(&export.made_of);
            row.top1 = proven_top1(export);
            row.file_bytes = export.bytes;
            row.variant = export.variant();
            row.input = export.input;
        }
    }
}

/// What a row had otherwise than the run knows it.
fn overruled(measured: &BenchRow, known: &BenchRow) -> Option<String> {
    let differs = [
        (
            "MACs",
            measured.macs.is_some() && measured.macs != known.macs,
        ),
        ("file size", measured.file_bytes != known.file_bytes),
        ("number format", measured.variant != known.variant),
        (
            "input",
            measured.input.is_some() && measured.input != known.input,
        ),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    let names: Vec<&str> = differs.map(|(what, _)| what).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

impl Measurement {
    /// What no machine measures.
    fn problem(&self) -> Option<String> {
        let is_line = |text: &str| {
            text.contains(char::is_alphanumeric)
                && text.chars().count() <= LONGEST_TEXT
                && clean_line(text) == text
        };
        if !is_line(&self.machine.processor) {
            return Some("its processor has no name of one line".to_owned());
        }
        if !is_line(&self.machine.system) {
            return Some("its system has no name of one line".to_owned());
        }
        if self.rows.is_empty() {
            return Some("it measured nothing".to_owned());
        }
        let is_time = |time: f64| time > 0.0 && time <= LONGEST_MS;
        self.rows.iter().enumerate().find_map(|(at, row)| {
            let times = [row.p50_ms, row.p90_ms, row.p99_ms];
            let amounts = [row.peak_memory, row.file_bytes, row.macs.unwrap_or(0)];
            let reason = if !times.into_iter().all(is_time) || !times.is_sorted() {
                "invalid times"
            } else if !(row.images_per_second > 0.0 && row.images_per_second <= FASTEST) {
                "an invalid speed"
            } else if amounts.iter().any(|amount| *amount > LARGEST) {
                "an invalid size"
            } else if [row.batch, row.threads, row.runs].contains(&0) {
                "no images, threads or answers"
            } else if !is_line(&row.engine) || !is_line(&row.weights) {
                "an engine or weights without a name of one line"
            } else {
                return None;
            };
            Some(format!("row {} has {reason}", at + 1))
        })
    }
}

/// Top-1 that a file's verification found.
fn proven_top1(export: &Export) -> Option<f64> {
    export.proof.as_ref()?.top1
}

impl RunFolder {
    /// When a result was kept, a file exported, or weights replaced last.
    #[must_use]
    pub fn results_changed(&self) -> [Option<SystemTime>; 5] {
        let (bench, exports) = (self.path().join(PLACE), self.exports());
        let weights = [self.best(), self.quantized(), self.latest()];
        let [best, quantized, latest] = weights.map(|place| place.path());
        [bench, exports, best, quantized, latest]
            .map(|place| fs::metadata(place).ok()?.modified().ok())
    }

    /// When the folders of its checkpoints changed last, and that of what it is watched by.
    #[must_use]
    pub fn saved_changed(&self) -> [Option<SystemTime>; 4] {
        let [_, _, best, quantized, latest] = self.results_changed();
        let probe = fs::metadata(self.probe());
        let probe = probe.and_then(|found| found.modified()).ok();
        [best, quantized, latest, probe]
    }

    /// What was measured of its models, which have these weights now, the newest first; and
    /// the files that cannot be read or are of others, with why.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn bench_results(&self, own: &OwnWeights) -> io::Result<Vec<Result<BenchResult, String>>> {
        let folder = self.path().join(PLACE);
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.shown()));
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(named)?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                paths.push(path);
            }
        }
        paths.sort();
        let id = self.id();
        let read = |path: &PathBuf| -> Vec<Result<BenchResult, String>> {
            let unused_until = |reason: &str, remedy: &str| {
                format!("{} is not used: {reason}; {remedy}", path.shown())
            };
            let unused =
                |reason: &str| unused_until(reason, "measure again with --bench, or delete it");
            let result = match BenchResult::read_with_checksum(path) {
                Ok((result, true)) if id.is_some() && result.run != id => {
                    Err("it is that of another run".to_owned())
                }
                Ok((result, true)) => Ok(result),
                Ok((_, false)) => Err("it has no checksum".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            match result {
                Ok(result) => {
                    let (result, reason) = result.made_of(own);
                    let problem = reason.as_ref().and_then(Origin::problem);
                    let problem = problem.map(|(fault, why)| {
                        let fault = format!("it {fault}");
                        Err(match why {
                            Some(why) => unused_until(&fault, why),
                            None => unused(&fault),
                        })
                    });
                    result.map(Ok).into_iter().chain(problem).collect()
                }
                Err(reason) => vec![Err(unused(&reason))],
            }
        };
        let mut results: Vec<_> = paths.iter().flat_map(read).collect();
        results.sort_by_key(|result| Reverse(result.as_ref().ok().and_then(|found| found.kept)));
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::ExportProof;
    use crate::event::bench::testing::{bench_row, measured};
    use crate::event::export::testing::{export, proof};
    use crate::experiment::spec::OnnxEngine;
    use crate::run::own_weights::testing::train_to;
    use crate::untrusted::testing::make_pipe;

    fn results(run: &RunFolder) -> io::Result<Vec<Result<BenchResult, String>>> {
        run.bench_results(&run.own_weights())
    }

    fn result(processor: &str, p50_ms: f64) -> BenchResult {
        let rows = vec![bench_row(None, p50_ms)];
        BenchResult::new("run".to_owned(), measured(processor, rows))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_run_keeps_one_result_for_every_processor_and_the_newest_stands_first() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(folder.path().to_owned());
        assert!(results(&run).unwrap().is_empty());
        let mut board = result("Cortex-A72  (ARM)/v8", 9.0);
        let mut other = result("Xeon", 1.0);
        other.keep(&run, at(20)).unwrap();
        result("Cortex-A72 (ARM) v8", 12.0)
            .keep(&run, at(10))
            .unwrap();
        assert_eq!(results(&run).unwrap()[0], Ok(other.clone()));
        board.keep(&run, at(30)).unwrap();
        let found = results(&run).unwrap();
        assert_eq!(found, [Ok(board), Ok(other)]);
    }

    #[test]
    fn a_file_that_was_measured_alone_is_a_student_only_of_the_run_that_wrote_it() {
        let mut alone = result("Cortex-A72", 9.0);
        let row = &mut alone.measurement.rows[0];
        row.model = BenchModel::File;
        row.file = Some("a.onnx".to_owned());
        let export = Export {
            bytes: 1,
            blake3: "ab".to_owned(),
            proof: Some(ExportProof {
                top1: Some(0.75),
                ..proof()
            }),
            ..export()
        };
        let name = "a.onnx".to_owned();
        let of = |exports| KnownModels {
            run: "run".to_owned(),
            exports,
            ..KnownModels::default()
        };
        let exports = of(Exports::from([(name.clone(), export.clone())]));
        let (taken, _) = alone.clone().of_run(&exports).unwrap();
        let row = taken.measurement.of_student(Variant::Fp32).unwrap();
        assert_eq!(row.top1, Some(0.75));
        let blake3 = "cd".to_owned();
        let others = of(Exports::from([(name.clone(), Export { blake3, ..export })]));
        let error = alone.of_run(&others).unwrap_err();
        assert!(matches!(error, ForeignResult::File(file, ..) if file == name));
    }

    #[test]
    fn every_row_of_a_result_is_of_the_run_that_takes_it() {
        let run = KnownModels {
            run: "run".to_owned(),
            student: OwnWeights::from(["ab"]),
            teacher: vec!["cd".to_owned()],
            macs: BTreeMap::from([(Phase::Student, 40_000_000)]),
            ..KnownModels::default()
        };
        let mut own = result("Xeon", 2.0);
        let teacher = BenchRow {
            model: BenchModel::Teacher,
            weights: "cd".to_owned(),
            ..bench_row(None, 9.0)
        };
        own.measurement.rows.push(teacher);
        // Neither accuracy nor precision is the result's to say.
        let row = &mut own.measurement.rows[0];
        (row.top1, row.variant) = (Some(1.0), Variant::Int8);
        let (taken, _) = own.clone().of_run(&run).unwrap();
        let made_of = Some("ab".to_owned());
        let expected = BenchRow {
            made_of,
            ..bench_row(None, 2.0)
        };
        assert_eq!(taken.measurement.rows[0], expected);
        for (at, why) in [(0, "a student (BLAKE3 ef)"), (1, "a teacher (BLAKE3 ef)")] {
            let mut other = own.clone();
            other.measurement.rows[at].weights = "ef".to_owned();
            let error = other.of_run(&run).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        // Runs are renamed; what was measured are the weights.
        own.target = "before".to_owned();
        assert_eq!(own.of_run(&run).unwrap().0.target, "run");
    }

    #[test]
    fn what_a_run_knows_of_its_models_is_not_the_results_to_say() {
        let export = Export {
            bytes: 8605,
            blake3: "ab".to_owned(),
            input: Some(PixelFormat::Uint8),
            ..export()
        };
        let run = KnownModels {
            run: "run".to_owned(),
            student: OwnWeights::from(["ef"]),
            teacher: vec!["cd".to_owned()],
            exports: Exports::from([("run-uint8.onnx".to_owned(), export)]),
            macs: BTreeMap::from([(Phase::Student, 64_600)]),
            weights_bytes: BTreeMap::from([("ef".to_owned(), 8820)]),
            onnx_teacher_bytes: Some(97_000),
        };
        let row = |model, weights: &str, onnx| BenchRow {
            model,
            weights: weights.to_owned(),
            file_bytes: 1,
            macs: Some(1),
            ..bench_row(onnx, 2.0)
        };
        let rten = Some(OnnxEngine::Rten);
        let rows = vec![
            row(BenchModel::File, "ab", rten),
            row(BenchModel::Student, "ef", None),
            row(BenchModel::Teacher, "cd", rten),
        ];
        let forged = BenchResult::new("run".to_owned(), measured("Xeon", rows));
        let (taken, notes) = forged.of_run(&run).unwrap();
        let known = taken.measurement.rows.iter();
        let known = known.map(|row| (row.macs, row.file_bytes, row.input, row.file.as_deref()));
        assert_eq!(
            known.collect::<Vec<_>>(),
            [
                (
                    Some(64_600),
                    8605,
                    Some(PixelFormat::Uint8),
                    Some("run-uint8.onnx")
                ),
                (Some(64_600), 8820, None, None),
                (None, 97_000, Some(PixelFormat::Float), Some("a.onnx")),
            ]
        );
        assert_eq!(
            notes,
            [
                "row 1: MACs, file size, input are not those of run; its own are used",
                "row 2: MACs, file size are not those of run; its own are used",
                "row 3: MACs, file size are not those of run; its own are used",
            ]
        );
        let (_, notes) = taken.of_run(&run).unwrap();
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn what_was_measured_of_other_weights_is_named_and_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(folder.path().to_owned());
        let weights = train_to(&run, "first");
        let row = |weights: &str| BenchRow {
            weights: weights.to_owned(),
            made_of: Some(weights.to_owned()),
            ..bench_row(None, 2.0)
        };
        let keep = |rows: Vec<BenchRow>| {
            let mut result = BenchResult::new("run".to_owned(), measured("Xeon", rows));
            result.keep(&run, at(0)).unwrap();
        };
        keep(vec![row(&weights), row("of another checkpoint")]);
        let [Ok(own), Err(problem)] = &results(&run).unwrap()[..] else {
            panic!("{:?}", results(&run));
        };
        assert_eq!(own.measurement.rows, [row(&weights)]);
        let why = "xeon.json is not used: it is of other weights than the run has now";
        assert!(problem.contains(why), "{problem}");
        train_to(&run, "second");
        let [Err(problem)] = &results(&run).unwrap()[..] else {
            panic!("{:?}", results(&run));
        };
        assert!(problem.contains(why), "{problem}");
        keep(vec![bench_row(None, 2.0)]);
        let [Err(problem)] = &results(&run).unwrap()[..] else {
            panic!("{:?}", results(&run));
        };
        assert!(
            problem.contains("does not say of which weights"),
            "{problem}"
        );
    }

    #[test]
    fn numbers_and_names_that_no_machine_has_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let refusal = |change: &dyn Fn(&mut Measurement)| {
            let mut changed = result("Xeon", 2.0);
            change(&mut changed.measurement);
            fs::write(&path, serde_json::to_vec(&changed).unwrap()).unwrap();
            BenchResult::read(&path).unwrap_err().to_string()
        };
        for processor in ["", "///", "Xeon\nX", "\u{1b}[2J", &"x".repeat(1000)] {
            let error = refusal(&|it| it.machine.processor = processor.to_owned());
            assert_eq!(
                error, "its processor has no name of one line",
                "{processor}"
            );
        }
        assert_eq!(refusal(&|it| it.rows.clear()), "it measured nothing");
        let none = "row 1 has invalid times";
        assert_eq!(refusal(&|it| it.rows[0].p99_ms = 1e308), none);
        assert_eq!(refusal(&|it| it.rows[0].p50_ms = 0.0), none);
        assert_eq!(refusal(&|it| it.rows[0].p50_ms = 3.5), none);
        let error = refusal(&|it| it.rows[0].images_per_second = 1e308);
        assert_eq!(error, "row 1 has an invalid speed");
        let error = refusal(&|it| it.rows[0].macs = Some(u64::MAX));
        assert_eq!(error, "row 1 has an invalid size");
        let error = refusal(&|it| it.rows[0].runs = 0);
        assert_eq!(error, "row 1 has no images, threads or answers");
        let error = refusal(&|it| it.rows[0].engine = "a\nb".to_owned());
        assert!(error.contains("without a name of one line"), "{error}");
        let text = serde_json::to_string(&result("Xeon", 2.0)).unwrap();
        fs::write(&path, text.replace("500.0", "1e999")).unwrap();
        let error = BenchResult::read(&path).unwrap_err().to_string();
        assert!(error.contains("not a result of --bench"), "{error}");
        // A name in letters of elsewhere is one.
        let run = RunFolder::left_at(folder.path().to_owned());
        result("龙芯", 2.0).keep(&run, at(0)).unwrap();
        assert!(results(&run).unwrap()[0].is_ok());
    }

    #[test]
    fn what_was_changed_or_is_no_file_is_named_and_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(folder.path().to_owned());
        result("Xeon", 2.0).keep(&run, at(0)).unwrap();
        let place = folder.path().join(PLACE);
        let path = place.join("xeon.json");
        let text = fs::read_to_string(&path).unwrap();
        let named = |why: &str| {
            let found = results(&run).unwrap();
            let errors = found.iter().filter_map(|found| found.as_ref().err());
            assert!(
                errors.clone().any(|error| error.contains(why)),
                "{why}: {found:?}"
            );
        };
        fs::write(
            &path,
            text.replacen("\"p50_ms\": 2.0", "\"p50_ms\": 0.1", 1),
        )
        .unwrap();
        named("xeon.json is not used: its checksum does not match");
        let without = text.lines().filter(|line| !line.contains("checksum"));
        fs::write(&path, without.collect::<Vec<_>>().join("\n")).unwrap();
        named("xeon.json is not used: it has no checksum");
        make_pipe(&place.join("z.json"));
        named("z.json is not used: it is a pipe");
        fs::create_dir(place.join("y.json")).unwrap();
        named("y.json is not used: it is a folder");
        fs::remove_dir_all(&place).unwrap();
        fs::write(&place, "").unwrap();
        let error = results(&run).unwrap_err().to_string();
        assert!(error.contains(&place.shown().to_string()), "{error}");
    }

    #[test]
    fn what_is_no_result_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(folder.path().to_owned());
        result("Xeon", 2.0).keep(&run, at(0)).unwrap();
        let path = folder.path().join(PLACE).join("xeon.json");
        let text = fs::read_to_string(&path).unwrap();
        for (from, to, reason) in [
            ("workbench-bench", "other", "and this version reads"),
            ("\"version\": 1", "\"version\": 2", "and this version reads"),
            ("500.0", "-1.0", "an invalid speed"),
            ("{", "", "not a result of --bench"),
        ] {
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let found = results(&run).unwrap();
            let error = found[0].as_ref().unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
