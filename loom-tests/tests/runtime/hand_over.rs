//! What is private to a worker that blocks reaches another worker.

use std::sync::Arc;

use hivework::internals::{Around, Away, Deque, Idle, Notified, Parked, Parker, Steal, Stealer};
use hivework_loom_tests::model_of_barriers;
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::thread;

struct House {
    idle: Idle,
    away: Away,
    queue: Stealer<u32>,
    rung: AtomicUsize,
}

impl House {
    fn new() -> (Arc<House>, Deque<u32>) {
        let deque = Deque::new();
        let house = House {
            idle: Idle::new(2),
            away: Away::default(),
            queue: deque.stealer(),
            rung: AtomicUsize::new(0),
        };
        (Arc::new(house), deque)
    }

    /// A worker's loop until it has an item.
    fn work(&self) -> u32 {
        let parker = Arc::new(Parker::new());
        let mut searching = false;
        loop {
            match self.queue.steal() {
                Steal::Taken(item) => {
                    if searching {
                        let _ = self.idle.end_search(|| !self.queue.is_empty());
                    }
                    return item;
                }
                Steal::Retry => continue,
                Steal::Empty => {}
            }
            let nothing = || self.queue.is_empty();
            searching = self.idle.park(&parker, searching, None, nothing) == Parked::Woken;
        }
    }
}

impl Around for House {
    fn has_work(&self) -> bool {
        !self.queue.is_empty()
    }

    fn ring(&self) {
        self.rung.fetch_add(1, Ordering::AcqRel);
    }

    fn notify(&self) {
        if self.idle.notify(|| 0) == Notified::Nobody && self.away.count() > 0 {
            self.away.call(self);
        }
    }

    fn is_halting(&self) -> bool {
        false
    }

    fn tell_drain(&self) {}
}

#[test]
fn what_a_worker_hands_over_when_it_blocks_is_taken() {
    model_of_barriers(2, "hand-over: leave against park", || {
        let (house, deque) = House::new();
        let theirs = Arc::clone(&house);
        let worker = thread::spawn(move || theirs.work());
        // Handed over without a word, and then it blocks.
        deque.push(1);
        house.away.leave(&*house);
        assert_eq!(worker.join().unwrap(), 1);
        house.away.come_back();
        assert_eq!(house.idle.counts(), (0, 0));
    });
}

#[test]
fn what_is_put_while_all_others_block_rings_for_a_spare() {
    model_of_barriers(2, "hand-over: two leave, one with work", || {
        let (house, deque) = House::new();
        let theirs = Arc::clone(&house);
        let other = thread::spawn(move || theirs.away.leave(&*theirs));
        deque.push(1);
        house.notify();
        house.away.leave(&*house);
        other.join().unwrap();
        assert!(house.rung.load(Ordering::Acquire) > 0, "nobody was called");
    });
}
