//! Slots: what it costs that no more than so many are at work at once.

use std::hint::black_box;

use hivework::{Slots, atomically};
use parking_lot::{Condvar, Mutex};
use stm_ports::TSemaphore;
use tokio::sync::Semaphore;

use super::{Contestant, Subject};

/// How many slots there are: one for each thread and some more, so that nobody waits.
const SIZE: usize = 8;

/// The subject of a slot taken and given.
pub const TAKE_GIVE: &str = "slots: take, then give";

pub(super) fn subjects() -> Vec<Subject> {
    vec![Subject::new(TAKE_GIVE, take_give)]
}

/// What a program writes that has no semaphore.
struct Counted {
    free: Mutex<usize>,
    given: Condvar,
}

impl Counted {
    fn take(&self) -> Held<'_> {
        let mut free = self.free.lock();
        while *free == 0 {
            self.given.wait(&mut free);
        }
        *free -= 1;
        Held(self)
    }
}

struct Held<'a>(&'a Counted);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.given.notify_one();
    }
}

fn take_give() -> Vec<Contestant> {
    let slots = || Slots::new(SIZE).expect("more than none");
    let mut all = Vec::new();
    for threads in [1, 2] {
        let (whole, other, in_one) = (slots(), slots(), slots());
        let part = other.narrow(SIZE / 2).expect("fewer than the whole");
        let (ports, tokio) = (TSemaphore::new(SIZE), Semaphore::new(SIZE));
        let counted = Counted {
            free: Mutex::new(SIZE),
            given: Condvar::new(),
        };
        all.extend([
            Contestant::threads("hivework", threads, move |_, _| {
                drop(black_box(whole.take()));
            }),
            Contestant::threads("hivework, a part of a whole", threads, move |_, _| {
                drop(black_box(part.take()));
            }),
            Contestant::threads("hivework, taken in a transaction", threads, move |_, _| {
                drop(black_box(atomically(|tx| in_one.take_in(tx))));
            }),
            Contestant::threads("hivework, TSemaphore", threads, move |_, _| {
                drop(black_box(ports.hold_blocking(1)));
            }),
            Contestant::threads("tokio, Semaphore", threads, move |_, _| {
                drop(black_box(tokio.try_acquire()));
            }),
            Contestant::threads("count in a mutex, condvar", threads, move |_, _| {
                drop(black_box(counted.take()));
            }),
        ]);
    }
    all
}
