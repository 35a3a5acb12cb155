//! A terminal workbench for knowledge distillation of image classifiers.

pub mod app;
pub mod data;
pub mod engine;
pub mod event;
pub mod experiment;
pub mod format;
pub mod listing;
pub mod onnx;
pub mod report;
pub mod run;
pub mod store;
pub mod study;
pub mod tensorboard;
pub mod terminal;
pub mod trainer;
pub mod ui;
pub mod untrusted;
