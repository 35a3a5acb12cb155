//! Teachers that are right only if they are read as they were trained. They look
//! at the mean colour of an image, so that nothing has to be trained.

use std::fmt::Write as _;
use std::path::PathBuf;

use image::{Rgb, RgbImage};

use super::*;
use crate::engine::weights::ArrayFile;
use crate::engine::weights::{Array, write};
use crate::experiment::load_text;

const CLASSES: [(&str, [u8; 3]); 4] = [
    ("blue", [20, 30, 200]),
    ("green", [40, 180, 60]),
    ("red", [220, 40, 30]),
    ("white", [230, 240, 235]),
];
const IMAGES: u32 = 32;

/// Values in [0, 1] as the teacher was trained on them.
#[derive(Clone, Copy)]
struct Seen {
    mean: [f32; 3],
    std: [f32; 3],
}

const IMAGENET: Seen = Seen {
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
};
const BYTES: Seen = Seen {
    mean: [0.0; 3],
    std: [1.0 / 255.0; 3],
};

/// Images of four colours, and the teacher's file.
struct Colours(tempfile::TempDir);

impl Colours {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (class, colour) in CLASSES {
            let place = folder.path().join("images").join(class);
            std::fs::create_dir_all(&place).unwrap();
            for number in 0..IMAGES {
                let image = RgbImage::from_fn(8, 8, |x, y| {
                    let noise = (x * 7 + y * 13 + number * 29) % 24;
                    Rgb(colour.map(|value| value.saturating_add(noise as u8)))
                });
                image.save(place.join(format!("{number}.png"))).unwrap();
            }
        }
        Self(folder)
    }

    fn weights(&self) -> PathBuf {
        self.0.path().join("teacher.safetensors")
    }

    /// Writes a teacher whose outputs stand for the classes of these numbers: the
    /// nearest of the colours.
    fn teach(&self, outputs: &[usize], seen: Seen, side: usize) -> &Self {
        let area = side * side;
        let channel = |c: usize, sign: f32| -> Vec<f32> {
            let pixels = 0..3 * area;
            pixels
                .map(|at| {
                    if at / area == c {
                        sign / area as f32
                    } else {
                        0.0
                    }
                })
                .collect()
        };
        let hidden: Vec<f32> = (0..3)
            .flat_map(|c| [channel(c, 1.0), channel(c, -1.0)].concat())
            .collect();
        let centres = outputs.iter().map(|&class| {
            let colour = CLASSES[class].1;
            [0, 1, 2].map(|c| {
                // The noise has a mean of 11.5.
                let value = (f32::from(colour[c]) + 11.5) / 255.0;
                (value - seen.mean[c]) / seen.std[c]
            })
        });
        let centres: Vec<[f32; 3]> = centres.collect();
        let rows = centres
            .iter()
            .flat_map(|centre| centre.iter().flat_map(|&v| [v, -v]));
        let biases = centres
            .iter()
            .map(|centre| -centre.iter().map(|v| v * v).sum::<f32>() / 2.0);
        let count = outputs.len();
        let arrays = [
            Array::floats("fc1.weight", vec![6, 3 * area], hidden),
            Array::floats("fc1.bias", vec![6], vec![0.0; 6]),
            Array::floats("fc2.weight", vec![count, 6], rows.collect()),
            Array::floats("fc2.bias", vec![count], biases.collect()),
        ];
        write(&self.weights(), &arrays).unwrap();
        self
    }

    fn plan(&self, teacher: &str) -> Plan {
        let file = "model: Mlp(hidden: [6]), weights: File(\"teacher.safetensors\")";
        self.plan_of(&format!("{file}, {teacher}"))
    }

    fn plan_of(&self, teacher: &str) -> Plan {
        let mut text = String::new();
        write!(
            text,
            "(
                data: (train: ImageFolder(\"images\"), valid: Holdout(0.5)),
                teacher: ({teacher}),
                student: (model: Mlp(hidden: [4])),
                method: Vanilla(),
                device: Cpu,
                batch: 8,
                epochs: 1,
            )"
        )
        .unwrap();
        let origin = self.0.path().join("a.ron");
        let loaded = load_text(&text, &origin, &[]);
        loaded.unwrap_or_else(|report| panic!("{report}")).plan
    }

    fn prepared(&self, teacher: &str) -> Result<Prepared, String> {
        Prepared::new(self.plan(teacher), &|_| ()).map_err(|error| error.to_string())
    }

    /// How often the teacher is right on the validation images.
    fn accuracy(&self, teacher: &str) -> f64 {
        let prepared = self.prepared(teacher).unwrap();
        let answers = prepared.teacher_answers().unwrap();
        let valid = &prepared.images.valid;
        let right = answers.labelled(valid).filter(|(_, logits, label)| {
            crate::event::inspection::metrics::argmax(logits) == *label
        });
        right.count() as f64 / valid.len() as f64
    }
}

/// The line that a refusal suggests.
fn remedy(error: &str) -> &str {
    let (_, line) = error.split_once("write in teacher: ").unwrap();
    line.split_once(", or trusted: true").unwrap().0
}

/// The normalisation that the images are measured to have.
fn measured(colours: &Colours) -> Seen {
    let images = colours.prepared("trusted: true").unwrap().images;
    Seen {
        mean: images.mean,
        std: images.std,
    }
}

#[test]
fn a_teacher_in_another_order_is_refused_with_the_line_that_makes_it_right() {
    let colours = Colours::new();
    colours.teach(&[0, 1, 2, 3], IMAGENET, 8);
    let seen = measured(&colours);
    colours.teach(&[2, 0, 3, 1], seen, 8);
    let error = colours.prepared("").err().unwrap();
    assert!(
        error.starts_with("teacher: it is right on 0.0 % of"),
        "{error}"
    );
    let line = remedy(&error);
    assert_eq!(
        line,
        "classes: Names([\"red\", \"blue\", \"white\", \"green\"])"
    );
    assert_eq!(colours.accuracy(line), 1.0);
}

#[test]
fn a_teacher_of_other_images_is_refused_with_the_line_that_makes_it_right() {
    let colours = Colours::new();
    colours.teach(&[0, 1, 2, 3], BYTES, 8);
    let seen = measured(&colours);
    let error = colours.prepared("").err().unwrap();
    let bytes = "normalize: Given(mean: (0, 0, 0), std: (0.003921569, 0.003921569, 0.003921569))";
    assert_eq!(remedy(&error), bytes, "{error}");
    assert_eq!(colours.accuracy(bytes), 1.0);

    colours.teach(&[0, 1, 2, 3], seen, 8);
    let error = colours.prepared(bytes).err().unwrap();
    let own = format!("normalize: {}", import::given(seen.mean, seen.std));
    assert_eq!(remedy(&error), own, "{error}");
    assert_eq!(colours.accuracy(&own), 1.0);
}

#[test]
fn a_teacher_of_larger_images_is_right_with_its_size() {
    let colours = Colours::new();
    colours.teach(&[0, 1, 2, 3], IMAGENET, 20);
    assert_eq!(colours.accuracy("size: (20, 20), normalize: ImageNet"), 1.0);
    let error = colours.prepared("normalize: ImageNet").err().unwrap();
    assert!(error.contains("does not fit"), "{error}");
}

#[test]
fn a_teacher_that_is_trusted_teaches_and_what_speaks_against_it_is_reported() {
    let colours = Colours::new();
    colours.teach(&[2, 0, 3, 1], IMAGENET, 8);
    let prepared = colours
        .prepared("normalize: ImageNet, trusted: true")
        .unwrap();
    let Some(Note::Warning(note)) = prepared.notes.last() else {
        panic!("{:?}", prepared.notes);
    };
    assert!(
        note.starts_with("the teacher is trusted, although it is right on 0.0 %"),
        "{note}"
    );
}

#[test]
fn a_teacher_of_noise_is_refused_without_a_guess() {
    let colours = Colours::new();
    // All outputs are the same colour's.
    colours.teach(&[1, 1, 1, 1], IMAGENET, 8);
    let error = colours.prepared("normalize: ImageNet").err().unwrap();
    assert!(error.contains("no better than chance (25.0 %)"), "{error}");
    assert!(error.contains("or trusted: true"), "{error}");
}

#[test]
fn a_teacher_that_answers_nothing_but_zeros_is_right_by_chance() {
    let colours = Colours::new();
    colours.teach(&[0, 1, 2, 3], IMAGENET, 8);
    let arrays = ArrayFile::open(&colours.weights())
        .unwrap()
        .arrays()
        .unwrap();
    let zeros: Vec<Array> = arrays
        .iter()
        .map(|array| {
            let length = array.shape.iter().product();
            Array::floats(array.name.clone(), array.shape.clone(), vec![0.0; length])
        })
        .collect();
    write(&colours.weights(), &zeros).unwrap();
    let error = colours.prepared("normalize: ImageNet").err().unwrap();
    assert!(error.contains("is right on 25.0 %"), "{error}");
    assert!(!error.contains("(0 in all)"), "{error}");
}

/// What a teacher that was read answers on the validation images.
fn logits(prepared: &Prepared) -> Vec<Vec<f32>> {
    let Some(PreparedTeacher::Read(teacher)) = prepared.teacher() else {
        panic!("the teacher is from a file");
    };
    let images = &prepared.images;
    let answers = Answers::of(teacher.as_ref(), &images.valid, images);
    answers.unwrap().logits
}

#[test]
fn a_run_that_starts_again_reads_its_teacher_as_it_did_and_no_other() {
    let colours = Colours::new();
    colours.teach(&[2, 0, 3, 1, 1], IMAGENET, 8);
    let names = "classes: Names([\"red\", \"blue\", \"white\", \"green\", \"other\"])";
    let prepared = colours
        .prepared(&format!("normalize: ImageNet, {names}"))
        .unwrap();
    let known = prepared.run_plan("");
    let again = Prepared::again(&known, false).unwrap();
    assert_eq!(logits(&prepared), logits(&again));
    colours.teach(&[2, 0, 3, 1, 0], IMAGENET, 8);
    let error = Prepared::again(&known, false).err().unwrap();
    assert!(
        matches!(error, PrepareError::OtherWeights { .. }),
        "{error}"
    );
    std::fs::write(
        colours.weights(),
        "version https://git-lfs.github.com/spec/v1\n",
    )
    .unwrap();
    let error = Prepared::again(&known, false).err().unwrap();
    assert!(
        matches!(error, PrepareError::OtherWeights { .. }),
        "{error}"
    );
    std::fs::remove_file(colours.weights()).unwrap();
    let error = Prepared::again(&known, false).err().unwrap().to_string();
    assert!(
        error.contains("is missing, and the run started with it; restore it"),
        "{error}"
    );
}

/// A member of an ensemble that sees images as `ImageNet`'s.
fn member(file: &str, more: &str) -> String {
    format!("(model: Mlp(hidden: [6]), weights: File({file:?}), normalize: ImageNet, {more})")
}

/// Two teachers of the same colours, whose outputs are in different orders: `first.safetensors`
/// in that of the data.
fn two_teachers() -> Colours {
    let colours = Colours::new();
    colours.teach(&[0, 1, 2, 3], IMAGENET, 8);
    let first = colours.0.path().join("first.safetensors");
    std::fs::rename(colours.weights(), first).unwrap();
    colours.teach(&[2, 0, 3, 1], IMAGENET, 8);
    colours
}

const ORDER: &str = "classes: Names([\"red\", \"blue\", \"white\", \"green\"])";

#[test]
fn each_member_of_an_ensemble_is_checked_for_the_mean_would_hide_it() {
    let colours = two_teachers();
    let first = member("first.safetensors", "share: 3");
    let ensemble = |second: &str| {
        let second = member("teacher.safetensors", second);
        let plan = colours.plan_of(&format!("weights: Ensemble([{first}, {second}])"));
        Prepared::new(plan, &|_| ())
    };
    let error = ensemble("").err().unwrap().to_string();
    let place = "teacher.weights.Ensemble[1]: it is right on 0.0 % of";
    assert!(error.starts_with(place), "{error}");
    let remedy = format!("write in the member: {ORDER}, or trusted: true");
    assert!(error.contains(&remedy), "{error}");
    let prepared = ensemble("trusted: true").unwrap();
    let Some(Note::Warning(note)) = prepared.notes.last() else {
        panic!("{:?}", prepared.notes);
    };
    let named = "teacher, member 2 (teacher.safetensors): the teacher is trusted, although it";
    assert!(note.starts_with(named), "{note}");
    let prepared = ensemble(ORDER).unwrap();
    let summary = &prepared.summaries()[0];
    assert_eq!(summary.name, "MLP 6 + MLP 6");
    let alone = colours.prepared(&format!("normalize: ImageNet, {ORDER}"));
    assert_eq!(
        summary.parameters,
        2 * alone.unwrap().summaries()[0].parameters
    );
}

#[test]
fn an_ensemble_answers_the_mean_of_its_members_and_no_other_file_stands_in_for_one() {
    let colours = two_teachers();
    // One that takes green for another white.
    colours.teach(&[2, 0, 3, 3], IMAGENET, 8);
    let (first, second) = ("first.safetensors", "teacher.safetensors");
    let more = format!("{ORDER}, trusted: true");
    let alone = |file: &str, more: &str| {
        let teacher = member(file, more);
        let plan = colours.plan_of(&teacher[1..teacher.len() - 1]);
        logits(&Prepared::new(plan, &|_| ()).unwrap())
    };
    let plan = colours.plan_of(&format!(
        "weights: Ensemble([{}, {}])",
        member(first, "share: 3"),
        member(second, &more)
    ));
    let prepared = Prepared::new(plan, &|_| ()).unwrap();
    let (first, second) = (alone(first, ""), alone(second, &more));
    let expected: Vec<Vec<f32>> = first
        .iter()
        .zip(&second)
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| 0.75 * a + 0.25 * b).collect())
        .collect();
    assert_ne!(first, second);
    assert_eq!(logits(&prepared), expected);
    assert_eq!(prepared.teacher_answers().unwrap().logits, expected);
    let known = prepared.run_plan("");
    assert_eq!(known.weights.len(), 2);
    assert_eq!(logits(&Prepared::again(&known, false).unwrap()), expected);
    let path = colours.0.path().join("first.safetensors");
    std::fs::copy(colours.weights(), &path).unwrap();
    let error = Prepared::again(&known, true).err().unwrap().to_string();
    let other = "first.safetensors is not the file that the run started with";
    assert!(error.contains(other), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = Prepared::again(&known, true).err().unwrap().to_string();
    let missing = "first.safetensors is missing, and the run started with it";
    assert!(error.contains(missing), "{error}");
}

#[test]
fn weights_that_are_none_are_refused_with_their_place_in_the_experiment() {
    let colours = Colours::new();
    std::fs::write(colours.weights(), "<!DOCTYPE html><title>Log in</title>").unwrap();
    let error = colours.prepared("").err().unwrap();
    assert!(error.starts_with("teacher.weights: "), "{error}");
    assert!(error.contains("it is an HTML page"), "{error}");
}

#[test]
fn images_that_became_unusable_are_named_where_there_are_fewer_than_before() {
    let colours = Colours::new();
    colours.teach(&[0, 1, 2, 3], IMAGENET, 8);
    let known = colours
        .prepared("normalize: ImageNet")
        .unwrap()
        .run_plan("");
    let path = colours.0.path().join("images/red/7.png");
    let whole = std::fs::read(&path).unwrap();
    let again = || Prepared::again(&known, false).err().unwrap().to_string();
    std::fs::write(&path, &whole[..20]).unwrap();
    let named = format!("{} is cut off", path.shown());
    assert!(again().contains(&named), "{}", again());
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let named = format!("{} does not exist", path.shown());
    assert!(again().contains(&named), "{}", again());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let named = format!("{} is a folder", path.shown());
    assert!(again().contains(&named), "{}", again());
    std::fs::remove_dir(&path).unwrap();
    crate::untrusted::testing::make_pipe(&path);
    let named = format!("{} is not a regular file", path.shown());
    assert!(again().contains(&named), "{}", again());
}
