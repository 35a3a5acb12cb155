//! Whether a file's arrays are a network's, and every way in which they are not.

use std::collections::BTreeSet;
use std::fmt;

use burn::tensor::Tensor;

use super::{Array, ArrayFile, WeightsError};
use crate::engine::network::Network;
use crate::experiment::architecture::Graph;
use crate::experiment::plan::{StateDictPlace, Taken};
use crate::untrusted::clean_line;

/// Names of one kind that an error lists before it counts the rest.
const LISTED: usize = 8;
/// A file with more unexpected names than this is another network's altogether;
/// likenesses would take long to find and help nobody.
const COMPARED: usize = 4096;

/// How the name of a running mean ends.
const MEAN: &str = ".running_mean";
/// How the name of a running variance ends.
const VARIANCE: &str = ".running_var";

/// An array that a network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needed {
    /// PyTorch's name.
    pub name: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
}

/// All that a network cannot do without, parameters first, each list in the
/// graph's order. The classifier has `outputs` outputs, or is not needed.
pub(super) fn needed(graph: &Graph, outputs: Option<usize>) -> Vec<Needed> {
    let parameters = graph.parameters().into_iter().filter_map(|parameter| {
        let mut shape = parameter.shape;
        if Some(module(&parameter.name)) == graph.classifier() {
            shape[0] = outputs?;
        }
        Some(Needed {
            name: parameter.name,
            shape,
        })
    });
    let statistics = graph.statistics().into_iter().flat_map(|known| {
        ["running_mean", "running_var"].map(|part| Needed {
            name: format!("{}.{part}", known.name),
            shape: vec![known.channels],
        })
    });
    parameters.chain(statistics).collect()
}

/// Whether it is a running mean or variance.
pub(super) fn is_statistic(name: &str) -> bool {
    [MEAN, VARIANCE].iter().any(|part| name.ends_with(part))
}

/// Arrays that a network takes over if they are there: files from before PyTorch
/// 0.4.1 have no counts, and nothing here depends on them.
pub(super) fn counts(graph: &Graph) -> impl Iterator<Item = String> {
    let statistics = graph.statistics().into_iter();
    statistics.map(|known| format!("{}.num_batches_tracked", known.name))
}

/// The module of a parameter's name.
pub(super) fn module(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(module, _)| module)
}

/// Differences between a file and a network; names are the network's, without
/// the file's prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateDictMismatch {
    /// Arrays that the network needs and the file lacks.
    pub missing: Vec<Missing>,
    /// Arrays of the file that the network has no place for.
    pub unexpected: Vec<String>,
    /// Arrays of another shape.
    pub shapes: Vec<ShapeMismatch>,
    /// Whether the file lacks all running statistics, and there are some.
    pub without_statistics: bool,
}

/// An array that a file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// The unexpected name that is most like it.
    pub nearest: Option<String>,
}

/// An array of another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// Its name.
    pub name: String,
    /// Shape in the file.
    pub found: Vec<usize>,
    /// Shape in the network.
    pub expected: Vec<usize>,
}

impl StateDictMismatch {
    /// What is wrong with taking `needed` from this place in the file, of whose
    /// `names` those at the place of another candidate are none of its business.
    pub(super) fn of(
        source: &StateDictPlace,
        needed: &[Needed],
        graph: &Graph,
        file: &ArrayFile,
        names: &[String],
        others: &[String],
    ) -> Self {
        let mut unclaimed: BTreeSet<&str> = names
            .iter()
            .filter(|name| !others.iter().any(|other| name.starts_with(other.as_str())))
            .map(String::as_str)
            .filter(|name| name.starts_with(&source.prefix))
            .collect();
        let mut mismatch = Self::default();
        for array in needed {
            let full = source.full(&array.name);
            unclaimed.remove(full.as_str());
            match file.shape(&full) {
                None => mismatch.missing.push(Missing {
                    name: array.name.clone(),
                    nearest: None,
                }),
                Some(shape) if shape != array.shape => mismatch.shapes.push(ShapeMismatch {
                    name: array.name.clone(),
                    found: shape.to_vec(),
                    expected: array.shape.clone(),
                }),
                Some(_) => {}
            }
        }
        let all = needed.iter().filter(|it| is_statistic(&it.name)).count();
        let missing = mismatch.missing.iter();
        let missing = missing.filter(|it| is_statistic(&it.name)).count();
        mismatch.without_statistics = all > 0 && missing == all;
        for count in counts(graph) {
            unclaimed.remove(source.full(&count).as_str());
        }
        mismatch.unexpected = unclaimed
            .into_iter()
            .filter_map(|name| name.strip_prefix(&source.prefix))
            .map(str::to_owned)
            .collect();
        if mismatch.unexpected.len() <= COMPARED {
            for missing in mismatch.missing.iter_mut().take(LISTED) {
                missing.nearest = nearest(&missing.name, &mismatch.unexpected);
            }
        }
        mismatch
    }

    /// The same where the file's classifier is not taken: it may have any shape and
    /// name, as long as it is one module.
    pub(super) fn without_classifier(mut self, graph: &Graph) -> Self {
        let modules: BTreeSet<&str> = self.unexpected.iter().map(|name| module(name)).collect();
        let own = graph.classifier();
        let classifier = match modules.first() {
            Some(only) if modules.len() == 1 => Some((*only).to_owned()),
            _ => own.map(str::to_owned),
        };
        self.unexpected
            .retain(|name| Some(module(name)) != classifier.as_deref());
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The first of the arrays that are missing, if these are the running statistics, all
    /// of them, and all else is there.
    fn only_statistics_are_missing(&self) -> Option<&Missing> {
        let only = self.without_statistics
            && self.unexpected.is_empty()
            && self.shapes.is_empty()
            && self.missing.iter().all(|it| is_statistic(&it.name));
        self.missing.first().filter(|_| only)
    }

    /// The number of outputs of the file's classifier, if that is all that is
    /// wrong.
    #[must_use]
    pub fn outputs(&self, graph: &Graph) -> Option<usize> {
        let classifier = graph.classifier()?;
        let of_classifier = |shape: &ShapeMismatch| {
            module(&shape.name) == classifier
                && shape.found.len() == shape.expected.len()
                && shape.found[1..] == shape.expected[1..]
        };
        let only = self.missing.is_empty()
            && self.unexpected.is_empty()
            && self.shapes.iter().all(of_classifier);
        self.shapes
            .first()
            .filter(|_| only)
            .map(|shape| shape.found[0])
    }
}

/// New values for everything in a network, in its order.
pub struct Fitted {
    parameters: Vec<Tensor<1>>,
    /// Mean, variance and count.
    statistics: Vec<(Tensor<1>, Tensor<1>, u64)>,
}

impl Fitted {
    /// Reads every array of `network` from its place in the file, where all of
    /// them are known to be.
    pub(super) fn read(
        network: &Network,
        file: &ArrayFile,
        taken: &Taken,
    ) -> Result<Self, WeightsError> {
        let (graph, source) = (network.graph(), &taken.place);
        let read = |name: &str| -> Result<Tensor<1>, WeightsError> {
            let array = file.array(&source.full(name))?;
            let array = match &taken.outputs {
                Some(rows) if Some(module(name)) == graph.classifier() => array.rows(rows),
                _ => array,
            };
            if !array.is_finite() {
                return Err(WeightsError::NotFinite {
                    path: file.path().to_owned(),
                    name: name.to_owned(),
                });
            }
            if name.ends_with(VARIANCE) && array.has_negative() {
                return Err(WeightsError::NegativeVariance {
                    path: file.path().to_owned(),
                    name: name.to_owned(),
                });
            }
            array
                .tensor(network.device())
                .ok_or_else(|| file.integers(name))
        };
        let count = |name: &str| -> Result<u64, WeightsError> {
            let full = source.full(name);
            if file.shape(&full).is_none() {
                return Ok(0);
            }
            Ok(file.array(&full)?.as_count().unwrap_or(0))
        };
        let parameters = network.parameters().iter();
        let statistics = network.statistics().iter();
        let is_new = |name: &str| {
            let is_classifier = Some(module(name)) == graph.classifier();
            is_classifier && taken.outputs.as_ref().is_some_and(Vec::is_empty)
        };
        Ok(Self {
            parameters: parameters
                .map(|parameter| {
                    if is_new(&parameter.name) {
                        Ok(parameter.value.clone())
                    } else {
                        read(&parameter.name)
                    }
                })
                .collect::<Result<_, _>>()?,
            statistics: statistics
                .zip(counts(graph))
                .map(|(known, counted)| {
                    Ok((
                        read(&format!("{}.running_mean", known.name))?,
                        read(&format!("{}.running_var", known.name))?,
                        count(&counted)?,
                    ))
                })
                .collect::<Result<_, WeightsError>>()?,
        })
    }

    /// Gives the network its new values.
    pub fn apply(self, network: &mut Network) {
        for (parameter, value) in network.parameters_mut().iter_mut().zip(self.parameters) {
            parameter.value = value;
        }
        let known = network.statistics_mut().iter_mut();
        for (known, (mean, variance, batches)) in known.zip(self.statistics) {
            known.mean = mean;
            known.variance = variance;
            known.batches = batches;
        }
    }
}

impl Array {
    /// The rows of these numbers, in this order.
    fn rows(self, rows: &[usize]) -> Self {
        let length: usize = self.shape.iter().skip(1).product();
        let chosen = |values: &[f32]| -> Vec<f32> {
            rows.iter()
                .flat_map(|row| &values[row * length..(row + 1) * length])
                .copied()
                .collect()
        };
        let values = match &self.values {
            super::Values::F32(values) => super::Values::F32(chosen(values)),
            super::Values::I64(_) => self.values,
        };
        let mut shape = self.shape;
        shape[0] = rows.len();
        Self {
            name: self.name,
            shape,
            values,
        }
    }
}

/// The candidate with the least edit distance, if it is at all alike.
fn nearest(name: &str, candidates: &[String]) -> Option<String> {
    candidates
        .iter()
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, candidate)| 2 * edits < name.len().max(candidate.len()))
        .min()
        .map(|(_, candidate)| candidate.clone())
}

/// Levenshtein's distance over bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl fmt::Display for StateDictMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.only_statistics_are_missing() {
            return write!(
                f,
                "\n  missing: running means and variances of batch normalisation ({} arrays, such \
                 as `{}`) and nothing else: these are a model's parameters without its buffers; save \
                 model.state_dict(), not its parameters",
                self.missing.len(),
                first.name
            );
        }
        let missing = self.missing.iter().map(|missing| match &missing.nearest {
            Some(nearest) => format!("`{}` (the file has `{nearest}`)", missing.name),
            None => format!("`{}`", missing.name),
        });
        list(f, "missing", missing.collect())?;
        let unexpected = self.unexpected.iter().map(|name| format!("`{name}`"));
        list(f, "unexpected", unexpected.collect())?;
        let shapes = self.shapes.iter().map(|m| {
            format!(
                "`{}` is {:?} in the file and {:?} in the model",
                m.name, m.found, m.expected
            )
        });
        list(f, "of another shape", shapes.collect())
    }
}

fn list(f: &mut fmt::Formatter<'_>, kind: &str, items: Vec<String>) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    let more = items.len().saturating_sub(LISTED);
    let shown: Vec<String> = items.into_iter().take(LISTED).collect();
    write!(f, "\n  {kind}: {}", clean_line(&shown.join(", ")))?;
    if more > 0 {
        write!(f, " and {more} more")?;
    }
    Ok(())
}
