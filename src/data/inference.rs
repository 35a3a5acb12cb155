//! Images that are only classified: a folder of them, with no labels.

use std::path::Path;
use std::sync::Arc;

use super::decode::Decoder;
use super::error::DataError;
use super::images::Images;
use super::part::Part;
use super::pool::{Pool, Rules};
use super::set::ImageSet;
use super::size::SizeReason;
use super::source;
use super::workers::Workers;
use crate::event::DataSummary;
use crate::untrusted::Show as _;

/// Lists every image anywhere below a folder, to be read as the images of
/// `known` were: at their size, with their normalisation. Images that cannot be
/// used, and subfolders that cannot be read or lead back to one above, are left
/// out and listed in `skipped`, however many there are; images whose
/// damage shows only when they are decoded are left out of their batch. The
/// images are those of `valid`; there are no labels.
///
/// # Errors
/// If the folder cannot be read or has no usable image.
pub fn open_folder(
    folder: &Path,
    known: &DataSummary,
    max_pixels: u64,
    workers: Workers,
) -> Result<Images, DataError> {
    let (mut found, mut skipped) =
        source::find_below(folder).map_err(DataError::at(Part::Inference))?;
    let notes = std::mem::take(&mut found.notes);
    let pool = Pool::load(
        Part::Inference,
        folder.shown().to_string(),
        found,
        known.size,
        0,
        Rules {
            max_bad: 1.0,
            decoder: Decoder::new(max_pixels),
        },
        &workers,
    )?;
    skipped.extend_from_slice(pool.skipped());
    let set = ImageSet::whole(Arc::new(pool));
    Ok(Images {
        classes: known.classes.clone(),
        size: known.size,
        size_reason: SizeReason::Given,
        mean: known.mean,
        std: known.std,
        train: set.clone(),
        valid: set,
        test: None,
        unlabelled: None,
        skipped,
        notes,
        workers,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::open_folder;
    use crate::data::Workers;
    use crate::data::fixtures::{cut, save};
    use crate::event::DataSummary;

    fn known() -> DataSummary {
        DataSummary {
            classes: vec!["a".to_owned(), "b".to_owned()],
            train_per_class: Vec::new(),
            train: 0,
            valid: 0,
            test: 0,
            unlabelled: 0,
            size: (6, 6),
            mean: [0.5; 3],
            std: [0.25; 3],
            skipped: Vec::new(),
            in_memory: true,
            identity: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn images_at_any_depth_are_listed_and_bad_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        save(&dir.path().join("1.png"), 1, (5, 5));
        save(&dir.path().join("more/2.png"), 2, (9, 4));
        fs::write(dir.path().join("3.jpg"), "no picture").unwrap();
        let workers = Workers::new(2).unwrap();
        let images = open_folder(dir.path(), &known(), 1000, workers).unwrap();
        let (set, skipped) = (&images.valid, &images.skipped);
        assert_eq!((set.len(), set.label(0)), (2, None));
        assert!(set.name(1).ends_with("more/2.png"));
        assert_eq!(set.pixels(1).unwrap().dimensions(), (6, 6));
        assert!(skipped[0].path.ends_with("3.jpg"));
    }

    #[cfg(unix)]
    #[test]
    fn a_subfolder_that_leads_back_is_named_and_the_other_images_are_read() {
        let dir = tempfile::tempdir().unwrap();
        save(&dir.path().join("sub/1.png"), 1, (5, 5));
        std::os::unix::fs::symlink("..", dir.path().join("sub/up")).unwrap();
        save(&dir.path().join("tail/2.png"), 2, (5, 5));
        let workers = Workers::new(1).unwrap();
        let images = open_folder(dir.path(), &known(), 1000, workers).unwrap();
        assert_eq!(images.valid.len(), 2);
        let [skipped] = images.skipped.as_slice() else {
            panic!("{:?}", images.skipped);
        };
        assert!(skipped.path.ends_with("sub/up"));
        assert_eq!(skipped.reason, "leads back to a folder above it");
    }

    #[test]
    fn a_folder_without_images_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let workers = Workers::new(1).unwrap();
        let error = open_folder(dir.path(), &known(), 1000, workers).unwrap_err();
        assert!(error.to_string().contains(&*dir.path().to_string_lossy()));
    }

    #[test]
    fn images_of_which_none_can_be_read_are_not_held_against_a_share() {
        for (count, expected) in [(1, "the only image in "), (2, "none of the 2 images in ")] {
            let dir = tempfile::tempdir().unwrap();
            for number in 0..count {
                let path = dir.path().join(format!("{number}.png"));
                save(&path, number, (40, 40));
                // The header is good.
                cut(&path, 200);
            }
            let workers = Workers::new(1).unwrap();
            let images = open_folder(dir.path(), &known(), 10_000, workers).unwrap();
            let all: Result<Vec<_>, _> = images.in_order(&images.valid, 8).collect();
            let error = all.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("max_bad"), "{error}");
        }
    }
}
