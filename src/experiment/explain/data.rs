//! Where images come from, for people.

use super::text::{Page, written};
use crate::experiment::plan::{DataPlan, ValidPlan};
use crate::experiment::spec::{ClassOrder, NormalizeSpec, Source};
use crate::format::{count, precise};
use crate::untrusted::Show as _;

const BYTES_PER_MEGABYTE: u64 = 1_000_000;

pub(super) fn explain(data: &DataPlan, page: &mut Page) {
    page.heading("Data");
    page.row("train", &source(&data.train));
    match &data.valid {
        ValidPlan::Holdout(share) => page.row(
            "valid",
            &format!(
                "{} % of the training images, not trained on",
                precise(share * 100.0)
            ),
        ),
        ValidPlan::Set(set) => page.row("valid", &source(set)),
    }
    match &data.test {
        Some(test) => page.row("test", &source(test)),
        None => page.row("test", "none"),
    }
    match &data.unlabelled {
        Some((set, ratio)) => page.row(
            "unlabelled",
            &format!("{}, {} per labelled image", source(set), precise(*ratio)),
        ),
        None => page.row("unlabelled", "none"),
    }
    match data.size {
        Some((height, width)) => page.row("size", &format!("{height} × {width} pixels")),
        None => page.row("size", "the most common of the training images"),
    }
    match &data.normalize {
        NormalizeSpec::Measure => {
            page.row("normalize", "mean and std, measured when the run starts");
        }
        NormalizeSpec::Given { mean, std } => page.row(
            "normalize",
            &format!("mean {}, std {}", triple(mean), triple(std)),
        ),
    }
    let order = match data.order {
        ClassOrder::Natural => "in the order of the numbers in their names",
        ClassOrder::Bytes => "by the bytes of their names",
    };
    page.row("class order", order);
    page.row(
        "limits",
        &format!(
            "{} % unreadable images, {} pixels an image, {} MB of decoded images in memory",
            precise(data.max_bad * 100.0),
            count(data.max_pixels),
            data.memory / BYTES_PER_MEGABYTE
        ),
    );
    let workers = data.workers.map_or_else(
        || "one thread per core".to_owned(),
        |workers| format!("{workers} thread{}", if workers == 1 { "" } else { "s" }),
    );
    page.row("workers", &workers);
}

pub(super) fn triple(values: &[f32; 3]) -> String {
    let values: Vec<String> = values.iter().map(|v| precise(f64::from(*v))).collect();
    format!("({})", values.join(", "))
}

fn source(source: &Source) -> String {
    match source {
        Source::ImageFolder(folder) => format!("images in {}", folder.shown()),
        Source::List(list) => match &list.split {
            Some(split) => format!("images listed in {}, split {split}", list.file.shown()),
            None => format!("images listed in {}", list.file.shown()),
        },
        Source::Idx(files) => format!(
            "IDX images {} with labels {}",
            files.images.shown(),
            files.labels.shown()
        ),
        Source::Cifar10(files) => format!("CIFAR-10 batches {}", list(files)),
        Source::Cifar100(files) => format!("CIFAR-100 batches {}", list(files)),
        Source::Shapes(_) => written(source),
    }
}

fn list(files: &[std::path::PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|f| f.shown().to_string()).collect();
    files.join(", ")
}
