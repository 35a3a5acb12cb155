//! Experiments: what was written ([`spec`]), what it means ([`plan`]), and the
//! vocabulary they share.
//!
//! Never touches tensors, threads or the terminal, and imports nothing of
//! ours: everything else imports this.

pub mod augment;
pub mod controller;
pub mod device;
pub mod knob;
pub mod method;
pub mod model;
pub mod objective;
pub mod plan;
pub mod problem;
pub mod schedule;
pub mod spec;
