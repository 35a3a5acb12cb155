//! The runs that a table lists: what is known of each, in which order they
//! stand, and which is selected.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::column::{Column, Key};
use super::config::Frozen;
use super::filter::{Filter, Subject};
use super::metrics::Metrics;
use crate::event::Phase;
use crate::store::{RunEntry, RunStore};
use crate::ui::action::Action;
use crate::ui::widget::Selection;

/// How runs are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sorting {
    pub(super) column: Column,
    /// Against the direction that is natural for the column.
    pub(super) reversed: bool,
}

impl Default for Sorting {
    fn default() -> Self {
        Self {
            column: Column::Begun,
            reversed: false,
        }
    }
}

/// What was worked out of a run, kept until the run changes.
#[derive(Debug, Clone)]
pub(super) struct Known {
    version: Version,
    pub(super) metrics: Metrics,
    /// The text that `frozen` was read from.
    text: String,
    pub(super) frozen: Frozen,
}

/// What every event that moves a metric moves too.
type Version = ([u64; 4], u32, usize);

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

/// A list of runs.
#[derive(Debug, Default)]
pub(super) struct Listing {
    known: BTreeMap<String, Known>,
    /// Names of the runs that are shown.
    order: Vec<String>,
    selection: Selection,
    /// The selected run, which stays selected wherever it moves.
    selected: Option<String>,
}

impl Listing {
    /// Takes in what the runs are now.
    pub(super) fn refresh<'a>(
        &mut self,
        runs: impl Iterator<Item = (&'a str, &'a RunEntry)>,
        filter: &Filter,
        sorting: Sorting,
    ) {
        let mut before = std::mem::take(&mut self.known);
        let mut keyed: Vec<(Key, String)> = Vec::new();
        for (name, run) in runs {
            let known = before
                .remove(name)
                .map_or_else(|| Known::of(run), |old| old.renewed(run));
            let subject = known.subject(name, run);
            if filter.shows(&subject) {
                keyed.push((sorting.column.key(&subject), name.to_owned()));
            }
            self.known.insert(name.to_owned(), known);
        }
        // Names arrive sorted and sorting is stable: equals stay by name.
        let descends = sorting.column.descends() != sorting.reversed;
        keyed.sort_by(|(a, _), (b, _)| compare(a, b, descends));
        self.order = keyed.into_iter().map(|(_, name)| name).collect();
        self.find_selected();
    }

    /// Follows the selected run to its new row. If it is gone, the row stays.
    fn find_selected(&mut self) {
        let at = self
            .selected
            .as_ref()
            .and_then(|name| self.order.iter().position(|other| other == name));
        if let Some(at) = at {
            self.selection.set(at);
        }
        self.remember();
    }

    fn remember(&mut self) {
        let at = self.selection.get(self.order.len());
        self.selected = at.map(|at| self.order[at].clone());
    }

    /// What is known of a run.
    pub(super) fn known(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    /// A run together with what is known of it.
    pub(super) fn subject<'a>(&'a self, name: &'a str, run: &'a RunEntry) -> Option<Subject<'a>> {
        Some(self.known.get(name)?.subject(name, run))
    }

    /// The runs that are shown, in order.
    pub(super) fn order(&self) -> &[String] {
        &self.order
    }

    /// How many there are, shown or not.
    pub(super) fn total(&self) -> usize {
        self.known.len()
    }

    /// The row that is selected, and its run.
    pub(super) fn selected(&self) -> Option<(usize, &str)> {
        let at = self.selection.get(self.order.len())?;
        Some((at, &self.order[at]))
    }

    /// The rows in view.
    pub(super) fn window(&self, height: usize) -> std::ops::Range<usize> {
        self.selection.window(self.order.len(), height)
    }

    /// Moves the selection. Returns whether the action does.
    pub(super) fn act(&mut self, action: Action) -> bool {
        let moves = self.selection.act(action, self.order.len());
        if moves {
            self.remember();
        }
        moves
    }

    /// Selects a row.
    pub(super) fn select(&mut self, at: usize) {
        self.selection.set(at);
        self.remember();
    }

    /// Selects a run, now or when it appears.
    pub(super) fn select_name(&mut self, name: &str) {
        self.selected = Some(name.to_owned());
        if let Some(at) = self.order.iter().position(|other| other == name) {
            self.selection.set(at);
        }
    }

    /// Every field that any run's experiment has.
    pub(super) fn settings(&self) -> BTreeSet<&str> {
        let known = self.known.values();
        known
            .flat_map(|known| known.frozen.config.paths())
            .collect()
    }
}

impl Known {
    fn of(run: &RunEntry) -> Self {
        Self {
            version: version(&run.store),
            metrics: Metrics::of(&run.store),
            text: run.experiment.clone(),
            frozen: Frozen::read(&run.experiment),
        }
    }

    /// The same run later: only what changed is worked out again.
    fn renewed(mut self, run: &RunEntry) -> Self {
        let version = version(&run.store);
        if version != self.version {
            self.version = version;
            self.metrics = Metrics::of(&run.store);
        }
        if run.experiment != self.text {
            self.frozen = Frozen::read(&run.experiment);
            self.text.clone_from(&run.experiment);
        }
        self
    }

    fn subject<'a>(&'a self, name: &'a str, run: &'a RunEntry) -> Subject<'a> {
        Subject {
            name,
            run,
            metrics: &self.metrics,
            config: &self.frozen.config,
        }
    }
}

/// What is missing stands last, whichever way the others run.
fn compare(a: &Key, b: &Key, descends: bool) -> Ordering {
    match (a, b) {
        (Key::Missing, Key::Missing) => Ordering::Equal,
        (Key::Missing, _) => Ordering::Greater,
        (_, Key::Missing) => Ordering::Less,
        _ => {
            let ascending = a.partial_cmp(b).unwrap_or(Ordering::Equal);
            if descends {
                ascending.reverse()
            } else {
                ascending
            }
        }
    }
}
