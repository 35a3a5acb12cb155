//! Augmentation on one core, images per second: the recipes of the example experiments on pictures of
//! CIFAR-10's size, every operation applied.
#![allow(
    missing_docs,
    reason = "criterion's macros make items without documentation"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use workbench::data::augment::Pipeline;
use workbench::data::shapes;
use workbench::data::stream::StreamKey;
use workbench::experiment::augment::{AutoAugmentPolicy, ErasedValue, Operation, Steer};
use workbench::experiment::spec::Shapes;

const RECIPES: [(&str, &[Operation]); 7] = [
    (
        "flip-crop-cutout",
        &[
            Operation::HorizontalFlip,
            Operation::PadCrop(4),
            Operation::Cutout(8),
        ],
    ),
    (
        "colour",
        &[
            Operation::HorizontalFlip,
            Operation::PadCrop(4),
            Operation::ColorJitter {
                brightness: 0.2,
                contrast: 0.2,
                saturation: 0.2,
                hue: 0.1,
            },
        ],
    ),
    (
        "trivial-augment",
        &[Operation::HorizontalFlip, Operation::TrivialAugment],
    ),
    (
        "rand-augment",
        &[
            Operation::HorizontalFlip,
            Operation::RandAugment {
                n: 2,
                magnitude: 9,
                steer: Steer::Probability,
            },
        ],
    ),
    (
        "auto-augment",
        &[
            Operation::HorizontalFlip,
            Operation::AutoAugment(AutoAugmentPolicy::Cifar10),
        ],
    ),
    (
        "aug-mix",
        &[
            Operation::HorizontalFlip,
            Operation::AugMix {
                severity: 3,
                width: 3,
                depth: None,
                alpha: 1.0,
            },
        ],
    ),
    (
        "erasing",
        &[
            Operation::HorizontalFlip,
            Operation::PadCrop(4),
            Operation::RandomErasing {
                scale: (0.02, 0.33),
                ratio: (0.3, 3.3),
                value: ErasedValue::Rgb(0, 0, 0),
            },
        ],
    ),
];

fn augment(criterion: &mut Criterion) {
    let pictures = Shapes {
        size: 32,
        ..ron::from_str("(count: 1)").expect("every other field has a default")
    };
    let (picture, _) = shapes::render(&pictures, 0);
    let mut group = criterion.benchmark_group("augment");
    group.throughput(Throughput::Elements(1));
    for (name, operations) in RECIPES {
        let pipeline = Pipeline::new(operations);
        // Another key every time: the draws decide how much work there is.
        let mut sample = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || picture.clone(),
                |image| {
                    sample += 1;
                    let key = StreamKey {
                        seed: 7,
                        epoch: 0,
                        sample,
                        view: 0,
                    };
                    pipeline.apply(black_box(image), 1.0, &key);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, augment);
criterion_main!(benches);
