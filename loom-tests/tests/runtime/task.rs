//! Items that run in several turns: no wake-up is lost between a poll and its setting
//! aside, none is queued twice, and the future belongs to one.

use std::sync::Arc;

use hivework::internals::{Close, Kind, Lobby, Parker, SetAside, Turn, TurnWord, Wakeup, Why};
use hivework_loom_tests::model;
use hivework_stm::facade::atomic::{AtomicBool, AtomicU32, Ordering};
use hivework_stm::facade::thread;

/// An item, with a queue that it goes through: a count of its entries.
struct Item {
    turn: TurnWord,
    entries: AtomicU32,
    bell: Parker,
    /// What it waits for, told by nothing but its wake-ups.
    ready: [AtomicBool; 2],
    /// Stands for the future: everyone who owns it counts here, and nothing else orders
    /// that.
    future: AtomicU32,
    /// How often that was.
    touched: AtomicU32,
    ended: AtomicU32,
}

impl Item {
    /// Queued, as after its put.
    fn new() -> Arc<Item> {
        Arc::new(Item {
            turn: TurnWord::new(),
            entries: AtomicU32::new(1),
            bell: Parker::new(),
            ready: [AtomicBool::new(false), AtomicBool::new(false)],
            future: AtomicU32::new(0),
            touched: AtomicU32::new(0),
            ended: AtomicU32::new(0),
        })
    }

    /// Queues it. The queue orders nothing: that is the word's to do.
    fn queue(&self) {
        let before = self.entries.fetch_add(1, Ordering::Relaxed);
        assert!(before == 0, "queued twice");
        self.bell.unpark();
    }

    /// One of the two things happens, and wakes it.
    fn happen(&self, which: usize) {
        self.ready[which].store(true, Ordering::Relaxed);
        if self.turn.wake() == Wakeup::Queue {
            self.queue();
        }
    }

    /// What the owner of the future does with it.
    fn touch(&self) {
        let touched = self.future.load(Ordering::Relaxed);
        self.future.store(touched + 1, Ordering::Relaxed);
        self.touched.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self) {
        self.touch();
        let before = self.ended.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before, 0, "ended twice");
        self.bell.unpark();
    }

    /// A turn of one that is ready once the first `count` things have happened; true when
    /// it is over.
    fn take_turn(&self, count: usize) -> bool {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        match self.turn.begin() {
            Turn::Gone => return true,
            Turn::Mine => {}
        }
        self.touch();
        if self.is_ready(count) {
            let _ = self.turn.close_for_good();
            self.end();
            return true;
        }
        match self.turn.set_aside() {
            SetAside::Aside => false,
            SetAside::Queue => {
                self.queue();
                false
            }
            SetAside::Closed(_) => {
                self.end();
                true
            }
        }
    }

    fn is_ready(&self, count: usize) -> bool {
        let mut things = self.ready[..count].iter();
        things.all(|thing| thing.load(Ordering::Relaxed))
    }

    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed) > 0
    }

    /// A worker that knows nothing but this item, until that is over.
    fn work(&self, count: usize) {
        loop {
            if self.entries.load(Ordering::Relaxed) > 0 {
                if self.take_turn(count) {
                    return;
                }
            } else if self.is_over() {
                return;
            } else {
                self.bell.park(None);
            }
        }
    }
}

#[test]
fn a_wake_up_between_poll_and_setting_aside_is_not_lost() {
    model("task: wake against pending", || {
        let item = Item::new();
        let theirs = Arc::clone(&item);
        let waker = thread::spawn(move || theirs.happen(0));
        item.work(1);
        waker.join().unwrap();
        assert_eq!(item.ended.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn of_two_wake_ups_neither_is_lost_and_one_queues_it() {
    model("task: wake against wake against pending", || {
        let item = Item::new();
        let wakers = [0, 1].map(|which| {
            let theirs = Arc::clone(&item);
            thread::spawn(move || theirs.happen(which))
        });
        item.work(2);
        for waker in wakers {
            waker.join().unwrap();
        }
        assert_eq!(item.ended.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn an_item_that_moves_takes_its_future_along() {
    model("task: the next poll elsewhere", || {
        let item = Item::new();
        let theirs = Arc::clone(&item);
        // The first turn is over, or not, when it happens; whoever is to queue the item
        // polls it: what it waits for has happened.
        let other = thread::spawn(move || {
            theirs.ready[0].store(true, Ordering::Relaxed);
            if theirs.turn.wake() == Wakeup::Queue {
                theirs.queue();
                assert!(theirs.take_turn(1), "woken before what it waits for");
            }
        });
        if !item.take_turn(1) && item.entries.load(Ordering::Relaxed) > 0 {
            let _ = item.take_turn(1);
        }
        other.join().unwrap();
        // Every touch was seen by the next.
        let touches = item.future.load(Ordering::Relaxed);
        assert!((2..=4).contains(&touches), "{touches} touches");
        assert_eq!(item.ended.load(Ordering::Relaxed), 1);
    });
}

/// Closes it as `why`, and sees to its end if that is for the caller to do.
fn close(item: &Item, why: Why) -> Close {
    let closed = item.turn.close(why);
    if let Close::Mine { .. } = closed {
        item.end();
    }
    closed
}

#[test]
fn a_cancel_against_a_poll_leaves_one_end() {
    model("task: cancel against pending", || {
        let item = Item::new();
        let theirs = Arc::clone(&item);
        let canceller = thread::spawn(move || _ = close(&theirs, Why::Cancelled));
        item.work(1);
        canceller.join().unwrap();
        assert_eq!(item.ended.load(Ordering::Relaxed), 1);
        assert!(item.future.load(Ordering::Relaxed) >= 1);
    });
}

#[test]
fn a_cancel_against_a_wake_up_leaves_one_end() {
    model("task: cancel against wake against pending", || {
        let item = Item::new();
        let theirs = Arc::clone(&item);
        let waker = thread::spawn(move || theirs.happen(0));
        let theirs = Arc::clone(&item);
        let canceller = thread::spawn(move || _ = close(&theirs, Why::Cancelled));
        item.work(1);
        waker.join().unwrap();
        canceller.join().unwrap();
        assert_eq!(item.ended.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn whoever_ends_it_finds_the_future_as_the_last_poll_left_it() {
    model("task: what closing carries", || {
        let item = Item::new();
        let theirs = Arc::clone(&item);
        let canceller = thread::spawn(move || {
            matches!(close(&theirs, Why::Cancelled), Close::Mine { aside: true })
        });
        let over = item.take_turn(1);
        let was_aside = canceller.join().unwrap();
        if was_aside {
            assert!(!over, "it was polled");
        }
        // Polled and ended by two threads, or by one, or never polled.
        let touches = item.future.load(Ordering::Relaxed);
        let polled = was_aside || touches == 2;
        assert_eq!(touches, if polled { 2 } else { 1 });
    });
}

#[test]
fn whoever_ends_it_finds_the_future_as_a_poll_left_it_that_was_woken_meanwhile() {
    model("task: what queueing again carries", || {
        let item = Item::new();
        let theirs = Arc::clone(&item);
        let poller = thread::spawn(move || theirs.take_turn(2));
        item.happen(0);
        let _ = close(&item, Why::Cancelled);
        poller.join().unwrap();
        let touched = item.touched.load(Ordering::Relaxed);
        assert_eq!(item.future.load(Ordering::Relaxed), touched, "one is lost");
    });
}

#[test]
fn a_stop_against_a_wake_up_answers_it_or_leaves_it_queued() {
    model("task: stop against wake", || {
        let item = Item::new();
        assert!(!item.take_turn(1));
        let theirs = Arc::clone(&item);
        let waker = thread::spawn(move || theirs.happen(0));
        let closed = close(&item, Why::Stopped);
        waker.join().unwrap();
        assert!(matches!(closed, Close::Mine { .. }), "nobody polls it");
        assert_eq!(item.ended.load(Ordering::Relaxed), 1);
        // The entry that the wake-up may have left is a tombstone.
        assert_eq!(item.turn.begin(), Turn::Gone);
        assert_eq!(item.turn.wake(), Wakeup::Nothing);
    });
}

#[test]
fn a_drain_gives_up_what_waits_and_leaves_what_was_woken() {
    model("task: give up against wake", || {
        let item = Item::new();
        assert!(!item.take_turn(1));
        let theirs = Arc::clone(&item);
        let waker = thread::spawn(move || theirs.happen(0));
        let given_up = item.turn.close_aside();
        if given_up {
            item.end();
        }
        waker.join().unwrap();
        let queued = item.entries.load(Ordering::Relaxed);
        assert_eq!(queued, u32::from(!given_up));
        if !given_up {
            assert!(item.take_turn(1));
        }
        assert_eq!(item.ended.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn who_comes_into_the_lobby_as_it_closes_is_answered() {
    model("task: enter against close", || {
        let lobby = Arc::new(Lobby::new());
        let item = Item::new();
        assert!(item.entries.fetch_sub(1, Ordering::Relaxed) == 1);
        assert_eq!(item.turn.begin(), Turn::Mine);
        let (theirs, guest) = (Arc::clone(&lobby), Arc::clone(&item));
        let worker = thread::spawn(move || {
            let place = theirs.enter(1, Arc::clone(&guest), Kind::Future);
            if place.is_none() {
                let _ = guest.turn.close_for_good();
                guest.end();
            } else if let SetAside::Closed(why) = guest.turn.set_aside() {
                assert_eq!(why, Why::Stopped);
                guest.end();
            }
            place
        });
        lobby.close(|guest: Arc<Item>| _ = close(&guest, Why::Stopped));
        let place = worker.join().unwrap();
        assert_eq!(item.ended.load(Ordering::Relaxed), 1, "nobody answered it");
        if let Some(place) = place {
            lobby.leave(place);
        }
    });
}
