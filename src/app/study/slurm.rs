//! A study on a Slurm cluster: `--slurm`, with `--dry-run` and `--cancel`.
//!
//! What is in the queue is asked of Slurm every time, by the name that the study's jobs have;
//! nothing about them is kept here.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::work::Seen;
use crate::app::arguments::Arguments;
use crate::app::error::{AppError, StudyError};
use crate::app::{print, print_text};
use crate::format::plural;
use crate::run::atomic::{create_folders, write_file};
use crate::run::{Exit, STUDIES};
use crate::study::slurm::{ACCOUNT_FORMAT, Batch, QUEUE_FORMAT, Tasks, ended, in_queue, job_name};
use crate::study::{Standing, Study};
use crate::untrusted::{Show as _, json_line};

/// Submits a task for every run that is missing and is not in the queue.
///
/// # Errors
/// What is wrong with the study; what Slurm refuses.
pub fn submit(study: &Study, file: &Path, arguments: &Arguments) -> Result<Exit, AppError> {
    let Seen { outlook, .. } = Seen::of(study, &arguments.checkpoints)?;
    study.check(&outlook.epochs)?;
    // The name of its jobs is that of the folder, which links may lead to.
    create_folders(&arguments.checkpoints).map_err(|error| StudyError::BatchScript {
        path: arguments.checkpoints.clone(),
        error,
    })?;
    let job = name(study, arguments)?;
    let (_, queued) = queue(&job)?;
    let tasks = (1..).zip(&outlook.cells).filter(|(task, (_, standing))| {
        let is_missing = standing.is_open() || *standing == Standing::Waiting;
        is_missing && !queued.contains_key(task)
    });
    let tasks: Vec<u32> = tasks.map(|(task, _)| task).collect();
    let output = place(arguments)?.join(STUDIES).join(&job);
    let script = output.join("batch.sh");
    let id = if tasks.is_empty() {
        None
    } else {
        let batch = Batch {
            job: &job,
            tasks: &tasks,
            program: &std::env::current_exe().map_err(StudyError::Job)?,
            file,
            checkpoints: &arguments.checkpoints,
            arguments: &device(arguments),
            folder: &std::env::current_dir().map_err(StudyError::Job)?,
            output: &output,
        };
        let text = study.slurm.clone().unwrap_or_default().batch_script(&batch);
        let written = create_folders(&output).and_then(|()| write_file(&script, text.as_bytes()));
        written.map_err(|error| StudyError::BatchScript {
            path: script.clone(),
            error,
        })?;
        let mut command = Command::new("sbatch");
        let printed = answer("sbatch", command.arg("--parsable").arg(&script))?;
        // The name of the cluster may stand behind it.
        let id = printed.trim().split(';').next().unwrap_or_default();
        Some(id.to_owned())
    };
    if arguments.json {
        let submitted = serde_json::json!({
            "job": id,
            "tasks": tasks,
            "script": id.as_ref().map(|_| script.to_string_lossy()),
        });
        print(&json_line(&submitted).map_err(StudyError::Json)?)?;
        return Ok(Exit::Success);
    }
    print_text(&match id {
        Some(id) => format!(
            "submitted job {id}: {} of study {}\nbatch script: {}\noutput: {}/{id}_*.txt\n",
            plural(tasks.len(), "run", "runs"),
            study.name,
            script.shown(),
            output.shown()
        ),
        None => format!(
            "nothing to submit: every run of study {} is complete, failed, under way or in the queue; \
             --dry-run lists them, --retry trains failed ones again\n",
            study.name
        ),
    })?;
    Ok(Exit::Success)
}

/// What Slurm says of the tasks of a study.
///
/// # Errors
/// If it cannot be asked.
pub fn tasks(study: &Study, arguments: &Arguments) -> Result<Tasks, AppError> {
    let job = name(study, arguments)?;
    let (_, queued) = queue(&job)?;
    let mut command = Command::new("sacct");
    command
        .args(["--allocations", "--noheader", "--parsable2"])
        .args(["--name", &job, "--starttime", "now-30days"])
        .args(["--format", ACCOUNT_FORMAT]);
    // Many clusters keep no account of what has ended.
    let mut tasks = answer("sacct", &mut command).map_or_else(|_| Tasks::new(), |it| ended(&it));
    tasks.extend(queued);
    Ok(tasks)
}

/// Cancels the jobs of a study; what trains is saved.
///
/// # Errors
/// What Slurm refuses.
pub fn cancel(study: &Study, arguments: &Arguments) -> Result<Exit, AppError> {
    let (jobs, tasks) = queue(&name(study, arguments)?)?;
    if !jobs.is_empty() {
        answer("scancel", Command::new("scancel").args(&jobs))?;
    }
    if arguments.json {
        let cancelled = serde_json::json!({
            "jobs": jobs,
            "tasks": tasks.into_keys().collect::<Vec<u32>>(),
        });
        print(&json_line(&cancelled).map_err(StudyError::Json)?)?;
        return Ok(Exit::Success);
    }
    print_text(&if jobs.is_empty() {
        format!("no task of study {} is in the queue\n", study.name)
    } else {
        format!(
            "cancelled {} {}: {} of study {}; --slurm submits what is missing again\n",
            if jobs.len() == 1 { "job" } else { "jobs" },
            jobs.join(", "),
            plural(tasks.len(), "task", "tasks"),
            study.name
        )
    })?;
    Ok(Exit::Success)
}

/// The jobs and tasks of this name that wait or run.
fn queue(job: &str) -> Result<(Vec<String>, Tasks), StudyError> {
    let mut command = Command::new("squeue");
    command
        .args(["--me", "--array", "--noheader", "--name", job])
        .args(["--format", QUEUE_FORMAT]);
    answer("squeue", &mut command).map(|printed| in_queue(&printed))
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

/// Name of the study's jobs.
fn name(study: &Study, arguments: &Arguments) -> Result<String, StudyError> {
    Ok(job_name(&study.name, &place(arguments)?))
}

/// The folder of runs, however it is written.
fn place(arguments: &Arguments) -> Result<PathBuf, StudyError> {
    let checkpoints = &arguments.checkpoints;
    let place = checkpoints.canonicalize();
    place
        .or_else(|_| std::path::absolute(checkpoints))
        .map_err(|error| StudyError::BatchScript {
            path: checkpoints.clone(),
            error,
        })
}

fn device(arguments: &Arguments) -> Vec<String> {
    let device = arguments.device;
    device.map_or_else(Vec::new, |device| {
        vec!["--device".to_owned(), device.to_string()]
    })
}
