//! Which weights a run's student has now, and whether a result was made of them.
//!
//! A copy of a run has its plan and so its identity, and a run that trains on gets other
//! weights: what was exported or measured of a student says of which weights it is.

use serde::Deserialize;

use super::RunFolder;
use super::record_mark::STATE;
use super::seal::{Sealed, content};
use crate::untrusted::Show as _;

/// What a run's weights are called, in every folder that has some.
pub const WEIGHTS: &str = "weights.safetensors";

/// BLAKE3 of the weights that a run's student has now, hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnWeights {
    hashes: Vec<String>,
    /// Why there may be others.
    unread: Option<String>,
}

/// Of which weights a result is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Of those that the run has.
    Own,
    /// Of others.
    Other,
    /// It does not say.
    Unknown,
    /// Of none that could be read, and why not all could.
    Undecided(String),
}

/// What the state of the latest checkpoint says of the weights beside it; older
/// programs said less.
#[derive(Debug, Default, Deserialize)]
struct Bests {
    #[serde(default)]
    best: Option<Best>,
    #[serde(default)]
    best_quantized: Option<Best>,
}

#[derive(Debug, Deserialize)]
struct Best {
    #[serde(default)]
    weights: Option<String>,
}

impl OwnWeights {
    /// Of which weights a result is that names these. Without weights of the
    /// run nothing is known to be of others: that they are missing is reported by itself.
    #[must_use]
    pub fn origin(&self, made_of: Option<&String>) -> Origin {
        match made_of {
            _ if self.hashes.is_empty() => Origin::Own,
            None => Origin::Unknown,
            Some(weights) if self.contains(weights) => Origin::Own,
            Some(_) => match &self.unread {
                None => Origin::Other,
                Some(why) => Origin::Undecided(why.clone()),
            },
        }
    }

    /// These, and those that a result was just made of: a run that trains may have
    /// better ones by now.
    #[must_use]
    pub fn and(mut self, made_of: Option<&String>) -> Self {
        if !self.hashes.is_empty() {
            self.hashes.extend(made_of.cloned());
        }
        self
    }

    /// Whether the run has weights with this hash.
    #[must_use]
    pub fn contains(&self, weights: &str) -> bool {
        self.hashes.iter().any(|own| own == weights)
    }
}

impl Origin {
    /// What is wrong with a result of that origin, and what to do unless it is made
    /// again or deleted; nothing with the run's own.
    #[must_use]
    pub fn problem(&self) -> Option<(String, Option<&str>)> {
        Some(match self {
            Self::Own => return None,
            Self::Other => ("is of other weights than the run has now".to_owned(), None),
            Self::Unknown => ("does not say of which weights it is".to_owned(), None),
            Self::Undecided(why) => (
                "may be of other weights than the run has".to_owned(),
                Some(why),
            ),
        })
    }
}

impl RunFolder {
    /// The weights that its student has now, as the manifests beside them and the latest
    /// checkpoint's state say: what that names is the run's wherever it went.
    #[must_use]
    pub fn own_weights(&self) -> OwnWeights {
        let hash = |sealed: &Sealed| {
            let known = sealed.hash(WEIGHTS).map(str::to_owned);
            known.or_else(|| Some(content(&sealed.path().join(WEIGHTS)).ok()?.1))
        };
        let mut own = OwnWeights::default();
        for place in [self.best(), self.quantized()] {
            own.hashes
                .extend(place.find().ok().flatten().as_ref().and_then(hash));
        }
        match self.read_latest() {
            Ok((sealed, bests)) => {
                own.hashes.extend(hash(&sealed));
                let named = bests.best.into_iter().chain(bests.best_quantized);
                own.hashes.extend(named.filter_map(|best| best.weights));
            }
            Err(why) => own.unread = Some(why),
        }
        own
    }

    /// Whether the latest checkpoint's state says that there are best weights: in floats,
    /// and rounded. What cannot be read says of none.
    #[must_use]
    pub fn names_bests(&self) -> [bool; 2] {
        let bests = self.read_latest().map(|(_, bests)| bests);
        let Bests {
            best,
            best_quantized,
        } = bests.unwrap_or_default();
        [best, best_quantized].map(|best| best.is_some())
    }

    /// The latest checkpoint, and what its state says of the best; or why neither is known.
    fn read_latest(&self) -> Result<(Sealed, Bests), String> {
        let latest = self.latest();
        let missing = || format!("{} is missing", latest.path().shown());
        let sealed = latest.find().map_err(|damage| damage.to_string())?;
        let sealed = sealed.ok_or_else(missing)?;
        let state = sealed.has(STATE).then(|| sealed.read(STATE)).transpose();
        let state = state.map_err(|damage| damage.to_string())?;
        let bests = state.and_then(|text| serde_json::from_slice(&text).ok());
        Ok((sealed, bests.unwrap_or_default()))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::fs;

    use super::{OwnWeights, STATE, WEIGHTS};
    use crate::run::RunFolder;
    use crate::run::seal::seal;

    impl<const N: usize> From<[&str; N]> for OwnWeights {
        fn from(hashes: [&str; N]) -> Self {
            Self {
                hashes: hashes.map(str::to_owned).to_vec(),
                unread: None,
            }
        }
    }

    /// Gives a run's student these best weights, which are the latest, too, and returns
    /// their hash.
    pub(crate) fn train_to(run: &RunFolder, weights: &str) -> String {
        let hash = blake3::hash(weights.as_bytes()).to_hex().to_string();
        for place in [run.best(), run.latest()].map(|place| place.path()) {
            if place.exists() {
                fs::remove_dir_all(&place).unwrap();
            }
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(WEIGHTS), weights).unwrap();
        }
        let state = format!("{{\"step\": 1, \"best\": {{\"weights\": \"{hash}\"}}}}");
        fs::write(run.latest().path().join(STATE), state).unwrap();
        for place in [run.best(), run.latest()] {
            seal(&place.path(), 1, None).unwrap();
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::testing::train_to;
    use super::*;
    use crate::run::seal::{MANIFEST, seal};

    #[test]
    fn weights_that_are_missing_are_not_taken_for_others() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::left_at(place.path());
        assert_eq!(
            run.own_weights().origin(Some(&"any".to_owned())),
            Origin::Own
        );
        let best = train_to(&run, "best");
        let latest = run.latest().path();
        fs::write(latest.join(WEIGHTS), "last").unwrap();
        fs::remove_file(latest.join(MANIFEST)).unwrap();
        seal(&latest, 2, None).unwrap();
        let other = "other".to_owned();
        let origins = || [&best, &other].map(|hash| run.own_weights().origin(Some(hash)));
        assert_eq!(origins(), [Origin::Own, Origin::Other]);
        fs::rename(run.best().path(), place.path().join("aside")).unwrap();
        assert_eq!(origins(), [Origin::Own, Origin::Other]);
        fs::rename(place.path().join("aside"), run.best().path()).unwrap();
        // Nobody knows what the latest weights were.
        fs::write(latest.join(STATE), "{}").unwrap();
        for why in ["state.json is damaged", "latest is missing"] {
            let [own, undecided] = origins();
            let Origin::Undecided(reason) = undecided else {
                panic!("{undecided:?}")
            };
            assert!(own == Origin::Own && reason.contains(why), "{reason}");
            if latest.exists() {
                fs::remove_dir_all(&latest).unwrap();
            }
        }
    }
}
