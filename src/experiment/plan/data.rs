//! Where images come from, with every value checked and every path resolved.

use std::path::PathBuf;

use super::checks::{between, inside};
use super::paths::Paths;
use super::{DataPlan, MAX_RECORDS, SIDES, ValidPlan};
use crate::experiment::problem::Problem;
use crate::experiment::spec::{
    DataSpec, IdxFiles, ImageList, NormalizeSpec, Shapes, Source, Spec, ValidSpec,
};
use crate::untrusted::Show as _;

/// More threads than this are taken for a slip.
const MAX_WORKERS: f64 = 1024.0;

const BYTES_PER_MEGABYTE: u64 = 1_000_000;

/// The plan of the data. Where there are problems it must not be used.
pub(super) fn data_plan(spec: &Spec, paths: &Paths, problems: &mut Vec<Problem>) -> DataPlan {
    let data = &spec.data;
    let mut found = value_problems(data);
    let mut resolve = |source: &Source, place: &str| source_plan(source, place, paths, &mut found);
    let train = resolve(&data.train, "train");
    let valid = match &data.valid {
        ValidSpec::Holdout(share) => ValidPlan::Holdout(*share),
        ValidSpec::Set(source) => ValidPlan::Set(resolve(source, "valid.Set")),
    };
    let test = data.test.as_ref().map(|source| resolve(source, "test"));
    let unlabelled = data
        .unlabelled
        .as_ref()
        .map(|more| (resolve(&more.source, "unlabelled.source"), more.ratio));
    if found.is_empty() {
        found.extend(overlaps(&train, &valid, test.as_ref()));
    }
    problems.extend(found.into_iter().map(|problem| problem.under("data")));
    DataPlan {
        train,
        valid,
        test,
        unlabelled,
        size: data.size,
        normalize: data.normalize.clone(),
        order: data.order,
        max_bad: data.max_bad,
        max_pixels: data.max_pixels,
        memory: data.memory_mb.saturating_mul(BYTES_PER_MEGABYTE),
        workers: data.workers,
    }
}

fn value_problems(data: &DataSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let ValidSpec::Holdout(share) = data.valid {
        inside(&mut problems, "valid.Holdout", share);
        for problem in &mut problems {
            problem.help = Some(
                "the best checkpoint is chosen on these images; write Holdout(0.1)".to_owned(),
            );
        }
    }
    if let Some(more) = &data.unlabelled
        && !(more.ratio > 0.0 && more.ratio <= 64.0)
    {
        problems.push(Problem::new(
            "unlabelled.ratio",
            format!("{} is not above 0 and at most 64", more.ratio),
        ));
    }
    if let Some(size) = data.size {
        sides(&mut problems, size);
    }
    if let NormalizeSpec::Given { mean, std } = &data.normalize {
        normalization(&mut problems, mean, std);
    }
    between(&mut problems, "max_bad", data.max_bad, 0.0, 1.0);
    if data.max_pixels == 0 {
        problems.push(Problem::new("max_pixels", "0 pixels leave no image"));
    }
    if let Some(workers) = data.workers {
        between(&mut problems, "workers", workers as f64, 1.0, MAX_WORKERS);
    }
    problems
}

/// Problems of a size that is written.
pub(super) fn sides(problems: &mut Vec<Problem>, (height, width): (u32, u32)) {
    let (least, most) = (f64::from(*SIDES.start()), f64::from(*SIDES.end()));
    between(problems, "size[0]", f64::from(height), least, most);
    between(problems, "size[1]", f64::from(width), least, most);
}

/// Problems of a normalisation that is written.
pub(super) fn normalization(problems: &mut Vec<Problem>, mean: &[f32; 3], std: &[f32; 3]) {
    for (i, value) in mean.iter().enumerate() {
        let path = format!("normalize.Given.mean[{i}]");
        scaled(problems, &path, f64::from(*value), 0.0, mean);
    }
    for (i, value) in std.iter().enumerate() {
        let path = format!("normalize.Given.std[{i}]");
        scaled(problems, &path, f64::from(*value), 1e-3, std);
    }
}

/// A mean or deviation of pixels in [0, 1]; those of bytes are a common slip.
fn scaled(problems: &mut Vec<Problem>, path: &str, value: f64, min: f64, all: &[f32; 3]) {
    if (min..=1.0).contains(&value) {
        return;
    }
    let problem = Problem::new(path, format!("{value} is not between {min} and 1"));
    problems.push(if all.iter().any(|&v| v > 1.0) {
        problem.help("pixels are in [0, 1] here: divide by 255")
    } else {
        problem
    });
}

fn source_plan(source: &Source, place: &str, paths: &Paths, problems: &mut Vec<Problem>) -> Source {
    match source {
        Source::ImageFolder(folder) => {
            let place = format!("{place}.ImageFolder");
            let resolved = paths.folder(folder, &place, problems);
            Source::ImageFolder(resolved.unwrap_or_default())
        }
        Source::List(list) => {
            let file = paths.file(&list.file, &format!("{place}.List.file"), problems);
            Source::List(ImageList {
                file: file.unwrap_or_default(),
                split: list.split.clone(),
            })
        }
        Source::Idx(files) => {
            let images = paths.file(&files.images, &format!("{place}.Idx.images"), problems);
            let labels = paths.file(&files.labels, &format!("{place}.Idx.labels"), problems);
            Source::Idx(IdxFiles {
                images: images.unwrap_or_default(),
                labels: labels.unwrap_or_default(),
            })
        }
        Source::Cifar10(files) => {
            Source::Cifar10(batches(files, &format!("{place}.Cifar10"), paths, problems))
        }
        Source::Cifar100(files) => Source::Cifar100(batches(
            files,
            &format!("{place}.Cifar100"),
            paths,
            problems,
        )),
        Source::Shapes(shapes) => {
            problems.extend(
                shapes_problems(shapes)
                    .into_iter()
                    .map(|problem| problem.under(&format!("{place}.Shapes"))),
            );
            source.clone()
        }
    }
}

fn batches(
    files: &[PathBuf],
    place: &str,
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Vec<PathBuf> {
    if files.is_empty() {
        problems.push(Problem::new(place, "there is no batch file").help("list the .bin files"));
    }
    let mut found: Vec<PathBuf> = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let place = format!("{place}[{i}]");
        let Some(path) = paths.file(file, &place, problems) else {
            continue;
        };
        if found.contains(&path) {
            let message = format!("`{}` is named twice", file.shown());
            problems.push(Problem::new(place, message).help("name every file once"));
        }
        found.push(path);
    }
    found
}

fn shapes_problems(shapes: &Shapes) -> Vec<Problem> {
    let mut problems = Vec::new();
    between(
        &mut problems,
        "classes",
        f64::from(shapes.classes),
        2.0,
        10.0,
    );
    between(&mut problems, "size", f64::from(shapes.size), 8.0, 256.0);
    between(
        &mut problems,
        "difficulty",
        f64::from(shapes.difficulty),
        0.0,
        1.0,
    );
    if shapes.count > MAX_RECORDS {
        problems.push(
            Problem::new(
                "count",
                format!(
                    "{} images are more than the {MAX_RECORDS} that a set can have",
                    shapes.count
                ),
            )
            .help("the list of so many takes 400 MB of memory already; write a few thousand per class"),
        );
    }
    if shapes.count < shapes.classes {
        problems.push(
            Problem::new(
                "count",
                format!(
                    "{} images are too few for {} classes",
                    shapes.count, shapes.classes
                ),
            )
            .help("write at least a hundred per class")
            .depends_on("classes"),
        );
    }
    problems
}

/// Sets that share images with those that are trained on.
fn overlaps(train: &Source, valid: &ValidPlan, test: Option<&Source>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let ValidPlan::Set(valid) = valid {
        problems.extend(overlap(train, valid, "valid.Set", "validation"));
    }
    if let Some(test) = test {
        problems.extend(overlap(train, test, "test", "test"));
    }
    problems
}

fn overlap(train: &Source, other: &Source, place: &str, what: &str) -> Option<Problem> {
    let same = |message: String| {
        Problem::new(place, message)
            .help("name images that are not trained on")
            .depends_on("train")
    };
    match (train, other) {
        (Source::Shapes(a), Source::Shapes(b)) if a.seed == b.seed => Some(
            Problem::new(
                format!("{place}.Shapes.seed"),
                format!(
                    "the {what} images are the training images: both have seed {}",
                    b.seed
                ),
            )
            .help("give it a seed of its own")
            .depends_on("train.Shapes.seed"),
        ),
        (Source::List(a), Source::List(b))
            if a.file == b.file && a.split.is_some() != b.split.is_some() =>
        {
            let message = format!("the {what} images are rows of the list that is trained on");
            let help = "give both a split: List(file: \"…\", split: \"train\")";
            Some(Problem::new(place, message).help(help).depends_on("train"))
        }
        (a, b) if a == b => Some(same(format!("the {what} images are the training images"))),
        (Source::Cifar10(a) | Source::Cifar100(a), Source::Cifar10(b) | Source::Cifar100(b)) => {
            let shared = b.iter().find(|file| a.contains(file))?;
            Some(same(format!("`{}` is trained on too", shared.shown())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::experiment::load_text;
    use crate::experiment::spec::ClassOrder;

    /// What is wrong with an experiment with this data, in a folder of its own with
    /// the files `1.bin` and `2.bin`.
    fn problems(data: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        for name in ["1.bin", "2.bin"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let text = format!(
            "(data: ({data}), student: (model: Mlp(hidden: [8])), method: Scratch(), epochs: 1)"
        );
        match load_text(&text, &dir.path().join("small.ron"), &[]) {
            Ok(_) => String::new(),
            Err(report) => report.to_string(),
        }
    }

    #[test]
    fn a_number_of_generated_images_that_no_memory_holds_is_refused() {
        for set in ["train: ", "train: Shapes(count: 9), test: "] {
            let refused = problems(&format!("{set}Shapes(count: 4294967295, seed: 1)"));
            assert!(
                refused.contains("more than the 10000000 that a set can have"),
                "{refused}"
            );
        }
        assert_eq!(problems("train: Shapes(count: 10000000)"), "");
    }

    #[test]
    fn a_list_of_all_splits_is_divided_for_all_that_use_it() {
        let whole = r#"train: List(file: "1.bin"), test: List(file: "1.bin", split: "test")"#;
        let refused = problems(whole);
        assert!(
            refused.contains("rows of the list that is trained on"),
            "{refused}"
        );
        let split = whole.replace("\"1.bin\")", "\"1.bin\", split: \"train\")");
        assert_eq!(problems(&split), "");
        assert!(
            problems(&split.replace("\"test\"", "\"train\"")).contains("are the training images")
        );
    }

    #[test]
    fn a_file_of_images_is_named_once() {
        let twice = problems(r#"train: Cifar10(["1.bin", "2.bin", "./1.bin"])"#);
        assert!(twice.contains("`./1.bin` is named twice"), "{twice}");
        assert_eq!(problems(r#"train: Cifar10(["1.bin", "2.bin"])"#), "");
    }

    #[test]
    fn a_file_of_images_is_not_trained_on_and_evaluated() {
        let shared = problems(r#"train: Cifar10(["1.bin", "2.bin"]), test: Cifar10(["2.bin"])"#);
        assert!(shared.contains("2.bin` is trained on too"), "{shared}");
    }

    #[test]
    fn the_order_of_classes_reaches_the_plan_and_is_kept_in_a_frozen_text() {
        let text = "(data: (train: Shapes(count: 9), order: Natural), student: (model: \
                    Mlp(hidden: [8])), method: Scratch(), epochs: 1)";
        let loaded = load_text(text, Path::new("small.ron"), &[]).unwrap();
        assert_eq!(loaded.plan.data.order, ClassOrder::Natural);
        let frozen = loaded.frozen_text();
        let again = load_text(frozen, Path::new("elsewhere/other.ron"), &[]).unwrap();
        assert_eq!(again.plan.data.order, ClassOrder::Natural);
        assert!(crate::experiment::explain(&again.plan).contains("order of the numbers"));
        let default = load_text(
            &text.replace(", order: Natural", ""),
            Path::new("small.ron"),
            &[],
        );
        assert_eq!(default.unwrap().plan.data.order, ClassOrder::Bytes);
    }
}
