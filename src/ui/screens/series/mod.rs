//! What screens that draw a run's series share: its x axis, and what is kept of
//! the series so that drawing them is quick.

mod summaries;
mod x_positions;

pub(super) use self::summaries::Summaries;
pub(super) use self::x_positions::XPositions;
