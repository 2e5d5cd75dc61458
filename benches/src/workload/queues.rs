//! Queues: what a message costs that goes in and comes out, on one thread, from
//! thread to thread, among several, and with a bound.
//!
//! Every run sums up what comes out, and the sum must be that of what went in.

mod ends;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::mpsc;

use stm_ports::{TBoundedQueue, TQueue};

use super::{Contestant, Subject, timed, timed_together};
use crate::system::Value;
use ends::{
    AsyncLinks, AsyncQueue, AsyncVectors, InTransactions, Locked, Put, PutMany, Take, TakeMany,
};

/// How many messages go in or come out at a time, where they do so together.
const BATCH: u64 = 64;

/// The subject whose contestants hand messages from one thread to another.
pub const HAND_OVER: &str = "queue: from one thread to another";
/// The subject of a message in and out on one thread.
pub const PUT_TAKE: &str = "queue: put, then take, u64, 1 thread";
/// Our contestant in [`HAND_OVER`] that puts and takes many at a time.
pub const OURS_IN_BATCHES: &str = "hivework, 64 at a time";
/// Ours where a thread that waits does so by a transaction that retries, and not
/// by the container's own form that blocks.
const RETRYING: &str = "hivework, retrying transactions";
/// The peer to which hand-overs are compared.
pub const CROSSBEAM: &str = "crossbeam-channel";

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject::new(PUT_TAKE, || put_take(|n| n)),
        Subject::new("queue: put, then take, String, 1 thread", || {
            put_take(|n| format!("{n:020}"))
        }),
        Subject::new(HAND_OVER, hand_over),
        Subject::new("queue: 2 producers, 2 consumers", two_by_two),
        Subject::new("queue of at most 64: put, then take, 1 thread", || {
            bounded_put_take(64)
        }),
        Subject::new("queue of at most 64: from one thread to another", || {
            bounded(64, 1)
        }),
        Subject::new("queue of at most 1024: from one thread to another", || {
            bounded(1024, 1)
        }),
        Subject::new("queue of at most 64: 2 producers, 2 consumers", || {
            bounded(64, 2)
        }),
    ]
}

/// A message goes in and comes out, on this thread.
fn in_and_out<T: Value>(
    name: &'static str,
    make: fn(u64) -> T,
    (input, output): (impl Put<T>, impl Take<T>),
) -> Contestant {
    Contestant::new(name, 1, move |n| {
        timed(n, |n| {
            input.put(make(n));
            black_box(output.take());
        })
    })
}

/// `stm` and `fast-stm` come without a queue.
fn put_take<T: Value>(make: fn(u64) -> T) -> Vec<Contestant> {
    let (ours, blocking) = (TQueue::new(), TQueue::new());
    let vectors: AsyncVectors<T> = AsyncQueue(async_stm::queues::tqueue::TQueue::new());
    let links: AsyncLinks<T> = AsyncQueue(async_stm::queues::tchan::TChan::new());
    let lock = Locked::new();
    vec![
        in_and_out(
            "hivework, 2 transactions",
            make,
            (InTransactions(ours.clone()), InTransactions(ours)),
        ),
        in_and_out(
            "hivework, put_now and take_blocking",
            make,
            (blocking.clone(), blocking),
        ),
        in_and_out(CROSSBEAM, make, crossbeam_channel::unbounded()),
        in_and_out("std mpsc", make, mpsc::channel()),
        in_and_out("flume", make, flume::unbounded()),
        in_and_out(
            "async-stm TQueue, 2 transactions",
            make,
            (vectors.clone(), vectors),
        ),
        in_and_out(
            "async-stm TChan, 2 transactions",
            make,
            (links.clone(), links),
        ),
        in_and_out(
            "mutex over a VecDeque, locked twice",
            make,
            (lock.clone(), lock),
        ),
    ]
}

/// One of ours with room for so many.
fn room_for(bound: usize) -> TBoundedQueue<u64> {
    TBoundedQueue::new(NonZeroUsize::new(bound).expect("a bound is not 0"))
}

fn bounded_put_take(bound: usize) -> Vec<Contestant> {
    let (ours, blocking) = (room_for(bound), room_for(bound));
    vec![
        in_and_out(
            "hivework, 2 transactions",
            |n| n,
            (InTransactions(ours.clone()), InTransactions(ours)),
        ),
        in_and_out(
            "hivework, put_blocking and take_blocking",
            |n| n,
            (blocking.clone(), blocking),
        ),
        in_and_out(CROSSBEAM, |n| n, crossbeam_channel::bounded(bound)),
        in_and_out("std sync_channel", |n| n, sync_channel(bound)),
        in_and_out("flume", |n| n, flume::bounded(bound)),
    ]
}

/// The standard library's bounded channel, its sender first.
fn sync_channel(bound: usize) -> (mpsc::SyncSender<u64>, mpsc::Receiver<u64>) {
    mpsc::sync_channel(bound)
}

/// What a thread does; it answers the sum of what came out.
type Job<'a> = Box<dyn FnOnce() -> u64 + Send + 'a>;

/// For each of `outputs` one thread that takes from it and one that puts: an
/// operation is a message, in and out. They are told how many, and which.
fn relayed<P: Clone + Send + 'static, C: Send + 'static>(
    name: &'static str,
    input: P,
    mut outputs: Vec<C>,
    put: fn(&P, Range<u64>),
    take: fn(&C, u64) -> u64,
) -> Contestant {
    let pairs = outputs.len() as u64;
    Contestant::new(name, 2 * pairs, move |n| {
        let each = n.div_ceil(pairs);
        let mut jobs: Vec<Job<'_>> = Vec::new();
        for (pair, output) in (0..pairs).zip(&mut outputs) {
            let input = input.clone();
            jobs.push(Box::new(move || {
                put(&input, pair * each..(pair + 1) * each);
                0
            }));
            jobs.push(Box::new(move || take(output, each)));
        }
        let (took, sums) = timed_together(jobs);
        let all = pairs * each;
        let sum: u64 = sums.into_iter().sum();
        assert_eq!(sum, all * all.saturating_sub(1) / 2, "{name} lost messages");
        took
    })
}

/// One message at a time.
fn singly<P: Put<u64>, C: Take<u64>>(name: &'static str, input: P, outputs: Vec<C>) -> Contestant {
    relayed(
        name,
        input,
        outputs,
        |input, messages| messages.for_each(|message| input.put(message)),
        |output, count| (0..count).map(|_| output.take()).sum(),
    )
}

/// [`BATCH`] messages at a time, where the queue has a form for that.
fn in_batches<P: PutMany<u64>, C: TakeMany<u64>>(
    name: &'static str,
    input: P,
    outputs: Vec<C>,
) -> Contestant {
    relayed(
        name,
        input,
        outputs,
        |input, messages| {
            let mut next = messages.start;
            while next < messages.end {
                let end = messages.end.min(next + BATCH);
                input.put_many(next..end);
                next = end;
            }
        },
        |output, count| {
            let (mut left, mut sum) = (count, 0);
            while left > 0 {
                left -= output.take_many(left.min(BATCH), |message| sum += message);
            }
            sum
        },
    )
}

/// The channels send message by message; in batches they receive one and then
/// what is there.
fn hand_over() -> Vec<Contestant> {
    let (ours, batched) = (TQueue::new(), TQueue::new());
    let retrying = InTransactions(TQueue::new());
    let links: AsyncLinks<u64> = AsyncQueue(async_stm::queues::tchan::TChan::new());
    let (lock, lock_batched) = (Locked::new(), Locked::new());
    let (put, take) = crossbeam_channel::unbounded();
    let (put_batched, take_batched) = crossbeam_channel::unbounded();
    let (flume_put, flume_take) = flume::unbounded();
    let (flume_put_batched, flume_take_batched) = flume::unbounded();
    let (mpsc_put, mpsc_take) = mpsc::channel();
    let (mpsc_put_batched, mpsc_take_batched) = mpsc::channel();
    vec![
        singly("hivework", ours.clone(), vec![ours]),
        singly(RETRYING, retrying.clone(), vec![retrying]),
        in_batches(OURS_IN_BATCHES, batched.clone(), vec![batched]),
        singly(CROSSBEAM, put, vec![take]),
        in_batches(
            "crossbeam-channel, recv and try_iter",
            put_batched,
            vec![take_batched],
        ),
        singly("std mpsc", mpsc_put, vec![mpsc_take]),
        in_batches(
            "std mpsc, recv and try_iter",
            mpsc_put_batched,
            vec![mpsc_take_batched],
        ),
        singly("flume", flume_put, vec![flume_take]),
        in_batches(
            "flume, recv and try_iter",
            flume_put_batched,
            vec![flume_take_batched],
        ),
        singly("async-stm TChan", links.clone(), vec![links]),
        singly("mutex over a VecDeque", lock.clone(), vec![lock]),
        in_batches(
            "mutex over a VecDeque, 64 at a time",
            lock_batched.clone(),
            vec![lock_batched],
        ),
    ]
}

/// `std`'s channels have one receiver.
fn two_by_two() -> Vec<Contestant> {
    let (ours, batched) = (TQueue::new(), TQueue::new());
    let retrying = InTransactions(TQueue::new());
    let links: AsyncLinks<u64> = AsyncQueue(async_stm::queues::tchan::TChan::new());
    let (lock, lock_batched) = (Locked::new(), Locked::new());
    let (put, take) = crossbeam_channel::unbounded();
    let (put_batched, take_batched) = crossbeam_channel::unbounded();
    let (flume_put, flume_take) = flume::unbounded();
    vec![
        singly("hivework", ours.clone(), twice(ours)),
        singly(RETRYING, retrying.clone(), twice(retrying)),
        in_batches(OURS_IN_BATCHES, batched.clone(), twice(batched)),
        singly(CROSSBEAM, put, twice(take)),
        in_batches(
            "crossbeam-channel, recv and try_iter",
            put_batched,
            twice(take_batched),
        ),
        singly("flume", flume_put, twice(flume_take)),
        singly("async-stm TChan", links.clone(), twice(links)),
        singly("mutex over a VecDeque", lock.clone(), twice(lock)),
        in_batches(
            "mutex over a VecDeque, 64 at a time",
            lock_batched.clone(),
            twice(lock_batched),
        ),
    ]
}

fn bounded(bound: usize, pairs: usize) -> Vec<Contestant> {
    let (put, take) = crossbeam_channel::bounded(bound);
    let (flume_put, flume_take) = flume::bounded(bound);
    let ours = room_for(bound);
    let retrying = InTransactions(room_for(bound));
    let mut all = vec![
        singly("hivework", ours.clone(), vec![ours; pairs]),
        singly(RETRYING, retrying.clone(), vec![retrying; pairs]),
        singly(CROSSBEAM, put, vec![take; pairs]),
        singly("flume", flume_put, vec![flume_take; pairs]),
    ];
    if pairs == 1 {
        let (put, take) = sync_channel(bound);
        all.push(singly("std sync_channel", put, vec![take]));
    }
    all
}

fn twice<C: Clone>(output: C) -> Vec<C> {
    vec![output; 2]
}
