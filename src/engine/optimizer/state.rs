//! What optimizers remember, as named arrays, for checkpoints: exact bits.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use thiserror::Error;

use super::{Optimizer, Rule};
use crate::engine::weights::{Array, WeightsError, read_tensors};
use crate::untrusted::Show as _;

/// SGD's velocity of a parameter: `velocity.<parameter>`.
const VELOCITY: &str = "velocity";
/// AdamW's moments of a parameter.
const FIRST: &str = "first_moment";
const SECOND: &str = "second_moment";
/// AdamW's number of steps.
const STEPS: &str = "steps";

/// Why a saved state is not this optimizer's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OptimizerStateError {
    /// An array is absent.
    #[error("the optimizer's state lacks `{name}`; it is of another optimizer or model", name = name.shown())]
    Missing {
        /// The array.
        name: String,
    },
    /// An array has another shape or kind.
    #[error("the optimizer's state has another shape at `{name}`; it is of another model", name = name.shown())]
    ShapeMismatch {
        /// The array.
        name: String,
    },
    /// There is an array that this optimizer does not have.
    #[error("the optimizer's state has `{name}`, which this optimizer does not have", name = name.shown())]
    Unexpected {
        /// The array.
        name: String,
    },
}

impl Optimizer {
    /// Everything the optimizer remembers; empty before SGD's first step.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&self) -> Result<Vec<Array>, WeightsError> {
        let mut tensors = Vec::new();
        let mut arrays = Vec::new();
        match &self.rule {
            Rule::Sgd(sgd) => {
                for (place, velocity) in self.places.iter().zip(&sgd.velocities) {
                    if let Some(velocity) = velocity {
                        tensors.push((VELOCITY, place, velocity.clone()));
                    }
                }
            }
            Rule::AdamW(adamw) => {
                arrays.push(Array::count(STEPS, adamw.steps));
                for (place, (first, second)) in self.places.iter().zip(&adamw.moments) {
                    tensors.push((FIRST, place, first.clone()));
                    tensors.push((SECOND, place, second.clone()));
                }
            }
        }
        let values = read_tensors(tensors.iter().map(|(_, _, tensor)| tensor.clone()))?;
        for ((kind, (name, shape), _), values) in tensors.into_iter().zip(values) {
            arrays.push(Array::floats(
                format!("{kind}.{name}"),
                shape.clone(),
                values,
            ));
        }
        Ok(arrays)
    }

    /// Takes up a state where [`state`](Self::state) left it.
    ///
    /// # Errors
    /// The arrays are not those of this optimizer on this network; nothing is
    /// changed.
    pub fn restore(
        &mut self,
        arrays: &[Array],
        device: &Device,
    ) -> Result<(), OptimizerStateError> {
        let mut saved = Saved {
            arrays: arrays.iter().map(|a| (a.name.as_str(), a)).collect(),
            device,
        };
        let rule = match &self.rule {
            Rule::Sgd(sgd) => {
                let mut sgd = sgd.clone();
                for (place, velocity) in self.places.iter().zip(&mut sgd.velocities) {
                    *velocity = if arrays.is_empty() {
                        None
                    } else {
                        Some(saved.take(VELOCITY, place)?)
                    };
                }
                Rule::Sgd(sgd)
            }
            Rule::AdamW(adamw) => {
                let mut adamw = adamw.clone();
                adamw.steps = saved.count(STEPS)?;
                for (place, (first, second)) in self.places.iter().zip(&mut adamw.moments) {
                    *first = saved.take(FIRST, place)?;
                    *second = saved.take(SECOND, place)?;
                }
                Rule::AdamW(adamw)
            }
        };
        if let Some(name) = saved.arrays.keys().next() {
            return Err(OptimizerStateError::Unexpected {
                name: (*name).to_owned(),
            });
        }
        self.rule = rule;
        Ok(())
    }
}

/// Arrays that nothing has requested yet.
struct Saved<'a> {
    arrays: BTreeMap<&'a str, &'a Array>,
    device: &'a Device,
}

impl Saved<'_> {
    fn take(
        &mut self,
        kind: &str,
        (parameter, shape): &(String, Vec<usize>),
    ) -> Result<Tensor<1>, OptimizerStateError> {
        let name = format!("{kind}.{parameter}");
        match self.arrays.remove(name.as_str()) {
            None => Err(OptimizerStateError::Missing { name }),
            Some(array) if array.shape == *shape => array
                .tensor(self.device)
                .ok_or(OptimizerStateError::ShapeMismatch { name }),
            Some(_) => Err(OptimizerStateError::ShapeMismatch { name }),
        }
    }

    fn count(&mut self, name: &str) -> Result<u64, OptimizerStateError> {
        let array = self
            .arrays
            .remove(name)
            .ok_or_else(|| OptimizerStateError::Missing {
                name: name.to_owned(),
            })?;
        array
            .as_count()
            .ok_or_else(|| OptimizerStateError::ShapeMismatch {
                name: name.to_owned(),
            })
    }
}
