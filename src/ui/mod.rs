//! The screen: what is shown, what keys mean, what is asked of the rest of the
//! program.
//!
//! One way round: input ([`Ui::on_input`]), news ([`Ui::on_news`]) and time
//! ([`Ui::on_clock`]) change the model and return [`Effect`]s for others to carry out; [`Ui::draw`]
//! shows the model and the runs, and changes neither. Pictures take long to
//! encode, which [`Ui::prepare`] does once before a frame, for what it shows.
//! Nothing here opens a file,
//! starts a thread, reads a clock or knows a tensor, so the whole of it runs in
//! tests, key by key.

pub mod action;
pub mod dialog;
mod draw;
pub mod effect;
pub mod graphics;
pub mod keymap;
pub mod layout;
pub mod log;
pub mod news;
pub mod screen;
pub mod screens;
pub mod settings;
pub mod shared;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod theme;
mod update;
pub mod widget;

use std::path::PathBuf;

pub use action::Action;
pub use effect::Effect;
pub use graphics::Graphics;
pub use keymap::Keymap;
pub use layout::Layout;
pub use news::{
    Clock, Completed, ExportRefusal, GpuSample, Level, LogLine, LrTestNews, MachineSample, News,
};
pub use screen::Screen;
pub use screens::live::knob_values;
pub use settings::Settings;
pub use shared::Shared;
pub use theme::Theme;

use self::graphics::Pictures;
use self::screens::compare::Compare;
use self::screens::experiments::Experiments;
use self::screens::inference::Inference;
use self::screens::live::Live;
use self::screens::runs::RunsTable;
use self::theme::Background;

/// Everything that is shown, apart from the runs themselves.
#[derive(Debug)]
pub struct Ui {
    shared: Shared,
    screen: Screen,
    experiments: Experiments,
    runs_table: RunsTable,
    live: Live,
    compare: Compare,
    inference: Inference,
    /// Whether the workbench ends once every experiment is saved.
    leaving: bool,
    /// The layout that was asked to be kept last.
    kept: Layout,
}

impl Ui {
    /// The screen at the start, with the list of experiments.
    #[must_use]
    pub fn new(settings: Settings, keymap: Keymap, theme: Theme) -> Self {
        Self {
            shared: Shared::new(settings, keymap, theme),
            screen: Screen::Experiments,
            experiments: Experiments::new(PathBuf::from("experiments"), None),
            runs_table: RunsTable::default(),
            live: Live::default(),
            compare: Compare::default(),
            inference: Inference::default(),
            leaving: false,
            kept: Layout::default(),
        }
    }

    /// The same, laid out as somebody did before.
    #[must_use]
    pub fn with_layout(mut self, layout: &Layout) -> Self {
        self.apply_layout(layout);
        self.kept = self.layout();
        self
    }

    /// The same for the experiments of this folder, with this file of them
    /// selected. Before [`with_layout`](Self::with_layout).
    #[must_use]
    pub fn with_experiments(self, folder: PathBuf, file: Option<PathBuf>) -> Self {
        Self {
            experiments: Experiments::new(folder, file),
            ..self
        }
    }

    fn apply_layout(&mut self, layout: &Layout) {
        self.live.apply_layout(layout);
        self.experiments.apply_layout(&layout.panes);
        self.runs_table.apply_layout(layout);
        self.compare.apply_layout(&layout.panes);
        self.inference.apply_layout(&layout.panes);
    }

    /// How the screens are laid out. [`Effect::KeepLayout`] says when it changed.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let mut layout = self.live.layout();
        let panes = &mut layout.panes;
        (panes.experiments, panes.plan) = self.experiments.borders();
        panes.run = self.runs_table.border();
        panes.images = self.compare.border();
        panes.classified = self.inference.border();
        self.runs_table.columns().clone_into(&mut layout.columns);
        layout
    }

    /// Asks that the layout is kept, if it is another than before.
    fn keep_layout(&mut self) {
        let now = self.layout();
        if now != self.kept {
            self.shared.ask(Effect::KeepLayout(now.clone()));
            self.kept = now;
        }
    }

    /// From now on pictures are written as the terminal can show them, and not
    /// in half blocks.
    pub fn set_graphics(&mut self, graphics: Graphics) {
        self.shared.pictures = Pictures::new(graphics);
    }

    /// Texts of experiments that are not saved, with their files.
    pub fn unsaved(&self) -> impl Iterator<Item = (PathBuf, String)> {
        let texts = self.experiments.unsaved_texts();
        texts.map(|(path, text)| (path.clone(), text.to_owned()))
    }

    /// Draws on a dark or a light background from now on.
    pub fn set_background(&mut self, background: Background) {
        self.shared.theme = self.shared.theme.on(background);
    }

    /// Says how many pixels a cell has from now on. Returns whether the terminal
    /// is to be cleared, because it shows pictures that were made for others.
    pub fn set_cell(&mut self, cell: (u16, u16)) -> bool {
        self.shared.pictures.set_cell(cell)
    }

    /// Encodes the pictures of the next frame that are not encoded yet. Called
    /// before a frame is drawn, and not for every update that leads to it.
    pub fn prepare(&mut self) {
        let area = draw::areas(&self.shared).body;
        let pictures = &self.shared.pictures;
        if !pictures.are_real() || self.shared.dialog.is_some() {
            return;
        }
        let shown = match self.screen {
            Screen::Compare => self.compare.pictures(pictures, area),
            Screen::Inference => self.inference.pictures(pictures, area),
            Screen::Experiments | Screen::Runs | Screen::Live => Vec::new(),
        };
        self.shared.pictures.prepare(&shown);
    }
}
