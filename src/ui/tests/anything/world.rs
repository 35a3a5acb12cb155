//! A screen with a world around it that does what is asked, or fails to, and in
//! which things happen by themselves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crossterm::event::Event;

use super::input::{Chance, FILES, Input, QUICKSTART, RUNS, TEXTS, path};
use crate::event::inspection::{Classified, InferenceEvent, ProbeSource};
use crate::event::{CommandRecord, Origin, Outcome, Phase, RunEvent, SkippedImage, StepRow};
use crate::experiment::load_text;
use crate::experiment::lr_range::{LrCurve, LrEnd, LrPoint, LrRange};
use crate::run::{NotesChange, RunFolder};
use crate::store::testing::small_run;
use crate::store::{Owner, RunEntry};
use crate::ui::Effect;
use crate::ui::action::{ACTIONS, Action, Context};
use crate::ui::draw::ALWAYS;
use crate::ui::effect::{OverwritePolicy, Waiting};
use crate::ui::keymap::Chord;
use crate::ui::news::{LogLine, LrTestNews, MachineSample, News};
use crate::ui::screens::compare::testing::{logits, picture, probe};
use crate::ui::testing::Harness;
use crate::untrusted::Show as _;

pub(super) struct World {
    harness: Harness,
    chance: Chance,
    files: BTreeMap<PathBuf, String>,
    elapsed: Duration,
    /// Events that each run still has before it, and its steps so far.
    scripts: Vec<(std::vec::IntoIter<RunEvent>, u64)>,
    machines: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut harness = Harness::new(80, 24);
        for (number, name) in RUNS.into_iter().enumerate() {
            let started = SystemTime::UNIX_EPOCH + Duration::from_hours(490_930 + number as u64);
            let folder = RunFolder::imagined(format!("checkpoints/{name}"));
            let mut run = RunEntry::new(folder, started);
            QUICKSTART.clone_into(&mut run.experiment);
            harness.runs.insert(run);
        }
        let texts = FILES.into_iter().zip(TEXTS);
        let files = texts.map(|(name, text)| (path(name), text.to_owned()));
        let mut world = Self {
            harness,
            chance: Chance::new(seed),
            files: files.collect(),
            elapsed: Duration::ZERO,
            scripts: RUNS.map(|_| (small_run().into_iter(), 0)).to_vec(),
            machines: 0,
        };
        world.list();
        world
    }

    pub(super) fn draw(&mut self) {
        self.harness.draw();
    }

    pub(super) fn next_input(&mut self) -> Input {
        let size = self.harness.ui.shared.size;
        self.chance.input(size)
    }

    pub(super) fn execute(&mut self, input: &Input) {
        match input.clone() {
            Input::Key(key) => _ = self.harness.input(Event::Key(key)),
            Input::Mouse(mouse) => _ = self.harness.input(Event::Mouse(mouse)),
            Input::Resize(width, height) => _ = self.harness.input(Event::Resize(width, height)),
            Input::Paste(text) => _ = self.harness.input(Event::Paste(text.to_owned())),
            Input::Choose(action) => {
                self.harness.ui.shared.dialog = None;
                self.harness.keys(&["ctrl+p"]).text(action.entry().name);
                self.harness.keys(&["enter"]);
            }
            Input::Wait(seconds) => {
                self.elapsed += Duration::from_secs(seconds);
                self.harness.at(self.elapsed);
            }
            Input::Elsewhere(at, text) => self.elsewhere(&path(FILES[at]), text),
            Input::Train(run) => self.train(run),
            Input::Began(run) => {
                self.harness.runs.get_mut(RUNS[run]).unwrap().owner = Owner::Here;
                self.harness.news(News::RunBegan(RUNS[run].to_owned()));
                assert_eq!(self.harness.ui.shared.training.as_deref(), Some(RUNS[run]));
            }
            Input::Ended(run) => {
                self.harness.runs.get_mut(RUNS[run]).unwrap().owner = Owner::None;
                self.harness.news(News::RunEnded(RUNS[run].to_owned()));
                assert_ne!(self.harness.ui.shared.training.as_deref(), Some(RUNS[run]));
            }
            Input::Queue(files) => {
                let files: Vec<PathBuf> = files.into_iter().map(|at| path(FILES[at])).collect();
                let queue: Vec<Waiting> = files.iter().cloned().map(Waiting::Experiment).collect();
                self.harness.news(News::Queue {
                    preparing: files.first().cloned(),
                    ahead: queue.first().map(|waiting| format!("{waiting:?}")),
                    waiting: queue.clone(),
                });
                assert_eq!(self.harness.ui.shared.queue, queue);
            }
            other => self.feed(&other),
        }
        self.answer();
    }

    /// What the program reports by itself.
    fn feed(&mut self, input: &Input) {
        match input.clone() {
            Input::Machine => {
                self.machines += 1;
                let sample = MachineSample {
                    cores: vec![0.5, f32::NAN, 7.0],
                    process_memory: self.machines,
                    ..MachineSample::default()
                };
                self.harness.news(News::Machine(sample));
                let last = self.harness.ui.shared.machine.back().unwrap();
                assert_eq!(last.process_memory, self.machines);
            }
            Input::Logged(level) => {
                let message = "a line\twith 日本語".to_owned();
                let line = LogLine { level, message };
                self.harness.news(News::Logged(line.clone()));
                assert_eq!(self.harness.ui.shared.status(), Some(&line));
                assert_eq!(self.harness.ui.shared.log.lines().next_back(), Some(&line));
            }
            Input::Probe(run, is_read) => {
                let sources = [ProbeSource::Recorded, ProbeSource::Folder("photos".into())];
                let source = self.chance.of(&sources);
                let probe = if is_read {
                    Ok(Box::new(probe()))
                } else {
                    Err("none".to_owned())
                };
                let run = RUNS[run].to_owned();
                self.harness.news(News::ProbeRead { run, source, probe });
            }
            Input::Infer(what) => {
                let event = match what {
                    0 => InferenceEvent::Began {
                        images: 9,
                        classes: vec!["cat".to_owned(); 4],
                    },
                    1 => InferenceEvent::Classified(Box::new(Classified {
                        label: None,
                        path: PathBuf::from("日本/7.png"),
                        picture: picture(3, 8),
                        student: Some(logits(1, 2.0)),
                        teacher: self.chance.of(&[None, Some(vec![f32::NAN; 4])]),
                        milliseconds: 3.0,
                    })),
                    2 => InferenceEvent::Unreadable(SkippedImage {
                        path: PathBuf::from("x.png"),
                        reason: "not an image".to_owned(),
                    }),
                    3 => InferenceEvent::Ended {
                        cancelled: false,
                        seconds: 1.0,
                    },
                    _ => InferenceEvent::Failed("no such folder".to_owned()),
                };
                self.harness.news(News::Inference(event));
            }
            _ => unreachable!("carried out already"),
        }
    }

    /// Lets a run do what is next in its script, then continue for ever.
    fn train(&mut self, run: usize) {
        let (script, step) = &mut self.scripts[run];
        let event = script.next().unwrap_or_else(|| {
            *step += 1;
            match self.chance.below(40) {
                0 => RunEvent::Paused(*step % 2 == 0),
                1 => RunEvent::RunEnded(Outcome::Stopped {
                    reason: "asked".to_owned(),
                }),
                2 => RunEvent::Warned {
                    message: "the loss is NaN".to_owned(),
                },
                _ => {
                    let strange = [0.1, 0.5, 1e9, -1.0, f64::NAN, f64::INFINITY];
                    let names = ["loss/total", "loss/distill", "knob/lr", "knob/p1"];
                    let values = names.map(|name| (name.to_owned(), self.chance.of(&strange)));
                    RunEvent::StepLogged(StepRow {
                        phase: Phase::Student,
                        step: 12 + *step,
                        epoch: (12 + *step) as f64 / 4.0,
                        seconds: *step as f64,
                        values: BTreeMap::from(values),
                    })
                }
            }
        });
        self.harness.runs.apply(RUNS[run], &event);
        self.harness.news(News::RunsChanged);
    }

    fn elsewhere(&mut self, path: &Path, text: Option<&str>) {
        if let Some(text) = text {
            self.files.insert(path.to_owned(), text.to_owned());
            self.list();
            let (path, text) = (path.to_owned(), Ok(text.to_owned()));
            self.harness.news(News::ExperimentRead { path, text });
        } else {
            self.files.remove(path);
            self.list();
        }
    }

    fn list(&mut self) {
        let files = self.files.keys().cloned().collect();
        self.harness.news(News::Experiments(files));
        self.answer();
    }

    /// Does what was asked until nothing is, if nothing goes wrong.
    fn answer(&mut self) {
        loop {
            let effects = self.harness.take();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.answer_one(effect);
            }
        }
    }

    fn answer_one(&mut self, effect: Effect) {
        let fails = self.chance.below(20) == 0;
        let failed = || Err("the disk is full".to_owned());
        match effect {
            Effect::ReadExperiment(path) => {
                let text = self.files.get(&path).cloned().ok_or("gone".to_owned());
                let text = if fails { failed() } else { text };
                self.harness.news(News::ExperimentRead { path, text });
            }
            // Only some answers are waited for before the next key.
            Effect::Plan {
                path,
                text,
                version,
            } if self.chance.below(4) == 0 => {
                let result = Box::new(load_text(&text, &path, &[]));
                self.harness.news(News::Planned {
                    path,
                    version,
                    result,
                });
            }
            Effect::WriteExperiment { path, text, over } => {
                let taken = over == OverwritePolicy::Nothing && self.files.contains_key(&path);
                let text = if fails || taken || self.files.len() > 20 {
                    failed()
                } else {
                    self.files.insert(path.clone(), text.clone());
                    Ok(text)
                };
                self.harness.news(News::ExperimentWritten { path, text });
                self.list();
            }
            Effect::RenameExperiment { from, to } => {
                if let Some(text) = self.files.remove(&from) {
                    self.files.insert(to, text);
                }
                self.list();
            }
            Effect::TrashExperiment(path) => {
                if !fails {
                    self.files.remove(&path);
                }
                self.list();
            }
            Effect::Command { run, command } => {
                let id = self.chance.below(9).to_string();
                let origin = Origin::User;
                let record = CommandRecord {
                    id: id.clone(),
                    origin,
                    command,
                };
                self.harness
                    .runs
                    .apply(&run, &RunEvent::CommandReceived(record));
                let fate = if fails {
                    RunEvent::CommandRejected {
                        id,
                        reason: "too late".to_owned(),
                    }
                } else {
                    RunEvent::CommandApplied {
                        id,
                        phase: Phase::Student,
                        step: 3,
                        from: None,
                    }
                };
                self.harness.runs.apply(&run, &fate);
                self.harness.news(News::RunsChanged);
            }
            Effect::FindLr { test, .. } => {
                // Some are still running when something else is done.
                let ends = self.chance.below(2) == 0;
                let ends = ends.then(|| if fails { failed().map(|_| ()) } else { Ok(()) });
                self.test_lr(test, ends);
            }
            Effect::Annotate { run, change } => {
                if let Some(entry) = self.harness.runs.get_mut(&run) {
                    match change {
                        NotesChange::Tags(tags) => entry.notes.tags = tags,
                        NotesChange::Note(note) => entry.notes.note = note,
                    }
                }
                self.harness.news(News::RunsChanged);
            }
            _ => {}
        }
    }

    /// Takes some steps of a range test, and ends it.
    fn test_lr(&mut self, test: u64, ends: Option<Result<(), String>>) {
        let range = LrRange::default();
        let points = (0..self.chance.below(50) as u32).map(|step| LrPoint {
            lr: range.lr(step),
            loss: 1.0 / f64::from(step + 1),
        });
        let points: Vec<LrPoint> = points.collect();
        for point in points.clone() {
            let news = LrTestNews::Step(point);
            self.harness.news(News::LrTest { test, news });
        }
        if let Some(ends) = ends {
            let end = LrEnd::Completed;
            let news = LrTestNews::Ended(ends.map(|()| LrCurve { points, end }));
            self.harness.news(News::LrTest { test, news });
        }
    }

    /// Every hint that is shown does what it says.
    pub(super) fn hints_are_true(&self) {
        let ui = &self.harness.ui;
        let contexts = ui.contexts();
        let typing = ui.takes_text();
        for action in ui.hints(&self.harness.runs).iter().chain(&ALWAYS) {
            let Some(key) = ui.hint_key(*action) else {
                continue;
            };
            let chord = Chord::parse(&key).unwrap();
            let meant = ui.shared.keymap.action(chord, &contexts);
            assert_eq!(meant, Some(*action), "{key} in {contexts:?}");
            assert!(!typing || !chord.is_text(), "{key} is typed");
        }
    }

    /// Goes to the lists and looks whether everything is there that was reported,
    /// then on from there.
    pub(super) fn nothing_is_lost(&mut self) {
        // Escape leaves any dialog, after what is sought in it, and whatever else is
        // open in time.
        self.harness.keys(&["esc", "esc"]);
        assert!(self.harness.ui.shared.dialog.is_none());
        self.harness.ui.shared.log.open = false;
        self.harness.input(Event::Resize(200, 60));
        self.go_to(Action::ShowExperiments);
        self.harness.ui.shared.dialog = None;
        // Out of the plan's way, the text, the filter.
        self.harness.keys(&["esc"; 8]);
        let screen = self.harness.screen();
        // Names are shortened as narrow as the list was dragged; its count is not.
        let listed = &self.harness.ui.experiments.files;
        for path in self.files.keys() {
            assert!(listed.contains(path), "{} is lost", path.shown());
        }
        let count = format!("/{} ", listed.len());
        assert!(listed.len() < 2 || screen.contains(&count), "{screen}");
        self.go_to(Action::ShowRuns);
        self.harness.keys(&["esc"; 8]);
        let screen = self.harness.screen();
        let runs = self.harness.runs.len();
        assert!(screen.contains(&format!("Runs {runs}")), "{screen}");
        for name in RUNS {
            // A long name may be shortened in its middle.
            let start = name.char_indices().rev().nth(5).map_or(0, |(at, _)| at);
            assert!(screen.contains(&name[start..]), "{name} is lost\n{screen}");
        }
        let back = self.chance.of(ACTIONS).action;
        if back.entry().context != Context::Global {
            self.execute(&Input::Choose(back));
        }
    }

    /// Goes to a screen from wherever one is.
    fn go_to(&mut self, screen: Action) {
        self.execute(&Input::Choose(screen));
    }
}
