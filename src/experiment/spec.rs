//! What was written: the experiment file as serde sees it.
//!
//! Nothing here is checked beyond its type. [`super::plan`] turns a `Spec` into
//! a `Plan` in which every value is valid; nothing past the plan checks a range
//! again. A run folder keeps the spec, not the plan, so that it can be read and
//! run again by a person.

mod defaults;
mod weights;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::augment::Operation;
pub use super::device::{DeviceSpec, LibTorchDevice};
use super::method::MethodSpec;
use super::metric::ValidMetric;
use super::model::Model;
use super::schedule::Schedule;
use crate::format::number;
pub use weights::{ChannelOrder, ClassNames, Head, InputNormalize, OnnxEngine, Scores};

/// An experiment file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Experiment")]
pub struct Spec {
    /// Name of the runs; the file's name without extension if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Seed of everything random: split, initial weights, order, augmentation.
    #[serde(default)]
    pub seed: u64,
    /// Where tensors live.
    #[serde(default)]
    pub device: DeviceSpec,
    /// Images.
    pub data: DataSpec,
    /// The model that teaches; none for `Scratch`.
    #[serde(default)]
    pub teacher: Option<TeacherSpec>,
    /// The model that learns.
    pub student: StudentSpec,
    /// Operations of the augmentation pipeline, in order.
    #[serde(default)]
    pub augment: Vec<Operation>,
    /// How the student is taught.
    pub method: MethodSpec,
    /// How weights are updated.
    #[serde(default)]
    pub optimizer: OptimizerSpec,
    /// Learning rate over time.
    #[serde(default = "defaults::lr")]
    pub lr: Schedule,
    /// Schedules of other knobs by name (`--check` lists the names); a knob
    /// that is not here keeps the value its method gives it.
    #[serde(default)]
    pub knobs: BTreeMap<String, Schedule>,
    /// Passes over the training images.
    pub epochs: u32,
    /// Images in a step, labelled and unlabelled, before views are made.
    #[serde(default = "defaults::batch")]
    pub batch: usize,
    /// Which training images an epoch has.
    #[serde(default)]
    pub sampler: SamplerSpec,
    /// Parts that a batch goes through the networks in, one after another.
    #[serde(default = "defaults::accumulate")]
    pub accumulate: usize,
    /// Numbers that convolutions and linear layers are computed with.
    #[serde(default)]
    pub precision: Precision,
    /// What counts as a round of an adaptive method.
    #[serde(default)]
    pub round: RoundSpec,
    /// Greatest global L2 norm of the gradient; longer ones are scaled down.
    #[serde(default)]
    pub clip: Option<f64>,
    /// Decay of an exponential moving average of the weights, in (0, 1), that
    /// is evaluated and saved in place of them.
    #[serde(default)]
    pub ema: Option<f64>,
    /// Share of the label's probability spread over all classes, in [0, 1).
    #[serde(default)]
    pub label_smoothing: f64,
    /// What a label counts by its class in the truth term; all alike if absent.
    #[serde(default)]
    pub class_weights: Option<ClassWeights>,
    /// How truth terms compare the student with their target.
    #[serde(default)]
    pub truth_loss: TruthLossSpec,
    /// Steps between two rows of numbers in the run's series.
    #[serde(default = "defaults::log_every")]
    pub log_every: u32,
    /// Steps between two checkpoints; one at the end of every epoch if absent.
    #[serde(default)]
    pub checkpoint_every: Option<u32>,
    /// By what the best checkpoint is chosen, on the validation images.
    #[serde(default)]
    pub metric: ValidMetric,
    /// Ends the student's training where a metric no longer improves.
    #[serde(default)]
    pub early_stop: Option<EarlyStopSpec>,
    /// What follows the student's training.
    #[serde(default)]
    pub finish: Option<FinishSpec>,
    /// What the student is written as when the run is completed.
    #[serde(default)]
    pub export: Option<ExportSpec>,
    /// Conditions on the results that decide the exit code.
    #[serde(default)]
    pub gates: Vec<Gate>,
}

/// Which training images an epoch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SamplerSpec {
    /// Every image once, shuffled.
    #[default]
    Shuffle,
    /// As many places for every class: images of rare classes come more than once.
    Balanced,
}

impl SamplerSpec {
    /// Whether every image comes once.
    #[must_use]
    pub fn is_shuffle(&self) -> bool {
        *self == Self::Shuffle
    }
}

/// What a label counts by its class in the truth term.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ClassWeights {
    /// Each class as much as every other: n / (C · n of the class), of n training images
    /// of C classes (scikit-learn's `balanced`; King and Zeng, 2001).
    Balanced,
    /// Given, by class in their order.
    Each(Vec<f64>),
}

/// How truth terms compare the student with their target. With logits s and targets t, both
/// `[batch, classes]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum TruthLossSpec {
    /// −Σ t ln softmax(s) of every image.
    #[default]
    CrossEntropy,
    /// −t ln σ(s) − (1 − t) ln σ(−s) of every class for itself (Wightman et al., 2021).
    BinaryCrossEntropy(BinarySpec),
}

/// How a loss of every class for itself is taken.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinarySpec {
    /// Targets above this are 1, and all others 0; they stay as they are if absent.
    #[serde(default)]
    pub target_threshold: Option<f64>,
    /// Whether an image's loss is the sum over the classes in place of their mean.
    #[serde(default)]
    pub sum_classes: bool,
}

impl TruthLossSpec {
    /// Whether it is the usual one.
    #[must_use]
    pub fn is_cross_entropy(&self) -> bool {
        *self == Self::CrossEntropy
    }
}

/// When the student's training ends before its epochs are over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopSpec {
    /// Epochs without an improvement after which it ends.
    pub patience: u32,
    /// What an improvement has to exceed, in the metric's own unit.
    #[serde(default)]
    pub min_delta: f64,
    /// What has to improve; that by which the best checkpoint is chosen if absent.
    #[serde(default)]
    pub metric: Option<ValidMetric>,
}

/// What follows the student's training, by the same method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum FinishSpec {
    /// More epochs in which weights and activations are rounded as 8-bit integers are.
    Quantize(QuantizeSpec),
}

/// How a student learns to be rounded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantizeSpec {
    /// Passes over the training images, after the others.
    pub epochs: u32,
    /// Learning rate at their start, which falls to 0; a hundredth of the greatest of
    /// the training if absent.
    #[serde(default)]
    pub learning_rate: Option<f64>,
    /// Bits of a weight, 7 or 8.
    #[serde(default = "defaults::weight_bits")]
    pub weight_bits: u8,
}

/// What a student is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportSpec {
    /// An ONNX file that takes normalised floats.
    Onnx,
    /// An ONNX file that takes RGB bytes.
    OnnxUint8,
    /// An ONNX file that computes with 16-bit floats.
    Fp16(Fp16Spec),
    /// An ONNX file that computes with 8-bit integers.
    Int8(Int8Spec),
}

impl ExportSpec {
    /// Whether the file takes RGB bytes.
    #[must_use]
    pub fn takes_bytes(self) -> bool {
        match self {
            Self::Onnx => false,
            Self::OnnxUint8 => true,
            Self::Fp16(fp16) => fp16.uint8,
            Self::Int8(int8) => int8.uint8,
        }
    }
}

/// How a file with 16-bit floats is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fp16Spec {
    /// Whether the file takes RGB bytes.
    #[serde(default)]
    pub uint8: bool,
}

/// How a student comes to 8-bit integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Int8Spec {
    /// Training images by which the ranges of activations are found.
    #[serde(default = "defaults::calibration_images")]
    pub images: u32,
    /// Seed by which these are chosen.
    #[serde(default)]
    pub seed: u64,
    /// Bits of a weight, 7 or 8; as many as the processor here takes if absent.
    #[serde(default)]
    pub weight_bits: Option<u8>,
    /// Whether the file takes RGB bytes.
    #[serde(default)]
    pub uint8: bool,
}

impl Default for Int8Spec {
    fn default() -> Self {
        Self {
            images: defaults::calibration_images(),
            seed: 0,
            weight_bits: None,
            uint8: false,
        }
    }
}

/// Where images come from and how they are prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Images to learn from.
    pub train: Source,
    /// Images to choose the best checkpoint by, evaluated every epoch.
    #[serde(default)]
    pub valid: ValidSpec,
    /// Images to report on, evaluated once at the end.
    #[serde(default)]
    pub test: Option<Source>,
    /// Images without labels, mixed into every batch.
    #[serde(default)]
    pub unlabelled: Option<UnlabelledSpec>,
    /// Height and width in pixels to which every image is resized; the most
    /// common size of the training images if absent.
    #[serde(default)]
    pub size: Option<(u32, u32)>,
    /// Per-channel mean and standard deviation of pixels in [0, 1].
    #[serde(default)]
    pub normalize: NormalizeSpec,
    /// Order of classes that are named by folders: which is the first, the
    /// second and so on among a model's outputs.
    #[serde(default)]
    pub order: ClassOrder,
    /// Greatest share of unreadable images that is tolerated, in [0, 1].
    #[serde(default = "defaults::max_bad")]
    pub max_bad: f64,
    /// Greatest width × height of an image that is decoded, pixels. All images
    /// being decoded together take 2 bytes of memory for each.
    #[serde(default = "defaults::max_pixels")]
    pub max_pixels: u64,
    /// Decoded images are kept in memory up to this many megabytes; larger
    /// sets are read again every epoch.
    #[serde(default = "defaults::memory_mb")]
    pub memory_mb: u64,
    /// Threads that decode and augment; one per core if absent. Has no effect
    /// on results.
    #[serde(default)]
    pub workers: Option<usize>,
}

/// A set of images with labels (or, under `unlabelled`, without).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// One subfolder per class, images anywhere below it. Under `unlabelled`:
    /// images anywhere below the folder. Relative paths start at the folder of
    /// the experiment file.
    ImageFolder(PathBuf),
    /// A table of image files: .csv or .tsv with a header, or a text with a path and a
    /// label in each line.
    List(ImageList),
    /// MNIST-style IDX files, plain or .gz.
    Idx(IdxFiles),
    /// CIFAR-10 binary batches, plain or .gz: one label byte, 3072 pixel bytes.
    Cifar10(Vec<PathBuf>),
    /// CIFAR-100 binary batches, plain or .gz: coarse and fine label bytes (the
    /// fine one is used), 3072 pixel bytes.
    Cifar100(Vec<PathBuf>),
    /// Generated pictures of shapes; needs no files.
    Shapes(Shapes),
}

/// Image files that a table names. Relative paths in it start at its own folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageList {
    /// The table. Its columns are `path`, `label` and, with `split`, `split`.
    pub file: PathBuf,
    /// The rows whose column `split` has this value; all rows if absent.
    #[serde(default)]
    pub split: Option<String>,
}

/// A pair of IDX files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// The file of images (magic 0x00000803).
    pub images: PathBuf,
    /// The file of labels (magic 0x00000801).
    pub labels: PathBuf,
}

/// A generated set: one shape per class on a cluttered, noisy background, at
/// random place, size, angle and colours. Pixels alone do not separate the
/// classes linearly; a person distinguishes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shapes {
    /// Number of classes, 2 to 10.
    #[serde(default = "defaults::shape_classes")]
    pub classes: u32,
    /// Number of images, spread evenly over the classes.
    pub count: u32,
    /// Height and width, pixels, 8 to 256.
    #[serde(default = "defaults::shape_size")]
    pub size: u32,
    /// 0 (clean) to 1 (strong noise, clutter and low contrast).
    #[serde(default = "defaults::shape_difficulty")]
    pub difficulty: f32,
    /// Seed of the pictures; sets with different seeds share no image.
    #[serde(default)]
    pub seed: u64,
}

/// Where validation images come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ValidSpec {
    /// This fraction of the training images, the same share of every class,
    /// chosen by the seed and not trained on.
    Holdout(f64),
    /// A separate set.
    Set(Source),
}

/// Unlabelled images and how many of them are in a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlabelledSpec {
    /// The images.
    pub source: Source,
    /// Unlabelled images per labelled image in a batch, positive.
    #[serde(default = "defaults::unlabelled_ratio")]
    pub ratio: f64,
}

/// How pixels are normalised.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum NormalizeSpec {
    /// Mean and standard deviation of the training images, measured.
    #[default]
    Measure,
    /// Given, for red, green and blue, of pixels in [0, 1].
    Given {
        /// Means.
        mean: [f32; 3],
        /// Standard deviations, positive.
        std: [f32; 3],
    },
}

/// The order of classes that are named by folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ClassOrder {
    /// By the bytes of their names, as torchvision's `ImageFolder` has it: 1, 10,
    /// 2.
    #[default]
    Bytes,
    /// The same, but numbers in names count as numbers: 1, 2, 10.
    Natural,
}

/// The model that teaches and where its weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherSpec {
    /// The model; absent where the file of its weights holds its layout, too.
    #[serde(default)]
    pub model: Option<Model>,
    /// Its weights.
    pub weights: TeacherWeights,
    /// Of raw weights and their moving average in one file: the average if
    /// true, the raw ones if false; the average where there is one if absent.
    #[serde(default)]
    pub ema: Option<bool>,
    /// Names of the file's classes in the order of its outputs; as the file or
    /// the `model.json` beside it says if absent.
    #[serde(default)]
    pub classes: Option<ClassNames>,
    /// Mean and std by which its images are normalised; as the file or the
    /// `model.json` beside it says if absent, else as the data's.
    #[serde(default)]
    pub normalize: Option<InputNormalize>,
    /// Height and width of its images, pixels; as the file or the `model.json`
    /// beside it says if absent, else those of the data.
    #[serde(default)]
    pub size: Option<(u32, u32)>,
    /// Order of the colours of its images.
    #[serde(default)]
    pub channels: ChannelOrder,
    /// Name of the output of an ONNX or TorchScript file that holds the scores of the
    /// classes, its place where it has none; the only one that can be if absent.
    #[serde(default)]
    pub output: Option<String>,
    /// What the scores of an ONNX or TorchScript file are; probabilities if they come out of a
    /// softmax, else logits, if absent.
    #[serde(default)]
    pub scores: Option<Scores>,
    /// What runs its ONNX file.
    #[serde(default)]
    pub engine: OnnxEngine,
    /// Whether it teaches although its validation accuracy speaks against it.
    #[serde(default)]
    pub trusted: bool,
    /// What it counts beside the other members of an ensemble; 1 if absent.
    #[serde(default)]
    pub share: Option<f64>,
}

impl TeacherSpec {
    /// Those that are asked, each with its place in the experiment: the members of an
    /// ensemble, or the teacher alone.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, &Self)> {
        match &self.weights {
            TeacherWeights::Ensemble(members) => {
                let places = (0..).map(member_place);
                places.zip(members).collect()
            }
            _ => vec![("teacher".to_owned(), self)],
        }
    }
}

/// The place in an experiment of a member of an ensemble, counted from 0.
#[must_use]
pub fn member_place(at: usize) -> String {
    format!("teacher.weights.Ensemble[{at}]")
}

/// Where a teacher's weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TeacherWeights {
    /// A safetensors file, or a `PyTorch` .pt / .pth state dict, with
    /// torchvision-style names after a prefix of any kind.
    File(PathBuf),
    /// An ONNX file: layout and weights of any classifier.
    Onnx(PathBuf),
    /// A TorchScript file: the same, run by libtorch.
    TorchScript(PathBuf),
    /// A safetensors file of answers that were computed elsewhere, by the content of
    /// their images.
    Logits(PathBuf),
    /// Several teachers, whose logits are averaged.
    Ensemble(Vec<TeacherSpec>),
    /// Trained first on the same images with cross-entropy, and kept for every
    /// later run for which it would be the same.
    Train(TeacherTraining),
}

/// How a teacher is trained; what is absent is as for the student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherTraining {
    /// Passes over the training images.
    pub epochs: u32,
    /// Augmentation probability.
    #[serde(default = "defaults::teacher_p")]
    pub p1: f64,
    /// Learning rate over time.
    #[serde(default)]
    pub lr: Option<Schedule>,
    /// How weights are updated.
    #[serde(default)]
    pub optimizer: Option<OptimizerSpec>,
}

/// The model that learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudentSpec {
    /// The model.
    pub model: Model,
    /// Weights to start from; random if absent.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// Of raw weights and their moving average in that file: the average if
    /// true, the raw ones if false; the average where there is one if absent.
    #[serde(default)]
    pub ema: Option<bool>,
    /// Whether its classifier starts from that file, too.
    #[serde(default)]
    pub head: Head,
    /// Modules whose parameters training leaves as they are, by their paths.
    #[serde(default)]
    pub freeze: Vec<String>,
    /// What the learning rate of a block is, of that of the next one, from the classifier to
    /// the images.
    #[serde(default = "defaults::layer_decay")]
    pub layer_decay: f64,
}

/// Numbers that convolutions and linear layers of a step are computed with, those of a
/// teacher included. Weights, normalisation, losses, gradients of the weights and
/// evaluation are of 32-bit floats in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// bfloat16: the range of a 32-bit float in half of its bits, so that no loss has to
    /// be scaled.
    Bf16,
}

impl Precision {
    /// Whether everything is of 32-bit floats.
    #[must_use]
    pub fn is_fp32(&self) -> bool {
        *self == Self::Fp32
    }
}

/// How weights are updated. Weight decay leaves normalisation parameters and
/// biases alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OptimizerSpec {
    /// Stochastic gradient descent as `PyTorch` defines it.
    Sgd {
        /// Momentum, in [0, 1).
        #[serde(default = "defaults::momentum")]
        momentum: f64,
        /// Nesterov momentum; needs momentum.
        #[serde(default)]
        nesterov: bool,
        /// Added to the gradient: decay · weight.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    AdamW {
        /// Decay of the first and second moment, in [0, 1).
        #[serde(default = "defaults::betas")]
        betas: (f64, f64),
        /// Added to the denominator, positive.
        #[serde(default = "defaults::epsilon")]
        epsilon: f64,
        /// Multiplied with lr and the weight.
        #[serde(default)]
        weight_decay: f64,
    },
}

/// What counts as a round of an adaptive method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RoundSpec {
    /// One pass over the training images.
    #[default]
    Epoch,
    /// This many steps; the last round may be shorter.
    Steps(u32),
}

/// A condition on a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Gate {
    /// The metric is at least the bound.
    AtLeast(String, Bound),
    /// The metric is at most the bound.
    AtMost(String, Bound),
}

/// `test/top1 ≥ 0.75`.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(metric, bound) => write!(f, "{metric} ≥ {bound}"),
            Self::AtMost(metric, bound) => write!(f, "{metric} ≤ {bound}"),
        }
    }
}

/// In words, with plain numbers.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(number))
    }
}

impl Bound {
    /// A number, or a run by its name, ± what is tolerated, with numbers as `value` writes
    /// them.
    #[must_use]
    pub fn words(&self, value: impl Fn(f64) -> String) -> String {
        match self {
            Self::Value(bound) => value(*bound),
            Self::Run { run, tolerance } => {
                let name = run.file_name().unwrap_or(run.as_os_str());
                let name = name.to_string_lossy();
                if *tolerance == 0.0 {
                    return name.into_owned();
                }
                format!("{name} ± {}", value(*tolerance))
            }
        }
    }
}

/// What a metric is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// A number.
    Value(f64),
    /// The same metric of a finished run, give or take a tolerance in the
    /// metric's own unit.
    Run {
        /// The run's folder.
        run: PathBuf,
        /// How much worse still passes.
        #[serde(default)]
        tolerance: f64,
    },
}

impl Default for OptimizerSpec {
    fn default() -> Self {
        Self::Sgd {
            momentum: defaults::momentum(),
            nesterov: false,
            weight_decay: 0.0,
        }
    }
}

impl Default for ValidSpec {
    fn default() -> Self {
        Self::Holdout(0.1)
    }
}
