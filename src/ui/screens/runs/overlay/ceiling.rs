//! How high a chart of several runs reaches where one of them burst: a training
//! that diverged must not flatten the curves of all others.

use crate::ui::widget::chart::{Curve, Extent};

/// A curve that rose to so many times its first value diverged.
const WILD: f64 = 20.0;

/// It is cut only if it would leave the others less than one part of so many.
const FAR: f64 = 4.0;

/// The same on a logarithmic axis: six decades.
const FAR_LOG: f64 = 1e6;

/// The greatest value that counts, and the curves that go beyond it, if there
/// are any. `extents` are those of the curves as far as they are shown.
pub(super) fn ceiling(
    curves: &[Curve<'_>],
    extents: &[Extent],
    log: bool,
) -> Option<(f64, Vec<usize>)> {
    let is_wild = |(curve, extent): (&Curve<'_>, &Extent)| {
        let first = curve.values.iter().find(|value| value.is_finite());
        // Shares rise by as much and do not diverge.
        first.is_some_and(|first| extent.max > (WILD * first.abs()).max(1.0))
    };
    let (wild, calm): (Vec<usize>, Vec<usize>) = (0..curves.len().min(extents.len()))
        .filter(|at| !extents[*at].is_empty())
        .partition(|at| is_wild((&curves[*at], &extents[*at])));
    let most = calm
        .into_iter()
        .map(|at| extents[at].max)
        .reduce(f64::max)?;
    let far = if log { FAR_LOG } else { FAR };
    let beyond: Vec<usize> = wild
        .into_iter()
        .filter(|at| extents[*at].max > far * most.abs())
        .collect();
    (!beyond.is_empty()).then_some((most, beyond))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::widget::chart::XValues;

    fn cut(curves: &[&[f64]], log: bool) -> Option<(f64, Vec<usize>)> {
        let xs: Vec<f64> = (0..9).map(f64::from).collect();
        let curves: Vec<Curve<'_>> = curves
            .iter()
            .map(|values| Curve::new(XValues::Values(&xs[..values.len()]), values))
            .collect();
        let extents: Vec<Extent> = curves
            .iter()
            .map(|curve| curve.extent((0.0, 9.0)))
            .collect();
        ceiling(&curves, &extents, log)
    }

    #[test]
    fn a_run_that_burst_does_not_count_beside_one_that_did_not() {
        let (calm, burst) = ([2.3, 1.0, 0.5], [2.3, 900.0, f64::INFINITY]);
        assert_eq!(cut(&[&calm, &burst], false), Some((2.3, vec![1])));
        // A logarithmic axis has room for both.
        assert_eq!(cut(&[&calm, &burst], true), None);
        assert_eq!(cut(&[&burst], false), None);
        assert_eq!(cut(&[&burst, &burst], false), None);
    }

    #[test]
    fn runs_that_are_only_better_or_worse_count_in_whole() {
        assert_eq!(cut(&[&[0.01, 0.02], &[5.0, 4.0]], false), None);
        assert_eq!(cut(&[&[2.3, 2.0], &[2.3, 40.0]], false), None);
        assert_eq!(cut(&[&[0.0, 0.9], &[0.0, 0.1], &[0.1, 0.1]], false), None);
        assert_eq!(cut(&[&[], &[f64::NAN]], false), None);
    }
}
