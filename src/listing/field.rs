//! What can be asked of a run: a column of the table, a metric, or a field of its
//! configuration; what it answers, as a value, as text and to be sorted by.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use super::summary::Subject;
use crate::event::{Export, ExportFormat, Phase, PixelFormat};
use crate::experiment::metric::{Cost, Metric, Quantity};
use crate::experiment::nearest::nearest;
use crate::format::{MISSING, bytes, duration, loss, milliseconds, percent, scaled, speed};
use crate::run::kept::kept_name;
use crate::run::timestamp::moment;
use crate::run::{Fork, StudyRole, StudyRun};
use crate::store::{FieldValue, Metrics, Progress, RunState};

/// Something that is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// A column that every list has.
    Column(Column),
    /// A metric by its name.
    Metric(Metric),
    /// A field of the configuration, by dotted path.
    Setting(String),
}

/// What a run has besides its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Name of its folder.
    Name,
    /// Where it stands.
    State,
    /// Completed share of the training that began last.
    Done,
    /// Top-1 on the validation images of the best weights.
    Best,
    /// Last top-1 on the validation images.
    Last,
    /// Top-1 on the test images of the best weights.
    Test,
    /// Seconds that the student trained.
    Time,
    /// What a person calls it.
    Tags,
    /// The method.
    Method,
    /// When it was started.
    Started,
    /// Last cross-entropy on the validation images.
    Loss,
    /// Last agreement on the validation images.
    Agreement,
    /// Name of its experiment.
    Experiment,
    /// What a person wrote of it.
    Note,
    /// What it ran on.
    Device,
    /// The run that it was forked from, and the checkpoint.
    Forked,
    /// The study that it is a run of, the variant and the seed.
    Study,
}

/// Columns that a person has to ask for.
const ON_REQUEST: [Column; 3] = [Column::Device, Column::Forked, Column::Study];

/// Columns that every table has, what matters most first: the last ones go where
/// there is no room.
const ALWAYS: [Column; 14] = [
    Column::Name,
    Column::State,
    Column::Done,
    Column::Best,
    Column::Last,
    Column::Test,
    Column::Time,
    Column::Tags,
    Column::Method,
    Column::Started,
    Column::Loss,
    Column::Agreement,
    Column::Experiment,
    Column::Note,
];

/// Metrics that every comparison of runs begins with.
pub const COMPARED: [Column; 6] = [
    Column::Best,
    Column::Last,
    Column::Test,
    Column::Loss,
    Column::Agreement,
    Column::Time,
];

/// Those that stand before what a person chose.
const BEFORE_CHOSEN: usize = 4;

/// What a table shows of runs from left to right, where a person chose some fields.
#[must_use]
pub fn columns(chosen: impl IntoIterator<Item = Field>) -> Vec<Field> {
    let (before, after) = ALWAYS.split_at(BEFORE_CHOSEN);
    let always = |columns: &'static [Column]| columns.iter().copied().map(Field::Column);
    let chosen = chosen.into_iter();
    let chosen =
        chosen.filter(|field| !matches!(field, Field::Column(one) if ALWAYS.contains(one)));
    always(before).chain(chosen).chain(always(after)).collect()
}

/// Other words for columns than their names.
const ALIASES: [(&str, Column); 3] = [
    ("name", Column::Name),
    ("status", Column::State),
    ("tag", Column::Tags),
];

/// An exported file, how it takes images where that is not usual, and whether it was run
/// against the network.
#[must_use]
pub fn export_words(name: &str, export: &Export) -> String {
    let proof = match (&export.proof, export.format) {
        (Some(proof), _) => proof.top1.map_or_else(
            || "verified".to_owned(),
            |top1| format!("verified, top-1 {}", percent(top1)),
        ),
        (None, ExportFormat::Onnx) => "not verified".to_owned(),
        (None, ExportFormat::Torch) => "weights for PyTorch".to_owned(),
    };
    let input = match export.input {
        Some(PixelFormat::Uint8) => "uint8 input, ",
        Some(PixelFormat::Float) | None => "",
    };
    format!("{name}, {input}{}, {proof}", bytes(export.bytes))
}

/// Which run of a study a run is: `shapes: vanilla, seed 1`.
#[must_use]
pub fn study_words(of: &StudyRun) -> String {
    let role = match of.role {
        StudyRole::Seed(seed) => format!("seed {seed}"),
        StudyRole::Speed => "time of an epoch".to_owned(),
    };
    format!("{}: {}, {role}", of.study, of.variant)
}

/// What each training took, of so many seconds: `student 1 m 02 s, teacher 10 s`.
#[must_use]
pub fn trained_words(student: Option<f64>, teacher: Option<f64>) -> Option<String> {
    let parts = [("student", student), ("teacher", teacher)].into_iter();
    let parts = parts.filter_map(|(who, seconds)| Some(format!("{who} {}", duration(seconds?))));
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Every field that the configurations of some runs have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(BTreeSet<String>);

/// What a run answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Nothing,
    Number(f64),
    Text(Cow<'a, str>),
    /// Each of them for itself.
    Words(Vec<&'a str>),
    /// Each value that a field of the configuration had.
    Settings(&'a [FieldValue]),
}

/// What runs are sorted by.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Key {
    /// A number.
    Number(f64),
    /// A text, in lower case.
    Text(String),
    /// There is nothing.
    Missing,
}

/// What is missing stands last, whichever way the others run.
#[must_use]
pub fn compare(a: &Key, b: &Key, descends: bool) -> Ordering {
    match (a, b) {
        (Key::Missing, Key::Missing) => Ordering::Equal,
        (Key::Missing, _) => Ordering::Greater,
        (_, Key::Missing) => Ordering::Less,
        _ => {
            let ascending = a.partial_cmp(b).unwrap_or(Ordering::Equal);
            if descends {
                ascending.reverse()
            } else {
                ascending
            }
        }
    }
}

impl Fields {
    /// Adds those of a run.
    pub fn add(&mut self, run: &Subject) {
        for path in run.config.paths() {
            if !self.0.contains(path) {
                self.0.insert(path.to_owned());
            }
        }
    }

    /// Their paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The shortest end of a path by which it can be named.
    #[must_use]
    pub fn short<'a>(&self, path: &'a str) -> &'a str {
        let starts = path.rmatch_indices('.').map(|(at, _)| &path[at + 1..]);
        let means_it = |name: &&str| matches!(Field::named(name, self), Ok(Field::Setting(found)) if found == path);
        starts.into_iter().find(means_it).unwrap_or(path)
    }
}

impl Column {
    /// The column of this name, or of another word for it.
    fn named(name: &str) -> Option<Self> {
        let mut all = ALWAYS.into_iter().chain(ON_REQUEST);
        all.find(|column| column.name() == name).or_else(|| {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
            alias.map(|(_, column)| *column)
        })
    }

    /// Its heading in a table: of a metric, the images and the weights that it is of.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Started => "started, UTC",
            Self::Best => "valid top-1 (best)",
            Self::Last => "valid top-1 (last)",
            Self::Test => "test top-1 (best)",
            Self::Loss => "valid loss (last)",
            Self::Agreement => "valid agreement (last)",
            other => other.name(),
        }
    }

    /// Its heading where there is not room for the title: a metric's is the name that a
    /// filter has for it, and [`legend`] says what that is.
    #[must_use]
    pub fn short_title(self) -> &'static str {
        if self.is_metric() {
            self.name()
        } else {
            self.title()
        }
    }

    /// Its name in filters, in `--columns` and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "run",
            Self::State => "state",
            Self::Done => "done",
            Self::Best => "best",
            Self::Last => "last",
            Self::Test => "test",
            Self::Time => "time",
            Self::Tags => "tags",
            Self::Started => "started",
            Self::Method => "method",
            Self::Loss => "loss@last",
            Self::Agreement => "agreement@last",
            Self::Experiment => "experiment",
            Self::Note => "note",
            Self::Device => "device",
            Self::Forked => "forked",
            Self::Study => "study",
        }
    }

    /// The metric that it shows, if it shows one.
    #[must_use]
    pub fn metric(self, metrics: &Metrics) -> Option<f64> {
        match self {
            Self::Best => metrics.best,
            Self::Last => metrics.last,
            Self::Test => metrics.test,
            Self::Loss => metrics.loss,
            Self::Agreement => metrics.agreement,
            _ => None,
        }
    }

    /// Whether it shows a metric.
    #[must_use]
    pub fn is_metric(self) -> bool {
        matches!(
            self,
            Self::Best | Self::Last | Self::Test | Self::Loss | Self::Agreement
        )
    }
}

impl Field {
    /// The field of this name: a column, a metric, or a field of the
    /// configuration, of which the end of the path is enough where it can mean
    /// only one.
    ///
    /// # Errors
    /// What to write instead.
    pub fn named(name: &str, fields: &Fields) -> Result<Self, String> {
        let folded = name.to_lowercase();
        if let Some(column) = Column::named(&folded) {
            return Ok(Self::Column(column));
        }
        if let Ok(metric) = name.parse() {
            return Ok(Self::Metric(metric));
        }
        if fields.0.contains(name) || fields.0.is_empty() {
            return Ok(Self::Setting(name.to_owned()));
        }
        let is_end = |path: &&str| {
            let before = path.strip_suffix(name);
            before.is_some_and(|before| before.ends_with('.'))
        };
        let ends: Vec<&str> = fields.paths().filter(is_end).collect();
        match ends.as_slice() {
            [one] => Ok(Self::Setting((*one).to_owned())),
            [] => match measured_as(name).as_slice() {
                [] => Err(no_field(name, fields)),
                [one] => Ok(Self::Metric(one.clone())),
                several => Err(ambiguous(name, several)),
            },
            several => Err(ambiguous(name, several)),
        }
    }

    /// Its heading, where these are all the fields that there are.
    #[must_use]
    pub fn title(&self, fields: &Fields) -> String {
        match self {
            Self::Column(column) => column.title().to_owned(),
            _ => self.name(fields),
        }
    }

    /// Its heading where there is not room for the title.
    #[must_use]
    pub fn short_title(&self, fields: &Fields) -> String {
        match self {
            Self::Column(column) => column.short_title().to_owned(),
            _ => self.name(fields),
        }
    }

    /// Its name in JSON, where these are all the fields that there are.
    #[must_use]
    pub fn name(&self, fields: &Fields) -> String {
        match self {
            Self::Column(column) => column.name().to_owned(),
            Self::Metric(metric) => metric.to_string(),
            Self::Setting(path) => fields.short(path).to_owned(),
        }
    }

    /// Whether it can only be a number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        match self {
            Self::Column(column) => {
                column.is_metric() || matches!(column, Column::Done | Column::Time)
            }
            Self::Metric(_) => true,
            Self::Setting(_) => false,
        }
    }

    /// Whether it is a share, from 0 to 1, which is written in percent.
    #[must_use]
    pub fn is_share(&self) -> bool {
        match self {
            Self::Column(column) => {
                matches!(column, Column::Done) || column.is_metric() && *column != Column::Loss
            }
            Self::Metric(metric) => metric.quantity.is_share(),
            Self::Setting(_) => false,
        }
    }

    /// Whether one wants to see its maximum first.
    #[must_use]
    pub fn descends(&self) -> bool {
        match self {
            Self::Column(Column::Loss) => false,
            Self::Column(Column::Started) => true,
            Self::Metric(metric) => match metric.quantity {
                Quantity::Cost(cost) => cost == Cost::ImagesPerSecond,
                _ => true,
            },
            _ => self.is_number(),
        }
    }

    /// What is wrong with a word that this field never is.
    pub(super) fn unknown_word(&self, word: &str) -> Option<String> {
        if *self != Self::Column(Column::State) || STATES.iter().any(|state| state.word() == word) {
            return None;
        }
        let words: Vec<&str> = STATES.iter().map(|state| state.word()).collect();
        Some(match nearest(word, words.iter().copied()) {
            Some(near) => format!("there is no state `{word}`; did you mean `{near}`?"),
            None => format!("a state is one of {}", words.join(", ")),
        })
    }

    /// What a run answers, as text; [`MISSING`] if nothing.
    #[must_use]
    pub fn text(&self, run: &Subject) -> String {
        let text = match self {
            Self::Column(Column::Started) => moment(run.run.started),
            Self::Column(Column::Study) => run.study().map_or_else(String::new, study_words),
            Self::Column(Column::Done) => run.metrics.progress.map_or_else(String::new, done),
            _ => match (self.value(run), self) {
                (Value::Number(seconds), Self::Column(Column::Time)) => duration(seconds),
                (Value::Number(number), _) if self.is_loss() => loss(number),
                (Value::Number(number), Self::Metric(metric)) => written(metric.quantity, number),
                (Value::Number(share), _) => percent(share),
                (Value::Text(text), _) => text.into_owned(),
                (Value::Words(words), _) => words.join(" "),
                (Value::Settings(_), Self::Setting(path)) => {
                    run.config.get(path).unwrap_or_default().to_owned()
                }
                (Value::Nothing | Value::Settings(_), _) => String::new(),
            },
        };
        if text.is_empty() {
            MISSING.to_owned()
        } else {
            text
        }
    }

    fn is_loss(&self) -> bool {
        match self {
            Self::Column(column) => *column == Column::Loss,
            Self::Metric(metric) => matches!(
                metric.quantity,
                Quantity::Loss | Quantity::Kl | Quantity::MaxDifference
            ),
            Self::Setting(_) => false,
        }
    }

    /// What a run is sorted by; of a field that was changed, by its last value.
    #[must_use]
    pub fn key(&self, run: &Subject) -> Key {
        let text = |text: &str| {
            if text.is_empty() {
                Key::Missing
            } else {
                Key::Text(text.to_lowercase())
            }
        };
        match self {
            Self::Column(Column::State) => Key::Number(f64::from(run.run.state() as u8)),
            Self::Column(Column::Started) => {
                let since = run
                    .run
                    .started
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Key::Number(since.as_secs_f64())
            }
            _ => match self.value(run) {
                Value::Nothing => Key::Missing,
                Value::Number(number) => Key::Number(number),
                Value::Text(value) => text(&value),
                Value::Words(words) => text(&words.join(" ")),
                Value::Settings(values) => values.last().map_or(Key::Missing, |value| {
                    value.number.map_or_else(|| text(&value.text), Key::Number)
                }),
            },
        }
    }

    pub(super) fn value<'a>(&self, run: &Subject<'a>) -> Value<'a> {
        match self {
            Self::Column(column) => run.column(*column),
            Self::Metric(metric) => number(run.run.metric(metric)),
            Self::Setting(path) => match run.config.values(path) {
                [] => Value::Nothing,
                values => Value::Settings(values),
            },
        }
    }
}

const STATES: [RunState; 7] = [
    RunState::Training,
    RunState::Paused,
    RunState::Stopped,
    RunState::Crashed,
    RunState::Failed,
    RunState::Completed,
    RunState::New,
];

/// What the short titles of these fields stand for: `best = valid top-1 (best)`.
#[must_use]
pub fn legend<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Vec<String> {
    let columns = fields.into_iter().filter_map(|field| match field {
        Field::Column(column) => Some(*column),
        _ => None,
    });
    let shortened = columns.filter(|column| column.title() != column.short_title());
    shortened
        .map(|column| format!("{} = {}", column.short_title(), column.title()))
        .collect()
}

/// A share or a cost as people write it.
#[must_use]
pub fn written(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Cost(Cost::P50 | Cost::P90 | Cost::P99) => milliseconds(value),
        Quantity::Cost(Cost::ImagesPerSecond) => speed(value),
        Quantity::Cost(Cost::PeakMemory | Cost::FileBytes) => bytes(value as u64),
        Quantity::Cost(Cost::Macs) => scaled(value),
        _ => percent(value),
    }
}

/// The metrics whose name ends so: `kl` is that of validation and of test images, with the
/// best and the last weights.
fn measured_as(name: &str) -> Vec<Metric> {
    let (quantity, weights) = match name.rsplit_once('@') {
        Some((quantity, weights)) => (quantity, vec![weights]),
        None => (name, vec!["best", "last"]),
    };
    let ends_so = |metric: &&&str| {
        let end = metric.split_once('/').map(|(_, end)| end);
        end == Some(quantity)
    };
    let stems = Metric::NAMES.iter().filter(ends_so);
    let with = |stem: &&str, weights: &str| format!("{stem}@{weights}").parse().ok();
    let mut metrics: Vec<Metric> = stems
        .flat_map(|stem| weights.iter().filter_map(move |it| with(stem, it)))
        .collect();
    // What a student costs has no weights to choose from.
    if metrics.is_empty() {
        let stems = Metric::NAMES.iter().filter(ends_so);
        metrics.extend(stems.filter_map(|stem| stem.parse().ok()));
    }
    metrics
}

fn ambiguous(name: &str, candidates: &[impl ToString]) -> String {
    let candidates = candidates.iter().map(|it| format!("`{}`", it.to_string()));
    let candidates: Vec<String> = candidates.collect();
    let [most @ .., last] = candidates.as_slice() else {
        return format!("unknown field `{name}`");
    };
    format!("`{name}` could be {} or {last}", most.join(", "))
}

fn no_field(name: &str, fields: &Fields) -> String {
    let columns = ALWAYS.iter().chain(&ON_REQUEST);
    let columns = columns.map(|column| column.name());
    let aliases = ALIASES.iter().map(|(alias, _)| *alias);
    let known = columns.chain(aliases);
    let known = known.chain(Metric::NAMES).chain(fields.paths());
    match nearest(name, known) {
        Some(near) => format!("no run has `{name}`; did you mean `{near}`?"),
        None => format!(
            "unknown field `{name}`: no run has it; a field is a column (state, best, time), a metric \
             (valid/loss@last) or what an experiment has (lr, student.model)"
        ),
    }
}

/// `41 %`; of a teacher `T 41 %`, as wide whatever it is.
fn done(progress: Progress) -> String {
    let percent = (progress.share() * 100.0).floor();
    if progress.phase == Phase::Teacher {
        format!("T{percent:3.0} %")
    } else {
        format!("{percent:.0} %")
    }
}

impl<'a> Subject<'a> {
    /// Whether a word stands in the run's or its experiment's name, or in one of
    /// its tags.
    pub(super) fn has_word(&self, word: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(word);
        holds(self.name)
            || self.experiment().is_some_and(holds)
            || self.run.notes.tags.iter().any(|tag| holds(tag))
    }

    /// The run and the checkpoint that it was forked from, if it was.
    #[must_use]
    pub fn forked(&self) -> Option<&'a Fork> {
        self.run.plan.as_ref()?.forked.as_ref()
    }

    /// Which run of a study it is, if it is one.
    #[must_use]
    pub fn study(&self) -> Option<&'a StudyRun> {
        self.run.plan.as_ref()?.study.as_ref()
    }

    /// The metric by which its best weights are chosen.
    #[must_use]
    pub fn best_by(&self) -> String {
        self.run.store.best_metric(Phase::Student).to_string()
    }

    /// The same where it is not top-1, which it is by default.
    #[must_use]
    pub fn chosen_by(&self) -> Option<String> {
        let metric = self.run.store.best_metric(Phase::Student);
        (!metric.is_top1()).then(|| metric.to_string())
    }

    fn column(&self, column: Column) -> Value<'a> {
        let metrics = self.metrics;
        match column {
            Column::Name => text(Some(self.name)),
            Column::Experiment => text(self.experiment()),
            Column::State => Value::Words(vec![self.run.state().word()]),
            Column::Method => text(self.config.get("method")),
            Column::Tags => Value::Words(self.run.notes.tags.iter().map(String::as_str).collect()),
            Column::Note => text(Some(self.run.notes.note.as_str())),
            Column::Device => {
                let identity = self.run.store.identity.as_ref();
                text(identity.map(|identity| identity.device.as_str()))
            }
            Column::Forked => self.forked().map_or(Value::Nothing, |fork| {
                let from = format!("{}, {}", fork.from, kept_name(fork.at));
                Value::Text(Cow::Owned(from))
            }),
            Column::Study => self.study().map_or(Value::Nothing, |of| {
                Value::Words(vec![&of.study, &of.variant])
            }),
            Column::Started => Value::Text(Cow::Owned(moment(self.run.started))),
            Column::Best | Column::Last | Column::Test | Column::Loss | Column::Agreement => {
                number(column.metric(metrics))
            }
            Column::Done => number(metrics.progress.map(Progress::share)),
            Column::Time => number(metrics.seconds),
        }
    }
}

fn number(value: Option<f64>) -> Value<'static> {
    value.map_or(Value::Nothing, Value::Number)
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Nothing, |value| Value::Text(Cow::Borrowed(value)))
}
