//! Named arrays on the host: what files hold and tensors are made from.

use burn::tensor::{Device, Tensor, TensorData, Transaction};

use super::WeightsError;

/// A named array in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Name, as in PyTorch's state dict.
    pub name: String,
    /// Sizes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// As many values as the product of the shape.
    pub values: Values,
}

/// Values of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit integers: counts.
    I64(Vec<i64>),
}

impl Array {
    /// An array of floats.
    #[must_use]
    pub fn floats(name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self {
            name: name.into(),
            shape,
            values: Values::F32(values),
        }
    }

    /// A scalar count.
    #[must_use]
    pub fn count(name: impl Into<String>, count: u64) -> Self {
        Self {
            name: name.into(),
            shape: Vec::new(),
            values: Values::I64(vec![i64::try_from(count).unwrap_or(i64::MAX)]),
        }
    }

    /// The floats, flat, as a tensor on `device`.
    #[must_use]
    pub fn tensor(&self, device: &Device) -> Option<Tensor<1>> {
        match &self.values {
            Values::F32(values) => {
                let data = TensorData::new(values.clone(), [values.len()]);
                Some(Tensor::from_data(data, device))
            }
            Values::I64(_) => None,
        }
    }

    /// The count that this array is, if it is one.
    #[must_use]
    pub fn as_count(&self) -> Option<u64> {
        match &self.values {
            Values::I64(values) => match values.as_slice() {
                &[count] => u64::try_from(count).ok(),
                _ => None,
            },
            Values::F32(_) => None,
        }
    }

    /// Whether a float is negative.
    #[must_use]
    pub fn has_negative(&self) -> bool {
        match &self.values {
            Values::F32(values) => values.iter().any(|&value| value < 0.0),
            Values::I64(values) => values.iter().any(|&value| value < 0),
        }
    }

    /// Whether no float is NaN or infinite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        match &self.values {
            Values::F32(values) => values.iter().all(|value| value.is_finite()),
            Values::I64(_) => true,
        }
    }
}

/// Reads flat tensors from their device, all in one go.
///
/// # Errors
/// The device failed.
pub fn read_tensors(
    tensors: impl Iterator<Item = Tensor<1>>,
) -> Result<Vec<Vec<f32>>, WeightsError> {
    let device_failed = |reason: String| WeightsError::Device { reason };
    tensors
        .fold(Transaction::default(), |all, tensor| {
            all.register(tensor.inner())
        })
        .try_execute()
        .map_err(|error| device_failed(error.to_string()))?
        .iter()
        .map(|data| {
            data.try_to_vec::<f32>()
                .map_err(|error| device_failed(error.to_string()))
        })
        .collect()
}
