//! Terms over feature maps, as written: with the weights that their authors publish.

use serde::{Deserialize, Serialize};

use super::terms::{first_view, index};
use super::{MAX_PART, check};
use crate::experiment::objective::{FeatureComparison, Loss, Term};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// A term over feature maps. Its weight is the field and the knob of the same name; one with
/// a `name` of its own has the knob `w_<name>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FeatureTerm {
    /// The teacher's map from the student's (`FitNets`; Romero et al., 2015).
    Hint(Hint),
    /// Attention maps (Zagoruyko and Komodakis, 2017).
    Attention(Attention),
    /// Similarities of the images of a batch (Tung and Mori, 2019).
    Similarity(Similarity),
    /// Distances and angles between the images of a batch (Park et al., 2019).
    Relation(Relation),
}

/// The teacher's map from the student's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// Name; `hint` if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Views, from 1; the losses are averaged.
    #[serde(default = "first_view")]
    pub views: Vec<usize>,
    /// Weight; by default 1, as published.
    #[serde(default = "hint_weight")]
    pub w_hint: f64,
    /// Stages of student and teacher; the middle one of those of equal size if empty.
    #[serde(default)]
    pub stages: Vec<(String, String)>,
}

/// Attention maps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Name; `attention` if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Views, from 1; the losses are averaged.
    #[serde(default = "first_view")]
    pub views: Vec<usize>,
    /// Weight; by default that of the authors' code, whose loss is a mean.
    #[serde(default = "attention_weight")]
    pub w_attention: f64,
    /// Stages of student and teacher; all of equal size if empty.
    #[serde(default)]
    pub stages: Vec<(String, String)>,
}

/// Similarities of the images of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Similarity {
    /// Name; `similarity` if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Views, from 1; the losses are averaged.
    #[serde(default = "first_view")]
    pub views: Vec<usize>,
    /// Weight; by default the published one.
    #[serde(default = "similarity_weight")]
    pub w_similarity: f64,
    /// Stages of student and teacher; the last maps of both if empty.
    #[serde(default)]
    pub stages: Vec<(String, String)>,
}

/// Distances and angles between the images of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// Name; `relation` if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Views, from 1; the losses are averaged.
    #[serde(default = "first_view")]
    pub views: Vec<usize>,
    /// Weight; the parts have the published ones.
    #[serde(default = "relation_weight")]
    pub w_relation: f64,
    /// Weight of the part over pairs.
    #[serde(default = "distance_weight")]
    pub distance: f64,
    /// Weight of the part over triples.
    #[serde(default = "angle_weight")]
    pub angle: f64,
    /// Stages of student and teacher; the embeddings of both if empty.
    #[serde(default)]
    pub stages: Vec<(String, String)>,
}

fn hint_weight() -> f64 {
    1.0
}

fn attention_weight() -> f64 {
    1000.0
}

fn similarity_weight() -> f64 {
    3000.0
}

fn relation_weight() -> f64 {
    1.0
}

fn distance_weight() -> f64 {
    25.0
}

fn angle_weight() -> f64 {
    50.0
}

/// What all kinds have.
struct Common<'a> {
    name: &'a Option<String>,
    /// The name, if it has no other.
    default: &'static str,
    views: &'a [usize],
    /// The field of its weight, and its value.
    weight: (&'static str, f64),
    comparison: FeatureComparison,
    stages: &'a [(String, String)],
}

impl FeatureTerm {
    fn common(&self) -> Common<'_> {
        match self {
            Self::Hint(it) => Common {
                name: &it.name,
                default: "hint",
                views: &it.views,
                weight: ("w_hint", it.w_hint),
                comparison: FeatureComparison::Hint,
                stages: &it.stages,
            },
            Self::Attention(it) => Common {
                name: &it.name,
                default: "attention",
                views: &it.views,
                weight: ("w_attention", it.w_attention),
                comparison: FeatureComparison::Attention,
                stages: &it.stages,
            },
            Self::Similarity(it) => Common {
                name: &it.name,
                default: "similarity",
                views: &it.views,
                weight: ("w_similarity", it.w_similarity),
                comparison: FeatureComparison::Similarity,
                stages: &it.stages,
            },
            Self::Relation(it) => Common {
                name: &it.name,
                default: "relation",
                views: &it.views,
                weight: ("w_relation", it.w_relation),
                comparison: FeatureComparison::Relation {
                    distance: it.distance,
                    angle: it.angle,
                },
                stages: &it.stages,
            },
        }
    }

    /// The variant's name, which is also its place in the file.
    pub(super) fn kind(&self) -> &'static str {
        self.common().comparison.name()
    }

    /// The term of a method with so many views, and the field and value of its weight.
    pub(super) fn term(&self, view_count: usize) -> (Term, (&'static str, f64)) {
        let common = self.common();
        let views = common.views.iter();
        let loss = Loss::Features {
            views: views.map(|&view| index(view, view_count)).collect(),
            comparison: common.comparison,
            stages: common.stages.to_vec(),
            pairs: Vec::new(),
        };
        let names = (common.default, common.weight.0);
        (
            Term::named(common.name.as_deref(), names, loss),
            common.weight,
        )
    }

    /// What is wrong with its weights, by its fields.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let Common {
            weight: (field, weight),
            comparison,
            ..
        } = self.common();
        let mut problems = Vec::new();
        check(&mut problems, field, weight, Range::FEATURE_WEIGHT);
        if let FeatureComparison::Relation { distance, angle } = comparison {
            let range = Range {
                min: 0.0,
                max: MAX_PART,
            };
            check(&mut problems, "distance", distance, range);
            check(&mut problems, "angle", angle, range);
        }
        problems
    }
}
