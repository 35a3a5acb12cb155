//! Whose answers are compared: a run's models on its own probe images or on a
//! folder's, and another run's student on the same images.

use std::collections::HashMap;

use super::others::others;
use crate::event::Phase;
use crate::event::inspection::{Probe, ProbeSource, Weights};
use crate::store::Runs;
use crate::ui::effect::Effect;
use crate::ui::shared::Shared;
use crate::untrusted::Show as _;

/// What is known of a run's answers.
#[derive(Debug, Default)]
pub(super) enum Reading {
    /// Nobody asked.
    #[default]
    Nothing,
    /// They were requested.
    Asked,
    /// Here they are.
    Read(Box<Probe>),
    /// There are none, and why.
    Failed(String),
}

/// What an answer that came in changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nobody waits for it.
    Nothing,
    /// Something that is shown.
    Answers,
    /// The images: those of another folder are shown from now on.
    Images,
}

/// Images that were requested and are not answered on yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) source: ProbeSource,
}

/// Another run's student on the same images.
#[derive(Debug)]
pub(super) struct OtherRun {
    pub(super) run: String,
    /// What it was asked about.
    source: ProbeSource,
    pub(super) reading: Reading,
    /// Where each image of the first probe is in the second.
    places: Vec<usize>,
}

/// Whose answers are compared.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// The run that the rest is of; the selected one as soon as it is shown.
    pub(super) run: Option<String>,
    /// Which images they are.
    pub(super) source: ProbeSource,
    /// What is shown stays until these are answered on, and if they cannot be.
    pub(super) coming: Option<Pending>,
    pub(super) first: Reading,
    pub(super) second: Option<OtherRun>,
    /// How far the run was when it was asked last.
    extent: (usize, usize),
    /// Whether an answer is on its way.
    waits: bool,
    /// Why answers could not be read; those of before are still here.
    pub(super) problem: Option<String>,
}

impl Comparison {
    /// The first run's probe.
    pub(super) fn probe(&self) -> Option<&Probe> {
        match &self.first {
            Reading::Read(probe) => Some(probe),
            _ => None,
        }
    }

    /// Takes up the selected run, with its own images.
    pub(super) fn open(&mut self, shared: &mut Shared, runs: &Runs) {
        *self = Self {
            run: shared.selected.clone(),
            ..Self::default()
        };
        self.read(shared, runs);
    }

    /// Takes up other images, or the run's own again.
    pub(super) fn look_at(&mut self, source: ProbeSource, shared: &mut Shared, runs: &Runs) {
        self.coming = None;
        if self.probe().is_none() {
            self.source = source;
            self.first = Reading::Asked;
            self.read(shared, runs);
            self.ask_second(shared, runs);
        } else if source == self.source {
            self.read_again(shared, runs);
        } else if let Some(run) = self.run.clone() {
            shared.ask(asking(run, source.clone()));
            self.coming = Some(Pending { source });
        }
    }

    /// Asks the second run about the images that are shown, from nothing.
    pub(super) fn ask_second(&mut self, shared: &mut Shared, runs: &Runs) {
        if let Some(second) = self.second.take() {
            self.ask_of(second.run, shared, runs);
        }
    }

    /// Puts the student of this run beside the first, as soon as it has answered.
    fn ask_of(&mut self, run: String, shared: &mut Shared, runs: &Runs) {
        let source = self.source_of_second(runs);
        shared.ask(asking(run.clone(), source.clone()));
        self.second = Some(OtherRun {
            run,
            source,
            reading: Reading::Asked,
            places: Vec::new(),
        });
    }

    /// What the second run is asked about: of a cell the images that the first run's
    /// models put there, by its weights that are as far.
    fn source_of_second(&self, runs: &Runs) -> ProbeSource {
        let (ProbeSource::Cell { step, .. }, Some(probe)) = (&self.source, self.probe()) else {
            return self.source.clone();
        };
        let run = self.run.as_ref().and_then(|run| runs.get(run));
        let evaluations = run.into_iter().flat_map(|run| &run.store.evaluations);
        let students = evaluations.filter(|it| it.phase == Phase::Student);
        let is_latest = students.map(|it| it.step).max() <= Some(*step);
        ProbeSource::Named {
            images: probe.images.iter().map(|it| it.source.clone()).collect(),
            weights: if is_latest {
                Weights::Latest
            } else {
                Weights::Best
            },
        }
    }

    /// Asks again for everybody's answers, because a person wants it.
    pub(super) fn read_again(&mut self, shared: &mut Shared, runs: &Runs) {
        self.read(shared, runs);
        if let Some(second) = &self.second {
            shared.ask(asking(second.run.clone(), second.source.clone()));
        }
    }

    /// Asks for the first run's answers; those that are shown stay until then.
    pub(super) fn read(&mut self, shared: &mut Shared, runs: &Runs) {
        let Some(run) = self.run.clone() else { return };
        self.extent = extent(&run, runs);
        self.waits = true;
        if !matches!(self.first, Reading::Read(_)) {
            self.first = Reading::Asked;
        }
        shared.ask(asking(run, self.source.clone()));
    }

    /// Asks again if the run came further. A folder is not classified anew
    /// unless a person says so.
    pub(super) fn follow(&mut self, shared: &mut Shared, runs: &Runs) {
        let came_further = self
            .run
            .as_ref()
            .is_some_and(|run| extent(run, runs) != self.extent);
        if came_further && !self.waits && self.source == ProbeSource::Recorded {
            self.read(shared, runs);
        }
    }

    /// Puts another run's student beside this one: the run after the one that
    /// stands there. Returns whether there is one that has
    /// answers.
    pub(super) fn add(&mut self, shared: &mut Shared, runs: &Runs) -> bool {
        let run = self.run.as_deref().unwrap_or_default();
        let others = others(run, self.source != ProbeSource::Recorded, runs);
        let before = self.second.as_ref().map(|second| second.run.as_str());
        let at = others.iter().position(|name| Some(*name) == before);
        let Some(next) = others.get(at.map_or(0, |at| (at + 1) % others.len())) else {
            return false;
        };
        self.ask_of((*next).to_owned(), shared, runs);
        true
    }

    /// Takes the second run away.
    pub(super) fn remove(&mut self) {
        self.second = None;
    }

    /// Takes in a run's answers.
    pub(super) fn on_news(
        &mut self,
        run: &str,
        source: &ProbeSource,
        answers: Result<Box<Probe>, String>,
    ) -> Change {
        let is_first = self.run.as_deref() == Some(run);
        let awaited = self
            .coming
            .take_if(|coming| is_first && coming.source == *source);
        if let Some(coming) = awaited {
            return self.arrived(coming.source, answers);
        }
        if is_first && *source == self.source {
            self.waits = false;
            match (reading(answers), &self.first) {
                (Reading::Failed(why), Reading::Read(_)) => {
                    self.problem = Some(format!("could not reload {run}: {why}"));
                }
                (reading, _) => self.first = reading,
            }
            if let Some(second) = &mut self.second
                && matches!(second.reading, Reading::Read(_))
                && let Reading::Read(probe) = std::mem::take(&mut second.reading)
            {
                self.pair(Ok(probe));
            }
            return Change::Answers;
        }
        let is_second = |second: &OtherRun| second.run == run && second.source == *source;
        if self.second.as_ref().is_some_and(is_second) {
            self.pair(answers);
            return Change::Answers;
        }
        Change::Nothing
    }

    /// Takes in the answers on the folder that was requested, if there are any.
    fn arrived(&mut self, source: ProbeSource, answers: Result<Box<Probe>, String>) -> Change {
        match reading(answers) {
            Reading::Failed(why) => {
                let images = images_of(&source);
                self.problem = Some(format!("no results on {images}: {why}"));
                Change::Answers
            }
            read => {
                self.source = source;
                self.waits = false;
                self.first = read;
                Change::Images
            }
        }
    }

    /// Keeps the second run's answers if they are on the first's images.
    fn pair(&mut self, answers: Result<Box<Probe>, String>) {
        let matched = answers.and_then(|second| {
            let places = self.probe().map(|first| matched(first, &second));
            Ok((places.unwrap_or_else(|| Ok(Vec::new()))?, second))
        });
        if let Some(second) = &mut self.second {
            (second.places, second.reading) = match matched {
                Ok((places, probe)) => (places, Reading::Read(probe)),
                Err(why) => (Vec::new(), Reading::Failed(why)),
            };
        }
    }

    /// The second run's answers, and which of its student's are as far in its training
    /// as the first's `at`th answers are in theirs.
    pub(super) fn second_answers(&self, at: usize) -> Option<(&Probe, usize)> {
        let second = self.second.as_ref()?;
        let (Reading::Read(theirs), Some(ours)) = (&second.reading, self.probe()) else {
            return None;
        };
        let last = at + 1 >= ours.students.len();
        let epoch = ours.students.get(at)?.epoch;
        let behind = theirs
            .students
            .iter()
            .rposition(|answers| last || answers.epoch <= epoch);
        Some((theirs, behind.unwrap_or(0)))
    }

    /// The second student's logits of an image of the first probe, numbers or not, with
    /// [`Self::second_answers`].
    pub(super) fn second_logits(&self, image: usize, at: usize) -> Option<&[f32]> {
        let (theirs, theirs_at) = self.second_answers(at)?;
        let place = *self.second.as_ref()?.places.get(image)?;
        let answers = theirs.students.get(theirs_at)?;
        super::sample_result::given(theirs, &answers.logits, place)
    }
}

/// The images in words.
pub(super) fn images_of(source: &ProbeSource) -> String {
    match source {
        ProbeSource::Folder(folder) => format!("the images of {}", folder.shown()),
        ProbeSource::Cell { .. } | ProbeSource::Named { .. } => {
            "the validation images of this cell".to_owned()
        }
        ProbeSource::Recorded => "its probe images".to_owned(),
    }
}

/// The same of all validation images.
pub(super) const WHOLE: &str = "validation images";

/// Whose images are counted, after their number.
pub(super) fn whose(source: &ProbeSource) -> &'static str {
    match source {
        ProbeSource::Recorded => "probe images",
        ProbeSource::Folder(_) => "images of the folder",
        ProbeSource::Cell { .. } | ProbeSource::Named { .. } => "images of the cell",
    }
}

fn asking(run: String, source: ProbeSource) -> Effect {
    Effect::ReadProbe { run, source }
}

fn extent(run: &str, runs: &Runs) -> (usize, usize) {
    runs.get(run).map_or((0, 0), |run| {
        (run.store.checkpoints.len(), run.store.evaluations.len())
    })
}

fn reading(answers: Result<Box<Probe>, String>) -> Reading {
    match answers {
        Ok(probe) if probe.images.is_empty() => Reading::Failed("there are no images".to_owned()),
        Ok(probe) if probe.students.is_empty() => {
            Reading::Failed("the student has not been evaluated yet".to_owned())
        }
        Ok(probe) => Reading::Read(probe),
        Err(why) => Reading::Failed(why),
    }
}

/// Where each image of one probe is in another, or why the two cannot stand
/// side by side.
fn matched(first: &Probe, second: &Probe) -> Result<Vec<usize>, String> {
    if first.classes != second.classes {
        let differs = first
            .classes
            .iter()
            .zip(&second.classes)
            .find(|(ours, theirs)| ours != theirs);
        return Err(match differs {
            Some((ours, theirs)) => format!("the classes differ: `{theirs}`, not `{ours}`"),
            None => format!(
                "the number of classes differs: {}, not {}",
                second.classes.len(),
                first.classes.len()
            ),
        });
    }
    let places: HashMap<&str, usize> = second
        .images
        .iter()
        .enumerate()
        .map(|(at, image)| (image.source.as_str(), at))
        .collect();
    first
        .images
        .iter()
        .map(|image| {
            let place = places.get(image.source.as_str()).copied();
            place.ok_or_else(|| {
                format!(
                    "the images differ: {} is missing; open a folder to compare both on it",
                    image.source
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::probe;
    use super::*;

    #[test]
    fn images_are_matched_by_their_source_in_whatever_order() {
        let (first, mut second) = (probe(), probe());
        second.images.reverse();
        let places = matched(&first, &second).unwrap();
        assert_eq!(places[0], second.images.len() - 1);
    }

    #[test]
    fn the_reason_why_two_probes_cannot_be_compared_is_shown() {
        let first = probe();
        let mut second = probe();
        second.classes[1] = "lorry".to_owned();
        assert_eq!(
            matched(&first, &second).unwrap_err(),
            "the classes differ: `lorry`, not `cat`"
        );
        second.classes.truncate(1);
        assert_eq!(
            matched(&first, &second).unwrap_err(),
            "the number of classes differs: 1, not 4"
        );
        let mut second = probe();
        second.images.remove(0);
        assert!(matched(&first, &second).unwrap_err().contains("is missing"));
    }

    #[test]
    fn the_second_student_is_taken_at_the_same_epoch() {
        let mut comparison = Comparison {
            run: Some("a".to_owned()),
            second: Some(OtherRun {
                run: "b".to_owned(),
                source: ProbeSource::Recorded,
                reading: Reading::Asked,
                places: Vec::new(),
            }),
            ..Comparison::default()
        };
        let mut other = probe();
        other.students.remove(1);
        let mut news = |run| comparison.on_news(run, &ProbeSource::Recorded, Ok(Box::new(probe())));
        assert_eq!(news("a"), Change::Answers);
        assert_eq!(news("c"), Change::Nothing);
        let second = comparison.on_news("b", &ProbeSource::Recorded, Ok(Box::new(other.clone())));
        assert_eq!(second, Change::Answers);
        assert_eq!(
            comparison.second_logits(2, 1),
            Some(&*other.students[0].logits[2])
        );
        assert_eq!(
            comparison.second_logits(2, 2),
            Some(&*other.students[1].logits[2])
        );
        let elsewhere =
            comparison.on_news("b", &ProbeSource::Folder("x".into()), Err(String::new()));
        assert_eq!(elsewhere, Change::Nothing);
    }
}
