//! A permit reaches the thread that parks, whoever comes first.

use std::sync::Arc;

use hivework::internals::Parker;
use hivework_loom_tests::{Witness, model};
use hivework_stm::facade::thread;

#[test]
fn a_permit_reaches_the_thread_that_is_about_to_sleep() {
    model("parker: park against unpark", || {
        let parker = Arc::new(Parker::new());
        let before = Arc::new(Witness::default());
        let (theirs, written) = (Arc::clone(&parker), Arc::clone(&before));
        let waker = thread::spawn(move || {
            written.look();
            theirs.unpark();
        });
        assert!(parker.park(None));
        // What the waker did comes before what the woken thread does.
        before.end();
        waker.join().unwrap();
    });
}

#[test]
fn permits_reach_two_threads_that_take_turns() {
    model("parker: two parks in a row against two unparks", || {
        let (here, there) = (Arc::new(Parker::new()), Arc::new(Parker::new()));
        let theirs = (Arc::clone(&here), Arc::clone(&there));
        let other = thread::spawn(move || {
            theirs.0.unpark();
            theirs.1.park(None);
            theirs.0.unpark();
        });
        here.park(None);
        there.unpark();
        here.park(None);
        other.join().unwrap();
    });
}

#[test]
fn a_place_is_used_by_one_thread_after_the_other() {
    model("parker: two threads, one place", || {
        let parker = Arc::new(Parker::new());
        let theirs = Arc::clone(&parker);
        let first = thread::spawn(move || theirs.park(None));
        parker.unpark();
        assert!(first.join().unwrap());
        let theirs = Arc::clone(&parker);
        let waker = thread::spawn(move || theirs.unpark());
        assert!(parker.park(None));
        waker.join().unwrap();
    });
}
