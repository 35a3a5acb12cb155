//! Opening and reading files by names that anything may be behind.
//!
//! A pipe would be waited for without end, a device may do anything as it is
//! opened, a file may claim or have any length. So a name is looked at before it
//! is opened, it is opened without waiting, and what was opened is looked at
//! again, because the name may lead elsewhere by then; and the length is held
//! against a limit before memory is taken.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{OFlags, SeekFrom, seek};
use rustix::io::Errno;

use super::text::Show as _;
use crate::format;

/// Bytes looked at at a time in search of what is not zero.
const CHUNK: usize = 64 * 1024;

/// What a name leads to, whatever it is called: a device and a number on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// That of a file or folder whose metadata were read.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Whether `path` leads to this file now.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn is_at(self, path: &Path) -> io::Result<bool> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Self::of(&metadata) == self),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Which file it is, its length and its times: what shows, without reading it,
/// that it no longer holds what it held. The time of the last change of its entry
/// cannot be set back, and changes with its owner and links, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    id: FileId,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileVersion {
    /// Of a file with this entry.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            id: FileId::of(metadata),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Of the regular file that a name leads to now.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        metadata.is_file().then(|| Self::of(&metadata))
    }

    /// Length and times of change, as bytes. The time of the last change of its entry
    /// is among them, because it cannot be set back.
    #[must_use]
    pub fn stamp(&self) -> Vec<u8> {
        let ((modified, nanos), (changed, its_nanos)) = (self.modified, self.changed);
        let times = [modified, nanos, changed, its_nanos];
        let mut stamp = self.length.to_le_bytes().to_vec();
        stamp.extend(times.iter().flat_map(|time| time.to_le_bytes()));
        stamp
    }

    /// What is other about a file now, as far as is visible without reading it;
    /// none if it may hold what it held.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<&'static str> {
        if self.id != now.id {
            return Some("another file stands in its place");
        }
        if self.length != now.length {
            return Some("its length is not what it was");
        }
        (self.modified != now.modified).then_some("its modification time is not what it was")
    }
}

/// Whether a name leads nowhere, rather than to something that cannot be read.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Opens a regular file to read. Never waits.
///
/// # Errors
/// What the file system says; that it is a folder, a pipe or a device.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_regular_with(path, OpenOptions::new().read(true))
}

/// As [`open_regular`], with the entry of what was opened.
///
/// # Errors
/// As [`open_regular`].
pub fn open_described(path: &Path) -> io::Result<(File, Metadata)> {
    described(path, OpenOptions::new().read(true))
}

/// As [`open_regular`], with other options: to write, to append, to create.
///
/// # Errors
/// As [`open_regular`].
pub fn open_regular_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    Ok(described(path, options)?.0)
}

fn described(path: &Path, options: &mut OpenOptions) -> io::Result<(File, Metadata)> {
    match fs::metadata(path) {
        // Opening a device can already have an effect.
        Ok(metadata) => must_be_regular(&metadata)?,
        // It may be about to be created.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = options.custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    must_be_regular(&metadata)?;
    Ok((file, metadata))
}

/// As [`open_regular_with`], of a file that is the program's own: nothing but the
/// program gives it its name, so a symbolic link there leads astray.
///
/// # Errors
/// As [`open_regular`], and that it is a symbolic link.
pub fn open_unlinked_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    is_replaceable(path)?;
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
    let file = options.custom_flags(flags).open(path)?;
    must_be_regular(&file.metadata()?)?;
    Ok(file)
}

/// Whether there is a file that another can take the place of; nothing there is none.
///
/// # Errors
/// What the file system says; that it is a folder, a pipe, a device or a link.
pub fn is_replaceable(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => must_be_regular(&metadata).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a file that a person names for the program to write to: a regular one
/// or one that is not there yet, `/dev/null`, or what the program prints to, such
/// as `/dev/stdout`. Never waits.
///
/// # Errors
/// As [`open_regular`].
pub fn open_output(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if let Ok(metadata) = fs::metadata(path)
        && !metadata.is_file()
    {
        if let Some(stream) = own_stream(FileId::of(&metadata))? {
            return Ok(stream);
        }
        let null = fs::metadata("/dev/null").map(|null| null.rdev());
        if metadata.file_type().is_char_device() && null.is_ok_and(|it| it == metadata.rdev()) {
            return options.open(path);
        }
    }
    open_regular_with(path, options)
}

/// Standard output or error, if it is that file. Opening a pipe anew would wait
/// for its reader.
fn own_stream(id: FileId) -> io::Result<Option<File>> {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    for stream in [stdout.as_fd(), stderr.as_fd()] {
        let stream = File::from(stream.try_clone_to_owned()?);
        if FileId::of(&stream.metadata()?) == id {
            return Ok(Some(stream));
        }
    }
    Ok(None)
}

/// What a name leads to: `a folder`, `a pipe`; none if nothing is there.
#[must_use]
pub fn kind_at(path: &Path) -> Option<&'static str> {
    match fs::metadata(path) {
        Ok(metadata) => Some(kind_of(&metadata)),
        Err(_) => path
            .is_symlink()
            .then_some("a symbolic link that leads nowhere"),
    }
}

/// Why what is there cannot be used as a folder, and what to do; none if nothing or a
/// folder is there.
#[must_use]
pub fn not_a_folder(path: &Path) -> Option<io::Error> {
    let what = kind_at(path).filter(|_| !path.is_dir())?;
    let message = format!(
        "{} is {what}, not a folder; move it away, or name another folder",
        path.shown()
    );
    Some(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// Why a temporary file could not be written, where, and what to do.
#[must_use]
pub fn no_temporary(error: &io::Error) -> String {
    format!(
        "no temporary file could be written in {}: {error}; free space there, or name another \
         folder with TMPDIR",
        std::env::temp_dir().shown()
    )
}

fn must_be_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = kind_of(metadata);
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("it is {what}, not a regular file"),
    ))
}

fn kind_of(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_file() {
        "a file"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "a device"
    }
}

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open_regular`], and that it is larger, in which case nothing of it was
/// kept.
pub fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = open_described(path)?;
    let length = metadata.len();
    if length > limit {
        return Err(too_large(limit));
    }
    // One byte more than is allowed shows a file that grows meanwhile.
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

/// Reads a whole regular file of at most `limit` bytes as text.
///
/// # Errors
/// As [`read_limited`], and that it is not UTF-8.
pub fn read_text_limited(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_limited(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("byte {at} is not UTF-8 text"),
        )
    })
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("it is larger than {}", format::binary(limit)),
    )
}

/// Where the next byte from `at` on may be that is not zero, with holes passed
/// over; none if only holes follow. A byte that takes room can be zero all the
/// same. The file's own position is moved.
///
/// # Errors
/// What the file system says.
pub fn next_data(file: &File, at: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(next) => Ok(Some(next)),
        Err(Errno::NXIO) => Ok(None),
        // A file system that knows no holes.
        Err(Errno::INVAL | Errno::NOTSUP) => Ok((at < file.metadata()?.len()).then_some(at)),
        Err(error) => Err(error.into()),
    }
}

/// Where the last data ends: only a hole follows.
///
/// # Errors
/// What the file system says.
pub fn data_end(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = 0;
    while let Some(begin) = next_data(file, end)? {
        end = match seek(file, SeekFrom::Hole(begin)) {
            Ok(hole) => hole,
            // It was cut, or the file system knows no holes.
            Err(Errno::NXIO | Errno::INVAL | Errno::NOTSUP) => length,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(end.min(length))
}

/// Whether nothing but zeros follows from `at` on, as a loss of power leaves
/// them where nothing was written yet. Holes cost nothing, however long.
///
/// # Errors
/// What the file system says.
pub fn only_zeros_from(file: &File, mut at: u64) -> io::Result<bool> {
    let mut chunk = vec![0; CHUNK];
    while let Some(next) = next_data(file, at)? {
        let read = match file.read_at(&mut chunk, next) {
            Ok(0) => return Ok(true),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk[..read].iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        at = next + read as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::super::testing::{grow_sparse, make_pipe};
    use super::*;

    const LIMIT: u64 = 1 << 10;

    #[test]
    fn a_file_without_a_limit_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights.data");
        fs::write(&path, [7; 3000]).unwrap();
        assert_eq!(read_limited(&path, u64::MAX).unwrap(), [7; 3000]);
    }

    #[test]
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        make_pipe(&at("pipe"));
        symlink(at("pipe"), at("link-to-a-pipe")).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        assert_eq!(read_limited(&at("link"), LIMIT).unwrap(), b"text");
        for (name, what) in [
            ("pipe", "it is a pipe, not a regular file"),
            ("link-to-a-pipe", "it is a pipe, not a regular file"),
            ("socket", "it is a socket, not a regular file"),
            (".", "it is a folder, not a regular file"),
            ("/dev/zero", "it is a device, not a regular file"),
        ] {
            for options in [
                OpenOptions::new().read(true),
                OpenOptions::new().append(true).create(true),
            ] {
                let error = open_regular_with(&at(name), options).unwrap_err();
                assert_eq!(error.to_string(), what, "{name}");
            }
        }
        let missing = open_regular(&at("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_link_is_not_followed_where_the_program_names_its_own_file() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("outside"), at("dangling")).unwrap();
        for name in ["link", "dangling"] {
            let options = &mut OpenOptions::new();
            let options = options.read(true).append(true).create(true);
            let error = open_unlinked_with(&at(name), options).unwrap_err();
            assert_eq!(
                error.to_string(),
                "it is a symbolic link, not a regular file"
            );
        }
        assert!(!at("outside").exists());
    }

    #[test]
    fn what_is_written_to_is_a_file_or_what_swallows_everything() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        make_pipe(&at("pipe"));
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true);
        for name in ["new", "new", "/dev/null"] {
            open_output(&at(name), options)
                .unwrap()
                .write_all(b"text")
                .unwrap();
        }
        assert_eq!(fs::read_to_string(at("new")).unwrap(), "texttext");
        for name in ["pipe", ".", "/dev/zero"] {
            let error = open_output(&at(name), options).unwrap_err();
            let message = error.to_string();
            assert!(message.ends_with("not a regular file"), "{name}: {message}");
        }
    }

    #[test]
    fn a_file_larger_than_its_limit_is_refused_before_memory_is_taken() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, vec![b'x'; LIMIT as usize]).unwrap();
        assert_eq!(read_text_limited(&path, LIMIT).unwrap().len(), 1 << 10);
        grow_sparse(&path, 1 << 40);
        let error = read_limited(&path, LIMIT).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 1 KiB");
    }

    #[test]
    fn a_file_of_the_kernel_that_hides_its_length_is_read_up_to_the_limit() {
        let error = read_limited(Path::new("/proc/self/maps"), 16).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 16 bytes");
    }

    #[test]
    fn a_file_is_known_by_what_it_is_and_not_by_its_name() {
        let place = tempfile::tempdir().unwrap();
        let (path, moved) = (place.path().join("a"), place.path().join("b"));
        fs::write(&path, "").unwrap();
        let id = FileId::of(&fs::metadata(&path).unwrap());
        assert!(id.is_at(&path).unwrap());
        fs::rename(&path, &moved).unwrap();
        assert!(!id.is_at(&path).unwrap() && id.is_at(&moved).unwrap());
        fs::write(&path, "").unwrap();
        assert!(!id.is_at(&path).unwrap());
        assert!(!id.is_at(&path.join("below")).unwrap());
    }

    #[test]
    fn zeros_are_distinguished_from_data_however_many_there_are() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, "data").unwrap();
        let mut file = File::options().append(true).read(true).open(&path).unwrap();
        assert!(only_zeros_from(&file, 4).unwrap());
        file.write_all(&vec![0; 3 * CHUNK]).unwrap();
        let written = file.metadata().unwrap().len();
        grow_sparse(&path, 1 << 40);
        assert!(only_zeros_from(&file, 4).unwrap());
        assert!(!only_zeros_from(&file, 3).unwrap());
        // File systems count holes in blocks.
        assert!((written..written + (1 << 20)).contains(&data_end(&file).unwrap()));
        file.write_all(b"x").unwrap();
        assert!(!only_zeros_from(&file, 4).unwrap());
    }
}
