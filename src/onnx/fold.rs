//! Short lists of numbers that a graph computes sizes with: those that are constants,
//! and what follows from sizes.

use std::cmp::Ordering;

use super::operator::{Step, broadcast, order, slices};
use super::proto::{TensorProto, data_type};
use super::sizes::{Value, count};

/// Longest list that is followed.
const LONGEST: u64 = 1 << 12;

/// Whole numbers beyond this are not computed with: an engine may let them wrap.
const LARGEST: f64 = (1_u64 << 31) as f64;

/// Numbers, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// Whether they are integers or truths.
    pub is_whole: bool,
    /// Their values.
    pub values: Vec<f64>,
}

impl Numbers {
    fn whole_of(values: Vec<f64>) -> Self {
        Self {
            is_whole: true,
            values,
        }
    }

    /// As sizes, the nearest ones where they are none.
    pub fn whole(&self) -> Vec<i64> {
        self.values.iter().map(|value| *value as i64).collect()
    }

    /// None where an engine would have other ones.
    fn computed(mut self) -> Option<Self> {
        if self.is_whole {
            return self
                .values
                .iter()
                .all(|it| it.abs() < LARGEST)
                .then_some(self);
        }
        self.values
            .iter_mut()
            .for_each(|it| *it = f64::from(*it as f32));
        Some(self)
    }
}

/// What is known of a weight.
pub fn constant(tensor: &TensorProto) -> Value {
    let sides = tensor.dims.iter().map(|side| side.unsigned_abs()).collect();
    Value {
        numbers: numbers(tensor, &sides),
        sides,
        constant: true,
    }
}

fn numbers(tensor: &TensorProto, sides: &Vec<u64>) -> Option<Numbers> {
    let length = count(sides);
    let bytes = &tensor.raw_data;
    let is_whole = tensor.data_type != data_type::FLOAT;
    let values: Vec<f64> = match tensor.data_type {
        _ if length > LONGEST => return None,
        data_type::INT64 if !tensor.int64_data.is_empty() => {
            tensor.int64_data.iter().map(|it| *it as f64).collect()
        }
        data_type::INT64 => {
            let (numbers, _) = bytes.as_chunks();
            numbers
                .iter()
                .map(|it| i64::from_le_bytes(*it) as f64)
                .collect()
        }
        data_type::INT32 | data_type::BOOL if !tensor.int32_data.is_empty() => {
            tensor.int32_data.iter().map(|it| f64::from(*it)).collect()
        }
        data_type::INT32 => {
            let (numbers, _) = bytes.as_chunks();
            numbers
                .iter()
                .map(|it| f64::from(i32::from_le_bytes(*it)))
                .collect()
        }
        data_type::BOOL => bytes.iter().map(|it| f64::from(*it)).collect(),
        data_type::FLOAT if !tensor.float_data.is_empty() => {
            tensor.float_data.iter().map(|it| f64::from(*it)).collect()
        }
        data_type::FLOAT => {
            let (numbers, _) = bytes.as_chunks();
            numbers
                .iter()
                .map(|it| f64::from(f32::from_le_bytes(*it)))
                .collect()
        }
        _ => return None,
    };
    // Weights beside the file are not read for this.
    (values.len() as u64 == length).then_some(Numbers { is_whole, values })
}

/// What the first output of a node holds, where it follows.
pub fn fold(step: &Step, sides: &[u64]) -> Option<Numbers> {
    if count(sides) > LONGEST {
        return None;
    }
    let known = |at: usize| step.given(at)?.numbers.as_ref();
    match step.operator() {
        "Constant" => {
            let attribute = step.node.attribute.first()?;
            match attribute.name.as_str() {
                "value" => constant(attribute.t.as_ref()?).numbers,
                "value_int" => Some(Numbers::whole_of(vec![attribute.i as f64])),
                "value_ints" => {
                    let values = attribute.ints.iter().map(|it| *it as f64);
                    Some(Numbers::whole_of(values.collect()))
                }
                "value_float" => Some(Numbers {
                    is_whole: false,
                    values: vec![f64::from(attribute.f)],
                }),
                _ => None,
            }
        }
        "Shape" => shape(step),
        "Size" => Numbers::whole_of(vec![count(&step.given(0)?.sides) as f64]).computed(),
        "Identity" | "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" => known(0).cloned(),
        "Cast" => cast(known(0)?, step.int("to", 0)),
        "ConstantOfShape" => {
            let mut attributes = step.node.attribute.iter();
            let value = attributes.find(|it| it.name == "value");
            let value = match value.and_then(|it| it.t.as_ref()) {
                Some(tensor) => constant(tensor).numbers?,
                None => Numbers {
                    is_whole: false,
                    values: vec![0.0],
                },
            };
            let values = vec![*value.values.first()?; count(sides) as usize];
            Some(Numbers { values, ..value })
        }
        "Range" => {
            let (start, by) = (known(0)?, known(2)?);
            let (first, by) = (start.values.first()?, by.values.first()?);
            let values = (0..count(sides)).map(|at| first + at as f64 * by);
            let is_whole = start.is_whole;
            let values = values.collect();
            Numbers { is_whole, values }.computed()
        }
        "Concat" => concat(step),
        "Gather" => gather(step),
        "Slice" => {
            let slices = slices(step).ok()?;
            let from = |at: usize, place: i64| slices[at].0 + place * slices[at].1;
            pick(known(0)?, &step.given(0)?.sides, sides, |places| {
                places
                    .iter()
                    .enumerate()
                    .map(|(at, it)| from(at, *it))
                    .collect()
            })
        }
        "Transpose" => {
            let order = order(step).ok()?;
            pick(known(0)?, &step.given(0)?.sides, sides, |places| {
                let mut from = vec![0; places.len()];
                order
                    .iter()
                    .zip(places)
                    .for_each(|(at, it)| from[*at] = *it);
                from
            })
        }
        "Expand" => {
            let data = step.given(0)?;
            let found = spread(known(0)?, &data.sides, sides)?;
            let is_whole = known(0)?.is_whole;
            Some(Numbers {
                is_whole,
                values: found,
            })
        }
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" if count(sides) == 1 => {
            let Numbers { is_whole, values } = known(0)?;
            let values = values.iter().copied();
            let value = match step.operator() {
                "ReduceProd" => values.product(),
                "ReduceSum" => values.sum(),
                "ReduceMax" => values.reduce(f64::max)?,
                _ => values.reduce(f64::min)?,
            };
            let (is_whole, values) = (*is_whole, vec![value]);
            Numbers { is_whole, values }.computed()
        }
        _ => each(step, sides),
    }
}

fn shape(step: &Step) -> Option<Numbers> {
    let given = &step.given(0)?.sides;
    let rank = given.len() as i64;
    let place = |value: i64| {
        let value = if value < 0 {
            value.saturating_add(rank)
        } else {
            value
        };
        value.clamp(0, rank) as usize
    };
    let (start, end) = (place(step.int("start", 0)), place(step.int("end", rank)));
    let taken = given.get(start..end)?;
    let values = taken.iter().map(|side| *side as f64).collect();
    Some(Numbers::whole_of(values))
}

fn cast(numbers: &Numbers, to: i64) -> Option<Numbers> {
    let values = numbers.values.iter();
    let (is_whole, values) = match i32::try_from(to).ok()? {
        data_type::FLOAT => (false, values.copied().collect()),
        data_type::INT32 | data_type::INT64 => (true, values.map(|it| it.trunc()).collect()),
        data_type::BOOL => (true, values.map(|it| f64::from(*it != 0.0)).collect()),
        _ => return None,
    };
    Numbers { is_whole, values }.computed()
}

fn concat(step: &Step) -> Option<Numbers> {
    let mut is_whole = true;
    let mut values = Vec::new();
    for value in step.inputs() {
        let numbers = value.numbers.as_ref().filter(|_| value.sides.len() == 1)?;
        is_whole &= numbers.is_whole;
        values.extend_from_slice(&numbers.values);
    }
    Some(Numbers { is_whole, values })
}

/// Of a list, or of the rows of a table.
fn gather(step: &Step) -> Option<Numbers> {
    let (data, indices) = (step.given(0)?, step.given(1)?);
    let (numbers, indices) = (data.numbers.as_ref()?, indices.numbers.as_ref()?);
    if step.int("axis", 0) != 0 {
        return None;
    }
    let row = count(data.sides.get(1..)?) as usize;
    let rows = *data.sides.first()? as i64;
    let mut values = Vec::new();
    for at in indices.whole() {
        let at = if at < 0 { at.saturating_add(rows) } else { at };
        let from = usize::try_from(at).ok()?.checked_mul(row)?;
        values.extend_from_slice(numbers.values.get(from..from.checked_add(row)?)?);
    }
    let is_whole = numbers.is_whole;
    Some(Numbers { is_whole, values })
}

/// Each element of a value that has these sides from its place in another.
fn pick(
    numbers: &Numbers,
    given: &[u64],
    sides: &[u64],
    from: impl Fn(&[i64]) -> Vec<i64>,
) -> Option<Numbers> {
    let mut places = vec![0_i64; sides.len()];
    let mut values = Vec::new();
    for _ in 0..count(sides) {
        let at = from(&places)
            .iter()
            .zip(given)
            .try_fold(0_usize, |at, (place, side)| {
                let place = u64::try_from(*place).ok().filter(|place| place < side)?;
                at.checked_mul(*side as usize)?.checked_add(place as usize)
            })?;
        values.push(*numbers.values.get(at)?);
        for (place, side) in places.iter_mut().zip(sides).rev() {
            *place += 1;
            if (*place as u64) < *side {
                break;
            }
            *place = 0;
        }
    }
    let is_whole = numbers.is_whole;
    Some(Numbers { is_whole, values })
}

/// The values of an input as they are repeated for the sides of an output.
fn spread(numbers: &Numbers, given: &[u64], sides: &[u64]) -> Option<Vec<f64>> {
    if broadcast(given, sides).ok()?.as_slice() != sides {
        return None;
    }
    let missing = sides.len().checked_sub(given.len())?;
    let found = pick(numbers, given, sides, |places| {
        let places = places.iter().skip(missing).zip(given);
        places
            .map(|(place, side)| if *side == 1 { 0 } else { *place })
            .collect()
    });
    Some(found?.values)
}

/// Operators that compute each element from those at its place.
fn each(step: &Step, sides: &[u64]) -> Option<Numbers> {
    let mut inputs = Vec::new();
    let mut is_whole = true;
    for value in step.inputs() {
        let numbers = value.numbers.as_ref()?;
        // Large ones are taken for what they are, but not computed with.
        numbers.clone().computed()?;
        is_whole &= numbers.is_whole;
        inputs.push(spread(numbers, &value.sides, sides)?);
    }
    let truth = |truth: bool| f64::from(truth);
    let two = |compute: &dyn Fn(f64, f64) -> f64| -> Option<Vec<f64>> {
        let (first, rest) = inputs.split_first()?;
        let mut values = first.clone();
        for other in rest {
            values
                .iter_mut()
                .zip(other)
                .for_each(|(a, b)| *a = compute(*a, *b));
        }
        Some(values)
    };
    let one = |compute: &dyn Fn(f64) -> f64| -> Option<Vec<f64>> {
        Some(inputs.first()?.iter().map(|it| compute(*it)).collect())
    };
    let (is_whole, values) = match step.operator() {
        "Add" | "Sum" => (is_whole, two(&|a, b| a + b)?),
        "Sub" => (is_whole, two(&|a, b| a - b)?),
        "Mul" => (is_whole, two(&|a, b| a * b)?),
        "Div" if is_whole && inputs.get(1)?.contains(&0.0) => return None,
        // Engines differ in how they round negative ones.
        "Div" if is_whole && inputs.iter().flatten().any(|it| *it < 0.0) => return None,
        "Div" if is_whole => (true, two(&|a, b| (a / b).trunc())?),
        "Div" => (false, two(&|a, b| a / b)?),
        "Mod" if is_whole && inputs.iter().flatten().any(|it| *it < 0.0) => return None,
        "Mod" if is_whole && !inputs.get(1)?.contains(&0.0) => (true, two(&|a, b| a % b)?),
        "Min" => (is_whole, two(&f64::min)?),
        "Max" => (is_whole, two(&f64::max)?),
        "Equal" => (
            true,
            two(&|a, b| truth(a.partial_cmp(&b) == Some(Ordering::Equal)))?,
        ),
        "Greater" => (true, two(&|a, b| truth(a > b))?),
        "Less" => (true, two(&|a, b| truth(a < b))?),
        "GreaterOrEqual" => (true, two(&|a, b| truth(a >= b))?),
        "LessOrEqual" => (true, two(&|a, b| truth(a <= b))?),
        "And" => (true, two(&|a, b| truth(a != 0.0 && b != 0.0))?),
        "Or" => (true, two(&|a, b| truth(a != 0.0 || b != 0.0))?),
        "Not" => (true, one(&|a| truth(a == 0.0))?),
        "Neg" => (is_whole, one(&|a| -a)?),
        "Abs" => (is_whole, one(&f64::abs)?),
        "Floor" => (is_whole, one(&f64::floor)?),
        "Ceil" => (is_whole, one(&f64::ceil)?),
        "Where" => {
            let [condition, yes, no] = inputs.as_slice() else {
                return None;
            };
            let chosen = condition.iter().zip(yes).zip(no);
            let chosen = chosen.map(|((is, yes), no)| if *is == 0.0 { *no } else { *yes });
            (step.given(1)?.numbers.as_ref()?.is_whole, chosen.collect())
        }
        _ => return None,
    };
    Numbers { is_whole, values }.computed()
}
