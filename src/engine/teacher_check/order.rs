//! Another order of a teacher's outputs in which it is better.

use super::{Answer, Difference};

/// An order of outputs that is better than the one that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Better {
    /// The output of every class.
    outputs: Vec<usize>,
    /// By how much the mean accuracy of the classes is better, on images on
    /// which the order was not found.
    pub gain: f64,
    /// How far that is from none, in standard errors.
    pub errors: f64,
    /// Whether each answer is right in the order that was found on the others.
    pub right: Vec<bool>,
}

/// How the outputs of a teacher's file became the data's classes.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// Names that the outputs of the file were said to have, in their order; the
    /// data's if nothing was said.
    pub names: &'a [String],
    /// Output of the file that each output of the network is; the same if absent.
    pub taken: Option<&'a [usize]>,
}

impl Better {
    /// The name of every output of the file, in its order. Outputs that were left
    /// out keep the names that they had.
    pub fn names(&self, of: Outputs, classes: &[String]) -> Vec<String> {
        let mut names = of.names.to_vec();
        for (class, &output) in self.outputs.iter().enumerate() {
            let in_file = of.taken.map_or(output, |taken| taken[output]);
            names[in_file].clone_from(&classes[class]);
        }
        names
    }

    /// Classes that the teacher seems to take for others, and those.
    pub fn exchanged<'a>(&self, classes: &'a [String]) -> Vec<(&'a String, &'a String)> {
        let pairs = self.outputs.iter().enumerate();
        let mut moved: Vec<(usize, usize)> = pairs
            .filter(|(class, output)| class != *output)
            .map(|(class, &output)| (output, class))
            .collect();
        moved.sort_unstable();
        let named = moved.into_iter();
        named
            .map(|(own, other)| (&classes[own], &classes[other]))
            .collect()
    }
}

/// The order in which the answers are best, if they are clearly better in it.
pub fn better(answers: &[Answer], classes: usize) -> Option<Better> {
    // Every other image of a class is in the other half.
    let mut seen = vec![0_usize; classes];
    let halves: Vec<(usize, Answer)> = answers
        .iter()
        .map(|answer| {
            seen[answer.label] += 1;
            (seen[answer.label] % 2, *answer)
        })
        .collect();
    let of_half = |half: usize| -> Vec<Answer> {
        let chosen = halves.iter().filter(|(own, _)| *own == half);
        chosen.map(|(_, answer)| *answer).collect()
    };
    let orders = [0, 1].map(|half| best(&of_half(1 - half), classes));
    let outcomes: Vec<(usize, bool, bool)> = halves
        .iter()
        .map(|(half, answer)| {
            let other = orders[*half][answer.label] == answer.output;
            (answer.label, answer.is_right(), other)
        })
        .collect();
    let all = Difference::of(outcomes.iter().map(|(_, before, after)| (*before, *after)));
    if all.errors < super::CLEAR {
        return None;
    }
    let right = outcomes.iter().map(|(_, _, after)| *after).collect();
    let mut gains = vec![(0_u32, 0_i32); classes];
    for (label, before, after) in outcomes {
        gains[label].0 += 1;
        gains[label].1 += i32::from(after) - i32::from(before);
    }
    gains.retain(|(images, _)| *images > 0);
    let present = gains.len().max(1) as f64;
    let shares = gains
        .iter()
        .map(|(images, gain)| f64::from(*gain) / f64::from(*images));
    let better = Better {
        outputs: best(answers, classes),
        gain: shares.sum::<f64>() / present,
        errors: all.errors,
        right,
    };
    // One that gives every image to a large class is no order.
    (better.gain > 0.0).then_some(better)
}

/// The output of every class with which the mean accuracy of the classes is
/// high: the likeliest pair of class and output first, then the likeliest of the
/// others. Of equals the class's own output is taken.
fn best(answers: &[Answer], classes: usize) -> Vec<usize> {
    let mut counts = vec![vec![0_u32; classes]; classes];
    for answer in answers {
        counts[answer.label][answer.output] += 1;
    }
    let mut pairs: Vec<(f64, bool, usize, usize)> = Vec::new();
    for (class, row) in counts.iter().enumerate() {
        let images: u32 = row.iter().sum();
        let shares = row.iter().enumerate().filter(|(_, count)| **count > 0);
        pairs.extend(shares.map(|(output, &count)| {
            let share = f64::from(count) / f64::from(images);
            (share, class == output, class, output)
        }));
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    let mut outputs = vec![None; classes];
    let mut taken = vec![false; classes];
    for (_, _, class, output) in pairs {
        if outputs[class].is_none() && !taken[output] {
            outputs[class] = Some(output);
            taken[output] = true;
        }
    }
    // What no image decides keeps its place where it can.
    for class in 0..classes {
        if outputs[class].is_none() && !taken[class] {
            outputs[class] = Some(class);
            taken[class] = true;
        }
    }
    let mut rest = (0..classes).filter(|output| !taken[*output]);
    outputs
        .into_iter()
        .map(|output| output.or_else(|| rest.next()).unwrap_or_default())
        .collect()
}
