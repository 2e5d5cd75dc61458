#![allow(
    unsafe_code,
    reason = "what lies in a transactional queue of numbers is owned by who commits its removal"
)]
//! The queues of items, one for each priority.
//!
//! # Items as numbers
//!
//! A variable that holds a number holds it in place; anything larger lies in a box, which
//! would have to be made and given up for every item. So the queues hold
//! [addresses](Item::address), each with one reference:
//!
//! 1. A put writes the address in its transaction, and keeps the reference. When the
//!    transaction has committed, the reference is forgotten: it is the queue's now. When it
//!    has not, nobody has seen the address, and the reference is still the putter's.
//! 2. A take removes addresses in its transaction and makes references of them when that has
//!    committed.
//!
//! The transactions have it that each address is taken once, and only after the commit that
//! put it. A take may come between the commit of 1 and the forgetting: the reference that it makes
//! is the one that will be forgotten, so the count is right throughout. Where a put unwinds, it may
//! not be known whether it has committed; then the reference is leaked rather than dropped.
//! An address that is read by an attempt which does not commit is never followed.
//!
//! # Which comes first
//!
//! Urgent items are taken one at a time, and so are those that can wait: a worker's own
//! deque holds nothing but normal ones, so that it has nothing to overtake there. Before
//! each item a worker asks [`Rota`] what comes first:
//!
//! 1. Every 61st time the normal band, whatever else there is: what a worker's own items put
//!    must not starve what comes from outside, nor must urgent ones.
//! 2. While there are items that can wait, after some items one of them: after 61 at first, half as many each
//!    time, down to 8. Once there are none, 61 again.
//! 3. An urgent item, if there is one.
//! 4. Otherwise the worker's own deque; then a batch.
//!
//! For steps 2 and 3 there is a count beside the queue, changed after the commits, and so a hint:
//! for a moment it may be too large or too small. Who finds it wrong goes on with step 4, and who is about to
//! sleep looks into the queues.

use std::fmt;
use std::mem::{self, ManuallyDrop};

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, after_transaction, atomically};
use stm_ports::TQueue;

use crate::books::ages::Passed;
use crate::work::item::Item;
use crate::work::priority::Priority;

/// Every how many items the normal band comes first. Prime, so that it does not
/// beat in time with a program's own rhythm.
const PERIOD: u32 = 61;

/// After how many items one that can wait has its turn at the latest, if there are many.
const SHORTEST: u32 = 8;

/// How many items go at a time with their queue.
const LEFT: usize = 64;

/// See the [module](self).
pub(crate) struct Bands([CachePadded<Band>; 3]);

#[derive(Default)]
struct Band {
    addresses: TQueue<usize>,
    /// About how many there are, modulo the word; not kept for the normal band.
    count: AtomicUsize,
}

impl Band {
    fn more(&self, count: usize) {
        // Ordering: Relaxed, here and below; a hint.
        self.count.fetch_add(count, Ordering::Relaxed);
    }

    fn less(&self, count: usize) {
        self.count.fetch_sub(count, Ordering::Relaxed);
    }

    /// Is there anything, as far as the hint goes?
    #[inline]
    fn seems_filled(&self) -> bool {
        // Taken before it was counted, it is below zero, and the word wraps around.
        (1..=usize::MAX / 2).contains(&self.count.load(Ordering::Relaxed))
    }
}

impl Bands {
    pub(crate) fn new() -> Self {
        Bands(Default::default())
    }

    fn of(&self, priority: Priority) -> &Band {
        &self.0[priority as usize]
    }

    /// Puts items in a transaction of its own, unless `ask` declines; then they come back.
    pub(crate) fn put_now<I, R>(
        &self,
        items: I,
        mut ask: impl FnMut(&mut Transaction<'_>) -> StmResult<Result<(), R>>,
    ) -> Result<(), (I, R)>
    where
        I: AsRef<[Item]> + IntoIterator<Item = Item>,
    {
        // Leaked where this unwinds.
        let items = ManuallyDrop::new(items);
        let slice = items.as_ref();
        let counts = counts(slice);
        let asked = atomically(|tx| {
            if let Err(refused) = ask(tx)? {
                return Ok(Err(refused));
            }
            match slice {
                [item] => {
                    let band = self.of(item.head().priority());
                    band.addresses.put(tx, item.address())?;
                }
                items => self.put_batch(tx, items)?,
            }
            Ok(Ok(()))
        });
        let items = ManuallyDrop::into_inner(items);
        if let Err(refused) = asked {
            return Err((items, refused));
        }
        // They are the queue's, and may be gone.
        items.into_iter().for_each(mem::forget);
        self.lodged(counts);
        Ok(())
    }

    /// Puts an item as part of the caller's transaction.
    pub(super) fn put_in(self: &Arc<Self>, tx: &mut Transaction<'_>, item: Item) -> StmResult<()> {
        let counts = counts(std::slice::from_ref(&item));
        let band = self.of(item.head().priority());
        band.addresses.put(tx, item.address())?;
        let bands = Arc::clone(self);
        // Where this is dropped unrun, so is the reference.
        tx.on_commit(move || {
            mem::forget(item);
            bands.lodged(counts);
        });
        Ok(())
    }

    /// So many items have been put.
    #[inline]
    fn lodged(&self, [low, _, high]: [usize; 3]) {
        if low > 0 {
            self.of(Priority::Low).more(low);
        }
        if high > 0 {
            self.of(Priority::High).more(high);
        }
    }

    fn put_batch(&self, tx: &mut Transaction<'_>, items: &[Item]) -> StmResult<()> {
        let priority = |item: &Item| item.head().priority();
        for run in items.chunk_by(|one, next| priority(one) == priority(next)) {
            let addresses = run.iter().map(Item::address).collect();
            self.of(priority(&run[0]))
                .addresses
                .put_batch(tx, addresses)?;
        }
        Ok(())
    }

    /// Takes up to `most` items of this priority; `taken` is told how many, in the transaction.
    pub(crate) fn take(
        &self,
        priority: Priority,
        most: usize,
        taken: impl FnMut(&mut Transaction<'_>, usize) -> StmResult<()>,
    ) -> Vec<Item> {
        let band = self.of(priority);
        let items = take(&band.addresses, most, taken);
        if priority != Priority::Normal && !items.is_empty() {
            band.less(items.len());
        }
        items
    }

    /// Is there an urgent item, as far as the hint goes?
    #[inline]
    pub(super) fn has_urgent(&self) -> bool {
        self.of(Priority::High).seems_filled()
    }

    /// How far each has come: low, normal, high.
    pub(crate) fn passed(&self) -> [Passed; 3] {
        let of = |band: &CachePadded<Band>| {
            let (taken, added) = band.addresses.counts_now();
            Passed { taken, added }
        };
        [of(&self.0[0]), of(&self.0[1]), of(&self.0[2])]
    }

    /// About how many items there are in all of them.
    pub(super) fn len_now(&self) -> usize {
        let lengths = self.0.iter().map(|band| band.addresses.len_now());
        lengths.sum()
    }

    /// Was each of them empty at an instant during the call?
    #[inline]
    pub(super) fn look_empty(&self) -> bool {
        self.0.iter().all(|band| band.addresses.is_empty_now())
    }

    /// Is there nothing in any of them?
    pub(super) fn is_empty(&self) -> bool {
        atomically(|tx| {
            for band in &self.0 {
                if !band.addresses.is_empty(tx)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}

/// Takes up to `most` items out of a queue.
fn take(
    addresses: &TQueue<usize>,
    most: usize,
    mut taken: impl FnMut(&mut Transaction<'_>, usize) -> StmResult<()>,
) -> Vec<Item> {
    let addresses = atomically(|tx| {
        let addresses = addresses.take_batch(tx, most)?;
        if !addresses.is_empty() {
            taken(tx, addresses.len())?;
        }
        Ok(addresses)
    });
    let items = addresses.into_iter().filter_map(|address| {
        // SAFETY: put there by `put_now` or `put_in`, whose transaction has committed, or it would
        // not have been found; so that reference is forgotten, or will be. This
        // transaction has committed, so nobody else takes the address.
        unsafe { Item::from_address(address) }
    });
    items.collect()
}

/// How many there are of each priority.
#[inline]
fn counts(items: &[Item]) -> [usize; 3] {
    let mut counts = [0; 3];
    for item in items {
        counts[item.head().priority() as usize] += 1;
    }
    counts
}

impl Drop for Band {
    /// What is left goes with its references.
    fn drop(&mut self) {
        let addresses = self.addresses.clone();
        // Inside a transaction that may have put what is still to be committed: after it.
        after_transaction(move || while !take(&addresses, LEFT, |_, _| Ok(())).is_empty() {});
    }
}

impl fmt::Debug for Bands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|band| &band.addresses))
            .finish()
    }
}

/// One worker's rota; see the [module](self).
#[derive(Debug)]
pub(crate) struct Rota {
    /// How many items since the normal band came first.
    since: u32,
    /// In how many items one that can wait is due, and from what that was counted.
    due_in: u32,
    patience: u32,
}

impl Rota {
    pub(crate) fn new() -> Self {
        Rota {
            since: 0,
            due_in: PERIOD,
            patience: PERIOD,
        }
    }

    /// Which band comes before the worker's own deque, if one does.
    #[inline]
    pub(crate) fn first(&mut self, bands: &Bands) -> Option<Priority> {
        self.since += 1;
        if self.since == PERIOD {
            self.since = 0;
            return Some(Priority::Normal);
        }
        if bands.of(Priority::Low).seems_filled() {
            self.due_in -= 1;
            if self.due_in == 0 {
                self.patience = (self.patience / 2).max(SHORTEST);
                self.due_in = self.patience;
                return Some(Priority::Low);
            }
        } else {
            self.patience = PERIOD;
            self.due_in = PERIOD;
        }
        bands.has_urgent().then_some(Priority::High)
    }
}
