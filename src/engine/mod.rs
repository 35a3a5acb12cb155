//! The engine: all that touches tensors.
//!
//! Carries out a prepared experiment as a [`Trainer`]: data and models are
//! announced, the teacher is found or trained, the student is trained, and at
//! the end its last and its best weights are evaluated on the test images. No
//! terminal, no journal: events go to a sink, commands come from an inbox.

mod answer_store;
mod bench;
mod checkpoint;
pub mod classify;
pub mod device;
mod evaluate;
pub mod export;
mod failure;
mod fit;
mod fork;
mod frame;
mod import;
mod infer;
mod kept_answers;
mod knobs;
mod lanes;
mod learner;
pub mod loss;
mod metadata;
mod models;
pub mod network;
pub mod objective;
pub mod onnx;
pub mod optimizer;
mod pace;
mod prepare;
mod probe;
mod quantize;
mod range_test;
pub mod regressors;
mod round;
mod state;
pub mod step;
#[cfg(test)]
mod stopped_tests;
mod teacher;
mod teacher_check;
mod teacher_model;
mod threads;
mod throughput;
pub mod torchscript;
pub mod weights;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

pub use bench::{BenchCase, BenchFailure, BenchSubject, known_models, machine, measure_export};
pub use evaluate::answers;
pub use failure::Failure;
pub use fork::KeptCheckpoint;
pub use import::{ImportError, Note};
pub use infer::infer;
pub use knobs::{KnobError, KnobState};
pub use metadata::ModelMetadata;
pub use models::{
    ModelsError, RunModels, check_teacher, images_of, probe_cell, probe_folder, probe_named,
    rounded_student,
};
pub use pace::Say;
pub use prepare::{PrepareError, Prepared, Settled, device_of};
pub use probe::ProbeFolder;
pub use round::RoundState;
pub use teacher::adopt as adopt_teacher;
pub use teacher_model::{Teacher, TeacherModel};
pub use threads::{THREAD_VARIABLES, bound_threads};

use self::answer_store::{AnswerRecipe, AnswerStore};
use self::checkpoint::CheckpointFolder;
use self::classify::Classify;
use self::evaluate::{Answers, Evaluator, Subject};
use self::export::Student;
use self::fit::{Fit, FitContext, FitEnd};
use self::learner::Learner;
use self::metadata::Trained;
use self::pace::Pace;
use self::probe::ProbeWatch;
use self::state::Best;
use self::teacher::TeacherEnd;
use self::teacher_check::Skill;
use crate::event::inspection::Weights;
use crate::event::{
    Command, Dataset, EvaluatedWeights, ExportFormat, Floats, Origin, Outcome, Phase, PixelFormat,
    Position, RunEvent, Split, Variant,
};
use crate::experiment::spec::ExportSpec;
use crate::run::{BenchResult, CheckpointMark, RunFolder, SealError, WEIGHTS, WeightsIdentity};
use crate::trainer::{CommandSource, EventSink, Trainer};
use crate::untrusted::Show as _;

/// Carries out one run with tensors.
pub struct Engine {
    prepared: Prepared,
    folder: RunFolder,
    /// Where trained teachers are kept.
    teachers: PathBuf,
}

impl Engine {
    /// An engine for a run's folder. It continues where the folder's checkpoints
    /// stand. Trained teachers are kept in and taken from `teachers`.
    #[must_use]
    pub fn new(prepared: Prepared, folder: RunFolder, teachers: PathBuf) -> Self {
        Self {
            prepared,
            folder,
            teachers,
        }
    }

    fn train(
        &self,
        inbox: &mut dyn CommandSource,
        sink: &dyn EventSink,
    ) -> Result<Outcome, Failure> {
        let prepared = &self.prepared;
        prepared.device.enter();
        sink.emit(RunEvent::RunStarted {
            name: prepared.resolved.plan.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: prepared.device.name.clone(),
            device_kind: Some(prepared.device.kind.clone()),
            resumed: standing(&self.folder)?.map(|standing| standing.position),
            experiment: self.folder.experiment_hash().unwrap_or_default(),
            pending: inbox.pending(),
        });
        sink.emit(RunEvent::DataIndexed(prepared.data.clone()));
        for message in prepared.data.notes.iter().cloned() {
            sink.emit(RunEvent::Warned { message });
        }
        for summary in prepared.summaries() {
            sink.emit(RunEvent::ModelBuilt(summary));
        }
        for note in &prepared.notes {
            sink.emit(note.event());
        }
        let (teacher, earlier) = match self.teacher(inbox, sink)? {
            None => (None, None),
            Some(TeacherEnd::Ready { teacher, earlier }) => (Some(*teacher), earlier),
            Some(TeacherEnd::Stopped { reason }) => return Ok(Outcome::Stopped { reason }),
        };
        self.train_student(teacher.as_ref(), earlier, inbox, sink)
    }

    /// Finds, reads or trains the teacher, if there is one.
    fn teacher(
        &self,
        inbox: &mut dyn CommandSource,
        sink: &dyn EventSink,
    ) -> Result<Option<TeacherEnd>, Failure> {
        let prepared = &self.prepared;
        let Some(teacher) = prepared.teacher() else {
            return Ok(None);
        };
        let valid = self.evaluator(Split::Valid, None, inbox, sink)?;
        let (folder, teachers) = (&self.folder, &self.teachers);
        teacher::obtain(prepared, teacher, &valid, folder, teachers, inbox, sink).map(Some)
    }

    fn train_student(
        &self,
        teacher: Option<&Teacher>,
        earlier: Option<Trained>,
        inbox: &mut dyn CommandSource,
        sink: &dyn EventSink,
    ) -> Result<Outcome, Failure> {
        let prepared = &self.prepared;
        let plan = &prepared.resolved.plan;
        // It teaches in the precision of the steps, and is evaluated in that of its weights.
        let precision = plan.training.precision;
        let in_steps = teacher.map(|teacher| teacher.clone().computed_in(precision));
        let in_steps = in_steps.as_ref().map(|teacher| teacher as &dyn Classify);
        let teacher = teacher.map(|teacher| teacher as &dyn Classify);
        let valid = self.evaluator(Split::Valid, teacher, inbox, sink)?;
        let checkpoints = CheckpointFolder::new(&self.folder, Phase::Student);
        if checkpoints.latest()?.is_none() {
            self.introduce_teacher(&valid, earlier, sink);
        }
        let probe = self.probe(&valid, &checkpoints, sink)?;
        let fit = self.student_fit(in_steps, &valid, probe, sink)?;
        let (end, learner) = fit.run(inbox)?;
        if let FitEnd::Stopped { reason } = end {
            // What is reported to be resumable is.
            verify(&self.folder)?;
            return Ok(Outcome::Stopped { reason });
        }
        if prepared.images.test.is_some() {
            self.test(teacher, &learner, &checkpoints, inbox, sink)?;
        }
        // What was trained is what is left behind.
        verify(&self.folder)?;
        if checkpoints.latest()?.is_none() {
            return Err(Failure::Seal(SealError::Missing {
                path: self.folder.latest().path(),
                reason: "the training ended with it".to_owned(),
            }));
        }
        if let Some(export) = plan.export {
            self.export(export, &valid, &checkpoints, sink)?;
        }
        refuse_late(self.position()?, inbox, sink);
        Ok(match end {
            FitEnd::StoppedEarly {
                epoch,
                planned,
                reason,
            } => Outcome::StoppedEarly {
                epoch,
                planned: Some(planned),
                reason,
            },
            FitEnd::Completed | FitEnd::Stopped { .. } => Outcome::Completed,
        })
    }

    /// The student's training, from where its checkpoints stand. The teacher is as it is
    /// in the steps.
    fn student_fit<'a>(
        &'a self,
        teacher: Option<&'a dyn Classify>,
        valid: &'a Evaluator,
        probe: Option<ProbeWatch>,
        sink: &'a dyn EventSink,
    ) -> Result<Fit<'a>, Failure> {
        let prepared = &self.prepared;
        let plan = &prepared.resolved.plan;
        let answers = teacher
            .map(|teacher| self.answer_store(teacher))
            .transpose()?;
        let context = FitContext {
            phase: Phase::Student,
            training: &plan.training,
            timeline: prepared.resolved.timeline(),
            metadata: prepared.metadata(Phase::Student),
            start_weights: plan
                .student_weights
                .as_ref()
                .map(|file| file.path.as_path()),
            images: &prepared.images,
            valid,
            teacher,
            teacher_weights: teacher::own_weights(&self.folder)?,
            answers: answers.flatten(),
            seed: plan.seed,
            unlabelled_ratio: plan.data.unlabelled_ratio(),
            workers: plan.data.threads(rayon::current_num_threads()),
            checkpoints: CheckpointFolder::new(&self.folder, Phase::Student),
            probe,
            sink,
        };
        Fit::new(context, prepared.student_network())
    }

    /// Where the run's checkpoints stand; the beginning without any.
    fn position(&self) -> Result<Position, Failure> {
        let beginning = Position {
            phase: Phase::Student,
            step: 0,
        };
        Ok(standing(&self.folder)?.map_or(beginning, |standing| standing.position))
    }

    /// Ends a training that was stopped in the middle of an evaluation and has nothing
    /// to save: the checkpoints stand where it begins again.
    fn stopped(
        &self,
        inbox: &mut dyn CommandSource,
        sink: &dyn EventSink,
    ) -> Result<Outcome, Failure> {
        let position = self.position()?;
        let mut due = inbox.due(position, false).into_iter();
        // The others are due when the run is resumed.
        let stop = due.find(|record| record.command == Command::Stop);
        let stop = stop.or_else(|| inbox.stop()).ok_or(Failure::Stopped)?;
        sink.emit(RunEvent::CommandReceived(stop.clone()));
        sink.emit(RunEvent::CommandApplied {
            id: stop.id.clone(),
            phase: position.phase,
            step: position.step,
            from: None,
        });
        verify(&self.folder)?;
        Ok(Outcome::Stopped {
            reason: stop.stopped_by(),
        })
    }

    /// Where the teacher's answers on training images are kept, if the plan says so.
    fn answer_store<'a>(
        &'a self,
        teacher: &'a dyn Classify,
    ) -> Result<Option<AnswerStore<'a>>, Failure> {
        let prepared = &self.prepared;
        let (true, Some(plan)) = (
            prepared.resolved.keeps_answers,
            &prepared.resolved.plan.teacher,
        ) else {
            return Ok(None);
        };
        let own = self.folder.teacher().join(WEIGHTS);
        let files = match plan.files() {
            files if files.is_empty() => vec![own.as_path()],
            files => files,
        };
        let weights = files.into_iter().map(|path| {
            let identity = WeightsIdentity::of(path).map(|identity| identity.content);
            let path = path.to_owned();
            identity.map_err(|error| Failure::File { path, error })
        });
        let data = &prepared.data;
        let sets = [Dataset::Train, Dataset::Unlabelled];
        let recipe = AnswerRecipe {
            device: &prepared.device.kind,
            teacher: plan,
            precision: prepared.resolved.plan.training.precision,
            weights: weights.collect::<Result<_, _>>()?,
            data: (data.size, data.mean, data.std),
            sets: sets
                .iter()
                .filter_map(|set| data.identity.get(set))
                .map(|identity| identity.content.as_str())
                .collect(),
        };
        let images = &prepared.images;
        Ok(Some(AnswerStore::open(
            teacher,
            images,
            &self.teachers,
            &recipe,
        )))
    }

    /// Reports how good a teacher is before the first step is made by it, and that
    /// it is weak. That of one that was just trained here is known.
    fn introduce_teacher(&self, valid: &Evaluator, earlier: Option<Trained>, sink: &dyn EventSink) {
        let prepared = &self.prepared;
        let classes = prepared.images.classes.len();
        let Trained { step, epoch } = earlier.unwrap_or_default();
        let subject = Subject {
            phase: Phase::Teacher,
            weights: EvaluatedWeights::Last,
            step,
            epoch,
        };
        if earlier.is_some()
            && let Some(evaluation) = valid.evaluation_of_teacher(classes, subject)
        {
            sink.emit(RunEvent::Evaluated(evaluation));
        }
        // One from elsewhere was checked before the run began.
        if prepared.teacher_answers().is_none()
            && let Some(answers) = valid.answers()
            && let Some(message) =
                Skill::of_teacher(answers, &prepared.images.valid, classes).warning()
        {
            sink.emit(RunEvent::Warned { message });
        }
    }

    /// Evaluates the last and the best weights on the test images, and after a finish
    /// the best rounded ones in the place of the last.
    fn test(
        &self,
        teacher: Option<&dyn Classify>,
        learner: &Learner,
        checkpoints: &CheckpointFolder,
        inbox: &mut dyn CommandSource,
        sink: &dyn EventSink,
    ) -> Result<(), Failure> {
        let evaluator = self.evaluator(Split::Test, teacher, inbox, sink)?;
        let last = learner.deployable();
        let mut best = last.clone();
        best.quantize(None);
        if let Some(folder) = checkpoints.best()? {
            checkpoint::load(&mut best, &folder, WEIGHTS)?;
        }
        let quantized = checkpoints.quantized()?;
        let quantized = quantized.map(|folder| checkpoint::rounded(&folder, last));
        let quantized = quantized.transpose()?.flatten();
        let timeline = self.prepared.resolved.timeline();
        let state = checkpoints.latest_state()?;
        let steps = state.as_ref().map_or(0, |state| state.step);
        let step = |best: Option<Best>| best.map_or(steps, |best| best.step);
        let best_step = step(state.as_ref().and_then(|state| state.best.clone()));
        let last_step = step(state.and_then(|state| state.best_quantized));
        let (last_weights, last) = match &quantized {
            Some(rounded) => (EvaluatedWeights::Quantized, &rounded.network),
            None => (EvaluatedWeights::Last, last),
        };
        for (weights, network, step) in [
            (last_weights, last, last_step),
            (EvaluatedWeights::Best, &best, best_step),
        ] {
            let subject = Subject {
                phase: Phase::Student,
                weights,
                step,
                epoch: timeline.epoch(step),
            };
            let images = &self.prepared.images;
            let evaluation =
                evaluator.evaluate(network, images, subject, None, &mut || inbox.stop_is_due())?;
            sink.emit(RunEvent::Evaluated(evaluation));
        }
        Ok(())
    }

    /// Writes the best weights for other programs. What cannot be verified is a
    /// failure: the run was to leave something behind.
    fn export(
        &self,
        wanted: ExportSpec,
        valid: &Evaluator,
        checkpoints: &CheckpointFolder,
        sink: &dyn EventSink,
    ) -> Result<(), Failure> {
        let best = match checkpoints.best()? {
            None => checkpoints.latest()?,
            best => best,
        };
        let Some(best) = best else {
            return Ok(());
        };
        let known = checkpoint::metadata(&best)?;
        let mut network = self.prepared.student_network();
        checkpoint::load(&mut network, &best, WEIGHTS)?;
        let rounded = checkpoints.quantized()?;
        let rounded = rounded.map(|folder| checkpoint::rounded(&folder, &network));
        let rounded = rounded.transpose()?.flatten();
        let pixels = if wanted.takes_bytes() {
            PixelFormat::Uint8
        } else {
            PixelFormat::Float
        };
        let student = Student {
            run: &self.folder,
            network: &network,
            rounded: rounded.as_ref(),
            known: &known,
            weights: Weights::Best,
            made_of: best.hash(WEIGHTS),
        };
        let floats = match wanted {
            ExportSpec::Fp16(_) => Floats::Fp16,
            ExportSpec::Onnx | ExportSpec::OnnxUint8 | ExportSpec::Int8(_) => Floats::Fp32,
        };
        let variant = match wanted {
            ExportSpec::Int8(_) => Variant::Int8,
            _ => floats.into(),
        };
        let format = ExportFormat::Onnx;
        let path = export::place(&self.folder, Weights::Best, format, pixels, variant);
        let images = &self.prepared.images;
        let written = match wanted {
            ExportSpec::Onnx | ExportSpec::OnnxUint8 | ExportSpec::Fp16(_) => {
                student.write_onnx(&path, pixels, floats, Some(images))
            }
            ExportSpec::Int8(int8) => {
                let teacher = valid.teacher().map(<[Vec<f32>]>::to_vec);
                let written = student.write_int8(&path, pixels, images, teacher, int8);
                written.map(|file| file.export)
            }
        };
        let recorded = written.and_then(|export| {
            let recorded = self.folder.record_export(&path, &export)?;
            Ok((export, recorded))
        });
        let (export, recorded) =
            recorded.map_err(|failure| Failure::Export(failure.to_string()))?;
        let no_card = recorded.had_card.then(|| {
            let card = self.folder.model_card();
            format!(
                "{} described an earlier file and was removed; --export writes a new one",
                card.shown()
            )
        });
        for message in recorded.damage.into_iter().chain(no_card) {
            sink.emit(RunEvent::Warned { message });
        }
        let file = path.strip_prefix(self.folder.path()).unwrap_or(&path);
        let file = file.to_owned();
        sink.emit(RunEvent::StudentExported { file, export });
        if self.prepared.resolved.plan.measures_student() {
            self.measure(&path, sink);
        }
        Ok(())
    }

    /// Times the file that was written. Where that is not possible, the gates that ask
    /// for it say so, and the training is none the worse.
    fn measure(&self, path: &Path, sink: &dyn EventSink) {
        let warn = |reason: String| sink.emit(RunEvent::Warned { message: reason });
        let measurement = match measure_export(path) {
            Ok(measurement) => measurement,
            Err(error) => return warn(error.to_string()),
        };
        let name = self.folder.name();
        let exports = self.folder.exported().unwrap_or_default();
        let known = known_models(&self.folder, exports);
        let mut result = match BenchResult::new(name, measurement).of_run(&known) {
            Ok((result, _)) => result,
            Err(foreign) => return warn(format!("the run measured {foreign}")),
        };
        let kept = result.keep(&self.folder, SystemTime::now());
        if let Err(error) = kept {
            warn(format!("what was measured could not be kept: {error}"));
        }
        sink.emit(RunEvent::StudentMeasured(result.measurement));
    }

    /// Images to watch the student by. Doing without them is worth a warning, not
    /// the training.
    fn probe(
        &self,
        valid: &Evaluator,
        checkpoints: &CheckpointFolder,
        sink: &dyn EventSink,
    ) -> Result<Option<ProbeWatch>, Failure> {
        let step = checkpoints.latest_state()?.map_or(0, |state| state.step);
        match ProbeWatch::begin(&self.folder, &self.prepared.images, valid, step) {
            Ok(probe) => Ok(Some(probe)),
            Err(error) => {
                let message = format!("the run has no probe: {error}");
                sink.emit(RunEvent::Warned { message });
                Ok(None)
            }
        }
    }

    fn evaluator(
        &self,
        split: Split,
        teacher: Option<&dyn Classify>,
        inbox: &mut dyn CommandSource,
        sink: &dyn EventSink,
    ) -> Result<Evaluator, Failure> {
        let images = &self.prepared.images;
        let set = match (split, &images.test) {
            (Split::Test, Some(test)) => test.clone(),
            _ => images.valid.clone(),
        };
        let answers = match (split, teacher, self.prepared.teacher_answers()) {
            (_, None, _) => None,
            (Split::Valid, Some(_), answers @ Some(_)) => answers,
            (_, Some(teacher), _) => {
                let what = match split {
                    Split::Valid => "teacher on validation images",
                    Split::Test => "teacher on test images",
                };
                let say = |message| sink.emit(RunEvent::Noted { message });
                let mut pace = Pace::of_set(&say, what.to_owned(), teacher, &set, images)?;
                let answers = Answers::until_stopped(teacher, &set, images, &mut || {
                    pace.batch_done(images);
                    inbox.stop_is_due()
                })?;
                Some(Arc::new(answers))
            }
        };
        Ok(Evaluator::answered(split, set, answers))
    }
}

/// Compares everything that a resume reads with what was saved.
///
/// # Errors
/// The first file that is missing or damaged.
pub fn verify(folder: &RunFolder) -> Result<(), Failure> {
    match teacher::own_copy(folder)? {
        // Its checkpoints are not read again.
        Some(teacher) => teacher.verify()?,
        None => CheckpointFolder::new(folder, Phase::Teacher).verify()?,
    }
    CheckpointFolder::new(folder, Phase::Student).verify()
}

/// Where a run's checkpoints stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The latest checkpoint.
    pub position: Position,
    /// How far the run was recorded when it was written.
    pub mark: CheckpointMark,
}

/// Where the checkpoints of a run stand, if there are any.
///
/// # Errors
/// If a checkpoint cannot be read.
pub fn standing(folder: &RunFolder) -> Result<Option<Standing>, Failure> {
    for phase in [Phase::Student, Phase::Teacher] {
        if let Some(state) = CheckpointFolder::new(folder, phase).latest_state()? {
            let step = state.step;
            return Ok(Some(Standing {
                position: Position { phase, step },
                mark: state.mark,
            }));
        }
    }
    Ok(None)
}

/// Answers the commands that came after the last step.
fn refuse_late(end: Position, inbox: &mut dyn CommandSource, sink: &dyn EventSink) {
    for record in inbox.due(end, false) {
        if record.origin == Origin::Signal {
            continue;
        }
        let id = record.id.clone();
        sink.emit(RunEvent::CommandReceived(record));
        sink.emit(RunEvent::CommandRejected {
            id,
            reason: "the training has ended".to_owned(),
        });
    }
}

impl Trainer for Engine {
    fn run(&mut self, inbox: &mut dyn CommandSource, sink: &dyn EventSink) -> Outcome {
        let end = match self.train(inbox, sink) {
            Err(Failure::Stopped) => self.stopped(inbox, sink),
            end => end,
        };
        end.unwrap_or_else(|failure| Outcome::Failed {
            message: failure.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::event::{Command, CommandRecord};

    struct Late(Vec<CommandRecord>);

    impl CommandSource for Late {
        fn due(&mut self, _at: Position, _wait: bool) -> Vec<CommandRecord> {
            std::mem::take(&mut self.0)
        }
    }

    #[derive(Default)]
    pub(super) struct Recorded(pub RefCell<Vec<RunEvent>>);

    impl EventSink for Recorded {
        fn emit(&self, event: RunEvent) {
            self.0.borrow_mut().push(event);
        }

        fn flush(&self) {}
    }

    #[test]
    fn a_command_after_the_last_step_is_answered_and_a_signal_is_moot() {
        let record = |id: &str, origin, command| CommandRecord {
            id: id.to_owned(),
            origin,
            command,
        };
        let late = record("late", Origin::Process, Command::EvaluateNow);
        let signal = record("SIGTERM", Origin::Signal, Command::Stop);
        let end = Position {
            phase: Phase::Student,
            step: 9,
        };
        let recorded = Recorded::default();
        refuse_late(end, &mut Late(vec![late.clone(), signal]), &recorded);
        let [
            RunEvent::CommandReceived(received),
            RunEvent::CommandRejected { id, reason },
        ] = &recorded.0.borrow()[..]
        else {
            panic!("{:?}", recorded.0.borrow());
        };
        assert_eq!((received, id.as_str()), (&late, "late"));
        assert_eq!(reason, "the training has ended");
    }
}
