//! How many threads libraries may start, whatever the environment asks for.

use std::num::NonZero;
#[cfg(feature = "libtorch")]
use std::sync::OnceLock;
use std::thread::available_parallelism;

/// Threads for each of the machine's cores; more only wait for each other.
const PER_CORE: usize = 4;

/// Threads that are enough on machines with fewer cores than that.
const MOST: usize = 256;

/// Variables by which libraries learn how many threads they have.
pub const THREAD_VARIABLES: [&str; 4] = [
    "RAYON_NUM_THREADS",
    "RTEN_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
];

/// What rayon reads, in its order.
const VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "RAYON_RS_NUM_CPUS"];

/// Holds the libraries that compute to a sensible number of threads, and says so
/// where the environment asks for more: with thousands nothing is ever done. Comes
/// before anything computes. rten and matrixmultiply bound themselves; onnxruntime
/// is given what rayon has.
pub fn bound_threads(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let most = most(cores);
    #[cfg(feature = "libtorch")]
    {
        if usize::try_from(tch::get_num_threads()).is_ok_and(|asked| asked > most) {
            tch::set_num_threads(i32::try_from(most).unwrap_or(i32::MAX));
        }
        of_libtorch();
    }
    let (name, asked) = excess(variable, most)?;
    // Refused only where threads run already, which nobody has started.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(most)
        .build_global();
    Some(format!(
        "{name}={asked} asks for more threads than are of use on {cores} cores; {most} are started"
    ))
}

/// How many threads libtorch shares an operation among. Each of its threads has a number of
/// its own, which a new one takes from the last that was set anywhere: a thread that
/// computes sets it first.
#[cfg(feature = "libtorch")]
pub(super) fn of_libtorch() -> usize {
    static FIRST: OnceLock<usize> = OnceLock::new();
    *FIRST.get_or_init(|| usize::try_from(tch::get_num_threads()).unwrap_or(1))
}

/// Lets this thread share libtorch's operations among so many.
#[cfg(feature = "libtorch")]
pub(super) fn share_among(threads: usize) {
    of_libtorch();
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

/// How many threads this one shares libtorch's operations among.
#[cfg(feature = "libtorch")]
pub(super) fn shared_among() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1)
}

/// The most threads on a machine with so many cores.
fn most(cores: usize) -> usize {
    (cores * PER_CORE).min(MOST).max(cores)
}

/// The variable that rayon would follow beyond `most`, and its value. What is no
/// number is passed over, as rayon does.
fn excess(variable: impl Fn(&str) -> Option<String>, most: usize) -> Option<(&'static str, usize)> {
    let mut numbers = VARIABLES.into_iter().filter_map(|name| {
        let asked = variable(name)?.parse::<usize>().ok()?;
        Some((name, asked))
    });
    numbers.next().filter(|(_, asked)| *asked > most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rayon: &str, older: &str) -> Option<(&'static str, usize)> {
        let variable = |name: &str| {
            let value = if name == VARIABLES[0] { rayon } else { older };
            (!value.is_empty()).then(|| value.to_owned())
        };
        excess(variable, 8)
    }

    #[test]
    fn only_a_number_that_is_followed_and_too_large_is_bounded() {
        assert_eq!(asked("100000", ""), Some((VARIABLES[0], 100_000)));
        assert_eq!(asked("many", "9"), Some((VARIABLES[1], 9)));
        for (rayon, older) in [
            ("8", "100000"),
            ("-5", ""),
            ("0", "9"),
            ("1e9", ""),
            ("", ""),
        ] {
            assert_eq!(asked(rayon, older), None, "{rayon} {older}");
        }
    }

    #[test]
    fn a_machine_always_may_use_all_its_cores() {
        assert_eq!([1, 2, 64, 300].map(most), [4, 8, 256, 300]);
    }
}
