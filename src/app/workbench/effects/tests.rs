use std::fs;

use super::super::mail::{Mailbox, mailbox};
use super::*;
use crate::app::session::{Lines, Session, SessionError};
use crate::event::inspection::{Asked, ProbeSource};
use crate::event::{Phase, Position};
use crate::experiment::lr_range::{LrCurve, LrEnd};
use crate::run::{Notes, NotesChange, RunFolder};
use crate::store::RunEntry;
use crate::store::testing::small_run;
use crate::study::testing::{EXPERIMENT, STUDY};
use crate::ui::effect::{ClusterRequest, Waiting};
use crate::ui::{Level, LrTestNews};

/// Nothing is launched here.
struct NoSessions;

impl OpenSession for NoSessions {
    fn open(&self, job: &QueuedJob, _: StopSignal, _: Lines) -> Result<Session, SessionError> {
        Err(SessionError::Complete {
            run: job.file(),
            extends: true,
            kept: Vec::new(),
        })
    }

    fn checkpoints(&self) -> &Path {
        Path::new("/dev/null")
    }
}

struct Bench {
    effects: EffectRunner,
    mailbox: Mailbox,
    runs: Runs,
    place: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (sender, mailbox) = mailbox().unwrap();
        let experiments = place.path().to_owned();
        Self {
            effects: EffectRunner::new(experiments, Arc::new(NoSessions), sender),
            mailbox,
            runs: Runs::new(),
            place,
        }
    }

    /// The news that come of an effect, one at least.
    fn execute(&mut self, effect: Effect) -> Vec<News> {
        assert!(self.effects.execute(effect, &mut self.runs).is_none());
        let mut news = Vec::new();
        while news.is_empty() {
            news.extend(self.mailbox.take().filter_map(|message| match message {
                Message::News(news) => Some(news),
                _ => None,
            }));
        }
        news
    }

    /// The errors that are logged of an effect.
    fn errors(&mut self, effect: Effect) -> Vec<String> {
        let news = self.execute(effect).into_iter();
        news.filter_map(|news| match news {
            News::Logged(line) if line.level == Level::Error => Some(line.message),
            _ => None,
        })
        .collect()
    }
}

#[test]
fn whatever_is_asked_of_a_run_that_was_removed_is_answered_with_that() {
    let mut bench = Bench::new();
    let removed = || "removed-1".to_owned();
    for effect in [
        Effect::ResumeRun(removed()),
        Effect::ExtendRun {
            run: removed(),
            epochs: 3,
            stretches: false,
            set: Vec::new(),
        },
        Effect::ForkRun {
            run: removed(),
            at: Position {
                phase: Phase::Student,
                step: 4,
            },
        },
        Effect::Command {
            run: removed(),
            command: Command::Stop,
        },
        Effect::WriteKnob {
            run: removed(),
            settings: vec!["lr=Constant(0.1)".to_owned()],
        },
        Effect::Annotate {
            run: removed(),
            change: NotesChange::Note(String::new()),
        },
        Effect::RenameRun {
            run: removed(),
            to: "other".to_owned(),
        },
        Effect::TrashRun(removed()),
        Effect::RestoreRun(removed()),
        Effect::ExportRun(removed()),
        Effect::BranchRun(removed()),
        Effect::ExportModel {
            run: removed(),
            unverified: false,
        },
    ] {
        let shown = format!("{effect:?}");
        assert_eq!(
            bench.errors(effect),
            ["the run removed-1 no longer exists"],
            "{shown}"
        );
    }
}

#[test]
fn questions_to_models_of_a_run_that_was_removed_are_answered_too() {
    let mut bench = Bench::new();
    let run = || "removed-1".to_owned();
    for effect in [
        Effect::ReadProbe {
            run: run(),
            source: ProbeSource::Recorded,
        },
        Effect::ReadProbe {
            run: run(),
            source: ProbeSource::Folder("images".into()),
        },
    ] {
        let news = bench.execute(effect);
        let [
            News::ProbeRead {
                probe: Err(why), ..
            },
        ] = news.as_slice()
        else {
            panic!("{news:?}");
        };
        assert_eq!(why, "the run removed-1 no longer exists");
    }
    let news = bench.execute(Effect::Infer(InferenceRequest {
        run: run(),
        folder: "images".into(),
        asked: Asked::default(),
    }));
    let [News::Inference(InferenceEvent::Failed(why))] = news.as_slice() else {
        panic!("{news:?}");
    };
    assert_eq!(why, "the run removed-1 no longer exists");
}

#[test]
fn what_a_run_without_weights_is_asked_is_answered_with_that() {
    let mut bench = Bench::new();
    let checkpoints = bench.place.path().join("checkpoints");
    let folder = RunFolder::create(&checkpoints, "a", "Experiment()", UNIX_EPOCH).unwrap();
    let name = folder.name();
    bench.runs.insert(RunEntry::new(folder, UNIX_EPOCH));
    let news = bench.execute(Effect::ReadProbe {
        run: name.clone(),
        source: ProbeSource::Recorded,
    });
    let [
        News::ProbeRead {
            run,
            probe: Err(why),
            ..
        },
    ] = news.as_slice()
    else {
        panic!("{news:?}");
    };
    assert_eq!(
        (run, why.as_str()),
        (&name, "a run records them at every evaluation")
    );
    let news = bench.execute(Effect::Infer(InferenceRequest {
        run: name,
        folder: bench.place.path().to_owned(),
        asked: Asked::default(),
    }));
    let [News::Inference(InferenceEvent::Failed(why))] = news.as_slice() else {
        panic!("{news:?}");
    };
    assert!(why.contains("no student weights"), "{why}");
}

#[test]
fn notes_of_a_run_are_written_and_known() {
    let mut bench = Bench::new();
    let checkpoints = bench.place.path().join("checkpoints");
    let folder = RunFolder::create(&checkpoints, "a", "Experiment()", UNIX_EPOCH).unwrap();
    let run = folder.name();
    bench.runs.insert(RunEntry::new(folder.clone(), UNIX_EPOCH));
    let notes = Notes {
        note: "keep".to_owned(),
        ..Notes::default()
    };
    let news = bench.execute(Effect::Annotate {
        run: run.clone(),
        change: NotesChange::Note("keep".to_owned()),
    });
    assert!(matches!(news.as_slice(), [News::RunsChanged]), "{news:?}");
    assert_eq!(Notes::read(&folder).unwrap(), notes);
    assert_eq!(bench.runs.get(&run).unwrap().notes, notes);
}

#[test]
fn numbers_of_a_run_replace_no_file_and_say_that_some_may_be_missing() {
    let mut bench = Bench::new();
    let checkpoints = bench.place.path().join("checkpoints");
    let folder = RunFolder::create(&checkpoints, "a", "Experiment()", UNIX_EPOCH).unwrap();
    let run = folder.name();
    let mut entry = RunEntry::new(folder.clone(), UNIX_EPOCH);
    for event in small_run() {
        entry.store.apply(&event);
    }
    entry.problems = vec!["series.bin is cut".to_owned()];
    bench.runs.insert(entry);
    let mine = folder.path().join("student.csv");
    std::os::unix::fs::symlink("nowhere", &mine).unwrap();
    let errors = bench.errors(Effect::ExportRun(run.clone()));
    assert!(
        errors[0].contains("student.csv already exists"),
        "{errors:?}"
    );
    assert!(mine.is_symlink() && !folder.path().join("teacher.csv").exists());
    fs::remove_file(&mine).unwrap();
    let news = bench.execute(Effect::ExportRun(run));
    let [News::Logged(line)] = news.as_slice() else {
        panic!("{news:?}");
    };
    let why = "student.csv; rows may be missing: series.bin is cut";
    assert!(line.message.ends_with(why) && mine.is_file(), "{line:?}");
}

#[test]
fn a_text_that_is_taken_away_replaces_nothing() {
    let mut bench = Bench::new();
    let path = bench.place.path().join("results.csv");
    let write = |text: &str| Effect::WriteFile {
        path: path.clone(),
        text: text.to_owned(),
    };
    assert!(bench.errors(write("one")).is_empty());
    let errors = bench.errors(write("two"));
    assert!(errors[0].contains("results.csv"), "{errors:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
}

#[test]
fn an_experiment_that_is_thrown_away_leaves_the_queue() {
    let mut bench = Bench::new();
    let path = bench.place.path().join("a.ron");
    fs::write(&path, "Experiment()").unwrap();
    // Whatever is launched is being prepared until its end is taken in.
    for _ in 0..2 {
        bench
            .effects
            .execute(Effect::Launch(path.clone()), &mut bench.runs);
    }
    assert_eq!(
        bench.effects.launcher.queue(),
        [Waiting::Experiment(path.clone())]
    );
    bench
        .effects
        .execute(Effect::TrashExperiment(path.clone()), &mut bench.runs);
    assert!(bench.effects.launcher.queue().is_empty());
    assert!(!path.exists());
}

/// What is logged of what is asked about a study, and of its tasks.
fn answered(bench: &mut Bench, request: ClusterRequest) -> (Vec<LogLine>, Option<String>) {
    let study = "study".to_owned();
    let mut news = bench.execute(Effect::Cluster { study, request });
    let is_last = |news: &News| matches!(news, News::StudyTasks { .. });
    while !news.iter().any(is_last) {
        news.extend(bench.mailbox.take().filter_map(|message| match message {
            Message::News(news) => Some(news),
            _ => None,
        }));
    }
    let (mut lines, mut problem) = (Vec::new(), None);
    for news in news {
        match news {
            News::Logged(line) => lines.push(line),
            News::StudyTasks { study, tasks } => {
                assert_eq!(study, "study");
                problem = tasks.err();
            }
            _ => {}
        }
    }
    (lines, problem)
}

#[test]
fn whatever_is_asked_about_a_study_on_a_cluster_is_answered() {
    let mut bench = Bench::new();
    let (lines, problem) = answered(&mut bench, ClusterRequest::Submit);
    assert!(lines.is_empty(), "{lines:?}");
    let problem = problem.unwrap();
    assert!(
        problem.contains("no file of study study without errors"),
        "{problem}"
    );

    fs::write(bench.place.path().join("base.ron"), EXPERIMENT).unwrap();
    fs::write(bench.place.path().join("study.ron"), STUDY).unwrap();
    // Nothing was submitted, so no cluster is asked.
    let (lines, problem) = answered(&mut bench, ClusterRequest::Tasks);
    assert!(
        lines.is_empty() && problem.is_none(),
        "{lines:?} {problem:?}"
    );
    // There is no folder of runs.
    let (lines, _) = answered(&mut bench, ClusterRequest::Submit);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].level, Level::Error);
    assert!(lines[0].message.starts_with("study: "), "{lines:?}");
}

/// The steps that are reported of a range test of this text, and its end.
fn tested(bench: &mut Bench, text: &str, stops: bool) -> (usize, Result<LrCurve, String>) {
    let path = bench.place.path().join("a.ron");
    let effect = Effect::FindLr {
        test: 7,
        path,
        text: text.to_owned(),
    };
    assert!(bench.effects.execute(effect, &mut bench.runs).is_none());
    if stops {
        bench.effects.execute(Effect::StopLrTest, &mut bench.runs);
    }
    let mut count = 0;
    loop {
        for message in bench.mailbox.take() {
            let Message::News(News::LrTest { test, news }) = message else {
                continue;
            };
            assert_eq!(test, 7);
            match news {
                LrTestNews::Prepares(_) => {}
                LrTestNews::Step(point) => {
                    assert!(point.lr > 0.0 && point.loss.is_finite());
                    count += 1;
                }
                LrTestNews::Ended(end) => return (count, end),
            }
        }
    }
}

#[test]
fn a_range_test_reports_its_steps_and_how_it_ended_and_leaves_nothing() {
    let mut bench = Bench::new();
    let text = "Experiment(
        device: Cpu,
        data: (train: Shapes(classes: 2, count: 40, size: 8), valid: Holdout(0.25)),
        student: (model: Cnn(channels: [4])),
        method: Scratch(),
        epochs: 1,
        batch: 8,
    )";
    let (steps, end) = tested(&mut bench, text, false);
    assert_eq!(steps, end.unwrap().points.len());
    assert!(steps > 50, "{steps}");
    let (_, end) = tested(&mut bench, &text.replace("batch: 8", "batch: 0"), false);
    assert!(end.unwrap_err().contains("batch"));
    let (steps, end) = tested(&mut bench, text, true);
    assert!(steps < 100, "{steps}");
    assert_eq!(end.unwrap().end, LrEnd::Stopped);
    assert_eq!(fs::read_dir(bench.place.path()).unwrap().count(), 0);
}
