//! Experiments: what was written ([`spec`]), what it means ([`plan`]), and the
//! vocabulary they share.
//!
//! Never touches tensors, threads or the terminal, and imports nothing of
//! ours: everything else imports this.

pub mod architecture;
pub mod augment;
pub mod catalogue;
pub mod controller;
pub mod device;
pub mod early_stop;
pub mod explain;
pub mod held;
pub mod knob;
pub mod lr_range;
pub mod method;
pub mod metric;
pub mod model;
pub mod nearest;
pub mod objective;
pub mod plan;
pub mod problem;
pub mod range;
mod read;
pub mod schedule;
pub mod spec;
pub mod timeline;
pub mod tokens;

pub use explain::{explain, explain_resolved, section};
pub use read::{
    Anything, Diagnostic, Document, Loaded, Override, Place, Report, Severity, SourceText, Whole,
    Written, load, load_frozen, load_source, load_text, read_changed, read_schedule, read_spec,
    read_text, unix, whole_text, with_names_of_today,
};
