//! With the feature `libtorch`: lets the linked programs find libtorch at run time where the build
//! found it, so that nobody exports `LD_LIBRARY_PATH`. Without the feature it does nothing.
//!
//! `.cargo/config.toml` gives `LIBTORCH` its value unless it is exported already.

use std::env;
use std::path::{Path, PathBuf};

/// A libtorch whose headers are not found.
const UNKNOWN: &str = "of unknown version";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(libtorch_cuda)");
    if env::var_os("CARGO_FEATURE_LIBTORCH").is_none() {
        return;
    }
    let Some(folder) = libtorch_folder() else {
        // Then torch-sys takes a system-wide libtorch, which the loader finds by itself.
        println!("cargo::rustc-env=LIBTORCH_VERSION={UNKNOWN}");
        return;
    };
    let libraries = folder.join("lib");
    if !has_any(&libraries, &["libtorch.so", "libtorch.dylib", "torch.dll"]) {
        println!(
            "cargo::error=no libtorch in {}: run scripts/setup-libtorch once, then build again (or set LIBTORCH to the folder of a libtorch that has include/ and lib/)",
            libraries.to_string_lossy()
        );
        return;
    }
    println!("cargo::rustc-env=LIBTORCH_VERSION={}", version(&folder));
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix") {
        println!(
            "cargo::rustc-link-arg=-Wl,-rpath,{}",
            libraries.to_string_lossy()
        );
    }
    if has_any(&libraries, &["libtorch_cuda.so", "torch_cuda.dll"]) {
        println!("cargo::rustc-cfg=libtorch_cuda");
    }
}

/// The folder whose `lib` the build of torch-sys links with, as torch-sys chooses it.
fn libtorch_folder() -> Option<PathBuf> {
    let names = ["LIBTORCH_LIB", "LIBTORCH"];
    for name in names {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let folder = names.into_iter().find_map(env::var_os)?;
    // A relative rpath would be resolved against wherever the program is started.
    std::path::absolute(folder).ok()
}

/// The version of a libtorch, as its headers say it.
fn version(folder: &Path) -> String {
    let places = [
        "include/torch/headeronly/version.h",
        "include/torch/csrc/api/include/torch/version.h",
    ];
    let number = |text: &str, part: &str| {
        let mut words = text
            .split_whitespace()
            .skip_while(|word| *word != part)
            .skip(1);
        words.next().and_then(|number| number.parse::<u32>().ok())
    };
    let texts = places
        .iter()
        .filter_map(|place| std::fs::read_to_string(folder.join(place)).ok());
    let mut versions = texts.filter_map(|text| {
        let part = |name: &str| number(&text, &format!("TORCH_VERSION_{name}"));
        Some(format!(
            "{}.{}.{}",
            part("MAJOR")?,
            part("MINOR")?,
            part("PATCH")?
        ))
    });
    versions.next().unwrap_or_else(|| UNKNOWN.to_owned())
}

fn has_any(folder: &Path, files: &[&str]) -> bool {
    files.iter().any(|file| folder.join(file).exists())
}
