//! A study on a cluster: what Slurm is asked for, the batch script of an array job with a task
//! for each run, and what Slurm answers about its tasks.
//!
//! A task trains one cell, as a process on any other machine does, and meets the others in
//! the folder of runs alone. Nothing else is kept of a job: its name says whose it is, its
//! batch script lies beside the study as it was submitted, and the numbers of its tasks are
//! those of that study's cells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::experiment::problem::Problem;
use crate::format::shell_word;

/// Seconds before its time limit at which a task is signalled to save: enough for a step,
/// with the minute by which Slurm may be early or late.
const NOTICE: u32 = 120;

/// How often a task continues after its time limit. One that gets nowhere would do so for
/// ever.
const MOST_RESTARTS: u32 = 100;

/// Options that the batch script decides, and why they cannot be others.
const DECIDED: [&str; 9] = [
    "array",
    "chdir",
    "error",
    "job-name",
    "no-requeue",
    "open-mode",
    "output",
    "requeue",
    "signal",
];

/// What words of a task begin with that has ended.
const ENDED: &str = "ended: ";

/// What every task of a study gets of a cluster; what is not written is the cluster's default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlurmSpec {
    /// `--partition`.
    #[serde(default)]
    pub partition: Option<String>,
    /// GPUs of a task: `--gres=gpu:N`.
    #[serde(default)]
    pub gpus: Option<u32>,
    /// Cores of a task, and its threads: `--cpus-per-task`.
    #[serde(default)]
    pub cpus: Option<u32>,
    /// Memory of a task, such as `16G`: `--mem`.
    #[serde(default)]
    pub memory: Option<String>,
    /// Time limit of a task, such as `4:00:00`: `--time`. One that comes to it is saved and
    /// continues in the queue.
    #[serde(default)]
    pub time: Option<String>,
    /// Tasks that run at a time.
    #[serde(default)]
    pub at_once: Option<u32>,
    /// More `#SBATCH` lines, such as `--account=vision`.
    #[serde(default)]
    pub extra: Vec<String>,
}

/// What a batch script is made of.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Name of the job.
    pub job: &'a str,
    /// Numbers of the tasks, rising.
    pub tasks: &'a [u32],
    /// The program.
    pub program: &'a Path,
    /// The file of the study as it is submitted.
    pub file: &'a Path,
    /// The folder of runs.
    pub checkpoints: &'a Path,
    /// What the program gets beside these.
    pub arguments: &'a [String],
    /// Where the program is started.
    pub folder: &'a Path,
    /// Where the output of tasks is kept.
    pub output: &'a Path,
}

/// What Slurm says of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Number of its job.
    pub job: String,
    /// Its own, in the list of runs of the study that was submitted; none where the line is
    /// about the whole job.
    pub number: Option<u32>,
    /// For people: `pending (Priority)`, `running on n12`.
    pub words: String,
}

/// What Slurm says of the tasks of a study.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Of its runs, by their number in its list.
    pub of_runs: BTreeMap<u32, String>,
    /// Tasks in the queue that train what is no run of the study as it is now: it was changed
    /// after they were submitted.
    pub others: usize,
}

impl Tasks {
    /// How many there are of each kind: `2 running, 3 pending`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for words in self.of_runs.values() {
            let kind = words.split([' ', ':']).next().unwrap_or_default();
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((kind, 1)),
            }
        }
        let kinds = kinds.iter().map(|(kind, count)| format!("{count} {kind}"));
        let kinds: Vec<String> = kinds.collect();
        if kinds.is_empty() {
            "no task in the queue".to_owned()
        } else {
            kinds.join(", ")
        }
    }

    /// Whether any is in the queue.
    #[must_use]
    pub fn are_queued(&self) -> bool {
        let mut words = self.of_runs.values();
        self.others > 0 || words.any(|words| !words.starts_with(ENDED))
    }

    /// What is to be known of tasks that train something else.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let tasks = match self.others {
            0 => return None,
            1 => "1 task in the queue trains",
            others => &format!("{others} tasks in the queue train"),
        };
        Some(format!(
            "{tasks} the study as it was before it was changed; what comes of that does not count"
        ))
    }
}

impl SlurmSpec {
    /// What is wrong with what is written.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let numbers = [
            ("gpus", self.gpus),
            ("cpus", self.cpus),
            ("at_once", self.at_once),
        ];
        for (field, number) in numbers {
            if number == Some(0) {
                let path = format!("slurm.{field}");
                let none = Problem::new(path, format!("`{field}` must be greater than 0"));
                problems.push(none.help("leave it out for the cluster's default"));
            }
        }
        let texts = [
            ("partition", &self.partition),
            ("memory", &self.memory),
            ("time", &self.time),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| !is_line(text)) {
                let path = format!("slurm.{field}");
                problems.push(Problem::new(
                    path,
                    format!("`{field}` must be a single line"),
                ));
            }
        }
        for (at, option) in self.extra.iter().enumerate() {
            let path = format!("slurm.extra[{at}]");
            let name = option.trim_start_matches('-').split(['=', ' ']).next();
            let name = name.unwrap_or_default();
            if !is_line(option) || !option.starts_with('-') {
                let none = Problem::new(path, "it is no option of sbatch");
                problems.push(none.help("write what follows #SBATCH, as in \"--account=vision\""));
            } else if DECIDED.contains(&name) {
                let decided = Problem::new(path, format!("`--{name}` is decided by the study"));
                problems.push(decided.help("leave it out"));
            }
        }
        problems
    }

    /// What it asks for, as options of sbatch.
    fn options(&self) -> Vec<String> {
        let text = |option: &str, value: &Option<String>| {
            let value = value.as_ref()?;
            Some(format!("--{option}={}", quoted(value)))
        };
        let mut options = Vec::new();
        options.extend(text("partition", &self.partition));
        options.extend(self.gpus.map(|gpus| format!("--gres=gpu:{gpus}")));
        options.extend(self.cpus.map(|cpus| format!("--cpus-per-task={cpus}")));
        options.extend(text("mem", &self.memory));
        options.extend(text("time", &self.time));
        options.extend(self.extra.iter().cloned());
        options
    }
}

/// Name of the jobs of a study in this folder of runs.
#[must_use]
pub fn job_name(study: &str, checkpoints: &Path) -> String {
    let of = format!("{study}\0{}", checkpoints.to_string_lossy());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = study.chars();
    let name: String = name.map(|c| if is_plain(c) { c } else { '-' }).collect();
    format!("{name}-{}", &blake3::hash(of.as_bytes()).to_hex()[..6])
}

impl SlurmSpec {
    /// The batch script of an array job with a task for each of some cells.
    #[must_use]
    pub fn batch_script(&self, batch: &Batch) -> String {
        let at_once = self.at_once.map_or_else(String::new, |it| format!("%{it}"));
        let output = batch.output.join("%A_%a.txt");
        // A `%` of the folder itself is written twice.
        let folder = batch.output.to_string_lossy();
        let output = output
            .to_string_lossy()
            .replacen(&*folder, &folder.replace('%', "%%"), 1);
        let mut options = vec![
            format!("--job-name={}", batch.job),
            format!("--array={}{at_once}", ranges(batch.tasks)),
            format!("--chdir={}", quoted(&batch.folder.to_string_lossy())),
            format!("--output={}", quoted(&output)),
            "--open-mode=append".to_owned(),
            "--requeue".to_owned(),
            format!("--signal=B:USR1@{NOTICE}"),
        ];
        options.extend(self.options());
        let options: Vec<String> = options.iter().map(|it| format!("#SBATCH {it}")).collect();
        let options = options.join("\n");
        let threads = match self.cpus {
            Some(cpus) => {
                format!("export RAYON_NUM_THREADS={cpus} OMP_NUM_THREADS={cpus}\n\n")
            }
            None => String::new(),
        };
        let [program, file, checkpoints] =
            [batch.program, batch.file, batch.checkpoints].map(shell_word);
        let arguments = batch.arguments.iter().map(|it| shell_word(Path::new(it)));
        let words: Vec<String> = [file, "--checkpoints".to_owned(), checkpoints]
            .into_iter()
            .chain(arguments)
            .collect();
        let words = words.join(" ");
        format!(
            r#"#!/bin/bash
# A task for each run of a study. One that is requeued resumes its run.
{options}

{threads}{program} --study {words} --task "$SLURM_ARRAY_TASK_ID" &
run=$!
is_over_time=
# Cancelled, or requeued: the run is saved.
trap 'kill -TERM "$run" 2>/dev/null' TERM
# Soon at the time limit: it is saved, and continues in the queue.
trap 'is_over_time=1; kill -TERM "$run" 2>/dev/null' USR1

# A signal ends a wait, not the run.
wait "$run"
while kill -0 "$run" 2>/dev/null; do wait "$run"; done
wait "$run"
status=$?

if [[ $is_over_time && $status == 130 ]] && ((${{SLURM_RESTART_COUNT:-0}} < {MOST_RESTARTS})); then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
"#
        )
    }
}

/// The format that [`in_queue`] reads, of `squeue`.
pub const QUEUE_FORMAT: &str = "%F|%K|%T|%R|%o";

/// Tasks in the queue with their batch scripts, by what `squeue` prints.
#[must_use]
pub fn in_queue(printed: &str) -> Vec<(Task, PathBuf)> {
    let lines = printed.lines().filter_map(|line| {
        // A path may have bars.
        let fields: Vec<&str> = line.trim().splitn(5, '|').collect();
        let [job, number, state, place, script] = fields[..] else {
            return None;
        };
        let words = state_words(state);
        let words = match state {
            // Why it waits stands in parentheses.
            "PENDING" => format!("{words} {place}"),
            "RUNNING" => format!("{words} on {place}"),
            _ => words,
        };
        let task = Task {
            job: job.to_owned(),
            number: number.parse().ok(),
            words,
        };
        Some((task, PathBuf::from(script)))
    });
    lines.collect()
}

/// The format that [`ended`] reads, of `sacct`.
pub const ACCOUNT_FORMAT: &str = "JobID,State";

/// Tasks that have ended, and how, by what `sacct` prints.
#[must_use]
pub fn ended(printed: &str) -> Vec<Task> {
    let lines = printed.lines().filter_map(|line| {
        let (id, state) = line.trim().split_once('|')?;
        let (job, number) = id.split_once('_')?;
        // Who cancelled it stands behind the word.
        let state = state.split(' ').next()?;
        Some(Task {
            job: job.to_owned(),
            number: Some(number.parse().ok()?),
            words: format!("{ENDED}{}", state_words(state)),
        })
    });
    lines.collect()
}

/// `OUT_OF_MEMORY` as `out of memory`.
fn state_words(state: &str) -> String {
    state.to_ascii_lowercase().replace('_', " ")
}

/// `1-3,5`.
fn ranges(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let ranges = ranges.into_iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    ranges.collect::<Vec<String>>().join(",")
}

/// A value behind `#SBATCH`, in quotes where it needs some.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::read::Study;
    use crate::study::testing::{STUDY, read};

    fn with(slurm: &str) -> Result<Study, String> {
        read(&STUDY.replace("baseline:", &format!("slurm: ({slurm}), baseline:")))
    }

    #[test]
    fn a_batch_script_has_a_task_for_each_run_and_what_the_study_asks_for() {
        let study = with(
            "partition: \"gpu\", gpus: 1, cpus: 8, memory: \"16G\", time: \"4:00:00\", at_once: 2, \
             extra: [\"--account=vision\"]",
        );
        let script = study.unwrap().slurm.unwrap().batch_script(&Batch {
            job: "study-012345",
            tasks: &[1, 2, 3, 5, 8, 9],
            program: Path::new("/opt/work bench"),
            file: Path::new("/srv/a b/50%/out/study.ron"),
            checkpoints: Path::new("checkpoints"),
            arguments: &["--device".to_owned(), "cuda".to_owned()],
            folder: Path::new("/srv/a b"),
            output: Path::new("/srv/a b/50%/out"),
        });
        insta::assert_snapshot!(script);
    }

    #[test]
    fn what_is_no_option_or_is_decided_is_refused_at_its_place() {
        for (slurm, expected) in [
            ("gpus: 0", "`gpus` must be greater than 0"),
            ("partition: \"a\\nb\"", "`partition` must be a single line"),
            ("extra: [\"account=a\"]", "it is no option of sbatch"),
            (
                "extra: [\"--array=1-2\"]",
                "`--array` is decided by the study",
            ),
            ("partitions: \"gpu\"", "partitions"),
        ] {
            let report = with(slurm).unwrap_err();
            assert!(report.contains(expected), "{slurm}: {report}");
        }
        assert!(with("").is_ok());
    }

    #[test]
    fn tasks_in_the_queue_and_those_that_ended_are_read_of_what_slurm_prints() {
        let task = |job: &str, number, words: &str| Task {
            job: job.to_owned(),
            number,
            words: words.to_owned(),
        };
        let printed = "7|1|RUNNING|n12|/a|b/batch.sh\n7|2|PENDING|(Resources)|/a|b/batch.sh\n\
                       9|4|COMPLETING|n3|/c/batch.sh\n9|N/A|PENDING|(None)|/c/batch.sh\n";
        let expected = [
            (task("7", Some(1), "running on n12"), "/a|b/batch.sh"),
            (task("7", Some(2), "pending (Resources)"), "/a|b/batch.sh"),
            (task("9", Some(4), "completing"), "/c/batch.sh"),
            (task("9", None, "pending (None)"), "/c/batch.sh"),
        ];
        let expected = expected.map(|(task, script)| (task, PathBuf::from(script)));
        assert_eq!(in_queue(printed), expected);
        let printed = "7_1|COMPLETED\n7_2|OUT_OF_MEMORY\n7_3|CANCELLED by 1000\n7_[5-6]|PENDING\n";
        let expected = [
            task("7", Some(1), "ended: completed"),
            task("7", Some(2), "ended: out of memory"),
            task("7", Some(3), "ended: cancelled"),
        ];
        assert_eq!(ended(printed), expected);
    }

    #[test]
    fn jobs_of_one_study_in_one_folder_have_one_name() {
        let name = |folder| job_name("a study", Path::new(folder));
        let [here, there] = ["/a/checkpoints", "/b/checkpoints"].map(name);
        assert!(here.starts_with("a-study-") && here != there);
        assert_eq!(here, name("/a/checkpoints"));
    }
}
