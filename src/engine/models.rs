//! A run's models, to be asked about images: read from its folder, with what
//! the run's journal says of its images. Neither its training images nor its
//! experiment file need be there any more.

use std::path::Path;

use super::checkpoint::CheckpointFolder;
use super::device::{self, Chosen};
use super::failure::Failure;
use super::network::Network;
use super::probe::probe_now;
use super::{teacher, weights};
use crate::data::{self, Images, Workers};
use crate::event::inspection::{Answering, Asked, Probe, Weights};
use crate::event::{DataSummary, Phase, SkippedImage};
use crate::experiment::architecture;
use crate::experiment::model::Model;
use crate::experiment::spec::{DeviceSpec, Spec};
use crate::run::RunFolder;

/// Images of a probe of a folder, at most.
const PROBED: usize = 256;

/// Models of one run, ready to answer.
pub struct RunModels {
    /// The student, if it was asked for.
    pub student: Option<Network>,
    /// The teacher, if it was asked for.
    pub teacher: Option<Network>,
    /// Where they live.
    pub device: Chosen,
    /// Steps and epochs that the student's weights have behind them.
    pub trained: (u64, f64),
    summary: DataSummary,
    /// Greatest number of pixels of an image that is decoded.
    max_pixels: u64,
}

/// What a run's journal says that its models cannot be opened without.
#[derive(Debug, Clone)]
pub struct Journalled {
    /// Its images.
    pub data: DataSummary,
    /// Steps of an epoch of the student's training; 0 before that began.
    pub steps_per_epoch: u64,
}

impl RunModels {
    /// Reads a run's models onto a device. `spec` is its frozen experiment.
    ///
    /// # Errors
    /// If the device is not there, or weights are missing or do not fit.
    pub fn open(
        run: &RunFolder,
        spec: &Spec,
        journalled: Journalled,
        device: DeviceSpec,
        asked: Asked,
    ) -> Result<Self, String> {
        let summary = &journalled.data;
        let device = device::choose(device).map_err(|error| error.to_string())?;
        let build = |model: &Model| {
            architecture::build(model, summary.size, summary.classes.len())
                .map(|graph| Network::new(graph, spec.seed, &device.device))
                .map_err(|problem| problem.to_string())
        };
        let checkpoints = CheckpointFolder::new(run, Phase::Student);
        let state = checkpoints
            .latest_state()
            .map_err(|error| error.to_string())?;
        let mut trained = 0;
        let student = if asked.answering == Answering::Teacher {
            None
        } else {
            let Some(state) = &state else {
                return Err(format!("{} has no student's weights yet", run.name()));
            };
            trained = match asked.weights {
                Weights::Best => state.best.map_or(state.step, |best| best.step),
                Weights::Latest => state.step,
            };
            let path = match asked.weights {
                Weights::Best => checkpoints.best_weights(),
                Weights::Latest => checkpoints.latest_weights(),
            };
            Some(read(
                build(&spec.student.model)?,
                &path.map_err(|e| e.to_string())?,
            )?)
        };
        let teacher = match (&spec.teacher, asked.answering) {
            (_, Answering::Student) => None,
            (None, _) => return Err(format!("{} has no teacher", run.name())),
            (Some(teacher), _) => {
                let path = teacher::weights_of(run, teacher)
                    .ok_or_else(|| format!("{} has no teacher's weights yet", run.name()))?;
                Some(read(build(&teacher.model)?, &path)?)
            }
        };
        let epochs = trained as f64 / journalled.steps_per_epoch.max(1) as f64;
        Ok(Self {
            student,
            teacher,
            device,
            trained: (trained, epochs),
            summary: journalled.data,
            max_pixels: spec.data.max_pixels,
        })
    }

    /// Names of the classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.summary.classes
    }

    /// The images of a folder, at any depth, as the models want them. Those that
    /// cannot be used are told apart.
    ///
    /// # Errors
    /// If the folder cannot be read or holds no image.
    pub fn images(&self, folder: &Path) -> Result<Images, Failure> {
        let workers = Workers::new(std::thread::available_parallelism().map_or(1, usize::from))?;
        let images = data::open_folder(folder, &self.summary, self.max_pixels, workers)?;
        Ok(images)
    }
}

/// What a run's models answer on the images of a folder, at most the first 256,
/// and what of the folder could not be read.
///
/// # Errors
/// A message that names what is missing.
pub fn probe_folder(
    models: &RunModels,
    folder: &Path,
) -> Result<(Probe, Vec<SkippedImage>), String> {
    let images = models.images(folder).map_err(|error| error.to_string())?;
    let first: Vec<usize> = (0..images.valid.len().min(PROBED)).collect();
    let set = images.valid.subset(&first);
    let Some(student) = &models.student else {
        return Err("a probe needs the student".to_owned());
    };
    let (step, epoch) = models.trained;
    let probe = probe_now(
        &set,
        &images,
        (student, step, epoch),
        models.teacher.as_ref(),
    );
    let probe = probe.map_err(|error| error.to_string())?;
    Ok((probe, images.skipped))
}

fn read(mut network: Network, path: &Path) -> Result<Network, String> {
    weights::load(&mut network, path).map_err(|error| error.to_string())?;
    Ok(network)
}
