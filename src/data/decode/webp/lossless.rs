//! How many groups of prefix codes a lossless WebP image is coded with.
//!
//! Each group becomes tables of about a hundred kilobytes in the decoder and may
//! take some tens of bytes of the file, so their number must be known before it
//! begins. It is the greatest value in a picture within the file that says which
//! group codes which part of the image; to come to it, the pictures before it
//! are decoded too. They have a sixteenth of the image's pixels at most.

use super::prefix::{Bits, Code};

/// Symbols of a code of green: values, lengths of copies; the cache's come on top.
const GREEN: usize = 256 + 24;

/// Symbols of a code of distances.
const DISTANCES: usize = 40;

/// Where pixels are that short codes of distances mean, as columns to the left
/// and rows above.
const NEAR: [(isize, isize); 120] = [
    (0, 1),
    (1, 0),
    (1, 1),
    (-1, 1),
    (0, 2),
    (2, 0),
    (1, 2),
    (-1, 2),
    (2, 1),
    (-2, 1),
    (2, 2),
    (-2, 2),
    (0, 3),
    (3, 0),
    (1, 3),
    (-1, 3),
    (3, 1),
    (-3, 1),
    (2, 3),
    (-2, 3),
    (3, 2),
    (-3, 2),
    (0, 4),
    (4, 0),
    (1, 4),
    (-1, 4),
    (4, 1),
    (-4, 1),
    (3, 3),
    (-3, 3),
    (2, 4),
    (-2, 4),
    (4, 2),
    (-4, 2),
    (0, 5),
    (3, 4),
    (-3, 4),
    (4, 3),
    (-4, 3),
    (5, 0),
    (1, 5),
    (-1, 5),
    (5, 1),
    (-5, 1),
    (2, 5),
    (-2, 5),
    (5, 2),
    (-5, 2),
    (4, 4),
    (-4, 4),
    (3, 5),
    (-3, 5),
    (5, 3),
    (-5, 3),
    (0, 6),
    (6, 0),
    (1, 6),
    (-1, 6),
    (6, 1),
    (-6, 1),
    (2, 6),
    (-2, 6),
    (6, 2),
    (-6, 2),
    (4, 5),
    (-4, 5),
    (5, 4),
    (-5, 4),
    (3, 6),
    (-3, 6),
    (6, 3),
    (-6, 3),
    (0, 7),
    (7, 0),
    (1, 7),
    (-1, 7),
    (5, 5),
    (-5, 5),
    (7, 1),
    (-7, 1),
    (4, 6),
    (-4, 6),
    (6, 4),
    (-6, 4),
    (2, 7),
    (-2, 7),
    (7, 2),
    (-7, 2),
    (3, 7),
    (-3, 7),
    (7, 3),
    (-7, 3),
    (5, 6),
    (-5, 6),
    (6, 5),
    (-6, 5),
    (8, 0),
    (4, 7),
    (-4, 7),
    (7, 4),
    (-7, 4),
    (8, 1),
    (8, 2),
    (6, 6),
    (-6, 6),
    (8, 3),
    (5, 7),
    (-5, 7),
    (7, 5),
    (-7, 5),
    (8, 4),
    (6, 7),
    (-6, 7),
    (7, 6),
    (-7, 6),
    (8, 5),
    (7, 7),
    (-7, 7),
    (8, 6),
    (8, 7),
];

/// The number of groups of an image of this size, behind its header; none if the
/// stream makes no sense.
pub(super) fn groups(stream: &[u8], mut width: usize, height: usize) -> Option<u64> {
    let bits = &mut Bits::new(stream);
    let mut seen = [false; 4];
    while bits.flag()? {
        let kind = bits.read(2)?;
        if std::mem::replace(&mut seen[kind], true) {
            return None;
        }
        match kind {
            0 | 1 => {
                let shift = bits.read(3)? + 2;
                picture(bits, shrunk(width, shift), shrunk(height, shift))?;
            }
            2 => {}
            _ => {
                let colors = bits.read(8)? + 1;
                picture(bits, colors, 1)?;
                let shift = match colors {
                    1..=2 => 3,
                    3..=4 => 2,
                    5..=16 => 1,
                    _ => 0,
                };
                width = shrunk(width, shift);
            }
        }
    }
    cache_bits(bits)?;
    if !bits.flag()? {
        return Some(1);
    }
    let shift = bits.read(3)? + 2;
    let choice = picture(bits, shrunk(width, shift), shrunk(height, shift))?;
    let greatest = choice
        .iter()
        .map(|[red, green, ..]| u16::from_be_bytes([*red, *green]));
    Some(u64::from(greatest.max()?) + 1)
}

/// Colours that were seen last, by a hash of each.
struct Cache {
    bits: usize,
    colors: Vec<[u8; 4]>,
}

impl Cache {
    fn keep(&mut self, pixel: [u8; 4]) {
        if self.bits > 0 {
            let [red, green, blue, opacity] = pixel;
            let number = u32::from_be_bytes([opacity, red, green, blue]);
            let hash = number.wrapping_mul(0x1E35_A7BD) >> (32 - self.bits);
            self.colors[hash as usize] = pixel;
        }
    }
}

/// A side of a picture of which each pixel stands for a square.
fn shrunk(side: usize, shift: usize) -> usize {
    side.div_ceil(1 << shift)
}

/// Bits of an index into the cache of colours; 0 without one.
fn cache_bits(bits: &mut Bits) -> Option<usize> {
    if !bits.flag()? {
        return Some(0);
    }
    let count = bits.read(4)?;
    (1..=11).contains(&count).then_some(count)
}

/// Decodes a picture within the file: red, green, blue and opacity.
fn picture(bits: &mut Bits, width: usize, height: usize) -> Option<Vec<[u8; 4]>> {
    let cache_bits = cache_bits(bits)?;
    let cached = if cache_bits > 0 { 1 << cache_bits } else { 0 };
    let green = Code::read(bits, GREEN + cached)?;
    let [red, blue, opacity] = [(); 3].map(|()| Code::read(bits, 256));
    let (red, blue, opacity) = (red?, blue?, opacity?);
    let distances = Code::read(bits, DISTANCES)?;
    let count = width * height;
    let mut pixels: Vec<[u8; 4]> = Vec::with_capacity(count);
    let mut cache = Cache {
        bits: cache_bits,
        colors: vec![[0; 4]; cached],
    };
    while pixels.len() < count {
        match green.symbol(bits)? {
            value @ ..256 => {
                let pixel = [
                    red.symbol(bits)? as u8,
                    value as u8,
                    blue.symbol(bits)? as u8,
                    opacity.symbol(bits)? as u8,
                ];
                cache.keep(pixel);
                pixels.push(pixel);
            }
            symbol @ ..GREEN => {
                let length = number(bits, symbol - 256)?;
                let symbol = distances.symbol(bits)?;
                let distance = distance(number(bits, symbol)?, width);
                let start = pixels.len().checked_sub(distance)?;
                if pixels.len() + length > count {
                    return None;
                }
                for at in start..start + length {
                    let pixel = pixels[at];
                    cache.keep(pixel);
                    pixels.push(pixel);
                }
            }
            symbol => {
                let pixel = *cache.colors.get(symbol - GREEN)?;
                cache.keep(pixel);
                pixels.push(pixel);
            }
        }
    }
    Some(pixels)
}

/// A length or distance, of which the symbol says the highest bits.
fn number(bits: &mut Bits, symbol: usize) -> Option<usize> {
    if symbol < 4 {
        return Some(symbol + 1);
    }
    let extra = (symbol - 2) / 2;
    let offset = (2 + symbol % 2) << extra;
    Some(offset + bits.read(extra)? + 1)
}

/// How many pixels back a distance means.
fn distance(code: usize, width: usize) -> usize {
    let Some((left, above)) = NEAR.get(code - 1) else {
        return code - NEAR.len();
    };
    let distance = left + above * width.cast_signed();
    usize::try_from(distance).unwrap_or(0).max(1)
}
