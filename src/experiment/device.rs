//! Devices as they are requested, in an experiment file or on a command line.
//!
//! What was requested need not be there: the engine answers whether it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where tensors live.
///
/// A file writes `LibTorch(Cuda(1))`, a command line `cuda:1`; [`FromStr`] reads
/// the latter and [`Display`](fmt::Display) writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DeviceSpec {
    /// A CUDA GPU if libtorch has one, else libtorch on the CPU, else `Cpu`.
    #[default]
    Auto,
    /// The pure-Rust CPU backend; always there.
    Cpu,
    /// libtorch; needs a build with the feature `libtorch`.
    LibTorch(LibTorchDevice),
}

/// A device of libtorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LibTorchDevice {
    /// The processor.
    Cpu,
    /// The GPU of this index.
    Cuda(usize),
}

/// A device that was found: which bits a training gives depends on it and on the
/// processor, and on nothing else of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// The pure-Rust backend.
    Flex,
    /// libtorch on the processor, as older programs recorded it.
    LibTorchCpu,
    /// libtorch on the processor. Its sums are split by thread.
    LibTorch {
        /// Threads that compute.
        threads: usize,
    },
    /// libtorch on a GPU.
    Cuda {
        /// The GPU's number, from 0.
        index: usize,
        /// Its model, such as `NVIDIA H100 80GB HBM3`, where it is known.
        model: Option<String>,
    },
}

impl DeviceKind {
    /// The device that a journal of an older program names for people only. `None`
    /// for a name that no program wrote.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        if name == "libtorch CPU" {
            return Some(Self::LibTorchCpu);
        }
        if let Some(rest) = name.strip_prefix("libtorch CPU (") {
            let (threads, _) = rest.split_once(" thread")?;
            let threads = threads.parse().ok()?;
            return Some(Self::LibTorch { threads });
        }
        if name == "flex" || name.starts_with("flex (") {
            return Some(Self::Flex);
        }
        let rest = name.strip_prefix("CUDA ")?;
        let (index, model) = match rest.split_once(": ") {
            Some((index, model)) => (index, Some(model.to_owned())),
            None => (rest, None),
        };
        let index = index.parse().ok()?;
        Some(Self::Cuda { index, model })
    }

    /// Whether a training is known to give other bits on the other one.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::LibTorchCpu, Self::LibTorch { .. })
            | (Self::LibTorch { .. }, Self::LibTorchCpu) => false,
            _ => self != other,
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("flex (pure Rust)"),
            Self::LibTorchCpu => f.write_str("libtorch CPU"),
            Self::LibTorch { threads: 1 } => f.write_str("libtorch CPU (1 thread)"),
            Self::LibTorch { threads } => write!(f, "libtorch CPU ({threads} threads)"),
            Self::Cuda { index, model: None } => write!(f, "CUDA {index}"),
            Self::Cuda {
                index,
                model: Some(model),
            } => write!(f, "CUDA {index}: {model}"),
        }
    }
}

/// A word on the command line that names no device.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "unknown device `{written}`: expected auto, cpu, libtorch, cuda, or cuda:N with the GPU's \
     number N"
)]
pub struct UnknownDevice {
    /// The word.
    pub written: String,
}

impl FromStr for DeviceSpec {
    type Err = UnknownDevice;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownDevice {
            written: written.to_owned(),
        };
        match written.trim().to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "libtorch" => Ok(Self::LibTorch(LibTorchDevice::Cpu)),
            "cuda" => Ok(Self::LibTorch(LibTorchDevice::Cuda(0))),
            word => {
                let index = word.strip_prefix("cuda:").ok_or_else(unknown)?;
                // `parse` alone would let `cuda:+1` pass.
                if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(unknown());
                }
                let index = index.parse().map_err(|_| unknown())?;
                Ok(Self::LibTorch(LibTorchDevice::Cuda(index)))
            }
        }
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::LibTorch(LibTorchDevice::Cpu) => f.write_str("libtorch"),
            Self::LibTorch(LibTorchDevice::Cuda(index)) => write!(f, "cuda:{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUDA_1: DeviceSpec = DeviceSpec::LibTorch(LibTorchDevice::Cuda(1));

    #[test]
    fn every_device_is_read_back_from_how_it_is_shown() {
        let devices = [
            DeviceSpec::Auto,
            DeviceSpec::Cpu,
            DeviceSpec::LibTorch(LibTorchDevice::Cpu),
            CUDA_1,
        ];
        for device in devices {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
    }

    #[test]
    fn a_device_that_was_found_is_known_again_by_the_name_that_older_journals_have() {
        let cuda = |model: Option<&str>| DeviceKind::Cuda {
            index: 0,
            model: model.map(ToOwned::to_owned),
        };
        for device in [
            DeviceKind::Flex,
            DeviceKind::LibTorchCpu,
            DeviceKind::LibTorch { threads: 1 },
            DeviceKind::LibTorch { threads: 12 },
            cuda(None),
            cuda(Some("NVIDIA H100 80GB HBM3")),
        ] {
            assert_eq!(DeviceKind::of_name(&device.to_string()), Some(device));
        }
        let named = DeviceKind::of_name;
        assert_eq!(named("flex (pure Rust, 8 threads)"), Some(DeviceKind::Flex));
        assert_eq!(named("flexible"), None);
        assert_eq!(named("CUDA x"), None);
    }

    #[test]
    fn another_number_of_libtorchs_threads_is_another_device_and_an_unknown_one_is_not() {
        let on = |threads| DeviceKind::LibTorch { threads };
        assert!(on(1).differs(&on(2)) && on(2).differs(&DeviceKind::Flex));
        assert!(!on(2).differs(&on(2)));
        assert!(!on(2).differs(&DeviceKind::LibTorchCpu));
        assert!(!DeviceKind::LibTorchCpu.differs(&on(2)));
    }

    #[test]
    fn cuda_without_a_number_is_the_first_gpu() {
        assert_eq!(
            "cuda".parse(),
            Ok(DeviceSpec::LibTorch(LibTorchDevice::Cuda(0)))
        );
    }

    #[test]
    fn capitals_and_spaces_around_do_not_matter() {
        assert_eq!(" CUDA:1 ".parse(), Ok(CUDA_1));
    }

    #[test]
    fn an_unknown_device_is_an_error_that_lists_the_known_ones() {
        for written in [
            "",
            "gpu",
            "cuda:",
            "cuda:x",
            "cuda:-1",
            "cuda:+1",
            "cuda1",
            "cuda:1:2",
            "cuda:99999999999999999999999",
        ] {
            let error = written.parse::<DeviceSpec>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{written}`")), "{error}");
            assert!(error.contains("auto, cpu, libtorch, cuda"), "{error}");
        }
    }

    #[test]
    fn an_experiment_file_spells_a_device_as_a_value() {
        assert_eq!(ron::from_str("LibTorch(Cuda(1))"), Ok(CUDA_1));
        assert_eq!(ron::from_str("Auto"), Ok(DeviceSpec::Auto));
    }
}
