//! Names of results, as gates and reports write them:
//! `<split>/<quantity>[@<weights>]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::nearest::nearest;

/// A result that a gate can be held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// On which images.
    pub split: MetricSplit,
    /// What is measured.
    pub quantity: Quantity,
    /// With which weights; those of the best checkpoint unless said otherwise.
    pub weights: MetricWeights,
}

/// The images a metric is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MetricSplit {
    /// Validation images.
    Valid,
    /// Test images.
    Test,
    /// Validation images, through the file that the student was written to.
    Export,
}

/// What a metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quantity {
    /// Share of images whose most likely class is the label, in [0, 1].
    Top1,
    /// Share of images whose label is among the five most likely, in [0, 1].
    Top5,
    /// Mean cross-entropy with the label, nats.
    Loss,
    /// Share of images on which student and teacher agree, or a file and the student,
    /// in [0, 1].
    Agreement,
    /// Mean KL(teacher ‖ student), nats.
    Kl,
    /// Greatest difference between a logit of a file and the student's.
    MaxDifference,
}

/// The weights a metric is measured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MetricWeights {
    /// Those of the checkpoint with the best validation accuracy.
    Best,
    /// Those of the last step.
    Last,
}

/// A name that is no metric's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric `{name}`")]
pub struct UnknownMetric {
    /// What was written.
    pub name: String,
    /// The metric that was probably meant.
    pub nearest: Option<&'static str>,
}

impl UnknownMetric {
    /// What to write instead.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self.nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!(
                "metrics are {}, the same with valid/, and each with @best or @last; {}",
                Metric::NAMES[..5].join(", "),
                Metric::NAMES[10..].join(", ")
            ),
        }
    }
}

impl Quantity {
    const ALL: [Self; 6] = [
        Self::Top1,
        Self::Top5,
        Self::Loss,
        Self::Agreement,
        Self::Kl,
        Self::MaxDifference,
    ];

    /// Its part of a metric's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Top1 => "top1",
            Self::Top5 => "top5",
            Self::Loss => "loss",
            Self::Agreement => "agreement",
            Self::Kl => "kl",
            Self::MaxDifference => "max_difference",
        }
    }

    /// Whether it is a share of images, in [0, 1].
    #[must_use]
    pub fn is_share(self) -> bool {
        matches!(self, Self::Top1 | Self::Top5 | Self::Agreement)
    }
}

impl Metric {
    /// Every name without a suffix.
    pub const NAMES: [&'static str; 13] = [
        "test/top1",
        "test/top5",
        "test/loss",
        "test/agreement",
        "test/kl",
        "valid/top1",
        "valid/top5",
        "valid/loss",
        "valid/agreement",
        "valid/kl",
        "export/agreement",
        "export/top1",
        "export/max_difference",
    ];

    /// Whether it compares the student with a teacher.
    #[must_use]
    pub fn needs_teacher(self) -> bool {
        self.split != MetricSplit::Export
            && matches!(self.quantity, Quantity::Agreement | Quantity::Kl)
    }

    /// Whether there is such a result: of a file some quantities are known, of its
    /// weights alone, and of images all others.
    fn is_measured(self) -> bool {
        let of_file = matches!(
            self.quantity,
            Quantity::Top1 | Quantity::Agreement | Quantity::MaxDifference
        );
        match self.split {
            MetricSplit::Export => of_file && self.weights == MetricWeights::Best,
            MetricSplit::Valid | MetricSplit::Test => self.quantity != Quantity::MaxDifference,
        }
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    /// Reads a name; `accuracy` is another word for `top1`.
    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        parse(name).ok_or_else(|| {
            let stem = name.split('@').next().unwrap_or_default();
            UnknownMetric {
                name: name.to_owned(),
                nearest: nearest(stem, Metric::NAMES).filter(|&near| near != stem),
            }
        })
    }
}

fn parse(name: &str) -> Option<Metric> {
    let (stem, weights) = match name.split_once('@') {
        None => (name, MetricWeights::Best),
        Some((stem, "best")) => (stem, MetricWeights::Best),
        Some((stem, "last")) => (stem, MetricWeights::Last),
        Some(_) => return None,
    };
    let (split, quantity) = stem.split_once('/')?;
    let split = match split {
        "valid" => MetricSplit::Valid,
        "test" => MetricSplit::Test,
        "export" => MetricSplit::Export,
        _ => return None,
    };
    let quantity = if quantity == "accuracy" {
        Quantity::Top1
    } else {
        Quantity::ALL.into_iter().find(|q| q.name() == quantity)?
    };
    let metric = Metric {
        split,
        quantity,
        weights,
    };
    metric.is_measured().then_some(metric)
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let split = match self.split {
            MetricSplit::Valid => "valid",
            MetricSplit::Test => "test",
            MetricSplit::Export => "export",
        };
        let weights = match self.weights {
            MetricWeights::Best => "best",
            MetricWeights::Last => "last",
        };
        write!(f, "{split}/{}@{weights}", self.quantity.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_is_another_word_for_top1_and_best_is_the_default() {
        let metric: Metric = "test/accuracy".parse().unwrap();
        assert_eq!(metric.to_string(), "test/top1@best");
        let last: Metric = "valid/kl@last".parse().unwrap();
        assert_eq!(last.to_string(), "valid/kl@last");
    }

    #[test]
    fn every_listed_name_is_a_metric() {
        for name in Metric::NAMES {
            assert_eq!(
                name.parse::<Metric>().unwrap().to_string(),
                format!("{name}@best")
            );
        }
    }

    #[test]
    fn a_misspelt_metric_names_the_one_that_was_meant() {
        let error = "test/tpo1".parse::<Metric>().unwrap_err();
        assert_eq!(error.nearest, Some("test/top1"));
        let error = "test/top1@worst".parse::<Metric>().unwrap_err();
        assert!(error.remedy().contains("@best or @last"));
    }
}
