//! Pieces that several screens are drawn with. They know no run and no screen.

pub mod answers;
pub mod bars;
pub mod border;
pub mod cells;
pub mod chart;
pub mod gallery;
pub mod list;
pub mod notice;
pub mod pattern;
pub mod picture;
pub mod text_line;
pub mod wrap;

pub use border::Border;
pub use cells::Cells;
pub use list::Selection;
pub use pattern::Pattern;
pub use text_line::TextLine;
