use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use super::{Decoder, ImageError};

/// The pixels of a file.
pub(super) fn read(path: &Path, max_pixels: u64) -> Result<RgbImage, ImageError> {
    Ok(Decoder::new(max_pixels).read(path)?.into_image())
}

pub(super) fn dimensions(path: &Path, max_pixels: u64) -> Result<(u32, u32), ImageError> {
    Decoder::new(max_pixels).dimensions(path)
}

/// The pixels of a file of these bytes.
pub(super) fn decode(bytes: &[u8], max_pixels: u64) -> Result<RgbImage, ImageError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    read(file.path(), max_pixels)
}
use crate::data::fixtures::{cut, picture, save};

pub(super) const PLENTY: u64 = 1_000_000;

pub(super) fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
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
fn the_content_decides_the_format_and_the_name_does_not() {
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
fn pixels_are_those_of_the_image_library() {
    let dir = tempfile::tempdir().unwrap();
    for (name, format) in kinds() {
        let path = dir.path().join(name);
        let wanted = kind(format);
        wanted.save(&path).unwrap();
        let expected = image::open(&path).unwrap();
        let expected = if expected.color().has_alpha() {
            on_white(&expected.into_rgba8())
        } else {
            expected.into_rgb8()
        };
        assert!(read(&path, PLENTY).unwrap() == expected, "{name}");
    }
}

/// Files of every kind of pixel that can be written.
fn kinds() -> Vec<(&'static str, ColorType)> {
    use ColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    vec![
        ("l8.png", L8),
        ("la8.png", La8),
        ("rgb8.png", Rgb8),
        ("rgba8.png", Rgba8),
        ("l16.png", L16),
        ("la16.png", La16),
        ("rgb16.png", Rgb16),
        ("rgba16.png", Rgba16),
        ("l8.jpg", L8),
        ("rgb8.jpg", Rgb8),
        ("rgb8.bmp", Rgb8),
        ("rgba8.bmp", Rgba8),
        ("l8.bmp", L8),
        ("rgb8.webp", Rgb8),
        ("rgba8.webp", Rgba8),
        ("rgba8.gif", Rgba8),
    ]
}

/// 300 × 231 pixels of a kind, every value of 16 bits among them.
fn kind(format: ColorType) -> DynamicImage {
    let deep = image::ImageBuffer::from_fn(300, 231, |x, y| {
        let at = (y * 300 + x) as u16;
        Rgba([
            at,
            at.reverse_bits(),
            at.wrapping_mul(40_503),
            at.swap_bytes(),
        ])
    });
    let deep = DynamicImage::ImageRgba16(deep);
    match format {
        ColorType::L8 => deep.into_luma8().into(),
        ColorType::La8 => deep.into_luma_alpha8().into(),
        ColorType::Rgb8 => deep.into_rgb8().into(),
        ColorType::Rgba8 => deep.into_rgba8().into(),
        ColorType::L16 => deep.into_luma16().into(),
        ColorType::La16 => deep.into_luma_alpha16().into(),
        ColorType::Rgb16 => deep.into_rgb16().into(),
        _ => deep,
    }
}

fn on_white(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0.map(u32::from);
        Rgb([r, g, b].map(|v| ((v * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
    })
}

#[test]
fn formats_that_are_not_read_are_named_by_content_and_else_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let error = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        read(&path, PLENTY).unwrap_err().to_string()
    };
    let message = error("a.jpg", b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 ");
    assert!(
        message.starts_with("is JPEG 2000, which is not supported"),
        "{message}"
    );
    let message = error("a.jxl", b"no such thing");
    assert!(message.starts_with("is named like JPEG XL"), "{message}");
    let message = error("a.avif", b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avifmiaf");
    assert!(
        message.starts_with("is AVIF, which is not supported"),
        "{message}"
    );
    assert_eq!(
        error("a.jpg", b"no such thing"),
        "is not a valid image file"
    );
    assert_eq!(error("a.heic", b""), "is empty");
}

#[test]
fn things_that_are_no_images_are_distinguished() {
    let error = |bytes: &[u8]| decode(bytes, PLENTY).unwrap_err();
    assert_eq!(error(b""), ImageError::Empty);
    assert_eq!(error(b"hello, world"), ImageError::NotAnImage);
    assert_eq!(error(b"II*\0\x08\0\0\0"), ImageError::Unsupported("TIFF"));
    assert_eq!(
        error(b"\0\0\0\x18ftypheic\0\0"),
        ImageError::Unsupported("HEIC")
    );
    assert_eq!(error(b"<svg xmlns="), ImageError::Unsupported("SVG"));
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

#[test]
fn what_was_left_in_place_of_an_image_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jpg");
    for (text, expected) in [
        (
            "version https://git-lfs.github.com/spec/v1\nsize 12\n",
            "is a Git LFS pointer, a short text in place of the image (12 bytes); run `git lfs pull`",
        ),
        ("<!DOCTYPE html><title>Log in", "is an HTML page, such as"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Decoder::new(100).read(&path).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
