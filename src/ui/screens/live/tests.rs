//! The Live screen in front of runs in every state.

mod alerts;
mod frames;
mod knobs;
mod looking;
mod story;
