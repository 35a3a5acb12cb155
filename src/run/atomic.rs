//! Files that are either the old or the new one, never half of each.
//!
//! A file is written beside its place, synced, and renamed over it; the rename
//! is atomic on every file system we care about. Then the folder is synced, so
//! that the rename itself survives a loss of power.

use crate::untrusted::{Show as _, not_a_folder};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::OnceLock;

use tempfile::NamedTempFile;

/// Name of a file before it is moved to its place.
pub(super) const WRITING: &str = ".writing-";

/// Replaces or creates the file at `path` with `bytes`.
///
/// # Errors
/// What the file system says; the old file is then untouched.
pub fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_from(path, bytes)
}

/// As [`write_file`], with all that is read from `content`.
///
/// # Errors
/// As [`write_file`], and what reading says.
pub(super) fn write_from(path: &Path, content: impl Read) -> io::Result<()> {
    replace(path, content, share_file)
}

/// As [`write_file`], for a file that is held against what it must be before it
/// gets its name. `check` sees it under another one; what it refuses leaves nothing
/// behind.
///
/// # Errors
/// As [`write_file`]; what `check` says is the inner result.
pub fn write_checked<T, E>(
    path: &Path,
    bytes: &[u8],
    check: impl FnOnce(&Path) -> Result<T, E>,
) -> io::Result<Result<T, E>> {
    let beside = written_beside(path, bytes)?;
    let checked = check(beside.path());
    if checked.is_ok() {
        share_file(beside.as_file())?;
        take_place(beside, path)?;
    }
    Ok(checked)
}

/// Replaces or creates the folder at `path` with what `fill` writes into an empty one.
///
/// # Errors
/// Those of `fill`, and what the file system says; the old folder is then untouched.
pub fn write_folder<T>(path: &Path, fill: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let mut builder = tempfile::Builder::new();
    let beside = builder.prefix(WRITING).tempdir_in(parent(path)?);
    // The message would name the temporary folder, which is called otherwise each time.
    let beside = beside.map_err(|error| io::Error::from(error.kind()))?;
    let [new, old] = ["new", "old"].map(|name| beside.path().join(name));
    fs::create_dir(&new)?;
    let filled = fill(&new)?;
    sync_tree(&new)?;
    match fs::rename(path, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Err(error) = fs::rename(&new, path) {
        let _ = fs::rename(&old, path);
        return Err(error);
    }
    sync_folder(parent(path)?)?;
    Ok(filled)
}

/// As [`write_file`], for a file that belongs to a person: a link stays one, and
/// what it leads to is replaced; owner and permissions stay as they are.
///
/// # Errors
/// As [`write_file`], and if the file must not be written: its permissions say
/// so to everybody, whom the system would not stop, too.
pub fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let place = linked(path)?;
    let known = match fs::metadata(&place) {
        Ok(known) => known,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return write_file(&place, bytes),
        Err(error) => return Err(error),
    };
    if is_read_only(&known) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is read-only", place.shown()),
        ));
    }
    replace(&place, bytes, |file| copy_metadata(file, &known))
}

/// Links that are followed, as on Linux.
const MOST_LINKS: usize = 40;

/// Where a path leads, whether anything is there or not.
fn linked(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&place) {
            Ok(to) => place = parent(&place)?.join(to),
            // No link, or nothing: that is reported when it is written.
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{} is a link that leads back to itself", path.shown()),
    ))
}

fn replace(
    path: &Path,
    content: impl Read,
    ready: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let beside = written_beside(path, content)?;
    ready(beside.as_file())?;
    take_place(beside, path)
}

/// A file with this content beside a place, on the disk.
fn written_beside(path: &Path, mut content: impl Read) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let mut private = OpenOptions::new();
    private.read(true).write(true).create_new(true).mode(0o600);
    // Opened here, because errors of `tempfile` name the temporary file, which is called
    // otherwise each time and says nothing to a person.
    let builder = builder.prefix(WRITING);
    let beside = builder.make_in(parent(path)?, |path| private.open(path))?;
    // Shows that somebody writes it; a file system without locks is recognised by the
    // file's age.
    let _ = beside.as_file().try_lock();
    io::copy(&mut content, &mut beside.as_file())?;
    beside.as_file().sync_all()?;
    Ok(beside)
}

fn take_place(beside: NamedTempFile, path: &Path) -> io::Result<()> {
    beside.persist(path).map_err(|error| error.error)?;
    sync_folder(parent(path)?)
}

/// The folder that holds `path`.
pub fn parent(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(folder) => Ok(folder),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} has no folder", path.shown()),
        )),
    }
}

/// Makes a folder that was temporary, and so private, one for everybody who may
/// read the checkpoints.
///
/// # Errors
/// What the file system says.
#[cfg(unix)]
pub fn share(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777 & !umask()))
}

/// As on Unix, where there is anything to do.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
pub fn share(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Temporary files are private; what they become is for everybody who may read
/// the run, such as a colleague on the same shared disk.
#[cfg(unix)]
fn share_file(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o666 & !umask()))
}

/// What the person who started the program gives nobody else, as everything else that
/// is made here has it. Asking the system would change it for a moment.
#[cfg(unix)]
fn umask() -> u32 {
    static MASK: OnceLock<u32> = OnceLock::new();
    *MASK.get_or_init(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        umask_of(&status).unwrap_or(0o022)
    })
}

#[cfg(unix)]
fn umask_of(status: &str) -> Option<u32> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(mask.trim(), 8).ok()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
fn share_file(_: &File) -> io::Result<()> {
    Ok(())
}

/// Whether a file's owner must not write it.
#[cfg(unix)]
fn is_read_only(known: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    known.permissions().mode() & 0o200 == 0
}

#[cfg(not(unix))]
fn is_read_only(known: &fs::Metadata) -> bool {
    known.permissions().readonly()
}

/// Gives a new file the owner and the permissions of the one before.
#[cfg(unix)]
fn copy_metadata(file: &File, before: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        // Only root may give files away; for others the file becomes theirs.
        let _ = fchown(file, Some(before.uid()), Some(before.gid()));
    }
    file.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn copy_metadata(file: &File, before: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(before.permissions())
}

/// Makes renames and removals in a folder durable.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows has no way to sync a folder; its renames are journalled.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a folder, and the ones above it that are not there either, durably. One that
/// is there is left as it is.
///
/// # Errors
/// What the file system says; what stands in a folder's place.
pub fn create_folders(folder: &Path) -> io::Result<()> {
    // The empty path is the folder that the program runs in.
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    create_folders(parent(folder)?)?;
    create_folder(folder)
}

/// As [`create_folders`], in a folder that is not made: it may have been removed on
/// purpose.
///
/// # Errors
/// As [`create_folders`].
pub fn create_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(parent(folder)?),
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(not_a_folder(folder).unwrap_or(error)),
    }
}

/// Makes every file below a folder durable.
pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::options()
                .read(true)
                .write(true)
                .open(entry.path())?
                .sync_all()?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        write_file(&path, b"old").unwrap();
        write_file(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_refuses_a_file_is_named_without_that_of_the_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let errors = [(); 2].map(|()| {
            let error = write_file(&folder.path().join("lost/notes.txt"), b"new").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
            error.to_string()
        });
        assert!(!errors[0].contains(WRITING), "{errors:?}");
        assert_eq!(errors[0], errors[1]);
    }

    #[cfg(unix)]
    #[test]
    fn what_stands_in_the_place_of_a_folder_is_named() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "").unwrap();
        crate::untrusted::testing::make_pipe(&at("pipe"));
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        for (name, what) in [
            ("file", "a file"),
            ("pipe", "a pipe"),
            ("link", "a symbolic link that leads nowhere"),
        ] {
            for (folder, make) in [
                (at(name), create_folder as fn(&Path) -> io::Result<()>),
                (at(name), create_folders),
                (at(name).join("below/more"), create_folders),
            ] {
                let message = make(&folder).unwrap_err().to_string();
                let named = format!("{} is {what}, not a folder; ", at(name).shown());
                assert!(message.starts_with(&named), "{message}");
            }
        }
        create_folders(&at("new/er")).unwrap();
        create_folder(&at("new/er")).unwrap();
        assert!(create_folder(&at("gone/new")).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn what_is_written_is_for_those_whom_the_person_lets_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let status = "Name:\tworkbench\nUmask:\t0077\nState:\tR\n";
        assert_eq!(umask_of(status), Some(0o077));
        assert_eq!(umask_of("Name:\tworkbench\n"), None);
        let folder = tempfile::tempdir().unwrap();
        let [plain, ours] = ["plain", "ours"].map(|name| folder.path().join(name));
        fs::write(&plain, b"").unwrap();
        write_file(&ours, b"").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[cfg(unix)]
    #[test]
    fn a_persons_file_keeps_its_link_and_its_permissions() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let place = tempfile::tempdir().unwrap();
        let (mine, file) = (place.path().join("mine"), place.path().join("file.ron"));
        fs::create_dir(&mine).unwrap();
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        let link = mine.join("link.ron");
        symlink("../file.ron", &link).unwrap();
        write_through(&link, b"new").unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("../file.ron"));
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o664);
        fs::remove_file(&file).unwrap();
        write_through(&link, b"again").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"again");
        symlink("round.ron", mine.join("round.ron")).unwrap();
        assert!(write_through(&mine.join("round.ron"), b"x").is_err());
        assert_eq!(fs::read_dir(&mine).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_file_is_not_replaced_by_anybody() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.ron");
        fs::write(&path, "kept").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let message = write_through(&path, b"new").unwrap_err().to_string();
        assert!(message.ends_with("a.ron is read-only"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"kept");
    }

    #[test]
    fn folders_are_made_with_those_above_them_and_a_file_in_their_way_is_reported() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b/c");
        create_folders(&folder).unwrap();
        create_folders(&folder).unwrap();
        assert!(folder.is_dir());
        fs::write(place.path().join("file"), "").unwrap();
        assert!(create_folders(&place.path().join("file/d")).is_err());
        assert!(create_folders(&place.path().join("file")).is_err());
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_or_stays_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("made");
        let fill = |name: &'static str| {
            move |place: &Path| {
                fs::create_dir(place.join("below"))?;
                fs::write(place.join("below").join(name), b"x")
            }
        };
        write_folder(&folder, fill("old")).unwrap();
        let failed = write_folder(&folder, |place| {
            fs::write(place.join("half"), b"x")?;
            Err::<(), _>(io::Error::other("no room"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no room");
        assert!(folder.join("below/old").exists() && !folder.join("half").exists());
        write_folder(&folder, fill("new")).unwrap();
        assert!(folder.join("below/new").exists() && !folder.join("below/old").exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        let absent = write_folder(&place.path().join("absent/made"), fill("new"));
        assert_eq!(absent.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("inside"), b"kept").unwrap();
        assert!(write_file(&taken, b"new").is_err());
        assert_eq!(fs::read(taken.join("inside")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
