//! A learning-rate range test of a prepared experiment: its teacher, images and method,
//! and a student that is dropped.

use super::Engine;
use super::classify::Classify;
use super::evaluate::Evaluator;
use super::failure::Failure;
use super::teacher::TeacherEnd;
use crate::event::{Phase, RunEvent, Split};
use crate::experiment::lr_range::{LrCurve, LrRange};
use crate::trainer::{CommandSource, EventSink};

impl Engine {
    /// Tests a range of learning rates on the student, in a folder of a run that has no
    /// checkpoints and gets none. A teacher that is to be trained is found among those that
    /// were kept, or trained and kept.
    ///
    /// # Errors
    /// The teacher cannot be read or trained, or a step cannot be taken.
    pub fn range_test(
        &self,
        range: LrRange,
        inbox: &mut dyn CommandSource,
        sink: &dyn EventSink,
    ) -> Result<LrCurve, Failure> {
        self.prepared.device.enter();
        for note in &self.prepared.notes {
            sink.emit(note.event());
        }
        let teacher = match self.teacher(inbox, sink) {
            Ok(None) => None,
            Ok(Some(TeacherEnd::Ready { teacher, .. })) => Some(*teacher),
            Ok(Some(TeacherEnd::Stopped { .. })) | Err(Failure::Stopped) => {
                return Ok(LrCurve::without_steps());
            }
            Err(failure) => return Err(failure),
        };
        let plan = &self.prepared.resolved.plan;
        let teacher = teacher.map(|teacher| teacher.computed_in(plan.training.precision));
        let teacher = teacher.as_ref().map(|teacher| teacher as &dyn Classify);
        // Nothing is evaluated.
        let valid = Evaluator::answered(Split::Valid, self.prepared.images.valid.clone(), None);
        let fit = self.student_fit(teacher, &valid, None, sink)?;
        let steps = u64::from(range.steps);
        sink.emit(RunEvent::PhaseStarted {
            phase: Phase::Student,
            steps,
            steps_per_epoch: steps,
            step: 0,
        });
        fit.range_test(range, &mut |_| !inbox.stop_is_due())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use super::*;
    use crate::engine::network::Network;
    use crate::engine::tests::Recorded;
    use crate::engine::{Prepared, weights};
    use crate::event::{CommandRecord, Position};
    use crate::experiment::lr_range::LrEnd;
    use crate::experiment::{self, architecture::build};
    use crate::run::RunFolder;
    use crate::trainer::Trainer as _;

    const EXPERIMENT: &str = "Experiment(
        name: \"tested\",
        seed: 3,
        device: Cpu,
        data: (train: Shapes(classes: 3, count: 64, size: 8), valid: Holdout(0.25)),
        teacher: (model: Cnn(channels: [4]), weights: Train(epochs: 1)),
        student: (model: Cnn(channels: [2]), WEIGHTS),
        augment: [HorizontalFlip],
        method: MultiView(views: 2),
        lr: Constant(0.05),
        epochs: 2,
        batch: 16,
        log_every: 1,
    )";

    const RANGE: LrRange = LrRange {
        from: 1e-6,
        to: 1.0,
        steps: 20,
    };

    /// Stops once it was asked so often.
    struct Stop(Option<usize>);

    impl CommandSource for Stop {
        fn due(&mut self, _: Position, _: bool) -> Vec<CommandRecord> {
            Vec::new()
        }

        fn stop_is_due(&mut self) -> bool {
            let left = self.0.map(|left| left.saturating_sub(1));
            let stops = self.0 == Some(0);
            self.0 = left;
            stops
        }
    }

    fn engine(place: &Path, weights: &str) -> Engine {
        let text = EXPERIMENT.replace("WEIGHTS", weights);
        let loaded = experiment::load_text(&text, &place.join("tested.ron"), &[]);
        let prepared = Prepared::new(loaded.unwrap().plan, &|_| ()).unwrap();
        let folder = RunFolder::create(place, "tested", &text, SystemTime::now()).unwrap();
        Engine::new(prepared, folder, place.join("teachers"))
    }

    #[test]
    fn the_first_loss_is_that_of_a_run_and_no_step_leaves_a_trace() {
        let place = tempfile::tempdir().unwrap();
        let engine = engine(place.path(), "");
        let recorded = Recorded::default();
        let curve = engine.range_test(RANGE, &mut Stop(None), &recorded);
        let curve = curve.unwrap();
        assert_eq!(curve.points.len(), 20);
        assert!(!engine.folder.latest().path().exists());
        // The same engine then trains as if nothing had been tested.
        let mut engine = engine;
        let recorded = Recorded::default();
        engine.run(&mut Stop(None), &recorded);
        let losses = recorded
            .0
            .into_inner()
            .into_iter()
            .find_map(|event| match event {
                RunEvent::StepLogged(row) if row.phase == Phase::Student => Some(row.values),
                _ => None,
            });
        assert_eq!(losses.unwrap()["loss/total"], curve.points[0].loss);
    }

    #[test]
    fn a_cached_teacher_is_named_where_it_lasts() {
        let place = tempfile::tempdir().unwrap();
        let first = engine(place.path(), "");
        let recorded = Recorded::default();
        first.range_test(RANGE, &mut Stop(None), &recorded).unwrap();
        let second = engine(place.path(), "");
        assert_ne!(second.folder, first.folder);
        let recorded = Recorded::default();
        second
            .range_test(RANGE, &mut Stop(None), &recorded)
            .unwrap();
        let events = recorded.0.into_inner();
        let path = events.iter().find_map(|event| match event {
            RunEvent::TeacherLoaded { path, cached, .. } => cached.then_some(path),
            _ => None,
        });
        let path = path.unwrap();
        assert!(path.starts_with(place.path().join("teachers")), "{path:?}");
        assert!(path.exists(), "{path:?}");
    }

    #[test]
    fn a_stop_ends_it_before_the_next_step() {
        let place = tempfile::tempdir().unwrap();
        let engine = engine(place.path(), "");
        let recorded = Recorded::default();
        engine
            .range_test(RANGE, &mut Stop(None), &recorded)
            .unwrap();
        let curve = engine.range_test(RANGE, &mut Stop(Some(7)), &recorded);
        let curve = curve.unwrap();
        assert_eq!((curve.points.len(), curve.end), (7, LrEnd::Stopped));
    }

    #[test]
    fn a_learning_rate_that_is_too_high_ends_the_curve_and_weights_that_overflow_are_named() {
        let place = tempfile::tempdir().unwrap();
        let engine = engine(place.path(), "");
        let range = LrRange {
            from: 1e-3,
            to: 1e30,
            ..RANGE
        };
        let recorded = Recorded::default();
        let curve = engine
            .range_test(range, &mut Stop(None), &recorded)
            .unwrap();
        assert_eq!(curve.end, LrEnd::Diverged);
        assert!(curve.points.len() < 20);
        assert!(curve.points.iter().all(|point| point.loss.is_finite()));

        let device = engine.prepared.device.device.clone();
        let graph = build(&engine.prepared.resolved.plan.student, (8, 8), 3).unwrap();
        let mut network = Network::new(graph, 1, &device);
        for parameter in network.parameters_mut() {
            parameter.value = parameter.value.clone() * 1e30 + 1e30;
        }
        let path = place.path().join("student.safetensors");
        weights::save(&network, &path).unwrap();
        let engine = self::engine(place.path(), "weights: \"student.safetensors\"");
        let failed = engine.range_test(RANGE, &mut Stop(None), &recorded);
        let message = failed.unwrap_err().to_string();
        assert!(
            message.contains("student.safetensors: in the first step"),
            "{message}"
        );
    }
}
