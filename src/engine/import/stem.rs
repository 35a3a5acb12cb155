//! The first layers of a network whose weights come from a file.
//!
//! `Auto` goes by the size of the images, and weights do not care for it: they
//! were trained with the one or the other. Shapes show which in ResNet; in all other
//! families the stems differ in strides alone.

use super::about::About;
use super::{ImportError, Note, Search};
use crate::engine::weights::WeightsError;
use crate::experiment::architecture::{self, Graph, LARGE_IMAGE};
use crate::experiment::model::{Model, Stem};
use crate::experiment::problem::Problem;

/// The model with its stem decided, and its layers.
///
/// # Errors
/// Both stems fit and nothing says which it is; or what is written is not what
/// the weights were trained with.
pub fn choose(
    search: &Search,
    model: &Model,
    size: (u32, u32),
    outputs: usize,
    about: &About,
    notes: &mut Vec<Note>,
) -> Result<(Model, Graph), ImportError> {
    let build = |stem: Stem| {
        let model = model.with_stem(stem);
        architecture::build(&model, size, outputs)
            .map(|graph| (model, graph))
            .map_err(|problem| problem.under(search.role.model))
    };
    let (Some(written), Some(known)) = (model.stem(), about.stem.as_ref()) else {
        return Ok(match model.stem() {
            Some(Stem::Auto) => by_shapes(search, model, size, outputs, build, notes)?,
            Some(stem) => build(stem)?,
            None => build(Stem::Standard)?,
        });
    };
    let by = known.by;
    let known = known.value;
    if written == Stem::Auto || written == known {
        return Ok(build(known)?);
    }
    let family = architecture::family(model);
    Err(Problem::new(
        format!("{}.{family}.stem", search.role.model),
        format!("{by} says that the weights were trained with stem: {known:?}"),
    )
    .help(format!("write stem: {known:?}"))
    .into())
}

/// The stem that the shapes in the file are those of.
fn by_shapes(
    search: &Search,
    model: &Model,
    size: (u32, u32),
    outputs: usize,
    build: impl Fn(Stem) -> Result<(Model, Graph), Problem>,
    notes: &mut Vec<Note>,
) -> Result<(Model, Graph), ImportError> {
    let auto = architecture::settled(model, size);
    let by_size = auto.stem().unwrap_or(Stem::Standard);
    let fits = |stem: Stem| {
        let Ok((_, graph)) = build(stem) else {
            return Ok(false);
        };
        match search.place(&graph, outputs) {
            Ok(_) => Ok(true),
            // Another number of outputs is another matter.
            Err(WeightsError::Mismatch { outputs, .. }) => Ok(outputs.is_some()),
            Err(error) => Err(search.role.refuse(error)),
        }
    };
    let chosen = match (fits(Stem::Standard)?, fits(Stem::Small)?) {
        (true, false) => Stem::Standard,
        (false, true) => Stem::Small,
        // What is wrong with it is reported where it is read.
        (false, false) => by_size,
        (true, true) if by_size == Stem::Standard => Stem::Standard,
        (true, true) => return Err(undecided(search, model, size)),
    };
    if chosen != by_size {
        notes.push(search.role.note(&format!(
            "the first layers are those of stem: {chosen:?}, by the shapes in its file; images \
             of {} × {} pixels alone would have those of stem: {by_size:?}",
            size.0, size.1
        )));
    }
    Ok(build(chosen)?)
}

fn undecided(search: &Search, model: &Model, (height, width): (u32, u32)) -> ImportError {
    Problem::new(
        format!("{}.{}.stem", search.role.model, architecture::family(model)),
        "the weights fit both stems, which differ only in stride, and stem: Auto cannot decide which they were trained with",
    )
    .help(format!(
        "write stem: Standard for weights of torchvision or timm, or stem: Small for weights \
         that were trained here on images under {LARGE_IMAGE} pixels (yours are {height} × {width})"
    ))
    .into()
}
