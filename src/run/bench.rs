//! How fast models are, measured: what `--bench` prints, and a run keeps under
//! `bench/`, a file for every processor.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{RunFolder, atomic};
use crate::event::{BenchModel, BenchRow, Export, Exports, Measurement};
use crate::untrusted::read_text_limited;

/// The folder in a run's.
const PLACE: &str = "bench";

const FORMAT: &str = "workbench-bench";

/// Version of the format. History: 1, the first.
const VERSION: u32 = 1;

/// No result is this long, bytes.
const LONGEST: u64 = 16 << 20;

/// Longest name of a file, characters.
const LONGEST_NAME: usize = 80;

/// Models of one run or file, measured on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchResult {
    format: String,
    version: u32,
    /// Version of the program.
    pub program: String,
    /// The run or the file.
    pub target: String,
    /// When a run took it in, seconds since 1970: the newest result stands for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
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
            kept: None,
            measurement,
        }
    }

    /// What a file says.
    ///
    /// # Errors
    /// It cannot be read, or is something else.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = read_text_limited(path, LONGEST)?;
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
        let result: Self = serde_json::from_str(&text)
            .map_err(|error| invalid(format!("it is no result of --bench: {error}")))?;
        if result.format != FORMAT || result.version > VERSION {
            return Err(invalid(format!(
                "it has version {} of {}, and this version reads {FORMAT} up to {VERSION}",
                result.version, result.format
            )));
        }
        let is_time = |row: &BenchRow| {
            let times = [row.p50_ms, row.p90_ms, row.p99_ms, row.images_per_second];
            times.iter().all(|time| time.is_finite() && *time >= 0.0)
        };
        if !result.measurement.rows.iter().all(is_time) {
            return Err(invalid("it has times that are none".to_owned()));
        }
        Ok(result)
    }

    /// As the result of a run that has these files: a file that was measured alone,
    /// as on another machine, is the run's student if the run wrote it.
    ///
    /// # Errors
    /// Name and hash of a file that the run did not write.
    pub fn of_run(mut self, exports: &Exports) -> Result<Self, (String, String)> {
        for row in &mut self.measurement.rows {
            let export = exports.values().find(|export| export.blake3 == row.weights);
            match (row.model, export) {
                (BenchModel::File, None) => {
                    return Err((row.file.clone().unwrap_or_default(), row.weights.clone()));
                }
                (BenchModel::File | BenchModel::Student, Some(export)) => {
                    row.model = BenchModel::Student;
                    row.top1 = proven_top1(export);
                }
                (BenchModel::Student | BenchModel::Teacher, _) => {}
            }
        }
        Ok(self)
    }

    /// Keeps it in a run as its newest; one of the same processor is replaced.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep(&mut self, run: &RunFolder, now: SystemTime) -> io::Result<()> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.kept = Some(since.as_secs());
        let folder = run.path().join(PLACE);
        fs::create_dir_all(&folder)?;
        let text = serde_json::to_vec_pretty(self)?;
        atomic::write_file(&folder.join(self.file_name()), &text)
    }

    /// The processor's name, as a file can have it.
    fn file_name(&self) -> String {
        let words = self.measurement.machine.processor.to_ascii_lowercase();
        let words = words.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let name: String = words.join("-").chars().take(LONGEST_NAME).collect();
        format!("{name}.json")
    }
}

/// Top-1 that a file's proof found.
fn proven_top1(export: &Export) -> Option<f64> {
    export.proof.as_ref()?.top1
}

impl RunFolder {
    /// When a result was kept last, if there is any.
    #[must_use]
    pub fn benched(&self) -> Option<SystemTime> {
        fs::metadata(self.path().join(PLACE)).ok()?.modified().ok()
    }

    /// What was measured of its models, the newest first; and the files that
    /// cannot be read, with why.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn bench_results(&self) -> io::Result<Vec<Result<BenchResult, String>>> {
        let entries = match fs::read_dir(self.path().join(PLACE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
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
        let read = |path: &std::path::PathBuf| {
            BenchResult::read(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let mut results: Vec<_> = paths.iter().map(read).collect();
        results.sort_by_key(|result| Reverse(result.as_ref().ok().and_then(|found| found.kept)));
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::bench::testing::{bench_row, measured};
    use crate::event::inspection::Weights;
    use crate::event::{ExportFormat, ExportProof, Variant};

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
        assert!(run.bench_results().unwrap().is_empty());
        let mut board = result("Cortex-A72  (ARM)/v8", 9.0);
        let mut other = result("Xeon", 1.0);
        other.keep(&run, at(20)).unwrap();
        result("Cortex-A72 (ARM) v8", 12.0)
            .keep(&run, at(10))
            .unwrap();
        assert_eq!(run.bench_results().unwrap()[0], Ok(other.clone()));
        board.keep(&run, at(30)).unwrap();
        let found = run.bench_results().unwrap();
        assert_eq!(found, [Ok(board), Ok(other)]);
    }

    #[test]
    fn a_file_that_was_measured_alone_is_a_student_only_of_the_run_that_wrote_it() {
        let mut alone = result("Cortex-A72", 9.0);
        let row = &mut alone.measurement.rows[0];
        row.model = BenchModel::File;
        row.file = Some("a.onnx".to_owned());
        let export = Export {
            format: ExportFormat::Onnx,
            weights: Weights::Best,
            step: 1,
            input: None,
            bytes: 1,
            blake3: "ab".to_owned(),
            proof: Some(ExportProof {
                engine: "rten 0.27".to_owned(),
                images: 10,
                max_difference: 0.0,
                max_logit: 1.0,
                agreement: 1.0,
                top1: Some(0.75),
                network_top1: Some(0.75),
            }),
            int8: None,
        };
        let name = "a.onnx".to_owned();
        let exports = Exports::from([(name.clone(), export.clone())]);
        let taken = alone.clone().of_run(&exports).unwrap();
        let row = taken.measurement.of_student(Variant::Fp32).unwrap();
        assert_eq!(row.top1, Some(0.75));
        let blake3 = "cd".to_owned();
        let others = Exports::from([(name.clone(), Export { blake3, ..export })]);
        assert_eq!(alone.of_run(&others), Err((name, "ab".to_owned())));
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
            ("500.0", "-1.0", "times that are none"),
            ("{", "", "no result of --bench"),
        ] {
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let found = run.bench_results().unwrap();
            let error = found[0].as_ref().unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
