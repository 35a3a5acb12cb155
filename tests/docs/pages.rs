//! Pages of Markdown: their blocks of code, links and headings. Knows as much of
//! the format as these pages use.

use std::fs;
use std::path::{Component, Path, PathBuf};

use workbench::experiment::{self, Override};

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Folders whose files are named by their paths.
const FOLDERS: [&str; 8] = [
    ".ci/",
    "assets/",
    "benches/",
    "docs/",
    "experiments/",
    "scripts/",
    "src/",
    "tests/",
];

/// Files that a reader is asked to make.
const OF_THE_READER: [&str; 2] = ["experiments/my-images.ron", "experiments/.unsaved"];

/// A page.
pub struct Page {
    /// Relative to the project, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// A fenced block of code.
pub struct Block {
    /// The line of its fence, from 1.
    pub line: usize,
    /// What stands behind the fence.
    pub language: String,
    /// The code.
    pub text: String,
}

/// README.md and every page of docs/.
pub fn pages() -> Vec<Page> {
    let mut paths = vec!["README.md".to_owned()];
    walk("docs", &mut paths);
    paths.iter().map(|path| Page::read(path)).collect()
}

fn walk(folder: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            // What mdbook writes.
            if path != "docs/book" {
                walk(&path, paths);
            }
        } else if Path::new(&path)
            .extension()
            .is_some_and(|kind| kind == "md")
        {
            paths.push(path);
        }
    }
    paths.sort();
}

impl Page {
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let path = path.to_owned();
        Self { path, text }
    }

    pub fn complaint(&self, line: usize, message: &str) -> String {
        format!("{}:{line}: {message}", self.path)
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut found: Vec<Block> = Vec::new();
        let mut open = false;
        for (line, text) in (1..).zip(self.text.lines()) {
            if let Some(language) = text.trim_start().strip_prefix("```") {
                open = !open;
                if open {
                    found.push(Block {
                        line,
                        language: language.trim().to_owned(),
                        text: String::new(),
                    });
                }
            } else if let (true, Some(block)) = (open, found.last_mut()) {
                block.text += text;
                block.text.push('\n');
            }
        }
        assert!(!open, "{}: a block of code is not closed", self.path);
        found
    }

    /// Lines of prose with their numbers: no blocks of code.
    fn prose(&self) -> Vec<(usize, &str)> {
        let mut open = false;
        let mut found = Vec::new();
        for (line, text) in (1..).zip(self.text.lines()) {
            if text.trim_start().starts_with("```") {
                open = !open;
            } else if !open {
                found.push((line, text));
            }
        }
        found
    }

    /// What stands between backticks in prose, with its line.
    pub fn spans(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (line, text) in self.prose() {
            let inside = text.split('`').skip(1).step_by(2);
            found.extend(inside.map(|span| (line, span.to_owned())));
        }
        found
    }

    /// Lines of code, and spans: whatever may be a command. A line that continues in
    /// the next one, by a `\`, is joined with it.
    pub fn commands(&self) -> Vec<(usize, Vec<String>)> {
        let mut lines = self.spans();
        for block in self.blocks() {
            let code = block.text.replace("\\\n", " ");
            lines.extend(code.lines().map(|text| (block.line, text.to_owned())));
        }
        let indented = self
            .prose()
            .into_iter()
            .filter(|(_, text)| text.starts_with("    "));
        lines.extend(indented.map(|(line, text)| (line, text.to_owned())));
        let words = |(line, text): (usize, String)| Some((line, super::commands::words(&text)?));
        lines.into_iter().filter_map(words).collect()
    }

    /// Pictures that are shown and not there.
    pub fn missing_pictures(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (line, text) in self.prose() {
            for before in ["src=\"", "srcset=\""] {
                let Some((_, picture)) = text.split_once(before) else {
                    continue;
                };
                let picture = picture.split('"').next().unwrap_or_default();
                if !root().join(self.beside(picture)).is_file() {
                    found.push(self.complaint(line, &format!("there is no {picture}")));
                }
            }
        }
        found
    }

    /// Where links lead, with their lines.
    pub fn links(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (line, text) in self.prose() {
            let outside: String = text.split('`').step_by(2).collect();
            for (at, _) in outside.match_indices("](") {
                let to = &outside[at + 2..];
                let end = to.find(')').unwrap_or(to.len());
                found.push((line, to[..end].to_owned()));
            }
        }
        found
    }

    /// Names of the headings, as links write them.
    fn anchors(&self) -> Vec<String> {
        let headings = self.prose().into_iter();
        headings
            .filter(|(_, text)| text.starts_with('#'))
            .map(|(_, text)| slug(text.trim_start_matches('#')))
            .collect()
    }

    /// Links that lead nowhere, on a forge or in the book.
    pub fn dead_links(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (line, link) in self.links() {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => self.path.clone(),
                path => self.beside(path),
            };
            if self.path.starts_with("docs/") && !target.starts_with("docs/") {
                found.push(self.complaint(line, &format!("{link} is not in the book")));
            } else if !path.is_empty() && !root().join(&target).exists() {
                found.push(self.complaint(line, &format!("{link} leads to nothing")));
            } else if !anchor.is_empty() {
                let anchors = match path {
                    "" => self.anchors(),
                    _ => Self::read(&target).anchors(),
                };
                if !anchors.iter().any(|known| known == anchor) {
                    found.push(self.complaint(line, &format!("{link}: there is no such heading")));
                }
            }
        }
        found
    }

    /// A path that starts beside this page, from the project's folder.
    fn beside(&self, path: &str) -> String {
        let mut parts = PathBuf::from(&self.path);
        parts.pop();
        for part in Path::new(path).components() {
            match part {
                Component::ParentDir => _ = parts.pop(),
                part => parts.push(part),
            }
        }
        parts.to_str().unwrap().to_owned()
    }

    /// Files of the project that prose names and that are not there.
    pub fn missing_files(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (line, span) in self.spans() {
            let path = span.split_whitespace().next().unwrap_or_default();
            let ours = FOLDERS.iter().any(|folder| path.starts_with(folder));
            let pattern = path.contains(['*', '<', '…']);
            if ours && !pattern && !OF_THE_READER.contains(&path) && !root().join(path).exists() {
                found.push(self.complaint(line, &format!("there is no {path}")));
            }
        }
        found
    }
}

/// A heading as links write it.
pub fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        ' ' => Some('-'),
        _ => None,
    });
    kept.collect()
}

/// Whether it is a file that a reader is asked to make.
pub fn is_of_the_reader(path: &str) -> bool {
    OF_THE_READER.contains(&path)
}

/// Reads an experiment in a place that has the folders and files that it names.
pub fn load(text: &str, overrides: &[Override]) -> Result<(), String> {
    let place = tempfile::tempdir().unwrap();
    let origin = place.path().join("experiments/example.ron");
    fs::create_dir(place.path().join("experiments")).unwrap();
    for quoted in text.split('"').skip(1).step_by(2) {
        let path = place.path().join("experiments").join(quoted);
        if let (Some(_), Some(folder)) = (path.extension(), path.parent()) {
            fs::create_dir_all(folder).unwrap();
            fs::write(path, "").unwrap();
        } else if quoted.contains('/') {
            // A metric's name makes a folder that nobody asks for.
            fs::create_dir_all(path).unwrap();
        }
    }
    let loaded = experiment::load_text(text, &origin, overrides);
    loaded.map(|_| ()).map_err(|report| report.to_string())
}
