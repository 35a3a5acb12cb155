//! The engine: all that touches tensors.
//!
//! Carries out a prepared experiment as a [`Trainer`]: data and models are
//! announced, the teacher is found or trained, the student is trained, and at
//! the end its last and its best weights are evaluated on the test images. No
//! terminal, no journal: events go to a sink, commands come from an inbox.

pub mod loss;
pub mod network;
pub mod objective;
pub mod optimizer;
pub mod step;
pub mod weights;
