//! Plain lines, for logs and pipes.

use std::io::{self, Write};

use super::event_formatter::{self, EventFormatter};
use super::{Ending, Reporter};
use crate::event::RunEvent;
use crate::store::RunStore;

/// Writes a line for everything that a person wants to know.
pub struct TextReporter<W> {
    out: W,
    narrator: EventFormatter,
}

impl<W: Write> TextReporter<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            narrator: EventFormatter::default(),
        }
    }
}

impl<W: Write> Reporter for TextReporter<W> {
    fn observe(&mut self, event: &RunEvent, store: &RunStore) -> io::Result<()> {
        event_formatter::write(&mut self.out, &self.narrator.lines(event, store))
    }

    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()> {
        event_formatter::write(&mut self.out, &event_formatter::ending(ending))
    }
}
