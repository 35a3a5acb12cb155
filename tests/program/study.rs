//! Studies: killed and resumed, changed, and with a variant that fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::bench::{Bench, code, start_up, stderr, weights};
use crate::exit_codes::signal;

/// Two variants, of one view and of two, with two seeds.
pub const STUDY: &str = "Study(
    base: \"tiny.ron\",
    variants: [
        (name: \"adaptive\"),
        (name: \"vanilla\", set: [\"method=Vanilla(temperature: 3.0)\"]),
    ],
    seeds: [1, 2],
    budget: StudentPasses(4),
    baseline: \"vanilla\",
)";

pub fn bench(text: &str) -> Bench {
    let bench = Bench::new();
    fs::write(bench.path().join("small.ron"), text).unwrap();
    bench
}

pub fn table(bench: &Bench) -> Value {
    let output = bench.run(&["--study", "small.ron", "--table", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The run of every cell, by its variant and seed.
pub fn cells(table: &Value, bench: &Bench) -> BTreeMap<(String, u64), PathBuf> {
    let mut cells = BTreeMap::new();
    for variant in table["variants"].as_array().unwrap() {
        for run in variant["runs"].as_array().unwrap() {
            let name = variant["variant"].as_str().unwrap().to_owned();
            let folder = bench.path().join("checkpoints");
            let folder = folder.join(run["run"].as_str().unwrap());
            cells.insert((name, run["seed"].as_u64().unwrap()), folder);
        }
    }
    cells
}

/// A table without what differs between two times of doing the same.
pub fn without_times(mut table: Value) -> Value {
    strip(&mut table);
    table
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["seconds", "seconds_std", "run"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[test]
#[cfg(unix)]
fn a_study_that_is_killed_and_resumed_comes_to_the_same_table_and_bits() {
    let undisturbed = bench(STUDY);
    let output = undisturbed.run(&["--study", "small.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        output
            .stdout
            .starts_with(b"small: 4 student passes, seeds 1, 2\n")
    );
    let whole = table(&undisturbed);

    let killed = bench(STUDY);
    // Anywhere: nothing that is tested depends on where.
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let lived = Duration::from_millis(100 + u64::from(since.subsec_millis()) * 2);
    let mut child = killed.start(&["--study", "small.ron"]);
    std::thread::sleep(start_up() + lived);
    signal(child.id(), "KILL");
    child.wait().unwrap();
    let started: Vec<PathBuf> = killed.runs();
    // Once more, and politely.
    let mut child = killed.start(&["--study", "small.ron"]);
    std::thread::sleep(start_up() + lived / 2);
    signal(child.id(), "TERM");
    let stopped = child.wait().unwrap().code();
    assert!(matches!(stopped, Some(0 | 130)), "{stopped:?}");
    let output = killed.run(&["--study", "small.ron"]);
    assert_eq!(code(&output), 0, "{lived:?}: {}", stderr(&output));
    assert_eq!(killed.runs().len(), 4, "{lived:?}: a run was repeated");
    assert!(started.iter().all(|run| killed.runs().contains(run)));

    let resumed = table(&killed);
    let [first, second] = [cells(&whole, &undisturbed), cells(&resumed, &killed)];
    assert_eq!(first.len(), 4);
    for (cell, run) in &first {
        assert!(
            weights(run) == weights(&second[cell]),
            "{lived:?}: {cell:?}"
        );
    }
    assert_eq!(without_times(whole.clone()), without_times(resumed));
    // Nothing is left: nothing is trained again.
    let output = killed.run(&["--study", "small.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        !stderr(&output).contains("run 1 of 4"),
        "{}",
        stderr(&output)
    );
    the_table_is_that_of_the_runs(&undisturbed, &whole, &first);
    its_report_has_the_table_the_picture_and_the_runs(&undisturbed, &first);
}

fn its_report_has_the_table_the_picture_and_the_runs(
    bench: &Bench,
    cells: &BTreeMap<(String, u64), PathBuf>,
) {
    let output = bench.run(&["--report", "small.ron", "--out", "small.html"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = fs::read_to_string(bench.path().join("small.html")).unwrap();
    // In the browser as on a terminal.
    let text = bench.run(&["--study", "small.ron", "--table"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(page.contains("<h1>small</h1>"), "{page}");
    assert!(page.contains("aria-label=\"Variants\""), "{page}");
    assert!(
        page.contains("<img src=\"data:image/svg+xml;base64,"),
        "{page}"
    );
    let is_result = |line: &&str| line.contains('±') && !line.starts_with("mean ±");
    for line in text.lines().filter(is_result) {
        assert!(page.contains(line), "{line}");
        let result = line
            .split("  ")
            .map(str::trim)
            .find(|cell| cell.contains('±'));
        assert!(
            page.contains(&format!(">{}</td>", result.unwrap())),
            "{line}"
        );
    }
    for run in cells.values() {
        let name = run.file_name().unwrap().to_str().unwrap();
        assert!(page.contains(&format!("<h2>{name}</h2>")), "{name}");
    }
    // Nothing of a run that does not count is in it, and no other file is taken for a study.
    assert_eq!(page.matches("<section id=\"run-").count(), 4);
    let output = bench.run(&["--report", "tiny.ron", "--out", "tiny.html"]);
    assert_eq!(code(&output), 2);
}

/// Every number of the table is made again from what the runs say of themselves.
fn the_table_is_that_of_the_runs(
    bench: &Bench,
    table: &Value,
    cells: &BTreeMap<(String, u64), PathBuf>,
) {
    let shown = |variant: &str, seed: u64| -> Value {
        let run = &cells[&(variant.to_owned(), seed)];
        let output = bench.run(&["--show", run.to_str().unwrap(), "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let close = |value: &Value, expected: f64| {
        let value = value.as_f64().unwrap();
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    };
    for metric in ["valid/top1@best", "valid/top1@last", "test/top1@best"] {
        let of = |variant: &str| {
            [1, 2].map(|seed| shown(variant, seed)["metrics"][metric].as_f64().unwrap())
        };
        let [adaptive, vanilla] = [of("adaptive"), of("vanilla")];
        for (at, [a, b]) in [adaptive, vanilla].into_iter().enumerate() {
            let row = &table["variants"][at]["metrics"][metric];
            close(&row["mean"], f64::midpoint(a, b));
            close(&row["std"], (a - b).abs() / 2.0_f64.sqrt());
        }
        let pairs = [adaptive[0] - vanilla[0], adaptive[1] - vanilla[1]];
        let difference = &table["variants"][0]["metrics"][metric]["difference"];
        close(&difference["mean"], f64::midpoint(pairs[0], pairs[1]));
        let extent = (pairs[0].min(pairs[1]), pairs[0].max(pairs[1]));
        if metric.starts_with("test") {
            // Images are drawn besides.
            assert_eq!(difference["resampled"], "seeds and images");
            let [low, high] = ["low", "high"].map(|end| difference[end].as_f64().unwrap());
            let mean = f64::midpoint(pairs[0], pairs[1]);
            assert!(low < mean && mean < high, "{difference}");
            assert!(low <= extent.0 && high >= extent.1, "{difference}");
        } else {
            assert_eq!(difference["resampled"], "seeds");
            close(&difference["low"], extent.0);
            close(&difference["high"], extent.1);
        }
        let baseline = &table["variants"][1]["metrics"][metric];
        assert!(baseline["difference"].is_null());
    }
    for (variant, epochs) in [("adaptive", 2), ("vanilla", 4)] {
        let run = shown(variant, 1);
        assert_eq!(run["configuration"]["epochs"], epochs, "{variant}");
        assert_eq!(run["study"]["variant"], variant);
    }
    for row in table["variants"].as_array().unwrap() {
        assert_eq!(row["passes"], 4.0);
    }
    let listed = bench.run(&["--runs", "study=vanilla", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    // Both seeds have a teacher, and both variants the same.
    let teachers = fs::read_dir(bench.path().join("checkpoints/.teachers")).unwrap();
    let teachers = teachers.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(teachers.count(), 2);
}

#[test]
fn runs_of_a_study_that_was_changed_are_named_and_trained_anew() {
    let bench = bench(&STUDY.replace("[1, 2]", "[1]"));
    let output = bench.run(&["--study", "small.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("(1 seed: no spread)"), "{text}");
    assert!(!text.contains("± 0"), "{text}");
    let changed = STUDY.replace("[1, 2]", "[1]").replace("3.0", "2.0");
    fs::write(bench.path().join("small.ron"), changed).unwrap();
    let listed = bench.run(&["--study", "small.ron", "--dry-run", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let states = listed["cells"].as_array().unwrap().iter();
    let states: Vec<&str> = states.map(|cell| cell["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["missing", "done"]);
    assert!(listed["seconds_left"].is_number());
    let unused = listed["unused"][0]["run"].as_str().unwrap().to_owned();
    assert!(unused.contains("small-vanilla-s1"), "{unused}");
    let output = bench.run(&["--study", "small.ron", "--picture", "small.svg"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(bench.runs().len(), 3);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = format!(
        "! {unused} does not count: the study, its experiment or a default was changed since"
    );
    assert!(text.contains(&line), "{text}");
    let picture = fs::read_to_string(bench.path().join("small.svg")).unwrap();
    assert_eq!(picture.matches("class=\"seed\"").count(), 2, "{picture}");
    for (format, start) in [
        ("csv", "variant,baseline,seeds,"),
        ("markdown", "small: 4 "),
    ] {
        let output = bench.run(&["--study", "small.ron", "--table", "--format", format]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(start), "{text}");
    }
}

#[test]
fn a_variant_that_fails_is_named_and_the_others_are_trained() {
    let failing = STUDY.replace(
        "Vanilla(temperature: 3.0)\"",
        "Vanilla()\", \"lr=Constant(100.0)\"",
    );
    let bench = bench(&failing);
    for _ in 0..2 {
        let output = bench.run(&["--study", "small.ron"]);
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("! vanilla, seed 1 failed: "), "{text}");
        assert!(text.contains("2 of 2") && text.contains("0 of 2"), "{text}");
        assert_eq!(bench.runs().len(), 4);
    }
    let output = bench.run(&["--study", "small.ron", "--table"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_study_with_errors_trains_nothing() {
    let bench = bench(&STUDY.replace("temperature: 3.0", "temprature: 3.0"));
    let output = bench.run(&["--study", "small.ron"]);
    assert_eq!(code(&output), 2);
    let expected = "error: variant \"vanilla\": `Vanilla` has no field `temprature`";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    assert!(bench.runs().is_empty());
}
