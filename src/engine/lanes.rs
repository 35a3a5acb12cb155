//! Work on many things at once, whose results come in order.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
#[cfg(feature = "libtorch")]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
#[cfg(feature = "libtorch")]
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Builder};

use burn::tensor::Device;
#[cfg(feature = "libtorch")]
use rayon::{ThreadPool, ThreadPoolBuilder};

#[cfg(feature = "libtorch")]
use super::{device, threads};

/// Does `work`, which computes on `device`, for every part and gives the results in order.
/// Where this thread shares libtorch's operations among several, as many parts are worked on
/// at once, each by a thread that shares nothing; elsewhere one after another. So what comes
/// of a part does not depend on the number of threads.
pub fn each_alone<I: Send, T: Send>(
    device: &Device,
    parts: Vec<I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    #[cfg(feature = "libtorch")]
    if let Some(lanes) = Lanes::of(device) {
        return lanes.each(lanes.threads, 1, parts, work);
    }
    #[cfg(not(feature = "libtorch"))]
    let _ = device;
    parts.into_iter().map(work).collect()
}

/// The same of a few parts that take equally long: they divide the threads among themselves,
/// where that leaves none over, and share libtorch's operations among theirs. Operations on
/// small images are too short to be shared well. The part of a number always comes to the same
/// thread: libtorch's autograd adds gradients in the order in which a thread recorded what
/// they come from, and a record of two threads would have none that is the same again.
#[cfg(feature = "libtorch")]
pub fn side_by_side<I: Send, T: Send>(
    device: &Device,
    mut parts: Vec<I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let mut results = Vec::with_capacity(parts.len());
    if let Some(lanes) = Lanes::of(device) {
        while parts.len() > 1 {
            let divides = |at_once: &usize| lanes.threads.is_multiple_of(*at_once);
            let at_once = (1..=lanes.threads.min(parts.len())).rev().find(divides);
            let at_once = at_once.unwrap_or(1);
            let rest = parts.split_off(at_once);
            results.extend(lanes.each(at_once, lanes.threads / at_once, parts, &work));
            parts = rest;
        }
    }
    results.extend(parts.into_iter().map(work));
    results
}

/// How many parts a batch is best divided into for [`side_by_side`], of images that do not
/// know of each other.
#[cfg(feature = "libtorch")]
pub fn parts_of(device: &Device, images: usize) -> usize {
    /// Fewer images at once take longer each.
    const LEAST: usize = 4;
    let threads = Lanes::of(device).map_or(1, |lanes| lanes.threads);
    threads.min(images / LEAST).max(1)
}

/// Threads that are kept for parts of what another one computes.
#[cfg(feature = "libtorch")]
struct Lanes {
    kept: &'static ThreadPool,
    /// Among how many the other one shares libtorch's operations.
    threads: usize,
}

#[cfg(feature = "libtorch")]
impl Lanes {
    /// None where this thread computes alone, or a GPU does.
    #[expect(
        deprecated,
        reason = "burn 0.22 deprecates libtorch and is the last line that has it; the version is pinned"
    )]
    fn of(device: &Device) -> Option<Self> {
        static KEPT: OnceLock<Option<ThreadPool>> = OnceLock::new();
        let threads = threads::shared_among();
        if *device != Device::libtorch() || threads < 2 {
            return None;
        }
        let start = || {
            ThreadPoolBuilder::new()
                .num_threads(threads::of_libtorch())
                .thread_name(|number| format!("lane-{number}"))
                .build()
                .ok()
        };
        let kept = KEPT.get_or_init(start).as_ref()?;
        Some(Self { kept, threads })
    }

    /// Works on so many parts at once, on threads that each share libtorch's operations among
    /// `share`.
    fn each<I: Send, T: Send>(
        &self,
        at_once: usize,
        share: usize,
        parts: Vec<I>,
        work: impl Fn(I) -> T + Sync,
    ) -> Vec<T> {
        // A failure of libtorch in a part is an error of the thread that waits for it.
        let catches = device::catches_panics();
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| Mutex::new(Some(part)))
            .collect();
        // Each lane begins with the part of its number; of parts that no thread is kept for the
        // first that is done takes the next.
        let next = AtomicUsize::new(at_once.min(self.kept.current_num_threads()));
        let take =
            |part: &Mutex<Option<I>>| part.lock().unwrap_or_else(PoisonError::into_inner).take();
        let done = self.kept.broadcast(|lane| {
            if lane.index() >= at_once {
                return Vec::new();
            }
            threads::share_among(share);
            let others = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
            let turns = std::iter::once(lane.index())
                .chain(others)
                .map_while(|at| Some((at, take(parts.get(at)?)?)));
            device::catching(catches, || {
                turns.map(|(at, part)| (at, work(part))).collect()
            })
        });
        let mut results: Vec<(usize, T)> = done.into_iter().flatten().collect();
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// Does `work` for every number below `count` on `lanes` threads and hands the results to
/// `take` in order, until it breaks. A lane is at most two results ahead, so that results
/// take a bounded amount of memory. `enter` comes first on each thread.
///
/// # Errors
/// If the system starts no thread.
///
/// # Panics
/// If `work` does.
pub fn in_order<T: Send>(
    lanes: usize,
    count: usize,
    enter: impl Fn() + Sync,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) -> std::io::Result<()> {
    let lanes = lanes.clamp(1, count.max(1));
    let (enter, work) = (&enter, &work);
    thread::scope(|scope| {
        let mut started = Vec::with_capacity(lanes);
        for lane in 0..lanes {
            let (sender, receiver) = sync_channel(1);
            let each = move || {
                enter();
                for at in (lane..count).step_by(lanes) {
                    if sender.send(work(at)).is_err() {
                        break;
                    }
                }
            };
            let thread = Builder::new().name(format!("lane-{lane}"));
            started.push((thread.spawn_scoped(scope, each)?, receiver));
        }
        for at in 0..count {
            // None comes from a lane that panicked.
            let Ok(result) = started[at % lanes].1.recv() else {
                break;
            };
            if take(result).is_break() {
                break;
            }
        }
        let (threads, receivers): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        drop(receivers);
        for thread in threads {
            if let Err(panic) = thread.join() {
                resume_unwind(panic);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order_whichever_thread_is_first() {
        for lanes in [0, 1, 3, 20] {
            let mut seen = Vec::new();
            let slow = |at: usize| {
                thread::sleep(std::time::Duration::from_millis((at % 3) as u64));
                at
            };
            in_order(
                lanes,
                10,
                || (),
                slow,
                |at| {
                    seen.push(at);
                    ControlFlow::Continue(())
                },
            )
            .unwrap();
            assert_eq!(seen, (0..10).collect::<Vec<_>>());
        }
    }

    #[cfg(feature = "libtorch")]
    #[expect(deprecated, reason = "burn 0.22 is the last line that has libtorch")]
    #[test]
    fn parts_share_the_threads_and_come_in_order() {
        let device = Device::libtorch();
        for (threads, parts, shares) in [
            (1, 3, vec![1, 1, 1]),
            (2, 1, vec![2]),
            (2, 2, vec![1, 1]),
            (2, 3, vec![1, 1, 2]),
            (3, 2, vec![3, 3]),
            (4, 2, vec![2, 2]),
            (4, 7, vec![1, 1, 1, 1, 2, 2, 4]),
        ] {
            threads::share_among(threads);
            let share = |part| (part, threads::shared_among());
            let expected: Vec<_> = shares.into_iter().enumerate().collect();
            let found = side_by_side(&device, (0..parts).collect(), share);
            assert_eq!(found, expected, "{threads} threads");
            let found = each_alone(&device, (0..parts).collect(), share);
            let alone: Vec<_> = (0..parts).map(|part| (part, 1)).collect();
            assert_eq!(found, alone, "{threads} threads");
            assert_eq!(threads::shared_among(), threads);
        }
        // A part that computes alone has no parts of its own.
        threads::share_among(2);
        let inner = |()| parts_of(&device, 64);
        assert_eq!(parts_of(&device, 64), 2);
        assert_eq!(each_alone(&device, vec![(), ()], inner), [1, 1]);
    }

    #[cfg(feature = "libtorch")]
    #[expect(deprecated, reason = "burn 0.22 is the last line that has libtorch")]
    #[test]
    fn what_libtorch_has_against_a_part_is_an_error_of_who_waits() {
        threads::share_among(2);
        let work = |part: usize| {
            assert!(device::catches_panics());
            assert!(part < 1, "expected in this test");
        };
        let both = || side_by_side(&Device::libtorch(), vec![0, 1], work);
        assert_eq!(device::caught(both).unwrap_err(), "expected in this test");
        assert!(!device::catches_panics());
    }

    #[test]
    fn nothing_is_done_far_ahead_or_after_a_break() {
        let done = AtomicUsize::new(0);
        let count = |_| done.fetch_add(1, Ordering::Relaxed);
        in_order(2, 1000, || (), count, |_| ControlFlow::Break(())).unwrap();
        assert!(done.into_inner() <= 6);
    }

    #[test]
    fn a_panic_is_passed_on() {
        let work = |at: usize| assert!(at < 3, "expected in this test");
        let all = || in_order(2, 9, || (), work, |()| ControlFlow::Continue(()));
        let panic = catch_unwind(all).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"expected in this test"));
    }
}
