//! Whatever image files hold, decoding them takes less than half a gigabyte, with
//! several threads at it. What the process had before does not count: libtorch's
//! libraries alone are as much.
//!
//! Alone in its process: the greatest memory that it ever took is what is looked
//! at.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{Rgb, RgbImage};
use workbench::data::Images;
use workbench::experiment::plan::{DataPlan, ValidPlan};
use workbench::experiment::spec::{ClassOrder, NormalizeSpec, Source};

/// Bytes that this process took at most so far.
fn peak() -> u64 {
    memory("VmHWM:")
}

/// What it has now, bytes.
fn resident() -> u64 {
    memory("VmRSS:")
}

fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
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

/// So many zeros, packed without ever being there at once.
fn packed_zeros(mut count: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    while count > 0 {
        let part = count.min(zeros.len());
        encoder.write_all(&zeros[..part]).unwrap();
        count -= part;
    }
    encoder.finish().unwrap()
}

/// A black PNG of 16 bits and four channels, with a profile in front of it.
fn deep_png(side: u32, profile: &[u8]) -> Vec<u8> {
    let mut header = side.to_be_bytes().to_vec();
    header.extend(side.to_be_bytes());
    header.extend([16, 6, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    bytes.extend(chunk(*b"IHDR", &header));
    bytes.extend(chunk(*b"iCCP", &[b"profile\0\0", profile].concat()));
    let rows = side as usize * (side as usize * 8 + 1);
    bytes.extend(chunk(*b"IDAT", &packed_zeros(rows)));
    bytes
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures");
    fs::read(folder.join(name)).unwrap()
}

/// A JPEG that says that it has other sides, and has next to no pixels.
fn vast_jpeg(name: &str, width: u16, height: u16) -> Vec<u8> {
    let mut bytes = fixture(name);
    let frame = |pair: &[u8]| pair[0] == 0xFF && (0xC0..=0xC2).contains(&pair[1]);
    let at = bytes.windows(2).position(frame).unwrap();
    bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

fn vast_gif(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let small = image::DynamicImage::from(RgbImage::new(8, 8)).into_rgba8();
    image::codecs::gif::GifEncoder::new(&mut bytes)
        .encode_frame(image::Frame::new(small))
        .unwrap();
    bytes[6..8].copy_from_slice(&width.to_le_bytes());
    bytes[8..10].copy_from_slice(&height.to_le_bytes());
    bytes
}

fn save(root: &Path, name: &str, bytes: &[u8]) {
    fs::write(root.join(name), bytes).unwrap();
}

#[test]
fn images_of_hundreds_of_megapixels_take_less_than_half_a_gigabyte() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let profile = packed_zeros(600 << 20);
    for class in ["a", "b"] {
        fs::create_dir(root.join(class)).unwrap();
        let folder = root.join(class);
        for number in 0..2 {
            RgbImage::from_pixel(16, 16, Rgb([number, 9, 200]))
                .save(folder.join(format!("good{number}.png")))
                .unwrap();
        }
        save(&folder, "deep.png", &deep_png(3600, &profile));
        save(
            &folder,
            "deeper.png",
            &deep_png(10_200, &profile)[..1_000_000],
        );
        save(
            &folder,
            "progressive.jpg",
            &vast_jpeg("progressive.jpg", 8000, 6000),
        );
        save(
            &folder,
            "baseline.jpg",
            &vast_jpeg("baseline-420.jpg", 10_000, 11_000),
        );
        save(&folder, "screen.gif", &vast_gif(5000, 4000));
        // Nothing but a header and a hole.
        let mut bitmap = Vec::new();
        image::codecs::bmp::BmpEncoder::new(&mut bitmap)
            .encode(&[0; 3], 1, 1, image::ExtendedColorType::Rgb8)
            .unwrap();
        bitmap[18..22].copy_from_slice(&7000_i32.to_le_bytes());
        bitmap[22..26].copy_from_slice(&7000_i32.to_le_bytes());
        save(&folder, "hole.bmp", &bitmap);
        let file = fs::File::options()
            .write(true)
            .open(folder.join("hole.bmp"));
        file.unwrap().set_len(54 + 7000 * 7000 * 3).unwrap();
    }
    let before = resident();
    let plan = DataPlan {
        train: Source::ImageFolder(root.to_owned()),
        valid: ValidPlan::Holdout(0.25),
        test: None,
        unlabelled: None,
        size: Some((16, 16)),
        normalize: NormalizeSpec::Measure,
        order: ClassOrder::Bytes,
        max_bad: 1.0,
        max_pixels: 178_956_970,
        memory: 1 << 30,
        workers: Some(8),
    };
    let images = Images::open(&plan, 7).unwrap();
    let taken = peak() - before;
    assert!(
        taken < 512 << 20,
        "{} MB, and {} before",
        taken >> 20,
        before >> 20
    );
    // It is not that all of them were refused: the JPEGs were decoded to the end of their
    // data, which is all of a cut one, too.
    let read = images.train.len() + images.valid.len();
    assert!(read >= 4 + 2 * 3, "{:?}", images.skipped);
}
