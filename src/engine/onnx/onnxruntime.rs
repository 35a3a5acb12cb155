//! onnxruntime, where its library is there: the fastest engine, and the one that
//! gains from int8. Nothing is linked; the library is opened when it is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use etcetera::{BaseStrategy, choose_base_strategy};
use ort::environment::Environment;
use ort::ep::CUDA;
use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{OutputSelector, RunOptions, Session};
use ort::value::{PrimitiveTensorElementType, TensorRef};

use super::elf;
use crate::onnx::OnnxFile;
use crate::untrusted::contents::start_of;
use crate::untrusted::{Contents, Show as _, clean_line, open_regular};

/// The engine's name, before its version.
pub const NAME: &str = "onnxruntime";

/// Names the library elsewhere.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where `scripts/setup-onnxruntime` puts the library, below the user's folder for
/// caches.
const PLACE: &str = "workbench/onnxruntime/libonnxruntime.so";

/// Its setting for the folder of weights that lie beside a file.
const FOLDER_BESIDE: &str = "session.model_external_initializers_file_folder_path";

/// What to do about a file that is no library.
const REMEDY: &str = "name libonnxruntime.so, or unset ORT_DYLIB_PATH";

/// A library that was opened; once in a process.
struct Library {
    environment: Environment,
    version: String,
}

static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();

/// The file of the library, if there is one.
#[must_use]
pub fn library() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let place = choose_base_strategy().ok()?.cache_dir().join(PLACE);
    place.is_file().then_some(place)
}

fn opened() -> Result<&'static Library, String> {
    let library = LIBRARY.get_or_init(|| {
        let path = library().ok_or_else(|| {
            format!(
                "its library is not here; run scripts/setup-onnxruntime, or let {VARIABLE} name \
                 libonnxruntime.so"
            )
        })?;
        let is_named = std::env::var_os(VARIABLE).is_some_and(|path| !path.is_empty());
        let remedy = if is_named {
            REMEDY
        } else {
            "run scripts/setup-onnxruntime again"
        };
        let described = |error: String| {
            let line = format!("{}: {}", path.shown(), clean_line(&error));
            if error.contains(VARIABLE) {
                line
            } else {
                format!("{line}; {remedy}")
            }
        };
        must_be_a_library(&path).map_err(described)?;
        let environment = ort::init_from(&path)
            .map_err(|error| described(error.to_string()))?
            .with_telemetry(false)
            // What it says of a failure comes with the error, and is reported from there.
            .with_logger(Arc::new(|_, _, _, _, _| {}))
            .build()
            .map_err(|error| described(error.to_string()))?;
        Ok(Library {
            environment,
            version: version(&path),
        })
    });
    library.as_ref().map_err(Clone::clone)
}

/// Refuses what the loader would wait for or read as something else.
fn must_be_a_library(path: &Path) -> Result<(), String> {
    let read = || {
        let file = open_regular(path)?;
        Ok((start_of(&file)?, file.metadata()?.len()))
    };
    let (start, length) = read().map_err(|error: io::Error| error.to_string())?;
    if cfg!(not(target_os = "linux")) {
        return Ok(());
    }
    if start.starts_with(b"\x7fELF") {
        return elf::fault(&start, length).map_or(Ok(()), Err);
    }
    let text = Contents::of(&start).describe("library", REMEDY);
    Err(format!(
        "it is not a library but {}",
        text.unwrap_or_else(|| format!("something else; {REMEDY}"))
    ))
}

/// The version of the library: what its own name or that of the file that it links
/// to ends with.
fn version(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let version = name.split_once(".so.").map(|(_, version)| version);
    version.unwrap_or("of unknown version").to_owned()
}

/// A model with its input and its outputs.
pub struct OnnxRuntime {
    session: Mutex<Session>,
    input: String,
    outputs: Vec<String>,
}

impl OnnxRuntime {
    /// The engine, its version, and the GPU if it computes on one.
    ///
    /// # Errors
    /// Its library is not there or cannot be opened.
    pub fn name(gpu: Option<u32>) -> Result<String, String> {
        let version = &opened()?.version;
        let place = gpu.map_or_else(String::new, |gpu| format!(" on CUDA {gpu}"));
        Ok(format!("{NAME} {version}{place}"))
    }

    /// Makes a file ready, on a GPU or the processor.
    ///
    /// # Errors
    /// What the engine says; that it cannot compute on the GPU.
    pub fn open(
        file: OnnxFile,
        input: &str,
        outputs: &[&str],
        gpu: Option<u32>,
    ) -> Result<Self, String> {
        let session = session(file, gpu).map_err(|error| clean_line(&error).into_owned())?;
        Ok(Self {
            session: Mutex::new(session),
            input: input.to_owned(),
            outputs: outputs.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    /// The values of these outputs, by their places, for images of this shape.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run_for<T>(
        &self,
        images: &[T],
        shape: [usize; 4],
        outputs: &[usize],
    ) -> Result<Vec<Vec<f32>>, String>
    where
        T: PrimitiveTensorElementType + fmt::Debug + Clone + 'static,
    {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let names = outputs.iter().map(|&at| self.outputs[at].as_str());
        let names: Vec<&str> = names.collect();
        let mut run = || -> ort::Result<Vec<Vec<f32>>> {
            let images = TensorRef::from_array_view((shape, images))?;
            let inputs = ort::inputs![self.input.as_str() => images];
            let selected = names.iter();
            let selected = selected.fold(OutputSelector::no_default(), |all, name| all.with(*name));
            let options = RunOptions::new()?.with_outputs(selected);
            let found = session.run_with_options(inputs, &options)?;
            let values = names.iter().map(|name| {
                let (_, values) = found[*name].try_extract_tensor::<f32>()?;
                Ok(values.to_vec())
            });
            values.collect()
        };
        run().map_err(|error| clean_line(&error.to_string()).into_owned())
    }
}

fn session(file: OnnxFile, gpu: Option<u32>) -> Result<Session, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    // As many as everything else that computes here.
    let threads = rayon::current_num_threads();
    let mut builder = SessionBuilder::new(&opened()?.environment)
        .map_err(|error| text(&error))?
        .with_intra_threads(threads)
        .map_err(|error| text(&error))?
        // Threads that wait for work by turning would take the training's cores.
        .with_config_entry("session.intra_op.allow_spinning", "0")
        .map_err(|error| text(&error))?
        // It would keep a second buffer for all values, for every number of images.
        .with_memory_pattern(false)
        .map_err(|error| text(&error))?
        .with_log_level(LogLevel::Fatal)
        .map_err(|error| text(&error))?
        .with_deterministic_compute(true)
        .map_err(|error| text(&error))?;
    if let Some(gpu) = gpu {
        // Without this it would compute on the processor and say nothing.
        let provider = CUDA::default()
            .with_device_id(i32::try_from(gpu).unwrap_or(i32::MAX))
            .build()
            .error_on_failure();
        builder = builder
            .with_execution_providers([provider])
            .map_err(|error| {
                let error = error.to_string();
                let error = error.trim_end_matches('.');
                format!(
                    "it cannot compute on CUDA {gpu}: {error}; let {VARIABLE} name the library of \
                     onnxruntime's package for GPUs, or choose another engine"
                )
            })?;
    }
    if !file.beside().is_empty() {
        // Files beside it are found by its place.
        let folder = file.path().parent().and_then(Path::to_str);
        let folder = folder.ok_or("its folder has a name that is not UTF-8; move it")?;
        let folder = if folder.is_empty() { "." } else { folder };
        builder = builder
            .with_config_entry(FOLDER_BESIDE, folder)
            .map_err(|error| text(&error))?;
    }
    let session = builder.commit_from_memory(&file.into_bytes(&BTreeMap::new()));
    session.map_err(|error| text(&error))
}
