//! Work on many things at once, whose results come in order.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
#[cfg(feature = "libtorch")]
use std::sync::OnceLock;
use std::sync::mpsc::sync_channel;
use std::thread::{self, Builder};

use burn::tensor::Device;
#[cfg(feature = "libtorch")]
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
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
    if let Some(lanes) = kept_threads(device) {
        return at_once(lanes, 1, parts, work);
    }
    #[cfg(not(feature = "libtorch"))]
    let _ = device;
    parts.into_iter().map(work).collect()
}

/// Threads that are kept for parts; none where this one computes alone, or a GPU does.
#[cfg(feature = "libtorch")]
fn kept_threads(device: &Device) -> Option<&'static ThreadPool> {
    static KEPT: OnceLock<Option<ThreadPool>> = OnceLock::new();
    if *device != Device::libtorch() || threads::shared_among() < 2 {
        return None;
    }
    let start = || {
        ThreadPoolBuilder::new()
            .num_threads(threads::of_libtorch())
            .thread_name(|number| format!("lane-{number}"))
            .build()
            .ok()
    };
    KEPT.get_or_init(start).as_ref()
}

/// Does `work` for every part on threads of `lanes`, each of which shares libtorch's
/// operations among so many.
#[cfg(feature = "libtorch")]
fn at_once<I: Send, T: Send>(
    lanes: &ThreadPool,
    share: usize,
    parts: Vec<I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    // What libtorch has against a part is an error of whoever waits for it.
    let catches = device::catches_panics();
    let on_lane = |part| {
        threads::share_among(share);
        device::catching(catches, || work(part))
    };
    lanes.install(|| {
        let parts = parts.into_par_iter().with_max_len(1);
        parts.map(on_lane).collect()
    })
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
