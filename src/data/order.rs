//! Orders that are random but the same everywhere: permutations by key.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A uniformly random order of `0..count` that depends on the purpose and the
/// key alone, not on threads, platforms or versions of a library's shuffle
/// (Fisher and Yates; bounded numbers after Lemire, 2019).
pub(super) fn permutation(count: usize, purpose: &str, key: &[u64]) -> Vec<u32> {
    let mut hasher = blake3::Hasher::new_derive_key("workbench order of images, version 1");
    hasher.update(purpose.as_bytes());
    hasher.update(&[0]);
    for part in key {
        hasher.update(&part.to_le_bytes());
    }
    let mut random = ChaCha8Rng::from_seed(*hasher.finalize().as_bytes());
    let mut order: Vec<u32> = (0..count as u32).collect();
    for last in (1..order.len()).rev() {
        let other = below(&mut random, last as u64 + 1);
        order.swap(last, other as usize);
    }
    order
}

/// A uniformly random number below `bound`, without bias.
fn below(random: &mut ChaCha8Rng, bound: u64) -> u64 {
    let biased = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(random.next_u64()) * u128::from(bound);
        if product as u64 >= biased {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::permutation;

    #[test]
    fn an_order_holds_every_number_once() {
        let mut order = permutation(1000, "order", &[7, 0]);
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..1000));
        assert!(permutation(0, "order", &[7, 0]).is_empty());
    }

    #[test]
    fn an_order_changes_with_purpose_and_key_and_with_nothing_else() {
        let order = permutation(100, "order", &[7, 0]);
        assert_eq!(order, permutation(100, "order", &[7, 0]));
        assert_ne!(order, permutation(100, "order", &[7, 1]));
        assert_ne!(order, permutation(100, "order", &[8, 0]));
        assert_ne!(order, permutation(100, "holdout", &[7, 0]));
    }

    #[test]
    fn an_order_stays_what_it_was_in_earlier_versions() {
        insta::assert_debug_snapshot!(permutation(8, "order", &[7, 0]));
    }

    #[test]
    fn every_place_is_equally_likely() {
        let mut counts = [[0u32; 5]; 5];
        for key in 0..5000 {
            for (place, &item) in permutation(5, "order", &[key]).iter().enumerate() {
                counts[item as usize][place] += 1;
            }
        }
        // 1000 expected, standard deviation 28; five of them is out of reach.
        assert!(counts.iter().flatten().all(|&n| n.abs_diff(1000) < 142));
    }
}
