//! The headers of a tar archive: PyTorch's first format is one, and so is whatever
//! somebody packed weights into. Only names and sizes; no part is unpacked here.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::fault::Fault;
use crate::untrusted::clean_line;

/// Length of a header, of which parts are a multiple.
const BLOCK: u64 = 512;
/// Where in a header the name, the size in octal digits and the kind are.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const KIND: usize = 156;
/// Headers that are read: an archive of a data set has very many.
const MOST: usize = 1000;

/// Checks that an archive of `length` bytes is one that PyTorch wrote.
///
/// # Errors
/// It is another; a file in it is named.
pub fn check(file: &File, length: u64) -> Result<(), Fault> {
    const WEIGHTS: [&str; 5] = [".safetensors", ".pt", ".pth", ".ckpt", ".bin"];
    let names = names(file, length);
    if names.iter().any(|name| name == "storages") {
        return Ok(());
    }
    let is_weights = |name: &&String| WEIGHTS.iter().any(|end| name.ends_with(end));
    Err(match names.iter().find(is_weights).or(names.first()) {
        Some(name) => Fault::Tar(clean_line(name).into_owned()),
        None => Fault::OtherFormat("a tar archive without files in it"),
    })
}

/// Names of the files in an archive, as far as it can be read.
fn names(mut file: &File, length: u64) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0_u64;
    for _ in 0..MOST {
        let mut header = [0; BLOCK as usize];
        let is_within = at.checked_add(BLOCK).is_some_and(|end| end <= length);
        let mut read = |header: &mut [u8]| {
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(header)
        };
        if !is_within || read(&mut header).is_err() || header[0] == 0 {
            break;
        }
        if matches!(header[KIND], 0 | b'0') {
            let name = until_zero(&header[NAME]);
            names.push(name.trim_start_matches("./").to_owned());
        }
        let Ok(size) = u64::from_str_radix(until_zero(&header[SIZE]).trim(), 8) else {
            break;
        };
        let after = size.checked_next_multiple_of(BLOCK);
        let Some(next) = after.and_then(|after| at.checked_add(BLOCK)?.checked_add(after)) else {
            break;
        };
        at = next;
    }
    names
}

fn until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn header(name: &str, kind: u8, size: &str) -> Vec<u8> {
        let mut header = vec![0; BLOCK as usize];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[SIZE.start..SIZE.start + size.len()].copy_from_slice(size.as_bytes());
        header[KIND] = kind;
        header
    }

    fn checked(parts: &[&[u8]]) -> Result<(), Fault> {
        let mut file = tempfile::tempfile().unwrap();
        let bytes = parts.concat();
        file.write_all(&bytes).unwrap();
        check(&file, bytes.len() as u64)
    }

    #[test]
    fn weights_in_an_archive_are_named_and_pytorchs_own_archive_passes() {
        let block = [7; BLOCK as usize];
        let readme = [header("./a/readme.txt", b'0', "00000000003"), block.into()].concat();
        let weights = header("a/model.pth", b'0', "00000000000");
        let named = |name: &str| Err(Fault::Tar(name.to_owned()));
        let folder = header("a/", b'5', "00000000000");
        assert_eq!(checked(&[&folder, &readme, &weights]), named("a/model.pth"));
        assert_eq!(checked(&[&folder, &readme]), named("a/readme.txt"));
        assert_eq!(checked(&[&readme, &header("storages", b'0', "0")]), Ok(()));
        assert!(matches!(checked(&[&folder]), Err(Fault::OtherFormat(_))));
    }

    #[test]
    fn a_size_that_is_none_ends_the_list() {
        for size in ["nonsense", "777777777777", "-1"] {
            let first = header("a.pt", 0, size);
            let found = checked(&[&first, &header("storages", 0, "0")]);
            assert_eq!(found, Err(Fault::Tar("a.pt".to_owned())), "{size}");
        }
    }
}
