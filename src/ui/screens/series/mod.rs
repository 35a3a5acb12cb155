//! What screens that draw a run's series share: its x axis, and what is kept of
//! the series so that drawing them is quick.

mod across;
mod summaries;

pub(super) use self::across::Across;
pub(super) use self::summaries::Summaries;
