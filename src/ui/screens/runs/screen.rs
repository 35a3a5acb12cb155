//! The screen of runs as it is drawn: the table with the particulars of one run,
//! or a comparison of several.
//!
//! ```text
//! ┌ Runs 8 ─────────────────┐┌ cifar10-adaptive ─┐
//! │   run          state    ││ ✓ completed       │
//! │●  cifar10-a…   ✓ compl… ││ method  Adaptive… │
//! └─────────────────────────┘└───────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::column::Columns;
use super::table::Table;
use super::{RunsTable, View, advice, details, diff, filter_help};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::dialog::{Dialog, Purpose};
use crate::ui::layout::Layout as KeptLayout;
use crate::ui::shared::Shared;
use crate::ui::widget::Border;

/// From this width on the particulars stand beside the table without being
/// requested.
const WIDE: u16 = 150;

/// Cells of the particulars beside the table.
const DETAILS: u16 = 56;

/// Fewest cells to which the border between them can be dragged.
const NARROWEST: u16 = 34;

/// From this width on there is room for them when they are requested.
const ROOM: u16 = 120;

impl RunsTable {
    /// Takes over where the border was before, and the columns.
    pub(in crate::ui) fn apply_layout(&mut self, layout: &KeptLayout) {
        self.border = Border::at(layout.panes.run);
        self.columns = Columns::new(layout.columns.clone());
    }

    /// Fields of the configurations that are columns, by their paths.
    pub(in crate::ui) fn columns(&self) -> &[String] {
        self.columns.chosen()
    }

    /// Columns that the particulars were given.
    pub(in crate::ui) fn border(&self) -> Option<u16> {
        self.border.given()
    }

    pub(super) fn shows_details(&self, width: u16) -> bool {
        self.details.unwrap_or(width >= WIDE)
    }

    /// Whether the particulars stand in place of the table.
    pub(in crate::ui) fn covers(&self, width: u16) -> bool {
        let is_shown = self.shows_details(width) && self.listing().selected_row().is_some();
        self.view == View::Runs && is_shown && width < ROOM
    }

    /// The table and the particulars: side by side where there is room, else one
    /// or the other.
    pub(super) fn panes(&self, area: Rect) -> (Option<Rect>, Option<Rect>) {
        if !self.shows_details(area.width) || self.listing().selected_row().is_none() {
            return (Some(area), None);
        }
        if area.width < ROOM {
            return (None, Some(area));
        }
        let width = self.border.width(DETAILS, NARROWEST, area.width);
        let [table, details] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)]).areas(area);
        (Some(table), Some(details))
    }

    pub(in crate::ui) fn draw(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
        if self.view == View::Pareto {
            let picture = self.pictured(runs);
            self.pareto.draw(&picture, shared, frame, area);
        } else if self.is_comparison() {
            self.draw_comparison(shared, runs, frame, area);
        } else {
            self.draw_list(shared, runs, frame, area);
        }
        if let Some(Dialog::Prompt(prompt)) = &shared.dialog
            && *prompt.purpose() == Purpose::FilterRuns
        {
            filter_help::draw(&shared.theme, frame, area);
        }
    }

    fn draw_list(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
        let theme = &shared.theme;
        let selected = self.selected(runs);
        let (table, details) = self.panes(area);
        if let Some(place) = table {
            let advice = match &selected {
                Some(run) if self.view == View::Runs => {
                    advice::line(run, usize::from(place.width), shared)
                }
                _ => Line::default(),
            };
            let table = Table {
                listing: self.listing(),
                find: &|name| self.find(runs, name),
                marks: &self.marks,
                baseline: self.baseline(),
                columns: &self.columns,
                progress: &|study| self.studies.progress(study),
                sorting: &self.sorting,
                queue: &shared.queue,
                skipped: self.skipped,
                title: self.title(),
                advice,
                empty: self.nothing(shared),
            };
            table.draw(theme, frame, place);
        }
        if let (Some(place), Some(study)) = (details, self.selected_study()) {
            self.studies
                .draw(study, self.details_above, shared, frame, place);
        } else if let Some(place) = details {
            let frozen = selected
                .as_ref()
                .and_then(|run| self.listing().known(run.name))
                .map(|known| &known.frozen);
            if let (Some(run), Some(frozen)) = (&selected, frozen) {
                details::draw(run, frozen, runs, self.details_above, shared, frame, place);
            }
        }
    }

    fn draw_comparison(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
        let theme = &shared.theme;
        let compared = self.compared(runs);
        let (above, below) = self.halves(area);
        let baseline = self.baseline();
        if let Some(place) = above {
            self.overlay.draw(&compared, baseline, theme, frame, place);
        }
        if let Some(place) = below {
            let scrolled = (self.comparison.above, self.comparison.before);
            diff::draw(&compared, baseline.is_some(), scrolled, theme, frame, place);
        }
    }

    fn title(&self) -> String {
        let (shown, total) = (self.listing().shown().count(), self.listing().total());
        let what = if self.view == View::Trash {
            "Trash"
        } else {
            "Runs"
        };
        let of = if shown == total {
            String::new()
        } else {
            format!("{shown} of ")
        };
        let marked = match self.marks.count() {
            0 => String::new(),
            _ if self.view == View::Trash => String::new(),
            marked => format!(", {marked} marked"),
        };
        let filter = if self.filter.is_empty() || self.view == View::Trash {
            String::new()
        } else {
            format!(" ─ {}", self.filter.text())
        };
        format!("{what} {of}{total}{marked}{filter}")
    }

    /// What stands where no run is shown, and how to come by some.
    fn nothing(&self, shared: &Shared) -> Vec<Line<'static>> {
        let theme = &shared.theme;
        let line = |text: &str| Line::styled(text.to_owned(), theme.accent());
        if self.view == View::Trash {
            return vec![
                line("The trash is empty."),
                Line::raw(format!("Press {} for the runs.", shared.key(Action::Back))),
            ];
        }
        if !self.filter.is_empty() {
            return vec![
                line(&format!("No matches for `{}`.", self.filter.text())),
                Line::raw(format!(
                    "Press {} to clear the filter, {} to change it.",
                    shared.key(Action::Back),
                    shared.key(Action::Filter)
                )),
            ];
        }
        let trash = match self.trash.total() {
            0 => String::new(),
            _ => format!(" {} shows the trash.", shared.key(Action::ShowTrash)),
        };
        vec![
            line("No runs yet."),
            Line::raw(format!(
                "Press {} for the experiments, {} there to train one.{trash}",
                shared.key(Action::ShowExperiments),
                shared.key(Action::Launch)
            )),
            Line::styled(
                "Without the terminal UI: workbench --run experiments/quickstart.ron",
                theme.muted(),
            ),
        ]
    }
}
