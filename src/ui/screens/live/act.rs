//! What actions do on the Live screen.

use super::grid::Page;
use super::{Focus, Live, Shown, control, knobs_view};
use crate::event::Phase;
use crate::store::Runs;
use crate::ui::action::{Action, Context};
use crate::ui::dialog::{Dialog, Prompt, Purpose};
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;
use crate::ui::widget::Border;
use crate::ui::widget::chart::Window;

impl Live {
    pub(in crate::ui) fn act(&mut self, action: Action, shared: &mut Shared, runs: &Runs) {
        match action {
            Action::NextRun => return shared.step_run(true, runs),
            Action::PreviousRun => return shared.step_run(false, runs),
            _ => {}
        }
        let Some(shown) = self.shown_run(runs) else {
            return shared.notify(LogLine::info("no run selected"));
        };
        if action.entry().context == Context::Knobs {
            self.act_on_knobs(action, shown, shared);
        } else {
            let done = control::act(action, shown.name, shown.entry, shared)
                || (self.focus == Focus::Events && self.act_on_events(action, &shown));
            if !done {
                self.act_on_view(action, &shown, shared);
            }
        }
        self.changed(shared, runs);
    }

    fn act_on_knobs(&mut self, action: Action, shown: Shown<'_>, shared: &mut Shared) {
        if action == Action::LeaveKnobs {
            self.focus = Focus::Charts;
            return;
        }
        // From the palette, an action comes without the pane being open.
        self.focus = Focus::Knobs;
        let view = knobs_view(&shown, &shared.keymap);
        self.knobs.act(action, &view, shared);
    }

    /// Moves in the list of events, or jumps to where one happened. Returns
    /// whether the action does.
    fn act_on_events(&mut self, action: Action, shown: &Shown<'_>) -> bool {
        match action {
            Action::Maximize | Action::Activate => {
                if let Some(position) = self.events.position() {
                    self.jump(position.phase, position.step, shown);
                }
                true
            }
            _ => self.events.act(action),
        }
    }

    fn act_on_view(&mut self, action: Action, shown: &Shown<'_>, shared: &mut Shared) {
        let all = self.across(shown).all();
        match action {
            Action::SwitchPhase => self.switch_phase(shown, shared),
            Action::LogScale => {
                let charts = self.charts(shown);
                if let Some(chart) =
                    charts.get(self.view.selected.min(charts.len().saturating_sub(1)))
                {
                    self.view.rescale(&chart.title);
                }
            }
            Action::MoreSmoothing => self.view.smoothen(true),
            Action::LessSmoothing => self.view.smoothen(false),
            Action::NextAxis => self.view.next_axis(),
            Action::ZoomIn => self.view.sight.zoom(0.5, all),
            Action::ZoomOut => self.view.sight.zoom(2.0, all),
            Action::ResetCharts => {
                self.view.reset();
                self.sizes = super::Sizes::default();
                self.knobs.border = Border::default();
            }
            Action::NextChart | Action::Down => self.select(1, shown),
            Action::PreviousChart | Action::Up => self.select(-1, shown),
            Action::PageDown => self.select(self.page_size(shown, shared), shown),
            Action::PageUp => self.select(-self.page_size(shown, shared), shown),
            Action::GridSize => {
                self.view.next_grid(self.page(shown, shared));
                self.notify_grid(shown, shared);
            }
            Action::MoreColumns => self.resize_grid((1, 0), shown, shared),
            Action::FewerColumns => self.resize_grid((-1, 0), shown, shared),
            Action::MoreRows => self.resize_grid((0, 1), shown, shared),
            Action::FewerRows => self.resize_grid((0, -1), shown, shared),
            Action::Maximize | Action::Activate => self.view.maximized = !self.view.maximized,
            Action::FocusKnobs => self.focus = Focus::Knobs,
            Action::FocusEvents => {
                self.focus = match self.focus {
                    Focus::Events => Focus::Charts,
                    Focus::Charts | Focus::Knobs => Focus::Events,
                }
            }
            Action::FollowEvents => self.events.follow(),
            Action::NextAlert => self.next_alert(shown, shared),
            Action::Left => self.view.sight.step(-1.0, all),
            Action::Right => self.view.sight.step(1.0, all),
            Action::First => self.view.sight.show_edge(true, all),
            Action::Last => self.view.sight.show_edge(false, all),
            Action::Filter => {
                let prompt = Prompt::new(
                    "Charts whose name matches (regular expression; empty for all)",
                    self.view.filter(),
                    Purpose::FilterCharts,
                );
                shared.dialog = Some(Dialog::Prompt(prompt));
            }
            Action::Back => self.back(),
            _ => {}
        }
    }

    /// Leaves what was entered last.
    fn back(&mut self) {
        if self.focus != Focus::Charts {
            self.focus = Focus::Charts;
        } else if self.view.sight.crosshair.is_some() {
            self.view.sight.crosshair = None;
        } else {
            self.view.maximized = false;
        }
    }

    fn switch_phase(&mut self, shown: &Shown<'_>, shared: &mut Shared) {
        let other = match shown.phase {
            Phase::Teacher => Phase::Student,
            Phase::Student => Phase::Teacher,
        };
        if !shown.entry.store.phases.contains_key(&other) {
            let message = match other {
                Phase::Teacher => "the teacher was loaded, not trained, in this run",
                Phase::Student => "the student's training has not started",
            };
            return shared.notify(LogLine::info(message));
        }
        // The training that runs is followed when it ends and the next begins.
        self.phase = Some(other).filter(|other| shown.entry.store.phase != Some(*other));
        self.view.sight.reset();
    }

    fn select(&mut self, by: isize, shown: &Shown<'_>) {
        let last = self.charts(shown).len().saturating_sub(1);
        let at = self.view.selected.min(last);
        self.view.selected = at.saturating_add_signed(by).min(last);
    }

    /// Cells across and down that a page of charts has.
    fn page(&self, shown: &Shown<'_>, shared: &Shared) -> (u16, u16) {
        let body = crate::ui::draw::areas(shared).body;
        Page::room(self.areas(shown, shared, body).main)
    }

    fn page_size(&self, shown: &Shown<'_>, shared: &Shared) -> isize {
        let grid = self.view.grid(self.page(shown, shared));
        (grid.0 * grid.1).cast_signed().into()
    }

    fn resize_grid(&mut self, by: (i16, i16), shown: &Shown<'_>, shared: &mut Shared) {
        match self.view.resize_grid(by, self.page(shown, shared)) {
            Ok(()) => self.notify_grid(shown, shared),
            Err(message) => shared.notify(LogLine::info(message)),
        }
    }

    fn notify_grid(&self, shown: &Shown<'_>, shared: &mut Shared) {
        let (columns, rows) = self.view.grid(self.page(shown, shared));
        shared.notify(LogLine::info(format!("{columns} × {rows} charts per page")));
    }

    fn next_alert(&mut self, shown: &Shown<'_>, shared: &mut Shared) {
        let count = self.alerts.all().len();
        let Some(last) = count.checked_sub(1) else {
            return shared.notify(LogLine::info("no alerts"));
        };
        // The newest first, then back in time.
        let at = last - self.alert % count;
        self.alert = (self.alert + 1) % count;
        let alert = self.alerts.all()[at].clone();
        if let Some(position) = alert.at {
            self.jump(position.phase, position.step, shown);
        }
        let message = format!("alert {} of {count}: {}", at + 1, alert.message);
        shared.notify(LogLine::info(message));
    }

    /// Puts the crosshair to where something happened, and brings it into view.
    fn jump(&mut self, phase: Phase, step: u64, shown: &Shown<'_>) {
        if phase != shown.phase {
            self.phase = Some(phase).filter(|phase| shown.entry.store.phase != Some(*phase));
            self.view.sight.window = Window::All;
        }
        let shown = Shown { phase, ..*shown };
        let across = self.across(&shown);
        let (at, all) = (across.of_step(step), across.all());
        let (low, high) = self.view.sight.window.bounds(all);
        if at < low || at > high {
            let share = (at - low.midpoint(high)) / (high - low).max(f64::MIN_POSITIVE);
            self.view.sight.window = self.view.sight.window.panned(share, all);
        }
        self.view.sight.crosshair = Some(at);
        self.focus = Focus::Charts;
    }
}
