//! Sets that are good by themselves and do not fit each other.

use std::fs;

use insta::assert_snapshot;
use workbench::data::{BatchRequest, Images, Loader};
use workbench::experiment::plan::{DataPlan, ValidPlan};
use workbench::experiment::spec::SamplerSpec;

use crate::{Case, plan};

/// Training images of two classes.
fn trained() -> (Case, DataPlan) {
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    let plan = plan(source);
    (case, plan)
}

#[test]
fn class_of_one_image_where_some_are_held_out() {
    let (case, plan) = trained();
    case.image("train/owl/only.png");
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn validation_set_that_lacks_a_class() {
    let (case, mut plan) = trained();
    case.image("train/owl/1.png");
    plan.valid = ValidPlan::Set(case.classes("valid", &[("cat", 1), ("owl", 1)]));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn test_set_with_classes_of_its_own() {
    let (case, mut plan) = trained();
    let classes = ["cat", "dog", "emu", "fox", "gnu", "hen", "ibex", "jay"].map(|c| (c, 1));
    plan.test = Some(case.classes("test", &classes));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn test_set_whose_classes_are_capitalised() {
    let (case, mut plan) = trained();
    plan.test = Some(case.classes("test", &[("Cat", 1), ("dog", 1)]));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn validation_set_without_labels() {
    let (case, mut plan) = trained();
    case.image("valid/1.png");
    plan.valid = ValidPlan::Set(case.folder("valid"));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn validation_class_that_is_empty() {
    let (case, mut plan) = trained();
    let valid = case.classes("valid", &[("cat", 2)]);
    fs::create_dir(case.path("valid/dog")).unwrap();
    plan.valid = ValidPlan::Set(valid);
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn validation_set_with_bad_images() {
    let (case, mut plan) = trained();
    plan.valid = ValidPlan::Set(case.classes("valid", &[("cat", 2), ("dog", 2)]));
    case.file("valid/dog/torn.webp", b"RIFF\x40\0\0\0WEBPVP8 ");
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn test_set_that_is_missing() {
    let (case, mut plan) = trained();
    plan.test = Some(case.folder("test"));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn unlabelled_folder_without_images() {
    let (case, mut plan) = trained();
    case.file("more/notes.txt", "none yet");
    plan.unlabelled = Some((case.folder("more"), 1.0));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn training_and_validation_both_without_labels() {
    let case = Case::new();
    case.image("train/1.png");
    case.image("valid/1.png");
    let mut plan = plan(case.folder("train"));
    plan.valid = ValidPlan::Set(case.folder("valid"));
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn images_that_are_deleted_while_training() {
    let (case, mut plan) = trained();
    plan.memory = 0;
    let images = Images::open(&plan, 7).unwrap();
    fs::remove_dir_all(case.path("train")).unwrap();
    let loader = Loader::new(&images, &[], 1, 0.0, (7, SamplerSpec::Shuffle), 1);
    let request = BatchRequest {
        epoch: 0,
        index: 0,
        probabilities: vec![0.0],
        parts: Vec::new(),
    };
    assert_snapshot!(case.shown(&loader.batch(&request).unwrap_err()));
}
