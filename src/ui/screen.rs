//! The name of each screen: what tabs, actions and effects call it by.

/// Which screen is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// The list of experiments and their editor.
    #[default]
    Experiments,
    /// The table of runs.
    Runs,
    /// A run's charts and knobs.
    Live,
    /// Student and teacher on the same images.
    Compare,
    /// A folder of images, classified.
    Inference,
}

impl Screen {
    /// Every screen, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Experiments,
        Self::Runs,
        Self::Live,
        Self::Compare,
        Self::Inference,
    ];

    /// Its name, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Experiments => "Experiments",
            Self::Runs => "Runs",
            Self::Live => "Live",
            Self::Compare => "Compare",
            Self::Inference => "Inference",
        }
    }

    /// The next screen, or the first.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The previous screen, or the last.
    #[must_use]
    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }
}
