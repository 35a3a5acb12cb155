//! The quick start, shortened for tests, and pictures like its own.

use std::fs;
use std::path::Path;

use workbench::data::shapes;
use workbench::experiment::spec::Shapes;

/// The quick start with fewer pictures and a gate that passes: over in seconds.
pub fn shortened(epochs: u32) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = fs::read_to_string(root.join("experiments/quickstart.ron")).unwrap();
    for (long, short) in [
        ("count: 1500", "count: 300".to_owned()),
        ("epochs: 8", "epochs: 1".to_owned()),
        ("epochs: 12", format!("epochs: {epochs}")),
        ("\"test/top1\", 0.75", "\"test/top1\", 0.0".to_owned()),
    ] {
        assert!(text.contains(long), "the quick start has no {long}");
        text = text.replace(long, &short);
    }
    text
}

/// Writes pictures of the quick start's classes that its models have not seen,
/// each into the folder of its class. They are the same every time.
pub fn pictures(folder: &Path, count: u32) {
    let pictures: Shapes = ron::from_str(&format!(
        "(classes: 5, count: {count}, size: 16, difficulty: 0.4, seed: 3)"
    ))
    .unwrap();
    let names = shapes::class_names(&pictures);
    for index in 0..pictures.count {
        let (image, class) = shapes::render(&pictures, index);
        let of_class = folder.join(&names[class as usize]);
        fs::create_dir_all(&of_class).unwrap();
        image
            .save(of_class.join(format!("{index:02}.png")))
            .unwrap();
    }
}
