//! Teachers that are ONNX files: what the file decides, and the model that answers.

use super::about::{About, Sourced};
use super::{
    BYTES, DataInput, ImportError, Note, TEACHER, matched, named_classes, other_engine, own_images,
    scores, value,
};
use crate::engine::metadata;
use crate::engine::onnx::{Answers, CHUNK, OnnxModel, OnnxModelError};
use crate::experiment::architecture::Stage;
use crate::experiment::plan::{ProgramFound, ProgramMaps, ProgramPart, TeacherFile};
use crate::experiment::problem::Problem;
use crate::experiment::spec::{OnnxEngine, Scores};
use crate::onnx::{ImageInput, OnnxFile, OnnxMap};

/// Writes into a plan what a teacher's ONNX file decides, and returns its feature maps.
pub fn settle(
    file: &mut TeacherFile,
    data: &DataInput,
    notes: &mut Vec<Note>,
) -> Result<ProgramMaps, ImportError> {
    let part = file.program.clone().unwrap_or_default();
    let mut graph = open(file)?;
    let input = graph.image_input().map_err(OnnxModelError::from)?;
    let output = graph.score_output(part.output.as_deref());
    let output = output.map_err(OnnxModelError::from)?;
    let (mut about, remarks) = About::of_metadata(graph.metadata());
    notes.extend(TEACHER.warnings(&remarks));
    if let Some(value) = input.size {
        let by = "its input";
        if about
            .size
            .as_ref()
            .is_some_and(|stated| stated.value != value)
        {
            notes.push(TEACHER.warning(&format!(
                "`size` in its file's metadata is ignored; its input is of {} × {} pixels",
                value.0, value.1
            )));
        }
        about.size = Some(Sourced { value, by });
    }
    if input.takes_bytes {
        if file.normalize.is_some() {
            let problem = "its ONNX file takes bytes, and normalises them itself";
            return Err(Problem::new("teacher.normalize", problem)
                .on_name()
                .help("remove it")
                .into());
        }
        about.normalization = Some(Sourced {
            value: BYTES,
            by: "its input",
        });
    }
    let size = own_size(file, &input, &about, data)?;
    let classes = named_classes(file, data, &about, notes)?;
    let scores = scores(part.scores, output.probabilities, notes);
    let parameters = (graph.parameters(), graph.weight_bytes());
    graph.keep_only(&[&output.name]);
    let demand = graph.demand(&input, &output, size, CHUNK);
    let demand = demand.map_err(OnnxModelError::from)?;
    // How many classes it has is known before it runs.
    matched(file, classes, demand.scores, data, notes)?;
    let maps = graph.maps(&input, &output, size);
    let maps = program_maps(maps.map_err(OnnxModelError::from)?);
    let found_in_file = ProgramFound {
        engine: String::new(),
        parameters: parameters.0,
        bytes: parameters.1,
        macs: demand.macs,
        beside: graph.beside().values().cloned().collect(),
        batch: None,
        scores: None,
    };
    let model = OnnxModel::new(
        graph,
        Answers {
            output: output.name.clone(),
            scores,
            taken: None,
            maps: Vec::new(),
        },
        part.engine,
        size,
    )?;
    // One image shows whether it runs.
    answer_blank(&model, size, &[])?;
    own_images(file, size, data, &about, notes);
    let found = ProgramFound {
        engine: model.engine().to_owned(),
        ..found_in_file
    };
    file.program = Some(ProgramPart {
        output: Some(output.name),
        scores: Some(scores),
        found: Some(found),
        ..part
    });
    Ok(maps)
}

/// What a file answers on a blank image.
fn answer_blank(
    model: &OnnxModel,
    (height, width): (u32, u32),
    maps: &[usize],
) -> Result<(), OnnxModelError> {
    let (height, width) = (height as usize, width as usize);
    let blank = vec![0.0; 3 * height * width];
    model.forward(&blank, [1, height, width], maps).map(drop)
}

/// Sees that the file of a settled plan gives these feature maps.
pub fn check_maps(file: &TeacherFile, maps: &[String]) -> Result<(), ImportError> {
    let model = read(file)?;
    let places: Vec<usize> = (0..maps.len()).collect();
    Ok(answer_blank(
        &model,
        file.size.unwrap_or_default(),
        &places,
    )?)
}

/// The maps of a file as stages, by the names of their nodes where they have some.
fn program_maps(maps: Vec<OnnxMap>) -> ProgramMaps {
    let stage = |name: &str, shape: [usize; 3]| Stage {
        name: name.to_owned(),
        layers: 0,
        shape,
    };
    let mut found = ProgramMaps::default();
    for OnnxMap { value, node, shape } in maps {
        if let Some(node) = node.filter(|node| *node != value) {
            found.stages.push(stage(&node, shape));
            found.values.push(stage(&value, shape));
        } else {
            found.stages.push(stage(&value, shape));
        }
    }
    found
}

/// The model of a settled plan.
pub fn read(file: &TeacherFile) -> Result<OnnxModel, ImportError> {
    let graph = open(file)?;
    let part = file.program.clone().unwrap_or_default();
    let output = graph
        .score_output(part.output.as_deref())
        .map_err(OnnxModelError::from)?;
    let taken = file.weights.taken.as_ref();
    let before = part.found.as_ref().map(|found| found.engine.as_str());
    let engine = match (part.engine, before) {
        (OnnxEngine::Auto, Some(name)) if name.starts_with("rten") => OnnxEngine::Rten,
        (OnnxEngine::Auto, Some(_)) => OnnxEngine::OnnxRuntime,
        (wanted, _) => wanted,
    };
    let answers = Answers {
        output: output.name,
        scores: part.scores.unwrap_or(Scores::Logits),
        taken: taken.and_then(|taken| taken.outputs.clone()),
        maps: part.maps,
    };
    let size = file.size.unwrap_or_default();
    let model = OnnxModel::new(graph, answers, engine, size)?;
    match before {
        // rten is part of the program, as are the operations of our own layouts.
        Some(before) if engine != OnnxEngine::Rten && before != model.engine() => {
            Err(other_engine(before, model.engine()))
        }
        _ => Ok(model),
    }
}

fn open(file: &TeacherFile) -> Result<OnnxFile, ImportError> {
    Ok(OnnxFile::open(file.path()).map_err(OnnxModelError::from)?)
}

/// The size of the teacher's own images.
fn own_size(
    file: &TeacherFile,
    input: &ImageInput,
    about: &About,
    data: &DataInput,
) -> Result<(u32, u32), ImportError> {
    if let Some(size) = input.size {
        metadata::check_size(size).map_err(|reason| {
            Problem::new(
                "teacher.weights",
                format!("its input cannot be used: {reason}"),
            )
            .help("export it with an input of another size")
        })?;
    }
    if let (Some(written), Some((height, width))) = (file.size, input.size)
        && written != (height, width)
    {
        let problem = Problem::new(
            "teacher.size",
            format!("its ONNX file takes images of {height} × {width} pixels only"),
        );
        return Err(problem
            .help(format!("write ({height}, {width}), or remove it"))
            .into());
    }
    Ok(file
        .size
        .or(value(about.size.as_ref()))
        .unwrap_or(data.size))
}
