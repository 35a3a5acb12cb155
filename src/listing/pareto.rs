//! What a student's accuracy costs: runs as points, those that no other beats as a
//! front, the teacher as a line. The same on the screen, in a picture and as JSON.
//!
//! Times of one processor only stand in one picture.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::Subject;
use super::field::{Column, written};
use crate::event::inspection::Weights;
use crate::event::{
    BenchRow, Dataset, Export, ExportFormat, Measurement, Phase, PixelFormat, Split, Variant,
};
use crate::experiment::metric::{Cost, Metric, MetricSplit, MetricWeights, Quantity};
use crate::format::percent;
use crate::store::images_of;
use crate::store::metrics::evaluation;

/// What an accuracy is held against.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ParetoCost {
    /// Median time of an answer on this processor; none where nothing was measured.
    Latency(Option<String>),
    /// Size of the ONNX file, which is what goes onto a device.
    Size,
    /// Multiply-accumulates of one image.
    Macs,
}

/// A student in the picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParetoPoint {
    /// Its run.
    pub run: String,
    /// What its file computes with.
    pub variant: Variant,
    /// How the file takes images whose time or size this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<PixelFormat>,
    /// What it costs.
    pub cost: f64,
    /// Its accuracy, in [0, 1].
    pub top1: f64,
    /// Whether no other costs less and is as accurate.
    pub on_front: bool,
    /// The engine that was timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// A teacher's accuracy on the same images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TeacherLine {
    /// Family and size.
    pub name: String,
    /// Its accuracy, in [0, 1].
    pub top1: f64,
    /// Which of several of that name it is: its file, or the run that trained it. The first of
    /// the runs, where it is that of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// A student that the picture lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Absent {
    /// Its run.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// The picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pareto {
    /// What is drawn across.
    pub cost: ParetoCost,
    /// On which images accuracies are.
    pub split: Split,
    /// Students, the cheapest first.
    pub points: Vec<ParetoPoint>,
    /// Their teachers, the best first.
    pub teachers: Vec<TeacherLine>,
    /// Runs that are not shown.
    pub absent: Vec<Absent>,
    /// Runs that are shown and were evaluated on other images than most, or at another size.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_images: Vec<String>,
}

impl ParetoCost {
    /// What some runs can be held against: the processor that measured most of them
    /// first.
    #[must_use]
    pub fn all(runs: &[Subject]) -> Vec<Self> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for run in runs {
            for measured in measurements(run) {
                *counts.entry(&measured.machine.processor).or_default() += 1;
            }
        }
        let mut processors: Vec<(&str, usize)> = counts.into_iter().collect();
        processors.sort_by_key(|(_, count)| Reverse(*count));
        let latencies = processors
            .into_iter()
            .map(|(name, _)| Self::Latency(Some(name.to_owned())));
        let mut all: Vec<Self> = latencies.collect();
        if all.is_empty() {
            all.push(Self::Latency(None));
        }
        all.extend([Self::Size, Self::Macs]);
        all
    }

    /// The quantity, which says how it is written.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        Quantity::Cost(match self {
            Self::Latency(_) => Cost::P50,
            Self::Size => Cost::FileBytes,
            Self::Macs => Cost::Macs,
        })
    }

    /// Its name and unit.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency p50, ms",
            Self::Size => "ONNX file size, bytes",
            Self::Macs => "MACs per image",
        }
    }

    /// What the numbers of its axis count.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Latency(_) => "ms",
            Self::Size => "bytes",
            Self::Macs => "MACs",
        }
    }
}

impl Pareto {
    /// The picture of some runs.
    #[must_use]
    pub fn of(runs: &[Subject], cost: ParetoCost, split: Split) -> Self {
        let mut picture = Self {
            cost,
            split,
            points: Vec::new(),
            teachers: Vec::new(),
            absent: Vec::new(),
            other_images: Vec::new(),
        };
        let classes_of = |run: &Subject| Some(run.run.store.data.as_ref()?.classes.clone());
        let classes = most_common(runs.iter().filter_map(classes_of));
        for run in runs {
            let own = classes_of(run);
            if own.is_some() && own != classes {
                picture.absent.push(Absent {
                    run: run.name.to_owned(),
                    reason: "has other classes than most of these runs".to_owned(),
                });
                continue;
            }
            for variant in Variant::ALL {
                picture.add(run, variant);
            }
        }
        picture.other_images = picture.on_other_images(runs);
        picture.points.sort_by(|a, b| {
            let by_cost = a.cost.total_cmp(&b.cost);
            by_cost.then(b.top1.total_cmp(&a.top1))
        });
        let mut best = f64::NEG_INFINITY;
        for equal in picture.points.chunk_by_mut(ParetoPoint::is_at) {
            let on_front = equal[0].top1 > best;
            best = best.max(equal[0].top1);
            for point in equal {
                point.on_front = on_front;
            }
        }
        let teachers = &mut picture.teachers;
        teachers.sort_by(|a, b| b.top1.total_cmp(&a.top1).then(a.name.cmp(&b.name)));
        teachers.dedup_by(|a, b| a.name == b.name && percent(a.top1) == percent(b.top1));
        let names: Vec<String> = teachers.iter().map(|it| it.name.clone()).collect();
        for teacher in teachers {
            let alike = names.iter().filter(|name| **name == teacher.name);
            teacher.of.take_if(|_| alike.count() == 1);
        }
        picture
    }

    /// Those of the runs with points that were evaluated on other images than most of them.
    fn on_other_images(&self, runs: &[Subject]) -> Vec<String> {
        let field = images_of(match self.split {
            Split::Valid => Dataset::Valid,
            Split::Test => Dataset::Test,
        });
        let is_shown = |run: &&Subject| self.points.iter().any(|point| point.run == run.name);
        let known = runs.iter().filter(is_shown);
        let known = known.filter_map(|run| Some((run.name, run.config.get(&field)?)));
        let most = most_common(known.clone().map(|(_, images)| images));
        let others = known.filter(|(_, images)| Some(*images) != most);
        others.map(|(name, _)| name.to_owned()).collect()
    }

    /// Adds a student with its teacher, or says why not.
    fn add(&mut self, run: &Subject, variant: Variant) {
        let results: Vec<&Measurement> = measurements(run).collect();
        let rows = |measured: &&'_ Measurement| measured.of_student(variant).is_some();
        let file = exported(run, variant);
        let is_known = file.is_some() || run.run.missed_exports.contains_key(&variant);
        if variant != Variant::Fp32 && !is_known && !results.iter().any(rows) {
            return;
        }
        let found = self.cost_of(run, &results, file, variant);
        let found = found.and_then(|(cost, timed)| {
            let top1 = match variant {
                Variant::Fp32 => top1(run, self.split),
                Variant::Fp16 | Variant::Int8 => {
                    let of_file = timed_or_exported_top1(run, &results, timed, file, variant);
                    of_file.filter(|_| self.split == Split::Valid)
                }
            };
            let top1 = top1.ok_or_else(|| format!("no {} accuracy", word(self.split)))?;
            Ok((cost, timed, top1))
        });
        match found {
            Ok((cost, timed, top1)) => {
                let file = file.filter(|_| self.cost == ParetoCost::Size);
                self.points.push(ParetoPoint {
                    run: run.name.to_owned(),
                    variant,
                    input: timed.map_or_else(|| file?.input, |row| row.input),
                    cost,
                    top1,
                    on_front: false,
                    engine: timed.map(|row| row.engine.clone()),
                });
                self.teachers.extend(teacher(run, self.split));
            }
            Err(reason) => {
                // What is lost may be what is missing.
                let first = run.run.all_problems().next();
                let is_named = first.is_some_and(|first| reason.contains(first));
                let problem = run.run.problem().filter(|_| !is_named);
                let problem = problem.map(|problem| format!("; {problem}"));
                let reason = reason + &problem.unwrap_or_default();
                self.absent.push(Absent {
                    run: run.name.to_owned(),
                    reason: match variant {
                        Variant::Fp32 => reason,
                        Variant::Fp16 | Variant::Int8 => format!("{}: {reason}", variant.word()),
                    },
                });
            }
        }
    }

    /// What a student costs, and what was timed, if that is a time.
    fn cost_of<'a>(
        &self,
        run: &Subject,
        results: &[&'a Measurement],
        file: Option<&Export>,
        variant: Variant,
    ) -> Result<(f64, Option<&'a BenchRow>), String> {
        match &self.cost {
            ParetoCost::Latency(wanted) => {
                let rows = results.iter().filter_map(|found| {
                    let row = found.of_student(variant)?;
                    Some((&found.machine.processor, row))
                });
                let rows: Vec<(&String, &'a BenchRow)> = rows.collect();
                let mut on_it = rows.iter().filter(|row| Some(row.0) == wanted.as_ref());
                match (on_it.next(), rows.first()) {
                    (Some((_, row)), _) => Ok((row.p50_ms, Some(*row))),
                    (None, None) => Err("not measured".to_owned()),
                    (None, Some((processor, _))) => {
                        Err(format!("measured on another processor, {processor}"))
                    }
                }
            }
            ParetoCost::Size => match (file, run.run.missed_exports.get(&variant)) {
                // Of the file that is there now: what was measured was another, or is gone.
                (Some(file), _) => Ok((file.bytes as f64, None)),
                (None, Some(why)) => Err(why.clone()),
                (None, None) => Err("not exported".to_owned()),
            },
            ParetoCost::Macs => {
                let model = run.run.store.models.get(&Phase::Student);
                let macs = model.and_then(|model| model.macs);
                let macs = macs.ok_or_else(|| "its MACs are not known".to_owned())?;
                Ok((macs as f64, None))
            }
        }
    }

    /// The corners of the front, from left to right: it runs level to the next point
    /// and then up.
    #[must_use]
    pub fn front(&self) -> Vec<(f64, f64)> {
        let mut corners: Vec<(f64, f64)> = Vec::new();
        for point in self.points.iter().filter(|point| point.on_front) {
            if let Some(&(_, top1)) = corners.last() {
                corners.push((point.cost, top1));
            }
            corners.push((point.cost, point.top1));
        }
        corners
    }

    /// The least and the greatest cost.
    #[must_use]
    pub fn extent(&self) -> Option<(f64, f64)> {
        Some((self.points.first()?.cost, self.points.last()?.cost))
    }

    /// Whether costs lie so far apart that their axis is logarithmic.
    #[must_use]
    pub fn is_logarithmic(&self) -> bool {
        const FAR: f64 = 8.0;
        self.extent()
            .is_some_and(|(least, most)| least > 0.0 && most / least >= FAR)
    }

    /// What the accuracies are.
    #[must_use]
    pub fn accuracy_title(&self) -> &'static str {
        match self.split {
            Split::Valid => Column::Best.title(),
            Split::Test => Column::Test.title(),
        }
    }

    /// Where times were taken: engines and processor.
    #[must_use]
    pub fn conditions(&self) -> Option<String> {
        let ParetoCost::Latency(processor) = &self.cost else {
            return None;
        };
        let engines = self
            .points
            .iter()
            .filter_map(|point| point.engine.as_deref());
        let mut engines: Vec<&str> = engines.collect();
        engines.sort_unstable();
        engines.dedup();
        let processor = processor.as_deref()?;
        Some(format!(
            "batch 1, 1 thread, {}, {processor}",
            engines.join(" and ")
        ))
    }

    /// Runs that are not shown, by reason: `not measured (2): a, b`; and those that are
    /// shown beside others although their images were other ones.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for absent in &self.absent {
            reasons.entry(&absent.reason).or_default().push(&absent.run);
        }
        let others = self.other_images.iter().map(String::as_str);
        if !self.other_images.is_empty() {
            let words = "shown, but evaluated on other images than most, or at another size";
            reasons.insert(words, others.collect());
        }
        let lines = reasons
            .into_iter()
            .map(|(reason, runs)| match runs.as_slice() {
                [run] => format!("{reason}: {run}"),
                runs => format!("{reason} ({}): {}", runs.len(), runs.join(", ")),
            });
        lines.collect()
    }
}

impl TeacherLine {
    /// Who it is and how good.
    #[must_use]
    pub fn words(&self) -> String {
        let of = self.of.as_ref();
        let of = of.map_or_else(String::new, |of| format!(" ({of})"));
        format!("teacher {} {}{of}", self.name, percent(self.top1))
    }
}

impl ParetoPoint {
    /// What stands for the run, with what it computes with where that is not usual.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{}", self.run, self.variant.suffix())
    }

    /// Whether another is drawn in the very same place.
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        self.cost == other.cost && self.top1 == other.top1
    }

    /// Its accuracy and its cost.
    #[must_use]
    pub fn facts(&self, cost: &ParetoCost) -> (String, String) {
        (percent(self.top1), written(cost.quantity(), self.cost))
    }
}

/// What was measured of a run, the newest first.
fn measurements<'a>(run: &Subject<'a>) -> impl Iterator<Item = &'a Measurement> + use<'a> {
    let kept = run.run.bench.iter().map(|result| &result.measurement);
    // A run that keeps results keeps its own, too.
    let own = run.run.store.measured.iter();
    let own = own.filter(|_| run.run.bench.is_empty());
    kept.chain(own)
}

/// The ONNX files of a run that are there and compute with this, and whether each lies
/// elsewhere than among the run's own.
fn exports<'a>(
    run: &Subject<'a>,
    variant: Variant,
) -> impl Iterator<Item = (bool, &'a Export)> + use<'a> {
    let files = run.run.exports.iter();
    let files = files.map(|(name, file)| (Path::new(name).is_absolute(), file));
    files.filter(move |(_, file)| file.format == ExportFormat::Onnx && file.variant() == variant)
}

/// The ONNX file that stands for a run: of several one of its own, verified if any is, of
/// the best weights, which takes floats; the same that a measurement begins with.
fn exported<'a>(run: &Subject<'a>, variant: Variant) -> Option<&'a Export> {
    let first = exports(run, variant).min_by_key(|(elsewhere, file)| {
        let is_latest = file.weights == Weights::Latest;
        let takes_bytes = file.input == Some(PixelFormat::Uint8);
        (*elsewhere, file.proof.is_none(), is_latest, takes_bytes)
    });
    first.map(|(_, file)| file)
}

/// The top-1 on validation images of the file whose time is shown, or else of the one that
/// was exported: never of another than the cost is of.
fn timed_or_exported_top1(
    run: &Subject,
    results: &[&Measurement],
    timed: Option<&BenchRow>,
    file: Option<&Export>,
    variant: Variant,
) -> Option<f64> {
    let proven = |file: &Export| file.proof.as_ref()?.top1;
    let mut rows = results.iter().filter_map(|found| found.of_student(variant));
    match (timed, file) {
        (Some(row), _) => row.top1.or_else(|| {
            let mut files = exports(run, variant);
            let (_, file) = files.find(|(_, file)| file.blake3 == row.weights)?;
            proven(file)
        }),
        (None, Some(file)) => proven(file).or_else(|| {
            let row = rows.find(|row| row.weights == file.blake3)?;
            row.top1
        }),
        (None, None) => rows.find_map(|row| row.top1),
    }
}

/// The value that comes most often; of several the first.
fn most_common<T: PartialEq>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    let mut counts = counts.into_iter();
    counts
        .find(|(_, count)| *count == most)
        .map(|(value, _)| value)
}

/// The top-1 of a run's student as it was trained.
fn top1(run: &Subject, split: Split) -> Option<f64> {
    match split {
        Split::Valid => run.metrics.best,
        Split::Test => run.metrics.test,
    }
}

fn word(split: Split) -> &'static str {
    match split {
        Split::Valid => "validation",
        Split::Test => "test",
    }
}

/// A run's teacher on the images of the student's evaluation.
fn teacher(run: &Subject, split: Split) -> Option<TeacherLine> {
    let store = &run.run.store;
    let split = match split {
        Split::Valid => MetricSplit::Valid,
        Split::Test => MetricSplit::Test,
    };
    let of = |weights| {
        let metric = Metric {
            split,
            quantity: Quantity::Top1,
            class: None,
            weights,
        };
        evaluation(store, &metric)
    };
    let found = of(MetricWeights::Best).or_else(|| of(MetricWeights::Last))?;
    let of = match store.teacher.as_slice() {
        // What was cached was trained for a run like this one.
        [] | [(_, true), ..] => format!("trained in {}", run.name),
        files => {
            let files = files.iter().map(|(file, _)| file.to_string_lossy());
            files.collect::<Vec<_>>().join(" + ")
        }
    };
    Some(TeacherLine {
        name: store.models.get(&Phase::Teacher)?.name.clone(),
        top1: found.teacher?.top1,
        of: Some(of),
    })
}

#[cfg(test)]
#[path = "pareto_tests.rs"]
mod tests;
