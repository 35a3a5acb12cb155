//! The screen of runs for tests, with runs of every kind.

pub(super) use crate::listing::testing::{
    ADAPTIVE, CRASHED, PAUSED, STOPPED, TRAINING, VANILLA, apply, changed, entry, evaluated,
    measured_runs, runs, troubled,
};
use crate::store::Runs;
use crate::ui::news::News;
use crate::ui::testing::Harness;

/// The screen of runs at a size.
pub(super) fn screen(width: u16, height: u16, runs: Runs) -> Harness {
    let mut harness = Harness::new(width, height);
    harness.runs = runs;
    harness.news(News::RunsChanged).keys(&["2"]);
    harness
}
