//! The architecture, executable: which module may import which, where burn and
//! the terminal stay, that imports run in no circle, and what has no place in
//! the tree.
//!
//! `ARCHITECTURE.md` gives the reasons. Every rule is first tried on a snippet
//! that breaks it, so that a rule that can no longer fail is noticed.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

#[path = "tidy/cycles.rs"]
mod cycles;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/tokens.rs"]
mod tokens;
#[path = "tidy/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rules::{File, IMPORTS, Violation};

/// The project's files as git knows them, in a checkout; `None` elsewhere.
fn tracked() -> Option<Vec<String>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let listing = String::from_utf8(output.stdout).ok()?;
    Some(listing.split_terminator('\0').map(str::to_owned).collect())
}

/// Every file that is or may become part of the project.
fn listed() -> Vec<String> {
    tracked().unwrap_or_else(|| {
        let mut paths = Vec::new();
        for folder in ["src", "tests", "benches", "scripts", "experiments"] {
            walk(folder, &mut paths);
        }
        paths
    })
}

fn walk(folder: &str, paths: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) else {
        return;
    };
    for entry in entries.map(Result::unwrap) {
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            walk(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

fn read(path: String) -> Option<File> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).ok()?;
    Some(File { path, text })
}

fn rust_files() -> Vec<File> {
    let files: Vec<File> = listed()
        .into_iter()
        .filter(|path| Path::new(path).extension().is_some_and(|kind| kind == "rs"))
        .filter_map(read)
        .collect();
    assert!(
        files.iter().any(|file| file.path == "src/lib.rs"),
        "found no source"
    );
    files
}

fn check(files: &[File], rule: impl Fn(&File) -> Vec<Violation>) {
    let violations: Vec<String> = files
        .iter()
        .flat_map(rule)
        .map(|violation| violation.to_string())
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    check(&rust_files(), rules::imports);
}

#[test]
fn burn_stays_in_the_engine_and_the_terminal_in_the_ui() {
    check(&rust_files(), rules::kept_apart);
}

#[test]
fn imports_never_run_in_a_circle() {
    let violations: Vec<String> = cycles::cycles(&rust_files())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// What stands in ARCHITECTURE.md before and after the picture of imports.
const PICTURE: (&str, &str) = (
    "<!-- Made by: UPDATE_DOCS=1 cargo test --test tidy -->\n```text\n",
    "\n```\n",
);

#[test]
fn the_architecture_shows_the_imports_that_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(PICTURE.0).unwrap();
    let (shown, after) = rest.split_once(PICTURE.1).unwrap();
    let picture = cycles::picture(&rust_files());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let (begin, end) = PICTURE;
        fs::write(&path, [before, begin, &picture, end, after].concat()).unwrap();
    } else {
        assert_eq!(shown, picture, "UPDATE_DOCS=1 cargo test --test tidy");
    }
}

#[test]
fn json_leaves_the_program_escaped() {
    check(&rust_files(), rules::json_output);
}

#[test]
fn imports_name_what_they_use() {
    check(&rust_files(), rules::glob_imports);
}

#[test]
fn nothing_is_unfinished_and_every_test_is_run() {
    check(&rust_files(), rules::unfinished);
}

#[test]
fn files_have_descriptive_names_and_say_what_they_are_for() {
    check(&rust_files(), rules::shape);
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    // The lock file records where each dependency came from.
    let files: Vec<File> = listed()
        .into_iter()
        .filter(|path| path != "Cargo.lock")
        .filter_map(read)
        .collect();
    check(&files, rules::machine_traces);
}

#[test]
fn tests_are_compiled_with_the_program_s_own_dependencies() {
    let of_program = dependencies("normal,build");
    let of_tests = dependencies("normal,build,dev");
    let twice: Vec<_> = of_program.difference(&of_tests).collect();
    assert!(
        twice.is_empty(),
        "tests switch on features of {twice:?}, so that all that needs them is compiled twice; \
         ask for the same features in Cargo.toml's [dependencies]"
    );
    assert!(of_program.len() > 100 && of_tests.len() > of_program.len());
}

/// The crates that are compiled, each with its features.
fn dependencies(edges: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args(["--edges", edges, "--format", "{p} [{f}]"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect()
}

#[test]
fn replaced_words_stay_out_of_what_people_read() {
    let files: Vec<File> = listed().into_iter().filter_map(read).collect();
    check(&files, words::replaced);
}

fn complaints(path: &str, text: &str, rule: impl Fn(&File) -> Vec<Violation>) -> Vec<String> {
    let file = File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    rule(&file).iter().map(ToString::to_string).collect()
}

#[test]
fn an_import_against_the_table_is_noticed_however_it_is_written() {
    for bad in [
        "use crate::engine::fit;",
        "use crate::{event::RunEvent, engine};",
        "use crate::{\n    event::{RunEvent, Split},\n    engine::fit,\n};",
        "use super::super::engine::fit;",
        "fn f() { crate::engine::fit() }",
        "pub use crate::engine::Fit;",
        "#[cfg(not(test))] use crate::engine::fit;",
    ] {
        let found = complaints("src/store/journal.rs", bad, rules::imports);
        assert_eq!(found.len(), 1, "{bad}: {found:?}");
        assert!(
            found[0].contains("`store` may not import `engine`"),
            "{found:?}"
        );
    }
}

#[test]
fn an_allowed_import_a_comment_a_string_and_a_test_are_let_pass() {
    for good in [
        "use crate::{event::RunEvent, run};",
        "use super::super::store::series;",
        "use super::Journal;",
        "// crate::engine is not for us\nfn f() {}",
        "/* crate::engine /* crate::ui */ */ fn f() {}",
        "const TEXT: &str = \"crate::engine\";",
        "const TEXT: &str = r#\"say \"crate::engine\" \"#;",
        "const QUOTE: char = '\"'; fn f<'a>(_: &'a str) {}",
        "#[cfg(test)]\nmod tests { use crate::engine::fit; }",
        "pub(crate) fn f() {}",
        "mod inner { use super::helper; }",
    ] {
        let found = complaints("src/store/journal.rs", good, rules::imports);
        assert!(found.is_empty(), "{good}: {found:?}");
    }
}

#[test]
fn code_after_a_test_module_is_still_read() {
    let text = "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::ui::Screen;";
    let found = complaints("src/store/mod.rs", text, rules::imports);
    assert_eq!(found, ["src/store/mod.rs:3: `store` may not import `ui`"]);
}

#[test]
fn main_imports_the_app_alone_and_a_new_module_must_join_the_table() {
    assert!(complaints("src/main.rs", "use workbench::app;", rules::imports).is_empty());
    assert_eq!(
        complaints("src/main.rs", "use workbench::run;", rules::imports).len(),
        1
    );
    assert_eq!(complaints("src/extra.rs", "", rules::imports).len(), 1);
}

#[test]
fn the_table_has_no_cycle() {
    // Each module stands after all that it imports once the table is sorted.
    let mut done: Vec<&str> = Vec::new();
    while done.len() < IMPORTS.len() {
        let next = IMPORTS.iter().find(|(name, imports)| {
            !done.contains(name) && imports.iter().all(|import| done.contains(import))
        });
        let (name, _) = next.expect("a module imports itself by way of others");
        done.push(name);
    }
}

#[test]
fn a_circle_is_noticed_through_what_a_module_passes_on_and_below_its_parts() {
    let files = |list: &[(&str, &str)]| -> Vec<File> {
        let file = |&(path, text): &(&str, &str)| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        list.iter().map(file).collect()
    };
    let reported = |list: &[(&str, &str)]| -> Vec<String> {
        let found = cycles::cycles(&files(list));
        found.iter().map(ToString::to_string).collect()
    };
    let circle = [
        (
            "src/run/mod.rs",
            "mod a; mod b; mod c; pub use b::{B, deep::D as E};",
        ),
        ("src/run/a.rs", "use super::{E, other};"),
        ("src/run/b.rs", "mod deep; pub struct B;"),
        ("src/run/b/deep.rs", "fn f() {\n    crate::run::c::call() }"),
        ("src/run/c.rs", "pub(super) use x::y; use super::a::A;"),
    ];
    assert_eq!(
        reported(&circle),
        ["src/run/a.rs:1: imports run in a circle: a → b → c → a; here by `run::E`"]
    );
    let mut open = circle;
    open[4].1 = "use super::B; #[cfg(test)] use super::a::A;";
    assert_eq!(
        reported(&open),
        ["src/run/b/deep.rs:2: imports run in a circle: b → c → b; here by `run::c::call`"]
    );
    open[4].1 = "// use super::a::A;";
    assert_eq!(reported(&open), [""; 0]);
    let family = [
        ("src/run/mod.rs", "mod a; pub struct P; use a::A;"),
        ("src/run/a.rs", "use super::P;"),
    ];
    assert_eq!(
        reported(&family),
        [""; 0],
        "a module and its parts are one subject"
    );
}

#[test]
fn burn_outside_the_engine_is_noticed() {
    for bad in [
        "use burn::tensor::Tensor;",
        "fn f() { burn::tensor::x() }",
        "extern crate burn;",
    ] {
        assert_eq!(
            complaints("src/data/mod.rs", bad, rules::kept_apart).len(),
            1,
            "{bad}"
        );
        assert!(complaints("src/engine/fit.rs", bad, rules::kept_apart).is_empty());
    }
    let drawing = "use ratatui::Frame;";
    assert_eq!(
        complaints("src/store/mod.rs", drawing, rules::kept_apart).len(),
        1
    );
    assert!(complaints("src/ui/chart.rs", drawing, rules::kept_apart).is_empty());
}

#[test]
fn json_that_leaves_unescaped_is_found() {
    let bad = "//! A page.\nfn f() { serde_json::to_string_pretty(&page) }\n";
    let found = complaints("src/app/check.rs", bad, rules::json_output);
    assert_eq!(found.len(), 1);
    assert!(complaints("src/run/plan_file.rs", bad, rules::json_output).is_empty());
}

#[test]
fn glob_imports_are_noticed_and_products_are_not() {
    for bad in ["use a::*;", "pub use a::{b, c::*};", "use a::{*};"] {
        assert_eq!(
            complaints("src/run/id.rs", bad, rules::glob_imports).len(),
            1,
            "{bad}"
        );
    }
    for good in [
        "fn f(a: i32) -> i32 { a * a }",
        "#[cfg(test)] mod tests { use super::*; }",
    ] {
        assert!(
            complaints("src/run/id.rs", good, rules::glob_imports).is_empty(),
            "{good}"
        );
    }
}

#[test]
fn leftovers_are_noticed() {
    for bad in [
        "fn f() { todo!() }",
        "fn f() { unimplemented!() }",
        "#[test]\n#[ignore]\nfn f() {}",
    ] {
        assert_eq!(
            complaints("src/run/id.rs", bad, rules::unfinished).len(),
            1,
            "{bad}"
        );
    }
    assert!(complaints("src/run/id.rs", "fn ignore() {}", rules::unfinished).is_empty());
}

#[test]
fn an_untelling_and_an_undocumented_file_are_noticed() {
    assert_eq!(
        complaints("src/run/utils.rs", "//! Things.\n", rules::shape).len(),
        1
    );
    assert_eq!(
        complaints("src/run/id.rs", "fn f() {}\n", rules::shape).len(),
        1
    );
    assert!(complaints("src/run/id.rs", "//! Names of runs.\n", rules::shape).is_empty());
}

#[test]
fn machine_paths_and_registry_hosts_are_noticed() {
    let path = format!("data: \"/{}/me/images\"", "home");
    assert_eq!(
        complaints("README.md", &path, rules::machine_traces).len(),
        1
    );
    let host = format!("from https://{}.org/simple", "pypi");
    assert_eq!(
        complaints("README.md", &host, rules::machine_traces).len(),
        1
    );
    let relative = "see assets/work/plan.png and $HOME/home/x";
    assert!(complaints("README.md", relative, rules::machine_traces).is_empty());
}

#[test]
fn replaced_words_are_noticed_in_documents_examples_strings_and_names() {
    for (path, bad) in [
        ("README.md", "One.\n\nThe truth-value\nloss is shown."),
        ("docs/a.md", "Every gate holds."),
        (
            "experiments/a.ron",
            "// grows while the student\n    // copes\nExperiment(",
        ),
        ("src/run/id.rs", "fn f() { say(\"give or take\") }"),
        (
            "src/run/id.rs",
            "const A: &str = \"nothing \\\n    is so\";",
        ),
        ("src/run/id.rs", "const A: &str = r#\"a \"mend\" b\"#;"),
        ("src/run/id.rs", "fn what_is_told() {}"),
        ("src/run/id.rs", "const MOST_TOLD: u8 = 1;"),
        ("tests/a.rs", "enum IsToldOnce {}"),
    ] {
        let found = complaints(path, bad, words::replaced);
        assert_eq!(found.len(), 1, "{bad}: {found:?}");
    }
    let found = complaints(
        "docs/a.md",
        "One.\n\nThe truth-value\nloss.",
        words::replaced,
    );
    assert_eq!(
        found,
        ["docs/a.md:3: `truth-value loss` was replaced; write: truth loss"]
    );
    for (path, good) in [
        ("README.md", "We recommend amendments."),
        ("notes.md", "The truth-value loss is the truth loss."),
        (
            "src/run/id.rs",
            "// We mend it.\nfn amend() { say(\"{mend}\") }",
        ),
        (
            "src/run/id.rs",
            "#[cfg(test)]\nmod tests { const A: &str = \"mend\"; }",
        ),
        ("src/run/id.rs", "fn f() -> char { '\"' } // mend \"mend\""),
    ] {
        let found = complaints(path, good, words::replaced);
        assert!(found.is_empty(), "{good}: {found:?}");
    }
}
