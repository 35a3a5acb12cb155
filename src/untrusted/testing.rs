//! Hostile files, for tests of the code that opens some.

use std::fs::File;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

/// Makes a pipe with a name: opening it to read waits for a writer.
pub(crate) fn make_pipe(path: &Path) {
    let _ = std::fs::remove_file(path);
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    assert!(path.metadata().unwrap().file_type().is_fifo());
}

/// Makes a file longer by so many bytes that take no room: they read as zeros.
pub(crate) fn grow_sparse(path: &Path, bytes: u64) {
    let file = File::options().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length + bytes).unwrap();
}
