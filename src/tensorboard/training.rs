//! One training of a run: its logged steps, evaluations and pictures.

use std::io::{self, Write};

use super::event_file::{At, EventFile, code};
use super::picture::{Png, heat_map};
use crate::event::inspection::{Probe, predicted};
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split};
use crate::experiment::metric::Quantity;
use crate::store::{RunStore, Series};

/// What an evaluation has besides its calibration.
const QUANTITIES: [Quantity; 7] = [
    Quantity::Top1,
    Quantity::Top5,
    Quantity::BalancedAccuracy,
    Quantity::MacroF1,
    Quantity::Loss,
    Quantity::Agreement,
    Quantity::Kl,
];

/// Most classes whose recall and precision are written.
const MOST_CLASSES: usize = 200;

/// How much of a training a file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Until {
    /// Logged steps.
    steps: usize,
    /// The last of these, and when it was made.
    last: Option<(u64, f64)>,
    /// Rounds and evaluations of the whole run.
    rounds: usize,
    evaluations: usize,
}

/// A training, and when its steps were made.
pub(super) struct Training<'a> {
    store: &'a RunStore,
    phase: Phase,
    /// When it started, seconds since 1970.
    started: f64,
    /// The logged steps.
    steps: &'a [u64],
    /// When each of these was made.
    moments: Vec<f64>,
}

impl<'a> Training<'a> {
    /// A training that started then. Logged steps know the seconds that it had taken.
    pub(super) fn new(store: &'a RunStore, phase: Phase, started: f64) -> Self {
        let table = store.table(phase);
        let any = table.metrics().find_map(|name| table.series(name));
        let (steps, seconds) = any.map_or((&[][..], &[][..]), |it| (it.steps, it.seconds));
        let moments = seconds.iter().map(|seconds| started + seconds);
        Self {
            store,
            phase,
            started,
            steps,
            moments: moments.collect(),
        }
    }

    /// Whether there is nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        let mut evaluations = self.store.evaluations.iter();
        self.moments.is_empty() && !evaluations.any(|it| it.phase == self.phase)
    }

    /// How much there is of it.
    pub(super) fn until(&self) -> Until {
        let last = self.steps.last().copied().zip(self.moments.last().copied());
        Until {
            steps: self.steps.len(),
            last,
            rounds: self.store.rounds.len(),
            evaluations: self.store.evaluations.len(),
        }
    }

    /// Whether it is one that there was so much of, and did not go back since.
    pub(super) fn continues(&self, until: &Until) -> bool {
        let last = until.steps.checked_sub(1);
        let last = last.map(|at| {
            self.steps
                .get(at)
                .copied()
                .zip(self.moments.get(at).copied())
        });
        last.is_none_or(|last| last == until.last)
    }

    /// Writes everything but the probe's images.
    pub(super) fn write<W: Write>(&self, file: &mut EventFile<W>) -> io::Result<()> {
        self.write_after(&Until::default(), file)
    }

    /// The same without what is in the file already.
    pub(super) fn write_after<W: Write>(
        &self,
        until: &Until,
        file: &mut EventFile<W>,
    ) -> io::Result<()> {
        let series = self.series();
        let rows = self.steps.iter().zip(&self.moments).enumerate();
        for (row, (&step, &moment)) in rows.skip(until.steps) {
            let values = series.iter().map(|(name, it)| (*name, it.values[row]));
            // What was not logged at this step is NaN there.
            let logged = values.filter(|(_, value)| !value.is_nan());
            file.scalars(At { moment, step }, logged)?;
        }
        for round in self.store.rounds.iter().skip(until.rounds) {
            if round.at.phase == self.phase {
                let losses = round.losses.iter();
                let losses = losses.map(|(term, loss)| (format!("round/{term}"), *loss));
                file.scalars(self.after(round.at.step), losses)?;
            }
        }
        let evaluations = self.store.evaluations.iter().skip(until.evaluations);
        let evaluations = evaluations.filter(|evaluation| evaluation.phase == self.phase);
        for evaluation in evaluations.clone() {
            file.scalars(self.at(evaluation), values(evaluation))?;
            file.scalars(self.at(evaluation), self.values_of_classes(evaluation))?;
        }
        for split in [Split::Valid, Split::Test] {
            let mut evaluations = evaluations.clone();
            let last = evaluations.rfind(|evaluation| evaluation.split == split);
            if let Some(last) = last {
                self.write_confusion(file, last)?;
            }
        }
        Ok(())
    }

    /// Recall and precision of every class in an evaluation, unless there are more classes
    /// than anybody looks through. What is none, without images or predictions, is left out.
    fn values_of_classes(&self, evaluation: &Evaluation) -> Vec<(String, f64)> {
        let classes = self.store.data.as_ref().map(|data| &data.classes);
        let classes = classes.filter(|classes| classes.len() <= MOST_CLASSES);
        let quantities = [Quantity::Recall, Quantity::Precision];
        let values = classes
            .into_iter()
            .flatten()
            .enumerate()
            .flat_map(|(at, class)| {
                quantities.into_iter().filter_map(move |quantity| {
                    let value = evaluation.value_of_class(quantity, at)?;
                    let name = format!("/{}/{class}", quantity.name());
                    Some((images_and_weights(evaluation, &name), value))
                })
            });
        values.collect()
    }

    /// Writes the images that the student was watched by, with what was answered last.
    pub(super) fn write_probe<W: Write>(
        &self,
        file: &mut EventFile<W>,
        probe: &Probe,
    ) -> io::Result<()> {
        let Some(last) = probe.students.last() else {
            return Ok(());
        };
        let at = self.after(last.step);
        let class = |class: usize| match probe.classes.get(class) {
            Some(name) => name.clone(),
            None => format!("class {class}"),
        };
        let answer = |logits: Option<&Vec<f32>>| {
            logits.map(|logits| predicted(logits).map_or_else(|| "no answer".to_owned(), class))
        };
        for (number, image) in probe.images.iter().enumerate() {
            let label = image.label.map(|label| class(label as usize));
            let teacher = answer(probe.teacher.as_ref().and_then(|rows| rows.get(number)));
            let student = answer(last.logits.get(number));
            let whose = [("label", label), ("teacher", teacher), ("student", student)];
            let known = whose.into_iter();
            let known = known.filter_map(|(who, class)| Some(format!("{who} {}", class?)));
            let known: Vec<String> = known.collect();
            let tag = format!("probe/{:02} {}", number + 1, known.join(", "));
            let png = Png::of(&image.picture)?;
            file.image(at, tag, png, code(&image.source))?;
        }
        Ok(())
    }

    fn write_confusion<W: Write>(
        &self,
        file: &mut EventFile<W>,
        evaluation: &Evaluation,
    ) -> io::Result<()> {
        let Some(drawn) = heat_map(&evaluation.confusion) else {
            return Ok(());
        };
        let description = format!(
            "Rows are labels, columns predictions; the darker a cell, the greater its share of the \
             row's images. {} images; the text `classes` has the names in order.",
            evaluation.images
        );
        let tag = format!("confusion/{}", images_and_weights(evaluation, ""));
        file.image(self.at(evaluation), tag, Png::of(&drawn)?, description)
    }

    fn series(&self) -> Vec<(&'a str, Series<'a>)> {
        let table = self.store.table(self.phase);
        let names = table.metrics();
        names
            .filter_map(|name| Some((name, table.series(name)?)))
            .collect()
    }

    /// When an evaluation ended.
    fn at(&self, evaluation: &Evaluation) -> At {
        let At { moment, step } = self.after(evaluation.step);
        At {
            moment: moment + evaluation.seconds,
            step,
        }
    }

    /// After so many steps: when the last of these was logged.
    fn after(&self, step: u64) -> At {
        let logged = self.steps.partition_point(|&logged| logged < step);
        let last = logged.checked_sub(1).and_then(|at| self.moments.get(at));
        At {
            moment: last.copied().unwrap_or(self.started),
            step,
        }
    }
}

/// What an evaluation says, by name. A loss that is NaN is a result; where labels are
/// missing all that needs them is NaN, and is none.
fn values(evaluation: &Evaluation) -> impl Iterator<Item = (String, f64)> {
    let own = QUANTITIES.map(|quantity| (quantity.name(), evaluation.value(quantity)));
    let teacher = evaluation.teacher;
    let others = [
        ("ece", evaluation.ece),
        ("teacher_top1", teacher.map(|teacher| teacher.top1)),
        ("teacher_ece", teacher.and_then(|teacher| teacher.ece)),
        ("both_right", teacher.and_then(|teacher| teacher.both_right)),
    ];
    let is_labelled = !evaluation.top1.is_nan();
    own.into_iter()
        .chain(others)
        .filter_map(move |(name, value)| {
            let value = value.filter(|value| is_labelled || !value.is_nan())?;
            Some((images_and_weights(evaluation, &format!("/{name}")), value))
        })
}

/// `valid/top1@last`, as gates and lists name results.
fn images_and_weights(evaluation: &Evaluation, quantity: &str) -> String {
    let split = evaluation.split.word();
    let weights = match evaluation.weights {
        EvaluatedWeights::Last => "last",
        EvaluatedWeights::Best => "best",
        EvaluatedWeights::Quantized => "quantized",
    };
    format!("{split}{quantity}@{weights}")
}
