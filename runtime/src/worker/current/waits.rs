//! What a worker waits for inside its item, announced (`worker/away.rs`), and for how long it has waited
//! in all.
//!
//! The worker alone writes, before it sleeps and after, which is dear anyway. `count` is odd while it
//! waits. Times are in nanoseconds from a moment of the worker's. `base` is since when it waits, less
//! what it had waited before: so the total by some moment of the wait is that moment less the base.
//!
//! - W1 Set what it waits for, and `base`. W2 Make `count` odd.
//! - V1 Set `waited`. V2 Make `count` even.
//!
//! Who asks for the total, R1 reads `count`, R2 `waited` and `base`, and R3 `count` once more; if it has
//! changed, it begins again. Each of these steps releases or acquires:
//! - *The count is even.* R2 sees the V1 before that V2; a later one would have a W2 before it, which R3
//!   would see. The total is `waited`.
//! - *It is odd.* R2 sees the `base` of that wait; a later one would have a V2 before it. `waited` is what it
//!   was when that wait began, or what it is after it. The total is what the base tells, or that, if it is more.
//!
//! So the total by a moment that was read before is what was waited until then, or until the reading,
//! or until some moment between. It repeats only while the worker goes to sleep or wakes.

use hivework_stm::facade::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::event::Wait;

/// See the [module](self).
#[derive(Debug)]
pub struct Waits {
    count: AtomicU64,
    wait: AtomicU8,
    base: AtomicU64,
    waited: AtomicU64,
}

impl Default for Waits {
    fn default() -> Self {
        Waits::new()
    }
}

impl Waits {
    /// It has not waited.
    #[must_use]
    pub fn new() -> Self {
        Waits {
            count: AtomicU64::new(0),
            wait: AtomicU8::new(0),
            base: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        }
    }

    /// W1 and W2, on the worker's thread.
    pub fn begin(&self, wait: Wait, now: u64) {
        // Ordering: Relaxed; advice, and no more than what `count` publishes.
        self.wait.store(wait as u8, Ordering::Relaxed);
        // Ordering: Relaxed, here and below; read back by the thread that writes.
        let waited = self.waited.load(Ordering::Relaxed);
        // Ordering: Release, after V2 of the wait before; partner: the Acquire in `total`.
        self.base
            .store(now.saturating_sub(waited), Ordering::Release);
        self.count();
    }

    /// V1 and V2, on the worker's thread.
    pub fn end(&self, now: u64) {
        let base = self.base.load(Ordering::Relaxed);
        // Ordering: Release, after W2; partner: the Acquire in `total`.
        self.waited
            .store(now.saturating_sub(base), Ordering::Release);
        self.count();
    }

    fn count(&self) {
        let count = self.count.load(Ordering::Relaxed);
        // Ordering: Release; partner: the Acquire in `is_waiting`.
        self.count.store(count + 1, Ordering::Release);
    }

    fn is_waiting(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `count`.
        self.count.load(Ordering::Acquire) % 2 == 1
    }

    /// R1 to R3: how long it has waited by `now`.
    #[must_use]
    pub fn total(&self, now: u64) -> u64 {
        loop {
            // Ordering: Acquire; partner: the Release in `count`.
            let count = self.count.load(Ordering::Acquire);
            // Ordering: Acquire, here and below, before the second look at `count`; partners: the
            // Releases in `end` and in `begin`.
            let waited = self.waited.load(Ordering::Acquire);
            let total = if count % 2 == 1 {
                waited.max(now.saturating_sub(self.base.load(Ordering::Acquire)))
            } else {
                waited
            };
            // Ordering: Relaxed; see above.
            if self.count.load(Ordering::Relaxed) == count {
                return total;
            }
        }
    }

    /// What it waits for, if it waits.
    #[must_use]
    pub fn wait(&self) -> Option<Wait> {
        if !self.is_waiting() {
            return None;
        }
        // Ordering: Relaxed; acquired with `count`.
        Some(match self.wait.load(Ordering::Relaxed) {
            wait if wait == Wait::Transaction as u8 => Wait::Transaction,
            wait if wait == Wait::Join as u8 => Wait::Join,
            _ => Wait::Blocking,
        })
    }
}
