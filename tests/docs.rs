//! What README and docs/ say is true: tables are made from the program, commands
//! are parsed by it, experiments are read by it, and links lead somewhere.
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes the tables anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

#[path = "../src/app/arguments.rs"]
mod arguments;
#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/pages.rs"]
mod pages;
#[path = "quick_start/mod.rs"]
mod quick_start;
#[path = "docs/tables.rs"]
mod tables;
#[cfg(unix)]
#[path = "screen/terminal.rs"]
#[expect(dead_code, reason = "other tests do more on a terminal")]
mod terminal;
#[cfg(unix)]
#[path = "docs/walkthrough.rs"]
mod walkthrough;

/// What the arguments of the program are put into.
mod session {
    use workbench::experiment::schedule::Schedule;

    /// As the program's own.
    #[expect(dead_code, reason = "arguments are parsed here, and not run")]
    pub struct ResumeChanges {
        pub set: Vec<(String, Schedule)>,
        pub without_adjustments_after: Option<u64>,
        pub more: Option<MoreEpochs>,
    }

    /// As the program's own.
    #[expect(dead_code, reason = "arguments are parsed here, and not run")]
    pub struct MoreEpochs {
        pub epochs: u32,
        pub stretches: Option<bool>,
    }
}

use std::collections::BTreeSet;

// `crate::experiment` and `crate::run` of the program's arguments.
use workbench::experiment;
use workbench::run;
use workbench::ui::Settings;

use pages::{Page, load, pages};

fn check(complaints: impl Fn(&Page) -> Vec<String>) {
    let found: Vec<String> = pages().iter().flat_map(complaints).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_list_of_keys_is_that_of_the_program() {
    tables::compare("docs/keys.md", "keys", &tables::keys());
}

#[test]
fn the_reference_of_experiments_is_that_of_the_program() {
    tables::compare(
        "docs/experiment-reference.md",
        "reference",
        &tables::reference(),
    );
}

#[test]
fn every_command_is_one_that_the_program_takes() {
    check(commands::complaints);
    let count: usize = pages().iter().map(|page| page.commands().len()).sum();
    assert!(count > 20, "found {count} commands only");
}

#[cfg(unix)]
#[test]
fn every_command_of_every_page_does_what_the_page_is_for() {
    check(walkthrough::complaints);
    let superfluous = walkthrough::superfluous_rows(&pages());
    assert!(superfluous.is_empty(), "no page shows {superfluous:?}");
    let count: usize = pages()
        .iter()
        .map(|page| walkthrough::commands(page).len())
        .sum();
    assert!(count > 15, "found {count} commands only");
}

#[cfg(unix)]
#[test]
fn a_command_that_goes_wrong_is_noticed() {
    for bad in [
        "workbench --chekc experiments/quickstart.ron",
        "workbench --check experiments/no-such-file.ron",
        "cargo run --release -- --run experiments/quickstart.ron --set 'gates=[AtLeast(\"test/top1\", 0.999)]'",
        "workbench --infer no-such-folder",
        "no-such-program --help",
        "cp experiments/no-such-file.ron experiments/my-images.ron",
        "workbench --check experiments/no-such-file.ron | cat",
        "scripts/no-such-script",
        "cargo build --release --features no-such-feature",
    ] {
        let page = page(&format!("```sh\n{bad}\n```\n"));
        assert_eq!(walkthrough::complaints(&page).len(), 1, "{bad}");
    }
    let good =
        page("```console\n$ workbench --check experiments/quickstart.ron   # a remark\n```\n");
    assert_eq!(walkthrough::complaints(&good), Vec::<String>::new());
}

#[test]
fn every_option_that_is_named_is_one_of_the_program() {
    check(commands::unknown_options);
}

#[test]
fn every_whole_experiment_is_read() {
    check(experiments);
    assert!(
        pages()
            .iter()
            .any(|page| page.blocks().iter().any(|block| is_experiment(&block.text))),
        "found no experiment"
    );
}

/// Whether it is all of an experiment, and not a part of one.
fn is_experiment(text: &str) -> bool {
    let first = text
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with("//"));
    first.is_some_and(|line| line.starts_with("Experiment("))
}

fn experiments(page: &Page) -> Vec<String> {
    let blocks = page.blocks();
    let whole = blocks
        .iter()
        .filter(|block| block.language == "ron" && is_experiment(&block.text));
    whole
        .filter_map(|block| {
            let error = load(&block.text, &[]).err()?;
            Some(page.complaint(block.line, &error))
        })
        .collect()
}

#[test]
fn every_study_is_read() {
    let mut found = 0;
    for page in pages() {
        for block in page.blocks() {
            if block.language != "ron" || !block.text.starts_with("Study(") {
                continue;
            }
            found += 1;
            let place = tempfile::tempdir().unwrap();
            let studies = place.path().join("experiments/studies");
            std::fs::create_dir_all(&studies).unwrap();
            let base = place.path().join("experiments/quickstart.ron");
            std::fs::write(base, quick_start::shortened(3)).unwrap();
            let path = studies.join("example.ron");
            std::fs::write(&path, &block.text).unwrap();
            let read = workbench::study::Study::load(&path);
            let complaint = read.err().map(|error| error.to_string());
            assert_eq!(complaint, None, "{}:{}", page.path, block.line);
        }
    }
    assert!(found > 0, "found no study");
}

#[test]
fn settings_are_read() {
    let mut found = 0;
    check(|page| {
        let blocks = page.blocks();
        let settings = blocks
            .iter()
            .filter(|block| block.text.starts_with("// workbench/settings.ron"));
        settings
            .filter_map(|block| {
                let problems = Settings::parse(&block.text).err()?;
                Some(page.complaint(block.line, &problems[0].to_string()))
            })
            .collect()
    });
    for page in pages() {
        found += page.text.matches("// workbench/settings.ron").count();
    }
    assert!(found > 0, "found no settings");
}

#[test]
fn every_link_leads_somewhere() {
    check(Page::dead_links);
}

#[test]
fn every_file_that_is_named_is_there() {
    check(Page::missing_files);
}

#[test]
fn every_picture_is_there() {
    check(Page::missing_pictures);
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = Page::read("docs/SUMMARY.md");
    let listed: Vec<String> = summary.links().into_iter().map(|(_, to)| to).collect();
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    let there: BTreeSet<String> = pages()
        .iter()
        .filter_map(|page| page.path.strip_prefix("docs/"))
        .filter(|path| *path != "SUMMARY.md")
        .map(str::to_owned)
        .collect();
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), there);
}

fn page(text: &str) -> Page {
    Page {
        path: "docs/example.md".to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn a_command_that_the_program_does_not_take_is_noticed() {
    for bad in [
        "```sh\nworkbench --rum experiments/quickstart.ron\n```",
        "```yaml\n- run: target/release/workbench --run a.ron --check b.ron\n```",
        "    cargo run --release -- --run experiments/quickstart.ron --set epohcs=3",
        "Type `workbench --resume quickstart --set lr=Sine(1)`.",
        "Type `workbench --check experiments/no-such-file.ron`.",
        "```sh\n$ workbench --run experiments/quickstart.ron --device tpu\n```",
    ] {
        assert_eq!(commands::complaints(&page(bad)).len(), 1, "{bad}");
    }
    for good in [
        "```sh\nworkbench --run FILE   # trains\n```",
        "```sh\n$ workbench --infer photos --json > answers.jsonl && ls\n```",
        "`workbench --resume quickstart --set \"lr=Cosine(from: 0.01, to: 0.0)\"`",
        "A workbench --with words.",
        "`workbench/settings.ron`",
        "```sh\nworkbench --run experiments/quickstart.ron \\\n    --set epochs=3\n```",
    ] {
        let found = commands::complaints(&page(good));
        assert!(found.is_empty(), "{good}: {found:?}");
    }
    assert_eq!(
        commands::unknown_options(&page("`--jsonl` and `--json`")).len(),
        1
    );
}

#[test]
fn dead_links_and_missing_files_are_noticed() {
    for bad in [
        "[a](no-such-page.md)",
        "[a](keys.md#no-such-heading)",
        "[a](#nothing)",
        "[a](../README.md)",
    ] {
        assert_eq!(page(bad).dead_links().len(), 1, "{bad}");
    }
    for good in [
        "[a](keys.md#every-key)",
        "[a](https://example.org/b)",
        "`[a](b.md)`",
        "# Some *heading*\n[a](#some-heading)",
    ] {
        let found = page(good).dead_links();
        assert!(found.is_empty(), "{good}: {found:?}");
    }
    assert_eq!(
        page("`scripts/no-such-script --help`")
            .missing_files()
            .len(),
        1
    );
    let dark = "<source srcset=\"../assets/screens/live-dark.svg\">";
    assert!(page(dark).missing_pictures().is_empty());
    let none = dark.replace("live", "no-such-screen");
    assert_eq!(page(&none).missing_pictures().len(), 1);
    assert!(page("`scripts/bench`").missing_files().is_empty());
}

#[test]
fn an_experiment_that_is_not_read_is_noticed() {
    let text = "```ron\n// A comment.\nExperiment(\n    epochs: 3,\n)\n```\n";
    assert_eq!(experiments(&page(text)).len(), 1);
    let part = "```ron\nteacher: (model: Nothing),\n```\n";
    assert!(experiments(&page(part)).is_empty());
}
