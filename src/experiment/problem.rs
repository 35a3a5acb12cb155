//! One thing that is wrong with an experiment, before it has a place in a file.

use std::fmt;

/// A value that cannot be used: where it stands, what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path from the root of the experiment, list elements as `[i]`:
    /// `method.AdaptiveAugmentation.p_max`, `augment[2]`.
    pub path: String,
    /// What is wrong, with the value and what was expected.
    pub message: String,
    /// What to do about it, if there is something to say.
    pub help: Option<String>,
    /// Paths of other values without which it would not be a problem. Where one
    /// of them could not be read, the problem is not worth reporting.
    pub depends_on: Vec<String>,
    /// Whether the name at the end of the path is wrong, not the value.
    pub on_name: bool,
    /// Whether the text is right, and a file or folder that it names is not there.
    pub is_missing: bool,
}

impl Problem {
    /// A problem at `path`.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            help: None,
            depends_on: Vec::new(),
            on_name: false,
            is_missing: false,
        }
    }

    /// The same problem, which exists only together with the value at `path`.
    #[must_use]
    pub fn depends_on(mut self, path: impl Into<String>) -> Self {
        self.depends_on.push(path.into());
        self
    }

    /// The same problem with a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem, of the name at the end of the path.
    #[must_use]
    pub fn on_name(mut self) -> Self {
        self.on_name = true;
        self
    }

    /// The same problem, of a file or folder that is not there.
    #[must_use]
    pub fn missing(mut self) -> Self {
        self.is_missing = true;
        self
    }

    /// The same problem, seen from one level further out.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.path = joined(prefix, &self.path);
        for path in &mut self.depends_on {
            *path = joined(prefix, path);
        }
        self
    }

    /// The same problem, of a value that stands at `to` as others do at `from`.
    #[must_use]
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        for path in std::iter::once(&mut self.path).chain(&mut self.depends_on) {
            if let Some(rest) = path.strip_prefix(from)
                && (rest.is_empty() || rest.starts_with(['.', '[']))
            {
                *path = format!("{to}{rest}");
            }
        }
        self
    }
}

fn joined(prefix: &str, path: &str) -> String {
    match (prefix, path) {
        ("", path) => path.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, path) if path.starts_with('[') => format!("{prefix}{path}"),
        (prefix, path) => format!("{prefix}.{path}"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}
