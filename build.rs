//! With the feature `libtorch`: lets the linked programs find libtorch at run time where the build
//! found it, so that nobody exports `LD_LIBRARY_PATH`. Without the feature it does nothing.
//!
//! `.cargo/config.toml` gives `LIBTORCH` its value unless it is exported already.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(libtorch_cuda)");
    if env::var_os("CARGO_FEATURE_LIBTORCH").is_none() {
        return;
    }
    let Some(folder) = libtorch_folder() else {
        // Then torch-sys takes a system-wide libtorch, which the loader finds by itself.
        return;
    };
    let libraries = folder.join("lib");
    if !has_any(&libraries, &["libtorch.so", "libtorch.dylib", "torch.dll"]) {
        println!(
            "cargo::error=no libtorch in {}: run scripts/setup-libtorch once, then build again (or set LIBTORCH to the folder of a libtorch that has include/ and lib/)",
            libraries.display()
        );
        return;
    }
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display());
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

fn has_any(folder: &Path, files: &[&str]) -> bool {
    files.iter().any(|file| folder.join(file).exists())
}
