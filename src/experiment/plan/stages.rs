//! Which feature maps the terms over them compare, once the networks are known.

use super::{Networks, ResolvedPlan};
use crate::experiment::architecture::{EMBEDDING, Graph, Stage};
use crate::experiment::nearest::nearest;
use crate::experiment::objective::{FeatureComparison, Loss, Objective, StagePair};
use crate::experiment::problem::Problem;
use crate::untrusted::Show as _;

impl ResolvedPlan {
    /// Settles the stages of the student's objective.
    ///
    /// # Errors
    /// As [`Objective::settle_stages`].
    pub fn settle_stages(&mut self, networks: &Networks) -> Result<(), Problem> {
        let teacher = networks.teacher.as_ref().map(Graph::stages);
        let student = networks.student.stages();
        let objective = &mut self.plan.training.objective;
        objective.settle_stages(&student, &teacher.unwrap_or_default())
    }
}

impl Objective {
    /// Gives every term over feature maps the stages that it compares, with their shapes: those
    /// that are written, or else those that suit its comparison.
    ///
    /// # Errors
    /// There is none of a name, or two do not suit the comparison.
    pub fn settle_stages(&mut self, student: &[Stage], teacher: &[Stage]) -> Result<(), Problem> {
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
    teacher: &'a [Stage],
}

impl Settling<'_> {
    /// The stages that are compared where none are written.
    fn suitable(&self) -> Result<Vec<StagePair>, Problem> {
        let is_map = |stage: &&Stage| stage.name != EMBEDDING;
        let ours: Vec<&Stage> = self.student.iter().filter(is_map).collect();
        let theirs: Vec<&Stage> = self.teacher.iter().filter(is_map).collect();
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
                pair_of(embedding(self.student).zip(embedding(self.teacher)))
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
            listed(self.teacher)
        );
        Err(problem(message).help(
            "name stages of both, such as stages: [(\"layer2\", \"layer2\")]; Similarity and \
             Relation compare maps of any size",
        ))
    }

    /// A pair that is written, with its shapes.
    fn written(&self, (student, teacher): &(String, String)) -> Result<StagePair, Problem> {
        let found = pair(
            self.find("student", self.student, student)?,
            self.find("teacher", self.teacher, teacher)?,
        );
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
        let [student, teacher] = networks();
        let found = objective.settle_stages(&student, &teacher);
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
}
