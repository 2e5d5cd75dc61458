//! Does the crate reach loom? A hand-over through the deque's stand-in, whole and
//! with its publication taken away.

use std::sync::Arc;

use hivework::internals::{Bell, Deque, Steal};
use hivework_loom_tests::{canary, model};
use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::thread;

/// A thief looks while the owner pushes twice. Answers whether it saw the
/// second push and not the first, which `torn` makes possible.
fn out_of_order(torn: bool) -> bool {
    let (first, second) = (Deque::new(), Arc::new(AtomicBool::new(false)));
    let (stealer, flag) = (first.stealer(), Arc::clone(&second));
    let thief = thread::spawn(move || {
        let seen = flag.load(Ordering::Acquire);
        seen && stealer.is_empty()
    });
    let order = if torn {
        Ordering::Relaxed
    } else {
        Ordering::Release
    };
    first.push(1);
    second.store(true, order);
    let torn = thief.join().unwrap();
    let taken = loop {
        match first.stealer().steal() {
            Steal::Taken(item) => break Some(item),
            Steal::Empty => break None,
            Steal::Retry => {}
        }
    };
    assert_eq!(taken, Some(1));
    torn
}

#[test]
fn a_push_is_published_in_order() {
    model("runtime: push, then flag", || {
        assert!(!out_of_order(false));
    });
}

#[test]
fn a_push_published_without_release_is_found_out() {
    canary("runtime: push, then relaxed flag", || out_of_order(true));
}

#[test]
fn a_bell_rung_without_a_fence_is_found_out() {
    // Without the fences of the doze both sides may miss each other.
    canary("runtime: store and look without fences", || {
        let flags = Arc::new((AtomicBool::new(false), AtomicBool::new(false)));
        let _bell = Bell::new();
        let theirs = Arc::clone(&flags);
        let other = thread::spawn(move || {
            theirs.0.store(true, Ordering::Relaxed);
            theirs.1.load(Ordering::Relaxed)
        });
        flags.1.store(true, Ordering::Relaxed);
        let seen = flags.0.load(Ordering::Relaxed);
        !(other.join().unwrap() || seen)
    });
}
