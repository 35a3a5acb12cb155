//! Whether a file's arrays are a network's, and every way in which they are not.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use burn::tensor::Tensor;

use super::{Array, ArrayFile, WeightsError};
use crate::engine::network::Network;

/// Keys under which training scripts nest a state dict.
const NESTS: [&str; 7] = [
    "",
    "state_dict.",
    "model.",
    "model_state_dict.",
    "model_state.",
    "net.",
    "network.",
];
/// Prefixes that wrappers (data parallel, compiled) put before every name.
const WRAPPERS: [&str; 4] = ["", "module.", "_orig_mod.", "model."];
/// Names of one kind that an error lists before it counts the rest.
const LISTED: usize = 8;

/// Differences between a file and a network; names are the network's, without
/// the file's prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Arrays that the network needs and the file lacks.
    pub missing: Vec<Missing>,
    /// Arrays of the file that the network has no place for.
    pub unexpected: Vec<String>,
    /// Arrays of another shape or kind.
    pub misshapen: Vec<Misshapen>,
}

/// An array that a file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// The unexpected name that is most like it.
    pub nearest: Option<String>,
}

/// An array of another shape or kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshapen {
    /// Its name.
    pub name: String,
    /// Shape in the file.
    pub found: Vec<usize>,
    /// Shape in the network.
    pub expected: Vec<usize>,
}

/// New values for everything in a network, in its order.
pub struct Fitted {
    parameters: Vec<Tensor<1>>,
    /// Mean, variance and count.
    statistics: Vec<(Tensor<1>, Tensor<1>, u64)>,
}

impl Fitted {
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

/// Finds every array of `network` in `file`.
pub fn fit(network: &Network, file: &ArrayFile, path: &Path) -> Result<Fitted, WeightsError> {
    let names = file.names();
    let prefix = prefix(network, &names);
    let mut search = Search {
        network,
        file,
        path,
        unclaimed: names
            .iter()
            .filter_map(|name| name.strip_prefix(&prefix))
            .collect(),
        prefix,
        misfit: Misfit::default(),
    };
    let fitted = search.everything()?;
    search.misfit.unexpected = search.unclaimed.iter().map(ToString::to_string).collect();
    for missing in &mut search.misfit.missing {
        missing.nearest = nearest(&missing.name, &search.misfit.unexpected);
    }
    match fitted {
        Some(fitted) if search.misfit == Misfit::default() => Ok(fitted),
        _ => Err(WeightsError::Misfit {
            path: path.to_owned(),
            network: network.graph().name.clone(),
            misfit: search.misfit,
        }),
    }
}

/// The prefix under which most of the network's parameters are found; the
/// shortest of equals.
fn prefix(network: &Network, names: &[String]) -> String {
    let present: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let found = |prefix: &str| {
        let parameters = network.parameters().iter();
        parameters
            .filter(|parameter| present.contains(format!("{prefix}{}", parameter.name).as_str()))
            .count()
    };
    let mut best = (String::new(), 0);
    for nest in NESTS {
        for wrapper in WRAPPERS {
            let prefix = format!("{nest}{wrapper}");
            let count = found(&prefix);
            if count > best.1 {
                best = (prefix, count);
            }
        }
    }
    best.0
}

struct Search<'a> {
    network: &'a Network,
    file: &'a ArrayFile,
    path: &'a Path,
    prefix: String,
    /// Names below the prefix that nothing has asked for yet.
    unclaimed: BTreeSet<&'a str>,
    misfit: Misfit,
}

impl Search<'_> {
    /// Every array, or nothing if one is missing or misshapen.
    fn everything(&mut self) -> Result<Option<Fitted>, WeightsError> {
        let mut parameters = Vec::new();
        for parameter in self.network.parameters() {
            parameters.push(self.floats(&parameter.name, &parameter.shape)?);
        }
        let mut statistics = Vec::new();
        for known in self.network.statistics() {
            let shape = known.mean.dims();
            let mean = self.floats(&format!("{}.running_mean", known.name), &shape)?;
            let variance = self.floats(&format!("{}.running_var", known.name), &shape)?;
            let batches = self.count(&format!("{}.num_batches_tracked", known.name))?;
            statistics.push(
                mean.zip(variance)
                    .map(|(mean, variance)| (mean, variance, batches)),
            );
        }
        let parameters: Option<Vec<_>> = parameters.into_iter().collect();
        let statistics: Option<Vec<_>> = statistics.into_iter().collect();
        Ok(parameters
            .zip(statistics)
            .map(|(parameters, statistics)| Fitted {
                parameters,
                statistics,
            }))
    }

    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Option<Tensor<1>>, WeightsError> {
        let Some(array) = self.claim(name)? else {
            self.misfit.missing.push(Missing {
                name: name.to_owned(),
                nearest: None,
            });
            return Ok(None);
        };
        let tensor = array.tensor(self.network.device());
        if array.shape != shape || tensor.is_none() {
            self.misfit.misshapen.push(Misshapen {
                name: name.to_owned(),
                found: array.shape,
                expected: shape.to_vec(),
            });
            return Ok(None);
        }
        if !array.is_finite() {
            return Err(WeightsError::NotFinite {
                path: self.path.to_owned(),
                name: name.to_owned(),
            });
        }
        Ok(tensor)
    }

    /// Files from before PyTorch 0.4.1 have no count; nothing here depends on
    /// it.
    fn count(&mut self, name: &str) -> Result<u64, WeightsError> {
        let array = self.claim(name)?;
        Ok(array.and_then(|array| array.as_count()).unwrap_or(0))
    }

    fn claim(&mut self, name: &str) -> Result<Option<Array>, WeightsError> {
        if self.unclaimed.remove(name) {
            let full = format!("{}{name}", self.prefix);
            self.file.array(&full).map(Some)
        } else {
            Ok(None)
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

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.missing.iter().map(|missing| match &missing.nearest {
            Some(nearest) => format!("`{}` (the file has `{nearest}`)", missing.name),
            None => format!("`{}`", missing.name),
        });
        list(f, "missing", missing.collect())?;
        let unexpected = self.unexpected.iter().map(|name| format!("`{name}`"));
        list(f, "unexpected", unexpected.collect())?;
        let misshapen = self.misshapen.iter().map(|m| {
            format!(
                "`{}` is {:?} in the file and {:?} in the model",
                m.name, m.found, m.expected
            )
        });
        list(f, "of another shape", misshapen.collect())
    }
}

fn list(f: &mut fmt::Formatter<'_>, kind: &str, items: Vec<String>) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    let more = items.len().saturating_sub(LISTED);
    let shown: Vec<String> = items.into_iter().take(LISTED).collect();
    write!(f, "\n  {kind}: {}", shown.join(", "))?;
    if more > 0 {
        write!(f, " and {more} more")?;
    }
    Ok(())
}
