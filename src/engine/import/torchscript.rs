//! Teachers that are TorchScript files: what the file decides, and the model that answers.

use burn::tensor::Device;

use super::about::About;
use super::{
    DataInput, ImportError, Note, TEACHER, matched, named_classes, other_engine, own_images,
    scores, value,
};
use crate::engine::device;
use crate::engine::torchscript::{ScriptAnswers, ScriptFile, TorchScriptModel};
use crate::experiment::plan::{ProgramFound, ProgramPart, TeacherFile};
use crate::experiment::spec::DeviceSpec;

/// Writes into a plan what a teacher's TorchScript file decides, where images are on
/// that device.
pub fn settle(
    file: &mut TeacherFile,
    data: &DataInput,
    device: DeviceSpec,
    notes: &mut Vec<Note>,
) -> Result<(), ImportError> {
    let part = file.program.clone().unwrap_or_default();
    let script = ScriptFile::open(file.path())?;
    let (about, remarks) = About::of_metadata(&script.metadata);
    notes.extend(TEACHER.warnings(&remarks));
    let size = file.size.or(value(about.size.as_ref()));
    let size = size.unwrap_or(data.size);
    let classes = named_classes(file, data, &about, notes)?;
    let answers = ScriptAnswers {
        output: part.output.clone(),
        ..ScriptAnswers::default()
    };
    let device = device::choose(device)?.device;
    let (model, facts) = TorchScriptModel::first(&script, answers, size, &device)?;
    notes.extend(facts.notes.iter().map(|note| TEACHER.note(note)));
    let scores = scores(part.scores, facts.probabilities, notes);
    matched(file, classes, facts.classes, data, notes)?;
    own_images(file, size, data, &about, notes);
    file.program = Some(ProgramPart {
        scores: Some(scores),
        found: Some(ProgramFound {
            engine: model.engine().to_owned(),
            parameters: facts.parameters,
            bytes: script.weights,
            batch: model.batch(),
            scores: Some(facts.classes),
            ..ProgramFound::default()
        }),
        ..part
    });
    Ok(())
}

/// The model of a settled plan.
pub fn read(file: &TeacherFile, device: &Device) -> Result<TorchScriptModel, ImportError> {
    let part = file.program.clone().unwrap_or_default();
    let taken = file.weights.taken.as_ref();
    let answers = ScriptAnswers {
        output: part.output,
        scores: part.scores,
        taken: taken.and_then(|taken| taken.outputs.clone()),
        batch: part.found.as_ref().and_then(|found| found.batch),
        classes: part.found.as_ref().and_then(|found| found.scores),
    };
    let model = TorchScriptModel::open(&ScriptFile::open(file.path())?, answers, device)?;
    match part.found {
        Some(found) if found.engine != model.engine() => {
            Err(other_engine(&found.engine, model.engine()))
        }
        _ => Ok(model),
    }
}
