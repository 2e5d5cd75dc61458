//! Grace periods: when everyone who might hold a pointer has let go.
//!
//! Each thread has a *participant*, a count of its sections on a cache line of
//! its own: odd while it is inside one (pinned), even outside. Entering and leaving are
//! two plain stores, and no line is shared with anybody.
//!
//! **Reader**: store the odd count (Release); light barrier; follow pointers; store the
//! even count (Release).
//!
//! **Whoever gives memory up**:
//!
//! 1. Unlinks it, for as many values as it likes; they form a batch.
//! 2. Seals the batch: `fence(SeqCst)`, then draws a *ticket*, the number of the
//!    next heavy barrier to start.
//! 3. Once that barrier has been passed, by whomever, notes every participant
//!    that is inside a section, and the section's number.
//! 4. When each of those has left that section (Acquire), the batch is free.
//!
//! **Why it is right.** Take a reader's section and a batch. The fence of step 2 precedes
//! the heavy barrier, because its ticket was drawn before that barrier started (had the
//! fence come later, the draw would have seen the start). Between the heavy
//! barrier and the reader's light one there are two cases. *The reader's comes
//! later*: then it comes after the unlinking, too, and the section cannot find the
//! batch. *The reader's comes first*: then its odd count is visible to step 3,
//! which either finds the section still open and waits for its end, or finds it
//! left, or a later one. Every count is stored with Release, the odd ones of later sections
//! too, so whichever of them step 3 or 4 loads with Acquire, the section's last access
//! comes before it, and freeing after.
//!
//! **Alone.** When the registry holds no participant but the one who asks, there is nobody to
//! wait for and no barrier to pass: whoever registers later does so under the
//! lock that the look was taken under, so comes after the unlinking.
//!
//! **Barriers are shared.** One is passed at a time, and serves all tickets that were drawn
//! before it started. However many threads give memory up, the processors
//! are interrupted by one barrier after the other, at most.
//!
//! **It ends** when the sections do. A thread that stays in a section holds back all
//! that was given up since it began, and nothing else.
//!
//! The scheme is that of user-level RCU with a count per reader (Desnoyers, McKenney, Stern,
//! Dagenais, Walpole, *User-Level Implementations of Read-Copy Update*, 2012), with
//! batches in place of waiting.

use crossbeam_utils::CachePadded;

use super::garbage::Garbage;
use crate::facade::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crate::facade::sync::Mutex;
use crate::facade::{barrier, global};

/// A thread's count of sections.
#[derive(Debug)]
pub(crate) struct Participant(CachePadded<AtomicU64>);

#[derive(Debug)]
struct Registry {
    active: Vec<&'static Participant>,
    /// Of threads that have ended; given out again. Counts go on, so that a section's
    /// number never comes back.
    idle: Vec<&'static Participant>,
}

global! {
    static REGISTRY: Mutex<Registry> =
        Mutex::new(Registry { active: Vec::new(), idle: Vec::new() });
}

global! {
    /// How many are active.
    static REGISTERED: AtomicUsize = AtomicUsize::new(0);
}

impl Participant {
    /// The participant of a new thread.
    pub(super) fn register() -> &'static Participant {
        let mut registry = REGISTRY.lock();
        let participant = registry.idle.pop().unwrap_or_else(|| {
            Box::leak(Box::new(Participant(CachePadded::new(AtomicU64::new(0)))))
        });
        registry.active.push(participant);
        // Ordering: Relaxed; written under the lock, and read as a hint.
        REGISTERED.store(registry.active.len(), Ordering::Relaxed);
        participant
    }

    /// Gives it back: the thread is outside and stays there.
    pub(super) fn leave(&'static self) {
        let mut registry = REGISTRY.lock();
        registry
            .active
            .retain(|&participant| !std::ptr::eq(participant, self));
        registry.idle.push(self);
        // Ordering: Relaxed, as above.
        REGISTERED.store(registry.active.len(), Ordering::Relaxed);
    }

    /// Is nobody else registered, and is this, the caller's own, outside?
    pub(super) fn is_alone(&self) -> bool {
        // Ordering: Relaxed, here and below; a hint that saves the lock, and the owner asks.
        if REGISTERED.load(Ordering::Relaxed) != 1 {
            return false;
        }
        let registry = REGISTRY.lock();
        let only = registry
            .active
            .iter()
            .all(|&other| std::ptr::eq(other, self));
        only && !self.is_inside()
    }

    /// Is the owner, who asks, inside a section?
    #[inline]
    pub(super) fn is_inside(&self) -> bool {
        // Ordering: Relaxed; only the owner writes.
        self.0.load(Ordering::Relaxed) % 2 == 1
    }

    /// Begins a section. Only the owner calls it, outside one.
    #[inline]
    pub(super) fn enter(&self, asymmetric: bool) {
        // Ordering: Relaxed; only the owner writes. Then Release, pairs with the Acquire
        // load of `Watch::over`, which takes this count for the end of the section before:
        // a plain store would not be part of that one's release sequence. The barrier orders
        // it before the section's loads.
        let section = self.0.load(Ordering::Relaxed).wrapping_add(1);
        debug_assert!(section % 2 == 1);
        self.0.store(section, Ordering::Release);
        barrier::light(asymmetric);
    }

    /// Ends the section.
    #[inline]
    pub(super) fn exit(&self) {
        // Ordering: as in `enter`: Relaxed; then Release, pairs with the Acquire loads of
        // `inside` and `Watch::over`: what the section did comes before what is freed after it.
        let section = self.0.load(Ordering::Relaxed).wrapping_add(1);
        debug_assert!(section % 2 == 0);
        self.0.store(section, Ordering::Release);
    }
}

/// A section that somebody was inside of.
#[derive(Debug)]
struct Watch {
    participant: &'static Participant,
    section: u64,
}

impl Watch {
    fn over(&self) -> bool {
        // Ordering: Acquire, pairs with `exit`, and with `enter` of a section after it.
        self.participant.0.load(Ordering::Acquire) != self.section
    }
}

/// The sections that are open now; none if `own` is alone.
fn inside() -> Vec<Watch> {
    let registry = REGISTRY.lock();
    let watches = registry.active.iter().map(|&participant| Watch {
        participant,
        // Ordering: Acquire, pairs with `exit` of the section before, where
        // this one finds none.
        section: participant.0.load(Ordering::Acquire),
    });
    watches.filter(|watch| watch.section % 2 == 1).collect()
}

/// The heavy barriers that have started and that have been passed, by number.
#[derive(Debug)]
struct Barriers {
    started: AtomicU64,
    passed: AtomicU64,
    passing: Mutex<()>,
}

global! {
    static BARRIERS: Barriers = Barriers {
        started: AtomicU64::new(0),
        passed: AtomicU64::new(0),
        passing: Mutex::new(()),
    };
}

/// Whether to wait for a barrier that somebody else is passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    Wait,
    Leave,
}

impl Barriers {
    /// The number of the next barrier that starts.
    fn ticket(&self) -> u64 {
        // Ordering: SeqCst, pairs with the first fence of `barrier::heavy`: step 2.
        fence(Ordering::SeqCst);
        // Ordering: Relaxed; the fences order it.
        self.started.load(Ordering::Relaxed) + 1
    }

    fn passed(&self, ticket: u64) -> bool {
        // Ordering: Acquire, pairs with the store in `pass`.
        self.passed.load(Ordering::Acquire) >= ticket
    }

    /// Passes a barrier, unless the one for this ticket has been passed.
    fn pass(&self, ticket: u64, patience: Patience) {
        let _passing = match patience {
            Patience::Wait => self.passing.lock(),
            Patience::Leave => match self.passing.try_lock() {
                Some(passing) => passing,
                None => return,
            },
        };
        if self.passed(ticket) {
            return;
        }
        // Ordering: Relaxed, both; only the holder of the lock writes, and the barrier
        // orders the store before what it is a barrier for.
        let number = self.started.load(Ordering::Relaxed) + 1;
        self.started.store(number, Ordering::Relaxed);
        if barrier::heavy() {
            // Ordering: Release, pairs with `passed`.
            self.passed.store(number, Ordering::Release);
        }
    }
}

/// Values that were given up together.
#[derive(Debug)]
pub(super) struct Batch {
    garbage: Vec<Garbage>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Waits for the barrier of this number.
    Sealed(u64),
    /// Waits for these sections to end.
    Watching(Vec<Watch>),
}

impl Batch {
    /// Step 2. `own` is the caller's participant.
    pub(super) fn seal(garbage: Vec<Garbage>, own: &Participant) -> Batch {
        let stage = if own.is_alone() {
            Stage::Watching(Vec::new())
        } else {
            Stage::Sealed(BARRIERS.ticket())
        };
        Batch { garbage, stage }
    }

    /// Steps 3 and 4, as far as they can be taken now. Answers whether the batch
    /// is free.
    pub(super) fn advance(&mut self, patience: Patience) -> bool {
        if let Stage::Sealed(ticket) = self.stage {
            if !BARRIERS.passed(ticket) {
                BARRIERS.pass(ticket, patience);
            }
            if !BARRIERS.passed(ticket) {
                return false;
            }
            self.stage = Stage::Watching(inside());
        }
        let Stage::Watching(watches) = &mut self.stage else {
            return false;
        };
        watches.retain(|watch| !watch.over());
        watches.is_empty()
    }

    /// What it holds: to be dropped if it is free, or to be given up anew.
    pub(super) fn into_garbage(self) -> Vec<Garbage> {
        self.garbage
    }
}
