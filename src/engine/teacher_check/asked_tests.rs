//! Teachers that are asked about images: what is suggested, written, is accepted.
//! They look at the mean colour of an image, so that nothing has to be trained.

use std::path::PathBuf;

use image::{Rgb, RgbImage};

use crate::engine::prepare::Prepared;
use crate::engine::weights::{Array, write};
use crate::experiment::load_text;

const CLASSES: [(&str, [u8; 3]); 4] = [
    ("ant", [20, 30, 200]),
    ("bee", [40, 180, 60]),
    ("cow", [220, 40, 30]),
    ("dog", [230, 240, 235]),
];
/// Of classes that the data does not have.
const OTHERS: [[u8; 3]; 2] = [[10, 10, 10], [250, 0, 250]];

/// A folder with images of four colours and the file of a teacher.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let colour = |class: usize| CLASSES[class].1;
        Self::with(8, |class, number, (x, y)| {
            let noise = (x * 7 + y * 13 + number * 29) % 24;
            colour(class).map(|value| value.saturating_add(noise as u8))
        })
    }

    /// Square images of this side: their class, number and place give a colour.
    fn with(side: u32, colour: impl Fn(usize, u32, (u32, u32)) -> [u8; 3]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (at, (class, _)) in CLASSES.into_iter().enumerate() {
            let folder = place.0.path().join("images").join(class);
            std::fs::create_dir_all(&folder).unwrap();
            for number in 0..32 {
                let pixel = |x, y| Rgb(colour(at, number, (x, y)));
                let image = RgbImage::from_fn(side, side, pixel);
                image.save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
        place
    }

    fn weights(&self) -> PathBuf {
        self.0.path().join("teacher.safetensors")
    }

    /// Writes a teacher of values in [0, 1] whose outputs are the nearest of these
    /// colours.
    fn teach(&self, outputs: &[[u8; 3]]) -> &Self {
        self.teach_up_to(1.0, outputs)
    }

    /// The same of values in [0, `most`].
    fn teach_up_to(&self, most: f32, outputs: &[[u8; 3]]) -> &Self {
        let centres = outputs
            .iter()
            .map(|colour| colour.map(|value| (f32::from(value) + 11.5) / 255.0 * most));
        let centres: Vec<[f32; 3]> = centres.collect();
        let squares = centres.iter().map(|centre| -> f32 {
            let squares = centre.iter().map(|value| value * value);
            -squares.sum::<f32>() / 2.0
        });
        self.write(centres.concat(), squares.collect())
    }

    fn write(&self, classifier: Vec<f32>, biases: Vec<f32>) -> &Self {
        let area = 64;
        let mean = |channel: usize| (0..3 * area).map(move |at| at / area == channel);
        let hidden = (0..3).flat_map(mean);
        let hidden = hidden.map(|own| if own { 1.0 / area as f32 } else { 0.0 });
        let count = biases.len();
        let arrays = [
            Array::floats("fc1.weight", vec![3, 3 * area], hidden.collect()),
            Array::floats("fc1.bias", vec![3], vec![0.0; 3]),
            Array::floats("fc2.weight", vec![count, 3], classifier),
            Array::floats("fc2.bias", vec![count], biases),
        ];
        write(&self.weights(), &arrays).unwrap();
        self
    }

    /// The note about the teacher, or why it is refused.
    fn asked(&self, more: &str) -> Result<Vec<String>, String> {
        self.asked_of("Mlp(hidden: [3])", more)
    }

    fn asked_of(&self, model: &str, more: &str) -> Result<Vec<String>, String> {
        let text = format!(
            "(
                data: (train: ImageFolder(\"images\"), valid: Holdout(0.5)),
                teacher: (
                    model: {model}, weights: File(\"teacher.safetensors\"),
                    normalize: Given(mean: (0, 0, 0), std: (1, 1, 1)), {more}
                ),
                student: (model: Mlp(hidden: [4])),
                method: Vanilla(),
                device: Cpu,
                batch: 8,
                epochs: 1,
            )"
        );
        let loaded = load_text(&text, &self.0.path().join("a.ron"), &[]);
        let plan = loaded.unwrap_or_else(|report| panic!("{report}")).plan;
        let prepared = Prepared::new(plan, &|_| ()).map_err(|error| error.to_string())?;
        let notes = prepared.notes.iter();
        Ok(notes.map(|note| note.message().to_owned()).collect())
    }
}

fn colours(classes: &[usize]) -> Vec<[u8; 3]> {
    classes.iter().map(|&class| CLASSES[class].1).collect()
}

/// The line that a refusal suggests.
fn remedy(error: &str) -> &str {
    let (_, line) = error.split_once("write in teacher: ").unwrap();
    line.split_once(", or trusted: true").unwrap().0
}

#[test]
fn names_that_are_wrong_are_refused_with_those_of_the_files_outputs() {
    let place = Place::new();
    place.teach(&colours(&[2, 0, 3, 1]));
    for wrong in [
        "",
        "classes: Names([\"dog\", \"bee\", \"ant\", \"cow\"])",
        "classes: Names([\"bee\", \"cow\", \"dog\", \"ant\"])",
    ] {
        let error = place.asked(wrong).unwrap_err();
        let line = remedy(&error);
        assert_eq!(line, "classes: Names([\"cow\", \"ant\", \"dog\", \"bee\"])");
        place.asked(line).unwrap();
    }
}

#[test]
fn outputs_of_other_classes_have_a_name_in_the_line_too() {
    let place = Place::new();
    let [fox, elk] = OTHERS;
    let known = colours(&[2, 0, 3, 1]);
    place.teach(&[known[0], fox, known[1], known[2], elk, known[3]]);
    let wrong = "classes: Names([\"ant\", \"fox\", \"bee\", \"cow\", \"elk\", \"dog\"])";
    let error = place.asked(wrong).unwrap_err();
    let line = remedy(&error);
    assert_eq!(
        line,
        "classes: Names([\"cow\", \"fox\", \"ant\", \"dog\", \"elk\", \"bee\"])"
    );
    place.asked(line).unwrap();
}

#[test]
fn a_teacher_whose_answers_are_not_finite_is_refused_even_if_it_is_trusted() {
    let place = Place::new();
    place.write(vec![f32::MAX; 12], vec![f32::MAX; 4]);
    for more in ["", "trusted: true"] {
        let error = place.asked(more).unwrap_err();
        assert!(error.starts_with("teacher.weights: "), "{error}");
        assert!(error.contains("teacher.safetensors: "), "{error}");
        assert!(
            error.contains("not finite (NaN or infinite) on 64 of 64"),
            "{error}"
        );
        assert!(!error.contains("trusted: true"), "{error}");
    }
}

#[test]
fn a_teacher_of_bgr_images_gets_the_order_of_colours_and_not_classes() {
    let place = Place::new();
    // Some order of the classes is as good: red and blue are classes here.
    let bgr = colours(&[0, 1, 2, 3])
        .into_iter()
        .map(|[r, g, b]| [b, g, r]);
    place.teach(&bgr.collect::<Vec<_>>());
    let error = place.asked("").unwrap_err();
    assert!(error.contains("it was trained on BGR images"), "{error}");
    let line = "write in teacher: channels: Bgr";
    assert!(error.contains(line), "{error}");
    assert!(!error.contains("Names("), "{error}");
    place.asked("channels: Bgr").unwrap();
}

#[test]
fn an_order_of_classes_that_explains_all_is_proposed_alone() {
    // On grey images with a few odd pixels nothing shows whether red and blue are
    // exchanged, or how the images are normalised.
    const GREYS: [u8; 4] = [20, 80, 150, 220];
    let place = Place::with(8, |class, number, (x, y)| {
        let noise = (x * 7 + y * 13 + number * 29) % 70;
        let odd = ((x * 31 + y * 17 + number * 5) % 40) as u8;
        let grey = GREYS[class].saturating_add(noise as u8);
        [grey.saturating_add(odd), grey, grey.saturating_sub(odd / 2)]
    });
    place.teach(&[2, 0, 3, 1].map(|class: usize| [GREYS[class].saturating_add(23); 3]));
    let error = place.asked("").unwrap_err();
    assert!(
        !error.contains("channels:") && !error.contains("normalize:"),
        "{error}"
    );
    let line = remedy(&error);
    assert_eq!(line, "classes: Names([\"cow\", \"ant\", \"dog\", \"bee\"])");
    let _ = place.asked(line);
}

#[test]
fn two_errors_at_once_are_reported_together() {
    let place = Place::new();
    place.teach_up_to(255.0, &colours(&[2, 0, 3, 1]));
    let error = place.asked("").unwrap_err();
    let both = "if its images were normalised differently, and its outputs stood for the classes in \
                another order";
    assert!(error.contains(both), "{error}");
    for line in [
        "write in teacher: normalize: Given(",
        "write in teacher: classes: Names([\"cow\", \"ant\", \"dog\", \"bee\"])",
    ] {
        assert!(error.contains(line), "{error}");
    }
}

#[test]
fn a_teacher_that_is_sure_of_what_is_wrong_is_reported() {
    let place = Place::new();
    // Two of four classes are right, and the others without doubt wrong.
    let mut centres = colours(&[0, 1]);
    centres.extend([[120, 0, 120], [0, 120, 0]]);
    place.teach_up_to(1.0, &centres);
    let calm = place.asked("trusted: true").unwrap().join("\n");
    assert!(!calm.contains("a uniform guess has"), "{calm}");
}

#[test]
fn a_teacher_of_larger_images_that_are_not_given_is_refused_with_their_size() {
    const SLOPES: [u32; 4] = [2, 4, 8, 14];
    const MODEL: &str = "Cnn(channels: [1])";
    // Ramps from left to right. The teacher measures their slope; on images that
    // are twice as large it is half as steep.
    let place = Place::with(16, |class, number, (x, _)| {
        [(x * SLOPES[class]) as u8, number as u8, 0]
    });
    let mut kernel = vec![0.0; 27];
    (kernel[3], kernel[5]) = (-0.5, 0.5);
    let slopes = SLOPES.map(|slope| slope as f32 / 255.0 / 2.0);
    let one = |name: &str, value| Array::floats(name, vec![1], vec![value]);
    let arrays = [
        Array::floats("features.0.weight", vec![1, 3, 3, 3], kernel),
        one("features.1.weight", 1.0),
        one("features.1.bias", 0.0),
        one("features.1.running_mean", 0.0),
        one("features.1.running_var", 1.0),
        Array::floats("classifier.weight", vec![4, 1], slopes.to_vec()),
        Array::floats(
            "classifier.bias",
            vec![4],
            slopes.iter().map(|slope| -slope * slope / 2.0).collect(),
        ),
    ];
    write(&place.weights(), &arrays).unwrap();
    let error = place.asked_of(MODEL, "").unwrap_err();
    assert!(
        error.contains("if its images had 32 × 32 pixels"),
        "{error}"
    );
    let line = remedy(&error);
    assert_eq!(line, "size: (32, 32)");
    place.asked_of(MODEL, line).unwrap();
}
