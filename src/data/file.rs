//! Opening image files by names that anything may be behind.
//!
//! Beyond what holds for every file from outside, a file of images has content,
//! and it lies on a disk: a file that the kernel makes up says that it is empty
//! and then continues for ever.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::StatFs;
use thiserror::Error;

use crate::untrusted::open_described;

/// Why a name does not lead to a file of images.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    /// The system refuses.
    #[error(transparent)]
    Io(io::Error),
    /// A folder, pipe, socket, device or a file of the kernel.
    #[error("is not a regular file")]
    NotAFile,
    /// A file of no bytes.
    #[error("is empty")]
    Empty,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidInput => Self::NotAFile,
            _ => Self::Io(error),
        }
    }
}

/// Opens a regular file that has content. Never waits.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), OpenError> {
    let (file, metadata) = open_described(path)?;
    if metadata.len() == 0 {
        return Err(OpenError::Empty);
    }
    // What the kernel makes up takes no room anywhere.
    if metadata.blocks() == 0 && is_kernels(&rustix::fs::fstatfs(&file).map_err(io::Error::from)?) {
        return Err(OpenError::NotAFile);
    }
    Ok((file, metadata))
}

/// The first bytes of a file, at most so many.
pub(super) fn start(path: &Path, most: u64) -> Result<Vec<u8>, OpenError> {
    let mut bytes = Vec::with_capacity(most as usize);
    open(path)?.0.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a folder lies in one of the file systems in which the kernel describes
/// itself.
pub(super) fn is_kernels_folder(folder: &Path) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|about| is_kernels(&about))
}

/// Whether a file system is procfs, sysfs, debugfs, tracefs, securityfs, configfs
/// or one of the control groups': the numbers are those of linux/magic.h.
fn is_kernels(about: &StatFs) -> bool {
    const KERNELS: [u32; 8] = [
        0x9FA0,
        0x6265_6572,
        0x6462_6720,
        0x7472_6163,
        0x7363_6673,
        0x6265_6570,
        0x0027_E0EB,
        0x6367_7270,
    ];
    cfg!(target_os = "linux") && KERNELS.contains(&(about.f_type as u32))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{OpenError, open};

    #[test]
    fn a_regular_file_with_content_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "text").unwrap();
        assert_eq!(open(&path).unwrap().1.len(), 4);
    }

    #[test]
    fn a_folder_a_pipe_a_device_and_a_file_of_no_bytes_are_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let pipe = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(pipe.unwrap().success());
        symlink(at("pipe"), at("to-pipe")).unwrap();
        symlink("/dev/zero", at("to-device")).unwrap();
        for odd in [
            dir.path().to_owned(),
            at("pipe"),
            at("to-pipe"),
            at("to-device"),
        ] {
            assert!(matches!(open(&odd), Err(OpenError::NotAFile)), "{odd:?}");
        }
        fs::write(at("nothing"), "").unwrap();
        assert!(matches!(open(&at("nothing")), Err(OpenError::Empty)));
        let missing = open(&at("missing")).unwrap_err().to_string();
        assert!(missing.contains("No such file"), "{missing}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn files_that_the_kernel_makes_up_are_no_files() {
        for path in ["/proc/self/mem", "/proc/kmsg", "/proc/self/environ"] {
            assert!(open(Path::new(path)).is_err(), "{path}");
        }
        // It has a length, unlike those.
        let attribute = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
        if attribute.exists() {
            assert!(matches!(open(attribute), Err(OpenError::NotAFile)));
        }
    }
}
