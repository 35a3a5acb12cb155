//! Other images than the teacher is given, on which it is better: normalised in
//! another way, of another size, or with blue where red is.
//!
//! Each is tried on a sample, alone, with red and blue exchanged, and with another
//! order of the outputs: two errors hide behind each other. What is suggested was
//! tried as it will be when it is written, so that a suggestion is never a guess; and
//! of two explanations that do not clearly differ it is the simpler.

use std::cmp::Ordering;

use super::order;
use super::{
    Answer, CLEAR, Difference, LEAST_GAIN, Objection, Skill, Subject, likeliest, order_to_write,
};
use crate::engine::classify::Classify;
use crate::engine::evaluate::Answers;
use crate::engine::failure::Failure;
use crate::engine::frame::{Frame, Input};
use crate::engine::import::{BYTES, given};
use crate::engine::pace::Pace;
use crate::engine::teacher_model::Teacher;
use crate::experiment::architecture;
use crate::experiment::model::{Model, Stem};
use crate::experiment::spec::{ChannelOrder, InputNormalize};
use crate::format::percent;

/// Images on which others are tried.
const SAMPLE: usize = 256;
/// Sides that images usually have, pixels.
const SIDES: [u32; 4] = [32, 64, 128, 224];
/// Times the pixels of the teacher's images up to which a size is tried: a forward
/// pass takes as many times as long.
const MOST_PIXELS: u64 = 8;
/// Classes from which on it is no coincidence that exchanged colours look like
/// exchanged classes.
const MANY_CLASSES: usize = 3;
/// Gains that are this near to each other are equal.
const NEAR: f64 = 0.02;

/// What explains a teacher's errors: other images, another order of its outputs, or
/// both.
pub struct Seen {
    /// What is other about the images; nothing if the order explains all.
    ways: Vec<Way>,
    /// Whether its outputs must stand for the classes in another order, too.
    is_reordered: bool,
    /// Share of the sample by which it is better.
    gain: f64,
    /// Of every image of the sample whether the teacher is right then.
    right: Vec<bool>,
    /// What to write.
    remedy: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Normalized(Usual),
    /// Blue in place of red, and red in place of blue.
    Exchanged,
    /// Squares of this side, pixels.
    Sized(u32),
}

/// Normalisations that teachers were trained with. Of equally good ones the first
/// is reported.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Usual {
    /// That of the data.
    Data,
    ImageNet,
    /// Values in [0, 1], as they are.
    Unit,
    /// Values in [-1, 1].
    Symmetric,
    /// Values in [0, 255].
    Bytes,
}

const USUAL: [Usual; 5] = [
    Usual::Data,
    Usual::ImageNet,
    Usual::Unit,
    Usual::Symmetric,
    Usual::Bytes,
];

/// The simplest of what explains most of a teacher's errors, if anything clearly does:
/// these images in that order of the outputs, or other images, or both.
pub fn seen_otherwise(
    subject: &Subject,
    known: &[(usize, Answer)],
    order: Option<&order::Better>,
) -> Result<Option<Seen>, Failure> {
    let count = known.len().min(SAMPLE);
    let places: Vec<usize> = (0..count).map(|k| k * known.len() / count).collect();
    let indices: Vec<usize> = places.iter().map(|&place| known[place].0).collect();
    let set = subject.images.valid.subset(&indices);
    let classes = &subject.images.classes;
    let before: Vec<bool> = places.iter().map(|&at| known[at].1.is_right()).collect();
    let difference = |right: &[bool]| {
        let pairs = before.iter().copied().zip(right.iter().copied());
        Difference::of(pairs)
    };
    let mut best: Option<Seen> = order.map(|order| {
        let right: Vec<bool> = places.iter().map(|&place| order.right[place]).collect();
        Seen {
            ways: Vec::new(),
            is_reordered: true,
            gain: difference(&right).gain,
            right,
            remedy: order_to_write(order, (subject.outputs(), subject.whose), classes),
        }
    });
    let tries = tries();
    let what = "teacher check, other images".to_owned();
    let mut pace = Pace::new(subject.say, what, "tries", tries.len());
    for ways in tries {
        pace.more_done(1);
        let Some((teacher, remedies)) = tried(&ways, subject) else {
            continue;
        };
        let answers = Answers::of(&teacher, &set, subject.images)?;
        let now = likeliest(&answers, &set);
        // An image that went bad since has no answer.
        let marked = |right: &dyn Fn(usize) -> bool| {
            let mut marks = vec![false; count];
            for (at, (image, _)) in now.iter().enumerate() {
                marks[*image] = right(at);
            }
            marks
        };
        let alone = marked(&|at| now[at].1.is_right());
        let is_clear = difference(&alone).errors >= CLEAR;
        let plain: Vec<Answer> = now.iter().map(|(_, answer)| *answer).collect();
        let order = order::better(&plain, classes.len()).filter(|order| order.gain >= LEAST_GAIN);
        let reordered = order.map(|order| {
            let remedy = order_to_write(&order, (subject.outputs(), subject.whose), classes);
            (marked(&|at| order.right[at]), Some(remedy))
        });
        let alone = is_clear.then_some((alone, None));
        for (right, order) in alone.into_iter().chain(reordered) {
            let seen = Seen {
                ways: ways.clone(),
                is_reordered: order.is_some(),
                gain: difference(&right).gain,
                right,
                remedy: remedies
                    .iter()
                    .cloned()
                    .chain(order)
                    .collect::<Vec<_>>()
                    .join("; and "),
            };
            let explains_more = |best: &Seen| seen.explains_more_than(best, classes.len());
            if seen.gain >= LEAST_GAIN && best.as_ref().is_none_or(explains_more) {
                best = Some(seen);
            }
        }
    }
    Ok(best)
}

/// What is tried, the simplest first.
fn tries() -> Vec<Vec<Way>> {
    let normalized = USUAL.map(Way::Normalized);
    let alone = normalized.into_iter().chain([Way::Exchanged]);
    let alone = alone.chain(SIDES.map(Way::Sized)).map(|way| vec![way]);
    let together = normalized.map(|way| vec![Way::Exchanged, way]);
    alone.chain(together).collect()
}

/// The teacher when all of this is done, and what to write for it; none if some of
/// it is so already or cannot be.
fn tried(ways: &[Way], subject: &Subject) -> Option<(Teacher, Vec<String>)> {
    let mut own = subject.own;
    let mut remedies = Vec::new();
    for way in ways {
        let (changed, remedy) = way.tried(subject, &own)?;
        own = changed;
        remedies.push(remedy);
    }
    Some((given_as(subject, &own)?, remedies))
}

impl Seen {
    fn errors(&self) -> usize {
        self.ways.len() + usize::from(self.is_reordered)
    }

    /// Whether the order of the outputs alone explains it.
    pub fn is_order(&self) -> bool {
        self.ways.is_empty()
    }

    /// Whether this is the reason, and not that.
    fn explains_more_than(&self, other: &Self, classes: usize) -> bool {
        match self.errors().cmp(&other.errors()) {
            Ordering::Greater => self.needs_its_errors(other),
            Ordering::Less => !other.needs_its_errors(self),
            Ordering::Equal => {
                // Classes that differ in colour look as if they were in another order. The
                // other way round, few orders of many classes exchange red and blue.
                let is_shown_by_colours = self.ways == [Way::Exchanged]
                    && !self.is_reordered
                    && other.is_order()
                    && classes >= MANY_CLASSES;
                let more = self.gain - other.gain;
                more > 0.0 || is_shown_by_colours && more > -NEAR
            }
        }
    }

    /// Whether every error more than that has explains what that does not, and chance
    /// does not, either.
    fn needs_its_errors(&self, simpler: &Self) -> bool {
        let errors = (self.errors() - simpler.errors()) as f64;
        let pairs = simpler
            .right
            .iter()
            .copied()
            .zip(self.right.iter().copied());
        let difference = Difference::of(pairs);
        difference.gain > NEAR * errors && difference.errors >= CLEAR
    }

    pub fn objection(self, skill: &Skill) -> Objection {
        let order = "its outputs stood for the classes in another order";
        let others: Vec<String> = self
            .ways
            .iter()
            .map(|way| way.describe())
            .chain(self.is_reordered.then(|| order.to_owned()))
            .collect();
        Objection {
            message: format!(
                "{}, and would be on {} more of {} of them if {}",
                skill.describe(),
                percent(self.gain),
                self.right.len(),
                others.join(", and ")
            ),
            remedy: self.remedy,
        }
    }
}

impl Way {
    fn describe(self) -> String {
        match self {
            Self::Normalized(_) => "its images were normalised differently".to_owned(),
            Self::Exchanged => {
                "red and blue were exchanged: it was trained on BGR images, as OpenCV reads them"
                    .to_owned()
            }
            Self::Sized(side) => format!("its images had {side} × {side} pixels"),
        }
    }

    /// The teacher's images when this is done, and what to write for it; none if it
    /// is so already or cannot be.
    fn tried(self, subject: &Subject, own: &Frame) -> Option<(Frame, String)> {
        match self {
            // A file that takes bytes normalises them itself.
            Self::Normalized(_) if subject.teacher.takes_bytes() => None,
            Self::Normalized(usual) => {
                let (mean, std) = usual.values(subject);
                let line = match usual {
                    Usual::ImageNet => "ImageNet".to_owned(),
                    _ => given(mean, std),
                };
                let other = Frame { mean, std, ..*own };
                let remedy = format!("write in {}: normalize: {line}", subject.whose);
                (other != *own).then_some((other, remedy))
            }
            Self::Exchanged => {
                let channels = match own.channels {
                    ChannelOrder::Rgb => ChannelOrder::Bgr,
                    ChannelOrder::Bgr => ChannelOrder::Rgb,
                };
                let remedy = format!("write in {}: channels: {channels:?}", subject.whose);
                Some((Frame { channels, ..*own }, remedy))
            }
            Self::Sized(side) => {
                // One that was written was meant.
                if own.size != subject.data.size || own.size == (side, side) {
                    return None;
                }
                let square = (side, side);
                let stem = subject.model.and_then(|model| stem_to_write(model, square));
                let stem = stem.map(|stem| format!(", and stem: {stem:?} in its model"));
                let remedy = format!(
                    "write in {}: size: ({side}, {side}){}",
                    subject.whose,
                    stem.unwrap_or_default()
                );
                let other = Frame {
                    size: square,
                    ..*own
                };
                Some((other, remedy))
            }
        }
    }
}

impl Usual {
    fn values(self, subject: &Subject) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::ImageNet => InputNormalize::ImageNet.values(),
            Self::Unit => ([0.0; 3], [1.0; 3]),
            Self::Symmetric => ([0.5; 3], [0.5; 3]),
            Self::Bytes => BYTES,
            Self::Data => (subject.data.mean, subject.data.std),
        }
    }
}

/// The teacher for images of its own like these, where it can take them.
fn given_as(subject: &Subject, own: &Frame) -> Option<Teacher> {
    let pixels = |(height, width): (u32, u32)| u64::from(height) * u64::from(width);
    let teacher = if own.size == subject.own.size {
        subject.teacher.clone()
    } else if pixels(own.size) > MOST_PIXELS * pixels(subject.own.size) {
        return None;
    } else {
        subject.teacher.resized(subject.model, own.size)?
    };
    let input = Input::between(&subject.data, own, teacher.device());
    Some(teacher.with_input(input))
}

/// The first layers of a model, if images of this size alone would have others.
fn stem_to_write(model: &Model, size: (u32, u32)) -> Option<Stem> {
    let by_size = architecture::settled(&model.with_stem(Stem::Auto), size);
    model.stem().filter(|stem| by_size.stem() != Some(*stem))
}
