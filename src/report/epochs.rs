//! What an epoch came to, gathered from its logged steps.

use std::collections::BTreeMap;

use crate::event::{Phase, RunEvent, StepRow};

/// Gathers logged steps and gives an epoch's summary once it is over: before
/// the first event that comes after it.
#[derive(Debug, Default)]
pub(super) struct EpochMeter {
    training: Option<Training>,
    epoch: Option<Epoch>,
}

/// The training that is under way.
#[derive(Debug)]
struct Training {
    phase: Phase,
    steps: u64,
    steps_per_epoch: u64,
    /// The first logged step of this process, and its seconds.
    first: Option<(u64, f64)>,
}

/// The epoch that is under way.
#[derive(Debug)]
struct Epoch {
    /// From 0.
    number: u64,
    /// Sum and count of what is averaged.
    sums: BTreeMap<String, (f64, u32)>,
    last: StepRow,
}

/// What an epoch came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EpochSummary {
    pub(super) phase: Phase,
    /// From 1.
    pub(super) epoch: u64,
    pub(super) epochs: u64,
    /// Means over the logged steps, by term; `total` among them.
    pub(super) losses: BTreeMap<String, f64>,
    /// At the last logged step.
    pub(super) knobs: BTreeMap<String, f64>,
    pub(super) images_per_second: Option<f64>,
    /// Seconds until this training ends.
    pub(super) left: Option<f64>,
}

impl EpochMeter {
    pub(super) fn observe(&mut self, event: &RunEvent) -> Option<EpochSummary> {
        match event {
            RunEvent::PhaseStarted {
                phase,
                steps,
                steps_per_epoch,
                ..
            } => {
                self.epoch = None;
                self.training = Some(Training {
                    phase: *phase,
                    steps: *steps,
                    steps_per_epoch: (*steps_per_epoch).max(1),
                    first: None,
                });
                None
            }
            RunEvent::TrainingExtended { steps, .. } | RunEvent::StoppedEarly { steps, .. } => {
                if let Some(training) = &mut self.training {
                    training.steps = *steps;
                }
                None
            }
            RunEvent::StepLogged(row) => self.step(row),
            RunEvent::RoundEnded { step, .. } => self.close_if_over(*step),
            RunEvent::Evaluated(evaluation) => self.close_if_over(evaluation.step),
            RunEvent::CheckpointSaved { at, .. } => self.close_if_over(at.step),
            RunEvent::PhaseEnded { .. } => self.close(),
            _ => None,
        }
    }

    /// Seconds until this training ends, from the pace so far.
    pub(super) fn left(&self) -> Option<f64> {
        let training = self.training.as_ref()?;
        let last = &self.epoch.as_ref()?.last;
        let (step, seconds) = training.first?;
        let steps = last.step.checked_sub(step).filter(|&steps| steps > 0)?;
        let pace = (last.seconds - seconds) / steps as f64;
        Some(pace * training.steps.saturating_sub(last.step + 1) as f64)
    }

    fn step(&mut self, row: &StepRow) -> Option<EpochSummary> {
        let training = self.training.as_mut()?;
        training.first.get_or_insert((row.step, row.seconds));
        let number = row.step / training.steps_per_epoch;
        let over = self.epoch.as_ref().is_some_and(|e| e.number != number);
        let summary = if over { self.close() } else { None };
        let epoch = self.epoch.get_or_insert_with(|| Epoch {
            number,
            sums: BTreeMap::new(),
            last: row.clone(),
        });
        for (metric, &value) in &row.values {
            if metric.starts_with("loss/") || metric == SPEED {
                let (sum, count) = epoch.sums.entry(metric.clone()).or_default();
                *sum += value;
                *count += 1;
            }
        }
        epoch.last = row.clone();
        summary
    }

    /// Closes the epoch if it is over after `completed` steps.
    fn close_if_over(&mut self, completed: u64) -> Option<EpochSummary> {
        let end = (self.epoch.as_ref()?.number + 1) * self.training.as_ref()?.steps_per_epoch;
        if completed >= end { self.close() } else { None }
    }

    fn close(&mut self) -> Option<EpochSummary> {
        let left = self.left();
        let training = self.training.as_ref()?;
        let epoch = self.epoch.take()?;
        let mean = |(sum, count): &(f64, u32)| sum / f64::from(*count);
        let stripped = |values: Vec<(&String, f64)>, prefix: &str| {
            values
                .into_iter()
                .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value)))
                .collect()
        };
        Some(EpochSummary {
            phase: training.phase,
            epoch: epoch.number + 1,
            epochs: training.steps.div_ceil(training.steps_per_epoch),
            losses: stripped(
                epoch
                    .sums
                    .iter()
                    .map(|(name, sum)| (name, mean(sum)))
                    .collect(),
                "loss/",
            ),
            knobs: stripped(
                epoch
                    .last
                    .values
                    .iter()
                    .map(|(name, &v)| (name, v))
                    .collect(),
                "knob/",
            ),
            images_per_second: epoch.sums.get(SPEED).map(mean),
            left,
        })
    }
}

const SPEED: &str = "speed/images_per_second";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::small_run;

    fn summaries() -> Vec<EpochSummary> {
        let mut meter = EpochMeter::default();
        small_run()
            .iter()
            .filter_map(|event| meter.observe(event))
            .collect()
    }

    #[test]
    fn every_epoch_is_summed_up_once() {
        let epochs: Vec<_> = summaries()
            .iter()
            .map(|s| (s.phase, s.epoch, s.epochs))
            .collect();
        let (t, s) = (Phase::Teacher, Phase::Student);
        assert_eq!(
            epochs,
            [(t, 1, 2), (t, 2, 2), (s, 1, 3), (s, 2, 3), (s, 3, 3)]
        );
    }

    #[test]
    fn a_summary_has_the_mean_losses_the_knobs_and_the_time_left() {
        let first = &summaries()[0];
        assert_eq!(first.losses["truth"], 1.8125);
        assert_eq!(first.knobs["p1"], 0.5);
        assert_eq!(first.images_per_second, Some(400.0));
        assert_eq!(first.left, Some(2.0), "four steps of half a second");
    }

    #[test]
    fn an_epoch_that_nothing_closes_is_not_summed_up() {
        let mut meter = EpochMeter::default();
        let events = small_run();
        let until_evaluation = events
            .iter()
            .take_while(|event| !matches!(event, RunEvent::Evaluated(_)));
        assert_eq!(until_evaluation.filter_map(|e| meter.observe(e)).count(), 0);
        assert_eq!(meter.left(), Some(2.0));
    }
}
