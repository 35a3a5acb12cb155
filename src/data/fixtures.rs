//! Folders and files of images for tests, made by code.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{Rgb, RgbImage};

use crate::experiment::plan::{DataPlan, ValidPlan};
use crate::experiment::spec::{ClassOrder, IdxFiles, NormalizeSpec, Shapes, Source};

/// A plan over one source, with a tenth held out.
pub fn plan(train: Source) -> DataPlan {
    DataPlan {
        train,
        valid: ValidPlan::Holdout(0.1),
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

/// Generated shapes of 16 × 16 pixels.
pub fn shapes(count: u32, seed: u64) -> Source {
    Source::Shapes(Shapes {
        classes: 4,
        count,
        size: 16,
        difficulty: 0.5,
        seed,
    })
}

/// A picture that is like no other of another number.
pub fn picture(number: u32, (height, width): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(number * 7) as u8, (x * 5) as u8, (y * 11 + number) as u8])
    })
}

/// Writes a picture in the format of its name's ending.
pub fn save(path: &Path, number: u32, size: (u32, u32)) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture(number, size).save(path).unwrap();
}

/// A folder of PNGs of 6 × 8 pixels (height × width), `count` in each class.
pub fn folder(root: &Path, classes: &[&str], count: u32) -> PathBuf {
    for (label, class) in (0..).zip(classes) {
        for number in 0..count {
            let path = root.join(class).join(format!("{number:03}.png"));
            save(&path, label * count + number, (6, 8));
        }
    }
    root.to_owned()
}

/// Makes a whole image file a cut-off one.
pub fn cut(path: &Path, keep: usize) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..keep.min(bytes.len())]).unwrap();
}

/// Compresses.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A pair of IDX files of images of 3 × 2 pixels (height × width), with such labels.
pub fn idx(dir: &Path, labels: &[u8], packed: bool) -> IdxFiles {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    let count = labels.len() as u32;
    let mut images: Vec<u8> = numbers(&[0x0803, count, 3, 2]);
    images.extend((0..labels.len() * 6).map(|i| (i * 3) as u8));
    let mut truth: Vec<u8> = numbers(&[0x0801, count]);
    truth.extend(labels);
    let save = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, if packed { gzip(bytes) } else { bytes.to_vec() }).unwrap();
        path
    };
    IdxFiles {
        images: save("images", &images),
        labels: save("labels", &truth),
    }
}
