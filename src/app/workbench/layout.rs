//! How charts are laid out, kept in the XDG state folder from one start to the
//! next.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};
use thiserror::Error;

use crate::run::atomic::{create_folders, write_file};
use crate::ui::Layout;
use crate::untrusted::{Show as _, read_text_limited};

/// Folder under the user's state folder.
const FOLDER: &str = "workbench";

/// A layout is a few lines; a larger file is something else.
const LARGEST: u64 = 1 << 20;

/// A layout was not kept.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// It has no form as a text.
    #[error("could not save the layout: {0}")]
    Form(#[from] ron::Error),
    /// The file system refuses.
    #[error("could not save the layout to {}: {source}", path.shown())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The layout that was kept last. Without one, or with one that cannot be read,
/// that of a first start: nobody wrote it by hand.
pub fn read() -> Layout {
    path().map(|path| read_from(&path)).unwrap_or_default()
}

fn read_from(path: &Path) -> Layout {
    let text = read_text_limited(path, LARGEST).ok();
    text.and_then(|text| ron::from_str(&text).ok())
        .unwrap_or_default()
}

/// Keeps a layout; does nothing where nobody is at home, as for some services.
pub fn write(layout: &Layout) -> Result<(), LayoutError> {
    path().map_or(Ok(()), |path| write_to(&path, layout))
}

fn write_to(path: &Path, layout: &Layout) -> Result<(), LayoutError> {
    let text = ron::ser::to_string_pretty(layout, ron::ser::PrettyConfig::default())?;
    path.parent()
        .map_or(Ok(()), create_folders)
        .and_then(|()| write_file(path, text.as_bytes()))
        .map_err(|source| LayoutError::Io {
            path: path.to_owned(),
            source,
        })
}

fn path() -> Option<PathBuf> {
    let strategy = choose_base_strategy().ok()?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(folder.join(FOLDER).join("layout.ron"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_layout_comes_back_and_a_damaged_one_is_that_of_a_first_start() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("in/layout.ron");
        let mut layout = Layout::default();
        layout.panes.run = Some(41);
        write_to(&path, &layout).unwrap();
        assert_eq!(read_from(&path), layout);
        fs::write(&path, "(panes: (").unwrap();
        assert_eq!(read_from(&path), Layout::default());
        let under_a_file = path.join("layout.ron");
        let refused = write_to(&under_a_file, &layout).unwrap_err();
        assert!(refused.to_string().contains("in/layout.ron"), "{refused}");
    }
}
