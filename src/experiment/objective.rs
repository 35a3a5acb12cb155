//! What training minimises: views of the batch, terms over the views, and the
//! knobs that weigh and shape them. Methods expand to these; the trainer knows
//! nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::controller::Controller;
use super::knob::Knob;
use super::problem::Problem;
use super::schedule::Schedule;

/// What a method expands to. The total loss is the sum over `terms` of the
/// weight knob's value times the term's loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Augmented copies of the batch, in order; terms count them from 0.
    pub views: Vec<View>,
    /// Losses, in order.
    pub terms: Vec<Term>,
    /// Every named scalar the views and terms refer to. The learning rate is
    /// the plan's, not a method's.
    pub knobs: Vec<Knob>,
    /// The rule that moves knobs at the end of a round, if any.
    pub controller: Option<Controller>,
}

impl Objective {
    /// Views on which the student is evaluated: those that a term looks at.
    #[must_use]
    pub fn student_views(&self) -> BTreeSet<usize> {
        let terms = self.terms.iter();
        terms.flat_map(|term| term.loss.views()).collect()
    }
}

/// One augmented copy of the batch, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Knob that holds this view's augmentation probability.
    pub probability: String,
    /// Which images it shows.
    #[serde(default, skip_serializing_if = "Part::is_whole")]
    pub part: Part,
}

/// Images of a batch: those at every so many places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The first place, from 0.
    pub first: usize,
    /// How far apart they are: as many parts make a batch.
    pub of: usize,
}

impl Part {
    /// All images.
    pub const WHOLE: Self = Self { first: 0, of: 1 };

    /// Whether it is all images.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// Its places in a batch of so many images, ascending.
    pub fn places(self, images: usize) -> impl Iterator<Item = usize> {
        (self.first..images).step_by(self.of.max(1))
    }
}

impl Default for Part {
    fn default() -> Self {
        Self::WHOLE
    }
}

/// One loss with its weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Name in the journal and on the charts, unique in the objective.
    pub name: String,
    /// Knob that holds this term's weight.
    pub weight: String,
    /// What is measured.
    pub loss: Loss,
}

impl Term {
    /// One with a name and the knob `w_<name>`, or else with the name and the knob that its
    /// kind has.
    pub(super) fn named(name: Option<&str>, (default, weight): (&str, &str), loss: Loss) -> Self {
        let (name, weight) = match name {
            Some(name) => (name, format!("w_{name}")),
            None => (default, weight.to_owned()),
        };
        Self {
            name: name.to_owned(),
            weight,
            loss,
        }
    }
}

/// What a term measures. Views count from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Loss {
    /// Student against teacher, averaged over the views.
    Distill {
        /// Views on which both are evaluated.
        views: Vec<usize>,
        /// How the two are compared.
        divergence: Divergence,
        /// Knob that holds the temperature.
        temperature: String,
    },
    /// Student against a truth value on one view.
    Truth {
        /// The view.
        view: usize,
        /// Where the truth value comes from.
        target: TruthTarget,
    },
    /// Feature maps of the student against those of the teacher, averaged over the views and
    /// added up over the stages.
    Features {
        /// Views on which both are evaluated.
        views: Vec<usize>,
        /// How the two are compared.
        comparison: FeatureComparison,
        /// Which of their maps, as written: stages of the student and of the teacher. Where
        /// none are, the networks decide.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stages: Vec<(String, String)>,
        /// Those that are compared, once the networks are known: at least one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pairs: Vec<StagePair>,
    },
    /// Student against itself: the mean over all pairs of views of the mean
    /// squared difference of its classification results (US20220004811, first
    /// constraint).
    Consistency {
        /// At least two views.
        views: Vec<usize>,
        /// In which space results are compared.
        space: ConsistencySpace,
    },
}

/// How student and teacher are compared. With logits s, t of shape
/// `[batch, classes]`, temperature T and p = softmax(·/T); all are batch means.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Divergence {
    /// `T² Σ p_t (ln p_t − ln p_s)` (Hinton et al., 2015), forward KL.
    #[default]
    Kd,
    /// Mean squared difference of the softmax probabilities or of the logits.
    L2 {
        /// Which of the two.
        #[serde(default)]
        space: ConsistencySpace,
    },
    /// T² (α·TCKD + β·NCKD), decoupled distillation (Zhao et al., 2022). Needs
    /// labels; unlabelled images are left out.
    Dkd {
        /// Weight of the target-class part.
        #[serde(default = "one")]
        alpha: f64,
        /// Weight of the non-target-class part.
        #[serde(default = "dkd_beta")]
        beta: f64,
    },
    /// `Kd` of standardised logits, z ← (z − mean)/(std + 1e-7) with the
    /// unbiased deviation over classes (Sun et al., 2024).
    LogitStd,
    /// `½ Σ (p_t − p_s)(ln p_t − ln p_s)` at temperature 1: the mean of both directions of KL,
    /// what two networks that learn from each other minimise in deep mutual learning
    /// (Zhang et al., 2018).
    SymmetricKl,
    /// Multi-level logit distillation (Jin et al., 2023): the mean over the temperatures T·½,
    /// T·¾, T, T·5/4 and T·3/2 (2 to 6 for T = 4, as published) of `Kd`, of the squared
    /// difference of the images' similarities, `‖P_s P_sᵀ − P_t P_tᵀ‖²` by image, and of that
    /// of the classes', `‖P_sᵀ P_s − P_tᵀ P_t‖²` by class, with P the probabilities
    /// `[batch, classes]`.
    Mlkd,
    /// T² (β·inter + γ·intra), 1 − Pearson's correlation of `p_s` and `p_t` over
    /// rows and over columns (DIST; Huang et al., 2022).
    Dist {
        /// Weight of the part over the classes of an image.
        #[serde(default = "one")]
        beta: f64,
        /// Weight of the part over the images of a class.
        #[serde(default = "one")]
        gamma: f64,
    },
}

impl Divergence {
    /// Whether the images of a batch are compared with one another, so that a part of a
    /// batch is another batch.
    #[must_use]
    pub fn relates_images(self) -> bool {
        match self {
            Self::Dist { gamma, .. } => gamma > 0.0,
            Self::Mlkd => true,
            Self::Kd | Self::L2 { .. } | Self::Dkd { .. } | Self::LogitStd | Self::SymmetricKl => {
                false
            }
        }
    }
}

/// How feature maps of student and teacher are compared. With maps A of shape `[batch, channels,
/// height, width]`; all are batch means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum FeatureComparison {
    /// Mean squared difference of the teacher's map and what a regressor makes of the
    /// student's (`FitNets`; Romero et al., 2015). The regressor is a 1×1 convolution with bias to
    /// the teacher's channels, which is trained with the student and left behind: `ConvReg`
    /// of Tian et al. (2020) without its normalisation and `ReLU`.
    Hint,
    /// Mean squared difference of attention maps: Q = mean over channels of A², as a vector
    /// divided by its L2 norm (Zagoruyko and Komodakis, 2017; the mean is that of the authors'
    /// code). The larger of two maps is averaged to the size of the smaller one, as Tian et
    /// al. (2020) do.
    Attention,
    /// `1/b² ‖G_s − G_t‖²` with G = A Aᵀ, `[batch, batch]`, of maps as rows `[batch, values]`, its
    /// rows divided by their L2 norms: similarity-preserving (Tung and Mori, 2019).
    Similarity,
    /// Smooth L1 of distances of pairs of images, each divided by the mean of all, times
    /// `distance`, and of cosines of the angles of triples times `angle`: relational knowledge
    /// distillation (Park et al., 2019).
    Relation {
        /// Weight of the part over pairs.
        distance: f64,
        /// Weight of the part over triples.
        angle: f64,
    },
}

impl FeatureComparison {
    /// The name as an experiment file has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hint => "Hint",
            Self::Attention => "Attention",
            Self::Similarity => "Similarity",
            Self::Relation { .. } => "Relation",
        }
    }

    /// Whether the images of a batch are compared with one another, so that a part of a
    /// batch is another batch.
    #[must_use]
    pub fn relates_images(self) -> bool {
        match self {
            Self::Hint | Self::Attention => false,
            Self::Similarity | Self::Relation { .. } => true,
        }
    }
}

/// A stage of the student that is compared with one of the teacher, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePair {
    /// The student's.
    pub student: String,
    /// The teacher's.
    pub teacher: String,
    /// Channels, height and width of both, the student's first.
    pub shapes: [[usize; 3]; 2],
}

fn one() -> f64 {
    1.0
}

/// β as published for CIFAR.
fn dkd_beta() -> f64 {
    8.0
}

/// The space in which an L2 difference is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ConsistencySpace {
    /// Softmax probabilities at temperature 1.
    #[default]
    Probabilities,
    /// Logits.
    Logits,
}

/// What the student's output is held against in a truth term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TruthTarget {
    /// The label; unlabelled images are left out.
    #[default]
    Label,
    /// The teacher's most likely class on the same view.
    TeacherHard,
    /// The teacher's softmax on the same view.
    TeacherSoft,
}

impl View {
    /// The `number`th view, from 1, with its knob `p<number>`.
    #[must_use]
    pub fn numbered(number: usize) -> Self {
        Self {
            probability: format!("p{number}"),
            part: Part::WHOLE,
        }
    }

    /// The same of a part of the batch.
    #[must_use]
    pub fn of(self, part: Part) -> Self {
        Self { part, ..self }
    }
}

impl Objective {
    /// Whether any term needs the teacher's output.
    #[must_use]
    pub fn needs_teacher(&self) -> bool {
        self.terms.iter().any(|term| term.loss.needs_teacher())
    }

    /// Parts of a batch that views are of, at most: 1 where each shows all images.
    #[must_use]
    pub fn parts(&self) -> usize {
        let parts = self.views.iter().map(|view| view.part.of);
        parts.max().unwrap_or(1).max(1)
    }

    /// Passes of the student over the training images in an epoch: one for every view that it
    /// sees of all images.
    #[must_use]
    pub fn passes(&self) -> f64 {
        let views = self.student_views().into_iter();
        let parts = views.filter_map(|view| self.views.get(view));
        parts.map(|view| 1.0 / view.part.of as f64).sum()
    }

    /// What a term of labels counts in a batch of which this share of images is labelled: as
    /// much, so that an image counts alike in all terms. Where no term looks at the other
    /// images, the labelled ones are all that count.
    #[must_use]
    pub fn share_of_labels(&self, labelled: f64) -> f64 {
        if self.terms.iter().all(|term| term.loss.is_of_labels()) {
            1.0
        } else {
            labelled
        }
    }

    /// Gives knobs that follow others by a formula of the number of rounds
    /// E their first values: p2 follows p1. A method expands for one round
    /// an epoch; the caller that knows the true E calls this before training.
    pub fn settle(&mut self, rounds: u32) {
        let Some(Controller::AdaptiveAugmentation(rule)) = &self.controller else {
            return;
        };
        let first = self.knobs.iter().find(|knob| knob.name == rule.first);
        let p1 = first.map_or(0.0, |knob| knob.schedule.at(0.0, 1.0));
        let p2 = rule.p2_rule.value(p1, rule.p_max, rounds);
        for knob in &mut self.knobs {
            if rule.second.contains(&knob.name) {
                knob.schedule = Schedule::Constant(p2);
            }
        }
    }

    /// The same objective for images of which none has a label: truth terms
    /// with labels are left out, with their knobs.
    ///
    /// # Errors
    /// If something else needs labels, or nothing is left.
    pub fn without_labels(mut self) -> Result<Self, Problem> {
        let needs_label = |term: &Term| {
            matches!(
                term.loss,
                Loss::Truth {
                    target: TruthTarget::Label,
                    ..
                }
            )
        };
        let (left_out, kept): (Vec<Term>, Vec<Term>) =
            self.terms.into_iter().partition(needs_label);
        let refused = |message: String| {
            Problem::new("method", message)
                .help("give labelled training images, one subfolder per class")
        };
        for term in &kept {
            if let Loss::Distill {
                divergence: Divergence::Dkd { .. },
                ..
            } = term.loss
            {
                let message = format!(
                    "the term `{}` needs labels, and no training image has one",
                    term.name
                );
                return Err(refused(message).help("use another divergence, such as Kd"));
            }
        }
        if let Some(Controller::AdaptiveAugmentation(rule)) = &self.controller
            && left_out.iter().any(|term| term.name == rule.truth)
        {
            let message = "its truth target is the label, and no training image has one".to_owned();
            return Err(refused(message).help("write `truth: TeacherHard` or `truth: TeacherSoft`"));
        }
        if kept.is_empty() {
            return Err(refused(
                "it learns from labels only, and no training image has one".to_owned(),
            ));
        }
        self.terms = kept;
        self.knobs
            .retain(|knob| !left_out.iter().any(|term| term.weight == knob.name));
        Ok(self)
    }

    /// The target of the truth term that the controller compares with its loss on the
    /// validation images, if it does.
    #[must_use]
    pub fn compared_target(&self) -> Option<TruthTarget> {
        let name = self.controller.as_ref()?.compared_term()?;
        let term = self.terms.iter().find(|term| term.name == name)?;
        match term.loss {
            Loss::Truth { target, .. } => Some(target),
            Loss::Distill { .. } | Loss::Features { .. } | Loss::Consistency { .. } => None,
        }
    }

    /// Views on which feature maps are compared.
    #[must_use]
    pub fn feature_views(&self) -> BTreeSet<usize> {
        let terms = self.terms.iter();
        let terms = terms.filter(|term| matches!(term.loss, Loss::Features { .. }));
        terms.flat_map(|term| term.loss.views()).collect()
    }

    /// Stages of the student that are compared, each once, by name.
    #[must_use]
    pub fn student_stages(&self) -> Vec<String> {
        self.stages(|pair| &pair.student)
    }

    /// Stages of the teacher that are compared, each once, by name.
    #[must_use]
    pub fn teacher_stages(&self) -> Vec<String> {
        self.stages(|pair| &pair.teacher)
    }

    fn stages(&self, whose: impl Fn(&StagePair) -> &String) -> Vec<String> {
        let pairs = self.terms.iter().flat_map(|term| term.loss.pairs());
        let names: BTreeSet<&String> = pairs.map(whose).collect();
        names.into_iter().cloned().collect()
    }

    /// The knob of this name.
    #[must_use]
    pub fn knob(&self, name: &str) -> Option<&Knob> {
        self.knobs.iter().find(|knob| knob.name == name)
    }
}

impl Loss {
    /// Whether it compares with the label of every image, which class weights weigh.
    #[must_use]
    pub fn is_truth_of_labels(&self) -> bool {
        let target = TruthTarget::Label;
        matches!(self, Self::Truth { target: of, .. } if *of == target)
    }

    /// Whether this loss needs the teacher's output.
    #[must_use]
    pub fn needs_teacher(&self) -> bool {
        match self {
            Self::Distill { .. } | Self::Features { .. } => true,
            Self::Truth { target, .. } => *target != TruthTarget::Label,
            Self::Consistency { .. } => false,
        }
    }

    /// Whether this loss is a mean over the labelled images, not over all.
    #[must_use]
    pub fn is_of_labels(&self) -> bool {
        match self {
            Self::Distill { divergence, .. } => matches!(divergence, Divergence::Dkd { .. }),
            Self::Truth { target, .. } => *target == TruthTarget::Label,
            Self::Features { .. } | Self::Consistency { .. } => false,
        }
    }

    /// The stages whose maps it compares.
    #[must_use]
    pub fn pairs(&self) -> &[StagePair] {
        match self {
            Self::Features { pairs, .. } => pairs,
            Self::Distill { .. } | Self::Truth { .. } | Self::Consistency { .. } => &[],
        }
    }

    /// The views this loss looks at.
    #[must_use]
    pub fn views(&self) -> Vec<usize> {
        match self {
            Self::Distill { views, .. }
            | Self::Features { views, .. }
            | Self::Consistency { views, .. } => views.clone(),
            Self::Truth { view, .. } => vec![*view],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Loss, Objective};
    use crate::experiment::method::{
        AdaptiveAugmentation, ExpansionContext, Method, MultiView, Scratch,
    };

    fn expand(method: &dyn Method) -> Objective {
        let context = ExpansionContext {
            rounds: 3,
            epochs: 3,
            labelled: true,
        };
        method.expand(&context).unwrap()
    }

    #[test]
    fn multi_view_without_labels_keeps_its_two_constraints() {
        let method: MultiView = ron::from_str("(views: 3)").unwrap();
        let objective = expand(&method).without_labels().unwrap();
        let names: Vec<&str> = objective.terms.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["consistency", "distill"]);
        assert!(objective.knob("w_truth").is_none());
        assert!(
            !objective
                .terms
                .iter()
                .any(|t| matches!(t.loss, Loss::Truth { .. }))
        );
    }

    #[test]
    fn views_of_halves_take_one_pass_and_those_of_all_images_one_each() {
        let passes = |written: &str| {
            let method: AdaptiveAugmentation = ron::from_str(written).unwrap();
            let objective = expand(&method);
            let places = |at: usize| objective.views[at].part.places(5).collect::<Vec<_>>();
            (objective.passes(), places(0), places(1))
        };
        let all = vec![0, 1, 2, 3, 4];
        assert_eq!(passes("()"), (2.0, all.clone(), all));
        let halves = passes("(views: Halves)");
        assert_eq!(halves, (1.0, vec![1, 3], vec![0, 2, 4]));
    }

    #[test]
    fn a_method_of_labels_alone_is_refused_without_labels() {
        let error = expand(&Scratch { p1: 0.5 }).without_labels().unwrap_err();
        assert!(error.to_string().contains("no training image has one"));
    }
}
