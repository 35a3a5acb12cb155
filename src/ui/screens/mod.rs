//! The five screens. Each is a state with the same ways in: `act` (an action),
//! `key` and `mouse` (input that is no action), and `draw`, which changes
//! nothing. News have a way each: `on_list`, `on_probe`, `on_event`.

pub mod compare;
pub mod experiments;
mod fork;
pub mod inference;
pub mod live;
pub mod runs;
mod series;
