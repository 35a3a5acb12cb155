//! What only the images decide: the plan is final after this.
//!
//! How many images there are, whether they have labels, their size, mean and
//! deviation are found once, when a run begins. [`Plan::resolve`] puts them into
//! the plan, the run keeps the result, and all code that trains, resumes, shows or
//! reports reads it from there.

use serde::{Deserialize, Serialize};

use super::{Plan, TeacherPlan, TeacherSource, Training, operations};
use crate::experiment::architecture::{self, Graph};
use crate::experiment::augment::Operation;
use crate::experiment::method::FunctionMatching;
use crate::experiment::problem::Problem;
use crate::experiment::spec::{ClassWeights, NormalizeSpec, SamplerSpec};
use crate::experiment::timeline::Timeline;
use crate::format::percent;

/// What the images of an experiment decide.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFacts {
    /// Number of training images.
    pub train: usize,
    /// Number of images that are mixed in without labels.
    pub unlabelled: usize,
    /// Number of classes.
    pub classes: usize,
    /// Whether training images have labels.
    pub labelled: bool,
    /// Number of training images of each class; empty where that is not known, and
    /// without labels.
    pub per_class: Vec<usize>,
    /// Height and width of every image, pixels.
    pub size: (u32, u32),
    /// Per-channel mean and standard deviation of pixels in [0, 1]; `None` as
    /// long as the images were only listed.
    pub normalization: Option<([f32; 3], [f32; 3])>,
    /// Steps of an epoch of the student's training.
    pub steps_per_epoch: u64,
    /// Steps of an epoch of a teacher's training, which takes no unlabelled
    /// images.
    pub teacher_steps_per_epoch: u64,
}

/// A plan with everything that the images decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedPlan {
    /// The plan, final.
    pub plan: Plan,
    /// Steps of an epoch of the student's training.
    pub steps_per_epoch: u64,
    /// Steps of an epoch of the teacher's training.
    pub teacher_steps_per_epoch: u64,
    /// Whether the teacher's answers on images that a view leaves as they are, are
    /// computed once and kept. Not in runs of programs that did not.
    #[serde(default)]
    pub keeps_answers: bool,
    /// What was left out of the plan because of the images.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Bytes that a teacher's kept answers take, at most.
const MOST_ANSWERS: usize = 4 << 30;

impl ResolvedPlan {
    /// Steps, epochs and rounds of the student's training.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.plan.training.timeline(self.steps_per_epoch)
    }

    /// The teacher's training with its timeline, if the run trains its teacher.
    #[must_use]
    pub fn teacher_training(&self) -> Option<(&Training, Timeline)> {
        match &self.plan.teacher.as_ref()?.weights {
            TeacherSource::Train(training) => {
                let timeline = training.timeline(self.teacher_steps_per_epoch);
                Some((training, timeline))
            }
            TeacherSource::File(_) | TeacherSource::Ensemble(_) => None,
        }
    }
}

impl Plan {
    /// The plan for these images: terms that need labels that are not there are
    /// left out, knobs that follow from the number of rounds get their first
    /// values, size and normalisation are settled.
    ///
    /// # Errors
    /// What in the plan does not fit the images.
    pub fn resolve(mut self, facts: &DataFacts) -> Result<ResolvedPlan, Problem> {
        batch_problem(&self, facts.train)?;
        let mut notes = Vec::new();
        if !facts.labelled {
            let terms = self.training.objective.terms.clone();
            self = self.without_labels()?;
            let kept = &self.training.objective.terms;
            let left_out = terms.iter().filter(|term| !kept.contains(term));
            notes.extend(left_out.map(|term| {
                format!(
                    "no training image has a label: the term `{}` and its weight `{}` are left out",
                    term.name, term.weight
                )
            }));
        }
        if self.training.sampler == SamplerSpec::Balanced && !facts.labelled {
            notes.push("no training image has a label: `sampler: Balanced` is left out".to_owned());
            self.training.sampler = SamplerSpec::Shuffle;
        }
        self.settle_class_weights(facts, &mut notes)?;
        notes.extend(patience_without_end(&self.training));
        notes.extend(unmixed_matching(&self));
        let timeline = self.training.timeline(facts.steps_per_epoch);
        self.training.objective.settle(timeline.rounds());
        let size = *self.data.size.get_or_insert(facts.size);
        if let Some(problem) = operations::size_problems(&self.training.augment, size).next() {
            return Err(problem);
        }
        self.settle_stems(size);
        if let Ok(student) = architecture::build(&self.student, size, facts.classes) {
            notes.extend(slow_statistics(&student, timeline.steps));
            notes.extend(statistics_of_parts(&student, &self.training));
        }
        if let (NormalizeSpec::Measure, Some((mean, std))) =
            (&self.data.normalize, facts.normalization)
        {
            self.data.normalize = NormalizeSpec::Given { mean, std };
        }
        let answers = (facts.train + facts.unlabelled).saturating_mul(facts.classes);
        let keeps_answers = answers.saturating_mul(size_of::<f32>()) <= MOST_ANSWERS;
        Ok(ResolvedPlan {
            keeps_answers: keeps_answers && self.teacher.is_some(),
            plan: self,
            steps_per_epoch: facts.steps_per_epoch,
            teacher_steps_per_epoch: facts.teacher_steps_per_epoch,
            notes,
        })
    }

    /// Puts the weights of classes into the student's training, and into that of a teacher
    /// that it trains.
    fn settle_class_weights(
        &mut self,
        facts: &DataFacts,
        notes: &mut Vec<String>,
    ) -> Result<(), Problem> {
        let Some(weights) = &self.training.class_weights else {
            return Ok(());
        };
        let settled = if facts.labelled {
            class_weights(weights, facts)?
        } else {
            notes.push("no training image has a label: `class_weights` are left out".to_owned());
            None
        };
        if let Some(TeacherPlan {
            weights: TeacherSource::Train(training),
            ..
        }) = &mut self.teacher
        {
            training.class_weights.clone_from(&settled);
        }
        self.training.class_weights = settled;
        Ok(())
    }

    /// Decides the first layers of networks that are trained on these images.
    /// Weights from a file decide their own.
    fn settle_stems(&mut self, size: (u32, u32)) {
        if self.student_weights.is_none() {
            self.student = architecture::settled(&self.student, size);
        }
        if let Some(TeacherPlan {
            model: Some(model),
            weights: TeacherSource::Train(_),
        }) = &mut self.teacher
        {
            *model = architecture::settled(model, size);
        }
    }

    /// The plan for training images of which none has a label.
    fn without_labels(mut self) -> Result<Self, Problem> {
        self.training.objective = self.training.objective.without_labels()?;
        if let Some(TeacherPlan {
            weights: TeacherSource::Train(_),
            ..
        }) = &self.teacher
        {
            return Err(Problem::new(
                "teacher.weights",
                "a teacher is trained on labels and no training image has one",
            )
            .help("give the weights of a trained teacher: File(\"teacher.safetensors\")"));
        }
        Ok(self)
    }
}

/// A batch that takes more training images than there are.
fn batch_problem(plan: &Plan, images: usize) -> Result<(), Problem> {
    let batch = plan.training.batch;
    let (taken, unlabelled) = plan.data.portions(batch);
    if taken <= images {
        return Ok(());
    }
    let (message, help) = if unlabelled == 0 {
        (
            format!("{batch} is larger than the {images} training images"),
            format!("lower batch to at most {images}, or add images"),
        )
    } else {
        (
            format!(
                "a batch of {batch} takes {taken} training images beside {unlabelled} unlabelled \
                 ones, and there are {images}"
            ),
            "lower batch, raise the ratio of unlabelled images, or add images".to_owned(),
        )
    };
    Err(Problem::new("batch", message).help(help))
}

/// Weights of classes as numbers, where the images of every class are counted.
fn class_weights(
    weights: &ClassWeights,
    facts: &DataFacts,
) -> Result<Option<ClassWeights>, Problem> {
    let problem = |message: String| Problem::new("class_weights", message);
    match weights {
        ClassWeights::Each(weights) if weights.len() != facts.classes => {
            let (given, classes) = (weights.len(), facts.classes);
            let message = format!("{given} weights are given, and there are {classes} classes");
            Err(problem(message).help("give one for every class in their order, or write Balanced"))
        }
        ClassWeights::Balanced if !facts.per_class.is_empty() => {
            let counts = &facts.per_class;
            if let Some(class) = counts.iter().position(|&images| images == 0) {
                let message =
                    format!("class {class} (from 0) has no training image to be balanced");
                return Err(problem(message).help("add some, or give weights as a list"));
            }
            let images: usize = counts.iter().sum();
            let each = images as f64 / counts.len() as f64;
            let weights = counts.iter().map(|&images| each / images as f64);
            Ok(Some(ClassWeights::Each(weights.collect())))
        }
        given => Ok(Some(given.clone())),
    }
}

/// That a method which is made of mixed images has none.
fn unmixed_matching(plan: &Plan) -> Option<String> {
    let is_mixed = plan.training.augment.iter().any(Operation::mixes_images);
    (plan.method == FunctionMatching::NAME && !is_mixed).then(|| {
        format!(
            "{}: `augment` has no MixUp, by which student and teacher are compared between images, \
             too; write MixUp(1.0) last",
            plan.method
        )
    })
}

/// That a training is over before its patience is: the first epoch improves on none, and so
/// many more have to follow while some are left.
fn patience_without_end(training: &Training) -> Option<String> {
    let patience = training.early_stop?.patience;
    let epochs = training.length().epochs_of_rounds;
    (patience.saturating_add(1) >= epochs).then(|| {
        format!(
            "early_stop: with a patience of {patience} a training of {epochs} epochs never stops \
             early; lower patience, or leave early_stop out"
        )
    })
}

/// What to know of a network that normalises by the batch and sees it in parts.
fn statistics_of_parts(student: &Graph, training: &Training) -> Option<String> {
    (training.accumulate > 1 && student.normalizes_by_batch()).then(|| {
        format!(
            "accumulate: {} normalises by the statistics of each part (at least {} images), not of \
             the whole batch: the result is near that of the whole batch, and not equal to it",
            training.accumulate,
            training.smallest_part()
        )
    })
}

/// What to know of a network whose running statistics move more slowly than is usual,
/// in a training that is too short for them.
fn slow_statistics(student: &Graph, steps: u64) -> Option<String> {
    const USUAL: f64 = 0.1;
    const FEW: f64 = 0.05;
    let momentum = student.least_momentum();
    let left = (1.0 - momentum).powf(steps as f64);
    (momentum < USUAL && left > FEW).then(|| {
        format!(
            "student: the batch norm of {} has momentum {momentum}: after {steps} steps {} of its \
             running statistics are still initial values, and evaluations lag behind training; \
             train longer",
            student.name,
            percent(left)
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::load_text;
    use crate::experiment::model::Stem;

    const QUICKSTART: &str = include_str!("../../../experiments/quickstart.ron");

    fn facts() -> DataFacts {
        DataFacts {
            train: 1000,
            unlabelled: 0,
            classes: 4,
            labelled: true,
            per_class: vec![700, 100, 100, 100],
            size: (24, 24),
            normalization: Some(([0.5; 3], [0.25; 3])),
            steps_per_epoch: 50,
            teacher_steps_per_epoch: 50,
        }
    }

    fn plan(text: &str) -> Plan {
        let loaded = load_text(text, Path::new("experiments/quickstart.ron"), &[]);
        loaded.unwrap().plan
    }

    #[test]
    fn one_round_of_steps_starts_with_the_second_probability_of_one_round() {
        let text = QUICKSTART.replacen("seed:", "round: Steps(1000000), seed:", 1);
        let resolved = plan(&text).resolve(&facts()).unwrap();
        let p2 = resolved.plan.training.objective.knob("p2").unwrap();
        let Some(crate::experiment::controller::Controller::AdaptiveAugmentation(rule)) =
            &resolved.plan.training.objective.controller
        else {
            panic!("the quick start is adaptive");
        };
        assert_eq!(p2.schedule.at(0.0, 1.0), rule.p_max);
        assert_eq!(resolved.timeline().rounds(), 1);
    }

    #[test]
    fn size_and_normalisation_are_final() {
        let resolved = plan(QUICKSTART).resolve(&facts()).unwrap();
        assert_eq!(resolved.plan.data.size, Some((24, 24)));
        let NormalizeSpec::Given { mean, .. } = resolved.plan.data.normalize else {
            panic!("measured already");
        };
        assert_eq!(mean, [0.5; 3]);
    }

    #[test]
    fn the_stem_that_is_built_is_in_the_plan() {
        let text = QUICKSTART.replacen("Cnn(channels: [16, 32, 64])", "ResNet(depth: 18)", 1);
        let stem = |size| {
            let facts = DataFacts { size, ..facts() };
            let teacher = plan(&text).resolve(&facts).unwrap().plan.teacher.unwrap();
            teacher.model.unwrap().stem()
        };
        assert_eq!(stem((32, 32)), Some(Stem::Small));
        assert_eq!(stem((64, 64)), Some(Stem::Standard));
    }

    #[test]
    fn what_is_left_out_without_labels_is_reported() {
        let unlabelled = DataFacts {
            labelled: false,
            ..facts()
        };
        let text = "(
            data: (train: Shapes(count: 200, size: 16)),
            teacher: (model: Cnn(channels: [8]), weights: File(\"quickstart.ron\")),
            student: (model: Cnn(channels: [4])),
            method: MultiView(w_truth: 0.7),
            epochs: 2,
        )";
        let resolved = plan(text).resolve(&unlabelled).unwrap();
        assert!(resolved.plan.training.objective.knob("w_truth").is_none());
        assert_eq!(resolved.notes.len(), 1);
        assert!(resolved.notes[0].contains("`w_truth` are left out"));
        assert!(plan(text).resolve(&facts()).unwrap().notes.is_empty());
    }

    #[test]
    fn a_training_too_short_for_slow_running_statistics_is_reported() {
        let notes = |epochs: u32| {
            let text = format!(
                "(data: (train: Shapes(count: 200)), student: (model: MobileNetV3(variant: Small)), \
                 method: Scratch(), epochs: {epochs})"
            );
            plan(&text).resolve(&facts()).unwrap().notes
        };
        assert_eq!(
            notes(2),
            [
                "student: the batch norm of MobileNetV3 Small with the small stem has momentum \
                 0.01: after 100 steps 36.6 % of its running statistics are still initial values, \
                 and evaluations lag behind training; train longer"
            ]
        );
        assert!(notes(6).is_empty());
    }

    #[test]
    fn function_matching_without_mixed_images_is_reported() {
        let notes = |augment: &str| {
            let text = format!(
                "(data: (train: Shapes(count: 200)), student: (model: Cnn(channels: [4])), \
                 teacher: (model: Cnn(channels: [4]), weights: Train(epochs: 1)), \
                 method: FunctionMatching(), augment: [{augment}], epochs: 2)"
            );
            plan(&text).resolve(&facts()).unwrap().notes
        };
        let found = notes("PadCrop(2)");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("FunctionMatching: `augment` has no MixUp"));
        assert!(notes("PadCrop(2), MixUp(1.0)").is_empty());
    }

    #[test]
    fn an_operation_that_leaves_nothing_of_the_images_is_refused_with_their_size() {
        let refused = |written: &str| {
            let text = QUICKSTART.replacen("Cutout(4)", written, 1);
            plan(&text).resolve(&facts()).map(|_| ())
        };
        let problem = refused("Cutout(25)").unwrap_err();
        assert_eq!(problem.path, "augment[3].Cutout");
        let message = "a hole of 25 pixels is larger than images of 24 × 24 pixels";
        assert_eq!(problem.message, message);
        assert_eq!(problem.help.as_deref(), Some("write at most 24"));
        assert_eq!(refused("Cutout(24)"), Ok(()));
        let problem = refused("PadCrop(24)").unwrap_err();
        assert_eq!(problem.path, "augment[3].PadCrop");
        assert_eq!(refused("PadCrop(23)"), Ok(()));
    }

    #[test]
    fn a_batch_larger_than_the_images_is_refused_with_their_number() {
        let few = DataFacts {
            train: 3,
            ..facts()
        };
        let error = plan(QUICKSTART).resolve(&few).unwrap_err().to_string();
        assert!(
            error.contains("larger than the 3 training images"),
            "{error}"
        );
    }

    #[test]
    fn of_a_batch_with_unlabelled_images_the_training_images_count() {
        let refused = |batch: u32| {
            let text = format!(
                "(data: (train: Shapes(count: 200), unlabelled: (source: Shapes(count: 100, \
                 seed: 1), ratio: 7)), student: (model: Cnn(channels: [4])), method: Scratch(), \
                 epochs: 2, batch: {batch})"
            );
            plan(&text).resolve(&facts()).map(|_| ())
        };
        assert_eq!(refused(8000), Ok(()));
        let problem = refused(8008).unwrap_err();
        assert_eq!(problem.path, "batch");
        let message = "a batch of 8008 takes 1001 training images beside 7007 unlabelled ones, and \
                       there are 1000";
        assert_eq!(problem.message, message);
    }

    #[test]
    fn class_weights_are_counted_once_and_hold_for_the_teacher_too() {
        let weighted = |weights: &str, facts: &DataFacts| {
            let text = QUICKSTART.replacen("seed:", &format!("class_weights: {weights}, seed:"), 1);
            plan(&text).resolve(facts)
        };
        let resolved = weighted("Balanced", &facts()).unwrap();
        let expected = [1000.0 / 2800.0, 2.5, 2.5, 2.5];
        let found = resolved.plan.training.weights_of_classes().unwrap();
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(found.iter().zip(&expected).all(near), "{found:?}");
        let (teacher, _) = resolved.teacher_training().unwrap();
        assert_eq!(teacher.class_weights, resolved.plan.training.class_weights);
        let given = weighted("[1, 2, 3, 4.5]", &facts()).unwrap();
        let found = given.plan.training.weights_of_classes();
        assert_eq!(found, Some(&[1.0, 2.0, 3.0, 4.5][..]));
        let too_few = weighted("[1, 2]", &facts()).unwrap_err().to_string();
        assert!(
            too_few.contains("2 weights are given, and there are 4"),
            "{too_few}"
        );
        let none = DataFacts {
            per_class: vec![900, 100, 0, 0],
            ..facts()
        };
        let empty = weighted("Balanced", &none).unwrap_err().to_string();
        assert!(
            empty.contains("class 2 (from 0) has no training image"),
            "{empty}"
        );
    }

    #[test]
    fn a_plan_comes_back_from_json_as_it_was() {
        let resolved = plan(QUICKSTART).resolve(&facts()).unwrap();
        let text = serde_json::to_string(&resolved).unwrap();
        assert_eq!(
            serde_json::from_str::<ResolvedPlan>(&text).unwrap(),
            resolved
        );
    }
}
