//! A teacher that is a TorchScript file: refused by name in a build without libtorch, and
//! otherwise from the check to the resume.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, code, stderr};
use crate::onnx::{DESCRIBED, place};

const EXPERIMENT: &str = "(
    device: LibTorch(Cpu),
    data: (train: ImageFolder(\"colours\"), valid: Holdout(0.25), workers: 2),
    teacher: (
        weights: TorchScript(\"teacher.pt\"),
        classes: Names([\"red\", \"green\", \"blue\"]),
        trusted: true,
    ),
    student: (model: Cnn(channels: [4, 8])),
    augment: [HorizontalFlip, Cutout(3)],
    method: AdaptiveAugmentation(p1: 0.1, p_max: 0.6, w: 0.8, temperature: 3.0),
    epochs: 3,
    batch: 16,
    log_every: 1,
)";

fn bench(file: &str) -> Bench {
    let bench = place(&DESCRIBED);
    fs::write(bench.path().join("colours.ron"), EXPERIMENT).unwrap();
    teach(&bench, file);
    bench
}

fn teach(bench: &Bench, file: &str) {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/torchscript");
    fs::copy(
        Path::new(fixtures).join(file),
        bench.path().join("teacher.pt"),
    )
    .unwrap();
}

#[test]
fn wrong_files_are_refused_by_name_in_every_build() {
    let bench = bench("state_dict.pt");
    let check = |expected: &str| {
        let output = bench.run(&["--check", "colours.ron"]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    check("holds weights without their architecture");
    teach(&bench, "exported.pt2");
    check("a program that torch.export saved");
    fs::write(bench.path().join("teacher.pt"), "<!DOCTYPE html>").unwrap();
    check("an HTML page");
    let output = bench.run(&["--check", "colours.ron", "--set", "teacher.engine=Rten"]);
    assert!(stderr(&output).contains("a TorchScript file is run by libtorch"));
}

#[cfg(not(feature = "libtorch"))]
#[test]
fn a_build_without_libtorch_says_how_to_get_one() {
    let bench = bench("scripted.pt");
    for device in ["device=Cpu", "device=LibTorch(Cpu)"] {
        let output = bench.run(&["--check", "colours.ron", "--set", device]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("run scripts/setup-libtorch"), "{text}");
    }
}

#[cfg(feature = "libtorch")]
mod with_libtorch {
    use super::{bench, teach};
    use crate::bench::{code, stderr, weights};
    use crate::onnx::{journal, resumed_and_replayed};

    #[test]
    fn a_program_teaches_and_what_ran_it_is_kept() {
        let bench = bench("scripted.pt");
        let output = bench.run(&["--check", "colours.ron"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let page = String::from_utf8(output.stdout).unwrap();
        for line in ["teacher.pt, 135 parameters", "libtorch 2.", "2, 1, 0"] {
            assert!(page.contains(line), "{line}: {page}");
        }
        for device in ["device=LibTorch(Cpu)", "device=Cpu"] {
            let output = bench.run(&["--run", "colours.ron", "--set", device]);
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            let text = stderr(&output);
            assert!(text.contains("saved in training mode"), "{text}");
            let run = bench.newest();
            assert!(journal(&run).contains(" TorchScript\""));
            let whole = weights(&run);
            // What was kept changes nothing.
            bench.forget_teachers();
            let output = bench.run(&["--run", "colours.ron", "--set", device]);
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            assert!(weights(&bench.newest()) == whole, "{device}");
        }
        let run = bench.newest();
        let output = bench.run(&["--bench", run.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let arguments = ["--infer", "colours", "--checkpoint", run.to_str().unwrap()];
        let output = bench.run(&[&arguments[..], &["--model", "teacher"]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }

    #[test]
    fn a_run_with_a_torchscript_teacher_resumes_and_replays_to_the_same_bits() {
        let bench = bench("traced.pt");
        let run = resumed_and_replayed(&bench);
        let name = run.to_str().unwrap();
        teach(&bench, "scripted.pt");
        let output = bench.run(&["--resume", name, "--add-epochs", "1", "--schedules", "hold"]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("is not the file that the run started with"));
    }

    #[test]
    fn a_program_with_another_number_of_scores_is_refused_before_there_is_a_run() {
        let bench = bench("scripted.pt");
        let four = "teacher.classes=Names([\"red\", \"green\", \"blue\", \"grey\"])";
        for mode in ["--check", "--run"] {
            let output = bench.run(&[mode, "colours.ron", "--set", four]);
            assert_eq!(code(&output), 2, "{mode}: {}", stderr(&output));
            let text = stderr(&output);
            let why = "there are 4 names, and the teacher has 3 outputs";
            assert!(text.contains(why), "{text}");
        }
        assert!(bench.runs().is_empty());
    }

    #[test]
    fn programs_that_answer_otherwise_each_time_or_in_company_are_refused() {
        for (file, expected) in [
            ("random.pt", "differ in every run"),
            ("company.pt", "depend on the others of its batch"),
            ("dict.pt", "say which are the logits"),
        ] {
            let bench = bench(file);
            let output = bench.run(&["--run", "colours.ron"]);
            assert_eq!(code(&output), 2, "{file}: {}", stderr(&output));
            assert!(
                stderr(&output).contains(expected),
                "{file}: {}",
                stderr(&output)
            );
        }
        let bench = bench("dict.pt");
        let output = ["--run", "colours.ron", "--set", "teacher.output=\"logits\""];
        let output = bench.run(&output);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
}
