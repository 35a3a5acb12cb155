//! The models of the plan: how large, and how much smaller.
//!
//! ```text
//! Models                 params     MACs  in memory
//! teacher  CNN 16-32-64  24.0 k    701 k    97.0 kB
//! student  CNN 4-8-16    1.69 k   64.6 k    6.98 kB
//! compression             14.2x    10.8x      14.2x
//! ```

use ratatui::text::{Line, Span};

use super::outline::{Outline, Size};
use super::panel::{LABEL, Page, Part};
use crate::format::{bytes, scaled, shorten, times};

/// Least columns of a model's name.
const NAME: usize = 14;

/// Columns of a model's sizes.
const SIZES: usize = 28;

const UNKNOWN: &str = "known after the first run";

impl Page<'_> {
    pub(super) fn models(&self, outline: &Outline) -> Part {
        let known: Vec<&Size> = outline
            .models
            .iter()
            .filter_map(|model| model.size.as_ref())
            .collect();
        let ratios = match known[..] {
            [teacher, student] => {
                let times = |of: fn(&Size) -> f64| times(of(teacher) / of(student).max(1.0));
                Some([
                    times(|s| s.parameters as f64),
                    times(Size::macs_or_nan),
                    times(|s| s.bytes as f64),
                ])
            }
            _ => None,
        };
        if self.width >= LABEL + NAME + SIZES {
            self.model_table(outline, ratios)
        } else {
            self.model_rows(outline, ratios)
        }
    }

    /// A row for each model, with columns.
    fn model_table(&self, outline: &Outline, ratios: Option<[String; 3]>) -> Part {
        let name = self.width - LABEL - SIZES;
        let columns = |cells: [String; 3]| {
            let [weights, macs, bytes] = cells;
            format!("{weights:>8} {macs:>8} {bytes:>10}")
        };
        let head = ["params", "MACs", "in memory"].map(ToOwned::to_owned);
        let heading = Line::from(vec![
            Span::styled(
                format!("{:1$}", "Models", LABEL + name),
                self.theme.accent(),
            ),
            Span::styled(columns(head), self.theme.muted()),
        ]);
        let mut rows = Vec::new();
        for model in &outline.models {
            let sizes = match &model.size {
                Some(size) => columns(cells(size)),
                None => format!("{UNKNOWN:>SIZES$}"),
            };
            let shown = shorten(&model.name, name - 1);
            let text = format!("{shown:name$}{sizes}");
            rows.push(self.line(model.role, text));
        }
        if let Some(ratios) = ratios {
            let label = format!("{:1$}", "compression", LABEL + name);
            rows.push(Line::from(vec![
                Span::styled(label, self.theme.muted()),
                Span::styled(columns(ratios), self.theme.good()),
            ]));
        }
        Part {
            heading: Some(heading),
            rows,
        }
    }

    /// Two rows for each model, where columns do not fit.
    fn model_rows(&self, outline: &Outline, ratios: Option<[String; 3]>) -> Part {
        let mut rows = Vec::new();
        for model in &outline.models {
            let [name, sizes] = match model.size.as_ref().map(cells) {
                Some([weights, macs, bytes]) => [
                    format!("{}, {bytes} in memory", model.name),
                    format!("{weights} params, {macs} MACs"),
                ],
                None => [model.name.clone(), UNKNOWN.to_owned()],
            };
            rows.extend(self.row(model.role, &name));
            rows.extend(self.row("", &sizes));
        }
        if let Some([weights, macs, _]) = ratios {
            rows.extend(self.row("compression", &format!("{weights} params, {macs} MACs")));
        }
        Part {
            heading: Some(self.heading("Models")),
            rows,
        }
    }
}

/// The sizes of a model.
fn cells(size: &Size) -> [String; 3] {
    [
        scaled(size.parameters as f64),
        scaled(size.macs_or_nan()),
        bytes(size.bytes),
    ]
}
