//! A file that only grows, by whole pieces: what a process that died left half
//! written at its end is cut off before anything is appended.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::atomic::write_from;
use crate::untrusted::files::{data_end, open_regular_with};
use crate::untrusted::{FileId, is_absent, open_regular};

/// A file that is appended to.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    /// Bytes of whole pieces.
    length: u64,
}

/// What the system refused, for an error that names the file.
#[derive(Debug)]
pub struct Refused {
    /// What was tried.
    pub action: &'static str,
    /// Why not.
    pub source: io::Error,
}

/// Notes what was tried.
fn refused(action: &'static str) -> impl FnOnce(io::Error) -> Refused {
    move |source| Refused { action, source }
}

impl AppendFile {
    /// Opens a file of which the first `length` bytes are whole pieces, or
    /// begins one. What comes after them is cut off.
    pub fn open(path: &Path, length: u64) -> Result<Self, Refused> {
        own(path, length).map_err(refused("open"))?;
        let file = open_regular_with(path, File::options().append(true).create(true))
            .map_err(refused("open"))?;
        let file = Self { file, length };
        file.cut_off_torn_end()?;
        Ok(file)
    }

    /// Appends a piece with one write.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), Refused> {
        if let Err(source) = self.file.write_all(piece) {
            // A disk that fills up takes half a piece. If it can't be cut off
            // now, the next process that appends does it.
            let _ = self.cut_off_torn_end();
            return Err(refused("write")(source));
        }
        self.length += piece.len() as u64;
        Ok(())
    }

    /// Waits until everything appended is on the disk.
    pub fn sync(&self) -> Result<(), Refused> {
        self.file.sync_data().map_err(refused("sync"))
    }

    /// Bytes of whole pieces.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that the file has now: other than [`length`](Self::length) if
    /// somebody else cut it off or wrote to it.
    pub fn length_on_disk(&self) -> Result<u64, Refused> {
        let metadata = self.file.metadata().map_err(refused("look at"))?;
        Ok(metadata.len())
    }

    /// What was opened, to be held against what its path leads to later.
    pub fn id(&self) -> Result<FileId, Refused> {
        let metadata = self.file.metadata().map_err(refused("look at"))?;
        Ok(FileId::of(&metadata))
    }

    fn cut_off_torn_end(&self) -> Result<(), Refused> {
        self.file.set_len(self.length).map_err(refused("repair"))
    }
}

/// CRC-32C of the first bytes of such a file, as a checkpoint notes it.
///
/// # Errors
/// What the file system says.
pub fn crc_of(path: &Path, bytes: u64) -> io::Result<u32> {
    let mut file = open_regular(path)?.take(bytes);
    let mut buffer = vec![0; 1 << 16];
    let mut crc = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(crc),
            read => crc = crc32c::crc32c_append(crc, &buffer[..read]),
        }
    }
}

/// Gives a file that has other names, as in a copy of its folder by hard links, a
/// content of its own, which is at most its first `most` bytes, without a hole at its
/// end: what is appended under this name is not theirs.
pub fn own(path: &Path, most: u64) -> io::Result<()> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    if file.metadata()?.nlink() > 1 {
        let end = data_end(&file)?;
        (&file).rewind()?;
        write_from(path, file.take(most.min(end)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::untrusted::testing::{grow_sparse, make_pipe};

    #[test]
    fn what_is_torn_is_cut_off_before_anything_is_appended() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pieces");
        fs::write(&path, "whole\nhal").unwrap();
        let mut file = AppendFile::open(&path, 6).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\n");
        file.append(b"next\n").unwrap();
        file.sync().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\nnext\n");
    }

    #[test]
    fn a_copy_by_hard_links_is_appended_to_alone() {
        let place = tempfile::tempdir().unwrap();
        let [path, copy] = ["a", "b"].map(|name| place.path().join(name));
        fs::write(&path, "whole\n").unwrap();
        fs::hard_link(&path, &copy).unwrap();
        let mut file = AppendFile::open(&copy, 6).unwrap();
        file.append(b"next\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\n");
        assert_eq!(fs::read_to_string(&copy).unwrap(), "whole\nnext\n");
    }

    #[test]
    fn of_a_file_with_other_names_no_more_is_copied_than_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let [path, copy] = ["a", "b"].map(|name| place.path().join(name));
        let link = || {
            fs::write(&path, "whole\n").unwrap();
            grow_sparse(&path, 1 << 40);
            let _ = fs::remove_file(&copy);
            fs::hard_link(&path, &copy).unwrap();
        };
        link();
        AppendFile::open(&copy, 6).unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "whole\n");
        link();
        own(&copy, u64::MAX).unwrap();
        // As long as a block of the file system.
        assert!(fs::read(&copy).unwrap().starts_with(b"whole\n"));
        assert!(fs::metadata(&path).unwrap().len() > 1 << 40);
    }

    #[test]
    fn gigabytes_of_nothing_are_cut_off_at_once() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pieces");
        fs::write(&path, "whole\n").unwrap();
        grow_sparse(&path, 1 << 40);
        AppendFile::open(&path, 6)
            .unwrap()
            .append(b"next\n")
            .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\nnext\n");
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        make_pipe(&path);
        let refused = AppendFile::open(&path, 0).unwrap_err();
        assert!(refused.source.to_string().contains("it is a pipe"));
    }

    #[test]
    fn what_was_refused_says_what_was_tried() {
        let place = tempfile::tempdir().unwrap();
        let refused = AppendFile::open(place.path(), 0).unwrap_err();
        assert_eq!(refused.action, "open");
    }
}
