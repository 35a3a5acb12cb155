//! Broken data, one way at a time: what a person gets to read.
//!
//! Every case builds its files in a folder of its own, opens them and compares
//! the whole message with a snapshot. The folder is shown as `[dir]`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

mod binaries;
mod folders;
mod layouts;
mod pictures;
mod sets;
mod sizes;

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use workbench::data::{DataError, Images};
use workbench::experiment::plan::{DataPlan, ValidPlan};
use workbench::experiment::spec::{ClassOrder, NormalizeSpec, Source};

/// A folder that is broken by one test.
struct Case {
    dir: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn folder(&self, name: &str) -> Source {
        Source::ImageFolder(self.path(name))
    }

    /// Writes a file and the folders above it.
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a good image in the format of its ending.
    fn image(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        noise(16, 12).save(&path).unwrap();
        path
    }

    /// Writes a folder of good images: `train` with so many of each class.
    fn classes(&self, root: &str, counts: &[(&str, usize)]) -> Source {
        for (class, count) in counts {
            for number in 0..*count {
                self.image(&format!("{root}/{class}/{number}.png"));
            }
        }
        self.folder(root)
    }

    /// Opens what cannot be opened and gives the message, paths shortened.
    fn refused(&self, plan: &DataPlan) -> String {
        let error = Images::open(plan, 7).expect_err("broken data was taken for good");
        self.shown(&error)
    }

    fn shown(&self, error: &DataError) -> String {
        let dir = self.dir.path().to_string_lossy().to_string();
        error.to_string().replace(&dir, "[dir]")
    }
}

/// A plan over one source with a part held out and no bad images tolerated.
fn plan(train: Source) -> DataPlan {
    DataPlan {
        train,
        valid: ValidPlan::Holdout(0.25),
        test: None,
        unlabelled: None,
        size: None,
        normalize: NormalizeSpec::Measure,
        order: ClassOrder::Bytes,
        max_bad: 0.0,
        max_pixels: 1_000_000,
        memory: 1 << 30,
        workers: Some(2),
    }
}

/// A picture that no format compresses away.
fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, red, green, blue] = state.to_le_bytes();
        Rgb([red, green, blue])
    })
}

/// Keeps the first part of a file.
fn cut(path: &Path, keep: usize) {
    let bytes = fs::read(path).unwrap();
    assert!(keep < bytes.len());
    fs::write(path, &bytes[..keep]).unwrap();
}
