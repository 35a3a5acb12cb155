//! A study: what there is of it, and what its variants come to, as text, Markdown, CSV and
//! JSON.

mod json;
mod outlook;
mod table;

pub use json::json;
pub use outlook::{cell_words, outlook, outlook_json};
pub use table::{csv, markdown, text};
