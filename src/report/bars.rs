//! A progress bar for the training that is under way, with the plain lines
//! scrolling above it.
//!
//! ```text
//! student  epoch 3/30  loss 1.2031  …
//! student ━━━━━━━━╸─────────────── 1170/11700  1.1  12 min 4 s left
//! ```

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event_formatter::{self, EventFormatter};
use super::{Ending, Reporter};
use crate::event::RunEvent;
use crate::format::{self, Symbols};
use crate::store::RunStore;

/// Writes lines and keeps a bar below them.
pub struct BarsReporter<W> {
    out: W,
    formatter: EventFormatter,
    bar: ProgressBar,
}

impl<W: Write> BarsReporter<W> {
    /// A reporter that writes lines to `out` and draws its bar on `target`.
    pub fn new(out: W, target: ProgressDrawTarget, symbols: Symbols) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(style(symbols));
        Self {
            out,
            formatter: EventFormatter::new(symbols),
            bar,
        }
    }

    fn write(&mut self, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let (out, formatter) = (&mut self.out, &self.formatter);
        self.bar.suspend(|| formatter.write(out, lines))
    }
}

impl<W: Write> Reporter for BarsReporter<W> {
    fn observe(&mut self, event: &RunEvent, store: &RunStore) -> io::Result<()> {
        let lines = self.formatter.lines(event, store);
        self.write(&lines)?;
        match event {
            RunEvent::PhaseStarted {
                phase, steps, step, ..
            } => {
                self.bar.reset();
                self.bar.set_prefix(event_formatter::bar_title(*phase));
                self.bar.set_length(*steps);
                self.bar.set_position(*step);
            }
            RunEvent::TrainingExtended { steps, .. } | RunEvent::StoppedEarly { steps, .. } => {
                self.bar.set_length(*steps);
            }
            RunEvent::StepLogged(row) => {
                let left = self.formatter.left().map(format::duration);
                let left = left.map_or_else(String::new, |left| format!("{left} left"));
                self.bar.set_message(left);
                self.bar.set_position(row.step + 1);
            }
            RunEvent::Paused(true) => self.bar.set_message("paused"),
            RunEvent::PhaseEnded { .. } | RunEvent::RunEnded(_) => {
                self.bar.finish_and_clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.write(&event_formatter::ending(ending))
    }
}

fn style(symbols: Symbols) -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {bar:40} {pos}/{len}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars(&symbols.text("━╸─"))
}
