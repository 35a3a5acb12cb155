//! How a person laid out the screens. Plain data, asked to be kept when it
//! changes and given back at the next start; where and how it is kept is for
//! others to know.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Panes of all screens, grid and axes of the charts; what nobody chose is as it
/// is at first.
///
/// A field that an older version wrote and this one doesn't know is passed
/// over, and sizes that fit no terminal are drawn as far as there is room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// Charts across and down a page; what suits the terminal if absent.
    pub grid: Option<(u16, u16)>,
    /// Columns of the pane beside the charts.
    pub side: Option<u16>,
    /// Rows of the events.
    pub events: Option<u16>,
    /// Panes whose borders were dragged.
    pub panes: Panes,
    /// Steps of smoothing, from 0 for none.
    pub smoothing: u8,
    /// What charts are drawn over.
    pub axis: XAxis,
    /// Titles of charts whose scale is not what it is at first: linear instead
    /// of logarithmic, or the other way round.
    pub rescaled: BTreeSet<String>,
    /// Fields of the runs' configurations that are columns of the table of runs, by
    /// their paths.
    pub columns: Vec<String>,
}

/// Columns of panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Panes {
    /// The list of experiments.
    pub experiments: Option<u16>,
    /// An experiment's plan.
    pub plan: Option<u16>,
    /// A run's particulars.
    pub run: Option<u16>,
    /// The list of knobs.
    pub knobs: Option<u16>,
    /// The list of images on which student and teacher are compared.
    pub images: Option<u16>,
    /// The image that was classified.
    pub classified: Option<u16>,
}

/// What charts are drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum XAxis {
    /// Steps.
    Step,
    /// Epochs.
    #[default]
    Epoch,
    /// Seconds of training, over all of the run's processes.
    Time,
}

impl XAxis {
    /// The one after it, or the first.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Step => Self::Epoch,
            Self::Epoch => Self::Time,
            Self::Time => Self::Step,
        }
    }

    /// What stands beside its numbers.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Epoch => "epoch",
            Self::Time => "s",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_read_as_it_was_written_and_without_what_is_not_known() {
        let layout = Layout {
            grid: Some((3, 2)),
            side: Some(50),
            events: None,
            panes: Panes {
                images: Some(33),
                ..Panes::default()
            },
            smoothing: 3,
            axis: XAxis::Time,
            rescaled: BTreeSet::from(["loss".to_owned()]),
            columns: vec!["lr".to_owned(), "student.model.depth".to_owned()],
        };
        let text = ron::to_string(&layout).unwrap();
        assert_eq!(ron::from_str::<Layout>(&text).unwrap(), layout);
        let older: Layout = ron::from_str("(side: Some(9), once: (1, \"a\"))").unwrap();
        assert_eq!(older.side, Some(9));
        assert_eq!(ron::from_str::<Layout>("()").unwrap(), Layout::default());
    }
}
