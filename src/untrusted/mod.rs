//! What comes from outside, on its way in and on its way out: files that may be
//! anything, and text that may hold anything.
//!
//! [`files`] opens regular files only and reads no more than a limit, so that no
//! pipe is waited for and no length is believed. [`text`] makes visible what a
//! terminal or a workflow's log would act on. Knows nothing of what is in the
//! files or why the text is printed, and imports nothing of ours but `format`, so
//! that every room can use it.

pub mod files;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;

pub use files::{FileId, FileVersion, is_absent, open_regular, read_limited, read_text_limited};
pub use text::{clean_line, clean_text};
