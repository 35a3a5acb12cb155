use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use burn::tensor::Device;
use serde_json::json;

use super::*;
use crate::engine::metadata::ModelMetadata;
use crate::engine::teacher_model::TeacherModel;
use crate::engine::weights::{Array, write};
use crate::experiment::load_text;
use crate::experiment::model::Stem;
use crate::experiment::spec::ChannelOrder;
use crate::untrusted::Show as _;

const MEAN: [f32; 3] = [0.5, 0.5, 0.5];
const STD: [f32; 3] = [0.25, 0.25, 0.25];
const SMALL: &str = "Mlp(hidden: [4])";

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A folder with a file of weights, and perhaps more.
struct Place(tempfile::TempDir);

impl Place {
    /// A file of weights of such a network, all zero but the classifier's: row
    /// by row its number.
    fn with(model: &Model, size: (u32, u32), outputs: usize) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let graph = architecture::build(model, size, outputs).unwrap();
        let classifier = graph.classifier().unwrap();
        let parameters = graph.parameters().into_iter().map(|parameter| {
            let length: usize = parameter.shape.iter().product();
            let width = length / parameter.shape[0];
            let values = if parameter.name.starts_with(classifier) {
                (0..length).map(|at| (at / width) as f32).collect()
            } else {
                vec![0.0; length]
            };
            Array::floats(parameter.name, parameter.shape, values)
        });
        let statistics = graph.statistics().into_iter().flat_map(|known| {
            ["running_mean", "running_var"].map(|part| {
                let name = format!("{}.{part}", known.name);
                Array::floats(name, vec![known.channels], vec![0.0; known.channels])
            })
        });
        let arrays: Vec<Array> = parameters.chain(statistics).collect();
        write(&place.weights(), &arrays).unwrap();
        place
    }

    fn weights(&self) -> PathBuf {
        self.0.path().join("w.safetensors")
    }

    /// Writes `model.json` beside the weights.
    fn described(self, model: &Model, classes: &[&str], size: (u32, u32), mean: [f32; 3]) -> Self {
        let text = json!({
            "name": "a model", "model": model, "classes": classes,
            "size": size, "mean": mean, "std": STD,
        });
        fs::write(self.0.path().join("model.json"), text.to_string()).unwrap();
        self
    }

    /// The plan with a teacher from the file, settled for images of 8×8 pixels.
    fn settled(
        &self,
        model: &str,
        more: &str,
        classes: &[&str],
    ) -> Result<(Plan, Vec<String>), String> {
        self.settled_of(&self.member(model, more), classes)
    }

    /// A teacher from the file, or a member of one.
    fn member(&self, model: &str, more: &str) -> String {
        format!(
            "(model: {model}, weights: File({:?}), {more})",
            self.weights()
        )
    }

    fn settled_of(&self, teacher: &str, classes: &[&str]) -> Result<(Plan, Vec<String>), String> {
        let text = format!(
            "(
                data: (train: Shapes(count: 80, size: 8)),
                teacher: {teacher},
                student: (model: Mlp(hidden: [4])),
                method: Vanilla(),
                epochs: 1,
            )"
        );
        let loaded = load_text(&text, &self.0.path().join("a.ron"), &[]);
        let mut plan = loaded.map_err(|report| report.to_string())?.plan;
        plan.data.size = Some((8, 8));
        plan.data.normalize = NormalizeSpec::Given {
            mean: MEAN,
            std: STD,
        };
        let (notes, _) = settle(&mut plan, &names(classes)).map_err(|error| {
            let folder = format!("{}/", self.0.path().shown());
            error.to_string().replace(&folder, "")
        })?;
        Ok((plan, lines(&notes)))
    }
}

/// What notes say, and which of them warn.
fn lines(notes: &[Note]) -> Vec<String> {
    let line = |note: &Note| match note {
        Note::Information(message) => message.clone(),
        Note::Warning(message) => format!("warning: {message}"),
    };
    notes.iter().map(line).collect()
}

impl Place {
    /// The plan with a student that starts from the file, settled likewise.
    fn student(&self, more: &str, classes: &[&str]) -> Result<(Plan, Vec<String>), String> {
        let text = format!(
            "(
                data: (train: Shapes(count: 80, size: 8)),
                student: (model: Mlp(hidden: [4]), weights: {:?}, {more}),
                method: Scratch(),
                epochs: 1,
            )",
            self.weights()
        );
        let origin = self.0.path().join("a.ron");
        let mut plan = load_text(&text, &origin, &[]).unwrap().plan;
        plan.data.size = Some((8, 8));
        plan.data.normalize = NormalizeSpec::Given {
            mean: MEAN,
            std: STD,
        };
        let settled = settle(&mut plan, &names(classes));
        let (notes, _) = settled.map_err(|error| error.to_string())?;
        Ok((plan, lines(&notes)))
    }
}

fn small(hidden: usize) -> Model {
    Model::Mlp {
        hidden: vec![hidden],
    }
}

fn teacher_of(plan: &Plan) -> (&Model, &TeacherFile) {
    let teacher = plan.teacher.as_ref().unwrap();
    let TeacherSource::File(file) = &teacher.weights else {
        panic!("the teacher is from a file");
    };
    (teacher.model.as_ref().unwrap(), file)
}

/// What a settled plan makes of the file.
fn read_again(model: &Model, file: &TeacherFile, classes: usize) -> Result<Teacher, ImportError> {
    let data = Frame {
        size: (8, 8),
        mean: MEAN,
        std: STD,
        channels: ChannelOrder::Rgb,
    };
    let graph = architecture::build(model, frame(file, &data).size, classes).unwrap();
    let device = Device::flex();
    let network = Network::new(graph, 0, &device);
    read_file(Some(network), file, &data, &device)
}

fn network(teacher: &Teacher) -> &Network {
    match teacher.model() {
        TeacherModel::Network(network) => network.network(),
        _ => panic!("the teacher has one of our layouts"),
    }
}

fn outputs(plan: &Plan) -> Option<Vec<usize>> {
    let (_, file) = teacher_of(plan);
    file.weights.taken.as_ref().unwrap().outputs.clone()
}

#[test]
fn weights_of_which_nothing_is_known_are_taken_as_they_are() {
    let place = Place::with(&small(4), (8, 8), 3);
    let (plan, notes) = place.settled(SMALL, "", &["a", "b", "c"]).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(outputs(&plan), None);
    let (_, file) = teacher_of(&plan);
    assert_eq!(file.size, Some((8, 8)));
    assert_eq!(file.normalize.unwrap().values(), (MEAN, STD));
}

#[test]
fn classes_are_matched_by_name_wherever_the_names_come_from() {
    let order = ["c", "x", "a", "b"];
    let expected = [
        "teacher: its outputs are in another order (`c`, `x`, `a`, `b`) and are put in the \
         data's, by name",
        "teacher: outputs for classes that the data does not have are left out: `x`",
    ];
    let place = Place::with(&small(4), (8, 8), 4);
    fs::write(place.0.path().join("names.txt"), "c\nx\r\na\nb\n\n").unwrap();
    fs::write(
        place.0.path().join("names.json"),
        "[\"c\", \"x\", \"a\", \"b\"]",
    )
    .unwrap();
    for classes in [
        "classes: Names([\"c\", \"x\", \"a\", \"b\"])",
        "classes: File(\"names.txt\")",
        "classes: File(\"names.json\")",
    ] {
        let (plan, notes) = place.settled(SMALL, classes, &["a", "b", "c"]).unwrap();
        assert_eq!(outputs(&plan), Some(vec![2, 3, 0]), "{classes}");
        assert_eq!(notes, expected);
    }
    let beside = place.described(&small(4), &order, (8, 8), MEAN);
    let (plan, notes) = beside.settled(SMALL, "", &["a", "b", "c"]).unwrap();
    assert_eq!(outputs(&plan), Some(vec![2, 3, 0]));
    assert_eq!(notes, expected);
}

#[test]
fn a_file_that_says_what_it_is_needs_nothing_beside_it() {
    let place = Place::with(&mobilenet(Stem::Auto), (8, 8), 2);
    let known = ModelMetadata {
        name: String::new(),
        model: mobilenet(Stem::Auto),
        classes: names(&["b", "a"]),
        size: (8, 8),
        mean: [0.1; 3],
        std: STD,
        trained: None,
    };
    let arrays = ArrayFile::open(&place.weights()).unwrap().arrays().unwrap();
    weights::write_described(&place.weights(), &arrays, &known.texts()).unwrap();
    let (plan, notes) = place
        .settled("MobileNetV2(width: 0.1)", "", &["a", "b"])
        .unwrap();
    assert_eq!(outputs(&plan), Some(vec![1, 0]));
    assert_eq!(teacher_of(&plan).0, &mobilenet(Stem::Small));
    assert_eq!(
        teacher_of(&plan).1.normalize.unwrap().values(),
        ([0.1; 3], STD)
    );
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn the_files_of_an_ensemble_are_settled_each_for_itself_and_named() {
    let [first, second] = [4, 5].map(|outputs| Place::with(&small(4), (8, 8), outputs));
    let named = "classes: Names([\"c\", \"x\", \"a\", \"b\"])";
    let settled = |more: &str| {
        let members = [first.member(SMALL, named), second.member(SMALL, more)];
        let teacher = format!("(weights: Ensemble([{}]))", members.join(", "));
        first.settled_of(&teacher, &["a", "b", "c"])
    };
    let (plan, notes) = settled("classes: Names([\"a\", \"b\", \"c\", \"d\", \"e\"])").unwrap();
    assert_eq!(
        notes,
        [
            "teacher, member 1 (w.safetensors): its outputs are in another order (`c`, `x`, `a`, \
             `b`) and are put in the data's, by name",
            "teacher, member 1 (w.safetensors): outputs for classes that the data does not have \
             are left out: `x`",
            "teacher, member 2 (w.safetensors): outputs for classes that the data does not have \
             are left out: `d`, `e`",
        ]
    );
    let teacher = plan.teacher.as_ref().unwrap();
    let taken = teacher.members().into_iter().map(|member| {
        let taken = member.file.weights.taken.as_ref().unwrap();
        taken.outputs.clone().unwrap()
    });
    assert_eq!(taken.collect::<Vec<_>>(), [[2, 3, 0], [0, 1, 2]]);
    let error = settled("").unwrap_err();
    let place = "teacher.weights.Ensemble[1].weights: the teacher has 5 outputs, and the data 3";
    assert!(error.starts_with(place), "{error}");
    let error = settled("classes: Names([\"a\", \"b\", \"x\", \"y\", \"z\"])").unwrap_err();
    let place = "teacher.weights.Ensemble[1].classes: these names lack";
    assert!(error.starts_with(place), "{error}");
    fs::write(second.weights(), "<!DOCTYPE html><title>Log in</title>").unwrap();
    let error = settled("").unwrap_err();
    let place = "teacher.weights.Ensemble[1].weights: ";
    assert!(
        error.starts_with(place) && error.contains("HTML"),
        "{error}"
    );
}

/// Weights that say of themselves what `change` makes of the description of a small
/// network.
fn stating(place: &Place, change: impl Fn(&mut ModelMetadata, &mut BTreeMap<String, String>)) {
    let mut known = ModelMetadata {
        name: String::new(),
        model: small(4),
        classes: names(&["b", "a"]),
        size: (8, 8),
        mean: [0.1; 3],
        std: STD,
        trained: None,
    };
    change(&mut known, &mut BTreeMap::new());
    let mut texts = known.texts();
    change(&mut known, &mut texts);
    let arrays = ArrayFile::open(&place.weights()).unwrap().arrays().unwrap();
    weights::write_described(&place.weights(), &arrays, &texts).unwrap();
}

#[test]
fn impossible_metadata_is_ignored_and_reported_in_a_file_too() {
    for (change, expected) in [
        (
            (|known, _| known.size = (8, 100_000))
                as fn(&mut ModelMetadata, &mut BTreeMap<String, String>),
            "warning: teacher: `size` in its file's metadata is ignored; it cannot be used: a size of \
             8 × 100000 is not between 4 and 4096 pixels",
        ),
        (
            |known, _| known.std[1] = 0.0,
            "warning: teacher: `std` in its file's metadata is ignored; it cannot be used: mean [0.1, \
             0.1, 0.1] and std [0.25, 0.0, 0.25] are no normalization: each std is at least \
             0.000001",
        ),
        (
            |_, texts| drop(texts.remove("std")),
            "warning: teacher: `mean` in its file's metadata is ignored; it cannot be used without `std`",
        ),
        (
            |known, _| known.model = small(5),
            "warning: teacher: `model` in its file's metadata is ignored; it cannot be used: it is \
             another model (MLP 5)",
        ),
        (
            |known, _| known.classes = names(&["a", "a"]),
            "warning: teacher: `classes` in its file's metadata is ignored; it cannot be used: the class \
             `a` is listed twice",
        ),
    ] {
        let place = Place::with(&small(4), (8, 8), 2);
        stating(&place, change);
        let (plan, notes) = place.settled(SMALL, "", &["a", "b"]).unwrap();
        assert_eq!(notes[0], expected);
        assert_eq!(teacher_of(&plan).1.size, Some((8, 8)));
    }
}

#[test]
fn a_file_and_what_lies_beside_it_are_taken_entry_by_entry_and_differences_reported() {
    let place = Place::with(&small(4), (8, 8), 2);
    let place = place.described(&small(4), &["b", "a"], (8, 8), [0.2; 3]);
    // Nothing but the classes stands in the file: the rest is in model.json.
    stating(&place, |_, texts| texts.retain(|name, _| name == "classes"));
    let (plan, notes) = place.settled(SMALL, "", &["a", "b"]).unwrap();
    assert_eq!(outputs(&plan), Some(vec![1, 0]));
    let normalize = |plan: &Plan| teacher_of(plan).1.normalize.unwrap().values();
    assert_eq!(normalize(&plan), ([0.2; 3], STD));
    assert_eq!(notes.len(), 2, "{notes:?}");

    stating(&place, |_, _| {});
    let (plan, notes) = place.settled(SMALL, "", &["a", "b"]).unwrap();
    assert_eq!(normalize(&plan), ([0.1; 3], STD));
    assert_eq!(
        notes[0],
        "warning: teacher: `mean and std` in its file's metadata is not that in model.json beside it; the \
         file's is taken"
    );

    stating(&place, |known, _| known.classes.reverse());
    let error = place.settled(SMALL, "", &["a", "b"]).unwrap_err();
    assert!(
        error.starts_with(
            "teacher.weights: the classes in the file's metadata are not those in model.json"
        ),
        "{error}"
    );
    let written = "classes: Names([\"a\", \"b\"])";
    assert!(place.settled(SMALL, written, &["a", "b"]).is_ok());
}

#[test]
fn a_description_that_is_there_and_cannot_be_read_is_reported() {
    let place = Place::with(&small(4), (8, 8), 2);
    let beside = place.0.path().join("model.json");
    std::os::unix::fs::symlink("nowhere", &beside).unwrap();
    let note = |place: &Place| place.settled(SMALL, "", &["a", "b"]).unwrap().1.join("\n");
    let expected = "warning: teacher: model.json beside its weights: ";
    assert!(note(&place).starts_with(expected), "{}", note(&place));
    fs::remove_file(&beside).unwrap();
    fs::create_dir(&beside).unwrap();
    assert!(note(&place).starts_with(expected), "{}", note(&place));
}

#[test]
fn the_rows_of_the_classifier_are_those_of_the_datas_classes() {
    let place = Place::with(&small(4), (8, 8), 4);
    let classes = "classes: Names([\"c\", \"x\", \"a\", \"b\"])";
    let (plan, _) = place.settled(SMALL, classes, &["a", "b", "c"]).unwrap();
    let (model, file) = teacher_of(&plan);
    let teacher = read_again(model, file, 3).unwrap();
    let network = network(&teacher);
    let arrays = weights::state(network).unwrap();
    let bias = arrays
        .iter()
        .find(|array| array.name == "fc2.bias")
        .unwrap();
    assert_eq!(bias.values, weights::Values::F32(vec![2.0, 3.0, 0.0]));
    assert_eq!(network.graph().classes, 3);
}

#[test]
fn a_class_without_an_output_is_an_error_that_names_it_and_who_says_so() {
    let place = Place::with(&small(4), (8, 8), 2);
    let beside = place.described(&small(4), &["a", "x"], (8, 8), MEAN);
    let error = beside.settled(SMALL, "", &["a", "b"]).unwrap_err();
    assert_eq!(
        error,
        "teacher.weights: model.json beside the weights lack classes of the data: `b` (if they \
         have other names there, write the data's names in the order of the teacher's outputs: \
         classes: Names([…]))"
    );
    let written = beside.settled(SMALL, "classes: Names([\"b\", \"y\"])", &["a", "b"]);
    let error = written.unwrap_err();
    assert!(
        error.starts_with("teacher.classes: these names lack"),
        "{error}"
    );
}

#[test]
fn more_outputs_than_classes_need_names_and_as_many_as_outputs() {
    let place = Place::with(&small(4), (8, 8), 5);
    let error = place.settled(SMALL, "", &["a", "b"]).unwrap_err();
    assert!(
        error.starts_with("teacher.weights: the teacher has 5 outputs, and the data 2 classes"),
        "{error}"
    );
    let few = place.settled(SMALL, "classes: Names([\"b\", \"a\", \"x\"])", &["a", "b"]);
    let error = few.unwrap_err();
    assert!(
        error.starts_with("teacher.classes: there are 3 names, and the teacher has 5 outputs"),
        "{error}"
    );
}

#[test]
fn the_experiment_counts_before_what_lies_beside_the_file_and_that_is_reported() {
    let place = Place::with(&small(4), (8, 8), 2);
    let place = place.described(&small(4), &["b", "a"], (8, 8), [0.1; 3]);
    let more = "classes: Names([\"a\", \"b\"]), normalize: ImageNet";
    let (plan, notes) = place.settled(SMALL, more, &["a", "b"]).unwrap();
    assert_eq!(outputs(&plan), None);
    let (_, file) = teacher_of(&plan);
    assert_eq!(file.normalize.unwrap().values().0, [0.485, 0.456, 0.406]);
    assert_eq!(
        notes,
        [
            "warning: teacher: `classes` is taken from the experiment; model.json beside the weights says \
             something else",
            "warning: teacher: `normalize` is taken from the experiment; model.json beside the weights \
             says something else",
            "teacher: views are normalised with its own mean (0.485, 0.456, 0.406) and std \
             (0.229, 0.224, 0.225)",
        ]
    );
}

#[test]
fn a_teacher_has_images_of_its_own_size_and_normalisation() {
    let place = Place::with(&small(4), (16, 12), 2);
    let (plan, notes) = place.settled(SMALL, "size: (16, 12)", &["a", "b"]).unwrap();
    assert_eq!(teacher_of(&plan).1.size, Some((16, 12)));
    assert_eq!(
        notes,
        ["teacher: views are resized for it from 8 × 8 to 16 × 12 pixels"]
    );
    let beside = place.described(&small(4), &["a", "b"], (16, 12), [0.1; 3]);
    let (plan, notes) = beside.settled(SMALL, "", &["a", "b"]).unwrap();
    assert_eq!(teacher_of(&plan).1.size, Some((16, 12)));
    assert_eq!(notes.len(), 2, "{notes:?}");
    // Nothing is derived again from a plan that is settled.
    fs::remove_file(beside.0.path().join("model.json")).unwrap();
    let (model, file) = teacher_of(&plan);
    let teacher = read_again(model, file, 2).unwrap();
    assert_eq!(network(&teacher).graph().size, (16, 12));
}

#[test]
fn a_description_of_another_model_or_no_description_is_ignored_and_reported() {
    let place = Place::with(&small(4), (8, 8), 2);
    let place = place.described(&small(5), &["b", "a"], (8, 8), MEAN);
    let (plan, notes) = place.settled(SMALL, "", &["a", "b"]).unwrap();
    assert_eq!(outputs(&plan), None);
    assert_eq!(
        notes,
        [
            "warning: teacher: model.json beside its weights is of another model (MLP 5) and is ignored"
        ]
    );
    fs::write(place.0.path().join("model.json"), "{}").unwrap();
    let (_, notes) = place.settled(SMALL, "", &["a", "b"]).unwrap();
    let [note] = notes.as_slice() else {
        panic!("{notes:?}");
    };
    assert!(note.contains("model.json beside its weights: "), "{note}");
}

#[test]
fn a_list_of_classes_that_is_none_is_an_error_with_its_place() {
    let place = Place::with(&small(4), (8, 8), 2);
    let at = |name: &str| place.0.path().join(name);
    fs::write(at("empty.txt"), "\n \n").unwrap();
    fs::write(at("twice.txt"), "a\nb\na\n").unwrap();
    fs::write(at("other.json"), "{\"a\": 1}").unwrap();
    for (file, expected) in [
        ("empty.txt", "it has no names"),
        ("twice.txt", "`a` is in it twice"),
        ("other.json", "it is not a JSON list of names"),
    ] {
        let error = place.settled(SMALL, &format!("classes: File({file:?})"), &["a", "b"]);
        let error = error.unwrap_err();
        assert!(error.starts_with("teacher.classes.File: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

fn mobilenet(stem: Stem) -> Model {
    Model::MobileNetV2 { width: 0.1, stem }
}

#[test]
fn a_stem_that_shapes_do_not_determine_is_required_and_never_guessed() {
    let place = Place::with(&mobilenet(Stem::Small), (8, 8), 2);
    let error = place
        .settled("MobileNetV2(width: 0.1)", "", &["a", "b"])
        .unwrap_err();
    assert!(
        error.starts_with("teacher.model.MobileNetV2.stem: the weights fit both stems"),
        "{error}"
    );
    for stem in [Stem::Standard, Stem::Small] {
        let model = format!("MobileNetV2(width: 0.1, stem: {stem:?})");
        let (plan, _) = place.settled(&model, "", &["a", "b"]).unwrap();
        assert_eq!(teacher_of(&plan).0, &mobilenet(stem));
    }
    // Large images have the standard stem, whose weights are everybody's.
    let large = "size: (64, 64)";
    let (plan, _) = place
        .settled("MobileNetV2(width: 0.1)", large, &["a", "b"])
        .unwrap();
    assert_eq!(teacher_of(&plan).0, &mobilenet(Stem::Standard));
}

#[test]
fn a_stem_that_model_json_names_is_taken_and_another_refused() {
    let place = Place::with(&mobilenet(Stem::Auto), (8, 8), 2);
    let place = place.described(&mobilenet(Stem::Auto), &["a", "b"], (8, 8), MEAN);
    let (plan, _) = place
        .settled("MobileNetV2(width: 0.1)", "", &["a", "b"])
        .unwrap();
    assert_eq!(teacher_of(&plan).0, &mobilenet(Stem::Small));
    let written = "MobileNetV2(width: 0.1, stem: Standard)";
    assert_eq!(
        place.settled(written, "", &["a", "b"]).unwrap_err(),
        "teacher.model.MobileNetV2.stem: model.json beside the weights says that the weights \
         were trained with stem: Small (write stem: Small)"
    );
}

#[test]
fn a_stem_that_shapes_determine_is_theirs() {
    let resnet = |stem| Model::ResNet { depth: 18, stem };
    let place = Place::with(&resnet(Stem::Standard), (8, 8), 2);
    let (plan, notes) = place.settled("ResNet(depth: 18)", "", &["a", "b"]).unwrap();
    assert_eq!(teacher_of(&plan).0, &resnet(Stem::Standard));
    let [note] = notes.as_slice() else {
        panic!("{notes:?}");
    };
    assert!(
        note.contains("those of stem: Standard, by the shapes in its file"),
        "{note}"
    );
}

#[test]
fn a_student_starts_with_its_outputs_in_the_datas_order_and_other_images_are_reported() {
    let place = Place::with(&small(4), (8, 8), 2);
    let place = place.described(&small(4), &["b", "a"], (8, 8), [0.1; 3]);
    let settled = |classes: &[&str]| {
        let (plan, notes) = place.student("", classes).unwrap();
        (plan.student_weights.unwrap().taken.unwrap(), notes)
    };
    let (taken, notes) = settled(&["a", "b"]);
    assert_eq!(taken.outputs, Some(vec![1, 0]));
    assert_eq!(
        notes,
        [
            "student: the outputs of its weights are in another order and are put in the data's, \
             by name",
            "warning: student: its weights were trained on images normalised in another way; to keep it: \
             data: (normalize: Given(mean: (0.1, 0.1, 0.1), std: (0.25, 0.25, 0.25)))",
        ]
    );
    let (taken, notes) = settled(&["x", "y"]);
    assert_eq!(taken.outputs, None);
    assert!(
        notes[0].contains("trained on other classes (`b`, `a`)"),
        "{notes:?}"
    );
}

#[test]
fn a_file_that_changed_under_a_settled_plan_is_an_error_and_no_panic() {
    let place = Place::with(&small(4), (8, 8), 4);
    let classes = "classes: Names([\"c\", \"x\", \"a\", \"b\"])";
    let (plan, _) = place.settled(SMALL, classes, &["a", "b", "c"]).unwrap();
    let other = Place::with(&small(4), (8, 8), 3);
    fs::copy(other.weights(), place.weights()).unwrap();
    let (model, file) = teacher_of(&plan);
    let error = read_again(model, file, 3).unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
}

#[test]
fn a_student_keeps_all_but_the_classifier_where_a_new_one_is_asked_for() {
    let place = Place::with(&small(4), (8, 8), 3);
    assert_eq!(
        place.student("", &["a", "b"]).unwrap_err(),
        "student.weights: the classifier in its file has 3 outputs, and the data 2 classes \
         (write head: New to keep the rest and start with a new classifier)"
    );
    let (plan, notes) = place.student("head: New", &["a", "b"]).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    let file = plan.student_weights.unwrap();
    assert_eq!(file.taken.as_ref().unwrap().outputs, Some(Vec::new()));
    let graph = architecture::build(&plan.student, (8, 8), 2).unwrap();
    let fresh = Network::new(graph, 5, &Device::flex());
    let network = read_student(fresh.clone(), &file).unwrap();
    let (fresh, found) = (
        weights::state(&fresh).unwrap(),
        weights::state(&network).unwrap(),
    );

    for (fresh, found) in fresh.iter().zip(&found) {
        if found.name.starts_with("fc2") {
            assert_eq!(found, fresh);
        } else {
            let zeros = vec![0.0; found.shape.iter().product()];
            assert_eq!(found.values, weights::Values::F32(zeros), "{}", found.name);
        }
    }
}
