//! (being written)

pub mod augment;
pub mod shapes;
pub mod stream;
