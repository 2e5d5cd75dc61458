#![doc = include_str!("idle.md")]

mod parker;
pub(crate) mod patience;

use std::time::Instant;

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicU32, Ordering, fence};
use hivework_stm::facade::barrier;
use hivework_stm::facade::sync::{Arc, Mutex};

use crate::time::soon;
pub use parker::Parker;

/// One worker that searches, in the low half of the word.
const SEARCHING: u32 = 1;
/// One worker that sleeps, in the high half.
const SLEEPING: u32 = 1 << 16;

fn searching(word: u32) -> u32 {
    word & (SLEEPING - 1)
}

fn sleeping(word: u32) -> u32 {
    word >> 16
}

/// How many of so many workers may search at a time.
fn half(workers: usize) -> u32 {
    u32::try_from(workers / 2)
        .unwrap_or(u32::MAX)
        .clamp(1, 0x7FFF)
}

/// What a notification found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Notified {
    /// A sleeper has been woken, and searches from now on.
    Woken,
    /// Somebody searches already and will see what was published.
    Searching,
    /// Nobody searches and nobody sleeps: all are at work, or away.
    Nobody,
}

/// How a worker's sleep ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Parked {
    /// It was woken, or did not sleep because there is something to do. It
    /// counts as searching.
    Woken,
    /// Nobody woke it in time. It does not count as searching.
    TimedOut,
}

/// The event count; see the [module](self).
#[derive(Debug)]
pub struct Idle {
    word: CachePadded<AtomicU32>,
    sleepers: CachePadded<Mutex<Vec<Arc<Parker>>>>,
    /// How many may search at a time.
    most: AtomicU32,
    /// Which of its forms the light barrier has.
    asymmetric: bool,
}

impl Idle {
    /// For `workers` workers, of whom half (and at least one) may search.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Idle {
            word: CachePadded::new(AtomicU32::new(0)),
            sleepers: CachePadded::new(Mutex::new(Vec::new())),
            most: AtomicU32::new(half(workers)),
            asymmetric: barrier::asymmetric(),
        }
    }

    /// There are to be so many workers from now on.
    pub fn resize(&self, workers: usize) {
        // Ordering: Relaxed, here and where it is read; a bound that nothing relies on.
        self.most.store(half(workers), Ordering::Relaxed);
    }

    /// Says that something was published, and wakes one sleeper if nobody
    /// searches, or if `queued` says that more is there than searchers (N1 to N5).
    #[inline]
    pub fn notify(&self, queued: impl FnOnce() -> usize) -> Notified {
        // Ordering: light barrier between the caller's publication and the look
        // at the word; partner: the heavy one in `park`.
        barrier::light(self.asymmetric);
        // Ordering: ordered by the barrier above.
        if self.word.load(Ordering::Relaxed) == 0 {
            return Notified::Nobody;
        }
        self.notify_one(queued)
    }

    /// N3 to N5.
    #[cold]
    fn notify_one(&self, queued: impl FnOnce() -> usize) -> Notified {
        // Ordering: SeqCst fence between the caller's publication and the look
        // that may rely on a searcher; partner: the fence in `end_search`.
        fence(Ordering::SeqCst);
        // Ordering: ordered by the fence above.
        let word = self.word.load(Ordering::Relaxed);
        if sleeping(word) == 0 {
            return settled(word);
        }
        let queued = if searching(word) > 0 { queued() } else { 0 };
        if is_enough(searching(word), queued) {
            return Notified::Searching;
        }
        let mut sleepers = self.sleepers.lock();
        // Ordering: as above; under the lock no sleeper comes or goes.
        let word = self.word.load(Ordering::Relaxed);
        if sleeping(word) == 0 || is_enough(searching(word), queued) {
            return settled(word);
        }
        let Some(parker) = sleepers.pop() else {
            return Notified::Nobody;
        };
        // Ordering: the woken worker takes this credit over through its parker.
        self.word
            .fetch_add(SEARCHING.wrapping_sub(SLEEPING), Ordering::Relaxed);
        drop(sleepers);
        parker.unpark();
        Notified::Woken
    }

    /// Says that there is something for this very worker, published by the caller, and
    /// wakes it if it sleeps here (K1, K2).
    pub fn call(&self, worker: &Arc<Parker>) {
        worker.call();
        let mut sleepers = self.sleepers.lock();
        let place = sleepers
            .iter()
            .position(|parker| Arc::ptr_eq(parker, worker));
        let Some(place) = place else { return };
        let parker = sleepers.remove(place);
        // Ordering: as in `notify`.
        self.word
            .fetch_add(SEARCHING.wrapping_sub(SLEEPING), Ordering::Relaxed);
        drop(sleepers);
        parker.unpark();
    }

    /// Asks to search (S1). Without leave a worker parks, which is safe while
    /// somebody else searches.
    #[must_use]
    pub fn try_search(&self) -> bool {
        // Ordering: Relaxed; the count only bounds how many search, and
        // leaving is what carries the fence.
        let mut word = self.word.load(Ordering::Relaxed);
        let most = self.most.load(Ordering::Relaxed);
        while searching(word) < most {
            match self.word.compare_exchange_weak(
                word,
                word + SEARCHING,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// The caller has found something and stops searching (S3). `more` looks
    /// whether it leaves something behind.
    pub fn end_search(&self, more: impl FnOnce() -> bool) -> Notified {
        // Ordering: AcqRel. Who is not the last leaves without a look, so what it
        // has moved must be seen by whoever is: Release hands it on, through
        // the other changes of the word, which are all read-modify-writes, to
        // the Acquire of the last one, here or in `park`.
        let word = self.word.fetch_sub(SEARCHING, Ordering::AcqRel);
        if searching(word) > 1 {
            return Notified::Searching;
        }
        // Ordering: SeqCst fence between the end of the search and the last
        // look, and no heavy barrier, which would be paid for each item found;
        // partner: the fence in `notify_one` of who relied on this search, and
        // the heavy barrier of who went to sleep relying on it.
        fence(Ordering::SeqCst);
        if more() {
            self.notify(|| 0)
        } else {
            Notified::Searching
        }
    }

    /// Sleeps until woken, or until `deadline` (P1 to P4). `nothing` looks at
    /// everything that a worker could have to do. The caller says whether it
    /// counts as `searching`; see [`Parked`] for whether it does afterwards.
    pub fn park(
        &self,
        me: &Arc<Parker>,
        searches: bool,
        deadline: Option<Instant>,
        nothing: impl FnOnce() -> bool,
    ) -> Parked {
        let own = if searches { SEARCHING } else { 0 };
        {
            let mut sleepers = self.sleepers.lock();
            sleepers.push(Arc::clone(me));
            // Ordering: AcqRel; partner: `end_search`, and this in others.
            self.word
                .fetch_add(SLEEPING.wrapping_sub(own), Ordering::AcqRel);
        }
        // Ordering: heavy barrier between "I sleep" and the last look; partner:
        // the light one in `notify`, between the publication and its look at the
        // word. It is a SeqCst fence as well; partner: those in `notify_one`,
        // `end_search` and `wake_all`.
        let ordered = barrier::heavy();
        // Ordering: ordered by the barrier above.
        let others = searching(self.word.load(Ordering::Relaxed)) > 0;
        if me.is_called() || (!others && !nothing()) {
            return self.get_up(me, SEARCHING, Parked::Woken);
        }
        // Without the barrier the look proves nothing: look again soon.
        let deadline = if ordered { deadline } else { soon(deadline) };
        if me.park(deadline) {
            return Parked::Woken;
        }
        self.get_up(me, 0, Parked::TimedOut)
    }

    /// Takes `me` off the list, with what it counts as from then on; where a
    /// waker was faster, takes its permit.
    fn get_up(&self, me: &Arc<Parker>, as_what: u32, otherwise: Parked) -> Parked {
        let mut sleepers = self.sleepers.lock();
        let place = sleepers.iter().position(|parker| Arc::ptr_eq(parker, me));
        if let Some(place) = place {
            sleepers.remove(place);
            // Ordering: Relaxed; a notifier that still counts this sleeper
            // finds the truth on the list, under the lock.
            self.word
                .fetch_add(as_what.wrapping_sub(SLEEPING), Ordering::Relaxed);
            return otherwise;
        }
        drop(sleepers);
        // The permit has been left or is about to be: the waker is past the
        // lock and has nothing to wait for.
        me.park(None);
        Parked::Woken
    }

    /// Wakes everyone, for the end of a run.
    pub fn wake_all(&self) {
        // Ordering: SeqCst fence between the caller's flag and the look at the
        // sleepers; partner: the fence in `park`.
        fence(Ordering::SeqCst);
        let woken = {
            let mut sleepers = self.sleepers.lock();
            let woken = std::mem::take(&mut *sleepers);
            let count = u32::try_from(woken.len()).unwrap_or(0);
            let change = count.wrapping_mul(SEARCHING.wrapping_sub(SLEEPING));
            // Ordering: as in `notify`.
            self.word.fetch_add(change, Ordering::Relaxed);
            woken
        };
        for parker in woken {
            parker.unpark();
        }
    }

    /// How many search and how many sleep, for the books and the models.
    #[must_use]
    pub fn counts(&self) -> (u32, u32) {
        // Ordering: a figure for the eye.
        let word = self.word.load(Ordering::Relaxed);
        (searching(word), sleeping(word))
    }
}

/// Do as many search as are needed for what is queued?
fn is_enough(searching: u32, queued: usize) -> bool {
    searching > 0 && searching as usize >= queued
}

/// What a notifier answers who wakes nobody.
fn settled(word: u32) -> Notified {
    if searching(word) > 0 {
        Notified::Searching
    } else {
        Notified::Nobody
    }
}
