//! Executes what the screen asks for.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{SystemTime, UNIX_EPOCH};

use super::cluster::ClusterStudy;
use super::error::{EffectError, FileError};
use super::launcher::{Launcher, OpenSession, QueuedJob};
use super::lr_test::LrTest;
use super::mail::Sender;
use super::message::Message;
use super::reload::{self, Reload, Reloaded};
use super::run_files::known;
use super::{autosave, files, folders, inspect, layout, planner, run_files, trash};
use crate::app::session::MoreEpochs;
use crate::event::inspection::{InferenceEvent, InferenceRequest};
use crate::event::{Command, CommandRecord, Origin};
use crate::run::{Notes, NotesChange, RunFolder, StopSignal};
use crate::store::{Runs, append_command};
use crate::ui::effect::{OverwritePolicy, Waiting};
use crate::ui::{Effect, LogLine, News};
use crate::untrusted::Show as _;

/// What effects are executed with.
pub struct EffectRunner {
    /// Trainings of this process.
    pub launcher: Launcher,
    /// The experiment file of what trains here.
    pub reload: Reload,
    planner: Option<mpsc::Sender<planner::Request>>,
    sender: Sender,
    /// The folder of experiments.
    pub experiments: PathBuf,
    /// Commands that were sent, for their ids.
    sent: u64,
    /// Ends the classification that is running.
    inference: StopSignal,
    /// Ends the range test that is running.
    lr_test: StopSignal,
}

/// What only the loop can do.
pub enum LoopEffect {
    /// Save what trains here, and end.
    Quit,
    /// Go into the background.
    Suspend,
    /// Put a text into the terminal's clipboard.
    Copy(String),
    /// Read what is new of a run.
    Refresh(String),
}

impl EffectRunner {
    /// A runner that has done nothing yet.
    pub fn new(experiments: PathBuf, sessions: Arc<dyn OpenSession>, sender: Sender) -> Self {
        Self {
            launcher: Launcher::new(sessions, sender.clone()),
            reload: Reload::default(),
            planner: planner::start(sender.clone()).ok(),
            sender,
            experiments,
            sent: 0,
            inference: StopSignal::new(),
            lr_test: StopSignal::new(),
        }
    }

    /// Executes one effect. What comes of it arrives as a message. This is the
    /// one place that says who does what.
    pub fn execute(&mut self, effect: Effect, runs: &mut Runs) -> Option<LoopEffect> {
        match effect {
            Effect::Quit => return Some(LoopEffect::Quit),
            Effect::Suspend => return Some(LoopEffect::Suspend),
            Effect::Copy(text) => return Some(LoopEffect::Copy(text)),
            Effect::OpenRun(name) => return Some(LoopEffect::Refresh(name)),
            Effect::ReadExperiment(path) => {
                let kept = autosave::kept(&path);
                self.notify(files::read(path.clone()));
                if let Some(text) = kept {
                    self.notify(News::AutosaveFound { path, text });
                }
            }
            Effect::DropAutosave(path) => self.log_error(autosave::remove(&path)),
            Effect::WriteExperiment { path, text, over } => self.write(path, text, &over),
            Effect::RenameExperiment { from, to } => self.rename(&from, &to),
            Effect::TrashExperiment(path) => self.trash(&path),
            Effect::RestoreExperiment => self.restore(),
            Effect::Plan {
                path,
                text,
                version,
            } => self.plan(planner::Request {
                path,
                text,
                version,
            }),
            Effect::FindLr { test, path, text } => self.find_lr(test, path, text),
            Effect::StopLrTest => self.lr_test.request("stopped by user"),
            Effect::Launch(path) => self.launch(QueuedJob::Experiment(path)),
            Effect::Dequeue(waiting) => self.launcher.dequeue(&waiting),
            Effect::ResumeRun(name) => match known(runs, &name) {
                Ok(run) => self.launch(QueuedJob::Run(run.folder.clone())),
                Err(error) => self.log_error(Err(error)),
            },
            Effect::ExtendRun {
                run,
                epochs,
                stretches,
                set,
            } => match known(runs, &run) {
                Ok(run) => {
                    let more = MoreEpochs {
                        epochs,
                        stretches: Some(stretches),
                    };
                    self.launch(QueuedJob::Extension(run.folder.clone(), more, set));
                }
                Err(error) => self.log_error(Err(error)),
            },
            Effect::ForkRun { run, at } => match known(runs, &run) {
                Ok(run) => self.launch(QueuedJob::Fork(run.folder.clone(), at)),
                Err(error) => self.log_error(Err(error)),
            },
            Effect::Command { run, command } => self.command(&run, command, Origin::User, runs),
            Effect::WriteKnob { run, settings } => {
                let written = self.write_knob(&run, &settings, runs);
                self.log(written);
            }
            Effect::Annotate { run, change } => self.annotate(&run, change, runs),
            Effect::RenameRun { run, to } => self.rename_run(run, to, runs),
            Effect::TrashRun(name) => self.log(trash_run(runs, &name)),
            Effect::RestoreRun(name) => self.log(restore_run(runs, &name)),
            Effect::ExportRun(name) => self.log(export_run(runs, &name)),
            Effect::ExportModel { run, unverified } => {
                inspect::export_model(runs, &run, unverified, &self.sender);
            }
            Effect::Cluster { study, request } => {
                let study = ClusterStudy {
                    name: study,
                    experiments: self.experiments.clone(),
                    checkpoints: self.launcher.checkpoints().to_owned(),
                };
                study.ask(request, &self.sender);
            }
            Effect::BranchRun(name) => self.log(self.branch_run(runs, &name)),
            Effect::ReadProbe { run, source } => {
                inspect::read_probe(runs, run, source, self.sender.clone());
            }
            Effect::CompleteFolder(typed) => folders::complete(typed, self.sender.clone()),
            Effect::FindFolder(typed) => folders::find(typed, self.sender.clone()),
            Effect::Infer(request) => self.infer(request, runs),
            Effect::CancelInference => self.inference.request("cancelled"),
            Effect::KeepLayout(kept) => self.log_error(layout::write(&kept)),
            Effect::WriteFile { path, text } => self.log(write_file(&path, &text)),
        }
        None
    }

    /// Reports which experiments there are.
    pub fn list(&self) {
        for news in files::listed(&self.experiments) {
            self.notify(news);
        }
    }

    /// Sends a run what its changed file asks for, and reports it.
    pub fn follow_file(&mut self, reloaded: Reloaded, runs: &Runs) {
        for command in reloaded.commands {
            self.command(&reloaded.run, command, Origin::File, runs);
        }
        for line in reloaded.lines {
            self.notify(News::Logged(line));
        }
    }

    fn write(&self, path: PathBuf, text: String, over: &OverwritePolicy) {
        for news in files::write(path, text, over) {
            self.notify(news);
        }
        self.list();
    }

    fn rename(&self, from: &Path, to: &Path) {
        self.log_error(files::rename(from, to));
        self.list();
    }

    fn trash(&mut self, path: &Path) {
        let trashed = trash::trash(path);
        if trashed.is_ok() {
            let waiting = Waiting::Experiment(path.to_owned());
            self.launcher.dequeue(&waiting);
        }
        let from = path.shown();
        let done = trashed.map(|to| format!("moved {from} to {}", to.shown()));
        self.log(done.map_err(EffectError::File));
        self.list();
    }

    fn restore(&self) {
        let restored = trash::restore(&self.experiments);
        self.list();
        let restored = restored.map_err(|error| error.to_string());
        self.notify(News::ExperimentRestored(restored));
    }

    fn plan(&self, request: planner::Request) {
        let path = request.path.clone();
        let planner = self.planner.as_ref();
        if planner.is_none_or(|planner| planner.send(request).is_err()) {
            self.log_error(Err(EffectError::NoPlanner(path)));
        }
    }

    fn launch(&mut self, job: QueuedJob) {
        let state = if self.launcher.is_busy() {
            "queued"
        } else {
            "preparing"
        };
        let line = LogLine::info(format!("{}: {state}", job.shown()));
        let queued = self.launcher.launch(job);
        self.notify(News::Logged(line));
        if let Err(error) = queued {
            let line = format!("cannot queue behind other workbenches: {error}");
            self.notify(News::Logged(LogLine::warn(line)));
        }
    }

    /// Asks a run's training through its folder, whichever process it is in.
    fn command(&mut self, name: &str, command: Command, origin: Origin, runs: &Runs) {
        self.sent += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let record = CommandRecord {
            id: format!(
                "{}-{}-{}",
                std::process::id(),
                now.map_or(0, |since| since.as_millis()),
                self.sent
            ),
            origin,
            command,
        };
        let sent = known(runs, name).and_then(|run| {
            append_command(&run.folder.commands(), &record).map_err(|source| EffectError::Command {
                run: name.to_owned(),
                source,
            })
        });
        self.log_error(sent);
    }

    fn write_knob(
        &mut self,
        name: &str,
        settings: &[String],
        runs: &Runs,
    ) -> Result<String, EffectError> {
        let run = known(runs, name)?;
        let (file, text) = run_files::write_back(run, settings, &self.experiments)?;
        // The run does that already.
        if let Ok(plan) = reload::plan(&text, &file) {
            self.reload.adopt(name, &file, plan);
        }
        self.notify(files::read(file.clone()));
        let fields: Vec<&str> = settings
            .iter()
            .filter_map(|setting| setting.split('=').next())
            .collect();
        let (fields, file) = (fields.join(" and "), file.shown());
        Ok(format!("wrote {fields} into {file}"))
    }

    fn annotate(&self, name: &str, change: NotesChange, runs: &mut Runs) {
        let removed = || EffectError::RunRemoved(name.to_owned());
        let written = runs.get_mut(name).ok_or_else(removed).and_then(|run| {
            run.take_notes(Ok(Notes::change(&run.folder, change)?));
            Ok(())
        });
        self.log_error(written);
        self.notify(News::RunsChanged);
    }

    fn branch_run(&self, runs: &Runs, name: &str) -> Result<String, EffectError> {
        let file = run_files::branch(known(runs, name)?, &self.experiments)?;
        self.list();
        Ok(format!("wrote {}", file.shown()))
    }

    fn find_lr(&mut self, number: u64, path: PathBuf, text: String) {
        self.lr_test.request("replaced by another range test");
        self.lr_test = StopSignal::new();
        let checkpoints = self.launcher.checkpoints().to_owned();
        LrTest {
            number,
            path,
            text,
            checkpoints,
        }
        .start(&self.lr_test, &self.sender);
    }

    fn infer(&mut self, mut request: InferenceRequest, runs: &Runs) {
        self.inference.request("replaced by another request");
        self.inference = StopSignal::new();
        request.folder = files::expanded(&request.folder);
        match known(runs, &request.run) {
            Ok(run) => inspect::classify(run, request, &self.inference, &self.sender),
            Err(error) => {
                self.notify(News::Inference(InferenceEvent::Failed(error.to_string())));
            }
        }
    }

    /// Reports what was done, or why not.
    /// Gives a run another name, on disk and among those that are known.
    fn rename_run(&self, from: String, to: String, runs: &mut Runs) {
        match known(runs, &from).and_then(|run| Ok(run.folder.rename(&to)?)) {
            Ok(folder) => {
                runs.rename(&from, folder);
                self.log(Ok(format!("renamed {from} to {to}")));
                self.notify(News::RunRenamed { from, to });
            }
            Err(error) => self.log(Err(error)),
        }
    }

    fn log(&self, done: Result<String, EffectError>) {
        self.notify(News::Logged(match done {
            Ok(message) => LogLine::info(message),
            Err(error) => LogLine::error(error.to_string()),
        }));
    }

    /// Reports why something was not done.
    fn log_error(&self, done: Result<(), impl Into<EffectError>>) {
        if let Err(error) = done {
            let error = error.into();
            self.notify(News::Logged(LogLine::error(error.to_string())));
        }
    }

    fn notify(&self, news: News) {
        // Without a loop nobody is left to take it in.
        let _ = self.sender.send(Message::News(news));
    }
}

fn trash_run(runs: &Runs, name: &str) -> Result<String, EffectError> {
    known(runs, name)?.folder.trash()?;
    Ok(format!("moved {name} to the trash"))
}

fn restore_run(runs: &Runs, name: &str) -> Result<String, EffectError> {
    let run = runs.trashed(name);
    let run = run.ok_or_else(|| EffectError::RunRemoved(name.to_owned()))?;
    run.folder.restore()?;
    Ok(format!("restored {name}"))
}

fn export_run(runs: &Runs, name: &str) -> Result<String, EffectError> {
    let run = known(runs, name)?;
    let files = run_files::export(run)?;
    let files: Vec<String> = files.iter().map(|it| it.shown().to_string()).collect();
    let written = format!("wrote {}", files.join(" and "));
    Ok(match run.problem() {
        Some(problem) => format!("{written}; rows may be missing: {problem}"),
        None => written,
    })
}

/// Writes a text that a person wants to take away; replaces nothing.
fn write_file(path: &Path, text: &str) -> Result<String, EffectError> {
    let path = files::expanded(path);
    RunFolder::check_outside(&path).map_err(|error| FileError::of("write", &path, error))?;
    files::create(&path, text)?;
    Ok(format!("wrote {}", path.shown()))
}
