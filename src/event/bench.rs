//! How fast models are, measured on a machine.

use serde::{Deserialize, Serialize};

use super::export::PixelFormat;
use crate::experiment::metric::Cost;
use crate::experiment::spec::OnnxEngine;

/// Models that were measured on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Where it was measured.
    pub machine: BenchMachine,
    /// One for every model, file, engine, batch and number of threads.
    pub rows: Vec<BenchRow>,
    /// Files that an engine did not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<Unmeasured>,
}

/// A file that an engine did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmeasured {
    /// Of which model.
    pub model: BenchModel,
    /// Name of the file.
    pub file: String,
    /// The engine.
    pub engine: String,
    /// Why not, in a line.
    pub reason: String,
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

/// What a file computes with.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// 16-bit floats.
    Fp16,
    /// 8-bit integers, at least in part.
    Int8,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fp32, Self::Fp16, Self::Int8];

    /// What stands behind the name of what computes with it; nothing where that is usual.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Fp32 => "",
            Self::Fp16 => " fp16",
            Self::Int8 => " int8",
        }
    }

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Int8 => "int8",
        }
    }
}

/// One model in one engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchRow {
    /// Which.
    pub model: BenchModel,
    /// Name of the ONNX file that was run; none where the engine ran that trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What it computes with.
    #[serde(default)]
    pub variant: Variant,
    /// How the ONNX file takes images; absent in results of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<PixelFormat>,
    /// BLAKE3 of the file that was run, hexadecimal; of its weights where that was temporary.
    pub weights: String,
    /// BLAKE3 of the student's weights that it was made of, as a journal names a
    /// checkpoint's; known in the results that a run keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_of: Option<String>,
    /// Which engine of ONNX files ran it; none if the one that trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx: Option<OnnxEngine>,
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
    /// Most memory that the measuring process had at once, bytes; 0 if not known.
    pub peak_memory: u64,
    /// Length of the model's file, bytes.
    pub file_bytes: u64,
    /// Multiply-accumulates of one image, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macs: Option<u64>,
    /// Top-1 of the file on the run's validation images, where it was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
}

impl Measurement {
    /// The row that stands for the speed of a run's student: one image at a time on
    /// one thread; its ONNX file in onnxruntime, else in rten, else the engine that
    /// trained; of several files the first.
    #[must_use]
    pub fn of_student(&self, variant: Variant) -> Option<&BenchRow> {
        let stands = |row: &&BenchRow| {
            row.model == BenchModel::Student
                && row.variant == variant
                && (row.batch, row.threads) == (1, 1)
        };
        self.rows.iter().filter(stands).min_by_key(|row| row.rank())
    }

    /// What gates, tables and pictures say of the student's speed and size: with 32-bit
    /// floats, or with fewer bits where only those were measured.
    #[must_use]
    pub fn cost(&self, cost: Cost) -> Option<f64> {
        let mut rows = Variant::ALL.into_iter();
        rows.find_map(|variant| self.of_student(variant))?
            .cost(cost)
    }
}

impl BenchRow {
    fn rank(&self) -> u8 {
        match self.onnx {
            Some(OnnxEngine::OnnxRuntime | OnnxEngine::OnnxRuntimeCuda(_)) => 0,
            Some(OnnxEngine::Auto | OnnxEngine::Rten) => 1,
            None => 2,
        }
    }

    /// One of its numbers.
    #[must_use]
    pub fn cost(&self, cost: Cost) -> Option<f64> {
        match cost {
            Cost::P50 => Some(self.p50_ms),
            Cost::P90 => Some(self.p90_ms),
            Cost::P99 => Some(self.p99_ms),
            Cost::ImagesPerSecond => Some(self.images_per_second),
            Cost::PeakMemory => (self.peak_memory > 0).then_some(self.peak_memory as f64),
            Cost::FileBytes => Some(self.file_bytes as f64),
            Cost::Macs => self.macs.map(|macs| macs as f64),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A row of a student's ONNX file.
    pub(crate) fn bench_row(onnx: Option<OnnxEngine>, p50_ms: f64) -> BenchRow {
        BenchRow {
            model: BenchModel::Student,
            file: onnx.map(|_| "a.onnx".to_owned()),
            variant: Variant::Fp32,
            input: onnx.map(|_| PixelFormat::Float),
            weights: "ab".to_owned(),
            made_of: None,
            onnx,
            engine: "rten 0.27".to_owned(),
            batch: 1,
            threads: 1,
            runs: 200,
            p50_ms,
            p90_ms: p50_ms * 1.5,
            p99_ms: p50_ms * 2.0,
            images_per_second: 1000.0 / p50_ms,
            peak_memory: 20 << 20,
            file_bytes: 1_200_000,
            macs: Some(40_000_000),
            top1: None,
        }
    }

    /// What a processor measured.
    pub(crate) fn measured(processor: &str, rows: Vec<BenchRow>) -> Measurement {
        Measurement {
            machine: BenchMachine {
                processor: processor.to_owned(),
                threads: 4,
                system: "linux aarch64".to_owned(),
            },
            rows,
            unmeasured: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{bench_row, measured};
    use super::*;

    #[test]
    fn a_student_is_as_fast_as_its_file_is_in_onnxruntime_on_one_thread() {
        let rten = bench_row(Some(OnnxEngine::Rten), 3.0);
        let own = bench_row(None, 9.0);
        let batch = BenchRow {
            batch: 32,
            ..bench_row(Some(OnnxEngine::OnnxRuntime), 30.0)
        };
        let int8 = BenchRow {
            variant: Variant::Int8,
            ..bench_row(Some(OnnxEngine::OnnxRuntime), 1.0)
        };
        let teacher = BenchRow {
            model: BenchModel::Teacher,
            ..bench_row(Some(OnnxEngine::OnnxRuntime), 50.0)
        };
        let rows = vec![teacher, batch, int8, own, rten];
        let without = measured("a", rows.clone());
        assert_eq!(without.cost(Cost::P50), Some(3.0));
        let fast = bench_row(Some(OnnxEngine::OnnxRuntime), 2.0);
        let with = measured("a", [rows, vec![fast]].concat());
        assert_eq!(with.cost(Cost::P50), Some(2.0));
        assert_eq!(with.of_student(Variant::Int8).unwrap().p50_ms, 1.0);
        assert_eq!(measured("a", vec![]).cost(Cost::P50), None);
    }
}
