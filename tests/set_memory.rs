//! What a set of very many images takes for its list and its identity: a few numbers
//! an image, however they are hashed.
//!
//! Alone in its process: the greatest memory that it ever took is what is looked at.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

use std::collections::BTreeMap;
use std::fs;

use workbench::data::Images;
use workbench::experiment::plan::{DataPlan, MAX_RECORDS, ValidPlan};
use workbench::experiment::spec::{ClassOrder, NormalizeSpec, Shapes, Source};

/// A tenth of the images that a set can have.
const IMAGES: u32 = MAX_RECORDS / 10;
/// So that the most images take less than half a gigabyte.
const BYTES_PER_IMAGE: u64 = 50;

/// A field of the process's memory, bytes.
fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

#[test]
fn an_image_that_is_made_when_it_is_requested_takes_some_tens_of_bytes() {
    let plan = DataPlan {
        train: Source::Shapes(Shapes {
            classes: 10,
            count: IMAGES,
            size: 8,
            difficulty: 0.5,
            seed: 0,
        }),
        valid: ValidPlan::Holdout(0.1),
        test: None,
        unlabelled: None,
        size: None,
        normalize: NormalizeSpec::Given {
            mean: [0.5; 3],
            std: [0.5; 3],
        },
        order: ClassOrder::Bytes,
        max_bad: 0.0,
        max_pixels: 64,
        memory: 0,
        workers: Some(2),
    };
    let before = memory("VmRSS:");
    let images = Images::open(&plan, 7).unwrap();
    let identity = images.identity(&BTreeMap::new());
    assert!(images.shared().is_empty());
    let taken = memory("VmHWM:") - before;
    let counted: usize = identity.values().map(|set| set.images).sum();
    assert_eq!(counted, IMAGES as usize);
    let each = taken / u64::from(IMAGES);
    assert!(each < BYTES_PER_IMAGE, "{each} bytes an image");
}
