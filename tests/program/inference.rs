//! Images without a screen: classified by a run's models, and gone bad in the
//! middle of a training.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use workbench::engine::{RunModels, probe_cell, probe_folder};
use workbench::event::inspection::{Answerer, Answering, Asked, MatrixCell, Weights};
use workbench::event::{Phase, Split};
use workbench::run::RunFolder;
use workbench::store::{RunStore, RunTail};

use crate::bench::{Bench, code, stderr};

fn save(path: &Path, shade: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(24, 24, |x, y| Rgb([shade, (x * 9) as u8, (y * 9) as u8]))
        .save(path)
        .unwrap();
}

#[test]
fn a_folder_is_classified_and_what_cannot_be_read_is_named() {
    let bench = Bench::new();
    let trained = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let photos = bench.path().join("photos");
    save(&photos.join("a.png"), 10);
    save(&photos.join("more/b.png"), 200);
    fs::write(photos.join("broken.png"), "no picture").unwrap();

    let output = bench.run(&["--infer", "photos", "--model", "both"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("broken.png"),
        "{}",
        stderr(&output)
    );
    let mut table = csv::Reader::from_reader(output.stdout.as_slice());
    let titles = table.headers().unwrap().clone();
    assert!(titles.iter().any(|title| title == "teacher"), "{titles:?}");
    let files: Vec<String> = table
        .records()
        .map(|row| row.unwrap()[0].to_owned())
        .collect();
    assert_eq!(files, ["a.png", "more/b.png"]);

    let output = bench.run(&["--infer", "photos", "--checkpoint", "tiny", "--json"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["student"]["confidence"].as_f64().unwrap() > 0.0);
    assert!(lines[0]["teacher"].is_null());
}

#[test]
fn what_cannot_be_classified_ends_with_2_and_says_why() {
    let bench = Bench::new();
    let refused = |arguments: &[&str], why: &str| {
        let output = bench.run(arguments);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    };
    refused(
        &["--infer", "photos"],
        "there are no runs: the folder checkpoints does not exist",
    );
    fs::create_dir(bench.path().join("checkpoints")).unwrap();
    let empty = "no run in checkpoints has weights yet";
    refused(&["--infer", "photos"], empty);
    let trained = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    refused(&["--infer", "absent"], "absent");
    refused(&["--infer", "tiny.ron"], "takes the folder");
    refused(&["--infer", "photos", "--checkpoint", "other"], "other");
    refused(&["--infer", "photos", "--run", "tiny.ron"], "--run");
}

/// A bench with a finished run and an image.
fn trained() -> Bench {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron", "--set", "epochs=2"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    save(&bench.path().join("photos/a.png"), 10);
    bench
}

/// What `--infer` answers about that image: exit code, output and messages.
fn asked(bench: &Bench, arguments: &[&str]) -> (i32, String, String) {
    // Another device computes other last digits, and the run's own is known from its
    // plan alone.
    let output = bench.run(&[&["--infer", "photos", "--device", "cpu"], arguments].concat());
    let answer = String::from_utf8_lossy(&output.stdout);
    // All but how long it took.
    let answer = answer.lines().map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        cells[..cells.len() - 1].join(",")
    });
    let answer = answer.collect::<Vec<_>>().join("\n");
    (code(&output), answer, stderr(&output))
}

#[test]
fn best_weights_answer_whatever_else_is_lost_or_damaged() {
    let bench = trained();
    let run = bench.newest();
    let name = run.file_name().unwrap().to_str().unwrap().to_owned();
    let path = run.to_str().unwrap().to_owned();
    let (exit, whole, errors) = asked(&bench, &[]);
    assert_eq!(exit, 0, "{errors}");
    assert!(!errors.contains("warning"), "{errors}");
    let answers = |wanted: &[&str], warning: &str| {
        let (exit, answer, errors) = asked(&bench, wanted);
        assert_eq!(exit, 0, "{errors}");
        assert_eq!(answer, whole);
        assert!(errors.contains(warning), "{warning}: {errors}");
    };
    let state = run.join("latest/state.json");
    let bytes = fs::read(&state).unwrap();
    fs::write(&state, vec![b'x'; bytes.len()]).unwrap();
    answers(&[], "state.json is damaged");
    fs::remove_file(&state).unwrap();
    answers(&[], "not known whether those in");
    fs::remove_dir_all(run.join("latest")).unwrap();
    answers(&[], "latest is missing");
    fs::remove_file(run.join("experiment.ron")).unwrap();
    for wanted in [
        &["--checkpoint", &path][..],
        &["--checkpoint", &name],
        &["--checkpoint", "tiny"],
        &[],
    ] {
        answers(wanted, "latest is missing");
    }
    for entry in fs::read_dir(&run).unwrap().map(Result::unwrap) {
        match entry.file_name().to_str() {
            Some("best") => {}
            _ if entry.path().is_dir() => fs::remove_dir_all(entry.path()).unwrap(),
            _ => fs::remove_file(entry.path()).unwrap(),
        }
    }
    answers(&["--checkpoint", &path], "latest is missing");
    answers(
        &["--checkpoint", &format!("{path}/best")],
        "images classified",
    );
    let bare = bench.path().join("bare");
    fs::create_dir(&bare).unwrap();
    for file in ["weights.safetensors", "model.json"] {
        fs::copy(run.join("best").join(file), bare.join(file)).unwrap();
    }
    answers(&["--checkpoint", "bare"], "bare has no manifest.json");
    let (exit, _, errors) = asked(&bench, &["--checkpoint", "bare", "--model", "both"]);
    assert_eq!(exit, 2, "{errors}");
    assert!(errors.contains("bare has no teacher"), "{errors}");
    fs::remove_file(bare.join("model.json")).unwrap();
    let bare = bare.to_str().unwrap();
    let (exit, _, errors) = asked(&bench, &["--checkpoint", bare]);
    assert_eq!((exit, errors.matches(bare).count()), (2, 2), "{errors}");
    assert!(
        errors.contains("nor weights.safetensors with model.json"),
        "{errors}"
    );
}

#[test]
fn weights_that_are_missing_damaged_or_never_were_are_three_answers() {
    let bench = trained();
    let run = bench.newest();
    let refused = |arguments: &[&str], why: &str| {
        let (exit, _, errors) = asked(&bench, arguments);
        assert_eq!(exit, 2, "{errors}");
        assert!(errors.contains(why), "{why}: {errors}");
    };
    let latest = ["--weights", "latest"];
    let weights = run.join("latest/weights.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, vec![0; bytes.len()]).unwrap();
    refused(&latest, "weights.safetensors is damaged");
    fs::remove_dir_all(run.join("latest")).unwrap();
    refused(
        &latest,
        "latest is missing: the journal records a checkpoint at step 12; restore it \
         from a copy, or use the best weights",
    );
    fs::remove_dir_all(run.join("best")).unwrap();
    for weights in ["latest", "best"] {
        refused(
            &["--weights", weights],
            "latest is missing: the journal records",
        );
    }
    // The teacher was trained here, and needs nothing but its folder.
    fs::write(run.join("plan.json"), "damaged").unwrap();
    let (exit, _, errors) = asked(&bench, &["--model", "teacher"]);
    assert_eq!(exit, 0, "{errors}");
    assert!(errors.contains("plan.json is damaged"), "{errors}");
    for name in ["journal.jsonl", "plan.json", "teacher"] {
        let path = run.join(name);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    let name = run.file_name().unwrap().to_str().unwrap();
    refused(&["--checkpoint", name], "has no student weights yet");
}

#[test]
fn an_image_that_goes_bad_in_the_middle_is_reported_and_training_continues() {
    let bench = Bench::new();
    save_classes(&bench, "images");
    // The header says that it is an image; the pixels end too soon.
    let torn = bench.path().join("images/cat/07.png");
    let bytes = fs::read(&torn).unwrap();
    fs::write(&torn, &bytes[..bytes.len() - 40]).unwrap();
    let output = bench.run(&[
        "--run",
        "tiny.ron",
        "--set",
        "data=(train: ImageFolder(\"images\"), valid: Holdout(0.2), size: (12, 12), memory_mb: 0, max_bad: 0.2)",
        "--set",
        "epochs=2",
        "--set",
        "batch=8",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let journal = fs::read_to_string(bench.newest().join("journal.jsonl")).unwrap();
    let warned = journal
        .lines()
        .filter(|line| line.contains("\"Warned\"") && line.contains("07.png"));
    assert_eq!(warned.count(), 1, "{journal}");
}

/// Images of two classes below a folder.
fn save_classes(bench: &Bench, folder: &str) {
    for (shade, class) in (0..).zip(["cat", "dog"]) {
        for number in 0..20 {
            let path = bench
                .path()
                .join(format!("{folder}/{class}/{number:02}.png"));
            save(&path, number * 10 + 3 * shade);
        }
    }
}

#[test]
fn images_that_are_streamed_give_what_images_in_memory_give() {
    let bench = Bench::new();
    save_classes(&bench, "images");
    save_classes(&bench, "tests");
    let evaluations = |memory: &str| {
        let data = format!(
            "data=(train: ImageFolder(\"images\"), valid: Holdout(0.2), \
             test: ImageFolder(\"tests\"), size: (12, 12), memory_mb: {memory})"
        );
        let output = bench.run(&[
            "--run", "tiny.ron", "--json", "--set", &data, "--set", "batch=8", "--set", "epochs=2",
        ]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        bench.forget_teachers();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.contains("\"in_memory\":false"), memory == "0");
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        events
            .filter_map(|event: serde_json::Value| {
                let mut evaluation = event.get("Evaluated")?.clone();
                evaluation.as_object_mut().unwrap().remove("seconds");
                Some(evaluation)
            })
            .collect::<Vec<_>>()
    };
    let streamed = evaluations("0");
    assert_eq!(streamed, evaluations("64"));
    // Two epochs of each training, then the test images with two weights; a
    // student's has its agreement with the teacher.
    let with_teacher = streamed.iter().filter(|each| !each["teacher"].is_null());
    assert_eq!((streamed.len(), with_teacher.count()), (6, 4));
}

/// Images in folders that are named like classes have labels.
#[test]
fn labelled_folders_are_scored() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for class in ["circle", "square"] {
        let folder = bench.path().join("photos").join(class);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..3_u8 {
            let image = image::RgbImage::from_pixel(12, 12, image::Rgb([80 * number, 40, 90]));
            image.save(folder.join(format!("{number}.png"))).unwrap();
        }
    }
    let output = bench.run(&["--infer", "photos", "--model", "both"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let csv = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(csv.starts_with("file,label,student,"), "{csv}");
    assert!(
        csv.lines()
            .any(|line| line.starts_with("circle/0.png,circle,"))
    );
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("student: top-1 ") && errors.contains("teacher: top-1 "),
        "{errors}"
    );
    assert!(errors.contains("of 6 labelled images"), "{errors}");
    assert!(errors.contains("precision"), "{errors}");
}

#[test]
fn every_cell_of_the_whole_set_opens_as_many_images_as_were_counted_in_it() {
    let bench = trained();
    let checkpoints = bench.path().join("checkpoints");
    let name = RunFolder::names(&checkpoints).unwrap().pop().unwrap();
    let run = RunFolder::at(checkpoints.join(name)).unwrap();
    let plan = run.plan().unwrap().unwrap();
    let mut store = RunStore::new();
    RunTail::new(&run).refresh(&mut store);
    let evaluations = store.evaluations_of(Phase::Student, Split::Valid);
    let evaluation = evaluations.last().unwrap();
    let teacher = evaluation.teacher.unwrap();
    assert!(evaluation.ece.is_some() && teacher.ece.is_some());
    let asked = Asked {
        answering: Answering::Both,
        weights: Weights::Latest,
    };
    let device = plan.resolved.plan.device;
    let models = RunModels::open(&run, Some(&plan), device, asked).unwrap();
    assert_eq!(models.trained.0, evaluation.step);
    for (label, row) in evaluation.confusion.iter().enumerate() {
        for (class, number) in row.iter().enumerate() {
            let cell = MatrixCell {
                rows: (Answerer::Label, label),
                columns: (Answerer::Student, class),
            };
            let (probe, all) = probe_cell(&models, &plan, cell).unwrap();
            assert_eq!(
                (probe.images.len(), all),
                (*number as usize, *number as usize)
            );
            let labels = probe.images.iter().map(|image| image.label);
            assert!(labels.into_iter().all(|known| known == Some(label as u32)));
            assert_eq!(probe.teacher.unwrap().len(), all);
        }
    }
    let both = (0..plan.data.classes.len()).map(|class| {
        let cell = MatrixCell {
            rows: (Answerer::Teacher, class),
            columns: (Answerer::Student, class),
        };
        probe_cell(&models, &plan, cell).unwrap().1
    });
    let agreement = both.sum::<usize>() as f64 / evaluation.images as f64;
    assert!((agreement - teacher.agreement).abs() < 1e-9);
}

#[test]
fn images_in_folders_that_are_named_like_classes_are_compared_with_their_labels() {
    let bench = trained();
    let checkpoints = bench.path().join("checkpoints");
    let name = RunFolder::names(&checkpoints).unwrap().pop().unwrap();
    let run = RunFolder::at(checkpoints.join(name)).unwrap();
    let plan = run.plan().unwrap().unwrap();
    let photos = bench.path().join("photos");
    save(&photos.join(&plan.data.classes[1]).join("b.png"), 90);
    let device = plan.resolved.plan.device;
    let models = RunModels::open(&run, Some(&plan), device, Asked::default()).unwrap();
    let (probe, _) = probe_folder(&models, &photos).unwrap();
    let labels = probe.images.iter().map(|image| image.label);
    let mut labels: Vec<Option<u32>> = labels.collect();
    labels.sort_unstable();
    assert_eq!(labels, [None, Some(1)]);
}
