use std::fs;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use super::{ImageError, decode, dimensions, read};
use crate::data::fixtures::{cut, picture, save};

const PLENTY: u64 = 1_000_000;

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    image
        .write_to(&mut Cursor::new(&mut bytes), format)
        .unwrap();
    bytes
}

/// A JPEG with the EXIF orientation put in right after its first marker.
fn turned_jpeg(image: &RgbImage, orientation: Orientation) -> Vec<u8> {
    let plain = encode(&image.clone().into(), ImageFormat::Jpeg);
    let mut tiff = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0, 0]);
    let mut bytes = plain[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend((tiff.len() as u16 + 2).to_be_bytes());
    bytes.extend(tiff);
    bytes.extend(&plain[2..]);
    bytes
}

#[test]
fn lossless_formats_keep_every_bit() {
    let image = picture(5, (6, 9));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        let bytes = encode(&image.clone().into(), format);
        assert_eq!(decode(&bytes, PLENTY).unwrap(), image, "{format:?}");
    }
}

#[test]
fn lossy_formats_come_close() {
    let image = RgbImage::from_pixel(20, 10, Rgb([40, 90, 200]));
    let jpeg = encode(&image.clone().into(), ImageFormat::Jpeg);
    let gif = encode(
        &DynamicImage::from(image.clone()).into_rgba8().into(),
        ImageFormat::Gif,
    );
    for bytes in [jpeg, gif] {
        let decoded = decode(&bytes, PLENTY).unwrap();
        assert_eq!(decoded.dimensions(), (20, 10));
        let close = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 4;
        assert!(decoded.iter().zip(image.iter()).all(close));
    }
}

#[test]
fn an_animation_gives_its_first_frame() {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for colour in [[255, 0, 0, 255], [0, 0, 255, 255]] {
        let frame = RgbaImage::from_pixel(4, 4, Rgba(colour));
        encoder.encode_frame(image::Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let decoded = decode(&bytes, PLENTY).unwrap();
    assert_eq!(decoded.get_pixel(2, 2).0, [255, 0, 0]);
}

#[test]
fn the_content_tells_the_format_and_the_name_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("really_a_png.jpg");
    fs::write(&path, encode(&picture(1, (3, 4)).into(), ImageFormat::Png)).unwrap();
    assert_eq!(read(&path, PLENTY).unwrap(), picture(1, (3, 4)));
    assert_eq!(dimensions(&path, PLENTY).unwrap(), (4, 3));
}

#[test]
fn grey_becomes_three_equal_channels() {
    let grey = image::GrayImage::from_pixel(2, 2, image::Luma([77]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let decoded = decode(&encode(&grey.clone().into(), format), PLENTY).unwrap();
        assert!(decoded.pixels().all(|p| p.0 == [77; 3]));
    }
}

#[test]
fn sixteen_bits_are_rounded_to_eight() {
    let deep = image::ImageBuffer::from_pixel(1, 1, Rgb([0u16, 257 * 100 + 200, 65535]));
    let bytes = encode(&DynamicImage::ImageRgb16(deep), ImageFormat::Png);
    assert_eq!(
        decode(&bytes, PLENTY).unwrap().get_pixel(0, 0).0,
        [0, 101, 255]
    );
}

#[test]
fn what_is_transparent_is_laid_on_white() {
    let mut layered = RgbaImage::new(3, 1);
    layered.put_pixel(0, 0, Rgba([10, 20, 30, 255]));
    layered.put_pixel(1, 0, Rgba([10, 20, 30, 0]));
    layered.put_pixel(2, 0, Rgba([0, 100, 255, 51]));
    let decoded = decode(&encode(&layered.into(), ImageFormat::Png), PLENTY).unwrap();
    assert_eq!(decoded.as_raw()[..6], [10, 20, 30, 255, 255, 255]);
    // A fifth of the colour, four fifths of white.
    assert_eq!(decoded.as_raw()[6..], [204, 224, 255]);
}

#[test]
fn a_photograph_is_turned_as_its_camera_says() {
    let mut image = RgbImage::from_pixel(32, 16, Rgb([0; 3]));
    for (x, y) in (0..8).flat_map(|x| (0..8).map(move |y| (x, y))) {
        image.put_pixel(x, y, Rgb([255; 3]));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turned.jpg");
    // The white corner is at the top left before; where it is after.
    for (orientation, size, corner) in [
        (Orientation::NoTransforms, (32, 16), (2, 2)),
        (Orientation::FlipHorizontal, (32, 16), (29, 2)),
        (Orientation::Rotate180, (32, 16), (29, 13)),
        (Orientation::Rotate90, (16, 32), (13, 2)),
        (Orientation::Rotate270, (16, 32), (2, 29)),
    ] {
        fs::write(&path, turned_jpeg(&image, orientation)).unwrap();
        let decoded = read(&path, PLENTY).unwrap();
        assert_eq!(decoded.dimensions(), size, "{orientation:?}");
        assert_eq!(dimensions(&path, PLENTY).unwrap(), size);
        assert!(
            decoded.get_pixel(corner.0, corner.1).0[0] > 200,
            "{orientation:?}"
        );
    }
}

#[test]
fn cut_off_files_of_every_format_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    for ending in ["png", "bmp", "webp", "jpg", "gif"] {
        let path = dir.path().join(format!("half.{ending}"));
        // Noise, so that half of the file is half of the pixels.
        let mut state = 1u32;
        RgbImage::from_fn(64, 64, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [_, a, b, c] = state.to_le_bytes();
            Rgb([a, b, c])
        })
        .save(&path)
        .unwrap();
        assert!(read(&path, PLENTY).is_ok(), "{ending}");
        cut(&path, fs::metadata(&path).unwrap().len() as usize / 2);
        assert!(read(&path, PLENTY).is_err(), "{ending}");
    }
}

#[test]
fn every_prefix_and_every_flipped_byte_is_decoded_or_refused_without_a_panic() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Bmp,
    ] {
        let image = DynamicImage::from(picture(3, (9, 7))).into_rgba8();
        let image = match format {
            ImageFormat::Jpeg => picture(3, (9, 7)).into(),
            _ => DynamicImage::from(image),
        };
        let bytes = encode(&image, format);
        for at in 0..bytes.len() {
            let _ = decode(&bytes[..at], 1000);
            let mut flipped = bytes.clone();
            flipped[at] ^= 0xFF;
            let _ = decode(&flipped, 1000);
        }
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

#[test]
fn things_that_are_no_images_are_told_apart() {
    let tell = |bytes: &[u8]| decode(bytes, PLENTY).unwrap_err();
    assert_eq!(tell(b""), ImageError::Empty);
    assert_eq!(tell(b"hello, world"), ImageError::NotAnImage);
    assert_eq!(tell(b"II*\0\x08\0\0\0"), ImageError::Unsupported("TIFF"));
    assert_eq!(
        tell(b"\0\0\0\x18ftypheic\0\0"),
        ImageError::Unsupported("HEIC")
    );
    assert_eq!(tell(b"<svg xmlns="), ImageError::Unsupported("SVG"));
}

#[test]
fn a_folder_or_nothing_is_no_image() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path(), PLENTY), Err(ImageError::NotAFile));
    assert_eq!(
        read(&dir.path().join("gone.png"), PLENTY),
        Err(ImageError::Unreadable("does not exist".to_owned()))
    );
}

#[test]
fn what_fixtures_save_is_what_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b.png");
    save(&path, 9, (4, 6));
    assert_eq!(read(&path, PLENTY).unwrap(), picture(9, (4, 6)));
}
