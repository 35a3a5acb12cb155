//! Parameters that are updated alike, side by side in one row of values.
//!
//! A network has a hundred parameters, and a rule is half a dozen operations on each of
//! them: on a GPU starting these takes longer than computing them.

use burn::tensor::Tensor;

use crate::engine::network::Parameter;

/// Most values of a row. A larger parameter has one of its own, so that little is copied
/// where starting an operation costs nothing beside computing it.
const LONGEST: usize = 1 << 20;

/// A parameter's part of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The parameter, by its place in the list.
    pub(super) at: usize,
    /// Its values.
    len: usize,
}

/// A row of values before its update.
pub(super) struct Row<'a> {
    /// Whose values these are, in their order.
    pub(super) places: &'a [Place],
    /// The values, `[n]`.
    pub(super) value: Tensor<1>,
    /// Their gradients, `[n]`.
    pub(super) gradient: Tensor<1>,
    /// Whether they take part in weight decay.
    pub(super) decays: bool,
    /// Their learning rate.
    pub(super) lr: f64,
}

/// Parameters that share all that an update depends on, in as few rows as may be.
pub(super) fn alike(parameters: &[&mut Parameter]) -> Vec<Vec<Place>> {
    let mut rows: Vec<Vec<Place>> = Vec::new();
    for (at, parameter) in parameters.iter().enumerate() {
        let len = parameter.value.dims()[0];
        let open = rows.iter_mut().find(|row| {
            let first = &parameters[row[0].at];
            let fits = row.iter().map(|place| place.len).sum::<usize>() + len <= LONGEST;
            fits && settings(first) == settings(parameter)
        });
        let place = Place { at, len };
        match open {
            Some(row) => row.push(place),
            None => rows.push(vec![place]),
        }
    }
    rows
}

/// What an update depends on beside values.
pub(super) fn settings(parameter: &Parameter) -> (bool, f64) {
    (parameter.decays && !parameter.frozen, parameter.lr_factor)
}

/// Values of parameters as a row.
pub(super) fn joined(mut values: Vec<Tensor<1>>) -> Tensor<1> {
    match values.len() {
        1 => values.remove(0),
        _ => Tensor::cat(values, 0),
    }
}

/// The parameters of a row with their values.
pub(super) fn apart(places: &[Place], row: &Tensor<1>) -> impl Iterator<Item = (usize, Tensor<1>)> {
    let mut start = 0;
    places.iter().map(move |place| {
        let values = match places.len() {
            1 => row.clone(),
            _ => row.clone().narrow(0, start, place.len),
        };
        start += place.len;
        (place.at, values)
    })
}
