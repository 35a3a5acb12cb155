//! What the machine does.
//!
//! ```text
//! ─ machine ────────────────────────
//! cpu  73 %  ▁▂▅▇▇▆▇▇▇▇▇▇
//! cores ▇▇▁▂▇▇▁▁
//! memory 5.1 of 15.6 GB
//! process 812 MB
//! GPU 0 A100  97 %  12.1 of 40.0 GB
//! ```

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::format::bytes;
use crate::ui::news::MachineSample;
use crate::ui::theme::Theme;

/// Bars of rising height.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// From this share on the processor counts as fully used.
const FULL: f32 = 0.95;

pub(super) fn draw(
    samples: &VecDeque<MachineSample>,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    frame.render_widget(Paragraph::new(lines(samples, area.width, theme)), area);
}

/// What it does, for a line, each with how far it can be done without.
pub(super) fn summary(samples: &VecDeque<MachineSample>) -> Vec<(u8, String)> {
    let Some(last) = samples.back() else {
        return Vec::new();
    };
    let (used, all) = (gigabytes(last.memory.0), gigabytes(last.memory.1));
    let mut parts = vec![
        (0, format!("cpu {:.0} %", 100.0 * busy(last))),
        (2, format!("memory {used} of {all} GB")),
        (3, format!("this process {}", bytes(last.process_memory))),
    ];
    let gpus = last.gpus.iter().enumerate().map(|(number, gpu)| {
        let (busy, memory) = (100.0 * clean(gpu.busy), gigabytes(gpu.memory.0));
        (1, format!("gpu{number} {busy:.0} % {memory} GB"))
    });
    parts.extend(gpus);
    parts
}

fn lines(samples: &VecDeque<MachineSample>, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let Some(last) = samples.back() else {
        return vec![Line::styled("not measured yet", theme.muted())];
    };
    let name = |text: &str| Span::styled(format!(" {text:<8}"), theme.muted());
    let history = |value: &dyn Fn(&MachineSample) -> Option<f32>| -> String {
        let room = usize::from(width).saturating_sub(17);
        let from = samples.len().saturating_sub(room);
        samples
            .iter()
            .skip(from)
            .filter_map(value)
            .map(bar)
            .collect()
    };
    let total = busy(last);
    let style = if total >= FULL {
        theme.accent()
    } else {
        theme.text()
    };
    let mut lines = vec![
        Line::from(vec![
            name("cpu"),
            Span::styled(format!("{:>4.0} %  ", 100.0 * total), style),
            Span::styled(history(&|sample| Some(busy(sample))), theme.series(0)),
        ]),
        Line::from(vec![
            name("cores"),
            Span::raw(last.cores.iter().map(|core| bar(*core)).collect::<String>()),
        ]),
        Line::from(vec![
            name("memory"),
            Span::raw(format!(
                "{} of {} GB",
                gigabytes(last.memory.0),
                gigabytes(last.memory.1)
            )),
        ]),
        Line::from(vec![name("process"), Span::raw(bytes(last.process_memory))]),
    ];
    for (number, gpu) in last.gpus.iter().enumerate() {
        lines.push(Line::from(vec![
            name(&format!("gpu {number}")),
            Span::raw(format!("{:>4.0} %  ", 100.0 * clean(gpu.busy))),
            Span::styled(
                history(&|sample| sample.gpus.get(number).map(|gpu| gpu.busy)),
                theme.series(1),
            ),
        ]));
        lines.push(Line::from(vec![
            name(""),
            Span::raw(format!(
                "{} of {} GB  ",
                gigabytes(gpu.memory.0),
                gigabytes(gpu.memory.1)
            )),
            Span::styled(gpu.name.clone(), theme.muted()),
        ]));
    }
    lines
}

/// Mean over the cores.
fn busy(sample: &MachineSample) -> f32 {
    let sum: f32 = sample.cores.iter().map(|core| clean(*core)).sum();
    sum / sample.cores.len().max(1) as f32
}

fn clean(share: f32) -> f32 {
    if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    }
}

fn bar(share: f32) -> char {
    BARS[((clean(share) * 8.0) as usize).min(7)]
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e9)
}
