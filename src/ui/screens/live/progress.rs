//! How far a training is and how long it will take, the evaluations that are
//! still to come included.

use crate::event::{Phase, Split};
use crate::store::{RunStore, metrics};

/// Logged rows that the pace is taken from.
const RECENT: usize = 50;

/// How far a training is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Progress {
    /// Steps completed and of the whole training.
    pub(super) steps: (u64, u64),
    /// The same in epochs.
    pub(super) epochs: (f64, f64),
    /// Median of the last logged rows.
    pub(super) images_per_second: Option<f64>,
    /// Seconds until the training ends; none once it did.
    pub(super) left: Option<f64>,
    /// Seconds that a training took that ended by itself.
    pub(super) ended: Option<f64>,
    /// Whether `left` counts evaluations: some have been timed.
    pub(super) evaluations_counted: bool,
}

impl Progress {
    pub(super) fn of(store: &RunStore, phase: Phase) -> Option<Self> {
        let state = store.phases.get(&phase)?;
        let completed = store.completed(phase).min(state.steps);
        let per_epoch = state.steps_per_epoch.max(1);
        let images_per_second = speed(store, phase);
        let images = store.data.as_ref().map(|data| data.train + data.unlabelled);
        let per_step = match (images, images_per_second) {
            // Images of an epoch over steps of an epoch: a batch.
            (Some(images), Some(speed)) if images > 0 && speed > 0.0 => {
                Some(images as f64 / per_epoch as f64 / speed)
            }
            _ => pace(store, phase),
        };
        let seconds = evaluation_seconds(store, phase);
        let evaluations = state.steps.div_ceil(per_epoch) - completed / per_epoch;
        let left = state.steps - completed;
        let left =
            per_step.map(|each| left as f64 * each + evaluations as f64 * seconds.unwrap_or(0.0));
        Some(Self {
            steps: (completed, state.steps),
            epochs: (completed as f64 / per_epoch as f64, state.epochs()),
            images_per_second,
            left: left.filter(|left| left.is_finite() && state.ended.is_none()),
            ended: state.ended.and_then(|_| metrics::seconds(store, phase)),
            evaluations_counted: seconds.is_some(),
        })
    }

    /// Share of the training that is done.
    pub(super) fn share(&self) -> f64 {
        self.steps.0 as f64 / self.steps.1.max(1) as f64
    }
}

/// Median speed of the last rows, which a single slow step doesn't move.
fn speed(store: &RunStore, phase: Phase) -> Option<f64> {
    let series = store.table(phase).series("speed/images_per_second")?;
    let from = series.values.len().saturating_sub(RECENT);
    let mut recent: Vec<f64> = series.values[from..]
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    recent.sort_by(f64::total_cmp);
    recent.get(recent.len() / 2).copied()
}

/// Seconds a step takes.
fn pace(store: &RunStore, phase: Phase) -> Option<f64> {
    let table = store.table(phase);
    let steps = table.last_step()? + 1;
    table.seconds().map(|seconds| seconds / steps as f64)
}

/// Mean seconds of an evaluation on the validation images.
fn evaluation_seconds(store: &RunStore, phase: Phase) -> Option<f64> {
    let (sum, count) = store
        .evaluations_of(phase, Split::Valid)
        .fold((0.0, 0_u32), |(sum, count), each| {
            (sum + each.seconds, count + 1)
        });
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunEvent;
    use crate::store::testing::small_run;

    #[test]
    fn the_time_left_counts_evaluations() {
        let mut store = RunStore::new();
        for event in small_run() {
            if matches!(&event, RunEvent::RoundEnded { round: 2, .. }) {
                break;
            }
            store.apply(&event);
        }
        let phase = store.phase.unwrap();
        let progress = Progress::of(&store, phase).unwrap();
        let state = &store.phases[&phase];
        let batch = store.data.as_ref().unwrap().train as f64 / state.steps_per_epoch as f64;
        let left = (state.steps - progress.steps.0) as f64;
        let evaluations = (state.steps - progress.steps.0).div_ceil(state.steps_per_epoch);
        let speed = progress.images_per_second.unwrap();
        // Each evaluation of that run took half a second.
        let expected = left * batch / speed + evaluations as f64 * 0.5;
        assert!(progress.evaluations_counted);
        assert!(
            (progress.left.unwrap() - expected).abs() < 0.51,
            "{progress:?} {expected}"
        );
    }
}
