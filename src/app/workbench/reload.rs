//! Hot reload: a saved experiment file is planned again and held against the
//! run of it that trains here. Knobs are turned at once; for the rest the next
//! run is reported.

use std::path::{Path, PathBuf};
use std::thread;

use super::mail::Sender;
use super::message::Message;
use crate::event::{Command, Phase};
use crate::experiment::plan::{Changes, DataFacts, Plan};
use crate::experiment::{self, Report};
use crate::format::plural;
use crate::run::RunPlan;
use crate::store::RunStore;
use crate::ui::LogLine;
use crate::untrusted::Show as _;

/// The experiment file of the run that trains here.
#[derive(Default)]
pub struct Reload {
    running: Option<Running>,
}

/// The run, and its file as it was last followed.
struct Running {
    run: String,
    /// The file, if the run was started from one; a run that was resumed follows
    /// the file that has its experiment's name.
    file: Option<PathBuf>,
    followed: Plan,
    /// What the run's images decided; it holds for the edited file too.
    facts: DataFacts,
    /// The file as it is, while the teacher trains.
    waiting: Option<Plan>,
}

/// What a changed file comes to.
#[derive(Debug, Default, PartialEq)]
pub struct Reloaded {
    /// The run.
    pub run: String,
    /// What to ask it.
    pub commands: Vec<Command>,
    /// What to say.
    pub lines: Vec<LogLine>,
}

/// Plans a text as a run's folder would keep it: every path absolute.
pub fn plan(text: &str, path: &Path) -> Result<Plan, Report> {
    let loaded = experiment::load_text(text, path, &[])?;
    let frozen = experiment::load_text(loaded.frozen_text(), path, &[])?;
    Ok(frozen.plan)
}

/// Plans a changed file off the loop's thread.
pub fn replan(path: PathBuf, text: String, sender: Sender) {
    let (shown, log) = (path.shown().to_string(), sender.clone());
    let work = move || {
        let plan = plan(&text, &path).map(Box::new);
        let _ = sender.send(Message::Replanned(path, plan));
    };
    if let Err(error) = thread::Builder::new().name("reload".to_owned()).spawn(work) {
        let line = format!(
            "changes of {shown} are not applied to the run: could not start a \
                            thread: {error}"
        );
        let _ = log.send(Message::log(LogLine::error(line)));
    }
}

impl Reload {
    /// A run begins to train here, from `file` or from its folder.
    pub fn follow(&mut self, run: String, file: Option<PathBuf>, plan: &RunPlan) {
        self.running = Some(Running {
            run,
            file,
            followed: plan.resolved.plan.clone(),
            facts: plan.facts(),
            waiting: None,
        });
    }

    /// Nothing trains any more.
    pub fn forget(&mut self) {
        self.running = None;
    }

    /// The run that trains here, if any does.
    pub fn run(&self) -> Option<&str> {
        self.running.as_ref().map(|running| running.run.as_str())
    }

    /// The file was written to be as the run is: nothing is asked of it.
    pub fn adopt(&mut self, run: &str, path: &Path, plan: Plan) {
        if let Some(running) = &mut self.running
            && running.run == run
            && running.is_of(path, Some(&plan))
            && let Ok(resolved) = plan.resolve(&running.facts)
        {
            running.followed = resolved.plan;
        }
    }

    /// A file was read or written; `store` is what is known of the run.
    pub fn changed(
        &mut self,
        path: &Path,
        plan: Result<Box<Plan>, Report>,
        store: Option<&RunStore>,
    ) -> Reloaded {
        let Some(running) = &mut self.running else {
            return Reloaded::default();
        };
        if !running.is_of(path, plan.as_ref().ok().map(|plan| &**plan)) {
            return Reloaded::default();
        }
        let mut reloaded = Reloaded {
            run: running.run.clone(),
            ..Reloaded::default()
        };
        let shown = path.shown();
        match plan {
            Err(report) => {
                let errors = match report.count() {
                    1 => "an error".to_owned(),
                    count => plural(count, "error", "errors"),
                };
                let line = format!("{shown} has {errors}; {} continues unchanged", reloaded.run);
                reloaded.lines.push(LogLine::error(line));
            }
            Ok(plan) => match plan.resolve(&running.facts) {
                Err(problem) => {
                    let line = format!("{shown}: {problem}; {} continues unchanged", reloaded.run);
                    reloaded.lines.push(LogLine::error(line));
                }
                Ok(resolved) => running.edited(resolved.plan, store, &mut reloaded),
            },
        }
        reloaded
    }

    /// A run's student begins to train: changes that waited are due.
    pub fn student_began(&mut self, run: &str) -> Reloaded {
        let mut reloaded = Reloaded {
            run: run.to_owned(),
            ..Reloaded::default()
        };
        if let Some(running) = &mut self.running
            && running.run == run
            && let Some(plan) = running.waiting.take()
        {
            running.apply(plan, 0.0, &mut reloaded);
        }
        reloaded
    }
}

impl Running {
    fn is_of(&self, path: &Path, plan: Option<&Plan>) -> bool {
        match &self.file {
            Some(file) => file == path,
            None => plan.is_some_and(|plan| plan.name == self.followed.name),
        }
    }

    /// The file means another plan than the one that was followed, or the same.
    fn edited(&mut self, plan: Plan, store: Option<&RunStore>, reloaded: &mut Reloaded) {
        if Changes::between(&self.followed, &plan, now(store)).is_empty() {
            self.waiting = None;
        } else if trains_student(store) {
            self.apply(plan, now(store), reloaded);
        } else {
            self.waiting = Some(plan);
            let line = "changes are pending until the student's training starts";
            let line = format!("{}'s file: {line}", self.followed.name);
            reloaded.lines.push(LogLine::info(line));
        }
    }

    /// Turns what can be turned and reports the rest.
    fn apply(&mut self, plan: Plan, now: f64, reloaded: &mut Reloaded) {
        let changes = Changes::between(&self.followed, &plan, now);
        self.followed = plan;
        let mut parts = Vec::new();
        if !changes.knobs.is_empty() {
            let names: Vec<&str> = changes
                .knobs
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            parts.push(format!("{} sent to {}", names.join(", "), self.run));
        }
        if !changes.later.is_empty() {
            let verb = match changes.later.as_slice() {
                [_] => "takes",
                _ => "take",
            };
            parts.push(format!(
                "{} {verb} effect in the next run",
                changes.later.join(", ")
            ));
        }
        let name = &self.followed.name;
        if !parts.is_empty() {
            let line = format!("{name}'s file changed: {}", parts.join("; "));
            reloaded.lines.push(LogLine::info(line));
        }
        for refused in changes.refused {
            let line = format!("rejected by {}: {refused}", self.run);
            reloaded.lines.push(LogLine::error(line));
        }
        let turns = changes.knobs.into_iter();
        reloaded
            .commands
            .extend(turns.map(|(knob, schedule)| Command::Adjust { knob, schedule }));
    }
}

/// Where the student's training stands, epochs.
fn now(store: Option<&RunStore>) -> f64 {
    let state = store.and_then(|store| Some((store, store.phases.get(&Phase::Student)?)));
    state.map_or(0.0, |(store, state)| {
        state.epochs_after(store.completed(Phase::Student))
    })
}

/// Whether commands reach the student's training now.
fn trains_student(store: Option<&RunStore>) -> bool {
    store.is_some_and(|store| store.phases.contains_key(&Phase::Student))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunEvent;
    use crate::experiment::schedule::Schedule;
    use crate::store::testing::run_plan;

    const TEXT: &str = "(
        name: \"a\",
        data: (train: Shapes(count: 200, size: 16)),
        student: (model: Cnn(channels: [4, 8])),
        method: Scratch(),
        lr: Constant(LR),
        epochs: EPOCHS,
    )";

    fn text(lr: &str, epochs: &str) -> String {
        TEXT.replace("LR", lr).replace("EPOCHS", epochs)
    }

    fn planned(text: &str) -> Result<Box<Plan>, Report> {
        plan(text, Path::new("e/a.ron")).map(Box::new)
    }

    fn following() -> Reload {
        let mut reload = Reload::default();
        let run = run_plan(&text("0.1", "5"), 10);
        reload.follow("a-1".to_owned(), Some("e/a.ron".into()), &run);
        reload
    }

    fn student() -> RunStore {
        let mut store = RunStore::new();
        store.apply(&RunEvent::PhaseStarted {
            phase: Phase::Student,
            steps: 50,
            steps_per_epoch: 10,
            step: 0,
        });
        store
    }

    fn turn(value: f64) -> Command {
        Command::Adjust {
            knob: "lr".to_owned(),
            schedule: Schedule::Constant(value),
        }
    }

    #[test]
    fn a_changed_knob_is_turned_once_and_the_rest_is_reported() {
        let (mut reload, store) = (following(), student());
        let path = Path::new("e/a.ron");
        let mut see = |text: &str| reload.changed(path, planned(text), Some(&store));
        assert_eq!(
            see(&text("0.1", "5")),
            Reloaded {
                run: "a-1".to_owned(),
                ..Reloaded::default()
            }
        );
        let reloaded = see(&text("0.05", "6"));
        assert_eq!(reloaded.commands, [turn(0.05)]);
        assert!(reloaded.lines[0].message.contains("lr sent to a-1"));
        assert!(
            reloaded.lines[0]
                .message
                .contains("epochs takes effect in the next run")
        );
        assert!(see(&text("0.05", "6")).lines.is_empty());
    }

    #[test]
    fn a_broken_file_is_reported_and_changes_nothing() {
        let (mut reload, store) = (following(), student());
        let path = Path::new("e/a.ron");
        let reloaded = reload.changed(path, planned("(student: 3"), Some(&store));
        assert!(reloaded.commands.is_empty());
        assert!(reloaded.lines[0].message.contains("continues unchanged"));
        let fixed = reload.changed(path, planned(&text("0.2", "5")), Some(&store));
        assert_eq!(fixed.commands, [turn(0.2)]);
    }

    #[test]
    fn an_edited_file_is_resolved_for_the_images_of_the_run() {
        let method = |w: &str| {
            let rounds = "round: Steps(1000000), teacher: (model: Cnn(channels: [8, 16]), \
                          weights: Train(epochs: 2, lr: Constant(0.1)))";
            text("0.1", "5").replace("method: Scratch()", &format!("{rounds}, method: {w}"))
        };
        let mut reload = Reload::default();
        let before = method("AdaptiveAugmentation()");
        let path = Path::new("e/a.ron");
        reload.follow("a-1".to_owned(), Some(path.into()), &run_plan(&before, 10));
        let unchanged = reload.changed(path, planned(&before), Some(&student()));
        assert!(unchanged.lines.is_empty(), "{:?}", unchanged.lines);
        let batch = before.replace("epochs: 5", "epochs: 5, batch: 50000");
        let refused = reload.changed(path, planned(&batch), Some(&student()));
        assert!(
            refused.lines[0].message.contains("training images"),
            "{:?}",
            refused.lines
        );
        let sized = before.replace(
            "size: 16)",
            "size: 16), normalize: Given(mean: (0, 0, 0), std: (1, 1, 1))",
        );
        let later = reload.changed(path, planned(&sized), Some(&student()));
        assert!(
            later.lines[0].message.contains("data takes effect"),
            "{:?}",
            later.lines
        );
    }

    #[test]
    fn changes_wait_until_the_student_trains() {
        let mut reload = following();
        let path = Path::new("e/a.ron");
        let reloaded = reload.changed(path, planned(&text("0.2", "5")), Some(&RunStore::new()));
        assert!(reloaded.commands.is_empty());
        assert_eq!(reload.student_began("a-1").commands, [turn(0.2)]);
        assert!(reload.student_began("a-1").commands.is_empty());
    }

    #[test]
    fn other_files_and_what_was_written_back_are_left_alone() {
        let (mut reload, store) = (following(), student());
        let other = Path::new("e/b.ron");
        assert!(
            reload
                .changed(other, planned(&text("0.2", "5")), Some(&store))
                .lines
                .is_empty()
        );
        let path = Path::new("e/a.ron");
        reload.adopt("a-1", path, *planned(&text("0.3", "5")).unwrap());
        let reloaded = reload.changed(path, planned(&text("0.3", "5")), Some(&store));
        assert!(reloaded.lines.is_empty());
        reload.forget();
        assert!(
            reload
                .changed(path, planned(&text("0.4", "5")), Some(&store))
                .lines
                .is_empty()
        );
    }
}
