//! An item without a scheduler, for the models.

use std::convert::Infallible;
use std::task::Waker;
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction};

use super::ends::HandleEnd;
use super::error::WorkError;
use super::item::Item;
use super::make_work;
use super::priority::Priority;
use super::state::Expire;
use crate::handle::deep::Nudge;
use crate::injector::bands::Bands;
use crate::supervisor::timers::{Added, Timers};

/// What would lie in a queue.
#[derive(Debug)]
pub struct Lone(Item);

/// What the one who put it would hold.
pub struct LoneHandle<T>(HandleEnd<T>);

impl<T> std::fmt::Debug for LoneHandle<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoneHandle")
    }
}

/// Both ends of an item that counts as put; with a deadline, if asked for, that is far away.
pub fn lone<T: Send + 'static>(
    closure: impl FnOnce() -> T + Send + 'static,
    deadline: bool,
) -> (LoneHandle<T>, Lone) {
    let mut fresh = make_work(closure).fresh;
    if deadline {
        let far = Instant::now() + Duration::from_secs(1 << 20);
        fresh.info_mut().set_due(Some(far));
    }
    let (handle, item) = fresh.split();
    item.head().state.set_queued();
    (LoneHandle(handle), Lone(item))
}

impl Lone {
    /// As a worker runs it.
    pub fn run(self) {
        self.0.run();
    }

    /// Its deadline has passed.
    pub fn expire(&self) {
        self.0.expire();
    }

    /// The first half of `expire`, for a test of what may come between.
    pub fn settle_expired(&self) {
        assert_ne!(self.0.head().state.expire(), Expire::TooLate);
    }

    /// The second half.
    pub fn publish_expired(&self) {
        let _ = self.0.head().state.publish_expired();
        self.0.wake();
    }

    /// Another reference, as a context or a timer has it.
    #[must_use]
    pub fn another(&self) -> Lone {
        Lone(self.0.clone())
    }

    /// Cancels it; false when it was over.
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }

    /// As the last handle's end answers what is queued.
    pub fn stop(&self) {
        self.0.withdraw(WorkError::Stopped);
    }
}

/// As [`lone`], to be delayed.
pub fn lone_delayed<T: Send + 'static>(
    closure: impl FnOnce() -> T + Send + 'static,
) -> (LoneHandle<T>, Lone) {
    let (handle, item) = make_work(closure).delay(SOON).fresh.split();
    item.head().state.set_queued();
    (LoneHandle(handle), Lone(item))
}

const SOON: Duration = Duration::from_nanos(1);

/// The timers by themselves.
#[derive(Debug)]
pub struct LoneTimers {
    timers: Timers,
    base: Instant,
}

impl Default for LoneTimers {
    fn default() -> Self {
        let base = Instant::now();
        LoneTimers {
            timers: Timers::new(base),
            base,
        }
    }
}

impl LoneTimers {
    /// As a put with a delay does.
    ///
    /// # Errors
    ///
    /// The item, where the timers are closed.
    pub fn delay(&self, item: Lone) -> Result<(), Lone> {
        match self.timers.delay(item.0, self.base) {
            Added::First | Added::Later | Added::Over(_) => Ok(()),
            Added::Closed(item) => Err(Lone(item)),
        }
    }

    /// As who has ended an item does.
    pub fn leave(&self, item: &Lone) {
        drop(self.timers.leave(&item.0.head().info));
    }

    /// As a round of the supervisor does, when the time has come.
    #[must_use]
    pub fn fire(&self) -> Vec<Lone> {
        let due = self.timers.take_due(self.base + SOON);
        due.into_iter().map(|due| Lone(due.into_item())).collect()
    }

    /// As a drain does.
    #[must_use]
    pub fn close(&self) -> Vec<Lone> {
        self.timers.close();
        let taken = std::iter::from_fn(|| self.timers.take_sleeper());
        taken.map(Lone).collect()
    }

    /// How many items are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers.asleep().1
    }

    /// Is nothing there?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The injector's queues by themselves.
#[derive(Debug)]
pub struct LoneBands(Bands);

impl Default for LoneBands {
    fn default() -> Self {
        LoneBands(Bands::new())
    }
}

impl LoneBands {
    /// Puts an item in a transaction of its own.
    pub fn put(&self, item: Lone) {
        let put = self.0.put_now([item.0], |_| Ok(Ok::<(), Infallible>(())));
        assert!(put.is_ok(), "nobody declines it");
    }

    /// Takes up to `most`, as a worker does.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Lone> {
        let taken = self.0.take(Priority::Normal, most, |_, _| Ok(()));
        taken.into_iter().map(Lone).collect()
    }
}

impl<T: Send + 'static> LoneHandle<T> {
    /// Waits for the outcome.
    pub fn join(mut self) -> Result<T, WorkError> {
        self.0.core().completion().wait(None);
        self.0.take()
    }

    /// The outcome, or `waker` is left to be woken.
    pub fn poll(&mut self, waker: &Waker) -> Option<Result<T, WorkError>> {
        let published = self.0.core().completion().poll(waker);
        published.then(|| self.0.take())
    }

    /// Waits as part of the transaction.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while there is no outcome.
    pub fn wait_in(&self, tx: &mut Transaction<'_>) -> StmResult<Result<T, WorkError>>
    where
        T: Clone + Sync,
    {
        self.0.core().completion().wait_in(tx)?;
        Ok(self.0.lend())
    }

    /// Has `callback` called with the outcome.
    pub fn on_done(&mut self, callback: impl FnOnce(&Result<T, WorkError>) + Send + 'static) {
        let completion = self.0.core().completion();
        if let Some(callback) = completion.add_callback(Box::new(callback)) {
            self.0.tell(callback);
        }
    }

    /// As a join that is too deep sleeps; says whether the outcome came.
    pub fn sleep(&self, in_vain: impl Fn() -> bool) -> bool {
        self.0.core().completion().sleep(None, in_vain)
    }

    /// What is to be told of the end of the run.
    #[must_use]
    pub fn nudged(&self) -> Arc<dyn Nudge> {
        Arc::new(self.0.item())
    }

    /// Runs it here if nobody has begun it.
    pub fn run_here(&self) {
        self.0.run_here();
    }
}
