//! A method's expansion, for people: views, terms as formulas, knobs with
//! their schedules, the controller's rule.

use super::text::Page;
use crate::experiment::augment::Operation;
use crate::experiment::controller::{
    AdaptiveAugmentationRule, Controller, Gap, ScheduledKnob, SecondProbability, Update,
    WhenUnderfitting,
};
use crate::experiment::knob::Knob;
use crate::experiment::objective::{
    ConsistencySpace, Divergence, FeatureComparison, Loss, Objective, StagePair, Term, TruthTarget,
};
use crate::experiment::plan::Training;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{RoundSpec, TruthLossSpec};
use crate::experiment::timeline::Timeline;
use crate::format::{number, precise};

/// Operations that a view applies otherwise than the rest.
fn exception_rows(operations: &[Operation], page: &mut Page) {
    if operations.iter().any(Operation::is_steered_by_magnitude) {
        let text =
            "RandAugment on every image unless the probability is 0, at that much of its magnitude";
        page.row("steered", text);
    }
    if operations.iter().any(Operation::mixes_images) {
        let text = "with the image before it in the batch; labels by their shares";
        page.row("mixed", text);
    }
}

/// With the timeline of the training, where its images are known.
/// `portions` are the training images and the unlabelled ones of a batch.
pub(super) fn explain(
    training: &Training,
    (labelled, unlabelled): (usize, usize),
    timeline: Option<Timeline>,
    page: &mut Page,
) {
    let objective = &training.objective;
    page.heading("Views");
    for (i, view) in objective.views.iter().enumerate() {
        let images = match view.part.of {
            0 | 1 => "the batch".to_owned(),
            of => format!("one image in {of} of the batch, its own"),
        };
        page.row(
            &format!("view {}", i + 1),
            &format!(
                "{images}; each operation on each image with probability {}",
                view.probability
            ),
        );
    }
    exception_rows(&training.augment, page);
    page.heading("Total loss");
    let of_labels = objective.terms.iter().find(|term| term.loss.is_of_labels());
    let part = of_labels.and_then(|term| objective.views.get(*term.loss.views().first()?));
    let counted = part.map_or(1.0, |view| {
        let of = |images: usize| view.part.places(images).count() as f64;
        objective.share_of_labels(of(labelled) / of(labelled + unlabelled))
    });
    let sum: Vec<String> = objective
        .terms
        .iter()
        .map(|term| {
            let counts_less = counted < 1.0 && term.loss.is_of_labels();
            let share = if counts_less { "n · " } else { "" };
            format!("{share}{} · {}", term.weight, term.name)
        })
        .collect();
    page.row("L", &format!("= {}", sum.join(" + ")));
    if counted < 1.0 {
        let share = number(counted);
        page.row(
            "n",
            &format!("= {share}, the share of the images that are labelled"),
        );
    }
    for term in &objective.terms {
        page.row(
            &term.name,
            &format!("= {}", formula(term, training.truth_loss)),
        );
    }
    page.heading("Knobs");
    for knob in training.knobs() {
        let settled = timeline.is_some() || training.round == RoundSpec::Epoch;
        knob_row(knob, objective, settled, page);
    }
    if let Some(Controller::AdaptiveAugmentation(rule)) = &objective.controller {
        page.heading(if rule.second.is_empty() {
            "Controller: steered augmentation"
        } else {
            "Controller: adaptive augmentation"
        });
        rule_rows(rule, training, timeline, page);
    }
}

/// `settled` says whether the number of rounds is known, from which knobs that
/// follow others have their first value.
fn knob_row(knob: &Knob, objective: &Objective, settled: bool, page: &mut Page) {
    let moved = objective
        .controller
        .as_ref()
        .is_some_and(|controller| controller.knobs().contains(&knob.name.as_str()));
    let follows = match &objective.controller {
        Some(Controller::AdaptiveAugmentation(rule)) => rule.second.contains(&knob.name),
        None => false,
    };
    let start = match &knob.schedule {
        _ if follows && !settled => {
            "first value from the number of steps, which the images decide; the controller moves it"
                .to_owned()
        }
        Schedule::Constant(value) if moved => {
            format!("starts at {}; the controller moves it", number(*value))
        }
        schedule => self::schedule(schedule),
    };
    page.row(
        &knob.name,
        &format!(
            "{start}; in [{}, {}]",
            precise(knob.range().min),
            precise(knob.range().max)
        ),
    );
}

/// `s1` is the student's output on view 1, `t1` the teacher's.
fn formula(term: &Term, truth: TruthLossSpec) -> String {
    match &term.loss {
        Loss::Distill {
            views,
            divergence,
            temperature,
        } => {
            let on = views_of(views);
            match divergence {
                Divergence::Kd => format!(
                    "KD: T² Σ p_t (ln p_t − ln p_s), p = softmax(logits / T), \
                     T = {temperature}, {on}"
                ),
                Divergence::L2 { space } => {
                    format!("mean (s − t)² of {}, {on}", space_name(*space))
                }
                Divergence::LogitStd => format!(
                    "KD of standardised logits, z ← (z − mean) / (std + 1e-7), \
                     T = {temperature}, {on}"
                ),
                Divergence::SymmetricKl => {
                    format!("Σ (p_t − p_s) (ln p_t − ln p_s) / 2, T = 1, {on}")
                }
                Divergence::Mlkd => format!(
                    "MLKD: KD and the squared differences of the similarities of images and of \
                     classes, means over T = {temperature} × 0.5, 0.75, 1, 1.25, 1.5, {on}"
                ),
                Divergence::Dist { beta, gamma } => format!(
                    "DIST: T² ({} inter + {} intra), 1 − Pearson over rows and columns, \
                     T = {temperature}, {on}",
                    precise(*beta),
                    precise(*gamma)
                ),
                Divergence::Dkd { alpha, beta } => format!(
                    "DKD: T² ({} TCKD + {} NCKD), T = {temperature}, {on}",
                    precise(*alpha),
                    precise(*beta)
                ),
            }
        }
        Loss::Truth { view, target } => {
            let target = match target {
                TruthTarget::Label => "the label".to_owned(),
                TruthTarget::TeacherHard => "the teacher's most likely class".to_owned(),
                TruthTarget::TeacherSoft => "the teacher's softmax".to_owned(),
            };
            let loss = match truth {
                TruthLossSpec::CrossEntropy => "cross-entropy",
                TruthLossSpec::BinaryCrossEntropy(_) => "binary cross-entropy",
            };
            format!("{loss} of the student with {target} on view {}", view + 1)
        }
        Loss::Features {
            views,
            comparison,
            stages,
            pairs,
        } => {
            let what = match comparison {
                FeatureComparison::Hint => {
                    "mean (r(s) − t)² of feature maps, r a 1 × 1 convolution that is trained too"
                        .to_owned()
                }
                FeatureComparison::Attention => {
                    "mean (q_s − q_t)², q = Q / ‖Q‖, Q = mean of A² over channels".to_owned()
                }
                FeatureComparison::Similarity => {
                    "mean (G_s − G_t)², G = products of the images in pairs, rows divided by their norms"
                        .to_owned()
                }
                FeatureComparison::Relation { distance, angle } => format!(
                    "{} distances + {} angles between images, smooth L1",
                    precise(*distance),
                    precise(*angle)
                ),
            };
            format!("{what}, {}, {}", stages_of(stages, pairs), views_of(views))
        }
        Loss::Consistency { views, space } => format!(
            "mean over pairs i < j of mean (s_i − s_j)², s the student's {}, {}",
            space_name(*space),
            views_of(views)
        ),
    }
}

fn space_name(space: ConsistencySpace) -> &'static str {
    match space {
        ConsistencySpace::Probabilities => "softmax probabilities",
        ConsistencySpace::Logits => "logits",
    }
}

/// The student's stages with the teacher's: as written, or those that are compared.
fn stages_of(written: &[(String, String)], pairs: &[StagePair]) -> String {
    let settled = pairs.iter().map(|pair| (&pair.student, &pair.teacher));
    let written = written.iter().map(|(student, teacher)| (student, teacher));
    let names: Vec<(&String, &String)> = match pairs {
        [] => written.collect(),
        _ => settled.collect(),
    };
    if names.is_empty() {
        return "stages by what the networks have".to_owned();
    }
    let names = names.into_iter().map(|(student, teacher)| {
        if student == teacher {
            student.clone()
        } else {
            format!("{student} with {teacher}")
        }
    });
    names.collect::<Vec<_>>().join(", ")
}

fn views_of(views: &[usize]) -> String {
    if let [only] = views {
        return format!("on view {}", only + 1);
    }
    let numbers: Vec<String> = views.iter().map(|view| (view + 1).to_string()).collect();
    format!("on views {}", numbers.join(", "))
}

fn rule_rows(
    rule: &AdaptiveAugmentationRule,
    training: &Training,
    timeline: Option<Timeline>,
    page: &mut Page,
) {
    let AdaptiveAugmentationRule { first, weight, .. } = rule;
    // A step up that no view shows has no knob, either.
    let (second, up) = match rule.second.as_slice() {
        [] => ("step up".to_owned(), "the step up"),
        [up, ..] => (rule.second.join(" = "), up.as_str()),
    };
    let p_max = precise(rule.p_max);
    let all = timeline.map_or_else(
        || "E rounds in all".to_owned(),
        |timeline| match timeline.rounds() {
            1 => "E = 1 round in all".to_owned(),
            count => format!("E = {count} rounds in all"),
        },
    );
    let formula = match rule.p2_rule {
        SecondProbability::EqualSteps => format!("{first} + {p_max} / E"),
        SecondProbability::Ratio => {
            format!("max({p_max} / E, {first} · E^(1 / (E − 1)))")
        }
    };
    page.row(&second, &format!("= min({p_max}, {formula}), {all}"));
    let exactly_one = || {
        (
            "after e < E",
            format!("exactly one of {first} and {weight} moves:"),
        )
    };
    let rows = match &rule.update {
        Update::Feedback {
            decay,
            w_min,
            tolerance,
        } => vec![
            exactly_one(),
            (
                "if",
                format!(
                    "{} ≤ {} · its best so far: {first} ← {up}",
                    rule.truth,
                    precise(1.0 + tolerance)
                ),
            ),
            (
                "else",
                format!(
                    "it is worse than that: {}",
                    lowering(weight, *decay, *w_min)
                ),
            ),
        ],
        Update::Gap(gap) => gap_rows(gap, rule, up, training.round),
        Update::Scheduled(ScheduledKnob::P1(schedule)) => vec![
            exactly_one(),
            (
                first.as_str(),
                format!("← {}; {weight} stays", self::schedule(schedule)),
            ),
        ],
        Update::Scheduled(ScheduledKnob::W(schedule)) => vec![
            exactly_one(),
            (
                weight.as_str(),
                format!("← {}; {first} stays", self::schedule(schedule)),
            ),
        ],
    };
    for (name, text) in rows {
        page.row(name, &text);
    }
}

/// What the gap rule compares, and what moves then; `up` is what p1 moves up to.
fn gap_rows(
    gap: &Gap,
    rule: &AdaptiveAugmentationRule,
    up: &str,
    round: RoundSpec,
) -> Vec<(&'static str, String)> {
    let AdaptiveAugmentationRule {
        first,
        weight,
        truth,
        ..
    } = rule;
    let mut compared =
        format!("{truth} with the validation loss after the round, against the same target");
    if gap.window > 1 {
        compared = format!("{compared}, means over {} rounds", gap.window);
    }
    let bound = |factor: f64| match gap.margin {
        0.0 => "validation loss".to_owned(),
        _ => format!("{} · validation loss", precise(factor)),
    };
    let in_a_row = match gap.patience {
        1 => String::new(),
        rounds => format!(" in {rounds} rounds in a row"),
    };
    let back = match &gap.when_underfitting {
        WhenUnderfitting::StepBack => format!("{first} ← one step back, not below 0"),
        WhenUnderfitting::LowerWeight { decay, w_min } => lowering(weight, *decay, *w_min),
    };
    let mut rows = vec![
        ("after e < E", compared),
        (
            "if",
            format!(
                "{truth} < {}{in_a_row} (overfits): {first} ← {up}",
                bound(1.0 - gap.margin)
            ),
        ),
        (
            "if",
            format!(
                "{truth} > {}{in_a_row} (underfits): {back}",
                bound(1.0 + gap.margin)
            ),
        ),
    ];
    if gap.margin > 0.0 || gap.patience > 1 {
        rows.push(("else", "nothing moves".to_owned()));
    }
    if round != RoundSpec::Epoch {
        let text = "validation images are evaluated after every round, and after every epoch";
        rows.push(("evaluation", text.to_owned()));
    }
    rows
}

fn lowering(weight: &str, decay: f64, w_min: f64) -> String {
    format!(
        "{weight} ← {} · {weight}, not below {}",
        precise(decay),
        precise(w_min)
    )
}

/// A schedule in words.
pub(super) fn schedule(schedule: &Schedule) -> String {
    let text = schedule.describe(precise);
    match schedule {
        Schedule::Constant(_) => format!("constant {text}"),
        _ => text,
    }
}
