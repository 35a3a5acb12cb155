//! The networks of a plan whose images are known: laid out, and fit to be trained
//! where they are.

use std::collections::BTreeSet;

use super::{ResolvedPlan, TeacherSource};
use crate::experiment::architecture::{self, Graph, is_in_module};
use crate::experiment::model::Model;
use crate::experiment::nearest::nearest;
use crate::experiment::problem::Problem;
use crate::untrusted::Show as _;

/// The networks of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Networks {
    /// The student's.
    pub student: Graph,
    /// Those that the teacher is asked with, in their order: one, or that of each member of an
    /// ensemble. None in the place of one whose file holds its layout.
    pub teachers: Vec<Option<Graph>>,
}

impl Networks {
    /// The teacher's, if it is one with a layout of ours.
    #[must_use]
    pub fn teacher(&self) -> Option<&Graph> {
        match self.teachers.as_slice() {
            [only] => only.as_ref(),
            _ => None,
        }
    }
}

impl ResolvedPlan {
    /// Lays out the student and the teacher for images of so many classes. A step
    /// takes as many images as the plan says: the plan was refused where there are
    /// fewer.
    ///
    /// # Errors
    /// A model that does not suit the images, or that cannot be trained with so
    /// few of them in a step. Paths start at the experiment.
    pub fn networks(&self, classes: usize) -> Result<Networks, Problem> {
        let size = self.plan.data.size.unwrap_or_default();
        let graph = |model: &Model, size: (u32, u32), batch: Option<usize>, place: &str| {
            let graph = architecture::build(model, size, classes);
            let trained = graph.and_then(|graph| {
                batch.map_or(Ok(()), |batch| graph.check_batch(batch))?;
                Ok(graph)
            });
            trained.map_err(|problem| problem.under(place))
        };
        let student = graph(
            &self.plan.student,
            size,
            Some(self.plan.training.smallest_part()),
            "student.model",
        )?;
        check_frozen(&self.plan.training.freeze, &student)?;
        let mut teachers = Vec::new();
        if let Some(teacher) = &self.plan.teacher {
            if let TeacherSource::Train(training) = &teacher.weights {
                let model = teacher.model.as_ref();
                let batch = Some(training.smallest_part());
                let network = model.map(|model| graph(model, size, batch, "teacher.model"));
                teachers.push(network.transpose()?);
            }
            for member in teacher.members() {
                // A teacher that is only asked takes images one by one as well.
                let (size, place) = (member.file.size.unwrap_or(size), member.place);
                let model = member.model;
                let network =
                    model.map(|model| graph(model, size, None, &format!("{place}.model")));
                teachers.push(network.transpose()?);
            }
        }
        Ok(Networks { student, teachers })
    }
}

/// Every module that is frozen is one, and something is left to be trained.
fn check_frozen(freeze: &[String], student: &Graph) -> Result<(), Problem> {
    let parameters = student.parameters();
    let is_known = |module: &String| parameters.iter().any(|it| is_in_module(&it.name, module));
    if let Some(at) = freeze.iter().position(|module| !is_known(module)) {
        let module = &freeze[at];
        let message = format!("the student has no module `{}`", module.shown());
        let modules: BTreeSet<&str> = parameters
            .iter()
            .filter_map(|it| Some(it.name.split_once('.')?.0))
            .collect();
        let listed: Vec<&str> = modules.iter().copied().collect();
        let help = match nearest(module, modules) {
            Some(near) => format!(
                "did you mean `{near}`? its first modules are {}",
                listed.join(", ")
            ),
            None => format!("its first modules are {}", listed.join(", ")),
        };
        return Err(Problem::new(format!("student.freeze[{at}]"), message)
            .help(help)
            .depends_on("student.model"));
    }
    let is_frozen = |name: &str| freeze.iter().any(|module| is_in_module(name, module));
    if parameters.iter().all(|it| is_frozen(&it.name)) {
        return Err(
            Problem::new("student.freeze", "every parameter of the student is frozen")
                .help("leave out the classifier at least, as in freeze: [\"layer1\"]"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::experiment::load_text;
    use crate::experiment::plan::DataFacts;
    use crate::experiment::problem::Problem;

    use super::Networks;

    fn networks(student: &str, teacher: &str, weights: &str) -> Result<Networks, Problem> {
        let text = format!(
            "(data: (train: Shapes(count: 200)), student: (model: {student}), \
             teacher: (model: {teacher}, weights: {weights}), method: Vanilla(), epochs: 2, \
             batch: 1)"
        );
        let loaded = load_text(&text, Path::new("a.ron"), &[]);
        let plan = loaded.unwrap_or_else(|report| panic!("{report}")).plan;
        let facts = DataFacts {
            train: 200,
            unlabelled: 0,
            classes: 4,
            per_class: Vec::new(),
            labelled: true,
            size: (32, 32),
            normalization: None,
            steps_per_epoch: 200,
            teacher_steps_per_epoch: 200,
        };
        plan.resolve(&facts).unwrap().networks(4)
    }

    const WIDE: &str = "Cnn(channels: [4, 8])";
    /// One pixel is left of 32 in its last stage.
    const DEEP: &str = "ResNet(depth: 18, stem: Standard)";

    #[test]
    fn a_model_that_is_trained_needs_more_than_one_value_for_every_normalisation() {
        let student = networks(DEEP, WIDE, "Train(epochs: 1)").unwrap_err();
        assert_eq!(student.path, "student.model");
        assert!(student.message.contains("`layer4.0.bn1`"), "{student}");
        let teacher = networks(WIDE, DEEP, "Train(epochs: 1)").unwrap_err();
        assert_eq!(teacher.path, "teacher.model");
        networks(WIDE, WIDE, "Train(epochs: 1)").unwrap();
    }

    #[test]
    fn what_is_frozen_is_there_and_something_is_left_to_be_trained() {
        let frozen = |freeze: &str| {
            let student = format!("ResNetCifar(depth: 8), freeze: {freeze}");
            networks(&student, WIDE, "Train(epochs: 1)")
        };
        frozen("[\"layer1\", \"layer2.0.conv1\", \"bn1\"]").unwrap();
        let unknown = frozen("[\"layer1\", \"layer\"]").unwrap_err();
        assert_eq!(unknown.path, "student.freeze[1]");
        assert!(
            unknown.to_string().contains("no module `layer`"),
            "{unknown}"
        );
        let all = r#"["conv1", "bn1", "layer1", "layer2", "layer3", "fc"]"#;
        let all = frozen(all).unwrap_err();
        assert!(all.to_string().contains("every parameter"), "{all}");
    }

    #[test]
    fn a_teacher_from_a_file_is_asked_and_not_trained() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teacher.safetensors");
        std::fs::write(&file, "x").unwrap();
        let weights = format!("File({:?})", file.to_string_lossy().into_owned());
        networks(WIDE, DEEP, &weights).unwrap();
    }
}
