//! What a shared library of Linux is, by its first bytes: the loader takes one that was cut
//! off, and the process is killed where it reads beyond the end.

/// Machines by the numbers of their architectures.
const MACHINES: [(u16, &str); 5] = [
    (3, "x86"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
];

/// A part of the file that is loaded.
const LOADED: u64 = 1;

/// Why a library of this length that starts with these bytes cannot be opened here; none
/// where nothing shows it.
pub fn fault(start: &[u8], length: u64) -> Option<String> {
    let number = |at: usize, bytes: usize| {
        let bytes = start.get(at..at + bytes)?.iter().rev();
        Some(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    let machine = number(18, 2)?;
    let named = MACHINES
        .iter()
        .find(|(code, _)| u64::from(*code) == machine);
    let name = named.map_or_else(
        || format!("machine {machine}"),
        |(_, name)| (*name).to_owned(),
    );
    if name != std::env::consts::ARCH {
        return Some(format!(
            "it is for {name}, and this is {}",
            std::env::consts::ARCH
        ));
    }
    let (is_64, is_little) = (start.get(4) == Some(&2), start.get(5) == Some(&1));
    if !(is_64 && is_little) {
        return None;
    }
    let parts = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let (first, each, count) = parts;
    let needed = (0..count).filter_map(|part| {
        let at = usize::try_from(first.checked_add(part * each)?).ok()?;
        let is_loaded = number(at, 4)? == LOADED;
        let end = number(at + 8, 8)?.saturating_add(number(at + 32, 8)?);
        is_loaded.then_some(end)
    });
    let needed = needed.max().unwrap_or(0);
    (length < needed).then(|| format!("it is cut off: it has {length} bytes of at least {needed}"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::*;

    /// This program is built as a library is.
    fn own() -> Vec<u8> {
        fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_file_that_is_whole_has_no_fault_and_one_that_was_cut_has() {
        let bytes = own();
        let length = bytes.len() as u64;
        assert_eq!(fault(&bytes[..1024], length), None);
        let found = fault(&bytes[..1024], length / 100).unwrap();
        assert!(found.contains("it is cut off"), "{found}");
        assert_eq!(fault(&bytes[..4], 4), None);
    }

    #[test]
    fn one_for_another_machine_is_named() {
        let mut bytes = own();
        bytes[18..20].copy_from_slice(&8_u16.to_le_bytes());
        let found = fault(&bytes, 1 << 20).unwrap();
        assert!(
            found.starts_with("it is for machine 8, and this is"),
            "{found}"
        );
    }
}
