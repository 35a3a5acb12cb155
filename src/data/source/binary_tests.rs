//! IDX and CIFAR files, well formed: what is wrong with others is among the
//! broken data of the integration tests.

use std::fs;
use std::path::PathBuf;

use super::super::{Found, cifar, idx};
use crate::data::decode::Decoder;
use crate::data::fixtures::{gzip, idx as idx_files};

const PLENTY: u64 = 1_000_000;

fn write_cifar(path: PathBuf, labels: &[&[u8]], packed: bool) -> PathBuf {
    let mut bytes = Vec::new();
    for (number, label) in labels.iter().enumerate() {
        bytes.extend(*label);
        for plane in 0..3 {
            bytes.extend((0..1024).map(|at| (at / 32 * 7 + at % 32 + plane * 50 + number) as u8));
        }
    }
    fs::write(&path, if packed { gzip(&bytes) } else { bytes }).unwrap();
    path
}

fn pixel(found: &Found, image: usize, x: u32, y: u32) -> [u8; 3] {
    let image = found
        .origin
        .read(image, &Decoder::new(PLENTY), None)
        .unwrap();
    image.into_image().get_pixel(x, y).0
}

#[test]
fn idx_files_give_grey_images_and_classes_by_number_plain_or_packed() {
    for packed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let files = idx_files(dir.path(), &[7, 1, 7, 26], packed);
        let found = idx::find(&files, PLENTY).unwrap();
        assert_eq!(found.classes, ["1", "7", "26"]);
        assert_eq!(found.labels, [1, 0, 1, 2]);
        assert_eq!(
            found.origin.dimensions(0, &Decoder::new(PLENTY)),
            Ok((2, 3))
        );
        // Third image, last row, first column: byte 2 · 6 + 2 · 2.
        assert_eq!(pixel(&found, 2, 0, 2), [48; 3]);
        assert!(found.origin.name(3).to_string_lossy().ends_with("images#3"));
    }
}

#[test]
fn cifar_10_batches_give_planes_in_order_plain_or_packed() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        write_cifar(dir.path().join("1.bin"), &[&[9], &[0]], false),
        write_cifar(dir.path().join("2.bin.gz"), &[&[3]], true),
    ];
    let found = cifar::find(&files, cifar::Kind::Ten).unwrap();
    assert_eq!(found.labels, [9, 0, 3]);
    assert_eq!(found.classes.len(), 10);
    assert_eq!(found.classes[9], "truck");
    // Row 2, column 5 of the second image of the first file: 19 + its number.
    assert_eq!(pixel(&found, 1, 5, 2), [20, 70, 120]);
    assert_eq!(pixel(&found, 2, 5, 2), [19, 69, 119]);
    assert!(found.origin.name(2).ends_with("2.bin.gz#0"));
}

#[test]
fn cifar_100_uses_the_fine_label() {
    let dir = tempfile::tempdir().unwrap();
    let file = write_cifar(dir.path().join("train.bin"), &[&[19, 99], &[3, 0]], false);
    let found = cifar::find(&[file], cifar::Kind::Hundred).unwrap();
    assert_eq!(found.labels, [99, 0]);
    assert_eq!(found.classes.len(), 100);
    assert_eq!((&*found.classes[0], &*found.classes[99]), ("apple", "worm"));
    assert!(found.classes.is_sorted());
    assert_eq!(pixel(&found, 0, 0, 0), [0, 50, 100]);
}

#[test]
fn a_set_cut_short_after_it_was_opened_gives_errors_and_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_cifar(dir.path().join("1.bin"), &[&[9], &[0]], false);
    let found = cifar::find(std::slice::from_ref(&path), cifar::Kind::Ten).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(100)
        .unwrap();
    assert!(found.origin.read(1, &Decoder::new(PLENTY), None).is_err());
}

#[test]
fn a_packed_file_that_is_cut_off_is_distinguished_from_one_with_other_bytes_after_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let files = idx_files(dir.path(), &[3, 7, 3], true);
    let whole = fs::read(&files.images).unwrap();
    let refusal = |bytes: &[u8]| {
        fs::write(&files.images, bytes).unwrap();
        idx::find(&files, PLENTY).unwrap_err().to_string()
    };
    for tail in [&b"x"[..], &[0; 3], &[0; 100]] {
        let error = refusal(&[&whole[..], tail].concat());
        assert!(error.contains("other bytes follow its end"), "{error}");
    }
    for cut in [
        whole[..whole.len() - 3].to_vec(),
        [&whole[..], &whole[..1]].concat(),
    ] {
        assert!(refusal(&cut).contains("it is cut off"), "{}", refusal(&cut));
    }
}
