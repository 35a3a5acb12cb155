//! What a run's images are: counted, named and distinguished from others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::format::lookalike::distinct;

/// One of an experiment's sets of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dataset {
    /// Images to learn from.
    Train,
    /// Images evaluated every epoch.
    Valid,
    /// Images evaluated at the end.
    Test,
    /// Images without labels, mixed into every batch.
    Unlabelled,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Train, Self::Valid, Self::Test, Self::Unlabelled];

    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
            Self::Unlabelled => "unlabelled",
        }
    }
}

/// What was found when images were indexed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// Names of the classes; a label is an index into them.
    pub classes: Vec<String>,
    /// Number of training images per class.
    pub train_per_class: Vec<usize>,
    /// Number of training images.
    pub train: usize,
    /// Number of validation images.
    pub valid: usize,
    /// Number of test images.
    pub test: usize,
    /// Number of unlabelled images.
    pub unlabelled: usize,
    /// Height and width, pixels.
    pub size: (u32, u32),
    /// Per-channel mean of pixels in [0, 1].
    pub mean: [f32; 3],
    /// Per-channel standard deviation.
    pub std: [f32; 3],
    /// Images left out, and why.
    pub skipped: Vec<SkippedImage>,
    /// Whether decoded images are kept in memory.
    pub in_memory: bool,
    /// What each set holds; empty in journals of older programs.
    #[serde(default)]
    pub identity: BTreeMap<Dataset, SetIdentity>,
    /// What a person should know about the images although nothing is wrong
    /// with them.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl DataSummary {
    /// Whether the training images have labels.
    #[must_use]
    pub fn labelled(&self) -> bool {
        self.train_per_class.iter().any(|&images| images > 0)
    }
}

/// What identifies a set of images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetIdentity {
    /// Number of images.
    pub images: usize,
    /// BLAKE3 of the labels and images in order, hexadecimal: of the decoded
    /// pixels where they are kept in memory, else of the files' bytes.
    pub content: String,
    /// BLAKE3 of the images' names, lengths and times of change, hexadecimal.
    /// Where it is the same, files need not be read to know their content.
    pub trace: String,
}

/// Names that a message lists before it counts the rest.
const LISTED: usize = 3;

impl DataSummary {
    /// How `now` differs from these images in anything that a training or its
    /// weights depend on: classes, their order, numbers, labels, size, content.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<String> {
        let absent = |classes: &[String], others: &[String]| {
            let lacking = classes.iter().filter(|class| !others.contains(class));
            listed(lacking.map(|class| distinct(class, others)))
        };
        if self.classes != now.classes {
            let missing = absent(&self.classes, &now.classes);
            let new = absent(&now.classes, &self.classes);
            return Some(match (missing, new) {
                (None, None) => "the classes are in another order".to_owned(),
                (Some(missing), None) => format!("class {missing} is missing"),
                (None, Some(new)) => format!("class {new} is new"),
                (Some(missing), Some(new)) => {
                    format!("class {missing} is missing and {new} is new")
                }
            });
        }
        let counts = |of: &Self| [of.train, of.valid, of.test, of.unlabelled];
        let names = ["training", "validation", "test", "unlabelled"];
        for ((before, after), name) in counts(self).into_iter().zip(counts(now)).zip(names) {
            if before != after {
                return Some(format!("{after} {name} images, and {before} before"));
            }
        }
        if self.train_per_class != now.train_per_class {
            return Some("the number of training images per class differs".to_owned());
        }
        if self.size != now.size {
            return Some(format!(
                "the image size is {} × {}, and was {} × {}",
                now.size.0, now.size.1, self.size.0, self.size.1
            ));
        }
        for (dataset, before) in &self.identity {
            if now
                .identity
                .get(dataset)
                .is_some_and(|after| !before.same_as(after))
            {
                let name = names[*dataset as usize];
                return Some(format!("the content of the {name} images differs"));
            }
        }
        None
    }
}

impl DataSummary {
    /// Whether a set holds the same images in another run, so that results on it
    /// can be compared; `None` where that is not known, as when images were
    /// resized otherwise.
    #[must_use]
    pub fn shares(&self, dataset: Dataset, other: &Self) -> Option<bool> {
        if self.classes != other.classes {
            return Some(false);
        }
        let (own, others) = (self.identity.get(&dataset)?, other.identity.get(&dataset)?);
        if own.images != others.images {
            return Some(false);
        }
        // Decoded pixels make other images in another shape of as many.
        let area = |(height, width): (u32, u32)| u64::from(height) * u64::from(width);
        let turned = self.size != other.size && area(self.size) == area(other.size);
        if own.content == others.content && !turned || own.trace == others.trace {
            return Some(true);
        }
        let comparable = (self.size, self.in_memory) == (other.size, other.in_memory);
        comparable.then_some(false)
    }
}

fn listed(names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(LISTED);
    let shown = names.get(..LISTED).unwrap_or(&names).join(", ");
    match (names.len(), more) {
        (0, _) => None,
        (_, 0) => Some(shown),
        _ => Some(format!("{shown} and {more} more")),
    }
}

impl SetIdentity {
    /// Whether both sets hold the same images with the same labels in the same
    /// order, wherever they lie.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.images == other.images && self.content == other.content
    }
}

/// An image that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedImage {
    /// File.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(classes: &[&str], train: usize, content: &str) -> DataSummary {
        let identity = SetIdentity {
            images: train,
            content: content.to_owned(),
            trace: String::new(),
        };
        DataSummary {
            classes: classes.iter().map(ToString::to_string).collect(),
            train,
            identity: BTreeMap::from([(Dataset::Train, identity)]),
            ..DataSummary::default()
        }
    }

    fn difference(before: &DataSummary, now: &DataSummary) -> String {
        before.difference(now).unwrap_or_default()
    }

    #[test]
    fn other_classes_another_order_and_other_numbers_are_reported_by_name() {
        let before = images(&["cat", "dog"], 40, "a");
        let reason = difference(&before, &images(&["dog", "cat"], 40, "a"));
        assert_eq!(reason, "the classes are in another order");
        let reason = difference(&before, &images(&["cat", "dogs"], 40, "a"));
        assert_eq!(reason, "class `dog` is missing and `dogs` is new");
        let reason = difference(&before, &images(&["cat", "dog"], 39, "a"));
        assert_eq!(reason, "39 training images, and 40 before");
    }

    #[test]
    fn other_pixels_are_reported_though_all_numbers_agree() {
        let before = images(&["cat", "dog"], 40, "a");
        assert_eq!(before.difference(&before), None);
        let reason = difference(&before, &images(&["cat", "dog"], 40, "b"));
        assert_eq!(reason, "the content of the training images differs");
    }

    #[test]
    fn runs_share_images_by_content_or_by_their_files_whatever_their_size() {
        let traced = |content: &str, trace: &str| {
            let mut data = images(&["cat", "dog"], 40, content);
            if let Some(train) = data.identity.get_mut(&Dataset::Train) {
                train.trace = trace.to_owned();
            }
            data
        };
        let own = traced("a", "x");
        let shares = |other: &DataSummary| own.shares(Dataset::Train, other);
        assert_eq!(shares(&traced("a", "y")), Some(true));
        assert_eq!(shares(&traced("b", "x")), Some(true));
        assert_eq!(shares(&traced("b", "y")), Some(false));
        let resized = DataSummary {
            size: (9, 9),
            ..traced("b", "y")
        };
        assert_eq!(shares(&resized), None);
        let sized = |size, trace| DataSummary {
            size,
            ..traced("a", trace)
        };
        let wide = sized((4, 8), "x");
        assert_eq!(wide.shares(Dataset::Train, &sized((8, 4), "y")), None);
        assert_eq!(shares(&images(&["cat"], 40, "a")), Some(false));
        assert_eq!(own.shares(Dataset::Test, &own), None);
    }

    #[test]
    fn images_of_a_program_that_knew_no_content_differ_by_what_it_knew() {
        let mut before = images(&["cat", "dog"], 40, "a");
        before.identity.clear();
        assert_eq!(before.difference(&images(&["cat", "dog"], 40, "b")), None);
    }
}
