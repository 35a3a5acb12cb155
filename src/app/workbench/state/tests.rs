use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use crossterm::event::KeyCode;

use super::bench::{ASKS, Bench};
use super::*;
use crate::event::testing::run_started;
use crate::event::{Command, Origin, Position};
use crate::experiment::schedule::Schedule;
use crate::run::Ticket;
use crate::store::{CommandState, RunState};
use crate::trainer::{CommandSource, EventSink, Trainer};
use crate::ui::effect::{OverwritePolicy, Waiting};
use crate::untrusted::Show as _;

/// A training of two steps, with something between them.
fn script(experiment: &str, between: &str) -> String {
    let begins = begins(experiment, "None", 0);
    format!("{begins} {} {between} {}", step(0), step(1))
}

fn begins(experiment: &str, resumed: &str, step: u64) -> String {
    format!(
        "Emit(RunStarted(name: \"{experiment}\", version: \"0\", device: \"none\", \
         resumed: {resumed})), \
         Emit(PhaseStarted(phase: Student, steps: 2, steps_per_epoch: 1, step: {step})),"
    )
}

fn step(step: u64) -> String {
    format!(
        "Emit(StepLogged((phase: Student, step: {step}, epoch: {step}.0, seconds: 0.5, \
         values: {{\"knob/lr\": 0.1}}))),"
    )
}

fn plays(experiment: &str) -> String {
    script(experiment, "")
}

/// Takes its second step when a command arrives.
fn waits(experiment: &str) -> String {
    script(experiment, "WaitForCommand,")
}

fn lr(value: f64) -> Command {
    Command::Adjust {
        knob: "lr".to_owned(),
        schedule: Schedule::Constant(value),
    }
}

/// A command took effect before this step.
fn applied(step: u64) -> CommandState {
    let phase = Phase::Student;
    CommandState::Applied(Position { phase, step })
}

fn last_lr(bench: &Bench, experiment: &str) -> Option<f64> {
    let run = bench.run(experiment).unwrap();
    run.store.table(Phase::Student).last("knob/lr")
}

#[test]
fn the_key_that_trains_trains_the_experiment_and_shows_the_run_until_it_is_complete() {
    let mut bench = Bench::new(&[&waits("a")]);
    bench.until("the experiment is ready", |bench| {
        bench.screen().contains("ready")
    });
    bench.key(KeyCode::Char('r'));
    let run = bench.until_run("a", RunState::Training);
    assert_eq!(bench.state.ui.shared().training.as_ref(), Some(&run));
    let screen = bench.screen();
    assert!(
        screen.contains("student") && screen.contains("training a"),
        "{screen}"
    );
    bench.command(&run, Command::EvaluateNow);
    bench.until_run("a", RunState::Completed);
    bench.until_logged(&format!("{run} completed"));
    let entry = bench.run("a").unwrap();
    assert_eq!(entry.owner, Owner::None);
    assert_eq!(entry.store.completed(Phase::Student), 2);
    let shared = bench.state.ui.shared();
    assert_eq!((&shared.training, &shared.preparing), (&None, &None));
    let asks = |line: &String| line.starts_with(ASKS);
    assert!(bench.log().iter().any(asks), "what takes long is said");
}

#[test]
fn what_is_queued_starts_in_its_order_and_what_was_taken_out_does_not() {
    let mut bench = Bench::new(&[&waits("a"), &plays("b")]);
    bench.launch("a");
    let first = bench.until_run("a", RunState::Training);
    bench.launch("b");
    bench.launch("c");
    bench.until("two wait", |bench| {
        bench.state.ui.shared().queue
            == ["b", "c"].map(|name| Waiting::Experiment(bench.file(name)))
    });
    assert!(
        bench
            .log()
            .contains(&format!("{}: queued", bench.file("b").shown()))
    );
    bench.ask(Effect::Dequeue(Waiting::Experiment(bench.file("c"))));
    assert_eq!(bench.opened(), ["a.ron"]);
    bench.command(&first, Command::Stop);
    bench.until_run("b", RunState::Completed);
    bench.until("nothing waits", |bench| {
        let shared = bench.state.ui.shared();
        shared.queue.is_empty() && shared.preparing.is_none()
    });
    assert_eq!(bench.opened(), ["a.ron", "b.ron"]);
    assert_eq!(bench.run("a").unwrap().state(), RunState::Stopped);
}

#[test]
fn what_another_workbench_launched_first_is_waited_for_unless_it_is_taken_out() {
    let mut bench = Bench::new(&[&plays("b")]);
    let other = Ticket::take(bench.sessions.checkpoints(), "quickstart").unwrap();
    bench.launch("a");
    bench.launch("b");
    let process = std::process::id();
    let expected = format!(
        "{}: waiting for quickstart in process {process} on ",
        bench.file("a").shown()
    );
    bench.until_logged(&expected);
    let queue = |bench: &Bench| bench.state.ui.shared().queue.clone();
    let both = ["a", "b"].map(|name| Waiting::Experiment(bench.file(name)));
    bench.until("both wait", |bench| queue(bench) == both);
    assert_eq!(bench.state.ui.shared().ahead.as_deref(), Some("quickstart"));
    bench.ask(Effect::Dequeue(both[0].clone()));
    bench.until_logged("removed from the queue");
    bench.until("one waits", |bench| queue(bench) == both[1..]);
    assert_eq!(bench.opened(), [] as [&str; 0]);
    drop(other);
    bench.until_run("b", RunState::Completed);
    bench.until("nothing waits", |bench| queue(bench).is_empty());
    assert_eq!(bench.opened(), ["b.ron"]);
    // A later launch elsewhere waited for it, and does no longer.
    let other = Ticket::take(bench.sessions.checkpoints(), "c").unwrap();
    let other = RefCell::new(other);
    bench.until("none is ahead", |_| {
        other.borrow_mut().ahead().unwrap().is_none()
    });
}

#[test]
fn a_queue_that_is_emptied_while_a_launch_waits_neither_loses_nor_overtakes_it() {
    let mut bench = Bench::new(&[&waits("a"), &plays("b")]);
    bench.launch("a");
    let run = bench.until_run("a", RunState::Training);
    bench.launch("b");
    let queue = bench.sessions.checkpoints().join(".queue");
    let tickets = || {
        fs::read_dir(&queue)
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
    };
    assert_eq!(tickets().count(), 2);
    tickets().for_each(|ticket| fs::remove_file(ticket).unwrap());
    bench.until_logged("the queue of trainings was emptied");
    // Who launches now waits for the one that trains.
    let mut other = Ticket::take(bench.sessions.checkpoints(), "c").unwrap();
    assert!(other.ahead().unwrap().is_some());
    assert_eq!(bench.opened(), ["a.ron"]);
    bench.command(&run, Command::Stop);
    bench.until("another is waited for", |bench| {
        bench
            .log()
            .iter()
            .any(|line| line.contains("waiting for c in process"))
    });
    drop(other);
    bench.until_run("b", RunState::Completed);
    assert_eq!(bench.opened(), ["a.ron", "b.ron"]);
}

#[test]
fn a_workbench_that_is_left_while_a_launch_waits_ends_at_once() {
    let mut bench = Bench::new(&[]);
    let _other = Ticket::take(bench.sessions.checkpoints(), "quickstart").unwrap();
    bench.launch("a");
    bench.until_logged("waiting for quickstart");
    bench.ask(Effect::Quit);
    bench.until("it is left", |bench| bench.left.is_some());
    assert_eq!(bench.opened(), [] as [&str; 0]);
}

#[test]
fn a_launch_that_is_refused_is_reported_with_its_reason_and_the_next_starts() {
    let mut bench = Bench::new(&[&plays("b")]);
    let gate = bench.sessions.clone();
    let gate = gate.gate.lock().unwrap();
    bench.launch("a");
    bench.launch("b");
    fs::write(bench.file("a"), "Experiment(epochs: 0)").unwrap();
    drop(gate);
    bench.until_run("b", RunState::Completed);
    let begins = format!("{}: `Experiment` needs", bench.file("a").shown());
    let log = bench.log();
    let line = log.iter().find(|line| line.starts_with(&begins));
    let line = line.unwrap_or_else(|| panic!("{log:#?}"));
    assert!(!line.contains("error: ") && !line.contains('\n'), "{line}");
    assert!(bench.run("a").is_none());
}

#[test]
fn a_panic_while_a_run_is_prepared_is_reported_and_the_next_starts() {
    let mut bench = Bench::new(&[]);
    bench.launch("a");
    bench.until_logged("preparing the run failed: no script is left");
    bench.then_plays(&plays("b"));
    bench.launch("b");
    bench.until_run("b", RunState::Completed);
}

#[test]
fn commands_reach_the_training_through_the_runs_folder_and_their_fate_comes_back() {
    let script = script("a", "WaitForCommand, WaitForCommand,");
    let mut bench = Bench::new(&[&script]);
    bench.launch("a");
    let run = bench.until_run("a", RunState::Training);
    bench.command(&run, lr(0.05));
    assert_eq!(bench.until_fate("a", 0), applied(1));
    let unknown = Command::Adjust {
        knob: "rl".to_owned(),
        schedule: Schedule::Constant(1.0),
    };
    bench.command(&run, unknown);
    let rejected = CommandState::Rejected("there is no knob `rl`".to_owned());
    assert_eq!(bench.until_fate("a", 1), rejected);
    bench.until_run("a", RunState::Completed);
    assert_eq!(last_lr(&bench, "a"), Some(0.05));
    let commands = &bench.run("a").unwrap().store.commands;
    assert!(commands.iter().all(|it| it.record.origin == Origin::User));
}

#[test]
fn a_saved_change_of_the_running_experiment_turns_knobs_and_reports_the_rest() {
    let mut bench = Bench::new(&[&waits("a")]);
    bench.launch("a");
    bench.until("the student trains", |bench| {
        let run = bench.run("a");
        run.is_some_and(|run| run.store.completed(Phase::Student) == 1)
    });
    let text = fs::read_to_string(bench.file("a")).unwrap();
    let save = |bench: &mut Bench, name: &str, text: String| {
        let path = bench.file(name);
        let over = OverwritePolicy::Anything;
        bench.ask(Effect::WriteExperiment { path, text, over });
    };
    // Another experiment, and one with errors, change nothing.
    save(&mut bench, "b", text.replace("0.1", "0.7"));
    save(&mut bench, "a", text.replace("0.1", "\"much\""));
    bench.until_logged("continues unchanged");
    let changed = text
        .replace("0.1", "0.02")
        .replace("epochs: 2", "epochs: 3");
    save(&mut bench, "a", changed);
    assert_eq!(bench.until_fate("a", 0), applied(1));
    bench.until_logged("epochs takes effect in the next run");
    bench.until_run("a", RunState::Completed);
    let [command] = bench.run("a").unwrap().store.commands.as_slice() else {
        panic!("{:?}", bench.run("a").unwrap().store.commands);
    };
    assert_eq!(command.record.origin, Origin::File);
    assert_eq!(command.record.command, lr(0.02));
    assert_eq!(last_lr(&bench, "a"), Some(0.02));
}

#[test]
fn a_stopped_run_is_resumed_in_its_folder_and_applies_no_command_twice() {
    let resumed = format!(
        "{} {}",
        begins("a", "Some((phase: Student, step: 1))", 1),
        step(1)
    );
    let mut bench = Bench::new(&[&waits("a"), &resumed]);
    bench.launch("a");
    let run = bench.until_run("a", RunState::Training);
    bench.command(&run, Command::Stop);
    bench.until_run("a", RunState::Stopped);
    bench.until_logged(&format!("{run} stopped: requested at the terminal"));
    bench.ask(Effect::ResumeRun(run.clone()));
    assert_eq!(bench.until_run("a", RunState::Completed), run);
    assert_eq!(bench.opened(), ["a.ron", run.as_str()]);
    let entry = bench.run("a").unwrap();
    assert_eq!((bench.state.runs.len(), entry.store.processes), (1, 2));
    assert_eq!(entry.store.table(Phase::Student).len(), 2);
    assert_eq!(entry.store.commands.len(), 1);
}

#[test]
fn going_back_trains_a_new_run_and_leaves_the_other_as_it_is() {
    let mut bench = Bench::new(&[&plays("a"), &plays("a")]);
    bench.launch("a");
    let run = bench.until_run("a", RunState::Completed);
    let at = Position {
        phase: Phase::Student,
        step: 1,
    };
    bench.until_logged(&format!("{run} completed"));
    bench.ask(Effect::ForkRun {
        run: run.clone(),
        at,
    });
    let forked = format!("{run} from step-1");
    bench.until_logged(&format!("{forked}: preparing"));
    bench.until("two completed runs", |bench| {
        let all = bench.state.runs.iter();
        all.filter(|(_, run)| run.state() == RunState::Completed)
            .count()
            == 2
    });
    assert_eq!(bench.opened(), ["a.ron", forked.as_str()]);
}

/// A training that goes wrong in its own way.
struct Panics;

impl Trainer for Panics {
    fn run(&mut self, _: &mut dyn CommandSource, sink: &dyn EventSink) -> Outcome {
        sink.emit(run_started("b", None));
        panic!("index out of bounds")
    }
}

#[test]
fn a_training_that_fails_or_panics_says_why_and_the_next_starts() {
    let mut bench = Bench::new(&[&script("a", "Fail(\"the loss is not a number\"),")]);
    bench.then_trains(Box::new(Panics));
    bench.then_plays(&plays("c"));
    for name in ["a", "b", "c"] {
        bench.launch(name);
    }
    bench.until_run("c", RunState::Completed);
    for (name, message) in [
        ("a", "the loss is not a number"),
        ("b", "the backend failed: index out of bounds"),
    ] {
        let run = bench.run(name).unwrap();
        assert_eq!(run.state(), RunState::Failed);
        let expected = format!("{} failed: {message}", run.folder.name());
        assert!(bench.log().contains(&expected), "{:#?}", bench.log());
        let message = message.to_owned();
        let ended = RunEvent::RunEnded(Outcome::Failed { message });
        assert_eq!(bench.journal(name).last(), Some(&ended));
    }
}

#[test]
fn leaving_while_something_trains_stops_and_saves_it_first() {
    let mut bench = Bench::new(&[&waits("a"), &plays("b")]);
    bench.launch("a");
    bench.until_run("a", RunState::Training);
    bench.launch("b");
    bench.ask(Effect::Quit);
    assert_eq!(bench.left, None);
    bench.until("it is left", |bench| bench.left.is_some());
    assert_eq!(bench.left, Some(Exit::Success));
    assert_eq!(bench.opened(), ["a.ron"]);
    let reason = "workbench closed".to_owned();
    let stopped = RunEvent::RunEnded(Outcome::Stopped { reason });
    assert_eq!(bench.journal("a").last(), Some(&stopped));
}

#[test]
fn where_nothing_trains_the_workbench_is_left_at_once() {
    let mut bench = Bench::new(&[]);
    bench.ask(Effect::Quit);
    assert_eq!(bench.left, Some(Exit::Success));
    let mut bench = Bench::new(&[]);
    let flow = bench.state.take_in(Message::Terminate);
    assert_eq!(flow, Flow::Leave(Exit::Interrupted));
}

/// A training that hears no command, until it is let go.
struct Deaf(Receiver<()>);

impl Trainer for Deaf {
    fn run(&mut self, _: &mut dyn CommandSource, _: &dyn EventSink) -> Outcome {
        let _ = self.0.recv();
        Outcome::Completed
    }
}

#[test]
fn asked_twice_or_by_the_system_the_workbench_is_interrupted() {
    let (let_go, waits_for) = channel();
    let mut bench = Bench::new(&[]);
    bench.then_trains(Box::new(Deaf(waits_for)));
    bench.launch("a");
    bench.until("it trains", |bench| {
        bench.state.ui.shared().training.is_some()
    });
    bench.ask(Effect::Quit);
    assert_eq!(bench.left, None);
    // A lost terminal is reported by several threads, and each but the first means nothing.
    assert_eq!(bench.state.take_in(Message::Lost), Flow::Go);
    bench.ask(Effect::Quit);
    assert_eq!(bench.left, Some(Exit::Interrupted));
    drop(let_go);

    let (let_go, waits_for) = channel();
    let mut bench = Bench::new(&[]);
    bench.then_trains(Box::new(Deaf(waits_for)));
    bench.launch("a");
    bench.until("it trains", |bench| {
        bench.state.ui.shared().training.is_some()
    });
    assert_eq!(bench.state.take_in(Message::Terminate), Flow::Go);
    drop(let_go);
    bench.until("it is left", |bench| bench.left.is_some());
    assert_eq!(bench.left, Some(Exit::Interrupted));
}

#[test]
fn a_run_that_is_being_prepared_when_the_workbench_is_left_stops_as_soon_as_it_can() {
    for refused in [false, true] {
        let mut bench = Bench::new(&[&waits("a")]);
        let sessions = bench.sessions.clone();
        let gate = sessions.gate.lock().unwrap();
        bench.launch("a");
        assert_eq!(bench.state.ui.shared().preparing, Some(bench.file("a")));
        bench.ask(Effect::Quit);
        assert_eq!(bench.left, None);
        if refused {
            fs::remove_file(bench.file("a")).unwrap();
        }
        drop(gate);
        bench.until("it is left", |bench| bench.left.is_some());
        assert_eq!(bench.left, Some(Exit::Success));
        assert_eq!(bench.run("a").is_none(), refused);
    }
}

#[test]
fn a_run_that_is_found_while_it_trains_here_or_late_is_not_taken_for_another() {
    let mut bench = Bench::new(&[&waits("a")]);
    bench.launch("a");
    let run = bench.until_run("a", RunState::Training);
    let folder = bench.run("a").unwrap().folder.clone();
    let found = || Message::Found(Box::new(RunEntry::read(&folder, Owner::Here)));
    let late = found();
    bench.state.take_in(found());
    bench.command(&run, Command::EvaluateNow);
    bench.until_logged(&format!("{run} completed"));
    assert_eq!(bench.run("a").unwrap().store.completed(Phase::Student), 2);
    bench.state.take_in(late);
    assert_eq!(bench.run("a").unwrap().owner, Owner::None);
    bench.state.take_in(Message::Grew(run.clone()));
    assert_eq!(bench.run("a").unwrap().state(), RunState::Completed);
    bench.state.take_in(Message::RunRemoved(run));
    assert!(bench.run("a").is_none());
}

#[test]
fn what_is_typed_and_not_saved_is_kept_when_the_system_ends_the_workbench() {
    let mut bench = Bench::new(&[]);
    bench.until("the experiment is ready", |bench| {
        bench.screen().contains("ready")
    });
    bench.key(KeyCode::Enter);
    bench.key(KeyCode::Char('x'));
    bench.state.take_in(Message::Lost);
    let kept: PathBuf = bench.file("a").with_file_name(".unsaved").join("a.ron");
    assert!(fs::read_to_string(kept).unwrap().starts_with('x'));
}
