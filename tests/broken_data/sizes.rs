//! Images whose size is no size to train at.

use insta::assert_snapshot;
use workbench::data::Images;
use workbench::experiment::plan::DataPlan;

use crate::{Case, noise, plan};

/// Two classes of images of these sizes, width first.
fn sized(sizes: &[(u32, u32)]) -> (Case, DataPlan) {
    let case = Case::new();
    for class in ["cat", "dog"] {
        std::fs::create_dir_all(case.path("train").join(class)).unwrap();
        for (number, (width, height)) in sizes.iter().enumerate() {
            let path = case.path(&format!("train/{class}/{number}.png"));
            noise(*width, *height).save(path).unwrap();
        }
    }
    let plan = plan(case.folder("train"));
    (case, plan)
}

#[test]
fn single_pixel_that_is_sorted_first_decides_nothing() {
    let (_case, plan) = sized(&[(1, 1), (12, 9), (12, 9)]);
    assert_eq!(Images::open(&plan, 7).unwrap().size, (9, 12));
}

#[test]
fn images_of_one_pixel() {
    let (case, plan) = sized(&[(1, 1), (1, 1), (12, 9)]);
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn images_that_are_too_large_to_be_trained_on_unasked() {
    let (case, plan) = sized(&[(900, 600), (900, 600), (12, 9)]);
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn images_of_all_sizes() {
    let (case, plan) = sized(&[(12, 9), (12, 9), (9, 12), (30, 20), (20, 30)]);
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn images_of_any_size_are_opened_where_one_is_given() {
    for sizes in [
        &[(1, 1); 3][..],
        &[(900, 600); 3],
        &[(12, 9), (9, 12), (30, 20)],
    ] {
        let (_case, mut plan) = sized(sizes);
        plan.size = Some((8, 8));
        assert_eq!(Images::open(&plan, 7).unwrap().size, (8, 8));
    }
}
