//! Gates: metrics that exist, bounds that can hold.

use super::Plan;
use super::paths::Paths;
use crate::experiment::metric::{Metric, MetricSplit, MetricWeights};
use crate::experiment::nearest::nearest;
use crate::experiment::problem::Problem;
use crate::experiment::spec::{Bound, Gate, Spec};
use crate::untrusted::Show as _;

/// The gates with their runs' paths resolved.
pub(super) fn planned(spec: &Spec, paths: &Paths, problems: &mut Vec<Problem>) -> Vec<Gate> {
    spec.gates
        .iter()
        .enumerate()
        .filter_map(|(i, gate)| {
            let mut found = Vec::new();
            let planned = match gate {
                Gate::AtLeast(name, bound) => check(spec, name, bound, paths, &mut found)
                    .map(|bound| Gate::AtLeast(name.clone(), bound)),
                Gate::AtMost(name, bound) => check(spec, name, bound, paths, &mut found)
                    .map(|bound| Gate::AtMost(name.clone(), bound)),
            };
            let place = match gate {
                Gate::AtLeast(..) => format!("gates[{i}].AtLeast"),
                Gate::AtMost(..) => format!("gates[{i}].AtMost"),
            };
            problems.extend(found.into_iter().map(|problem| Problem {
                path: problem.path.replacen("gate", &place, 1),
                ..problem
            }));
            planned
        })
        .collect()
}

impl Plan {
    /// A gate on a class that the images do not have.
    #[must_use]
    pub fn gate_without_class(&self, classes: &[String]) -> Option<Problem> {
        let gates = self.gates.iter().enumerate();
        gates.into_iter().find_map(|(i, gate)| {
            let (Gate::AtLeast(name, _) | Gate::AtMost(name, _)) = gate;
            let class = name.parse::<Metric>().ok()?.class?;
            if classes.contains(&class) {
                return None;
            }
            let message = format!("`{}`: there is no class `{}`", name.shown(), class.shown());
            let problem = Problem::new(format!("gates[{i}]"), message);
            let near = nearest(&class, classes.iter().map(String::as_str));
            Some(match near {
                Some(near) => problem.help(format!("did you mean `{}`?", near.shown())),
                None => problem.help("write the name of one of the classes after the last /"),
            })
        })
    }

    /// Whether a gate asks how fast the student is, so that the run measures it.
    #[must_use]
    pub fn measures_student(&self) -> bool {
        let is_bench = |name: &str| {
            let metric = name.parse::<Metric>();
            metric.is_ok_and(|metric| metric.split == MetricSplit::Bench)
        };
        self.gates.iter().any(|gate| match gate {
            Gate::AtLeast(name, _) | Gate::AtMost(name, _) => is_bench(name),
        })
    }
}

/// Paths begin with `gate`.
fn check(
    spec: &Spec,
    name: &str,
    bound: &Bound,
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<Bound> {
    match name.parse::<Metric>() {
        Ok(metric) => {
            if metric.split == MetricSplit::Test && spec.data.test.is_none() {
                problems.push(
                    Problem::new(
                        "gate[0]",
                        format!("`{name}` needs test images and there are none"),
                    )
                    .help("add test: … to data, or gate on valid/…")
                    .depends_on("data"),
                );
            }
            if matches!(metric.split, MetricSplit::Export | MetricSplit::Bench)
                && spec.export.is_none()
            {
                problems.push(
                    Problem::new(
                        "gate[0]",
                        format!("`{name}` needs an export and there is none"),
                    )
                    .help("add `export: Onnx` to the experiment"),
                );
            }
            if metric.split == MetricSplit::Test
                && metric.weights == MetricWeights::Last
                && spec.finish.is_some()
            {
                problems.push(
                    Problem::new(
                        "gate[0]",
                        format!(
                            "`{name}` is not evaluated: with `finish` the test images evaluate the best \
                             weights in floats and the best rounded ones"
                        ),
                    )
                    .help("gate on @best, or on export/top1")
                    .depends_on("finish"),
                );
            }
            if metric.needs_teacher() && spec.teacher.is_none() {
                problems.push(
                    Problem::new(
                        "gate[0]",
                        format!("`{name}` needs a teacher and there is none"),
                    )
                    .help("gate on test/top1, or add a teacher")
                    .depends_on("teacher"),
                );
            }
            problems.extend(bound_problem(&metric, bound));
        }
        Err(error) => {
            problems.push(Problem::new("gate[0]", error.to_string()).help(error.remedy()));
        }
    }
    match bound {
        Bound::Value(value) => Some(Bound::Value(*value)),
        Bound::Run { run, tolerance } => Some(Bound::Run {
            run: paths.run_folder(run, "gate[1].Run.run", problems)?,
            tolerance: *tolerance,
        }),
    }
}

fn bound_problem(metric: &Metric, bound: &Bound) -> Option<Problem> {
    match bound {
        Bound::Value(value) if metric.quantity.is_share() && !(0.0..=1.0).contains(value) => {
            let problem = Problem::new(
                "gate[1]",
                format!("{value} is not a share of images, from 0 to 1"),
            );
            Some(if *value > 1.0 && *value <= 100.0 {
                problem.help(format!("write {} for {value} %", value / 100.0))
            } else {
                problem
            })
        }
        Bound::Value(value) if *value < 0.0 => Some(Problem::new(
            "gate[1]",
            format!("{value} is below 0, which `{metric}` never is"),
        )),
        Bound::Run { tolerance, .. } if *tolerance < 0.0 => Some(Problem::new(
            "gate[1].Run.tolerance",
            format!("{tolerance} is below 0"),
        )),
        _ => None,
    }
}
