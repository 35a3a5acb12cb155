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
                    ProbeSource::Recorded | ProbeSource::Cell { .. } => None,
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
            Action::Activate if self.matrix.whole && self.view.pair().is_some() => {
                self.open_whole_cell(shared, runs);
            }
            Action::OwnProbe => self.comparison.coming = None,
            Action::ReadProbeAgain => self.comparison.read_again(shared, runs),
            Action::SecondRun if matches!(self.comparison.source, ProbeSource::Cell { .. }) => {
                let key = shared.key(Action::OwnProbe);
                let why = "another student has other images in this cell";
                shared.notify(LogLine::info(format!(
                    "{why}; press {key} for the probe images"
                )));
            }
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
            Action::NextView => self.show(self.view.moved(1)),
            Action::PreviousView => self.show(self.view.moved(View::ALL.len() - 1)),
            Action::EarlierCheckpoint => self.scrub(self.at.saturating_sub(1)),
            Action::LaterCheckpoint => self.scrub(self.at + 1),
            Action::RaiseTemperature => self.warm(self.temperature + 1),
            Action::LowerTemperature => self.warm(self.temperature.saturating_sub(1)),
            Action::ResetTemperature => self.warm(ONE),
            Action::FilterImages => {
                self.order.show = self.order.show.next();
                self.show(View::Images);
                self.relist();
            }
            Action::OnlyClass => self.only_class(),
            Action::WholeSet => self.matrix.whole = !self.matrix.whole,
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
        match (self.view, action) {
            (View::Images, Action::SortImages) => {
                self.order.sort = self.order.sort.next();
                self.order.reversed = false;
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

    /// Lists all validation images of the cell that is looked at, by the weights
    /// that the matrix was counted with.
    fn open_whole_cell(&mut self, shared: &mut Shared, runs: &Runs) {
        let run = self.comparison.run.as_ref().and_then(|run| runs.get(run));
        let step = self.steps.get(self.at).copied().unwrap_or(u64::MAX);
        let evaluation = run.and_then(|run| student_evaluation(&run.store, step));
        if let (Some(pair), Some(evaluation)) = (self.view.pair(), evaluation) {
            let cell = self.matrix.cell(pair);
            let step = evaluation.step;
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
        if let Some(view) = layout::view_at(areas.views, position) {
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
