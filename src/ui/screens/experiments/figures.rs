//! Values and ratios of an experiment, short.

use crate::ui::widget::figures::three;

/// How many times one is of the other.
#[must_use]
pub fn ratio(value: f64) -> String {
    format!("{}×", three(value))
}

/// A value of a knob, without noise.
#[must_use]
pub fn value(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(ratio(14.26), "14.3×");
        assert_eq!(
            [0.1, 0.0, 5e-4, 30.0].map(value),
            ["0.1", "0", "5.0e-4", "30"]
        );
    }
}
