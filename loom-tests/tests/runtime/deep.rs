//! A join too deep to run its item hears of the item's outcome and of the end of the run.

use std::sync::Arc;

use hivework::internals::{Completion, Deep, Nudge};
use hivework_loom_tests::model;
use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::thread;

struct Item(Completion<u32>);

impl Nudge for Item {
    fn nudge(&self) {
        self.0.nudge();
    }
}

#[derive(Default)]
struct House {
    deep: Deep,
    halt: AtomicBool,
}

impl House {
    fn is_halting(&self) -> bool {
        self.halt.load(Ordering::Acquire)
    }

    fn end_run(&self) {
        self.halt.store(true, Ordering::Release);
        self.deep.nudge();
    }

    /// Says whether the outcome came.
    fn join(&self, item: &Arc<Item>) -> bool {
        let wanted: Arc<dyn Nudge> = Arc::clone(item) as _;
        self.deep
            .wait(wanted, || item.0.sleep(None, || self.is_halting()))
    }
}

#[test]
fn the_end_of_the_run_reaches_a_join_that_is_about_to_sleep() {
    model("deep: join against the end of the run", || {
        let house = Arc::new(House::default());
        let theirs = Arc::clone(&house);
        let ender = thread::spawn(move || theirs.end_run());
        // Asleep for good is a deadlock: nobody runs the item.
        let arrived = house.join(&Arc::new(Item(Completion::new())));
        assert!(!arrived && house.is_halting());
        ender.join().unwrap();
    });
}

#[test]
fn it_reaches_both_of_two_joins() {
    model("deep: two joins against the end of the run", || {
        let house = Arc::new(House::default());
        let theirs = Arc::clone(&house);
        let other = thread::spawn(move || {
            assert!(!theirs.join(&Arc::new(Item(Completion::new()))));
        });
        let theirs = Arc::clone(&house);
        let ender = thread::spawn(move || theirs.end_run());
        assert!(!house.join(&Arc::new(Item(Completion::new()))));
        other.join().unwrap();
        ender.join().unwrap();
    });
}
