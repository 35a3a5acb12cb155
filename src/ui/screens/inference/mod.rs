//! A folder of images, classified by a run's models while anything else goes
//! on: what they answer, how sure they are, what could not be read.
//!
//! Results are sorted as they arrive, so that drawing only looks at those in
//! view, however many there are.

mod detail;
mod job;
mod layout;
mod notice;
mod results;
mod scores;
mod setup;
mod table;
#[cfg(test)]
mod tests;
mod unreadable;

use std::path::{Path, PathBuf};

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use self::job::{Job, Stage};
use self::results::Results;
use crate::event::Phase;
use crate::event::inspection::export::{csv_of, json_lines_of};
use crate::event::inspection::{
    Answering, Asked, InferenceEvent, InferenceRequest, Picture, Weights,
};
use crate::format::{MISSING, count, duration, plural, shorten_middle, shorten_path};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::dialog::{Dialog, Prompt, Purpose};
use crate::ui::effect::Effect;
use crate::ui::graphics::Pictures;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;
use crate::ui::widget::border::{Border, Side};
use crate::ui::widget::cells::without_time;
use crate::ui::widget::{Pattern, Selection, gallery};
use crate::untrusted::Show as _;

/// Cells of a folder or a run that results are of.
const MOST_NAME: u16 = 28;

/// What is shown instead of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aside {
    /// Files that could not be read.
    Unreadable,
    /// How right the models are about labelled images.
    Scores,
}

/// The state of the screen.
#[derive(Debug, Default)]
pub struct Inference {
    // What would be asked next.
    folder: Option<PathBuf>,
    asked: Asked,
    /// What was asked, and how far it is.
    job: Job,
    results: Results,
    /// What is shown instead of the results, and the selected line of it.
    aside: Option<(Aside, Selection)>,
    /// Whether the selected image is shown alone.
    alone: bool,
    /// Between the table and the image.
    border: Border,
}

impl Inference {
    pub(in crate::ui) fn on_event(&mut self, event: InferenceEvent, shared: &mut Shared) {
        match event {
            InferenceEvent::Began { images, classes } => {
                self.results.begin(classes);
                self.job.stage = Stage::Running {
                    images,
                    began: shared.clock.elapsed,
                };
            }
            InferenceEvent::Classified(image) => self.results.add(*image),
            InferenceEvent::Warned(message) => shared.notify(LogLine::warn(message)),
            InferenceEvent::Unreadable(file) => self.results.unreadable.push(file),
            InferenceEvent::Ended { cancelled, seconds } => {
                let unreadable = self.results.unreadable.len();
                self.job.stage = Stage::Ended { cancelled, seconds };
                shared.notify(LogLine::info(format!(
                    "{} {} in {}, {unreadable} unreadable",
                    if cancelled {
                        "cancelled after"
                    } else {
                        "classified"
                    },
                    plural(self.results.number(), "image", "images"),
                    duration(seconds),
                )));
            }
            InferenceEvent::Failed(why) => {
                shared.notify(LogLine::error(format!("could not classify: {why}")));
                self.job.stage = Stage::Failed(why);
            }
        }
    }

    /// Whether the student answers, whose weights can be chosen.
    pub(in crate::ui) fn asks_student(&self) -> bool {
        self.asked.answering != Answering::Teacher
    }

    pub(in crate::ui) fn act(&mut self, action: Action, shared: &mut Shared, runs: &Runs) {
        match action {
            Action::ChooseFolder => self.ask_folder(shared),
            Action::NextInferenceRun => shared.step_run(true, runs),
            Action::PreviousInferenceRun => shared.step_run(false, runs),
            Action::AnsweringModel => {
                self.asked.answering = match self.asked.answering {
                    Answering::Student => Answering::Teacher,
                    Answering::Teacher => Answering::Both,
                    Answering::Both => Answering::Student,
                };
            }
            Action::AnsweringWeights if self.asks_student() => {
                self.asked.weights = match self.asked.weights {
                    Weights::Best => Weights::Latest,
                    Weights::Latest => Weights::Best,
                };
            }
            Action::StartInference => self.start(shared, runs),
            Action::CancelInference => self.cancel(shared),
            Action::Filter => {
                let text = self.results.pattern().map_or("", Pattern::text);
                let title = "Filter images by file or class";
                let prompt = Prompt::new(title, text, Purpose::FilterResults);
                shared.dialog = Some(Dialog::Prompt(prompt));
            }
            Action::ExportResults => self.ask_export("csv", shared),
            Action::ExportResultLines => self.ask_export("jsonl", shared),
            _ => self.look(action, shared, runs),
        }
    }

    /// Actions that change what is looked at.
    fn look(&mut self, action: Action, shared: &mut Shared, runs: &Runs) {
        let wanted = match action {
            Action::ShowUnreadable => Some(Aside::Unreadable),
            Action::ShowScores => Some(Aside::Scores),
            Action::Back => None,
            _ => {
                if let Some((aside, selection)) = &mut self.aside {
                    let lines = match aside {
                        Aside::Unreadable => self.results.unreadable.len(),
                        Aside::Scores => scores::rows(&self.results),
                    };
                    selection.act(action, lines);
                    return;
                }
                None
            }
        };
        let before = self.aside.take().map(|(aside, _)| aside);
        if before.is_some() || wanted.is_some() {
            let other = wanted.filter(|wanted| before != Some(*wanted));
            self.aside = other.map(|aside| (aside, Selection::default()));
            return;
        }
        match action {
            Action::SortResults => self.results.sort_next(),
            Action::ReverseResults => self.results.reverse(),
            Action::Activate if self.is_shown(shared) => self.alone = !self.alone,
            Action::Activate => self.start(shared, runs),
            Action::Back if self.job.is_under_way() => self.cancel(shared),
            Action::Back if self.alone => self.alone = false,
            Action::Back => self.results.filter(None),
            Action::Copy => {
                if let Some(image) = self.results.selected() {
                    let path = self.path_of(&image.path);
                    shared.ask(Effect::Copy(path.to_string_lossy().into_owned()));
                }
            }
            _ => {
                self.results.act(action);
            }
        }
    }

    /// A file's path as others can open it.
    fn path_of(&self, file: &Path) -> PathBuf {
        let asked = self.job.asked.as_ref();
        asked.map_or_else(|| file.to_owned(), |asked| asked.folder.join(file))
    }

    /// What would be asked now.
    fn request(&self, shared: &Shared) -> Option<InferenceRequest> {
        Some(InferenceRequest {
            folder: self.folder.clone()?,
            run: shared.selected.clone()?,
            asked: self.asked,
        })
    }

    /// What stands in the way of classifying now, and what is done about it; none
    /// if nothing does.
    fn missing(&self, shared: &Shared, runs: &Runs) -> Option<String> {
        let run = shared.selected.as_ref();
        let Some((name, entry)) = run.and_then(|name| Some((name, runs.get(name)?))) else {
            let key = shared.key(Action::ShowExperiments);
            return Some(format!("no run; press {key} to train one"));
        };
        let has_student = entry
            .store
            .checkpoints
            .iter()
            .any(|it| it.at.phase == Phase::Student);
        let has_teacher = entry.store.models.contains_key(&Phase::Teacher);
        let next = shared.key(Action::NextInferenceRun);
        match self.asked.answering {
            Answering::Student | Answering::Both if !has_student => {
                let name = without_time(name);
                Some(format!(
                    "{name} has no checkpoint yet; press {next} for another run"
                ))
            }
            Answering::Teacher | Answering::Both if !has_teacher => {
                let models = shared.key(Action::AnsweringModel);
                let name = without_time(name);
                Some(format!(
                    "{name} has no teacher; press {models} for the student"
                ))
            }
            _ if self.folder.is_none() => {
                let key = shared.key(Action::ChooseFolder);
                Some(format!("press {key} to choose a folder of images"))
            }
            _ => None,
        }
    }

    /// Of what the results are, where that is not what would be asked or the run has
    /// other weights now.
    fn outdated(&self, shared: &Shared, runs: &Runs) -> Option<String> {
        let is_over = matches!(self.job.stage, Stage::Ended { .. });
        let known = is_over && !self.results.is_empty();
        let of = self.job.asked.as_ref().filter(|_| known)?;
        if self.folder.as_ref() != Some(&of.folder) {
            let folder = shorten_path(&of.folder.to_string_lossy(), MOST_NAME);
            return Some(format!("these results are of {folder}"));
        }
        if shared.selected.as_ref() != Some(&of.run) {
            let run = shorten_middle(&of.run, MOST_NAME);
            return Some(format!("these results are of {run}"));
        }
        if self.asked != of.asked {
            return Some(format!("these results are of {}", models_words(of.asked)));
        }
        let now = weights_at(of, runs);
        (now != self.job.weights_at).then(|| {
            let step = |at: Option<u64>| at.map_or(MISSING.to_owned(), count);
            let (then, now) = (step(self.job.weights_at), step(now));
            format!("these results are of step {then}, not {now}")
        })
    }

    /// Whether the answers to what would be asked are here already.
    fn is_shown(&self, shared: &Shared) -> bool {
        !self.results.is_empty() && self.request(shared) == self.job.asked
    }

    fn start(&mut self, shared: &mut Shared, runs: &Runs) {
        if self.job.is_under_way() {
            let key = shared.keymap.keys(Action::CancelInference);
            return shared.notify(LogLine::info(format!(
                "already classifying a folder; press {key} to cancel"
            )));
        }
        if self.folder.is_none() {
            return self.ask_folder(shared);
        }
        let Some(request) = self.request(shared) else {
            return shared.notify(LogLine::error("there is no run with weights"));
        };
        self.results.begin(Vec::new());
        self.aside = None;
        self.alone = false;
        self.job = Job {
            weights_at: weights_at(&request, runs),
            asked: Some(request.clone()),
            stage: Stage::Asked,
            cancelling: false,
        };
        shared.ask(Effect::Infer(request));
    }

    fn cancel(&mut self, shared: &mut Shared) {
        if self.job.is_under_way() && !self.job.cancelling {
            self.job.cancelling = true;
            shared.ask(Effect::CancelInference);
        }
    }

    fn ask_folder(&self, shared: &mut Shared) {
        let title = "Folder of images to classify";
        shared.ask_folder(title, self.folder.as_deref(), Purpose::ChooseFolder);
    }

    fn ask_export(&self, extension: &str, shared: &mut Shared) {
        if self.results.shown() == 0 {
            return shared.notify(LogLine::info("there are no results to export"));
        }
        let asked = self.job.asked.as_ref();
        let run = asked.map_or("results", |asked| asked.run.as_str());
        let folder = asked.and_then(|asked| asked.folder.file_name());
        let folder = folder.map_or("images".into(), |name| name.to_string_lossy());
        let title = format!(
            "Export {} results to (.csv or .jsonl)",
            self.results.shown()
        );
        let path = format!("{run}-{folder}.{extension}");
        shared.dialog = Some(Dialog::Prompt(Prompt::new(
            title,
            &path,
            Purpose::ExportResults,
        )));
    }

    /// The folder of this name is classified next.
    pub(in crate::ui) fn choose_folder(&mut self, name: &str) {
        if !name.trim().is_empty() {
            self.folder = Some(PathBuf::from(name.trim()));
        }
    }

    /// Shows the images whose file or class has this in it.
    pub(in crate::ui) fn filter(&mut self, text: &str) {
        self.results.filter(Pattern::new(text.trim()));
    }

    /// Writes what is shown, in its order, in the format of the file's name.
    pub(in crate::ui) fn export(&self, name: &str, shared: &mut Shared) {
        let path = PathBuf::from(name.trim());
        if path.as_os_str().is_empty() {
            return;
        }
        let rows = self.results.iter();
        let classes = self.results.classes();
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        let text = match extension.as_ref().and_then(|kind| kind.to_str()) {
            Some("csv") => csv_of(rows, classes).map_err(|error| error.to_string()),
            Some("jsonl" | "ndjson") => {
                json_lines_of(rows, classes).map_err(|error| error.to_string())
            }
            _ => Err("the file name must end in .csv or .jsonl".to_owned()),
        };
        match text {
            Ok(text) => shared.ask(Effect::WriteFile { path, text }),
            Err(why) => {
                let path = path.shown();
                shared.notify(LogLine::error(format!("not exported, {why}: {path}")));
            }
        }
    }

    pub(in crate::ui) fn mouse(
        &mut self,
        mouse: MouseEvent,
        area: Rect,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        let areas = layout::areas(area, self.alone, self.border);
        let position = Position::new(mouse.column, mouse.row);
        let divided = !self.alone && areas.detail.width > 0 && self.aside.is_none();
        if divided && self.border.mouse(mouse, areas.detail, Side::Right) {
            return;
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => self.look(Action::Up, shared, runs),
            MouseEventKind::ScrollDown => self.look(Action::Down, shared, runs),
            MouseEventKind::Down(_) if self.aside.is_some() => {
                let files = self.results.unreadable.len();
                if let Some((Aside::Unreadable, selection)) = &mut self.aside
                    && let Some(row) = unreadable::row_at(*selection, files, areas.main, position)
                {
                    selection.set(row);
                }
            }
            MouseEventKind::Down(_) => {
                let window = self.results.window(gallery::rows_in(areas.table));
                let row = gallery::row_at(areas.table, position).map(|row| window.start + row);
                if let Some(row) = row.filter(|row| window.contains(row)) {
                    self.results.select(row);
                }
            }
            _ => {}
        }
    }

    pub(in crate::ui) fn hints(&self, shared: &Shared) -> &'static [Action] {
        if self.job.is_under_way() {
            return &[
                Action::CancelInference,
                Action::SortResults,
                Action::Filter,
                Action::ShowUnreadable,
            ];
        }
        if self.folder.is_none() {
            return &[
                Action::ChooseFolder,
                Action::NextInferenceRun,
                Action::AnsweringModel,
                Action::AnsweringWeights,
            ];
        }
        if !self.is_shown(shared) {
            return &[
                Action::StartInference,
                Action::AnsweringModel,
                Action::AnsweringWeights,
                Action::NextInferenceRun,
                Action::ChooseFolder,
                Action::ShowScores,
            ];
        }
        &[
            Action::ShowScores,
            Action::SortResults,
            Action::Filter,
            Action::AnsweringModel,
            Action::AnsweringWeights,
            Action::StartInference,
            Action::NextInferenceRun,
            Action::ChooseFolder,
            Action::ShowUnreadable,
            Action::ExportResults,
        ]
    }

    /// The picture that [`Self::draw`] shows large, and where.
    pub(in crate::ui) fn pictures(&self, pictures: &Pictures, area: Rect) -> Vec<(&Picture, Rect)> {
        let shown = self.results.selected_entry();
        let shown = shown.filter(|_| self.aside.is_none());
        let area = layout::areas(area, self.alone, self.border).detail;
        let placed = shown.map(|entry| {
            let picture = &entry.image.picture;
            (picture, detail::place(picture, pictures, area))
        });
        placed.into_iter().collect()
    }

    pub(in crate::ui) fn draw(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
        let areas = layout::areas(area, self.alone, self.border);
        setup::draw(self, shared, runs, frame, areas.setup);
        if let Some((aside, selection)) = self.aside {
            let draw = match aside {
                Aside::Unreadable => unreadable::draw,
                Aside::Scores => scores::draw,
            };
            draw(&self.results, selection, &shared.theme, frame, areas.main);
        } else if self.results.number() == 0 {
            notice::draw(self, shared, runs, frame, areas.main);
        } else {
            table::draw(self, (shared, runs), frame, areas.table);
            detail::draw(self, shared, frame, areas.detail);
        }
    }
}

/// Which models and weights were asked.
fn models_words(Asked { answering, weights }: Asked) -> String {
    let weights = weights.word();
    match answering {
        Answering::Teacher => "the teacher".to_owned(),
        Answering::Student => format!("the student's {weights} weights"),
        Answering::Both => format!("the teacher and the student's {weights} weights"),
    }
}

/// After how many steps the student's weights that answer were saved.
fn weights_at(request: &InferenceRequest, runs: &Runs) -> Option<u64> {
    let Asked { answering, weights } = request.asked;
    let saved = runs.get(&request.run)?.store.checkpoints.iter().rev();
    let mut saved = saved.filter(|it| it.at.phase == Phase::Student);
    let last = saved.find(|it| it.best || weights == Weights::Latest)?;
    (answering != Answering::Teacher).then_some(last.at.step)
}
