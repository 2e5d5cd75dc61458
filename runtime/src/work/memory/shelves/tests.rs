//! Blocks go round, each with one holder at a time, and back to the global allocator.

use std::collections::HashSet;
use std::thread;

use super::*;

const SMALLEST: Size = Size(0);

fn size_of(bytes: usize) -> Option<usize> {
    let layout = Layout::from_size_align(bytes, 8).unwrap();
    Size::of(layout).map(Size::bytes)
}

#[test]
fn blocks_are_whole_lines_up_to_a_few() {
    assert_eq!(size_of(0), None);
    assert_eq!(size_of(1), Some(LINE));
    assert_eq!(size_of(LINE), Some(LINE));
    assert_eq!(size_of(LINE + 1), Some(2 * LINE));
    assert_eq!(size_of(SIZES * LINE), Some(SIZES * LINE));
    assert_eq!(size_of(SIZES * LINE + 1), None);
    let overaligned = Layout::from_size_align(LINE, 2 * LINE).unwrap();
    assert!(Size::of(overaligned).is_none());
}

#[test]
fn no_block_is_with_two_at_a_time() {
    const EACH: usize = 5 * CRATE;
    let taken: Vec<_> = thread::scope(|scope| {
        let takers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| (0..EACH).map(|_| Block(take(Size(2)))).collect()))
            .collect();
        let of = |taker: thread::ScopedJoinHandle<'_, Vec<Block>>| taker.join().unwrap();
        takers.into_iter().map(of).collect()
    });
    let different: HashSet<usize> = taken
        .iter()
        .flatten()
        .map(|block| block.0.addr().get())
        .collect();
    assert_eq!(different.len(), 3 * EACH);
    for block in taken.into_iter().flatten() {
        // SAFETY: all the block's lines are this thread's.
        unsafe { block.0.write_bytes(1, Size(2).bytes()) };
        // SAFETY: taken with this size, and nobody uses it any more.
        unsafe { give_up(Size(2), block.0) };
    }
}

#[test]
fn what_one_thread_gives_up_another_takes() {
    const MANY: usize = 3 * CRATE;
    // A size that the other tests have nothing to do with.
    let size = Size(3);
    let given: HashSet<Block> = thread::spawn(move || {
        let blocks: Vec<_> = (0..MANY).map(|_| Block(take(size))).collect();
        for block in &blocks {
            // SAFETY: taken with this size, and nobody uses it any more.
            unsafe { give_up(size, block.0) };
        }
        blocks.into_iter().collect()
    })
    .join()
    .unwrap();
    let taken: Vec<_> = (0..MANY).map(|_| Block(take(size))).collect();
    assert!(taken.iter().filter(|block| given.contains(block)).count() >= MANY - CRATE);
    for block in taken {
        // SAFETY: as above.
        unsafe { give_up(size, block.0) };
    }
}

/// A store of so many whole slabs, and one block that is not in it.
fn store_without_one(slabs: usize) -> (Mutex<Store>, Block) {
    let mut blocks: Vec<Block> = (0..slabs).flat_map(|_| new_slab(SMALLEST)).collect();
    let used = blocks.pop().unwrap();
    let mut store = Store::new();
    blocks
        .chunks(CRATE)
        .for_each(|blocks| store.add(Box::from(blocks)));
    store.fewest = store.count;
    (Mutex::new(store), used)
}

const SLABS: usize = 4 * KEPT / PAGE;

#[test]
fn a_trim_gives_back_complete_slabs() {
    let (store, used) = store_without_one(SLABS);
    trim_one(SMALLEST, &store);
    let left = SMALLEST.per_slab() - 1;
    assert_eq!(store.lock().count, left);
    let crates = mem::take(&mut store.lock().crates);
    let mut blocks = crates.iter().flatten();
    assert!(blocks.all(|block| block.slab() == used.slab()));
    // SAFETY: these were all.
    unsafe { alloc::dealloc(used.slab().as_ptr(), SLAB) };
}

#[test]
fn a_trim_leaves_as_much_as_was_needed() {
    let (store, used) = store_without_one(SLABS);
    store.lock().add(Box::new([used]));
    let all = SLABS * SMALLEST.per_slab();
    let unneeded = 2 * KEPT / LINE;
    let needed = all - unneeded;
    store.lock().fewest = unneeded;
    trim_one(SMALLEST, &store);
    let left = store.lock().count;
    assert!(
        (needed..needed + SMALLEST.per_slab()).contains(&left),
        "{left}"
    );
    // Nothing is needed from now on.
    trim_one(SMALLEST, &store);
    assert_eq!(store.lock().count, 0);
}

#[test]
fn what_cannot_be_given_back_is_left_alone() {
    // One block of each slab is in use.
    let mut store = Store::new();
    let mut used = Vec::new();
    for _ in 0..SLABS {
        let mut blocks = new_slab(SMALLEST);
        used.extend(blocks.next());
        store.add(blocks.collect());
    }
    store.fewest = store.count;
    let store = Mutex::new(store);
    assert!(store.lock().is_worth_it(SMALLEST));
    trim_one(SMALLEST, &store);
    assert!(!store.lock().is_worth_it(SMALLEST));
    assert_eq!(store.lock().count, SLABS * (SMALLEST.per_slab() - 1));
    for used in used {
        // SAFETY: the others are in the store, where nobody takes them.
        unsafe { alloc::dealloc(used.slab().as_ptr(), SLAB) };
    }
}

#[test]
fn who_leaves_clears_out_what_was_needed_a_moment_ago_as_well() {
    let (store, used) = store_without_one(SLABS);
    store.lock().add(Box::new([used]));
    store.lock().fewest = 0;
    clear_one(SMALLEST, &store);
    assert_eq!(store.lock().count, 0);
}
