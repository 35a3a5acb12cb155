//! Bits and prefix codes of lossless WebP.
//!
//! Format: the WebP lossless bitstream specification, which takes both from
//! DEFLATE: bits from the lowest on, canonical codes from the highest bit on.

/// Longest code of a symbol.
const LONGEST: usize = 15;

/// The order in which lengths of the codes of code lengths are written.
const LENGTH_ORDER: [usize; 19] = [
    17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];

/// Reads numbers of a few bits.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits that have been read.
    at: usize,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next number of so many bits, at most 24; none if fewer are left.
    pub fn read(&mut self, count: usize) -> Option<usize> {
        let value = self.peek() & ((1 << count) - 1);
        self.skip(count)?;
        Some(value)
    }

    /// The next bits, 24 at least, zeros behind the end.
    fn peek(&self) -> usize {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let window = rest.first_chunk::<4>().copied().unwrap_or_else(|| {
            let mut window = [0; 4];
            window[..rest.len()].copy_from_slice(rest);
            window
        });
        (u32::from_le_bytes(window) >> (self.at % 8)) as usize
    }

    /// Passes over so many bits; none if fewer are left.
    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }

    pub fn flag(&mut self) -> Option<bool> {
        Some(self.read(1)? == 1)
    }
}

/// A prefix code.
pub(super) struct Code {
    /// Number of symbols with a code of each length.
    counts: [usize; LONGEST + 1],
    /// Symbols in the order of their codes.
    symbols: Vec<usize>,
}

impl Code {
    /// Reads a code of the symbols below `alphabet`.
    pub fn read(bits: &mut Bits, alphabet: usize) -> Option<Self> {
        if bits.flag()? {
            return Self::simple(bits, alphabet);
        }
        let mut lengths = [0; LENGTH_ORDER.len()];
        let count = 4 + bits.read(4)?;
        for &at in LENGTH_ORDER.get(..count)? {
            lengths[at] = bits.read(3)?;
        }
        let code = Self::of_lengths(&lengths)?;
        let mut coded = if bits.flag()? {
            let count = 2 + 2 * bits.read(3)?;
            2 + bits.read(count)?
        } else {
            alphabet
        };
        let mut lengths = Vec::with_capacity(alphabet);
        let mut last = 8;
        while lengths.len() < alphabet && coded > 0 {
            coded -= 1;
            let (length, times) = match code.symbol(bits)? {
                16 => (last, 3 + bits.read(2)?),
                17 => (0, 3 + bits.read(3)?),
                18 => (0, 11 + bits.read(7)?),
                length => (length, 1),
            };
            if length > 0 {
                last = length;
            }
            if lengths.len() + times > alphabet {
                return None;
            }
            lengths.resize(lengths.len() + times, length);
        }
        Self::of_lengths(&lengths)
    }

    /// One or two symbols.
    fn simple(bits: &mut Bits, alphabet: usize) -> Option<Self> {
        let are_two = bits.flag()?;
        let is_long = bits.flag()?;
        let mut symbols = vec![bits.read(if is_long { 8 } else { 1 })?];
        if are_two {
            symbols.push(bits.read(8)?);
        }
        if symbols.iter().any(|&symbol| symbol >= alphabet) {
            return None;
        }
        let mut counts = [0; LONGEST + 1];
        counts[1] = symbols.len();
        Some(Self { counts, symbols })
    }

    fn of_lengths(lengths: &[usize]) -> Option<Self> {
        let mut counts = [0; LONGEST + 1];
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&s| lengths[s] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        for &symbol in &symbols {
            counts[lengths[symbol]] += 1;
        }
        (!symbols.is_empty()).then_some(Self { counts, symbols })
    }

    /// Reads a symbol. A single one takes no bits.
    pub fn symbol(&self, bits: &mut Bits) -> Option<usize> {
        if let [only] = self.symbols.as_slice() {
            return Some(*only);
        }
        let window = bits.peek();
        let (mut code, mut first, mut index) = (0, 0, 0);
        for (length, &count) in self.counts.iter().enumerate().skip(1) {
            code |= (window >> (length - 1)) & 1;
            if code < first + count {
                bits.skip(length)?;
                return self.symbols.get(index + code - first).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}
