//! Walks over the entropy-coded data of a JPEG and counts: do its blocks end where the
//! data does? Symbols are read and passed over; no coefficient is computed.
//!
//! Format: ITU-T T.81, annexes F and G.

use super::damaged;
use super::frame::{Frame, Scan};
use crate::data::image_error::ImageError;

/// Bits of a code that are looked up at once; longer codes are searched by length.
const LOOKUP: u32 = 9;

/// Longest code.
const LONGEST: u32 = 16;

/// Why the walk ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data ends before the last block.
    Short,
    /// Bits that no coefficients have.
    Invalid,
    /// Bytes that no block uses.
    LeftOver,
}

/// A Huffman table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Length and symbol by the next [`LOOKUP`] bits; length 0 if the code is longer.
    short: Vec<(u8, u8)>,
    /// For every length, the first code that is longer, aligned to [`LONGEST`] bits.
    limits: [u32; LONGEST as usize + 1],
    /// For every length, what is added to a code for the place of its symbol.
    offsets: [i32; LONGEST as usize + 1],
    symbols: Vec<u8>,
}

impl Table {
    /// Reads the tables of a segment: class and number of each, and the table.
    pub fn read_all(mut data: &[u8]) -> Result<Vec<(u8, Self)>, ImageError> {
        let mut tables = Vec::new();
        while let Some((&number, rest)) = data.split_first() {
            let short = || damaged("a Huffman table is too short");
            let (lengths, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            let count = lengths.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(..count).ok_or_else(short)?;
            tables.push((number, Self::new(lengths, symbols)));
            data = &rest[count..];
        }
        Ok(tables)
    }

    fn new(lengths: &[u8; 16], symbols: &[u8]) -> Self {
        let mut table = Self {
            short: vec![(0, 0); 1 << LOOKUP],
            limits: [0; LONGEST as usize + 1],
            offsets: [0; LONGEST as usize + 1],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut at) = (0_u32, 0_usize);
        for (length, &count) in (1..).zip(lengths) {
            table.offsets[length as usize] = (at as u32).cast_signed() - code.cast_signed();
            for _ in 0..count {
                if length <= LOOKUP {
                    let from = (code << (LOOKUP - length)) as usize;
                    let to = from + (1 << (LOOKUP - length));
                    if let Some(entries) = table.short.get_mut(from..to) {
                        entries.fill((length as u8, symbols[at]));
                    }
                }
                code += 1;
                at += 1;
            }
            table.limits[length as usize] = code << (LONGEST - length);
            code <<= 1;
        }
        table
    }

    /// Length and symbol of the code that [`LONGEST`] bits begin with.
    fn find(&self, bits: u32) -> Option<(u32, u8)> {
        let (length, symbol) = self.short[(bits >> (LONGEST - LOOKUP)) as usize];
        if length > 0 {
            return Some((u32::from(length), symbol));
        }
        let length = (LOOKUP + 1..=LONGEST).find(|&l| bits < self.limits[l as usize])?;
        let at = (bits >> (LONGEST - length)).cast_signed() + self.offsets[length as usize];
        let symbol = self.symbols.get(usize::try_from(at).ok()?)?;
        Some((length, *symbol))
    }
}

/// Bits of the data between two markers.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            buffer: 0,
            count: 0,
        }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let Some(&byte) = self.data.get(self.at) else {
                return;
            };
            // Behind 0xFF stands a zero that only says that it is no marker.
            self.at += if byte == 0xFF { 2 } else { 1 };
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn take(&mut self, count: u32) -> Result<u32, Fault> {
        if self.count < count {
            self.fill();
            if self.count < count {
                return Err(Fault::Short);
            }
        }
        self.count -= count;
        Ok((self.buffer >> self.count) as u32 & ((1 << count) - 1))
    }

    fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        if self.count < LONGEST {
            self.fill();
        }
        // No code is all ones: what is missing makes no symbol of its own.
        let bits = if let Some(more) = self.count.checked_sub(LONGEST) {
            self.buffer >> more
        } else {
            let missing = LONGEST - self.count;
            self.buffer << missing | ((1 << missing) - 1)
        };
        let found = table.find(bits as u32 & 0xFFFF);
        let is_end = self.count < LONGEST;
        match found {
            Some((length, symbol)) if length <= self.count => {
                self.count -= length;
                Ok(symbol)
            }
            None if !is_end => Err(Fault::Invalid),
            _ => Err(Fault::Short),
        }
    }

    /// Checks that all is read but what fills the last byte: ones, and in few encoders
    /// zeros, which may also stand in place of data where the file ends with them. Encoders
    /// may add bytes of zeros; where blocks were read from these, too, data is lost.
    fn finish(mut self, is_ended: bool) -> Result<(), Fault> {
        self.fill();
        if self.at >= self.data.len() && self.count < 8 {
            let zeros = if self.count > 0 { 0xFF } else { 0xFFFF };
            let is_zero = self.buffer & zeros == 0;
            return if is_zero && !is_ended {
                Err(Fault::Short)
            } else {
                Ok(())
            };
        }
        let unread = (self.count / 8) as usize;
        let rest = (self.data.get(self.at..).unwrap_or_default().iter()).any(|&byte| byte != 0);
        let buffered = self.buffer & ((1 << (8 * unread)) - 1) != 0;
        // The last byte of which bits were read.
        let last = (self.buffer >> (8 * unread)) as u8;
        if rest || buffered || last == 0 {
            return Err(Fault::LeftOver);
        }
        Ok(())
    }
}

/// What a scan says of its coefficients, and what is known of those before it.
struct Walk<'a> {
    scan: &'a Scan,
    progressive: bool,
    /// Blocks that the end of a band is still to be passed over in.
    end_of_band: u32,
}

/// Which coefficients of a block are not zero so far, by their place in the data.
type NonZero = u64;

impl Walk<'_> {
    fn block(
        &mut self,
        bits: &mut Bits,
        tables: (Option<&Table>, Option<&Table>),
        block: &mut NonZero,
    ) -> Result<(), Fault> {
        let (dc, ac) = (
            || tables.0.ok_or(Fault::Invalid),
            || tables.1.ok_or(Fault::Invalid),
        );
        if !self.progressive {
            let size = bits.symbol(dc()?)?;
            bits.take(u32::from(size & 15))?;
            return self.band(bits, ac()?, 1, block);
        }
        match (self.scan.first, self.scan.high) {
            (0, 0) => {
                let size = bits.symbol(dc()?)?;
                bits.take(u32::from(size & 15)).map(drop)
            }
            (0, _) => bits.take(1).map(drop),
            (first, 0) => self.band(bits, ac()?, first, block),
            (first, _) => self.refine(bits, ac()?, first, block),
        }
    }

    /// Coefficients that come for the first time.
    fn band(
        &mut self,
        bits: &mut Bits,
        table: &Table,
        mut at: u8,
        block: &mut NonZero,
    ) -> Result<(), Fault> {
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return Ok(());
        }
        while at <= self.scan.last {
            let symbol = bits.symbol(table)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            at += run;
            if size == 0 {
                if run < 15 {
                    self.end_of_band = self.band_end(bits, run)? - 1;
                    return Ok(());
                }
            } else {
                if at > self.scan.last {
                    return Err(Fault::Invalid);
                }
                bits.take(u32::from(size))?;
                *block |= 1 << at;
            }
            at += 1;
        }
        Ok(())
    }

    /// How many blocks, this one included, have no more coefficients.
    fn band_end(&self, bits: &mut Bits, run: u8) -> Result<u32, Fault> {
        match (self.progressive, run) {
            (true, _) => Ok((1 << run) + bits.take(u32::from(run))?),
            (false, 0) => Ok(1),
            (false, _) => Err(Fault::Invalid),
        }
    }

    /// One more bit of coefficients that have come, and new ones between them.
    fn refine(
        &mut self,
        bits: &mut Bits,
        table: &Table,
        mut at: u8,
        block: &mut NonZero,
    ) -> Result<(), Fault> {
        let known = *block;
        while self.end_of_band == 0 && at <= self.scan.last {
            let symbol = bits.symbol(table)?;
            let (mut run, size) = (symbol >> 4, symbol & 15);
            match size {
                0 if run < 15 => {
                    self.end_of_band = self.band_end(bits, run)?;
                    break;
                }
                0 => {}
                1 => bits.take(1).map(drop)?,
                _ => return Err(Fault::Invalid),
            }
            while at <= self.scan.last {
                if known >> at & 1 == 1 {
                    bits.take(1)?;
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                at += 1;
            }
            if size == 1 {
                if at > self.scan.last {
                    return Err(Fault::Invalid);
                }
                *block |= 1 << at;
            }
            at += 1;
        }
        if self.end_of_band > 0 {
            for at in at..=self.scan.last {
                if known >> at & 1 == 1 {
                    bits.take(1)?;
                }
            }
            self.end_of_band -= 1;
        }
        Ok(())
    }
}

/// The tables and coefficients of an image, from scan to scan.
#[derive(Debug, Default)]
pub(super) struct Entropy {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    /// For each component of a progressive image, its blocks in rows.
    blocks: Vec<Vec<NonZero>>,
}

impl Entropy {
    /// Takes in the tables of a segment.
    pub fn read_tables(&mut self, data: &[u8]) -> Result<(), ImageError> {
        for (number, table) in Table::read_all(data)? {
            let tables = if number >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            tables[usize::from(number & 3)] = Some(table);
        }
        Ok(())
    }

    /// Walks over the data of a scan, of which restarts are a part. It may end with the file,
    /// or a marker follows.
    pub fn walk(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        data: &[u8],
        is_ended: bool,
    ) -> Result<(), Fault> {
        if frame.progressive && self.blocks.is_empty() {
            self.blocks = (0..frame.components.len())
                .map(|at| vec![0; frame.blocks(at)])
                .collect();
        }
        let all = frame.mcus(&scan.indices());
        let interval = match frame.restart_interval {
            0 => all,
            interval => interval,
        };
        let mut mcu = 0;
        let mut parts = restarts(data);
        while mcu < all {
            let mut bits = Bits::new(parts.next().ok_or(Fault::Short)?);
            let mut walk = Walk {
                scan,
                progressive: frame.progressive,
                end_of_band: 0,
            };
            let end = all.min(mcu + interval);
            while mcu < end {
                self.mcu(frame, &mut walk, &mut bits, mcu)?;
                mcu += 1;
            }
            bits.finish(is_ended || mcu < all)?;
        }
        // The last interval may end with its mark, too.
        if parts.any(|part| !part.is_empty()) {
            return Err(Fault::LeftOver);
        }
        Ok(())
    }

    fn mcu(
        &mut self,
        frame: &Frame,
        walk: &mut Walk,
        bits: &mut Bits,
        mcu: u64,
    ) -> Result<(), Fault> {
        let mut unused = 0;
        let is_single = walk.scan.components.len() == 1;
        for component in &walk.scan.components {
            let tables = (
                self.dc[component.dc].as_ref(),
                self.ac[component.ac].as_ref(),
            );
            if !frame.progressive {
                let count = if is_single {
                    1
                } else {
                    frame.components[component.index].blocks()
                };
                for _ in 0..count {
                    walk.block(bits, tables, &mut unused)?;
                }
                continue;
            }
            let blocks = &mut self.blocks[component.index];
            for at in frame.places(component.index, is_single, mcu) {
                let block = blocks.get_mut(at).ok_or(Fault::Invalid)?;
                walk.block(bits, tables, block)?;
            }
        }
        Ok(())
    }
}

/// What stands between the restarts of a scan. Bytes of 0xFF fill up before a marker.
fn restarts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let data = rest?;
        let mut at = 0;
        while let Some(found) = data[at..].iter().position(|&byte| byte == 0xFF) {
            let marker = at + found;
            let fill = data[marker..].iter().take_while(|&&b| b == 0xFF).count();
            match data.get(marker + fill) {
                Some(0) => at = marker + fill + 1,
                Some(_) => {
                    rest = Some(&data[marker + fill + 1..]);
                    return Some(&data[..marker]);
                }
                None => {
                    rest = None;
                    return Some(&data[..marker]);
                }
            }
        }
        rest = None;
        Some(data)
    })
}
