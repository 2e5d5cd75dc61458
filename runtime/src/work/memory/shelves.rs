#![allow(
    unsafe_code,
    reason = "blocks are parts of memory that the global allocator gave"
)]
//! Blocks of memory that go round between threads.
//!
//! A general allocator takes part of its price for what items do not need: it finds a place of
//! the right size, it merges what comes back with its neighbours, and where one thread allocates
//! and another frees, the two meet at its locks. So blocks keep their sizes, whole
//! cache lines, and go round:
//!
//! 1. Every thread has a *shelf* for each size. It takes blocks from it, and lays those that it
//!    gives up on it, without asking anybody.
//! 2. A shelf that is full hands half of its blocks, a *crate*, to the *store* of the process,
//!    and one that is empty gets a crate from there. The store's lock is held while a pointer is
//!    moved.
//! 3. Where the store has none, the shelf gets a new *slab* from the global allocator, which is
//!    divided into blocks.
//! 4. The supervisors [trim] the store: of as many blocks as nobody has needed for a while, those
//!    go back to the global allocator whose slab is complete. A thread that ends leaves its own to the store.
//!
//! A slab is aligned to a page, so each of its blocks tells where it begins. It is one line shorter
//! than that, which is where the global allocator may have its own notes: otherwise no two slabs
//! would be neighbours, and half of the memory lost.
//!
//! # Trimming
//!
//! What nobody has needed is the least that has been in the store since the last time, and a time is
//! [`PACE`] at least. Slabs are found by sorting addresses, a [part](PART) of them at a time, so that no
//! trim takes long. Where all parts were looked at in vain, because
//! a few blocks of each slab are in use, nobody looks again before [as much](KEPT) has come that may complete them.

use std::alloc::{self, Layout};
use std::cell::Cell;
use std::mem;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use hivework_stm::facade::sync::Mutex;
use hivework_stm::facade::{filled, global, local};

use super::allocate;

/// A cache line; what sizes are multiples of.
const LINE: usize = 64;

/// How many sizes there are: up to four lines.
const SIZES: usize = 4;

/// How many blocks are in a crate.
const CRATE: usize = 64;

/// What a slab is aligned to; its size is a line less.
const PAGE: usize = 4096;

const SLAB: Layout = match Layout::from_size_align(PAGE - LINE, PAGE) {
    Ok(layout) => layout,
    Err(_) => panic!("a page is not too large"),
};

/// So many bytes of a size are kept in any case.
const KEPT: usize = if cfg!(miri) { 1 << 12 } else { 1 << 16 };

/// At about how many blocks one trim looks.
const PART: usize = 1 << 18;

/// How long it is between two trims.
pub(crate) const PACE: Duration = Duration::from_secs(1);

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
        SLAB.size() / self.bytes()
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
        let address = self.0.addr().get() & !(PAGE - 1);
        self.0
            .map_addr(|_| NonZeroUsize::new(address).expect("no slab is at zero"))
    }
}

/// The blocks of a new slab.
fn new_slab(size: Size) -> impl Iterator<Item = Block> {
    let slab = allocate(SLAB);
    (0..size.per_slab()).map(move |position| {
        // SAFETY: so many blocks are within the slab.
        Block(unsafe { slab.byte_add(position * size.bytes()) })
    })
}

/// One thread's blocks of one size.
struct Shelf {
    blocks: [Cell<*mut u8>; 2 * CRATE],
    count: Cell<usize>,
}

impl Shelf {
    const fn new() -> Shelf {
        Shelf {
            blocks: [const { Cell::new(ptr::null_mut()) }; 2 * CRATE],
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
        if self.count.get() == 2 * CRATE {
            self.hand_over(size, CRATE);
        }
        let count = self.count.get();
        self.blocks[count].set(block.0.as_ptr());
        self.count.set(count + 1);
    }

    /// Steps 2 and 3, of an empty one: one block to use, and the rest for the shelf.
    #[cold]
    fn fetch(&self, size: Size) -> Block {
        let fetched = STORES[size.0].lock().take();
        match fetched {
            Some(blocks) => self.fill(blocks.iter().copied()),
            None => self.fill(new_slab(size)),
        }
        self.take(size)
    }

    /// Lays a crate's blocks, or a slab's, on the empty shelf.
    fn fill(&self, blocks: impl Iterator<Item = Block>) {
        let mut count = 0;
        for (place, block) in self.blocks.iter().zip(blocks) {
            place.set(block.0.as_ptr());
            count += 1;
        }
        self.count.set(count);
    }

    /// Step 2: the first so many, which were laid longest ago.
    #[cold]
    fn hand_over(&self, size: Size, count: usize) {
        let blocks = self.blocks[..count].iter();
        let blocks: Box<[Block]> = blocks
            .filter_map(|place| NonNull::new(place.get()).map(Block))
            .collect();
        let left = self.count.get() - count;
        for place in 0..left {
            self.blocks[place].set(self.blocks[count + place].get());
        }
        self.count.set(left);
        STORES[size.0].lock().add(blocks);
    }

    fn hand_all_over(&self, size: Size) {
        while self.count.get() > 0 {
            self.hand_over(size, self.count.get().min(CRATE));
        }
    }
}

struct Shelves([Shelf; SIZES]);

impl Drop for Shelves {
    fn drop(&mut self) {
        for (size, shelf) in self.0.iter().enumerate() {
            shelf.hand_all_over(Size(size));
        }
    }
}

local! {
    static SHELVES: Shelves = const { Shelves([const { Shelf::new() }; SIZES]) };
}

/// The process's blocks of one size.
struct Store {
    crates: Vec<Box<[Block]>>,
    /// How many blocks are in them.
    count: usize,
    /// The least that there were since the last look.
    fewest: usize,
    /// Which part has its turn.
    turn: usize,
    /// How many parts have been looked at in vain, one after the other.
    in_vain: usize,
    /// So many were there when all parts had been.
    stuck: usize,
}

global! {
    static STORES: [CachePadded<Mutex<Store>>; SIZES] =
        filled!(CachePadded::new(Mutex::new(Store::new())); SIZES);
}

global! {
    /// When the stores were trimmed last; held while they are.
    static TRIMMED: Mutex<Option<Instant>> = Mutex::new(None);
}

impl Store {
    const fn new() -> Store {
        Store {
            crates: Vec::new(),
            count: 0,
            fewest: 0,
            turn: 0,
            in_vain: 0,
            stuck: 0,
        }
    }

    fn add(&mut self, blocks: Box<[Block]>) {
        self.count += blocks.len();
        self.crates.push(blocks);
    }

    fn take(&mut self) -> Option<Box<[Block]>> {
        let blocks = self.crates.pop()?;
        self.count -= blocks.len();
        self.fewest = self.fewest.min(self.count);
        Some(blocks)
    }

    /// Is there enough that may be given back, now or later?
    fn is_worth_it(&self, size: Size) -> bool {
        self.count.saturating_sub(self.stuck) * size.bytes() >= KEPT
    }
}

/// Step 4. Answers whether there will be more to give back a while later, if it is not needed
/// until then.
pub(super) fn trim() -> bool {
    let worth_it = || {
        let mut stores = STORES.iter().enumerate();
        stores.any(|(size, store)| store.lock().is_worth_it(Size(size)))
    };
    if !worth_it() {
        return false;
    }
    // Somebody else is at it, or was not long ago.
    let Some(mut trimmed) = TRIMMED.try_lock() else {
        return true;
    };
    let now = Instant::now();
    if trimmed.is_some_and(|last| now.saturating_duration_since(last) < PACE) {
        return true;
    }
    for (size, store) in STORES.iter().enumerate() {
        trim_one(Size(size), store);
    }
    *trimmed = Some(now);
    worth_it()
}

/// Step 4 for whoever leaves, and may be the last: as if nothing had been needed, part after part.
pub(super) fn clear() {
    for (size, store) in STORES.iter().enumerate() {
        clear_one(Size(size), store);
    }
}

fn clear_one(size: Size, store: &Mutex<Store>) {
    loop {
        let mut locked = store.lock();
        if !locked.is_worth_it(size) {
            return;
        }
        locked.fewest = locked.count;
        drop(locked);
        trim_one(size, store);
    }
}

fn trim_one(size: Size, store: &Mutex<Store>) {
    let mut locked = store.lock();
    let count = locked.count;
    let mut unneeded = mem::replace(&mut locked.fewest, count);
    if !locked.is_worth_it(size) || unneeded * size.bytes() < KEPT {
        return;
    }
    let parts = count / PART + 1;
    let turn = locked.turn % parts;
    locked.turn = turn + 1;
    // While these are looked at, who needs one gets a new slab.
    let crates = mem::take(&mut locked.crates);
    locked.count = 0;
    drop(locked);
    let (mut looked_at, mut kept): (Vec<Block>, Vec<Block>) = crates
        .iter()
        .flatten()
        .copied()
        .partition(|block| block.slab().addr().get() / PAGE % parts == turn);
    drop(crates);
    looked_at.sort_unstable();
    debug_assert!(
        looked_at.windows(2).all(|two| two[0] < two[1]),
        "a block is there twice"
    );
    let mut freed = false;
    for of_slab in looked_at.chunk_by(|one, next| one.slab() == next.slab()) {
        if of_slab.len() == size.per_slab() && unneeded >= of_slab.len() {
            unneeded -= of_slab.len();
            freed = true;
            // SAFETY: made by `new_slab` with this layout; all of its blocks are here, and so
            // nobody uses one.
            unsafe { alloc::dealloc(of_slab[0].slab().as_ptr(), SLAB) };
        } else {
            kept.extend_from_slice(of_slab);
        }
    }
    let mut crates: Vec<Box<[Block]>> = kept.chunks(CRATE).map(Box::from).collect();
    let mut locked = store.lock();
    crates.append(&mut locked.crates);
    let emptied = mem::replace(&mut locked.crates, crates);
    locked.count += kept.len();
    // As of now: what was needed meanwhile came from new slabs.
    locked.fewest = locked.count;
    locked.in_vain = if freed { 0 } else { locked.in_vain + 1 };
    locked.stuck = if locked.in_vain >= parts {
        locked.count
    } else {
        0
    };
    drop(locked);
    drop(emptied);
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
    shelf.hand_all_over(size);
    answer
}

#[cfg(test)]
mod tests;
