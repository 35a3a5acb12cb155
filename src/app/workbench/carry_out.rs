//! Carries out what the screen asks.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::launcher::{Launcher, Wanted};
use super::mail::Sender;
use super::message::Message;
use super::reload::{self, Reload, Reloaded};
use super::{files, folders, inspect, layout, planner, run_files, trash};
use crate::app::arguments::Arguments;
use crate::event::{Command, CommandRecord, Origin};
use crate::run::{Notes, StopSignal};
use crate::store::{RunEntry, Runs, append_command};
use crate::ui::{Effect, LogLine, News};

/// What effects are carried out with.
pub struct Hands {
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
    /// Ends the classification that is under way.
    inference: StopSignal,
}

/// Does something with a run, if it is still there.
fn on(
    run: Option<&RunEntry>,
    deed: impl FnOnce(&RunEntry) -> Result<String, String>,
) -> Result<String, String> {
    run.map_or_else(|| Err("that run is gone".to_owned()), deed)
}

fn shown(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" and ")
}

impl Hands {
    /// Hands that have done nothing yet.
    pub fn new(
        arguments: &Arguments,
        planner: Option<mpsc::Sender<planner::Request>>,
        sender: Sender,
    ) -> Self {
        Self {
            launcher: Launcher::new(&arguments.checkpoints, sender.clone()),
            reload: Reload::default(),
            planner,
            sender,
            experiments: arguments.experiments.clone(),
            sent: 0,
            inference: StopSignal::new(),
        }
    }

    /// Tells which experiments there are.
    pub fn list(&self) {
        self.tell(files::listed(&self.experiments));
    }

    /// Asks of a run what its changed file asks, and tells of it.
    pub fn obey(&mut self, reloaded: Reloaded, runs: &Runs) {
        for command in reloaded.commands {
            self.command(&reloaded.run, command, Origin::File, runs);
        }
        for line in reloaded.lines {
            self.tell(News::Logged(line));
        }
    }

    /// Carries one effect out. What comes of it arrives as a message.
    pub fn carry_out(&mut self, effect: Effect, runs: &mut Runs) {
        match effect {
            Effect::ReadExperiment(path) => self.tell(files::read(path)),
            Effect::WriteExperiment { path, text, over } => {
                for news in files::write(path, text, &over) {
                    self.tell(news);
                }
                self.list();
            }
            Effect::RenameExperiment { from, to } => {
                self.outcome(files::rename(&from, &to));
                self.list();
            }
            Effect::TrashExperiment(path) => {
                let trashed = trash::trash(&path);
                if trashed.is_ok() {
                    self.launcher.forget(&path);
                    self.tell(self.queue());
                }
                let from = path.display();
                self.said(trashed.map(|to| format!("moved {from} to {}", to.display())));
                self.list();
            }
            Effect::RestoreExperiment => {
                let restored = trash::restore(&self.experiments);
                self.list();
                self.tell(News::ExperimentRestored(restored));
            }
            Effect::KeepLayout(layout) => self.outcome(layout::write(&layout)),
            Effect::Plan {
                path,
                text,
                version,
            } => {
                let request = planner::Request {
                    path,
                    text,
                    version,
                };
                // A planner that is gone leaves the text unplanned, no more.
                if let Some(planner) = &self.planner {
                    let _ = planner.send(request);
                }
            }
            Effect::Launch(path) => self.launch(Wanted::Experiment(path)),
            Effect::Dequeue(path) => {
                self.launcher.forget(&path);
                self.tell(self.queue());
            }
            Effect::ResumeRun(name) => {
                if let Some(run) = runs.get(&name) {
                    self.launch(Wanted::Run(run.folder.clone()));
                }
            }
            Effect::Command { run, command } => self.command(&run, command, Origin::User, runs),
            Effect::Annotate { run, notes } => self.annotate(&run, notes, runs),
            // The loop sees to these.
            Effect::OpenRun(_) | Effect::Quit | Effect::Suspend | Effect::Copy(_) => {}
            Effect::CompleteFolder(typed) => folders::complete(typed, self.sender.clone()),
            Effect::FindFolder(typed) => folders::find(typed, self.sender.clone()),
            Effect::ReadProbe(_)
            | Effect::ProbeFolder { .. }
            | Effect::Infer(_)
            | Effect::CancelInference => self.inspect(effect, runs),
            Effect::WriteFile { path, text } => {
                let path = files::expanded(&path);
                let shown = path.display().to_string();
                let written = files::create(&path, &text).map(|()| format!("wrote {shown}"));
                self.said(written.map_err(|error| format!("could not write {shown}: {error}")));
            }
            _ => self.change_run(effect, runs),
        }
    }

    /// Asks a run's models.
    fn inspect(&mut self, effect: Effect, runs: &Runs) {
        let sender = self.sender.clone();
        match effect {
            Effect::ReadProbe(name) => {
                if let Some(run) = runs.get(&name) {
                    inspect::read_probe(run, sender);
                }
            }
            Effect::ProbeFolder { run, folder } => {
                if let Some(run) = runs.get(&run) {
                    inspect::ask_about(run, folder, sender);
                }
            }
            Effect::Infer(mut request) => {
                request.folder = files::expanded(&request.folder);
                if let Some(run) = runs.get(&request.run) {
                    self.inference.request("another one began");
                    self.inference = StopSignal::new();
                    inspect::classify(run, request, self.inference.clone(), sender);
                }
            }
            _ => self.inference.request("cancelled"),
        }
    }

    /// Does something to a run's folder.
    fn change_run(&mut self, effect: Effect, runs: &Runs) {
        let done = match effect {
            Effect::RenameRun { run, to } => on(runs.get(&run), |entry| {
                entry
                    .folder
                    .rename(&to)
                    .map_err(|error| error.to_string())?;
                Ok(format!("{run} is now {to}"))
            }),
            Effect::TrashRun(name) => on(runs.get(&name), |entry| {
                entry.folder.trash().map_err(|error| error.to_string())?;
                Ok(format!("{name} is in the trash"))
            }),
            Effect::RestoreRun(name) => on(runs.trashed(&name), |entry| {
                entry.folder.restore().map_err(|error| error.to_string())?;
                Ok(format!("{name} is back"))
            }),
            Effect::ExportRun(name) => on(runs.get(&name), |entry| {
                let files = run_files::export(entry)?;
                Ok(format!("wrote {}", shown(&files)))
            }),
            Effect::BranchRun(name) => on(runs.get(&name), |entry| {
                let file = run_files::branch(entry, &self.experiments)?;
                self.list();
                Ok(format!("wrote {}", file.display()))
            }),
            Effect::WriteKnob { run, settings } => on(runs.get(&run), |entry| {
                let (file, text) = run_files::write_back(entry, &settings, &self.experiments)?;
                // The run does that already.
                if let Ok(plan) = reload::plan(&text, &file) {
                    self.reload.adopt(&run, &file, plan);
                }
                self.tell(files::read(file.clone()));
                let fields: Vec<&str> = settings
                    .iter()
                    .filter_map(|setting| setting.split('=').next())
                    .collect();
                Ok(format!(
                    "wrote {} into {}",
                    fields.join(" and "),
                    file.display()
                ))
            }),
            _ => return,
        };
        self.said(done);
    }

    /// What is to be trained next, as news.
    pub fn queue(&self) -> News {
        News::Queue {
            preparing: self.launcher.preparing(),
            waiting: self.launcher.queue(),
        }
    }

    fn said(&self, result: Result<String, String>) {
        self.tell(News::Logged(match result {
            Ok(message) => LogLine::info(message),
            Err(message) => LogLine::error(message),
        }));
    }

    fn launch(&mut self, wanted: Wanted) {
        let verb = if self.launcher.is_busy() {
            "waits"
        } else {
            "is being prepared"
        };
        let line = LogLine::info(format!("{} {verb}", wanted.shown()));
        self.launcher.want(wanted);
        self.tell(News::Logged(line));
        self.tell(self.queue());
    }

    /// Asks a run's training through its folder, whichever process it is in.
    fn command(&mut self, name: &str, command: Command, origin: Origin, runs: &Runs) {
        let Some(run) = runs.get(name) else { return };
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
        let sent = append_command(&run.folder.commands(), &record);
        self.outcome(sent.map_err(|error| format!("could not ask {name}: {error}")));
    }

    fn annotate(&mut self, name: &str, notes: Notes, runs: &mut Runs) {
        let Some(run) = runs.get_mut(name) else {
            return;
        };
        match notes.write(&run.folder) {
            Ok(()) => run.notes = notes,
            Err(error) => self.tell(News::Logged(LogLine::error(error.to_string()))),
        }
        self.tell(News::RunsChanged);
    }

    fn outcome(&self, result: Result<(), String>) {
        if let Err(message) = result {
            self.tell(News::Logged(LogLine::error(message)));
        }
    }

    fn tell(&self, news: News) {
        // Without a loop nobody is left to hear it.
        let _ = self.sender.send(Message::news(news));
    }
}
