//! What an experiment will do, as far as that is known before it is done.

mod curve;
mod models;
mod outline;
mod panel;

pub use outline::Outline;
pub use panel::Panel;
