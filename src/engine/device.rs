//! Devices: from what an experiment asks for to one that burn computes on.
//!
//! Availability is asked before a device is touched, because libtorch answers
//! the use of a device that is not there with a panic. `Auto` always finds
//! something; a device that was named is used or refused, never replaced.

#[cfg(feature = "libtorch")]
mod libtorch;
mod nvidia;

use burn::tensor::Device;
use thiserror::Error;

#[cfg(feature = "libtorch")]
pub use self::libtorch::catches_panics;
#[cfg(feature = "libtorch")]
pub(super) use self::libtorch::{catching, caught};
#[cfg(feature = "libtorch")]
use self::libtorch::{cpu_fallback, open};
use crate::experiment::device::DeviceKind;
use crate::experiment::spec::{DeviceSpec, LibTorchDevice, Precision};

/// A device that is there.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Where tensors are made; without autodiff.
    pub device: Device,
    /// Which it is.
    pub kind: DeviceKind,
    /// What it is, for people: `CUDA 0: NVIDIA H100`.
    pub name: String,
}

impl Chosen {
    /// On a thread that computes here: it shares each operation among the device's threads,
    /// whatever others do.
    pub fn enter(&self) {
        #[cfg(feature = "libtorch")]
        if let DeviceKind::LibTorch { threads } = self.kind {
            super::threads::share_among(threads);
        }
    }

    /// On a thread that computes here beside others of its kind: it does all by itself.
    /// Who started them enters again when they have ended.
    pub fn enter_alone(&self) {
        #[cfg(feature = "libtorch")]
        if let DeviceKind::LibTorch { .. } = self.kind {
            super::threads::share_among(1);
        }
    }

    /// Threads that should compute here at once, each by itself. libtorch's operations on small
    /// images are too short to be shared well, and its threads wait for each other by
    /// spinning, which stands still where something else has work.
    #[must_use]
    pub fn lanes(&self) -> usize {
        match self.kind {
            DeviceKind::LibTorch { threads } => threads,
            _ => 1,
        }
    }
}

/// What bf16 needs of a processor: without units for it libtorch computes it many times
/// more slowly than 32-bit floats.
const BF16_UNITS: &str =
    "a processor with bf16 units (avx512_bf16 or ARM's bf16), which this one is not, or a GPU";

impl Chosen {
    /// Refuses numbers that the device does not compute with.
    ///
    /// # Errors
    /// What it lacks.
    pub fn supports(&self, precision: Precision) -> Result<(), DeviceError> {
        match (precision, &self.kind) {
            (Precision::Fp32, _) | (Precision::Bf16, DeviceKind::Cuda { .. }) => Ok(()),
            (Precision::Bf16, DeviceKind::Flex) => Err(DeviceError::NoBf16 {
                needed: "libtorch (device Auto or LibTorch(..), a build with --features libtorch)",
            }),
            (Precision::Bf16, _) if has_bf16_units() => Ok(()),
            (Precision::Bf16, _) => Err(DeviceError::NoBf16 { needed: BF16_UNITS }),
        }
    }
}

/// Whether the processor multiplies bfloat16 numbers.
fn has_bf16_units() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("bf16")
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        false
    }
}

/// A device that was requested cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// The program was built without the feature `libtorch`.
    #[error(
        "device `{asked}` needs libtorch, which this build of workbench leaves out: run scripts/setup-libtorch, then `cargo build --release --features libtorch`; or choose the device `cpu`"
    )]
    NoLibTorch {
        /// The device.
        asked: DeviceSpec,
    },
    /// The libtorch that the program was built with is for processors only.
    #[error(
        "device `{asked}` needs a libtorch with CUDA, and this build's has none: unset LIBTORCH, run scripts/setup-libtorch and build again; or choose the device `libtorch`"
    )]
    NoCuda {
        /// The device.
        asked: DeviceSpec,
    },
    /// libtorch knows CUDA and finds no GPU.
    #[error("device `{asked}`: libtorch finds no GPU on this machine; {because}")]
    NoGpu {
        /// The device.
        asked: DeviceSpec,
        /// The likely reason and its remedy.
        because: String,
    },
    /// There are GPUs, but fewer.
    #[error("device `{asked}` not found: libtorch finds {count} GPU(s), numbered from 0")]
    NoSuchGpu {
        /// The device.
        asked: DeviceSpec,
        /// Number of GPUs.
        count: usize,
    },
    /// It does not compute with these numbers.
    #[error(
        "precision Bf16 needs {needed}; leave `precision` out of the experiment for 32-bit floats"
    )]
    NoBf16 {
        /// What the device lacks.
        needed: &'static str,
    },
    /// The GPU is there and cannot compute.
    #[error(
        "device `{asked}` failed its first computation: {message}; it may be full, or too old for this libtorch"
    )]
    Unusable {
        /// The device.
        asked: DeviceSpec,
        /// What libtorch said.
        message: String,
    },
}

/// What this build and this machine have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DeviceProbe {
    /// The build has libtorch.
    libtorch: bool,
    /// That libtorch has CUDA.
    cuda: bool,
    /// GPUs that libtorch finds.
    gpus: usize,
}

/// A device that the probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Flex,
    LibTorch(LibTorchDevice),
}

/// Finds the device that is requested.
///
/// `Auto` takes the first CUDA GPU that works, else libtorch on the CPU, else
/// the pure-Rust backend, and so never fails.
pub fn choose(spec: DeviceSpec) -> Result<Chosen, DeviceError> {
    let found = resolve(spec, DeviceProbe::take())?;
    match (open(found), spec) {
        (Ok(chosen), _) => Ok(chosen),
        (Err(_), DeviceSpec::Auto) => Ok(cpu_fallback()),
        (Err(message), asked) => Err(DeviceError::Unusable { asked, message }),
    }
}

/// GPUs that trainings can use, in a build with libtorch for CUDA.
#[must_use]
pub fn gpus() -> usize {
    DeviceProbe::take().gpus
}

fn resolve(asked: DeviceSpec, probe: DeviceProbe) -> Result<Found, DeviceError> {
    match asked {
        DeviceSpec::Auto if probe.gpus > 0 => Ok(Found::LibTorch(LibTorchDevice::Cuda(0))),
        DeviceSpec::Auto if probe.libtorch => Ok(Found::LibTorch(LibTorchDevice::Cpu)),
        DeviceSpec::Auto | DeviceSpec::Cpu => Ok(Found::Flex),
        DeviceSpec::LibTorch(_) if !probe.libtorch => Err(DeviceError::NoLibTorch { asked }),
        DeviceSpec::LibTorch(LibTorchDevice::Cpu) => Ok(Found::LibTorch(LibTorchDevice::Cpu)),
        DeviceSpec::LibTorch(LibTorchDevice::Cuda(_)) if !probe.cuda => {
            Err(DeviceError::NoCuda { asked })
        }
        DeviceSpec::LibTorch(LibTorchDevice::Cuda(_)) if probe.gpus == 0 => {
            Err(DeviceError::NoGpu {
                asked,
                because: nvidia::why_no_gpu(),
            })
        }
        DeviceSpec::LibTorch(LibTorchDevice::Cuda(index)) if index >= probe.gpus => {
            Err(DeviceError::NoSuchGpu {
                asked,
                count: probe.gpus,
            })
        }
        DeviceSpec::LibTorch(device) => Ok(Found::LibTorch(device)),
    }
}

fn flex() -> Chosen {
    let threads = rayon::current_num_threads();
    let plural = if threads == 1 { "" } else { "s" };
    Chosen {
        device: Device::flex(),
        kind: DeviceKind::Flex,
        name: format!("flex (pure Rust, {threads} thread{plural})"),
    }
}

#[cfg(not(feature = "libtorch"))]
mod without_libtorch {
    use super::{Chosen, DeviceProbe, Found, flex};

    impl DeviceProbe {
        pub(super) fn take() -> Self {
            Self {
                libtorch: false,
                cuda: false,
                gpus: 0,
            }
        }
    }

    /// This probe lets nothing but flex be found.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "in a build with libtorch opening a GPU can fail"
    )]
    pub(super) fn open(_: Found) -> Result<Chosen, String> {
        Ok(flex())
    }

    pub(super) fn cpu_fallback() -> Chosen {
        flex()
    }

    /// The pure-Rust backend has errors instead.
    #[must_use]
    pub fn catches_panics() -> bool {
        false
    }
}
#[cfg(not(feature = "libtorch"))]
pub use self::without_libtorch::catches_panics;
#[cfg(not(feature = "libtorch"))]
use self::without_libtorch::{cpu_fallback, open};

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: DeviceProbe = DeviceProbe {
        libtorch: false,
        cuda: false,
        gpus: 0,
    };
    const LIBTORCH_CPU: DeviceProbe = DeviceProbe {
        libtorch: true,
        ..NOTHING
    };
    const TWO_GPUS: DeviceProbe = DeviceProbe {
        libtorch: true,
        cuda: true,
        gpus: 2,
    };
    const ON_CPU: DeviceSpec = DeviceSpec::LibTorch(LibTorchDevice::Cpu);

    fn cuda(index: usize) -> DeviceSpec {
        DeviceSpec::LibTorch(LibTorchDevice::Cuda(index))
    }

    fn refusal(asked: DeviceSpec, probe: DeviceProbe) -> String {
        resolve(asked, probe).unwrap_err().to_string()
    }

    #[test]
    fn auto_takes_the_first_gpu_then_libtorch_then_flex() {
        let auto = |probe| resolve(DeviceSpec::Auto, probe).unwrap();
        assert_eq!(auto(TWO_GPUS), Found::LibTorch(LibTorchDevice::Cuda(0)));
        assert_eq!(auto(LIBTORCH_CPU), Found::LibTorch(LibTorchDevice::Cpu));
        assert_eq!(auto(NOTHING), Found::Flex);
    }

    #[test]
    fn cpu_is_flex_even_where_there_are_gpus() {
        assert_eq!(resolve(DeviceSpec::Cpu, TWO_GPUS), Ok(Found::Flex));
    }

    #[test]
    fn a_named_device_that_is_there_is_taken() {
        for (asked, found) in [
            (ON_CPU, LibTorchDevice::Cpu),
            (cuda(0), LibTorchDevice::Cuda(0)),
            (cuda(1), LibTorchDevice::Cuda(1)),
        ] {
            assert_eq!(resolve(asked, TWO_GPUS), Ok(Found::LibTorch(found)));
        }
    }

    #[test]
    fn libtorch_in_a_build_without_it_is_refused_with_the_way_to_get_it() {
        for asked in [ON_CPU, cuda(0)] {
            let message = refusal(asked, NOTHING);
            assert!(message.contains(&format!("`{asked}`")), "{message}");
            assert!(message.contains("scripts/setup-libtorch"), "{message}");
            assert!(message.contains("--features libtorch"), "{message}");
        }
    }

    #[test]
    fn cuda_is_refused_when_libtorch_was_built_without_it() {
        let message = refusal(cuda(0), LIBTORCH_CPU);
        assert!(message.contains("libtorch with CUDA"), "{message}");
        assert!(message.contains("scripts/setup-libtorch"), "{message}");
    }

    #[test]
    fn cuda_without_a_gpu_is_refused_with_the_likely_reason() {
        let probe = DeviceProbe {
            gpus: 0,
            ..TWO_GPUS
        };
        let message = refusal(cuda(0), probe);
        assert!(message.contains("finds no GPU"), "{message}");
        assert!(message.contains("driver"), "{message}");
    }

    #[test]
    fn a_gpu_beyond_the_last_is_refused_with_their_number() {
        let message = refusal(cuda(2), TWO_GPUS);
        assert!(message.contains("`cuda:2`"), "{message}");
        assert!(message.contains("2 GPU(s)"), "{message}");
    }

    #[test]
    fn auto_gives_a_device_that_computes_on_every_machine() {
        let chosen = choose(DeviceSpec::Auto).unwrap();
        let sum = burn::tensor::Tensor::<1>::from_floats([1.0, 2.0], &chosen.device)
            .sum()
            .into_scalar::<f32>();
        assert_eq!(sum, 3.0);
    }

    #[test]
    fn cpu_is_the_pure_rust_backend_and_says_how_many_threads_it_has() {
        let chosen = choose(DeviceSpec::Cpu).unwrap();
        assert_eq!(chosen.device, Device::flex());
        assert_eq!(chosen.kind, DeviceKind::Flex);
        assert_eq!(DeviceKind::of_name(&chosen.name), Some(chosen.kind));
        assert!(
            chosen.name.starts_with("flex (pure Rust, "),
            "{}",
            chosen.name
        );
        assert!(chosen.name.contains("thread"), "{}", chosen.name);
    }

    #[cfg(not(feature = "libtorch"))]
    #[test]
    fn this_build_refuses_libtorch() {
        assert_eq!(
            choose(ON_CPU).unwrap_err(),
            DeviceError::NoLibTorch { asked: ON_CPU }
        );
    }

    #[test]
    fn bf16_is_refused_where_nothing_computes_it_fast() {
        let on = |kind: DeviceKind| Chosen {
            device: Device::flex(),
            name: kind.to_string(),
            kind,
        };
        let cuda = DeviceKind::Cuda {
            index: 0,
            model: None,
        };
        let cpu = DeviceKind::LibTorch { threads: 1 };
        assert_eq!(on(cuda).supports(Precision::Bf16), Ok(()));
        assert_eq!(on(cpu.clone()).supports(Precision::Fp32), Ok(()));
        assert_eq!(on(cpu).supports(Precision::Bf16).is_ok(), has_bf16_units());
        assert_eq!(on(DeviceKind::Flex).supports(Precision::Fp32), Ok(()));
        let error = on(DeviceKind::Flex).supports(Precision::Bf16).unwrap_err();
        assert!(error.to_string().contains("needs libtorch"), "{error}");
    }

    #[test]
    fn a_gpu_that_no_machine_has_is_an_error_and_no_panic() {
        assert!(choose(cuda(99)).is_err());
    }
}
