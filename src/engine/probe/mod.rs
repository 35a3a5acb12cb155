//! Fixed images through which a training is watched: what student and teacher
//! answer on them at every evaluation, and what augmentation makes of them.
//!
//! Written into the run's folder as it trains, so that training time can be
//! scrubbed later without any model.

mod answers;
mod arrays;
mod file;

use image::RgbImage;

use super::classify::Classify;
use super::evaluate::{Evaluator, answers};
use super::failure::Failure;
use crate::data::augment::mix::partner;
use crate::data::augment::{Pipeline, View};
use crate::data::stream::StreamKey;
use crate::data::{ImageSet, Images};
use crate::event::inspection::{Picture, Probe, ProbeAnswers, ProbeImage};
use crate::experiment::plan::Training;
use crate::run::RunFolder;

pub use file::ProbeFolder;

/// Images that a run is watched by, at most.
const IMAGES: usize = 64;

/// How a probe is made of images: their views are augmented with the keys of
/// the run, as if they were its first training images.
#[derive(Debug, Clone, Copy)]
pub struct ViewRecipe<'a> {
    /// The training whose views are made.
    pub training: &'a Training,
    /// Probability of every view.
    pub probabilities: &'a [f64],
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u32,
}

/// Watches one training of a student.
pub struct ProbeWatch {
    folder: ProbeFolder,
    set: ImageSet,
    originals: Vec<RgbImage>,
}

impl ProbeWatch {
    /// Chooses the images: validation images, as many of every class as go
    /// round, the first of each; and records them with the teacher's answers.
    /// Forgets answers that a run taken back to `step` steps will give again.
    pub fn begin(
        run: &RunFolder,
        images: &Images,
        valid: &Evaluator,
        step: u64,
    ) -> Result<Self, Failure> {
        let chosen = chosen(&images.valid, images.classes.len());
        let set = images.valid.subset(&chosen);
        let teacher: Option<Vec<Vec<f32>>> = valid
            .teacher()
            .map(|rows| chosen.iter().map(|&index| rows[index].clone()).collect());
        let originals = originals(&set);
        let folder = ProbeFolder::new(run);
        folder.forget_after(step)?;
        folder.write_images(
            &images.classes,
            &shown(&set, &originals),
            teacher.as_deref(),
        )?;
        Ok(Self {
            folder,
            set,
            originals,
        })
    }

    /// Records what the student answers after `step` steps, and what
    /// augmentation makes of the images then.
    pub fn observe(
        &self,
        student: &dyn Classify,
        images: &Images,
        recipe: &ViewRecipe<'_>,
        (step, epoch): (u64, f64),
    ) -> Result<(), Failure> {
        let answers = ProbeAnswers {
            step,
            epoch,
            logits: answers(student, &self.set, images)?,
        };
        self.folder.write_answers(&answers, &self.views(recipe))
    }

    /// Views of every image, `[image][view]`, as those of one batch.
    fn views(&self, recipe: &ViewRecipe<'_>) -> Vec<Vec<Picture>> {
        let pipeline = Pipeline::new(&recipe.training.augment);
        let views: Vec<Vec<View>> = (0..)
            .zip(&self.originals)
            .map(|(sample, image)| {
                let first = StreamKey {
                    seed: recipe.seed,
                    epoch: recipe.epoch,
                    sample,
                    view: 0,
                };
                let views = pipeline.views(image, recipe.probabilities, first);
                views.collect()
            })
            .collect();
        let mixed = |place: usize, number: usize| {
            let View { image, mixing, .. } = &views[place][number];
            let mut image = image.clone();
            for one in mixing {
                one.mix_pixels(
                    &mut image,
                    &views[partner(place, views.len())][number].image,
                );
            }
            picture(image)
        };
        let numbers = 0..recipe.probabilities.len();
        (0..views.len())
            .map(|place| numbers.clone().map(|number| mixed(place, number)).collect())
            .collect()
    }
}

/// A probe of any images: what these models answer now.
pub fn probe_now(
    set: &ImageSet,
    images: &Images,
    (student, step, epoch): (&dyn Classify, u64, f64),
    teacher: Option<&dyn Classify>,
) -> Result<Probe, Failure> {
    let teacher = teacher.map(|teacher| answers(teacher, set, images));
    let student = ProbeAnswers {
        step,
        epoch,
        logits: answers(student, set, images)?,
    };
    Ok(probe_of(
        set,
        &images.classes,
        student,
        teacher.transpose()?,
    ))
}

/// A probe of images on which was answered already, `[image][class]`.
pub fn probe_of(
    set: &ImageSet,
    classes: &[String],
    student: ProbeAnswers,
    teacher: Option<Vec<Vec<f32>>>,
) -> Probe {
    Probe {
        classes: classes.to_vec(),
        images: shown(set, &originals(set)),
        teacher,
        students: vec![student],
    }
}

/// Indices of the images: going round the classes, the first of each not taken
/// yet; without labels, the first.
fn chosen(set: &ImageSet, classes: usize) -> Vec<usize> {
    if !set.is_labelled() {
        return (0..set.len().min(IMAGES)).collect();
    }
    let mut of_class: Vec<Vec<usize>> = vec![Vec::new(); classes];
    let each = IMAGES.div_ceil(classes.max(1));
    for index in 0..set.len() {
        let known = set
            .label(index)
            .and_then(|label| of_class.get_mut(label as usize));
        if let Some(list) = known.filter(|list| list.len() < each) {
            list.push(index);
        }
    }
    let rounds = (0..each).flat_map(|round| of_class.iter().filter_map(move |l| l.get(round)));
    let mut chosen: Vec<usize> = rounds.copied().take(IMAGES).collect();
    chosen.sort_unstable();
    chosen
}

/// The images of a set. One that went bad since it was indexed is black, so
/// that the others keep their places.
fn originals(set: &ImageSet) -> Vec<RgbImage> {
    let (height, width) = set.size();
    (0..set.len())
        .map(|index| {
            set.pixels(index)
                .unwrap_or_else(|_| RgbImage::new(width, height))
        })
        .collect()
}

/// Images without views.
fn shown(set: &ImageSet, originals: &[RgbImage]) -> Vec<ProbeImage> {
    originals
        .iter()
        .enumerate()
        .map(|(index, image)| ProbeImage {
            source: set.name(index).to_string_lossy().into_owned(),
            label: set.label(index),
            picture: picture(image.clone()),
            views: Vec::new(),
        })
        .collect()
}

/// An image as a picture.
pub fn picture(image: RgbImage) -> Picture {
    Picture {
        width: image.width(),
        height: image.height(),
        rgb: image.into_raw(),
    }
}
