//! Holding out a part of the training images for validation.

use super::error::DataError;
use super::stream::shuffle;

/// Divides images into those to learn from and those to validate on: the same
/// share of every class, chosen by the seed, both in their original order.
/// A class's share is rounded, but neither part is left without an image of it.
///
/// # Errors
/// If a class has fewer than two images.
pub(super) fn holdout(
    labels: &[u32],
    classes: &[String],
    fraction: f64,
    seed: u64,
    place: &str,
) -> Result<(Vec<u32>, Vec<u32>), DataError> {
    let mut by_class: Vec<Vec<u32>> = vec![Vec::new(); classes.len()];
    for (index, &label) in (0u32..).zip(labels) {
        by_class[label as usize].push(index);
    }
    let mut held = vec![false; labels.len()];
    for (label, members) in by_class.iter().enumerate() {
        if members.len() < 2 {
            return Err(DataError::TooFewToHoldOut {
                place: place.to_owned(),
                class: classes[label].clone(),
                count: members.len(),
            });
        }
        let share = (members.len() as f64 * fraction).round() as usize;
        let share = share.clamp(1, members.len() - 1);
        // Each class has an order of its own, which no other class changes.
        let order = shuffle(seed, label as u32, "holdout", members.len() as u32);
        for &at in &order[..share] {
            held[members[at as usize] as usize] = true;
        }
    }
    Ok((0..labels.len() as u32).partition(|&index| !held[index as usize]))
}

#[cfg(test)]
mod tests {
    use super::holdout;

    fn classes(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("class{i}")).collect()
    }

    #[test]
    fn every_class_gives_the_same_share() {
        let labels: Vec<u32> = (0..300).map(|i| u32::from(i >= 100)).collect();
        let (train, valid) = holdout(&labels, &classes(2), 0.1, 7, "").unwrap();
        assert_eq!((train.len(), valid.len()), (270, 30));
        assert_eq!(valid.iter().filter(|&&i| i < 100).count(), 10);
        let mut all = [train, valid].concat();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..300));
    }

    #[test]
    fn the_seed_and_nothing_else_chooses() {
        let labels = vec![0; 50];
        let one = holdout(&labels, &classes(1), 0.2, 7, "").unwrap();
        assert_eq!(one, holdout(&labels, &classes(1), 0.2, 7, "").unwrap());
        assert_ne!(one, holdout(&labels, &classes(1), 0.2, 8, "").unwrap());
    }

    #[test]
    fn small_classes_have_an_image_in_both_parts() {
        for fraction in [0.001, 0.999] {
            let (train, valid) = holdout(&[0, 0, 1, 1, 1], &classes(2), fraction, 1, "").unwrap();
            for part in [&train, &valid] {
                assert!(part.iter().any(|&i| i < 2));
                assert!(part.iter().any(|&i| i >= 2));
            }
        }
    }

    #[test]
    fn a_class_of_one_image_is_named() {
        let error = holdout(&[0, 0, 1], &classes(2), 0.5, 1, "pets").unwrap_err();
        assert!(error.to_string().contains("pets has 1 of class \"class1\""));
    }
}
