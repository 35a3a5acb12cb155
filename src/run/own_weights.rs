//! Which weights a run's student has now, and whether a result was made of them.
//!
//! A copy of a run has its plan and so its identity, and a run that trains on gets other
//! weights: what was exported or measured of a student says of which weights it is.

use super::RunFolder;
use super::seal::content;

/// What a run's weights are called, in every folder that has some.
pub const WEIGHTS: &str = "weights.safetensors";

/// BLAKE3 of the weights that a run's student has now, hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnWeights(Vec<String>);

/// Of which weights a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Of those that the run has.
    Own,
    /// Of others.
    Other,
    /// It does not say.
    Unknown,
}

impl OwnWeights {
    /// Of which weights a result is that names these. Without weights of the
    /// run nothing is known to be of others: that they are missing is reported by itself.
    #[must_use]
    pub fn origin(&self, made_of: Option<&String>) -> Origin {
        match made_of {
            _ if self.0.is_empty() => Origin::Own,
            None => Origin::Unknown,
            Some(weights) if self.contains(weights) => Origin::Own,
            Some(_) => Origin::Other,
        }
    }

    /// Whether the run has weights with this hash.
    #[must_use]
    pub fn contains(&self, weights: &str) -> bool {
        self.0.iter().any(|own| own == weights)
    }
}

impl Origin {
    /// What is wrong with a result of that origin; nothing with the run's own.
    #[must_use]
    pub fn problem(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Other => Some("is of other weights than the run has now"),
            Self::Unknown => Some("does not say of which weights it is"),
        }
    }
}

impl RunFolder {
    /// The weights that its student has now, as the manifests beside them say.
    #[must_use]
    pub fn own_weights(&self) -> OwnWeights {
        let places = [self.best(), self.quantized(), self.latest()];
        let hashes = places.into_iter().filter_map(|place| {
            let sealed = place.find().ok()??;
            let known = sealed.hash(WEIGHTS).map(str::to_owned);
            known.or_else(|| Some(content(&sealed.path().join(WEIGHTS)).ok()?.1))
        });
        OwnWeights(hashes.collect())
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::fs;

    use super::{OwnWeights, WEIGHTS};
    use crate::run::RunFolder;
    use crate::run::seal::seal;

    impl<const N: usize> From<[&str; N]> for OwnWeights {
        fn from(hashes: [&str; N]) -> Self {
            Self(hashes.map(str::to_owned).to_vec())
        }
    }

    /// Gives a run's student these best weights, and returns their hash.
    pub(crate) fn train_to(run: &RunFolder, weights: &str) -> String {
        let best = run.best().path();
        if best.exists() {
            fs::remove_dir_all(&best).unwrap();
        }
        fs::create_dir_all(&best).unwrap();
        fs::write(best.join(WEIGHTS), weights).unwrap();
        seal(&best, 1, None).unwrap();
        blake3::hash(weights.as_bytes()).to_hex().to_string()
    }
}
