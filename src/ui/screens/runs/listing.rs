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

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    /// A study, whose runs are in the rows below.
    Study(String),
    /// A run.
    Run {
        name: String,
        /// Whether it stands below its study.
        is_below: bool,
    },
}

impl Row {
    /// The run, if it is one.
    pub(super) fn run(&self) -> Option<&str> {
        match self {
            Self::Study(_) => None,
            Self::Run { name, .. } => Some(name),
        }
    }

    /// Whether it is the same, wherever it stands.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Study(name), Self::Study(other)) => name == other,
            _ => self.run().is_some() && self.run() == other.run(),
        }
    }
}

/// Rows of runs in order, each with its study: the runs of one together below it, where the
/// first of them stands.
fn grouped(runs: Vec<(Option<String>, String)>) -> Vec<Row> {
    let mut below: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut order = Vec::new();
    for (study, name) in runs {
        let is_below = study.is_some();
        let row = Row::Run { name, is_below };
        let Some(study) = study else {
            order.push(row);
            continue;
        };
        if !below.contains_key(&study) {
            order.push(Row::Study(study.clone()));
        }
        below.entry(study).or_default().push(row);
    }
    let with_runs = order.into_iter().flat_map(|row| {
        let runs = match &row {
            Row::Study(name) => below.remove(name).unwrap_or_default(),
            Row::Run { .. } => Vec::new(),
        };
        std::iter::once(row).chain(runs)
    });
    with_runs.collect()
}

/// A list of runs.
#[derive(Debug, Default)]
pub(super) struct Listing {
    known: BTreeMap<String, RunSummary>,
    /// Every field that any run's configuration has.
    fields: Fields,
    /// What is shown: the runs of a study together, where the first of them stands.
    order: Vec<Row>,
    selection: Selection,
    /// The selected row, which stays selected wherever it moves.
    selected: Option<Row>,
    /// A run that is to be selected once it appears.
    awaited: Option<String>,
}

impl Listing {
    /// Takes in what the runs are now. With a list of studies that have no runs yet, which
    /// stand first, runs are grouped by their studies.
    pub(super) fn refresh<'a>(
        &mut self,
        runs: impl Iterator<Item = (&'a str, &'a RunEntry)>,
        filter: &Filter,
        sorting: &Sorting,
        by_study: Option<Vec<String>>,
    ) {
        let mut before = std::mem::take(&mut self.known);
        let mut keyed: Vec<(Key, (Option<String>, String))> = Vec::new();
        let mut fields = Fields::default();
        for (name, run) in runs {
            let known = before
                .remove(name)
                .map_or_else(|| RunSummary::of(run), |old| old.renewed(run));
            let subject = known.subject(name, run);
            fields.add(&subject);
            if filter.shows(&subject) {
                let plan = run.plan.as_ref().filter(|_| by_study.is_some());
                let study = plan.and_then(|plan| Some(plan.study.as_ref()?.study.clone()));
                keyed.push((sorting.field.key(&subject), (study, name.to_owned())));
            }
            self.known.insert(name.to_owned(), known);
        }
        // Names arrive sorted and sorting is stable: equals stay by name.
        keyed.sort_by(|(a, _), (b, _)| compare(a, b, sorting.descends()));
        self.fields = fields;
        let waiting = by_study.into_iter().flatten().map(Row::Study);
        let runs = grouped(keyed.into_iter().map(|(_, run)| run).collect());
        self.order = waiting.chain(runs).collect();
        self.find_selected();
    }

    /// Follows the selected run to its new row. If it is gone, the row stays; where a
    /// filter lets no run through, it is selected again once it is shown.
    fn find_selected(&mut self) {
        let place = |row: &Row| self.order.iter().position(|other| other.is(row));
        let awaited = self.awaited.as_deref().and_then(|name| self.place_of(name));
        if awaited.is_some() {
            self.awaited = None;
        }
        if let Some(at) = awaited.or_else(|| self.selected.as_ref().and_then(place)) {
            self.selection.set(at);
        }
        self.remember();
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.order.iter().position(|row| row.run() == Some(name))
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

    /// What is shown, in order.
    pub(super) fn order(&self) -> &[Row] {
        &self.order
    }

    /// The runs that are shown, in order.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        self.order.iter().filter_map(Row::run)
    }

    /// The runs that are shown below a study.
    pub(super) fn below(&self, study: &str) -> impl Iterator<Item = &str> {
        let is_it = |row: &Row| matches!(row, Row::Study(name) if name == study);
        let at = self
            .order
            .iter()
            .position(is_it)
            .unwrap_or(self.order.len());
        self.order[at..].iter().skip(1).map_while(|row| match row {
            Row::Run {
                name,
                is_below: true,
            } => Some(name.as_str()),
            _ => None,
        })
    }

    /// How many there are, shown or not.
    pub(super) fn total(&self) -> usize {
        self.known.len()
    }

    /// The number of the row that is selected.
    pub(super) fn selected_row(&self) -> Option<usize> {
        self.selection.get(self.order.len())
    }

    /// The run that is selected, if it is one.
    pub(super) fn selected(&self) -> Option<&str> {
        self.order[self.selected_row()?].run()
    }

    /// The study that is selected, if it is one.
    pub(super) fn selected_study(&self) -> Option<&str> {
        match &self.order[self.selected_row()?] {
            Row::Study(name) => Some(name),
            Row::Run { .. } => None,
        }
    }

    /// The run that is selected, or will be once it is shown again.
    pub(super) fn selected_name(&self) -> Option<&str> {
        self.selected.as_ref().and_then(Row::run)
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
        match self.place_of(name) {
            Some(at) => self.selection.set(at),
            None => self.awaited = Some(name.to_owned()),
        }
        self.selected = Some(Row::Run {
            name: name.to_owned(),
            is_below: false,
        });
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
