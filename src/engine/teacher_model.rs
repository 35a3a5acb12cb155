//! A model that teaches: it is asked, and nothing of it ever changes.

use burn::tensor::{Device, Tensor, TensorData};

use super::classify::{AnswerError, Classify, images_per_pass, known_stages};
use super::frame::Input;
use super::kept_answers::KeptAnswers;
use super::network::{Forwarded, Network};
use super::onnx::OnnxModel;
use super::torchscript::TorchScriptModel;
use crate::experiment::architecture::{self, Graph};
use crate::experiment::model::Model;
use crate::experiment::spec::Precision;

/// A teacher, which takes the data's images.
#[derive(Debug, Clone)]
pub struct Teacher {
    model: TeacherModel,
    device: Device,
    /// What makes the data's images its own, where they differ.
    input: Option<Input>,
}

/// What computes a teacher's logits.
#[derive(Debug, Clone)]
pub enum TeacherModel {
    /// A layout of ours.
    Network(Box<FrozenNetwork>),
    /// An ONNX file.
    Onnx(Box<OnnxModel>),
    /// A TorchScript file.
    TorchScript(TorchScriptModel),
    /// A file of answers.
    Kept(KeptAnswers),
    /// Several teachers, each with its weight in the mean of their logits, of 1 in all. That is
    /// the geometric mean of their predictions, whatever the temperature: the logarithm of a
    /// softmax is its logits less a number of the image (Hinton, Vinyals, Dean, 2015, section 1).
    Ensemble(Vec<(Teacher, f32)>),
}

/// A network that only answers.
#[derive(Debug, Clone)]
pub struct FrozenNetwork {
    network: Network,
    /// What answers: the same with its normalisations folded.
    folded: Network,
    /// Numbers that it answers with.
    precision: Precision,
}

impl FrozenNetwork {
    fn new(network: Network) -> Self {
        Self {
            folded: network.folded(),
            network,
            precision: Precision::Fp32,
        }
    }

    /// The network as it was trained.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }
}

impl TeacherModel {
    /// Images that its program takes, if always as many.
    #[must_use]
    pub fn batch(&self) -> Option<usize> {
        match self {
            Self::Network(_) | Self::Kept(_) => None,
            Self::Onnx(model) => model.input().batch,
            Self::TorchScript(model) => model.batch(),
            Self::Ensemble(members) => {
                let batches = members.iter().map(|(member, _)| member.model.batch());
                batches.flatten().max()
            }
        }
    }

    /// The engine that runs it, where that is one of its own.
    #[must_use]
    pub fn engine(&self) -> Option<&str> {
        match self {
            Self::Network(_) | Self::Kept(_) | Self::Ensemble(_) => None,
            Self::Onnx(model) => Some(model.engine()),
            Self::TorchScript(model) => Some(model.engine()),
        }
    }
}

impl Teacher {
    /// A teacher for images as they are.
    #[must_use]
    pub fn network(network: Network) -> Self {
        Self {
            device: network.device().clone(),
            model: TeacherModel::Network(Box::new(FrozenNetwork::new(network))),
            input: None,
        }
    }

    /// A teacher for images on `device`.
    #[must_use]
    pub fn of(model: TeacherModel, device: &Device) -> Self {
        Self {
            model,
            device: device.clone().inner(),
            input: None,
        }
    }

    /// One teacher of several that are each asked about the data's images, with their weights;
    /// one alone is itself.
    #[must_use]
    pub fn of_members(mut members: Vec<(Self, f32)>, device: &Device) -> Self {
        match members.len() {
            1 => members.remove(0).0,
            _ => Self::of(TeacherModel::Ensemble(members), device),
        }
    }

    /// Those that are asked: the members of an ensemble, or the teacher alone.
    #[must_use]
    pub fn members(&self) -> Vec<&Self> {
        match &self.model {
            TeacherModel::Ensemble(members) => members.iter().map(|(member, _)| member).collect(),
            _ => vec![self],
        }
    }

    /// The same teacher for images that are made its own first.
    #[must_use]
    pub fn with_input(self, input: Option<Input>) -> Self {
        Self { input, ..self }
    }

    /// The same teacher, whose convolutions and linear layers are computed in `precision`
    /// where they are ours: a file that an engine of its own runs says so itself.
    #[must_use]
    pub fn computed_in(mut self, precision: Precision) -> Self {
        match &mut self.model {
            TeacherModel::Network(network) => network.precision = precision,
            TeacherModel::Ensemble(members) => {
                let each = std::mem::take(members).into_iter();
                let each = each.map(|(member, weight)| (member.computed_in(precision), weight));
                *members = each.collect();
            }
            TeacherModel::Onnx(_) | TeacherModel::TorchScript(_) | TeacherModel::Kept(_) => {}
        }
        self
    }

    /// The same teacher for images of another size of its own, where its weights
    /// are for those as well.
    #[must_use]
    pub fn resized(&self, model: Option<&Model>, size: (u32, u32)) -> Option<Self> {
        let network = match &self.model {
            TeacherModel::Network(network) => network.network(),
            TeacherModel::Onnx(onnx) => {
                return onnx.input().size.is_none().then(|| self.clone());
            }
            TeacherModel::TorchScript(model) => return model.takes(size).then(|| self.clone()),
            TeacherModel::Kept(_) | TeacherModel::Ensemble(_) => return None,
        };
        let graph = architecture::build(model?, size, network.graph().classes).ok()?;
        if graph.parameters() != network.graph().parameters() {
            return None;
        }
        let mut resized = Network::new(graph, 0, &self.device);
        resized
            .parameters_mut()
            .clone_from_slice(network.parameters());
        resized
            .statistics_mut()
            .clone_from_slice(network.statistics());
        Some(Self::network(resized))
    }

    /// Its layers, where it has one of our layouts.
    #[must_use]
    pub fn graph(&self) -> Option<&Graph> {
        match &self.model {
            TeacherModel::Network(network) => Some(network.network().graph()),
            _ => None,
        }
    }

    /// Whether its images are bytes, which its file normalises.
    #[must_use]
    pub fn takes_bytes(&self) -> bool {
        matches!(&self.model, TeacherModel::Onnx(model) if model.input().takes_bytes)
    }

    /// What computes its logits.
    #[must_use]
    pub fn model(&self) -> &TeacherModel {
        &self.model
    }
}

impl Classify for Teacher {
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, AnswerError> {
        Ok(self.forward_with_maps(images, &[])?.logits)
    }

    /// Images that are enlarged for it take turns.
    fn forward_with_maps(
        &self,
        images: Tensor<4>,
        stages: &[String],
    ) -> Result<Forwarded, AnswerError> {
        let [batch, _, height, width] = images.dims();
        let own = self.input.as_ref().and_then(Input::size);
        let own = own.filter(|own| own.0 as usize * own.1 as usize > height * width);
        match own.map(|own| images_per_pass(own, batch.max(1))) {
            Some(most) if most < batch => {
                let parts = images.split(most, 0).into_iter();
                let parts = parts.map(|part| self.forward_at_once(part, stages));
                Ok(Forwarded::joined(parts.collect::<Result<_, _>>()?))
            }
            _ => self.forward_at_once(images, stages),
        }
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn at_once(&self) -> usize {
        self.model.batch().unwrap_or(1).max(1)
    }

    fn kept(&self) -> Option<&KeptAnswers> {
        match &self.model {
            TeacherModel::Kept(answers) => Some(answers),
            _ => None,
        }
    }
}

impl Teacher {
    fn forward_at_once(
        &self,
        images: Tensor<4>,
        stages: &[String],
    ) -> Result<Forwarded, AnswerError> {
        let images = match &self.input {
            Some(input) => input.apply(images),
            None => images,
        };
        let logits = match &self.model {
            TeacherModel::Network(network) => {
                known_stages(&network.folded, stages)?;
                let FrozenNetwork {
                    folded, precision, ..
                } = &**network;
                return Ok(folded.forward_with(*precision, images, stages));
            }
            TeacherModel::Onnx(model) => return self.forward_onnx(model, images, stages),
            _ if !stages.is_empty() => Err(AnswerError::NoMap(stages[0].clone())),
            TeacherModel::TorchScript(model) => Ok(model.logits(images)?),
            TeacherModel::Ensemble(members) => mean_logits(members, &images),
            TeacherModel::Kept(answers) => Err(AnswerError::Changed(answers.path().to_owned())),
        };
        Ok(Forwarded {
            logits: logits?,
            maps: Vec::new(),
        })
    }

    /// What an ONNX file answers, which its engine computes of values on the host.
    fn forward_onnx(
        &self,
        model: &OnnxModel,
        images: Tensor<4>,
        stages: &[String],
    ) -> Result<Forwarded, AnswerError> {
        let known = stages.iter().map(|stage| {
            let map = model.map(stage);
            map.ok_or_else(|| AnswerError::NoMap(stage.clone()))
        });
        let (places, shapes): (Vec<usize>, Vec<[usize; 3]>) =
            known.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let [batch, _, height, width] = images.dims();
        let images = images.into_data().try_to_vec();
        let images: Vec<f32> = images.map_err(|error| AnswerError::Tensor(format!("{error:?}")))?;
        let answered = model.forward(&images, [batch, height, width], &places)?;
        let classes = answered.logits.len() / batch.max(1);
        let logits = TensorData::new(answered.logits, [batch, classes]);
        let maps = answered.maps.into_iter().zip(shapes);
        let maps = maps.map(|(values, [channels, height, width])| {
            let values = TensorData::new(values, [batch, channels, height, width]);
            Tensor::from_data(values, &self.device)
        });
        Ok(Forwarded {
            logits: Tensor::from_data(logits, &self.device),
            maps: maps.collect(),
        })
    }
}

/// The weighted mean of the logits of several, in their order.
fn mean_logits(members: &[(Teacher, f32)], images: &Tensor<4>) -> Result<Tensor<2>, AnswerError> {
    let weighted = members
        .iter()
        .map(|(member, weight)| Ok(member.logits(images.clone())?.mul_scalar(*weight)));
    let sum = weighted.reduce(|sum, next| Ok(sum?.add(next?)));
    sum.unwrap_or_else(|| Err(AnswerError::Tensor("an ensemble of none".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::frame::Frame;
    use crate::experiment::spec::ChannelOrder;

    const DATA: Frame = Frame {
        size: (8, 8),
        mean: [0.5; 3],
        std: [0.25; 3],
        channels: ChannelOrder::Rgb,
    };

    fn images(count: usize, device: &Device) -> Tensor<4> {
        let values = (0..count * 3 * 64).map(|at| (at as f32 * 0.37).sin());
        Tensor::from_data(TensorData::new(values.collect(), [count, 3, 8, 8]), device)
    }

    fn rows(teacher: &Teacher, images: &Tensor<4>) -> Vec<f32> {
        let logits = teacher.logits(images.clone()).unwrap();
        logits.to_data().try_to_vec().unwrap()
    }

    /// Three teachers whose images are of a size, a normalisation and an order of colours of
    /// their own, with their weights.
    fn three(device: &Device) -> Vec<(Teacher, f32)> {
        let own = [
            Frame {
                size: (12, 12),
                ..DATA
            },
            Frame {
                mean: [0.1, 0.2, 0.3],
                ..DATA
            },
            Frame {
                channels: ChannelOrder::Bgr,
                ..DATA
            },
        ];
        let model = Model::Cnn { channels: vec![4] };
        let teachers = own.iter().zip([0.5, 0.3, 0.2]).zip(1..);
        let teachers = teachers.map(|((own, weight), seed)| {
            let graph = architecture::build(&model, own.size, 3).unwrap();
            let network = Network::new(graph, seed, device);
            let input = Input::between(&DATA, own, device);
            (Teacher::network(network).with_input(input), weight)
        });
        teachers.collect()
    }

    fn softmax(row: &[f64], temperature: f64) -> Vec<f64> {
        let powers: Vec<f64> = row.iter().map(|z| (z / temperature).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|power| power / sum).collect()
    }

    #[test]
    fn an_ensemble_answers_the_geometric_mean_of_its_members_at_every_temperature() {
        let device = Device::flex();
        let images = images(5, &device);
        let members = three(&device);
        let alone: Vec<Vec<f32>> = members.iter().map(|(it, _)| rows(it, &images)).collect();
        let ensemble = Teacher::of_members(members, &device);
        assert!(ensemble.graph().is_none() && ensemble.kept().is_none());
        let found = rows(&ensemble, &images);
        for (image, found) in found.chunks(3).enumerate() {
            let found: Vec<f64> = found.iter().copied().map(f64::from).collect();
            let of = |member: usize| -> Vec<f64> {
                let row = &alone[member][image * 3..image * 3 + 3];
                row.iter().copied().map(f64::from).collect()
            };
            for (class, logit) in found.iter().enumerate() {
                let mean = 0.5 * of(0)[class] + 0.3 * of(1)[class] + 0.2 * of(2)[class];
                assert!((logit - mean).abs() < 1e-6, "{logit} is not {mean}");
            }
            for temperature in [1.0, 4.0] {
                let [one, two, three] = [0, 1, 2].map(|it| softmax(&of(it), temperature));
                let product = (0..3).map(|class| {
                    one[class].powf(0.5) * two[class].powf(0.3) * three[class].powf(0.2)
                });
                let product: Vec<f64> = product.collect();
                let sum: f64 = product.iter().sum();
                for (share, p) in product.iter().zip(softmax(&found, temperature)) {
                    assert!((share / sum - p).abs() < 1e-6, "{share} / {sum} is not {p}");
                }
            }
        }
    }

    #[test]
    fn one_of_several_is_itself_and_all_are_computed_in_the_same_numbers() {
        let device = Device::flex();
        let images = images(2, &device);
        let mut members = three(&device);
        let first = members[0].0.clone();
        let expected = rows(&first, &images);
        let alone = Teacher::of_members(vec![(first, 1.0)], &device);
        assert!(alone.graph().is_some());
        assert_eq!(rows(&alone, &images), expected);
        members.truncate(2);
        let ensemble = Teacher::of_members(members, &device).computed_in(Precision::Bf16);
        let precisions = ensemble
            .members()
            .into_iter()
            .map(|member| match &member.model {
                TeacherModel::Network(network) => network.precision,
                _ => panic!("its members have layouts of ours"),
            });
        let precisions: Vec<Precision> = precisions.collect();
        assert_eq!(precisions, [Precision::Bf16; 2]);
        let maps = ensemble.forward_with_maps(images, &["features.0".to_owned()]);
        assert!(matches!(maps, Err(AnswerError::NoMap(_))));
    }

    #[test]
    fn a_teacher_of_large_images_answers_a_few_at_a_time_and_the_same() {
        let size = (512, 512);
        let model = Model::Cnn { channels: vec![4] };
        let graph = architecture::build(&model, size, 3).unwrap();
        let device = Device::flex();
        let input = Input::between(&DATA, &Frame { size, ..DATA }, &device);
        let teacher = Teacher::network(Network::new(graph, 1, &device)).with_input(input);
        let images = images(5, &device);
        assert_eq!(images_per_pass(size, 5), 4);
        assert_eq!(images_per_pass((64, 64), 256), 256);
        let stages = ["features.0".to_owned()];
        let together = teacher.forward_at_once(images.clone(), &stages).unwrap();
        let parts = teacher.forward_with_maps(images, &stages).unwrap();
        assert_eq!(
            parts.logits.to_data().try_to_vec::<f32>().unwrap(),
            together.logits.to_data().try_to_vec::<f32>().unwrap()
        );
        let [parts, together] = [parts, together].map(|mut given| given.maps.remove(0).into_data());
        assert_eq!(
            parts.try_to_vec::<f32>().unwrap(),
            together.try_to_vec::<f32>().unwrap()
        );
    }
}
