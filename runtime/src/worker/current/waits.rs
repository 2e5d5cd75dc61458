//! What a worker waits for inside its item, announced (`worker/away.rs`), and for how long it has waited
//! in all.
//!
//! The worker alone writes, before it sleeps and after, which is dear anyway. `count` is odd while it
//! waits. Times are in nanoseconds from a moment of the worker's.
//!
//! - W1 Set what it waits for, and `since`. W2 Make `count` odd.
//! - V1 Add to `waited`. V2 Make `count` even.
//!
//! Who asks for the total, R1 reads `count`, R2 `since`, if that is odd, and R3 `waited`.
//!
//! A total is never too small, or what a worker runs would be taken for older than it is, and be asked to
//! stop for that. Each of these steps releases or acquires:
//! - *R1 reads an even count.* The V1 before that V2 is seen, so `waited` has every wait until then.
//! - *It reads an odd one, and R2 the `since` of that wait.* `waited` has every wait before it.
//! - *R2 reads the `since` of a later one.* The V1 of all between is seen: `waited` has them. This
//!   is why R2 comes before R3.
//!
//! It may be too large: who reads an odd count and then what V1 has added counts that wait twice. Then the
//! item counts as younger than it is until the next look.

use hivework_stm::facade::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::event::Wait;

/// See the [module](self).
#[derive(Debug)]
pub struct Waits {
    count: AtomicU64,
    wait: AtomicU8,
    since: AtomicU64,
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
            since: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        }
    }

    /// W1 and W2, on the worker's thread.
    pub fn begin(&self, wait: Wait, now: u64) {
        // Ordering: Relaxed; advice, and no more than what `count` publishes.
        self.wait.store(wait as u8, Ordering::Relaxed);
        // Ordering: Release, after V1 of the wait before; partner: the Acquire in `total`.
        self.since.store(now, Ordering::Release);
        self.count();
    }

    /// V1 and V2, on the worker's thread.
    pub fn end(&self, now: u64) {
        // Ordering: Relaxed, here and below; read back by the thread that writes.
        let since = self.since.load(Ordering::Relaxed);
        let before = self.waited.load(Ordering::Relaxed);
        // Ordering: Relaxed; `count` publishes it, and the next `since`.
        self.waited
            .store(before + now.saturating_sub(since), Ordering::Relaxed);
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
        let present = if self.is_waiting() {
            // Ordering: Acquire, before `waited`; partner: the Release in `begin`.
            now.saturating_sub(self.since.load(Ordering::Acquire))
        } else {
            0
        };
        // Ordering: Relaxed; acquired with `count` or with `since`.
        self.waited.load(Ordering::Relaxed) + present
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
