//! Files that say that they are larger than they are, or hold more than it seems.

use std::fs;

use image::ImageFormat;

use super::ImageError;
use super::tests::{PLENTY, decode, dimensions, encode, read};
use crate::data::fixtures::picture;

#[test]
fn what_takes_more_memory_than_there_is_is_refused_from_its_header() {
    // Of each kind 26 million pixels, and 64 MiB of memory for all of them.
    for (bytes, limit) in [(b"GIF89a".to_vec(), 26_000_000), (Vec::new(), 26_000_000)] {
        let bytes = if bytes.is_empty() {
            let mut bmp = encode(&picture(0, (1, 1)).into(), ImageFormat::Bmp);
            bmp[18..22].copy_from_slice(&5000i32.to_le_bytes());
            bmp[22..26].copy_from_slice(&5100i32.to_le_bytes());
            bmp
        } else {
            let mut gif = bytes;
            gif.extend([0x88, 0x13, 0xEC, 0x13, 0, 0, 0, 0x2C]);
            gif.extend([0; 20]);
            gif
        };
        let error = decode(&bytes, limit).unwrap_err();
        let ImageError::TooMuchMemory {
            width,
            bytes,
            limit,
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert!(width == 5000 && bytes > 100_000_000 && limit == 64 << 20);
    }
}

#[test]
fn a_profile_that_unpacks_to_gigabytes_is_never_unpacked() {
    let plain = encode(&picture(1, (5, 4)).into(), ImageFormat::Png);
    let packed = zlib(&vec![0; 64 << 20]);
    let mut bytes = plain[..33].to_vec();
    for (kind, start) in [
        (b"iCCP", &b"p\0\0"[..]),
        (b"zTXt", b"t\0\0"),
        (b"iTXt", b"t\0\x01\0\0\0"),
    ] {
        bytes.extend(chunk(*kind, &[start, &packed].concat()));
    }
    bytes.extend(&plain[33..]);
    assert_eq!(decode(&bytes, PLENTY).unwrap(), picture(1, (5, 4)));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("profile.png");
    fs::write(&path, bytes).unwrap();
    assert_eq!(dimensions(&path, PLENTY).unwrap(), (4, 5));
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// A chunk of a PNG with its check sum.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(&kind);
    crc.update(data);
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(data);
    chunk.extend(crc.sum().to_be_bytes());
    chunk
}

#[test]
fn a_palette_and_interlaced_rows_are_read() {
    for interlaced in [0, 1] {
        // 3 × 1 pixels of two bits, of which the passes of Adam7 see one each.
        let mut header = vec![0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 0, 0, interlaced];
        let rows: &[u8] = if interlaced == 1 {
            // Pass 1 has the first pixel, pass 4 the third, pass 6 the second.
            &[0, 0b0000_0000, 0, 0b1000_0000, 0, 0b0100_0000]
        } else {
            &[0, 0b0001_1000]
        };
        let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
        bytes.extend(chunk(*b"IHDR", &std::mem::take(&mut header)));
        bytes.extend(chunk(*b"PLTE", &[255, 0, 0, 0, 255, 0, 0, 0, 255]));
        bytes.extend(chunk(*b"tRNS", &[255, 0]));
        bytes.extend(chunk(*b"IDAT", &zlib(rows)));
        let image = decode(&bytes, PLENTY).unwrap();
        // The second colour is transparent.
        assert_eq!(image.as_raw()[..], [255, 0, 0, 255, 255, 255, 0, 0, 255]);
    }
}

#[test]
fn a_bomb_is_refused_from_its_header() {
    // A valid header of 50,000 × 50,000 pixels and next to no data.
    let mut bytes = encode(&picture(0, (1, 1)).into(), ImageFormat::Bmp);
    bytes[18..22].copy_from_slice(&50_000i32.to_le_bytes());
    bytes[22..26].copy_from_slice(&50_000i32.to_le_bytes());
    let error = ImageError::TooManyPixels {
        width: 50_000,
        height: 50_000,
        limit: PLENTY,
    };
    assert_eq!(decode(&bytes, PLENTY), Err(error.clone()));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb.bmp");
    fs::write(&path, bytes).unwrap();
    assert_eq!(dimensions(&path, PLENTY), Err(error));
}

#[test]
fn an_implausibly_long_file_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.png");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(read(&path, 1000), Err(ImageError::TooLong { .. })));
}

#[test]
fn long_metadata_does_not_hide_the_header() {
    let plain = encode(&picture(1, (5, 4)).into(), ImageFormat::Jpeg);
    let mut bytes = plain[..2].to_vec();
    for _ in 0..3 {
        bytes.extend([0xFF, 0xE2, 0xFF, 0xFF]);
        bytes.extend(vec![0; 0xFFFF - 2]);
    }
    bytes.extend(&plain[2..]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("profile.jpg");
    fs::write(&path, bytes).unwrap();
    assert_eq!(dimensions(&path, PLENTY).unwrap(), (4, 5));
}
