use std::fs;

use burn::tensor::Device;

use super::*;
use crate::experiment::architecture::build;
use crate::experiment::model::Model;

fn network(seed: u64, classes: usize) -> Network {
    let model = Model::Cnn { channels: vec![3] };
    let graph = build(&model, (8, 8), classes).unwrap();
    Network::new(graph, seed, &Device::flex())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The message of the error, whose path is the file's name only.
fn failure(network: &mut Network, path: &Path) -> String {
    let before = state(network).unwrap();
    let message = load(network, path).unwrap_err().to_string();
    assert_eq!(state(network).unwrap(), before, "partially loaded");
    message.replace(&format!("{}/", path.parent().unwrap().display()), "")
}

#[test]
fn what_was_saved_is_loaded_bit_for_bit() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    let mut first = network(1, 5);
    first.statistics_mut()[0].batches = 42;
    save(&first, &path).unwrap();
    let mut second = network(2, 5);
    assert_ne!(state(&first).unwrap(), state(&second).unwrap());
    load(&mut second, &path).unwrap();
    assert_eq!(state(&first).unwrap(), state(&second).unwrap());
    assert_eq!(second.statistics()[0].batches, 42);
}

#[test]
fn saving_leaves_nothing_but_the_file_and_replaces_it_whole() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    save(&network(1, 5), &path).unwrap();
    save(&network(2, 5), &path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let elsewhere = folder.path().join("absent/w.safetensors");
    let error = save(&network(1, 5), &elsewhere).unwrap_err();
    assert!(matches!(error, WeightsError::Unwritable { .. }), "{error}");
}

#[test]
fn another_number_of_classes_names_both_shapes() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    save(&network(1, 5), &path).unwrap();
    assert_eq!(
        failure(&mut network(1, 7), &path),
        "w.safetensors does not fit CNN 3:\n  of another shape: \
         `classifier.weight` is [5, 3] in the file and [7, 3] in the model, \
         `classifier.bias` is [5] in the file and [7] in the model"
    );
}

#[test]
fn missing_and_unexpected_names_are_matched_with_each_other() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    let mut arrays = state(&network(1, 5)).unwrap();
    for array in &mut arrays {
        array.name = array
            .name
            .replace("classifier.weight", "classifier.0.weight");
    }
    arrays.push(Array::floats("extra", vec![1], vec![0.0]));
    write(&path, &arrays).unwrap();
    assert_eq!(
        failure(&mut network(1, 5), &path),
        "w.safetensors does not fit CNN 3:\n  missing: `classifier.weight` \
         (the file has `classifier.0.weight`)\n  unexpected: `classifier.0.weight`, `extra`"
    );
}

#[test]
fn prefixes_of_wrappers_and_nests_are_seen_through() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    let mut arrays = state(&network(1, 5)).unwrap();
    for array in &mut arrays {
        array.name = format!("state_dict.module.{}", array.name);
    }
    arrays.push(Array::floats("optimizer.momentum", vec![1], vec![0.0]));
    write(&path, &arrays).unwrap();
    let mut second = network(2, 5);
    load(&mut second, &path).unwrap();
    assert_eq!(state(&network(1, 5)).unwrap(), state(&second).unwrap());
}

#[test]
fn a_missing_count_of_batches_is_no_misfit() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    let mut arrays = state(&network(1, 5)).unwrap();
    arrays.retain(|array| !array.name.ends_with("num_batches_tracked"));
    write(&path, &arrays).unwrap();
    load(&mut network(2, 5), &path).unwrap();
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    let mut arrays = state(&network(1, 5)).unwrap();
    arrays[2].values = Values::F32(vec![0.0, f32::NAN, 0.0]);
    write(&path, &arrays).unwrap();
    let message = failure(&mut network(2, 5), &path);
    assert!(message.contains("`features.1.bias`"), "{message}");
}

#[test]
fn files_that_are_no_weights_are_errors_that_name_them() {
    let folder = folder();
    let path = folder.path().join("w.pt");
    let absent = failure(&mut network(1, 5), &path);
    assert!(absent.starts_with("w.pt cannot be read"), "{absent}");
    let contents: [&[u8]; 5] = [
        b"",
        b"hello there, this is no file of weights",
        b"\xff\xff\xff\xff\xff\xff\xff\x7f{}",
        b"\x02\0\0\0\0\0\0\0{}trailing",
        b"PK\x03\x04 and no more",
    ];
    for content in contents {
        fs::write(&path, content).unwrap();
        let message = failure(&mut network(1, 5), &path);
        assert!(
            message.starts_with("w.pt cannot be used as weights"),
            "{message}"
        );
    }
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    save(&network(1, 5), &path).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(13) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(load(&mut network(2, 5), &path).is_err(), "{length} bytes");
    }
}
