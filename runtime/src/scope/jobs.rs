//! The jobs of one scope: those that wait, how many run, and its owner's wait for the
//! last of them.
//!
//! # State
//!
//! Behind one lock: the queue, how many of the jobs *run*, and whether the owner
//! *waits*. A job counts from [`push`](Jobs::push) (or [`entrust`](Jobs::entrust),
//! for one that goes another way) until [`finish`](Jobs::finish): it is in the queue or
//! among those that run, and passes from one to the other in one step under the lock.
//!
//! Beside it the owner's *latch*, by which it is woken: AWAKE, WATCHING (it spins),
//! ASLEEP (it has gone to its parker), RUNG.
//!
//! # Steps
//!
//! The owner, when its closure is over ([`wait`](Jobs::wait)):
//! - W1 Lock. A job in the queue: take it, run it, come again. None there and none that
//!   runs: over.
//! - W2 Otherwise set the latch to WATCHING and say that it waits; unlock.
//! - W3 Look at the latch for a short while. RUNG: to W1.
//! - W4 WATCHING → ASLEEP, and park; where that fails it is RUNG. To W1.
//!
//! Whoever ends the last job, or adds one, or calls the owner for something else:
//! - R1 Under the lock: if the owner waits, take that from it.
//! - R2 Unlocked: swap the latch to RUNG. If it was ASLEEP, leave the permit.
//!
//! # Races
//!
//! *The last job ends while the owner goes to wait.* W1 and W2 are one step under the
//! lock, and so is R1 with the end of the job: either W1 finds it ended or R1
//! finds the owner waiting.
//!
//! *The owner is rung while it falls asleep.* W4 and R2 are both read-modify-writes of
//! the latch: either W4 fails, or R2 finds ASLEEP and leaves the permit. There is one
//! ring for each wait, because R1 takes the waiting, so a permit is left only
//! for who parks for it.
//!
//! *The owner goes on, and its frame goes, while the ringer is between R2's swap and its
//! permit.* A latch in the frame would then be touched after it is gone.
//! It is in the allocation that the ringer holds a share of. A ringer that is late
//! with the permit found ASLEEP, so the owner is still parked for it.
//!
//! # Why it ends
//!
//! The owner waits only while a job runs, and each that ends looks at R1.

use std::collections::VecDeque;
use std::fmt;

use hivework_stm::facade::atomic::{AtomicU8, Ordering};
use hivework_stm::facade::hint;
use hivework_stm::facade::sync::Mutex;

use crate::idle::Parker;

const AWAKE: u8 = 0;
const WATCHING: u8 = 1;
const ASLEEP: u8 = 2;
const RUNG: u8 = 3;

/// How often the owner looks at its latch before it parks.
const LOOKS: usize = if cfg!(hivework_loom) { 1 } else { 200 };

/// See the [module](self).
pub struct Jobs<J> {
    state: Mutex<State<J>>,
    latch: AtomicU8,
    parker: Parker,
}

struct State<J> {
    queue: VecDeque<J>,
    running: usize,
    waits: bool,
    called: bool,
}

/// Which end of the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// What was spawned first: the larger piece, where work splits itself.
    Oldest,
    /// What was spawned last: its data are at hand, and the queue stays short.
    Newest,
}

/// What the owner is to do.
#[derive(Debug)]
#[must_use]
pub enum Next<J> {
    /// Run this, then say that it is finished.
    Run(J),
    /// Nothing, of the jobs: somebody called it.
    Called,
    /// Go on: no job is left, and none will come.
    Over,
}

impl<J> Default for Jobs<J> {
    fn default() -> Self {
        Jobs::new()
    }
}

impl<J> Jobs<J> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Jobs {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                running: 0,
                waits: false,
                called: false,
            }),
            latch: AtomicU8::new(AWAKE),
            parker: Parker::new(),
        }
    }

    /// Adds a job to the queue.
    pub fn push(&self, job: J) {
        let mut state = self.state.lock();
        state.queue.push_back(job);
        let waits = std::mem::take(&mut state.waits);
        drop(state);
        if waits {
            self.ring();
        }
    }

    /// Counts a job that goes another way than through the queue.
    pub fn entrust(&self) {
        self.state.lock().running += 1;
    }

    /// Takes a job, which runs from now on, and says whether more are left.
    pub fn take(&self, end: End) -> Option<(J, bool)> {
        self.state.lock().take(end)
    }

    /// Is the queue empty?
    pub fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    /// A job that ran is over, everything that it held dropped.
    pub fn finish(&self) {
        let mut state = self.state.lock();
        state.running -= 1;
        let ring = state.is_over() && std::mem::take(&mut state.waits);
        drop(state);
        if ring {
            self.ring();
        }
    }

    /// As [`finish`](Jobs::finish), and takes the next in the same step.
    pub fn finish_and_take(&self, end: End) -> Option<(J, bool)> {
        let mut state = self.state.lock();
        state.running -= 1;
        let next = state.take(end);
        let ring = next.is_none() && state.is_over() && std::mem::take(&mut state.waits);
        drop(state);
        if ring {
            self.ring();
        }
        next
    }

    /// Has the owner's wait answer [`Next::Called`].
    pub fn call(&self) {
        let mut state = self.state.lock();
        state.called = true;
        let waits = std::mem::take(&mut state.waits);
        drop(state);
        if waits {
            self.ring();
        }
    }

    /// Waits until there is something to do for the owner, or nothing at all any
    /// more. What `absent` answers is held while the thread sleeps.
    pub fn wait<A>(&self, absent: impl Fn() -> A) -> Next<J> {
        loop {
            let mut state = self.state.lock();
            if let Some((job, _)) = state.take(End::Newest) {
                return Next::Run(job);
            }
            if state.is_over() {
                return Next::Over;
            }
            if std::mem::take(&mut state.called) {
                return Next::Called;
            }
            // Ordering: Relaxed; the lock hands it to whoever rings.
            self.latch.store(WATCHING, Ordering::Relaxed);
            state.waits = true;
            drop(state);
            self.sleep(&absent);
        }
    }

    /// W3 and W4.
    fn sleep<A>(&self, absent: impl Fn() -> A) {
        for _ in 0..LOOKS {
            // Ordering: Relaxed; what is done next is read under the lock.
            if self.latch.load(Ordering::Relaxed) == RUNG {
                return;
            }
            hint::spin_loop();
        }
        let absence = absent();
        // Ordering: Relaxed, both; which of the two came first is all that counts, and
        // what was done before a ring is read under the lock.
        let asleep =
            self.latch
                .compare_exchange(WATCHING, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
        if asleep.is_ok() {
            self.parker.park(None);
        }
        drop(absence);
    }

    /// R2.
    fn ring(&self) {
        // Ordering: Relaxed; see `sleep`.
        if self.latch.swap(RUNG, Ordering::Relaxed) == ASLEEP {
            self.parker.unpark();
        }
    }
}

impl<J> State<J> {
    fn take(&mut self, end: End) -> Option<(J, bool)> {
        let job = match end {
            End::Oldest => self.queue.pop_front(),
            End::Newest => self.queue.pop_back(),
        }?;
        self.running += 1;
        Some((job, !self.queue.is_empty()))
    }

    fn is_over(&self) -> bool {
        self.running == 0 && self.queue.is_empty()
    }
}

impl<J> fmt::Debug for Jobs<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Jobs")
            .field("queued", &state.queue.len())
            .field("running", &state.running)
            .finish()
    }
}
