//! Methods: named presets that expand to views, terms, knobs and a controller.
//!
//! One file per method. A method is data: adding one means a file here with its
//! fields and its expansion and a line in [`MethodSpec`]; the trainer is not
//! touched.

mod adaptive_augmentation;
mod custom;
mod custom_controller;
mod features;
mod function_matching;
mod moved;
mod multi_view;
mod scratch;
mod steered_kd;
mod terms;
mod vanilla;

use serde::{Deserialize, Serialize};

pub use adaptive_augmentation::{AdaptiveAugmentation, ViewImages};
pub use custom::{Custom, CustomTerm, CustomView};
pub use custom_controller::CustomController;
pub use features::{Attention, FeatureTerm, Hint, Relation, Similarity};
pub use function_matching::FunctionMatching;
pub use multi_view::{MultiView, TeacherViews};
pub use scratch::Scratch;
pub use steered_kd::SteeredKd;
pub use vanilla::Vanilla;

use super::knob::{Knob, KnobRole};
use super::objective::{Divergence, Loss, Objective, Term, TruthTarget, View};
use super::problem::Problem;
use super::range::Range;

/// Something that expands to an objective.
pub trait Method {
    /// Views, terms, knobs and controller for a training of `rounds`
    /// rounds on data that has labels or not.
    ///
    /// # Errors
    /// Every value that is out of range, with its path below the method's.
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>>;
}

/// What an expansion may depend on besides the method's own fields.
#[derive(Debug, Clone, Copy)]
pub struct ExpansionContext {
    /// Number of rounds E, one an epoch. Where a round is a number of
    /// steps, E is known only when the images have been counted;
    /// `Objective::settle` then corrects what a controller derives from it.
    pub rounds: u32,
    /// Length of the training, epochs: schedules are checked over it.
    pub epochs: u32,
    /// Whether any training image has a label.
    pub labelled: bool,
}

/// A method as written in an experiment file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MethodSpec {
    /// No teacher: cross-entropy on one view.
    Scratch(Scratch),
    /// One view; cross-entropy and distillation.
    Vanilla(Vanilla),
    /// Adaptive augmentation (US20240070454).
    AdaptiveAugmentation(AdaptiveAugmentation),
    /// One view whose augmentation probability is steered (this project's own).
    SteeredKd(SteeredKd),
    /// Distillation alone, on strongly changed images (Beyer et al., 2022).
    FunctionMatching(FunctionMatching),
    /// Multi-view consistency (US20220004811).
    MultiView(MultiView),
    /// Any views, terms, knobs and controller.
    Custom(Custom),
}

impl MethodSpec {
    /// The variant's name, which is also its place in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scratch(_) => "Scratch",
            Self::Vanilla(_) => "Vanilla",
            Self::AdaptiveAugmentation(_) => AdaptiveAugmentation::NAME,
            Self::SteeredKd(_) => "SteeredKd",
            Self::FunctionMatching(_) => FunctionMatching::NAME,
            Self::MultiView(_) => "MultiView",
            Self::Custom(_) => "Custom",
        }
    }

    /// The method itself.
    #[must_use]
    pub fn method(&self) -> &dyn Method {
        match self {
            Self::Scratch(method) => method,
            Self::Vanilla(method) => method,
            Self::AdaptiveAugmentation(method) => method,
            Self::SteeredKd(method) => method,
            Self::FunctionMatching(method) => method,
            Self::MultiView(method) => method,
            Self::Custom(method) => method,
        }
    }
}

/// Distillation on one view, which is augmented with probability `p1`, with these weight and
/// temperature.
fn distilled_view(p1: f64, (w, temperature): (f64, f64), divergence: Divergence) -> Objective {
    Objective {
        views: vec![View::numbered(1)],
        terms: vec![distillation(vec![0], divergence)],
        knobs: vec![
            Knob::constant("p1", KnobRole::Probability, p1),
            Knob::constant("w", KnobRole::Weight, w),
            Knob::constant("temperature", KnobRole::Temperature, temperature),
        ],
        controller: None,
    }
}

/// Adds a problem unless `value` is in `range`.
fn check(problems: &mut Vec<Problem>, path: &str, value: f64, range: Range) {
    if !range.contains(value) {
        problems.push(Problem::new(
            path,
            format!("{value} is not between {} and {}", range.min, range.max),
        ));
    }
}

/// Greatest weight of a part of DKD or DIST.
const MAX_PART: f64 = 1000.0;

/// Adds what is wrong with a divergence at `path`.
fn check_divergence(
    problems: &mut Vec<Problem>,
    path: &str,
    divergence: Divergence,
    context: ExpansionContext,
) {
    let range = Range {
        min: 0.0,
        max: MAX_PART,
    };
    let mut part = |name: &str, value| check(problems, &format!("{path}.{name}"), value, range);
    match divergence {
        Divergence::Dkd { alpha, beta } => {
            part("Dkd.alpha", alpha);
            part("Dkd.beta", beta);
            if !context.labelled {
                let problem = Problem::new(path, "Dkd needs labelled training images");
                problems.push(problem.help("use Kd or L2()"));
            }
        }
        Divergence::Dist { beta, gamma } => {
            part("Dist.beta", beta);
            part("Dist.gamma", gamma);
        }
        Divergence::Kd
        | Divergence::L2 { .. }
        | Divergence::LogitStd
        | Divergence::SymmetricKl
        | Divergence::Mlkd => {}
    }
}

/// Adds what is wrong with the weight, temperature and divergence of a distillation.
fn check_distillation(
    problems: &mut Vec<Problem>,
    (w, temperature): (f64, f64),
    divergence: Divergence,
    context: ExpansionContext,
) {
    check(problems, "w", w, Range::WEIGHT);
    check(problems, "temperature", temperature, Range::TEMPERATURE);
    check_divergence(problems, "divergence", divergence, context);
}

/// The loss of a view against this target, weighted by `w_truth`.
fn truth(view: usize, target: TruthTarget) -> Term {
    Term {
        name: "truth".to_owned(),
        weight: "w_truth".to_owned(),
        loss: Loss::Truth { view, target },
    }
}

/// The loss of views against the teacher, weighted by `w`.
fn distillation(views: Vec<usize>, divergence: Divergence) -> Term {
    Term {
        name: "distill".to_owned(),
        weight: "w".to_owned(),
        loss: Loss::Distill {
            views,
            divergence,
            temperature: "temperature".to_owned(),
        },
    }
}

/// Adds a problem where p1 starts above its maximum.
fn check_start(problems: &mut Vec<Problem>, p1: f64, p_max: f64) {
    if p1 > p_max {
        problems.push(
            Problem::new("p1", format!("{p1} is above p_max, which is {p_max}"))
                .help("lower it, or raise p_max")
                .depends_on("p_max"),
        );
    }
}

/// Adds a problem where a truth target needs labels that are not there.
fn check_target(problems: &mut Vec<Problem>, truth: TruthTarget, context: ExpansionContext) {
    if !context.labelled && truth == TruthTarget::Label {
        problems.push(
            Problem::new("truth", "Label needs labelled training images")
                .help("use TeacherHard or TeacherSoft"),
        );
    }
}

fn default_probability() -> f64 {
    0.5
}

fn default_weight() -> f64 {
    0.9
}

fn default_truth_weight() -> f64 {
    1.0
}

fn default_temperature() -> f64 {
    4.0
}
