//! Memory that all images being decoded at the same time share.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Bytes of memory per pixel that the experiment allows an image to have. Images
/// of three bytes a pixel take more, so the largest that are decoded have two
/// thirds of the pixels that are allowed.
const PER_ALLOWED_PIXEL: u64 = 2;

/// Least memory that decoding may take, whatever size images are allowed to have.
const LEAST: u64 = 64 << 20;

/// Less than this is taken without asking.
const NEGLIGIBLE: u64 = 1 << 20;

/// A number of bytes that decoders take their shares of.
#[derive(Debug)]
pub(in crate::data) struct Memory {
    limit: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// A part of the memory, given back when it is dropped.
#[derive(Debug)]
pub(in crate::data) struct Share {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Memory {
    /// As much as images of so many pixels may take.
    pub fn for_pixels(max_pixels: u64) -> Arc<Self> {
        let limit = max_pixels.saturating_mul(PER_ALLOWED_PIXEL).max(LEAST);
        Arc::new(Self {
            limit,
            free: Mutex::new(limit),
            freed: Condvar::new(),
        })
    }

    /// Bytes that there are in all.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits until so many bytes are free and takes them, at most all of them; none
    /// for a negligible number. The holder of a share must not take another.
    pub fn take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        if bytes < NEGLIGIBLE {
            return None;
        }
        let bytes = bytes.min(self.limit);
        // A panic elsewhere leaves a number whole.
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        drop(free);
        Some(Share {
            memory: self.clone(),
            bytes,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let memory = &self.memory;
        *memory.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        memory.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::Memory;

    #[test]
    fn shares_never_add_up_to_more_than_there_is() {
        let memory = Memory::for_pixels(0);
        let (limit, taken) = (memory.limit(), AtomicU64::new(0));
        thread::scope(|scope| {
            for worker in 1..=8 {
                let (memory, taken) = (&memory, &taken);
                scope.spawn(move || {
                    for turn in 1..=50 {
                        let bytes = limit * worker / 9 + turn;
                        let share = memory.take(bytes);
                        let now = taken.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        assert!(now <= limit, "{now}");
                        taken.fetch_sub(bytes, Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        drop(memory.take(u64::MAX));
        assert_eq!(*memory.free.lock().unwrap(), limit);
    }
}
