//! The models and where their weights come from, for people.

use super::text::{Page, written};
use super::{data, objective, training_rows};
use crate::experiment::architecture;
use crate::experiment::model::Model;
use crate::experiment::plan::{
    Plan, ProgramPart, TeacherFile, TeacherPlan, TeacherSource, WeightsFile,
};
use crate::experiment::spec::{ChannelOrder, ClassNames, Head, Scores};
use crate::format::precise;
use crate::untrusted::Show as _;

/// The teacher, whose images have the data's `size` unless it says otherwise.
pub(super) fn teacher(teacher: &TeacherPlan, size: Option<(u32, u32)>, page: &mut Page) {
    page.heading("Teacher");
    match &teacher.weights {
        TeacherSource::File(file) => {
            if let Some(layout) = &teacher.model {
                model(layout, file.size.or(size), page);
            }
            let path = file.path().shown();
            page.row("weights", &format!("read from {path}"));
            teacher_file(file, page);
        }
        TeacherSource::Ensemble(members) => {
            let number = members.len();
            let text = format!("the weighted mean of the logits of {number} members");
            page.row("ensemble", &text);
            for (at, member) in teacher.members().iter().enumerate() {
                let (number, weight) = (at + 1, precise(member.weight));
                let path = member.file.path().shown();
                let text = format!("{weight} of the mean, read from {path}");
                page.row(&format!("member {number}"), &text);
                if let Some(layout) = member.model {
                    model(layout, member.file.size.or(size), page);
                }
                teacher_file(member.file, page);
            }
        }
        TeacherSource::Train(training) => {
            if let Some(layout) = &teacher.model {
                model(layout, size, page);
            }
            page.row("weights", "trained first on the same images, then kept");
            let p = training
                .objective
                .knobs
                .iter()
                .find(|knob| knob.name == "p1")
                .map_or(0.0, |knob| knob.schedule.at(0.0, 1.0));
            page.row("p1", &format!("{} (augmentation probability)", precise(p)));
            training_rows(training, (training.batch, 0), page);
            page.row("lr", &objective::schedule(&training.lr.schedule));
        }
    }
}

/// The student and how it is trained.
pub(super) fn student(plan: &Plan, page: &mut Page) {
    page.heading("Student");
    model(&plan.student, plan.data.size, page);
    match &plan.student_weights {
        Some(file) => {
            page.row("weights", &format!("from {}", file.path.shown()));
            arrays(file, page);
            match file.head {
                Head::Keep => outputs(file, page),
                Head::New => page.row("head", "new: the classifier starts at random"),
            }
        }
        None => page.row("weights", "random"),
    }
    let frozen = match plan.training.freeze.as_slice() {
        [] => "nothing".to_owned(),
        modules => modules.join(", "),
    };
    page.row("frozen", &frozen);
    let portions = plan.data.portions(plan.training.batch);
    let decay = match plan.training.layer_decay {
        1.0 => "none: one learning rate for all layers".to_owned(),
        decay => format!(
            "each block before the classifier has {} × the learning rate of the next",
            precise(decay)
        ),
    };
    page.row("layer decay", &decay);
    training_rows(&plan.training, portions, page);
}

/// A model as it is written, and the first layers that it has where they depend
/// on the images.
fn model(model: &Model, size: Option<(u32, u32)>, page: &mut Page) {
    page.row("model", &written(model));
    let settled = size.map(|size| architecture::settled(model, size));
    if let Some(settled) = settled.filter(|settled| settled != model)
        && let Some(stem) = settled.stem()
    {
        page.row("stem", &format!("{stem:?}, by the size of its images"));
    }
}

/// Which of a file's arrays are taken.
fn arrays(file: &WeightsFile, page: &mut Page) {
    let which = match (file.ema, &file.taken) {
        (Some(true), _) => "the moving average of the weights".to_owned(),
        (Some(false), _) => "the raw weights".to_owned(),
        (None, None) => "the moving average of the weights where the file has one".to_owned(),
        (None, Some(_)) => "all of the network's".to_owned(),
    };
    let place = match &file.taken {
        Some(taken) if taken.place.prefix.is_empty() => String::new(),
        Some(taken) => format!(", under `{}`", taken.place.prefix),
        None => String::new(),
    };
    page.row("arrays", &format!("{which}{place}"));
}

/// What of a file that holds its layout is taken, and what runs it.
fn program(program: &ProgramPart, page: &mut Page) {
    let output = program.output.as_deref().unwrap_or("the only one");
    let scores = match program.scores {
        Some(Scores::Logits) => "logits",
        Some(Scores::Probabilities) => "probabilities, of which the logarithm is taken",
        None => "probabilities if they come out of a softmax, else logits",
    };
    page.row("output", &format!("{output}: {scores}"));
    if let Some(found) = &program.found {
        page.row("engine", &found.engine);
    }
}

/// Which of the outputs are taken.
fn outputs(file: &WeightsFile, page: &mut Page) {
    if let Some(outputs) = file.taken.as_ref().and_then(|taken| taken.outputs.as_ref()) {
        let outputs: Vec<String> = outputs.iter().map(ToString::to_string).collect();
        page.row(
            "outputs",
            &format!("{}, in the order of the data's classes", outputs.join(", ")),
        );
    }
}

fn teacher_file(file: &TeacherFile, page: &mut Page) {
    match (&file.program, &file.kept) {
        (Some(program), _) => self::program(program, page),
        (None, Some(_)) => page.row("logits", "from the file, on images that no view changes"),
        (None, None) => arrays(&file.weights, page),
    }
    outputs(&file.weights, page);
    if file.channels == ChannelOrder::Bgr {
        page.row("channels", "blue, green, red");
    }
    match &file.classes {
        Some(ClassNames::Names(names)) => page.row("classes", &names.join(", ")),
        Some(ClassNames::File(path)) => {
            page.row("classes", &format!("named in {}", path.shown()));
        }
        None => page.row("classes", "as the file or model.json beside it says"),
    }
    if file.kept.is_none() {
        match &file.normalize {
            Some(normalize) => {
                let (mean, std) = normalize.values();
                let text = format!("mean {}, std {}", data::triple(&mean), data::triple(&std));
                page.row("normalize", &text);
            }
            None => page.row("normalize", "as model.json beside it says, or the data's"),
        }
        match file.size {
            Some((height, width)) => page.row("size", &format!("{height} × {width} pixels")),
            None => page.row("size", "as model.json beside it says, or the data's"),
        }
    }
    let trusted = if file.trusted {
        "trusted, whatever its validation accuracy"
    } else {
        "refused if its validation accuracy is no better than chance"
    };
    page.row("sanity check", trusted);
}
