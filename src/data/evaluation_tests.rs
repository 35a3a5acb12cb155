use super::EvaluationBatches;
use crate::data::fixtures::{cut, folder, plan, save, shapes};
use crate::data::{Images, Workers};
use crate::experiment::plan::DataPlan;
use crate::experiment::spec::{NormalizeSpec, Source};
use crate::untrusted::Show as _;

fn evaluate(images: &Images, workers: usize) -> EvaluationBatches {
    let workers = Workers::new(workers).unwrap();
    EvaluationBatches::new(&images.train, &images.normalization(), 10, workers)
}

#[test]
fn every_image_comes_once_in_order_and_the_last_batch_may_be_small() {
    let images = Images::open(&plan(shapes(40, 1)), 7).unwrap();
    let batches: Vec<_> = evaluate(&images, 2).map(Result::unwrap).collect();
    let indices: Vec<usize> = batches.iter().flat_map(|b| b.indices.clone()).collect();
    assert!(indices.iter().copied().eq(0..36));
    assert_eq!(batches.len(), 4);
    assert_eq!(batches[3].pixels.len(), 6 * 3 * 256);
    for batch in &batches {
        let labels = batch
            .indices
            .iter()
            .map(|&i| images.train.label(i).unwrap());
        assert!(labels.eq(batch.labels.iter().copied()));
    }
}

#[test]
fn batches_are_the_same_with_any_number_of_threads() {
    let images = Images::open(&plan(shapes(40, 1)), 7).unwrap();
    let one: Vec<_> = evaluate(&images, 1).map(Result::unwrap).collect();
    let four: Vec<_> = evaluate(&images, 4).map(Result::unwrap).collect();
    assert_eq!(one, four);
}

#[test]
fn the_number_of_batches_is_known_throughout() {
    let images = Images::open(&plan(shapes(40, 1)), 7).unwrap();
    let mut batches = evaluate(&images, 1);
    for left in (0..4).rev() {
        batches.next();
        assert_eq!(batches.len(), left);
    }
    assert!(batches.next().is_none() && batches.next().is_none());
}

#[test]
fn an_image_that_went_bad_is_left_out_and_the_others_move_up() {
    let dir = tempfile::tempdir().unwrap();
    let plan = DataPlan {
        memory: 0,
        max_bad: 0.2,
        normalize: NormalizeSpec::Given {
            mean: [0.5; 3],
            std: [0.25; 3],
        },
        ..plan(Source::ImageFolder(folder(dir.path(), &["a", "b"], 10)))
    };
    let images = Images::open(&plan, 7).unwrap();
    let whole: Vec<_> = evaluate(&images, 2).map(Result::unwrap).collect();
    // Its header is whole.
    cut(&images.train.name(3), 60);
    let images = Images::open(&plan, 7).unwrap();
    let rest: Vec<_> = evaluate(&images, 2).map(Result::unwrap).collect();
    assert_eq!(rest[0].indices, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    assert_eq!(rest[0].labels.len(), 9);
    let length = 3 * 6 * 8;
    assert_eq!(rest[0].pixels[3 * length..], whole[0].pixels[4 * length..]);
    assert_eq!(rest[1], whole[1]);
    assert_eq!(images.warnings().len(), 1);
}

#[test]
fn an_image_that_was_changed_ends_the_evaluation_however_many_may_be_bad() {
    let dir = tempfile::tempdir().unwrap();
    let plan = DataPlan {
        memory: 0,
        max_bad: 1.0,
        ..plan(Source::ImageFolder(folder(dir.path(), &["a", "b"], 10)))
    };
    let images = Images::open(&plan, 7).unwrap();
    save(&images.train.name(3), 77, (6, 8));
    let all: Result<Vec<_>, _> = evaluate(&images, 2).collect();
    let error = all.unwrap_err().to_string();
    let name = images.train.name(3).shown().to_string();
    assert!(error.contains(&format!("{name} was changed")), "{error}");
    assert!(images.warnings().is_empty());
}
