//! The whole screen with a small world around it that answers as the program
//! does: it reads, writes and plans.

mod editing;
mod files;
mod frames;
mod launching;
mod lr;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::event::testing::run_started;
use crate::event::{EvaluatedWeights, Evaluation, Outcome, Phase, RunEvent, Split};
use crate::experiment::load_text;
use crate::run::RunFolder;
use crate::store::{Owner, RunEntry};
use crate::ui::effect::{Effect, OverwritePolicy};
use crate::ui::news::News;
use crate::ui::testing::Harness;
use crate::untrusted::Show as _;

const QUICKSTART: &str = include_str!("../../../../experiments/quickstart.ron");
const ADAPTIVE: &str = include_str!("../../../../experiments/cifar10-adaptive.ron");

/// A screen and the files around it.
struct World {
    screen: Harness,
    files: BTreeMap<PathBuf, String>,
    trash: Vec<(PathBuf, String)>,
    /// Texts that were not saved in a session before.
    kept: BTreeMap<PathBuf, String>,
    /// What was asked and is not answered here.
    asked: Vec<Effect>,
}

fn path(name: &str) -> PathBuf {
    // A folder that is nowhere, so that no data is found by chance.
    Path::new("nowhere/experiments").join(name)
}

impl World {
    /// A folder with these files, as it is found at the start.
    fn new(size: (u16, u16), files: &[(&str, &str)]) -> Self {
        let mut world = Self::empty(size);
        let files = files.iter();
        world.files = files
            .map(|(name, text)| (path(name), (*text).to_owned()))
            .collect();
        world.list();
        world
    }

    /// A screen that knows of no file.
    fn empty((width, height): (u16, u16)) -> Self {
        Self {
            screen: Harness::new(width, height),
            files: BTreeMap::new(),
            trash: Vec::new(),
            kept: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    fn list(&mut self) {
        let files = self.files.keys().cloned().collect();
        self.screen.news(News::Experiments(files));
        self.answer();
    }

    fn keys(&mut self, keys: &[&str]) -> &mut Self {
        self.screen.keys(keys);
        self.answer();
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.screen.text(text);
        self.answer();
        self
    }

    /// Somebody else writes a file.
    fn elsewhere(&mut self, name: &str, text: &str) {
        self.files.insert(path(name), text.to_owned());
        self.screen.news(News::ExperimentRead {
            path: path(name),
            text: Ok(text.to_owned()),
        });
        self.answer();
    }

    /// Answers what was asked until nothing is.
    fn answer(&mut self) {
        loop {
            let effects = self.screen.take();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.execute(effect);
            }
        }
    }

    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::ReadExperiment(path) => {
                let text = self.files.get(&path).cloned();
                let text = text.ok_or_else(|| format!("there is no file `{}`", path.shown()));
                let kept = self.kept.get(&path).cloned();
                let news = News::ExperimentRead {
                    path: path.clone(),
                    text,
                };
                self.screen.news(news);
                if let Some(text) = kept {
                    self.screen.news(News::AutosaveFound { path, text });
                }
            }
            Effect::DropAutosave(path) => _ = self.kept.remove(&path),
            Effect::Plan {
                path,
                text,
                version,
            } => {
                let result = Box::new(load_text(&text, &path, &[]));
                self.screen.news(News::Planned {
                    path,
                    version,
                    result,
                });
            }
            Effect::WriteExperiment { path, text, over } => {
                let text = if over == OverwritePolicy::Nothing && self.files.contains_key(&path) {
                    Err(format!("`{}` is there already", path.shown()))
                } else {
                    self.files.insert(path.clone(), text.clone());
                    Ok(text)
                };
                self.screen.news(News::ExperimentWritten { path, text });
            }
            Effect::RenameExperiment { from, to } => {
                let text = self.files.remove(&from).unwrap();
                self.files.insert(to, text);
                self.list();
            }
            Effect::TrashExperiment(path) => {
                let text = self.files.remove(&path).unwrap();
                self.trash.push((path, text));
                self.list();
            }
            Effect::RestoreExperiment => {
                let restored = match self.trash.pop() {
                    Some((path, text)) => {
                        self.files.insert(path.clone(), text);
                        Ok(path)
                    }
                    None => Err("the trash is empty".to_owned()),
                };
                self.list();
                self.screen.news(News::ExperimentRestored(restored));
            }
            other => self.asked.push(other),
        }
    }

    fn screen(&mut self) -> String {
        self.screen.screen()
    }

    /// Whether the screen shows a text.
    fn shows(&mut self, text: &str) -> bool {
        self.screen().contains(text)
    }
}

/// A run of an experiment that ended, `hours` before noon.
fn run(name: &str, hours: u64, top1: f64) -> RunEntry {
    let place = tempfile::tempdir().unwrap();
    let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(490_932);
    let started = noon - Duration::from_hours(hours);
    let folder = RunFolder::create(place.path(), name, "Experiment()", started).unwrap();
    let mut entry = RunEntry::new(folder, started);
    for event in [
        run_started(name, None),
        RunEvent::PhaseStarted {
            phase: Phase::Student,
            steps: 252,
            steps_per_epoch: 21,
            step: 0,
        },
        RunEvent::Evaluated(evaluation(top1)),
        RunEvent::PhaseEnded {
            phase: Phase::Student,
            seconds: 63.0,
        },
        RunEvent::RunEnded(Outcome::Completed),
    ] {
        entry.store.apply(&event);
    }
    entry
}

/// A run that trains here and is so far along.
fn training(name: &str, step: u64) -> RunEntry {
    let mut entry = run(name, 0, 0.5);
    entry.owner = Owner::Here;
    entry.store.apply(&run_started(name, None));
    entry.store.apply(&RunEvent::PhaseStarted {
        phase: Phase::Student,
        steps: 252,
        steps_per_epoch: 21,
        step,
    });
    entry
}

fn evaluation(top1: f64) -> Evaluation {
    Evaluation {
        phase: Phase::Student,
        split: Split::Valid,
        weights: EvaluatedWeights::Last,
        step: 252,
        epoch: 12.0,
        images: 500,
        loss: 0.5,
        top1,
        top5: 1.0,
        ece: Some(0.02),
        per_class: Vec::new(),
        confusion: Vec::new(),
        predictions: Vec::new(),
        right: None,
        teacher: None,
        seconds: 0.1,
    }
}
