//! Where in a file a network's arrays lie.
//!
//! Training scripts nest state dicts under keys of their own, wrappers put their
//! names before every array, and a file may hold the weights twice, raw and as a
//! moving average. None of these names is known here: every place is found at
//! which all of the network's arrays are, and what is chosen is reported. Where that
//! would be a guess, it is refused.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::matching::{Needed, StateDictMismatch, is_statistic, module, needed};
use super::{ArrayFile, WeightsError};
use crate::experiment::architecture::Graph;
use crate::experiment::plan::{StateDictPlace, Taken};
use crate::untrusted::clean_line;

/// Words by which training scripts name a moving average of the weights.
const AVERAGES: [&str; 6] = ["ema", "average", "averaged", "avg", "swa", "shadow"];

/// Words by which they name an optimizer's state. Nothing below it are weights, nor their
/// average, whatever it is called.
const OPTIMIZERS: [&str; 3] = ["optimizer", "optimizers", "optim"];

/// Averages of gradients that PyTorch's optimizers keep.
const MOMENTS: [&str; 6] = [
    "exp_avg",
    "exp_avg_sq",
    "max_exp_avg_sq",
    "square_avg",
    "grad_avg",
    "momentum_buffer",
];

/// What PyTorch's `AveragedModel` counts beside the module that it averages.
const AVERAGED_MODEL: &str = "n_averaged";

impl StateDictPlace {
    /// The file's name of one of the network's arrays.
    pub(super) fn full(&self, name: &str) -> String {
        match &self.classifier {
            Some((own, theirs)) if module(name) == own => {
                format!("{theirs}{}", &name[own.len()..])
            }
            _ => format!("{}{name}", self.prefix),
        }
    }

    fn describe(&self) -> String {
        describe(&self.prefix)
    }
}

fn describe(prefix: &str) -> String {
    match prefix {
        "" => "at the top".to_owned(),
        prefix => format!("under `{}`", clean_line(prefix)),
    }
}

/// Whether a name, or what precedes one, has any of these words.
fn has_word(name: &str, words: &[&str]) -> bool {
    let lower = name.to_ascii_lowercase();
    lower
        .split(['.', '_', '-'])
        .any(|word| words.contains(&word))
}

/// Whether an array is of an optimizer's state.
fn is_of_optimizer(name: &str) -> bool {
    has_word(name, &OPTIMIZERS) || name.split('.').any(|part| MOMENTS.contains(&part))
}

/// A place at which all of the network's arrays are, and how they differ.
struct Candidate {
    place: StateDictPlace,
    is_average: bool,
    mismatch: StateDictMismatch,
}

/// What seems to be a moving average, of the network's shapes, without the network's
/// names: `LitEma` removes their dots, `torch_ema` numbers the parameters.
struct UnreadAverage {
    place: String,
    /// The name of one of its arrays.
    example: String,
}

impl Candidate {
    /// What to say of an average that is not taken because arrays of it are missing.
    fn left_alone(&self) -> Option<String> {
        let missing = &self.mismatch.missing;
        let example = clean_line(&missing.first()?.name).into_owned();
        Some(format!(
            "a moving average of the weights is there, too, {}, but it lacks {} of the network's \
             arrays, such as `{example}`: the raw weights are taken",
            self.place.describe(),
            missing.len()
        ))
    }
}

/// What to do about an average that is not read.
pub(super) const SAVE_AVERAGE: &str = "for the average, copy it into the model (`copy_to` in \
                                       LitEma and torch_ema) and save model.state_dict()";

/// Finds where in a file the arrays of a network lie, whose classifier has so many
/// outputs there; without a number it is not looked for. Of raw weights and a
/// moving average, `average` says which; without it the average is taken, as
/// timm does. The second answer is what a person should know.
///
/// # Errors
/// They are nowhere, or in more than one place.
pub fn find(
    graph: &Graph,
    outputs: Option<usize>,
    file: &ArrayFile,
    average: Option<bool>,
) -> Result<(StateDictPlace, Vec<String>), WeightsError> {
    let search = Search::new(graph, outputs, file);
    let mut notes = Vec::new();
    let mut candidates = search.candidates();
    let mut unfit = Vec::new();
    if let Some(unread) = search.unread_average()
        && !candidates.iter().any(|each| each.is_average)
    {
        let UnreadAverage { place, example } = unread;
        if average == Some(true) || average.is_none() && candidates.is_empty() {
            return Err(WeightsError::UnreadAverage {
                path: file.path().to_owned(),
                place,
                example,
            });
        }
        if average.is_none() {
            notes.push(format!(
                "a moving average of the weights seems to be there, too, {place}, under names that \
                 are not the network's, such as `{example}`: the raw weights are taken; {SAVE_AVERAGE}"
            ));
        }
    }
    let fits = |candidate: &Candidate| candidate.mismatch.is_none();
    if candidates.iter().any(fits) && !candidates.iter().all(fits) {
        let (fitting, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(fits);
        notes.push(format!(
            "the arrays {} are not the network's and are left alone",
            places(&others)
        ));
        (candidates, unfit) = (fitting, others);
    }
    if !candidates.iter().any(|each| each.is_average)
        && let Some(part) = search.part_of_average(unfit)
    {
        if average == Some(true) {
            return Err(WeightsError::IncompleteAverage {
                path: file.path().to_owned(),
                place: part.place.describe(),
                mismatch: part.mismatch,
            });
        }
        if average.is_none() && !candidates.is_empty() {
            notes.extend(part.left_alone());
        }
    }
    let chosen = choose(candidates, file, average, &mut notes)?;
    let Some(chosen) = chosen else {
        return Err(search.mismatch(&search.most_alike()));
    };
    if !fits(&chosen) {
        return Err(search.refuse(chosen.mismatch));
    }
    notes.extend(unsaid(&chosen.place, &notes));
    Ok((chosen.place, notes))
}

/// One of several places, by what is requested; none if there are none.
fn choose(
    candidates: Vec<Candidate>,
    file: &ArrayFile,
    average: Option<bool>,
    notes: &mut Vec<String>,
) -> Result<Option<Candidate>, WeightsError> {
    if candidates.is_empty() {
        return Ok(None);
    }
    let path = || file.path().to_owned();
    let (averages, raw): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| candidate.is_average);
    match average {
        Some(true) if averages.is_empty() => {
            return Err(WeightsError::NoAverage {
                path: path(),
                places: places(&raw),
            });
        }
        Some(false) if raw.is_empty() => {
            return Err(WeightsError::OnlyAverage {
                path: path(),
                places: places(&averages),
            });
        }
        _ => {}
    }
    let takes_average = average.unwrap_or(!averages.is_empty());
    if !averages.is_empty() && !raw.is_empty() {
        let (what, other) = if takes_average {
            ("the average is taken", "`ema: false` takes the raw ones")
        } else {
            ("the raw weights are taken", "`ema: true` takes the average")
        };
        notes.push(format!(
            "the weights are there twice, raw {} and as a moving average {}: {what}; {other}",
            places(&raw),
            places(&averages)
        ));
    } else if takes_average {
        notes.push(format!(
            "the weights are a moving average, {}; raw ones are not there",
            places(&averages)
        ));
    }
    let pool = if takes_average { averages } else { raw };
    if pool.len() > 1 && !all_equal(&pool, file)? {
        return Err(WeightsError::Ambiguous {
            path: path(),
            places: places(&pool),
        });
    }
    Ok(pool.into_iter().next())
}

/// Whether candidates hold the same values, as where one module has two names.
fn all_equal(candidates: &[Candidate], file: &ArrayFile) -> Result<bool, WeightsError> {
    let Some((first, others)) = candidates.split_first() else {
        return Ok(true);
    };
    // Shapes that do not fit may be of any size, and are not read.
    if candidates.iter().any(|each| !each.mismatch.is_none()) {
        return Ok(false);
    }
    let names = file.names();
    for name in &names {
        let Some(own) = name.strip_prefix(&first.place.prefix) else {
            continue;
        };
        for other in others {
            let theirs = other.place.full(own);
            if file.shape(&theirs).is_some()
                && file.array(name)?.values != file.array(&theirs)?.values
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn places(candidates: &[Candidate]) -> String {
    let places: Vec<String> = candidates
        .iter()
        .map(|each| each.place.describe())
        .collect();
    places.join(" and ")
}

/// What there is to say about a place that was not said yet.
fn unsaid(source: &StateDictPlace, known: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let place = source.describe();
    if !source.prefix.is_empty() && !known.iter().any(|note| note.contains(&place)) {
        notes.push(format!("the weights are those {place}"));
    }
    if let Some((own, theirs)) = &source.classifier {
        let theirs = clean_line(theirs);
        notes.push(format!("the classifier `{own}` is `{theirs}` in the file"));
    }
    notes
}

/// Checks that what was taken of a file once can be taken of it again.
///
/// # Errors
/// It is not all there, or of another shape.
pub fn verify(graph: &Graph, file: &ArrayFile, taken: &Taken) -> Result<(), WeightsError> {
    let outputs = match &taken.outputs {
        Some(outputs) if outputs.is_empty() => None,
        // As many as the file has, as long as those that are taken are there.
        Some(outputs) => {
            let least = outputs.iter().max().map_or(0, |greatest| greatest + 1);
            let weight = format!("{}.weight", graph.classifier().unwrap_or_default());
            let found = file.shape(&taken.place.full(&weight));
            let found = found.and_then(|shape| shape.first().copied());
            Some(found.unwrap_or(0).max(least))
        }
        None => Some(graph.classes),
    };
    // Whatever else is in the file makes no difference.
    let search = Search {
        names: Vec::new(),
        ..Search::new(graph, outputs, file)
    };
    let mismatch = search.differences(&taken.place, &[]);
    if mismatch.is_none() {
        return Ok(());
    }
    Err(search.refuse(mismatch))
}

struct Search<'a> {
    graph: &'a Graph,
    needed: Vec<Needed>,
    takes_classifier: bool,
    file: &'a ArrayFile,
    names: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, outputs: Option<usize>, file: &'a ArrayFile) -> Self {
        Self {
            graph,
            needed: needed(graph, outputs),
            takes_classifier: outputs.is_some(),
            file,
            names: {
                let mut names = file.names();
                names.retain(|name| !is_of_optimizer(name));
                names
            },
        }
    }

    /// Whether what has this prefix is a moving average.
    fn is_average(&self, prefix: &str) -> bool {
        let counted = prefix.strip_suffix("module.");
        let counted = counted.map(|around| format!("{around}{AVERAGED_MODEL}"));
        has_word(prefix, &AVERAGES) || counted.is_some_and(|name| self.file.shape(&name).is_some())
    }

    /// Moving averages by the name of their place, the outermost of each, and the names
    /// there.
    fn averages(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut averages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in &self.names {
            let dots = name.match_indices('.').map(|(at, _)| &name[..=at]);
            if let Some(place) = dots.into_iter().find(|prefix| self.is_average(prefix)) {
                averages
                    .entry(place)
                    .or_default()
                    .push(&name[place.len()..]);
            }
        }
        averages
    }

    /// The first of the averages that have arrays of the shapes of all parameters, and few
    /// of the network's names.
    fn unread_average(&self) -> Option<UnreadAverage> {
        let parameters = self.needed.iter().filter(|it| !is_statistic(&it.name));
        let own: BTreeSet<&str> = self.needed.iter().map(|it| it.name.as_str()).collect();
        let mut shapes: BTreeMap<&[usize], usize> = BTreeMap::new();
        for parameter in parameters {
            *shapes.entry(&parameter.shape).or_default() += 1;
        }
        let is_own = |name: &str| {
            let mut parts = name.match_indices('.').map(|(at, _)| at + 1);
            own.contains(name) || parts.any(|at| own.contains(&name[at..]))
        };
        self.averages().into_iter().find_map(|(place, names)| {
            let (known, others): (Vec<&str>, Vec<&str>) =
                names.into_iter().partition(|name| is_own(name));
            let mut left = shapes.clone();
            for name in known.iter().chain(&others) {
                if let Some(shape) = self.file.shape(&format!("{place}{name}"))
                    && let Some(count) = left.get_mut(shape)
                {
                    *count = count.saturating_sub(1);
                }
            }
            let is_one = !shapes.is_empty() && left.values().all(|count| *count == 0);
            let example = others.iter().find(|name| {
                let shape = self.file.shape(&format!("{place}{name}"));
                shape.is_some_and(|shape| shapes.contains_key(shape))
            })?;
            (is_one && 2 * known.len() < own.len()).then(|| UnreadAverage {
                place: describe(place),
                example: clean_line(example).into_owned(),
            })
        })
    }

    /// Every place at which all arrays are; if there is none, every place at
    /// which only the classifier is another's.
    fn candidates(&self) -> Vec<Candidate> {
        let found = self.prefixes();
        let complete: Vec<StateDictPlace> = found
            .iter()
            .filter(|(_, names)| names.len() == self.needed.len())
            .map(|(prefix, _)| StateDictPlace {
                prefix: prefix.clone(),
                classifier: None,
            })
            .collect();
        let sources = if complete.is_empty() {
            self.with_other_classifier(&found)
        } else {
            complete
        };
        let averages = found.keys().filter(|prefix| self.is_average(prefix));
        let prefixes: Vec<&str> = sources
            .iter()
            .map(|each| &each.prefix)
            .chain(averages)
            .map(String::as_str)
            .chain(self.averages().into_keys())
            .collect();
        let mismatches: Vec<StateDictMismatch> = sources
            .iter()
            .map(|source| {
                // Within one place may lie another, which is no part of it.
                let others: Vec<String> = prefixes
                    .iter()
                    .filter(|other| **other != source.prefix && other.starts_with(&source.prefix))
                    .map(ToString::to_string)
                    .collect();
                self.differences(source, &others)
            })
            .collect();
        let pairs = sources.into_iter().zip(mismatches);
        pairs
            .map(|(place, mismatch)| Candidate {
                is_average: self.is_average(&place.prefix),
                place,
                mismatch,
            })
            .collect()
    }

    /// A moving average that cannot be taken: one of those that do not fit, or the
    /// place of an average with most of the network's arrays.
    fn part_of_average(&self, unfit: Vec<Candidate>) -> Option<Candidate> {
        let mut unfit = unfit.into_iter();
        if let Some(average) = unfit.find(|each| each.is_average) {
            return Some(average);
        }
        let found = self.prefixes().into_iter();
        let averages = found.filter(|(prefix, _)| self.is_average(prefix));
        // Of equals the outermost: what is left of a name may be another's.
        let most = averages.max_by_key(|(prefix, names)| (names.len(), Reverse(prefix.len())));
        let place = StateDictPlace {
            prefix: most?.0,
            classifier: None,
        };
        let mismatch = self.differences(&place, &[]);
        Some(Candidate {
            place,
            is_average: true,
            mismatch,
        })
    }

    /// What precedes names of the network, and which of them it precedes.
    fn prefixes(&self) -> BTreeMap<String, BTreeSet<&str>> {
        let needed: BTreeSet<&str> = self.needed.iter().map(|each| each.name.as_str()).collect();
        let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for name in &self.names {
            let dots = name.match_indices('.').map(|(at, _)| at + 1);
            for at in std::iter::once(0).chain(dots) {
                if let Some(own) = needed.get(&name[at..]) {
                    found.entry(name[..at].to_owned()).or_default().insert(own);
                }
            }
        }
        found
    }

    /// Places of all but the classifier, each with the one module that can be
    /// it: in the same place or in the nearest around it.
    fn with_other_classifier(
        &self,
        found: &BTreeMap<String, BTreeSet<&str>>,
    ) -> Vec<StateDictPlace> {
        let Some(own) = self.graph.classifier() else {
            return Vec::new();
        };
        let parts: Vec<&Needed> = self
            .needed
            .iter()
            .filter(|array| module(&array.name) == own)
            .collect();
        let trunk = self.needed.len() - parts.len();
        found
            .iter()
            .filter(|(_, names)| {
                names.len() == trunk && !names.iter().any(|name| module(name) == own)
            })
            .filter_map(|(prefix, names)| {
                let theirs = self.other_classifier(prefix, names, own, &parts)?;
                Some(StateDictPlace {
                    prefix: prefix.clone(),
                    classifier: Some((own.to_owned(), theirs)),
                })
            })
            .collect()
    }

    fn other_classifier(
        &self,
        prefix: &str,
        trunk: &BTreeSet<&str>,
        own: &str,
        parts: &[&Needed],
    ) -> Option<String> {
        let shape = |candidate: &str, part: &Needed| {
            self.file
                .shape(&format!("{candidate}{}", &part.name[own.len()..]))
        };
        let exactly = |candidate: &str| {
            let mut parts = parts.iter();
            parts.all(|part| shape(candidate, part) == Some(part.shape.as_slice()))
        };
        // With another number of outputs, which is an error of its own.
        let inputs_fit = |candidate: &str| {
            let mut parts = parts.iter();
            parts.all(|part| {
                shape(candidate, part).is_some_and(|found| {
                    found.len() == part.shape.len() && found[1..] == part.shape[1..]
                })
            })
        };
        let rest: Vec<&str> = self
            .names
            .iter()
            .filter(|name| {
                let within = name.strip_prefix(prefix);
                !within.is_some_and(|within| trunk.contains(within))
            })
            .map(String::as_str)
            .collect();
        only_around(prefix, &rest, exactly).or_else(|| only_around(prefix, &rest, inputs_fit))
    }

    fn differences(&self, source: &StateDictPlace, others: &[String]) -> StateDictMismatch {
        let mismatch = StateDictMismatch::of(
            source,
            &self.needed,
            self.graph,
            self.file,
            &self.names,
            others,
        );
        if self.takes_classifier {
            mismatch
        } else {
            mismatch.without_classifier(self.graph)
        }
    }

    /// The place with most of the network's arrays; the first of equals.
    fn most_alike(&self) -> StateDictPlace {
        let found = self.prefixes();
        let most = found.values().map(BTreeSet::len).max().unwrap_or(0);
        let prefix = found
            .into_iter()
            .find(|(_, names)| names.len() == most)
            .map(|(prefix, _)| prefix);
        StateDictPlace {
            prefix: prefix.unwrap_or_default(),
            classifier: None,
        }
    }

    fn mismatch(&self, source: &StateDictPlace) -> WeightsError {
        self.refuse(self.differences(source, &[]))
    }

    fn refuse(&self, mismatch: StateDictMismatch) -> WeightsError {
        WeightsError::Mismatch {
            path: self.file.path().to_owned(),
            network: self.graph.name.clone(),
            outputs: mismatch.outputs(self.graph),
            mismatch,
        }
    }
}

/// The one module of `names` that is as wanted, in a place or in the nearest
/// around it that has any; none if it has several.
fn only_around(place: &str, names: &[&str], wanted: impl Fn(&str) -> bool) -> Option<String> {
    let mut around = Some(place);
    while let Some(place) = around {
        let modules: BTreeSet<&str> = names
            .iter()
            .filter(|name| name.starts_with(place))
            .map(|name| module(name))
            .filter(|candidate| wanted(candidate))
            .collect();
        if let Some(first) = modules.first() {
            return (modules.len() == 1).then(|| (*first).to_owned());
        }
        around = outer(place);
    }
    None
}

/// The place around a place: `a.b.` is in `a.`, which is at the top.
fn outer(prefix: &str) -> Option<&str> {
    let inner = prefix.strip_suffix('.')?;
    Some(inner.rfind('.').map_or("", |at| &inner[..=at]))
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
