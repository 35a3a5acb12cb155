//! Plain lines, for logs and pipes.

use std::io::{self, Write};

use super::narrator::{self, Narrator};
use super::{Ending, Reporter};
use crate::event::RunEvent;
use crate::store::RunStore;

/// Writes a line for everything that a person wants to know.
pub struct TextReporter<W> {
    out: W,
    narrator: Narrator,
}

impl<W: Write> TextReporter<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            narrator: Narrator::default(),
        }
    }
}

impl<W: Write> Reporter for TextReporter<W> {
    fn observe(&mut self, event: &RunEvent, store: &RunStore) -> io::Result<()> {
        narrator::write(&mut self.out, &self.narrator.lines(event, store))
    }

    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()> {
        narrator::write(&mut self.out, &narrator::ending(ending))
    }
}
