//! What must be known of a WebP file before its decoder may begin: that its
//! chunks are there, and how much memory its tables take.

mod lossless;
mod prefix;

use crate::data::image_error::ImageError;

/// Bytes that the tables of a group of prefix codes take: for each of five codes
/// one of 1024 numbers, and a tree of the symbols that are too long for it.
const GROUP: u64 = 128 << 10;

/// A part of the file.
struct Chunk<'a> {
    kind: &'a [u8],
    data: &'a [u8],
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |all, &byte| all << 8 | u64::from(byte)),
    )
}

/// Whether a file of this length is as long as it and the chunks among its first
/// bytes say. Its decoder takes what is missing for zeros, and memory for a chunk
/// by the number that says how long it is. The last byte may be one that only
/// fills up.
pub(super) fn fits(bytes: &[u8], length: u64) -> bool {
    let end = number(bytes, 4, 4).unwrap_or(0) + 8;
    let mut at = 12;
    while at + 8 <= end
        && let Some(size) = number(bytes, at as usize + 4, 4)
    {
        if at + 8 + size > length {
            return false;
        }
        at += 8 + size.next_multiple_of(2);
    }
    end <= length + 1
}

/// Whole chunks, one after the other.
fn chunks(mut bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let size = usize::try_from(number(bytes, 4, 4)?).ok()?;
        let chunk = Chunk {
            kind: &bytes[..4],
            data: bytes.get(8..8 + size)?,
        };
        bytes = bytes
            .get(8 + size.next_multiple_of(2)..)
            .unwrap_or_default();
        Some(chunk)
    })
}

/// Bytes of memory that the tables of the prefix codes take.
///
/// # Errors
/// If a part that is coded with them is damaged.
pub(super) fn tables(bytes: &[u8]) -> Result<u64, ImageError> {
    let mut canvas = (0, 0);
    let mut groups = 0;
    for chunk in chunks(bytes.get(12..).unwrap_or_default()) {
        match chunk.kind {
            b"VP8X" => canvas = sides(chunk.data, 4),
            // Of an animation only the first picture is decoded.
            b"ANMF" => {
                let sides = sides(chunk.data, 6);
                for inner in chunks(chunk.data.get(16..).unwrap_or_default()) {
                    groups += groups_of(&inner, sides)?;
                }
                break;
            }
            _ => groups += groups_of(&chunk, canvas)?,
        }
    }
    Ok(groups * GROUP)
}

/// Two sides, each less by one, of three bytes.
fn sides(data: &[u8], at: usize) -> (usize, usize) {
    let side = |at| number(data, at, 3).unwrap_or(0) as usize + 1;
    (side(at), side(at + 3))
}

/// Groups of prefix codes of a chunk in a picture of this size.
fn groups_of(chunk: &Chunk, (width, height): (usize, usize)) -> Result<u64, ImageError> {
    let found = match chunk.kind {
        b"VP8L" => {
            let sides = number(chunk.data, 1, 4).unwrap_or(0) as usize;
            let (width, height) = ((sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1);
            lossless::groups(chunk.data.get(5..).unwrap_or_default(), width, height)
        }
        b"ALPH" if chunk.data.first().is_some_and(|about| about & 3 == 1) => {
            lossless::groups(&chunk.data[1..], width, height)
        }
        _ => return Ok(0),
    };
    found.ok_or_else(|| ImageError::Damaged("its prefix codes are invalid".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;
    use std::path::Path;

    use image::{DynamicImage, ImageFormat, Rgba};

    use super::{GROUP, tables};
    use crate::data::fixtures::picture;

    /// Writes numbers of a few bits.
    #[derive(Default)]
    struct Writer {
        bytes: Vec<u8>,
        bits: usize,
    }

    impl Writer {
        fn put(&mut self, value: usize, count: usize) {
            for at in 0..count {
                if self.bits.is_multiple_of(8) {
                    self.bytes.push(0);
                }
                *self.bytes.last_mut().unwrap() |= ((value >> at & 1) << (self.bits % 8)) as u8;
                self.bits += 1;
            }
        }

        /// A code of one symbol.
        fn single(&mut self, symbol: usize) {
            self.put(0b101, 3);
            self.put(symbol, 8);
        }
    }

    /// A lossless file of 8 × 8 pixels that says that it has so many groups of
    /// codes, with none of them.
    fn grouped(greatest: u16) -> Vec<u8> {
        let mut stream = Writer::default();
        stream.put(0x2F, 8);
        stream.put(7, 14);
        stream.put(7, 14);
        stream.put(0, 4);
        // No transform, no cache, groups of squares of four pixels.
        stream.put(0b100, 3);
        stream.put(0, 3);
        // The picture of the groups: no cache, and every pixel the same.
        stream.put(0, 1);
        let [red, green] = greatest.to_be_bytes();
        for symbol in [green, red, 0, 0, 0] {
            stream.single(usize::from(symbol));
        }
        let mut data = stream.bytes;
        data.resize(data.len().next_multiple_of(2) + 64, 0);
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((data.len() as u32 + 12).to_le_bytes());
        bytes.extend(b"WEBPVP8L");
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn the_number_of_groups_is_the_greatest_in_the_picture_that_says_which() {
        for greatest in [0, 1, 255, 256, 40_000, u16::MAX] {
            let expected = (u64::from(greatest) + 1) * GROUP;
            assert_eq!(tables(&grouped(greatest)), Ok(expected));
        }
    }

    #[test]
    fn what_an_encoder_writes_is_read_to_the_groups() {
        for transparent in [false, true] {
            let mut image = DynamicImage::from(picture(3, (70, 90))).into_rgba8();
            if transparent {
                image.put_pixel(3, 3, Rgba([1, 2, 3, 4]));
            }
            let mut bytes = Vec::new();
            DynamicImage::from(image)
                .write_to(&mut Cursor::new(&mut bytes), ImageFormat::WebP)
                .unwrap();
            assert_eq!(tables(&bytes), Ok(GROUP));
            assert!(tables(&bytes[..60]).is_ok_and(|none| none == 0));
        }
    }

    #[test]
    fn what_libwebp_writes_is_read_to_the_groups() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures");
        for (name, least) in [
            ("lossless.webp", 2),
            ("lossless-few.webp", 1),
            ("lossy-alpha.webp", 1),
            ("lossy.webp", 0),
        ] {
            let bytes = fs::read(fixtures.join(name)).unwrap();
            let groups = tables(&bytes).unwrap() / GROUP;
            assert!((least..100).contains(&groups), "{name}: {groups}");
        }
    }

    #[test]
    fn a_stream_of_nonsense_is_damaged_and_no_panic() {
        let whole = grouped(3);
        let mut state = 1_u32;
        let mut refused = 0;
        for _ in 0..2000 {
            let mut bytes = whole.clone();
            for byte in &mut bytes[25..] {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            refused += u32::from(tables(&bytes).is_err());
        }
        assert!(refused > 1000, "{refused}");
    }
}
