//! The bytes of a JPEG as the decoder reads them, and where it had come to when its
//! blocks were done.

use std::cell::Cell;

use zune_jpeg::zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZSeekFrom};

/// Reads bytes in memory. The decoder takes single bytes that must be there only where
/// it searches a marker, and the data of blocks otherwise.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    search: &'a Search,
}

/// Where the decoder began to search its last marker.
#[derive(Debug, Default)]
pub(super) struct Search {
    start: Cell<usize>,
    next: Cell<usize>,
}

impl Search {
    /// How far it had read before that.
    pub fn start(&self) -> usize {
        self.start.get()
    }
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], search: &'a Search) -> Self {
        Self {
            bytes,
            at: 0,
            search,
        }
    }
}

impl ZByteReaderTrait for Reader<'_> {
    #[inline]
    fn read_byte_no_error(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        byte
    }

    #[inline]
    fn read_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        self.peek_exact_bytes(buf)?;
        if buf.len() == 1 {
            if self.at != self.search.next.get() {
                self.search.start.set(self.at);
            }
            self.search.next.set(self.at + 1);
        }
        self.at += buf.len();
        Ok(())
    }

    fn read_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        let read = self.peek_bytes(buf)?;
        self.at += read;
        Ok(read)
    }

    fn peek_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    #[inline]
    fn peek_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        let found = self.bytes.get(self.at..self.at + buf.len());
        buf.copy_from_slice(found.ok_or(ZByteIoError::Generic("cut off"))?);
        Ok(())
    }

    fn z_seek(&mut self, from: ZSeekFrom) -> Result<u64, ZByteIoError> {
        let (base, offset) = match from {
            ZSeekFrom::Start(at) => (0, at.cast_signed()),
            ZSeekFrom::End(offset) => (self.bytes.len(), offset),
            ZSeekFrom::Current(offset) => (self.at, offset),
        };
        let at = base.checked_add_signed(offset as isize);
        self.at = at.ok_or(ZByteIoError::SeekError("before the beginning"))?;
        Ok(self.at as u64)
    }

    #[inline]
    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        Ok(self.at >= self.bytes.len())
    }

    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        Ok(self.at as u64)
    }

    fn read_remaining(&mut self, sink: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        sink.extend_from_slice(rest);
        self.at += rest.len();
        Ok(rest.len())
    }
}
