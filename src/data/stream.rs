//! Random streams that are addressed, not shared.
//!
//! Every random decision about data is drawn from a stream that is found by
//! its key: which run (seed), when (epoch), what (sample) and for which view.
//! No stream is ever passed on, so neither the number of workers, nor the order
//! in which they finish, nor stopping and resuming changes a single draw.
//!
//! A key becomes a 256-bit `ChaCha` key by hashing, so that keys that differ
//! in one bit give streams that have nothing in common. What is hashed begins
//! with the name of what it is for, so that the order of the data and its
//! augmentation do not meet.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Says what an augmentation stream is for. A new number is a new meaning of
/// the same key: bump it and every run's draws change.
const AUGMENT: &str = "augment/1";
/// Says what a stream of data order is for.
const ORDER: &str = "order/1";

/// The address of the draws that augment one image for one view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u32,
    /// Index of the image in its set.
    pub sample: u64,
    /// View, from 0.
    pub view: u32,
}

impl StreamKey {
    /// The stream of this key, at its beginning. Streams of different keys are
    /// independent. Sub-streams of the same key are reached with
    /// [`ChaCha8Rng::set_stream`]; this one is number 0.
    #[must_use]
    pub fn rng(&self) -> ChaCha8Rng {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.sample.to_le_bytes());
        bytes[20..].copy_from_slice(&self.view.to_le_bytes());
        keyed(AUGMENT, &bytes)
    }
}

/// The numbers 0 to `count` − 1 in the order of this epoch: a Fisher–Yates
/// shuffle keyed by (seed, epoch, purpose). `purpose` names the consumer
/// ("train", "unlabelled", "holdout"), so that two sets of one run are not in
/// the same order.
#[must_use]
pub fn shuffle(seed: u64, epoch: u32, purpose: &str, count: u32) -> Vec<u32> {
    let mut bytes = Vec::with_capacity(12 + purpose.len());
    bytes.extend_from_slice(&seed.to_le_bytes());
    bytes.extend_from_slice(&epoch.to_le_bytes());
    bytes.extend_from_slice(purpose.as_bytes());
    let mut rng = keyed(ORDER, &bytes);
    let mut order: Vec<u32> = (0..count).collect();
    for last in (1..order.len()).rev() {
        // u64 and not usize: the draw must not depend on the machine's word.
        let other = rng.random_range(0..=last as u64) as usize;
        order.swap(last, other);
    }
    order
}

/// The stream of `fields` in the domain of `purpose`. The length of `purpose`
/// is hashed too, so that no two (purpose, fields) read as the same bytes.
pub(super) fn keyed(purpose: &str, fields: &[u8]) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    hasher.update(fields);
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// A number uniform in [`low`, `high`); `low` where the range is empty.
pub(super) fn between(rng: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const KEY: StreamKey = StreamKey {
        seed: 7,
        epoch: 3,
        sample: 41,
        view: 1,
    };

    #[test]
    fn a_key_always_opens_the_same_stream() {
        let first: Vec<u64> = KEY.rng().random_iter().take(32).collect();
        let second: Vec<u64> = KEY.rng().random_iter().take(32).collect();
        assert_eq!(first, second);
    }

    #[test]
    fn keys_that_differ_in_any_field_open_different_streams() {
        let keys = [
            KEY,
            StreamKey { seed: 8, ..KEY },
            StreamKey { epoch: 4, ..KEY },
            StreamKey { sample: 42, ..KEY },
            StreamKey { view: 2, ..KEY },
            // The same bits in another field.
            StreamKey {
                epoch: 1,
                view: 3,
                ..KEY
            },
            StreamKey {
                seed: 41,
                sample: 7,
                ..KEY
            },
        ];
        let firsts: HashSet<u64> = keys.iter().map(|key| key.rng().random()).collect();
        assert_eq!(firsts.len(), keys.len());
    }

    #[test]
    fn streams_of_neighbouring_keys_agree_in_half_of_their_bits() {
        // 256 pairs of 64 bits: 16384 coin flips, standard deviation 64.
        let agreeing: u32 = (0..256)
            .map(|sample| {
                let here: u64 = StreamKey { sample, ..KEY }.rng().random();
                let next: u64 = StreamKey {
                    sample: sample + 1,
                    ..KEY
                }
                .rng()
                .random();
                (here ^ next).count_zeros()
            })
            .sum();
        assert!((8192 - 320..=8192 + 320).contains(&agreeing), "{agreeing}");
    }

    #[test]
    fn the_stream_of_a_key_is_what_earlier_versions_drew() {
        // Recorded runs are replayed from their keys: a change here breaks them.
        assert_eq!(KEY.rng().random::<u64>(), 6_418_766_153_010_870_423);
    }

    #[test]
    fn a_shuffle_holds_every_number_once() {
        let mut order = shuffle(7, 0, "train", 1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_shuffle_depends_on_seed_epoch_and_purpose_and_on_nothing_else() {
        let order = shuffle(7, 2, "train", 100);
        assert_eq!(order, shuffle(7, 2, "train", 100));
        assert_ne!(order, shuffle(8, 2, "train", 100));
        assert_ne!(order, shuffle(7, 3, "train", 100));
        assert_ne!(order, shuffle(7, 2, "unlabelled", 100));
    }

    #[test]
    fn a_shuffle_puts_every_number_everywhere_equally_often() {
        let (places, shuffles) = (5_usize, 5000_u32);
        let mut counts = vec![vec![0_u32; places]; places];
        for epoch in 0..shuffles {
            for (place, &number) in shuffle(1, epoch, "train", 5).iter().enumerate() {
                counts[number as usize][place] += 1;
            }
        }
        // 1000 expected, standard deviation 28: 160 is beyond five of them.
        for count in counts.iter().flatten() {
            assert!(count.abs_diff(1000) < 160, "{counts:?}");
        }
    }

    #[test]
    fn nothing_and_one_thing_can_be_shuffled() {
        assert!(shuffle(7, 0, "train", 0).is_empty());
        assert_eq!(shuffle(7, 0, "train", 1), [0]);
    }
}
