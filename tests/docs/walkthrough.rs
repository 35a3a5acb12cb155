//! Commands that pages show, typed for real: every page is followed from top to
//! bottom in a folder of its own, with small data, a quick start that is over
//! soon, and the program that was just built.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use regex::{Captures, Regex};
use tempfile::TempDir;

use super::pages::{Page, root};
use super::quick_start::{pictures, shortened};
use super::terminal::Terminal;

/// Longest time that a command may take. Machines that test are slow.
const PATIENCE: Duration = Duration::from_mins(3);

/// Commands that are not typed, by how they begin, and why. A row that no page
/// needs any more is an error.
const NOT_TYPED: [(&str, &str); 10] = [
    ("cargo install", "compiles for ten minutes"),
    ("cargo build", "compiles for ten minutes"),
    ("cargo test", "runs this test"),
    ("cargo bench", "measures for minutes, compiled for it"),
    (
        "cargo run --release --features libtorch",
        "compiles with libtorch",
    ),
    (
        "WORKBENCH_STEPS=",
        "walks for minutes; the walk itself is one of the tests",
    ),
    ("workbench --study study.ron", "is submitted to a cluster"),
    ("scripts/", "downloads, measures or writes into the project"),
    ("mdbook serve", "serves until it is stopped"),
    ("git ", "is about a repository of the reader"),
];

/// Programs whose lines in prose are commands.
const PROGRAMS: [&str; 7] = [
    "workbench ",
    "target/",
    "cargo ",
    "scripts/",
    "mdbook ",
    "git ",
    "WORKBENCH_",
];

/// The commands of a page, in order, with their lines: those of blocks for a
/// shell, the steps of a workflow, and whole ones in prose.
pub fn commands(page: &Page) -> Vec<(usize, String)> {
    let placeholder = Regex::new(r"(^|[ =])[A-Z]{2,}\b|…").unwrap();
    let mut found: Vec<(usize, String)> = page
        .spans()
        .into_iter()
        .filter(|(_, span)| {
            PROGRAMS.iter().any(|program| span.starts_with(program))
                // A script that is named, not called with anything, is a file.
                && span.contains(' ')
                && (span.starts_with("WORKBENCH_") || !placeholder.is_match(span))
        })
        .collect();
    for block in page.blocks() {
        let code = block.text.replace("\\\n", " ");
        let lines = code.lines().map(str::trim);
        let lines: Vec<&str> = match block.language.as_str() {
            "sh" | "console" => lines
                .map(|line| line.strip_prefix("$ ").unwrap_or(line))
                .collect(),
            "yaml" => lines
                .filter_map(|line| line.strip_prefix("- run: "))
                .collect(),
            _ => continue,
        };
        let lines = lines.into_iter().filter(|line| !line.is_empty());
        found.extend(lines.map(|line| (block.line, line.to_owned())));
    }
    found.sort_by_key(|(line, _)| *line);
    found
}

/// Rows of commands that are not typed, although no page shows one.
pub fn superfluous_rows(pages: &[Page]) -> Vec<&'static str> {
    let shown: Vec<String> = pages
        .iter()
        .flat_map(commands)
        .map(|(_, line)| line)
        .collect();
    let starts = NOT_TYPED.iter().map(|(start, _)| *start);
    starts
        .filter(|start| !shown.iter().any(|line| line.starts_with(start)))
        .collect()
}

/// What a command that is not typed names and the project does not have: a
/// script, a feature or a benchmark.
fn lacks(command: &str) -> Option<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let words: Vec<&str> = command.split_whitespace().collect();
    if words[0].starts_with("scripts/") && !root().join(words[0]).exists() {
        return Some(format!("there is no {}", words[0]));
    }
    words.windows(2).find_map(|pair| {
        let declared = match pair {
            ["--features", feature] => format!("\n{feature} = ["),
            ["--bench", bench] => format!("[[bench]]\nname = \"{bench}\""),
            _ => return None,
        };
        (!manifest.contains(&declared)).then(|| format!("there is no {}", pair.join(" ")))
    })
}

/// What happens where a page is not as it says.
pub fn complaints(page: &Page) -> Vec<String> {
    let is_typed = |line: &String| !NOT_TYPED.iter().any(|(start, _)| line.starts_with(start));
    let commands = commands(page);
    let (typed, others): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|(_, line)| is_typed(line));
    let mut found: Vec<String> = others
        .iter()
        .filter_map(|(line, command)| Some(page.complaint(*line, &lacks(command)?)))
        .collect();
    if typed.is_empty() {
        return found;
    }
    let place = Place::new();
    let wrong = typed.into_iter().filter_map(|(line, command)| {
        let error = place.follow(&command).err()?;
        Some(page.complaint(line, &format!("{command}\n{error}")))
    });
    found.extend(wrong);
    found
}

/// The study of the quick start with fewer seeds and passes.
fn shortened_study() -> String {
    let mut text = fs::read_to_string(root().join("experiments/studies/shapes.ron")).unwrap();
    for (long, short) in [
        ("seeds: [1, 2, 3]", "seeds: [1, 2]"),
        ("StudentPasses(6)", "StudentPasses(4)"),
    ] {
        assert!(text.contains(long), "the study has no {long}");
        text = text.replace(long, short);
    }
    text
}

/// The project's folder as a reader has it after building, but for sizes.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for made in ["experiments/studies", "target/release", "bin"] {
            fs::create_dir_all(at(made)).unwrap();
        }
        for program in ["target/release/workbench", "bin/workbench"] {
            symlink(env!("CARGO_BIN_EXE_workbench"), at(program)).unwrap();
        }
        symlink(root().join("assets"), at("assets")).unwrap();
        for entry in fs::read_dir(root().join("experiments")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let to = at("experiments").join(entry.file_name());
                fs::copy(entry.path(), to).unwrap();
            }
        }
        fs::write(at("experiments/quickstart.ron"), shortened(3)).unwrap();
        let study = "experiments/studies/shapes.ron";
        fs::write(at(study), shortened_study()).unwrap();
        // More than one batch to train on.
        for (images, count) in [("data/my-images/train", 150), ("data/my-images/test", 20)] {
            pictures(&at(images), count);
        }
        Self { folder }
    }

    /// Types a line of a page, with whatever must have happened before.
    fn follow(&self, line: &str) -> Result<(), String> {
        let built = Regex::new("^cargo run( --release)?( --)?( |$)").unwrap();
        let line = built.replace(line, "workbench ").into_owned();
        if let Some(arguments) = screen(&line) {
            return self.look(&arguments);
        }
        let line = self.with_runs(&line)?;
        let (status, output) = self.shell(&line).wait();
        if status.success() {
            return Ok(());
        }
        Err(format!("{status}\n{output}"))
    }

    /// Opens the screen and leaves it.
    fn look(&self, arguments: &[String]) -> Result<(), String> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut terminal = Terminal::start_on(self.folder.path(), (100, 30), &[], &arguments);
        terminal.until(&["1 Experiments", "quickstart", "ready"]);
        terminal.keys("q");
        match terminal.end() {
            0 => Ok(()),
            code => Err(format!("exit code {code}")),
        }
    }

    /// A line whose runs, which have other names on every machine, are those that
    /// are here. One that is resumed is stopped first.
    fn with_runs(&self, line: &str) -> Result<String, String> {
        let run = Regex::new(r"\b([a-z][a-z-]*)-20\d{6}(-\d{6}-[0-9a-f]{6})?\b").unwrap();
        let Some(named) = run.captures(line) else {
            return Ok(line.to_owned());
        };
        let name = &named[1];
        let written: BTreeSet<&str> = run.find_iter(line).map(|found| found.as_str()).collect();
        if line.contains("--resume") {
            self.stopped(name)?;
        }
        while self.runs(name).len() < written.len() {
            self.trained(name)?;
        }
        let runs = self.runs(name);
        let stands_for: BTreeMap<&str, &String> =
            written.into_iter().zip(runs.iter().rev()).collect();
        Ok(run
            .replace_all(line, |found: &Captures| stands_for[&found[0]].clone())
            .into_owned())
    }

    fn newest(&self, name: &str) -> Option<PathBuf> {
        let newest = self.runs(name).pop()?;
        Some(self.folder.path().join("checkpoints").join(newest))
    }

    /// Names of the runs of an experiment, the newest last.
    fn runs(&self, name: &str) -> Vec<String> {
        let Ok(runs) = fs::read_dir(self.folder.path().join("checkpoints")) else {
            return Vec::new();
        };
        let start = format!("{name}-20");
        let names = runs.map(|run| run.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|run| run.starts_with(&start)).collect();
        names.sort_unstable();
        names
    }

    fn trained(&self, name: &str) -> Result<(), String> {
        let (status, output) = self
            .shell(&format!("workbench --run experiments/{name}.ron"))
            .wait();
        if status.success() {
            Ok(())
        } else {
            Err(output)
        }
    }

    /// Trains, and stops after the first checkpoint, as Ctrl+C does.
    fn stopped(&self, name: &str) -> Result<(), String> {
        let before = self.newest(name);
        let train = format!("exec workbench --run experiments/{name}.ron --set epochs=60");
        let mut training = self.shell(&train);
        let started = Instant::now();
        while started.elapsed() < PATIENCE && training.runs() {
            let has_checkpoint = |run: PathBuf| {
                Some(&run) != before.as_ref() && run.join("latest/manifest.json").exists()
            };
            if self.newest(name).is_some_and(has_checkpoint) {
                let number = training.child.id().to_string();
                Command::new("kill")
                    .args(["-INT", &number])
                    .status()
                    .unwrap();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let (status, output) = training.wait();
        match status.code() {
            Some(130) => Ok(()),
            _ => Err(format!("to be interrupted: {status}\n{output}")),
        }
    }

    fn shell(&self, line: &str) -> Shell {
        let output = tempfile::tempfile().unwrap();
        let path = std::env::var("PATH").unwrap();
        let child = Command::new("bash")
            .args(["-euo", "pipefail", "-c", line])
            .current_dir(self.folder.path())
            .env(
                "PATH",
                format!(
                    "{}:{path}",
                    self.folder.path().join("bin").to_string_lossy()
                ),
            )
            .env("HOME", self.folder.path())
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(std::process::Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output.try_clone().unwrap())
            .process_group(0)
            .spawn()
            .unwrap();
        Shell { child, output }
    }
}

/// The arguments of a command that opens the screen.
fn screen(line: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = line.split(" #").next()?.split_whitespace().collect();
    let (program, arguments) = words.split_first()?;
    let opens = *program == "workbench"
        && arguments
            .iter()
            .all(|word| !word.starts_with('-') && !"|>&;<".contains(*word));
    opens.then(|| arguments.iter().map(|word| (*word).to_owned()).collect())
}

/// A command that runs.
struct Shell {
    child: Child,
    output: File,
}

impl Shell {
    fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end. Returns its output, too.
    fn wait(mut self) -> (ExitStatus, String) {
        let started = Instant::now();
        while self.runs() {
            if started.elapsed() > PATIENCE {
                let group = format!("-{}", self.child.id());
                let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut output = Vec::new();
        self.output.rewind().unwrap();
        self.output.read_to_end(&mut output).unwrap();
        let output = String::from_utf8_lossy(&output).into_owned();
        let lines: Vec<&str> = output.lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n");
        (self.child.wait().unwrap(), last)
    }
}
