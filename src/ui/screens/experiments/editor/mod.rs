//! The editor of an experiment's text.

pub mod completion;
pub mod document;
mod far;
pub mod format;
pub mod help;
mod history;
mod indent;
mod keys;
pub mod place;
pub mod popup;
pub mod problems;
pub mod tokens;
pub mod view;

pub use document::Document;
