//! Regressors: what makes the teacher's feature map of the student's where a term needs that.
//!
//! They learn with the student, by the same optimizer, and are in its checkpoints. They belong
//! to the training and not to the student: neither its average nor its best weights nor a
//! file that leaves the run has any of them.

use burn::tensor::Device;
use thiserror::Error;

use super::network::Parameter;
use super::weights::{Array, WeightsError, read_tensors};
use crate::experiment::architecture::{Conv, ConvInit};
use crate::experiment::objective::{FeatureComparison, Loss, Objective, StagePair};
use crate::untrusted::Show as _;

/// Why saved regressors are not those of a training.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegressorsError {
    /// An array is absent, or has another shape or kind.
    #[error("the regressors lack `{name}` of {shape:?}; they are of another experiment", name = name.shown())]
    Missing {
        /// The array.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// There are more arrays than regressors have.
    #[error(
        "there are {found} arrays, and the regressors have {expected}; they are of another experiment"
    )]
    Unexpected {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
}

/// The parameters of every regressor of an objective whose stages are settled, as they start:
/// as PyTorch's convolutions do, each drawn from the seed and its name.
#[must_use]
pub fn regressors(objective: &Objective, seed: u64, device: &Device) -> Vec<Parameter> {
    let device = device.clone().inner();
    let mut parameters = Vec::new();
    for term in &objective.terms {
        let Loss::Features {
            comparison: FeatureComparison::Hint,
            pairs,
            ..
        } = &term.loss
        else {
            continue;
        };
        for pair in pairs {
            let [[inputs, ..], [outputs, ..]] = pair.shapes;
            let conv = Conv {
                name: name(&term.name, pair),
                inputs,
                outputs,
                kernel: 1,
                stride: 1,
                padding: 0,
                groups: 1,
                bias: true,
                init: ConvInit::Default,
            };
            let specs = conv.parameters().into_iter();
            parameters.extend(specs.map(|spec| Parameter::new(spec, seed, &device)));
        }
    }
    parameters
}

/// The name of the regressor of a pair of stages of a term; its parameters add `weight` and
/// `bias`.
#[must_use]
pub fn name(term: &str, pair: &StagePair) -> String {
    format!("regressors.{term}.{}.{}", pair.student, pair.teacher)
}

/// Every value, as a checkpoint keeps it.
///
/// # Errors
/// The device failed, or a value is not finite.
pub fn arrays(parameters: &[Parameter]) -> Result<Vec<Array>, WeightsError> {
    let values = read_tensors(parameters.iter().map(|it| it.value.clone()))?;
    let arrays = parameters.iter().zip(values).map(|(parameter, values)| {
        let array = Array::floats(parameter.name.clone(), parameter.shape.clone(), values);
        if array.is_finite() {
            Ok(array)
        } else {
            Err(WeightsError::Diverged { name: array.name })
        }
    });
    arrays.collect()
}

/// Gives the parameters the values that a checkpoint kept.
///
/// # Errors
/// These are others; nothing is changed.
pub fn restore(parameters: &mut [Parameter], arrays: &[Array]) -> Result<(), RegressorsError> {
    if arrays.len() != parameters.len() {
        return Err(RegressorsError::Unexpected {
            found: arrays.len(),
            expected: parameters.len(),
        });
    }
    let values = parameters.iter().map(|parameter| {
        let is_it = |array: &&Array| array.name == parameter.name && array.shape == parameter.shape;
        let array = arrays.iter().find(is_it);
        let value = array.and_then(|array| array.tensor(&parameter.value.device()));
        value.ok_or_else(|| RegressorsError::Missing {
            name: parameter.name.clone(),
            shape: parameter.shape.clone(),
        })
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    for (parameter, value) in parameters.iter_mut().zip(values) {
        parameter.value = value;
    }
    Ok(())
}
