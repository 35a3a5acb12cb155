//! The real program, run as a user or a CI runs it: exit codes, and that a run
//! which was stopped anywhere and resumed is the run that was not.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

mod augmentation;
mod bench;
mod early_stop;
mod ensemble;
mod exit_codes;
mod export;
mod extend;
mod features;
mod find_lr;
mod fork;
#[cfg(unix)]
mod hostile;
mod identity;
mod inference;
mod kept_answers;
mod measure;
mod methods;
mod onnx;
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
mod python_teachers;
mod quantize;
mod refusals;
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
mod report;
mod resume;
mod runs;
mod setup;
#[cfg(unix)]
mod steered;
mod study;
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
mod study_processes;
mod tensorboard;
mod torchscript;
mod uneven;
