//! What a worker runs, as the supervisor looks at it: what is looked at has not ended, what a look has
//! done is there for the end, and no time is counted as the item's in which it waited.

use std::sync::Arc;

use hivework::Wait;
use hivework::internals::{Mark, Waits};
use hivework_loom_tests::{PREEMPTIONS, Witness, model, model_of_barriers};
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::thread;

/// An item: looking at it must come before its end.
#[derive(Default)]
struct Item {
    life: Witness,
    /// References that a look has made, which nothing but the protocol hands on to the end.
    count: AtomicUsize,
    /// What was written when the item began.
    begun: AtomicUsize,
}

#[derive(Default)]
struct Seat {
    mark: Mark,
    items: [Item; 2],
    looks: [AtomicUsize; 2],
}

impl Seat {
    fn run(&self, which: usize) {
        let item = &self.items[which];
        item.begun.store(1, Ordering::Relaxed);
        assert!(self.mark.begin(which + 1));
        // What runs inside it is part of it.
        assert!(!self.mark.begin(7));
        self.mark.end();
        // The end, by plain accesses, as a sole owner's.
        assert_eq!(
            item.count.load(Ordering::Relaxed),
            self.looks[which].load(Ordering::Relaxed),
            "a reference was made, and is not counted"
        );
        item.life.end();
    }

    fn look(&self, stamp: u64) -> Option<usize> {
        self.mark.look(stamp, |address| {
            let which = address - 1;
            let item = &self.items[which];
            item.life.look();
            assert_eq!(item.begun.load(Ordering::Relaxed), 1, "not begun");
            self.looks[which].fetch_add(1, Ordering::Relaxed);
            item.count.fetch_add(1, Ordering::Relaxed);
            which
        })
    }
}

#[test]
fn what_is_looked_at_stays_until_the_look_is_over() {
    model_of_barriers(PREEMPTIONS, "current: look against end", || {
        let seat = Arc::new(Seat::default());
        let theirs = Arc::clone(&seat);
        let worker = thread::spawn(move || theirs.run(0));
        // As seen in a round before.
        let looked = seat.look(1);
        assert!(looked.is_none() || looked == Some(0));
        worker.join().unwrap();
    });
}

#[test]
fn a_look_meets_the_item_of_its_stamp_and_no_other() {
    model_of_barriers(PREEMPTIONS, "current: look against two items", || {
        let seat = Arc::new(Seat::default());
        let theirs = Arc::clone(&seat);
        let worker = thread::spawn(move || {
            theirs.run(0);
            theirs.run(1);
        });
        let stamp = seat.mark.stamp();
        let looked = seat.look(stamp);
        match (stamp, looked) {
            (_, None) | (1, Some(0)) | (3, Some(1)) => {}
            (stamp, looked) => panic!("at {stamp} there was {looked:?}"),
        }
        worker.join().unwrap();
        assert_eq!(seat.mark.stamp(), 4);
    });
}

#[test]
fn no_wait_is_missing_from_the_total_and_none_is_in_it_twice() {
    model("current: the total against two waits", || {
        let waits = Arc::new(Waits::new());
        let theirs = Arc::clone(&waits);
        // It has waited from 0 on.
        waits.begin(Wait::Join, 0);
        let worker = thread::spawn(move || {
            theirs.end(10);
            theirs.begin(Wait::Join, 20);
            theirs.end(25);
        });
        // It is in its first wait, past it, or past the second.
        let total = waits.total(12);
        assert!(
            [12, 10, 15].contains(&total),
            "it was seen to have waited for {total} by 12"
        );
        worker.join().unwrap();
        assert_eq!(waits.total(25), 15);
    });
}
