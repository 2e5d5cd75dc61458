//! A clock that is turned by hand, so that what depends on time can be tested without waiting
//! for it, and exactly.
//!
//! Each supervisor that goes by it has a *post* on the clock's list. A turn:
//!
//! 1. [`ManualClock::advance`] sets the time, and then each post's *asked* to the turn's number.
//!    Both are done under the lock of the list, so turns are in one order.
//! 2. It rings the supervisors, and nudges the threads that watch a deadline themselves
//!    (`handle.rs`).
//! 3. A supervisor reads what it is asked for before it reads the time, and makes a round. If
//!    more is due than fits into one it makes another. Then it writes what it had been asked
//!    for to the post's *answered*.
//! 4. `advance` waits, in a transaction, until every post has answered its turn.
//!
//! **Why a turn is over when `advance` returns.** Who reads in step 3 that it is asked for a
//! turn reads the time of that turn, or a later one; and all of that round comes after.
//!
//! **Why it ends.** A supervisor that is rung makes a round, and a round waits for nobody who
//! turns the clock: a thread of a scheduler that is no worker (any more) turns it without
//! waiting. A supervisor that ends takes its post off the list and answers all turns there will
//! ever be. A worker that turns the clock is away meanwhile, and the run does not end before
//! it is back.
//!
//! Between two turns no time passes, so there is nothing to wake up for: the supervisor sleeps
//! until it is rung or stirred, without a tick.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use hivework_stm::{TVar, atomically, check, in_transaction};

use super::Clock;
use crate::handle::deep::Deep;
use crate::local;
use crate::shared::Shared;
use crate::worker::away::Absence;

/// A clock that stands still but for [`advance`](ManualClock::advance): for tests of whatever
/// depends on time. Clones are one clock, and any number of schedulers can go by it.
///
/// ```
/// use std::time::Duration;
/// use hivework::{make_work, ManualClock, Scheduler, Status};
///
/// let clock = ManualClock::new();
/// let scheduler = Scheduler::builder().workers(1).clock(&clock).start()?;
/// let tea = scheduler.put_work(make_work(|| "ready").delay(Duration::from_secs(180)));
/// clock.advance(Duration::from_secs(179));
/// assert_eq!(tea.status(), Status::Queued);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(tea.join()?, "ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<Manual>);

impl ManualClock {
    /// A clock that shows the present, and stands.
    #[must_use]
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// The clock as a scheduler sees it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(Some(Arc::clone(&self.0)))
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.now()
    }

    /// Turns the clock on, and waits until the supervisor of every running scheduler that
    /// goes by it has made a whole round at the new time: what is due by then has been queued
    /// or answered. It is one turn: what falls due on the way does so in this round, in order.
    /// A turn of zero is a round at the same time.
    ///
    /// What has been queued may not have run yet: wait for its handle. A clock that has been
    /// turned by 584 years turns no further.
    ///
    /// Called by a work it lets a spare worker run what is queued meanwhile. Called by the
    /// supervisor, in the waker of a future say, it does not wait.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn advance(&self, by: Duration) {
        assert!(
            !in_transaction(),
            "advance inside a transaction: turn the clock before or after it"
        );
        let (turn, posts) = self.0.turn(by);
        self.0.joins.nudge();
        for post in &posts {
            if let Some(shared) = post.shared.upgrade() {
                shared.supervisor.ring();
            }
        }
        if local::is_attending() {
            return;
        }
        let _absence = Absence::begin();
        for post in &posts {
            atomically(|tx| check(post.answered.read(tx)? >= turn));
        }
    }
}

/// What all clones share.
pub(crate) struct Manual {
    base: Instant,
    wall: SystemTime,
    /// How far it has been turned, in nanoseconds.
    passed: AtomicU64,
    turns: Mutex<Turns>,
    joins: Deep,
}

#[derive(Default)]
struct Turns {
    last: u64,
    posts: Vec<Arc<Desk>>,
}

/// What a supervisor and those who turn the clock tell each other.
struct Desk {
    shared: Weak<Shared>,
    asked: AtomicU64,
    answered: TVar<u64>,
}

impl Default for Manual {
    fn default() -> Self {
        Manual {
            base: Instant::now(),
            wall: SystemTime::now(),
            passed: AtomicU64::new(0),
            turns: Mutex::new(Turns::default()),
            joins: Deep::new(),
        }
    }
}

impl Manual {
    pub(super) fn wall(&self) -> SystemTime {
        let passed = self.now().saturating_duration_since(self.base);
        self.wall.checked_add(passed).unwrap_or(self.wall)
    }

    pub(super) fn now(&self) -> Instant {
        // Ordering: Acquire, so that who reads a time sees what came before the turn to it;
        // partner: the Release in `turn`.
        let passed = Duration::from_nanos(self.passed.load(Ordering::Acquire));
        self.base.checked_add(passed).unwrap_or(self.base)
    }

    pub(super) fn joins(&self) -> &Deep {
        &self.joins
    }

    /// Step 1; says the turn's number and whom it concerns.
    fn turn(&self, by: Duration) -> (u64, Vec<Arc<Desk>>) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let mut turns = self.turns.lock();
        let passed = self.passed.load(Ordering::Relaxed).saturating_add(by);
        if self
            .base
            .checked_add(Duration::from_nanos(passed))
            .is_some()
        {
            // Ordering: Release; partner: the Acquire in `now`.
            self.passed.store(passed, Ordering::Release);
        }
        turns.last += 1;
        for post in &turns.posts {
            // Ordering: Release, after the time; partner: the Acquire in `Post::asked`.
            post.asked.store(turns.last, Ordering::Release);
        }
        (turns.last, turns.posts.clone())
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manual")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

/// A supervisor's place on the list, for as long as this lives.
pub(crate) struct Post {
    clock: Arc<Manual>,
    desk: Arc<Desk>,
}

impl Post {
    pub(super) fn new(clock: &Arc<Manual>, shared: &Arc<Shared>) -> Post {
        let desk = Arc::new(Desk {
            shared: Arc::downgrade(shared),
            asked: AtomicU64::new(0),
            answered: TVar::new(0),
        });
        clock.turns.lock().posts.push(Arc::clone(&desk));
        Post {
            clock: Arc::clone(clock),
            desk,
        }
    }

    /// Step 3, before the time is read: the latest turn that it is asked for.
    pub(crate) fn asked(&self) -> u64 {
        // Ordering: Acquire, before the time; partner: the Release in `turn`.
        self.desk.asked.load(Ordering::Acquire)
    }

    /// Step 3, at its end.
    pub(crate) fn answer(&self, turn: u64) {
        if self.desk.answered.load() < turn {
            self.desk.answered.store(turn);
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let posts = &mut self.clock.turns.lock().posts;
        posts.retain(|other| !Arc::ptr_eq(other, &self.desk));
        self.desk.answered.store(u64::MAX);
    }
}
