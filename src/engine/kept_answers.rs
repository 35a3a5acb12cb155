//! What a teacher answered elsewhere, by the content of the images.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::{ImageSet, Images, Part};
use crate::experiment::problem::Problem;
use crate::format::count;
use crate::untrusted::Show as _;

/// Logits by the hash of their image.
#[derive(Debug, Clone)]
pub struct KeptAnswers {
    path: PathBuf,
    rows: Arc<HashMap<[u8; 32], Vec<f32>>>,
}

impl KeptAnswers {
    /// Those that a file holds.
    #[must_use]
    pub fn new(path: &Path, rows: HashMap<[u8; 32], Vec<f32>>) -> Self {
        Self {
            path: path.to_owned(),
            rows: Arc::new(rows),
        }
    }

    /// Their file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The logits of an image of a set; none if it is not answered.
    #[must_use]
    pub fn find(&self, set: &ImageSet, index: usize) -> Option<&[f32]> {
        let row = self.rows.get(set.raw_hash(index).as_bytes());
        row.map(Vec::as_slice)
    }

    /// Refuses images of which it answers some only, or with no numbers.
    ///
    /// # Errors
    /// Which set, how many of its images, and one of them.
    pub fn check(&self, images: &Images) -> Result<(), Problem> {
        let sets = [
            (Part::Train, Some(&images.train)),
            (Part::Unlabelled, images.unlabelled.as_ref()),
            (Part::Valid, Some(&images.valid)),
            (Part::Test, images.test.as_ref()),
        ];
        for (part, set) in sets {
            let Some(set) = set else { continue };
            let is_broken = |index: &usize| {
                let row = self.find(set, *index);
                row.is_some_and(|row| row.iter().any(|value| !value.is_finite()))
            };
            let mut broken = (0..set.len()).filter(is_broken);
            if let Some(first) = broken.next() {
                return Err(Problem::new(
                    "teacher.weights",
                    format!(
                        "{}: its logits are not finite (NaN or infinite) for {} of the {} images of \
                         {part}, such as {}",
                        self.path.shown(),
                        count(1 + broken.count()),
                        count(set.len()),
                        set.name(first).shown()
                    ),
                )
                .help("write it again with finite logits: scripts/make-logits"));
            }
            let lacking = |index: &usize| self.find(set, *index).is_none();
            let mut lacking = (0..set.len()).filter(lacking);
            let Some(first) = lacking.next() else {
                continue;
            };
            return Err(Problem::new(
                "teacher.weights",
                format!(
                    "{} has no logits for {} of the {} images of {part}, such as {}",
                    self.path.shown(),
                    count(1 + lacking.count()),
                    count(set.len()),
                    set.name(first).shown()
                ),
            )
            .help("write them for the image files as they are now: scripts/make-logits"));
        }
        Ok(())
    }
}
