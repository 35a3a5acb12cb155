//! libtorch's devices through burn, in a build with the feature `libtorch`.
#![expect(
    deprecated,
    reason = "burn 0.22 deprecates libtorch and is the last line that has it; the version is pinned"
)]

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::{Device, DeviceType, Tensor};

use super::{Chosen, DeviceProbe, Found, flex, nvidia};
use crate::engine::threads;
use crate::experiment::device::DeviceKind;
use crate::experiment::spec::LibTorchDevice;

impl DeviceProbe {
    pub(super) fn take() -> Self {
        let cuda = cfg!(libtorch_cuda);
        Self {
            libtorch: true,
            cuda,
            // Of libtorch's devices burn lists the GPUs only.
            gpus: if cuda {
                Device::enumerate(DeviceType::LibTorch).len()
            } else {
                0
            },
        }
    }
}

/// Makes the device, or says what libtorch has against it.
pub(super) fn open(found: Found) -> Result<Chosen, String> {
    match found {
        Found::Flex => Ok(flex()),
        Found::LibTorch(LibTorchDevice::Cpu) => Ok(cpu_fallback()),
        Found::LibTorch(LibTorchDevice::Cuda(index)) => {
            let device = Device::libtorch_cuda(index);
            try_out(&device)?;
            let kind = DeviceKind::Cuda {
                index,
                model: nvidia::model(),
            };
            Ok(Chosen {
                device,
                name: kind.to_string(),
                kind,
            })
        }
    }
}

/// What `Auto` takes where no GPU works.
pub(super) fn cpu_fallback() -> Chosen {
    let kind = DeviceKind::LibTorch {
        threads: threads::of_libtorch(),
    };
    Chosen {
        device: Device::libtorch(),
        name: kind.to_string(),
        kind,
    }
}

/// Computes one sum. A GPU that this libtorch has no code for is listed all the
/// same, and fails only when it is used.
fn try_out(device: &Device) -> Result<(), String> {
    let sum = || {
        Tensor::<1>::from_floats([1.0, 2.0], device)
            .sum()
            .into_scalar::<f32>()
    };
    let sum = caught(sum)?;
    if sum == 3.0 {
        Ok(())
    } else {
        Err(format!("1 + 2 came out as {sum}"))
    }
}

thread_local! {
    static CATCHES: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is an error of libtorch, which is reported as one.
#[must_use]
pub fn catches_panics() -> bool {
    CATCHES.get()
}

/// tch turns every error of libtorch into a panic.
pub(in crate::engine) fn caught<T>(compute: impl FnOnce() -> T) -> Result<T, String> {
    let before = CATCHES.replace(true);
    let found = catch_unwind(AssertUnwindSafe(compute)).map_err(|panic| message_of(&*panic));
    CATCHES.set(before);
    found
}

/// Computes a part of what another thread waits for, whose panics are errors if `catches`.
/// A panic goes on to that thread.
pub(in crate::engine) fn catching<T>(catches: bool, compute: impl FnOnce() -> T) -> T {
    struct Restored(bool);
    impl Drop for Restored {
        fn drop(&mut self) {
            CATCHES.set(self.0);
        }
    }
    let _restored = Restored(CATCHES.replace(catches));
    compute()
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "libtorch gave no reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::device::{DeviceError, choose};
    use crate::experiment::spec::DeviceSpec;

    #[test]
    fn libtorch_computes_on_the_cpu() {
        let chosen = choose(DeviceSpec::LibTorch(LibTorchDevice::Cpu)).unwrap();
        assert!(chosen.name.starts_with("libtorch CPU ("), "{}", chosen.name);
        assert_eq!(try_out(&chosen.device), Ok(()));
    }

    #[test]
    fn what_libtorch_says_survives_its_panic() {
        let error = caught(|| panic!("no kernel image for device {}", 0)).unwrap_err();
        assert_eq!(error, "no kernel image for device 0");
    }

    #[test]
    fn auto_is_a_gpu_where_libtorch_lists_one_and_its_cpu_elsewhere() {
        let chosen = choose(DeviceSpec::Auto).unwrap();
        if DeviceProbe::take().gpus > 0 {
            assert!(chosen.name.starts_with("CUDA 0"), "{}", chosen.name);
        } else {
            assert!(chosen.name.starts_with("libtorch CPU ("), "{}", chosen.name);
        }
    }

    #[test]
    fn the_first_gpu_computes_or_is_refused_with_a_remedy() {
        let first = DeviceSpec::LibTorch(LibTorchDevice::Cuda(0));
        match (choose(first), DeviceProbe::take()) {
            (Ok(chosen), probe) => {
                assert!(probe.gpus > 0);
                assert_eq!(try_out(&chosen.device), Ok(()));
            }
            (Err(DeviceError::NoGpu { .. }), probe) => assert!(probe.cuda && probe.gpus == 0),
            (Err(DeviceError::NoCuda { .. }), probe) => assert!(!probe.cuda),
            (Err(error), _) => panic!("{error}"),
        }
    }
}
