//! A run's numbers as a table for other programs.

use std::io::{self, Write};

use super::run_store::RunStore;
use super::table::Series;
use crate::event::Phase;

/// Columns before the metrics.
const SHARED: [&str; 3] = ["step", "epoch", "seconds"];

/// Writes one training's logged steps as CSV: a row a step with its number from
/// 0, its time in epochs, the seconds that it took to come there, and
/// every metric in the order of their names. Numbers are written so that they
/// read back the same; where there is none, nothing is written.
///
/// # Errors
/// What `out` says.
pub fn write_csv(store: &RunStore, phase: Phase, out: &mut impl Write) -> io::Result<()> {
    let table = store.table(phase);
    let metrics: Vec<&str> = table.metrics().collect();
    let series: Vec<Series> = metrics
        .iter()
        .filter_map(|name| table.series(name))
        .collect();
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(SHARED.iter().chain(&metrics))?;
    for (row, ((step, epoch), seconds)) in table
        .steps
        .iter()
        .zip(&table.epochs)
        .zip(&table.seconds)
        .enumerate()
    {
        csv.write_field(step.to_string())?;
        let values = series.iter().map(|metric| metric.values[row]);
        for value in [*epoch, *seconds].into_iter().chain(values) {
            csv.write_field(if value.is_nan() {
                String::new()
            } else {
                value.to_string()
            })?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::event::{RunEvent, StepRow};
    use crate::store::testing::small_run;

    fn written(store: &RunStore, phase: Phase) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        write_csv(store, phase, &mut out).unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(out.as_slice());
        reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn every_logged_step_is_a_row_with_every_metric() {
        let mut store = RunStore::new();
        for event in small_run() {
            store.apply(&event);
        }
        let rows = written(&store, Phase::Student);
        assert_eq!(rows.len(), 1 + 12);
        assert_eq!(rows[0][..4], ["step", "epoch", "seconds", "knob/lr"]);
        assert_eq!(rows[2][..4], ["1", "0.25", "1", "0.1"]);
        assert_eq!(written(&store, Phase::Teacher).len(), 1 + 8);
    }

    #[test]
    fn a_gap_is_empty_and_every_number_reads_back_the_same() {
        let mut store = RunStore::new();
        let values = [1e-300, 0.1 + 0.2, f64::NAN, f64::INFINITY];
        for (step, value) in (0..).zip(values) {
            store.apply(&RunEvent::StepLogged(StepRow {
                phase: Phase::Student,
                step,
                epoch: 0.0,
                seconds: 0.0,
                values: BTreeMap::from([("loss/a, \"b\"".to_owned(), value)]),
            }));
        }
        let rows = written(&store, Phase::Student);
        assert_eq!(rows[0][3], "loss/a, \"b\"");
        assert_eq!(rows[3][3], "");
        for (row, value) in rows[1..].iter().zip(values) {
            let back: f64 = row[3].parse().unwrap_or(f64::NAN);
            assert_eq!(back.to_bits(), value.to_bits());
        }
    }

    #[test]
    fn a_training_that_logged_nothing_is_a_header() {
        let rows = written(&RunStore::new(), Phase::Student);
        assert_eq!(rows, [["step", "epoch", "seconds"]]);
    }
}
