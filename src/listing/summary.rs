//! What was worked out of a run, kept until the run changes.

use crate::event::{Phase, Position};
use crate::experiment::spec::{Gate, Spec};
use crate::store::{Config, Frozen, Metrics, RunEntry, RunStore};

/// A run, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Name of its folder.
    pub name: &'a str,
    /// The run.
    pub run: &'a RunEntry,
    /// How well and how far it is.
    pub metrics: &'a Metrics,
    /// Its configuration, adjustments included.
    pub config: &'a Config,
}

impl Subject<'_> {
    /// Its gates: those of the plan, which knows where other runs lie, or of the
    /// experiment.
    #[must_use]
    pub fn gates<'a>(&'a self, spec: Option<&'a Spec>) -> &'a [Gate] {
        let plan = self.run.plan.as_ref();
        let planned = plan.map(|plan| plan.resolved.plan.gates.as_slice());
        let gates = planned.or(spec.map(|spec| spec.gates.as_slice()));
        gates.unwrap_or_default()
    }
}

/// What was worked out of a run.
#[derive(Debug, Clone)]
pub struct RunSummary {
    version: Version,
    /// How well and how far it is.
    pub metrics: Metrics,
    /// The text and the adjustments that `frozen` was made from.
    source: Source,
    /// What it was.
    pub frozen: Frozen,
}

/// What every event that moves a metric moves too.
type Version = ([u64; 4], u32, usize);

/// What a configuration is made from.
#[derive(Debug, Clone, PartialEq)]
struct Source {
    text: String,
    has_plan: bool,
    adjusted: Vec<Position>,
}

impl RunSummary {
    /// Of a run as it is now.
    #[must_use]
    pub fn of(run: &RunEntry) -> Self {
        Self {
            version: version(&run.store),
            metrics: Metrics::of(&run.store),
            source: Source::of(run),
            frozen: run.frozen(),
        }
    }

    /// The same run later: only what changed is worked out again.
    #[must_use]
    pub fn renewed(mut self, run: &RunEntry) -> Self {
        let version = version(&run.store);
        if version != self.version {
            self.version = version;
            self.metrics = Metrics::of(&run.store);
        }
        if !self.source.is_of(run) {
            self.source = Source::of(run);
            self.frozen = run.frozen();
        }
        self
    }

    /// The run together with what is known of it.
    #[must_use]
    pub fn subject<'a>(&'a self, name: &'a str, run: &'a RunEntry) -> Subject<'a> {
        Subject {
            name,
            run,
            metrics: &self.metrics,
            config: &self.frozen.config,
        }
    }
}

fn version(store: &RunStore) -> Version {
    let phases = [Phase::Teacher, Phase::Student];
    let rows = phases.map(|phase| store.table(phase).len() as u64);
    let completed = phases.map(|phase| {
        let ended = store
            .phases
            .get(&phase)
            .is_some_and(|state| state.ended.is_some());
        store.completed(phase) * 2 + u64::from(ended)
    });
    let counts = [rows[0], rows[1], completed[0], completed[1]];
    (counts, store.processes, store.evaluations.len())
}

impl Source {
    fn of(run: &RunEntry) -> Self {
        Self {
            text: run.experiment.clone(),
            has_plan: run.plan.is_some(),
            adjusted: run.store.adjustments().map(|(at, _)| at).collect(),
        }
    }

    fn is_of(&self, run: &RunEntry) -> bool {
        let adjusted = run.store.adjustments().map(|(at, _)| at);
        self.text == run.experiment
            && self.has_plan == run.plan.is_some()
            && adjusted.eq(self.adjusted.iter().copied())
    }
}

impl<'a> Subject<'a> {
    /// The experiment's name.
    #[must_use]
    pub fn experiment(&self) -> Option<&'a str> {
        let identity = self.run.store.identity.as_ref();
        self.config
            .get("name")
            .or(identity.map(|identity| identity.name.as_str()))
    }
}
