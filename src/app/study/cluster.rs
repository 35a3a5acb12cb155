//! A study on a Slurm cluster: submitted, cancelled, and what becomes of its tasks; the same
//! from the command line and from the screen.
//!
//! What is in the queue is asked of Slurm every time, by the name that the study's jobs have.
//! What is submitted is frozen: a folder for each state of the study has the study file that
//! its tasks read when they begin, the batch script and their output. So what a queued task
//! trains is what was submitted, whatever becomes of the file meanwhile; and by its batch
//! script a task in the queue says which run it is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::retry;
use super::work::Seen;
use crate::app::arguments::Arguments;
use crate::app::error::{AppError, StudyError};
use crate::experiment::Report;
use crate::format::plural;
use crate::run::atomic::{create_folders, write_file};
use crate::run::{STUDIES, StudyRun};
use crate::study::slurm::{
    ACCOUNT_FORMAT, Batch, QUEUE_FORMAT, Task, Tasks, ended, in_queue, job_name,
};
use crate::study::{Standing, Study};

/// The study as it was submitted, in its folder.
const STUDY: &str = "study.ron";

/// The batch script beside it.
const SCRIPT: &str = "batch.sh";

/// A study, and where its tasks meet.
pub struct Cluster<'a> {
    study: &'a Study,
    checkpoints: &'a Path,
    /// What its tasks get beside the study and the folder of runs.
    arguments: Vec<String>,
}

/// What was submitted.
#[derive(Debug)]
pub struct Submitted {
    /// Number of the job; none where nothing was missing.
    pub job: Option<String>,
    /// Numbers of its tasks.
    pub tasks: Vec<u32>,
    /// The batch script.
    pub script: PathBuf,
    /// Where it lies, and the output of its tasks.
    pub folder: PathBuf,
    /// What was in the queue before.
    pub tasks_before: Tasks,
    /// A line for each failed run that was moved to the trash, to be trained again.
    pub moved: Vec<String>,
}

/// What was cancelled.
#[derive(Debug)]
pub struct Cancelled {
    /// Numbers of the jobs.
    pub jobs: Vec<String>,
    /// Numbers of the tasks that they had left, each in the list that was submitted.
    pub tasks: Vec<u32>,
}

impl Submitted {
    /// What was done, in a line.
    pub fn words(&self, study: &Study) -> String {
        let name = &study.name;
        match &self.job {
            Some(job) => {
                let runs = plural(self.tasks.len(), "run", "runs");
                format!("submitted job {job}: {runs} of study {name}")
            }
            None => format!(
                "nothing to submit: every run of study {name} is complete, failed, under way or in \
                 the queue"
            ),
        }
    }

    /// The same for a program.
    pub fn json(&self) -> Value {
        json!({
            "job": self.job,
            "tasks": self.tasks,
            "script": self.job.as_ref().map(|_| self.script.to_string_lossy()),
        })
    }
}

impl Cancelled {
    /// What was done, in a line.
    pub fn words(&self, study: &Study) -> String {
        let name = &study.name;
        if self.jobs.is_empty() {
            return format!("no task of study {name} is in the queue");
        }
        format!(
            "cancelled {} {}: {} of study {name}",
            if self.jobs.len() == 1 { "job" } else { "jobs" },
            self.jobs.join(", "),
            plural(self.tasks.len(), "task", "tasks"),
        )
    }

    /// The same for a program.
    pub fn json(&self) -> Value {
        json!({ "jobs": self.jobs, "tasks": self.tasks })
    }
}

impl<'a> Cluster<'a> {
    /// A study whose runs are in this folder.
    pub fn new(study: &'a Study, checkpoints: &'a Path) -> Self {
        Self {
            study,
            checkpoints,
            arguments: Vec::new(),
        }
    }

    /// The same, whose tasks are trained as these arguments say.
    pub fn trained_as(mut self, arguments: &Arguments) -> Self {
        if let Some(device) = arguments.device {
            let device = ["--device".to_owned(), device.to_string()];
            self.arguments.extend(device);
        }
        if arguments.tensorboard {
            self.arguments.push("--tensorboard".to_owned());
        }
        self
    }

    /// Submits a task for every run that is missing and is not in the queue; with `retries`
    /// after moving the runs that failed to the trash.
    ///
    /// # Errors
    /// What is wrong with the study; what Slurm refuses.
    pub fn submit(&self, retries: bool) -> Result<Submitted, AppError> {
        let mut seen = Seen::of(self.study, self.checkpoints)?;
        self.study.check(&seen.outlook.epochs)?;
        // The name of its jobs is that of the folder, which links may lead to.
        create_folders(self.checkpoints).map_err(|error| submission(self.checkpoints, error))?;
        // Where Slurm does not answer, nothing is moved.
        let queue = self.queue()?;
        let mut moved = Vec::new();
        if retries {
            moved = retry(self.study, &seen)?;
            seen = Seen::of(self.study, self.checkpoints)?;
        }
        let tasks_before = self.numbered(&seen, Vec::new(), &queue)?;
        let tasks = (1..).zip(&seen.outlook.cells);
        let tasks = tasks.filter(|(task, (_, standing))| {
            let is_missing = standing.is_open() || *standing == Standing::Waiting;
            is_missing && !tasks_before.of_runs.contains_key(task)
        });
        let tasks: Vec<u32> = tasks.map(|(task, _)| task).collect();
        let folder = self.folder()?.join(self.state());
        let script = folder.join(SCRIPT);
        let job = if tasks.is_empty() {
            None
        } else {
            Some(self.sbatch(&tasks, &folder, &script)?)
        };
        Ok(Submitted {
            job,
            tasks,
            script,
            folder,
            tasks_before,
            moved,
        })
    }

    /// Submits these tasks, of the study as it is now. Returns the number of the job.
    fn sbatch(&self, tasks: &[u32], folder: &Path, script: &Path) -> Result<String, StudyError> {
        let study = folder.join(STUDY);
        let batch = Batch {
            job: &self.job()?,
            tasks,
            program: &std::env::current_exe().map_err(StudyError::Job)?,
            file: &study,
            checkpoints: self.checkpoints,
            arguments: &self.arguments,
            folder: &std::env::current_dir().map_err(StudyError::Job)?,
            output: folder,
        };
        let slurm = self.study.slurm.clone().unwrap_or_default();
        let text = slurm.batch_script(&batch);
        create_folders(folder).map_err(|error| submission(folder, error))?;
        for (path, text) in [(&*study, self.study.frozen_text()), (script, &text)] {
            write_file(path, text.as_bytes()).map_err(|error| submission(path, error))?;
        }
        let mut command = Command::new("sbatch");
        let printed = answer("sbatch", command.arg("--parsable").arg(script))?;
        // The name of the cluster may stand behind it.
        let id = printed.trim().split(';').next().unwrap_or_default();
        Ok(id.to_owned())
    }

    /// Cancels the jobs of the study; what trains is saved.
    ///
    /// # Errors
    /// What Slurm refuses.
    pub fn cancel(&self) -> Result<Cancelled, StudyError> {
        let queue = self.queue()?;
        let mut jobs: Vec<String> = Vec::new();
        for (task, _) in &queue {
            if !jobs.contains(&task.job) {
                jobs.push(task.job.clone());
            }
        }
        if !jobs.is_empty() {
            answer("scancel", Command::new("scancel").args(&jobs))?;
        }
        let tasks = queue.iter().filter_map(|(task, _)| task.number);
        Ok(Cancelled {
            tasks: tasks.collect(),
            jobs,
        })
    }

    /// What Slurm says of the tasks of the study, and how those ended that left no complete
    /// run.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn tasks(&self, seen: &Seen) -> Result<Tasks, AppError> {
        let queue = self.queue()?;
        let mut command = Command::new("sacct");
        command
            .args(["--allocations", "--noheader", "--parsable2"])
            .args(["--name", &self.job()?, "--starttime", "now-30days"])
            .args(["--format", ACCOUNT_FORMAT]);
        // Many clusters keep no account of what has ended.
        let ended = answer("sacct", &mut command).map_or_else(|_| Vec::new(), |it| ended(&it));
        self.numbered(seen, ended, &queue)
    }

    /// The tasks of the study in the queue, with their batch scripts.
    fn queue(&self) -> Result<Vec<(Task, PathBuf)>, StudyError> {
        let mut command = Command::new("squeue");
        command
            .args(["--me", "--array", "--noheader", "--name", &self.job()?])
            .args(["--format", QUEUE_FORMAT]);
        answer("squeue", &mut command).map(|printed| in_queue(&printed))
    }

    /// Tasks that ended and those in the queue by the numbers that their runs have in the
    /// study as it is now.
    fn numbered(
        &self,
        seen: &Seen,
        ended: Vec<Task>,
        queue: &[(Task, PathBuf)],
    ) -> Result<Tasks, AppError> {
        let now = runs_of(self.study, &seen.outlook.epochs)?;
        let place = self.folder()?;
        let mut submitted: BTreeMap<PathBuf, Vec<StudyRun>> = BTreeMap::new();
        // The run that a task of a folder trains, if it is one of the study as it is now.
        let mut number_of = |folder: &Path, task: u32| {
            if !submitted.contains_key(folder) {
                let was = runs_of_frozen(&folder.join(STUDY), seen);
                submitted.insert(folder.to_owned(), was.unwrap_or_default());
            }
            let was = submitted.get(folder)?;
            let run = was.get((task as usize).checked_sub(1)?)?;
            let at = now.iter().position(|other| other == run)?;
            u32::try_from(at + 1).ok()
        };
        let mut tasks = Tasks::default();
        for task in ended {
            let folder = with_output(&place, &task);
            let number = folder.zip(task.number);
            let number = number.and_then(|(folder, number)| number_of(&folder, number));
            let standing = number.and_then(|number| seen.outlook.cells.get(number as usize - 1));
            // How the task of a complete run ended is of no interest.
            let is_done = standing.is_some_and(|(_, it)| matches!(it, Standing::Done(_)));
            if let Some(number) = number.filter(|_| !is_done) {
                tasks.of_runs.insert(number, task.words);
            }
        }
        for (task, script) in queue {
            let Some(number) = task.number else {
                continue;
            };
            let folder = script.parent().unwrap_or(&place);
            match number_of(folder, number) {
                Some(number) => {
                    tasks.of_runs.insert(number, task.words.clone());
                }
                None => tasks.others += 1,
            }
        }
        Ok(tasks)
    }

    /// Whether anything of the study was submitted from here.
    pub fn has_submitted(&self) -> Result<bool, StudyError> {
        Ok(self.folder()?.is_dir())
    }

    /// Where all is kept that was submitted of it.
    fn folder(&self) -> Result<PathBuf, StudyError> {
        Ok(self.place()?.join(STUDIES).join(self.job()?))
    }

    /// Name of the folder of the study as it is now.
    fn state(&self) -> String {
        let hash = blake3::hash(self.study.frozen_text().as_bytes());
        hash.to_hex()[..12].to_owned()
    }

    /// Name of the study's jobs.
    fn job(&self) -> Result<String, StudyError> {
        Ok(job_name(&self.study.name, &self.place()?))
    }

    /// The folder of runs, however it is written.
    fn place(&self) -> Result<PathBuf, StudyError> {
        let place = self.checkpoints.canonicalize();
        let place = place.or_else(|_| std::path::absolute(self.checkpoints));
        place.map_err(|error| submission(self.checkpoints, error))
    }
}

/// The runs of a study whose variants are trained for so many epochs, in the order of its list.
fn runs_of(study: &Study, epochs: &[Option<u32>]) -> Result<Vec<StudyRun>, Report> {
    let cells = study.cells().into_iter();
    let runs = cells.map(|cell| study.run_of(cell, epochs[cell.variant]));
    runs.collect()
}

/// The same of a study as it was submitted.
fn runs_of_frozen(file: &Path, seen: &Seen) -> Result<Vec<StudyRun>, Report> {
    let study = Study::load(file)?;
    let epochs = study.outlook(&seen.runs)?.epochs;
    runs_of(&study, &epochs)
}

/// The folder in which a task that began left its output.
fn with_output(place: &Path, task: &Task) -> Option<PathBuf> {
    let name = format!("{}_{}.txt", task.job, task.number?);
    let folders = fs::read_dir(place).ok()?.filter_map(Result::ok);
    let mut folders = folders.map(|folder| folder.path());
    folders.find(|folder| folder.join(&name).is_file())
}

fn submission(path: &Path, error: io::Error) -> StudyError {
    StudyError::Submission {
        path: path.to_owned(),
        error,
    }
}

/// What a program of Slurm prints.
fn answer(program: &'static str, command: &mut Command) -> Result<String, StudyError> {
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StudyError::NoSlurm(program),
        _ => StudyError::Slurm {
            program,
            words: error.to_string(),
        },
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words: Vec<&str> = words.lines().map(str::trim).collect();
    Err(StudyError::Slurm {
        program,
        words: words.join("; "),
    })
}
