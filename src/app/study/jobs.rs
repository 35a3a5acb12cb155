//! Several runs of a study at a time on this machine, each a process of its own: what one of
//! them does to its memory or its GPU does not concern the others.
//!
//! A process trains one cell, as `--task` does. It is asked to stop by closing its standard
//! input, which happens as well when this process is killed: nothing is left that nobody
//! watches. The cores are shared evenly; of the GPUs each run has one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::waited_for;
use super::work::{Others, Picked, Work};
use crate::app::arguments::Arguments;
use crate::app::error::{AppError, StudyError};
use crate::app::print_error_line;
use crate::engine::THREAD_VARIABLES;
use crate::engine::device::gpus;
use crate::experiment::spec::{DeviceSpec, LibTorchDevice};
use crate::run::{Exit, StopSignal, TemporaryFolder};
use crate::study::wording::cell_words;
use crate::study::{Cell, Study};

/// How often it is looked whether a process has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks at the processes before one at those of others.
const LOOKS: u32 = 20;

/// The variable that says which GPUs there are.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// A process that trains a cell.
struct Running {
    cell: Cell,
    words: String,
    /// The GPU and the cores that it has.
    slot: usize,
    child: Child,
    lines: JoinHandle<()>,
}

/// The processes of this one, which has them stop where it does.
struct Processes(Vec<Running>);

/// Trains every cell that has no complete run, so many at a time. Whether it came to its
/// end.
pub fn train(
    work: &mut Work,
    jobs: usize,
    arguments: &Arguments,
    stop: &StopSignal,
) -> Result<bool, AppError> {
    // Every process trains the study that this one read; it is not removed before they end.
    let temporary = TemporaryFolder::new().map_err(StudyError::from)?;
    let frozen = temporary.write("study.ron", work.study.frozen_text().as_bytes());
    let frozen = frozen.map_err(StudyError::from)?;
    let mut processes = Processes(Vec::new());
    let running = &mut processes.0;
    let machine = Machine::of(jobs, arguments.device);
    // What there is changes where a run ends, here or in another process.
    let (mut has_changed, mut others) = (true, None::<Others>);
    loop {
        for cell in poll(running).map_err(StudyError::Job)? {
            work.tried(cell);
            has_changed = true;
        }
        if stop.reason().is_some() {
            return Ok(false);
        }
        if let Some(others) = &others
            && !others.are_busy()?
        {
            has_changed = true;
        }
        while has_changed && running.len() < jobs {
            let ours: Vec<Cell> = running.iter().map(|it| it.cell).collect();
            match work.pick(&ours)? {
                Picked::Cell(cell, _) => {
                    let is_free = |slot: &usize| running.iter().all(|it| it.slot != *slot);
                    let slot = (0..jobs).find(is_free).unwrap_or_default();
                    let started = machine.start(work.study, cell, slot, &frozen, arguments);
                    running.push(started.map_err(StudyError::Job)?);
                }
                Picked::Wait(found) => {
                    if running.is_empty() {
                        print_error_line(&waited_for(work.study, &found));
                    }
                    (others, has_changed) = (Some(found), false);
                }
                Picked::Over => (others, has_changed) = (None, false),
            }
        }
        if running.is_empty() && others.is_none() && !has_changed {
            return Ok(true);
        }
        for _ in 0..LOOKS {
            std::thread::sleep(BETWEEN_LOOKS);
            let has_ended = |it: &mut Running| !matches!(it.child.try_wait(), Ok(None));
            if stop.reason().is_some() || running.iter_mut().any(has_ended) {
                break;
            }
        }
    }
}

/// Takes out the processes that have ended, and names those that did not complete.
fn poll(running: &mut Vec<Running>) -> std::io::Result<Vec<Cell>> {
    let (mut ended, mut still) = (Vec::new(), Vec::new());
    for mut process in running.drain(..) {
        match process.child.try_wait()? {
            Some(status) => ended.push(process.ended(status)),
            None => still.push(process),
        }
    }
    *running = still;
    Ok(ended)
}

impl Drop for Processes {
    /// Has them stop, and waits until their runs are saved.
    fn drop(&mut self) {
        for process in &mut self.0 {
            drop(process.child.stdin.take());
        }
        for mut process in self.0.drain(..) {
            if let Ok(status) = process.child.wait() {
                process.ended(status);
            }
        }
    }
}

impl Running {
    /// Its cell, after all that it printed.
    fn ended(self, status: ExitStatus) -> Cell {
        let _ = self.lines.join();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        let is_expected = [Exit::Success, Exit::Interrupted].map(|exit| Some(exit.code()));
        if !is_expected.contains(&code) {
            print_error_line(&format!(
                "[{}] its process ended with {status}; the study continues with the others",
                self.words
            ));
        }
        self.cell
    }
}

/// What runs share.
struct Machine {
    /// Threads of a run.
    threads: usize,
    /// Names of the GPUs, as CUDA takes them.
    gpus: Vec<String>,
}

impl Machine {
    /// This one, for so many runs on such a device.
    fn of(jobs: usize, device: Option<DeviceSpec>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let visible = std::env::var(VISIBLE).ok();
        // A run that names another than the first GPU has that one.
        let is_named = matches!(
            device,
            Some(DeviceSpec::LibTorch(LibTorchDevice::Cuda(index))) if index > 0
        );
        Self {
            threads: (cores / jobs).max(1),
            gpus: if is_named {
                Vec::new()
            } else {
                names(visible.as_deref(), gpus())
            },
        }
    }

    /// Starts the process of a cell.
    fn start(
        &self,
        study: &Study,
        cell: Cell,
        slot: usize,
        file: &Path,
        arguments: &Arguments,
    ) -> std::io::Result<Running> {
        let number = study.cells().iter().position(|other| *other == cell);
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("--study")
            .arg(file)
            .arg("--checkpoints")
            .arg(&arguments.checkpoints)
            .args(["--task", &(number.unwrap_or_default() + 1).to_string()])
            .arg("--stop-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(device) = arguments.device {
            command.args(["--device", &device.to_string()]);
        }
        if arguments.tensorboard {
            command.arg("--tensorboard");
        }
        for variable in THREAD_VARIABLES {
            if std::env::var_os(variable).is_none() {
                command.env(variable, self.threads.to_string());
            }
        }
        if !self.gpus.is_empty() {
            command.env(VISIBLE, &self.gpus[slot % self.gpus.len()]);
        }
        // Ctrl+C in a terminal is this process's, which has the others stop.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let words = cell_words(study, cell);
        let (stderr, prefix) = (child.stderr.take(), words.clone());
        let lines = std::thread::spawn(move || {
            let lines = stderr.into_iter().flat_map(|it| BufReader::new(it).lines());
            for line in lines.map_while(Result::ok) {
                print_error_line(&format!("[{prefix}] {line}"));
            }
        });
        Ok(Running {
            cell,
            words,
            slot,
            child,
            lines,
        })
    }
}

/// Names of the GPUs that libtorch finds: those that the environment names, or numbers.
fn names(visible: Option<&str>, count: usize) -> Vec<String> {
    let named = visible.map(|names| names.split(',').map(|name| name.trim().to_owned()));
    match named {
        Some(named) => named.take(count).collect(),
        None => (0..count).map(|number| number.to_string()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_those_that_the_environment_names() {
        assert_eq!(names(None, 2), ["0", "1"]);
        assert_eq!(names(Some("3, GPU-a,5"), 2), ["3", "GPU-a"]);
        assert_eq!(names(Some(""), 0), [""; 0]);
    }
}
