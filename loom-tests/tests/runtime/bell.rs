//! The supervisor's doze: it never sleeps over work.

use std::sync::Arc;

use hivework::internals::{Bell, Idle, Parked, Parker, Roused};
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
            let _ = shared.0.doze(None, || shared.1.load(Ordering::Relaxed) > 0);
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
            let _ = shared
                .0
                .doze(None, || shared.1.load(Ordering::Relaxed) > last);
            seen = shared.1.load(Ordering::Relaxed);
        }
        for putter in putters {
            putter.join().unwrap();
        }
    });
}

#[test]
fn a_ring_is_not_taken_for_a_stir() {
    model_of_barriers(2, "bell: doze against stir and ring", || {
        let shared = Arc::new((Bell::new(), AtomicUsize::new(0)));
        let theirs = Arc::clone(&shared);
        let ringer = thread::spawn(move || {
            theirs.1.store(1, Ordering::Relaxed);
            theirs.0.ring();
        });
        let theirs = Arc::clone(&shared);
        let stirrer = thread::spawn(move || theirs.0.stir());
        loop {
            let rings = shared.0.rings();
            if shared.1.load(Ordering::Relaxed) == 1 {
                break;
            }
            let roused = shared.0.doze(None, || false);
            if roused == Roused::Stirred && shared.0.rings() == rings {
                // To the next tick, which is far: asleep for good is a deadlock.
                shared.0.sleep(None);
            }
        }
        ringer.join().unwrap();
        stirrer.join().unwrap();
    });
}

#[test]
fn a_worker_that_rises_is_not_dozed_over() {
    model_of_barriers(2, "bell: doze against a worker that rises", || {
        let house = Arc::new((Bell::new(), Idle::new(1), AtomicUsize::new(0)));
        let me = Arc::new(Parker::new());
        // Asleep, and woken as by a put.
        let theirs = Arc::clone(&house);
        let worker = thread::spawn(move || {
            let (bell, idle, queued) = &*theirs;
            let parked = idle.park(&me, false, None, || queued.load(Ordering::Relaxed) == 0);
            assert_eq!(parked, Parked::Woken);
            bell.rise();
        });
        let theirs = Arc::clone(&house);
        let supervisor = thread::spawn(move || {
            let (bell, idle, queued) = &*theirs;
            let is_awake = || queued.load(Ordering::Relaxed) > 0 && idle.counts().1 == 0;
            // Over an item that runs for ever: asleep for good is a deadlock.
            while !is_awake() {
                let _ = bell.doze(None, is_awake);
            }
        });
        house.2.store(1, Ordering::Relaxed);
        let _ = house.1.notify(|| 1);
        worker.join().unwrap();
        supervisor.join().unwrap();
    });
}
