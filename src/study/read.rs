//! From a study file to its variants, with every error at its place and by the name of its
//! variant.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf, absolute};

use super::budget::{BudgetError, Cost, even_passes};
use super::slurm::SlurmSpec;
use super::spec::{Budget, STUDY, StudySpec, VariantSpec};
use crate::experiment::method::ExpansionContext;
use crate::experiment::metric::ValidMetric;
use crate::experiment::nearest::nearest;
use crate::experiment::problem::Problem;
use crate::experiment::spec::{FinishSpec, Spec};
use crate::experiment::{
    Document, Loaded, Override, Report, SourceText, Written, load_source, read_changed, read_text,
    whole_text,
};
use crate::run::{StudyRole, StudyRun};

/// Fields that a study decides for all variants, and how.
const DECIDED: [(&str, &str); 5] = [
    ("epochs", "it follows from the study's `budget`"),
    ("seed", "it is one of the study's `seeds`"),
    ("metric", "write it as the study's `metric`"),
    ("name", "it is made of the study, the variant and the seed"),
    (
        "gates",
        "a gate is about one result, and runs of a study have none",
    ),
];

/// More runs are taken for a slip.
const MOST_VARIANTS: usize = 1000;

/// A study that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// What is compared.
    pub variants: Vec<Variant>,
    /// Seeds that every variant is trained with.
    pub seeds: Vec<u64>,
    /// How long every student is trained.
    pub budget: Budget,
    /// By what the best weights are chosen and variants are compared.
    pub metric: ValidMetric,
    /// The variant that the others are compared with.
    pub baseline: usize,
    /// What a task gets of a cluster.
    pub slurm: Option<SlurmSpec>,
    base: Base,
    frozen: String,
}

/// A variant of the experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What an epoch costs it, untimed.
    pub cost: Cost,
    set: Vec<Override>,
}

/// A run that a study needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Number of the variant.
    pub variant: usize,
    /// What it is for.
    pub role: StudyRole,
}

/// The experiment that all are variants of.
#[derive(Debug, Clone, PartialEq)]
struct Base {
    source: SourceText,
    /// A file, at whose folder paths start.
    home: PathBuf,
}

type Read = Document<StudySpec>;

impl Study {
    /// Reads the study file at `path`. What the experiments name need not be there.
    ///
    /// # Errors
    /// Every error in the file, in the experiment, and in what its variants change.
    pub fn load(path: &Path) -> Result<Self, Report> {
        let document = Read::load(path, &STUDY)?;
        let spec = &document.value;
        let mut problems = problems(spec);
        let base = match base(&document) {
            Ok(base) => base,
            Err(problem) => {
                problems.push(*problem);
                return Err(document.report(&problems));
            }
        };
        let shared = changes(&document, "set", &spec.set).collect::<Result<Vec<_>, _>>()?;
        refuse_decided(&shared)?;
        let plain = base.changed(&shared)?;
        let metric = spec.metric.unwrap_or(plain.spec.metric);
        let (mut variants, mut reports) = (Vec::new(), Vec::new());
        for (at, written) in spec.variants.iter().enumerate() {
            for expanded in expanded(&document, at, written, &shared) {
                match expanded.and_then(|expanded| expanded.read(&base)) {
                    Ok(variant) => variants.push((at, variant)),
                    Err(report) => reports.push(report),
                }
            }
        }
        // What is wrong with some variants explains what all of them lack.
        if problems.is_empty() && reports.is_empty() {
            problems.extend(name_problems(spec, &variants));
            problems.extend(budget_problems(spec, &variants));
        }
        if !problems.is_empty() {
            reports.insert(0, document.report(&problems));
        }
        if let Some(report) = Report::all(reports) {
            return Err(report);
        }
        let variants: Vec<Variant> = variants.into_iter().map(|(_, variant)| variant).collect();
        let baseline = variants.iter().position(|it| it.name == spec.baseline);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = spec.name.clone().unwrap_or_else(|| stem.into_owned());
        Ok(Self {
            seeds: spec.seeds.clone(),
            budget: spec.budget,
            metric,
            baseline: baseline.unwrap_or_default(),
            variants,
            slurm: spec.slurm.clone(),
            frozen: frozen(&document, &base, &name),
            name,
            base,
        })
    }

    /// The study in one text that means the same anywhere and later: with its experiment,
    /// its name, and where paths start.
    #[must_use]
    pub fn frozen_text(&self) -> &str {
        &self.frozen
    }

    /// Plans every variant as it will be trained; where epochs follow from a time that was
    /// not measured, as it is timed.
    ///
    /// # Errors
    /// What is wrong with the values of a variant, or what it names and is not there.
    pub fn check(&self, epochs: &[Option<u32>]) -> Result<(), Report> {
        let mut reports = Vec::new();
        for (variant, epochs) in epochs.iter().enumerate() {
            let role = match (epochs, self.seeds.first()) {
                (Some(_), Some(seed)) => StudyRole::Seed(*seed),
                _ => StudyRole::Speed,
            };
            let cell = Cell { variant, role };
            if let Err(report) = self.planned(cell, *epochs) {
                reports.push((self.variants[variant].words(), report));
            }
        }
        Report::of_alike(self.variants.len(), &reports).map_or(Ok(()), Err)
    }

    /// The experiment of a cell, whose variant is trained for so many epochs.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn experiment(&self, cell: Cell, epochs: Option<u32>) -> Result<Loaded, Report> {
        let planned = self.planned(cell, epochs);
        planned.map_err(|report| report.about(&self.variants[cell.variant].words()))
    }

    /// The same, with errors that do not name the variant.
    fn planned(&self, cell: Cell, epochs: Option<u32>) -> Result<Loaded, Report> {
        let set = self.changes(cell, epochs)?;
        self.base.loaded(&set)
    }

    /// Which run of the study the run of a cell is.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn run_of(&self, cell: Cell, epochs: Option<u32>) -> Result<StudyRun, Report> {
        let set = self.changes(cell, epochs)?;
        Ok(StudyRun {
            study: self.name.clone(),
            variant: self.variants[cell.variant].name.clone(),
            role: cell.role,
            experiment: self.base.changed(&set)?.fingerprint,
        })
    }

    /// What the experiment of a cell changes.
    fn changes(&self, cell: Cell, epochs: Option<u32>) -> Result<Vec<Override>, Report> {
        let variant = &self.variants[cell.variant];
        let mut set = vec![
            format!("metric={:?}", self.metric),
            format!("name={:?}", self.run_name(cell)),
            "gates=[]".to_owned(),
        ];
        match cell.role {
            StudyRole::Seed(seed) => set.push(format!("seed={seed}")),
            // Nothing improves by so much after the first epoch: it ends after the second,
            // with the schedules of the experiment.
            StudyRole::Speed => {
                let least = if self.metric.rises() { 0.999 } else { 1e6 };
                set.push(format!("early_stop=(patience: 1, min_delta: {least})"));
                set.push("finish=None".to_owned());
                set.extend(self.seeds.first().map(|seed| format!("seed={seed}")));
            }
        }
        if cell.role != StudyRole::Speed {
            let epochs = epochs.unwrap_or(1).saturating_sub(variant.cost.finish);
            set.push(format!("epochs={epochs}"));
        }
        let decided = set.iter().map(|argument| Override::parse(argument));
        variant.set.iter().cloned().map(Ok).chain(decided).collect()
    }

    /// `shapes-vanilla-s1`.
    fn run_name(&self, cell: Cell) -> String {
        let variant = &self.variants[cell.variant].name;
        let role = match cell.role {
            StudyRole::Seed(seed) => format!("s{seed}"),
            StudyRole::Speed => "speed".to_owned(),
        };
        format!("{}-{variant}-{role}", self.name)
    }
}

impl Variant {
    fn words(&self) -> String {
        words(&self.name)
    }
}

fn words(name: &str) -> String {
    format!("variant \"{name}\"")
}

impl Base {
    /// The experiment with these changes, not planned.
    fn changed(&self, set: &[Override]) -> Result<Written, Report> {
        read_changed(&self.source, set)
    }

    /// The experiment with these changes, planned.
    fn loaded(&self, set: &[Override]) -> Result<Loaded, Report> {
        load_source(&self.source, &self.home, set)
    }
}

/// The experiment that a study is about.
fn base(document: &Read) -> Result<Base, Box<Problem>> {
    let StudySpec { base, folder, .. } = &document.value;
    let beside = document.origin.parent().unwrap_or(Path::new(""));
    let home = folder.as_ref().map(|folder| beside.join(folder).join("_"));
    let Some(path) = document.quoted(base) else {
        return Ok(Base {
            source: document.source_of(base),
            home: home.unwrap_or_else(|| document.origin.clone()),
        });
    };
    let origin = beside.join(path);
    match read_text(&origin) {
        Ok(text) => Ok(Base {
            source: SourceText::new(&origin, text),
            home: home.unwrap_or(origin),
        }),
        Err(report) => {
            let first = report.diagnostics.first();
            let message = first.map_or_else(String::new, |it| it.message.clone());
            let problem = Problem::new("base", message);
            Err(Box::new(problem.help(
                "write the path of an experiment file from the folder of this one, or Experiment(…)",
            )))
        }
    }
}

/// The text of a study with all that it refers to.
fn frozen(document: &Read, base: &Base, name: &str) -> String {
    let folder = base.home.parent().unwrap_or(Path::new(""));
    // That of this process is written as a dot, which is somewhere.
    let folder = Path::new(".").join(folder);
    let folder = folder.canonicalize().or_else(|_| absolute(&folder));
    let folder = folder.unwrap_or_default();
    let fields = [("folder", &*folder.to_string_lossy()), ("name", name)];
    document.changed(
        &document.value.base,
        whole_text(base.source.text()),
        &fields,
    )
}

/// What is wrong with the file alone.
fn problems(spec: &StudySpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    if spec.variants.is_empty() {
        let none = Problem::new("variants", "there is no variant to train");
        problems.push(none.help("write variants: [(name: \"…\", set: [\"field=value\"])]"));
    }
    if spec.seeds.is_empty() {
        let none = Problem::new("seeds", "there is no seed to train with");
        problems.push(none.help("write seeds: [1, 2, 3]; a spread needs several"));
    }
    let mut seen = BTreeSet::new();
    for (at, seed) in spec.seeds.iter().enumerate() {
        if !seen.insert(seed) {
            let twice = Problem::new(
                format!("seeds[{at}]"),
                format!("seed {seed} is there twice"),
            );
            problems.push(twice.help("keep one of them: the same seed gives the same run"));
        }
    }
    let too_short = match spec.budget {
        Budget::Epochs(0) => Some("budget.Epochs"),
        Budget::StudentPasses(0) => Some("budget.StudentPasses"),
        Budget::Minutes(minutes) if minutes <= 0.0 => Some("budget.Minutes"),
        _ => None,
    };
    problems.extend(spec.slurm.iter().flat_map(SlurmSpec::problems));
    problems.extend(too_short.map(|path| Problem::new(path, "the budget must be greater than 0")));
    problems
}

/// Names that two variants have or none has.
fn name_problems(spec: &StudySpec, variants: &[(usize, Variant)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, variant) in variants {
        if !seen.insert(variant.name.as_str()) {
            let path = format!("variants[{at}]");
            let message = format!("there are two variants \"{}\"", variant.name);
            problems.push(Problem::new(path, message).help("give each a name of its own"));
        }
    }
    if !seen.contains(spec.baseline.as_str()) && !seen.is_empty() {
        let message = format!("there is no variant \"{}\"", spec.baseline);
        let names: Vec<String> = seen.iter().map(|name| format!("\"{name}\"")).collect();
        let help = match nearest(&spec.baseline, seen.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("variants are {}", names.join(", ")),
        };
        problems.push(Problem::new("baseline", message).help(help));
    }
    problems
}

/// Variants that the budget does not fit.
fn budget_problems(spec: &StudySpec, variants: &[(usize, Variant)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (_, variant) in variants {
        let Err(error) = spec.budget.epochs(variant.cost) else {
            continue;
        };
        let problem = Problem::new("budget", format!("{}: {error}", variant.words()));
        problems.push(match error {
            BudgetError::Uneven { passes, .. } => {
                let views = variants.iter().map(|(_, variant)| variant.cost.views);
                let even = even_passes(passes, views);
                let even: Vec<String> = even
                    .iter()
                    .map(|passes| format!("StudentPasses({passes})"))
                    .collect();
                problem.help(format!("{} suits all variants", even.join(" or ")))
            }
            BudgetError::OnlyFinish { .. } => {
                problem.help("raise the budget, or give `finish` fewer epochs")
            }
        });
    }
    problems
}

/// A variant as it is written.
struct Expanded {
    name: String,
    set: Vec<Override>,
}

/// The variants of an entry: itself, or one for every combination of its values.
fn expanded(
    document: &Read,
    at: usize,
    written: &VariantSpec,
    shared: &[Override],
) -> Vec<Result<Expanded, Report>> {
    let path = format!("variants[{at}]");
    let refused = |problem: Problem| vec![Err(document.report(&[problem]))];
    if written.name.as_ref().is_none_or(String::is_empty) && written.vary.0.is_empty() {
        let unnamed = Problem::new(path, "a variant needs a name");
        return refused(unnamed.help("write (name: \"…\", set: […])"));
    }
    let fields: Vec<&str> = written
        .vary
        .0
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    let empty = written.vary.0.iter().find(|(_, values)| values.is_empty());
    if let Some((field, _)) = empty {
        let none = Problem::new(path, format!("`{field}` has no values"));
        return refused(none.help("write a list of values: {\"temperature\": [2.0, 4.0]}"));
    }
    let mut combinations = written.vary.0.iter().map(|(_, values)| values.len());
    let combinations = combinations.try_fold(1_usize, usize::checked_mul);
    let Some(count) = combinations.filter(|count| *count <= MOST_VARIANTS) else {
        let most = format!("there are more than {MOST_VARIANTS} combinations of these values");
        return refused(Problem::new(path, most).help("vary fewer fields at once"));
    };
    let place = format!("{path}.set");
    let own = changes(document, &place, &written.set);
    let set: Vec<Result<Override, Report>> = own.collect();
    let mut variants = Vec::new();
    for number in 0..count {
        let (mut rest, mut values) = (number, Vec::new());
        // The last field changes first, as digits do.
        for (field, of_field) in written.vary.0.iter().rev() {
            values.push((field.as_str(), &of_field[rest % of_field.len()]));
            rest /= of_field.len();
        }
        values.reverse();
        let texts = values.iter().map(|(field, value)| {
            let text: Vec<&str> = document.text_of(value).split_whitespace().collect();
            format!("{}={}", short(field, &fields), text.join(" "))
        });
        let texts: Vec<String> = texts.collect();
        let parts = written.name.iter().cloned();
        let parts = parts.chain((!texts.is_empty()).then(|| texts.join(", ")));
        let name = parts.collect::<Vec<String>>().join(" ");
        let varied = values
            .iter()
            .map(|(field, value)| document.change_to(&format!("{path}.vary"), field, value));
        let all = set.iter().cloned().chain(varied);
        let all: Result<Vec<Override>, Report> = all.collect();
        variants.push(match all {
            Ok(own) => {
                // What a variant changes itself is its own.
                let is_own = |change: &&Override| own.iter().any(|it| it.is_of_what(change));
                let shared = shared.iter().filter(|change| !is_own(change));
                let set = shared.chain(&own).cloned().collect();
                Ok(Expanded { name, set })
            }
            Err(report) => Err(report.about(&words(&name))),
        });
    }
    variants
}

/// What a list of changes at `path` says.
fn changes<'a>(
    document: &'a Read,
    path: &'a str,
    written: &'a [String],
) -> impl Iterator<Item = Result<Override, Report>> + 'a {
    let numbered = written.iter().enumerate();
    numbered.map(move |(number, argument)| document.change(&format!("{path}[{number}]"), argument))
}

/// The end of a path, where no other of the fields has the same.
fn short<'a>(field: &'a str, fields: &[&str]) -> &'a str {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = fields.iter().filter(|other| last(other) == last(field));
    if alike.count() > 1 {
        field
    } else {
        field.rsplit('.').next().unwrap_or(field)
    }
}

impl Expanded {
    fn read(self, base: &Base) -> Result<Variant, Report> {
        self.cost(base)
            .map_err(|report| report.about(&words(&self.name)))
            .map(|cost| Variant {
                name: self.name,
                cost,
                set: self.set,
            })
    }

    /// What an epoch costs.
    fn cost(&self, base: &Base) -> Result<Cost, Report> {
        refuse_decided(&self.set)?;
        Override::each_once(&self.set)?;
        let spec = base.changed(&self.set)?.spec;
        let Some(views) = views(&spec) else {
            // The method's own errors, at their places.
            base.loaded(&self.set)?;
            return Ok(Cost::default());
        };
        Ok(Cost {
            views,
            finish: finish_epochs(&spec),
            seconds: None,
        })
    }
}

/// Refuses changes of what the study decides.
fn refuse_decided(set: &[Override]) -> Result<(), Report> {
    for change in set {
        let decided = DECIDED.iter().find(|(field, _)| *field == change.field());
        if let Some((field, how)) = decided {
            let message = format!("`{field}` is decided by the study");
            return Err(change.report(message, format!("remove it: {how}")));
        }
    }
    Ok(())
}

/// Passes of the student over the training images in an epoch, if the method can be expanded.
fn views(spec: &Spec) -> Option<u32> {
    let context = ExpansionContext {
        rounds: spec.epochs,
        epochs: spec.epochs,
        labelled: true,
    };
    let objective = spec.method.method().expand(&context).ok()?;
    // Parts of views add up to whole ones.
    Some(objective.passes().round() as u32)
}

fn finish_epochs(spec: &Spec) -> u32 {
    match spec.finish {
        Some(FinishSpec::Quantize(quantize)) => quantize.epochs,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::testing::{EXPERIMENT, STUDY, read, study};

    fn error(from: &str, to: &str) -> String {
        assert!(STUDY.contains(from), "{from}");
        read(&STUDY.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn a_study_has_the_epochs_of_its_budget_and_says_nothing_twice() {
        let study = study();
        assert_eq!((study.name.as_str(), study.baseline), ("study", 1));
        let views: Vec<u32> = study.variants.iter().map(|it| it.cost.views).collect();
        assert_eq!(views, [2, 1]);
        let cell = Cell {
            variant: 0,
            role: StudyRole::Seed(6),
        };
        let loaded = study.experiment(cell, Some(2)).unwrap();
        assert_eq!((loaded.plan.seed, loaded.plan.training.epochs), (6, 2));
        assert_eq!(loaded.plan.name, "study-multi-view-s6");
        let with = read(&STUDY.replace("(name: \"vanilla\")", "(name: \"vanilla\", set: [])"));
        assert_eq!(
            with.unwrap().run_of(cell, Some(2)),
            study.run_of(cell, Some(2))
        );
    }

    #[test]
    fn the_experiment_may_stand_in_the_study_itself() {
        let text = STUDY.replace("\"base.ron\"", EXPERIMENT);
        let (inline, beside) = (read(&text).unwrap(), study());
        let cell = beside.cells()[0];
        let of = |study: &Study| study.run_of(cell, Some(4)).unwrap().experiment;
        assert_eq!(of(&inline), of(&beside));
        let wrong = read(&text.replace("batch: 8", "bacth: 8")).unwrap_err();
        assert!(wrong.contains("--> study.ron:8:5"), "{wrong}");
    }

    #[test]
    fn an_error_of_an_experiment_that_stands_in_the_study_is_placed_in_the_study() {
        let text = STUDY.replace("\"base.ron\"", EXPERIMENT);
        // A value that only planning knows to be wrong.
        let study = read(&text.replace("batch: 8", "batch: 0")).unwrap();
        let report = study.check(&[Some(2), Some(4)]).unwrap_err();
        let place = report.diagnostics[0].place.clone().unwrap();
        assert_eq!((place.line, place.column), (8, 12), "{report}");
        assert_eq!(place.source_line, "    batch: 0,");
        // Behind what a variant changes in it, too.
        let changed = text.replace("views: 2)", "views: 2, temperature: 2.0)");
        let study = read(&changed.replace("batch: 8", "batch: 0")).unwrap();
        let cell = study.cells()[1];
        let report = study.experiment(cell, Some(2)).unwrap_err();
        let place = report.diagnostics[0].place.clone().unwrap();
        assert_eq!((place.line, place.column), (8, 12), "{report}");
        // What a run keeps begins with the experiment.
        let study = read(&text).unwrap();
        let loaded = study.experiment(cell, Some(2)).unwrap();
        assert!(loaded.text.starts_with("Experiment("), "{}", loaded.text);
    }

    #[test]
    fn a_frozen_study_is_the_same_elsewhere_and_after_its_files_were_changed() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir_all(at("data/a")).unwrap();
        std::fs::create_dir_all(at("elsewhere")).unwrap();
        let images = "ImageFolder(\"data\")";
        let shapes = "Shapes(classes: 2, count: 40, size: 8)";
        assert!(EXPERIMENT.contains(shapes));
        let base = format!(
            "// As measured.\n{} // 3",
            EXPERIMENT.replace(shapes, images)
        );
        std::fs::write(at("base.ron"), &base).unwrap();
        std::fs::write(at("mine.ron"), STUDY).unwrap();
        let study = Study::load(&at("mine.ron")).unwrap();
        let frozen = at("elsewhere/study.ron");
        std::fs::write(&frozen, study.frozen_text()).unwrap();
        std::fs::write(at("base.ron"), base.replace("batch: 8", "batch: 4")).unwrap();
        let changed = Study::load(&at("mine.ron")).unwrap();
        let again = Study::load(&frozen).unwrap();
        assert_eq!((&*again.name, again.cells()), ("mine", study.cells()));
        // The same again.
        assert_eq!(again.frozen_text(), study.frozen_text());
        let cell = study.cells()[0];
        let run = |study: &Study| study.run_of(cell, Some(4)).unwrap();
        assert_eq!(run(&again), run(&study));
        assert_ne!(run(&changed), run(&study));
        // Paths start where they did.
        let of = again.experiment(cell, Some(4)).unwrap();
        let images = at("data").canonicalize().unwrap();
        assert!(
            of.frozen_text().contains(&*images.to_string_lossy()),
            "{}",
            of.frozen_text()
        );
    }

    #[test]
    fn values_of_fields_become_a_variant_for_every_combination() {
        let vary = "vary: {\"method.temperature\": [2.0, 4.0], \"lr\": [Constant(0.1), Cosine(\
                    from: 0.1,\n to: 0.0)]}";
        let text = STUDY.replace(
            "(name: \"vanilla\")",
            &format!("(name: \"vanilla\", {vary})"),
        );
        let text = text.replace(
            "baseline: \"vanilla\"",
            "baseline: \"vanilla temperature=2.0, lr=Constant(0.1)\"",
        );
        let study = read(&text).unwrap();
        let names: Vec<&str> = study.variants.iter().map(|it| it.name.as_str()).collect();
        let expected = [
            "multi-view",
            "vanilla temperature=2.0, lr=Constant(0.1)",
            "vanilla temperature=2.0, lr=Cosine(from: 0.1, to: 0.0)",
            "vanilla temperature=4.0, lr=Constant(0.1)",
            "vanilla temperature=4.0, lr=Cosine(from: 0.1, to: 0.0)",
        ];
        assert_eq!(names, expected);
        assert_eq!(study.baseline, 1);
        let unnamed = error(
            "(name: \"vanilla\")",
            "(vary: {\"method.temperature\": [2.0, 4.0]})",
        );
        assert!(
            unnamed
                .contains("variants are \"multi-view\", \"temperature=2.0\", \"temperature=4.0\""),
            "{unnamed}"
        );
    }

    #[test]
    fn variants_share_changes() {
        let shared = |argument: &str| {
            let set = format!("base: \"base.ron\",\n    set: [\"{argument}\"],");
            read(&STUDY.replace("base: \"base.ron\",", &set))
        };
        let study = shared("student.model=Mlp(hidden: [3])").unwrap();
        for cell in study.cells() {
            let loaded = study.experiment(cell, Some(2)).unwrap();
            assert!(format!("{:?}", loaded.plan.student).contains("[3]"));
        }
        let own = "(name: \"vanilla\", set: [\"student.model=Mlp(hidden: [5])\"])";
        let text = STUDY.replace("(name: \"vanilla\")", own);
        let text = text.replace(
            "base: \"base.ron\",",
            "base: \"base.ron\", set: [\"student.model=Mlp(hidden: [3])\"],",
        );
        let study = read(&text).unwrap();
        let students = study.cells().into_iter().map(|cell| {
            let loaded = study.experiment(cell, Some(2)).unwrap();
            format!("{:?}", loaded.plan.student)
        });
        let students: Vec<String> = students.collect();
        assert!(students.iter().any(|it| it.contains("[5]")), "{students:?}");
        assert!(students.iter().any(|it| it.contains("[3]")), "{students:?}");
        for (argument, expected) in [
            ("optimiser.momentum=0.5", "did you mean `optimizer`?"),
            ("epochs=9", "`epochs` is decided by the study"),
            (
                "batch",
                "there is no `=` in this change\n --> study.ron:3:12",
            ),
        ] {
            let found = shared(argument).unwrap_err();
            assert!(found.contains(expected), "{found}");
            // It is no variant's.
            assert!(!found.contains("variant"), "{found}");
        }
    }

    #[test]
    fn an_error_has_its_place_its_variant_and_a_remedy() {
        for (from, to, expected) in [
            (
                "views: 2)\"",
                "vews: 2)\"",
                "variant \"multi-view\": `MultiView` has no field `vews`\n --> study.ron:4:54",
            ),
            (
                "method=MultiView(views: 2)",
                "optimiser.momentum=0.5",
                "did you mean `optimizer`?",
            ),
            (
                "method=MultiView(views: 2)",
                "batch",
                "there is no `=` in this change\n --> study.ron:4:37",
            ),
            (
                "method=MultiView(views: 2)",
                "epochs=9",
                "`epochs` is decided by the study",
            ),
            (
                "base.ron",
                "bsae.ron",
                "there is no file `bsae.ron`\n --> study.ron:2:11",
            ),
            (
                "seeds: [5, 6]",
                "seeds: []",
                "there is no seed to train with",
            ),
            ("seeds: [5, 6]", "seeds: [5, 5]", "seed 5 is there twice"),
            (
                "baseline: \"vanilla\"",
                "baseline: \"vanila\"",
                "did you mean \"vanilla\"?",
            ),
            (
                "StudentPasses(4)",
                "StudentPasses(5)",
                "StudentPasses(4) or StudentPasses(6) suits all variants",
            ),
            (
                "StudentPasses(4)",
                "Epochs(0)",
                "the budget must be greater than 0",
            ),
            (
                "StudentPasses(4)",
                "Passes(4)",
                "there is no budget `Passes`",
            ),
            ("seeds:", "sedes:", "did you mean `seeds`?"),
            ("(name: \"vanilla\")", "()", "a variant needs a name"),
            (
                "(name: \"vanilla\")",
                "(name: \"vanilla\"), (name: \"vanilla\")",
                "there are two variants \"vanilla\"",
            ),
            (
                "(name: \"vanilla\")",
                "(name: \"vanilla\", vary: {\"method.temprature\": [2.0]})",
                "variant \"vanilla temprature=2.0\": `Vanilla` has no field `temprature`\n --> study.ron:5:42",
            ),
            ("Study(", "Experiment(", "write Study(…)"),
        ] {
            let found = error(from, to);
            assert!(found.contains(expected), "{to}:\n{found}");
        }
    }

    #[test]
    fn values_are_checked_before_anything_is_trained() {
        let text = STUDY.replace("views: 2", "views: 2, temperature: -3.0");
        let study = read(&text);
        // A method that cannot be expanded has no number of views.
        let found = study.unwrap_err();
        assert!(
            found.contains("variant \"multi-view\": temperature"),
            "{found}"
        );
        let text = STUDY.replace("method=MultiView(views: 2)", "lr=Constant(-1.0)");
        let study = read(&text).unwrap();
        let found = study.check(&[Some(4), Some(4)]).unwrap_err().to_string();
        assert!(found.contains("variant \"multi-view\""), "{found}");
    }

    #[test]
    fn an_error_that_variants_share_is_reported_once() {
        let wrong = "(name: \"steep\", set: [\"lr=Constant(-1.0)\"]), (name: \"steeper\", set: [\"lr=Constant(-1.0)\"])";
        let text = STUDY.replace(
            "(name: \"vanilla\")",
            &format!("(name: \"vanilla\"), {wrong}"),
        );
        let study = read(&text).unwrap();
        let found = study.check(&[Some(4); 4]).unwrap_err().to_string();
        // Each has its own place.
        assert!(found.contains("variant \"steep\":"), "{found}");
        assert!(found.contains("variant \"steeper\":"), "{found}");
        let text = STUDY.replace(
            "base: \"base.ron\"",
            "base: Experiment(
            data: (train: Shapes(classes: 3, count: 60, size: 16)),
            teacher: (model: Cnn(channels: [4]), weights: File(\"absent.safetensors\")),
            student: (model: Cnn(channels: [4])),
            method: Vanilla(),
            epochs: 4,
        )",
        );
        let study = read(&text).unwrap();
        let found = study.check(&[Some(4); 2]).unwrap_err();
        assert_eq!(found.count(), 1, "{found}");
        assert!(
            found.to_string().starts_with("error: there is no file"),
            "{found}"
        );
    }
}
