//! Who is compared, at which temperature, and the names of the views.
//!
//! ```text
//!  quickstart-20260102-120000-ab12cd ↔ wide-2026…      temperature 4 - ╶──●────╴ +
//!  Images  Agreement  Student's confusion  Teacher's confusion  Classes
//! ```

use ratatui::Frame;

use super::layout::{Areas, tab};
use super::sides::Reading;
use super::{Compare, TEMPERATURES, View, sides};
use crate::event::inspection::Probe;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::widget::Cells;
use crate::ui::widget::cells::{shorten_path, width_of, without_time};

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
    let key = |action: Action| shared.keymap.key(action).unwrap_or_default();
    let slider = slider(compare.temperature);
    let (lower, raise) = (
        format!("{} ", key(Action::LowerTemperature)),
        format!(" {}", key(Action::RaiseTemperature)),
    );
    let value = format!("temperature {} ", TEMPERATURES[compare.temperature]);
    let right = [&value, &lower, &slider, &raise];
    let right = right.into_iter().map(|part| width_of(part)).sum::<u16>() + 1;
    let mut cells = Cells::line(frame.buffer_mut(), areas.head, 0);
    let left = cells.rest().saturating_sub(right + 2);
    let names = [
        who(compare, probe, |run| run),
        who(compare, probe, without_time),
    ];
    if let Some(name) = names.iter().find(|name| width_of(name) <= left) {
        cells.text(left, name, theme.text()).skip(2);
        cells
            .word(&value, theme.muted())
            .word(&lower, theme.accent())
            .word(&slider, theme.text())
            .word(&raise, theme.accent());
    } else {
        // The slider can be spared, and if need be the temperature.
        let left = cells.rest().saturating_sub(width_of(&value) + 1);
        let left = if left < LEAST_NAME {
            cells.rest()
        } else {
            left
        };
        cells.text(left, &names[1], theme.text()).skip(1);
        cells.word(&value, theme.muted());
    }

    let mut cells = Cells::line(frame.buffer_mut(), areas.views, 0);
    for view in View::ALL {
        let style = if view == compare.view {
            theme.accent().patch(theme.selection())
        } else {
            theme.muted()
        };
        cells.word(&tab(view, areas.views.width), style);
    }
}

/// The runs, by their names, and on which images.
fn who(compare: &Compare, probe: &Probe, name: fn(&str) -> &str) -> String {
    let second = compare.sides.second.as_ref().map(|second| {
        let state = match &second.reading {
            Reading::Asked | Reading::Nothing => " (reading)",
            Reading::Failed(_) => " (not comparable)",
            Reading::Read(_) => "",
        };
        format!(" ↔ {}{state}", name(&second.run))
    });
    let folder = compare.sides.folder.as_ref().map(|folder| {
        let folder = folder.display().to_string();
        format!(" on {}", shorten_path(&folder, 40))
    });
    let coming = compare.sides.coming.as_ref().map(|coming| {
        let images = sides::images_of(coming.folder.as_ref());
        format!(" · reading {}", shorten_path(&images, 40))
    });
    let alone = probe.teacher.is_none().then(|| " · no teacher".to_owned());
    let run = compare.sides.run.as_deref();
    let run = run.map(|run| format!(" {}", name(run)));
    let parts = [run, coming, second, folder, alone];
    parts.into_iter().flatten().collect()
}

fn slider(at: usize) -> String {
    let track = (0..TEMPERATURES.len()).map(|place| if place == at { '●' } else { '─' });
    format!("╶{}╴", track.collect::<String>())
}
