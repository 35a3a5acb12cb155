//! Other images than the teacher is given, on which it is better: normalised in
//! another way, of another size, or with blue where red is.
//!
//! Each is tried on a sample, alone, with red and blue exchanged, and with another
//! order of the outputs: two errors hide behind each other. What is suggested was
//! tried as it will be when it is written, so that a suggestion is never a guess.

use std::collections::BTreeMap;

use super::order;
use super::{
    Answer, CLEAR, Difference, LEAST_GAIN, Objection, Skill, Subject, likeliest, order_to_write,
};
use crate::engine::classify::Classify;
use crate::engine::evaluate::Answers;
use crate::engine::failure::Failure;
use crate::engine::frame::{Frame, Input};
use crate::engine::import::{BYTES, given};
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

/// Other images, and how much better the teacher is on them.
pub struct Seen {
    ways: Vec<Way>,
    /// Whether its outputs must stand for the classes in another order, too.
    is_reordered: bool,
    /// Share of the sample by which it is better.
    gain: f64,
    /// Images of the sample.
    images: usize,
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

/// The images on which the teacher is best, if it is clearly better on them.
pub fn seen_otherwise(
    subject: &Subject,
    known: &[(usize, Answer)],
) -> Result<Option<Seen>, Failure> {
    let count = known.len().min(SAMPLE);
    let chosen: Vec<(usize, Answer)> = (0..count).map(|k| known[k * known.len() / count]).collect();
    let indices: Vec<usize> = chosen.iter().map(|(image, _)| *image).collect();
    let set = subject.images.valid.subset(&indices);
    let classes = &subject.images.classes;
    let mut best: Option<Seen> = None;
    for ways in tries() {
        let Some((teacher, remedies)) = tried(&ways, subject) else {
            continue;
        };
        let answers = Answers::of(&teacher, &set, subject.images)?;
        let now: BTreeMap<usize, Answer> = likeliest(&answers, &set).into_iter().collect();
        let is_right = |at: usize| now.get(&at).is_some_and(|answer| answer.is_right());
        let pairs = chosen.iter().enumerate();
        let pairs = pairs.map(|(at, (_, before))| (before.is_right(), is_right(at)));
        let difference = Difference::of(pairs);
        let plain: Vec<Answer> = now.values().copied().collect();
        let order = order::better(&plain, classes.len()).filter(|order| order.gain >= LEAST_GAIN);
        let reordered = order.map(|order| {
            let remedy = order_to_write(&order, subject.outputs(), classes);
            (difference.gain + order.gain, Some(remedy))
        });
        let alone = (difference.errors >= CLEAR).then_some((difference.gain, None));
        for (gain, order) in alone.into_iter().chain(reordered) {
            let seen = Seen {
                ways: ways.clone(),
                is_reordered: order.is_some(),
                gain,
                images: count,
                remedy: remedies
                    .iter()
                    .cloned()
                    .chain(order)
                    .collect::<Vec<_>>()
                    .join("; and "),
            };
            if gain >= LEAST_GAIN
                && best
                    .as_ref()
                    .is_none_or(|best| seen.credit() > best.credit())
            {
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

    /// The gain, less what every error must explain to be believed.
    fn credit(&self) -> f64 {
        self.gain - NEAR * self.errors() as f64
    }

    /// Whether this is the reason, and not an order of the classes with that gain.
    pub fn explains_more_than(&self, gain: f64, classes: usize) -> bool {
        // Classes that differ in colour look as if they were in another order. The
        // other way round, few orders of many classes exchange red and blue.
        let is_shown_by_colours =
            self.ways == [Way::Exchanged] && !self.is_reordered && classes >= MANY_CLASSES;
        self.credit() > gain - NEAR || is_shown_by_colours && self.gain > gain - NEAR
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
                self.images,
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
                let remedy = format!("write in teacher: normalize: {line}");
                (other != *own).then_some((other, remedy))
            }
            Self::Exchanged => {
                let channels = match own.channels {
                    ChannelOrder::Rgb => ChannelOrder::Bgr,
                    ChannelOrder::Bgr => ChannelOrder::Rgb,
                };
                let remedy = format!("write in teacher: channels: {channels:?}");
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
                    "write in teacher: size: ({side}, {side}){}",
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
