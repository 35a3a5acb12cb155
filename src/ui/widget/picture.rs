//! A small picture, drawn in cells.
//!
//! A cell is about twice as high as wide, so that it holds two square pixels:
//! `▀` in the upper one's colour on the lower one's. Terminals with few colours
//! or none get letters by brightness instead.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::event::inspection::Picture;
use crate::ui::theme::{Background, Theme};

/// Letters from the least to the most ink.
const RAMP: &[u8] = b" .:-=+*#%@";

/// Samples a side that a pixel of the screen is averaged over at most, so that
/// drawing takes as long as the screen is large and not the picture.
const SAMPLES: u32 = 4;

/// Width and height of a cell of two square pixels.
pub const TWO_PIXELS: (u16, u16) = (1, 2);

/// The cells, each of a width and height in pixels, that a picture takes with
/// its sides in proportion: as large as `area` allows, at its upper left corner.
///
/// ```text
/// ▀▀▀▀▀▀
/// ▀▀▀▀▀▀
/// ▀▀▀▀▀▀
/// ```
#[must_use]
pub fn fit(picture: &Picture, area: Rect, cell: (u16, u16)) -> Rect {
    let nothing = Rect::new(area.x, area.y, 0, 0);
    if area.is_empty() || picture.width == 0 || picture.height == 0 {
        return nothing;
    }
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let cell = (f64::from(cell.0.max(1)), f64::from(cell.1.max(1)));
    let scale =
        (f64::from(area.width) * cell.0 / width).min(f64::from(area.height) * cell.1 / height);
    let columns = (width * scale / cell.0).round().max(1.0) as u16;
    let rows = (height * scale / cell.1).round().max(1.0) as u16;
    Rect::new(
        area.x,
        area.y,
        columns.min(area.width),
        rows.min(area.height),
    )
}

/// Draws a picture in half blocks as large as `area` allows.
pub fn draw(picture: &Picture, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let place = fit(picture, area.intersection(buffer.area), TWO_PIXELS);
    draw_at(picture, theme, buffer, place);
}

/// Draws a picture in half blocks into all of `place`. One whose pixels are not
/// all there is a field of question marks.
pub fn draw_at(picture: &Picture, theme: &Theme, buffer: &mut Buffer, place: Rect) {
    let place = place.intersection(buffer.area);
    if !is_whole(picture) {
        for position in place.positions() {
            buffer[position].set_symbol("?").set_style(theme.muted());
        }
        return;
    }
    let grid = (u32::from(place.width), u32::from(place.height) * 2);
    for position in place.positions() {
        let (column, row) = (
            u32::from(position.x - place.x),
            u32::from(position.y - place.y) * 2,
        );
        let upper = pixel(picture, (column, row), grid);
        let lower = pixel(picture, (column, row + 1), grid);
        let cell = &mut buffer[position];
        let colour = |[red, green, blue]: [u8; 3]| theme.rgb((red, green, blue));
        if let (Some(upper), Some(lower)) = (colour(upper), colour(lower)) {
            cell.set_symbol("▀")
                .set_style(Style::new().fg(upper).bg(lower));
        } else {
            let light = u16::midpoint(brightness(upper), brightness(lower));
            cell.set_char(letter(light, theme.background()));
        }
    }
}

/// The same picture with neither side longer than `most` pixels.
#[must_use]
pub fn shrunk(picture: Picture, most: u32) -> Picture {
    let longest = picture.width.max(picture.height);
    if longest <= most || !is_whole(&picture) {
        return picture;
    }
    let side = |length: u32| {
        let scaled = u64::from(length) * u64::from(most) / u64::from(longest);
        (scaled as u32).max(1)
    };
    let (width, height) = (side(picture.width), side(picture.height));
    match scaled(&picture, width, height) {
        Some(rgb) => Picture { width, height, rgb },
        None => picture,
    }
}

/// The pixels of a picture in another size, three bytes each; none if not all
/// of its own are there. One that grows shows its pixels as squares: they are
/// what a model sees.
#[must_use]
pub fn scaled(picture: &Picture, width: u32, height: u32) -> Option<Vec<u8>> {
    if !is_whole(picture) {
        return None;
    }
    let length = width as usize * 3;
    let mut rgb = Vec::with_capacity(length * height as usize);
    let mut before = None;
    for row in 0..height {
        let under = span(row, height, picture.height);
        // One that grows repeats most of its rows.
        if before.replace(under) == Some(under) {
            rgb.extend_from_within(rgb.len() - length..);
            continue;
        }
        for column in 0..width {
            rgb.extend(pixel(picture, (column, row), (width, height)));
        }
    }
    Some(rgb)
}

fn is_whole(picture: &Picture) -> bool {
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    pixels > 0 && picture.rgb.len() as u64 >= pixels * 3
}

/// The colour of one pixel of a grid laid over a whole picture: the mean of
/// what is under it.
fn pixel(picture: &Picture, at: (u32, u32), grid: (u32, u32)) -> [u8; 3] {
    let under = |at: u32, count: u32, length: u32| {
        let (from, to) = span(at, count, length);
        (from..to).step_by((to - from).div_ceil(SAMPLES) as usize)
    };
    let mut sums = [0_u32; 3];
    let mut count = 0;
    for y in under(at.1, grid.1, picture.height) {
        for x in under(at.0, grid.0, picture.width) {
            let start = (y as usize * picture.width as usize + x as usize) * 3;
            for (sum, value) in sums.iter_mut().zip(&picture.rgb[start..start + 3]) {
                *sum += u32::from(*value);
            }
            count += 1;
        }
    }
    sums.map(|sum| (sum / count.max(1)) as u8)
}

/// The pixels of `length` that are under one of `count`: the first, and the first
/// behind them.
fn span(at: u32, count: u32, length: u32) -> (u32, u32) {
    let edge = |at: u32| (u64::from(at) * u64::from(length) / u64::from(count)) as u32;
    let from = edge(at).min(length - 1);
    (from, edge(at + 1).clamp(from + 1, length))
}

/// Luminance after Rec. 709, from 0 to 255.
fn brightness([red, green, blue]: [u8; 3]) -> u16 {
    let sum = 2126 * u32::from(red) + 7152 * u32::from(green) + 722 * u32::from(blue);
    (sum / 10_000) as u16
}

/// Ink is light on a dark background and dark on a light one.
fn letter(light: u16, background: Background) -> char {
    let last = RAMP.len() - 1;
    let ink = (usize::from(light) * last + 127) / 255;
    let at = match background {
        Background::Dark => ink,
        Background::Light => last - ink.min(last),
    };
    char::from(RAMP[at.min(last)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color;

    use crate::ui::theme::{Depth, Palette};

    fn theme(depth: Depth) -> Theme {
        Theme::new(Background::Dark, Palette::Standard, depth)
    }

    /// Left half white, right half black.
    fn halves(width: u32, height: u32) -> Picture {
        let row = (0..width).flat_map(|x| [if x < width / 2 { 255 } else { 0 }; 3]);
        let row: Vec<u8> = row.collect();
        Picture {
            width,
            height,
            rgb: row.repeat(height as usize),
        }
    }

    fn drawn(picture: &Picture, theme: &Theme, (width, height): (u16, u16)) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(picture, theme, &mut buffer, area);
        buffer
    }

    #[test]
    fn a_square_picture_takes_twice_as_many_columns_as_rows() {
        let area = Rect::new(3, 2, 30, 8);
        assert_eq!(
            fit(&halves(32, 32), area, TWO_PIXELS),
            Rect::new(3, 2, 16, 8)
        );
        assert_eq!(
            fit(&halves(64, 16), area, TWO_PIXELS),
            Rect::new(3, 2, 30, 4)
        );
        assert_eq!(fit(&halves(32, 32), area, (8, 20)), Rect::new(3, 2, 20, 8));
        assert!(fit(&halves(0, 7), area, TWO_PIXELS).is_empty());
        assert!(fit(&halves(7, 7), Rect::default(), TWO_PIXELS).is_empty());
    }

    #[test]
    fn every_cell_shows_two_pixels_in_their_own_colours() {
        let picture = Picture {
            width: 1,
            height: 2,
            rgb: vec![255, 0, 0, 0, 0, 255],
        };
        let buffer = drawn(&picture, &theme(Depth::True), (1, 1));
        let cell = &buffer[(0, 0)];
        assert_eq!(cell.symbol(), "▀");
        assert_eq!(cell.fg, Color::Rgb(255, 0, 0));
        assert_eq!(cell.bg, Color::Rgb(0, 0, 255));
    }

    #[test]
    fn without_colours_brightness_becomes_letters() {
        let buffer = drawn(&halves(32, 32), &theme(Depth::None), (8, 4));
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        }
        assert_eq!(buffer[(0, 0)].symbol(), "@");
        assert_eq!(buffer[(7, 3)].symbol(), " ");
        let light = Theme::new(Background::Light, Palette::Standard, Depth::Sixteen);
        assert_eq!(drawn(&halves(32, 32), &light, (8, 4))[(0, 0)].symbol(), " ");
    }

    #[test]
    fn a_picture_that_is_not_all_there_is_questioned() {
        let mut picture = halves(8, 8);
        picture.rgb.truncate(20);
        assert_eq!(
            drawn(&picture, &theme(Depth::True), (4, 2))[(0, 0)].symbol(),
            "?"
        );
        assert_eq!(shrunk(picture.clone(), 2), picture);
    }

    #[test]
    fn a_picture_shrinks_in_proportion_and_a_small_one_stays() {
        let small = shrunk(halves(400, 200), 20);
        assert_eq!((small.width, small.height), (20, 10));
        assert_eq!(small.rgb.len(), 600);
        assert_eq!((small.rgb[0], small.rgb[57]), (255, 0));
        assert_eq!(shrunk(halves(8, 4), 20), halves(8, 4));
    }
}
