//! Checkpoints of one training: `latest/`, from which it goes on exactly, and
//! `best/`, the weights that did best on the validation images.
//!
//! ```text
//! latest/weights.safetensors     the weights to take away
//!        network.safetensors     those of the last step, where an average is kept besides
//!        optimizer.safetensors   the optimizer's memory, once it has any
//!        state.json              step, knobs, controller, best evaluation
//! best/weights.safetensors
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::card::{CARD, Card};
use super::failure::Failure;
use super::learner::Learner;
use super::state::FitState;
use super::weights::{self, ArrayFile};
use crate::event::Phase;
use crate::run::{FolderSlot, RunFolder};

/// The weights to take away.
const WEIGHTS: &str = "weights.safetensors";
/// The weights of the last step, if they are not those to take away.
const NETWORK: &str = "network.safetensors";
/// The optimizer's memory.
const OPTIMIZER: &str = "optimizer.safetensors";
/// Everything else that the next step depends on.
const STATE: &str = "state.json";

/// Where one training's checkpoints lie.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    /// The run's folder, to which events tell paths.
    root: PathBuf,
    latest: FolderSlot,
    best: FolderSlot,
    card: Option<Card>,
}

impl CheckpointFolder {
    /// The checkpoints of the run's training of that phase.
    #[must_use]
    pub fn new(folder: &RunFolder, phase: Phase) -> Self {
        let (latest, best) = match phase {
            Phase::Student => (folder.latest(), folder.best()),
            Phase::Teacher => (
                FolderSlot::new(folder.teacher(), "latest"),
                FolderSlot::new(folder.teacher(), "best"),
            ),
        };
        Self {
            root: folder.path().to_owned(),
            latest,
            best,
            card: None,
        }
    }

    /// The same, with what must be known of the model written beside weights.
    #[must_use]
    pub fn with_card(self, card: Card) -> Self {
        Self {
            card: Some(card),
            ..self
        }
    }

    fn write_card(&self, folder: &Path) -> Result<(), Failure> {
        let Some(card) = &self.card else {
            return Ok(());
        };
        let path = folder.join(CARD);
        let text = serde_json::to_vec_pretty(card).map_err(|error| unfit(&path, &error))?;
        fs::write(&path, text).map_err(|error| Failure::File { path, error })
    }

    /// Replaces the latest checkpoint. Returns its folder, relative to the
    /// run's.
    pub fn save_latest(&self, learner: &Learner, state: &FitState) -> Result<PathBuf, Failure> {
        let place = self.latest.replace(|folder| {
            weights::save(learner.deployable(), &folder.join(WEIGHTS))?;
            self.write_card(folder)?;
            if learner.average.is_some() {
                weights::save(&learner.network, &folder.join(NETWORK))?;
            }
            let memory = learner.optimizer.state()?;
            if !memory.is_empty() {
                weights::write(&folder.join(OPTIMIZER), &memory)?;
            }
            let path = folder.join(STATE);
            let text = serde_json::to_vec_pretty(state).map_err(|error| unfit(&path, &error))?;
            fs::write(&path, text).map_err(|error| Failure::File { path, error })
        })?;
        Ok(self.relative(&place))
    }

    /// Replaces the best weights. Returns their folder, relative to the run's.
    pub fn save_best(&self, learner: &Learner) -> Result<PathBuf, Failure> {
        let place = self.best.replace(|folder| {
            weights::save(learner.deployable(), &folder.join(WEIGHTS))?;
            self.write_card(folder)
        })?;
        Ok(self.relative(&place))
    }

    /// What the latest checkpoint says of the training, if there is one.
    pub fn latest_state(&self) -> Result<Option<FitState>, Failure> {
        self.latest
            .find()?
            .map(|folder| read_state(&folder))
            .transpose()
    }

    /// Puts the learner where the latest checkpoint stands, if there is one.
    pub fn load_latest(&self, learner: &mut Learner) -> Result<Option<FitState>, Failure> {
        let Some(folder) = self.latest.find()? else {
            return Ok(None);
        };
        match &mut learner.average {
            Some(average) => {
                weights::load(average, &folder.join(WEIGHTS))?;
                weights::load(&mut learner.network, &folder.join(NETWORK))?;
            }
            None => weights::load(&mut learner.network, &folder.join(WEIGHTS))?,
        }
        let memory = folder.join(OPTIMIZER);
        if memory.exists() {
            let arrays = ArrayFile::open(&memory)?.arrays()?;
            let device = learner.network.device().clone();
            learner
                .optimizer
                .restore(&arrays, &device)
                .map_err(|error| unfit(&memory, &error))?;
        }
        read_state(&folder).map(Some)
    }

    /// The file of the best weights; of the latest if no evaluation was made.
    pub fn best_weights(&self) -> Result<PathBuf, Failure> {
        match self.best.find()? {
            Some(folder) => Ok(folder.join(WEIGHTS)),
            None => self.latest_weights(),
        }
    }

    /// The file of the latest weights.
    pub fn latest_weights(&self) -> Result<PathBuf, Failure> {
        let folder = self.latest.find()?;
        Ok(folder.unwrap_or_else(|| self.latest.path()).join(WEIGHTS))
    }

    fn relative(&self, place: &Path) -> PathBuf {
        place.strip_prefix(&self.root).unwrap_or(place).to_owned()
    }
}

fn read_state(folder: &Path) -> Result<FitState, Failure> {
    let path = folder.join(STATE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) => return Err(Failure::File { path, error }),
    };
    serde_json::from_slice(&text).map_err(|error| unfit(&path, &error))
}

fn unfit(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Checkpoint {
        path: path.to_owned(),
        message: error.to_string(),
    }
}
