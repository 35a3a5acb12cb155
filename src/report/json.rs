//! Events as they are, one JSON value a line, for other programs.

use std::io::{self, Write};

use super::{Ending, Reporter};
use crate::event::RunEvent;
use crate::store::RunStore;
use crate::untrusted::json_line;

/// Writes every event, logged steps included, in the journal's spelling.
pub struct JsonReporter<W> {
    out: W,
}

impl<W: Write> JsonReporter<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Reporter for JsonReporter<W> {
    fn observe(&mut self, event: &RunEvent, _: &RunStore) -> io::Result<()> {
        self.out.write_all(json_line(event)?.as_bytes())?;
        self.out.flush()
    }

    /// The end of the run is an event like any other; there is no more to say.
    fn finish(&mut self, _: &Ending<'_>) -> io::Result<()> {
        self.out.flush()
    }
}
