//! What a transaction does after a conflict, and how none starves.
//!
//! 1. **Back-off.** After each conflict a transaction waits for a short random
//!    while, doubling, then runs again.
//! 2. **Elder.** After [`PATIENCE`] conflicts it takes the *elder token*, of which
//!    the process has one. While somebody holds it, every other writer waits
//!    before it locks anything. The elder holds no lock while user code runs, and
//!    waits for a locked variable instead of conflicting with it.
//!
//! **The bound.** Once a transaction holds the token it can only meet commits that had already
//! passed the gate when it took it: at most one a thread. So a transaction meets at most `PATIENCE`
//! conflicts, plus one for each other thread that was committing at that moment, before it commits.
//! The token comes free when its holder commits, waits, answers its caller, or panics; that is
//! before its commit hooks run. Other transactions of its own thread (an abort hook's, a `Drop`'s)
//! do not wait for it: that would be waiting for themselves.
//!
//! **The exception.** A closure that blocks on another thread's transaction could
//! hold that thread up at the gate for ever. It must not do so, but a mistake
//! must not stop the process: whoever has waited at the gate for [`GIVE_WAY`]
//! goes on. An elder that runs for longer than that is overtaken so: then everybody
//! waits for twice as long as before, up to [`DOUBLINGS`] times, and a transaction of
//! whatever length below that meets a logarithm of conflicts more for each other thread.
//! A transaction that has waited for the token itself for [`GIVE_WAY`] goes on without it,
//! and asks again after its next conflict.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::facade::atomic::{AtomicU32, Ordering};
use crate::facade::{MODELLED, global, hint, local, thread};

/// How many conflicts a transaction takes before it asks for the elder token.
pub(crate) const PATIENCE: u32 = 8;

/// How long others wait for the elder, at most, if it is not overtaken.
const GIVE_WAY: Duration = Duration::from_millis(20);

/// How often that is doubled at most, for an elder that is overtaken: to ten seconds.
const DOUBLINGS: u32 = 9;

/// How often a locked word is looked at before that counts as a conflict. Not at
/// all in a model: a thread that yields there runs on only after the others, and
/// would find no lock any more.
const LOOKS: u32 = if MODELLED { 0 } else { 128 };

global! {
    /// Zero while there is no elder; otherwise one more than how often others have to
    /// double the time for which they wait. Only the elder changes it.
    static ELDER: CachePadded<AtomicU32> = CachePadded::new(AtomicU32::new(0));
}

local! {
    /// Does this thread hold the token?
    static HOLDING: Cell<bool> = const { Cell::new(false) };
}

/// Waits for somebody to leave a lock: first on the processor, then off it.
#[derive(Debug, Default)]
pub(crate) struct Spin(u32);

impl Spin {
    /// Waits a little. Says false when it has been enough for one conflict.
    #[inline]
    pub(crate) fn wait(&mut self) -> bool {
        self.0 = self.0.saturating_add(1);
        if self.0 > LOOKS {
            return false;
        }
        // The last looks are for a holder that lost its processor.
        if self.0 + 8 > LOOKS {
            thread::yield_now();
        } else {
            hint::spin_loop();
        }
        true
    }

    /// Waits a little, for whoever goes on in any case.
    #[inline]
    pub(crate) fn wait_on(&mut self) {
        if !self.wait() {
            thread::yield_now();
        }
    }
}

/// The progress of one transaction over its attempts. Dropping it gives the
/// token back.
#[derive(Debug, Default)]
pub(crate) struct Contention {
    conflicts: u32,
    elder: bool,
    random: u32,
}

impl Contention {
    #[inline]
    pub(crate) fn is_elder(&self) -> bool {
        self.elder
    }

    /// After a conflict, before the next run.
    #[cold]
    #[inline(never)]
    pub(crate) fn back_off(&mut self) {
        self.conflicts += 1;
        if self.elder {
            // Ordering: Relaxed, both; the token guards no data.
            let before = ELDER.load(Ordering::Relaxed);
            ELDER.store(DOUBLINGS.min(before) + 1, Ordering::Relaxed);
            // Whoever was committing already may be off its processor.
            thread::yield_now();
            return;
        }
        if self.conflicts >= PATIENCE {
            self.become_elder();
            return;
        }
        if MODELLED {
            thread::yield_now();
            return;
        }
        let ceiling = 16_u32 << self.conflicts;
        for _ in 0..self.jitter() % ceiling {
            hint::spin_loop();
        }
        if self.conflicts > 3 {
            thread::yield_now();
        }
    }

    fn become_elder(&mut self) {
        if HOLDING.with(Cell::get) {
            // An outer transaction of this thread holds the others up already.
            return;
        }
        // Ordering: Relaxed; the token guards no data.
        let take = || {
            ELDER
                .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        self.elder = wait_until(take, || GIVE_WAY);
        HOLDING.with(|holding| holding.set(self.elder));
    }

    /// A pseudo-random number (xorshift), seeded by where this stands in memory.
    fn jitter(&mut self) -> u32 {
        if self.random == 0 {
            self.random = ((&raw const *self).addr() >> 4) as u32 | 1;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

impl Drop for Contention {
    #[inline]
    fn drop(&mut self) {
        if self.elder {
            HOLDING.with(|holding| holding.set(false));
            // Ordering: Relaxed, as above.
            ELDER.store(0, Ordering::Relaxed);
        }
    }
}

/// Waits for the elder, unless that is who asks. Call it before locking anything.
#[inline]
pub(crate) fn give_way(elder: bool) {
    // Ordering: Relaxed; this is courtesy, not exclusion. A writer that misses
    // the flag counts as one that had passed the gate.
    if !elder && ELDER.load(Ordering::Relaxed) != 0 {
        wait_for_the_elder();
    }
}

#[cold]
#[inline(never)]
fn wait_for_the_elder() {
    if !HOLDING.with(Cell::get) {
        // Ordering: Relaxed, as above.
        let elder = || ELDER.load(Ordering::Relaxed);
        wait_until(
            || elder() == 0,
            || GIVE_WAY * (1 << elder().saturating_sub(1)),
        );
    }
}

/// Yields until `holds`; says false when that takes longer than `limit`.
#[cold]
fn wait_until(mut holds: impl FnMut() -> bool, limit: impl Fn() -> Duration) -> bool {
    let begin = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if begin.elapsed() > limit() {
            return false;
        }
        thread::yield_now();
    }
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::*;
    use crate::TVar;

    /// A transaction that has run out of patience. The token may be with
    /// another test's for a while.
    fn elder() -> Contention {
        let mut contention = Contention::default();
        while !contention.is_elder() {
            contention.back_off();
        }
        contention
    }

    #[test]
    fn a_thread_does_not_give_way_to_itself() {
        let var = TVar::new(0);
        let _elder = elder();
        let (stores, limit) = if cfg!(miri) { (1, 500) } else { (500, 100) };
        let begin = Instant::now();
        for _ in 0..stores {
            var.store(1);
        }
        assert!(begin.elapsed() < limit * GIVE_WAY);
    }

    #[test]
    fn a_second_transaction_of_the_elders_thread_leaves_the_token_with_the_first() {
        let first = elder();
        let mut second = Contention::default();
        for _ in 0..=PATIENCE {
            second.back_off();
        }
        assert!(!second.is_elder());
        drop(second);
        // Ordering: Relaxed, as above.
        assert!(first.is_elder() && ELDER.load(Ordering::Relaxed) != 0);
    }

    #[test]
    fn others_give_way_to_the_elder_but_not_for_ever() {
        let elder = elder();
        let gate = std::thread::spawn(|| {
            let begin = Instant::now();
            give_way(false);
            begin.elapsed()
        });
        let waited = gate.join();
        assert!(waited.is_ok_and(|waited| waited >= GIVE_WAY));
        drop(elder);
    }
}
