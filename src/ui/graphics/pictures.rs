//! Pictures that were encoded for the terminal, as long as they may be shown.

use std::hash::{DefaultHasher, Hash, Hasher};

use image::{DynamicImage, RgbImage};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::Image;
use ratatui_image::protocol::Protocol as Encoded;
use ratatui_image::protocol::iterm2::Iterm2;
use ratatui_image::protocol::kitty::Kitty;
use ratatui_image::protocol::sixel::Sixel;

use super::{Graphics, Protocol};
use crate::event::inspection::Picture;
use crate::ui::theme::Theme;
use crate::ui::widget::picture;

/// Pixels of all that is kept, apart from what the next frame shows. Encoded,
/// they take a few bytes each.
const MOST_PIXELS: u64 = 6_000_000;

/// Numbers of Kitty's pictures from here on: small ones are for other programs
/// on the same terminal. A number that is free is used again, so that the
/// terminal forgets the picture that had it.
const FIRST_NUMBER: u32 = 0x0077_6200;

/// How many numbers there are; a screen shows some ten pictures at once.
const MOST_NUMBERS: u32 = 4096;

/// Fewer columns than this are drawn in half blocks, which are as good there.
const NARROWEST: u16 = 4;

/// Encoded pictures, and how they are written.
#[derive(Default)]
pub struct Pictures {
    graphics: Graphics,
    made: Vec<Made>,
    /// Frames so far.
    frame: u64,
}

/// A picture that was encoded.
struct Made {
    key: Key,
    number: u32,
    /// None if it could not be encoded, so that it is not tried again.
    encoded: Option<Encoded>,
    /// The last frame that showed it.
    frame: u64,
}

/// Which picture, in how many cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    content: u64,
    size: Size,
}

impl Key {
    fn of(picture: &Picture, size: Size) -> Self {
        let mut hasher = DefaultHasher::new();
        (picture.width, picture.height, &picture.rgb).hash(&mut hasher);
        Self {
            content: hasher.finish(),
            size,
        }
    }
}

impl std::fmt::Debug for Pictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pictures")
            .field("graphics", &self.graphics)
            .field("made", &self.made.len())
            .finish_non_exhaustive()
    }
}

impl Pictures {
    /// None yet, to be written in this way.
    #[must_use]
    pub fn new(graphics: Graphics) -> Self {
        Self {
            graphics,
            ..Self::default()
        }
    }

    /// Whether pictures are more than half blocks.
    #[must_use]
    pub fn are_real(&self) -> bool {
        self.graphics.protocol != Protocol::HalfBlocks
    }

    /// The cells that a picture takes with its sides in proportion: as large as
    /// `area` allows, at its upper left corner.
    #[must_use]
    pub fn fit(&self, picture: &Picture, area: Rect) -> Rect {
        picture::fit(picture, area, self.graphics.cell)
    }

    /// Encodes what the next frame shows, each in the cells that it takes, and
    /// lets go of what was not shown for longest.
    pub fn prepare(&mut self, shown: &[(&Picture, Rect)]) {
        if !self.are_real() {
            return;
        }
        self.frame += 1;
        for (picture, place) in shown.iter().filter(|(_, place)| is_roomy(*place)) {
            let key = Key::of(picture, place.as_size());
            if let Some(made) = self.made.iter_mut().find(|made| made.key == key) {
                made.frame = self.frame;
                continue;
            }
            let number = self.free_number();
            self.made.push(Made {
                key,
                number,
                encoded: encode(picture, key.size, number, self.graphics),
                frame: self.frame,
            });
        }
        self.let_go(MOST_PIXELS);
    }

    /// Keeps what the last frame showed, and of the rest what was shown last, as
    /// many pixels as may be.
    fn let_go(&mut self, most: u64) {
        self.made.sort_by_key(|made| std::cmp::Reverse(made.frame));
        let mut pixels = 0;
        let (cell, frame) = (self.graphics.cell, self.frame);
        self.made.retain(|made| {
            pixels += pixels_of(made.key.size, cell);
            made.frame == frame || pixels <= most
        });
    }

    /// Draws a picture into cells that [`Self::fit`] gave: in half blocks if it
    /// was not prepared in this size.
    pub fn draw(&self, picture: &Picture, theme: &Theme, buffer: &mut Buffer, place: Rect) {
        match self.encoded(picture, place) {
            Some(encoded) if place.intersection(buffer.area) == place => {
                Image::new(encoded).render(place, buffer);
            }
            _ => picture::draw_at(picture, theme, buffer, place),
        }
    }

    fn encoded(&self, picture: &Picture, place: Rect) -> Option<&Encoded> {
        if self.made.is_empty() || !is_roomy(place) {
            return None;
        }
        let key = Key::of(picture, place.as_size());
        let made = self.made.iter().find(|made| made.key == key)?;
        made.encoded.as_ref()
    }

    /// Cells have another size, pixels: the font was changed, or the window moved
    /// to another screen. Returns whether what is shown of pictures now is of no
    /// use any more.
    pub fn set_cell(&mut self, cell: (u16, u16)) -> bool {
        if self.are_real() {
            self.graphics.cell = cell;
            self.forget();
        }
        self.are_real()
    }

    /// Encodes everything anew: the terminal may have forgotten what it was
    /// given.
    pub fn forget(&mut self) {
        self.made.clear();
    }

    fn free_number(&self) -> u32 {
        let taken = |number: &u32| self.made.iter().any(|made| made.number == *number);
        (FIRST_NUMBER..=FIRST_NUMBER + MOST_NUMBERS)
            .find(|number| !taken(number))
            .unwrap_or(FIRST_NUMBER)
    }
}

fn is_roomy(place: Rect) -> bool {
    place.width >= NARROWEST && place.height > 0
}

fn pixels_of(size: Size, cell: (u16, u16)) -> u64 {
    u64::from(size.width) * u64::from(cell.0) * u64::from(size.height) * u64::from(cell.1)
}

/// A picture in a terminal's words, filling its cells to the pixel.
fn encode(picture: &Picture, size: Size, number: u32, graphics: Graphics) -> Option<Encoded> {
    let width = u32::from(size.width) * u32::from(graphics.cell.0);
    let height = u32::from(size.height) * u32::from(graphics.cell.1);
    let rgb = picture::scaled(picture, width, height)?;
    let image = DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, rgb)?);
    let tmux = graphics.through_tmux;
    match graphics.protocol {
        Protocol::HalfBlocks => None,
        Protocol::Kitty => {
            let kitty = Kitty::new(image, size, number, tmux, graphics.inflates);
            kitty.ok().map(Encoded::Kitty)
        }
        Protocol::Iterm2 => Iterm2::new(image, size, tmux).ok().map(Encoded::ITerm2),
        Protocol::Sixel => Sixel::new(image, size, tmux).ok().map(Encoded::Sixel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Background, Depth, Palette};

    fn picture(shade: u8) -> Picture {
        Picture {
            width: 8,
            height: 8,
            rgb: vec![shade; 192],
        }
    }

    fn pictures(protocol: Protocol) -> Pictures {
        Pictures::new(Graphics {
            protocol,
            cell: (10, 20),
            ..Graphics::default()
        })
    }

    fn drawn(pictures: &Pictures, picture: &Picture, place: Rect) -> Buffer {
        let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 10));
        pictures.draw(picture, &theme, &mut buffer, place);
        buffer
    }

    #[test]
    fn every_protocol_writes_its_own_words_and_half_blocks_none() {
        let place = Rect::new(1, 1, 8, 4);
        for (protocol, words) in [
            (Protocol::Kitty, "\x1b_G"),
            (Protocol::Iterm2, "]1337;File="),
            (Protocol::Sixel, "\x1bP"),
        ] {
            let mut pictures = pictures(protocol);
            let before = drawn(&pictures, &picture(200), place);
            assert!(!before[(1, 1)].symbol().contains('\x1b'), "{protocol:?}");
            pictures.prepare(&[(&picture(200), place)]);
            let after = drawn(&pictures, &picture(200), place);
            assert!(after[(1, 1)].symbol().contains(words), "{protocol:?}");
        }
        let mut none = pictures(Protocol::HalfBlocks);
        none.prepare(&[(&picture(200), place)]);
        assert!(none.made.is_empty());
    }

    #[test]
    fn what_was_encoded_once_is_not_encoded_again_and_another_size_is() {
        let mut pictures = pictures(Protocol::Kitty);
        let (small, large) = (Rect::new(0, 0, 6, 3), Rect::new(0, 0, 12, 6));
        pictures.prepare(&[(&picture(1), small)]);
        pictures.prepare(&[(&picture(1), small), (&picture(1), large)]);
        pictures.prepare(&[(&picture(1), small)]);
        assert_eq!(pictures.made.len(), 2);
        pictures.forget();
        assert!(pictures.made.is_empty());
    }

    #[test]
    fn cells_of_another_size_are_filled_to_the_pixel() {
        let mut pictures = pictures(Protocol::Kitty);
        let place = Rect::new(0, 0, 16, 8);
        pictures.prepare(&[(&picture(1), place)]);
        assert_eq!(pictures.fit(&picture(1), place), place);
        assert!(pictures.set_cell((10, 10)));
        assert!(pictures.made.is_empty());
        assert_eq!(pictures.fit(&picture(1), place), Rect::new(0, 0, 8, 8));
        assert!(!Pictures::default().set_cell((10, 10)));
    }

    #[test]
    fn what_is_kept_is_bounded_and_numbers_are_used_again() {
        let mut pictures = pictures(Protocol::Kitty);
        let place = Rect::new(0, 0, 8, 4);
        for shade in 0..12 {
            pictures.prepare(&[(&picture(shade), place)]);
        }
        assert_eq!(pictures.made.len(), 12);
        pictures.let_go(5 * pixels_of(place.as_size(), (10, 20)));
        let kept = |shade| {
            let key = Key::of(&picture(shade), place.as_size());
            pictures.made.iter().any(|made| made.key == key)
        };
        assert!((0..7).all(|shade| !kept(shade)) && (7..12).all(kept));
        pictures.let_go(0);
        assert_eq!(pictures.made.len(), 1);
        pictures.prepare(&[(&picture(50), place)]);
        let lowest = pictures.made.iter().map(|made| made.number).min();
        assert_eq!(lowest, Some(FIRST_NUMBER));
    }

    #[test]
    fn a_picture_that_is_not_all_there_or_does_not_fit_is_no_trouble() {
        let mut pictures = pictures(Protocol::Sixel);
        let mut broken = picture(7);
        broken.rgb.truncate(9);
        let place = Rect::new(0, 0, 8, 4);
        pictures.prepare(&[(&broken, place), (&picture(7), Rect::new(0, 0, 0, 9))]);
        assert_eq!(
            drawn(&pictures, &broken, place)[(0, 0)].symbol(),
            "?",
            "{pictures:?}"
        );
        pictures.prepare(&[(&picture(7), place)]);
        drawn(&pictures, &picture(7), Rect::new(16, 8, 8, 4));
    }
}
