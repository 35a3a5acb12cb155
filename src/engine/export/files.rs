//! The files of an export: what they are called and what they say of themselves.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::int8::rows;
use super::proof::{measured, must_fit_half, prove_int8};
use super::{Int8Student, ProofError, Reference, loading_script, onnx_file, prove};
use crate::data::Images;
use crate::engine::checkpoint::RoundedStudent;
use crate::engine::evaluate::Answers;
use crate::engine::failure::Failure;
use crate::engine::metadata::{ModelMetadata, Trained};
use crate::engine::network::Network;
use crate::engine::weights::described_bytes;
use crate::event::inspection::Weights;
use crate::event::{Export, ExportFormat, Floats, PixelFormat, PrecisionModel, Variant};
use crate::experiment::spec::Int8Spec;
use crate::run::atomic::{create_folder, write_checked, write_file};
use crate::run::{RunFolder, TemporaryFile};
use crate::untrusted::Show as _;

/// Why a file was not written.
#[derive(Debug, Error)]
pub enum ExportFailure {
    /// The weights cannot be read from the device.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The file is not what it should be.
    #[error("{0}; nothing was written")]
    Proof(#[from] ProofError),
    /// What the file system says.
    #[error("could not write {}: {source}", path.shown())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl From<(PathBuf, io::Error)> for ExportFailure {
    fn from((path, source): (PathBuf, io::Error)) -> Self {
        Self::Io { path, source }
    }
}

/// A student that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Student<'a> {
    /// Its run.
    pub run: &'a RunFolder,
    /// The student.
    pub network: &'a Network,
    /// The same with the weights that learned to be rounded, if the run has such.
    pub rounded: Option<&'a RoundedStudent>,
    /// What must be known of it.
    pub known: &'a ModelMetadata,
    /// Which of the run's weights it has.
    pub weights: Weights,
    /// BLAKE3 of these, hexadecimal, if they are sealed with it.
    pub made_of: Option<&'a str>,
}

/// A student with 8-bit integers that was written.
#[derive(Debug)]
pub struct Int8File {
    /// What is known of it.
    pub export: Export,
    /// The bytes of the file with floats that takes the same.
    pub fp32: Vec<u8>,
    /// The same with 16-bit floats, if its weights fit into them.
    pub fp16: Option<Vec<u8>>,
}

/// Where a file goes in the run's own folder for them.
#[must_use]
pub fn place(
    run: &RunFolder,
    weights: Weights,
    format: ExportFormat,
    pixels: PixelFormat,
    variant: Variant,
) -> PathBuf {
    let latest = match weights {
        Weights::Best => "",
        Weights::Latest => "-latest",
    };
    let takes = match pixels {
        PixelFormat::Float => "",
        PixelFormat::Uint8 => "-uint8",
    };
    let holds = match variant {
        Variant::Fp32 => "",
        Variant::Fp16 => "-fp16",
        Variant::Int8 => "-int8",
    };
    let ending = match format {
        ExportFormat::Torch => "safetensors",
        ExportFormat::Onnx => "onnx",
    };
    run.exports()
        .join(format!("{}{latest}{takes}{holds}.{ending}", run.name()))
}

/// Where the script goes that loads weights.
#[must_use]
pub fn script_of(weights: &Path) -> PathBuf {
    let stem = weights.file_stem().unwrap_or_default().to_string_lossy();
    weights.with_file_name(format!("load_{stem}.py"))
}

impl Student<'_> {
    /// Writes an ONNX file that computes on these images what the network does, or
    /// none; without images it is not verified.
    ///
    /// # Errors
    /// The file cannot be written, or fails its verification; nothing is left behind.
    pub fn write_onnx(
        &self,
        path: &Path,
        pixels: PixelFormat,
        floats: Floats,
        images: Option<&Images>,
    ) -> Result<Export, ExportFailure> {
        let bytes = self.onnx(pixels, floats)?;
        if let (Some(images), Floats::Fp16) = (images, floats) {
            must_fit_half(self.network, images)?;
        }
        let check = |file: &Path| {
            let verified = images.map(|images| prove(file, self.network, images, pixels, floats));
            verified.transpose()
        };
        let proof = self.in_folder(path, |path| {
            let checked = write_checked(path, &bytes, check);
            Ok(checked.map_err(|source| failed(path, source))??)
        })?;
        Ok(Export {
            input: Some(pixels),
            floats,
            proof,
            ..self.export(ExportFormat::Onnx, &bytes)
        })
    }

    /// Writes an ONNX file that computes with 8-bit integers what the network does, as
    /// nearly as that goes, or none. `teacher` is what the teacher answers on the
    /// validation images, `[image][class]`.
    ///
    /// # Errors
    /// The file cannot be written, or fails its verification; nothing is left behind.
    pub fn write_int8(
        &self,
        path: &Path,
        pixels: PixelFormat,
        images: &Images,
        teacher: Option<Vec<Vec<f32>>>,
        spec: Int8Spec,
    ) -> Result<Int8File, ExportFailure> {
        let reference = Reference {
            network: Answers::of(self.network, &images.valid, images)?,
            teacher,
        };
        let (network, known) = (self.network, self.known);
        let rounded = self.rounded.map(|rounded| &rounded.network);
        let student = Int8Student::choose(network, rounded, images, &reference, spec)?;
        let learned = self.rounded.filter(|_| student.learned());
        let trained = learned.map_or_else(|| self.trained(), |rounded| rounded.trained);
        let bytes = student.file(known, pixels, &self.about(trained))?;
        // Weights that learned to be rounded are others than those in floats: their file
        // is held against the network that rounds them.
        let own = match learned {
            Some(rounded) => Some(Reference {
                network: Answers::of(&rounded.network, &images.valid, images)?,
                teacher: reference.teacher.clone(),
            }),
            None => None,
        };
        let expected = own.as_ref().unwrap_or(&reference);
        let check = |file: &Path| prove_int8(file, expected, images, pixels);
        let verified = self.in_folder(path, |path| {
            let checked = write_checked(path, &bytes, check);
            Ok(checked.map_err(|source| failed(path, source))??)
        })?;
        let half = match self.onnx(pixels, Floats::Fp16) {
            Ok(bytes) => {
                let file = TemporaryFile::new(&bytes).map_err(ProofError::from)?;
                let proof = measured(file.path(), &reference, images, pixels)?;
                Some((bytes, proof))
            }
            Err(ProofError::Half(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let float = self.onnx(pixels, Floats::Fp32)?;
        let against_floats = match &own {
            Some(_) => measured(path, &reference, images, pixels)?,
            None => verified.clone(),
        };
        let half_row = half.iter().map(|(_, proof)| (PrecisionModel::Fp16, proof));
        let files = half_row.chain([(PrecisionModel::Int8, &against_floats)]);
        let mut rows = rows(&reference, images, files);
        for row in &mut rows {
            row.bytes = match row.model {
                PrecisionModel::Teacher => None,
                PrecisionModel::Fp32 => Some(float.len() as u64),
                PrecisionModel::Fp16 => half.as_ref().map(|(bytes, _)| bytes.len() as u64),
                PrecisionModel::Int8 => Some(bytes.len() as u64),
            };
        }
        let export = Export {
            input: Some(pixels),
            proof: Some(verified.0),
            int8: Some(Box::new(student.result(rows))),
            step: trained.step,
            made_of: match learned {
                Some(rounded) => rounded.weights.clone(),
                None => self.made_of.map(str::to_owned),
            },
            ..self.export(ExportFormat::Onnx, &bytes)
        };
        Ok(Int8File {
            export,
            fp32: float,
            fp16: half.map(|(bytes, _)| bytes),
        })
    }

    /// The bytes of its ONNX file with floats.
    ///
    /// # Errors
    /// The weights cannot be read from the device, or do not fit into these floats.
    pub fn onnx(&self, pixels: PixelFormat, floats: Floats) -> Result<Vec<u8>, ProofError> {
        let about = self.about(self.trained());
        onnx_file(self.network, self.known, pixels, floats, &about)
    }

    /// Writes weights, and a script beside them that loads them into PyTorch.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_torch(&self, path: &Path) -> Result<Export, ExportFailure> {
        let texts = self
            .known
            .texts()
            .into_iter()
            .chain(self.about(self.trained()))
            .collect();
        let bytes = described_bytes(self.network, &texts).map_err(Failure::from)?;
        let weights = path.file_name().unwrap_or_default().to_string_lossy();
        let text = loading_script(self.known, self.network.graph(), &weights);
        let script = script_of(path);
        self.in_folder(path, |path| {
            for (file, bytes) in [(path, &bytes[..]), (&script, text.as_bytes())] {
                write_file(file, bytes).map_err(|source| failed(file, source))?;
            }
            Ok(())
        })?;
        Ok(self.export(ExportFormat::Torch, &bytes))
    }

    /// Writes a file. The run's own folder for them is made if it is not there, and
    /// goes again where it would be left empty.
    fn in_folder<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&Path) -> Result<T, ExportFailure>,
    ) -> Result<T, ExportFailure> {
        let folder = self.run.exports();
        let is_new = path.parent() == Some(&folder) && !folder.exists();
        if is_new {
            create_folder(&folder).map_err(|source| failed(&folder, source))?;
        }
        let written = write(path);
        if is_new && written.is_err() {
            let _ = fs::remove_dir(&folder);
        }
        written
    }

    fn export(&self, format: ExportFormat, bytes: &[u8]) -> Export {
        Export {
            format,
            weights: self.weights,
            step: self.trained().step,
            made_of: self.made_of.map(str::to_owned),
            input: None,
            floats: Floats::Fp32,
            bytes: bytes.len() as u64,
            blake3: blake3::hash(bytes).to_hex().to_string(),
            proof: None,
            int8: None,
        }
    }

    fn trained(&self) -> Trained {
        self.known.trained.unwrap_or_default()
    }

    /// What a file says of where it comes from.
    fn about(&self, trained: Trained) -> BTreeMap<String, String> {
        let weights = self.weights.word();
        let Trained { step, epoch } = trained;
        let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        let mut texts = vec![
            ("run", self.run.name()),
            ("weights", weights.to_owned()),
            ("step", step.to_string()),
            ("epoch", epoch.to_string()),
            ("program", program.to_owned()),
        ];
        // What of the plan cannot be read says nothing.
        let plan = self.run.plan().ok().flatten();
        let id = plan.map(|plan| plan.id).filter(|id| !id.is_empty());
        texts.extend(id.map(|id| ("run_id", id)));
        let commit = option_env!("WORKBENCH_COMMIT");
        texts.extend(commit.map(|commit| ("commit", commit.to_owned())));
        let texts = texts.into_iter();
        texts.map(|(name, text)| (name.to_owned(), text)).collect()
    }
}

fn failed(path: &Path, source: io::Error) -> ExportFailure {
    let path = path.to_owned();
    ExportFailure::Io { path, source }
}
