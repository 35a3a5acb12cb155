//! A schedule as a line of letters.
//!
//! ```text
//! ▁▃▆█▇▇▆▅▄▃▂▂▁▁
//! ```

use crate::experiment::schedule::Schedule;

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Points that are looked at for the turns of an epoch.
const PER_EPOCH: f64 = 4.0;

/// Of longer trainings, whole epochs may lie between the points.
const MOST_EPOCHS: f64 = 1000.0;

/// The curve over a training of so many epochs, and what it runs through.
#[must_use]
pub fn curve(schedule: &Schedule, epochs: f64, width: usize) -> (String, Vec<f64>) {
    // Twice as many points as letters, so that a short warm-up is not missed.
    let points = (width * 2).max(2);
    let at = |point: usize| schedule.at(epochs * point as f64 / (points - 1) as f64, epochs);
    let values: Vec<f64> = (0..points).map(at).collect();
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let line = values
        .chunks(2)
        .take(width)
        .map(|pair| {
            let mean = pair.iter().sum::<f64>() / pair.len() as f64;
            if !mean.is_finite() {
                return ' ';
            }
            if high <= low {
                return '─';
            }
            let share = (mean - low) / (high - low);
            LEVELS[((share * 7.0).round() as usize).min(7)]
        })
        .collect();
    (line, turns(schedule, epochs))
}

/// The value at the start, at the peak or the valley between, and at the end.
fn turns(schedule: &Schedule, epochs: f64) -> Vec<f64> {
    // Most schedules turn at whole epochs, so these are among the points.
    let points = (epochs.clamp(1.0, MOST_EPOCHS).round() * PER_EPOCH) as usize;
    let at = |point: usize| schedule.at(epochs * point as f64 / points as f64, epochs);
    let values: Vec<f64> = (0..=points).map(at).collect();
    let (first, last) = (values[0], values[points]);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let mut turns = vec![first];
    if high > first.max(last) {
        turns.push(high);
    } else if low < first.min(last) {
        turns.push(low);
    }
    if turns.len() > 1 || last != first {
        turns.push(last);
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_falls_and_stays() {
        let cosine = Schedule::Cosine {
            from: 1.0,
            to: 0.0,
            epochs: None,
        };
        let warm = Schedule::Warmup {
            epochs: 3.0,
            then: Box::new(cosine.clone()),
        };
        assert_eq!(
            curve(&cosine, 12.0, 8),
            ("██▇▅▄▂▁▁".to_owned(), vec![1.0, 0.0])
        );
        let (line, turns) = curve(&warm, 12.0, 8);
        assert!(line.starts_with("▂▆█") && line.ends_with('▁'), "{line}");
        assert_eq!((turns[0], turns[2]), (0.0, 0.0));
        assert_eq!(
            curve(&Schedule::Constant(4.0), 12.0, 3),
            ("───".to_owned(), vec![4.0])
        );
    }

    #[test]
    fn values_that_are_no_numbers_are_gaps() {
        let nothing = Schedule::Piecewise(Vec::new());
        assert_eq!(curve(&nothing, 3.0, 4).0, "    ");
        assert_eq!(curve(&Schedule::Constant(1.0), 0.0, 0).0, "");
    }
}
