//! Whether a teacher from elsewhere can teach, before it does.
//!
//! A teacher whose classes are in another order, or whose images were normalised
//! in another way, of another size or blue before red, distils its errors without a
//! word. So it is asked about the validation images first. Where another order of
//! its outputs or other images are clearly better, that is what the experiment
//! should say; where it is no better than chance, something is wrong that is not
//! known here.
//!
//! Everything is counted class by class, so that a large class does not hide the
//! others, and a difference counts when it is three standard errors away from
//! none. An order is found on one half of the images and tested on the other, and
//! the other way round: among many classes some order always looks better on the
//! images that it was found on.

mod company;
mod images;
mod kept;
mod order;

use std::path::Path;

pub use self::company::unsteady;
use self::kept::worse_in_training;
use self::order::Outputs;
use super::classify::Classify as _;
use super::evaluate::Answers;
use super::failure::Failure;
use super::frame::Frame;
use super::pace::Say;
use super::teacher_model::Teacher;
use crate::data::{ImageSet, Images};
use crate::event::inspection::metrics::{argmax, log_softmax};
use crate::experiment::model::Model;
use crate::experiment::plan::TeacherFile;
use crate::experiment::problem::Problem;
use crate::experiment::spec::ClassNames;
use crate::format::{self, percent};
use crate::untrusted::Show as _;

/// Standard errors from which on a difference is one.
const CLEAR: f64 = 3.0;
/// The same for what is only reported, which is looked for everywhere.
const CERTAIN: f64 = 4.0;
/// Least gain in accuracy for which a run is stopped.
const LEAST_GAIN: f64 = 0.05;
/// Share of the way from chance to perfection below which a teacher is weak.
const WEAK: f64 = 0.3;
/// Times chance up to which a teacher is no better than it.
const TIMES_CHANCE: f64 = 1.5;
/// Above this accuracy nothing is much better.
const GOOD: f64 = 0.95;
/// Times the loss of a uniform guess from which on a teacher's is reported.
const UNLIKELY: f64 = 2.0;
/// Names that fit into a line of an experiment.
const WRITABLE: usize = 200;

/// What an answer says of a teacher: a labelled image and its likeliest class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    label: usize,
    output: usize,
}

impl Answer {
    fn is_right(self) -> bool {
        self.label == self.output
    }
}

/// The likeliest classes, and the numbers of their images.
fn likeliest(answers: &Answers, set: &ImageSet) -> Vec<(usize, Answer)> {
    let labelled = answers.labelled(set);
    labelled
        .map(|(image, logits, label)| {
            let output = argmax(logits);
            (image, Answer { label, output })
        })
        .collect()
}

/// Accuracy class by class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skill {
    /// Mean over the classes of the share of their images that is right.
    accuracy: f64,
    /// The same of answers at random.
    chance: f64,
    /// Standard error of that.
    error: f64,
    images: usize,
}

impl Skill {
    /// Of a teacher's answers on a set, in so many classes.
    #[must_use]
    pub fn of_teacher(answers: &Answers, set: &ImageSet, classes: usize) -> Self {
        Self::of(&likeliest(answers, set), classes)
    }

    fn of(answers: &[(usize, Answer)], classes: usize) -> Self {
        let mut counts = vec![(0_u32, 0_u32); classes];
        for (_, answer) in answers {
            counts[answer.label].0 += 1;
            counts[answer.label].1 += u32::from(answer.is_right());
        }
        counts.retain(|(images, _)| *images > 0);
        let present = counts.len().max(1) as f64;
        let chance = 1.0 / classes.max(1) as f64;
        let shares = counts
            .iter()
            .map(|(n, right)| f64::from(*right) / f64::from(*n));
        let variances = counts
            .iter()
            .map(|(n, _)| chance * (1.0 - chance) / f64::from(*n));
        Self {
            accuracy: shares.sum::<f64>() / present,
            chance,
            error: variances.sum::<f64>().sqrt() / present,
            images: answers.len(),
        }
    }

    /// Whether answers at random reach this accuracy, too.
    fn is_chance(&self) -> bool {
        self.is_little() || self.accuracy < self.chance + CLEAR * self.error
    }

    /// Whether it would be little however many images there were.
    fn is_little(&self) -> bool {
        // With two classes half as much again would be much.
        self.accuracy
            < (TIMES_CHANCE * self.chance).min(self.chance + LEAST_GAIN * (1.0 - self.chance))
    }

    /// How an accuracy that answers at random reach stands to theirs.
    fn against_chance(&self) -> String {
        let chance = percent(self.chance);
        if self.is_little() {
            format!("no better than chance ({chance})")
        } else {
            format!("indistinguishable from chance on so few images ({chance})")
        }
    }

    fn describe(&self) -> String {
        format!(
            "it is right on {} of a class's validation images on average ({} in all)",
            percent(self.accuracy),
            self.images
        )
    }

    /// What there is to say of a teacher that teaches nonetheless.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let beyond_chance = (self.accuracy - self.chance) / (1.0 - self.chance);
        if self.is_chance() {
            let (what, then) = if self.is_little() {
                ("is weak", "a student learns little from it")
            } else {
                ("may be weak", "use more validation images to be sure")
            };
            let against = self.against_chance();
            return Some(format!(
                "the teacher {what}: {}, {against}; {then}",
                self.describe()
            ));
        }
        (beyond_chance < WEAK).then(|| {
            format!(
                "the teacher is weak: {}; a student learns its errors, too",
                self.describe()
            )
        })
    }
}

/// What speaks against a teacher from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Objection {
    /// What is wrong.
    message: String,
    /// What to write instead.
    remedy: String,
}

impl Objection {
    /// The reason not to begin.
    #[must_use]
    pub fn problem(self) -> Problem {
        Problem::new("teacher", self.message).help(format!(
            "{}, or trusted: true to let it teach as it is",
            self.remedy
        ))
    }

    /// The same, of a teacher that is trusted.
    #[must_use]
    pub fn warning(self) -> String {
        format!(
            "the teacher is trusted, although {}; {}",
            self.message, self.remedy
        )
    }
}

/// A teacher, and the images that it is asked about.
pub struct Subject<'a> {
    /// The teacher, for the data's images.
    pub teacher: &'a Teacher,
    /// Its layout, with its first layers; none if its file holds it.
    pub model: Option<&'a Model>,
    /// How its file is read.
    pub file: &'a TeacherFile,
    /// Where an experiment says so, for people: in `teacher`, or in the member of an ensemble.
    pub whose: &'static str,
    /// The data's images.
    pub data: Frame,
    /// Those that the teacher is said to want.
    pub own: Frame,
    /// The data.
    pub images: &'a Images,
    /// What it answers on the validation images.
    pub answers: &'a Answers,
    /// Takes a line for a person who waits.
    pub say: Say<'a>,
}

/// Refuses a teacher that answers with no numbers: a person who trusts it would be shown
/// later that the student's training diverged.
#[must_use]
pub fn not_finite(path: &Path, answers: &Answers, set: &ImageSet) -> Option<Problem> {
    let is_broken = |row: &&Vec<f32>| row.iter().any(|value| !value.is_finite());
    let first = answers.logits.iter().position(|row| is_broken(&row))?;
    let broken = answers.logits.iter().filter(is_broken).count();
    let problem = Problem::new(
        "teacher.weights",
        format!(
            "{}: the teacher's logits are not finite (NaN or infinite) on {broken} of {} validation \
             images, such as {}",
            path.shown(),
            answers.logits.len(),
            set.name(first).shown()
        ),
    );
    Some(problem.help(
        "use weights from before training diverged, and see that its normalize is what they were \
         trained with",
    ))
}

/// What speaks against a teacher; or, in the other case, what should be reported of
/// it.
///
/// # Errors
/// Images cannot be read.
pub fn examine(subject: &Subject) -> Result<Result<Option<String>, Objection>, Failure> {
    let classes = &subject.images.classes;
    let answers = likeliest(subject.answers, &subject.images.valid);
    let skill = Skill::of(&answers, classes.len());
    if let Some(objection) = are_probabilities(subject) {
        return Ok(Err(objection));
    }
    if let Some(kept) = subject.teacher.kept()
        && let Some(objection) = worse_in_training(kept, subject.images, subject.answers)
    {
        return Ok(Err(objection));
    }
    if skill.accuracy >= GOOD {
        return Ok(Ok(None));
    }
    let plain: Vec<Answer> = answers.iter().map(|(_, answer)| *answer).collect();
    let order = order::better(&plain, classes.len());
    let reordered = order
        .as_ref()
        .filter(|order| order.gain >= LEAST_GAIN)
        .map(|order| in_another_order(&skill, order, (subject.outputs(), subject.whose), classes));
    // Images that are normalised in another way can look like another order, and
    // the other way round.
    let seen = if subject.teacher.kept().is_some() {
        // Nothing of it depends on how its images are made.
        None
    } else {
        let order = order.as_ref().filter(|order| order.gain >= LEAST_GAIN);
        images::seen_otherwise(subject, &answers, order)?
    };
    let most = match seen.filter(|seen| !seen.is_order()) {
        Some(seen) => Some(seen.objection(&skill)),
        None => reordered,
    };
    if let Some(objection) = most {
        return Ok(Err(objection));
    }
    if skill.is_chance() {
        return Ok(Err(by_chance(&skill)));
    }
    let swapped = order
        .filter(|order| order.errors >= CERTAIN)
        .map(|order| exchanged(&order, classes));
    let unsure = unlike_logits(subject.answers, &subject.images.valid, classes.len());
    Ok(Ok(swapped.or_else(|| skill.warning()).or(unsure)))
}

impl<'a> Subject<'a> {
    fn outputs(&self) -> Outputs<'a> {
        let names = match &self.file.classes {
            Some(ClassNames::Names(names)) => names,
            _ => &self.images.classes,
        };
        let taken = self.file.weights.taken.as_ref();
        let taken = taken.and_then(|taken| taken.outputs.as_deref());
        Outputs { names, taken }
    }
}

/// What speaks against logits that are a distribution on every image: a softmax would
/// be applied to them twice.
fn are_probabilities(subject: &Subject) -> Option<Objection> {
    let is_distribution = |row: &Vec<f32>| {
        let sum: f32 = row.iter().sum();
        row.iter().all(|value| (0.0..=1.0).contains(value)) && (sum - 1.0).abs() < 1e-3
    };
    let rows = &subject.answers.logits;
    let is_program = subject.model.is_none();
    let several = subject.images.classes.len() > 1;
    (is_program && several && !rows.is_empty() && rows.iter().all(is_distribution)).then(|| {
        Objection {
            message:
                "its logits are probabilities on every validation image: between 0 and 1, and \
                      1 in all"
                    .to_owned(),
            remedy: format!("write scores: Probabilities in {}", subject.whose),
        }
    })
}

/// What there is to say of a teacher whose loss is far above that of a uniform
/// guess, ln(classes): whatever is right of it, its probabilities teach nothing.
fn unlike_logits(answers: &Answers, set: &ImageSet, classes: usize) -> Option<String> {
    let losses: Vec<f64> = answers
        .labelled(set)
        .map(|(_, logits, label)| -log_softmax(logits)[label])
        .collect();
    let mean = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    let uniform = (classes as f64).ln();
    (mean > UNLIKELY * uniform).then(|| {
        format!(
            "the teacher's loss on the validation images is {}, and a uniform guess has {}: its \
             images may be normalised differently from those it was trained on, or its classes be \
             in another order",
            format::loss(mean),
            format::loss(uniform)
        )
    })
}

fn in_another_order(
    skill: &Skill,
    order: &order::Better,
    outputs: (Outputs, &str),
    classes: &[String],
) -> Objection {
    Objection {
        message: format!(
            "{}, and would be on {} more if its outputs stood for the classes in another order",
            skill.describe(),
            percent(order.gain)
        ),
        remedy: order_to_write(order, outputs, classes),
    }
}

fn order_to_write(
    order: &order::Better,
    (outputs, whose): (Outputs, &str),
    classes: &[String],
) -> String {
    let names = order.names(outputs, classes);
    if names.len() <= WRITABLE {
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        format!("write in {whose}: classes: Names([{}])", quoted.join(", "))
    } else {
        format!(
            "write in {whose}: classes: File(\"classes.txt\"), with the names of its classes in \
             the order of its outputs, one a line"
        )
    }
}

fn exchanged(order: &order::Better, classes: &[String]) -> String {
    let moved: Vec<String> = order
        .exchanged(classes)
        .into_iter()
        .map(|(class, name)| format!("`{}` for `{}`", class.shown(), name.shown()))
        .collect();
    format!(
        "the teacher seems to take some classes for others ({}); if so, set its classes",
        moved.join(", ")
    )
}

fn by_chance(skill: &Skill) -> Objection {
    let message = format!("{}, {}", skill.describe(), skill.against_chance());
    let settings = "see that its model, stem, classes, normalize and size are what its weights \
                    were trained with";
    let remedy = if skill.is_little() {
        settings.to_owned()
    } else {
        format!("validate on more images, or {settings}")
    };
    Objection { message, remedy }
}

/// Two ways of answering the same images, held against each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Difference {
    /// Share of the images by which the second is better.
    gain: f64,
    /// The same in standard errors (`McNemar`, 1947).
    errors: f64,
}

impl Difference {
    /// Of images, each with whether the first and the second way are right.
    fn of(pairs: impl Iterator<Item = (bool, bool)>) -> Self {
        let (mut images, mut better, mut worse) = (0_u32, 0_u32, 0_u32);
        for (before, after) in pairs {
            images += 1;
            better += u32::from(after && !before);
            worse += u32::from(before && !after);
        }
        let net = f64::from(better) - f64::from(worse);
        Self {
            gain: net / f64::from(images.max(1)),
            errors: net / f64::from((better + worse).max(1)).sqrt(),
        }
    }
}

#[cfg(test)]
mod asked_tests;
#[cfg(test)]
mod tests;
