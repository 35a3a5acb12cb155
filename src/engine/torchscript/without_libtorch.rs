//! A build without libtorch: no TorchScript model ever answers.

use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::{ScriptAnswers, ScriptFacts, ScriptFile, TorchScriptError};

/// There is none.
#[derive(Debug, Clone)]
pub enum TorchScriptModel {}

impl TorchScriptModel {
    /// Refuses a file.
    ///
    /// # Errors
    /// Always: the program was built without libtorch.
    pub fn first(
        file: &ScriptFile,
        _: ScriptAnswers,
        _: (u32, u32),
        _: &Device,
    ) -> Result<(Self, ScriptFacts), TorchScriptError> {
        Err(TorchScriptError::NoLibTorch(file.path().to_owned()))
    }

    /// Refuses a file.
    ///
    /// # Errors
    /// Always: the program was built without libtorch.
    pub fn open(file: &ScriptFile, _: ScriptAnswers, _: &Device) -> Result<Self, TorchScriptError> {
        Err(TorchScriptError::NoLibTorch(file.path().to_owned()))
    }

    /// The engine and its version.
    #[must_use]
    pub fn engine(&self) -> &str {
        match *self {}
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match *self {}
    }

    /// Images that are given at once, if always as many.
    #[must_use]
    pub fn batch(&self) -> Option<usize> {
        match *self {}
    }

    /// Whether it answers images of this size.
    #[must_use]
    pub fn takes(&self, _: (u32, u32)) -> bool {
        match *self {}
    }

    /// Logits `[batch, classes]` of normalised images `[batch, 3, height, width]`.
    ///
    /// # Errors
    /// None: there is no such model.
    pub fn logits(&self, _: Tensor<4>) -> Result<Tensor<2>, TorchScriptError> {
        match *self {}
    }
}
