//! A run as lines of plain text. Both the reporter without a terminal and the
//! one with bars print these; they differ in how they put them out.

use std::io::{self, Write};

use super::epochs::{EpochMeter, EpochSummary};
use super::metrics;
use super::{Ending, wording};
use crate::event::{
    DataSummary, EvaluatedWeights, Evaluation, ModelSummary, Phase, Position, RunEvent, Split,
};
use crate::experiment::metric::ValidMetric;
use crate::format::{self, Symbols};
use crate::run::kept::kept_name;
use crate::store::metrics::seconds as trained_seconds;
use crate::store::{CommandState, RunStore};
use crate::untrusted::{Show as _, clean_line};

/// Left-out images that are named; more are only counted.
const NAMED_IMAGES: usize = 3;

#[derive(Debug)]
pub(super) struct EventFormatter {
    meter: EpochMeter,
    symbols: Symbols,
}

impl EventFormatter {
    /// One whose lines are written in these symbols.
    pub(super) fn new(symbols: Symbols) -> Self {
        Self {
            meter: EpochMeter::default(),
            symbols,
        }
    }

    /// Writes lines for a terminal or a log: whatever names from outside hold, each
    /// stays one line of plain text.
    pub(super) fn write(&self, out: &mut impl Write, lines: &[String]) -> io::Result<()> {
        for line in lines {
            writeln!(out, "{}", self.symbols.text(&clean_line(line)))?;
        }
        out.flush()
    }

    /// What there is to say about an event; often nothing.
    pub(super) fn lines(&mut self, event: &RunEvent, store: &RunStore) -> Vec<String> {
        let mut lines: Vec<String> = self.meter.observe(event).iter().map(epoch).collect();
        match event {
            RunEvent::RunStarted {
                name,
                version,
                device,
                resumed,
                ..
            } => {
                lines.push(format!("{name} on {device}, workbench {version}"));
                if let Some(at) = resumed {
                    let phase = at.phase.word();
                    lines.push(format!(
                        "resumed at step {} of the {phase}",
                        format::count(at.step)
                    ));
                }
            }
            RunEvent::DataIndexed(summary) => lines.extend(data(summary)),
            RunEvent::ModelBuilt(summary) => {
                lines.push(model(summary));
                lines.extend(ratio(summary, store));
            }
            RunEvent::PhaseStarted {
                phase,
                steps,
                steps_per_epoch,
                ..
            } => lines.push(format!(
                "{}: {} steps, {} per epoch",
                phase.word(),
                format::count(*steps),
                format::count(*steps_per_epoch)
            )),
            RunEvent::TeacherLoaded {
                path,
                cached,
                engine,
            } => lines.push(format!(
                "teacher: {} {}{}",
                if *cached { "cached," } else { "read from" },
                path.shown(),
                engine
                    .as_ref()
                    .map_or_else(String::new, |engine| format!(", run by {engine}"))
            )),
            RunEvent::Evaluated(result) => lines.push(evaluated(result, store)),
            _ => lines.extend(incident(event, store)),
        }
        lines
    }

    /// Seconds until this training ends.
    pub(super) fn left(&self) -> Option<f64> {
        self.meter.left()
    }
}

/// The last lines: what came of it and where it is.
pub(super) fn ending(ending: &Ending<'_>) -> Vec<String> {
    let mut lines = vec![String::new()];
    for verdict in ending.verdicts {
        lines.push(format!("gate     {verdict}"));
    }
    let outcome = wording::outcome(ending.outcome);
    for (at, line) in outcome.lines().enumerate() {
        let title = if at == 0 { "outcome" } else { "" };
        lines.push(format!("{title:<8} {line}"));
    }
    for (name, metrics) in metrics::summary(ending.store) {
        lines.push(format!("{name:<8} {}", metrics.join("  ")));
    }
    for (path, text) in ending.config.changed() {
        lines.push(format!("changed  {path} {text}"));
    }
    lines.push(format!("run      {}", ending.folder.shown()));
    lines
}

/// Events that happen now and then.
fn incident(event: &RunEvent, store: &RunStore) -> Option<String> {
    match event {
        RunEvent::RoundEnded {
            round,
            rounds,
            decision,
            ..
        } => decision.as_ref().map(|decision| {
            format!(
                "student  round {round}/{rounds}  {}",
                wording::decision(decision)
            )
        }),
        RunEvent::CommandApplied {
            id, phase, step, ..
        } => {
            let at = Position {
                phase: *phase,
                step: *step,
            };
            Some(command(id, &CommandState::Applied(at), store))
        }
        RunEvent::CommandRejected { id, reason } => {
            let rejected = CommandState::Rejected(reason.clone());
            Some(command(id, &rejected, store))
        }
        RunEvent::QuantizationStarted {
            step,
            images,
            values,
        } => Some(format!(
            "student  step {}: {values} values are rounded to 8 bits from now on; ranges from {} \
             training images",
            format::count(*step),
            format::count(*images as u64)
        )),
        RunEvent::StoppedEarly { phase, reason, .. } => {
            Some(format!("{}  stopped early: {reason}", phase.word()))
        }
        RunEvent::CheckpointKept { folder, .. } => {
            Some(format!("checkpoint saved: {}", folder.shown()))
        }
        RunEvent::StudentExported { file, export } => {
            let proof = wording::proof_words(export);
            let proof = proof.map_or(String::new(), |proof| format!(": {proof}"));
            let int8 = export
                .int8
                .as_ref()
                .map(|int8| format!("; {}", wording::int8_words(int8)));
            let int8 = int8.unwrap_or_default();
            Some(format!("exported {}{proof}{int8}", file.shown()))
        }
        RunEvent::StudentMeasured(measured) => {
            let speed = wording::speed_words(measured)?;
            Some(format!("measured: {speed}"))
        }
        RunEvent::RunForked { from, at } => Some(format!("forked from {from}, {}", kept_name(*at))),
        RunEvent::Paused(true) => Some("paused".to_owned()),
        RunEvent::Paused(false) => Some("resumed".to_owned()),
        RunEvent::Noted { message } => Some(message.clone()),
        RunEvent::Warned { message } => Some(format!("warning: {message}")),
        RunEvent::PhaseEnded { phase, seconds } => {
            let took = trained_seconds(store, *phase).unwrap_or(*seconds);
            Some(format!("{}: {}", phase.word(), format::trained_in(took)))
        }
        _ => None,
    }
}

/// A command by what it requests, or by its id if that is not known, and its fate.
fn command(id: &str, fate: &CommandState, store: &RunStore) -> String {
    let known = store.commands.iter().rev().find(|c| c.record.id == id);
    let what = known.map_or_else(|| format!("command {id}"), |known| store.describe(known));
    format!("{what}, {fate}")
}

fn epoch(summary: &EpochSummary) -> String {
    let mut parts = vec![format!(
        "{}  epoch {}/{}",
        summary.phase.word(),
        summary.epoch,
        summary.epochs
    )];
    let total = summary.losses.get("total");
    parts.extend(total.map(|loss| format!("loss {}", format::loss(*loss))));
    let terms = summary.losses.iter().filter(|(name, _)| *name != "total");
    parts.extend(terms.map(|(name, loss)| format!("{name} {}", format::loss(*loss))));
    let knobs = summary.knobs.iter();
    parts.extend(knobs.map(|(name, value)| format!("{name} {}", format::number(*value))));
    parts.extend(summary.images_per_second.map(format::speed));
    let left = summary.left.filter(|_| summary.epoch < summary.epochs);
    parts.extend(left.map(|left| format!("{} left", format::duration(left))));
    parts.join("  ")
}

/// A run's images and models, as they were reported when it began.
pub(super) fn facts(store: &RunStore) -> Vec<String> {
    let mut lines: Vec<String> = store.data.iter().flat_map(data).collect();
    for summary in store.models.values() {
        lines.push(model(summary));
        lines.extend(ratio(summary, store));
    }
    lines
}

fn data(summary: &DataSummary) -> Vec<String> {
    let (height, width) = summary.size;
    let mut line = format!(
        "images: {} train, {} valid, {} test",
        format::count(summary.train),
        format::count(summary.valid),
        format::count(summary.test)
    );
    if summary.unlabelled > 0 {
        line = format!("{line}, {} unlabelled", format::count(summary.unlabelled));
    }
    line = format!(
        "{line}; {}, {height} × {width} pixels",
        format::plural(summary.classes.len(), "class", "classes")
    );
    let mut lines = vec![line];
    for image in summary.skipped.iter().take(NAMED_IMAGES) {
        lines.push(format!("skipped: {}: {}", image.path.shown(), image.reason));
    }
    if let Some(more) = summary.skipped.len().checked_sub(NAMED_IMAGES + 1) {
        lines.push(format!("skipped: {} more", more + 1));
    }
    lines
}

fn model(summary: &ModelSummary) -> String {
    format!(
        "{}: {}, {} parameters, {} MACs per image, {} of weights in memory",
        summary.phase.word(),
        summary.name,
        format::scaled(summary.parameters as f64),
        format::scaled(summary.macs_or_nan()),
        format::bytes(summary.bytes)
    )
}

/// How much smaller the student is than its teacher, once both are known.
fn ratio(summary: &ModelSummary, store: &RunStore) -> Option<String> {
    let ratio = store.compression()?;
    (summary.phase == Phase::Student).then(|| {
        format!(
            "compression: {}, {}",
            format::times_fewer(ratio.parameters, "parameters"),
            format::times_fewer(ratio.macs, "MACs")
        )
    })
}

fn evaluated(result: &Evaluation, store: &RunStore) -> String {
    let phase = result.phase.word();
    let text = wording::evaluation(result);
    match (result.split, result.weights) {
        // It was not trained in this run, or not yet.
        (Split::Valid, _) if !store.phases.contains_key(&result.phase) => {
            let milliseconds = 1000.0 * result.seconds / (result.images.max(1) as f64);
            let each = format::milliseconds(milliseconds);
            format!("{phase}  valid {text}  {each} per image")
        }
        (Split::Valid, weights) => {
            let (best, rounded) = match weights {
                EvaluatedWeights::Quantized => (store.best_quantized(), " quantized"),
                _ => (store.best_evaluation(result.phase), ""),
            };
            let best = best.is_some_and(|best| best.step == result.step);
            let chosen = chosen_by(result, store);
            format!(
                "{phase}  epoch {}  valid{rounded} {text}{chosen}{}",
                format::number(result.epoch),
                if best { "  best so far" } else { "" }
            )
        }
        (Split::Test, EvaluatedWeights::Best) => format!("{phase}  best checkpoint  test {text}"),
        (Split::Test, EvaluatedWeights::Last) => format!("{phase}  last checkpoint  test {text}"),
        (Split::Test, EvaluatedWeights::Quantized) => {
            format!("{phase}  quantized checkpoint  test {text}")
        }
    }
}

/// The metric by which the best weights are chosen, where it is not among those that are
/// always there.
fn chosen_by(result: &Evaluation, store: &RunStore) -> String {
    let (name, metric) = match store.best_by.get(&result.phase) {
        Some(metric @ ValidMetric::BalancedAccuracy) => ("balanced", metric),
        Some(metric @ ValidMetric::MacroF1) => ("macro-F1", metric),
        _ => return String::new(),
    };
    let value = result.value(metric.quantity()).unwrap_or(f64::NAN);
    format!("  {name} {}", metric.written(value))
}

/// The training that a bar stands for.
pub(super) fn bar_title(phase: Phase) -> &'static str {
    phase.word()
}
