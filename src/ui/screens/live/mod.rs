//! Live: a run's charts and knobs, while it trains or afterwards.
//!
//! ```text
//!  quickstart  student  ● training  epoch 3.2 of 12       header
//!  ━━━━━━┄┄┄┄┄┄┄┄┄  26 %  1234 images/s  4 min left
//! ▸loss  total 1.23     accuracy  valid 0.84   │ knobs    charts, or the knobs
//!   2┤⠑⠒⠤⣀               1┤   ⣀⠤⠒              │ alerts
//!    ╰┬0────┬1─ epoch      ╰┬0────┬1─ epoch    │ machine
//! ─ events ──────────────────────────────────────────────
//!  i student 128  round 2 of 12: p1 0 → 0.042 …
//! ```
//!
//! What is derived from the run (summaries of its series, alerts, the list of
//! events, knobs) is brought up to date when something changes; drawing only
//! reads it.

mod act;
mod alerts;
mod charts;
mod control;
mod events;
mod extend;
mod grid;
mod header;
mod heading;
mod hints;
mod knobs;
mod layout;
mod machine;
mod marks;
mod mouse;
mod progress;
mod side;
mod trend;
mod view;
mod words;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Wrap};

use self::alerts::Alerts;
use self::charts::{ChartSpec, charts};
use self::events::Events;
pub(in crate::ui) use self::extend::{on_lr as add_epochs_at_lr, on_submit as add_epochs};
use self::grid::Page;
use self::header::Header;
use self::heading::rule;
use self::knobs::Knobs;
pub use self::knobs::values as knob_values;
use self::layout::{Areas, Edge, Sizes, areas};
use self::side::Side;
use self::view::View;
use crate::event::Phase;
use crate::store::{RunEntry, Runs};
use crate::ui::action::{Action, Context};
use crate::ui::effect::Effect;
use crate::ui::keymap::Keymap;
use crate::ui::news::LogLine;
use crate::ui::screens::series::{Summaries, XPositions};
use crate::ui::shared::Shared;

/// From this height on the machine has a line where it has no pane.
const ROOMY: u16 = 12;

/// What keys mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Focus {
    #[default]
    Charts,
    Events,
    Knobs,
}

/// A run's charts and knobs.
#[derive(Debug, Default)]
pub struct Live {
    /// The run that the rest is of; the selected one as soon as it is shown.
    run: Option<String>,
    /// The training that a person chose; else the one that runs.
    phase: Option<Phase>,
    focus: Focus,
    view: View,
    sizes: Sizes,
    /// The border between panes that a held mouse button moves.
    held: Option<Edge>,
    /// Number of the alert that was jumped to last.
    alert: usize,
    knobs: Knobs,
    summaries: Summaries,
    alerts: Alerts,
    events: Events,
}

/// The run that is shown.
#[derive(Clone, Copy)]
struct Shown<'a> {
    name: &'a str,
    entry: &'a RunEntry,
    phase: Phase,
}

impl Live {
    pub(in crate::ui) fn contexts(&self) -> Vec<Context> {
        match self.focus {
            Focus::Knobs => vec![Context::Knobs, Context::Live],
            Focus::Charts | Focus::Events => vec![Context::Live],
        }
    }

    /// Takes up the selected run.
    pub(in crate::ui) fn follow(&mut self, shared: &mut Shared, runs: &Runs) {
        if self.run != shared.selected {
            self.run.clone_from(&shared.selected);
            self.phase = None;
            self.alert = 0;
            self.view.sight.reset();
            self.focus = Focus::Charts;
            if let Some(run) = self.run.clone() {
                shared.ask(Effect::OpenRun(run));
            }
            self.changed(shared, runs);
        }
    }

    /// Brings what is derived from the run up to date.
    pub(in crate::ui) fn changed(&mut self, shared: &mut Shared, runs: &Runs) {
        let Some(shown) = self.shown_run(runs) else {
            return;
        };
        let Shown { name, entry, phase } = shown;
        self.summaries
            .update(name, &entry.store, phase, self.view.factor(), |_| true);
        self.alerts.update(name, entry, phase);
        self.events.update(name, &entry.store);
        let view = knobs_view(&shown, &shared.keymap);
        self.knobs.update(&view, shared);
    }

    /// Shows the charts whose titles match.
    pub(in crate::ui) fn filter_charts(&mut self, text: &str, shared: &mut Shared) {
        if let Err(message) = self.view.set_filter(text) {
            shared.notify(LogLine::error(message));
        }
    }

    /// Gives a knob of the run that is shown what was typed.
    pub(in crate::ui) fn set_knob(
        &mut self,
        knob: &str,
        text: &str,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        if let Some(shown) = self.shown_run(runs) {
            let view = knobs_view(&shown, &shared.keymap);
            self.knobs.on_submit(knob, text, &view, shared);
        }
    }

    /// Whether the events have the keys.
    pub(in crate::ui) fn reads_events(&self) -> bool {
        self.focus == Focus::Events
    }

    /// The training that is shown of a run.
    fn phase_of(&self, entry: &RunEntry) -> Phase {
        self.phase.or(entry.store.phase).unwrap_or(Phase::Student)
    }

    fn shown_run<'a>(&self, runs: &'a Runs) -> Option<Shown<'a>> {
        let (name, entry) = runs.named(self.run.as_deref()?)?;
        let phase = self.phase_of(entry);
        Some(Shown { name, entry, phase })
    }

    fn across<'a>(&self, shown: &Shown<'a>) -> XPositions<'a> {
        XPositions::new(self.view.axis, &shown.entry.store, shown.phase)
    }

    /// Charts that pass the filter.
    fn charts(&self, shown: &Shown<'_>) -> Vec<ChartSpec> {
        let role = |knob: &str| knobs::role(shown.entry, shown.phase, knob);
        let mut all = charts(&shown.entry.store, shown.phase, &role);
        all.retain(|chart| self.view.shows(chart));
        all
    }

    fn header<'a>(&'a self, shown: &Shown<'a>, shared: &'a Shared, area: Rect) -> Header<'a> {
        Header {
            name: shown.name,
            entry: shown.entry,
            phase: shown.phase,
            alerts: self.alerts.all(),
            machine: &shared.machine,
            // What is wrong is said wherever there is any room at all.
            narrow: areas(area, 0, self.sizes, false).side.is_none()
                && (area.height >= ROOMY || !self.alerts.all().is_empty()),
            keymap: &shared.keymap,
        }
    }

    fn areas(&self, shown: &Shown<'_>, shared: &Shared, area: Rect) -> Areas {
        let header = self.header(shown, shared, area).rows(area.width);
        areas(area, header, self.sizes, self.focus == Focus::Events)
    }

    pub(in crate::ui) fn draw(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
        let theme = &shared.theme;
        let Some(shown) = self.shown_run(runs) else {
            return draw_nothing(shared, runs, frame, area);
        };
        let parts = self.areas(&shown, shared, area);
        self.header(&shown, shared, area)
            .draw(theme, frame, parts.header);
        let store = &shown.entry.store;
        let knobs = &knobs::values(shown.entry, shown.phase);
        if self.focus == Focus::Knobs {
            let view = knobs_view(&shown, &shared.keymap);
            self.knobs.draw(&view, shared, frame, parts.main);
        } else {
            let (across, charts) = (self.across(&shown), self.charts(&shown));
            let page = Page {
                store,
                phase: shown.phase,
                view: &self.view,
                summaries: &self.summaries,
                knobs,
                across,
                marks: &marks::marks(store, shown.phase, &across),
                charts: &charts,
                focused: self.focus == Focus::Charts,
            };
            page.draw(theme, frame, parts.main);
        }
        if let Some(place) = parts.side {
            let side = Side {
                name: shown.name,
                runs,
                store,
                phase: shown.phase,
                knobs,
                summaries: &self.summaries,
                alerts: self.alerts.all(),
                machine: &shared.machine,
            };
            side.draw(theme, frame, place);
        }
        self.events.draw(
            store,
            self.focus == Focus::Events,
            shared,
            frame,
            parts.events,
        );
    }
}

/// What the knobs pane needs to know of a run.
fn knobs_view<'a>(shown: &Shown<'a>, keymap: &Keymap) -> knobs::View<'a> {
    knobs::View {
        run: shown.name,
        entry: shown.entry,
        phase: shown.phase,
        refusal: control::refusal(shown.entry, keymap),
    }
}

/// Says where runs come from, or that one is being looked for.
fn draw_nothing(shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
    let text = if runs.is_empty() {
        format!(
            "No runs yet. Press {} for the experiments, {} there to train one.",
            shared.key(Action::ShowExperiments),
            shared.key(Action::Launch)
        )
    } else {
        format!(
            "No run selected. Press {} for the newest, {} for the runs table.",
            shared.key(Action::NextRun),
            shared.key(Action::ShowRuns)
        )
    };
    let place = Rect {
        y: area.y + area.height / 2,
        height: area.height - area.height / 2,
        ..area
    };
    let text = Paragraph::new(text).style(shared.theme.muted()).centered();
    frame.render_widget(text.wrap(Wrap { trim: true }), place);
}

#[cfg(test)]
mod tests;
