//! What is compared, at which temperature, and the names of the views.
//!
//! ```text
//!  quickstart-20260102-120000-ab12cd ↔ wide-2026…      temperature 4 - ╶──●────╴ +
//!  Images  Agreement  Student's confusion  Teacher's confusion  Classes
//! ```

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::comparison::Reading;
use super::layout::{Areas, tab};
use super::order::cell_words;
use super::{Compare, TEMPERATURES, comparison, short_name};
use crate::event::inspection::{Probe, ProbeSource};
use crate::format::shorten_path;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::Cells;
use crate::ui::widget::cells::width_of;

/// Cells between the names and the temperature.
const GAP: u16 = 2;
/// Cells that the names get before the temperature does.
const LEAST_NAME: u16 = 12;

pub(super) fn draw(
    compare: &Compare,
    probe: &Probe,
    shared: &Shared,
    frame: &mut Frame,
    areas: Areas,
) {
    let theme = &shared.theme;
    let scale = Scale::new(compare, probe, shared, areas.head);
    let mut cells = Cells::line(frame.buffer_mut(), areas.head, 0);
    if let Some(name) = &scale.name {
        cells.text(scale.left, name, theme.text()).skip(GAP);
        cells
            .word(&scale.value, theme.muted())
            .word(&scale.lower, theme.accent())
            .word(&scale.slider, theme.text())
            .word(&scale.raise, theme.accent());
    } else {
        // The slider can be spared, and if need be the temperature.
        let left = cells.rest().saturating_sub(width_of(&scale.value) + 1);
        let left = if left < LEAST_NAME {
            cells.rest()
        } else {
            left
        };
        let name = who(compare, probe, short_name);
        cells.text(left, &name, theme.text()).skip(1);
        cells.word(&scale.value, theme.muted());
    }

    let mut cells = Cells::line(frame.buffer_mut(), areas.views, 0);
    let views = compare.views();
    for &view in views {
        let style = if view == compare.view {
            theme.accent().patch(theme.selection())
        } else {
            theme.muted()
        };
        cells.word(&tab(view, views, areas.views.width), style);
    }
}

/// The temperature with its slider, and what is left of the line for the names.
struct Scale {
    value: String,
    lower: String,
    slider: String,
    raise: String,
    /// Cells for the names.
    left: u16,
    /// The longest form of the names that fits there; without one there is no
    /// room for the slider.
    name: Option<String>,
}

impl Scale {
    fn new(compare: &Compare, probe: &Probe, shared: &Shared, head: Rect) -> Self {
        // As wide whatever it is, so that the slider stays under the mouse.
        let value = format!("temperature {:<4} ", TEMPERATURES[compare.temperature]);
        let lower = format!("{} ", shared.key(Action::LowerTemperature));
        let raise = format!(" {}", shared.key(Action::RaiseTemperature));
        let slider = slider(compare.temperature);
        let parts = [&value, &lower, &slider, &raise];
        let taken = parts.into_iter().map(|part| width_of(part)).sum::<u16>() + 1;
        let left = head.width.saturating_sub(taken + GAP);
        let forms: [Form; 2] = [|run, _| run, short_name];
        let mut names = forms.into_iter().map(|form| who(compare, probe, form));
        let name = names.find(|name| width_of(name) <= left);
        Self {
            value,
            lower,
            slider,
            raise,
            left,
            name,
        }
    }
}

/// What a click in the head does to the temperature.
pub(super) fn clicked(
    compare: &Compare,
    probe: &Probe,
    shared: &Shared,
    head: Rect,
    at: Position,
) -> Option<usize> {
    let scale = Scale::new(compare, probe, shared, head);
    scale.name.as_ref()?;
    let lower = head.x + scale.left + GAP + width_of(&scale.value);
    let slider = lower + width_of(&scale.lower);
    let raise = slider + width_of(&scale.slider);
    let now = compare.temperature;
    let right = (raise + width_of(&scale.raise)).min(head.right());
    let within = at.y == head.y && (lower..right).contains(&at.x);
    within.then(|| {
        if at.x < slider {
            now.saturating_sub(1)
        } else if at.x < raise {
            // The track stands between its two ends.
            usize::from((at.x - slider).saturating_sub(1)).min(TEMPERATURES.len() - 1)
        } else {
            (now + 1).min(TEMPERATURES.len() - 1)
        }
    })
}

/// How the name of a run is written beside that of another.
type Form = for<'a> fn(&'a str, Option<&str>) -> &'a str;

/// The runs, by their names, and on which images.
fn who(compare: &Compare, probe: &Probe, name: Form) -> String {
    let run = compare.comparison.run.as_deref();
    let other = compare.comparison.second.as_ref();
    let other = other.map(|second| second.run.as_str());
    let second = compare.comparison.second.as_ref().map(|second| {
        let state = match &second.reading {
            Reading::Asked | Reading::Nothing => " (loading)",
            Reading::Failed(_) => " (not comparable)",
            Reading::Read(_) => "",
        };
        format!(" ↔ {}{state}", name(&second.run, run))
    });
    let folder = match &compare.comparison.source {
        ProbeSource::Folder(folder) => {
            let folder = folder.to_string_lossy().into_owned();
            Some(format!(" on {}", shorten_path(&folder, 40_u16)))
        }
        ProbeSource::Cell { cell, .. } => Some(format!(" · {}", cell_words(*cell, &probe.classes))),
        ProbeSource::Recorded | ProbeSource::Named { .. } => None,
    };
    let coming = compare.comparison.coming.as_ref().map(|coming| {
        let images = comparison::images_of(&coming.source);
        format!(" · loading {}", shorten_path(&images, 40_u16))
    });
    let alone = probe.teacher.is_none().then(|| " · no teacher".to_owned());
    let run = run.map(|run| format!(" {}", name(run, other)));
    let parts = [run, coming, second, folder, alone];
    parts.into_iter().flatten().collect()
}

fn slider(at: usize) -> String {
    let track = (0..TEMPERATURES.len()).map(|place| if place == at { '●' } else { '─' });
    format!("╶{}╴", track.collect::<String>())
}
