//! Stand-ins: work is never queued with every worker blocked and nobody called.

use std::sync::Arc;

use hivework::internals::{Around, Away, Parker, Rest};
use hivework_loom_tests::{PREEMPTIONS, model_of_barriers};
use hivework_stm::facade::atomic::{AtomicBool, AtomicUsize, Ordering};
use hivework_stm::facade::barrier;
use hivework_stm::facade::thread;

#[derive(Default)]
struct House {
    away: Away,
    queued: AtomicUsize,
    rung: AtomicUsize,
    halting: AtomicBool,
}

impl Around for House {
    fn has_work(&self) -> bool {
        self.queued.load(Ordering::Acquire) > 0
    }

    fn ring(&self) {
        self.rung.fetch_add(1, Ordering::AcqRel);
    }

    fn notify(&self) {
        if self.away.count() > 0 {
            self.away.call(self);
        }
    }

    fn is_halting(&self) -> bool {
        self.halting.load(Ordering::Acquire)
    }

    fn tell_drain(&self) {}
}

impl House {
    /// A put that finds nobody asleep and nobody searching.
    fn put(&self) {
        self.queued.fetch_add(1, Ordering::Release);
        barrier::light(barrier::asymmetric());
        self.notify();
    }
}

#[test]
fn a_put_while_the_last_worker_goes_away_rings_for_a_spare() {
    model_of_barriers(PREEMPTIONS, "away: leave against put", || {
        let house = Arc::new(House::default());
        let theirs = Arc::clone(&house);
        let worker = thread::spawn(move || theirs.away.leave(&*theirs));
        house.put();
        worker.join().unwrap();
        assert!(house.rung.load(Ordering::Acquire) > 0, "nobody was called");
        // The supervisor's answer: one spare, not two.
        assert!(house.away.enlist());
        assert!(!house.away.enlist());
    });
}

#[test]
fn a_spare_that_goes_to_rest_is_called_back() {
    model_of_barriers(PREEMPTIONS, "away: rest against leave and put", || {
        let house = Arc::new(House::default());
        // A spare in service whose worker has come back.
        house.away.leave(&*house);
        assert!(house.away.enlist());
        house.away.come_back();
        let theirs = Arc::clone(&house);
        let spare = thread::spawn(move || {
            let me = Arc::new(Parker::new());
            theirs.away.rest(&*theirs, &me)
        });
        house.put();
        house.away.leave(&*house);
        // It was called, or it never rested: asleep for good is a deadlock.
        assert_eq!(spare.join().unwrap(), Rest::Serve);
        assert!(!house.away.enlist(), "it is in service");
    });
}

#[test]
fn a_spare_that_rests_hears_of_the_end() {
    model_of_barriers(PREEMPTIONS, "away: rest against the end of the run", || {
        let house = Arc::new(House::default());
        house.away.leave(&*house);
        assert!(house.away.enlist());
        house.away.come_back();
        let theirs = Arc::clone(&house);
        let spare = thread::spawn(move || {
            let me = Arc::new(Parker::new());
            let rest = theirs.away.rest(&*theirs, &me);
            if rest == Rest::Serve {
                theirs.away.discharge();
            }
        });
        house.halting.store(true, Ordering::Release);
        house.away.wake_all();
        spare.join().unwrap();
        assert!(!house.away.has_surplus(), "everybody is accounted for");
    });
}
