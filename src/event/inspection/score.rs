//! How right models are about images whose label is known.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Classified, predicted};
use crate::format;
use crate::format::lookalike::distinct;

/// Classes up to which a confusion matrix is written out.
const WIDEST_MATRIX: usize = 12;

/// Cells of a class's name in a table.
const LONGEST_NAME: usize = 24;

/// Columns of a matrix's column at least.
const LEAST_COLUMN: usize = 6;

/// Folders that are named in one message.
const MOST_NAMED: usize = 5;

/// The class of an image by the folders that it lies in: the innermost one that is
/// named like a class. `path` is relative to the folder that was classified.
#[must_use]
pub fn label_of(path: &Path, classes: &[String]) -> Option<usize> {
    label_of_folder(path.parent()?, classes)
}

fn label_of_folder(folder: &Path, classes: &[String]) -> Option<usize> {
    let folders = folder.components().rev();
    folders.into_iter().find_map(|folder| {
        let name = folder.as_os_str().to_str()?;
        classes.iter().position(|class| class == name)
    })
}

/// Folders of images that are named like no class, where others are, or where only
/// the case of letters differs: what is wrong with them, for people.
#[must_use]
pub fn unlabelled_folders(
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    classes: &[String],
) -> Option<String> {
    // There are few folders of many images.
    let mut folders = BTreeSet::new();
    for path in paths {
        if let Some(folder) = path.as_ref().parent()
            && !folders.contains(folder)
        {
            folders.insert(folder.to_owned());
        }
    }
    let total = folders.len();
    folders.retain(|folder| label_of_folder(folder, classes).is_none());
    let has_labels = folders.len() < total;
    let mut others: BTreeSet<String> = folders
        .iter()
        .filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
        .collect();
    if !has_labels {
        let lower: BTreeSet<String> = classes.iter().map(|class| class.to_lowercase()).collect();
        others.retain(|name| lower.contains(&name.to_lowercase()));
    }
    let names: Vec<String> = others
        .iter()
        .take(MOST_NAMED)
        .map(|name| distinct(name, classes))
        .collect();
    let more = match others.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| {
        format!(
            "images in {}{more} have no label: the model has no class of that name",
            names.join(", ")
        )
    })
}

/// A model's predictions on labelled images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Images by label (row) and predicted class (column), `[classes, classes]`.
    pub counts: Vec<Vec<u32>>,
}

impl Confusion {
    /// Of the rows of one model, whose logits `answer` picks; none if no labelled
    /// image was answered.
    #[must_use]
    pub fn of<'a>(
        rows: impl IntoIterator<Item = &'a Classified>,
        classes: usize,
        answer: impl Fn(&Classified) -> Option<&[f32]>,
    ) -> Option<Self> {
        let mut confusion = Self::new(classes);
        for row in rows {
            let predicted = answer(row).and_then(predicted);
            if let Some((label, predicted)) = row.label.zip(predicted) {
                confusion.count(label, predicted);
            }
        }
        (confusion.total() > 0).then_some(confusion)
    }

    /// Nothing counted yet.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self {
            counts: vec![vec![0; classes]; classes],
        }
    }

    /// Counts one image.
    pub fn count(&mut self, label: usize, predicted: usize) {
        self.counts[label][predicted] += 1;
    }

    /// Number of images with this label.
    #[must_use]
    pub fn images(&self, class: usize) -> u32 {
        self.counts[class].iter().sum()
    }

    /// Number of all images.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts.iter().flatten().sum()
    }

    /// Share of all images that is predicted right.
    #[must_use]
    pub fn top1(&self) -> f64 {
        let right: u32 = (0..self.counts.len()).map(|at| self.counts[at][at]).sum();
        f64::from(right) / f64::from(self.total())
    }

    /// Share of a class's images that is predicted right; not a number without
    /// images.
    #[must_use]
    pub fn recall(&self, class: usize) -> f64 {
        f64::from(self.counts[class][class]) / f64::from(self.images(class))
    }

    /// Share of the images predicted as a class that have its label; not a number
    /// if there is none.
    #[must_use]
    pub fn precision(&self, class: usize) -> f64 {
        let predicted: u32 = self.counts.iter().map(|row| row[class]).sum();
        f64::from(self.counts[class][class]) / f64::from(predicted)
    }

    /// All of it as text: accuracy, recall and precision of every class, and of few
    /// classes also what each is taken for, with their names whole where so many columns
    /// are room for them.
    #[must_use]
    pub fn lines(&self, model: &str, classes: &[String], room: usize) -> Vec<String> {
        let longest = classes.iter().map(|class| format::width_of(class)).max();
        let width = longest.unwrap_or_default().clamp(5, LONGEST_NAME);
        // By cells, which letters may take two of.
        let gap =
            |text: &str, width: usize| " ".repeat(width.saturating_sub(format::width_of(text)));
        let name = |class: usize| {
            let name = format::shorten(&classes[class], width);
            format!("{name}{}", gap(&name, width))
        };
        let images = self.total() as usize;
        let images = format::plural(images, "labelled image", "labelled images");
        let top1 = format::percent(self.top1());
        let mut lines = vec![
            format!("{model}: top-1 {top1} of {images}"),
            format!("  {:width$}  images   recall  precision", "class"),
        ];
        for class in (0..classes.len()).filter(|class| self.images(*class) > 0) {
            lines.push(format!(
                "  {}  {:>6}  {:>7}  {:>9}",
                name(class),
                format::count(self.images(class)),
                format::percent(self.recall(class)),
                format::percent(self.precision(class))
            ));
        }
        if classes.len() > WIDEST_MATRIX {
            return lines;
        }
        // A space before each, and what stands left of the first.
        let fair = room.saturating_sub(width + 3) / classes.len().max(1);
        let column = fair
            .saturating_sub(1)
            .clamp(LEAST_COLUMN, width.max(LEAST_COLUMN));
        let right = |text: &str| format!(" {}{text}", gap(text, column));
        let heads = classes
            .iter()
            .map(|class| right(&format::shorten(class, column)));
        lines.push(format!("  rows: label, columns: {model}'s prediction"));
        lines.push(format!("  {:width$} {}", "", heads.collect::<String>()));
        for (class, row) in self.counts.iter().enumerate() {
            let cells = row.iter().map(|count| right(&count.to_string()));
            lines.push(format!("  {} {}", name(class), cells.collect::<String>()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::Picture;
    use super::*;

    #[test]
    fn the_innermost_folder_that_is_a_class_is_the_label() {
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let label = |path: &str| label_of(Path::new(path), &classes);
        assert_eq!(label("cat/1.png"), Some(0));
        assert_eq!(label("dog/big/1.png"), Some(1));
        assert_eq!(label("cat/dog/1.png"), Some(1));
        assert_eq!(label("cat.png"), None);
        assert_eq!(label("others/1.png"), None);
    }

    #[test]
    fn folders_that_are_named_like_no_class_are_reported_where_others_are() {
        let classes = ["ant", "bee"].map(str::to_owned);
        let warning = |paths: &[&str]| unlabelled_folders(paths, &classes);
        assert_eq!(warning(&["ant/1.png", "bee/more/2.png"]), None);
        assert_eq!(warning(&["photos/1.png", "2.png"]), None);
        let found = warning(&["ant/1.png", "Bee/2.png", "emu/3.png", "4.png"]).unwrap();
        assert!(
            found.starts_with("images in `Bee`, `emu` have no label: "),
            "{found}"
        );
        let found = warning(&["Ant/1.png", "photos/2.png"]).unwrap();
        assert!(
            found.starts_with("images in `Ant` have no label: "),
            "{found}"
        );
    }

    #[test]
    fn names_of_classes_are_whole_in_the_matrix_where_there_is_room() {
        let classes = ["circle", "triangle", "ring"].map(str::to_owned);
        let mut confusion = Confusion::new(3);
        confusion.count(1, 2);
        let heads = |room: usize| confusion.lines("student", &classes, room)[4].clone();
        assert_eq!(heads(80), "              circle triangle     ring");
        assert_eq!(heads(20), "            circle trian…   ring");
        let lines = confusion.lines("student", &classes, 80);
        let widths: Vec<usize> = lines[4..]
            .iter()
            .map(|line| format::width_of(line))
            .collect();
        assert_eq!(widths, [widths[0]; 4]);
    }

    #[test]
    fn labelled_answers_are_counted_and_others_are_not() {
        let row = |label, logits: [f32; 2]| Classified {
            path: "x.png".into(),
            label,
            picture: Picture {
                width: 0,
                height: 0,
                rgb: Vec::new(),
            },
            student: Some(logits.to_vec()),
            teacher: None,
            milliseconds: 0.0,
        };
        let rows = [
            row(Some(0), [2.0, 1.0]),
            row(Some(0), [0.0, 1.0]),
            row(Some(1), [0.0, 1.0]),
            row(None, [0.0, 1.0]),
            row(Some(0), [f32::NAN, 1.0]),
        ];
        let student = Confusion::of(&rows, 2, |row| row.student.as_deref()).unwrap();
        assert_eq!(student.counts, [vec![1, 1], vec![0, 1]]);
        assert_eq!((student.total(), student.images(0)), (3, 2));
        assert_eq!(student.top1(), 2.0 / 3.0);
        assert_eq!((student.recall(0), student.precision(1)), (0.5, 0.5));
        assert_eq!(Confusion::of(&rows, 2, |row| row.teacher.as_deref()), None);
        assert_eq!(
            Confusion::of(&rows[3..], 2, |row| row.student.as_deref()),
            None
        );
    }
}
