//! What came of a study: results of its runs, and what they say of each variant.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::cells::{Outlook, Standing, failure};
use super::read::Study;
use super::spec::Budget;
use super::spread::{Difference, Spread};
use crate::event::{Dataset, ImageBits, Phase, Variant};
use crate::experiment::metric::{Metric, MetricSplit, MetricWeights, Quantity, ValidMetric};
use crate::run::StudyRole;
use crate::store::RunEntry;
use crate::store::metrics::{evaluation, seconds};

/// A metric that variants are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// On the validation images, of the best weights.
    Best,
    /// On the validation images, of the last step.
    Last,
    /// On the test images, of the best weights.
    Test,
}

/// What came of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyTable {
    /// Its name.
    pub study: String,
    /// How long every student was to be trained.
    pub budget: Budget,
    /// What is measured.
    pub metric: ValidMetric,
    /// Seeds that every variant is to have.
    pub seeds: Vec<u64>,
    /// The variant that the others are compared with.
    pub baseline: usize,
    /// Every variant, in the order of the file.
    pub rows: Vec<VariantRow>,
    /// The processor that latencies are of, if there are any.
    pub processor: Option<String>,
    /// What a person should know of the results.
    pub remarks: Vec<String>,
}

/// What came of a variant.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantRow {
    /// Its name.
    pub variant: String,
    /// Its runs that are complete, in the order of the seeds.
    pub runs: Vec<RunResult>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// Its name.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// The metric, of the validation images and the best weights.
    pub best: Option<f64>,
    /// The same of the last step.
    pub last: Option<f64>,
    /// The same of the test images and the best weights.
    pub test: Option<f64>,
    /// Which of the test images it is right about, where the metric is top-1 and the run kept
    /// that.
    pub right: Option<RightImages>,
    /// Passes of the student over the training images.
    pub passes: Option<f64>,
    /// Seconds that the student was trained.
    pub seconds: Option<f64>,
    /// Parameters of the student.
    pub parameters: Option<u64>,
    /// Median latency of the student on the table's processor, milliseconds.
    pub latency_ms: Option<f64>,
}

/// Which test images a run is right about.
#[derive(Debug, Clone, PartialEq)]
pub struct RightImages {
    /// The images.
    pub bits: ImageBits,
    /// Their number.
    pub images: usize,
    /// Hash of their content, labels and order.
    pub content: String,
}

impl Compared {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Best, Self::Last, Self::Test];

    /// The metric of a run.
    #[must_use]
    pub fn metric(self, quantity: Quantity) -> Metric {
        let (split, weights) = match self {
            Self::Best => (MetricSplit::Valid, MetricWeights::Best),
            Self::Last => (MetricSplit::Valid, MetricWeights::Last),
            Self::Test => (MetricSplit::Test, MetricWeights::Best),
        };
        Metric {
            split,
            quantity,
            class: None,
            weights,
        }
    }
}

impl RunResult {
    fn of(run: &RunEntry, seed: u64, quantity: Quantity, processor: Option<&str>) -> Self {
        let value = |compared: Compared| run.metric(&compared.metric(quantity));
        let student = run.store.models.get(&Phase::Student);
        Self {
            run: run.folder.name(),
            seed,
            best: value(Compared::Best),
            last: value(Compared::Last),
            test: value(Compared::Test),
            right: right(run, quantity),
            passes: passes(run),
            seconds: seconds(&run.store, Phase::Student),
            parameters: student.map(|model| model.parameters),
            latency_ms: processor.and_then(|processor| {
                let mut measured = latencies(run);
                let on_it = measured.find(|(name, _)| *name == processor);
                on_it.map(|(_, latency)| latency)
            }),
        }
    }

    /// A metric that variants are compared by.
    #[must_use]
    pub fn value(&self, compared: Compared) -> Option<f64> {
        match compared {
            Compared::Best => self.best,
            Compared::Last => self.last,
            Compared::Test => self.test,
        }
    }
}

impl VariantRow {
    /// A number of its runs over the seeds that have it.
    #[must_use]
    pub fn spread(&self, of: impl Fn(&RunResult) -> Option<f64>) -> Option<Spread> {
        let values: Vec<f64> = self.runs.iter().filter_map(of).collect();
        Spread::of(&values)
    }

    /// Parameters of its student.
    #[must_use]
    pub fn parameters(&self) -> Option<u64> {
        self.runs.iter().find_map(|run| run.parameters)
    }

    /// By how much it differs from another variant, paired by the seeds that both have; none
    /// from itself. On the test images these are resampled, too, where all pairs say which they
    /// are right about.
    #[must_use]
    pub fn difference(&self, from: &Self, compared: Compared) -> Option<Difference> {
        if self.variant == from.variant {
            return None;
        }
        let images = (compared == Compared::Test).then(|| self.image_pairs(from));
        if let Some((pairs, images)) = images.flatten() {
            return Difference::of_images(&pairs, images);
        }
        let pairs = self.pairs(from, compared).into_iter();
        let values = pairs.map(|pair| pair.map(|run| run.value(compared)));
        let differences = values.filter_map(|[own, other]| Some(own? - other?));
        Difference::of(&differences.collect::<Vec<f64>>())
    }

    /// Runs of this variant and of another one with the same seeds, where both have the metric.
    #[must_use]
    pub fn pairs<'a>(&'a self, from: &'a Self, compared: Compared) -> Vec<[&'a RunResult; 2]> {
        let has = |run: &&RunResult| run.value(compared).is_some();
        let others = from.runs.iter().filter(has).map(|run| (run.seed, run));
        let others: BTreeMap<u64, &RunResult> = others.collect();
        let own = self.runs.iter().filter(has);
        own.filter_map(|run| Some([run, *others.get(&run.seed)?]))
            .collect()
    }

    /// Which test images either of each pair is right about, and their number; none if some
    /// pair lacks them, or is about others.
    #[must_use]
    pub fn image_pairs<'a>(&'a self, from: &'a Self) -> Option<(Vec<[&'a ImageBits; 2]>, usize)> {
        let pairs = self.pairs(from, Compared::Test).into_iter();
        let both = pairs.map(|[own, other]| Some([own.right.as_ref()?, other.right.as_ref()?]));
        let both: Vec<[&RightImages; 2]> = both.collect::<Option<_>>()?;
        let [first, _] = *both.first()?;
        let mut all = both.iter().flatten();
        let are_same = all.all(|it| (it.images, &it.content) == (first.images, &first.content));
        let pairs = both.iter().map(|pair| pair.map(|it| &it.bits));
        let pairs: Vec<[&ImageBits; 2]> = pairs.collect();
        are_same.then_some((pairs, first.images))
    }
}

impl StudyTable {
    /// Of the runs of a study.
    #[must_use]
    pub fn of<R: Borrow<RunEntry>>(study: &Study, runs: &[R], outlook: &Outlook) -> Self {
        let runs: Vec<&RunEntry> = runs.iter().map(Borrow::borrow).collect();
        let quantity = study.metric.quantity();
        let done: Vec<(usize, u64, &RunEntry)> = outlook
            .cells
            .iter()
            .filter_map(|(cell, standing)| match (cell.role, standing) {
                (StudyRole::Seed(seed), Standing::Done(run)) => {
                    Some((cell.variant, seed, runs[*run]))
                }
                _ => None,
            })
            .collect();
        let processor = processor(done.iter().map(|(_, _, run)| *run));
        let rows = study.variants.iter().enumerate().map(|(number, variant)| {
            let own = done.iter().filter(|(of, _, _)| *of == number);
            let runs =
                own.map(|(_, seed, run)| RunResult::of(run, *seed, quantity, processor.as_deref()));
            VariantRow {
                variant: variant.name.clone(),
                runs: runs.collect(),
            }
        });
        let mut table = Self {
            study: study.name.clone(),
            budget: study.budget,
            metric: study.metric,
            seeds: study.seeds.clone(),
            baseline: study.baseline,
            rows: rows.collect(),
            processor,
            remarks: Vec::new(),
        };
        table.remarks = remarks(study, &runs, outlook, &done);
        table
    }

    /// The variant that the others are compared with.
    #[must_use]
    pub fn baseline(&self) -> &VariantRow {
        &self.rows[self.baseline]
    }

    /// The metrics that some run has.
    #[must_use]
    pub fn compared(&self) -> Vec<Compared> {
        let runs = || self.rows.iter().flat_map(|row| &row.runs);
        let mut all = Compared::ALL.to_vec();
        all.retain(|compared| runs().any(|run| run.value(*compared).is_some()));
        all
    }

    /// Whether every variant has every seed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let seeds = self.seeds.len();
        self.rows.iter().all(|row| row.runs.len() == seeds)
    }
}

/// Which test images a run's student is right about.
fn right(run: &RunEntry, quantity: Quantity) -> Option<RightImages> {
    let metric = Compared::Test.metric(quantity);
    let evaluation = evaluation(&run.store, &metric)?;
    let (bits, images) = (evaluation.right.as_ref()?, evaluation.images);
    let is_whole = quantity == Quantity::Top1 && bits.are_of(images);
    is_whole.then_some(RightImages {
        bits: bits.clone(),
        images,
        content: test_content(run)?.clone(),
    })
}

/// Hash of a run's test images.
fn test_content(run: &RunEntry) -> Option<&String> {
    let identity = &run.plan.as_ref()?.data.identity;
    Some(&identity.get(&Dataset::Test)?.content)
}

/// Passes of a run's student over the training images.
fn passes(run: &RunEntry) -> Option<f64> {
    let plan = run.plan.as_ref()?;
    let objective = &plan.resolved.plan.training.objective;
    let state = run.store.phases.get(&Phase::Student)?;
    let epochs = state.epochs_after(run.store.completed(Phase::Student));
    Some(epochs * objective.passes())
}

/// Median latencies of a run's student with 32-bit floats, the newest first, each with the
/// processor that it was measured on.
fn latencies(run: &RunEntry) -> impl Iterator<Item = (&str, f64)> {
    let kept = run.bench.iter().map(|result| &result.measurement);
    let own = run.store.measured.iter();
    kept.chain(own).filter_map(|measured| {
        let row = measured.of_student(Variant::Fp32)?;
        Some((measured.machine.processor.as_str(), row.p50_ms))
    })
}

/// The processor that most of these runs were measured on.
fn processor<'a>(runs: impl Iterator<Item = &'a RunEntry>) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs {
        let mut names: Vec<&str> = latencies(run).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(name, _)| name.to_owned())
}

/// What a person should know of the results.
fn remarks(
    study: &Study,
    runs: &[&RunEntry],
    outlook: &Outlook,
    done: &[(usize, u64, &RunEntry)],
) -> Vec<String> {
    let mut remarks = Vec::new();
    for (cell, standing) in &outlook.cells {
        if let Standing::Failed(run) = standing {
            let variant = &study.variants[cell.variant].name;
            let seed = match cell.role {
                StudyRole::Seed(seed) => format!("seed {seed}"),
                StudyRole::Speed => "timed".to_owned(),
            };
            let why = failure(runs[*run]).unwrap_or_default();
            let name = runs[*run].folder.name();
            remarks.push(format!("{variant}, {seed} failed: {why} ({name})"));
        }
    }
    for unused in &outlook.unused {
        let name = runs[unused.run].folder.name();
        remarks.push(format!("{name} does not count: {}", unused.reason));
    }
    let devices = done.iter().filter_map(|(_, _, run)| {
        let identity = run.store.identity.as_ref()?;
        Some(identity.device.as_str())
    });
    let mut devices: Vec<&str> = devices.collect();
    devices.sort_unstable();
    devices.dedup();
    if devices.len() > 1 {
        let devices = devices.join(" and ");
        remarks.push(format!("runs are of different devices: {devices}"));
    }
    for (number, variant) in study.variants.iter().enumerate() {
        let own = done.iter().filter(|(of, _, _)| *of == number);
        let mut test = own.filter_map(|(_, _, run)| test_content(run));
        let first = test.next();
        let baseline = &study.variants[study.baseline].name;
        let mut base = done.iter().filter(|(of, _, _)| *of == study.baseline);
        let base = base.find_map(|(_, _, run)| test_content(run));
        if first.is_some() && base.is_some() && first != base {
            let name = &variant.name;
            remarks.push(format!(
                "\"{name}\" was tested on other images than \"{baseline}\""
            ));
        }
        if test.any(|content| Some(content) != first) {
            let name = &variant.name;
            remarks.push(format!(
                "the test images of \"{name}\" changed between its runs"
            ));
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use crate::study::read::Cell;
    use crate::study::testing::{run, study};

    #[test]
    fn variants_are_compared_by_the_seeds_that_both_have() {
        let study = study();
        let cell = |variant, seed| Cell {
            variant,
            role: StudyRole::Seed(seed),
        };
        let completed = |variant, seed, epochs, top1| {
            let end = Some(Outcome::Completed);
            run(&study, cell(variant, seed), epochs, end, top1)
        };
        let failed = Outcome::Failed {
            message: "loss is NaN".to_owned(),
        };
        let runs = [
            completed(1, 5, 4, 0.75),
            completed(1, 6, 4, 0.5),
            completed(0, 5, 2, 0.875),
            run(&study, cell(0, 6), 2, Some(failed), 0.25),
        ];
        let outlook = study.outlook(&runs).unwrap();
        let table = StudyTable::of(&study, &runs, &outlook);
        let vanilla = table.baseline();
        let spread = vanilla.spread(|run| run.best).unwrap();
        // √(2 · 0.125²)
        assert_eq!((spread.seeds, spread.mean), (2, 0.625));
        assert_eq!(spread.std, Some(0.03125_f64.sqrt()));
        assert_eq!(vanilla.spread(|run| run.test).unwrap().mean, 0.5);
        let other = &table.rows[0];
        let difference = other.difference(vanilla, Compared::Best).unwrap();
        assert_eq!((difference.seeds, difference.mean), (1, 0.125));
        assert_eq!(difference.interval, None);
        assert_eq!(other.spread(|run| run.last).unwrap().std, None);
        assert!(!table.is_complete());
        let expected = "multi-view, seed 6 failed: loss is NaN (run-0-6-2)";
        assert_eq!(table.remarks, [expected]);
    }

    #[test]
    fn test_images_are_resampled_where_all_pairs_say_which_are_right() {
        let result = |seed, right: Option<[bool; 4]>| RunResult {
            run: format!("run-{seed}"),
            seed,
            best: Some(0.5),
            last: None,
            test: Some(0.5),
            right: right.map(|right| RightImages {
                bits: right.into_iter().collect(),
                images: right.len(),
                content: "a".to_owned(),
            }),
            passes: None,
            seconds: None,
            parameters: None,
            latency_ms: None,
        };
        let named = |name: &str, runs: Vec<RunResult>| VariantRow {
            variant: name.to_owned(),
            runs,
        };
        let row = |runs: Vec<RunResult>| named("base", runs);
        let (half, more) = ([true, true, false, false], [true, true, true, false]);
        let base = row(vec![result(1, Some(half)), result(2, Some(half))]);
        let own = named(
            "own",
            vec![
                result(1, Some(more)),
                result(2, Some(half)),
                // It has no pair.
                result(3, None),
            ],
        );
        let found = own.difference(&base, Compared::Test).unwrap();
        assert_eq!((found.seeds, found.images), (2, Some(4)));
        assert!((found.mean - 0.125).abs() < 1e-12);
        let valid = own.difference(&base, Compared::Best).unwrap();
        assert_eq!((valid.seeds, valid.images), (2, None));
        let older = row(vec![result(1, Some(half)), result(2, None)]);
        let found = own.difference(&older, Compared::Test).unwrap();
        assert_eq!((found.seeds, found.images, found.mean), (2, None, 0.0));
        assert_eq!(own.difference(&own, Compared::Test), None);
        // As many images that are other ones.
        let mut elsewhere = base.clone();
        if let Some(right) = &mut elsewhere.runs[1].right {
            right.content = "b".to_owned();
        }
        let found = own.difference(&elsewhere, Compared::Test).unwrap();
        assert_eq!((found.seeds, found.images), (2, None));
    }
}
