use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use prost::Message as _;

use super::event_file::masked_crc32c;
use super::proto::{
    Data, Event, HParamValue, HParams, HParamsPluginData, SessionStartInfo, Value, What,
    session_status,
};
use super::*;
use crate::event::inspection::{Picture, ProbeAnswers, ProbeImage};
use crate::event::testing::run_started;
use crate::event::{Outcome, Position, RunEvent, Split};
use crate::run::RunFolder;
use crate::store::testing::small_run;

const STARTED: u64 = 1_795_441_128;

/// A run of these events.
fn run_of(events: &[RunEvent]) -> RunEntry {
    let started = UNIX_EPOCH + Duration::from_secs(STARTED);
    let mut run = RunEntry::new(RunFolder::imagined("checkpoints/small"), started);
    run.experiment = "Experiment(data: (train: Shapes(count: 9)), student: (model: Mlp(hidden: \
                      [8])), method: Scratch(), epochs: 3)"
        .to_owned();
    for event in events {
        run.store.apply(event);
    }
    run
}

/// The events of a file, whose lengths and checksums are right.
fn events(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut take = |count: usize| {
        let (bytes, after) = rest.split_at(count);
        rest = after;
        (bytes.to_vec(), after.is_empty())
    };
    let mut events = Vec::new();
    loop {
        let (length, _) = take(8);
        let (checksum, _) = take(4);
        assert_eq!(checksum, masked_crc32c(&length).to_le_bytes());
        let length = u64::from_le_bytes(length.try_into().unwrap());
        let (message, _) = take(length as usize);
        let (checksum, is_end) = take(4);
        assert_eq!(checksum, masked_crc32c(&message).to_le_bytes());
        events.push(Event::decode(message.as_slice()).unwrap());
        if is_end {
            return events;
        }
    }
}

/// Every value of a part with its moment and step.
fn values(folder: &Path, part: &str) -> Vec<(f64, i64, Value)> {
    let path = folder
        .join(part)
        .join("events.out.tfevents.1795441128.small");
    let mut events = events(&path).into_iter();
    let first = events.next().unwrap();
    assert_eq!(first.what, Some(What::FileVersion("brain.Event:2".into())));
    let values = events.flat_map(|event| {
        let Some(What::Summary(summary)) = event.what else {
            panic!("{:?}", event.what);
        };
        let with = move |value| (event.wall_time, event.step, value);
        summary.value.into_iter().map(with)
    });
    values.collect()
}

/// The scalars by tag, `(seconds since the start, step, value)`.
fn scalars(folder: &Path, part: &str) -> BTreeMap<String, Vec<(f64, i64, f32)>> {
    let mut found: BTreeMap<String, Vec<(f64, i64, f32)>> = BTreeMap::new();
    for (moment, step, value) in values(folder, part) {
        if let Some(Data::SimpleValue(number)) = value.data {
            let of_tag = found.entry(value.tag).or_default();
            of_tag.push((moment - STARTED as f64, step, number));
        }
    }
    found
}

fn plugin(values: &[(f64, i64, Value)], tag: &str) -> HParams {
    let (.., value) = values.iter().find(|(.., value)| value.tag == tag).unwrap();
    let plugin = value.metadata.clone().unwrap().plugin_data.unwrap();
    assert_eq!(plugin.plugin_name, "hparams");
    let data = HParamsPluginData::decode(plugin.content.as_slice()).unwrap();
    data.data.unwrap()
}

#[test]
fn every_logged_number_is_a_scalar_at_its_step_and_moment() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("events");
    let run = run_of(&small_run());
    let written = write(&folder, &run, None).unwrap();
    assert_eq!(written.files.len(), 3);
    let mut count = 0;
    for (part, phase, begins) in [
        ("teacher", Phase::Teacher, 0.0),
        ("student", Phase::Student, 4.0),
    ] {
        let found = scalars(&folder, part);
        let table = run.store.table(phase);
        for name in table.metrics() {
            let series = table.series(name).unwrap();
            let rows = series.steps.iter().zip(series.seconds).zip(series.values);
            let expected = rows.map(|((&step, seconds), &value)| {
                (begins + seconds, step.cast_signed(), value as f32)
            });
            assert_eq!(found[name], expected.collect::<Vec<_>>(), "{part} {name}");
        }
        count += found
            .values()
            .map(|points| points.len() as u64)
            .sum::<u64>();
    }
    let student = scalars(&folder, "student");
    let top1 = [(6.5, 4, 0.5), (8.5, 8, 0.8), (10.5, 12, 0.7)];
    assert_eq!(student["valid/top1@last"], top1);
    assert_eq!(student["valid/balanced_accuracy@last"].len(), 3);
    assert_eq!(student["test/kl@best"], [(8.5, 8, 0.125)]);
    assert_eq!(student["test/teacher_top1@last"], [(10.5, 12, 0.9)]);
    assert_eq!(scalars(&folder, "teacher")["valid/top1@last"].len(), 2);
    assert!(
        !student.contains_key("valid/top5@last"),
        "two classes have no top-5"
    );
    count += scalars(&folder, "summary").len() as u64;
    assert_eq!((written.scalars, written.images), (count, 3));
}

#[test]
fn the_summary_has_the_experiment_its_fields_and_the_final_metrics() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("events");
    let mut all = small_run();
    all.push(RunEvent::RunEnded(Outcome::Completed));
    write(&folder, &run_of(&all), None).unwrap();
    let found = values(&folder, "summary");
    let (.., text) = found
        .iter()
        .find(|(.., it)| it.tag == "experiment")
        .unwrap();
    let Some(Data::Tensor(tensor)) = &text.data else {
        panic!("{text:?}");
    };
    let code = String::from_utf8(tensor.string_val[0].clone()).unwrap();
    assert!(code.starts_with("```ron\nExperiment(data"), "{code}");
    let (.., classes) = found.iter().find(|(.., it)| it.tag == "classes").unwrap();
    let Some(Data::Tensor(tensor)) = &classes.data else {
        panic!("{classes:?}");
    };
    let table = b"| row | class |\n|--:|---|\n| 1 | `cat` |\n| 2 | `dog` |\n";
    assert_eq!(tensor.string_val, [table]);
    let HParams::SessionStartInfo(start) = plugin(&found, "_hparams_/session_start_info") else {
        panic!();
    };
    let SessionStartInfo {
        hparams,
        group_name,
        start_time_secs,
    } = start;
    assert_eq!(
        (group_name.as_str(), start_time_secs),
        ("small", STARTED as f64)
    );
    assert_eq!(hparams["epochs"].kind, Some(HParamValue::Number(3.0)));
    assert_eq!(
        hparams["method"].kind,
        Some(HParamValue::Text("Scratch".to_owned()))
    );
    let HParams::SessionEndInfo(end) = plugin(&found, "_hparams_/session_end_info") else {
        panic!();
    };
    assert_eq!(end.status, session_status::SUCCESS);
    assert_eq!(end.end_time_secs, STARTED as f64 + 4.0 + 6.0);
    let finals = scalars(&folder, "summary");
    assert_eq!(finals["valid/top1@best"], [(10.0, 8, 0.8)]);
    assert_eq!(finals["test/loss@best"], [(10.0, 8, 0.625)]);
}

#[test]
fn a_resumed_run_goes_forward_in_time_and_one_that_diverged_shows_where() {
    let mut all = small_run();
    all.retain(|event| !matches!(event, RunEvent::Evaluated(it) if it.split == Split::Test));
    let position = Position {
        phase: Phase::Student,
        step: 4,
    };
    let again: Vec<RunEvent> = all.clone();
    all.push(run_started("small", Some(position)));
    for event in again {
        match event {
            RunEvent::StepLogged(mut row) if row.phase == Phase::Student && row.step >= 4 => {
                row.seconds -= 2.0;
                if row.step == 6 {
                    row.values.insert("loss/total".to_owned(), f64::INFINITY);
                    row.values.remove("loss/truth");
                }
                all.push(RunEvent::StepLogged(row));
            }
            RunEvent::Evaluated(mut it) if it.phase == Phase::Student && it.step == 12 => {
                it.loss = f64::NAN;
                all.push(RunEvent::Evaluated(it));
            }
            _ => {}
        }
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("events");
    write(&folder, &run_of(&all), None).unwrap();
    let found = scalars(&folder, "student");
    let total = &found["loss/total"];
    assert_eq!(total.len(), 12);
    assert!(total.is_sorted_by(|a, b| a.0 < b.0), "{total:?}");
    // The teacher's 4 s, 2 s before the resume, and 0.5 s of the process since.
    assert_eq!(total[4].0, 6.5);
    assert_eq!(total[6].2, f32::INFINITY);
    assert_eq!(found["loss/truth"].len(), 11, "a step without it has none");
    assert!(found["valid/loss@last"][1].2.is_nan());
}

#[test]
fn pictures_show_the_confusion_and_what_was_answered_last_on_the_probe() {
    let picture = Picture {
        width: 1,
        height: 2,
        rgb: vec![9; 6],
    };
    let image = |label| ProbeImage {
        source: "a.png".to_owned(),
        label,
        picture: picture.clone(),
        views: Vec::new(),
    };
    let answers = |step, logits: [[f32; 2]; 2]| ProbeAnswers {
        step,
        epoch: 0.0,
        logits: logits.iter().map(|row| row.to_vec()).collect(),
    };
    let probe = Probe {
        classes: vec!["cat".to_owned(), "dog".to_owned()],
        images: vec![image(Some(0)), image(None)],
        teacher: Some(vec![vec![1.0, 0.0], vec![f32::NAN, 0.0]]),
        students: vec![
            answers(4, [[1.0, 0.0], [1.0, 0.0]]),
            answers(12, [[0.0, 1.0], [1.0, 0.0]]),
        ],
    };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("events");
    let written = write(&folder, &run_of(&small_run()), Some(&probe)).unwrap();
    let found = values(&folder, "student");
    let pictures = found
        .iter()
        .filter_map(|(_, step, value)| match &value.data {
            Some(Data::Image(image)) => Some((value.tag.as_str(), *step, image.height)),
            _ => None,
        });
    assert_eq!(
        pictures.collect::<Vec<_>>(),
        [
            ("confusion/valid@last", 12, 97),
            ("confusion/test@best", 8, 97),
            ("probe/01 label cat, teacher cat, student dog", 12, 2),
            ("probe/02 teacher no answer, student cat", 12, 2),
        ]
    );
    // And one of the teacher.
    assert_eq!(written.images, 5);
}

#[test]
fn the_same_run_gives_the_same_bytes_and_only_its_own_folder_is_replaced() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("events");
    let run = run_of(&small_run());
    let files = write(&folder, &run, None).unwrap().files;
    let bytes = || {
        files
            .iter()
            .map(|file| fs::read(file).unwrap())
            .collect::<Vec<_>>()
    };
    let before = bytes();
    assert_eq!(write(&folder, &run, None).unwrap().files, files);
    assert_eq!(bytes(), before);
    assert!(is_written(&folder).unwrap());
    assert!(!is_written(&files[0]).unwrap());
    fs::write(folder.join("student/notes.md"), "mine").unwrap();
    assert!(!is_written(&folder).unwrap());
    let others = place.path().join("others");
    fs::create_dir_all(others.join("images")).unwrap();
    assert!(!is_written(&others).unwrap());
}

#[test]
fn a_run_that_logged_nothing_has_no_events_and_a_name_of_any_length_fits() {
    assert!(!has_events(&run_of(&[])));
    assert!(has_events(&run_of(&small_run())));
    assert_eq!(short("small"), "small");
    let long = "ä".repeat(120);
    assert_eq!(short(&format!("a{long}")).len(), 199);
}

/// The last file of a part: those before it are empty.
fn last_file(folder: &Path, part: &str) -> PathBuf {
    let files = fs::read_dir(folder.join(part)).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let last = files.pop().unwrap();
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().len(), 0, "{file:?}");
    }
    last
}

/// The scalars of a part that is written live, `(step, value)` by tag, and how many entries
/// have a reader forget what is before them.
fn live_scalars(folder: &Path, part: &str) -> (BTreeMap<String, Vec<(i64, f32)>>, usize) {
    let mut found: BTreeMap<String, Vec<(i64, f32)>> = BTreeMap::new();
    let mut restarts = 0;
    for event in events(&last_file(folder, part)) {
        match event.what {
            Some(What::Summary(summary)) => {
                for value in summary.value {
                    if let Some(Data::SimpleValue(number)) = value.data {
                        let of_tag = found.entry(value.tag).or_default();
                        of_tag.push((event.step, number));
                    }
                }
            }
            Some(What::Session(_)) => {
                assert!(found.is_empty(), "after numbers");
                restarts += 1;
            }
            _ => {}
        }
    }
    (found, restarts)
}

/// The same of a whole run that is written at once.
fn whole_scalars(run: &RunEntry, part: &str) -> BTreeMap<String, Vec<(i64, f32)>> {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("events");
    write(&folder, run, None).unwrap();
    let without_moments = |points: Vec<(f64, i64, f32)>| {
        let points = points.into_iter();
        points.map(|(_, step, value)| (step, value)).collect()
    };
    let found = scalars(&folder, part).into_iter();
    found
        .map(|(tag, points)| (tag, without_moments(points)))
        .collect()
}

#[test]
fn files_of_a_run_that_trains_have_each_step_once_whenever_they_are_written() {
    let all = small_run();
    let resumed = Position {
        phase: Phase::Student,
        step: 4,
    };
    let later = |event: &RunEvent| match event {
        RunEvent::StepLogged(row) => row.phase == Phase::Student && row.step >= 4,
        RunEvent::Evaluated(it) => it.phase == Phase::Student && it.step > 4,
        _ => false,
    };
    // It is killed near its end, and resumed from its checkpoint.
    let again: Vec<RunEvent> = all.iter().filter(|event| later(event)).cloned().collect();
    let mut events = all[..all.len() - 2].to_vec();
    events.push(run_started("small", Some(resumed)));
    events.extend(again);
    events.push(RunEvent::RunEnded(Outcome::Completed));
    for every in [1, 3, 1000] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("events");
        let mut run = run_of(&[]);
        let mut files = LiveFiles::new(folder.clone());
        for (at, event) in events.iter().enumerate() {
            run.store.apply(event);
            if at % every == 0 {
                files.update(&run).unwrap();
            }
        }
        let written = files.end(&run, None).unwrap();
        let mut count = 0;
        for part in ["teacher", "student", "summary"] {
            let (found, restarts) = live_scalars(&folder, part);
            assert_eq!(found, whole_scalars(&run, part), "{part}, every {every}");
            assert_eq!(restarts, 1);
            count += found
                .values()
                .map(|points| points.len() as u64)
                .sum::<u64>();
        }
        assert_eq!((written.scalars, written.files.len()), (count, 3));
        // What another process writes later takes their place.
        LiveFiles::new(folder.clone()).end(&run, None).unwrap();
        let (found, _) = live_scalars(&folder, "student");
        assert_eq!(found, whole_scalars(&run, "student"));
        assert!(is_written(&folder).unwrap());
    }
}

#[test]
fn steps_that_went_back_before_the_journal_says_so_are_written_anew() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("events");
    let mut files = LiveFiles::new(folder.clone());
    let run = run_of(&small_run());
    files.update(&run).unwrap();
    let first = last_file(&folder, "student");
    files.update(&run).unwrap();
    assert_eq!(last_file(&folder, "student"), first);
    // As many steps, made at another time.
    let mut events = small_run();
    for event in &mut events {
        if let RunEvent::StepLogged(row) = event
            && row.phase == Phase::Student
        {
            row.seconds += 0.25;
        }
    }
    let run = run_of(&events);
    files.update(&run).unwrap();
    assert!(last_file(&folder, "student") > first);
    let (found, _) = live_scalars(&folder, "student");
    assert_eq!(found, whole_scalars(&run, "student"));
    fs::remove_dir_all(folder.join("student")).unwrap();
    let error = files.update(&run).unwrap_err();
    assert!(
        error.to_string().contains("was removed or replaced"),
        "{error}"
    );
}

#[test]
fn classes_and_rounds_have_scalars_of_their_own() {
    let run = run_of(&small_run());
    let found = whole_scalars(&run, "student");
    for quantity in ["recall", "precision"] {
        for class in ["cat", "dog"] {
            let tag = format!("valid/{quantity}/{class}@last");
            assert_eq!(found[&tag].len(), 3, "{tag}");
        }
    }
    let rounds = run.store.rounds.iter();
    let rounds: Vec<&crate::store::Round> = rounds.collect();
    assert!(!rounds.is_empty());
    for (term, loss) in &rounds[0].losses {
        let first = found[&format!("round/{term}")][0];
        assert_eq!(first, (rounds[0].at.step.cast_signed(), *loss as f32));
    }
}
