#![allow(unsafe_code, reason = "blocks are memory of the global allocator")]
//! Blocks of memory that go round between threads.
//!
//! A general allocator takes part of its price for what items do not need: it finds a place of
//! the right size, it merges what comes back with its neighbours, and where one thread allocates
//! and another frees, the two meet at its locks. So blocks keep their sizes, whole
//! cache lines, and go round:
//!
//! 1. Every thread has a *shelf* for each size. It takes blocks from it, and lays those that it
//!    gives up on it, without asking anybody.
//! 2. A shelf that is full hands half of its blocks to the *store* of the process, and one
//!    that is empty gets as many from there: one lock for [`HALF`] blocks.
//! 3. Where the store has none, the shelf gets a new *slab* from the global allocator, which is
//!    divided into blocks.
//! 4. The supervisors [trim] the store, every now and then and before they doze: of as many blocks
//!    as nobody has needed since the last time, those go back to the global allocator whose slab is
//!    complete. A thread that ends leaves its own to the store.
//!
//! A slab is aligned to its own size, so each of its blocks tells where it begins.

use std::alloc::{self, Layout};
use std::cell::Cell;
use std::mem;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};

use hivework_stm::facade::sync::Mutex;
use hivework_stm::facade::{global, local};

use super::allocate;

/// A cache line; what sizes are multiples of.
const LINE: usize = 64;

/// How many sizes there are: up to four lines.
const SIZES: usize = 4;

/// How many blocks go to the store, or come from there, at a time.
const HALF: usize = 64;

/// The size of a slab, and what it is aligned to: a page, which fills half a shelf at most.
const SLAB: usize = HALF * LINE;

/// How many lines a block has, less one.
#[derive(Clone, Copy)]
pub(super) struct Size(usize);

impl Size {
    /// The size of the blocks for this layout, if it gets one.
    #[inline]
    pub(super) const fn of(layout: Layout) -> Option<Size> {
        if layout.size() == 0 || layout.size() > SIZES * LINE || layout.align() > LINE {
            return None;
        }
        Some(Size((layout.size() - 1) / LINE))
    }

    /// In bytes.
    const fn bytes(self) -> usize {
        (self.0 + 1) * LINE
    }

    /// How many blocks a slab is divided into.
    const fn per_slab(self) -> usize {
        SLAB / self.bytes()
    }
}

/// A block of the size that its shelf or store is for; nobody uses it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Block(NonNull<u8>);

// SAFETY: memory that nobody else reaches, from an allocator that all threads share.
unsafe impl Send for Block {}

impl Block {
    /// Where its slab begins.
    fn slab(self) -> NonNull<u8> {
        let address = self.0.addr().get() & !(SLAB - 1);
        self.0
            .map_addr(|_| NonZeroUsize::new(address).expect("no slab is at zero"))
    }
}

/// The blocks of a new slab.
fn new_slab(size: Size) -> impl Iterator<Item = Block> {
    let slab = allocate(SLAB_LAYOUT);
    (0..size.per_slab()).map(move |position| {
        // SAFETY: so many blocks are within the slab.
        Block(unsafe { slab.byte_add(position * size.bytes()) })
    })
}

const SLAB_LAYOUT: Layout = match Layout::from_size_align(SLAB, SLAB) {
    Ok(layout) => layout,
    Err(_) => panic!("a page is not too large"),
};

/// One thread's blocks of one size.
struct Shelf {
    blocks: [Cell<*mut u8>; 2 * HALF],
    count: Cell<usize>,
}

struct Shelves([Shelf; SIZES]);

impl Shelf {
    const fn new() -> Shelf {
        Shelf {
            blocks: [const { Cell::new(ptr::null_mut()) }; 2 * HALF],
            count: Cell::new(0),
        }
    }

    #[inline]
    fn take(&self, size: Size) -> Block {
        let count = self.count.get();
        if count == 0 {
            return self.fetch(size);
        }
        self.count.set(count - 1);
        let block = self.blocks[count - 1].get();
        Block(NonNull::new(block).expect("there are so many"))
    }

    #[inline]
    fn lay(&self, size: Size, block: Block) {
        let mut count = self.count.get();
        if count == 2 * HALF {
            self.hand_over(size, HALF);
            count = HALF;
        }
        self.blocks[count].set(block.0.as_ptr());
        self.count.set(count + 1);
    }

    /// Steps 2 and 3, of an empty one: one block to use, and the rest for the shelf.
    #[cold]
    fn fetch(&self, size: Size) -> Block {
        let mut store = STORES[size.0].lock();
        let left = store.blocks.len().saturating_sub(HALF);
        let mut count = 0;
        for (place, block) in self.blocks.iter().zip(store.blocks.drain(left..)) {
            place.set(block.0.as_ptr());
            count += 1;
        }
        store.fewest = store.fewest.min(left);
        drop(store);
        if count == 0 {
            for (place, block) in self.blocks.iter().zip(new_slab(size)) {
                place.set(block.0.as_ptr());
                count += 1;
            }
        }
        self.count.set(count);
        self.take(size)
    }

    /// Step 2, of a full one: all but the first `keep`.
    #[cold]
    fn hand_over(&self, size: Size, keep: usize) {
        let count = self.count.replace(keep);
        let blocks = self.blocks[keep..count].iter();
        let blocks = blocks.filter_map(|place| NonNull::new(place.get()).map(Block));
        STORES[size.0].lock().blocks.extend(blocks);
    }
}

impl Drop for Shelves {
    fn drop(&mut self) {
        for (size, shelf) in self.0.iter().enumerate() {
            shelf.hand_over(Size(size), 0);
        }
    }
}

local! {
    static SHELVES: Shelves = const { Shelves([const { Shelf::new() }; SIZES]) };
}

/// The process's blocks of one size.
struct Store {
    blocks: Vec<Block>,
    /// The least that there were since the last [`trim`].
    fewest: usize,
}

impl Store {
    const fn new() -> Store {
        Store {
            blocks: Vec::new(),
            fewest: 0,
        }
    }
}

global! {
    static STORES: [Mutex<Store>; SIZES] = [const { Mutex::new(Store::new()) }; SIZES];
}

/// Step 4.
pub(super) fn trim() {
    for (size, store) in STORES.iter().enumerate() {
        trim_one(Size(size), store);
    }
}

fn trim_one(size: Size, store: &Mutex<Store>) {
    let mut locked = store.lock();
    let there = locked.blocks.len();
    let mut unneeded = mem::replace(&mut locked.fewest, there);
    if unneeded < size.per_slab() {
        return;
    }
    // While these are looked at, who needs one gets a new slab.
    let mut blocks = mem::take(&mut locked.blocks);
    drop(locked);
    blocks.sort_unstable();
    let mut kept = Vec::new();
    for of_slab in blocks.chunk_by(|one, next| one.slab() == next.slab()) {
        if of_slab.len() == size.per_slab() && unneeded >= of_slab.len() {
            unneeded -= of_slab.len();
            // SAFETY: made by `new_slab` with this layout; all of its blocks are here, and so
            // nobody uses one.
            unsafe { alloc::dealloc(of_slab[0].slab().as_ptr(), SLAB_LAYOUT) };
        } else {
            kept.extend_from_slice(of_slab);
        }
    }
    let mut locked = store.lock();
    kept.append(&mut locked.blocks);
    locked.blocks = kept;
    locked.fewest = locked.blocks.len();
}

/// Memory of this size. What lay there before is for the caller to forget.
#[inline]
pub(super) fn take(size: Size) -> NonNull<u8> {
    SHELVES
        .try_with(|shelves| shelves.0[size.0].take(size))
        // The thread ends, and its shelves are gone.
        .unwrap_or_else(|_| with_passing_shelf(size, |shelf| shelf.take(size)))
        .0
}

/// Gives memory up.
///
/// # Safety
///
/// It comes from [`take`] with this size, and nobody uses it any more.
#[inline]
pub(super) unsafe fn give_up(size: Size, memory: NonNull<u8>) {
    let block = Block(memory);
    let laid = SHELVES.try_with(|shelves| shelves.0[size.0].lay(size, block));
    if laid.is_err() {
        with_passing_shelf(size, |shelf| shelf.lay(size, block));
    }
}

#[cold]
fn with_passing_shelf<R>(size: Size, used: impl FnOnce(&Shelf) -> R) -> R {
    let shelf = Shelf::new();
    let answer = used(&shelf);
    shelf.hand_over(size, 0);
    answer
}

#[cfg(test)]
mod tests {
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
        const EACH: usize = 5 * HALF;
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
        const MANY: usize = 3 * HALF;
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
        assert!(taken.iter().filter(|block| given.contains(block)).count() >= MANY - HALF);
        for block in taken {
            // SAFETY: as above.
            unsafe { give_up(size, block.0) };
        }
    }

    #[test]
    fn a_trim_gives_back_complete_slabs_that_were_not_needed() {
        let mut blocks: Vec<Block> = (0..3).flat_map(|_| new_slab(SMALLEST)).collect();
        // One is still with somebody.
        let used = blocks.pop().unwrap();
        let store = Mutex::new(Store {
            fewest: blocks.len(),
            blocks,
        });
        trim_one(SMALLEST, &store);
        let left = HALF - 1;
        assert_eq!(store.lock().blocks.len(), left);
        assert!(
            store
                .lock()
                .blocks
                .iter()
                .all(|block| block.slab() == used.slab())
        );

        store.lock().blocks.push(used);
        trim_one(SMALLEST, &store);
        assert_eq!(
            store.lock().blocks.len(),
            HALF,
            "all but one were there all the time"
        );
        trim_one(SMALLEST, &store);
        assert_eq!(store.lock().blocks.len(), 0);
    }
}
