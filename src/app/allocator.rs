//! How the C library hands out memory.
//!
//! Every pass over a network takes and frees buffers of megabytes. glibc gives such
//! memory back to the system each time, which then clears every page of it again: a third
//! of the time of an inference with libtorch, and 5 % of a step of the pure-Rust backend.
#![expect(
    unsafe_code,
    reason = "glibc's settings are C functions; no library wraps them"
)]

/// From how many bytes on a buffer is mapped by itself, and how many freed ones are kept;
/// with the variables of the environment that set the same.
const SETTINGS: [(libc::c_int, &str); 2] = [
    (libc::M_MMAP_THRESHOLD, "MALLOC_MMAP_THRESHOLD_"),
    (libc::M_TRIM_THRESHOLD, "MALLOC_TRIM_THRESHOLD_"),
];

/// Bytes.
const MOST_KEPT: libc::c_int = 1 << 30;

/// Keeps freed memory for the next buffers, up to a gigabyte. Comes before threads are
/// started. What the environment sets itself stays.
pub fn keep_freed_memory() {
    for (setting, variable) in SETTINGS {
        if std::env::var_os(variable).is_none() {
            // SAFETY: it takes two numbers and changes glibc's own state under its lock.
            unsafe { libc::mallopt(setting, MOST_KEPT) };
        }
    }
}
