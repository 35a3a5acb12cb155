//! What was left in the place of a file that was never fetched.

/// A short text in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandIn {
    /// Git LFS put it there.
    LfsPointer {
        /// Length of the file that it points to.
        bytes: Option<u64>,
    },
    /// git-annex put it there.
    AnnexPointer,
    /// What a server shows people.
    Html,
}

impl StandIn {
    /// What a text is that stands where a file should be.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if let Some(pointer) = text
            .strip_prefix("version https://git-lfs.github.com/")
            .or_else(|| text.strip_prefix("version https://hawser.github.com/"))
        {
            let size = |line: &str| line.strip_prefix("size ")?.trim().parse().ok();
            let bytes = pointer.lines().find_map(size);
            return Some(Self::LfsPointer { bytes });
        }
        if text.starts_with("/annex/objects/") {
            return Some(Self::AnnexPointer);
        }
        let lower = text.to_ascii_lowercase();
        let is_page = lower.contains("<html") || lower.contains("<!doctype html");
        (lower.starts_with('<') && is_page).then_some(Self::Html)
    }

    /// What it is and what to do about it, for people. `what` should be there.
    #[must_use]
    pub fn describe(&self, what: &str) -> String {
        match self {
            Self::LfsPointer { bytes } => {
                let bytes = bytes.map_or_else(String::new, |bytes| format!(" ({bytes} bytes)"));
                format!(
                    "a Git LFS pointer, a short text in place of the {what}{bytes}; run `git lfs \
                     pull` in the repository that it is from"
                )
            }
            Self::AnnexPointer => format!(
                "a git-annex pointer, a short text in place of the {what}; run `git annex get` on \
                 it"
            ),
            Self::Html => format!(
                "an HTML page, such as a login or error page, saved in place of the {what}; \
                 download again, from an address that leads to the file itself"
            ),
        }
    }
}
