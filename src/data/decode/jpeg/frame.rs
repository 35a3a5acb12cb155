//! What the marker segments of a JPEG say: its size, its components, and which of
//! their coefficients have come so far.

use image::metadata::Orientation;

use super::damaged;
use crate::data::image_error::ImageError;

/// Markers that stand alone, without a length: restarts, begin and end.
fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD9)
}

/// A component of the image, such as brightness.
#[derive(Debug, Clone)]
pub(super) struct Component {
    id: u8,
    horizontal: u64,
    vertical: u64,
    /// Bits of each coefficient that are still to come; all at first.
    missing: [u8; 64],
}

/// A component in a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned {
    /// Which of the components of the frame.
    pub index: usize,
    /// Number of the table of its first coefficients.
    pub dc: usize,
    /// Number of the table of the others.
    pub ac: usize,
}

/// What the beginning of a scan says.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub components: Vec<Scanned>,
    /// First and last coefficient of each block.
    pub first: u8,
    pub last: u8,
    /// Lowest bit that came before, or 0.
    pub high: u8,
}

impl Scan {
    pub fn indices(&self) -> Vec<usize> {
        self.components.iter().map(|c| c.index).collect()
    }
}

impl Component {
    /// Blocks in an MCU of several components.
    pub fn blocks(&self) -> u64 {
        self.horizontal * self.vertical
    }
}

/// What the marker segments say so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    pub width: u32,
    pub height: u32,
    pub progressive: bool,
    pub components: Vec<Component>,
    /// MCUs between two restarts; 0 without restarts.
    pub restart_interval: u64,
    pub orientation: Option<Orientation>,
}

/// One marker, with where its segment lies.
pub(super) struct Segment<'a> {
    pub marker: u8,
    /// Where the marker begins.
    pub start: usize,
    /// Where the segment ends.
    pub end: usize,
    /// What the segment holds behind its length.
    pub data: &'a [u8],
}

/// The next marker from `at` on, over whatever stands before it.
pub(super) fn segment(bytes: &[u8], mut at: usize) -> Option<Segment<'_>> {
    let (start, marker) = loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        let rest = &bytes[at..];
        let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
        match *rest.get(fill)? {
            0 => at += fill + 1,
            marker => break (at + fill - 1, marker),
        }
    };
    if stands_alone(marker) {
        return Some(Segment {
            marker,
            start,
            end: start + 2,
            data: &[],
        });
    }
    let length = bytes.get(start + 2..start + 4)?;
    let end = start + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
    Some(Segment {
        marker,
        start,
        end,
        data: bytes.get(start + 4..end)?,
    })
}

impl Frame {
    /// Takes in a segment.
    pub fn read(&mut self, segment: &Segment) -> Result<(), ImageError> {
        let data = segment.data;
        match segment.marker {
            // Tables, among the numbers of frames.
            0xC4 | 0xC8 | 0xCC => Ok(()),
            0xC0..=0xCF => self.start_of_frame(segment.marker, data),
            0xF7 => Err(ImageError::Unsupported("JPEG-LS")),
            0xDD => {
                if let Some(interval) = data.first_chunk::<2>() {
                    self.restart_interval = u64::from(u16::from_be_bytes(*interval));
                }
                Ok(())
            }
            0xE1 => {
                if let Some(exif) = data.strip_prefix(b"Exif\0\0") {
                    self.orientation = Orientation::from_exif_chunk(exif);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start_of_frame(&mut self, marker: u8, data: &[u8]) -> Result<(), ImageError> {
        if !self.components.is_empty() {
            // Which of them counts would be up to the decoder.
            return Err(damaged("it has more than one header"));
        }
        match marker {
            0xC0..=0xC2 => {}
            0xC3 | 0xC7 | 0xCB | 0xCF => return Err(ImageError::Unsupported("lossless JPEG")),
            0xC9 | 0xCA | 0xCD | 0xCE => {
                return Err(ImageError::Unsupported("JPEG with arithmetic coding"));
            }
            _ => return Err(ImageError::Unsupported("hierarchical JPEG")),
        }
        let Some(([_, h1, h0, w1, w0, count], components)) = data.split_first_chunk::<6>() else {
            return Err(damaged("its header is too short"));
        };
        let (components, _) = components.as_chunks::<3>();
        if components.len() < usize::from(*count) {
            return Err(damaged("its header is too short"));
        }
        self.height = u32::from(u16::from_be_bytes([*h1, *h0]));
        self.width = u32::from(u16::from_be_bytes([*w1, *w0]));
        self.progressive = marker == 0xC2;
        self.components = components[..usize::from(*count)]
            .iter()
            .map(|&[id, sampling, _]| Component {
                id,
                horizontal: u64::from(sampling >> 4).max(1),
                vertical: u64::from(sampling & 15).max(1),
                missing: [u8::MAX; 64],
            })
            .collect();
        Ok(())
    }

    /// Takes in the beginning of a scan.
    pub fn start_of_scan(&mut self, data: &[u8]) -> Result<Scan, ImageError> {
        let short = || damaged("the beginning of a scan is too short");
        let (&count, rest) = data.split_first().ok_or_else(short)?;
        let count = usize::from(count);
        let (chosen, _) = rest.as_chunks::<2>();
        let ids = chosen.get(..count).ok_or_else(short)?;
        let &[first, last, approximation] =
            rest[2 * count..].first_chunk::<3>().ok_or_else(short)?;
        let (first, last, high, low) = if self.progressive {
            let (high, low) = (approximation >> 4, approximation & 15);
            (first.min(63), last.min(63), high, low)
        } else {
            (0, 63, 0, 0)
        };
        if first > last {
            return Err(damaged("a scan ends before it begins"));
        }
        let components: Vec<Scanned> = ids
            .iter()
            .filter_map(|&[id, tables]| {
                Some(Scanned {
                    index: self.components.iter().position(|c| c.id == id)?,
                    dc: usize::from(tables >> 4 & 3),
                    ac: usize::from(tables & 3),
                })
            })
            .collect();
        for component in &components {
            let missing = &mut self.components[component.index].missing;
            missing[usize::from(first)..=usize::from(last)].fill(low);
        }
        Ok(Scan {
            components,
            first,
            last,
            high,
        })
    }

    /// Whether no bit of any coefficient is still to come.
    pub fn is_complete(&self) -> bool {
        let complete = |component: &Component| component.missing.iter().all(|&bits| bits == 0);
        !self.components.is_empty() && self.components.iter().all(complete)
    }

    fn sampling(&self) -> (u64, u64) {
        let most = |of: fn(&Component) -> u64| self.components.iter().map(of).max().unwrap_or(1);
        (most(|c| c.horizontal), most(|c| c.vertical))
    }

    /// MCUs of a scan of these components.
    pub fn mcus(&self, scan: &[usize]) -> u64 {
        let (columns, rows) = if let [one] = scan {
            self.own_blocks(*one)
        } else {
            self.grid()
        };
        columns * rows
    }

    /// Columns and rows of blocks of a component that hold pixels.
    fn own_blocks(&self, index: usize) -> (u64, u64) {
        let (horizontal, vertical) = self.sampling();
        let component = &self.components[index];
        let blocks = |pixels: u32, samples: u64, most: u64| {
            (u64::from(pixels) * samples).div_ceil(most).div_ceil(8)
        };
        (
            blocks(self.width, component.horizontal, horizontal),
            blocks(self.height, component.vertical, vertical),
        )
    }

    /// Columns and rows of MCUs of several components.
    fn grid(&self) -> (u64, u64) {
        let (horizontal, vertical) = self.sampling();
        (
            u64::from(self.width).div_ceil(8 * horizontal),
            u64::from(self.height).div_ceil(8 * vertical),
        )
    }

    /// Blocks of a component, those that only fill up MCUs included.
    pub fn blocks(&self, index: usize) -> usize {
        let (columns, rows) = self.grid();
        (columns * rows * self.components[index].blocks()) as usize
    }

    /// Places of the blocks that an MCU has of a component, in the rows of all.
    pub fn places(&self, index: usize, is_single: bool, mcu: u64) -> impl Iterator<Item = usize> {
        let component = &self.components[index];
        let columns = self.grid().0;
        let stride = columns * component.horizontal;
        let (x, y, across, down) = if is_single {
            let own = self.own_blocks(index).0;
            (mcu % own, mcu / own, 1, 1)
        } else {
            let (across, down) = (component.horizontal, component.vertical);
            (mcu % columns * across, mcu / columns * down, across, down)
        };
        (y..y + down).flat_map(move |y| (x..x + across).map(move |x| (y * stride + x) as usize))
    }

    /// Bytes of all coefficients of 16 bits.
    pub fn coefficients(&self) -> u64 {
        let all: Vec<usize> = (0..self.components.len().max(2)).collect();
        let blocks: u64 = self.components.iter().map(Component::blocks).sum();
        self.mcus(&all) * blocks * 64 * 2
    }
}
