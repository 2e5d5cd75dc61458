//! Forks: each half runs once, its owner does not leave before, nobody sleeps for ever, and nobody
//! runs on top of its frame what is no part of what it waits for.

use std::cell::Cell;
use std::sync::OnceLock;

use hivework::internals::{ForkAround, Latents, Peer, Seed, Steal};
use hivework_loom_tests::model;
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::{local, thread};

/// A scheduler that knows two threads and has nobody to wake.
#[derive(Default)]
struct House(OnceLock<[Arc<Peer>; 2]>);

impl ForkAround for House {
    fn announce(&self) {}

    fn stir(&self) {}

    fn has_sleepers(&self) -> bool {
        false
    }

    fn is_dozing(&self) -> bool {
        false
    }

    fn peers(&self) -> Arc<[Arc<Peer>]> {
        Arc::from(self.0.get().map(|peers| peers.to_vec()).unwrap_or_default())
    }
}

local! {
    static MINE: Cell<bool> = const { Cell::new(false) };
}

fn two() -> (Arc<House>, Seed, Seed) {
    let house = Arc::new(House::default());
    let (one, two) = (Seed::new(false), Seed::new(false));
    let peers = [Arc::clone(one.peer()), Arc::clone(two.peer())];
    assert!(house.0.set(peers).is_ok());
    (house, one, two)
}

fn grow(house: &Arc<House>, seed: Seed) -> Latents {
    let around: Arc<dyn ForkAround> = Arc::<House>::clone(house);
    seed.grow(Arc::downgrade(&around))
}

/// Steals what there is in a few looks, and runs it.
fn steal_from(peer: &Arc<Peer>, latents: &Latents) {
    for _ in 0..3 {
        if let Steal::Taken(half) = peer.steal() {
            half.run(latents);
            return;
        }
    }
}

#[test]
fn a_half_is_taken_back_or_stolen_and_awaited() {
    model("fork: promote and take back against steal", || {
        let (house, seed, other) = two();
        let peer = Arc::clone(seed.peer());
        let theirs = Arc::clone(&house);
        let thief = thread::spawn(move || steal_from(&peer, &grow(&theirs, other)));
        let latents = grow(&house, seed);
        // The half's work, seen through the result alone.
        let work = Arc::new(AtomicUsize::new(0));
        let (first, second) = latents.nested(|fork| {
            fork.join(
                |_| 1,
                |_| {
                    work.fetch_add(1, Ordering::Relaxed);
                    2
                },
            )
        });
        assert_eq!((first, second), (1, 2));
        assert_eq!(work.load(Ordering::Relaxed), 1, "once, and seen");
        thief.join().unwrap();
    });
}

#[test]
fn two_halves_are_settled_in_order() {
    model("fork: two halves against steal", || {
        let (house, seed, other) = two();
        let peer = Arc::clone(seed.peer());
        let theirs = Arc::clone(&house);
        let thief = thread::spawn(move || {
            let latents = grow(&theirs, other);
            steal_from(&peer, &latents);
        });
        let latents = grow(&house, seed);
        let sum = latents.nested(|fork| {
            let (inner, one) = fork.join(
                |fork| {
                    latents.peer().request();
                    let (a, b) = fork.join(|_| 1, |_| 2);
                    a + b
                },
                |_| 4,
            );
            inner + one
        });
        assert_eq!(sum, 7);
        thief.join().unwrap();
    });
}

#[test]
fn a_visitor_takes_nothing_but_parts_of_its_own_half() {
    model("fork: a visit against the thief's next section", || {
        let (house, seed, other) = two();
        let peer = Arc::clone(seed.peer());
        let theirs = Arc::clone(&house);
        let here = Arc::new(AtomicUsize::new(0));
        let mark = Arc::clone(&here);
        let thief = thread::spawn(move || {
            MINE.with(|mine| mine.set(true));
            let latents = grow(&theirs, other);
            steal_from(&peer, &latents);
            // Something else altogether, which begins when the half is done.
            latents.nested(|fork| {
                fork.join(
                    |_| thread::yield_now(),
                    |_| {
                        MINE.with(|mine| {
                            mark.store(if mine.get() { 1 } else { 2 }, Ordering::Relaxed)
                        })
                    },
                );
            });
        });
        let latents = grow(&house, seed);
        // Each gives way where the other has to come in between, which saves preemptions.
        latents.nested(|fork| {
            fork.join(|_| thread::yield_now(), |_| thread::yield_now());
        });
        thief.join().unwrap();
        assert_ne!(here.load(Ordering::Relaxed), 2, "run on a stranger's frame");
    });
}
