use std::fs;

use super::*;
use crate::engine::weights::fixtures::Archive;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/torchscript");

fn fixture(name: &str) -> PathBuf {
    Path::new(FIXTURES).join(name)
}

fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teacher.pt");
    fs::write(&path, bytes).unwrap();
    ScriptFile::open(&path).unwrap_err().to_string()
}

#[test]
fn what_a_file_says_of_itself_is_read() {
    let traced = ScriptFile::open(&fixture("traced.pt")).unwrap();
    assert_eq!(traced.metadata["classes"], r#"["c", "a", "b"]"#);
    assert_eq!(traced.metadata["std"], "[0.25, 0.25, 0.25]");
    assert_eq!(traced.weights, 580);
    assert!(!traced.is_training && !traced.is_on_gpu);
    let scripted = ScriptFile::open(&fixture("scripted.pt")).unwrap();
    assert!(scripted.is_training && scripted.metadata.is_empty());
    assert_eq!(
        ScriptFile::open(&fixture("frozen.pt")).unwrap().weights,
        508
    );
}

#[test]
fn what_is_no_torchscript_is_named_with_what_to_do() {
    let whole = fs::read(fixture("traced.pt")).unwrap();
    let pointer = b"version https://git-lfs.github.com/spec/v1\nsize 9\n";
    let read = |name: &str| fs::read(fixture(name)).unwrap();
    let mut other = Archive::default();
    other.stored("teacher/readme.txt", b"hello");
    let mut bare = Archive::default();
    bare.stored("teacher/constants.pkl", b"x");
    bare.stored("teacher/data.pkl", b"x");
    let cases: [(&[u8], &str); 10] = [
        (pointer, "run `git lfs pull`"),
        (b"<!DOCTYPE html><title>Log in", "an HTML page"),
        (b"", "it is empty"),
        (
            b"\x80\x04\x95\x10",
            "it is a pickle; save a program in PyTorch",
        ),
        (b"\x08\x08\x12\x07pytorch", "an ONNX model; save a program"),
        (&whole[..whole.len() / 2], "without its end"),
        (&read("state_dict.pt"), "weights without their architecture"),
        (
            &read("exported.pt2"),
            "torch.jit.trace(torch.export.load(path).module()",
        ),
        (&other.finish(), "a zip archive of something else"),
        (&bare.finish(), "without its code"),
    ];
    for (bytes, expected) in cases {
        let message = refusal(bytes);
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(ScriptFile::open(folder.path()).is_err());
}

#[test]
fn no_damage_to_a_byte_and_no_cut_panics() {
    let whole = fs::read(fixture("frozen.pt")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teacher.pt");
    for at in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        fs::write(&path, &damaged).unwrap();
        _ = ScriptFile::open(&path);
        fs::write(&path, &whole[..at]).unwrap();
        assert!(ScriptFile::open(&path).is_err(), "{at}");
    }
}
