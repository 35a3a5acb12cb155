//! Batches from pixels in memory, images per second: two views of each image, augmented and normalised,
//! on one thread and on one per core.
#![allow(
    missing_docs,
    reason = "criterion's macros make items without documentation"
)]

use std::hint::black_box;
use std::path::Path;
use std::thread::available_parallelism;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use workbench::data::{BatchRequest, Images, Loader};
use workbench::experiment;

const BATCH: usize = 128;
const VIEWS: usize = 2;

const EXPERIMENT: &str = "Experiment(
    data: (train: Shapes(classes: 10, count: 2560, size: 32)),
    student: (model: Cnn(channels: [4])),
    augment: [HorizontalFlip, PadCrop(4), Cutout(8)],
    method: Scratch(),
    epochs: 1,
)";

fn loader(criterion: &mut Criterion) {
    let plan = experiment::load_text(EXPERIMENT, Path::new("bench.ron"), &[])
        .expect("the experiment is in order")
        .plan;
    let images = Images::open(&plan.data, plan.seed).expect("generated pictures need no files");
    let mut group = criterion.benchmark_group("loader");
    group.throughput(Throughput::Elements((BATCH * VIEWS) as u64));
    let cores = available_parallelism().map_or(1, usize::from);
    for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
        let loader = Loader::new(
            &images,
            &plan.training.augment,
            BATCH,
            0.0,
            (plan.seed, plan.training.sampler),
            threads,
        );
        let per_epoch = loader.batches_per_epoch();
        let mut next = 0;
        let name = BenchmarkId::new("two-views", format!("{threads}-threads"));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let request = BatchRequest {
                    epoch: next / per_epoch,
                    index: next % per_epoch,
                    probabilities: vec![0.5; VIEWS],
                    parts: Vec::new(),
                };
                next += 1;
                black_box(
                    loader
                        .batch(&request)
                        .expect("generated pictures do not go bad"),
                )
            });
        });
    }
    group.finish();
}

criterion_group!(benches, loader);
criterion_main!(benches);
