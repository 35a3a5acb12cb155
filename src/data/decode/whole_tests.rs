//! Images of which a part is missing, or to which something was added.

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::{Decoder, ImageError};
use crate::data::fixtures::picture;

/// Files of every format, and of every kind of JPEG and WebP.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let dir = tempfile::tempdir().unwrap();
    for ending in ["png", "bmp", "gif", "webp", "jpg"] {
        let path = dir.path().join(format!("made.{ending}"));
        picture(3, (25, 30)).save(&path).unwrap();
        files.push((format!("made.{ending}"), fs::read(path).unwrap()));
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures");
    let mut paths: Vec<PathBuf> = fs::read_dir(fixtures)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        files.push((name, fs::read(path).unwrap()));
    }
    assert!(files.len() > 10);
    files
}

fn jpegs() -> Vec<(String, Vec<u8>)> {
    let mut files = files();
    files.retain(|(name, _)| name.ends_with("jpg"));
    files
}

struct Bench {
    file: tempfile::NamedTempFile,
    decoder: Decoder,
}

impl Bench {
    fn new() -> Self {
        Self {
            file: tempfile::NamedTempFile::new().unwrap(),
            decoder: Decoder::new(100_000),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<RgbImage, ImageError> {
        fs::write(self.file.path(), bytes).unwrap();
        let decoded = self.decoder.read(self.file.path())?;
        Ok(decoded.into_image())
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_has_all_of_its_pixels_or_is_refused() {
    let bench = Bench::new();
    for (name, bytes) in files() {
        let whole = bench.decode(&bytes).unwrap();
        for length in 0..bytes.len() {
            if let Ok(image) = bench.decode(&bytes[..length]) {
                assert!(
                    image == whole,
                    "{name} of {length} bytes of {}",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn a_file_whose_end_was_never_written_but_made_room_for_is_refused() {
    let bench = Bench::new();
    for (name, bytes) in files() {
        // Raw pixels of zero are black, and WebP has no check sums.
        if name.ends_with("bmp") || name.ends_with("webp") {
            continue;
        }
        let whole = bench.decode(&bytes).unwrap();
        for length in (0..bytes.len() - 8).step_by(7) {
            for added in [0, 1, 5000] {
                let mut zeroed = bytes[..length].to_vec();
                zeroed.resize(bytes.len() + added, 0);
                if let Ok(image) = bench.decode(&zeroed) {
                    assert!(image == whole, "{name} of {length} bytes and zeros");
                }
            }
        }
    }
}

/// Where the data of the first scan of a JPEG begins, and that of the last one ends.
fn data(bytes: &[u8]) -> (usize, usize) {
    let scan = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]);
    let scan = scan.unwrap();
    (
        scan + 2 + usize::from(bytes[scan + 3]),
        bytes.len() - END.len(),
    )
}

const END: [u8; 2] = [0xFF, 0xD9];

#[test]
fn a_jpeg_that_is_cut_off_before_its_end_mark_is_refused() {
    let bench = Bench::new();
    for (name, bytes) in jpegs() {
        let (start, end) = data(&bytes);
        for length in (start..end - 8).step_by(3) {
            let cut = [&bytes[..length], &END].concat();
            assert!(bench.decode(&cut).is_err(), "{name} of {length} bytes");
        }
    }
}

#[test]
fn a_jpeg_with_a_hole_in_its_data_is_refused() {
    let bench = Bench::new();
    for (name, bytes) in jpegs() {
        let (start, end) = data(&bytes);
        let (from, to) = (start + (end - start) / 3, start + (end - start) / 2);
        let mut zeros = bytes.clone();
        zeros[from..to].fill(0);
        assert!(bench.decode(&zeros).is_err(), "{name} with zeros");
        let mut half = bytes.clone();
        half[to..end].fill(0);
        assert!(bench.decode(&half).is_err(), "{name} with half of zeros");
        let removed = [&bytes[..from], &bytes[to..]].concat();
        assert!(bench.decode(&removed).is_err(), "{name} with less");
        let doubled = [&bytes[..to], &bytes[from..]].concat();
        assert!(bench.decode(&doubled).is_err(), "{name} with more");
    }
}

#[test]
fn a_jpeg_whose_data_ends_early_says_so() {
    let bench = Bench::new();
    for (name, bytes) in jpegs() {
        if !name.contains("baseline") {
            continue;
        }
        let (start, end) = data(&bytes);
        let half = usize::midpoint(start, end);
        let marked = [&bytes[..half], &END].concat();
        let error = bench.decode(&marked).unwrap_err();
        assert_eq!(
            error.to_string(),
            "is damaged: its data ends before the last pixels"
        );
        let longer = [&bytes[..end], &bytes[end - 60..]].concat();
        let error = bench.decode(&longer).unwrap_err();
        assert_eq!(
            error.to_string(),
            "is damaged: it has more data than pixels"
        );
    }
}

#[test]
fn a_jpeg_that_is_filled_up_before_its_end_mark_is_read() {
    let bench = Bench::new();
    for (name, bytes) in jpegs() {
        let whole = bench.decode(&bytes).unwrap();
        for filling in [vec![0; 40], vec![0xFF; 9]] {
            let filled = [&bytes[..bytes.len() - 2], &filling, &END].concat();
            assert!(bench.decode(&filled).as_ref() == Ok(&whole), "{name}");
        }
    }
}

#[test]
fn a_progressive_jpeg_that_lacks_scans_is_refused() {
    let bench = Bench::new();
    for (name, bytes) in jpegs() {
        let scans = bytes.windows(2).enumerate();
        let scans = scans.filter(|(_, pair)| *pair == [0xFF, 0xDA]);
        for (at, _) in scans.skip(1) {
            let cut = [&bytes[..at], &END].concat();
            assert_eq!(bench.decode(&cut), Err(ImageError::CutOff), "{name}");
        }
    }
}

#[test]
fn a_jpeg_without_its_end_mark_is_read() {
    let bench = Bench::new();
    for (name, bytes) in jpegs() {
        let whole = bench.decode(&bytes).unwrap();
        let unmarked = &bytes[..bytes.len() - 2];
        assert!(bench.decode(unmarked).as_ref() == Ok(&whole), "{name}");
        // The first byte of the mark.
        let half = &bytes[..bytes.len() - 1];
        assert!(bench.decode(half).as_ref() == Ok(&whole), "{name}");
        assert_eq!(
            bench.decode(&bytes[..bytes.len() - 3]),
            Err(ImageError::CutOff),
            "{name}"
        );
    }
}

#[test]
fn whatever_follows_the_end_mark_of_a_jpeg_is_passed_over() {
    let bench = Bench::new();
    let all = jpegs();
    for (name, bytes) in &all {
        let whole = bench.decode(bytes).unwrap();
        let film = [
            b"\0\0\0\x18ftypmp42".to_vec(),
            vec![0xFF, 0xDA, 7, 0xFF, 0xD8, 0],
        ]
        .concat();
        for more in [
            film,
            vec![0; 5000],
            all[0].1.clone(),
            vec![0xFF],
            vec![0xFF, 0xDA],
        ] {
            let longer = [bytes.as_slice(), &more].concat();
            assert!(bench.decode(&longer).as_ref() == Ok(&whole), "{name}");
        }
    }
}

#[test]
fn metadata_of_a_jpeg_change_none_of_its_pixels() {
    let bench = Bench::new();
    for (name, bytes) in jpegs() {
        let whole = bench.decode(&bytes).unwrap();
        let mut longer = bytes[..2].to_vec();
        for (marker, content) in [
            (
                0xE1,
                b"http://ns.adobe.com/xmp/extension/\0 and so on".to_vec(),
            ),
            (0xE2, b"ICC_PROFILE\0\x01\x01 and so on".to_vec()),
            (0xED, b"Photoshop 3.0\0 and so on".to_vec()),
            (0xFE, vec![0xFF; 3000]),
        ] {
            for _ in 0..40 {
                longer.extend([0xFF, marker]);
                longer.extend((content.len() as u16 + 2).to_be_bytes());
                longer.extend(&content);
            }
        }
        longer.extend(&bytes[2..]);
        assert!(bench.decode(&longer).as_ref() == Ok(&whole), "{name}");
    }
}

#[test]
fn a_png_without_its_end_or_with_more_behind_it_is_read() {
    let bench = Bench::new();
    let (_, bytes) = files().swap_remove(0);
    let whole = bench.decode(&bytes).unwrap();
    for missing in 1..=12 {
        let cut = &bytes[..bytes.len() - missing];
        assert!(bench.decode(cut).as_ref() == Ok(&whole), "{missing}");
    }
    assert_eq!(
        bench.decode(&bytes[..bytes.len() - 13]),
        Err(ImageError::CutOff)
    );
    let longer = [bytes.as_slice(), b"appended"].concat();
    assert!(bench.decode(&longer).as_ref() == Ok(&whole));
}

#[test]
fn a_jpeg_with_two_headers_is_refused_wherever_the_second_stands() {
    let bench = Bench::new();
    let (_, bytes) = jpegs().swap_remove(1);
    let header = |marker: u8| {
        bytes
            .windows(2)
            .position(|pair| pair == [0xFF, marker])
            .unwrap()
    };
    let frame = header(0xC0);
    let length = usize::from(bytes[frame + 3]) + 2;
    let mut other = bytes[frame..frame + length].to_vec();
    other[5..9].copy_from_slice(&[0xFF; 4]);
    for at in [frame, header(0xDA), bytes.len() - 2] {
        let mut doubled = bytes.clone();
        doubled.splice(at..at, other.iter().copied());
        assert!(bench.decode(&doubled).is_err(), "{at}");
    }
}

#[test]
fn jpegs_that_cannot_be_decoded_are_reported_by_their_kind() {
    let bench = Bench::new();
    let (_, bytes) = jpegs().swap_remove(1);
    let at = bytes
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    for (marker, name) in [
        (0xC3, "lossless JPEG"),
        (0xC9, "JPEG with arithmetic coding"),
        (0xC5, "hierarchical JPEG"),
    ] {
        let mut other = bytes.clone();
        other[at + 1] = marker;
        assert_eq!(bench.decode(&other), Err(ImageError::Unsupported(name)));
    }
}
