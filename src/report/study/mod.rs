//! A study: what there is of it, and what its variants come to, as text, Markdown, CSV,
//! JSON and a picture.

mod json;
mod outlook;
mod svg;
mod table;
#[cfg(test)]
mod tests;

pub use json::json;
pub use outlook::{outlook, outlook_json};
pub use svg::svg;
pub(in crate::report) use table::{Grid, difference_title, differences, notes, results};
pub use table::{csv, markdown, text};
