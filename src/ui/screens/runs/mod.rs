//! The table of runs, and what can be done with them: find, compare, annotate,
//! rename, throw away and take back, resume, branch, export.

mod advice;
mod column;
mod comparison;
mod details;
mod diff;
mod filter_help;
mod gates;
mod listing;
mod marks;
mod overlay;
mod pareto;
mod run_actions;
mod screen;
mod studies;
mod table;

#[cfg(test)]
mod frame_tests;
#[cfg(test)]
mod study_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use self::column::{Baseline, Columns};
use self::comparison::Comparison;
use self::listing::{Listing, Sorting};
use self::marks::Marks;
use self::overlay::Overlay;
use self::pareto::ParetoView;
pub(in crate::ui) use self::run_actions::{note_run, on_exported, rename_run, tag_run};
use self::studies::Studies;
use self::table::Hit;
use crate::format::shorten;
use crate::listing::{Field, Filter, Subject};
use crate::store::{RunEntry, Runs};
use crate::study::Study;
use crate::study::slurm::Tasks;
use crate::ui::action::{Action, Context};
use crate::ui::dialog::{ColumnChooser, Dialog, Prompt, Purpose};
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;
use crate::ui::widget::border::{Border, Side};

/// Lines that a page moves by.
const PAGE: usize = 10;

/// Lines that particulars never have, so that scrolling does not run away.
const LONGEST: usize = 100;

/// Rows that a turn of the wheel moves by.
const WHEEL: usize = 3;

/// Longest text in the border of a prompt.
const PROMPT_TITLE: usize = 64;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    #[default]
    Runs,
    Trash,
    /// Curves of the runs that are compared.
    Overlay,
    /// Differences between them.
    Diff,
    /// Accuracy against what it costs.
    Pareto,
}

/// State of the screen.
#[derive(Debug, Default)]
pub struct RunsTable {
    view: View,
    runs: Listing,
    trash: Listing,
    filter: Filter,
    /// The filter and the selected run before another filter was typed.
    before: Option<(Filter, Option<String>)>,
    sorting: Sorting,
    columns: Columns,
    /// Columns after the name that are scrolled away.
    skipped: usize,
    /// Whether the particulars are shown; as there is room until it is said.
    details: Option<bool>,
    /// Lines of the particulars that are scrolled away.
    details_above: usize,
    /// Where the particulars begin.
    border: Border,
    marks: Marks,
    comparison: Comparison,
    overlay: Overlay,
    pareto: ParetoView,
    studies: Studies,
}

impl RunsTable {
    /// Takes in the studies that there are files of.
    pub(in crate::ui) fn on_studies(&mut self, known: Vec<Study>, runs: &Runs) {
        self.studies.know(known);
        self.changed(runs);
    }

    /// Takes in what a cluster says of a study's tasks.
    pub(in crate::ui) fn on_tasks(
        &mut self,
        study: String,
        tasks: Result<Option<Tasks>, String>,
        runs: &Runs,
    ) {
        let before = self.studies.waiting().count();
        self.studies.on_tasks(study, tasks);
        if self.studies.waiting().count() != before {
            self.changed(runs);
        }
    }

    /// Asks at times what a cluster says of the tasks of the study that is shown, and of
    /// those that have no run yet.
    pub(in crate::ui) fn ask_tasks(&mut self, shared: &mut Shared) {
        self.studies.ask_waiting(shared);
        let shown = self.shows_details(shared.size.0);
        if let Some(study) = self.runs.selected_study().filter(|_| shown) {
            self.studies.ask_tasks(study, shared);
        }
    }

    /// Takes in what the runs are now.
    pub(in crate::ui) fn changed(&mut self, runs: &Runs) {
        self.studies.refresh(runs);
        // Without runs a study has nothing that a filter could find.
        let waiting = self.studies.waiting().filter(|_| self.filter.is_empty());
        let waiting = Some(waiting.map(str::to_owned).collect());
        self.runs
            .refresh(runs.iter(), &self.filter, &self.sorting, waiting);
        self.trash
            .refresh(runs.trash(), &Filter::default(), &self.sorting, None);
        let listed = runs.iter().map(|(name, run)| self.runs.subject(name, run));
        let trashed = runs
            .trash()
            .map(|(name, run)| self.trash.subject(name, run));
        let subjects: Vec<_> = listed.chain(trashed).flatten().collect();
        self.columns.refresh(self.runs.fields(), &subjects);
        self.marks.retain(|name| runs.get(name).is_some());
        self.renew_overlay(runs);
    }

    /// The screen is shown, with the cursor on the selected run.
    pub(in crate::ui) fn on_show(&mut self, shared: &Shared, runs: &Runs) {
        if let Some(name) = &shared.selected {
            self.runs.select_name(name);
        }
        self.changed(runs);
    }

    /// Selects the run under the cursor.
    pub(in crate::ui) fn select(&self, shared: &mut Shared) {
        if let Some(name) = self.runs.selected() {
            shared.selected = Some(name.to_owned());
        }
    }

    /// Name of the run under the cursor, or of the one that was before a filter hid it.
    #[cfg(test)]
    pub(in crate::ui) fn selected_name(&self) -> Option<&str> {
        self.runs.selected_name()
    }

    /// A run has another name now.
    pub(in crate::ui) fn renamed(&mut self, from: &str, to: &str) {
        self.marks.rename(from, to);
        if self.runs.selected_name() == Some(from) {
            self.runs.select_name(to);
        }
        if let Some((_, Some(selected))) = &mut self.before
            && selected == from
        {
            to.clone_into(selected);
        }
    }

    /// Does what was requested. Returns whether the selected run is to be shown.
    pub(in crate::ui) fn act(&mut self, action: Action, shared: &mut Shared, runs: &Runs) -> bool {
        // From the palette, an action comes without its view being shown.
        match action.entry().context {
            Context::Overlay => self.view = View::Overlay,
            Context::Pareto => self.view = View::Pareto,
            _ => {}
        }
        match action {
            Action::Filter => {
                let selected = self.runs.selected_name().map(str::to_owned);
                self.before = Some((self.filter.clone(), selected));
                let prompt = Prompt::new("Filter runs", self.filter.text(), Purpose::FilterRuns);
                shared.dialog = Some(Dialog::Prompt(prompt));
            }
            Action::SortRuns => self.sort(self.columns.next(&self.sorting.field).clone(), runs),
            Action::ReverseRuns => {
                self.sorting.reversed = !self.sorting.reversed;
                self.changed(runs);
            }
            Action::ChooseColumns => {
                let chosen = self.columns.chosen().to_vec();
                let fields = self.runs.choosable(runs);
                shared.dialog = Some(Dialog::Columns(ColumnChooser::new(fields, chosen)));
            }
            Action::OverlayRuns => self.toggle(View::Overlay),
            Action::ParetoRuns => self.toggle(View::Pareto),
            Action::DiffRuns => self.toggle(View::Diff),
            Action::ShowTrash => self.toggle(View::Trash),
            Action::RunDetails => self.details = Some(!self.shows_details(shared.size.0)),
            Action::UnmarkRuns => self.marks.clear(),
            Action::Back if self.covers(shared.size.0) => self.details = Some(false),
            Action::Back => self.back(runs),
            _ if self.view == View::Pareto => return self.act_on_pareto(action, runs),
            _ if self.is_comparison() => self.act_on_comparison(action, runs),
            _ => return self.act_on_list(action, shared, runs),
        }
        self.renew_overlay(runs);
        false
    }

    fn act_on_list(&mut self, action: Action, shared: &mut Shared, runs: &Runs) -> bool {
        if self.listing_mut().act(action) {
            self.details_above = 0;
            return false;
        }
        let (width, height) = shared.size;
        let is_alone = self.panes(Rect::new(0, 0, width, height)).0.is_none();
        match action {
            Action::Left if is_alone => {
                self.details_above = self.details_above.saturating_sub(PAGE);
            }
            Action::Right if is_alone => {
                self.details_above = (self.details_above + PAGE).min(LONGEST);
            }
            Action::Left => self.skipped = self.skipped.saturating_sub(1),
            Action::Right => self.skipped = (self.skipped + 1).min(self.columns.shown().len() - 2),
            Action::Activate if self.selected_study().is_some() => {
                self.details = Some(!self.shows_details(width));
            }
            Action::Activate if self.view == View::Runs => {
                return self.runs.selected().is_some();
            }
            _ => self.act_on_run(action, shared, runs),
        }
        false
    }

    /// Leaves what is open: a view, then the filter.
    fn back(&mut self, runs: &Runs) {
        if self.view == View::Overlay && self.overlay.back() {
            return;
        }
        if self.view != View::Runs {
            self.view = View::Runs;
        } else if !self.filter.is_empty() {
            self.filter = Filter::default();
            self.changed(runs);
        }
    }

    fn toggle(&mut self, view: View) {
        self.view = if self.view == view { View::Runs } else { view };
        self.comparison.above = 0;
        self.comparison.before = 0;
    }

    fn sort(&mut self, field: Field, runs: &Runs) {
        self.sorting = Sorting {
            reversed: field == self.sorting.field && !self.sorting.reversed,
            field,
        };
        self.changed(runs);
    }

    /// Shows these fields of the configurations as columns.
    pub(in crate::ui) fn choose_columns(&mut self, chosen: Vec<String>, runs: &Runs) {
        self.columns = Columns::new(chosen);
        self.changed(runs);
    }

    /// Shows the runs that a filter lets through.
    pub(in crate::ui) fn filter_runs(&mut self, text: &str, shared: &mut Shared, runs: &Runs) {
        match Filter::parse(text, self.runs.fields()) {
            Ok(filter) => {
                self.view = View::Runs;
                self.show_through(filter, runs);
                self.before = None;
            }
            Err(error) => {
                shared.notify(LogLine::error(format!("filter, {error}")));
                let title = shorten(&error.to_string(), PROMPT_TITLE);
                shared.ask_again(title, text, Purpose::FilterRuns);
            }
        }
    }

    /// Shows the runs that a filter lets through while it is typed; one that is not
    /// finished changes nothing.
    pub(in crate::ui) fn try_filter(&mut self, text: &str, runs: &Runs) {
        if let Ok(filter) = Filter::parse(text, self.runs.fields()) {
            self.show_through(filter, runs);
        }
    }

    /// Shows the runs that a filter lets through. The run that was selected before it was
    /// typed stays selected, where it is one of them.
    fn show_through(&mut self, filter: Filter, runs: &Runs) {
        self.filter = filter;
        if let Some((_, Some(name))) = &self.before {
            self.runs.select_name(name);
        }
        self.changed(runs);
    }

    /// Takes back what was typed of a filter and not accepted.
    pub(in crate::ui) fn restore_filter(&mut self, runs: &Runs) {
        if let Some((filter, _)) = &self.before {
            self.show_through(filter.clone(), runs);
            self.before = None;
        }
    }

    pub(in crate::ui) fn mouse(
        &mut self,
        mouse: MouseEvent,
        area: Rect,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        if self.view == View::Overlay && self.mouse_on_curves(mouse, area, runs) {
            return;
        }
        if self.view == View::Pareto {
            return self.mouse_on_pareto(mouse, area, runs);
        }
        let (table, details) = self.panes(area);
        if let (Some(_), Some(details), false) = (table, details, self.is_comparison())
            && self.border.mouse(mouse, details, Side::Right)
        {
            return;
        }
        let cell = Position::new(mouse.column, mouse.row);
        let on_details = details.is_some_and(|place| place.contains(cell)) && !self.is_comparison();
        let wheel = match mouse.kind {
            MouseEventKind::ScrollUp => Some(Action::Up),
            MouseEventKind::ScrollDown => Some(Action::Down),
            MouseEventKind::ScrollLeft => Some(Action::Left),
            MouseEventKind::ScrollRight => Some(Action::Right),
            _ => None,
        };
        match wheel.filter(|_| on_details) {
            Some(Action::Up) => {
                self.details_above = self.details_above.saturating_sub(WHEEL);
                return;
            }
            Some(Action::Down) => {
                self.details_above = (self.details_above + WHEEL).min(LONGEST);
                return;
            }
            _ => {}
        }
        if let Some(action) = wheel {
            let turns = if matches!(action, Action::Up | Action::Down) {
                WHEEL
            } else {
                1
            };
            for _ in 0..turns {
                self.act(action, shared, runs);
            }
            return;
        }
        let Some(place) = table.filter(|_| !self.is_comparison()) else {
            return;
        };
        if mouse.kind != MouseEventKind::Down(MouseButton::Left) {
            return;
        }
        let layout = self.table_layout(place);
        let window = self.listing().window(layout.height());
        let row = |below: usize| Some(window.start + below).filter(|at| *at < window.end);
        match layout.hit(mouse.column, mouse.row) {
            Some(Hit::Heading(at)) => self.sort(self.columns.shown()[at].field.clone(), runs),
            Some(Hit::Row(below)) => {
                if let Some(at) = row(below) {
                    self.listing_mut().select(at);
                }
            }
            Some(Hit::Mark(below)) => {
                if let Some(at) = row(below) {
                    self.listing_mut().select(at);
                    self.act(Action::MarkRun, shared, runs);
                }
            }
            None => {}
        }
    }

    pub(in crate::ui) fn hints(&self, width: u16) -> &'static [Action] {
        match self.view {
            View::Runs if self.runs.total() == 0 && self.runs.order().is_empty() => {
                let hints = &[Action::ShowExperiments, Action::ShowTrash];
                &hints[..=usize::from(self.trash.total() > 0)]
            }
            View::Runs if self.runs.order().is_empty() => &[Action::Back, Action::Filter],
            View::Trash if self.trash.total() == 0 => &[Action::Back],
            View::Runs if self.selected_study().is_some() && self.covers(width) => {
                &[Action::Back, Action::SubmitStudy, Action::CancelStudy]
            }
            View::Runs if self.selected_study().is_some() => &[
                Action::Activate,
                Action::SubmitStudy,
                Action::CancelStudy,
                Action::MarkRun,
                Action::Filter,
                Action::SortRuns,
            ],
            View::Runs if self.covers(width) => &[
                Action::RunDetails,
                Action::Activate,
                Action::ResumeRun,
                Action::TagRun,
                Action::NoteRun,
            ],
            View::Runs => &[
                Action::Activate,
                Action::RunDetails,
                Action::Filter,
                Action::SortRuns,
                Action::MarkRun,
                Action::OverlayRuns,
                Action::ParetoRuns,
                Action::DiffRuns,
                Action::ResumeRun,
                Action::TagRun,
            ],
            View::Trash => &[Action::Back, Action::RestoreRun, Action::SortRuns],
            View::Overlay => &[
                Action::Back,
                Action::Right,
                Action::MaximizeCurves,
                Action::ScaleCurves,
                Action::ZoomInCurves,
                Action::AxisCurves,
                Action::MoreSmoothingCurves,
                Action::DiffRuns,
            ],
            View::Diff => &[Action::Back, Action::OverlayRuns],
            View::Pareto => &[
                Action::Back,
                Action::Right,
                Action::Activate,
                Action::CostPareto,
                Action::SplitPareto,
            ],
        }
    }

    /// Whether a study is selected, and not one of its runs.
    pub(in crate::ui) fn is_on_study(&self) -> bool {
        self.selected_study().is_some()
    }

    /// Whether the selected study has something to do with a cluster, and runs that are missing.
    pub(in crate::ui) fn may_submit(&self) -> bool {
        let study = self.selected_study();
        study.is_some_and(|study| self.studies.is_for_cluster(study))
    }

    /// Whether the selected study has tasks in a queue.
    pub(in crate::ui) fn may_cancel(&self) -> bool {
        let study = self.selected_study();
        study.is_some_and(|study| self.studies.is_queued(study))
    }

    /// Whether the selected run could be resumed.
    pub(in crate::ui) fn resumes(&self, shared: &Shared, runs: &Runs) -> bool {
        let run = self.selected(runs);
        run.is_some_and(|run| advice::why_not_resume(&run, &shared.keymap).is_none())
    }

    fn listing(&self) -> &Listing {
        if self.view == View::Trash {
            &self.trash
        } else {
            &self.runs
        }
    }

    fn listing_mut(&mut self) -> &mut Listing {
        if self.view == View::Trash {
            &mut self.trash
        } else {
            &mut self.runs
        }
    }

    fn find<'a>(&self, runs: &'a Runs, name: &str) -> Option<&'a RunEntry> {
        if self.view == View::Trash {
            runs.trashed(name)
        } else {
            runs.get(name)
        }
    }

    /// The selected study, if it is one.
    fn selected_study(&self) -> Option<&str> {
        let is_listed = self.view == View::Runs;
        self.runs.selected_study().filter(|_| is_listed)
    }

    /// The selected run.
    fn selected<'a>(&'a self, runs: &'a Runs) -> Option<Subject<'a>> {
        let name = self.listing().selected()?;
        self.listing().subject(name, self.find(runs, name)?)
    }

    fn table_layout(&self, place: Rect) -> table::Layout {
        let compared = self.baseline().is_some();
        table::layout(place, self.columns.shown(), self.skipped, compared)
    }

    /// What is known of the baseline.
    fn baseline(&self) -> Option<Baseline<'_>> {
        self.runs.known(self.marks.baseline()?).map(Baseline::from)
    }
}
