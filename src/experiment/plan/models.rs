//! Sizes of models.

use std::fmt::Display;

use super::checks::between;
use crate::experiment::architecture;
use crate::experiment::model::Model;
use crate::experiment::problem::Problem;
use crate::experiment::spec::{Source, Spec, TeacherSpec};

/// Wider layers are taken for a slip.
const MAX_WIDTH: usize = 16_384;

/// What too many poolings do.
const POOLED_AWAY: &str = "pooling layers reduce the image to nothing";

/// More layers are taken for a slip.
const MAX_LAYERS: usize = 64;

/// Problems of the teacher's and the student's model.
pub(super) fn problems(spec: &Spec) -> Vec<Problem> {
    let size = known_size(spec);
    let teachers = spec.teacher.iter().flat_map(TeacherSpec::asked);
    let teacher = teachers.flat_map(|(place, teacher)| {
        let size = match teacher.size {
            Some((height, width)) => Some(height.min(width)),
            None => size,
        };
        let model = teacher.model.iter();
        model
            .flat_map(move |model| model_problems(model, size))
            .map(move |problem| located(problem, &format!("{place}.model")))
    });
    let student = model_problems(&spec.student.model, size)
        .into_iter()
        .map(|problem| located(problem, "student.model"));
    teacher.chain(student).collect()
}

/// Under its model; what the images' size decides does not depend on the model
/// alone.
fn located(problem: Problem, place: &str) -> Problem {
    let about_size = problem.message.contains(POOLED_AWAY);
    let problem = problem.under(place);
    if about_size {
        problem.depends_on("data")
    } else {
        problem
    }
}

/// The shorter side of the images, where the file names it.
fn known_size(spec: &Spec) -> Option<u32> {
    match (&spec.data.size, &spec.data.train) {
        (Some((height, width)), _) => Some((*height).min(*width)),
        (None, Source::Shapes(shapes)) => Some(shapes.size),
        (None, Source::Cifar10(_) | Source::Cifar100(_)) => Some(32),
        (None, _) => None,
    }
}

fn model_problems(model: &Model, size: Option<u32>) -> Vec<Problem> {
    let mut problems = Vec::new();
    match model {
        Model::Mlp { hidden } => layers(&mut problems, "Mlp.hidden", hidden),
        Model::Cnn { channels } => {
            layers(&mut problems, "Cnn.channels", channels);
            // Each convolution is followed by 2×2 pooling.
            let smallest = 2_u32.checked_pow(u32::try_from(channels.len()).unwrap_or(u32::MAX));
            if let Some(size) = size
                && smallest.is_none_or(|smallest| smallest > size)
            {
                problems.push(
                    Problem::new(
                        "Cnn.channels",
                        format!("{} {POOLED_AWAY} ({size} pixels)", channels.len()),
                    )
                    .help("use fewer convolutions or larger images (data.size)"),
                );
            }
        }
        Model::ResNetCifar { depth, width } => {
            depth_of_form(&mut problems, "ResNetCifar.depth", *depth, 2);
            sized(&mut problems, "ResNetCifar.width", *width);
        }
        Model::WideResNet { depth, width } => {
            depth_of_form(&mut problems, "WideResNet.depth", *depth, 4);
            sized(&mut problems, "WideResNet.width", *width);
        }
        Model::Vgg { depth } => {
            one_of(
                &mut problems,
                "Vgg.depth",
                "depth",
                *depth,
                &[8, 11, 13, 16],
            );
        }
        Model::ResNet { depth, .. } => {
            one_of(
                &mut problems,
                "ResNet.depth",
                "depth",
                *depth,
                &[18, 34, 50],
            );
        }
        Model::MobileNetV2 { width, .. } => between(
            &mut problems,
            "MobileNetV2.width",
            f64::from(*width),
            0.05,
            10.0,
        ),
        Model::ShuffleNetV2 { width, .. } => {
            let known = architecture::SHUFFLE_NET_WIDTHS;
            one_of(&mut problems, "ShuffleNetV2.width", "width", *width, &known);
        }
        Model::PpLcNet { width, .. } => {
            let known = architecture::PP_LC_NET_WIDTHS;
            one_of(&mut problems, "PpLcNet.width", "width", *width, &known);
        }
        Model::MobileNetV3 { .. } | Model::EfficientNet { .. } | Model::RegNet { .. } => {}
    }
    problems
}

fn layers(problems: &mut Vec<Problem>, path: &str, widths: &[usize]) {
    if widths.is_empty() {
        problems.push(Problem::new(path, "there is no layer").help("write [32, 64]"));
    }
    if widths.len() > MAX_LAYERS {
        problems.push(Problem::new(
            path,
            format!("{} layers are more than {MAX_LAYERS}", widths.len()),
        ));
    }
    for (i, width) in widths.iter().enumerate() {
        sized(problems, &format!("{path}[{i}]"), *width);
    }
}

fn sized(problems: &mut Vec<Problem>, path: &str, width: usize) {
    between(problems, path, width as f64, 1.0, MAX_WIDTH as f64);
}

/// Greatest n of a depth 6n + 2 or 6n + 4.
const MOST_BLOCKS: usize = 200;

/// Depths 6n + `rest` with n from 1.
fn depth_of_form(problems: &mut Vec<Problem>, path: &str, depth: usize, rest: usize) {
    let most = 6 * MOST_BLOCKS + rest;
    if depth > most {
        problems.push(
            Problem::new(path, format!("{depth} is greater than {most}"))
                .help(format!("write {most} or less, of the form 6n + {rest}")),
        );
        return;
    }
    let valid = depth >= 6 + rest && (depth - rest).is_multiple_of(6);
    if !valid {
        let below = depth.saturating_sub(rest) / 6;
        let nearest: Vec<String> = [
            below.clamp(1, MOST_BLOCKS),
            (below + 1).clamp(1, MOST_BLOCKS),
        ]
        .into_iter()
        .map(|n| (6 * n + rest).to_string())
        .collect();
        let nearest = if nearest[0] == nearest[1] {
            nearest[0].clone()
        } else {
            nearest.join(" or ")
        };
        problems.push(
            Problem::new(
                path,
                format!("{depth} is not a depth of the form 6n + {rest}"),
            )
            .help(format!("write {nearest}")),
        );
    }
}

fn one_of<T: Copy + PartialEq + Display>(
    problems: &mut Vec<Problem>,
    path: &str,
    what: &str,
    value: T,
    known: &[T],
) {
    if !known.contains(&value) {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        problems.push(
            Problem::new(path, format!("there is no {what} {value} of this family"))
                .help(format!("valid values are {}", known.join(", "))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(model: &Model, size: Option<u32>) -> Vec<String> {
        model_problems(model, size)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_depth_off_the_form_names_its_neighbours() {
        let messages = messages(
            &Model::ResNetCifar {
                depth: 18,
                width: 16,
            },
            None,
        );
        assert_eq!(
            messages,
            ["ResNetCifar.depth: 18 is not a depth of the form 6n + 2 (write 14 or 20)"]
        );
    }

    #[test]
    fn a_depth_beyond_the_limit_names_the_limit() {
        let refused = |depth| messages(&Model::ResNetCifar { depth, width: 16 }, None);
        let expected = "ResNetCifar.depth: 6000002 is greater than 1202 (write 1202 or less, of the form 6n + 2)";
        assert_eq!(refused(6_000_002), [expected]);
        assert!(refused(1202).is_empty());
    }

    #[test]
    fn every_published_depth_is_a_depth() {
        for depth in [8, 14, 20, 32, 44, 56, 110] {
            assert!(messages(&Model::ResNetCifar { depth, width: 16 }, None).is_empty());
        }
        for depth in [10, 16, 22, 28, 40] {
            assert!(messages(&Model::WideResNet { depth, width: 2 }, None).is_empty());
        }
        for depth in [0, 2, 9] {
            assert_eq!(
                messages(&Model::ResNetCifar { depth, width: 16 }, None).len(),
                1
            );
        }
    }

    #[test]
    fn pooling_an_image_away_is_refused_where_its_size_is_known() {
        let model = Model::Cnn {
            channels: vec![8; 5],
        };
        assert_eq!(messages(&model, Some(16)).len(), 1);
        assert!(messages(&model, Some(32)).is_empty());
        assert!(messages(&model, None).is_empty());
    }
}
