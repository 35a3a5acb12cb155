use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::*;
use crate::event::{Phase, Position, StepRow};
use crate::store::table::Tables;
use crate::untrusted::testing::{grow_sparse, make_pipe};

fn row(phase: Phase, step: u64, values: &[(&str, f64)]) -> StepRow {
    StepRow {
        phase,
        step,
        epoch: step as f64 / 4.0,
        seconds: step as f64 * 0.5,
        values: values.iter().map(|&(k, v)| (k.to_owned(), v)).collect(),
    }
}

/// Two rows a block; the teacher's and then the student's.
fn blocks() -> Vec<Vec<StepRow>> {
    vec![
        vec![
            row(Phase::Teacher, 0, &[("loss/truth", 2.5)]),
            row(Phase::Teacher, 1, &[("loss/truth", 2.25)]),
        ],
        vec![
            row(Phase::Student, 0, &[("loss/distill", 1.0), ("knob/w", 0.9)]),
            row(Phase::Student, 10, &[("loss/distill", 0.5)]),
        ],
        vec![row(Phase::Student, 20, &[("loss/distill", f64::INFINITY)])],
    ]
}

fn written(path: &Path, blocks: &[Vec<StepRow>]) {
    let mut writer = SeriesWriter::append_to(path).unwrap();
    for rows in blocks {
        for row in rows {
            writer.push(row.clone()).unwrap();
        }
        writer.flush().unwrap();
    }
    writer.sync().unwrap();
}

/// What can be read, and what was passed over.
fn read_leniently(path: &Path) -> (Tables, Option<String>) {
    let mut tables = Tables::default();
    let mut reader = SeriesReader::new(path);
    let error = reader.read_into(&mut tables).err();
    let problem = error.map(|error| error.to_string());
    (tables, problem.or(reader.problem()))
}

fn read(path: &Path) -> Result<Tables, SeriesError> {
    let mut tables = Tables::default();
    let mut reader = SeriesReader::new(path);
    reader.read_into(&mut tables)?;
    assert_eq!(reader.problem(), None);
    Ok(tables)
}

fn folded<'a>(rows: impl IntoIterator<Item = &'a StepRow>) -> Tables {
    let mut tables = Tables::default();
    for row in rows {
        tables.of_mut(row.phase).push(row);
    }
    tables
}

#[test]
fn a_series_cut_at_any_byte_gives_every_complete_block_and_can_be_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    let ends: Vec<usize> = (0..=3)
        .map(|n| {
            let _ = fs::remove_file(&path);
            written(&path, &blocks()[..n]);
            fs::read(&path).unwrap().len()
        })
        .collect();
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let complete = ends.iter().filter(|&&end| end <= cut).count().max(1) - 1;
        let expected = folded(blocks()[..complete].iter().flatten());
        assert_eq!(read(&path).unwrap(), expected, "cut at {cut}");

        let more = row(Phase::Student, 30, &[("loss/distill", 0.25)]);
        written(&path, &[vec![more.clone()]]);
        let expected = folded(blocks()[..complete].iter().flatten().chain([&more]));
        assert_eq!(read(&path).unwrap(), expected, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_is_never_read_as_a_number_and_costs_no_more_than_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    written(&path, &blocks());
    let whole = fs::read(&path).unwrap();
    let without = |damaged: usize| {
        let mut kept = blocks();
        kept.remove(damaged);
        folded(kept.iter().flatten())
    };
    let mut begin = 16;
    for (number, rows) in blocks().iter().enumerate() {
        let length = block::rows(rows).unwrap().len();
        for at in begin..begin + length {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            let (tables, problem) = read_leniently(&path);
            let is_last = number + 1 == blocks().len();
            if at < begin + block::HEADER {
                // Where the next block begins is no longer known.
                let before = folded(blocks()[..number].iter().flatten());
                assert_eq!(tables, before, "flipped at {at}");
                let problem = problem.unwrap();
                assert!(
                    problem.contains(&format!("byte {begin} is damaged")),
                    "{problem}"
                );
            } else {
                assert_eq!(tables, without(number), "flipped at {at}");
                assert_eq!(problem.is_none(), is_last, "flipped at {at}");
            }
        }
        begin += length;
    }
}

#[test]
fn several_damaged_blocks_are_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    let rows: Vec<Vec<StepRow>> = (0..4)
        .map(|step| vec![row(Phase::Student, step, &[("loss/total", 1.0)])])
        .collect();
    written(&path, &rows);
    let mut bytes = fs::read(&path).unwrap();
    let length = (bytes.len() - 16) / 4;
    for number in [1, 2] {
        bytes[16 + number * length + block::HEADER] ^= 1;
    }
    fs::write(&path, &bytes).unwrap();
    let (tables, problem) = read_leniently(&path);
    assert_eq!(tables, folded([&rows[0][0], &rows[3][0]]));
    assert!(problem.unwrap().ends_with("(and another block)"));
}

#[test]
fn damage_in_the_middle_is_an_error_and_nothing_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    written(&path, &blocks());
    let mut bytes = fs::read(&path).unwrap();
    bytes[16 + 12] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    let error = SeriesWriter::append_to(&path).unwrap_err().to_string();
    assert!(error.contains("the block at byte 16 is damaged"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn zeros_after_the_last_block_are_a_torn_end_however_many_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    written(&path, &blocks());
    let length = fs::metadata(&path).unwrap().len();
    for zeros in [1, 100, 1 << 40] {
        grow_sparse(&path, zeros);
        assert_eq!(read(&path).unwrap(), folded(blocks().iter().flatten()));
        drop(SeriesWriter::append_to(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
    }
    // So is a last block of which only the beginning reached the disk.
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 8..].fill(0);
    fs::write(&path, &bytes).unwrap();
    grow_sparse(&path, 1 << 40);
    assert_eq!(read(&path).unwrap(), folded(blocks()[..2].iter().flatten()));
}

#[test]
fn a_block_that_claims_more_than_a_block_may_have_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    written(&path, &blocks()[..1]);
    let mut bytes = fs::read(&path).unwrap();
    let begin = bytes.len();
    bytes.extend(block::rows(&blocks()[1]).unwrap());
    bytes[begin + 12..begin + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[begin..begin + 28]);
    bytes[begin + 28..begin + 32].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    grow_sparse(&path, 1 << 40);
    let (tables, problem) = read_leniently(&path);
    assert_eq!(tables, folded(&blocks()[0]));
    assert!(problem.unwrap().contains("is damaged"));
}

#[test]
fn rows_of_very_many_metrics_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    let names: Vec<String> = (0..3000).map(|number| format!("m{number}")).collect();
    let values: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
    let rows: Vec<StepRow> = (0..400)
        .map(|step| row(Phase::Student, step, &values))
        .collect();
    written(&path, std::slice::from_ref(&rows));
    assert_eq!(read(&path).unwrap(), folded(&rows));
}

#[test]
fn a_pipe_is_an_error_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    make_pipe(&path);
    for error in [
        read(&path).unwrap_err(),
        SeriesWriter::append_to(&path).unwrap_err(),
    ] {
        assert!(
            error
                .to_string()
                .ends_with("it is a pipe, not a regular file")
        );
    }
}

#[test]
fn files_of_others_and_of_the_future_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    fs::write(&path, "something else altogether").unwrap();
    assert!(matches!(read(&path), Err(SeriesError::NotASeries { .. })));
    fs::write(&path, b"WBSERIES\x09\0\0\0\0\0\0\0").unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("has version 9, and this version reads up to 1"));
}

#[test]
fn a_rewind_voids_the_later_rows_even_when_no_row_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    written(&path, &blocks());
    let mut writer = SeriesWriter::append_to(&path).unwrap();
    let position = Position {
        phase: Phase::Student,
        step: 10,
    };
    writer.rewind(position).unwrap();
    let kept = folded(blocks().iter().flatten().take(3));
    assert_eq!(read(&path).unwrap(), kept);
}

#[test]
fn a_reader_follows_a_series_that_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    let mut reader = SeriesReader::new(&path);
    let mut tables = Tables::default();
    assert!(!reader.read_into(&mut tables).unwrap());
    for n in 0..3 {
        written(&path, &blocks()[n..=n]);
        assert!(reader.read_into(&mut tables).unwrap());
        assert_eq!(tables, folded(blocks()[..=n].iter().flatten()));
        assert!(!reader.read_into(&mut tables).unwrap());
    }
}

#[test]
fn more_rows_than_a_block_holds_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.bin");
    let rows: Vec<StepRow> = (0..3000)
        .map(|step| row(Phase::Student, step, &[("loss/total", step as f64)]))
        .collect();
    written(&path, std::slice::from_ref(&rows));
    assert_eq!(read(&path).unwrap(), folded(&rows));
}

fn any_rows() -> impl Strategy<Value = Vec<StepRow>> {
    let values = prop::collection::btree_map("[a-zü/]{0,8}", any::<f64>(), 0..5);
    let row = (
        any::<bool>(),
        1..1000_u64,
        any::<f64>(),
        any::<f64>(),
        values,
    );
    prop::collection::vec(row, 0..60).prop_map(|rows| {
        let mut steps = BTreeMap::from([(Phase::Teacher, 0), (Phase::Student, 0)]);
        rows.into_iter()
            .map(|(student, gap, epoch, seconds, values)| {
                let phase = if student {
                    Phase::Student
                } else {
                    Phase::Teacher
                };
                let step = steps.entry(phase).or_default();
                *step += gap;
                StepRow {
                    phase,
                    step: *step,
                    epoch,
                    seconds,
                    values,
                }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn any_rows_in_any_blocks_come_back(rows in any_rows(), size in 1..9_usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.bin");
        let blocks: Vec<Vec<StepRow>> = rows.chunks(size).map(<[_]>::to_vec).collect();
        written(&path, &blocks);
        prop_assert_eq!(read(&path).unwrap(), folded(&rows));
    }
}
