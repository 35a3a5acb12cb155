use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::{Batch, BatchRequest, Loader};
use crate::data::augment::Pipeline;
use crate::data::fixtures::{cut, folder, plan, shapes};
use crate::data::stream::StreamKey;
use crate::data::{DataError, Images, UNLABELLED};
use crate::experiment::augment::Operation;
use crate::experiment::objective::Part;
use crate::experiment::plan::{DataPlan, ValidPlan};
use crate::experiment::spec::{NormalizeSpec, SamplerSpec, Source};
use crate::untrusted::Show as _;

const OPERATIONS: [Operation; 3] = [
    Operation::HorizontalFlip,
    Operation::PadCrop(2),
    Operation::GaussianNoise(0.1),
];

fn request(epoch: u32, index: u32) -> BatchRequest {
    BatchRequest {
        epoch,
        index,
        probabilities: vec![0.0, 0.5, 1.0],
        parts: Vec::new(),
    }
}

fn loader(images: &Images, workers: usize) -> Loader {
    Loader::new(
        images,
        &OPERATIONS,
        8,
        0.6,
        (7, SamplerSpec::Shuffle),
        workers,
    )
}

fn mixed() -> DataPlan {
    DataPlan {
        unlabelled: Some((shapes(11, 9), 0.6)),
        ..plan(shapes(60, 1))
    }
}

fn all(loader: &Loader, epochs: u32) -> Vec<Batch> {
    (0..epochs)
        .flat_map(|e| (0..loader.batches_per_epoch()).map(move |i| request(e, i)))
        .map(|r| loader.batch(&r).unwrap())
        .collect()
}

#[test]
fn batches_are_the_same_bits_with_any_number_of_threads() {
    let images = Images::open(&mixed(), 7).unwrap();
    let one = all(&loader(&images, 1), 2);
    assert_eq!(one, all(&loader(&images, 4), 2));
    assert!(one.len() > 10);
}

#[test]
fn batches_are_the_same_bits_when_made_ahead() {
    let images = Images::open(&mixed(), 7).unwrap();
    let ahead = loader(&images, 2);
    let mut batches = Vec::new();
    for index in 0..ahead.batches_per_epoch() {
        let batch = ahead.batch(&request(0, index)).unwrap();
        ahead.prefetch(request(0, index + 1));
        batches.push(batch);
    }
    assert_eq!(batches, all(&loader(&images, 2), 1));
}

#[test]
fn a_batch_made_ahead_with_other_probabilities_is_made_anew() {
    let images = Images::open(&mixed(), 7).unwrap();
    let loader = loader(&images, 1);
    let mut other = request(0, 1);
    other.probabilities = vec![1.0; 3];
    loader.prefetch(other);
    loader.prefetch(request(0, 2));
    let batch = loader.batch(&request(0, 1)).unwrap();
    assert_eq!(batch, loader.batch(&request(0, 1)).unwrap());
}

#[test]
fn images_kept_in_memory_and_images_read_again_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(Source::ImageFolder(folder(dir.path(), &["a", "b"], 12)));
    plan.size = Some((5, 5));
    let kept = Images::open(&plan, 7).unwrap();
    plan.memory = 0;
    let read = Images::open(&plan, 7).unwrap();
    assert!(kept.train.in_memory() && !read.train.in_memory());
    assert_eq!(kept.normalization(), read.normalization());
    assert_eq!(all(&loader(&kept, 2), 2), all(&loader(&read, 2), 2));
}

#[test]
fn labelled_images_come_first_with_their_labels() {
    let images = Images::open(&mixed(), 7).unwrap();
    let batch = loader(&images, 2).batch(&request(0, 0)).unwrap();
    assert_eq!(batch.size, (5, 8));
    assert_eq!(batch.labels.len(), 5);
    for (&sample, &label) in batch.samples.iter().zip(&batch.labels) {
        assert_eq!(images.train.label(sample as usize), Some(label));
    }
    assert!(batch.samples[5..].iter().all(|&s| s >= UNLABELLED));
    assert!(batch.samples[..5].iter().all(|&s| s < UNLABELLED));
}

#[test]
fn views_of_halves_show_each_image_once_as_a_view_of_all_shows_it() {
    let images = Images::open(&mixed(), 7).unwrap();
    let loader = loader(&images, 2);
    let whole = BatchRequest {
        probabilities: vec![0.5; 2],
        ..request(0, 1)
    };
    let halves = BatchRequest {
        parts: [1, 0].map(|first| Part { first, of: 2 }).to_vec(),
        ..whole.clone()
    };
    let (whole, halves) = (
        loader.batch(&whole).unwrap(),
        loader.batch(&halves).unwrap(),
    );
    assert_eq!(halves.places, [[1, 3, 5, 7], [0, 2, 4, 6]]);
    assert_eq!(
        (halves.size, &halves.samples, &halves.labels),
        (whole.size, &whole.samples, &whole.labels)
    );
    // Five of the eight are labelled.
    let labels = &whole.labels;
    assert_eq!(halves.labels_of(0), [labels[1], labels[3]]);
    assert_eq!(halves.labels_of(1), [labels[0], labels[2], labels[4]]);
    let length = whole.views[0].len() / 8;
    for view in 0..2 {
        let shown = halves.views[view].chunks_exact(length);
        for (shown, &place) in shown.zip(&halves.places[view]) {
            assert_eq!(shown, &whole.views[view][place * length..][..length]);
        }
        let flags = halves.places[view].iter();
        let flags: Vec<bool> = flags.map(|&place| whole.untouched[view][place]).collect();
        assert_eq!(halves.untouched[view], flags);
    }
}

#[test]
fn images_of_a_half_are_mixed_with_those_of_the_same_half() {
    let images = Images::open(&plan(shapes(60, 1)), 7).unwrap();
    let operations = [Operation::MixUp(1.0)];
    let loader = Loader::new(&images, &operations, 8, 0.0, (7, SamplerSpec::Shuffle), 2);
    let batch = BatchRequest {
        probabilities: vec![1.0; 2],
        parts: [1, 0].map(|first| Part { first, of: 2 }).to_vec(),
        ..request(0, 0)
    };
    let batch = loader.batch(&batch).unwrap();
    for view in 0..2 {
        let others: Vec<u32> = batch.mixed[view].iter().map(|it| it.other).collect();
        let mut expected = batch.labels_of(view);
        expected.rotate_right(1);
        assert_eq!(others, expected);
    }
}

#[test]
fn a_view_without_augmentation_is_the_normalised_image() {
    let images = Images::open(&mixed(), 7).unwrap();
    let batch = loader(&images, 2).batch(&request(0, 0)).unwrap();
    let image = images.train.pixels(batch.samples[0] as usize).unwrap();
    let [_, green, _] = image.get_pixel(3, 2).0;
    let value = (f32::from(green) / 255.0 - images.mean[1]) / images.std[1];
    assert_eq!(batch.views[0][256 + 2 * 16 + 3], value);
    assert_eq!(batch.views[0].len(), 8 * 3 * 256);
    assert_ne!(batch.views[0], batch.views[2]);
}

#[test]
fn training_without_labels_has_none_in_its_batches() {
    let dir = tempfile::tempdir().unwrap();
    let flat = dir.path().join("flat");
    folder(&flat, &["."], 10);
    let labelled = folder(&dir.path().join("valid"), &["a", "b"], 2);
    let images = Images::open(
        &DataPlan {
            valid: ValidPlan::Set(Source::ImageFolder(labelled)),
            ..plan(Source::ImageFolder(flat))
        },
        7,
    )
    .unwrap();
    assert!(!images.train.is_labelled());
    assert_eq!(images.classes, ["a", "b"]);
    let batch = loader(&images, 2).batch(&request(0, 0)).unwrap();
    assert_eq!(batch.size, (0, 8));
    assert!(batch.labels.is_empty());
    assert_eq!(images.summary().train_per_class, [0, 0]);
}

fn streamed(dir: &std::path::Path, max_bad: f64) -> Images {
    streamed_without(dir, &[], max_bad)
}

/// The same of which these were never whole: their headers are.
fn streamed_without(dir: &std::path::Path, bad: &[&str], max_bad: f64) -> Images {
    folder(dir, &["a", "b"], 20);
    for name in bad {
        cut(&dir.join(name), 60);
    }
    Images::open(&streamed_plan(dir, max_bad), 7).unwrap()
}

fn streamed_plan(dir: &std::path::Path, max_bad: f64) -> DataPlan {
    DataPlan {
        memory: 0,
        max_bad,
        // Measuring them would read them all.
        normalize: NormalizeSpec::Given {
            mean: [0.5; 3],
            std: [0.25; 3],
        },
        ..plan(Source::ImageFolder(dir.to_owned()))
    }
}

#[test]
fn an_image_that_is_bad_below_its_header_is_stood_in_for_by_its_class_and_reported_once() {
    let dir = tempfile::tempdir().unwrap();
    let images = streamed_without(dir.path(), &["a/000.png"], 0.1);
    let lost = dir.path().join("a/000.png");
    let loader = loader(&images, 2);
    let batches = all(&loader, 2);
    assert_eq!(batches, all(&loader, 2));
    let warnings = images.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].path, lost);
    assert!(images.warnings().is_empty());
    let again = Images::open(&streamed_plan(dir.path(), 0.1), 7).unwrap();
    assert_eq!(batches, all(&self::loader(&again, 1), 2));

    let at = (0..images.train.len()).find(|at| images.train.name(*at) == lost);
    let at = at.unwrap();
    let neighbour = images.train.usable(at + 1).unwrap().0;
    assert_eq!(images.train.usable(at).unwrap(), (neighbour, true));
}

#[test]
fn more_bad_images_than_tolerated_stop_training_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let bad: Vec<String> = (0..20).map(|at| format!("a/{at:03}.png")).collect();
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    let images = streamed_without(dir.path(), &bad, 0.1);
    let loader = loader(&images, 2);
    let result = (0..4).try_for_each(|i| loader.batch(&request(0, i)).map(drop));
    assert!(matches!(
        result,
        // The other worker may have found more by then.
        Err(DataError::WentBad {
            bad: 5..,
            total: 40,
            ..
        })
    ));
    let images = streamed_without(dir.path(), &bad, 0.9);
    let error = images.train.usable(0).unwrap_err().to_string();
    assert!(
        error.starts_with("data.train: none of the images of the class of "),
        "{error}"
    );
    assert!(!error.contains("max_bad"), "{error}");
}

#[test]
fn an_image_that_is_missing_cut_or_replaced_since_stops_training_however_many_may_be_bad() {
    use std::path::Path;
    let swapped = |path: &Path| {
        fs::rename(path, path.with_extension("old")).unwrap();
        fs::write(path, "another").unwrap();
    };
    let piped = |path: &Path| {
        fs::remove_file(path).unwrap();
        crate::untrusted::testing::make_pipe(path);
    };
    for (change, what) in [
        (
            &(|path: &Path| fs::remove_file(path).unwrap()) as &dyn Fn(&Path),
            "it is no longer there",
        ),
        (&piped, "it is no longer there"),
        (&|path| cut(path, 60), "its content is not what it was"),
        (&|path| cut(path, 20), "its content is not what it was"),
        (&swapped, "its content is not what it was"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let images = streamed(dir.path(), 1.0);
        let _ = images.identity(&BTreeMap::new());
        change(&images.train.name(0));
        let error = images.train.usable(0).unwrap_err().to_string();
        assert!(
            error.contains("was changed while the run trains"),
            "{error}"
        );
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn an_image_that_was_changed_stops_training_however_many_may_be_bad() {
    let dir = tempfile::tempdir().unwrap();
    let images = streamed(dir.path(), 1.0);
    let loader = loader(&images, 2);
    all(&loader, 1);
    for index in 0..images.train.len() {
        let name = images.train.name(index);
        let bytes = fs::read(&name).unwrap();
        // The same bytes and another time: what they were before nobody has read.
        fs::write(&name, bytes).unwrap();
        let file = fs::File::options().write(true).open(&name).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
    }
    let error = loader.batch(&request(1, 0)).unwrap_err().to_string();
    assert!(error.starts_with("data.train: "), "{error}");
    assert!(
        error.contains("was changed while the run trains"),
        "{error}"
    );
    assert!(
        error.contains("restore it and resume, or start a new run"),
        "{error}"
    );
}

#[test]
fn other_pixels_under_an_old_time_stop_training_and_the_same_under_any_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let images = streamed(dir.path(), 1.0);
    // As at the start of a run.
    let _ = images.identity(&BTreeMap::new());
    let loader = loader(&images, 2);
    let before = loader.batch(&request(0, 0)).unwrap().views;
    let names: Vec<_> = (0..images.train.len())
        .map(|index| images.train.name(index))
        .collect();
    let touch = |name: &PathBuf| {
        let file = fs::File::options().write(true).open(name).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    };
    let copy = |name: &PathBuf| {
        let old = name.with_extension("old");
        fs::rename(name, &old).unwrap();
        fs::copy(old, name).unwrap();
    };
    let link = |name: &PathBuf| fs::hard_link(name, name.with_extension("kept")).unwrap();
    for change in [&touch as &dyn Fn(&PathBuf), &copy, &link] {
        names.iter().for_each(change);
        assert_eq!(loader.batch(&request(0, 0)).unwrap().views, before);
    }
    for name in &names {
        let made = fs::metadata(name).unwrap().modified().unwrap();
        let mut bytes = fs::read(name).unwrap();
        let last = bytes.len() - 20;
        bytes[last] ^= 1;
        fs::write(name, bytes).unwrap();
        let file = fs::File::options().write(true).open(name).unwrap();
        file.set_modified(made).unwrap();
    }
    let error = loader.batch(&request(1, 0)).unwrap_err().to_string();
    assert!(
        error.contains("was changed while the run trains"),
        "{error}"
    );
}

#[test]
fn files_that_are_known_by_their_trace_are_read_again_where_one_was_touched() {
    let dir = tempfile::tempdir().unwrap();
    let known = streamed(dir.path(), 1.0).identity(&BTreeMap::new());
    // A resume: nothing of the files is read but what they are decoded from.
    let resumed = || {
        let images = streamed_plan(dir.path(), 1.0);
        let images = Images::open(&images, 7).unwrap();
        assert_eq!(images.identity(&known), known);
        images
    };
    let (images, other) = (resumed(), resumed());
    let name = images.train.name(0);
    let bytes = fs::read(&name).unwrap();
    fs::write(&name, &bytes).unwrap();
    assert!(images.train.usable(0).is_ok());
    let mut changed = bytes;
    let last = changed.len() - 20;
    changed[last] ^= 1;
    fs::write(&name, changed).unwrap();
    for images in [&images, &other] {
        let error = images.train.usable(0).unwrap_err().to_string();
        assert!(error.contains(&name.shown().to_string()), "{error}");
        assert!(
            error.contains("was changed while the run trains"),
            "{error}"
        );
    }
}

#[test]
fn a_file_of_records_that_was_changed_stops_training() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("batch.bin");
    let record = |number: u8| [vec![number % 10], vec![number; 3072]].concat();
    let bytes: Vec<u8> = (0..40).flat_map(record).collect();
    fs::write(&path, &bytes).unwrap();
    let made = fs::metadata(&path).unwrap().modified().unwrap();
    let source = Source::Cifar10(vec![path.clone()]);
    let streamed = DataPlan {
        memory: 0,
        max_bad: 1.0,
        ..plan(source)
    };
    let images = Images::open(&streamed, 7).unwrap();
    let loader = loader(&images, 2);
    all(&loader, 1);
    fs::write(&path, &bytes).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(made + std::time::Duration::from_secs(1))
        .unwrap();
    let error = loader.batch(&request(1, 0)).unwrap_err().to_string();
    assert!(error.contains("batch.bin#"), "{error}");
    assert!(
        error.contains("was changed while the run trains"),
        "{error}"
    );
    // Its records are known by their hashes once they were read for them.
    let images = Images::open(&streamed, 7).unwrap();
    let _ = images.identity(&BTreeMap::new());
    file.set_modified(made).unwrap();
    assert!((0..images.train.len()).all(|index| images.train.usable(index).is_ok()));
    let mut changed = bytes;
    for byte in &mut changed {
        *byte ^= 1;
    }
    fs::write(&path, changed).unwrap();
    let error = images.train.usable(0).unwrap_err().to_string();
    assert!(error.contains("its content is not what it was"), "{error}");
}

#[test]
fn a_batch_beyond_the_epoch_is_an_error() {
    let images = Images::open(&mixed(), 7).unwrap();
    let loader = loader(&images, 1);
    let beyond = request(0, loader.batches_per_epoch());
    loader.prefetch(beyond.clone());
    assert!(matches!(
        loader.batch(&beyond),
        Err(DataError::NoSuchBatch { .. })
    ));
}

#[test]
fn every_epoch_takes_different_images_to_different_places() {
    let images = Images::open(&plan(shapes(60, 1)), 7).unwrap();
    let loader = loader(&images, 2);
    let order = |e| {
        (0..loader.batches_per_epoch())
            .flat_map(|i| loader.batch(&request(e, i)).unwrap().samples)
            .collect::<Vec<_>>()
    };
    let first = order(0);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
    assert_ne!(first, order(1));
}

#[test]
fn mixed_images_are_those_before_them_with_a_share_of_both_labels() {
    let images = Images::open(&mixed(), 7).unwrap();
    let operations: Vec<Operation> = OPERATIONS
        .into_iter()
        .chain([Operation::MixUp(1.0), Operation::CutMix(1.0)])
        .collect();
    let loader = |operations: &[Operation], workers| {
        let order = (7, SamplerSpec::Shuffle);
        Loader::new(&images, operations, 8, 0.6, order, workers)
    };
    let (mixing, plain) = (loader(&operations, 2), loader(&OPERATIONS, 1));
    assert_eq!(all(&mixing, 2), all(&loader(&operations, 1), 2));
    let (mut of_labelled, mut twice) = (0, 0);
    for index in 0..mixing.batches_per_epoch() {
        let (batch, before) = (
            mixing.batch(&request(1, index)).unwrap(),
            plain.batch(&request(1, index)).unwrap(),
        );
        let (labelled, count) = batch.size;
        assert!(batch.mixed[0].is_empty() && batch.views[0] == before.views[0]);
        assert!(before.mixed.iter().all(Vec::is_empty));
        for view in [1, 2] {
            let length = batch.views[view].len() / count;
            for image in 0..count {
                let first = if image < labelled { 0 } else { labelled };
                let last = if image < labelled { labelled } else { count };
                let partner = if image == first { last - 1 } else { image - 1 };
                let values = |batch: &Batch, image: usize| {
                    batch.views[view][image * length..][..length].to_vec()
                };
                if image >= labelled {
                    // Those without labels keep to themselves, too.
                    let (own, other) = (values(&before, image), values(&before, partner));
                    for ((value, own), other) in values(&batch, image).iter().zip(own).zip(other) {
                        let (low, high) = (own.min(other) - 1e-5, own.max(other) + 1e-5);
                        assert!((low..=high).contains(value));
                    }
                    continue;
                }
                // What is drawn is a function of the image and its view.
                let key = StreamKey {
                    seed: 7,
                    epoch: 1,
                    sample: batch.samples[image],
                    view: view as u32,
                };
                let probability = request(1, index).probabilities[view];
                let (height, width) = images.size;
                let mut pixels = images.train.pixels(batch.samples[image] as usize).unwrap();
                let applied = Pipeline::new(&operations).apply(&mut pixels, probability, &key);
                let (mut expected, other) = (values(&before, image), values(&before, partner));
                let mut own = 1.0;
                for one in &applied.mixing {
                    one.mix_values(&mut expected, &other, (width, height));
                    own *= one.own_share((width, height));
                }
                assert_eq!(values(&batch, image), expected);
                assert_eq!(batch.untouched[view][image], !applied.changed);
                let label = batch.mixed[view].get(image).copied();
                let label = label.unwrap_or(super::MixedLabel {
                    own: 1.0,
                    other: batch.labels[partner],
                });
                assert_eq!((label.own, label.other), (own, batch.labels[partner]));
                of_labelled += usize::from(!applied.mixing.is_empty());
                twice += usize::from(applied.mixing.len() == 2);
            }
        }
    }
    assert!(of_labelled > 20 && twice > 10, "{of_labelled}, {twice}");
}

#[test]
fn every_operation_gives_the_same_batch_on_any_threads_and_ahead() {
    let images = Images::open(&mixed(), 7).unwrap();
    for written in [
        "RandomErasing()",
        "RandomErasing(value: Noise)",
        "RandAugment()",
        "RandAugment(steer: Magnitude)",
        "AutoAugment(ImageNet)",
        "AutoAugment(Svhn)",
        "AugMix()",
        "TrivialAugment",
    ] {
        let operations: [Operation; 1] = [ron::from_str(written).unwrap()];
        let loader = |workers| {
            let order = (7, SamplerSpec::Shuffle);
            Loader::new(&images, &operations, 8, 0.6, order, workers)
        };
        let (one, other) = (loader(1), loader(4));
        other.prefetch(request(0, 1));
        let (ahead, now) = (other.batch(&request(0, 1)), one.batch(&request(0, 1)));
        let (ahead, now) = (ahead.unwrap(), now.unwrap());
        assert_eq!(ahead, now, "{written}");
        assert_ne!(now.views[0], now.views[2], "{written}");
    }
}
