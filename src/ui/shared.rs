//! What all screens share: settings, time, log, the open dialog, and the effects
//! that an update collects.

use super::action::Action;
use super::dialog::{Dialog, Prompt, Purpose};
use super::effect::{Effect, Waiting};
use super::graphics::Pictures;
use super::keymap::Keymap;
use super::log::Log;
use super::news::{Clock, LogLine, MachineSample};
use super::settings::Settings;
use super::theme::Theme;
use super::widget::picture;
use crate::event::inspection::Picture;
use crate::store::Runs;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Samples of the machine that are kept: five minutes at one a second.
const SAMPLES: usize = 300;

/// How long a message stays at the bottom of the screen.
const STATUS_FOR: Duration = Duration::from_secs(6);

/// What every screen may read and ask.
#[derive(Debug)]
pub struct Shared {
    /// What the user prefers.
    pub settings: Settings,
    /// Keys.
    pub keymap: Keymap,
    /// Colours.
    pub theme: Theme,
    /// Pictures as the terminal shows them.
    pub pictures: Pictures,
    /// The time of the last update.
    pub clock: Clock,
    /// Width and height of the terminal, cells.
    pub size: (u16, u16),
    /// The log.
    pub log: Log,
    /// What stands over the screen.
    pub dialog: Option<Dialog>,
    /// What the machine did, oldest first.
    pub machine: VecDeque<MachineSample>,
    /// The experiment that is being prepared to be trained.
    pub preparing: Option<PathBuf>,
    /// What another workbench trains before anything does here.
    pub ahead: Option<String>,
    /// What waits to be trained.
    pub queue: Vec<Waiting>,
    /// Whether somebody requested a run and has done nothing else since.
    pub awaits_run: bool,
    /// The run that trains in this process.
    pub training: Option<String>,
    /// The run that is selected: the row of Runs, and what Live, Compare and
    /// Inference show.
    pub selected: Option<String>,
    status: Option<(Duration, LogLine)>,
    effects: Vec<Effect>,
}

impl Shared {
    pub(super) fn new(settings: Settings, keymap: Keymap, theme: Theme) -> Self {
        Self {
            settings,
            keymap,
            theme,
            pictures: Pictures::default(),
            clock: Clock::default(),
            size: (80, 24),
            log: Log::default(),
            dialog: None,
            machine: VecDeque::new(),
            preparing: None,
            ahead: None,
            queue: Vec::new(),
            awaits_run: false,
            training: None,
            selected: None,
            status: None,
            effects: Vec::new(),
        }
    }

    /// Draws a picture into the cells that it takes. Under a dialog it is drawn
    /// in half blocks: what covers a real one would leave holes in it.
    pub(super) fn draw_picture(&self, picture: &Picture, buffer: &mut Buffer, place: Rect) {
        if self.dialog.is_none() {
            self.pictures.draw(picture, &self.theme, buffer, place);
        } else {
            picture::draw_at(picture, &self.theme, buffer, place);
        }
    }

    /// The first key of an action; nothing where it has none.
    pub(super) fn key(&self, action: Action) -> String {
        self.keymap.key(action).unwrap_or_default()
    }

    /// Asks a person for a folder, beginning with the one before.
    pub(super) fn ask_folder(&mut self, title: &str, before: Option<&Path>, purpose: Purpose) {
        let before = before.map(|folder| folder.to_string_lossy().into_owned());
        let prompt = Prompt::new(title, &before.unwrap_or_default(), purpose);
        self.dialog = Some(Dialog::Prompt(prompt));
    }

    /// Whether an experiment waits to be trained.
    pub(super) fn is_queued(&self, file: &Path) -> bool {
        self.place_in_queue(|waiting| matches!(waiting, Waiting::Experiment(path) if path == file))
            .is_some()
    }

    /// The place in the queue of what is requested, from 1.
    pub(super) fn place_in_queue(&self, is_it: impl Fn(&Waiting) -> bool) -> Option<usize> {
        self.queue.iter().position(is_it).map(|place| place + 1)
    }

    /// Asks for a text again, with what is wrong with it as the question: a person who
    /// types on does not type at the screen below.
    pub(super) fn ask_again(&mut self, wrong: String, text: &str, purpose: Purpose) {
        self.dialog = Some(Dialog::Prompt(Prompt::edit(wrong, text, purpose)));
    }

    /// Asks something of the rest of the program.
    pub fn ask(&mut self, effect: Effect) {
        self.awaits_run |= matches!(
            effect,
            Effect::Launch(_)
                | Effect::ResumeRun(_)
                | Effect::ExtendRun { .. }
                | Effect::ForkRun { .. }
        );
        self.effects.push(effect);
    }

    /// Selects what trains here, or the newest run, unless a run is selected that
    /// is still there.
    pub(super) fn settle_selection(&mut self, runs: &Runs) {
        let is_there =
            |name: &Option<String>| name.as_deref().is_some_and(|it| runs.get(it).is_some());
        if !is_there(&self.selected) {
            let training = self.training.clone().map(Some).filter(is_there);
            self.selected = training.unwrap_or_else(|| by_age(runs).pop().map(str::to_owned));
        }
    }

    /// Selects the run that was started next or before; the newest if none is
    /// selected.
    pub(super) fn step_run(&mut self, forward: bool, runs: &Runs) {
        // As Runs lists them unless it is sorted otherwise: the newest first.
        let mut names = by_age(runs);
        names.reverse();
        let Some(last) = names.len().checked_sub(1) else {
            return self.notify(LogLine::info("there are no runs yet"));
        };
        let at = names
            .iter()
            .position(|name| Some(*name) == self.selected.as_deref());
        let to = match (at, forward) {
            (None, _) => 0,
            (Some(at), true) => (at + 1) % names.len(),
            (Some(at), false) => at.checked_sub(1).unwrap_or(last),
        };
        self.selected = Some(names[to].to_owned());
    }

    /// What was asked since the last call.
    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Shows a line at the bottom for a while and keeps it in the log.
    pub fn notify(&mut self, line: LogLine) {
        self.status = Some((self.clock.elapsed, line.clone()));
        self.note(line);
    }

    /// Keeps a line in the log that says what is to be seen anyway: it takes the place of no
    /// hint.
    pub fn note(&mut self, line: LogLine) {
        self.log.push(self.clock.now, line);
    }

    /// The line that is shown at the bottom.
    #[must_use]
    pub fn status(&self) -> Option<&LogLine> {
        let (at, line) = self.status.as_ref()?;
        (self.clock.elapsed < *at + STATUS_FOR).then_some(line)
    }

    /// Takes the line at the bottom away: with the next key it has been seen. It
    /// stays in the log.
    pub(super) fn clear_status(&mut self) {
        self.status = None;
    }

    /// Keeps what the machine did.
    pub fn sampled(&mut self, sample: MachineSample) {
        if self.machine.len() == SAMPLES {
            self.machine.pop_front();
        }
        self.machine.push_back(sample);
    }
}

/// Names of the runs, in the order in which they were started.
fn by_age(runs: &Runs) -> Vec<&str> {
    let mut runs: Vec<_> = runs.iter().map(|(name, run)| (run.started, name)).collect();
    runs.sort_unstable();
    runs.into_iter().map(|(_, name)| name).collect()
}
