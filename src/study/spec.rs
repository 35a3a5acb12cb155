//! What is written in a study file, as serde sees it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::slurm::SlurmSpec;
use crate::experiment::metric::ValidMetric;
use crate::experiment::{Anything, Whole};

/// A study file.
pub(super) const STUDY: Whole = Whole {
    noun: "study",
    a_noun: "a study",
    name: "Study",
    fields: "base: \"…\", variants: [(name: \"…\", set: […])], seeds: […], budget: …, baseline: \"…\"",
    example: "experiments/studies/shapes.ron",
};

/// Whether the text of a file in a folder of experiments is a study's.
#[must_use]
pub fn is_study(text: &str) -> bool {
    STUDY.is_named_in(text)
}

/// Several variants of one experiment, trained with several seeds at the same cost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename = "Study")]
pub struct StudySpec {
    /// Name of the study; the file's name without extension if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The experiment that all are variants of: the path of its file, which starts at the
    /// folder of the study file, or `Experiment(…)` itself.
    pub base: Anything,
    /// Where relative paths of the experiment start, from the folder of the study file;
    /// the folder of the experiment's file if absent.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// Changes of the experiment that all variants share, written as with `--set`.
    #[serde(default)]
    pub set: Vec<String>,
    /// What is compared, at least one.
    pub variants: Vec<VariantSpec>,
    /// Seeds that every variant is trained with.
    pub seeds: Vec<u64>,
    /// How long every student is trained.
    pub budget: Budget,
    /// By what the best weights are chosen and variants are compared; the experiment's
    /// `metric` if absent.
    #[serde(default)]
    pub metric: Option<ValidMetric>,
    /// Name of the variant that the others are compared with.
    pub baseline: String,
    /// What `--slurm` asks a cluster for.
    #[serde(default)]
    pub slurm: Option<SlurmSpec>,
}

/// A variant, or one for every combination of some values.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    /// Its name; with `vary` what comes before the values, and may be absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Changes of the experiment, written as with `--set`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Values of fields: a variant for every combination.
    #[serde(default)]
    pub vary: Vary,
}

/// Values by the path of their field, as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vary(pub Vec<(String, Vec<Anything>)>);

/// How long every student is trained.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub enum Budget {
    /// Epochs, whatever an epoch costs.
    Epochs(u32),
    /// Passes of the student over the training images: an epoch has one for each view that
    /// the student sees.
    StudentPasses(u32),
    /// Minutes of the student's training on this machine: an epoch of every variant is timed
    /// first.
    Minutes(f64),
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epochs(1) => f.write_str("1 epoch"),
            Self::Epochs(epochs) => write!(f, "{epochs} epochs"),
            Self::StudentPasses(1) => f.write_str("1 student pass"),
            Self::StudentPasses(passes) => write!(f, "{passes} student passes"),
            Self::Minutes(minutes) => write!(f, "{minutes} min of student training"),
        }
    }
}

impl<'de> Deserialize<'de> for Vary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Keeps the entries of a map in the order in which they are written.
struct InOrder;

impl<'de> serde::de::Visitor<'de> for InOrder {
    type Value = Vary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields with lists of values")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Vary, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Vary(entries))
    }
}
