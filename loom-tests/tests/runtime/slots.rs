//! Slots: each comes home once, whoever gives it, and whoever waits is told.

use hivework::internals::LoneDrawer;
use hivework::{Slots, atomically};
use hivework_loom_tests::model_within;
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread;

fn slots(size: usize) -> Slots {
    Slots::new(size).unwrap()
}

#[test]
fn who_waits_is_woken() {
    model_within(2, "slots: take against drop, a part", || {
        let whole = slots(1);
        let part = whole.narrow(1).unwrap();
        let held = whole.take();
        let giver = thread::spawn(move || drop(held));
        drop(part.take());
        giver.join().unwrap();
        assert_eq!((part.free(), whole.free()), (1, 1));
    });
}

#[test]
fn who_leaves_word_is_told() {
    model_within(2, "slots: leaving word against drop", || {
        let slots = slots(1);
        let held = slots.take();
        let giver = thread::spawn(move || drop(held));
        let drawer = LoneDrawer::start(&slots);
        giver.join().unwrap();
        assert!(
            drawer.drawn().is_some(),
            "one was given, and nobody drew it"
        );
        assert_eq!(slots.free(), 1);
    });
}

/// The slot gets out of the transaction that takes it, and another thread drops it: before
/// the commit or after it.
#[test]
fn a_slot_dropped_beside_its_commit_comes_home_once() {
    model_within(2, "slots: drop against the commit of the taking", || {
        let slots = slots(1);
        let handed = Arc::new(Mutex::new(None));
        let dropper = {
            let handed = Arc::clone(&handed);
            thread::spawn(move || {
                let slot = handed.lock().take();
                drop(slot);
            })
        };
        atomically(|tx| {
            let slot = slots.take_in(tx)?;
            let earlier = handed.lock().replace(slot);
            drop(earlier);
            Ok(())
        });
        dropper.join().unwrap();
        let left = handed.lock().take();
        drop(left);
        assert_eq!(slots.free(), 1);
    });
}

#[test]
fn a_slot_given_twice_comes_home_once() {
    model_within(2, "slots: two givings of one slot", || {
        let slots = slots(1);
        let slot = Arc::new(atomically(|tx| slots.take_in(tx)));
        let theirs = Arc::clone(&slot);
        let other = thread::spawn(move || {
            atomically(|tx| theirs.give_in(tx));
        });
        atomically(|tx| slot.give_in(tx));
        other.join().unwrap();
        drop(slot);
        assert_eq!(slots.free(), 1);
    });
}
