//! Plain lines, for logs and pipes.

use std::io::{self, Write};

use super::event_formatter::{self, EventFormatter};
use super::{Ending, Reporter};
use crate::event::RunEvent;
use crate::format::Symbols;
use crate::store::RunStore;

/// Writes a line for everything that a person wants to know.
pub struct TextReporter<W> {
    out: W,
    formatter: EventFormatter,
}

impl<W: Write> TextReporter<W> {
    /// A reporter that writes to `out` in these symbols.
    pub fn new(out: W, symbols: Symbols) -> Self {
        Self {
            out,
            formatter: EventFormatter::new(symbols),
        }
    }
}

impl<W: Write> Reporter for TextReporter<W> {
    fn observe(&mut self, event: &RunEvent, store: &RunStore) -> io::Result<()> {
        let lines = self.formatter.lines(event, store);
        self.formatter.write(&mut self.out, &lines)
    }

    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()> {
        self.formatter
            .write(&mut self.out, &event_formatter::ending(ending))
    }
}
