//! A panic of a value's `Clone` that is caught inside the transaction: the operation is then as if
//! it had not been, and the transaction may go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::{TBroadcast, THashMap, TList, TOrderedMap, TQueue, TStack};

/// So many clones succeed, and then one panics.
#[derive(Default)]
struct Fuse(AtomicUsize);

/// A number whose clones burn the fuse.
struct Fragile(u64, Arc<Fuse>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        let before = self.1.0.fetch_sub(1, Ordering::Relaxed);
        assert!(before != 1, "in a clone, on purpose");
        Fragile(self.0, Arc::clone(&self.1))
    }
}

impl Fuse {
    fn value(self: &Arc<Self>, number: u64) -> Fragile {
        Fragile(number, Arc::clone(self))
    }

    /// Runs an operation whose `clones`-th clone panics, catches that inside the transaction, and
    /// has it commit. Says whether there was a panic.
    fn burns<R>(
        &self,
        clones: usize,
        mut operation: impl FnMut(&mut Transaction<'_>) -> StmResult<R>,
    ) -> bool {
        let burnt = atomically(|tx| {
            self.0.store(clones, Ordering::Relaxed);
            match catch_unwind(AssertUnwindSafe(|| operation(tx))) {
                Ok(done) => done.map(|_| false),
                Err(_) => Ok(true),
            }
        });
        self.0.store(0, Ordering::Relaxed);
        burnt
    }

    /// Every clone of the operation panics in turn, in a container made anew; what is in it has
    /// to be what was.
    fn tries<C>(
        self: &Arc<Self>,
        make: impl Fn() -> C,
        operation: impl Fn(&C, &mut Transaction<'_>) -> StmResult<()>,
        numbers: impl Fn(&C) -> Vec<u64>,
    ) {
        for clones in 1.. {
            let container = make();
            let before = numbers(&container);
            if !self.burns(clones, |tx| operation(&container, tx)) {
                assert!(clones > 1, "an operation that clones nothing");
                return;
            }
            assert_eq!(numbers(&container), before, "at clone {clones}");
        }
    }
}

#[test]
fn a_queue_loses_nothing() {
    let fuse = Arc::new(Fuse::default());
    let make = || {
        let queue = TQueue::new();
        atomically(|tx| (0..40).try_for_each(|n| queue.put(tx, fuse.value(n))));
        queue
    };
    let numbers = |queue: &TQueue<Fragile>| {
        std::iter::from_fn(|| queue.take_now())
            .map(|value| value.0)
            .collect()
    };
    let whole = (0..40).collect::<Vec<_>>();
    for clones in 1..=30 {
        let queue = make();
        fuse.burns(clones, |tx| queue.take_batch(tx, 30));
        let left: Vec<_> = numbers(&queue);
        assert_eq!(left, whole, "at clone {clones}");
    }
    let queue = make();
    assert!(fuse.burns(1, |tx| queue.take(tx)));
    assert_eq!(numbers(&queue), whole);
}

#[test]
fn a_stack_and_a_list_lose_nothing() {
    let fuse = Arc::new(Fuse::default());
    let stack = TStack::new();
    stack.push_now(fuse.value(7));
    assert!(fuse.burns(1, |tx| stack.pop(tx)));
    assert_eq!(stack.pop_now().map(|value| value.0), Some(7));

    let list = TList::new();
    list.push_now(fuse.value(7));
    assert!(fuse.burns(1, |tx| list.pop(tx)));
    assert_eq!(list.pop_now().map(|value| value.0), Some(7));
}

#[test]
fn a_broadcast_loses_nothing() {
    let fuse = Arc::new(Fuse::default());
    let (news, number) = (TBroadcast::new(), |value: Fragile| value.0);
    let reader = news.subscribe();
    for n in 0..2 {
        assert!(news.send_now(fuse.value(n)).is_ok());
    }
    assert!(fuse.burns(1, |tx| reader.receive(tx)));
    assert!(fuse.burns(2, |tx| reader.receive_batch(tx, 2)));
    assert_eq!(reader.receive_blocking().map(number), Ok(0));
    assert_eq!(reader.receive_blocking().map(number), Ok(1));
}

#[test]
fn a_hash_map_loses_nothing() {
    let fuse = Arc::new(Fuse::default());
    let make = || {
        let map = THashMap::new();
        for n in 0..100 {
            map.insert_now(n, fuse.value(n));
        }
        map
    };
    let numbers = |map: &THashMap<u64, Fragile>| {
        let mut keys = atomically(|tx| map.keys(tx));
        keys.sort_unstable();
        assert_eq!(atomically(|tx| map.len(tx)), keys.len());
        for key in &keys {
            assert!(map.get_now(key).is_some());
        }
        keys
    };
    fuse.tries(make, |map, tx| map.remove(tx, &50).map(drop), numbers);
    // Buckets are split on the way.
    let full = numbers(&make());
    for key in 100..400 {
        let map = make();
        for clones in 1..4 {
            if !fuse.burns(clones, |tx| map.insert(tx, key, fuse.value(key))) {
                break;
            }
            assert_eq!(numbers(&map), full, "key {key}, at clone {clones}");
        }
    }
}

#[test]
fn an_ordered_map_loses_nothing() {
    let fuse = Arc::new(Fuse::default());
    let make = || {
        let map = TOrderedMap::new();
        for n in 0..15 {
            map.insert_now(10 * n, fuse.value(n));
        }
        map
    };
    let numbers = |map: &TOrderedMap<u64, Fragile>| {
        let keys = atomically(|tx| map.keys(tx));
        assert_eq!(atomically(|tx| map.len(tx)), keys.len());
        for key in &keys {
            assert!(map.get_now(key).is_some());
        }
        keys
    };
    fuse.tries(make, |map, tx| map.remove(tx, &50).map(drop), numbers);
    fuse.tries(make, |map, tx| map.pop_first(tx).map(drop), numbers);
    // Splits the leaf.
    let insert = |map: &TOrderedMap<_, _>, tx: &mut Transaction<'_>| {
        map.insert(tx, 55, fuse.value(55)).map(drop)
    };
    fuse.tries(make, insert, numbers);
}
