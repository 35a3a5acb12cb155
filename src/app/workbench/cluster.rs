//! Studies on a cluster, as the screen asks: submitted, cancelled, and what becomes of their
//! tasks. A thread asks Slurm, which may take its time.

use std::path::{Path, PathBuf};
use std::thread;

use super::files;
use super::mail::Sender;
use super::message::Message;
use crate::app::error::AppError;
use crate::app::panic::caught;
use crate::app::study::{Cluster, Seen};
use crate::study::Study;
use crate::study::slurm::Tasks;
use crate::ui::effect::ClusterRequest;
use crate::ui::{LogLine, News};

/// A study of the screen, and where it lies.
#[derive(Clone)]
pub struct ClusterStudy {
    /// Its name.
    pub name: String,
    /// The folder that has its file.
    pub experiments: PathBuf,
    /// The folder of runs.
    pub checkpoints: PathBuf,
}

impl ClusterStudy {
    /// Does what is asked. What comes of it, and then of its tasks, arrives as news.
    pub fn ask(self, request: ClusterRequest, sender: &Sender) {
        let (study, to) = (self.clone(), sender.clone());
        let started = thread::Builder::new()
            .name("cluster".to_owned())
            .spawn(move || {
                let answered = caught(|| study.answer(request, &to));
                let panicked = |panic| Err(format!("{panic}; this is a bug, please report it"));
                let tasks = answered.unwrap_or_else(panicked);
                study.send(tasks, &to);
            });
        if let Err(error) = started {
            self.send(Err(format!("could not start a thread: {error}")), sender);
        }
    }

    fn send(&self, tasks: Result<Option<Tasks>, String>, sender: &Sender) {
        let study = self.name.clone();
        let _ = sender.send(Message::News(News::StudyTasks { study, tasks }));
    }

    /// What becomes of the tasks after a request; none where nothing was submitted. Why
    /// something was not done stands in the log.
    fn answer(&self, request: ClusterRequest, sender: &Sender) -> Result<Option<Tasks>, String> {
        let log = |line| {
            let _ = sender.send(Message::log(line));
        };
        let study = files::study(&self.experiments, &self.name)?;
        let checkpoints: &Path = &self.checkpoints;
        let cluster = Cluster::new(&study, checkpoints);
        match execute(&study, &cluster, request) {
            Ok(lines) => lines.into_iter().map(LogLine::info).for_each(log),
            Err(error) => {
                let name = &self.name;
                log(LogLine::error(format!("{name}: {}", error.one_line())));
            }
        }
        let tasks = || {
            if !cluster.has_submitted()? {
                return Ok(None);
            }
            let seen = Seen::of(&study, checkpoints)?;
            cluster.tasks(&seen).map(Some)
        };
        tasks().map_err(|error: AppError| error.one_line())
    }
}

/// Does what is asked; returns a line for everything that was done.
fn execute(
    study: &Study,
    cluster: &Cluster,
    request: ClusterRequest,
) -> Result<Vec<String>, AppError> {
    match request {
        ClusterRequest::Tasks => Ok(Vec::new()),
        ClusterRequest::Submit => {
            let done = cluster.submit(true)?;
            let words = done.words(study);
            Ok(done.moved.into_iter().chain([words]).collect())
        }
        ClusterRequest::Cancel => Ok(vec![cluster.cancel()?.words(study)]),
    }
}
