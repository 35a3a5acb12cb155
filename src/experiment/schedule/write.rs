//! Schedules as people write them, and as changes of a file that keep how they are written.

use ron::ser::PrettyConfig;

use super::Schedule;

impl Schedule {
    /// As people write it, in one line.
    ///
    /// # Errors
    /// If it has no form in RON.
    pub fn written(&self) -> Result<String, ron::Error> {
        let text = ron::ser::to_string_pretty(self, PrettyConfig::new().depth_limit(0))?;
        // Left out it means the same.
        Ok(text.replace(", epochs: None", ""))
    }

    /// The same shape, so many times as high; values have six digits.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let times = |value: f64| {
            let scaled = value * factor;
            format!("{scaled:.5e}").parse().unwrap_or(scaled)
        };
        let mut scaled = self.clone();
        match &mut scaled {
            Self::Constant(value) => *value = times(*value),
            Self::Linear { from, to, .. } | Self::Cosine { from, to, .. } => {
                (*from, *to) = (times(*from), times(*to));
            }
            Self::Exponential { from, .. } | Self::Steps { from, .. } => *from = times(*from),
            Self::Piecewise(points) => {
                for (_, value) in points {
                    *value = times(*value);
                }
            }
            Self::Warmup { then, .. } => **then = then.scaled(factor),
            Self::Until { first, then, .. } => {
                **first = first.scaled(factor);
                **then = then.scaled(factor);
            }
        }
        scaled
    }

    /// Changes, as `--set` takes them, that give a schedule of the same shape which is
    /// written at `path` the values of this one; a 0 stays.
    #[must_use]
    pub fn values_at(&self, path: &str) -> Vec<String> {
        let value = |field: &str, value: f64| format!("{path}.{field}={value:?}");
        match self {
            Self::Constant(constant) => vec![value("Constant", *constant)],
            Self::Linear { from, to, .. } | Self::Cosine { from, to, .. } => {
                let name = match self {
                    Self::Linear { .. } => "Linear",
                    _ => "Cosine",
                };
                let ends = [("from", *from), ("to", *to)].into_iter();
                let ends = ends.filter(|(_, end)| *end != 0.0);
                ends.map(|(field, end)| value(&format!("{name}.{field}"), end))
                    .collect()
            }
            Self::Exponential { from, .. } => vec![value("Exponential.from", *from)],
            Self::Steps { from, .. } => vec![value("Steps.from", *from)],
            Self::Piecewise(points) => {
                let points = points.iter().map(|point| format!("{point:?}"));
                let points: Vec<String> = points.collect();
                vec![format!("{path}.Piecewise=[{}]", points.join(", "))]
            }
            Self::Warmup { then, .. } => then.values_at(&format!("{path}.Warmup.then")),
            Self::Until { first, then, .. } => {
                let [first, then] = [("first", first), ("then", then)]
                    .map(|(field, part)| part.values_at(&format!("{path}.Until.{field}")));
                [first, then].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::{Override, SourceText, read_changed};

    #[test]
    fn a_schedule_is_scaled_where_it_is_written_and_stays_as_it_is_written() {
        for (before, after) in [
            ("Constant(0.1)", "Constant(0.05)"),
            (
                "Warmup(epochs: 1, /* all */ then: Cosine( from: 0.10, to: 0.0 ))",
                "Warmup(epochs: 1, /* all */ then: Cosine( from: 0.05, to: 0.0 ))",
            ),
            (
                "Linear(from: 0.1, to: 0.01, epochs: 2)",
                "Linear(from: 0.05, to: 0.005, epochs: 2)",
            ),
            (
                "Exponential(from: 0.1, decay: 0.9)",
                "Exponential(from: 0.05, decay: 0.9)",
            ),
            (
                "Steps(from: 1e-1, factor: 0.1, at: [2])",
                "Steps(from: 0.05, factor: 0.1, at: [2])",
            ),
            (
                "Piecewise([(0, 0.1), (2, 0.02)])",
                "Piecewise([(0.0, 0.05), (2.0, 0.01)])",
            ),
            (
                "Until(epochs: 2, first: Constant(0.1), then: Constant(1e-5))",
                "Until(epochs: 2, first: Constant(0.05), then: Constant(5e-6))",
            ),
        ] {
            let text = |lr: &str| {
                format!(
                    "(data: (train: Shapes(classes: 2, count: 40, size: 8)), student: (model: Cnn(channels: [4])), method: Scratch(), lr: {lr}, epochs: 3)"
                )
            };
            let source = SourceText::new(Path::new("a.ron"), text(before));
            let spec = read_changed(&source, &[]).unwrap().spec;
            let scaled = spec.lr.scaled(0.5);
            let changes = scaled.values_at("lr").into_iter();
            let changes: Vec<Override> = changes.map(|it| Override::parse(&it).unwrap()).collect();
            let written = read_changed(&source, &changes).unwrap();
            assert_eq!(written.text, text(after));
            assert_eq!(written.spec.lr, scaled);
            let written: Schedule = ron::from_str(&scaled.written().unwrap()).unwrap();
            assert_eq!(written, scaled);
        }
    }

    #[test]
    fn what_is_left_out_is_not_written() {
        let cosine = Schedule::Cosine {
            from: 0.1,
            to: 0.0,
            epochs: None,
        };
        assert_eq!(cosine.written().unwrap(), "Cosine(from: 0.1, to: 0.0)");
        // 0.1 × 0.3 is not 0.03.
        assert_eq!(cosine.scaled(0.3).start(), 0.03);
    }
}
