use std::io::Write as _;

use super::*;
use crate::engine::weights::Array;
use crate::engine::weights::fixtures::{Archive, saved, state_dict};

const NEEDED: u64 = 1000;

fn file(bytes: &[u8]) -> (File, u64) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    (file, bytes.len() as u64)
}

fn checked(bytes: &[u8]) -> Result<(), Fault> {
    let (file, length) = file(bytes);
    check(&file, length, NEEDED)
}

fn weights() -> Vec<u8> {
    saved(&state_dict(&[Array::floats("a", vec![2], vec![1.0, 2.0])]))
}

#[test]
fn an_archive_that_pytorch_wrote_passes() {
    assert_eq!(checked(&weights()), Ok(()));
}

#[test]
fn an_archive_that_was_cut_off_is_named_at_every_length() {
    let whole = weights();
    for length in 4..whole.len() {
        assert_eq!(
            checked(&whole[..length]),
            Err(Fault::CutArchive),
            "{length}"
        );
    }
    let mut longer = whole;
    longer.extend(vec![0; 100_000]);
    assert_eq!(checked(&longer), Err(Fault::CutArchive));
}

#[test]
fn no_damage_to_one_byte_panics() {
    let whole = weights();
    for at in 0..whole.len() {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            _ = checked(&damaged);
        }
    }
}

#[test]
fn archives_of_other_things_are_named() {
    let with = |names: &[&str]| {
        let mut archive = Archive::default();
        for name in names {
            archive.stored(name, b"x");
        }
        checked(&archive.finish())
    };
    let script = with(&["net/data.pkl", "net/code/__torch__.py", "net/constants.pkl"]);
    assert_eq!(script, Err(Fault::TorchScript));
    let exported = with(&["net/archive_format", "net/data/sample_inputs/model.pt"]);
    assert_eq!(exported, Err(Fault::Exported));
    let packed = with(&["readme.txt", "a/resnet18.pth"]);
    assert_eq!(packed, Err(Fault::Packed("a/resnet18.pth".to_owned())));
    let arrays = with(&["weight.npy"]);
    assert_eq!(
        arrays,
        Err(Fault::OtherFormat("an archive of NumPy's arrays"))
    );
    let document = with(&["[Content_Types].xml"]);
    let first = "`[Content_Types].xml`".to_owned();
    assert_eq!(document, Err(Fault::OtherArchive(first)));
    let nothing = with(&[]);
    assert_eq!(
        nothing,
        Err(Fault::OtherArchive("nothing in it".to_owned()))
    );
}

#[test]
fn a_part_that_unpacks_to_more_than_is_of_use_is_refused_unread() {
    let mut archive = Archive::default();
    archive.packed("a/data.pkl", &vec![b'N'; 5 << 20]);
    let bomb = archive.finish();
    assert!(bomb.len() < 10_000);
    assert!(matches!(
        checked(&bomb),
        Err(Fault::TooLong { what: "its pickle", bytes, .. }) if bytes == 5 << 20
    ));
    let mut archive = Archive::default();
    archive.stored("a/data.pkl", b"\x80\x02}.");
    archive.packed("a/data/0", &vec![0; 8 << 20]);
    let Err(Fault::TooLong { what, .. }) = checked(&archive.finish()) else {
        panic!("the part was not refused");
    };
    assert_eq!(what, "a part of the archive");
}

#[test]
fn an_archive_longer_than_four_gigabytes_is_found_by_its_long_end() {
    // The short end says that the long one knows.
    let whole = weights();
    let end = whole.len() - END;
    let (size, start) = u32_at(&whole, end + 12)
        .zip(u32_at(&whole, end + 16))
        .unwrap();
    let mut long = whole[..end].to_vec();
    long.extend(b"PK\x06\x06");
    long.extend(44_u64.to_le_bytes());
    long.extend([0; 12]);
    long.extend([0; 16]);
    long.extend(u64::from(size).to_le_bytes());
    long.extend(u64::from(start).to_le_bytes());
    long.extend(b"PK\x06\x07\0\0\0\0");
    long.extend((end as u64).to_le_bytes());
    long.extend(1_u32.to_le_bytes());
    let mut short = whole[end..].to_vec();
    short[12..20].fill(0xff);
    long.extend(short);
    assert_eq!(checked(&long), Ok(()));
}
