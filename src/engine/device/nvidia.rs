//! What the NVIDIA driver reports about GPUs, in words for people.
//!
//! Read from the driver's text files, because libtorch's C interface gives
//! neither a GPU's name nor the reason why it finds none. Nothing is decided by
//! what is read here.

use std::env;
use std::fs;
use std::path::Path;

/// The driver's folder of text files on Linux; absent without a driver.
const DRIVER: &str = "/proc/driver/nvidia";

/// The least driver for CUDA 13, with which `scripts/setup-libtorch`'s libtorch
/// is built.
const LEAST_DRIVER: &str = "580";

/// The GPUs' model, such as `NVIDIA H100 80GB HBM3`. `None` if it is unknown or
/// if they differ: CUDA orders them by speed and the driver by bus, so that it
/// is not known which is which.
#[cfg(feature = "libtorch")]
pub(super) fn model() -> Option<String> {
    let gpus = fs::read_dir(Path::new(DRIVER).join("gpus")).ok()?;
    common_model(
        gpus.filter_map(|gpu| fs::read_to_string(gpu.ok()?.path().join("information")).ok()),
    )
}

/// Why libtorch finds no GPU, as far as is known, and what to do.
pub(super) fn why_no_gpu() -> String {
    let version = fs::read_to_string(Path::new(DRIVER).join("version")).ok();
    let visible = env::var("CUDA_VISIBLE_DEVICES").ok();
    explain(version.as_deref().map(driver_version), visible.as_deref())
}

#[expect(
    clippy::option_option,
    reason = "a driver can be absent, or there with an unknown version"
)]
fn explain(driver: Option<Option<&str>>, visible: Option<&str>) -> String {
    match (driver, visible) {
        (None, _) => format!(
            "no NVIDIA driver is loaded: install the driver, version {LEAST_DRIVER} or newer (in a container, give it the GPUs)"
        ),
        (Some(_), Some(visible)) => {
            format!("CUDA_VISIBLE_DEVICES is `{visible}`: unset it, or name a GPU that is there")
        }
        (Some(version), None) => format!(
            "NVIDIA driver {} is loaded: CUDA 13 needs {LEAST_DRIVER} or newer, and a container needs to be given the GPUs",
            version.unwrap_or("of unknown version")
        ),
    }
}

/// `580.95.05` from a line such as
/// `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build`.
fn driver_version(text: &str) -> Option<&str> {
    text.lines().next()?.split_whitespace().find(|word| {
        word.contains('.')
            && word
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

#[cfg(any(feature = "libtorch", test))]
fn common_model(informations: impl Iterator<Item = String>) -> Option<String> {
    let mut models = informations.map(|text| {
        text.lines()
            .find_map(|line| line.strip_prefix("Model:"))
            .map(|model| model.trim().to_owned())
    });
    let first = models.next()??;
    models
        .all(|model| model.as_ref() == Some(&first))
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const H100: &str = "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 29\n";
    const A100: &str = "Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ:   \t\t 30\n";

    fn common(informations: &[&str]) -> Option<String> {
        common_model(informations.iter().map(|&text| text.to_owned()))
    }

    #[test]
    fn gpus_of_one_model_are_named() {
        assert_eq!(
            common(&[H100, H100]).as_deref(),
            Some("NVIDIA H100 80GB HBM3")
        );
    }

    #[test]
    fn gpus_of_different_models_are_not_named() {
        assert_eq!(common(&[H100, A100]), None);
        assert_eq!(common(&[H100, "IRQ: 3"]), None);
        assert_eq!(common(&[]), None);
    }

    #[test]
    fn the_driver_version_is_the_first_number_with_points() {
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (x)\nGCC version: gcc 12.3.0\n";
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n";
        assert_eq!(driver_version(open), Some("580.95.05"));
        assert_eq!(driver_version(closed), Some("535.183.01"));
        assert_eq!(driver_version("nonsense"), None);
        assert_eq!(driver_version(""), None);
    }

    #[test]
    fn a_missing_driver_a_hidden_gpu_and_an_old_driver_are_distinguished() {
        assert!(explain(None, Some("0")).contains("no NVIDIA driver"));
        assert!(explain(Some(Some("580.95.05")), Some("")).contains("CUDA_VISIBLE_DEVICES is ``"));
        let old = explain(Some(Some("535.183.01")), None);
        assert!(old.contains("535.183.01") && old.contains("580"), "{old}");
    }
}
