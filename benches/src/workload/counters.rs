//! Single variables: incremented, written, loaded, stored to.

use std::hint::black_box;

use hivework_stm::TVar;
use parking_lot::Mutex;

use super::{Contestant, Subject, thread_counts, timed};
use crate::system::{AsyncStm, FastStm, Hivework, Stm, System, Value};

/// How many variables lie between two threads' own: far enough that neither
/// neighbouring cache lines nor a prefetcher brings them together.
const FAR: usize = 64;

/// What shares nothing, and so shows what there is to gain.
pub const ARITHMETIC: &str = "arithmetic alone";

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        increment_one(),
        increment_far(),
        write_far("write four words to a variable each", |n| [n; 4]),
        write_far("write a String to a variable each", |n| format!("{n:020}")),
        load(),
        store(),
    ]
}

fn increment<S: System>(var: &S::Var<u64>) {
    S::atomically(|tx| S::modify(tx, var, |n| n + 1));
}

fn increment_one() -> Subject {
    fn contestant<S: System>(threads: u64) -> Contestant {
        let var = S::var(0);
        Contestant::threads(S::NAME, threads, move |_, _| increment::<S>(&var))
    }
    Subject::new("increment one variable", || {
        let mut all = Vec::new();
        for threads in thread_counts() {
            let lock = Mutex::new(0_u64);
            all.extend([
                contestant::<Hivework>(threads),
                contestant::<Stm>(threads),
                contestant::<FastStm>(threads),
                contestant::<AsyncStm>(threads),
                Contestant::threads("mutex", threads, move |_, _| *lock.lock() += 1),
            ]);
        }
        let var = TVar::new(0_u64);
        let update = move |n| timed(n, |_| var.update(|n| n + 1));
        all.push(Contestant::new("hivework, TVar::update", 1, update));
        all
    })
}

/// A run of variables, one after the other in memory as the allocator has it, of
/// which each thread takes one far from the others'. The variables between them
/// are there and untouched.
struct Far<V>(Vec<V>);

impl<V> Far<V> {
    fn new(threads: u64, make: impl Fn() -> V) -> Self {
        Far((0..(threads as usize + 1) * FAR).map(|_| make()).collect())
    }

    fn of(&self, thread: u64) -> &V {
        &self.0[(thread as usize + 1) * FAR - FAR / 2]
    }
}

fn increment_far() -> Subject {
    fn contestant<S: System>(threads: u64) -> Contestant {
        let vars = Far::new(threads, || S::var(0));
        Contestant::threads(S::NAME, threads, move |thread, _| {
            increment::<S>(vars.of(thread))
        })
    }
    Subject::new("increment a variable each, far apart", || {
        let mut all = Vec::new();
        for threads in thread_counts() {
            let locks = Far::new(threads, || Box::new(Mutex::new(0_u64)));
            all.extend([
                contestant::<Hivework>(threads),
                contestant::<Stm>(threads),
                contestant::<FastStm>(threads),
                contestant::<AsyncStm>(threads),
                Contestant::threads("mutexes", threads, move |thread, _| {
                    *locks.of(thread).lock() += 1
                }),
                Contestant::threads(ARITHMETIC, threads, |_, n| arithmetic(n)),
            ]);
        }
        all
    })
}

/// As many instructions as an increment takes, or so, and none of them on memory that
/// is shared: how this scales says whether two processors are two cores.
fn arithmetic(n: u64) {
    let mut lanes = [n; 6];
    for _ in 0..8 {
        for (step, lane) in lanes.iter_mut().enumerate() {
            *lane = black_box(lane.wrapping_add(n) ^ step as u64);
        }
    }
}

/// A value that fits in no word: each write puts a new one in place of the old,
/// which has to be given up.
fn write_far<T: Value>(name: &'static str, make: fn(u64) -> T) -> Subject {
    fn contestant<S: System, T: Value>(threads: u64, make: fn(u64) -> T) -> Contestant {
        let vars = Far::new(threads, || S::var(make(0)));
        Contestant::threads(S::NAME, threads, move |thread, n| {
            S::atomically(|tx| S::write(tx, vars.of(thread), make(n)))
        })
    }
    Subject::new(name, move || {
        let mut all = Vec::new();
        for threads in [1, 2] {
            let locks = Far::new(threads, || Box::new(Mutex::new(make(0))));
            all.extend([
                contestant::<Hivework, T>(threads, make),
                contestant::<Stm, T>(threads, make),
                contestant::<FastStm, T>(threads, make),
                contestant::<AsyncStm, T>(threads, make),
                Contestant::threads("mutexes", threads, move |thread, n| {
                    *locks.of(thread).lock() = make(n)
                }),
            ]);
        }
        all
    })
}

/// Without a transaction; `async-stm` has no such operation.
fn load() -> Subject {
    Subject::new("load one variable, 1 thread", || {
        let (ours, stm) = (TVar::new(1_u64), stm::TVar::new(1_u64));
        let (fast, lock) = (fast_stm::TVar::new(1_u64), Mutex::new(1_u64));
        vec![
            Contestant::threads("hivework, load", 1, move |_, _| {
                black_box(ours.load());
            }),
            Contestant::threads("stm, read_atomic", 1, move |_, _| {
                black_box(stm.read_atomic());
            }),
            Contestant::threads("fast-stm, read_atomic", 1, move |_, _| {
                black_box(fast.read_atomic());
            }),
            Contestant::threads("mutex", 1, move |_, _| {
                black_box(*lock.lock());
            }),
        ]
    })
}

/// `stm` and `async-stm` store by a transaction. What `fast-stm` calls
/// `write_atomic` wakes nobody who waits for the variable.
fn store() -> Subject {
    Subject::new("store to one variable, 1 thread", || {
        let (ours, stm) = (TVar::new(0_u64), stm::TVar::new(0_u64));
        let (fast, lock) = (fast_stm::TVar::new(0_u64), Mutex::new(0_u64));
        let other = async_stm::TVar::new(0_u64);
        vec![
            Contestant::threads("hivework, store", 1, move |_, n| ours.store(n)),
            Contestant::threads("stm, a transaction", 1, move |_, n| {
                stm::atomically(|tx| stm.write(tx, n))
            }),
            Contestant::threads("fast-stm, write_atomic", 1, move |_, n| {
                fast.write_atomic(n)
            }),
            Contestant::threads("async-stm, a transaction", 1, move |_, n| {
                AsyncStm::atomically(|tx| AsyncStm::write(tx, &other, n))
            }),
            Contestant::threads("mutex", 1, move |_, n| *lock.lock() = n),
        ]
    })
}
