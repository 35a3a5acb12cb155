//! What there is of a study: its runs in the order in which they are trained.
//!
//! ```text
//! shapes: 2 variants × 3 seeds, 12 student passes
//!
//! run  variant     seed  passes  epochs  state        time left
//! 1    vanilla     1         12      12  done                 –
//! 2    multi-view  1         12       4  interrupted      2.1 s
//! ```

use serde::Serialize;

use crate::format::{MISSING, duration, plural};
use crate::report::runs::{grid, text_of};
use crate::run::StudyRole;
use crate::store::RunEntry;
use crate::study::cells::failure;
use crate::study::slurm::Tasks;
use crate::study::wording::cell_words;
use crate::study::{Cell, Estimate, Outlook, Standing, Study};
use crate::untrusted::json_page;

/// A cell as a program reads it.
#[derive(Debug, Serialize)]
struct ListedCell<'a> {
    variant: &'a str,
    /// None where an epoch is timed.
    seed: Option<u64>,
    passes: Option<u32>,
    epochs: Option<u32>,
    state: &'static str,
    run: Option<String>,
    seconds_left: Option<f64>,
    /// What a cluster says of its task.
    #[serde(skip_serializing_if = "Option::is_none")]
    slurm: Option<&'a str>,
}

impl<'a> ListedCell<'a> {
    fn of(
        study: &'a Study,
        runs: &[RunEntry],
        outlook: &Outlook,
        estimate: &Estimate,
        (cell, standing): (Cell, Standing),
        task: Option<&'a String>,
    ) -> Self {
        let variant = &study.variants[cell.variant];
        let seed = match cell.role {
            StudyRole::Seed(seed) => Some(seed),
            StudyRole::Speed => None,
        };
        let epochs = outlook.epochs[cell.variant].filter(|_| seed.is_some());
        Self {
            variant: &variant.name,
            seed,
            passes: epochs.map(|epochs| epochs * variant.cost.views),
            epochs,
            state: standing.word(),
            run: standing.run().map(|run| runs[run].folder.name()),
            seconds_left: match standing {
                Standing::Done(_) | Standing::Failed(_) => None,
                _ => estimate.left(cell, standing),
            },
            slurm: task.map(String::as_str),
        }
    }
}

/// All of a study as a program reads it.
#[derive(Debug, Serialize)]
struct ListedStudy<'a> {
    study: &'a str,
    budget: String,
    cells: Vec<ListedCell<'a>>,
    /// None before any run is complete.
    seconds_left: Option<f64>,
    unused: Vec<UnusedRun>,
    /// Tasks that a cluster trains of what the study was.
    #[serde(skip_serializing_if = "Option::is_none")]
    slurm_others: Option<usize>,
}

#[derive(Debug, Serialize)]
struct UnusedRun {
    run: String,
    reason: String,
}

fn listed<'a>(
    study: &'a Study,
    runs: &[RunEntry],
    outlook: &Outlook,
    estimate: &Estimate,
    tasks: Option<&'a Tasks>,
) -> ListedStudy<'a> {
    let cells = (1..).zip(&outlook.cells);
    let cells = cells.map(|(number, cell)| {
        let task = tasks.and_then(|tasks| tasks.of_runs.get(&number));
        ListedCell::of(study, runs, outlook, estimate, *cell, task)
    });
    let unused = outlook.unused.iter().map(|unused| UnusedRun {
        run: runs[unused.run].folder.name(),
        reason: unused.reason.clone(),
    });
    ListedStudy {
        study: &study.name,
        budget: study.budget.to_string(),
        cells: cells.collect(),
        seconds_left: estimate.total(),
        unused: unused.collect(),
        slurm_others: tasks.map(|tasks| tasks.others),
    }
}

/// What there is of a study, for people; with what a cluster says of its tasks.
#[must_use]
pub fn outlook(
    study: &Study,
    runs: &[RunEntry],
    outlook: &Outlook,
    estimate: &Estimate,
    tasks: Option<&Tasks>,
) -> String {
    let listed = listed(study, runs, outlook, estimate, tasks);
    let mut titles = vec![
        "run",
        "variant",
        "seed",
        "passes",
        "epochs",
        "state",
        "time left",
    ];
    titles.extend(tasks.map(|_| "slurm"));
    let mut rows = vec![titles.into_iter().map(str::to_owned).collect()];
    let text = |number: Option<u64>| number.map_or(MISSING.to_owned(), |it| it.to_string());
    for (number, cell) in listed.cells.iter().enumerate() {
        let left = match (cell.state, cell.seconds_left) {
            ("done" | "failed", _) => MISSING.to_owned(),
            (_, Some(seconds)) => duration(seconds),
            (_, None) => "unknown".to_owned(),
        };
        let mut row = vec![
            (number + 1).to_string(),
            cell.variant.to_owned(),
            cell.seed
                .map_or_else(|| "timed".to_owned(), |seed| seed.to_string()),
            text(cell.passes.map(u64::from)),
            text(cell.epochs.map(u64::from)),
            cell.state.to_owned(),
            left,
        ];
        row.extend(tasks.map(|_| cell.slurm.unwrap_or(MISSING).to_owned()));
        rows.push(row);
    }
    let head = format!(
        "{}: {} × {}, {}",
        study.name,
        plural(study.variants.len(), "variant", "variants"),
        plural(study.seeds.len(), "seed", "seeds"),
        study.budget
    );
    let mut lines = vec![head, String::new()];
    lines.extend(grid(
        &rows,
        &[true, false, true, true, true, false, true, false],
    ));
    lines.push(String::new());
    let left = listed
        .seconds_left
        .map_or_else(|| "unknown".to_owned(), duration);
    let is_over = listed.cells.iter().all(|cell| cell.state == "done");
    lines.push(if is_over {
        "every run is complete".to_owned()
    } else {
        format!("time left: {left}")
    });
    for (cell, standing) in &outlook.cells {
        if let Standing::Failed(run) = standing {
            let (name, why) = (runs[*run].folder.name(), failure(&runs[*run]));
            let what = cell_words(study, *cell);
            let why = why.unwrap_or_default();
            lines.push(format!(
                "! {what} failed: {why}; --trash {name} to train it again"
            ));
        }
    }
    let unused = listed.unused.iter();
    lines.extend(unused.map(|it| format!("! {} does not count: {}", it.run, it.reason)));
    let remark = tasks.and_then(Tasks::remark);
    lines.extend(remark.map(|remark| format!("! {remark}; --slurm --cancel cancels all")));
    text_of(lines)
}

/// The same as JSON.
///
/// # Errors
/// If a value has no form in JSON.
pub fn outlook_json(
    study: &Study,
    runs: &[RunEntry],
    outlook: &Outlook,
    estimate: &Estimate,
    tasks: Option<&Tasks>,
) -> serde_json::Result<String> {
    json_page(&listed(study, runs, outlook, estimate, tasks))
}
