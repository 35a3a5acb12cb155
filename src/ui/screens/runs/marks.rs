//! Runs that are marked to be compared, and the one that others are measured
//! against.

use ratatui::style::Style;

use crate::ui::theme::Theme;

/// Symbols that distinguish curves where colours cannot.
const SYMBOLS: [char; 8] = ['●', '■', '◆', '★', '○', '□', '◇', '☆'];

/// The symbol of the baseline.
pub(super) const BASELINE: char = '⌂';

/// The place of a baseline that is not marked: a look of its own, so that it
/// takes nobody's.
const PINNED: usize = usize::MAX;

/// Marked runs. A run keeps its place, and so its colour and symbol, for as long
/// as it is marked; a place that becomes free goes to the next run.
#[derive(Debug, Default)]
pub(super) struct Marks {
    places: Vec<Option<String>>,
    baseline: Option<String>,
}

impl Marks {
    /// Marks a run, or takes its mark away.
    pub(super) fn toggle(&mut self, name: &str) {
        if let Some(at) = self.place(name) {
            self.places[at] = None;
            while self.places.last().is_some_and(Option::is_none) {
                self.places.pop();
            }
        } else if let Some(free) = self.places.iter_mut().find(|place| place.is_none()) {
            *free = Some(name.to_owned());
        } else {
            self.places.push(Some(name.to_owned()));
        }
    }

    /// Takes every mark away.
    pub(super) fn clear(&mut self) {
        self.places.clear();
    }

    /// The place of a marked run.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places
            .iter()
            .position(|place| place.as_deref() == Some(name))
    }

    /// Makes a run the baseline, or the baseline a run as others.
    pub(super) fn pin(&mut self, name: &str) {
        self.baseline = (self.baseline.as_deref() != Some(name)).then(|| name.to_owned());
    }

    /// The run that others are measured against.
    pub(super) fn baseline(&self) -> Option<&str> {
        self.baseline.as_deref()
    }

    /// Number of marked runs.
    pub(super) fn count(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// What a comparison shows, with their places: the baseline, the marked
    /// runs, and the selected one where none is marked.
    pub(super) fn compared<'a>(&'a self, selected: Option<&'a str>) -> Vec<(usize, &'a str)> {
        let mut compared: Vec<(usize, &str)> = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(at, place)| Some((at, place.as_deref()?)))
            .collect();
        if compared.is_empty() {
            compared.extend(selected.map(|name| (0, name)));
        }
        if let Some(baseline) = self.baseline() {
            match compared.iter().position(|(_, known)| *known == baseline) {
                Some(at) => compared[..=at].rotate_right(1),
                None => compared.insert(0, (PINNED, baseline)),
            }
        }
        compared
    }

    /// A run has another name now.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        for known in self.places.iter_mut().chain([&mut self.baseline]).flatten() {
            if known == from {
                to.clone_into(known);
            }
        }
    }

    /// Forgets runs that are gone.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        let places = self.places.iter_mut();
        for known in places.chain([&mut self.baseline]) {
            known.take_if(|name| !is_there(name));
        }
    }
}

/// The symbol and the colour of a place. After eight places colours come again
/// with other symbols.
pub(super) fn look(place: usize, theme: &Theme) -> (char, Style) {
    if place == PINNED {
        return (BASELINE, theme.text());
    }
    let symbol = SYMBOLS[(place + place / SYMBOLS.len()) % SYMBOLS.len()];
    (symbol, theme.series(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_run_keeps_its_place_while_others_come_and_go() {
        let mut marks = Marks::default();
        for name in ["a", "b", "c"] {
            marks.toggle(name);
        }
        marks.toggle("b");
        assert_eq!(
            (marks.place("a"), marks.place("b"), marks.place("c")),
            (Some(0), None, Some(2))
        );
        marks.toggle("d");
        assert_eq!((marks.place("c"), marks.place("d")), (Some(2), Some(1)));
        marks.rename("c", "e");
        assert_eq!(marks.place("e"), Some(2));
        marks.retain(|name| name == "e");
        assert_eq!(marks.compared(None), [(2, "e")]);
    }

    #[test]
    fn a_comparison_begins_with_the_baseline_and_falls_back_to_the_selected_run() {
        let mut marks = Marks::default();
        assert_eq!(marks.compared(Some("x")), [(0, "x")]);
        marks.pin("base");
        assert_eq!(marks.compared(Some("x")), [(PINNED, "base"), (0, "x")]);
        marks.toggle("a");
        marks.toggle("base");
        assert_eq!(marks.compared(Some("x")), [(1, "base"), (0, "a")]);
        marks.pin("base");
        assert_eq!(marks.compared(None), [(0, "a"), (1, "base")]);
    }

    #[test]
    fn sixty_places_look_different() {
        use crate::ui::theme::{Background, Depth, Palette};
        let theme = Theme::new(Background::Dark, Palette::Standard, Depth::True);
        let looks: Vec<_> = (0..60).map(|place| look(place, &theme)).collect();
        for (at, one) in looks.iter().enumerate() {
            assert!(!looks[..at].contains(one), "{at}");
        }
    }
}
