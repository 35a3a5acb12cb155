//! Which stretch of the x axis is shown: all of it, its tail, or a fixed part.

/// What is shown across.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Window {
    /// Everything.
    #[default]
    All,
    /// The last stretch of this length; moves on with the data.
    Tail(f64),
    /// This stretch.
    Fixed(f64, f64),
}

/// How far one zooms in at most: this share of everything.
const CLOSEST: f64 = 1e-7;

impl Window {
    /// The stretch that is shown, of data between two bounds: everything, where
    /// there is less than when it was chosen and nothing would be in view.
    #[must_use]
    pub fn bounds(self, (low, high): (f64, f64)) -> (f64, f64) {
        match self {
            Self::Tail(length) if length > 0.0 => ((high - length).max(low), high),
            Self::Fixed(from, to) if from < high => (from, to),
            Self::All | Self::Tail(_) | Self::Fixed(..) => (low, high),
        }
    }

    /// Whether new data moves the picture.
    #[must_use]
    pub fn follows(self) -> bool {
        !matches!(self, Self::Fixed(..))
    }

    /// Shows `factor` times as much, with `at` where it is; without it, with
    /// the tail where it is if the tail is in view, else the middle.
    #[must_use]
    pub fn zoomed(self, factor: f64, at: Option<f64>, all: (f64, f64)) -> Self {
        let (low, high) = self.bounds(all);
        let at = at
            .filter(|at| (low..=high).contains(at))
            .unwrap_or(if high >= all.1 {
                high
            } else {
                low.midpoint(high)
            });
        let least = (all.1 - all.0) * CLOSEST;
        if (high - low) * factor < least {
            return self;
        }
        Self::of((at - (at - low) * factor, at + (high - at) * factor), all)
    }

    /// Shows what lies a share of the shown length further on.
    #[must_use]
    pub fn panned(self, share: f64, all: (f64, f64)) -> Self {
        let (low, high) = self.bounds(all);
        let length = high - low;
        let low = (low + length * share).clamp(all.0, (all.1 - length).max(all.0));
        Self::of((low, low + length), all)
    }

    /// The window of a stretch: one that ends with the data follows it.
    fn of((low, high): (f64, f64), all: (f64, f64)) -> Self {
        // Rounding must not make a window that ends with the data a fixed one.
        let close = (all.1 - all.0).abs() * 1e-12;
        match (low <= all.0 + close, high >= all.1 - close) {
            (true, true) => Self::All,
            (false, true) => Self::Tail(all.1 - low),
            (_, false) => Self::Fixed(low.max(all.0), high),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: (f64, f64) = (0.0, 100.0);

    #[test]
    fn zooming_in_keeps_the_place_under_the_crosshair() {
        let window = Window::All.zoomed(0.5, Some(40.0), ALL);
        assert_eq!(window, Window::Fixed(20.0, 70.0));
        assert_eq!(window.zoomed(2.0, Some(40.0), ALL), Window::All);
        assert_eq!(window.zoomed(4.0, Some(40.0), ALL), Window::All);
    }

    #[test]
    fn where_the_data_became_less_something_is_in_view_all_the_same() {
        let window = Window::Fixed(1.03, 1.2);
        let less = (0.0, 1.0);
        assert_eq!(window.bounds(less), less);
        let (low, high) = window.zoomed(0.8, Some(0.5), less).bounds(less);
        assert!(low < high && high <= 1.0, "{low} {high}");
        assert_eq!(Window::Tail(-0.03).bounds(less), less);
    }

    #[test]
    fn the_tail_stays_in_view_until_one_pans_away_and_again_after() {
        let tail = Window::All.zoomed(0.1, None, ALL);
        assert_eq!(tail, Window::Tail(10.0));
        assert_eq!(tail.bounds((0.0, 250.0)), (240.0, 250.0));
        let away = tail.panned(-1.0, ALL);
        assert_eq!(away, Window::Fixed(80.0, 90.0));
        assert!(!away.follows());
        assert_eq!(away.panned(5.0, ALL), Window::Tail(10.0));
        assert_eq!(Window::All.panned(-1.0, ALL), Window::All);
    }

    #[test]
    fn one_cannot_zoom_into_nothing() {
        let mut window = Window::All;
        for _ in 0..200 {
            window = window.zoomed(0.5, Some(50.0), ALL);
        }
        let (low, high) = window.bounds(ALL);
        assert!(low < high);
        assert_eq!(
            Window::All.zoomed(0.5, None, (3.0, 3.0)).bounds((3.0, 3.0)),
            (3.0, 3.0)
        );
    }
}
