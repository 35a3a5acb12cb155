//! Every operation that an experiment may name: checked, trained with, and stopped and
//! resumed to the same bits.

use std::fs;

use workbench::experiment::catalogue::{Holds, Shape, Type, Value};

use crate::bench::{Bench, TINY, code, stderr, weights};
#[cfg(unix)]
use crate::resume::stopped_run;

/// Every operation of the catalogue with the least that must be written. Those that mix
/// images are its last, as they must be in a list.
fn every_operation() -> Vec<String> {
    let Shape::Enum(variants) = Type::named("Operation").unwrap().shape else {
        panic!("an operation is one of several");
    };
    let written = variants.iter().map(|variant| {
        let held = match variant.holds {
            Holds::Nothing => String::new(),
            Holds::Fields(_) if variant.name == "GaussianBlur" => "(sigma: (0.1, 1.0))".to_owned(),
            Holds::Fields(_) => "()".to_owned(),
            Holds::Values([Value::Of(_)]) => "(Cifar10)".to_owned(),
            Holds::Values([Value::Whole(_)]) => "(2)".to_owned(),
            Holds::Values(_) => "(0.1)".to_owned(),
        };
        format!("{}{held}", variant.name)
    });
    written.collect()
}

fn with(operations: &[String]) -> String {
    let augment = &format!("augment: [{}],", operations.join(", "));
    let text = TINY.replace("augment: [HorizontalFlip, PadCrop(1), Cutout(3)],", augment);
    assert!(text.contains(augment), "{text}");
    // `Gap` compares with images that are not mixed.
    let method = "temperature: 3.0, update: Feedback())";
    let text = text.replace("temperature: 3.0)", method);
    assert!(text.contains(method), "{text}");
    text.replace("epochs: 5,", "epochs: 3,")
}

#[test]
fn every_operation_alone_is_taken_a_step_with() {
    let bench = Bench::new();
    for operation in every_operation() {
        let text = with(std::slice::from_ref(&operation))
            .replace("epochs: 3,", "epochs: 1, round: Steps(2),");
        fs::write(bench.path().join("each.ron"), text).unwrap();
        for mode in ["--check", "--run"] {
            let output = bench.run(&[mode, "each.ron"]);
            assert_eq!(code(&output), 0, "{operation}: {}", stderr(&output));
        }
    }
}

#[test]
#[cfg(unix)]
fn a_run_with_every_operation_resumes_to_the_same_bits() {
    let bench = Bench::new();
    let steered = every_operation()
        .into_iter()
        .map(|operation| operation.replace("RandAugment()", "RandAugment(steer: Magnitude)"));
    let mut ends = Vec::new();
    for operations in [every_operation(), steered.collect()] {
        let file = "augmented.ron";
        fs::write(bench.path().join(file), with(&operations)).unwrap();
        let output = bench.run(&["--run", file]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let whole = weights(&bench.newest());
        let mut stops = 0;
        while stops < 6 {
            stops += stopped_run(&bench, file, stops);
            assert!(weights(&bench.newest()) == whole, "{stops} stops");
        }
        ends.push(whole);
    }
    assert!(ends[0] != ends[1], "steering changes nothing");
}
