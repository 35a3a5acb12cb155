//! From what arrives to what is shown next and what is asked.
//!
//! A dialog takes every key while it is open. Else a key is looked up in the
//! contexts of where one is, innermost first; what is no action goes to the
//! screen as text.

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseEvent, MouseEventKind};

use super::action::{Action, Context};
use super::dialog::{Answer, Choice, Dialog, Help, Leaving, Palette, Prompt, Purpose};
use super::effect::Effect;
use super::keymap::Chord;
use super::layout::Layout;
use super::news::{Clock, LogLine, News};
use super::screen::Screen;
use super::screens::live::{add_epochs, add_epochs_at_lr};
use super::screens::runs::{note_run, on_exported, rename_run, tag_run};
use super::{Ui, draw};
use crate::store::Runs;

impl Ui {
    /// Takes in a key, the mouse, a paste or a new size. The effects are to be
    /// executed in their order.
    pub fn on_input(&mut self, event: Event, runs: &Runs) -> Vec<Effect> {
        // A border is kept where it is let go, not all along its way.
        let moves = matches!(&event, Event::Mouse(mouse)
            if matches!(mouse.kind, MouseEventKind::Drag(_) | MouseEventKind::Moved));
        self.input(event, runs);
        if !moves {
            self.keep_layout();
        }
        self.follow_selection(runs);
        self.shared.take_effects()
    }

    /// Takes in what was found out or happened.
    pub fn on_news(&mut self, news: News, runs: &Runs) -> Vec<Effect> {
        self.news(news, runs);
        self.update_quit(runs);
        self.follow_selection(runs);
        self.shared.take_effects()
    }

    /// Time has passed.
    pub fn on_clock(&mut self, clock: Clock) -> Vec<Effect> {
        self.shared.clock = clock;
        if self.screen == Screen::Runs {
            self.runs_table.ask_tasks(&mut self.shared);
        }
        self.shared.take_effects()
    }

    /// The screen that is shown is of the selected run; in Runs the cursor selects.
    fn follow_selection(&mut self, runs: &Runs) {
        match self.screen {
            Screen::Runs => self.runs_table.select(&mut self.shared),
            Screen::Live => self.live.follow(&mut self.shared, runs),
            Screen::Compare => self.compare.follow(&mut self.shared, runs),
            Screen::Experiments | Screen::Inference => {}
        }
    }

    fn input(&mut self, event: Event, runs: &Runs) {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key, runs),
            Event::Mouse(mouse) => self.mouse(mouse, runs),
            Event::Resize(width, height) => {
                self.shared.size = (width, height);
                self.shared.pictures.forget();
            }
            Event::Paste(text) => self.paste(&text, runs),
            Event::Key(_) | Event::FocusGained | Event::FocusLost => {}
        }
    }

    fn key(&mut self, key: KeyEvent, runs: &Runs) {
        self.shared.clear_status();
        self.shared.awaits_run = false;
        // A key press cancels leaving.
        self.leaving = false;
        let chord = Chord::of(key);
        if let Some(dialog) = self.shared.dialog.take() {
            // Leaving works from everywhere.
            if self.shared.keymap.action(chord, &[Context::Global]) == Some(Action::Quit)
                && !chord.is_text()
            {
                // Twice is an answer, where nothing is lost by it.
                return match dialog {
                    Dialog::Quit(quit) if quit.is_harmless() => self.shared.ask(Effect::Quit),
                    _ => self.quit(runs),
                };
            }
            let area = draw::areas(&self.shared).body;
            let answer = dialog.key(key, &self.shared.keymap, area);
            return self.answered(answer, runs);
        }
        let contexts = self.contexts();
        let typing = self.takes_text();
        let action = self.shared.keymap.action(chord, &contexts);
        match action {
            Some(action) if !typing || !is_typed(chord, action) => self.act(action, runs),
            _ => self.screen_key(key, runs),
        }
    }

    fn answered(&mut self, answer: Answer, runs: &Runs) {
        match answer {
            Answer::Open(dialog) => {
                if let Dialog::Prompt(prompt) = &dialog
                    && let Some(text) = prompt.live_text()
                {
                    self.runs_table.try_filter(&text, runs);
                }
                self.shared.dialog = Some(dialog);
            }
            Answer::Waiting(dialog, effect) => {
                self.shared.dialog = Some(dialog);
                self.shared.ask(effect);
            }
            Answer::Closed => self.runs_table.restore_filter(runs),
            Answer::Chosen(action) => self.choose(action, runs),
            Answer::Confirmed(effects) => {
                for effect in effects {
                    self.experiments.confirmed(&effect);
                    self.shared.ask(effect);
                }
            }
            Answer::ColumnsChosen(dialog, chosen) => {
                self.shared.dialog = Some(dialog);
                self.runs_table.choose_columns(chosen, runs);
            }
            Answer::Given(purpose, text) => self.on_submit(purpose, &text, runs),
            Answer::Left(leaving) => self.leave(leaving, runs),
        }
    }

    /// Carries out an action from the palette: on the screen that it belongs
    /// to, if that is another one.
    fn choose(&mut self, action: Action, runs: &Runs) {
        let screen = match action.entry().context {
            Context::Global => None,
            Context::Experiments | Context::Editor | Context::Difference | Context::LrTest => {
                Some(Screen::Experiments)
            }
            Context::Runs | Context::Overlay | Context::Pareto => Some(Screen::Runs),
            Context::Live | Context::Knobs => Some(Screen::Live),
            Context::Compare => Some(Screen::Compare),
            Context::Inference => Some(Screen::Inference),
        };
        if let Some(screen) = screen {
            self.show(screen, runs);
        }
        self.act(action, runs);
    }

    fn act(&mut self, action: Action, runs: &Runs) {
        if let Some(screen) = action.screen() {
            return self.show(screen, runs);
        }
        match action {
            Action::NextScreen => self.show(self.screen.next(), runs),
            Action::PreviousScreen => self.show(self.screen.previous(), runs),
            Action::Help => {
                let context = self.contexts()[0];
                self.shared.dialog = Some(Dialog::Help(Help::at(context)));
            }
            Action::Palette => {
                let palette = Palette::at(self.contexts());
                self.shared.dialog = Some(Dialog::Palette(palette));
            }
            Action::ToggleLog => self.shared.log.open = !self.shared.log.open,
            Action::NextTheme => {
                self.shared.theme = self.shared.theme.next();
                let name = self.shared.theme.name();
                self.shared.notify(LogLine::info(format!("theme: {name}")));
            }
            Action::ResetLayout => {
                self.apply_layout(&Layout::default());
                let message = "layout reset";
                self.shared.notify(LogLine::info(message));
            }
            Action::Quit => self.quit(runs),
            Action::Suspend => {
                self.shared.pictures.forget();
                self.shared.ask(Effect::Suspend);
            }
            _ => self.screen_act(action, runs),
        }
    }

    /// Ends the workbench; asks first where something is under way.
    fn quit(&mut self, runs: &Runs) {
        self.runs_table.restore_filter(runs);
        let reasons = self.under_way(runs);
        let unsaved = self.experiments.unsaved();
        if reasons.is_empty() && unsaved.is_empty() {
            return self.shared.ask(Effect::Quit);
        }
        self.shared.dialog = Some(Dialog::Quit(Choice::quit(reasons, &unsaved)));
    }

    /// What trains and what waits, and what leaving does to it.
    fn under_way(&self, runs: &Runs) -> Vec<String> {
        let training = self.shared.training.as_deref();
        let training = training.filter(|name| runs.get(name).is_some());
        let training = training.map(|name| {
            format!("{name} is training: it is saved at the next step and can be resumed.")
        });
        let waiting = match self.shared.queue.len() {
            0 => None,
            1 => Some("1 experiment is queued and will not be trained.".to_owned()),
            count => Some(format!(
                "{count} experiments are queued and will not be trained."
            )),
        };
        let test = self.experiments.tested_lr();
        let test =
            test.map(|name| format!("The learning rate test of {name} is running and is lost."));
        training.into_iter().chain(waiting).chain(test).collect()
    }

    /// Asks of leaving what is so by now.
    fn update_quit(&mut self, runs: &Runs) {
        if let Some(Dialog::Quit(quit)) = &self.shared.dialog {
            let (reasons, unsaved) = (self.under_way(runs), self.experiments.unsaved());
            self.shared.dialog = Some(Dialog::Quit(quit.quit_now(reasons, &unsaved)));
        }
    }

    fn leave(&mut self, leaving: Leaving, runs: &Runs) {
        match leaving {
            Leaving::Stay => {}
            Leaving::Discard => self.shared.ask(Effect::Quit),
            Leaving::SaveAll => {
                self.leaving = self.experiments.save_all(&mut self.shared, runs);
                if !self.leaving {
                    self.show(Screen::Experiments, runs);
                }
            }
        }
    }

    /// Ends the workbench if that is what was waited for: that every experiment
    /// is saved. One that could not be saved keeps it open.
    fn written(&mut self, is_saved: bool) {
        if self.leaving && is_saved && self.experiments.unsaved().is_empty() {
            self.shared.ask(Effect::Quit);
        }
        self.leaving &= is_saved;
    }

    fn show(&mut self, screen: Screen, runs: &Runs) {
        self.screen = screen;
        if screen != Screen::Experiments {
            self.shared.settle_selection(runs);
        }
        match screen {
            Screen::Runs => self.runs_table.on_show(&self.shared, runs),
            Screen::Live => {
                // A person who goes there while a run is being prepared waits for it.
                self.shared.awaits_run |= self.shared.preparing.is_some();
                self.live.changed(&mut self.shared, runs);
            }
            Screen::Experiments | Screen::Compare | Screen::Inference => {}
        }
    }

    /// Where keys count, innermost first.
    pub(super) fn contexts(&self) -> Vec<Context> {
        let mut contexts = match self.screen {
            Screen::Experiments => self.experiments.contexts(),
            Screen::Runs => self.runs_table.contexts(),
            Screen::Live => self.live.contexts(),
            Screen::Compare => vec![Context::Compare],
            Screen::Inference => vec![Context::Inference],
        };
        contexts.push(Context::Global);
        contexts
    }

    pub(super) fn takes_text(&self) -> bool {
        self.screen == Screen::Experiments && self.experiments.takes_text()
    }

    fn screen_act(&mut self, action: Action, runs: &Runs) {
        let shared = &mut self.shared;
        match self.screen {
            Screen::Experiments => self.experiments.act(action, shared, runs),
            Screen::Runs => {
                let shows = self.runs_table.act(action, shared, runs);
                self.runs_table.select(&mut self.shared);
                if shows {
                    self.show(Screen::Live, runs);
                }
            }
            Screen::Live => self.live.act(action, shared, runs),
            Screen::Compare => self.compare.act(action, shared, runs),
            Screen::Inference => self.inference.act(action, shared, runs),
        }
    }

    fn screen_key(&mut self, key: KeyEvent, runs: &Runs) {
        if self.screen == Screen::Experiments {
            self.experiments.key(key, &mut self.shared, runs);
        }
    }

    fn paste(&mut self, text: &str, runs: &Runs) {
        self.shared.awaits_run = false;
        if self.shared.dialog.is_none() {
            // A folder that is dropped on a screen of images is to be looked at.
            let shared = &mut self.shared;
            match self.screen {
                Screen::Experiments => return self.experiments.paste(text, shared, runs),
                Screen::Compare => self.compare.act(Action::CompareFolder, shared, runs),
                Screen::Inference => self.inference.act(Action::ChooseFolder, shared, runs),
                Screen::Runs | Screen::Live => {}
            }
        }
        if let Some(mut dialog) = self.shared.dialog.take() {
            dialog.paste(text);
            self.answered(Answer::Open(dialog), runs);
        }
    }

    fn mouse(&mut self, mouse: MouseEvent, runs: &Runs) {
        if mouse.kind != MouseEventKind::Moved {
            self.shared.awaits_run = false;
        }
        let areas = draw::areas(&self.shared);
        if let Some(dialog) = self.shared.dialog.take() {
            let answer = dialog.mouse(mouse, &self.shared.keymap, areas.body);
            return self.answered(answer, runs);
        }
        if let MouseEventKind::Down(_) = mouse.kind
            && let Some(screen) = draw::tab_at(areas.tabs, self.screen, mouse.column, mouse.row)
        {
            return self.show(screen, runs);
        }
        let (shared, area) = (&mut self.shared, areas.body);
        match self.screen {
            Screen::Experiments => self.experiments.mouse(mouse, area, shared, runs),
            Screen::Runs => self.runs_table.mouse(mouse, area, shared, runs),
            Screen::Live => self.live.mouse(mouse, area, shared, runs),
            Screen::Compare => self.compare.mouse(mouse, area, shared, runs),
            Screen::Inference => self.inference.mouse(mouse, area, shared, runs),
        }
    }

    /// The one place that says what is done with a text that was requested.
    fn on_submit(&mut self, purpose: Purpose, text: &str, runs: &Runs) {
        let shared = &mut self.shared;
        match purpose {
            Purpose::FindText => self.experiments.search(text, shared),
            Purpose::NewExperiment(copied) => self.experiments.add(copied, text, shared),
            Purpose::RenameExperiment(from) => self.experiments.rename(from, text, shared),
            Purpose::FilterRuns => self.runs_table.filter_runs(text, shared, runs),
            Purpose::TagRun(run) => tag_run(run, text, shared, runs),
            Purpose::NoteRun(run) => note_run(run, text, shared, runs),
            Purpose::RenameRun(run) => rename_run(run, text, shared, runs),
            Purpose::FilterCharts => self.live.filter_charts(text, shared),
            Purpose::AddEpochs(run) => add_epochs(run, text, shared, runs),
            Purpose::AddEpochsAtLr(run, epochs) => {
                add_epochs_at_lr((run, epochs), text, shared, runs);
            }
            Purpose::SetKnob(knob) => self.live.set_knob(&knob, text, shared, runs),
            Purpose::ChooseFolder => self.inference.choose_folder(text),
            Purpose::FilterResults => self.inference.filter(text),
            Purpose::ExportResults => self.inference.export(text, shared),
            Purpose::CompareFolder => self.compare.choose_folder(text, shared, runs),
            Purpose::FilterImages => self.compare.filter(text),
        }
    }

    /// A run begins. A person who launched it and waits is shown it; one who is at
    /// something else gets a message.
    fn began(&mut self, name: &str, runs: &Runs) {
        let shared = &mut self.shared;
        let awaited = std::mem::take(&mut shared.awaits_run) && shared.dialog.is_none();
        shared.training = Some(name.to_owned());
        // A run that is looked at stays selected.
        let looks = shared.selected.is_some() && self.screen != Screen::Experiments;
        if awaited || !looks {
            shared.selected = Some(name.to_owned());
        }
        if awaited {
            shared.clear_status();
            self.show(Screen::Live, runs);
        } else {
            let key = shared.key(Action::ShowLive);
            shared.notify(LogLine::info(if looks {
                format!("{name} is training")
            } else {
                format!("{name} is training; press {key} to watch")
            }));
        }
    }

    /// Screens that cache what they show of the runs take them in when they are
    /// shown, and need not before.
    fn runs_changed(&mut self, runs: &Runs) {
        self.live.changed(&mut self.shared, runs);
        match self.screen {
            Screen::Runs => self.runs_table.changed(runs),
            Screen::Live | Screen::Compare | Screen::Inference
                if self.shared.selected.is_none() =>
            {
                self.shared.settle_selection(runs);
            }
            Screen::Experiments | Screen::Live | Screen::Compare | Screen::Inference => {}
        }
    }

    /// The one place that says who takes which news in.
    fn news(&mut self, news: News, runs: &Runs) {
        let shared = &mut self.shared;
        match news {
            News::Logged(line) => shared.notify(line),
            News::Machine(sample) => shared.sampled(sample),
            News::Queue {
                preparing,
                ahead,
                waiting,
            } => {
                shared.preparing = preparing;
                shared.ahead = ahead;
                shared.queue = waiting;
            }
            News::RunBegan(name) => self.began(&name, runs),
            News::RunEnded(name) => {
                if shared.training.as_ref() == Some(&name) {
                    shared.training = None;
                }
                self.runs_changed(runs);
            }
            News::RunsChanged => self.runs_changed(runs),
            News::RunRenamed { from, to } => {
                self.runs_table.renamed(&from, &to);
                if shared.selected.as_ref() == Some(&from) {
                    shared.selected = Some(to);
                }
                self.runs_changed(runs);
            }
            News::FolderCompleted { typed, result } => {
                self.on_folder(|prompt| prompt.on_completed(&typed, result), runs);
            }
            News::FolderFound { typed, result } => {
                self.on_folder(|prompt| prompt.on_found(&typed, result), runs);
            }
            News::ProbeRead { run, source, probe } => {
                self.compare.on_probe(&run, &source, probe, shared, runs);
            }
            News::ModelExported { run, result } => on_exported(&run, result, shared),
            News::Inference(event) => self.inference.on_event(event, shared),
            News::LrTest { test, news } => {
                let shown = self.screen == Screen::Experiments;
                self.experiments.on_lr_test(test, news, shown, shared);
            }
            News::Experiments(files) => self.experiments.on_list(files, shared, runs),
            News::Studies(known) => self.runs_table.on_studies(known, runs),
            News::StudyTasks { study, tasks } => self.runs_table.on_tasks(study, tasks, runs),
            News::ExperimentRead { path, text } => {
                self.experiments.on_read(path, text, shared, runs);
            }
            News::AutosaveFound { path, text } => {
                self.experiments.on_autosave(path, &text, shared);
            }
            News::ExperimentWritten { path, text } => {
                let is_saved = text.is_ok();
                self.experiments.on_written(&path, text, shared, runs);
                self.written(is_saved);
            }
            News::ExperimentRestored(result) => {
                self.experiments.on_restored(result, shared, runs);
            }
            News::Planned {
                path,
                version,
                result,
            } => {
                let planned = (version, *result);
                self.experiments.on_planned(&path, planned, shared, runs);
            }
        }
    }

    /// What was found out of a folder is for the prompt that asks for one; it may
    /// have been closed meanwhile.
    fn on_folder(&mut self, take_in: impl FnOnce(Prompt) -> Answer, runs: &Runs) {
        match self.shared.dialog.take() {
            Some(Dialog::Prompt(prompt)) => self.answered(take_in(prompt), runs),
            other => self.shared.dialog = other,
        }
    }
}

/// Whether a key is rather typed than what it means outside of texts.
fn is_typed(chord: Chord, action: Action) -> bool {
    let context = action.entry().context;
    chord.is_text()
        || (chord.edits() && context != Context::Editor)
        || (context == Context::Global
            && !matches!(
                action,
                Action::Quit
                    | Action::Help
                    | Action::Suspend
                    | Action::Palette
                    | Action::ToggleLog
                    | Action::NextTheme
                    | Action::ResetLayout
            ))
}
