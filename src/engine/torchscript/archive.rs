//! The archive that a TorchScript file is: distinguished from all else, and what it says of
//! itself, before any of it runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{TorchScriptError, unusable};
use crate::engine::weights::archive::{Entry, content, entries};
use crate::untrusted::contents::start_of;
use crate::untrusted::{Contents, clean_line, open_regular};

/// Longest file that is read, bytes.
const LONGEST: u64 = 8 << 30;
/// Longest part that is unpacked or looked at, bytes: code, names and shapes.
const LONGEST_PART: u64 = 64 << 20;
/// Code and other parts that are packed, all together, bytes.
const LONGEST_PACKED: u64 = 256 << 20;

/// What to do about a file that is none.
const SAVE: &str = "save a program in PyTorch: torch.jit.trace(model.eval(), \
                    images).save(\"teacher.pt\")";

/// Texts that a file may hold, as `_extra_files` of torch.jit.save.
const TEXTS: [&str; 4] = ["classes", "size", "mean", "std"];

/// A TorchScript file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptFile {
    path: PathBuf,
    /// Texts that it holds.
    pub metadata: BTreeMap<String, String>,
    /// Bytes of its weights.
    pub weights: u64,
    /// Whether it was saved while it trained.
    pub is_training: bool,
    /// Whether it was saved on a GPU.
    pub is_on_gpu: bool,
}

impl ScriptFile {
    /// Looks at a file. Nothing of it runs, and nothing is waited for.
    ///
    /// # Errors
    /// It is something else, which is named, or damaged.
    pub fn open(path: &Path) -> Result<Self, TorchScriptError> {
        let unreadable = |error| TorchScriptError::Unreadable {
            path: path.to_owned(),
            error,
        };
        let problem = |problem: String| unusable(path, problem);
        let file = open_regular(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let start = start_of(&file).map_err(unreadable)?;
        match Contents::of(&start) {
            Contents::Zip => {}
            other => {
                let text = other.describe("TorchScript file", SAVE);
                let text = text.unwrap_or_else(|| format!("none; {SAVE}"));
                return Err(problem(format!("it is {text}")));
            }
        }
        if length > LONGEST {
            return Err(problem(format!(
                "it has {length} bytes, and at most {LONGEST} are read"
            )));
        }
        let entries = entries(&file, length).map_err(|fault| TorchScriptError::Archive {
            path: path.to_owned(),
            fault,
        })?;
        Self::of_parts(path, &file, &entries).map_err(problem)
    }

    fn of_parts(path: &Path, file: &File, entries: &[Entry]) -> Result<Self, String> {
        let parts = Parts::of(entries)?;
        let packed = entries.iter().filter(|entry| entry.packed);
        let packed = packed.fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        let is_pickle = |entry: &Entry| {
            Path::new(&entry.name)
                .extension()
                .is_some_and(|it| it == "pkl")
        };
        let is_read = |entry: &&Entry| entry.packed || is_pickle(entry);
        let mut read = entries.iter().filter(is_read);
        if let Some(entry) = read.find(|entry| entry.size > LONGEST_PART) {
            return Err(format!(
                "`{}` in it takes {} bytes, and at most {LONGEST_PART} are read",
                clean_line(&entry.name),
                entry.size
            ));
        }
        if packed > LONGEST_PACKED {
            return Err(format!(
                "its code takes {packed} bytes, and at most {LONGEST_PACKED} are read"
            ));
        }
        let text = |name: &&str| {
            let entry = parts.get(&format!("extra/{name}"));
            let bytes = content(file, entry.filter(|it| it.size <= LONGEST_PART)?)?;
            Some(((*name).to_owned(), String::from_utf8(bytes).ok()?))
        };
        let pickle = parts.get("data.pkl").and_then(|entry| content(file, entry));
        let pickle = pickle.unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            metadata: TEXTS.iter().filter_map(text).collect(),
            weights: parts.weights(),
            is_training: is_training(&pickle),
            is_on_gpu: has(&pickle, b"cuda:"),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The parts of a TorchScript archive, by their names in its folder.
struct Parts<'a>(BTreeMap<&'a str, &'a Entry>);

impl<'a> Parts<'a> {
    fn of(entries: &'a [Entry]) -> Result<Self, String> {
        let ending = |end: &'a str| {
            let roots = entries
                .iter()
                .filter_map(move |it| it.name.strip_suffix(end));
            let roots = roots.filter(|root| root.is_empty() || root.ends_with('/'));
            roots.min_by_key(|root| root.len())
        };
        let Some(root) = ending("constants.pkl") else {
            return Err(if ending("archive_format").is_some() {
                "it is a program that torch.export saved; in PyTorch: \
                 torch.jit.trace(torch.export.load(path).module(), images).save(\"teacher.pt\")"
                    .to_owned()
            } else if ending("data.pkl").is_some() {
                format!(
                    "it holds weights without their architecture, as torch.save writes; write its model \
                     and weights: File(\"…\"), or {SAVE}"
                )
            } else {
                format!("it is a zip archive of something else; {SAVE}")
            });
        };
        let within = |entry: &'a Entry| Some((entry.name.strip_prefix(root)?, entry));
        let parts = Self(entries.iter().filter_map(within).collect());
        let has_code = parts.0.keys().any(|name| name.starts_with("code/"));
        if !has_code || !parts.0.contains_key("data.pkl") {
            return Err(format!(
                "it is a TorchScript archive without its code or its data; {SAVE}"
            ));
        }
        Ok(parts)
    }

    fn get(&self, name: &str) -> Option<&'a Entry> {
        self.0.get(name).copied()
    }

    /// Bytes of all tensors.
    fn weights(&self) -> u64 {
        let is_tensor = |name: &str| name.starts_with("data/") || name.starts_with("constants/");
        let tensors = self.0.iter().filter(|(name, _)| is_tensor(name));
        tensors.fold(0, |sum, (_, entry)| sum.saturating_add(entry.size))
    }
}

/// Whether the outermost module says that it trains: the first value of that name in
/// its pickle, true.
fn is_training(pickle: &[u8]) -> bool {
    const NAME: &[u8] = b"X\x08\0\0\0training";
    const TRUE: u8 = 0x88;
    let Some(at) = pickle.windows(NAME.len()).position(|it| it == NAME) else {
        return false;
    };
    // A name is given a number before its value follows.
    match &pickle[at + NAME.len()..] {
        [b'q', _, value, ..] | [b'r', _, _, _, _, value, ..] | [value, ..] => *value == TRUE,
        [] => false,
    }
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
