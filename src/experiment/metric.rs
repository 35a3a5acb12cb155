//! Names of results, as gates and reports write them:
//! `<split>/<quantity>[@<weights>]`.

use crate::untrusted::Show as _;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::nearest::nearest;
use crate::format::{loss, percent};

/// A result that a gate can be held against.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// On which images.
    pub split: MetricSplit,
    /// What is measured.
    pub quantity: Quantity,
    /// Of which class, where it is of one.
    pub class: Option<String>,
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
    /// No images: the student's speed and size, as measured.
    Bench,
}

/// What a metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quantity {
    /// Share of images whose most likely class is the label, in [0, 1].
    Top1,
    /// Share of images whose label is among the five most likely, in [0, 1].
    Top5,
    /// Mean over the classes with images of their recall, in [0, 1].
    BalancedAccuracy,
    /// Mean F1 over the classes that are labels or predictions, in [0, 1].
    MacroF1,
    /// Share of a class's images that are predicted as it, in [0, 1].
    Recall,
    /// Share of the images predicted as a class that have its label, in [0, 1].
    Precision,
    /// Mean cross-entropy with the label, nats.
    Loss,
    /// Share of images on which student and teacher agree, or a file and the student,
    /// in [0, 1].
    Agreement,
    /// Mean KL(teacher ‖ student), nats.
    Kl,
    /// Greatest difference between a logit of a file and the student's.
    MaxDifference,
    /// What an image costs.
    Cost(Cost),
}

/// What an image costs a model, on no images in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cost {
    /// Median time of an answer, milliseconds.
    P50,
    /// Time that nine of ten answers take at most, milliseconds.
    P90,
    /// Time that 99 of 100 answers take at most, milliseconds.
    P99,
    /// Images a second.
    ImagesPerSecond,
    /// Most memory that answering took, bytes.
    PeakMemory,
    /// Length of the model's file.
    FileBytes,
    /// Multiply-accumulates of one image.
    Macs,
}

/// The weights a metric is measured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MetricWeights {
    /// Those of the best checkpoint on the validation images, by the experiment's `metric`.
    Best,
    /// Those of the last step.
    Last,
}

/// A metric of the validation images that a training is steered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValidMetric {
    /// Share of images whose most likely class is the label.
    #[default]
    Top1,
    /// Mean over the classes with images of their recall.
    BalancedAccuracy,
    /// Mean F1 over the classes that are labels or predictions.
    MacroF1,
    /// Mean cross-entropy with the label.
    Loss,
    /// Share of images on which student and teacher agree.
    Agreement,
    /// Mean KL(teacher ‖ student).
    Kl,
}

/// A name that is no metric's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric `{name}`", name = name.shown())]
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
                "metrics are {}, test/recall/CLASS and test/precision/CLASS, the same with valid/, \
                 and each with @best or @last; {}",
                Metric::NAMES[..7].join(", "),
                Metric::NAMES[14..].join(", ")
            ),
        }
    }
}

impl ValidMetric {
    /// What it measures.
    #[must_use]
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Top1 => Quantity::Top1,
            Self::BalancedAccuracy => Quantity::BalancedAccuracy,
            Self::MacroF1 => Quantity::MacroF1,
            Self::Loss => Quantity::Loss,
            Self::Agreement => Quantity::Agreement,
            Self::Kl => Quantity::Kl,
        }
    }

    /// Whether a higher value is the better one.
    #[must_use]
    pub fn rises(self) -> bool {
        self.quantity().is_share()
    }

    /// Whether a value is better than another one; any is than none, NaN.
    #[must_use]
    pub fn improves(self, value: f64, on: f64) -> bool {
        if on.is_nan() {
            return !value.is_nan();
        }
        if self.rises() { value > on } else { value < on }
    }

    /// A value of it as people write it.
    #[must_use]
    pub fn written(self, value: f64) -> String {
        if self.quantity().is_share() {
            percent(value)
        } else {
            loss(value)
        }
    }

    /// Whether it is the accuracy, as where nothing else is said.
    #[must_use]
    pub fn is_top1(&self) -> bool {
        *self == Self::Top1
    }

    /// Whether it compares the student with a teacher.
    #[must_use]
    pub fn needs_teacher(self) -> bool {
        self.quantity().needs_teacher()
    }
}

/// `valid/top1`.
impl fmt::Display for ValidMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "valid/{}", self.quantity().name())
    }
}

impl Quantity {
    const ALL: [Self; 17] = [
        Self::Top1,
        Self::Top5,
        Self::BalancedAccuracy,
        Self::MacroF1,
        Self::Recall,
        Self::Precision,
        Self::Loss,
        Self::Agreement,
        Self::Kl,
        Self::MaxDifference,
        Self::Cost(Cost::P50),
        Self::Cost(Cost::P90),
        Self::Cost(Cost::P99),
        Self::Cost(Cost::ImagesPerSecond),
        Self::Cost(Cost::PeakMemory),
        Self::Cost(Cost::FileBytes),
        Self::Cost(Cost::Macs),
    ];

    /// Its part of a metric's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Top1 => "top1",
            Self::Top5 => "top5",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::MacroF1 => "macro_f1",
            Self::Recall => "recall",
            Self::Precision => "precision",
            Self::Loss => "loss",
            Self::Agreement => "agreement",
            Self::Kl => "kl",
            Self::MaxDifference => "max_difference",
            Self::Cost(cost) => cost.name(),
        }
    }

    /// Whether it compares the student with a teacher.
    fn needs_teacher(self) -> bool {
        matches!(self, Self::Agreement | Self::Kl)
    }

    /// Whether it is a share of images, in [0, 1].
    #[must_use]
    pub fn is_share(self) -> bool {
        matches!(
            self,
            Self::Top1
                | Self::Top5
                | Self::BalancedAccuracy
                | Self::MacroF1
                | Self::Recall
                | Self::Precision
                | Self::Agreement
        )
    }

    /// Whether it is of one class.
    #[must_use]
    pub fn is_of_class(self) -> bool {
        matches!(self, Self::Recall | Self::Precision)
    }
}

impl Cost {
    /// Its part of a metric's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50_ms",
            Self::P90 => "p90_ms",
            Self::P99 => "p99_ms",
            Self::ImagesPerSecond => "images_per_second",
            Self::PeakMemory => "peak_memory",
            Self::FileBytes => "file_bytes",
            Self::Macs => "macs",
        }
    }
}

impl Metric {
    /// Every name without a suffix, but for those of single classes.
    pub const NAMES: [&'static str; 24] = [
        "test/top1",
        "test/top5",
        "test/balanced_accuracy",
        "test/macro_f1",
        "test/loss",
        "test/agreement",
        "test/kl",
        "valid/top1",
        "valid/top5",
        "valid/balanced_accuracy",
        "valid/macro_f1",
        "valid/loss",
        "valid/agreement",
        "valid/kl",
        "export/agreement",
        "export/top1",
        "export/max_difference",
        "bench/p50_ms",
        "bench/p90_ms",
        "bench/p99_ms",
        "bench/images_per_second",
        "bench/peak_memory",
        "bench/file_bytes",
        "bench/macs",
    ];

    /// Whether it compares the student with a teacher.
    #[must_use]
    pub fn needs_teacher(&self) -> bool {
        matches!(self.split, MetricSplit::Valid | MetricSplit::Test)
            && self.quantity.needs_teacher()
    }

    /// Whether there is such a result: of a file some quantities are known, of its
    /// weights alone, and of images all others.
    fn is_measured(&self) -> bool {
        if self.class.is_some() != self.quantity.is_of_class() {
            return false;
        }
        let of_file = matches!(
            self.quantity,
            Quantity::Top1 | Quantity::Agreement | Quantity::MaxDifference
        );
        match self.split {
            MetricSplit::Export => of_file && self.weights == MetricWeights::Best,
            MetricSplit::Bench => {
                matches!(self.quantity, Quantity::Cost(_)) && self.weights == MetricWeights::Best
            }
            MetricSplit::Valid | MetricSplit::Test => {
                !matches!(self.quantity, Quantity::MaxDifference | Quantity::Cost(_))
            }
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
    // The name of a class may hold any of these signs.
    let (stem, weights) = match name.rsplit_once('@') {
        Some((stem, "best")) => (stem, MetricWeights::Best),
        Some((stem, "last")) => (stem, MetricWeights::Last),
        _ => (name, MetricWeights::Best),
    };
    let (split, rest) = stem.split_once('/')?;
    let (quantity, class) = match rest.split_once('/') {
        Some((quantity, class)) if !class.is_empty() => (quantity, Some(class.to_owned())),
        _ => (rest, None),
    };
    let split = match split {
        "valid" => MetricSplit::Valid,
        "test" => MetricSplit::Test,
        "export" => MetricSplit::Export,
        "bench" => MetricSplit::Bench,
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
        class,
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
            // Other weights are no slower.
            MetricSplit::Bench => return write!(f, "bench/{}", self.quantity.name()),
        };
        let weights = match self.weights {
            MetricWeights::Best => "best",
            MetricWeights::Last => "last",
        };
        write!(f, "{split}/{}", self.quantity.name())?;
        if let Some(class) = &self.class {
            write!(f, "/{}", class.shown())?;
        }
        write!(f, "@{weights}")
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
            let metric = name.parse::<Metric>().unwrap();
            let weights = if metric.split == MetricSplit::Bench {
                ""
            } else {
                "@best"
            };
            assert_eq!(metric.to_string(), format!("{name}{weights}"));
        }
    }

    #[test]
    fn a_number_is_better_than_none_and_none_than_nothing() {
        for metric in [ValidMetric::Top1, ValidMetric::Loss] {
            assert!(metric.improves(0.5, f64::NAN));
            assert!(!metric.improves(f64::NAN, 0.5));
            assert!(!metric.improves(f64::NAN, f64::NAN));
        }
        assert!(ValidMetric::Loss.improves(0.4, 0.5) && ValidMetric::Top1.improves(0.5, 0.4));
    }

    #[test]
    fn a_metric_of_a_class_has_its_name_whatever_that_holds() {
        for class in ["cat", "a/b", "x@y", "big cat"] {
            let metric: Metric = format!("test/recall/{class}@last").parse().unwrap();
            assert_eq!(metric.class.as_deref(), Some(class));
            assert_eq!(metric.weights, MetricWeights::Last);
            assert_eq!(metric.to_string(), format!("test/recall/{class}@last"));
        }
        for wrong in [
            "test/recall",
            "test/recall/",
            "test/top1/cat",
            "export/recall/cat",
        ] {
            assert!(wrong.parse::<Metric>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_misspelt_metric_names_the_one_that_was_meant() {
        let error = "test/tpo1".parse::<Metric>().unwrap_err();
        assert_eq!(error.nearest, Some("test/top1"));
        let error = "test/top1@worst".parse::<Metric>().unwrap_err();
        assert!(error.remedy().contains("@best or @last"));
        for wrong in ["bench/p50", "bench/p50_ms@last", "bench/top1", "valid/macs"] {
            assert!(wrong.parse::<Metric>().is_err(), "{wrong}");
        }
        let error = "bench/p55_ms".parse::<Metric>().unwrap_err();
        assert_eq!(error.nearest, Some("bench/p50_ms"));
    }
}
