//! TorchScript through libtorch's interpreter, on the device of the images.
//!
//! The interpreter otherwise watches its first runs and then computes with fused
//! operations, which round differently: here it runs a program as it is written, every
//! time, so that answers do not depend on how many there were before.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use tch::{CModule, IValue, Kind, TchError, Tensor as Native, jit};

use super::{ScriptAnswers, ScriptFacts, ScriptFile, TorchScriptError, unusable};
use crate::engine::device::caught;
use crate::engine::network::{int, native, of_native};
use crate::engine::onnx::SMALLEST;
use crate::experiment::spec::Scores;
use crate::untrusted::clean_line;

/// The engine and the version that the program was built with.
const ENGINE: &str = concat!("libtorch ", env!("LIBTORCH_VERSION"), " TorchScript");

/// Batches that a file is tried with which does not take one image: those that
/// programs are usually traced with.
const BATCHES: [usize; 8] = [2, 3, 4, 8, 16, 32, 64, 128];

/// Longest reason of libtorch that is shown, characters.
const LONGEST_REASON: usize = 300;

/// A model that is ready to answer. Clones share it.
#[derive(Clone)]
pub struct TorchScriptModel {
    path: PathBuf,
    program: Arc<CModule>,
    /// Where it computes.
    device: tch::Device,
    /// What its weights were before they became 32-bit floats.
    converted: Option<Kind>,
    answers: ScriptAnswers,
}

impl fmt::Debug for TorchScriptModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TorchScriptModel");
        shown
            .field("path", &self.path)
            .field("answers", &self.answers);
        shown.finish_non_exhaustive()
    }
}

impl TorchScriptModel {
    /// Opens a file for images on `device`, and finds out what it answers to images of
    /// this size: one, then two, and where it does not take them, as many as it does.
    ///
    /// # Errors
    /// libtorch refuses it, or it gives no scores of classes.
    pub fn first(
        file: &ScriptFile,
        answers: ScriptAnswers,
        size: (u32, u32),
        device: &Device,
    ) -> Result<(Self, ScriptFacts), TorchScriptError> {
        let mut model = Self::open(file, answers, device)?;
        let (scores, batch) = model.first_scores(size)?;
        model.answers.batch = batch;
        let classes = scores.size()[1] as usize;
        model.answers.classes = Some(classes);
        let parameters = model.program.named_parameters();
        let parameters = parameters.map_err(|error| model.refused(&reason(&error)))?;
        let count = |(_, value): &(String, Native)| value.numel() as u64;
        let parameters: u64 = parameters.iter().map(count).sum();
        let mut notes = Vec::new();
        if file.is_training {
            notes.push("it was saved in training mode, and is run in evaluation mode".to_owned());
        }
        if file.is_on_gpu && !model.device.is_cuda() {
            notes.push("it was saved on a GPU, and is run on the CPU".to_owned());
        }
        if let Some(kind) = model.converted {
            notes.push(format!(
                "its weights are of type {kind:?}, and are converted to 32-bit floats"
            ));
        }
        if let Some(batch) = batch {
            notes.push(format!("it always takes {batch} images at once"));
        }
        let sums = scores.sum_dim_intlist(-1, false, Kind::Float);
        let apart = (sums - 1.0).abs().max().double_value(&[]);
        let facts = ScriptFacts {
            classes,
            probabilities: apart < 1e-3 && scores.min().double_value(&[]) >= 0.0,
            // A frozen program has constants in their place.
            parameters: match parameters {
                0 => file.weights / size_of::<f32>() as u64,
                known => known,
            },
            notes,
        };
        Ok((model, facts))
    }

    /// Opens a file for images on `device`.
    ///
    /// # Errors
    /// libtorch refuses it.
    pub fn open(
        file: &ScriptFile,
        answers: ScriptAnswers,
        device: &Device,
    ) -> Result<Self, TorchScriptError> {
        let path = file.path().to_owned();
        let place = native(&Tensor::<1>::zeros([1], device));
        let place = place.map_or(tch::Device::Cpu, |it| it.device());
        let open = || -> Result<_, TchError> {
            let mut program = CModule::load_on_device(&path, place)?;
            program.f_set_eval()?;
            let converted = other_kind(&program)?;
            if converted.is_some() {
                program.to(place, Kind::Float, false);
            }
            Ok((program, converted))
        };
        let opened = interpreted(open).map_err(|reason| refused(&path, &reason));
        let (program, converted) = opened?;
        Ok(Self {
            path,
            program: Arc::new(program),
            device: place,
            converted,
            answers,
        })
    }

    /// The engine and its version.
    #[must_use]
    pub fn engine(&self) -> &str {
        ENGINE
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Images that are given at once, if always as many.
    #[must_use]
    pub fn batch(&self) -> Option<usize> {
        self.answers.batch
    }

    /// Whether it answers images of this size.
    #[must_use]
    pub fn takes(&self, size: (u32, u32)) -> bool {
        let blank = self.blank(self.answers.batch.unwrap_or(1), size);
        self.scores(&blank).is_ok()
    }

    /// Logits `[batch, classes]` of normalised images `[batch, 3, height, width]`.
    ///
    /// # Errors
    /// libtorch failed, or the scores are not what they should be.
    pub fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, TorchScriptError> {
        let device = images.device();
        let (given, is_native) = match native(&images) {
            Some(given) => (given, true),
            None => (self.copied(images)?, false),
        };
        let given = given.contiguous();
        let count = given.size()[0];
        let logits = match self.answers.batch.map(int) {
            None => self.taken(&given)?,
            Some(batch) => {
                let mut rows = Vec::new();
                for part in given.split(batch, 0) {
                    let images = part.size()[0];
                    let mut sides = part.size();
                    sides[0] = batch - images;
                    // Black images stand for those that are not there.
                    let filled = Native::cat(
                        &[&part, &part.new_zeros(&sides, (Kind::Float, self.device))],
                        0,
                    );
                    rows.push(self.taken(&filled)?.narrow(0, 0, images));
                }
                Native::cat(&rows, 0)
            }
        };
        if is_native {
            return Ok(of_native(logits));
        }
        let sides = [count as usize, logits.size()[1] as usize];
        let values = Vec::<f32>::try_from(logits.flatten(0, -1));
        let values = values.map_err(|error| self.refused(&reason(&error)))?;
        Ok(Tensor::from_data(TensorData::new(values, sides), &device))
    }

    /// Images of another backend where libtorch computes.
    fn copied(&self, images: Tensor<4>) -> Result<Native, TorchScriptError> {
        let sides = images.dims().map(int);
        let values: Result<Vec<f32>, _> = images.into_data().try_to_vec();
        let values = values.map_err(|error| self.refused(&format!("{error:?}")))?;
        Ok(Native::from_slice(&values)
            .reshape(sides)
            .to_device(self.device))
    }

    /// The logits of the classes that are taken.
    fn taken(&self, images: &Native) -> Result<Native, TorchScriptError> {
        let scores = self.scores(images)?;
        let classes = scores.size()[1];
        let scores = match &self.answers.taken {
            Some(taken) if taken.iter().any(|&output| int(output) >= classes) => {
                return Err(self.refused(&format!("it gives {classes} scores only")));
            }
            Some(taken) => {
                let taken: Vec<i64> = taken.iter().map(|&output| int(output)).collect();
                scores.index_select(1, &Native::from_slice(&taken).to_device(self.device))
            }
            None => scores,
        };
        if self.answers.scores != Some(Scores::Probabilities) {
            return Ok(scores);
        }
        let [least, most] = [scores.min(), scores.max()].map(|it| it.double_value(&[]) as f32);
        if let Some(score) = [least, most].iter().find(|score| !is_probability(**score)) {
            return Err(self.refused(&format!(
                "it gives {score}, which is not a probability; write scores: Logits"
            )));
        }
        Ok(scores.clamp_min(f64::from(SMALLEST)).log())
    }

    /// The scores `[batch, classes]` of images on its device.
    fn scores(&self, images: &Native) -> Result<Native, TorchScriptError> {
        let run = || {
            let given = [IValue::Tensor(images.shallow_clone())];
            self.program.forward_is(&given)
        };
        let given = interpreted(run).map_err(|reason| self.refused(&reason))?;
        let outputs = Outputs::of(given);
        let output = outputs.chosen(self.answers.output.as_deref(), images.size()[0]);
        let (name, output) = output.map_err(|problem| unusable(&self.path, problem))?;
        let sides = output.size();
        let classes = match sides.as_slice() {
            [_, classes] | [_, classes, 1, 1] if sides[0] == images.size()[0] && *classes > 0 => {
                *classes
            }
            _ => {
                return Err(self.refused(&format!(
                    "it gives {name}{sides:?} for {} images, and the scores of classes are \
                     [batch, classes]",
                    images.size()[0]
                )));
            }
        };
        // A program may decide that anew each time; what its outputs stand for is decided once.
        if let Some(known) = self.answers.classes.filter(|known| int(*known) != classes) {
            return Err(self.refused(&format!(
                "it gives {classes} scores for each of {} images, and gave {known} when it was \
                 checked",
                images.size()[0]
            )));
        }
        if !output.is_floating_point() {
            let kind = output.kind();
            return Err(self.refused(&format!("its scores are of type {kind:?}, not floats")));
        }
        let scores = output.to_device(self.device).to_kind(Kind::Float);
        Ok(scores.reshape([-1, classes]))
    }

    fn blank(&self, batch: usize, (height, width): (u32, u32)) -> Native {
        let sides = [int(batch), 3, i64::from(height), i64::from(width)];
        Native::zeros(sides, (Kind::Float, self.device))
    }

    /// The scores of black images, and how many are given at once if always as many.
    fn first_scores(&self, size: (u32, u32)) -> Result<(Native, Option<usize>), TorchScriptError> {
        let scores = |batch| self.scores(&self.blank(batch, size));
        let first = match scores(1) {
            Ok(first) => {
                let is_dynamic = scores(2).is_ok();
                return Ok((first, (!is_dynamic).then_some(1)));
            }
            Err(error) => error,
        };
        // What is wrong with one image may be wrong with any number of them.
        let mut fixed = BATCHES.into_iter();
        let fixed = fixed.find_map(|batch| Some((scores(batch).ok()?, Some(batch))));
        fixed.ok_or(first)
    }

    fn refused(&self, reason: &str) -> TorchScriptError {
        refused(&self.path, reason)
    }
}

fn refused(path: &Path, reason: &str) -> TorchScriptError {
    TorchScriptError::Engine {
        path: path.to_owned(),
        engine: ENGINE.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What a program gives, by name or place.
enum Outputs {
    One(Native),
    Several(Vec<(String, Native)>),
    None,
}

impl Outputs {
    fn of(value: IValue) -> Self {
        let tensor = |value| match value {
            IValue::Tensor(tensor) => Some(tensor),
            _ => None,
        };
        let placed = |(at, value)| Some((format!("{at}"), tensor(value)?));
        let named = |(name, value)| match name {
            IValue::String(name) => Some((name, tensor(value)?)),
            _ => None,
        };
        match value {
            IValue::Tensor(tensor) => Self::One(tensor),
            IValue::Tuple(values) | IValue::GenericList(values) => {
                Self::Several(values.into_iter().enumerate().filter_map(placed).collect())
            }
            IValue::TensorList(values) => {
                let values = values.into_iter().enumerate();
                Self::Several(values.map(|(at, value)| (at.to_string(), value)).collect())
            }
            IValue::GenericDict(values) => {
                Self::Several(values.into_iter().filter_map(named).collect())
            }
            _ => Self::None,
        }
    }

    /// That of this name, or the only one that can be the scores of `batch` images.
    fn chosen(self, name: Option<&str>, batch: i64) -> Result<(String, Native), String> {
        let outputs = match (self, name) {
            (Self::One(output), None) => return Ok((String::new(), output)),
            (Self::One(_), Some(name)) => {
                return Err(format!(
                    "it gives one tensor, and none that is called `{name}`; remove `output`"
                ));
            }
            (Self::Several(outputs), _) if !outputs.is_empty() => outputs,
            _ => return Err("it gives no tensor, nor several by name or place".to_owned()),
        };
        let shown = |(name, output): &(String, Native)| {
            format!("`{}` {:?}", clean_line(name), output.size())
        };
        let listed: Vec<String> = outputs.iter().take(8).map(shown).collect();
        let listed = listed.join(", ");
        let is_scores = |output: &Native| output.size().len() == 2 && output.size()[0] == batch;
        let is_meant = |(own, output): &(String, Native)| match name {
            Some(name) => own == name,
            None => is_scores(output),
        };
        let mut meant = outputs.into_iter().filter(is_meant);
        match (meant.next(), meant.next(), name) {
            (Some((name, output)), None, _) => Ok((format!("`{}` ", clean_line(&name)), output)),
            (_, _, Some(name)) => Err(format!(
                "it has no output `{}`; its outputs are {listed}",
                clean_line(name)
            )),
            _ => Err(format!(
                "it has several outputs ({listed}); say which are the logits: output: \"…\""
            )),
        }
    }
}

fn is_probability(score: f32) -> bool {
    (-0.001..=1.001).contains(&score)
}

/// The type of a program's parameters, where they are floats of another.
fn other_kind(program: &CModule) -> Result<Option<Kind>, TchError> {
    let parameters = program.named_parameters()?;
    let kinds = parameters.iter().map(|(_, value)| value.kind());
    let mut others =
        kinds.filter(|kind| matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Double));
    Ok(others.next())
}

/// Does something in the interpreter, without gradients and without what would make its
/// runs differ.
fn interpreted<T>(work: impl FnOnce() -> Result<T, TchError>) -> Result<T, String> {
    let found = caught(|| {
        let _guard = tch::no_grad_guard();
        // Of this thread.
        jit::f_set_graph_executor_optimize(false)?;
        work()
    });
    match found {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(reason(&error)),
        Err(panic) => Err(shortened(&panic)),
    }
}

fn reason(error: &TchError) -> String {
    match error {
        TchError::Torch(text) => shortened(text),
        other => shortened(&other.to_string()),
    }
}

/// What went wrong, of libtorch's pages on where.
fn shortened(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut errors = lines.clone().filter(|line| {
        line.split_once(": ")
            .is_some_and(|(kind, _)| kind.ends_with("Error"))
    });
    let line = errors
        .next_back()
        .or(lines.clone().next())
        .unwrap_or("no reason given");
    clean_line(line).chars().take(LONGEST_REASON).collect()
}
