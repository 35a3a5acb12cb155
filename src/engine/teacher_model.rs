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
        }
    }

    /// The engine that runs it, where that is one of its own.
    #[must_use]
    pub fn engine(&self) -> Option<&str> {
        match self {
            Self::Network(_) | Self::Kept(_) => None,
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

    /// The same teacher for images that are made its own first.
    #[must_use]
    pub fn with_input(self, input: Option<Input>) -> Self {
        Self { input, ..self }
    }

    /// The same teacher, whose convolutions and linear layers are computed in `precision`
    /// where they are ours: a file that an engine of its own runs says so itself.
    #[must_use]
    pub fn computed_in(mut self, precision: Precision) -> Self {
        if let TeacherModel::Network(network) = &mut self.model {
            network.precision = precision;
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
            TeacherModel::Kept(_) => return None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::frame::Frame;
    use crate::experiment::spec::ChannelOrder;

    #[test]
    fn a_teacher_of_large_images_answers_a_few_at_a_time_and_the_same() {
        let size = (512, 512);
        let model = Model::Cnn { channels: vec![4] };
        let graph = architecture::build(&model, size, 3).unwrap();
        let device = Device::flex();
        let frame = |size| Frame {
            size,
            mean: [0.5; 3],
            std: [0.25; 3],
            channels: ChannelOrder::Rgb,
        };
        let input = Input::between(&frame((8, 8)), &frame(size), &device);
        let teacher = Teacher::network(Network::new(graph, 1, &device)).with_input(input);
        let values = (0..5 * 3 * 64).map(|at| (at as f32 * 0.37).sin()).collect();
        let images = Tensor::from_data(TensorData::new(values, [5, 3, 8, 8]), &device);
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
