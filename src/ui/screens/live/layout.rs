//! Where the panes stand. Drawing and the mouse both go by it.
//!
//! ```text
//! ┌ header ──────────────────────────────┐
//! ├ charts or knobs ─────────┬ side ─────┤
//! │                          │ (if wide) │
//! ├ events ──────────────────┴───────────┤
//! └──────────────────────────────────────┘
//! ```

use ratatui::layout::{Constraint, Layout as Split, Rect};

use super::Live;
use crate::ui::layout::Layout;
use crate::ui::widget::Border;

/// From this width on there is a column for knobs, alerts and the machine.
const WIDE: u16 = 120;

/// Columns of the side pane until somebody drags it.
const SIDE: u16 = 44;

/// A side pane narrower than this is shut.
const NARROWEST: u16 = 16;

/// The least that is left to the charts.
const LEAST: (u16, u16) = (30, 6);

/// Sizes that a person gave panes by dragging their borders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) side: Option<u16>,
    pub(super) events: Option<u16>,
}

/// Where the panes stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Areas {
    pub(super) header: Rect,
    pub(super) main: Rect,
    pub(super) side: Option<Rect>,
    pub(super) events: Rect,
}

/// A border that can be dragged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Side,
    Events,
}

/// Lays out the panes under a header of so many rows. Somebody who reads the
/// events gets more of them.
pub(super) fn areas(area: Rect, header: u16, sizes: Sizes, reading: bool) -> Areas {
    let room = area.height.saturating_sub(header + LEAST.1);
    let events = sizes.events.unwrap_or(match area.height {
        0..=16 => 0,
        17..=30 => 5,
        height => height / 5,
    });
    let events = if reading {
        events.max(area.height / 2)
    } else {
        events
    };
    let [header, middle, events] = Split::vertical([
        Constraint::Length(header),
        Constraint::Fill(1),
        Constraint::Length(events.min(room)),
    ])
    .areas(area);
    let (main, side) = if area.width < WIDE {
        (middle, None)
    } else {
        let room = area.width.saturating_sub(LEAST.0);
        let side = sizes.side.unwrap_or(SIDE).min(room);
        let [main, side] =
            Split::horizontal([Constraint::Fill(1), Constraint::Length(side)]).areas(middle);
        (main, (side.width > 0).then_some(side))
    };
    Areas {
        header,
        main,
        side,
        events,
    }
}

impl Areas {
    /// The border at a cell: the first row of the events, the first column of
    /// the side.
    pub(super) fn border_at(&self, column: u16, row: u16) -> Option<Edge> {
        let inside = |area: Rect| area.contains((column, row).into());
        if row == self.events.y && inside(self.events) {
            return Some(Edge::Events);
        }
        self.side
            .filter(|side| inside(*side) && column == side.x)
            .map(|_| Edge::Side)
    }

    /// The sizes after a border was dragged to a cell.
    pub(super) fn dragged(&self, border: Edge, to: (u16, u16), sizes: Sizes) -> Sizes {
        match border {
            // The border itself stays, to be dragged back.
            Edge::Events => Sizes {
                events: Some(self.events.bottom().saturating_sub(to.1).max(1)),
                ..sizes
            },
            Edge::Side => Sizes {
                side: self.side.map(|side| {
                    let width = side.right().saturating_sub(to.0);
                    if width < NARROWEST { 1 } else { width }
                }),
                ..sizes
            },
        }
    }
}

impl Live {
    /// Takes over how charts and knobs were laid out before.
    pub(in crate::ui) fn apply_layout(&mut self, layout: &Layout) {
        self.view.apply_layout(layout);
        self.sizes = Sizes {
            side: layout.side,
            events: layout.events,
        };
        self.knobs.border = Border::at(layout.panes.knobs);
    }

    /// How charts and knobs are laid out.
    pub(in crate::ui) fn layout(&self) -> Layout {
        let mut layout = Layout {
            side: self.sizes.side,
            events: self.sizes.events,
            ..Layout::default()
        };
        layout.panes.knobs = self.knobs.border.given();
        self.view.note(&mut layout);
        layout
    }
}
