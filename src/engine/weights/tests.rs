use std::fs;

use burn::tensor::Device;

use super::fixtures::{saved, state_dict};
use super::*;
use crate::experiment::architecture::build;
use crate::experiment::model::Model;

pub(super) fn network(seed: u64, classes: usize) -> Network {
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
    message.replace(&format!("{}/", path.parent().unwrap().shown()), "")
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
fn texts_go_with_the_arrays_and_the_same_file_has_the_same_bytes() {
    let folder = folder();
    let about: BTreeMap<String, String> = ["classes", "mean", "model", "size", "std"]
        .map(|name| (name.to_owned(), format!("[\"{name}\"]")))
        .into();
    let saved = |name: &str| {
        let path = folder.path().join(name);
        save_described(&network(1, 5), &about, &path).unwrap();
        path
    };
    let (first, second) = (saved("a.safetensors"), saved("b.safetensors"));
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let file = ArrayFile::open(&first).unwrap();
    for (name, text) in &about {
        assert_eq!(file.about().get(name), Some(text));
    }
    assert_eq!(file.about()["format"], "pt");
    let mut loaded = network(2, 5);
    load(&mut loaded, &first).unwrap();
    assert_eq!(state(&loaded).unwrap(), state(&network(1, 5)).unwrap());
}

#[test]
fn what_pytorch_saved_is_loaded_bit_for_bit() {
    let folder = folder();
    let path = folder.path().join("w.pt");
    let first = state(&network(1, 5)).unwrap();
    fs::write(&path, saved(&state_dict(&first))).unwrap();
    let mut second = network(2, 5);
    load(&mut second, &path).unwrap();
    assert_eq!(first, state(&second).unwrap());
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
fn a_missing_count_of_batches_is_no_mismatch() {
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
fn weights_that_are_integers_are_refused_by_name() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    let mut arrays = state(&network(1, 5)).unwrap();
    arrays[2].values = Values::I64(vec![0, 1, 2]);
    write(&path, &arrays).unwrap();
    let message = failure(&mut network(2, 5), &path);
    let expected = "`features.1.bias`: integers, not floats";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn files_that_are_no_weights_are_errors_that_name_them_and_what_to_do() {
    let folder = folder();
    let path = folder.path().join("w.pt");
    let absent = failure(&mut network(1, 5), &path);
    assert!(absent.starts_with("w.pt cannot be read"), "{absent}");
    let cases: [(&[u8], &str); 7] = [
        (b"", "it is empty; copy or download it again"),
        (
            b"hello there, this is no file of weights",
            "it is a text file",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 9\n",
            "it is a Git LFS pointer, a short text in place of the weights (9 bytes); run `git \
             lfs pull` in the repository that it is from",
        ),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "it is cut off"),
        (
            b"\x02\0\0\0\0\0\0\0{}trailing",
            "something was written after",
        ),
        (b"\x04\0\0\0\0\0\0\0{a:}", "its header is damaged"),
        (
            b"PK\x03\x04 and no more",
            "it is an archive without its end",
        ),
    ];
    for (content, expected) in cases {
        fs::write(&path, content).unwrap();
        let message = failure(&mut network(1, 5), &path);
        let (start, fault) = message.split_at("w.pt cannot be used as weights: ".len());
        assert_eq!(start, "w.pt cannot be used as weights: ");
        assert!(fault.contains(expected), "{message}");
    }
}

#[test]
fn only_files_are_opened_and_nothing_is_waited_for() {
    let folder = folder();
    let refused = failure(&mut network(1, 5), folder.path());
    assert!(
        refused.contains("it is a folder, not a regular file"),
        "{refused}"
    );
    let pipe = folder.path().join("w.pt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let refused = failure(&mut network(1, 5), &pipe);
    assert!(
        refused.contains("it is a pipe, not a regular file"),
        "{refused}"
    );
    let refused = failure(&mut network(1, 5), Path::new("/dev/zero"));
    assert!(
        refused.contains("it is a device, not a regular file"),
        "{refused}"
    );
}

#[test]
fn a_header_as_long_as_a_sparse_file_takes_no_memory() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    let mut start = (1_u64 << 40).to_le_bytes().to_vec();
    start.push(b'{');
    fs::write(&path, &start).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len((1 << 40) + 8).unwrap();
    let message = failure(&mut network(1, 5), &path);
    let expected = "its header takes 1099511627776 bytes, and at most 16777216 are read";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_tail_of_zeros_is_named() {
    let folder = folder();
    let path = folder.path().join("w.safetensors");
    save(&network(1, 5), &path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let message = failure(&mut network(2, 5), &path);
    assert!(message.contains("something was written after"), "{message}");
}

#[test]
fn an_object_in_place_of_a_state_dict_is_named_with_its_class() {
    let folder = folder();
    let path = folder.path().join("w.pt");
    let mut archive = fixtures::Archive::default();
    archive.stored("a/data.pkl", b"\x80\x02cnets\nNet\n)\x81.");
    archive.stored("a/version", b"3\n");
    fs::write(&path, archive.finish()).unwrap();
    let message = failure(&mut network(1, 5), &path);
    let expected = "it holds a pickled object (nets.Net), not a state dict; save a state dict";
    assert!(message.contains(expected), "{message}");
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

#[test]
fn a_file_of_pytorch_with_one_wrong_bit_is_damaged_and_no_other_kind_of_file() {
    let folder = folder();
    let path = folder.path().join("w.pt");
    let arrays = state(&network(1, 5)).unwrap();
    let whole = fixtures::saved(&fixtures::state_dict(&arrays));
    let refusal = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let mut damaged = network(2, 5);
        match load(&mut damaged, &path) {
            // What nobody reads, such as the time of an entry.
            Ok(()) => {
                assert_eq!(state(&damaged).unwrap(), arrays);
                None
            }
            Err(error) => Some(error.to_string()),
        }
    };
    let mut damaged = 0;
    let mut others = Vec::new();
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        match refusal(&bytes) {
            Some(message) if message.contains("it is a damaged archive: ") => {
                assert!(
                    message.ends_with("; copy or download it again"),
                    "{message}"
                );
                damaged += 1;
            }
            Some(message) => others.push(message),
            None => {}
        }
    }
    // A name or a length in the directory, which nothing else repeats.
    assert!(damaged > 300 && others.len() < 5, "{damaged}: {others:#?}");
}
