//! What is kept of a run's series so that drawing them is quick: extents of
//! blocks, and their smoothing.
//!
//! Brought up to date when something changes, never while drawing.

use std::collections::BTreeMap;

use crate::event::Phase;
use crate::store::RunStore;
use crate::ui::widget::chart::{Smooth, Summary};

/// Summaries of one training's series.
#[derive(Debug, Default)]
pub(in crate::ui::screens) struct Summaries {
    /// Run, training and number of its processes: a new process may have taken
    /// steps back.
    of: Option<(String, Phase, u32)>,
    factor: f64,
    metrics: BTreeMap<String, (Summary, Option<Smooth>)>,
    /// Rows that were taken in.
    rows: usize,
}

impl Summaries {
    /// Takes in what a training logged since the last call of the metrics that
    /// are wanted; `factor` is that of the smoothing, 0 for none.
    pub(in crate::ui::screens) fn update(
        &mut self,
        run: &str,
        store: &RunStore,
        phase: Phase,
        factor: f64,
        wanted: impl Fn(&str) -> bool,
    ) {
        let of = Some((run.to_owned(), phase, store.processes));
        let table = store.table(phase);
        if self.of != of || self.rows > table.len() {
            *self = Self {
                of,
                ..Self::default()
            };
        }
        if self.factor != factor {
            self.factor = factor;
            for (_, smooth) in self.metrics.values_mut() {
                *smooth = None;
            }
        }
        for metric in table.metrics().filter(|metric| wanted(metric)) {
            let Some(series) = table.series(metric) else {
                continue;
            };
            if !self.metrics.contains_key(metric) {
                self.metrics
                    .insert(metric.to_owned(), (Summary::default(), None));
            }
            if let Some((summary, smooth)) = self.metrics.get_mut(metric) {
                summary.extend(series.values);
                // Knobs are drawn as they are.
                if factor > 0.0 && !metric.starts_with("knob/") {
                    smooth
                        .get_or_insert_with(|| Smooth::new(factor))
                        .extend(series.values);
                }
            }
        }
        self.rows = table.len();
    }

    pub(in crate::ui::screens) fn of(&self, metric: &str) -> Option<&(Summary, Option<Smooth>)> {
        self.metrics.get(metric)
    }
}
