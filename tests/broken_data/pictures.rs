//! Class folders as they should be, with images that are not.

use std::fs;

use insta::assert_snapshot;
use workbench::experiment::plan::DataPlan;

use crate::{Case, cut, noise, plan};

/// Two classes of four good images.
fn good() -> (Case, DataPlan) {
    let case = Case::new();
    let source = case.classes("train", &[("cat", 4), ("dog", 4)]);
    let plan = plan(source);
    (case, plan)
}

#[test]
fn jpeg_that_is_cut_off() {
    let (case, plan) = good();
    cut(&case.image("train/cat/half.jpg"), 700);
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn png_that_is_cut_off() {
    let (case, plan) = good();
    cut(&case.image("train/cat/half.png"), 200);
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn png_with_a_wrong_checksum() {
    let (case, plan) = good();
    let path = case.image("train/cat/flipped.png");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn text_that_is_named_like_an_image() {
    let (case, plan) = good();
    case.file("train/dog/page.jpg", "<!DOCTYPE html><title>404</title>");
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn image_file_of_no_bytes() {
    let (case, plan) = good();
    case.file("train/dog/nothing.png", "");
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn decompression_bomb() {
    let (case, plan) = good();
    let path = case.image("train/dog/bomb.bmp");
    let mut bytes = fs::read(&path).unwrap();
    bytes[18..22].copy_from_slice(&60_000i32.to_le_bytes());
    bytes[22..26].copy_from_slice(&60_000i32.to_le_bytes());
    fs::write(path, bytes).unwrap();
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn image_larger_than_the_plan_allows() {
    let (case, mut plan) = good();
    noise(40, 30)
        .save(case.path("train/dog/large.png"))
        .unwrap();
    plan.max_pixels = 1000;
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn file_too_long_for_any_image() {
    let (case, plan) = good();
    let path = case.image("train/dog/endless.png");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(1 << 34).unwrap();
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn tiff_image() {
    let (case, plan) = good();
    case.file("train/cat/scan.tif", b"II*\0\x08\0\0\0\0\0");
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn heic_photograph_with_the_name_of_a_jpeg() {
    let (case, plan) = good();
    case.file("train/cat/phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn images_of_formats_that_are_not_read() {
    let (case, plan) = good();
    case.file(
        "train/cat/1.jpg",
        b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 ",
    );
    case.file("train/cat/2.png", b"\0\0\0\x1Cftypavif\0\0\0\0avifmif1miaf");
    case.file("train/dog/3", b"\0\0\0\x0CJXL \r\n\x87\n\0\0\0\x14ftypjxl ");
    case.file("train/dog/4.j2k", "nothing that is known");
    case.file("train/dog/5.HEIC", b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc");
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn images_of_formats_that_only_their_names_show() {
    let (case, plan) = good();
    case.file(
        "train/dog/6.tga",
        b"\0\0\x02\0\0\0\0\0\0\0\0\0\x01\0\x01\0\x18\0abc",
    );
    case.file("train/dog/7.PCX", b"\x0A\x05\x01\x08");
    case.file("train/dog/8.sgi", b"\x01\xDA\0\x01");
    case.file("train/dog/9.hdr", b"#?RGBE\n");
    assert_snapshot!(case.refused(&plan));
}

#[cfg(target_os = "linux")]
#[test]
fn links_to_what_is_no_file_on_a_disk() {
    let (case, plan) = good();
    for (number, target) in [
        "/proc/kmsg",
        "/dev/zero",
        "/proc/self/mem",
        "/proc/self/status",
    ]
    .iter()
    .enumerate()
    {
        let link = case.path(&format!("train/cat/link{number}.png"));
        std::os::unix::fs::symlink(target, link).unwrap();
    }
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn image_that_takes_more_memory_than_there_is() {
    let (case, mut plan) = good();
    let mut bytes = fs::read(case.image("train/dog/vast.png")).unwrap();
    bytes[16..20].copy_from_slice(&13_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&13_000_u32.to_be_bytes());
    fs::write(case.path("train/dog/vast.png"), bytes).unwrap();
    plan.max_pixels = 178_956_970;
    assert_snapshot!(case.refused(&plan));
}

#[cfg(unix)]
#[test]
fn link_to_a_missing_image() {
    let (case, plan) = good();
    std::os::unix::fs::symlink(case.path("gone.png"), case.path("train/cat/link.png")).unwrap();
    assert_snapshot!(case.refused(&plan));
}

#[cfg(unix)]
#[test]
fn socket_that_is_named_like_an_image() {
    let (case, plan) = good();
    let _socket = std::os::unix::net::UnixListener::bind(case.path("train/cat/s.png")).unwrap();
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn more_bad_images_than_can_be_listed() {
    let (case, mut plan) = good();
    for number in 0..8 {
        case.file(&format!("train/dog/bad{number}.jpg"), "not a picture");
    }
    plan.max_bad = 0.25;
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn nothing_but_bad_images_although_all_may_be_bad() {
    let case = Case::new();
    for name in ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"] {
        case.file(&format!("train/{name}"), "not a picture");
    }
    let mut plan = plan(case.folder("train"));
    plan.max_bad = 1.0;
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn class_of_which_every_image_is_bad() {
    let (case, mut plan) = good();
    for number in 0..2 {
        case.file(&format!("train/owl/{number}.png"), "not a picture");
    }
    plan.max_bad = 0.5;
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn class_with_one_good_image_left_to_hold_out() {
    let (case, mut plan) = good();
    case.image("train/owl/1.png");
    case.file("train/owl/2.png", "not a picture");
    plan.max_bad = 0.5;
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn bad_header_in_a_set_that_does_not_fit_in_memory() {
    let (case, mut plan) = good();
    cut(&case.image("train/cat/half.png"), 20);
    plan.memory = 0;
    assert_snapshot!(case.refused(&plan));
}

#[test]
fn damage_that_shows_only_when_a_streamed_image_is_decoded() {
    let (case, mut plan) = good();
    for class in ["cat", "dog"] {
        for number in 0..4 {
            cut(
                &case.path("train").join(class).join(format!("{number}.png")),
                200,
            );
        }
    }
    plan.memory = 0;
    // One thread, so that the first bad image is always the same one.
    plan.workers = Some(1);
    assert_snapshot!(case.refused(&plan));
}
