//! IDX and CIFAR files that are damaged, exchanged or of another kind.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use insta::assert_snapshot;
use workbench::experiment::plan::ValidPlan;
use workbench::experiment::spec::{IdxFiles, Source};

use crate::{Case, plan};

const MAGIC_IMAGES: u32 = 0x0803;
const MAGIC_LABELS: u32 = 0x0801;

fn big_endian(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

/// Images of 4 × 4 pixels.
fn images(count: u32) -> Vec<u8> {
    let mut bytes = big_endian(&[MAGIC_IMAGES, count, 4, 4]);
    bytes.extend((0..count * 16).map(|i| i as u8));
    bytes
}

/// Labels 0, 1, 0, 1, ...
fn labels(count: u32) -> Vec<u8> {
    let mut bytes = big_endian(&[MAGIC_LABELS, count]);
    bytes.extend((0..count).map(|i| (i % 2) as u8));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    packed(bytes, Compression::fast())
}

fn packed(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(images: impl AsRef<[u8]>, labels: impl AsRef<[u8]>) -> String {
    let case = Case::new();
    let files = IdxFiles {
        images: case.file("images.idx", images),
        labels: case.file("labels.idx", labels),
    };
    case.refused(&plan(Source::Idx(files)))
}

/// Records of one label byte and a grey level of pixels.
fn records(labels: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in labels {
        bytes.push(label);
        bytes.resize(bytes.len() + 3072, label);
    }
    bytes
}

fn cifar_10(bytes: impl AsRef<[u8]>) -> String {
    let case = Case::new();
    let file = case.file("data_batch_1.bin", bytes);
    case.refused(&plan(Source::Cifar10(vec![file])))
}

#[test]
fn idx_file_that_does_not_exist() {
    let case = Case::new();
    let files = IdxFiles {
        images: case.path("images.idx"),
        labels: case.file("labels.idx", labels(4)),
    };
    assert_snapshot!(case.refused(&plan(Source::Idx(files))));
}

#[test]
fn idx_folder_where_a_file_should_be() {
    let case = Case::new();
    fs::create_dir(case.path("mnist")).unwrap();
    let files = IdxFiles {
        images: case.path("mnist"),
        labels: case.file("labels.idx", labels(4)),
    };
    assert_snapshot!(case.refused(&plan(Source::Idx(files))));
}

#[test]
fn idx_images_and_labels_exchanged() {
    assert_snapshot!(idx(labels(4), images(4)));
}

#[test]
fn idx_labels_that_are_a_web_page() {
    assert_snapshot!(idx(images(4), "<html>moved</html>"));
}

#[test]
fn idx_images_of_no_bytes() {
    assert_snapshot!(idx("", labels(4)));
}

#[test]
fn idx_header_that_is_cut_off() {
    assert_snapshot!(idx(&images(4)[..10], labels(4)));
}

#[test]
fn idx_images_that_are_cut_off() {
    assert_snapshot!(idx(&images(4)[..60], labels(4)));
}

#[test]
fn idx_labels_with_bytes_left_over() {
    assert_snapshot!(idx(images(4), [labels(4), vec![0]].concat()));
}

#[test]
fn idx_images_of_another_number_than_labels() {
    assert_snapshot!(idx(images(4), labels(6)));
}

#[test]
fn idx_file_of_no_images() {
    assert_snapshot!(idx(images(0), labels(0)));
}

#[test]
fn idx_images_of_absurd_size() {
    let header = big_endian(&[MAGIC_IMAGES, 4, 1 << 20, 1 << 20]);
    assert_snapshot!(idx(header, labels(4)));
}

#[test]
fn idx_header_that_promises_four_billion_images() {
    let header = big_endian(&[MAGIC_IMAGES, u32::MAX, 4, 4]);
    let truth = [big_endian(&[MAGIC_LABELS, u32::MAX]), vec![0, 1]].concat();
    assert_snapshot!(idx(header, truth));
}

#[test]
fn idx_gzip_of_labels_that_unpacks_to_far_more_than_there_are_images() {
    let truth = [
        big_endian(&[MAGIC_LABELS, 2_000_000_000]),
        vec![0; 50_000_000],
    ]
    .concat();
    assert_snapshot!(idx(images(4), gzip(&truth)));
}

#[test]
fn idx_gzip_of_labels_that_are_more_than_their_header_says() {
    let truth = [big_endian(&[MAGIC_LABELS, 4]), vec![0; 50_000_000]].concat();
    assert_snapshot!(idx(images(4), gzip(&truth)));
}

#[test]
fn idx_gzip_of_images_that_unpack_to_a_thousand_times_its_length() {
    let header = big_endian(&[MAGIC_IMAGES, 100_000, 32, 32]);
    // How tightly a fast level packs depends on the library.
    let pixels = vec![0; 100_000 * 1024];
    let packed = packed(&[header, pixels].concat(), Compression::best());
    let truth = [big_endian(&[MAGIC_LABELS, 100_000]), vec![0; 100_000]].concat();
    assert_snapshot!(idx(packed, truth));
}

#[test]
fn idx_images_larger_than_can_be_held() {
    let header = big_endian(&[MAGIC_IMAGES, 1, 13_000, 13_000]);
    let case = Case::new();
    let files = IdxFiles {
        images: case.file("images.idx", header),
        labels: case.file("labels.idx", labels(1)),
    };
    let mut plan = plan(Source::Idx(files));
    plan.max_pixels = 178_956_970;
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn generated_images_of_a_number_that_no_memory_holds() {
    let case = Case::new();
    let shapes = workbench::experiment::spec::Shapes {
        classes: 4,
        count: u32::MAX,
        size: 32,
        difficulty: 0.5,
        seed: 1,
    };
    assert_snapshot!(case.refused(&plan(Source::Shapes(shapes))));
}

#[test]
fn idx_gzip_that_is_cut_off() {
    let packed = gzip(&images(400));
    assert_snapshot!(idx(&packed[..packed.len() / 2], labels(400)));
}

#[test]
fn idx_gzip_with_a_wrong_checksum() {
    let mut packed = gzip(&images(400));
    let at = packed.len() - 6;
    packed[at] ^= 0xFF;
    assert_snapshot!(idx(packed, labels(400)));
}

#[test]
fn idx_of_one_class() {
    let truth = [big_endian(&[MAGIC_LABELS, 4]), vec![5; 4]].concat();
    assert_snapshot!(idx(images(4), truth));
}

#[test]
fn cifar_batch_that_is_cut_off() {
    assert_snapshot!(cifar_10(&records(0..10)[..20_000]));
}

#[test]
fn cifar_batch_of_no_bytes() {
    assert_snapshot!(cifar_10(""));
}

#[test]
fn cifar_label_that_no_class_has() {
    assert_snapshot!(cifar_10(records([0, 1, 2, 10])));
}

#[test]
fn cifar_100_given_as_cifar_10() {
    let mut bytes = Vec::new();
    for label in 0..4 {
        bytes.push(0);
        bytes.extend(records([label]));
    }
    assert_snapshot!(cifar_10(bytes));
}

#[test]
fn cifar_batch_that_lacks_classes() {
    assert_snapshot!(cifar_10(records([0, 0, 1, 1, 2, 2])));
}

#[test]
fn cifar_gzip_that_is_damaged() {
    let mut packed = gzip(&records(0..10));
    let middle = packed.len() / 2;
    packed[middle..middle + 8].fill(0xFF);
    assert_snapshot!(cifar_10(packed));
}

#[test]
fn cifar_without_any_file() {
    let case = Case::new();
    assert_snapshot!(case.refused(&plan(Source::Cifar100(Vec::new()))));
}

#[test]
fn validation_set_of_another_kind_of_images() {
    let case = Case::new();
    let batch = case.file("data_batch_1.bin", records((0..10).chain(0..10)));
    let mut plan = plan(Source::Cifar10(vec![batch]));
    plan.valid = ValidPlan::Set(Source::Idx(IdxFiles {
        images: case.file("images.idx", images(4)),
        labels: case.file("labels.idx", labels(4)),
    }));
    assert_snapshot!(case.refused(&plan));
}
