//! Lazy splitting: how a loop over an input becomes parallel, and when it does not.
//!
//! The grain of a parallel loop cannot be known beforehand: an addition takes less than a
//! fork, and a line of a fractal takes as long as a million of them. So nothing is cut
//! beforehand, neither into as many parts as there are threads, which is too few where
//! the items are uneven, nor down to some smallest part, which is too many where they are
//! not. A part is worked off by a plain loop, and only when somebody is known to look for
//! work is *what is left of it* cut in half ("lazy splitting": Tzannes, Caragea, Barua,
//! Vishkin, PPoPP 2010; TOPLAS 2014). While nobody is hungry there is one part and no fork.
//!
//! 1. A *part* is a piece of the input, with a state of what was made of it so far. It has
//!    one thread, which takes *blocks* off its front and has each gathered into the state.
//! 2. Between blocks the thread asks whether somebody is hungry, which is one load of a
//!    line of its own. If not, the next block is due.
//! 3. If so, and if more than a block is left, the rest is cut in half and so is the state;
//!    [`Fork::join`] works on both, each by the same steps, and the states are merged,
//!    front before back. What was gathered before stays with the front: order is kept.
//! 4. A gathering that has seen enough (a search) breaks off, and others learn it before
//!    their next block.
//!
//! **How large is a block?** The loop over a block is the compiler's: what can be
//! vectorised is, and the look at the flag costs little beside it. But nobody can take
//! anything from a block that is begun. So the first block is one item, and a clock says
//! how the others grow: a block is to be over in about a microsecond ([`PACE`]), and has
//! [`MOST`] items at most, because beyond that the loop gains nothing. Heavy items are thus
//! blocks of their own, and can be split to the last. The clock is read once in the time
//! that a block may take, even if that is several blocks' ([`SELDOM`] at most): reading it
//! takes longer than a short block. What remains is the heavy item amid light ones, which
//! keeps the rest of its block, fewer than [`MOST`]; between blocks others are asked.
//!
//! **Outside of any pool**, where nobody can become hungry, the whole input is one block.
//!
//! **Why it ends.** Each part is smaller than what it was cut from, and each block has an
//! item at least. A recursion halves, so it is no deeper than the length has bits.
//!
//! **Panics.** A panic in a closure unwinds the part's loop and drops its state;
//! [`Fork::join`] lets the other half end, and passes it on.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::input::Part;
use crate::Fork;
use crate::fork::in_section;

/// The most items of a block. The loop over it is long enough to be vectorised, and the
/// look that follows is lost beside it.
const MOST: usize = 128;

/// A block may take about so long.
const PACE: Duration = Duration::from_micros(1);

/// The most blocks between two looks at the clock.
const SELDOM: u32 = 32;

/// What is made of the items of an input: a state for each part, that goes through all its
/// items in order.
pub(super) trait Gather<I>: Sync {
    /// What was made of a part.
    type State: Send;

    /// Goes on with items that follow those gathered so far. Breaks when the rest of the
    /// part does not matter any more.
    fn take(&self, state: &mut Self::State, items: impl Iterator<Item = I>) -> ControlFlow<()>;

    /// The state for what comes after the next `at` items, which stay with `state`.
    fn split_off(&self, state: &mut Self::State, at: usize) -> Self::State;

    /// What was made of two parts of which the first ends where the second begins.
    fn merge(&self, front: Self::State, back: Self::State) -> Self::State;
}

/// Gathers all items of the part, on as many threads as are hungry.
pub(super) fn gather<P: Part, G: Gather<P::Item>>(
    part: P,
    gather: &G,
    state: G::State,
) -> G::State {
    in_section(|fork| match fork {
        Some(fork) => work_off(fork, gather, part, state, 1),
        None => at_once(gather, part, state),
    })
}

/// For somebody who is alone.
fn at_once<P: Part, G: Gather<P::Item>>(gather: &G, mut part: P, mut state: G::State) -> G::State {
    loop {
        let len = part.len();
        let (items, rest) = part.split_at(len);
        part = rest;
        // There may be more items than a length can say.
        if len == 0 || gather.take(&mut state, items.items()).is_break() {
            return state;
        }
    }
}

/// Steps 1 and 2, beginning with a block of so many items.
fn work_off<P: Part, G: Gather<P::Item>>(
    fork: &mut Fork<'_>,
    gather: &G,
    mut part: P,
    mut state: G::State,
    block: usize,
) -> G::State {
    let mut pace = Pace::begin(block);
    loop {
        let left = part.len();
        if left > pace.block && is_hungry(fork) {
            return divide(fork, gather, part, state, pace.block);
        }
        if left == 0 {
            return state;
        }
        let (items, rest) = part.split_at(pace.block.min(left));
        part = rest;
        if gather.take(&mut state, items.items()).is_break() {
            return state;
        }
        pace.step();
    }
}

/// Step 3. The halves begin with smaller blocks: the items may be of another kind there.
#[cold]
#[inline(never)]
fn divide<P: Part, G: Gather<P::Item>>(
    fork: &mut Fork<'_>,
    gather: &G,
    part: P,
    mut state: G::State,
    block: usize,
) -> G::State {
    let at = part.len() / 2;
    let beyond = gather.split_off(&mut state, at);
    let (front, back) = part.split_at(at);
    let block = (block / 8).max(1);
    let (front, back) = fork.join(
        |fork| work_off(fork, gather, front, state, block),
        |fork| work_off(fork, gather, back, beyond, block),
    );
    gather.merge(front, back)
}

/// How large the blocks of a part are.
struct Pace {
    block: usize,
    /// After so many blocks the clock is read again, and `left` are left of them.
    blocks: u32,
    left: u32,
    read: Instant,
}

impl Pace {
    fn begin(block: usize) -> Pace {
        Pace {
            block,
            blocks: 1,
            left: 1,
            read: Instant::now(),
        }
    }

    /// A block is over.
    #[inline]
    fn step(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.read_clock();
        }
    }

    #[cold]
    #[inline(never)]
    fn read_clock(&mut self) {
        let now = Instant::now();
        let took = now.duration_since(self.read).as_nanos().max(1);
        // What was done in this time, and what would be done in that of a block. As the time
        // of the reading is in it, the first guess is cautious.
        let items = self.block as u128 * u128::from(self.blocks);
        let items = (items * PACE.as_nanos() / took).max(1);
        self.block = items.min(MOST as u128) as usize;
        self.blocks = (items / self.block as u128).min(u128::from(SELDOM)) as u32;
        (self.left, self.read) = (self.blocks, now);
    }
}

/// Would a fork now be taken?
#[inline]
pub(super) fn is_hungry(fork: &mut Fork<'_>) -> bool {
    let is_hungry = fork.is_wanted();
    #[cfg(test)]
    let is_hungry = is_hungry || pretend_hunger();
    is_hungry
}

/// In the unit tests every third look finds somebody.
#[cfg(test)]
fn pretend_hunger() -> bool {
    use std::sync::atomic::{AtomicU32, Ordering};

    static LOOKS: AtomicU32 = AtomicU32::new(0);
    LOOKS.fetch_add(1, Ordering::Relaxed) % 3 == 0
}
