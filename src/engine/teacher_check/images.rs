//! Other images than the teacher is given, on which it is better: normalised in
//! another way, of another size, or with blue where red is.
//!
//! Each is tried alone and on a sample. What is suggested was tried as it will be
//! when it is written, so that a suggestion is never a guess.

use std::collections::BTreeSet;

use burn::tensor::{Tensor, TensorData};

use super::{Answer, CLEAR, Difference, LEAST_GAIN, Objection, Skill, Subject, likeliest};
use crate::engine::evaluate::{Answers, host};
use crate::engine::failure::Failure;
use crate::engine::import::given;
use crate::engine::network::{Frame, Input, Network};
use crate::experiment::architecture::{self, IMAGE_CHANNELS};
use crate::experiment::model::{Model, Stem};
use crate::experiment::spec::InputNormalize;
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
    way: Way,
    /// Share of the sample by which it is better.
    gain: f64,
    /// Images of the sample.
    images: usize,
    /// What to do.
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
/// is told.
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
    let normalized = USUAL.into_iter().map(Way::Normalized);
    let sized = SIDES.into_iter().map(Way::Sized);
    let mut best: Option<Seen> = None;
    for way in normalized.chain([Way::Exchanged]).chain(sized) {
        let Some((network, remedy)) = way.tried(subject)? else {
            continue;
        };
        let answers = Answers::of(&network, &set, subject.images)?;
        let now: BTreeSet<usize> = likeliest(&answers, &set)
            .into_iter()
            .filter(|(_, answer)| answer.is_right())
            .map(|(image, _)| image)
            .collect();
        let pairs = chosen
            .iter()
            .enumerate()
            .map(|(at, (_, before))| (before.is_right(), now.contains(&at)));
        let difference = Difference::of(pairs);
        if difference.errors >= CLEAR
            && difference.gain >= LEAST_GAIN
            && best.as_ref().is_none_or(|best| difference.gain > best.gain)
        {
            best = Some(Seen {
                way,
                gain: difference.gain,
                images: count,
                remedy,
            });
        }
    }
    Ok(best)
}

impl Seen {
    /// Whether this is the reason, and not an order of the classes with that gain.
    pub fn explains_more_than(&self, gain: f64, classes: usize) -> bool {
        // Classes that differ in colour look as if they were in another order. The
        // other way round, few orders of many classes exchange red and blue.
        let is_told_by_colours = self.way == Way::Exchanged && classes >= MANY_CLASSES;
        self.gain > gain || is_told_by_colours && self.gain > gain - NEAR
    }

    pub fn objection(self, skill: &Skill) -> Objection {
        let others = match self.way {
            Way::Normalized(_) => "its images were normalised otherwise".to_owned(),
            Way::Exchanged => {
                "red and blue were exchanged: it was trained on BGR images, as OpenCV reads them"
                    .to_owned()
            }
            Way::Sized(side) => format!("its images had {side} × {side} pixels"),
        };
        Objection {
            message: format!(
                "{}, and would be on {} more of {} of them if {others}",
                skill.told(),
                percent(self.gain),
                self.images
            ),
            remedy: self.remedy,
        }
    }
}

impl Way {
    /// The teacher when this is done, and what to write or type for it; none if it
    /// is so already or cannot be.
    fn tried(self, subject: &Subject) -> Result<Option<(Network, String)>, Failure> {
        let own = subject.own;
        match self {
            Self::Normalized(usual) => {
                let (mean, std) = usual.values(subject);
                let other = Frame { mean, std, ..own };
                let line = match usual {
                    Usual::ImageNet => "ImageNet".to_owned(),
                    _ => given(mean, std),
                };
                let network = given_as(subject.network, subject, other);
                let remedy = format!("write in teacher: normalize: {line}");
                Ok((other != own).then_some((network, remedy)))
            }
            Self::Exchanged => exchanged(subject.network),
            Self::Sized(side) => Ok(sized(subject, side)),
        }
    }
}

impl Usual {
    fn values(self, subject: &Subject) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::ImageNet => InputNormalize::ImageNet.values(),
            Self::Unit => ([0.0; 3], [1.0; 3]),
            Self::Symmetric => ([0.5; 3], [0.5; 3]),
            Self::Bytes => ([0.0; 3], [1.0 / 255.0; 3]),
            Self::Data => (subject.data.mean, subject.data.std),
        }
    }
}

fn given_as(network: &Network, subject: &Subject, own: Frame) -> Network {
    let input = Input::between(&subject.data, &own, network.device());
    network.clone().with_input(input)
}

/// The network with the weights of red and blue exchanged in its first layer, and
/// how to do so in PyTorch.
fn exchanged(network: &Network) -> Result<Option<(Network, String)>, Failure> {
    let mut network = network.clone();
    let device = network.device().clone();
    let Some(first) = network.parameters_mut().first_mut() else {
        return Ok(None);
    };
    let values = host(first.value.clone())?;
    let inputs: usize = first.shape.iter().skip(1).product();
    let plane = inputs / IMAGE_CHANNELS;
    let rows = values.chunks_exact(inputs.max(1));
    let exchanged: Vec<f32> = rows
        .flat_map(|row| [2, 1, 0].map(|channel| &row[channel * plane..(channel + 1) * plane]))
        .flatten()
        .copied()
        .collect();
    let count = exchanged.len();
    first.value = Tensor::from_data(TensorData::new(exchanged, [count]), &device);
    let name = &first.name;
    // A linear layer has the channels one after the other in its rows.
    let layer = match first.shape.len() {
        2 => format!("sd[\"{name}\"].unflatten(1, (3, -1))[:, [2, 1, 0]].flatten(1)"),
        _ => format!("sd[\"{name}\"][:, [2, 1, 0]]"),
    };
    let remedy = format!(
        "exchange the first layer's input channels 0 and 2 in PyTorch and save it again: \
         sd = model.state_dict(); sd[\"{name}\"] = {layer}; torch.save(sd, \"weights.pt\")"
    );
    Ok(Some((network, remedy)))
}

/// The teacher for images of another size, where it was given none of its own and
/// its weights fit.
fn sized(subject: &Subject, side: u32) -> Option<(Network, String)> {
    let pixels = |(height, width): (u32, u32)| u64::from(height) * u64::from(width);
    let own = subject.own;
    let is_given = own.size != subject.data.size;
    let square = (side, side);
    if is_given || square == own.size || pixels(square) > MOST_PIXELS * pixels(own.size) {
        return None;
    }
    let network = subject.network;
    let graph = architecture::build(subject.model, square, network.graph().classes).ok()?;
    if graph.parameters() != network.graph().parameters() {
        return None;
    }
    let mut resized = Network::new(graph, 0, network.device());
    resized
        .parameters_mut()
        .clone_from_slice(network.parameters());
    resized
        .statistics_mut()
        .clone_from_slice(network.statistics());
    let stem = stem_to_write(subject.model, square)
        .map(|stem| format!(", and stem: {stem:?} in its model"))
        .unwrap_or_default();
    let remedy = format!("write in teacher: size: ({side}, {side}){stem}");
    let other = Frame {
        size: square,
        ..own
    };
    Some((given_as(&resized, subject, other), remedy))
}

/// The first layers of a model, if images of this size alone would have others.
fn stem_to_write(model: &Model, size: (u32, u32)) -> Option<Stem> {
    let by_size = architecture::settled(&model.with_stem(Stem::Auto), size);
    model.stem().filter(|stem| by_size.stem() != Some(*stem))
}
