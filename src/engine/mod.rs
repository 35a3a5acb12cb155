//! The engine: all that touches tensors. Networks, weights, losses and steps of
//! training; everything else sees it through [`crate::trainer::Trainer`].
//!
//! Tensors have no backend parameter: the device decides. A network's tensors
//! are on a plain device; one step of training tracks a copy of them.

pub mod loss;
pub mod network;
pub mod objective;
pub mod optimizer;
pub mod step;
pub mod weights;
