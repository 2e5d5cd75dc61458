//! The supervisor's doze: it never sleeps over work.

use std::sync::Arc;

use hivework::internals::Bell;
use hivework_loom_tests::{PREEMPTIONS, model_of_barriers};
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::barrier;
use hivework_stm::facade::thread;

fn put(bell: &Bell, live: &AtomicUsize) {
    live.fetch_add(1, Ordering::Relaxed);
    barrier::light(barrier::asymmetric());
    bell.stir();
}

#[test]
fn a_put_reaches_the_supervisor_that_is_about_to_doze() {
    model_of_barriers(PREEMPTIONS, "bell: doze against stir", || {
        let shared = Arc::new((Bell::new(), AtomicUsize::new(0)));
        let theirs = Arc::clone(&shared);
        let putter = thread::spawn(move || put(&theirs.0, &theirs.1));
        // Dozes until there is work; asleep for good is a deadlock.
        while shared.1.load(Ordering::Relaxed) == 0 {
            shared.0.doze(None, || shared.1.load(Ordering::Relaxed) > 0);
        }
        putter.join().unwrap();
    });
}

#[test]
fn two_puts_reach_it() {
    model_of_barriers(PREEMPTIONS, "bell: doze against two stirs", || {
        let shared = Arc::new((Bell::new(), AtomicUsize::new(0)));
        let putters = [(); 2].map(|()| {
            let theirs = Arc::clone(&shared);
            thread::spawn(move || put(&theirs.0, &theirs.1))
        });
        let mut seen = 0;
        while seen < 2 {
            let last = seen;
            shared
                .0
                .doze(None, || shared.1.load(Ordering::Relaxed) > last);
            seen = shared.1.load(Ordering::Relaxed);
        }
        for putter in putters {
            putter.join().unwrap();
        }
    });
}
