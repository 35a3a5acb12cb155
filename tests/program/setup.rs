//! What is printed for a shell, `man` and other programs.

use workbench::experiment::plan::Plan;

use crate::bench::{Bench, code, stderr};

fn printed(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_and_the_manual_know_every_argument() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&bench, &["--completions", shell]);
        for argument in ["resume", "without-adjustments-after", "junit"] {
            assert!(script.contains(argument), "{shell}: {argument}");
        }
    }
    let manual = printed(&bench, &["--man"]);
    assert!(manual.contains(".TH workbench") && manual.contains("without\\-adjustments\\-after"));
    assert_eq!(code(&bench.run(&["--man", "--run", "tiny.ron"])), 2);
}

#[test]
fn a_checked_experiment_is_json_for_other_programs() {
    let bench = Bench::new();
    let text = printed(&bench, &["--check", "tiny.ron", "--json"]);
    let page: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["images"]["Train"], 96);
    assert_eq!(page["classes"].as_array().unwrap().len(), 3);
    assert_eq!(page["steps_per_epoch"], 6);
    let knobs = page["plan"]["training"]["objective"]["knobs"]
        .as_array()
        .unwrap();
    assert!(knobs.iter().any(|knob| knob["name"] == "p2"), "{knobs:?}");
    let output = bench.run(&["--check", "tiny.ron", "--json", "--set", "batch=4096"]);
    assert_eq!(code(&output), 2);
    let page: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = page["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("larger than the 96 training images"),
        "{page}"
    );
    assert!(stderr(&output).contains("4096 is larger than the 96 training images"));
}

/// Each at its place, `--set` or the file.
#[test]
fn a_check_refuses_what_a_run_refuses_in_the_same_words() {
    let bench = Bench::new();
    for (set, place) in [
        ("precision=Bf16", "--set:1:11"),
        ("device=LibTorch(Cuda(99))", ""),
        ("batch=4096", "--set:1:7"),
        ("class_weights=Each([1.0, 2.0])", "--set:1:20"),
        ("student.freeze=[\"nowhere\"]", "--set:1:17"),
        ("gates=[AtLeast(\"test/recall/none\", 0.5)]", "--set:1:"),
        ("data.train=ImageFolder(\"absent\")", "--set:1:"),
    ] {
        let with = |mode| bench.run(&[mode, "tiny.ron", "--set", set]);
        let (checked, started) = (with("--check"), with("--run"));
        assert_eq!((code(&checked), code(&started)), (2, 2), "{set}");
        assert_eq!(stderr(&checked), stderr(&started), "{set}");
        assert!(stderr(&checked).contains(place), "{}", stderr(&checked));
    }
    assert!(bench.runs().is_empty());
    let device = ["--check", "tiny.ron", "--device", "cuda:99"];
    assert_eq!(code(&bench.run(&device)), 2);
    let other = ["--set", "device=LibTorch(Cuda(99))", "--device", "cpu"];
    let checked = bench.run(&[&["--check", "tiny.ron"], &other[..]].concat());
    assert_eq!(code(&checked), 0, "{}", stderr(&checked));
}

/// Two images are damaged, one from its header on and one at its end.
#[test]
fn a_check_says_what_its_numbers_assume_or_reads_the_images_and_has_the_runs_numbers() {
    let bench = Bench::new();
    for (class, count) in [
        ("photos/a", 34),
        ("photos/b", 34),
        ("test/a", 1),
        ("test/b", 1),
    ] {
        let folder = bench.path().join(class);
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            let image = image::RgbImage::from_fn(16, 16, |x, y| {
                image::Rgb([number * 7_u8, (x * 16) as u8, (y * 16) as u8])
            });
            image.save(folder.join(format!("{number:02}.png"))).unwrap();
        }
    }
    let [no_image, cut] =
        ["photos/a/00.png", "photos/b/33.png"].map(|name| bench.path().join(name));
    std::fs::write(no_image, "text").unwrap();
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let sets = [
        "data.train=ImageFolder(\"photos\")",
        "data.valid=Holdout(0.5)",
        "data.test=ImageFolder(\"test\")",
        "data.max_bad=0.1",
        "batch=17",
    ];
    let asked = |arguments: &[&'static str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        printed(
            &bench,
            &arguments.iter().copied().chain(sets).collect::<Vec<_>>(),
        )
    };
    let page = asked(&["--check", "tiny.ron"]);
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "34 train, 34 valid, 2 test, if all 70 files can be read",
        "2 per epoch,",
    ] {
        assert!(words.contains(part), "{part}: {page}");
    }
    let page = asked(&["--check", "tiny.ron", "--decode"]);
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "32 train, 34 valid",
        "1 per epoch,",
        "a/00.png",
        "b/33.png",
        // Only their content shows it.
        "also training images, such as",
    ] {
        assert!(words.contains(part), "{part}: {page}");
    }
    assert!(!words.contains("if all"), "{page}");
    let json = |arguments: &[&'static str]| {
        serde_json::from_str::<serde_json::Value>(&asked(arguments)).unwrap()
    };
    let listed = json(&["--check", "tiny.ron", "--json"]);
    assert_eq!(listed["assumed_readable"], 70);
    assert_eq!(listed["steps_per_epoch"], 2);
    let decoded = json(&["--check", "tiny.ron", "--json", "--decode"]);
    assert_eq!(decoded["assumed_readable"], 0);
    assert_eq!(decoded["steps_per_epoch"], 1);
    assert_eq!(decoded["unreadable"].as_array().unwrap().len(), 2);
    asked(&["--run", "tiny.ron"]);
    let plan = std::fs::read_to_string(bench.newest().join("plan.json")).unwrap();
    let run: serde_json::Value = serde_json::from_str(plan.split_once('\n').unwrap().1).unwrap();
    assert_eq!(run["resolved"]["steps_per_epoch"], 1);
    let plan = |json: &serde_json::Value| serde_json::from_value::<Plan>(json.clone()).unwrap();
    assert_eq!(plan(&run["resolved"]["plan"]), plan(&decoded["plan"]));
}
