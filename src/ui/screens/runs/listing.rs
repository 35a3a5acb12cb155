//! The runs that a table lists: what is known of each, in which order they
//! stand, and which is selected.

use std::collections::{BTreeMap, BTreeSet};

use crate::experiment::metric::Metric;
use crate::format::MISSING;
use crate::listing::{Column, Field, Fields, Filter, Key, RunSummary, Subject, compare};
use crate::store::{RunEntry, Runs};
use crate::ui::action::Action;
use crate::ui::dialog::Choosable;
use crate::ui::widget::Selection;

/// Classes whose metrics are offered as columns.
const FEW_CLASSES: usize = 20;

/// How runs are sorted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sorting {
    pub(super) field: Field,
    /// Against the direction that is natural for the field.
    pub(super) reversed: bool,
}

impl Default for Sorting {
    fn default() -> Self {
        Self {
            field: Field::Column(Column::Started),
            reversed: false,
        }
    }
}

impl Sorting {
    /// Whether the greatest value stands first.
    pub(super) fn descends(&self) -> bool {
        self.field.descends() != self.reversed
    }
}

/// A list of runs.
#[derive(Debug, Default)]
pub(super) struct Listing {
    known: BTreeMap<String, RunSummary>,
    /// Every field that any run's configuration has.
    fields: Fields,
    /// Names of the runs that are shown.
    order: Vec<String>,
    selection: Selection,
    /// The selected run, which stays selected wherever it moves.
    selected: Option<String>,
    /// A run that is to be selected once it appears.
    awaited: Option<String>,
}

impl Listing {
    /// Takes in what the runs are now.
    pub(super) fn refresh<'a>(
        &mut self,
        runs: impl Iterator<Item = (&'a str, &'a RunEntry)>,
        filter: &Filter,
        sorting: &Sorting,
    ) {
        let mut before = std::mem::take(&mut self.known);
        let mut keyed: Vec<(Key, String)> = Vec::new();
        let mut fields = Fields::default();
        for (name, run) in runs {
            let known = before
                .remove(name)
                .map_or_else(|| RunSummary::of(run), |old| old.renewed(run));
            let subject = known.subject(name, run);
            fields.add(&subject);
            if filter.shows(&subject) {
                keyed.push((sorting.field.key(&subject), name.to_owned()));
            }
            self.known.insert(name.to_owned(), known);
        }
        // Names arrive sorted and sorting is stable: equals stay by name.
        keyed.sort_by(|(a, _), (b, _)| compare(a, b, sorting.descends()));
        self.fields = fields;
        self.order = keyed.into_iter().map(|(_, name)| name).collect();
        self.find_selected();
    }

    /// Follows the selected run to its new row. If it is gone, the row stays; where a
    /// filter lets no run through, it is selected again once it is shown.
    fn find_selected(&mut self) {
        let row = |name: &String| self.order.iter().position(|other| other == name);
        let awaited = self.awaited.as_ref().and_then(row);
        if awaited.is_some() {
            self.awaited = None;
        }
        if let Some(at) = awaited.or_else(|| self.selected.as_ref().and_then(row)) {
            self.selection.set(at);
        }
        self.remember();
    }

    fn remember(&mut self) {
        if let Some(at) = self.selection.get(self.order.len()) {
            self.selected = Some(self.order[at].clone());
        }
    }

    /// What is known of a run.
    pub(super) fn known(&self, name: &str) -> Option<&RunSummary> {
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

    /// The run that is selected, or will be once it is shown again.
    pub(super) fn selected_name(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The rows in view.
    pub(super) fn window(&self, height: usize) -> std::ops::Range<usize> {
        self.selection.window(self.order.len(), height)
    }

    /// Moves the selection. Returns whether the action does.
    pub(super) fn act(&mut self, action: Action) -> bool {
        let moves = self.selection.act(action, self.order.len());
        if moves {
            self.awaited = None;
            self.remember();
        }
        moves
    }

    /// Selects a row.
    pub(super) fn select(&mut self, at: usize) {
        self.selection.set(at);
        self.awaited = None;
        self.remember();
    }

    /// Selects a run, now or when it appears.
    pub(super) fn select_name(&mut self, name: &str) {
        self.selected = Some(name.to_owned());
        match self.order.iter().position(|other| other == name) {
            Some(at) => self.selection.set(at),
            None => self.awaited = self.selected.clone(),
        }
    }

    /// Every field that any run's configuration has.
    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Every field with the values that it has in some run, and every metric that some
    /// run has.
    pub(super) fn choosable(&self, runs: &Runs) -> Vec<Choosable> {
        let metric = |name: &str| {
            let field = Field::Metric(name.parse().ok()?);
            let subjects = runs
                .iter()
                .filter_map(|(name, run)| self.subject(name, run));
            let values: BTreeSet<String> = subjects.map(|run| field.text(&run)).collect();
            let values: Vec<String> = values.into_iter().filter(|it| it != MISSING).collect();
            let path = name.to_owned();
            (!values.is_empty()).then_some(Choosable { path, values })
        };
        let values = |path: &str| {
            let configs = self.known.values().map(|known| &known.frozen.config);
            let values: BTreeSet<&str> = configs.filter_map(|config| config.get(path)).collect();
            let mut values: Vec<String> = values.into_iter().map(str::to_owned).collect();
            // Numbers by size, before texts; sorting is stable.
            let size = |value: &String| value.parse().unwrap_or(f64::INFINITY);
            values.sort_by(|a, b| size(a).total_cmp(&size(b)));
            values
        };
        let paths = self.fields.paths();
        let fields = paths.map(|path| Choosable {
            path: path.to_owned(),
            values: values(path),
        });
        let data = runs.iter().filter_map(|(_, run)| run.store.data.as_ref());
        let classes: BTreeSet<&String> = data.flat_map(|data| &data.classes).collect();
        let classes = classes.into_iter().take(FEW_CLASSES);
        let of_classes: Vec<String> = classes
            .flat_map(|class| {
                let names = [
                    "test/recall",
                    "test/precision",
                    "valid/recall",
                    "valid/precision",
                ];
                names.map(|name| format!("{name}/{class}"))
            })
            .collect();
        let metrics = Metric::NAMES.into_iter();
        let metrics = metrics.chain(of_classes.iter().map(String::as_str));
        fields.chain(metrics.filter_map(metric)).collect()
    }
}
