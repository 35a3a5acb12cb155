//! What keys, the mouse and typed texts do.

use std::path::PathBuf;

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::matrix::student_evaluation;
use super::{Compare, ONE, TEMPERATURES, View, class_table, head, heat_map, layout};
use crate::event::inspection::ProbeSource;
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::dialog::{Dialog, Prompt, Purpose};
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;
use crate::ui::widget::border::Side;
use crate::ui::widget::{Pattern, gallery};

impl Compare {
    pub(in crate::ui) fn act(&mut self, action: Action, shared: &mut Shared, runs: &Runs) {
        match action {
            Action::NextProbeRun => shared.step_run(true, runs),
            Action::PreviousProbeRun => shared.step_run(false, runs),
            Action::CompareFolder => {
                let title = "Folder of images to compare on";
                let before = match &self.comparison.source {
                    ProbeSource::Folder(folder) => Some(folder.as_path()),
                    _ => None,
                };
                shared.ask_folder(title, before, Purpose::CompareFolder);
            }
            Action::OwnProbe if self.comparison.source != ProbeSource::Recorded => {
                self.opened_from = None;
                self.look_at(ProbeSource::Recorded, shared, runs);
            }
            Action::Back if self.view == View::Images && self.opened_from.is_some() => {
                self.close_opened(shared, runs);
            }
            Action::Activate if self.shown_whole(runs).is_some() => {
                self.open_whole_cell(shared, runs);
            }
            Action::WholeSet if self.counted_pair().is_some() && !self.has_whole => {
                let why = "no matrix of the full validation set";
                shared.notify(LogLine::info(why));
            }
            Action::OwnProbe => self.comparison.coming = None,
            Action::ReadProbeAgain => self.comparison.read_again(shared, runs),
            Action::SecondRun => {
                if !self.comparison.add(shared, runs) {
                    let why = if runs.len() > 1 {
                        "no other run has been evaluated yet"
                    } else {
                        "there is no other run to compare with"
                    };
                    shared.notify(LogLine::info(why));
                }
            }
            Action::RemoveSecondRun => {
                self.comparison.remove();
                self.refresh();
            }
            Action::Filter => {
                let text = self.order.pattern.as_ref().map_or("", Pattern::text);
                shared.dialog = Some(Dialog::Prompt(Prompt::new(
                    "Filter images by file or class",
                    text,
                    Purpose::FilterImages,
                )));
            }
            _ => self.look(action, shared),
        }
    }

    /// Actions that change what is looked at, and ask for nothing.
    fn look(&mut self, action: Action, shared: &mut Shared) {
        match action {
            Action::NextView => self.show(self.view.beside(self.views(), true)),
            Action::PreviousView => self.show(self.view.beside(self.views(), false)),
            Action::EarlierCheckpoint => self.scrub(self.at.saturating_sub(1)),
            Action::LaterCheckpoint => self.scrub(self.at + 1),
            Action::RaiseTemperature => self.warm(self.temperature + 1),
            Action::LowerTemperature => self.warm(self.temperature.saturating_sub(1)),
            Action::ResetTemperature => self.warm(ONE),
            Action::FilterImages => {
                self.order.show = self.order.show.next(self.has_teacher());
                self.show(View::Images);
                self.relist();
            }
            Action::OnlyClass => self.only_class(),
            Action::WholeSet => self.matrix.sampled = !self.matrix.sampled,
            Action::Copy => {
                if let Some((probe, image)) = self.comparison.probe().zip(self.selected()) {
                    let source = probe.images[image].source.clone();
                    shared.ask(Effect::Copy(source));
                }
            }
            _ => self.move_in_view(action),
        }
    }

    fn move_in_view(&mut self, action: Action) {
        let has_teacher = self.has_teacher();
        match (self.view, action) {
            (View::Images, Action::SortImages) => {
                self.order.sort_next(has_teacher);
                self.relist();
            }
            (View::Images, Action::ReverseImages) => {
                self.order.reversed = !self.order.reversed;
                self.relist();
            }
            (View::Images, Action::Left) => self.scrub(self.at.saturating_sub(1)),
            (View::Images, Action::Right) => self.scrub(self.at + 1),
            (View::Images, Action::Back) if self.order.chooses() => {
                self.order.clear();
                self.refresh();
            }
            (View::Images, _) => {
                if self.selection.act(action, self.rows.len()) {
                    self.remember();
                }
            }
            (_, Action::Back) => self.show(View::Images),
            (_, Action::Activate) => self.open(),
            (View::Classes, _) => self.classes.act(action),
            _ => {
                self.matrix.act(action, self.class_names().len());
            }
        }
    }

    pub(super) fn class_names(&self) -> &[String] {
        self.comparison.probe().map_or(&[], |probe| &probe.classes)
    }

    fn show(&mut self, view: View) {
        self.view = view;
        self.refresh();
    }

    /// Whether there is an evaluation before or after the one that is shown.
    pub(in crate::ui) fn scrubs(&self, action: Action) -> bool {
        if action == Action::EarlierCheckpoint {
            self.at > 0
        } else {
            self.at + 1 < self.steps.len()
        }
    }

    fn scrub(&mut self, at: usize) {
        self.at = at.min(self.steps.len().saturating_sub(1));
        self.refresh();
    }

    fn warm(&mut self, temperature: usize) {
        self.temperature = temperature.min(TEMPERATURES.len() - 1);
        self.refresh();
    }

    /// Lists the images of one class alone, or of all again.
    fn only_class(&mut self) {
        let class = match self.view {
            View::Images if self.order.class.is_some() => None,
            View::Images => self.selected().and_then(|image| self.results[image].label),
            View::Agreement | View::Student | View::Teacher => Some(self.matrix.cursor.0),
            View::Classes => return self.open(),
        };
        if self.view != View::Images {
            self.order.clear();
            self.opened_from = Some(self.view);
        } else if class.is_none() {
            self.opened_from = None;
        }
        self.order.class = class;
        self.view = View::Images;
        self.relist();
    }

    /// Lists the images of the class or the cell that is looked at.
    fn open(&mut self) {
        self.order = self.looked_at();
        self.opened_from = Some(self.view);
        self.view = View::Images;
        self.relist();
    }

    /// Goes back from the images of a class or a cell to where it was chosen.
    fn close_opened(&mut self, shared: &mut Shared, runs: &Runs) {
        self.order.clear();
        if let Some(view) = self.opened_from.take() {
            self.show(view);
        }
        if matches!(self.comparison.source, ProbeSource::Cell { .. }) {
            self.look_at(ProbeSource::Recorded, shared, runs);
        } else {
            self.comparison.coming = None;
        }
    }

    /// The step of the student's weights to which the matrix belongs, where it is that
    /// of all validation images.
    fn shown_whole(&self, runs: &Runs) -> Option<u64> {
        let shown = self.whole(self.view.pair()?, runs);
        shown.filter(|_| !self.matrix.sampled)?;
        let run = runs.get(self.comparison.run.as_ref()?)?;
        Some(student_evaluation(&run.store, self.step())?.step)
    }

    /// Lists all validation images of the cell that is looked at, by the weights
    /// that the matrix was counted with.
    fn open_whole_cell(&mut self, shared: &mut Shared, runs: &Runs) {
        if let Some((pair, step)) = self.view.pair().zip(self.shown_whole(runs)) {
            let cell = self.matrix.cell(pair);
            self.look_at(ProbeSource::Cell { cell, step }, shared, runs);
            self.opened_from = Some(self.view);
            self.view = View::Images;
            self.refresh();
        }
    }

    fn look_at(&mut self, source: ProbeSource, shared: &mut Shared, runs: &Runs) {
        if self.comparison.run.is_none() {
            return shared.notify(LogLine::error("there is no run with weights"));
        }
        self.comparison.look_at(source, shared, runs);
        self.refresh();
    }

    /// Looks at the images of the folder of this name.
    pub(in crate::ui) fn choose_folder(&mut self, name: &str, shared: &mut Shared, runs: &Runs) {
        if !name.trim().is_empty() {
            let folder = PathBuf::from(name.trim());
            self.opened_from = None;
            self.look_at(ProbeSource::Folder(folder), shared, runs);
        }
    }

    /// Lists the images whose names have this in them.
    pub(in crate::ui) fn filter(&mut self, text: &str) {
        self.order.pattern = Pattern::new(text);
        self.view = View::Images;
        self.relist();
    }

    pub(in crate::ui) fn mouse(
        &mut self,
        mouse: MouseEvent,
        area: Rect,
        shared: &mut Shared,
        _runs: &Runs,
    ) {
        let areas = self.areas(area);
        let divided = self.view == View::Images && areas.detail.x > areas.list.x;
        if divided && self.border.mouse(mouse, areas.list, Side::Left) {
            return;
        }
        let position = Position::new(mouse.column, mouse.row);
        let wheel = match mouse.kind {
            MouseEventKind::ScrollUp => Some((Action::Up, Action::EarlierCheckpoint)),
            MouseEventKind::ScrollDown => Some((Action::Down, Action::LaterCheckpoint)),
            _ => None,
        };
        if let Some((vertical, through)) = wheel {
            let over_time = areas.timeline.contains(position);
            return self.look(if over_time { through } else { vertical }, shared);
        }
        if !matches!(
            mouse.kind,
            MouseEventKind::Down(_) | MouseEventKind::Drag(_)
        ) {
            return;
        }
        let probe = self.comparison.probe();
        let temperature =
            probe.and_then(|probe| head::clicked(self, probe, shared, areas.head, position));
        if let Some(temperature) = temperature {
            return self.warm(temperature);
        }
        if let Some(view) = layout::view_at(self.views(), areas.views, position) {
            return self.show(view);
        }
        if areas.timeline.contains(position) {
            let track = layout::track(areas.timeline);
            let column = position.x.saturating_sub(track.x);
            if let Some(at) = layout::nearest(&self.steps, column, track.width) {
                self.scrub(at);
            }
            return;
        }
        self.clicked(position, areas);
    }

    fn clicked(&mut self, position: Position, areas: layout::Areas) {
        match self.view {
            View::Images => {
                let window = self
                    .selection
                    .window(self.rows.len(), gallery::rows_in(areas.list));
                let row = gallery::row_at(areas.list, position).map(|row| window.start + row);
                if let Some(row) = row.filter(|row| window.contains(row)) {
                    self.selection.set(row);
                    self.remember();
                }
            }
            View::Classes | View::Agreement | View::Student | View::Teacher => {
                let layout::ClassAreas {
                    classes, images, ..
                } = self.class_areas(areas.main);
                let image = images.and_then(|area| gallery::row_at(area, position));
                if let Some(image) = image {
                    self.open();
                    self.selection.set(image);
                    self.remember();
                } else if self.view != View::Classes {
                    let grid = heat_map::grid(classes, self.class_names(), self.matrix.cursor);
                    self.matrix.cursor = grid.cell_at(position).unwrap_or(self.matrix.cursor);
                } else if let Some(row) = class_table::row_at(&self.classes, classes, position) {
                    self.classes.selection.set(row);
                }
            }
        }
    }
}
