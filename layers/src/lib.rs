//! Layers of image classifiers on the processor, forward and back.
//!
//! Maps have their channels last, so that convolutions read windows where they lie and the
//! processor's vectors hold channels. Work is divided among rayon's threads. Results do not
//! depend on how many there are, nor on how wide the vectors are: an image's values are
//! computed alone, and sums over images are made of pieces that follow from the sizes, in
//! order.
//!
//! This is a package of its own, because the profile for development leaves the workbench
//! itself unoptimized: these loops would be slower there by two orders of magnitude.

#![expect(
    clippy::inline_always,
    reason = "what is dispatched by the processor's vectors must be one function to use them"
)]

mod activation;
mod channels;
mod conv;
mod correlate;
mod depthwise;
mod map;
mod norm;
mod pool;

pub use activation::{Activation, activate, activate_gradient, rectify_gradient};
pub use channels::{
    add_narrow, concat, factors_gradient, flatten, narrow, scale, shuffle, unflatten,
};
pub use conv::{Conv, Packed, Window, bias_gradient};
pub use map::{Map, Shape, Spread};
pub use norm::{Moments, Norm};
pub use pool::{Pool, average_pool, average_pool_gradient, max_pool, max_pool_gradient};
