//! How fast models are, measured: what `--bench` prints, and a run keeps under
//! `bench/`, a file for every processor.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{RunFolder, atomic};
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
    /// Where it was measured.
    pub machine: BenchMachine,
    /// The run or the file.
    pub target: String,
    /// One for every model, engine, batch and number of threads.
    pub rows: Vec<BenchRow>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchMachine {
    /// The processor's name, as it says it.
    pub processor: String,
    /// Threads that it runs at once.
    pub threads: usize,
    /// Operating system and architecture.
    pub system: String,
}

/// A model that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BenchModel {
    /// A run's teacher.
    Teacher,
    /// A run's student.
    Student,
    /// An ONNX file.
    File,
}

/// One model in one engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchRow {
    /// Which.
    pub model: BenchModel,
    /// BLAKE3 of the file of its weights, hexadecimal.
    pub weights: String,
    /// What computes, with its version.
    pub engine: String,
    /// Images that are answered at once.
    pub batch: usize,
    /// Threads that compute.
    pub threads: usize,
    /// Answers that were timed.
    pub runs: usize,
    /// Median time of an answer, milliseconds.
    pub p50_ms: f64,
    /// Time that nine of ten answers take at most, milliseconds.
    pub p90_ms: f64,
    /// Time that 99 of 100 answers take at most, milliseconds.
    pub p99_ms: f64,
    /// Images a second, over all answers.
    pub images_per_second: f64,
    /// Most memory that the measuring process had at once, bytes.
    pub peak_memory: u64,
    /// Length of the model's file, bytes.
    pub file_bytes: u64,
}

impl BenchResult {
    /// What was measured of a run or a file here.
    #[must_use]
    pub fn new(machine: BenchMachine, target: String, rows: Vec<BenchRow>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            machine,
            target,
            rows,
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
        if !result.rows.iter().all(is_time) {
            return Err(invalid("it has times that are none".to_owned()));
        }
        Ok(result)
    }

    /// Keeps it in a run; one of the same processor is replaced.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep(&self, run: &RunFolder) -> io::Result<()> {
        let folder = run.path().join(PLACE);
        fs::create_dir_all(&folder)?;
        let text = serde_json::to_vec_pretty(self)?;
        atomic::write_file(&folder.join(self.file_name()), &text)
    }

    /// The processor's name, as a file can have it.
    fn file_name(&self) -> String {
        let words = self.machine.processor.to_ascii_lowercase();
        let words = words.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let name: String = words.join("-").chars().take(LONGEST_NAME).collect();
        format!("{name}.json")
    }
}

impl RunFolder {
    /// What was measured of its models, by the name of the file; and the files that
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
        Ok(paths.iter().map(read).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(processor: &str, p50_ms: f64) -> BenchResult {
        let machine = BenchMachine {
            processor: processor.to_owned(),
            threads: 4,
            system: "linux aarch64".to_owned(),
        };
        let row = BenchRow {
            model: BenchModel::Student,
            weights: "ab".to_owned(),
            engine: "rten 0.27".to_owned(),
            batch: 1,
            threads: 1,
            runs: 200,
            p50_ms,
            p90_ms: 3.0,
            p99_ms: 4.0,
            images_per_second: 300.0,
            peak_memory: 1 << 20,
            file_bytes: 100,
        };
        BenchResult::new(machine, "run".to_owned(), vec![row])
    }

    #[test]
    fn a_run_keeps_one_result_for_every_processor() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(folder.path().to_owned());
        assert!(run.bench_results().unwrap().is_empty());
        let board = result("Cortex-A72  (ARM)/v8", 9.0);
        for kept in [
            &result("Cortex-A72 (ARM) v8", 12.0),
            &board,
            &result("Xeon", 1.0),
        ] {
            kept.keep(&run).unwrap();
        }
        let found = run.bench_results().unwrap();
        assert_eq!(found, [Ok(board), Ok(result("Xeon", 1.0))]);
    }

    #[test]
    fn what_is_no_result_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(folder.path().to_owned());
        result("Xeon", f64::MAX).keep(&run).unwrap();
        let path = folder.path().join(PLACE).join("xeon.json");
        let text = fs::read_to_string(&path).unwrap();
        for (from, to, reason) in [
            ("workbench-bench", "other", "and this version reads"),
            ("\"version\": 1", "\"version\": 2", "and this version reads"),
            ("300.0", "-1.0", "times that are none"),
            ("{", "", "no result of --bench"),
        ] {
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let found = run.bench_results().unwrap();
            let error = found[0].as_ref().unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
