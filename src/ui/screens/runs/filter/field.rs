//! What a condition may ask of a run.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::experiment::metric::Metric;
use crate::experiment::nearest::nearest;
use crate::run::timestamp::moment;
use crate::store::{RunEntry, RunState};
use crate::ui::screens::runs::config::Config;
use crate::ui::screens::runs::metrics::{Metrics, Progress, value};

/// A run, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::ui::screens::runs) struct Subject<'a> {
    pub(in crate::ui::screens::runs) name: &'a str,
    pub(in crate::ui::screens::runs) run: &'a RunEntry,
    pub(in crate::ui::screens::runs) metrics: &'a Metrics,
    pub(in crate::ui::screens::runs) config: &'a Config,
}

/// Something that is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    RunColumn(RunColumn),
    Metric(Metric),
    /// A field of the experiment, by dotted path.
    Setting(String),
}

/// What a run has besides results and an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunColumn {
    Name,
    Experiment,
    State,
    Method,
    Tag,
    Note,
    Device,
    Begun,
    Best,
    Last,
    Test,
    Loss,
    Agreement,
    Done,
    Time,
}

/// Their names, and other words for them.
const OWN: [(&str, RunColumn); 19] = [
    ("name", RunColumn::Name),
    ("experiment", RunColumn::Experiment),
    ("state", RunColumn::State),
    ("status", RunColumn::State),
    ("method", RunColumn::Method),
    ("tag", RunColumn::Tag),
    ("tags", RunColumn::Tag),
    ("note", RunColumn::Note),
    ("device", RunColumn::Device),
    ("started", RunColumn::Begun),
    ("begun", RunColumn::Begun),
    ("best", RunColumn::Best),
    ("last", RunColumn::Last),
    ("test", RunColumn::Test),
    ("loss", RunColumn::Loss),
    ("agreement", RunColumn::Agreement),
    ("agree", RunColumn::Agreement),
    ("done", RunColumn::Done),
    ("time", RunColumn::Time),
];

/// What a run answers.
pub(super) enum Value<'a> {
    Nothing,
    Number(f64),
    Text(Cow<'a, str>),
    /// Each of them for itself.
    Words(Vec<&'a str>),
}

impl Field {
    /// The field of this name: a run's own, a metric, or one of the
    /// experiment's, of which the end of the path is enough where it can mean
    /// only one.
    ///
    /// # Errors
    /// What to write instead.
    pub(super) fn named(name: &str, settings: &BTreeSet<&str>) -> Result<Self, String> {
        let folded = name.to_lowercase();
        if let Some((_, own)) = OWN.iter().find(|(known, _)| *known == folded) {
            return Ok(Self::RunColumn(*own));
        }
        if let Ok(metric) = name.parse() {
            return Ok(Self::Metric(metric));
        }
        if settings.contains(name) || settings.is_empty() {
            return Ok(Self::Setting(name.to_owned()));
        }
        let ends: Vec<&str> = settings
            .iter()
            .copied()
            .filter(|path| {
                path.strip_suffix(name)
                    .is_some_and(|before| before.ends_with('.'))
            })
            .collect();
        match ends.as_slice() {
            [one] => Ok(Self::Setting((*one).to_owned())),
            [first, second, ..] => Err(format!("`{name}` could be `{first}` or `{second}`")),
            [] => Err(no_field(name, settings)),
        }
    }

    /// Whether it can only be a number.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Self::RunColumn(own) => matches!(
                own,
                RunColumn::Best
                    | RunColumn::Last
                    | RunColumn::Test
                    | RunColumn::Loss
                    | RunColumn::Agreement
                    | RunColumn::Done
                    | RunColumn::Time
            ),
            Self::Metric(_) => true,
            Self::Setting(_) => false,
        }
    }

    /// What is wrong with a word that this field never is.
    pub(super) fn unknown_word(&self, word: &str) -> Option<String> {
        if *self != Self::RunColumn(RunColumn::State)
            || STATES.iter().any(|state| state.word() == word)
        {
            return None;
        }
        let words: Vec<&str> = STATES.iter().map(|state| state.word()).collect();
        Some(match nearest(word, words.iter().copied()) {
            Some(near) => format!("there is no state `{word}`; did you mean `{near}`?"),
            None => format!("a state is one of {}", words.join(", ")),
        })
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

fn no_field(name: &str, settings: &BTreeSet<&str>) -> String {
    let own = OWN.iter().map(|(known, _)| *known);
    let known = own.chain(Metric::NAMES).chain(settings.iter().copied());
    match nearest(name, known) {
        Some(near) => format!("no run has `{name}`; did you mean `{near}`?"),
        None => format!("no run has `{name}`; see the fields below, or the experiment's"),
    }
}

impl<'a> Subject<'a> {
    /// The experiment's name.
    pub(in crate::ui::screens::runs) fn experiment(&self) -> Option<&'a str> {
        let identity = self.run.store.identity.as_ref();
        self.config
            .get("name")
            .or(identity.map(|identity| identity.name.as_str()))
    }

    /// Whether a word stands in the run's or its experiment's name, or begins
    /// one of its tags.
    pub(super) fn has_word(&self, word: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(word);
        holds(self.name)
            || self.experiment().is_some_and(holds)
            || self.run.notes.tags.iter().any(|tag| holds(tag))
    }

    pub(super) fn value(&self, field: &Field) -> Value<'a> {
        match field {
            Field::RunColumn(own) => self.own(*own),
            Field::Metric(metric) => number(value(&self.run.store, *metric)),
            Field::Setting(path) => text(self.config.get(path)),
        }
    }

    fn own(&self, own: RunColumn) -> Value<'a> {
        let metrics = self.metrics;
        match own {
            RunColumn::Name => text(Some(self.name)),
            RunColumn::Experiment => text(self.experiment()),
            RunColumn::State => Value::Words(vec![self.run.state().word()]),
            RunColumn::Method => text(self.config.get("method")),
            RunColumn::Tag => {
                Value::Words(self.run.notes.tags.iter().map(String::as_str).collect())
            }
            RunColumn::Note => text(Some(self.run.notes.note.as_str())),
            RunColumn::Device => {
                let identity = self.run.store.identity.as_ref();
                text(identity.map(|identity| identity.device.as_str()))
            }
            RunColumn::Begun => Value::Text(Cow::Owned(moment(self.run.begun))),
            RunColumn::Best => number(metrics.best),
            RunColumn::Last => number(metrics.last),
            RunColumn::Test => number(metrics.test),
            RunColumn::Loss => number(metrics.loss),
            RunColumn::Agreement => number(metrics.agreement),
            RunColumn::Done => number(metrics.progress.map(Progress::share)),
            RunColumn::Time => number(metrics.seconds),
        }
    }
}

fn number(value: Option<f64>) -> Value<'static> {
    value.map_or(Value::Nothing, Value::Number)
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Nothing, |value| Value::Text(Cow::Borrowed(value)))
}
