//! Which feature maps the terms over them compare, once the networks are known.

use super::{Networks, ResolvedPlan, TeacherSource};
use crate::experiment::architecture::{EMBEDDING, Graph, Stage};
use crate::experiment::nearest::nearest;
use crate::experiment::objective::{FeatureComparison, Loss, Objective, StagePair};
use crate::experiment::problem::Problem;
use crate::untrusted::Show as _;

/// Names that an error lists.
const NEAR: usize = 6;

/// The feature maps of a teacher whose file has a layout of its own, in the order in which
/// they are computed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProgramMaps {
    /// Each by one name: of its node, or of its value where that has none.
    pub stages: Vec<Stage>,
    /// The values whose maps are among them by another name.
    pub values: Vec<Stage>,
}

/// The stages of a teacher.
#[derive(Debug, Clone, Copy)]
pub enum TeacherStages<'a> {
    /// Those of a layout, of which some suit each comparison.
    Layout(&'a [Stage]),
    /// Maps of a file, which are compared by their names.
    File(&'a ProgramMaps),
}

impl ProgramMaps {
    /// The last map of each size, in their order.
    fn last_of_sizes(&self) -> impl Iterator<Item = &Stage> {
        let all = self.stages.iter().enumerate();
        all.filter_map(|(at, stage)| {
            let mut later = self.stages[at + 1..].iter();
            later
                .all(|other| other.sides() != stage.sides())
                .then_some(stage)
        })
    }

    /// Names like one that is not there: the nearest, and those that begin with the same modules.
    fn near(&self, name: &str) -> Vec<Stage> {
        let all = || self.stages.iter().chain(&self.values);
        let nearest = nearest(name, all().map(|stage| stage.name.as_str()));
        let mut near: Vec<&Stage> = all().filter(|it| Some(&*it.name) == nearest).collect();
        let mut modules = name;
        while near.len() <= 1 && !modules.is_empty() {
            let found = self.stages.iter().filter(|it| it.name.contains(modules));
            near.extend(found.filter(|it| Some(&*it.name) != nearest));
            modules = modules
                .rfind(['/', '.', '_'])
                .map_or("", |at| &modules[..at]);
        }
        near.into_iter().take(NEAR).cloned().collect()
    }
}

impl ResolvedPlan {
    /// Settles the stages of the student's objective, which a teacher's file gives by the names
    /// in its plan from then on.
    ///
    /// # Errors
    /// As [`Objective::settle_stages`].
    pub fn settle_stages(
        &mut self,
        networks: &Networks,
        program: &ProgramMaps,
    ) -> Result<(), Problem> {
        let student = networks.student.stages();
        let layout = networks.teacher().map(Graph::stages);
        let teacher = layout
            .as_deref()
            .map_or(TeacherStages::File(program), TeacherStages::Layout);
        let objective = &mut self.plan.training.objective;
        objective.settle_stages(&student, teacher)?;
        let maps = objective.teacher_stages();
        if let Some(teacher) = &mut self.plan.teacher
            && let TeacherSource::File(file) = &mut teacher.weights
            && let Some(program) = &mut file.program
        {
            program.maps = maps;
        }
        Ok(())
    }
}

impl Objective {
    /// Gives every term over feature maps the stages that it compares, with their shapes: those
    /// that are written, or else those that suit its comparison.
    ///
    /// # Errors
    /// There is none of a name, or two do not suit the comparison.
    pub fn settle_stages(
        &mut self,
        student: &[Stage],
        teacher: TeacherStages<'_>,
    ) -> Result<(), Problem> {
        for term in &mut self.terms {
            let Loss::Features {
                comparison,
                stages,
                pairs,
                ..
            } = &mut term.loss
            else {
                continue;
            };
            let settling = Settling {
                term: &term.name,
                comparison: *comparison,
                student,
                teacher,
            };
            *pairs = if stages.is_empty() {
                settling.suitable()?
            } else {
                let written = stages.iter().map(|names| settling.written(names));
                written.collect::<Result<_, _>>()?
            };
            let is_again = |at: &usize| pairs[..*at].contains(&pairs[*at]);
            if let Some(at) = (0..pairs.len()).find(is_again) {
                let StagePair {
                    student, teacher, ..
                } = &pairs[at];
                let message = format!(
                    "the term `{}` compares `{}` with `{}` twice",
                    term.name.shown(),
                    student.shown(),
                    teacher.shown()
                );
                return Err(Problem::new("method", message).help("remove one of the two"));
            }
        }
        Ok(())
    }
}

/// One term, and the stages of both networks.
struct Settling<'a> {
    term: &'a str,
    comparison: FeatureComparison,
    student: &'a [Stage],
    teacher: TeacherStages<'a>,
}

impl Settling<'_> {
    /// The stages that are compared where none are written.
    fn suitable(&self) -> Result<Vec<StagePair>, Problem> {
        let teacher = match self.teacher {
            TeacherStages::Layout(stages) => stages,
            TeacherStages::File(maps) => return Err(self.unnamed(maps)),
        };
        let is_map = |stage: &&Stage| stage.name != EMBEDDING;
        let ours: Vec<&Stage> = self.student.iter().filter(is_map).collect();
        let theirs: Vec<&Stage> = teacher.iter().filter(is_map).collect();
        let of_equal_size = || -> Vec<StagePair> {
            let pairs = ours.iter().filter_map(|stage| {
                let other = theirs.iter().find(|it| it.sides() == stage.sides())?;
                Some(pair(stage, other))
            });
            pairs.collect()
        };
        let pair_of = |both: Option<(&Stage, &Stage)>| -> Vec<StagePair> {
            let pair = both.map(|(stage, other)| pair(stage, other));
            pair.into_iter().collect()
        };
        let pairs = match self.comparison {
            FeatureComparison::Hint => {
                let pairs = of_equal_size();
                // The middle layers of both, the earlier one of two.
                let middle = pairs.len().saturating_sub(1) / 2;
                pairs.into_iter().skip(middle).take(1).collect()
            }
            FeatureComparison::Attention => {
                let mut pairs = of_equal_size();
                pairs.retain(|pair| !is_one_pixel(pair));
                pairs
            }
            FeatureComparison::Similarity => {
                pair_of(ours.last().copied().zip(theirs.last().copied()))
            }
            FeatureComparison::Relation { .. } => {
                pair_of(embedding(self.student).zip(embedding(teacher)))
            }
        };
        if !pairs.is_empty() {
            return Ok(pairs);
        }
        let message = format!(
            "the term `{}` compares feature maps, and no stage of the student suits one of the \
             teacher: the student has {}, the teacher {}",
            self.term.shown(),
            listed(self.student),
            listed(teacher)
        );
        Err(problem(message).help(
            "name stages of both, such as stages: [(\"layer2\", \"layer2\")]; Similarity and \
             Relation compare maps of any size",
        ))
    }

    /// No stages are written where a file gives the maps.
    fn unnamed(&self, maps: &ProgramMaps) -> Problem {
        let message = format!(
            "the term `{}` compares feature maps, and those of the teacher's file are compared by \
             their names there",
            self.term.shown()
        );
        let last: Vec<Stage> = maps.last_of_sizes().cloned().collect();
        let ours = self.student.first().map_or("layer1", |it| it.name.as_str());
        let theirs = last.first().map_or("…", |it| it.name.as_str());
        problem(message).help(format!(
            "write stages: [(\"{ours}\", \"{theirs}\")]; the student has {}, and the last maps of \
             each size of the teacher are {}; --check without the term lists all",
            listed(self.student),
            listed(&last)
        ))
    }

    /// A pair that is written, with its shapes.
    fn written(&self, (student, teacher): &(String, String)) -> Result<StagePair, Problem> {
        let ours = self.find("student", self.student, student)?;
        let theirs = match self.teacher {
            TeacherStages::Layout(stages) => self.find("teacher", stages, teacher)?,
            TeacherStages::File(maps) => self.find_in_file(maps, teacher)?,
        };
        let found = pair(ours, theirs);
        let [[_, height, width], [_, other_height, other_width]] = found.shapes;
        let differ = (height, width) != (other_height, other_width);
        if self.comparison == FeatureComparison::Hint && differ {
            let message = format!(
                "the term `{}` compares maps of one size, and `{}` of the student has {height} × \
                 {width} pixels, `{}` of the teacher {other_height} × {other_width}",
                self.term.shown(),
                student.shown(),
                teacher.shown()
            );
            let help = "choose stages of equal size, which --check lists, or another comparison";
            return Err(problem(message).help(help));
        }
        if self.comparison == FeatureComparison::Attention && is_one_pixel(&found) {
            let message = format!(
                "the term `{}` compares where maps are strong, and `{}` with `{}` is one pixel",
                self.term.shown(),
                student.shown(),
                teacher.shown()
            );
            let help = "choose stages of more pixels, which --check lists, or Relation";
            return Err(problem(message).help(help));
        }
        Ok(found)
    }

    fn find_in_file<'a>(&self, maps: &'a ProgramMaps, name: &str) -> Result<&'a Stage, Problem> {
        let mut all = maps.stages.iter().chain(&maps.values);
        all.find(|stage| stage.name == name).ok_or_else(|| {
            let message = format!(
                "the term `{}` compares the map `{}` of the teacher, whose file has no value and no \
                 node of this name that is a map",
                self.term.shown(),
                name.shown()
            );
            problem(message).help(match maps.near(name) {
                near if near.is_empty() => {
                    let last: Vec<Stage> = maps.last_of_sizes().cloned().collect();
                    format!("its last maps of each size are {}", listed(&last))
                }
                near => format!("near it are {}", listed(&near)),
            })
        })
    }

    fn find<'a>(&self, whose: &str, stages: &'a [Stage], name: &str) -> Result<&'a Stage, Problem> {
        stages.iter().find(|stage| stage.name == name).ok_or_else(|| {
            let message = format!(
                "the term `{}` compares the stage `{}` of the {whose}, which has none of this name",
                self.term.shown(),
                name.shown()
            );
            let names = stages.iter().map(|stage| stage.name.as_str());
            let listed = listed(stages);
            problem(message).help(match nearest(name, names) {
                Some(near) => format!("did you mean `{near}`? its stages are {listed}"),
                None => format!("its stages are {listed}"),
            })
        })
    }
}

/// A problem of a method for its models.
fn problem(message: String) -> Problem {
    Problem::new("method", message)
        .depends_on("student.model")
        .depends_on("teacher.model")
}

fn embedding(stages: &[Stage]) -> Option<&Stage> {
    stages.iter().find(|stage| stage.name == EMBEDDING)
}

fn pair(student: &Stage, teacher: &Stage) -> StagePair {
    StagePair {
        student: student.name.clone(),
        teacher: teacher.name.clone(),
        shapes: [student.shape, teacher.shape],
    }
}

/// Whether one pixel is left where two maps are averaged to one size.
fn is_one_pixel(pair: &StagePair) -> bool {
    let [[_, height, width], [_, other_height, other_width]] = pair.shapes;
    height.min(other_height) * width.min(other_width) == 1
}

/// Stages with their sizes.
fn listed(stages: &[Stage]) -> String {
    let stages: Vec<String> = stages.iter().map(Stage::to_string).collect();
    stages.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::objective::Term;

    fn stage(name: &str, shape: [usize; 3]) -> Stage {
        Stage {
            name: name.to_owned(),
            layers: 0,
            shape,
        }
    }

    /// A student and a teacher of which the first halves its images once more.
    fn networks() -> [Vec<Stage>; 2] {
        [
            vec![
                stage("features.0", [4, 16, 16]),
                stage("features.4", [8, 8, 8]),
                stage("features.8", [16, 1, 1]),
                stage(EMBEDDING, [16, 1, 1]),
            ],
            vec![
                stage("conv1", [8, 32, 32]),
                stage("layer1", [8, 16, 16]),
                stage("layer2", [16, 8, 8]),
                stage("layer3", [32, 1, 1]),
                stage(EMBEDDING, [32, 1, 1]),
            ],
        ]
    }

    fn settled(
        comparison: FeatureComparison,
        written: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, String> {
        let [student, teacher] = networks();
        settled_with(
            comparison,
            written,
            &student,
            TeacherStages::Layout(&teacher),
        )
    }

    fn settled_with(
        comparison: FeatureComparison,
        written: &[(&str, &str)],
        student: &[Stage],
        teacher: TeacherStages<'_>,
    ) -> Result<Vec<(String, String)>, String> {
        let stages = written.iter();
        let stages = stages.map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned()));
        let loss = Loss::Features {
            views: vec![0],
            comparison,
            stages: stages.collect(),
            pairs: Vec::new(),
        };
        let mut objective = Objective {
            views: Vec::new(),
            terms: vec![Term {
                name: "term".to_owned(),
                weight: "w_term".to_owned(),
                loss,
            }],
            knobs: Vec::new(),
            controller: None,
        };
        let found = objective.settle_stages(student, teacher);
        found.map_err(|problem| problem.to_string())?;
        let pairs = objective.terms[0].loss.pairs().iter();
        Ok(pairs
            .map(|pair| (pair.student.clone(), pair.teacher.clone()))
            .collect())
    }

    #[track_caller]
    fn assert_pairs(comparison: FeatureComparison, expected: &[(&str, &str)]) {
        let found = settled(comparison, &[]).unwrap();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(ours, theirs)| (ours.as_str(), theirs.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    const RELATION: FeatureComparison = FeatureComparison::Relation {
        distance: 25.0,
        angle: 50.0,
    };

    #[test]
    fn every_comparison_has_stages_that_suit_it() {
        let (first, second) = (("features.0", "layer1"), ("features.4", "layer2"));
        assert_pairs(FeatureComparison::Hint, &[second]);
        assert_pairs(FeatureComparison::Attention, &[first, second]);
        assert_pairs(FeatureComparison::Similarity, &[("features.8", "layer3")]);
        assert_pairs(RELATION, &[(EMBEDDING, EMBEDDING)]);
    }

    #[test]
    fn stages_of_other_sizes_suit_all_but_hint() {
        let written = [("features.4", "layer1")];
        let error = settled(FeatureComparison::Hint, &written).unwrap_err();
        assert!(error.contains("has 8 × 8 pixels"), "{error}");
        for comparison in [
            FeatureComparison::Attention,
            FeatureComparison::Similarity,
            RELATION,
        ] {
            settled(comparison, &written).unwrap();
        }
        let error = settled(FeatureComparison::Attention, &[("features.8", "layer1")]);
        assert!(error.unwrap_err().contains("is one pixel"));
    }

    #[test]
    fn a_pair_is_compared_once() {
        let pair = ("features.0", "layer1");
        let error = settled(FeatureComparison::Hint, &[pair, pair]).unwrap_err();
        assert!(
            error.contains("`features.0` with `layer1` twice"),
            "{error}"
        );
    }

    #[test]
    fn a_stage_that_is_not_there_is_refused_with_the_nearest() {
        let error = settled(FeatureComparison::Similarity, &[("features.0", "layer4")]);
        let error = error.unwrap_err();
        assert!(error.contains("`layer4` of the teacher"), "{error}");
        assert!(error.contains("did you mean `layer"), "{error}");
    }

    #[test]
    fn maps_of_a_file_are_compared_by_the_names_of_nodes_and_values() {
        let [student, _] = networks();
        let maps = ProgramMaps {
            stages: vec![
                stage("/layer1/layer1.0/relu/Relu", [8, 16, 16]),
                stage("/layer1/layer1.1/relu_1/Relu", [8, 16, 16]),
                stage("/layer2/layer2.0/relu/Relu", [16, 8, 8]),
                stage("/Flatten", [16, 1, 1]),
            ],
            values: vec![stage("/layer2/layer2.0/relu/Relu_output_0", [16, 8, 8])],
        };
        let settled = |written: &[(&str, &str)]| {
            let hint = FeatureComparison::Hint;
            settled_with(hint, written, &student, TeacherStages::File(&maps))
        };
        for name in [
            "/layer2/layer2.0/relu/Relu",
            "/layer2/layer2.0/relu/Relu_output_0",
        ] {
            let pairs = settled(&[("features.4", name)]).unwrap();
            assert_eq!(pairs, [("features.4".to_owned(), name.to_owned())]);
        }
        let unnamed = settled(&[]).unwrap_err();
        assert!(unnamed.contains("by their names"), "{unnamed}");
        let last =
            "/layer1/layer1.1/relu_1/Relu 8 × 16 × 16, /layer2/layer2.0/relu/Relu 16 × 8 × 8";
        assert!(unnamed.contains(last), "{unnamed}");
        let unknown = settled(&[("features.4", "/layer1/layer1.1/Add")]).unwrap_err();
        assert!(unknown.contains("no value and no node"), "{unknown}");
        assert!(unknown.contains("near it are"), "{unknown}");
        assert!(
            unknown.contains("/layer1/layer1.1/relu_1/Relu 8"),
            "{unknown}"
        );
        let nothing = settled(&[("features.4", "xyz")]).unwrap_err();
        assert!(nothing.contains("its last maps of each size"), "{nothing}");
        let other = settled(&[("features.4", "/layer1/layer1.1/relu_1/Relu")]).unwrap_err();
        assert!(other.contains("8 × 8 pixels"), "{other}");
    }
}
