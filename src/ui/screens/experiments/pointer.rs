//! The mouse: clicks select, the wheel scrolls.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::editor::problems;
use super::editor::view::place_at;
use super::{Experiments, Focus, layout};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::border::Side;

/// Lines that a notch of the wheel scrolls by.
pub(super) const NOTCH: usize = 3;

impl Experiments {
    pub(in crate::ui) fn mouse(
        &mut self,
        mouse: MouseEvent,
        area: Rect,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        self.settled = true;
        if self.shown_lr_test().is_some() {
            return;
        }
        let cell = Position::new(mouse.column, mouse.row);
        let panes = layout::panes(area, self.is_editing(), self.plan, self.borders);
        // Borders first: both of their cells belong to panes.
        let beside = panes.editor.or(panes.plan);
        if let (Some(list), Some(_)) = (panes.list, beside)
            && self.borders.list.mouse(mouse, list, Side::Left)
        {
            return self.keep_in_view(shared);
        }
        if let (Some(plan), Some(_)) = (panes.plan, panes.editor)
            && self.borders.plan.mouse(mouse, plan, Side::Right)
        {
            return self.keep_in_view(shared);
        }
        let on = |pane: Option<Rect>| pane.filter(|pane| pane.contains(cell));
        if let Some(pane) = on(panes.list) {
            self.mouse_on_list(mouse.kind, cell, pane, shared, runs);
        } else if let Some(pane) = on(panes.editor) {
            self.mouse_on_editor(mouse.kind, cell, pane, shared);
        } else if on(panes.plan).is_some() {
            match mouse.kind {
                MouseEventKind::ScrollDown => self.scroll_plan(true, shared, runs),
                MouseEventKind::ScrollUp => self.scroll_plan(false, shared, runs),
                _ => {}
            }
        }
    }

    fn mouse_on_list(
        &mut self,
        kind: MouseEventKind,
        cell: Position,
        pane: Rect,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        match kind {
            MouseEventKind::Down(MouseButton::Left) => {
                self.focus = Focus::List;
                let rows = layout::list(pane, self.is_filtered()).rows;
                let shown = self.shown();
                let mut window = self.window(&shown, rows.height as usize);
                if rows.contains(cell)
                    && let Some(at) = window.nth((cell.y - rows.y) as usize)
                {
                    let path = shown[at].clone();
                    self.select(Some(path), shared, runs);
                }
            }
            MouseEventKind::ScrollDown if !self.is_editing() => {
                self.act(Action::Down, shared, runs);
            }
            MouseEventKind::ScrollUp if !self.is_editing() => self.act(Action::Up, shared, runs),
            _ => {}
        }
    }

    fn mouse_on_editor(
        &mut self,
        kind: MouseEventKind,
        cell: Position,
        pane: Rect,
        shared: &mut Shared,
    ) {
        let problem = self.problem;
        let Some(buffer) = self.buffer_mut() else {
            return;
        };
        let count = buffer.problems.len();
        let areas = buffer.areas(pane);
        let hit = problems::row_at(areas.problems, count, problem, cell);
        match kind {
            MouseEventKind::Down(MouseButton::Left) => {
                buffer.completion = None;
                if areas.text.contains(cell) {
                    let viewport = buffer.viewport.around(&buffer.document, areas.text);
                    let at = place_at(&buffer.document, viewport, areas.text, cell);
                    buffer.document.set_cursor(at);
                }
                self.focus = Focus::Text;
                if let Some(number) = hit {
                    self.go_to_problem(number);
                }
                if areas.notice.contains(cell) {
                    self.ask_decision(shared, false);
                }
            }
            MouseEventKind::ScrollDown => self.scroll(areas.text, true),
            MouseEventKind::ScrollUp => self.scroll(areas.text, false),
            _ => {}
        }
        self.keep_in_view(shared);
    }

    /// Scrolls the text; the cursor stays in view.
    fn scroll(&mut self, area: Rect, down: bool) {
        let Some(buffer) = self.buffer_mut() else {
            return;
        };
        let document = &mut buffer.document;
        let height = area.height as usize;
        let most = document.lines().saturating_sub(height);
        let top = if down {
            (buffer.viewport.top + NOTCH).min(most)
        } else {
            buffer.viewport.top.saturating_sub(NOTCH)
        };
        let row = document.row(document.cursor());
        let margin = 2.min(height.saturating_sub(1) / 2);
        let first = if top == 0 { 0 } else { top + margin };
        let last = (top + height).saturating_sub(margin + 1).max(first);
        let wanted = row.clamp(first, last).min(document.lines() - 1);
        if wanted != row {
            let at = document.line(wanted).start;
            document.set_cursor(at);
        }
        buffer.viewport.top = top;
    }
}
