//! The training loop: one for every method, model and phase.
//!
//! At every step boundary commands are applied; then one step is made, numbers
//! are logged, and at the end of a round, an epoch or a checkpoint
//! interval the controller decides, the model is evaluated, a checkpoint is
//! written. All that the next step depends on is in [`FitState`], the weights
//! and the optimizer, which is what makes resuming exact.

mod commands;
mod range_test;

use std::collections::BTreeMap;
use std::path::Path;

use super::answer_store::AnswerStore;
use super::checkpoint::{CheckpointFolder, Saved};
use super::classify::Classify;
use super::evaluate::{Evaluator, Subject, image_tensor};
use super::failure::{Failure, Remedy, WayOut};
use super::learner::Learner;
use super::metadata::{ModelMetadata, Trained};
use super::network::{FakeQuantization, Network};
use super::objective::teacher_views;
use super::probe::{ProbeWatch, ViewRecipe};
use super::quantize::{first_ranges, follow, ranges_follow};
use super::state::{Best, FitState};
use super::step::{self, KnownAnswers, StepError, StepReport, StepSettings, train_step};
use super::throughput::Throughput;
use super::weights::WeightsError;
use crate::data::{Batch, BatchRequest, Images, Loader};
use crate::event::inspection::metrics::TruthLoss;
use crate::event::{EvaluatedWeights, Evaluation, Phase, Position, RunEvent, StepRow};
use crate::experiment::plan::Training;
use crate::experiment::timeline::Timeline;
use crate::trainer::{CommandSource, EventSink};
use crate::untrusted::Show as _;

/// Least share of a view's images that stay as they are, on average, from which on
/// the teacher's answers on these are looked up: computing them all once costs a pass
/// over the training images.
const LEAST_UNTOUCHED: f64 = 0.25;

/// What a training needs that does not change while it runs.
pub struct FitContext<'a> {
    /// Which training.
    pub phase: Phase,
    /// What to do.
    pub training: &'a Training,
    /// Its steps, epochs and rounds.
    pub timeline: Timeline,
    /// What must be known to use its weights.
    pub metadata: ModelMetadata,
    /// The file of weights that it starts from.
    pub start_weights: Option<&'a Path>,
    /// Images.
    pub images: &'a Images,
    /// Validation images.
    pub valid: &'a Evaluator,
    /// The frozen teacher, on the plain device.
    pub teacher: Option<&'a dyn Classify>,
    /// BLAKE3 of its weights, where the run's folder has them.
    pub teacher_weights: Option<String>,
    /// Its answers on training images as they are, if they are kept.
    pub answers: Option<AnswerStore<'a>>,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Unlabelled images per labelled image.
    pub unlabelled_ratio: f64,
    /// Threads that decode and augment.
    pub workers: usize,
    /// Where checkpoints go.
    pub checkpoints: CheckpointFolder,
    /// Images through which it is watched.
    pub probe: Option<ProbeWatch>,
    /// Where events go.
    pub sink: &'a dyn EventSink,
}

/// How a training ended, failures aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FitEnd {
    /// All steps are done.
    Completed,
    /// A metric no longer improved; what finishes the training is done.
    StoppedEarly {
        /// Epochs completed then.
        epoch: u32,
        /// Epochs that it was to have.
        planned: u32,
        /// Which metric that was.
        reason: String,
    },
    /// Stopped at a step boundary and saved.
    Stopped {
        /// Who or what asked.
        reason: String,
    },
}

/// One training under way.
pub struct Fit<'a> {
    context: FitContext<'a>,
    timeline: Timeline,
    loader: Loader,
    learner: Learner,
    state: FitState,
    /// The step of the latest checkpoint, and of the first knob change since.
    saved_at: u64,
    changed_at: Option<u64>,
    /// The step at which a knob was changed last.
    touched_at: Option<u64>,
    meter: Throughput,
}

/// What a step is taken with.
struct NextBatch {
    step: u64,
    epoch: f64,
    knobs: BTreeMap<String, f64>,
    images: Batch,
    answers: Vec<KnownAnswers>,
    /// Share of the images that the teacher is still asked about, with kept answers.
    asked: Option<f64>,
}

impl<'a> Fit<'a> {
    /// A training from its beginning, or from where its latest checkpoint
    /// stands.
    ///
    /// # Errors
    /// If the checkpoint cannot be read or does not fit.
    pub fn new(context: FitContext<'a>, network: Network) -> Result<Self, Failure> {
        let training = context.training;
        let loader = Loader::new(
            context.images,
            &training.augment,
            training.batch,
            context.unlabelled_ratio,
            (context.seed, training.sampler),
            context.workers,
        );
        let timeline = context.timeline;
        let mut learner = Learner::new(network, training, context.seed);
        let state = context
            .checkpoints
            .load_latest(&mut learner, training, timeline)?
            .unwrap_or_else(|| FitState::new(training));
        Ok(Self {
            meter: Throughput::new(state.seconds),
            timeline: state.timeline(timeline, training),
            context,
            loader,
            learner,
            saved_at: state.step,
            state,
            changed_at: None,
            touched_at: None,
        })
    }

    /// Trains to the end or until it is stopped. The latest checkpoint
    /// stands at the step where this returns, unless it fails.
    ///
    /// # Errors
    /// If a step would poison the weights or a file cannot be read or written.
    pub fn run(mut self, inbox: &mut dyn CommandSource) -> Result<(FitEnd, Learner), Failure> {
        self.emit(RunEvent::PhaseStarted {
            phase: self.context.phase,
            steps: self.timeline.steps,
            steps_per_epoch: self.timeline.steps_per_epoch,
            step: self.state.step,
        });
        let (phase, metric) = (self.context.phase, self.context.training.metric);
        if !metric.is_top1() {
            self.emit(RunEvent::BestChosenBy { phase, metric });
        }
        if self.state.step == 0 {
            self.save()?;
        }
        while self.goes_on(inbox) {
            if self.state.evaluation_due {
                self.evaluate_as_due(inbox)?;
                continue;
            }
            if let Some(reason) = self.apply_commands(inbox)? {
                self.save()?;
                return Ok((FitEnd::Stopped { reason }, self.learner));
            }
            if self.state.step == self.timeline.steps {
                break;
            }
            self.begin_finish()?;
            self.step()?;
            if !self.state.evaluation_due && self.checkpoint_is_due() {
                self.save()?;
            }
        }
        self.emit(RunEvent::PhaseEnded {
            phase: self.context.phase,
            seconds: self.meter.seconds(),
        });
        Ok((self.end(), self.learner))
    }

    /// How it ended, once no steps are left.
    fn end(&self) -> FitEnd {
        let state = &self.state.early_stop;
        let rule = self.context.training.early_stop;
        match (rule, state.ended) {
            (Some(rule), Some(step)) => FitEnd::StoppedEarly {
                epoch: (step / self.timeline.steps_per_epoch) as u32,
                planned: self.state.length(self.context.training).epochs,
                reason: rule.reason(state),
            },
            _ => FitEnd::Completed,
        }
    }

    /// Whether steps or an evaluation are left, or an adjustment may make some more.
    fn goes_on(&self, inbox: &dyn CommandSource) -> bool {
        self.state.evaluation_due
            || self.state.step < self.timeline.steps
            || inbox.awaits(self.context.phase)
    }

    /// One step, its row of numbers, and the end of its round.
    fn step(&mut self) -> Result<(), Failure> {
        let training = self.context.training;
        let mut batch = self.next_batch()?;
        let lr = self.state.knobs.value(&training.lr.name, batch.epoch)?;
        let report = self.attempt(&mut batch, lr);
        let report = report.map_err(|error| self.explained_step(error, &batch))?;
        if let Some(decay) = training.ema {
            self.learner.follow(decay);
        }
        self.follow_ranges(&report);
        self.state.step += 1;
        self.log(&batch, &report);
        self.end_step(&report);
        Ok(())
    }

    /// The images of the step that is due, its knobs, and what is known of the teacher's
    /// answers; the batch after it is being made.
    fn next_batch(&mut self) -> Result<NextBatch, Failure> {
        let step = self.state.step;
        let epoch = self.timeline.epoch(step);
        let knobs = self.state.knobs.values(epoch);
        let request = self.request(step)?;
        let images = self.loader.batch(&request)?;
        self.warn_of_images();
        self.prefetch(step + 1)?;
        let (answers, asked) = self.known_answers(&images, &request.probabilities)?;
        Ok(NextBatch {
            step,
            epoch,
            knobs,
            images,
            answers,
            asked,
        })
    }

    /// Takes a step with this learning rate.
    fn attempt(&mut self, batch: &mut NextBatch, lr: f64) -> Result<StepReport, StepError> {
        let training = self.context.training;
        let (size, device) = (
            self.context.images.size,
            self.learner.network.device().clone(),
        );
        train_step(
            &mut self.learner.network,
            &mut self.learner.regressors,
            self.context.teacher,
            &mut self.learner.optimizer,
            &step::Batch {
                views: batch
                    .images
                    .views
                    .iter()
                    .map(|view| image_tensor(view, size, &device))
                    .collect(),
                labels: (0..batch.images.views.len())
                    .map(|view| batch.images.labels_of(view))
                    .collect(),
                mixed: batch.images.mixed.clone(),
                answers: std::mem::take(&mut batch.answers),
            },
            &StepSettings {
                objective: &training.objective,
                knobs: &batch.knobs,
                lr,
                clip: training.clip,
                truth: training.truth(),
                accumulate: training.accumulate,
                precision: training.precision,
            },
        )
    }

    /// Why a step of a run was not taken, and what to do.
    fn explained_step(&self, error: StepError, batch: &NextBatch) -> Failure {
        let (step, training) = (batch.step, self.context.training);
        let start = self.context.start_weights.filter(|_| step == 0);
        if let StepError::OutOfMemory { fits, .. } = error {
            let batch = training.batch;
            let remedy = self.remedy_by(WayOut::SmallerParts { batch, fits });
            return Failure::OutOfMemory {
                step,
                error,
                remedy,
            };
        }
        match start.zip(error.overflowed()) {
            Some((path, what)) => Failure::StartWeights {
                path: path.to_owned(),
                what,
            },
            None => Failure::Step {
                step,
                epoch: batch.epoch,
                error,
                remedy: self.remedy(&batch.knobs),
            },
        }
    }

    /// What the teacher answers on the images of every view that stayed as they are.
    /// Whether they are looked up is decided by the view's probability alone, so that
    /// it is the same whatever has been kept; where feature maps are compared the teacher is
    /// asked about every image, and nothing is looked up. With kept answers also the share of
    /// these views' images that the teacher is still asked about.
    fn known_answers(
        &mut self,
        batch: &Batch,
        probabilities: &[f64],
    ) -> Result<(Vec<KnownAnswers>, Option<f64>), Failure> {
        let mut known = vec![KnownAnswers::default(); batch.views.len()];
        let Some(store) = &mut self.context.answers else {
            return Ok((known, None));
        };
        let objective = &self.context.training.objective;
        let (views, compared) = (teacher_views(objective), objective.feature_views());
        let all: usize = views.iter().map(|&view| batch.places[view].len()).sum();
        for view in views.difference(&compared).copied() {
            let (Some(known), Some(untouched), Some(&p)) = (
                known.get_mut(view),
                batch.untouched.get(view),
                probabilities.get(view),
            ) else {
                continue;
            };
            if self.loader.untouched_share(p) < LEAST_UNTOUCHED {
                continue;
            }
            let places = &batch.places[view];
            let images = (0..places.len()).filter(|&image| untouched[image]);
            let images: Vec<usize> = images.collect();
            let samples = images.iter().map(|&image| batch.samples[places[image]]);
            let samples: Vec<u64> = samples.collect();
            for (image, row) in images.into_iter().zip(store.logits(&samples)?) {
                if let Some(row) = row {
                    known.images.push(image);
                    known.logits.extend(row);
                }
            }
        }
        for message in store.warnings() {
            self.emit(RunEvent::Warned { message });
        }
        let found: usize = known.iter().map(|known| known.images.len()).sum();
        let asked = 1.0 - found as f64 / all.max(1) as f64;
        Ok((known, Some(asked)))
    }

    /// Ends the step's round, if it does. Where the controller compares with the validation
    /// loss the round waits for the evaluation, as the end of an epoch does.
    fn end_step(&mut self, report: &StepReport) {
        let training = self.context.training;
        let (completed, timeline) = (self.state.step, self.timeline);
        let losses: Vec<(String, f64)> = self
            .terms()
            .zip(&report.losses)
            .map(|(name, &loss)| (name.to_owned(), loss))
            .collect();
        self.state.evaluation_due = timeline.ends_epoch(completed);
        let round = &mut self.state.round;
        if round.step(&losses, completed, &timeline, training) {
            match round.compared_target(completed, &timeline, training) {
                Some(_) => self.state.evaluation_due = true,
                None => self.end_round(None),
            }
        }
    }

    fn end_round(&mut self, valid_loss: Option<f64>) {
        let (step, timeline, training) = (self.state.step, self.timeline, self.context.training);
        let knobs = &mut self.state.knobs;
        let round = &mut self.state.round;
        let ended = round.end(step, valid_loss, &timeline, training, knobs);
        self.emit(ended);
    }

    /// Logs the step's numbers if it is one of those that are logged: every so many, and
    /// the last one of an epoch, which may be shorter.
    fn log(&mut self, batch: &NextBatch, report: &StepReport) {
        let (step, images) = (batch.step, &batch.images);
        self.meter.count(images.samples.len());
        let is_due = step.is_multiple_of(u64::from(self.context.training.log_every));
        if !is_due && !self.timeline.ends_epoch(step + 1) {
            return;
        }
        let mut values: BTreeMap<String, f64> = self
            .terms()
            .zip(&report.losses)
            .map(|(term, &loss)| (format!("loss/{term}"), loss))
            .collect();
        values.extend(
            batch
                .knobs
                .iter()
                .map(|(knob, &value)| (format!("knob/{knob}"), value)),
        );
        values.insert("loss/total".to_owned(), report.total);
        values.insert("grad/norm".to_owned(), report.grad_norm);
        if report.labelled > 0 {
            let accuracy = report.correct as f64 / report.labelled as f64;
            values.insert("train/accuracy".to_owned(), accuracy);
        }
        values.extend(
            batch
                .asked
                .map(|share| ("teacher/computed".to_owned(), share)),
        );
        values.insert("speed/images_per_second".to_owned(), self.meter.lap());
        self.emit(RunEvent::StepLogged(StepRow {
            phase: self.context.phase,
            step,
            epoch: batch.epoch,
            seconds: self.meter.seconds(),
            values,
        }));
    }

    /// From here on weights and values are rounded, if the finish begins. Once it has, it
    /// is in the checkpoints; before, its beginning is a function of the weights.
    fn begin_finish(&mut self) -> Result<(), Failure> {
        let training = self.context.training;
        let is_rounded = self.learner.network.quantization().is_some();
        let Some(quantize) = training.quantize().filter(|_| !is_rounded) else {
            return Ok(());
        };
        if self.state.step < self.timeline.steps_of_rounds {
            return Ok(());
        }
        if let Some(average) = &self.learner.average {
            self.learner.network = average.clone();
        }
        let network = &self.learner.network;
        let unranged = FakeQuantization::new(network.graph(), quantize.weight_bits);
        let (ranges, images) = first_ranges(network, &unranged, self.context.images)?;
        let is_finite = ranges.iter().all(|range| range.is_finite());
        let quantization = unranged.with(&ranges).filter(|_| is_finite);
        let quantization = quantization.ok_or(Failure::NoRanges)?;
        self.learner.quantize(&quantization);
        self.emit(RunEvent::QuantizationStarted {
            step: self.state.step,
            images,
            values: ranges.len(),
        });
        Ok(())
    }

    /// Moves the ranges of rounded values towards those of a step.
    fn follow_ranges(&mut self, report: &StepReport) {
        let network = &self.learner.network;
        let Some(quantization) = network.quantization() else {
            return;
        };
        if !ranges_follow(&self.timeline, self.state.step) {
            return;
        }
        let mut ranges = quantization.ranges().to_vec();
        follow(&mut ranges, &report.ranges);
        if let Some(quantization) = quantization.with(&ranges) {
            self.learner.quantize(&quantization);
        }
    }

    /// Makes the evaluation that is due: the round that waits for it ends, the best
    /// weights are kept, and at the end of an epoch all is saved. Where a stop comes before
    /// that, it stays due.
    ///
    /// # Errors
    /// Also [`Failure::Stopped`], with the checkpoint where this began.
    fn evaluate_as_due(&mut self, inbox: &mut dyn CommandSource) -> Result<(), Failure> {
        let (step, timeline, training) = (self.state.step, self.timeline, self.context.training);
        let round = &self.state.round;
        let waits = round.waits(step, &timeline);
        let target = round.compared_target(step, &timeline, training);
        let mut truth = target
            .filter(|_| waits)
            .map(|target| TruthLoss::new(target, training.truth()));
        let evaluation = match self.evaluate(truth.as_mut(), inbox) {
            Err(Failure::Stopped) => {
                self.save()?;
                return Err(Failure::Stopped);
            }
            evaluation => evaluation?,
        };
        self.state.evaluation_due = false;
        if waits {
            self.end_round(truth.map(|truth| truth.mean()));
        }
        let ends_epoch = timeline.ends_epoch(step);
        if ends_epoch {
            // Before it is reported: who receives the evaluation finds the answers.
            self.probe()?;
        }
        let watched = training.early_stop;
        let watched = watched.and_then(|rule| evaluation.value(rule.metric.quantity()));
        let is_best = self.end_evaluation(evaluation)?;
        if let Some(value) = watched.filter(|_| ends_epoch) {
            self.stop_early(value);
        }
        if ends_epoch || is_best || self.checkpoint_is_due() {
            self.save()?;
        }
        // The next speed is one of training, without the evaluation.
        self.meter.lap();
        Ok(())
    }

    /// Ends the training after this epoch if its metric has not improved for too long. At
    /// its end and while it is finished there is nothing to be ended.
    fn stop_early(&mut self, value: f64) {
        let (step, training) = (self.state.step, self.context.training);
        let is_rounded = self.learner.network.quantization().is_some();
        let Some(rule) = training.early_stop.filter(|_| !is_rounded) else {
            return;
        };
        let epoch = step / self.timeline.steps_per_epoch;
        let is_over = rule.observe(&mut self.state.early_stop, value, epoch as u32);
        let last = training.finish_epochs();
        let left = self.timeline.steps.saturating_sub(step);
        if !is_over || left <= u64::from(last) * self.timeline.steps_per_epoch {
            return;
        }
        self.state.early_stop.ended = Some(step);
        if last > 0 {
            let planned = f64::from(training.length().epochs_of_rounds);
            let now = self.timeline.epoch(step);
            let knobs = &mut self.state.knobs;
            knobs.finish_early(planned, now, f64::from(last));
        }
        self.timeline = self.timeline.ended_early(step, last);
        self.emit(RunEvent::StoppedEarly {
            phase: self.context.phase,
            steps: self.timeline.steps,
            step,
            reason: rule.reason(&self.state.early_stop),
        });
    }

    /// Reports an evaluation and keeps the weights if they are the best. Returns whether
    /// they are: a checkpoint must say so then.
    fn end_evaluation(&mut self, evaluation: Evaluation) -> Result<bool, Failure> {
        let metric = self.context.training.metric;
        let value = evaluation.value(metric.quantity()).unwrap_or(f64::NAN);
        self.emit(RunEvent::Evaluated(evaluation));
        let is_rounded = self.learner.network.quantization().is_some();
        let best = if is_rounded {
            &self.state.best_quantized
        } else {
            &self.state.best
        };
        let is_best = |best: &Best| metric.improves(value, best.value);
        if !best.as_ref().is_none_or(is_best) {
            return Ok(false);
        }
        let saved = self
            .context
            .checkpoints
            .save_best(&self.learner, &self.metadata())
            .map_err(|failure| self.explained(failure))?;
        let best = Some(Best {
            step: self.state.step,
            value,
            weights: saved.weights.clone(),
        });
        if is_rounded {
            self.state.best_quantized = best;
        } else {
            self.state.best = best;
            self.emit(self.saved(saved, true));
        }
        Ok(true)
    }

    /// Evaluates the weights that would be taken away, with their truth loss where that
    /// is to be counted.
    ///
    /// # Errors
    /// Also if the loss is not finite: every step was, and what it left is not. And
    /// [`Failure::Stopped`].
    fn evaluate(
        &self,
        truth: Option<&mut TruthLoss>,
        inbox: &mut dyn CommandSource,
    ) -> Result<Evaluation, Failure> {
        let evaluation = self.context.valid.evaluate(
            self.learner.deployable(),
            self.context.images,
            Subject {
                phase: self.context.phase,
                weights: match self.learner.network.quantization() {
                    Some(_) => EvaluatedWeights::Quantized,
                    None => EvaluatedWeights::Last,
                },
                step: self.state.step,
                epoch: self.timeline.epoch(self.state.step),
            },
            truth,
            &mut || inbox.stop_is_due(),
        )?;
        if evaluation.loss.is_finite() {
            return Ok(evaluation);
        }
        let name = "valid/loss".to_owned();
        Err(self.explained(WeightsError::Diverged { name }.into()))
    }

    /// Records what the student answers on the images that it is watched by. A
    /// record that fails is missed later, and is no reason to stop.
    fn probe(&self) -> Result<(), Failure> {
        let Some(probe) = &self.context.probe else {
            return Ok(());
        };
        let step = self.state.step;
        let epoch = self.timeline.epoch(step);
        let probabilities = self.probabilities(epoch)?;
        let recipe = ViewRecipe {
            training: self.context.training,
            probabilities: &probabilities,
            seed: self.context.seed,
            epoch: epoch as u32,
        };
        let student = self.learner.deployable();
        if let Err(error) = probe.observe(student, self.context.images, &recipe, (step, epoch)) {
            let message = format!("the probe could not be recorded: {error}");
            self.emit(RunEvent::Warned { message });
        }
        Ok(())
    }

    /// The state as a checkpoint has it, once all that led to it is journalled.
    fn journalled_state(&self) -> Result<FitState, Failure> {
        self.context.sink.flush();
        if let Some(reason) = self.context.sink.failure() {
            return Err(Failure::Journal(reason));
        }
        Ok(FitState {
            seconds: self.meter.seconds(),
            mark: self.context.sink.recorded().into(),
            teacher: self.context.teacher_weights.clone(),
            ..self.state.clone()
        })
    }

    /// Writes the latest checkpoint.
    fn save(&mut self) -> Result<(), Failure> {
        let state = self.journalled_state()?;
        let saved = self
            .context
            .checkpoints
            .save_latest(&self.learner, &state, &self.metadata())
            .map_err(|failure| self.explained(failure))?;
        self.saved_at = self.state.step;
        self.changed_at = None;
        self.emit(self.saved(saved, false));
        Ok(())
    }

    fn saved(&self, saved: Saved, best: bool) -> RunEvent {
        RunEvent::CheckpointSaved {
            at: self.position(),
            folder: saved.folder,
            best,
            weights: saved.weights,
        }
    }

    /// Keeps a checkpoint of the training as it is before it is changed.
    fn keep(&self) -> Result<(), Failure> {
        let state = self.journalled_state()?;
        let folder = self
            .context
            .checkpoints
            .keep(&self.learner, &state, &self.metadata())?;
        let at = self.position();
        self.emit(RunEvent::CheckpointKept { at, folder });
        Ok(())
    }

    /// A failure to save, with what to do where the training diverged.
    fn explained(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Weights(WeightsError::Diverged { name }) => Failure::Diverged {
                step: self.state.step,
                name,
                remedy: self.remedy(
                    &self
                        .state
                        .knobs
                        .values(self.timeline.epoch(self.state.step)),
                ),
            },
            failure => failure,
        }
    }

    fn remedy(&self, knobs: &BTreeMap<String, f64>) -> Remedy {
        let checkpoints = &self.context.checkpoints;
        let is_adjusted = || {
            let saved = checkpoints.latest_state().ok().flatten();
            saved.is_some_and(|saved| saved.adjusted)
        };
        let way = match self.changed_at {
            // Nothing can be left out that changed before the first step.
            Some(step) if step >= self.saved_at && step > 0 => WayOut::WithoutChange { step },
            _ if is_adjusted() => WayOut::BeforeChanges {
                kept: checkpoints.kept_before_changes(),
            },
            _ => {
                let lr = knobs.get(&self.context.training.lr.name);
                WayOut::LowerRate {
                    lr: lr.copied().unwrap_or_default(),
                    phase: self.context.phase,
                }
            }
        };
        self.remedy_by(way)
    }

    fn remedy_by(&self, way: WayOut) -> Remedy {
        Remedy {
            run: self.context.checkpoints.run().to_owned(),
            way,
        }
    }

    /// What must be known to use the weights as they are now.
    fn metadata(&self) -> ModelMetadata {
        self.context.metadata.after(Trained {
            step: self.state.step,
            epoch: self.timeline.epoch(self.state.step),
        })
    }

    fn checkpoint_is_due(&self) -> bool {
        self.context
            .training
            .checkpoint_every
            .is_some_and(|every| self.state.step.is_multiple_of(u64::from(every)))
    }

    /// Starts making the next batch with the probabilities as they stand; if
    /// they change until then it is made again.
    fn prefetch(&self, step: u64) -> Result<(), Failure> {
        if step < self.timeline.steps {
            self.loader.prefetch(self.request(step)?);
        }
        Ok(())
    }

    fn request(&self, step: u64) -> Result<BatchRequest, Failure> {
        let objective = &self.context.training.objective;
        Ok(BatchRequest {
            epoch: (step / self.timeline.steps_per_epoch) as u32,
            index: (step % self.timeline.steps_per_epoch) as u32,
            probabilities: self.probabilities(self.timeline.epoch(step))?,
            parts: objective.views.iter().map(|view| view.part).collect(),
        })
    }

    /// Augmentation probability of every view.
    fn probabilities(&self, epoch: f64) -> Result<Vec<f64>, Failure> {
        let views = &self.context.training.objective.views;
        let knobs = &self.state.knobs;
        let values = views
            .iter()
            .map(|view| knobs.value(&view.probability, epoch));
        Ok(values.collect::<Result<_, _>>()?)
    }

    /// Reports images that went bad since they were indexed.
    fn warn_of_images(&self) {
        for image in self.context.images.warnings() {
            let message = format!("{}: {}", image.path.shown(), image.reason);
            self.emit(RunEvent::Warned { message });
        }
    }

    fn terms(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let terms = &self.context.training.objective.terms;
        terms.iter().map(|term| term.name.as_str())
    }

    fn position(&self) -> Position {
        Position {
            phase: self.context.phase,
            step: self.state.step,
        }
    }

    fn emit(&self, event: RunEvent) {
        self.context.sink.emit(event);
    }
}
