//! What comes from outside, on its way in and on its way out: files that may be
//! anything, and text that may hold anything.
//!
//! [`files`] opens regular files only and reads no more than a limit, so that no
//! pipe is waited for and no length is believed. [`text`] makes visible what a
//! terminal or a workflow's log would act on. [`stand_in`] names what was left
//! where a file was not fetched, and [`contents`] what a file is by its first
//! bytes. Knows nothing of what the files mean or why the
//! text is printed, and imports nothing of ours but `format`, so that every room
//! can use it.

pub mod contents;
pub mod files;
mod pickle;
pub mod stand_in;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;

pub use contents::Contents;
pub use files::{
    FileId, FileVersion, is_absent, kind_at, not_a_folder, open_described, open_regular,
    read_limited, read_text_limited,
};
pub use stand_in::StandIn;
pub use text::{Show, Shown, clean_line, clean_text, json_line, json_page};
