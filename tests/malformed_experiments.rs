//! Every file of `tests/malformed` is wrong in its own way and gets an error
//! that says so. The texts are snapshots: read them when they change.

use std::path::{Path, PathBuf};

use workbench::experiment::{Override, load};

const FOLDER: &str = "tests/malformed";

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(FOLDER)
        .expect("the folder of malformed files can be listed")
        .map(|entry| {
            Path::new(FOLDER).join(
                entry
                    .expect("the folder of malformed files can be listed")
                    .file_name(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_malformed_experiment_has_its_own_clear_errors() {
    let files = files();
    assert!(files.len() >= 60, "only {} malformed files", files.len());
    for file in files {
        let report = match load(&file, &[]) {
            Ok(_) => panic!("{} loads", file.to_string_lossy()),
            Err(report) => report.to_string(),
        };
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, report);
    }
}

#[test]
fn a_missing_file_and_a_folder_are_distinguished() {
    let report = |path: &str| load(Path::new(path), &[]).unwrap_err().to_string();
    insta::assert_snapshot!("no-file", report("tests/malformed/absent.ron"));
    insta::assert_snapshot!("a-folder", report("tests/malformed"));
}

#[test]
fn a_malformed_override_is_shown_in_its_argument() {
    let errors: Vec<String> = [
        "epochs",
        "=3",
        "a..b=3",
        "epochs=",
        "epochs=(3",
        "epochs=3;",
    ]
    .into_iter()
    .map(|argument| Override::parse(argument).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!("overrides", errors.join("\n\n"));
}
