//! All that touches burn: devices, models, losses, training.

pub mod device;
