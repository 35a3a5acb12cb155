use std::fs;
use std::path::Path;

use super::*;
use crate::engine::weights::fixtures::{Node, dict, prefixed, saved, state_dict};
use crate::engine::weights::tests::network;
use crate::engine::weights::{Array, load_taken, state};
use crate::untrusted::Show as _;

const CLASSES: usize = 5;

fn arrays(seed: u64) -> Vec<Array> {
    state(&network(seed, CLASSES)).unwrap()
}

/// What is read of a checkpoint, or why it is refused, and the notes.
fn read(root: &Node, average: Option<bool>) -> Result<(Vec<Array>, Vec<String>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.pt");
    fs::write(&path, saved(root)).unwrap();
    let refused = |error: WeightsError| {
        let folder = format!("{}/", folder.path().shown());
        error.to_string().replace(&folder, "")
    };
    read_file(&path, average).map_err(refused)
}

fn read_file(
    path: &Path,
    average: Option<bool>,
) -> Result<(Vec<Array>, Vec<String>), WeightsError> {
    let file = ArrayFile::open(path)?;
    let mut network = network(99, CLASSES);
    let (place, notes) = find(network.graph(), Some(CLASSES), &file, average)?;
    let taken = Taken {
        place,
        outputs: None,
    };
    load_taken(&mut network, &file, &taken)?;
    Ok((state(&network)?, notes))
}

fn notes(root: &Node) -> Vec<String> {
    let (found, notes) = read(root, None).unwrap();
    assert_eq!(found, arrays(1));
    notes
}

#[test]
fn a_plain_state_dict_needs_no_word() {
    assert!(notes(&state_dict(&arrays(1))).is_empty());
}

#[test]
fn a_pickled_module_is_read_as_its_state_dict() {
    assert!(notes(&Node::Module(arrays(1))).is_empty());
    let wrapped = prefixed("module.", &arrays(1));
    let checkpoint = dict([("model", Node::Module(wrapped)), ("epoch", Node::Number(3))]);
    assert_eq!(
        notes(&checkpoint),
        ["the weights are those under `model.module.`"]
    );
}

#[test]
fn whatever_precedes_every_name_is_stripped_and_noted() {
    for prefix in [
        "module.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "net.",
        "backbone.",
        "a.b.c.d.model.",
        "0.",
    ] {
        let names = prefixed(prefix, &arrays(1));
        let expected = [format!("the weights are those under `{prefix}`")];
        assert_eq!(notes(&state_dict(&names)), expected);
        let nested = dict([
            ("state_dict", state_dict(&names)),
            ("epoch", Node::Number(3)),
        ]);
        let expected = [format!("the weights are those under `state_dict.{prefix}`")];
        assert_eq!(notes(&nested), expected);
    }
}

#[test]
fn of_raw_weights_and_their_average_the_average_is_taken_unless_set_otherwise() {
    for (raw, average) in [
        ("state_dict", "state_dict_ema"),
        ("model", "model_ema"),
        ("state_dict", "ema"),
        ("model", "ema_state_dict"),
        ("net", "averaged_model"),
    ] {
        let root = dict([
            (raw, state_dict(&arrays(2))),
            (average, state_dict(&prefixed("module.", &arrays(1)))),
        ]);
        let there = format!(
            "the weights are there twice, raw under `{raw}.` and as a moving average under \
             `{average}.module.`"
        );
        let expected = format!("{there}: the average is taken; `ema: false` takes the raw ones");
        assert_eq!(notes(&root), [expected.as_str()]);
        assert_eq!(
            read(&root, Some(true)).unwrap(),
            (arrays(1), vec![expected])
        );
        let expected = format!("{there}: the raw weights are taken; `ema: true` takes the average");
        assert_eq!(
            read(&root, Some(false)).unwrap(),
            (arrays(2), vec![expected])
        );
    }
}

#[test]
fn an_average_alone_is_taken_and_noted_and_not_taken_for_raw_weights() {
    let root = dict([("state_dict_ema", state_dict(&arrays(1)))]);
    let expected =
        "the weights are a moving average, under `state_dict_ema.`; raw ones are not there";
    assert_eq!(notes(&root), [expected]);
    assert_eq!(
        read(&root, Some(false)).unwrap_err(),
        "w.pt holds no raw weights (`ema: false`), only their moving average under \
         `state_dict_ema.`; remove `ema` to take it"
    );
    assert_eq!(
        read(&state_dict(&arrays(1)), Some(true)).unwrap_err(),
        "w.pt holds no moving average of the weights (`ema: true`), only those at the top; \
         remove `ema` to take them"
    );
}

#[test]
fn an_average_beside_weights_at_the_top_is_none_of_them() {
    let Node::Dict(mut entries) = state_dict(&arrays(2)) else {
        unreachable!("a state dict is a dictionary");
    };
    entries.push(("ema".to_owned(), state_dict(&arrays(1))));
    let root = Node::Dict(entries);
    assert_eq!(read(&root, None).unwrap().0, arrays(1));
    assert_eq!(read(&root, Some(false)).unwrap().0, arrays(2));
}

#[test]
fn two_places_with_other_values_are_refused_and_with_the_same_they_are_one() {
    let two = |a, b| {
        dict([
            ("student", state_dict(&arrays(a))),
            ("teacher", state_dict(&arrays(b))),
        ])
    };
    assert_eq!(
        read(&two(1, 2), None).unwrap_err(),
        "w.pt holds the network's arrays in several places, under `student.` and under \
         `teacher.`; save the state dict that is meant in a file of its own"
    );
    assert_eq!(
        notes(&two(1, 1)),
        ["the weights are those under `student.`"]
    );
}

#[test]
fn a_place_that_fits_is_preferred_to_one_with_other_shapes_and_that_is_noted() {
    let other = state(&network(3, 7)).unwrap();
    let root = dict([
        ("generator", state_dict(&other)),
        ("model", state_dict(&arrays(1))),
    ]);
    assert_eq!(
        notes(&root),
        [
            "the arrays under `generator.` are not the network's and are left alone",
            "the weights are those under `model.`"
        ]
    );
}

/// The arrays with the classifier under another name.
fn with_head(arrays: &[Array], trunk: &str, head: &str) -> Vec<Array> {
    arrays
        .iter()
        .map(|array| {
            let name = match array.name.strip_prefix("classifier.") {
                Some(part) => format!("{head}.{part}"),
                None => format!("{trunk}{}", array.name),
            };
            Array {
                name,
                ..array.clone()
            }
        })
        .collect()
}

#[test]
fn a_trunk_and_a_classifier_under_names_of_their_own_are_put_together() {
    for (trunk, head) in [
        ("backbone.", "head"),
        ("module.backbone.", "module.head.fc"),
        ("_orig_mod.encoder.", "_orig_mod.classifier"),
        ("", "head"),
    ] {
        let split = with_head(&arrays(1), trunk, head);
        let found = notes(&state_dict(&split));
        let classifier = format!("the classifier `classifier` is `{head}` in the file");
        assert_eq!(found.last(), Some(&classifier));
        assert_eq!(found.len(), if trunk.is_empty() { 1 } else { 2 });
    }
}

#[test]
fn an_average_in_two_parts_is_put_together_with_its_own_classifier() {
    let split = |seed| state_dict(&with_head(&arrays(seed), "backbone.", "head"));
    let root = dict([("state_dict", split(2)), ("state_dict_ema", split(1))]);
    assert_eq!(read(&root, None).unwrap().0, arrays(1));
    assert_eq!(read(&root, Some(false)).unwrap().0, arrays(2));
}

#[test]
fn two_modules_that_could_be_the_classifier_are_refused() {
    let mut split = with_head(&arrays(1), "backbone.", "head");
    let second: Vec<Array> = split
        .iter()
        .filter_map(|array| {
            let part = array.name.strip_prefix("head.")?;
            Some(Array {
                name: format!("auxiliary.{part}"),
                ..array.clone()
            })
        })
        .collect();
    split.extend(second);
    let error = read(&state_dict(&split), None).unwrap_err();
    assert!(error.contains("missing: `classifier.weight`"), "{error}");
}

#[test]
fn what_the_network_has_no_place_for_is_refused_in_its_place_and_ignored_beside_it() {
    let extra = Array::floats("extra", vec![1], vec![0.0]);
    let beside = dict([
        ("state_dict", state_dict(&arrays(1))),
        ("optimizer", state_dict(std::slice::from_ref(&extra))),
    ]);
    assert_eq!(
        notes(&beside),
        ["the weights are those under `state_dict.`"]
    );
    let mut within = arrays(1);
    within.push(extra);
    let error = read(&dict([("model", state_dict(&within))]), None).unwrap_err();
    assert_eq!(error, "w.pt does not fit CNN 3:\n  unexpected: `extra`");
}

/// An average without the last of its arrays, beside raw weights.
fn half_averaged(raw: &str, average: &str) -> Node {
    let mut part = arrays(2);
    part.truncate(part.len() / 2);
    if raw.is_empty() {
        return state_dict(&[arrays(1), prefixed(average, &part)].concat());
    }
    dict([(raw, state_dict(&arrays(1))), (average, state_dict(&part))])
}

#[test]
fn an_average_of_which_a_part_is_missing_is_reported_and_not_taken() {
    for (raw, average) in [
        ("state_dict", "state_dict_ema"),
        ("model", "model_ema"),
        ("", "ema.module."),
    ] {
        let root = half_averaged(raw, average);
        let remarks = notes(&root);
        let place = format!("under `{}.`", average.trim_end_matches('.'));
        assert!(remarks[0].contains(&place), "{remarks:?}");
        assert!(
            remarks[0].contains("of the network's arrays, such as `"),
            "{remarks:?}"
        );
        assert!(
            remarks[0].ends_with("the raw weights are taken"),
            "{remarks:?}"
        );
        let error = read(&root, Some(true)).unwrap_err();
        assert!(error.contains(&format!("(`ema: true`) {place}")), "{error}");
        assert!(error.contains("\n  missing: `"), "{error}");
        let (found, remarks) = read(&root, Some(false)).unwrap();
        assert_eq!(found, arrays(1));
        assert!(
            !remarks.iter().any(|note| note.contains("average")),
            "{remarks:?}"
        );
    }
}

#[test]
fn an_average_of_parameters_alone_says_so() {
    let statistics = ["running_mean", "running_var", "num_batches_tracked"];
    let is_parameter = |array: &Array| !statistics.iter().any(|s| array.name.ends_with(s));
    let shadow: Vec<Array> = arrays(2).into_iter().filter(is_parameter).collect();
    assert!(shadow.len() < arrays(2).len());
    let root = dict([
        ("model", state_dict(&arrays(1))),
        ("ema", state_dict(&shadow)),
    ]);
    assert!(notes(&root)[0].contains("running_mean`"));
    for (root, ema) in [(root, Some(true)), (state_dict(&shadow), None)] {
        let error = read(&root, ema).unwrap_err();
        assert!(
            error.contains("save model.state_dict(), not its parameters"),
            "{error}"
        );
        assert!(!error.contains("and 1 more"), "{error}");
    }
}

/// The parameters, which are all that averaging tools average.
fn parameters(seed: u64) -> Vec<Array> {
    let network = network(seed, CLASSES);
    let names = network.parameters().iter();
    let names: Vec<&str> = names.map(|it| it.name.as_str()).collect();
    let mut all = arrays(seed);
    all.retain(|array| names.contains(&array.name.as_str()));
    all
}

/// As `LitEma` keeps an average: names without dots, beside the model in one state dict.
fn with_lit_ema(raw: &str) -> Node {
    let number = |name: &str| Array::floats(name, vec![], vec![1.0]);
    let average = parameters(2).into_iter().map(|array| Array {
        name: format!("model_ema.{}", array.name.replace('.', "")),
        ..array
    });
    let counts = [number("model_ema.decay"), number("model_ema.num_updates")];
    let all = prefixed(raw, &arrays(1));
    let all = all.into_iter().chain(average).chain(counts);
    state_dict(&all.collect::<Vec<Array>>())
}

/// As `torch_ema` saves one: a list of tensors in the order of the parameters.
fn shadow_params() -> Node {
    let tensors = parameters(2).into_iter().map(Node::Tensor);
    dict([
        ("decay", Node::Number(1)),
        ("num_updates", Node::Number(9)),
        ("shadow_params", Node::List(tensors.collect())),
    ])
}

#[test]
fn an_average_without_the_networks_names_is_reported_and_never_denied() {
    let list = |raw: &str| dict([(raw, state_dict(&arrays(1))), ("ema", shadow_params())]);
    let Node::Dict(mut at_the_top) = state_dict(&arrays(1)) else {
        unreachable!("a state dict is a dictionary")
    };
    at_the_top.push(("ema".to_owned(), shadow_params()));
    for (root, place) in [
        (with_lit_ema("model."), "model_ema."),
        (with_lit_ema(""), "model_ema."),
        (
            dict([("state_dict", with_lit_ema("model."))]),
            "state_dict.model_ema.",
        ),
        (list("model"), "ema."),
        (Node::Dict(at_the_top), "ema."),
    ] {
        let there = "a moving average of the weights seems to be there";
        let remark = notes(&root).remove(0);
        let expected = format!("{there}, too, under `{place}`, under names");
        assert!(remark.starts_with(&expected), "{remark}");
        assert!(remark.contains("the raw weights are taken; for the average, copy it"));
        let error = read(&root, Some(true)).unwrap_err();
        assert!(
            error.contains(&format!("{there} under `{place}`")),
            "{error}"
        );
        assert!(error.contains("save model.state_dict()"), "{error}");
        let (found, remarks) = read(&root, Some(false)).unwrap();
        assert_eq!(found, arrays(1));
        assert!(
            !remarks.iter().any(|note| note.contains("average")),
            "{remarks:?}"
        );
    }
    // Alone it is no file of weights that lack everything.
    let error = read(&shadow_params(), None).unwrap_err();
    assert!(error.contains("under `shadow_params.`"), "{error}");
}

#[test]
fn an_average_of_another_network_is_none_of_these_weights() {
    let other: Vec<Node> = state(&network(2, 9))
        .unwrap()
        .into_iter()
        .map(Node::Tensor)
        .collect();
    let root = dict([
        ("model", state_dict(&arrays(1))),
        ("ema", dict([("shadow_params", Node::List(other))])),
    ]);
    assert_eq!(notes(&root), ["the weights are those under `model.`"]);
    let error = read(&root, Some(true)).unwrap_err();
    assert!(error.contains("holds no moving average"), "{error}");
}

#[test]
fn a_model_that_pytorch_averaged_is_an_average() {
    let mut all = prefixed("module.", &arrays(1));
    all.push(Array::floats("n_averaged", vec![], vec![3.0]));
    let expected = "the weights are a moving average, under `module.`; raw ones are not there";
    assert_eq!(notes(&state_dict(&all)), [expected]);
    assert_eq!(read(&state_dict(&all), Some(true)).unwrap().0, arrays(1));
    assert!(read(&state_dict(&all), Some(false)).is_err());
}

#[test]
fn nothing_below_an_optimizers_state_is_taken_for_weights() {
    for (optimizer, moment) in [
        ("optimizer", "exp_avg"),
        ("optimizer_states", "exp_avg_sq"),
        ("g_optimizer", "ema"),
        ("state", "momentum_buffer"),
    ] {
        let moments = dict([(moment, state_dict(&arrays(2)))]);
        let state = dict([("state", dict([("0", moments)]))]);
        let nested = dict([
            ("model", state_dict(&arrays(1))),
            (optimizer, state.clone()),
        ]);
        assert_eq!(notes(&nested), ["the weights are those under `model.`"]);
        let error = read(&nested, Some(true)).unwrap_err();
        assert!(error.contains("holds no moving average"), "{error}");
        let Node::Dict(mut beside) = state_dict(&arrays(1)) else {
            unreachable!("a state dict is a dictionary");
        };
        beside.push((optimizer.to_owned(), state));
        assert!(notes(&Node::Dict(beside)).is_empty());
    }
}

#[test]
fn statistics_that_are_missing_one_by_one_are_named() {
    let last = |part: &str| {
        let all = arrays(2);
        let mut names = all.iter().map(|array| array.name.clone());
        names.rfind(|name| name.ends_with(part)).unwrap()
    };
    for missing in [last("running_mean"), last("running_var")] {
        let cut: Vec<Array> = arrays(2)
            .into_iter()
            .filter(|array| array.name != missing)
            .collect();
        let error = read(&state_dict(&cut), None).unwrap_err();
        let named = format!("missing: `{missing}`");
        assert!(error.ends_with(&named), "{error}");
    }
}

#[test]
fn a_classifier_that_is_not_taken_may_have_any_name_and_size_or_be_missing() {
    let classifier = network(1, CLASSES).graph().classifier().unwrap().to_owned();
    let (head, trunk): (Vec<Array>, Vec<Array>) = arrays(1)
        .into_iter()
        .partition(|array| array.name.starts_with(&classifier));
    let refused = |more: Vec<Array>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.pt");
        let whole: Vec<Array> = trunk.iter().cloned().chain(more).collect();
        fs::write(&path, saved(&state_dict(&whole))).unwrap();
        let file = ArrayFile::open(&path).unwrap();
        let mut student = network(9, CLASSES);
        let (place, _) = find(student.graph(), None, &file, None).map_err(|e| e.to_string())?;
        let outputs = Some(Vec::new());
        load_taken(&mut student, &file, &Taken { place, outputs }).unwrap();
        let (theirs, fresh) = (arrays(1), arrays(9));
        for ((found, theirs), fresh) in state(&student).unwrap().iter().zip(&theirs).zip(&fresh) {
            let is_new = found.name.starts_with(&classifier);
            assert_eq!(found, if is_new { fresh } else { theirs });
        }
        Ok::<(), String>(())
    };
    refused(Vec::new()).unwrap();
    refused(head.clone()).unwrap();
    refused(vec![
        Array::floats("head.weight".to_owned(), vec![2, 3], vec![0.0; 6]),
        Array::floats("head.bias".to_owned(), vec![2], vec![0.0; 2]),
    ])
    .unwrap();
    let another = Array::floats("extra.weight".to_owned(), vec![1], vec![0.0]);
    let error = refused(head.into_iter().chain([another]).collect()).unwrap_err();
    assert!(error.contains("unexpected: `extra.weight`"), "{error}");
}
