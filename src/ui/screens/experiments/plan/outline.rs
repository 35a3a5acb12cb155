//! Sizes of the models and the length of the training, worked out once for
//! every new plan. What only the images decide is taken from an earlier run.

use crate::event::{DataSummary, ModelSummary, Phase};
use crate::experiment::architecture;
use crate::experiment::model::Model;
use crate::experiment::plan::{DataFacts, DataPlan, Plan, TeacherSource, Training, ValidPlan};
use crate::experiment::spec::Source;
use crate::store::{RunEntry, metrics};

/// What is known of an experiment beyond its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// The teacher, where there is one, then the student.
    pub models: Vec<Measured>,
    /// Number of training images.
    pub train: Option<usize>,
    /// Steps of an epoch.
    pub steps_per_epoch: Option<u64>,
    /// The student's training as a run would have it, where it is known how many
    /// steps it takes.
    pub training: Option<Training>,
}

/// A model and its size.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What it does.
    pub role: &'static str,
    /// Family and size, for people.
    pub name: String,
    /// Parameters, multiply-accumulates of an image and bytes of its weights,
    /// once size and classes of the images are known.
    pub size: Option<Size>,
}

/// The size of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Trainable numbers.
    pub parameters: u64,
    /// Multiply-accumulates of one image, where they are known.
    pub macs: Option<u64>,
    /// Bytes of its weights, running statistics included.
    pub bytes: u64,
}

impl Size {
    /// Multiply-accumulates of one image as a number to be shown; NaN where they are
    /// not known.
    pub fn macs_or_nan(&self) -> f64 {
        self.macs.map_or(f64::NAN, |macs| macs as f64)
    }
}

impl Measured {
    /// Two that answer an image together.
    fn beside(self, other: &Self) -> Self {
        let sum = |(one, more): (Size, Size)| Size {
            parameters: one.parameters + more.parameters,
            macs: one.macs.zip(more.macs).map(|(one, more)| one + more),
            bytes: one.bytes + more.bytes,
        };
        Self {
            role: self.role,
            name: format!("{} + {}", self.name, other.name),
            size: self.size.zip(other.size).map(sum),
        }
    }

    /// The same with what an earlier run found in it, where its files hold its layout.
    fn or_known(self, previous: Option<&ModelSummary>) -> Self {
        let previous = previous.filter(|previous| previous.name == self.name);
        let known = previous.map(|previous| Size {
            parameters: previous.parameters,
            macs: previous.macs,
            bytes: previous.bytes,
        });
        Self {
            size: self.size.or(known),
            ..self
        }
    }
}

impl Outline {
    /// What is known of a plan, with an earlier run of the experiment.
    #[must_use]
    pub fn of(plan: &Plan, previous: Option<&RunEntry>) -> Self {
        let images = previous.and_then(|run| run.store.data.as_ref());
        let classes = classes(&plan.data.train).or(images.map(|data| data.classes.len()));
        let size = plan
            .data
            .size
            .or_else(|| side(&plan.data.train))
            .or(images.map(|data| data.size));
        let sized = |role, model: &Model, own: Option<(u32, u32)>| Measured {
            role,
            name: architecture::describe(model),
            size: own
                .or(size)
                .zip(classes)
                .and_then(|(size, classes)| self::size(model, size, classes)),
        };
        let known_teacher = previous.and_then(|run| run.store.models.get(&Phase::Teacher));
        let teachers = plan.teacher.iter().flat_map(|teacher| {
            let members = teacher.members().into_iter();
            let files = members.map(|member| match member.model {
                Some(model) => sized("teacher", model, member.file.size),
                None => Measured {
                    role: "teacher",
                    name: member.file.name(),
                    size: None,
                },
            });
            let trained = match teacher.weights {
                TeacherSource::Train(_) => teacher.model.as_ref(),
                TeacherSource::File(_) | TeacherSource::Ensemble(_) => None,
            };
            let trained = trained.map(|model| sized("teacher", model, None));
            trained.into_iter().chain(files).collect::<Vec<_>>()
        });
        let teacher = teachers.reduce(|all, next| all.beside(&next));
        let models = teacher
            .map(|teacher| teacher.or_known(known_teacher))
            .into_iter()
            .chain([sized("student", &plan.student, None)])
            .collect();
        let train = count(&plan.data).or(images.map(|data| data.train));
        let steps_per_epoch = train
            .filter(|_| plan.data.unlabelled.is_none())
            .map(|train| (train / plan.training.batch.max(1)).max(1) as u64);
        let facts = train.zip(steps_per_epoch).map(|(train, steps)| DataFacts {
            train,
            unlabelled: 0,
            classes: classes.unwrap_or_default(),
            labelled: images.is_none_or(DataSummary::labelled),
            per_class: Vec::new(),
            size: size.unwrap_or_default(),
            normalization: None,
            steps_per_epoch: steps,
            teacher_steps_per_epoch: steps,
        });
        let resolved = facts.and_then(|facts| plan.clone().resolve(&facts).ok());
        Self {
            models,
            train,
            steps_per_epoch,
            training: resolved.map(|resolved| resolved.plan.training),
        }
    }
}

fn size(model: &Model, size: (u32, u32), classes: usize) -> Option<Size> {
    let graph = architecture::build(model, size, classes).ok()?;
    Some(Size {
        parameters: graph.parameter_count(),
        macs: Some(graph.macs()),
        bytes: graph.bytes(),
    })
}

fn classes(source: &Source) -> Option<usize> {
    match source {
        Source::Shapes(shapes) => Some(shapes.classes as usize),
        Source::Cifar10(_) => Some(10),
        Source::Cifar100(_) => Some(100),
        Source::ImageFolder(_) | Source::List(_) | Source::Idx(_) => None,
    }
}

fn side(source: &Source) -> Option<(u32, u32)> {
    match source {
        Source::Shapes(shapes) => Some((shapes.size, shapes.size)),
        Source::Cifar10(_) | Source::Cifar100(_) => Some((32, 32)),
        Source::ImageFolder(_) | Source::List(_) | Source::Idx(_) => None,
    }
}

/// Training images of a generated set, those for validation taken out.
fn count(data: &DataPlan) -> Option<usize> {
    let Source::Shapes(shapes) = &data.train else {
        return None;
    };
    let all = f64::from(shapes.count);
    Some(match data.valid {
        ValidPlan::Holdout(share) => (all * (1.0 - share)).round() as usize,
        ValidPlan::Set(_) => all as usize,
    })
}

/// Seconds that a training takes, estimated from an earlier run: evaluations
/// included where it trained to the end.
#[must_use]
pub fn seconds(steps: u64, batch: usize, previous: &RunEntry) -> Option<f64> {
    let store = &previous.store;
    let state = store.phases.get(&Phase::Student)?;
    let took = state
        .ended
        .and_then(|_| metrics::seconds(store, Phase::Student));
    if let Some(took) = took.filter(|took| *took > 0.0 && state.steps > 0) {
        return Some(took / state.steps as f64 * steps as f64);
    }
    let speed = store
        .table(Phase::Student)
        .last("speed/images_per_second")?;
    (speed > 0.0).then(|| steps as f64 * batch as f64 / speed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::load_text;

    #[test]
    fn generated_images_give_sizes_and_steps_before_any_run() {
        let text = include_str!("../../../../../experiments/quickstart.ron");
        let loaded = load_text(text, Path::new("quickstart.ron"), &[]).unwrap();
        let outline = Outline::of(&loaded.plan, None);
        assert_eq!(outline.train, Some(1350));
        assert_eq!(outline.steps_per_epoch, Some(21));
        let sizes: Vec<Size> = outline
            .models
            .iter()
            .filter_map(|model| model.size)
            .collect();
        assert!(sizes[0].parameters > 10 * sizes[1].parameters);
        // As a run reports them: running statistics are kept, too.
        let written = sizes.iter().map(|size| crate::format::bytes(size.bytes));
        assert_eq!(written.collect::<Vec<_>>(), ["97.0 kB", "6.98 kB"]);
        assert!(sizes[0].macs > sizes[1].macs && sizes[1].macs > Some(0));
    }

    #[test]
    fn an_ensemble_is_one_teacher_of_the_size_of_its_members() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.pt", "b.pt", "c.onnx"] {
            std::fs::write(folder.path().join(file), "x").unwrap();
        }
        let models = |second: &str| {
            let text = format!(
                "(data: (train: Shapes(count: 200, size: 16)), teacher: (weights: Ensemble([
                    (model: Cnn(channels: [8]), weights: File(\"a.pt\")), {second}])),
                student: (model: Cnn(channels: [4])), method: Vanilla(), epochs: 1)"
            );
            let loaded = load_text(&text, &folder.path().join("a.ron"), &[]);
            let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
            Outline::of(&loaded.plan, None).models
        };
        let same = models("(model: Cnn(channels: [4]), weights: File(\"b.pt\"))");
        let [teacher, student] = same.as_slice() else {
            panic!("{same:?}");
        };
        assert_eq!((teacher.role, &*teacher.name), ("teacher", "CNN 8 + CNN 4"));
        // Of the wider one: filters, a normalisation and the classifier.
        let parameters = |model: &Measured| model.size.unwrap().parameters;
        assert_eq!(
            parameters(teacher),
            parameters(student) + 8 * 27 + 8 * 2 + 8 * 4 + 4
        );
        let other = models("(weights: Onnx(\"c.onnx\"))");
        assert_eq!(other[0].name, "CNN 8 + c.onnx");
        assert_eq!(other[0].size, None, "its file was not opened");
    }

    #[test]
    fn knobs_are_those_of_a_run_once_its_steps_are_known() {
        let text = include_str!("../../../../../experiments/quickstart.ron");
        let p2 = |round: &str| {
            let text = text.replacen("seed:", &format!("round: {round}, seed:"), 1);
            let loaded = load_text(&text, Path::new("quickstart.ron"), &[]).unwrap();
            let training = Outline::of(&loaded.plan, None).training.unwrap();
            let p2 = training.objective.knob("p2").unwrap();
            p2.schedule.at(0.0, 1.0)
        };
        // 12 epochs of 21 steps.
        assert_eq!(p2("Steps(1000)"), 0.5);
        assert_eq!(p2("Steps(126)"), 0.25);
    }
}
