//! A teacher whose answers were computed elsewhere and are found by the content of
//! the images.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::bench::{Bench, code, stderr, weights};

const COLOURS: [(&str, [u8; 3]); 2] = [("blue", [0, 0, 255]), ("red", [255, 0, 0])];

const EXPERIMENT: &str = "(
    device: Cpu,
    data: (train: ImageFolder(\"colours\"), valid: Holdout(0.25), workers: 2),
    teacher: (weights: Logits(\"answers.safetensors\")),
    student: (model: Cnn(channels: [4])),
    augment: [HorizontalFlip],
    method: Vanilla(p1: 0),
    epochs: 2,
    batch: 8,
    log_every: 1,
)";

/// Two folders of pictures, and answers for them: red, blue and a third class that
/// the data do not have.
fn place() -> Bench {
    let bench = Bench::new();
    let (mut hashes, mut logits) = (Vec::new(), Vec::new());
    for (class, colour) in COLOURS {
        let folder = bench.path().join("colours").join(class);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..20_u8 {
            let path = folder.join(format!("{number}.png"));
            let shade = |value: u8| value.saturating_sub(number * 3).max(number);
            RgbImage::from_pixel(8, 8, Rgb(colour.map(shade)))
                .save(&path)
                .unwrap();
            hashes.extend(blake3::hash(&fs::read(&path).unwrap()).as_bytes());
            let is_red = f32::from(u8::from(class == "red"));
            logits.extend([4.0 * is_red, 4.0 - 4.0 * is_red, -3.0]);
        }
    }
    write(bench.path(), &hashes, &logits);
    fs::write(bench.path().join("answers.ron"), EXPERIMENT).unwrap();
    bench
}

fn write(folder: &Path, hashes: &[u8], logits: &[f32]) {
    let count = hashes.len() / 32;
    let values: Vec<u8> = logits
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let images = TensorView::new(Dtype::U8, vec![count, 32], hashes).unwrap();
    let logits = TensorView::new(Dtype::F32, vec![count, logits.len() / count], &values).unwrap();
    let classes = r#"["red", "blue", "green"]"#.to_owned();
    let about = HashMap::from([("classes".to_owned(), classes)]);
    let bytes = safetensors::serialize([("images", images), ("logits", logits)], Some(about));
    fs::write(folder.join("answers.safetensors"), bytes.unwrap()).unwrap();
}

#[test]
fn answers_from_elsewhere_teach_and_are_matched_by_content_and_by_name() {
    let bench = place();
    let output = bench.run(&["--run", "answers.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for line in [
        "outputs for classes that the data does not have are left out: `green`",
        "for 40 images as they are",
        "teacher  valid top-1 100.0 %",
    ] {
        assert!(
            stderr(&output).contains(line),
            "{line}: {}",
            stderr(&output)
        );
    }
    let whole = weights(&bench.newest());
    // Names and places of the files are nothing to it, and the same answers teach the
    // same bits.
    let run = bench.newest();
    let output = bench.run(&[
        "--infer",
        "colours",
        "--checkpoint",
        run.to_str().unwrap(),
        "--model",
        "teacher",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("teacher: top-1 100.0 %"),
        "{}",
        stderr(&output)
    );
    let output = bench.run(&["--run", "answers.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) == whole);
}

#[test]
fn an_image_without_an_answer_is_named_and_views_that_change_are_refused() {
    let bench = place();
    let refused = |arguments: &[&str], reason: &str| {
        let arguments = [&["--run", "answers.ron"], arguments].concat();
        let output = bench.run(&arguments);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
        assert!(bench.runs().is_empty());
    };
    refused(
        &["--set", "method.p1=0.1"],
        "view 1, whose augmentation probability `p1` is not 0",
    );
    refused(
        &["--set", "method=AdaptiveAugmentation()"],
        "the teacher's logits are for images as they are",
    );
    refused(
        &["--set", "teacher.size=(9, 9)"],
        "it has no effect: the logits of the teacher are in a file",
    );
    let changed = bench.path().join("colours/red/7.png");
    RgbImage::from_pixel(8, 8, Rgb([200, 0, 0]))
        .save(&changed)
        .unwrap();
    refused(&[], "has no logits for 1 of the");
    let file = bench.path().join("answers.safetensors");
    let whole = fs::read(&file).unwrap();
    for cut in [0, 7, 40, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..cut]).unwrap();
        refused(&[], "answers.safetensors cannot be used");
    }
}

/// Answers for two sets, those for training images as `row` says: red, blue, green.
fn mixed(row: impl Fn(bool, u8) -> [f32; 3]) -> Bench {
    let bench = Bench::new();
    let (mut hashes, mut logits) = (Vec::new(), Vec::new());
    for (set, first) in [("colours", 0_u8), ("held", 40)] {
        for (class, colour) in COLOURS {
            let folder = bench.path().join(set).join(class);
            fs::create_dir_all(&folder).unwrap();
            for number in first..first + 20 {
                let path = folder.join(format!("{number}.png"));
                let shade = |value: u8| value.saturating_sub(number * 2).max(number);
                RgbImage::from_pixel(8, 8, Rgb(colour.map(shade)))
                    .save(&path)
                    .unwrap();
                hashes.extend(blake3::hash(&fs::read(&path).unwrap()).as_bytes());
                let is_red = class == "red";
                let right = [
                    f32::from(u8::from(is_red)),
                    f32::from(u8::from(!is_red)),
                    0.0,
                ];
                let is_training = set == "colours";
                logits.extend(if is_training {
                    row(is_red, number)
                } else {
                    right.map(|it| 4.0 * it)
                });
            }
        }
    }
    write(bench.path(), &hashes, &logits);
    let text = EXPERIMENT.replace("Holdout(0.25)", "Set(ImageFolder(\"held\"))");
    fs::write(bench.path().join("answers.ron"), text).unwrap();
    bench
}

#[test]
fn rows_of_other_images_no_numbers_and_probabilities_are_named_before_anything_is_trained() {
    let right = |is_red: bool| {
        if is_red {
            [4.0, 0.0, -1.0]
        } else {
            [0.0, 4.0, -1.0]
        }
    };
    let outcome = |bench: &Bench, arguments: &[&str]| {
        let output = bench.run(&[&["--run", "answers.ron"], arguments].concat());
        (
            code(&output),
            stderr(&output)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    let (found, text) = outcome(&mixed(|is_red, _| right(is_red)), &[]);
    assert_eq!(found, 0, "{text}");
    let bench = mixed(|is_red, number| right(is_red != (number % 2 == 0)));
    let (found, text) = outcome(&bench, &[]);
    assert_eq!(found, 2);
    assert!(
        text.contains("its rows for training images may belong to other images"),
        "{text}"
    );
    let (found, text) = outcome(&bench, &["--set", "teacher.trusted=true"]);
    assert_eq!(found, 0, "{text}");
    let bench = mixed(|is_red, number| {
        if number == 7 {
            [f32::NAN; 3]
        } else {
            right(is_red)
        }
    });
    let (found, text) = outcome(&bench, &[]);
    assert_eq!(found, 2);
    assert!(
        text.contains("not finite (NaN or infinite) for 2 of the 40 images"),
        "{text}"
    );
    assert!(text.contains("7.png"), "{text}");
    let (found, text) = outcome(
        &mixed(|_, _| [0.0; 3]),
        &["--set", "teacher.scores=Probabilities"],
    );
    assert_eq!(found, 2);
    assert!(
        text.contains("is not a probability") || text.contains("are not 1 in all"),
        "{text}"
    );
}

#[test]
fn a_probability_that_must_stay_0_cannot_be_changed_while_the_student_trains() {
    let bench = place();
    let output = bench.run(&["--run", "answers.ron", "--set", "epochs=1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    let arguments = [
        "--resume",
        run.to_str().unwrap(),
        "--add-epochs",
        "1",
        "--schedules",
        "hold",
    ];
    let output = bench.run(&[&arguments[..], &["--set", "p1=0.5"]].concat());
    assert_ne!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("p1"), "{}", stderr(&output));
}
