//! Whatever a person does and whatever happens, in any order and at any size:
//! nothing panics, no news are lost, every hint is true.
//!
//! `WORKBENCH_STEPS=1000000` walks further than by default; `WORKBENCH_SEED=7`
//! walks another way, or the same one again after a failure named its seed.

mod input;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use self::world::World;

/// Steps by default: a few seconds without optimization.
const STEPS: u64 = 800;

/// Steps in one world. Then another one begins, so that a failure is soon
/// walked to again.
const LIFE: u64 = 4000;

/// Steps between two looks at all news.
const LOOK: u64 = 300;

fn setting<T: FromStr>(name: &str, default: T) -> T {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn in_any_order_and_at_any_size_nothing_panics_and_nothing_is_lost() {
    let steps = setting("WORKBENCH_STEPS", STEPS);
    let first = setting("WORKBENCH_SEED", 1_u64);
    let mut walked = 0;
    for seed in first.. {
        let life = LIFE.min(steps - walked);
        walk(seed, life);
        walked += life;
        if walked == steps {
            return;
        }
    }
}

fn walk(seed: u64, steps: u64) {
    let mut world = World::new(seed);
    for step in 1..=steps {
        let input = world.next_input();
        let done = catch_unwind(AssertUnwindSafe(|| {
            world.execute(&input);
            world.draw();
            world.hints_are_true();
            if step.is_multiple_of(LOOK) {
                world.nothing_is_lost();
            }
        }));
        assert!(
            done.is_ok(),
            "step {step}, {input:?}; again: WORKBENCH_SEED={seed} WORKBENCH_STEPS={step}"
        );
    }
}
