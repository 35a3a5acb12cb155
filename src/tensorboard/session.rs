//! What a run was and what came of it, for the HPARAMS tab: its configuration and its
//! final metrics.
//!
//! There is no `Experiment` message, which names columns in advance: TensorBoard takes
//! the first that it finds, and would leave out what only other runs have. Without one
//! it makes the columns of all runs that it is shown, those that differ first.

use std::collections::BTreeMap;
use std::io::{self, Write};

use prost::Message as _;

use super::event_file::{At, EventFile, code};
use super::proto::{
    HParam, HParamValue, HParams, HParamsPluginData, SessionEndInfo, SessionStartInfo,
    session_status,
};
use crate::event::Phase;
use crate::experiment::metric::Metric;
use crate::store::{Config, FieldValue, RunEntry, RunState, metrics};

const PLUGIN: &str = "hparams";
const SESSION_START: &str = "_hparams_/session_start_info";
const SESSION_END: &str = "_hparams_/session_end_info";

/// Writes the session of a run: between these moments, seconds since 1970.
pub(super) fn write<W: Write>(
    file: &mut EventFile<W>,
    run: &RunEntry,
    [started, ended]: [f64; 2],
) -> io::Result<()> {
    write_start(file, run, started)?;
    write_end(file, run, ended)
}

/// Writes what is known of the session of a run from its start on.
pub(super) fn write_start<W: Write>(
    file: &mut EventFile<W>,
    run: &RunEntry,
    started: f64,
) -> io::Result<()> {
    let first = At {
        moment: started,
        step: 0,
    };
    if !run.experiment.is_empty() {
        file.text(first, "experiment", fenced(&run.experiment))?;
    }
    if let Some(data) = &run.store.data {
        file.text(first, "classes", numbered(&data.classes))?;
    }
    let start = SessionStartInfo {
        hparams: hparams(&run.frozen().config),
        group_name: run.folder.name(),
        start_time_secs: started,
    };
    let start = content(HParams::SessionStartInfo(start));
    file.plugin(first, SESSION_START, PLUGIN, start)
}

/// Writes what came of it.
fn write_end<W: Write>(file: &mut EventFile<W>, run: &RunEntry, ended: f64) -> io::Result<()> {
    let last = At {
        moment: ended,
        step: run.store.completed(Phase::Student),
    };
    for metric in Metric::NAMES.iter().filter_map(|name| name.parse().ok()) {
        let metric: Metric = metric;
        let evaluation = metrics::evaluation(&run.store, &metric);
        let step = evaluation.map_or(last.step, |evaluation| evaluation.step);
        let value = run.metric(&metric).map(|value| (metric.to_string(), value));
        file.scalars(At { step, ..last }, value)?;
    }
    let end = SessionEndInfo {
        status: status(run.state()),
        end_time_secs: ended,
    };
    let end = content(HParams::SessionEndInfo(end));
    file.plugin(last, SESSION_END, PLUGIN, end)
}

fn content(data: HParams) -> Vec<u8> {
    let data = HParamsPluginData {
        version: 0,
        data: Some(data),
    };
    data.encode_to_vec()
}

fn status(state: RunState) -> i32 {
    match state {
        RunState::Completed => session_status::SUCCESS,
        RunState::Failed | RunState::Crashed => session_status::FAILURE,
        RunState::Training | RunState::Paused => session_status::RUNNING,
        RunState::Stopped | RunState::New => session_status::UNKNOWN,
    }
}

fn hparams(config: &Config) -> BTreeMap<String, HParam> {
    let fields = config.listed();
    let fields = fields.map(|(path, values, text)| {
        let kind = Some(hparam(values, text));
        (path.to_owned(), HParam { kind })
    });
    fields.collect()
}

/// A number or truth value as such, and as text what else it is or was changed to.
fn hparam(values: &[FieldValue], text: &str) -> HParamValue {
    let number = match values {
        [value] => value.number.filter(|number| number.is_finite()),
        _ => None,
    };
    match (text, number) {
        ("true" | "false", _) => HParamValue::Bool(text == "true"),
        // A schedule that starts with a number is more than that.
        (text, Some(number)) if text.parse::<f64>().is_ok() => HParamValue::Number(number),
        (text, _) => HParamValue::Text(text.to_owned()),
    }
}

/// A text as a block of code in Markdown, between more backticks than it holds in a row.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}ron\n{}\n{fence}\n", text.trim_end())
}

/// Names of classes in Markdown, as rows and columns of a confusion matrix are in order.
fn numbered(classes: &[String]) -> String {
    let rows = (1..).zip(classes);
    let rows = rows.map(|(row, class)| format!("| {row} | {} |\n", code(class)));
    format!("| row | class |\n|--:|---|\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Frozen;

    #[test]
    fn fields_are_numbers_truth_values_or_texts_and_a_schedule_is_one_field() {
        let text = "Experiment(data: (train: Shapes(count: 9)), student: (model: Mlp(hidden: [8])), \
                    method: Scratch(), epochs: 3, lr: Cosine(from: 0.123456, to: 0.0), \
                    optimizer: Sgd(nesterov: true, weight_decay: 1e-4))";
        let found = hparams(&Frozen::read(text).config);
        let value = |path: &str| found.get(path).and_then(|it| it.kind.clone());
        let text = |text: &str| Some(HParamValue::Text(text.to_owned()));
        assert_eq!(value("epochs"), Some(HParamValue::Number(3.0)));
        assert_eq!(value("optimizer.nesterov"), Some(HParamValue::Bool(true)));
        assert_eq!(
            value("optimizer.weight_decay"),
            Some(HParamValue::Number(1e-4))
        );
        assert_eq!(value("method"), text("Scratch"));
        assert_eq!(value("student.model.hidden"), text("[8]"));
        assert_eq!(value("lr"), text("cosine 0.1235 to 0"));
        assert_eq!(value("lr.from"), None);
        let constant = Frozen::read(
            "Experiment(data: (train: Shapes(count: 9)), student: (model: Mlp(hidden: [8])), \
             method: Scratch(), epochs: 3, lr: Constant(0.123456))",
        );
        let found = hparams(&constant.config);
        assert_eq!(found["lr"].kind, Some(HParamValue::Number(0.123_456)));
    }

    #[test]
    fn no_text_ends_its_block_of_code() {
        assert_eq!(fenced("a\n"), "```ron\na\n```\n");
        assert_eq!(fenced("// ```` b"), "`````ron\n// ```` b\n`````\n");
    }
}
