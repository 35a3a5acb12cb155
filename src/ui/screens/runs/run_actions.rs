//! What is done with one run: mark, annotate, rename, throw away, take back, resume,
//! branch, export.

use super::{RunsTable, View, advice};
use crate::event::Phase;
use crate::format::shorten_middle;
use crate::listing::Subject;
use crate::run::{Notes, NotesChange, check_name};
use crate::store::{Owner, Runs};
use crate::ui::action::Action;
use crate::ui::dialog::{Choice, Confirm, Dialog, Prompt, Purpose};
use crate::ui::effect::{Effect, Waiting};
use crate::ui::news::{ExportRefusal, LogLine};
use crate::ui::screens::fork;
use crate::ui::shared::Shared;

/// Cells of a run's name in the title of a prompt.
const PROMPTED: usize = 50;

impl RunsTable {
    /// Does something with the selected run, or shows why not.
    pub(super) fn act_on_run(&mut self, action: Action, shared: &mut Shared, runs: &Runs) {
        if let Some(study) = self.selected_study().map(str::to_owned) {
            return self.act_on_study(action, &study, shared);
        }
        let Some(run) = self.selected(runs) else {
            return;
        };
        let name = run.name.to_owned();
        // What is for a study is for that of a run, too.
        if let (Action::SubmitStudy | Action::CancelStudy, View::Runs) = (action, self.view) {
            return match run.study().map(|of| of.study.clone()) {
                Some(study) => self.act_on_study(action, &study, shared),
                None => shared.notify(LogLine::info(format!("{name} is no run of a study"))),
            };
        }
        match (action, self.view) {
            (Action::Copy, _) => {
                let path = run.run.folder.path().to_string_lossy().into_owned();
                shared.notify(LogLine::info(format!("copied {path}")));
                shared.ask(Effect::Copy(path));
            }
            (Action::RestoreRun, View::Trash) => {
                if restore(&name, shared, runs) {
                    self.runs.select_name(&name);
                }
            }
            (_, View::Trash) => {
                if action.entry().context == crate::ui::action::Context::Runs {
                    let key = shared.key(Action::RestoreRun);
                    shared.notify(LogLine::info(format!(
                        "{name} is in the trash; press {key} to restore it"
                    )));
                }
            }
            (Action::MarkRun, _) => {
                self.marks.toggle(&name);
                self.runs.act(Action::Down);
            }
            (Action::PinBaseline, _) => self.marks.pin(&name),
            _ => ask(action, &run, shared),
        }
    }
}

impl RunsTable {
    /// Does something with a study, or says why not.
    fn act_on_study(&mut self, action: Action, study: &str, shared: &mut Shared) {
        let asked = match action {
            Action::MarkRun => return self.mark_study(study),
            Action::SubmitStudy => self.studies.submission(study),
            Action::CancelStudy => self.studies.cancellation(study, shared),
            _ => Err(format!("{study} is a study; select one of its runs below")),
        };
        match asked {
            Ok(question) => shared.dialog = Some(Dialog::Confirm(question)),
            Err(message) => shared.notify(LogLine::info(message)),
        }
    }

    /// Marks the runs of a study, or takes their marks away where all have one.
    fn mark_study(&mut self, study: &str) {
        let runs: Vec<String> = self.runs.below(study).map(str::to_owned).collect();
        let unmarked = runs.iter().filter(|name| self.marks.place(name).is_none());
        let unmarked: Vec<&String> = unmarked.collect();
        let toggled = if unmarked.is_empty() {
            runs.iter().collect()
        } else {
            unmarked
        };
        for name in toggled {
            self.marks.toggle(name);
        }
    }
}

/// Gives a run another name.
pub(in crate::ui) fn rename_run(run: String, to: &str, shared: &mut Shared, runs: &Runs) {
    let to = to.trim();
    if run == to {
        return;
    }
    let refusal = match check_name(to) {
        Err(reason) => Some(format!("`{to}` is not a valid run name: {reason}")),
        Ok(()) if runs.get(to).is_some() => Some(format!("a run {to} already exists")),
        Ok(()) => runs
            .get(&run)
            .filter(|entry| entry.owner != Owner::None)
            .map(|_| format!("{run} is training; stop it first")),
    };
    if let Some(refusal) = refusal {
        return shared.ask_again(refusal, to, Purpose::RenameRun(run));
    }
    shared.ask(Effect::RenameRun {
        run,
        to: to.to_owned(),
    });
}

/// Gives a run these tags.
pub(in crate::ui) fn tag_run(run: String, text: &str, shared: &mut Shared, runs: &Runs) {
    annotate(run, shared, runs, NotesChange::Tags(Notes::tags_of(text)));
}

/// Writes a note on a run.
pub(in crate::ui) fn note_run(run: String, text: &str, shared: &mut Shared, runs: &Runs) {
    annotate(run, shared, runs, NotesChange::Note(text.trim().to_owned()));
}

/// Shows the outcome of an export.
pub(in crate::ui) fn on_exported(
    run: &str,
    result: Result<String, ExportRefusal>,
    shared: &mut Shared,
) {
    let refusal = match result {
        Ok(message) => return shared.notify(LogLine::info(message)),
        Err(refusal) => refusal,
    };
    shared.notify(LogLine::error(format!("{run}: {}", refusal.reason)));
    // Who is asked something else finds it in the log.
    if shared.dialog.is_some() {
        return;
    }
    let again = |unverified| {
        vec![Effect::ExportModel {
            run: run.to_owned(),
            unverified,
        }]
    };
    let mut choices = vec![("export again".to_owned(), again(false))];
    if refusal.can_skip_verification {
        choices.push(("export unverified".to_owned(), again(true)));
    }
    let title = format!("Export failed: {}", shorten_middle(run, PROMPTED));
    let text = vec![refusal.reason];
    shared.dialog = Some(Dialog::Choose(Choice::new(title, text, choices)));
}

fn annotate(run: String, shared: &mut Shared, runs: &Runs, change: NotesChange) {
    if runs.get(&run).is_some() {
        shared.ask(Effect::Annotate { run, change });
    }
}

/// Asks for what an action needs to know, or for its effect.
fn ask(action: Action, run: &Subject, shared: &mut Shared) {
    let name = run.name.to_owned();
    let title = |what: &str| format!("{what} {}", shorten_middle(run.name, PROMPTED));
    let edit = |what: &str, text: &str, purpose| {
        Some(Dialog::Prompt(Prompt::edit(title(what), text, purpose)))
    };
    let notes = &run.run.notes;
    let trains =
        (run.run.owner != Owner::None).then(|| format!("{name} is training; stop it first"));
    let queued = shared.queue.iter().find(|waiting| waiting.is_of(&name));
    let queued = queued.cloned();
    let refusal = match action {
        Action::TagRun => {
            shared.dialog = edit("Tags of", &notes.tags.join(" "), Purpose::TagRun(name));
            None
        }
        Action::NoteRun => {
            shared.dialog = edit("Note on", &notes.note, Purpose::NoteRun(name));
            None
        }
        Action::RenameRun if trains.is_none() => {
            let prompt = Prompt::new(title("Rename"), run.name, Purpose::RenameRun(name));
            shared.dialog = Some(Dialog::Prompt(prompt));
            None
        }
        Action::TrashRun if trains.is_none() => {
            shared.dialog = Some(Dialog::Confirm(trash(name, shared)));
            None
        }
        Action::RenameRun | Action::TrashRun => trains,
        Action::ResumeRun if queued.is_some() => {
            shared.dialog = queued.map(|queued| Dialog::Confirm(dequeue(&name, queued)));
            None
        }
        Action::ResumeRun => {
            let refusal = advice::why_not_resume(run, &shared.keymap);
            if refusal.is_none() {
                shared.dialog = Some(Dialog::Confirm(Confirm::resume(&name)));
            }
            refusal
        }
        Action::BranchRun => may(without_weights(run), Effect::BranchRun(name), shared),
        Action::ForkRun => {
            fork::ask(&name, run.run, shared);
            None
        }
        Action::ExportModel => {
            let effect = Effect::ExportModel {
                run: name,
                unverified: false,
            };
            may(without_weights(run), effect, shared)
        }
        Action::ExportRun => may(why_not_export(run), Effect::ExportRun(name), shared),
        Action::RestoreRun => Some(format!("{name} is not in the trash")),
        _ => None,
    };
    if let Some(refusal) = refusal {
        shared.notify(LogLine::error(refusal));
    }
}

/// Asks for an effect unless something speaks against it.
fn may(refusal: Option<String>, effect: Effect, shared: &mut Shared) -> Option<String> {
    if refusal.is_none() {
        shared.ask(effect);
    }
    refusal
}

fn dequeue(name: &str, queued: Waiting) -> Confirm {
    Confirm {
        title: "Remove from the queue".to_owned(),
        message: format!("{name} is queued to be resumed. It is not resumed and stays as it is."),
        effect: Effect::Dequeue(queued),
    }
}

fn trash(name: String, shared: &Shared) -> Confirm {
    Confirm {
        title: "Trash".to_owned(),
        message: format!(
            "Move {name} and its files to the trash? {} shows the trash, {} restores.",
            shared.key(Action::ShowTrash),
            shared.key(Action::RestoreRun)
        ),
        effect: Effect::TrashRun(name),
    }
}

/// Returns whether a run of the trash can be restored, and asks for it.
fn restore(name: &str, shared: &mut Shared, runs: &Runs) -> bool {
    let is_free = runs.get(name).is_none();
    if is_free {
        shared.ask(Effect::RestoreRun(name.to_owned()));
    } else {
        let message = format!("another run {name} exists; rename it first");
        shared.notify(LogLine::error(message));
    }
    is_free
}

fn without_weights(run: &Subject) -> Option<String> {
    let checkpoints = &run.run.store.checkpoints;
    let has_best = checkpoints
        .iter()
        .any(|saved| saved.best && saved.at.phase == Phase::Student);
    (!has_best).then(|| {
        format!(
            "{} has no best weights yet; wait for its first evaluation",
            run.name
        )
    })
}

fn why_not_export(run: &Subject) -> Option<String> {
    let store = &run.run.store;
    let is_empty = [Phase::Teacher, Phase::Student]
        .into_iter()
        .all(|phase| store.table(phase).is_empty());
    is_empty.then(|| format!("{} has no logged steps yet", run.name))
}
