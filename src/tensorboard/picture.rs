//! Pictures as PNG: those of a probe, and a confusion matrix as a heat map.

use std::io;

use crate::event::inspection::Picture;
use crate::format::png;

/// Pixels that a heat map's side has at most, where its cells need not be smaller than
/// one.
const SIDE: usize = 512;

/// Pixels of the largest cells.
const LARGEST_CELL: usize = 48;

/// Pixels from which on a cell has a line around it.
const LINED_CELL: usize = 8;

/// None and all of a row's images.
const NONE: [u8; 3] = [255, 255, 255];
const ALL: [u8; 3] = [8, 48, 107];

/// Lines, and rows without images.
const LINE: [u8; 3] = [208, 208, 208];

/// An encoded picture.
pub(super) struct Png {
    pub width: u32,
    pub height: u32,
    pub bytes: Vec<u8>,
}

impl Png {
    /// Of a picture.
    pub(super) fn of(picture: &Picture) -> io::Result<Self> {
        let (width, height) = (picture.width, picture.height);
        Ok(Self {
            width,
            height,
            bytes: png(width, height, &picture.rgb)?,
        })
    }
}

/// A matrix of counts `[label][prediction]`, each row as shares of its images; none of
/// a matrix without images.
pub(super) fn heat_map(confusion: &[Vec<u32>]) -> Option<Picture> {
    let classes = confusion.len();
    let totals = confusion.iter();
    let totals = totals.map(|row| row.iter().copied().map(u64::from).sum());
    let totals: Vec<u64> = totals.collect();
    if totals.iter().all(|&images| images == 0) || confusion.iter().any(|r| r.len() != classes) {
        return None;
    }
    let cell = (SIDE / classes).clamp(1, LARGEST_CELL);
    let line = usize::from(cell >= LINED_CELL);
    // A line before each cell, and one behind the last.
    let side = classes * cell + line;
    let mut rgb = LINE.repeat(side * side);
    for (label, row) in confusion
        .iter()
        .enumerate()
        .filter(|(at, _)| totals[*at] > 0)
    {
        for (prediction, &count) in row.iter().enumerate() {
            let colour = shade(f64::from(count) / totals[label] as f64);
            for y in label * cell + line..(label + 1) * cell {
                let begin = y * side + prediction * cell + line;
                let pixels = &mut rgb[3 * begin..3 * (begin + cell - line)];
                pixels.copy_from_slice(&colour.repeat(cell - line));
            }
        }
    }
    Some(Picture {
        width: side as u32,
        height: side as u32,
        rgb,
    })
}

fn shade(share: f64) -> [u8; 3] {
    let mix = |at: usize| {
        let (none, all) = (f64::from(NONE[at]), f64::from(ALL[at]));
        (none + share * (all - none)).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
        let begin = 3 * (y * picture.width as usize + x);
        picture.rgb[begin..begin + 3].try_into().unwrap()
    }

    #[test]
    fn a_cell_is_as_dark_as_its_share_of_the_row() {
        let drawn = heat_map(&[vec![4, 0, 0], vec![1, 1, 0], vec![0, 0, 0]]).unwrap();
        let side = 3 * LARGEST_CELL + 1;
        assert_eq!((drawn.width, drawn.height), (side as u32, side as u32));
        let cell = |row: usize, column: usize| {
            let centre = |at: usize| at * LARGEST_CELL + LARGEST_CELL / 2;
            pixel(&drawn, centre(column), centre(row))
        };
        assert_eq!([cell(0, 0), cell(0, 1)], [ALL, NONE]);
        assert_eq!([cell(1, 0), cell(1, 1)], [[132, 152, 181]; 2]);
        assert_eq!(cell(2, 0), LINE, "a class without images has no shares");
        assert_eq!(pixel(&drawn, 0, 5), LINE);
        assert_eq!(pixel(&drawn, side - 1, 5), LINE);
    }

    #[test]
    fn a_thousand_classes_have_a_pixel_each_and_no_images_no_picture() {
        let mut confusion = vec![vec![0; 1000]; 1000];
        assert_eq!(heat_map(&confusion), None);
        assert_eq!(heat_map(&[]), None);
        confusion[999][0] = 7;
        let drawn = heat_map(&confusion).unwrap();
        assert_eq!((drawn.width, drawn.height), (1000, 1000));
        assert_eq!(pixel(&drawn, 0, 999), ALL);
        assert_eq!(pixel(&drawn, 1, 999), NONE);
    }

    #[test]
    fn a_picture_reads_back_as_it_was() {
        let picture = Picture {
            width: 2,
            height: 1,
            rgb: vec![1, 2, 3, 250, 251, 252],
        };
        let png = Png::of(&picture).unwrap();
        let read = image::load_from_memory(&png.bytes).unwrap().into_rgb8();
        assert_eq!(read.dimensions(), (png.width, png.height));
        assert_eq!(read.into_raw(), picture.rgb);
    }
}
