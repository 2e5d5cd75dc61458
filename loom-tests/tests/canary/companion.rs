//! Do the facade's companions undo loom's pruning?
//!
//! A thread whose first access is a load makes loom 0.7.2 skip schedules
//! (tokio-rs/loom issues 166 and 392). The program below is the one of issue
//! 392: the main thread's load can answer either way, and a search that sees
//! one answer only is blind to every reader.

use hivework_loom_tests::{MODELLED, canary};
use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::thread;

/// The load's answer, which must be true in some execution and false in another.
fn load_first() -> bool {
    let written = Arc::new(AtomicBool::new(false));
    let writer = {
        let written = Arc::clone(&written);
        thread::spawn(move || {
            written.load(Ordering::Relaxed);
            written.store(true, Ordering::Relaxed);
        })
    };
    let seen = written.load(Ordering::Relaxed);
    writer.join().unwrap();
    seen
}

fn without_companions() -> bool {
    MODELLED && std::env::var_os("HIVEWORK_LOOM_PLAIN").is_some()
}

#[test]
fn a_store_seen_behind_a_first_load_is_found() {
    if without_companions() {
        println!("canary: companions are off, passed over");
        return;
    }
    canary("load first, the store is seen", load_first);
}

#[test]
fn a_store_not_yet_seen_behind_a_first_load_is_found() {
    if without_companions() {
        println!("canary: companions are off, passed over");
        return;
    }
    canary("load first, the store is not yet seen", || !load_first());
}
