//! Who is compared, at which temperature, and the names of the views.
//!
//! ```text
//!  quickstart-20260102-120000-ab12cd ↔ wide-2026…      temperature 4 ╶──●────╴
//!  Images  Agreement  Student's confusion  Teacher's confusion  Classes
//! ```

use ratatui::Frame;

use super::layout::{Areas, tab};
use super::sides::Reading;
use super::{Compare, TEMPERATURES, View};
use crate::event::inspection::Probe;
use crate::ui::theme::Theme;
use crate::ui::widget::Cells;
use crate::ui::widget::cells::{shorten_path, width_of};

pub(super) fn draw(
    compare: &Compare,
    probe: &Probe,
    theme: &Theme,
    frame: &mut Frame,
    areas: Areas,
) {
    let slider = slider(compare.temperature);
    let value = format!("temperature {} ", TEMPERATURES[compare.temperature]);
    let right = width_of(&value) + width_of(&slider) + 1;
    let mut cells = Cells::line(frame.buffer_mut(), areas.head, 0);
    let left = cells.rest().saturating_sub(right + 2);
    cells.text(left, &format!(" {}", who(compare, probe)), theme.text());
    let right = cells.rest();
    let narrow = right < width_of(&value) + width_of(&slider) + 1;
    if !narrow {
        cells
            .skip(2)
            .word(&value, theme.muted())
            .word(&slider, theme.accent());
    }

    let mut cells = Cells::line(frame.buffer_mut(), areas.views, 0);
    for view in View::ALL {
        let style = if view == compare.view {
            theme.accent().patch(theme.selection())
        } else {
            theme.muted()
        };
        cells.word(&tab(view), style);
    }
}

/// The runs, and on which images.
fn who(compare: &Compare, probe: &Probe) -> String {
    let second = compare.sides.second.as_ref().map(|second| {
        let state = match &second.reading {
            Reading::Asked | Reading::Nothing => " (reading)",
            Reading::Failed(_) => " (not comparable)",
            Reading::Read(_) => "",
        };
        format!(" ↔ {}{state}", second.run)
    });
    let folder = compare.sides.folder.as_ref().map(|folder| {
        let folder = folder.display().to_string();
        format!(" on {}", shorten_path(&folder, 40))
    });
    let alone = probe.teacher.is_none().then(|| " · no teacher".to_owned());
    let parts = [compare.sides.run.clone(), second, folder, alone];
    parts.into_iter().flatten().collect()
}

fn slider(at: usize) -> String {
    let track = (0..TEMPERATURES.len()).map(|place| if place == at { '●' } else { '─' });
    format!("╶{}╴", track.collect::<String>())
}
