//! How charts are laid out, kept in the XDG state folder from one start to the
//! next.

use std::fs;
use std::path::PathBuf;

use etcetera::{BaseStrategy, choose_base_strategy};

use crate::run::atomic::write_file;
use crate::ui::Layout;
use crate::untrusted::read_text_limited;

/// Folder under the user's state folder.
const FOLDER: &str = "workbench";

/// A larger layout is none that was kept.
const LARGEST: u64 = 1 << 20;

/// The layout that was kept last. Without one, or with one that cannot be read,
/// that of a first start: nobody wrote it by hand.
pub fn read() -> Layout {
    let text = path().and_then(|path| read_text_limited(&path, LARGEST).ok());
    text.and_then(|text| ron::from_str(&text).ok())
        .unwrap_or_default()
}

/// Keeps a layout.
pub fn write(layout: &Layout) -> Result<(), String> {
    let Some(path) = path() else {
        return Ok(());
    };
    let failed =
        |error: &dyn std::fmt::Display| format!("could not keep {}: {error}", path.display());
    let text = ron::ser::to_string_pretty(layout, ron::ser::PrettyConfig::default())
        .map_err(|error| failed(&error))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    write_file(&path, text.as_bytes()).map_err(|error| failed(&error))
}

/// None where nobody is at home, as for some services.
fn path() -> Option<PathBuf> {
    let strategy = choose_base_strategy().ok()?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(folder.join(FOLDER).join("layout.ron"))
}
