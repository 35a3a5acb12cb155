//! Lines that say a thing whole or not at all, however narrow they are.

use ratatui::text::{Line, Span};

/// Something that a line says.
#[derive(Debug)]
pub(super) struct Part {
    spans: Vec<Span<'static>>,
    /// How far it can be done without, from 0 for what matters most.
    rank: u8,
}

impl Part {
    pub(super) fn new(rank: u8, spans: impl IntoIterator<Item = Span<'static>>) -> Self {
        Self {
            spans: spans.into_iter().collect(),
            rank,
        }
    }

    fn width(&self) -> usize {
        self.spans.iter().map(Span::width).sum()
    }
}

/// The parts in their order, without those that have no room: the last of what
/// matters least goes first.
pub(super) fn fitted(mut parts: Vec<Part>, width: u16) -> Line<'static> {
    let width = usize::from(width);
    while parts.len() > 1 && parts.iter().map(Part::width).sum::<usize>() > width {
        if let Some(least) = (0..parts.len()).max_by_key(|at| parts[*at].rank) {
            parts.remove(least);
        }
    }
    parts.into_iter().flat_map(|part| part.spans).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_goes_first_and_nothing_is_cut() {
        let parts = || {
            vec![
                Part::new(0, [Span::raw("name")]),
                Part::new(2, [Span::raw(" step 5")]),
                Part::new(1, [Span::raw(" 12 s")]),
                Part::new(2, [Span::raw(" host")]),
            ]
        };
        for (width, text) in [
            (30, "name step 5 12 s host"),
            (20, "name step 5 12 s"),
            (15, "name 12 s"),
            (8, "name"),
            (2, "name"),
        ] {
            assert_eq!(fitted(parts(), width).to_string(), text);
        }
    }
}
