//! Student and teacher on the same images, through training: where they part,
//! by how much, on which classes.
//!
//! What is drawn is worked out when something changes (`Compare::refresh`),
//! so that drawing only reads it. Answers come from the run's probe, or from a
//! folder that its models were asked to classify.

mod class_table;
mod classes;
mod comparison;
mod detail;
mod head;
mod heat_map;
mod input;
mod layout;
mod list;
mod matrix;
#[cfg(test)]
mod mouse_tests;
mod notice;
mod order;
mod others;
#[cfg(test)]
mod picture_tests;
mod sample_result;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
pub(in crate::ui) mod testing;
#[cfg(test)]
mod tests;
mod timeline;
mod verdict;

use ratatui::Frame;
use ratatui::layout::Rect;

use self::classes::{ClassRow, Classes};
use self::comparison::{Change, Comparison, Reading};
use self::heat_map::Look;
use self::matrix::{Matrix, Pair, Whole};
use self::order::{Order, Show};
use self::sample_result::{Moment, SampleResult};
use self::verdict::{FolderMetrics, Verdict};
use crate::event::inspection::{Answerer, Picture, Probe, ProbeSource};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::graphics::Pictures;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;
use crate::ui::widget::cells::without_time;
use crate::ui::widget::{Border, Selection};

/// Temperatures to choose from.
const TEMPERATURES: [f32; 13] = [
    0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0,
];
/// Place of temperature 1 among them.
const ONE: usize = 2;

/// What is shown of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    /// Images, one by one.
    #[default]
    Images,
    /// Teacher's classes by student's.
    Agreement,
    /// Labels by the student's classes.
    Student,
    /// Labels by the teacher's classes.
    Teacher,
    /// How both do on every class.
    Classes,
}

impl View {
    const ALL: [Self; 5] = [
        Self::Images,
        Self::Agreement,
        Self::Student,
        Self::Teacher,
        Self::Classes,
    ];

    /// Its name in full, and where there is little room.
    fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Images => ("Images", "Images"),
            Self::Agreement => ("Agreement", "Agree"),
            Self::Student => ("Student's confusion", "Student"),
            Self::Teacher => ("Teacher's confusion", "Teacher"),
            Self::Classes => ("Classes", "Classes"),
        }
    }

    /// Those of a run with a teacher, or without one.
    fn all(has_teacher: bool) -> &'static [Self] {
        const ALONE: [View; 3] = [View::Images, View::Student, View::Classes];
        if has_teacher { &Self::ALL } else { &ALONE }
    }

    /// The next of these, or the one before.
    fn beside(self, all: &[Self], is_next: bool) -> Self {
        let at = all.iter().position(|view| *view == self).unwrap_or(0);
        let by = if is_next { 1 } else { all.len() - 1 };
        all[(at + by) % all.len()]
    }

    /// Whose classes its matrix counts, if it is one.
    fn pair(self) -> Option<Pair> {
        let (rows, columns) = match self {
            Self::Images | Self::Classes => return None,
            Self::Agreement => (Answerer::Teacher, Answerer::Student),
            Self::Student => (Answerer::Label, Answerer::Student),
            Self::Teacher => (Answerer::Label, Answerer::Teacher),
        };
        Some(Pair { rows, columns })
    }
}

/// The state of the screen.
#[derive(Debug)]
pub struct Compare {
    comparison: Comparison,
    view: View,
    /// Which of the student's answers, in order of steps.
    at: usize,
    /// Place in [`TEMPERATURES`].
    temperature: usize,
    order: Order,
    /// Images that are listed.
    selection: Selection,
    matrix: Matrix,
    classes: Classes,
    /// The view that a class or a cell of is listed, to go back to.
    opened_from: Option<View>,
    /// Between the list and the image.
    border: Border,
    // What follows from the above.
    verdict: Verdict,
    /// Whether all validation images are counted for the matrix of this view.
    has_whole: bool,
    /// Of a folder's images, and of the second run's student on them.
    folder: Option<(FolderMetrics, Option<FolderMetrics>)>,
    results: Vec<SampleResult>,
    rows: Vec<usize>,
    steps: Vec<u64>,
    history: Vec<Moment>,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            comparison: Comparison::default(),
            view: View::default(),
            at: 0,
            temperature: ONE,
            order: Order::default(),
            selection: Selection::default(),
            matrix: Matrix::default(),
            classes: Classes::default(),
            opened_from: None,
            border: Border::default(),
            verdict: Verdict::default(),
            has_whole: false,
            folder: None,
            results: Vec::new(),
            rows: Vec::new(),
            steps: Vec::new(),
            history: Vec::new(),
        }
    }
}

impl Compare {
    /// Takes up the selected run, or how far it came.
    pub(in crate::ui) fn follow(&mut self, shared: &mut Shared, runs: &Runs) {
        if self.comparison.run == shared.selected {
            self.comparison.follow(shared, runs);
        } else {
            self.comparison.open(shared, runs);
            self.at = 0;
            self.order.clear();
            self.opened_from = None;
            self.refresh();
        }
        self.verdict = self.verdict(runs).unwrap_or_default();
        self.has_whole = match self.view {
            View::Classes => self.count_classes(runs),
            view => view
                .pair()
                .is_some_and(|pair| self.whole(pair, runs).is_some()),
        };
    }

    /// The pair whose matrix this view counts; the table of classes counts the student's.
    fn counted_pair(&self) -> Option<Pair> {
        let student = || View::Student.pair().filter(|_| self.view == View::Classes);
        self.view.pair().or_else(student)
    }

    /// Counts the table of classes: over all validation images where they are shown and
    /// counted, else over the images that are compared. Returns whether they are counted.
    fn count_classes(&mut self, runs: &Runs) -> bool {
        let teacher = self.has_teacher();
        let whole = self.whole_classes(runs);
        let has_whole = whole.is_some();
        if let Some((rows, images)) = whole.filter(|_| !self.matrix.sampled) {
            let columns = classes::Columns { teacher, kl: false };
            self.classes.update(rows, columns, Some(images));
        } else {
            let rows = classes::per_class(&self.results, self.class_names().len());
            let columns = classes::Columns {
                teacher,
                kl: teacher,
            };
            self.classes.update(rows, columns, None);
        }
        has_whole
    }

    fn whole_classes(&self, runs: &Runs) -> Option<(Vec<ClassRow>, usize)> {
        let (student, second) = self.whole(View::Student.pair()?, runs)?;
        let teacher = self.whole(View::Teacher.pair()?, runs);
        let teacher = teacher.filter(|(teacher, _)| teacher.images == student.images);
        if self.has_teacher() && teacher.is_none() {
            return None;
        }
        let rows = classes::of_matrices(
            student.counts,
            teacher.map(|(teacher, _)| teacher.counts),
            second.map(|second| second.counts),
        );
        Some((rows, student.images))
    }

    /// What is counted of all validation images of this run's student, and of the second
    /// run's. Of a folder's images that says nothing.
    fn whole<'a>(&self, pair: Pair, runs: &'a Runs) -> Option<(Whole<'a>, Option<Whole<'a>>)> {
        if matches!(self.comparison.source, ProbeSource::Folder(_)) {
            return None;
        }
        let store = &runs.get(self.comparison.run.as_ref()?)?.store;
        let first = matrix::whole(store, pair, self.step())?;
        let second = self.second_student(runs);
        let second = second.filter(|_| pair.columns == Answerer::Student);
        let second = second.and_then(|(store, step)| matrix::whole(store, pair, step));
        // Of other images nothing can be compared.
        Some((first, second.filter(|second| second.images == first.images)))
    }

    /// Steps that the weights have behind them whose answers are shown.
    fn step(&self) -> u64 {
        self.steps.get(self.at).copied().unwrap_or(u64::MAX)
    }

    /// The second run's student, and which of its weights.
    fn second_student<'a>(&self, runs: &'a Runs) -> Option<verdict::Student<'a>> {
        let run = runs.get(&self.comparison.second.as_ref()?.run)?;
        let (probe, at) = self.comparison.second_answers(self.at)?;
        Some((&run.store, probe.students.get(at)?.step))
    }

    fn verdict(&self, runs: &Runs) -> Option<Verdict> {
        let store = &runs.get(self.comparison.run.as_ref()?)?.store;
        let second = self.second_student(runs);
        if let Some((folder, other)) = &self.folder {
            let second = second.map(|(store, _)| store);
            return Some(Verdict::of_folder(
                (folder, store),
                other.as_ref().zip(second),
            ));
        }
        Some(Verdict::of_run((store, self.step()), second))
    }

    fn areas(&self, area: Rect) -> layout::Areas {
        layout::areas(area, self.border, self.verdict.rows(area))
    }

    /// A run's models have answered, or not.
    pub(in crate::ui) fn on_probe(
        &mut self,
        run: &str,
        source: &ProbeSource,
        probe: Result<Box<Probe>, String>,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        // A view of the newest answers follows newer ones; a cell's are of one step.
        let is_cell = matches!(self.comparison.source, ProbeSource::Cell { .. });
        let newest = self.at + 1 >= self.steps.len() && !is_cell;
        let step = self.steps.get(self.at).copied();
        let news = self.comparison.on_news(run, source, probe);
        let others = news == Change::Images;
        if news == Change::Nothing {
            return;
        }
        if others {
            self.order.clear();
            self.comparison.ask_second(shared, runs);
        }
        if let Some(problem) = self.comparison.problem.take() {
            shared.notify(LogLine::error(problem));
        }
        if let Some(second) = &self.comparison.second
            && second.run == run
            && let Reading::Failed(why) = &second.reading
        {
            // The reason comes first: the name stands in the head, too.
            let message = format!("not comparable: {why} ({run})");
            shared.notify(LogLine::error(message));
        }
        let steps = self
            .comparison
            .probe()
            .map(|probe| probe.students.iter().map(|a| a.step));
        self.steps = steps.map_or_else(Vec::new, Iterator::collect);
        let last = self.steps.len().saturating_sub(1);
        let same = self.steps.iter().position(|known| Some(*known) == step);
        self.at = if newest { last } else { same.unwrap_or(last) };
        if others {
            self.relist();
        } else {
            self.refresh();
        }
    }

    /// Whether there is a teacher that answers on the images.
    fn has_teacher(&self) -> bool {
        let probe = self.comparison.probe();
        probe.is_none_or(|probe| probe.teacher.is_some())
    }

    /// The views that are offered.
    fn views(&self) -> &'static [View] {
        View::all(self.has_teacher())
    }

    fn temperature(&self) -> f32 {
        TEMPERATURES[self.temperature]
    }

    /// The image that is selected in the list.
    fn selected(&self) -> Option<usize> {
        self.rows.get(self.selection.get(self.rows.len())?).copied()
    }

    /// The images of the class or the cell that is looked at.
    fn looked_at(&self) -> Order {
        Order {
            class: self
                .classes
                .selected()
                .filter(|_| self.view == View::Classes),
            cell: self.view.pair().map(|pair| self.matrix.cell(pair)),
            show: Show::All,
            pattern: None,
            ..self.order
        }
    }

    /// Works out anew what is drawn; the selected image stays selected.
    fn refresh(&mut self) {
        let selected = self.selected();
        let temperature = self.temperature();
        let Some(probe) = self.comparison.probe() else {
            self.results.clear();
            self.rows.clear();
            self.steps.clear();
            self.history.clear();
            self.folder = None;
            return;
        };
        let classes = probe.classes.len();
        let has_teacher = probe.teacher.is_some();
        if !View::all(has_teacher).contains(&self.view) {
            self.view = View::Student;
        }
        self.order.suit(has_teacher);
        let is_folder = matches!(self.comparison.source, ProbeSource::Folder(_));
        self.folder = is_folder.then(|| {
            let other = self.comparison.second_answers(self.at);
            let other = other.map(|(probe, at)| FolderMetrics::of(probe, at));
            (FolderMetrics::of(probe, self.at), other)
        });
        self.results = sample_result::sample_results(probe, self.at, temperature);
        for (image, result) in self.results.iter_mut().enumerate() {
            let Some(logits) = self.comparison.second_logits(image, self.at) else {
                continue;
            };
            if sample_result::is_finite(logits) {
                result.second = sample_result::answer(logits, temperature, result.label);
            } else {
                result.broken.second = true;
            }
        }
        self.rows = self.order.rows(probe, &self.results);
        if let Some(pair) = self.counted_pair() {
            self.matrix.count(pair, &self.results, classes);
        }
        if let Some(at) = self.rows.iter().position(|row| Some(*row) == selected) {
            self.selection.set(at);
        }
        self.remember();
    }

    /// Follows the selected image through training; all of them together where none is
    /// shown.
    fn remember(&mut self) {
        let temperature = self.temperature();
        self.history = match (self.comparison.probe(), self.view, self.selected()) {
            (Some(probe), View::Images, Some(image)) => {
                sample_result::history(probe, image, temperature)
            }
            (Some(probe), View::Agreement | View::Student | View::Teacher | View::Classes, _) => {
                sample_result::mean_history(probe, temperature)
            }
            _ => Vec::new(),
        };
    }

    /// Lists other images, or in another order: from the first on.
    fn relist(&mut self) {
        self.refresh();
        self.selection.set(0);
        self.remember();
    }

    pub(in crate::ui) fn hints(&self) -> &'static [Action] {
        if self.comparison.probe().is_none() {
            return &[
                Action::NextProbeRun,
                Action::CompareFolder,
                Action::ReadProbeAgain,
            ];
        }
        match self.view {
            View::Images if self.opened_from.is_some() => &[
                Action::Back,
                Action::NextView,
                Action::SortImages,
                Action::FilterImages,
                Action::Filter,
            ],
            View::Images if self.comparison.second.is_some() => &[
                Action::NextView,
                Action::SecondRun,
                Action::RemoveSecondRun,
                Action::EarlierCheckpoint,
                Action::LaterCheckpoint,
                Action::SortImages,
                Action::FilterImages,
            ],
            View::Images => &[
                Action::NextView,
                Action::SortImages,
                Action::FilterImages,
                Action::SecondRun,
                Action::EarlierCheckpoint,
                Action::LaterCheckpoint,
                Action::CompareFolder,
                Action::NextProbeRun,
                Action::Filter,
                Action::OnlyClass,
            ],
            View::Classes if self.has_whole => &[
                Action::NextView,
                Action::SortImages,
                Action::Activate,
                Action::WholeSet,
                Action::Back,
            ],
            View::Classes => &[
                Action::NextView,
                Action::SortImages,
                Action::Activate,
                Action::Back,
            ],
            View::Agreement | View::Student | View::Teacher if self.has_whole => &[
                Action::NextView,
                Action::Activate,
                Action::WholeSet,
                Action::EarlierCheckpoint,
                Action::LaterCheckpoint,
                Action::Back,
            ],
            View::Agreement | View::Student | View::Teacher => &[
                Action::NextView,
                Action::Activate,
                Action::EarlierCheckpoint,
                Action::LaterCheckpoint,
                Action::Back,
            ],
        }
    }

    pub(in crate::ui) fn draw(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
        let areas = self.areas(area);
        let Some(probe) = self.comparison.probe() else {
            return notice::draw(self, shared, runs, frame, area);
        };
        self.verdict.draw(&shared.theme, frame, areas.verdict);
        head::draw(self, probe, shared, frame, areas);
        match self.view {
            View::Images => {
                list::draw(self, probe, shared, frame, areas.list);
                detail::draw(self, probe, shared, frame, areas.detail);
            }
            View::Classes | View::Agreement | View::Student | View::Teacher => {
                let places = self.class_areas(areas.main);
                let theme = &shared.theme;
                if let Some(pair) = self.view.pair() {
                    let (row, column) = self.matrix.cursor;
                    let look = Look {
                        pair,
                        whole: self.whole(pair, runs).filter(|_| !self.matrix.sampled),
                        cell: (row, Some(column)),
                        focused: true,
                    };
                    heat_map::draw(self, probe, &look, theme, frame, places.classes);
                } else {
                    class_table::draw(self, probe, theme, frame, places.classes);
                }
                if let Some((place, pair)) = places.matrix.zip(View::Student.pair()) {
                    let look = Look {
                        pair,
                        whole: self.whole(pair, runs).filter(|_| !self.matrix.sampled),
                        cell: (self.classes.selected().unwrap_or(0), None),
                        focused: false,
                    };
                    heat_map::draw(self, probe, &look, theme, frame, place);
                }
                if let Some(area) = places.images {
                    list::draw_looked_at(self, probe, shared, frame, area);
                }
            }
        }
        timeline::draw(self, probe, &shared.theme, frame, areas.timeline);
    }

    /// The pictures that [`Self::draw`] shows large, and where.
    pub(in crate::ui) fn pictures(&self, pictures: &Pictures, area: Rect) -> Vec<(&Picture, Rect)> {
        match self.comparison.probe().zip(self.selected()) {
            Some((probe, image)) if self.view == View::Images => detail::pictures(
                &probe.images[image],
                probe.classes.len(),
                pictures,
                self.areas(area).detail,
            ),
            _ => Vec::new(),
        }
    }

    /// The name of the second run, as a student's.
    fn second_name(&self) -> Option<&str> {
        let second = self.comparison.second.as_ref()?;
        Some(short_name(&second.run, self.comparison.run.as_deref()))
    }

    /// What a second run's student says of an image: its name and logits, numbers or not.
    fn second(&self, image: usize) -> Option<(&str, Option<&[f32]>)> {
        let name = self.second_name()?;
        Some((name, self.comparison.second_logits(image, self.at)))
    }
}

/// A run's name without its time; beside another run of its experiment, the id that
/// distinguishes them.
fn short_name<'a>(run: &'a str, beside: Option<&str>) -> &'a str {
    let name = without_time(run);
    let is_same = beside.is_some_and(|beside| without_time(beside) == name);
    match run.rsplit_once('-') {
        Some((_, id)) if is_same && name != run => id,
        _ => name,
    }
}

/// The name of a class; one that has none is a question mark.
fn class_name(probe: &Probe, class: usize) -> &str {
    probe.classes.get(class).map_or("?", String::as_str)
}
