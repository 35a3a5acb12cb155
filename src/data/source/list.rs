//! Lists of image files: a table with the path of every image, its label and the split
//! that it belongs to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{Found, Labels, Origin, SourceError, order};
use crate::data::file;
use crate::data::image_error::names;
use crate::event::SkippedImage;
use crate::experiment::spec::{ClassOrder, ImageList};
use crate::untrusted::Show as _;

/// A longer file is taken for something else.
const LONGEST: u64 = 1 << 29;

/// Splits that are counted, at most: a column with more holds something else.
const MOST_SPLITS: usize = 16;

/// What columns are called, the best name first.
const PATH: [&str; 4] = ["path", "image", "file", "filename"];
const LABEL: [&str; 2] = ["label", "class"];
const SPLIT: [&str; 3] = ["split", "set", "subset"];

/// A row that is taken.
struct Row {
    /// Of the file, from 1.
    line: u64,
    path: PathBuf,
    /// Empty where labels are not looked for.
    label: String,
}

/// Lists the images of a list, sorted by path: the order of its rows is not part of
/// what they are. Where labels are not looked for, all have the same one, of no name.
pub(super) fn find(
    list: &ImageList,
    labels: Labels,
    order: ClassOrder,
) -> Result<Found, SourceError> {
    let text = read(&list.file)?;
    let (mut rows, splits) = rows(list, &text, labels)?;
    rows.sort_unstable_by(|one, other| one.path.cmp(&other.path).then(one.line.cmp(&other.line)));
    if let Some((first, second)) = twice(&rows) {
        return Err(SourceError::ListTwice {
            path: list.file.clone(),
            image: second.path.clone(),
            lines: (first.line, second.line),
        });
    }
    let distinct: BTreeSet<&str> = rows.iter().map(|row| &*row.label).collect();
    let mut classes: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    order::sort_names(&mut classes, order);
    let number: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let numbers = rows.iter().filter_map(|row| number.get(&*row.label));
    let numbers = numbers.copied().collect();
    let mut notes = order::notes(&classes, order);
    if list.split.is_none() && splits.len() > 1 {
        let named: Vec<String> = splits.keys().cloned().collect();
        notes.push(format!(
            "{} has the splits {}, and the images of all are taken; split: \"…\" beside file takes \
             those of one",
            list.file.shown(),
            names(&named)
        ));
    }
    let missing = missing(list, &rows);
    let paths = rows.into_iter().map(|row| row.path).collect();
    let found = Found::outside_folders(classes, numbers, Origin::Files(paths));
    Ok(Found {
        notes,
        missing,
        splits,
        ..found
    })
}

/// Two of these rows, which are sorted by path, of one image; the earlier one first. The
/// file system is asked only where a path has `..`: `a/../b.png` is `b.png`, unless `a` is
/// a link.
fn twice(rows: &[Row]) -> Option<(&Row, &Row)> {
    let same = rows
        .array_windows()
        .find(|[one, other]| one.path == other.path);
    if let Some([first, second]) = same {
        return Some((first, second));
    }
    let mut resolved: HashMap<PathBuf, &Row> = HashMap::new();
    let has_parents = |row: &&Row| row.path.components().any(|it| it == Component::ParentDir);
    for row in rows.iter().filter(has_parents) {
        let Ok(path) = row.path.canonicalize() else {
            continue;
        };
        let plain = rows.binary_search_by(|other| other.path.cmp(&path));
        let other = plain
            .ok()
            .map(|at| &rows[at])
            .or(resolved.get(&path).copied());
        if let Some(other) = other {
            let is_first = row.line < other.line;
            return Some(if is_first { (row, other) } else { (other, row) });
        }
        resolved.insert(path, row);
    }
    None
}

/// Images that are listed and not there: nobody lists an image to have it left out.
fn missing(list: &ImageList, rows: &[Row]) -> Vec<SkippedImage> {
    let missing = rows.iter().filter(|row| !row.path.exists());
    let missing = missing.map(|row| SkippedImage {
        path: row.path.clone(),
        reason: format!(
            "is missing; line {} of {} names it",
            row.line,
            list.file.shown()
        ),
    });
    missing.collect()
}

/// The file's text, without the mark that some programs write before it.
fn read(path: &Path) -> Result<String, SourceError> {
    let (file, _) = file::open(path).map_err(|error| match error {
        file::OpenError::Empty => SourceError::ListEmpty {
            path: path.to_owned(),
        },
        other => SourceError::open(path)(other),
    })?;
    let mut bytes = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(SourceError::io(path))?;
    if bytes.len() as u64 > LONGEST {
        return Err(SourceError::ListTooLong {
            path: path.to_owned(),
            limit: LONGEST,
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count() as u64;
        row_error(path, line, "is not UTF-8; save the list as UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// What is listed, and the splits that there are.
type Listed = (Vec<Row>, BTreeMap<String, usize>);

fn rows(list: &ImageList, text: &str, labels: Labels) -> Result<Listed, SourceError> {
    let extension = list.file.extension().map(OsStr::to_ascii_lowercase);
    let listed = match extension.as_ref().and_then(|it| it.to_str()) {
        Some("csv") => table(list, text, labels, delimiter(text))?,
        Some("tsv") => table(list, text, labels, b'\t')?,
        _ => (lines(list, text, labels)?, BTreeMap::new()),
    };
    if listed.0.is_empty() {
        return Err(SourceError::ListEmpty {
            path: list.file.clone(),
        });
    }
    Ok(listed)
}

/// Of a CSV file: spreadsheets write semicolons where a comma is a decimal's, and some
/// write tabs.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default().as_bytes();
    let known = [b',', b';', b'\t'].into_iter();
    let mut used = known.filter(|known| header.contains(known));
    used.next().unwrap_or(b',')
}

/// The rows of a table with a header.
fn table(
    list: &ImageList,
    text: &str,
    labels: Labels,
    delimiter: u8,
) -> Result<Listed, SourceError> {
    let path = &list.file;
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        row_error(path, line, &reason(error.kind()))
    };
    let header = reader.headers().map_err(unreadable)?.clone();
    let place = |name: &&str| header.iter().position(|it| it.eq_ignore_ascii_case(name));
    let column = |names: &[&'static str]| {
        let found = names.iter().find_map(place);
        found.ok_or_else(|| SourceError::ListColumn {
            path: path.clone(),
            missing: names[0],
            header: header.iter().map(str::to_owned).collect(),
        })
    };
    let image = column(&PATH)?;
    let label = match labels {
        Labels::FromFolders => Some(column(&LABEL)?),
        Labels::Ignored => None,
    };
    let split_column = match list.split {
        Some(_) => Some(column(&SPLIT)?),
        None => SPLIT.iter().find_map(place),
    };
    let mut rows = Vec::new();
    let mut splits = BTreeMap::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(unreadable)? {
        let line = record.position().map_or(0, csv::Position::line);
        let value = |column: usize| record.get(column).unwrap_or_default();
        if let Some(own) = split_column.map(value) {
            if splits.len() < MOST_SPLITS || splits.contains_key(own) {
                *splits.entry(own.to_owned()).or_default() += 1;
            }
            if list.split.as_deref().is_some_and(|wanted| wanted != own) {
                continue;
            }
        }
        let label = label.map(value);
        rows.push(row(list, line, value(image), label)?);
    }
    match &list.split {
        Some(split) if rows.is_empty() => Err(SourceError::ListSplit {
            path: path.clone(),
            split: split.clone(),
            splits: splits.into_keys().collect(),
        }),
        _ => Ok((rows, splits)),
    }
}

/// The lines of a text: a path, a space or a tab, a label; where labels are not looked
/// for, a path alone, too.
fn lines(list: &ImageList, text: &str, labels: Labels) -> Result<Vec<Row>, SourceError> {
    if list.split.is_some() {
        return Err(SourceError::ListWithoutSplits {
            path: list.file.clone(),
        });
    }
    let written = (1..).zip(text.lines().map(str::trim));
    let written = written.filter(|(_, text)| !text.is_empty());
    let rows = written.map(|(line, text)| {
        let (path, label) = match text.rsplit_once([' ', '\t']) {
            Some((path, label)) => (path.trim_end(), label),
            None => (text, ""),
        };
        let label = (labels == Labels::FromFolders).then_some(label);
        row(list, line, path, label)
    });
    rows.collect()
}

fn row(list: &ImageList, line: u64, path: &str, label: Option<&str>) -> Result<Row, SourceError> {
    if path.is_empty() {
        return Err(row_error(&list.file, line, "names no image"));
    }
    if label.is_some_and(str::is_empty) {
        let why = "has no label; images without one are listed under data.unlabelled";
        return Err(row_error(&list.file, line, why));
    }
    let beside = list.file.parent().unwrap_or(Path::new(""));
    Ok(Row {
        line,
        path: beside.join(path),
        label: label.unwrap_or_default().to_owned(),
    })
}

fn row_error(path: &Path, line: u64, why: &str) -> SourceError {
    SourceError::ListRow {
        path: path.to_owned(),
        line,
        why: why.to_owned(),
    }
}

fn reason(kind: &csv::ErrorKind) -> String {
    match kind {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!(
            "has {len} columns and the header {expected_len}; a value with a comma stands in quotes, \
             and quotes are closed"
        ),
        _ => "is no row of a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Images, classes and labels of a list of this name and text.
    fn found(
        name: &str,
        text: &str,
        (split, labels, order): (Option<&str>, Labels, ClassOrder),
    ) -> Result<Vec<(String, String)>, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        fs::write(&file, text).unwrap();
        let split = split.map(str::to_owned);
        let found = find(&ImageList { file, split }, labels, order);
        let found = found.map_err(|error| {
            let error = error.to_string();
            error.replace(&*dir.path().to_string_lossy(), "DIR")
        })?;
        let Origin::Files(paths) = &found.origin else {
            panic!("a list is of files");
        };
        let paths = paths.iter().enumerate().map(|(at, path)| {
            let path = path.strip_prefix(dir.path()).unwrap_or(path);
            let label = found
                .labels
                .get(at)
                .map_or("", |label| &found.classes[*label as usize]);
            (path.to_string_lossy().into_owned(), label.to_owned())
        });
        Ok(paths.collect())
    }

    const PLAIN: (Option<&str>, Labels, ClassOrder) =
        (None, Labels::FromFolders, ClassOrder::Bytes);

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn a_table_and_a_text_of_the_same_rows_are_the_same_images() {
        let expected = pairs(&[("a b.jpg", "dog"), ("c.png", "cat")]);
        for (name, text) in [
            ("l.csv", "path,label\nc.png,cat\n\"a b.jpg\",dog\n"),
            (
                "l.csv",
                "\u{feff}Label;Filename;note\r\ndog; a b.jpg ;x\r\ncat;c.png;\r\n",
            ),
            ("l.csv", "image\tclass\na b.jpg\tdog\nc.png\tcat\n"),
            ("l.tsv", "image\tclass\na b.jpg\tdog\nc.png\tcat\n"),
            ("l.txt", "c.png cat\n\n  a b.jpg\tdog\n"),
        ] {
            assert_eq!(found(name, text, PLAIN).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn one_file_holds_all_splits() {
        let text = "path,label,split\na,x,train\nb,y,train\nc,x,test\n";
        let of = |split| found("l.csv", text, (Some(split), PLAIN.1, PLAIN.2));
        assert_eq!(of("train").unwrap(), pairs(&[("a", "x"), ("b", "y")]));
        assert_eq!(of("test").unwrap(), pairs(&[("c", "x")]));
        assert_eq!(
            of("valid").unwrap_err(),
            "no row of DIR/l.csv is of the split \"valid\"; there are \"test\", \"train\""
        );
        assert_eq!(found("l.csv", text, PLAIN).unwrap().len(), 3);
    }

    #[test]
    fn missing_images_and_all_splits_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("l.csv");
        fs::write(&file, "path,label,split\nb,x,train\na,y,train\nc,y,tset\n").unwrap();
        fs::write(dir.path().join("a"), "image").unwrap();
        let of = |split: Option<&str>| {
            let split = split.map(str::to_owned);
            let file = file.clone();
            find(
                &ImageList { file, split },
                Labels::FromFolders,
                ClassOrder::Bytes,
            )
            .unwrap()
        };
        let found = of(Some("train"));
        let [missing] = &found.missing[..] else {
            panic!("{:?}", found.missing)
        };
        assert_eq!(missing.path, dir.path().join("b"));
        assert!(
            missing.reason.starts_with("is missing; line 2 of "),
            "{missing:?}"
        );
        let splits = [("train", 2), ("tset", 1)].map(|(name, rows)| (name.to_owned(), rows));
        assert_eq!(found.splits, BTreeMap::from(splits));
        assert_eq!(found.notes, [""; 0]);
        let all = of(None);
        assert_eq!((all.missing.len(), all.splits.len()), (2, 2));
        assert!(
            all.notes[0].contains("has the splits \"train\", \"tset\", and"),
            "{:?}",
            all.notes
        );
    }

    #[test]
    fn labels_are_dropped_where_they_are_not_looked_for() {
        let plan = (None, Labels::Ignored, ClassOrder::Bytes);
        let expected = pairs(&[("a", ""), ("b", "")]);
        assert_eq!(found("l.txt", "b\na x\n", plan).unwrap(), expected);
        assert_eq!(found("l.csv", "path\nb\na\n", plan).unwrap(), expected);
    }

    #[test]
    fn classes_that_are_numbers_may_be_sorted_as_such() {
        let text = "a 10\nb 2\n";
        let dir = tempfile::tempdir().unwrap();
        for image in ["a", "b"] {
            fs::write(dir.path().join(image), "image").unwrap();
        }
        let file = dir.path().join("l.txt");
        fs::write(&file, text).unwrap();
        let list = ImageList { file, split: None };
        let of = |order| find(&list, Labels::FromFolders, order).unwrap();
        let bytes = of(ClassOrder::Bytes);
        assert_eq!(
            (bytes.classes, bytes.labels),
            (vec!["10".to_owned(), "2".to_owned()], vec![0, 1])
        );
        assert!(
            bytes.notes[0].contains("order: Natural"),
            "{:?}",
            bytes.notes
        );
        let natural = of(ClassOrder::Natural);
        assert_eq!((natural.labels, natural.notes.len()), (vec![1, 0], 0));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (name, text, expected) in [
            (
                "l.csv",
                "path,label\na,x\n,y\n",
                "DIR/l.csv, line 3: names no image",
            ),
            (
                "l.csv",
                "path,label\na,\n",
                "DIR/l.csv, line 2: has no label; images without one are listed under data.unlabelled",
            ),
            (
                "l.csv",
                "path,label\na,x,1\n",
                "DIR/l.csv, line 2: has 3 columns and the header 2; a value with a comma stands in quotes, and quotes are closed",
            ),
            (
                "l.csv",
                "name,label\na,x\n",
                "DIR/l.csv has no column \"path\", only \"name\", \"label\"; the first line names the columns",
            ),
            (
                "l.csv",
                "path,name\na,x\n",
                "DIR/l.csv has no column \"label\", only \"path\", \"name\"; the first line names the columns",
            ),
            ("l.csv", "path,label\n", "DIR/l.csv lists no images"),
            ("l.txt", "\n", "DIR/l.txt lists no images"),
            ("l.txt", "", "DIR/l.txt lists no images"),
            (
                "l.txt",
                "a x\nb\n",
                "DIR/l.txt, line 2: has no label; images without one are listed under data.unlabelled",
            ),
            (
                "l.csv",
                "path,label\na,x\nb,y\na,y\n",
                "DIR/l.csv lists DIR/a twice, in lines 2 and 4; remove one of them",
            ),
        ] {
            assert_eq!(found(name, text, PLAIN).unwrap_err(), expected, "{text:?}");
        }
        let split = found("l.txt", "a x\n", (Some("train"), PLAIN.1, PLAIN.2));
        assert!(
            split
                .unwrap_err()
                .contains("l.txt has no column for splits")
        );
        let split = found(
            "l.csv",
            "path,label\na,x\n",
            (Some("train"), PLAIN.1, PLAIN.2),
        );
        assert!(split.unwrap_err().contains("no column \"split\""));
    }

    #[test]
    fn an_image_that_is_listed_under_two_paths_is_listed_twice() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("b.png"), "image").unwrap();
        let file = root.join("l.txt");
        for text in [
            "b.png x\na/../b.png y\n",
            "a/../b.png y\nc.png x\n./b.png x\n",
            "a/../b.png x\na/../a/../b.png y\n",
        ] {
            fs::write(&file, text).unwrap();
            let list = ImageList {
                file: file.clone(),
                split: None,
            };
            let error = find(&list, Labels::FromFolders, ClassOrder::Bytes).unwrap_err();
            assert!(
                error.to_string().contains("b.png twice, in lines 1 and"),
                "{error}"
            );
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_at_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("l.csv");
        fs::write(&file, b"path,label\na,x\n\xff\xfe,y\n").unwrap();
        let list = ImageList { file, split: None };
        let error = find(&list, Labels::FromFolders, ClassOrder::Bytes).unwrap_err();
        assert!(
            error.to_string().contains("line 3: is not UTF-8"),
            "{error}"
        );
    }
}
