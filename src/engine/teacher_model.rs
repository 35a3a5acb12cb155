//! A model that teaches: it is asked, and nothing of it ever changes.

use burn::tensor::{Device, Tensor, TensorData};

use super::classify::{AnswerError, Classify};
use super::frame::Input;
use super::network::Network;
use super::onnx::OnnxModel;
use crate::experiment::architecture::{self, Graph};
use crate::experiment::model::Model;

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
    Network(Box<Network>),
    /// An ONNX file.
    Onnx(OnnxModel),
}

impl Teacher {
    /// A teacher for images as they are.
    #[must_use]
    pub fn network(network: Network) -> Self {
        Self {
            device: network.device().clone(),
            model: TeacherModel::Network(Box::new(network)),
            input: None,
        }
    }

    /// A teacher that is run by an engine of its own, for images on `device`.
    #[must_use]
    pub fn onnx(model: OnnxModel, device: &Device) -> Self {
        Self {
            model: TeacherModel::Onnx(model),
            device: device.clone().inner(),
            input: None,
        }
    }

    /// The same teacher for images that are made its own first.
    #[must_use]
    pub fn with_input(self, input: Option<Input>) -> Self {
        Self { input, ..self }
    }

    /// The same teacher for images of another size of its own, where its weights
    /// are for those as well.
    #[must_use]
    pub fn resized(&self, model: Option<&Model>, size: (u32, u32)) -> Option<Self> {
        let network = match &self.model {
            TeacherModel::Network(network) => network,
            TeacherModel::Onnx(onnx) => {
                return onnx.input().size.is_none().then(|| self.clone());
            }
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

    /// Its layers, where they are laid out here.
    #[must_use]
    pub fn graph(&self) -> Option<&Graph> {
        match &self.model {
            TeacherModel::Network(network) => Some(network.graph()),
            TeacherModel::Onnx(_) => None,
        }
    }

    /// What computes its logits.
    #[must_use]
    pub fn model(&self) -> &TeacherModel {
        &self.model
    }
}

/// An ONNX model as one that can be asked about images on the processor.
#[must_use]
pub fn answerer(model: OnnxModel) -> Box<dyn Classify> {
    Box::new(Teacher::onnx(model, &Device::flex()))
}

impl Classify for Teacher {
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, AnswerError> {
        let images = match &self.input {
            Some(input) => input.apply(images),
            None => images,
        };
        match &self.model {
            TeacherModel::Network(network) => Ok(network.forward(images)),
            TeacherModel::Onnx(model) => {
                let [batch, _, height, width] = images.dims();
                let images = images.into_data().try_to_vec();
                let images: Vec<f32> =
                    images.map_err(|error| AnswerError::Tensor(format!("{error:?}")))?;
                let rows = model.logits(&images, [batch, height, width])?;
                let sides = [batch, rows.len() / batch.max(1)];
                Ok(Tensor::from_data(
                    TensorData::new(rows, sides),
                    &self.device,
                ))
            }
        }
    }

    fn device(&self) -> &Device {
        &self.device
    }
}
