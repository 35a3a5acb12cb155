//! Studies among the runs: how far each is, and what its variants come to so far.
//!
//! ```text
//! ┌ shapes ────────────────────────────────────────────┐
//! │ 6 student passes, seeds 1, 2, 3                    │
//! │ 7 of 12 done, 1 training, 1 failed                 │
//! │                                                    │
//! │ best weights, mean ± standard deviation            │
//! │ variant     seeds   valid top-1     test top-1     │
//! │ vanilla     3 of 3  79.3 ± 3.1 %    77.5 ± 2.5 %   │
//! │ multi-view  2 of 3  62.2 ± 11.2 %   60.3 ± 11.8 %  │
//! │                                                    │
//! │ Difference from vanilla, valid top-1 (best)        │
//! │ multi-view  2       -17.1 [-29.3, -7.3]            │
//! │                                                    │
//! │ Slurm: 1 running, 1 pending                        │
//! │ multi-view, seed 3  running on n12                 │
//! └────────────────────────────────────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::details::{fitted, scrolled};
use crate::format::{MISSING, plural, shorten_middle, width_of};
use crate::run::StudyRole;
use crate::store::{Owner, RunEntry, RunState, Runs};
use crate::study::cells::standing_of;
use crate::study::slurm::Tasks;
use crate::study::wording::{
    cell_words, conditions, difference_unit, difference_words, spread_words, title,
};
use crate::study::{Compared, Progress, Study, StudyTable};
use crate::ui::action::Action;
use crate::ui::dialog::Confirm;
use crate::ui::effect::{ClusterRequest, Effect};
use crate::ui::shared::Shared;

/// How often a cluster is asked: often enough to watch it, and little work for Slurm, which
/// many people ask.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(15);

/// Cells of a variant's name.
const VARIANT: usize = 30;

/// The studies that have runs, tasks in a queue, or files.
#[derive(Debug, Default)]
pub(super) struct Studies {
    /// Those that there are files of.
    known: Vec<Study>,
    /// What there is of those that have runs or tasks, by name.
    groups: BTreeMap<String, Group>,
    /// What a cluster says of the tasks of those that were shown, by name.
    tasks: BTreeMap<String, KnownTasks>,
}

/// What a cluster says of a study's tasks.
#[derive(Debug)]
struct KnownTasks {
    /// When it was asked last.
    asked: Duration,
    /// Whether it has not answered since.
    is_awaited: bool,
    /// Whether it has known any, now or before.
    had_tasks: bool,
    /// Its last answer.
    answer: Result<Option<Tasks>, String>,
}

/// What there is of a study.
#[derive(Debug)]
struct Group {
    /// What it was computed of.
    seen: Vec<Seen>,
    progress: Progress,
    /// None where there is no file of the study.
    table: Option<StudyTable>,
}

/// What decides the results of a study of a run.
#[derive(Debug, PartialEq)]
struct Seen {
    name: String,
    state: RunState,
    is_owned: bool,
    has_changes: bool,
}

impl Seen {
    fn of(name: &str, run: &RunEntry) -> Self {
        Self {
            name: name.to_owned(),
            state: run.state(),
            is_owned: run.owner != Owner::None,
            has_changes: run.store.adjustments().next().is_some(),
        }
    }
}

impl Studies {
    /// Takes in the studies that there are files of.
    pub(super) fn know(&mut self, known: Vec<Study>) {
        if self.known != known {
            self.known = known;
            self.groups.clear();
        }
    }

    /// Takes in what the runs are now. What a study comes to is computed where one of its
    /// runs began, ended or was changed.
    pub(super) fn refresh(&mut self, runs: &Runs) {
        let mut found: BTreeMap<&str, Vec<(&str, &RunEntry)>> = BTreeMap::new();
        for (name, run) in runs.iter() {
            let study = run.plan.as_ref().and_then(|plan| plan.study.as_ref());
            if let Some(of) = study {
                found.entry(&of.study).or_default().push((name, run));
            }
        }
        let mut before = std::mem::take(&mut self.groups);
        for (study, runs) in found {
            let seen = runs.iter().map(|(name, run)| Seen::of(name, run)).collect();
            let group = match before.remove(study) {
                Some(group) if group.seen == seen => group,
                _ => {
                    let known = self.known.iter().find(|known| known.name == study);
                    let runs: Vec<&RunEntry> = runs.into_iter().map(|(_, run)| run).collect();
                    Group::of(known, &runs, seen)
                }
            };
            self.groups.insert(study.to_owned(), group);
        }
        let waiting = self.waiting().map(str::to_owned).collect::<Vec<String>>();
        for study in waiting {
            let group = Group::of(self.known(&study), &[], Vec::new());
            self.groups.insert(study, group);
        }
    }

    /// The studies that have no run yet, and of whose tasks a cluster knows.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &str> {
        let has_tasks = |study: &str| self.tasks.get(study).is_some_and(|it| it.had_tasks);
        let names = self.without_runs();
        names.filter(move |study| has_tasks(study))
    }

    fn without_runs(&self) -> impl Iterator<Item = &str> {
        let has_runs = |group: &Group| !group.seen.is_empty();
        // Two files may be of one study.
        let names = self.known.iter().map(|study| study.name.as_str());
        let names: BTreeSet<&str> = names.collect();
        names
            .into_iter()
            .filter(move |study| !self.groups.get(*study).is_some_and(has_runs))
    }

    /// Asks what a cluster says of the tasks of studies that have no run yet, where that is
    /// some time ago.
    pub(super) fn ask_waiting(&mut self, shared: &mut Shared) {
        let studies = self.without_runs().map(str::to_owned);
        for study in studies.collect::<Vec<String>>() {
            self.ask_tasks(&study, shared);
        }
    }

    /// Asks what a cluster says of the tasks of a study, where that is some time ago.
    pub(super) fn ask_tasks(&mut self, study: &str, shared: &mut Shared) {
        if self.known(study).is_none() {
            return;
        }
        let asked = shared.clock.elapsed;
        let known = self.tasks.get(study);
        if known.is_some_and(|it| it.is_awaited || asked < it.asked + BETWEEN_QUESTIONS) {
            return;
        }
        let before = self.tasks.remove(study);
        let known = KnownTasks {
            asked,
            is_awaited: true,
            had_tasks: before.as_ref().is_some_and(|known| known.had_tasks),
            answer: before.map_or(Ok(None), |known| known.answer),
        };
        self.tasks.insert(study.to_owned(), known);
        shared.ask(Effect::Cluster {
            study: study.to_owned(),
            request: ClusterRequest::Tasks,
        });
    }

    /// Takes in what a cluster says.
    pub(super) fn on_tasks(&mut self, study: String, answer: Result<Option<Tasks>, String>) {
        let before = self.tasks.get(&study);
        let has_tasks =
            matches!(&answer, Ok(Some(tasks)) if tasks.others > 0 || !tasks.of_runs.is_empty());
        let known = KnownTasks {
            asked: before.map(|known| known.asked).unwrap_or_default(),
            is_awaited: false,
            had_tasks: has_tasks || before.is_some_and(|known| known.had_tasks),
            answer,
        };
        self.tasks.insert(study, known);
    }

    /// Whether the file of a study asks for something of a cluster, or it was submitted.
    pub(super) fn is_for_cluster(&self, study: &str) -> bool {
        let asks = self.known(study).is_some_and(|study| study.slurm.is_some());
        let submitted = self.tasks.get(study);
        asks || submitted.is_some_and(|known| matches!(known.answer, Ok(Some(_)) | Err(_)))
    }

    /// Whether tasks of a study are in the queue.
    pub(super) fn is_queued(&self, study: &str) -> bool {
        let tasks = self.tasks.get(study).map(|known| &known.answer);
        matches!(tasks, Some(Ok(Some(tasks))) if tasks.are_queued())
    }

    /// The question whether what is missing of a study is to be submitted; or why it is not.
    pub(super) fn submission(&self, study: &str) -> Result<Confirm, String> {
        self.with_file(study)?;
        let progress = self.groups.get(study).map(|group| group.progress);
        let progress = progress.unwrap_or_default();
        let all = progress.all.unwrap_or_default();
        let missing = all.saturating_sub(progress.done + progress.training);
        if missing == 0 {
            return Err(format!("every run of {study} is complete or training"));
        }
        let failed = match progress.failed {
            0 => String::new(),
            1 => " The one that failed moves to the trash and is trained again.".to_owned(),
            failed => {
                format!(" The {failed} that failed move to the trash and are trained again.")
            }
        };
        Ok(Confirm {
            title: "Submit to Slurm".to_owned(),
            message: format!(
                "Submit {missing} of the {} of {study} to Slurm, without those that are in the \
                 queue?{failed}",
                plural(all, "run", "runs")
            ),
            effect: Effect::Cluster {
                study: study.to_owned(),
                request: ClusterRequest::Submit,
            },
        })
    }

    /// The question whether the tasks of a study are to be cancelled; or why they are not.
    pub(super) fn cancellation(&self, study: &str, shared: &Shared) -> Result<Confirm, String> {
        self.with_file(study)?;
        Ok(Confirm {
            title: "Cancel Slurm tasks".to_owned(),
            message: format!(
                "Cancel all tasks of {study} that are in Slurm's queue? Those that train are \
                 saved; {} submits what is missing again.",
                shared.key(Action::SubmitStudy)
            ),
            effect: Effect::Cluster {
                study: study.to_owned(),
                request: ClusterRequest::Cancel,
            },
        })
    }

    fn with_file(&self, study: &str) -> Result<(), String> {
        let known = self.known(study).map(|_| ());
        known.ok_or_else(|| {
            format!(
                "no file of {study} is among the experiments; `workbench --study FILE --slurm` \
                 submits it, with --cancel it cancels"
            )
        })
    }

    /// The study of this name, if there is a file of it.
    fn known(&self, study: &str) -> Option<&Study> {
        self.known.iter().find(|known| known.name == study)
    }

    /// How far a study is, in words. Of one that has no run yet its tasks are the progress.
    pub(super) fn progress(&self, study: &str) -> String {
        let Some(group) = self.groups.get(study) else {
            return String::new();
        };
        let tasks = self.tasks.get(study).map(|known| &known.answer);
        match tasks {
            Some(Ok(Some(tasks))) if group.seen.is_empty() => {
                format!("{}, Slurm: {}", group.progress, tasks.summary())
            }
            _ => group.progress.to_string(),
        }
    }

    /// Draws what a study comes to, of which `above` lines are scrolled away.
    pub(super) fn draw(
        &self,
        study: &str,
        above: usize,
        shared: &Shared,
        frame: &mut Frame,
        area: Rect,
    ) {
        let lines = |inside: Rect| self.lines(study, usize::from(inside.width), shared);
        scrolled(study, lines, above, shared, frame, area);
    }

    fn lines(&self, study: &str, width: usize, shared: &Shared) -> Vec<Line<'static>> {
        let theme = &shared.theme;
        let Some(group) = self.groups.get(study) else {
            return Vec::new();
        };
        let progress = Line::styled(group.progress.to_string(), theme.accent());
        let Some(table) = &group.table else {
            let unknown = "No file of this study is among the experiments: its variants are not \
                           compared here.";
            let unknown = Line::styled(unknown.to_owned(), theme.muted());
            return fitted(vec![progress, Line::default(), unknown], width);
        };
        let muted = |text: &String| Line::styled(text.clone(), theme.muted());
        let what = muted(&"best weights, mean ± standard deviation".to_owned());
        let mut lines = vec![
            Line::raw(conditions(table)),
            progress,
            Line::default(),
            what,
        ];
        let results = grid(&results(table), width);
        lines.extend(results.first().map(muted));
        lines.extend(results.into_iter().skip(1).map(Line::raw));
        let differences = differences(table);
        if !differences.is_empty() {
            lines.push(Line::default());
            let baseline = &table.baseline().variant;
            let what = title(Compared::Best, table.metric);
            let unit = difference_unit(table.metric);
            let title = format!("Difference from {baseline}, {what}{unit}");
            lines.push(Line::styled(title, theme.muted()));
            lines.extend(grid(&differences, width).into_iter().map(Line::raw));
        }
        if !table.remarks.is_empty() {
            lines.push(Line::default());
        }
        let remarks = table.remarks.iter();
        lines.extend(remarks.map(|remark| Line::styled(format!("! {remark}"), theme.warn())));
        lines.extend(self.tasks_lines(study, width, shared));
        fitted(lines, width)
    }

    /// What becomes of the tasks of a study, where something of it was submitted.
    fn tasks_lines(&self, study: &str, width: usize, shared: &Shared) -> Vec<Line<'static>> {
        let theme = &shared.theme;
        let warning = |text: String| Line::styled(format!("! {text}"), theme.warn());
        let known = self.tasks.get(study).map(|known| &known.answer);
        let tasks = match known {
            None | Some(Ok(None)) => return Vec::new(),
            Some(Err(reason)) => return vec![Line::default(), warning(reason.clone())],
            Some(Ok(Some(tasks))) => tasks,
        };
        let title = Line::styled(format!("Slurm: {}", tasks.summary()), theme.muted());
        let mut lines = vec![Line::default(), title];
        let study = self.known(study);
        let rows = tasks.of_runs.iter().filter_map(|(number, words)| {
            let study = study?;
            let cells = study.cells();
            let cell = *cells.get((*number as usize).checked_sub(1)?)?;
            Some(vec![cell_words(study, cell), words.clone()])
        });
        let rows: Vec<Vec<String>> = rows.collect();
        lines.extend(grid(&rows, width).into_iter().map(Line::raw));
        lines.extend(tasks.remark().map(warning));
        lines
    }
}

impl Group {
    fn of(study: Option<&Study>, runs: &[&RunEntry], seen: Vec<Seen>) -> Self {
        // Where the study does not fit its runs, they are counted as they are.
        let known = study.and_then(|study| Some((study, study.outlook(runs).ok()?)));
        let Some((study, outlook)) = known else {
            let standings = (0..).zip(runs).filter_map(|(number, run)| {
                let of = run.plan.as_ref()?.study.as_ref()?;
                (of.role != StudyRole::Speed).then(|| standing_of(run, number))
            });
            return Self {
                seen,
                progress: Progress::of(None, standings),
                table: None,
            };
        };
        Self {
            seen,
            progress: outlook.progress(),
            table: Some(StudyTable::of(study, runs, &outlook)),
        }
    }
}

/// Titles, and a row for every variant.
fn results(table: &StudyTable) -> Vec<Vec<String>> {
    let compared = [Compared::Best, Compared::Test];
    let shown = table.compared();
    let compared: Vec<Compared> = compared
        .into_iter()
        .filter(|it| shown.contains(it))
        .collect();
    let mut titles = vec!["variant".to_owned(), "seeds".to_owned()];
    titles.extend(compared.iter().map(|it| {
        let title = title(*it, table.metric);
        // Of the best weights are all of them.
        title.trim_end_matches(" (best)").to_owned()
    }));
    let mut rows = vec![titles];
    for row in &table.rows {
        let seeds = format!("{} of {}", row.runs.len(), table.seeds.len());
        let mut cells = vec![shorten_middle(&row.variant, VARIANT), seeds];
        cells.extend(compared.iter().map(|compared| {
            let spread = row.spread(|run| run.value(*compared));
            spread.map_or_else(
                || MISSING.to_owned(),
                |spread| match spread.std {
                    // Of a single seed there is none, which its number says.
                    None => table.metric.written(spread.mean),
                    Some(_) => spread_words(spread, table.metric),
                },
            )
        }));
        rows.push(cells);
    }
    rows
}

/// A row for every variant that has a seed of the baseline.
fn differences(table: &StudyTable) -> Vec<Vec<String>> {
    let others = table.rows.iter().enumerate();
    let others = others.filter(|(at, _)| *at != table.baseline);
    let rows = others.filter_map(|(_, row)| {
        let difference = row.difference(table.baseline(), Compared::Best)?;
        Some(vec![
            shorten_middle(&row.variant, VARIANT),
            plural(difference.seeds, "seed", "seeds"),
            difference_words(difference, table.metric),
        ])
    });
    rows.collect()
}

/// Rows of cells as lines; the first column gives way where there is no room.
fn grid(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let of = |column: usize| rows.iter().map(move |row| width_of(&row[column])).max();
    let mut widths: Vec<usize> = (0..columns).map(|at| of(at).unwrap_or_default()).collect();
    let all = widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1);
    if let Some(first) = widths.first_mut() {
        *first = first.saturating_sub(all.saturating_sub(width)).max(8);
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let cell = shorten_middle(cell, *width);
            let spare = width.saturating_sub(width_of(&cell));
            format!("{cell}{}", " ".repeat(spare))
        });
        cells
            .collect::<Vec<String>>()
            .join("  ")
            .trim_end()
            .to_owned()
    };
    rows.iter().map(line).collect()
}
