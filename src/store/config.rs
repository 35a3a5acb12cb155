//! A run's configuration as a list of fields: dotted paths and their values as
//! text, to filter by and to distinguish runs. A knob that was changed while the
//! run trained has all its values, with the steps at which they took effect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use super::run_store::RunStore;
use crate::event::{Command, DataSummary, Dataset, ModelSummary, Phase, Position};
use crate::experiment::plan::ResolvedPlan;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{Gate, Spec, TeacherWeights};
use crate::experiment::{read_spec, with_names_of_today};
use crate::format::exact;
use crate::run::RunPlan;

/// Field that says who moves the knobs, where a person changed that.
const CONTROLLER: &str = "controller";

/// Digits of a hash that are enough to distinguish images.
const HASH_SHOWN: usize = 8;

/// The field that says what a set of images was.
#[must_use]
pub fn images_of(set: Dataset) -> String {
    format!("images.{}", set.word())
}

/// Fields of an experiment by dotted path: `student.model` → `ResNetCifar`,
/// `student.model.depth` → `8`. Absent options have no field; items of lists
/// count from 1.
/// A learning rate and other schedules are also listed as a whole at their own
/// path, in words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    fields: BTreeMap<String, Field>,
}

/// A value, and what it became while the run trained.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    /// `4 → 2.5 at step 812`.
    text: String,
    /// Each of its values, the first one first.
    values: Vec<FieldValue>,
    /// Whether the text covers everything that lies below.
    is_whole: bool,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldValue {
    /// As text.
    pub text: String,
    /// As a number, if it is one; a schedule's is that which it starts with.
    pub number: Option<f64>,
    /// When it took effect; none of the value that the run began with.
    pub since: Option<Position>,
}

/// What a run's frozen text says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frozen {
    /// As it was written; none if it cannot be read.
    pub spec: Option<Spec>,
    /// As fields, with what was changed while the run trained.
    pub config: Config,
    /// Why it cannot be read, if so.
    pub problem: Option<String>,
}

impl Frozen {
    /// The configuration of a run, adjustments included: of its frozen text, its
    /// plan if there is one, and what happened. Without a text that can be read it has no
    /// fields: it would not be known which field a change changed.
    #[must_use]
    pub fn of(text: &str, plan: Option<&RunPlan>, store: &RunStore) -> Self {
        let mut frozen = Self::read(text);
        if frozen.spec.is_none() {
            return frozen;
        }
        if let Some(plan) = plan {
            frozen.config.add_images(&plan.data);
            frozen.config.add_sizes(&plan.models);
        }
        let plan = plan.map(|plan| &plan.resolved);
        for (at, command) in store.adjustments() {
            frozen.config.change(at, command, plan);
        }
        frozen
    }

    /// Reads an experiment's text. An empty text is one that nobody has read
    /// from the disk yet.
    #[must_use]
    pub fn read(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        match read_spec(&with_names_of_today(text), Path::new("experiment.ron")) {
            Ok(spec) => Self {
                config: Config::of(&spec),
                spec: Some(spec),
                problem: None,
            },
            Err(report) => Self {
                problem: report
                    .diagnostics
                    .first()
                    .map(|diagnostic| diagnostic.message.clone()),
                ..Self::default()
            },
        }
    }
}

impl Config {
    /// The fields of an experiment.
    fn of(spec: &Spec) -> Self {
        let mut config = Self::default();
        // A spec is plain data with texts for keys, which always has a tree.
        if let Ok(Value::Object(fields)) = serde_json::to_value(spec) {
            config.add_fields("", &fields);
        }
        if !spec.gates.is_empty() {
            let gates: Vec<String> = spec.gates.iter().map(Gate::to_string).collect();
            config.set("gates", FieldValue::of_text(gates.join(", ")), false);
        }
        config.add_schedule("lr", &spec.lr);
        for (knob, schedule) in &spec.knobs {
            config.add_schedule(&format!("knobs.{knob}"), schedule);
        }
        let teacher = spec.teacher.as_ref().map(|teacher| &teacher.weights);
        if let Some(TeacherWeights::Train(training)) = teacher
            && let Some(lr) = &training.lr
        {
            config.add_schedule("teacher.weights.lr", lr);
        }
        config
    }

    /// The value of a field, with what it was changed to.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.fields.get(path).map(|field| field.text.as_str())
    }

    /// Every value that a field had, in order; none if there is no such field.
    #[must_use]
    pub fn values(&self, path: &str) -> &[FieldValue] {
        self.fields.get(path).map_or(&[], |field| &field.values)
    }

    /// Paths of the fields, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The fields with their values and the text of these, by path. What a schedule
    /// consists of is not listed beside it.
    pub fn listed(&self) -> impl Iterator<Item = (&str, &[FieldValue], &str)> {
        let is_whole = |path: &str| self.fields.get(path).is_some_and(|field| field.is_whole);
        let is_part = move |path: &str| {
            let mut ends = path.match_indices('.').map(|(end, _)| end);
            ends.any(|end| is_whole(&path[..end]))
        };
        let fields = self.fields.iter().filter(move |(path, _)| !is_part(path));
        fields.map(|(path, field)| (path.as_str(), field.values.as_slice(), field.text.as_str()))
    }

    /// The fields that were changed while the run trained, with their values: in the
    /// order of their first changes.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = |field: &Field| field.values.iter().find_map(|value| value.since);
        let fields = self.fields.iter();
        let mut changed: Vec<_> = fields
            .filter_map(|(path, field)| Some((first(field)?, path.as_str(), field.text.as_str())))
            .collect();
        changed.sort_by_key(|(at, ..)| *at);
        changed.into_iter().map(|(_, path, text)| (path, text))
    }

    /// Fields whose values are not the same in all of these, sorted. What lies
    /// below a schedule that differs as a whole is not listed again.
    #[must_use]
    pub fn differing<'a>(configs: impl IntoIterator<Item = &'a Self>) -> Vec<&'a str> {
        let configs: Vec<&Self> = configs.into_iter().collect();
        let paths: BTreeSet<&str> = configs.iter().flat_map(|config| config.paths()).collect();
        let mut whole: Option<String> = None;
        let differs = |path: &&str| {
            if whole.as_ref().is_some_and(|above| path.starts_with(above)) {
                return false;
            }
            let mut values = configs.iter().map(|config| config.get(path));
            let first = values.next();
            let differs = values.any(|value| Some(value) != first);
            let is_whole = |config: &&Self| config.fields.get(*path).is_some_and(|f| f.is_whole);
            if differs && configs.iter().any(is_whole) {
                whole = Some(format!("{path}."));
            }
            differs
        };
        paths.into_iter().filter(differs).collect()
    }

    /// Takes in what was changed while the run trained.
    fn change(&mut self, at: Position, command: &Command, plan: Option<&ResolvedPlan>) {
        match command {
            Command::Adjust { knob, schedule } => {
                let path = self.path_of(at.phase, knob);
                let before = || planned(at.phase, knob, plan).map(FieldValue::of_schedule);
                self.add_change(&path, before, FieldValue::of_schedule(schedule), at);
            }
            Command::SetController { on } => {
                let word = |on| FieldValue::of_text(if on { "on" } else { "off" }.to_owned());
                self.add_change(CONTROLLER, || Some(word(true)), word(*on), at);
            }
            Command::Extend { epochs, .. } => {
                let path = self.path_of(at.phase, "epochs");
                let value = FieldValue::of_text(epochs.to_string());
                self.add_change(&path, || None, value, at);
            }
            _ => {}
        }
    }

    /// Where a knob, or the length of a training, is configured.
    fn path_of(&self, phase: Phase, knob: &str) -> String {
        let above = match phase {
            Phase::Teacher => "teacher.weights.",
            Phase::Student if knob == "lr" || knob == "epochs" => "",
            Phase::Student => {
                let own = format!("method.{knob}");
                let by_name = format!("knobs.{knob}");
                let is_own = !self.fields.contains_key(&by_name) && self.fields.contains_key(&own);
                return if is_own { own } else { by_name };
            }
        };
        format!("{above}{knob}")
    }

    fn add_change(
        &mut self,
        path: &str,
        before: impl FnOnce() -> Option<FieldValue>,
        value: FieldValue,
        at: Position,
    ) {
        let field = self.fields.entry(path.to_owned()).or_insert_with(|| Field {
            text: String::new(),
            values: before().into_iter().collect(),
            is_whole: false,
        });
        // Of several changes at one step only the last was felt.
        field.values.retain(|known| known.since != Some(at));
        // Nor was one that a later one at the same step reverted.
        let is_change = field.values.last().map(|last| &last.text) != Some(&value.text);
        if is_change {
            field.values.push(FieldValue {
                since: Some(at),
                ..value
            });
        }
        field.text = joined(&field.values);
        if path == CONTROLLER && !is_change && field.values.len() == 1 {
            self.fields.remove(path);
        }
    }

    /// How many images each set had, and the beginning of the hash of their content: runs
    /// of one experiment file may have been trained or evaluated on others.
    fn add_images(&mut self, data: &DataSummary) {
        for (set, identity) in &data.identity {
            let content = identity.content.get(..HASH_SHOWN).unwrap_or_default();
            let text = format!("{}, {content}", identity.images);
            self.set(&images_of(*set), FieldValue::of_text(text), false);
        }
    }

    /// What the models came to: `student.parameters` and `student.macs`, for one image.
    fn add_sizes(&mut self, models: &[ModelSummary]) {
        for model in models {
            let phase = model.phase.word();
            let sizes = [("parameters", Some(model.parameters)), ("macs", model.macs)];
            for (name, size) in sizes {
                if let Some(size) = size {
                    let value = FieldValue::of_text(size.to_string());
                    self.set(&format!("{phase}.{name}"), value, false);
                }
            }
        }
    }

    /// A schedule in words, above what it consists of.
    fn add_schedule(&mut self, path: &str, schedule: &Schedule) {
        self.set(path, FieldValue::of_schedule(schedule), true);
    }

    fn add_fields(&mut self, path: &str, fields: &Map<String, Value>) {
        for (name, value) in fields {
            let below = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            self.add(&below, value);
        }
    }

    fn add(&mut self, path: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Object(fields) => match variant(fields) {
                Some(_) => self.add_variant(path, value),
                None => self.add_fields(path, fields),
            },
            Value::Array(items) if items.iter().any(is_record) => {
                for (at, item) in items.iter().enumerate() {
                    self.add(&format!("{path}.{}", at + 1), item);
                }
            }
            _ => self.set(path, FieldValue::of_text(written(value)), false),
        }
    }

    /// `Train(epochs: 3)` is `Train` with a field `epochs` below it;
    /// `Holdout(0.1)` and `LibTorch(Cuda(0))` are values as they stand.
    fn add_variant(&mut self, path: &str, value: &Value) {
        let mut names = Vec::new();
        let mut inner = value;
        while let Some((name, next)) = inner.as_object().and_then(variant) {
            names.push(name);
            inner = next;
        }
        let has_records = match inner {
            Value::Object(_) => true,
            Value::Array(items) => items.iter().any(is_record),
            _ => false,
        };
        if has_records {
            let closing = ")".repeat(names.len().saturating_sub(1));
            let value = FieldValue::of_text(names.join("(") + &closing);
            self.set(path, value, false);
            self.add(path, inner);
        } else {
            self.set(path, FieldValue::of_text(written(value)), false);
        }
    }

    fn set(&mut self, path: &str, value: FieldValue, is_whole: bool) {
        let field = Field {
            text: value.text.clone(),
            values: vec![value],
            is_whole,
        };
        self.fields.insert(path.to_owned(), field);
    }
}

impl FieldValue {
    fn of_text(text: String) -> Self {
        Self {
            number: text.parse().ok(),
            text,
            since: None,
        }
    }

    fn of_schedule(schedule: &Schedule) -> Self {
        Self {
            text: schedule.to_string(),
            number: Some(schedule.start()),
            since: None,
        }
    }
}

/// `4 → 2.5 at step 812`.
fn joined(values: &[FieldValue]) -> String {
    let joined = values.iter().map(|value| match value.since {
        Some(at) => format!("{} at step {}", value.text, at.step),
        None => value.text.clone(),
    });
    joined.collect::<Vec<_>>().join(" → ")
}

/// What the plan lets a knob do, if the plan is known.
fn planned<'a>(phase: Phase, knob: &str, plan: Option<&'a ResolvedPlan>) -> Option<&'a Schedule> {
    let plan = plan?;
    let training = match phase {
        Phase::Student => &plan.plan.training,
        Phase::Teacher => plan.teacher_training()?.0,
    };
    let mut knobs = training.knobs();
    knobs
        .find(|known| known.name == knob)
        .map(|known| &known.schedule)
}

/// The name and content of a variant: serde writes it as an object with one
/// field, and variants are the only names that begin with a capital.
fn variant(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, value) = fields.iter().next().filter(|_| fields.len() == 1)?;
    name.starts_with(|first: char| first.is_uppercase())
        .then_some((name.as_str(), value))
}

/// Whether a value has named fields, which are better listed one by one.
fn is_record(value: &Value) -> bool {
    let fields = value.as_object();
    fields.is_some_and(|fields| variant(fields).is_none())
}

/// A value on one line, nearly as in the file.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // What was a 32-bit number in the experiment is shown as short as
            // it was written.
            Some(wide) if f64::from(wide as f32) == wide => {
                exact((wide as f32).to_string().parse().unwrap_or(wide))
            }
            Some(wide) => exact(wide),
            None => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => written_object(fields),
    }
}

fn written_object(fields: &Map<String, Value>) -> String {
    if let Some((name, inner)) = variant(fields) {
        let inner = written(inner);
        return if inner.starts_with('(') {
            format!("{name}{inner}")
        } else {
            format!("{name}({inner})")
        };
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}: {}", written(value)))
        .collect();
    format!("({})", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::event::testing::run_started;
    use crate::event::{CommandRecord, Origin, RunEvent};
    use crate::run::RunFolder;
    use crate::store::RunEntry;

    fn adaptive() -> Config {
        let text = include_str!("../../experiments/cifar10-adaptive.ron");
        Frozen::read(text).config
    }

    #[test]
    fn variants_are_values_and_their_fields_lie_below_them() {
        let config = adaptive();
        for (path, value) in [
            ("batch", "128"),
            ("student.model", "ResNetCifar"),
            ("student.model.depth", "8"),
            ("teacher.weights", "Train"),
            ("teacher.weights.epochs", "10"),
            ("data.valid", "Holdout(0.1)"),
            ("data.train", "ImageFolder(../data/cifar10/train)"),
            ("augment", "[HorizontalFlip, PadCrop(4), Cutout(8)]"),
            ("method", "AdaptiveAugmentation"),
            ("method.update", "Feedback"),
            ("method.update.decay", "0.9"),
            ("lr", "cosine 0.1 to 0 after a warmup of 1 epoch"),
            ("lr.then", "Cosine"),
            ("lr.then.from", "0.1"),
            ("device", "Auto"),
        ] {
            assert_eq!(config.get(path), Some(value), "{path}");
        }
        assert_eq!(config.get("clip"), None, "what is absent has no field");
    }

    #[test]
    fn records_in_a_list_are_numbered_and_short_numbers_stay_short() {
        let combined = include_str!("../../experiments/cifar10-combined.ron");
        let config = Frozen::read(combined).config;
        assert_eq!(config.get("method.views.3.p"), Some("0"));
        let ensemble = "(data: (train: Shapes(count: 9)), student: (model: Mlp(hidden: [8])), \
                        teacher: (weights: Ensemble([(weights: Onnx(\"a.onnx\"), share: 2), \
                        (weights: Onnx(\"b.onnx\"))])), method: Vanilla(), epochs: 1)";
        let config = Frozen::read(ensemble).config;
        for (path, value) in [
            ("teacher.weights", Some("Ensemble")),
            ("teacher.weights.1.weights", Some("Onnx(a.onnx)")),
            ("teacher.weights.1.share", Some("2")),
            ("teacher.weights.2.weights", Some("Onnx(b.onnx)")),
            ("teacher.weights.2.share", None),
        ] {
            assert_eq!(config.get(path), value, "{path}");
        }
        let text = "Experiment(data: (train: Shapes(count: 9, difficulty: 0.3)), \
                    student: (model: Mlp(hidden: [8, 4])), method: Scratch(), \
                    augment: [Rotate(0.1)], epochs: 1)";
        let config = Frozen::read(text).config;
        assert_eq!(config.get("data.train.difficulty"), Some("0.3"));
        assert_eq!(config.get("student.model.hidden"), Some("[8, 4]"));
        assert_eq!(config.get("augment"), Some("[Rotate(0.1)]"));
    }

    #[test]
    fn gates_are_written_as_people_read_them() {
        let text = "Experiment(data: (train: Shapes(count: 9)), student: (model: Mlp(hidden: [8])), \
                    method: Scratch(), epochs: 1, optimizer: Sgd(weight_decay: 0.0005), gates: \
                    [AtLeast(\"test/top1\", 0.75), AtMost(\"test/loss\", Run(run: \"a\", \
                    tolerance: 0.1))])";
        let config = Frozen::read(text).config;
        assert_eq!(
            config.get("gates"),
            Some("test/top1 ≥ 0.75, test/loss ≤ a ± 0.1")
        );
        assert_eq!(config.get("optimizer.weight_decay"), Some("5e-4"));
    }

    #[test]
    fn a_text_that_cannot_be_read_has_no_fields_and_says_why() {
        let frozen = Frozen::read("Experiment(");
        assert_eq!(frozen.config, Config::default());
        assert!(frozen.problem.is_some());
        assert_eq!(Frozen::read("").problem, None);
    }

    fn adjusted(changes: &[(Phase, u64, Command)]) -> RunEntry {
        let mut run = RunEntry::new(RunFolder::imagined("a"), SystemTime::UNIX_EPOCH);
        run.experiment = include_str!("../../experiments/cifar10-adaptive.ron").to_owned();
        for (at, (phase, step, command)) in changes.iter().enumerate() {
            let id = at.to_string();
            run.store.apply(&RunEvent::CommandReceived(CommandRecord {
                id: id.clone(),
                origin: Origin::User,
                command: command.clone(),
            }));
            let (phase, step) = (*phase, *step);
            run.store.apply(&RunEvent::CommandApplied {
                id,
                phase,
                step,
                from: None,
            });
        }
        run
    }

    fn set(knob: &str, value: f64) -> Command {
        Command::Adjust {
            knob: knob.to_owned(),
            schedule: Schedule::Constant(value),
        }
    }

    #[test]
    fn more_epochs_belong_to_the_configuration() {
        let extend = |epochs| Command::Extend {
            epochs,
            schedules_end: None,
        };
        let run = adjusted(&[
            (Phase::Teacher, 80, extend(11)),
            (Phase::Student, 252, extend(40)),
            (Phase::Student, 294, extend(50)),
        ]);
        let config = run.frozen().config;
        assert_eq!(
            config.get("epochs"),
            Some("10 → 40 at step 252 → 50 at step 294")
        );
        let teachers = config.get("teacher.weights.epochs");
        assert_eq!(teachers, Some("10 → 11 at step 80"));
    }

    #[test]
    fn what_was_changed_while_it_trained_belongs_to_the_configuration() {
        let run = adjusted(&[
            (Phase::Teacher, 40, set("lr", 0.02)),
            (Phase::Student, 812, set("temperature", 2.5)),
            (Phase::Student, 900, set("lr", 0.01)),
            (Phase::Student, 950, set("temperature", 2.0)),
            (Phase::Student, 960, Command::SetController { on: false }),
        ]);
        let config = run.frozen().config;
        let changed: Vec<(&str, &str)> = config.changed().collect();
        assert_eq!(
            changed,
            [
                ("teacher.weights.lr", "0.02 at step 40"),
                ("method.temperature", "4 → 2.5 at step 812 → 2 at step 950"),
                (
                    "lr",
                    "cosine 0.1 to 0 after a warmup of 1 epoch → 0.01 at step 900"
                ),
                ("controller", "on → off at step 960"),
            ]
        );
        let values = config.values("method.temperature");
        let numbers: Vec<Option<f64>> = values.iter().map(|value| value.number).collect();
        assert_eq!(numbers, [Some(4.0), Some(2.5), Some(2.0)]);
    }

    #[test]
    fn a_change_names_no_field_of_an_experiment_that_cannot_be_read() {
        let mut run = adjusted(&[(Phase::Student, 812, set("temperature", 2.5))]);
        for lost in ["Experiment(", ""] {
            run.experiment = lost.to_owned();
            assert_eq!(run.frozen().config, Config::default(), "{lost:?}");
        }
    }

    #[test]
    fn a_change_that_is_reverted_at_its_step_is_none() {
        let controller = |on| Command::SetController { on };
        let run = adjusted(&[
            (Phase::Student, 148, controller(false)),
            (Phase::Student, 148, controller(true)),
            (Phase::Student, 150, controller(false)),
            (Phase::Student, 160, controller(true)),
        ]);
        let values = |run: &RunEntry| {
            let config = &run.frozen().config;
            config.get("controller").map(str::to_owned)
        };
        let expected = "on → off at step 150 → on at step 160";
        assert_eq!(values(&run).as_deref(), Some(expected));
        let run = adjusted(&[
            (Phase::Student, 148, controller(false)),
            (Phase::Student, 148, controller(true)),
        ]);
        assert_eq!(values(&run), None);
    }

    #[test]
    fn of_several_changes_at_one_step_the_last_counts_and_a_resume_takes_them_back() {
        let mut run = adjusted(&[
            (Phase::Student, 10, set("temperature", 3.0)),
            (Phase::Student, 10, set("temperature", 2.0)),
        ]);
        let joined = |run: &RunEntry| {
            let config = run.frozen().config;
            config.get("method.temperature").unwrap().to_owned()
        };
        assert_eq!(joined(&run), "4 → 2 at step 10");
        run.store.apply(&run_started(
            "a",
            Some(Position {
                phase: Phase::Student,
                step: 5,
            }),
        ));
        assert_eq!(joined(&run), "4");
    }

    #[test]
    fn runs_differ_by_what_was_changed_and_a_schedule_is_shown_once() {
        let plain = adjusted(&[]);
        let turned = adjusted(&[
            (Phase::Student, 812, set("temperature", 2.5)),
            (Phase::Student, 7, set("w_truth", 0.5)),
        ]);
        let mut warmer = adjusted(&[]);
        warmer.experiment = warmer.experiment.replace("from: 0.1", "from: 0.2");
        let [plain, turned, warmer] = [plain, turned, warmer].map(|run| run.frozen().config);
        assert_eq!(
            Config::differing([&plain, &turned]),
            ["knobs.w_truth", "method.temperature"]
        );
        assert_eq!(Config::differing([&plain, &warmer]), ["lr"]);
        assert_eq!(Config::differing([&plain, &plain]), [""; 0]);
    }
}
