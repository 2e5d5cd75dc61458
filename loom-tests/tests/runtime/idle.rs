//! The sleep protocol: a lost wake-up leaves a worker asleep beside its work,
//! which loom reports as a deadlock; a needless one is counted.

use std::sync::Arc;

use hivework::internals::{Deque, Idle, Notified, Parked, Parker, Steal, Stealer};
use hivework_loom_tests::{PREEMPTIONS, model_of_barriers};
use hivework_stm::facade::atomic::{AtomicBool, AtomicUsize, Ordering};
use hivework_stm::facade::thread;

/// One queue, its sleepers, and how many have been woken.
struct House {
    idle: Idle,
    queue: Stealer<u32>,
    woken: AtomicUsize,
    halt: AtomicBool,
}

impl House {
    fn new(workers: usize) -> (Arc<House>, Deque<u32>) {
        let deque = Deque::new();
        let house = House {
            idle: Idle::new(workers),
            queue: deque.stealer(),
            woken: AtomicUsize::new(0),
            halt: AtomicBool::new(false),
        };
        (Arc::new(house), deque)
    }

    fn count(&self, notified: Notified) {
        if notified == Notified::Woken {
            self.woken.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn put(&self, deque: &Deque<u32>, item: u32) {
        deque.push(item);
        self.count(self.idle.notify(|| 0));
    }

    fn look(&self) -> Option<u32> {
        loop {
            match self.queue.steal() {
                Steal::Taken(item) => return Some(item),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }

    fn is_halting(&self) -> bool {
        self.halt.load(Ordering::Acquire)
    }

    fn end_search(&self, searching: &mut bool) {
        if std::mem::take(searching) {
            let more = || self.is_halting() || !self.queue.is_empty();
            self.count(self.idle.end_search(more));
        }
    }

    /// A worker's loop until it has `want` items or the run ends.
    fn work(&self, want: usize) -> Vec<u32> {
        self.work_until(&Arc::new(Parker::new()), |taken| {
            taken == want || self.is_halting()
        })
    }

    /// A worker's loop that goes on until between two looks it is over.
    fn work_until(&self, parker: &Arc<Parker>, is_over: impl Fn(usize) -> bool) -> Vec<u32> {
        let (mut taken, mut searching) = (Vec::new(), false);
        while !is_over(taken.len()) {
            if let Some(item) = self.look() {
                self.end_search(&mut searching);
                taken.push(item);
                continue;
            }
            if !searching {
                searching = self.idle.try_search();
                if searching {
                    continue;
                }
            }
            let nothing = || !self.is_halting() && self.queue.is_empty();
            searching = self.idle.park(parker, searching, None, nothing) == Parked::Woken;
        }
        self.end_search(&mut searching);
        taken
    }
}

#[test]
fn a_put_reaches_the_worker_that_is_about_to_sleep() {
    model_of_barriers(PREEMPTIONS, "idle: park against put", || {
        let (house, deque) = House::new(1);
        let theirs = Arc::clone(&house);
        let worker = thread::spawn(move || theirs.work(1));
        house.put(&deque, 1);
        assert_eq!(worker.join().unwrap(), [1]);
        assert_eq!(house.idle.counts(), (0, 0));
    });
}

#[test]
fn two_puts_reach_one_worker() {
    model_of_barriers(PREEMPTIONS, "idle: one worker, two puts", || {
        let (house, deque) = House::new(1);
        let theirs = Arc::clone(&house);
        let worker = thread::spawn(move || theirs.work(2));
        house.put(&deque, 1);
        house.put(&deque, 2);
        assert_eq!(worker.join().unwrap(), [1, 2]);
        assert!(house.woken.load(Ordering::Relaxed) <= 2);
        assert_eq!(house.idle.counts(), (0, 0));
    });
}

#[test]
fn a_searcher_that_leaves_work_behind_wakes_the_next() {
    // Each worker takes one item and is then busy for good: the second item
    // must reach the other one.
    model_of_barriers(2, "idle: two workers, two puts", || {
        let (house, deque) = House::new(2);
        let workers = [(); 2].map(|()| {
            let theirs = Arc::clone(&house);
            thread::spawn(move || theirs.work(1))
        });
        house.put(&deque, 1);
        house.put(&deque, 2);
        let mut taken: Vec<_> = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        assert!(house.woken.load(Ordering::Relaxed) <= 2, "a herd");
    });
}

#[test]
fn one_put_wakes_one_worker_at_most() {
    model_of_barriers(2, "idle: two workers, one put", || {
        let (house, deque) = House::new(2);
        let taken = Arc::new(AtomicUsize::new(0));
        let workers = [(); 2].map(|()| {
            let (theirs, taken) = (Arc::clone(&house), Arc::clone(&taken));
            thread::spawn(move || {
                // Whoever gets the item ends the run for the other.
                if theirs.work(1).len() == 1 {
                    taken.fetch_add(1, Ordering::Relaxed);
                    assert!(theirs.woken.load(Ordering::Relaxed) <= 1, "a herd");
                    theirs.halt.store(true, Ordering::Release);
                    theirs.idle.wake_all();
                }
            })
        });
        house.put(&deque, 1);
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(taken.load(Ordering::Relaxed), 1);
        assert_eq!(house.idle.counts(), (0, 0));
    });
}

#[test]
fn two_putters_reach_one_worker() {
    model_of_barriers(2, "idle: two putters, one worker", || {
        let (house, deque) = House::new(1);
        let (theirs, other) = (Arc::clone(&house), Arc::clone(&house));
        let worker = thread::spawn(move || theirs.work(1));
        // A second notification at the same time, for an item that is gone.
        let putter = thread::spawn(move || other.count(other.idle.notify(|| 0)));
        house.put(&deque, 1);
        assert_eq!(worker.join().unwrap(), [1]);
        putter.join().unwrap();
    });
}

#[test]
fn a_put_that_relies_on_a_searcher_reaches_somebody() {
    // The searcher has found something and is then busy for good; another worker may go
    // to sleep relying on it.
    model_of_barriers(2, "idle: put against the end of a search", || {
        let (house, deque) = House::new(2);
        assert!(house.idle.try_search());
        let (theirs, sleeps) = (Arc::clone(&house), Arc::clone(&house));
        let searcher = thread::spawn(move || {
            theirs.end_search(&mut true);
        });
        let sleeper = thread::spawn(move || sleeps.work(1));
        house.put(&deque, 1);
        assert_eq!(sleeper.join().unwrap(), [1]);
        searcher.join().unwrap();
    });
}

#[test]
fn a_put_beyond_what_searchers_can_take_wakes_a_sleeper() {
    model_of_barriers(2, "idle: put behind a searcher", || {
        let (house, _deque) = House::new(2);
        // As long as this one searches, nobody gets up by itself.
        assert!(house.idle.try_search());
        let theirs = Arc::clone(&house);
        let sleeper = thread::spawn(move || theirs.work(1));
        assert_eq!(house.idle.notify(|| 1), Notified::Searching);
        let (_, asleep) = house.idle.counts();
        let notified = house.idle.notify(|| 2);
        if asleep > 0 {
            assert_eq!(notified, Notified::Woken);
        }
        house.halt.store(true, Ordering::Release);
        house.idle.wake_all();
        house.end_search(&mut true);
        assert!(sleeper.join().unwrap().is_empty());
        assert_eq!(house.idle.counts(), (0, 0));
    });
}

#[test]
fn the_end_of_a_run_reaches_every_worker() {
    model_of_barriers(2, "idle: two workers, halt", || {
        let (house, _deque) = House::new(2);
        let workers = [(); 2].map(|()| {
            let theirs = Arc::clone(&house);
            thread::spawn(move || theirs.work(1))
        });
        house.halt.store(true, Ordering::Release);
        house.idle.wake_all();
        for worker in workers {
            assert!(worker.join().unwrap().is_empty());
        }
        assert_eq!(house.idle.counts(), (0, 0));
    });
}

#[test]
fn a_worker_that_retires_leaves_no_put_to_nobody() {
    // It may be the one that the put has woken, or relies upon, and goes when it is called, whatever
    // there is to do. The other must get the item then. Of two preemptions there are
    // many times as many schedules.
    model_of_barriers(1, "idle: retire against put", || {
        let (house, deque) = House::new(2);
        let parker = Arc::new(Parker::new());
        let (theirs, place) = (Arc::clone(&house), Arc::clone(&parker));
        let retires = thread::spawn(move || {
            let taken = theirs.work_until(&place, |_| place.take_call());
            // Where it was faster there is nothing left to wait for.
            if !taken.is_empty() {
                theirs.halt.store(true, Ordering::Release);
                theirs.idle.wake_all();
            }
            taken
        });
        let theirs = Arc::clone(&house);
        let stays = thread::spawn(move || theirs.work(1));
        house.put(&deque, 1);
        house.idle.call(&parker);
        let mut taken = retires.join().unwrap();
        taken.extend(stays.join().unwrap());
        assert_eq!(taken, [1]);
        assert_eq!(house.idle.counts(), (0, 0));
    });
}
