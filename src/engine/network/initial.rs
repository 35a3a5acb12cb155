//! First values of parameters, drawn on the host.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::experiment::architecture::{Initial, ParameterSpec};

/// Names the use of the seed; a change of what is drawn needs a new one.
const CONTEXT: &str = "workbench initial weights 1";

/// Values of a parameter in row-major order.
pub fn values(spec: &ParameterSpec, seed: u64) -> Vec<f32> {
    let count = spec.shape.iter().product();
    match spec.initial {
        Initial::Constant(value) => vec![value; count],
        Initial::Normal(deviation) => normal(&mut stream(seed, &spec.name), count, deviation),
        Initial::Uniform(bound) => {
            let mut rng = stream(seed, &spec.name);
            (0..count)
                .map(|_| ((2.0 * unit(&mut rng) - 1.0) * bound) as f32)
                .collect()
        }
    }
}

fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&seed.to_le_bytes());
    hasher.update(name.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Uniform in [0, 1), from the 53 bits that a double holds.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    /// 2⁻⁵³.
    const STEP: f64 = 1.0 / 9_007_199_254_740_992.0;
    (rng.next_u64() >> 11) as f64 * STEP
}

/// Box and Muller (1958): two normal values from two uniform ones.
fn normal(rng: &mut ChaCha8Rng, count: usize, deviation: f64) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        // 1 − u is never 0, so the logarithm is finite.
        let radius = deviation * (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
        let angle = TAU * unit(rng);
        values.push((radius * angle.cos()) as f32);
        values.push((radius * angle.sin()) as f32);
    }
    values.truncate(count);
    values
}
